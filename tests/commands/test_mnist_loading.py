"""Loading the six files, which refuses what does not fit, and making them ready for a network."""

import os
import struct

import numpy as np
import pytest

from data import mnist
from tests.commands.archives import NCLASSES, NTEST, NTRAIN, NVAL, SIDE


@pytest.fixture
def folder(arrays, tmp_path):
    """A folder with six files that fit together; a test damages one."""
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    return tmp_path


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_load_returns_the_arrays_as_they_are_stored(folder, arrays, dtype, order):
    for name, array in arrays.items():
        np.save(folder / name, array.astype(dtype, order=order))
    loaded = [array for pair in mnist.load(folder) for array in pair]
    for got, expected in zip(loaded, arrays.values()):
        assert (type(got), got.dtype) == (np.ndarray, dtype)
        np.testing.assert_array_equal(got, expected.astype(dtype))


def one_hot(labels, wrong=None):
    """Return float rows, a 1 in each; of the last one, all are `wrong` if that is given."""
    rows = np.eye(NCLASSES)[labels]
    if wrong is not None:
        rows[-1] = wrong
    return rows


def test_load_takes_one_hot_labels_of_which_training_uses_every_column(folder, arrays):
    for part in ("train", "val", "test"):
        np.save(folder / f"{part}_labels.npy", one_hot(arrays[f"{part}_labels.npy"]))
    np.testing.assert_array_equal(mnist.load(folder)[0][1], one_hot([0, 1, 2, 0, 1]))
    for labels, told in (([0, 1, 0, 1, 0], r"no class 2 \(counted"),
                         ([0, 2, 0, 2, 0], "no class 1, but 2 in row 1")):
        np.save(folder / "train_labels.npy", one_hot(labels))
        with pytest.raises(ValueError, match=f"train_labels.npy holds {told}"):
            mnist.load(folder)


def test_load_names_every_missing_file_and_both_ways_to_get_them(folder):
    (folder / "val_data.npy").unlink()
    (folder / "test_labels.npy").unlink()
    expected = r"lacks val_data\.npy, test_labels\.npy: run `python data/mnist\.py`.*course's"
    with pytest.raises(FileNotFoundError, match=expected):
        mnist.load(folder)


def spoilt(n, value):
    """Return float data, a single value in every row but the first."""
    return np.where(np.eye(n, SIDE * SIDE, -1), value, 0)


FINITE = "must hold finite numbers, .* in row 1 .*correct that row, or leave"
NUMBERS = "must hold real numbers .*got "
INDICES = "must hold class indices 0, 1, .* or one-hot .*got "
BEYOND = "must hold classes that the training labels have, 0 to 2, got "


