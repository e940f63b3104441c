"""BatchNorm beyond the homework: eval mode, alpha, and any place in a network."""

import numpy as np
import pytest

from tests.gradients import assert_gradient
from tests.module.helpers import copies
from tests.module.networks import batch, network, randomise, randomise_batchnorm, train_on
from tests.module.pieces import examples

MODES = pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])


@MODES
def test_gradients_agree_with_differences(nn, evaluation):
    """In training x acts through mean and var too; in eval mode the statistics are constants."""
    layer = nn.BatchNorm(4)
    randomise(layer)
    earlier, _, _ = examples(100)
    layer.forward(earlier)
    x, _, delta = examples(0)
    layer.forward(x, eval=evaluation)
    dx = layer.backward(delta)
    dgamma = layer.dgamma
    dbeta = layer.dbeta

    def loss():
        return (delta * layer.forward(x, eval=evaluation)).sum()

    assert_gradient(dx, loss, x, "dx")
    assert_gradient(dgamma, loss, layer.gamma, "dgamma")
    assert_gradient(dbeta, loss, layer.beta, "dbeta")


def test_alpha_weighs_the_running_statistics(nn):
    layer = nn.BatchNorm(1, alpha=0.25)
    # The mean is 4 and the variance 9; they were 0 and 1.
    layer.forward(np.array([[1.0], [7.0], [1.0], [7.0]]))
    np.testing.assert_allclose(layer.running_mean, [[3]], rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, [[7]], rtol=1e-12)
    # The mean is 7 and the variance 4.
    layer.forward(np.array([[5.0], [9.0]]))
    mean = 0.25 * 3 + 0.75 * 7
    var = 0.25 * 7 + 0.75 * 4
    np.testing.assert_allclose(layer.running_mean, [[mean]], rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, [[var]], rtol=1e-12)


@pytest.mark.parametrize("attribute, value", [("alpha", 0.25), ("eps", 1.0)])
def test_alpha_and_eps_may_change_later(nn, attribute, value):
    layer = nn.BatchNorm(1)
    setattr(layer, attribute, value)
    out = layer.forward(np.array([[1.0], [7.0], [1.0], [7.0]]))
    centred = np.array([[-3.0], [3.0], [-3.0], [3.0]])
    expected = centred / np.sqrt(9 + layer.eps)
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean, [[4 * (1 - layer.alpha)]], rtol=1e-12)


def test_eval_changes_no_statistics(nn):
    layer = nn.BatchNorm(4)
    randomise(layer)
    x, _, delta = examples(1)
    other, _, _ = examples(2)
    layer.forward(x)
    statistics = [layer.mean, layer.var, layer.running_mean, layer.running_var]
    before = copies(statistics)
    layer.forward(other, eval=True)
    layer.backward(delta)
    found = [layer.mean, layer.var, layer.running_mean, layer.running_var]
    for a, expected in zip(found, before):
        np.testing.assert_array_equal(a, expected)


# ---- In a network --------------------------------------------------------------------------------

def normalised_layer(layer, z, evaluation):
    """Return the output of a BatchNorm for z, (m, d), in plain NumPy."""
    mean = z.mean(axis=0)
    var = z.var(axis=0)
    if evaluation:
        mean = layer.running_mean
        var = layer.running_var
    return layer.gamma * (z - mean) / np.sqrt(var + 1e-8) + layer.beta


@MODES
@pytest.mark.parametrize("num_bn_layers", [0, 1, 2, 3])
def test_batchnorm_precedes_the_first_activations(nn, num_bn_layers, evaluation):
    mlp = network(nn, output="Tanh", num_bn_layers=num_bn_layers)
    randomise_batchnorm(mlp, 7)
    mlp.train_mode = not evaluation
    x, _ = batch(1)
    expected = x
    for i in range(3):
        z = expected @ mlp.W[i] + mlp.b[i]
        if i < num_bn_layers:
            z = normalised_layer(mlp.bn_layers[i], z, evaluation)
        expected = np.tanh(z)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-10)


def test_eval_mode_predicts_each_example_alone(nn):
    mlp = randomise_batchnorm(network(nn, num_bn_layers=2), 7)
    x, _ = batch(1)
    mlp.eval()
    alone = [mlp.forward(row[np.newaxis])[0] for row in x]
    np.testing.assert_allclose(mlp.forward(x), alone, rtol=1e-12)


def test_a_bias_before_batchnorm_has_no_gradient(nn):
    mlp = randomise_batchnorm(network(nn, num_bn_layers=2), 7)
    before = copies(mlp.b)
    train_on(mlp, [1])
    for i in range(2):
        np.testing.assert_allclose(mlp.db[i], np.zeros(mlp.b[i].shape), atol=1e-14)
        np.testing.assert_allclose(mlp.b[i], before[i], atol=1e-14)
