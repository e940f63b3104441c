"""A correct solution with the variance as the mean of the squares minus the squared mean.

All mathematics stands in functions, which take what they need and return what they make;
the classes only keep it.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_softmax(x):
    x = x - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))


def cross_entropy(log_probabilities, y):
    return -np.sum(y * log_probabilities, axis=1)


def linear_forward(x, W, b):
    return np.dot(x, W) + b


def linear_backward(delta, x, W):
    """Return the gradients of x, W and b, the last two of the mean over the batch."""
    m = x.shape[0]
    dx = np.dot(delta, W.T)
    dW = np.dot(x.T, delta) / m
    db = np.sum(delta, axis=0) / m
    return dx, dW, db


def mean_and_variance(x):
    mean = np.mean(x, axis=0)
    variance = np.mean(x ** 2, axis=0) - mean ** 2
    return mean, np.maximum(variance, 0)


def batchnorm_forward(x, mean, var, gamma, beta, eps):
    norm = (x - mean) / np.sqrt(var + eps)
    return norm, gamma * norm + beta


def batchnorm_backward(delta, norm, var, gamma, eps):
    """Return the gradients of x, gamma and beta."""
    m = delta.shape[0]
    dbeta = np.sum(delta, axis=0)
    dgamma = np.sum(delta * norm, axis=0)
    dx = gamma / np.sqrt(var + eps) * (delta - dbeta / m - norm * dgamma / m)
    return dx, dgamma, dbeta


def update_average(old, new, alpha):
    return alpha * old + (1 - alpha) * new


def update_velocity(velocity, gradient, lr, momentum):
    return momentum * velocity - lr * gradient


def classify(out):
    return np.argmax(out, axis=1)


def error_rate(out, y):
    return np.mean(classify(out) != classify(y))


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


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
        self.state = sigmoid(x)
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = 2 * sigmoid(2 * x) - 1
        return self.state

    def derivative(self):
        return 1 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(0, x)
        return self.state

    def derivative(self):
        return np.greater(self.state, 0) + 0.0


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
        log_probabilities = log_softmax(x)
        self.sm = np.exp(log_probabilities)
        self.loss = cross_entropy(log_probabilities, y)
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
            self.norm, self.out = batchnorm_forward(
                x, self.running_mean, self.running_var, self.gamma, self.beta, self.eps)
        else:
            self.mean, self.var = mean_and_variance(x)
            self.running_mean = update_average(self.running_mean, self.mean, self.alpha)
            self.running_var = update_average(self.running_var, self.var, self.alpha)
            self.norm, self.out = batchnorm_forward(
                x, self.mean, self.var, self.gamma, self.beta, self.eps)
        return self.out

    def backward(self, delta):
        dx, self.dgamma, self.dbeta = batchnorm_backward(
            delta, self.norm, self.var, self.gamma, self.eps)
        return dx


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
        dims = [input_size] + hiddens + [output_size]
        self.W = [weight_init_fn(d0, d1) for d0, d1 in zip(dims[:-1], dims[1:])]
        self.dW = [np.zeros_like(W) for W in self.W]
        self.b = [bias_init_fn(d1) for d1 in dims[1:]]
        self.db = [np.zeros_like(b) for b in self.b]
        self.W_velocity = [np.zeros_like(W) for W in self.W]
        self.b_velocity = [np.zeros_like(b) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(dim) for dim in dims[1:1 + num_bn_layers]]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.inputs = []
        for i in range(self.nlayers):
            self.inputs.append(x)
            x = linear_forward(x, self.W[i], self.b[i])
            if i < self.num_bn_layers:
                x = self.bn_layers[i].forward(x, not self.train_mode)
            x = self.activations[i].forward(x)
        self.out = x
        return x

    def zero_grads(self):
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.W_velocity[i] = update_velocity(
                self.W_velocity[i], self.dW[i], self.lr, self.momentum)
            self.b_velocity[i] = update_velocity(
                self.b_velocity[i], self.db[i], self.lr, self.momentum)
            self.W[i] = self.W[i] + self.W_velocity[i]
            self.b[i] = self.b[i] + self.b_velocity[i]
        for i in range(self.num_bn_layers):
            layer = self.bn_layers[i]
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        self.criterion.forward(self.out, labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            delta, self.dW[i], self.db[i] = linear_backward(delta, self.inputs[i], self.W[i])

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def train_batch(mlp, x, y):
    mlp.zero_grads()
    out = mlp.forward(x)
    mlp.backward(y)
    mlp.step()
    return np.mean(mlp.criterion.loss), error_rate(out, y)


def train_epoch(mlp, x, y, idxs, batch_size):
    mlp.train()
    np.random.shuffle(idxs)
    stats = []
    for b in range(0, len(idxs), batch_size):
        batch = idxs[b:b + batch_size]
        stats.append(train_batch(mlp, x[batch], y[batch]))
    return np.mean(stats, axis=0)


def validate(mlp, x, y):
    mlp.eval()
    out = mlp.forward(x)
    return np.mean(mlp.criterion.forward(out, y)), error_rate(out, y)


def count_confusions(mlp, x, y):
    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    np.add.at(confusion_matrix, (classify(mlp.forward(x)), classify(y)), 1)
    return confusion_matrix


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    idxs = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    for e in range(nepochs):
        training_losses[e], training_errors[e] = train_epoch(mlp, trainx, trainy, idxs, batch_size)
        validation_losses[e], validation_errors[e] = validate(mlp, valx, valy)
    confusion_matrix = count_confusions(mlp, testx, testy)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
