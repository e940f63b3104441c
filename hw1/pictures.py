"""Lets you see a training: its examples, curves, what it confuses and gets wrong, its first weights.

    figure = pictures.training(get_training_stats(mlp, dset, nepochs, batch_size))
    pictures.save(figure, "training.png")

digits, training, comparison, mistakes, first_layer and report each return a matplotlib Figure, which a
notebook shows when it is the last value of a cell; save writes it as png, svg or pdf. They need matplotlib,
3.5 or newer, and raise ImportError where it is missing; nothing else does. They do without pyplot, so that no
display is needed and no figure stays open.
"""

import contextlib
import copy
import io
import math
import pathlib

import numpy as np

from hw1 import saved

# By suffix. Without a date, the same figure gives the same file.
METADATA = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
STYLE = {
    "figure.dpi": 100, "savefig.dpi": 150, "svg.hashsalt": "hw1",
    "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "0.9", "axes.axisbelow": True,
    "figure.constrained_layout.w_pad": 0.08, "figure.constrained_layout.h_pad": 0.08,  # inches
}
WIDTH = 10  # inches: what a page shows some 1000 pixels wide
TRAINING_HEIGHT = 5.2  # inches: of the curves and the confusion matrix
COMPARISON_HEIGHT = 3.8  # inches
HEADING_HEIGHT, MISTAKES_HEIGHT = 0.3, 1.45  # inches: of the mistakes' heading, of a row of them
DIGITS_HEIGHT = 1.25  # inches: of a row of digits
MATRIX_SIDE = 4.4 * 72  # points: of the confusion matrix in a figure of that width
COLUMNS = 10  # images in a row
BATCH_SIZE = 1000

# Blue and vermilion of Okabe and Ito differ for everybody, dashes and markers also without colour.
TRAINING = {"label": "training", "color": "#0072b2", "linestyle": "--", "marker": "o",
            "markerfacecolor": "white"}
VALIDATION = {"label": "validation", "color": "#d55e00", "linestyle": "-", "marker": "s"}
LOOKS = (  # of trainings that are compared
    {"color": "black", "linestyle": ":", "marker": "o"},
    {"color": "#0072b2", "linestyle": "--", "marker": "v"},
    {"color": "#d55e00", "linestyle": "-.", "marker": "s"},
    {"color": "#009e73", "linestyle": "-", "marker": "^"},
)


@contextlib.contextmanager
def _style():
    """Draw in STYLE alone, whatever the notebook has set. ImportError where there is no matplotlib."""
    try:
        import matplotlib.style
    except ImportError as error:
        raise ImportError(f"pictures need matplotlib ({error}): pip install matplotlib") from error
    with matplotlib.style.context(["default", STYLE]):
        yield


# ---- The figures ---------------------------------------------------------------------------------

@_style()
def digits(pixels, labels):
    """Draw examples, at most 20, each with its label above.

    pixels: (n, side * side), row by row, the largest value black. labels: (n,) class indices.
    Returns a matplotlib Figure; ValueError if pixels are not square or not as many as labels.
    """
    pixels, labels = np.asarray(pixels), np.asarray(labels)
    _check_pixels(pixels, len(labels))
    rows = _rows(labels, most=2)
    figure = _figure(rows * DIGITS_HEIGHT)
    for place, image, label in zip(figure.add_gridspec(rows, COLUMNS), pixels, labels):
        axes = figure.add_subplot(place)
        _draw_image(axes, image)
        axes.set_title(f"{label}", loc="center")
    return figure


@_style()
def training(stats):
    """Draw how a training went: loss and error by epoch, the best epoch, and the confusion matrix.

    stats: what get_training_stats returns. The best epoch, marked by a star, is the first with the lowest
    validation error. The confusion matrix is shaded by the logarithm of its counts, or the rare confusions
    would look like none; zeros are left blank. Returns a matplotlib Figure; ValueError for other stats.
    """
    stats = _checked_stats(stats)
    figure = _figure(TRAINING_HEIGHT)
    _draw_training(figure, stats)
    return figure


