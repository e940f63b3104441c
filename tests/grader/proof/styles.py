"""Correct submissions in other styles: each differs from the textbook in one trait, or a few."""

import typing

from tests.grader.mistakes import read_textbook

TEXTBOOK = read_textbook()


class Style(typing.NamedTuple):
    """A correct submission: how it differs, and pairs (old lines, new lines) of the textbook."""

    trait: str
    edits: typing.List[typing.Tuple[str, str]]


def find_text(begin, end):
    """Return the textbook's text from begin to the first end after it, exclusive."""
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
    "accumulated": Style("backward adds to the gradients, and zero_grads clears them", [
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
    "backward only": Style("the criterion's derivative is called backward, as in the text", [
        ("    def derivative(self):\n        return self.sm - self.labels\n",
         "    def backward(self):\n        return self.sm - self.labels\n"),
        ("    backward = derivative  # its name in the handout's text\n", ""),
        ("        delta = self.criterion.derivative()\n",
         "        delta = self.criterion.backward()\n")]),
    "one-hot or indices": Style("labels are taken as one-hot rows and as class indices", [
        ("        self.labels = y\n",
         "        y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
         "        self.labels = y\n"),
        (DSET, DSET + "    trainy, valy, testy = (y if y.ndim == 2 else np.eye(10)[y] "
                      "for _, y in dset)\n")]),
    "indices alone": Style("get_training_stats takes labels as class indices only", [
        (DSET, DSET + "    trainy, valy, testy = (np.eye(10)[y] for _, y in dset)\n")]),
    "indices throughout": Style("backward and the loss get class indices, too", [
        ("        self.labels = y\n",
         "        y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
         "        self.labels = y\n"),
        (STATS, STATS.replace("y.argmax(axis=1)", "y"))]),
    "rows": Style("sums over the batch are (1, d); Identity's derivative is an array of ones", [
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
    "minus velocity": Style("v = momentum * v + lr * d; p -= v, all in place", [
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
    "torch": Style("PyTorch's buffers, none at first: buf = momentum * buf + d; p -= lr * buf", [
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
    "elsewhere": Style("state is a slope, a dict of layers' inputs, BatchNorm's tuple", [
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
    "ten columns": Style("the largest logit is repeated in exactly ten columns", [
        ("        a = np.max(x, axis=1, keepdims=True)\n",
         "        a = np.tile(np.max(x, axis=1), 10).reshape(10, -1).T\n")]),
    "ten classes": Style("the confusion matrix is (10, 10), of integers", [
        ("    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))\n",
         "    confusion_matrix = np.zeros((10, 10), int)\n")]),
    "reshaped": Style("the sets are reshaped to batches of one size", [
        ("        for b in range(0, len(trainx), batch_size):\n" + TRAINING_BATCH,
         "        x = trainx[idxs].reshape(-1, batch_size, 784)\n"
         "        y = trainy[idxs].reshape(-1, batch_size, 10)\n"
         "        for x, y in zip(x, y):\n")]),
    "asserted": Style("a short last batch is refused", [
        (DSET, DSET + "    assert len(trainx) % batch_size == 0\n")]),
    "dropped": Style("a short last batch is left out", [
        ("        for b in range(0, len(trainx), batch_size):\n",
         "        for b in range(0, len(trainx) // batch_size * batch_size, batch_size):\n")]),
    "averaged": Style("the batches' averages are averaged", [
        ("            training_losses[e] += np.sum(mlp.criterion.loss) / len(trainx)\n",
         "            loss = np.mean(mlp.criterion.loss)\n"
         "            training_losses[e] += loss * batch_size / len(trainx)\n")]),
    "object arrays": Style("W, b and their gradients are arrays of arrays", [
        (VELOCITIES, VELOCITIES + """\
        for name in ("W", "b", "dW", "db"):
            entries = [*getattr(self, name), None]  # with None, NumPy makes no table of numbers
            setattr(self, name, np.array(entries, dtype=object)[:-1])
""")]),
    "empty batch": Style("evaluation runs one batch more, which is empty where the sets are even", [
        ("        for b in range(0, len(valx), batch_size):\n",
         "        for b in range(0, len(valx) + batch_size, batch_size):\n"),
        ("    for b in range(0, len(testx), batch_size):\n",
         "    for b in range(0, len(testx) + batch_size, batch_size):\n")]),
    "shuffled after": Style("each epoch ends with the shuffle: the first is in the given order", [
        (SHUFFLE, ""),
        (EVALUATION, SHUFFLE + EVALUATION)]),
    "cleared after": Style("zero_grads is called after step", [
        ("            mlp.zero_grads()\n", ""),
        ("            mlp.step()\n", "            mlp.step()\n            mlp.zero_grads()\n")]),
    "never cleared": Style("zero_grads is not called at all: backward assigns", [
        ("            mlp.zero_grads()\n", "")]),
    "loss of backward": Style("validation takes the loss that backward leaves in the criterion", [
        ("            validation_losses[e] += np.sum(mlp.criterion(out, y)) / len(valx)\n",
         "            mlp.backward(y)\n"
         "            validation_losses[e] += np.sum(mlp.criterion.loss) / len(valx)\n")]),
    "deep copies": Style("a copy of the network is evaluated", [
        ("import numpy as np\n", "import copy\n\nimport numpy as np\n"),
        (EVALUATION, EVALUATION.replace("mlp.forward", "copy.deepcopy(mlp).forward"))]),
    "pickled": Style("the network that is tested is a pickled copy", [
        ("import numpy as np\n", "import pickle\n\nimport numpy as np\n"),
        (TEST, "    mlp = pickle.loads(pickle.dumps(mlp))\n" + TEST)]),
    "called": Style("mlp(x) is called instead of mlp.forward(x)", [
        (STATS, STATS.replace("mlp.forward(", "mlp("))]),
    "private forward": Style("evaluation calls a method of the network's own", [
        ("        self.outputs = [x]\n",
         "        return self._forward(x)\n\n    def _forward(self, x):\n"
         "        self.outputs = [x]\n"),
        (EVALUATION, EVALUATION.replace("mlp.forward", "mlp._forward"))]),
    "copies shuffled by one seed": Style("x and y are shuffled apart, after the same seed", [
        (SHUFFLE, """\
        np.random.seed(e)
        np.random.shuffle(trainx)
        np.random.seed(e)
        np.random.shuffle(trainy)
"""),
        (DSET, DSET + "    trainx = trainx.copy()\n    trainy = trainy.copy()\n")]),
    "no layers is a list": Style("bn_layers is [] without BatchNorm", [
        ("        self.bn_layers = None\n", "        self.bn_layers = []\n")]),
    "no layers is absent": Style("bn_layers is there only with BatchNorm", [
        ("        self.bn_layers = None\n", "")]),
    "None for the others": Style("bn_layers has an entry for each layer, None where it has none", [
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(sizes[i + 1]) if i < num_bn_layers else None\n"
         "                              for i in range(self.nlayers)]\n"),
        ("            for layer in self.bn_layers:\n",
         "            for layer in filter(None, self.bn_layers):\n")]),
    "a layer for each": Style("bn_layers has one for each layer, and num_bn_layers are used", [
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(self.nlayers)]\n")]),
    "no gradients yet": Style("gradients are None until backward", [
        ("        self.dW = [np.zeros(W.shape) for W in self.W]\n"
         "        self.db = [np.zeros(b.size) for b in self.b]\n",
         "        self.dW = [None for W in self.W]\n"
         "        self.db = [None for b in self.b]\n"),
        ("            self.dW[i].fill(0.0)\n            self.db[i].fill(0.0)\n",
         "            self.dW[i] = None\n            self.db[i] = None\n")]),
    "dx in one line": Style("BatchNorm's dx is simplified to one formula", [
        (DX, "        inner = m * delta - self.dbeta - self.norm * self.dgamma\n"
             "        return self.gamma / self.deviation / m * inner\n")]),
    "divided in the criterion": Style("delta / m goes backward; BatchNorm gets delta", [
        ("        delta = self.criterion.derivative()\n",
         "        delta = self.criterion.derivative() / len(labels)\n"),
        ("            self.dW[i] = self.outputs[i].T @ delta / len(labels)\n",
         "            self.dW[i] = self.outputs[i].T @ delta\n"),
        ("            self.db[i] = np.mean(delta, axis=0)\n",
         "            self.db[i] = np.sum(delta, axis=0)\n"),
        ("                delta = self.bn_layers[i].backward(delta)\n",
         "                delta = self.bn_layers[i].backward(delta * len(labels))\n"
         "                delta = delta / len(labels)\n")]),
    "BatchNorm with a type": Style("MLP passes a further argument to BatchNorm", [
        ("    def __init__(self, fan_in, alpha=0.9):\n",
         "    def __init__(self, fan_in, alpha=0.9, dtype=None):\n"),
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [BatchNorm(d, dtype=float)\n"
         "                              for d in hiddens[:num_bn_layers]]\n")]),
}

# The beginnings of each style's lines of advice, in order; [MATRIX_ADVICE] for all other styles.
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
