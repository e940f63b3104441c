"""The homework once more, in plain loops: it is asked whether a piece of a handin is wrong.

It knows nothing of the grader. QUESTIONS holds, for each check of the grader, a function
question(nn, setting) that returns True if that piece of the module nn is right. It is asked on
right parts: the criterion, the activations and BatchNorm of this file; the parameters are written
in. A setting, a dict, may alter the question so that another piece's fault has no effect:

    m            the number of examples in each batch
    bias         a factor of all biases; 0 for networks without
    bn           False for networks without BatchNorm
    still        True to write gradients of 0 in before each step
    fresh        True for a new network, without momentum, for each batch
    transposed   True to transpose dW after each backward if it is wrong as it is
    column       a batch of six: each column of what is handed to BatchNorm
    layers       the largest number of hidden layers
    activation   the name of every layer's activation, the last one included
"""

import copy
import functools
import math
from unittest import mock

import numpy as np

INPUTS, CLASSES = 7, 10


def numbers(seed, m, d, scale=0.7):
    return np.random.RandomState(seed).normal(0, scale, (m, d))


def batch(seed, m, inputs=INPUTS):
    labels = np.random.RandomState(seed + 1).randint(CLASSES, size=m)
    return numbers(seed, m, inputs, 1.0), np.eye(CLASSES)[labels]


