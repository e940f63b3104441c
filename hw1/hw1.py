"""A multi-layer perceptron from scratch: homework 1, part 1, of CMU's 11-785, Introduction to Deep Learning, 2018.

The parts stand in the order in which they are needed, each under its section of the handout.  BatchNorm is that
of Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
Shift", 2015.

m is the batch size, d a number of units, K the number of classes; the batch is the first axis; dX means dL/dX;
delta is the gradient that comes from above; (n) is an equation of the handout's appendix B.
float64 in, float64 out; float32 in, float32 out.
"""

import numpy as np


# ---- What the parts share ----------------------------------------------------------------------------------

def _column_sums(a):
    """Sum a, (m, d), over the batch; (d,).  A product with ones is faster than a.sum(axis=0)."""
    return np.ones(len(a), a.dtype) @ a


def _as_numbers(a, name):
    """Return a as an array; TypeError unless it holds real numbers."""
    a = np.asarray(a)
    if a.dtype.kind not in "fiub":
        raise TypeError("{} must hold real numbers, got dtype {}".format(name, a.dtype))
    return a


def _as_floating(a, name, dtype=np.float64):
    """Return a as a floating array: itself if it is one; integers and booleans are converted to dtype."""
    a = _as_numbers(a, name)
    return a if a.dtype.kind == "f" else a.astype(dtype)


def _check_batch(a, name, width):
    """Raise ValueError unless a has shape (m, width) with m >= 1."""
    if a.ndim != 2 or a.shape[1] != width or len(a) == 0:
        raise ValueError("{} must have shape (m, {}), a row for each of m >= 1 examples, got {}".format(
            name, width, a.shape))


def _check_integer(value, name, low=1):
    """Raise TypeError unless value is an integer, ValueError unless it is at least low."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError("{} must be an integer, got {!r}".format(name, value))
    if value < low:
        raise ValueError("{} must be an integer of at least {}, got {!r}".format(name, low, value))


# ---- 2.1 Initializers --------------------------------------------------------------------------------------

def random_normal_weight_init(d0, d1):
    """Draw the weights of a layer from the standard normal distribution.  Returns (d0, d1), float64."""
    return np.random.normal(0.0, 1.0, (d0, d1))


def zeros_bias_init(d):
    """Return the biases of a layer of d units, all zero: (d,), float64."""
    return np.zeros(d)


# ---- 2.4 Activations ---------------------------------------------------------------------------------------

class Activation:
    """A function f of each element, which remembers its output for the derivative.

    state: the output of the last forward; None before.  Integers, scalars and lists are taken as float64.
    """

    def __init__(self):
        self.state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x), of the shape and floating dtype of x, and keep it as state."""
        raise NotImplementedError("an Activation must define forward")

    def derivative(self):
        """Return f'(x) for the x of the last forward, of the shape of state.  RuntimeError before the first."""
        raise NotImplementedError("an Activation must define derivative")

    def _last_state(self):
        if self.state is None:
            raise RuntimeError("derivative() is taken at the x of the last forward: call forward(x) first")
        return self.state


class Identity(Activation):
    """f(x) = x, the very object;  f' = 1.0, a scalar."""

    def forward(self, x):
        self.state = x
        return x

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x)) = exp(x) / (1 + exp(x));  f' = f (1 - f)."""

    def forward(self, x):
        x = _as_floating(x, "x")
        e = np.exp(np.minimum(x, 0.6 * np.finfo(x.dtype).maxexp))  # no overflow; f(x) rounds to 1 long before
        self.state = e / (1 + e)
        return self.state

    def derivative(self):
        state = self._last_state()
        return state * (1 - state)


class Tanh(Activation):
    """f(x) = tanh(x);  f' = 1 - f^2."""

    def forward(self, x):
        self.state = np.tanh(_as_floating(x, "x"))
        return self.state

    def derivative(self):
        state = self._last_state()
        return 1 - state * state


class ReLU(Activation):
    """f(x) = max(x, 0);  f' = 1 where x > 0, otherwise 0 (also at 0)."""

    def forward(self, x):
        self.state = np.maximum(_as_floating(x, "x"), 0)
        return self.state

    def derivative(self):
        state = self._last_state()
        return (state > 0).astype(state.dtype)


