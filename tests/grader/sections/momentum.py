"""2.7 Momentum: the velocity of each parameter, kept from step to step."""

import functools

import numpy as np

from tests.grader.judge import OWN, TEXTBOOK, Check, Way
from tests.grader.network import init_zero_bias, make_batch, name_gradient
from tests.grader.reasons import CannotAsk, require

STEP = {"lr": 0.008, "momentum": 0.856, "bias_init": init_zero_bias}
SEEDS = (1, 2, 3, 4, 5)
NETWORKS = {"no hidden layer": [], "one hidden layer": [32], "two hidden layers": [64, 32]}
TURNS = [  # lr, momentum, and the seeds of the batches in two turns
    (0.1, 0.9, (0, 1), (2, 3)),
    (0.05, 0.7, (0, 1, 7), (2, 3, 7)),
    (0.03, 0.5, (0, 1, 8, 9), (2, 3, 8, 9)),
]
NO_EFFECT = "momentum has no effect: a step whose gradients are 0 must go on with the velocity"


def five_steps(nn, given, hiddens):
    """Five steps: v = momentum * v - lr * d; p = p + v."""
    net = nn.network(hiddens, **STEP)
    for seed in SEEDS:
        net.run(*make_batch(8, seed))
        net.step()
        yield from net.parameters(f" after step {seed}").items()


def five_steps_from_own(nn, given, hiddens, beside=False):
    """The same, where d is what its own step subtracts at momentum 0, be that right or wrong.

    A second network with momentum 0 takes each step from the same parameters and gradients. What it
    adds to -lr * d (weight decay) goes into the velocity, or stands beside it (a gradient that is
    applied twice).
    """
    net = nn.network(hiddens, **STEP)
    still = net.renew(momentum=0.0)
    trains = net.can_train()
    velocities = {name: 0.0 for name in net.parameters()}
    for seed in SEEDS:
        net.take_gradients(seed, trains)
        before = net.parameters()
        gradients = net.raw_gradients()
        increments = still.step_without_momentum(net)
        net.step()
        for name, value in net.parameters().items():
            into = increments[name]
            aside = 0.0
            if beside:
                gradient = np.reshape(gradients[name_gradient(name)], np.shape(before[name]))
                into = -net.lr * gradient
                aside = increments[name] - into
            velocities[name] = net.momentum * velocities[name] + into
            expected = before[name] + velocities[name] + aside
            yield f"{name} after step {seed}", value, expected, before[name]


def networks_side_by_side(nn, given):
    """The velocity of one network is its own: training two more beside it changes nothing."""
    nets = [nn.network([], lr=lr, momentum=momentum, bias_init=init_zero_bias)
            for lr, momentum, _, _ in TURNS]
    for turn in (2, 3):
        for net, setting in zip(nets, TURNS):
            for seed in setting[turn]:
                net.run(*make_batch(8, seed))
                net.step()
    for k, net in enumerate(nets, 1):
        yield from net.parameters(f" of network {k} of three that are trained by turns").items()
    coast(nets[0])
    yield from nets[0].parameters(" after a step whose gradients are 0").items()


def networks_side_by_side_as_alone(nn, given):
    """The same, but compared with networks of its own that are trained alone."""
    nets = [nn.network([], lr=lr, momentum=momentum, bias_init=init_zero_bias)
            for lr, momentum, _, _ in TURNS]
    trains = nets[0].can_train()
    require(nets[0].mlp.W is not nets[1].mlp.W,
            "all networks share the list W: make it in __init__, not in the class")
    for turn in (2, 3):
        for net, setting in zip(nets, TURNS):
            for seed in setting[turn]:
                net.take_gradients(seed, trains)
                net.step()
    for k, (net, setting) in enumerate(zip(nets, TURNS), 1):
        alone = net.renew()
        for seed in setting[2] + setting[3]:
            alone.take_gradients(seed, trains)
            alone.step()
        expected = alone.parameters()
        for name, value in net.parameters().items():
            yield (f"{name} of network {k} of three that are trained by turns (do they share a "
                   "velocity or a setting?)", value, expected[name])
    before = nets[0].parameters()
    coast(nets[0])
    require(any(not np.array_equal(before[name], value)
                for name, value in nets[0].parameters().items()), NO_EFFECT)


