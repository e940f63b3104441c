"""2.6 Batch normalization: the layer alone, and in networks.

How to read a check: its scenarios use nn, which holds the submission's classes, and yield

    name, value                    compared with what the scenario yields for the textbook, a
                                   correct hw1.py
    name, value, expected          compared with what follows from the submission's own numbers
    name, value, expected, before  the same, for a parameter that a step moves

A difference in type, dtype, shape or numbers loses all points of the check; (d,) and (1, d) are
both right for all that belongs to units. An exception and require(False, reason) lose them, too.
One point is lost if only an array that went through given(...) is modified.

Check(name, points, method, ways): the ways are tried in order, and the first that agrees keeps the
points; the method is the one that a reason names.

    Way(scenario)            as it is; it makes sure that right numbers are never wrong
    Way(scenario, OWN)       the textbook's MLP gets the submission's criterion, activations and
                             BatchNorm, so that a mistake in these costs nothing here
    Way(scenario, TEXTBOOK)  the submission's MLP gets those of the textbook
    if_stuck=True            only if the textbook's MLP cannot run with the submission's parts

CannotAsk: the way does not fit this submission. If no way agrees, the mistake of mistakes.py that
gives the same numbers is the reason, and the check is free if that is charged in other checks.
"""

import contextlib
from functools import partial

import numpy as np

from tests.grader.describe import describe_value
from tests.grader.judge import OWN, TEXTBOOK, Check, Way
from tests.grader.network import (
    draw_normal, find_index, get_attribute, make_batch, name_gradient, require_use_of_parts)
from tests.grader.reasons import CannotAsk, require

D = 6  # the units of the layer alone
EPS = 1e-8  # the handout's


# ---- The layer alone -----------------------------------------------------------------------------

def read(bn, name):
    """Return a copy of an attribute; the points are lost if it is missing."""
    return np.array(get_attribute(bn, name))


def read_units(bn, name):
    """Return a copy of an attribute with a number for each unit, (D,), whatever its shape."""
    return np.broadcast_to(np.ravel(get_attribute(bn, name)), D)


def read_eps(bn):
    """Return the eps of a layer, right or wrong: only the check of training charges it."""
    eps = getattr(bn, "eps", None)
    return eps if isinstance(eps, (int, float)) else EPS


def make_new_layer(nn, alpha):
    """Return a new layer; 0.9 is left to the default."""
    return nn.BatchNorm(D) if alpha == 0.9 else nn.BatchNorm(D, alpha)


def make_layer(nn, alpha=0.9):
    """Return a layer with random gamma and beta, trained on two batches, and a third batch."""
    rng = np.random.RandomState(1)
    bn = make_new_layer(nn, alpha)
    bn.gamma = rng.uniform(0.5, 2, (1, D))
    bn.beta = rng.normal(0, 1, (1, D))
    bn.forward(rng.normal(1, 2, (7, D)))
    bn.forward(rng.normal(0, 1, (5, D)))
    x = rng.normal(-1, 3, (5, D))
    x[:, 0] *= 1e-4  # a variance so small that eps counts
    return bn, x


def training(nn, given):
    """The output, mean and var in training are the textbook's.

    Of a new layer, the output; of one with random gamma and beta, after two batches, all three.
    """
    for d in (D, 32):  # 32 as in the networks
        new = nn.BatchNorm(d)
        x = draw_normal(4, (8, d), scale=2)
        yield f"the output of a new BatchNorm({d}) in training", new(x)
    bn, x = make_layer(nn)
    out = bn(given("BatchNorm's x", x))
    yield "mean", read(bn, "mean")
    yield "var", read(bn, "var")
    yield "the output of BatchNorm in training", out


def running_statistics(nn, given):
    """The running statistics are the textbook's after three batches.

    running = alpha * running + (1 - alpha) * batch
    """
    for alpha in (0.9, 0.7):
        bn, x = make_layer(nn, alpha)
        bn(x)
        for name in ("running_mean", "running_var"):
            yield f"{name} for alpha={alpha}", read(bn, name)


