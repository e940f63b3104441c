"""What an MLP promises that holds already for the linear classifier (2.3).

Gradients of the mean loss, data of any real dtype and layout, nothing of the caller's changed, no result
overwritten, and errors that say what is wrong.
"""

import re

import numpy as np
import pytest

from tests.promises.networks import (D, K, Normal, arrays, assert_gradients, assert_same_arrays, batch,
                                     network, train_on)


def linear(nn, **options):
    """Return a linear classifier, (D, K)."""
    return network(nn, hiddens=(), **options)


def gradients(mlp, x, labels):
    """Return dW[0] and db[0] of mlp at a batch."""
    mlp.forward(x)
    mlp.backward(labels)
    return mlp.dW[0].copy(), mlp.db[0].copy()


def made_of(nn, weight_init_fn, bias_init_fn):
    """Return a linear classifier made by these initializers."""
    return nn.MLP(D, K, [], [nn.Identity()], weight_init_fn, bias_init_fn, nn.SoftmaxCrossEntropy(), 0.1)


# ---- Values ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
@pytest.mark.parametrize("m", [1, 6])
def test_gradients_match_central_differences(nn, rows, m):
    """The linear classifier's dW and db are the gradients of the batch's mean loss."""
    assert_gradients(linear(nn, rows=rows), *batch(1, m))


def hand_worked(nn):
    """Return a classifier of two inputs and two classes, all zero but W[0, 0] = log 3, and a batch of two.

    x             logits       softmax       label     softmax - label    loss
    (1, 0)        (log 3, 0)   (3/4, 1/4)    (1, 0)    (-1/4, 1/4)        log(4/3)
    (0, 1)        (0, 0)       (1/2, 1/2)    (0, 1)    (1/2, -1/2)        log 2
    """
    mlp = nn.MLP(2, 2, [], [nn.Identity()], lambda d0, d1: np.array([[np.log(3), 0.0], [0.0, 0.0]]), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.8)
    return mlp, np.eye(2), np.eye(2)


def test_hand_worked_forward(nn):
    """MLP.forward of a linear classifier is x W + b."""
    mlp, x, _ = hand_worked(nn)
    mlp.b[0] = np.array([1.0, 2.0])
    np.testing.assert_allclose(mlp.forward(x), [[np.log(3) + 1, 2], [1, 2]], rtol=1e-15)


def test_hand_worked_backward(nn):
    """MLP.backward gives x^T (softmax - labels) / m and the mean of softmax - labels, as worked by hand."""
    mlp, x, labels = hand_worked(nn)
    dW, db = gradients(mlp, x, labels)
    np.testing.assert_allclose(dW, [[-1 / 8, 1 / 8], [1 / 4, -1 / 4]], rtol=1e-14)
    np.testing.assert_allclose(db, [1 / 8, -1 / 8], rtol=1e-14)


def test_hand_worked_step(nn):
    """MLP.step subtracts lr times the gradient, as worked by hand."""
    mlp, x, labels = hand_worked(nn)
    gradients(mlp, x, labels)
    mlp.step()  # lr is 0.8
    np.testing.assert_allclose(mlp.W[0], [[np.log(3) + 0.1, -0.1], [-0.2, 0.2]], rtol=1e-14)
    np.testing.assert_allclose(mlp.b[0], [-0.1, 0.1], rtol=1e-14)


def test_calling_is_forward(nn):
    """Calling an MLP is its forward."""
    mlp, (x, _) = linear(nn), batch(1)
    np.testing.assert_array_equal(mlp(x), mlp.forward(x))


def test_batch_seen_twice_has_the_same_mean(nn):
    """dW and db belong to the mean loss: a batch that holds every example twice gives the same."""
    mlp, (x, labels) = linear(nn), batch(1)
    once = gradients(mlp, x, labels)
    twice = gradients(mlp, np.vstack([x, x]), np.vstack([labels, labels]))
    for a, b in zip(once, twice):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_backward_runs_the_criterion(nn):
    """MLP.backward itself runs the criterion on the last output: after it, criterion.loss is the batch's."""
    mlp, (x, labels) = linear(nn), batch(1)
    logits = mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_allclose(mlp.criterion.loss, nn.SoftmaxCrossEntropy()(logits, labels), rtol=1e-12)


