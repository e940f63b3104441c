"""`python -m hw1` on a student's hw1.py: begun, broken, or without what is this project's own."""

import re
import subprocess
import sys

import pytest

from hw1 import progress, saved
from tests.commands.runs import (
    ENVIRONMENT, ROOT, SIZES, SMALL, TIMEOUT, assert_one_line, assert_printed, before_writing, call,
    handouts, run, without_seconds)


def unfinished(name, body):
    """Return (source, line) of a hw1.py where body stands first in the function of this name."""
    source, at = (ROOT / "hw1" / "hw1.py").read_text(), 0
    *owner, function = name.split(".")
    for part in (*(f"class {name}" for name in owner), f"def {function}(", ":\n"):
        at = source.index(part, at) + len(part)
    indent = "    " * (len(owner) + 1)
    return f"{source[:at]}{indent}{body}\n{source[at:]}", source[:at].count("\n") + 1


@pytest.mark.parametrize("name, body", (
    ("SoftmaxCrossEntropy.forward", "raise NotImplemented"),
    ("BatchNorm.forward", "raise NotImplementedError('2.6')"),
    ("MLP.step", "raise NotImplementedError"), ("zeros_bias_init", "raise NotImplemented"),
    ("Sigmoid.derivative", "raise NotImplemented"), ("get_training_stats", "raise NotImplemented")))
def test_what_is_not_implemented_yet_is_told_in_one_line(copy, folder, name, body):
    source, line = unfinished(name, body)
    (copy / "hw1" / "hw1.py").write_text(source)
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1
    assert done.stderr == f"hw1: hw1.py: {name} is not implemented yet (line {line})\n"


STARTER = """
def get_training_stats(*arguments):
    raise NotImplemented

class MLP:  # no base class, and no activation that is not asked for
    W = b = None
    __init__ = step = lambda *arguments: None

Sigmoid = Identity = SoftmaxCrossEntropy = random_normal_weight_init = zeros_bias_init = MLP
"""


@pytest.mark.parametrize("source, told", (
    (STARTER, r"hw1.py: get_training_stats is not implemented yet \(line 3\)"),
    ("class MLP:\n    pass\n", "hw1.py has no Sigmoid, Identity, .*, get_training_stats yet"),
    ("import os\n\ndef f(:\n", r"hw1/hw1.py cannot be imported: SyntaxError: .*\(hw1.py, line 3\)"),
    ("def f():\n    nonsense\n\nf()\n",
     r"hw1/hw1.py cannot .*: NameError: name 'nonsense' is not defined \(hw1.py, line 2\)"),
    ("raise SystemExit(0)", r"hw1/hw1.py cannot be imported: SystemExit: 0 \(hw1.py, line 1\)"),
    (None, "hw1/hw1.py cannot be imported: ModuleNotFoundError: No module named 'hw1.hw1'")))
def test_a_hw1_py_that_is_begun_or_broken_is_told_in_one_line(copy, folder, source, told):
    (copy / "hw1" / "hw1.py").unlink()
    if source is not None:
        (copy / "hw1" / "hw1.py").write_text(source)
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1 and re.fullmatch(f"hw1: {told}\n", done.stderr), done.stderr
    assert run("--help", cwd=copy).returncode == 0


@pytest.mark.parametrize("forward, error", (
    (lambda *arguments: None, RuntimeError), (lambda *arguments: open("nowhere"), OSError)))
def test_another_fault_of_hw1_py_is_traced(folder, capsys, nn, monkeypatch, forward, error):
    monkeypatch.setattr(nn.MLP, "forward", forward)
    with pytest.raises(error):
        call("--data", folder, *SMALL, capsys=capsys)


def test_without_on_epoch_all_comes_at_the_end(small, folder, tmp_path, capsys, nn, monkeypatch):
    written, steps, table = [], [], progress.Table
    before_writing(monkeypatch, written.append)
    monkeypatch.setattr(progress, "Table", lambda nsteps: steps.append(nsteps) or table(nsteps))
    monkeypatch.setattr(nn, "get_training_stats", handouts(nn.get_training_stats))
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    expected = without_seconds(small.stdout) + f"\nSaved: {path}\n"
    assert (status, without_seconds(output), error) == (0, expected, "")
    assert (written, steps) == ([1], [SIZES["train"] / 20])
    assert_printed(saved.load(path)[1], output)


@pytest.mark.parametrize("change", (
    lambda curves, matrix: None, lambda curves, matrix: curves,
    lambda curves, matrix: (*curves[:3], curves[3][1:], matrix),
    lambda curves, matrix: (*curves, matrix[1:]), lambda curves, matrix: (*curves, matrix / 7),
    lambda curves, matrix: (*curves, 0 * matrix)))
def test_figures_that_are_not_the_handouts_are_refused(folder, capsys, nn, monkeypatch, change):
    monkeypatch.setattr(nn, "get_training_stats", handouts(nn.get_training_stats, change))
    status, output, error = call("--data", folder, *SMALL, capsys=capsys)
    assert (status, "Test error" in output) == (1, False)
    assert_one_line(error, "hw1.py: get_training_stats must return four arrays of 3 numbers and")


def test_the_package_has_the_names_of_hw1_py_when_they_are_asked_for(copy):
    (copy / "hw1" / "hw1.py").write_text("broken(")
    code = "import hw1.__main__, hw1.pictures, hw1.saved\nassert 'MLP' in dir(hw1)\nhw1.MLP"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=copy, env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.stdout, done.stderr.count("SyntaxError")) == ("", 1)
    with pytest.raises(ImportError, match="cannot import name 'np'"):
        from hw1 import np  # noqa: F401