# ---- 2.2 Criterion, and appendix A -------------------------------------------------------------------------

class Criterion:
    """A loss of each example, which remembers what its derivative needs.

    logits, labels, loss: the two arguments and the result of the last forward; None before.
    """

    def __init__(self):
        self.logits = self.labels = self.loss = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        """Return the loss of each example, (m,), for logits x and labels y, both (m, K)."""
        raise NotImplementedError("a Criterion must define forward")

    def derivative(self):
        """Return dlogits, (m, K), of each example's loss.  RuntimeError before the first forward."""
        raise NotImplementedError("a Criterion must define derivative")


class SoftmaxCrossEntropy(Criterion):
    """Cross-entropy of labels and softmax(logits).

    sm: the softmax of the last forward, (m, K); None before.
    """

    def __init__(self):
        super().__init__()
        self.sm = None

    def forward(self, x, y):
        """Return the loss of each example, (m,), by log-sum-exp.

        x: (m, K) logits.  y: (m, K) labels, one-hot or probabilities.  ValueError if their shapes differ.

            loss_i = -sum_j y_ij (x_ij - lse_i)
            lse_i  = log sum_j exp(x_ij) = max_i + log(1 + sum of exp(x_ij - max_i) over all j but the largest)
        """
        x, y = _as_floating(x, "logits"), _as_floating(y, "labels")
        if x.ndim != 2 or x.size == 0 or y.shape != x.shape:
            raise ValueError("logits and labels must both have shape (m, K) with m, K >= 1, got {} and {}; "
                             "np.eye(K)[indices] makes class indices one-hot".format(x.shape, y.shape))
        y = y.astype(x.dtype, copy=False)
        m, K = x.shape
        ones = np.ones(K, x.dtype)
        largest = x.argmax(axis=1) + np.arange(0, m * K, K)  # where they stand in the flattened array
        top = x.take(largest)[:, np.newaxis]
        with np.errstate(over="ignore"):  # beyond the largest finite number, that number stands
            shifted = np.maximum(x - top, -np.finfo(x.dtype).max)
        exps = np.exp(shifted)
        exps.put(largest, 0)
        others = (exps @ ones)[:, np.newaxis]  # added to 1 they could be rounded away, but not in log1p
        exps.put(largest, 1)

        self.logits, self.labels = x, y
        self.sm = exps / (1 + others)
        self.loss = (y * (np.log1p(others) - shifted)) @ ones
        return self.loss

    def derivative(self):
        """Return dlogits = sm - y, (m, K): not divided by m."""
        if self.sm is None:
            raise RuntimeError("derivative() is taken at the last logits: call forward(x, y) first")
        return self.sm - self.labels

    backward = derivative  # the name in the handout's text


# ---- 2.6 Batch normalization, and appendix B ---------------------------------------------------------------

