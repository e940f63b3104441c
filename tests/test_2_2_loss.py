"""2.2 Softmax cross-entropy, against differences, values worked by hand and the textbook in loops.

Then logits of any size, what may be passed in, what is kept and what is refused.
"""

import re

import numpy as np
import pytest

from tests.gradients import assert_gradient

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def one_hot(rng, m, K):
    return np.eye(K)[rng.randint(K, size=m)]


def soft(rng, m, K):
    labels = rng.uniform(0.1, 1, (m, K))
    return labels / labels.sum(axis=1, keepdims=True)


def batch(seed, m=5, K=4):
    """Return logits and one-hot labels, (m, K)."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((m, K)), one_hot(rng, m, K)


@pytest.mark.parametrize("make_labels", [one_hot, soft])
def test_derivative_agrees_with_central_differences(nn, make_labels):
    rng = np.random.RandomState(0)
    x, y, cotangent = rng.standard_normal((5, 4)), make_labels(rng, 5, 4), rng.standard_normal(5)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(x, y)
    dlogits = cotangent[:, np.newaxis] * criterion.derivative()
    assert_gradient(dlogits, lambda: (cotangent * criterion(x, y)).sum(), x, "dlogits")


# ---- By hand, and in loops -----------------------------------------------------------------------

def test_two_examples_by_hand(nn):
    # exp of the logits is (1, 2, 5) and (6, 1, 3): softmax is (1, 2, 5) / 8 and (6, 1, 3) / 10.
    x = np.log([[1, 2, 5], [6, 1, 3]])
    y = np.array([[0, 1, 0], [1, 0, 0]])
    criterion = nn.SoftmaxCrossEntropy()
    dlogits = [[1 / 8, -6 / 8, 5 / 8], [-0.4, 0.1, 0.3]]
    np.testing.assert_allclose(criterion(x, y), [np.log(8 / 2), np.log(10 / 6)], rtol=1e-14)
    np.testing.assert_allclose(criterion.sm, [[1 / 8, 2 / 8, 5 / 8], [0.6, 0.1, 0.3]], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), dlogits, rtol=1e-14)


@pytest.mark.parametrize("y, loss, dlogits", [
    # exp of the logits is (1, 3): softmax is (1, 3) / 4.
    ([0.25, 0.75], np.log(4) - 0.75 * np.log(3), [0, 0]),
    ([2, 3], 5 * np.log(4) - 3 * np.log(3), [-1.75, -2.25]),
    ([0, 0], 0, [0.25, 0.75]),
])
def test_soft_labels_by_hand_whatever_they_sum_to(nn, y, loss, dlogits):
    """derivative() is sm - y as it stands: the loss's gradient where the labels sum to 1."""
    criterion = nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(criterion(np.log([[1, 3]]), [y]), [loss], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), [dlogits], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("m, K", [(7, 4), (1, 3), (4, 1), (1, 1), (3, 1000)])
