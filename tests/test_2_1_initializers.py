"""2.1 Initializers: random weights, biases of zero, and how MLP calls its initializers.

MLP takes two functions: weight_init_fn(d_in, d_out) and bias_init_fn(d). It calls each exactly once
per layer, from the input to the output. One more call, or another order, would change every random
number that follows. The section is worth no points, but all others build on it.
"""

import numpy as np


def build(nn, weight_init_fn, bias_init_fn):
    """Return an MLP with 20 inputs, a hidden layer of 8 units and ten outputs."""
    activations = [nn.Identity(), nn.Identity()]
    return nn.MLP(20, 10, [8], activations, weight_init_fn, bias_init_fn,
                  nn.SoftmaxCrossEntropy(), 0.1)


def draw_weights(d_in, d_out):
    return np.random.standard_normal((d_in, d_out))


def draw_biases(d):
    return np.random.standard_normal((1, d))


# ---- The distribution ----------------------------------------------------------------------------

def test_weights_have_the_standard_normal_distribution(nn):
    np.random.seed(0)
    weights = nn.random_normal_weight_init(400, 500)
    # 200,000 numbers: each bound is four standard errors.
    assert abs(weights.mean()) < 0.009
    assert abs(weights.var() - 1) < 0.0127
    assert abs((np.abs(weights) < 1).mean() - 0.6827) < 0.0042
    assert abs((np.abs(weights) < 2).mean() - 0.9545) < 0.0019


def test_weights_have_a_row_per_input_and_a_column_per_unit(nn):
    weights = nn.random_normal_weight_init(3, 5)
    assert weights.shape == (3, 5)


def test_biases_are_zero(nn):
    biases = nn.zeros_bias_init(5)
    assert np.ravel(biases).tolist() == [0, 0, 0, 0, 0]


# ---- The calls -----------------------------------------------------------------------------------

def test_weight_init_fn_is_called_once_per_layer_in_order(nn):
    calls = []

    def weight_init_fn(d_in, d_out):
        calls.append((d_in, d_out))
        return draw_weights(d_in, d_out)

    build(nn, weight_init_fn, draw_biases)
    assert calls == [(20, 8), (8, 10)]


def test_bias_init_fn_is_called_once_per_layer_in_order(nn):
    calls = []

    def bias_init_fn(d):
        calls.append(d)
        return draw_biases(d)

    build(nn, draw_weights, bias_init_fn)
    assert calls == [8, 10]


def test_w_holds_the_results_of_weight_init_fn(nn):
    results = []

    def weight_init_fn(d_in, d_out):
        weights = draw_weights(d_in, d_out)
        results.append(weights.copy())
        return weights

    mlp = build(nn, weight_init_fn, draw_biases)
    assert len(mlp.W) == 2
    assert len(results) >= 2
    for i, W in enumerate(mlp.W):
        np.testing.assert_array_equal(W, results[i], err_msg=f"W[{i}]")


def test_b_holds_the_results_of_bias_init_fn(nn):
    results = []

    def bias_init_fn(d):
        biases = draw_biases(d)
        results.append(biases.copy())
        return biases

    mlp = build(nn, draw_weights, bias_init_fn)
    assert len(mlp.b) == 2
    assert len(results) >= 2
    for i, b in enumerate(mlp.b):
        np.testing.assert_array_equal(np.ravel(b), results[i][0], err_msg=f"b[{i}]")
