"""The homework once more, in plain loops over lists: it is asked whether a piece of a handin is wrong.

It knows nothing of the grader. QUESTIONS holds, for each check of the grader, a function question(nn, setting) that
returns True if that piece of the module nn is right. The piece is asked on right parts: the criterion, the activations
and BatchNorm are those of this file, and W and b are written in. A setting, a dict, may alter the question so that
another piece's fault has no effect:

    m            the number of examples in each batch
    lr           the learning rate
    momentum     the momentum
    bias         a factor of all biases; 0 for networks without
    bn           False for networks without BatchNorm
    gradients    True to write the right gradients in before each step
    zero_grads   False to never call zero_grads
    fresh        True for a new network, with the parameters of the right one, for each batch
    transposed   True to transpose dW after each backward if it is wrong as it is
    finite       True to ask of the loss of large logits only whether it is finite
    batch_size   what get_training_stats is told
    column       a batch of six: each column of what is handed to BatchNorm
    layers       the largest number of hidden layers
    activation   the name of every layer's activation, the last one included
"""

import contextlib
import io
import math
import random
import warnings
from unittest import mock

import numpy as np

INPUTS, CLASSES = 7, 10


# ---- The homework in loops -------------------------------------------------------------------------------------------

def rows(x):
    return np.asarray(x, dtype=float).tolist()


def each(f, *tables):
    """f of the entries of tables of one shape."""
    return [[f(*values) for values in zip(*lines)] for lines in zip(*tables)]


def transposed(table):
    return [list(column) for column in zip(*table)]


def product(a, b):
    columns = transposed(b)
    return [[math.fsum(x * y for x, y in zip(line, column)) for column in columns] for line in a]


class Activation:
    f = slope = None  # the function, and its derivative at x

    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.x = rows(x)
        self.state = np.array(each(type(self).f, self.x))
        return self.state

    def derivative(self):
        return np.array(each(type(self).slope, self.x))


class Identity(Activation):
    f, slope = (lambda x: x), (lambda x: 1.0)


class Sigmoid(Activation):
    f, slope = (lambda x: 1 / (1 + math.exp(-x))), (lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2)


class Tanh(Activation):
    f, slope = math.tanh, (lambda x: 1 / math.cosh(x) ** 2)


class ReLU(Activation):
    f, slope = (lambda x: max(x, 0.0)), (lambda x: float(x > 0))


class SoftmaxCrossEntropy:
    def __init__(self):
        self.logits = self.labels = self.loss = self.sm = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        self.logits, self.labels, self.sm, loss = x, y, [], []
        for line, label in zip(rows(x), rows(y)):
            largest = max(line)
            lse = largest + math.log(math.fsum(math.exp(z - largest) for z in line))
            self.sm.append([math.exp(z - lse) for z in line])
            loss.append(-math.fsum(t * (z - lse) for t, z in zip(label, line)))
        self.sm, self.loss = np.array(self.sm), np.array(loss)
        return self.loss

    def derivative(self):
        return np.array(each(lambda s, y: s - y, rows(self.sm), rows(self.labels)))


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps, self.x, self.norm, self.out = alpha, 1e-8, None, None, None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x, mean, var = x, [], []
        for j, column in enumerate(transposed(rows(x))):
            mean.append(math.fsum(column) / len(column))
            var.append(math.fsum((v - mean[j]) ** 2 for v in column) / len(column))
        if eval:
            mean, var = np.ravel(self.running_mean).tolist(), np.ravel(self.running_var).tolist()
        else:
            for name, now in (("mean", mean), ("var", var)):
                setattr(self, name, np.array(now))
                old = np.ravel(getattr(self, f"running_{name}")).tolist()
                new = [[self.alpha * a + (1 - self.alpha) * b for a, b in zip(old, now)]]
                setattr(self, f"running_{name}", np.array(new))
        self.roots = [math.sqrt(v + self.eps) for v in var]
        gamma, beta = np.ravel(self.gamma).tolist(), np.ravel(self.beta).tolist()
        norm = [[(v - a) / s for v, a, s in zip(line, mean, self.roots)] for line in rows(x)]
        self.norm = np.array(norm)
        self.out = np.array([[g * v + b for g, v, b in zip(gamma, line, beta)] for line in norm])
        return self.out

    def backward(self, delta):
        """By the chain rule for each pair of examples: d norm_k / d x_l = ((k = l) - 1/m - norm_k norm_l / m) / s."""
        delta, norm, m = transposed(rows(delta)), transposed(rows(self.norm)), len(rows(delta))
        self.dgamma = np.array([math.fsum(d * n for d, n in zip(ds, ns)) for ds, ns in zip(delta, norm)])
        self.dbeta = np.array([math.fsum(ds) for ds in delta])
        gamma = np.ravel(self.gamma).tolist()
        dx = [[math.fsum(g * ds[k] * ((k == i) - 1 / m - ns[k] * ns[i] / m) for k in range(m)) / s for i in range(m)]
              for g, s, ds, ns in zip(gamma, self.roots, delta, norm)]
        return np.array(transposed(dx))


