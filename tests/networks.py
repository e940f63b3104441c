"""Small networks and batches that the suites share.

The suites of the homework, tests/test_2_*.py, have ten classes, batches of at least two examples
and float64 arrays. Seeds draw all numbers.
"""

import numpy as np

from tests.gradients import assert_gradient

# ---- The homework --------------------------------------------------------------------------------

INPUTS = 12
CLASSES = 10


def build_mlp(nn, hiddens, activations, inputs=INPUTS, lr=0.1, momentum=0.0, num_bn_layers=0):
    """Return an MLP of ten classes with random W and b; activations: their names."""
    rng = np.random.RandomState(0)

    def draw_weights(d_in, d_out):
        return rng.standard_normal((d_in, d_out))

    def draw_biases(d):
        return rng.standard_normal((1, d))

    layers = [getattr(nn, name)() for name in activations]
    mlp = nn.MLP(inputs, CLASSES, list(hiddens), layers, draw_weights, draw_biases,
                 nn.SoftmaxCrossEntropy(), lr, momentum=momentum, num_bn_layers=num_bn_layers)
    write_parameters(mlp)
    return mlp


def write_parameters(mlp):
    """Write random numbers into W and b.

    So two networks are the same also if MLP calls its initializers in a wrong way, which is asked
    in 2.1 only.
    """
    rng = np.random.RandomState(1)
    for W, b in zip(mlp.W, mlp.b):
        W[...] = rng.standard_normal(W.shape) / np.sqrt(len(W))
        b[...] = rng.standard_normal(b.shape)


def build_linear(nn, **options):
    """Return an MLP without hidden layers; options: those of build_mlp."""
    return build_mlp(nn, [], ["Identity"], **options)


def build_sigmoids(nn, hiddens, **options):
    """Return an MLP with sigmoids in its hidden layers; options: those of build_mlp."""
    activations = ["Sigmoid"] * len(hiddens) + ["Identity"]
    return build_mlp(nn, hiddens, activations, **options)


def make_batch(seed, m=6, inputs=INPUTS):
    """Return x, (m, inputs), and one-hot labels, (m, 10)."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((m, inputs))
    classes = rng.randint(CLASSES, size=m)
    return x, one_hot(classes)


def one_hot(classes):
    """Return the labels of these class indices, (m, 10)."""
    return np.eye(CLASSES)[classes]


def cross_entropy(logits, labels):
    """Return the loss of each example, (m,), as NumPy computes it."""
    return np.logaddexp.reduce(logits, axis=1) - (labels * logits).sum(axis=1)


def sigmoid(x):
    """Return the sigmoid of x, as NumPy computes it."""
    return 1 / (1 + np.exp(-x))


def compute_gradients(mlp, x, labels):
    """Set the gradients of mlp to those of a batch."""
    mlp.zero_grads()
    mlp.forward(x)
    mlp.backward(labels)


def take_step(mlp, x, labels):
    """Train mlp on a batch once."""
    compute_gradients(mlp, x, labels)
    mlp.step()


def assert_all_gradients(mlp, x, labels, num_bn_layers=0):
    """Check every dW, db, dgamma and dbeta against finite differences.

    dW and db are the gradients of the mean loss of the batch, dgamma and dbeta those of its sum.
    The last layer comes first, as in backward: where several are wrong, its name is reported.
    """
    __tracebackhide__ = True

    def mean_loss():
        return cross_entropy(mlp.forward(x), labels).mean()

    def total_loss():
        return cross_entropy(mlp.forward(x), labels).sum()

    compute_gradients(mlp, x, labels)
    checks = []
    for i in reversed(range(len(mlp.W))):
        checks.append((f"dW[{i}]", mlp.dW[i], mean_loss, mlp.W[i]))
        checks.append((f"db[{i}]", mlp.db[i], mean_loss, mlp.b[i]))
        if i < num_bn_layers:
            layer = mlp.bn_layers[i]
            checks.append((f"bn_layers[{i}].dgamma", layer.dgamma, total_loss, layer.gamma))
            checks.append((f"bn_layers[{i}].dbeta", layer.dbeta, total_loss, layer.beta))
    for name, gradient, loss, parameter in checks:
        assert_gradient(gradient, loss, parameter, name)


# ---- The module ----------------------------------------------------------------------------------

# D is the width of the input, K the number of classes, m the batch size.
D, K = 4, 3


class Normal:
    """An initializer: normal numbers with deviation 0.7.  rows: whether biases are (1, d)."""

    def __init__(self, seed, dtype=np.float64, rows=False):
        self.rng, self.dtype, self.rows = np.random.RandomState(seed), dtype, rows

    def __call__(self, *shape):
        if self.rows and len(shape) == 1:
            shape = (1,) + shape
        return (0.7 * self.rng.standard_normal(shape)).astype(self.dtype)


def network(nn, hiddens=(5, 4), activations="Tanh", output="Identity", seed=0, dtype=np.float64,
            rows=False, lr=0.1, **options):
    """Return an MLP of D inputs, K outputs; activations: a name for all hidden layers or for each.

    rows: whether b is (1, d).  options: MLP's momentum and num_bn_layers.
    """
    names = [activations] * len(hiddens) if isinstance(activations, str) else activations
    layers = [getattr(nn, name)() for name in [*names, output]]
    init = Normal(seed, dtype, rows)
    return nn.MLP(D, K, list(hiddens), layers, init, init, nn.SoftmaxCrossEntropy(), lr, **options)


def batch(seed, m=6, dtype=np.float64, soft=False):
    """Return x, (m, D), normal, and labels, (m, K): one-hot, or soft, which is probabilities."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((m, D))
    labels = rng.dirichlet(np.ones(K), m) if soft else np.eye(K)[rng.randint(K, size=m)]
    return x.astype(dtype), labels.astype(dtype)


