"""2.5 Hidden layers: any number of them, of any size, with any activations."""

import functools

import numpy as np

from tests.grader.describe import find_base, find_factor
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, alone, in_network
from tests.grader.mistakes import load_textbook
from tests.grader.network import copy_entries, make_batch
from tests.grader.reasons import CannotAsk, require

NETWORKS = [32], [64, 32], [32, 32, 32, 32, 32]
MIXED = [24, 16, 12], ["Tanh", "ReLU", "Sigmoid", "Tanh"]


def initializers(nn, given):
    """weight_init_fn is called once a layer, from input to output; the caller's lists are kept."""
    calls = []

    def weight_init_fn(d_in, d_out):
        calls.append((d_in, d_out))
        return np.full((d_in, d_out), float(len(calls)))

    def bias_init_fn(d):
        return np.full((1, d), float(d))

    right = load_textbook()
    hiddens = given("the list of hiddens", [6, 5])
    activations = given("the list of activations",
                        [right.Sigmoid(), right.Sigmoid(), right.Identity()])
    mlp = nn.MLP(4, 3, hiddens, activations, weight_init_fn, bias_init_fn,
                 right.SoftmaxCrossEntropy(), 0.1)
    for name in ("momentum", "num_bn_layers"):
        value = getattr(mlp, name, 0)
        require(not value, f"{name} is {value} where MLP is not given it: its default is 0")
    want = [(4, 6), (6, 5), (5, 3)]
    if calls in ([(4, 3)], [(4, 6), (6, 3)]):
        want = list(calls)  # hidden layers are missing, which costs the points of forward
    require(calls, "MLP does not call weight_init_fn: make the weights by the initializers that it "
                   "is given")
    require(len(calls) == len(want),
            f"weight_init_fn is called {len(calls)} times for 3 layers: call it once for each "
            "layer, or the random numbers change")
    require(calls == want,
            f"weight_init_fn is called with {calls}; from input to output it is {want}")
    seen = {**copy_entries(mlp, "W"), **copy_entries(mlp, "b")}
    for i, (d_in, d_out) in enumerate(want):
        require(np.array_equal(seen.get(f"W[{i}]"), np.full((d_in, d_out), i + 1.0)),
                f"W[{i}] is not what call {i + 1} of weight_init_fn returned")
        require(np.all(np.equal(seen.get(f"b[{i}]"), float(d_out))),
                f"b[{i}] is not what bias_init_fn({d_out}) returned")


def forward(nn, given, hiddens):
    """The output of a network of sigmoids."""
    x, _ = make_batch(8, seed=1)
    net = nn.network(hiddens)
    yield "forward(x)", net.forward(x)


def backward(nn, given, hiddens, activations=None):
    """The gradients of the mean loss of a batch."""
    x, labels = make_batch(8, seed=2)
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    given.batch_size = len(x)
    yield from net.gradients().items()


def backward_from_own_outputs(nn, given, hiddens, activations=None):
    """The same, but from what the activations really gave, be that right or wrong."""
    x, labels = make_batch(8, seed=2)
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    given.batch_size = len(x)
    expected = compute_gradients(net, x, labels)
    for name, value in net.gradients().items():
        yield name, value, expected[name]


def compute_gradients(net, x, labels):
    """The textbook's backward, from the outputs that the activations keep as state."""
    outputs = [x] + [activation.state for activation in net.activations]
    criterion = net.nn.SoftmaxCrossEntropy()
    criterion(outputs[-1], labels)
    delta = criterion.derivative()
    gradients = {}
    for i in reversed(range(len(net.activations))):
        delta = delta * net.activations[i].derivative()
        gradients[f"dW[{i}]"] = outputs[i].T @ delta / len(x)
        gradients[f"db[{i}]"] = np.mean(delta, axis=0)
        delta = delta @ net.mlp.W[i].T
    return gradients


def backward_by_factor(nn, given, hiddens, activations=None):
    """The same, but for a factor of dW and of db, which a linear classifier's have, too.

    Section 2.3 asks for it: without the division by the batch size, or with two of them.
    """
    x, labels = make_batch(8, seed=2)
    linear = nn.network([])
    linear.run(x, labels)
    right = nn.textbook().network([])
    right.run(x, labels)
    expected = right.gradients()
    factors = {name: find_factor(np.ravel(value), np.ravel(expected[name]))
               for name, value in linear.gradients().items()}
    if None in factors.values():
        raise CannotAsk("the gradients of a linear classifier are wrong in another way")
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    right = nn.textbook().network(hiddens, activations)
    right.run(x, labels)
    expected = right.gradients()
    yield "forward(x)", net.output, right.output
    for name, value in net.gradients().items():
        yield name, value, factors[f"{find_base(name)}[0]"] * expected[name]


def mixed_activations(nn, given, hiddens, activations):
    """The output and the gradients of a network of different activations."""
    x, labels = make_batch(8, seed=2)
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    given.batch_size = len(x)
    yield "forward(x)", net.output
    yield from net.gradients().items()


def other_batch_sizes(nn, given):
    """The gradients are the last batch's, also where one of another size came before it."""
    net = nn.network([32])
    for seed, m in ((3, 8), (4, 5), (5, 8)):
        net.run(*make_batch(m, seed))
    yield from net.gradients().items()


def other_batch_sizes_alone(nn, given):
    """The same, but compared with a new network of its own that has the last batch alone."""
    net = nn.network([32])
    for seed, m in ((3, 8), (4, 5), (5, 8)):
        net.run(*make_batch(m, seed))
    alone = net.renew()
    alone.run(*make_batch(8, seed=5))
    expected = alone.gradients()
    for name, value in net.gradients().items():
        yield f"{name} of a batch after others", value, expected[name]


def of(scenario, *arguments):
    return functools.partial(scenario, **dict(zip(("hiddens", "activations"), arguments)))


CHECKS = [
    Check("initializers", 3, "MLP.__init__", alone(initializers)),
    *[Check(f"forward {hiddens}", 4, "MLP.forward", in_network(of(forward, hiddens)))
      for hiddens in NETWORKS],
    *[Check(f"backward {hiddens}", 6, "MLP.backward",
            [*in_network(of(backward, hiddens)),
             Way(of(backward_from_own_outputs, hiddens), TEXTBOOK),
             Way(of(backward_by_factor, hiddens), OWN)])
      for hiddens in NETWORKS],
    Check("mixed_activations", 5, "MLP.backward",
          [*in_network(of(mixed_activations, *MIXED)), Way(of(backward_by_factor, *MIXED), OWN)]),
    Check("batches_of_other_sizes", 2, "MLP.backward",
          [Way(other_batch_sizes), Way(other_batch_sizes_alone, OWN),
           Way(other_batch_sizes_alone, TEXTBOOK)]),
]
