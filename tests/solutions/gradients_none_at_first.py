"""A correct solution whose gradients and velocities are None until they are first needed.

Each layer's input, linear output and activation are kept together until backward.
"""

import numpy as np


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
        self.state = np.fmax(x, 0)
        return self.state

    def derivative(self):
        return 1.0 * (self.state != 0)


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
        self.sm = None
        maximum = np.max(self.logits, 1)[:, np.newaxis]
        self.log_sm = self.logits - maximum
        self.log_sm = self.log_sm - np.log(np.exp(self.log_sm).sum(1))[:, np.newaxis]
        self.loss = -(self.labels * self.log_sm).sum(1)
        return self.loss

    def derivative(self):
        if self.sm is None:
            self.sm = np.exp(self.log_sm)
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
        self.dgamma = None
        self.beta = np.zeros((1, fan_in))
        self.dbeta = None
        self.running_mean = np.zeros((1, fan_in))
        self.running_var = np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if eval:
            centered = x - self.running_mean
            std = np.sqrt(self.running_var + self.eps)
        else:
            self.x = x
            self.mean = x.mean(axis=0, keepdims=True)
            centered = x - self.mean
            self.var = (centered * centered).mean(axis=0, keepdims=True)
            std = np.sqrt(self.var + self.eps)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        self.norm = centered / std
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        std = np.sqrt(self.var + self.eps)
        centered = self.x - self.mean
        self.dgamma = (delta * self.norm).sum(axis=0)
        self.dbeta = delta.sum(axis=0)
        # through norm = centered * inverse, where inverse = 1 / std and std = sqrt(var + eps)
        dnorm = delta * self.gamma
        dinverse = (dnorm * centered).sum(axis=0)
        dstd = -dinverse / std ** 2
        dvar = 0.5 * dstd / std
        dsquare = dvar / m * np.ones(delta.shape)
        dcentered = dnorm / std + 2 * centered * dsquare
        dmean = -dcentered.sum(axis=0)
        dx = dcentered + dmean / m * np.ones(delta.shape)
        return dx


def random_normal_weight_init(d0, d1):
    return np.random.normal(size=(d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


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
        sizes = [input_size]
        sizes.extend(hiddens)
        sizes.append(output_size)
        self.W = [weight_init_fn(a, b) for a, b in zip(sizes, sizes[1:])]
        self.dW = None
        self.b = [bias_init_fn(size) for size in sizes[1:]]
        self.db = None
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(size) for size in hiddens[:num_bn_layers]]
        self.WV = None
        self.bV = None
        self.memory = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.memory = []
        for i in range(self.nlayers):
            linear = x @ self.W[i] + self.b[i]
            normalized = linear
            if i < self.num_bn_layers:
                normalized = self.bn_layers[i](linear, eval=not self.train_mode)
            activated = self.activations[i](normalized)
            self.memory.append((x, linear, activated))
            x = activated
        return x

    def zero_grads(self):
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]
        for i in range(self.num_bn_layers):
            self.bn_layers[i].dgamma = np.zeros_like(self.bn_layers[i].gamma)
            self.bn_layers[i].dbeta = np.zeros_like(self.bn_layers[i].beta)

    def step(self):
        if self.WV is None:
            self.WV = [np.zeros_like(W) for W in self.W]
            self.bV = [np.zeros_like(b) for b in self.b]
        for i in range(self.nlayers):
            self.WV[i] = self.momentum * self.WV[i] - self.lr * self.dW[i]
            self.bV[i] = self.momentum * self.bV[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.WV[i]
            self.b[i] = self.b[i] + self.bV[i]
        for i in range(self.num_bn_layers):
            layer = self.bn_layers[i]
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        output = self.memory[-1][2]
        self.criterion(output, labels)
        delta = self.criterion.derivative()
        dW = []
        db = []
        for i in range(self.nlayers - 1, -1, -1):
            x, linear, activated = self.memory[i]
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            dW.insert(0, x.T @ delta / len(x))
            db.insert(0, delta.sum(axis=0) / len(x))
            delta = delta @ self.W[i].T
        self.dW = dW
        self.db = db

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def make_batches(x, y, order, batch_size):
    for start in range(0, len(order), batch_size):
        rows = order[start:start + batch_size]
        yield x[rows], y[rows]


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    order = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(order)
        losses = []
        errors = []
        for x, y in make_batches(trainx, trainy, order, batch_size):
            mlp.zero_grads()
            out = mlp(x)
            mlp.backward(y)
            mlp.step()
            losses.append(mlp.criterion.loss)
            errors.append(out.argmax(1) != y.argmax(1))
        training_losses[e] = np.concatenate(losses).mean()
        training_errors[e] = np.concatenate(errors).mean()

        mlp.eval()
        losses = []
        errors = []
        for x, y in make_batches(valx, valy, np.arange(len(valx)), batch_size):
            out = mlp(x)
            losses.append(mlp.criterion(out, y))
            errors.append(out.argmax(1) != y.argmax(1))
        validation_losses[e] = np.concatenate(losses).mean()
        validation_errors[e] = np.concatenate(errors).mean()

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int32)
    for x, y in make_batches(testx, testy, np.arange(len(testx)), batch_size):
        np.add.at(confusion_matrix, (mlp(x).argmax(1), y.argmax(1)), 1)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
