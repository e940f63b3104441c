"""Batches, initializers and networks for the scenarios of sections/."""

import contextlib
import copy
import functools
import math

import numpy as np

from tests.grader import mistakes
from tests.grader.reasons import CannotAsk, Lost, require

INPUTS = 20
CLASSES = 10
COUNT = 1 << 14  # different random numbers of an initializer: three times what a network needs


@functools.lru_cache(maxsize=None)
def _draw_normal(seed, size):
    return np.random.RandomState(seed).normal(size=size)


def draw_normal(seed, shape, scale=1.0):
    """Return what RandomState(seed).normal(0, scale, shape) returns, drawn once for all calls.

    A RandomState takes 0.1 ms to make, longer than most steps of a network.
    """
    return scale * _draw_normal(seed, math.prod(shape)).reshape(shape)


@functools.lru_cache(maxsize=None)
def _draw_batch(m, seed):
    rng = np.random.RandomState(seed)
    x = rng.normal(0, 1, (m, INPUTS))
    labels = np.eye(CLASSES)[rng.randint(CLASSES, size=m)]
    return x, labels


def make_batch(m, seed):
    """Return m random examples, (m, INPUTS), and one-hot labels, (m, CLASSES)."""
    x, labels = _draw_batch(m, seed)
    return x.copy(), labels.copy()


def make_weight_init():
    """Return an initializer of weights, (d_in, d_out); each call draws new random numbers."""
    draw = _make_draw(seed=1)
    return lambda d_in, d_out: draw((d_in, d_out), 2 / np.sqrt(d_in))


def make_bias_init():
    """Return an initializer of biases, (1, d); each call draws new random numbers."""
    draw = _make_draw(seed=2)
    return lambda d: draw((1, d), 0.5)


def draw_from(seed):
    """Return a function of a shape that draws normal numbers, new ones in each call."""
    draw = _make_draw(seed)
    return lambda shape: draw(shape, 1.0)


def _make_draw(seed):
    """Return a function of (shape, scale) that returns the next of COUNT normal numbers."""
    numbers = _draw_normal(seed, COUNT)
    used = 0

    def draw(shape, scale):
        nonlocal used
        indices = np.arange(used, used + math.prod(shape))
        used += indices.size
        return scale * numbers.take(indices, mode="wrap").reshape(shape)

    return draw


def init_zero_bias(d):
    """Return biases of 0, (1, d)."""
    return np.zeros((1, d))


class Kit:
    """The names of hw1.py for a scenario, which calls its Kit nn.

    MLP and get_training_stats are those of one module. The parts, which are the activations, the
    criterion and BatchNorm, are those of the same module or of another.

    load: a function that imports the module of the MLP again, and returns it.
    load_parts: the same for the parts, or None if they are of the MLP's module.
    whole: leave networks as MLP.__init__ builds them. Otherwise the initial parameters are written
    into W and b, and if the parts are another module's, its BatchNorms replace those of bn_layers.
    """

    def __init__(self, load, load_parts=None, whole=False):
        self.load = load
        self.load_parts = load_parts
        self.whole = whole
        self.module = load()
        self.parts = self.module if load_parts is None else load_parts()

    def renew(self):
        """Return a Kit of new imports of the same modules."""
        return Kit(self.load, self.load_parts, self.whole)

    def __getattr__(self, name):
        module = self.module if name in ("MLP", "get_training_stats") else self.parts
        require(hasattr(module, name), f"hw1.py has no {name}")
        return getattr(module, name)

    def network(self, *args, **kwargs):
        """Return a Network: hiddens, activations, lr, momentum, num_bn_layers, bias_init."""
        return Network(self, *args, **kwargs)

    def textbook(self):
        """Return a Kit of the textbook's MLP with the same parts."""
        return Kit(mistakes.load_textbook, self.load_parts or self.load)


