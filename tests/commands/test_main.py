"""Runs `python -m hw1` as its users do: what it prints, what its options do, what it refuses."""

import pathlib
import re
import shutil
import sys

import numpy as np
import pytest

from hw1 import __main__
from hw1.__main__ import parse
from tests.commands.runs import (SIZES, SMALL, assert_one_line, call, confusion_matrix, epochs,
                                 figures, lines_after, run, without_seconds)


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
    options = parse("--epochs 1000000 --batch-size 1000000 --seed 4294967295 --data digits "
                    "--hiddens 64 --bn-layers 2".split())
    assert (options.epochs, options.batch_size, options.seed) == (10**6, 10**6, 2**32 - 1)
    assert options.bn_layers == 2


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
