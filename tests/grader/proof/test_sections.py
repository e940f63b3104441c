"""The table of sections, and a section that is added as the docstring of tests.grader says."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

import tests.grader
from tests.grader import sections
from tests.grader.mistakes import MISTAKES
from tests.grader.processes import ROOT
from tests.grader.proof.submissions import HANDOUT
from tests.grader.proof.styles import TEXTBOOK

@pytest.mark.parametrize("number", sections.SECTIONS)
def test_points_of_the_checks_add_up(number):
    checks = sections.get_checks(number)
    names = {check.name for check in checks}
    assert sum(check.points for check in checks) == sections.SECTIONS[number].points
    assert len(names) == len(checks)


def test_points_of_the_sections_are_the_handouts():
    points = {number: section.points for number, section in sections.SECTIONS.items()}
    assert points.items() >= HANDOUT.items()


def test_mistakes_cost_existing_checks_of_their_section():
    names = {f"{number} {check.name}" for number in sections.SECTIONS
             for check in sections.get_checks(number)}
    for mistake in MISTAKES.values():
        assert mistake.costs
        assert names.issuperset(mistake.costs)
        assert all(check.startswith(mistake.section) for check in mistake.costs)


@pytest.fixture
def copy(tmp_path):
    """A copy of the grader, with the section that the docstring of tests.grader adds."""
    root = tmp_path / "copy"
    for name in ("tests/grader", "data"):
        shutil.copytree(ROOT / name, root / name,
                        ignore=shutil.ignore_patterns("proof", "*.npy", "__pycache__"))
    for name in ("__init__.py", "unfinished.py", "since_2018.py"):
        shutil.copy(ROOT / "tests" / name, root / "tests" / name)
    code = tests.grader.__doc__.split("three points:\n")[1].split("       A check has")[0]
    folder = root / "tests" / "grader" / "sections"
    (folder / "initializers.py").write_text(textwrap.dedent(code))
    table = folder / "__init__.py"
    row = '    "2.1": Section("Initializers", "initializers", 3),\n'
    table.write_text(table.read_text().replace("SECTIONS = {\n", f"SECTIONS = {{\n{row}"))
    return root


def grade(copy, text, *options):
    """Return what the command prints for a submission."""
    (copy / "hw1").mkdir(exist_ok=True)
    (copy / "hw1" / "hw1.py").write_text(text)
    command = [sys.executable, "-m", "tests.grader", "hw1/hw1.py", *options]
    done = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, env={**os.environ, "PYTHONPATH": ""})
    return done.stdout


def test_an_added_section_adds_its_points(copy):
    printed = grade(copy, TEXTBOOK)
    assert re.search(r"2.1  Initializers +3 / +3\n2.2  ", printed)
    total = re.search(r"Total +(\d+) / +(\d+)\n$", printed)
    assert total[1] == total[2]


@pytest.mark.parametrize("old, new, points, reason", [
    ("np.random.normal(0, 1, size", "np.random.normal(0, 2, size", 1,
     "does not draw from the standard normal distribution (random_normal_weight_init, line"),
    ("size=(d0, d1)", "size=(d1, d0)", 1,
     "random_normal_weight_init(200, 100) has shape (100, 200)"),
    ("return np.zeros(d)", "return np.ones(d)", 2, "zeros_bias_init(7) is wrong in"),
    ("def zeros_bias_init", "def biases", 2, "hw1.py has no zeros_bias_init"),
])
def test_an_added_section_takes_points_with_a_reason(copy, old, new, points, reason):
    assert TEXTBOOK.count(old) == 1
    printed = grade(copy, TEXTBOOK.replace(old, new), "--section", "2.1")
    assert re.search(rf"2.1  Initializers +{points} / +3", printed), printed
    assert reason in printed