@pytest.mark.parametrize("name, array, message", [
    ("val_data.npy", np.zeros((NVAL, SIDE, SIDE)), rf"{NUMBERS}float64 \(2, 4, 4\)"),
    ("val_data.npy", np.zeros(NVAL), rf"{NUMBERS}float64 \(2,\)"),
    ("val_data.npy", np.zeros((NVAL, SIDE * SIDE), complex), f"{NUMBERS}complex128"),
    ("test_data.npy", np.zeros((0, SIDE * SIDE)), rf"{NUMBERS}float64 \(0, 16\)"),
    ("test_data.npy", np.zeros((NTEST, 0)), rf"{NUMBERS}float64 \(3, 0\)"),
    ("train_data.npy", spoilt(NTRAIN, np.nan), FINITE),
    ("val_data.npy", spoilt(NVAL, np.inf), FINITE),
    ("test_data.npy", spoilt(NTEST, -np.inf).astype(np.float16), FINITE),
    ("val_labels.npy", np.array(["7", "1"]), f"{NUMBERS}<U1"),
    ("val_labels.npy", np.array(1), rf"{NUMBERS}int64 \(\)"),
    ("val_labels.npy", np.array([1, 0.5]), f"{INDICES}0.5 in row 1 .*correct that row, or leave"),
    ("train_labels.npy", np.array([0, 1, 2, -1, 0]), f"{INDICES}-1 in row 3"),
    ("val_labels.npy", np.array([np.inf, 1]), f"{INDICES}inf in row 0"),
    ("test_labels.npy", np.array([0, 1, np.nan]), f"{INDICES}nan in row 2"),
    ("val_labels.npy", np.array([[7], [1]]), f"{INDICES}other values in row 0"),
    ("val_labels.npy", one_hot([0, 0], 0), f"{INDICES}other values in row 1"),
    ("val_labels.npy", one_hot([0, 0], 1 / 3), f"{INDICES}other values in row 1"),
    ("val_labels.npy", one_hot([0, 0], 1), f"{INDICES}other values in row 1"),
    ("val_labels.npy", np.array([[-1, 1, 1], [1, 0, 0]]), f"{INDICES}other values in row 0"),
    ("val_labels.npy", np.zeros(NVAL + 1, int), "must be equally long, got 2 and 3 rows"),
    ("test_data.npy", np.zeros((NTEST, 9)), r"data files .*got \(16,\) in train, .*\(9,\) in test"),
    ("test_data.npy", np.zeros((NTEST, 25)), r"data files .*in val, \(25,\) in test"),
    ("val_labels.npy", one_hot([1, 2]), r"labels files .*got \(\) in train, \(3,\) in val"),
    ("train_labels.npy", np.array([0, 1, 255, 2, 1]), "no class 3, but 255 in row 2 .*correct the"),
    ("train_labels.npy", np.array([0, 1, 2, 2**40, 1]), f"no class 3, but {2**40} in row 3"),
    ("train_labels.npy", np.array([1, 2, 3, 1, 2]), "no class 0, but 1 in row 0"),
    ("train_labels.npy", np.array([True] * 5), "no class 0, but 1 in row 0"),
    ("train_labels.npy", np.zeros(5), "no class 1 .*at least two"),
    ("val_labels.npy", np.array([2, 3]), f"{BEYOND}3 in row 1"),
    ("test_labels.npy", np.array([0, 2**40, 1.]), f"{BEYOND}1.* in row 1"),
])
def test_load_refuses_what_does_not_fit(folder, name, array, message):
    np.save(folder / name, array)
    file = "" if " files " in message else f"{name} .*"
    with pytest.raises(ValueError, match=f"{file}{message}"):
        mnist.load(folder)


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("content", [
    b"",
    b"PK\x03\x04 a zip archive",
    npy_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}\n") + bytes(9),
    npy_header("{'descr': '<i8', 'fortran"),
    npy_header("x\n    y\n  z"),
    npy_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**12},)}}\n"),
    npy_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**20},)}}\n"),
], ids=["empty", "zip", "cut short", "half a header", "indentation", "large", "huge"])
def test_load_refuses_a_file_that_is_no_sound_npy(folder, content):
    (folder / "val_labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match="val_labels.npy is cut short, .*get it again"):
        mnist.load(folder)


def test_load_never_unpickles(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(folder / "val_labels.npy", np.array([Trap(), Trap()]), allow_pickle=True)
    with pytest.raises(ValueError, match="save it as numbers"):
        mnist.load(folder)
    assert not (tmp_path / "sprung").exists()


# ---- Making ready ------------------------------------------------------------------------------

def test_standardise_uses_the_training_sets_scale_for_all_three():
    dset = tuple((np.array(x, np.uint8), [1]) for x in ([[0, 4], [4, 0]], [[2, 2]], [[0, 255]]))
    assert mnist.scale(dset[0][0]) == (2, 2)
    assert [type(number) for number in mnist.scale(dset[0][0])] == [float, float]
    (trainx, _), (valx, _), (testx, _) = mnist.standardise(dset)
    np.testing.assert_array_equal(trainx, [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(valx, [[0, 0]])
    np.testing.assert_array_equal(testx, [[-1, 126.5]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_standardise_agrees_with_numpy_over_many_blocks_and_far_from_zero(monkeypatch, dtype):
    monkeypatch.setattr(mnist, "BLOCK", 3)
    x = np.random.default_rng(1).uniform(250, 256, (2000, 7)).astype(dtype)
    wide = x.astype(np.float64)
    (got, _), = mnist.standardise(((x, None),))
    np.testing.assert_allclose(mnist.scale(x), (wide.mean(), wide.std()), rtol=1e-12)
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardise_gives_the_dtype_asked_for_and_leaves_its_input_alone(folder, arrays, dtype):
    dset = mnist.load(folder)
    for (x, y), (ready, same), part in zip(
            dset, mnist.standardise(dset, dtype), ("train", "val", "test")):
        assert ready.dtype == dtype
        assert same is y
        np.testing.assert_array_equal(x, arrays[f"{part}_data.npy"])


@pytest.mark.parametrize("x", [
    np.full((3, 3), 0.1), np.array([[0, np.nan]]), np.array([[0, np.inf]]), np.zeros((0, 3)),
], ids=["constant", "nan", "inf", "empty"])
def test_standardise_refuses_data_without_a_scale(x):
    with pytest.raises(ValueError, match="must be finite and hold at least two different values"):
        mnist.standardise(((x, None), (x, None), (x, None)))


def test_standardise_refuses_an_integer_dtype(folder):
    with pytest.raises(TypeError, match="dtype must be floating, such as np.float64, got int64"):
        mnist.standardise(mnist.load(folder), np.int64)
