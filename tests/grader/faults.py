"""The textbook, which handins are compared with, and edits of it: the mistakes that are recognised.

Where a handin's numbers are not the textbook's but are those of a mistake, that is the reason.
"""

import functools
import pathlib

FILE = pathlib.Path(__file__).with_name("textbook.py")
TEXTBOOK = FILE.read_text()
PARTS = "2.2", "2.4"  # the sections of the criterion and the activations, which networks need


def edited(*edits, text=TEXTBOOK):
    """The text with each new of the edits, {old: new}, for its old; ValueError if they clash."""
    done, rest = "", text
    pairs = [pair for some in edits for pair in some.items()]
    for old, new in sorted(pairs, key=lambda pair: text.find(pair[0])):
        before, found, rest = rest.partition(old)
        if not found or text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in the text, not once, or is "
                             "part of two edits")
        done += before + new
    return done + rest


def both(old, new, one="W", other="b"):
    """Return the edit of what is written for one, and the same edit of that for the other."""
    return {old: new, old.replace(one, other): new.replace(one, other)}


LOSS, DLOGITS = "-np.sum(y * (x - lse), axis=1)", "self.sm - self.labels"
ACTIVATIONS = {  # its output and its derivative
    "Sigmoid": ("self.state = 1 / (1 + np.exp(-x))", "self.state * (1 - self.state)"),
    "Tanh": ("self.state = np.tanh(x)", "1 - self.state ** 2"),
    "ReLU": ("self.state = np.maximum(0, x)", "self.state > 0"),
}
INFERENCE = "mean, var = self.running_mean, self.running_var"
RUNNING = "self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean"
BIAS, DEVIATION = "@ self.W[i] + ", "np.sqrt(var + self.eps)"
DVAR, DMEAN = " + dvar * (2 / m) * centred", " + dmean * (1 / m)"
BN_LAYERS = "[BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]"
IN_BN = "            if self.bn and i < self.num_bn_layers:\n                "
FORWARD_LINEAR = "            z = self.outputs[i] @ self.W[i] + self.b[i]\n"
FORWARD_BN = f"{IN_BN}z = self.bn_layers[i](z, not self.train_mode)\n"
FORWARD_ACTIVATION = "            z = self.activations[i](z)\n"
DERIVATIVE = " * self.activations[i].derivative()"
BACKWARD_ACTIVATION = f"            delta = delta{DERIVATIVE}\n"
BACKWARD_BN = f"{IN_BN}delta = self.bn_layers[i].backward(delta)\n"
BACKWARD_LINEAR = "            if i > 0:\n                delta = delta @ self.W[i].T\n"
BY_M, DB, DB_SUM = " / len(labels)", "np.mean(delta, axis=0)", "np.sum(delta, axis=0)"
VELOCITY, FIRST_VELOCITY = "self.momentum * self.vW", "self.vW = [np.zeros(W.shape)"
MINUS, GAMMA = "- self.lr * self.dW[i]", "- self.lr * layer.dgamma"


def derivative_of(name, attribute, kept, returned="state"):
    """The edits after which the derivative is of the attribute, which forward has kept."""
    output, derivative = ACTIVATIONS[name]
    forward = f"{output}\n        return self."
    return {f"{forward}state\n": f"{output}\n        {kept}\n        return self.{returned}\n",
            derivative: derivative.replace("state", attribute)}


def batchnorm(old="i <", new="i <", index="i"):
    """The edit of BatchNorm's part of forward and of backward."""
    return {part: part.replace(old, new).replace("[i]", f"[{index}]")
            for part in (FORWARD_BN, BACKWARD_BN)}


