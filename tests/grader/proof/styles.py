"""Right handins in other styles: each differs from the textbook's in one trait, or in a few that go together.

STYLES: {name: (the trait, {old text: new text})}, where each old text stands in textbook.py exactly once.
ADVICE: what each line of advice says, in its order, where that is not the textbook's.
OUTSIDE: the styles that need batches of one size, as the handout has them: they lose 1 point.
"""

from tests.grader.proof import handins
from tests.grader.proof.handins import TEXTBOOK


def edited(edits):
    """Return the textbook's text with these edits; ValueError unless each old text stands there once."""
    text = TEXTBOOK
    for old, new in edits.items():
        text = handins.edited(old, new, text)
    return text


def between(begin, end):
    """Return the textbook's text from begin up to end."""
    start = TEXTBOOK.index(begin)
    return TEXTBOOK[start:TEXTBOOK.index(end, start)]


def replaced(text, *pairs):
    """Return the text with the second of each pair for the first, wherever that stands."""
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


IMPORT, LABELS, CLASS_MLP = "import numpy as np\n", "        self.labels = y\n", "class MLP:\n"
LOSS = between("        a = np.max(x", "        return self.loss")
SIGMOID = "self.state = 1 / (1 + np.exp(-x))\n"
NORMALISE = between("        if eval:\n            mean, var", "        self.deviation")
OUT = between("        self.norm = (x", "\n    def backward(self, delta)")
DX = between("        m = delta.shape[0]\n", "\n\nclass MLP")
DGAMMA, DBETA = "np.sum(delta * self.norm, axis=0)", "self.dbeta = np.sum(delta, axis=0)"
LISTS = between("        self.W = [", "        self.bn_layers = None")
GRADIENTS = between("        self.dW = [", "        self.vW")
VELOCITIES = between("        self.vW = [", "        self.bn_layers = None")
CLEAR = between("        for i in range(self.nlayers):\n            self.dW[i].f",
                "\n    def forward(self, x):\n        self.outputs")
FORWARD = between("    def forward(self, x):\n        self.outputs", "    def backward(self, labels):")
BACKWARD = between("    def backward(self, labels):", "    def step(self):")
INPUT, CRITERION = "        self.outputs = [x]\n", "        self.criterion(self.outputs[-1], labels)\n"
LINEAR, MODE = "self.outputs[i] @ self.W[i] + self.b[i]", "self.train_mode = False"
DW, DB = "self.dW[i] = self.outputs[i].T @ delta / len(labels)", "self.db[i] = np.mean(delta, axis=0)"
STEP = between("        for i in range(self.nlayers):\n            self.vW[i] =",
               "        if self.bn:\n            for l")
STATS = between("    train, val, test = dset\n", "    curves = training_losses")
UNPACKED, SHUFFLE = "    testx, testy = test\n", "        np.random.shuffle(idxs)\n"
TRAINING = between("        for b in range(0, len(trainx)", "        training_losses.append")
CURVE = "        training_losses.append("
VALIDATION = between("        for b in range(0, len(valx)", "        validation_losses.append")
TEST = between("    for b in range(0, len(testx)", "    curves = training_losses")
ZERO, MOVE = "            mlp.zero_grads()\n", "            mlp.step()\n"
EVALUATED = "np.sum(mlp.criterion(out, y))"
MISTAKES = "errors += np.sum(np.argmax(out, axis=1) != np.argmax(y, axis=1))\n        training"
MATRIX = "confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))"
ONE_HOT = "        self.labels = y = y if np.ndim(y) == 2 else np.eye(x.shape[1])[y]\n"
ROWS = "axis=0, keepdims=True)"

COLUMNS = """def shown(name):
    return property(lambda self: [entry.T for entry in getattr(self, name)])


class MLP:
    W, dW, b = shown("A"), shown("dA"), shown("c")
    db = property(lambda self: [dc[:, 0] for dc in self.dc])

"""
LOOP = """        self.sm, self.loss = np.zeros(x.shape), np.zeros(len(x))
        for i in range(len(x)):
            largest = max(x[i])
            total = sum(np.exp(v - largest) for v in x[i])
            for j in range(len(x[i])):
                self.sm[i, j] = np.exp(x[i, j] - largest) / total
                self.loss[i] -= y[i, j] * (x[i, j] - largest - np.log(total))
"""

