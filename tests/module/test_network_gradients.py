"""Gradients of networks by differences: every activation, depth, mode and place of BatchNorm."""

import pytest

from tests.module.helpers import activation_classes
from tests.module.networks import (
    assert_gradients, batch_off_the_kinks, network, randomise_batchnorm)

MODES = pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])
ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])


@pytest.mark.parametrize("hiddens", [
    (),
    (5,),
    (5, 4),
    (4, 5, 3, 5, 4),
], ids=str)
def test_gradients_of_each_activation_agree(nn, hiddens):
    for cls in activation_classes(nn):
        mlp = network(nn, hiddens, cls.__name__, output=cls.__name__)
        x, labels = batch_off_the_kinks(mlp)
        assert_gradients(mlp, x, labels)


@ROWS
@pytest.mark.parametrize("m", [1, 6])
def test_gradients_of_mixed_activations_agree(nn, m, rows):
    activations = ["ReLU", "Tanh", "Identity", "Sigmoid"]
    mlp = network(nn, (4, 5, 3, 5), activations, rows=rows)
    x, labels = batch_off_the_kinks(mlp, m)
    assert_gradients(mlp, x, labels)


@MODES
@pytest.mark.parametrize("num_bn_layers", [1, 2, 3])
@pytest.mark.parametrize("activations", [["Tanh", "Tanh"], ["ReLU", "Sigmoid"]], ids=str)
def test_gradients_with_batchnorm_agree(nn, activations, num_bn_layers, evaluation):
    mlp = network(nn, (5, 4), activations, num_bn_layers=num_bn_layers)
    randomise_batchnorm(mlp, 7)
    mlp.train_mode = not evaluation
    x, labels = batch_off_the_kinks(mlp)
    assert_gradients(mlp, x, labels)


@MODES
def test_gradients_of_a_normalised_classifier_agree(nn, evaluation):
    mlp = randomise_batchnorm(network(nn, (), num_bn_layers=1), 7)
    mlp.train_mode = not evaluation
    x, labels = batch_off_the_kinks(mlp)
    assert_gradients(mlp, x, labels)
