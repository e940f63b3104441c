"""Labels: one-hot, probabilities or class indices, of any dtype; and those that are refused."""

import re

import numpy as np
import pytest

from tests.gradients import assert_gradient
from tests.module.helpers import one_hot, soft_labels
from tests.module.training import (PARTITIONS, Classifier, assert_stats, dataset,
                                   normalised_network, plain_loop, run)
from tests.module.networks import K, arrays, assert_gradients, assert_same_arrays, batch, network

EACH_PARTITION = pytest.mark.parametrize("name", PARTITIONS)


# ---- Probabilities in the loss -------------------------------------------------------------------

def test_derivative_for_soft_labels_agrees_with_differences(nn):
    rng = np.random.RandomState(0)
    x = rng.standard_normal((5, 4))
    labels = soft_labels(rng, 5, 4)
    delta = rng.standard_normal(5)
    criterion = nn.SoftmaxCrossEntropy()
    criterion.forward(x, labels)
    dlogits = delta[:, np.newaxis] * criterion.derivative()

    def loss():
        return (delta * criterion.forward(x, labels)).sum()

    assert_gradient(dlogits, loss, x, "dlogits")


@pytest.mark.parametrize("m, num_classes", [
    (7, 4),
    (1, 3),
    (4, 1),
    (1, 1),
    (3, 1000),
])
def test_loss_of_soft_labels_agrees_with_loops(nn, m, num_classes):
    rng = np.random.RandomState(1)
    x = rng.standard_normal((m, num_classes))
    labels = soft_labels(rng, m, num_classes)
    criterion = nn.SoftmaxCrossEntropy()
    losses = criterion.forward(x, labels)
    dlogits = criterion.derivative()
    for i in range(m):
        exps = [np.exp(logit) for logit in x[i]]
        total = sum(exps)
        softmax = [exp / total for exp in exps]
        loss = -sum(y * np.log(p) for y, p in zip(labels[i], softmax))
        gradient = softmax - labels[i]
        np.testing.assert_allclose(losses[i], loss, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(criterion.sm[i], softmax, rtol=1e-12)
        np.testing.assert_allclose(dlogits[i], gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("labels, loss, dlogits", [
    # exp of the logits is (1, 3), so the softmax is (1/4, 3/4).
    ([0.25, 0.75], np.log(4) - 0.75 * np.log(3), [0, 0]),
    ([2, 3], 5 * np.log(4) - 3 * np.log(3), [-1.75, -2.25]),
    ([0, 0], 0, [0.25, 0.75]),
])
def test_labels_may_sum_to_any_number(nn, labels, loss, dlogits):
    """derivative() is sm - y, the gradient of the loss where the labels sum to 1."""
    logits = np.log([[1, 3]])
    criterion = nn.SoftmaxCrossEntropy()
    losses = criterion.forward(logits, [labels])
    np.testing.assert_allclose(losses, [loss], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), [dlogits], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
@pytest.mark.parametrize("m", [1, 6])
@pytest.mark.parametrize("hiddens", [(), (5,)], ids=str)
def test_gradients_for_soft_labels_agree_with_differences(nn, hiddens, m, rows):
    mlp = network(nn, hiddens, rows=rows)
    x, labels = batch(1, m, soft=True)
    assert_gradients(mlp, x, labels)


# ---- Labels that get_training_stats takes --------------------------------------------------------

def one_hot_integers(indices):
    return one_hot(indices).astype(np.uint8)


def one_hot_booleans(indices):
    return one_hot(indices) > 0


def one_hot_lists(indices):
    return one_hot(indices).tolist()


@pytest.mark.parametrize("convert", [
    np.uint8, np.float32, np.float64, np.ndarray.tolist, one_hot_integers, one_hot_booleans,
    one_hot_lists,
])
def test_labels_may_be_indices_or_one_hot_of_any_dtype(nn, convert):
    expected = run(nn, normalised_network(nn), dataset(y=one_hot))
    found = run(nn, normalised_network(nn), dataset(y=convert))
    assert_stats(found, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_class_indices_reach_the_network_as_float_rows(nn, dtype):
    mlp = Classifier(nn.SoftmaxCrossEntropy())
    data = dataset(y=dtype)
    trainx, trainy = data[0]
    run(nn, mlp, data, nepochs=1, batch_size=23)
    x, labels = mlp.trained_on
    rows = trainx.tolist()
    order = [rows.index(row) for row in x.tolist()]
    np.testing.assert_array_equal(labels, one_hot(trainy[order].astype(int)))
    assert labels.dtype == np.float64


@pytest.mark.parametrize("total", [1, 1 + 9e-6, 1 - 9e-6])
def test_labels_may_be_probabilities_within_1e_5(nn, total):
    def probabilities(indices):
        return total * np.random.RandomState(5).dirichlet(np.ones(K), len(indices))

    data = dataset(y=probabilities)
    found = run(nn, normalised_network(nn), data)
    expected = plain_loop(normalised_network(nn), data, 2)
    assert_stats(found, expected, rtol=1e-12)


def test_probabilities_may_be_float32(nn):
    """Their sums differ from 1 by a rounding."""
    def probabilities(indices):
        rows = np.random.RandomState(5).dirichlet(np.ones(K), len(indices))
        return rows.astype(np.float32)

    data = dataset(y=probabilities)
    found = run(nn, normalised_network(nn), data)
    expected = plain_loop(normalised_network(nn), data, 2)
    assert_stats(found, expected, rtol=1e-12)


# ---- Labels that it refuses, before the first epoch ----------------------------------------------

def assert_labels_are_refused(nn, name, labels, rule, got):
    """Assert that the labels in the partition name are refused, with the rule and the value."""
    data = dict(zip(PARTITIONS, dataset(6, 6, 6)))
    x, _ = data[name]
    data[name] = (x, labels)
    mlp = normalised_network(nn)
    expected = f"{name}y must {re.escape(rule)}.* got {re.escape(got)}$"
    with pytest.raises(ValueError, match=expected):
        run(nn, mlp, list(data.values()), on_epoch=lambda *numbers: pytest.fail("an epoch"))
    assert_same_arrays(arrays(mlp), arrays(normalised_network(nn)))


@EACH_PARTITION
@pytest.mark.parametrize("shape", [
    (5,),
    (7, K),
    (6, K + 1),
    (6, 1),
    (1, K),
    (),
], ids=str)
def test_labels_of_another_shape_are_refused(nn, name, shape):
    labels = np.zeros(shape, int)
    rule = f"be (6,), class indices, or (6, {K}), one-hot"
    assert_labels_are_refused(nn, name, labels, rule, f"{labels.dtype} {shape}")


@EACH_PARTITION
@pytest.mark.parametrize("shape, dtype", [((6,), "complex128"), ((6, K), "U"), ((6,), "object")])
def test_labels_that_are_not_real_numbers_are_refused(nn, name, shape, dtype):
    labels = np.zeros(shape, int).astype(dtype)
    rule = f"be (6,), class indices, or (6, {K}), one-hot"
    assert_labels_are_refused(nn, name, labels, rule, f"{labels.dtype} {shape}")


@EACH_PARTITION
@pytest.mark.parametrize("wrong", [K, -1, 255, 0.5, np.nan, np.inf])
def test_labels_that_are_no_class_index_are_refused(nn, name, wrong):
    labels = np.array([0, 1, 2, 0, 1, 2], type(wrong))
    labels[2] = wrong
    labels[4] = 7 * K  # the first wrong label is named
    rule = f"hold class indices below {K}, or rows of at least 0 that sum to 1"
    assert_labels_are_refused(nn, name, labels, rule, f"{labels[2]} in row 2")


@EACH_PARTITION
@pytest.mark.parametrize("wrong", [
    [-1, 0, 0],
    [0, -1, 0],
    [-0.5, 0.5, 0],
    [-0.25, 0.75, 0.5],
    [-1, 1, 1],
    [-1, 1, -1],
    [2, -1, 0],
    [0, 255, 0],
    [1, 1, 1],
    [0, 0, 0],
    [0, np.nan, 1],
    [np.inf, 0, 0],
    [0, 1 + 1.1e-5, 0],
    [0, 1 - 1.1e-5, 0],
], ids=str)
def test_labels_that_are_no_probabilities_are_refused(nn, name, wrong):
    labels = one_hot([0, 1, 0, 1, 0, 1])
    labels[2] = 0
    labels[2, :3] = wrong
    labels[4] = 7
    rule = f"hold class indices below {K}, or rows of at least 0 that sum to 1"
    assert_labels_are_refused(nn, name, labels, rule, f"{labels[2]} in row 2")


@EACH_PARTITION
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("wrong", [
    [np.inf, -np.inf, 0],
    [np.inf, np.inf, 0],
    [1.7e308, 1.7e308, 0],
    [np.nan, 1, 0],
], ids=str)
def test_labels_with_no_finite_sum_are_refused_without_a_warning(nn, name, wrong):
    labels = one_hot([0, 1, 0, 1, 0, 1])
    labels[2, :3] = wrong
    rule = f"hold class indices below {K}, or rows of at least 0 that sum to 1"
    assert_labels_are_refused(nn, name, labels, rule, f"{labels[2]} in row 2")
