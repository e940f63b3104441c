"""Typical mistakes: edits of the textbook that are recognised by their numbers.

A check that a submission loses is free if the textbook with a mistake gives the same numbers, and
every check that this mistake costs is lost: see resolve.py. The sentence is then the reason.

To add a mistake, add an entry to MISTAKES: its section, the checks that it costs, a sentence that
names the mistake and the fix, and pairs of whole old and new lines of textbook.py, the old ones
there once.
"""

import functools
import pathlib
import types
import typing

FILE = pathlib.Path(__file__).with_name("textbook.py")


class Mistake(typing.NamedTuple):
    """costs: checks, "2.3 forward". edits: pairs of the old lines and the new lines."""

    section: str
    costs: typing.List[str]
    sentence: str
    edits: typing.List[typing.Tuple[str, str]]


# ---- Lines that several mistakes change ----------------------------------------------------------

LOSS = "        self.loss = -np.sum(y * (x - lse), axis=1)"
DLOGITS = "        return self.sm - self.labels"
SIGMOID = "        self.state = 1 / (1 + np.exp(-x))\n        return self.state"
SIGMOID_SLOPE = "        return self.state * (1 - self.state)"
TANH = "        self.state = np.tanh(x)\n        return self.state"
TANH_SLOPE = "        return 1 - self.state ** 2"
RELU = "        self.state = np.maximum(0, x)\n        return self.state"
RELU_SLOPE = "        return np.where(self.state > 0, 1.0, 0.0)"
INFERENCE = "            mean = self.running_mean\n            var = self.running_var"
VARIANCE = "            var = np.var(x, axis=0)"
RUNNING_MEAN = (
    "            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean")
RUNNING_VAR = (
    "            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var")
DEVIATION = "        self.deviation = np.sqrt(var + self.eps)"
DGAMMA = "        self.dgamma = np.sum(delta * self.norm, axis=0)"
DBETA = "        self.dbeta = np.sum(delta, axis=0)"
DX = ("        return dnorm / self.deviation + dvar * (2 / m) * centred + dmean * (1 / m)")
NLAYERS = "        self.nlayers = len(hiddens) + 1"
ACTIVATIONS = "        self.activations = activations"
SIZES = "        sizes = [input_size] + hiddens + [output_size]"
INITIAL_W = "        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]"
VELOCITY_W = "        self.vW = [np.zeros(W.shape) for W in self.W]"
VELOCITY_B = "        self.vb = [np.zeros(b.size) for b in self.b]"
BN_LAYERS = "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]"
ZERO_W = "            self.dW[i].fill(0.0)"
ZERO_B = "            self.db[i].fill(0.0)"
LINEAR = "            z = self.outputs[i] @ self.W[i] + self.b[i]"
FORWARD_BN = """\
            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)"""
ACTIVATE = "            z = self.activations[i](z)"
CRITERION = "        delta = self.criterion.derivative()"
SLOPE = "            delta = delta * self.activations[i].derivative()"
BACKWARD_BN = """\
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)"""
DW = "            self.dW[i] = self.outputs[i].T @ delta / len(labels)"
DB = "            self.db[i] = np.mean(delta, axis=0)"
DELTA = "            if i > 0:\n                delta = delta @ self.W[i].T"
STEP_W = """\
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.W[i] = self.W[i] + self.vW[i]"""
STEP_B = """\
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.b[i] = self.b[i] + self.vb[i]"""
STEP_LAYERS = "            for layer in self.bn_layers:"
STEP_GAMMA = "                layer.gamma = layer.gamma - self.lr * layer.dgamma"
STEP_BETA = "                layer.beta = layer.beta - self.lr * layer.dbeta"

# ---- Checks that several mistakes cost -----------------------------------------------------------

FORWARDS = ["2.5 forward [32]", "2.5 forward [64, 32]", "2.5 forward [32, 32, 32, 32, 32]"]
BACKWARDS = ["2.5 backward [32]", "2.5 backward [64, 32]", "2.5 backward [32, 32, 32, 32, 32]"]
TWO_OR_MORE = ["2.6 in a network, num_bn_layers=2", "2.6 in a network, num_bn_layers=3"]
IN_NETWORKS = ["2.6 in a network, num_bn_layers=1", *TWO_OR_MORE]
FIVE_STEPS = ["2.7 five steps, no hidden layer", "2.7 five steps, one hidden layer",
              "2.7 five steps, two hidden layers"]

