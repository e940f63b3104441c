"""A correct solution that computes with an example a column, as many textbooks write it.

The network transposes its input and its output: inside, z = W^T a + b for columns a.
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
        self.state = x.clip(min=0)
        return self.state

    def derivative(self):
        return (self.state > 0).astype("float64")


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
        columns = x.T - x.T.max(axis=0)
        log_sums = np.log(np.exp(columns).sum(axis=0))
        log_softmax = columns - log_sums
        self.sm = np.exp(log_softmax).T
        self.loss = -(y.T * log_softmax).sum(axis=0)
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
            mean = x.T.mean(axis=1)
            var = x.T.var(axis=1)
            self.mean = mean
            self.var = var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = (x - mean) / np.sqrt(var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        centered = self.x - self.mean
        inverse = (self.var + self.eps) ** -0.5
        self.dgamma = (delta * self.norm).T.sum(axis=1)
        self.dbeta = delta.T.sum(axis=1)
        dnorm = delta * self.gamma
        dvar = -(dnorm * centered * inverse ** 3).T.sum(axis=1) / 2
        dmean = -(dnorm * inverse).T.sum(axis=1)
        return dnorm * inverse + 2 * dvar * centered / m + dmean / m


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
        sizes = [input_size] + hiddens + [output_size]
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]
        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.shape) for b in self.b]
        self.vW = [np.zeros(W.shape) for W in self.W]
        self.vb = [np.zeros(b.shape) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.columns = [x.T]
        for i in range(self.nlayers):
            z = np.dot(self.W[i].T, self.columns[i]) + self.b[i].reshape(-1, 1)
            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z.T, eval=not self.train_mode).T
            self.columns.append(self.activations[i](z))
        return self.columns[-1].T

    def zero_grads(self):
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.shape) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.vW[i]
            self.b[i] = self.b[i] + self.vb[i]
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma = layer.gamma - self.lr * layer.dgamma
                layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        m = len(labels)
        self.criterion(self.columns[-1].T, labels)
        delta = self.criterion.derivative().T
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta.T).T
            self.dW[i] = np.dot(delta, self.columns[i].T).T / m
            self.db[i] = delta.sum(axis=1).reshape(self.b[i].shape) / m
            delta = np.dot(self.W[i], delta)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    idxs = list(range(len(trainx)))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        for b in range(0, len(idxs), batch_size):
            x = np.array([trainx[n] for n in idxs[b:b + batch_size]])
            y = np.array([trainy[n] for n in idxs[b:b + batch_size]])
            mlp.zero_grads()
            out = mlp(x)
            mlp.backward(y)
            mlp.step()
            training_losses[e] += sum(mlp.criterion.loss)
            training_errors[e] += sum(out.argmax(axis=1) != y.argmax(axis=1))
        training_losses[e] /= len(idxs)
        training_errors[e] /= len(idxs)

        mlp.eval()
        out = mlp(valx)
        validation_losses[e] = sum(mlp.criterion(out, valy)) / len(valx)
        validation_errors[e] = sum(out.argmax(axis=1) != valy.argmax(axis=1)) / len(valx)

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for predicted, true in zip(mlp(testx).argmax(axis=1), testy.argmax(axis=1)):
        confusion_matrix[predicted, true] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
