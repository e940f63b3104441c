"""What is promised of section 2.4, the activations, beyond the handout's own tests."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from tests.differences import assert_gradient, away_from_zero, ulps

NAMES = ["Sigmoid", "Tanh", "ReLU"]
DTYPES = [np.float32, np.float64]


def every(*names):
    """Run a test for each of these activations, made anew as its argument activation."""
    return pytest.mark.parametrize("activation", names, indirect=True)


@pytest.fixture
def activation(nn, request):
    return getattr(nn, request.param)()


# ---- Values ------------------------------------------------------------------------------------------------

@every(*NAMES)
def test_derivative_agrees_with_differences(activation):
    """derivative() is the derivative of forward, element by element."""
    rng = np.random.RandomState(0)
    x, delta = away_from_zero(rng, (5, 4)), rng.standard_normal((5, 4))
    activation(x)
    dx = delta * activation.derivative()
    assert_gradient(dx, lambda: (delta * activation(x)).sum(), x, "dx")


@pytest.mark.parametrize("activation, x, outputs, derivatives", [
    # exp(-x) is 3, 1, 1/3 and 1/4; s (1 - s) is 1/4 * 3/4, 1/2 * 1/2, 3/4 * 1/4 and 4/5 * 1/5.
    ("Sigmoid", np.log([1 / 3, 1, 3, 4]), [1 / 4, 1 / 2, 3 / 4, 4 / 5], [3 / 16, 1 / 4, 3 / 16, 4 / 25]),
    # tanh(log a) = (a^2 - 1) / (a^2 + 1) for a = 1/2, 1, 2 and 3; 1 - t^2 is 16/25, 1, 16/25 and 9/25.
    ("Tanh", np.log([1 / 2, 1, 2, 3]), [-3 / 5, 0, 3 / 5, 4 / 5], [16 / 25, 1, 16 / 25, 9 / 25]),
    ("ReLU", [-3, -0.5, 0.5, 3], [0, 0, 0.5, 3], [0, 0, 1, 1]),
], indirect=["activation"])
def test_values_by_hand(activation, x, outputs, derivatives):
    """forward and derivative() give the values that the formulas give by hand."""
    np.testing.assert_allclose(activation(x), outputs, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(activation.derivative(), derivatives, rtol=1e-14)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_relu_at_the_kink(nn, zero):
    """ReLU and its derivative are 0 at 0, and at -0.0."""
    relu = nn.ReLU()
    assert relu(np.array([zero])).tolist() == [0]
    assert relu.derivative().tolist() == [0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_next_to_the_kink(nn, dtype):
    """ReLU's derivative is 1 from the smallest number above 0 to the largest, and 0 below 0."""
    relu = nn.ReLU()
    smallest, largest = np.nextafter(dtype(0), dtype(1)), np.finfo(dtype).max
    x = np.array([smallest, largest, -smallest, -largest], dtype)
    np.testing.assert_array_equal(relu(x), [smallest, largest, 0, 0])
    np.testing.assert_array_equal(relu.derivative(), [1, 1, 0, 0])


@pytest.mark.parametrize("x", [3, -2.5, [1, 2], "anything"])
def test_identity_returns_the_very_object(nn, x):
    """Identity returns the x that it is given, the very object: Identity()(3) is 3."""
    assert nn.Identity()(x) is x


def test_identity_has_the_derivative_one(nn):
    """Identity().derivative() is the number 1.0."""
    identity = nn.Identity()
    identity(np.ones((2, 3)))
    derivative = identity.derivative()
    assert (np.ndim(derivative), derivative) == (0, 1.0)


# ---- The whole range of floating point ---------------------------------------------------------------------

def exact_sigmoid(x):
    with localcontext() as context:
        context.prec = 50
        e = (-abs(Decimal(float(x)))).exp()
        return (1 if x >= 0 else e) / (1 + e)


def whole_range(dtype, lowest):
    """Return numbers of both signs: dense from lowest to -lowest, sparse from tiny to the largest of all."""
    info = np.finfo(dtype)
    sparse = np.geomspace(info.tiny, info.max / 4, 100)
    sizes = np.concatenate([np.linspace(0, -lowest, 200), sparse, [1e4, info.max]])
    return np.concatenate([-sizes, sizes]).astype(dtype)


