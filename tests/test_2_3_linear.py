"""2.3 Linear classifier: an MLP without hidden layers, its gradients and its steps.

Fix the first failure first: it explains those below it. The gradients dW[0] and db[0] are checked
against finite differences, then forward, backward, step and zero_grads one by one. The loss comes
from 2.2. A training step is always zero_grads, forward, backward and step, in this order.
"""

import numpy as np
import pytest

from tests.gradients import assert_close
from tests.networks import (
    assert_all_gradients, assert_no_gradients, build_linear, compute_gradients, make_batch,
    take_step)


@pytest.mark.parametrize("m", [6, 2])
def test_gradients_agree_with_finite_differences(nn, m):
    mlp = build_linear(nn)
    x, labels = make_batch(0, m)
    assert_all_gradients(mlp, x, labels)


# ---- forward -------------------------------------------------------------------------------------

def test_w_and_b_are_lists_of_one_array_each(nn):
    mlp = build_linear(nn)
    assert len(mlp.W) == 1
    assert len(mlp.b) == 1
    assert np.shape(mlp.W[0]) == (12, 10)
    assert np.size(mlp.b[0]) == 10


@pytest.mark.parametrize("m", [2, 6, 100])
def test_forward_is_x_w_plus_b(nn, m):
    mlp = build_linear(nn)
    x, _ = make_batch(1, m)
    output = mlp.forward(x)
    assert_close(output, x @ mlp.W[0] + mlp.b[0], "the output of forward")


def test_x_is_not_modified(nn):
    mlp = build_linear(nn)
    x, labels = make_batch(2)
    expected, _ = make_batch(2)
    take_step(mlp, x, labels)
    np.testing.assert_array_equal(x, expected)


# ---- backward ------------------------------------------------------------------------------------

def test_gradients_match_hand_calculation(nn):
    """W and b are zero, so the softmax is 1/10 for each class. The true classes are 0 and 1."""
    mlp = build_linear(nn, inputs=2)
    mlp.W[0][...] = 0
    mlp.b[0][...] = 0
    x = np.array([[2.0, 0.0], [0.0, 1.0]])
    labels = np.eye(10)[[0, 1]]
    compute_gradients(mlp, x, labels)
    # softmax - label of each example; dW is x^T (softmax - label) / 2, and db is their mean.
    first = np.array([-0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    second = np.array([0.1, -0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    dW = [2 * first / 2, 1 * second / 2]
    db = [-0.4, -0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert_close(mlp.dW[0], dW, "dW[0]")
    assert_close(mlp.db[0], db, "db[0]")


def test_gradients_are_those_of_the_last_batch(nn):
    mlp = build_linear(nn)
    for m in (6, 6, 4):
        compute_gradients(mlp, *make_batch(3, m))
    assert_all_gradients(mlp, *make_batch(5, 4))


def test_gradients_have_the_dtype_of_w_and_b(nn):
    mlp = build_linear(nn)
    compute_gradients(mlp, *make_batch(5))
    assert mlp.dW[0].dtype == np.float64
    assert mlp.db[0].dtype == np.float64


def test_labels_are_not_modified(nn):
    mlp = build_linear(nn)
    x, labels = make_batch(6)
    _, expected = make_batch(6)
    take_step(mlp, x, labels)
    np.testing.assert_array_equal(labels, expected)


# ---- step and zero_grads -------------------------------------------------------------------------

def test_step_subtracts_lr_times_the_gradient(nn):
    mlp = build_linear(nn, lr=0.3)
    W = mlp.W[0].copy()
    b = np.ravel(mlp.b[0]).copy()
    compute_gradients(mlp, *make_batch(7))
    dW = np.array(mlp.dW[0])
    db = np.ravel(mlp.db[0])
    expected_W = W - 0.3 * dW
    expected_b = b - 0.3 * db
    mlp.step()
    assert_close(mlp.W[0], expected_W, "W[0] after step")
    assert_close(mlp.b[0], expected_b, "b[0] after step")


def test_each_step_is_lr_times_its_own_gradient(nn):
    """lr stays the same, and with momentum 0 the first step has no effect on the second."""
    mlp = build_linear(nn, lr=0.3, momentum=0.0)
    W = mlp.W[0].copy()
    b = mlp.b[0].copy()
    for gradient in (1.0, 200.0):
        compute_gradients(mlp, *make_batch(8))
        mlp.dW[0][...] = gradient
        mlp.db[0][...] = -gradient
        mlp.step()
    assert_close(mlp.W[0], W - 0.3 * 1 - 0.3 * 200, "W[0] after two steps")
    assert_close(mlp.b[0], b + 0.3 * 1 + 0.3 * 200, "b[0] after two steps")


def test_zero_grads_leaves_no_gradient(nn):
    mlp = build_linear(nn)
    compute_gradients(mlp, *make_batch(9))
    mlp.zero_grads()
    assert_no_gradients(mlp)


def test_zero_grads_keeps_the_parameters(nn):
    mlp = build_linear(nn)
    compute_gradients(mlp, *make_batch(10))
    W = mlp.W[0].copy()
    b = mlp.b[0].copy()
    mlp.zero_grads()
    np.testing.assert_array_equal(mlp.W[0], W, err_msg="W[0]")
    np.testing.assert_array_equal(mlp.b[0], b, err_msg="b[0]")
