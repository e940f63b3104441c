"""2.6 Batch normalization: the layer alone, in training and in inference; then in a network.

Fix the first failure first: it explains those below it. dx, dgamma and dbeta of the layer are
checked against finite differences, then every gradient of networks with BatchNorm in their first
layers. Numbers in parentheses are the equations of the handout's appendix B. The statistics of a
batch may have the shape (d,) or (1, d).
"""

import numpy as np
import pytest

from tests.gradients import assert_close, assert_gradient
from tests.networks import (
    assert_all_gradients, build_sigmoids, compute_gradients, make_batch, sigmoid, take_step)

D = 6  # units of the layer
M = 8  # examples in a batch


def make_examples(seed, m=M):
    """Return x and an upstream gradient, both (m, D); the units of x differ in mean and spread."""
    rng = np.random.RandomState(seed)
    spreads = [0.5, 1, 2, 3, 1, 1]
    means = [-1, 0, 1, 5, 2, -3]
    x = means + spreads * rng.standard_normal((m, D))
    delta = rng.standard_normal((m, D))
    return x, delta


def build_layer(nn):
    """Return a BatchNorm with random gamma and beta."""
    rng = np.random.RandomState(100)
    layer = nn.BatchNorm(D)
    layer.gamma = rng.uniform(0.5, 2, (1, D))
    layer.beta = rng.standard_normal((1, D))
    return layer


def build_network(nn, num_bn_layers, lr=0.1):
    """Return a network with three hidden layers; each BatchNorm has random gamma and beta."""
    rng = np.random.RandomState(101)
    mlp = build_sigmoids(nn, [D, D, D], lr=lr, num_bn_layers=num_bn_layers)
    for i in range(num_bn_layers):
        mlp.bn_layers[i].gamma[...] = rng.uniform(0.5, 2, (1, D))
        mlp.bn_layers[i].beta[...] = rng.standard_normal((1, D))
    return mlp


def normalise(z, mean, var, layer):
    """Return x_hat, scaled and shifted by the gamma and beta of layer: (3) and (4)."""
    x_hat = (z - mean) / np.sqrt(var + 1e-8)
    return layer.gamma * x_hat + layer.beta


# ---- Gradients -----------------------------------------------------------------------------------

def test_backward_agrees_with_finite_differences(nn):
    """x affects the loss through the mean and the variance of the batch, too."""
    layer = build_layer(nn)
    x, delta = make_examples(0)

    def loss():
        return (delta * layer.forward(x)).sum()

    layer.forward(x)
    dx = layer.backward(delta)
    dgamma = np.array(layer.dgamma)
    dbeta = np.array(layer.dbeta)
    assert_gradient(dbeta, loss, layer.beta, "dbeta")
    assert_gradient(dgamma, loss, layer.gamma, "dgamma")
    assert_gradient(dx, loss, x, "dx")


@pytest.mark.parametrize("num_bn_layers", [1, 2, 3])
def test_gradients_of_a_network_agree_with_finite_differences(nn, num_bn_layers):
    mlp = build_network(nn, num_bn_layers)
    x, labels = make_batch(0, M)
    assert_all_gradients(mlp, x, labels, num_bn_layers)


# ---- The layer in training -----------------------------------------------------------------------

def test_layer_matches_hand_calculation(nn):
    # Unit 0: the mean is 10, x - mean is 5, -3, -1, -1, var is (25 + 9 + 1 + 1) / 4 = 9.
    # Unit 1: the mean is 1, x - mean is -1, 1, 1, -1, var is 1. eps is too small to matter.
    layer = nn.BatchNorm(2)
    layer.gamma = np.array([[6.0, -2.0]])
    layer.beta = np.array([[2.0, 1.0]])
    x = np.array([[15.0, 0.0], [7.0, 2.0], [9.0, 2.0], [9.0, 0.0]])
    out = layer.forward(x)
    assert_close(layer.mean, [10, 1], "mean")
    assert_close(layer.var, [9, 1], "var")
    assert_close(out, [[12, 3], [-4, -1], [0, -1], [0, 3]], "the output of BatchNorm")


