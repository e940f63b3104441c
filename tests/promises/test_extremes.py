"""Lets you rely on hw1.py at the ends of floating point and of the sizes: the right number, and no warning.

The largest and the smallest numbers of float32 and float64, networks that are narrow, deep or have 1 or 1,000
classes, data of small dtypes and in unusual memory.  Exact values come from the standard library's decimal.
"""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from tests.differences import ulps
from tests.promises.networks import (D, K, arrays, assert_gradients, assert_same_arrays, batch, network,
                                     train_once)

DTYPES = [np.float32, np.float64]
EVERY_DTYPE = pytest.mark.parametrize("dtype", DTYPES)


def largest(dtype):
    return np.finfo(dtype).max


def smallest(dtype):
    """Return the smallest number above 0, a subnormal one."""
    return np.nextafter(dtype(0), dtype(1))


def whole_range(dtype):
    """Return numbers of both signs: the ends of each binary order of magnitude, and some more up to 40."""
    info = np.finfo(dtype)
    powers = np.ldexp(dtype(1), np.arange(info.minexp - info.nmant, info.maxexp))
    sizes = np.concatenate([powers, powers * (dtype(2) - info.eps), np.linspace(0, 40, 400).astype(dtype)])
    return np.concatenate([-sizes, sizes])


# ---- The exact functions -----------------------------------------------------------------------------------

def precise(function):
    """Run function with 60 digits."""
    def with_digits(*arguments):
        with localcontext() as context:
            context.prec = 60
            return function(*arguments)
    return with_digits


@precise
def exact_sigmoid(x):
    e = (-abs(x)).exp()
    return (1 if x >= 0 else e) / (1 + e)


@precise
def exact_tanh(x):
    if abs(x) < Decimal("1e-15"):
        return x - x ** 3 / 3
    e = (-2 * abs(x)).exp()
    return (1 - e) / (1 + e) * (1 if x >= 0 else -1)


@precise
def exact_loss(row, k):
    """Return -log softmax(row)[k], also where it is far below 1e-60."""
    top = max(row)
    others = sum((x - top).exp() for x in row) - 1
    if others < Decimal("1e-25"):
        others = sum((x - top).exp() for j, x in enumerate(row) if j != row.index(top))
        return top - row[k] + others
    return top - row[k] + (1 + others).ln()


EXACT = {"Sigmoid": exact_sigmoid, "Tanh": exact_tanh}


# ---- Activations -------------------------------------------------------------------------------------------

@EVERY_DTYPE
@pytest.mark.parametrize("name", ["Sigmoid", "Tanh"])
def test_activations_in_every_order_of_magnitude(nn, name, dtype):
    """Sigmoid and Tanh are right to a few units in the last place, from the smallest x to the largest."""
    x = whole_range(dtype)
    exact = [EXACT[name](Decimal(float(number))) for number in x]
    assert max(map(ulps, getattr(nn, name)()(x), exact)) <= 4


@EVERY_DTYPE
@pytest.mark.parametrize("name, derivative", [
    ("Sigmoid", lambda f: f * (1 - f)), ("Tanh", lambda f: 1 - f * f)], ids=["Sigmoid", "Tanh"])
def test_derivatives_in_every_order_of_magnitude(nn, name, derivative, dtype):
    """The derivatives of Sigmoid and Tanh are right to a few roundings of 1, for any finite x."""
    activation, x = getattr(nn, name)(), whole_range(dtype)
    activation(x)
    exact = np.array([precise(derivative)(EXACT[name](Decimal(float(number)))) for number in x], float)
    np.testing.assert_allclose(activation.derivative(), exact, rtol=0, atol=4 * np.finfo(dtype).eps)


@EVERY_DTYPE
@pytest.mark.parametrize("name, below, above", [("Sigmoid", 0.5, 0.5), ("Tanh", -1, 1), ("ReLU", 0, 1)])
def test_activations_of_the_smallest_numbers(nn, name, below, above, dtype):
    """The smallest numbers on both sides of 0 are not lost: ReLU and Tanh pass them on, Sigmoid gives 1/2."""
    tiny = smallest(dtype)
    out = getattr(nn, name)()(np.array([-tiny, tiny]))
    unit = 1 if name == "Sigmoid" else tiny
    np.testing.assert_array_equal(out, np.array([below, above]) * unit)


# ---- The loss ----------------------------------------------------------------------------------------------

def logits_of_every_size(dtype, nclasses):
    """Return 60 rows of random logits, of sizes from the smallest number of dtype to the largest."""
    sizes = np.geomspace(float(smallest(dtype)) * 8, largest(dtype) / 2.01, 60, dtype=np.float64)
    return (np.random.RandomState(0).uniform(-1, 1, (60, nclasses)) * sizes[:, None]).astype(dtype)


