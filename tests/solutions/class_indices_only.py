"""A correct solution whose get_training_stats takes labels as class indices only.

Each batch of them is made one-hot for the network; errors compare the indices.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


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
        self.state = 1.0 / (1.0 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1.0 - self.state)


class Tanh(Activation):

    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1.0 - self.state * self.state


class ReLU(Activation):

    def forward(self, x):
        self.state = np.maximum(x, 0.0)
        return self.state

    def derivative(self):
        derivative = np.zeros(self.state.shape)
        derivative[self.state > 0] = 1.0
        return derivative


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
        m = x.shape[0]
        self.logits = x
        self.labels = y
        shift = np.amax(x, axis=1).reshape(m, 1)
        log_sums = shift + np.log(np.sum(np.exp(x - shift), axis=1)).reshape(m, 1)
        self.sm = np.exp(x - log_sums)
        self.classes = np.argmax(y, axis=1)
        self.loss = log_sums.reshape(m) - x[np.arange(m), self.classes]
        return self.loss

    def derivative(self):
        m = self.sm.shape[0]
        derivative = self.sm.copy()
        derivative[np.arange(m), self.classes] -= 1.0
        return derivative


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
        if eval:
            return self.infer(x)
        m = x.shape[0]
        self.x = x
        self.mean = np.sum(x, axis=0) / m
        self.var = np.sum((x - self.mean) ** 2, axis=0) / m
        self.norm = (x - self.mean) / np.sqrt(self.var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        self.running_mean = self.alpha * self.running_mean + (1.0 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1.0 - self.alpha) * self.var
        return self.out

    def infer(self, x):
        # gamma (x - mean) / std + beta as one scale and one shift
        scale = self.gamma / np.sqrt(self.running_var + self.eps)
        shift = self.beta - scale * self.running_mean
        return scale * x + shift

    def backward(self, delta):
        m = delta.shape[0]
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        scale = self.gamma / np.sqrt(self.var + self.eps)
        return scale * (delta - self.dbeta / m - self.norm * self.dgamma / m)


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
        self.W = []
        self.b = []
        fan_in = input_size
        for fan_out in hiddens:
            self.W.append(weight_init_fn(fan_in, fan_out))
            self.b.append(bias_init_fn(fan_out))
            fan_in = fan_out
        self.W.append(weight_init_fn(fan_in, output_size))
        self.b.append(bias_init_fn(output_size))
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.shape) for b in self.b]
        self.last_step_W = [np.zeros(W.shape) for W in self.W]
        self.last_step_b = [np.zeros(b.shape) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(hiddens[i]) for i in range(num_bn_layers)]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.inputs = {}
        for i in range(self.nlayers):
            self.inputs[i] = x
            x = np.dot(x, self.W[i]) + self.b[i]
            if self.bn and i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = self.activations[i](x)
        self.out = x
        return x

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros(self.W[i].shape)
            self.db[i] = np.zeros(self.b[i].shape)

    def step(self):
        for i in range(self.nlayers):
            step_W = self.momentum * self.last_step_W[i] - self.lr * self.dW[i]
            step_b = self.momentum * self.last_step_b[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + step_W
            self.b[i] = self.b[i] + step_b
            self.last_step_W[i] = step_W
            self.last_step_b[i] = step_b
        if self.bn:
            for bn in self.bn_layers:
                bn.gamma = bn.gamma - self.lr * bn.dgamma
                bn.beta = bn.beta - self.lr * bn.dbeta

    def backward(self, labels):
        self.criterion(self.out, labels)
        delta = self.criterion.derivative()
        m = delta.shape[0]
        i = self.nlayers - 1
        while i >= 0:
            delta = delta * self.activations[i].derivative()
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = np.dot(self.inputs[i].T, delta) / m
            self.db[i] = np.sum(delta, axis=0) / m
            delta = np.dot(delta, self.W[i].T)
            i -= 1

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def one_hot(classes, num_classes):
    rows = np.zeros((len(classes), num_classes))
    rows[np.arange(len(classes)), classes] = 1
    return rows


def evaluate(mlp, x, classes):
    mlp.eval()
    logits = mlp.forward(x)
    losses = mlp.criterion.forward(logits, one_hot(classes, mlp.output_size))
    predicted = logits.argmax(axis=1)
    return losses.mean(), np.mean(predicted != classes), predicted


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, train_classes), (valx, val_classes), (testx, test_classes) = dset
    order = np.arange(len(train_classes))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for epoch in range(nepochs):
        mlp.train()
        np.random.shuffle(order)
        sum_of_losses = 0.0
        mistakes = 0
        for start in range(0, len(order), batch_size):
            chosen = order[start:start + batch_size]
            classes = train_classes[chosen]
            mlp.zero_grads()
            logits = mlp.forward(trainx[chosen])
            mlp.backward(one_hot(classes, mlp.output_size))
            mlp.step()
            sum_of_losses += mlp.criterion.loss.sum()
            mistakes += np.sum(logits.argmax(axis=1) != classes)
        training_losses[epoch] = sum_of_losses / len(order)
        training_errors[epoch] = mistakes / len(order)
        loss, error, predicted = evaluate(mlp, valx, val_classes)
        validation_losses[epoch] = loss
        validation_errors[epoch] = error

    loss, error, predicted = evaluate(mlp, testx, test_classes)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for p, t in zip(predicted, test_classes):
        confusion_matrix[p][t] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
