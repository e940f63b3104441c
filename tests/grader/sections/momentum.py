"""2.7 Momentum: the velocity of each parameter, kept from step to step.

How to read a check: its scenarios build networks from the submission's classes, nn, and yield

    name, value                    compared with what the scenario yields for the textbook, a
                                   correct hw1.py
    name, value, expected          compared with what follows from the submission's own numbers
    name, value, expected, before  the same, for a parameter that a step moves

Any difference loses the points of the check, as do an exception and require(False, reason).

Check(name, points, method, ways): the ways are tried in order, and the first that agrees keeps the
points. Way(scenario) takes the submission as it is; with Way(scenario, OWN) the textbook's MLP gets
the submission's criterion, activations and BatchNorm; with Way(scenario, TEXTBOOK) the submission's
MLP gets those of the textbook. CannotAsk: the way does not fit this submission.
"""

import typing
from functools import partial

import numpy as np

from tests.grader.judge import OWN, TEXTBOOK, Check, Way
from tests.grader.network import (
    init_zero_bias, make_batch, name_gradient, require_use_of_parts)
from tests.grader.reasons import CannotAsk, require

STEP = {"lr": 0.008, "momentum": 0.856, "bias_init": init_zero_bias}
SEEDS = (1, 2, 3, 4, 5)
NETWORKS = {"no hidden layer": [], "one hidden layer": [32], "three hidden layers": [32, 32, 32]}


class Training(typing.NamedTuple):
    """A network's lr and momentum, and the seeds of its batches in a first and a second turn."""

    lr: float
    momentum: float
    turns: typing.Sequence


TRAININGS = [
    Training(0.1, 0.9, [(0, 1), (2, 3)]),
    Training(0.05, 0.7, [(0, 1, 7), (2, 3, 7)]),
    Training(0.03, 0.5, [(0, 1, 8, 9), (2, 3, 8, 9)]),
]
NO_EFFECT = "momentum has no effect: a step whose gradients are 0 must still add the velocity"


def five_steps(nn, given, hiddens):
    """W and b after each of five steps are the textbook's: v = momentum * v - lr * d; p = p + v."""
    net = nn.network(hiddens, **STEP)
    for seed in SEEDS:
        net.run(*make_batch(8, seed))
        net.step()
        yield from net.parameters(f" after step {seed}").items()


def five_steps_from_own_plain_step(nn, given, hiddens, beside=False):
    """W and b move as momentum makes of the submission's own step at momentum 0, right or wrong.

    A second network, whose momentum is 0, takes each step from the same parameters and gradients.
    Its increments, with a weight decay for example, go into the velocity. beside: only -lr * d goes
    into the velocity, and the rest of the increment, such as a gradient that is applied twice, is
    added to the parameter itself.
    """
    net = nn.network(hiddens, **STEP)
    plain = net.renew(momentum=0.0)
    can_train = net.can_train()
    velocities = {name: 0.0 for name in net.parameters()}
    for seed in SEEDS:
        net.take_gradients(seed, can_train)
        before = net.parameters()
        gradients = net.raw_gradients()
        increments = plain.step_without_momentum(net)
        net.step()
        for name, value in net.parameters().items():
            into_velocity = increments[name]
            rest = 0.0
            if beside:
                gradient = np.reshape(gradients[name_gradient(name)], np.shape(before[name]))
                into_velocity = -net.lr * gradient
                rest = increments[name] - into_velocity
            velocities[name] = net.momentum * velocities[name] + into_velocity
            expected = before[name] + velocities[name] + rest
            yield f"{name} after step {seed}", value, expected, before[name]


def make_networks(nn):
    return [nn.network([], lr=training.lr, momentum=training.momentum, bias_init=init_zero_bias)
            for training in TRAININGS]


def take_turns(nets):
    """Yield (net, seed of its next batch): each network's first turn, then each one's second.

    Between them, each runs a batch in eval mode, as between two epochs.
    """
    for turn in (0, 1):
        for net, training in zip(nets, TRAININGS):
            net.infer(make_batch(8, seed=0)[0])
            for seed in training.turns[turn]:
                yield net, seed


def networks_side_by_side(nn, given):
    """W and b of three networks that are trained alternately are the textbook's.

    The velocity of each is its own. A step whose gradients are 0 still adds it.
    """
    nets = make_networks(nn)
    for net, seed in take_turns(nets):
        net.run(*make_batch(8, seed))
        net.step()
    for k, net in enumerate(nets, 1):
        yield from net.parameters(f" of network {k} of three that are trained alternately").items()
    coast(nets[0])
    yield from nets[0].parameters(" after a step whose gradients are 0").items()


