"""Typical mistakes, each made in styles/textbook.py: where the grader must take points, and what it must say.

A mistake is a Fault: edits of the textbook's text, the one section that loses points, and a regular expression that
the reason of that section must match. Each old text stands in the textbook exactly once.
"""

import pathlib
import typing

TEXTBOOK = (pathlib.Path(__file__).parent / "styles" / "textbook.py").read_text()


class Fault(typing.NamedTuple):
    """edits: {old text: new text}. also: the other sections that lose points, each with why they must."""

    name: str
    section: str
    reason: str
    edits: dict
    also: dict = {}

    def applied_to(self, text):
        """Return the textbook's text with this mistake; ValueError unless each old text stands there exactly once."""
        for old, new in self.edits.items():
            if text.count(old) != 1:
                raise ValueError("the fault %r edits a text that stands %d times in textbook.py, not once: %r" % (
                    self.name, text.count(old), old))
            text = text.replace(old, new)
        return text


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


FAULTS = [
    # ---- 2.2 Softmax cross-entropy
    Fault("no max in the log-sum-exp", "2.2", "take the largest out of the log-sum-exp", {
        "a = np.max(x, axis=1, keepdims=True)": "a = 0"}),
    Fault("log of the softmax", "2.2", "take the largest out of the log-sum-exp", {
        LOSS: "-np.sum(y * np.log(self.sm), axis=1)"}),
    Fault("loss averaged", "2.2", "the loss is averaged over the batch", {LOSS: "np.mean(%s)" % LOSS}),
    Fault("loss divided by the batch size", "2.2", "the loss is divided by the batch size", {LOSS: LOSS + " / len(x)"}),
    Fault("loss summed", "2.2", "the loss is summed over the batch", {LOSS: "np.sum(%s)" % LOSS}),
    Fault("loss as a column", "2.2", r"the loss has shape \(7, 1\), the grader compares with \(7,\)", {
        LOSS: LOSS + "[:, np.newaxis]"}),
    Fault("loss with the wrong sign", "2.2", "the loss has the wrong sign", {LOSS: LOSS[len("-"):]}),
    Fault("criterion divides the gradient", "2.2", r"derivative\(\) is divided by the batch size", {
        DLOGITS: "(self.sm - self.labels) / len(self.labels)"}),
    Fault("criterion's gradient with the wrong sign", "2.2", r"derivative\(\) has the wrong sign", {
        DLOGITS: "self.labels - self.sm"}),
    Fault("criterion's gradient is the softmax", "2.2", r"derivative\(\) is sm alone", {DLOGITS: "self.sm"}),
    Fault("criterion changes the logits", "2.2", "the logits, which belongs to the caller, is changed", {
        "self.logits = x\n": "x -= np.max(x, axis=1, keepdims=True)\n        self.logits = x\n"}),

    # ---- 2.3 Linear classifier
    Fault("gradient divided twice", "2.3", "divided by the batch size twice", {
        "delta = self.criterion.derivative()": "delta = self.criterion.derivative() / len(labels)"}),
    Fault("dW and db divided twice", "2.3", "divided by the batch size twice", {
        DW: DW + " / len(labels)", DB: DB + " / len(labels)"}),
    Fault("gradient not divided at all", "2.3", "dW and db are sums over the batch, not means", {
        DW: "self.outputs[i].T @ delta", DB: "np.sum(delta, axis=0)"}),
    Fault("dW not divided", "2.3", r"dW is the sum over the batch, not the mean", {DW: "self.outputs[i].T @ delta"}),
    Fault("db not divided", "2.3", r"db is the sum over the batch, not the mean", {DB: "np.sum(delta, axis=0)"}),
    Fault("dW transposed", "2.3", r"dW\[0\] has shape \(10, 20\), the grader compares with \(20, 10\)", {
        DW: "delta.T @ self.outputs[i] / len(labels)"}, {
            "2.5": "a step needs dW and W of one shape, so these gradients are of no use in any network",
            "2.6": "as 2.5", "2.7": "as 2.5", "2.8": "no network can be trained"}),
    Fault("bias forgotten", "2.3", "the bias is not added in forward", {" + self.b[i]\n": "\n"}),
    Fault("gradients accumulated and never cleared", "2.3", "gradients of earlier batches are added up", {
        DW: "self.dW[i] + " + DW, DB: "self.db[i] + " + DB, **both(CLEAR_W, "pass")}),
    Fault("step up the gradient", "2.3", "step goes up the gradient", both(MINUS_GRADIENT, "+ self.lr * self.dW[i]")),
    Fault("step without lr", "2.3", "step does not use lr", both(MINUS_GRADIENT, "- self.dW[i]")),
    Fault("bias never updated", "2.3", "step leaves b as it was", {"self.b[i] = self.b[i] + self.vb[i]": "pass"}),
    Fault("weights never updated", "2.3", "step leaves W as it was", {"self.W[i] = self.W[i] + self.vW[i]": "pass"}),

    # ---- 2.4 Activations
    Fault("Sigmoid.state holds the input", "2.4", "Sigmoid.state is the input of forward; it must be the output", {
        RETURN_SIGMOID: "self.state = x\n        " + RETURN_SIGMOID.replace("state", "output"),
        SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "output")}),
    Fault("Sigmoid.state is never set", "2.4", "Sigmoid.state is None: it is never set", {
        RETURN_SIGMOID: RETURN_SIGMOID.replace("state", "output"),
        SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "output")}),
    Fault("Tanh's state changed in place by derivative", "2.4", "Tanh.derivative changes state in place", {
        TANH_DERIVATIVE: "self.state **= 2\n        return 1 - self.state"}),
    Fault("ReLU clips its input in place", "2.4", "the argument of ReLU.forward, .* is changed: work on a copy", {
        RELU: "x[x < 0] = 0\n        self.state = x"}),
    Fault("ReLU's derivative from a stale input", "2.4", "ReLU.derivative is that of an earlier forward", {
        RELU: "self.x = x if self.state is None else self.x\n        " + RELU, RELU_POSITIVE: "self.x > 0"}),
    Fault("ReLU's derivative is 1 at 0", "2.4", r"ReLU.derivative at 0 is 0 by convention", {
        RELU: "self.x = x\n        " + RELU, RELU_POSITIVE: "self.x >= 0"}),
    Fault("ReLU's derivative is 1 everywhere", "2.4", "ReLU.derivative is 1 everywhere", {
        RELU_POSITIVE: "self.state >= 0"}),
    Fault("ReLU's derivative is its output", "2.4", "ReLU.derivative is the output of forward", {
        RELU_DERIVATIVE: "self.state"}),
    Fault("ReLU's derivative is boolean", "2.4", r"ReLU.derivative.* has dtype bool, .* with float64", {
        RELU_DERIVATIVE: RELU_POSITIVE}),
    Fault("Sigmoid's derivative of the input", "2.4", "Sigmoid.derivative is s .* of the input", {
        SIGMOID: "self.x = x\n        " + SIGMOID, SIGMOID_DERIVATIVE: SIGMOID_DERIVATIVE.replace("state", "x")}),
    Fault("Sigmoid's derivative applies the sigmoid twice", "2.4", "Sigmoid.derivative applies the sigmoid once more", {
        SIGMOID_DERIVATIVE: "s = 1 / (1 + np.exp(-self.state))\n        return s * (1 - s)"}),
    Fault("Tanh's derivative without the square", "2.4", "Tanh.derivative .* the square is missing", {
        TANH_DERIVATIVE: "return 1 - self.state"}),
    Fault("Tanh's derivative applies tanh twice", "2.4", "Tanh.derivative applies tanh once more", {
        TANH_DERIVATIVE: "return 1 - np.tanh(self.state) ** 2"}),
    Fault("Tanh is the sigmoid", "2.4", "the output of Tanh is wrong", {"np.tanh(x)": "1 / (1 + np.exp(-x))"}),

    # ---- 2.5 Hidden layers
    Fault("last activation's derivative forgotten", "2.5", "leaves out the derivative of the last activation", {
        BACKWARD_ACTIVATION: "            if i < self.nlayers - 1:\n    " + BACKWARD_ACTIVATION}),
    Fault("derivatives of all activations forgotten", "2.5", "leaves out the derivatives of the activations", {
        BACKWARD_ACTIVATION: ""}),
    Fault("one layer not transposed", "2.5", r"dW\[1\] is wrong in .*; dW\[2\] is right", {
        "self.W[i].T": "(self.W[i] if i == 2 and self.W[i].shape == self.W[i].T.shape else self.W[i].T)"}),
    Fault("no layer transposed", "2.5", r"matmul.*\(backward, line \d+ of hw1.py\)", {"self.W[i].T": "self.W[i]"}, {
        "2.6": "backward fails with an error in every network with a hidden layer",
        "2.7": "as 2.6"}),
    Fault("hiddens hard-coded to one layer", "2.5", "the network has one hidden layer at most", {
        NLAYERS: "hiddens = hiddens[:1]\n        " + NLAYERS}),
    Fault("hiddens hard-coded to two layers", "2.5", "the network has two hidden layers at most", {
        NLAYERS: "hiddens = hiddens[:2]\n        " + NLAYERS}),
    Fault("every layer with the first activation", "2.5", r"every layer uses the function of activations\[0\]", {
        "self.activations = activations": "self.activations = [type(activations[0])() for _ in activations]"}),
    Fault("the caller's list of hiddens modified", "2.5", "the list of hiddens, .* is changed: work on a copy", {
        SIZES: "hiddens.insert(0, input_size)\n        hiddens.append(output_size)\n        sizes = hiddens"}),
    Fault("the caller's list of activations modified", "2.5", "the list of activations, .* is changed", {
        SIZES: SIZES + "\n        activations.append(criterion)"}),
    Fault("weight_init_fn called twice", "2.5", "weight_init_fn is called 6 times for 3 layers", {
        VELOCITY_W: "self.vW = [0 * weight_init_fn(*W.shape) for W in self.W]"}),
    Fault("weights made from output to input", "2.5", "weight_init_fn is called with .* from input to output it is", {
        "sizes[i], sizes[i + 1]) for i in range(self.nlayers)]":
        "sizes[i], sizes[i + 1]) for i in range(self.nlayers)[::-1]][::-1]"}),

    # ---- 2.6 Batch normalization
    Fault("BatchNorm before the linear map", "2.6", "BatchNorm stands before the linear map", {
        FORWARD_LINEAR + FORWARD_BN: FORWARD_BN.replace("z", "self.outputs[i]") + FORWARD_LINEAR,
        BACKWARD_BN: "", BACKWARD_LINEAR: "            delta = delta @ self.W[i].T\n" + BACKWARD_BN,
        BN_LAYERS: BN_LAYERS.replace("i + 1", "i")}),
    Fault("BatchNorm after the activation", "2.6", "BatchNorm stands after the activation", {
        FORWARD_BN + FORWARD_ACTIVATION: "            z = self.activations[i](z)\n" + FORWARD_BN
                                         + "            self.outputs.append(z)\n",
        BACKWARD_ACTIVATION + BACKWARD_BN: BACKWARD_BN + BACKWARD_ACTIVATION}),
    Fault("BatchNorm on the last layers", "2.6", "BatchNorm stands on the last hidden layers", {
        FORWARD_BN: on_last_layers(FORWARD_BN), BACKWARD_BN: on_last_layers(BACKWARD_BN),
        BN_LAYERS: BN_LAYERS.replace("(num_bn_layers)", "(self.nlayers - 1 - num_bn_layers, self.nlayers - 1)")}),
    Fault("backward without BatchNorm", "2.6", "backward goes past BatchNorm", {BACKWARD_BN: ""}),
    Fault("no bias where there is BatchNorm", "2.6", "a layer with BatchNorm leaves out its bias", {
        " + self.b[i]\n": " + self.b[i] * (i >= self.num_bn_layers)\n"}),
    Fault("variance with m - 1", "2.6", "the variance is divided by m - 1", {
        "np.sum((x - mean) ** 2, axis=0) / m": "np.sum((x - mean) ** 2, axis=0) / (m - 1)"}),
    Fault("eps outside the root", "2.6", "eps stands outside the square root", {DEVIATION: "np.sqrt(var) + self.eps"}),
    Fault("eps forgotten", "2.6", "eps is missing", {DEVIATION: "np.sqrt(var)"}),
    Fault("divided by the variance", "2.6", "divided by the variance, not by its root", {DEVIATION: "var + self.eps"}),
    Fault("alpha on the wrong side", "2.6", "alpha weighs the new batch", running(
        "self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * self.mean")),
    Fault("running statistics never updated", "2.6", "the running statistics are never updated", running("pass")),
    Fault("running_var averages the deviation", "2.6", "running_var averages the deviation", {
        "(1 - self.alpha) * self.var": "(1 - self.alpha) * np.sqrt(self.var)"}),
    Fault("running statistics are the last batch's", "2.6", "the running statistics are those of the last batch",
          running("self.running_mean = self.mean[np.newaxis]")),
    Fault("running statistics changed in inference", "2.6", "the running statistics change in inference", {
        INFERENCE: INFERENCE + "\n            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)"}),
    Fault("inference by the batch's statistics", "2.6", "inference uses the batch's statistics", {
        INFERENCE: "mean, var = x.mean(axis=0), x.var(axis=0)"}),
    Fault("inference by the training batch's statistics", "2.6", "inference uses the training batch's statistics", {
        INFERENCE: "mean, var = self.mean, self.var"}),
    Fault("inference of the stored x", "2.6", "inference normalises the x of the last training batch", {
        "        self.x = x\n": "        self.x = x = self.x if eval else x\n"}),
    Fault("eval mode not passed to BatchNorm", "2.6", "pass eval=not train_mode", {"(z, not self.train_mode)": "(z)"}),
    Fault("gamma forgotten in dx", "2.6", "backward forgets gamma in dx", {DNORM: "dnorm = delta"}),
    Fault("term of dvar missing", "2.6", "the term of the variance is missing in dx", {TERM_OF_DVAR: ""}),
    Fault("term of dmean missing", "2.6", "the term of the mean is missing in dx", {TERM_OF_DMEAN: ""}),
    Fault("both terms missing", "2.6", "the terms of the mean and of the variance are missing in dx", {
        TERM_OF_DVAR: "", TERM_OF_DMEAN: ""}),
    Fault("dgamma from out", "2.6", "dgamma is taken with out", {DGAMMA: "np.sum(delta * self.out, axis=0)"}),
    Fault("dgamma from x", "2.6", "dgamma is taken with x", {DGAMMA: "np.sum(delta * self.x, axis=0)"}),
    Fault("dgamma and dbeta divided", "2.6", "dgamma and dbeta are divided by the batch size", {
        DGAMMA: DGAMMA + " / m", DBETA: DBETA + " / m"}),
    Fault("dgamma and dbeta swapped", "2.6", "dgamma and dbeta are swapped", {
        DNORM: "self.dgamma, self.dbeta = self.dbeta, self.dgamma\n        " + DNORM}),
    Fault("gamma and beta never updated", "2.6", "step leaves gamma and beta as they were", gamma_and_beta("pass")),
    Fault("gamma and beta without lr", "2.6", "step does not use lr for gamma and beta", gamma_and_beta(
        "layer.gamma = layer.gamma - layer.dgamma")),
    Fault("gamma and beta up the gradient", "2.6", "step moves gamma and beta up the gradient", gamma_and_beta(
        "layer.gamma = layer.gamma + self.lr * layer.dgamma")),

    # ---- 2.7 Momentum
    Fault("velocity not kept", "2.7", "momentum has no effect", both(MOMENTUM, "0 * self.vW[i]")),
    Fault("velocity reset by zero_grads", "2.7", "or zero_grads resets it", both(
        CLEAR_W, CLEAR_W + "\n            self.vW[i].fill(0.0)")),
    Fault("Nesterov", "2.7", "step is Nesterov's momentum", both(
        "self.W[i] + self.vW[i]", "self.W[i] + self.momentum * self.vW[i] - self.lr * self.dW[i]")),
    Fault("damping by 1 - momentum", "2.7", r"damped by \(1 - momentum\)", both(
        MINUS_GRADIENT, "- (1 - self.momentum) * self.lr * self.dW[i]")),
    Fault("momentum with the wrong sign", "2.7", "momentum has the wrong sign", both(MOMENTUM, "-" + MOMENTUM)),
    Fault("velocity made by bias_init_fn", "2.7", "is it made by bias_init_fn", {
        "self.vb = [np.zeros(b.shape) for b in self.b]": "self.vb = [bias_init_fn(b.size) for b in self.b]"}),
    Fault("momentum for W alone", "2.7", "momentum does not move the biases", {
        "self.momentum * self.vb[i]": "0 * self.vb[i]"}),
    Fault("one velocity for all networks", "2.7", "share a velocity", {
        "class MLP:\n": "VELOCITIES = {}\n\n\nclass MLP:\n",
        VELOCITY_W: "self.vW = VELOCITIES.setdefault(tuple(sizes), [np.zeros(W.shape) for W in self.W])"}),
    Fault("gamma and beta with momentum", "2.7", "gamma and beta move with momentum", gamma_and_beta(
        "layer.vgamma = self.momentum * getattr(layer, 'vgamma', 0) - self.lr * layer.dgamma\n"
        "                layer.gamma = layer.gamma + layer.vgamma")),

    # ---- 2.8 Training statistics
    Fault("statistics per batch, with a short last one", "2.8", "training_losses are averages of the batches' averages",
          {"np.sum(mlp.criterion.loss)": "np.mean(mlp.criterion.loss)",
           TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Fault("losses summed", "2.8", "training_losses are sums over the examples", {TRAINING_LOSS: "loss"}),
    Fault("losses divided by the number of batches", "2.8", "training_losses are averages over the number of batches", {
        TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Fault("losses of the last batch alone", "2.8", "training_losses are of the last batch alone", {
        TRAINING_LOSS: "np.mean(mlp.criterion.loss)"}),
    Fault("losses of a second pass", "2.8", "training_losses are those of a second pass", {
        TRAINING_LOSS: "np.mean(mlp.criterion(mlp.forward(trainx), trainy))"}),
    Fault("accuracies for errors", "2.8", "training_errors are accuracies", {TRAINING_ERROR: "1 - " + TRAINING_ERROR}),
    Fault("percentages for errors", "2.8", "training_errors are percentages", {
        TRAINING_ERROR: "100 * " + TRAINING_ERROR}),
    Fault("last batch dropped", "2.8", "the last, shorter batch is dropped", {
        "range(0, len(trainx), batch_size)": "range(0, len(trainx) - batch_size + 1, batch_size)"}),
    Fault("trained on the validation set", "2.8", "trains on the validation set", {
        VALIDATION_ERROR: VALIDATION_ERROR + "        mlp.forward(valx)\n        mlp.backward(valy)\n"
                                             "        mlp.step()\n"}),
    Fault("test predictions out of order", "2.8", "predictions and labels are not in the same order", {
        TEST: "testx, testy = test[0], test[1][::-1]"}),
    Fault("confusion matrix transposed", "2.8", "confusion_matrix is transposed", {
        "confusion_matrix[i, j]": "confusion_matrix[j, i]"}),
    Fault("confusion matrix in fractions", "2.8", "confusion_matrix holds fractions", {
        "confusion_matrix[i, j] += 1": "confusion_matrix[i, j] += 1 / len(testx)"}),
    Fault("confusion matrix of the validation set", "2.8", "the test set is not evaluated", {
        TEST: "testx, testy = val"}),
    Fault("lists for arrays", "2.8", "training_losses is a list, the grader compares with a NumPy array", {
        CURVE: "curve"}),
    Fault("integer arrays", "2.8", "is an integer array, which cuts off the fractions", {
        CURVE: "np.array(curve, dtype=int)"}),
    Fault("data and labels shuffled apart", "2.8", "shuffle data and labels together", {
        "trainy[idxs[b:b + batch_size]]": "trainy[np.random.permutation(idxs)[b:b + batch_size]]"}),
    Fault("the caller's arrays shuffled in place", "2.8", "trainx, .* is changed: work on a copy", {
        SHUFFLE: SHUFFLE + "        trainx[:], trainy[:] = trainx[idxs], trainy[idxs]\n"}),
    Fault("no shuffle at all", "2.8", "the examples are not shuffled", {SHUFFLE: ""}),
    Fault("shuffled once", "2.8", "two epochs take the examples in the same order", {
        "    for _ in range(nepochs):\n" + SHUFFLE: "    np.random.shuffle(idxs)\n    for _ in range(nepochs):\n"}),
    Fault("seeded anew in each epoch", "2.8", "calls np.random.seed", {
        SHUFFLE: "        np.random.seed(1)\n" + SHUFFLE}),
    Fault("train mode never restored", "2.8", "after the first validation the network goes on training in eval mode", {
        "        mlp.train()\n": ""}),
    Fault("validated in training mode", "2.8", "the validation set is evaluated in training mode", {EVAL_MODE: ""}),
    Fault("no step", "2.8", "a batch is not followed by one step", {"            mlp.step()\n": ""}),
    Fault("validated once, at the end", "2.8", "the validation set is not evaluated whole after each epoch", {
        EVAL_MODE: "        if len(training_losses) < nepochs:\n            validation_losses.append(0.0)\n"
                   "            validation_errors.append(0.0)\n            continue\n" + EVAL_MODE}),
    Fault("confusion matrix forgotten", "2.8", "the handout asks for five values", {" + (confusion_matrix,)": ""}),
]
