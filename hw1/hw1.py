"""Homework 1, part 1, of CMU's 11-785, Introduction to Deep Learning, Fall 2018.

A multi-layer perceptron from scratch, each part under its section of the handout.
BatchNorm follows Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network
Training by Reducing Internal Covariate Shift", 2015.

m is the batch size, d a number of units and K the number of classes; the batch is the
first axis.  dX means dL/dX for a loss L, and delta is the upstream gradient.  (1) to
(27) are the equations of the handout's appendix B.

float64 and float32 are supported.  Lists, integers and booleans become float64 in every
part except Identity, which returns its argument.  In an MLP, NumPy's type promotion of
x W decides: if the initializers return float32 and x is float32, uint8 or bool, the
outputs, gradients and parameters are float32.
"""

import numpy as np


# ---- 2.1 Initializers ----------------------------------------------------------------

def random_normal_weight_init(d0, d1):
    """Return standard normal weights, (d0, d1), for d0 inputs and d1 units."""
    return np.random.normal(0.0, 1.0, (d0, d1))


def zeros_bias_init(d):
    """Return zero biases, (d,), for d units."""
    return np.zeros(d)


# ---- 2.2 Criterion, and appendix A ---------------------------------------------------

class Criterion:
    """Measure the loss of each example.

    logits, labels: the arguments of the last forward, (m, K).
    loss: its result, (m,), which get_training_stats reads.
    """

    logits = None
    labels = None
    loss = None

    def __call__(self, x, y):
        return self.forward(x, y)

    def forward(self, x, y):
        """Return the loss of each example, (m,), for logits x and labels y, (m, K)."""
        raise NotImplementedError("a Criterion must define forward")

    def derivative(self):
        """Return dlogits, (m, K), the gradient of each example's loss."""
        raise NotImplementedError("a Criterion must define derivative")


class SoftmaxCrossEntropy(Criterion):
    """Measure the cross-entropy of the labels and the softmax of the logits.

    sm: the softmax of the last forward, (m, K).
    """

    sm = None

    def forward(self, x, y):
        """Return the loss of each example, (m,), computed by the LogSumExp trick.

        x: logits, (m, K).  y: labels, (m, K), one-hot or probabilities.
        Raise ValueError if they are not both (m, K).

            max_i     = max_k x_ik
            sm_ij     = exp(x_ij - max_i) / sum_k exp(x_ik - max_i)
            log sm_ij = x_ij - max_i - log sum_k exp(x_ik - max_i)
            loss_i    = -sum_j y_ij log sm_ij
        """
        x = _as_float(x)
        y = np.asarray(y, x.dtype)
        if x.ndim != 2 or y.shape != x.shape:
            raise ValueError("logits and labels must be (m, K), got {} and {}; class "
                             "indices y become one-hot by np.eye(K)[y]".format(
                                 x.shape, y.shape))
        self.logits = x
        self.labels = y
        shifted = x - x.max(axis=1, keepdims=True)
        exps = np.exp(shifted)
        sums = exps.sum(axis=1, keepdims=True)
        self.sm = exps / sums
        self.loss = (y * (np.log(sums) - shifted)).sum(axis=1)
        return self.loss

    def derivative(self):
        """Return dlogits = sm - y, (m, K), of each example's loss, not divided by m."""
        return self.sm - self.labels

    backward = derivative  # its name in the handout's text


# ---- 2.4 Activations -----------------------------------------------------------------

class Activation:
    """Apply a function f to each element.

    state: the output of the last forward.  derivative must depend on nothing else: one
    object may serve several layers, and MLP.backward sets state to a layer's own output
    before it calls derivative.  A subclass computes with _as_float(x), as Sigmoid does,
    so that integers become float64 and float32 stays float32.
    """

    state = None

    def __call__(self, x):
        return self.forward(x)

    def forward(self, x):
        """Return f(x), of the shape of x, and set state to it."""
        raise NotImplementedError("an Activation must define forward")

    def derivative(self):
        """Return f'(x) for the x that gave state: of state's shape, or a scalar."""
        raise NotImplementedError("an Activation must define derivative")


