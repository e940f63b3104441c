"""Typical mistakes, each made in textbook.py: which checks must take how many points, and what the grader must say.

A mistake is a Fault: edits of the textbook's text. Each old text stands in the textbook exactly once.
"""

import typing

from tests.grader import sections
from tests.grader.proof.handins import TEXTBOOK, edited


class Fault(typing.NamedTuple):
    """lost: the checks that lose their points, or half of them ("/2"). reason: a pattern for one of the first section's.

    edits: {old text: new text}. neutral: settings of the oracle; where a check loses nothing though the fault shows in
    it, that is because it cost points before: in one of these settings it does not show, and the piece is right.
    form: the numbers are right, what is lost is lost for a shape, a type, an array of the caller's or what runs.
    """

    name: str
    lost: str
    reason: str
    edits: dict
    neutral: tuple = ()
    form: bool = False

    @property
    def text(self):
        """The textbook's text with this mistake."""
        text = TEXTBOOK
        for old, new in self.edits.items():
            text = edited(old, new, text)
        return text

    @property
    def prices(self):
        """What is lost: {section: {check: points}}."""
        found = {}
        for place in self.lost.split("; "):
            number, name = place.split(" ", 1)
            check = next(check for check in sections.checks_of(number) if check.name == name.replace("/2", ""))
            found.setdefault(number, {})[check.name] = check.points / (2 if "/2" in name else 1)
        return found


LOSS = "-np.sum(y * (x - lse), axis=1)"
DLOGITS = "self.sm - self.labels"
SIGMOID, SIGMOID_DERIVATIVE = "self.state = 1 / (1 + np.exp(-x))", "return self.state * (1 - self.state)"
RETURN_SIGMOID = SIGMOID + "\n        return self.state\n"
TANH_DERIVATIVE = "return 1 - self.state ** 2"
RELU, RELU_POSITIVE = "self.state = np.maximum(0, x)", "self.state > 0"
RELU_DERIVATIVE = "np.where(self.state > 0, 1.0, 0.0)"
# BatchNorm
INFERENCE = "mean, var = self.running_mean, self.running_var"
RUNNING_MEAN = "self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean"
DEVIATION = "np.sqrt(var + self.eps)"
DGAMMA, DBETA, DNORM = "np.sum(delta * self.norm, axis=0)", "np.sum(delta, axis=0)", "dnorm = delta * self.gamma"
TERM_OF_DVAR, TERM_OF_DMEAN = " + dvar * (2 / m) * centred", " + dmean * (1 / m)"
# MLP
SIZES, NLAYERS = "sizes = [input_size] + hiddens + [output_size]", "self.nlayers = len(hiddens) + 1"
VELOCITY_W = "self.vW = [np.zeros(W.shape) for W in self.W]"
BN_LAYERS = "BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)"
CLEAR_W = "self.dW[i].fill(0.0)"
FORWARD_LINEAR = "            z = self.outputs[i] @ self.W[i] + self.b[i]\n"
FORWARD_BN = """            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
"""
FORWARD_ACTIVATION = "            self.outputs.append(self.activations[i](z))\n"
BACKWARD_ACTIVATION = "            delta = delta * self.activations[i].derivative()\n"
BACKWARD_BN = """            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
"""
BACKWARD_LINEAR = "            if i > 0:\n                delta = delta @ self.W[i].T\n"
DW, DB = "self.outputs[i].T @ delta / len(labels)", "np.mean(delta, axis=0)"
MOMENTUM, MINUS_GRADIENT = "self.momentum * self.vW[i]", "- self.lr * self.dW[i]"
STEP_GAMMA = "layer.gamma = layer.gamma - self.lr * layer.dgamma"
# get_training_stats
SHUFFLE, EVAL_MODE = "        np.random.shuffle(idxs)\n", "        mlp.eval()\n"
TRAINING_LOSS, TRAINING_ERROR, CURVE = "loss / len(trainx)", "errors / len(trainx)", "np.array(curve)"
VALIDATION_ERROR = "        validation_errors.append(errors / len(valx))\n"
TEST = "testx, testy = test"


def both(old, new, one="W", other="b"):
    """Return the edit of what is written for one, and the same edit of what is written for the other."""
    return {old: new, old.replace(one, other): new.replace(one, other)}


def running(new):
    return both(RUNNING_MEAN, new, "mean", "var")


def gamma_and_beta(new):
    return both(STEP_GAMMA, new, "gamma", "beta")


def on_last_layers(text):
    """Return BatchNorm's part of forward or backward for the last hidden layers: bn_layers[-1] is on the last."""
    return text.replace("i < self", "-1 > i - self.nlayers >= -1 - self").replace("[i]", "[i - self.nlayers + 1]")


W_LINES = ("        self.W = [weight_init_fn", "self.dW = [np.zeros(W.shape) for W in self.W]",
           "self.vW = [np.zeros(W.shape) for W in self.W]", "@ self.W[i] + self.b[i]", "delta @ self.W[i].T",
           "self.W[i] = self.W[i] + self.vW[i]")

# what is lost, where that is much
BACKWARDS = ("2.5 backward [32]; 2.5 backward [64, 32]; 2.5 backward [32, 32, 32, 32, 32]; "
    "2.5 mixed_activations; 2.5 batches_of_other_sizes")
FORWARDS = "2.5 forward [32]; 2.5 forward [64, 32]; 2.5 forward [32, 32, 32, 32, 32]"
IN_NETWORKS = ("2.6 in a network, num_bn_layers=1; 2.6 in a network, num_bn_layers=2; "
    "2.6 in a network, num_bn_layers=3")