@_style()
def comparison(trainings):
    """Draw the training losses and the validation errors of several trainings by epoch, in the same axes.

    trainings: a dict of what get_training_stats returns, by name, at most 4.
    Returns a matplotlib Figure; ValueError for others.
    """
    if not 1 <= len(trainings) <= len(LOOKS):
        raise ValueError(f"expected 1 to {len(LOOKS)} trainings, as more could not be told apart, "
                         f"got {len(trainings)}")
    figure = _figure(COMPARISON_HEIGHT)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 15))
    names, loss, error = map(figure.add_subplot, (grid[0, :], grid[1, 0], grid[1, 1]))
    for (name, stats), look in zip(trainings.items(), LOOKS):
        losses, _, _, errors, _ = _checked_stats(stats)
        _plot(loss, losses, label=name, **look)
        _plot(error, 100 * errors, label=name, **look)
    loss.set(title="Training loss", xlabel="epoch", ylabel="loss per example")
    error.set(title="Validation error", xlabel="epoch", ylabel="error (%)")
    names.legend(*error.get_legend_handles_labels(), loc="center", ncol=len(LOOKS), frameon=False)
    names.set_axis_off()
    for axes in (loss, error):
        _tick_epochs(axes, max(len(stats[0]) for stats in trainings.values()))
    return figure


@_style()
def mistakes(mlp, x, y, pixels):
    """Draw the examples that mlp gets wrong, at most 20, those first of which it is the surest.

    x: (n, input_size), as mlp takes them. y: (n,) class indices or (n, K) one-hot. pixels: (n, side * side),
    the same examples as they are to be drawn, row by row, the largest value black. Under each: what mlp said,
    what it is, and the probability (softmax) that mlp gave to what it said. mlp itself is left as it was.

    Returns a matplotlib Figure; ValueError if x, y and pixels do not fit together or pixels are not square.
    """
    pixels, wrong = np.asarray(pixels), _mistakes(mlp, x, y)
    _check_pixels(pixels, len(x))
    wrong_rows = _rows(wrong, most=2)
    figure = _figure(HEADING_HEIGHT + wrong_rows * MISTAKES_HEIGHT)
    _draw_mistakes(figure, wrong, pixels, wrong_rows)
    return figure


@_style()
def first_layer(mlp):
    """Draw the weights of each unit of mlp's first layer as a square image: blue below 0, red above.

    The colours reach to the 99th percentile of the absolute weights: the largest would leave the others pale.
    Returns a matplotlib Figure; ValueError if mlp.input_size is no square, such as 784 = 28 * 28.
    """
    side = _side(mlp.input_size)
    if side is None:
        raise ValueError(f"the first layer can be drawn if input_size is a square such as 784 = 28 * 28, "
                         f"got {mlp.input_size}")
    images = mlp.W[0].T.reshape(-1, side, side)
    columns = math.ceil(math.sqrt(2 * len(images)))
    rows = math.ceil(len(images) / columns)
    mosaic = np.full((rows, columns, side + 2, side + 2), np.nan)  # with an empty edge of a pixel around each
    mosaic.reshape(-1, side + 2, side + 2)[:len(images), 1:-1, 1:-1] = images
    mosaic = mosaic.swapaxes(1, 2).reshape(rows * (side + 2), -1)
    most = np.percentile(np.abs(images), 99) or 1

    figure = _figure(1 + 0.85 * WIDTH * rows / columns)
    axes = figure.add_subplot()
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    axes.set_title(f"Weights of the first layer: {len(images)} units, {side} x {side} inputs each")
    axes.set_axis_off()
    figure.colorbar(image, ax=axes, label="weight", extend="both", shrink=0.85, pad=0.01, aspect=30)
    return figure


@_style()
def report(stats, mlp, x, y, pixels):
    """Draw all at a glance: what training(stats) draws, and below it the 10 surest of the mistakes.

    The arguments are those of training and of mistakes, with the test set as x, y and pixels. Where pixels
    are not square images, the mistakes are left out. Returns a matplotlib Figure; ValueError as those two.
    """
    stats, pixels = _checked_stats(stats), np.asarray(pixels)
    if pixels.ndim == 2 and _side(pixels.shape[1]) is None:
        return training(stats)
    wrong = _mistakes(mlp, x, y)
    _check_pixels(pixels, len(x))
    wrong_rows = _rows(wrong, most=1)
    heights = TRAINING_HEIGHT, HEADING_HEIGHT + wrong_rows * MISTAKES_HEIGHT
    figure = _figure(sum(heights))
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    _draw_training(upper, stats)
    _draw_mistakes(lower, wrong, pixels, wrong_rows)
    return figure


