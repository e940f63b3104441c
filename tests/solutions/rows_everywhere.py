"""A correct solution in which every vector is a row of shape (1, d), by keepdims."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(size=(d0, d1))


def zeros_bias_init(d):
    return np.zeros((1, d))


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
        positive = x >= 0
        e = np.exp(-np.abs(x))
        self.state = np.where(positive, 1 / (1 + e), e / (1 + e))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - np.square(self.state)


class ReLU(Activation):
    def forward(self, x):
        self.state = (np.abs(x) + x) / 2
        return self.state

    def derivative(self):
        return (self.state > 0).astype(float)


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
        super().__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        shift = np.max(x, axis=1, keepdims=True)
        log_sum = shift + np.log(np.sum(np.exp(x - shift), axis=1, keepdims=True))
        log_probabilities = x - log_sum
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
            self.norm = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
        else:
            self.mean = np.mean(x, axis=0, keepdims=True)
            self.var = np.var(x, axis=0, keepdims=True)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
            self.norm = (x - self.mean) / np.sqrt(self.var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = delta.shape[0]
        self.dbeta = np.sum(delta, axis=0, keepdims=True)
        self.dgamma = np.sum(delta * self.norm, axis=0, keepdims=True)
        dnorm = delta * self.gamma
        std = np.sqrt(self.var + self.eps)
        dvar = np.sum(dnorm * (self.x - self.mean), axis=0, keepdims=True) / (-2 * std ** 3)
        dmean = np.sum(dnorm, axis=0, keepdims=True) / -std
        return dnorm / std + dvar * (2 / m) * (self.x - self.mean) + dmean / m


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
        layer_sizes = [input_size] + list(hiddens) + [output_size]
        self.W = []
        self.dW = []
        self.b = []
        self.db = []
        self.v_W = []
        self.v_b = []
        for rows, columns in zip(layer_sizes, layer_sizes[1:]):
            self.W.append(weight_init_fn(rows, columns))
            self.dW.append(np.zeros((rows, columns)))
            self.v_W.append(np.zeros((rows, columns)))
        for columns in layer_sizes[1:]:
            self.b.append(bias_init_fn(columns).reshape(1, columns))
            self.db.append(np.zeros((1, columns)))
            self.v_b.append(np.zeros((1, columns)))
        self.bn_layers = []
        if self.bn:
            for size in layer_sizes[1:num_bn_layers + 1]:
                self.bn_layers.append(BatchNorm(size))

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.x = x
        a = x
        for i in range(self.nlayers):
            z = np.dot(a, self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=(not self.train_mode))
            a = self.activations[i](z)
        return a

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros_like(self.W[i])
            self.db[i] = np.zeros_like(self.b[i])
        for layer in self.bn_layers:
            layer.dgamma = np.zeros_like(layer.gamma)
            layer.dbeta = np.zeros_like(layer.beta)

    def step(self):
        for i in range(self.nlayers):
            self.v_W[i] = self.momentum * self.v_W[i] + self.lr * self.dW[i]
            self.v_b[i] = self.momentum * self.v_b[i] + self.lr * self.db[i]
            self.W[i] = self.W[i] - self.v_W[i]
            self.b[i] = self.b[i] - self.v_b[i]
        for layer in self.bn_layers:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        m = labels.shape[0]
        output = self.activations[-1].state
        self.criterion(output, labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            if i > 0:
                below = self.activations[i - 1].state
            else:
                below = self.x
            self.dW[i] = np.dot(below.T, delta) / m
            self.db[i] = np.mean(delta, axis=0, keepdims=True)
            delta = np.dot(delta, self.W[i].T)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    m = trainx.shape[0]
    idxs = np.arange(m)

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        for b in range(0, m, batch_size):
            x = trainx[idxs[b:b + batch_size], :]
            y = trainy[idxs[b:b + batch_size], :]
            mlp.zero_grads()
            out = mlp.forward(x)
            mlp.backward(y)
            mlp.step()
            training_losses[e] += np.sum(mlp.criterion.loss) / m
            wrong = np.argmax(out, axis=1) != np.argmax(y, axis=1)
            training_errors[e] += np.sum(wrong) / m

        mlp.eval()
        for b in range(0, valx.shape[0], batch_size):
            x = valx[b:b + batch_size, :]
            y = valy[b:b + batch_size, :]
            out = mlp.forward(x)
            validation_losses[e] += np.sum(mlp.criterion(out, y)) / valx.shape[0]
            wrong = np.argmax(out, axis=1) != np.argmax(y, axis=1)
            validation_errors[e] += np.sum(wrong) / valx.shape[0]

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int64)
    predicted = np.argmax(mlp.forward(testx), axis=1)
    true = np.argmax(testy, axis=1)
    for i in range(mlp.output_size):
        for j in range(mlp.output_size):
            confusion_matrix[i, j] = np.sum((predicted == i) & (true == j))
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
