"""The homework once more, as the textbook writes it: what the graded tests compare a handin with.

`Reference()` stands in for the module hw1: it has the same names. `Reference(fault)` makes one mistake of FAULTS on
purpose: where a handin's numbers are not the reference's but are those of a fault, the fault is the reason to give.
"""

import numpy as np

# fault: (the section of the handout that loses points for it, what to tell the author)
FAULTS = {
    "loss sign": ("2.2", "the loss has the wrong sign: it is -sum of y log sm, which is positive"),
    "loss averaged": ("2.2", "the loss is averaged over the batch: it is one value an example, (m,)"),
    "loss summed": ("2.2", "the loss is summed over the batch: it is one value an example, (m,)"),
    "loss divided": ("2.2", "the loss is divided by the batch size: it is one value an example, not averaged"),
    "dlogits divided": ("2.2", "derivative() is divided by the batch size: it is sm - y, one row an example"),
    "dlogits is sm": ("2.2", "derivative() is sm alone: it is sm - y"),
    "dlogits sign": ("2.2", "derivative() has the wrong sign: it is sm - y"),
    "bias forgotten": ("2.3", "the bias is not added in forward"),
    "dW summed": ("2.3", "dW is the sum over the batch, not the mean"),
    "db summed": ("2.3", "db is the sum over the batch, not the mean"),
    "summed": ("2.3", "dW and db are sums over the batch, not means"),
    "divided twice": ("2.3", "dW and db are divided by the batch size twice"),
    "delta divided": ("2.3", "dW and db are divided by the batch size twice"),
    "accumulated": ("2.3", "the gradients of earlier batches are added up: backward or zero_grads must end that"),
    "step sign": ("2.3", "step goes up the gradient: it must subtract lr * dW"),
    "step without lr": ("2.3", "step does not use lr"),
    "W not updated": ("2.3", "step leaves W as it was"),
    "bias not updated": ("2.3", "step leaves b as it was"),
    "state of Sigmoid": ("2.4", "Sigmoid.state is the input of forward; it must be the output"),
    "state of Tanh": ("2.4", "Tanh.state is the input of forward; it must be the output"),
    "state of ReLU": ("2.4", "ReLU.state is the input of forward; it must be the output"),
    "sigmoid'": ("2.4", "Sigmoid.derivative is s (1 - s) of the input; s must be the output of forward"),
    "sigmoid' twice": ("2.4", "Sigmoid.derivative applies the sigmoid once more to the output of forward"),
    "tanh'": ("2.4", "Tanh.derivative squares the input; it is 1 minus the square of the output of forward"),
    "tanh' twice": ("2.4", "Tanh.derivative applies tanh once more to the output of forward"),
    "tanh' square": ("2.4", "Tanh.derivative is 1 - tanh(x)^2; the square is missing"),
    "relu' at 0": ("2.4", "ReLU.derivative at 0 is 0 by convention, not 1"),
    "relu' is 1": ("2.4", "ReLU.derivative is 1 everywhere: it is 1 where state > 0 and 0 elsewhere"),
    "relu' is state": ("2.4", "ReLU.derivative is the output of forward; it is 1 where that is > 0 and 0 elsewhere"),
    "stale Sigmoid": ("2.4", "Sigmoid.derivative is that of an earlier forward; it must be of the last"),
    "stale Tanh": ("2.4", "Tanh.derivative is that of an earlier forward; it must be of the last"),
    "stale ReLU": ("2.4", "ReLU.derivative is that of an earlier forward; it must be of the last"),
    "one hidden layer": ("2.5", "the network has one hidden layer at most; it must have one for each of hiddens"),
    "two hidden layers": ("2.5", "the network has two hidden layers at most; it must have one for each of hiddens"),
    "first activation": ("2.5", "every layer uses the function of activations[0]; layer i must use activations[i]"),
    "last activation": ("2.5", "backward leaves out the derivative of the last activation"),
    "all activations": ("2.5", "backward leaves out the derivatives of the activations"),
    "not transposed": ("2.5", "backward takes delta through W, not through its transpose"),
    "m - 1": ("2.6", "BatchNorm: the variance is divided by m - 1, not by m"),
    "eps outside": ("2.6", "BatchNorm: eps stands outside the square root"),
    "root missing": ("2.6", "BatchNorm: norm is divided by the variance, not by its root"),
    "eps missing": ("2.6", "BatchNorm: eps is missing"),
    "running kept": ("2.6", "BatchNorm: the running statistics are never updated in training"),
    "deviation averaged": ("2.6", "BatchNorm: running_var averages the deviation; it must average the variance"),
    "alpha": ("2.6", "BatchNorm: alpha weighs the new batch; it must weigh the running statistics"),
    "eval not passed": ("2.6", "BatchNorm does not infer in the network's eval mode: pass eval=not train_mode"),
    "eval by batch": ("2.6", "BatchNorm: inference uses the batch's statistics, not the running ones"),
    "eval by last batch": ("2.6", "BatchNorm: inference uses the training batch's statistics"),
    "running of batch": ("2.6", "BatchNorm: the running statistics are those of the last batch, not averaged by alpha"),
    "eval stored x": ("2.6", "BatchNorm: inference normalises the x of the last training batch, not the new one"),
    "gamma in dx": ("2.6", "BatchNorm: backward forgets gamma in dx"),
    "dvar": ("2.6", "BatchNorm: the term of the variance is missing in dx"),
    "dvar and dmean": ("2.6", "BatchNorm: the terms of the mean and of the variance are missing in dx"),
    "dmean": ("2.6", "BatchNorm: the term of the mean is missing in dx"),
    "dgamma of out": ("2.6", "BatchNorm: dgamma is taken with out; it is the sum of delta * norm"),
    "dgamma of x": ("2.6", "BatchNorm: dgamma is taken with x; it is the sum of delta * norm"),
    "dgamma divided": ("2.6", "BatchNorm: dgamma and dbeta are divided by the batch size; they are sums"),
    "dgamma swapped": ("2.6", "BatchNorm: dgamma and dbeta are swapped"),
    "bias with BatchNorm": ("2.6", "a layer with BatchNorm leaves out its bias"),
    "gamma kept": ("2.6", "step leaves gamma and beta as they were"),
    "gamma without lr": ("2.6", "step does not use lr for gamma and beta"),
    "gamma sign": ("2.6", "step moves gamma and beta up the gradient"),
    "not backward": ("2.6", "backward goes past BatchNorm: delta must go through BatchNorm.backward"),
    "BatchNorm first": ("2.6", "BatchNorm stands before the linear map; it belongs between the linear map and the activation"),
    "BatchNorm late": ("2.6", "BatchNorm stands after the activation; it belongs before it"),
    "last layers": ("2.6", "BatchNorm stands on the last hidden layers, not on the first num_bn_layers layers"),
    "no momentum": ("2.7", "momentum has no effect: the velocity is not kept, or zero_grads resets it"),
    "nesterov": ("2.7", "step is Nesterov's momentum; the handout's is v = momentum v - lr dW; W = W + v"),
    "damping": ("2.7", "the gradient is damped by (1 - momentum); it is v = momentum v - lr dW"),
    "momentum sign": ("2.7", "momentum has the wrong sign: it is v = momentum v - lr dW"),
    "velocity of bias_init_fn": ("2.7", "the first velocity of the biases is not zero: is it made by bias_init_fn?"),
    "b without momentum": ("2.7", "momentum does not move the biases"),
    "gamma with momentum": ("2.7", "gamma and beta move with momentum; theirs is the plain step p = p - lr dp"),
}


