"""2.2 Softmax cross-entropy: the loss of each example, by log-sum-exp, and its derivative."""

import numpy as np

from tests.grader.judge import Lost, View, after, checks, observe, require
from tests.grader.network import batch

check, CHECKS = checks("2.2")


@check(2, (), repair="parts")
def loss(nn, given):
    """The loss of ordinary logits, for batches of different sizes one after the other."""
    criterion = nn.SoftmaxCrossEntropy()
    for m in (7, 1, 4):
        x = given("the logits", np.random.RandomState(m).normal(0, 3, (m, 10)))
        yield f"the loss of {m} examples", criterion(x, given("the labels", batch(m, seed=1)[1]))


@check(1, repair="parts")
def log_sum_exp(handin):
    """The loss of logits of +-1000, which a plain exp overflows."""
    def loss_of(largest, middle, smallest, rows=slice(4)):
        """Of four rows: the true class is the smallest, the largest, between, one of ten alike."""
        x, labels = np.full((4, 10), float(middle)), np.eye(10)[[2, 0, 7, 5]]
        x[0, 2], x[1, 0], x[2, 1] = smallest, largest, largest
        return lambda nn, given: {f"the loss of logits around {largest}":
                                  nn.SoftmaxCrossEntropy()(x[rows], labels[rows])}

    def finite(*arguments):
        """Whether no inf and no nan is seen; what is no array of numbers is told of elsewhere."""
        seen, = observe(View(handin.nn), loss_of(*arguments)).values()
        return not isinstance(seen, np.ndarray) or seen.dtype.kind != "f" or np.isfinite(seen).all()

    try:
        handin.compare(loss_of(1000, 0, -1000))
    except Lost as lost:
        if finite(1000, 0, -1000):
            if handin.lost(CHECKS[0]) and "is None" not in str(lost):
                return  # what else is wrong with it has cost points there
            raise
        told = "the loss of logits of +-1000 is not finite: "
        if all(finite(1000, 0, -1000, slice(i, i + 1)) for i in range(4)):
            told += "each example's own largest is to be taken out, not the largest of the batch"
        elif finite(1000, 999, 998):
            told += ("the log is taken of a softmax that is 0; take it by log-sum-exp, "
                     "x - max - log(sum(exp(x - max)))")
        else:
            told += "take the largest out of the log-sum-exp, as max + log(sum(exp(x - max)))"
        raise Lost(told) from lost


@check(2, repair="parts")
def derivative(handin):
    def scenario(nn, given):
        criterion = nn.SoftmaxCrossEntropy()
        for m in (5, 7):
            x = np.random.RandomState(m).normal(0, 3, (m, 10))
            loss = criterion.forward(x, batch(m, seed=3)[1])
            method = getattr(criterion, "derivative", None) or getattr(criterion, "backward", None)
            require(method, "SoftmaxCrossEntropy has no method derivative")
            with after("SoftmaxCrossEntropy.forward", loss):
                yield f"derivative() for {m} examples", method()

    handin.compare(scenario)
    if not hasattr(handin.nn.SoftmaxCrossEntropy, "derivative"):
        handin.advice.append("SoftmaxCrossEntropy has no derivative(), the starter file's name for "
                             "backward()")
