"""What is promised of section 2.2, SoftmaxCrossEntropy, beyond the handout's own tests."""

import re
from decimal import Decimal, localcontext

import numpy as np
import pytest

from tests.differences import assert_gradient, ulps

DTYPES = [np.float32, np.float64]


def one_hot(rng, m, nclasses):
    return np.eye(nclasses)[rng.randint(nclasses, size=m)]


def soft(rng, m, nclasses):
    labels = rng.uniform(0.1, 1, (m, nclasses))
    return labels / labels.sum(axis=1, keepdims=True)


def exact_softmax(row):
    """Return the softmax of a row of logits, a list of Decimals of 50 digits."""
    with localcontext() as context:
        context.prec = 50
        exps = [Decimal(float(x)).exp() for x in row]
        return [e / sum(exps) for e in exps]


def exact_loss(row, k):
    """Return -log softmax(row)[k], a Decimal that is right to 50 digits after the point."""
    with localcontext() as context:
        context.prec = 50
        return sum((Decimal(float(x)) - Decimal(float(row[k]))).exp() for x in row).ln()


def lead(row):
    """Return by how much the largest logit is ahead: x - max, rounded, makes exp(x - max) as many ulps wrong."""
    second, first = np.sort(row)[-2:]
    return first - second


# ---- Values ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make_labels", [one_hot, soft])
def test_derivative_agrees_with_differences(nn, make_labels):
    """SoftmaxCrossEntropy.derivative() is the gradient of each example's loss, not divided by m."""
    rng = np.random.RandomState(0)
    x, y, cotangent = rng.standard_normal((5, 4)), make_labels(rng, 5, 4), rng.standard_normal(5)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(x, y)
    dx = cotangent[:, None] * criterion.derivative()
    assert_gradient(dx, lambda: (cotangent * criterion(x, y)).sum(), x, "dlogits")


def test_two_examples_by_hand(nn):
    """The loss is -log of the softmax at the true class, one number an example."""
    # exp of the logits is (1, 2, 5) and (6, 1, 3): softmax is (1, 2, 5) / 8 and (6, 1, 3) / 10.
    x = np.log([[1.0, 2.0, 5.0], [6.0, 1.0, 3.0]])
    y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    criterion = nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(criterion(x, y), [np.log(4), np.log(10 / 6)], rtol=1e-14)
    np.testing.assert_allclose(criterion.sm, [[0.125, 0.25, 0.625], [0.6, 0.1, 0.3]], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), [[0.125, -0.75, 0.625], [-0.4, 0.1, 0.3]], rtol=1e-14)


def test_soft_labels_by_hand(nn):
    """Labels may be probabilities: the loss is -sum_j y_j log softmax_j."""
    # Softmax is (1, 3) / 4; loss = 0.25 log 4 + 0.75 log(4 / 3) = log 4 - 0.75 log 3.
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(np.log([[1.0, 3.0]]), np.array([[0.25, 0.75]]))
    np.testing.assert_allclose(loss, [np.log(4) - 0.75 * np.log(3)], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), [[0.0, 0.0]], atol=1e-15)


def test_labels_that_do_not_sum_to_one(nn):
    """The loss is -sum_j y_j log softmax_j and its derivative() sm - y, whatever the labels y sum to."""
    # Softmax is (1, 3) / 4; loss = 2 log 4 + 3 log(4 / 3) = 5 log 4 - 3 log 3.
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(np.log([[1.0, 3.0]]), np.array([[2.0, 3.0]]))
    np.testing.assert_allclose(loss, [5 * np.log(4) - 3 * np.log(3)], rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), [[-1.75, -2.25]], rtol=1e-14)


def test_equal_logits(nn):
    """Equal logits give a softmax of 1 / K and a loss of log K."""
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(np.full((3, 5), 7.0), np.eye(5)[[0, 2, 4]])
    np.testing.assert_allclose(loss, np.log([5.0] * 3), rtol=1e-14)
    np.testing.assert_allclose(criterion.sm, np.full((3, 5), 0.2), rtol=1e-14)