@EVERY_DTYPE
@pytest.mark.parametrize("nclasses", [1, 2, 30])
@pytest.mark.parametrize("which", ["likely", "any"])
def test_the_loss_in_every_order_of_magnitude(nn, which, nclasses, dtype):
    """The loss is right to a few units in the last place for logits of any size, likely class or not."""
    x = logits_of_every_size(dtype, nclasses)
    labels = x.argmax(axis=1) if which == "likely" else np.arange(len(x)) % nclasses
    losses = nn.SoftmaxCrossEntropy()(x, np.eye(nclasses)[labels])
    exact = [exact_loss([Decimal(float(number)) for number in row], k) for row, k in zip(x, labels)]
    assert max(map(ulps, losses, exact)) <= 4


@EVERY_DTYPE
@pytest.mark.parametrize("nclasses", [1, 2, 1000])
def test_the_softmax_in_every_order_of_magnitude(nn, nclasses, dtype):
    """The softmax of logits of any size is from 0 to 1 and sums to 1."""
    x = logits_of_every_size(dtype, nclasses)
    criterion = nn.SoftmaxCrossEntropy()
    criterion(x, np.eye(nclasses)[np.zeros(len(x), int)])
    assert (criterion.sm >= 0).all() and (criterion.sm <= 1).all()
    np.testing.assert_allclose(criterion.sm.sum(axis=1, dtype=float), 1, rtol=32 * np.finfo(dtype).eps)


# ---- BatchNorm ---------------------------------------------------------------------------------------------

@EVERY_DTYPE
def test_constant_units_of_any_size(nn, dtype):
    """A constant unit is normalised to 0 exactly and passes 0 back, be its x the largest or the smallest."""
    sizes = [largest(dtype), np.finfo(dtype).tiny, smallest(dtype)]
    values = np.array(sizes + [-size for size in sizes])
    layer = nn.BatchNorm(len(values))
    x = np.tile(values, (3, 1))
    np.testing.assert_array_equal(layer(x), np.zeros_like(x))
    np.testing.assert_array_equal(layer.mean, values)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), np.zeros_like(x))


@EVERY_DTYPE
def test_units_of_subnormal_spread(nn, dtype):
    """A unit that differs by the smallest numbers alone is divided by sqrt(eps) = 1e-4: nothing is lost."""
    tiny = smallest(dtype)
    layer = nn.BatchNorm(1)
    out = layer(np.array([[tiny], [0], [2 * tiny]], dtype))
    np.testing.assert_allclose(out / tiny, [[0], [-1e4], [1e4]], rtol=1e-3)
    dx = layer.backward(np.array([[3], [0], [0]], dtype))
    np.testing.assert_allclose(dx, [[2e4], [-1e4], [-1e4]], rtol=1e-6)


@EVERY_DTYPE
def test_units_of_the_largest_spread(nn, dtype):
    """A unit as spread as its variance allows, half the root of the largest number, is normalised to +-1."""
    x = np.array([[1], [-1], [1], [-1]], dtype) * np.sqrt(largest(dtype)) / 2
    layer = nn.BatchNorm(1)
    np.testing.assert_allclose(layer(x.astype(dtype)), [[1], [-1], [1], [-1]], rtol=4 * np.finfo(dtype).eps)
    assert np.isfinite(layer.running_var).all()


# ---- Networks ----------------------------------------------------------------------------------------------

