"""A correct solution that allocates every array once and fills it in place.

dW, db, dgamma, dbeta and the velocities are written with [...] and out=, and step
updates the parameters themselves by += and -=.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    W = np.empty((d0, d1))
    W[:] = np.random.randn(d0, d1)
    return W


def zeros_bias_init(d):
    b = np.empty(d)
    b.fill(0.0)
    return b


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
        y = np.negative(x)
        np.exp(y, out=y)
        y += 1
        np.reciprocal(y, out=y)
        self.state = y
        return self.state

    def derivative(self):
        d = np.subtract(1, self.state)
        d *= self.state
        return d


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        d = np.square(self.state)
        np.subtract(1, d, out=d)
        return d


class ReLU(Activation):
    def forward(self, x):
        self.state = np.copy(x)
        self.state[self.state < 0] = 0
        return self.state

    def derivative(self):
        d = np.zeros_like(self.state)
        d[self.state > 0] = 1
        return d


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
        log_sm = x - x.max(axis=1, keepdims=True)
        self.sm = np.exp(log_sm)
        total = self.sm.sum(axis=1, keepdims=True)
        self.sm /= total
        log_sm -= np.log(total)
        log_sm *= y
        self.loss = -log_sm.sum(axis=1)
        return self.loss

    def derivative(self):
        d = self.sm.copy()
        d -= self.labels
        return d


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
            self.norm = x - self.running_mean
            self.norm /= np.sqrt(self.running_var + self.eps)
        else:
            np.mean(x, axis=0, keepdims=True, out=self.mean)
            np.var(x, axis=0, keepdims=True, out=self.var)
            self.running_mean *= self.alpha
            self.running_mean += (1 - self.alpha) * self.mean
            self.running_var *= self.alpha
            self.running_var += (1 - self.alpha) * self.var
            self.norm = x - self.mean
            self.norm /= np.sqrt(self.var + self.eps)
        self.out = self.norm * self.gamma
        self.out += self.beta
        return self.out

    def backward(self, delta):
        m = delta.shape[0]
        np.sum(delta * self.norm, axis=0, keepdims=True, out=self.dgamma)
        np.sum(delta, axis=0, keepdims=True, out=self.dbeta)
        dx = m * delta
        dx -= self.dbeta
        dx -= self.norm * self.dgamma
        dx *= self.gamma
        dx /= m * np.sqrt(self.var + self.eps)
        return dx


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
        shapes = list(zip(sizes[:-1], sizes[1:]))
        self.W = [weight_init_fn(d0, d1) for d0, d1 in shapes]
        self.b = [bias_init_fn(d1) for d0, d1 in shapes]
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]
        self.velocity_W = [np.zeros_like(W) for W in self.W]
        self.velocity_b = [np.zeros_like(b) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(size) for size in hiddens[:num_bn_layers]]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.inputs = [None] * self.nlayers
        for i in range(self.nlayers):
            self.inputs[i] = x
            z = np.dot(x, self.W[i])
            z += self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=not self.train_mode)
            x = self.activations[i](z)
        self.output = x
        return self.output

    def zero_grads(self):
        for dW in self.dW:
            dW[...] = 0
        for db in self.db:
            db[...] = 0
        if self.bn:
            for layer in self.bn_layers:
                layer.dgamma[...] = 0
                layer.dbeta[...] = 0

    def step(self):
        for i in range(self.nlayers):
            self.velocity_W[i] *= self.momentum
            self.velocity_W[i] -= self.lr * self.dW[i]
            self.W[i] += self.velocity_W[i]
            self.velocity_b[i] *= self.momentum
            self.velocity_b[i] -= self.lr * self.db[i]
            self.b[i] += self.velocity_b[i]
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma -= self.lr * layer.dgamma
                layer.beta -= self.lr * layer.dbeta

    def backward(self, labels):
        self.criterion(self.output, labels)
        delta = self.criterion.derivative()
        m = labels.shape[0]
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i][...] = np.dot(self.inputs[i].T, delta)
            self.dW[i] /= m
            self.db[i][...] = np.sum(delta, axis=0)
            self.db[i] /= m
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
    idxs = np.arange(len(trainx))
    batch_x = np.empty((batch_size, trainx.shape[1]))
    batch_y = np.empty((batch_size, trainy.shape[1]))

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int64)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        nbatches = 0
        for b in range(0, len(trainx), batch_size):
            batch_x[...] = trainx[idxs[b:b + batch_size]]
            batch_y[...] = trainy[idxs[b:b + batch_size]]
            mlp.zero_grads()
            out = mlp(batch_x)
            mlp.backward(batch_y)
            mlp.step()
            training_losses[e] += mlp.criterion.loss.mean()
            training_errors[e] += np.mean(out.argmax(axis=1) != batch_y.argmax(axis=1))
            nbatches += 1
        training_losses[e] /= nbatches
        training_errors[e] /= nbatches

        mlp.eval()
        out = mlp(valx)
        validation_losses[e] = mlp.criterion(out, valy).mean()
        validation_errors[e] = np.mean(out.argmax(axis=1) != valy.argmax(axis=1))

    mlp.eval()
    predicted = mlp(testx).argmax(axis=1)
    np.add.at(confusion_matrix, (predicted, testy.argmax(axis=1)), 1)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
