"""A correct solution with further optional arguments in every class and function.

MLP passes alpha, eps and dtype on to BatchNorm.
"""

import numpy as np


def random_normal_weight_init(d0, d1, scale=1.0, dtype=np.float64):
    return scale * np.random.randn(d0, d1).astype(dtype)


def zeros_bias_init(d, dtype=np.float64):
    return np.zeros(d, dtype=dtype)


class Activation(object):
    def __init__(self, name=None):
        self.name = name
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        raise NotImplementedError

    def derivative(self):
        raise NotImplementedError


class Identity(Activation):
    def __init__(self, name="identity"):
        super(Identity, self).__init__(name)

    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def __init__(self, name="sigmoid", steepness=1.0):
        super(Sigmoid, self).__init__(name)
        self.steepness = steepness

    def forward(self, x):
        self.state = 1.0 / (1.0 + np.exp(-self.steepness * x))
        return self.state

    def derivative(self):
        return self.steepness * self.state * (1.0 - self.state)


class Tanh(Activation):
    def __init__(self, name="tanh"):
        super(Tanh, self).__init__(name)

    def forward(self, x):
        self.state = np.tanh(x)
        return self.state

    def derivative(self):
        return 1.0 - np.power(self.state, 2)


class ReLU(Activation):
    def __init__(self, name="relu", slope=0.0):
        super(ReLU, self).__init__(name)
        self.slope = slope

    def forward(self, x):
        self.state = np.where(x > 0, x, self.slope * x)
        return self.state

    def derivative(self):
        return np.where(self.state > 0, 1.0, self.slope)


