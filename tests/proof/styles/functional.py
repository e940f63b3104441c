"""The style of functions: pure functions, a dictionary of what forward saw, einsum and ufunc.reduce."""

import functools

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.standard_normal((d0, d1))


zeros_bias_init = np.zeros


def sigmoid(x):
    return np.exp(-np.logaddexp(0.0, np.negative(x)))


def relu(x):
    return np.where(np.greater(x, 0), x, 0.0)


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def normalised(x, mean, var, eps):
    return np.divide(x - mean, np.sqrt(var + eps))


def decayed(alpha, old, new):
    return alpha * old + (1 - alpha) * new


def batchnorm_gradients(delta, norm, gamma, deviation):
    dgamma = np.einsum("ij,ij->j", delta, norm)
    dbeta = np.add.reduce(delta, axis=0)
    inner = delta - np.true_divide(dbeta + norm * dgamma, len(delta))
    return dgamma, dbeta, gamma / deviation * inner


class Activation:
    """f and slope are functions; slope is of the output."""

    f = slope = state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.state = type(self).f(x)
        return self.state

    def derivative(self):
        return type(self).slope(self.state)


def activation(name, f, slope):
    return type(name, (Activation,), {"f": staticmethod(f), "slope": staticmethod(slope)})


Identity = activation("Identity", lambda x: x, lambda s: 1.0)
Sigmoid = activation("Sigmoid", sigmoid, lambda s: s * (1 - s))
Tanh = activation("Tanh", np.tanh, lambda s: 1 - np.square(s))
ReLU = activation("ReLU", relu, lambda s: np.heaviside(s, 0.0))


class Criterion:
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        log_sm = log_softmax(x)
        self.logits, self.labels, self.sm = x, y, np.exp(log_sm)
        self.loss = -np.einsum("ij,ij->i", y, log_sm)
        return self.loss

    def derivative(self):
        return np.subtract(self.sm, self.labels)


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        zeros, ones = functools.partial(np.zeros, (1, fan_in)), functools.partial(np.ones, (1, fan_in))
        self.__dict__.update(
            alpha=alpha, eps=1e-8, x=None, norm=None, out=None, mean=zeros(), var=ones(), gamma=ones(),
            beta=zeros(), dgamma=zeros(), dbeta=zeros(), running_mean=zeros(), running_var=ones())

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if not eval:
            self.mean, self.var = np.add.reduce(x, axis=0) / len(x), np.var(x, axis=0)
            self.running_mean = decayed(self.alpha, self.running_mean, self.mean)
            self.running_var = decayed(self.alpha, self.running_var, self.var)
        used = (self.running_mean, self.running_var) if eval else (self.mean, self.var)
        self.x, self.norm = x, normalised(x, *used, self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma, self.dbeta, dx = batchnorm_gradients(
            delta, self.norm, self.gamma, np.sqrt(self.var + self.eps))
        return dx


def forward(cache, layers, x, eval):
    for i, (W, b, bn, act) in enumerate(layers):
        cache["x", i] = x
        z = np.einsum("ij,jk->ik", x, W) + b
        x = act(bn(z, eval) if bn else z)
    cache["output"] = x
    return x


def backward(cache, layers, delta):
    gradients = []
    for i, (W, b, bn, act) in reversed(list(enumerate(layers))):
        delta = delta * act.derivative()
        delta = bn.backward(delta) if bn else delta
        dW = np.einsum("ij,ik->jk", cache["x", i], delta) / len(delta)
        gradients.append((dW, np.add.reduce(delta, axis=0) / len(delta)))
        delta = np.einsum("ik,jk->ij", delta, W)
    return gradients[::-1]


class MLP:
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, bool(num_bn_layers), True
        sizes = (input_size,) + tuple(hiddens) + (output_size,)
        self.W = list(map(weight_init_fn, sizes[:-1], sizes[1:]))
        self.b = list(map(bias_init_fn, sizes[1:]))
        self.bn_layers = list(map(BatchNorm, hiddens[:num_bn_layers])) if self.bn else None
        self.cache = {}
        self.zero_grads()

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def layers(self):
        normalisers = (self.bn_layers or []) + [None] * (self.nlayers - self.num_bn_layers)
        return list(zip(self.W, self.b, normalisers, self.activations))

    def zero_grads(self):
        self.dW, self.db = list(map(np.zeros_like, self.W)), list(map(np.zeros_like, self.b))

    def forward(self, x):
        return forward(self.cache, self.layers(), x, not self.train_mode)

    def backward(self, labels):
        self.criterion(self.cache["output"], labels)
        self.dW, self.db = map(list, zip(*backward(self.cache, self.layers(), self.criterion.derivative())))

    def step(self):
        def velocity(key, gradient):
            self.cache[key] = self.momentum * self.cache.get(key, 0.0) - self.lr * gradient
            return self.cache[key]

        self.W = [W + velocity(("W", i), dW) for i, (W, dW) in enumerate(zip(self.W, self.dW))]
        self.b = [b + velocity(("b", i), db) for i, (b, db) in enumerate(zip(self.b, self.db))]
        for bn in self.bn_layers or []:
            bn.gamma, bn.beta = bn.gamma - self.lr * bn.dgamma, bn.beta - self.lr * bn.dbeta


def mistakes(output, y):
    return np.count_nonzero(np.argmax(output, axis=1) - np.argmax(y, axis=1))


def trained(mlp, x, y):
    mlp.zero_grads()
    output = mlp(x)
    mlp.backward(y)
    mlp.step()
    return np.add.reduce(mlp.criterion.loss), mistakes(output, y)


def evaluated(mlp, x, y):
    output = mlp(x)
    return np.add.reduce(mlp.criterion(output, y)), mistakes(output, y)


def epoch(mlp, train, val, batch_size):
    n = len(train[0])
    mlp.train()
    batches = np.split(np.random.permutation(n), range(batch_size, n, batch_size))
    training = np.sum([trained(mlp, train[0][rows], train[1][rows]) for rows in batches], axis=0) / n
    mlp.eval()
    return np.concatenate([training, np.divide(evaluated(mlp, *val), len(val[0]))])


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, (testx, testy) = dset
    curves = np.stack([epoch(mlp, train, val, batch_size) for _ in range(nepochs)], axis=1)
    one_hot = np.eye(mlp.output_size)[np.argmax(mlp(testx), axis=1)]
    return (*curves, np.einsum("ij,ik->jk", one_hot, testy))
