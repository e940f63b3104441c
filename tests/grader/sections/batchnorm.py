"""2.6 Batch normalization: the layer alone in training, inference and backward; in networks."""

import functools

import numpy as np

from tests.grader.describe import describe_value
from tests.grader.judge import OWN, TEXTBOOK, Check, Way, with_batchnorm
from tests.grader.network import get_attribute, make_batch, name_gradient
from tests.grader.reasons import CannotAsk, require

D = 6


# ---- The layer alone -----------------------------------------------------------------------------

def read(bn, name):
    """Return a copy of an attribute."""
    return np.array(get_attribute(bn, name))


def make_new_layer(nn, alpha):
    return nn.BatchNorm(D) if alpha == 0.9 else nn.BatchNorm(D, alpha)


def make_layer(nn, alpha=0.9):
    """Return a layer with random gamma and beta after two training batches, and a third batch."""
    rng = np.random.RandomState(1)
    bn = make_new_layer(nn, alpha)
    bn.gamma = rng.uniform(0.5, 2, (1, D))
    bn.beta = rng.normal(0, 1, (1, D))
    bn.forward(rng.normal(1, 2, (7, D)))
    bn.forward(rng.normal(0, 1, (5, D)))
    x = rng.normal(-1, 3, (5, D))
    x[:, 0] *= 1e-4  # so little spread that eps counts
    return bn, x


def training(nn, given):
    """The output of a new layer, also for a batch as large as the networks'; then mean, var and the
    output of a layer with other gamma and beta.
    """
    for d in (D, 32):
        new = nn.BatchNorm(d)
        x = np.random.RandomState(4).normal(0, 2, (8, d))
        yield f"the output of a new BatchNorm({d}) in training", new(x)
    bn, x = make_layer(nn)
    out = bn(given("BatchNorm's x", x))
    yield "mean", read(bn, "mean")
    yield "var", read(bn, "var")
    yield "the output of BatchNorm in training", out


def running_statistics(nn, given):
    """The running statistics after three batches: alpha * running + (1 - alpha) * batch."""
    for alpha in (0.9, 0.7):
        bn, x = make_layer(nn, alpha)
        bn(x)
        for name in ("running_mean", "running_var"):
            yield f"{name} for alpha={alpha}", read(bn, name)


def running_statistics_of_own(nn, given):
    """The same, but of the mean and var that the layer itself has set, be they right or wrong."""
    for alpha in (0.9, 0.7):
        bn = make_new_layer(nn, alpha)
        running_mean = np.zeros(D)
        running_var = np.ones(D)
        for k in range(3):
            mean = read(bn, "mean")
            var = read(bn, "var")
            bn(np.random.RandomState(k).normal(k, 2, (5, D)))
            require(not np.array_equal(mean, bn.mean), "BatchNorm: mean is not set in training")
            require(not np.array_equal(var, bn.var), "BatchNorm: var is not set in training")
            running_mean = alpha * running_mean + (1 - alpha) * np.reshape(bn.mean, D)
            running_var = alpha * running_var + (1 - alpha) * np.reshape(bn.var, D)
            which = f"for alpha={alpha}, batch {k}"
            yield f"running_mean {which}", read(bn, "running_mean"), running_mean
            yield f"running_var {which}", read(bn, "running_var"), running_var


def inference(nn, given):
    """The output by the running statistics, which stay as they are."""
    bn, x = make_layer(nn)
    bn(x)
    yield from infer(bn, given)


def inference_of_own(nn, given):
    """The same, by running statistics that are written in."""
    bn, x = make_layer(nn)
    bn(x)
    bn.running_mean = np.random.RandomState(5).normal(0, 1, (1, D))
    bn.running_var = np.random.RandomState(6).uniform(0.5, 2, (1, D))
    x = np.random.RandomState(2).normal(0, 2, (4, D))
    norm = (x - bn.running_mean) / np.sqrt(bn.running_var + 1e-8)
    expected = bn.gamma * norm + bn.beta
    for name, value in infer(bn, given):
        yield name, value, expected


def infer(bn, given):
    """Infer twice: the running statistics must stay as they are."""
    x = given("BatchNorm's x", np.random.RandomState(2).normal(0, 2, (4, D)))
    running_mean = read(bn, "running_mean")
    running_var = read(bn, "running_var")
    yield "the output of BatchNorm in inference", bn(x, eval=True)
    require(np.array_equal(running_mean, bn.running_mean),
            "BatchNorm: running_mean changes in inference; it must change in training only")
    require(np.array_equal(running_var, bn.running_var),
            "BatchNorm: running_var changes in inference; it must change in training only")
    yield "the output of BatchNorm in inference, once more", bn(x.copy(), eval=True)


def backward(nn, given):
    """dgamma, dbeta and dx for a random upstream gradient."""
    bn, x = make_layer(nn)
    bn(x)
    delta = given("delta", np.random.RandomState(3).normal(0, 1, (5, D)))
    dx = bn.backward(delta)
    yield "dgamma", read(bn, "dgamma")
    yield "dbeta", read(bn, "dbeta")
    yield "dx of BatchNorm.backward", dx


def backward_of_own(nn, given):
    """The same, but for the mean and var that the layer itself has set, be they right or wrong."""
    bn, x = make_layer(nn)
    bn(x)
    delta = given("delta", np.random.RandomState(3).normal(0, 1, (5, D)))
    dx = bn.backward(delta)
    right = nn.textbook().module.BatchNorm(D)
    right(x)
    right.gamma = bn.gamma
    right.mean = np.reshape(bn.mean, D)
    right.deviation = np.sqrt(np.reshape(bn.var, D) + right.eps)
    right.norm = (x - right.mean) / right.deviation
    expected = right.backward(delta)
    yield "dgamma", read(bn, "dgamma"), right.dgamma
    yield "dbeta", read(bn, "dbeta"), right.dbeta
    yield "dx of BatchNorm.backward", dx, expected


