"""2.2 Softmax cross-entropy: the loss of each example, by log-sum-exp, and its derivative."""

import numpy as np

from tests.grader.judge import Lost, View, after, checks, observe
from tests.grader.network import batch

check, CHECKS = checks("2.2")


def is_finite(seen):
    """Whether it holds no inf and no nan; what is no array of numbers is told of elsewhere."""
    return not isinstance(seen, np.ndarray) or seen.dtype.kind != "f" or bool(np.isfinite(seen).all())


LABELS = np.eye(10)[[2, 0, 7, 5]]


def logits(largest, middle, smallest):
    """Four rows of ten logits: the true class has the smallest, the largest, one between, and one of ten alike."""
    x = np.full((4, 10), float(middle))
    x[0, 2], x[1, 0], x[2, 1] = smallest, largest, largest
    return x


@check(2, repair="parts")
def loss(handin):
    """The loss of ordinary logits, for batches of different sizes one after the other."""
    def scenario(nn, given):
        criterion, seen = nn.SoftmaxCrossEntropy(), {}
        for m in (7, 1, 4):
            x = given("the logits", np.random.RandomState(m).normal(0, 3, (m, 10)))
            seen[f"the loss of {m} examples"] = criterion(x, given("the labels", batch(m, seed=1)[1]))
        return seen

    handin.compare(scenario)


@check(1, repair="parts")
def log_sum_exp(handin):
    """The loss of logits of +-1000, which a plain exp overflows."""
    def loss_of(*sizes):
        def scenario(nn, given):
            return {f"the loss of logits around {sizes[0]}": nn.SoftmaxCrossEntropy()(logits(*sizes), LABELS)}
        return scenario

    def finite(*sizes):
        return all(is_finite(seen) for seen in observe(View(handin.nn), loss_of(*sizes)).values())

    def one_by_one(nn, given):
        x = logits(1000, 0, -1000)
        return {f"row {i}": nn.SoftmaxCrossEntropy()(x[i:i + 1], LABELS[i:i + 1]) for i in range(len(x))}

    try:
        handin.compare(loss_of(1000, 0, -1000))
    except Lost as lost:
        if finite(1000, 0, -1000):
            if handin.lost(CHECKS[0]) and "is None" not in str(lost):
                return  # what else is wrong with it has cost points there
            raise
        if all(is_finite(seen) for seen in observe(View(handin.nn), one_by_one).values()):
            raise Lost("the loss of logits of +-1000 is not finite: each example's own largest is to be taken out, not "
                       "the largest of the batch") from lost
        if finite(1000, 999, 998):
            raise Lost("the loss of logits of +-1000 is not finite: the log is taken of a softmax that is 0; take it "
                       "by log-sum-exp, x - max - log(sum(exp(x - max)))") from lost
        raise Lost("the loss of logits of +-1000 is not finite: take the largest out of the log-sum-exp, as "
                   "max + log(sum(exp(x - max)))") from lost


@check(2, repair="parts")
def derivative(handin):
    def scenario(nn, given):
        criterion, seen = nn.SoftmaxCrossEntropy(), {}
        for m in (5, 7):
            loss = criterion.forward(np.random.RandomState(m).normal(0, 3, (m, 10)), batch(m, seed=3)[1])
            method = getattr(criterion, "derivative", None) or getattr(criterion, "backward", None)
            if method is None:
                raise Lost("SoftmaxCrossEntropy has no method derivative")
            with after("SoftmaxCrossEntropy.forward", loss):
                seen[f"derivative() for {m} examples"] = method()
        return seen

    handin.compare(scenario)
    if not hasattr(handin.nn.SoftmaxCrossEntropy, "derivative"):
        handin.advise("SoftmaxCrossEntropy has no derivative(), the starter file's name for backward()")