SECTIONS = {"2.2": {  # section: {fault: (its edits, what to tell the author)}
    "loss sign": ({"self.loss = -": "self.loss = "},
        "the loss has the wrong sign: it is -sum of y log sm, which is positive"),
    **{f"loss {what}": ({LOSS: f"np.{function}({LOSS})"},
        f"the loss is {what} over the batch: it is one value an example, (m,)")
       for what, function in (("averaged", "mean"), ("summed", "sum"))},
    "loss divided": ({LOSS[1:]: f"{LOSS[1:]} / len(x)"},
        "the loss is divided by the batch size: it is one value an example, not averaged"),
    "dlogits divided": ({DLOGITS: f"({DLOGITS}) / len(self.labels)"},
        "derivative() is divided by the batch size: it is sm - y, one row an example"),
    "dlogits is sm": ({DLOGITS: "self.sm"}, "derivative() is sm alone: it is sm - y"),
    "dlogits sign": ({DLOGITS: f"-({DLOGITS})"}, "derivative() has the wrong sign: it is sm - y"),
}, "2.3": {
    "dW transposed": ({"self.outputs[i].T @ delta": "delta.T @ self.outputs[i]"},
        "dW is transposed: it has the shape of W"),
    "bias forgotten": ({BIAS: BIAS + "0 * "}, "the bias is not added in forward"),
    "dW summed": ({BY_M: ""}, "dW is the sum over the batch, not the mean"),
    "db summed": ({DB: DB_SUM}, "db is the sum over the batch, not the mean"),
    "summed": ({BY_M: "", DB: DB_SUM}, "dW and db are sums over the batch, not means"),
    "divided twice": ({BY_M: BY_M * 2, DB: DB + BY_M},
        "dW and db are divided by the batch size twice"),
    "delta divided": ({"self.criterion.derivative()": f"self.criterion.derivative(){BY_M}"},
        "dW and db are divided by the batch size twice"),
    "accumulated": ({**both("dW[i] =", "dW[i] +="), **both("self.dW[i].fill(0.0)", "pass")},
        "the gradients of earlier batches are added up: backward or zero_grads must end that"),
    "step sign": (both(MINUS, "+ self.lr * self.dW[i]"),
        "step goes up the gradient: it must subtract lr * dW"),
    "step without lr": (both(MINUS, "- self.dW[i]"), "step does not use lr"),
    "W not updated": ({"self.W[i] + self.vW[i]": "self.W[i]"}, "step leaves W as it was"),
    "bias not updated": ({"self.b[i] + self.vb[i]": "self.b[i]"}, "step leaves b as it was"),
}, "2.4": {
    **{f"state of {name}": (
        derivative_of(name, "output", "self.output, self.state = self.state, x", "output"),
        f"{name}.state is the input of forward; it must be the output") for name in ACTIVATIONS},
    "sigmoid'": (derivative_of("Sigmoid", "x", "self.x = x"),
        "Sigmoid.derivative is s (1 - s) of the input; s must be the output of forward"),
    "sigmoid' twice": ({"self.state * (1 - self.state)": "0.25 / np.cosh(self.state / 2) ** 2"},
        "Sigmoid.derivative applies the sigmoid once more to the output of forward"),
    "tanh'": (derivative_of("Tanh", "x", "self.x = x"),
        "Tanh.derivative squares the input; it is 1 minus the square of the output of forward"),
    "tanh' twice": ({"1 - self.state ** 2": "1 - np.tanh(self.state) ** 2"},
        "Tanh.derivative applies tanh once more to the output of forward"),
    "tanh' square": ({"1 - self.state ** 2": "1 - self.state"},
        "Tanh.derivative is 1 - tanh(x)^2; the square is missing"),
    "relu' at 0": ({"self.state = np.maximum": "self.x = x\n        self.state = np.maximum",
        "self.state > 0": "self.x >= 0"}, "ReLU.derivative at 0 is 0 by convention, not 1"),
    "relu' is 1": ({"self.state > 0": "self.state >= 0"},
        "ReLU.derivative is 1 everywhere: it is 1 where state > 0 and 0 elsewhere"),
    "relu' is state": ({"np.where(self.state > 0, 1.0, 0.0)": "self.state"},
        "ReLU.derivative is the output of forward; it is 1 where that is > 0 and 0 elsewhere"),
    **{f"stale {name}": (
        derivative_of(name, "first", "self.first = getattr(self, 'first', self.state)"),
        f"{name}.derivative is that of an earlier forward; it must be of the last")
       for name in ACTIVATIONS},
}, "2.5": {
    **{layers: ({"self.nlayers = ": f"hiddens = hiddens[:{k}]\n        self.nlayers = "},
        f"the network has {layers} at most; it must have one for each of hiddens") for k, layers in
       ((1, "one hidden layer"), (2, "two hidden layers"), (3, "three hidden layers"))},
    "first bias": ({BIAS: BIAS + "(i == 0) * "}, "forward adds the bias in the first layer alone"),
    "last bias": ({BIAS: BIAS + "(i == self.nlayers - 1) * "},
        "forward adds the bias in the last layer alone"),
    "first activation": ({"= activations": "= [type(activations[0])() for _ in activations]"},
        "every layer uses the function of activations[0]; layer i must use activations[i]"),
    "last activation": ({DERIVATIVE: f"{DERIVATIVE} ** (i < self.nlayers - 1)"},
        "backward leaves out the derivative of the last activation"),
    "all activations": ({DERIVATIVE: ""}, "backward leaves out the derivatives of the activations"),
    "not transposed": ({"self.W[i].T": "(self.W[i].T if np.ptp(self.W[i].shape) else self.W[i])"},
        "backward takes delta through W, not through its transpose"),
}, "2.6": {
    "m - 1": ({"np.var(x, axis=0)": "np.var(x, axis=0, ddof=1)"},
        "BatchNorm: the variance is divided by m - 1, not by m"),
    "eps outside": ({DEVIATION: "np.sqrt(var) + self.eps"},
        "BatchNorm: eps stands outside the square root"),
    "root missing": ({DEVIATION: "(var + self.eps)"},
        "BatchNorm: norm is divided by the variance, not by its root"),
    "eps missing": ({DEVIATION: "np.sqrt(var)"}, "BatchNorm: eps is missing"),
    "running kept": (both(RUNNING, "pass", "mean", "var"),
        "BatchNorm: the running statistics are never updated in training"),
    "deviation averaged": ({"(1 - self.alpha) * self.var": "(1 - self.alpha) * np.sqrt(self.var)"},
        "BatchNorm: running_var averages the deviation; it must average the variance"),
    "alpha": (both(RUNNING, RUNNING.replace("self.alpha", "(1 - self.alpha)"), "mean", "var"),
        "BatchNorm: alpha weighs the new batch; it must weigh the running statistics"),
    "eval not passed": ({"(z, not self.train_mode)": "(z)"},
        "BatchNorm does not infer in the network's eval mode: pass eval=not train_mode"),
    "eval by batch": ({INFERENCE: "mean, var = x.mean(axis=0), x.var(axis=0)"},
        "BatchNorm: inference uses the batch's statistics, not the running ones"),
    "eval by last batch": ({INFERENCE: "mean, var = self.mean, self.var"},
        "BatchNorm: inference uses the training batch's statistics"),
    "running of batch": (both(RUNNING, "self.running_mean = self.mean[np.newaxis]", "mean", "var"),
        "BatchNorm: the running statistics are those of the last batch, not averaged by alpha"),
    "eval stored x": ({"self.x = x\n": "self.x = x = self.x if eval and np.ndim(self.x) else x\n"},
        "BatchNorm: inference normalises the x of the last training batch, not the new one"),
    "gamma in dx": ({"dnorm = delta * self.gamma": "dnorm = delta"},
        "BatchNorm: backward forgets gamma in dx"),
    "dvar": ({DVAR: ""}, "BatchNorm: the term of the variance is missing in dx"),
    "dvar and dmean": ({DVAR: "", DMEAN: ""},
        "BatchNorm: the terms of the mean and of the variance are missing in dx"),
    "dmean": ({DMEAN: ""}, "BatchNorm: the term of the mean is missing in dx"),
    **{f"dgamma of {name}": ({"delta * self.norm": f"delta * self.{name}"},
        f"BatchNorm: dgamma is taken with {name}; it is the sum of delta * norm")
       for name in ("out", "x")},
    "dgamma divided": (both("self.dgamma =", "self.dgamma = 1 / m *", "gamma", "beta"),
        "BatchNorm: dgamma and dbeta are divided by the batch size; they are sums"),
    "dgamma swapped": ({"self.dgamma =": "self.dbeta =", "self.dbeta =": "self.dgamma ="},
        "BatchNorm: dgamma and dbeta are swapped"),
    "bias with BatchNorm": ({BIAS: BIAS + "(i >= self.num_bn_layers) * "},
        "a layer with BatchNorm leaves out its bias"),
    "first BatchNorm alone": (batchnorm("i < self.num_bn_layers", "i == 0"),
        "BatchNorm stands on the first layer alone; it belongs on num_bn_layers layers"),
    "same BatchNorm": ({BN_LAYERS: "[BatchNorm(sizes[1])] * num_bn_layers"},
        "bn_layers holds one BatchNorm many times; each layer needs a BatchNorm of its own"),
    "one BatchNorm": (batchnorm(index="0"),
        "bn_layers[0] is used in every layer; layer i must use bn_layers[i]"),
    "gamma of the first": ({"in self.bn_layers:": "in self.bn_layers[:1]:"},
        "step moves the gamma and beta of bn_layers[0] alone"),
    "gamma of the last": ({"in self.bn_layers:": "in self.bn_layers[-1:]:"},
        "step moves the gamma and beta of the last of bn_layers alone"),
    "gamma of the first two": ({"in self.bn_layers:": "in self.bn_layers[:2]:"},
        "step moves the gamma and beta of the first two of bn_layers alone"),
    "beta kept": ({"- self.lr * layer.dbeta": ""}, "step moves gamma, but leaves beta as it was"),
    "gamma alone kept": ({GAMMA: ""}, "step moves beta, but leaves gamma as it was"),
    "gamma kept": (both(GAMMA, "", "gamma", "beta"), "step leaves gamma and beta as they were"),
    "gamma without lr": (both(GAMMA, "- layer.dgamma", "gamma", "beta"),
        "step does not use lr for gamma and beta"),
    "gamma sign": (both(GAMMA, "+ self.lr * layer.dgamma", "gamma", "beta"),
        "step moves gamma and beta up the gradient"),
    "not backward": ({"delta = self.bn_layers[i].backward(delta)": "pass"},
        "backward goes past BatchNorm: delta must go through BatchNorm.backward"),
    "BatchNorm first": ({
        FORWARD_LINEAR + FORWARD_BN: FORWARD_BN.replace("z", "self.outputs[i]") + FORWARD_LINEAR,
        BACKWARD_BN: "", BACKWARD_LINEAR: f"            delta = delta @ self.W[i].T\n{BACKWARD_BN}",
        BN_LAYERS: BN_LAYERS.replace("i + 1", "i")}, "BatchNorm stands before the linear map; it "
        "belongs between the linear map and the activation"),
    "BatchNorm late": ({FORWARD_BN + FORWARD_ACTIVATION: FORWARD_ACTIVATION + FORWARD_BN,
        BACKWARD_ACTIVATION + BACKWARD_BN: BACKWARD_BN + BACKWARD_ACTIVATION},
        "BatchNorm stands after the activation; it belongs before it"),
    "last layers": ({
        **batchnorm("i < self", "-1 > i - self.nlayers >= -1 - self", "i - self.nlayers + 1"),
        BN_LAYERS: BN_LAYERS.replace("(num_bn_layers", "(-2 - num_bn_layers, -2")},
        "BatchNorm stands on the last hidden layers, not on the first num_bn_layers layers"),
}, "2.7": {
    "no momentum": (both(VELOCITY, "0 * self.vW"),
        "momentum has no effect: the velocity is not kept, or zero_grads resets it"),
    "nesterov": (both("self.W[i] + self.vW[i]", f"self.W[i] + {VELOCITY}[i] {MINUS}"),
        "step is Nesterov's momentum; the handout's is v = momentum v - lr dW; W = W + v"),
    "damping": (both(MINUS, "- (1 - self.momentum) * self.lr * self.dW[i]"),
        "the gradient is damped by (1 - momentum); it is v = momentum v - lr dW"),
    "momentum of 0.9": (both(VELOCITY, "0.9 * self.vW"), "momentum is 0.9 whatever MLP is given"),
    "momentum sign": (both(VELOCITY, f"-{VELOCITY}"),
        "momentum has the wrong sign: it is v = momentum v - lr dW"),
    "velocity of weight_init_fn": ({FIRST_VELOCITY: "self.vW = [weight_init_fn(*W.shape)"},
        "the first velocity of W is not zero: is it made by weight_init_fn?"),
    "velocity of bias_init_fn": ({"self.vb = [np.zeros(b.size)": "self.vb = [bias_init_fn(b.size)"},
        "the first velocity of the biases is not zero: is it made by bias_init_fn?"),
    "b without momentum": ({VELOCITY.replace("W", "b"): "0 * self.vb"},
        "momentum does not move the biases"),
    "gamma with momentum": (both("layer.gamma = layer.gamma - self.lr * layer.dgamma", """\
layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma
                layer.gamma = layer.gamma + layer.vgamma""", "gamma", "beta"),
        "gamma and beta move with momentum; theirs is the plain step p = p - lr dp"),
}}
# fault: (section, what to tell the author, its edits)
FAULTS = {name: (section, reason, edits) for section, faults in SECTIONS.items()
          for name, (edits, reason) in faults.items()}


@functools.lru_cache(maxsize=500)
class Reference:
    """The textbook with these FAULTS, as the module hw1; ValueError if they clash."""

    def __init__(self, faults=frozenset()):
        self.__name__ = __name__
        for piece in edited(*(FAULTS[fault][2] for fault in faults)).split("\n\n\n"):
            exec(compiled(piece), self.__dict__)
        self.SoftmaxCrossEntropy.backward = self.SoftmaxCrossEntropy.derivative  # the writeup's


@functools.lru_cache(maxsize=500)
def compiled(piece):
    """The code of one definition, its frames the grader's own; an edit changes few of them."""
    return compile(piece, str(FILE), "exec")
