"""The mistakes that the grader recognises: each an edit of the textbook.

Where a handin's numbers are not the textbook's but are those of a mistake, the mistake is the reason to give.
"""

import pathlib

TEXTBOOK = pathlib.Path(__file__).with_name("textbook.py").read_text()
PARTS = "2.2", "2.4"  # the sections of the criterion and the activations, which networks are made of


class Clash(ValueError):
    """Edits that cannot be made, or not together."""


def edited(*edits, text=TEXTBOOK):
    """Return the text with each new of these dicts, {old: new}, for its old, which must stand there once."""
    pairs = [(text.find(old), old, new) for some in edits for old, new in some.items()]
    done, end = [], 0
    for start, old, new in sorted(pairs):
        if text.count(old) != 1:
            raise Clash(f"{old!r} stands {text.count(old)} times in the text, not once")
        if start < end:
            raise Clash(f"{old!r} is part of two edits")
        done += text[end:start], new
        end = start + len(old)
    return "".join(done) + text[end:]


def both(old, new, one="W", other="b"):
    """Return the edit of what is written for one, and the same edit of what is written for the other."""
    return {old: new, old.replace(one, other): new.replace(one, other)}


LOSS, DLOGITS = "-np.sum(y * (x - lse), axis=1)", "self.sm - self.labels"
ACTIVATIONS = {  # its output and its derivative
    "Sigmoid": ("self.state = 1 / (1 + np.exp(-x))", "self.state * (1 - self.state)"),
    "Tanh": ("self.state = np.tanh(x)", "1 - self.state ** 2"),
    "ReLU": ("self.state = np.maximum(0, x)", "self.state > 0"),
}
SIGMOID_DERIVATIVE, TANH_DERIVATIVE = f"return {ACTIVATIONS['Sigmoid'][1]}", ACTIVATIONS["Tanh"][1]
INFERENCE = "mean, var = self.running_mean, self.running_var"
DEVIATION, DGAMMA, DBETA = "np.sqrt(var + self.eps)", "self.dgamma = np.sum(", "self.dbeta = np.sum("
TERM_OF_DVAR, TERM_OF_DMEAN = " + dvar * (2 / m) * centred", " + dmean * (1 / m)"
HIDDENS, BIAS = "self.nlayers = len(hiddens) + 1", " + self.b[i]\n"
BN_LAYERS = "[BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]"
FORWARD_LINEAR = "            z = self.outputs[i] @ self.W[i] + self.b[i]\n"
FORWARD_BN = """            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
"""
FORWARD_ACTIVATION = "            self.outputs.append(self.activations[i](z))\n"
DERIVATIVE = " * self.activations[i].derivative()"
BACKWARD_ACTIVATION = f"            delta = delta{DERIVATIVE}\n"
BACKWARD_BN = """            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
"""
BACKWARD_LINEAR = "            if i > 0:\n                delta = delta @ self.W[i].T\n"
CLEAR, BY_M, DB = "self.dW[i].fill(0.0)", " / len(labels)", "np.mean(delta, axis=0)"
VELOCITY, MOVED = "self.momentum * self.vW[i]", "self.W[i] = self.W[i] + self.vW[i]"
MINUS_GRADIENT, FIRST_VELOCITY = "- self.lr * self.dW[i]", "self.vW = [np.zeros(W.shape) for W in self.W]"
GAMMA, STEPPED = "layer.gamma = layer.gamma - self.lr * layer.dgamma", "in self.bn_layers:"


def state_is_input(name):
    output, derivative = ACTIVATIONS[name]
    kept = output.replace("state", "output")
    return {f"{output}\n        return self.state": f"{kept}\n        self.state = x\n        return self.output",
            derivative: derivative.replace("state", "output")}


def of_input(name, derivative):
    """The derivative of the input x, which forward keeps."""
    output, right = ACTIVATIONS[name]
    return {output: f"self.x = x\n        {output}", right: derivative}


def stale(name):
    output, derivative = ACTIVATIONS[name]
    return {output: f"{output}\n        self.first = getattr(self, 'first', self.state)",
            derivative: derivative.replace("state", "first")}


def running(new):
    old = "self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean"
    return both(old, new, "mean", "var")


def batchnorm(old="i <", new="i <", index="i"):
    """The edit of BatchNorm's part of forward and of backward."""
    return {part: part.replace(old, new).replace("[i]", f"[{index}]") for part in (FORWARD_BN, BACKWARD_BN)}


