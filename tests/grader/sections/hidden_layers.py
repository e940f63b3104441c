"""2.5 Hidden layers: any number of them, of any size, with any activations.

A scenario yields (name, value), which is compared with the value of textbook.py's MLP in the same
scenario, or (name, value, expected). The ways OWN and TEXTBOOK say whose activations and criterion
the networks have. linear.py explains more.
"""

import functools

import numpy as np

from tests.grader.describe import describe_value, find_base, find_factor
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, alone, in_network
from tests.grader.mistakes import load_textbook
from tests.grader.network import copy_entries, draw_from, make_batch, require_no_gradients
from tests.grader.reasons import CannotAsk, require

NETWORKS = [32], [64, 32], [32, 32, 32, 32, 32]  # hiddens
MIXED = {"hiddens": [24, 16, 12], "activations": ["Tanh", "ReLU", "Sigmoid", "Tanh"]}
RIGHT, SCALED, WRONG = "right", "wrong by a factor", "wrong otherwise"
BATCHES = ((3, 8), (4, 8), (5, 5), (6, 5))  # (seed, batch size) of batches one after another


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


def forward_by_own_layers(nn, given, hiddens, activations=None):
    """The output is what linear classifiers, one for each layer, and the activations give.

    What these classifiers get wrong is charged in section 2.3.
    """
    x, _ = make_batch(8, seed=2 if activations else 1)
    net = nn.network(hiddens, activations)
    parameters = net.draw_parameters()
    expected = x
    for i, name in enumerate(net.activation_names):
        layer = net.layer(i, parameters["W"][i], parameters["b"][i])
        expected = getattr(nn, name)()(layer.forward(expected))
    yield "forward(x)", net.forward(x), expected


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
    """The output follows from the layers, and the gradients from what the activations returned."""
    yield from forward_by_own_layers(nn, given, hiddens, activations)
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
    outputs = [x] + [as_rows(activation.state, x) for activation in net.activations]
    criterion = net.nn.SoftmaxCrossEntropy()
    criterion(outputs[-1], labels)
    delta = criterion.derivative()
    gradients = {}
    for i in reversed(range(len(net.activations))):
        delta = delta * as_rows(net.activations[i].derivative(), x)
        gradients[f"dW[{i}]"] = outputs[i].T @ delta / len(x)
        gradients[f"db[{i}]"] = np.mean(delta, axis=0)
        delta = delta @ net.mlp.W[i].T
    return gradients


def as_rows(value, x):
    """Return an array with a row for each row of x; an MLP may hand on columns instead."""
    is_transposed = np.ndim(value) == 2 and len(value) != len(x)
    return value.T if is_transposed else value


def backward_except_what_else_is_wrong(nn, given, hiddens, activations=None):
    """The gradients are right, except for what a linear classifier gets wrong.

    Section 2.3 charges that. Where its dW, or db, is wrong by a factor, so may each dW, or db, be;
    where it is wrong otherwise, they are not compared, but dW and db cannot both be left out.
    """
    x, labels = make_batch(8, seed=2)
    faults = find_faults(nn, x, labels)
    if set(faults.values()) == {RIGHT}:
        raise CannotAsk("the gradients of a linear classifier are right")
    if set(faults.values()) == {WRONG}:
        raise CannotAsk("both gradients of a linear classifier are wrong")
    net = nn.network(hiddens, activations)
    net.run(x, labels)
    right = nn.textbook().network(hiddens, activations)
    right.run(x, labels)
    yield "forward(x)", net.output, right.output
    expected = right.gradients()
    for name, value in net.gradients().items():
        fault = faults[find_base(name)]
        if fault == RIGHT:
            yield name, value, expected[name]
        elif fault == SCALED:
            factor = find_scale(name, value, expected[name])
            yield name, value, expected[name] if factor is None else factor * expected[name]


def find_faults(nn, x, labels):
    """Return {"dW": RIGHT, SCALED or WRONG, "db": the same} of a linear classifier."""
    linear = nn.network([])
    linear.run(x, labels)
    right = nn.textbook().network([])
    right.run(x, labels)
    expected = right.gradients()
    faults = {}
    for name, value in linear.raw_gradients().items():
        if describe_value(name, value, expected[name]) is None:
            fault = RIGHT
        elif find_scale(name, value, expected[name]) is not None:
            fault = SCALED
        else:
            fault = WRONG
        faults[find_base(name)] = fault
    return faults


