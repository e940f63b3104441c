"""Loading the six files, which refuses those that do not fit, and standardising them."""

import os
import struct

import numpy as np
import pytest

from data import mnist
from tests.commands.archives import NCLASSES, NTEST, NTRAIN, NVAL, SIDE, sha256

PARTS = ("train", "val", "test")


@pytest.fixture
def folder(arrays, tmp_path):
    """A folder with six files that fit together; a test spoils one."""
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    return tmp_path


def one_hot(labels):
    return np.eye(NCLASSES)[labels]


def save_one_hot(folder, arrays, parts, dtype):
    """Replace the labels of these parts by one-hot rows."""
    for part in parts:
        name = f"{part}_labels.npy"
        np.save(folder / name, one_hot(arrays[name]).astype(dtype))


# ---- Valid files -------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_load_returns_the_arrays_as_stored(folder, arrays, dtype, order):
    for name, array in arrays.items():
        np.save(folder / name, array.astype(dtype, order=order))
    loaded = [array for pair in mnist.load(folder) for array in pair]
    for array, expected in zip(loaded, arrays.values()):
        assert type(array) is np.ndarray
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, expected.astype(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, bool])
def test_load_takes_one_hot_labels(folder, arrays, dtype):
    save_one_hot(folder, arrays, PARTS, dtype)
    (_, trainy), _, _ = mnist.load(folder)
    assert trainy.dtype == dtype
    np.testing.assert_array_equal(trainy, one_hot([0, 1, 2, 0, 1]))


@pytest.mark.parametrize("major", [1, 2, 3])
def test_load_reads_every_version_of_the_format(folder, arrays, major):
    with open(folder / "train_data.npy", "wb") as file:
        np.lib.format.write_array(file, arrays["train_data.npy"], version=(major, 0))
    (trainx, _), _, _ = mnist.load(folder)
    np.testing.assert_array_equal(trainx, arrays["train_data.npy"])


# ---- Missing and damaged files -----------------------------------------------------------------

def test_every_missing_file_is_named(folder):
    (folder / "val_data.npy").unlink()
    (folder / "test_labels.npy").unlink()
    message = r"lacks val_data\.npy, test_labels\.npy: run `python data/mnist\.py`.*course's"
    with pytest.raises(FileNotFoundError, match=message):
        mnist.load(folder)


@pytest.mark.parametrize("name", ["val_data.npy", "train_labels.npy"])
def test_a_folder_in_the_place_of_a_file_is_named(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    message = f"{name} is a folder, expected an .npy file: move it away"
    with pytest.raises(IsADirectoryError, match=message):
        mnist.load(folder)


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def npy_header_of(n):
    """Return the header of n integers."""
    return npy_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({n},)}}\n")


