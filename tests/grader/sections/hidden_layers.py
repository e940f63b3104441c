"""2.5 Hidden layers: any number of them, of any size, with any activations.

A scenario yields (name, value), which is compared with the value of textbook.py's MLP in the same
scenario, or (name, value, expected). The ways OWN and TEXTBOOK say whose activations and criterion
the networks have. linear.py explains more.
"""

import functools

import numpy as np

from tests.grader.describe import find_base, find_factor
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, alone, in_network
from tests.grader.mistakes import load_textbook
from tests.grader.network import copy_entries, make_batch
from tests.grader.reasons import CannotAsk, require

NETWORKS = [32], [64, 32], [32, 32, 32, 32, 32]  # hiddens
MIXED = {"hiddens": [24, 16, 12], "activations": ["Tanh", "ReLU", "Sigmoid", "Tanh"]}
BATCHES = ((3, 8), (4, 5), (5, 8))  # (seed, batch size) of batches one after another


def initializers(nn, given):
    """weight_init_fn is called once a layer, from input to output, and W and b hold its results.

    hiddens and activations, lists of the caller's, must not be modified.
    """
    calls = []

    def weight_init_fn(d_in, d_out):
        calls.append((d_in, d_out))
        return np.full((d_in, d_out), float(len(calls)))

    def bias_init_fn(d):
        return np.full((1, d), float(d))

    textbook = load_textbook()
    hiddens = given("the list of hiddens", [6, 5])
    activations = given("the list of activations",
                        [textbook.Sigmoid(), textbook.Sigmoid(), textbook.Identity()])
    mlp = nn.MLP(4, 3, hiddens, activations, weight_init_fn, bias_init_fn,
                 textbook.SoftmaxCrossEntropy(), 0.1)
    for name in ("momentum", "num_bn_layers"):
        value = getattr(mlp, name, 0)
        require(not value, f"{name} is {value} where MLP is not given it: its default is 0")
    expected_calls = [(4, 6), (6, 5), (5, 3)]
    if calls in ([(4, 3)], [(4, 6), (6, 3)]):
        expected_calls = list(calls)  # missing hidden layers cost the points of forward instead
    require(calls, "MLP does not call weight_init_fn: make the weights by the initializers that it "
                   "is given")
    require(len(calls) == len(expected_calls),
            f"weight_init_fn is called {len(calls)} times for 3 layers: call it once for each "
            "layer, or the random numbers change")
    require(calls == expected_calls,
            f"weight_init_fn is called with {calls}; from input to output it is {expected_calls}")
    parameters = {**copy_entries(mlp, "W"), **copy_entries(mlp, "b")}
    for i, (d_in, d_out) in enumerate(expected_calls):
        W = parameters.get(f"W[{i}]")
        b = parameters.get(f"b[{i}]")
        require(np.array_equal(W, np.full((d_in, d_out), i + 1.0)),
                f"W[{i}] is not what call {i + 1} of weight_init_fn returned")
        require(np.all(np.equal(b, float(d_out))),
                f"b[{i}] is not what bias_init_fn({d_out}) returned")


def forward(nn, given, hiddens):
    """The output of a network of sigmoids."""
    x, _ = make_batch(8, seed=1)
    net = nn.network(hiddens)
    yield "forward(x)", net.forward(x)


def backward(nn, given, hiddens):
    """The gradients of the mean loss of a batch."""
    net, _, _ = run_batch(nn, given, hiddens)
    yield from net.gradients().items()


def backward_from_own_outputs(nn, given, hiddens, activations=None):
    """The gradients that follow from what the activations returned, be that right or wrong.

    They follow from the W that backward leaves, because only section 2.3 charges its changes.
    """
    net, x, labels = run_batch(nn, given, hiddens, activations)
    expected = compute_gradients(net, x, labels)
    for name, value in net.gradients().items():
        yield name, value, expected[name]


def mixed_activations(nn, given, hiddens, activations):
    """The output and the gradients of a network of different activations."""
    net, _, _ = run_batch(nn, given, hiddens, activations)
    yield "forward(x)", net.output
    yield from net.gradients().items()


def mixed_activations_from_own_outputs(nn, given, hiddens, activations):
    """The output is the textbook's; the gradients follow from what the activations returned."""
    net = nn.network(hiddens, activations)
    x, _ = make_batch(8, seed=2)
    yield "forward(x)", net.forward(x)
    yield from backward_from_own_outputs(nn, given, hiddens, activations)


def run_batch(nn, given, hiddens, activations=None):
    """Return a network that has run a batch, and the batch, whose size is noted in given."""
    x, labels = make_batch(8, seed=2)
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    given.batch_size = len(x)  # a reason says whether it is a factor of the gradients
    return net, x, labels


def compute_gradients(net, x, labels):
    """Return dW and db by the formulas of backward, from the states of the activations."""
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
    """The gradients are wrong only by the factors by which those of a linear classifier are.

    Section 2.3 charges these: a division by the batch size that is missing, say, or repeated.
    """
    x, labels = make_batch(8, seed=2)
    linear = nn.network([])
    linear.run(x, labels)
    right_linear = nn.textbook().network([])
    right_linear.run(x, labels)
    expected_linear = right_linear.gradients()
    factors = {name: find_factor(np.ravel(value), np.ravel(expected_linear[name]))
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
        factor = factors[f"{find_base(name)}[0]"]
        yield name, value, factor * expected[name]


def other_batch_sizes(nn, given):
    """The gradients are the last batch's, even after a batch of another size."""
    net = nn.network([32])
    for seed, m in BATCHES:
        net.run(*make_batch(m, seed))
    yield from net.gradients().items()


def other_batch_sizes_alone(nn, given):
    """The gradients are those of a new network that is given the last batch alone.

    Its W and b are those before that batch, which a wrong forward or backward may have changed.
    """
    *earlier, (last_seed, last_size) = BATCHES
    net = nn.network([32])
    for seed, m in earlier:
        net.run(*make_batch(m, seed))
    alone = net.renew()
    alone.write(net.parameters())
    net.run(*make_batch(last_size, last_seed))
    alone.run(*make_batch(last_size, last_seed))
    expected = alone.gradients()
    for name, value in net.gradients().items():
        yield f"{name} of a batch after others", value, expected[name]


CHECKS = [Check("initializers", 3, "MLP.__init__", alone(initializers))]
for hiddens in NETWORKS:
    ways = in_network(functools.partial(forward, hiddens=hiddens))
    CHECKS.append(Check(f"forward {hiddens}", 4, "MLP.forward", ways))
for hiddens in NETWORKS:
    ways = [
        *in_network(functools.partial(backward, hiddens=hiddens)),
        Way(functools.partial(backward_from_own_outputs, hiddens=hiddens), TEXTBOOK),
        Way(functools.partial(backward_by_factor, hiddens=hiddens), OWN),
    ]
    CHECKS.append(Check(f"backward {hiddens}", 6, "MLP.backward", ways))
CHECKS += [
    Check("mixed_activations", 5, "MLP.backward",
          [*in_network(functools.partial(mixed_activations, **MIXED)),
           Way(functools.partial(mixed_activations_from_own_outputs, **MIXED), TEXTBOOK),
           Way(functools.partial(backward_by_factor, **MIXED), OWN)]),
    Check("batches_of_other_sizes", 2, "MLP.backward",
          [Way(other_batch_sizes), Way(other_batch_sizes_alone, OWN),
           Way(other_batch_sizes_alone, TEXTBOOK)]),
]
