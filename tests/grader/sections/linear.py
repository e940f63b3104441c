"""2.3 The linear classifier: forward, backward, zero_grads, and steps of gradient descent.

CHECKS, at the end, gives each check its points and one or more ways to ask. A way is a scenario and
the parts (criterion and activations) that its networks have. The first way without a disagreement
earns all the points; if there is none, they are lost.

    WHOLE     the default: hw1.py and textbook.py each with its own parts
    OWN       both with the parts of hw1.py, and the same W and b written into them
    TEXTBOOK  both with the parts of textbook.py, and the same W and b written into them

in_network(scenario) is a scenario in these three ways.

A scenario is a function of nn, which builds the networks, and given. It yields (name, value), and
the grader runs it a second time with the MLP of textbook.py: the submission's values must have the
types, shapes and dtypes of the textbook's, and the same numbers (to about 1e-5; b and db may be
(1, d) or (d,)). Where a scenario yields (name, value, expected), value is compared with expected
instead. A fourth item is the value before
a step: the reason then says how far it moved. An exception, or a condition of require that does not
hold, is a disagreement as well. If all values are right, but an array that was handed over by
given(name, array) is modified, one point is lost.

Points are given back if they were lost through a mistake that another check charges. If no check of
any section is lost, but some agreed only by another way than WHOLE, the first of these loses its
points after all. See resolve.py.

The networks are those of network.py. net = nn.network([]) has one layer, 20 inputs, 10 outputs, an
Identity, and random W and b; net.mlp is the MLP itself. Of its methods,

    run(x, labels)             calls zero_grads, whose errors it ignores, forward and backward
    can_train()                tells whether a new network can run a batch, and has gradients then
    take_gradients(seed, ...)  runs the batch of a seed, or writes random gradients if it cannot; if
                               forward or backward changes W or b, it undoes that, and net.change
                               is the reason
    step()                     calls step, which must change W or b
    parameters(after)          returns {"W[0]" + after: a copy, "b[0]" + after: a copy}
    gradients()                returns the same for dW and db, which must not all be 0
    raw_gradients()            returns the same for dW and db, which may all be 0, or None
"""

import numpy as np

from tests.grader.describe import describe_error
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, in_network
from tests.grader.network import (
    draw_from, draw_normal, make_batch, name_gradient, require_no_gradients)
from tests.grader.reasons import Lost, require

BATCH_SIZES = {1: 8, 2: 8, 3: 8, 4: 6, 5: 6}  # of the five steps, by the seed of the batch


def forward(nn, given):
    """The output of one layer, x @ W + b, is the textbook's; Identity returns its argument."""
    x, _ = make_batch(8, seed=1)
    net = nn.network([])
    yield "forward(x)", net.forward(given("x", x))
    x, _ = make_batch(8, seed=2)
    yield "the output of Identity", make_identity(nn).forward(x)


def make_identity(nn):
    """Return an Identity of the module of the MLP, whosever parts the networks have."""
    require(hasattr(nn.module, "Identity"), "hw1.py has no Identity")
    return nn.module.Identity()


def backward(nn, given):
    """dW[0] and db[0], the gradients of the mean loss of a batch, are the textbook's."""
    require_derivative_of_identity(nn)
    x, labels = make_batch(8, seed=2)
    net = nn.network([])
    net.run(x, given("labels", labels))
    yield from net.gradients().items()


def backward_from_own_output(nn, given):
    """dW[0] and db[0] follow from what forward returned, be that right or wrong.

    The derivative of the loss at this output is that of the textbook's criterion.
    """
    require_derivative_of_identity(nn)
    x, labels = make_batch(8, seed=2)
    net = nn.network([])
    net.run(x, given("labels", labels))
    criterion = nn.SoftmaxCrossEntropy()
    criterion(np.array(net.output), labels)
    delta = criterion.derivative()
    expected = {"dW[0]": x.T @ delta / len(x), "db[0]": np.mean(delta, axis=0)}
    for name, value in net.gradients().items():
        yield name, value, expected[name]


