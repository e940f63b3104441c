"""The style of accumulation: backward adds to the gradients, and zero_grads alone clears them."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(size=d0 * d1).reshape(d0, d1)


def zeros_bias_init(d):
    return np.zeros((d,))


class Activation(object):
    state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return self.state

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def forward(self, x):
        self.state = np.reciprocal(1 + np.exp(-x))
        return self.state

    def derivative(self):
        return np.multiply(self.state, np.subtract(1, self.state))


class Tanh(Activation):
    def forward(self, x):
        self.state = 2 / (1 + np.exp(-2 * x)) - 1
        return self.state

    def derivative(self):
        return (1 + self.state) * (1 - self.state)


class ReLU(Activation):
    def forward(self, x):
        self.state = x * (x > 0)
        return self.state

    def derivative(self):
        slope = np.zeros(self.state.shape)
        slope[self.state > 0] = 1
        return slope


class Criterion(object):
    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        self.logits, self.labels = x, y
        lse = np.logaddexp.reduce(x, axis=1)
        self.sm = np.exp(x - lse[:, None])
        self.loss = y.sum(axis=1) * lse - (y * x).sum(axis=1)
        return self.loss

    def derivative(self):
        dlogits = self.sm.copy()
        dlogits -= self.labels
        return dlogits


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.x = self.norm = self.out = None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.beta = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.dgamma, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            self.norm = (x - self.running_mean) / (self.running_var + self.eps) ** 0.5
        else:
            self.mean = x.mean(axis=0)
            self.var = ((x - self.mean) ** 2).mean(axis=0)
            self.norm = (x - self.mean) / (self.var + self.eps) ** 0.5
            self.running_mean += (1 - self.alpha) * (self.mean - self.running_mean)
            self.running_var += (1 - self.alpha) * (self.var - self.running_var)
        self.out = self.norm * self.gamma + self.beta
        return self.out

    def backward(self, delta):
        dgamma, dbeta = (delta * self.norm).sum(axis=0), delta.sum(axis=0)
        self.dgamma += dgamma
        self.dbeta += dbeta
        scale = self.gamma / (self.var + self.eps) ** 0.5
        return scale * (delta - (dbeta + self.norm * dgamma) / len(delta))


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.train_mode = True
        self.num_bn_layers, self.bn, self.nlayers = num_bn_layers, num_bn_layers > 0, len(hiddens) + 1
        self.input_size, self.output_size = input_size, output_size
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        sizes = [input_size] + hiddens + [output_size]
        self.W, self.b = [], []
        for d_in, d_out in zip(sizes[:-1], sizes[1:]):
            self.W.append(weight_init_fn(d_in, d_out))
            self.b.append(bias_init_fn(d_out))
        self.dW, self.db = [np.zeros_like(W) for W in self.W], [np.zeros(W.shape[1]) for W in self.W]
        self.deltaW, self.deltab = [0 * W for W in self.W], [0 * b for b in self.b]
        self.bn_layers = [BatchNorm(size) for size in hiddens[:num_bn_layers]] if self.bn else None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        for gradient in self.dW + self.db:
            gradient[...] = 0
        for layer in self.bn_layers or ():
            layer.dgamma[...] = 0
            layer.dbeta[...] = 0

    def forward(self, x):
        self.x = [x]
        for i in range(self.nlayers):
            x = x.dot(self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i].forward(x, eval=not self.train_mode)
            x = self.activations[i].forward(x)
            self.x.append(x)
        return x

    def backward(self, labels):
        m = labels.shape[0]
        self.criterion.forward(self.x[-1], labels)
        delta = self.criterion.derivative() / m
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta * m) / m
            self.dW[i] += self.x[i].T.dot(delta)
            self.db[i] += delta.sum(axis=0)
            delta = delta.dot(self.W[i].T)

    def step(self):
        for params, gradients, deltas in (self.W, self.dW, self.deltaW), (self.b, self.db, self.deltab):
            for i in range(self.nlayers):
                deltas[i] = self.momentum * deltas[i] - self.lr * gradients[i]
                params[i] = params[i] + deltas[i]
        for layer in self.bn_layers or ():
            layer.gamma -= self.lr * layer.dgamma
            layer.beta -= self.lr * layer.dbeta


def evaluate(mlp, x, y):
    mlp.eval()
    output = mlp.forward(x)
    loss = mlp.criterion(output, y)
    return np.mean(loss), np.mean(output.argmax(axis=1) != y.argmax(axis=1))


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    n = trainx.shape[0]
    stats = np.zeros((nepochs, 4))
    for e in range(nepochs):
        together = np.random.permutation(np.hstack([trainx, trainy]))
        x, y = together[:, :trainx.shape[1]], together[:, trainx.shape[1]:]
        mlp.train()
        for k in range(0, n, batch_size):
            mlp.zero_grads()
            output = mlp.forward(x[k:k + batch_size])
            mlp.backward(y[k:k + batch_size])
            mlp.step()
            stats[e, 0] += mlp.criterion.loss.sum() / n
            stats[e, 1] += (output.argmax(axis=1) != y[k:k + batch_size].argmax(axis=1)).sum() / n
        stats[e, 2:] = evaluate(mlp, valx, valy)
        loss, error = evaluate(mlp, trainx, trainy)
        print("epoch %d: loss %.4f error %.4f after it" % (e, loss, error))
    predicted, true = mlp.forward(testx).argmax(axis=1), testy.argmax(axis=1)
    k = mlp.output_size
    confusion_matrix = np.bincount(k * predicted + true, minlength=k * k).reshape(k, k)
    return stats[:, 0], stats[:, 1], stats[:, 2], stats[:, 3], confusion_matrix
