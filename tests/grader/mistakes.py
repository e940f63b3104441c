"""Typical mistakes, each an edit of the textbook, which the grader recognizes by their numbers.

A submission has a mistake if it loses every check that the mistake costs, and in some lost check
gives the numbers of the textbook with the mistake. Those that it costs stay lost, and the sentence
is the reason; other lost checks in which the numbers are the same are free. See resolve.py.

To add a mistake, add an entry to MISTAKES: its section, the checks that it costs, a sentence "the
mistake: the fix", and the lines of textbook.py that it replaces: old lines after -, which must
occur once, then new lines after +, with an empty line between one place and the next.
"""

import functools
import pathlib
import types
import typing

FILE = pathlib.Path(__file__).with_name("textbook.py")


class Mistake(typing.NamedTuple):
    """A mistake.

    section: the section that it belongs to. costs: the checks that it loses, "2.3 forward".
    sentence: the reason, which names the mistake and the fix. diff: lines of the textbook and what
    they become, as in the module's docstring.
    """

    section: str
    costs: typing.List[str]
    sentence: str
    diff: str

    @property
    def edits(self):
        """The diff as a list of pairs (old lines, new lines)."""
        pairs = []
        for block in self.diff.strip("\n").split("\n\n"):
            lines = block.split("\n")
            old = [line[1:] for line in lines if line[:1] == "-"]
            new = [line[1:] for line in lines if line[:1] == "+"]
            pairs.append(("\n".join(old), "\n".join(new)))
        return pairs


# ---- Checks that several mistakes cost -----------------------------------------------------------

FORWARDS = ["2.5 forward [32]", "2.5 forward [64, 32]", "2.5 forward [32, 32, 32, 32, 32]"]
BACKWARDS = ["2.5 backward [32]", "2.5 backward [64, 32]", "2.5 backward [32, 32, 32, 32, 32]"]
TWO_OR_MORE = ["2.6 in a network, num_bn_layers=2", "2.6 in a network, num_bn_layers=3"]
IN_NETWORKS = ["2.6 in a network, num_bn_layers=1", *TWO_OR_MORE]
FIVE_STEPS = ["2.7 five steps, no hidden layer", "2.7 five steps, one hidden layer",
              "2.7 five steps, three hidden layers"]

