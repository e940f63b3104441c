"""The style of the writeup's text: the criterion has `backward`, no `derivative`; LaTeX is not escaped.

The loss of a batch, of validation too, is what mlp.backward leaves in the criterion; step makes it training.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Activation:
    def __init__(self):
        self.state = None

    def __call__(self, x):
        self.state = self.forward(x)
        return self.state


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return self.state

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, x):
        "\sigma(x) = 1 / (1 + e^{-x})"
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(x, 0)
        return self.state

    def derivative(self):
        return np.minimum(np.ceil(self.state), 1)


class Criterion:
    def __init__(self):
        self.logits, self.labels, self.loss = None, None, None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        super().__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits, self.labels = x, y
        largest = np.max(x, axis=1, keepdims=True)
        exps = np.exp(x - largest)
        self.sm = exps / np.sum(exps, axis=1, keepdims=True)
        self.loss = np.log(np.sum(exps, axis=1)) - np.sum(y * (x - largest), axis=1)
        return self.loss

    def backward(self):
        return self.sm - self.labels


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x, self.norm, self.out = None, None, None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        if eval is 1:
            eval = True
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        "\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}"
        self.x = x
        if eval:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = np.mean(x, axis=0), np.var(x, axis=0)
            self.mean, self.var = mean, var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = (x - mean) / np.sqrt(var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        inner = delta - self.dbeta / m - self.norm * self.dgamma / m
        return self.gamma / np.sqrt(self.var + self.eps) * inner


class MLP:
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, num_bn_layers > 0, True
        sizes = [input_size] + hiddens + [output_size]
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]
        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]
        self.dW, self.db = [None] * self.nlayers, [None] * self.nlayers
        self.vW, self.vb = [0] * self.nlayers, [0] * self.nlayers
        self.bn_layers = [BatchNorm(hiddens[i]) for i in range(num_bn_layers)] if self.bn else None

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
        self.x = x
        for i in range(self.nlayers):
            x = np.dot(x, self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = self.activations[i](x)
        return x

    def backward(self, labels):
        self.criterion(self.activations[-1].state, labels)
        delta = self.criterion.backward()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            below = self.activations[i - 1].state if i > 0 else self.x
            self.dW[i] = np.dot(below.T, delta) / len(labels)
            self.db[i] = np.mean(delta, axis=0)
            delta = np.dot(delta, self.W[i].T)

    def step(self):
        for i in range(self.nlayers):
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.vW[i]
            self.b[i] = self.b[i] + self.vb[i]
        if self.bn:
            for bn in self.bn_layers:
                bn.gamma = bn.gamma - self.lr * bn.dgamma
                bn.beta = bn.beta - self.lr * bn.dbeta


def run(mlp, x, y, batch_size, training):
    """The average loss and error over x, batch by batch."""
    loss, errors = 0, 0
    for i in range(0, len(x), batch_size):
        mlp.zero_grads()
        output = mlp.forward(x[i:i + batch_size])
        mlp.backward(y[i:i + batch_size])
        if training:
            mlp.step()
        loss += mlp.criterion.loss.sum()
        errors += np.sum(output.argmax(axis=1) != y[i:i + batch_size].argmax(axis=1))
    return loss / len(x), errors / len(x)


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    stats = np.zeros((nepochs, 4))
    for e in range(nepochs):
        order = np.random.permutation(len(trainx))
        mlp.train()
        stats[e, :2] = run(mlp, trainx[order], trainy[order], batch_size, True)
        mlp.eval()
        stats[e, 2:] = run(mlp, valx, valy, batch_size, False)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))
    for row, truth in zip(mlp.forward(testx), testy):
        confusion_matrix[row.argmax(), truth.argmax()] += 1
    return (*stats.T, confusion_matrix)
