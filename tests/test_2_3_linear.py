"""2.3 Linear classifier: an MLP without hidden layers, its gradients and its steps.

Start at the first failure from the top: it explains those below. The gradients dW[0] and db[0] are
checked against finite differences, then forward, backward, step and zero_grads one by one. The
loss comes from 2.2. A batch is always trained on by zero_grads, forward, backward, step.
"""

import numpy as np
import pytest

from tests.gradients import assert_close
from tests.networks import (
    assert_all_gradients, build_linear, compute_gradients, make_batch, take_step)


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
    take_step(mlp, x, labels)
    np.testing.assert_array_equal(x, make_batch(2)[0])


# ---- backward ------------------------------------------------------------------------------------

def test_gradients_match_hand_calculation(nn):
    """W and b are zero, so the softmax is 1/10 for each class; the classes are 0 and 1."""
    mlp = build_linear(nn, inputs=2)
    mlp.W[0][...] = 0
    mlp.b[0][...] = 0
    x = np.array([[2.0, 0.0], [0.0, 1.0]])
    labels = np.eye(10)[[0, 1]]
    compute_gradients(mlp, x, labels)
    # softmax - label, for each example, and their mean: dW is x^T (softmax - label) / 2.
    first = [-0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    second = [0.1, -0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    dW = [np.array(first), np.array(second) / 2]
    db = [-0.4, -0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert_close(mlp.dW[0], dW, "dW[0]")
    assert_close(mlp.db[0], db, "db[0]")


def test_gradients_are_those_of_the_last_batch(nn):
    mlp = build_linear(nn)
    for m in (6, 4, 6):
        compute_gradients(mlp, *make_batch(3, m))
    assert_all_gradients(mlp, *make_batch(5))


def test_labels_are_not_modified(nn):
    mlp = build_linear(nn)
    x, labels = make_batch(6)
    take_step(mlp, x, labels)
    np.testing.assert_array_equal(labels, make_batch(6)[1])


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
    """lr stays the same, and with a momentum of 0 nothing is left of the step before."""
    mlp = build_linear(nn, lr=0.3, momentum=0.0)
    W = mlp.W[0].copy()
    b = mlp.b[0].copy()
    for gradient in (1.0, 2.0):
        compute_gradients(mlp, *make_batch(8))
        mlp.dW[0][...] = gradient
        mlp.db[0][...] = -gradient
        mlp.step()
    assert_close(mlp.W[0], W - 0.3 * 1 - 0.3 * 2, "W[0] after two steps")
    assert_close(mlp.b[0], b + 0.3 * 1 + 0.3 * 2, "b[0] after two steps")


def test_zero_grads_leaves_no_gradient(nn):
    mlp = build_linear(nn)
    compute_gradients(mlp, *make_batch(9))
    mlp.zero_grads()
    for name in ("dW", "db"):
        for gradient in list_gradients(mlp, name):
            assert gradient is None or not np.any(gradient), f"{name}[0] must be zeros"


def list_gradients(mlp, name):
    """Return the entries of dW or db; none if the list is empty, None or absent."""
    gradients = getattr(mlp, name, None)
    if gradients is None:
        return []
    return list(gradients)


def test_zero_grads_keeps_the_parameters(nn):
    mlp = build_linear(nn)
    compute_gradients(mlp, *make_batch(10))
    W = mlp.W[0].copy()
    b = mlp.b[0].copy()
    mlp.zero_grads()
    np.testing.assert_array_equal(mlp.W[0], W, err_msg="W[0]")
    np.testing.assert_array_equal(mlp.b[0], b, err_msg="b[0]")
