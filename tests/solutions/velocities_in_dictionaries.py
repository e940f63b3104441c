"""A correct solution that keeps its velocities in dictionaries.

An entry is made when step first needs it, under the kind and the number of the layer.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


def zeros_bias_init(d):
    return np.zeros((d,))


class Activation:

    state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.state = self.function(x)
        return self.state

    def function(self, x):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class Identity(Activation):

    def function(self, x):
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):

    def function(self, x):
        return 1 / (1 + np.exp(-x))

    def derivative(self):
        return self.state - self.state ** 2


class Tanh(Activation):

    def function(self, x):
        return np.tanh(x)

    def derivative(self):
        return (1 - self.state) * (1 + self.state)


class ReLU(Activation):

    def function(self, x):
        return np.where(x > 0, x, 0)

    def derivative(self):
        return np.where(self.state > 0, 1.0, 0.0)


class Criterion:

    logits = None
    labels = None
    loss = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class SoftmaxCrossEntropy(Criterion):

    sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        log_sm = x - np.logaddexp.reduce(x, axis=1, keepdims=True)
        self.sm = np.exp(log_sm)
        self.loss = -(y * log_sm).sum(axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm:

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
        if not eval:
            self.mean = x.mean(axis=0)
            self.var = ((x - self.mean) ** 2).mean(axis=0)
            mean_change = self.mean - self.running_mean
            var_change = self.var - self.running_var
            self.running_mean = self.running_mean + (1 - self.alpha) * mean_change
            self.running_var = self.running_var + (1 - self.alpha) * var_change
            self.std = np.sqrt(self.var + self.eps)
            self.norm = (x - self.mean) / self.std
        else:
            self.norm = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma = (delta * self.norm).sum(axis=0)
        self.dbeta = delta.sum(axis=0)
        dnorm = self.gamma * delta
        mean_of_dnorm = dnorm.mean(axis=0)
        mean_of_product = (dnorm * self.norm).mean(axis=0)
        return (dnorm - mean_of_dnorm - self.norm * mean_of_product) / self.std


class MLP:

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
        sizes = [input_size] + list(hiddens) + [output_size]
        layers = range(self.nlayers)
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in layers]
        self.b = [bias_init_fn(sizes[i + 1]) for i in layers]
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]
        self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
        self.velocities = {}
        self.outputs = {}

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.outputs = {0: x}
        for i in range(self.nlayers):
            z = self.outputs[i].dot(self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=not self.train_mode)
            self.outputs[i + 1] = self.activations[i](z)
        return self.outputs[self.nlayers]

    def zero_grads(self):
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.W[i] = self.W[i] + self.next_velocity("W", i, self.dW[i])
            self.b[i] = self.b[i] + self.next_velocity("b", i, self.db[i])
        for layer in self.bn_layers:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def next_velocity(self, kind, i, gradient):
        old = self.velocities.get((kind, i), 0.0)
        new = self.momentum * old - self.lr * gradient
        self.velocities[(kind, i)] = new
        return new

    def backward(self, labels):
        self.criterion(self.outputs[self.nlayers], labels)
        grads = {}
        grads[self.nlayers] = self.criterion.derivative() / len(labels)
        for i in reversed(range(self.nlayers)):
            dz = grads[i + 1] * self.activations[i].derivative()
            if i < self.num_bn_layers:
                # gamma and beta have the gradients of the sum of the losses
                dz = self.bn_layers[i].backward(dz * len(labels)) / len(labels)
            self.dW[i] = self.outputs[i].T.dot(dz)
            self.db[i] = dz.sum(axis=0)
            grads[i] = dz.dot(self.W[i].T)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    stats = {
        "training_losses": np.zeros(nepochs),
        "training_errors": np.zeros(nepochs),
        "validation_losses": np.zeros(nepochs),
        "validation_errors": np.zeros(nepochs),
    }
    idxs = np.arange(len(trainx))
    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        total_loss = 0.0
        mistakes = 0
        for b in range(0, len(idxs), batch_size):
            batch = idxs[b:b + batch_size]
            mlp.zero_grads()
            predictions = mlp(trainx[batch]).argmax(axis=1)
            mlp.backward(trainy[batch])
            mlp.step()
            total_loss += mlp.criterion.loss.sum()
            mistakes += np.count_nonzero(predictions - trainy[batch].argmax(axis=1))
        stats["training_losses"][e] = total_loss / len(idxs)
        stats["training_errors"][e] = mistakes / len(idxs)
        mlp.eval()
        logits = mlp(valx)
        mistakes = np.count_nonzero(logits.argmax(axis=1) - valy.argmax(axis=1))
        stats["validation_losses"][e] = mlp.criterion(logits, valy).mean()
        stats["validation_errors"][e] = mistakes / len(valx)

    mlp.eval()
    counts = {}
    for pair in zip(mlp(testx).argmax(axis=1), testy.argmax(axis=1)):
        counts[pair] = counts.get(pair, 0) + 1
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for predicted, true in counts:
        confusion_matrix[predicted, true] = counts[(predicted, true)]
    return (stats["training_losses"], stats["training_errors"], stats["validation_losses"],
            stats["validation_errors"], confusion_matrix)
