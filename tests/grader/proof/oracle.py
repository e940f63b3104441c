"""The homework once more, in plain loops: it is asked whether a piece of a handin is wrong.

It knows nothing of the grader. For each check of the grader QUESTIONS holds a function
question(nn, setting), which is True if that piece of the module nn is right: a scenario gives the
same with nn as with this module. A setting, a dict, may alter the scenario so that another piece's
fault has no effect:

    hiddens, lr, momentum, num_bn_layers    those of all networks
    names        their activations; a network of fewer layers has the last of them
    sizes        the number of examples in each batch, one after the other
    fresh        True for a new network for whatever is asked
    bias         a factor of all biases; 0 for networks without
    transposed   True to transpose dW after each backward where its shape is not that of W
    column       a batch of six: each column of what is handed to BatchNorm
"""

import functools
import itertools
import math
import sys
from unittest import mock

import numpy as np

HERE = sys.modules[__name__]
INPUTS, CLASSES = 7, 10


# ---- The homework, entry by entry ----------------------------------------------------------------

def each(f, *tables):
    """f of the entries of tables; a row or a column stands for as many as the others have."""
    return np.vectorize(f, otypes=[float])(*tables)


def product(a, b):
    return np.array([[math.fsum(x * y for x, y in zip(line, column)) for column in b.T.tolist()]
                     for line in a.tolist()])


def sums(table):
    return np.array([[math.fsum(column) for column in table.T]])


def activation_class(f, slope):
    class Activation:
        def forward(self, x):
            self.x, self.state = x.copy(), each(f, x)
            return self.state

        __call__ = forward

        def derivative(self):
            return each(slope, self.x)

    return Activation


Identity = activation_class(lambda x: x, lambda x: 1)
Sigmoid = activation_class(lambda x: 1 / (1 + math.exp(-x)),
                           lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2)
Tanh = activation_class(math.tanh, lambda x: 1 / math.cosh(x) ** 2)
ReLU = activation_class(lambda x: max(x, 0), lambda x: x > 0)


class SoftmaxCrossEntropy:
    def forward(self, x, y):
        lse = [[max(line) + math.log(math.fsum(math.exp(z - max(line)) for z in line))]
               for line in x]
        self.labels, self.log_softmax = y, each(lambda z, a: z - a, x, lse)
        self.loss = -sums(each(lambda z, t: z * t, self.log_softmax, y).T)[0]
        return self.loss

    __call__ = forward

    def derivative(self):
        return each(lambda z, t: math.exp(z) - t, self.log_softmax, self.labels)


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.mean, self.beta, self.dgamma, self.dbeta, self.running_mean = np.zeros((5, 1, fan_in))
        self.var, self.gamma, self.running_var = np.ones((3, 1, fan_in))

    def forward(self, x, eval=False):
        mean, var = self.running_mean, self.running_var
        if not eval:
            mean = self.mean = sums(x) / len(x)
            var = self.var = sums(each(lambda v, a: (v - a) ** 2, x, mean)) / len(x)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = each(lambda v, a, s: (v - a) / math.sqrt(s + 1e-8), x, mean, var)
        return each(lambda n, g, b: g * n + b, self.norm, self.gamma, self.beta)

    __call__ = forward

    def backward(self, delta):
        """By the chain rule: d norm_k / d x_i = ((k = i) - 1/m - norm_k norm_i / m) / deviation."""
        m, self.dbeta = len(delta), sums(delta)
        self.dgamma = sums(each(lambda d, n: d * n, delta, self.norm))
        return each(lambda d, n, db, dg, g, s: g * (d - db / m - n * dg / m) / math.sqrt(s + 1e-8),
                    delta, self.norm, self.dbeta, self.dgamma, self.gamma, self.var)


