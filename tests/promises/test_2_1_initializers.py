"""What is promised of section 2.1, the initializers, beyond the handout's own tests."""

import numpy as np
import pytest


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (784, 2)])
def test_weights_have_a_row_for_each_input_and_a_column_for_each_unit(nn, shape):
    """random_normal_weight_init(d0, d1) returns a float64 array of shape (d0, d1)."""
    weights = nn.random_normal_weight_init(*shape)
    assert (weights.shape, weights.dtype) == (shape, np.float64)


def test_weights_are_standard_normal(nn):
    """random_normal_weight_init draws with mean 0 and variance 1: 68 % within 1 of 0, 95 % within 2."""
    np.random.seed(0)
    weights = nn.random_normal_weight_init(400, 500)
    assert abs(weights.mean()) < 0.01  # 200,000 draws: four standard errors are 0.009
    assert abs(weights.var() - 1) < 0.0127  # ... 0.0127
    assert abs((np.abs(weights) < 1).mean() - 0.6827) < 0.0042  # ... 0.0042
    assert abs((np.abs(weights) < 2).mean() - 0.9545) < 0.0019  # ... 0.0019


def test_weights_come_from_the_global_random_state(nn):
    """np.random.seed makes random_normal_weight_init repeatable: it draws once from np.random itself."""
    np.random.seed(11785)
    weights, next_number = nn.random_normal_weight_init(3, 4), np.random.uniform()
    np.random.seed(11785)
    np.testing.assert_array_equal(weights, np.random.normal(0.0, 1.0, (3, 4)))
    assert next_number == np.random.uniform()


def test_weights_of_two_layers_differ(nn):
    """random_normal_weight_init draws new numbers in each call: it does not seed np.random itself."""
    assert (nn.random_normal_weight_init(3, 4) != nn.random_normal_weight_init(3, 4)).all()


@pytest.mark.parametrize("d", [1, 5])
def test_biases_are_zero(nn, d):
    """zeros_bias_init(d) returns d zeros, float64."""
    biases = nn.zeros_bias_init(d)
    assert biases.dtype == np.float64
    np.testing.assert_array_equal(biases.ravel(), [0.0] * d)


def test_biases_draw_nothing(nn):
    """zeros_bias_init leaves np.random's state alone: weights drawn after it stay the same."""
    np.random.seed(0)
    nn.zeros_bias_init(3)
    number = np.random.uniform()
    np.random.seed(0)
    assert number == np.random.uniform()


def test_biases_of_two_layers_are_two_arrays(nn):
    """zeros_bias_init returns a new array in each call: two layers never share a bias."""
    first, second = nn.zeros_bias_init(3), nn.zeros_bias_init(3)
    first += 1
    np.testing.assert_array_equal(second.ravel(), [0.0] * 3)
