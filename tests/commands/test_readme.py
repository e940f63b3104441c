"""Runs the README's Python, and compares the outputs that it shows with those of the commands."""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from hw1 import pictures
from tests.commands import copies, samples
from tests.commands.copies import ROOT

README = (ROOT / "README.md").read_text()
PLOTS = re.findall(r"!\[[^]]*\]\(([^)]*)\)", README)
PATHS = re.findall(r"[`(]((?:tests|data|hw1|\.readme|\.mutants|\.ci)/[\w/.]+)[`)]", README)


def find_blocks(language):
    """Return the code blocks of one language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.S | re.M)


def find_output(beginning):
    """Return the block of output that begins so."""
    blocks = [block for block in find_blocks("text") if block.startswith(beginning)]
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(scope="module")
def first_block():
    """(names, printed): what the first block of Python defines, and what it prints."""
    names = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(find_blocks("python")[0], names)
    return names, printed.getvalue()


def test_first_block_trains_a_network(first_block):
    names, printed = first_block
    assert names["validation_errors"][-1] < 0.1
    assert names["confusion_matrix"].sum() == 2000
    assert str(names["validation_errors"]) in printed


def test_further_blocks_continue_the_first(first_block, tmp_path, monkeypatch, capsys):
    with contextlib.suppress(ImportError):
        pictures.require_matplotlib()  # whatever MPLBACKEND says
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    monkeypatch.chdir(tmp_path)
    names = dict(first_block[0])
    exec(find_blocks("python")[1], names)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    assert capsys.readouterr().out.count("\n") == 1
    exec(find_blocks("python")[2], names)
    predicted = names["mlp"].forward(names["x"]).argmax(axis=1)
    assert (predicted == names["raw"][2][1]).mean() > 0.9
    assert capsys.readouterr().out.startswith("[")


def assert_alike(printed, shown):
    """Compare two lines of the command's output.

    Another BLAS rounds differently, which in time changes the class of an example or two: losses,
    errors and counts may differ a little, and seconds are those of the machine.
    """
    numbers = [float("0" + number) for number in re.findall(r"[\d.]+", printed)]
    expected = [float("0" + number) for number in re.findall(r"[\d.]+", shown)]
    if re.fullmatch(r" +\d+( +\d+\.\d+){5}", shown):  # an epoch
        assert numbers[:-1] == pytest.approx(expected[:-1], rel=0.02, abs=0.2)
    elif shown.startswith("Best validation error: "):
        assert numbers[0] == pytest.approx(expected[0], abs=0.2)
        assert numbers[1:] == expected[1:]
    elif shown.startswith("Test error: "):
        assert numbers == pytest.approx(expected, rel=0.05)
    else:
        assert printed == shown


def test_output_of_the_command_is_shown(tmp_path):
    copies.copy(tmp_path, "hw1", "data")  # no MNIST in data/
    command = [sys.executable, "-m", "hw1", "--epochs", "3"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True,
                          text=True)
    shown = find_output("Data: ").splitlines()
    printed = done.stdout.splitlines()[1:]  # the first says that there is no MNIST
    assert printed[len(shown) + 1].startswith("Confusion matrix of the test set")
    for line, expected in zip(printed, shown):
        assert_alike(line, expected)


def test_score_of_the_sample_is_shown(tmp_path):
    path = samples.write_sample(tmp_path)
    shown = find_output("2.2")
    command = [sys.executable, "-m", "tests.grader", str(path)]
    for number in re.findall(r"^\d\.\d", shown, re.MULTILINE):
        command += ["--section", number]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == shown


def test_students_find_where_their_file_goes():
    students = README.partition("## For students\n")[2].partition("\n## ")[0]
    assert students.index("academic integrity") < students.index("--hw1")
    commands = "".join(find_blocks("sh")[2:])
    for command in ("python -m pytest --hw1 path/to/hw1.py",
                    "python -m tests.grader path/to/hw1.py",
                    "python -m tests.grader path/to/hw1.py --section 2.6"):
        assert command in commands


@pytest.mark.parametrize("path", PLOTS)
def test_plots_exist_and_are_small(path):
    content = (ROOT / path).read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) < 150_000


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_named_files_exist(path):
    assert (ROOT / path).exists()
