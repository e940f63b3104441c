"""Check a derivative against central differences.

Draw a random upstream gradient. Compute the analytic gradient first, because forward overwrites
what backward needs. Then compare:

    delta = rng.standard_normal(x.shape)
    layer.forward(x)
    dx = layer.backward(delta)

    def loss():
        return (delta * layer.forward(x)).sum()

    assert_gradient(dx, loss, x, "dx")

An upstream gradient of all ones hides mistakes: the dx of a BatchNorm is then 0, and several wrong
formulas give 0, too.
"""

import numpy as np

RTOL = 1e-6  # at h = 1e-5 the relative error of central differences is about 2e-8
ATOL = 1e-8


def numeric_gradient(f, x, h=1e-5):
    """Return df/dx by central differences: float64, of the shape of x.

    f: a function without arguments that reads x and returns a number.
    x: a float64 array of any shape. Each entry in turn is moved by +h and by -h and then restored
    bit for bit, even if f raises.
    Raise TypeError if x is anything else.
    """
    __tracebackhide__ = True
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"x must be a float64 array, since it is modified in place, got {x!r}")
    gradient = np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        kept = x[i]
        try:
            x[i] = kept + h
            above = f()
            x[i] = kept - h
            below = f()
        finally:
            x[i] = kept
        gradient[i] = (above - below) / (2 * h)
    return gradient


def assert_gradient(analytic, f, x, name):
    """Assert that analytic is df/dx within RTOL and ATOL.

    analytic: of the shape of x, where (1, d) counts as (d,). f, x: those of numeric_gradient.
    Raise AssertionError with a message that starts with name.
    """
    __tracebackhide__ = True
    if analytic is not None:
        analytic = np.array(analytic)  # a copy, in case f overwrites it
    numeric = numeric_gradient(f, x)
    assert_close(analytic, numeric, name)


def assert_close(found, expected, name):
    """Assert that found has the shape and the numbers of expected, within RTOL and ATOL.

    found, expected: anything that np.asarray takes; the shape (1, d) counts as (d,).
    Raise AssertionError with a message of one line that starts with name.
    """
    __tracebackhide__ = True
    expected = _drop_single_row(np.asarray(expected))
    if found is None:
        raise AssertionError(f"{name} must have shape {expected.shape}, got None")
    given_shape = np.shape(found)
    found = _drop_single_row(np.asarray(found))
    if found.shape != expected.shape:
        raise AssertionError(f"{name} must have shape {expected.shape}, got {given_shape}")
    error = np.abs(found - expected)
    wrong = ~(error <= ATOL + RTOL * np.abs(expected))  # a nan is wrong too
    if wrong.any():
        wrong_error = np.where(wrong, error, -1)
        worst = np.unravel_index(wrong_error.argmax(), error.shape)
        index = [int(i) for i in worst]
        raise AssertionError(
            f"{name}: {np.count_nonzero(wrong)} of {wrong.size} entries are wrong, most at "
            f"{index}: expected {expected[worst]:.8g}, got {found[worst]:.8g}")


def _drop_single_row(a):
    """Return an array of shape (1, d) as (d,), and any other array unchanged."""
    if a.ndim == 2 and len(a) == 1:
        return a[0]
    return a


def away_from_zero(rng, shape):
    """Return a float64 array of random signs and magnitudes from 0.1 to 2.

    A difference at +-h then never crosses the kink of ReLU. rng: a np.random.RandomState.
    """
    signs = rng.choice([-1.0, 1.0], shape)
    magnitudes = rng.uniform(0.1, 2.0, shape)
    return signs * magnitudes
