"""Proof that the table of sections is right, and that one is added as the package says."""

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
def test_points_of_checks_add_up(number):
    checks = sections.get_checks(number)
    assert sum(check.points for check in checks) == sections.SECTIONS[number].points
    assert len({check.name for check in checks}) == len(checks)


def test_points_are_the_handouts():
    assert {number: sections.points(number) for number in FULL} == FULL


def test_mistakes_cost_checks_that_are_there():
    names = {f"{number} {check.name}" for number in sections.SECTIONS
             for check in sections.get_checks(number)}
    for mistake in MISTAKES.values():
        assert mistake.costs and names.issuperset(mistake.costs)
        assert all(check.startswith(mistake.section) for check in mistake.costs)


@pytest.fixture
def copy(tmp_path):
    """A copy of the grader, with the section that the package's docstring adds."""
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
    row = '    "2.9": Section("Leaky ReLU", "leaky_relu", 3),\n}\nORDER'
    table.write_text(table.read_text().replace("}\nORDER", row))
    return root


def grade(copy, text):
    """Return what the command prints of section 2.9 of a submission."""
    (copy / "hw1").mkdir(exist_ok=True)
    (copy / "hw1" / "hw1.py").write_text(text)
    command = [sys.executable, "-m", "tests.grader", "--section", "2.9", "hw1/hw1.py"]
    done = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, env={**os.environ, "PYTHONPATH": ""})
    return done.stdout


def test_section_of_the_docstring_keeps_what_is_right(copy):
    assert re.search(r"2.9  Leaky ReLU +3 / +3", grade(copy, TEXTBOOK + LEAKY_RELU))


def test_section_of_the_docstring_takes_what_is_wrong(copy):
    printed = grade(copy, TEXTBOOK + LEAKY_RELU.replace("0.01", "0.1"))
    assert re.search(r"2.9  Leaky ReLU +2 / +3", printed)
    assert "the output of LeakyReLU is wrong in" in printed
    assert "(LeakyReLU.forward, line" in printed


def test_section_of_the_docstring_names_what_is_missing(copy):
    printed = grade(copy, TEXTBOOK)
    assert re.search(r"2.9  Leaky ReLU +2 / +3", printed)
    assert "hw1.py has no LeakyReLU" in printed