@pytest.mark.parametrize("m, nclasses", [(7, 4), (1, 3), (4, 1), (1, 1), (3, 1000)])
def test_the_textbook_in_loops(nn, m, nclasses):
    """Any batch size and number of classes from 1 gives what the textbook's formula gives, row by row."""
    rng = np.random.RandomState(1)
    x, y = rng.standard_normal((m, nclasses)), soft(rng, m, nclasses)
    criterion = nn.SoftmaxCrossEntropy()
    losses = criterion(x, y)
    for i in range(m):
        total = sum(np.exp(x[i, j]) for j in range(nclasses))
        softmax = [np.exp(x[i, j]) / total for j in range(nclasses)]
        loss = -sum(y[i, j] * np.log(softmax[j]) for j in range(nclasses))
        np.testing.assert_allclose(losses[i], loss, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(criterion.sm[i], softmax, rtol=1e-12)
        np.testing.assert_allclose(criterion.derivative()[i], softmax - y[i], rtol=1e-12, atol=1e-15)


def test_adding_a_number_to_all_logits_changes_nothing(nn):
    """Adding the same number to all logits of an example changes neither its loss nor its derivative()."""
    rng = np.random.RandomState(2)
    x = rng.randint(-64, 64, (6, 4)) / 16  # adding 1e6 is exact
    y = soft(rng, 6, 4)
    plain, shifted = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(shifted(x + 1e6, y), plain(x, y), rtol=1e-14)
    np.testing.assert_allclose(shifted.derivative(), plain.derivative(), rtol=1e-14, atol=1e-15)


def test_each_example_is_computed_on_its_own(nn):
    """The loss of an example does not depend on the others in the batch, however large their logits are."""
    rng = np.random.RandomState(3)
    x, y = rng.standard_normal((4, 3)), one_hot(rng, 4, 3)
    alone = nn.SoftmaxCrossEntropy()(x, y)
    together = nn.SoftmaxCrossEntropy()(np.vstack([x, np.full((1, 3), 1e4)]), np.vstack([y, y[:1]]))
    np.testing.assert_allclose(together[:4], alone, rtol=1e-14)


# ---- Large logits, small losses ----------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k, loss", [(0, 0), (1, 1e4), (2, 2e4)])
def test_large_logits_give_the_exact_loss(nn, dtype, k, loss):
    """SoftmaxCrossEntropy stays exact and without warning for logits of +-1e4, whichever class is true."""
    criterion = nn.SoftmaxCrossEntropy()
    assert criterion(np.array([[1e4, 0, -1e4]], dtype), np.eye(3)[[k]]).tolist() == [loss]
    assert criterion.sm.tolist() == [[1, 0, 0]]
    assert criterion.derivative().tolist() == ([1, 0, 0] - np.eye(3)[[k]]).tolist()


@pytest.mark.parametrize("dtype, big", [(np.float32, 1e38), (np.float64, 1e308)])
@pytest.mark.parametrize("sign", [1, -1])
def test_one_huge_logit_gives_the_exact_loss(nn, dtype, big, sign):
    """A logit near the largest number of its dtype gives the exact loss without warning."""
    x = np.array([[sign * big, 0]], dtype)
    criterion = nn.SoftmaxCrossEntropy()
    unlikely = np.eye(2)[[1 if sign > 0 else 0]]
    np.testing.assert_array_equal(criterion(x, unlikely), [abs(x[0, 0])])
    np.testing.assert_array_equal(criterion(x, 1 - unlikely), [0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", [[1, -1], [-1, 1], [1, 1], [-1, -1], [1, 0], [0, -1]])
def test_the_largest_logits_of_all_give_finite_numbers(nn, dtype, row):
    """The largest logits that the dtype holds, of either sign, give finite numbers without warning."""
    x = np.array([row, row], dtype) * np.finfo(dtype).max
    criterion = nn.SoftmaxCrossEntropy()
    assert np.isfinite(criterion(x, np.eye(2))).all()
    assert np.isfinite(criterion.derivative()).all()
    np.testing.assert_array_equal(criterion.sm.sum(axis=1), [1, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_too_far_apart_for_their_dtype(nn, dtype):
    """A loss beyond the largest number of the dtype is that number, without a warning."""
    largest = np.finfo(dtype).max
    loss = nn.SoftmaxCrossEntropy()(np.array([[largest, -largest]], dtype), np.array([[0, 1]]))
    np.testing.assert_array_equal(loss, [largest])


@pytest.mark.parametrize("dtype", DTYPES)
def test_tiny_losses_are_not_rounded_to_zero(nn, dtype):
    """Losses far below 1e-16 are not 0: take log1p of the sum of all exps but the largest."""
    # The true class is ahead by 46 and more: losses of 1e-20 and less.
    x = np.array([[46, 0.1, 0.7], [46.3, -3, 0], [60.1, 0, -1.9], [20, -26.6, -30.3]], dtype)
    losses = nn.SoftmaxCrossEntropy()(x, np.eye(3)[[0] * 4])
    assert all(ulps(loss, exact_loss(row, 0)) <= 5 + lead(row) for loss, row in zip(losses, x))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nclasses", [2, 10])
def test_the_loss_is_accurate(nn, dtype, nclasses):
    """The loss is right to a few units in the last place, and one for each unit by which the largest logit leads."""
    rng = np.random.RandomState(4)
    x = rng.uniform(-20, 20, (20, nclasses)).astype(dtype)
    labels = rng.randint(nclasses, size=20)
    losses = nn.SoftmaxCrossEntropy()(x, np.eye(nclasses)[labels])
    assert all(ulps(loss, exact_loss(row, k)) <= 5 + lead(row) for loss, row, k in zip(losses, x, labels))


@pytest.mark.parametrize("dtype, lowest", [(np.float32, -100), (np.float64, -740)])
def test_small_probabilities_are_accurate(nn, dtype, lowest):
    """The softmax is right to a few units in the last place, and one for each unit below the largest logit."""
    x = np.random.RandomState(5).uniform(lowest, 0, (20, 5)).astype(dtype) + dtype(1) / 3
    criterion = nn.SoftmaxCrossEntropy()
    criterion(x, np.eye(5)[[0] * 20])
    for row, probabilities in zip(x, criterion.sm):
        assert all(ulps(p, exact) <= 5 + row.max() - logit
                   for p, exact, logit in zip(probabilities, exact_softmax(row), row))


# ---- Shapes, dtypes, memory --------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("label_dtype", [np.int64, np.uint8, bool, np.float32, np.float64])
def test_results_have_the_dtype_of_the_logits(nn, dtype, label_dtype):
    """float32 logits give float32 and float64 logits float64, whatever the dtype of the labels."""
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(np.ones((2, 3), dtype), np.eye(3)[:2].astype(label_dtype))
    assert {loss.dtype, criterion.sm.dtype, criterion.derivative().dtype} == {np.dtype(dtype)}


@pytest.mark.parametrize("label_dtype", [np.int64, np.uint8, bool, np.float32])
def test_labels_of_any_dtype_give_the_same(nn, label_dtype):
    """One-hot labels may be integers, booleans or floats: loss and derivative() are the same."""
    rng = np.random.RandomState(5)
    x, y = rng.standard_normal((4, 3)), one_hot(rng, 4, 3)
    plain, other = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_array_equal(other(x, y.astype(label_dtype)), plain(x, y))
    np.testing.assert_array_equal(other.derivative(), plain.derivative())


def test_integer_logits_and_lists(nn):
    """Logits and labels may be integers or lists: they are taken as float64."""
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion([[300, 0], [0, 1]], [[0, 1], [0, 1]])
    np.testing.assert_allclose(loss, [300, np.log1p(np.exp(-1))], rtol=1e-14)
    assert (loss.dtype, criterion.derivative().dtype) == (np.float64, np.float64)


def test_small_integer_logits_do_not_wrap_around(nn):
    """uint8 and int8 logits give the right loss: nothing is computed in their own 8 bits."""
    assert nn.SoftmaxCrossEntropy()(np.array([[255, 0]], np.uint8), [[0, 1]]).tolist() == [255]
    assert nn.SoftmaxCrossEntropy()(np.array([[127, -128]], np.int8), [[0, 1]]).tolist() == [255]


def fortran_ordered(a):
    return np.asfortranarray(a)


def strided(a):
    return np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3]


def reversed_in_memory(a):
    return a[::-1, ::-1].copy()[::-1, ::-1]


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("layout", [fortran_ordered, strided, reversed_in_memory, read_only])
def test_any_memory_layout_gives_the_same(nn, layout):
    """Logits and labels may be views of any memory layout, also read-only."""
    rng = np.random.RandomState(6)
    x, y = rng.standard_normal((5, 4)), one_hot(rng, 5, 4)
    plain, other = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(other(layout(x), layout(y)), plain(x, y), rtol=1e-14)
    np.testing.assert_allclose(other.derivative(), plain.derivative(), rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_and_labels_are_not_changed(nn, dtype):
    """forward and derivative() leave the caller's logits and labels as they were."""
    rng = np.random.RandomState(7)
    x, y = rng.standard_normal((5, 4)).astype(dtype), soft(rng, 5, 4).astype(dtype)
    before = x.copy(), y.copy()
    criterion = nn.SoftmaxCrossEntropy()
    criterion(x, y)
    criterion.derivative()
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_results_are_not_overwritten_by_a_later_call(nn):
    """Loss, sm and derivative() of one forward are not changed by the next forward and derivative()."""
    rng = np.random.RandomState(8)
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(rng.standard_normal((5, 4)), one_hot(rng, 5, 4))
    results = [loss, criterion.sm, criterion.derivative()]
    copies = [a.copy() for a in results]
    criterion(rng.standard_normal((5, 4)), one_hot(rng, 5, 4))
    criterion.derivative()
    for result, copy in zip(results, copies):
        np.testing.assert_array_equal(result, copy)


def test_derivative_twice(nn):
    """derivative() may be called again: it returns the same and changes nothing."""
    rng = np.random.RandomState(9)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(rng.standard_normal((5, 4)), one_hot(rng, 5, 4))
    sm, first = criterion.sm.copy(), criterion.derivative()
    kept = first.copy()
    np.testing.assert_array_equal(criterion.derivative(), kept)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(criterion.sm, sm)


def test_derivative_belongs_to_the_last_forward(nn):
    """derivative() is that of the last forward, also when the batch has another size."""
    rng = np.random.RandomState(10)
    used, fresh = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    used(rng.standard_normal((6, 4)), one_hot(rng, 6, 4))
    x, y = rng.standard_normal((2, 3)), one_hot(rng, 2, 3)
    used(x, y)
    fresh(x, y)
    np.testing.assert_array_equal(used.derivative(), fresh.derivative())


def test_two_criterions_are_independent(nn):
    """Two SoftmaxCrossEntropy objects share nothing: each has the derivative() of its own forward."""
    rng = np.random.RandomState(11)
    first, second = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    first(rng.standard_normal((3, 4)), one_hot(rng, 3, 4))
    derivative = first.derivative().copy()
    second(rng.standard_normal((3, 4)), one_hot(rng, 3, 4))
    np.testing.assert_array_equal(first.derivative(), derivative)


def test_forward_is_the_call(nn):
    """criterion.forward(x, y) and criterion(x, y) are the same."""
    rng = np.random.RandomState(12)
    x, y = rng.standard_normal((3, 4)), one_hot(rng, 3, 4)
    np.testing.assert_array_equal(nn.SoftmaxCrossEntropy().forward(x, y), nn.SoftmaxCrossEntropy()(x, y))


def test_backward_is_another_name_of_derivative(nn):
    """SoftmaxCrossEntropy offers derivative() also as backward(), the name in the handout's text."""
    rng = np.random.RandomState(13)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(rng.standard_normal((3, 4)), one_hot(rng, 3, 4))
    np.testing.assert_array_equal(criterion.backward(), criterion.derivative())


@pytest.mark.parametrize("attribute", ["logits", "labels", "loss", "sm"])
def test_attributes_are_none_at_first(nn, attribute):
    """A new SoftmaxCrossEntropy has logits, labels, loss and sm, all None."""
    assert getattr(nn.SoftmaxCrossEntropy(), attribute) is None


def test_attributes_hold_the_last_forward(nn):
    """After forward, logits, labels and loss hold its two arguments and its result."""
    rng = np.random.RandomState(14)
    criterion = nn.SoftmaxCrossEntropy()
    x, y = rng.standard_normal((3, 4)), one_hot(rng, 3, 4)
    loss = criterion(x, y)
    np.testing.assert_array_equal(criterion.logits, x)
    np.testing.assert_array_equal(criterion.labels, y)
    np.testing.assert_array_equal(criterion.loss, loss)


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("x_shape, y_shape", [
    ((3, 4), (3, 5)), ((3, 4), (2, 4)), ((3, 4), (1, 4)), ((3, 4), (3, 1)), ((1, 4), (3, 4)),
    ((4,), (4,)), ((4,), (1, 4)), ((2, 3, 4), (2, 3, 4)), ((), ()), ((0, 4), (0, 4)), ((3, 0), (3, 0)),
])
def test_wrong_shapes_are_refused(nn, x_shape, y_shape):
    """Logits and labels that are not both (m, K), with m, K >= 1, get a ValueError that names both shapes."""
    got = re.escape("{} and {}".format(x_shape, y_shape))
    with pytest.raises(ValueError, match=r"\(m, K\).*got " + got):
        nn.SoftmaxCrossEntropy()(np.ones(x_shape), np.ones(y_shape))


def test_class_indices_are_refused(nn):
    """Class indices in place of one-hot labels get a ValueError that says how to make them one-hot."""
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(3,\).*one-hot"):
        nn.SoftmaxCrossEntropy()(np.ones((3, 4)), np.array([0, 1, 2]))


@pytest.mark.parametrize("wrong", [[["a", "b"]], [[None, 1]], [[1j, 1]]])
def test_anything_but_numbers_is_refused(nn, wrong):
    """Logits and labels that are not real numbers get a TypeError that says which of them it is."""
    right = [[0.0, 1.0]]
    with pytest.raises(TypeError, match="logits must hold real numbers, got"):
        nn.SoftmaxCrossEntropy()(wrong, right)
    with pytest.raises(TypeError, match="labels must hold real numbers, got"):
        nn.SoftmaxCrossEntropy()(right, wrong)


@pytest.mark.parametrize("method", ["derivative", "backward"])
def test_derivative_needs_a_forward(nn, method):
    """derivative() before the first forward gets a RuntimeError that says to call forward."""
    with pytest.raises(RuntimeError, match="call forward"):
        getattr(nn.SoftmaxCrossEntropy(), method)()


def test_an_error_leaves_the_last_forward_as_it_was(nn):
    """A forward that is refused changes nothing: derivative() is still that of the last good forward."""
    rng = np.random.RandomState(15)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(rng.standard_normal((3, 4)), one_hot(rng, 3, 4))
    derivative = criterion.derivative().copy()
    with pytest.raises(ValueError):
        criterion(np.ones((3, 4)), np.ones((3, 5)))
    np.testing.assert_array_equal(criterion.derivative(), derivative)


def test_a_criterion_must_define_its_methods(nn):
    """The base class Criterion says which method a subclass must define."""
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Criterion()(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Criterion().derivative()
