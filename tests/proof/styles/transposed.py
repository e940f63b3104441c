"""The style of columns: an example is a column; W is kept as (out, in), b as (out, 1), and shown as asked."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Activation:
    state = None

    def __call__(self, x):
        return self.forward(x)


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
        self.state = np.fmax(x, 0.0)
        return self.state

    def derivative(self):
        return np.ceil(np.tanh(self.state))


class Criterion:
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        self.logits, self.labels = x, y
        shifted = x.T - x.max(axis=1)
        log_sm = shifted - np.log(np.exp(shifted).sum(axis=0))
        self.sm = np.exp(log_sm).T
        self.loss = -(y.T * log_sm).sum(axis=0)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm:
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x = self.norm = self.out = None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            centred, var = x.T - self.running_mean.T, self.running_var.T
        else:
            self.mean, self.var = x.T.mean(axis=1), x.T.var(axis=1)
            centred, var = x.T - self.mean[:, None], self.var[:, None]
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        self.norm = (centred / np.sqrt(var + self.eps)).T
        self.out = (self.gamma.T * self.norm.T + self.beta.T).T
        return self.out

    def backward(self, delta):
        m, norm, delta = len(delta), self.norm.T, delta.T
        self.dgamma, self.dbeta = (delta * norm).sum(axis=1), delta.sum(axis=1)
        inner = delta - self.dbeta[:, None] / m - norm * self.dgamma[:, None] / m
        return (self.gamma.T / np.sqrt(self.var + self.eps)[:, None] * inner).T


def seen_by_row(name):
    return property(lambda self: [entry.T for entry in getattr(self, name)])


class MLP:
    W, dW, b = seen_by_row("A"), seen_by_row("dA"), seen_by_row("c")
    db = property(lambda self: [dc[:, 0] for dc in self.dc])

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(hiddens) + 1
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        self.num_bn_layers, self.bn, self.train_mode = num_bn_layers, num_bn_layers > 0, True
        sizes = [input_size] + hiddens + [output_size]
        self.A = [weight_init_fn(sizes[i], sizes[i + 1]).T for i in range(self.nlayers)]
        self.c = [np.reshape(bias_init_fn(sizes[i + 1]), (-1, 1)) for i in range(self.nlayers)]
        self.vA, self.vc = [np.zeros(A.shape) for A in self.A], [np.zeros(c.shape) for c in self.c]
        self.zero_grads()
        self.bn_layers = [BatchNorm(d) for d in hiddens[:num_bn_layers]] if self.bn else None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dA, self.dc = [np.zeros(A.shape) for A in self.A], [np.zeros(c.shape) for c in self.c]

    def forward(self, x):
        self.columns = [x.T]
        for i in range(self.nlayers):
            z = self.A[i] @ self.columns[i] + self.c[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z.T, eval=not self.train_mode).T
            self.columns.append(self.activations[i](z))
        return self.columns[-1].T

    def backward(self, labels):
        self.criterion(self.columns[-1].T, labels)
        delta = self.criterion.derivative().T
        m = delta.shape[1]
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta.T).T
            self.dA[i] = delta @ self.columns[i].T / m
            self.dc[i] = delta @ np.full((m, 1), 1 / m)
            delta = self.A[i].T @ delta

    def step(self):
        for i in range(self.nlayers):
            self.vA[i] = self.momentum * self.vA[i] - self.lr * self.dA[i]
            self.vc[i] = self.momentum * self.vc[i] - self.lr * self.dc[i]
            self.A[i] = self.A[i] + self.vA[i]
            self.c[i] = self.c[i] + self.vc[i]
        for layer in self.bn_layers or []:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta


def get_training_stats(mlp, dset, nepochs, batch_size):
    """The columns are shuffled; the network is asked for rows, in the order of memory that comes of it."""
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    n = len(trainx)
    stats = np.zeros((4, nepochs))
    for e in range(nepochs):
        order = np.random.permutation(n)
        X, Y = trainx.T[:, order], trainy.T[:, order]
        mlp.train()
        for k in range(0, n, batch_size):
            output = mlp.forward(X[:, k:k + batch_size].T).T
            mlp.zero_grads()
            mlp.backward(Y[:, k:k + batch_size].T)
            mlp.step()
            stats[0, e] += mlp.criterion.loss.sum() / n
            stats[1, e] += (output.argmax(axis=0) != Y[:, k:k + batch_size].argmax(axis=0)).sum() / n
        mlp.eval()
        output = mlp.forward(valx)
        stats[2, e] = mlp.criterion(output, valy).mean()
        stats[3, e] = (output.argmax(axis=1) != valy.argmax(axis=1)).mean()
    predicted = np.eye(mlp.output_size)[mlp.forward(testx).argmax(axis=1)]
    return stats[0], stats[1], stats[2], stats[3], (predicted.T @ testy).astype(int)
