# A copy of hw1/hw1.py as it once was, kept for test_frozen.py: its MLP passes dtype to BatchNorm.
"""Homework 1, part 1, of CMU's 11-785, Introduction to Deep Learning, Fall 2018.

A multi-layer perceptron from scratch, each part under its section of the handout.
BatchNorm is that of Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network
Training by Reducing Internal Covariate Shift", 2015.

m is the batch size, d a number of units, K the number of classes; the batch is the
first axis; dX means dL/dX; delta is the upstream gradient; (n) is an equation of the
handout's appendix B.  float32 stays float32, all else is float64.
"""

import numpy as np


# ---- 2.1 Initializers ----------------------------------------------------------------

def random_normal_weight_init(d0, d1):
    """Draw the weights of a layer from the standard normal distribution: (d0, d1)."""
    return np.random.normal(0.0, 1.0, (d0, d1))


def zeros_bias_init(d):
    """Return the biases of a layer of d units, all zero: (d,)."""
    return np.zeros(d)


# ---- 2.2 Criterion, and appendix A ---------------------------------------------------

class Criterion:
    """A loss of each example; forward keeps its logits, its labels and the loss."""

    logits = labels = loss = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        """Return the loss of each example, (m,), for logits x and labels y, (m, K)."""
        raise NotImplementedError("a Criterion must define forward")

    def derivative(self):
        """Return dlogits, (m, K), of each example's loss."""
        raise NotImplementedError("a Criterion must define derivative")


class SoftmaxCrossEntropy(Criterion):
    """Cross-entropy of labels and softmax(logits), which is kept as sm, (m, K)."""

    sm = None

    def forward(self, x, y):
        """Return the loss of each example, (m,), by the LogSumExp trick.

        x, y: (m, K), logits and labels, one-hot or probabilities; else ValueError.

            sm_ij  = exp(x_ij - max_i) / sum_k exp(x_ik - max_i)
            loss_i = -sum_j y_ij log sm_ij
            log sm_ij = x_ij - max_i - log sum_k exp(x_ik - max_i)
        """
        x = _floating(x)
        y = np.asarray(y, x.dtype)
        if x.ndim != 2 or y.shape != x.shape:
            raise ValueError("logits and labels must be (m, K), got {} and {}: one-hot "
                             "class indices are np.eye(K)[y]".format(x.shape, y.shape))
        self.logits = x
        self.labels = y
        shifted = x - x.max(axis=1, keepdims=True)
        exps = np.exp(shifted)
        sums = exps.sum(axis=1, keepdims=True)
        self.sm = exps / sums
        self.loss = (y * (np.log(sums) - shifted)).sum(axis=1)
        return self.loss

    def derivative(self):
        """Return dlogits = sm - y, (m, K): not divided by m."""
        return self.sm - self.labels

    backward = derivative  # its name in the handout's text


# ---- 2.4 Activations -----------------------------------------------------------------

class Activation:
    """A function f of each element; state, its last output, gives its derivative."""

    state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x), of the shape of x, and keep it as state."""
        raise NotImplementedError("an Activation must define forward")

    def derivative(self):
        """Return f'(x) for the x of the last forward, of the shape of state."""
        raise NotImplementedError("an Activation must define derivative")


class Identity(Activation):
    """f(x) = x;  f' = 1."""

    def forward(self, x):
        self.state = x
        return self.state

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x));  f' = f (1 - f)."""

    def forward(self, x):
        with np.errstate(over="ignore"):  # exp(-x) = inf gives f(x) = 0, which is right
            self.state = 1 / (1 + np.exp(-_floating(x)))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    """f(x) = tanh(x);  f' = 1 - f^2."""

    def forward(self, x):
        self.state = np.tanh(_floating(x))
        return self.state

    def derivative(self):
        return 1 - self.state * self.state


class ReLU(Activation):
    """f(x) = max(x, 0);  f' = 1 where x > 0, otherwise 0 (also at 0)."""

    def forward(self, x):
        self.state = np.maximum(_floating(x), 0)
        return self.state

    def derivative(self):
        return (self.state > 0).astype(self.state.dtype)


# ---- 2.6 Batch normalization, and appendix B -----------------------------------------

