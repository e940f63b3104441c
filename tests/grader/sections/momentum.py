"""2.7 Momentum: the velocity of each parameter, kept from step to step."""

import numpy as np

from tests.grader.judge import View, checks, observe, require
from tests.grader.network import Network, batch

check, CHECKS = checks("2.7")
ACCEPT = "parts", "weights", "zero_grads", "gradients"
STEP = {"lr": 0.008, "momentum": 0.856, "bias_init_fn": lambda d: np.zeros((1, d))}


for name, hiddens in [("no hidden layer", []), ("one hidden layer", [32]),
                      ("two hidden layers", [64, 32])]:
    @check(2, ACCEPT, f"five steps, {name}", question="five steps")
    def five_steps(nn, given, hiddens=hiddens):
        return Network(nn, hiddens, **STEP).train_on(1, 2, 3, 4, 5)


def require_velocity(handin):
    for steps in CHECKS[:3]:
        lost = handin.lost(steps)
        if lost and "no momentum" in lost.faults:
            raise lost


@check(2)
def networks_side_by_side(handin):
    """The velocity of one network is its own: training two more beside it changes nothing."""
    require_velocity(handin)

    def scenario(nn, given):
        nets = [Network(nn, [], **{**STEP, "lr": 0.1 / (k + 1), "momentum": 0.9 - 0.2 * k})
                for k in range(3)]
        for seeds in ((0, 1), (2, 3)):
            for net, more in zip(nets, ((), (7,), (8, 9))):
                net.train_on(*seeds, *more)
        for k, net in enumerate(nets, 1):
            yield from net.parameters(f" of network {k} of three that are trained by turns (do "
                                      "they share a velocity?)").items()

    handin.compare(scenario, ACCEPT)


@check(1, ACCEPT + ("batchnorm",))
def with_batchnorm(nn, given):
    """gamma and beta take the plain step, without momentum."""
    net = Network(nn, [32, 32], num_bn_layers=2, **STEP)
    for seed in range(3):
        net.passed(*batch(8, seed))
        old = net.batchnorm("gamma", "beta", "dgamma", "dbeta")
        net.step()
        for name, new in net.batchnorm("gamma", "beta").items():
            layer, own = name.split(".")
            yield (f"{name} + lr * d{own} - {own} before, in step {seed + 1},",
                   new + net.lr * old[f"{layer}.d{own}"] - old[name])


@check(1)
def velocity_is_not_initialised(handin):
    """bias_init_fn makes the biases and nothing else: a velocity begins at 0."""
    require_velocity(handin)

    def scenario(nn, given):
        calls = []

        def bias_init_fn(d):
            calls.append(d)
            return np.ones((1, d))

        net = Network(nn, [5], momentum=0.9, bias_init_fn=bias_init_fn)
        made = len(calls)
        net.train_on(0)
        require(made <= 2, f"bias_init_fn is called {made} times for 2 layers: it makes the "
                           "biases, and no velocity, which begins at 0")
        return {}

    observe(View(handin.nn, {"parts", "gradients"}), scenario)
