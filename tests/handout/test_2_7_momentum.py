"""2.7 Momentum: the velocity of each parameter, kept from step to step."""

import numpy as np

from tests.handout.judge import Lost, batch, check, entries, network, observe


def train(mlp, nsteps):
    for seed in range(nsteps):
        x, labels = batch(8, seed)
        mlp.zero_grads()
        mlp.forward(x)
        mlp.backward(labels)
        mlp.step()


def five_steps(nn, given):
    mlp = network(nn, [32], ["Sigmoid", "Identity"], lr=0.008, momentum=0.856)
    train(mlp, 5)
    return entries(mlp, "W", "b")


def two_networks(nn, given):
    """The velocity of one network is its own: training a second one beside it changes nothing."""
    mlp, other = (network(nn, [], ["Identity"], lr=0.1, momentum=0.9) for _ in range(2))
    train(mlp, 2)
    train(other, 3)
    train(mlp, 2)
    return {"%s, when a second network is trained in between (do the two share a velocity?)," % name: value
            for name, value in entries(mlp, "W", "b").items()}


def with_batchnorm(nn, given):
    mlp = network(nn, [32], ["Sigmoid", "Identity"], lr=0.008, momentum=0.856, num_bn_layers=1)
    train(mlp, 3)
    return entries(mlp.bn_layers[0], "gamma", "beta")


SCENARIOS = [five_steps, two_networks, with_batchnorm]


def test_five_steps(nn):
    check(nn, five_steps, "2.7")


def test_two_networks(nn):
    check(nn, two_networks, "2.7")


def test_with_batchnorm(nn):
    check(nn, with_batchnorm, "2.7")


def test_velocity_is_not_initialised(nn):
    """bias_init_fn makes the biases and nothing else."""
    calls = []

    def bias_init_fn(d):
        calls.append(d)
        return np.ones((1, d))

    def construct(nn, given):
        return nn.MLP(4, 3, [5], [nn.Sigmoid(), nn.Identity()], lambda d_in, d_out: np.zeros((d_in, d_out)),
                      bias_init_fn, nn.SoftmaxCrossEntropy(), 0.1, 0.9)

    observe(nn, construct)
    if sorted(calls) != [3, 5]:
        raise Lost("bias_init_fn is called %d times for 2 layers: it makes the biases, and no velocity" % len(calls))