PARTS = {part.__name__: part for part in (Identity, Sigmoid, Tanh, ReLU, SoftmaxCrossEntropy, BatchNorm)}


class Network:
    """The network in loops: W, b, dW and db are lists of tables and of rows."""

    def __init__(self, sizes, names, num_bn_layers=0, lr=0.1, momentum=0.0, seed=0):
        self.lr, self.momentum, self.train_mode, self.criterion = lr, momentum, True, SoftmaxCrossEntropy()
        self.W = [numbers(seed + i, d_in, d_out) for i, (d_in, d_out) in enumerate(zip(sizes, sizes[1:]))]
        self.b = [numbers(seed + 50 + i, 1, d)[0] for i, d in enumerate(sizes[1:])]
        self.vW, self.vb = [each(lambda w: 0.0, W) for W in self.W], [[0.0] * len(b) for b in self.b]
        self.dW, self.db = list(self.vW), list(self.vb)
        self.activations = [PARTS[name]() for name in names]
        self.bn_layers = [BatchNorm(d) for d in sizes[1:num_bn_layers + 1]]

    def forward(self, x):
        self.inputs, x = [], rows(x)
        for i, activation in enumerate(self.activations):
            self.inputs.append(x)
            x = [[v + b for v, b in zip(line, self.b[i])] for line in product(x, self.W[i])]
            if i < len(self.bn_layers):
                x = rows(self.bn_layers[i].forward(x, eval=not self.train_mode))
            x = rows(activation.forward(x))
        self.output = np.array(x)
        return self.output

    def backward(self, labels):
        self.criterion.forward(self.output, labels)
        delta = rows(self.criterion.derivative())
        for i in reversed(range(len(self.W))):
            delta = each(lambda d, slope: d * slope, delta, rows(self.activations[i].derivative()))
            if i < len(self.bn_layers):
                delta = rows(self.bn_layers[i].backward(delta))
            self.dW[i] = each(lambda d: d / len(delta), product(transposed(self.inputs[i]), delta))
            self.db[i] = [math.fsum(column) / len(delta) for column in transposed(delta)]
            delta = product(delta, transposed(self.W[i]))

    def step(self):
        def velocity(v, d):
            return self.momentum * v - self.lr * d

        for i in range(len(self.W)):
            self.vW[i] = each(velocity, self.vW[i], self.dW[i])
            self.W[i] = each(lambda w, v: w + v, self.W[i], self.vW[i])
            self.vb[i] = [velocity(v, d) for v, d in zip(self.vb[i], self.db[i])]
            self.b[i] = [b + v for b, v in zip(self.b[i], self.vb[i])]
        for layer in self.bn_layers:
            for name in ("gamma", "beta"):
                old, d = np.ravel(getattr(layer, name)).tolist(), np.ravel(getattr(layer, f"d{name}")).tolist()
                setattr(layer, name, np.array([[p - self.lr * q for p, q in zip(old, d)]]))


# ---- Asking ----------------------------------------------------------------------------------------------------------

def numbers(seed, m, d, scale=0.7):
    rng = random.Random(seed)
    return [[rng.gauss(0, scale) for _ in range(d)] for _ in range(m)]