def running_statistics_from_own_mean_and_var(nn, given):
    """The running statistics follow from the mean and var that the layer sets, right or wrong."""
    for alpha in (0.9, 0.7):
        bn = make_new_layer(nn, alpha)
        running_mean = np.zeros(D)
        running_var = np.ones(D)
        for k in range(3):
            mean = read(bn, "mean")
            var = read(bn, "var")
            bn(k + draw_normal(k, (5, D), scale=2))
            require(not np.array_equal(mean, bn.mean),
                    "BatchNorm does not set mean in training: set it to the mean of the batch")
            require(not np.array_equal(var, bn.var),
                    "BatchNorm does not set var in training: set it to the variance of the batch")
            running_mean = alpha * running_mean + (1 - alpha) * read_units(bn, "mean")
            running_var = alpha * running_var + (1 - alpha) * read_units(bn, "var")
            which = f"for alpha={alpha}, batch {k}"
            yield f"running_mean {which}", read(bn, "running_mean"), running_mean
            yield f"running_var {which}", read(bn, "running_var"), running_var


def inference(nn, given):
    """The output in inference is the textbook's, twice; the running statistics do not change."""
    bn, x = make_layer(nn)
    bn(x)
    yield from infer(bn, given)


def inference_from_written_statistics(nn, given):
    """The output in inference follows from running statistics that are written into the layer."""
    bn, x = make_layer(nn)
    bn(x)
    bn.running_mean = draw_normal(5, (1, D))
    bn.running_var = np.random.RandomState(6).uniform(0.5, 2, (1, D))
    x = make_inference_batch()
    norm = (x - bn.running_mean) / np.sqrt(bn.running_var + read_eps(bn))
    expected = bn.gamma * norm + bn.beta
    for name, value in infer(bn, given):
        yield name, value, expected


def make_inference_batch():
    return draw_normal(2, (4, D), scale=2)


def infer(bn, given):
    """Yield the output in inference, twice, and require that the running statistics stay."""
    x = given("BatchNorm's x", make_inference_batch())
    running_mean = read(bn, "running_mean")
    running_var = read(bn, "running_var")
    yield "the output of BatchNorm in inference", bn(x, eval=True)
    require(np.array_equal(running_mean, bn.running_mean),
            "BatchNorm changes running_mean in inference: update it in training only")
    require(np.array_equal(running_var, bn.running_var),
            "BatchNorm changes running_var in inference: update it in training only")
    yield "the output of BatchNorm in inference, once more", bn(x.copy(), eval=True)


def backward(nn, given):
    """dgamma, dbeta and dx are the textbook's for a random upstream gradient."""
    bn, x = make_layer(nn)
    run_other_batch(bn)
    bn(x)
    delta = given("delta", draw_normal(3, (5, D)))
    dx = bn.backward(delta)
    yield "dgamma", read(bn, "dgamma")
    yield "dbeta", read(bn, "dbeta")
    yield "dx of BatchNorm.backward", dx


def run_other_batch(bn):
    """Run forward and backward for a batch of another size, and clear dgamma and dbeta."""
    with contextlib.suppress(Exception):
        bn(draw_normal(4, (7, D)))
        bn.backward(draw_normal(5, (7, D)))
    bn.dgamma = np.zeros((1, D))
    bn.dbeta = np.zeros((1, D))


def backward_from_own_mean_and_var(nn, given):
    """dgamma, dbeta and dx follow from the mean and var that the layer set, right or wrong.

    They are those of the textbook's layer, into which gamma, mean and var are written.
    """
    bn, x = make_layer(nn)
    run_other_batch(bn)
    bn(x)
    delta = given("delta", draw_normal(3, (5, D)))
    dx = bn.backward(delta)
    textbook = nn.textbook().module.BatchNorm(D)
    textbook(x)
    textbook.gamma = bn.gamma
    textbook.mean = read_units(bn, "mean")
    textbook.deviation = np.sqrt(read_units(bn, "var") + read_eps(bn))
    textbook.norm = (x - textbook.mean) / textbook.deviation
    expected = textbook.backward(delta)
    yield "dgamma", read(bn, "dgamma"), textbook.dgamma
    yield "dbeta", read(bn, "dbeta"), textbook.dbeta
    yield "dx of BatchNorm.backward", dx, expected


# ---- In networks ---------------------------------------------------------------------------------

# net.run(x, labels): zero_grads, forward and backward. net.step(): step, which must move something.
# net.parameters(), net.gradients(), net.batchnorm("gamma"): copies, {"bn_layers[0].gamma": array}.
# net.batchnorm_layers(): the first num_bn_layers of bn_layers; the points are lost if fewer exist.