class Network:
    """An MLP of a Kit with random initial parameters.

    hiddens, lr, momentum, num_bn_layers: as for MLP, which is the attribute mlp.
    activations: their names in the Kit; by default Sigmoid for each hidden layer, then Identity.
    bias_init: bias_init_fn of the MLP; random by default. inputs, outputs: its numbers.

    Values are returned, and written, by their names: {"W[0]": array, "bn_layers[0].gamma": array}.
    An argument named after is appended to each name. Lost is raised where an attribute is missing.
    change: a reason, if forward or backward has changed W or b in take_gradients; otherwise None.
    """

    def __init__(self, nn, hiddens, activations=None, lr=0.01, momentum=0.0, num_bn_layers=0,
                 bias_init=None, inputs=INPUTS, outputs=CLASSES):
        self.nn = nn
        self.arguments = {"hiddens": hiddens, "activations": activations, "lr": lr,
                          "momentum": momentum, "num_bn_layers": num_bn_layers,
                          "bias_init": bias_init, "inputs": inputs, "outputs": outputs}
        self.sizes = [inputs, *hiddens, outputs]
        self.lr = lr
        self.momentum = momentum
        self.num_bn_layers = num_bn_layers
        self.activation_names = activations or ["Sigmoid"] * len(hiddens) + ["Identity"]
        self.activations = [getattr(nn, name)() for name in self.activation_names]
        self.criterion = nn.SoftmaxCrossEntropy()
        if not nn.whole and not hasattr(self.criterion, "derivative"):
            self.criterion.derivative = getattr(self.criterion, "backward", None)  # another name
        self.output = None
        self.change = None
        self.mlp = nn.MLP(inputs, outputs, list(hiddens), list(self.activations),
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
        """Return a network of new imports, built with the same arguments but for the changes."""
        return self.nn.renew().network(**{**self.arguments, **changes})

    def _write_initial_parameters(self):
        """Write the initial parameters, for the initializers may be called in another order.

        W or b is set where it is missing, and left as it is where its sizes are others.
        """
        for name, values in self.draw_parameters().items():
            entries = getattr(self.mlp, name, None)
            if entries is None:
                setattr(self.mlp, name, values)
            elif [np.size(entry) for entry in entries] == [value.size for value in values]:
                for i, value in enumerate(values):
                    entries[i] = value

    def draw_parameters(self):
        """Return the initial parameters, {"W": [one for each layer], "b": [one for each layer]}."""
        weight_init = make_weight_init()
        bias_init = self.arguments["bias_init"] or make_bias_init()
        pairs = zip(self.sizes, self.sizes[1:])
        return {"W": [weight_init(*pair) for pair in pairs],
                "b": [bias_init(d) for d in self.sizes[1:]]}

    def layer(self, i, W, b):
        """Return layer i alone, a linear classifier with these parameters."""
        alone = self.renew(hiddens=[], activations=None, num_bn_layers=0,
                           inputs=self.sizes[i], outputs=self.sizes[i + 1])
        alone.write({"W[0]": W, "b[0]": b})
        return alone

    def _replace_batchnorm(self):
        """Replace each BatchNorm of bn_layers; layers that share one share its replacement."""
        layers = get_list(self.mlp, "bn_layers")
        replaced = {}
        for i, layer in enumerate(layers):
            if layer is None:
                continue
            if id(layer) not in replaced:
                d = np.size(layer.gamma) if hasattr(layer, "gamma") else self.sizes[i + 1]
                replaced[id(layer)] = self.nn.BatchNorm(d)
            layers[i] = replaced[id(layer)]

    # ---- Training ----

    def forward(self, x):
        """Return the output of the MLP, which is kept as output."""
        self.output = self.mlp.forward(x)
        return self.output

    def run(self, x, labels):
        """Call zero_grads, forward and backward for a batch."""
        self.zero_grads()
        self.forward(x)
        self.mlp.backward(labels)

    def infer(self, x):
        """Run a batch in eval mode, but ignore its errors, and undo its changes of W and b."""
        before = self._keep("W", "b")
        with contextlib.suppress(Exception):
            self.mlp.eval()
            self.forward(x)
            self.mlp.train()
        self._restore(before)

    def zero_grads(self):
        """Call zero_grads, but ignore its errors, which only section 2.3 charges.

        Unless the Kit is whole, undo what it changes in W and b, and restore lists that are gone or
        have another length.
        """
        before = self._keep("W", "b", "dW", "db")
        with contextlib.suppress(Exception):
            self.mlp.zero_grads()
        self._restore(before)

    def _keep(self, *names):
        """Return {name: copies of the entries} of these lists; none if the Kit is whole."""
        kept = {}
        for name in names:
            with contextlib.suppress(Lost):
                if not self.nn.whole:
                    kept[name] = list(copy_entries(self.mlp, name).values())
        return kept

    def _restore(self, kept):
        """Undo changes of W and b, and of the length of any list.

        Return the name of the first that has changed, such as "W[0]" or "W", or None.
        """
        changed = []
        for name, entries in kept.items():
            found = getattr(self.mlp, name, None)
            copies = [copy.copy(entry) for entry in entries]
            if not has_length(found, len(entries)):
                changed.append(name)
                if isinstance(found, list):
                    found[:] = copies
                else:
                    setattr(self.mlp, name, copies)
            elif name in ("W", "b"):
                for i, entry in enumerate(copies):
                    if not np.array_equal(found[i], entry):
                        changed.append(f"{name}[{i}]")
                        found[i] = entry
        return changed[0] if changed else None

    def step(self):
        """Call step. Raises Lost if neither W and b change, nor gamma and beta."""
        before = self._all_parameters()
        self.mlp.step()
        moved = [name for name, value in self._all_parameters().items()
                 if not np.array_equal(before.get(name), value)]
        require(moved, "step leaves W and b unchanged")

    def _all_parameters(self):
        found = self.parameters()
        if self.num_bn_layers:
            found.update(self.batchnorm("gamma", "beta"))
        return found

    def can_train(self):
        """Return whether a new network of this kind can train.

        forward and backward then succeed, and leave gradients of the right shapes that are not all
        0.
        """
        try:
            trial = self.renew()
            trial.run(*make_batch(8, seed=0))
            gradients = trial.gradients()
            parameters = trial._all_parameters()
            if self.num_bn_layers:
                gradients.update(trial.batchnorm("dgamma", "dbeta"))
            return all(has_shape_of(gradients[name_gradient(name)], value)
                       for name, value in parameters.items())
        except Exception:
            return False

    def take_gradients(self, seed, can_train, m=8):
        """Run the batch of a seed; if the network cannot train, write random gradients instead.

        can_train: the result of that method. Changes of W and b in forward and backward are undone:
        only section 2.3 charges them, with self.change as the reason.
        """
        if not can_train:
            self.write_gradients(draw_from(seed))
            return
        x, labels = make_batch(m, seed)
        self.zero_grads()
        before = self._keep("W", "b")
        self.forward(x)
        self._note_change(self._restore(before), "forward")
        self.mlp.backward(labels)
        self._note_change(self._restore(before), "backward")

    def _note_change(self, name, method):
        if name is not None and self.change is None:
            self.change = f"{name} changes in {method}: only step moves it"

    def step_without_momentum(self, net):
        """Return what one step of this network, of momentum 0, adds to the parameters of net.

        The parameters and gradients of net are written into this network first; net stays as it is.
        """
        before = net._all_parameters()
        gradients = net.raw_gradients()
        if self.num_bn_layers:
            gradients.update(net.batchnorm("dgamma", "dbeta"))
        self.write(before)
        self.write(gradients)
        self.mlp.step()
        moved = self._all_parameters()
        return {name: moved[name] - before[name] for name in before}

    # ---- Attributes ----

    def parameters(self, after=""):
        """Return copies of W and b of each layer."""
        return {**copy_entries(self.mlp, "W", after), **copy_entries(self.mlp, "b", after)}

    def gradients(self, after=""):
        """Return copies of dW and db, from the last layer to the first, as backward goes.

        Raises Lost if all of them are 0.
        """
        found = self.raw_gradients(after)
        require(any(value is not None and np.any(value) for value in found.values()),
                "MLP.backward leaves dW and db at 0")
        return dict(reversed(list(found.items())))

    def raw_gradients(self, after=""):
        """Return copies of db and dW of each layer, which may be None or 0."""
        return {**copy_entries(self.mlp, "db", after), **copy_entries(self.mlp, "dW", after)}

    def batchnorm(self, *names, after=""):
        """Return copies of attributes of each BatchNorm, such as "bn_layers[0].gamma"."""
        found = {}
        for i, layer in enumerate(self.batchnorm_layers()):
            for name in names:
                found[f"bn_layers[{i}].{name}{after}"] = copy.copy(get_attribute(layer, name))
        return found

    def batchnorm_layers(self):
        """Return the first num_bn_layers entries of bn_layers. Raises Lost if it has fewer."""
        layers = get_list(self.mlp, "bn_layers")[:self.num_bn_layers]
        require(len(layers) == self.num_bn_layers,
                f"bn_layers holds {len(layers)} BatchNorms where num_bn_layers is "
                f"{self.num_bn_layers}")
        return layers

    def write(self, values):
        """Write copies of values; their names are those of parameters, gradients and batchnorm."""
        for name, value in values.items():
            value = copy.copy(value)  # the submission may modify it in place
            if name.startswith("bn_layers"):
                owner, attribute = name.split(".")
                setattr(get_list(self.mlp, "bn_layers")[find_index(owner)], attribute, value)
            else:
                attribute = name.split("[")[0]
                if attribute in ("dW", "db"):
                    self._make_gradients(attribute)
                get_list(self.mlp, attribute)[find_index(name)] = value

    def _make_gradients(self, attribute):
        """Make dW or db a list with an entry for each layer, unless it is one already."""
        n = len(get_list(self.mlp, "W"))
        if not has_length(getattr(self.mlp, attribute, None), n):
            setattr(self.mlp, attribute, [None] * n)

    def write_gradients(self, make):
        """Write make(shape) into each dW, db, dgamma and dbeta, in place of backward."""
        for name, parameter in self.parameters().items():
            shape = np.shape(parameter) if name.startswith("W") else (np.size(parameter),)
            self.write({name_gradient(name): make(shape)})
        if self.num_bn_layers:
            for layer in self.batchnorm_layers():
                d = np.size(get_attribute(layer, "gamma"))
                layer.dgamma = make((d,))
                layer.dbeta = make((d,))


def require_use_of_parts(nn, gradients):
    """Raise CannotAsk if BatchNorms of another module stand in bn_layers, but are not used.

    gradients: dgamma and dbeta of the network, which are all 0 then.
    """
    is_used = any(np.any(gradient) for gradient in gradients.values())
    if nn.parts is not nn.module and not is_used:
        raise CannotAsk("the network keeps its BatchNorms elsewhere")


def require_no_gradients(mlp):
    """Raise Lost unless each entry of dW and db is 0 or None; the lists may be None, too."""
    for attribute in ("dW", "db"):
        if getattr(mlp, attribute, None) is None:
            continue
        try:
            gradients = copy_entries(mlp, attribute)
        except Lost as lost:
            raise Lost(f"after zero_grads, {lost}") from lost
        for name, gradient in gradients.items():
            require(gradient is None or not np.any(gradient),
                    f"zero_grads leaves {name} nonzero: set every gradient to 0")


def name_gradient(name):
    """Return "dW[0]" for "W[0]", "bn_layers[0].dgamma" for "bn_layers[0].gamma"."""
    owner, dot, attribute = name.rpartition(".")
    return f"{owner}{dot}d{attribute}"


def has_shape_of(gradient, parameter):
    """Return whether a gradient has its parameter's shape; (d,) and (1, d) count as the same."""
    if np.shape(gradient) == np.shape(parameter):
        return True
    is_row = all(np.shape(value)[:-1] in ((), (1,)) for value in (gradient, parameter))
    return is_row and np.size(gradient) == np.size(parameter)


def has_length(value, n):
    """Return whether a value has a length, which is n."""
    return hasattr(value, "__len__") and len(value) == n


def find_index(name):
    """Return 2 for "dW[2]"."""
    return int(name[name.index("[") + 1:name.index("]")])


def get_attribute(owner, name):
    """Return an attribute. Raises Lost if there is none of that name."""
    require(hasattr(owner, name), f"{type(owner).__name__} has no attribute {name}")
    return getattr(owner, name)


def get_list(owner, name):
    """Return an attribute that has an entry for each layer: a list, a tuple or an array of arrays.

    Raises Lost if it is missing, None or of another type.
    """
    value = get_attribute(owner, name)
    place = f"{type(owner).__name__}.{name}"
    require(value is not None, f"{place} is None: it must be a list with one entry for each layer")
    is_nested_array = isinstance(value, np.ndarray) and (value.dtype == object or value.ndim == 3)
    require(isinstance(value, (list, tuple)) or is_nested_array,
            f"{place} is of type {type(value).__name__}: it must be a list with one entry for each "
            "layer")
    return value


def copy_entries(owner, name, after=""):
    """Return a copy of each entry of an attribute by its name: {"dW[0]": array}."""
    return {f"{name}[{i}]{after}": copy.copy(entry)
            for i, entry in enumerate(get_list(owner, name))}