def one_hot(seed, m):
    rng = random.Random(seed)
    return [[float(k == label) for k in range(CLASSES)] for label in (rng.randrange(CLASSES) for _ in range(m))]


def batch(seed, m):
    return np.array(numbers(seed, m, INPUTS, 1.0)), np.array(one_hot(seed + 1, m))


def same(got, want):
    """Whether the numbers are those; of shapes, a row may be a list."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    return got.size == want.size and np.allclose(got.reshape(want.shape), want, rtol=1e-6, atol=1e-11)


def all_same(got, want):
    return len(got) == len(want) and all(same(a, b) for a, b in zip(got, want))


class Pair:
    """A network of the handin's, on right parts, and the same in loops; sent(x) etc. drive both."""

    def __init__(self, nn, setting, hiddens, names=None, num_bn_layers=0, lr=0.13, momentum=0.0):
        hiddens = hiddens[:setting.get("layers")]
        names = (names or ["Sigmoid"] * len(hiddens) + ["Identity"])[-len(hiddens) - 1:]
        names = [setting.get("activation", name) for name in names]
        num_bn_layers = num_bn_layers if setting.get("bn", True) else 0
        lr, momentum = setting.get("lr", lr), setting.get("momentum", momentum)
        self.nn, self.setting, self.hiddens, self.names = nn, setting, hiddens, names
        self.options = lr, momentum, num_bn_layers
        self.right = Network([INPUTS] + hiddens + [CLASSES], names, num_bn_layers, lr, momentum)
        self.mlp, self.used = self.made(), False

    def made(self):
        """A network of the handin's with the parameters and statistics of the right one."""
        right = self.right
        sizes = [INPUTS] + self.hiddens + [CLASSES]
        W = {sizes_of: np.array(W) for sizes_of, W in zip(zip(sizes, sizes[1:]), right.W)}
        mlp = self.nn.MLP(INPUTS, CLASSES, list(self.hiddens), [PARTS[name]() for name in self.names],
                          lambda d_in, d_out: np.array(W.get((d_in, d_out), np.zeros((d_in, d_out)))),
                          lambda d: np.zeros((1, d)), SoftmaxCrossEntropy(), *self.options)
        self.write(mlp)
        for mine, layer in zip(mlp.bn_layers or [], right.bn_layers):
            for name in ("gamma", "beta", "mean", "var", "running_mean", "running_var"):
                setattr(mine, name, np.array(getattr(layer, name)))
        mlp.train_mode = right.train_mode
        return mlp

    def write(self, mlp):
        self.right.b = [[v * self.setting.get("bias", 1.0) for v in b] for b in self.right.b]
        mlp.W, mlp.b = [np.array(W) for W in self.right.W], [np.array([b]) for b in self.right.b]

    def forward(self, x):
        """Return whether the outputs are the same."""
        if self.setting.get("fresh") and self.used:
            self.mlp = self.made()
        self.used = True
        return same(self.mlp.forward(np.array(x)), self.right.forward(x))

    def backward(self, labels):
        """Return whether dW, db, dgamma and dbeta are the same, with all gradients 0 before."""
        self.right.backward(labels)
        self.mlp.backward(np.array(labels))
        if self.setting.get("transposed") and not all_same(self.mlp.dW, self.right.dW):
            self.mlp.dW = [d.T for d in self.mlp.dW]
        got = [list(self.mlp.dW), list(self.mlp.db)]
        got += [[getattr(layer, name) for layer in self.mlp.bn_layers or []] for name in ("dgamma", "dbeta")]
        return all(all_same(a, b) for a, b in zip(got, [self.right.dW, self.right.db] + [
            [getattr(layer, name) for layer in self.right.bn_layers] for name in ("dgamma", "dbeta")]))

    def learn(self, seed, m):
        """A step of both on a batch; return whether the parameters are the same."""
        x, labels = batch(seed, self.setting.get("m", m))
        self.write(self.mlp)
        if self.setting.get("zero_grads", True):
            self.mlp.zero_grads()
        self.forward(x)
        if self.setting.get("gradients"):
            self.right.backward(labels)
            self.mlp.dW, self.mlp.db = [np.array(d) for d in self.right.dW], [np.array(d) for d in self.right.db]
            for mine, layer in zip(self.mlp.bn_layers or [], self.right.bn_layers):
                mine.dgamma, mine.dbeta = layer.dgamma, layer.dbeta
        else:
            self.backward(labels)
        self.mlp.step()
        self.right.step()
        return self.same_parameters()

    def same_parameters(self):
        layers = zip(self.mlp.bn_layers or [], self.right.bn_layers)
        return all_same(self.mlp.W, self.right.W) and all_same(self.mlp.b, self.right.b) and all(
            same(mine.gamma, layer.gamma) and same(mine.beta, layer.beta) for mine, layer in layers)


