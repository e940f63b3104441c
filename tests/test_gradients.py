"""The checker of derivatives: what it accepts, what it refuses, and that it leaves x as it was."""

import numpy as np
import pytest

from tests.gradients import assert_gradient, away_from_zero, numeric_gradient


def arrays():
    """Return float64 arrays of 0 to 3 axes, contiguous and not."""
    rng = np.random.RandomState(0)
    return {
        "0-d": np.array(1.25),
        "1-d": rng.standard_normal(5),
        "2-d": rng.standard_normal((3, 4)),
        "3-d": rng.standard_normal((2, 3, 2)),
        "Fortran": np.asfortranarray(rng.standard_normal((3, 4))),
        "strided": rng.standard_normal((6, 8))[::2, ::-2],
        "negative zero": np.array([-0.0]),
        "empty": np.zeros((0, 3)),
    }


@pytest.mark.parametrize("kind", list(arrays()))
def test_the_gradient_of_a_cubic(kind):
    x = arrays()[kind]
    weights = np.random.RandomState(1).standard_normal(x.shape)
    gradient = numeric_gradient(lambda: (weights * x ** 3).sum(), x)
    np.testing.assert_allclose(gradient, 3 * weights * x ** 2, rtol=1e-6, atol=1e-8)
    assert (gradient.shape, gradient.dtype) == (x.shape, np.float64)


def test_numeric_gradient_takes_its_differences_at_plus_and_minus_h():
    x, seen = np.array([2.0]), []
    numeric_gradient(lambda: seen.append(x[0]) or 0.0, x, h=0.25)
    assert seen == [2.25, 1.75]


@pytest.mark.parametrize("kind", list(arrays()))
def test_x_is_restored_bit_for_bit(kind):
    x = arrays()[kind]
    before = x.tobytes()
    numeric_gradient(lambda: x.sum(), x)
    assert x.tobytes() == before


@pytest.mark.parametrize("call", [1, 2])
def test_x_is_restored_when_f_raises(call):
    x, calls = np.array([0.1, 0.2]), []

    def f():
        calls.append(None)
        if len(calls) == call:
            raise ZeroDivisionError
        return 0.0

    with pytest.raises(ZeroDivisionError):
        numeric_gradient(f, x)
    assert x.tolist() == [0.1, 0.2]


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones(2, int), [1.0, 2.0], 1.0])
def test_x_must_be_a_float64_array(x):
    with pytest.raises(TypeError, match="x must be a float64 array.* got"):
        numeric_gradient(lambda: 0.0, x)


@pytest.mark.parametrize("factor", [1.0005, 0.9995, 1.0001])
def test_a_right_derivative_is_accepted_and_one_wrong_by_a_twentieth_of_a_percent_refused(factor):
    x = 8 + np.random.RandomState(2).standard_normal((4, 3))
    assert_gradient(np.exp(x), lambda: np.exp(x).sum(), x, "dx")
    with pytest.raises(AssertionError, match="^dx: 12 of 12 entries are wrong"):
        assert_gradient(factor * np.exp(x), lambda: np.exp(x).sum(), x, "dx")


def test_a_derivative_wrong_in_a_single_entry_is_refused():
    x = np.random.RandomState(2).standard_normal((4, 3))
    for i in np.ndindex(4, 3):
        analytic = np.exp(x)
        analytic[i] *= 1.0005
        with pytest.raises(AssertionError, match=rf"^dx: 1 of 12 .* at \[{i[0]}, {i[1]}\]:"):
            assert_gradient(analytic, lambda: np.exp(x).sum(), x, "dx")


def test_the_message_is_a_line_that_says_where_it_is_worst_and_by_how_much():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    analytic = 2 * x
    analytic[0, 0], analytic[1, 0] = 2.25, 6.5
    with pytest.raises(AssertionError) as failure:
        assert_gradient(analytic, lambda: (x ** 2).sum(), x, "dW[0]")
    expected = "dW[0]: 2 of 4 entries are wrong, most at [1, 0]: expected 6, got 6.5"
    assert str(failure.value) == expected


def test_a_gradient_of_zero_may_be_off_by_rounding_and_no_more():
    x = np.array([1.0])
    assert_gradient(np.array([5e-9]), lambda: 1.0, x, "dx")
    with pytest.raises(AssertionError, match="^dx: 1 of 1 entries"):
        assert_gradient(np.array([2e-8]), lambda: 1.0, x, "dx")


def test_a_nan_is_refused():
    x = np.array([1.0, 2.0])
    with pytest.raises(AssertionError, match=r"most at \[1\]: expected 1, got nan"):
        assert_gradient(np.array([1.0, np.nan]), lambda: x.sum(), x, "dx")


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (1,), (), (2,)])
def test_another_shape_is_refused(shape):
    x = np.ones(3)
    with pytest.raises(AssertionError, match=r"^db must have shape \(3,\), got"):
        assert_gradient(np.ones(shape), lambda: x.sum(), x, "db")


def test_a_sum_over_the_batch_may_lack_the_first_axis_of_its_parameter():
    gamma = np.array([[1.0, 2.0, 3.0]])
    assert_gradient(2 * gamma[0], lambda: (gamma ** 2).sum(), gamma, "dgamma")
    with pytest.raises(AssertionError, match="^dgamma: 3 of 3"):
        assert_gradient(3 * gamma[0], lambda: (gamma ** 2).sum(), gamma, "dgamma")


def test_f_may_overwrite_the_analytic_gradient():
    x = np.array([1.0, 2.0])
    analytic = 2 * x

    def f():
        analytic[:] = 0
        return (x ** 2).sum()

    assert_gradient(analytic, f, x, "dx")
    assert analytic.tolist() == [0, 0]


def test_away_from_zero_keeps_off_the_kink_on_both_sides():
    x = away_from_zero(np.random.RandomState(0), (100, 10))
    sizes = np.abs(x)
    assert x.shape == (100, 10)
    assert 0.1 <= sizes.min() < 0.11 and 1.99 < sizes.max() <= 2
    assert 400 < (x > 0).sum() < 600
