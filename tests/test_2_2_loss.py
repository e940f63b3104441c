"""2.2 Softmax cross-entropy: a loss for each example, (m,), and its derivative, (m, 10).

Fix the first failure first: it explains those below it. The derivative of the loss is checked
against finite differences, then both against values calculated by hand. With the LogSumExp trick
the loss is right for logits of any size.
"""

import numpy as np

from tests.gradients import assert_close, assert_gradient
from tests.networks import cross_entropy, one_hot


def make_logits(seed, m=5):
    """Return random logits and one-hot labels, both (m, 10)."""
    rng = np.random.RandomState(seed)
    logits = rng.standard_normal((m, 10))
    labels = one_hot(rng.randint(10, size=m))
    return logits, labels


def differentiate(criterion):
    """Return the derivative for the last forward, by backward if the criterion has it."""
    if hasattr(criterion, "backward"):
        return criterion.backward()
    return criterion.derivative()


def assert_one_loss_per_example(losses, m):
    shape = np.shape(losses)
    assert shape == (m,), f"the loss of {m} examples must have shape ({m},), got {shape}"


def test_derivative_agrees_with_finite_differences(nn):
    logits, labels = make_logits(0)
    weights = np.random.RandomState(1).standard_normal(5)
    criterion = nn.SoftmaxCrossEntropy()

    def weighted_loss():
        losses = criterion.forward(logits, labels)
        assert_one_loss_per_example(losses, 5)
        return (weights * losses).sum()

    criterion.forward(logits, labels)
    derivative = differentiate(criterion)
    gradient = weights[:, np.newaxis] * derivative
    assert_gradient(gradient, weighted_loss, logits, "derivative of the loss")


# ---- Values --------------------------------------------------------------------------------------

def make_logits_by_hand():
    """Return three equal rows of logits; exp is 11 for class 3 and 1 elsewhere, 20 in total."""
    logits = np.zeros((3, 10))
    logits[:, 3] = np.log(11)
    return logits


def test_loss_matches_hand_calculation(nn):
    logits = make_logits_by_hand()
    labels = one_hot([3, 0, 9])
    loss = nn.SoftmaxCrossEntropy().forward(logits, labels)
    assert_close(loss, [np.log(20 / 11), np.log(20), np.log(20)], "loss")


def test_derivative_matches_hand_calculation(nn):
    logits = make_logits_by_hand()
    labels = one_hot([3, 0, 9])
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(logits, labels)
    expected = np.full((3, 10), 1 / 20)
    expected[:, 3] = 11 / 20
    expected[0, 3] -= 1
    expected[1, 0] -= 1
    expected[2, 9] -= 1
    assert_close(differentiate(criterion), expected, "derivative of the loss")


def test_loss_of_100_examples_is_the_cross_entropy(nn):
    logits, labels = make_logits(2, m=100)
    loss = nn.SoftmaxCrossEntropy().forward(logits, labels)
    assert_close(loss, cross_entropy(logits, labels), "loss")


# ---- Large logits: the LogSumExp trick -----------------------------------------------------------

def test_loss_of_large_logits_is_a_difference_of_logits(nn):
    """exp(1000) is inf in float64, and the softmax of class 2 is rounded to 0."""
    logits = np.zeros((3, 10))
    logits[:, 0] = 1000
    logits[:, 2] = -1000
    labels = one_hot([0, 1, 2])
    loss = nn.SoftmaxCrossEntropy().forward(logits, labels)
    assert_close(loss, [0, 1000, 2000], "loss")


def test_shifting_all_logits_of_an_example_changes_no_loss(nn):
    """With the largest logit of the batch, 5000, each exp of the second example would be 0."""
    logits = np.zeros((3, 10))
    logits[:, 0] = 1000
    logits[:, 2] = -1000
    logits += [[0], [-4000], [4000]]
    labels = one_hot([0, 1, 2])
    loss = nn.SoftmaxCrossEntropy().forward(logits, labels)
    assert_close(loss, [0, 1000, 2000], "loss")


def test_derivative_of_large_logits_has_no_nan(nn):
    logits = np.zeros((2, 10))
    logits[:, 0] = 1000
    labels = one_hot([0, 1])
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(logits, labels)
    expected = one_hot([0, 0]) - labels
    assert_close(differentiate(criterion), expected, "derivative of the loss")


# ---- Several batches -----------------------------------------------------------------------------

def test_derivative_is_that_of_the_last_forward(nn):
    criterion = nn.SoftmaxCrossEntropy()
    for m in (5, 7, 5):
        criterion.forward(*make_logits(3, m))
        differentiate(criterion)
    logits, labels = make_logits(4)
    criterion.forward(logits, labels)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert_close(differentiate(criterion), softmax - labels, "derivative of the loss")


def test_logits_and_labels_are_not_modified(nn):
    logits, labels = make_logits(5)
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(logits, labels)
    differentiate(criterion)
    expected_logits, expected_labels = make_logits(5)
    np.testing.assert_array_equal(logits, expected_logits, err_msg="logits")
    np.testing.assert_array_equal(labels, expected_labels, err_msg="labels")