class MLP:
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn,
                 criterion, lr, momentum=0.0, num_bn_layers=0):
        sizes = [input_size, *hiddens, output_size]
        self.W = [weight_init_fn(*shape) for shape in zip(sizes, sizes[1:])]
        self.b = [bias_init_fn(d) for d in sizes[1:]]
        self.vW, self.vb = [0] * len(self.W), [0] * len(self.b)
        self.bn_layers = [BatchNorm(d) for d in sizes[1:num_bn_layers + 1]]
        self.activations, self.criterion, self.train_mode = activations, criterion, True
        self.lr, self.momentum, self.num_bn_layers = lr, momentum, num_bn_layers

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW, self.db = [0 * W for W in self.W], [0 * b for b in self.b]

    def forward(self, x):
        self.outputs = [x]
        for i, activation in enumerate(self.activations):
            x = each(lambda v, b: v + b, product(x, self.W[i]), self.b[i])
            if i < self.num_bn_layers:
                x = self.bn_layers[i].forward(x, eval=not self.train_mode)
            x = activation.forward(x)
            self.outputs.append(x)
        return x

    def backward(self, labels):
        self.criterion.forward(self.outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in reversed(range(len(self.W))):
            delta = each(lambda d, slope: d * slope, delta, self.activations[i].derivative())
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = product(self.outputs[i].T, delta) / len(labels)
            self.db[i] = sums(delta) / len(labels)
            delta = product(delta, self.W[i].T)

    def step(self):
        for params, grads, velocity in (self.W, self.dW, self.vW), (self.b, self.db, self.vb):
            for i, gradient in enumerate(grads):
                velocity[i] = self.momentum * velocity[i] - self.lr * gradient
                params[i] = params[i] + velocity[i]
        for layer in self.bn_layers:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta


# ---- Scenarios -----------------------------------------------------------------------------------

def numbers(seed, m, d, scale=0.7):
    return np.random.RandomState(seed).normal(0, scale, (m, d))


def batch(seed, m, inputs=INPUTS):
    labels = np.random.RandomState(seed + 1).randint(CLASSES, size=m)
    return numbers(seed, m, inputs, 1.0), np.eye(CLASSES)[labels]


def part(nn, name, batches, gives, **setting):
    """What a criterion or an activation gives for one batch after the other."""
    layer = getattr(nn, name)()
    for arguments in batches:
        yield from gives(layer, layer.forward(*map(np.copy, arguments)))


def normalisation(nn, asked, column=None, **setting):
    for alpha in ((), (0.6,)):
        layer = nn.BatchNorm(4, *alpha)
        layer.gamma, layer.beta = numbers(1, 1, 4) + 2, numbers(2, 1, 4)
        for seed in (30, 31, 32):
            x = numbers(seed, 6, 4, 2.0) * [3e-4, 1, 1, 1]  # so little spread that eps counts
            x = np.tile(column, (4, 1)).T if column else x
            output = layer.forward(x)
        if asked == "training":
            yield from (output, layer.mean, layer.var)
        elif asked == "backward":
            yield from (layer.backward(numbers(41, 6, 4)), layer.dgamma, layer.dbeta)
        elif asked == "inference":
            layer.running_mean, layer.running_var = numbers(3, 1, 4), x.var(axis=0, keepdims=True)
            yield from [layer.forward(numbers(40, 3, 4), eval=True) for _ in range(2)]
        if asked in ("inference", "running_statistics"):
            yield from (layer.running_mean, layer.running_var)


def network(nn, hiddens=(), names=5 * ["Sigmoid"] + ["Identity"], lr=0.13, momentum=0.0,
            num_bn_layers=0, bias_init_fn=np.zeros, **setting):
    """A network of nn, on the right parts of this file, with parameters that are written in."""
    activations = [getattr(HERE, name)() for name in names[-len(hiddens) - 1:]]
    with mock.patch.object(nn, "BatchNorm", BatchNorm):
        mlp = nn.MLP(INPUTS, CLASSES, list(hiddens), activations, lambda *shape: np.ones(shape),
                     bias_init_fn, SoftmaxCrossEntropy(), lr, momentum,
                     min(num_bn_layers, len(hiddens)))
    sizes = [INPUTS, *hiddens, CLASSES]
    mlp.W = [numbers(i, *shape) for i, shape in enumerate(zip(sizes, sizes[1:]))]
    mlp.b = [numbers(50 + i, 1, d) for i, d in enumerate(sizes[1:])]
    return mlp


def arrays(mlp, prefix=""):
    """Copies of the parameters, or with the prefix d of their gradients."""
    found = [*getattr(mlp, f"{prefix}W"), *getattr(mlp, f"{prefix}b")]
    for layer in mlp.bn_layers or []:
        found += [getattr(layer, f"{prefix}gamma"), getattr(layer, f"{prefix}beta")]
    return [np.array(array) for array in found]


def passed(mlp, asked, x, labels, bias=1, transposed=False, **setting):
    """What comes of a batch that goes through a network as far as is asked."""
    mlp.b = [bias * b for b in mlp.b]
    mlp.zero_grads()
    if asked == "infer":
        mlp.eval()
    output = np.array(mlp.forward(x))
    if asked == "infer":
        mlp.train()
    if asked in ("forward", "infer"):
        return [output]
    mlp.backward(labels)
    if transposed:
        mlp.dW = [dW if dW.shape == W.shape else dW.T for dW, W in zip(mlp.dW, mlp.W)]
    if asked == "backward":
        return arrays(mlp, "d")
    getattr(mlp, asked)()  # step or zero_grads
    return arrays(mlp, "d") + arrays(mlp)


def driven(nn, asked="step", sizes=(5,), beside=({},), fresh=False, **setting):
    """What networks side by side give, batch after batch; beside: the options of each."""
    options = [{**own, **setting} for own in beside]
    networks = [network(nn, **some) for some in options]
    for (seed, m), (k, some) in itertools.product(enumerate(sizes), enumerate(options)):
        for what in asked.split():
            mlp = network(nn, **some) if fresh else networks[k]
            yield from passed(mlp, what, *batch(10 * k + seed, m), **some)


def initializers(nn, hiddens=(4, 3), **setting):
    hiddens, activations = list(hiddens), [Sigmoid() for _ in hiddens] + [Identity()]
    kept, weight_init_fn = activations.copy(), mock.Mock(side_effect=functools.partial(numbers, 0))
    mlp = nn.MLP(6, 2, hiddens, activations, weight_init_fn, lambda d: np.full((1, d), 0.1 * d),
                 SoftmaxCrossEntropy(), 0.1)
    return [*mlp.W, *mlp.b, [call[0] for call in weight_init_fn.call_args_list], hiddens,
            activations == kept, mlp.momentum, mlp.num_bn_layers]


def velocity_is_not_initialised(nn, **setting):
    """Whether bias_init_fn makes more than b, and whether a step without gradients moves on."""
    bias_init_fn = mock.Mock(side_effect=np.zeros)
    mlp = network(nn, momentum=0.7, bias_init_fn=bias_init_fn)
    passed(mlp, "step", *batch(1, 4), **setting)
    before = arrays(mlp)
    mlp.zero_grads()
    mlp.step()
    return [bias_init_fn.call_count > 1, same(before, arrays(mlp))]


# ---- Training statistics: a table has a row for each example, the number of its set, x, labels ---

def outputs(table, stage):
    """What Scripted makes of examples in a stage: 2 for each epoch that is done, and 1 to train."""
    return table[:, 1:CLASSES + 1] + np.sin(stage * np.arange(1, CLASSES + 1))


class Scripted(MLP):
    """A network that has learned an epoch when n examples of set 0 have gone backward."""

    def __init__(self, n):
        self.n, self.taught = n, []  # for each batch that goes backward [table, "step" if it steps]
        self.W, self.b, self.train_mode = [], [], True
        self.output_size, self.criterion = CLASSES, SoftmaxCrossEntropy()

    def forward(self, x):
        trained = sum(len(table) for table, *_ in self.taught if table[0, 0] == 0)
        self.x, self.output = x.copy(), outputs(x, 2 * (trained // self.n) + self.train_mode)
        return self.output.copy()

    def backward(self, labels):
        self.criterion.forward(self.output, labels)
        self.taught.append([np.hstack([self.x, labels])])

    def step(self):
        self.taught[-1].append("step")


def means(table, stage):
    """The mean loss, and the part that is wrong."""
    z, labels = outputs(table, stage), table[:, -CLASSES:]
    return (np.mean(SoftmaxCrossEntropy().forward(z, labels)),
            np.mean(z.argmax(axis=1) != labels.argmax(axis=1)))


@functools.lru_cache(maxsize=8)
def answers(nn, epochs=3, batch_size=10, sizes=(30, 20, 40)):
    """What get_training_stats gets right: {the check's name: bool}."""
    dset = [(np.insert(x, 0, k, axis=1), labels) for k, (x, labels) in enumerate(
        batch(size, size, CLASSES) for size in sizes)]
    train, val, test = tables = [np.hstack(pair) for pair in dset]
    mlp, n = Scripted(len(train)), len(train)
    np.random.seed(3)
    *curves, matrix = [*nn.get_training_stats(mlp, dset, epochs, batch_size), None][:5]
    taught = np.concatenate([table for table, *_ in mlp.taught])
    trained = np.array_split(taught[taught[:, 0] == 0], epochs)
    orders = [table.tolist() for table in (train, *trained)]
    steps = [(min(batch_size, n - k), ["step"]) for k in range(0, n, batch_size)]
    predicted = np.eye(CLASSES)[outputs(test, 2 * epochs).argmax(axis=1)]
    return {
        "result": all(isinstance(curve, np.ndarray) and curve.shape == (epochs,)
                      for curve in curves),
        "batches": (
            same([np.hstack(pair) for pair in dset], tables)
            and [(len(table), after) for table, *after in mlp.taught] == epochs * steps
            and all(sorted(order) == sorted(orders[0]) for order in orders)
            and all(a != b for a, b in itertools.combinations(orders, 2))),
        "training_statistics": same(
            np.transpose(curves[:2]), [means(rows, 2 * k + 1) for k, rows in enumerate(trained)]),
        "validation_statistics": same(
            np.transpose(curves[2:]), [means(val, 2 * k + 2) for k in range(epochs)]),
        "confusion_matrix": same([matrix], [product(predicted.T, test[:, -CLASSES:])])}


def short_last_batch(nn, setting):
    """What is right where the batches are even is right where they are not, and in other epochs."""
    others = [answers(nn, 1, 5), answers(nn, 2, 2), answers(nn, sizes=(33, 17, 24))]
    return all(other[name] for name, right in answers(nn).items() if right for other in others)


# ---- Questions -----------------------------------------------------------------------------------

def same(got, want):
    """Whether two lists hold the same numbers, array by array; of shapes, a row may be a list."""
    return len(got) == len(want) and all(
        np.size(a) == np.size(b) and np.allclose(np.ravel(a), np.ravel(b), rtol=1e-6, atol=1e-11)
        for a, b in zip(got, want))


def alike(scenario=driven, **options):
    """The question whether a scenario gives the same with nn as here."""
    def question(nn, setting):
        return same(*[list(scenario(module, **{**options, **setting})) for module in (nn, HERE)])
    return question


def is_right(key, nn, setting):
    """Ask a question of (section, check); a piece that fails with an error is wrong."""
    try:
        with np.errstate(all="ignore"):
            return bool(QUESTIONS[key](nn, setting))
    except Exception:
        return False


LOGITS = [batch(m, m, CLASSES) for m in (3, 6, 2)]
LARGE = [(900 * logits[:1], labels[:1]) for logits, labels in LOGITS]
POINTS = [[np.vstack([np.zeros(d), numbers(d, 4, d, 1.5)])] for d in (3, 4, 5)]
MOMENTA = [{"lr": 0.05 + 0.1 * k, "momentum": 0.7 + 0.1 * k} for k in range(3)]
FIVE = {"beside": [MOMENTA[0], MOMENTA[0]], "sizes": (4,) * 5}
QUESTIONS = {  # (section, check): question
    **{("2.2", asked): alike(part, name="SoftmaxCrossEntropy", batches=batches, gives=gives)
       for asked, batches, gives in (
           ("loss", LOGITS, lambda layer, loss: [loss]),
           ("derivative", LOGITS, lambda layer, loss: [layer.derivative()]),
           ("log_sum_exp", LARGE, lambda layer, loss: [abs(loss)]))},  # its sign is asked above
    **{("2.3", asked): alike(asked=asked) for asked in ("forward", "backward", "zero_grads")},
    ("2.3", "five_steps"): alike(sizes=(5, 5, 3, 4, 4)),
    **{("2.4", name): alike(part, name=name, batches=POINTS, gives=lambda layer, output: (
        output, layer.state, layer.derivative(), layer.state)) for name in (
            "Sigmoid", "Tanh", "ReLU")},
    ("2.5", "initializers"): alike(initializers),
    **{("2.5", f"{asked} {layers}"): alike(asked=asked, hiddens=[size // 4 for size in layers])
       for asked in ("forward", "backward") for layers in ([32], [64, 32], [32] * 5)},
    ("2.5", "mixed_activations"): alike(asked="forward backward", hiddens=[6, 8, 5],
                                        names=["ReLU", "Tanh", "Sigmoid", "Tanh"]),
    ("2.5", "batches_of_other_sizes"): alike(asked="backward", hiddens=[6], sizes=(5, 3, 4)),
    **{("2.6", asked): alike(normalisation, asked=asked)
       for asked in ("training", "running_statistics", "inference", "backward")},
    **{("2.6", f"in a network, num_bn_layers={number}"): alike(
        asked="forward backward", hiddens=[5] * 4, num_bn_layers=number) for number in (1, 2, 3)},
    ("2.6", "train_and_infer"): alike(asked="step infer infer infer", hiddens=[5] * 3,
                                      num_bn_layers=2, sizes=(9, 8)),
    ("2.6", "step"): alike(hiddens=[5] * 3, beside=[{"num_bn_layers": k} for k in (1, 2, 3)]),
    ("2.7", "five steps, no hidden layer"): alike(**FIVE),
    ("2.7", "five steps, one hidden layer"): alike(hiddens=[6], **FIVE),
    ("2.7", "five steps, two hidden layers"): alike(hiddens=[6, 5], **FIVE),
    ("2.7", "networks_side_by_side"): alike(beside=MOMENTA, sizes=(4, 4, 4)),
    ("2.7", "with_batchnorm"): alike(hiddens=[5, 5], num_bn_layers=2, sizes=(5,) * 3, **MOMENTA[0]),
    ("2.7", "velocity_is_not_initialised"): alike(velocity_is_not_initialised),
    **{("2.8", name): lambda nn, setting, name=name: answers(nn)[name] for name in (
        "result", "batches", "training_statistics", "validation_statistics", "confusion_matrix")},
    ("2.8", "short_last_batch"): short_last_batch,
}
