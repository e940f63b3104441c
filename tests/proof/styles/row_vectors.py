"""The style of rows: sums over the batch keep their dimension, so that b, db, dgamma and mean are (1, d)."""

import numpy as np

ROW = dict(axis=0, keepdims=True)


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


def zeros_bias_init(d):
    return np.zeros((1, d))


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return np.ones_like(self.state)


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 1 / (1 + np.exp(-x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        self.state = np.sinh(x) / np.cosh(x)
        return self.state

    def derivative(self):
        return 1 - self.state ** 2


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(x, np.zeros(x.shape))
        return self.state

    def derivative(self):
        return 1.0 * (self.state > 0)


class Criterion(object):
    def __init__(self):
        self.logits = None
        self.labels = None
        self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def forward(self, x, y):
        self.logits, self.labels = x, y
        a = x.max(axis=1, keepdims=True)
        lse = a + np.log(np.exp(x - a).sum(axis=1, keepdims=True))
        self.sm = np.exp(x - lse)
        self.loss = (y * lse - y * x).sum(axis=1)
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
        self.mean = np.zeros((1, fan_in))
        self.var = np.ones((1, fan_in))
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
            self.mean = x.mean(**ROW)
            self.var = x.var(**ROW)
            self.norm = (x - self.mean) / np.sqrt(self.var + self.eps)
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma = (delta * self.norm).sum(**ROW)
        self.dbeta = delta.sum(**ROW)
        std = np.sqrt(self.var + self.eps)
        dnorm = delta * self.gamma
        dvar = (dnorm * (self.x - self.mean)).sum(**ROW) * -0.5 / std ** 3
        dmean = (-dnorm / std).sum(**ROW)
        return dnorm / std + (2 * dvar * (self.x - self.mean) + dmean) / len(delta)


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
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
        self.b = [bias_init_fn(sizes[i + 1]).reshape(1, -1) for i in range(self.nlayers)]
        self.zero_grads()
        self.velocity = [(np.zeros(W.shape), np.zeros(b.shape)) for W, b in zip(self.W, self.b)]
        if self.bn:
            self.bn_layers = [BatchNorm(hiddens[i]) for i in range(num_bn_layers)]
        else:
            self.bn_layers = None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.shape) for b in self.b]

    def forward(self, x):
        self.inputs = [x]
        for i in range(self.nlayers):
            z = self.inputs[-1].dot(self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i].forward(z, eval=not self.train_mode)
            self.inputs.append(self.activations[i].forward(z))
        return self.inputs[-1]

    def backward(self, labels):
        self.criterion.forward(self.inputs[-1], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = self.inputs[i].T.dot(delta) / len(delta)
            self.db[i] = delta.mean(**ROW)
            delta = delta.dot(self.W[i].T)

    def step(self):
        for i, (vW, vb) in enumerate(self.velocity):
            vW, vb = self.momentum * vW - self.lr * self.dW[i], self.momentum * vb - self.lr * self.db[i]
            self.velocity[i] = (vW, vb)
            self.W[i] = self.W[i] + vW
            self.b[i] = self.b[i] + vb
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma -= self.lr * layer.dgamma
                layer.beta -= self.lr * layer.dbeta


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    training_losses, training_errors, validation_losses, validation_errors = [], [], [], []
    for epoch in range(nepochs):
        perm = np.random.permutation(len(trainx))
        x, y = trainx[perm], trainy[perm]
        mlp.train()
        loss, accuracy = 0.0, 0.0
        for i in range(0, len(x), batch_size):
            xb, yb = x[i:i + batch_size], y[i:i + batch_size]
            weight = len(xb) / len(x)
            mlp.zero_grads()
            mlp.forward(xb)
            mlp.backward(yb)
            mlp.step()
            loss += weight * mlp.criterion.loss.mean()
            accuracy += weight * np.mean(mlp.criterion.sm.argmax(axis=1) == yb.argmax(axis=1))
        training_losses.append(loss)
        training_errors.append(1 - accuracy)
        mlp.eval()
        out = mlp.forward(valx)
        mlp.criterion.forward(out, valy)
        validation_losses.append(mlp.criterion.loss.mean())
        validation_errors.append(np.mean(mlp.criterion.sm.argmax(axis=1) != valy.argmax(axis=1)))
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size))
    for i in range(len(testx)):
        confusion_matrix[mlp.forward(testx[i:i + 1]).argmax(), testy[i].argmax()] += 1
    return (np.array(training_losses), np.array(training_errors), np.array(validation_losses),
            np.array(validation_errors), confusion_matrix)