@pytest.mark.parametrize("dtype, lowest", [(np.float32, -103), (np.float64, -745)])
def test_sigmoid_is_accurate_over_the_whole_range(nn, dtype, lowest):
    """Sigmoid is right to a few units in the last place, without warning, for any finite x."""
    x = whole_range(dtype, lowest)
    worst = max(ulps(s, exact_sigmoid(number)) for s, number in zip(nn.Sigmoid()(x), x))
    assert worst <= 5


def test_sigmoid_at_the_end_of_float64(nn):
    """Sigmoid(-745) is 5e-324, the smallest number above 0: exp(745) is not taken, as it overflows."""
    assert nn.Sigmoid()(np.array([-745.0])).tolist() == [5e-324]


@every(*NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_arguments_give_the_limits(activation, dtype):
    """x of +-1e4 and beyond gives the limits of the function and its derivative, without warning."""
    x = np.array([-np.finfo(dtype).max, -1e4, 1e4, np.finfo(dtype).max], dtype)
    expected = {"Sigmoid": [0, 0, 1, 1], "Tanh": [-1, -1, 1, 1], "ReLU": [0, 0, 1e4, x[3]]}
    derivatives = {"Sigmoid": [0, 0, 0, 0], "Tanh": [0, 0, 0, 0], "ReLU": [0, 0, 1, 1]}
    name = type(activation).__name__
    np.testing.assert_array_equal(activation(x), expected[name])
    np.testing.assert_array_equal(activation.derivative(), derivatives[name])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_is_symmetric(nn, dtype):
    """sigmoid(-x) + sigmoid(x) is 1, to rounding, for x of any size."""
    x = whole_range(dtype, -745)
    np.testing.assert_allclose(nn.Sigmoid()(-x) + nn.Sigmoid()(x), 1, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_keeps_small_derivatives(nn, dtype):
    """The derivative of Sigmoid is exp(x) where x is far below 0, down to 1e-37: it is not rounded to 0."""
    x = np.array([-85, -60, -40], dtype)
    sigmoid = nn.Sigmoid()
    sigmoid(x)
    np.testing.assert_allclose(sigmoid.derivative(), np.exp(x.astype(np.float64)), rtol=1e-6)


def test_tanh_keeps_small_arguments(nn):
    """Tanh of a small x is x: no digit is lost to a difference of exponentials."""
    x = np.array([1e-300, -1e-20, 1e-10])
    np.testing.assert_allclose(nn.Tanh()(x), x, rtol=1e-15)


# ---- Kinds of x --------------------------------------------------------------------------------------------

@every(*NAMES)
@pytest.mark.parametrize("shape", [(), (3,), (1, 1), (4, 3), (2, 3, 4), (0, 3)])
def test_any_shape(activation, shape):
    """forward and derivative() have the shape of x, with any number of axes."""
    out = activation(np.ones(shape))
    assert (np.shape(out), np.shape(activation.derivative())) == (shape, shape)


@every(*NAMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_floating_dtype_of_x_is_kept(activation, dtype):
    """float32 in, float32 out, from forward and from derivative(); so for float16 and float64."""
    out = activation(np.ones((2, 3), dtype))
    assert (out.dtype, activation.derivative().dtype) == (dtype, dtype)


@every(*NAMES)
@pytest.mark.parametrize("x", [
    2, 2.0, True, [0, 1, 2], [[0.5, -1.0]], (1, 0), np.array(2), np.arange(3),
    np.array([0, 1, 255], np.uint8), np.array([-128, 127], np.int8), np.array([False, True]),
], ids=repr)
def test_numbers_lists_and_integers_are_taken_as_float64(activation, x):
    """Numbers, lists and arrays of integers or booleans give what the same numbers in float64 give."""
    out, derivative = activation(x), activation.derivative()
    np.testing.assert_array_equal(out, activation(np.array(x, np.float64)))
    np.testing.assert_array_equal(derivative, activation.derivative())
    assert (out.dtype, derivative.dtype) == (np.float64, np.float64)


@every(*NAMES)
@pytest.mark.parametrize("layout", [
    np.asfortranarray, np.transpose, lambda a: a[::2, ::-1],
], ids=["Fortran", "transposed", "strided"])
def test_any_memory_layout_gives_the_same(activation, layout):
    """x may be a view of any memory layout."""
    x = layout(np.random.RandomState(1).standard_normal((6, 4)))
    np.testing.assert_allclose(activation(x), activation(x.copy(order="C")), rtol=1e-14)


@every(*NAMES)
def test_anything_but_numbers_is_refused(activation):
    """x that does not hold real numbers gets a TypeError that says what it holds."""
    for wrong in (["a", "b"], [1j, 2.0], [None]):
        with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
            activation(wrong)


# ---- State -------------------------------------------------------------------------------------------------

@every("Identity", *NAMES)
def test_state_is_none_and_then_the_output(activation):
    """state is None in a new activation, and the output after forward."""
    assert activation.state is None
    out = activation(np.array([[-1.0, 2.0]]))
    np.testing.assert_array_equal(activation.state, out)


@every("Identity", *NAMES)
def test_forward_is_the_call(activation):
    """activation.forward(x) and activation(x) are the same."""
    x = np.array([[-1.0, 2.0]])
    np.testing.assert_array_equal(activation.forward(x), activation(x))


@every("Identity", *NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_x_is_not_changed(activation, dtype):
    """forward and derivative() leave the caller's x as it was."""
    x = np.random.RandomState(2).standard_normal((5, 4)).astype(dtype)
    before = x.copy()
    activation(x)
    activation.derivative()
    np.testing.assert_array_equal(x, before)


@every(*NAMES)
def test_read_only_x(activation):
    """x may be read-only, as a memory map is."""
    x = np.array([-1.0, 2.0])
    x.flags.writeable = False
    assert np.isfinite(activation(x)).all()


@every(*NAMES)
def test_outputs_are_arrays_of_their_own(activation):
    """The output is a new array: changing x afterwards changes neither it nor derivative()."""
    x = np.array([0.5, 2.0])
    out = activation(x)
    kept, derivative = out.copy(), activation.derivative()
    x[:] = -1
    np.testing.assert_array_equal(out, kept)
    np.testing.assert_array_equal(activation.derivative(), derivative)


@every("Identity", *NAMES)
def test_results_are_not_overwritten_by_a_later_call(activation):
    """Outputs and derivatives that were returned once are not changed by a later forward and derivative()."""
    rng = np.random.RandomState(3)
    out, derivative = activation(rng.standard_normal((5, 4))), activation.derivative()
    kept = np.copy(out), np.copy(derivative)
    activation(rng.standard_normal((5, 4)))
    activation.derivative()
    np.testing.assert_array_equal(out, kept[0])
    np.testing.assert_array_equal(derivative, kept[1])


@every(*NAMES)
def test_derivative_twice(activation):
    """derivative() may be called again: it returns the same and changes nothing."""
    activation(np.random.RandomState(4).standard_normal((5, 4)))
    state, first = activation.state.copy(), activation.derivative()
    kept = first.copy()
    np.testing.assert_array_equal(activation.derivative(), kept)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(activation.state, state)


@every(*NAMES)
def test_derivative_belongs_to_the_last_forward(activation):
    """derivative() is that of the last forward, also when the batch has another size."""
    activation(np.ones((5, 4)))
    activation(np.full((2, 3), -1.0))
    derivative = activation.derivative()
    activation(np.full((2, 3), -1.0))
    np.testing.assert_array_equal(derivative, activation.derivative())
    assert derivative.shape == (2, 3)


@pytest.mark.parametrize("name", NAMES)
def test_two_activations_are_independent(nn, name):
    """Two activations of one class share nothing: each has the derivative() of its own forward."""
    first, second = getattr(nn, name)(), getattr(nn, name)()
    first(np.array([0.5, -1.0]))
    derivative = first.derivative().copy()
    second(np.array([-2.0, 3.0]))
    np.testing.assert_array_equal(first.derivative(), derivative)


@every(*NAMES)
def test_derivative_needs_a_forward(activation):
    """derivative() before the first forward gets a RuntimeError that says to call forward."""
    with pytest.raises(RuntimeError, match="call forward"):
        activation.derivative()


def test_an_activation_must_define_its_methods(nn):
    """The base class Activation says which method a subclass must define."""
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Activation()(1.0)
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Activation().derivative()