def test_backward_goes_through_the_last_forward(nn):
    """MLP.backward belongs to the last forward, whatever other batches went before it."""
    mlp, (x, labels) = linear(nn), batch(1)
    expected = gradients(mlp, x, labels)
    mlp.forward(batch(2, m=4)[0])
    for a, b in zip(expected, gradients(mlp, x, labels)):
        np.testing.assert_array_equal(a, b)


def test_any_criterion(nn):
    """MLP trains with the criterion that it was given, also one of the caller's own."""
    class SquaredError(nn.Criterion):
        def forward(self, x, y):
            self.logits, self.labels = x, y
            self.loss = ((x - y) ** 2).sum(axis=1) / 2
            return self.loss

        def derivative(self):
            return self.logits - self.labels

    x, labels = batch(1)
    mlp = nn.MLP(D, K, [], [nn.Identity()], Normal(1), Normal(2), SquaredError(), 0.1)
    assert_gradients(mlp, x, labels)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_huge_inputs(nn, size):
    """A network stays finite and silent on inputs as large as 1e300."""
    mlp, (x, labels) = linear(nn), batch(1)
    dW, db = gradients(mlp, np.sign(x) * size, labels)
    assert np.isfinite(mlp.criterion.loss).all()
    assert np.isfinite(dW).all() and np.isfinite(db).all()


# ---- backward, zero_grads ----------------------------------------------------------------------------------

def test_backward_assigns(nn):
    """MLP.backward assigns dW and db, it does not add to them: without zero_grads it gives the same."""
    mlp, (x, labels) = linear(nn), batch(1)
    for a, b in zip(gradients(mlp, x, labels), gradients(mlp, x, labels)):
        np.testing.assert_array_equal(a, b)


def test_backward_twice_after_one_forward(nn):
    """MLP.backward may be called again after one forward, and gives the same."""
    mlp, (x, labels) = linear(nn), batch(1)
    first = gradients(mlp, x, labels)
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.dW[0], first[0])
    np.testing.assert_array_equal(mlp.db[0], first[1])


def test_zero_grads(nn):
    """MLP.zero_grads sets dW and db to zeros of the same shape and dtype."""
    mlp = linear(nn)
    dW, db = gradients(mlp, *batch(1))
    mlp.zero_grads()
    for zeroed, before in ((mlp.dW[0], dW), (mlp.db[0], db)):
        np.testing.assert_array_equal(zeroed, np.zeros_like(before))
        assert (zeroed.shape, zeroed.dtype) == (before.shape, before.dtype)


def test_zero_grads_between_forward_and_backward(nn):
    """MLP.zero_grads may stand between forward and backward: it forgets nothing that backward needs."""
    mlp, (x, labels) = linear(nn), batch(1)
    expected = gradients(mlp, x, labels)
    mlp.forward(x)
    mlp.zero_grads()
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.dW[0], expected[0])
    np.testing.assert_array_equal(mlp.db[0], expected[1])


def test_step_before_backward(nn):
    """MLP.step before the first backward changes nothing: the gradients are zeros."""
    mlp = linear(nn, momentum=0.9)
    before = arrays(mlp)
    mlp.step()
    assert_same_arrays(arrays(mlp), before)


# ---- What may come in --------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.bool_])
def test_labels_of_any_dtype(nn, dtype):
    """One-hot labels may be integers, floats or booleans: the gradients are the same."""
    mlp, (x, labels) = linear(nn), batch(1)
    for a, b in zip(gradients(mlp, x, labels), gradients(mlp, x, labels.astype(dtype))):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_])
def test_pixels_never_overflow(nn, dtype):
    """Integer pixels give exactly what the same numbers give as floats: nothing overflows or is cut off."""
    mlp, labels = linear(nn), batch(1)[1]
    pixels = np.random.RandomState(1).randint(0, 256, (len(labels), D)).astype(dtype)
    for a, b in zip(gradients(mlp, pixels, labels), gradients(mlp, pixels.astype(float), labels)):
        np.testing.assert_array_equal(a, b)


def read_only(x, tmp_path):
    x.flags.writeable = False
    return x


