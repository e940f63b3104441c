"""2.3 The linear classifier: forward, backward, zero_grads, and steps of gradient descent."""

import numpy as np

from tests.grader.describe import describe_error
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, in_network
from tests.grader.network import copy_entries, make_batch, name_gradient
from tests.grader.reasons import Lost, require

SIZES = {1: 8, 2: 8, 3: 8, 4: 6, 5: 6}  # the batch size for each seed of the five steps


def forward(nn, given):
    """The output of one layer: x @ W + b."""
    x, _ = make_batch(8, seed=1)
    net = nn.network([])
    yield "forward(x)", net.forward(given("x", x))


def backward(nn, given):
    """The gradients of the mean loss of a batch."""
    x, labels = make_batch(8, seed=2)
    net = nn.network([])
    net.run(x, given("labels", labels))
    yield from net.gradients().items()


def backward_from_own_output(nn, given):
    """The same, but of the loss of what forward really gave, be that right or wrong."""
    x, labels = make_batch(8, seed=2)
    net = nn.network([])
    net.run(x, given("labels", labels))
    criterion = nn.SoftmaxCrossEntropy()
    criterion(np.array(net.output), labels)
    delta = criterion.derivative()
    expected = {"dW[0]": x.T @ delta / len(x), "db[0]": np.mean(delta, axis=0)}
    for name, value in net.gradients().items():
        yield name, value, expected[name]


def zero_grads(nn, given):
    """Every gradient that is there is 0 after zero_grads, W and b stay, another batch can follow.

    If no batch can go backward, random gradients are written.
    """
    net = nn.network([])
    x, labels = make_batch(8, seed=3)
    try:
        net.forward(x)
        net.mlp.backward(labels)
        net.gradients()
        trains = True
    except Exception:
        net.write_random_gradients(seed=3)
        trains = False
    before = net.parameters()
    net.mlp.zero_grads()
    for name in ("dW", "db"):
        entries = getattr(net.mlp, name, None)
        if entries is not None:
            for key, entry in copy_entries(net.mlp, name).items():
                require(entry is None or not np.any(entry),
                        f"zero_grads leaves {key} as it was: set every gradient to 0")
    for name, value in net.parameters(" after zero_grads").items():
        yield name, value, before[name.split(" ")[0]]
    if trains:
        try:
            net.forward(x)
            net.mlp.backward(labels)
        except Exception as error:
            raise Lost(f"after zero_grads, a batch fails: {describe_error(error)}")


def five_steps(nn, given):
    """Five steps, each on a batch of its own, the last two of another size."""
    net = nn.network([], lr=0.3)
    for seed, m in SIZES.items():
        net.run(*make_batch(m, seed))
        net.step()
        yield from net.parameters(f" after step {seed}").items()


def five_steps_from_own_gradients(nn, given):
    """Five steps, each from the gradients that stand in dW and db, be they right or wrong.

    They must be those of the batch alone: a new network with the same W and b has the same. If no
    batch can go backward, random gradients are written.
    """
    net = nn.network([], lr=0.3)
    trains = net.can_train()
    for seed, m in SIZES.items():
        before = net.parameters()
        alone = net.renew()
        alone.write(before)
        alone.take_gradients(seed, trains, m)
        try:
            net.take_gradients(seed, trains, m)
        except Lost:
            raise
        except Exception as error:
            raise Lost(f"batch {seed} fails after others, but not alone: something of them is "
                       "kept, such as a list that forward never empties: "
                       f"{describe_error(error)}")
        gradients = net.raw_gradients()
        for name, value in alone.raw_gradients().items():
            yield f"{name} of batch {seed}, after others,", gradients[name], value
        net.step()
        for name, value in net.parameters().items():
            gradient = np.reshape(gradients[name_gradient(name)], np.shape(before[name]))
            expected = before[name] - net.lr * gradient
            yield f"{name} after step {seed}", value, expected, before[name]


CHECKS = [
    Check("forward", 3, "MLP.forward", in_network(forward)),
    Check("backward", 3, "MLP.backward",
          [*in_network(backward), Way(backward_from_own_output, TEXTBOOK)]),
    Check("zero_grads", 1, "MLP.zero_grads", in_network(zero_grads)),
    Check("five_steps", 2, "MLP.step",
          [Way(five_steps), Way(five_steps_from_own_gradients, OWN),
           Way(five_steps_from_own_gradients, TEXTBOOK)]),
]
