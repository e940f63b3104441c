"""The homework once more, as the textbook writes it: what the checks compare a handin with.

`Reference()` stands in for the module hw1: it has the same names. `Reference(faults)` makes some mistakes of FAULTS on
purpose: where a handin's numbers are not the reference's but are those of a fault, the fault is the reason to give.
"""

import numpy as np

PARTS = "2.2", "2.4"  # the sections of the criterion and the activations, which networks are made of

# fault: (the section of the handout that loses points for it, what to tell the author)
FAULTS = {
    "loss sign": ("2.2", "the loss has the wrong sign: it is -sum of y log sm, which is positive"),
    "loss averaged": ("2.2", "the loss is averaged over the batch: it is one value an example, (m,)"),
    "loss summed": ("2.2", "the loss is summed over the batch: it is one value an example, (m,)"),
    "loss divided": ("2.2", "the loss is divided by the batch size: it is one value an example, not averaged"),
    "dlogits divided": ("2.2", "derivative() is divided by the batch size: it is sm - y, one row an example"),
    "dlogits is sm": ("2.2", "derivative() is sm alone: it is sm - y"),
    "dlogits sign": ("2.2", "derivative() has the wrong sign: it is sm - y"),
    "dW transposed": ("2.3", "dW is transposed: it has the shape of W"),
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
    "three hidden layers": ("2.5", "the network has three hidden layers at most; it must have one for each of hiddens"),
    "first bias": ("2.5", "forward adds the bias in the first layer alone"),
    "last bias": ("2.5", "forward adds the bias in the last layer alone"),
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
    "first BatchNorm alone": ("2.6", "BatchNorm stands on the first layer alone; it belongs on num_bn_layers layers"),
    "same BatchNorm": ("2.6", "bn_layers holds one BatchNorm many times; each layer needs a BatchNorm of its own"),
    "one BatchNorm": ("2.6", "bn_layers[0] is used in every layer; layer i must use bn_layers[i]"),
    "gamma of the first": ("2.6", "step moves the gamma and beta of bn_layers[0] alone"),
    "gamma of the last": ("2.6", "step moves the gamma and beta of the last of bn_layers alone"),
    "gamma of the first two": ("2.6", "step moves the gamma and beta of the first two of bn_layers alone"),
    "beta kept": ("2.6", "step moves gamma, but leaves beta as it was"),
    "gamma alone kept": ("2.6", "step moves beta, but leaves gamma as it was"),
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
    "momentum of 0.9": ("2.7", "momentum is 0.9 whatever MLP is given"),
    "momentum sign": ("2.7", "momentum has the wrong sign: it is v = momentum v - lr dW"),
    "velocity of weight_init_fn": ("2.7", "the first velocity of W is not zero: is it made by weight_init_fn?"),
    "velocity of bias_init_fn": ("2.7", "the first velocity of the biases is not zero: is it made by bias_init_fn?"),
    "b without momentum": ("2.7", "momentum does not move the biases"),
    "gamma with momentum": ("2.7", "gamma and beta move with momentum; theirs is the plain step p = p - lr dp"),
}


class Reference:
    """A module like hw1, right but for the faults."""

    def __init__(self, faults=()):
        for part in (Identity, Sigmoid, Tanh, ReLU, SoftmaxCrossEntropy, BatchNorm, MLP):
            setattr(self, part.__name__, type(part.__name__, (part,), {"faults": frozenset(faults)}))


class Part:
    faults = frozenset()

    def chosen(self, wrong, right):
        """Return the value in wrong, a dict, of the first name that is a fault of this part, or else right."""
        return next((value for name, value in wrong.items() if name in self.faults), right)


class Activation(Part):
    state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        if "stale " + type(self).__name__ not in self.faults or self.state is None:
            self.x, self.y = x, self.f(x)
        output = self.f(x)
        self.state = x if "state of " + type(self).__name__ in self.faults else output
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
        s = self.chosen({"sigmoid'": self.x, "sigmoid' twice": self.f(self.y)}, self.y)
        return s * (1 - s)


class Tanh(Activation):
    def f(self, x):
        return np.tanh(x)

    def derivative(self):
        s = self.chosen({"tanh'": self.x, "tanh' twice": self.f(self.y)}, self.y)
        return 1 - (s if "tanh' square" in self.faults else s ** 2)


