"""The style of loops: one example, one unit, one product at a time; NumPy only holds the numbers."""

import math
import random

import numpy as np


def random_normal_weight_init(d0, d1):
    W = np.zeros((d0, d1))
    for i in range(d0):
        for j in range(d1):
            W[i, j] = np.random.normal()
    return W


def zeros_bias_init(d):
    return np.array([0.0] * d)


def sigmoid(x):
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


def every(f, x):
    out = np.zeros(x.shape)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = f(x[i, j])
    return out


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, x):
        self.state = every(sigmoid, x)
        return self.state

    def derivative(self):
        return every(lambda s: s * (1 - s), self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = every(math.tanh, x)
        return self.state

    def derivative(self):
        return every(lambda s: 1 - s * s, self.state)


class ReLU(Activation):
    def forward(self, x):
        self.state = every(lambda v: v if v > 0 else 0.0, x)
        return self.state

    def derivative(self):
        return every(lambda s: 1.0 if s > 0 else 0.0, self.state)


class Criterion(object):
    def __init__(self):
        self.logits = None
        self.labels = None
        self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        super(SoftmaxCrossEntropy, self).__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits, self.labels = x, y
        self.sm = np.zeros(x.shape)
        self.loss = np.zeros(len(x))
        for i in range(len(x)):
            largest = max(x[i])
            total = 0.0
            for v in x[i]:
                total += math.exp(v - largest)
            for j in range(len(x[i])):
                log_sm = x[i, j] - largest - math.log(total)
                self.sm[i, j] = math.exp(log_sm)
                self.loss[i] -= y[i, j] * log_sm
        return self.loss

    def derivative(self):
        dlogits = np.zeros(self.sm.shape)
        for i in range(len(dlogits)):
            for j in range(len(dlogits[i])):
                dlogits[i, j] = self.sm[i, j] - self.labels[i, j]
        return dlogits


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x = self.norm = self.out = None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        m, d = x.shape
        self.x, self.norm, self.out = x, np.zeros((m, d)), np.zeros((m, d))
        if not eval:
            self.mean, self.var = np.zeros(d), np.zeros(d)
        for j in range(d):
            if eval:
                mean, var = self.running_mean[0, j], self.running_var[0, j]
            else:
                mean = sum(x[i, j] for i in range(m)) / m
                var = sum((x[i, j] - mean) ** 2 for i in range(m)) / m
                self.mean[j], self.var[j] = mean, var
                self.running_mean[0, j] = self.alpha * self.running_mean[0, j] + (1 - self.alpha) * mean
                self.running_var[0, j] = self.alpha * self.running_var[0, j] + (1 - self.alpha) * var
            for i in range(m):
                self.norm[i, j] = (x[i, j] - mean) / math.sqrt(var + self.eps)
                self.out[i, j] = self.gamma[0, j] * self.norm[i, j] + self.beta[0, j]
        return self.out

    def backward(self, delta):
        m, d = delta.shape
        self.dgamma, self.dbeta, dx = np.zeros(d), np.zeros(d), np.zeros((m, d))
        for j in range(d):
            for i in range(m):
                self.dbeta[j] += delta[i, j]
                self.dgamma[j] += delta[i, j] * self.norm[i, j]
            for i in range(m):
                inner = delta[i, j] - self.dbeta[j] / m - self.norm[i, j] * self.dgamma[j] / m
                dx[i, j] = self.gamma[0, j] * inner / math.sqrt(self.var[j] + self.eps)
        return dx


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.train_mode = True
        self.num_bn_layers = num_bn_layers
        self.bn = num_bn_layers > 0
        self.nlayers = len(hiddens) + 1
        self.input_size, self.output_size = input_size, output_size
        self.activations, self.criterion = activations, criterion
        self.lr, self.momentum = lr, momentum
        self.W, self.b, self.vW, self.vb = [], [], [], []
        width = input_size
        for d in hiddens:
            self.W.append(weight_init_fn(width, d))
            width = d
        self.W.append(weight_init_fn(width, output_size))
        for W in self.W:
            self.b.append(bias_init_fn(W.shape[1]))
            self.vW.append(np.zeros(W.shape))
            self.vb.append(np.zeros(W.shape[1]))
        self.bn_layers = [BatchNorm(hiddens[i]) for i in range(num_bn_layers)] if self.bn else None
        self.zero_grads()

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(W.shape[1]) for W in self.W]

    def forward(self, x):
        self.inputs = []
        for k in range(self.nlayers):
            self.inputs.append(x)
            bias = self.b[k].ravel()
            z = np.zeros((len(x), len(bias)))
            columns = self.W[k].T.tolist()
            for i, row in enumerate(x.tolist()):
                for j, column in enumerate(columns):
                    z[i, j] = sum(u * w for u, w in zip(row, column)) + bias[j]
            if k < self.num_bn_layers:
                z = self.bn_layers[k](z, not self.train_mode)
            x = self.activations[k](z)
        self.output = x
        return x

    def backward(self, labels):
        self.criterion(self.output, labels)
        delta = self.criterion.derivative()
        m = len(labels)
        for k in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[k].derivative()
            if k < self.num_bn_layers:
                delta = self.bn_layers[k].backward(delta)
            x, W = self.inputs[k].T.tolist(), self.W[k].tolist()
            columns, rows = delta.T.tolist(), delta.tolist()
            for j, column in enumerate(columns):
                self.db[k][j] = sum(column) / m
                for i, values in enumerate(x):
                    self.dW[k][i, j] = sum(u * v for u, v in zip(values, column)) / m
            delta = np.array([[sum(u * w for u, w in zip(row, weights)) for weights in W] for row in rows])

    def step(self):
        for k in range(self.nlayers):
            flat = self.b[k].reshape(-1)
            for j in range(self.W[k].shape[1]):
                for i in range(self.W[k].shape[0]):
                    self.vW[k][i, j] = self.momentum * self.vW[k][i, j] - self.lr * self.dW[k][i, j]
                    self.W[k][i, j] += self.vW[k][i, j]
                self.vb[k][j] = self.momentum * self.vb[k][j] - self.lr * self.db[k][j]
                flat[j] += self.vb[k][j]
        for layer in self.bn_layers or []:
            for j in range(layer.gamma.shape[1]):
                layer.gamma[0, j] -= self.lr * layer.dgamma[j]
                layer.beta[0, j] -= self.lr * layer.dbeta[j]


