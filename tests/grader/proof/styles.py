"""Right handins in other styles: each differs from the textbook's in one trait, or a few.

STYLES: {name: (the trait, {old text: new text})}, each old text once in textbook.py.
ADVICE: what each line of advice says, in its order, where that is not the textbook's.
OUTSIDE: the styles that need batches of one size, as the handout has them: they lose 1 point.
"""

from tests.grader.faults import TEXTBOOK


def between(begin, end):
    """The textbook's text from begin up to end."""
    start = TEXTBOOK.index(begin)
    return TEXTBOOK[start:TEXTBOOK.index(end, start)]


def replaced(text, *pairs):
    """The text with the second of each pair for the first, wherever that stands."""
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


IMPORT, LABELS = "import numpy as np\n", "        self.labels = y\n"
SIGMOID = "self.state = 1 / (1 + np.exp(-x))\n"
OUT = between("        self.norm = (x", "\n    def backward(self, delta)")
DX = between("        m = delta.shape[0]\n", "\n\nclass MLP")
DGAMMA, DBETA = "np.sum(delta * self.norm, axis=0)", "self.dbeta = np.sum(delta, axis=0)"
GRADIENTS = between("        self.dW = [", "        self.vW")
VELOCITIES = between("        self.vW = [", "        self.bn_layers = None")
CLEAR = between("        for i in range(self.nlayers):\n            self.dW[i].f",
                "\n    def forward(self, x):\n        self.outputs")
FORWARD = between("    def forward(self, x):\n        self.o", "    def backward(self, labels)")
CRITERION = "        self.criterion(self.outputs[-1], labels)\n"
DB = "self.db[i] = np.mean(delta, axis=0)"
STEP = between("        for i in range(self.nlayers):\n            self.vW[i] =",
               "        if self.bn:\n            for l")
STATS = between("    train, val, test = dset\n", "    curves = training_losses")
UNPACKED, SHUFFLE = "    testx, testy = test\n", "        np.random.shuffle(idxs)\n"
TRAINING = between("        for b in range(0, len(trainx)", "        training_losses.append")
VALIDATION = between("        for b in range(0, len(valx)", "        validation_losses.append")
TEST = between("    for b in range(0, len(testx)", "    curves = training_losses")
ZERO, MOVE = "            mlp.zero_grads()\n", "            mlp.step()\n"
EVALUATED = "np.sum(mlp.criterion(out, y))"
MATRIX = "confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))"
ONE_HOT = "        self.labels = y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
ROWS = "axis=0, keepdims=True)"

