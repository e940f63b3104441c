"""A correct solution of 2018: np.float, np.int, np.Inf and collections.Iterable.

NumPy and Python have dropped these names since. This file imports and runs where
tests/since_2018.py has restored them, and nowhere else.
"""

from collections import Iterable

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0.0, 1.0, (d0, d1)).astype(np.float)


def zeros_bias_init(d):
    return np.zeros(d, dtype=np.float)


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 1.0 / (1.0 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1.0 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1.0 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.clip(x, 0.0, np.Inf)
        return self.state

    def derivative(self):
        return (self.state > 0).astype(np.float)


class Criterion(object):
    def __init__(self):
        self.logits = None
        self.labels = None
        self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        super(SoftmaxCrossEntropy, self).__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        maximum = np.full(len(x), -np.Inf)
        for k in range(x.shape[1]):
            maximum = np.maximum(maximum, x[:, k])
        total = np.zeros(len(x), dtype=np.float)
        for k in range(x.shape[1]):
            total += np.exp(x[:, k] - maximum)
        log_sum = maximum + np.log(total)
        self.sm = np.exp(x - log_sum[:, np.newaxis])
        self.loss = log_sum - np.sum(x * y, axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.x = None
        self.norm = None
        self.out = None
        self.var = np.ones((1, fan_in), dtype=np.float)
        self.mean = np.zeros((1, fan_in), dtype=np.float)
        self.gamma = np.ones((1, fan_in), dtype=np.float)
        self.dgamma = np.zeros((1, fan_in), dtype=np.float)
        self.beta = np.zeros((1, fan_in), dtype=np.float)
        self.dbeta = np.zeros((1, fan_in), dtype=np.float)
        self.running_mean = np.zeros((1, fan_in), dtype=np.float)
        self.running_var = np.ones((1, fan_in), dtype=np.float)

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if eval:
            deviations = x - self.running_mean
            self.scale = np.sqrt(self.running_var + self.eps)
        else:
            self.x = x
            self.mean = np.mean(x, axis=0)
            deviations = x - self.mean
            self.var = np.mean(deviations ** 2, axis=0)
            self.scale = np.sqrt(self.var + self.eps)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        self.norm = deviations / self.scale
        self.out = self.norm * self.gamma + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        through_norm = delta * self.gamma / self.scale
        through_mean = np.mean(through_norm, axis=0)
        through_var = self.norm * np.mean(through_norm * self.norm, axis=0)
        return through_norm - through_mean - through_var


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn,
                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0):
        self.train_mode = True
        self.num_bn_layers = num_bn_layers
        self.bn = num_bn_layers > 0
        self.nlayers = len(hiddens) + 1
        self.input_size = input_size
        self.output_size = output_size
        self.activations = activations
        self.criterion = criterion
        self.lr = lr
        self.momentum = momentum
        sizes = [input_size]
        if isinstance(hiddens, Iterable):
            for size in hiddens:
                sizes.append(np.int(size))
        sizes.append(output_size)
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]
        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]
        self.dW = [np.zeros(W.shape, dtype=np.float) for W in self.W]
        self.db = [np.zeros(b.shape, dtype=np.float) for b in self.b]
        self.mW = [np.zeros(W.shape, dtype=np.float) for W in self.W]
        self.mb = [np.zeros(b.shape, dtype=np.float) for b in self.b]
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.outputs = [np.array(x, dtype=np.float)]
        for i in range(self.nlayers):
            z = np.dot(self.outputs[-1], self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
            self.outputs.append(self.activations[i](z))
        return self.outputs[-1]

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros(self.W[i].shape, dtype=np.float)
            self.db[i] = np.zeros(self.b[i].shape, dtype=np.float)

    def step(self):
        for i in range(self.nlayers):
            self.mW[i] = self.momentum * self.mW[i] - self.lr * self.dW[i]
            self.mb[i] = self.momentum * self.mb[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.mW[i]
            self.b[i] = self.b[i] + self.mb[i]
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma = layer.gamma - self.lr * layer.dgamma
                layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        m = np.float(len(labels))
        self.criterion(self.outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = np.dot(self.outputs[i].T, delta) / m
            self.db[i] = np.sum(delta, axis=0) / m
            delta = np.dot(delta, self.W[i].T)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    idxs = np.arange(len(trainx), dtype=np.int)
    training_losses = np.zeros(nepochs, dtype=np.float)
    training_errors = np.zeros(nepochs, dtype=np.float)
    validation_losses = np.zeros(nepochs, dtype=np.float)
    validation_errors = np.zeros(nepochs, dtype=np.float)
    confusion_matrix = np.zeros((10, 10), dtype=np.int)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        for b in range(np.int(np.ceil(len(trainx) / batch_size))):
            batch = idxs[b * batch_size:(b + 1) * batch_size]
            mlp.zero_grads()
            out = mlp.forward(trainx[batch])
            mlp.backward(trainy[batch])
            mlp.step()
            wrong = out.argmax(axis=1) != trainy[batch].argmax(axis=1)
            training_losses[e] += np.sum(mlp.criterion.loss) / len(trainx)
            training_errors[e] += np.sum(wrong.astype(np.float)) / len(trainx)

        mlp.eval()
        out = mlp.forward(valx)
        wrong = out.argmax(axis=1) != valy.argmax(axis=1)
        validation_losses[e] = np.mean(mlp.criterion(out, valy))
        validation_errors[e] = np.mean(wrong.astype(np.float))

    mlp.eval()
    out = mlp.forward(testx)
    for predicted, true in zip(out.argmax(axis=1), testy.argmax(axis=1)):
        confusion_matrix[predicted, true] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
