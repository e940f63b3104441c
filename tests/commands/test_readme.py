"""What the README shows is what happens: its lines of Python run, and commands print its tables."""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from hw1 import pictures
from tests.commands import copies
from tests.commands.copies import ROOT
from tests.grader.faults import edited

README = (ROOT / "README.md").read_text()
WRONG = {  # edits of the textbook's handin, whose score is shown
    "self.outputs[i].T @ delta / len(labels)": "self.outputs[i].T @ delta",
    "np.mean(delta, axis=0)": "np.sum(delta, axis=0)",
    "mean, var = self.running_mean, self.running_var": "mean, var = self.mean, self.var",
    "confusion_matrix[i, j]": "confusion_matrix[j, i]",
}


def blocks(language):
    """The code blocks of one language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.S | re.M)


@pytest.fixture(scope="module")
def first_lines():
    """(names, printed): what the first notebook lines define, and what they print."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(blocks("python")[0], names)
    return names, printed.getvalue()


def test_notebook_lines_train_a_network(first_lines):
    names, printed = first_lines
    assert names["validation_errors"][-1] < 0.1
    assert names["confusion_matrix"].sum() == 2000
    assert str(names["validation_errors"]) in printed


def test_notebook_lines_go_on(first_lines, tmp_path, monkeypatch, capsys):
    with contextlib.suppress(ImportError):
        pictures.require_matplotlib()  # whatever MPLBACKEND says
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    monkeypatch.chdir(tmp_path)
    names = dict(first_lines[0])
    exec(blocks("python")[1], names)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    assert capsys.readouterr().out.count("\n") == 1
    exec(blocks("python")[2], names)
    right = names["mlp"].forward(names["x"]).argmax(axis=1) == names["raw"][2][1]
    assert right.mean() > 0.9 and capsys.readouterr().out.startswith("[")


def assert_alike(printed, shown):
    """Compare two lines of the command's output.

    Another BLAS rounds differently, which in time turns an example or two: figures and counts may
    differ a little, and seconds are those of the machine. All else must be the same.
    """
    numbers, expected = ([float("0" + number) for number in re.findall(r"[\d.]+", line)]
                         for line in (printed, shown))
    if re.fullmatch(r" +\d+( +\d+\.\d+){5}", shown):  # an epoch
        assert numbers[:-1] == pytest.approx(expected[:-1], rel=0.02, abs=0.2)
    elif shown.startswith("Best validation error: "):
        assert (numbers[0], numbers[1:]) == (pytest.approx(expected[0], abs=0.2), expected[1:])
    elif shown.startswith("Test error: "):
        assert numbers == pytest.approx(expected, rel=0.05)
    else:
        assert printed == shown


def test_output_of_the_command_is_shown(tmp_path):
    copies.copy(tmp_path, "hw1", "data")  # where data/ holds no MNIST
    run = subprocess.run([sys.executable, "-m", "hw1", "--epochs", "3"], cwd=tmp_path, check=True,
                         env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True,
                         text=True)
    shown = next(block for block in blocks("text") if block.startswith("Data: ")).splitlines()
    printed = run.stdout.splitlines()[1:]  # the first says where there is no MNIST
    assert printed[len(shown) + 1].startswith("Confusion matrix of the test set")
    for line, expected in zip(printed, shown):
        assert_alike(line, expected)


def test_score_of_a_wrong_handin_is_shown(tmp_path):
    (tmp_path / "hw1.py").write_text(edited(WRONG))
    run = subprocess.run([sys.executable, "-m", "tests.grader", str(tmp_path / "hw1.py")], cwd=ROOT,
                         capture_output=True, text=True)
    assert run.stdout == next(block for block in blocks("text") if block.startswith("2.2"))


@pytest.mark.parametrize("path", re.findall(r"!\[[^]]*\]\(([^)]*)\)", README))
def test_pictures_are_there_and_small(path):
    content = (ROOT / path).read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) < 150_000


@pytest.mark.parametrize("path", sorted(set(
    re.findall(r"[`(]((?:tests|data|hw1|\.readme|\.mutants)/[\w/.]+)[`)]", README))))
def test_files_that_are_named_exist(path):
    assert (ROOT / path).exists()