QUESTIONS = {}


def question(section, *names):
    def decorated(ask):
        for name in names:
            QUESTIONS[section, name] = ask
        return ask
    return decorated


def is_right(key, nn, setting):
    """Ask a question of (section, check); a piece that fails with an error is wrong."""
    replaced = {"BatchNorm": BatchNorm} if key[0] in ("2.3", "2.5", "2.7") or "network" in key[1] or key[1] in (
        "train_and_infer", "step") else {}
    if key[0] == "2.8":
        replaced = PARTS
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with mock.patch.multiple(nn, create=True, **replaced) if replaced else contextlib.nullcontext():
            try:
                return bool(QUESTIONS[key](nn, setting))
            except Exception:
                return False


# 2.2 and 2.4

def criteria(nn, *tables):
    """For each table of logits: the handin's criterion and the right one, after forward."""
    mine, right = nn.SoftmaxCrossEntropy(), SoftmaxCrossEntropy()
    for k, x in enumerate(tables):
        y = np.array(one_hot(k, len(x)))
        yield mine, right, mine.forward(np.array(x), y), right.forward(x, y)


@question("2.2", "loss")
def loss(nn, setting):
    tables = [numbers(m, m, CLASSES, 2.0) for m in (setting.get("m", 3), setting.get("m", 6))]
    return all([same(got, want) for _, _, got, want in criteria(nn, *tables)])


@question("2.2", "log_sum_exp")
def log_sum_exp(nn, setting):
    table = [[900.0 * (k == largest) - 900.0 * (k == smallest) for k in range(CLASSES)]
             for largest, smallest in ((3, 4), (5, 6), (9, 0))][:setting.get("m", 3)]
    if setting.get("finite"):
        return all([np.all(np.isfinite(got)) for _, _, got, _ in criteria(nn, table)])
    return all([same(got, want) for _, _, got, want in criteria(nn, table)])


@question("2.2", "derivative")
def derivative(nn, setting):
    tables = [numbers(m, m, CLASSES, 2.0) for m in (4, 2)]
    return all([same(mine.derivative(), right.derivative()) for mine, right, _, _ in criteria(nn, *tables)])


@question("2.4", "Sigmoid", "Tanh", "ReLU")
def activation(nn, name):
    mine, right, found = getattr(nn, name)(), PARTS[name](), []
    for k in range(3):
        x = numbers(k, 4, 3 + k, 1.5)
        x[0][0] = 0.0
        found += [same(mine.forward(np.array(x)), right.forward(x)), same(mine.state, right.state),
                  same(mine.derivative(), right.derivative()), same(mine.state, right.state)]
    return all(found)


for name in ("Sigmoid", "Tanh", "ReLU"):
    QUESTIONS["2.4", name] = lambda nn, setting, name=name: activation(nn, name)


# 2.3, 2.5, and networks in 2.6 and 2.7

def network(asked, *args, sizes=(5,), seed=1):
    """A question about what a network gives for batches of these sizes, one after the other.

    asked: "forward", "backward", or "step" for the parameters after a step on each.
    """
    def ask(nn, setting):
        pair, found = Pair(nn, setting, *args), []
        for k, m in enumerate(sizes):
            x, labels = batch(seed + k, setting.get("m", m))
            if asked == "step":
                found.append(pair.learn(seed + k, m))
                continue
            if setting.get("zero_grads", True) and len(sizes) > 1:
                pair.mlp.zero_grads()
            found.append(pair.forward(x) if asked == "forward" else [pair.forward(x), pair.backward(labels)][1])
        return all(found)
    return ask


