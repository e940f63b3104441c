"""2.3 Linear classifier, against differences and values worked by hand; then data and refusals.

What holds for one layer holds for all: data of any dtype, and in any layout, are tested here alone.
"""

import re

import numpy as np
import pytest

from tests.networks import (D, K, arrays, assert_gradients, assert_same_arrays, batch,
                            network, train_on, train_once)


def linear(nn, **options):
    """Return a linear classifier, (D, K)."""
    return network(nn, hiddens=(), **options)


def made_of(nn, weight_init_fn, bias_init_fn):
    """Return a linear classifier made by these initializers."""
    return nn.MLP(D, K, [], [nn.Identity()], weight_init_fn, bias_init_fn,
                  nn.SoftmaxCrossEntropy(), 0.1)


def gradients(mlp, x, labels):
    """Return dW[0] and db[0] of mlp at a batch."""
    mlp.forward(x)
    mlp.backward(labels)
    return mlp.dW[0], mlp.db[0]


def assert_same(found, expected):
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)


# ---- Values --------------------------------------------------------------------------------------

@pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
@pytest.mark.parametrize("m", [1, 6])
def test_gradients_of_the_mean_loss_agree_with_central_differences(nn, m, rows):
    assert_gradients(linear(nn, rows=rows), *batch(1, m, soft=True))


@pytest.fixture
def by_hand(nn):
    """A classifier of two inputs and two classes, all zero but W[0, 0] = log 3, with lr 0.8.

    x             logits       softmax       label     softmax - label
    (1, 0)        (log 3, 0)   (3/4, 1/4)    (1, 0)    (-1/4, 1/4)
    (0, 1)        (0, 0)       (1/2, 1/2)    (0, 1)    (1/2, -1/2)
    """
    return nn.MLP(2, 2, [], [nn.Identity()], lambda *shape: np.array([[np.log(3), 0], [0, 0]]),
                  np.zeros, nn.SoftmaxCrossEntropy(), 0.8)


def test_forward_and_a_call_by_hand(by_hand):
    by_hand.b[0] = np.array([1.0, 2.0])
    for forward in (by_hand.forward, by_hand):
        np.testing.assert_allclose(forward(np.eye(2)), [[np.log(3) + 1, 2], [1, 2]], rtol=1e-15)


def test_backward_by_hand(by_hand):
    dW, db = gradients(by_hand, np.eye(2), np.eye(2))
    np.testing.assert_allclose(dW, [[-1 / 8, 1 / 8], [1 / 4, -1 / 4]], rtol=1e-14)
    np.testing.assert_allclose(db, [1 / 8, -1 / 8], rtol=1e-14)


def test_step_by_hand(by_hand):
    train_once(by_hand, np.eye(2), np.eye(2))
    np.testing.assert_allclose(by_hand.W[0], [[np.log(3) + 0.1, -0.1], [-0.2, 0.2]], rtol=1e-14)
    np.testing.assert_allclose(by_hand.b[0], [-0.1, 0.1], rtol=1e-14)


def test_a_criterion_of_ones_own_needs_only_forward_and_derivative(nn):
    class SquaredError(nn.Criterion):
        def forward(self, x, y):
            self.difference = x - y
            return (self.difference ** 2).sum(axis=1) / 2

        def derivative(self):
            return self.difference

    mlp = linear(nn)
    mlp.criterion = SquaredError()
    assert_gradients(mlp, *batch(1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_of_1e4_give_the_loss_and_gradient_of_a_classifier_without_doubt(nn, dtype):
    """The softmax is 0 or 1, the loss a difference of logits, all exact: nothing overflows."""
    mlp, (x, labels) = linear(nn, dtype=dtype), batch(1, m=4, dtype=dtype)
    x = 10000 * np.sign(x)
    logits = mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.criterion.loss, logits.max(axis=1) - logits[labels > 0])
    softmax = np.eye(K)[logits.argmax(axis=1)]
    np.testing.assert_array_equal(mlp.dW[0], x.T @ (softmax - labels) / 4)


# ---- forward, backward, zero_grads ---------------------------------------------------------------

def test_backward_runs_the_criterion_itself(nn):
    mlp, (x, labels) = linear(nn), batch(1)
    logits = mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.criterion.loss, nn.SoftmaxCrossEntropy()(logits, labels))


