"""The homework once more, in plain loops over lists: it is asked whether a piece of a handin is wrong.

It knows nothing of the grader. QUESTIONS holds, for each check of the grader, a function
question(nn, setting) that returns True if that piece of the module nn is right. The piece is asked
on right parts: the criterion, the activations and BatchNorm are those of this file, and W and b are
written in. A setting, a dict, may alter the question so that another piece's fault has no effect:

    m            the number of examples in each batch
    lr           the learning rate
    momentum     the momentum
    bias         a factor of all biases; 0 for networks without
    bn           False for networks without BatchNorm
    gradients    True to write the right gradients in before each step
    fresh        True for a new network, with the right one's parameters, for each batch
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
QUESTIONS = {}  # (section, check): question


# ---- The homework in loops -----------------------------------------------------------------------

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


def means(table):
    return [math.fsum(column) / len(column) for column in zip(*table)]


class Activation:
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
    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        self.logits, self.labels, self.sm, losses = x, y, [], []
        for line, label in zip(rows(x), rows(y)):
            lse = max(line) + math.log(math.fsum(math.exp(z - max(line)) for z in line))
            self.sm.append([math.exp(z - lse) for z in line])
            losses.append(math.fsum(t * (lse - z) for t, z in zip(label, line)))
        self.loss = np.array(losses)
        return self.loss

    def derivative(self):
        return np.array(each(lambda s, y: s - y, self.sm, rows(self.labels)))


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        for name in ("mean", "dgamma", "beta", "dbeta", "running_mean"):
            setattr(self, name, np.zeros((1, fan_in)))
        for name in ("var", "gamma", "running_var"):
            setattr(self, name, np.ones((1, fan_in)))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        x = rows(x)
        if not eval:
            mean = means(x)
            var = means([(v - a) ** 2 for v, a in zip(line, mean)] for line in x)
            for name, now in (("mean", mean), ("var", var)):
                setattr(self, name, np.array(now))
                old = np.ravel(getattr(self, f"running_{name}"))
                new = [self.alpha * a + (1 - self.alpha) * b for a, b in zip(old, now)]
                setattr(self, f"running_{name}", np.array([new]))
        else:
            mean, var = np.ravel(self.running_mean), np.ravel(self.running_var)
        self.roots = [math.sqrt(v + self.eps) for v in var]
        self.norm = [[(v - a) / s for v, a, s in zip(line, mean, self.roots)] for line in x]
        gamma, beta = np.ravel(self.gamma), np.ravel(self.beta)
        return np.array([[g * v + b for g, v, b in zip(gamma, line, beta)] for line in self.norm])

    def backward(self, delta):
        """By the chain rule: d norm_k / d x_i = ((k = i) - 1/m - norm_k norm_i / m) / s."""
        columns, m = list(zip(np.ravel(self.gamma), self.roots, zip(*rows(delta)), zip(*self.norm))), len(delta)
        self.dgamma = np.array([math.fsum(d * n for d, n in zip(ds, ns)) for _, _, ds, ns in columns])
        self.dbeta = np.array([math.fsum(ds) for _, _, ds, _ in columns])
        return np.array(transposed([[math.fsum(
            g * ds[k] * ((k == i) - 1 / m - ns[k] * ns[i] / m) for k in range(m)) / s
            for i in range(m)] for g, s, ds, ns in columns]))


PARTS = {part.__name__: part for part in (Identity, Sigmoid, Tanh, ReLU, SoftmaxCrossEntropy, BatchNorm)}


class Pair:
    """A network of the handin's, mlp, on right parts, and the same in loops; both do what is called.

    In loops, W and b, their gradients dW and db, and the velocities vW and vb are lists of tables.
    """

    def __init__(self, nn, setting, hiddens, names=None, num_bn_layers=0, lr=0.13, momentum=0.0):
        self.nn, self.setting, self.train_mode, self.mlp = nn, setting, True, None
        self.hiddens = hiddens[:setting.get("layers")]
        names = (names or ["Sigmoid"] * len(hiddens) + ["Identity"])[-len(self.hiddens) - 1:]
        self.names = [setting.get("activation", name) for name in names]
        self.lr, self.momentum = setting.get("lr", lr), setting.get("momentum", momentum)
        sizes = [INPUTS] + self.hiddens + [CLASSES]
        self.W = [numbers(i, *shape) for i, shape in enumerate(zip(sizes, sizes[1:]))]
        self.b = [numbers(50 + i, 1, d) for i, d in enumerate(sizes[1:])]
        self.vW, self.vb = [[each(lambda p: 0.0, p) for p in params] for params in (self.W, self.b)]
        self.dW, self.db = list(self.vW), list(self.vb)
        self.activations = [PARTS[name]() for name in self.names]
        self.bn_layers = [BatchNorm(d) for d in sizes[1:num_bn_layers * setting.get("bn", True) + 1]]
        self.make()

    def make(self):
        """Make mlp, with the parameters and statistics of the network in loops."""
        self.mlp = self.nn.MLP(
            INPUTS, CLASSES, list(self.hiddens), [PARTS[name]() for name in self.names],
            lambda d_in, d_out: np.ones((d_in, d_out)), lambda d: np.zeros((1, d)),
            SoftmaxCrossEntropy(), self.lr, self.momentum, len(self.bn_layers))
        self.write("W", "b", "gamma", "beta", "mean", "var", "running_mean", "running_var")
        self.mlp.train_mode = self.train_mode

    def write(self, *names):
        self.b = [each(lambda b: b * self.setting.get("bias", 1), b) for b in self.b]
        for name in names:
            if name[-1] in "Wb":
                setattr(self.mlp, name, [np.array(table) for table in getattr(self, name)])
            else:
                for mine, layer in zip(self.mlp.bn_layers or [], self.bn_layers):
                    setattr(mine, name, np.array(getattr(layer, name)))

    def alike(self, *names):
        """Whether these lists, or these arrays of the BatchNorms, are the same."""
        return all(all_same(*[list(getattr(net, name)) if name[-1] in "Wb" else
                              [getattr(layer, name) for layer in net.bn_layers or []]
                              for net in (self.mlp, self)]) for name in names)

    def forward(self, x):
        """Return whether the outputs are the same."""
        if self.setting.get("fresh"):
            self.make()
        self.inputs, z = [], rows(x)
        for i, activation in enumerate(self.activations):
            self.inputs.append(z)
            z = each(lambda v, b: v + b, product(z, self.W[i]), self.b[i] * len(z))
            if i < len(self.bn_layers):
                z = self.bn_layers[i].forward(z, eval=not self.train_mode)
            z = rows(activation.forward(z))
        self.output = z
        return same(self.mlp.forward(np.array(x)), z)

    def backward(self, labels, both=True):
        """Return whether dW, db, dgamma and dbeta are the same. both: False for those in loops alone."""
        criterion = SoftmaxCrossEntropy()
        criterion.forward(self.output, labels)
        delta = criterion.derivative()
        for i in reversed(range(len(self.W))):
            delta = each(lambda d, slope: d * slope, rows(delta), rows(self.activations[i].derivative()))
            if i < len(self.bn_layers):
                delta = rows(self.bn_layers[i].backward(delta))
            self.dW[i] = each(lambda d: d / len(delta), product(transposed(self.inputs[i]), delta))
            self.db[i] = [means(delta)]
            delta = product(delta, transposed(self.W[i]))
        if both:
            self.mlp.backward(np.array(labels))
            if self.setting.get("transposed") and not self.alike("dW"):
                self.mlp.dW = [d.T for d in self.mlp.dW]
            return self.alike("dW", "db", "dgamma", "dbeta")

    def learn(self, seed, m):
        """A step of both on a batch; return whether the parameters are the same."""
        x, labels = batch(seed, self.setting.get("m", m))
        self.write("W", "b")
        self.mlp.zero_grads()
        self.forward(x)
        self.backward(labels, both=not self.setting.get("gradients"))
        if self.setting.get("gradients"):
            self.write("dW", "db", "dgamma", "dbeta")
        self.mlp.step()
        for p, v, d in ((self.W, self.vW, self.dW), (self.b, self.vb, self.db)):
            for i in range(len(p)):
                v[i] = each(lambda v, d: self.momentum * v - self.lr * d, v[i], d[i])
                p[i] = each(lambda p, v: p + v, p[i], v[i])
        for layer in self.bn_layers:
            for name in ("gamma", "beta"):
                old, d = np.ravel(getattr(layer, name)), np.ravel(getattr(layer, f"d{name}"))
                setattr(layer, name, np.array([[p - self.lr * q for p, q in zip(old, d)]]))
        return self.alike("W", "b", "gamma", "beta")


# ---- Asking --------------------------------------------------------------------------------------

def numbers(seed, m, d, scale=0.7):
    rng = random.Random(seed)
    return [[rng.gauss(0, 1) * scale for _ in range(d)] for _ in range(m)]


def batch(seed, m, inputs=INPUTS):
    rng = random.Random(seed + 1)
    labels = [[float(k == label) for k in range(CLASSES)]
              for label in (rng.randrange(CLASSES) for _ in range(m))]
    return np.array(numbers(seed, m, inputs, 1.0)), np.array(labels)


def same(got, want):
    """Whether the numbers are those; of shapes, a row may be a list."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    return got.size == want.size and np.allclose(got.reshape(want.shape), want, rtol=1e-6, atol=1e-11)