class Identity(Activation):
    """Return x itself:  f(x) = x;  f' = 1."""

    def forward(self, x):
        self.state = x
        return self.state

    def derivative(self):
        return 1.0


class Sigmoid(Activation):
    """Apply the logistic function:  f(x) = 1 / (1 + exp(-x));  f' = f (1 - f)."""

    def forward(self, x):
        with np.errstate(over="ignore"):  # exp(-x) = inf gives f(x) = 0, which is right
            self.state = 1 / (1 + np.exp(-_as_float(x)))
        return self.state

    def derivative(self):
        return self.state * (1 - self.state)


class Tanh(Activation):
    """Apply the hyperbolic tangent:  f(x) = tanh(x);  f' = 1 - f^2."""

    def forward(self, x):
        self.state = np.tanh(_as_float(x))
        return self.state

    def derivative(self):
        return 1 - self.state * self.state


class ReLU(Activation):
    """Apply the rectified linear unit:  f(x) = max(x, 0);  f' = 1 if x > 0, else 0."""

    def forward(self, x):
        self.state = np.maximum(_as_float(x), 0)
        return self.state

    def derivative(self):
        return (self.state > 0).astype(self.state.dtype)


# ---- 2.6 Batch normalization, and appendix B -----------------------------------------

class BatchNorm:
    """Normalise each unit over the batch, then scale by gamma and shift by beta.

    x, norm, out: the argument, x_hat and the result of the last forward, (m, fan_in).
    mean, var: those of the last training batch, (fan_in,).
    running_mean, running_var, gamma, beta: (1, fan_in).
    dgamma, dbeta: (fan_in,), sums over the batch.
    alpha, eps: the numbers in forward's equations.
    At construction x, norm and out are None, and all other arrays are (1, fan_in).
    """

    def __init__(self, fan_in, alpha=0.9, dtype=np.float64):
        """Set gamma and the variances to ones, and all other arrays to zeros.

        fan_in: the number of units.  alpha: the weight of the running statistics' old
        values, from 0 to 1.  dtype: that of the arrays.
        """
        self.alpha = alpha
        self.eps = 1e-8
        self.x = None
        self.norm = None
        self.out = None
        self.mean = np.zeros((1, fan_in), dtype)
        self.var = np.ones((1, fan_in), dtype)
        self.running_mean = np.zeros((1, fan_in), dtype)
        self.running_var = np.ones((1, fan_in), dtype)
        self.gamma = np.ones((1, fan_in), dtype)
        self.beta = np.zeros((1, fan_in), dtype)
        self.dgamma = np.zeros((1, fan_in), dtype)
        self.dbeta = np.zeros((1, fan_in), dtype)

    def __call__(self, x, eval=False):
        return self.forward(x, eval)

    def forward(self, x, eval=False):
        """Normalise, scale and shift x, (m, fan_in), and return out, (m, fan_in).

            mean = 1/m sum_i x_i                                                     (1)
            var  = 1/m sum_i (x_i - mean)^2                                          (2)
            norm = x_hat = (x - mean) (var + eps)^(-1/2)                             (3)
            out  = gamma x_hat + beta                                                (4)

            running_mean := alpha running_mean + (1 - alpha) mean
            running_var  := alpha running_var  + (1 - alpha) var

        With eval, normalise by running_mean and running_var, and update neither.
        """
        x = _as_float(x)
        if eval:
            centred = x - self.running_mean
            var = self.running_var
        else:
            self.mean = _sum_over_batch(x) / len(x)
            centred = x - self.mean
            # The mean is rounded: without this, a constant unit would not become 0.
            centred -= _sum_over_batch(centred) / len(x)
            var = _sum_over_batch(centred * centred) / len(x)
            self.var = var
            alpha = float(self.alpha)  # an np.float64 would widen float32 arrays
            self.running_mean = alpha * self.running_mean + (1 - alpha) * self.mean
            self.running_var = alpha * self.running_var + (1 - alpha) * self.var
        self.x = x
        self._eval = eval
        self._inverse_std = 1 / np.sqrt(var + float(self.eps))
        self.norm = centred * self._inverse_std
        self.out = self.gamma * self.norm + self.beta
        return self.out

    def backward(self, delta):
        """Set dgamma and dbeta, sums over the batch, and return dx, (m, fan_in).

        delta: the upstream gradient dout, (m, fan_in).

            dx_hat = gamma delta                                                     (5)
            dbeta  = sum_i delta_i                                                   (6)
            dgamma = sum_i delta_i x_hat_i                                           (7)
            dvar   = -1/2 sum_i dx_hat_i (x_i - mean) (var + eps)^(-3/2)            (10)
            dmean  = -sum_i dx_hat_i (var + eps)^(-1/2)                             (17)
            dx     = dx_hat (var + eps)^(-1/2) + dvar 2/m (x - mean) + dmean 1/m    (27)

        The second sum of (17) is zero, as the x_i - mean sum to 0.  With x_hat for
        (x - mean) (var + eps)^(-1/2), the terms of (27) share a factor:

            dx = gamma (var + eps)^(-1/2) (delta - 1/m dgamma x_hat - 1/m dbeta)

        After a forward with eval the statistics are constants: dx is the first term.
        """
        delta = _as_float(delta)
        self.dbeta = _sum_over_batch(delta)
        self.dgamma = _sum_over_batch(delta * self.norm)
        dx = delta
        if not self._eval:
            m = len(delta)
            dx = delta - self.norm * (self.dgamma / m) - self.dbeta / m
        return dx * (self.gamma * self._inverse_std)


