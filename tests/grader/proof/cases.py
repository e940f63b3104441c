"""Further wrong submissions, each an edit of the textbook: what they cost, and the reason.

For those of tests/grader/mistakes.py the reason is their sentence; for these it is what the grader
measures.
"""

import typing

from tests.grader.mistakes import (
    BACKWARDS, FIVE_STEPS, FORWARDS, IN_NETWORKS, TWO_OR_MORE, read_textbook)


class Case(typing.NamedTuple):
    """A wrong submission.

    costs: {check: points lost}, first those of the mistake's own section. reason: a pattern that a
    reason in that section must match. edits: pairs (old lines, new lines) of the textbook.
    """

    costs: typing.Dict[str, float]
    reason: str
    edits: typing.List[typing.Tuple[str, str]]

    @property
    def is_in_training_stats(self):
        """Whether get_training_stats alone differs from the textbook."""
        return are_in_training_stats(self.edits)


def are_in_training_stats(edits):
    """Return whether edits are all in get_training_stats, the last function of the textbook."""
    function = read_textbook().partition("def get_training_stats")[2]
    return all(old in function for old, _ in edits)


def all_of(points, *checks):
    """Return {check: points} of all checks."""
    return {check: points for check in checks}


# ---- What several mistakes cost ----

FORWARD = all_of(4, *FORWARDS)
BACKWARD = {**all_of(6, *BACKWARDS), "2.5 mixed_activations": 5}
DEEP_BACKWARD = {**all_of(6, *BACKWARDS[1:]), "2.5 mixed_activations": 5}
IN_NETWORK = all_of(1, *IN_NETWORKS)
STEPS = all_of(2, *FIVE_STEPS)
STATISTICS = all_of(2, "2.8 batches", "2.8 training_statistics", "2.8 validation_statistics",
                    "2.8 confusion_matrix")

# ---- Lines of the textbook that several mistakes edit ----

STEP_W = """\
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.W[i] = self.W[i] + self.vW[i]
"""
STEP_B = """\
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.b[i] = self.b[i] + self.vb[i]
"""
DSET = "    (trainx, trainy), (valx, valy), (testx, testy) = dset\n"
SHUFFLE = "        np.random.shuffle(idxs)\n"
TRAINING_LOSS = "            training_losses[e] += np.sum(mlp.criterion.loss) / len(trainx)\n"
TRAINING_ERROR = ("            training_errors[e] += np.sum(out.argmax(axis=1) != y.argmax(axis=1))"
                  " / len(trainx)\n")
VALIDATION_LOSS = """\
            validation_losses[e] += np.sum(mlp.criterion(out, y)) / len(valx)
"""
VALIDATE = "        mlp.eval()\n        for b in range(0, len(valx), batch_size):\n"
TEST = "    mlp.eval()\n    for b in range(0, len(testx), batch_size):\n"
COUNT = """\
        for i, j in zip(out.argmax(axis=1), y.argmax(axis=1)):
            confusion_matrix[i, j] += 1
"""
RETURN = ("    return training_losses, training_errors, validation_losses, validation_errors, "
          "confusion_matrix")
FORWARD_BN = """\
            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
"""
BN_LAYERS = """\
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
"""
BACKWARD_BN = """\
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
"""
BN_LAYERS = "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n"