class Reference:
    """A module like hw1, right but for one fault."""

    def __init__(self, fault=None):
        for part in (Identity, Sigmoid, Tanh, ReLU, SoftmaxCrossEntropy, BatchNorm, MLP):
            setattr(self, part.__name__, type(part.__name__, (part,), {"fault": fault}))


class Activation:
    fault = None
    state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        if self.fault != "stale " + type(self).__name__ or self.state is None:
            self.x, self.y = x, self.f(x)
        output = self.f(x)
        self.state = x if self.fault == "state of " + type(self).__name__ else output
        return output


class Identity(Activation):
    def f(self, x):
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    def f(self, x):
        return np.exp(-np.logaddexp(0, -x))

    def derivative(self):
        s = {"sigmoid'": self.x, "sigmoid' twice": self.f(self.y)}.get(self.fault, self.y)
        return s * (1 - s)


class Tanh(Activation):
    def f(self, x):
        return np.tanh(x)

    def derivative(self):
        s = {"tanh'": self.x, "tanh' twice": self.f(self.y)}.get(self.fault, self.y)
        return 1 - (s if self.fault == "tanh' square" else s ** 2)


class ReLU(Activation):
    def f(self, x):
        return np.where(x > 0, x, 0.0)

    def derivative(self):
        one = {"relu' at 0": self.x >= 0, "relu' is 1": self.y >= 0}.get(self.fault, self.x > 0)
        return self.y if self.fault == "relu' is state" else np.where(one, 1.0, 0.0)