# ---- The files -----------------------------------------------------------------------------------

def check(path):
    """Raise at once, before a long training, what save would: ImportError, OSError or ValueError."""
    path = pathlib.Path(path)
    if path.suffix.lower() not in METADATA:
        raise ValueError(f"expected a file name that ends in .png, .svg or .pdf, got {str(path)!r}")
    saved.check_place(path)
    with _style():
        pass


def save(figure, path):
    """Write figure to path, as png, svg or pdf by its suffix; a file that is there is replaced.

    The file appears whole or not at all. ImportError, OSError or ValueError say what is wrong.
    """
    check(path)
    saved.write(path, _rendered(figure, pathlib.Path(path).suffix.lower()))


@_style()
def _rendered(figure, suffix):
    """Return figure as the bytes of a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], metadata=METADATA[suffix])
    return buffer.getvalue()


def _figure(height):
    """Return an empty Figure, height in inches, that a notebook shows although pyplot does not know it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure._repr_png_ = lambda: _rendered(figure, ".png")
    return figure


# ---- What they show ------------------------------------------------------------------------------

def _checked_stats(stats):
    """Return the statistics as five arrays; ValueError if they are not those of get_training_stats."""
    stats = [np.asarray(part) for part in stats]
    shapes = [part.shape for part in stats]
    if (len(stats) != 5 or len(set(shapes[:4])) != 1 or stats[0].ndim != 1 or stats[0].size == 0
            or stats[4].ndim != 2 or shapes[4] != shapes[4][::-1] or stats[4].sum() == 0):
        raise ValueError("stats must be the five arrays that get_training_stats returns, four of shape "
                         f"(nepochs,) and the confusion matrix (K, K), got the shapes {shapes}")
    return stats


def _side(size):
    """Return the side of a square image of size pixels; None if there is none."""
    side = math.isqrt(size)
    return side if side * side == size else None


def _check_pixels(pixels, n):
    """Raise ValueError unless pixels hold a square image for each of n examples."""
    if pixels.ndim != 2 or len(pixels) != n or _side(pixels.shape[1]) is None:
        raise ValueError("pixels must be a square image, a row of side * side values, for each of the "
                         f"{n} examples of x, got shape {pixels.shape}")