def largest(row):
    best = 0
    for j in range(len(row)):
        if row[j] > row[best]:
            best = j
    return best


def evaluate(mlp, x, y):
    mlp.eval()
    loss, wrong = 0.0, 0
    matrix = np.zeros((y.shape[1], y.shape[1]), dtype=int)
    for i in range(len(x)):
        output = mlp.forward(x[i:i + 1])
        loss += mlp.criterion(output, y[i:i + 1])[0]
        predicted, true = largest(output[0]), largest(y[i])
        wrong += predicted != true
        matrix[predicted, true] += 1
    return loss / len(x), wrong / len(x), matrix


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    training_losses, training_errors = np.zeros(nepochs), np.zeros(nepochs)
    validation_losses, validation_errors = np.zeros(nepochs), np.zeros(nepochs)
    order = list(range(len(trainx)))
    for e in range(nepochs):
        mlp.train()
        random.shuffle(order)
        for b in range(0, len(order), batch_size):
            rows = order[b:b + batch_size]
            mlp.zero_grads()
            output = mlp.forward(trainx[rows])
            mlp.backward(trainy[rows])
            mlp.step()
            for i in range(len(rows)):
                training_losses[e] += mlp.criterion.loss[i] / len(order)
                if largest(output[i]) != largest(trainy[rows[i]]):
                    training_errors[e] += 1 / len(order)
        validation_losses[e], validation_errors[e], _ = evaluate(mlp, valx, valy)
    confusion_matrix = evaluate(mlp, testx, testy)[2]
    return training_losses, training_errors, validation_losses, validation_errors, confusion_matrix