def fortran(x, tmp_path):
    return np.asfortranarray(x)


def every_second_row(x, tmp_path):
    return np.repeat(x, 2, axis=0)[::2]


def memory_mapped(x, tmp_path):
    np.save(str(tmp_path / "x.npy"), x)
    return np.load(str(tmp_path / "x.npy"), mmap_mode="r")


@pytest.mark.parametrize("kind", [read_only, fortran, every_second_row, memory_mapped])
def test_arrays_of_any_layout(nn, kind, tmp_path):
    """x may be read-only, in Fortran order, a strided view or memory-mapped: the gradients are the same."""
    mlp, (x, labels) = linear(nn), batch(1)
    expected = gradients(mlp, x, labels)
    for a, b in zip(expected, gradients(mlp, kind(x.copy(), tmp_path), labels)):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_read_only_labels(nn):
    """labels may be a read-only array."""
    mlp, (x, labels) = linear(nn), batch(1)
    expected = gradients(mlp, x, labels)
    labels.flags.writeable = False
    np.testing.assert_array_equal(gradients(mlp, x, labels)[0], expected[0])


def test_batch_and_labels_unchanged(nn):
    """forward, backward and step leave x and the labels as they were."""
    mlp, (x, labels) = linear(nn), batch(1)
    before = x.copy(), labels.copy()
    gradients(mlp, x, labels)
    mlp.step()
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(labels, before[1])


# ---- What goes out -----------------------------------------------------------------------------------------

def test_outputs_are_not_overwritten(nn):
    """What forward returned still holds its numbers after later calls on another batch."""
    mlp = linear(nn)
    output = mlp.forward(batch(1)[0])
    before = output.copy()
    train_on(mlp, [2, 3])
    np.testing.assert_array_equal(output, before)


def zero_grads(mlp):
    mlp.zero_grads()


def backward(mlp):
    gradients(mlp, *batch(2))


LATER = pytest.mark.parametrize("later", [zero_grads, backward])


@LATER
def test_gradient_arrays_are_not_overwritten(nn, later):
    """Arrays taken from dW and db still hold their numbers after zero_grads, and after another backward."""
    mlp = linear(nn)
    dW, db = gradients(mlp, *batch(1))
    taken = mlp.dW[0], mlp.db[0]
    later(mlp)
    np.testing.assert_array_equal(taken[0], dW)
    np.testing.assert_array_equal(taken[1], db)


@LATER
def test_gradient_lists_are_not_overwritten(nn, later):
    """The lists dW and db, once taken, still hold their gradients after zero_grads and another backward."""
    mlp = linear(nn)
    dW, db = gradients(mlp, *batch(1))
    taken = mlp.dW, mlp.db
    later(mlp)
    np.testing.assert_array_equal(taken[0][0], dW)
    np.testing.assert_array_equal(taken[1][0], db)


