"""2.1 Initializers: what they return, and when MLP calls them.

A call too many, or out of order, would change every random number after it.
"""

import numpy as np
import pytest


def test_weights_are_drawn_from_the_standard_normal_distribution(nn):
    np.random.seed(0)
    weights = nn.random_normal_weight_init(400, 500)
    # 200,000 draws: each bound is four standard errors.
    assert abs(weights.mean()) < 0.009
    assert abs(weights.var() - 1) < 0.0127
    assert abs((np.abs(weights) < 1).mean() - 0.6827) < 0.0042
    assert abs((np.abs(weights) < 2).mean() - 0.9545) < 0.0019


def test_mlp_calls_each_initializer_once_a_layer_from_input_to_output(nn):
    calls = {"weights": [], "biases": []}

    def weights(*shape):
        calls["weights"].append(shape)
        return np.ones(shape)

    def biases(*shape):
        calls["biases"].append(shape)
        return np.ones(shape)

    mlp = nn.MLP(5, 2, [4, 3], [nn.Tanh(), nn.Tanh(), nn.Identity()], weights, biases,
                 nn.SoftmaxCrossEntropy(), 0.1, momentum=0.9, num_bn_layers=2)
    for _ in range(2):
        mlp.zero_grads()
        mlp.forward(np.ones((6, 5)))
        mlp.backward(np.eye(2)[[0, 1, 0, 1, 0, 1]])
        mlp.step()
    assert calls == {"weights": [(5, 4), (4, 3), (3, 2)], "biases": [(4,), (3,), (2,)]}


def test_a_seeded_mlp_draws_its_weights_in_order_and_nothing_else(nn):
    np.random.seed(11785)
    mlp = nn.MLP(5, 2, [4], [nn.Sigmoid(), nn.Identity()], nn.random_normal_weight_init,
                 nn.zeros_bias_init, nn.SoftmaxCrossEntropy(), 0.1, momentum=0.9, num_bn_layers=1)
    next_number = np.random.uniform()
    np.random.seed(11785)
    np.testing.assert_array_equal(mlp.W[0], np.random.normal(0.0, 1.0, (5, 4)))
    np.testing.assert_array_equal(mlp.W[1], np.random.normal(0.0, 1.0, (4, 2)))
    assert next_number == np.random.uniform()


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (784, 2)])
def test_weights_have_a_row_for_each_input_and_a_column_for_each_unit(nn, shape):
    weights = nn.random_normal_weight_init(*shape)
    assert (weights.shape, weights.dtype) == (shape, np.float64)


@pytest.mark.parametrize("d", [1, 5])
def test_biases_are_zero(nn, d):
    biases = nn.zeros_bias_init(d)
    assert (biases.tolist(), biases.dtype) == ([0.0] * d, np.float64)


def test_biases_of_two_layers_share_no_memory(nn):
    assert not np.shares_memory(nn.zeros_bias_init(3), nn.zeros_bias_init(3))
