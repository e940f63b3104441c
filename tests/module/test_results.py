"""Results are those of the last forward; arguments and results do not change afterwards."""

import numpy as np
import pytest

from tests.module.helpers import activation_classes, assert_same, build, copies, gradients_of_batch
from tests.module.networks import batch, network
from tests.module.pieces import PIECES, assert_results, examples

EACH_PIECE = pytest.mark.parametrize("piece_class", PIECES)


@EACH_PIECE
def test_results_are_those_of_the_last_forward(nn, piece_class):
    used = piece_class(nn)
    fresh = piece_class(nn)
    used.run(*examples(1, m=5))
    found = used.run(*examples(2))
    expected = fresh.run(*examples(2))
    assert_results(found, expected)


@EACH_PIECE
def test_backward_twice_gives_the_same_results(nn, piece_class):
    piece = piece_class(nn)
    x, labels, delta = examples(1)
    piece.forward(x, labels)
    first = {name: np.array(a) for name, a in piece.backward(labels, delta).items()}
    second = piece.backward(labels, delta)
    assert_results(second, first)


@EACH_PIECE
def test_arguments_and_earlier_results_stay_as_they_were(nn, piece_class):
    piece = piece_class(nn)
    arguments = examples(1)
    results = piece.run(*arguments)
    taken = [*arguments, *results.values(), *piece.kept().values()]
    before = copies(taken)
    assert_same(arguments, examples(1))
    piece.run(*examples(2))
    assert_same(taken, before)


def test_backward_after_eval_forward_leaves_training_as_it_was(nn):
    layer = nn.BatchNorm(4)
    twin = nn.BatchNorm(4)
    x, _, delta = examples(1)
    evaluated, _, _ = examples(2)
    layer.backward(layer.forward(evaluated, eval=True))
    assert_same([layer.forward(x), layer.backward(delta)], [twin.forward(x), twin.backward(delta)])
    assert_same([layer.running_mean, layer.running_var], [twin.running_mean, twin.running_var])


# ---- A call is forward ---------------------------------------------------------------------------

def test_a_call_of_the_criterion_is_forward(nn):
    x, labels, _ = examples(1)
    criterion = nn.SoftmaxCrossEntropy()
    np.testing.assert_array_equal(criterion(x, labels), criterion.forward(x, labels))


def test_a_call_of_an_activation_is_forward(nn):
    x, _, _ = examples(1)
    for cls in activation_classes(nn):
        activation = cls()
        np.testing.assert_array_equal(activation(x), activation.forward(x))


def test_a_call_of_batchnorm_is_forward(nn):
    x, _, _ = examples(1)
    layer = nn.BatchNorm(4)
    np.testing.assert_array_equal(layer(x), layer.forward(x))


def test_a_call_of_mlp_is_forward(nn):
    x, _ = batch(1)
    mlp = network(nn)
    np.testing.assert_array_equal(mlp(x), mlp.forward(x))


def test_a_call_of_batchnorm_passes_eval_on(nn):
    layer = nn.BatchNorm(2)
    x = np.array([[3.0, -1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(layer(x, eval=True), layer.forward(x, eval=True))
    np.testing.assert_array_equal(layer(x, True), layer.forward(x, True))
    assert layer.running_mean.tolist() == [[0.0, 0.0]]


# ---- forward, backward and zero_grads of an MLP --------------------------------------------------

def test_backward_runs_the_criterion(nn):
    mlp = network(nn)
    x, labels = batch(1)
    logits = mlp.forward(x)
    mlp.backward(labels)
    expected = nn.SoftmaxCrossEntropy().forward(logits, labels)
    np.testing.assert_array_equal(mlp.criterion.loss, expected)


def test_backward_after_zero_grads_uses_the_last_forward(nn):
    mlp = network(nn)
    x, labels = batch(1)
    other_x, _ = batch(2, m=4)
    mlp.forward(other_x)
    mlp.forward(x)
    mlp.zero_grads()
    mlp.backward(labels)
    assert_same([*mlp.dW, *mlp.db], gradients_of_batch(network(nn), x, labels))


def test_zero_grads_leaves_earlier_gradients_as_they_were(nn):
    mlp = network(nn, num_bn_layers=1)
    taken = gradients_of_batch(mlp, *batch(1))
    taken += [mlp.bn_layers[0].dgamma, mlp.bn_layers[0].dbeta]
    before = copies(taken)
    mlp.zero_grads()
    assert_same(taken, before)


def test_backward_before_forward_raises(nn):
    mlp = network(nn)
    _, labels = batch(1)
    with pytest.raises(RuntimeError, match=r"call forward\(x\) first"):
        mlp.backward(labels)


def test_backward_after_a_refused_x_uses_the_batch_before(nn):
    mlp = network(nn)
    x, labels = batch(1)
    mlp.forward(x)
    with pytest.raises(ValueError, match="x must be"):
        mlp.forward(x[:, 1:])
    mlp.backward(labels)
    assert_same([*mlp.dW, *mlp.db], gradients_of_batch(network(nn), x, labels))


@pytest.mark.parametrize("layer", [0, 2])
def test_backward_after_a_forward_that_raised_raises(nn, layer):
    class Fragile(nn.Tanh):
        def forward(self, x):
            if len(x) == 1:
                raise ArithmeticError("one example")
            return super().forward(x)

    activations = [nn.Tanh(), nn.Tanh(), nn.Tanh()]
    activations[layer] = Fragile()
    mlp = build(nn, [5, 4], activations)
    x, labels = batch(1)
    mlp.forward(x)
    with pytest.raises(ArithmeticError, match="one example"):
        mlp.forward(x[:1])
    with pytest.raises(RuntimeError, match=r"call forward\(x\) first"):
        mlp.backward(labels[:1])