def same(got, want):
    """Whether the numbers are those; of shapes, a row may be a list."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    return got.size == want.size and np.allclose(
        got.reshape(want.shape), want, rtol=1e-6, atol=1e-11)


def all_same(got, want):
    return len(got) == len(want) and all(same(a, b) for a, b in zip(got, want))


# ---- The homework, entry by entry ----------------------------------------------------------------

def each(f, *tables):
    """f of the entries of tables; one of a single row stands for as many as the others have."""
    m = max(map(len, tables))
    lines = zip(*[table.tolist() * (m // len(table)) for table in tables])
    return np.array([[f(*entries) for entries in zip(*line)] for line in lines])


def product(a, b):
    columns = b.T.tolist()
    return np.array([[math.fsum(x * y for x, y in zip(line, column)) for column in columns]
                     for line in a.tolist()])


def sums(table):
    return np.array([[math.fsum(column) for column in table.T.tolist()]])


def log_softmax(x):
    lse = [[max(line) + math.log(math.fsum(math.exp(z - max(line)) for z in line))] for line in x]
    return each(lambda z, a: z - a, x, np.repeat(lse, x.shape[1], axis=1))


def losses(x, y):
    return -sums(each(lambda z, t: z * t, log_softmax(x), y).T)[0]


class Activation:
    def forward(self, x):
        self.x, self.state = x.copy(), each(self.f, x)
        return self.state

    __call__ = forward

    def derivative(self):
        return each(self.slope, self.x)


FUNCTIONS = {  # and their derivatives
    "Identity": (lambda x: x, lambda x: 1.0),
    "Sigmoid": (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2),
    "Tanh": (math.tanh, lambda x: 1 / math.cosh(x) ** 2),
    "ReLU": (lambda x: max(x, 0.0), lambda x: float(x > 0))}
ACTIVATIONS = {name: type(name, (Activation,), {"f": staticmethod(f), "slope": staticmethod(slope)})
               for name, (f, slope) in FUNCTIONS.items()}


class SoftmaxCrossEntropy:
    def forward(self, x, y):
        self.logits, self.labels, self.loss = x.copy(), y, losses(x, y)
        return self.loss

    __call__ = forward

    def derivative(self):
        return each(lambda z, y: math.exp(z) - y, log_softmax(self.logits), self.labels)


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.mean, self.beta, self.dgamma, self.dbeta, self.running_mean = np.zeros((5, 1, fan_in))
        self.var, self.gamma, self.running_var = np.ones((3, 1, fan_in))

    def forward(self, x, eval=False):
        mean, var, m = self.running_mean, self.running_var, len(x)
        if not eval:
            mean = self.mean = each(lambda s: s / m, sums(x))
            var = self.var = each(lambda s: s / m, sums(each(lambda v, a: (v - a) ** 2, x, mean)))
            self.running_mean, self.running_var = [
                each(lambda old, new: self.alpha * old + (1 - self.alpha) * new, *pair)
                for pair in ((self.running_mean, mean), (self.running_var, var))]
        self.norm = each(lambda v, a, s: (v - a) / math.sqrt(s + 1e-8), x, mean, var)
        return each(lambda n, g, b: g * n + b, self.norm, self.gamma, self.beta)

    __call__ = forward

    def backward(self, delta):
        """By the chain rule: d norm_k / d x_i = ((k = i) - 1/m - norm_k norm_i / m) / deviation."""
        self.dgamma, self.dbeta = sums(each(lambda d, n: d * n, delta, self.norm)), sums(delta)
        m, dx = len(delta), np.zeros(delta.shape)
        for (i, j), n in np.ndenumerate(self.norm):
            terms = [d * ((k == i) - 1 / m - other * n / m)
                     for k, (d, other) in enumerate(zip(delta[:, j], self.norm[:, j]))]
            dx[i, j] = self.gamma[0, j] * math.fsum(terms) / math.sqrt(self.var[0, j] + 1e-8)
        return dx


class Pair:
    """A network of the handin's, mlp, on right parts, and the right one; both do what is called.

    params, grads: the right parameters and their gradients, {name in a handin: [an array a layer]}.
    forward, backward and step take a batch and return whether what comes of it is right.
    """

    def __init__(self, nn, setting, hiddens, names=None, num_bn_layers=0, lr=0.13, momentum=0.0):
        self.nn, self.setting, self.lr, self.train_mode, self.velocities = nn, setting, lr, True, {}
        self.momentum = 0.0 if setting.get("fresh") else momentum
        self.hiddens = hiddens[:setting.get("layers")]
        names = names or ["Sigmoid"] * len(hiddens) + ["Identity"]
        self.names = [setting.get("activation", name) for name in names[-len(self.hiddens) - 1:]]
        sizes = [INPUTS, *self.hiddens, CLASSES]
        normed = sizes[1:num_bn_layers * setting.get("bn", True) + 1]
        self.params = {
            "W": [numbers(i, *shape) for i, shape in enumerate(zip(sizes, sizes[1:]))],
            "b": [numbers(50 + i, 1, d) for i, d in enumerate(sizes[1:])],
            "gamma": [np.ones((1, d)) for d in normed], "beta": [np.zeros((1, d)) for d in normed]}
        self.activations = [ACTIVATIONS[name]() for name in self.names]
        self.layers = [BatchNorm(d) for d in normed]
        self.make()

    def make(self):
        """Make mlp, with the parameters and the statistics of the right one."""
        with mock.patch.object(self.nn, "BatchNorm", BatchNorm):
            self.mlp = self.nn.MLP(
                INPUTS, CLASSES, list(self.hiddens), [ACTIVATIONS[name]() for name in self.names],
                lambda *shape: np.ones(shape), lambda d: np.zeros((1, d)), SoftmaxCrossEntropy(),
                self.lr, self.momentum, len(self.layers))
        self.write(self.params)
        for mine, layer in zip(self.mlp.bn_layers or [], self.layers):
            mine.running_mean, mine.running_var = layer.running_mean, layer.running_var
        self.mlp.train_mode = self.train_mode

    def write(self, tables):
        self.params["b"] = [b * self.setting.get("bias", 1) for b in self.params["b"]]
        for name, arrays in tables.items():
            if name[-1] in "Wb":
                setattr(self.mlp, name, [array.copy() for array in arrays])
            else:
                for layer, array in zip(self.mlp.bn_layers or [], arrays):
                    setattr(layer, name, array.copy())

    def has(self, tables):
        """Whether these are the handin's."""
        return all(all_same(list(getattr(self.mlp, name)) if name[-1] in "Wb" else
                            [getattr(layer, name) for layer in self.mlp.bn_layers or []], arrays)
                   for name, arrays in tables.items())

    def forward(self, seed, m):
        if self.setting.get("fresh"):
            self.make()
        x, self.labels = batch(seed, self.setting.get("m", m))
        got, self.inputs = self.mlp.forward(x.copy()), []
        for i, activation in enumerate(self.activations):
            self.inputs.append(x)
            x = each(lambda v, b: v + b, product(x, self.params["W"][i]), self.params["b"][i])
            if i < len(self.layers):
                layer = self.layers[i]
                layer.gamma, layer.beta = self.params["gamma"][i], self.params["beta"][i]
                x = layer.forward(x, eval=not self.train_mode)
            x = activation.forward(x)
        self.output = x
        return same(got, x)

    def backward(self, seed, m):
        self.mlp.zero_grads()
        self.forward(seed, m)
        self.mlp.backward(self.labels.copy())
        self.grads = {f"d{name}": list(arrays) for name, arrays in self.params.items()}
        criterion, m = SoftmaxCrossEntropy(), len(self.labels)
        criterion.forward(self.output, self.labels)
        delta = criterion.derivative()
        for i in reversed(range(len(self.activations))):
            delta = each(lambda d, slope: d * slope, delta, self.activations[i].derivative())
            if i < len(self.layers):
                delta = self.layers[i].backward(delta)
                self.grads["dgamma"][i] = self.layers[i].dgamma
                self.grads["dbeta"][i] = self.layers[i].dbeta
            self.grads["dW"][i] = product(self.inputs[i].T, delta) / m
            self.grads["db"][i] = sums(delta) / m
            delta = product(delta, self.params["W"][i].T)
        if self.setting.get("transposed") and not self.has({"dW": self.grads["dW"]}):
            self.mlp.dW = [d.T for d in self.mlp.dW]
        return self.has(self.grads)

    def step(self, seed, m):
        self.write(self.params)
        self.backward(seed, m)
        if self.setting.get("still"):
            self.grads = {name: [0 * d for d in arrays] for name, arrays in self.grads.items()}
            self.write(self.grads)
        self.mlp.step()
        for name, arrays in self.params.items():
            for i in range(len(arrays)):
                kept = self.momentum * self.velocities.get((name, i), 0) if name in "Wb" else 0
                self.velocities[name, i] = kept - self.lr * self.grads[f"d{name}"][i]
                arrays[i] = arrays[i] + self.velocities[name, i]
        return self.has(self.params)