class ReLU(Activation):
    def f(self, x):
        return np.where(x > 0, x, 0.0)

    def derivative(self):
        one = self.chosen({"relu' at 0": self.x >= 0, "relu' is 1": self.y >= 0}, self.x > 0)
        return self.y if "relu' is state" in self.faults else np.where(one, 1.0, 0.0)


class SoftmaxCrossEntropy(Part):
    logits = labels = loss = sm = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        self.logits, self.labels = x, y
        log_sm = x - np.logaddexp.reduce(x, axis=1)[:, np.newaxis]
        self.sm = np.exp(log_sm)
        loss = -np.sum(y * log_sm, axis=1)
        self.loss = self.chosen({"loss sign": -loss, "loss divided": loss / len(x), "loss averaged": loss.mean(),
                     "loss summed": loss.sum()}, loss)
        return self.loss

    def derivative(self):
        dlogits = self.sm - self.labels
        return self.chosen({"dlogits divided": dlogits / len(dlogits), "dlogits sign": -dlogits,
                "dlogits is sm": self.sm}, dlogits)

    backward = derivative


class BatchNorm(Part):

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
        if not (eval and "eval stored x" in self.faults and self.x is not None):
            self.x = x
        mean, var = self.x.mean(axis=0), self.x.var(axis=0, ddof=1 if "m - 1" in self.faults else 0)
        if not eval:
            alpha = self.chosen({"alpha": 1 - self.alpha, "running kept": 1, "running of batch": 0}, self.alpha)
            self.running_mean = alpha * self.running_mean + (1 - alpha) * mean
            self.running_var = alpha * self.running_var + (1 - alpha) * (
                np.sqrt(var) if "deviation averaged" in self.faults else var)
        if not eval:
            self.mean, self.var = mean, var
        elif "eval by last batch" in self.faults:
            mean, var = self.mean, self.var
        elif "eval by batch" not in self.faults:
            mean, var = self.running_mean, self.running_var
        self.deviation = self.chosen({"eps outside": np.sqrt(var) + self.eps, "eps missing": np.sqrt(var),
                          "root missing": var + self.eps}, np.sqrt(var + self.eps))
        self.centred = self.x - mean
        self.norm = self.centred / self.deviation
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        m = len(delta)
        seen = self.chosen({"dgamma of out": self.out, "dgamma of x": self.x}, self.norm)
        self.dgamma, self.dbeta = (delta * seen).sum(axis=0), delta.sum(axis=0)
        if "dgamma divided" in self.faults:
            self.dgamma, self.dbeta = self.dgamma / m, self.dbeta / m
        if "dgamma swapped" in self.faults:
            self.dgamma, self.dbeta = self.dbeta, self.dgamma
        dnorm = delta * (1 if "gamma in dx" in self.faults else self.gamma)
        dvar = -0.5 * (dnorm * self.centred).sum(axis=0) / self.deviation ** 3
        dmean = -(dnorm / self.deviation).sum(axis=0)
        dx = dnorm / self.deviation
        if not self.faults & {"dvar", "dvar and dmean"}:
            dx = dx + dvar * 2 * self.centred / m
        if not self.faults & {"dmean", "dvar and dmean"}:
            dx = dx + dmean / m
        return dx


