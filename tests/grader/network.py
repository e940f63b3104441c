"""What the scenarios have in common: batches, initializers, and a network, driven."""

import contextlib
import copy

import numpy as np

from tests.grader import mistakes
from tests.grader.reasons import require

INPUTS = 20
CLASSES = 10


def make_batch(m, seed):
    """m examples, (m, INPUTS), and their one-hot labels, (m, CLASSES)."""
    rng = np.random.RandomState(seed)
    x = rng.normal(0, 1, (m, INPUTS))
    labels = np.eye(CLASSES)[rng.randint(CLASSES, size=m)]
    return x, labels


def make_weight_init():
    """An initializer that draws the weights of a layer, each call others."""
    rng = np.random.RandomState(1)
    return lambda d_in, d_out: rng.normal(0, 2 / np.sqrt(d_in), (d_in, d_out))


def make_bias_init():
    """An initializer that draws the biases of a layer, (1, d), as a grader's does."""
    rng = np.random.RandomState(2)
    return lambda d: rng.normal(0, 0.5, (1, d))


def init_zero_bias(d):
    return np.zeros((1, d))


class Kit:
    """What a scenario builds networks from: the MLP of one module, and the parts of another's.

    load, load_parts: return a new import of a module hw1. whole: networks are left as they are
    built; else the same weights are written into W and b, and where the parts are another's, the
    entries of bn_layers are replaced.
    """

    def __init__(self, load, load_parts=None, whole=False):
        self.load = load
        self.load_parts = load_parts
        self.whole = whole
        self.module = load()
        self.parts = self.module if load_parts is None else load_parts()

    def renew(self):
        """Return a Kit of the same modules, imported again."""
        return Kit(self.load, self.load_parts, self.whole)

    def __getattr__(self, name):
        module = self.module if name in ("MLP", "get_training_stats") else self.parts
        require(hasattr(module, name), f"hw1.py has no {name}")
        return getattr(module, name)

    def network(self, *args, **kwargs):
        return Network(self, *args, **kwargs)

    def textbook(self):
        """Return a Kit of the textbook's MLP with the same parts."""
        return Kit(mistakes.load_textbook, self.load_parts or self.load)


