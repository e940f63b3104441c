"""The style of other places: activations keep input and slope, state sits in slots, loops recurse."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Activation:
    __slots__ = ("input", "state", "slope")

    def __init__(self):
        self.input = self.state = self.slope = None

    def __call__(self, x):
        self.input = x
        self.state, self.slope = self.both(x)
        return self.state

    def forward(self, x):
        return self.__call__(x)

    def derivative(self):
        return self.slope


class Identity(Activation):
    __slots__ = ()

    def both(self, x):
        return x, np.float64(1.0)


class Sigmoid(Activation):
    __slots__ = ()

    def both(self, x):
        e = np.exp(-x)
        return 1 / (1 + e), e / (1 + e) ** 2


class Tanh(Activation):
    __slots__ = ()

    def both(self, x):
        return np.tanh(x), np.cosh(x) ** -2.0


class ReLU(Activation):
    __slots__ = ()

    def both(self, x):
        slope = (x > 0).astype(float)
        return x * slope, slope


class Criterion:
    __slots__ = ("logits", "labels", "loss", "sm", "gradient")

    def __init__(self):
        self.logits = self.labels = self.loss = self.sm = self.gradient = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    __slots__ = ()

    def forward(self, x, y):
        a = x.max(axis=1, keepdims=True)
        e = np.exp(x - a)
        total = e.sum(axis=1, keepdims=True)
        self.logits, self.labels, self.gradient = x, y, e / total - y
        self.loss = np.sum(y * (a - x + np.log(total)), axis=1)
        return self.loss

    def derivative(self):
        return self.gradient


class BatchNorm:
    __slots__ = ("alpha", "eps", "x", "norm", "out", "mean", "var", "gamma", "dgamma", "beta", "dbeta",
                 "running_mean", "running_var", "saved")

    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x = self.norm = self.out = None
        self.mean, self.beta, self.dbeta, self.dgamma, self.running_mean = np.zeros((5, 1, fan_in))
        self.var, self.gamma, self.running_var = np.ones((3, 1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if eval:
            return (x - self.running_mean) / np.sqrt(self.running_var + self.eps) * self.gamma + self.beta
        self.mean, self.var = x.mean(axis=0), x.var(axis=0)
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        inverse = 1 / np.sqrt(self.var + self.eps)
        norm = (x - self.mean) * inverse
        self.saved = norm, inverse
        return norm * self.gamma + self.beta

    def backward(self, delta):
        norm, inverse = self.saved
        self.dgamma, self.dbeta = (delta * norm).sum(axis=0), delta.sum(axis=0)
        centred = delta - delta.mean(axis=0) - norm * (delta * norm).mean(axis=0)
        return self.gamma * inverse * centred


class MLP:
    __slots__ = ("input_size", "output_size", "nlayers", "activations", "criterion", "lr", "momentum",
                 "num_bn_layers", "bn", "bn_layers", "train_mode", "W", "b", "dW", "db",
                 "_MLP__speed", "seen")

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, num_bn_layers > 0, True
        self.bn_layers = [BatchNorm(d) for d in hiddens[:num_bn_layers]] if self.bn else None
        self.W, self.b = [], []
        for d_in, d_out in zip([input_size] + hiddens, hiddens + [output_size]):
            self.W += [weight_init_fn(d_in, d_out)]
            self.b += [bias_init_fn(d_out)]
        self.dW, self.db = [np.zeros_like(p) for p in self.W], [np.zeros_like(p) for p in self.b]
        self.__speed = {}
        self.seen = {}

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW, self.db = [np.zeros_like(p) for p in self.W], [np.zeros_like(p) for p in self.b]

    def forward(self, x, layer=0):
        self.seen[layer] = x
        if layer == self.nlayers:
            return x
        z = x @ self.W[layer] + self.b[layer]
        if layer < self.num_bn_layers:
            z = self.bn_layers[layer](z, eval=not self.train_mode)
        return self.forward(self.activations[layer](z), layer + 1)

    def backward(self, labels):
        self.criterion(self.seen[self.nlayers], labels)
        self.__back(self.criterion.derivative(), self.nlayers - 1)

    def __back(self, delta, layer):
        if layer < 0:
            return
        delta = delta * self.activations[layer].derivative()
        if layer < self.num_bn_layers:
            delta = self.bn_layers[layer].backward(delta)
        self.dW[layer] = self.seen[layer].T @ delta / len(delta)
        self.db[layer] = delta.sum(axis=0) / len(delta)
        self.__back(delta @ self.W[layer].T, layer - 1)

    def step(self):
        for params, gradients, kind in (self.W, self.dW, "W"), (self.b, self.db, "b"):
            for i, gradient in enumerate(gradients):
                self.__speed[kind, i] = self.momentum * self.__speed.get((kind, i), 0) - self.lr * gradient
                params[i] = params[i] + self.__speed[kind, i]
        for layer in self.bn_layers or []:
            layer.gamma, layer.beta = layer.gamma - self.lr * layer.dgamma, layer.beta - self.lr * layer.dbeta


def wrong(output, y):
    return output.argmax(axis=1) != y.argmax(axis=1)


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    curves = {name: np.full(nepochs, np.nan) for name in ("tl", "te", "vl", "ve")}
    order = np.arange(len(trainx))
    for e in range(nepochs):
        losses, errors = np.zeros(len(trainx)), np.zeros(len(trainx))
        np.random.shuffle(order)
        for start in range(0, len(trainx), batch_size):
            rows = order[start:start + batch_size]
            mlp.train()
            mlp.zero_grads()
            output = mlp.forward(trainx[rows])
            losses[rows], errors[rows] = mlp.criterion(output, trainy[rows]), wrong(output, trainy[rows])
            mlp.backward(trainy[rows])
            mlp.step()
            mlp.eval()
        curves["tl"][e], curves["te"][e] = losses.mean(), errors.mean()
        output = np.vstack([mlp(valx[i:i + 4]) for i in range(0, len(valx), 4)])
        curves["vl"][e], curves["ve"][e] = mlp.criterion(output, valy).mean(), wrong(output, valy).mean()
        output = mlp(testx)
        pairs = list(zip(output.argmax(axis=1), testy.argmax(axis=1)))
    classes = range(mlp.output_size)
    matrix = np.array([[pairs.count((p, t)) for t in classes] for p in classes])
    return curves["tl"], curves["te"], curves["vl"], curves["ve"], matrix
