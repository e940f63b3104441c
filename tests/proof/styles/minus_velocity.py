"""The style of the other sign: v = momentum v + lr d; p = p - v, everything in place."""

import numpy as np


def random_normal_weight_init(d0, d1):
    return np.random.normal(loc=0.0, scale=1.0, size=[d0, d1])


def zeros_bias_init(d):
    return np.zeros(d)


class Activation(object):
    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)


class Identity(Activation):
    def forward(self, x):
        self.state = x.copy()
        return x

    def derivative(self):
        return np.ones(self.state.shape)


class Sigmoid(Activation):
    def forward(self, x):
        self.state = 1.0 / (1.0 + np.exp(-x))
        return self.state.copy()

    def derivative(self):
        slope = self.state.copy()
        slope *= 1.0 - self.state
        return slope


class Tanh(Activation):
    def forward(self, x):
        self.state = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
        return self.state.copy()

    def derivative(self):
        return 1.0 - np.power(self.state, 2)


class ReLU(Activation):
    def forward(self, x):
        self.state = x.copy()
        self.state[self.state < 0] = 0.0
        return self.state.copy()

    def derivative(self):
        slope = self.state.copy()
        slope[slope > 0] = 1.0
        return slope


class Criterion(object):
    def __init__(self):
        self.logits = None
        self.labels = None
        self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):
    def __init__(self):
        Criterion.__init__(self)
        self.sm = None

    def forward(self, x, y):
        self.logits, self.labels = x.copy(), y.copy()
        largest = x.max(axis=1)
        e = np.exp((x.T - largest).T)
        self.sm = (e.T / e.sum(axis=1)).T
        log_sum_exp = largest + np.log(e.sum(axis=1))
        self.loss = (y * (log_sum_exp[:, np.newaxis] - x)).sum(axis=1)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm(object):
    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.x, self.norm, self.out = None, None, None
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x.copy()
        mean, var = self.running_mean, self.running_var
        if not eval:
            mean, var = x.mean(axis=0), (x * x).mean(axis=0) - x.mean(axis=0) ** 2
            self.mean, self.var = mean, var
            self.running_mean *= self.alpha
            self.running_mean += (1 - self.alpha) * mean
            self.running_var *= self.alpha
            self.running_var += (1 - self.alpha) * var
        self.std = np.sqrt(var + self.eps)
        self.norm = (x - mean) / self.std
        self.out = self.norm * self.gamma + self.beta
        return self.out.copy()

    def backward(self, delta):
        m = float(delta.shape[0])
        self.dgamma = np.sum(self.norm * delta, 0)
        self.dbeta = np.sum(delta, 0)
        dx = m * delta
        dx -= self.dbeta
        dx -= self.norm * self.dgamma
        dx *= self.gamma
        dx /= m * self.std
        return dx


class MLP(object):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.train_mode = True
        self.num_bn_layers, self.bn, self.nlayers = num_bn_layers, num_bn_layers > 0, len(hiddens) + 1
        self.input_size, self.output_size = input_size, output_size
        self.activations, self.criterion, self.lr, self.momentum = activations, criterion, lr, momentum
        fan_in, fan_out = [input_size] + hiddens, hiddens + [output_size]
        self.W = [weight_init_fn(i, o).copy() for i, o in zip(fan_in, fan_out)]
        self.b = [bias_init_fn(o).copy() for o in fan_out]
        self.dW, self.db = [np.zeros_like(W) for W in self.W], [np.zeros_like(b) for b in self.b]
        self.parameters = self.W + self.b
        self.velocities = [np.zeros_like(p) for p in self.parameters]
        self.bn_layers = None
        if num_bn_layers > 0:
            self.bn_layers = [BatchNorm(fan_out[i]) for i in range(num_bn_layers)]

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def zero_grads(self):
        self.dW, self.db = [np.zeros_like(W) for W in self.W], [np.zeros_like(b) for b in self.b]

    def forward(self, x):
        self.inputs = []
        for i in range(self.nlayers):
            self.inputs.append(x.copy())
            x = np.matmul(x, self.W[i])
            x += self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i].forward(x, not self.train_mode)
            x = self.activations[i].forward(x)
        self.output = x.copy()
        return x

    def backward(self, labels):
        self.criterion.forward(self.output, labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            delta *= self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = np.matmul(self.inputs[i].T, delta) / delta.shape[0]
            self.db[i] = delta.sum(0) / delta.shape[0]
            delta = np.matmul(delta, self.W[i].T)

    def step(self):
        for p, v, d in zip(self.parameters, self.velocities, self.dW + self.db):
            v *= self.momentum
            v += self.lr * d
            p -= v
        if self.bn:
            for layer in self.bn_layers:
                layer.gamma -= self.lr * layer.dgamma
                layer.beta -= self.lr * layer.dbeta


def get_training_stats(mlp, dset, nepochs, batch_size):
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    trainx, trainy = trainx.copy(), trainy.copy()
    training_losses, training_errors = np.zeros(nepochs), np.zeros(nepochs)
    validation_losses, validation_errors = np.zeros(nepochs), np.zeros(nepochs)
    n = len(trainx)
    for epoch in range(nepochs):
        state = np.random.get_state()
        np.random.shuffle(trainx)
        np.random.set_state(state)
        np.random.shuffle(trainy)
        mlp.train()
        losses, wrong, begin = [], [], 0
        while begin < n:
            end = min(begin + batch_size, n)
            mlp.zero_grads()
            output = mlp.forward(trainx[begin:end])
            mlp.backward(trainy[begin:end])
            mlp.step()
            losses.extend(mlp.criterion.loss)
            wrong.extend(output.argmax(axis=1) != trainy[begin:end].argmax(axis=1))
            begin = end
        training_losses[epoch], training_errors[epoch] = np.mean(losses), np.mean(wrong)
        mlp.eval()
        output = mlp.forward(valx)
        validation_losses[epoch] = mlp.criterion(output, valy).mean()
        validation_errors[epoch] = 1 - np.mean(output.argmax(axis=1) == valy.argmax(axis=1))
        output = mlp.forward(testx)
        print("epoch", epoch, "test error", np.mean(output.argmax(axis=1) != testy.argmax(axis=1)))
    mlp.eval()
    guesses = mlp.forward(testx).argmax(axis=1)
    truth = testy.argmax(axis=1)
    classes = np.arange(mlp.output_size)
    confusion_matrix = np.array([[np.sum((guesses == i) & (truth == j)) for j in classes] for i in classes])
    return training_losses, training_errors, validation_losses, validation_errors, confusion_matrix