class Criterion(object):
    def __init__(self, name=None):
        self.name = name
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
    def __init__(self, name="softmax cross-entropy", axis=1):
        super(SoftmaxCrossEntropy, self).__init__(name)
        self.axis = axis
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        shifted = x - np.max(x, axis=self.axis, keepdims=True)
        log_sum = np.log(np.sum(np.exp(shifted), axis=self.axis, keepdims=True))
        self.sm = np.exp(shifted - log_sum)
        self.loss = np.sum(y * (log_sum - shifted), axis=self.axis)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9, eps=1e-8, dtype=np.float64):
        self.alpha = alpha
        self.eps = eps
        self.x = None
        self.norm = None
        self.out = None
        self.var = np.ones((1, fan_in), dtype=dtype)
        self.mean = np.zeros((1, fan_in), dtype=dtype)
        self.gamma = np.ones((1, fan_in), dtype=dtype)
        self.dgamma = np.zeros((1, fan_in), dtype=dtype)
        self.beta = np.zeros((1, fan_in), dtype=dtype)
        self.dbeta = np.zeros((1, fan_in), dtype=dtype)
        self.running_mean = np.zeros((1, fan_in), dtype=dtype)
        self.running_var = np.ones((1, fan_in), dtype=dtype)

    def __call__(self, x, eval=False, update=True):
        return self.forward(x, eval, update)

    def forward(self, x, eval=False, update=True):
        self.x = x
        if eval:
            self.norm = self.normalize(x, self.running_mean, self.running_var)
        else:
            self.mean = np.mean(x, axis=0)
            self.var = np.var(x, axis=0)
            self.norm = self.normalize(x, self.mean, self.var)
            if update:
                self.running_mean = self.average(self.running_mean, self.mean)
                self.running_var = self.average(self.running_var, self.var)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def normalize(self, x, mean, var):
        return (x - mean) / np.sqrt(var + self.eps)

    def average(self, old, new):
        return self.alpha * old + (1.0 - self.alpha) * new

    def backward(self, delta, update=True):
        if update:
            self.dgamma = np.sum(delta * self.norm, axis=0)
            self.dbeta = np.sum(delta, axis=0)
        scale = self.gamma / np.sqrt(self.var + self.eps)
        mean_of_delta = np.mean(delta, axis=0)
        mean_of_product = np.mean(delta * self.norm, axis=0)
        return scale * (delta - mean_of_delta - self.norm * mean_of_product)


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn,
                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0,
                 alpha=0.9, eps=1e-8, dtype=np.float64, weight_decay=0.0):
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
        self.weight_decay = weight_decay
        sizes = [input_size] + hiddens + [output_size]
        self.W = [weight_init_fn(sizes[i], sizes[i + 1]) for i in range(self.nlayers)]
        self.dW = [np.zeros_like(W, dtype=dtype) for W in self.W]
        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]
        self.db = [np.zeros_like(b, dtype=dtype) for b in self.b]
        self.v_W = [np.zeros_like(W, dtype=dtype) for W in self.W]
        self.v_b = [np.zeros_like(b, dtype=dtype) for b in self.b]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1], alpha=alpha, eps=eps, dtype=dtype)
                              for i in range(num_bn_layers)]

    def __call__(self, x, eval=None):
        return self.forward(x, eval)

    def forward(self, x, eval=None):
        if eval is None:
            eval = not self.train_mode
        self.a = [x]
        for i in range(self.nlayers):
            z = np.dot(self.a[i], self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=eval, update=True)
            self.a.append(self.activations[i](z))
        return self.a[-1]

    def zero_grads(self, set_to_none=False):
        for i in range(self.nlayers):
            if set_to_none:
                self.dW[i] = None
                self.db[i] = None
            else:
                self.dW[i] = np.zeros_like(self.W[i])
                self.db[i] = np.zeros_like(self.b[i])

    def step(self, lr=None):
        if lr is None:
            lr = self.lr
        for i in range(self.nlayers):
            dW = self.dW[i] + self.weight_decay * self.W[i]
            self.v_W[i] = self.momentum * self.v_W[i] - lr * dW
            self.v_b[i] = self.momentum * self.v_b[i] - lr * self.db[i]
            self.W[i] = self.W[i] + self.v_W[i]
            self.b[i] = self.b[i] + self.v_b[i]
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma = layer.gamma - lr * layer.dgamma
                layer.beta = layer.beta - lr * layer.dbeta

    def backward(self, labels, return_dx=False):
        m = len(labels)
        self.criterion(self.a[-1], labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta, update=True)
            self.dW[i] = np.dot(self.a[i].T, delta) / m
            self.db[i] = np.sum(delta, axis=0) / m
            delta = np.dot(delta, self.W[i].T)
        if return_dx:
            return delta

    def train(self, mode=True):
        self.train_mode = mode

    def eval(self):
        self.train(False)


def get_training_stats(mlp, dset, nepochs, batch_size, shuffle=True, val_batch_size=1000):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    idxs = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        if shuffle:
            np.random.shuffle(idxs)
        for b in range(0, len(trainx), batch_size):
            rows = idxs[b:b + batch_size]
            mlp.zero_grads()
            out = mlp(trainx[rows])
            mlp.backward(trainy[rows])
            mlp.step()
            training_losses[e] += np.sum(mlp.criterion.loss)
            training_errors[e] += count_errors(out, trainy[rows])
        training_losses[e] /= len(trainx)
        training_errors[e] /= len(trainx)

        mlp.eval()
        for b in range(0, len(valx), val_batch_size):
            out = mlp(valx[b:b + val_batch_size])
            losses = mlp.criterion(out, valy[b:b + val_batch_size])
            validation_losses[e] += np.sum(losses)
            validation_errors[e] += count_errors(out, valy[b:b + val_batch_size])
        validation_losses[e] /= len(valx)
        validation_errors[e] /= len(valx)

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=np.int64)
    predicted = np.argmax(mlp(testx), axis=1)
    true = np.argmax(testy, axis=1)
    for i in range(len(testx)):
        confusion_matrix[predicted[i], true[i]] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)


def count_errors(out, labels, axis=1):
    return np.sum(np.argmax(out, axis=axis) != np.argmax(labels, axis=axis))