MISTAKES = {
    # ---- 2.2 ----
    "loss sign": Mistake(
        "2.2", ["2.2 loss"],
        "the loss has the wrong sign: it must be -sum(y * log(sm)), which is never negative",
        """
-        self.loss = -np.sum(y * (x - lse), axis=1)
+        self.loss = np.sum(y * (x - lse), axis=1)
"""),
    "loss averaged": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is averaged over the batch: return one value for each example, (m,)",
        """
-        self.loss = -np.sum(y * (x - lse), axis=1)
+        self.loss = np.mean(-np.sum(y * (x - lse), axis=1))
"""),
    "loss summed": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is summed over the batch: return one value for each example, (m,)",
        """
-        self.loss = -np.sum(y * (x - lse), axis=1)
+        self.loss = np.sum(-np.sum(y * (x - lse), axis=1))
"""),
    "loss divided": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is divided by the batch size: return the loss of each example, undivided",
        """
-        self.loss = -np.sum(y * (x - lse), axis=1)
+        self.loss = -np.sum(y * (x - lse), axis=1) / len(x)
"""),
    "softmax over axis 0": Mistake(
        "2.2", ["2.2 loss", "2.2 derivative"],
        "the softmax is taken over the batch, axis 0: take it over the classes, axis 1",
        """
-        a = np.max(x, axis=1, keepdims=True)
+        a = np.max(x, axis=0, keepdims=True)

-        lse = a + np.log(np.sum(np.exp(x - a), axis=1, keepdims=True))
+        lse = a + np.log(np.sum(np.exp(x - a), axis=0, keepdims=True))
"""),
    "derivative divided": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() is divided by the batch size: return sm - y",
        """
-        return self.sm - self.labels
+        return (self.sm - self.labels) / len(self.labels)
"""),
    "derivative is sm": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() returns sm alone: return sm - y",
        """
-        return self.sm - self.labels
+        return self.sm
"""),
    "derivative sign": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() has the wrong sign: return sm - y",
        """
-        return self.sm - self.labels
+        return self.labels - self.sm
"""),
    # ---- 2.3 ----
    "dW transposed": Mistake(
        "2.3", ["2.3 backward"],
        "dW is transposed: it must have the shape of W",
        """
-            self.dW[i] = self.outputs[i].T @ delta / len(labels)
+            self.dW[i] = delta.T @ self.outputs[i] / len(labels)
"""),
    "bias forgotten": Mistake(
        "2.3", ["2.3 forward"],
        "forward does not add the bias: the output of a layer is activation(x @ W + b)",
        """
-            z = self.outputs[i] @ self.W[i] + self.b[i]
+            z = self.outputs[i] @ self.W[i]
"""),
    "dW summed": Mistake(
        "2.3", ["2.3 backward"],
        "dW is the sum over the batch: divide it by the batch size",
        """
-            self.dW[i] = self.outputs[i].T @ delta / len(labels)
+            self.dW[i] = self.outputs[i].T @ delta
"""),
    "db summed": Mistake(
        "2.3", ["2.3 backward"],
        "db is the sum over the batch: divide it by the batch size",
        """
-            self.db[i] = np.mean(delta, axis=0)
+            self.db[i] = np.sum(delta, axis=0)
"""),
    "dW and db summed": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are sums over the batch: divide them by the batch size",
        """
-            self.dW[i] = self.outputs[i].T @ delta / len(labels)
+            self.dW[i] = self.outputs[i].T @ delta

-            self.db[i] = np.mean(delta, axis=0)
+            self.db[i] = np.sum(delta, axis=0)
"""),
    "divided twice": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are divided by the batch size twice: divide them once",
        """
-            self.dW[i] = self.outputs[i].T @ delta / len(labels)
+            self.dW[i] = self.outputs[i].T @ delta / len(labels) / len(labels)

-            self.db[i] = np.mean(delta, axis=0)
+            self.db[i] = np.mean(delta, axis=0) / len(labels)
"""),
    "delta divided": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are divided by the batch size twice: divide them once",
        """
-        delta = self.criterion.derivative()
+        delta = self.criterion.derivative() / len(labels)
"""),
    "accumulated": Mistake(
        "2.3", ["2.3 zero_grads", "2.3 five_steps"],
        "the gradients accumulate over the batches: set them to 0 in zero_grads, or assign them "
        "in backward",
        """
-            self.dW[i].fill(0.0)
+            pass

-            self.db[i].fill(0.0)
+            pass

-            self.dW[i] = self.outputs[i].T @ delta / len(labels)
+            self.dW[i] += self.outputs[i].T @ delta / len(labels)

-            self.db[i] = np.mean(delta, axis=0)
+            self.db[i] += np.mean(delta, axis=0)
"""),
    "step sign": Mistake(
        "2.3", ["2.3 five_steps"],
        "step moves up the gradient: subtract lr * dW and lr * db",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = self.momentum * self.vW[i] + self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = self.momentum * self.vb[i] + self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "step without lr": Mistake(
        "2.3", ["2.3 five_steps"],
        "step does not use lr: subtract lr * dW and lr * db",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = self.momentum * self.vW[i] - self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = self.momentum * self.vb[i] - self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "momentum of 0.9": Mistake(
        "2.3", ["2.3 five_steps"],
        "step uses a momentum of 0.9, whatever MLP is given: use self.momentum",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = 0.9 * self.vW[i] - self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = 0.9 * self.vb[i] - self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    # ---- 2.4 ----
    "sigmoid' of the input": Mistake(
        "2.4", ["2.4 Sigmoid.derivative"],
        "Sigmoid.derivative is s * (1 - s) with s the input: s must be the output of forward",
        """
-        self.state = 1 / (1 + np.exp(-x))
-        return self.state
+        self.x = x
+        self.state = 1 / (1 + np.exp(-x))
+        return self.state

-        return self.state * (1 - self.state)
+        return self.x * (1 - self.x)
"""),
    "sigmoid' twice": Mistake(
        "2.4", ["2.4 Sigmoid.derivative"],
        "Sigmoid.derivative applies the sigmoid again to the output of forward: use state, "
        "which is already s",
        """
-        return self.state * (1 - self.state)
+        s = 1 / (1 + np.exp(-self.state))
+        return s * (1 - s)
"""),
    "tanh' of the input": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative squares the input: return 1 minus the square of the output of forward",
        """
-        self.state = np.tanh(x)
-        return self.state
+        self.x = x
+        self.state = np.tanh(x)
+        return self.state

-        return 1 - self.state ** 2
+        return 1 - self.x ** 2
"""),
    "tanh' twice": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative applies tanh again to the output of forward: use state, which is "
        "already tanh(x)",
        """
-        return 1 - self.state ** 2
+        return 1 - np.tanh(self.state) ** 2
"""),
    "tanh' without square": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative is 1 - tanh(x), the square is missing: return 1 - tanh(x)^2",
        """
-        return 1 - self.state ** 2
+        return 1 - self.state
"""),
    "relu' at 0": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative is 1 where the input is 0: by convention it is 0 there",
        """
-        self.state = np.maximum(0, x)
-        return self.state
+        self.x = x
+        self.state = np.maximum(0, x)
+        return self.state

-        return np.where(self.state > 0, 1.0, 0.0)
+        return np.where(self.x >= 0, 1.0, 0.0)
"""),
    "relu' is 1": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative is 1 everywhere: return 1 where state > 0, and 0 elsewhere",
        """
-        return np.where(self.state > 0, 1.0, 0.0)
+        return np.where(self.state >= 0, 1.0, 0.0)
"""),
    "relu' is state": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative is the output of forward: return 1 where state > 0, and 0 elsewhere",
        """
-        return np.where(self.state > 0, 1.0, 0.0)
+        return self.state
"""),
    # ---- 2.5 ----
    "one hidden layer": Mistake(
        "2.5", FORWARDS[1:],
        "the network has at most one hidden layer: it must have one for each of hiddens",
        """
-        self.nlayers = len(hiddens) + 1
+        hiddens = hiddens[:1]
+        self.nlayers = len(hiddens) + 1
"""),
    "two hidden layers": Mistake(
        "2.5", FORWARDS[2:],
        "the network has at most two hidden layers: it must have one for each of hiddens",
        """
-        self.nlayers = len(hiddens) + 1
+        hiddens = hiddens[:2]
+        self.nlayers = len(hiddens) + 1
"""),
    "three hidden layers": Mistake(
        "2.5", FORWARDS[2:],
        "the network has at most three hidden layers: it must have one for each of hiddens",
        """
-        self.nlayers = len(hiddens) + 1
+        hiddens = hiddens[:3]
+        self.nlayers = len(hiddens) + 1
"""),
    "bias in the first layer only": Mistake(
        "2.5", FORWARDS,
        "forward adds the bias only in the first layer: add b[i] in every layer",
        """
-            z = self.outputs[i] @ self.W[i] + self.b[i]
+            z = self.outputs[i] @ self.W[i]
+            if i == 0:
+                z = z + self.b[i]
"""),
    "bias in the last layer only": Mistake(
        "2.5", FORWARDS,
        "forward adds the bias only in the last layer: add b[i] in every layer",
        """
-            z = self.outputs[i] @ self.W[i] + self.b[i]
+            z = self.outputs[i] @ self.W[i]
+            if i == self.nlayers - 1:
+                z = z + self.b[i]
"""),
    "first activation everywhere": Mistake(
        "2.5", FORWARDS,
        "every layer uses the function of activations[0]: layer i must use activations[i]",
        """
-        self.activations = activations
+        self.activations = [type(activations[0])() for _ in activations]
"""),
    "last derivative left out": Mistake(
        "2.5", ["2.5 mixed_activations"],
        "backward leaves out the derivative of the last activation: multiply delta by it, too",
        """
-            delta = delta * self.activations[i].derivative()
+            if i < self.nlayers - 1:
+                delta = delta * self.activations[i].derivative()
"""),
    "last activation skipped": Mistake(
        "2.5", ["2.5 mixed_activations"],
        "the last activation is skipped: apply activations[i] in every layer, the last one "
        "included",
        """
-            z = self.activations[i](z)
+            if i < self.nlayers - 1:
+                z = self.activations[i](z)

-            delta = delta * self.activations[i].derivative()
+            if i < self.nlayers - 1:
+                delta = delta * self.activations[i].derivative()
"""),
    "derivatives left out": Mistake(
        "2.5", [*BACKWARDS, "2.5 mixed_activations"],
        "backward leaves out the derivatives of the activations: multiply delta by "
        "activations[i].derivative()",
        """
-            delta = delta * self.activations[i].derivative()
+            pass
"""),
    "activations called again": Mistake(
        "2.5", [*BACKWARDS, "2.5 mixed_activations"],
        "backward calls the activations again, with their own output: call derivative() alone, "
        "which is that of the last forward",
        """
-            delta = delta * self.activations[i].derivative()
+            self.activations[i](self.outputs[i + 1])
+            delta = delta * self.activations[i].derivative()
"""),
    "W not transposed": Mistake(
        "2.5", BACKWARDS[2:],
        "backward multiplies delta by W: multiply it by the transpose, delta @ W.T",
        """
-            if i > 0:
-                delta = delta @ self.W[i].T
+            if i > 0 and self.W[i].shape[0] == self.W[i].shape[1]:
+                delta = delta @ self.W[i]
+            elif i > 0:
+                delta = delta @ self.W[i].T
"""),
    # ---- 2.6 ----
    "var by m - 1": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm divides by m - 1 in var: divide by m",
        """
-            var = np.var(x, axis=0)
+            var = np.var(x, axis=0, ddof=1)
"""),
    "running_var by m - 1": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm averages a variance divided by m - 1 in running_var: average var, which is "
        "divided by m",
        """
-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            unbiased = np.var(x, axis=0, ddof=1)
+            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * unbiased
"""),
    "eps outside": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm adds eps outside the square root: norm must be (x - mean) / sqrt(var + eps)",
        """
-        self.deviation = np.sqrt(var + self.eps)
+        self.deviation = np.sqrt(var) + self.eps
"""),
    "root missing": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm divides by the variance: divide by its square root, sqrt(var + eps)",
        """
-        self.deviation = np.sqrt(var + self.eps)
+        self.deviation = var + self.eps
"""),
    "eps of 1e-5": Mistake(
        "2.6", ["2.6 training"],
        "eps is 1e-5: the handout's is 1e-8",
        """
-        self.eps = 1e-8
+        self.eps = 1e-5
"""),
    "mean of all units": Mistake(
        "2.6", ["2.6 training"],
        "mean is one number for all units: take the mean over the batch, axis 0",
        """
-            mean = np.mean(x, axis=0)
+            mean = np.mean(x)
"""),
    "var of all units": Mistake(
        "2.6", ["2.6 training"],
        "var is one number for all units: take the variance over the batch, axis 0",
        """
-            var = np.var(x, axis=0)
+            var = np.var(x)
"""),
    "mean and var of all units": Mistake(
        "2.6", ["2.6 training"],
        "mean and var are one number for all units: take them over the batch, axis 0",
        """
-            mean = np.mean(x, axis=0)
-            var = np.var(x, axis=0)
+            mean = np.mean(x)
+            var = np.var(x)
"""),
    "eps missing": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm leaves out eps: norm must be (x - mean) / sqrt(var + eps)",
        """
-        self.deviation = np.sqrt(var + self.eps)
+        self.deviation = np.sqrt(var)
"""),
    "running statistics kept": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm never updates the running statistics: set them to "
        "alpha * running + (1 - alpha) * batch in training",
        """
-            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
+            pass

-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            pass
"""),
    "running_var of the deviation": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm averages the standard deviation in running_var: average the variance",
        """
-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * np.sqrt(var)
"""),
    "alpha swapped": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm swaps alpha and 1 - alpha: the running statistics must become "
        "alpha * running + (1 - alpha) * batch",
        """
-            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
+            self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * mean

-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            self.running_var = (1 - self.alpha) * self.running_var + self.alpha * var
"""),
    "alpha swapped in running_mean": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm swaps alpha and 1 - alpha in running_mean: it must become "
        "alpha * running + (1 - alpha) * batch, as running_var does",
        """
-            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
+            self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * mean
"""),
    "alpha swapped in running_var": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm swaps alpha and 1 - alpha in running_var: it must become "
        "alpha * running + (1 - alpha) * batch, as running_mean does",
        """
-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            self.running_var = (1 - self.alpha) * self.running_var + self.alpha * var
"""),
    "running statistics of the batch": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm's running statistics are those of the last batch: they must become "
        "alpha * running + (1 - alpha) * batch",
        """
-            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
+            self.running_mean = mean[np.newaxis]

-            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
+            self.running_var = var[np.newaxis]
"""),
    "inference by the batch": Mistake(
        "2.6", ["2.6 inference"],
        "BatchNorm uses the batch's statistics in inference: use running_mean and running_var",
        """
-            mean = self.running_mean
-            var = self.running_var
+            mean = np.mean(x, axis=0)
+            var = np.var(x, axis=0)
"""),
    "inference by the last batch": Mistake(
        "2.6", ["2.6 inference"],
        "BatchNorm uses the last training batch's statistics in inference: use running_mean and "
        "running_var",
        """
-            mean = self.running_mean
-            var = self.running_var
+            mean = self.mean
+            var = self.var
"""),
    "gamma missing in dx": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm.backward leaves out gamma in dx: begin with dnorm = delta * gamma",
        """
-        dnorm = delta * self.gamma
+        dnorm = delta
"""),
    "dvar missing": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm.backward leaves out the term of the variance in dx: add "
        "dvar * 2 * (x - mean) / m",
        """
-        return dnorm / self.deviation + dvar * (2 / m) * centred + dmean * (1 / m)
+        return dnorm / self.deviation + dmean * (1 / m)
"""),
    "dvar and dmean missing": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm.backward leaves out the terms of the mean and the variance in dx: add "
        "dvar * 2 * (x - mean) / m + dmean / m",
        """
-        return dnorm / self.deviation + dvar * (2 / m) * centred + dmean * (1 / m)
+        return dnorm / self.deviation
"""),
    "dmean missing": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm.backward leaves out the term of the mean in dx: add dmean / m",
        """
-        return dnorm / self.deviation + dvar * (2 / m) * centred + dmean * (1 / m)
+        return dnorm / self.deviation + dvar * (2 / m) * centred
"""),
    "dgamma of out": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm's dgamma is the sum of delta * out: it must be the sum of delta * norm",
        """
-        self.dgamma = np.sum(delta * self.norm, axis=0)
+        self.dgamma = np.sum(delta * self.out, axis=0)
"""),
    "dgamma of x": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm's dgamma is the sum of delta * x: it must be the sum of delta * norm",
        """
-        self.dgamma = np.sum(delta * self.norm, axis=0)
+        self.dgamma = np.sum(delta * self.x, axis=0)
"""),
    "dgamma and dbeta averaged": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm's dgamma and dbeta are divided by the batch size: they must be sums over the "
        "batch",
        """
-        self.dgamma = np.sum(delta * self.norm, axis=0)
+        self.dgamma = np.mean(delta * self.norm, axis=0)

-        self.dbeta = np.sum(delta, axis=0)
+        self.dbeta = np.mean(delta, axis=0)
"""),
    "dgamma and dbeta swapped": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm's dgamma and dbeta are swapped: dgamma must be the sum of delta * norm, "
        "dbeta that of delta",
        """
-        self.dgamma = np.sum(delta * self.norm, axis=0)
+        self.dbeta = np.sum(delta * self.norm, axis=0)

-        self.dbeta = np.sum(delta, axis=0)
+        self.dgamma = np.sum(delta, axis=0)
"""),
    "eval not passed": Mistake(
        "2.6", ["2.6 train_and_infer"],
        "BatchNorm does not infer in the network's eval mode: pass eval=not self.train_mode",
        """
-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn and i < self.num_bn_layers:
+                z = self.bn_layers[i](z)
"""),
    "bias with BatchNorm": Mistake(
        "2.6", ["2.6 train_and_infer"],
        "forward leaves out the bias in layers with BatchNorm: add it, for it counts in "
        "inference",
        """
-            z = self.outputs[i] @ self.W[i] + self.b[i]
+            z = self.outputs[i] @ self.W[i]
+            if i >= self.num_bn_layers:
+                z = z + self.b[i]
"""),
    "BatchNorm on the first layer only": Mistake(
        "2.6", TWO_OR_MORE,
        "BatchNorm is applied in the first layer only: apply it in the first num_bn_layers "
        "layers",
        """
-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn and i == 0:
+                z = self.bn_layers[i](z, not self.train_mode)

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            if self.bn and i == 0:
+                delta = self.bn_layers[i].backward(delta)
"""),
    "same BatchNorm": Mistake(
        "2.6", TWO_OR_MORE,
        "bn_layers holds one BatchNorm several times: make a BatchNorm for each layer",
        """
-            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
+            self.bn_layers = [BatchNorm(sizes[1])] * num_bn_layers
"""),
    "bn_layers[0] in every layer": Mistake(
        "2.6", TWO_OR_MORE,
        "every layer uses bn_layers[0]: layer i must use bn_layers[i]",
        """
-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn and i < self.num_bn_layers:
+                z = self.bn_layers[0](z, not self.train_mode)

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            if self.bn and i < self.num_bn_layers:
+                delta = self.bn_layers[0].backward(delta)
"""),
    "BatchNorm on every layer": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in every layer: apply it in the first num_bn_layers layers only",
        """
-            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
+            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(self.nlayers)]

-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn:
+                z = self.bn_layers[i](z, not self.train_mode)

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            if self.bn:
+                delta = self.bn_layers[i].backward(delta)
"""),
    "BatchNorm on every hidden layer": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in every hidden layer: apply it in the first num_bn_layers layers"
        " only",
        """
-            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
+            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(len(hiddens))]

-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn and i < self.nlayers - 1:
+                z = self.bn_layers[i](z, not self.train_mode)

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            if self.bn and i < self.nlayers - 1:
+                delta = self.bn_layers[i].backward(delta)
"""),
    "BatchNorm skipped in backward": Mistake(
        "2.6", IN_NETWORKS,
        "backward skips BatchNorm: pass delta through BatchNorm.backward",
        """
-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            pass
"""),
    "BatchNorm before the linear map": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied before the linear map: apply it between the linear map and the "
        "activation",
        """
-            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
+            self.bn_layers = [BatchNorm(sizes[i]) for i in range(num_bn_layers)]

-            z = self.outputs[i] @ self.W[i] + self.b[i]
-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            if self.bn and i < self.num_bn_layers:
+                self.outputs[i] = self.bn_layers[i](self.outputs[i], not self.train_mode)
+            z = self.outputs[i] @ self.W[i] + self.b[i]

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)

-            if i > 0:
-                delta = delta @ self.W[i].T
+            delta = delta @ self.W[i].T
+            if self.bn and i < self.num_bn_layers:
+                delta = self.bn_layers[i].backward(delta)
"""),
    "BatchNorm after the activation": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied after the activation: apply it between the linear map and the "
        "activation",
        """
-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
-            z = self.activations[i](z)
+            z = self.activations[i](z)
+            if self.bn and i < self.num_bn_layers:
+                z = self.bn_layers[i](z, not self.train_mode)

-            delta = delta * self.activations[i].derivative()
-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            if self.bn and i < self.num_bn_layers:
+                delta = self.bn_layers[i].backward(delta)
+            delta = delta * self.activations[i].derivative()
"""),
    "BatchNorm on the last layers": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in the last hidden layers: apply it in the first num_bn_layers "
        "layers",
        """
-            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
+            self.bn_layers = [BatchNorm(d) for d in hiddens[-num_bn_layers:]]

-            if self.bn and i < self.num_bn_layers:
-                z = self.bn_layers[i](z, not self.train_mode)
+            k = i - (self.nlayers - 1 - self.num_bn_layers)
+            if self.bn and 0 <= k < self.num_bn_layers:
+                z = self.bn_layers[k](z, not self.train_mode)

-            if self.bn and i < self.num_bn_layers:
-                delta = self.bn_layers[i].backward(delta)
+            k = i - (self.nlayers - 1 - self.num_bn_layers)
+            if self.bn and 0 <= k < self.num_bn_layers:
+                delta = self.bn_layers[k].backward(delta)
"""),
    "step of the first BatchNorm only": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of bn_layers[0] only: move those of every layer",
        """
-            for layer in self.bn_layers:
+            for layer in self.bn_layers[:1]:
"""),
    "step of the last BatchNorm only": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of the last of bn_layers only: move those of every layer",
        """
-            for layer in self.bn_layers:
+            for layer in self.bn_layers[-1:]:
"""),
    "step of the first two BatchNorms only": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of the first two of bn_layers only: move those of every "
        "layer",
        """
-            for layer in self.bn_layers:
+            for layer in self.bn_layers[:2]:
"""),
    "gamma and beta kept": Mistake(
        "2.6", ["2.6 step"],
        "step leaves gamma and beta unchanged: subtract lr * dgamma and lr * dbeta",
        """
-                layer.gamma = layer.gamma - self.lr * layer.dgamma
+                pass

-                layer.beta = layer.beta - self.lr * layer.dbeta
+                pass
"""),
    "beta kept": Mistake(
        "2.6", ["2.6 step"],
        "step moves gamma, but leaves beta unchanged: subtract lr * dbeta",
        """
-                layer.beta = layer.beta - self.lr * layer.dbeta
+                pass
"""),
    "gamma kept": Mistake(
        "2.6", ["2.6 step"],
        "step moves beta, but leaves gamma unchanged: subtract lr * dgamma",
        """
-                layer.gamma = layer.gamma - self.lr * layer.dgamma
+                pass
"""),
    "gamma and beta without lr": Mistake(
        "2.6", ["2.6 step"],
        "step does not use lr for gamma and beta: subtract lr * dgamma and lr * dbeta",
        """
-                layer.gamma = layer.gamma - self.lr * layer.dgamma
+                layer.gamma = layer.gamma - layer.dgamma

-                layer.beta = layer.beta - self.lr * layer.dbeta
+                layer.beta = layer.beta - layer.dbeta
"""),
    "gamma and beta sign": Mistake(
        "2.6", ["2.6 step"],
        "step moves gamma and beta up the gradient: subtract lr * dgamma and lr * dbeta",
        """
-                layer.gamma = layer.gamma - self.lr * layer.dgamma
+                layer.gamma = layer.gamma + self.lr * layer.dgamma

-                layer.beta = layer.beta - self.lr * layer.dbeta
+                layer.beta = layer.beta + self.lr * layer.dbeta
"""),
    # ---- 2.7 ----
    "no momentum": Mistake(
        "2.7", [*FIVE_STEPS, "2.7 networks_side_by_side", "2.7 velocity_starts_at_zero"],
        "momentum has no effect: keep a velocity from step to step, v = momentum * v - lr * dW; "
        "W = W + v, which zero_grads must not reset",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = - self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = - self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "Nesterov": Mistake(
        "2.7", FIVE_STEPS,
        "step uses Nesterov's momentum: use the handout's, "
        "v = momentum * v - lr * dW; W = W + v",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.momentum * self.vW[i] - self.lr * self.dW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.momentum * self.vb[i] - self.lr * self.db[i]
"""),
    "damping": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient is damped by 1 - momentum: use v = momentum * v - lr * dW",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = self.momentum * self.vW[i] - (1 - self.momentum) * self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = self.momentum * self.vb[i] - (1 - self.momentum) * self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "damping of W": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient of W is damped by 1 - momentum: use v = momentum * v - lr * dW, as for b",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = self.momentum * self.vW[i] - (1 - self.momentum) * self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]
"""),
    "damping of b": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient of b is damped by 1 - momentum: use v = momentum * v - lr * db, as for W",
        """
-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = self.momentum * self.vb[i] - (1 - self.momentum) * self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "momentum sign": Mistake(
        "2.7", FIVE_STEPS,
        "momentum has the wrong sign: use v = momentum * v - lr * dW",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = -self.momentum * self.vW[i] - self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]

-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = -self.momentum * self.vb[i] - self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "W without momentum": Mistake(
        "2.7", FIVE_STEPS,
        "W moves without momentum: keep a velocity for W, as for b",
        """
-            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
-            self.W[i] = self.W[i] + self.vW[i]
+            self.vW[i] = - self.lr * self.dW[i]
+            self.W[i] = self.W[i] + self.vW[i]
"""),
    "b without momentum": Mistake(
        "2.7", FIVE_STEPS,
        "b moves without momentum: keep a velocity for b, as for W",
        """
-            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
-            self.b[i] = self.b[i] + self.vb[i]
+            self.vb[i] = - self.lr * self.db[i]
+            self.b[i] = self.b[i] + self.vb[i]
"""),
    "gamma and beta with momentum": Mistake(
        "2.7", ["2.7 with_batchnorm"],
        "gamma and beta move with momentum: subtract lr * dgamma and lr * dbeta alone",
        """
-                layer.gamma = layer.gamma - self.lr * layer.dgamma
+                layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma
+                layer.gamma = layer.gamma + layer.vgamma

-                layer.beta = layer.beta - self.lr * layer.dbeta
+                layer.vbeta = self.momentum * getattr(layer, 'vbeta', 0) - self.lr * layer.dbeta
+                layer.beta = layer.beta + layer.vbeta
"""),
}


def find_candidates(section, owner):
    """Return the names of the mistakes that edit a class or function, of this section or earlier.

    owner: the class's or function's name.
    """
    text = ""
    for piece in read_textbook().split("\n\n\n"):
        if piece.startswith((f"class {owner}", f"def {owner}")):
            text = f"\n{piece}\n"
    return [name for name, mistake in MISTAKES.items() if mistake.section <= section
            and any(f"\n{old}\n" in text for old, _ in mistake.edits)]


def edit(text, edits):
    """Return a text with lines replaced.

    edits: pairs (old lines, new lines), with or without their last line break; new lines of ""
    delete the old ones. Raises ValueError unless all old lines are in the text, exactly once.
    """
    for old, new in edits:
        old = f"\n{remove_line_break(old)}\n"
        if new:
            new = f"{remove_line_break(new)}\n"
        count = f"\n{text}".count(old)
        if count != 1:
            raise ValueError(f"{old!r} must be whole lines that occur once, not {count} times")
        text = f"\n{text}".replace(old, f"\n{new}")[1:]
    return text


def remove_line_break(lines):
    return lines[:-1] if lines.endswith("\n") else lines


@functools.lru_cache(maxsize=None)
def read_textbook(mistake=None):
    """Return the textbook's source, with the mistake of this name if one is given."""
    text = FILE.read_text()
    return text if mistake is None else edit(text, MISTAKES[mistake].edits)


@functools.lru_cache(maxsize=None)
def load_textbook(mistake=None):
    """Return the textbook as a module, with the mistake of this name if one is given."""
    module = types.ModuleType("hw1.textbook")
    for piece in read_textbook(mistake).split("\n\n\n"):
        exec(_compile(piece), module.__dict__)
    return module


@functools.lru_cache(maxsize=None)
def _compile(piece):
    """Return the code of one definition; it is kept, for a mistake edits few of them."""
    return compile(piece, str(FILE), "exec")
