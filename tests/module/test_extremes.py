"""Numbers of any size: exact limits, no warning, no digits lost."""

import numpy as np
import pytest

from tests.module.helpers import build
from tests.module.networks import K, batch, network, randomise, train_once
from tests.module.pieces import examples

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# ---- The loss ------------------------------------------------------------------------------------

@FLOATS
@pytest.mark.parametrize("size", [1e3, 1e4, 1e30])
@pytest.mark.parametrize("true_class, loss", [(0, 0), (1, 1), (2, 2)])
def test_large_logits_give_the_exact_loss(nn, dtype, size, true_class, loss):
    """For logits (1000, 0, -1000) and the last class it is 2000; log(softmax) gives inf."""
    x = np.array([[1, 0, -1]], dtype) * dtype(size)
    labels = np.eye(3)[[true_class]]
    criterion = nn.SoftmaxCrossEntropy()
    losses = criterion.forward(x, labels)
    softmax = [[1, 0, 0]]
    np.testing.assert_array_equal(losses, [loss * dtype(size)])
    np.testing.assert_array_equal(criterion.sm, softmax)
    np.testing.assert_array_equal(criterion.derivative(), softmax - labels)


def test_a_number_added_to_all_logits_changes_nothing(nn):
    x, labels, _ = examples(2, m=5)
    x = np.round(16 * x) / 16  # adding the shifts is exact
    shifts = np.array([[1e6], [-1e6], [0], [1e3], [-1e3]])
    plain = nn.SoftmaxCrossEntropy()
    shifted = nn.SoftmaxCrossEntropy()
    expected = plain.forward(x, labels)
    loss = shifted.forward(x + shifts, labels)
    np.testing.assert_allclose(loss, expected, rtol=1e-14)
    expected = plain.derivative()
    dlogits = shifted.derivative()
    np.testing.assert_allclose(dlogits, expected, rtol=1e-14, atol=1e-15)


def test_loss_of_a_thousand_classes_is_exact(nn):
    logits = np.zeros((2, 1000))
    labels = np.eye(1000)[[0, 999]]
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion.forward(logits, labels)
    np.testing.assert_allclose(loss, np.log([1000, 1000]), rtol=1e-13)
    np.testing.assert_allclose(criterion.derivative(), 0.001 - labels, rtol=1e-13)


# ---- Activations ---------------------------------------------------------------------------------

@FLOATS
@pytest.mark.parametrize("size", [1e4, 1e30])
@pytest.mark.parametrize("name, outputs, derivatives", [
    ("Sigmoid", [0, 1], [0, 0]),
    ("Tanh", [-1, 1], [0, 0]),
])
def test_large_arguments_saturate(nn, name, outputs, derivatives, size, dtype):
    activation = getattr(nn, name)()
    x = np.array([-size, size], dtype)
    np.testing.assert_array_equal(activation.forward(x), outputs)
    np.testing.assert_array_equal(activation.derivative(), derivatives)


@FLOATS
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_relu_passes_large_arguments(nn, size, dtype):
    relu = nn.ReLU()
    x = np.array([-size, size], dtype)
    np.testing.assert_array_equal(relu.forward(x), [0, x[1]])
    np.testing.assert_array_equal(relu.derivative(), [0, 1])


@FLOATS
def test_derivative_of_relu_is_0_at_0_and_1_right_above(nn, dtype):
    relu = nn.ReLU()
    smallest = np.nextafter(dtype(0), dtype(1))
    x = np.array([0.0, -0.0, smallest], dtype)
    np.testing.assert_array_equal(relu.forward(x), [0, 0, smallest])
    np.testing.assert_array_equal(relu.derivative(), [0, 0, 1])


