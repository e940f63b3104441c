"""Arguments that would give a silent wrong number are refused, with the rule and the value."""

import re

import numpy as np
import pytest

from tests.module.helpers import build
from tests.module.networks import D, K, batch, network


# ---- The loss ------------------------------------------------------------------------------------

@pytest.mark.parametrize("x_shape, y_shape", [
    ((3, 4), (3, 5)),
    ((3, 4), (2, 4)),
    ((3, 4), (1, 4)),
    ((3, 4), (3, 1)),
    ((3, 4), (4,)),
    ((1, 4), (3, 4)),
    ((4,), (4,)),
    ((4,), (1, 4)),
    ((2, 3, 4), (2, 3, 4)),
    ((), ()),
], ids=str)
def test_logits_and_labels_must_be_m_by_k(nn, x_shape, y_shape):
    x = np.ones(x_shape)
    labels = np.ones(y_shape)
    criterion = nn.SoftmaxCrossEntropy()
    got = re.escape(f"got {x_shape} and {y_shape}")
    with pytest.raises(ValueError, match=rf"\(m, K\).*{got}"):
        criterion.forward(x, labels)
    assert criterion.logits is None


@pytest.mark.parametrize("shape", [
    (6, K + 1),
    (5, K),
    (1, K),
    (6, 1),
    (6,),
    (K,),
], ids=str)
def test_backward_refuses_labels_of_another_shape(nn, shape):
    """NumPy would broadcast some; for class indices the message says how to make them one-hot."""
    mlp = network(nn)
    x, _ = batch(1)
    labels = np.zeros(shape)
    mlp.forward(x)
    got = re.escape(f"got {(6, K)} and {shape}")
    remedy = re.escape("np.eye(K)[y]")
    with pytest.raises(ValueError, match=f"labels must be .*{got}.*{remedy}"):
        mlp.backward(labels)


# ---- MLP's arguments -----------------------------------------------------------------------------

@pytest.mark.parametrize("W_shape, b_shape", [
    ((K, D), (K,)),
    ((D * K,), (K,)),
    ((1, K), (K,)),
    ((D, K, 1), (K,)),
    ((D, 1), (1, K)),
    ((D, K), (K + 1,)),
    ((D, K), (K, 1)),
    ((D, K), (1,)),
    ((D, K), (1, 1, K)),
    ((D, K), ()),
], ids=str)
def test_initializers_must_return_the_shapes_of_the_layer(nn, W_shape, b_shape):
    def weights(*shape):
        return np.zeros(W_shape)

    def biases(d):
        return np.zeros(b_shape)

    activations = [nn.Identity()]
    criterion = nn.SoftmaxCrossEntropy()
    rule = f"initializers must return weights {(D, K)} and biases {(K,)} or {(1, K)}"
    message = re.escape(f"{rule}, got {W_shape} and {b_shape}")
    with pytest.raises(ValueError, match=message):
        nn.MLP(D, K, [], activations, weights, biases, criterion, 0.1)


@pytest.mark.parametrize("wrong_layer", [0, 1, 2])
def test_initial_weights_are_checked_in_every_layer(nn, wrong_layer):
    sizes = [D, 5, 4, K]
    d_in = sizes[wrong_layer]
    d_out = sizes[wrong_layer + 1]

    def weights(*shape):
        if shape == (d_in, d_out):
            return np.zeros((d_in, 1))
        return np.zeros(shape)

    activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
    criterion = nn.SoftmaxCrossEntropy()
    rule = f"weights {(d_in, d_out)} and biases {(d_out,)} or {(1, d_out)}"
    message = re.escape(f"{rule}, got {(d_in, 1)} and {(d_out,)}")
    with pytest.raises(ValueError, match=message):
        nn.MLP(D, K, [5, 4], activations, weights, np.zeros, criterion, 0.1)


@pytest.mark.parametrize("wrong_layer", [0, 1, 2])
def test_initial_biases_are_checked_in_every_layer(nn, wrong_layer):
    units = [5, 4, K]
    wrong_size = units[wrong_layer]

    def biases(d):
        if d == wrong_size:
            return np.zeros(1)
        return np.zeros(d)

    activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
    weights = nn.random_normal_weight_init
    criterion = nn.SoftmaxCrossEntropy()
    with pytest.raises(ValueError, match=re.escape("and (1,)")):
        nn.MLP(D, K, [5, 4], activations, weights, biases, criterion, 0.1)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_activations_must_be_one_a_layer(nn, count):
    activations = [nn.Tanh() for _ in range(count)]
    with pytest.raises(ValueError, match=f"one for each of 3 layers, got {count}"):
        build(nn, [5, 4], activations)


def test_a_class_as_activation_is_refused(nn):
    with pytest.raises(TypeError, match=r"not a class: write Tanh\(\)"):
        build(nn, [5], [nn.Tanh(), nn.Tanh])


def test_a_class_as_criterion_is_refused(nn):
    activations = [nn.Tanh(), nn.Tanh()]
    with pytest.raises(TypeError, match=r"not a class: write SoftmaxCrossEntropy\(\)"):
        build(nn, [5], activations, criterion=nn.SoftmaxCrossEntropy)


@pytest.mark.parametrize("sizes", [
    [0, 5, K],
    [D, 0, K],
    [D, 5, 0],
    [D, -2, K],
], ids=str)
def test_sizes_must_be_at_least_1(nn, sizes):
    input_size, hidden_size, output_size = sizes
    activations = [nn.Tanh(), nn.Identity()]
    message = re.escape(f"must be at least 1, got {sizes}")
    with pytest.raises(ValueError, match=message):
        build(nn, [hidden_size], activations, input_size, output_size)


@pytest.mark.parametrize("num_bn_layers", [-1, 4])
def test_num_bn_layers_must_be_0_to_the_number_of_layers(nn, num_bn_layers):
    with pytest.raises(ValueError, match=f"num_bn_layers.* from 0 to 3.* got {num_bn_layers}"):
        network(nn, (5, 4), num_bn_layers=num_bn_layers)


# ---- x -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [
    (D,),
    (6, D + 1),
    (6, D, 1),
    (D, 1),
    (0, D),
    (),
], ids=str)
def test_x_must_be_m_by_input_size(nn, shape):
    mlp = network(nn)
    x = np.zeros(shape)
    rule = re.escape(f"x must be (m, {D})")
    got = re.escape(f"got {shape}")
    with pytest.raises(ValueError, match=f"{rule}.*{got}"):
        mlp.forward(x)