def batch_off_the_kinks(mlp, m=6):
    """Return a batch with soft labels: no input of an activation within 1e-3 of ReLU's kink."""
    batches = (batch(seed, m, soft=True) for seed in range(100))
    return next((x, labels) for x, labels in batches if _nearest_to_zero(mlp, x) > 1e-3)


def _nearest_to_zero(mlp, x):
    """Return the size of the smallest of all activations' inputs for x."""
    mlp.forward(x)
    nearest = np.inf
    for i, activation in enumerate(mlp.activations):
        z = mlp.bn_layers[i].out if i < mlp.num_bn_layers else x @ mlp.W[i] + mlp.b[i]
        nearest = min(nearest, np.abs(z).min())
        x = activation.state
    return nearest


def batchnorms(mlp):
    """Return the BatchNorm layers of mlp, an empty list if it has none."""
    return mlp.bn_layers or []


def randomise_batchnorm(mlp, seed):
    """Give every BatchNorm of mlp random gamma, beta and running statistics; return mlp."""
    rng = np.random.RandomState(seed)
    for layer in batchnorms(mlp):
        pairs, dtype = (2,) + layer.gamma.shape, layer.gamma.dtype
        layer.gamma, layer.running_var = rng.uniform(0.5, 1.5, pairs).astype(dtype)
        layer.beta, layer.running_mean = rng.standard_normal(pairs).astype(dtype)
    return mlp


def train_once(mlp, x, labels):
    """Take one step of mlp on the batch x, labels."""
    mlp.zero_grads()
    mlp.forward(x)
    mlp.backward(labels)
    mlp.step()


def train_on(mlp, seeds):
    """Take a step of mlp on the batch of each seed."""
    for seed in seeds:
        train_once(mlp, *batch(seed))


def arrays(mlp):
    """Return copies of mlp's arrays by name, such as "dW[0]" or "bn_layers[1].gamma"."""
    names = "gamma", "beta", "dgamma", "dbeta", "mean", "var", "running_mean", "running_var"
    found = {f"{name}[{i}]": a for name in ("W", "b", "dW", "db")
             for i, a in enumerate(getattr(mlp, name))}
    found.update((f"bn_layers[{i}].{name}", getattr(layer, name))
                 for i, layer in enumerate(batchnorms(mlp)) for name in names)
    return {name: a.copy() for name, a in found.items()}


def assert_same_arrays(first, second):
    """Assert that two results of arrays are the same, bit for bit."""
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def assert_gradients(mlp, x, labels):
    """Assert every dW, db, dgamma and dbeta by differences, at x and one-hot or soft labels."""
    mlp.forward(x)
    mlp.backward(labels)
    analytic = arrays(mlp)
    checked = [(f"d{name}[{i}]", np.mean, p)
               for name in ("W", "b") for i, p in enumerate(getattr(mlp, name))]
    checked += [(f"bn_layers[{i}].d{name}", np.sum, getattr(layer, name))
                for name in ("gamma", "beta") for i, layer in enumerate(batchnorms(mlp))]
    for name, reduced, parameter in checked:
        def loss():
            return reduced(mlp.criterion(mlp.forward(x), labels))
        assert_gradient(analytic[name], loss, parameter, name)
