"""`python -m hw1` with a student's hw1.py: unfinished, broken, outdated, or without on_epoch."""

import re
import subprocess
import sys

import pytest

from hw1 import progress, saved
from tests.commands.runs import (
    ENVIRONMENT, ROOT, SMALL, TIMEOUT, assert_one_line, assert_printed, call,
    call_before_write, remove_seconds, run, without_on_epoch)


# ---- Pieces that are not implemented -------------------------------------------------------------

def insert_statement(name, statement):
    """Return the source of hw1.py with a statement at the start of a function, and its line."""
    source = (ROOT / "hw1" / "hw1.py").read_text()
    *owner, function = name.split(".")
    start = source.index(f"class {owner[0]}") if owner else 0
    start = source.index(f"def {function}(", start)
    start = source.index(":\n", start) + len(":\n")
    indent = "    " * (len(owner) + 1)
    line = source[:start].count("\n") + 1
    return f"{source[:start]}{indent}{statement}\n{source[start:]}", line


@pytest.mark.parametrize("name, statement", [
    ("SoftmaxCrossEntropy.forward", "raise NotImplemented"),
    ("BatchNorm.forward", "raise NotImplementedError('2.6')"),
    ("MLP.step", "raise NotImplementedError"),
    ("zeros_bias_init", "raise NotImplemented"),
    ("Sigmoid.derivative", "raise NotImplemented"),
    ("get_training_stats", "raise NotImplemented"),
])
def test_a_piece_that_is_not_implemented_is_named(copy, folder, name, statement):
    source, line = insert_statement(name, statement)
    (copy / "hw1" / "hw1.py").write_text(source)
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1
    assert done.stderr == f"hw1: hw1.py: {name} is not implemented yet (line {line})\n"


STARTER = """
def get_training_stats(*arguments):
    raise NotImplemented

class Activation:
    W = b = None
    __init__ = step = lambda *arguments: None

class Sigmoid(Activation):  # and no activation that is not used
    pass

Identity = SoftmaxCrossEntropy = MLP = random_normal_weight_init = zeros_bias_init = Activation
"""


@pytest.mark.parametrize("source, expected", [
    (STARTER, r"hw1.py: get_training_stats is not implemented yet \(line 3\)"),
    ("class MLP:\n    pass\n", "hw1.py does not define Activation, .*, get_training_stats yet"),
    ("import os\n\ndef f(:\n",
     r"hw1/hw1.py cannot be imported: SyntaxError: .*\(hw1.py, line 3\)"),
    ("def f():\n    nonsense\n\nf()\n",
     r"hw1/hw1.py cannot .*: NameError: name 'nonsense' is not defined \(hw1.py, line 2\)"),
    ("def f():\n    raise NotImplementedError\n\nf()\n",
     r"hw1.py: f is not implemented yet \(line 2\)"),
    ("raise SystemExit(0)", r"hw1/hw1.py cannot be imported: SystemExit: 0 \(hw1.py, line 1\)"),
    (None, "hw1/hw1.py cannot be imported: ModuleNotFoundError: No module named 'hw1.hw1'"),
])
def test_a_broken_hw1_py_ends_in_one_line(copy, folder, source, expected):
    (copy / "hw1" / "hw1.py").unlink()
    if source is not None:
        (copy / "hw1" / "hw1.py").write_text(source)
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1
    assert re.fullmatch(f"hw1: {expected}\n", done.stderr), done.stderr


def test_help_does_not_import_hw1_py(copy):
    (copy / "hw1" / "hw1.py").write_text("raise RuntimeError")
    assert run("--help", cwd=copy).returncode == 0


@pytest.mark.parametrize("forward, error", [
    (lambda *arguments: None, RuntimeError),
    (lambda *arguments: open("nowhere"), FileNotFoundError),
])
def test_another_error_of_hw1_py_is_raised(folder, capsys, nn, monkeypatch, forward, error):
    monkeypatch.setattr(nn.MLP, "forward", forward)
    with pytest.raises(error):
        call("--data", folder, *SMALL, capsys=capsys)


# ---- Names that NumPy or Python has removed ------------------------------------------------------

