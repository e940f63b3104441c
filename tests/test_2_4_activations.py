"""2.4 Activations: Sigmoid, Tanh and ReLU, their derivatives and their state.

Fix the first failure first: it explains those below it. Each derivative is checked against finite
differences, then the values of each function. forward sets state to its output, and derivative()
is that of the last forward.
"""

import numpy as np
import pytest

from tests.gradients import assert_close, assert_gradient, away_from_zero
from tests.networks import ACTIVATION_FUNCTIONS

EACH_NONLINEARITY = pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "ReLU"])
EACH_ACTIVATION = pytest.mark.parametrize("name", ["Identity", "Sigmoid", "Tanh", "ReLU"])


def make_input(seed, shape=(5, 10)):
    """Return an array of numbers of both signs, none near the kink of ReLU."""
    rng = np.random.RandomState(seed)
    return away_from_zero(rng, shape)


@EACH_ACTIVATION
def test_derivative_agrees_with_finite_differences(nn, name):
    activation = getattr(nn, name)()
    x = make_input(0)
    delta = np.random.RandomState(1).standard_normal(x.shape)

    def loss():
        return (delta * activation.forward(x)).sum()

    activation.forward(x)
    dx = delta * activation.derivative()
    assert_gradient(dx, loss, x, f"delta * {name}.derivative()")


# ---- Values --------------------------------------------------------------------------------------

def test_identity_returns_its_input(nn):
    x = np.array([[-3.0, 0.5], [0.0, 3.0]])
    output = nn.Identity().forward(x)
    assert_close(output, [[-3, 0.5], [0, 3]], "the output of Identity")


def test_sigmoid_matches_hand_calculation(nn):
    """exp(-x) is 3, 1, 1/3 and 1/4, and the derivative is f (1 - f)."""
    activation = nn.Sigmoid()
    x = np.log([[1 / 3, 1], [3, 4]])
    output = activation.forward(x)
    derivative = activation.derivative()
    assert_close(output, [[0.25, 0.5], [0.75, 0.8]], "the output of Sigmoid")
    assert_close(derivative, [[3 / 16, 1 / 4], [3 / 16, 0.16]], "Sigmoid.derivative()")


def test_tanh_matches_hand_calculation(nn):
    """tanh(log a) = (a^2 - 1) / (a^2 + 1) for a = 1/2, 1, 2, 3, and the derivative is 1 - f^2."""
    activation = nn.Tanh()
    x = np.log([[1 / 2, 1], [2, 3]])
    output = activation.forward(x)
    derivative = activation.derivative()
    assert_close(output, [[-0.6, 0], [0.6, 0.8]], "the output of Tanh")
    assert_close(derivative, [[0.64, 1], [0.64, 0.36]], "Tanh.derivative()")


def test_relu_matches_hand_calculation(nn):
    activation = nn.ReLU()
    x = np.array([[-3, -0.5], [0.5, 3]])
    output = activation.forward(x)
    derivative = activation.derivative()
    assert_close(output, [[0, 0], [0.5, 3]], "the output of ReLU")
    assert_close(derivative, [[0, 0], [1, 1]], "ReLU.derivative()")


def test_derivative_of_relu_is_0_at_0(nn):
    activation = nn.ReLU()
    x = np.array([[0.0, -1.0], [0.0, 1.0]])
    activation.forward(x)
    assert_close(activation.derivative(), [[0, 0], [0, 1]], "ReLU.derivative()")


@EACH_NONLINEARITY
@pytest.mark.parametrize("shape", [(100, 32), (100, 64), (2, 10)])
def test_output_is_the_function_of_each_element(nn, name, shape):
    x = make_input(2, shape)
    output = getattr(nn, name)().forward(x)
    expected = ACTIVATION_FUNCTIONS[name](x)
    assert_close(output, expected, f"the output of {name}")


# ---- State ---------------------------------------------------------------------------------------

@EACH_ACTIVATION
def test_state_is_the_output_of_forward(nn, name):
    activation = getattr(nn, name)()
    output = activation.forward(make_input(3))
    assert_close(activation.state, output, f"{name}.state")


@EACH_NONLINEARITY
def test_derivative_does_not_modify_state(nn, name):
    activation = getattr(nn, name)()
    output = activation.forward(make_input(4)).copy()
    activation.derivative()
    assert_close(activation.state, output, f"{name}.state after derivative()")


@EACH_NONLINEARITY
def test_derivative_is_an_array_of_floats(nn, name):
    activation = getattr(nn, name)()
    activation.forward(make_input(5))
    dtype = np.asarray(activation.derivative()).dtype
    assert dtype == np.float64, f"{name}.derivative() must be an array of floats, got {dtype}"


@EACH_NONLINEARITY
def test_derivative_is_that_of_the_last_forward(nn, name):
    used = getattr(nn, name)()
    fresh = getattr(nn, name)()
    for m in (5, 7, 5):
        used.forward(make_input(6, (m, 10)))
        used.derivative()
    used.forward(make_input(7))
    fresh.forward(make_input(7))
    assert_close(used.derivative(), fresh.derivative(), f"{name}.derivative()")


@EACH_NONLINEARITY
def test_activations_of_one_class_share_no_state(nn, name):
    first = getattr(nn, name)()
    second = getattr(nn, name)()
    output = first.forward(make_input(8)).copy()
    derivative = np.array(first.derivative())
    second.forward(make_input(9))
    assert_close(first.state, output, f"{name}.state")
    assert_close(first.derivative(), derivative, f"{name}.derivative()")


@EACH_ACTIVATION
def test_x_is_not_modified(nn, name):
    activation = getattr(nn, name)()
    x = make_input(10)
    expected = make_input(10)
    activation.forward(x)
    activation.derivative()
    np.testing.assert_array_equal(x, expected)
