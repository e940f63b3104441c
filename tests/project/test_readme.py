"""What the README shows is what happens: its notebook lines run, and its tables are those that the commands print."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests.grader import score
from tests.proof.faults import FAULTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
SHOWN = ["gradient not divided at all", "inference by the training batch's statistics", "confusion matrix transposed"]


def blocks(language):
    """The code blocks of one language, in their order."""
    return re.findall(r"^```%s\n(.*?)^```$" % language, README, re.S | re.M)


def test_notebook_lines_train_a_network(capsys):
    names = {}
    exec(blocks("python")[0], names)
    assert names["validation_errors"][-1] < 0.1
    assert names["confusion_matrix"].sum() == 2000
    assert str(names["validation_errors"]) in capsys.readouterr().out


def test_score_of_this_repository_is_shown():
    full = [score.Section(number, title, sum(points.values()), sum(points.values()), None)
            for number, (title, points) in score.POINTS.items()]
    assert blocks("text")[0].splitlines() == score.table(full)


def test_score_of_a_wrong_handin_is_shown(tmp_path):
    text = (ROOT / "hw1" / "hw1.py").read_text()
    for fault in FAULTS:
        if fault.name in SHOWN:
            text = fault.applied_to(text)
    (tmp_path / "hw1.py").write_text(text)
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "--handin=%s" % (tmp_path / "hw1.py"), "tests/handout"],
                         cwd=ROOT, capture_output=True, text=True)
    assert blocks("text")[1] in run.stdout


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|data|hw1)/[\w/.]+)`", README))))
def test_files_that_are_named_exist(path):
    assert (ROOT / path).exists()
