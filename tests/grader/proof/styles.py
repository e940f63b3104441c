"""Correct submissions in other styles: each differs from the textbook in one trait, or a few.

STYLES: {name: (the trait, pairs of old lines and new lines of textbook.py)}.
ADVICE: the beginnings of the lines of advice, in their order, where they are not MATRIX_ADVICE.
"""

from tests.grader.mistakes import FILE

TEXTBOOK = FILE.read_text()


def find_text(begin, end):
    """Return the textbook's lines from begin up to end."""
    start = TEXTBOOK.index(begin)
    return TEXTBOOK[start:TEXTBOOK.index(end, start)]


TRAINING_BATCH = """\
            x = trainx[idxs[b:b + batch_size]]
            y = trainy[idxs[b:b + batch_size]]
"""
DSET = "    (trainx, trainy), (valx, valy), (testx, testy) = dset\n"
EVALUATION = find_text("        mlp.eval()\n        for b in range(0, len(valx)",
                       "    mlp.eval()\n    for b in range(0, len(testx)")
TEST = find_text("    mlp.eval()\n    for b in range(0, len(testx)", "    return training_losses")
STATS = find_text("    (trainx, trainy)", "    return training_losses")
VELOCITIES = """\
        self.vW = [np.zeros(W.shape) for W in self.W]
        self.vb = [np.zeros(b.size) for b in self.b]
"""
STEP = find_text("        for i in range(self.nlayers):\n            self.vW[i]",
                 "        if self.bn:\n")
DX = find_text("        dnorm = delta", "\n\nclass MLP")
SHUFFLE = "        np.random.shuffle(idxs)\n"