STYLES = {
    "accumulated": ("backward adds to the gradients, and zero_grads clears them", {
        GRADIENTS: GRADIENTS.replace("b.shape", "b.size"),
        f"self.dgamma = {DGAMMA}": f"self.dgamma = self.dgamma + {DGAMMA}",
        DBETA: "self.dbeta = self.dbeta + np.sum(delta, axis=0)", DW: DW.replace("=", "+="),
        DB: "self.db[i] += np.mean(delta, axis=0)",
        CLEAR: f"{CLEAR}        for bn in self.bn_layers or []:\n"
               "            bn.dgamma[...] = bn.dbeta[...] = 0\n"}),
    "backward only": ("the criterion's method has the writeup's name", {
        "derivative(self):\n        return self.sm": "backward(self):\n        return self.sm",
        "self.criterion.derivative()": "self.criterion.backward()"}),
    "casts": ("what comes in or goes out is made float64 once more", {
        INPUT: "        self.outputs = [np.asarray(x).astype(np.float64)]\n",
        MODE: "self.train_mode = np.bool_(False)",
        "self.activations[i](z))": "self.activations[i](z.astype(np.float64)).astype(np.float64))",
        LABELS: "        self.labels = np.float64(y)\n        x = np.longdouble(x)\n",
        "self.sm = np.exp(x - lse)": "self.sm = np.exp(x - lse).astype(np.float64)",
        "axis=1)\n        return self.loss": "axis=1).astype(np.float64)\n        return self.loss",
        "np.array(curve) for": "np.asarray(curve, dtype=float) for", "return 1.0": "return np.float64(1.0)",
        MATRIX: f"{MATRIX}.astype(np.int64)"}),
    "one-hot or indices": ("labels are taken as one-hot rows and as class indices", {
        LABELS: ONE_HOT, UNPACKED: UNPACKED +
        "    trainy, valy, testy = [y if y.ndim == 2 else np.eye(10)[y] for y in (trainy, valy, testy)]\n"}),
    "indices alone": ("the statistics are made for labels as class indices, as in 1", {
        UNPACKED: f"{UNPACKED}    trainy, valy, testy = [np.eye(10)[y] for y in (trainy, valy, testy)]\n"}),
    "indices throughout": ("backward and the loss get class indices, too", {LABELS: ONE_HOT, STATS: replaced(
        STATS, ("np.argmax(y, axis=1)", "y"),
        ("np.argmax(testy[b:b + batch_size], axis=1)", "testy[b:b + batch_size]"))}),
    "rows": ("what is reduced over the batch is (1, d); Identity's derivative is an array of ones", {
        "np.sum(x, axis=0) / m": f"np.mean(x, {ROWS}", "** 2, axis=0) / m": f"** 2, {ROWS} / m",
        **{old: old.replace("axis=0)", ROWS) for old in (DGAMMA, DBETA, DB)},
        "return 1.0": "return np.ones_like(self.state)"}),
    "minus velocity": ("v = momentum v + lr d and p -= v, everything in place", {
        VELOCITIES: VELOCITIES.replace("b.shape", "b.size") + "        self.W = [W.copy() for W in self.W]\n",
        STEP: """        for p, v, d in zip(self.W + self.b, self.vW + self.vb, self.dW + self.db):
            v *= self.momentum
            v += self.lr * d
            p -= v
"""}),
    "torch": ("buffers as PyTorch's, none at first: buf = momentum buf + d; p -= lr buf", {
        VELOCITIES: "        self.buffers = {}\n",
        STEP: """        for params, grads, kind in ((self.W, self.dW, "W"), (self.b, self.db, "b")):
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
    "columns": ("an example is a column; W is kept as (out, in), b as (out, 1), and shown as asked", {
        CLASS_MLP: COLUMNS,
        LISTS: """        self.A = [weight_init_fn(d, e).T for d, e in zip(sizes[:-1], sizes[1:])]
        self.c = [np.reshape(bias_init_fn(e), (-1, 1)) for e in sizes[1:]]
        self.vA, self.vc = [0 * A for A in self.A], [0 * c for c in self.c]
        self.zero_grads()
""", CLEAR: "        self.dA, self.dc = [0 * A for A in self.A], [0 * c for c in self.c]\n",
        FORWARD: replaced(FORWARD, ("[x]", "[x.T]"), (LINEAR, "self.A[i] @ self.outputs[i] + self.c[i]"),
                          ("(z, not self.train_mode)", "(z.T, not self.train_mode).T"),
                          ("outputs[-1]", "outputs[-1].T")),
        BACKWARD: replaced(BACKWARD, ("outputs[-1]", "outputs[-1].T"),
                           ("criterion.derivative()", "criterion.derivative().T"),
                           (".backward(delta)", ".backward(delta.T).T"),
                           ("delta @ self.W[i].T", "self.A[i].T @ delta"),
                           (DW, "self.dA[i] = delta @ self.outputs[i].T / len(labels)"),
                           (DB, "self.dc[i] = np.mean(delta, axis=1, keepdims=True)")),
        STEP: replaced(STEP, ("W", "A"), ("vb", "vc"), ("self.b", "self.c"), ("self.db", "self.dc"))}),
    "python 2": ("old idioms: xrange, flags that are 0 and 1, lists by hand, prints", {
        IMPORT: "from __future__ import division, print_function\nimport numpy as np\n\n"
                "try:\n    xrange\nexcept NameError:\n    xrange = range\n",
        "super().__init__()": "super(SoftmaxCrossEntropy, self).__init__()",
        "class Activation:": "class Activation(object):", "class BatchNorm:": "class BatchNorm(object):",
        MODE: "self.train_mode = 0",
        "train(self):\n        self.train_mode = True": "train(self):\n        self.train_mode = 1",
        "range(self.nlayers)[::-1]": "xrange(self.nlayers - 1, -1, -1)", "+ hiddens +": "+ list(hiddens) +",
        CURVE: f"        print('loss %f' % loss)\n{CURVE}"}),
    "einsum": ("einsum and ufunc.reduce in place of @ and sum", {
        LINEAR: "np.einsum('ij,jk->ik', self.outputs[i], self.W[i]) + self.b[i]",
        DW: "self.dW[i] = np.einsum('ij,ik->jk', self.outputs[i], delta) / len(labels)",
        DB: "self.db[i] = np.add.reduce(delta, axis=0) / len(delta)",
        "delta @ self.W[i].T": "np.einsum('ik,jk->ij', delta, self.W[i])",
        "np.where(self.state > 0, 1.0, 0.0)": "np.heaviside(self.state, 0.0)",
        "-np.sum(y * (x - lse), axis=1)": "-np.einsum('ij,ij->i', y, x - lse)"}),
    "loops": ("one example, one unit, one product at a time", {
        LOSS: LOOP, f"            z = {LINEAR}\n": """            z = np.zeros((len(x), self.W[i].shape[1]))
            for j, row in enumerate(self.outputs[i]):
                for k in range(z.shape[1]):
                    z[j, k] = sum(row * self.W[i][:, k]) + np.ravel(self.b[i])[k]
""", DW: """self.dW[i] = np.zeros(self.W[i].shape)
            for row, d in zip(self.outputs[i], delta):
                for k in range(len(row)):
                    self.dW[i][k] += row[k] * d / len(labels)"""}),
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
        "range(0, len(trainx), batch_size)": "range(0, len(trainx) // batch_size * batch_size, batch_size)"}),
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
    "shuffled after": ("each epoch ends with the shuffle: the first takes the examples as they come", {
        SHUFFLE: "", "        training_errors.append(": f"{SHUFFLE}        training_errors.append("}),
    "cleared after": ("zero_grads is called after step", {ZERO: "", MOVE: MOVE + ZERO}),
    "never cleared": ("zero_grads is not called at all: backward assigns", {ZERO: ""}),
    "loss of backward": ("validation takes the loss that backward leaves in the criterion", {
        EVALUATED: "np.sum(mlp.backward(y) or mlp.criterion.loss)"}),
    "loss of the criterion": ("losses are read from the criterion, predictions from its softmax", {
        EVALUATED: "np.sum(mlp.criterion.forward(out, y) * 0 + mlp.criterion.loss)",
        MISTAKES: MISTAKES.replace("argmax(out", "argmax(mlp.criterion.sm")}),
    "deep copies": ("a copy of the network is evaluated", {IMPORT: f"import copy\n{IMPORT}", VALIDATION: (
        "        frozen = copy.deepcopy(mlp)\n" + VALIDATION.replace("mlp.forward", "frozen.forward"))}),
    "pickled": ("the network is kept by pickle, and tested", {
        IMPORT: f"import pickle\n{IMPORT}", TEST: f"    mlp = pickle.loads(pickle.dumps(mlp))\n{TEST}"}),
    "called": ("the network is called", {STATS: STATS.replace("mlp.forward(", "mlp(")}),
    "private forward": ("evaluation calls a method of the network's own", {
        FORWARD: "    def forward(self, x):\n        return self._forward(x)\n\n"
                 f"{FORWARD.replace('def f', 'def _f')}",
        VALIDATION: VALIDATION.replace("mlp.f", "mlp._f"), TEST: TEST.replace("mlp.f", "mlp._f")}),
    "whole sets": ("validation and test are one batch each; the mode is set by hand", {
        VALIDATION: "        out = mlp.forward(valx)\n        loss = mlp.criterion(out, valy).sum()\n"
                    "        errors = (out.argmax(1) != valy.argmax(1)).sum()\n",
        TEST: "    mlp.train_mode = False\n    pairs = mlp.forward(testx).argmax(1), testy.argmax(1)\n"
              "    np.add.at(confusion_matrix, pairs, 1)\n"}),
    "evaluated throughout": ("before training too, and the training and test sets after each epoch", {
        CURVE: "        mlp.eval()\n        for sx, sy in (train, test):\n"
               f"            mlp.criterion(mlp.forward(sx), sy)\n{CURVE}",
        "    for _ in range(nepochs):\n": "    mlp.eval()\n    mlp.forward(trainx)\n    mlp.forward(valx)\n"
                                          "    for _ in range(nepochs):\n"}),
    "activations copied": ("MLP copies the list that it is given", {
        "= activations\n": "= list(activations)\n"}),
    "states": ("backward takes the inputs from the activations' states", {
        DW: "self.dW[i] = (self.activations[i - 1].state if i else self.outputs[0]).T @ delta / len(labels)",
        CRITERION: "        self.criterion(self.activations[-1].state, labels)\n"}),
    "subclass": ("BatchNorm in a subclass, which MLP uses", {
        CLASS_MLP: f"class BatchNorm1d(BatchNorm):\n    pass\n\n\n{CLASS_MLP}",
        "= [BatchNorm(": "= [BatchNorm1d("}),
    "no layers is a list": ("bn_layers is [] without BatchNorm", {
        "self.bn_layers = None": "self.bn_layers = []"}),
    "a layer for each": ("bn_layers has one for each layer, of which num_bn_layers are used", {
        "for i in range(num_bn_layers)]": "for i in range(self.nlayers)]"}),
    "no gradients yet": ("gradients are None until backward", {
        GRADIENTS: "        self.dW, self.db = [None] * self.nlayers, [None] * self.nlayers\n",
        CLEAR: "        self.dW, self.db = [None] * self.nlayers, [None] * self.nlayers\n"}),
    "divided early": ("delta is divided by the batch size first, and given back to BatchNorm", {
        "self.criterion.derivative()\n": "self.criterion.derivative() / len(labels)\n",
        DB: DB.replace("mean", "sum"),
        "[i].backward(delta)": "[i].backward(delta * len(labels)) / len(labels)",
        " @ delta / len(labels)": " @ delta"}),
    "dx in one line": ("BatchNorm's dx as it is after simplifying", {DX: DX.split("        dnorm")[0] + (
        "        inner = m * delta - self.dbeta - self.norm * self.dgamma\n"
        "        return self.gamma / self.deviation / m * inner\n")}),
    "running in place": ("the running statistics are moved in place; var is of the squares", {
        NORMALISE: """        mean, var = self.running_mean, self.running_var
        if not eval:
            mean, var = self.mean, self.var = x.mean(axis=0), (x * x).mean(axis=0) - x.mean(axis=0) ** 2
            self.running_mean *= self.alpha
            self.running_mean += (1 - self.alpha) * mean
            self.running_var += (1 - self.alpha) * (var - self.running_var)
"""}),
}

MATRIX_ADVICE = ["confusion_matrix has dtype float64; counts are integers"]
REDUCED = [f"{name} has shape (1, d), a strict" for name in ("db", "dgamma", "dbeta")]
ADVICE = {
    "accumulated": REDUCED[1:] + MATRIX_ADVICE, "rows": REDUCED + MATRIX_ADVICE,
    "casts": [], "ten classes": [],
    "backward only": ["SoftmaxCrossEntropy has no derivative()"] + MATRIX_ADVICE}
OUTSIDE = {
    "reshaped": "cannot reshape", "asserted": "assert len.trainx. % batch_size == 0", "dropped": "is dropped",
    "averaged": "training_losses"}
