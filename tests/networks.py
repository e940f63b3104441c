"""Small networks and batches for the suites of MLP, and what is compared of them.

D is the width of the input, K the number of classes, m the batch size; seeds draw all numbers.
"""

import numpy as np

from tests.gradients import assert_gradient

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
