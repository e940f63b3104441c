"""Runs `python -m hw1` as its users do: what it prints, what it refuses, and how it ends."""

import contextlib
import errno
import io
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from hw1 import __main__, hw1, saved
from hw1.__main__ import build, main, parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-W", "error", "-m", "hw1")
SIZES = {"train": 300, "val": 100, "test": 120}
SMALL = ("--hiddens", "16", "--epochs", "3", "--batch-size", "20")
ENDLESS = ("--hiddens", "4", "--epochs", "1000000")
# Output must be flushed by the program itself; for matrices as small as these one thread is the quickest.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "", "OPENBLAS_NUM_THREADS": "1"}
TIMEOUT = 120  # seconds; only a run that hangs takes as long


def run(*arguments, cwd=ROOT):
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=cwd, env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=TIMEOUT)


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


def confusion_matrix(output):
    rows = lines_after(output, "Confusion matrix")[1:]
    return np.array([[0 if cell == "." else int(cell) for cell in row.split()[1:]] for row in rows])


def without_seconds(output):
    return re.sub(r" *\d+\.\d$", "", output, flags=re.MULTILINE)


def assert_one_line(error, *parts):
    assert error.startswith("hw1: ") and error.count("\n") == 1 and error.endswith("\n"), error
    assert all(part in error for part in parts), error


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
    ignore = shutil.ignore_patterns("*.npy", "__pycache__")
    for package in ("hw1", "data"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    return tmp_path


@contextlib.contextmanager
def in_its_midst(folder, *arguments):
    """A run that is in the midst of its training: its first epoch's line has been read."""
    # A shell that starts the tests in the background lets them ignore SIGINT, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([*COMMAND, "--data", str(folder), *ENDLESS, *map(str, arguments)], cwd=ROOT,
                               env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, before)
    with process:
        try:
            assert any(line.split()[:1] == ["1"] for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


@pytest.fixture
def endless(folder):
    with in_its_midst(folder) as process:
        yield process


# ---- What it prints ------------------------------------------------------------------------------

def test_a_run_succeeds_and_writes_no_error(small):
    assert (small.returncode, small.stderr) == (0, "")
    assert small.stdout.splitlines()[-1].split()[0] == "9"  # the confusion matrix is the last that it prints


def test_it_says_what_data_it_trains_on(small, folder):
    assert f"Data: {folder}, 300 training, 100 validation and 120 test examples\n" in small.stdout


def test_it_says_what_network_it_trains(small):
    parameters = 784 * 16 + 16 + 2 * 16 + 16 * 10 + 10  # the weights, biases, gamma and beta
    assert ("Network: 784-16-10, sigmoid, BatchNorm on 1 of 2 layers, "
            f"{parameters:,} parameters, float64\n") in small.stdout


def test_an_epoch_is_a_line(small):
    assert [line.split()[0] for line in lines_after(small.stdout, "epoch")] == ["1", "2", "3"]


def test_the_columns_align(small):
    heading = next(line for line in small.stdout.splitlines() if line.startswith("epoch"))
    ends = [match.end() for match in re.finditer(r"\S+( \S+)*", heading)]
    for line in lines_after(small.stdout, "epoch"):
        assert [match.end() for match in re.finditer(r"\S+", line)] == ends


def test_training_lowers_the_losses_and_errors(small):
    first, *_, last = (np.array(line.split()[1:5], float) for line in lines_after(small.stdout, "epoch"))
    assert (last < first).all()


def test_the_test_error_is_that_of_the_confusion_matrix(small):
    matrix = confusion_matrix(small.stdout)
    wrong = matrix.sum() - matrix.trace()
    assert 0 < wrong < SIZES["test"]
    assert f"Test error: {100 * wrong / SIZES['test']:.2f} %, {wrong} of 120 wrong\n" in small.stdout


def test_the_columns_of_the_confusion_matrix_are_the_true_classes(small, folder):
    counts = np.bincount(np.load(folder / "test_labels.npy"), minlength=10)
    np.testing.assert_array_equal(confusion_matrix(small.stdout).sum(axis=0), counts)


def test_the_confusion_matrix_aligns(small):
    heading, *rows = lines_after(small.stdout, "Confusion matrix of the test set (rows: predicted, columns: ")
    assert heading.split() == [row.split()[0] for row in rows] == list("0123456789")
    digits = len(str(max(confusion_matrix(small.stdout).max(), 10)))
    assert {len(row) for row in rows} == {len(heading)} == {11 * (2 + digits)}


def test_without_mnist_it_says_so_and_draws_digits(copy):
    done = run("--epochs", "1", "--dtype", "float32", cwd=copy)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()[:2]
    assert first == (f"There is no MNIST in {copy / 'data'}: these are drawn digits. "
                     "`python data/mnist.py` gets MNIST.")
    assert second == "Data: drawn digits, 10,000 training, 2,000 validation and 2,000 test examples"


def test_mnist_in_the_repository_is_used_without_being_named(copy, folder):
    for file in folder.iterdir():
        shutil.copy(file, copy / "data")
    done = run(*SMALL, cwd=copy)
    assert done.stdout.startswith(f"Data: {copy / 'data'}, 300 training")


# ---- What the options do -------------------------------------------------------------------------

def network(options):
    return build(parse(options.split()), 784, 10)


def test_by_default_it_is_the_handouts_network():
    mlp = network("")
    assert [W.shape for W in mlp.W] == [(784, 64), (64, 64), (64, 32), (32, 10)]
    assert [type(part).__name__ for part in mlp.activations] == ["Sigmoid", "Sigmoid", "Sigmoid", "Identity"]
    assert (mlp.lr, mlp.momentum, mlp.num_bn_layers) == (0.008, 0.9, 3)


def test_hiddens_are_the_units_of_the_hidden_layers():
    assert [W.shape for W in network("--hiddens 20 30").W] == [(784, 20), (20, 30), (30, 10)]


def test_no_hidden_layer_makes_a_linear_classifier():
    mlp = network("--hiddens")
    assert [W.shape for W in mlp.W] == [(784, 10)] and mlp.bn_layers is None


@pytest.mark.parametrize("name, part", (("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("relu", "ReLU")))
def test_activation_is_that_of_the_hidden_layers(name, part):
    mlp = network(f"--hiddens 8 8 --activation {name}")
    assert [type(activation).__name__ for activation in mlp.activations] == [part, part, "Identity"]


def test_bn_layers_is_how_many_hidden_layers_have_batch_norm():
    assert network("--hiddens 8 8 8 --bn-layers 2").num_bn_layers == 2


def test_lr_and_momentum_reach_the_network():
    mlp = network("--lr 0.5 --momentum 0")
    assert (mlp.lr, mlp.momentum) == (0.5, 0)


@pytest.mark.parametrize("init, deviation", (("handout", 1), ("scaled", 1 / 28)))
def test_init_sets_the_deviation_of_the_weights(init, deviation):
    np.random.seed(1)
    assert network(f"--hiddens 64 --init {init}").W[0].std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("dtype", ("float64", "float32"))
def test_dtype_is_that_of_every_parameter_and_of_the_outputs(dtype):
    mlp = network(f"--dtype {dtype}")
    arrays = [*mlp.W, *mlp.b, *(layer.gamma for layer in mlp.bn_layers), mlp(np.zeros((2, 784), dtype))]
    assert {str(array.dtype) for array in arrays} == {dtype}


def test_float32_data_reach_a_float32_network(folder, capsys, monkeypatch):
    dtypes = set()
    forward = hw1.MLP.forward
    monkeypatch.setattr(hw1.MLP, "forward", lambda mlp, x: dtypes.add(str(x.dtype)) or forward(mlp, x))
    assert epochs("--data", folder, *SMALL, "--dtype", "float32", capsys=capsys)
    assert dtypes == {"float32"}


def test_the_same_seed_gives_the_same_numbers(small, folder):
    assert without_seconds(run("--data", folder, *SMALL).stdout) == without_seconds(small.stdout)


@pytest.mark.parametrize("option", (("--seed", 1), ("--batch-size", 30), ("--lr", 0.01)))
def test_another_value_gives_other_numbers(small, folder, capsys, option):
    other = epochs("--data", folder, *SMALL, *option, capsys=capsys)
    assert len(other) == 3
    assert other != lines_after(without_seconds(small.stdout), "epoch")


@pytest.mark.parametrize("seed", (0, 4294967295))
def test_a_seed_may_be_any_that_numpy_takes(seed):
    assert parse(["--seed", str(seed)]).seed == seed


def test_one_hot_labels_are_as_good_as_indices(folder, tmp_path, capsys):
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        np.save(tmp_path / f"{part}_labels.npy", np.eye(10)[np.load(folder / f"{part}_labels.npy")])
    indices = epochs("--data", folder, *SMALL, capsys=capsys)
    assert epochs("--data", tmp_path, *SMALL, capsys=capsys) == indices


def test_indices_may_be_stored_as_floats(folder, tmp_path, capsys):
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        np.save(tmp_path / f"{part}_labels.npy", np.load(folder / f"{part}_labels.npy").astype(float))
    indices = epochs("--data", folder, *SMALL, capsys=capsys)
    assert epochs("--data", tmp_path, *SMALL, capsys=capsys) == indices


HELP = """
the network:
  --hiddens [UNITS ...]               64 64 32
  --activation {sigmoid,tanh,relu}    sigmoid
  --bn-layers N                       on all but the output's
  --init {scaled,handout}             scaled
  --dtype {float64,float32}           float64
its training:
  --lr RATE                           0.008
  --momentum M                        0.9
  --epochs N                          20
  --batch-size N                      100
  --seed N                            11785
  --data DIR                          the repository's data/; drawn digits if none of them is there
what is left of it:
  --plot FILE                         -
  --save FILE                         -
"""


def test_help_names_each_option_with_its_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # a line each
    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    usage, *lines = re.sub(r"\n {9,}", "   ", capsys.readouterr().out).splitlines()
    assert (end.value.code, usage[:35]) == (0, "usage: python -m hw1 [-h] [--hidden")
    assert lines[1].startswith("Train a multi-layer perceptron") and "Exit status: 0 done, 1 failed" in lines[-1]
    told = []
    for line in lines[lines.index("the network:"):]:
        if line.startswith("  --"):
            option, words = re.fullmatch(r"  (--\S+ .*?)  +(\S.*)", line).groups()
            default = re.search(r"\(default: (.*)\)$", words)
            line = f"  {option:36}{default[1] if default else '-'}"
        told += [line] if line.startswith("  --") or line.endswith(":") else []
    assert told == HELP.strip().splitlines()


# ---- What it refuses -----------------------------------------------------------------------------

@pytest.mark.parametrize("options, message", (
    ("--hiddens 64 0", "--hiddens: expected an integer of at least 1, got '0'"),
    ("--activation softplus", "--activation: invalid choice: 'softplus'"),
    ("--init zeros", "--init: invalid choice: 'zeros'"),
    ("--dtype int8", "--dtype: invalid choice: 'int8'"),
    ("--lr 0", "--lr: expected a finite number above 0, got '0'"),
    ("--lr nan", "--lr: expected a finite number above 0, got 'nan'"),
    ("--lr inf", "--lr: expected a finite number above 0, got 'inf'"),
    ("--momentum 1", "--momentum: expected a number of at least 0 and below 1, got '1'"),
    ("--momentum -0.1", "--momentum: expected a number of at least 0 and below 1, got '-0.1'"),
    ("--bn-layers -1", "--bn-layers: expected an integer of at least 0, got '-1'"),
    ("--bn-layers 3 --hiddens 64", "--bn-layers: expected at most 2, the number of layers, got 3"),
    ("--epochs 0", "--epochs: expected an integer of at least 1, got '0'"),
    ("--epochs two", "--epochs: expected an integer of at least 1, got 'two'"),
    ("--batch-size 0", "--batch-size: expected an integer of at least 1, got '0'"),
    ("--seed -1", "--seed: expected an integer from 0 to 4294967295, got '-1'"),
    ("--seed 4294967296", "--seed: expected an integer from 0 to 4294967295, got '4294967296'"),
    ("--data nowhere", "--data: expected a folder, got 'nowhere'"),
))
def test_a_wrong_option_is_refused(capsys, options, message):
    with pytest.raises(SystemExit) as end:
        parse(options.split())
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (2, "")
    assert f"error: argument {message}" in printed.err.splitlines()[-1]


def test_a_wrong_option_ends_the_command_with_status_2():
    done = run("--epochs", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("python -m hw1: error: argument --epochs: expected")


def test_some_of_the_files_are_not_taken_for_none(copy, folder):
    shutil.copy(folder / "train_data.npy", copy / "data")
    done = run(cwd=copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "lacks train_labels.npy, val_data.npy", "python data/mnist.py")


def test_a_damaged_file_is_refused(copy, folder):
    for file in folder.iterdir():
        shutil.copy(file, copy / "data")
    path = copy / "data" / "val_data.npy"
    path.write_bytes(path.read_bytes()[:-1])
    done = run(cwd=copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, str(path), "damaged")


def test_a_named_folder_without_mnist_is_refused(tmp_path):
    done = run("--data", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, f"{tmp_path} lacks train_data.npy", "python data/mnist.py")


def test_data_of_one_value_are_refused(folder, tmp_path, capsys):
    for part, n in SIZES.items():
        shutil.copy(folder / f"{part}_labels.npy", tmp_path)
        np.save(tmp_path / f"{part}_data.npy", np.zeros((n, 784), np.uint8))
    status, _, error = call("--data", tmp_path, capsys=capsys)
    assert status == 1
    assert_one_line(error, str(tmp_path), "at least two different values")


def test_a_network_too_large_for_the_memory_is_refused(folder, capsys):
    status, _, error = call("--data", folder, "--hiddens", 10**14, capsys=capsys)
    assert status == 1
    assert_one_line(error, "out of memory", "--hiddens")


# ---- How it ends before its time -----------------------------------------------------------------

@pytest.mark.parametrize("dtype", ("float64", "float32"))
def test_training_that_diverges_ends_in_one_line(folder, capsys, dtype):
    status, output, error = call("--data", folder, "--hiddens", 16, 16, "--activation", "relu",
                                 "--bn-layers", 0, "--lr", 1e30, "--dtype", dtype, capsys=capsys)
    assert status == 1
    assert "nan" not in output and "Test error" not in output
    assert_one_line(error, "no longer finite in epoch 1", "lower --lr, which is 1e+30")


def test_training_that_diverges_into_batchnorm_ends_in_one_line(folder, capsys):
    status, output, error = call("--data", folder, "--hiddens", 16, 16, "--activation", "relu", "--lr", 1e200,
                                 capsys=capsys)
    assert status == 1
    assert "Test error" not in output
    assert_one_line(error, "no longer finite in epoch 1", "lower --lr, which is 1e+200")


def test_a_fault_of_the_program_is_not_told_as_the_users(folder, capsys, monkeypatch):
    def faulty(*arguments, on_epoch):
        raise ValueError("shapes do not fit")

    monkeypatch.setattr(hw1, "get_training_stats", faulty)
    with pytest.raises(ValueError, match="^shapes do not fit$"):
        call("--data", folder, *SMALL, capsys=capsys)


def test_ctrl_c_ends_it_with_one_line(endless):
    endless.send_signal(signal.SIGINT)
    _, error = endless.communicate(timeout=TIMEOUT)
    assert (endless.returncode, error) == (130, "hw1: interrupted\n")


def test_a_closed_pipe_ends_it_quietly(endless):
    endless.stdout.close()
    assert endless.wait(TIMEOUT) == 141
    assert endless.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_an_output_that_cannot_be_written_ends_it_with_one_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "--data", str(folder), *SMALL], cwd=ROOT, env=ENVIRONMENT,
                              text=True, stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot write to standard output (No space left on device)")


def test_an_output_that_is_full_at_the_end_ends_it_with_one_line(folder, tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def fileno(self):
            return file.fileno()

        def flush(self):
            if "Saved" in self.getvalue():
                raise OSError(errno.ENOSPC, "No space left on device")

    with open(tmp_path / "output", "w") as file:
        monkeypatch.setattr(sys, "stdout", Full())
        status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)
    assert status == 1
    assert_one_line(error, "cannot write to standard output (No space left on device)")


# ---- What it keeps -------------------------------------------------------------------------------

def figures(output):
    """Return the four figures of each epoch that was printed, (4, n)."""
    return np.array([line.split()[1:5] for line in lines_after(output, "epoch")], float).T


@pytest.fixture
def full_disk(monkeypatch):
    """A list of the writings, counted from 1, that find the disk full."""
    full, calls, write = [], [], saved.write

    def writing(path, content):
        calls.append(path)
        if len(calls) in full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(saved, "write", writing)
    return full


def test_saved_are_the_network_and_the_figures_that_were_printed(folder, tmp_path, capsys):
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error, output.splitlines()[-2:]) == (0, "", ["", f"Saved: {path}"])
    mlp, stats = saved.load(path)
    assert [W.shape for W in mlp.W] == [(784, 16), (16, 10)]
    np.testing.assert_allclose(np.array(stats[:4]) * [[1], [100], [1], [100]], figures(output), atol=0.00501)
    np.testing.assert_array_equal(stats[4], confusion_matrix(output[:output.index("Saved")]))


def test_saving_changes_nothing_of_the_training(small, folder, tmp_path, capsys):
    saving = epochs("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)
    assert saving == lines_after(without_seconds(small.stdout), "epoch")


def test_ctrl_c_keeps_the_finished_epochs_and_says_so(folder, tmp_path):
    path = tmp_path / "run.npz"
    with in_its_midst(folder, "--save", path) as process:
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=TIMEOUT)
    n = len(saved.load(path)[1][0])
    assert process.returncode == 130
    assert re.fullmatch(f"hw1: interrupted; {path} holds the network and the figures of {n} epochs?\n", error)
    assert n >= len(output.splitlines()) + 1  # the first line was read before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("nth", (1, 2))
def test_ctrl_c_while_an_epoch_is_being_saved_comes_after_it(folder, tmp_path, capsys, monkeypatch, nth):
    write, calls = saved.write, []

    def interrupted(path, content):
        write(path, content)
        calls.append(path)
        if len(calls) == nth:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(saved, "write", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        path = tmp_path / "run.npz"
        status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert (status, len(saved.load(path)[1][0])) == (130, nth)
    assert_one_line(error, f"the figures of {nth} epoch" + "s" * (nth > 1))


def test_ctrl_c_that_a_shell_has_ignored_stays_so(folder, tmp_path, capsys, monkeypatch):
    write = saved.write
    monkeypatch.setattr(saved, "write", lambda *arguments: (signal.raise_signal(signal.SIGINT), write(*arguments)))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)[0] == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_numbers_come_before_what_went_wrong_with_the_file(folder, tmp_path):
    code = ("import sys\nfrom hw1 import __main__, saved\n"
            "def full(path, content):\n    raise OSError(28, 'No space left on device')\n"
            "saved.write = full\nsys.exit(__main__.main(sys.argv[1:]))")
    done = subprocess.run([sys.executable, "-c", code, "--data", str(folder), *SMALL, "--save", str(tmp_path / "run.npz")],
                          cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=TIMEOUT)
    assert done.returncode == 1
    assert done.stdout.index("Confusion matrix") < done.stdout.index("hw1: could not write")


def test_ctrl_c_before_the_first_epoch_ends_says_that_nothing_is_kept(folder, tmp_path, capsys, monkeypatch):
    def interrupted(mlp):
        raise KeyboardInterrupt

    monkeypatch.setattr(hw1.MLP, "step", interrupted)
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (130, f"hw1: interrupted; no epoch was saved in {path}\n")


def test_ctrl_c_after_the_training_keeps_the_confusion_matrix(folder, tmp_path, capsys, monkeypatch):
    def interrupted(matrix):
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "print_confusion", interrupted)
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, len(saved.load(path)[1])) == (130, 5)
    assert_one_line(error, f"interrupted; {path} holds the network and the figures of 3 epochs")


def test_training_that_diverges_keeps_the_epochs_before(folder, tmp_path, capsys, monkeypatch):
    evaluate, calls = hw1._evaluate, []

    def diverging(*arguments):
        calls.append(arguments)
        loss, error, matrix = evaluate(*arguments)
        return (loss if len(calls) < 3 else np.nan), error, matrix

    monkeypatch.setattr(hw1, "_evaluate", diverging)
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    stats = np.array(saved.load(path)[1])
    assert (status, stats.shape) == (1, (4, 2))
    np.testing.assert_allclose(stats * [[1], [100], [1], [100]], figures(output), atol=0.00501)
    assert_one_line(error, "no longer finite in epoch 3", f"; {path} holds the network and the figures of 2 epochs")


def test_a_disk_that_is_full_for_a_while_is_told_once_and_loses_nothing(folder, tmp_path, capsys, full_disk):
    full_disk += [1, 2]
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, len(saved.load(path)[1])) == (0, 5)
    assert_one_line(error, f"cannot write {path} (No space left on device): the training goes on")


