"""A correct solution that makes a shuffled copy of the training set for each epoch.

np.random.permutation orders it again, and np.split cuts it into batches.
"""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(0, 1, size=(d0, d1))


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
        self.state = np.array(x)
        return self.state

    def derivative(self):
        return np.ones_like(self.state)


class Sigmoid(Activation):
    def forward(self, x):
        growth = np.exp(x)
        decay = np.exp(-x)
        self.state = np.where(x > 0, 1 / (1 + decay), growth / (1 + growth))
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
        self.state = np.array(x)
        self.state[self.state <= 0] = 0
        return self.state

    def derivative(self):
        slope = np.ones_like(self.state)
        slope[self.state == 0] = 0
        return slope


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
        c = np.max(x, axis=1, keepdims=True)
        sums = np.sum(np.exp(x - c), axis=1, keepdims=True)
        lse = np.log(sums) + c
        self.sm = np.exp(x - lse)
        self.loss = np.sum(y * (lse - x), axis=1)
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
        if not eval:
            self.mean = np.average(x, axis=0)
            self.var = np.std(x, axis=0) ** 2
            self.running_mean = self.running_mean * self.alpha + self.mean * (1 - self.alpha)
            self.running_var = self.running_var * self.alpha + self.var * (1 - self.alpha)
            self.norm = (x - self.mean) / (self.var + self.eps) ** 0.5
        else:
            self.norm = (x - self.running_mean) / (self.running_var + self.eps) ** 0.5
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = float(len(delta))
        self.dgamma = (delta * self.norm).sum(axis=0)
        self.dbeta = delta.sum(axis=0)
        # every example moves the mean and the variance of its unit: a Jacobian for each unit
        scale = self.gamma.ravel() / (self.var + self.eps) ** 0.5
        dx = np.zeros(delta.shape)
        for k in range(delta.shape[1]):
            norm = self.norm[:, k]
            jacobian = np.eye(len(delta)) - 1 / m
            jacobian = jacobian - np.outer(norm, norm) / m
            dx[:, k] = scale[k] * jacobian.dot(delta[:, k])
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
        sizes = hiddens[:]
        sizes.insert(0, input_size)
        sizes.append(output_size)
        self.W = [weight_init_fn(d0, d1) for d0, d1 in zip(sizes, sizes[1:])]
        self.dW = [np.zeros_like(W) for W in self.W]
        self.b = [bias_init_fn(d) for d in sizes[1:]]
        self.db = [np.zeros_like(b) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
        # sums of the gradients so far, each weighted by a power of the momentum
        self.sum_dW = [np.zeros_like(W) for W in self.W]
        self.sum_db = [np.zeros_like(b) for b in self.b]

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.outputs = [x]
        for i in range(self.nlayers):
            z = np.matmul(self.outputs[i], self.W[i])
            z = z + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i].forward(z, eval=not self.train_mode)
            self.outputs.append(self.activations[i].forward(z))
        return self.outputs[self.nlayers]

    def zero_grads(self):
        self.dW = [np.zeros_like(W) for W in self.W]
        self.db = [np.zeros_like(b) for b in self.b]

    def step(self):
        for i in range(self.nlayers):
            self.sum_dW[i] = self.momentum * self.sum_dW[i] + self.dW[i]
            self.sum_db[i] = self.momentum * self.sum_db[i] + self.db[i]
            self.W[i] = self.W[i] - self.lr * self.sum_dW[i]
            self.b[i] = self.b[i] - self.lr * self.sum_db[i]
        for i in range(self.num_bn_layers):
            layer = self.bn_layers[i]
            layer.gamma = layer.gamma - self.lr * layer.dgamma
            layer.beta = layer.beta - self.lr * layer.dbeta

    def backward(self, labels):
        m = labels.shape[0]
        self.criterion.forward(self.outputs[self.nlayers], labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = np.multiply(delta, self.activations[i].derivative())
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            products = np.matmul(np.transpose(self.outputs[i]), delta)
            self.dW[i] = products / m
            self.db[i] = np.sum(delta, axis=0) / m
            delta = np.matmul(delta, np.transpose(self.W[i]))

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False


def find_mistakes(out, y):
    return np.argmax(out, axis=1) != np.argmax(y, axis=1)


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    trainx, trainy = train
    valx, valy = val
    testx, testy = test
    nbatches = len(trainx) // batch_size

    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        permutation = np.random.permutation(len(trainx))
        shuffled_x = trainx[permutation].copy()
        shuffled_y = trainy[permutation].copy()
        losses = []
        mistakes = []
        batches_x = np.split(shuffled_x, nbatches)
        batches_y = np.split(shuffled_y, nbatches)
        for x, y in zip(batches_x, batches_y):
            mlp.zero_grads()
            out = mlp.forward(x)
            mlp.backward(y)
            mlp.step()
            losses.extend(mlp.criterion.loss)
            mistakes.extend(find_mistakes(out, y))
        training_losses[e] = np.mean(losses)
        training_errors[e] = np.mean(mistakes)

        mlp.eval()
        losses = []
        mistakes = []
        batches_x = np.array_split(valx, 5)
        batches_y = np.array_split(valy, 5)
        for x, y in zip(batches_x, batches_y):
            out = mlp.forward(x)
            losses.extend(mlp.criterion.forward(out, y))
            mistakes.extend(find_mistakes(out, y))
        validation_losses[e] = np.mean(losses)
        validation_errors[e] = np.mean(mistakes)

    mlp.eval()
    K = mlp.output_size
    predicted = np.argmax(mlp.forward(testx), axis=1)
    true = np.argmax(testy, axis=1)
    confusion_matrix = np.zeros((K, K), dtype=int)
    for k in range(K):
        confusion_matrix[:, k] = np.bincount(predicted[true == k], minlength=K)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
