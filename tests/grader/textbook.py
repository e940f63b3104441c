"""A plain solution of the homework, with which the checks compare submissions.

mistakes.py and proof/styles.py replace lines of this file: change them together.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, size=(d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Activation:
    state = None

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
        self.state = np.maximum(0, x)
        return self.state

    def derivative(self):
        return np.where(self.state > 0, 1.0, 0.0)


class Criterion:
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def forward(self, x, y):
        self.logits = x
        self.labels = y
        a = np.max(x, axis=1, keepdims=True)
        lse = a + np.log(np.sum(np.exp(x - a), axis=1, keepdims=True))
        self.sm = np.exp(x - lse)
        self.loss = -np.sum(y * (x - lse), axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels

    backward = derivative  # its name in the handout's text


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.x = None
        self.norm = None
        self.out = None
        self.mean = np.zeros((1, fan_in))
        self.var = np.ones((1, fan_in))
        self.gamma = np.ones((1, fan_in))
        self.beta = np.zeros((1, fan_in))
        self.dgamma = np.zeros((1, fan_in))
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
            mean = np.mean(x, axis=0)
            var = np.var(x, axis=0)
            self.mean = mean
            self.var = var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.deviation = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.deviation
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        dnorm = delta * self.gamma
        centred = self.x - self.mean
        dvar = -0.5 * np.sum(dnorm * centred / self.deviation ** 3, axis=0)
        dmean = -np.sum(dnorm / self.deviation, axis=0) - 2 / m * dvar * np.sum(centred, axis=0)
        return dnorm / self.deviation + dvar * (2 / m) * centred + dmean * (1 / m)


class MLP:
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn,
                 criterion, lr, momentum=0.0, num_bn_layers=0):
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
        sizes = [input_size] + hiddens + [output_size]
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]
        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.size) for b in self.b]
        self.vW = [np.zeros(W.shape) for W in self.W]
        self.vb = [np.zeros(b.size) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i].fill(0.0)
            self.db[i].fill(0.0)

    def forward(self, x):
        self.outputs = [x]
        for i in range(self.nlayers):
            z = self.outputs[i] @ self.W[i] + self.b[i]
            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
            z = self.activations[i](z)
            self.outputs.append(z)
        return self.outputs[-1]

    def backward(self, labels):
        self.criterion(self.outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers)[::-1]:
            delta = delta * self.activations[i].derivative()
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = self.outputs[i].T @ delta / len(labels)
            self.db[i] = np.mean(delta, axis=0)
            if i > 0:
                delta = delta @ self.W[i].T

    def step(self):
        for i in range(self.nlayers):
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.W[i] = self.W[i] + self.vW[i]
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.b[i] = self.b[i] + self.vb[i]
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma = layer.gamma - self.lr * layer.dgamma
                layer.beta = layer.beta - self.lr * layer.dbeta


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))
    idxs = np.arange(len(trainx))
    for e in range(nepochs):
        np.random.shuffle(idxs)
        mlp.train()
        for b in range(0, len(trainx), batch_size):
            x = trainx[idxs[b:b + batch_size]]
            y = trainy[idxs[b:b + batch_size]]
            mlp.zero_grads()
            out = mlp.forward(x)
            mlp.backward(y)
            mlp.step()
            training_losses[e] += np.sum(mlp.criterion.loss) / len(trainx)
            training_errors[e] += np.sum(out.argmax(axis=1) != y.argmax(axis=1)) / len(trainx)
        mlp.eval()
        for b in range(0, len(valx), batch_size):
            x = valx[b:b + batch_size]
            y = valy[b:b + batch_size]
            out = mlp.forward(x)
            validation_losses[e] += np.sum(mlp.criterion(out, y)) / len(valx)
            validation_errors[e] += np.sum(out.argmax(axis=1) != y.argmax(axis=1)) / len(valx)
    mlp.eval()
    for b in range(0, len(testx), batch_size):
        out = mlp.forward(testx[b:b + batch_size])
        y = testy[b:b + batch_size]
        for i, j in zip(out.argmax(axis=1), y.argmax(axis=1)):
            confusion_matrix[i, j] += 1
    return training_losses, training_errors, validation_losses, validation_errors, confusion_matrix
