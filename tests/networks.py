"""Small networks and batches for the homework's suites, tests/test_2_*.py.

They have ten classes, batches of at least two examples and float64 arrays. All random numbers come
from fixed seeds.
"""

import numpy as np

from tests.gradients import assert_gradient

INPUTS = 12
CLASSES = 10


def sigmoid(x):
    """Return the sigmoid of x by the plain formula."""
    return 1 / (1 + np.exp(-x))


def identity(x):
    return x


def relu(x):
    return np.maximum(x, 0)


ACTIVATION_FUNCTIONS = {"Identity": identity, "Sigmoid": sigmoid, "Tanh": np.tanh, "ReLU": relu}


def build_mlp(nn, hiddens, activations, inputs=INPUTS, lr=0.1, momentum=0.0, num_bn_layers=0):
    """Return an MLP of ten classes with random W and b.

    activations: the names of their classes, one per layer.
    """
    rng = np.random.RandomState(0)

    def draw_weights(d_in, d_out):
        return rng.standard_normal((d_in, d_out))

    def draw_biases(d):
        return rng.standard_normal((1, d))

    objects = [getattr(nn, name)() for name in activations]
    mlp = nn.MLP(inputs, CLASSES, list(hiddens), objects, draw_weights, draw_biases,
                 nn.SoftmaxCrossEntropy(), lr, momentum=momentum, num_bn_layers=num_bn_layers)
    write_parameters(mlp)
    return mlp


def write_parameters(mlp):
    """Write random numbers into W and b.

    Two networks are then the same even if MLP calls its initializers wrongly: only 2.1 tests that.
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
    """Return one-hot labels, (m, 10), for class indices, (m,)."""
    return np.eye(CLASSES)[classes]


def cross_entropy(logits, labels):
    """Return the loss of each example, (m,), by NumPy's own log-sum-exp."""
    return np.logaddexp.reduce(logits, axis=1) - (labels * logits).sum(axis=1)


def compute_gradients(mlp, x, labels):
    """Set the gradients of mlp to those of a batch."""
    mlp.zero_grads()
    mlp.forward(x)
    mlp.backward(labels)


def take_step(mlp, x, labels):
    """Take one training step of mlp on a batch."""
    compute_gradients(mlp, x, labels)
    mlp.step()


def assert_no_gradients(mlp):
    """Check that each dW and db is zeros or None; the lists may be empty, None or absent, too."""
    __tracebackhide__ = True
    for name in ("dW", "db"):
        gradients = getattr(mlp, name, None)
        for i, gradient in enumerate([] if gradients is None else gradients):
            if gradient is not None and np.any(gradient):
                raise AssertionError(f"{name}[{i}] must be zeros after zero_grads")


def assert_all_gradients(mlp, x, labels, num_bn_layers=0):
    """Check every dW, db, dgamma and dbeta against finite differences.

    dW and db are the gradients of the mean loss of the batch, dgamma and dbeta those of its total.
    The last layer comes first, as in backward: an error there makes those before it wrong, too.
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