STYLES = {
    "accumulated": ("backward adds to the gradients, and zero_grads clears them", [
        ("            self.db[i].fill(0.0)\n",
         "            self.db[i].fill(0.0)\n"
         "        for bn in self.bn_layers or []:\n"
         "            bn.dgamma[...] = 0\n"
         "            bn.dbeta[...] = 0\n"),
        ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
         "            self.dW[i] += self.outputs[i].T @ delta / len(labels)\n"),
        ("            self.db[i] = np.mean(delta, axis=0)\n",
         "            self.db[i] += np.mean(delta, axis=0)\n"),
        ("        self.dgamma = np.sum(delta * self.norm, axis=0)\n",
         "        self.dgamma = self.dgamma + np.sum(delta * self.norm, axis=0)\n"),
        ("        self.dbeta = np.sum(delta, axis=0)\n",
         "        self.dbeta = self.dbeta + np.sum(delta, axis=0)\n")]),
    "backward only": ("the criterion's method has the writeup's name", [
        ("    def derivative(self):\n        return self.sm - self.labels\n",
         "    def backward(self):\n        return self.sm - self.labels\n"),
        ("    backward = derivative  # its name in the handout's text\n", ""),
        ("        delta = self.criterion.derivative()\n",
         "        delta = self.criterion.backward()\n")]),
    "one-hot or indices": ("labels are taken as one-hot rows and as class indices", [
        ("        self.labels = y\n",
         "        y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
         "        self.labels = y\n"),
        (DSET, DSET + "    trainy, valy, testy = (y if y.ndim == 2 else np.eye(10)[y] "
                      "for _, y in dset)\n")]),
    "indices alone": ("the statistics are made for labels as class indices", [
        (DSET, DSET + "    trainy, valy, testy = (np.eye(10)[y] for _, y in dset)\n")]),
    "indices throughout": ("backward and the loss get class indices, too", [
        ("        self.labels = y\n",
         "        y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
         "        self.labels = y\n"),
        (STATS, STATS.replace("y.argmax(axis=1)", "y"))]),
    "rows": ("what is reduced is (1, d); Identity's derivative is an array of ones", [
        ("            mean = np.mean(x, axis=0)\n",
         "            mean = np.mean(x, axis=0, keepdims=True)\n"),
        ("            var = np.var(x, axis=0)\n",
         "            var = np.var(x, axis=0, keepdims=True)\n"),
        ("        self.dgamma = np.sum(delta * self.norm, axis=0)\n",
         "        self.dgamma = np.sum(delta * self.norm, axis=0, keepdims=True)\n"),
        ("        self.dbeta = np.sum(delta, axis=0)\n",
         "        self.dbeta = np.sum(delta, axis=0, keepdims=True)\n"),
        ("            self.db[i] = np.mean(delta, axis=0)\n",
         "            self.db[i] = np.mean(delta, axis=0, keepdims=True)\n"),
        ("        return 1.0\n", "        return np.ones_like(self.state)\n")]),
    "minus velocity": ("v = momentum v + lr d and p -= v, everything in place", [
        (VELOCITIES, VELOCITIES + "        self.W = [W.copy() for W in self.W]\n"),
        (STEP, """\
        for i in range(self.nlayers):
            self.vW[i] *= self.momentum
            self.vW[i] += self.lr * self.dW[i]
            self.W[i] -= self.vW[i]
            self.vb[i] *= self.momentum
            self.vb[i] += self.lr * self.db[i]
            self.b[i] -= self.vb[i]
""")]),
    "torch": ("buffers as PyTorch's, none at first: buf = momentum buf + d; p -= lr buf", [
        (VELOCITIES, "        self.buffers = {}\n"),
        (STEP, """\
        for i in range(self.nlayers):
            old = self.buffers.get(('W', i), 0)
            self.buffers['W', i] = self.momentum * old + self.dW[i]
            self.W[i] = self.W[i] - self.lr * self.buffers['W', i]
            old = self.buffers.get(('b', i), 0)
            self.buffers['b', i] = self.momentum * old + self.db[i]
            self.b[i] = self.b[i] - self.lr * self.buffers['b', i]
""")]),
    "elsewhere": ("forward keeps the slope, a dict the inputs, a tuple what BatchNorm needs", [
        ("        self.state = 1 / (1 + np.exp(-x))\n",
         "        self.slope = np.exp(-x) / (1 + np.exp(-x)) ** 2\n"
         "        self.state = 1 / (1 + np.exp(-x))\n"),
        ("        return self.state * (1 - self.state)\n", "        return self.slope\n"),
        ("        self.sm = np.exp(x - lse)\n", "        self.gradient = np.exp(x - lse) - y\n"),
        ("        return self.sm - self.labels\n", "        return self.gradient\n"),
        ("        self.norm = (x - mean) / self.deviation\n"
         "        self.out = self.gamma * self.norm + self.beta\n"
         "        return self.out\n",
         "        self.saved = x, (x - mean) / self.deviation\n"
         "        return self.gamma * self.saved[1] + self.beta\n"),
        ("        self.dgamma = np.sum(delta * self.norm, axis=0)\n",
         "        self.dgamma = np.sum(delta * self.saved[1], axis=0)\n"),
        ("        centred = self.x - self.mean\n", "        centred = self.saved[0] - self.mean\n"),
        ("        self.outputs = [x]\n", "        self.outputs = {0: x}\n"),
        ("            self.outputs.append(z)\n        return self.outputs[-1]\n",
         "            self.outputs[i + 1] = z\n        return z\n"),
        ("        self.criterion(self.outputs[-1], labels)\n",
         "        self.criterion(self.outputs[self.nlayers], labels)\n")]),
    "ten columns": ("the largest logit is spread over exactly ten columns", [
        ("        a = np.max(x, axis=1, keepdims=True)\n",
         "        a = np.tile(np.max(x, axis=1), 10).reshape(10, -1).T\n")]),
    "ten classes": ("the confusion matrix is (10, 10), of integers", [
        ("    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))\n",
         "    confusion_matrix = np.zeros((10, 10), int)\n")]),
    "reshaped": ("the sets are reshaped to batches of one size", [
        ("        for b in range(0, len(trainx), batch_size):\n" + TRAINING_BATCH,
         "        x = trainx[idxs].reshape(-1, batch_size, 784)\n"
         "        y = trainy[idxs].reshape(-1, batch_size, 10)\n"
         "        for x, y in zip(x, y):\n")]),
    "asserted": ("a short last batch is refused", [
        (DSET, DSET + "    assert len(trainx) % batch_size == 0\n")]),
    "dropped": ("a short last batch is left out", [
        ("        for b in range(0, len(trainx), batch_size):\n",
         "        for b in range(0, len(trainx) // batch_size * batch_size, batch_size):\n")]),
    "averaged": ("the batches' averages are averaged", [
        ("            training_losses[e] += np.sum(mlp.criterion.loss) / len(trainx)\n",
         "            loss = np.mean(mlp.criterion.loss)\n"
         "            training_losses[e] += loss * batch_size / len(trainx)\n")]),
    "object arrays": ("W, b and their gradients are arrays of arrays", [
        (VELOCITIES, VELOCITIES + """\
        for name in ("W", "b", "dW", "db"):
            entries = [*getattr(self, name), None]  # with None, NumPy makes no table of numbers
            setattr(self, name, np.array(entries, dtype=object)[:-1])
""")]),
    "empty batch": ("evaluation runs one batch more, which is empty where the sets are even", [
        ("        for b in range(0, len(valx), batch_size):\n",
         "        for b in range(0, len(valx) + batch_size, batch_size):\n"),
        ("    for b in range(0, len(testx), batch_size):\n",
         "    for b in range(0, len(testx) + batch_size, batch_size):\n")]),
    "shuffled after": ("an epoch ends with the shuffle: the first takes them as they come", [
        (SHUFFLE, ""),
        (EVALUATION, SHUFFLE + EVALUATION)]),
    "cleared after": ("zero_grads is called after step", [
        ("            mlp.zero_grads()\n", ""),
        ("            mlp.step()\n", "            mlp.step()\n            mlp.zero_grads()\n")]),
    "never cleared": ("zero_grads is not called at all: backward assigns", [
        ("            mlp.zero_grads()\n", "")]),
    "loss of backward": ("validation takes the loss that backward leaves in the criterion", [
        ("            validation_losses[e] += np.sum(mlp.criterion(out, y)) / len(valx)\n",
         "            mlp.backward(y)\n"
         "            validation_losses[e] += np.sum(mlp.criterion.loss) / len(valx)\n")]),
    "deep copies": ("a copy of the network is evaluated", [
        ("import numpy as np\n", "import copy\n\nimport numpy as np\n"),
        (EVALUATION, EVALUATION.replace("mlp.forward", "copy.deepcopy(mlp).forward"))]),
    "pickled": ("the network is kept by pickle, and tested", [
        ("import numpy as np\n", "import pickle\n\nimport numpy as np\n"),
        (TEST, "    mlp = pickle.loads(pickle.dumps(mlp))\n" + TEST)]),
    "called": ("the network is called", [
        (STATS, STATS.replace("mlp.forward(", "mlp("))]),
    "private forward": ("evaluation calls a method of the network's own", [
        ("        self.outputs = [x]\n",
         "        return self._forward(x)\n\n    def _forward(self, x):\n"
         "        self.outputs = [x]\n"),
        (EVALUATION, EVALUATION.replace("mlp.forward", "mlp._forward"))]),
    "copies shuffled by one seed": ("x and y are shuffled apart, after the same seed", [
        (SHUFFLE, """\
        np.random.seed(e)
        np.random.shuffle(trainx)
        np.random.seed(e)
        np.random.shuffle(trainy)
"""),
        (DSET, DSET + "    trainx = trainx.copy()\n    trainy = trainy.copy()\n")]),
    "no layers is a list": ("bn_layers is [] without BatchNorm", [
        ("        self.bn_layers = None\n", "        self.bn_layers = []\n")]),
    "no layers is absent": ("bn_layers is there only with BatchNorm", [
        ("        self.bn_layers = None\n", "")]),
    "None for the others": ("bn_layers has an entry for each layer, None where it has none", [
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(sizes[i + 1]) if i < num_bn_layers else None\n"
         "                              for i in range(self.nlayers)]\n"),
        ("            for layer in self.bn_layers:\n",
         "            for layer in filter(None, self.bn_layers):\n")]),
    "a layer for each": ("bn_layers has one for each layer, of which num_bn_layers are used", [
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(self.nlayers)]\n")]),
    "no gradients yet": ("gradients are None until backward", [
        ("        self.dW = [np.zeros(W.shape) for W in self.W]\n"
         "        self.db = [np.zeros(b.size) for b in self.b]\n",
         "        self.dW = [None for W in self.W]\n"
         "        self.db = [None for b in self.b]\n"),
        ("            self.dW[i].fill(0.0)\n            self.db[i].fill(0.0)\n",
         "            self.dW[i] = None\n            self.db[i] = None\n")]),
    "dx in one line": ("BatchNorm's dx as it is after simplifying", [
        (DX, "        inner = m * delta - self.dbeta - self.norm * self.dgamma\n"
             "        return self.gamma / self.deviation / m * inner\n")]),
    "divided in the criterion": ("BatchNorm gets delta / m, and multiplies dgamma and dbeta by m", [
        ("        delta = self.criterion.derivative()\n",
         "        delta = self.criterion.derivative() / len(labels)\n"),
        ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
         "            self.dW[i] = self.outputs[i].T @ delta\n"),
        ("            self.db[i] = np.mean(delta, axis=0)\n",
         "            self.db[i] = np.sum(delta, axis=0)\n"),
        ("                delta = self.bn_layers[i].backward(delta)\n",
         "                delta = self.bn_layers[i].backward(delta * len(labels))\n"
         "                delta = delta / len(labels)\n")]),
    "BatchNorm with a type": ("MLP passes a further argument to BatchNorm", [
        ("    def __init__(self, fan_in, alpha=0.9):\n",
         "    def __init__(self, fan_in, alpha=0.9, dtype=None):\n"),
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(d, dtype=float)\n"
         "                              for d in hiddens[:num_bn_layers]]\n")]),
}

MATRIX_ADVICE = "confusion_matrix has dtype float64; counts are integers"
SHORT = "with a last batch that is shorter, "
ADVICE = {
    "accumulated": ["dgamma has shape (1, d)", "dbeta has shape (1, d)", MATRIX_ADVICE],
    "rows": ["db has shape (1, d)", "dgamma has shape (1, d)", "dbeta has shape (1, d)",
             MATRIX_ADVICE],
    "ten classes": [],
    "backward only": ["SoftmaxCrossEntropy has no derivative()", MATRIX_ADVICE],
    "reshaped": [MATRIX_ADVICE, f"{SHORT}ValueError: cannot reshape"],
    "asserted": [MATRIX_ADVICE, f"{SHORT}AssertionError: assert len(trainx)"],
    "dropped": [MATRIX_ADVICE, f"{SHORT}the last, shorter batch is dropped"],
    "averaged": [MATRIX_ADVICE, f"{SHORT}training_losses"],
    "copies shuffled by one seed": ["hw1.py calls np.random.seed", MATRIX_ADVICE],
}