class Network:
    """An MLP of a Kit; its activations by name, else sigmoids and an identity."""

    def __init__(self, nn, hiddens, activations=None, lr=0.01, momentum=0.0, num_bn_layers=0,
                 bias_init=None):
        self.nn = nn
        self.arguments = {"hiddens": hiddens, "activations": activations, "lr": lr,
                          "momentum": momentum, "num_bn_layers": num_bn_layers,
                          "bias_init": bias_init}
        self.sizes = [INPUTS, *hiddens, CLASSES]
        self.lr = lr
        self.momentum = momentum
        self.num_bn_layers = num_bn_layers
        self.names = activations or ["Sigmoid"] * len(hiddens) + ["Identity"]
        self.activations = [getattr(nn, name)() for name in self.names]
        self.criterion = nn.SoftmaxCrossEntropy()
        self.output = None
        self.mlp = nn.MLP(INPUTS, CLASSES, list(hiddens), list(self.activations),
                          make_weight_init(), bias_init or make_bias_init(), self.criterion, lr,
                          momentum, num_bn_layers)
        if hiddens:
            require(len(get_list(self.mlp, "W")) != 1,
                    "the network has no hidden layer; it must have one for each of hiddens")
        if not nn.whole:
            self._write_initial_parameters()
        if num_bn_layers and nn.parts is not nn.module:
            self._replace_batchnorm()

    def renew(self, **changes):
        """Return a new network of a new import, built alike but for the changes."""
        return self.nn.renew().network(**{**self.arguments, **changes})

    def _write_initial_parameters(self):
        """Write what the initializers returned, unless the network has other layers."""
        weight_init = make_weight_init()
        bias_init = self.arguments["bias_init"] or make_bias_init()
        pairs = list(zip(self.sizes, self.sizes[1:]))
        weights = [weight_init(*pair) for pair in pairs]
        biases = [bias_init(d) for d in self.sizes[1:]]
        for name, values in (("W", weights), ("b", biases)):
            held = getattr(self.mlp, name, None)
            if held is None:
                setattr(self.mlp, name, values)
            elif [np.size(entry) for entry in held] == [value.size for value in values]:
                for i, value in enumerate(values):
                    held[i] = value

    def _replace_batchnorm(self):
        """Replace the BatchNorm of each layer, one object by one object."""
        layers = get_list(self.mlp, "bn_layers")
        replaced = {}
        for i, layer in enumerate(layers):
            if layer is None:
                continue
            if id(layer) not in replaced:
                d = np.size(layer.gamma) if hasattr(layer, "gamma") else self.sizes[i + 1]
                replaced[id(layer)] = self.nn.BatchNorm(d)
            layers[i] = replaced[id(layer)]

    # ---- What it does ----

    def forward(self, x):
        self.output = self.mlp.forward(x)
        return self.output

    def run(self, x, labels):
        """Take a batch forward and backward, after zero_grads."""
        self.zero_grads()
        self.forward(x)
        self.mlp.backward(labels)

    def zero_grads(self):
        """Call zero_grads. A check of section 2.3 asks what it does: here it breaks nothing."""
        lists = {name: getattr(self.mlp, name, None) for name in ("dW", "db")}
        with contextlib.suppress(Exception):
            self.mlp.zero_grads()
        for name, old in lists.items():
            if not self.nn.whole and old is not None and not has_entries(
                    getattr(self.mlp, name, None), len(old)):
                setattr(self.mlp, name, old)

    def step(self):
        before = self.parameters()
        self.mlp.step()
        moved = [name for name, value in self.parameters().items()
                 if not np.array_equal(before.get(name), value)]
        require(moved, "step leaves W and b unchanged")

    def can_train(self):
        """Whether a batch goes forward and backward, and leaves gradients of the right shapes."""
        try:
            trial = self.renew()
            trial.run(*make_batch(8, seed=0))
            gradients = trial.gradients()
            parameters = trial.parameters()
            if self.num_bn_layers:
                gradients.update(trial.batchnorm("dgamma", "dbeta"))
                parameters.update(trial.batchnorm("gamma", "beta"))
            return all(fits(gradients[name_gradient(name)], value)
                       for name, value in parameters.items())
        except Exception:
            return False

    def take_gradients(self, seed, trains, m=8):
        """Run the batch of a seed, or if the network cannot train, write random gradients."""
        if trains:
            before = self.parameters()
            self.run(*make_batch(m, seed))
            for name, value in self.parameters().items():
                require(np.array_equal(before[name], value),
                        f"{name} changes in forward or backward: only step moves it")
        else:
            self.write_random_gradients(seed)

    def step_without_momentum(self, net):
        """Return how a step of this network, at momentum 0, moves what the other's would."""
        before = net.parameters()
        gradients = net.raw_gradients()
        if self.num_bn_layers:
            before.update(net.batchnorm("gamma", "beta"))
            gradients.update(net.batchnorm("dgamma", "dbeta"))
        self.write(before)
        self.write(gradients)
        self.mlp.step()
        moved = self.parameters()
        if self.num_bn_layers:
            moved.update(self.batchnorm("gamma", "beta"))
        return {name: moved[name] - before[name] for name in before}

    # ---- What it holds ----

    def parameters(self, after=""):
        """W and b of each layer, copied."""
        return {**copy_entries(self.mlp, "W", after), **copy_entries(self.mlp, "b", after)}

    def gradients(self, after=""):
        """dW and db, from the last layer to the first, as backward goes."""
        found = self.raw_gradients(after)
        require(any(value is not None and np.any(value) for value in found.values()),
                "MLP.backward leaves dW and db at 0")
        return dict(reversed(list(found.items())))

    def raw_gradients(self, after=""):
        return {**copy_entries(self.mlp, "db", after), **copy_entries(self.mlp, "dW", after)}

    def batchnorm(self, *names, after=""):
        """Copies of attributes of each layer's BatchNorm: "bn_layers[0].gamma"."""
        found = {}
        for i, layer in enumerate(self.batchnorm_layers()):
            for name in names:
                found[f"bn_layers[{i}].{name}{after}"] = copy.copy(get_attribute(layer, name))
        return found

    def batchnorm_layers(self):
        """The BatchNorm of each layer that has one; bn_layers may hold more."""
        layers = get_list(self.mlp, "bn_layers")[:self.num_bn_layers]
        require(len(layers) == self.num_bn_layers,
                f"bn_layers holds {len(layers)} BatchNorms where num_bn_layers is "
                f"{self.num_bn_layers}")
        return layers

    def write(self, values):
        """Write values by the names under which parameters, gradients and batchnorm give them."""
        for name, value in values.items():
            if name.startswith("bn_layers"):
                owner, attribute = name.split(".")
                setattr(get_list(self.mlp, "bn_layers")[find_index(owner)], attribute, value)
            else:
                get_list(self.mlp, name.split("[")[0])[find_index(name)] = value

    def write_random_gradients(self, seed):
        """Write gradients into dW, db, dgamma and dbeta, as if a batch had gone backward."""
        rng = np.random.RandomState(seed)
        for name, parameters in (("dW", "W"), ("db", "b")):
            held = getattr(self.mlp, name, None)
            entries = get_list(self.mlp, parameters)
            if held is None or len(held) != len(entries):
                held = [None] * len(entries)
                setattr(self.mlp, name, held)
            for i, entry in enumerate(entries):
                shape = np.shape(entry) if name == "dW" else (np.size(entry),)
                held[i] = rng.normal(0, 1, shape)
        if self.num_bn_layers:
            for layer in self.batchnorm_layers():
                d = np.size(get_attribute(layer, "gamma"))
                layer.dgamma = rng.normal(0, 1, d)
                layer.dbeta = rng.normal(0, 1, d)


