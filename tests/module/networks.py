"""Small networks and batches for the suites of the module, and what they compare.

D is the width of the input, K the number of classes, m the batch size. All random numbers come from
fixed seeds.
"""

import numpy as np

from tests.gradients import assert_gradient

D = 4
K = 3
BATCHNORM_ARRAYS = ("gamma", "beta", "dgamma", "dbeta", "mean", "var", "running_mean",
                    "running_var")


class Normal:
    """An initializer that draws normal numbers with standard deviation 0.7.

    rows: whether biases are (1, d), not (d,).
    """

    def __init__(self, seed, dtype=np.float64, rows=False):
        self.rng = np.random.RandomState(seed)
        self.dtype = dtype
        self.rows = rows

    def __call__(self, *shape):
        if self.rows and len(shape) == 1:
            shape = (1, *shape)
        return (0.7 * self.rng.standard_normal(shape)).astype(self.dtype)


def network(nn, hiddens=(5, 4), activations="Tanh", output="Identity", seed=0, dtype=np.float64,
            rows=False, lr=0.1, **options):
    """Return an MLP of D inputs and K outputs.

    activations: a name for all hidden layers, or one for each. rows: whether b is (1, d). options:
    MLP's momentum and num_bn_layers.
    """
    names = activations
    if isinstance(activations, str):
        names = [activations] * len(hiddens)
    layers = [getattr(nn, name)() for name in [*names, output]]
    init = Normal(seed, dtype, rows)
    return nn.MLP(D, K, list(hiddens), layers, init, init, nn.SoftmaxCrossEntropy(), lr, **options)


def batch(seed, m=6, dtype=np.float64, soft=False):
    """Return normal x, (m, D), and labels, (m, K): one-hot, or probabilities if soft."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((m, D))
    if soft:
        labels = rng.dirichlet(np.ones(K), m)
    else:
        labels = np.eye(K)[rng.randint(K, size=m)]
    return x.astype(dtype), labels.astype(dtype)


def batch_off_the_kinks(mlp, m=6):
    """Return a batch with soft labels in which no activation's input is near ReLU's kink."""
    for seed in range(100):
        x, labels = batch(seed, m, soft=True)
        if find_nearest_to_zero(mlp, x) > 1e-3:
            return x, labels
    raise ValueError("each of 100 batches has an input of an activation within 1e-3 of 0")


def find_nearest_to_zero(mlp, x):
    """Return the smallest absolute value among the inputs of all activations for x."""
    mlp.forward(x)
    nearest = np.inf
    for i, activation in enumerate(mlp.activations):
        z = x @ mlp.W[i] + mlp.b[i]
        if i < mlp.num_bn_layers:
            z = mlp.bn_layers[i].out
        nearest = min(nearest, np.abs(z).min())
        x = activation.state
    return nearest


def batchnorms(mlp):
    """Return the BatchNorm layers of mlp, an empty list if it has none."""
    return mlp.bn_layers or []


def randomise(layer, seed=100):
    """Set random gamma, beta and running statistics in a BatchNorm, of the dtype of its gamma."""
    rng = np.random.RandomState(seed)
    shape = layer.gamma.shape
    dtype = layer.gamma.dtype
    layer.gamma = rng.uniform(0.5, 1.5, shape).astype(dtype)
    layer.beta = rng.standard_normal(shape).astype(dtype)
    layer.running_mean = rng.standard_normal(shape).astype(dtype)
    layer.running_var = rng.uniform(0.5, 1.5, shape).astype(dtype)


def randomise_batchnorm(mlp, seed):
    """Set random parameters and statistics in every BatchNorm of mlp; return mlp."""
    for i, layer in enumerate(batchnorms(mlp)):
        randomise(layer, [seed, i])
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
    found = {}
    for name in ("W", "b", "dW", "db"):
        for i, array in enumerate(getattr(mlp, name)):
            found[f"{name}[{i}]"] = array.copy()
    for i, layer in enumerate(batchnorms(mlp)):
        for name in BATCHNORM_ARRAYS:
            found[f"bn_layers[{i}].{name}"] = getattr(layer, name).copy()
    return found


def assert_same_arrays(first, second):
    """Assert that two results of arrays are the same, bit for bit."""
    assert list(first) == list(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def assert_gradients(mlp, x, labels):
    """Check every dW, db, dgamma and dbeta against finite differences, at x and these labels."""
    def mean_loss():
        return np.mean(mlp.criterion(mlp.forward(x), labels))

    def total_loss():
        return np.sum(mlp.criterion(mlp.forward(x), labels))

    mlp.forward(x)
    mlp.backward(labels)
    analytic = arrays(mlp)
    for i in range(mlp.nlayers):
        assert_gradient(analytic[f"dW[{i}]"], mean_loss, mlp.W[i], f"dW[{i}]")
        assert_gradient(analytic[f"db[{i}]"], mean_loss, mlp.b[i], f"db[{i}]")
    for i, layer in enumerate(batchnorms(mlp)):
        for name, parameter in (("dgamma", layer.gamma), ("dbeta", layer.beta)):
            key = f"bn_layers[{i}].{name}"
            assert_gradient(analytic[key], total_loss, parameter, key)