def test_a_new_layer_has_gamma_1_and_beta_0(nn):
    layer = nn.BatchNorm(D)
    x, _ = make_examples(1)
    out = layer.forward(x)
    x_hat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-8)
    assert_close(out, x_hat, "the output of a new BatchNorm")


def test_eps_is_inside_the_square_root(nn):
    """The variance is 1e-8, as large as eps."""
    layer = nn.BatchNorm(2)
    x = np.array([[1e-4, 1e-4], [-1e-4, -1e-4], [1e-4, -1e-4], [-1e-4, 1e-4]])
    out = layer.forward(x)
    assert_close(out, x / np.sqrt(2e-8), "the output of BatchNorm")


FIRST_BATCH = np.array([[1.0, 0.0], [7.0, 2.0], [1.0, 2.0], [7.0, 0.0]])  # means 4, 1; vars 9, 1
SECOND_BATCH = np.array([[5.0, 0.0], [9.0, 6.0]])  # means 7, 3; vars 4, 9


def test_running_statistics_match_hand_calculation(nn):
    """running_mean starts at 0, running_var at 1, and alpha is 0.9."""
    layer = nn.BatchNorm(2)
    layer.forward(FIRST_BATCH)
    assert_close(layer.running_mean, [0.4, 0.1], "running_mean after one batch")
    assert_close(layer.running_var, [1.8, 1.0], "running_var after one batch")
    layer.forward(SECOND_BATCH)
    assert_close(layer.running_mean, [0.36 + 0.7, 0.09 + 0.3], "running_mean after two batches")
    assert_close(layer.running_var, [1.62 + 0.4, 0.9 + 0.9], "running_var after two batches")


def test_alpha_is_the_weight_of_the_running_statistics(nn):
    layer = nn.BatchNorm(2, 0.25)
    layer.forward(FIRST_BATCH)
    assert_close(layer.running_mean, [0.75 * 4, 0.75], "running_mean")
    assert_close(layer.running_var, [0.25 + 0.75 * 9, 1], "running_var")


def test_dx_is_that_of_the_last_batch(nn):
    used = build_layer(nn)
    fresh = build_layer(nn)
    for m in (4, M, 4):
        x, delta = make_examples(2, m)
        used.forward(x)
        used.backward(delta)
    x, delta = make_examples(3)
    used.forward(x)
    fresh.forward(x)
    assert_close(used.backward(delta), fresh.backward(delta), "dx of the last batch")


def test_x_and_delta_are_not_modified(nn):
    layer = build_layer(nn)
    x, delta = make_examples(4)
    layer.forward(x)
    layer.backward(delta)
    layer.forward(x, eval=True)
    expected_x, expected_delta = make_examples(4)
    np.testing.assert_array_equal(x, expected_x, err_msg="x")
    np.testing.assert_array_equal(delta, expected_delta, err_msg="delta")


# ---- The layer in inference ----------------------------------------------------------------------

def test_inference_uses_the_running_statistics(nn):
    layer = build_layer(nn)
    for seed in (5, 6):
        layer.forward(make_examples(seed)[0])
    x, _ = make_examples(7)
    expected = normalise(x, layer.running_mean, layer.running_var, layer)
    out = layer.forward(x, eval=True)
    assert_close(out, expected, "the output of BatchNorm with eval=True")


def test_inference_changes_no_running_statistics(nn):
    layer = build_layer(nn)
    layer.forward(make_examples(8)[0])
    running_mean = np.array(layer.running_mean)
    running_var = np.array(layer.running_var)
    layer.forward(make_examples(9)[0], eval=True)
    np.testing.assert_array_equal(layer.running_mean, running_mean, err_msg="running_mean")
    np.testing.assert_array_equal(layer.running_var, running_var, err_msg="running_var")


# ---- In a network --------------------------------------------------------------------------------