class BatchNorm:
    """Normalise each unit over the batch, then scale by gamma and shift by beta.

    x, norm, out: the argument, x_hat and the result of the last forward, (m, fan_in).
    mean, var: of the last training batch, (fan_in,).
    running_mean, running_var, gamma, beta: (1, fan_in).  dgamma, dbeta: (fan_in,).
    """

    def __init__(self, fan_in, alpha=0.9, dtype=np.float64):
        """fan_in: units.  alpha: the part that the running statistics keep, 0 to 1."""
        self.alpha = alpha
        self.eps = 1e-8
        self.x = self.norm = self.out = None
        self.var, self.running_var, self.gamma = np.ones((3, 1, fan_in), dtype)
        self.mean, self.running_mean, self.beta = np.zeros((3, 1, fan_in), dtype)
        self.dgamma, self.dbeta = np.zeros((2, 1, fan_in), dtype)

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        """Normalise x, (m, fan_in), by the batch's mean and variance.  Returns out.

            mean = 1/m sum_i x_i                                                     (1)
            var  = 1/m sum_i (x_i - mean)^2                                          (2)
            norm = x_hat = (x - mean) (var + eps)^(-1/2)                             (3)
            out  = gamma x_hat + beta                                                (4)

            running := alpha running + (1 - alpha) batch's     for mean and var

        With eval the running mean and var take the batch's place, and stay as they are.
        """
        x = _floating(x)
        if eval:
            centred = x - self.running_mean
            var = self.running_var
        else:
            self.mean = _batch_sum(x) / len(x)
            centred = x - self.mean
            centred -= _batch_sum(centred) / len(x)  # so that a constant unit becomes 0
            self.var = var = _batch_sum(centred * centred) / len(x)
            old = self.alpha
            new = 1 - self.alpha
            self.running_mean = old * self.running_mean + new * self.mean
            self.running_var = old * self.running_var + new * self.var
        self.x = x
        self._eval = eval
        self._inverse_deviation = 1 / np.sqrt(var + self.eps)
        self.norm = centred * self._inverse_deviation
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        """Set dgamma and dbeta, sums over the batch, and return dx, (m, fan_in).

        delta: dout, (m, fan_in).

            dx_hat = gamma delta                                                     (5)
            dbeta  = sum_i delta_i                                                   (6)
            dgamma = sum_i delta_i x_hat_i                                           (7)
            dvar   = -1/2 sum_i dx_hat_i (x_i - mean) (var + eps)^(-3/2)            (10)
            dmean  = -sum_i dx_hat_i (var + eps)^(-1/2)                             (17)
            dx     = dx_hat (var + eps)^(-1/2) + dvar 2/m (x - mean) + dmean 1/m    (27)

        (17) has a second sum, which is zero, as the x_i - mean sum to 0.  With x_hat
        for (x - mean) (var + eps)^(-1/2), the three terms of (27) share a factor:

            dx = gamma (var + eps)^(-1/2) (delta - 1/m dgamma x_hat - 1/m dbeta)

        After a forward with eval the statistics are constants: dx is the first term.
        """
        self.dbeta = _batch_sum(delta)
        self.dgamma = _batch_sum(delta * self.norm)
        dx = delta
        if not self._eval:
            m = len(delta)
            dx = delta - self.norm * (self.dgamma / m) - self.dbeta / m
        return dx * (self.gamma * self._inverse_deviation)


# ---- 2.3, 2.5, 2.7 The multi-layer perceptron ----------------------------------------