# ---- In networks ---------------------------------------------------------------------------------

def in_a_network(nn, given, number):
    """The output and all gradients where the first layers have BatchNorm."""
    x, labels = make_batch(8, seed=4)
    net = nn.network([32, 32, 32, 32], num_bn_layers=number)
    net.batchnorm_layers()  # which must be there
    net.run(x, labels)
    given.batch_size = len(x)
    yield "forward(x) with BatchNorm", net.output
    yield from net.batchnorm("dgamma", "dbeta").items()
    yield from net.gradients().items()


def in_a_network_besides(nn, given, number):
    """The same, except for what the same network gets wrong without BatchNorm.

    What depends on a wrong output is not asked, nor what depends on a wrong delta, of which db is
    the sum. BatchNorm must have an effect all the same.
    """
    plain = observe_network(nn, number=0)
    right = observe_network(nn.textbook(), number=0)
    wrong = {name for name, value in right.items()
             if describe_value(name, plain[name], value) is not None}
    if not wrong:
        raise CannotAsk("the network is right without BatchNorm")
    values = observe_network(nn, number)
    right = observe_network(nn.textbook(), number)
    require(not np.array_equal(values["forward(x)"], plain["forward(x)"]),
            "BatchNorm changes nothing in the network's output")
    for name, value in values.items():
        if name.startswith("bn_layers"):
            require(np.any(value), f"MLP.backward leaves {name} at 0")
    for name, value in right.items():
        index = name[name.find("[") + 1:name.find("]")]
        depends = {name, "forward(x)"}
        if name.startswith("bn_layers"):
            depends.add(f"db[{index}]")
        if not depends & wrong:
            yield name, values[name], value


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
    """gamma and beta of one, two and three layers take a step; nothing else moves them."""
    for number in (1, 2, 3):
        net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=number)
        write_statistics(net)
        net.run(*make_batch(8, seed=7))
        net.step()
        yield from net.batchnorm("gamma", "beta", after=f" of {number} after a step").items()


def step_from_own_gradients(nn, given, lr_of_W=False):
    """A step from the dgamma and dbeta that stand there, be they right or wrong.

    If no batch can go backward, random ones are written. lr_of_W: as far along them as W moves
    along dW, which section 2.3 asks.
    """
    for number in (1, 2, 3):
        net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=number)
        trains = net.can_train()
        write_statistics(net)
        before = net.batchnorm("gamma", "beta")
        old = net.parameters()
        net.zero_grads()
        require_unchanged(net, before, "zero_grads")
        net.take_gradients(7, trains)
        require_unchanged(net, before, "forward or backward")
        gradients = net.batchnorm("dgamma", "dbeta")
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
    for name, value in net.batchnorm("gamma", "beta").items():
        require(np.array_equal(before[name], value),
                f"{name} changes in {methods}: only step moves it")


def train_and_infer(nn, given):
    """Two steps, and inference after each, by the running statistics of the training."""
    net = nn.network([32, 32, 32], lr=0.05, num_bn_layers=2)
    net.batchnorm_layers()  # which must be there
    for k, seed in enumerate((5, 6), 1):
        net.mlp.train()
        net.run(*make_batch(50, seed))
        net.step()
        net.mlp.eval()
        for n in range(3):
            x, _ = make_batch(10, seed=7 + n)
            yield f"forward(x) in inference, after step {k}, batch {n}", net.forward(x)


def infer_in_a_network(nn, given):
    """The output in eval mode and back in train mode, where gamma, beta and the running statistics
    are written in.
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


def infer_in_a_network_besides(nn, given):
    """The same, where the network's output is wrong without BatchNorm: eval mode must count."""
    x, _ = make_batch(10, seed=7)
    plain = nn.network([32, 32, 32]).forward(x)
    right = nn.textbook().network([32, 32, 32]).forward(x)
    if describe_value("forward(x)", plain, right) is None:
        raise CannotAsk("the network is right without BatchNorm")
    values = dict(infer_in_a_network(nn, given))
    in_eval = values["forward(x) in eval mode"]
    in_train = values["forward(x) back in train mode"]
    require(np.shape(in_eval) == np.shape(right) and not np.allclose(in_eval, in_train),
            "BatchNorm infers as it trains: its output in eval mode is that in train mode")


def of(scenario, **arguments):
    return functools.partial(scenario, **arguments)


CHECKS = [
    Check("training", 2, "BatchNorm.forward", [Way(training)]),
    Check("running_statistics", 2, "BatchNorm.forward",
          [Way(running_statistics), Way(running_statistics_of_own)]),
    Check("inference", 2, "BatchNorm.forward", [Way(inference), Way(inference_of_own)]),
    Check("backward", 3, "BatchNorm.backward", [Way(backward), Way(backward_of_own)]),
    *[Check(f"in a network, num_bn_layers={number}", 1, "MLP.backward",
            [*with_batchnorm(of(in_a_network, number=number)),
             Way(of(in_a_network_besides, number=number), OWN)])
      for number in (1, 2, 3)],
    Check("step", 2, "MLP.step",
          [Way(step), Way(step_from_own_gradients, OWN),
           Way(of(step_from_own_gradients, lr_of_W=True), OWN),
           Way(step_from_own_gradients, TEXTBOOK)]),
    Check("train_and_infer", 1, "MLP.forward",
          [Way(train_and_infer), Way(infer_in_a_network, OWN),
           Way(infer_in_a_network, TEXTBOOK, if_stuck=True),
           Way(infer_in_a_network_besides, OWN)]),
]