def name_gradient(name):
    """Return "dW[0]" for "W[0]", "bn_layers[0].dgamma" for "bn_layers[0].gamma"."""
    owner, dot, attribute = name.rpartition(".")
    return f"{owner}{dot}d{attribute}"


def fits(gradient, parameter):
    """Whether a gradient has its parameter's shape, or (d,) for (1, d)."""
    shape = np.shape(gradient)
    return shape == np.shape(parameter) or (
        np.size(gradient) == np.size(parameter) and np.shape(parameter)[:-1] in ((), (1,))
        and shape[:-1] in ((), (1,)))


def has_entries(value, n):
    return hasattr(value, "__len__") and len(value) == n


def find_index(name):
    """Return 2 for "dW[2]"."""
    return int(name[name.index("[") + 1:name.index("]")])


def get_attribute(owner, name):
    require(hasattr(owner, name), f"{type(owner).__name__} has no attribute {name}")
    return getattr(owner, name)


def get_list(owner, name):
    """Return the list of an attribute; it may be an array that holds one array for each layer."""
    value = get_attribute(owner, name)
    place = f"{type(owner).__name__}.{name}"
    require(value is not None, f"{place} is None: it must be a list with one entry for each layer")
    is_table = isinstance(value, np.ndarray) and (value.dtype == object or value.ndim == 3)
    require(isinstance(value, (list, tuple)) or is_table,
            f"{place} is of type {type(value).__name__}: it must be a list with one entry for each "
            "layer")
    return value


def copy_entries(owner, name, after=""):
    """Return {"dW[0]" + after: a copy} of the entries of a list."""
    return {f"{name}[{i}]{after}": copy.copy(entry)
            for i, entry in enumerate(get_list(owner, name))}