def require_derivative_of_identity(nn):
    """Require that the derivative of Identity is 1, as a scalar or an array."""
    identity = make_identity(nn)
    identity.forward(make_batch(8, seed=2)[0])
    value = identity.derivative()
    require(np.all(np.equal(value, 1.0)), f"Identity.derivative() is {value}: it must be 1.0")


def zero_grads(nn, given):
    """zero_grads sets dW and db to 0 or None, and keeps W and b; a batch can be run after it.

    If no batch can be run before it, or leaves only zeros, random gradients are written first.
    """
    net = nn.network([])
    x, labels = make_batch(8, seed=3)
    try:
        net.forward(x)
        net.mlp.backward(labels)
        net.gradients()  # raises Lost if all are 0
        can_train = True
    except Exception:
        net.write_gradients(draw_from(seed=3))
        can_train = False
    before = net.parameters()
    net.mlp.zero_grads()
    require_no_gradients(net.mlp)
    for name, value in net.parameters().items():
        yield f"{name} after zero_grads", value, before[name]
    if can_train:
        try:
            net.forward(x)
            net.mlp.backward(labels)
        except Exception as error:
            raise Lost(f"after zero_grads, a batch fails: {describe_error(error)}")


def five_steps(nn, given):
    """W and b after each of five steps, on batches of two sizes, are the textbook's."""
    net = nn.network([], lr=0.3)
    for seed, batch_size in BATCH_SIZES.items():
        net.run(*make_batch(batch_size, seed))
        net.step()
        yield from net.parameters(f" after step {seed}").items()
    net.write_gradients(draw_large)
    net.step()
    yield from net.parameters(" after a step with large gradients").items()


def draw_large(shape):
    """Return gradients of about 100, which no step may clip."""
    return draw_normal(6, shape, scale=100)


def five_steps_from_own_gradients(nn, given):
    """Each step subtracts lr * dW from W and lr * db from b, be these gradients right or wrong.

    They must depend on the batch of the step alone: a new network with the same W and b, which has
    run no other batch, must have the same. If no batch can be run, random gradients are written.
    """
    net = nn.network([], lr=0.3)
    can_train = net.can_train()
    for seed, batch_size in BATCH_SIZES.items():
        before = net.parameters()
        alone = net.renew()  # a new import, and the same arguments
        alone.write(before)
        alone.take_gradients(seed, can_train, batch_size)
        try:
            net.take_gradients(seed, can_train, batch_size)
        except Exception as error:
            raise Lost(f"batch {seed} fails after others, but not alone: something is kept "
                       "between batches, such as a list that forward never empties: "
                       f"{describe_error(error)}")
        require(net.change is None, net.change)
        gradients = net.raw_gradients()
        for name, value in alone.raw_gradients().items():
            yield f"{name} of batch {seed}, after others,", gradients[name], value
        yield from step_from(net, before, f"after step {seed}")
    before = net.parameters()
    net.write_gradients(draw_large)
    yield from step_from(net, before, "after a step with large gradients")


def step_from(net, before, when):
    """Take a step, which must subtract lr times the gradients of net from the parameters before."""
    gradients = net.raw_gradients()
    net.step()
    for name, value in net.parameters().items():
        old = before[name]
        gradient = np.reshape(gradients[name_gradient(name)], np.shape(old))
        yield f"{name} {when}", value, old - net.lr * gradient, old


CHECKS = [
    Check("forward", 3, "MLP.forward", in_network(forward)),
    Check("backward", 3, "MLP.backward",
          [*in_network(backward), Way(backward_from_own_output, TEXTBOOK)]),
    Check("zero_grads", 1, "MLP.zero_grads", in_network(zero_grads)),
    Check("five_steps", 2, "MLP.step",
          [Way(five_steps), Way(five_steps_from_own_gradients, OWN),
           Way(five_steps_from_own_gradients, TEXTBOOK)]),
]