CASES = {
    # ---- 2.2 ----
    "loss as a column": Case(
        {"2.2 loss": 2}, r"the loss of 7 examples has shape \(7, 1\)", [
            ("        self.loss = -np.sum(y * (x - lse), axis=1)\n",
             "        self.loss = -np.sum(y * (x - lse), axis=1, keepdims=True)\n")]),
    "criterion modifies the logits": Case(
        {"2.2 loss": 1}, "the logits .* modified in place", [
            ("        self.logits = x\n", "        x -= 1\n        self.logits = x\n")]),
    "the first labels are kept": Case(
        {"2.2 derivative": 2}, r"SoftmaxCrossEntropy.derivative, line \d+ of hw1.py", [
            ("        self.labels = y\n",
             "        self.labels = y if self.labels is None else self.labels\n")]),
    "no max in the log-sum-exp": Case(
        {"2.2 log_sum_exp": 1}, "take the largest out", [
            ("        a = np.max(x, axis=1, keepdims=True)\n", "        a = 0\n")]),
    "max of the batch": Case(
        {"2.2 log_sum_exp": 1}, "largest logit of each example", [
            ("        a = np.max(x, axis=1, keepdims=True)\n", "        a = np.max(x)\n")]),
    "log of the softmax": Case(
        {"2.2 log_sum_exp": 1}, "the log is taken of a softmax that is 0", [
            ("        self.loss = -np.sum(y * (x - lse), axis=1)\n",
             "        self.loss = -np.sum(y * np.log(self.sm), axis=1)\n")]),
    "log of a clipped softmax": Case(
        {"2.2 log_sum_exp": 1}, "the loss is 27.63 .* a softmax that is clipped", [
            ("        self.loss = -np.sum(y * (x - lse), axis=1)\n",
             "        clipped = np.clip(self.sm, 1e-12, 1)\n"
             "        self.loss = -np.sum(y * np.log(clipped), axis=1)\n")]),
    "the softmax overflows": Case(
        {"2.2 log_sum_exp": 1},
        r"derivative\(\) is not finite .*\(SoftmaxCrossEntropy.derivative, line", [
            ("        self.sm = np.exp(x - lse)\n",
             "        self.sm = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)\n")]),
    # ---- 2.3 ----
    "zero_grads forgets db": Case(
        {"2.3 zero_grads": 1}, r"zero_grads leaves db\[0\]", [
            ("            self.db[i].fill(0.0)\n", "")]),
    "zero_grads sets dW to None": Case(
        {"2.3 zero_grads": 1}, r"after zero_grads, a batch fails: .*MLP.backward, line", [
            ("        for i in range(self.nlayers):\n            self.dW[i].fill(0.0)\n"
             "            self.db[i].fill(0.0)\n",
             "        self.dW = None\n        self.db = None\n")]),
    "zero_grads resets b": Case(
        {"2.3 zero_grads": 1}, r"b\[0\] after zero_grads is 0 everywhere; W is right", [
            ("            self.db[i].fill(0.0)\n",
             "            self.db[i].fill(0.0)\n            self.b[i].fill(0.0)\n")]),
    "zero_grads resets b of hidden layers": Case(
        {"2.5 backward [32]": 6}, r"dW\[1\] is wrong in 320 of 320 entries", [
            ("            self.db[i].fill(0.0)\n",
             "            self.db[i].fill(0.0)\n"
             "            self.b[i] *= i == self.nlayers - 1\n")]),
    "zero_grads clears the first layer only": Case(
        {"2.5 several_batches": 2}, r"zero_grads leaves dW\[1\] nonzero", [
            ("            self.dW[i].fill(0.0)\n            self.db[i].fill(0.0)\n",
             "            self.dW[i] *= i > 0\n            self.db[i] *= i > 0\n")]),
    "step moves the last layer only": Case(
        {"2.5 several_batches": 2}, r"W\[0\] after a step is unchanged.* \(MLP.step, line", [
            ("    def step(self):\n        for i in range(self.nlayers):\n",
             "    def step(self):\n        for i in [-1]:\n")]),
    "W.T of the first batch": Case(
        {"2.5 several_batches": 2}, r"dW\[0\] of a batch after others is 1.37", [
            ("        self.criterion(self.outputs[-1], labels)\n",
             "        self.criterion(self.outputs[-1], labels)\n"
             "        self.WT = getattr(self, 'WT', [W.T.copy() for W in self.W])\n"),
            ("                delta = delta @ self.W[i].T\n",
             "                delta = delta @ self.WT[i]\n")]),
    "db is never set": Case(
        {"2.3 backward": 3}, r"db\[0\] is 0 everywhere; dW is right", [
            ("            self.db[i] = np.mean(delta, axis=0)\n", "")]),
    "db is a column": Case(
        {"2.3 backward": 3}, r"db\[0\] has shape \(10, 1\)", [
            ("            self.db[i] = np.mean(delta, axis=0)\n",
             "            self.db[i] = np.mean(delta, axis=0).reshape(-1, 1)\n")]),
    "dW is float32": Case(
        {"2.3 backward": 3}, r"dW\[0\] has dtype float32", [
            ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
             "            self.dW[i] = np.float32(self.outputs[i].T @ delta / len(labels))\n")]),
    "the bias subtracted": Case(
        {"2.3 forward": 3}, r"forward\(x\) is wrong in", [
            ("            z = self.outputs[i] @ self.W[i] + self.b[i]\n",
             "            z = self.outputs[i] @ self.W[i] - self.b[i]\n")]),
    "gradients clipped in step": Case(
        {"2.3 five_steps": 2}, r"W\[0\] after a step with large gradients", [
            (STEP_W, STEP_W.replace("self.dW[i]", "np.clip(self.dW[i], -5, 5)"))]),
    "backward moves W": Case(
        {"2.3 five_steps": 2},
        r"W\[0\] changes in backward: only step moves it \(MLP.backward, line", [
            ("            self.db[i] = np.mean(delta, axis=0)\n",
             "            self.db[i] = np.mean(delta, axis=0)\n"
             "            self.W[i] = self.W[i] - self.lr * self.dW[i]\n")]),
    "forward shrinks b": Case(
        {"2.3 forward": 3, "2.3 five_steps": 2},
        r"b\[0\] changes in forward: only step moves it \(MLP.forward, line", [
            ("        self.outputs = [x]\n",
             "        self.outputs = [x]\n        self.b = [0.9 * b for b in self.b]\n")]),
    "forward returns None": Case(
        {"2.3 forward": 3, **FORWARD, "2.5 mixed_activations": 5, **IN_NETWORK,
         "2.6 train_and_infer": 1}, r"MLP.forward returns None \(line", [
            ("        return self.outputs[-1]\n", "        self.outputs[-1]\n")]),
    "forward never empties its list": Case(
        {"2.3 five_steps": 2, "2.5 several_batches": 2},
        "batch 4 fails after others, but not alone: .* a list that forward never empties", [
            ("        self.outputs = [x]\n",
             "        self.outputs = getattr(self, 'outputs', []) + [x]\n")]),
    "forward writes into its x": Case(
        {"2.3 forward": 1}, "^x is modified in place: work on a copy", [
            ("        self.outputs = [x]\n",
             "        x *= 2.0\n        self.outputs = [x / 2]\n")]),
    "an assert": Case(
        {"2.3 five_steps": 2}, r"Error: assert len.x. != 6 \(MLP.forward, line", [
            ("        self.outputs = [x]\n",
             "        assert len(x) != 6\n        self.outputs = [x]\n")]),
    "weight decay": Case(
        {"2.3 five_steps": 2}, r"W\[0\] after step 1 .*; b is right \(MLP.step, line", [
            (STEP_W, STEP_W.replace("self.dW[i]", "(self.dW[i] + 0.01 * self.W[i])"))]),
    "the gradient twice": Case(
        {"2.3 five_steps": 2}, "after step 1 moves 2 times as far as expected", [
            (STEP_W, STEP_W.replace("+ self.vW[i]", "+ self.vW[i] - self.lr * self.dW[i]")),
            (STEP_B, STEP_B.replace("+ self.vb[i]", "+ self.vb[i] - self.lr * self.db[i]"))]),
    "decaying lr": Case(
        {"2.3 five_steps": 2}, "moves 0.9 times as far as expected", [
            ("    def step(self):\n", "    def step(self):\n        self.lr *= 0.9\n")]),
    "W in the wrong direction": Case(
        {"2.3 five_steps": 2}, r"W\[0\] after step 1 moves in the wrong direction; b is right", [
            (STEP_W, STEP_W.replace("- self.lr", "+ self.lr"))]),
    "W not updated": Case(
        {"2.3 five_steps": 2}, r"W\[0\] after step 1 is unchanged; b is right", [
            (STEP_W, STEP_W.replace("self.W[i] + self.vW[i]", "self.W[i]"))]),
    "b not updated": Case(
        {"2.3 five_steps": 2}, r"b\[0\] after step 1 is unchanged; W is right", [
            (STEP_B, STEP_B.replace("self.b[i] + self.vb[i]", "self.b[i]"))]),
    "dW divided twice": Case(
        {"2.3 backward": 3}, r"dW\[0\] is 1/8 of the expected value, .*; db is right", [
            ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
             "            self.dW[i] = self.outputs[i].T @ delta / len(labels) ** 2\n")]),
    "Identity returns None": Case(
        {"2.3 forward": 3}, r"Identity.forward returns None \(line", [
            ("        self.state = x\n        return x\n", "        self.state = x\n")]),
    "Identity has no derivative": Case(
        {"2.3 backward": 3}, r"Identity.derivative\(\) is None: it must be 1.0", [
            ("        return 1.0\n", "        return None\n")]),
    # ---- 2.4 ----
    "all Sigmoids share the last state": Case(
        {"2.4 Sigmoid.derivative": 2}, r"Sigmoid.derivative\(\) for an argument of shape", [
            ("        self.state = 1 / (1 + np.exp(-x))\n        return self.state\n",
             "        self.state = Sigmoid.last = 1 / (1 + np.exp(-x))\n"
             "        return self.state\n"),
            ("        return self.state * (1 - self.state)\n",
             "        return Sigmoid.last * (1 - Sigmoid.last)\n")]),
    "sigmoid wrong for 32 units": Case(
        {"2.4 Sigmoid.forward": 2, "2.4 Sigmoid.derivative": 2},
        r"Sigmoid for an argument of shape \(8, 32\) is", [
            ("        self.state = 1 / (1 + np.exp(-x))\n",
             "        self.state = 1 / (1 + np.exp(-x * (0.5 if x.shape[1] == 32 else 1)))\n")]),
    "Sigmoid.state is the input": Case(
        {"2.4 Sigmoid.forward": 2}, "Sigmoid.state for an argument", [
            ("        self.state = 1 / (1 + np.exp(-x))\n        return self.state\n",
             "        self.state = x\n        self.output = 1 / (1 + np.exp(-x))\n"
             "        return self.output\n"),
            ("        return self.state * (1 - self.state)\n",
             "        return self.output * (1 - self.output)\n")]),
    "Tanh is the sigmoid": Case(
        {"2.4 Tanh.forward": 2, "2.4 Tanh.derivative": 2}, "the output of Tanh for .* is wrong", [
            ("        self.state = np.tanh(x)\n", "        self.state = 1 / (1 + np.exp(-x))\n")]),
    "Tanh's derivative of an earlier forward": Case(
        {"2.4 Tanh.derivative": 2}, r"Tanh.derivative\(\) for an argument", [
            ("        self.state = np.tanh(x)\n",
             "        self.first = getattr(self, 'first', np.tanh(x))\n"
             "        self.state = np.tanh(x)\n"),
            ("        return 1 - self.state ** 2\n",
             "        return 1 - self.first ** 2 if self.first.shape == self.state.shape "
             "else 1 - self.state ** 2\n")]),
    "Tanh's state modified by derivative": Case(
        {"2.4 Tanh.derivative": 2}, "Tanh.derivative modifies state in place", [
            ("        return 1 - self.state ** 2\n",
             "        self.state **= 2\n        return 1 - self.state\n")]),
    "ReLU's derivative is boolean": Case(
        {"2.4 ReLU.derivative": 2}, r"ReLU.derivative.* has dtype bool", [
            ("        return np.where(self.state > 0, 1.0, 0.0)\n",
             "        return self.state > 0\n")]),
    "ReLU in place": Case(
        {"2.4 ReLU.forward": 1}, "the argument of ReLU.forward is modified in place", [
            ("        self.state = np.maximum(0, x)\n",
             "        self.state = np.maximum(0, x, out=x)\n")]),
    "Sigmoid.forward forgets to return": Case(
        {"2.4 Sigmoid.forward": 2}, r"^Sigmoid.forward returns None \(line", [
            ("        self.state = 1 / (1 + np.exp(-x))\n        return self.state\n",
             "        self.state = 1 / (1 + np.exp(-x))\n")]),
    # ---- 2.5 ----
    "weight_init_fn called twice": Case(
        {"2.5 initializers": 3}, "weight_init_fn is called 6 times for 3 layers", [
            ("        self.vW = [np.zeros(W.shape) for W in self.W]\n",
             "        self.vW = [0 * weight_init_fn(*W.shape) for W in self.W]\n")]),
    "weights made from output to input": Case(
        {"2.5 initializers": 3}, "weight_init_fn .* from input to output it is", [
            ("        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in "
             "range(self.nlayers)]\n",
             "        self.W = [weight_init_fn(sizes[i], sizes[i + 1])\n"
             "                  for i in range(self.nlayers)[::-1]][::-1]\n")]),
    "the module's own initializers": Case(
        {"2.5 initializers": 3}, "MLP does not call weight_init_fn", [
            ("        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in "
             "range(self.nlayers)]\n",
             "        self.W = [random_normal_weight_init(sizes[i], sizes[i + 1])\n"
             "                  for i in range(self.nlayers)]\n")]),
    "momentum by default": Case(
        {"2.5 initializers": 3}, "momentum is 0.9", [
            ("                 criterion, lr, momentum=0.0, num_bn_layers=0):\n",
             "                 criterion, lr, momentum=0.9, num_bn_layers=0):\n")]),
    "the list of hiddens modified": Case(
        {"2.5 initializers": 1}, "the list of hiddens is modified in place", [
            ("        sizes = [input_size] + hiddens + [output_size]\n",
             "        hiddens += [output_size]\n        sizes = [input_size] + hiddens\n")]),
    "no layer transposed": Case(
        {**BACKWARD, "2.5 several_batches": 2, **IN_NETWORK},
        r"matmul.*\(MLP.backward, line \d+ of hw1.py\)", [
            ("                delta = delta @ self.W[i].T\n",
             "                delta = delta @ self.W[i]\n")]),
    "one layer not transposed": Case(
        {"2.5 backward [32, 32, 32, 32, 32]": 6}, r"dW\[1\] .*; dW\[2\] is right", [
            ("                delta = delta @ self.W[i].T\n",
             "                square = self.W[i].shape[0] == self.W[i].shape[1]\n"
             "                delta = delta @ (self.W[i] if square and i == 2 else self.W[i].T)\n"
             )]),
    "dW of the last layer only": Case(
        BACKWARD, r"dW\[0\] is 0 everywhere; dW\[1\] is right", [
            ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
             "            if i == self.nlayers - 1:\n"
             "                self.dW[i] = self.outputs[i].T @ delta / len(labels)\n")]),
    "backward of the last two layers alone": Case(
        {**DEEP_BACKWARD, **IN_NETWORK}, r"dW\[0\] is 0 everywhere", [
            ("        for i in range(self.nlayers)[::-1]:\n",
             "        for i in range(self.nlayers)[:-3:-1]:\n")]),
    "db times m in hidden layers": Case(
        BACKWARD, r"db\[0\] is 8 times the expected value, and the batch size is 8", [
            ("            self.db[i] = np.mean(delta, axis=0)\n",
             "            self.db[i] = np.mean(delta, axis=0)\n"
             "            if i < self.nlayers - 1:\n"
             "                self.db[i] = self.db[i] * len(labels)\n")]),
    # ---- 2.6 ----
    "alpha is always 0.9": Case(
        {"2.6 running_statistics": 2}, "running_mean for alpha=0.7", [
            ("        self.alpha = alpha\n", "        self.alpha = 0.9\n")]),
    "running statistics changed in inference": Case(
        {"2.6 inference": 2}, "changes running_mean in inference", [
            ("            mean = self.running_mean\n",
             "            mean = self.running_mean\n"
             "            self.running_mean = (mean + x.mean(axis=0)) / 2\n")]),
    "inference of the stored x": Case(
        {"2.6 inference": 2}, r"inference has shape \(5, 6\); the expected shape is \(4, 6\)", [
            ("        self.x = x\n",
             "        x = self.x if eval and self.x is not None else x\n        self.x = x\n")]),
    "dgamma divided": Case(
        {"2.6 backward": 3}, "dgamma is 1/5 of the expected value, .*; dbeta is right", [
            ("        self.dgamma = np.sum(delta * self.norm, axis=0)\n",
             "        self.dgamma = np.mean(delta * self.norm, axis=0)\n")]),
    "BatchNorm returns None": Case(
        {"2.6 training": 2, "2.6 inference": 2}, r"BatchNorm.forward returns None \(line", [
            ("        self.out = self.gamma * self.norm + self.beta\n        return self.out\n",
             "        self.out = self.gamma * self.norm + self.beta\n")]),
    "running statistics summed": Case(
        {"2.6 running_statistics": 2}, "running_mean for alpha=0.9 is wrong", [
            ("            self.running_mean = self.alpha * self.running_mean + "
             "(1 - self.alpha) * mean\n",
             "            self.running_mean = self.running_mean + mean\n"),
            ("            self.running_var = self.alpha * self.running_var + "
             "(1 - self.alpha) * var\n",
             "            self.running_var = self.running_var + var\n")]),
    "no way back to train mode": Case(
        {"2.6 train_and_infer": 1}, r"forward\(x\) back in train mode", [
            ("    def train(self):\n        self.train_mode = True\n",
             "    def train(self):\n        self.train_mode = self.train_mode\n")]),
    "bn_layers[0] in every layer, in eval mode": Case(
        {"2.6 train_and_infer": 1}, r"forward\(x\) in eval mode is wrong", [
            (FORWARD_BN, FORWARD_BN.replace("[i]", "[i if self.train_mode else 0]"))]),
    "backward through the first BatchNorm alone": Case(
        all_of(1, *TWO_OR_MORE), r"bn_layers\[0\].dgamma is wrong", [
            (BACKWARD_BN, BACKWARD_BN.replace("self.num_bn_layers", "1"))]),
    "BatchNorm on two layers at most": Case(
        {"2.6 in a network, num_bn_layers=3": 1}, r"forward\(x\) with BatchNorm is wrong", [
            (FORWARD_BN, FORWARD_BN.replace("self.num_bn_layers", "min(2, self.num_bn_layers)")),
            (BACKWARD_BN, BACKWARD_BN.replace("self.num_bn_layers", "min(2, self.num_bn_layers)"))
            ]),
    "BatchNorm on one layer more": Case(
        IN_NETWORK, r"forward\(x\) with BatchNorm is wrong", [
            (BN_LAYERS, BN_LAYERS.replace("num_bn_layers)]", "num_bn_layers + 1)]")),
            (FORWARD_BN, FORWARD_BN.replace("i <", "i <=")),
            (BACKWARD_BN, BACKWARD_BN.replace("i <", "i <="))]),
    "num_bn_layers refused": Case(
        {**IN_NETWORK, "2.6 step": 2, "2.6 train_and_infer": 1}, "ValueError: no BatchNorm yet", [
            ("        self.num_bn_layers = num_bn_layers\n",
             "        if num_bn_layers:\n            raise ValueError('no BatchNorm yet')\n"
             "        self.num_bn_layers = num_bn_layers\n")]),
    "zero_grads resets beta": Case(
        {"2.6 step": 2}, r"bn_layers\[0\].beta changes in zero_grads: only step moves it", [
            ("            self.db[i].fill(0.0)\n",
             "            self.db[i].fill(0.0)\n"
             "        for layer in self.bn_layers or []:\n"
             "            layer.beta = np.zeros_like(layer.beta)\n")]),
    "gamma starts at 0 in MLP": Case(
        IN_NETWORK, r"forward\(x\) with BatchNorm", [
            (BN_LAYERS, BN_LAYERS + "            for layer in self.bn_layers:\n"
                                    "                layer.gamma = layer.gamma * 0\n")]),
    "alpha is another in MLP": Case(
        {"2.6 train_and_infer": 1}, r"forward\(x\) in inference, after step 1", [
            (BN_LAYERS, BN_LAYERS.replace("BatchNorm(sizes[i + 1])",
                                          "BatchNorm(sizes[i + 1], 0.5)"))]),
    # ---- 2.7 ----
    "BatchNorms of the first layer's size": Case(
        {"2.6 in a network, num_bn_layers=2": 1, "2.6 in a network, num_bn_layers=3": 1},
        r"units of each of bn_layers is wrong .*\(MLP.__init__, line", [
            (BN_LAYERS, BN_LAYERS.replace("sizes[i + 1]", "sizes[1]"))]),
    "all networks share their BatchNorms": Case(
        IN_NETWORK, r"two networks share a BatchNorm: .*\(MLP.__init__, line", [
            ("class MLP:\n", "SHARED = {}\n\n\nclass MLP:\n"),
            (BN_LAYERS, BN_LAYERS.replace("BatchNorm(sizes[i + 1])",
                                          "SHARED.setdefault((i, sizes[i + 1]),\n"
                                          "                              "
                                          "BatchNorm(sizes[i + 1]))"))]),
    "dx by the size of the first batch": Case(
        {"2.6 backward": 3}, "dx of BatchNorm.backward is wrong", [
            ("        m = len(delta)\n",
             "        self.m = getattr(self, 'm', len(delta))\n        m = self.m\n")]),
    "backward moves gamma": Case(
        {"2.6 step": 2}, r"bn_layers\[0\].gamma changes in forward or backward", [
            ("                delta = self.bn_layers[i].backward(delta)\n",
             "                delta = self.bn_layers[i].backward(delta)\n"
             "                self.bn_layers[i].gamma = self.bn_layers[i].gamma * 0.9\n")]),
    "one velocity for W of equal shape": Case(
        {"2.7 five steps, three hidden layers": 2}, r"W\[2\] after step 1", [
            ("        self.vW = [np.zeros(W.shape) for W in self.W]\n",
             "        self.vW = {W.shape: np.zeros(W.shape) for W in self.W}\n"),
            (STEP_W, STEP_W.replace("self.vW[i]", "self.vW[self.W[i].shape]"))]),
    "velocity reset by eval": Case(
        {"2.7 networks_side_by_side": 2}, "or does eval reset one", [
            ("        self.train_mode = False\n",
             "        self.train_mode = False\n        self.vW = [0 * v for v in self.vW]\n"
             "        self.vb = [0 * v for v in self.vb]\n")]),
    "velocity reset by zero_grads": Case(
        {**STEPS, "2.7 networks_side_by_side": 2, "2.7 velocity_starts_at_zero": 1},
        "momentum has no effect: .* zero_grads must not reset", [
            ("            self.dW[i].fill(0.0)\n",
             "            self.vW[i].fill(0.0)\n            self.vb[i].fill(0.0)\n"
             "            self.dW[i].fill(0.0)\n")]),
    "velocity of bias_init_fn": Case(
        {"2.7 velocity_starts_at_zero": 1}, "bias_init_fn is called 4 times for 2 layers", [
            ("        self.vb = [np.zeros(b.size) for b in self.b]\n",
             "        self.vb = [bias_init_fn(b.size) for b in self.b]\n")]),
    "velocity of weight_init_fn": Case(
        {"2.5 initializers": 3, **STEPS}, "weight_init_fn is called 6 times for 3 layers", [
            ("        self.vW = [np.zeros(W.shape) for W in self.W]\n",
             "        self.vW = [weight_init_fn(*W.shape) for W in self.W]\n")]),
    "momentum of 0.9 if there is any": Case(
        STEPS, r"W\[0\] after step 2 is wrong", [
            ("        self.momentum = momentum\n",
             "        self.momentum = 0.9 if momentum else 0\n")]),
    "one velocity for all networks": Case(
        {"2.7 networks_side_by_side": 2}, "share a velocity", [
            ("                 criterion, lr, momentum=0.0, num_bn_layers=0):\n",
             "                 criterion, lr, momentum=0.0, num_bn_layers=0, shared={}):\n"),
            ("        self.vb = [np.zeros(b.size) for b in self.b]\n",
             "        self.vb = [np.zeros(b.size) for b in self.b]\n"
             "        self.vW = shared.setdefault(tuple(sizes), self.vW)\n")]),
    "W a list of the class": Case(
        {"2.7 networks_side_by_side": 2}, "all networks share the list W", [
            ("class MLP:\n", "class MLP:\n    W = []\n\n"),
            ("        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in "
             "range(self.nlayers)]\n",
             "        self.W[:] = [weight_init_fn(sizes[i], sizes[i + 1])\n"
             "                     for i in range(self.nlayers)]\n")]),
    "the lr of the last network in all": Case(
        {"2.7 networks_side_by_side": 2}, "three that are trained alternately", [
            ("        self.lr = lr\n", "        MLP.lr = lr\n")]),
    "momentum for the first layer alone": Case(
        all_of(2, *FIVE_STEPS[1:]), r"W\[1\] after step 2 moves|is wrong in", [
            (STEP_W, STEP_W.replace("= self.momentum", "= (i == 0) * self.momentum")),
            (STEP_B, STEP_B.replace("= self.momentum", "= (i == 0) * self.momentum"))]),
    "momentum for the first two layers": Case(
        {"2.7 five steps, three hidden layers": 2}, r"W\[2\] after step 2 is wrong", [
            (STEP_W, STEP_W.replace("= self.momentum", "= (i < 2) * self.momentum")),
            (STEP_B, STEP_B.replace("= self.momentum", "= (i < 2) * self.momentum"))]),
    "momentum ignored where there is BatchNorm": Case(
        {"2.7 with_batchnorm": 1}, r"W\[0\] after step 2 with BatchNorm is wrong", [
            (STEP_W, STEP_W.replace("= self.momentum", "= (not self.bn) * self.momentum")),
            (STEP_B, STEP_B.replace("= self.momentum", "= (not self.bn) * self.momentum"))]),
    # ---- 2.8 ----
    "a network of its own": Case(
        STATISTICS, "does not (train|use) the network that it is given", [
            (DSET, DSET + "    mlp = MLP(784, 10, [16], [Sigmoid(), Identity()], "
                          "random_normal_weight_init,\n"
                          "              zeros_bias_init, SoftmaxCrossEntropy(), 0.01)\n")]),
    "the gradients add up": Case(
        {"2.8 batches": 2}, "the network is not trained by zero_grads, forward", [
            ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
             "            self.dW[i] += self.outputs[i].T @ delta / len(labels)\n"),
            ("            self.db[i] = np.mean(delta, axis=0)\n",
             "            self.db[i] += np.mean(delta, axis=0)\n"),
            ("            mlp.zero_grads()\n", "")]),
    "criterion.loss is not set": Case(
        {"2.8 result": 1}, r"NoneType.*\(get_training_stats, line", [
            ("        self.loss = -np.sum(y * (x - lse), axis=1)\n        return self.loss\n",
             "        return -np.sum(y * (x - lse), axis=1)\n")]),
    "zero_grads before step": Case(
        {"2.8 batches": 2}, "the network is not trained by zero_grads, forward", [
            ("            mlp.zero_grads()\n", ""),
            ("            mlp.step()\n",
             "            mlp.zero_grads()\n            mlp.step()\n")]),
    "lr decays from epoch to epoch": Case(
        {"2.8 batches": 2}, "the network is not trained by zero_grads, forward", [
            ("        mlp.train()\n", "        mlp.train()\n        mlp.lr *= 0.9\n")]),
    "gradients divided before step": Case(
        {"2.8 batches": 2}, "the network is not trained by zero_grads, forward", [
            ("            mlp.step()\n",
             "            mlp.dW = [dW / len(x) for dW in mlp.dW]\n            mlp.step()\n")]),
    "the best weights are tested": Case(
        {"2.8 batches": 2}, "the network is not trained by zero_grads, forward", [
            (VALIDATE, "        if e == 0:\n            best = list(mlp.W)\n" + VALIDATE),
            ("    for b in range(0, len(testx), batch_size):\n",
             "    mlp.W = best\n    for b in range(0, len(testx), batch_size):\n")]),
    "losses summed": Case(
        {"2.8 training_statistics": 2}, "are sums over the examples", [
            (TRAINING_LOSS, TRAINING_LOSS.replace(" / len(trainx)", ""))]),
    "losses by the number of batches": Case(
        {"2.8 training_statistics": 2}, "divided by the number of batches", [
            (TRAINING_LOSS, TRAINING_LOSS.replace("len(trainx)", "(len(trainx) / batch_size)"))]),
    "losses divided twice": Case(
        {"2.8 training_statistics": 2}, "divided by the number of batches once too often", [
            (TRAINING_LOSS,
             TRAINING_LOSS.replace("len(trainx)", "len(trainx) / (len(trainx) / batch_size)"))]),
    "losses of the last batch alone": Case(
        {"2.8 training_statistics": 2}, "are of the last batch alone", [
            (TRAINING_LOSS, "            training_losses[e] = np.mean(mlp.criterion.loss)\n")]),
    "losses of a second pass": Case(
        {"2.8 training_statistics": 2}, "are those of a second pass", [
            (VALIDATE, "        training_losses[e] = np.mean(mlp.criterion(mlp.forward(trainx), "
                       "trainy))\n" + VALIDATE)]),
    "losses of a second pass, called": Case(
        {"2.8 training_statistics": 2}, "are those of a second pass", [
            (VALIDATE, "        training_losses[e] = np.mean(mlp.criterion(mlp(trainx), trainy))\n"
                       + VALIDATE)]),
    "losses of all epochs so far": Case(
        {"2.8 training_statistics": 2}, "sums over all epochs so far", [
            (VALIDATE, "        if e:\n"
                       "            training_losses[e] += training_losses[e - 1]\n" + VALIDATE)]),
    "averages over all epochs so far": Case(
        {"2.8 training_statistics": 2}, "averages over all epochs so far", [
            (DSET, DSET + "    seen = []\n"),
            (TRAINING_LOSS, "            seen.append(np.mean(mlp.criterion.loss))\n"
                            "            training_losses[e] = np.mean(seen)\n")]),
    "accuracies": Case(
        {"2.8 training_statistics": 2}, "are accuracies", [
            (TRAINING_ERROR, TRAINING_ERROR.replace("!=", "=="))]),
    "percentages": Case(
        {"2.8 training_statistics": 2}, "are percentages", [
            (TRAINING_ERROR, TRAINING_ERROR.replace("np.sum", "100 * np.sum"))]),
    "train mode never restored": Case(
        {"2.8 training_statistics": 2}, "the network goes on training in eval mode", [
            ("        mlp.train()\n", "")]),
    "trained on the validation set": Case(
        {"2.8 batches": 2}, "trains on the validation set", [
            (TEST, "    mlp.forward(valx)\n    mlp.backward(valy)\n    mlp.step()\n" + TEST)]),
    "data and labels shuffled apart": Case(
        {"2.8 batches": 2}, "shuffle data and labels together", [
            ("            y = trainy[idxs[b:b + batch_size]]\n",
             "            y = trainy[np.random.permutation(idxs)[b:b + batch_size]]\n")]),
    "the caller's arrays shuffled": Case(
        {"2.8 batches": 2}, "trainx is modified in place", [
            (SHUFFLE, SHUFFLE + "        trainx[:] = trainx[idxs]\n"
                                "        trainy[:] = trainy[idxs]\n")]),
    "no shuffle at all": Case(
        {"2.8 batches": 2}, "the examples are not shuffled", [(SHUFFLE, "")]),
    "shuffled once": Case(
        {"2.8 batches": 2}, "two epochs take the examples in the same order", [
            (SHUFFLE, "        if e == 0:\n    " + SHUFFLE)]),
    "seeded for the same order in each epoch": Case(
        {"2.8 batches": 2}, "two epochs .* do not seed np.random there", [
            (SHUFFLE, "        np.random.seed(1)\n"
                      "        idxs = np.random.permutation(len(trainx))\n")]),
    "no step": Case(
        {"2.8 batches": 2}, "a batch is not followed by one step", [
            ("            mlp.step()\n", "")]),
    "two steps": Case(
        {"2.8 batches": 2}, "a batch is not followed by one step", [
            ("            mlp.step()\n", "            mlp.step()\n            mlp.step()\n")]),
    "integer arrays": Case(
        {"2.8 result": 1, "2.8 training_statistics": 2, "2.8 validation_statistics": 2},
        "is an integer array", [
            (RETURN, "    curves = training_losses, training_errors, validation_losses, "
                     "validation_errors\n"
                     "    return (*(curve.astype(int) for curve in curves), confusion_matrix)")]),
    "lists for arrays": Case(
        {"2.8 result": 1}, "training_losses is a list", [
            (RETURN, "    return list(training_losses), list(training_errors), "
                     "list(validation_losses), list(validation_errors), confusion_matrix")]),
    "four values": Case(
        {"2.8 confusion_matrix": 2}, "returns 4 values: return five", [
            (RETURN, "    return training_losses, training_errors, validation_losses, "
                     "validation_errors")]),
    "validated in training mode": Case(
        {"2.8 validation_statistics": 2}, "validation set is evaluated in training mode", [
            (VALIDATE, VALIDATE.replace("        mlp.eval()\n", ""))]),
    "validated once, at the end": Case(
        {"2.8 validation_statistics": 2}, "is not evaluated whole after each epoch", [
            (VALIDATE, "        if e < nepochs - 1:\n            continue\n" + VALIDATE)]),
    "validated with a stale loss": Case(
        {"2.8 validation_statistics": 2}, "are the loss of the last training batch", [
            (VALIDATION_LOSS,
             "            validation_losses[e] += np.sum(mlp.criterion.loss) / len(valx)\n")]),
    "confusion matrix transposed": Case(
        {"2.8 confusion_matrix": 2}, "is transposed: rows are the predicted class", [
            (COUNT, COUNT.replace("[i, j]", "[j, i]"))]),
    "confusion matrix in fractions": Case(
        {"2.8 confusion_matrix": 2}, "contains fractions", [
            (COUNT, COUNT.replace("+= 1", "+= 1 / len(testx)"))]),
    "confusion matrix by arrays": Case(
        {"2.8 confusion_matrix": 2}, "counts a pair of classes once in a batch", [
            (COUNT, "        confusion_matrix[out.argmax(axis=1), y.argmax(axis=1)] += 1\n")]),
    "confusion matrix of the validation set": Case(
        {"2.8 confusion_matrix": 2}, "the test set is not evaluated whole", [
            (DSET, DSET + "    testx, testy = valx, valy\n")]),
    "test predictions out of order": Case(
        {"2.8 confusion_matrix": 2}, "labels are not in the same order", [
            (DSET, DSET + "    testy = testy[::-1]\n")]),
    "tested in training mode": Case(
        {"2.8 confusion_matrix": 2}, "test set is evaluated in training mode", [
            (TEST, TEST.replace("mlp.eval", "mlp.train"))]),
    "batches of 10": Case(
        {"2.8 other_epochs_and_batch_sizes": 1}, "a batch is larger than batch_size", [
            (DSET, DSET + "    batch_size = 10\n")]),
    "three epochs": Case(
        {"2.8 other_epochs_and_batch_sizes": 1}, "an entry for each of 1 epochs", [
            (DSET, DSET + "    nepochs = 3\n")]),
}
