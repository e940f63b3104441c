"""2.3 The linear classifier: forward, backward, zero_grads, and steps of gradient descent."""

import contextlib

import numpy as np

from tests.grader.judge import Lost, checks
from tests.grader.network import Network, batch, members

check, CHECKS = checks("2.3")
ACCEPT = "parts", "weights", "zero_grads"


def forward(hiddens, activations):
    """A question about the output of a network."""
    def ask(handin):
        def scenario(nn, given):
            return {"forward(x)": Network(nn, hiddens, activations).forward(given("x", batch(8, seed=1)[0]))}

        handin.compare(scenario, ACCEPT)
    return ask


def backward(hiddens, activations):
    """A question about the gradients of a network."""
    def ask(handin):
        def scenario(nn, given):
            net, (x, labels) = Network(nn, hiddens, activations), batch(8, seed=2)
            with contextlib.suppress(Exception):  # which is asked below
                net.zero_grads()
            net.forward(given("x", x))
            net.backward(given("labels", labels))
            return net.gradients()

        handin.compare(scenario, ACCEPT)
    return ask


check(3, repair="gradients", name="forward")(forward([], ["Identity"]))
check(3, repair="gradients", name="backward")(backward([], ["Identity"]))


@check(1, repair="zero_grads")
def zero_grads(handin):
    """Every gradient that is there is 0 after zero_grads, and W and b are what they were."""
    def scenario(nn, given):
        net, (x, labels) = Network(nn, [], ["Identity"]), batch(8, seed=3)
        net.forward(x)
        net.backward(labels)
        net.mlp.zero_grads()
        for name in ("dW", "db"):
            for i, entry in enumerate(members(net.mlp, name)):
                if entry is not None and np.any(entry):
                    raise Lost(f"zero_grads leaves {name}[{i}] as it was: it must set every gradient to 0")
        return net.parameters()

    handin.compare(scenario, ("parts", "weights", "gradients"))


@check(2, repair="fresh gradients")
def five_steps(handin):
    """Five steps, each on a batch of its own, one of another size."""
    def scenario(nn, given):
        net = Network(nn, [], ["Identity"], lr=0.3)
        return {**net.train_on(1, 2, 3), **net.train_on(4, 5, m=6)}

    handin.compare(scenario, ACCEPT + ("gradients",))