# ---- 2.3, 2.5, 2.7 The multi-layer perceptron ----------------------------------------

class MLP:
    """Apply layers: x W + b, BatchNorm in the first num_bn_layers, and an activation.

    input_size, output_size: the number of inputs and the number of classes, at least 1.
    hiddens: the number of units of each hidden layer, at least 1.
    activations: an Activation for each of the len(hiddens) + 1 layers.
    weight_init_fn(d_in, d_out), bias_init_fn(d_out): called once per layer, in order.
    criterion: a Criterion.
    lr, momentum: the learning rate and the momentum coefficient.
    Raise ValueError or TypeError if an argument is invalid.

    W, dW: lists of (d_in, d_out), one per layer.
    b: a list of (d_out,) or (1, d_out), as bias_init_fn returns them.
    db: a list of (d_out,).
    bn_layers: a list of num_bn_layers BatchNorm, or None for none.
    Each list and each entry may be replaced at any time.
    """

    def __init__(self, input_size, output_size, hiddens, activations, weight_init_fn,
                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0):
        sizes = [input_size] + list(hiddens) + [output_size]
        activations = list(activations)
        _check_network(sizes, activations, criterion, num_bn_layers)
        self.input_size = input_size
        self.output_size = output_size
        self.nlayers = len(sizes) - 1
        self.activations = activations
        self.criterion = criterion
        self.lr = lr
        self.momentum = momentum
        self.num_bn_layers = num_bn_layers
        self.bn = num_bn_layers > 0
        self.train_mode = True

        self.W = [_as_float(weight_init_fn(d0, d1)) for d0, d1 in zip(sizes, sizes[1:])]
        self.b = [_as_float(bias_init_fn(d)) for d in sizes[1:]]
        _check_parameters(sizes, self.W, self.b)
        self.bn_layers = None
        if self.bn:
            self.bn_layers = [BatchNorm(W.shape[1], dtype=W.dtype)
                              for W in self.W[:num_bn_layers]]
        self.zero_grads()
        self._W_velocities = [np.zeros(W.shape, W.dtype) for W in self.W]
        self._b_velocities = [np.zeros((1, b.size), b.dtype) for b in self.b]
        self._outputs = []  # of the last forward: x, then the output of each layer
        self._states = []  # of the last forward: the state of each activation
        _keep_freed_memory()

    def __call__(self, x):
        return self.forward(x)

    def __repr__(self):
        parts = [str(self.input_size)]
        for i in range(self.nlayers):
            norm = "BatchNorm " if i < self.num_bn_layers else ""
            name = type(self.activations[i]).__name__
            parts.append("{} {}{}".format(self.b[i].size, norm, name))
        nparams = sum(p.size for p in self.W + self.b)
        nparams += sum(2 * bn.gamma.size for bn in self.bn_layers or [])
        return "MLP({}; {:,} parameters)".format(" -> ".join(parts), nparams)

    def train(self):
        """Make BatchNorm normalise by the batch and update its running statistics."""
        self.train_mode = True

    def eval(self):
        """Make BatchNorm normalise by its running statistics."""
        self.train_mode = False

    def zero_grads(self):
        """Set every dW, db, dgamma and dbeta to zeros."""
        self.dW = [np.zeros(W.shape, W.dtype) for W in self.W]
        self.db = [np.zeros(b.size, b.dtype) for b in self.b]
        for bn in self.bn_layers or []:
            bn.dgamma = np.zeros(bn.gamma.size, bn.gamma.dtype)
            bn.dbeta = np.zeros(bn.beta.size, bn.beta.dtype)

    def forward(self, x):
        """Return the last layer's output, (m, output_size), for x, (m, input_size).

            x := activation(BatchNorm(x W + b))        for each layer

        Do not change x or the result in place before backward, which uses both.
        Raise ValueError if x has another shape or no rows.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.input_size or len(x) == 0:
            raise ValueError("x must be (m, {}), with m >= 1 examples, got {}".format(
                self.input_size, x.shape))
        self._outputs = []  # so that backward is refused if a layer raises
        outputs = [x]
        states = []
        for i in range(self.nlayers):
            x = x @ self.W[i] + self.b[i]
            if i < self.num_bn_layers:
                x = self.bn_layers[i](x, eval=not self.train_mode)
            x = self.activations[i](x)
            outputs.append(x)
            states.append(self.activations[i].state)
        self._outputs = outputs
        self._states = states
        return x

    def backward(self, labels):
        """Set dW and db, of the mean loss, and dgamma and dbeta, of the summed loss.

        labels: (m, output_size), those of the last forward's x.
        Raise RuntimeError if there was no forward.  The criterion checks the labels.

            delta = dlogits;  then, for each layer from the last to the first:
            delta := activation' delta;  delta := BatchNorm.backward(delta)
            dW = 1/m x^T delta;  db = 1/m sum_i delta_i      for the layer's input x
            delta := delta W^T
        """
        if not self._outputs:
            raise RuntimeError("backward needs the outputs of a forward pass: call "
                               "forward(x) first")
        self.criterion(self._outputs[-1], labels)
        delta = self.criterion.derivative()
        for i in reversed(range(self.nlayers)):
            self.activations[i].state = self._states[i]  # one object may serve several
            delta = delta * self.activations[i].derivative()
            if i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
            mean_delta = delta / len(delta)
            self.dW[i] = self._outputs[i].T @ mean_delta
            self.db[i] = _sum_over_batch(mean_delta)
            if i > 0:
                delta = delta @ self.W[i].T

    def step(self):
        """Update every parameter once; each becomes a new array.

            velocity := momentum velocity - lr dp;  p := p + velocity   for each W and b
            p := p - lr dp                                      for each gamma and beta
        """
        lr = float(self.lr)  # an np.float64 would widen float32 arrays
        momentum = float(self.momentum)
        _step_with_momentum(self.W, self.dW, self._W_velocities, lr, momentum)
        _step_with_momentum(self.b, self.db, self._b_velocities, lr, momentum)
        for bn in self.bn_layers or []:
            bn.gamma = bn.gamma - lr * bn.dgamma
            bn.beta = bn.beta - lr * bn.dbeta


def _step_with_momentum(params, grads, velocities, lr, momentum):
    """Update each velocity in place, and replace each parameter by a new array.

    params, grads: lists of (d_in, d_out) for W; of (d,) or (1, d) for b.
    velocities: a list of (d_in, d_out) for W; of (1, d) for b.
    """
    for i in range(len(velocities)):
        # Copy the velocity only if it is read-only, or less precise than the gradient.
        dtype = np.result_type(velocities[i], grads[i])
        velocity = np.require(velocities[i], dtype, "W")
        velocity *= momentum
        velocity -= lr * grads[i]
        velocities[i] = velocity
        params[i] = params[i] + velocity.reshape(params[i].shape)


def _check_network(sizes, activations, criterion, num_bn_layers):
    """Raise ValueError or TypeError if an argument of MLP is invalid."""
    nlayers = len(sizes) - 1
    if min(sizes) < 1:
        raise ValueError("every size must be at least 1, got {}".format(sizes))
    if len(activations) != nlayers:
        raise ValueError("activations must be one for each of {} layers, got {}".format(
            nlayers, len(activations)))
    for part in activations + [criterion]:
        if isinstance(part, type):
            raise TypeError("activations and criterion must be objects, not a class: "
                            "write {}()".format(part.__name__))
    if not 0 <= num_bn_layers <= nlayers:
        raise ValueError("num_bn_layers must be from 0 to {}, the number of layers, "
                         "got {}".format(nlayers, num_bn_layers))


def _check_parameters(sizes, W, b):
    """Raise ValueError unless each W and b has the shape that the sizes ask for."""
    for i in range(len(W)):
        d0 = sizes[i]
        d1 = sizes[i + 1]
        if W[i].shape != (d0, d1) or b[i].shape not in ((d1,), (1, d1)):
            raise ValueError("initializers must return weights {} and biases {} or {}, "
                             "got {} and {}".format((d0, d1), (d1,), (1, d1),
                                                    W[i].shape, b[i].shape))


def _keep_freed_memory():
    """Make glibc's malloc reuse the memory of large arrays, for the whole process.

    malloc returns a freed block of 128 KiB or more to the system.  Freeing one of up to
    32 MiB raises that limit to its size; a step of a wide network is then 5 % faster.
    """
    np.empty(31 * 2 ** 20, np.uint8)


# ---- 2.8 Training statistics ---------------------------------------------------------

def get_training_stats(mlp, dset, nepochs, batch_size, *, on_epoch=None):
    """Train mlp by stochastic gradient descent and return the training statistics.

    dset: ((trainx, trainy), (valx, valy), (testx, testy)).
    Each x: (n, input_size), finite real numbers; an array, a memory map or lists.
    Each y: (n, K), one-hot or probabilities, or (n,), class indices.
    nepochs, batch_size: integers; the last batch of an epoch may be smaller.
    on_epoch(epoch, training_loss, training_error, validation_loss, validation_error):
    called after each epoch; epochs are counted from 0.

    Return (training_losses, training_errors, validation_losses, validation_errors,
    confusion_matrix).  The first four are (nepochs,), averages per example: in training
    over the batches as they were trained on, in validation after each epoch, in eval
    mode.  confusion_matrix, (K, K), counts the examples of the test set: rows are
    predicted classes, columns true classes.  mlp is left in eval mode.

    np.random.shuffle orders the examples at the start of each epoch.
    Raise ValueError before the first epoch if dset or batch_size is wrong.
    """
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1, got {}".format(batch_size))
    (trainx, trainy), val, test = _check_dset(dset, mlp.output_size)
    order = np.arange(len(trainx))
    training_losses = np.zeros(nepochs)
    training_errors = np.zeros(nepochs)
    validation_losses = np.zeros(nepochs)
    validation_errors = np.zeros(nepochs)
    for epoch in range(nepochs):
        mlp.train()
        np.random.shuffle(order)
        for start in range(0, len(order), batch_size):
            batch = order[start:][:batch_size]  # a sum could overflow np.uint8
            labels = trainy.take(batch, axis=0)
            mlp.zero_grads()
            output = mlp.forward(trainx.take(batch, axis=0))
            mlp.backward(labels)
            mlp.step()
            training_losses[epoch] += _sum_loss(mlp.criterion, len(batch))
            training_errors[epoch] += (output.argmax(1) != labels.argmax(1)).sum()
        training_losses[epoch] /= len(order)
        training_errors[epoch] /= len(order)
        validation_losses[epoch], validation_errors[epoch], _ = _evaluate(mlp, *val)
        if on_epoch is not None:
            on_epoch(epoch, training_losses[epoch], training_errors[epoch],
                     validation_losses[epoch], validation_errors[epoch])
    _, _, confusion_matrix = _evaluate(mlp, *test)
    return (training_losses, training_errors, validation_losses, validation_errors,
            confusion_matrix)


def _evaluate(mlp, x, y, batch_size=500):
    """Return the mean loss, the error and the confusion matrix of mlp, in eval mode.

    x: (n, input_size).  y: (n, K).
    """
    mlp.eval()
    K = mlp.output_size
    loss = 0.0
    confusion_matrix = np.zeros((K, K), np.int64)
    for start in range(0, len(x), batch_size):
        labels = y[start:start + batch_size]
        output = mlp.forward(x[start:start + batch_size])
        mlp.criterion(output, labels)
        loss += _sum_loss(mlp.criterion, len(labels))
        np.add.at(confusion_matrix, (output.argmax(1), labels.argmax(1)), 1)
    nwrong = len(x) - confusion_matrix.trace()
    return loss / len(x), nwrong / len(x), confusion_matrix


# ---- Helpers -------------------------------------------------------------------------

def _as_float(x):
    """Return x as an array of floats: x itself if it is one, otherwise float64."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    return x


