"""Helpers that several suites of the module share."""

import inspect

import numpy as np

from tests.module.networks import D, K, Normal


def activation_classes(nn):
    """Return the subclasses of Activation in nn that can be constructed without arguments."""
    found = []
    for value in vars(nn).values():
        if not isinstance(value, type) or not issubclass(value, nn.Activation):
            continue
        if value is not nn.Activation and can_be_called_without_arguments(value):
            found.append(value)
    return found


def can_be_called_without_arguments(function):
    """Return whether function has no parameter that must be given."""
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def build(nn, hiddens, activations, input_size=D, output_size=K, criterion=None,
          num_bn_layers=0):
    """Return an MLP of exactly these arguments, with lr 0.1 and momentum 0.9."""
    if criterion is None:
        criterion = nn.SoftmaxCrossEntropy()
    return nn.MLP(input_size, output_size, hiddens, activations, Normal(1), Normal(2),
                  criterion, 0.1, 0.9, num_bn_layers)


def gradients_of_batch(mlp, x, labels):
    """Run mlp forward and backward; return its dW and db in one list."""
    mlp.forward(x)
    mlp.backward(labels)
    return [*mlp.dW, *mlp.db]


def one_hot(indices, num_classes=K):
    """Return class indices, (n,), as rows of zeros and a one, (n, num_classes)."""
    return np.eye(num_classes)[indices]


def soft_labels(rng, m, num_classes):
    """Return m rows of num_classes probabilities, each of which is at least 0.02."""
    labels = rng.uniform(0.1, 1, (m, num_classes))
    return labels / labels.sum(axis=1, keepdims=True)


def assert_same(found, expected):
    """Assert that two sequences of arrays hold the same numbers."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)


def strided(a):
    """Return the numbers of a as every other column of a wider array."""
    return np.repeat(a, 2, axis=-1)[..., ::2]


def copies(sequence):
    """Return copies of the arrays of a sequence."""
    return [np.array(a) for a in sequence]