class BatchNorm:
    """Normalise each unit over the batch, then scale by gamma and shift by beta.

    x, norm, out: the argument, x_hat and the result of the last forward, (m, fan_in); None before.
    mean, var: of the last training batch, (fan_in,); zeros and ones of shape (1, fan_in) before.
    running_mean, running_var, gamma, beta: (1, fan_in).
    dgamma, dbeta: (fan_in,) after backward; zeros of shape (1, fan_in) before.
    """

    def __init__(self, fan_in, alpha=0.9):
        """fan_in: the number of units.  alpha: the part of the running statistics that a batch leaves, 0 to 1."""
        _check_integer(fan_in, "fan_in")
        if not 0 <= alpha <= 1:
            raise ValueError("alpha must be from 0 to 1, got {!r}".format(alpha))
        self.alpha = float(alpha)
        self.eps = 1e-8
        self.x = self.norm = self.out = None
        shape = (1, fan_in)
        self.mean, self.var = np.zeros(shape), np.ones(shape)
        self.gamma, self.dgamma = np.ones(shape), np.zeros(shape)
        self.beta, self.dbeta = np.zeros(shape), np.zeros(shape)
        self.running_mean, self.running_var = np.zeros(shape), np.ones(shape)

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def _to(self, dtype):
        """Hold the statistics and parameters as dtype, that of the weights of the layer."""
        for name in ("mean", "var", "gamma", "dgamma", "beta", "dbeta", "running_mean", "running_var"):
            setattr(self, name, getattr(self, name).astype(dtype))

    def forward(self, x, eval=False):
        """Normalise x, (m, fan_in), by the batch's mean and variance, with eval by the running ones.

            mean = 1/m sum_i x_i
            var  = 1/m sum_i (x_i - mean)^2
            norm = x_hat = (x - mean) (var + eps)^(-1/2)
            out  = gamma x_hat + beta
            running = alpha running + (1 - alpha) batch        for mean and var, not with eval

        Returns out, (m, fan_in).  ValueError if x has another shape or no finite variance.
        """
        x = _as_floating(x, "x")
        _check_batch(x, "x", self.gamma.size)
        if eval:
            centred, var = x - self.running_mean, self.running_var
        else:
            # Less the first row before it is averaged: a constant unit is normalised to 0 exactly.
            with np.errstate(over="ignore", invalid="ignore"):  # told below
                centred = x - x[0]
                shift = _column_sums(centred) / len(x)
                centred -= shift
                var = _column_sums(centred * centred) / len(x)
            if not np.isfinite(var).all():
                raise ValueError("x must be finite, with a variance that {} can hold: rescale it, or lower lr if a "
                                 "training diverges".format(x.dtype))
            self.mean, self.var = x[0] + shift, var
            self.running_mean = self.alpha * self.running_mean + (1 - self.alpha) * self.mean
            self.running_var = self.alpha * self.running_var + (1 - self.alpha) * self.var
        self.x, self._eval = x, eval
        self._inverse_deviation = 1 / np.sqrt(var + self.eps)
        self.norm = (centred * self._inverse_deviation).astype(x.dtype, copy=False)
        self.out = (self.gamma * self.norm + self.beta).astype(x.dtype, copy=False)
        return self.out

    def backward(self, delta):
        """Set dgamma and dbeta, summed over the batch, and return dx, (m, fan_in), from delta = dout, (m, fan_in).

            dgamma = sum_i delta_i x_hat_i                                                                 (6), (7)
            dbeta  = sum_i delta_i
            dx_hat = gamma delta
            dvar   = -1/2 sum_i dx_hat_i (x_i - mean) (var + eps)^(-3/2)                                       (10)
            dmean  = -sum_i dx_hat_i (var + eps)^(-1/2) - 2/m dvar sum_i (x_i - mean)                          (17)
            dx     = dx_hat (var + eps)^(-1/2) + 2/m dvar (x - mean) + 1/m dmean

        The second sum of (17) is zero, since the x_i - mean sum to 0.  As (x - mean) (var + eps)^(-1/2) = x_hat,
        the three terms of dx share a factor:

            dx = gamma (var + eps)^(-1/2) (delta - dbeta / m - x_hat dgamma / m)

        After a forward with eval the statistics are constants, and only the first term remains.
        RuntimeError before the first forward; ValueError if delta has another shape than out.
        """
        if self.norm is None:
            raise RuntimeError("backward(delta) goes back through the last forward: call forward(x) first")
        delta = _as_floating(delta, "delta")
        if delta.shape != self.norm.shape:
            raise ValueError("delta must have the shape of out, {}, got {}".format(self.norm.shape, delta.shape))
        m = len(delta)
        self.dgamma = _column_sums(delta * self.norm)
        self.dbeta = _column_sums(delta)
        dx = delta
        if not self._eval:
            dx = delta - self.dbeta / m - self.norm * (self.dgamma / m)
        return (dx * (self.gamma * self._inverse_deviation)).astype(delta.dtype, copy=False)


# ---- 2.3, 2.5, 2.7 The multi-layer perceptron --------------------------------------------------------------