def both(*questions):
    return lambda nn, setting: all([ask(nn, setting) for ask in questions])


MIXED = [6, 8, 5], ["ReLU", "Tanh", "Sigmoid", "Tanh"]
QUESTIONS.update({
    ("2.3", "forward"): network("forward", []), ("2.3", "backward"): network("backward", []),
    ("2.3", "five_steps"): network("step", [], sizes=(5, 5, 3, 4, 4)),
    ("2.5", "mixed_activations"): both(network("forward", *MIXED), network("backward", *MIXED)),
    ("2.5", "batches_of_other_sizes"): network("backward", [6], sizes=(5, 3, 4)),
    ("2.6", "step"): both(*[network("step", [5] * 3, None, number, 0.2, sizes=(9,)) for number in (1, 2, 3)]),
    ("2.7", "with_batchnorm"): network("step", [5, 5], None, 2, 0.05, 0.7, sizes=(5, 5, 5)),
})
for name, hiddens in (("[32]", [6]), ("[64, 32]", [6, 5]), ("[32, 32, 32, 32, 32]", [5] * 5)):
    QUESTIONS["2.5", f"forward {name}"] = network("forward", hiddens)
    QUESTIONS["2.5", f"backward {name}"] = network("backward", hiddens)
for name, hiddens in (("no hidden layer", []), ("one hidden layer", [6]), ("two hidden layers", [6, 5])):
    steps = network("step", hiddens, None, 0, 0.05, 0.7, sizes=(4,) * 5)
    QUESTIONS["2.7", f"five steps, {name}"] = both(steps, steps)  # once more, beside what the first has left behind


@question("2.3", "zero_grads")
def zero_grads(nn, setting):
    pair, (x, labels) = Pair(nn, setting, []), batch(2, 5)
    pair.forward(x)
    pair.backward(labels)
    pair.mlp.zero_grads()
    return all(not np.any(d) for d in (*pair.mlp.dW, *pair.mlp.db)) and pair.same_parameters()


@question("2.5", "initializers")
def initializers(nn, setting):
    made, hiddens, activations = [], [4, 3], [Sigmoid(), Tanh(), Identity()]
    hiddens = hiddens[:setting.get("layers")]
    activations = activations[-len(hiddens) - 1:]
    kept = list(hiddens), list(activations)

    def weight_init_fn(d_in, d_out):
        made.append(np.array(numbers(len(made), d_in, d_out)))
        return made[-1].copy()

    mlp = nn.MLP(6, 2, hiddens, activations, weight_init_fn, lambda d: np.full((1, d), 0.1 * d),
                 SoftmaxCrossEntropy(), 0.1)
    sizes = [6] + kept[0] + [2]
    defaults = not mlp.momentum and not mlp.num_bn_layers
    return defaults and (hiddens, activations) == kept and [W.shape for W in made] == list(zip(sizes, sizes[1:])) and all_same(
        mlp.W, made) and all_same(mlp.b, [[0.1 * d] * d for d in sizes[1:]])


# 2.6

def normalisers(nn, setting, *alpha):
    """The handin's layer and the right one, each with two training batches behind it."""
    pair = nn.BatchNorm(4, *alpha), BatchNorm(4, *alpha)
    for layer in pair:
        layer.gamma, layer.beta = np.array(numbers(1, 1, 4)) + 2, np.array(numbers(2, 1, 4))
        for k in range(2):
            layer.forward(np.array(spread(k, setting)))
    return pair


def spread(k, setting):
    """A batch whose first column has so little spread that eps counts."""
    if "column" in setting:
        return [[v] * 4 for v in setting["column"]]
    return [[3e-4 * line[0]] + line[1:] for line in numbers(30 + k, 6, 4, 2.0)]


@question("2.6", "training")
def training(nn, setting):
    mine, right = normalisers(nn, setting)
    got, want = [layer.forward(np.array(spread(2, setting))) for layer in (mine, right)]
    return same(got, want) and same(mine.mean, right.mean) and same(mine.var, right.var)


