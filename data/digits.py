"""Synthetic digits in the form of MNIST, for those who do not have it at hand.

draw(n) returns n grey images of the ten digits with their labels; load() returns a training, a
validation and a test set in the structure of data/mnist.py's load. The same seed gives the same
digits. They are a little easier than MNIST: with 10,000 training examples, a linear classifier
has an error of 6 %, and with as many of MNIST 9 %.

A digit starts as one of its FORMS. Its points are moved at random, bent, stretched, slanted and
turned, each image in its own way, then joined by smooth curves and scaled to the frame, and a
round pen of random width follows the curves. The pen is a Gaussian, and a Gaussian in the plane is
the product of one across and one down: all the ink of an image is one product of two small
matrices.
"""

import numbers

import numpy as np

SIDE = 28  # pixels
CLASSES = 10

# The ways to write each digit, equally likely. A stroke is a smooth curve through points "xy" of a
# grid, x from the left and y from the top, each 0 to 9. A comma lifts the pen or turns a corner. A
# point that is named twice in a form is one point: strokes that meet there meet after it has moved,
# too.
FORMS = (
    ("50 21 14 28 59 78 84 71 50",
     "71 40 12 25 28 59 88 85 72 51",
     "40 12 15 28 59 87 84 72 51"),
    ("50 59",
     "60 54 49",
     "32 50, 50 59",
     "32 50, 50 59, 29 89"),
    ("21 50 82 65 29, 29 89",
     "22 50 81 65 28 17 37 68 98",
     "12 40 72 55 19, 19 48 69 98"),
    ("21 50 81 44, 44 76 49 18",
     "11 40 72 54 44 64 77 49 18",
     "20 80, 80 44, 44 76 59 18"),
    ("30 16, 16 96, 71 69",
     "20 14 35 74, 81 74 69",
     "70 16, 16 96, 70 69"),
    ("81 31, 31 24, 24 54 86 49 18",
     "80 41 23 54 77 49 18",
     "30 24, 24 54 86 49 18, 31 91"),
    ("70 33 16 49 77 55 26",
     "50 26 49 77 55 27",
     "80 41 15 28 59 87 65 27"),
    ("11 80, 80 49",
     "12 31 81 65 49",
     "11 80, 80 39, 35 85",
     "13 11, 11 81, 81 55 49"),
    ("71 40 22 45 77 49 17 45 71",
     "50 22 44 72 50, 44 17 49 77 44",
     "81 40 22 54 77 49 17 45 82"),
    ("72 40 13 44 72, 72 79",
     "72 50 23 44 72, 72 76 49 28",
     "81 50 23 34 64 81, 81 59"),
)
DENSITY = 2  # pen positions on one unit of the grid: about one a pixel, for Gaussians to merge

# How hard the digits are to tell apart. First the standard deviations of what happens to a form,
# which is 1 high.
JITTER = 0.02
BEND = 0.25
STRETCH = 0.15
SLANT = 0.2
MEAN_SLANT = 0.15  # to the right, as most people write
TURN = 0.16

# The digit in its frame, in pixels.
SIZES = (15.5, 20)
SHIFT = 1.2
PEN_WIDTHS = (0.6, 1.3)

# The ink, where 1 is white: amid a stroke, its roughness, and the ink that is too faint to show.
FLOW = 2.2
GRAIN = 0.3
FAINT = 0.4


def draw(n, seed=0):
    """Draw n digits in random order; the numbers of digits of two classes differ by at most one.

    n: int, at least 1; seed: int, at least 0. Returns (x, y): x uint8 (n, 784), the 28 rows of an
    image one after the other, from 0 for paper to 255 for ink; y int64 (n,), the digits 0 to 9. The
    same n and seed give the same digits (but another version of NumPy may round a grey
    differently); another n gives others.

    Raises TypeError if n or seed is not an integer, ValueError if it is too small.
    """
    _check_integer("n", n, 1)
    _check_integer("seed", seed, 0)
    rng = np.random.default_rng(seed)
    y = rng.permutation(n) % CLASSES
    chance = rng.random(n)
    x = np.empty((n, SIDE, SIDE), np.uint8)
    for digit, forms in enumerate(FORMS):
        chosen = np.floor(chance * len(forms))
        for i, form in enumerate(forms):
            rows = np.flatnonzero((y == digit) & (chosen == i))
            x[rows] = _draw_form(form, len(rows), rng)
    return x.reshape(n, -1), y.astype(np.int64)


def load(seed=0):
    """Draw three sets of 10,000, 2,000 and 2,000 digits, in the structure of data/mnist.py's load.

    Returns ((trainx, trainy), (valx, valy), (testx, testy)), each pair as draw returns it, and
    raises the same errors. The three are parts of one balanced draw, so each of them is only nearly
    balanced, as MNIST is.
    """
    x, y = draw(14000, seed)
    train = (x[:10000], y[:10000])
    val = (x[10000:12000], y[10000:12000])
    test = (x[12000:], y[12000:])
    return train, val, test