class MLP:
    """Layers of x W + b, a BatchNorm on the first num_bn_layers of them, and an activation.

    input_size, output_size, hiddens: the sizes, integers >= 1.  activations: an Activation for each of the
    len(hiddens) + 1 layers.  weight_init_fn(d_in, d_out), bias_init_fn(d_out): called once a layer, from input to
    output.  criterion: a Criterion.  lr, momentum: of step.  num_bn_layers: at most len(hiddens), as there is no
    BatchNorm on the output.  ValueError or TypeError says which of these rules is broken.

    W, dW: lists of (d_in, d_out), one a layer.  b: a list of (d_out,) or (1, d_out), as bias_init_fn made it.
    db: a list of (d_out,).  bn_layers: a list of BatchNorm; None without.  train_mode: whether BatchNorm normalises
    by the batch (True at first).

    W, b and their entries may be replaced at any time.  step changes the network's own arrays in place, so copy one
    to keep it; an array put there from outside is never changed.
    """

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn, bias_init_fn, criterion, lr,
                 momentum=0.0, num_bn_layers=0):
        sizes = [input_size] + list(hiddens) + [output_size]
        for size in sizes:
            _check_integer(size, "each of input_size, hiddens and output_size")
        self.input_size, self.output_size = input_size, output_size
        self.nlayers = len(sizes) - 1

        self.activations = list(activations)
        if len(self.activations) != self.nlayers:
            raise ValueError("activations must hold one for each hidden layer and one for the output, {} in all, "
                             "got {}".format(self.nlayers, len(self.activations)))
        if len(set(map(id, self.activations))) < self.nlayers:
            raise ValueError("activations must be an object for each layer, as each keeps its layer's state, got "
                             "one twice: write [Sigmoid(), Sigmoid()], not [Sigmoid()] * 2")
        for part in self.activations + [criterion]:
            if isinstance(part, type) or not hasattr(part, "derivative"):
                raise TypeError("activations and criterion must be objects like Sigmoid(), got {!r}".format(part))
        self.criterion, self.lr, self.momentum = criterion, lr, momentum

        _check_integer(num_bn_layers, "num_bn_layers", low=0)
        if num_bn_layers >= self.nlayers:
            raise ValueError("num_bn_layers must be at most len(hiddens) = {}, as there is no BatchNorm on the "
                             "output, got {}".format(self.nlayers - 1, num_bn_layers))
        self.num_bn_layers = num_bn_layers
        self.bn = num_bn_layers > 0
        self.train_mode = True

        self.W = [_initial(weight_init_fn, (d_in, d_out)) for d_in, d_out in zip(sizes[:-1], sizes[1:])]
        self.b = [_initial(bias_init_fn, (d_out,)) for d_out in sizes[1:]]
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(d) for d in sizes[1:1 + num_bn_layers]]
            for layer, W in zip(self.bn_layers, self.W):
                layer._to(W.dtype)
        # Gradients of zero: each a single 0, seen as a whole array, which costs no time and cannot be written to.
        self._zero_dW = [np.broadcast_to(np.zeros((), W.dtype), W.shape) for W in self.W]
        self._zero_db = [np.broadcast_to(np.zeros((), b.dtype), (b.size,)) for b in self.b]
        self.dW, self.db = list(self._zero_dW), list(self._zero_db)
        self._own_W, self._own_b = list(self.W), list(self.b)
        self._W_velocities = [np.zeros_like(W) for W in self.W]
        self._b_velocities = [np.zeros_like(b) for b in self.b]
        self._inputs = self._output = None  # of the last forward: each layer's input, the last one's output
        # An array freed without being touched: only once it has seen a large one does glibc keep the memory of freed
        # arrays for the next, instead of getting it anew from the system at every step.  Saves up to a third of a step.
        np.empty(31 * 2 ** 20, dtype=np.uint8)

    def __call__(self, x):
        return self.forward(x)

    def __repr__(self):
        bn_layers = self.bn_layers or []
        layers = ["{} {}{}".format(b.size, "BatchNorm " if i < len(bn_layers) else "", type(activation).__name__)
                  for i, (b, activation) in enumerate(zip(self.b, self.activations))]
        nparams = sum(p.size for p in self.W + self.b) + sum(2 * layer.gamma.size for layer in bn_layers)
        return "MLP({} -> {}; {:,} parameters)".format(self.input_size, " -> ".join(layers), nparams)

    def train(self):
        """Let BatchNorm normalise by the batch and keep its running statistics."""
        self.train_mode = True

    def eval(self):
        """Let BatchNorm normalise by the running statistics."""
        self.train_mode = False

    def forward(self, x):
        """Return the last activation's output, (m, output_size), for x: (m, input_size), real numbers.

            x := activation(BatchNorm(x W + b))        for each layer, BatchNorm where the layer has one

        ValueError if x has another shape, TypeError if it does not hold real numbers.
        """
        x = _as_floating(x, "x", np.promote_types(self.W[0].dtype, np.float32))
        _check_batch(x, "x", self.input_size)
        self._inputs = self._output = None  # room for those of this pass
        inputs = []
        for i in range(self.nlayers):
            inputs.append(x)
            z = x @ self.W[i] + self.b[i]
            if i < self.num_bn_layers:
                z = self.bn_layers[i](z, eval=not self.train_mode)
            x = self.activations[i](z)
        self._inputs, self._output = inputs, x
        return x

    def backward(self, labels):
        """Set dW and db, of the batch's mean loss, and each BatchNorm's dgamma and dbeta, summed over the batch.

        labels: (m, output_size), of the last forward's x.

            delta = dlogits;  then, for each layer from the last to the first:
            delta := activation' delta;  delta := BatchNorm.backward(delta)
            dW = 1/m x^T delta;  db = 1/m sum_i delta_i;  delta := delta W^T

        RuntimeError before the first forward; ValueError if labels have another shape.
        """
        if self._inputs is None:
            raise RuntimeError("backward(labels) goes back through the last forward: call forward(x) first")
        self.criterion(self._output, labels)
        delta = self.criterion.derivative()
        m = len(delta)
        dW, db = [], []
        for i in reversed(range(self.nlayers)):
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            share = delta / m
            dW.insert(0, self._inputs[i].T @ share)
            db.insert(0, _column_sums(share))
            if i > 0:
                delta = delta @ self.W[i].T
        self.dW, self.db = dW, db

    def zero_grads(self):
        """Set every dW, db, dgamma and dbeta to zeros; backward assigns them anew with or without."""
        self.dW, self.db = list(self._zero_dW), list(self._zero_db)
        for layer in self.bn_layers or []:
            layer.dgamma, layer.dbeta = np.zeros_like(layer.dgamma), np.zeros_like(layer.dbeta)

    def step(self):
        """Update every parameter once.

            velocity := momentum velocity - lr dp;  p := p + velocity       for each W and b
            p := p - lr dp                                                  for each gamma and beta
        """
        lr = float(self.lr)  # a NumPy float would turn float32 into float64
        self.W = _moved(self.W, self.dW, self._W_velocities, self._own_W, lr, self.momentum)
        self.b = _moved(self.b, self.db, self._b_velocities, self._own_b, lr, self.momentum)
        for layer in self.bn_layers or []:
            layer.gamma = layer.gamma - lr * layer.dgamma
            layer.beta = layer.beta - lr * layer.dbeta