def find_scale(name, value, expected):
    """Return the factor by which only the numbers of a gradient are wrong, or None."""
    if np.size(value) != expected.size:
        return None
    factor = find_factor(np.ravel(value), np.ravel(expected))
    if factor is None or describe_value(name, value, factor * expected) is not None:
        return None
    return factor


def several_batches(nn, given):
    """After batches of other sizes, and with other W, the gradients are the last batch's.

    zero_grads and step do in each layer what they do in a linear classifier.
    """
    net = nn.network([32])
    for seed, m in BATCHES:
        rescale(net)
        net.run(*make_batch(m, seed))
    yield from net.gradients().items()
    yield from step_by_own_layers(net)
    require_zero_grads_of_each_layer(net)


def several_batches_alone(nn, given):
    """The same; the gradients are those of a new network that is given the last batch alone.

    Its W and b are those before that batch, which a wrong forward or backward may have changed.
    """
    *earlier, (last_seed, last_size) = BATCHES
    net = nn.network([32])
    for seed, m in earlier:
        rescale(net)
        net.run(*make_batch(m, seed))
    rescale(net)
    alone = net.renew()
    alone.write(net.parameters())
    net.run(*make_batch(last_size, last_seed))
    alone.run(*make_batch(last_size, last_seed))
    expected = alone.gradients()
    for name, value in net.gradients().items():
        yield f"{name} of a batch after others", value, expected[name]
    yield from step_by_own_layers(net)
    require_zero_grads_of_each_layer(net)


def rescale(net):
    """Write other numbers into W, as a step does."""
    net.write({name: 0.9 * value for name, value in net.parameters().items()
               if name.startswith("W")})


def step_by_own_layers(net):
    """W and b of each layer move as those of a linear classifier, right or wrong.

    Section 2.3 charges what is wrong there; if it fails or moves nothing, nothing is compared.
    """
    net.write_gradients(draw_from(6))
    before = net.parameters()
    gradients = net.raw_gradients()
    expected = {}
    try:
        for i in range(len(net.sizes) - 1):
            layer = net.layer(i, before[f"W[{i}]"], before[f"b[{i}]"])
            layer.write({"dW[0]": gradients[f"dW[{i}]"], "db[0]": gradients[f"db[{i}]"]})
            layer.step()
            for name, value in layer.parameters().items():
                expected[name.replace("[0]", f"[{i}]")] = value
    except Exception:
        return
    net.mlp.step()
    for name, value in net.parameters().items():
        yield f"{name} after a step", value, expected[name], before[name]


def require_zero_grads_of_each_layer(net):
    """Require that zero_grads clears each layer, unless it fails in a linear classifier, too."""
    try:
        clear_gradients(net.renew(hiddens=[]))
    except Exception:
        return
    clear_gradients(net)


def clear_gradients(net):
    """Write gradients, and require that zero_grads clears them."""
    net.write_gradients(draw_from(6))
    net.mlp.zero_grads()
    require_no_gradients(net.mlp)


CHECKS = [Check("initializers", 3, "MLP.__init__", alone(initializers))]
for hiddens in NETWORKS:
    ways = [
        *in_network(functools.partial(forward, hiddens=hiddens)),
        Way(functools.partial(forward_by_own_layers, hiddens=hiddens), OWN),
        Way(functools.partial(forward_by_own_layers, hiddens=hiddens), TEXTBOOK),
    ]
    CHECKS.append(Check(f"forward {hiddens}", 4, "MLP.forward", ways))
for hiddens in NETWORKS:
    ways = [
        *in_network(functools.partial(backward, hiddens=hiddens)),
        Way(functools.partial(backward_from_own_outputs, hiddens=hiddens), TEXTBOOK),
        Way(functools.partial(backward_except_what_else_is_wrong, hiddens=hiddens), OWN),
    ]
    CHECKS.append(Check(f"backward {hiddens}", 6, "MLP.backward", ways))
CHECKS += [
    Check("mixed_activations", 5, "MLP.backward",
          [*in_network(functools.partial(mixed_activations, **MIXED)),
           Way(functools.partial(mixed_activations_from_own_outputs, **MIXED), TEXTBOOK),
           Way(functools.partial(backward_except_what_else_is_wrong, **MIXED), OWN)]),
    Check("several_batches", 2, "MLP.backward",
          [Way(several_batches), Way(several_batches_alone, OWN),
           Way(several_batches_alone, TEXTBOOK)]),
]
