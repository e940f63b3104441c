"""The velocities that step updates in place fit the gradients and parameters that are set."""

import copy

import numpy as np
import pytest


def make_network(nn, dtype=np.float64, bias_shape=(3,)):
    """Return a linear classifier of four inputs and three classes, all parameters zero."""
    def make_weights(d_in, d_out):
        return np.zeros((d_in, d_out), dtype)

    def make_bias(d):
        return np.zeros(bias_shape, dtype)

    return nn.MLP(4, 3, [], [nn.Identity()], make_weights, make_bias,
                  nn.SoftmaxCrossEntropy(), 0.1, 0.5)


@pytest.mark.parametrize("shape", [
    (3, 4),
    (12,),
    (12, 1),
    (1, 12),
    (4, 1, 3),
], ids=str)
def test_a_dw_of_another_shape_is_refused(nn, shape):
    mlp = make_network(nn)
    mlp.dW[0] = np.arange(12.0).reshape(shape)

    with pytest.raises(ValueError):
        mlp.step()

    np.testing.assert_array_equal(mlp.W[0], np.zeros((4, 3)))


@pytest.mark.parametrize("bias_shape", [(3,), (1, 3)], ids=str)
@pytest.mark.parametrize("shape", [(3,), (1, 3)], ids=str)
def test_db_may_change_its_shape_between_steps(nn, bias_shape, shape):
    mlp = make_network(nn, bias_shape=bias_shape)
    mlp.db[0] = np.ones(3)
    mlp.step()
    mlp.db[0] = np.zeros(shape)
    mlp.step()

    expected = np.full(bias_shape, -0.15)
    np.testing.assert_allclose(mlp.b[0], expected, rtol=1e-12)
    assert mlp.b[0].shape == bias_shape


def test_float64_weights_in_a_float32_network_take_float64_steps(nn):
    mlp = make_network(nn, np.float32)
    twin = make_network(nn, np.float64)
    for each in (mlp, twin):
        each.W[0] = np.full((4, 3), 1.0)
        each.dW[0] = np.full((4, 3), 1 / 3)
        each.step()
        each.step()

    np.testing.assert_array_equal(mlp.W[0], twin.W[0])


def test_a_network_has_velocities_that_no_copy_changes(nn):
    mlp = make_network(nn)
    mlp.dW[0] = np.ones((4, 3))
    mlp.step()
    twin = copy.deepcopy(mlp)
    twin.step()

    mlp.step()

    np.testing.assert_array_equal(mlp.W[0], twin.W[0])
    assert mlp.W[0] is not twin.W[0]