SECTIONS = {  # section: {fault: (what to tell the author, its edits)}
    "2.2": {
        "loss sign": ("the loss has the wrong sign: it is -sum of y log sm, which is positive",
            {"self.loss = -": "self.loss = "}),
        "loss averaged": ("the loss is averaged over the batch: it is one value an example, (m,)",
            {LOSS: f"np.mean({LOSS})"}),
        "loss summed": ("the loss is summed over the batch: it is one value an example, (m,)",
            {LOSS: f"np.sum({LOSS})"}),
        "loss divided": ("the loss is divided by the batch size: it is one value an example, not averaged",
            {LOSS[1:]: f"{LOSS[1:]} / len(x)"}),
        "dlogits divided": ("derivative() is divided by the batch size: it is sm - y, one row an example",
            {DLOGITS: f"({DLOGITS}) / len(self.labels)"}),
        "dlogits is sm": ("derivative() is sm alone: it is sm - y", {DLOGITS: "self.sm"}),
        "dlogits sign": ("derivative() has the wrong sign: it is sm - y", {DLOGITS: "self.labels - self.sm"}),
    },
    "2.3": {
        "dW transposed": ("dW is transposed: it has the shape of W",
            {"self.outputs[i].T @ delta": "delta.T @ self.outputs[i]"}),
        "bias forgotten": ("the bias is not added in forward", {BIAS: "\n"}),
        "dW summed": ("dW is the sum over the batch, not the mean", {BY_M: ""}),
        "db summed": ("db is the sum over the batch, not the mean", {DB: "np.sum(delta, axis=0)"}),
        "summed": ("dW and db are sums over the batch, not means", {BY_M: "", DB: "np.sum(delta, axis=0)"}),
        "divided twice": ("dW and db are divided by the batch size twice", {BY_M: BY_M * 2, DB: DB + BY_M}),
        "delta divided": ("dW and db are divided by the batch size twice",
            {"self.criterion.derivative()": f"self.criterion.derivative(){BY_M}"}),
        "accumulated": ("the gradients of earlier batches are added up: backward or zero_grads must end that",
            {"self.dW[i] =": "self.dW[i] = self.dW[i] +", "self.db[i] =": "self.db[i] = self.db[i].ravel() +",
             **both(CLEAR, "pass")}),
        "step sign": ("step goes up the gradient: it must subtract lr * dW",
            both(MINUS_GRADIENT, "+ self.lr * self.dW[i]")),
        "step without lr": ("step does not use lr", both(MINUS_GRADIENT, "- self.dW[i]")),
        "W not updated": ("step leaves W as it was", {MOVED: "pass"}),
        "bias not updated": ("step leaves b as it was", {MOVED.replace("W", "b"): "pass"}),
    },
    "2.4": {
        **{f"state of {name}": (f"{name}.state is the input of forward; it must be the output", state_is_input(name))
           for name in ACTIVATIONS},
        "sigmoid'": ("Sigmoid.derivative is s (1 - s) of the input; s must be the output of forward",
            of_input("Sigmoid", "self.x * (1 - self.x)")),
        "sigmoid' twice": ("Sigmoid.derivative applies the sigmoid once more to the output of forward",
            {SIGMOID_DERIVATIVE: "s = 1 / (1 + np.exp(-self.state))\n        return s * (1 - s)"}),
        "tanh'": ("Tanh.derivative squares the input; it is 1 minus the square of the output of forward",
            of_input("Tanh", "1 - self.x ** 2")),
        "tanh' twice": ("Tanh.derivative applies tanh once more to the output of forward",
            {TANH_DERIVATIVE: "1 - np.tanh(self.state) ** 2"}),
        "tanh' square": ("Tanh.derivative is 1 - tanh(x)^2; the square is missing",
            {TANH_DERIVATIVE: "1 - self.state"}),
        "relu' at 0": ("ReLU.derivative at 0 is 0 by convention, not 1", of_input("ReLU", "self.x >= 0")),
        "relu' is 1": ("ReLU.derivative is 1 everywhere: it is 1 where state > 0 and 0 elsewhere",
            {"self.state > 0": "self.state >= 0"}),
        "relu' is state": ("ReLU.derivative is the output of forward; it is 1 where that is > 0 and 0 elsewhere",
            {"np.where(self.state > 0, 1.0, 0.0)": "self.state"}),
        **{f"stale {name}": (f"{name}.derivative is that of an earlier forward; it must be of the last", stale(name))
           for name in ACTIVATIONS},
    },
    "2.5": {
        **{layers: (f"the network has {layers} at most; it must have one for each of hiddens",
                    {HIDDENS: f"hiddens = hiddens[:{number}]\n        {HIDDENS}"})
           for number, layers in enumerate(("one hidden layer", "two hidden layers", "three hidden layers"), 1)},
        "first bias": ("forward adds the bias in the first layer alone", {BIAS: " + self.b[i] * (i == 0)\n"}),
        "last bias": ("forward adds the bias in the last layer alone",
            {BIAS: " + self.b[i] * (i == self.nlayers - 1)\n"}),
        "first activation": ("every layer uses the function of activations[0]; layer i must use activations[i]",
            {"self.activations = activations": "self.activations = [type(activations[0])() for _ in activations]"}),
        "last activation": ("backward leaves out the derivative of the last activation",
            {BACKWARD_ACTIVATION: f"            if i < self.nlayers - 1:\n    {BACKWARD_ACTIVATION}"}),
        "all activations": ("backward leaves out the derivatives of the activations", {DERIVATIVE: ""}),
        "not transposed": ("backward takes delta through W, not through its transpose",
            {"self.W[i].T": "(self.W[i] if self.W[i].shape == self.W[i].T.shape else self.W[i].T)"}),
    },
    "2.6": {
        "m - 1": ("BatchNorm: the variance is divided by m - 1, not by m",
            {"(x - mean) ** 2, axis=0) / m": "(x - mean) ** 2, axis=0) / (m - 1)"}),
        "eps outside": ("BatchNorm: eps stands outside the square root", {DEVIATION: "np.sqrt(var) + self.eps"}),
        "root missing": ("BatchNorm: norm is divided by the variance, not by its root",
            {DEVIATION: "(var + self.eps)"}),
        "eps missing": ("BatchNorm: eps is missing", {DEVIATION: "np.sqrt(var)"}),
        "running kept": ("BatchNorm: the running statistics are never updated in training", running("pass")),
        "deviation averaged": ("BatchNorm: running_var averages the deviation; it must average the variance",
            {"(1 - self.alpha) * self.var": "(1 - self.alpha) * np.sqrt(self.var)"}),
        "alpha": ("BatchNorm: alpha weighs the new batch; it must weigh the running statistics",
            running("self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * self.mean")),
        "eval not passed": ("BatchNorm does not infer in the network's eval mode: pass eval=not train_mode",
            {"(z, not self.train_mode)": "(z)"}),
        "eval by batch": ("BatchNorm: inference uses the batch's statistics, not the running ones",
            {INFERENCE: "mean, var = x.mean(axis=0), x.var(axis=0)"}),
        "eval by last batch": ("BatchNorm: inference uses the training batch's statistics",
            {INFERENCE: "mean, var = self.mean, self.var"}),
        "running of batch": ("BatchNorm: the running statistics are those of the last batch, not averaged by alpha",
            running("self.running_mean = self.mean[np.newaxis]")),
        "eval stored x": ("BatchNorm: inference normalises the x of the last training batch, not the new one",
            {"        self.x = x\n": "        self.x = x = self.x if eval and self.x is not None else x\n"}),
        "gamma in dx": ("BatchNorm: backward forgets gamma in dx", {"dnorm = delta * self.gamma": "dnorm = delta"}),
        "dvar": ("BatchNorm: the term of the variance is missing in dx", {TERM_OF_DVAR: ""}),
        "dvar and dmean": ("BatchNorm: the terms of the mean and of the variance are missing in dx",
            {TERM_OF_DVAR: "", TERM_OF_DMEAN: ""}),
        "dmean": ("BatchNorm: the term of the mean is missing in dx", {TERM_OF_DMEAN: ""}),
        "dgamma of out": ("BatchNorm: dgamma is taken with out; it is the sum of delta * norm",
            {"delta * self.norm": "delta * self.out"}),
        "dgamma of x": ("BatchNorm: dgamma is taken with x; it is the sum of delta * norm",
            {"delta * self.norm": "delta * self.x"}),
        "dgamma divided": ("BatchNorm: dgamma and dbeta are divided by the batch size; they are sums",
            {DGAMMA: "self.dgamma = 1 / m * np.sum(", DBETA: "self.dbeta = 1 / m * np.sum("}),
        "dgamma swapped": ("BatchNorm: dgamma and dbeta are swapped", {DGAMMA: DBETA, DBETA: DGAMMA}),
        "bias with BatchNorm": ("a layer with BatchNorm leaves out its bias",
            {BIAS: " + self.b[i] * (i >= self.num_bn_layers)\n"}),
        "first BatchNorm alone": ("BatchNorm stands on the first layer alone; it belongs on num_bn_layers layers",
            batchnorm("i < self.num_bn_layers", "i == 0")),
        "same BatchNorm": ("bn_layers holds one BatchNorm many times; each layer needs a BatchNorm of its own",
            {BN_LAYERS: "[BatchNorm(sizes[1])] * num_bn_layers"}),
        "one BatchNorm": ("bn_layers[0] is used in every layer; layer i must use bn_layers[i]",
            batchnorm(index="0")),
        "gamma of the first": ("step moves the gamma and beta of bn_layers[0] alone",
            {STEPPED: "in self.bn_layers[:1]:"}),
        "gamma of the last": ("step moves the gamma and beta of the last of bn_layers alone",
            {STEPPED: "in self.bn_layers[-1:]:"}),
        "gamma of the first two": ("step moves the gamma and beta of the first two of bn_layers alone",
            {STEPPED: "in self.bn_layers[:2]:"}),
        "beta kept": ("step moves gamma, but leaves beta as it was", {GAMMA.replace("gamma", "beta"): "pass"}),
        "gamma alone kept": ("step moves beta, but leaves gamma as it was", {GAMMA: "pass"}),
        "gamma kept": ("step leaves gamma and beta as they were", both(GAMMA, "pass", "gamma", "beta")),
        "gamma without lr": ("step does not use lr for gamma and beta",
            both("- self.lr * layer.dgamma", "- layer.dgamma", "gamma", "beta")),
        "gamma sign": ("step moves gamma and beta up the gradient",
            both("- self.lr * layer.dgamma", "+ self.lr * layer.dgamma", "gamma", "beta")),
        "not backward": ("backward goes past BatchNorm: delta must go through BatchNorm.backward",
            {"delta = self.bn_layers[i].backward(delta)": "pass"}),
        "BatchNorm first": ("BatchNorm stands before the linear map; it belongs between the linear map and the "
                            "activation",
            {FORWARD_LINEAR + FORWARD_BN: FORWARD_BN.replace("z", "self.outputs[i]") + FORWARD_LINEAR,
             BACKWARD_BN: "",
             BACKWARD_LINEAR: f"            delta = delta @ self.W[i].T\n{BACKWARD_BN}",
             BN_LAYERS: BN_LAYERS.replace("i + 1", "i")}),
        "BatchNorm late": ("BatchNorm stands after the activation; it belongs before it",
            {FORWARD_BN + FORWARD_ACTIVATION:
                 f"            z = self.activations[i](z)\n{FORWARD_BN}            self.outputs.append(z)\n",
             BACKWARD_ACTIVATION + BACKWARD_BN: BACKWARD_BN + BACKWARD_ACTIVATION}),
        "last layers": ("BatchNorm stands on the last hidden layers, not on the first num_bn_layers layers",
            {**batchnorm("i < self", "-1 > i - self.nlayers >= -1 - self", "i - self.nlayers + 1"),
             BN_LAYERS: BN_LAYERS.replace("num_bn_layers)", "self.nlayers - 1 - num_bn_layers, self.nlayers - 1)")}),
    },
    "2.7": {
        "no momentum": ("momentum has no effect: the velocity is not kept, or zero_grads resets it",
            both(VELOCITY, "0 * self.vW[i]")),
        "nesterov": ("step is Nesterov's momentum; the handout's is v = momentum v - lr dW; W = W + v",
            both(MOVED, f"self.W[i] = self.W[i] + {VELOCITY} {MINUS_GRADIENT}")),
        "damping": ("the gradient is damped by (1 - momentum); it is v = momentum v - lr dW",
            both(MINUS_GRADIENT, "- (1 - self.momentum) * self.lr * self.dW[i]")),
        "momentum of 0.9": ("momentum is 0.9 whatever MLP is given", both(VELOCITY, "0.9 * self.vW[i]")),
        "momentum sign": ("momentum has the wrong sign: it is v = momentum v - lr dW",
            both(VELOCITY, f"-{VELOCITY}")),
        "velocity of weight_init_fn": ("the first velocity of W is not zero: is it made by weight_init_fn?",
            {FIRST_VELOCITY: "self.vW = [weight_init_fn(*W.shape) for W in self.W]"}),
        "velocity of bias_init_fn": ("the first velocity of the biases is not zero: is it made by bias_init_fn?",
            {"self.vb = [np.zeros(b.shape) for b in self.b]": "self.vb = [bias_init_fn(b.size) for b in self.b]"}),
        "b without momentum": ("momentum does not move the biases", {VELOCITY.replace("W", "b"): "0 * self.vb[i]"}),
        "gamma with momentum": ("gamma and beta move with momentum; theirs is the plain step p = p - lr dp",
            both(GAMMA, """\
layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma
                layer.gamma = layer.gamma + layer.vgamma""", "gamma", "beta")),
    },
}
# fault: (section, what to tell the author, its edits)
FAULTS = {name: (section, *told) for section, faults in SECTIONS.items() for name, told in faults.items()}