def networks_side_by_side_as_alone(nn, given):
    """W and b of three networks that are trained alternately are as if each were trained alone.

    A step whose gradients are 0 must move a parameter.
    """
    nets = make_networks(nn)
    can_train = nets[0].can_train()
    require(nets[0].mlp.W is not nets[1].mlp.W,
            "all networks share the list W: make it in __init__, not in the class")
    for net, seed in take_turns(nets):
        net.take_gradients(seed, can_train)
        net.step()
    for k, (net, training) in enumerate(zip(nets, TRAININGS), 1):
        alone = net.renew()
        first, second = training.turns
        for seed in first + second:
            alone.take_gradients(seed, can_train)
            alone.step()
        expected = alone.parameters()
        for name, value in net.parameters().items():
            yield (f"{name} of network {k} of three that are trained alternately (do they share a "
                   "velocity or a setting, or does eval reset one?)", value, expected[name])
    require_coasting(nets[0])


def coast(net):
    """Take a step whose gradients are 0, after zero_grads."""
    net.zero_grads()
    net.write_gradients(np.zeros)
    net.mlp.step()


def require_coasting(net):
    """Require that a step whose gradients are 0 moves a parameter."""
    before = net.parameters()
    coast(net)
    require(any(not np.array_equal(before[name], value)
                for name, value in net.parameters().items()), NO_EFFECT)


def with_batchnorm(nn, given):
    """W, b, gamma and beta after each of three steps are the textbook's.

    W and b move with momentum, gamma and beta without.
    """
    net = nn.network([32, 32], num_bn_layers=2, **STEP)
    for seed in (1, 2, 3):
        net.run(*make_batch(8, seed))
        net.step()
        yield from net.batchnorm("gamma", "beta", after=f" after step {seed}").items()
        yield from net.parameters(f" after step {seed} with BatchNorm").items()


def with_batchnorm_from_own_plain_step(nn, given):
    """gamma and beta move as by the submission's own step at momentum 0, right or wrong."""
    net = nn.network([32, 32], num_bn_layers=2, **STEP)
    plain = net.renew(momentum=0.0)
    can_train = net.can_train()
    for seed in (1, 2, 3):
        net.take_gradients(seed, can_train)
        require_use_of_parts(nn, net.batchnorm("dgamma", "dbeta"))
        before = net.batchnorm("gamma", "beta")
        increments = plain.step_without_momentum(net)
        net.step()
        for name, value in net.batchnorm("gamma", "beta").items():
            expected = before[name] + increments[name]
            yield f"{name} after step {seed}", value, expected, before[name]


def without_batchnorm(nn, given):
    """W and b move with momentum in a network that should have BatchNorm, but has none.

    Asked only of a submission whose networks have none; section 2.6 asks for it.
    """
    try:
        nn.network([32, 32], num_bn_layers=2, **STEP).batchnorm("gamma", "beta")
    except Exception:
        yield from five_steps_from_own_plain_step(nn, given, [32, 32])
    else:
        raise CannotAsk("there is BatchNorm in the network")


def velocity_starts_at_zero(nn, given):
    """bias_init_fn makes no velocity, and a step whose gradients are 0 still moves a parameter."""
    calls = []

    def bias_init(d):
        calls.append(d)
        return np.ones((1, d))

    net = nn.network([5], momentum=0.9, bias_init=bias_init)
    made = len(calls) - 2  # nn.network itself calls it once for each of the 2 layers
    require(made <= 2, f"bias_init_fn is called {made} times for 2 layers: call it for the biases "
                       "only, and start each velocity at 0")
    net.take_gradients(0, net.can_train())
    net.step()
    require_coasting(net)


CHECKS = [
    *[Check(f"five steps, {name}", 2, "MLP.step",
            [Way(partial(five_steps, hiddens=hiddens)),
             Way(partial(five_steps_from_own_plain_step, hiddens=hiddens), OWN),
             Way(partial(five_steps_from_own_plain_step, hiddens=hiddens, beside=True), OWN),
             Way(partial(five_steps_from_own_plain_step, hiddens=hiddens), TEXTBOOK)])
      for name, hiddens in NETWORKS.items()],
    Check("networks_side_by_side", 2, "MLP.step",
          [Way(networks_side_by_side), Way(networks_side_by_side_as_alone, OWN),
           Way(networks_side_by_side_as_alone, TEXTBOOK)]),
    Check("with_batchnorm", 1, "MLP.step",
          [Way(with_batchnorm), Way(with_batchnorm_from_own_plain_step, OWN),
           Way(with_batchnorm_from_own_plain_step, TEXTBOOK), Way(without_batchnorm, OWN)]),
    Check("velocity_starts_at_zero", 1, "MLP.step",
          [Way(velocity_starts_at_zero, OWN), Way(velocity_starts_at_zero, TEXTBOOK)]),
]