def test_a_disk_that_is_full_at_the_end_keeps_what_was_saved_and_ends_with_status_1(folder, tmp_path, capsys,
                                                                                   full_disk):
    full_disk += [2, 3, 4]
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, len(figures(output).T), len(saved.load(path)[1][0])) == (1, 3, 1)
    assert error.splitlines()[1] == (f"hw1: could not write {path} at the end (No space left on device); "
                                     f"{path} holds the network and the figures of 1 epoch")


def test_a_disk_that_is_full_only_at_the_end_is_told_once(folder, tmp_path, capsys, full_disk):
    full_disk += [4]
    status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)
    assert status == 1
    assert_one_line(error, "could not write", "at the end", "the figures of 3 epochs")


@pytest.mark.parametrize("option, expected", (
    ("--save", "ends in .npz, got"), ("--plot", "ends in .png, .svg or .pdf, got")))
def test_another_kind_of_file_is_refused_at_once(tmp_path, capsys, option, expected):
    with pytest.raises(SystemExit):
        parse([option, str(tmp_path / "run.txt")])
    assert f"error: argument {option}: expected a file name that {expected}" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse(["--save", str(tmp_path / "missing" / "run.npz")])
    assert "error: argument --save: " + str(tmp_path / "missing") in capsys.readouterr().err


def test_without_matplotlib_plot_says_at_once_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit):
        parse(["--plot", str(tmp_path / "run.png")])
    assert "error: argument --plot: pictures need matplotlib" in capsys.readouterr().err


def test_importing_it_does_nothing():
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import hw1.__main__"], cwd=ROOT,
                          env=ENVIRONMENT, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_mistakes_are_drawn_as_the_test_set_has_them(folder, capsys, monkeypatch, tmp_path):
    drawn = []
    for name in ("check", "save"):
        monkeypatch.setattr(__main__.pictures, name, lambda *arguments: None)
    monkeypatch.setattr(__main__.pictures, "report", lambda *arguments: drawn.append(arguments[-1]))
    call("--data", folder, *SMALL, "--plot", tmp_path / "run.png", capsys=capsys)
    np.testing.assert_array_equal(drawn, [np.load(folder / "test_data.npy")])