# ---- Asking --------------------------------------------------------------------------------------

def is_right(key, nn, setting):
    """Ask a question of (section, check); a piece that fails with an error is wrong."""
    try:
        with np.errstate(all="ignore"):
            return bool(QUESTIONS[key](nn, setting))
    except Exception:
        return False


def criterion(asked):
    def ask(nn, setting):
        mine, right, found = nn.SoftmaxCrossEntropy(), SoftmaxCrossEntropy(), []
        for m in (3, 6, 2):
            x, y = batch(m, m, CLASSES)
            got, want = mine.forward(2 * x, y), right.forward(2 * x, y)
            if asked == "derivative":
                got, want = mine.derivative(), right.derivative()
            found.append(same(got, want))
        return all(found)
    return ask


def log_sum_exp(nn, setting):
    """The size of one example's loss, where logits are large."""
    examples = [batch(m, 1, CLASSES) for m in range(3)]
    return all([same(np.abs(nn.SoftmaxCrossEntropy().forward(900 * x, y)), losses(900 * x, y))
                for x, y in examples])


def activation(name):
    def ask(nn, setting):
        mine, right, found = getattr(nn, name)(), ACTIVATIONS[name](), []
        for k in range(3):
            x = numbers(k, 4, 3 + k, 1.5)
            x[0, 0] = 0.0
            found += [same(mine.forward(x.copy()), right.forward(x)), same(mine.state, right.state),
                      same(mine.derivative(), right.derivative()), same(mine.state, right.state)]
        return all(found)
    return ask