def coast(net):
    """Take a step whose gradients are 0, after zero_grads."""
    net.zero_grads()
    net.write({name: np.zeros(np.shape(value)) for name, value in net.raw_gradients().items()})
    net.mlp.step()


def with_batchnorm(nn, given):
    """Three steps with BatchNorm: W and b move with momentum, gamma and beta without."""
    net = nn.network([32, 32], num_bn_layers=2, **STEP)
    for seed in (1, 2, 3):
        net.run(*make_batch(8, seed))
        net.step()
        yield from net.batchnorm("gamma", "beta", after=f" after step {seed}").items()
        yield from net.parameters(f" after step {seed} with BatchNorm").items()


def with_batchnorm_from_own(nn, given):
    """gamma and beta move as far as by its own step at momentum 0, be that right or wrong."""
    net = nn.network([32, 32], num_bn_layers=2, **STEP)
    still = net.renew(momentum=0.0)
    trains = net.can_train()
    for seed in (1, 2, 3):
        net.take_gradients(seed, trains)
        before = net.batchnorm("gamma", "beta")
        increments = still.step_without_momentum(net)
        net.step()
        for name, value in net.batchnorm("gamma", "beta").items():
            expected = before[name] + increments[name]
            yield f"{name} after step {seed}", value, expected, before[name]


def without_batchnorm(nn, given):
    """The same, if its networks have no BatchNorm at all, which section 2.6 asks: W and b move."""
    try:
        nn.network([32, 32], num_bn_layers=2, **STEP).batchnorm("gamma", "beta")
    except Exception:
        yield from five_steps_from_own(nn, given, [32, 32])
    else:
        raise CannotAsk("there is BatchNorm in the network")


def velocity_starts_at_zero(nn, given):
    """bias_init_fn makes the biases and nothing else; the velocity is kept from step to step."""
    calls = []

    def bias_init(d):
        calls.append(d)
        return np.ones((1, d))

    net = nn.network([5], momentum=0.9, bias_init=bias_init)
    made = len(calls) - 2  # Network calls it once for each layer, too, to write the biases
    require(made <= 2, f"bias_init_fn is called {made} times for 2 layers: let it make the biases, "
                       "and no velocity, which begins at 0")
    net.take_gradients(0, net.can_train())
    net.step()
    before = net.parameters()
    coast(net)
    require(any(not np.array_equal(before[name], value)
                for name, value in net.parameters().items()), NO_EFFECT)


def of(scenario, **arguments):
    return functools.partial(scenario, **arguments)


CHECKS = [
    *[Check(f"five steps, {name}", 2, "MLP.step",
            [Way(of(five_steps, hiddens=hiddens)),
             Way(of(five_steps_from_own, hiddens=hiddens), OWN),
             Way(of(five_steps_from_own, hiddens=hiddens, beside=True), OWN),
             Way(of(five_steps_from_own, hiddens=hiddens), TEXTBOOK)])
      for name, hiddens in NETWORKS.items()],
    Check("networks_side_by_side", 2, "MLP.step",
          [Way(networks_side_by_side), Way(networks_side_by_side_as_alone, OWN),
           Way(networks_side_by_side_as_alone, TEXTBOOK)]),
    Check("with_batchnorm", 1, "MLP.step",
          [Way(with_batchnorm), Way(with_batchnorm_from_own, OWN),
           Way(with_batchnorm_from_own, TEXTBOOK), Way(without_batchnorm, OWN)]),
    Check("velocity_starts_at_zero", 1, "MLP.step",
          [Way(velocity_starts_at_zero, OWN), Way(velocity_starts_at_zero, TEXTBOOK)]),
]
