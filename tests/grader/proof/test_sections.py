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
from tests.grader.proof.submissions import FULL
from tests.grader.proof.styles import TEXTBOOK

LEAKY_RELU = '''

class LeakyReLU(Activation):
    def forward(self, x):
        self.state = np.where(x > 0, x, 0.01 * x)
        return self.state
'''


@pytest.mark.parametrize("number", sections.SECTIONS)
def test_points_of_the_checks_add_up(number):
    checks = sections.get_checks(number)
    names = {check.name for check in checks}
    assert sum(check.points for check in checks) == sections.SECTIONS[number].points
    assert len(names) == len(checks)


def test_points_of_the_sections_are_the_handouts():
    points = {number: section.points for number, section in sections.SECTIONS.items()}
    assert points == FULL


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
    (folder / "leaky_relu.py").write_text(textwrap.dedent(code))
    table = folder / "__init__.py"
    row = '    "2.9": Section("Leaky ReLU", "leaky_relu", 3),\n'
    table.write_text(table.read_text().replace("\n}\n", f"\n{row}}}\n"))
    return root


def grade(copy, text):
    """Return what the command prints for section 2.9 of a submission."""
    (copy / "hw1").mkdir(exist_ok=True)
    (copy / "hw1" / "hw1.py").write_text(text)
    command = [sys.executable, "-m", "tests.grader", "--section", "2.9", "hw1/hw1.py"]
    done = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, env={**os.environ, "PYTHONPATH": ""})
    return done.stdout


def test_an_added_section_gives_its_points(copy):
    printed = grade(copy, TEXTBOOK + LEAKY_RELU)
    assert re.search(r"2.9  Leaky ReLU +3 / +3", printed)


def test_an_added_section_takes_points_for_a_mistake(copy):
    printed = grade(copy, TEXTBOOK + LEAKY_RELU.replace("0.01", "0.1"))
    assert re.search(r"2.9  Leaky ReLU +2 / +3", printed)
    assert "the output of LeakyReLU is wrong in" in printed
    assert "(LeakyReLU.forward, line" in printed


def test_an_added_section_names_a_missing_class(copy):
    printed = grade(copy, TEXTBOOK)
    assert re.search(r"2.9  Leaky ReLU +2 / +3", printed)
    assert "hw1.py has no LeakyReLU" in printed
