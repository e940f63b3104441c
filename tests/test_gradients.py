"""The gradient checker: the derivatives that it accepts and rejects, and how it restores x."""

import numpy as np
import pytest

from tests.gradients import assert_close, assert_gradient, away_from_zero, numeric_gradient

KINDS = ["0-d", "1-d", "2-d", "3-d", "Fortran", "strided", "negative zero", "empty"]


def make_array(kind):
    """Return a float64 array with 0 to 3 axes, contiguous or not."""
    rng = np.random.RandomState(0)
    arrays = {
        "0-d": np.array(1.25),
        "1-d": rng.standard_normal(5),
        "2-d": rng.standard_normal((3, 4)),
        "3-d": rng.standard_normal((2, 3, 2)),
        "Fortran": np.asfortranarray(rng.standard_normal((3, 4))),
        "strided": rng.standard_normal((6, 8))[::2, ::-2],
        "negative zero": np.array([-0.0]),
        "empty": np.zeros((0, 3)),
    }
    return arrays[kind]


# ---- numeric_gradient ----------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_a_cubic_is_found(kind):
    x = make_array(kind)
    weights = np.random.RandomState(1).standard_normal(x.shape)
    gradient = numeric_gradient(lambda: (weights * x ** 3).sum(), x)
    np.testing.assert_allclose(gradient, 3 * weights * x ** 2, rtol=1e-6, atol=1e-8)
    assert gradient.shape == x.shape
    assert gradient.dtype == np.float64


def test_differences_are_taken_at_plus_and_minus_h():
    x = np.array([2.0])
    seen = []

    def f():
        seen.append(x[0])
        return 0.0

    numeric_gradient(f, x, h=0.25)
    assert seen == [2.25, 1.75]


@pytest.mark.parametrize("kind", KINDS)
def test_x_is_restored_bit_for_bit(kind):
    x = make_array(kind)
    before = x.tobytes()
    numeric_gradient(x.sum, x)
    assert x.tobytes() == before


@pytest.mark.parametrize("raising_call", [1, 2])
def test_x_is_restored_when_f_raises(raising_call):
    x = np.array([0.1, 0.2])
    calls = []

    def f():
        calls.append(None)
        if len(calls) == raising_call:
            raise ZeroDivisionError
        return 0.0

    with pytest.raises(ZeroDivisionError):
        numeric_gradient(f, x)
    assert x.tolist() == [0.1, 0.2]


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones(2, int), [1.0, 2.0], 1.0])
def test_x_must_be_a_float64_array(x):
    with pytest.raises(TypeError, match="x must be a float64 array.* got"):
        numeric_gradient(lambda: 0.0, x)


# ---- assert_gradient -----------------------------------------------------------------------------

@pytest.fixture
def x():
    """Numbers around 8, so that no derivative of exp is small."""
    return 8 + np.random.RandomState(2).standard_normal((4, 3))


@pytest.mark.parametrize("factor", [1, 1 + 5e-7, 1 - 5e-7])
def test_a_derivative_within_rtol_is_accepted(x, factor):
    assert_gradient(factor * np.exp(x), lambda: np.exp(x).sum(), x, "dx")


@pytest.mark.parametrize("factor", [1.0005, 0.9995, 1.0001, 1 + 2e-6, 1 - 2e-6])
def test_a_derivative_beyond_rtol_fails(x, factor):
    with pytest.raises(AssertionError, match="^dx: 12 of 12 entries are wrong"):
        assert_gradient(factor * np.exp(x), lambda: np.exp(x).sum(), x, "dx")


def test_a_derivative_wrong_in_a_single_entry_fails(x):
    for i, j in np.ndindex(4, 3):
        analytic = np.exp(x)
        analytic[i, j] *= 1.0005
        with pytest.raises(AssertionError, match=rf"^dx: 1 of 12 .* at \[{i}, {j}\]:"):
            assert_gradient(analytic, lambda: np.exp(x).sum(), x, "dx")


def test_a_gradient_of_zero_may_be_off_by_rounding_only():
    x = np.array([1.0])
    assert_gradient(np.array([5e-9]), lambda: 1.0, x, "dx")
    with pytest.raises(AssertionError, match="^dx: 1 of 1 entries"):
        assert_gradient(np.array([2e-8]), lambda: 1.0, x, "dx")


def test_f_may_overwrite_the_analytic_gradient():
    x = np.array([1.0, 2.0])
    analytic = 2 * x

    def f():
        analytic[:] = 0
        return (x ** 2).sum()

    assert_gradient(analytic, f, x, "dx")
    assert analytic.tolist() == [0, 0]


def test_a_gradient_that_is_none_fails():
    x = np.ones(3)
    with pytest.raises(AssertionError, match=r"^db must have shape \(3,\), got None$"):
        assert_gradient(None, x.sum, x, "db")


# ---- assert_close --------------------------------------------------------------------------------

def test_the_message_names_the_entry_that_is_most_wrong():
    found = np.array([[2.25, 4.0], [6.5, 8.0]])
    expected = np.array([[2.0, 4.0], [6.0, 8.0]])
    with pytest.raises(AssertionError) as failure:
        assert_close(found, expected, "dW[0]")
    message = "dW[0]: 2 of 4 entries are wrong, most at [1, 0]: expected 6, got 6.5"
    assert str(failure.value) == message


def test_the_message_names_no_entry_within_rtol():
    """The first entry has the larger error, but is correct within RTOL."""
    with pytest.raises(AssertionError, match=r"1 of 2 .* at \[1\]: expected 2, got 2\.5$"):
        assert_close([1e9 + 100, 2.5], [1e9, 2.0], "dW[0]")


def test_a_nan_fails():
    with pytest.raises(AssertionError, match=r"most at \[1\]: expected 1, got nan"):
        assert_close([1.0, np.nan], [1.0, 1.0], "loss")


@pytest.mark.parametrize("shape", [(3, 1), (1,), (), (2,), (1, 1, 3)])
def test_another_shape_fails(shape):
    with pytest.raises(AssertionError, match=r"^db must have shape \(3,\), got"):
        assert_close(np.ones(shape), np.ones(3), "db")


@pytest.mark.parametrize("found", [(3,), (1, 3)])
@pytest.mark.parametrize("expected", [(3,), (1, 3)])
def test_a_single_row_counts_as_a_vector(found, expected):
    assert_close(np.ones(found), np.ones(expected), "dgamma")
    with pytest.raises(AssertionError, match="^dgamma: 3 of 3"):
        assert_close(2 * np.ones(found), np.ones(expected), "dgamma")


# ---- away_from_zero ------------------------------------------------------------------------------

def test_away_from_zero_avoids_the_kink_on_both_sides():
    rng = np.random.RandomState(0)
    x = away_from_zero(rng, (100, 10))
    magnitudes = np.abs(x)
    assert x.shape == (100, 10)
    assert x.dtype == np.float64
    assert 0.1 <= magnitudes.min() < 0.11
    assert 1.99 < magnitudes.max() <= 2
    assert 400 < (x > 0).sum() < 600