class MLP:
    """Layers of x W + b, BatchNorm on the first num_bn_layers of them, and activation.

    input_size, output_size, hiddens: the sizes, at least 1.
    activations: an Activation for each of the len(hiddens) + 1 layers.
    weight_init_fn(d_in, d_out), bias_init_fn(d_out): called once a layer, in order.
    criterion: a Criterion.  lr, momentum: of step.
    ValueError or TypeError says which of these is not so.

    W, dW: lists of (d_in, d_out), one a layer.  b: a list of (d_out,) or (1, d_out), as
    made.  db: a list of (d_out,).  bn_layers: a list of BatchNorm, or None.  Each list
    and each entry may be replaced at any time.
    """

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn,
                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0):
        sizes = [input_size] + list(hiddens) + [output_size]
        self.input_size = input_size
        self.output_size = output_size
        self.nlayers = len(sizes) - 1
        self.activations = list(activations)
        self.criterion = criterion
        self.lr = lr
        self.momentum = momentum
        self.num_bn_layers = num_bn_layers
        self.bn = num_bn_layers > 0
        self.train_mode = True
        if min(sizes) < 1:
            raise ValueError("every size must be at least 1, got {}".format(sizes))
        if len(self.activations) != self.nlayers:
            raise ValueError("activations must be one for each of {} layers, got {}"
                             .format(self.nlayers, len(self.activations)))
        for part in self.activations + [criterion]:
            if isinstance(part, type):
                raise TypeError("activations and criterion must be objects, and not a "
                                "class: write {}()".format(part.__name__))
        if not 0 <= num_bn_layers <= self.nlayers:
            raise ValueError("num_bn_layers must be from 0 to {}, the number of layers,"
                             " got {}".format(self.nlayers, num_bn_layers))

        self.W = [_floating(weight_init_fn(*shape)) for shape in zip(sizes, sizes[1:])]
        self.b = [_floating(bias_init_fn(d)) for d in sizes[1:]]
        for W, b, d0, d1 in zip(self.W, self.b, sizes, sizes[1:]):
            if W.shape != (d0, d1) or b.shape not in ((d1,), (1, d1)):
                raise ValueError("initializers must make {} and {} or {}, got {} and {}"
                                 .format((d0, d1), (d1,), (1, d1), W.shape, b.shape))
        self.bn_layers = [BatchNorm(W.shape[1], dtype=W.dtype)
                          for W in self.W[:num_bn_layers]] or None
        self._W_velocities = [np.zeros(W.shape, W.dtype) for W in self.W]
        self._b_velocities = [np.zeros(b.shape, b.dtype) for b in self.b]
        self._outputs = []  # of the last forward
        self._states = []
        MLP.zero_grads(self)
        np.empty(31 * 2 ** 20, np.uint8)  # glibc then keeps freed memory: up to 30 %

    def __call__(self, x):
        return self.forward(x)

    def __repr__(self):
        norms = ["BatchNorm "] * self.num_bn_layers + [""] * self.nlayers
        layers = ["{} {}{}".format(b.size, norm, type(activation).__name__)
                  for b, norm, activation in zip(self.b, norms, self.activations)]
        nparams = sum(p.size for p in self.W + self.b)
        nparams += sum(2 * bn.gamma.size for bn in self.bn_layers or [])
        return "MLP({} -> {}; {:,} parameters)".format(
            self.input_size, " -> ".join(layers), nparams)

    def train(self):
        """Let BatchNorm normalise by the batch, and keep its running statistics."""
        self.train_mode = True

    def eval(self):
        """Let BatchNorm normalise by the running statistics."""
        self.train_mode = False

    def zero_grads(self):
        """Set every dW, db, dgamma and dbeta to zeros."""
        self.dW = [np.zeros(W.shape, W.dtype) for W in self.W]
        self.db = [np.zeros(b.size, b.dtype) for b in self.b]
        for bn in self.bn_layers or []:
            bn.dgamma, bn.dbeta = np.zeros((2, bn.gamma.size), bn.gamma.dtype)

    def forward(self, x):
        """Return the last layer's output, (m, output_size), for x, (m, input_size).

            x := activation(BatchNorm(x W + b))        for each layer

        ValueError if x has another shape, or no row.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.input_size or len(x) == 0:
            raise ValueError("x must be (m, {}), for m >= 1 examples, got {}".format(
                self.input_size, x.shape))
        self._outputs = [x]
        self._states = []
        for i in range(self.nlayers):
            x = x @ self.W[i] + self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = self.activations[i](x)
            self._outputs.append(x)
            self._states.append(self.activations[i].state)
        return x

    def backward(self, labels):
        """Set dW, db, of the batch's mean loss, and each BatchNorm's dgamma, dbeta.

        labels: (m, output_size), of the last forward's x; RuntimeError if none was.

            delta = dlogits;  then, for each layer from the last to the first:
            delta := activation' delta;  delta := BatchNorm.backward(delta)
            dW = 1/m x^T delta;  db = 1/m sum_i delta_i;  delta := delta W^T
        """
        if len(self._outputs) <= self.nlayers:
            raise RuntimeError("backward goes through a forward: call forward(x) first")
        self.criterion(self._outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            self.activations[i].state = self._states[i]  # it may serve other layers
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            mean_delta = delta / len(delta)
            self.dW[i] = self._outputs[i].T @ mean_delta
            self.db[i] = _batch_sum(mean_delta)
            if i > 0:
                delta = delta @ self.W[i].T

    def step(self):
        """Update every parameter once; each becomes a new array.

            velocity := momentum velocity - lr dp;  p := p + velocity   for each W and b
            p := p - lr dp                                      for each gamma and beta
        """
        lr = float(self.lr)  # np.float64 would spread
        momentum = float(self.momentum)
        for params, grads, velocities in ((self.W, self.dW, self._W_velocities),
                                          (self.b, self.db, self._b_velocities)):
            for i in range(self.nlayers):
                velocities[i] = momentum * velocities[i] - lr * grads[i]
                params[i] = params[i] + velocities[i].reshape(params[i].shape)
        for bn in self.bn_layers or []:
            bn.gamma = bn.gamma - lr * bn.dgamma
            bn.beta = bn.beta - lr * bn.dbeta


# ---- 2.8 Training statistics ---------------------------------------------------------

def get_training_stats(mlp, dset, nepochs, batch_size, *, on_epoch=None):
    """Train mlp with SGD and return how it went.

    dset: ((trainx, trainy), (valx, valy), (testx, testy)).  x: (n, input_size), real
    numbers, also memory-mapped.  y: (n, K), one-hot or probabilities, or (n,), class
    indices.  on_epoch(epoch, training_loss, training_error, validation_loss,
    validation_error) is called after each epoch, counted from 0.

    Returns (training_losses, training_errors, validation_losses, validation_errors,
    confusion_matrix): four of (nepochs,), averages per example, in training over the
    batches as they were trained on; and (K, K) counts over the test set, rows the
    predicted class, columns the true one.  mlp is left in eval mode.

    np.random.shuffle orders the examples anew for each epoch.  ValueError says what is
    wrong with dset or batch_size, before the first epoch.
    """
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1, got {}".format(batch_size))
    d = np.shape(dset[0][0])[-1]
    K = mlp.output_size
    named = zip(("train", "val", "test"), dset)
    (trainx, trainy), val, test = [_checked(name, x, y, d, K) for name, (x, y) in named]
    order = np.arange(len(trainx))
    curves = np.zeros((4, nepochs))
    training_losses, training_errors, validation_losses, validation_errors = curves
    for epoch in range(nepochs):
        mlp.train()
        np.random.shuffle(order)
        for start in range(0, len(order), batch_size):
            batch = order[start:start + batch_size]
            labels = trainy.take(batch, axis=0)
            mlp.zero_grads()
            output = mlp.forward(trainx.take(batch, axis=0))
            mlp.backward(labels)
            mlp.step()
            training_losses[epoch] += _summed_loss(mlp.criterion, len(batch))
            training_errors[epoch] += (output.argmax(1) != labels.argmax(1)).sum()
        training_losses[epoch] /= len(order)
        training_errors[epoch] /= len(order)
        validation_losses[epoch], validation_errors[epoch], _ = _evaluate(mlp, *val)
        if on_epoch is not None:
            on_epoch(epoch, *curves[:, epoch])
    _, _, confusion_matrix = _evaluate(mlp, *test)
    return tuple(curves) + (confusion_matrix,)


def _evaluate(mlp, x, y, batch_size=500):
    """Return mlp's mean loss, its error and its confusion matrix, in eval mode."""
    mlp.eval()
    loss = 0
    confusion_matrix = np.zeros([mlp.output_size] * 2, np.int64)
    for start in range(0, len(x), batch_size):
        labels = y[start:start + batch_size]
        output = mlp.forward(x[start:start + batch_size])
        mlp.criterion(output, labels)
        loss += _summed_loss(mlp.criterion, len(labels))
        np.add.at(confusion_matrix, (output.argmax(1), labels.argmax(1)), 1)
    return loss / len(x), (len(x) - confusion_matrix.trace()) / len(x), confusion_matrix