def write_out_forward(mlp, x, num_bn_layers, inference):
    """Return the output of mlp, of three hidden layers, for x, layer by layer."""
    for i in range(4):
        z = x @ mlp.W[i] + mlp.b[i]
        if i < num_bn_layers:
            layer = mlp.bn_layers[i]
            if inference:
                z = normalise(z, layer.running_mean, layer.running_var, layer)
            else:
                z = normalise(z, z.mean(axis=0), z.var(axis=0), layer)
        x = z if i == 3 else sigmoid(z)
    return x


@pytest.mark.parametrize("num_bn_layers", [0, 1, 2, 3])
def test_batchnorm_precedes_the_activations_of_the_first_layers(nn, num_bn_layers):
    mlp = build_network(nn, num_bn_layers)
    x, _ = make_batch(10, M)
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, num_bn_layers, inference=False)
    assert_close(output, expected, "the output in training mode")


def test_each_batchnorm_has_the_size_of_its_layer(nn):
    mlp = build_sigmoids(nn, [6, 5, 4], num_bn_layers=3)
    x, _ = make_batch(17, M)
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, 3, inference=False)
    assert [np.size(layer.gamma) for layer in mlp.bn_layers[:3]] == [6, 5, 4]
    assert_close(output, expected, "the output in training mode")


@pytest.mark.parametrize("num_bn_layers", [1, 2, 3])
def test_eval_mode_uses_the_running_statistics(nn, num_bn_layers):
    mlp = build_network(nn, num_bn_layers)
    mlp.forward(make_batch(11, M)[0])
    x, _ = make_batch(12, M)
    mlp.eval()
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, num_bn_layers, inference=True)
    assert_close(output, expected, "the output in eval mode")


def test_train_mode_uses_the_batch_again(nn):
    mlp = build_network(nn, 2)
    x, _ = make_batch(13, M)
    mlp.eval()
    mlp.forward(x)
    mlp.train()
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, 2, inference=False)
    assert_close(output, expected, "the output in training mode, after eval mode")


def test_new_layers_have_the_default_gamma_beta_and_alpha(nn):
    mlp = build_sigmoids(nn, [D, D, D], num_bn_layers=1)
    x, _ = make_batch(14, M)
    z = x @ mlp.W[0] + mlp.b[0]
    mlp.forward(x)
    layer = mlp.bn_layers[0]
    assert_close(layer.gamma, np.ones(D), "bn_layers[0].gamma")
    assert_close(layer.beta, np.zeros(D), "bn_layers[0].beta")
    assert_close(layer.running_mean, 0.1 * z.mean(axis=0), "bn_layers[0].running_mean")
    assert_close(layer.running_var, 0.9 + 0.1 * z.var(axis=0), "bn_layers[0].running_var")


@pytest.mark.parametrize("num_bn_layers", [1, 2, 3])
def test_step_moves_every_gamma_and_beta(nn, num_bn_layers):
    mlp = build_network(nn, num_bn_layers, lr=0.3)
    layers = mlp.bn_layers[:num_bn_layers]
    gammas = [np.ravel(layer.gamma).copy() for layer in layers]
    betas = [np.ravel(layer.beta).copy() for layer in layers]
    compute_gradients(mlp, *make_batch(15, M))
    dgammas = [np.ravel(layer.dgamma).copy() for layer in layers]
    dbetas = [np.ravel(layer.dbeta).copy() for layer in layers]
    mlp.step()
    for i in range(num_bn_layers):
        gamma = gammas[i] - 0.3 * dgammas[i]
        beta = betas[i] - 0.3 * dbetas[i]
        assert_close(mlp.bn_layers[i].gamma, gamma, f"bn_layers[{i}].gamma after step")
        assert_close(mlp.bn_layers[i].beta, beta, f"bn_layers[{i}].beta after step")


def test_zero_grads_keeps_gamma_and_beta(nn):
    mlp = build_network(nn, 1)
    take_step(mlp, *make_batch(16, M))
    layer = mlp.bn_layers[0]
    gamma = layer.gamma.copy()
    beta = layer.beta.copy()
    mlp.zero_grads()
    np.testing.assert_array_equal(layer.gamma, gamma, err_msg="gamma")
    np.testing.assert_array_equal(layer.beta, beta, err_msg="beta")
