"""2.6 Batch normalization: the layer alone in training, inference and backward, and in a network."""

import functools

import numpy as np

from tests.handout.judge import Lost, batch, check, entries, gradients, network

D = 6


def layer(nn):
    """A layer with parameters of its own and two training batches behind it, and the x of the second."""
    rng = np.random.RandomState(1)
    layer = nn.BatchNorm(D)
    layer.gamma, layer.beta = rng.uniform(0.5, 2, (1, D)), rng.normal(0, 1, (1, D))
    layer.forward(rng.normal(1, 2, (7, D)))
    x = rng.normal(-1, 3, (5, D))
    x[:, 0] *= 1e-4  # so little spread that eps counts
    return layer, x


def training(nn, given):
    bn, x = layer(nn)
    out = bn(given("BatchNorm's x", x))
    seen = entries(bn, "mean", "var")
    seen["BatchNorm's output in training"] = out
    return seen


def running(nn, given):
    bn, x = layer(nn)
    bn(x)
    return entries(bn, "running_mean", "running_var")


def inference(nn, given):
    bn, x = layer(nn)
    bn(x)
    new = np.random.RandomState(2).normal(0, 2, (4, D))
    before = entries(bn, "running_mean", "running_var")
    seen = {"BatchNorm's output in inference": bn(given("BatchNorm's x", new), eval=True)}
    if any(not np.array_equal(before[name], after) for name, after in entries(bn, *before).items()):
        raise Lost("BatchNorm: the running statistics change in inference")
    seen["BatchNorm's output in inference, once more"] = bn(new, eval=True)
    return seen


def backward(nn, given):
    bn, x = layer(nn)
    bn(x)
    dx = bn.backward(given("delta", np.random.RandomState(3).normal(0, 1, (5, D))))
    seen = entries(bn, "dgamma", "dbeta")
    seen["dx of BatchNorm.backward"] = dx
    return seen


def in_network(nn, given, hiddens, num_bn_layers):
    mlp = network(nn, list(hiddens), ["Sigmoid"] * len(hiddens) + ["Identity"], num_bn_layers=num_bn_layers)
    x, labels = batch(8, seed=4)
    mlp.zero_grads()
    seen = {"forward(x) with BatchNorm": mlp.forward(given("x", x))}
    mlp.backward(given("labels", labels))
    for i, bn in enumerate(mlp.bn_layers):
        seen.update(("bn_layers[%d].%s" % (i, name), value) for name, value in entries(bn, "dgamma", "dbeta").items())
    seen.update(gradients(mlp))
    return seen


def train_and_infer(nn, given):
    mlp = network(nn, [64, 32], ["Sigmoid", "Sigmoid", "Identity"], lr=0.05, num_bn_layers=1)
    x, labels = batch(50, seed=5)
    mlp.train()
    mlp.zero_grads()
    mlp.forward(x)
    mlp.backward(labels)
    mlp.step()
    seen = {}
    for name, value in entries(mlp.bn_layers[0], "gamma", "beta").items():
        seen["bn_layers[0].%s after a step" % name] = value
    mlp.eval()
    for k in range(3):
        x, _ = batch(10, seed=6 + k)
        seen["forward(x) in inference, batch %d" % k] = mlp.forward(x)
    return seen


ONE, FIRST = functools.partial(in_network, hiddens=[32], num_bn_layers=1), \
    functools.partial(in_network, hiddens=[32, 32], num_bn_layers=1)
SCENARIOS = [training, running, inference, backward, ONE, FIRST, train_and_infer]


def test_training(nn):
    check(nn, training, "2.6")


def test_running_statistics(nn):
    check(nn, running, "2.6")


def test_inference(nn):
    check(nn, inference, "2.6")


def test_backward(nn):
    check(nn, backward, "2.6")


def test_in_network(nn):
    check(nn, ONE, "2.6")


def test_on_first_layers(nn):
    check(nn, FIRST, "2.6")


def test_train_and_infer(nn):
    check(nn, train_and_infer, "2.6")