def test_the_textbook_in_loops(nn, m, K):
    rng = np.random.RandomState(1)
    x, y = rng.standard_normal((m, K)), soft(rng, m, K)
    criterion = nn.SoftmaxCrossEntropy()
    losses, dlogits = criterion(x, y), criterion.derivative()
    assert (losses.shape, criterion.sm.shape, dlogits.shape) == ((m,), (m, K), (m, K))
    for i in range(m):
        total = sum(np.exp(x[i, j]) for j in range(K))
        softmax = [np.exp(x[i, j]) / total for j in range(K)]
        loss = -sum(y[i, j] * np.log(softmax[j]) for j in range(K))
        np.testing.assert_allclose(losses[i], loss, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(criterion.sm[i], softmax, rtol=1e-12)
        np.testing.assert_allclose(dlogits[i], softmax - y[i], rtol=1e-12, atol=1e-15)


# ---- Logits of any size: warnings are errors here ------------------------------------------------

@DTYPES
@pytest.mark.parametrize("size", [1e3, 1e4, 1e30])
@pytest.mark.parametrize("true, loss", [(0, 0), (1, 1), (2, 2)])
def test_large_logits_give_the_exact_loss(nn, dtype, size, true, loss):
    """Logits (1000, 0, -1000) with the last class true: 2000, where log(softmax) would be -inf."""
    x, y = np.array([[1, 0, -1]], dtype) * dtype(size), np.eye(3)[[true]]
    criterion = nn.SoftmaxCrossEntropy()
    np.testing.assert_array_equal(criterion(x, y), [loss * dtype(size)])
    np.testing.assert_array_equal(criterion.sm, [[1, 0, 0]])
    np.testing.assert_array_equal(criterion.derivative(), [[1, 0, 0]] - y)


def test_adding_a_number_to_all_logits_of_an_example_changes_nothing(nn):
    x, y = batch(2)
    x = np.round(16 * x) / 16  # adding +-1e6 is exact
    plain, shifted = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    shifts = np.array([[1e6], [-1e6], [0], [1e3], [-1e3]])
    np.testing.assert_allclose(shifted(x + shifts, y), plain(x, y), rtol=1e-14)
    np.testing.assert_allclose(shifted.derivative(), plain.derivative(), rtol=1e-14, atol=1e-15)


# ---- What logits and labels may be ---------------------------------------------------------------

@DTYPES
@pytest.mark.parametrize("label_dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_labels_of_any_real_dtype_serve_logits_of_either(nn, dtype, label_dtype):
    """All results have the logits' dtype: float32 stays float32, also with float64 labels."""
    x, y = batch(4)
    plain, criterion = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    loss = criterion(x.astype(dtype), y.astype(label_dtype))
    assert {loss.dtype, criterion.sm.dtype, criterion.derivative().dtype} == {np.dtype(dtype)}
    eps = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(loss, plain(x, y), rtol=eps)
    np.testing.assert_allclose(criterion.derivative(), plain.derivative(), rtol=eps, atol=eps)


@pytest.mark.parametrize("kind", [list, np.int64, np.uint8, np.int8])
def test_logits_may_be_lists_or_integers_and_do_not_wrap_around(nn, kind):
    x = [[127, 0], [0, 100]] if kind is list else np.array([[127, 0], [0, 100]], kind)
    criterion = nn.SoftmaxCrossEntropy()
    losses = criterion(x, [[0, 1], [1, 0]])
    assert (losses.tolist(), losses.dtype) == ([127, 100], np.float64)
    assert criterion.derivative().dtype == np.float64


# ---- What is kept --------------------------------------------------------------------------------

def test_attributes_are_none_at_first_and_then_hold_the_last_forward(nn):
    criterion = nn.SoftmaxCrossEntropy()
    assert [criterion.logits, criterion.labels, criterion.loss, criterion.sm] == [None] * 4
    x, y = batch(6)
    loss = criterion.forward(x, y)
    np.testing.assert_array_equal(criterion.logits, x)
    np.testing.assert_array_equal(criterion.labels, y)
    np.testing.assert_array_equal(criterion.loss, loss)


def test_derivative_is_that_of_the_last_forward_however_often_it_is_called(nn):
    used, fresh = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    used(*batch(7, m=6, K=4))
    used.derivative()
    used(*batch(8, m=2, K=3))
    fresh(*batch(8, m=2, K=3))
    expected = fresh.derivative().copy()
    for _ in range(2):
        np.testing.assert_array_equal(used.derivative(), expected)


def test_neither_arguments_nor_earlier_results_are_overwritten(nn):
    criterion, (x, y) = nn.SoftmaxCrossEntropy(), batch(9)
    results = [x, y, criterion(x, y), criterion.sm, criterion.derivative()]
    kept = [*batch(9), *(result.copy() for result in results[2:])]
    criterion(*batch(10))
    criterion.derivative()
    for result, copy in zip(results, kept):
        np.testing.assert_array_equal(result, copy)


def test_backward_is_derivative(nn):
    criterion = nn.SoftmaxCrossEntropy()
    criterion(*batch(13))
    np.testing.assert_array_equal(criterion.backward(), criterion.derivative())


# ---- The base class, and what is refused ---------------------------------------------------------

def test_a_subclass_needs_no_super_init(nn):
    class Half(nn.SoftmaxCrossEntropy):
        def __init__(self, part):
            self.part = part

        def forward(self, x, y):
            return self.part * super().forward(x, y)

    half, (x, y) = Half(0.5), batch(14)
    assert isinstance(half, nn.Criterion) and half.loss is None
    np.testing.assert_array_equal(half(x, y), nn.SoftmaxCrossEntropy()(x, y) / 2)


def test_the_base_class_says_what_a_subclass_must_define(nn):
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Criterion()(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Criterion().derivative()


@pytest.mark.parametrize("x_shape, y_shape", [
    ((3, 4), (3, 5)), ((3, 4), (2, 4)), ((3, 4), (1, 4)), ((3, 4), (3, 1)), ((3, 4), (4,)),
    ((1, 4), (3, 4)), ((4,), (4,)), ((4,), (1, 4)), ((2, 3, 4), (2, 3, 4)), ((), ()),
])
def test_shapes_that_are_not_both_m_by_k_are_refused(nn, x_shape, y_shape):
    with pytest.raises(ValueError, match=r"\(m, K\).*" + re.escape(f"got {x_shape} and {y_shape}")):
        nn.SoftmaxCrossEntropy()(np.ones(x_shape), np.ones(y_shape))