def _mistakes(mlp, x, y):
    """Return (row, said, true, probability) for each mistake, the surest first."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.shape not in ((len(x),), (len(x), mlp.output_size)):
        raise ValueError(f"x must have shape (n, {mlp.input_size}) and y (n,) or (n, {mlp.output_size}), "
                         f"got {x.shape} and {y.shape}")
    mlp = copy.deepcopy(mlp)
    mlp.eval()
    outputs = np.concatenate([mlp.forward(x[i:i + BATCH_SIZE]) for i in range(0, len(x), BATCH_SIZE)])
    said, true = outputs.argmax(axis=1), y if y.ndim == 1 else y.argmax(axis=1)
    probability = 1 / np.exp(outputs - outputs.max(axis=1, keepdims=True)).sum(axis=1)
    rows = np.flatnonzero(said != true)
    rows = rows[np.argsort(-probability[rows], kind="stable")]
    return [(row, said[row], true[row], probability[row]) for row in rows]


# ---- How they show it ----------------------------------------------------------------------------

def _draw_training(parent, stats):
    """Draw the loss above the error, and the confusion matrix beside, in parent, a Figure or a SubFigure."""
    training_losses, training_errors, validation_losses, validation_errors, matrix = stats
    grid = parent.add_gridspec(2, 2, width_ratios=(1, 1.05))
    loss, error = parent.add_subplot(grid[0, 0]), parent.add_subplot(grid[1, 0])
    best = validation_errors.argmin()
    lowest = 100 * validation_errors[best]
    _draw_curves(loss, training_losses, validation_losses)
    loss.set(title="Loss", ylabel="loss per example")
    _draw_curves(error, 100 * training_errors, 100 * validation_errors)
    error.plot([best + 1], [lowest], "*", markersize=17, color="gold", markeredgecolor="black", label="best")
    error.set(title=f"Error: best validation \N{BLACK STAR} {lowest:.2f} % in epoch {best + 1}",
              xlabel="epoch", ylabel="error (%)")
    _draw_matrix(parent.add_subplot(grid[:, 1]), matrix)


def _draw_curves(axes, training_values, validation_values):
    """Draw the two by epoch, each with its name."""
    ends = []
    for values, look in (training_values, TRAINING), (validation_values, VALIDATION):
        _plot(axes, values, **look)
        finite = values[np.isfinite(values)]  # a training that diverged has others
        if finite.size:
            ends.append((finite[-1], look["label"], look["color"]))
    _tick_epochs(axes, len(training_values))
    # The names stand where the lines end, the upper above its end and the lower below: they cannot meet.
    for (end, name, color), side in zip(sorted(ends, reverse=True), ("bottom", "top")):
        axes.annotate(name, (1.01, end), xycoords=axes.get_yaxis_transform(), va=side, color=color)


def _plot(axes, values, **look):
    """Draw values by epoch, with a marker on every epoch, or on some 20 of many."""
    n = len(values)
    axes.plot(np.arange(1, n + 1), values, markevery=math.ceil(n / 20), markersize=5, **look)


def _tick_epochs(axes, n):
    """Let the axis of n epochs reach a little beyond them, and tick whole ones."""
    from matplotlib.ticker import MaxNLocator

    room = max(0.5, 0.02 * n)
    axes.set_xlim(1 - room, n + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _draw_matrix(axes, matrix):
    """Draw the confusion matrix as a heat map with its counts."""
    from matplotlib.colors import LogNorm

    image = axes.imshow(np.ma.masked_equal(matrix, 0), cmap="magma_r", norm=LogNorm(1, max(matrix.max(), 2)))
    size = min(11, MATRIX_SIDE / len(matrix) / (0.65 * len(str(matrix.max())) + 0.3))
    luminances = _luminance(image.to_rgba(matrix))
    for row, column in np.argwhere(matrix) if size >= 4 else ():  # smaller cannot be read
        axes.text(column, row, str(matrix[row, column]), size=size, ha="center", va="center", in_layout=False,
                  color="white" if luminances[row, column] < 0.18 else "black")
    ticks = np.arange(0, len(matrix), math.ceil(len(matrix) / 26))
    axes.set(xticks=ticks, yticks=ticks, xlabel="true class", ylabel="predicted class")
    axes.tick_params(labelsize=8)
    _frame(axes)
    wrong, total = matrix.sum() - matrix.trace(), matrix.sum()
    axes.set_title(f"Test: {100 * wrong / total:.2f} % error, {wrong:,} of {total:,} wrong")


def _luminance(rgba):
    """Return the relative luminance of colours (..., 4), as WCAG defines it.

    On 0.18, black and white stand out equally.
    """
    rgb = rgba[..., :3]
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


def _rows(wrong, most):
    """Return how many rows, at most most, the mistakes fill."""
    return min(most, math.ceil(len(wrong) / COLUMNS))


def _draw_mistakes(parent, wrong, pixels, rows):
    """Draw that many rows of the mistakes, under a heading, in parent, a Figure or a SubFigure."""
    shown = wrong[:rows * COLUMNS]
    heading = f"Mistakes: {format(len(wrong), ',') if wrong else 'none'} of {len(pixels):,} examples"
    if len(shown) < len(wrong):
        heading += f"; these are the {len(shown)} surest"
    parent.suptitle(heading, size=11, x=0.01, ha="left")
    grid = parent.add_gridspec(max(rows, 1), COLUMNS)
    for place, (row, said, true, probability) in zip(grid, shown):
        axes = parent.add_subplot(place)
        _draw_image(axes, pixels[row])
        axes.set_xlabel(f"said {said}, is {true}\n{100 * probability:.0f} % sure", size=9)


def _draw_image(axes, pixels):
    """Draw one example, (side * side,)."""
    side = _side(len(pixels))
    axes.imshow(pixels.reshape(side, side), cmap="gray_r")
    axes.set(xticks=[], yticks=[])
    _frame(axes)


def _frame(axes):
    """Give an image a frame for axes of curves."""
    axes.grid(False)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("0.6")
