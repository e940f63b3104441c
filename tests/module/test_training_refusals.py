"""get_training_stats refuses x, dset and batch_size before the first epoch, in all partitions."""

import re

import numpy as np
import pytest

from tests.module.training import PARTITIONS, dataset, normalised_network, run
from tests.module.networks import D, arrays, assert_same_arrays

EACH_PARTITION = pytest.mark.parametrize("name", PARTITIONS)


def assert_refused(nn, data, message, **options):
    """Assert that training raises ValueError with this message before it changes the network."""
    mlp = normalised_network(nn)
    with pytest.raises(ValueError, match=message):
        run(nn, mlp, data, on_epoch=lambda *numbers: pytest.fail("an epoch"), **options)
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))
    assert mlp.train_mode is True


def with_x(name, x):
    """Return a dataset of six examples a partition, with this x in one of them."""
    data = dict(zip(PARTITIONS, dataset(6, 6, 6)))
    _, labels = data[name]
    data[name] = (x, labels)
    return list(data.values())


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_at_least_1(nn, batch_size):
    message = f"batch_size must be at least 1, got {batch_size}"
    assert_refused(nn, dataset(), message, batch_size=batch_size)


@EACH_PARTITION
@pytest.mark.parametrize("shape", [(6, 2, 2), (6,), (0, D), (6, 0)], ids=str)
def test_x_must_be_rows(nn, name, shape):
    x = np.zeros(shape)
    got = re.escape(f"got {x.dtype} {shape}")
    message = rf"{name}x must be \(n, input_size\), real numbers.*{got}$"
    assert_refused(nn, with_x(name, x), message)


@EACH_PARTITION
@pytest.mark.parametrize("dtype", ["complex128", "U", "object"])
def test_x_must_be_real_numbers(nn, name, dtype):
    x = np.zeros((6, D)).astype(dtype)
    got = re.escape(f"got {x.dtype} {x.shape}")
    message = rf"{name}x must be \(n, input_size\), real numbers.*{got}$"
    assert_refused(nn, with_x(name, x), message)


@EACH_PARTITION
@pytest.mark.parametrize("width", [D - 1, D + 1])
def test_x_must_have_one_width_in_all_partitions(nn, name, width):
    x = np.zeros((6, width))
    message = r"x must be \(.*got .*\(6, \d\)"
    assert_refused(nn, with_x(name, x), message)


def test_x_must_have_the_width_of_the_network(nn):
    """The network's own refusal, before a parameter has changed."""
    labels = np.zeros(6, int)
    x = np.zeros((6, D + 1))
    message = re.escape(f"x must be (m, {D})") + ".*got"
    mlp = normalised_network(nn)
    with pytest.raises(ValueError, match=message):
        run(nn, mlp, [(x, labels), (x, labels), (x, labels)])
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))
