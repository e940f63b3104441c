"""dset of get_training_stats: what it and its x may be, and what is refused before an epoch."""

import re

import numpy as np
import pytest

from tests.module.helpers import strided
from tests.module.networks import D, K, arrays, assert_same_arrays
from tests.module.training import PARTITIONS, assert_stats, dataset, normalised_network, run

EACH_PARTITION = pytest.mark.parametrize("name", PARTITIONS)
NUMBERS = np.random.RandomState(1).standard_normal((6, D))


def dataset_with(name, x=None, y=None):
    """Return a dataset of six examples a partition, with this x or y in one of them."""
    pairs = []
    for each, (default_x, default_y) in zip(PARTITIONS, dataset(6, 6, 6)):
        if each == name:
            pairs.append((default_x if x is None else x, default_y if y is None else y))
        else:
            pairs.append((default_x, default_y))
    return pairs


def assert_refused(nn, dset, message):
    """Assert that training raises ValueError with this message before it changes the network."""
    mlp = normalised_network(nn)
    with pytest.raises(ValueError, match=message):
        run(nn, mlp, dset, on_epoch=lambda *numbers: pytest.fail("an epoch"))
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))
    assert mlp.train_mode is True


# ---- dset ----------------------------------------------------------------------------------------

def as_object_array(dset):
    array = np.empty((3, 2), object)
    for i, (x, y) in enumerate(dset):
        array[i, 0] = x
        array[i, 1] = y
    return array


def as_lists(dset):
    return [list(pair) for pair in dset]


def as_iterators(dset):
    return map(iter, dset)


@pytest.mark.parametrize("convert", [as_object_array, as_lists, as_iterators])
def test_dset_may_be_any_three_pairs(nn, convert):
    found = run(nn, normalised_network(nn), convert(dataset()))
    expected = run(nn, normalised_network(nn), dataset())
    assert_stats(found, expected)


@pytest.mark.parametrize("dset", [
    None,
    3,
    np.zeros(3),
    [None, None, None],
    [],
    dataset()[:2],
    dataset() + dataset()[:1],
], ids=["None", "3", "array", "Nones", "no pair", "2 pairs", "4 pairs"])
def test_a_dset_that_is_not_three_pairs_is_refused(nn, dset):
    assert_refused(nn, dset, "dset must be three pairs, .*testy")


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_partition_that_is_not_a_pair_is_refused(nn, length, place):
    dset = list(dataset())
    x, y = dset[place]
    dset[place] = (x, y, y)[:length]
    assert_refused(nn, dset, "dset must be three pairs, .*testy")


# ---- x -------------------------------------------------------------------------------------------

@EACH_PARTITION
@pytest.mark.parametrize("x", [3, 3.5, np.float64(3), "x", {}], ids=repr)
def test_x_that_is_no_array_is_refused(nn, name, x):
    message = rf"{name}x must be \(n, input_size\), real numbers, .* got .* \(\)$"
    assert_refused(nn, dataset_with(name, x=x), message)


@EACH_PARTITION
@pytest.mark.parametrize("shape", [(6, 2, 2), (6,), (0, D), (6, 0), ()], ids=str)
def test_x_must_be_rows(nn, name, shape):
    x = np.zeros(shape)
    got = re.escape(f"got float64 {shape}")
    message = rf"{name}x must be \(n, input_size\), real numbers, at least one row, {got}$"
    assert_refused(nn, dataset_with(name, x=x), message)


@EACH_PARTITION
@pytest.mark.parametrize("dtype", ["complex128", "U", "object"])
def test_x_must_be_real_numbers(nn, name, dtype):
    x = np.zeros((6, D)).astype(dtype)
    got = re.escape(f"got {x.dtype} {x.shape}")
    message = rf"{name}x must be \(n, input_size\), real numbers, at least one row, {got}$"
    assert_refused(nn, dataset_with(name, x=x), message)


@EACH_PARTITION
@pytest.mark.parametrize("width", [D - 1, D + 1])
def test_x_must_be_as_wide_as_trainx(nn, name, width):
    dset = dataset_with(name, x=np.zeros((6, width)))
    trainx, _ = dset[0]
    message = rf"(val|test)x must be \(n, {trainx.shape[1]}\) as trainx is, got .*\(6, \d\)$"
    assert_refused(nn, dset, message)


def test_x_must_have_the_width_of_the_network(nn):
    """The network refuses it, before a parameter has changed."""
    partition = (np.zeros((6, D + 1)), np.zeros(6, int))
    message = re.escape(f"x must be (m, {D})") + ".*got"
    assert_refused(nn, [partition] * 3, message)


@EACH_PARTITION
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_x_that_is_not_finite_is_refused(nn, name, value, dtype):
    x = NUMBERS.astype(dtype)
    x[2, 3] = value
    x[4, 0] = value  # the first is named
    assert_refused(nn, dataset_with(name, x=x), f"{name}x must be finite, .* in row 2$")


@EACH_PARTITION
@pytest.mark.parametrize("convert", [np.ndarray.tolist, np.asfortranarray, strided])
def test_x_that_is_not_finite_is_refused_in_any_form(nn, name, convert):
    x = NUMBERS.copy()
    x[5, 3] = np.nan
    dset = dataset_with(name, x=convert(x))
    assert_refused(nn, dset, f"{name}x must be finite, .* in row 5$")


@EACH_PARTITION
@pytest.mark.parametrize("dtype, size", [
    ("float64", 1e150),
    ("float32", 3e38),  # a sum of two is infinite
])
def test_large_finite_numbers_in_x_are_taken(nn, name, dtype, size):
    x = NUMBERS.astype(dtype)
    x[0, :2] = size
    *_, confusion_matrix = run(nn, normalised_network(nn), dataset_with(name, x=x))
    assert confusion_matrix.sum() == 6


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64"])
def test_integers_and_booleans_in_x_are_taken(nn, dtype):
    integers = dataset(x=lambda x: np.abs(5 * x).astype(dtype))
    floats = [(x.astype(np.float64), y) for x, y in integers]
    found = run(nn, normalised_network(nn), integers)
    expected = run(nn, normalised_network(nn), floats)
    assert_stats(found, expected)


# ---- y: test_labels.py has the rest --------------------------------------------------------------

@EACH_PARTITION
@pytest.mark.parametrize("y", [3, np.array(None), "y", {}], ids=repr)
def test_y_that_is_no_array_is_refused(nn, name, y):
    message = rf"{name}y must be \(6,\), class indices, or \(6, {K}\), one-hot, got .* \(\)$"
    assert_refused(nn, dataset_with(name, y=y), message)


@pytest.mark.parametrize("dtype, row", [
    ("uint8", [255, 1, 1]),
    ("int64", [2 ** 63 - 1, 2 ** 63 - 1, 3]),
], ids=["uint8", "int64"])
def test_rows_whose_sum_would_wrap_to_1_are_refused(nn, dtype, row):
    y = np.eye(K, dtype=dtype).repeat(2, axis=0)
    y[1] = row
    assert_refused(nn, dataset_with("val", y=y), "valy must hold class indices .* in row 1$")
