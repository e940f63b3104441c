"""The handout's network learns MNIST, if data/ or the folder MNIST_DIR holds its six files."""

import os

import numpy as np
import pytest

from data import mnist


@pytest.fixture(scope="module")
def dset():
    """MNIST, standardised, in float32."""
    folder = os.environ.get("MNIST_DIR", mnist.HERE)
    try:
        return mnist.standardise(mnist.load(folder), np.float32)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def scaled_weight_init(d0, d1):
    return np.random.normal(0, 1 / np.sqrt(d0), (d0, d1)).astype(np.float32)


@pytest.mark.mnist
def test_network_learns_mnist_in_three_epochs(nn, dset):
    """About 5 % of the test digits are wrong after three epochs; 90 % without learning."""
    np.random.seed(11785)
    activations = [nn.Sigmoid(), nn.Sigmoid(), nn.Sigmoid(), nn.Identity()]
    mlp = nn.MLP(784, 10, [64, 64, 32], activations, scaled_weight_init, nn.zeros_bias_init,
                 nn.SoftmaxCrossEntropy(), 0.008, momentum=0.9, num_bn_layers=3)
    stats = nn.get_training_stats(mlp, dset, 3, 100)
    training_losses, _, _, validation_errors, confusion_matrix = stats
    test_labels = dset[2][1]
    assert training_losses[2] < training_losses[1] < training_losses[0] < np.log(10)
    assert validation_errors[2] < 0.06
    assert 1 - np.trace(confusion_matrix) / confusion_matrix.sum() < 0.06
    assert (confusion_matrix.sum(axis=0) == np.bincount(test_labels)).all()
