"""A correct solution whose criterion has backward, as the handout's text says, and no derivative.

Activations have class attributes instead of constructors, and BatchNorm stores its batch
in a tuple.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0.0, 1.0, (d0, d1))


def zeros_bias_init(d):
    return np.zeros(d)


class Activation(object):
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
        self.state = 1.0 / (np.exp(-x) + 1.0)
        return self.state

    def derivative(self):
        return self.state * (1.0 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1.0 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(x, 0)
        return self.state

    def derivative(self):
        return np.array(self.state > 0, dtype=float)


class Criterion(object):
    logits = None
    labels = None
    loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        a = np.max(x, axis=1, keepdims=True)
        self.lse = a + np.log(np.sum(np.exp(x - a), axis=1, keepdims=True))
        self.loss = -np.sum(y * x, axis=1) + np.sum(y * self.lse, axis=1)
        return self.loss

    def backward(self):
        self.sm = np.exp(self.logits - self.lse)
        return self.sm - self.labels


class BatchNorm(object):
    x = None
    norm = None
    out = None
    eps = 1e-8

    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.gamma = np.ones((1, fan_in))
        self.beta = np.zeros((1, fan_in))
        self.mean = np.zeros((1, fan_in))
        self.var = np.ones((1, fan_in))
        self.dgamma = np.zeros((1, fan_in))
        self.dbeta = np.zeros((1, fan_in))
        self.running_mean = np.zeros((1, fan_in))
        self.running_var = np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if eval:
            normalized = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
            return normalized * self.gamma + self.beta
        self.mean = np.mean(x, axis=0)
        self.var = np.mean(np.square(x - self.mean), axis=0)
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        normalized = (x - self.mean) / np.sqrt(self.var + self.eps)
        self.batch = (x, normalized)
        return normalized * self.gamma + self.beta

    def backward(self, delta):
        x, normalized = self.batch
        m = x.shape[0]
        self.dgamma = np.sum(delta * normalized, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        d_normalized = delta * self.gamma
        std = np.sqrt(self.var + self.eps)
        d_var = np.sum(d_normalized * (x - self.mean) * -0.5 * std ** -3, axis=0)
        d_mean = np.sum(d_normalized * -1.0 / std, axis=0)
        return d_normalized / std + d_var * 2.0 * (x - self.mean) / m + d_mean / m


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
        self.b = []
        self.dW = []
        self.db = []
        self.W_updates = []
        self.b_updates = []
        sizes = [input_size, *hiddens, output_size]
        for i in range(self.nlayers):
            W = weight_init_fn(sizes[i], sizes[i + 1])
            b = bias_init_fn(sizes[i + 1])
            self.W.append(W)
            self.b.append(b)
            self.dW.append(np.zeros(W.shape))
            self.db.append(np.zeros(b.shape))
            self.W_updates.append(np.zeros(W.shape))
            self.b_updates.append(np.zeros(b.shape))
        if self.bn:
            self.bn_layers = [BatchNorm(size) for size in hiddens[:num_bn_layers]]
        else:
            self.bn_layers = []

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.batch = [x]
        for i in range(self.nlayers):
            x = x @ self.W[i] + self.b[i]
            if i < len(self.bn_layers):
                x = self.bn_layers[i].forward(x, not self.train_mode)
            x = self.activations[i].forward(x)
            self.batch.append(x)
        return x

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros(self.W[i].shape)
            self.db[i] = np.zeros(self.b[i].shape)
        for layer in self.bn_layers:
            layer.dgamma = np.zeros(layer.gamma.shape)
            layer.dbeta = np.zeros(layer.beta.shape)

    def step(self):
        for i in range(self.nlayers):
            self.W_updates[i] = self.momentum * self.W_updates[i] - self.lr * self.dW[i]
            self.b_updates[i] = self.momentum * self.b_updates[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.W_updates[i]
            self.b[i] = self.b[i] + self.b_updates[i]
        for layer in self.bn_layers:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        self.criterion.forward(self.batch[-1], labels)
        delta = self.criterion.backward()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < len(self.bn_layers):
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = self.batch[i].T @ delta / labels.shape[0]
            self.db[i] = np.mean(delta, axis=0)
            delta = delta @ self.W[i].T

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)

    idxs = np.arange(len(trainx))
    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        batches = idxs.reshape(-1, batch_size)
        for batch in batches:
            mlp.zero_grads()
            out = mlp.forward(trainx[batch])
            mlp.backward(trainy[batch])
            mlp.step()
            wrong = np.argmax(out, axis=1) != np.argmax(trainy[batch], axis=1)
            training_losses[e] += np.mean(mlp.criterion.loss) / len(batches)
            training_errors[e] += np.mean(wrong) / len(batches)

        mlp.eval()
        out = mlp.forward(valx)
        wrong = np.argmax(out, axis=1) != np.argmax(valy, axis=1)
        validation_losses[e] = np.mean(mlp.criterion.forward(out, valy))
        validation_errors[e] = np.mean(wrong)

    mlp.eval()
    for x, y in zip(testx, testy):
        out = mlp.forward(x.reshape(1, -1))
        confusion_matrix[np.argmax(out), np.argmax(y)] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
