"""Attributes that the starter file names, before and after the first forward; and repr."""

import numpy as np
import pytest

from tests.module.helpers import activation_classes, assert_same, build
from tests.module.networks import D, K, network, randomise
from tests.module.pieces import examples


# ---- The loss and the activations ----------------------------------------------------------------

def test_criterion_keeps_the_last_forward(nn):
    x, labels, _ = examples(6)
    criterion = nn.SoftmaxCrossEntropy()
    assert criterion.logits is None
    assert criterion.labels is None
    assert criterion.loss is None
    assert criterion.sm is None
    loss = criterion.forward(x, labels)
    assert_same([criterion.logits, criterion.labels, criterion.loss], [x, labels, loss])
    softmax = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(criterion.sm, softmax, rtol=1e-13)


def test_backward_of_the_criterion_is_its_derivative(nn):
    x, labels, _ = examples(13)
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(x, labels)
    np.testing.assert_array_equal(criterion.backward(), criterion.derivative())


def test_state_is_none_until_forward_sets_the_output(nn):
    x = np.array([[-1.0, 2.0]])
    for cls in activation_classes(nn):
        activation = cls()
        assert isinstance(activation, nn.Activation)
        assert activation.state is None, cls
        output = activation.forward(x)
        np.testing.assert_array_equal(activation.state, output)


# ---- BatchNorm -----------------------------------------------------------------------------------

def test_batchnorm_has_the_defaults_of_the_starter_file(nn):
    layer = nn.BatchNorm(D)
    assert layer.alpha == 0.9
    assert layer.eps == 1e-8
    assert layer.x is None
    assert layer.norm is None
    assert layer.out is None


def test_batchnorm_keeps_the_last_training_forward(nn):
    layer = nn.BatchNorm(4)
    randomise(layer)
    x, _, _ = examples(1)
    out = layer.forward(x)
    norm = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-8)
    np.testing.assert_array_equal(layer.x, x)
    np.testing.assert_array_equal(layer.out, out)
    np.testing.assert_allclose(layer.norm, norm, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.var, x.var(axis=0), rtol=1e-12)


def test_batchnorm_keeps_the_last_eval_forward(nn):
    layer = nn.BatchNorm(4)
    randomise(layer)
    earlier, _, _ = examples(2)
    layer.forward(earlier)
    mean = layer.mean
    var = layer.var
    x, _, _ = examples(1)
    out = layer.forward(x, eval=True)
    norm = (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-8)
    np.testing.assert_array_equal(layer.x, x)
    np.testing.assert_array_equal(layer.out, out)
    np.testing.assert_allclose(layer.norm, norm, rtol=1e-12)
    np.testing.assert_allclose(out, layer.gamma * norm + layer.beta, rtol=1e-12, atol=1e-12)
    assert_same([layer.mean, layer.var], [mean, var])


# ---- MLP -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("num_bn_layers", [0, 1, 3])
def test_mlp_has_the_attributes_of_the_starter_file(nn, num_bn_layers):
    criterion = nn.SoftmaxCrossEntropy()
    activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
    mlp = build(nn, [5, 4], activations, criterion=criterion, num_bn_layers=num_bn_layers)
    assert mlp.input_size == D
    assert mlp.output_size == K
    assert mlp.nlayers == 3
    assert mlp.activations == activations
    assert mlp.criterion is criterion
    assert mlp.lr == 0.1
    assert mlp.momentum == 0.9
    assert mlp.train_mode is True
    assert mlp.num_bn_layers == num_bn_layers
    assert mlp.bn is (num_bn_layers > 0)


def test_bn_layers_is_none_without_batchnorm(nn):
    assert network(nn).bn_layers is None


@pytest.mark.parametrize("num_bn_layers", [1, 3])
def test_bn_layers_holds_one_batchnorm_a_layer(nn, num_bn_layers):
    mlp = network(nn, (5, 4), num_bn_layers=num_bn_layers)
    widths = [layer.gamma.shape for layer in mlp.bn_layers]
    assert widths == [(1, 5), (1, 4), (1, K)][:num_bn_layers]
    assert all(isinstance(layer, nn.BatchNorm) for layer in mlp.bn_layers)


def test_momentum_and_batchnorm_are_off_by_default(nn):
    init = nn.random_normal_weight_init
    criterion = nn.SoftmaxCrossEntropy()
    mlp = nn.MLP(2, 2, [], [nn.Identity()], init, nn.zeros_bias_init, criterion, 0.1)
    assert mlp.momentum == 0.0
    assert mlp.num_bn_layers == 0
    assert mlp.bn is False


def test_train_and_eval_set_train_mode(nn):
    mlp = network(nn)
    mlp.eval()
    assert mlp.train_mode is False
    mlp.train()
    assert mlp.train_mode is True


@pytest.mark.parametrize("num_bn_layers, expected", [
    (0, "MLP(784 -> 64 Sigmoid -> 32 ReLU -> 10 Identity; 52,650 parameters)"),
    (1, "MLP(784 -> 64 BatchNorm Sigmoid -> 32 ReLU -> 10 Identity; 52,778 parameters)"),
    (3, "MLP(784 -> 64 BatchNorm Sigmoid -> 32 BatchNorm ReLU -> 10 BatchNorm Identity; "
        "52,862 parameters)"),
])
def test_repr_shows_layers_and_parameters(nn, num_bn_layers, expected):
    activations = [nn.Sigmoid(), nn.ReLU(), nn.Identity()]
    mlp = build(nn, [64, 32], activations, 784, 10, num_bn_layers=num_bn_layers)
    assert repr(mlp) == expected
