"""`python -m hw1`: what it prints, what its options do, and what it refuses."""

import pathlib
import re
import shutil
import sys

import numpy as np
import pytest

from hw1 import __main__, saved
from hw1.__main__ import parse
from tests.commands.runs import (
    SIZES, SMALL, assert_one_line, call, call_for_epochs, confusion_matrix, epoch_lines,
    epoch_numbers, lines_after, run)


# ---- What it prints ------------------------------------------------------------------------------

def test_data_and_network_are_printed_first(small, folder):
    parameters = 784 * 16 + 16 + 2 * 16 + 16 * 10 + 10  # the weights, biases, gamma and beta
    assert (small.returncode, small.stderr) == (0, "")
    assert small.stdout.splitlines()[:3] == [
        f"Data: {folder}, 300 training, 100 validation, 120 test examples",
        f"Network: 784-16-10, sigmoid, 1 BatchNorm layer, {parameters:,} float64 parameters",
        ""]


def test_epochs_are_numbered_and_the_matrix_comes_last(small):
    assert [line.split()[0] for line in lines_after(small.stdout, "epoch")] == ["1", "2", "3"]
    assert small.stdout.splitlines()[-1].split()[0] == "9"


def test_columns_are_aligned(small):
    heading = next(line for line in small.stdout.splitlines() if line.startswith("epoch"))
    ends = [match.end() for match in re.finditer(r"\S+( \S+)*", heading)]
    for line in lines_after(small.stdout, "epoch"):
        assert [match.end() for match in re.finditer(r"\S+", line)] == ends


def test_training_lowers_losses_and_errors(small):
    first, _, last = epoch_numbers(small.stdout).T
    assert (last < first).all()


@pytest.mark.parametrize("errors, expected", [
    ([0.5, 0.125, 0.125, 0.25], "12.50 % in epoch 2; the network is that of epoch 4"),
    ([0.5, 0.125], "12.50 % in epoch 2, the last"),
    ([0.5], "50.00 % in epoch 1, the last"),
])
def test_best_and_last_epoch_are_distinguished(capsys, errors, expected):
    __main__.print_result(np.array(errors), np.eye(2, dtype=int))
    output = capsys.readouterr().out
    assert output.startswith(f"\nBest validation error: {expected}\nTest error: 0.00")


def test_confusion_matrix_is_that_of_the_test_set(small, folder):
    matrix = confusion_matrix(small.stdout)
    counts = np.bincount(np.load(folder / "test_labels.npy"), minlength=10)
    wrong = matrix.sum() - matrix.trace()
    np.testing.assert_array_equal(matrix.sum(axis=0), counts)
    assert 0 < wrong < 120
    assert f"Test error: {100 * wrong / 120:.2f} %, {wrong} of 120 wrong\n" in small.stdout


def test_confusion_matrix_is_aligned(small):
    lines = lines_after(small.stdout, "Confusion matrix of the test set (rows: predicted, columns")
    heading, *rows = lines
    cell = 2 + len(str(max(confusion_matrix(small.stdout).max(), 10)))
    assert heading.split() == [row.split()[0] for row in rows] == list("0123456789")
    assert {len(line) for line in lines} == {11 * cell}


def test_other_numbers_of_classes_are_taken(folder, tmp_path, capsys):
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        np.save(tmp_path / f"{part}_labels.npy", np.load(folder / f"{part}_labels.npy") % 3)
    status, output, error = call("--data", tmp_path, *SMALL, capsys=capsys)
    counts = np.bincount(np.load(tmp_path / "test_labels.npy"))
    assert (status, error) == (0, "")
    assert "\nNetwork: 784-16-3, " in output
    np.testing.assert_array_equal(confusion_matrix(output).sum(axis=0), counts)


def test_synthetic_digits_are_used_without_mnist(copy):
    done = run("--epochs", "1", "--dtype", "float32", cwd=copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:3] == [
        "No MNIST in data/: using synthetic digits (python data/mnist.py downloads MNIST)",
        "Data: synthetic digits, 10,000 training, 2,000 validation, 2,000 test examples",
        "Network: 784-64-64-32-10, sigmoid, 3 BatchNorm layers, 57,130 float32 parameters"]


