"""Check a derivative against central differences.

Draw a random cotangent, take the analytic gradient first, as forward overwrites what backward
needs, and compare:

    delta = rng.standard_normal(x.shape)
    layer.forward(x)
    dx = layer.backward(delta)
    assert_gradient(dx, lambda: (delta * layer.forward(x)).sum(), x, "dx")

A cotangent of all ones would be nearly blind: the dx of a BatchNorm is then 0, whatever its
formula.
"""

import numpy as np

RTOL, ATOL = 1e-6, 1e-8  # central differences err by about 2e-8 of the gradient at h = 1e-5


def numeric_gradient(f, x, h=1e-5):
    """Return df/dx by central differences: float64, of the shape of x.

    f: takes no argument, reads x, returns a number.
    x: a float64 array of any shape.  Its entries are moved by +-h, one at a time, and put back bit
    for bit, also when f raises.  TypeError if x is anything else.
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"x must be a float64 array, since it is changed in place, got {x!r}")
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
    """Raise AssertionError, in one line that starts with name, unless analytic is df/dx.

    f, x: those of numeric_gradient.  analytic: of the shape of x; where that is (1, d), also (d,).
    """
    analytic = np.array(analytic)  # a copy, in case f overwrites it
    numeric = numeric_gradient(f, x)
    if numeric.shape == (1,) + analytic.shape:
        numeric = numeric[0]
    if analytic.shape != numeric.shape:
        raise AssertionError(f"{name} must have shape {numeric.shape}, got {analytic.shape}")
    error = np.abs(analytic - numeric)
    wrong = ~(error <= ATOL + RTOL * np.abs(numeric))  # a nan is wrong too
    if wrong.any():
        worst = tuple(map(int, np.unravel_index(np.where(wrong, error, -1).argmax(), error.shape)))
        raise AssertionError(
            f"{name}: {np.count_nonzero(wrong)} of {wrong.size} entries are wrong, most at "
            f"{list(worst)}: expected {numeric[worst]:.8g}, got {analytic[worst]:.8g}")


def away_from_zero(rng, shape):
    """Return float64 numbers of random sign, 0.1 to 2 in size: none crosses the kink of ReLU.

    rng: a np.random.RandomState.
    """
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape)