class SoftmaxCrossEntropy:
    fault = None
    logits = labels = loss = sm = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        self.logits, self.labels = x, y
        log_sm = x - np.logaddexp.reduce(x, axis=1)[:, np.newaxis]
        self.sm = np.exp(log_sm)
        loss = -np.sum(y * log_sm, axis=1)
        self.loss = {"loss sign": -loss, "loss divided": loss / len(x), "loss averaged": loss.mean(),
                     "loss summed": loss.sum()}.get(self.fault, loss)
        return self.loss

    def derivative(self):
        dlogits = self.sm - self.labels
        return {"dlogits divided": dlogits / len(dlogits), "dlogits sign": -dlogits,
                "dlogits is sm": self.sm}.get(self.fault, dlogits)


class BatchNorm:
    fault = None

    def __init__(self, fan_in, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.mean, self.var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.gamma, self.dgamma = np.ones((1, fan_in)), np.zeros((1, fan_in))
        self.beta, self.dbeta = np.zeros((1, fan_in)), np.zeros((1, fan_in))
        self.running_mean, self.running_var = np.zeros((1, fan_in)), np.ones((1, fan_in))
        self.x = self.norm = self.out = None

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        if not (eval and self.fault == "eval stored x" and self.x is not None):
            self.x = x
        mean, var = self.x.mean(axis=0), self.x.var(axis=0, ddof=1 if self.fault == "m - 1" else 0)
        if not eval:
            alpha = {"alpha": 1 - self.alpha, "running kept": 1, "running of batch": 0}.get(self.fault, self.alpha)
            self.running_mean = alpha * self.running_mean + (1 - alpha) * mean
            self.running_var = alpha * self.running_var + (1 - alpha) * (
                np.sqrt(var) if self.fault == "deviation averaged" else var)
        if not eval:
            self.mean, self.var = mean, var
        elif self.fault == "eval by last batch":
            mean, var = self.mean, self.var
        elif self.fault != "eval by batch":
            mean, var = self.running_mean, self.running_var
        self.deviation = {"eps outside": np.sqrt(var) + self.eps, "eps missing": np.sqrt(var),
                          "root missing": var + self.eps}.get(self.fault, np.sqrt(var + self.eps))
        self.centred = self.x - mean
        self.norm = self.centred / self.deviation
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        seen = {"dgamma of out": self.out, "dgamma of x": self.x}.get(self.fault, self.norm)
        self.dgamma, self.dbeta = (delta * seen).sum(axis=0), delta.sum(axis=0)
        if self.fault == "dgamma divided":
            self.dgamma, self.dbeta = self.dgamma / m, self.dbeta / m
        if self.fault == "dgamma swapped":
            self.dgamma, self.dbeta = self.dbeta, self.dgamma
        dnorm = delta * (1 if self.fault == "gamma in dx" else self.gamma)
        dvar = -0.5 * (dnorm * self.centred).sum(axis=0) / self.deviation ** 3
        dmean = -(dnorm / self.deviation).sum(axis=0)
        dx = dnorm / self.deviation
        if self.fault not in ("dvar", "dvar and dmean"):
            dx = dx + dvar * 2 * self.centred / m
        if self.fault not in ("dmean", "dvar and dmean"):
            dx = dx + dmean / m
        return dx


class MLP:
    fault = None

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion, lr,
                 momentum=0.0, num_bn_layers=0):
        hiddens = hiddens[:{"one hidden layer": 1, "two hidden layers": 2}.get(self.fault)]
        sizes = [input_size] + list(hiddens) + [output_size]
        self.W = [weight_init_fn(d_in, d_out) for d_in, d_out in zip(sizes[:-1], sizes[1:])]
        self.b = [bias_init_fn(d_out) for d_out in sizes[1:]]
        self.dW, self.db = [0 * W for W in self.W], [0 * b.ravel() for b in self.b]
        if self.fault == "first activation":
            activations = [type(activations[0])() for _ in activations]
        self.activations, self.criterion, self.lr, self.momentum = list(activations), criterion, lr, momentum
        self.train_mode = True
        first = len(hiddens) - num_bn_layers if self.fault == "last layers" else 0
        self.bn_at = dict((i, type(self).normaliser(self.fault, self.bn_width(sizes, i)))
                          for i in range(first, first + num_bn_layers))
        self.bn_layers = list(self.bn_at.values()) or None
        self.velocities = {}

    @staticmethod
    def normaliser(fault, width):
        return type("BatchNorm", (BatchNorm,), {"fault": fault})(width)

    def bn_width(self, sizes, i):
        return sizes[i] if self.fault == "BatchNorm first" else sizes[i + 1]

    def train(self):
        self.train_mode = True

    def eval(self):
        self.train_mode = False

    def __call__(self, x):
        return self.forward(x)

    def stages(self, i):
        """The steps of layer i in their order, each as a pair of functions, forward and backward."""
        def linear(x):
            self.x[i] = x
            without = self.fault == "bias forgotten" or (self.fault == "bias with BatchNorm" and i in self.bn_at)
            return x @ self.W[i] + (0 if without else self.b[i])

        def linear_back(delta):
            m = len(delta)
            both = {"summed": m, "divided twice": 1 / m}.get(self.fault, 1)
            dW = self.x[i].T @ delta / m * (m if self.fault == "dW summed" else both)
            db = delta.sum(axis=0) / m * (m if self.fault == "db summed" else both)
            before = (self.dW[i], self.db[i]) if self.fault == "accumulated" else (0, 0)
            self.dW[i], self.db[i] = before[0] + dW, before[1] + db
            W = self.W[i]
            return delta @ (W if self.fault == "not transposed" and W.shape[0] == W.shape[1] else W.T)

        def activate_back(delta):
            if self.fault == "all activations" or (self.fault == "last activation" and i == len(self.W) - 1):
                return delta
            return delta * self.activations[i].derivative()

        stages = [(linear, linear_back), (self.activations[i], activate_back)]
        if i in self.bn_at:
            layer = self.bn_at[i]
            place = {"BatchNorm first": 0, "BatchNorm late": 2}.get(self.fault, 1)
            infer = not self.train_mode and self.fault != "eval not passed"
            back = (lambda delta: delta) if self.fault == "not backward" else layer.backward
            stages.insert(place, (lambda x: layer(x, eval=infer), back))
        return stages

    def forward(self, x):
        self.x = {}
        for i in range(len(self.W)):
            for stage, _ in self.stages(i):
                x = stage(x)
        self.output = x
        return x

    def backward(self, labels):
        self.criterion(self.output, labels)
        delta = self.criterion.derivative() / (len(labels) if self.fault == "delta divided" else 1)
        stages = [back for i in range(len(self.W)) for _, back in self.stages(i)]
        for back in reversed(stages):
            delta = back(delta)

    def zero_grads(self):
        if self.fault == "accumulated":
            return
        self.dW, self.db = [0 * W for W in self.W], [0 * db for db in self.db]
        for layer in self.bn_layers or []:
            layer.dgamma, layer.dbeta = 0 * layer.dgamma, 0 * layer.dbeta

    def step(self):
        for i in range(len(self.W)):
            if self.fault != "W not updated":
                self.W[i] = self.moved("W%d" % i, self.W[i], self.dW[i])
            if self.fault != "bias not updated":
                self.b[i] = self.moved("b%d" % i, self.b[i], self.db[i])
        for k, layer in enumerate(self.bn_layers or []):
            if self.fault == "gamma with momentum":
                layer.gamma = self.moved("gamma%d" % k, layer.gamma, layer.dgamma)
                layer.beta = self.moved("beta%d" % k, layer.beta, layer.dbeta)
            elif self.fault != "gamma kept":
                lr = {"gamma without lr": 1, "gamma sign": -self.lr}.get(self.fault, self.lr)
                layer.gamma, layer.beta = layer.gamma - lr * layer.dgamma, layer.beta - lr * layer.dbeta

    def moved(self, name, p, dp):
        first = p if self.fault == "velocity of bias_init_fn" and name[0] == "b" else 0
        momentum = {"no momentum": 0, "momentum sign": -self.momentum}.get(self.fault, self.momentum)
        if self.fault == "b without momentum" and name[0] == "b":
            momentum = 0
        lr = {"step sign": -self.lr, "step without lr": 1, "damping": (1 - self.momentum) * self.lr}.get(self.fault, self.lr)
        v = self.velocities[name] = momentum * self.velocities.get(name, first) - lr * dp
        return p + (momentum * v - lr * dp if self.fault == "nesterov" else v)