def test_backward_belongs_to_the_last_forward_also_after_zero_grads(nn):
    mlp, (x, labels) = linear(nn), batch(1)
    mlp.forward(batch(2, m=4)[0])
    mlp.forward(x)
    mlp.zero_grads()
    mlp.backward(labels)
    assert_same((mlp.dW[0], mlp.db[0]), gradients(linear(nn), x, labels))


def test_backward_assigns_and_does_not_add(nn):
    mlp, (x, labels) = linear(nn), batch(1)
    gradients(mlp, x, labels)
    mlp.backward(labels)
    assert_same((mlp.dW[0], mlp.db[0]), gradients(linear(nn), x, labels))


@pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_are_zeros_at_first_and_after_zero_grads(nn, dtype, rows):
    mlp = linear(nn, dtype=dtype, rows=rows)
    for _ in range(2):
        assert_same((mlp.dW[0], mlp.db[0]), (np.zeros((D, K)), np.zeros(K)))
        assert (mlp.dW[0].dtype, mlp.db[0].dtype) == (dtype, dtype)
        gradients(mlp, *batch(1))
        mlp.zero_grads()


@pytest.mark.parametrize("when", ["before backward", "after zero_grads"])
def test_zero_gradients_can_be_written_into(nn, when):
    mlp, twin = linear(nn), linear(nn)
    if when == "after zero_grads":
        gradients(mlp, *batch(1))
        mlp.zero_grads()
    mlp.dW[0] += 1
    mlp.db[0][1] = 2
    mlp.step()  # lr is 0.1
    np.testing.assert_allclose(mlp.W[0], twin.W[0] - 0.1, rtol=1e-12)
    np.testing.assert_allclose(mlp.b[0], twin.b[0] - [0, 0.2, 0], rtol=1e-12)


def test_results_are_not_overwritten_later(nn):
    mlp = linear(nn)
    taken = (mlp.forward(batch(1)[0]), *gradients(mlp, *batch(1)))
    before = [a.copy() for a in taken]
    gradients(mlp, *batch(2))
    mlp.zero_grads()
    assert_same(taken, before)


# ---- Dtypes and memory ---------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_, np.float32])
def test_pixels_and_labels_of_any_dtype_count_as_the_same_numbers_in_float64(nn, dtype):
    pixels, labels = np.random.RandomState(1).randint(0, 256, (6, D)).astype(dtype), batch(1)[1]
    found = gradients(linear(nn), pixels, labels.astype(dtype))
    assert_same(found, gradients(linear(nn), pixels.astype(np.float64), labels))


@pytest.mark.parametrize("data", [np.float32, np.uint8, np.bool_])
def test_float32_stays_whatever_the_labels_and_the_learning_rate(nn, data):
    mlp = linear(nn, dtype=np.float32, lr=np.float64(0.1), momentum=np.float64(0.9))
    x, labels = batch(1)  # float64
    for _ in range(2):
        train_once(mlp, np.abs(x).astype(data), labels)
    found = [mlp.activations[0].state, mlp.criterion.loss, *arrays(mlp).values()]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


LAYOUTS = ["Fortran", "strided", "read-only", "big-endian", "memory map", "list"]


def laid_out(kind, a, tmp_path):
    """Return the numbers of a, otherwise in memory."""
    if kind == "memory map":
        np.save(tmp_path / f"{a.shape}.npy", a)
        return np.load(tmp_path / f"{a.shape}.npy", mmap_mode="r")
    return {"Fortran": np.array(a, order="F"), "strided": np.repeat(a, 2, axis=-1)[..., ::2],
            "read-only": np.broadcast_to(a, a.shape), "big-endian": a.astype(">f8"),
            "list": a.tolist()}[kind]