MISTAKES = {
    # ---- 2.2 ----
    "loss sign": Mistake(
        "2.2", ["2.2 loss"],
        "the loss has the wrong sign: it is -sum(y * log(sm)), which is positive",
        [(LOSS, "        self.loss = np.sum(y * (x - lse), axis=1)")]),
    "loss averaged": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is averaged over the batch: return one value for each example, (m,)",
        [(LOSS, "        self.loss = np.mean(-np.sum(y * (x - lse), axis=1))")]),
    "loss summed": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is summed over the batch: return one value for each example, (m,)",
        [(LOSS, "        self.loss = np.sum(-np.sum(y * (x - lse), axis=1))")]),
    "loss divided": Mistake(
        "2.2", ["2.2 loss"],
        "the loss is divided by the batch size: it is one value for each example, not averaged",
        [(LOSS, "        self.loss = -np.sum(y * (x - lse), axis=1) / len(x)")]),
    "softmax over axis 0": Mistake(
        "2.2", ["2.2 loss", "2.2 derivative"],
        "the softmax is taken over the batch, axis 0: take it over the classes, axis 1",
        [("        a = np.max(x, axis=1, keepdims=True)",
          "        a = np.max(x, axis=0, keepdims=True)"),
         ("        lse = a + np.log(np.sum(np.exp(x - a), axis=1, keepdims=True))",
          "        lse = a + np.log(np.sum(np.exp(x - a), axis=0, keepdims=True))")]),
    "dlogits divided": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() is divided by the batch size: it is sm - y, one row for each example",
        [(DLOGITS, "        return (self.sm - self.labels) / len(self.labels)")]),
    "dlogits is sm": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() is sm alone: it is sm - y",
        [(DLOGITS, "        return self.sm")]),
    "dlogits sign": Mistake(
        "2.2", ["2.2 derivative"],
        "derivative() has the wrong sign: it is sm - y",
        [(DLOGITS, "        return self.labels - self.sm")]),
    # ---- 2.3 ----
    "dW transposed": Mistake(
        "2.3", ["2.3 backward"],
        "dW is transposed: it must have the shape of W",
        [(DW, "            self.dW[i] = delta.T @ self.outputs[i] / len(labels)")]),
    "bias forgotten": Mistake(
        "2.3", ["2.3 forward"],
        "forward does not add the bias: the output of a layer is activation(x @ W + b)",
        [(LINEAR, "            z = self.outputs[i] @ self.W[i]")]),
    "dW summed": Mistake(
        "2.3", ["2.3 backward"],
        "dW is the sum over the batch: divide it by the batch size",
        [(DW, "            self.dW[i] = self.outputs[i].T @ delta")]),
    "db summed": Mistake(
        "2.3", ["2.3 backward"],
        "db is the sum over the batch: divide it by the batch size",
        [(DB, "            self.db[i] = np.sum(delta, axis=0)")]),
    "dW and db summed": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are sums over the batch: divide them by the batch size",
        [(DW, "            self.dW[i] = self.outputs[i].T @ delta"),
         (DB, "            self.db[i] = np.sum(delta, axis=0)")]),
    "divided twice": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are divided by the batch size twice: divide them once",
        [(DW, "            self.dW[i] = self.outputs[i].T @ delta / len(labels) / len(labels)"),
         (DB, "            self.db[i] = np.mean(delta, axis=0) / len(labels)")]),
    "delta divided": Mistake(
        "2.3", ["2.3 backward"],
        "dW and db are divided by the batch size twice: divide them once",
        [(CRITERION, "        delta = self.criterion.derivative() / len(labels)")]),
    "accumulated": Mistake(
        "2.3", ["2.3 zero_grads", "2.3 five_steps"],
        "the gradients of earlier batches are added up: set them to 0 in zero_grads, or assign "
        "them in backward",
        [(ZERO_W, "            pass"),
         (ZERO_B, "            pass"),
         (DW, "            self.dW[i] += self.outputs[i].T @ delta / len(labels)"),
         (DB, "            self.db[i] += np.mean(delta, axis=0)")]),
    "step sign": Mistake(
        "2.3", ["2.3 five_steps"],
        "step goes up the gradient: subtract lr * dW and lr * db",
        [(STEP_W, STEP_W.replace("- self.lr", "+ self.lr")),
         (STEP_B, STEP_B.replace("- self.lr", "+ self.lr"))]),
    "step without lr": Mistake(
        "2.3", ["2.3 five_steps"],
        "step does not use lr: subtract lr * dW and lr * db",
        [(STEP_W, STEP_W.replace("self.lr * ", "")),
         (STEP_B, STEP_B.replace("self.lr * ", ""))]),
    "momentum of 0.9": Mistake(
        "2.3", ["2.3 five_steps"],
        "the momentum is 0.9 whatever MLP is given: use self.momentum",
        [(STEP_W, STEP_W.replace("self.momentum", "0.9")),
         (STEP_B, STEP_B.replace("self.momentum", "0.9"))]),
    # ---- 2.4 ----
    "sigmoid' of the input": Mistake(
        "2.4", ["2.4 Sigmoid.derivative"],
        "Sigmoid.derivative is s (1 - s) of the input; s must be the output of forward",
        [(SIGMOID, "        self.x = x\n" + SIGMOID),
         (SIGMOID_SLOPE, "        return self.x * (1 - self.x)")]),
    "sigmoid' twice": Mistake(
        "2.4", ["2.4 Sigmoid.derivative"],
        "Sigmoid.derivative applies the sigmoid again to the output of forward: state is already s",
        [(SIGMOID_SLOPE, "        s = 1 / (1 + np.exp(-self.state))\n        return s * (1 - s)")]),
    "tanh' of the input": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative squares the input; it is 1 minus the square of the output of forward",
        [(TANH, "        self.x = x\n" + TANH),
         (TANH_SLOPE, "        return 1 - self.x ** 2")]),
    "tanh' twice": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative applies tanh again to the output of forward: state is already tanh(x)",
        [(TANH_SLOPE, "        return 1 - np.tanh(self.state) ** 2")]),
    "tanh' without square": Mistake(
        "2.4", ["2.4 Tanh.derivative"],
        "Tanh.derivative is 1 - tanh(x): the square is missing, it is 1 - tanh(x)^2",
        [(TANH_SLOPE, "        return 1 - self.state")]),
    "relu' at 0": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative at 0 is 1: by convention it is 0",
        [(RELU, "        self.x = x\n" + RELU),
         (RELU_SLOPE, "        return np.where(self.x >= 0, 1.0, 0.0)")]),
    "relu' is 1": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative is 1 everywhere: it is 1 where state > 0 and 0 elsewhere",
        [(RELU_SLOPE, "        return np.where(self.state >= 0, 1.0, 0.0)")]),
    "relu' is state": Mistake(
        "2.4", ["2.4 ReLU.derivative"],
        "ReLU.derivative is the output of forward: it is 1 where state > 0 and 0 elsewhere",
        [(RELU_SLOPE, "        return self.state")]),
    # ---- 2.5 ----
    "one hidden layer": Mistake(
        "2.5", FORWARDS[1:],
        "the network has at most one hidden layer: it must have one for each of hiddens",
        [(NLAYERS, "        hiddens = hiddens[:1]\n" + NLAYERS)]),
    "two hidden layers": Mistake(
        "2.5", FORWARDS[2:],
        "the network has at most two hidden layers: it must have one for each of hiddens",
        [(NLAYERS, "        hiddens = hiddens[:2]\n" + NLAYERS)]),
    "three hidden layers": Mistake(
        "2.5", FORWARDS[2:],
        "the network has at most three hidden layers: it must have one for each of hiddens",
        [(NLAYERS, "        hiddens = hiddens[:3]\n" + NLAYERS)]),
    "bias of the first layer": Mistake(
        "2.5", FORWARDS,
        "forward adds the bias only in the first layer: add b[i] in every layer",
        [(LINEAR, "            z = self.outputs[i] @ self.W[i]\n"
                  "            if i == 0:\n"
                  "                z = z + self.b[i]")]),
    "bias of the last layer": Mistake(
        "2.5", FORWARDS,
        "forward adds the bias only in the last layer: add b[i] in every layer",
        [(LINEAR, "            z = self.outputs[i] @ self.W[i]\n"
                  "            if i == self.nlayers - 1:\n"
                  "                z = z + self.b[i]")]),
    "first activation": Mistake(
        "2.5", FORWARDS,
        "every layer uses the function of activations[0]: layer i must use activations[i]",
        [(ACTIVATIONS, "        self.activations = [type(activations[0])() for _ in activations]")]),
    "last activation in backward": Mistake(
        "2.5", ["2.5 mixed_activations"],
        "backward leaves out the derivative of the last activation",
        [(SLOPE, "            if i < self.nlayers - 1:\n    " + SLOPE)]),
    "last activation": Mistake(
        "2.5", ["2.5 mixed_activations"],
        "the last activation is skipped: apply activations[i] in every layer, also in the last",
        [(ACTIVATE, "            if i < self.nlayers - 1:\n    " + ACTIVATE),
         (SLOPE, "            if i < self.nlayers - 1:\n    " + SLOPE)]),
    "all activations": Mistake(
        "2.5", [*BACKWARDS, "2.5 mixed_activations"],
        "backward leaves out the derivatives of the activations: delta *= activation.derivative()",
        [(SLOPE, "            pass")]),
    "activation again": Mistake(
        "2.5", [*BACKWARDS, "2.5 mixed_activations"],
        "backward calls the activations again with their output, so that derivative() is that at "
        "the output: call derivative() alone, it is of the last forward",
        [(SLOPE, "            self.activations[i](self.outputs[i + 1])\n" + SLOPE)]),
    "not transposed": Mistake(
        "2.5", BACKWARDS[2:],
        "backward takes delta through W: take it through its transpose, delta @ W.T",
        [(DELTA, "            if i > 0 and self.W[i].shape[0] == self.W[i].shape[1]:\n"
                 "                delta = delta @ self.W[i]\n"
                 "            elif i > 0:\n"
                 "                delta = delta @ self.W[i].T")]),
    # ---- 2.6 ----
    "m - 1": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm: var is divided by m - 1: divide it by m",
        [(VARIANCE, "            var = np.var(x, axis=0, ddof=1)")]),
    "running_var by m - 1": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: running_var averages a variance that is divided by m - 1: average var",
        [(RUNNING_VAR,
          "            unbiased = np.var(x, axis=0, ddof=1)\n"
          "            self.running_var = self.alpha * self.running_var"
          " + (1 - self.alpha) * unbiased")]),
    "eps outside": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm: eps stands outside the square root: norm is (x - mean) / sqrt(var + eps)",
        [(DEVIATION, "        self.deviation = np.sqrt(var) + self.eps")]),
    "root missing": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm: norm is divided by the variance: divide by its square root",
        [(DEVIATION, "        self.deviation = var + self.eps")]),
    "eps missing": Mistake(
        "2.6", ["2.6 training"],
        "BatchNorm: eps is missing: norm is (x - mean) / sqrt(var + eps)",
        [(DEVIATION, "        self.deviation = np.sqrt(var)")]),
    "running kept": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: the running statistics are never updated in training",
        [(RUNNING_MEAN, "            pass"),
         (RUNNING_VAR, "            pass")]),
    "deviation averaged": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: running_var averages the standard deviation: average the variance",
        [(RUNNING_VAR, RUNNING_VAR.replace("* var", "* np.sqrt(var)"))]),
    "alpha": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: alpha weighs the new batch: it must weigh the running statistics",
        [(RUNNING_MEAN, "            self.running_mean = (1 - self.alpha) * self.running_mean"
                        " + self.alpha * mean"),
         (RUNNING_VAR, "            self.running_var = (1 - self.alpha) * self.running_var"
                       " + self.alpha * var")]),
    "alpha of running_mean": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: alpha weighs the new batch in running_mean, not in running_var: it must weigh "
        "the running statistics in both",
        [(RUNNING_MEAN, "            self.running_mean = (1 - self.alpha) * self.running_mean"
                        " + self.alpha * mean")]),
    "alpha of running_var": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: alpha weighs the new batch in running_var, not in running_mean: it must weigh "
        "the running statistics in both",
        [(RUNNING_VAR, "            self.running_var = (1 - self.alpha) * self.running_var"
                       " + self.alpha * var")]),
    "running of the batch": Mistake(
        "2.6", ["2.6 running_statistics"],
        "BatchNorm: the running statistics are those of the last batch: average them by alpha",
        [(RUNNING_MEAN, "            self.running_mean = mean[np.newaxis]"),
         (RUNNING_VAR, "            self.running_var = var[np.newaxis]")]),
    "eval by the batch": Mistake(
        "2.6", ["2.6 inference"],
        "BatchNorm: inference uses the batch's statistics: use running_mean and running_var",
        [(INFERENCE, "            mean = np.mean(x, axis=0)\n"
                     "            var = np.var(x, axis=0)")]),
    "eval by the last batch": Mistake(
        "2.6", ["2.6 inference"],
        "BatchNorm: inference uses the last training batch's statistics: use running_mean and "
        "running_var",
        [(INFERENCE, "            mean = self.mean\n            var = self.var")]),
    "gamma in dx": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: backward forgets gamma in dx",
        [("        dnorm = delta * self.gamma", "        dnorm = delta")]),
    "dvar": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: the term of the variance is missing in dx",
        [(DX, "        return dnorm / self.deviation + dmean * (1 / m)")]),
    "dvar and dmean": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: the terms of the mean and of the variance are missing in dx",
        [(DX, "        return dnorm / self.deviation")]),
    "dmean": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: the term of the mean is missing in dx",
        [(DX, "        return dnorm / self.deviation + dvar * (2 / m) * centred")]),
    "dgamma of out": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: dgamma is the sum of delta * out: it is the sum of delta * norm",
        [(DGAMMA, "        self.dgamma = np.sum(delta * self.out, axis=0)")]),
    "dgamma of x": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: dgamma is the sum of delta * x: it is the sum of delta * norm",
        [(DGAMMA, "        self.dgamma = np.sum(delta * self.x, axis=0)")]),
    "dgamma averaged": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: dgamma and dbeta are divided by the batch size: they are sums",
        [(DGAMMA, "        self.dgamma = np.mean(delta * self.norm, axis=0)"),
         (DBETA, "        self.dbeta = np.mean(delta, axis=0)")]),
    "dgamma swapped": Mistake(
        "2.6", ["2.6 backward"],
        "BatchNorm: dgamma and dbeta are swapped",
        [(DGAMMA, "        self.dbeta = np.sum(delta * self.norm, axis=0)"),
         (DBETA, "        self.dgamma = np.sum(delta, axis=0)")]),
    "eval not passed": Mistake(
        "2.6", ["2.6 train_and_infer"],
        "BatchNorm does not infer in the network's eval mode: pass eval=not self.train_mode",
        [(FORWARD_BN, FORWARD_BN.replace("(z, not self.train_mode)", "(z)"))]),
    "bias with BatchNorm": Mistake(
        "2.6", ["2.6 train_and_infer"],
        "a layer with BatchNorm leaves out its bias: add it, it counts in inference",
        [(LINEAR, "            z = self.outputs[i] @ self.W[i]\n"
                  "            if i >= self.num_bn_layers:\n"
                  "                z = z + self.b[i]")]),
    "first BatchNorm alone": Mistake(
        "2.6", TWO_OR_MORE,
        "BatchNorm is applied in the first layer only: apply it in the first num_bn_layers layers",
        [(FORWARD_BN, FORWARD_BN.replace("i < self.num_bn_layers", "i == 0")),
         (BACKWARD_BN, BACKWARD_BN.replace("i < self.num_bn_layers", "i == 0"))]),
    "same BatchNorm": Mistake(
        "2.6", TWO_OR_MORE,
        "bn_layers contains one BatchNorm many times: each layer needs a BatchNorm of its own",
        [(BN_LAYERS, "            self.bn_layers = [BatchNorm(sizes[1])] * num_bn_layers")]),
    "one BatchNorm": Mistake(
        "2.6", TWO_OR_MORE,
        "every layer uses bn_layers[0]: layer i must use bn_layers[i]",
        [(FORWARD_BN, FORWARD_BN.replace("bn_layers[i]", "bn_layers[0]")),
         (BACKWARD_BN, BACKWARD_BN.replace("bn_layers[i]", "bn_layers[0]"))]),
    "BatchNorm on every layer": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in every layer: apply it in the first num_bn_layers layers only",
        [(BN_LAYERS,
          "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(self.nlayers)]"),
         (FORWARD_BN, FORWARD_BN.replace(" and i < self.num_bn_layers", "")),
         (BACKWARD_BN, BACKWARD_BN.replace(" and i < self.num_bn_layers", ""))]),
    "BatchNorm on every hidden layer": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in every hidden layer: apply it in the first num_bn_layers layers "
        "only",
        [(BN_LAYERS,
          "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(len(hiddens))]"),
         (FORWARD_BN, FORWARD_BN.replace("i < self.num_bn_layers", "i < self.nlayers - 1")),
         (BACKWARD_BN, BACKWARD_BN.replace("i < self.num_bn_layers", "i < self.nlayers - 1"))]),
    "not backward through BatchNorm": Mistake(
        "2.6", IN_NETWORKS,
        "backward skips BatchNorm: take delta through BatchNorm.backward",
        [(BACKWARD_BN, "            pass")]),
    "BatchNorm before the linear map": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied before the linear map: apply it between the linear map and the "
        "activation",
        [(BN_LAYERS, "            self.bn_layers = [BatchNorm(sizes[i]) "
                     "for i in range(num_bn_layers)]"),
         (LINEAR + "\n" + FORWARD_BN,
          FORWARD_BN.replace("z", "self.outputs[i]") + "\n" + LINEAR),
         (BACKWARD_BN + "\n", ""),
         (DELTA, "            delta = delta @ self.W[i].T\n" + BACKWARD_BN)]),
    "BatchNorm after the activation": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied after the activation: apply it between the linear map and the "
        "activation",
        [(FORWARD_BN + "\n" + ACTIVATE, ACTIVATE + "\n" + FORWARD_BN),
         (SLOPE + "\n" + BACKWARD_BN, BACKWARD_BN + "\n" + SLOPE)]),
    "BatchNorm on the last layers": Mistake(
        "2.6", IN_NETWORKS,
        "BatchNorm is applied in the last hidden layers: apply it in the first num_bn_layers "
        "layers",
        [(BN_LAYERS, """\
            self.bn_layers = [BatchNorm(d) for d in hiddens[-num_bn_layers:]]"""),
         (FORWARD_BN, """\
            k = i - (self.nlayers - 1 - self.num_bn_layers)
            if self.bn and 0 <= k < self.num_bn_layers:
                z = self.bn_layers[k](z, not self.train_mode)"""),
         (BACKWARD_BN, """\
            k = i - (self.nlayers - 1 - self.num_bn_layers)
            if self.bn and 0 <= k < self.num_bn_layers:
                delta = self.bn_layers[k].backward(delta)""")]),
    "gamma of the first": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of bn_layers[0] only: move those of every layer",
        [(STEP_LAYERS, "            for layer in self.bn_layers[:1]:")]),
    "gamma of the last": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of the last of bn_layers only: move those of every layer",
        [(STEP_LAYERS, "            for layer in self.bn_layers[-1:]:")]),
    "gamma of the first two": Mistake(
        "2.6", ["2.6 step"],
        "step moves the gamma and beta of the first two of bn_layers only: move those of every "
        "layer",
        [(STEP_LAYERS, "            for layer in self.bn_layers[:2]:")]),
    "gamma and beta kept": Mistake(
        "2.6", ["2.6 step"],
        "step leaves gamma and beta unchanged: subtract lr * dgamma and lr * dbeta",
        [(STEP_GAMMA, "                pass"),
         (STEP_BETA, "                pass")]),
    "beta kept": Mistake(
        "2.6", ["2.6 step"],
        "step moves gamma, but leaves beta unchanged: subtract lr * dbeta",
        [(STEP_BETA, "                pass")]),
    "gamma kept": Mistake(
        "2.6", ["2.6 step"],
        "step moves beta, but leaves gamma unchanged: subtract lr * dgamma",
        [(STEP_GAMMA, "                pass")]),
    "gamma without lr": Mistake(
        "2.6", ["2.6 step"],
        "step does not use lr for gamma and beta: subtract lr * dgamma and lr * dbeta",
        [(STEP_GAMMA, "                layer.gamma = layer.gamma - layer.dgamma"),
         (STEP_BETA, "                layer.beta = layer.beta - layer.dbeta")]),
    "gamma sign": Mistake(
        "2.6", ["2.6 step"],
        "step moves gamma and beta up the gradient: subtract lr * dgamma and lr * dbeta",
        [(STEP_GAMMA, "                layer.gamma = layer.gamma + self.lr * layer.dgamma"),
         (STEP_BETA, "                layer.beta = layer.beta + self.lr * layer.dbeta")]),
    # ---- 2.7 ----
    "no momentum": Mistake(
        "2.7", [*FIVE_STEPS, "2.7 networks_side_by_side", "2.7 velocity_starts_at_zero"],
        "momentum has no effect: keep a velocity from step to step, which zero_grads must not reset, "
        "v = momentum * v - lr * dW; W = W + v",
        [(STEP_W, STEP_W.replace("self.momentum * self.vW[i] ", "")),
         (STEP_B, STEP_B.replace("self.momentum * self.vb[i] ", ""))]),
    "nesterov": Mistake(
        "2.7", FIVE_STEPS,
        "step is Nesterov's momentum: the handout's is v = momentum * v - lr * dW; W = W + v",
        [(STEP_W, STEP_W.replace(
            "+ self.vW[i]", "+ self.momentum * self.vW[i] - self.lr * self.dW[i]")),
         (STEP_B, STEP_B.replace(
             "+ self.vb[i]", "+ self.momentum * self.vb[i] - self.lr * self.db[i]"))]),
    "damping": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient is damped by (1 - momentum): it is v = momentum * v - lr * dW",
        [(STEP_W, STEP_W.replace("- self.lr", "- (1 - self.momentum) * self.lr")),
         (STEP_B, STEP_B.replace("- self.lr", "- (1 - self.momentum) * self.lr"))]),
    "damping of W": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient of W is damped by (1 - momentum): it is v = momentum * v - lr * dW, as for b",
        [(STEP_W, STEP_W.replace("- self.lr", "- (1 - self.momentum) * self.lr"))]),
    "damping of b": Mistake(
        "2.7", FIVE_STEPS,
        "the gradient of b is damped by (1 - momentum): it is v = momentum * v - lr * db, as for W",
        [(STEP_B, STEP_B.replace("- self.lr", "- (1 - self.momentum) * self.lr"))]),
    "momentum sign": Mistake(
        "2.7", FIVE_STEPS,
        "momentum has the wrong sign: it is v = momentum * v - lr * dW",
        [(STEP_W, STEP_W.replace("= self.momentum", "= -self.momentum")),
         (STEP_B, STEP_B.replace("= self.momentum", "= -self.momentum"))]),
    "W without momentum": Mistake(
        "2.7", FIVE_STEPS,
        "momentum does not move W: keep a velocity for W, too",
        [(STEP_W, STEP_W.replace("self.momentum * self.vW[i] ", ""))]),
    "b without momentum": Mistake(
        "2.7", FIVE_STEPS,
        "momentum does not move the biases: keep a velocity for b, too",
        [(STEP_B, STEP_B.replace("self.momentum * self.vb[i] ", ""))]),
    "gamma with momentum": Mistake(
        "2.7", ["2.7 with_batchnorm"],
        "gamma and beta move with momentum: theirs is the plain step, gamma - lr * dgamma",
        [(STEP_GAMMA, """\
                layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma
                layer.gamma = layer.gamma + layer.vgamma"""),
         (STEP_BETA, """\
                layer.vbeta = self.momentum * getattr(layer, 'vbeta', 0) - self.lr * layer.dbeta
                layer.beta = layer.beta + layer.vbeta""")]),
}


