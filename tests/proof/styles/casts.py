"""The style of casts: everything that comes in or goes out is made float64 once more."""

import numpy as np


def as_float(a):
    return np.asarray(a).astype(np.float64)


def random_normal_weight_init(d0, d1):
    return as_float(np.random.normal(0.0, 1.0, (int(d0), int(d1))))


def zeros_bias_init(d):
    return np.zeros(int(d), dtype=np.float64)


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = as_float(x)
        return self.state

    def derivative(self):
        return np.float64(1.0)


class Sigmoid(Activation):
    def forward(self, x):
        self.state = np.float64(1.0) / (np.float64(1.0) + np.exp(-as_float(x)))
        return self.state

    def derivative(self):
        return as_float(self.state) * (np.float64(1.0) - as_float(self.state))


class Tanh(Activation):
    def forward(self, x):
        self.state = np.tanh(as_float(x))
        return self.state

    def derivative(self):
        return np.float64(1.0) - np.square(self.state)


class ReLU(Activation):
    def forward(self, x):
        self.state = np.maximum(as_float(x), np.float64(0.0))
        return self.state

    def derivative(self):
        return np.array(self.state > 0.0, dtype=np.float64)


class Criterion(object):
    def __init__(self):
        self.logits = None
        self.labels = None
        self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        super(SoftmaxCrossEntropy, self).__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits = np.longdouble(x)
        self.labels = as_float(y)
        largest = self.logits.max(axis=1).reshape(-1, 1)
        total = np.exp(self.logits - largest).sum(axis=1).reshape(-1, 1)
        log_sm = self.logits - largest - np.log(total)
        self.sm = as_float(np.exp(log_sm))
        self.loss = as_float(-np.sum(self.labels * log_sm, axis=1))
        return self.loss

    def derivative(self):
        return as_float(self.sm - self.labels)


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = np.float64(alpha), np.float64(1e-8)
        self.x = self.norm = self.out = None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = as_float(x)
        if bool(eval):
            self.norm = (self.x - self.running_mean) / np.sqrt(self.running_var + self.eps)
        else:
            self.mean = as_float(np.mean(self.x, axis=0))
            self.var = as_float(np.mean(np.square(self.x - self.mean), axis=0))
            self.norm = (self.x - self.mean) / np.sqrt(self.var + self.eps)
            rest = np.float64(1.0) - self.alpha
            self.running_mean = as_float(self.alpha * self.running_mean + rest * self.mean)
            self.running_var = as_float(self.alpha * self.running_var + rest * self.var)
        self.out = as_float(self.gamma * self.norm + self.beta)
        return self.out

    def backward(self, delta):
        delta, m = as_float(delta), np.float64(len(delta))
        self.dgamma, self.dbeta = as_float(np.sum(delta * self.norm, axis=0)), as_float(np.sum(delta, axis=0))
        inner = delta - self.dbeta / m - self.norm * self.dgamma / m
        return as_float(inner * self.gamma / np.sqrt(self.var + self.eps))


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.input_size, self.output_size = int(input_size), int(output_size)
        self.nlayers = len(hiddens) + 1
        self.activations, self.criterion = list(activations), criterion
        self.lr, self.momentum = np.float64(lr), np.float64(momentum)
        self.num_bn_layers, self.bn, self.train_mode = int(num_bn_layers), bool(num_bn_layers > 0), True
        sizes = np.array([input_size] + list(hiddens) + [output_size], dtype=np.int64)
        self.W = [as_float(weight_init_fn(int(i), int(o))) for i, o in zip(sizes[:-1], sizes[1:])]
        self.b = [as_float(bias_init_fn(int(o))) for o in sizes[1:]]
        self.vW, self.vb = [np.zeros(W.shape) for W in self.W], [np.zeros(b.shape) for b in self.b]
        self.zero_grads()
        self.bn_layers = [BatchNorm(int(d)) for d in hiddens[:num_bn_layers]] if self.bn else None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = np.bool_(True)

    def eval(self):
        self.train_mode = np.bool_(False)

    def zero_grads(self):
        self.dW = [np.zeros(W.shape, dtype=np.float64) for W in self.W]
        self.db = [np.zeros(W.shape[1], dtype=np.float64) for W in self.W]

    def forward(self, x):
        x = as_float(x)
        self.inputs = []
        for i in range(self.nlayers):
            self.inputs.append(as_float(x))
            x = as_float(np.dot(x, self.W[i]) + self.b[i])
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, bool(not self.train_mode))
            x = as_float(self.activations[i](x))
        self.output = as_float(x)
        return self.output

    def backward(self, labels):
        self.criterion(self.output, as_float(labels))
        delta = as_float(self.criterion.derivative())
        m = np.float64(len(delta))
        for i in range(self.nlayers - 1, -1, -1):
            delta = as_float(delta * self.activations[i].derivative())
            if i < self.num_bn_layers:
                delta = as_float(self.bn_layers[i].backward(delta))
            self.dW[i] = as_float(np.dot(self.inputs[i].T, delta) / m)
            self.db[i] = as_float(np.sum(delta, axis=0) / m)
            delta = as_float(np.dot(delta, self.W[i].T))

    def step(self):
        for i in range(self.nlayers):
            self.vW[i] = as_float(self.momentum * self.vW[i] - self.lr * self.dW[i])
            self.vb[i] = as_float(self.momentum * self.vb[i] - self.lr * self.db[i])
            self.W[i] = as_float(self.W[i] + self.vW[i])
            self.b[i] = as_float(self.b[i] + self.vb[i])
        for layer in self.bn_layers if self.bn else []:
            layer.gamma = as_float(layer.gamma - self.lr * layer.dgamma)
            layer.beta = as_float(layer.beta - self.lr * layer.dbeta)


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = [(np.float32(x), as_float(y)) for x, y in dset]
    training_losses, training_errors = np.zeros(nepochs), np.zeros(nepochs)
    validation_losses, validation_errors = np.zeros(nepochs), np.zeros(nepochs)
    n = len(trainx)
    for e in range(int(nepochs)):
        mlp.train()
        order = np.argsort(np.random.uniform(size=n))
        loss, wrong = np.float64(0.0), np.int64(0)
        for k in range(int(np.ceil(n / np.float64(batch_size)))):
            rows = order[k * batch_size:(k + 1) * batch_size].astype(np.int64)
            mlp.zero_grads()
            guess = np.argmax(mlp.forward(trainx[rows]), axis=1).astype(np.int64)
            mlp.backward(trainy[rows])
            mlp.step()
            loss += np.float64(np.sum(mlp.criterion.loss))
            wrong += np.int64(np.sum(guess != np.argmax(trainy[rows], axis=1)))
        training_losses[e], training_errors[e] = loss / np.float64(n), np.float64(wrong) / np.float64(n)
        mlp.eval()
        output = mlp.forward(valx)
        validation_losses[e] = np.float64(np.mean(mlp.criterion(output, valy)))
        validation_errors[e] = np.float64(np.mean(np.argmax(output, axis=1) != np.argmax(valy, axis=1)))
    classes = np.arange(testy.shape[1]).reshape(-1, 1)
    predicted = (np.argmax(mlp.forward(testx), axis=1) == classes).astype(np.float64)
    confusion_matrix = np.round(predicted @ testy).astype(np.uint8)
    return (as_float(training_losses), as_float(training_errors), as_float(validation_losses),
            as_float(validation_errors), confusion_matrix)