def test_a_removed_name_is_reported_with_its_replacement(copy, folder):
    source, line = insert_statement("MLP.step", "np.rank(3)")
    (copy / "hw1" / "hw1.py").write_text(source)
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1
    assert done.stderr == f"hw1: hw1.py, line {line}: np.rank has been removed: write np.ndim\n"


def test_a_removed_name_at_import_is_reported(copy, folder):
    (copy / "hw1" / "hw1.py").write_text("import math\nfrom numpy import (\n    rank)\n")
    done = run("--data", folder, *SMALL, cwd=copy)
    assert done.returncode == 1
    assert done.stderr == "hw1: hw1.py, line 2: numpy.rank has been removed: write np.ndim\n"


def test_another_missing_attribute_is_raised(folder, capsys, nn, monkeypatch):
    monkeypatch.delattr(nn.MLP, "train")
    with pytest.raises(AttributeError, match="train"):
        call("--data", folder, *SMALL, capsys=capsys)


# ---- get_training_stats of a homework ------------------------------------------------------------

def test_without_on_epoch_the_output_is_the_same(small, folder, tmp_path, capsys, nn, monkeypatch):
    monkeypatch.setattr(nn, "get_training_stats", without_on_epoch(nn.get_training_stats))
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    _, stats = saved.load(path)
    expected = remove_seconds(small.stdout) + f"\nNetwork saved to {path}\n"
    assert (status, remove_seconds(output), error) == (0, expected, "")
    assert_printed(stats, output)


def test_without_on_epoch_the_network_is_saved_once(folder, tmp_path, capsys, nn, monkeypatch):
    written = []
    call_before_write(monkeypatch, written.append)
    monkeypatch.setattr(nn, "get_training_stats", without_on_epoch(nn.get_training_stats))
    call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)
    assert written == [1]


@pytest.mark.parametrize("batch_size, expected", [  # of 300 examples
    (20, 15),
    (299, 2),
    (300, 1),
    (301, 1),
])
def test_steps_of_an_epoch_include_a_short_last_batch(folder, capsys, monkeypatch, batch_size,
                                                      expected):
    class Table(progress.Table):
        def __init__(self, nsteps):
            announced.append(nsteps)
            super().__init__(nsteps)

        def step(self):
            counted.append(1)
            super().step()

    announced = []
    counted = []
    monkeypatch.setattr(progress, "Table", Table)
    call("--data", folder, "--hiddens", 4, "--epochs", 1, "--batch-size", batch_size,
         capsys=capsys)
    assert (announced, len(counted)) == ([expected], expected)


@pytest.mark.parametrize("change", [
    lambda curves, matrix: None,
    lambda curves, matrix: curves,
    lambda curves, matrix: (*curves[:3], curves[3][1:], matrix),
    lambda curves, matrix: (*curves, matrix[1:]),
    lambda curves, matrix: (*curves, matrix / 7),
    lambda curves, matrix: (*curves, 0 * matrix),
])
def test_other_results_of_get_training_stats_are_refused(folder, capsys, nn, monkeypatch, change):
    def get_training_stats(mlp, dset, nepochs, batch_size):
        *curves, matrix = train(mlp, dset, nepochs, batch_size)
        return change(curves, matrix)

    train = nn.get_training_stats
    monkeypatch.setattr(nn, "get_training_stats", get_training_stats)
    status, output, error = call("--data", folder, *SMALL, capsys=capsys)
    assert status == 1
    assert "Test error" not in output
    assert_one_line(error, "hw1.py: get_training_stats must return four arrays of shape (3,) and")


# ---- The package ---------------------------------------------------------------------------------

def test_other_modules_work_while_hw1_py_is_broken(copy):
    (copy / "hw1" / "hw1.py").write_text("broken(")
    code = "import hw1.__main__, hw1.pictures, hw1.saved\nassert 'MLP' in dir(hw1)\nhw1.MLP"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=copy, env=ENVIRONMENT,
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.stdout, done.stderr.count("SyntaxError")) == ("", 1)


def test_the_package_has_no_other_names():
    with pytest.raises(ImportError, match="cannot import name 'np'"):
        from hw1 import np  # noqa: F401
