"""2.2 Softmax cross-entropy: the loss of each example, by log-sum-exp, and its derivative.

A scenario yields (name, value), which is compared with the value of textbook.py's criterion, or
(name, value, expected). An array handed over by given(name, array) must not be modified.
linear.py explains more.
"""

import contextlib

import numpy as np

from tests.grader.describe import find_factor
from tests.grader.judge import Check, Way, alone
from tests.grader.network import draw_normal, make_batch
from tests.grader.reasons import CannotAsk, Lost, require

BATCH_SIZES = (7, 2, 8, 50)  # among them those of the networks in other sections
UNSTABLE = "the log is taken of a softmax that is 0"
STABLE = "take it by log-sum-exp, x - max - log(sum(exp(x - max)))"


def loss(nn, given):
    """The loss of ordinary logits, (m, 10), for one batch size after another."""
    criterion = nn.SoftmaxCrossEntropy()
    for m in BATCH_SIZES:
        x = given("the logits", draw_normal(m, (m, 10), scale=3))
        labels = given("the labels", make_batch(m, seed=1)[1])
        yield f"the loss of {m} examples", criterion(x, labels)


def derivative(nn, given):
    """The derivative, sm - y, after forward, for one batch size after another."""
    criterion = nn.SoftmaxCrossEntropy()
    method = getattr(criterion, "derivative", None) or getattr(criterion, "backward", None)
    require(method, "SoftmaxCrossEntropy has no method derivative")
    if not hasattr(criterion, "derivative"):
        given.advise("SoftmaxCrossEntropy has no derivative(), the starter file's name for "
                     "backward()")
    for m in BATCH_SIZES:
        x = draw_normal(m, (m, 10), scale=3)
        criterion.forward(x, make_batch(m, seed=3)[1])
        first = np.array(method())
        yield f"derivative() for {m} examples", first
    if not np.array_equal(first, method()):
        given.advise("SoftmaxCrossEntropy.derivative modifies what forward keeps, so that a second "
                     "call gives something else: work on a copy")


def log_sum_exp(nn, given):
    """The loss of logits of +-1000, for which a plain exp overflows; the derivative is finite."""
    x, labels = make_large_logits()
    criterion = nn.SoftmaxCrossEntropy()
    value = criterion(x, labels)
    require_stable(nn, value)
    require_finite_derivative(criterion)
    yield "the loss of logits of +-1000", value


def log_sum_exp_by_factor(nn, given):
    """The same, times the factor by which the loss of ordinary logits is wrong, such as -1."""
    x = draw_normal(4, (4, 10), scale=3)
    labels = np.eye(10)[[2, 0, 7, 5]]
    value = np.ravel(nn.SoftmaxCrossEntropy()(x, labels))
    factor = find_factor(value, compute_loss(x, labels))
    if factor is None:
        raise CannotAsk("the loss of ordinary logits is wrong")
    x, labels = make_large_logits()
    criterion = nn.SoftmaxCrossEntropy()
    value = criterion(x, labels)
    require_finite_derivative(criterion)
    yield "the loss of logits of +-1000", np.ravel(value), factor * compute_loss(x, labels)


def make_large_logits():
    """Return logits, (4, 10), and one-hot labels, whose losses are about 1000, 0, 1000 and 2.

    The true class has the smallest logit of its row, the largest, one of nine that are smaller than
    the largest, and one of ten equal ones.
    """
    x = np.zeros((4, 10))
    x[0, 2] = -1000
    x[1, 0] = 1000
    x[2, 1] = 1000
    return x, np.eye(10)[[2, 0, 7, 5]]


def compute_loss(x, labels):
    """Return the loss of each example, (m,), for logits and labels, both (m, K)."""
    return np.logaddexp.reduce(x, axis=1) - np.sum(x * labels, axis=1)


def require_stable(nn, value):
    """Raise Lost, with the part of log-sum-exp that is missing, if the loss overflows.

    value: the loss of make_large_logits(). Other wrong values are left to the comparison.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return
    if not np.isfinite(value).all():
        raise Lost(f"the loss of logits of +-1000 is not finite: {find_overflow(nn)}")
    x, labels = make_large_logits()
    right = compute_loss(x, labels)
    if is_clipped(value, right):
        raise Lost(f"the loss is {value[0]:.4g} where it should be {right[0]:.4g}: "
                   f"the log is taken of a softmax that is clipped; {STABLE}")


def require_finite_derivative(criterion):
    """Raise Lost if the derivative after large logits overflows; it is compared elsewhere."""
    value = None
    with contextlib.suppress(Exception):
        method = getattr(criterion, "derivative", None) or criterion.backward
        value = np.asarray(method(), dtype=float)
    require(value is None or np.isfinite(value).all(),
            "derivative() is not finite for logits of +-1000: take the softmax as exp(x - lse)")


def is_clipped(value, right):
    """Return whether the large losses all have one smaller, positive value, as log(1e-8) gives."""
    if value.shape != right.shape:
        return False
    is_large = right > 500
    large = value[is_large]
    if not np.allclose(value[~is_large], right[~is_large]):
        return False
    return np.ptp(large) == 0 and 0 < large[0] < 500


def find_overflow(nn):
    """Return the reason why the loss of make_large_logits() is not finite."""
    x, labels = make_large_logits()

    def is_finite(x, labels):
        return np.isfinite(nn.SoftmaxCrossEntropy()(x, labels)).all()

    if all(is_finite(x[i:i + 1], labels[i:i + 1]) for i in range(len(x))):
        return "take out the largest logit of each example, not the largest of the batch"
    if is_finite(x / 1000 + 1000, labels):  # the differences are small
        return f"{UNSTABLE}; {STABLE}"
    return "take the largest out of the log-sum-exp, as max + log(sum(exp(x - max)))"


CHECKS = [
    Check("loss", 2, "SoftmaxCrossEntropy.forward", alone(loss)),
    Check("log_sum_exp", 1, "SoftmaxCrossEntropy.forward",
          [Way(log_sum_exp), Way(log_sum_exp_by_factor)]),
    Check("derivative", 2, "SoftmaxCrossEntropy.derivative", alone(derivative)),
]
