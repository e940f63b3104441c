"""Arrays may lie in memory in any way: in Fortran order, strided, read-only, big-endian, mapped."""

import numpy as np
import pytest

from tests.module.helpers import assert_same, copies, one_hot, strided
from tests.module.networks import network, train_on
from tests.module.pieces import PIECES, assert_results, examples
from tests.module.training import assert_stats, dataset, normalised_network, run

LAYOUTS = ["Fortran", "strided", "read-only", "big-endian", "memory map"]
EACH_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS)


@pytest.fixture
def memory_map(tmp_path):
    """Return a function that saves an array and returns a read-only map of the file."""
    def save_and_map(a):
        number = len(list(tmp_path.iterdir()))
        path = tmp_path / f"{number}.npy"
        np.save(path, a)
        return np.load(path, mmap_mode="r")
    return save_and_map


@pytest.fixture
def lay_out(memory_map):
    """Return a function that returns the numbers of an array in another layout."""
    def convert(a, layout):
        if layout == "Fortran":
            return np.array(a, order="F")
        if layout == "strided":
            return strided(a)
        if layout == "read-only":
            return np.broadcast_to(a, a.shape)
        if layout == "big-endian":
            return a.astype(">f8")
        return memory_map(a)
    return convert


@EACH_LAYOUT
@pytest.mark.parametrize("piece_class", PIECES)
def test_data_may_have_any_layout(nn, piece_class, layout, lay_out):
    arguments = examples(1)
    converted = [lay_out(a, layout) for a in arguments]
    found = piece_class(nn).run(*converted)
    expected = piece_class(nn).run(*arguments)
    assert_results(found, expected, rtol=1e-11, atol=1e-14)
    assert_same(converted, arguments)


@EACH_LAYOUT
def test_parameters_may_have_any_layout(nn, layout, lay_out):
    mlp = network(nn, (5,), momentum=0.9)
    twin = network(nn, (5,), momentum=0.9)
    given = [lay_out(a, layout) for a in mlp.W + mlp.b]
    before = copies(given)
    mlp.W = given[:2]
    mlp.b = given[2:]
    train_on(mlp, [1, 2])
    train_on(twin, [1, 2])
    for found, expected in zip(mlp.W + mlp.b, twin.W + twin.b):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert_same(given, before)


# ---- get_training_stats --------------------------------------------------------------------------

@pytest.mark.parametrize("form", [np.array, np.ndarray.tolist, np.asfortranarray, strided])
def test_training_takes_pixels_in_any_layout(nn, form):
    pixels = dataset(x=lambda x: np.abs(50 * x).astype(np.uint8))
    formed = [(form(x), y) for x, y in pixels]
    floats = [(x.astype(np.float64), y) for x, y in pixels]
    found = run(nn, normalised_network(nn), formed)
    expected = run(nn, normalised_network(nn), floats)
    assert_stats(found, expected)


def test_training_takes_read_only_memory_maps(nn, memory_map):
    maps = dataset(x=memory_map, y=lambda y: memory_map(one_hot(y)))
    found = run(nn, normalised_network(nn), maps)
    expected = run(nn, normalised_network(nn), dataset(y=one_hot))
    assert_stats(found, expected)


def test_training_leaves_the_data_as_they_were(nn):
    data = dataset(y=one_hot)
    run(nn, normalised_network(nn), data)
    for partition, expected in zip(data, dataset(y=one_hot)):
        assert_same(partition, expected)
