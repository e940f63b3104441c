"""User-defined activations and criteria need only what the base classes define."""

import numpy as np
import pytest

from tests.module.helpers import build
from tests.module.networks import assert_gradients, batch, network
from tests.module.pieces import examples


def test_activation_needs_no_super_init(nn):
    class Power(nn.Activation):
        def __init__(self, n):
            self.n = n

        def forward(self, x):
            return x ** self.n

    cube = Power(3)
    assert cube.state is None
    assert cube(2.0) == 8.0


def test_activation_with_a_parameter_trains_in_a_network(nn):
    class Softplus(nn.Activation):
        def __init__(self, beta):
            self.beta = beta

        def forward(self, x):
            self.state = np.log1p(np.exp(self.beta * x)) / self.beta
            return self.state

        def derivative(self):
            return 1 - np.exp(-self.beta * self.state)

    mlp = build(nn, [5, 4], [Softplus(2), nn.Tanh(), Softplus(3)])
    x, labels = batch(1, soft=True)
    assert_gradients(mlp, x, labels)


def test_activation_may_keep_something_other_than_state(nn):
    class Square(nn.Activation):
        def forward(self, x):
            self.x = x
            return x ** 2

        def derivative(self):
            return 2 * self.x

    mlp = build(nn, [5], [Square(), nn.Identity()])
    x, labels = batch(1)
    assert_gradients(mlp, x, labels)


def test_state_of_a_shared_activation_may_be_its_argument(nn):
    class Square(nn.Activation):
        def forward(self, x):
            self.state = x
            return x ** 2

        def derivative(self):
            return 2 * self.state

    square = Square()
    mlp = build(nn, [5, 4], [square, square, nn.Identity()])
    x, labels = batch(1)
    assert_gradients(mlp, x, labels)


def test_criterion_needs_no_super_init(nn):
    class Scaled(nn.SoftmaxCrossEntropy):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x, y):
            return self.factor * super().forward(x, y)

    x, labels, _ = examples(14)
    half = Scaled(0.5)
    assert isinstance(half, nn.Criterion)
    assert half.loss is None
    np.testing.assert_array_equal(half(x, labels), nn.SoftmaxCrossEntropy()(x, labels) / 2)


def test_criterion_needs_only_forward_and_derivative(nn):
    class SquaredError(nn.Criterion):
        def forward(self, x, y):
            self.difference = x - y
            return (self.difference ** 2).sum(axis=1) / 2

        def derivative(self):
            return self.difference

    mlp = network(nn)
    mlp.criterion = SquaredError()
    x, labels = batch(1)
    assert_gradients(mlp, x, labels)


def test_base_activation_names_the_missing_method(nn):
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Activation()(1.0)
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Activation().derivative()


def test_base_criterion_names_the_missing_method(nn):
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Criterion()(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Criterion().derivative()