def _sum_over_batch(a):
    """Return the sum over the batch, (d,), of a, (m, d)."""
    return np.ones(len(a), a.dtype) @ a  # faster than a.sum(axis=0)


def _sum_loss(criterion, m):
    """Return the sum of the criterion's loss; raise ValueError unless it is (m,)."""
    if np.shape(criterion.loss) != (m,):
        raise ValueError("a criterion must keep each example's loss as loss, {}, got {}"
                         .format((m,), np.shape(criterion.loss)))
    return criterion.loss.sum(dtype=np.float64)


def _check_dset(dset, K):
    """Return the three pairs of dset, each x in C order and each y as rows, (n, K).

    Raise ValueError unless dset is as get_training_stats describes it.
    """
    try:
        (trainx, trainy), (valx, valy), (testx, testy) = dset
    except (TypeError, ValueError) as error:
        raise ValueError("dset must be three pairs, ((trainx, trainy), (valx, valy), "
                         "(testx, testy)): {}".format(error)) from None
    trainx = _check_x("train", trainx)
    valx = _check_x("val", valx)
    testx = _check_x("test", testx)
    for name, x in (("val", valx), ("test", testx)):
        if x.shape[1] != trainx.shape[1]:
            raise ValueError("{}x must be (n, {}) as trainx is, got {} {}".format(
                name, trainx.shape[1], x.dtype, x.shape))
    trainy = _check_labels("train", trainy, len(trainx), K)
    valy = _check_labels("val", valy, len(valx), K)
    testy = _check_labels("test", testy, len(testx), K)
    return (trainx, trainy), (valx, valy), (testx, testy)