STYLES = {
    "accumulated": ("backward adds to the gradients, and zero_grads clears them", {
        GRADIENTS: GRADIENTS.replace("b.shape", "b.size"),
        f"self.dgamma = {DGAMMA}": f"self.dgamma = self.dgamma + {DGAMMA}",
        DBETA: "self.dbeta = self.dbeta + np.sum(delta, axis=0)", "self.dW[i] =": "self.dW[i] +=",
        DB: "self.db[i] += np.mean(delta, axis=0)",
        CLEAR: f"{CLEAR}        for bn in self.bn_layers or []:\n"
               "            bn.dgamma[...] = bn.dbeta[...] = 0\n"}),
    "backward only": ("the criterion's method has the writeup's name", {
        "derivative(self):\n        return self.sm": "backward(self):\n        return self.sm",
        "self.criterion.derivative()": "self.criterion.backward()"}),
    "one-hot or indices": ("labels are taken as one-hot rows and as class indices", {
        LABELS: ONE_HOT, UNPACKED: UNPACKED + "    trainy, valy, testy = ["
        "y if y.ndim == 2 else np.eye(10)[y] for y in (trainy, valy, testy)]\n"}),
    "indices alone": ("the statistics are made for labels as class indices, as in 1", {
        UNPACKED: UNPACKED +
        "    trainy, valy, testy = [np.eye(10)[y] for y in (trainy, valy, testy)]\n"}),
    "indices throughout": ("backward and the loss get class indices, too", {
        LABELS: ONE_HOT, STATS: replaced(STATS, ("np.argmax(y, axis=1)", "y"),
        ("np.argmax(testy[b:b + batch_size], axis=1)", "testy[b:b + batch_size]"))}),
    "rows": ("what is reduced is (1, d); Identity's derivative is an array of ones", {
        "np.sum(x, axis=0) / m": f"np.mean(x, {ROWS}", "** 2, axis=0) / m": f"** 2, {ROWS} / m",
        **{old: old.replace("axis=0)", ROWS) for old in (DGAMMA, DBETA, DB)},
        "return 1.0": "return np.ones_like(self.state)"}),
    "minus velocity": ("v = momentum v + lr d and p -= v, everything in place", {
        VELOCITIES: VELOCITIES.replace("b.shape", "b.size")
        + "        self.W = [W.copy() for W in self.W]\n",
        STEP: """        for p, v, d in zip(self.W + self.b, self.vW + self.vb, self.dW + self.db):
            v *= self.momentum
            v += self.lr * d
            p -= v
"""}),
    "torch": ("buffers as PyTorch's, none at first: buf = momentum buf + d; p -= lr buf", {
        VELOCITIES: "        self.buffers = {}\n",
        STEP: """        for params, grads, kind in (self.W, self.dW, "W"), (self.b, self.db, "b"):
            for i, d in enumerate(grads):
                self.buffers[kind, i] = self.momentum * self.buffers.get((kind, i), 0) + d
                params[i] = params[i] - self.lr * self.buffers[kind, i]
"""}),
    "elsewhere": ("forward keeps the slope, a dict the inputs, a tuple what BatchNorm needs", {
        "return self.state * (1 - self.state)": "return self.slope",
        SIGMOID: f"{SIGMOID}        self.slope = np.exp(-x) / (1 + np.exp(-x)) ** 2\n",
        "self.sm - self.labels": "self.gradient",
        "self.sm = np.exp(x - lse)": "self.gradient = np.exp(x - lse) - y",
        OUT: "        self.saved = x, (x - mean) / self.deviation\n"
             "        return self.gamma * self.saved[1] + self.beta\n",
        DX: replaced(DX, ("self.norm", "self.saved[1]"), ("self.x", "self.saved[0]")),
        FORWARD: replaced(FORWARD, ("[x]", "{0: x}"), ("[-1]", "[self.nlayers]"),
                          ("outputs.append(self.activations[i](z))",
                           "outputs[i + 1] = self.activations[i](z)")),
        CRITERION: CRITERION.replace("-1", "self.nlayers")}),
    "ten columns": ("the largest logit is spread over exactly ten columns", {
        "np.max(x, axis=1, keepdims=True)": "np.tile(np.max(x, axis=1), 10).reshape(10, -1).T",
        "axis=1, keepdims=True))\n": "axis=1, keepdims=True)) * np.ones((1, 10))\n"}),
    "ten classes": ("the confusion matrix is (10, 10), of integers", {
        MATRIX: "confusion_matrix = np.zeros((10, 10), int)"}),
    "reshaped": ("the sets are reshaped to batches of one size", {TRAINING: """
        x, y = trainx[idxs], trainy[idxs]
        for x, y in zip(x.reshape(-1, batch_size, 784), y.reshape(-1, batch_size, 10)):
""" + TRAINING.split("\n", 2)[2]}),
    "asserted": ("a short last batch is refused", {
        UNPACKED: f"{UNPACKED}    assert len(trainx) % batch_size == 0\n"}),
    "dropped": ("a short last batch is left out", {
        "0, len(trainx), batch_size": "0, len(trainx) // batch_size * batch_size, batch_size"}),
    "averaged": ("the batches' averages are averaged", {
        "np.sum(mlp.criterion.loss)": "np.mean(mlp.criterion.loss) * batch_size"}),
    "object arrays": ("W, b and their gradients are arrays of arrays", {VELOCITIES: f"""{VELOCITIES}
        for name in ("W", "b", "dW", "db"):
            array = np.empty(self.nlayers, dtype=object)
            for i, entry in enumerate(getattr(self, name)):
                array[i] = entry
            setattr(self, name, array)
"""}),
    "empty batch": ("evaluation runs one batch more, which is empty where the sets are even", {
        VALIDATION: VALIDATION.replace("len(valx)", "len(valx) + batch_size"),
        TEST: TEST.replace("len(testx)", "len(testx) + batch_size")}),
    "shuffled after": ("an epoch ends with the shuffle: the first takes them as they come", {
        SHUFFLE: "", "        training_losses.app": f"{SHUFFLE}        training_losses.app"}),
    "cleared after": ("zero_grads is called after step", {ZERO: "", MOVE: MOVE + ZERO}),
    "never cleared": ("zero_grads is not called at all: backward assigns", {ZERO: ""}),
    "loss of backward": ("validation takes the loss that backward leaves in the criterion", {
        EVALUATED: "np.sum(mlp.backward(y) or mlp.criterion.loss)"}),
    "deep copies": ("a copy of the network is evaluated", {
        IMPORT: f"import copy\n{IMPORT}",
        VALIDATION: VALIDATION.replace("mlp.forward", "copy.deepcopy(mlp).forward")}),
    "pickled": ("the network is kept by pickle, and tested", {
        IMPORT: f"import pickle\n{IMPORT}",
        TEST: f"    mlp = pickle.loads(pickle.dumps(mlp))\n{TEST}"}),
    "called": ("the network is called", {STATS: STATS.replace("mlp.forward(", "mlp(")}),
    "private forward": ("evaluation calls a method of the network's own", {
        FORWARD: "    def forward(self, x):\n        return self._forward(x)\n\n"
                 f"{FORWARD.replace('def f', 'def _f')}",
        VALIDATION: VALIDATION.replace("mlp.f", "mlp._f"), TEST: TEST.replace("mlp.f", "mlp._f")}),
    "no layers is a list": ("bn_layers is [] without BatchNorm", {
        "self.bn_layers = None": "self.bn_layers = []"}),
    "a layer for each": ("bn_layers has one for each layer, of which num_bn_layers are used", {
        "for i in range(num_bn_layers)]": "for i in range(self.nlayers)]"}),
    "no gradients yet": ("gradients are None until backward", {
        GRADIENTS: "        self.dW, self.db = [None] * self.nlayers, [None] * self.nlayers\n",
        CLEAR: "        self.dW, self.db = [None] * self.nlayers, [None] * self.nlayers\n"}),
    "dx in one line": ("BatchNorm's dx as it is after simplifying", {
        DX: DX.split("        dnorm")[0]
        + "        inner = m * delta - self.dbeta - self.norm * self.dgamma\n"
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