def find_candidates(section, owner):
    """Return the names of the mistakes in a class, or function, of a section or of those before."""
    begin = read_textbook().index(f" {owner}")
    end = read_textbook().find("\n\n\n", begin)
    text = f"\n{read_textbook()[begin:end]}"
    return [name for name, mistake in MISTAKES.items() if mistake.section <= section
            and any(f"\n{old}" in text for old, _ in mistake.edits)]


def edit(text, edits):
    """Return a text with other lines; ValueError unless each old lines are there once."""
    for old, new in edits:
        count = f"\n{text}\n".count(f"\n{old}\n") if not old.endswith("\n") else text.count(old)
        if count != 1:
            raise ValueError(f"{old!r} must be whole lines, there once; it is there {count} times")
        if old.endswith("\n"):
            text = text.replace(old, new)
        else:
            text = f"\n{text}\n".replace(f"\n{old}\n", f"\n{new}\n")[1:-1]
    return text


@functools.lru_cache(maxsize=None)
def read_textbook(mistake=None):
    """Return the textbook's source, with a mistake if one is named."""
    text = FILE.read_text()
    return text if mistake is None else edit(text, MISTAKES[mistake].edits)


@functools.lru_cache(maxsize=None)
def load_textbook(mistake=None):
    """Return the textbook as a module, with a mistake if one is named."""
    module = types.ModuleType("hw1.textbook")
    for piece in read_textbook(mistake).split("\n\n\n"):
        exec(_compile(piece), module.__dict__)
    return module


@functools.lru_cache(maxsize=None)
def _compile(piece):
    """Return the code of one definition; a mistake changes few of them."""
    return compile(piece, str(FILE), "exec")
