"""Right handins in other styles: each differs from the textbook's in one trait, or a few.

STYLES: {name: (the trait, {old text: new text})}, each old text once in textbook.py.
ADVICE: what each line of advice says, in its order, where that is not the textbook's.
OUTSIDE: the styles that need batches of one size, as the handout has them: they lose 1 point.
"""

from tests.grader.faults import TEXTBOOK, both


def between(begin, end=None):
    """The textbook's text from begin up to end, or all of the rest."""
    start = TEXTBOOK.index(begin)
    return TEXTBOOK[start:end and TEXTBOOK.index(end, start)]


IMPORT, LABELS = "import numpy as np\n", "        self.labels = y\n"
ONE_HOT = "        self.labels = y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
NO_LAYERS, DSET = "        self.bn_layers = None\n", "(testx, testy) = dset\n"
STATS, EVALUATION = between("    (trainx, trainy)"), between("        mlp.eval()")
EVAL_MODE, TESTED = "        mlp.eval()\n", "    mlp.eval()\n    for"
SHUFFLE = "        np.random.shuffle(idxs)\n"
ZERO, MOVE = "            mlp.zero_grads()\n", "            mlp.step()\n"

STYLES = {
    "accumulated": ("backward adds to the gradients, and zero_grads clears them", {
        **both("dW[i] =", "dW[i] +="),
        **both("self.dgamma =", "self.dgamma = self.dgamma +", "gamma", "beta"),
        "self.db[i].fill(0.0)\n": "self.db[i].fill(0.0)\n        for bn in self.bn_layers or []:\n"
                                  "            bn.dgamma[...] = bn.dbeta[...] = 0\n"}),
    "backward only": ("the criterion's method has the writeup's name", {
        "derivative(self):\n        return self.sm": "backward(self):\n        return self.sm",
        "self.criterion.derivative()": "self.criterion.backward()"}),
    "one-hot or indices": ("labels are taken as one-hot rows and as class indices", {
        LABELS: ONE_HOT, DSET: f"{DSET}    trainy, valy, testy = ("
                               "y if y.ndim == 2 else np.eye(10)[y] for _, y in dset)\n"}),
    "indices alone": ("the statistics are made for labels as class indices, as in 1", {
        DSET: f"{DSET}    trainy, valy, testy = (np.eye(10)[y] for _, y in dset)\n"}),
    "indices throughout": ("backward and the loss get class indices, too", {
        LABELS: ONE_HOT, STATS: STATS.replace("y.argmax(axis=1)", "y")}),
    "rows": ("what is reduced is (1, d); Identity's derivative is an array of ones", {
        **{old: old.replace("0)", "0, keepdims=True)") for old in (
            "np.mean(x, axis=0)", "np.var(x, axis=0)", "delta * self.norm, axis=0)",
            "self.dbeta = np.sum(delta, axis=0)", "np.mean(delta, axis=0)")},
        "return 1.0": "return np.ones_like(self.state)"}),
    "minus velocity": ("v = momentum v + lr d and p -= v, everything in place", {
        NO_LAYERS: f"        self.W = [W.copy() for W in self.W]\n{NO_LAYERS}",
        **both("self.vW[i] = self.momentum * self.vW[i] -",
               "self.vW[i] *= self.momentum\n            self.vW[i] +="),
        **both("self.W[i] = self.W[i] + self.vW[i]", "self.W[i] -= self.vW[i]")}),
    "torch": ("buffers as PyTorch's, none at first: buf = momentum buf + d; p -= lr buf", {
        between("self.vW = [", NO_LAYERS): "self.buffers = {}\n",
        **both("self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]",
               "self.buffers['W', i] = self.momentum * self.buffers.get(('W', i), 0) + self.dW[i]"),
        **both("self.W[i] + self.vW[i]", "self.W[i] - self.lr * self.buffers['W', i]")}),
    "elsewhere": ("forward keeps the slope, a dict the inputs, a tuple what BatchNorm needs", {
        "self.state * (1 - self.state)": "self.slope", "self.state = 1 / (":
            "self.slope = np.exp(-x) / (1 + np.exp(-x)) ** 2\n        self.state = 1 / (",
        "self.sm - self.labels": "self.gradient",
        "self.sm = np.exp(x - lse)": "self.gradient = np.exp(x - lse) - y",
        "self.norm = (x": "self.saved = x, (x", "self.out = self.gamma * self.norm + self.beta\n"
        "        return self.out": "return self.gamma * self.saved[1] + self.beta",
        "* self.norm, ": "* self.saved[1], ", "self.x - self.mean": "self.saved[0] - self.mean",
        "= [x]": "= {0: x}", "self.outputs.append(z)": "self.outputs[i + 1] = z",
        "return self.outputs[-1]": "return z", "self.outputs[-1],": "self.outputs[self.nlayers],"}),
    "ten columns": ("the largest logit is spread over exactly ten columns", {
        "np.max(x, axis=1, keepdims=True)": "np.tile(np.max(x, axis=1), 10).reshape(10, -1).T",
        "axis=1, keepdims=True))\n": "axis=1, keepdims=True)) * np.ones((1, 10))\n"}),
    "ten classes": ("the confusion matrix is (10, 10), of integers", {
        "np.zeros((mlp.output_size, mlp.output_size))": "np.zeros((10, 10), int)"}),
    "reshaped": ("the sets are reshaped to batches of one size", {
        between("        for b in range(0, len(trainx)", "            mlp.zero_grads()"): """
        x, y = trainx[idxs], trainy[idxs]
        for x, y in zip(x.reshape(-1, batch_size, 784), y.reshape(-1, batch_size, 10)):
"""}),
    "asserted": ("a short last batch is refused", {
        DSET: f"{DSET}    assert len(trainx) % batch_size == 0\n"}),
    "dropped": ("a short last batch is left out", {
        "0, len(trainx), batch_size": "0, len(trainx) // batch_size * batch_size, batch_size"}),
    "averaged": ("the batches' averages are averaged", {
        "np.sum(mlp.criterion.loss)": "np.mean(mlp.criterion.loss) * batch_size"}),
    "object arrays": ("W, b and their gradients are arrays of arrays", {NO_LAYERS: f"""\
{NO_LAYERS}        for name in ("W", "b", "dW", "db"):
            entries = [*getattr(self, name), None]  # with None, NumPy makes no table of numbers
            setattr(self, name, np.array(entries, dtype=object)[:-1])
"""}),
    "empty batch": ("evaluation runs one batch more, which is empty where the sets are even", {
        **both("(0, len(valx)", "(0, len(valx) + batch_size", "val", "test")}),
    "shuffled after": ("an epoch ends with the shuffle: the first takes them as they come", {
        SHUFFLE: "", EVAL_MODE: SHUFFLE + EVAL_MODE}),
    "cleared after": ("zero_grads is called after step", {ZERO: "", MOVE: MOVE + ZERO}),
    "never cleared": ("zero_grads is not called at all: backward assigns", {ZERO: ""}),
    "loss of backward": ("validation takes the loss that backward leaves in the criterion", {
        "np.sum(mlp.criterion(out, y))": "np.sum(mlp.backward(y) or mlp.criterion.loss)"}),
    "deep copies": ("a copy of the network is evaluated", {
        IMPORT: f"import copy\n{IMPORT}",
        EVALUATION: EVALUATION.replace("mlp.forward", "copy.deepcopy(mlp).forward")}),
    "pickled": ("the network is kept by pickle, and tested", {
        IMPORT: f"import pickle\n{IMPORT}",
        TESTED: f"    mlp = pickle.loads(pickle.dumps(mlp))\n{TESTED}"}),
    "called": ("the network is called", {STATS: STATS.replace("mlp.forward(", "mlp(")}),
    "private forward": ("evaluation calls a method of the network's own", {
        "self.outputs = [x]":
            "return self._forward(x)\n\n    def _forward(self, x):\n        self.outputs = [x]",
        EVALUATION: EVALUATION.replace("mlp.forward", "mlp._forward")}),
    "no layers is a list": ("bn_layers is [] without BatchNorm", {
        NO_LAYERS: "        self.bn_layers = []\n"}),
    "None for the others": ("bn_layers has an entry for each layer, None where it has none", {
        "for i in range(num_bn_layers)]":
            "if i < num_bn_layers else None for i in range(self.nlayers)]",
        "in self.bn_layers:": "in filter(None, self.bn_layers):"}),
    "a layer for each": ("bn_layers has one for each layer, of which num_bn_layers are used", {
        "for i in range(num_bn_layers)]": "for i in range(self.nlayers)]"}),
    "no gradients yet": ("gradients are None until backward", {
        "self.dW = [np.zeros(W.shape)": "self.dW = [None",
        "self.db = [np.zeros(b.size)": "self.db = [None",
        **both("self.dW[i].fill(0.0)", "self.dW[i] = None")}),
    "dx in one line": ("BatchNorm's dx as it is after simplifying", {
        between("        dnorm = delta", "\n\nclass MLP"):
            "        inner = m * delta - self.dbeta - self.norm * self.dgamma\n"
            "        return self.gamma / self.deviation / m * inner\n"}),
}

MATRIX_ADVICE = ["confusion_matrix has dtype float64; counts are integers"]
REDUCED = [f"{name} has shape (1, d), a strict" for name in ("db", "dgamma", "dbeta")]
ADVICE = {
    "accumulated": REDUCED[1:] + MATRIX_ADVICE, "rows": REDUCED + MATRIX_ADVICE,
    "ten classes": [],
    "backward only": ["SoftmaxCrossEntropy has no derivative()"] + MATRIX_ADVICE}
OUTSIDE = {
    "reshaped": "cannot reshape", "asserted": "assert len.trainx. % batch_size == 0",
    "dropped": "is dropped", "averaged": "training_losses"}