@EVERY_DTYPE
@pytest.mark.parametrize("name, out", [("Sigmoid", [1, 0]), ("Tanh", [1, -1])])
def test_pre_activations_up_to_the_largest_number(nn, name, out, dtype):
    """Pre-activations of +- the largest number saturate: the loss is right, the gradients behind are 0."""
    mlp = nn.MLP(2, 2, [2], [getattr(nn, name)(), nn.Identity()], lambda *shape: np.eye(2, dtype=dtype),
                 lambda d: np.zeros(d, dtype), nn.SoftmaxCrossEntropy(), 0.1)
    np.testing.assert_array_equal(mlp(np.array([[1, -1]], dtype) * largest(dtype)), [out])
    mlp.backward(np.array([[0, 1]]))
    expected = np.log1p(np.exp(out[0] - out[1]))
    np.testing.assert_allclose(mlp.criterion.loss, expected, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(mlp.dW[0], np.zeros((2, 2)))


@EVERY_DTYPE
@pytest.mark.parametrize("power", [2, -2])
def test_fifty_layers_by_hand(nn, power, dtype):
    """51 weights of 4, or of 1/4, in a chain multiply x, and the gradient, by exactly 4^51, or 4^-51."""
    weight = dtype(2.0 ** power)
    mlp = nn.MLP(1, 1, [1] * 50, [nn.Identity() for _ in range(51)], lambda d0, d1: np.full((1, 1), weight),
                 lambda d: np.zeros(d, dtype), Cotangent(), 0.1)
    x = np.array([[1], [3]], dtype)
    np.testing.assert_array_equal(mlp(x), x * 2.0 ** (51 * power))
    mlp.backward(np.ones((2, 1), dtype))
    mean = 2  # of 1 and 3
    np.testing.assert_array_equal(np.ravel(mlp.dW), np.full(51, mean * 2.0 ** (50 * power)))


class Cotangent:
    """A criterion whose dlogits are the labels."""

    def __call__(self, x, y):
        self.labels = y

    def derivative(self):
        return self.labels


def test_fifty_layers_with_batchnorm(nn):
    """A network of 50 hidden layers of one unit, each with a BatchNorm, has the right gradients."""
    assert_gradients(network(nn, (1,) * 50, num_bn_layers=50), *batch(1, m=4))


@EVERY_DTYPE
def test_one_class(nn, dtype):
    """With one class nothing can be wrong and nothing is learnt: loss and error are 0, the weights stay."""
    mlp = nn.MLP(D, 1, [3], [nn.Tanh(), nn.Identity()], lambda d0, d1: np.full((d0, d1), 0.5, dtype),
                 lambda d: np.ones(d, dtype), nn.SoftmaxCrossEntropy(), 0.1, 0.9, 1)
    before = [W.copy() for W in mlp.W]
    pair = batch(0)[0].astype(dtype), np.zeros(6, int)
    *curves, confusion_matrix = nn.get_training_stats(mlp, (pair, pair, pair), 2, 4)
    np.testing.assert_array_equal(curves, np.zeros((4, 2)))
    np.testing.assert_array_equal(confusion_matrix, [[6]])
    for W, kept in zip(mlp.W, before):
        np.testing.assert_array_equal(W, kept)


@EVERY_DTYPE
def test_a_thousand_classes(nn, dtype):
    """With 1,000 classes zero weights give the loss log 1000, and db = 1/1000 less the class's share."""
    mlp = nn.MLP(D, 1000, [], [nn.Identity()], lambda d0, d1: np.zeros((d0, d1), dtype),
                 lambda d: np.zeros(d, dtype), nn.SoftmaxCrossEntropy(), 0.1)
    mlp(np.ones((4, D), dtype))
    mlp.backward(np.eye(1000)[[7, 7, 7, 999]])
    np.testing.assert_allclose(mlp.criterion.loss, np.log(1000), rtol=2 * np.finfo(dtype).eps)
    expected = np.full(1000, 0.001)
    expected[[7, 999]] -= [0.75, 0.25]
    np.testing.assert_allclose(mlp.db[0], expected, rtol=4 * np.finfo(dtype).eps)


def test_training_on_a_thousand_classes(nn):
    """get_training_stats tells 1,000 classes apart: a network that copies its input is right in all."""
    mlp = nn.MLP(1000, 1000, [], [nn.Identity()], lambda d0, d1: 50 * np.eye(1000), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.1)
    pair = np.eye(1000, dtype=np.uint8), np.arange(1000)
    *curves, confusion_matrix = nn.get_training_stats(mlp, (pair, pair, pair), 1, 500)
    np.testing.assert_array_equal(confusion_matrix, np.eye(1000))
    assert curves[1] == 0 and curves[3] == 0


# ---- Data of small dtypes, arrays in unusual memory --------------------------------------------------------

@EVERY_DTYPE
@pytest.mark.parametrize("kind", [bool, np.uint8, np.float16])
def test_data_of_a_small_dtype(nn, kind, dtype):
    """bool, uint8 and float16 data train a network as the same numbers in its own dtype do."""
    x, labels = batch(1)
    x = np.abs(50 * x).astype(kind)
    mlp, twin = (network(nn, dtype=dtype, num_bn_layers=1) for _ in range(2))
    train_once(mlp, x, labels)
    train_once(twin, x.astype(dtype), labels)
    for name, expected in arrays(twin).items():
        found = arrays(mlp)[name]
        assert found.dtype == dtype, name
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=name)


def memory_mapped(a, tmp_path):
    np.save(str(tmp_path / "a.npy"), a)
    return np.load(str(tmp_path / "a.npy"), mmap_mode="r")


def fortran_ordered(a, tmp_path):
    return np.asfortranarray(a)


def strided(a, tmp_path):
    return np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3]


