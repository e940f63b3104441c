"""Helpers for the suites of get_training_stats: data, the loop written out, another network."""

import numpy as np

from tests.module.networks import D, K, network, randomise_batchnorm

PARTITIONS = ["train", "val", "test"]


def partition(seed, n):
    """Return x, (n, D), and class indices, (n,), that depend on x."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((n, D))
    weights = np.random.RandomState(100).standard_normal((D, K))
    scores = x @ weights + 0.5 * rng.standard_normal((n, K))
    return x, scores.argmax(axis=1)


def dataset(ntrain=23, nval=9, ntest=14, x=np.array, y=np.array):
    """Return three partitions; x and y are functions that convert the data of each."""
    pairs = []
    for seed, n in enumerate([ntrain, nval, ntest]):
        examples, labels = partition(seed, n)
        pairs.append((x(examples), y(labels)))
    return tuple(pairs)


def normalised_network(nn, **options):
    """Return a network with momentum and BatchNorm, so that modes and states count."""
    mlp = network(nn, momentum=0.8, num_bn_layers=1, **options)
    return randomise_batchnorm(mlp, 7)


def run(nn, mlp, data, nepochs=2, batch_size=5, seed=1, **options):
    """Return the result of get_training_stats after np.random.seed(seed)."""
    np.random.seed(seed)
    return nn.get_training_stats(mlp, data, nepochs, batch_size, **options)


def assert_stats(found, expected, rtol=0):
    """Assert that two results of get_training_stats are the same."""
    assert len(found) == len(expected) == 5
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=rtol)


def plain_loop(mlp, data, nepochs, batch_size=5, seed=1):
    """Return the expected result of run, where the labels are one-hot."""
    (trainx, trainy), (valx, valy), (testx, testy) = data
    np.random.seed(seed)
    order = np.arange(len(trainx))
    curves = np.zeros((nepochs, 4))
    for epoch in range(nepochs):
        np.random.shuffle(order)
        losses = []
        wrong = []
        mlp.train()
        for start in range(0, len(order), batch_size):
            batch = order[start:start + batch_size]
            labels = trainy[batch]
            mlp.zero_grads()
            output = mlp.forward(trainx[batch])
            mlp.backward(labels)
            mlp.step()
            losses.extend(mlp.criterion(output, labels))
            wrong.extend(output.argmax(axis=1) != labels.argmax(axis=1))
        mlp.eval()
        output = mlp.forward(valx)
        val_losses = mlp.criterion(output, valy)
        val_wrong = output.argmax(axis=1) != valy.argmax(axis=1)
        curves[epoch] = [np.mean(losses), np.mean(wrong), np.mean(val_losses), np.mean(val_wrong)]
    confusion_matrix = np.zeros((K, K))
    for predicted, true in zip(mlp.forward(testx), testy):
        confusion_matrix[predicted.argmax(), true.argmax()] += 1
    return (*curves.T, confusion_matrix)


class Classifier:
    """A linear classifier with those public names of MLP that get_training_stats may use.

    Its backward adds to the gradient: without zero_grads at every batch it would be wrong.
    """

    def __init__(self, criterion):
        self.criterion = criterion
        self.output_size = K
        self.weights = np.zeros((D, K))

    def train(self):
        pass

    def eval(self):
        pass

    def zero_grads(self):
        self.gradient = 0

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, labels):
        self.labels = labels
        self.criterion(self.x @ self.weights, labels)
        dlogits = self.criterion.derivative()
        self.gradient = self.gradient + self.x.T @ dlogits / len(labels)

    def step(self):
        self.weights = self.weights - 0.1 * self.gradient
        self.trained_on = (self.x, self.labels)
