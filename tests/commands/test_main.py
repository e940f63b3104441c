"""Runs `python -m hw1` as its users do: what it prints, what it refuses, and how it ends."""

import contextlib
import errno
import io
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from hw1 import __main__, saved
from hw1.__main__ import main, parse
from tests.commands import copies

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "hw1")
SIZES = {"train": 300, "val": 100, "test": 120}
SMALL = ("--hiddens", "16", "--epochs", "3", "--batch-size", "20")
ENDLESS = ("--hiddens", "4", "--epochs", "1000000")
# Output must be flushed by the program itself; for small matrices one thread is the quickest.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "", "OPENBLAS_NUM_THREADS": "1"}
TIMEOUT = 120  # seconds; only a run that hangs takes as long


def run(*arguments, cwd=ROOT, **environment):
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=cwd, timeout=TIMEOUT, text=True,
                          env={**ENVIRONMENT, **environment}, capture_output=True)


def call(*arguments, capsys):
    """Return (status, standard output, standard error) of the command, run in this process."""
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def epochs(*arguments, capsys):
    """Return the lines of the epochs of a run, without the seconds."""
    return lines_after(without_seconds(call(*arguments, capsys=capsys)[1]), "epoch")


def lines_after(output, beginning):
    """Return the lines that follow the first that begins so, up to an empty one."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(beginning)) + 1
    return lines[start:lines.index("", start) if "" in lines[start:] else None]


def figures(output):
    """Return the four figures of each epoch that was printed, (4, n)."""
    return np.array([line.split()[1:5] for line in lines_after(output, "epoch")], float).T


def confusion_matrix(output):
    rows = lines_after(output, "Confusion matrix")[1:]
    return np.array([[0 if cell == "." else int(cell) for cell in row.split()[1:]] for row in rows])


def without_seconds(output):
    return re.sub(r" *\d+\.\d$", "", output, flags=re.MULTILINE)


def assert_one_line(error, *parts):
    assert error.startswith("hw1: ") and error.count("\n") == 1 and error.endswith("\n"), error
    assert all(part in error for part in parts), error


def assert_printed(stats, output):
    np.testing.assert_allclose(np.array(stats[:4]) * [[1], [100], [1], [100]], figures(output),
                               atol=0.00501)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The six files of a small data set: 28 x 28 patterns of ten classes, with much noise."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(1)
    patterns = rng.integers(0, 60, (10, 784))
    for part, n in SIZES.items():
        labels = rng.integers(0, 10, n)
        np.save(folder / f"{part}_labels.npy", labels)
        images = patterns[labels] + rng.integers(0, 190, (n, 784))
        np.save(folder / f"{part}_data.npy", images.astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def small(folder):
    """A finished run on the small data set."""
    return run("--data", folder, *SMALL)


@pytest.fixture
def copy(tmp_path):
    """A copy of the program, whose data/ holds no MNIST."""
    return copies.copy(tmp_path, "hw1", "data")


@contextlib.contextmanager
def handled(handler):
    """SIGINT is handled so in the block: a shell may have the tests ignore it."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def in_its_midst(folder, *arguments):
    """A run that is in the midst of its training: its first epoch's line has been read."""
    with handled(signal.default_int_handler):
        process = subprocess.Popen(
            [*COMMAND, "--data", folder, *ENDLESS, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            assert any(line.split()[:1] == ["1"] for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


# ---- What it prints ------------------------------------------------------------------------------

def test_it_says_on_what_it_trains_what_and_prints_the_epochs_and_the_matrix(small, folder):
    assert (small.returncode, small.stderr) == (0, "")
    parameters = 784 * 16 + 16 + 2 * 16 + 16 * 10 + 10  # the weights, biases, gamma and beta
    lines = small.stdout.splitlines()
    assert lines[:3] == [
        f"Data: {folder}, 300 training, 100 validation and 120 test examples",
        "Network: 784-16-10, sigmoid, BatchNorm on 1 of 2 layers, "
        f"{parameters:,} parameters, float64", ""]
    assert [line.split()[0] for line in lines_after(small.stdout, "epoch")] == ["1", "2", "3"]
    assert lines[-1].split()[0] == "9"


def test_the_columns_align_and_training_lowers_what_they_show(small):
    heading = next(line for line in small.stdout.splitlines() if line.startswith("epoch"))
    ends = [match.end() for match in re.finditer(r"\S+( \S+)*", heading)]
    for line in lines_after(small.stdout, "epoch"):
        assert [match.end() for match in re.finditer(r"\S+", line)] == ends
    first, _, last = figures(small.stdout).T
    assert (last < first).all()


@pytest.mark.parametrize("errors, told", (
    ([0.5, 0.125, 0.125, 0.25], "12.50 % in epoch 2; the network is that of epoch 4"),
    ([0.5, 0.125], "12.50 % in epoch 2, the last"), ([0.5], "50.00 % in epoch 1, the last")))
def test_the_best_epoch_and_the_last_are_told_apart(capsys, errors, told):
    __main__.print_result(np.array(errors), np.eye(2, dtype=int))
    assert capsys.readouterr().out.startswith(f"\nBest validation error: {told}\nTest error: 0.00")


def test_the_confusion_matrix_is_that_of_the_test_set_and_aligns(small, folder):
    matrix = confusion_matrix(small.stdout)
    counts = np.bincount(np.load(folder / "test_labels.npy"), minlength=10)
    np.testing.assert_array_equal(matrix.sum(axis=0), counts)
    wrong = matrix.sum() - matrix.trace()
    assert 0 < wrong < 120
    assert f"Test error: {100 * wrong / 120:.2f} %, {wrong} of 120 wrong\n" in small.stdout
    heading, *rows = lines_after(small.stdout, "Confusion matrix of the test set (rows: predicted")
    assert heading.split() == [row.split()[0] for row in rows] == list("0123456789")
    assert {len(row) for row in [heading, *rows]} == {11 * (2 + len(str(max(matrix.max(), 10))))}


def test_without_mnist_it_says_so_and_draws_digits(copy):
    done = run("--epochs", "1", "--dtype", "float32", cwd=copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        f"There is no MNIST in {copy / 'data'}: these are drawn digits. "
        "`python data/mnist.py` gets MNIST.",
        "Data: drawn digits, 10,000 training, 2,000 validation and 2,000 test examples"]


def test_mnist_in_the_repository_is_used_and_drawn_digits_where_they_are_named(copy, folder):
    shutil.copytree(folder, copy / "data", dirs_exist_ok=True)
    shutil.copytree(folder, copy / "digits")
    for options, name in (((), copy / "data"), (("--data", "./digits"), "./digits"),
                          (("--data", "digits"), "drawn digits")):
        done = run(*SMALL, *options, cwd=copy)
        assert (done.returncode, done.stdout.split(", ")[0]) == (0, f"Data: {name}")


@pytest.mark.parametrize("environment", (
    {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}))
def test_names_are_printed_as_the_stream_can(folder, tmp_path, environment):
    place = tmp_path / "\N{LATIN SMALL LETTER L WITH STROKE}\N{GREEK SMALL LETTER ALPHA}"
    shutil.copytree(folder, place)
    done = run("--data", place, "--save", place / "run.npz", *SMALL, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Data: {tmp_path}/\\") and f"Saved: {tmp_path}/\\" in done.stdout
    (place / "train_data.npy").unlink()
    done = run("--data", place, *SMALL, **environment)
    assert done.returncode == 1
    assert_one_line(done.stderr, f"{tmp_path}/\\", "lacks train_data.npy")


# ---- What the options do -------------------------------------------------------------------------

@pytest.fixture
def network(nn):
    return lambda options: __main__.build(nn, parse(options.split()), 784, 10)


@pytest.mark.parametrize("options, sizes, activation, others", (
    ("", [64, 64, 32], "Sigmoid", (3, 0.008, 0.9)),
    ("--hiddens 20 30 --activation tanh", [20, 30], "Tanh", (2, 0.008, 0.9)),
    ("--hiddens 8 8 8 --activation relu --bn-layers 2", [8, 8, 8], "ReLU", (2, 0.008, 0.9)),
    ("--hiddens --batch-size 1 --lr 0.5 --momentum 0", [], None, (0, 0.5, 0))))
def test_the_network_is_that_of_the_options(network, options, sizes, activation, others):
    mlp = network(options)
    assert [W.shape for W in mlp.W] == list(zip([784, *sizes], [*sizes, 10]))
    kinds = [type(part).__name__ for part in mlp.activations]
    assert kinds == [activation] * len(sizes) + ["Identity"]
    assert (mlp.num_bn_layers, mlp.lr, mlp.momentum) == others


@pytest.mark.parametrize("init, deviation", (("handout", 1), ("scaled", 1 / 28)))
def test_init_sets_the_deviation_of_the_weights(network, init, deviation):
    np.random.seed(1)
    assert network(f"--hiddens 64 --init {init}").W[0].std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("dtype", ("float64", "float32"))
def test_dtype_is_that_of_parameters_and_data(network, nn, folder, capsys, monkeypatch, dtype):
    mlp = network(f"--dtype {dtype}")
    arrays = [*mlp.W, *mlp.b, *(bn.gamma for bn in mlp.bn_layers), mlp(np.zeros((2, 784), dtype))]
    assert {str(array.dtype) for array in arrays} == {dtype}
    seen, forward = set(), nn.MLP.forward
    monkeypatch.setattr(nn.MLP, "forward", lambda mlp, x: seen.add(str(x.dtype)) or forward(mlp, x))
    assert epochs("--data", folder, *SMALL, "--dtype", dtype, capsys=capsys)
    assert seen == {dtype}


@pytest.mark.parametrize("option, same", (
    ((), True), (("--seed", 1), False), (("--lr", 0.01), False), (("--batch-size", 299), False)))
def test_the_same_options_give_the_same_numbers(small, folder, capsys, option, same):
    again = epochs("--data", folder, *SMALL, *option, capsys=capsys)
    assert len(again) == 3
    assert (again == lines_after(without_seconds(small.stdout), "epoch")) == same


@pytest.mark.parametrize("change", (lambda y: np.eye(10)[y], lambda y: y.astype(float)))
def test_labels_may_be_one_hot_or_floats(small, folder, tmp_path, capsys, change):
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        np.save(tmp_path / f"{part}_labels.npy", change(np.load(folder / f"{part}_labels.npy")))
    others = epochs("--data", tmp_path, *SMALL, capsys=capsys)
    assert others == lines_after(without_seconds(small.stdout), "epoch")


def test_help_names_each_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    usage, text = " ".join(capsys.readouterr().out.split()).split("the network:")
    assert end.value.code == 0 and usage.startswith("usage: python -m hw1 [-h] [--hiddens")
    assert "Exit status: 0 done, 1 failed" in text
    defaults = {**vars(parse([])), "hiddens": "64 64 32", "bn_layers": "on all but the output's",
                "data": "the repository's data/; drawn digits if none of them is there"}
    for name, default in defaults.items():
        words = text.split(f"--{name.replace('_', '-')} ")[1].split(" --")[0]
        assert (f"(default: {default})" in words) != (name in ("plot", "save")), words


# ---- What it refuses -----------------------------------------------------------------------------

COUNT = "expected an integer from 1 to 1000000, got"


@pytest.mark.parametrize("options, message", (
    ("--hiddens 64 0", f"--hiddens: {COUNT} '0'"),
    (f"--hiddens 64 {10**20}", f"--hiddens: {COUNT} '1{20 * '0'}'"),
    ("--activation softplus", "--activation: invalid choice: 'softplus'"),
    ("--lr 0", "--lr: expected a finite number above 0, got '0'"),
    ("--lr nan", "--lr: expected a finite number above 0, got 'nan'"),
    ("--lr inf", "--lr: expected a finite number above 0, got 'inf'"),
    ("--momentum 1", "--momentum: expected a number of at least 0 and below 1, got '1'"),
    ("--momentum -0.1", "--momentum: expected a number of at least 0 and below 1, got '-0.1'"),
    ("--bn-layers -1", "--bn-layers: expected an integer from 0 on, got '-1'"),
    ("--bn-layers 3 --hiddens 64", "--bn-layers: expected at most 2, got 3"),
    ("--epochs two", f"--epochs: {COUNT} 'two'"),
    ("--epochs 1000001", f"--epochs: {COUNT} '1000001'"),
    ("--batch-size 1", "--batch-size: expected at least 2 with BatchNorm, as the variance of a "),
    ("--batch-size 1000001", f"--batch-size: {COUNT} '1000001'"),
    ("--seed -1", "--seed: expected an integer from 0 to 4294967295, got '-1'"),
    ("--seed 4294967296", "--seed: expected an integer from 0 to 4294967295, got '4294967296'"),
    ("--data nowhere", "--data: expected a folder, or the word digits, got 'nowhere'"),
    ("--save run.npy", "--save: expected a file name that ends in .npz, in a folder that is there"),
    ("--save nowhere/run.npz", "and can be written to, got 'nowhere/run.npz'"),
    ("--save file/run.npz", "and can be written to, got 'file/run.npz'"),
    ("--save folder.npz", "and can be written to, got 'folder.npz'"),
    ("--plot run.txt", "--plot: expected a file name that ends in .png or .svg or .pdf, in a "),
))
def test_a_wrong_option_is_refused(capsys, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("folder.npz").mkdir()
    pathlib.Path("file").touch()
    with pytest.raises(SystemExit) as end:
        parse(options.split())
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (2, "")
    assert "error: argument " in printed.err and message in printed.err.splitlines()[-1]


def test_the_limits_themselves_are_taken():
    options = parse("--epochs 1000000 --batch-size 1000000 --seed 4294967295 --data digits".split())
    assert (options.epochs, options.batch_size, options.seed) == (10**6, 10**6, 2**32 - 1)


def test_without_matplotlib_plot_says_at_once_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit) as end:
        parse(["--plot", str(tmp_path / "run.png")])
    assert end.value.code == 2
    assert "error: argument --plot: pictures need matplotlib" in capsys.readouterr().err


def test_some_of_the_files_are_not_taken_for_none(copy, folder):
    shutil.copy(folder / "train_data.npy", copy / "data")
    done = run(cwd=copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "lacks train_labels.npy, val_data.npy", "python data/mnist.py")


def test_data_of_one_value_are_refused(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "data")
    np.save(tmp_path / "data" / "train_data.npy", np.zeros((300, 784)))
    status, _, error = call("--data", tmp_path / "data", capsys=capsys)
    assert status == 1
    assert_one_line(error, "at least two different values")


@pytest.mark.parametrize("place, remedy", (
    ("mnist.standardise", "name a smaller data set, or --dtype float32"),
    ("build", "choose smaller --hiddens, or --dtype float32"),
    ("train", "choose smaller --hiddens or --batch-size, or --dtype float32")))
def test_out_of_memory_is_told_with_its_cause(folder, capsys, monkeypatch, place, remedy):
    def greedy(*arguments):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(f"hw1.__main__.{place}", greedy)
    status, _, error = call("--data", folder, capsys=capsys)
    assert (status, error) == (1, f"hw1: out of memory (Unable to allocate 9 TiB): {remedy}\n")


# ---- A hw1.py of a student's ---------------------------------------------------------------------

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
    ("import os\n\nnonsense\n", "hw1/hw1.py cannot .*: NameError: name 'nonsense' .*, line 3.*"),
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


def handouts(train, change=lambda curves, matrix: (*map(list, curves), matrix.astype(float))):
    """Return a get_training_stats without on_epoch, for labels that are one-hot."""
    def get_training_stats(mlp, dset, nepochs, batch_size):
        assert all(y.shape == (len(x), 10) for x, y in dset)
        *curves, matrix = train(mlp, dset, nepochs, batch_size)
        return change(curves, matrix)
    return get_training_stats


def test_without_on_epoch_all_comes_at_the_end(small, folder, tmp_path, capsys, nn, monkeypatch):
    written = []
    before_writing(monkeypatch, written.append)
    monkeypatch.setattr(nn, "get_training_stats", handouts(nn.get_training_stats))
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    expected = without_seconds(small.stdout) + f"\nSaved: {path}\n"
    assert (status, without_seconds(output), error) == (0, expected, "")
    assert written == [1]
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


# ---- How it ends before its time -----------------------------------------------------------------

@pytest.mark.parametrize("options", (
    "--bn-layers 0 --lr 1e+30", "--bn-layers 0 --lr 1e+30 --dtype float32", "--lr 1e+200"))
@pytest.mark.parametrize("at_once", (True, False))
def test_training_that_diverges_ends_in_one_line(folder, capsys, nn, monkeypatch, options, at_once):
    if not at_once:
        monkeypatch.setattr(nn, "get_training_stats", handouts(nn.get_training_stats))
    status, output, error = call("--data", folder, "--hiddens", 16, 16, "--activation", "relu",
                                 *options.split(), capsys=capsys)
    assert status == 1
    assert "nan" not in output and "Test error" not in output
    lr = re.search(r"1e\+\d+", options)[0]
    assert_one_line(error, "no longer finite in epoch 1", f"lower --lr, which is {lr}")


def test_a_closed_pipe_ends_it_quietly(folder):
    with in_its_midst(folder) as process:
        process.stdout.close()
        assert process.wait(TIMEOUT) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_an_output_that_cannot_be_written_ends_it_with_one_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "--data", folder, *SMALL], cwd=ROOT, env=ENVIRONMENT,
                              text=True, stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot write to standard output (No space left on device)")


def test_an_output_that_is_full_at_the_end_is_told(folder, tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            if "Saved" in self.getvalue():
                raise OSError(errno.ENOSPC, "No space left on device")

    with open(tmp_path / "output", "w") as file:
        Full.fileno = lambda self: file.fileno()
        monkeypatch.setattr(sys, "stdout", Full())
        status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "a.npz",
                                capsys=capsys)
    assert status == 1
    assert_one_line(error, "cannot write to standard output (No space left on device)")


# ---- What it keeps -------------------------------------------------------------------------------

def before_writing(monkeypatch, act):
    """Let act(n) be called before the nth writing of a file, counted from 1."""
    write, count = saved.mnist.write, itertools.count(1)
    monkeypatch.setattr(saved.mnist, "write", lambda *file: (act(next(count)), write(*file)))


def full_at(*full):
    """Return an act for before_writing: the disk is full at these."""
    def act(n):
        if n in full:
            raise OSError(errno.ENOSPC, "No space left on device")
    return act


def test_saved_are_the_network_the_scale_and_what_was_printed(small, folder, tmp_path, capsys):
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (0, "")
    assert without_seconds(output) == without_seconds(small.stdout) + f"\nSaved: {path}\n"
    mlp, stats = saved.load(path)
    assert_printed(stats, output)
    matrix = confusion_matrix(small.stdout)
    np.testing.assert_array_equal(stats[4], matrix)
    pixels, labels = (np.load(folder / f"test_{kind}.npy") for kind in ("data", "labels"))
    said = mlp.forward((pixels - mlp.mean) / mlp.deviation).argmax(axis=1)
    assert (said == labels).sum() == matrix.trace()


def test_ctrl_c_keeps_the_finished_epochs_and_says_so(folder, tmp_path):
    path = tmp_path / "run.npz"
    with in_its_midst(folder, "--save", path) as process:
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=TIMEOUT)
    n = len(saved.load(path)[1][0])
    assert process.returncode == 130
    kept = f"hw1: interrupted; {path} holds the network and the figures of {n} epochs?\n"
    assert re.fullmatch(kept, error)
    assert n >= len(output.splitlines()) + 1  # the first line was read before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("nth", (1, 2))
def test_ctrl_c_while_an_epoch_is_saved_comes_after_it(folder, tmp_path, capsys, monkeypatch, nth):
    before_writing(monkeypatch, lambda n: n == nth and signal.raise_signal(signal.SIGINT))
    path = tmp_path / "run.npz"
    with handled(signal.default_int_handler):
        status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert (status, len(saved.load(path)[1][0])) == (130, nth)
    assert_one_line(error, f"the figures of {nth} epoch" + "s" * (nth > 1))


def test_ctrl_c_that_a_shell_has_ignored_stays_so(folder, tmp_path, capsys, monkeypatch):
    before_writing(monkeypatch, lambda n: signal.raise_signal(signal.SIGINT))
    with handled(signal.SIG_IGN):
        assert call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)[0] == 0


@pytest.mark.parametrize("place, kept", (
    ("hw1.hw1.MLP.step", "no epoch was saved in {}"),
    ("hw1.__main__.print_result", "{} holds the network and the figures of 3 epochs")))
def test_ctrl_c_before_or_after_the_epochs_says_what_is_kept(folder, tmp_path, capsys, monkeypatch,
                                                             place, kept):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (130, f"hw1: interrupted; {kept.format(path)}\n")
    assert (len(saved.load(path)[1]) if path.exists() else 0) == (5 if "3" in kept else 0)


def test_training_that_diverges_keeps_the_epochs_before(folder, tmp_path, capsys, nn, monkeypatch):
    def diverging(*arguments, on_epoch):
        train(*arguments, on_epoch=lambda n, *four: on_epoch(n, *four if n < 2 else [np.nan] * 4))

    train = nn.get_training_stats
    monkeypatch.setattr(nn, "get_training_stats", diverging)
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    stats = saved.load(path)[1]
    assert (status, np.shape(stats)) == (1, (4, 2))
    assert_printed(stats, output)
    assert_one_line(error, "no longer finite in epoch 3", f"; {path} holds", "figures of 2 epochs")


@pytest.mark.parametrize("full, status, nsaved, told", (
    ([1, 2], 0, 3, ["cannot write {} (No space left on device): the training goes on"]),
    ([2, 3, 4], 1, 1, ["cannot write {} (No space left on device): the training goes on",
                       "could not write {} at the end (No space left on device); {} holds the "
                       "network and the figures of 1 epoch"]),
    ([4], 1, 3, ["could not write {} at the end (No space left on device); {} holds the network"])))
def test_a_full_disk_is_told_and_loses_nothing(folder, tmp_path, capsys, monkeypatch, full, status,
                                               nsaved, told):
    before_writing(monkeypatch, full_at(*full))
    path = tmp_path / "run.npz"
    ended, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (ended, figures(output).shape, len(saved.load(path)[1][0])) == (status, (4, 3), nsaved)
    assert error.count("\n") == len(told)
    for line, text in zip(error.splitlines(), told):
        assert line.startswith("hw1: " + text.format(path, path))


def test_a_network_that_cannot_be_saved_is_told_why(folder, tmp_path, capsys, nn, monkeypatch):
    monkeypatch.setattr(nn, "Sigmoid", type("Own", (nn.Sigmoid,), {}))
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, figures(output).shape, error.count("\n")) == (1, (4, 3), 2)
    assert "of hw1.hw1 can be saved here" in error and "no epoch was saved" in error


def test_the_mistakes_are_drawn_as_the_test_set_has_them(folder, capsys, monkeypatch, tmp_path):
    drawn = []
    for name in ("require_matplotlib", "save"):
        monkeypatch.setattr(__main__.pictures, name, lambda *arguments: None)
    monkeypatch.setattr(__main__.pictures, "report", lambda *arguments: drawn.append(arguments[3:]))
    path = tmp_path / "run.png"
    output = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)[1]
    for part, expected in zip(drawn[0], ("labels", "data")):
        np.testing.assert_array_equal(part, np.load(folder / f"test_{expected}.npy"))
    assert output.endswith(f"\n\nDrawn: {path}\n")


def test_a_picture_that_cannot_be_written_is_told(folder, capsys, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    before_writing(monkeypatch, full_at(1))
    path = tmp_path / "run.png"
    status, _, error = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)
    assert status == 1
    assert_one_line(error, f"cannot write {path} (No space left on device): make room")
