"""2.6 Batch normalization: the layer alone in training, inference and backward; in networks."""

import numpy as np

from tests.grader.judge import after, checks, require
from tests.grader.network import Network, batch, entries

check, CHECKS = checks("2.6")
ACCEPT = "parts", "weights", "zero_grads", "batchnorm"
D = 6


def layer(nn, alpha=0.9):
    """A layer with its own parameters and two training batches behind it, and the third's x."""
    rng = np.random.RandomState(1)
    bn = nn.BatchNorm(D) if alpha == 0.9 else nn.BatchNorm(D, alpha)
    bn.gamma, bn.beta = rng.uniform(0.5, 2, (1, D)), rng.normal(0, 1, (1, D))
    bn.forward(rng.normal(1, 2, (7, D)))
    bn.forward(rng.normal(0, 1, (5, D)))
    x = rng.normal(-1, 3, (5, D))
    x[:, 0] *= 1e-4  # so little spread that eps counts
    return bn, x


@check(2, (), repair="batchnorm")
def training(nn, given):
    bn, x = layer(nn)
    out = bn(given("BatchNorm's x", x))
    seen = {name: np.reshape(value, -1) if np.shape(value) == (1, D) else value
            for name, value in entries(bn, "mean", "var").items()}
    return {**seen, "BatchNorm's output in training": out}


@check(2, (), repair="batchnorm")
def running_statistics(nn, given):
    for alpha in (0.9, 0.7):
        bn, x = layer(nn, alpha)
        bn(x)
        running = entries(bn, "running_mean", "running_var", after=f" where alpha is {alpha}")
        yield from running.items()


@check(2, (), repair="batchnorm")
def inference(nn, given):
    bn, x = layer(nn)
    bn(x)
    new = np.random.RandomState(2).normal(0, 2, (4, D))
    before = entries(bn, "running_mean", "running_var")
    seen = {"BatchNorm's output in inference": bn(given("BatchNorm's x", new), eval=True)}
    require(all(np.array_equal(before[name], now) for name, now in entries(bn, *before).items()),
            "BatchNorm: the running statistics change in inference")
    return {**seen, "BatchNorm's output in inference, once more": bn(new, eval=True)}


@check(3, (), repair="batchnorm")
def backward(nn, given):
    bn, x = layer(nn)
    with after("BatchNorm.forward", bn(x)):
        dx = bn.backward(given("delta", np.random.RandomState(3).normal(0, 1, (5, D))))
    return {**entries(bn, "dgamma", "dbeta"), "dx of BatchNorm.backward": dx}


for number in (1, 2, 3):  # of four hidden layers
    @check(1, ACCEPT + ("gradients",), f"in a network, num_bn_layers={number}",
           repair="gradients", question="in a network")
    def in_a_network(nn, given, number=number):
        net, batch_of_8 = Network(nn, [32] * 4, num_bn_layers=number), batch(8, seed=4)
        x, labels = map(given, ("x", "labels"), batch_of_8)
        net.batchnorm()  # which must be there
        if "gradients" in nn.repairs:  # backward must run, but what it gives is judged elsewhere
            net.forward(x)
            net.mlp.backward(labels)
            require(any(map(np.any, net.batchnorm("dgamma", "dbeta").values())),
                    "MLP.backward leaves dgamma and dbeta at 0")
        gradients = net.passed(x, labels)
        seen = {"forward(x) with BatchNorm": net.output, **net.batchnorm("dgamma", "dbeta")}
        return {**seen, **gradients}


@check(2, ACCEPT + ("fresh", "gradients"), repair="gradients")
def train_and_infer(nn, given):
    """A step, then batches in inference: gamma and beta move, the running statistics are used."""
    net = Network(nn, [32] * 3, lr=0.05, num_bn_layers=2)
    net.batchnorm()  # which must be there
    for k, seed in enumerate((5, 6), 1):
        net.mlp.train()
        net.train_on(seed, m=50)
        net.mlp.eval()
        for n in range(3):
            out = net.forward(batch(10, seed=7 + n)[0])
            yield f"forward(x) in inference, after step {k}, batch {n}", out


@check(1, ACCEPT + ("gradients",))
def step(nn, given):
    """gamma and beta of one, two and three layers take a step."""
    for number in (1, 2, 3):
        net = Network(nn, [32] * 3, lr=0.05, num_bn_layers=number)
        net.train_on(7)
        yield from net.batchnorm("gamma", "beta", after=" after a step").items()
