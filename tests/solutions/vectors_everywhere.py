"""A correct solution in which every vector has shape (d,), whatever shape it came in.

The biases are flattened, and BatchNorm's parameters and statistics are (d,) from the start.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0.0, 1.0, d0 * d1).reshape(d0, d1)


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
        return self.state

    def derivative(self):
        return np.ones(self.state.shape)


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 0.5 * (1 + np.tanh(0.5 * x))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    def forward(self, x):
        # tanh(x) = 2 sigmoid(2x) - 1
        self.state = 2 / (1 + np.exp(-2 * x)) - 1
        return self.state

    def derivative(self):
        return 1 - self.state * self.state


class ReLU(Activation):
    def forward(self, x):
        self.state = np.clip(x, 0, None)
        return self.state

    def derivative(self):
        return np.heaviside(self.state, 0.0)


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
    def forward(self, x, y):
        self.logits = x
        self.labels = y
        largest = x.max(axis=1)
        sums = np.exp((x.T - largest).T).sum(axis=1)
        self.log_sum = largest + np.log(sums)
        true_class = y.argmax(axis=1)
        self.loss = self.log_sum - x[np.arange(len(x)), true_class]
        return self.loss

    def derivative(self):
        softmax = np.exp((self.logits.T - self.log_sum).T)
        return softmax - self.labels


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.x = None
        self.norm = None
        self.out = None
        self.var = np.ones(fan_in)
        self.mean = np.zeros(fan_in)
        self.gamma = np.ones(fan_in)
        self.dgamma = np.zeros(fan_in)
        self.beta = np.zeros(fan_in)
        self.dbeta = np.zeros(fan_in)
        self.running_mean = np.zeros(fan_in)
        self.running_var = np.ones(fan_in)

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            mean = self.running_mean
            var = self.running_var
        else:
            self.mean = x.mean(axis=0)
            self.var = x.var(axis=0)
            mean = self.mean
            var = self.var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.std = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.std
        self.out = self.norm * self.gamma + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        # backwards through norm = centered / std, std = sqrt(var + eps), var = mean of squares
        dnorm = delta * self.gamma
        centered = self.x - self.mean
        dstd = -np.sum(dnorm * centered, axis=0) / self.std ** 2
        dvar = dstd / (2 * self.std)
        dcentered = dnorm / self.std + dvar * 2 * centered / m
        dmean = -np.sum(dcentered, axis=0)
        return dcentered + dmean / m


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
        fan_ins = [input_size] + hiddens
        fan_outs = hiddens + [output_size]
        self.W = list(map(weight_init_fn, fan_ins, fan_outs))
        self.b = [bias_init_fn(d).flatten() for d in fan_outs]
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(d) for d in fan_outs]
        self.deltaW = [np.zeros(W.shape) for W in self.W]
        self.deltab = [np.zeros(d) for d in fan_outs]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = list(map(BatchNorm, fan_outs[:num_bn_layers]))

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.states = [x]
        for i, (W, b, activation) in enumerate(zip(self.W, self.b, self.activations)):
            z = self.states[-1] @ W + b
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
            self.states.append(activation(z))
        return self.states[-1]

    def zero_grads(self):
        self.dW = [np.zeros(W.shape) for W in self.W]
        self.db = [np.zeros(b.shape) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.deltaW[i] = self.momentum * self.deltaW[i] - self.lr * self.dW[i]
            self.deltab[i] = self.momentum * self.deltab[i] - self.lr * self.db[i]
            self.W[i] = self.W[i] + self.deltaW[i]
            self.b[i] = self.b[i] + self.deltab[i]
        for i in range(self.num_bn_layers):
            layer = self.bn_layers[i]
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        self.criterion(self.states[-1], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers)[::-1]:
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.db[i] = delta.mean(axis=0)
            self.dW[i] = self.states[i].T @ delta / len(delta)
            delta = delta @ self.W[i].T

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def get_training_stats(mlp, dset, nepochs, batch_size):
    trainx, trainy = dset[0]
    valx, valy = dset[1]
    testx, testy = dset[2]
    train_classes = trainy.argmax(axis=1)
    val_classes = valy.argmax(axis=1)
    test_classes = testy.argmax(axis=1)
    idxs = np.arange(len(trainx))
    nbatches = len(trainx) // batch_size

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        losses = np.zeros(nbatches)
        errors = np.zeros(nbatches)
        for k in range(nbatches):
            rows = idxs[k * batch_size:(k + 1) * batch_size]
            mlp.zero_grads()
            out = mlp(trainx[rows])
            mlp.backward(trainy[rows])
            mlp.step()
            losses[k] = mlp.criterion.loss.mean()
            errors[k] = (out.argmax(axis=1) != train_classes[rows]).mean()
        training_losses[e] = losses.mean()
        training_errors[e] = errors.mean()

        mlp.eval()
        out = mlp(valx)
        validation_losses[e] = mlp.criterion(out, valy).mean()
        validation_errors[e] = (out.argmax(axis=1) != val_classes).mean()

    mlp.eval()
    K = mlp.output_size
    cells = mlp(testx).argmax(axis=1) * K + test_classes
    confusion_matrix = np.bincount(cells, minlength=K * K).reshape(K, K)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