TWO_AND_THREE = "2.6 in a network, num_bn_layers=2; 2.6 in a network, num_bn_layers=3"
FIVE_LAYERS = "2.5 forward [32, 32, 32, 32, 32]"
MOMENTUM_STEPS = ("2.7 five steps, no hidden layer; 2.7 five steps, one hidden layer; "
    "2.7 five steps, two hidden layers")
NO_MOMENTUM = ("2.7 five steps, no hidden layer; 2.7 five steps, one hidden layer; "
    "2.7 five steps, two hidden layers; 2.7 networks_side_by_side; 2.7 velocity_is_not_initialised")
HIDDEN_STEPS = "2.7 five steps, one hidden layer; 2.7 five steps, two hidden layers"
SECOND_BATCH = "2.3 five_steps; 2.5 batches_of_other_sizes"
SHARED = "2.7 five steps, no hidden layer; 2.7 networks_side_by_side"

# settings of the oracle in which a fault does not show
ONE, NO_BIAS, STILL, NO_BN = {"m": 1}, {"bias": 0}, {"lr": 0}, {"bn": False}
GRADIENTS, NO_ZERO, FRESH = {"gradients": True}, {"zero_grads": False}, {"fresh": True, "momentum": 0}
LR1, L1, L2, SIG, IDENT = {"lr": 1}, {
        "layers": 1}, {"layers": 2}, {"activation": "Sigmoid"}, {"activation": "Identity"}
UNIT, CONSTANT = {"column": (1.0, -1.0) * 3}, {"column": (0.0,) * 6}
TRANSPOSED, FINITE, TEN = {"transposed": True}, {"finite": True}, {"batch_size": 10}

