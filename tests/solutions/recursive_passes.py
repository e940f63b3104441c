"""A correct solution that passes forward and backward through the layers by recursion."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, (d0, d1))


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


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1.0 - self.state ** 2


class Sigmoid(Activation):
    # sigmoid(x) = (1 + tanh(x / 2)) / 2
    def __init__(self):
        Activation.__init__(self)
        self.tanh = Tanh()

    def forward(self, x):
        self.state = (1.0 + self.tanh.forward(x / 2.0)) / 2.0
        return self.state

    def derivative(self):
        return self.tanh.derivative() / 4.0


class ReLU(Activation):
    def forward(self, x):
        self.state = np.select([x > 0, x <= 0], [x, 0.0])
        return self.state

    def derivative(self):
        return np.minimum(np.ceil(self.state), 1.0)


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
        Criterion.__init__(self)
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        log_sums = np.apply_along_axis(log_sum_exp, 1, x)
        log_softmax = x - log_sums.reshape(len(x), 1)
        self.sm = np.exp(log_softmax)
        self.loss = np.sum(-y * log_softmax, axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


def log_sum_exp(row):
    biggest = np.max(row)
    return biggest + np.log(np.sum(np.exp(row - biggest)))


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
            return self.transform(x, self.running_mean, self.running_var)
        self.x = x
        self.mean = np.mean(x, axis=0)
        self.var = np.mean(x * (x - self.mean), axis=0)
        self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
        self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        return self.transform(x, self.mean, self.var)

    def transform(self, x, mean, var):
        self.std = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.std
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        self.dgamma = np.sum(delta * self.norm, axis=0)
        self.dbeta = np.sum(delta, axis=0)
        # project out of each unit's gradient its mean and its part along norm
        dnorm = delta * self.gamma
        along_ones = np.mean(dnorm, axis=0)
        along_norm = np.mean(dnorm * self.norm, axis=0) * self.norm
        return (dnorm - along_ones - along_norm) / self.std


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
        self.dW = []
        self.oldW = []
        self.b = []
        self.db = []
        self.oldb = []
        self.bn_layers = None
        if self.bn:
            self.bn_layers = []
        self.inputs = [None] * self.nlayers
        self.add_layers(input_size, hiddens + [output_size], weight_init_fn, bias_init_fn)

    def add_layers(self, fan_in, sizes, weight_init_fn, bias_init_fn):
        if len(sizes) == 0:
            return
        fan_out = sizes[0]
        self.W.append(weight_init_fn(fan_in, fan_out))
        self.b.append(bias_init_fn(fan_out))
        self.dW.append(np.zeros_like(self.W[-1]))
        self.db.append(np.zeros_like(self.b[-1]))
        self.oldW.append(np.zeros_like(self.W[-1]))
        self.oldb.append(np.zeros_like(self.b[-1]))
        if len(self.W) <= self.num_bn_layers:
            self.bn_layers.append(BatchNorm(fan_out))
        self.add_layers(fan_out, sizes[1:], weight_init_fn, bias_init_fn)

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.result = self.forward_from(0, x)
        return self.result

    def forward_from(self, i, x):
        if i == self.nlayers:
            return x
        self.inputs[i] = x
        z = np.dot(x, self.W[i]) + self.b[i]
        if i < self.num_bn_layers:
            z = self.bn_layers[i](z, eval=not self.train_mode)
        return self.forward_from(i + 1, self.activations[i](z))

    def zero_grads(self):
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.W[i] = self.W[i] + self.move(self.oldW, i, self.dW[i])
            self.b[i] = self.b[i] + self.move(self.oldb, i, self.db[i])
        for i in range(self.num_bn_layers):
            bn = self.bn_layers[i]
            bn.gamma = bn.gamma - self.lr * bn.dgamma
            bn.beta = bn.beta - self.lr * bn.dbeta

    def move(self, old, i, gradient):
        old[i] = self.momentum * old[i] - self.lr * gradient
        return old[i]

    def backward(self, labels):
        self.criterion(self.result, labels)
        self.backward_from(self.nlayers - 1, self.criterion.derivative())

    def backward_from(self, i, delta):
        if i < 0:
            return
        m = len(delta)
        dz = delta * self.activations[i].derivative()
        if i < self.num_bn_layers:
            dz = self.bn_layers[i].backward(dz)
        self.dW[i] = np.dot(self.inputs[i].T, dz) / m
        self.db[i] = np.sum(dz, axis=0) / m
        self.backward_from(i - 1, np.dot(dz, self.W[i].T))

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def train_on_batches(mlp, x, y, idxs, batch_size):
    """Return the sums of the losses and of the mistakes over the batches of idxs."""
    loss = 0.0
    mistakes = 0
    while len(idxs) > 0:
        rows = idxs[:batch_size]
        idxs = idxs[batch_size:]
        mlp.zero_grads()
        out = mlp(x[rows])
        mlp.backward(y[rows])
        mlp.step()
        loss += np.sum(mlp.criterion.loss)
        mistakes += np.sum(np.argmax(out, axis=1) != np.argmax(y[rows], axis=1))
    return loss, mistakes


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    stats = np.zeros((nepochs, 4))
    idxs = np.arange(len(trainx))
    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        loss, mistakes = train_on_batches(mlp, trainx, trainy, idxs, batch_size)
        stats[e, 0] = loss / len(trainx)
        stats[e, 1] = mistakes / len(trainx)

        mlp.eval()
        out = mlp(valx)
        stats[e, 2] = np.mean(mlp.criterion(out, valy))
        stats[e, 3] = np.mean(np.argmax(out, axis=1) != np.argmax(valy, axis=1))

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    predicted = np.argmax(mlp(testx), axis=1)
    for n in range(len(testx)):
        confusion_matrix[predicted[n], np.argmax(testy[n])] += 1
    return stats[:, 0], stats[:, 1], stats[:, 2], stats[:, 3], confusion_matrix
