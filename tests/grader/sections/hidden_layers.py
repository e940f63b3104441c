"""2.5 Hidden layers: any number of them, of any size, with any activations."""

import numpy as np

from tests.grader.faults import Reference
from tests.grader.judge import View, checks, observe, require
from tests.grader.network import Network, batch, entries
from tests.grader.sections.linear import ACCEPT, backward, forward

check, CHECKS = checks("2.5")


@check(3, repair="weights")
def initializers(handin):
    """weight_init_fn is called once a layer, from input to output; the caller's lists are left."""
    calls, right = [], Reference()

    def weight_init_fn(d_in, d_out):
        calls.append((d_in, d_out))
        return np.full((d_in, d_out), float(len(calls)))

    def scenario(nn, given):
        activations = [right.Sigmoid(), right.Sigmoid(), right.Identity()]
        mlp = nn.MLP(4, 3, given("the list of hiddens", [6, 5]),
                     given("the list of activations", activations), weight_init_fn,
                     lambda d: np.full((1, d), float(d)), right.SoftmaxCrossEntropy(), 0.1)
        for name in ("momentum", "num_bn_layers"):
            value = getattr(mlp, name, 0)
            require(not value, f"{name} is {value} where MLP is not given it: its default is 0")
        return entries(mlp, "W", "b")

    seen, want = observe(View(handin.nn), scenario), [(4, 6), (6, 5), (5, 3)]
    if calls in ([(4, 3)], [(4, 6), (6, 3)]):
        want = calls  # hidden layers are missing, which costs the points of forward
    require(calls, "MLP does not call weight_init_fn: the weights are made by the initializers "
                   "that it is given")
    require(len(calls) == len(want), f"weight_init_fn is called {len(calls)} times for 3 layers: "
                                     "once a layer, or the random numbers change")
    require(calls == want,
            f"weight_init_fn is called with {calls}; from input to output it is {want}")
    for i, (d_in, d_out) in enumerate(want):
        require(np.array_equal(seen.get(f"W[{i}]"), np.full((d_in, d_out), i + 1.0)),
                f"W[{i}] is not what call {i + 1} of weight_init_fn returned")
        require(np.all(np.equal(seen.get(f"b[{i}]"), float(d_out))),
                f"b[{i}] is not what bias_init_fn({d_out}) returned")


for points, question in ((4, forward), (6, backward)):
    for hiddens in ([32], [64, 32], [32] * 5):
        check(points, ACCEPT, f"{question.__name__} {hiddens}", repair="gradients",
              question=question.__name__)(question(hiddens))


@check(5, repair="gradients", question="backward")
def mixed_activations(handin):
    for question in (forward, backward):
        handin.compare(question([24, 16, 12], ["Tanh", "ReLU", "Sigmoid", "Tanh"]), ACCEPT)


@check(2, ACCEPT, repair="fresh gradients")
def batches_of_other_sizes(nn, given):
    """The gradients are the last batch's, also where one of another size came before it."""
    net = Network(nn, [32])
    return [net.passed(*batch(m, seed)) for seed, m in ((3, 8), (4, 5), (5, 8))][-1]