def network(asked, *args, sizes=(5,), **options):
    """A question about what a network gives for batches of these sizes, one after the other."""
    def ask(nn, setting):
        pair = Pair(nn, setting, *args, **options)
        return all([getattr(pair, asked)(k, m) for k, m in enumerate(sizes, 1)])
    return ask


def all_of(*questions):
    return lambda nn, setting: all([ask(nn, setting) for ask in questions])


def zero_grads(nn, setting):
    pair = Pair(nn, setting, [])
    pair.backward(2, 5)
    pair.mlp.zero_grads()
    return not any(map(np.any, (*pair.mlp.dW, *pair.mlp.db))) and pair.has(pair.params)


def initializers(nn, setting):
    made, hiddens = [], [4, 3][:setting.get("layers")]
    activations = [ACTIVATIONS["Sigmoid"]() for _ in hiddens] + [ACTIVATIONS["Identity"]()]
    sizes, kept = [6, *hiddens, 2], (list(hiddens), list(activations))

    def weight_init_fn(*shape):
        made.append(numbers(len(made), *shape))
        return made[-1].copy()

    mlp = nn.MLP(6, 2, hiddens, activations, weight_init_fn, lambda d: np.full((1, d), 0.1 * d),
                 SoftmaxCrossEntropy(), 0.1)
    return (not mlp.momentum and not mlp.num_bn_layers and (hiddens, activations) == kept
            and [W.shape for W in made] == list(zip(sizes, sizes[1:]))
            and all_same(mlp.W, made) and all_same(mlp.b, [[0.1 * d] * d for d in sizes[1:]]))


def train_and_infer(nn, setting):
    pair, found = Pair(nn, setting, [5] * 3, num_bn_layers=2, lr=0.2), []
    for k in range(2):
        pair.mlp.train()
        pair.train_mode = True
        found.append(pair.step(50 + k, 9))
        pair.mlp.eval()
        pair.train_mode = False
        pair.write(pair.params)
        found += [pair.forward(60 + n, 4) for n in range(3)]
    return all(found)


def networks_side_by_side(nn, setting):
    pairs = [Pair(nn, setting, [], lr=0.05 + 0.1 * k, momentum=0.7 + 0.1 * k) for k in range(3)]
    return all([pair.step(80 + 5 * k + n, 4) for n in range(3) for k, pair in enumerate(pairs)])


def velocity_is_not_initialised(nn, setting):
    """bias_init_fn makes two biases, and with momentum the second step is not the plain one."""
    made = []
    activations = [ACTIVATIONS[name]() for name in ("Sigmoid", "Identity")]
    nn.MLP(6, 2, [3], activations, lambda *shape: np.ones(shape),
           lambda d: made.append(d) or np.ones((1, d)), SoftmaxCrossEntropy(), 0.1, 0.9)
    pair = Pair(nn, {**setting, "still": False}, [], lr=0.05, momentum=0.7)
    pair.step(1, 4)
    before = pair.params["W"][0]
    pair.step(2, 4)
    plain = same(pair.mlp.W[0], before - pair.lr * pair.grads["dW"][0])
    return len(made) <= 2 and not (plain and pair.momentum)


def normalisation(call, *names):
    """A question about a layer: what call returns of it, and its arrays of these names then."""
    def ask(nn, setting):
        found = []
        for alpha in ((), (0.6,)):
            pair = mine, right = nn.BatchNorm(4, *alpha), BatchNorm(4, *alpha)
            for layer in pair:
                layer.gamma, layer.beta = numbers(1, 1, 4) + 2, numbers(2, 1, 4)
                for k in range(2):
                    layer.forward(spread(k, setting))
            if call is infer:
                mine.running_mean, mine.running_var = right.running_mean, right.running_var
            found += [same(*[call(layer, setting) for layer in pair])]
            found += [same(getattr(mine, name), getattr(right, name)) for name in names]
        return all(found)
    return ask