@pytest.mark.parametrize("content", [
    b"",
    b"PK\x03\x04 a zip archive",
    npy_header_of(2) + bytes(9),
    npy_header("{'descr': '<i8', 'fortran"),
    npy_header("x\n    y\n  z"),
    npy_header_of(10**12),
    npy_header_of(10**20),
], ids=["empty", "zip", "truncated", "truncated header", "indentation", "large", "huge"])
def test_a_damaged_file_is_refused(folder, content):
    (folder / "val_labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match="val_labels.npy is truncated, .*get it again"):
        mnist.load(folder)


class Trap:
    """An object that makes the folder `path` when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_load_never_unpickles(folder, tmp_path):
    trap = Trap(tmp_path / "sprung")
    np.save(folder / "val_labels.npy", np.array([trap, trap]), allow_pickle=True)
    with pytest.raises(ValueError, match="save numbers"):
        mnist.load(folder)
    assert not (tmp_path / "sprung").exists()


# ---- Files that do not fit ---------------------------------------------------------------------

def assert_refused(folder, name, array, message):
    """Check that load refuses the array under this name, with a message of one line."""
    np.save(folder / name, array)
    with pytest.raises(ValueError, match=message) as caught:
        mnist.load(folder)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape, dtype, kind", [
    ((2, 4, 4), float, r"float64 \(2, 4, 4\)"),
    ((2,), float, r"float64 \(2,\)"),
    ((2, 16), complex, r"complex128 \(2, 16\)"),
    ((2, 16), "U1", r"<U1 \(2, 16\)"),
    ((0, 16), float, r"float64 \(0, 16\)"),
    ((2, 0), float, r"float64 \(2, 0\)"),
])
@pytest.mark.parametrize("name", ["val_data.npy", "test_data.npy"])
def test_data_of_another_kind_are_refused(folder, name, shape, dtype, kind):
    x = np.zeros(shape, dtype)
    message = rf"must hold real numbers of shape \(n, d\), .* got {kind}: save numbers"
    assert_refused(folder, name, x, message)


@pytest.mark.parametrize("name, n", [("train_data.npy", NTRAIN), ("test_data.npy", NTEST)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_data_that_are_not_finite_are_refused(folder, name, n, value, dtype):
    x = np.zeros((n, SIDE * SIDE), dtype)
    x[1, 3] = value
    x[2, 0] = value
    message = f"must hold finite numbers, got {value} in row 1 .*: correct that row, or remove it"
    assert_refused(folder, name, x, message)


@pytest.mark.parametrize("labels, kind", [
    (["7", "1"], r"<U1 \(2,\)"),
    ([b"7", b"1"], r"\|S1 \(2,\)"),
    ([1j, 0], r"complex128 \(2,\)"),
    ([[7], [1]], r"int64 \(2, 1\)"),
    ([["7"], ["1"]], r"<U1 \(2, 1\)"),
    (1, r"int64 \(\)"),
    (np.zeros((NVAL, 3, 3)), r"float64 \(2, 3, 3\)"),
])
def test_labels_of_another_kind_are_refused(folder, labels, kind):
    message = (r"must hold numbers: class indices of shape \(n,\), or one-hot rows .*"
               rf"got {kind}: save .* labels\.astype\(int\)\.ravel\(\)")
    assert_refused(folder, "val_labels.npy", labels, message)


@pytest.mark.parametrize("name, labels, value, row", [
    ("val_labels.npy", [1, 0.5], "0.5", 1),
    ("val_labels.npy", [np.inf, 1], "inf", 0),
    ("test_labels.npy", [0, 1, np.nan], "nan", 2),
    ("train_labels.npy", [0, 1, 2, -1, 0], "-1", 3),
    ("train_labels.npy", [1, -1, 1, -1, -1], "-1", 1),
])
def test_labels_that_are_no_indices_are_refused(folder, name, labels, value, row):
    message = rf"must hold class indices 0, 1, \.\.\., got {value} in row {row} .*np\.unique"
    assert_refused(folder, name, labels, message)


@pytest.mark.parametrize("wrong, value", [
    ([0, 0, 0], "0 0 0"),
    ([1, 1, 0], "1 1 0"),
    ([-1, 1, 1], "-1  1  1"),
    ([-1, -1, 1], "-1 -1  1"),
    ([0, 255, 0], "  0 255   0"),
    ([0.5, 0.5, 0], r"0\.5 0\.5 0\. "),
    ([np.nan, 0, 1], r"nan  0\.  1\."),
    ([2] * 50, r"2 2 2 \.\.\. 2 2 2"),
])
@pytest.mark.parametrize("row", [0, 1])
def test_rows_that_are_not_one_hot_are_refused(folder, wrong, value, row):
    labels = np.eye(NVAL, len(wrong), dtype=np.asarray(wrong).dtype)
    labels[row] = wrong
    message = rf"one-hot rows, .*, got \[{value}\] in row {row} .*labels\.argmax\(axis=1\)"
    assert_refused(folder, "val_labels.npy", labels, message)


@pytest.mark.parametrize("labels, message", [
    ([0, 1, 255, 2, 1], "no class 3, but 255 in row 2 "),
    ([0, 255, 0, 255, 0], "no class 1, but 255 in row 1 "),
    ([0, 1, 2, 2**40, 1], f"no class 3, but {2**40} in row 3 "),
    ([1, 2, 3, 4, 10], "no class 0, but 1 in row 0 "),
    ([True] * NTRAIN, "no class 0, but 1 in row 0 "),
    ([0.0] * NTRAIN, "no class 1 "),
])
def test_training_labels_without_a_class_are_refused(folder, labels, message):
    message += r"\(counted from 0\): expected every class .*at least two; number the classes from 0"
    assert_refused(folder, "train_labels.npy", labels, message)


@pytest.mark.parametrize("labels, message", [
    ([0, 1, 0, 1, 0], "no class 2 "),
    ([0, 2, 0, 2, 0], "no class 1, but 2 in row 1 "),
])
def test_one_hot_training_labels_without_a_class_are_refused(folder, arrays, labels, message):
    save_one_hot(folder, arrays, ("val", "test"), float)
    assert_refused(folder, "train_labels.npy", one_hot(labels), message)


@pytest.mark.parametrize("name, labels, value, row", [
    ("val_labels.npy", [2, 3], "3", 1),
    ("test_labels.npy", [0, 2.0**40, 1], r"1\.0.*e\+12", 1),
])
def test_classes_that_training_lacks_are_refused(folder, name, labels, value, row):
    message = f"classes that the training labels have, 0 to 2, got {value} in row {row} "
    assert_refused(folder, name, labels, message)


def test_labels_and_data_of_different_lengths_are_refused(folder):
    message = "must have the same number of rows, got 2 and 3"
    assert_refused(folder, "val_labels.npy", np.zeros(NVAL + 1, int), message)


@pytest.mark.parametrize("name, array, message", [
    ("test_data.npy", np.zeros((NTEST, 9)), r"data files .*\(16,\) in train, .*\(9,\) in test"),
    ("test_data.npy", np.zeros((NTEST, 25)), r"data files .*\(16,\) in val, \(25,\) in test"),
    ("val_labels.npy", one_hot([1, 2]), r"labels files .*\(\) in train, \(3,\) in val"),
])
def test_rows_of_different_shapes_are_refused(folder, name, array, message):
    np.save(folder / name, array)
    with pytest.raises(ValueError, match=message):
        mnist.load(folder)


# ---- Standardising -----------------------------------------------------------------------------

def test_scale_returns_mean_and_standard_deviation():
    trainx = np.array([[0, 4], [4, 0]], np.uint8)
    result = mnist.scale(trainx)
    assert result == (2, 2)
    assert [type(number) for number in result] == [float, float]


def test_standardise_uses_the_scale_of_the_training_set():
    trainx = np.array([[0, 4], [4, 0]], np.uint8)
    valx = np.array([[2, 2]], np.uint8)
    testx = np.array([[0, 255]], np.uint8)
    dset = [(x, None) for x in (trainx, valx, testx)]
    train, val, test = (x for x, _ in mnist.standardise(dset))
    np.testing.assert_array_equal(train, [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(val, [[0, 0]])
    np.testing.assert_array_equal(test, [[-1, 126.5]])


@pytest.fixture(params=["uint8", "int64", "float32", "float64"])
def values(request, monkeypatch):
    """Data of several blocks, far from zero; its mean cannot be represented in float32."""
    monkeypatch.setattr(mnist, "BLOCK", 3)
    rng = np.random.default_rng(1)
    return rng.uniform(250, 256, (2000, 7)).astype(request.param)


def standardise_by_itself(x, dtype=np.float64):
    """Return x as standardise returns it for the training data x."""
    [(standardised, _)] = mnist.standardise([(x, None)], dtype)
    return standardised


def test_standardise_agrees_with_numpy(values):
    wide = values.astype(np.float64)
    mean = wide.mean()
    deviation = wide.std()
    x = standardise_by_itself(values)
    np.testing.assert_allclose(mnist.scale(values), (mean, deviation), rtol=1e-12)
    np.testing.assert_allclose(x, (wide - mean) / deviation, rtol=1e-9, atol=1e-9)


def test_standardise_computes_in_float64_for_float32(values):
    wide = standardise_by_itself(values, np.float64)
    narrow = standardise_by_itself(values, np.float32)
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_standardise_returns_the_dtype_and_leaves_its_input(folder, arrays, dtype):
    dset = mnist.load(folder)
    standardised = mnist.standardise(dset, dtype)
    for part, (x, y), (new_x, new_y) in zip(PARTS, dset, standardised):
        assert new_x.dtype == dtype
        assert new_y is y
        np.testing.assert_array_equal(x, arrays[f"{part}_data.npy"])


@pytest.mark.parametrize("x", [
    np.full((3, 3), 0.1),
    np.array([[0, np.nan]]),
    np.array([[0, np.inf]]),
    np.zeros((0, 3)),
], ids=["constant", "nan", "inf", "empty"])
def test_data_without_a_scale_are_refused(x):
    with pytest.raises(ValueError, match="must be finite and hold at least two different values"):
        standardise_by_itself(x)


def test_standardise_refuses_an_integer_dtype(folder):
    dset = mnist.load(folder)
    with pytest.raises(TypeError, match="dtype must be floating, such as np.float64, got int64"):
        mnist.standardise(dset, np.int64)


# ---- The real MNIST ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def real():
    """The six files' arrays by name, where data/ or the folder MNIST_DIR holds MNIST."""
    folder = os.environ.get("MNIST_DIR", mnist.HERE)
    try:
        pairs = mnist.load(folder)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    return dict(zip(mnist.FILES, [array for pair in pairs for array in pair]))


@pytest.mark.mnist
@pytest.mark.parametrize("part, n", [
    ("train", 50000),
    ("val", 10000),
    ("test", 10000),
])
def test_the_files_are_those_of_the_handout(real, part, n):
    x = real[f"{part}_data.npy"]
    y = real[f"{part}_labels.npy"]
    assert (x.dtype, x.shape) == (np.uint8, (n, 784))
    assert (y.dtype, y.shape) == (np.int64, (n,))


@pytest.mark.mnist
def test_the_hashes_of_the_files_are_correct(real):
    found = {name: sha256(np.ascontiguousarray(array)) for name, array in real.items()}
    assert found == {name: digest for name, (*_, digest) in mnist.FILES.items()}


@pytest.mark.mnist
def test_the_files_contain_the_archives(real):
    images = np.concatenate([real["train_data.npy"], real["val_data.npy"]])
    labels = np.concatenate([real["train_labels.npy"], real["val_labels.npy"]])
    contents = {
        "t10k-labels-idx1-ubyte": idx(real["test_labels.npy"], 10000),
        "train-labels-idx1-ubyte": idx(labels, 60000),
        "t10k-images-idx3-ubyte": idx(real["test_data.npy"], 10000, 28, 28),
        "train-images-idx3-ubyte": idx(images, 60000, 28, 28),
    }
    for name, (_, size, digest) in mnist.ARCHIVES.items():
        assert len(contents[name]) == size
        assert sha256(contents[name]) == digest


def idx(array, *shape):
    """Return the bytes of an IDX file of unsigned bytes."""
    header = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
    return header + array.astype(np.uint8).tobytes()