@question("2.6", "running_statistics")
def running_statistics(nn, setting):
    pairs = normalisers(nn, setting), normalisers(nn, setting, 0.6)
    return all(same(getattr(mine, name), getattr(right, name)) for mine, right in pairs
               for name in ("running_mean", "running_var"))


@question("2.6", "inference")
def inference(nn, setting):
    """With the right running statistics written in."""
    (mine, right), x = normalisers(nn, setting), numbers(40, 3, 4)
    mine.running_mean, mine.running_var = right.running_mean.copy(), right.running_var.copy()
    found = [same(mine.forward(np.array(x), eval=True), right.forward(x, eval=True)) for _ in range(2)]
    return all(found) and same(mine.running_mean, right.running_mean) and same(mine.running_var, right.running_var)


@question("2.6", "backward")
def backward_of_batchnorm(nn, setting):
    mine, right = normalisers(nn, setting)
    got, want = [layer.backward(np.array(numbers(41, 6, 4))) for layer in (mine, right)]
    return same(got, want) and same(mine.dgamma, right.dgamma) and same(mine.dbeta, right.dbeta)


def in_a_network(number):
    def ask(nn, setting):
        pair, (x, labels) = Pair(nn, setting, [5] * 4, None, number), batch(3, setting.get("m", 6))
        output = pair.forward(x)
        return (pair.backward(labels) or setting.get("gradients", False)) and output
    return ask


for number in (1, 2, 3):
    QUESTIONS["2.6", f"in a network, num_bn_layers={number}"] = in_a_network(number)


@question("2.6", "train_and_infer")
def train_and_infer(nn, setting):
    pair = Pair(nn, setting, [5] * 3, None, 2, 0.2)
    found = []
    for k in range(2):
        pair.mlp.train()
        pair.right.train_mode = True
        found.append(pair.learn(50 + k, 9))
        pair.mlp.eval()
        pair.right.train_mode = False
        pair.write(pair.mlp)
        found += [pair.forward(batch(60 + n, 4)[0]) for n in range(3)]
    return all(found)


# 2.7

@question("2.7", "networks_side_by_side")
def networks_side_by_side(nn, setting):
    pairs = [Pair(nn, setting, [], None, 0, 0.05 + 0.1 * k, 0.7 + 0.1 * k) for k in range(3)]
    return all([pair.learn(80 + 5 * k + n, 4) for n in range(3) for k, pair in enumerate(pairs)])


def keeps_a_velocity(nn, setting):
    """Whether the second step is not the plain one."""
    pair = Pair(nn, {**setting, "gradients": False}, [], None, 0, 0.05, 0.7)
    pair.learn(1, 4)
    before = np.array(pair.right.W[0])
    pair.learn(2, 4)
    return not same(pair.mlp.W[0], before - pair.right.lr * np.array(pair.right.dW[0])) or not pair.right.momentum


@question("2.7", "velocity_is_not_initialised")
def velocity_is_not_initialised(nn, setting):
    made = []
    nn.MLP(6, 2, [3], [Sigmoid(), Identity()], lambda d_in, d_out: np.ones((d_in, d_out)),
           lambda d: made.append(d) or np.ones((1, d)), SoftmaxCrossEntropy(), 0.1, 0.9)
    return len(made) <= 2 and keeps_a_velocity(nn, setting)


# 2.8

class Watched(Network):
    """A linear classifier that notes what is done to it: (what, its argument, the output, train_mode)."""

    def __init__(self):
        super().__init__([INPUTS, CLASSES], ["Identity"], lr=2.0)
        self.input_size, self.output_size, self.calls = INPUTS, CLASSES, []

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.calls.append(("forward", rows(x), rows(super().forward(x)), self.train_mode))
        return self.output

    def backward(self, labels):
        self.calls.append(("backward", rows(labels), None, self.train_mode))
        super().backward(labels)

    def step(self):
        self.calls.append(("step", None, None, self.train_mode))
        super().step()

    def zero_grads(self):
        pass

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def statistics(examples):
    """The mean loss and the part that is wrong, of (output, label, whether the mode is right)."""
    losses = [math.log(math.fsum(math.exp(v) for v in output)) - output[label.index(1.0)] for output, label, _ in examples]
    wrong = [output.index(max(output)) != label.index(1.0) for output, label, _ in examples]
    return math.fsum(losses) / len(losses), sum(wrong) / len(wrong)


