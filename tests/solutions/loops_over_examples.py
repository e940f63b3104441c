"""A correct solution that loops over the examples, one vector at a time."""

import numpy as np


def random_normal_weight_init(d0, d1):
    W = np.zeros((d0, d1))
    for i in range(d0):
        W[i] = np.random.normal(size=d1)
    return W


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
        self.state = 1.0 / (1.0 + np.exp(-x))
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
        self.state = x * (x > 0)
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
        self.sm = np.zeros(x.shape)
        self.loss = np.zeros(len(x))
        for n in range(len(x)):
            biggest = max(x[n])
            log_sum = biggest + np.log(sum(np.exp(x[n] - biggest)))
            self.sm[n] = np.exp(x[n] - log_sum)
            for k in range(len(x[n])):
                self.loss[n] -= y[n][k] * (x[n][k] - log_sum)
        return self.loss

    def derivative(self):
        dx = np.zeros(self.sm.shape)
        for n in range(len(dx)):
            dx[n] = self.sm[n] - self.labels[n]
        return dx


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
            mean = self.running_mean
            var = self.running_var
        else:
            mean = np.zeros(x.shape[1])
            for i in range(m):
                mean += x[i] / m
            var = np.zeros(x.shape[1])
            for i in range(m):
                var += (x[i] - mean) ** 2 / m
            self.mean = mean
            self.var = var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * var
        self.norm = np.zeros(x.shape)
        self.out = np.zeros(x.shape)
        for i in range(m):
            self.norm[i] = (x[i] - mean) / np.sqrt(var + self.eps)
            self.out[i] = self.gamma * self.norm[i] + self.beta
        return self.out

    def backward(self, delta):
        m, d = delta.shape
        gamma = self.gamma.reshape(d)
        inv = 1 / np.sqrt(self.var + self.eps)
        self.dgamma = np.zeros(d)
        self.dbeta = np.zeros(d)
        dvar = np.zeros(d)
        dmean = np.zeros(d)
        for i in range(m):
            dnorm = delta[i] * gamma
            self.dgamma += delta[i] * self.norm[i]
            self.dbeta += delta[i]
            dvar += -0.5 * dnorm * (self.x[i] - self.mean) * inv ** 3
            dmean += -dnorm * inv
        dx = np.zeros((m, d))
        for i in range(m):
            dnorm = delta[i] * gamma
            dx[i] = dnorm * inv + dvar * 2 * (self.x[i] - self.mean) / m + dmean / m
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
        self.W = []
        self.dW = []
        self.vW = []
        self.b = []
        self.db = []
        self.vb = []
        self.bn_layers = []
        fan_in = input_size
        for i in range(self.nlayers):
            if i < len(hiddens):
                fan_out = hiddens[i]
            else:
                fan_out = output_size
            self.W.append(weight_init_fn(fan_in, fan_out))
            self.dW.append(np.zeros((fan_in, fan_out)))
            self.vW.append(np.zeros((fan_in, fan_out)))
            self.b.append(bias_init_fn(fan_out))
            self.db.append(np.zeros(fan_out))
            self.vb.append(np.zeros(fan_out))
            if i < num_bn_layers:
                self.bn_layers.append(BatchNorm(fan_out))
            fan_in = fan_out

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        self.inputs = []
        for i in range(self.nlayers):
            self.inputs.append(x)
            z = np.zeros((len(x), self.W[i].shape[1]))
            for n in range(len(x)):
                z[n] = np.dot(x[n], self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i].forward(z, not self.train_mode)
            x = self.activations[i].forward(z)
        self.output = x
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
        self.criterion.forward(self.output, labels)
        delta = self.criterion.derivative()
        for i in range(self.nlayers - 1, -1, -1):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            dW = np.zeros(self.W[i].shape)
            db = np.zeros(self.W[i].shape[1])
            previous = np.zeros(self.inputs[i].shape)
            for n in range(m):
                dW += np.outer(self.inputs[i][n], delta[n]) / m
                db += delta[n] / m
                previous[n] = np.dot(self.W[i], delta[n])
            self.dW[i] = dW
            self.db[i] = db
            delta = previous

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
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)

    for e in range(nepochs):
        mlp.train()
        np.random.shuffle(idxs)
        for b in range(0, len(trainx), batch_size):
            rows = idxs[b:b + batch_size]
            mlp.zero_grads()
            out = mlp.forward(trainx[rows])
            mlp.backward(trainy[rows])
            mlp.step()
            for n in range(len(rows)):
                training_losses[e] += mlp.criterion.loss[n]
                if np.argmax(out[n]) != np.argmax(trainy[rows[n]]):
                    training_errors[e] += 1
        training_losses[e] /= len(trainx)
        training_errors[e] /= len(trainx)

        mlp.eval()
        for n in range(len(valx)):
            out = mlp.forward(valx[n:n + 1])
            validation_losses[e] += mlp.criterion.forward(out, valy[n:n + 1])[0]
            if np.argmax(out) != np.argmax(valy[n]):
                validation_errors[e] += 1
        validation_losses[e] /= len(valx)
        validation_errors[e] /= len(valx)

    mlp.eval()
    confusion_matrix = np.zeros((mlp.output_size, mlp.output_size), dtype=int)
    for n in range(len(testx)):
        predicted = np.argmax(mlp.forward(testx[n:n + 1]))
        confusion_matrix[predicted, np.argmax(testy[n])] += 1
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)
