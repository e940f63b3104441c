"""A correct solution in which bn_layers exists only with BatchNorm, all code inline.

Without BatchNorm the network has no attribute bn_layers, as in the starter file.
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
    def __init__(self):
        super(Identity, self).__init__()

    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def __init__(self):
        super(Sigmoid, self).__init__()

    def forward(self, x):
        self.state = np.divide(1.0, np.add(1.0, np.exp(np.negative(x))))
        return self.state

    def derivative(self):
        return np.multiply(self.state, np.subtract(1.0, self.state))


class Tanh(Activation):
    def __init__(self):
        super(Tanh, self).__init__()

    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return np.subtract(1.0, np.power(self.state, 2))


class ReLU(Activation):
    def __init__(self):
        super(ReLU, self).__init__()

    def forward(self, x):
        self.state = np.maximum(0.0, x)
        return self.state

    def derivative(self):
        return np.sign(self.state)


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
        a = np.max(x, axis=1)
        log_sum = a + np.log(np.sum(np.exp(x - a[:, None]), axis=1))
        self.sm = np.exp(x - log_sum[:, None])
        self.loss = np.sum(y, axis=1) * log_sum - np.sum(y * x, axis=1)
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
        if eval:
            norm = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
            return self.gamma * norm + self.beta
        self.x = x
        self.mean = np.mean(x, axis=0)
        self.var = np.var(x, axis=0)
        self.norm = (x - self.mean) / np.sqrt(self.var + self.eps)
        self.out = self.gamma * self.norm + self.beta
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        return self.out

    def backward(self, delta):
        m = delta.shape[0]
        centered = self.x - self.mean
        d_norm = delta * self.gamma
        self.dbeta = np.sum(delta, axis=0)
        self.dgamma = np.sum(delta * self.norm, axis=0)
        d_var = -0.5 * np.sum(d_norm * centered * (self.var + self.eps) ** -1.5, axis=0)
        d_mean = -np.sum(d_norm * (self.var + self.eps) ** -0.5, axis=0)
        d_mean = d_mean - 2.0 / m * d_var * np.sum(centered, axis=0)
        dx = d_norm * (self.var + self.eps) ** -0.5
        dx = dx + d_var * 2.0 / m * centered
        dx = dx + d_mean / m
        return dx


def random_normal_weight_init(d0, d1):
    return np.random.standard_normal((d0, d1))


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

        if self.nlayers == 1:
            self.W = [weight_init_fn(input_size, output_size)]
            self.b = [bias_init_fn(output_size)]
        else:
            self.W = [weight_init_fn(input_size, hiddens[0])]
            self.b = [bias_init_fn(hiddens[0])]
            for i in range(1, len(hiddens)):
                self.W.append(weight_init_fn(hiddens[i - 1], hiddens[i]))
                self.b.append(bias_init_fn(hiddens[i]))
            self.W.append(weight_init_fn(hiddens[-1], output_size))
            self.b.append(bias_init_fn(output_size))
        self.dW = [np.zeros(np.shape(w)) for w in self.W]
        self.db = [np.zeros(np.shape(b)) for b in self.b]
        self.momentum_W = [np.zeros(np.shape(w)) for w in self.W]
        self.momentum_b = [np.zeros(np.shape(b)) for b in self.b]

        if self.bn:
            self.bn_layers = []
            for i in range(num_bn_layers):
                self.bn_layers.append(BatchNorm(hiddens[i]))

    def forward(self, x):
        self.x = x
        self.layer_outputs = []
        for i in range(self.nlayers):
            z = np.matmul(x, self.W[i]) + self.b[i]
            if self.bn and i < self.num_bn_layers:
                if self.train_mode:
                    z = self.bn_layers[i].forward(z)
                else:
                    z = self.bn_layers[i].forward(z, eval=True)
            x = self.activations[i].forward(z)
            self.layer_outputs.append(x)
        return x

    def zero_grads(self):
        self.dW = [np.zeros(np.shape(w)) for w in self.W]
        self.db = [np.zeros(np.shape(b)) for b in self.b]
        if self.bn:
            for layer in self.bn_layers:
                layer.dgamma = np.zeros(np.shape(layer.gamma))
                layer.dbeta = np.zeros(np.shape(layer.beta))

    def step(self):
        for i in range(self.nlayers):
            self.momentum_W[i] = self.momentum * self.momentum_W[i] - self.lr * self.dW[i]
            self.momentum_b[i] = self.momentum * self.momentum_b[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.momentum_W[i]
            self.b[i] = self.b[i] + self.momentum_b[i]
        if self.bn:
            for i in range(self.num_bn_layers):
                layer = self.bn_layers[i]
                layer.gamma = layer.gamma - self.lr * layer.dgamma
                layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        batch_size = len(labels)
        self.criterion.forward(self.layer_outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            if i == 0:
                layer_input = self.x
            else:
                layer_input = self.layer_outputs[i - 1]
            self.dW[i] = np.matmul(layer_input.T, delta) / batch_size
            self.db[i] = np.sum(delta, axis=0) / batch_size
            delta = np.matmul(delta, self.W[i].T)

    def __call__(self, x):
        return self.forward(x)

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
    training_losses = []
    training_errors = []
    validation_losses = []
    validation_errors = []

    for e in range(nepochs):
        np.random.shuffle(idxs)
        losses = []
        errors = []
        mlp.train()
        for b in range(0, len(trainx), batch_size):
            x = trainx[idxs[b:b + batch_size]]
            y = trainy[idxs[b:b + batch_size]]
            mlp.zero_grads()
            out = mlp.forward(x)
            mlp.backward(y)
            mlp.step()
            losses.append(np.mean(mlp.criterion.loss))
            errors.append(np.mean(np.argmax(out, axis=1) != np.argmax(y, axis=1)))
        training_losses.append(np.mean(losses))
        training_errors.append(np.mean(errors))

        losses = []
        errors = []
        mlp.eval()
        for b in range(0, len(valx), batch_size):
            x = valx[b:b + batch_size]
            y = valy[b:b + batch_size]
            out = mlp.forward(x)
            losses.append(np.mean(mlp.criterion.forward(out, y)))
            errors.append(np.mean(np.argmax(out, axis=1) != np.argmax(y, axis=1)))
        validation_losses.append(np.mean(losses))
        validation_errors.append(np.mean(errors))

    confusion_matrix = np.zeros((10, 10), dtype=int)
    mlp.eval()
    for b in range(0, len(testx), batch_size):
        x = testx[b:b + batch_size]
        y = testy[b:b + batch_size]
        predictions = np.argmax(mlp.forward(x), axis=1)
        truths = np.argmax(y, axis=1)
        for n in range(len(x)):
            confusion_matrix[predictions[n], truths[n]] += 1

    return (np.array(training_losses), np.array(training_errors),
            np.array(validation_losses), np.array(validation_errors), confusion_matrix)