@pytest.mark.parametrize("kind", LAYOUTS)
def test_x_and_labels_may_lie_in_memory_in_any_way(nn, kind, tmp_path):
    x, labels = batch(1)
    found = gradients(linear(nn), *(laid_out(kind, a, tmp_path) for a in (x, labels)))
    for a, b in zip(found, gradients(linear(nn), x, labels)):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("kind", LAYOUTS[:-1])
def test_weights_may_lie_in_memory_in_any_way_and_stay_as_they_were(nn, kind, tmp_path):
    mlp, twin = (network(nn, (5,), momentum=0.9) for _ in range(2))
    given = [laid_out(kind, a, tmp_path) for a in mlp.W + mlp.b]
    before = [a.copy() for a in given]
    mlp.W, mlp.b = given[:2], given[2:]
    for each in (mlp, twin):
        train_on(each, [1, 2])
    for found, expected in zip(mlp.W + mlp.b, twin.W + twin.b):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert_same(given, before)


def test_initializers_may_return_lists_of_integers(nn):
    def ones(*shape):
        return np.ones(shape, int).tolist()

    mlp, twin = made_of(nn, ones, ones), made_of(nn, lambda *shape: np.ones(shape), np.ones)
    assert mlp.W[0].dtype == mlp.b[0].dtype == np.float64
    assert_same_arrays(arrays(mlp), arrays(twin))


# ---- Refusals ------------------------------------------------------------------------------------

@pytest.mark.parametrize("W, b", [
    ((K, D), (K,)), ((D * K,), (K,)), ((1, K), (K,)), ((D, K, 1), (K,)), ((D, 1), (1, K)),
    ((D, K), (K + 1,)), ((D, K), (K, 1)), ((D, K), (1,)), ((D, K), (1, 1, K)), ((D, K), ())])
def test_initial_weights_and_biases_of_another_shape_are_refused(nn, W, b):
    with pytest.raises(ValueError, match=re.escape(f"(4, 3) and (3,) or (1, 3), got {W} and {b}")):
        made_of(nn, lambda *shape: np.zeros(W), lambda d: np.zeros(b))


@pytest.mark.parametrize("shape", [(D,), (6, D + 1), (6, D, 1), (D, 1), (0, D), ()], ids=str)
def test_x_of_another_shape_is_refused(nn, shape):
    with pytest.raises(ValueError, match=r"x must be \(m, 4\).* got " + re.escape(str(shape))):
        linear(nn).forward(np.zeros(shape))


@pytest.mark.parametrize("shape", [(6, K + 1), (5, K), (1, K), (6, 1), (6,), (K,)], ids=str)
def test_labels_of_another_shape_are_refused(nn, shape):
    """NumPy would broadcast some; who gave class indices reads how they become one-hot."""
    mlp = linear(nn)
    mlp.forward(batch(1)[0])
    got = re.escape(f"(6, 3) and {shape}")
    with pytest.raises(ValueError, match=f"labels must be .*{got}.*{re.escape('np.eye(K)[y]')}"):
        mlp.backward(np.zeros(shape))


def test_backward_before_forward_is_refused(nn):
    with pytest.raises(RuntimeError, match=r"call forward\(x\) first"):
        linear(nn).backward(batch(1)[1])


def test_after_a_refused_forward_backward_belongs_to_the_batch_before(nn):
    mlp, (x, labels) = linear(nn), batch(1)
    mlp.forward(x)
    with pytest.raises(ValueError, match="x must be"):
        mlp.forward(x[:, 1:])
    mlp.backward(labels)
    assert_same((mlp.dW[0], mlp.db[0]), gradients(linear(nn), x, labels))
