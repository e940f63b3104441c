"""The style of class indices: labels are integers wherever they can be, batches come from generators."""

import collections

import numpy as np

Statistics = collections.namedtuple(
    "Statistics", "training_losses training_errors validation_losses validation_errors confusion_matrix")


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


def one_hot(classes, nclasses):
    y = np.zeros((len(classes), nclasses))
    y[np.arange(len(classes)), classes] = 1
    return y


def indices(y):
    return y.argmax(axis=1) if y.ndim == 2 else y


class Activation:
    state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1


class Sigmoid(Activation):
    def forward(self, x):
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
        return np.where(self.state > 0, 1., 0.)


class Criterion:
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        if y.ndim == 1:
            y = one_hot(y, x.shape[1])
        self.logits, self.labels = x, y
        shifted = x - np.amax(x, axis=1)[:, None]
        log_sm = shifted - np.log(np.exp(shifted).sum(axis=1))[:, None]
        self.sm = np.exp(log_sm)
        self.loss = -np.diag(y @ log_sm.T).copy()
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm:
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
        self.x = x
        mean, var = self.running_mean[0], self.running_var[0]
        if not eval:
            mean, var = self.mean, self.var = np.mean(x, axis=0), np.var(x, axis=0)
            self.running_mean[0] = self.alpha * self.running_mean[0] + (1 - self.alpha) * mean
            self.running_var[0] = self.alpha * self.running_var[0] + (1 - self.alpha) * var
        self.norm = (x - mean) / np.sqrt(var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        self.dgamma, self.dbeta = np.sum(delta * self.norm, axis=0), np.sum(delta, axis=0)
        project = np.eye(m) - 1 / m
        scale = self.gamma[0] / np.sqrt(self.var + self.eps)
        dx = [scale[j] * (project - np.outer(n, n) / m) @ delta[:, j]
              for j, n in enumerate(self.norm.T)]
        return np.array(dx).T


class MLP:
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, num_bn_layers > 0, True
        sizes = [input_size] + hiddens + [output_size]
        self.W, self.b = [], []
        for i in range(self.nlayers):
            self.W.append(weight_init_fn(sizes[i], sizes[i + 1]))
            self.b.append(bias_init_fn(sizes[i + 1]))
        self.dW, self.db = [0. * W for W in self.W], [0. * b for b in self.b]
        self.mW, self.mb = [0. * W for W in self.W], [0. * b for b in self.b]
        self.bn_layers = [BatchNorm(d) for d in hiddens[:num_bn_layers]] if self.bn else None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW, self.db = [0. * W for W in self.W], [0. * b for b in self.b]

    def normalise(self, i, z):
        return self.bn_layers[i](z, not self.train_mode) if i < self.num_bn_layers else z

    def forward(self, x):
        self.states = [x]
        for i, activation in enumerate(self.activations):
            self.states.append(activation(self.normalise(i, self.states[i] @ self.W[i] + self.b[i])))
        return self.states[-1]

    def backward(self, labels):
        self.criterion(self.states[-1], labels)
        delta = self.criterion.derivative()
        for i in range(-1, -self.nlayers - 1, -1):
            delta = delta * self.activations[i].derivative()
            if self.nlayers + i < self.num_bn_layers:
                delta = self.bn_layers[self.nlayers + i].backward(delta)
            self.dW[i] = self.states[i - 1].T @ delta / len(delta)
            self.db[i] = delta.mean(axis=0)
            delta = delta @ self.W[i].T

    def step(self):
        for i in range(self.nlayers):
            self.mW[i] = self.momentum * self.mW[i] - self.lr * self.dW[i]
            self.mb[i] = self.momentum * self.mb[i] - self.lr * self.db[i]
            self.W[i], self.b[i] = self.W[i] + self.mW[i], self.b[i] + self.mb[i]
        for layer in self.bn_layers or []:
            layer.gamma, layer.beta = layer.gamma - self.lr * layer.dgamma, layer.beta - self.lr * layer.dbeta


def batches(x, classes, size):
    for rows in np.array_split(np.random.permutation(len(x)), -(-len(x) // size)):
        yield x[rows], classes[rows]


def training(mlp, x, classes, batch_size):
    mlp.train()
    for batch, truth in batches(x, classes, batch_size):
        mlp.zero_grads()
        output = mlp.forward(batch)
        mlp.backward(truth)
        mlp.step()
        yield from zip(mlp.criterion.loss, output.argmax(axis=1) != truth)


def validation(mlp, x, classes):
    mlp.eval()
    for batch, truth in batches(x, classes, 3):
        output = mlp.forward(batch)
        yield from zip(mlp.criterion(output, truth), output.argmax(axis=1) != truth)


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, (testx, truth) = [(x, indices(y)) for x, y in dset]
    stats = np.empty((4, nepochs))
    for epoch in range(nepochs):
        stats[:2, epoch] = np.mean(list(training(mlp, *train, batch_size)), axis=0)
        stats[2:, epoch] = np.mean(list(validation(mlp, *val)), axis=0)
    counts = collections.Counter(zip(mlp.forward(testx).argmax(axis=1), truth))
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for pair, count in counts.items():
        confusion_matrix[pair] = count
    return Statistics(*stats, confusion_matrix)
