"""The style of Python 2, kept alive on 3: old idioms, lambdas, flags that are 0 and 1."""

from __future__ import division, print_function

import sys
import time
from functools import reduce

import numpy as np

try:
    xrange
except NameError:
    xrange = range


def random_normal_weight_init(d0, d1):
    return np.random.randn(d0, d1)


def zeros_bias_init(d):
    return np.zeros(shape=d)


class Activation(object):

    def __init__(self):
        super(Activation, self).__init__()
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    forward = lambda self, x: (setattr(self, 'state', self.func(x)), self.state)[1]


class Identity(Activation):

    func = lambda self, x: x
    derivative = lambda self: 1.0


class Sigmoid(Activation):

    func = lambda self, x: 1. / (1. + np.exp(-x))
    derivative = lambda self: self.state * (1. - self.state)


class Tanh(Activation):

    func = lambda self, x: np.tanh(x)
    derivative = lambda self: 1. - self.state ** 2.


class ReLU(Activation):

    func = lambda self, x: np.where(x > 0, x, 0)
    derivative = lambda self: np.asarray(self.state > 0, 'd')


class Criterion(object):

    def __init__(self):
        super(Criterion, self).__init__()
        self.logits = self.labels = self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)


class SoftmaxCrossEntropy(Criterion):

    def __init__(self):
        super(SoftmaxCrossEntropy, self).__init__()
        self.sm = None

    def forward(self, x, y):
        self.logits = x
        self.labels = y
        a = reduce(np.maximum, x.T)
        lse = a + np.log(reduce(np.add, np.exp(x.T - a)))
        self.sm = np.exp(x.T - lse).T
        self.loss = -reduce(np.add, (x.T - lse) * y.T)
        return self.loss

    def derivative(self):
        return self.sm - self.labels


class BatchNorm(object):

    def __init__(self, fan_in, alpha=0.9):
        self.alpha = alpha
        self.eps = 1e-8
        self.x = self.norm = self.out = None
        for name, first in dict(mean=0., var=1., gamma=1., dgamma=0., beta=0., dbeta=0., running_mean=0.,
                                running_var=1.).items():
            self.__dict__[name] = first * np.ones((1, fan_in))

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        self.x = x
        if eval:
            mu, sigma2 = self.running_mean, self.running_var
        else:
            mu, sigma2 = self.mean, self.var = [f(x, 0) for f in (np.mean, np.var)]
            for name, new in [('running_mean', mu), ('running_var', sigma2)]:
                setattr(self, name, self.alpha * getattr(self, name) + (1. - self.alpha) * new)
        self.norm = (x - mu) / np.sqrt(sigma2 + self.eps)
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = delta.shape[0]
        self.dgamma = sum(delta * self.norm)
        self.dbeta = sum(delta)
        dnorm = delta * self.gamma
        inv = (self.var + self.eps) ** -.5
        dvar = sum(dnorm * (self.x - self.mean)) * -.5 * inv ** 3
        dmean = -inv * sum(dnorm)
        return dnorm * inv + dvar * 2. * (self.x - self.mean) / m + dmean / m


class MLP(object):

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion,
                 lr, momentum=0.0, num_bn_layers=0):
        self.__dict__.update((k, v) for k, v in locals().items() if k != 'self')
        self.train_mode = 1
        self.bn = num_bn_layers > 0
        self.nlayers = len(hiddens) + 1
        dims = zip([input_size] + hiddens, hiddens + [output_size])
        self.W, self.b = map(list, zip(*[(weight_init_fn(i, o), bias_init_fn(o)) for i, o in dims]))
        self.zero_grads()
        self.vel = {'W': [0.] * self.nlayers, 'b': [0.] * self.nlayers}
        self.bn_layers = [BatchNorm(hiddens[i]) for i in xrange(num_bn_layers)] if self.bn else None

    def __call__(self, x):
        return self.forward(x)

    def train(self):
        self.train_mode = 1

    def eval(self):
        self.train_mode = 0

    def zero_grads(self):
        for name in 'W', 'b':
            setattr(self, 'd' + name, [np.zeros(p.shape) for p in getattr(self, name)])

    def forward(self, x):
        self.ins = []
        for i in xrange(self.nlayers):
            self.ins += [x]
            z = np.dot(x, self.W[i]) + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i].forward(z, 1 - self.train_mode)
            x = self.activations[i].forward(z)
        return x

    def backward(self, labels):
        self.criterion.forward(self.activations[-1].state, labels)
        delta = self.criterion.derivative()
        i = self.nlayers - 1
        while i >= 0:
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            self.dW[i] = np.dot(self.ins[i].T, delta) / len(delta)
            self.db[i] = sum(delta) / len(delta)
            delta = np.dot(delta, self.W[i].T)
            i -= 1

    def step(self):
        for name, vel in self.vel.items():
            params, grads = getattr(self, name), getattr(self, 'd' + name)
            for i in xrange(self.nlayers):
                vel[i] = self.momentum * vel[i] - self.lr * grads[i]
                params[i] = params[i] + vel[i]
        for bn in self.bn_layers or []:
            bn.gamma, bn.beta = bn.gamma - self.lr * bn.dgamma, bn.beta - self.lr * bn.dbeta


def score(mlp, data, batch_size):
    x, y = data
    out = np.concatenate([mlp.forward(x[i:i + batch_size]) for i in xrange(0, len(x), batch_size)])
    return out, mlp.criterion.forward(out, y), np.argmax(out, 1), np.argmax(y, 1)


def get_training_stats(mlp, dset, nepochs, batch_size):
    train, val, test = dset
    stats = [[], [], [], []]
    mlp.eval()
    print('before: %.3f' % score(mlp, val, batch_size)[1].mean(), file=sys.stderr)
    for epoch in xrange(nepochs):
        began = time.time()
        pairs = list(zip(*train))
        order = list(xrange(len(pairs)))
        np.random.shuffle(order)
        losses, errors = [], []
        mlp.train()
        for i in xrange(0, len(order), batch_size):
            x, y = map(np.array, zip(*[pairs[j] for j in order[i:i + batch_size]]))
            mlp.zero_grads()
            guess = np.argmax(mlp.forward(x), 1)
            mlp.backward(y)
            mlp.step()
            losses += list(mlp.criterion.loss)
            errors += list(guess != np.argmax(y, 1))
            mlp.eval()
            score(mlp, val, batch_size)
            mlp.train()
        mlp.eval()
        _, loss, guess, truth = score(mlp, val, batch_size)
        for curve, values in zip(stats, [losses, errors, loss, guess != truth]):
            curve.append(np.mean(values))
        print('epoch %d: %r, %.1f s' % (epoch, [s[-1] for s in stats], time.time() - began), file=sys.stderr)
    _, _, guess, truth = score(mlp, test, batch_size)
    onehot = lambda k: np.eye(mlp.output_size)[k]
    return tuple(map(np.array, stats)) + (np.dot(onehot(guess).T, onehot(truth)).astype(int),)