def test_lines_of_the_default_fit_80_columns(capsys):
    mnist = [(np.zeros((n, 1)), None) for n in (50000, 10000, 10000)]
    __main__.print_data("synthetic digits", mnist)
    __main__.print_network([784, 64, 64, 32, 10], parse([]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("options, expected", [
    ("--hiddens", "784-10, linear, 7,850 float64 parameters"),
    ("--hiddens --bn-layers 1", "784-10, linear, 1 BatchNorm layer, 7,870 float64 parameters"),
    ("--hiddens 2 --bn-layers 0 --activation TANH",
     "784-2-10, tanh, 1,600 float64 parameters"),
    ("--hiddens 2 --bn-layers 2 --dtype float32",
     "784-2-10, sigmoid, 2 BatchNorm layers, 1,624 float32 parameters"),
])
def test_network_line_names_layers_and_parameters(capsys, options, expected):
    options = parse(options.split())
    __main__.print_network([784, *options.hiddens, 10], options)
    assert capsys.readouterr().out == f"Network: {expected}\n"


@pytest.mark.parametrize("options, name", [
    ([], "data/"),
    (["--data", "./digits"], "./digits"),
    (["--data", "digits"], "synthetic digits"),
    (["--data=~/digits"], "{home}/digits"),
])
def test_the_data_that_are_named_are_used(copy, folder, options, name):
    shutil.copytree(folder, copy / "data", dirs_exist_ok=True)
    shutil.copytree(folder, copy / "digits")
    done = run(*SMALL, *options, cwd=copy, HOME=str(copy))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Data: {name.format(home=copy)}, ")


@pytest.mark.parametrize("environment", [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "cp1252"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
])
def test_any_encoding_can_print_any_path(folder, tmp_path, environment):
    place = tmp_path / "\N{LATIN SMALL LETTER L WITH STROKE}\N{GREEK SMALL LETTER ALPHA}"
    shutil.copytree(folder, place)
    done = run("--data", place, "--save", place / "run.npz", *SMALL, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Data: {tmp_path}/\\")
    assert f"Network saved to {tmp_path}/\\" in done.stdout
    (place / "train_data.npy").unlink()
    done = run("--data", place, *SMALL, **environment)
    assert done.returncode == 1
    assert_one_line(done.stderr, f"{tmp_path}/\\", "lacks train_data.npy")


# ---- What the options do -------------------------------------------------------------------------

@pytest.fixture
def build(nn):
    """A function that builds the network of a command line."""
    def build(command_line):
        options = parse(command_line.split())
        activation = __main__.find_activation(nn, options.activation)
        return __main__.build(nn, activation, options, 784, 10)
    return build


@pytest.mark.parametrize("options, sizes, activation, others", [
    ("", [64, 64, 32], "Sigmoid", (3, 0.008, 0.9)),
    ("--hiddens 20 30 --activation tanh", [20, 30], "Tanh", (2, 0.008, 0.9)),
    ("--hiddens 8 8 8 --activation ReLU --bn-layers 2", [8, 8, 8], "ReLU", (2, 0.008, 0.9)),
    ("--hiddens --batch-size 1 --lr 0.5 --momentum 0", [], None, (0, 0.5, 0)),
])
def test_options_describe_the_network(build, options, sizes, activation, others):
    mlp = build(options)
    kinds = [type(part).__name__ for part in mlp.activations]
    assert [W.shape for W in mlp.W] == list(zip([784, *sizes], [*sizes, 10]))
    assert kinds == [activation] * len(sizes) + ["Identity"]
    assert (mlp.num_bn_layers, mlp.lr, mlp.momentum) == others


def test_an_activation_added_to_hw1_py_is_found(folder, capsys, nn, monkeypatch):
    class LeakyReLU(nn.Activation):
        def __init__(self, slope=0.01):
            super().__init__()
            self.slope = slope

        def forward(self, x):
            used.append(self.slope)
            self.state = np.maximum(x, self.slope * x)
            return self.state

        def derivative(self):
            return np.where(self.state > 0, 1.0, self.slope)

    used = []
    monkeypatch.setattr(nn, "LeakyReLU", LeakyReLU, raising=False)
    status, output, error = call("--data", folder, *SMALL, "--activation", "leakyrelu",
                                 capsys=capsys)
    assert (status, error) == (0, "")
    assert "\nNetwork: 784-16-10, leakyrelu, " in output
    assert set(used) == {0.01}


@pytest.mark.parametrize("name", ["softplus", "activation", "criterion", "np"])
def test_an_activation_that_hw1_py_lacks_is_refused(folder, capsys, name):
    status, output, error = call("--data", folder, "--activation", name, capsys=capsys)
    assert (status, output) == (2, "")
    rule = "expected a subclass of Activation in hw1.py (identity, sigmoid, tanh, relu"
    assert_one_line(error, f"argument --activation: {rule}", f"), got {name!r}\n")


@pytest.mark.parametrize("init, deviation", [("handout", 1), ("scaled", 1 / 28)])
def test_init_sets_the_deviation_of_the_weights(build, init, deviation):
    np.random.seed(1)
    mlp = build(f"--hiddens 64 --init {init}")
    assert mlp.W[0].std() == pytest.approx(deviation, rel=0.02)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dtype_is_that_of_parameters_and_outputs(build, dtype):
    mlp = build(f"--dtype {dtype}")
    output = mlp(np.zeros((2, 784), dtype))
    arrays = [*mlp.W, *mlp.b, *(layer.gamma for layer in mlp.bn_layers), output]
    assert {str(array.dtype) for array in arrays} == {dtype}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dtype_is_that_of_the_data(folder, capsys, nn, monkeypatch, dtype):
    dtypes = set()
    forward = nn.MLP.forward

    def record_dtype(mlp, x):
        dtypes.add(str(x.dtype))
        return forward(mlp, x)

    monkeypatch.setattr(nn.MLP, "forward", record_dtype)
    status, _, _ = call("--data", folder, *SMALL, "--dtype", dtype, capsys=capsys)
    assert status == 0
    assert dtypes == {dtype}


def test_the_same_options_give_the_same_numbers(small, folder, capsys):
    again = call_for_epochs("--data", folder, *SMALL, capsys=capsys)
    assert again == epoch_lines(small.stdout)


@pytest.mark.parametrize("option", [("--seed", 1), ("--lr", 0.01), ("--batch-size", 299),
                                    ("--momentum", 0.5), ("--init", "handout")])
def test_another_option_gives_other_numbers(small, folder, capsys, option):
    others = call_for_epochs("--data", folder, *SMALL, *option, capsys=capsys)
    assert len(others) == 3
    assert others != epoch_lines(small.stdout)


@pytest.mark.parametrize("convert", [
    lambda y: np.eye(10)[y],
    lambda y: np.eye(10, dtype=np.uint8)[y],
    lambda y: y.astype(float),
], ids=["one-hot", "one-hot integers", "floats"])
def test_labels_may_have_any_form(small, folder, tmp_path, capsys, convert):
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        np.save(tmp_path / f"{part}_labels.npy", convert(np.load(folder / f"{part}_labels.npy")))
    others = call_for_epochs("--data", tmp_path, *SMALL, capsys=capsys)
    assert others == epoch_lines(small.stdout)


def test_labels_are_trained_on_as_one_hot_floats(folder, tmp_path, capsys, nn, monkeypatch):
    def record_labels(mlp, dset, *arguments, **options):
        labels.extend(y for _, y in dset)
        return train(mlp, dset, *arguments, **options)

    labels = []
    train = nn.get_training_stats
    monkeypatch.setattr(nn, "get_training_stats", record_labels)
    for part in SIZES:
        shutil.copy(folder / f"{part}_data.npy", tmp_path)
        one_hot = np.eye(10, dtype=np.uint8)[np.load(folder / f"{part}_labels.npy")]
        np.save(tmp_path / f"{part}_labels.npy", one_hot)
    call("--data", tmp_path, *SMALL, capsys=capsys)
    call("--data", folder, *SMALL, capsys=capsys)
    assert [y.dtype for y in labels] == 6 * [np.float64]
    for y, other in zip(labels[:3], labels[3:]):
        np.testing.assert_array_equal(y, other)


def test_every_path_expands_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(__main__.pictures, "require_matplotlib", lambda: None)
    (tmp_path / "mnist").mkdir()
    options = parse(["--data=~/mnist", "--save=~/run.npz", "--plot=~/run.png"])
    assert options.data == f"{tmp_path}/mnist"
    assert options.save == f"{tmp_path}/run.npz"
    assert options.plot == f"{tmp_path}/run.png"


def test_save_expands_the_home_folder(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    status, output, error = call("--data", folder, *SMALL, "--save=~/run.npz", capsys=capsys)
    assert (status, error) == (0, "")
    assert len(saved.load(tmp_path / "run.npz")) == 2
    assert output.endswith(f"\nNetwork saved to {tmp_path}/run.npz\n")


def test_help_names_each_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as end:
        parse(["--help"])
    usage, text = " ".join(capsys.readouterr().out.split()).split("network:", 1)
    defaults = {
        **vars(parse([])),
        "hiddens": "64 64 32",
        "bn_layers": "in all but the output layer",
        "data": "data/ of this repository, or synthetic digits if none of the files is there",
    }
    assert end.value.code == 0
    assert usage.startswith("usage: python -m hw1 [-h] [--hiddens")
    assert "Exit status: 0 done, 1 failed" in text
    for name, default in defaults.items():
        words = text.split(f"--{name.replace('_', '-')} ")[1].split(" --")[0]
        has_default = name not in ("plot", "save")
        assert (f"(default: {default})" in words) == has_default, words


# ---- What it refuses -----------------------------------------------------------------------------

COUNT = "expected an integer from 1 to 1000000, got"


@pytest.mark.parametrize("options, message", [
    ("--hiddens 64 0", f"--hiddens: {COUNT} '0'"),
    (f"--hiddens 64 {10**20}", f"--hiddens: {COUNT} '1{20 * '0'}'"),
    ("--lr 0", "--lr: expected a finite number above 0, got '0'"),
    ("--lr nan", "--lr: expected a finite number above 0, got 'nan'"),
    ("--lr inf", "--lr: expected a finite number above 0, got 'inf'"),
    ("--momentum 1", "--momentum: expected a number of at least 0 and below 1, got '1'"),
    ("--momentum -0.1", "--momentum: expected a number of at least 0 and below 1, got '-0.1'"),
    ("--bn-layers -1", "--bn-layers: expected an integer of at least 0, got '-1'"),
    ("--bn-layers 3 --hiddens 64", "--bn-layers: expected at most 2, the number of layers, got 3"),
    ("--epochs two", f"--epochs: {COUNT} 'two'"),
    ("--epochs 1000001", f"--epochs: {COUNT} '1000001'"),
    ("--batch-size 1", "--batch-size: expected at least 2 with BatchNorm, because the variance "),
    ("--batch-size 1000001", f"--batch-size: {COUNT} '1000001'"),
    ("--seed -1", "--seed: expected an integer from 0 to 4294967295, got '-1'"),
    ("--seed 4294967296", "--seed: expected an integer from 0 to 4294967295, got '4294967296'"),
    ("--data nowhere", "--data: expected a folder, or the word digits, got 'nowhere'"),
    ("--save run.npy", "--save: expected a file name that ends in .npz, in an existing folder"),
    ("--save nowhere/run.npz", "that can be written to, got 'nowhere/run.npz'"),
    ("--save file/run.npz", "that can be written to, got 'file/run.npz'"),
    ("--save folder.npz", "that can be written to, got 'folder.npz'"),
    ("--plot run.txt", "--plot: expected a file name that ends in .png or .svg or .pdf, in an "),
])
def test_a_wrong_option_is_refused(capsys, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("folder.npz").mkdir()
    pathlib.Path("file").touch()
    with pytest.raises(SystemExit) as end:
        parse(options.split())
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    assert (end.value.code, printed.out) == (2, "")
    assert "error: argument " in last
    assert message in last


def test_a_folder_without_permission_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(__main__.os, "access", lambda path, mode: mode != __main__.os.W_OK)
    with pytest.raises(SystemExit) as end:
        parse(["--save", "run.npz"])
    assert end.value.code == 2
    assert "that can be written to, got 'run.npz'" in capsys.readouterr().err


def test_the_limits_themselves_are_accepted():
    options = parse("--epochs 1000000 --batch-size 1000000 --seed 4294967295 --data digits "
                    "--hiddens 64 --bn-layers 2".split())
    assert (options.epochs, options.batch_size, options.seed) == (10**6, 10**6, 2**32 - 1)
    assert options.bn_layers == 2


def test_plot_asks_for_matplotlib_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit) as end:
        parse(["--plot", str(tmp_path / "run.png")])
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert "error: argument --plot: " in error
    assert "pip install matplotlib" in error


def test_an_incomplete_data_set_is_refused(copy, folder):
    shutil.copy(folder / "train_data.npy", copy / "data")
    done = run(cwd=copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "lacks train_labels.npy, val_data.npy", "python data/mnist.py")


def test_a_damaged_file_is_refused(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "data")
    (tmp_path / "data" / "val_labels.npy").write_bytes(b"damaged")
    status, _, error = call("--data", tmp_path / "data", capsys=capsys)
    assert status == 1
    assert_one_line(error, "val_labels.npy")


def test_constant_data_are_refused(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "data")
    np.save(tmp_path / "data" / "train_data.npy", np.zeros((300, 784)))
    status, _, error = call("--data", tmp_path / "data", capsys=capsys)
    assert status == 1
    assert_one_line(error, "at least two different values")


@pytest.mark.parametrize("place, remedy", [
    ("mnist.load", "name a smaller data set, or --dtype float32"),
    ("mnist.standardise", "name a smaller data set, or --dtype float32"),
    ("build", "choose smaller --hiddens, or --dtype float32"),
    ("train", "choose smaller --hiddens or --batch-size, or --dtype float32"),
])
def test_out_of_memory_comes_with_a_remedy(folder, capsys, monkeypatch, place, remedy):
    def fail(*arguments):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(f"hw1.__main__.{place}", fail)
    status, _, error = call("--data", folder, capsys=capsys)
    assert (status, error) == (1, f"hw1: out of memory (Unable to allocate 9 TiB): {remedy}\n")
