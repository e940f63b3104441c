r"""The style of PyTorch: Parameters with data and grad, SGD with buffers: buf = \mu buf + d; p -= lr buf."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(size=(d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Parameter:
    def __init__(self, data):
        self.data, self.grad = np.array(data, dtype=np.float64), None


class Module:
    training = True

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)


class Activation(Module):
    def __init__(self):
        self.state = None


class Identity(Activation):
    def forward(self, input):
        self.state = input
        return input

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, input):
        positive, exps = input >= 0, np.exp(-np.abs(input))
        self.state = np.where(positive, 1, exps) / (1 + exps)
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, input):
        self.state = np.tanh(input)
        return self.state

    def derivative(self):
        return 1 - self.state * self.state


class ReLU(Activation):
    def forward(self, input):
        self.state = (np.abs(input) + input) / 2
        return self.state

    def derivative(self):
        return (self.state > 0).astype(np.float64)


class Criterion(Module):
    def __init__(self):
        self.logits = self.labels = self.loss = None


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, input, target):
        self.logits, self.labels = input, target
        shifted = input - input.max(1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        self.sm = np.exp(log_softmax)
        self.loss = -(target * log_softmax).sum(1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm(Module):
    def __init__(self, fan_in, alpha=0.9):
        self.weight, self.bias = Parameter(np.ones((1, fan_in))), Parameter(np.zeros((1, fan_in)))
        self.weight.grad, self.bias.grad = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.alpha, self.eps = alpha, 1e-8
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.x = self.norm = self.out = None

    gamma = property(lambda self: self.weight.data, lambda self, value: setattr(self.weight, "data", value))
    beta = property(lambda self: self.bias.data, lambda self, value: setattr(self.bias, "data", value))
    dgamma = property(lambda self: self.weight.grad)
    dbeta = property(lambda self: self.bias.grad)

    def forward(self, input, eval=False):
        if eval:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = self.mean, self.var = input.mean(0), input.var(0)
            momentum = 1 - self.alpha
            self.running_mean = (1 - momentum) * self.running_mean + momentum * mean
            self.running_var = (1 - momentum) * self.running_var + momentum * var
        self.x = input
        self.rstd = 1 / np.sqrt(var + self.eps)
        self.norm = (input - mean) * self.rstd
        self.out = self.norm * self.weight.data + self.bias.data
        return self.out

    def backward(self, grad_output):
        self.weight.grad = (grad_output * self.norm).sum(0)
        self.bias.grad = grad_output.sum(0)
        g = grad_output * self.weight.data
        return self.rstd * (g - g.mean(0) - self.norm * (g * self.norm).mean(0))


class SGD:
    def __init__(self, groups):
        self.groups = groups
        self.buffers = {}

    def zero_grad(self):
        for params, _ in self.groups:
            for p in params:
                p.grad = np.zeros_like(p.data)

    def step(self, lr):
        for params, momentum in self.groups:
            for p in params:
                buf = self.buffers.get(id(p))
                buf = p.grad if buf is None else momentum * buf + p.grad
                self.buffers[id(p)] = buf
                p.data = p.data - lr * buf


class MLP(Module):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.train_mode = True
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn = num_bn_layers, num_bn_layers > 0
        sizes = [input_size, *hiddens, output_size]
        self.weights = [Parameter(weight_init_fn(sizes[i], sizes[i + 1])) for i in range(self.nlayers)]
        self.biases = [Parameter(bias_init_fn(sizes[i + 1])) for i in range(self.nlayers)]
        self.bn_layers = [BatchNorm(size) for size in hiddens[:num_bn_layers]] if self.bn else None
        affine = [p for layer in self.bn_layers or [] for p in (layer.weight, layer.bias)]
        self.optimizer = SGD([(self.weights + self.biases, momentum), (affine, 0.0)])
        self.optimizer.zero_grad()

    @property
    def W(self):
        return tuple(p.data for p in self.weights)

    @property
    def b(self):
        return tuple(p.data for p in self.biases)

    @property
    def dW(self):
        return tuple(p.grad for p in self.weights)

    @property
    def db(self):
        return tuple(p.grad for p in self.biases)

    def train(self, mode=True):
        self.train_mode = mode
        return self

    def eval(self):
        return self.train(False)

    def zero_grads(self):
        self.optimizer.zero_grad()

    def step(self):
        self.optimizer.step(self.lr)

    def forward(self, input):
        self.saved = []
        for i, activation in enumerate(self.activations):
            self.saved.append(input)
            input = input @ self.weights[i].data + self.biases[i].data
            if i < self.num_bn_layers:
                input = self.bn_layers[i](input, eval=not self.train_mode)
            input = activation(input)
        self.saved.append(input)
        return input

    def backward(self, labels):
        self.criterion(self.saved[-1], labels)
        grad = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            grad = grad * self.activations[i].derivative()
            if i < self.num_bn_layers:
                grad = self.bn_layers[i].backward(grad)
            self.weights[i].grad = self.saved[i].T @ grad / len(grad)
            self.biases[i].grad = grad.mean(0)
            grad = grad @ self.weights[i].data.T


class DataLoader:
    def __init__(self, x, y, batch_size, shuffle=False):
        self.x, self.y, self.batch_size, self.shuffle = x, y, batch_size, shuffle

    def __iter__(self):
        order = np.random.permutation(len(self.x)) if self.shuffle else np.arange(len(self.x))
        for i in range(0, len(order), self.batch_size):
            yield self.x[order[i:i + self.batch_size]], self.y[order[i:i + self.batch_size]]


def run_epoch(model, loader, training):
    model.train(training)
    losses, predictions, targets = [], [], []
    for data, target in loader:
        if training:
            model.zero_grads()
        output = model(data)
        losses.append(model.criterion(output, target))
        predictions.append(output.argmax(1))
        targets.append(target.argmax(1))
        if training:
            model.backward(target)
            model.step()
    predictions, targets = np.concatenate(predictions), np.concatenate(targets)
    return np.concatenate(losses).mean(), (predictions != targets).mean(), predictions, targets


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = [DataLoader(x, y, batch_size, k == 0) for k, (x, y) in enumerate(dset)]
    history = []
    for _ in range(nepochs):
        history.append(run_epoch(mlp, train, True)[:2] + run_epoch(mlp, val, False)[:2])
    _, _, predictions, targets = run_epoch(mlp, test, False)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int32)
    for prediction, target in zip(predictions, targets):
        confusion_matrix[prediction][target] += 1
    curves = [np.array(curve) for curve in zip(*history)]
    return curves + [confusion_matrix]