def test_sigmoid_far_below_0_is_not_rounded_to_0(nn):
    sigmoid = nn.Sigmoid()
    x = np.array([-40.0, -300.0, -700.0])
    np.testing.assert_allclose(sigmoid.forward(x), np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(sigmoid.derivative(), np.exp(x), rtol=1e-14)


def test_tanh_of_a_small_number_is_that_number(nn):
    x = np.array([1e-300, -1e-20, 1e-10])
    np.testing.assert_allclose(nn.Tanh().forward(x), x, rtol=1e-15)


# ---- Networks ------------------------------------------------------------------------------------

@FLOATS
def test_inputs_of_1e4_give_an_exact_loss_and_gradient(nn, dtype):
    """The softmax is 0 or 1 and the loss a difference of logits."""
    mlp = network(nn, (), dtype=dtype)
    x, labels = batch(1, m=4, dtype=dtype)
    x = 10000 * np.sign(x)
    logits = mlp.forward(x)
    mlp.backward(labels)
    loss = logits.max(axis=1) - logits[labels > 0]
    softmax = np.eye(K)[logits.argmax(axis=1)]
    dW = x.T @ (softmax - labels) / 4
    np.testing.assert_array_equal(mlp.criterion.loss, loss)
    np.testing.assert_array_equal(mlp.dW[0], dW)


@FLOATS
@pytest.mark.parametrize("name, low", [("Sigmoid", 0), ("Tanh", -1)])
def test_saturated_units_pass_no_gradient(nn, name, low, dtype):
    activations = [getattr(nn, name)(), nn.Identity()]
    mlp = build(nn, [2], activations, input_size=2, output_size=2)
    mlp.W = [np.eye(2, dtype=dtype), np.eye(2, dtype=dtype)]
    mlp.b = [np.zeros(2, dtype), np.zeros(2, dtype)]
    x = np.array([[1e4, -1e4]], dtype)
    output = mlp.forward(x)
    mlp.backward([[1, 0]])
    loss = np.log1p(np.exp(low - 1))
    np.testing.assert_array_equal(output, [[1, low]])
    np.testing.assert_allclose(mlp.criterion.loss, [loss], rtol=1e-6)
    np.testing.assert_array_equal(mlp.dW[0], np.zeros((2, 2)))


# ---- BatchNorm -----------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype, bound", [(np.float32, 2e-3), (np.float64, 1e-12)])
@pytest.mark.parametrize("m", [7, 100])
def test_a_constant_unit_is_normalised_to_0(nn, m, dtype, bound):
    """Divided by sqrt(eps) = 1e-4, the rounding of its mean would show."""
    layer = nn.BatchNorm(5)
    units = [0.1, 0.7, 1, 10, -10 / 3]
    layer.forward(np.full((m, 5), units, dtype))
    assert np.abs(layer.norm).max() < bound


def test_one_example_gives_beta_and_no_gradient(nn):
    layer = nn.BatchNorm(4)
    randomise(layer)
    x, _, delta = examples(2, m=1)
    out = layer.forward(x)
    dx = layer.backward(delta)
    np.testing.assert_array_equal(out, layer.beta)
    np.testing.assert_array_equal(layer.var, np.zeros(4))
    np.testing.assert_array_equal(dx, np.zeros((1, 4)))


def test_a_large_mean_costs_no_digits(nn):
    """The variance is that of x - mean, not a difference of mean squares."""
    layer = nn.BatchNorm(4)
    x = np.random.RandomState(4).randint(-1024, 1024, (6, 4)) / 1024
    out = layer.forward(x)
    shifted = x + 2.0 ** 14  # exact
    np.testing.assert_allclose(layer.forward(shifted), out, rtol=1e-9)


def test_eps_counts_where_the_variance_is_as_small(nn):
    layer = nn.BatchNorm(1)
    x = np.array([[1e-4], [-1e-4], [1e-4], [-1e-4]])  # of variance 1e-8
    layer.forward(x)
    np.testing.assert_allclose(layer.norm, x / np.sqrt(2e-8), rtol=1e-12)


def test_batchnorm_after_a_dead_relu_gives_beta(nn):
    mlp = network(nn, activations="ReLU", num_bn_layers=2, dtype=np.float32)
    mlp.bn_layers[0].beta -= 100  # no unit's ReLU is active, and the next x W + b is b
    mlp.bn_layers[1].beta += 1
    x, labels = batch(1, m=100, dtype=np.float32)
    train_once(mlp, x, labels)
    np.testing.assert_allclose(mlp.bn_layers[1].out, np.ones((100, 4)), atol=2e-3)
    assert not mlp.dW[0].any()
    assert not mlp.dW[1].any()
    assert not mlp.bn_layers[0].dgamma.any()
