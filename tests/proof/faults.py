"""Typical mistakes, each made in hw1/hw1.py: where the grader must take points, and what it must say.

A mistake is a Fault: edits of the text of hw1.py, the one section that loses points, and a regular expression that the
reason of that section must match. Each old text stands in hw1.py exactly once.
"""

import typing


class Fault(typing.NamedTuple):
    """edits: pairs of the old text and the new. also: the other sections that lose points, each with why they must."""

    name: str
    section: str
    reason: str
    edits: tuple
    also: dict = {}

    def applied_to(self, text):
        """Return hw1.py's text with this mistake; ValueError unless each old text stands there exactly once."""
        for old, new in self.edits:
            if text.count(old) != 1:
                raise ValueError("the fault %r edits a text that stands %d times in hw1.py, not once: %r" % (
                    self.name, text.count(old), old))
            text = text.replace(old, new)
        return text


LOSS_IS = "self.loss = (y * (np.log1p(others) - shifted)) @ ones"
SIGMOID_STATE = "self.state = e / (1 + e)"
SIGMOID_END = """        return self.state

    def derivative(self):
        state = self._last_state()
        return state * (1 - state)"""
TANH_STATE, TANH_DERIVATIVE = "self.state = np.tanh(_as_floating(x, \"x\"))", "return 1 - state * state"
RELU_STATE = "self.state = np.maximum(_as_floating(x, \"x\"), 0)"
RELU_DERIVATIVE = "return (state > 0).astype(state.dtype)"
EVAL = "centred, var = x - self.running_mean, self.running_var"
RUNNING_MEAN = "self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean"
RUNNING_VAR = "self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var"
INVERSE = "self._inverse_deviation = 1 / np.sqrt(var + self.eps)"
DX = "            dx = delta - self.dbeta / m - self.norm * (self.dgamma / m)\n"
DX_RETURN = "return (dx * (self.gamma * self._inverse_deviation))"
DGAMMA = "self.dgamma = _column_sums(delta * self.norm)"
SIZES = "sizes = [input_size] + list(hiddens) + [output_size]"
COUNT_ACTIVATIONS = "if len(self.activations) != self.nlayers:"
BN_LAYERS = "[BatchNorm(d) for d in sizes[1:1 + num_bn_layers]]"
FORWARD_BN = """            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=not self.train_mode)
"""
FORWARD_ACTIVATION = "            x = self.activations[i](z)\n"
FORWARD_LINEAR = """            inputs.append(x)
            z = x @ self.W[i] + self.b[i]
"""
BACKWARD_ACTIVATION = "            delta = delta * self.activations[i].derivative()\n"
BACKWARD_BN = """            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
"""
BACKWARD_LINEAR = """            if i > 0:
                delta = delta @ self.W[i].T
"""
STEP_GAMMA = "layer.gamma = layer.gamma - lr * layer.dgamma"
STEP_BETA = "layer.beta = layer.beta - lr * layer.dbeta"
STEP_W = "self.W = _moved(self.W, self.dW, self._W_velocities, self._own_W, lr, self.momentum)"
STEP_B = "self.b = _moved(self.b, self.db, self._b_velocities, self._own_b, lr, self.momentum)"
SHARE = "share = delta / m"
DW, DB = "dW.insert(0, self._inputs[i].T @ share)", "db.insert(0, _column_sums(share))"
VELOCITY, SUBTRACT = "velocity *= momentum", "velocity -= lr * grad"
MOVE = "p += velocity"
CLEAR = """        self.dW, self.db = list(self._zero_dW), list(self._zero_db)
        for layer in"""
SHUFFLE = "np.random.shuffle(order)"
BATCH_LABELS = "mlp.backward(_one_hot(trainy[batch], eye))"
EPOCH_STATS = "        stats[:, epoch] = (losses.mean(), (predicted != classes).mean()) + _evaluate(mlp, *validation)[:2]\n"
KEEP_LOSSES = "losses[batch] = mlp.criterion.loss"
RETURN = "return tuple(stats) + (_evaluate(mlp, *test)[2],)"
CONFUSION = "(output.argmax(axis=1), labels.argmax(axis=1)), 1)"