def all_same(got, want):
    return len(got) == len(want) and all(same(a, b) for a, b in zip(got, want))


def is_right(key, nn, setting):
    """Ask a question of (section, check); a piece that fails with an error is wrong."""
    section, name = key
    in_networks = section in ("2.3", "2.5", "2.7") or "network" in name or name in ("train_and_infer", "step")
    replaced = PARTS if section == "2.8" else {"BatchNorm": BatchNorm} if in_networks else {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if replaced:
            stack.enter_context(mock.patch.multiple(nn, create=True, **replaced))
        try:
            return bool(QUESTIONS[key](nn, setting))
        except Exception:
            return False


def all_of(*questions):
    return lambda nn, setting: all([ask(nn, setting) for ask in questions])


# 2.2 and 2.4

def criterion(asked):
    def ask(nn, setting):
        mine, right, found = nn.SoftmaxCrossEntropy(), SoftmaxCrossEntropy(), []
        tables = [numbers(m, setting.get("m", m), CLASSES, 2.0) for m in (3, 6, 2)]
        if asked == "log_sum_exp":
            tables = [[[900.0 * (k == largest) - 900.0 * (k == smallest) for k in range(CLASSES)]
                       for largest, smallest in ((3, 4), (5, 6), (9, 0))][:setting.get("m", 3)]]
        for k, x in enumerate(tables):
            y = batch(k, len(x))[1]
            got, want = mine.forward(np.array(x), y), right.forward(x, y)
            if asked == "derivative":
                got, want = mine.derivative(), right.derivative()
            found.append(np.all(np.isfinite(got)) if setting.get("finite") else same(got, want))
        return all(found)
    return ask


def activation(name):
    def ask(nn, setting):
        mine, right, found = getattr(nn, name)(), PARTS[name](), []
        for k in range(3):
            x = numbers(k, 4, 3 + k, 1.5)
            x[0][0] = 0.0
            found += [same(mine.forward(np.array(x)), right.forward(x)), same(mine.state, right.state),
                      same(mine.derivative(), right.derivative()), same(mine.state, right.state)]
        return all(found)
    return ask


QUESTIONS.update({("2.2", name): criterion(name) for name in ("loss", "log_sum_exp", "derivative")})
QUESTIONS.update({("2.4", name): activation(name) for name in ("Sigmoid", "Tanh", "ReLU")})


# 2.3, 2.5, 2.7, and networks in 2.6

def network(asked, *args, sizes=(5,)):
    """A question about what a network gives for batches of these sizes, one after the other.

    asked: "forward", "backward", or "step" for the parameters after a step on each.
    """
    def ask(nn, setting):
        pair, found = Pair(nn, setting, *args), []
        for k, m in enumerate(sizes, 1):
            if asked == "step":
                found.append(pair.learn(k, m))
                continue
            if k > 1:
                pair.mlp.zero_grads()
            x, labels = batch(k, setting.get("m", m))
            found.append(pair.forward(x) if asked == "forward" else [pair.forward(x), pair.backward(labels)][1])
        return all(found)
    return ask


def zero_grads(nn, setting):
    pair, (x, labels) = Pair(nn, setting, []), batch(2, 5)
    pair.forward(x)
    pair.backward(labels)
    pair.mlp.zero_grads()
    return all(not np.any(d) for d in (*pair.mlp.dW, *pair.mlp.db)) and pair.alike("W", "b")


def initializers(nn, setting):
    made, hiddens = [], [4, 3][:setting.get("layers")]
    activations = [Sigmoid(), Tanh(), Identity()][-len(hiddens) - 1:]
    sizes, kept = [6] + hiddens + [2], (list(hiddens), list(activations))

    def weight_init_fn(d_in, d_out):
        made.append(np.array(numbers(len(made), d_in, d_out)))
        return made[-1].copy()

    mlp = nn.MLP(6, 2, hiddens, activations, weight_init_fn, lambda d: np.full((1, d), 0.1 * d),
                 SoftmaxCrossEntropy(), 0.1)
    return (not mlp.momentum and not mlp.num_bn_layers and (hiddens, activations) == kept
            and [W.shape for W in made] == list(zip(sizes, sizes[1:]))
            and all_same(mlp.W, made) and all_same(mlp.b, [[0.1 * d] * d for d in sizes[1:]]))


def in_a_network(number):
    def ask(nn, setting):
        pair, (x, labels) = Pair(nn, setting, [5] * 4, None, number), batch(3, setting.get("m", 6))
        output = pair.forward(x)
        return (pair.backward(labels) or setting.get("gradients", False)) and output
    return ask


def train_and_infer(nn, setting):
    pair, found = Pair(nn, setting, [5] * 3, None, 2, 0.2), []
    for k in range(2):
        pair.mlp.train()
        pair.train_mode = True
        found.append(pair.learn(50 + k, 9))
        pair.mlp.eval()
        pair.train_mode = False
        pair.write("W", "b")
        found += [pair.forward(batch(60 + n, 4)[0]) for n in range(3)]
    return all(found)


def networks_side_by_side(nn, setting):
    pairs = [Pair(nn, setting, [], None, 0, 0.05 + 0.1 * k, 0.7 + 0.1 * k) for k in range(3)]
    return all([pair.learn(80 + 5 * k + n, 4) for n in range(3) for k, pair in enumerate(pairs)])


def velocity_is_not_initialised(nn, setting):
    """bias_init_fn makes two biases, and with momentum the second step is not the plain one."""
    made = []
    nn.MLP(6, 2, [3], [Sigmoid(), Identity()], lambda d_in, d_out: np.ones((d_in, d_out)),
           lambda d: made.append(d) or np.ones((1, d)), SoftmaxCrossEntropy(), 0.1, 0.9)
    pair = Pair(nn, {**setting, "gradients": False}, [], None, 0, 0.05, 0.7)
    pair.learn(1, 4)
    before = np.array(pair.W[0])
    pair.learn(2, 4)
    plain = same(pair.mlp.W[0], before - pair.lr * np.array(pair.dW[0]))
    return len(made) <= 2 and not (plain and pair.momentum)


MIXED = [6, 8, 5], ["ReLU", "Tanh", "Sigmoid", "Tanh"]
QUESTIONS.update({
    ("2.3", "forward"): network("forward", []), ("2.3", "backward"): network("backward", []),
    ("2.3", "zero_grads"): zero_grads, ("2.5", "initializers"): initializers,
    ("2.3", "five_steps"): network("step", [], sizes=(5, 5, 3, 4, 4)),
    ("2.5", "mixed_activations"): all_of(network("forward", *MIXED), network("backward", *MIXED)),
    ("2.5", "batches_of_other_sizes"): network("backward", [6], sizes=(5, 3, 4)),
    ("2.6", "train_and_infer"): train_and_infer,
    ("2.6", "step"): all_of(*[network("step", [5] * 3, None, number, 0.2, sizes=(9,)) for number in (1, 2, 3)]),
    ("2.7", "with_batchnorm"): network("step", [5, 5], None, 2, 0.05, 0.7, sizes=(5, 5, 5)),
    ("2.7", "networks_side_by_side"): networks_side_by_side,
    ("2.7", "velocity_is_not_initialised"): velocity_is_not_initialised,
    **{("2.6", f"in a network, num_bn_layers={number}"): in_a_network(number) for number in (1, 2, 3)},
    **{("2.5", f"{asked} {name}"): network(asked, hiddens) for asked in ("forward", "backward")
       for name, hiddens in (("[32]", [6]), ("[64, 32]", [6, 5]), ("[32, 32, 32, 32, 32]", [5] * 5))},
})
for name, hiddens in (("no hidden layer", []), ("one hidden layer", [6]), ("two hidden layers", [6, 5])):
    steps = network("step", hiddens, None, 0, 0.05, 0.7, sizes=(4,) * 5)
    QUESTIONS["2.7", f"five steps, {name}"] = all_of(steps, steps)  # again, beside what the first left


# 2.6

def normalisation(call, *names):
    """A question about one layer: what call returns of it, and its arrays of these names after that."""
    def ask(nn, setting):
        found = []
        for alpha in ((), (0.6,)):
            pair = mine, right = nn.BatchNorm(4, *alpha), BatchNorm(4, *alpha)
            for layer in pair:
                layer.gamma, layer.beta = np.array(numbers(1, 1, 4)) + 2, np.array(numbers(2, 1, 4))
                for k in range(2):
                    layer.forward(spread(k, setting))
            if call is infer:
                mine.running_mean, mine.running_var = right.running_mean.copy(), right.running_var.copy()
            found += [same(*[call(layer, setting) for layer in pair])]
            found += [same(getattr(mine, name), getattr(right, name)) for name in names]
        return all(found)
    return ask


def spread(k, setting):
    """A batch whose first column has so little spread that eps counts."""
    if "column" in setting:
        return np.array([[v] * 4 for v in setting["column"]])
    return np.array([[3e-4 * line[0]] + line[1:] for line in numbers(30 + k, 6, 4, 2.0)])


def infer(layer, setting):
    return [layer.forward(np.array(numbers(40, 3, 4)), eval=True) for _ in range(2)]


RUNNING = "running_mean", "running_var"
QUESTIONS.update({
    ("2.6", "training"): normalisation(lambda layer, setting: layer.forward(spread(2, setting)), "mean", "var"),
    ("2.6", "running_statistics"): normalisation(lambda layer, setting: 0, *RUNNING),
    ("2.6", "inference"): normalisation(infer, *RUNNING),
    ("2.6", "backward"): normalisation(
        lambda layer, setting: layer.backward(np.array(numbers(41, 6, 4))), "dgamma", "dbeta"),
})


# 2.8

class Scripted:
    """A network that does not learn: its outputs are its inputs and something that each step changes.

    calls: for each forward, [x, its output, train_mode], and then what follows on it: the labels of a
    backward, "step".
    """

    input_size = output_size = CLASSES

    def __init__(self):
        self.calls, self.steps, self.train_mode, self.criterion = [], 0, True, SoftmaxCrossEntropy()

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        output = [[v + math.sin(self.steps * k) for k, v in enumerate(line, 1)] for line in rows(x)]
        self.calls.append([rows(x), output, self.train_mode])
        return np.array(output)

    def backward(self, labels):
        self.criterion.forward(self.calls[-1][1], labels)
        self.calls[-1].append(rows(labels))

    def step(self):
        self.steps += 1
        self.calls[-1].append("step")

    def zero_grads(self):
        pass

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def statistics(examples):
    """The mean loss and the part that is wrong, of (output, label, whether the mode is right)."""
    return means([math.log(math.fsum(map(math.exp, output))) - output[label.index(1.0)],
                  float(output.index(max(output)) != label.index(1.0))] for output, label, _ in examples)


def answers(nn, sizes, epochs=3, batch_size=8):
    """What get_training_stats gets right: {the check's name: bool}."""
    dset, mlp = [batch(100 + k, n, CLASSES) for k, n in enumerate(sizes)], Scripted()
    sets = [(rows(x), rows(y)) for x, y in dset]
    np.random.seed(3)
    result = list(nn.get_training_stats(mlp, [tuple(part) for part in dset], epochs, batch_size)) + [None] * 5
    right = [(rows(x), rows(y)) for x, y in dset] == sets
    place = {tuple(x): (k, i) for k, (table, _) in enumerate(sets) for i, x in enumerate(table)}
    trained, evaluated = [], [{} for _ in range(epochs)]
    for x, outputs, mode, *after in mlp.calls:
        places = [place[tuple(line)] for line in x]
        labels = [sets[k][1][i] for k, i in places]
        if after:
            right = right and places[0][0] == 0 and after == [labels, "step"]
            if places[0][0] == 0:
                trained.append([(i, (*pair, mode)) for (_, i), *pair in zip(places, outputs, after[0])])
        else:
            epoch = -(-sum(map(len, trained)) // sizes[0]) - 1
            for at, *pair in zip(places, outputs, labels):
                evaluated[min(epoch, epochs - 1)].setdefault(at, (*pair, not mode))
    size = max(len(trained) // epochs, 1)
    parts = [sum(trained[k:k + size], []) for k in range(0, size * epochs, size)]
    orders = [tuple(i for i, _ in part) for part in parts]
    tests = [found for at, found in evaluated[-1].items() if at[0] == 2]
    matrix = np.zeros((CLASSES, CLASSES))
    for output, label, _ in tests:
        matrix[output.index(max(output)), label.index(1.0)] += 1

    def curves(got, tables):
        return all(tables) and all(mode for table in tables for _, _, mode in table) and all_same(
            got, transposed(map(statistics, tables)))

    return {
        "result": all(isinstance(curve, np.ndarray) and curve.shape == (epochs,) for curve in result[:4]),
        "batches": right and all(sorted(order) == list(range(sizes[0])) for order in orders)
        and all(len(some) == batch_size for some in trained[:sizes[0] // batch_size])
        and len({*orders, tuple(range(sizes[0]))}) == epochs + 1,
        "training_statistics": curves(result[:2], [[found for _, found in part] for part in parts]),
        "validation_statistics": curves(result[2:4], [
            [found for at, found in part.items() if at[0] == 1] for part in evaluated]),
        "confusion_matrix": result[4] is not None and same(result[4], matrix)
        and len(tests) == sizes[2] and all(mode for _, _, mode in tests)}


ABOUT_A_RUN = "result", "batches", "training_statistics", "validation_statistics", "confusion_matrix"
for name in ABOUT_A_RUN:
    QUESTIONS["2.8", name] = lambda nn, setting, name=name: answers(
        nn, (24, 16, 16), batch_size=setting.get("batch_size", 8))[name]


def short_last_batch(nn, setting):
    """What is right where the batches are even is right where they are not, and in other epochs."""
    even = answers(nn, (24, 16, 16))
    return all(other[name] for name in ABOUT_A_RUN if even[name] for other in (
        answers(nn, (27, 13, 18)), answers(nn, (24, 16, 16), 1, 4), answers(nn, (24, 16, 16), 2, 2)))


QUESTIONS["2.8", "short_last_batch"] = short_last_batch