class MLP(Part):
    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion, lr,
                 momentum=0.0, num_bn_layers=0):
        hiddens = hiddens[:self.chosen({"one hidden layer": 1, "two hidden layers": 2, "three hidden layers": 3}, None)]
        sizes = [input_size] + list(hiddens) + [output_size]
        self.input_size, self.output_size, self.nlayers = input_size, output_size, len(sizes) - 1
        self.num_bn_layers, self.bn = num_bn_layers, num_bn_layers > 0
        self.W = [weight_init_fn(d_in, d_out) for d_in, d_out in zip(sizes[:-1], sizes[1:])]
        self.b = [bias_init_fn(d_out) for d_out in sizes[1:]]
        self.dW, self.db = [0 * W for W in self.W], [0 * b.ravel() for b in self.b]
        if "first activation" in self.faults:
            activations = [type(activations[0])() for _ in activations]
        self.activations, self.criterion, self.lr, self.momentum = list(activations), criterion, lr, momentum
        self.train_mode = True
        first = len(hiddens) - num_bn_layers if "last layers" in self.faults else 0
        normaliser = Reference(self.faults).BatchNorm
        width = sizes if "BatchNorm first" in self.faults else sizes[1:]
        self.bn_at = {i: normaliser(width[i]) for i in range(first, first + num_bn_layers)}
        self.bn_layers = list(self.bn_at.values()) or None
        if "first BatchNorm alone" in self.faults:
            self.bn_at = {i: bn for i, bn in self.bn_at.items() if i == 0}
        if "same BatchNorm" in self.faults and self.bn_layers:
            self.bn_layers = self.bn_layers[:1] * num_bn_layers
        if self.faults & {"one BatchNorm", "same BatchNorm"}:
            self.bn_at = dict.fromkeys(self.bn_at, self.bn_at.get(0))
        self.velocities = {}

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
            without = self.chosen({"bias forgotten": True, "bias with BatchNorm": i in self.bn_at, "first bias": i > 0,
                                   "last bias": i < len(self.W) - 1}, False)
            return x @ self.W[i] + (0 if without else self.b[i])

        def linear_back(delta):
            m = len(delta)
            both = self.chosen({"summed": m, "divided twice": 1 / m}, 1)
            dW = self.x[i].T @ delta / m * (m if "dW summed" in self.faults else both)
            db = delta.sum(axis=0) / m * (m if "db summed" in self.faults else both)
            dW = dW.T if "dW transposed" in self.faults else dW
            before = (self.dW[i], self.db[i]) if "accumulated" in self.faults else (0, 0)
            self.dW[i], self.db[i] = before[0] + dW, before[1] + db
            W = self.W[i]
            return delta @ (W if "not transposed" in self.faults and W.shape[0] == W.shape[1] else W.T)

        def activate_back(delta):
            if "all activations" in self.faults or ("last activation" in self.faults and i == len(self.W) - 1):
                return delta
            return delta * self.activations[i].derivative()

        stages = [(linear, linear_back), (self.activations[i], activate_back)]
        if i in self.bn_at:
            layer = self.bn_at[i]
            place = self.chosen({"BatchNorm first": 0, "BatchNorm late": 2}, 1)
            infer = not self.train_mode and "eval not passed" not in self.faults
            back = (lambda delta: delta) if "not backward" in self.faults else layer.backward
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
        delta = self.criterion.derivative() / (len(labels) if "delta divided" in self.faults else 1)
        stages = [back for i in range(len(self.W)) for _, back in self.stages(i)]
        for back in reversed(stages):
            delta = back(delta)

    def zero_grads(self):
        if "accumulated" in self.faults:
            return
        self.dW, self.db = [0 * W for W in self.W], [0 * db for db in self.db]
        for layer in self.bn_layers or []:
            layer.dgamma, layer.dbeta = 0 * layer.dgamma, 0 * layer.dbeta

    def step(self):
        for i in range(len(self.W)):
            if "W not updated" not in self.faults:
                self.W[i] = self.moved("W%d" % i, self.W[i], self.dW[i])
            if "bias not updated" not in self.faults:
                self.b[i] = self.moved("b%d" % i, self.b[i], self.db[i])
        moving = self.chosen({"gamma of the first": slice(1), "gamma of the first two": slice(2),
                              "gamma of the last": slice(-1, None)}, slice(None))
        for k, layer in enumerate((self.bn_layers or [])[moving]):
            if "gamma with momentum" in self.faults:
                layer.gamma = self.moved("gamma%d" % k, layer.gamma, layer.dgamma)
                layer.beta = self.moved("beta%d" % k, layer.beta, layer.dbeta)
            elif "gamma kept" not in self.faults:
                lr = self.chosen({"gamma without lr": 1, "gamma sign": -self.lr}, self.lr)
                layer.gamma = layer.gamma - self.chosen({"gamma alone kept": 0}, lr) * layer.dgamma
                layer.beta = layer.beta - self.chosen({"beta kept": 0}, lr) * layer.dbeta

    def moved(self, name, p, dp):
        first = self.chosen({"velocity of bias_init_fn": p * (name[0] == "b"),
                             "velocity of weight_init_fn": p * (name[0] == "W")}, 0)
        momentum = self.chosen({"no momentum": 0, "momentum of 0.9": 0.9, "momentum sign": -self.momentum}, self.momentum)
        if "b without momentum" in self.faults and name[0] == "b":
            momentum = 0
        lr = self.chosen({"step sign": -self.lr, "step without lr": 1, "damping": (1 - self.momentum) * self.lr}, self.lr)
        v = self.velocities[name] = momentum * self.velocities.get(name, first) - lr * dp
        return p + (momentum * v - lr * dp if "nesterov" in self.faults else v)