def _moved(params, grads, velocities, own, lr, momentum):
    """Return params after a step: the network's own arrays changed in place, copies of those from outside."""
    moved = [p if p is mine else _as_floating(p, "a parameter").copy() for p, mine in zip(params, own)]
    for arrays in zip(moved, grads, velocities):
        n = arrays[0].size // 2 ** 16  # parts that stay in the processor's cache: saves 5 % of a wide network's step
        parts = zip(*(np.array_split(a.reshape(-1), n) for a in arrays)) if n > 1 else [arrays]
        for p, grad, velocity in parts:
            velocity *= momentum
            velocity -= lr * grad
            p += velocity
    own[:] = moved
    return moved


def _initial(init_fn, shape):
    """Return a floating copy of init_fn(*shape); ValueError unless it has that shape, or is a bias (1, d)."""
    made = _as_floating(init_fn(*shape), "the result of an initializer")
    if made.shape != shape and not (len(shape) == 1 and made.shape == (1,) + shape):
        raise ValueError("an initializer called for shape {} must return it, got {} from {!r}".format(
            shape, made.shape, init_fn))
    return made.copy()


# ---- 2.8 Training ------------------------------------------------------------------------------------------

_EVAL_BATCH_SIZE = 500  # faster than a training batch's, and small beside the network