def test_losses_are_not_overwritten(nn):
    """The losses taken from the criterion still hold their numbers after a later backward."""
    mlp = linear(nn)
    gradients(mlp, *batch(1))
    loss, sm = mlp.criterion.loss, mlp.criterion.sm
    before = loss.copy(), sm.copy()
    train_on(mlp, [2])
    np.testing.assert_array_equal(loss, before[0])
    np.testing.assert_array_equal(sm, before[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(nn, dtype):
    """Data and weights of one floating dtype give outputs and gradients of that dtype."""
    mlp, (x, labels) = linear(nn, dtype=dtype), batch(1, dtype=dtype)
    output = mlp.forward(x)
    mlp.backward(labels)
    assert [output.dtype, mlp.dW[0].dtype, mlp.db[0].dtype] == [dtype] * 3


def test_dtype_is_kept_by_steps(nn):
    """float32 weights and biases stay float32 through steps with momentum."""
    mlp = linear(nn, dtype=np.float32, momentum=0.9)
    for seed in range(3):
        mlp.forward(batch(seed, dtype=np.float32)[0])
        mlp.backward(batch(seed, dtype=np.float32)[1])
        mlp.step()
    assert [mlp.W[0].dtype, mlp.b[0].dtype] == [np.float32] * 2


@pytest.mark.parametrize("label_dtype", [np.int64, np.float64])
def test_labels_do_not_widen(nn, label_dtype):
    """Labels of another dtype do not turn the gradients of a float32 network into float64."""
    mlp, (x, labels) = linear(nn, dtype=np.float32), batch(1, dtype=np.float32)
    assert {a.dtype for a in gradients(mlp, x, labels.astype(label_dtype))} == {np.dtype(np.float32)}


def test_pixels_take_the_dtype_of_the_weights(nn):
    """uint8 pixels through float32 weights give float32."""
    x = np.random.RandomState(1).randint(0, 256, (6, D)).astype(np.uint8)
    assert linear(nn, dtype=np.float32).forward(x).dtype == np.float32


def test_zeroed_gradients_keep_the_dtype(nn):
    """A float32 network's gradients are float32 from the start, and after zero_grads."""
    mlp = linear(nn, dtype=np.float32)
    fresh = {mlp.dW[0].dtype, mlp.db[0].dtype}
    mlp.zero_grads()
    assert fresh | {mlp.dW[0].dtype, mlp.db[0].dtype} == {np.dtype(np.float32)}


# ---- Initializers ------------------------------------------------------------------------------------------

def test_weights_are_what_the_initializers_return(nn):
    """W and b are what the initializers return."""
    mlp = made_of(nn, Normal(1), Normal(2))
    np.testing.assert_array_equal(mlp.W[0], Normal(1)(D, K))
    np.testing.assert_array_equal(mlp.b[0], Normal(2)(K))


def test_initializers_array_is_kept(nn):
    """The arrays that the initializers returned are not changed by training."""
    W, b = Normal(1)(D, K), Normal(2)(K)
    before = W.copy(), b.copy()
    train_on(made_of(nn, lambda d0, d1: W, lambda d: b), [1, 2])
    np.testing.assert_array_equal(W, before[0])
    np.testing.assert_array_equal(b, before[1])


def test_integer_initializers_train(nn):
    """Weights and biases that an initializer returns as integers train as float64."""
    whole = made_of(nn, lambda d0, d1: np.ones((d0, d1), int), lambda d: np.zeros(d, int))
    floating = made_of(nn, lambda d0, d1: np.ones((d0, d1)), np.zeros)
    train_on(whole, [1, 2])
    train_on(floating, [1, 2])
    assert_same_arrays(arrays(whole), arrays(floating))


@pytest.mark.parametrize("shape", [(K, D), (D * K,), (1, K), (D, K, 1), (D, 1), ()], ids=str)
def test_weight_init_fn_of_another_shape(nn, shape):
    """MLP refuses a weight_init_fn that returns another shape than (d_in, d_out)."""
    with pytest.raises(ValueError, match=r"initializer.*\(4, 3\).*got {}".format(re.escape(str(shape)))):
        made_of(nn, lambda d0, d1: np.zeros(shape), np.zeros)


@pytest.mark.parametrize("shape", [(K + 1,), (K, 1), (1, 1), (1, 1, K), ()], ids=str)
def test_bias_init_fn_of_another_shape(nn, shape):
    """MLP refuses a bias_init_fn that returns another shape than (d_out,) or (1, d_out)."""
    with pytest.raises(ValueError, match=r"initializer.*\(3,\).*got {}".format(re.escape(str(shape)))):
        made_of(nn, Normal(1), lambda d: np.zeros(shape))


@pytest.mark.parametrize("made", [None, "zeros", np.zeros((D, K), complex)], ids=["None", "str", "complex"])
def test_initializer_of_no_real_numbers(nn, made):
    """MLP refuses an initializer that returns something else than an array of real numbers."""
    with pytest.raises(TypeError, match="initializer.*real numbers"):
        made_of(nn, lambda d0, d1: made, np.zeros)


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("position", [0, 1], ids=["input_size", "output_size"])
@pytest.mark.parametrize("size", [0, -3])
def test_size_below_one(nn, position, size):
    """MLP refuses an input_size or output_size below 1."""
    sizes = [D, K]
    sizes[position] = size
    with pytest.raises(ValueError, match="{0}.*integer of at least 1, got {1}".format(
            ("input_size", "output_size")[position], size)):
        nn.MLP(*sizes, [], [nn.Identity()], Normal(1), Normal(2), nn.SoftmaxCrossEntropy(), 0.1)


@pytest.mark.parametrize("position", [0, 1], ids=["input_size", "output_size"])
@pytest.mark.parametrize("size", [4.0, True, "4", None])
def test_size_that_is_no_integer(nn, position, size):
    """MLP refuses an input_size or output_size that is not an integer."""
    sizes = [D, K]
    sizes[position] = size
    with pytest.raises(TypeError, match="{0}.*must be an integer, got {1!r}".format(
            ("input_size", "output_size")[position], size)):
        nn.MLP(*sizes, [], [nn.Identity()], Normal(1), Normal(2), nn.SoftmaxCrossEntropy(), 0.1)


def test_sizes_may_be_numpy_integers(nn):
    """Sizes may be NumPy integers, as x.shape and labels.max() + 1 give them."""
    mlp = nn.MLP(np.int64(D), np.int32(K), [], [nn.Identity()], Normal(1), Normal(2),
                 nn.SoftmaxCrossEntropy(), 0.1)
    assert mlp.forward(batch(1)[0]).shape == (6, K)


def test_criterion_class_instead_of_object(nn):
    """MLP refuses the criterion's class in the place of an object."""
    with pytest.raises(TypeError, match="criterion must be objects.*SoftmaxCrossEntropy"):
        nn.MLP(D, K, [], [nn.Identity()], Normal(1), Normal(2), nn.SoftmaxCrossEntropy, 0.1)


@pytest.mark.parametrize("shape", [(D,), (6, D + 1), (6, D - 1), (6, 2, 2), (D, 1), (0, D), ()], ids=str)
def test_x_of_another_shape(nn, shape):
    """MLP.forward refuses an x that is not (m, input_size) with m at least 1."""
    with pytest.raises(ValueError, match=r"x must have shape \(m, 4\).*got {}".format(re.escape(str(shape)))):
        linear(nn).forward(np.zeros(shape))


@pytest.mark.parametrize("dtype", [complex, object, "U1"], ids=str)
def test_x_of_no_real_numbers(nn, dtype):
    """MLP.forward refuses an x that does not hold real numbers."""
    with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
        linear(nn).forward(np.zeros((6, D), dtype))


@pytest.mark.parametrize("shape", [(6, K + 1), (5, K), (1, K), (6, 1), (6,), (K,)], ids=str)
def test_labels_of_another_shape(nn, shape):
    """MLP.backward refuses labels of another shape than the logits, which NumPy might broadcast."""
    mlp = linear(nn)
    mlp.forward(batch(1)[0])
    with pytest.raises(ValueError, match=r"labels.*\(6, 3\) and {}".format(re.escape(str(shape)))):
        mlp.backward(np.zeros(shape))


def test_class_indices_for_backward(nn):
    """MLP.backward says how to make class indices one-hot, when it gets them."""
    mlp = linear(nn)
    mlp.forward(batch(1)[0])
    with pytest.raises(ValueError, match=r"np\.eye\(K\)\[indices\]"):
        mlp.backward(np.array([0, 1, 2, 0, 1, 2]))


def test_backward_before_forward(nn):
    """MLP.backward before the first forward says that forward comes first."""
    with pytest.raises(RuntimeError, match="call forward"):
        linear(nn).backward(batch(1)[1])


def test_refused_batch_leaves_the_last_one(nn):
    """A batch that forward refuses changes nothing: backward still belongs to the batch before."""
    mlp, (x, labels) = linear(nn), batch(1)
    expected = gradients(mlp, x, labels)
    with pytest.raises(ValueError, match="x must have shape"):
        mlp.forward(x[:, 1:])
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.dW[0], expected[0])


def test_pixels_never_overflow_in_integer_weights(nn):
    """uint8 pixels give what floats give also through int8 weights put there from outside."""
    mlp = network(nn, ())
    mlp.W[0] = np.ones((D, K), np.int8)
    x = np.full((6, D), 200, np.uint8)
    np.testing.assert_allclose(mlp.forward(x), 800 + np.repeat(mlp.b[0][None], 6, axis=0), rtol=1e-12)