def _check_integer(name, value, least):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer of at least {least}, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value}")


def _draw_form(form, n, rng):
    """Draw one form n times: uint8 (n, 28, 28)."""
    knots, places, steps = _read_form(form)
    jitter = rng.normal(0, JITTER, (n,) + knots.shape)
    knots = _distort(knots + jitter, rng)
    points, lengths = _fit_to_frame(places @ knots, steps @ knots, rng)
    return _draw_ink(points.astype(np.float32), lengths.astype(np.float32), rng)


def _read_form(form):
    """Read a form, and return (knots, places, steps).

    knots (k, 2) are its points on a grid 1 high around the origin. A curve is linear in its knots:
    with the matrices places and steps, both (p, k), places @ knots are p positions of the pen along
    the strokes, and steps @ knots the pieces of the curve that they stand for.
    """
    strokes = [stroke.split() for stroke in form.split(",")]
    names = sorted({name for stroke in strokes for name in stroke})
    grid = np.array([(int(x), int(y)) for x, y in names])
    places = []
    steps = []
    for stroke in strokes:
        order = [names.index(name) for name in stroke]
        knots = np.eye(len(names))[order]
        tangents = np.gradient(knots, axis=0)
        differences = np.diff(grid[order], axis=0)
        distances = np.hypot(differences[:, 0], differences[:, 1])
        for i, distance in enumerate(distances):
            npositions = int(np.ceil(DENSITY * distance))
            t = np.linspace(0, 1, npositions + 1)[:, None]
            curve = _interpolate(t, knots[i], knots[i + 1], tangents[i], tangents[i + 1])
            places.append((curve[1:] + curve[:-1]) / 2)
            steps.append(curve[1:] - curve[:-1])
    return grid / 9 - 0.5, np.concatenate(places), np.concatenate(steps)


def _interpolate(t, start, end, start_tangent, end_tangent):
    """Return the cubic Hermite spline from start to end at the times t, (p, 1), from 0 to 1."""
    return ((1 + 2 * t) * (1 - t) ** 2 * start
            + t * (1 - t) ** 2 * start_tangent
            + t ** 2 * (3 - 2 * t) * end
            - t ** 2 * (1 - t) * end_tangent)


def _distort(knots, rng):
    """Bend, stretch, slant and turn the knots (n, k, 2) of n digits, each in its own way."""
    n = len(knots)
    x = knots[..., :1]
    y = knots[..., 1:]
    for square in (x * x, x * y, y * y):
        knots = knots + square * rng.normal(0, BEND, (n, 1, 2))
    stretch = np.exp(rng.normal(0, STRETCH, n))
    slant = rng.normal(MEAN_SLANT, SLANT, n)
    turn = rng.normal(0, TURN, n)
    cos = np.cos(turn)
    sin = np.sin(turn)
    shear = np.array([[stretch, np.zeros(n)], [-slant, np.ones(n)]])
    rotation = np.array([[cos, sin], [-sin, cos]])
    return knots @ np.moveaxis(shear, 2, 0) @ np.moveaxis(rotation, 2, 0)


def _fit_to_frame(points, steps, rng):
    """Scale n digits to a random size, and shift them near the centre of the frame.

    points and steps are (n, p, 2). Returns, in pixels, the points (n, p, 2) and the steps' lengths
    (n, p).
    """
    n = len(points)
    low = points.min(axis=1, keepdims=True)
    high = points.max(axis=1, keepdims=True)
    size = (high - low).max(axis=2, keepdims=True)
    scale = rng.uniform(*SIZES, (n, 1, 1)) / size
    centre = (SIDE - 1) / 2 + rng.uniform(-SHIFT, SHIFT, (n, 1, 2))
    points = centre + (points - (low + high) / 2) * scale
    return points, np.linalg.norm(steps * scale, axis=2)


def _draw_ink(points, lengths, rng):
    """Draw n digits: float32 points (n, p, 2) and lengths (n, p) to uint8 (n, 28, 28)."""
    width = rng.uniform(*PEN_WIDTHS, (len(points), 1, 1))
    width = width.astype(np.float32)
    across = _spread(points[:, None, :, 0], width)
    area = np.float32(np.sqrt(2 * np.pi)) * width  # under the Gaussian
    across *= lengths[:, None] / area
    down = _spread(points[:, None, :, 1], width)
    ink = down @ across.transpose(0, 2, 1)
    ink *= FLOW + GRAIN * rng.standard_normal(ink.shape, dtype=np.float32)
    return (255 * np.clip(ink - FAINT, 0, 1)).astype(np.uint8)


def _spread(coordinates, width):
    """Return the pen's Gaussian at each pixel of an axis, (n, 28, p); coordinates: (n, 1, p)."""
    pixels = np.arange(SIDE, dtype=np.float32)[:, None]
    distances = np.abs(coordinates - pixels) / width
    # Five widths away nothing shows; smaller values could be denormal, which makes products slow.
    return np.exp(-0.5 * np.minimum(distances, 5) ** 2)
