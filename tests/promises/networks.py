"""Small networks and batches for the suites of the multi-layer perceptron, and what is compared of them.

D is the width of the input, K the number of classes, m the batch size.  All numbers are drawn from a
np.random.RandomState that the helper makes of its seed.
"""

import numpy as np

from tests.differences import assert_gradient

D, K = 4, 3


class Normal:
    """An initializer, of weights or biases: normal numbers with deviation 0.7.

    An object and not a function in a function, so that a network that keeps its initializers pickles.
    rows: whether a bias has shape (1, d), not (d,).
    """

    def __init__(self, seed, dtype=np.float64, rows=False):
        self.rng, self.dtype, self.rows = np.random.RandomState(seed), dtype, rows

    def __call__(self, *shape):
        if self.rows and len(shape) == 1:
            shape = (1,) + shape
        return (0.7 * self.rng.standard_normal(shape)).astype(self.dtype)


def network(nn, hiddens=(5, 4), activations="Tanh", output="Identity", seed=0, dtype=np.float64, rows=False,
            lr=0.1, **options):
    """Return an MLP of D inputs and K outputs.

    activations: the name of the hidden layers' class, or a name for each.  output: the name of the output's.
    options: MLP's momentum and num_bn_layers.
    """
    names = [activations] * len(hiddens) if isinstance(activations, str) else activations
    layers = [getattr(nn, name)() for name in [*names, output]]
    init = Normal(seed, dtype, rows)
    return nn.MLP(D, K, list(hiddens), layers, init, init, nn.SoftmaxCrossEntropy(), lr, **options)


def batch(seed, m=6, dtype=np.float64):
    """Return x, (m, D), normal, and one-hot labels, (m, K), of the same dtype."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((m, D)).astype(dtype), np.eye(K, dtype=dtype)[rng.randint(K, size=m)]


def batchnorms(mlp):
    """Return the BatchNorm layers of mlp; without BatchNorm the attribute is not asked for."""
    return mlp.bn_layers if mlp.num_bn_layers else []


def randomise_batchnorm(mlp, seed):
    """Give every BatchNorm of mlp random gamma, beta and running statistics; return mlp."""
    rng = np.random.RandomState(seed)
    for layer in batchnorms(mlp):
        shape = layer.gamma.shape
        layer.gamma, layer.beta = rng.uniform(0.5, 1.5, shape), rng.standard_normal(shape)
        layer.running_mean, layer.running_var = rng.standard_normal(shape), rng.uniform(0.5, 1.5, shape)
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
    """Return the arrays of mlp, by name: copies."""
    found = {}
    for name in ("W", "b", "dW", "db"):
        for i, a in enumerate(getattr(mlp, name)):
            found["{}[{}]".format(name, i)] = a.copy()
    for i, layer in enumerate(batchnorms(mlp)):
        for name in ("gamma", "beta", "dgamma", "dbeta", "mean", "var", "running_mean", "running_var"):
            found["bn_layers[{}].{}".format(i, name)] = getattr(layer, name).copy()
    return found


def assert_same_arrays(first, second):
    """Assert that two results of arrays are the same, bit for bit."""
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def assert_gradients(mlp, x, labels):
    """Assert every dW, db, dgamma and dbeta of mlp, by central differences at the batch x, labels."""
    mlp.forward(x)
    mlp.backward(labels)
    analytic = arrays(mlp)

    def mean_loss():
        return mlp.criterion(mlp.forward(x), labels).mean()

    def summed_loss():
        return mlp.criterion(mlp.forward(x), labels).sum()

    for i in range(len(mlp.W)):
        for name in ("W", "b"):
            key = "d{}[{}]".format(name, i)
            assert_gradient(analytic[key], mean_loss, getattr(mlp, name)[i], key)
    for i, layer in enumerate(batchnorms(mlp)):
        for name in ("gamma", "beta"):
            key = "bn_layers[{}].d{}".format(i, name)
            assert_gradient(analytic[key], summed_loss, getattr(layer, name), key)


def batch_off_the_kinks(mlp, m=6):
    """Return the first batch on which no activation of mlp gets an input within 1e-3 of the kink of ReLU."""
    for seed in range(100):
        x, labels = batch(seed, m)
        if _nearest_to_zero(mlp, x) > 1e-3:
            return x, labels
    raise RuntimeError("each of 100 batches has an activation's input within 1e-3 of 0")


def _nearest_to_zero(mlp, x):
    """Return the size of the smallest of all activations' inputs for x."""
    mlp.forward(x)
    nearest = np.inf
    for i, activation in enumerate(mlp.activations):
        z = mlp.bn_layers[i].out if i < mlp.num_bn_layers else x @ mlp.W[i] + mlp.b[i]
        nearest = min(nearest, np.abs(z).min())
        x = activation.state
    return nearest
