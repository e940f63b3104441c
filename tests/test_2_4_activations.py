"""2.4 Activations: functions and their derivatives, arguments of any size and kind, and state."""

import numpy as np
import pytest

from tests.gradients import assert_gradient, away_from_zero

NAMES = ["Sigmoid", "Tanh", "ReLU"]
EACH = pytest.mark.parametrize("name", NAMES)
AND_IDENTITY = pytest.mark.parametrize("name", ["Identity", *NAMES])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@AND_IDENTITY
def test_derivative_agrees_with_central_differences(nn, name):
    rng = np.random.RandomState(0)
    x, delta = away_from_zero(rng, (5, 4)), rng.standard_normal((5, 4))
    activation = getattr(nn, name)()
    activation(x)
    dx = delta * activation.derivative()
    assert_gradient(dx, lambda: (delta * activation(x)).sum(), x, "dx")


# ---- Values --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, x, outputs, derivatives", [
    # exp(-x) is 3, 1, 1/3 and 1/4; f (1 - f) is 1/4 * 3/4, 1/2 * 1/2, 3/4 * 1/4 and 4/5 * 1/5.
    ("Sigmoid", np.log([1 / 3, 1, 3, 4]), [0.25, 0.5, 0.75, 0.8], [3 / 16, 1 / 4, 3 / 16, 0.16]),
    # tanh(log a) = (a^2 - 1) / (a^2 + 1) for a = 1/2, 1, 2 and 3; f' is 1 - f^2.
    ("Tanh", np.log([1 / 2, 1, 2, 3]), [-0.6, 0, 0.6, 0.8], [0.64, 1, 0.64, 0.36]),
    ("ReLU", [-3, -0.5, 0.5, 3], [0, 0, 0.5, 3], [0, 0, 1, 1]),
])
def test_values_by_hand(nn, name, x, outputs, derivatives):
    activation = getattr(nn, name)()
    np.testing.assert_allclose(activation(x), outputs, rtol=1e-14)
    np.testing.assert_allclose(activation.derivative(), derivatives, rtol=1e-14)


@DTYPES
def test_the_derivative_of_relu_is_0_at_the_kink_and_1_from_the_next_number_on(nn, dtype):
    relu, smallest = nn.ReLU(), np.nextafter(dtype(0), dtype(1))
    np.testing.assert_array_equal(relu(np.array([0.0, -0.0, smallest], dtype)), [0, 0, smallest])
    np.testing.assert_array_equal(relu.derivative(), [0, 0, 1])


@DTYPES
@pytest.mark.parametrize("size", [1e4, 1e30])
@EACH
def test_large_arguments_give_the_limits_without_a_warning(nn, name, size, dtype):
    x, activation = np.array([-size, size], dtype), getattr(nn, name)()
    outputs = {"Sigmoid": [0, 1], "Tanh": [-1, 1], "ReLU": [0, x[1]]}
    np.testing.assert_array_equal(activation(x), outputs[name])
    np.testing.assert_array_equal(activation.derivative(), [0, 1] if name == "ReLU" else [0, 0])


def test_sigmoid_and_its_derivative_are_not_rounded_to_0_far_below_0(nn):
    x, sigmoid = np.array([-40.0, -300.0, -700.0]), nn.Sigmoid()
    np.testing.assert_allclose(sigmoid(x), np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(sigmoid.derivative(), np.exp(x), rtol=1e-14)


def test_tanh_of_a_small_number_is_that_number(nn):
    x = np.array([1e-300, -1e-20, 1e-10])
    np.testing.assert_allclose(nn.Tanh()(x), x, rtol=1e-15)


# ---- What x may be -------------------------------------------------------------------------------

@EACH
@DTYPES
@pytest.mark.parametrize("shape", [(3,), (1, 1), (4, 3), (2, 3, 4), (0, 3)])
def test_output_and_derivative_have_the_shape_and_floating_dtype_of_x(nn, name, dtype, shape):
    activation = getattr(nn, name)()
    for result in (activation(np.ones(shape, dtype)), activation.derivative()):
        assert (np.shape(result), result.dtype) == (shape, dtype)


@EACH
@pytest.mark.parametrize("x", [
    2, -2.0, True, [0, 1, -2], [[0.5, -1.0]], np.arange(3), np.array([0, 1, 255], np.uint8),
    np.array([-128, 127], np.int8), np.array([False, True]),
], ids=repr)
def test_numbers_lists_and_integers_are_taken_as_float64(nn, name, x):
    activation, twin = getattr(nn, name)(), getattr(nn, name)()
    np.testing.assert_allclose(activation(x), twin(np.array(x, np.float64, ndmin=1)), rtol=1e-14)
    np.testing.assert_allclose(activation.derivative(), twin.derivative(), rtol=1e-14)
    assert (activation.state.dtype, activation.derivative().dtype) == (np.float64, np.float64)
    assert np.shape(activation.state) == np.shape(activation.derivative()) == np.shape(x)


@pytest.mark.parametrize("x", [3, -2.5, [1, 2]])
def test_identity_returns_the_very_object(nn, x):
    assert nn.Identity()(x) is x


def test_the_derivative_of_identity_is_the_number_1(nn):
    derivative = nn.Identity().derivative()
    assert isinstance(derivative, float) and derivative == 1.0


# ---- State ---------------------------------------------------------------------------------------

@AND_IDENTITY
def test_state_is_none_and_after_forward_the_output(nn, name):
    activation = getattr(nn, name)()
    assert isinstance(activation, nn.Activation) and activation.state is None
    output = activation.forward(np.array([[-1.0, 2.0]]))
    np.testing.assert_array_equal(activation.state, output)


@EACH
def test_derivative_is_that_of_the_last_forward_however_often_it_is_called(nn, name):
    used, fresh, x = getattr(nn, name)(), getattr(nn, name)(), np.array([[-1.0, 0.5, 2.0]])
    used(np.ones((5, 4)))
    used.derivative()
    used(x)
    fresh(x)
    expected = fresh.derivative().copy()
    for _ in range(2):
        np.testing.assert_array_equal(used.derivative(), expected)


@EACH
def test_neither_x_nor_earlier_results_are_overwritten(nn, name):
    activation, x = getattr(nn, name)(), np.array([[-1.0, 0.5, 2.0]])
    results = [x, activation(x), activation.derivative()]
    kept = [np.array([[-1.0, 0.5, 2.0]]), results[1].copy(), results[2].copy()]
    activation(-x)
    activation.derivative()
    for result, copy in zip(results, kept):
        np.testing.assert_array_equal(result, copy)


@AND_IDENTITY
def test_two_activations_of_one_class_share_nothing(nn, name):
    first, second = getattr(nn, name)(), getattr(nn, name)()
    output = first(np.array([0.5, -1.0]))
    second(np.array([-2.0, 3.0]))
    assert first.state is output


# ---- The base class ------------------------------------------------------------------------------

def test_a_subclass_needs_no_super_init(nn):
    class Power(nn.Activation):
        def __init__(self, n):
            self.n = n

        def forward(self, x):
            return x ** self.n

    cube = Power(3)
    assert (cube.state, cube(2.0)) == (None, 8.0)


def test_the_base_class_says_what_a_subclass_must_define(nn):
    with pytest.raises(NotImplementedError, match="must define forward"):
        nn.Activation()(1.0)
    with pytest.raises(NotImplementedError, match="must define derivative"):
        nn.Activation().derivative()
