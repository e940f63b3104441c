"""2.3 The linear classifier: forward, backward, zero_grads, and steps of gradient descent."""

import numpy as np

from tests.grader.judge import checks, require
from tests.grader.network import Network, batch, entries

check, CHECKS = checks("2.3")
ACCEPT = "parts", "weights", "zero_grads"


def forward(*network):
    """A question about the output of a network."""
    def scenario(nn, given):
        return {"forward(x)": Network(nn, *network).forward(given("x", batch(8, seed=1)[0]))}
    return scenario


def backward(*network):
    """A question about the gradients of a network."""
    def scenario(nn, given):
        x, labels = batch(8, seed=2)
        return Network(nn, *network).passed(given("x", x), given("labels", labels))
    return scenario


check(3, ACCEPT, "forward", repair="gradients")(forward([]))
check(3, ACCEPT, "backward", repair="gradients")(backward([]))


@check(1, ("parts", "weights", "gradients"), repair="zero_grads")
def zero_grads(nn, given):
    """Every gradient that is there is 0 after zero_grads, and W and b are what they were."""
    net, (x, labels) = Network(nn, []), batch(8, seed=3)
    net.passed(x, labels)
    net.mlp.zero_grads()
    for name, entry in entries(net.mlp, "dW", "db").items():
        require(entry is None or not np.any(entry),
                f"zero_grads leaves {name} as it was: it must set every gradient to 0")
    return net.parameters()


@check(2, ACCEPT + ("gradients",), repair="fresh gradients")
def five_steps(nn, given):
    """Five steps, each on a batch of its own, the last two of another size."""
    net = Network(nn, [], lr=0.3)
    return {**net.train_on(1, 2, 3), **net.train_on(4, 5, m=6)}
