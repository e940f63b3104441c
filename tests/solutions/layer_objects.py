"""A correct solution that composes the network of layer objects.

A Linear layer works on its entries of the network's lists W, b, dW and db. A Layer is a
Linear layer, a BatchNorm or none, and an activation.
"""

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
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(x, 0)
        return self.state

    def derivative(self):
        return (self.state > 0) * 1.0


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


class LogSoftmax(object):
    def forward(self, x):
        shifted = x - np.max(x, axis=1, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        super().__init__()
        self.log_softmax = LogSoftmax()
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        log_probabilities = self.log_softmax.forward(x)
        self.sm = np.exp(log_probabilities)
        self.loss = -np.sum(y * log_probabilities, axis=1)
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
            self.measure(x)
            mean = self.mean
            var = self.var
        self.std = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.std
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def measure(self, x):
        self.mean = np.mean(x, axis=0)
        self.var = np.var(x, axis=0)
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var

    def backward(self, delta):
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        dnorm = delta * self.gamma
        return self.remove_mean(dnorm - self.norm * np.mean(dnorm * self.norm, axis=0)) / self.std

    def remove_mean(self, a):
        return a - np.mean(a, axis=0)


class Linear(object):
    def __init__(self, mlp, i):
        self.mlp = mlp
        self.i = i
        self.velocity_W = 0.0
        self.velocity_b = 0.0

    def forward(self, x):
        self.x = x
        return np.dot(x, self.mlp.W[self.i]) + self.mlp.b[self.i]

    def backward(self, delta):
        m = len(delta)
        self.mlp.dW[self.i] = np.dot(self.x.T, delta) / m
        self.mlp.db[self.i] = np.sum(delta, axis=0) / m
        return np.dot(delta, self.mlp.W[self.i].T)

    def zero_grads(self):
        self.mlp.dW[self.i] = np.zeros_like(self.mlp.W[self.i])
        self.mlp.db[self.i] = np.zeros_like(self.mlp.b[self.i])

    def step(self, lr, momentum):
        self.velocity_W = momentum * self.velocity_W - lr * self.mlp.dW[self.i]
        self.velocity_b = momentum * self.velocity_b - lr * self.mlp.db[self.i]
        self.mlp.W[self.i] = self.mlp.W[self.i] + self.velocity_W
        self.mlp.b[self.i] = self.mlp.b[self.i] + self.velocity_b


class Layer(object):
    def __init__(self, linear, batchnorm, activation):
        self.linear = linear
        self.batchnorm = batchnorm
        self.activation = activation

    def forward(self, x, train_mode):
        z = self.linear.forward(x)
        if self.batchnorm:
            z = self.batchnorm.forward(z, eval=not train_mode)
        return self.activation.forward(z)

    def backward(self, delta):
        delta = delta * self.activation.derivative()
        if self.batchnorm:
            delta = self.batchnorm.backward(delta)
        return self.linear.backward(delta)

    def step(self, lr, momentum):
        self.linear.step(lr, momentum)
        if self.batchnorm:
            self.batchnorm.gamma = self.batchnorm.gamma - lr * self.batchnorm.dgamma
            self.batchnorm.beta = self.batchnorm.beta - lr * self.batchnorm.dbeta


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
        self.dW = []
        self.b = []
        self.db = []
        self.bn_layers = []
        self.layers = []
        fan_in = input_size
        for i, fan_out in enumerate(hiddens + [output_size]):
            self.W.append(weight_init_fn(fan_in, fan_out))
            self.dW.append(np.zeros((fan_in, fan_out)))
            self.b.append(bias_init_fn(fan_out))
            self.db.append(np.zeros(fan_out))
            batchnorm = None
            if i < num_bn_layers:
                batchnorm = BatchNorm(fan_out)
                self.bn_layers.append(batchnorm)
            self.layers.append(Layer(Linear(self, i), batchnorm, activations[i]))
            fan_in = fan_out

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x, self.train_mode)
        self.out = x
        return x

    def zero_grads(self):
        for layer in self.layers:
            layer.linear.zero_grads()

    def step(self):
        for layer in self.layers:
            layer.step(self.lr, self.momentum)

    def backward(self, labels):
        self.criterion(self.out, labels)
        delta = self.criterion.derivative()
        for layer in reversed(self.layers):
            delta = layer.backward(delta)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


class Average(object):
    def __init__(self):
        self.total = 0.0
        self.count = 0

    def add(self, values):
        self.total += np.sum(values)
        self.count += len(values)

    def value(self):
        return self.total / self.count


def find_mistakes(out, labels):
    return np.argmax(out, axis=1) != np.argmax(labels, axis=1)


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    idxs = np.arange(len(trainx))
    training_losses = []
    training_errors = []
    validation_losses = []
    validation_errors = []

    for e in range(nepochs):
        training_loss = Average()
        training_error = Average()
        mlp.train()
        np.random.shuffle(idxs)
        for start in range(0, len(idxs), batch_size):
            batch = idxs[start:start + batch_size]
            mlp.zero_grads()
            out = mlp(trainx[batch])
            mlp.backward(trainy[batch])
            mlp.step()
            training_loss.add(mlp.criterion.loss)
            training_error.add(find_mistakes(out, trainy[batch]))
        training_losses.append(training_loss.value())
        training_errors.append(training_error.value())

        validation_loss = Average()
        validation_error = Average()
        mlp.eval()
        for start in range(0, len(valx), batch_size):
            out = mlp(valx[start:start + batch_size])
            labels = valy[start:start + batch_size]
            validation_loss.add(mlp.criterion(out, labels))
            validation_error.add(find_mistakes(out, labels))
        validation_losses.append(validation_loss.value())
        validation_errors.append(validation_error.value())

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for predicted, true in zip(mlp(testx).argmax(axis=1), testy.argmax(axis=1)):
        confusion_matrix[predicted, true] += 1
    return (np.array(training_losses), np.array(training_errors),
            np.array(validation_losses), np.array(validation_errors), confusion_matrix)