def get_training_stats(mlp, dset, nepochs, batch_size, *, on_epoch=None):
    """Train mlp with SGD and return how it went.

    dset: ((trainx, trainy), (valx, valy), (testx, testy)).  x: (n, input_size), real numbers, also memory-mapped.
    y: (n, K) one-hot, or (n,) class indices.  Neither is changed.
    nepochs, batch_size: integers >= 1; the last batch of an epoch may be shorter.
    on_epoch(epoch, training_loss, training_error, validation_loss, validation_error): called after each epoch, from 0.

    Returns (training_losses, training_errors, validation_losses, validation_errors, confusion_matrix).  The four:
    (nepochs,), float64, averages per example; in training over the batches as they were trained on, in validation
    after the epoch, in eval mode.  The matrix: (K, K) counts over the test set after the last epoch, rows the
    predicted class, columns the true one.  mlp is left in eval mode.

    np.random.shuffle orders the examples anew for each epoch, so np.random.seed makes a run repeatable.
    ValueError or TypeError says what is wrong with dset, nepochs or batch_size.
    """
    _check_integer(nepochs, "nepochs")
    _check_integer(batch_size, "batch_size")
    (trainx, trainy), validation, test = _checked(dset, mlp)
    n, eye = len(trainx), np.eye(mlp.output_size)
    classes = trainy if trainy.ndim == 1 else trainy.argmax(axis=1)
    losses, predicted = np.zeros((2, n))
    stats = np.zeros((4, nepochs))
    for epoch in range(nepochs):
        mlp.train()
        order = np.arange(n)
        np.random.shuffle(order)
        for start in range(0, n, batch_size):
            batch = order[start:start + batch_size]
            mlp.zero_grads()
            output = mlp.forward(trainx.take(batch, axis=0))
            mlp.backward(_one_hot(trainy[batch], eye))
            mlp.step()
            losses[batch] = mlp.criterion.loss
            predicted[batch] = output.argmax(axis=1)
        stats[:, epoch] = (losses.mean(), (predicted != classes).mean()) + _evaluate(mlp, *validation)[:2]
        for velocity in mlp._W_velocities:  # those of pixels that are seldom lit: so near 0, numbers are slow
            velocity[np.abs(velocity) < np.finfo(velocity.dtype).tiny] = 0
        if on_epoch is not None:
            on_epoch(epoch, *stats[:, epoch])
    return tuple(stats) + (_evaluate(mlp, *test)[2],)


def _evaluate(mlp, x, y):
    """Return the mean loss and error of mlp in eval mode, and its confusion matrix, (K, K)."""
    mlp.eval()
    loss, eye = 0, np.eye(mlp.output_size)
    confusion_matrix = np.zeros(eye.shape, dtype=np.int64)
    for start in range(0, len(x), _EVAL_BATCH_SIZE):
        batch = slice(start, start + _EVAL_BATCH_SIZE)
        labels = _one_hot(y[batch], eye)
        output = mlp.forward(x[batch])
        loss += mlp.criterion(output, labels).sum(dtype=np.float64)
        np.add.at(confusion_matrix, (output.argmax(axis=1), labels.argmax(axis=1)), 1)
    return loss / len(x), (len(x) - confusion_matrix.trace()) / len(x), confusion_matrix


def _one_hot(y, eye):
    """Return labels y as (m, K): themselves if they are that, or for class indices, (m,), the rows of eye."""
    return y if y.ndim == 2 else eye[y]


def _checked(dset, mlp):
    """Return dset's three pairs (x, y) as arrays; ValueError or TypeError if they do not fit mlp."""
    try:
        (trainx, trainy), (valx, valy), (testx, testy) = dset
    except (TypeError, ValueError):
        raise ValueError("dset must be ((trainx, trainy), (valx, valy), (testx, testy))")
    pairs = []
    for name, x, y in (("train", trainx, trainy), ("val", valx, valy), ("test", testx, testy)):
        x, y = _as_numbers(x, name + "x"), _as_numbers(y, name + "y")
        _check_batch(x, name + "x", mlp.input_size)
        if y.shape not in ((len(x),), (len(x), mlp.output_size)):
            raise ValueError("{0}y must hold a label for each row of {0}x, class indices ({1},) or one-hot "
                             "({1}, {2}), got shape {3}".format(name, len(x), mlp.output_size, y.shape))
        if y.ndim == 1 and not (y.dtype.kind in "iu" and 0 <= y.min() and y.max() < mlp.output_size):
            raise ValueError("{}y must hold class indices, integers from 0 to {}, got {} from {} to {}".format(
                name, mlp.output_size - 1, y.dtype, y.min(), y.max()))
        pairs.append((x, y))
    return pairs