def _check_x(name, x):
    """Return x, (n, d), in C order; raise ValueError unless it is finite numbers."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub" or x.ndim != 2 or x.size == 0:
        raise ValueError("{}x must be (n, input_size), real numbers, at least one row, "
                         "got {} {}".format(name, x.dtype, x.shape))
    x = np.ascontiguousarray(x)
    # A nan or an inf shows in its row's min or max; np.isfinite(x) has the shape of x.
    finite = np.isfinite(x.min(axis=1)) & np.isfinite(x.max(axis=1))
    if not finite.all():
        raise ValueError("{}x must be finite, got nan or inf in row {}".format(
            name, finite.argmin()))
    return x


def _check_labels(name, y, n, K):
    """Return labels y, (n,) or (n, K), as rows, (n, K); raise ValueError if wrong."""
    y = np.asarray(y)
    if y.dtype.kind not in "fiub" or y.shape not in ((n,), (n, K)):
        raise ValueError("{}y must be {}, class indices, or {}, one-hot, got {} {}"
                         .format(name, (n,), (n, K), y.dtype, y.shape))
    rows = y
    if y.ndim == 1:
        rows = (y[:, np.newaxis] == np.arange(K)).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # inf and nan are refused below
        sums = rows.sum(axis=1, dtype=np.float64)
    valid = (rows >= 0).all(axis=1) & np.isclose(sums, 1, rtol=0, atol=1e-5)
    if not valid.all():
        row = valid.argmin()
        raise ValueError("{}y must hold class indices below {}, or rows of at least 0 "
                         "that sum to 1, got {} in row {}".format(name, K, y[row], row))
    return rows