FAULTS = [
    # ---- 2.2 Softmax cross-entropy
    Fault("no max in the log-sum-exp", "2.2", "take the largest out of the log-sum-exp", (
        (LOSS_IS, "self.loss = (y * (np.log(np.exp(x).sum(axis=1, keepdims=True)) - x)).sum(axis=1)"),)),
    Fault("log of the softmax", "2.2", "take the largest out of the log-sum-exp", (
        (LOSS_IS, "self.loss = -(y * np.log(self.sm)).sum(axis=1)"),)),
    Fault("loss averaged", "2.2", "the loss is averaged over the batch", (
        (LOSS_IS, LOSS_IS.replace("self.loss = ", "self.loss = np.mean(") + ")"),)),
    Fault("loss divided by the batch size", "2.2", "the loss is divided by the batch size", (
        (LOSS_IS, LOSS_IS + " / m"),)),
    Fault("loss summed", "2.2", "the loss is summed over the batch", (
        (LOSS_IS, LOSS_IS.replace("self.loss = ", "self.loss = np.sum(") + ")"),)),
    Fault("loss as a column", "2.2", r"the loss has shape \(7, 1\), the grader compares with \(7,\)", (
        (LOSS_IS, LOSS_IS + "[:, np.newaxis]"),)),
    Fault("loss with the wrong sign", "2.2", "the loss has the wrong sign", (
        (LOSS_IS, "self.loss = -" + LOSS_IS[len("self.loss = "):]),)),
    Fault("criterion divides the gradient", "2.2", r"derivative\(\) is divided by the batch size", (
        ("return self.sm - self.labels", "return (self.sm - self.labels) / len(self.labels)"),)),
    Fault("criterion's gradient with the wrong sign", "2.2", r"derivative\(\) has the wrong sign", (
        ("return self.sm - self.labels", "return self.labels - self.sm"),)),
    Fault("criterion's gradient is the softmax", "2.2", r"derivative\(\) is sm alone", (
        ("return self.sm - self.labels", "return self.sm"),)),
    Fault("criterion changes the logits", "2.2", "the logits, which belongs to the caller, is changed", (
        ("m, K = x.shape", "x -= x.max(axis=1, keepdims=True)\n        m, K = x.shape"),)),

    # ---- 2.3 Linear classifier
    Fault("gradient divided twice", "2.3", "divided by the batch size twice", (
        ("delta = self.criterion.derivative()\n", "delta = self.criterion.derivative() / len(labels)\n"),)),
    Fault("dW and db divided twice", "2.3", "divided by the batch size twice", (
        (SHARE, "share = delta / m ** 2"),)),
    Fault("gradient not divided at all", "2.3", "dW and db are sums over the batch, not means", (
        (SHARE, "share = delta"),)),
    Fault("dW not divided", "2.3", r"dW is the sum over the batch, not the mean", (
        (DW, DW.replace("share", "delta")),)),
    Fault("db not divided", "2.3", r"db is the sum over the batch, not the mean", (
        (DB, DB.replace("share", "delta")),)),
    Fault("dW transposed", "2.3", r"dW\[0\] has shape \(10, 20\), the grader compares with \(20, 10\)", (
        (DW, "dW.insert(0, share.T @ self._inputs[i])"),), {
            "2.5": "a step needs dW and W of one shape, so these gradients are of no use in any network",
            "2.6": "as 2.5", "2.7": "as 2.5", "2.8": "no network can be trained"}),
    Fault("bias forgotten", "2.3", "the bias is not added in forward", (
        (FORWARD_LINEAR, FORWARD_LINEAR.replace(" + self.b[i]", "")),)),
    Fault("gradients accumulated and never cleared", "2.3", "gradients of earlier batches are added up", (
        ("self.dW, self.db = dW, db", "self.dW = [a + d for a, d in zip(self.dW, dW)]\n"
                                      "        self.db = [a + d for a, d in zip(self.db, db)]"),
        (CLEAR, CLEAR.replace("self.dW, self.db = list(self._zero_dW), list(self._zero_db)", "pass")))),
    Fault("step up the gradient", "2.3", "step goes up the gradient", (
        (SUBTRACT, "velocity += lr * grad"),)),
    Fault("step without lr", "2.3", "step does not use lr", (
        (SUBTRACT, "velocity -= grad"),)),
    Fault("bias never updated", "2.3", "step leaves b as it was", ((STEP_B, "pass"),)),
    Fault("weights never updated", "2.3", "step leaves W as it was", ((STEP_W, "pass"),)),

    # ---- 2.4 Activations
    Fault("Sigmoid.state holds the input", "2.4", "Sigmoid.state is the input of forward; it must be the output", (
        (SIGMOID_STATE, "self.state, self.output = x, e / (1 + e)"),
        (SIGMOID_END, SIGMOID_END.replace("return self.state", "return self.output").replace(
            "self._last_state()", "self.output")))),
    Fault("Sigmoid.state is never set", "2.4", "Sigmoid.state is None: it is never set", (
        (SIGMOID_STATE, "self.output = e / (1 + e)"),
        (SIGMOID_END, SIGMOID_END.replace("return self.state", "return self.output").replace(
            "self._last_state()", "self.output")))),
    Fault("Tanh's state changed in place by derivative", "2.4", "Tanh.derivative changes state in place", (
        (TANH_DERIVATIVE, "state *= state\n        return 1 - state"),)),
    Fault("ReLU clips its input in place", "2.4", "the argument of ReLU.forward, .* is changed: work on a copy", (
        (RELU_STATE, "x[x < 0] = 0\n        self.state = x"),)),
    Fault("ReLU's derivative from a stale input", "2.4", "ReLU.derivative is that of an earlier forward", (
        (RELU_STATE, "self.x = x if self.state is None else self.x\n        " + RELU_STATE),
        (RELU_DERIVATIVE, "return (self.x > 0).astype(state.dtype)"))),
    Fault("ReLU's derivative is 1 at 0", "2.4", r"ReLU.derivative at 0 is 0 by convention", (
        (RELU_STATE, "self.x = x\n        " + RELU_STATE),
        (RELU_DERIVATIVE, "return (self.x >= 0).astype(state.dtype)"))),
    Fault("ReLU's derivative is 1 everywhere", "2.4", "ReLU.derivative is 1 everywhere", (
        (RELU_DERIVATIVE, "return (state >= 0).astype(state.dtype)"),)),
    Fault("ReLU's derivative is its output", "2.4", "ReLU.derivative is the output of forward", (
        (RELU_DERIVATIVE, "return state"),)),
    Fault("ReLU's derivative is boolean", "2.4", r"ReLU.derivative.* has dtype bool, .* with float64", (
        (RELU_DERIVATIVE, "return state > 0"),)),
    Fault("Sigmoid's derivative of the input", "2.4", "Sigmoid.derivative is s .* of the input", (
        (SIGMOID_STATE, "self.x = x\n        " + SIGMOID_STATE),
        ("return state * (1 - state)", "return self.x * (1 - self.x)"))),
    Fault("Sigmoid's derivative applies the sigmoid twice", "2.4", "Sigmoid.derivative applies the sigmoid once more", (
        (SIGMOID_END, SIGMOID_END.replace("self._last_state()", "1 / (1 + np.exp(-self._last_state()))")),)),
    Fault("Tanh's derivative without the square", "2.4", "Tanh.derivative .* the square is missing", (
        (TANH_DERIVATIVE, "return 1 - state"),)),
    Fault("Tanh's derivative applies tanh twice", "2.4", "Tanh.derivative applies tanh once more", (
        (TANH_DERIVATIVE, "return 1 - np.tanh(state) ** 2"),)),
    Fault("Tanh is the sigmoid", "2.4", "the output of Tanh is wrong", (
        (TANH_STATE, "self.state = 1 / (1 + np.exp(-_as_floating(x, \"x\")))"),)),

    # ---- 2.5 Hidden layers
    Fault("last activation's derivative forgotten", "2.5", "leaves out the derivative of the last activation", (
        (BACKWARD_ACTIVATION, "            if i < self.nlayers - 1:\n    " + BACKWARD_ACTIVATION),)),
    Fault("derivatives of all activations forgotten", "2.5", "leaves out the derivatives of the activations", (
        (BACKWARD_ACTIVATION, ""),)),
    Fault("one layer not transposed", "2.5", r"dW\[1\] is wrong in .*; dW\[2\] is right", (
        (BACKWARD_LINEAR, "            if i > 0:\n                delta = delta @ (self.W[i] if i == 2 and "
                          "self.W[i].shape[0] == self.W[i].shape[1] else self.W[i].T)\n"),)),
    Fault("no layer transposed", "2.5", r"matmul.*\(backward, line \d+ of hw1.py\)", (
        (BACKWARD_LINEAR, BACKWARD_LINEAR.replace(".T", "")),), {
            "2.6": "backward fails with an error in every network with a hidden layer",
            "2.7": "as 2.6"}),
    Fault("hiddens hard-coded to one layer", "2.5", "the network has one hidden layer at most", (
        (SIZES, SIZES.replace("list(hiddens)", "list(hiddens[:1])")), (COUNT_ACTIVATIONS, "if False:"))),
    Fault("hiddens hard-coded to two layers", "2.5", "the network has two hidden layers at most", (
        (SIZES, SIZES.replace("list(hiddens)", "list(hiddens[:2])")), (COUNT_ACTIVATIONS, "if False:"))),
    Fault("every layer with the first activation", "2.5", r"every layer uses the function of activations\[0\]", (
        ("self.activations = list(activations)", "self.activations = [type(activations[0])() for _ in activations]"),)),
    Fault("the caller's list of hiddens modified", "2.5", "the list of hiddens, .* is changed: work on a copy", (
        (SIZES, "hiddens.insert(0, input_size)\n        hiddens.append(output_size)\n        sizes = hiddens"),)),
    Fault("the caller's list of activations modified", "2.5", "the list of activations, .* is changed", (
        ("self.bn_layers = None\n", "self.bn_layers = None\n        activations.append(criterion)\n"),)),
    Fault("weight_init_fn called twice", "2.5", "weight_init_fn is called 6 times for 3 layers", (
        ("self._W_velocities = [np.zeros_like(W) for W in self.W]",
         "self._W_velocities = [0 * weight_init_fn(*W.shape) for W in self.W]"),)),
    Fault("weights made from output to input", "2.5", "weight_init_fn is called with .* from input to output it is", (
        ("for d_in, d_out in zip(sizes[:-1], sizes[1:])]", "for d_in, d_out in "
         "reversed(list(zip(sizes[:-1], sizes[1:])))][::-1]"),)),

    # ---- 2.6 Batch normalization
    Fault("BatchNorm before the linear map", "2.6", "BatchNorm stands before the linear map", (
        (FORWARD_LINEAR + FORWARD_BN, FORWARD_BN.replace("z", "x") + FORWARD_LINEAR), (BACKWARD_BN, ""),
        (BACKWARD_LINEAR, "            delta = delta @ self.W[i].T\n" + BACKWARD_BN),
        (BN_LAYERS, "[BatchNorm(d) for d in sizes[:num_bn_layers]]"))),
    Fault("BatchNorm after the activation", "2.6", "BatchNorm stands after the activation", (
        (FORWARD_BN + FORWARD_ACTIVATION, FORWARD_ACTIVATION + FORWARD_BN.replace("z", "x")),
        (BACKWARD_ACTIVATION + BACKWARD_BN, BACKWARD_BN + BACKWARD_ACTIVATION))),
    Fault("BatchNorm on the last layers", "2.6", "BatchNorm stands on the last hidden layers", (
        (FORWARD_BN, """            k = i - (self.nlayers - 1 - self.num_bn_layers)
            if 0 <= k < self.num_bn_layers:
                z = self.bn_layers[k](z, eval=not self.train_mode)
"""), (BACKWARD_BN, """            k = i - (self.nlayers - 1 - self.num_bn_layers)
            if 0 <= k < self.num_bn_layers:
                delta = self.bn_layers[k].backward(delta)
"""), (BN_LAYERS, "[BatchNorm(d) for d in sizes[self.nlayers - num_bn_layers:self.nlayers]]"))),
    Fault("backward without BatchNorm", "2.6", "backward goes past BatchNorm", ((BACKWARD_BN, ""),)),
    Fault("no bias where there is BatchNorm", "2.6", "a layer with BatchNorm leaves out its bias", (
        ("z = x @ self.W[i] + self.b[i]", "z = x @ self.W[i] + self.b[i] * (i >= self.num_bn_layers)"),)),
    Fault("variance with m - 1", "2.6", "the variance is divided by m - 1", (
        ("var = _column_sums(centred * centred) / len(x)", "var = _column_sums(centred * centred) / (len(x) - 1)"),)),
    Fault("eps outside the root", "2.6", "eps stands outside the square root", (
        (INVERSE, "self._inverse_deviation = 1 / (np.sqrt(var) + self.eps)"),)),
    Fault("eps forgotten", "2.6", "eps is missing", ((INVERSE, INVERSE.replace(" + self.eps", "")),)),
    Fault("divided by the variance", "2.6", "divided by the variance, not by its root", (
        (INVERSE, "self._inverse_deviation = 1 / (var + self.eps)"),)),
    Fault("alpha on the wrong side", "2.6", "alpha weighs the new batch", (
        (RUNNING_MEAN, "self.running_mean = (1 - self.alpha) * self.running_mean + self.alpha * self.mean"),
        (RUNNING_VAR, "self.running_var = (1 - self.alpha) * self.running_var + self.alpha * self.var"))),
    Fault("running statistics never updated", "2.6", "the running statistics are never updated", (
        (RUNNING_MEAN, "pass"), (RUNNING_VAR, "pass"))),
    Fault("running_var averages the deviation", "2.6", "running_var averages the deviation", (
        (RUNNING_VAR, RUNNING_VAR.replace("self.var", "self.var ** 0.5")),)),
    Fault("running statistics are the last batch's", "2.6", "the running statistics are those of the last batch", (
        (RUNNING_MEAN, "self.running_mean = self.mean[np.newaxis]"),
        (RUNNING_VAR, "self.running_var = self.var[np.newaxis]"))),
    Fault("running statistics changed in inference", "2.6", "the running statistics change in inference", (
        (EVAL, EVAL + "\n            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)"),)),
    Fault("inference by the batch's statistics", "2.6", "inference uses the batch's statistics", (
        (EVAL, "centred, var = x - x.mean(axis=0), x.var(axis=0)"),)),
    Fault("inference by the training batch's statistics", "2.6", "inference uses the training batch's statistics", (
        (EVAL, "centred, var = x - self.mean, self.var"),)),
    Fault("inference of the stored x", "2.6", "inference normalises the x of the last training batch", (
        (EVAL, EVAL.replace("x - ", "self.x - ", 1)), ("self.x, self._eval = x, eval", "self._eval = eval\n"
         "        self.x = self.x if eval else x"))),
    Fault("eval mode not passed to BatchNorm", "2.6", "pass eval=not train_mode", (
        (FORWARD_BN, FORWARD_BN.replace(", eval=not self.train_mode", "")),)),
    Fault("gamma forgotten in dx", "2.6", "backward forgets gamma in dx", (
        (DX_RETURN, "return (dx * self._inverse_deviation)"),)),
    Fault("term of dvar missing", "2.6", "the term of the variance is missing in dx", (
        (DX, DX.replace(" - self.norm * (self.dgamma / m)", "")),)),
    Fault("term of dmean missing", "2.6", "the term of the mean is missing in dx", (
        (DX, DX.replace(" - self.dbeta / m", "")),)),
    Fault("both terms missing", "2.6", "the terms of the mean and of the variance are missing in dx", ((DX, "            pass\n"),)),
    Fault("dgamma from out", "2.6", "dgamma is taken with out", (
        (DX_RETURN, "self.dgamma = _column_sums(delta * self.out)\n        " + DX_RETURN),)),
    Fault("dgamma from x", "2.6", "dgamma is taken with x", (
        (DX_RETURN, "self.dgamma = _column_sums(delta * self.x)\n        " + DX_RETURN),)),
    Fault("dgamma and dbeta divided", "2.6", "dgamma and dbeta are divided by the batch size", (
        (DX_RETURN, "self.dgamma, self.dbeta = self.dgamma / m, self.dbeta / m\n        " + DX_RETURN),)),
    Fault("dgamma and dbeta swapped", "2.6", "dgamma and dbeta are swapped", (
        (DX_RETURN, "self.dgamma, self.dbeta = self.dbeta, self.dgamma\n        " + DX_RETURN),)),
    Fault("gamma and beta never updated", "2.6", "step leaves gamma and beta as they were", (
        (STEP_GAMMA, "pass"), (STEP_BETA, "pass"))),
    Fault("gamma and beta without lr", "2.6", "step does not use lr for gamma and beta", (
        (STEP_GAMMA, STEP_GAMMA.replace("lr * ", "")), (STEP_BETA, STEP_BETA.replace("lr * ", "")))),
    Fault("gamma and beta up the gradient", "2.6", "step moves gamma and beta up the gradient", (
        (STEP_GAMMA, STEP_GAMMA.replace("-", "+")), (STEP_BETA, STEP_BETA.replace("-", "+")))),

    # ---- 2.7 Momentum
    Fault("velocity not kept", "2.7", "momentum has no effect", ((VELOCITY, "velocity *= 0"),)),
    Fault("velocity reset by zero_grads", "2.7", "or zero_grads resets it", (
        (CLEAR, "        for velocity in self._W_velocities + self._b_velocities:\n            velocity *= 0\n" + CLEAR),)),
    Fault("Nesterov", "2.7", "step is Nesterov's momentum", (
        (MOVE, "p += momentum * velocity - lr * grad"),)),
    Fault("damping by 1 - momentum", "2.7", r"damped by \(1 - momentum\)", (
        (SUBTRACT, "velocity -= (1 - momentum) * lr * grad"),)),
    Fault("momentum with the wrong sign", "2.7", "momentum has the wrong sign", (
        (VELOCITY, "velocity *= -momentum"),)),
    Fault("velocity made by bias_init_fn", "2.7", "is it made by bias_init_fn", (
        ("self._b_velocities = [np.zeros_like(b) for b in self.b]",
         "self._b_velocities = [bias_init_fn(b.size) for b in self.b]"),)),
    Fault("momentum for W alone", "2.7", "momentum does not move the biases", (
        (STEP_B, "for velocity in self._b_velocities:\n            velocity *= 0\n        " + STEP_B),)),
    Fault("one velocity for all networks", "2.7", "share a velocity", (
        ("self._W_velocities = [np.zeros_like(W) for W in self.W]",
         "velocities = MLP.__dict__.get('velocities') or setattr(MLP, 'velocities', {}) or MLP.velocities\n"
         "        self._W_velocities = [velocities.setdefault((i, W.shape), np.zeros_like(W)) "
         "for i, W in enumerate(self.W)]"),)),
    Fault("gamma and beta with momentum", "2.7", "gamma and beta move with momentum", (
        (STEP_GAMMA, "layer.v = self.momentum * getattr(layer, 'v', 0) - self.lr * layer.dgamma\n"
                     "            layer.gamma = layer.gamma + layer.v"),
        (STEP_BETA, "layer.w = self.momentum * getattr(layer, 'w', 0) - self.lr * layer.dbeta\n"
                    "            layer.beta = layer.beta + layer.w"))),

    # ---- 2.8 Training statistics
    Fault("statistics per batch, with a short last one", "2.8", "training_losses are averages of the batches' averages", (
        (KEEP_LOSSES, "losses[start // batch_size] = mlp.criterion.loss.mean()"), (EPOCH_STATS, EPOCH_STATS.replace(
            "losses.mean()", "losses[:-(-n // batch_size)].mean()")))),
    Fault("losses summed", "2.8", "training_losses are sums over the examples", (
        (EPOCH_STATS, EPOCH_STATS.replace("losses.mean()", "losses.sum()")),)),
    Fault("losses divided by the number of batches", "2.8", "training_losses are averages over the number of batches", (
        (EPOCH_STATS, EPOCH_STATS.replace("losses.mean()", "losses.sum() / -(-n // batch_size)")),)),
    Fault("losses of the last batch alone", "2.8", "training_losses are of the last batch alone", (
        (KEEP_LOSSES, "losses[:] = mlp.criterion.loss.mean()"),)),
    Fault("losses of a second pass", "2.8", "training_losses are those of a second pass", (
        (EPOCH_STATS, EPOCH_STATS.replace("(losses.mean(), (predicted != classes).mean())", "_evaluate(mlp, trainx, trainy)[:2]")),)),
    Fault("accuracies for errors", "2.8", "training_errors are accuracies", (
        (EPOCH_STATS, EPOCH_STATS.replace("predicted != classes", "predicted == classes")),)),
    Fault("percentages for errors", "2.8", "training_errors are percentages", (
        (EPOCH_STATS, EPOCH_STATS.replace("(predicted", "100 * (predicted")),)),
    Fault("last batch dropped", "2.8", "the last, shorter batch is dropped", (
        ("for start in range(0, n, batch_size):", "for start in range(0, n - batch_size + 1, batch_size):"),)),
    Fault("trained on the validation set", "2.8", "trains on the validation set", (
        (EPOCH_STATS, EPOCH_STATS + "        mlp.forward(validation[0])\n        mlp.backward(validation[1])\n"
                                    "        mlp.step()\n"),)),
    Fault("test predictions out of order", "2.8", "predictions and labels are not in the same order", (
        (RETURN, RETURN.replace("*test", "test[0], test[1][::-1]")),)),
    Fault("confusion matrix transposed", "2.8", "confusion_matrix is transposed", (
        (CONFUSION, "(labels.argmax(axis=1), output.argmax(axis=1)), 1)"),)),
    Fault("confusion matrix in fractions", "2.8", "confusion_matrix holds fractions", (
        (RETURN, RETURN.replace("[2],", "[2] / len(test[0]),")),)),
    Fault("confusion matrix of the validation set", "2.8", "the test set is not evaluated", (
        (RETURN, RETURN.replace("*test", "*validation")),)),
    Fault("lists for arrays", "2.8", "training_losses is a list, the grader compares with a NumPy array", (
        (RETURN, RETURN.replace("tuple(stats)", "tuple(curve.tolist() for curve in stats)")),)),
    Fault("integer arrays", "2.8", "is an integer array, which cuts off the fractions", (
        ("stats = np.zeros((4, nepochs))", "stats = np.zeros((4, nepochs), dtype=int)"),)),
    Fault("data and labels shuffled apart", "2.8", "shuffle data and labels together", (
        (BATCH_LABELS, BATCH_LABELS.replace("trainy[batch]", "trainy[np.random.permutation(n)[start:start + batch_size]]")),)),
    Fault("the caller's arrays shuffled in place", "2.8", "trainx, .* is changed: work on a copy", (
        (SHUFFLE, "state = np.random.get_state()\n        np.random.shuffle(trainx)\n"
                  "        np.random.set_state(state)\n        np.random.shuffle(trainy)"),)),
    Fault("no shuffle at all", "2.8", "the examples are not shuffled", ((SHUFFLE, "pass"),)),
    Fault("shuffled once", "2.8", "two epochs take the examples in the same order", (
        (SHUFFLE, "order = np.random.RandomState(1).permutation(n)"),)),
    Fault("seeded anew in each epoch", "2.8", "calls np.random.seed", (
        (SHUFFLE, "np.random.seed(epoch)\n        " + SHUFFLE),)),
    Fault("train mode never restored", "2.8", "after the first validation the network goes on training in eval mode", (
        ("    for epoch in range(nepochs):\n        mlp.train()\n", "    for epoch in range(nepochs):\n"),)),
    Fault("validated in training mode", "2.8", "the validation set is evaluated in training mode", (
        ("    mlp.eval()\n    loss, eye", "    loss, eye"),)),
    Fault("no step", "2.8", "a batch is not followed by one step", (("            mlp.step()\n", ""),)),
    Fault("validated once, at the end", "2.8", "the validation set is not evaluated whole after each epoch", (
        (EPOCH_STATS, "        stats[:2, epoch] = (losses.mean(), (predicted != classes).mean())\n"
                       "        if epoch == nepochs - 1:\n    " + EPOCH_STATS),)),
    Fault("confusion matrix forgotten", "2.8", "the handout asks for five values", (
        (RETURN, "return tuple(stats)"),)),
]