def answers(nn, sizes, epochs=3, batch_size=8):
    """What get_training_stats gets right: {the check's name: bool}."""
    dset = [batch(100 + k, n) for k, n in enumerate(sizes)]
    sets = [(rows(x), rows(y)) for x, y in dset]
    mlp = Watched()
    np.random.seed(3)
    result = list(nn.get_training_stats(mlp, [tuple(part) for part in dset], epochs, batch_size)) + [None] * 5
    kept = all(np.array_equal(x, np.array(a)) and np.array_equal(y, np.array(b)) for (x, y), (a, b) in zip(dset, sets))
    known = {tuple(x): (k, i) for k, (table, _) in enumerate(sets) for i, x in enumerate(table)}
    trained, evaluated, right = [], [{} for _ in range(epochs)], True
    for k, (what, argument, output, mode) in enumerate(mlp.calls):
        if what == "forward":
            places = [known[tuple(x)] for x in argument]
            following = [call[0] for call in mlp.calls[k + 1:k + 3]]
            if following[:1] == ["backward"] and places[0][0] == 0:
                labels = mlp.calls[k + 1][1]
                right = right and following == ["backward", "step"] and labels == [sets[0][1][i] for _, i in places]
                trained.append([(i, line, label, mode) for (_, i), line, label in zip(places, output, labels)])
            elif following[:1] == ["backward"]:
                right = False
            elif places[0][0] > 0:
                epoch = -(-sum(len(part) for part in trained) // sizes[0]) - 1
                for place, line in zip(places, output):
                    evaluated[min(epoch, epochs - 1)].setdefault(place, (line, sets[place[0]][1][place[1]], not mode))
    size = max(len(trained) // epochs, 1)
    parts = [sum(trained[k:k + size], []) for k in range(0, size * epochs, size)]
    orders = [[i for i, *_ in part] for part in parts]
    found = {"result": all(isinstance(c, np.ndarray) and c.shape == (epochs,) for c in result[:4])}
    found["batches"] = kept and right and all(sorted(order) == list(range(sizes[0])) for order in orders) and all(
        len(some) == batch_size for some in trained[:sizes[0] // batch_size]) and len(
        {tuple(order) for order in orders + [list(range(sizes[0]))]}) == epochs + 1
    for name, curves, tables in (
            ("training_statistics", result[:2], [[pair[1:] for pair in part] for part in parts]),
            ("validation_statistics", result[2:4], [[pair for (k, _), pair in part.items() if k == 1] for part in evaluated])):
        found[name] = all(tables) and all(mode for table in tables for _, _, mode in table) and all_same(
            curves, transposed([statistics(table) for table in tables]))
    tests = [pair for (k, _), pair in evaluated[-1].items() if k == 2]
    want = [[0] * CLASSES for _ in range(CLASSES)]
    for output, label, _ in tests:
        want[output.index(max(output))][label.index(1.0)] += 1
    found["confusion_matrix"] = result[4] is not None and same(result[4], want) and len(tests) == sizes[2] and all(
        inferred for _, _, inferred in tests)
    return found


ABOUT_A_RUN = "result", "batches", "training_statistics", "validation_statistics", "confusion_matrix"
for name in ABOUT_A_RUN:
    QUESTIONS["2.8", name] = lambda nn, setting, name=name: answers(
        nn, (24, 16, 16), batch_size=setting.get("batch_size", 8))[name]


@question("2.8", "short_last_batch")
def short_last_batch(nn, setting):
    """What is right where the batches are even is right where they are not, and for other numbers of epochs."""
    even, found = answers(nn, (24, 16, 16)), True
    for other in (answers(nn, (27, 13, 18)), answers(nn, (24, 16, 16), 1, 4), answers(nn, (24, 16, 16), 2, 2)):
        found = found and all(other[name] for name in ABOUT_A_RUN if even[name])
    return found
