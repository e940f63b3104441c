"""Scalars and 0-d arrays of any NumPy type count as the numbers that they hold."""

import numpy as np
import pytest

from tests.module.helpers import build
from tests.module.networks import (
    D, K, arrays, assert_same_arrays, batch, network, train_on, train_once)
from tests.module.pieces import examples
from tests.module.training import assert_stats, dataset, normalised_network, run

FLOATS = pytest.mark.parametrize("scalar", [
    np.float64,
    np.longdouble,
    np.array,
], ids=["float64", "longdouble", "0-d array"])
INTEGERS = pytest.mark.parametrize("integer", [
    np.uint8,
    np.int8,
    np.uint16,
    np.int64,
    np.array,
], ids=["uint8", "int8", "uint16", "int64", "0-d array"])
EVALUATION = pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])


# ---- Floats --------------------------------------------------------------------------------------

def set_number(mlp, name, number):
    """Set lr or momentum of mlp, or alpha or eps of each of its BatchNorm layers."""
    owners = [mlp] if name in ("lr", "momentum") else mlp.bn_layers
    for owner in owners:
        setattr(owner, name, number)


@FLOATS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["lr", "momentum", "alpha", "eps"])
def test_scalars_count_as_the_float_that_they_hold(nn, name, dtype, scalar):
    mlp = network(nn, dtype=dtype, momentum=0.9, num_bn_layers=2)
    twin = network(nn, dtype=dtype, momentum=0.9, num_bn_layers=2)
    x, labels = batch(1, dtype=dtype)
    set_number(mlp, name, scalar(0.3))
    set_number(twin, name, 0.3)
    for each in (mlp, twin):
        train_once(each, x, labels)
        train_once(each, x, labels)
        each.eval()
    output = mlp.forward(x)
    np.testing.assert_array_equal(output, twin.forward(x))
    assert_same_arrays(arrays(mlp), arrays(twin))
    for array in [output, *arrays(mlp).values()]:
        assert array.dtype == dtype


@FLOATS
def test_a_momentum_of_any_type_scales_velocities_alike(nn, scalar):
    mlp = network(nn, dtype=np.float32, momentum=scalar(0.3))
    twin = network(nn, dtype=np.float32, momentum=0.3)
    x, labels = batch(1, dtype=np.float32)
    for each in (mlp, twin):
        train_once(each, x, labels)
        each.W = [np.zeros_like(W) for W in each.W]
        each.zero_grads()
        each.step()  # W becomes momentum times the velocity, without a rounding
    assert_same_arrays(arrays(mlp), arrays(twin))


@FLOATS
@EVALUATION
def test_a_batchnorm_of_float32_stays_float32_alone(nn, evaluation, scalar):
    layer = nn.BatchNorm(4, scalar(0.25), dtype=np.float32)
    layer.eps = scalar(1e-3)
    x, _, delta = examples(1)
    out = layer.forward(x.astype(np.float32), eval=evaluation)
    dx = layer.backward(delta.astype(np.float32))
    for array in (out, dx, layer.running_mean, layer.running_var):
        assert array.dtype == np.float32


# ---- Integers ------------------------------------------------------------------------------------

@INTEGERS
@pytest.mark.parametrize("batch_size", [20, 127])
def test_batch_size_may_be_any_integer(nn, integer, batch_size):
    """A sum of np.uint8, such as the end of the last batch, would wrap."""
    found = run(nn, normalised_network(nn), dataset(300), 1, integer(batch_size))
    expected = run(nn, normalised_network(nn), dataset(300), 1, batch_size)
    assert_stats(found, expected)


@INTEGERS
def test_nepochs_may_be_any_integer(nn, integer):
    found = run(nn, normalised_network(nn), dataset(), integer(2))
    expected = run(nn, normalised_network(nn), dataset(), 2)
    assert_stats(found, expected)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_must_be_at_least_1(nn, batch_size):
    mlp = normalised_network(nn)
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {batch_size}"):
        run(nn, mlp, dataset(), batch_size=batch_size)
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))


@pytest.mark.parametrize("batch_size", [20.0, "20", None, [20]], ids=repr)
def test_a_batch_size_that_is_not_an_integer_is_refused(nn, batch_size):
    mlp = normalised_network(nn)
    with pytest.raises(TypeError):
        run(nn, mlp, dataset(), batch_size=batch_size)
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))


@INTEGERS
def test_sizes_may_be_any_integers(nn, integer):
    activations = [nn.Tanh(), nn.Identity()]
    mlp = build(nn, [integer(100)], activations, integer(D), integer(K), num_bn_layers=integer(1))
    twin = build(nn, [100], activations, D, K, num_bn_layers=1)
    assert repr(mlp) == repr(twin)
    train_on(mlp, [1, 2])
    train_on(twin, [1, 2])
    assert_same_arrays(arrays(mlp), arrays(twin))
    found = run(nn, mlp, dataset(), 1)
    expected = run(nn, twin, dataset(), 1)
    assert_stats(found, expected)


@pytest.mark.parametrize("convert", [tuple, np.array, iter], ids=["tuple", "array", "iterator"])
def test_hiddens_may_be_any_sequence(nn, convert):
    activations = (nn.Tanh(), nn.Tanh(), nn.Identity())
    mlp = build(nn, convert([5, 4]), activations)
    assert [W.shape for W in mlp.W] == [(D, 5), (5, 4), (4, K)]
