"""2.6 Batch normalization: the layer alone in training, inference and backward, and in networks."""

import numpy as np

from tests.grader.judge import Lost, after, checks
from tests.grader.network import Network, batch, entries, members

check, CHECKS = checks("2.6")
ACCEPT = "parts", "weights", "zero_grads", "batchnorm"
D = 6


def layer(nn, alpha=0.9):
    """A layer with parameters of its own and two training batches behind it, and the x of the third."""
    rng = np.random.RandomState(1)
    bn = nn.BatchNorm(D) if alpha == 0.9 else nn.BatchNorm(D, alpha)
    bn.gamma, bn.beta = rng.uniform(0.5, 2, (1, D)), rng.normal(0, 1, (1, D))
    bn.forward(rng.normal(1, 2, (7, D)))
    bn.forward(rng.normal(0, 1, (5, D)))
    x = rng.normal(-1, 3, (5, D))
    x[:, 0] *= 1e-4  # so little spread that eps counts
    return bn, x


@check(2, repair="batchnorm")
def training(handin):
    def scenario(nn, given):
        bn, x = layer(nn)
        out = bn(given("BatchNorm's x", x))
        seen = {name: np.reshape(value, -1) if np.shape(value) == (1, D) else value
                for name, value in entries(bn, "mean", "var").items()}
        return {**seen, "BatchNorm's output in training": out}

    handin.compare(scenario)


@check(2, repair="batchnorm")
def running_statistics(handin):
    def scenario(nn, given):
        seen = {}
        for alpha in (0.9, 0.7):
            bn, x = layer(nn, alpha)
            bn(x)
            seen.update((f"{name} where alpha is {alpha}", value) for name, value in
                        entries(bn, "running_mean", "running_var").items())
        return seen

    handin.compare(scenario)


@check(2, repair="batchnorm")
def inference(handin):
    def scenario(nn, given):
        bn, x = layer(nn)
        bn(x)
        new = np.random.RandomState(2).normal(0, 2, (4, D))
        before = entries(bn, "running_mean", "running_var")
        seen = {"BatchNorm's output in inference": bn(given("BatchNorm's x", new), eval=True)}
        if any(not np.array_equal(before[name], after) for name, after in entries(bn, *before).items()):
            raise Lost("BatchNorm: the running statistics change in inference")
        seen["BatchNorm's output in inference, once more"] = bn(new, eval=True)
        return seen

    handin.compare(scenario)


@check(3, repair="batchnorm")
def backward(handin):
    def scenario(nn, given):
        bn, x = layer(nn)
        out = bn(x)
        with after("BatchNorm.forward", out):
            dx = bn.backward(given("delta", np.random.RandomState(3).normal(0, 1, (5, D))))
        return {**entries(bn, "dgamma", "dbeta"), "dx of BatchNorm.backward": dx}

    handin.compare(scenario)


def seen_of(net, *names):
    return {f"bn_layers[{i}].{name}": value for i in range(net.num_bn_layers)
            for name, value in entries(layer_of(net, i), *names).items()}


def layer_of(net, i):
    layers = members(net.mlp, "bn_layers")
    if len(layers) <= i:
        raise Lost(f"bn_layers has {len(layers)} layers where num_bn_layers is {net.num_bn_layers}")
    return layers[i]


def in_a_network(number):
    """A question about BatchNorm on the first one, two or three of four hidden layers of one width."""
    def ask(handin):
        def scenario(nn, given):
            net = Network(nn, [32] * 4, ["Sigmoid"] * 4 + ["Identity"], num_bn_layers=number)
            layer_of(net, number - 1)
            x, labels = batch(8, seed=4)
            net.zero_grads()
            seen = {"forward(x) with BatchNorm": net.own_forward(given("x", x))}
            if "gradients" in nn.repairs:  # backward must run, but what it gives is judged elsewhere
                net.mlp.backward(labels)
                if not any(map(np.any, seen_of(net, "dgamma", "dbeta").values())):
                    raise Lost("MLP.backward leaves dgamma and dbeta at 0")
                net.forward(x)
            net.backward(given("labels", labels))
            return {**seen, **seen_of(net, "dgamma", "dbeta"), **net.gradients()}

        handin.compare(scenario, ACCEPT + ("gradients",))
    return ask


for number in (1, 2, 3):
    check(1, repair="gradients", question="in a network", name=f"in a network, num_bn_layers={number}")(
        in_a_network(number))


@check(2, repair="gradients")
def train_and_infer(handin):
    """A step in training, then batches in inference: gamma and beta move, the running statistics are used."""
    def scenario(nn, given):
        net = Network(nn, [32] * 3, ["Sigmoid"] * 3 + ["Identity"], lr=0.05, num_bn_layers=2)
        layer_of(net, 1)
        seen = {}
        for k, seed in enumerate((5, 6)):
            net.mlp.train()
            net.train_on(seed, m=50)
            net.mlp.eval()
            for n in range(3):
                seen[f"forward(x) in inference, after step {k + 1}, batch {n}"] = net.own_forward(batch(10, seed=7 + n)[0])
        return seen

    handin.compare(scenario, ACCEPT + ("fresh", "gradients"))


@check(1)
def step(handin):
    """gamma and beta of one, two and three layers take a step."""
    def scenario(nn, given):
        seen = {}
        for number in (1, 2, 3):
            net = Network(nn, [32] * 3, ["Sigmoid"] * 3 + ["Identity"], lr=0.05, num_bn_layers=number)
            net.train_on(7)
            seen.update((f"{name} after a step", value) for name, value in seen_of(net, "gamma", "beta").items())
        return seen

    handin.compare(scenario, ACCEPT + ("gradients",))
