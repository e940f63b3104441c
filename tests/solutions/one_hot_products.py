"""A correct solution that uses the one-hot labels as matrices, and class indices nowhere.

Errors and the confusion matrix are sums and products of one-hot rows, so that the matrix
is one of floats.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(loc=0.0, scale=1.0, size=[d0, d1])


def zeros_bias_init(d):
    return np.zeros(shape=(d,), dtype=np.float64)


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
        self.state = np.exp(-np.logaddexp(0, -x))
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
        self.mask = np.greater(x, 0).astype(np.float64)
        self.state = x * self.mask
        return self.state

    def derivative(self):
        return self.mask


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
        Criterion.__init__(self)
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        x = x - np.max(x, axis=1, keepdims=True)
        true_logits = (x * y).sum(axis=1)
        self.loss = np.log(np.exp(x).sum(axis=1)) - true_logits
        self.sm = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
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
        m = x.shape[0]
        self.x = x
        self.average = np.full((1, m), 1.0 / m)
        if eval:
            self.inv_std = np.power(self.running_var + self.eps, -0.5)
            self.norm = (x - self.running_mean) * self.inv_std
        else:
            self.mean = self.average @ x
            self.var = self.average @ (x - self.mean) ** 2
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
            self.inv_std = np.power(self.var + self.eps, -0.5)
            self.norm = (x - self.mean) * self.inv_std
        self.out = self.norm * self.gamma + self.beta
        return self.out

    def backward(self, delta):
        self.dbeta = np.sum(delta, axis=0)
        self.dgamma = np.sum(delta * self.norm, axis=0)
        dx = delta - self.average @ delta - self.norm * (self.average @ (delta * self.norm))
        return self.gamma * self.inv_std * dx


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
        sizes = np.concatenate([[input_size], hiddens, [output_size]]).astype(int)
        self.W = [weight_init_fn(sizes[i - 1], sizes[i]) for i in range(1, len(sizes))]
        self.b = [bias_init_fn(sizes[i]) for i in range(1, len(sizes))]
        self.dW = [0 * W for W in self.W]
        self.db = [0 * b for b in self.b]
        self.velW = [0 * W for W in self.W]
        self.velb = [0 * b for b in self.b]
        # every layer has an entry; those past num_bn_layers stay None
        self.bn_layers = [None] * self.nlayers
        for i in range(num_bn_layers):
            self.bn_layers[i] = BatchNorm(sizes[i + 1])

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.layer_inputs = []
        for W, b, bn, activation in zip(self.W, self.b, self.bn_layers, self.activations):
            self.layer_inputs.append(x)
            x = np.dot(x, W) + b
            if bn is not None:
                x = bn.forward(x, eval=not self.train_mode)
            x = activation.forward(x)
        self.logits = x
        return self.logits

    def zero_grads(self):
        self.dW = [0 * W for W in self.W]
        self.db = [0 * b for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.velW[i] = self.momentum * self.velW[i] - self.lr * self.dW[i]
            self.velb[i] = self.momentum * self.velb[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.velW[i]
            self.b[i] = self.b[i] + self.velb[i]
            layer = self.bn_layers[i]
            if layer is not None:
                layer.gamma = layer.gamma - self.lr * layer.dgamma
                layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        self.criterion(self.logits, labels)
        d_out = self.criterion.derivative()
        average = np.full(len(labels), 1.0 / len(labels))
        for i in range(self.nlayers - 1, -1, -1):
            d_linear = d_out * self.activations[i].derivative()
            if self.bn_layers[i] is not None:
                d_linear = self.bn_layers[i].backward(d_linear)
            self.dW[i] = (self.layer_inputs[i].T * average) @ d_linear
            self.db[i] = average @ d_linear
            d_out = d_linear @ self.W[i].T

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def to_one_hot_predictions(logits):
    return np.eye(logits.shape[1])[logits.argmax(axis=1)]


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    idxs = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        loss = 0.0
        correct = 0.0
        for b in range(0, len(trainx), batch_size):
            x = trainx[idxs[b:b + batch_size]]
            y = trainy[idxs[b:b + batch_size]]
            mlp.zero_grads()
            predictions = to_one_hot_predictions(mlp.forward(x))
            mlp.backward(y)
            mlp.step()
            loss += np.sum(mlp.criterion.loss)
            correct += np.sum(predictions * y)
        training_losses[e] = loss / len(trainx)
        training_errors[e] = 1 - correct / len(trainx)

        mlp.eval()
        logits = mlp.forward(valx)
        correct = np.sum(to_one_hot_predictions(logits) * valy)
        validation_losses[e] = np.mean(mlp.criterion.forward(logits, valy))
        validation_errors[e] = 1 - correct / len(valx)

    mlp.eval()
    confusion_matrix = to_one_hot_predictions(mlp.forward(testx)).T @ testy
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