def outputs_and_gradients(nn, given, number):
    """The output and all gradients of a network with BatchNorm are the textbook's."""
    yield from sizes_of_batchnorms(nn, number)
    x, labels = make_batch(8, seed=4)
    net = nn.network([32, 32, 32, 32], num_bn_layers=number)
    net.batchnorm_layers()
    net.run(x, labels)
    given.batch_size = len(x)  # for a reason such as "is 8 times the expected value"
    yield "forward(x) with BatchNorm", net.output
    yield from net.batchnorm("dgamma", "dbeta").items()
    yield from net.gradients().items()


def outputs_and_gradients_except_what_else_is_wrong(nn, given, number):
    """The same, except for what the same network gets wrong without BatchNorm.

    Where that is the output, nothing is compared; where it is db, the sum of the upstream gradient,
    the layer's dgamma and dbeta are not. BatchNorm must have an effect all the same.
    """
    yield from sizes_of_batchnorms(nn, number)
    without = observe_network(nn, number=0)
    expected_without = observe_network(nn.textbook(), number=0)
    wrong = {name for name, expected in expected_without.items()
             if describe_value(name, without[name], expected) is not None}
    if not wrong:
        raise CannotAsk("the network is right without BatchNorm")
    values = observe_network(nn, number)
    require(not np.array_equal(values["forward(x)"], without["forward(x)"]),
            "BatchNorm changes nothing in the network's output: apply it before the activation")
    for name, value in values.items():
        if name.startswith("bn_layers"):
            require(np.any(value), f"MLP.backward leaves {name} at 0: call BatchNorm.backward")
    for name, expected in observe_network(nn.textbook(), number).items():
        needed = {name, "forward(x)"}
        if name.startswith("bn_layers"):
            needed.add(f"db[{find_index(name)}]")
        if needed.isdisjoint(wrong):
            yield name, values[name], expected


def sizes_of_batchnorms(nn, number):
    """Each BatchNorm has the size of its layer; two networks have no BatchNorm in common."""
    hiddens = [24, 20, 16, 12]
    net, other = [nn.network(hiddens, num_bn_layers=number) for _ in range(2)]
    layers = net.batchnorm_layers()
    are_shared = any(layer is each for layer in layers for each in other.batchnorm_layers())
    require(not are_shared, "two networks share a BatchNorm: make new ones in MLP.__init__")
    sizes = [np.size(get_attribute(layer, "gamma")) for layer in layers]
    yield ("the number of units of each of bn_layers", np.array(sizes),
           np.array(hiddens[:number]))


def observe_network(nn, number):
    """Return {name: value} of the output and all gradients of a network."""
    net = nn.network([32, 32, 32, 32], num_bn_layers=number)
    if number:
        net.batchnorm_layers()
    net.run(*make_batch(8, seed=4))
    values = {"forward(x)": np.array(net.output), **net.gradients()}
    if number:
        values.update(net.batchnorm("dgamma", "dbeta"))
    return values


def step(nn, given):
    """gamma and beta after a step are the textbook's, for one, two and three BatchNorms."""
    for number in (1, 2, 3):
        net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=number)
        write_statistics(net)
        net.run(*make_batch(8, seed=7))
        net.step()
        yield from net.batchnorm("gamma", "beta", after=f" of {number} after a step").items()


def step_from_own_gradients(nn, given, lr_of_W=False):
    """A step subtracts lr times the layer's own dgamma and dbeta, right or wrong.

    Only step may move gamma and beta. If no batch can go backward, random gradients are written.
    lr_of_W: instead of lr, the factor by which W[0] moves along dW[0], which section 2.3 asks.
    """
    for number in (1, 2, 3):
        net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=number)
        can_train = net.can_train()
        write_statistics(net)
        before = net.batchnorm("gamma", "beta")
        old = net.parameters()
        net.zero_grads()
        require_unchanged(net, before, "zero_grads")
        net.take_gradients(7, can_train)
        require_unchanged(net, before, "forward or backward")
        gradients = net.batchnorm("dgamma", "dbeta")
        require_use_of_parts(nn, gradients)
        dW = net.raw_gradients()["dW[0]"]
        net.step()
        lr = net.lr
        if lr_of_W:
            lr = np.sum((old["W[0]"] - net.parameters()["W[0]"]) * dW) / np.sum(dW * dW)
            require(abs(lr) > 1e-9, "step leaves W[0] unchanged")
        for name, value in net.batchnorm("gamma", "beta").items():
            gradient = np.reshape(gradients[name_gradient(name)], np.shape(before[name]))
            yield (f"{name} of {number} after a step", value, before[name] - lr * gradient,
                   before[name])