# ---- What they share -----------------------------------------------------------------

def _floating(x):
    """Return x as a floating array: itself if it is one, otherwise as float64."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _batch_sum(a):
    """Sum a, (m, d), over the batch: (d,).  A product with ones beats a.sum(axis=0)."""
    return np.ones(len(a), a.dtype) @ a


def _summed_loss(criterion, m):
    """Return the sum of the criterion's loss; ValueError unless it holds m."""
    if np.shape(criterion.loss) != (m,):
        raise ValueError("a criterion must keep each example's loss as loss, {}, got {}"
                         .format((m,), np.shape(criterion.loss)))
    return criterion.loss.sum(dtype=np.float64)


def _checked(name, x, y, d, K):
    """Return one partition's x and labels y, these as (n, K) also for class indices."""
    x = np.ascontiguousarray(x)
    y = np.asarray(y)
    n = len(x)
    if x.dtype.kind not in "fiub" or x.shape != (n, d) or x.size == 0:
        raise ValueError("{}x must be (n, input_size), real numbers for n >= 1 rows,"
                         " got {} {}".format(name, x.dtype, x.shape))
    if y.dtype.kind not in "fiub" or y.shape not in ((n,), (n, K)):
        raise ValueError("{}y must be {}, class indices, or {}, one-hot, got {} {}"
                         .format(name, (n,), (n, K), y.dtype, y.shape))
    rows = y if y.ndim == 2 else (y[:, np.newaxis] == np.arange(K)).astype(np.float64)
    wrong = ~(np.abs(np.where(rows >= 0, rows, np.nan) @ np.ones(K) - 1) <= 1e-5)
    if wrong.any():
        raise ValueError("{}y must be indices below {} or at least 0 and sum to 1, got "
                         "{} in row {}".format(name, K, y[wrong][0], wrong.argmax()))
    return x, rows
