"""What the scenarios have in common: batches, initializers, and a handin's network, driven."""

import contextlib
import copy
import functools

import numpy as np

from tests.grader.faults import Reference
from tests.grader.judge import View, after, require

INPUTS, CLASSES = 20, 10


def remembered(function):
    """The function, but that what it returned is copied where it is called again."""
    known = functools.lru_cache(maxsize=None)(function)
    return lambda *args, **kwargs: copy.deepcopy(known(*args, **kwargs))


@remembered
def weights(d_in, d_out):
    """Weights that depend on the shape alone, so that the order of the calls cannot matter."""
    rng = np.random.RandomState(1000 * d_in + d_out)
    return rng.normal(0, 2 / np.sqrt(d_in), (d_in, d_out))


@remembered
def biases(d):
    """Biases as the grader makes them: (1, d)."""
    return np.random.RandomState(d).normal(0, 0.5, (1, d))


@remembered
def batch(m, seed):
    """m examples, (m, INPUTS), and their one-hot labels, (m, CLASSES)."""
    rng = np.random.RandomState(seed)
    return rng.normal(0, 1, (m, INPUTS)), np.eye(CLASSES)[rng.randint(CLASSES, size=m)]


class Network:
    """An MLP, driven as the repairs of nn say; activations by name, else sigmoids and identity."""

    def __init__(self, nn, hiddens, activations=None, lr=0.01, momentum=0.0, num_bn_layers=0,
                 bias_init_fn=biases):
        self.nn, self.hiddens, self.lr, self.momentum = nn, hiddens, lr, momentum
        self.names = activations or ["Sigmoid"] * len(hiddens) + ["Identity"]
        self.num_bn_layers, self.bias_init_fn = num_bn_layers, bias_init_fn
        self.mlp = self.made(nn)
        require(not hiddens or len(members(self.mlp, "W")) != 1,
                "the network has no hidden layer; it must have one for each of hiddens")

    def made(self, nn):
        mlp = nn.MLP(INPUTS, CLASSES, list(self.hiddens),
                     [getattr(nn, name)() for name in self.names], weights, self.bias_init_fn,
                     nn.SoftmaxCrossEntropy(), self.lr, self.momentum, self.num_bn_layers)
        if "weights" in nn.repairs:
            sizes = [INPUTS, *self.hiddens, CLASSES]
            mlp.W = list(map(weights, sizes, sizes[1:]))
            mlp.b = list(map(self.bias_init_fn, sizes[1:]))
        return mlp

    def copied(self, nn):
        """A new network with the parameters, statistics and mode of this one."""
        mlp = self.made(nn)
        mlp.W, mlp.b = list(members(self.mlp, "W")), list(members(self.mlp, "b"))
        mlp.train_mode = self.mlp.train_mode
        if self.num_bn_layers:
            for new, old in zip(members(mlp, "bn_layers"), members(self.mlp, "bn_layers")):
                for name in ("gamma", "beta", "mean", "var", "running_mean", "running_var"):
                    setattr(new, name, getattr(old, name))
        return mlp

    def forward(self, x):
        if "fresh" in self.nn.repairs and hasattr(self, "output"):
            self.mlp = self.copied(self.nn)
        self.output = self.mlp.forward(x)
        return self.output

    def passed(self, x, labels):
        """The gradients after a batch has gone forward and backward."""
        if "gradients" in self.nn.repairs:
            self.write_gradients(x, labels)
            return self.gradients()
        if "zero_grads" not in self.nn.repairs:
            with contextlib.suppress(Exception):  # which section 2.3 asks
                self.mlp.zero_grads()
        self.forward(x)
        with after("MLP.forward", self.output):
            self.mlp.backward(labels)
        require(any(map(np.any, self.gradients().values())), "MLP.backward leaves dW and db at 0")
        return self.gradients()

    def write_gradients(self, x, labels):
        """Put the reference's gradients and running statistics where the handin's step looks."""
        right = self.copied(View(Reference()))
        right.nlayers = len(right.W)  # hidden layers may be missing
        right.forward(x)
        right.backward(labels)
        for name in ("dW", "db"):
            gradients, held = getattr(right, name), getattr(self.mlp, name, None)
            if held is None or len(held) != len(gradients):
                held = [None] * len(gradients)
                setattr(self.mlp, name, held)
            for i, gradient in enumerate(gradients):
                held[i] = gradient
        if self.num_bn_layers:
            for new, old in zip(members(self.mlp, "bn_layers"), right.bn_layers):
                for name in ("dgamma", "dbeta", "running_mean", "running_var"):
                    setattr(new, name, getattr(old, name))

    def step(self):
        before = self.parameters()
        self.mlp.step()
        require(any(not np.array_equal(before.get(name), value)
                    for name, value in self.parameters().items()),
                "step leaves W and b as they were")

    def train_on(self, *seeds, m=8):
        """A step on the batch of each seed; return the parameters after each."""
        seen = {}
        for seed in seeds:
            self.passed(*batch(m, seed))
            self.step()
            seen.update(self.parameters(f" after batch {seed}"))
        return seen

    def parameters(self, after=""):
        return entries(self.mlp, "W", "b", after=after)

    def gradients(self):
        """dW and db, from the last layer to the first, as backward goes: the cause comes first."""
        return dict(reversed(list(entries(self.mlp, "db", "dW").items())))

    def batchnorm(self, *names, after=""):
        """The values of attributes of each layer's BatchNorm, of which there may be more."""
        seen = {}
        for i, layer in enumerate(members(self.mlp, "bn_layers")[:self.num_bn_layers]):
            seen.update(entries(layer, *names, before=f"bn_layers[{i}].", after=after))
        return seen


def attribute(owner, name):
    require(hasattr(owner, name), f"{type(owner).__name__} has no attribute {name}")
    return getattr(owner, name)


def members(owner, name):
    """The list of an attribute, also where it is an array that holds one array a layer."""
    value, told = attribute(owner, name), f"{type(owner).__name__}.{name} is"
    require(value is not None, f"{told} None: it is never set")
    if isinstance(value, np.ndarray) and (value.dtype == object or value.ndim == 3):
        value = list(value)
    require(isinstance(value, (list, tuple)), f"{told} of type {type(value).__name__}: it must be "
                                              "a list with one for each layer")
    return value


def entries(owner, *names, before="", after=""):
    """{before + name + after: value} of attributes, copied, lists one by one: "dW[0]", "mean"."""
    seen = {}
    for name in names:
        found = {name: attribute(owner, name)}
        if name in ("W", "b", "dW", "db"):
            found = {f"{name}[{i}]": entry for i, entry in enumerate(members(owner, name))}
        seen.update((before + name + after, copy.copy(entry)) for name, entry in found.items())
    return seen
