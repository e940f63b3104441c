"""The style of objects: a Linear owns its W, b, gradients and velocities; MLP's lists are read from them."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


def zeros_bias_init(d):
    return np.zeros(d)


class Activation:
    def __init__(self):
        self.state = None

    def __call__(self, x):
        self.state = self.apply(x)
        return self.state

    def forward(self, x):
        return self(x)

    def derivative(self):
        return self.slope(self.state)


class Identity(Activation):
    def apply(self, x):
        return x

    def slope(self, state):
        return 1.0


class Sigmoid(Activation):
    def apply(self, x):
        return 0.5 + 0.5 * np.tanh(0.5 * x)

    def slope(self, state):
        return state - state ** 2


class Tanh(Activation):
    def apply(self, x):
        return np.tanh(x)

    def slope(self, state):
        return 1.0 - state ** 2


class ReLU(Activation):
    def apply(self, x):
        return x.clip(min=0)

    def slope(self, state):
        return np.sign(state)


class Criterion:
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        self.logits, self.labels = x, y
        log_sm = x - x.max(axis=1, keepdims=True)
        log_sm = log_sm - np.log(np.exp(log_sm).sum(axis=1, keepdims=True))
        self.sm = np.exp(log_sm)
        self.loss = -(y * log_sm).sum(axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels

    backward = derivative


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x = self.norm = self.out = None
        for name in ("mean", "beta", "dbeta", "dgamma", "running_mean"):
            setattr(self, name, np.zeros((1, fan_in)))
        for name in ("var", "gamma", "running_var"):
            setattr(self, name, np.ones((1, fan_in)))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            mean, var = self.running_mean, self.running_var
        else:
            mean, var = self.mean, self.var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = (x - mean) / np.sqrt(var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma, self.dbeta = (delta * self.norm).sum(axis=0), delta.sum(axis=0)
        dnorm = delta * self.gamma
        along = (dnorm * self.norm).mean(axis=0) * self.norm
        return (dnorm - dnorm.mean(axis=0) - along) / np.sqrt(self.var + self.eps)

    def zero_grads(self):
        self.dgamma, self.dbeta = np.zeros_like(self.dgamma), np.zeros_like(self.dbeta)

    def step(self, lr, momentum):
        self.gamma = self.gamma - lr * self.dgamma
        self.beta = self.beta - lr * self.dbeta


class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)
        self.vW, self.vb = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta / len(delta)
        self.db = delta.mean(axis=0)
        return delta @ self.W.T

    def zero_grads(self):
        self.dW, self.db = np.zeros_like(self.dW), np.zeros_like(self.db)

    def step(self, lr, momentum):
        self.vW = momentum * self.vW - lr * self.dW
        self.vb = momentum * self.vb - lr * self.db
        self.W, self.b = self.W + self.vW, self.b + self.vb


def of_linears(name):
    return property(lambda self: [getattr(layer, name) for layer in self.linears])


class MLP:
    W, b, dW, db = map(of_linears, ("W", "b", "dW", "db"))

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, num_bn_layers > 0, True
        sizes = [input_size, *hiddens, output_size]
        self.linears = [Linear(weight_init_fn(d, e), bias_init_fn(e)) for d, e in zip(sizes, sizes[1:])]
        self.bn_layers = [BatchNorm(d) for d in hiddens[:num_bn_layers]] or None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def trainable(self):
        return self.linears + (self.bn_layers or [])

    def zero_grads(self):
        for layer in self.trainable():
            layer.zero_grads()

    def step(self):
        for layer in self.trainable():
            layer.step(self.lr, self.momentum)

    def forward(self, x):
        for i, (linear, activation) in enumerate(zip(self.linears, self.activations)):
            x = linear.forward(x)
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = activation(x)
        self.logits = x
        return x

    def backward(self, labels):
        self.criterion(self.logits, labels)
        delta = self.criterion.derivative()
        for i, (linear, activation) in reversed(list(enumerate(zip(self.linears, self.activations)))):
            delta = delta * activation.derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            delta = linear.backward(delta)


class Meter:
    """Adds up losses and mistakes over the batches of an epoch."""

    def __init__(self):
        self.n = self.loss = self.mistakes = 0

    def add(self, criterion, output, labels):
        self.n += len(labels)
        self.loss += criterion.loss.sum()
        self.mistakes += (output.argmax(axis=1) != labels.argmax(axis=1)).sum()

    def averages(self):
        return self.loss / self.n, self.mistakes / self.n


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    rows = []
    for _ in range(nepochs):
        training, validation = Meter(), Meter()
        order = np.random.permutation(len(trainx))
        mlp.train()
        for k in range(0, len(order), batch_size):
            x, y = trainx[order[k:k + batch_size]], trainy[order[k:k + batch_size]]
            output = mlp(x)
            mlp.backward(y)
            training.add(mlp.criterion, output, y)
            mlp.step()
            mlp.zero_grads()
        mlp.eval()
        output = mlp(valx)
        mlp.criterion(output, valy)
        validation.add(mlp.criterion, output, valy)
        rows.append(training.averages() + validation.averages())
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int64)
    np.add.at(confusion_matrix, (mlp(testx).argmax(axis=1), testy.argmax(axis=1)), 1)
    return tuple(np.array(rows).T) + (confusion_matrix,)