FAULTS = [
    # ---- 2.2 Softmax cross-entropy
    Fault("no max in the log-sum-exp", "2.2 log_sum_exp", "take the largest out of the log-sum-exp", {
        "a = np.max(x, axis=1, keepdims=True)": "a = 0"}),
    Fault("log of the softmax", "2.2 log_sum_exp", "the log is taken of a softmax that is 0", {
        LOSS: "-np.sum(y * np.log(self.sm), axis=1)"}),
    Fault("loss averaged", "2.2 loss", "the loss is averaged over the batch", {
        LOSS: f"np.mean({LOSS})"}, neutral=(ONE,)),
    Fault("loss divided by the batch size", "2.2 loss", "the loss is divided by the batch size", {
        LOSS: LOSS + " / len(x)"}, neutral=(ONE,)),
    Fault("loss summed", "2.2 loss", "the loss is summed over the batch", {LOSS: f"np.sum({LOSS})"}, neutral=(ONE,)),
    Fault("loss as a column", "2.2 loss",
          r"the loss of 7 examples has shape \(7, 1\), the grader compares with \(7,\)", {
        LOSS: LOSS + "[:, np.newaxis]"}, form=True),
    Fault("loss with the wrong sign", "2.2 loss", "the loss has the wrong sign", {
        LOSS: LOSS[len("-"):]}, neutral=(FINITE,)),
    Fault("criterion divides the gradient", "2.2 derivative", r"derivative\(\) is divided by the batch size", {
        DLOGITS: "(self.sm - self.labels) / len(self.labels)"}),
    Fault("criterion's gradient with the wrong sign", "2.2 derivative", r"derivative\(\) has the wrong sign", {
        DLOGITS: "self.labels - self.sm"}),
    Fault("criterion's gradient is the softmax", "2.2 derivative", r"derivative\(\) is sm alone", {
        DLOGITS: "self.sm"}),
    Fault("criterion changes the logits", "2.2 loss", "the logits, which belongs to the caller, is changed", {
        "self.logits = x\n": "x -= np.max(x, axis=1, keepdims=True)\n        self.logits = x\n"}, form=True),
    Fault("the criterion returns None", "2.2 loss; 2.2 log_sum_exp", "the loss of 7 examples is None", {
        "        return self.loss\n": ""}),
    Fault("the labels of the first batch are kept", "2.2 derivative", r"derivative, line \d+ of hw1.py", {
        "self.labels = y": "self.labels = y if self.labels is None else self.labels"}),

    # ---- 2.3 Linear classifier
    Fault("gradient divided twice", "2.3 backward", "divided by the batch size twice", {
        "delta = self.criterion.derivative()": "delta = self.criterion.derivative() / len(labels)"}, neutral=(ONE,)),
    Fault("dW and db divided twice", "2.3 backward", "divided by the batch size twice", {
        DW: DW + " / len(labels)", DB: DB + " / len(labels)"}, neutral=(ONE,)),
    Fault("gradient not divided at all", "2.3 backward", "dW and db are sums over the batch, not means", {
        DW: "self.outputs[i].T @ delta", DB: "np.sum(delta, axis=0)"}, neutral=(ONE,)),
    Fault("dW not divided", "2.3 backward", r"dW is the sum over the batch, not the mean", {
        DW: "self.outputs[i].T @ delta"}, neutral=(ONE,)),
    Fault("db not divided", "2.3 backward", r"db is the sum over the batch, not the mean", {
        DB: "np.sum(delta, axis=0)"}, neutral=(ONE,)),
    Fault("dW transposed", "2.3 backward", "dW is transposed", {
        DW: "delta.T @ self.outputs[i] / len(labels)"}, neutral=(TRANSPOSED,)),
    Fault("bias forgotten", "2.3 forward", "the bias is not added in forward", {
        " + self.b[i]\n": "\n"}, neutral=(NO_BIAS,)),
    Fault("gradients accumulated and never cleared", "2.3 zero_grads; 2.3 five_steps",
          "gradients of earlier batches are added up", {
        DW: "self.dW[i] + " + DW, DB: "self.db[i] + " + DB, **both(CLEAR_W, "pass")}, neutral=(FRESH,)),
    Fault("step up the gradient", "2.3 five_steps", "step goes up the gradient", both(
        MINUS_GRADIENT, "+ self.lr * self.dW[i]"), neutral=(STILL,)),
    Fault("step without lr", "2.3 five_steps", "step does not use lr", both(MINUS_GRADIENT, "- self.dW[i]"), neutral=(LR1,)),
    Fault("bias never updated", "2.3 five_steps", "step leaves b as it was", {
        "self.b[i] = self.b[i] + self.vb[i]": "pass"}, neutral=(STILL,)),
    Fault("weights never updated", "2.3 five_steps", "step leaves W as it was", {
        "self.W[i] = self.W[i] + self.vW[i]": "pass"}, neutral=(STILL,)),
    Fault("forward returns None",
          f"2.3 forward; {FORWARDS}; 2.5 mixed_activations; {IN_NETWORKS}; 2.6 train_and_infer",
          r"forward\(x\) is None", {"        return self.outputs[-1]\n": ""}),
    Fault("forward never empties its list", SECOND_BATCH, "an earlier batch", {
        "self.bn_layers = None\n": "self.bn_layers = None\n        self.outputs = []\n",
        "self.outputs = [x]": "self.outputs.append(x)"}, neutral=(FRESH,)),
    Fault("backward reads a list that is never emptied", SECOND_BATCH, "an earlier batch", {
        "self.bn_layers = None\n": "self.bn_layers = None\n        self.inputs = []\n",
        FORWARD_LINEAR: FORWARD_LINEAR + "            self.inputs.append(self.outputs[i])\n",
        DW: DW.replace("outputs", "inputs")}, neutral=(STILL,)),
    Fault("zero_grads a stub", "2.3 zero_grads", "zero_grads leaves dW", {**both(CLEAR_W, "pass")}),
    Fault("zero_grads forgets db", "2.3 zero_grads", r"zero_grads leaves db\[0\]", {
        CLEAR_W.replace("W", "b"): "pass"}),
    Fault("zero_grads not implemented", "2.3 zero_grads", "zero_grads is not implemented", {
        "    def zero_grads(self):\n": "    def zero_grads(self):\n        raise NotImplemented\n"},
          neutral=(NO_ZERO,)),
    Fault("W a plain array for one layer", f"2.3 zero_grads; 2.3 five_steps; {SHARED}",
          "W is of type ndarray: it must be a list", {
        **{line: line.replace("self.W", "self.weights") for line in W_LINES},
        "    def zero_grads(self):\n": """    @property
    def W(self):
        return self.weights[0] if self.nlayers == 1 else self.weights

    @W.setter
    def W(self, value):
        self.weights = value

    def zero_grads(self):
"""}, form=True),
    Fault("an assert on the size of the batch", "2.3 five_steps", r"AssertionError: assert len.x. != 6 \(forward, line", {
        "        self.outputs = [x]": "        assert len(x) != 6\n        self.outputs = [x]"},
          neutral=(ONE,), form=True),
    Fault("forward writes into its x", "2.3 forward", "x, which belongs to the caller, is changed", {
        "self.outputs = [x]": "x *= 2.0\n        self.outputs = [x / 2]"}, form=True),

    # ---- 2.4 Activations
    Fault("Sigmoid.state holds the input", "2.4 Sigmoid/2",
          "Sigmoid.state is the input of forward; it must be the output", {
        RETURN_SIGMOID: "self.state = x\n        " + RETURN_SIGMOID.replace("state", "output"),
        SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "output")}),
    Fault("Sigmoid.state is never set", "2.4 Sigmoid/2", "Sigmoid.state is None: it is never set", {
        RETURN_SIGMOID: RETURN_SIGMOID.replace("state", "output"),
        SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "output")}),
    Fault("Tanh's state changed in place by derivative", "2.4 Tanh/2", "Tanh.derivative changes state in place", {
        TANH_DERIVATIVE: "self.state **= 2\n        return 1 - self.state"}),
    Fault("ReLU clips its input in place", "2.4 ReLU",
          "the argument of ReLU.forward, .* is changed: work on a copy", {
        RELU: "x[x < 0] = 0\n        self.state = x"}, form=True),
    Fault("ReLU's derivative from a stale input", "2.4 ReLU/2", "ReLU.derivative is that of an earlier forward", {
        RELU: "self.x = x if self.state is None else self.x\n        " + RELU, RELU_POSITIVE: "self.x > 0"}),
    Fault("ReLU's derivative is 1 at 0", "2.4 ReLU/2", r"ReLU.derivative at 0 is 0 by convention", {
        RELU: "self.x = x\n        " + RELU, RELU_POSITIVE: "self.x >= 0"}),
    Fault("ReLU's derivative is 1 everywhere", "2.4 ReLU/2", "ReLU.derivative is 1 everywhere", {
        RELU_POSITIVE: "self.state >= 0"}),
    Fault("ReLU's derivative is its output", "2.4 ReLU/2", "ReLU.derivative is the output of forward", {
        RELU_DERIVATIVE: "self.state"}),
    Fault("ReLU's derivative is boolean", "2.4 ReLU/2", r"ReLU.derivative.* has dtype bool, .* with float64", {
        RELU_DERIVATIVE: RELU_POSITIVE}, form=True),
    Fault("Sigmoid's derivative of the input", "2.4 Sigmoid/2", "Sigmoid.derivative is s .* of the input", {
        SIGMOID: "self.x = x\n        " + SIGMOID, SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "x")}),
    Fault("Sigmoid's derivative applies the sigmoid twice", "2.4 Sigmoid/2",
          "Sigmoid.derivative applies the sigmoid once more", {
        SIGMOID_DERIVATIVE: "s = 1 / (1 + np.exp(-self.state))\n        return s * (1 - s)"}),
    Fault("Tanh's derivative without the square", "2.4 Tanh/2", "Tanh.derivative .* the square is missing", {
        TANH_DERIVATIVE: "return 1 - self.state"}),
    Fault("Tanh's derivative applies tanh twice", "2.4 Tanh/2", "Tanh.derivative applies tanh once more", {
        TANH_DERIVATIVE: "return 1 - np.tanh(self.state) ** 2"}),
    Fault("Tanh is the sigmoid", "2.4 Tanh", "the output of Tanh for .* is wrong", {
        "np.tanh(x)": "1 / (1 + np.exp(-x))"}),
    Fault("Tanh writes into its input", "2.4 Tanh", "the argument of Tanh.forward, .* is changed: work on a copy", {
        "np.tanh(x)": "np.tanh(x, out=x)"}, form=True),
    Fault("Sigmoid's derivative from the first forward", "2.4 Sigmoid/2",
          "Sigmoid.derivative is that of an earlier forward", {
        SIGMOID: "self.x = x if self.state is None else self.x\n        " + SIGMOID,
        SIGMOID_DERIVATIVE: "s = 1 / (1 + np.exp(-self.x))\n        return s * (1 - s)"}),
    Fault("ReLU missing", "2.4 ReLU", "hw1.py has no ReLU", {"class ReLU(": "class Relu("}),

    # ---- 2.5 Hidden layers
    Fault("last activation's derivative forgotten", "2.5 mixed_activations", "leaves out the derivative of the last activation", {
        BACKWARD_ACTIVATION: "            if i < self.nlayers - 1:\n    " + BACKWARD_ACTIVATION}),
    Fault("derivatives of all activations forgotten",
          "2.5 mixed_activations; 2.5 backward [32]; 2.5 backward [64, 32]; 2.5 backward [32, 32, 32, 32, 32]",
          "leaves out the derivatives of the activations", {BACKWARD_ACTIVATION: ""}, neutral=(IDENT,)),
    Fault("one layer not transposed", "2.5 backward [32, 32, 32, 32, 32]",
          r"dW\[1\] is wrong in .*; dW\[2\] is right", {
        "self.W[i].T": "(self.W[i] if i == 2 and self.W[i].shape == self.W[i].T.shape else self.W[i].T)"},
          neutral=(GRADIENTS,)),
    Fault("no layer transposed", f"{BACKWARDS}; {IN_NETWORKS}", r"matmul.*\(backward, line \d+ of hw1.py\)", {
        "self.W[i].T": "self.W[i]"}, neutral=(GRADIENTS,)),
    Fault("hiddens hard-coded to one layer",
          f"{FIVE_LAYERS}; 2.5 forward [64, 32]; 2.6 in a network, num_bn_layers=3; 2.6 step",
          "the network has one hidden layer at most", {
        NLAYERS: "hiddens = hiddens[:1]\n        " + NLAYERS}, neutral=(L1,)),
    Fault("hiddens hard-coded to two layers", FIVE_LAYERS, "the network has two hidden layers at most", {
        NLAYERS: "hiddens = hiddens[:2]\n        " + NLAYERS}, neutral=(L2,)),
    Fault("every layer with the first activation", FORWARDS, r"every layer uses the function of activations\[0\]", {
        "self.activations = activations": "self.activations = [type(activations[0])() for _ in activations]"},
          neutral=(SIG,)),
    Fault("the caller's list of hiddens modified", "2.5 initializers",
          "the list of hiddens, .* is changed: work on a copy", {
        SIZES: "hiddens.insert(0, input_size)\n        hiddens.append(output_size)\n        sizes = hiddens"}),
    Fault("the caller's list of activations modified", "2.5 initializers", "the list of activations, .* is changed", {
        SIZES: SIZES + "\n        activations.append(criterion)"}),
    Fault("weight_init_fn called twice", "2.5 initializers", "weight_init_fn is called 6 times for 3 layers", {
        VELOCITY_W: "self.vW = [0 * weight_init_fn(*W.shape) for W in self.W]"}),
    Fault("weights made from output to input", "2.5 initializers",
          "weight_init_fn is called with .* from input to output it is", {
        "sizes[i], sizes[i + 1]) for i in range(self.nlayers)]":
            "sizes[i], sizes[i + 1]) for i in range(self.nlayers)[::-1]][::-1]"}),
    Fault("hiddens hard-coded to three layers", FIVE_LAYERS, "the network has three hidden layers at most", {
        NLAYERS: "hiddens = hiddens[:3]\n        " + NLAYERS}, neutral=(L2,)),
    Fault("the module's own initializers are called", "2.5 initializers", "MLP does not call weight_init_fn", {
        "[weight_init_fn(": "[random_normal_weight_init(", "[bias_init_fn(": "[zeros_bias_init("}),
    Fault("the module's own weight initializer is called", "2.5 initializers", "MLP does not call weight_init_fn", {
        "[weight_init_fn(": "[random_normal_weight_init("}),
    Fault("the module's own bias initializer is called", "2.5 initializers",
          r"b\[0\] is not what bias_init_fn\(6\) returned", {"[bias_init_fn(": "[zeros_bias_init("}),
    Fault("momentum by default", "2.5 initializers", "momentum is 0.9 where MLP is not given it", {
        "lr, momentum=0.0": "lr, momentum=0.9"}),
    Fault("BatchNorm by default", "2.5 initializers", "num_bn_layers is 1 where MLP is not given it", {
        "num_bn_layers=0": "num_bn_layers=1"}),
    Fault("dW of the last layer alone", BACKWARDS, r"dW\[0\]", {
        "            self.dW[i] = ": "            if i == self.nlayers - 1:\n                self.dW[i] = "},
          neutral=(GRADIENTS,)),
    Fault("backward of the last two layers alone",
          f"2.5 mixed_activations; 2.5 backward [64, 32]; 2.5 backward [32, 32, 32, 32, 32]; {IN_NETWORKS}",
          r"dW\[0\]", {
        "for i in range(self.nlayers)[::-1]:": "for i in range(self.nlayers)[:-3:-1]:"}, neutral=(STILL,)),
    Fault("backward with the activation of the layer before", f"{BACKWARDS}; {IN_NETWORKS}",
          r"could not be broadcast.* \(backward, line", {
        BACKWARD_ACTIVATION: BACKWARD_ACTIVATION.replace("[i]", "[i - 1]")}, neutral=(GRADIENTS,)),
    Fault("one activation for all hidden layers",
          "2.5 mixed_activations; 2.5 backward [64, 32]; 2.5 backward [32, 32, 32, 32, 32]",
          r"dW\[3\] is wrong", {
        "self.activations = activations": "self.activations = activations[:1] * len(hiddens) + activations[-1:]"},
          neutral=(GRADIENTS,)),
    Fault("the last activation left out of forward", "2.5 mixed_activations", r"forward\(x\) is wrong", {
        FORWARD_ACTIVATION:
            "            self.outputs.append(self.activations[i](z) if i < self.nlayers - 1 else z)\n",
        BACKWARD_ACTIVATION: "            if i < self.nlayers - 1:\n    " + BACKWARD_ACTIVATION}),
    Fault("biases in the first layer alone", FORWARDS, "forward adds the bias in the first layer alone", {
        " + self.b[i]\n": " + self.b[i] * (i == 0)\n"}, neutral=(NO_BIAS,)),
    Fault("gradients divided by the size of the first batch", "2.3 five_steps", "an earlier batch", {
        "self.criterion(self.outputs[-1], labels)\n": "self.criterion(self.outputs[-1], labels)\n"
        "        self.m = getattr(self, 'm', len(labels))\n", DW: DW.replace("len(labels)", "self.m"),
        DB: "np.sum(delta, axis=0) / self.m"}, neutral=(ONE,)),

    # ---- 2.6 Batch normalization
    Fault("BatchNorm before the linear map", IN_NETWORKS, "BatchNorm stands before the linear map", {
        FORWARD_LINEAR + FORWARD_BN: FORWARD_BN.replace("z", "self.outputs[i]") + FORWARD_LINEAR, BACKWARD_BN: "",
        BACKWARD_LINEAR: "            delta = delta @ self.W[i].T\n" + BACKWARD_BN,
        BN_LAYERS: BN_LAYERS.replace("i + 1", "i")}, neutral=(NO_BN,)),
    Fault("BatchNorm after the activation", IN_NETWORKS, "BatchNorm stands after the activation", {
        FORWARD_BN + FORWARD_ACTIVATION: "            z = self.activations[i](z)\n" + FORWARD_BN
                                         + "            self.outputs.append(z)\n",
        BACKWARD_ACTIVATION + BACKWARD_BN: BACKWARD_BN + BACKWARD_ACTIVATION}, neutral=(NO_BN,)),
    Fault("BatchNorm on the last layers", IN_NETWORKS, "BatchNorm stands on the last hidden layers", {
        FORWARD_BN: on_last_layers(FORWARD_BN), BACKWARD_BN: on_last_layers(BACKWARD_BN),
        BN_LAYERS: BN_LAYERS.replace("(num_bn_layers)", "(self.nlayers - 1 - num_bn_layers, self.nlayers - 1)")},
          neutral=(NO_BN,)),
    Fault("backward without BatchNorm", IN_NETWORKS, "backward goes past BatchNorm", {
        BACKWARD_BN: ""}, neutral=(STILL,)),
    Fault("no bias where there is BatchNorm", "2.6 train_and_infer", "a layer with BatchNorm leaves out its bias", {
        " + self.b[i]\n": " + self.b[i] * (i >= self.num_bn_layers)\n"}),
    Fault("variance with m - 1", "2.6 training", "the variance is divided by m - 1", {
        "np.sum((x - mean) ** 2, axis=0) / m": "np.sum((x - mean) ** 2, axis=0) / (m - 1)"}, neutral=(CONSTANT,)),
    Fault("eps outside the root", "2.6 training", "eps stands outside the square root", {
        DEVIATION: "np.sqrt(var) + self.eps"}, neutral=(UNIT,)),
    Fault("eps forgotten", "2.6 training", "eps is missing", {DEVIATION: "np.sqrt(var)"}, neutral=(UNIT,)),
    Fault("divided by the variance", "2.6 training", "divided by the variance, not by its root", {
        DEVIATION: "var + self.eps"}, neutral=(UNIT,)),
    Fault("alpha on the wrong side", "2.6 running_statistics", "alpha weighs the new batch", running(
        "self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * self.mean")),
    Fault("running statistics never updated", "2.6 running_statistics", "the running statistics are never updated", running("pass")),
    Fault("running_var averages the deviation", "2.6 running_statistics", "running_var averages the deviation", {
        "(1 - self.alpha) * self.var": "(1 - self.alpha) * np.sqrt(self.var)"}),
    Fault("running statistics are the last batch's", "2.6 running_statistics", "the running statistics are those of the last batch", running(
        "self.running_mean = self.mean[np.newaxis]")),
    Fault("running statistics changed in inference", "2.6 inference", "the running statistics change in inference", {
        INFERENCE: INFERENCE + "\n            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)"}),
    Fault("inference by the batch's statistics", "2.6 inference", "inference uses the batch's statistics", {
        INFERENCE: "mean, var = x.mean(axis=0), x.var(axis=0)"}),
    Fault("inference by the training batch's statistics", "2.6 inference",
          "inference uses the training batch's statistics", {INFERENCE: "mean, var = self.mean, self.var"}),
    Fault("inference of the stored x", "2.6 inference", "inference normalises the x of the last training batch", {
        "        self.x = x\n": "        self.x = x = self.x if eval else x\n"}),
    Fault("eval mode not passed to BatchNorm", "2.6 train_and_infer", "pass eval=not train_mode", {
        "(z, not self.train_mode)": "(z)"}),
    Fault("gamma forgotten in dx", "2.6 backward", "backward forgets gamma in dx", {DNORM: "dnorm = delta"}),
    Fault("term of dvar missing", "2.6 backward", "the term of the variance is missing in dx", {TERM_OF_DVAR: ""}),
    Fault("term of dmean missing", "2.6 backward", "the term of the mean is missing in dx", {TERM_OF_DMEAN: ""}),
    Fault("both terms missing", "2.6 backward", "the terms of the mean and of the variance are missing in dx", {
        TERM_OF_DVAR: "", TERM_OF_DMEAN: ""}),
    Fault("dgamma from out", "2.6 backward", "dgamma is taken with out", {
        DGAMMA: "np.sum(delta * self.out, axis=0)"}),
    Fault("dgamma from x", "2.6 backward", "dgamma is taken with x", {DGAMMA: "np.sum(delta * self.x, axis=0)"}),
    Fault("dgamma and dbeta divided", "2.6 backward", "dgamma and dbeta are divided by the batch size", {
        DGAMMA: DGAMMA + " / m", DBETA: DBETA + " / m"}),
    Fault("dgamma and dbeta swapped", "2.6 backward", "dgamma and dbeta are swapped", {
        DNORM: "self.dgamma, self.dbeta = self.dbeta, self.dgamma\n        " + DNORM}),
    Fault("gamma and beta never updated", "2.6 train_and_infer", "step leaves gamma and beta as they were", gamma_and_beta(
        "pass"), neutral=(STILL,)),
    Fault("gamma and beta without lr", "2.6 train_and_infer", "step does not use lr for gamma and beta", gamma_and_beta(
        "layer.gamma = layer.gamma - layer.dgamma"), neutral=(NO_BN,)),
    Fault("gamma and beta up the gradient", "2.6 train_and_infer", "step moves gamma and beta up the gradient", gamma_and_beta(
        "layer.gamma = layer.gamma + self.lr * layer.dgamma"), neutral=(STILL,)),
    Fault("BatchNorm on the first layer alone", TWO_AND_THREE, "BatchNorm stands on the first layer alone", {
        FORWARD_BN: FORWARD_BN.replace("self.num_bn_layers", "1"),
        BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "1")}, neutral=(NO_BN,)),
    Fault("BatchNorm on the first layer alone, in a list of one",
          f"{TWO_AND_THREE}; 2.6 train_and_infer; 2.6 step; 2.7 with_batchnorm",
          "bn_layers has 1", {
        FORWARD_BN: FORWARD_BN.replace("self.num_bn_layers", "1"),
        BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "1"), BN_LAYERS: "BatchNorm(sizes[1])"}, form=True),
    Fault("BatchNorm on two layers at most", "2.6 in a network, num_bn_layers=3", "is wrong in", {
        FORWARD_BN: FORWARD_BN.replace("self.num_bn_layers", "min(2, self.num_bn_layers)"),
        BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "min(2, self.num_bn_layers)")}, neutral=(STILL,)),
    Fault("BatchNorm on one layer more", IN_NETWORKS, "is wrong in", {
        BN_LAYERS: BN_LAYERS.replace("(num_bn_layers)", "(num_bn_layers + 1)"),
        FORWARD_BN: FORWARD_BN.replace("i <", "i <="), BACKWARD_BN: BACKWARD_BN.replace("i <", "i <=")},
          neutral=(NO_BN,)),
    Fault("bn_layers[0] in every layer", TWO_AND_THREE, r"bn_layers\[0\] is used in every layer", {
        FORWARD_BN: FORWARD_BN.replace("[i]", "[0]"), BACKWARD_BN: BACKWARD_BN.replace("[i]", "[0]")},
          neutral=(NO_BN,)),
    Fault("one BatchNorm in bn_layers, many times", TWO_AND_THREE, "bn_layers holds one BatchNorm many times", {
        "[" + BN_LAYERS + "]": "[BatchNorm(sizes[1])] * num_bn_layers"}, neutral=(NO_BN,)),
    Fault("bn_layers[0] in every layer, in eval mode", "2.6 train_and_infer", "is wrong in", {
        FORWARD_BN: FORWARD_BN.replace("[i]", "[i if self.train_mode else 0]")}),
    Fault("the first layer's running statistics in all layers", "2.6 train_and_infer", "is wrong in", {
        FORWARD_BN: FORWARD_BN.replace("                z =", """\
                if not self.train_mode:
                    self.bn_layers[i].running_mean = self.bn_layers[0].running_mean
                    self.bn_layers[i].running_var = self.bn_layers[0].running_var
                z =""")}),
    Fault("backward through BatchNorm in the first layer alone", TWO_AND_THREE, "is wrong in", {
        BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "1")}, neutral=(STILL,)),
    Fault("backward through BatchNorm in reversed order", TWO_AND_THREE, "is wrong in", {
        BACKWARD_BN: BACKWARD_BN.replace("[i]", "[self.num_bn_layers - 1 - i]")}, neutral=(STILL,)),
    Fault("step moves gamma and beta of the first alone", "2.6 train_and_infer", r"bn_layers\[0\] alone", {
        "in self.bn_layers:": "in self.bn_layers[:1]:"}, neutral=(STILL,)),
    Fault("step moves gamma and beta of the last alone", "2.6 train_and_infer",
          "step moves the gamma and beta of the last of bn_layers", {
        "in self.bn_layers:": "in self.bn_layers[-1:]:"}, neutral=(ONE,)),
    Fault("step moves gamma and beta of the first two", "2.6 step",
          "step moves the gamma and beta of the first two", {"in self.bn_layers:": "in self.bn_layers[:2]:"}),
    Fault("step moves gamma alone", "2.6 train_and_infer", "leaves beta as it was", {
        STEP_GAMMA.replace("gamma", "beta"): "pass"}, neutral=(STILL,)),
    Fault("only the first BatchNorm hears of eval mode", "2.6 train_and_infer", "is wrong in", {
        "(z, not self.train_mode)": "(z, not self.train_mode and i == 0)"}),
    Fault("train mode cannot be entered again", "2.6 train_and_infer", "inference, after step 2, .* is wrong", {
        "        self.train_mode = True\n\n    def eval": "        pass\n\n    def eval"}),
    Fault("alpha is 0.9 whatever is given", "2.6 running_statistics", "alpha", {
        "self.alpha = alpha": "self.alpha = 0.9"}),
    Fault("BatchNorm changes its input", "2.6 training; 2.6 inference", "BatchNorm's x, .* is changed", {
        "self.norm = (x - mean)": "x -= mean\n        self.norm = x",
        "centred = self.x - self.mean": "centred = self.x"}, form=True),
    Fault("bn_layers is None",
          f"{IN_NETWORKS}; 2.6 train_and_infer; 2.6 step; 2.7 with_batchnorm",
          "bn_layers is None", {
        "self.bn_layers = [BatchNorm": "self.layers = [BatchNorm",
        FORWARD_BN: FORWARD_BN.replace("bn_layers[", "layers["),
        BACKWARD_BN: BACKWARD_BN.replace("bn_layers[", "layers["), "in self.bn_layers:": "in self.layers:"},
          form=True),

    # ---- 2.7 Momentum
    Fault("velocity not kept", NO_MOMENTUM, "momentum has no effect", both(MOMENTUM, "0 * self.vW[i]"),
          neutral=(STILL,)),
    Fault("velocity reset by zero_grads", NO_MOMENTUM, "or zero_grads resets it", both(
        CLEAR_W, CLEAR_W + "\n            self.vW[i].fill(0.0)"), neutral=(STILL,)),
    Fault("Nesterov", MOMENTUM_STEPS, "step is Nesterov's momentum", both(
        "self.W[i] + self.vW[i]", "self.W[i] + self.momentum * self.vW[i] - self.lr * self.dW[i]"), neutral=(STILL,)),
    Fault("damping by 1 - momentum", MOMENTUM_STEPS, r"damped by \(1 - momentum\)", both(
        MINUS_GRADIENT, "- (1 - self.momentum) * self.lr * self.dW[i]"), neutral=(STILL,)),
    Fault("momentum with the wrong sign", MOMENTUM_STEPS, "momentum has the wrong sign", both(
        MOMENTUM, "-" + MOMENTUM), neutral=(STILL,)),
    Fault("velocity made by bias_init_fn", "2.7 velocity_is_not_initialised",
          "bias_init_fn is called 4 times for 2 layers", {
        "self.vb = [np.zeros(b.shape) for b in self.b]": "self.vb = [bias_init_fn(b.size) for b in self.b]"}),
    Fault("momentum for W alone", MOMENTUM_STEPS, "momentum does not move the biases", {
        "self.momentum * self.vb[i]": "0 * self.vb[i]"}, neutral=(STILL,)),
    Fault("one velocity for all networks", SHARED, "share a velocity", {
        "class MLP:\n": "VELOCITIES = {}\n\n\nclass MLP:\n",
        VELOCITY_W: "self.vW = VELOCITIES.setdefault(tuple(sizes), [np.zeros(W.shape) for W in self.W])"},
          neutral=(FRESH,)),
    Fault("gamma and beta with momentum", "2.7 with_batchnorm", "gamma and beta move with momentum", gamma_and_beta(
        "layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma\n                "
        "layer.gamma = layer.gamma + layer.vgamma")),
    Fault("the lr of the last network in all", "2.7 networks_side_by_side", "of three that are trained", {
        "        self.lr = lr\n": "        MLP.lr = lr\n"}),
    Fault("the momentum of the last network in all", "2.7 networks_side_by_side", "of three that are trained", {
        "        self.momentum = momentum\n": "        MLP.momentum = momentum\n"}),
    Fault("velocity made by weight_init_fn", f"2.5 initializers; {MOMENTUM_STEPS}", "weight_init_fn is called 6 times", {
        VELOCITY_W: "self.vW = [weight_init_fn(*W.shape) for W in self.W]"}, neutral=(FRESH,)),
    Fault("momentum for the first layer alone", HIDDEN_STEPS, "is wrong in", both(MOMENTUM, f"(i == 0) * {MOMENTUM}"),
          neutral=(STILL,)),
    Fault("momentum for the last layer alone", HIDDEN_STEPS, "is wrong in", both(
        MOMENTUM, f"(i == self.nlayers - 1) * {MOMENTUM}"), neutral=(ONE,)),
    Fault("momentum for the first two layers", "2.7 five steps, two hidden layers", "is wrong in", both(
        MOMENTUM, f"(i < 2) * {MOMENTUM}"), neutral=(STILL,)),
    Fault("the network's own momentum", MOMENTUM_STEPS, "momentum is 0.9 whatever MLP is given", {
        "self.momentum = momentum": "self.momentum = 0.9 if momentum else 0"}, neutral=(STILL,)),

    # ---- 2.8 Training statistics
    Fault("statistics per batch, with a short last one", "2.8 short_last_batch",
          "training_losses are averages of the batches' averages", {
        "np.sum(mlp.criterion.loss)": "np.mean(mlp.criterion.loss)",
        TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Fault("losses summed", "2.8 training_statistics", "training_losses are sums over the examples", {
        TRAINING_LOSS: "loss"}),
    Fault("losses divided by the number of batches", "2.8 training_statistics",
          "training_losses are averages over the number of batches", {
        TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Fault("losses of the last batch alone", "2.8 training_statistics", "training_losses are of the last batch alone", {
        TRAINING_LOSS: "np.mean(mlp.criterion.loss)"}),
    Fault("losses of a second pass", "2.8 training_statistics", "training_losses are those of a second pass", {
        TRAINING_LOSS: "np.mean(mlp.criterion(mlp.forward(trainx), trainy))"}),
    Fault("accuracies for errors", "2.8 training_statistics", "training_errors are accuracies", {
        TRAINING_ERROR: "1 - " + TRAINING_ERROR}),
    Fault("percentages for errors", "2.8 training_statistics", "training_errors are percentages", {
        TRAINING_ERROR: "100 * " + TRAINING_ERROR}),
    Fault("last batch dropped", "2.8 short_last_batch", "the last, shorter batch is dropped", {
        "range(0, len(trainx), batch_size)": "range(0, len(trainx) - batch_size + 1, batch_size)"}),
    Fault("trained on the validation set", "2.8 batches", "trains on the validation set", {
        VALIDATION_ERROR: VALIDATION_ERROR + "        mlp.forward(valx)\n        mlp.backward(valy)\n"
                                             "        mlp.step()\n"}),
    Fault("test predictions out of order", "2.8 confusion_matrix", "predictions and labels are not in the same order", {
        TEST: "testx, testy = test[0], test[1][::-1]"}),
    Fault("confusion matrix transposed", "2.8 confusion_matrix", "confusion_matrix is transposed", {
        "confusion_matrix[i, j]": "confusion_matrix[j, i]"}),
    Fault("confusion matrix in fractions", "2.8 confusion_matrix", "confusion_matrix holds fractions", {
        "confusion_matrix[i, j] += 1": "confusion_matrix[i, j] += 1 / len(testx)"}),
    Fault("confusion matrix of the validation set", "2.8 confusion_matrix", "the test set is not evaluated", {
        TEST: "testx, testy = val"}),
    Fault("lists for arrays", "2.8 result", "training_losses is a list, the grader compares with a NumPy array", {
        CURVE: "curve"}),
    Fault("integer arrays", "2.8 training_statistics; 2.8 validation_statistics; 2.8 result",
          "is an integer array, which cuts off the fractions", {CURVE: "np.array(curve, dtype=int)"}, form=True),
    Fault("data and labels shuffled apart", "2.8 batches", "shuffle data and labels together", {
        "trainy[idxs[b:b + batch_size]]": "trainy[np.random.permutation(idxs)[b:b + batch_size]]"}),
    Fault("the caller's arrays shuffled in place", "2.8 batches", "trainx, .* is changed: work on a copy", {
        SHUFFLE: SHUFFLE + "        trainx[:], trainy[:] = trainx[idxs], trainy[idxs]\n"}),
    Fault("no shuffle at all", "2.8 batches", "the examples are not shuffled", {SHUFFLE: ""}),
    Fault("shuffled once", "2.8 batches", "two epochs take the examples in the same order", {
        "    for _ in range(nepochs):\n" + SHUFFLE: "    np.random.shuffle(idxs)\n    for _ in range(nepochs):\n"}),
    Fault("seeded anew in each epoch", "2.8 batches", "calls np.random.seed", {
        SHUFFLE: "        np.random.seed(1)\n" + SHUFFLE}, form=True),
    Fault("train mode never restored", "2.8 training_statistics",
          "after the first validation the network goes on training in eval mode", {"        mlp.train()\n": ""}),
    Fault("validated in training mode", "2.8 validation_statistics", "the validation set is evaluated in training mode", {
        EVAL_MODE: ""}),
    Fault("no step", "2.8 batches", "a batch is not followed by one step", {"            mlp.step()\n": ""}),
    Fault("validated once, at the end", "2.8 validation_statistics",
          "the validation set is not evaluated whole after each epoch", {
        EVAL_MODE: "        if len(training_losses) < nepochs:\n            validation_losses.append(0.0)\n"
                   "            validation_errors.append(0.0)\n            continue\n" + EVAL_MODE}),
    Fault("confusion matrix forgotten", "2.8 confusion_matrix", "returns 4 values; the handout asks for five", {
        " + (confusion_matrix,)": ""}),
    Fault("batches of one, whatever batch_size is", "2.8 batches", "batch", {
        "    train, val, test = dset\n": "    train, val, test = dset\n    batch_size = 1\n"}),
    Fault("batches of ten, whatever batch_size is", "2.8 short_last_batch", "batch", {
        "    train, val, test = dset\n": "    train, val, test = dset\n    batch_size = 10\n"},
          neutral=(TEN,), form=True),
    Fault("three epochs, whatever nepochs is", "2.8 short_last_batch", "an entry for each of 1 epochs", {
        "range(nepochs)": "range(3)"}),
    Fault("validation errors counted", "2.8 validation_statistics; 2.8 result", "validation_errors are sums", {
        VALIDATION_ERROR: VALIDATION_ERROR.replace(" / len(valx)", "")}, form=True),
    Fault("validation statistics of the training set", "2.8 validation_statistics", "the validation set is not evaluated", {
        "valx, valy = val": "valx, valy = train"}),
    Fault("tested in training mode", "2.8 confusion_matrix", "the test set is evaluated in training mode", {
        "mlp.output_size))\n    mlp.eval()": "mlp.output_size))\n    mlp.train()"}),
    Fault("an epoch draws its examples with replacement", "2.8 batches", "train on each example once", {
        SHUFFLE: "        idxs = np.random.randint(len(trainx), size=len(trainx))\n"}),
]
