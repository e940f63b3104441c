"""Objects and lists that several layers or networks share, and those that nothing shares."""

import numpy as np
import pytest

from tests.module.helpers import activation_classes, build
from tests.module.networks import (
    K, arrays, assert_gradients, assert_same_arrays, batch, batch_off_the_kinks, network, train_on,
    train_once)


def test_one_activation_may_serve_several_layers(nn):
    for cls in activation_classes(nn):
        activation = cls()
        shared = build(nn, [K, 5], [activation, activation, activation])
        separate = build(nn, [K, 5], [cls(), cls(), cls()])
        x, labels = batch_off_the_kinks(separate)
        assert_gradients(shared, x, labels)
        train_once(shared, x, labels)
        train_once(separate, x, labels)
        assert_same_arrays(arrays(shared), arrays(separate))


def test_one_activation_may_serve_two_networks(nn):
    x, labels = batch(1)
    other_x, _ = batch(2)
    for cls in activation_classes(nn):
        activations = [cls(), cls(), cls()]
        mlp = build(nn, [5, 4], activations)
        sharing = build(nn, [5, 4], activations)
        separate = build(nn, [5, 4], [cls(), cls(), cls()])
        mlp.forward(x)
        sharing.forward(other_x)
        mlp.backward(labels)
        separate.forward(x)
        separate.backward(labels)
        assert_same_arrays(arrays(mlp), arrays(separate))


def test_one_criterion_may_serve_two_networks(nn):
    x, labels = batch(1)
    other_x, other_labels = batch(2)
    mlp = network(nn)
    sharing = network(nn, seed=1)
    separate = network(nn)
    sharing.criterion = mlp.criterion
    mlp.forward(x)
    sharing.forward(other_x)
    sharing.backward(other_labels)
    mlp.backward(labels)
    separate.forward(x)
    separate.backward(labels)
    assert_same_arrays(arrays(mlp), arrays(separate))


def test_two_activations_of_a_class_share_no_state(nn):
    for cls in activation_classes(nn):
        first = cls()
        second = cls()
        output = first.forward(np.array([0.5, -1.0]))
        second.forward(np.array([-2.0, 3.0]))
        assert first.state is output, cls


@pytest.mark.parametrize("attribute", ["logits", "labels", "loss", "sm"])
def test_two_criteria_share_nothing(nn, attribute):
    first = nn.SoftmaxCrossEntropy()
    second = nn.SoftmaxCrossEntropy()
    first.forward(np.ones((1, 2)), np.eye(2)[[0]])
    assert getattr(first, attribute) is not None
    assert getattr(second, attribute) is None


def test_biases_of_two_layers_share_no_memory(nn):
    first = nn.zeros_bias_init(3)
    second = nn.zeros_bias_init(3)
    assert not np.shares_memory(first, second)


def test_the_list_of_activations_may_change_later(nn):
    activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
    mlp = build(nn, [5, 4], activations)
    x, _ = batch(1)
    expected = mlp.forward(x)
    activations.clear()
    np.testing.assert_array_equal(mlp.forward(x), expected)


def test_arrays_of_another_network_are_not_trained(nn):
    mlp = network(nn, seed=0)
    other = network(nn, seed=1)
    other.W = list(mlp.W)
    other.b = list(mlp.b)
    before = arrays(other)
    train_on(mlp, [1])
    assert_same_arrays(arrays(other), before)


def test_a_shared_list_of_parameters_stays_shared(nn):
    mlp = network(nn, seed=0)
    other = network(nn, seed=1)
    other.W = mlp.W
    other.b = mlp.b
    train_on(mlp, [1])
    assert other.W is mlp.W
    assert other.b is mlp.b


def test_initial_arrays_are_not_trained(nn):
    """An initializer may hand out arrays that somebody keeps."""
    weights = np.ones((4, 3))
    biases = np.ones(3)
    mlp = nn.MLP(4, 3, [], [nn.Identity()], lambda *shape: weights, lambda d: biases,
                 nn.SoftmaxCrossEntropy(), 0.1, momentum=0.9)
    rng = np.random.RandomState(0)
    for _ in range(2):
        train_once(mlp, rng.standard_normal((6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]])
    np.testing.assert_array_equal(weights, np.ones((4, 3)))
    np.testing.assert_array_equal(biases, np.ones(3))
    assert not np.array_equal(mlp.W[0], weights)