def spread(k, setting):
    """A batch whose first column has so little spread that eps counts."""
    if "column" in setting:
        return np.tile(np.array(setting["column"])[:, None], 4)
    return numbers(30 + k, 6, 4, 2.0) * [3e-4, 1, 1, 1]


def infer(layer, setting):
    return [layer.forward(numbers(40, 3, 4), eval=True) for _ in range(2)]


class Scripted:
    """A network that does not learn: its outputs are its inputs and something that a step changes.

    The first two columns of x tell of an example its set and its place there.
    calls: for each forward, [x, its output, train_mode], and then what follows on it: the labels of
    a backward, "step".
    """

    def __init__(self):
        self.calls, self.steps, self.train_mode = [], 0, True
        self.output_size, self.criterion = CLASSES, SoftmaxCrossEntropy()

    def forward(self, x):
        output = x[:, 2:] + np.sin(self.steps * np.arange(1, CLASSES + 1))
        self.calls.append([x.copy(), output, self.train_mode])
        return output.copy()

    __call__ = forward

    def backward(self, labels):
        self.criterion.forward(self.calls[-1][1], labels)
        self.calls[-1].append(labels.copy())

    def step(self):
        self.steps += 1
        self.calls[-1].append("step")

    def zero_grads(self):
        pass

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def statistics(parts):
    """The curves of the mean loss and of the part that is wrong, of the passes in each part."""
    curves = np.full((2, len(parts)), np.nan)
    for curve, passes in zip(curves.T, parts):
        if passes and all(mode for *_, mode in passes):
            outputs, labels = [np.concatenate(tables) for tables in list(zip(*passes))[1:3]]
            curve[0] = np.mean(losses(outputs, labels))
            curve[1] = np.mean(outputs.argmax(1) != labels.argmax(1))
    return curves


