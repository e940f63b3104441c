"""The pieces of hw1.py behind one interface, for the tests that hold for each of them.

A piece is constructed from the module.  Its forward and backward return their results by name, and
kept returns what outlives a batch.  All arguments are (m, N), so that one batch serves any piece.
"""

import numpy as np

from tests.module.helpers import activation_classes
from tests.module.networks import Normal, randomise

N = 4  # inputs, units and classes


def examples(seed, m=6):
    """Return x, one-hot labels and an upstream gradient, each (m, N)."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((m, N)) * [0.5, 1, 2, 3] + [-1, 0, 1, 5]
    labels = np.eye(N)[rng.randint(N, size=m)]
    delta = rng.standard_normal((m, N))
    return x, labels, delta


class Piece:
    """A piece that runs forward and backward."""

    def run(self, x, labels, delta):
        """Return the results of forward and backward by name."""
        results = self.forward(x, labels)
        results.update(self.backward(labels, delta))
        return results

    def kept(self):
        """Return the arrays that outlive a batch, by name."""
        return {}


class Loss(Piece):
    def __init__(self, nn, dtype=np.float64):
        self.criterion = nn.SoftmaxCrossEntropy()

    def forward(self, x, labels):
        loss = self.criterion.forward(x, labels)
        return {"loss": loss, "sm": self.criterion.sm}

    def backward(self, labels, delta):
        return {"dlogits": self.criterion.derivative()}


class Activations(Piece):
    """Each activation of the module by itself."""

    def __init__(self, nn, dtype=np.float64):
        self.activations = [cls() for cls in activation_classes(nn)]

    def forward(self, x, labels):
        results = {}
        for activation in self.activations:
            results[type(activation).__name__] = activation.forward(x)
        return results

    def backward(self, labels, delta):
        results = {}
        for activation in self.activations:
            results["dx of " + type(activation).__name__] = delta * activation.derivative()
        return results


class TrainingBatchNorm(Piece):
    """A BatchNorm in training mode, with random parameters and running statistics."""

    evaluation = False

    def __init__(self, nn, dtype=np.float64):
        self.layer = nn.BatchNorm(N, dtype=dtype)
        randomise(self.layer)

    def forward(self, x, labels):
        out = self.layer.forward(x, eval=self.evaluation)
        return {
            "out": out,
            "norm": self.layer.norm,
            "mean": self.layer.mean,
            "var": self.layer.var,
        }

    def backward(self, labels, delta):
        dx = self.layer.backward(delta)
        return {"dx": dx, "dgamma": self.layer.dgamma, "dbeta": self.layer.dbeta}

    def kept(self):
        return {
            "gamma": self.layer.gamma,
            "beta": self.layer.beta,
            "running_mean": self.layer.running_mean,
            "running_var": self.layer.running_var,
        }


class EvaluationBatchNorm(TrainingBatchNorm):
    """A BatchNorm in eval mode."""

    evaluation = True


class Network(Piece):
    """An MLP with two hidden layers, the first of them normalised."""

    hiddens = [5, 3]
    num_bn_layers = 1

    def __init__(self, nn, dtype=np.float64):
        activations = [nn.Tanh() for _ in self.hiddens]
        activations.append(nn.Identity())
        init = Normal(0, dtype)
        self.mlp = nn.MLP(N, N, self.hiddens, activations, init, init,
                          nn.SoftmaxCrossEntropy(), 0.1, 0.9, self.num_bn_layers)

    def forward(self, x, labels):
        return {"output": self.mlp.forward(x)}

    def backward(self, labels, delta):
        self.mlp.backward(labels)
        results = {"loss": self.mlp.criterion.loss}
        for i in range(self.mlp.nlayers):
            results[f"dW[{i}]"] = self.mlp.dW[i]
            results[f"db[{i}]"] = self.mlp.db[i]
        for i in range(self.num_bn_layers):
            results[f"dgamma[{i}]"] = self.mlp.bn_layers[i].dgamma
            results[f"dbeta[{i}]"] = self.mlp.bn_layers[i].dbeta
        return results

    def kept(self):
        results = {}
        for i in range(self.mlp.nlayers):
            results[f"W[{i}]"] = self.mlp.W[i]
            results[f"b[{i}]"] = self.mlp.b[i]
        for i in range(self.num_bn_layers):
            results[f"running_mean[{i}]"] = self.mlp.bn_layers[i].running_mean
            results[f"running_var[{i}]"] = self.mlp.bn_layers[i].running_var
        return results


class LinearClassifier(Network):
    """An MLP without hidden layers."""

    hiddens = []
    num_bn_layers = 0


PIECES = [Loss, Activations, TrainingBatchNorm, EvaluationBatchNorm, LinearClassifier, Network]


def assert_results(found, expected, rtol=0, atol=0):
    """Assert that two dictionaries of arrays hold the same numbers."""
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol, atol, err_msg=name)