def big_endian(a, tmp_path):
    return a.astype(a.dtype.newbyteorder(">"))


KINDS = pytest.mark.parametrize("kind", [memory_mapped, fortran_ordered, strided, big_endian])


@KINDS
@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "ReLU"])
def test_activations_of_arrays_in_unusual_memory(nn, name, kind, tmp_path):
    """An activation of a memory map, a Fortran-ordered, strided or big-endian array is a plain array."""
    x = batch(2)[0]
    activation = getattr(nn, name)()
    out = activation(kind(x, tmp_path))
    np.testing.assert_allclose(out, activation(x), rtol=1e-14)
    assert type(out) is np.ndarray and out.flags.writeable


@KINDS
def test_the_loss_of_arrays_in_unusual_memory(nn, kind, tmp_path):
    """Logits in a memory map, Fortran-ordered, strided or big-endian give the same loss and derivative()."""
    x, y = batch(3)[0][:, :K], batch(3)[1]
    criterion, twin = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(criterion(kind(x, tmp_path), y), twin(x, y), rtol=1e-14)
    np.testing.assert_allclose(criterion.derivative(), twin.derivative(), rtol=1e-14, atol=1e-16)


@KINDS
def test_batchnorm_of_arrays_in_unusual_memory(nn, kind, tmp_path):
    """x and delta in a memory map, Fortran-ordered, strided or big-endian give the same out and dx."""
    x, delta = batch(4)[0], batch(5)[0]
    layer, twin = nn.BatchNorm(D), nn.BatchNorm(D)
    np.testing.assert_allclose(layer(kind(x, tmp_path)), twin(x), rtol=1e-12)
    dx = layer.backward(kind(delta, tmp_path))
    np.testing.assert_allclose(dx, twin.backward(delta), rtol=1e-12, atol=1e-14)


@KINDS
def test_weights_in_unusual_memory(nn, kind, tmp_path):
    """Weights from outside may lie in a read-only memory map, Fortran-ordered, strided or big-endian."""
    mlp, twin = network(nn, (), momentum=0.9), network(nn, (), momentum=0.9)
    kept = kind(mlp.W[0].copy(), tmp_path)
    mlp.W[0] = kept
    train_once(mlp, *batch(1))
    own = mlp.W[0]
    train_once(mlp, *batch(2))
    assert mlp.W[0] is own and type(own) is np.ndarray  # copied once, and then moved in place
    for seed in (1, 2):
        train_once(twin, *batch(seed))
    np.testing.assert_allclose(mlp.W[0], twin.W[0], rtol=1e-12)
    np.testing.assert_array_equal(kept, network(nn, ()).W[0])


def test_a_batch_of_one_example_a_hundred_times(nn):
    """A read-only batch whose rows all lie in one place in memory, from np.broadcast_to, is taken."""
    x, labels = batch(6, m=1)
    mlp, twin = network(nn), network(nn)
    mlp(np.broadcast_to(x, (100, D)))
    mlp.backward(np.broadcast_to(labels, (100, K)))
    twin(np.repeat(x, 100, axis=0))
    twin.backward(np.repeat(labels, 100, axis=0))
    np.testing.assert_allclose(mlp.dW[0], twin.dW[0], rtol=1e-12, atol=1e-15)


@EVERY_DTYPE
@pytest.mark.parametrize("column", [[1, -1], [1, 0], [1, 1 - 2.0 ** -20]], ids=str)
def test_batchnorm_of_a_spread_beyond_its_dtype(nn, column, dtype):
    """x so spread that its variance is beyond the largest number is refused at once; the statistics stay."""
    layer = nn.BatchNorm(1)
    layer(np.array([[1], [2]], dtype))
    before = [getattr(layer, name).copy() for name in ("mean", "var", "running_mean", "running_var")]
    x = np.array(column)[:, None].astype(dtype) * np.finfo(dtype).max
    with pytest.raises(ValueError, match="x must be finite.*variance that {} can hold".format(np.dtype(dtype))):
        layer(x)
    for name, value in zip(("mean", "var", "running_mean", "running_var"), before):
        np.testing.assert_array_equal(getattr(layer, name), value)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_batchnorm_of_a_number_that_is_none(nn, number):
    """nan and inf in a training batch are refused at once, before they stay in the running statistics for good."""
    mlp = network(nn, num_bn_layers=1)
    before = arrays(mlp)
    x = np.where(np.eye(6, D) > 0, number, batch(0)[0])
    with pytest.raises(ValueError, match="x must be finite"):
        mlp.bn_layers[0](np.repeat(x, 2, axis=1)[:, :5])
    assert_same_arrays(arrays(mlp), before)
