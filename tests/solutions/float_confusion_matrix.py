"""A correct solution with literal sizes: 784 pixels, 10 classes, and a matrix of floats."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(size=(d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


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
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.sinh(x) / np.cosh(x)
        return self.state

    def derivative(self):
        return 1 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.x = x
        self.state = np.maximum(0, x)
        return self.state

    def derivative(self):
        return np.where(self.x > 0, 1.0, 0.0)


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
        biggest = np.tile(np.max(x, axis=1), (10, 1)).T
        exps = np.exp(x - biggest)
        sums = np.tile(np.sum(exps, axis=1), (10, 1)).T
        self.sm = exps / sums
        log_sm = x - biggest - np.log(sums)
        self.loss = -np.dot(y * log_sm, np.ones(10))
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
        self.var = np.ones((1, fan_in))
        self.mean = np.zeros((1, fan_in))
        self.gamma = np.ones((1, fan_in))
        self.dgamma = np.zeros((1, fan_in))
        self.beta = np.zeros((1, fan_in))
        self.dbeta = np.zeros((1, fan_in))
        self.running_mean = np.zeros((1, fan_in))
        self.running_var = np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            mean = self.running_mean
            var = self.running_var
        else:
            mean = x.mean(0)
            var = x.var(0)
            self.mean = mean
            self.var = var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = (x - mean) / np.sqrt(var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = delta.shape[0]
        self.dbeta = delta.sum(0)
        self.dgamma = (delta * self.norm).sum(0)
        dnorm = delta * self.gamma
        dx = m * dnorm - dnorm.sum(0) - self.norm * (dnorm * self.norm).sum(0)
        return dx / (m * np.sqrt(self.var + self.eps))


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
        self.W = [None] * self.nlayers
        self.dW = [None] * self.nlayers
        self.b = [None] * self.nlayers
        self.db = [None] * self.nlayers
        self.VW = [0.0] * self.nlayers
        self.Vb = [0.0] * self.nlayers
        for i in range(self.nlayers):
            rows = input_size if i == 0 else hiddens[i - 1]
            columns = output_size if i == self.nlayers - 1 else hiddens[i]
            self.W[i] = weight_init_fn(rows, columns)
            self.b[i] = bias_init_fn(columns)
            self.dW[i] = np.zeros((rows, columns))
            self.db[i] = np.zeros(columns)
        if self.bn:
            self.bn_layers = [BatchNorm(hiddens[i]) for i in range(num_bn_layers)]
        else:
            self.bn_layers = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.input = x
        for i in range(self.nlayers):
            x = x.dot(self.W[i]) + self.b[i]
            if self.bn and i < self.num_bn_layers:
                x = self.bn_layers[i](x, not self.train_mode)
            x = self.activations[i](x)
        return x

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros_like(self.dW[i])
            self.db[i] = np.zeros_like(self.db[i])

    def step(self):
        for i in range(self.nlayers):
            self.VW[i] = self.momentum * self.VW[i] - self.lr * self.dW[i]
            self.W[i] = self.W[i] + self.VW[i]
            self.Vb[i] = self.momentum * self.Vb[i] - self.lr * self.db[i]
            self.b[i] = self.b[i] + self.Vb[i]
        if self.bn:
            for bn in self.bn_layers:
                bn.gamma = bn.gamma - self.lr * bn.dgamma
                bn.beta = bn.beta - self.lr * bn.dbeta

    def backward(self, labels):
        m = labels.shape[0]
        self.criterion(self.activations[-1].state, labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            if i == 0:
                self.dW[i] = self.input.T.dot(delta) / m
            else:
                self.dW[i] = self.activations[i - 1].state.T.dot(delta) / m
            self.db[i] = delta.mean(0)
            delta = delta.dot(self.W[i].T)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    trainx = trainx.reshape(-1, 784)
    valx = valx.reshape(-1, 784)
    testx = testx.reshape(-1, 784)
    trainy = trainy.reshape(-1, 10)
    valy = valy.reshape(-1, 10)
    testy = testy.reshape(-1, 10)
    idxs = np.arange(len(trainx))

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    confusion_matrix = np.zeros((10, 10))

    for e in range(nepochs):
        np.random.shuffle(idxs)
        mlp.train()
        batch = 0
        while batch * batch_size < len(trainx):
            x = np.zeros((batch_size, 784))
            y = np.zeros((batch_size, 10))
            for k in range(batch_size):
                x[k] = trainx[idxs[batch * batch_size + k]]
                y[k] = trainy[idxs[batch * batch_size + k]]
            mlp.zero_grads()
            out = mlp(x)
            mlp.backward(y)
            mlp.step()
            training_losses[e] += mlp.criterion.loss.sum()
            training_errors[e] += (out.argmax(1) != y.argmax(1)).sum()
            batch += 1
        training_losses[e] /= len(trainx)
        training_errors[e] /= len(trainx)

        mlp.eval()
        out = mlp(valx)
        validation_losses[e] = mlp.criterion(out, valy).mean()
        validation_errors[e] = (out.argmax(1) != valy.argmax(1)).mean()

    mlp.eval()
    out = mlp(testx)
    for i in range(len(testx)):
        confusion_matrix[out[i].argmax(), testy[i].argmax()] += 1.0
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
