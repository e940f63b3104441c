"""2.5 Hidden layers: any number of them, of any size, with any activations."""

import functools

import numpy as np
import pytest

from tests.handout.judge import Lost, batch, check, entries, gradients, network, observe

HIDDENS = [[32], [64, 32], [32] * 5]
MIXED = [24, 16, 12], ["Tanh", "ReLU", "Sigmoid", "Tanh"]


def forward(nn, given, hiddens, activations):
    x, _ = batch(8, seed=1)
    return {"forward(x)": network(nn, list(hiddens), activations).forward(given("x", x))}


def backward(nn, given, hiddens, activations):
    x, labels = batch(8, seed=2)
    mlp = network(nn, list(hiddens), activations)
    mlp.zero_grads()
    mlp.forward(given("x", x))
    mlp.backward(given("labels", labels))
    return gradients(mlp)


def twice(nn, given):
    """backward assigns the gradients: a second one, without zero_grads or with it, is that of its own batch."""
    mlp = network(nn, [32], ["Sigmoid", "Identity"])
    for seed in (3, 4):
        x, labels = batch(8, seed)
        mlp.zero_grads()
        mlp.forward(x)
        mlp.backward(labels)
    return gradients(mlp)


def sigmoids(scenario, hiddens):
    return functools.partial(scenario, hiddens=hiddens, activations=["Sigmoid"] * len(hiddens) + ["Identity"])


def mixed(scenario):
    return functools.partial(scenario, hiddens=MIXED[0], activations=MIXED[1])


SCENARIOS = [sigmoids(scenario, hiddens) for scenario in (forward, backward) for hiddens in HIDDENS]
SCENARIOS += [mixed(forward), mixed(backward), twice]


@pytest.mark.parametrize("hiddens", HIDDENS, ids=str)
def test_forward(nn, hiddens):
    check(nn, sigmoids(forward, hiddens), "2.5")


@pytest.mark.parametrize("hiddens", HIDDENS, ids=str)
def test_backward(nn, hiddens):
    check(nn, sigmoids(backward, hiddens), "2.5")


def test_mixed_activations(nn):
    check(nn, mixed(forward), "2.5")
    check(nn, mixed(backward), "2.5")


def test_second_backward(nn):
    check(nn, twice, "2.5")


def test_initializers(nn):
    """weight_init_fn is called once a layer, from input to output, and the caller's lists stay as they are."""
    calls = []

    def weight_init_fn(d_in, d_out):
        calls.append((d_in, d_out))
        return np.full((d_in, d_out), float(len(calls)))

    def construct(nn, given):
        return nn.MLP(4, 3, given("the list of hiddens", [6, 5]),
                      given("the list of activations", [nn.Sigmoid(), nn.Sigmoid(), nn.Identity()]), weight_init_fn,
                      lambda d: np.zeros((1, d)), nn.SoftmaxCrossEntropy(), 0.1)

    mlp = observe(nn, construct)
    want = [(4, 6), (6, 5), (5, 3)]
    if len(calls) != 3:
        raise Lost("weight_init_fn is called %d times for 3 layers: once a layer, or the random numbers change" % len(calls))
    if calls != want:
        raise Lost("weight_init_fn is called with %s; from input to output it is %s" % (calls, want))
    for i, W in enumerate(entries(mlp, "W").values()):
        if not np.array_equal(W, np.full(want[i], i + 1.0)):
            raise Lost("W[%d] is not what call %d of weight_init_fn returned" % (i, i + 1))
