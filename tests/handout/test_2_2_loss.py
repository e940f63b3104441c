"""2.2 Softmax cross-entropy: the loss of each example, by log-sum-exp, and its derivative."""

import numpy as np

from tests.handout.judge import batch, check


def loss(nn, given):
    _, labels = batch(7, seed=1)
    logits = given("the logits", np.random.RandomState(2).normal(0, 3, (7, 10)))
    return {"the loss": nn.SoftmaxCrossEntropy()(logits, given("the labels", labels))}


def large_logits(nn, given):
    logits = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1001.0], [800.0, 799.0, 801.0]])
    return {"the loss of logits around +-1000 (take the largest out of the log-sum-exp)":
            nn.SoftmaxCrossEntropy()(logits, np.eye(3)[[2, 1, 0]])}


def derivative(nn, given):
    _, labels = batch(7, seed=3)
    logits = np.random.RandomState(4).normal(0, 3, (7, 10))
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(logits, labels)
    method = getattr(criterion, "derivative", None) or criterion.backward
    return {"derivative()": method()}


SCENARIOS = [loss, large_logits, derivative]


def test_loss(nn):
    check(nn, loss, "2.2")


def test_log_sum_exp(nn):
    check(nn, large_logits, "2.2")


def test_derivative(nn):
    check(nn, derivative, "2.2")
