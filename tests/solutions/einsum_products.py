"""A correct solution that writes all products and sums over the batch as np.einsum.

In the subscripts m is the batch, k the class, i and j the inputs and outputs of a layer.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


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
        return np.einsum("...,...->...", self.state, 1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1 - np.einsum("...,...->...", self.state, self.state)


class ReLU(Activation):
    def forward(self, x):
        self.state = np.einsum("...,...->...", x, x > 0)
        return self.state

    def derivative(self):
        return np.asarray(self.state > 0, dtype=np.float64)


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
        shifted = x - x.max(axis=1, keepdims=True)
        sums = np.einsum("mk->m", np.exp(shifted))
        self.sm = np.einsum("mk,m->mk", np.exp(shifted), 1 / sums)
        self.loss = np.log(sums) - np.einsum("mk,mk->m", y, shifted)
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
        m = len(x)
        if eval:
            centered = x - self.running_mean
            var = self.running_var[0]
        else:
            self.mean = np.einsum("mj->j", x) / m
            centered = x - self.mean
            self.var = np.einsum("mj,mj->j", centered, centered) / m
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
            var = self.var
        self.inverse_std = 1 / np.sqrt(var + self.eps)
        self.norm = np.einsum("mj,j->mj", centered, self.inverse_std)
        self.out = np.einsum("bj,mj->mj", self.gamma, self.norm) + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        self.dgamma = np.einsum("mj,mj->j", delta, self.norm)
        self.dbeta = np.einsum("mj->j", delta)
        along_norm = np.einsum("j,mj->mj", self.dgamma, self.norm)
        dx = delta - (self.dbeta + along_norm) / m
        return np.einsum("bj,j,mj->mj", self.gamma, self.inverse_std, dx)


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
        sizes = [input_size, *hiddens, output_size]
        self.W = [weight_init_fn(*shape) for shape in zip(sizes, sizes[1:])]
        self.b = [bias_init_fn(size) for size in sizes[1:]]
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.size) for b in self.b]
        self.vW = [np.zeros(W.shape) for W in self.W]
        self.vb = [np.zeros(b.size) for b in self.b]
        self.bn_layers = [BatchNorm(size) for size in sizes[1:num_bn_layers + 1]]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.outputs = [x]
        for i in range(self.nlayers):
            x = np.einsum("mi,ij->mj", x, self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = self.activations[i](x)
            self.outputs.append(x)
        return x

    def zero_grads(self):
        for i in range(self.nlayers):
            self.dW[i] = np.zeros(self.dW[i].shape)
            self.db[i] = np.zeros(self.db[i].shape)

    def step(self):
        for i in range(self.nlayers):
            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]
            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.vW[i]
            self.b[i] = self.b[i] + self.vb[i]
        for layer in self.bn_layers:
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        m = len(labels)
        self.criterion(self.outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = np.einsum("mi,mj->ij", self.outputs[i], delta) / m
            self.db[i] = np.einsum("mj->j", delta) / m
            delta = np.einsum("mj,ij->mi", delta, self.W[i])

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    K = mlp.output_size
    idxs = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        for b in range(0, len(trainx), batch_size):
            x = np.take(trainx, idxs[b:b + batch_size], axis=0)
            y = np.take(trainy, idxs[b:b + batch_size], axis=0)
            mlp.zero_grads()
            predicted = np.eye(K)[mlp(x).argmax(axis=1)]
            mlp.backward(y)
            mlp.step()
            training_losses[e] += np.einsum("m->", mlp.criterion.loss) / len(trainx)
            training_errors[e] += (len(y) - np.einsum("mk,mk->", predicted, y)) / len(trainx)

        mlp.eval()
        out = mlp(valx)
        predicted = np.eye(K)[out.argmax(axis=1)]
        validation_losses[e] = np.einsum("m->", mlp.criterion(out, valy)) / len(valx)
        validation_errors[e] = 1 - np.einsum("mk,mk->", predicted, valy) / len(valx)

    mlp.eval()
    predicted = np.eye(K)[mlp(testx).argmax(axis=1)]
    confusion_matrix = np.einsum("mp,mt->pt", predicted, testy)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