def require_unchanged(net, before, methods):
    """Require that gamma and beta are as before the methods were called."""
    for name, value in net.batchnorm("gamma", "beta").items():
        require(np.array_equal(before[name], value),
                f"{name} changes in {methods}: only step moves it")


def train_and_infer(nn, given):
    """The outputs in inference, after each of two training steps, are the textbook's."""
    net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=2)
    net.batchnorm_layers()
    for k, seed in enumerate((5, 6), 1):
        net.mlp.train()
        net.run(*make_batch(50, seed))
        net.step()
        net.mlp.eval()
        for n in range(3):
            x, _ = make_batch(10, seed=7 + n)
            yield f"forward(x) in inference, after step {k}, batch {n}", net.forward(x)


def infer_from_written_statistics(nn, given):
    """The outputs in eval mode and back in train mode are those of the textbook's MLP.

    The same gamma, beta and running statistics are written into both networks.
    """
    x, _ = make_batch(10, seed=7)
    net = nn.network([32, 32, 32], num_bn_layers=2)
    write_statistics(net)
    net.mlp.eval()
    yield "forward(x) in eval mode", net.forward(x)
    back = net.renew()
    write_statistics(back)
    back.mlp.eval()
    back.mlp.train()
    yield "forward(x) back in train mode", back.forward(x)


def write_statistics(net):
    """Write gamma, beta and running statistics into each BatchNorm."""
    for i, layer in enumerate(net.batchnorm_layers()):
        rng = np.random.RandomState(i)
        d = np.size(get_attribute(layer, "gamma"))
        layer.gamma = rng.uniform(0.5, 2, (1, d))
        layer.beta = rng.normal(0, 1, (1, d))
        layer.running_mean = rng.normal(0, 1, (1, d))
        layer.running_var = rng.uniform(0.5, 2, (1, d))


def infer_otherwise_than_in_training(nn, given):
    """The output in eval mode differs from that in train mode.

    Asked only of a submission whose output is wrong without BatchNorm.
    """
    x, _ = make_batch(10, seed=7)
    without = nn.network([32, 32, 32]).forward(x)
    expected_without = nn.textbook().network([32, 32, 32]).forward(x)
    if describe_value("forward(x)", without, expected_without) is None:
        raise CannotAsk("the network is right without BatchNorm")
    values = dict(infer_from_written_statistics(nn, given))
    in_eval = values["forward(x) in eval mode"]
    in_train = values["forward(x) back in train mode"]
    has_shape = np.shape(in_eval) == np.shape(expected_without)
    require(has_shape and not np.allclose(in_eval, in_train),
            "the output is the same in eval mode as in train mode: pass eval=not self.train_mode "
            "to BatchNorm")


CHECKS = [
    Check("training", 2, "BatchNorm.forward", [Way(training)]),
    Check("running_statistics", 2, "BatchNorm.forward",
          [Way(running_statistics), Way(running_statistics_from_own_mean_and_var)]),
    Check("inference", 2, "BatchNorm.forward",
          [Way(inference), Way(inference_from_written_statistics)]),
    Check("backward", 3, "BatchNorm.backward",
          [Way(backward), Way(backward_from_own_mean_and_var)]),
]
for number in (1, 2, 3):
    scenario = partial(outputs_and_gradients, number=number)
    scenario_with_exceptions = partial(outputs_and_gradients_except_what_else_is_wrong,
                                       number=number)
    CHECKS.append(
        Check(f"in a network, num_bn_layers={number}", 1, "MLP.backward",
              [Way(scenario), Way(scenario, OWN), Way(scenario, TEXTBOOK, if_stuck=True),
               Way(scenario_with_exceptions, OWN)]))
CHECKS += [
    Check("step", 2, "MLP.step",
          [Way(step), Way(step_from_own_gradients, OWN),
           Way(partial(step_from_own_gradients, lr_of_W=True), OWN),
           Way(step_from_own_gradients, TEXTBOOK)]),
    Check("train_and_infer", 1, "MLP.forward",
          [Way(train_and_infer), Way(infer_from_written_statistics, OWN),
           Way(infer_from_written_statistics, TEXTBOOK, if_stuck=True),
           Way(infer_otherwise_than_in_training, OWN)]),
]