@functools.lru_cache(maxsize=8)
def answers(nn, sizes, epochs=3, batch_size=8):
    """What get_training_stats gets right: {the check's name, or batch_size: bool}.

    A pass is (places in the set, outputs, labels, whether the mode is right).
    """
    dset, mlp = [batch(100 + k, n, CLASSES + 2) for k, n in enumerate(sizes)], Scripted()
    for k, (x, _) in enumerate(dset):
        x[:, 0], x[:, 1] = k, np.arange(len(x))
    sets = copy.deepcopy(dset)
    np.random.seed(3)
    result = [*nn.get_training_stats(mlp, dset, epochs, batch_size), None]
    right = all(all_same(*tables) for tables in zip(dset, sets))
    trained, evaluated = [], [[[] for _ in range(epochs)] for _ in sizes]
    for x, output, mode, *after in mlp.calls:
        k, places = int(x[0, 0]), x[:, 1].astype(int)
        labels = sets[k][1][places]
        if not after:
            epoch = -(-sum(len(some) for some, *_ in trained) // sizes[0]) - 1
            evaluated[k][min(epoch, epochs - 1)].append((places, output, labels, not mode))
        else:
            right = right and k == 0 and same(after[0], labels) and after[1:] == ["step"]
            if k == 0:
                trained.append((places, output, after[0], mode))
    size = max(len(trained) // epochs, 1)
    parts = [trained[k:k + size] for k in range(0, size * epochs, size)]
    orders = [tuple(place for places, *_ in part for place in places) for part in parts]
    tests, matrix = evaluated[2][-1], np.zeros((CLASSES, CLASSES))
    for _, output, labels, _ in tests:
        np.add.at(matrix, (output.argmax(1), labels.argmax(1)), 1)
    whole = tuple(range(sizes[0]))
    return {
        "result": all(isinstance(curve, np.ndarray) and curve.shape == (epochs,)
                      for curve in result[:4]),
        "batches": (right and all(tuple(sorted(order)) == whole for order in orders)
                    and len({whole, *orders}) == epochs + 1),
        "batch_size": all(len(some) == batch_size for some, *_ in trained[:sizes[0] // batch_size]),
        "training_statistics": same(result[:2], statistics(parts)),
        "validation_statistics": same(result[2:4], statistics(evaluated[1])),
        "confusion_matrix": (same(result[4], matrix) and matrix.sum() == sizes[2]
                             and all(mode for *_, mode in tests))}


def short_last_batch(nn, setting):
    """What is right where the batches are even is right where they are not, and in other epochs."""
    even = {**answers(nn, (24, 16, 16)), "batch_size": True}
    others = [((27, 13, 18),), ((24, 16, 16), 1, 4), ((24, 16, 16), 2, 2)]
    return all(answers(nn, *other)[name] for name in even if even[name] for other in others)


MIXED, RUNNING = ([6, 8, 5], ["ReLU", "Tanh", "Sigmoid", "Tanh"]), ("running_mean", "running_var")
QUESTIONS = {  # (section, check): question
    **{("2.2", name): criterion(name) for name in ("loss", "derivative")},
    ("2.2", "log_sum_exp"): log_sum_exp,
    **{("2.3", asked): network(asked, []) for asked in ("forward", "backward")},
    ("2.3", "zero_grads"): zero_grads,
    ("2.3", "five_steps"): network("step", [], sizes=(5, 5, 3, 4, 4)),
    **{("2.4", name): activation(name) for name in ("Sigmoid", "Tanh", "ReLU")},
    ("2.5", "initializers"): initializers,
    **{("2.5", f"{asked} {name}"): network(asked, hiddens) for asked in ("forward", "backward")
       for name, hiddens in {"[32]": [6], "[64, 32]": [6, 5], f"{[32] * 5}": [5] * 5}.items()},
    ("2.5", "mixed_activations"): all_of(network("forward", *MIXED), network("backward", *MIXED)),
    ("2.5", "batches_of_other_sizes"): network("backward", [6], sizes=(5, 3, 4)),
    ("2.6", "training"): normalisation(
        lambda layer, setting: layer.forward(spread(2, setting)), "mean", "var"),
    ("2.6", "running_statistics"): normalisation(lambda layer, setting: 0, *RUNNING),
    ("2.6", "inference"): normalisation(infer, *RUNNING),
    ("2.6", "backward"): normalisation(
        lambda layer, setting: layer.backward(numbers(41, 6, 4)), "dgamma", "dbeta"),
    **{("2.6", f"in a network, num_bn_layers={number}"): all_of(*[
        network(asked, [5] * 4, num_bn_layers=number) for asked in ("forward", "backward")])
       for number in (1, 2, 3)},
    ("2.6", "train_and_infer"): train_and_infer,
    ("2.6", "step"): all_of(*[network("step", [5] * 3, num_bn_layers=number, lr=0.2, sizes=(9,))
                              for number in (1, 2, 3)]),
    **{("2.7", f"five steps, {name}"): all_of(*2 * [  # again, beside what the first left
        network("step", hiddens, lr=0.05, momentum=0.7, sizes=(4,) * 5)])
       for name, hiddens in {"no hidden layer": [], "one hidden layer": [6],
                             "two hidden layers": [6, 5]}.items()},
    ("2.7", "networks_side_by_side"): networks_side_by_side,
    ("2.7", "with_batchnorm"): network(
        "step", [5, 5], num_bn_layers=2, lr=0.05, momentum=0.7, sizes=(5, 5, 5)),
    ("2.7", "velocity_is_not_initialised"): velocity_is_not_initialised,
    **{("2.8", name): lambda nn, setting, name=name: answers(nn, (24, 16, 16))[name] for name in (
        "result", "batches", "training_statistics", "validation_statistics", "confusion_matrix")},
    ("2.8", "short_last_batch"): short_last_batch,
}
