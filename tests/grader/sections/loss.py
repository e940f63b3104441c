"""2.2 Softmax cross-entropy: the loss of each example, by log-sum-exp, and its derivative."""

import numpy as np

from tests.grader.describe import find_factor
from tests.grader.judge import Check, Way, alone
from tests.grader.network import make_batch
from tests.grader.reasons import CannotAsk, require

SIZES = (7, 2, 8, 50)  # batch sizes, those of the networks among them
UNSTABLE = "the log is taken of a softmax that is 0"
STABLE = "take it by log-sum-exp, x - max - log(sum(exp(x - max)))"


def loss(nn, given):
    """The loss of ordinary logits, for batches of different sizes one after the other."""
    criterion = nn.SoftmaxCrossEntropy()
    for m in SIZES:
        x = given("the logits", np.random.RandomState(m).normal(0, 3, (m, 10)))
        labels = given("the labels", make_batch(m, seed=1)[1])
        yield f"the loss of {m} examples", criterion(x, labels)


def derivative(nn, given):
    """sm - y, after the forward of batches of different sizes."""
    criterion = nn.SoftmaxCrossEntropy()
    method = getattr(criterion, "derivative", None) or getattr(criterion, "backward", None)
    require(method, "SoftmaxCrossEntropy has no method derivative")
    if not hasattr(criterion, "derivative"):
        given.advise("SoftmaxCrossEntropy has no derivative(), the starter file's name for "
                     "backward()")
    for m in SIZES:
        x = np.random.RandomState(m).normal(0, 3, (m, 10))
        criterion.forward(x, make_batch(m, seed=3)[1])
        first = np.array(method())
        yield f"derivative() for {m} examples", first
    if not np.array_equal(first, method()):
        given.advise("SoftmaxCrossEntropy.derivative modifies what forward keeps, so that a second "
                     "call gives something else: work on a copy")


def log_sum_exp(nn, given):
    """The loss of logits of +-1000, which a plain exp overflows."""
    x, labels = make_large_logits()
    value = nn.SoftmaxCrossEntropy()(x, labels)
    require_finite(nn, value)
    yield "the loss of logits of +-1000", value


def log_sum_exp_scaled(nn, given):
    """The same, but for a factor that the loss of ordinary logits has, too."""
    ordinary = np.random.RandomState(4).normal(0, 3, (4, 10))
    labels = np.eye(10)[[2, 0, 7, 5]]
    value = np.ravel(nn.SoftmaxCrossEntropy()(ordinary, labels))
    factor = find_factor(value, compute_loss(ordinary, labels))
    if factor is None:
        raise CannotAsk("the loss of ordinary logits is wrong")
    x, labels = make_large_logits()
    value = nn.SoftmaxCrossEntropy()(x, labels)
    yield "the loss of logits of +-1000", np.ravel(value), factor * compute_loss(x, labels)


def make_large_logits():
    """Four rows: the true class is the smallest, the largest, between, one of ten alike."""
    x = np.zeros((4, 10))
    x[0, 2] = -1000
    x[1, 0] = 1000
    x[2, 1] = 1000
    return x, np.eye(10)[[2, 0, 7, 5]]


def compute_loss(x, labels):
    return np.logaddexp.reduce(x, axis=1) - np.sum(x * labels, axis=1)


def require_finite(nn, value):
    """Lost, with what is missing of the log-sum-exp, if the loss is inf or nan, or clipped."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return
    x, labels = make_large_logits()
    right = compute_loss(x, labels)
    if np.isfinite(value).all():
        large = right > 500
        is_clipped = value.shape == right.shape and np.ptp(value[large]) == 0 and (
            np.allclose(value[~large], right[~large])) and (0 < value[large]).all() and (
            value[large] < 500).all()
        require(not is_clipped, f"the loss is {value[0]:.4g} where it should be {right[0]:.4g}: "
                f"the log is taken of a softmax that is clipped; {STABLE}")
        return

    def is_finite(x, labels):
        return np.isfinite(nn.SoftmaxCrossEntropy()(x, labels)).all()

    reason = "take the largest out of the log-sum-exp, as max + log(sum(exp(x - max)))"
    if all(is_finite(x[i:i + 1], labels[i:i + 1]) for i in range(4)):
        reason = "take out the largest logit of each example, not the largest of the batch"
    elif is_finite(x / 1000 + 1000, labels):
        reason = f"{UNSTABLE}; {STABLE}"
    require(False, f"the loss of logits of +-1000 is not finite: {reason}")


CHECKS = [
    Check("loss", 2, "SoftmaxCrossEntropy.forward", alone(loss)),
    Check("log_sum_exp", 1, "SoftmaxCrossEntropy.forward",
          [Way(log_sum_exp), Way(log_sum_exp_scaled)]),
    Check("derivative", 2, "SoftmaxCrossEntropy.derivative", alone(derivative)),
]
