"""Plots of a training run: examples, curves, the confusion matrix, mistakes and weights.

    figure = pictures.training(get_training_stats(mlp, dset, nepochs, batch_size))
    pictures.save(figure, "training.png")

digits, training, comparison, mistakes, first_layer and report each return a matplotlib Figure,
which a notebook shows if it is the last value of a cell; save writes it as png, svg or pdf. They
need matplotlib 3.5 or newer, and raise ImportError without it. They do not use pyplot, so no
display and no backend is needed, and no figure stays open.

To add a plot, write a function under @_use_style() that starts from _make_figure(height), and list
it above and in FIGURES of its tests, which look for text that is cut off.
"""

import contextlib
import copy
import io
import math
import os
import pathlib
import sys
import textwrap

import numpy as np

from data import files

# By suffix. Without a date, the same figure gives the same file.
METADATA = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 140,
    "svg.hashsalt": "hw1",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": "0.4",
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "lines.markersize": 5,
    "figure.constrained_layout.w_pad": 0.08,  # inches
    "figure.constrained_layout.h_pad": 0.08,
}

# In inches. A page shows 10 inches about 1000 pixels wide.
WIDTH = 10
TRAINING_HEIGHT = 4.9
COMPARISON_HEIGHT = 3.8
HEADING_HEIGHT = 0.3
MISTAKES_ROW_HEIGHT = 1.5
DIGITS_ROW_HEIGHT = 1.16

MATRIX_SIDE = 3.8 * 72  # points, in a figure of that width
COLUMNS = 10  # images in a row
MAX_NAME_LENGTH = 60  # characters in a line of a legend
BATCH_SIZE = 1000

# Ticks of a logarithmic axis of percentages: 1e-6, 2e-6, 5e-6, 1e-5 ... 50, 100.
PERCENTAGES = [digit * 10.0**power for power in range(-6, 2) for digit in (1, 2, 5)]
PERCENTAGES.append(100)

# Okabe and Ito's colours differ for the colour-blind, dashes and markers also without colour.
LINES = (
    {"color": "black", "linestyle": ":", "marker": "o"},
    {"color": "#0072b2", "linestyle": "--", "marker": "v"},
    {"color": "#d55e00", "linestyle": "-.", "marker": "s"},
    {"color": "#009e73", "linestyle": "-", "marker": "^"},
)
TRAINING = {**LINES[1], "label": "training", "marker": "o", "markerfacecolor": "white"}
VALIDATION = {**LINES[2], "label": "validation", "linestyle": "-"}


def require_matplotlib():
    """Import matplotlib, even if MPLBACKEND is invalid; ImportError with a remedy without it."""
    backend = None
    if "matplotlib" not in sys.modules:
        backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(f"plots need matplotlib ({error}): pip install matplotlib") from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend  # as importing matplotlib would have done


@contextlib.contextmanager
def _use_style():
    """Use STYLE alone, whatever the notebook has set; ImportError without matplotlib."""
    require_matplotlib()
    import matplotlib.style
    with matplotlib.style.context(["default", STYLE]):
        yield


# ---- The figures ---------------------------------------------------------------------------------

@_use_style()
def digits(pixels, labels):
    """Plot examples, at most 20, each with its label below.

    pixels: (n, side * side), row by row, the largest value black. labels: (n,) class indices or
    (n, K) one-hot rows. Raises ValueError if they are empty or do not fit together.
    """
    pixels = np.asarray(pixels)
    classes = _as_classes(labels)
    _check_pixels(pixels, len(classes))
    captions = [str(label) for label in classes[:2 * COLUMNS]]
    nrows = math.ceil(len(captions) / COLUMNS)
    figure = _make_figure(DIGITS_ROW_HEIGHT * nrows)
    _draw_images(figure, pixels, captions)
    return figure


@_use_style()
def training(stats):
    """Plot a training run: loss and error by epoch, the best epoch, and the confusion matrix.

    stats: the five arrays that get_training_stats returns; ValueError for others. A star marks the
    best epoch, the first with the lowest validation error. The axis of the errors is logarithmic,
    with 0 at its lower edge. The confusion matrix is shaded by the share of the true class, its
    column.
    """
    figure = _make_figure(TRAINING_HEIGHT)
    _draw_training(figure, _check_stats(stats))
    return figure


@_use_style()
def comparison(trainings):
    """Plot the training losses and validation errors of several training runs by epoch.

    trainings: a dict of what get_training_stats returns, by name, 1 to 4; ValueError for others.
    """
    if not 1 <= len(trainings) <= len(LINES):
        raise ValueError(f"expected 1 to {len(LINES)} training runs, got {len(trainings)}")
    figure = _make_figure(COMPARISON_HEIGHT)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 15))
    names = figure.add_subplot(grid[0, :])
    loss = figure.add_subplot(grid[1, 0])
    error = figure.add_subplot(grid[1, 1])
    nepochs = 0
    for (name, stats), line in zip(trainings.items(), LINES):
        training_losses, _, _, validation_errors, _ = _check_stats(stats)
        _draw_line(loss, training_losses, label=name, **line)
        _draw_line(error, 100 * validation_errors, label=name, **line)
        nepochs = max(nepochs, len(training_losses))
    loss.set(title="Training loss", xlabel="epoch", ylabel="loss per example")
    error.set(title="Validation error", xlabel="epoch", ylabel="error (%)")
    _scale_errors(error)
    _set_epochs(loss, nepochs)
    _set_epochs(error, nepochs)
    _draw_legend(names, error.get_lines(), trainings)
    return figure


@_use_style()
def mistakes(mlp, x, y, pixels):
    """Plot the examples that mlp gets wrong, at most 20, the most confident predictions first.

    x: (n, input_size), as mlp takes them. y: (n,) class indices or (n, K) one-hot rows. pixels:
    (n, side * side), the same examples as they are to be drawn, row by row, the largest value
    black. Below each are the predicted class, the true class, and p, the probability (softmax)
    of the predicted class. mlp is not modified.

    Raises ValueError if they are empty or do not fit together.
    """
    images, captions, heading = _find_mistakes(mlp, x, y, np.asarray(pixels), 2 * COLUMNS)
    figure = _make_figure(_height_of_mistakes(captions))
    _draw_images(figure, images, captions, heading)
    return figure


@_use_style()
def first_layer(mlp):
    """Plot the weights of each unit of mlp's first layer as an image: blue below 0, yellow above.

    The colours reach to the 99th percentile of the absolute weights: the largest would make the
    others pale. Raises ValueError if mlp.input_size is not a square, such as 784 = 28 * 28.
    """
    side = _side_of(mlp.input_size)
    if side is None:
        raise ValueError("the first layer can be plotted if input_size is a square such as "
                         f"784 = 28 * 28, got {mlp.input_size}")
    images = mlp.W[0].T.reshape(-1, side, side)
    columns = math.ceil(math.sqrt(2 * len(images)))
    rows = math.ceil(len(images) / columns)
    mosaic = np.full((rows * columns, side + 2, side + 2), np.nan)  # an empty edge around each
    mosaic[:len(images), 1:-1, 1:-1] = images
    mosaic = mosaic.reshape(rows, columns, side + 2, side + 2).swapaxes(1, 2)
    mosaic = mosaic.reshape(rows * (side + 2), -1)
    limit = np.percentile(np.abs(images), 99) or 1
    figure = _make_figure(0.5 + 0.9 * WIDTH * rows / columns)
    axes = figure.add_subplot()
    image = axes.imshow(mosaic, "cividis", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(f"Weights of the first layer: {len(images)} units, {side} x {side} inputs each")
    axes.set_axis_off()
    figure.colorbar(image, label="weight", extend="both", pad=0.01, aspect=30)
    return figure


@_use_style()
def report(stats, mlp, x, y, pixels):
    """Plot a summary: the plot of training(stats), and below it the 10 most confident mistakes.

    The arguments are those of training and of mistakes, with the test set as x, y and pixels;
    ValueError as there. The mistakes are left out if pixels are not square images.
    """
    stats = _check_stats(stats)
    pixels = np.asarray(pixels)
    if pixels.ndim == 2 and _side_of(pixels.shape[1]) is None:
        return training(stats)
    images, captions, heading = _find_mistakes(mlp, x, y, pixels, COLUMNS)
    height = _height_of_mistakes(captions)
    figure = _make_figure(TRAINING_HEIGHT + height)
    upper, lower = figure.subfigures(2, 1, height_ratios=(TRAINING_HEIGHT, height))
    _draw_training(upper, stats)
    _draw_images(lower, images, captions, heading)
    return figure


# ---- The files -----------------------------------------------------------------------------------

def save(figure, path):
    """Write figure to path, as png, svg or pdf by its suffix.

    The file appears whole or not at all: OSError if it cannot be written. Raises ValueError for
    another suffix.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in METADATA:
        raise ValueError(f"expected a file name that ends in .png, .svg or .pdf, got {str(path)!r}")
    files.write(path, _render(figure, suffix))


@_use_style()
def _render(figure, suffix, **options):
    """Return figure as the bytes of a file; options: of savefig."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], metadata=METADATA[suffix], **options)
    return buffer.getvalue()


def _make_figure(height):
    """Return an empty Figure, height in inches, that a notebook shows although pyplot has none."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure._repr_png_ = lambda: _render(figure, ".png", dpi=80)  # small, as the notebook keeps it
    return figure


# ---- Arguments -----------------------------------------------------------------------------------

def _check_stats(stats):
    """Return stats as five arrays; ValueError unless get_training_stats can have returned them."""
    stats = [np.asarray(part) for part in stats]
    if not _are_stats(stats):
        shapes = [part.shape for part in stats]
        raise ValueError("stats must be the five arrays that get_training_stats returns, four of "
                         "shape (nepochs,), nepochs at least 1, and the confusion matrix (K, K), "
                         f"got shapes {shapes}")
    return stats


def _are_stats(stats):
    if len(stats) != 5:
        return False
    *curves, matrix = stats
    nepochs = curves[0].size
    if nepochs == 0 or any(curve.shape != (nepochs,) for curve in curves):
        return False
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return False
    return matrix.sum() > 0


def _as_classes(labels, nclasses=None):
    """Return labels as class indices, (n,) int.

    labels: as for get_training_stats, (n,) class indices, whole numbers of any dtype, or (n, K)
    rows that are at least 0 and sum to 1; ValueError for others. nclasses: K, or None if unknown.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "fiub" or labels.ndim not in (1, 2):
        raise ValueError("labels must be numbers, class indices (n,) or one-hot rows (n, K), got "
                         f"{labels.dtype} {labels.shape}")
    if labels.ndim == 1:
        limit = math.inf
        expected = "class indices from 0"
        if nclasses is not None:
            limit = nclasses
            expected += f" to {nclasses - 1}"
        valid = (labels >= 0) & (labels < limit) & (labels == np.floor(labels))
        classes = labels
    else:
        sums = labels.sum(axis=1, dtype=np.float64)
        valid = (labels >= 0).all(axis=1) & (np.abs(sums - 1) <= 1e-5)
        classes = labels.argmax(axis=1)
        expected = "one-hot rows, at least 0 and with a sum of 1"
    if not valid.all():
        row = valid.argmin()
        raise ValueError(f"labels must be {expected}, got {labels[row]} in row {row}")
    return classes.astype(int)


def _side_of(size):
    """Return the side of a square image of size pixels; None if there is none."""
    side = math.isqrt(size)
    if side * side != size:
        return None
    return side


def _check_pixels(pixels, n):
    """Raise ValueError unless pixels hold a square image for each of n examples, at least one."""
    if n == 0:
        raise ValueError("expected at least one example, got none")
    if pixels.ndim != 2 or len(pixels) != n or _side_of(pixels.shape[1]) is None:
        raise ValueError("pixels must be a square image, a row of side * side values, for each of "
                         f"the {n} examples, got shape {pixels.shape}")


# ---- Mistakes ------------------------------------------------------------------------------------

def _find_mistakes(mlp, x, y, pixels, limit):
    """Return (images, captions, heading) of the most confident mistakes, at most limit of them."""
    x = np.asarray(x)
    y = np.asarray(y)
    if x.ndim != 2 or y.shape not in ((len(x),), (len(x), mlp.output_size)):
        raise ValueError(f"x must have shape (n, {mlp.input_size}) and y (n,) or "
                         f"(n, {mlp.output_size}), got {x.shape} and {y.shape}")
    n = len(x)
    _check_pixels(pixels, n)
    true = _as_classes(y, mlp.output_size)
    predicted, probability = _predict(mlp, x)
    wrong = np.flatnonzero(predicted != true)
    order = np.argsort(-probability[wrong], kind="stable")
    shown = wrong[order][:limit]
    captions = [f"predicted {predicted[i]}\ntrue {true[i]}\np = {probability[i]:.2f}"
                for i in shown]
    if len(wrong) == 0:
        heading = f"No mistakes in {n:,} examples"
    else:
        heading = f"Mistakes: {len(wrong):,} of {n:,} examples"
    if len(wrong) > limit:
        heading += f"; the {limit} most confident are shown"
    return pixels[shown], captions, heading


def _predict(mlp, x):
    """Return the predicted class of each example and its probability; mlp is not modified."""
    mlp = copy.deepcopy(mlp)
    mlp.eval()
    outputs = []
    for start in range(0, len(x), BATCH_SIZE):
        outputs.append(mlp.forward(x[start:start + BATCH_SIZE]))
    logits = np.concatenate(outputs)
    differences = logits - logits.max(axis=1, keepdims=True)
    probability = 1 / np.exp(differences).sum(axis=1)
    return logits.argmax(axis=1), probability


def _height_of_mistakes(captions):
    """Return the height, in inches, of a heading and the images with these captions."""
    return HEADING_HEIGHT + MISTAKES_ROW_HEIGHT * math.ceil(len(captions) / COLUMNS)


def _draw_images(parent, images, captions, heading=None):
    """Draw images, (n, side * side), with captions below and a heading, in a (Sub)Figure."""
    if heading:
        parent.suptitle(heading, size=11, x=0.01, ha="left")
    rows = math.ceil(len(captions) / COLUMNS)
    side = _side_of(images.shape[1])
    for i in range(rows * COLUMNS):  # also the empty places, or the images would be wider
        axes = parent.add_subplot(rows, COLUMNS, i + 1, anchor="N")
        if i < len(captions):
            axes.imshow(images[i].reshape(side, side), cmap="gray_r")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(captions[i], size=9)
        else:
            axes.set_axis_off()


# ---- Curves --------------------------------------------------------------------------------------

def _draw_training(parent, stats):
    """Draw the loss above the error, and the confusion matrix beside, in a (Sub)Figure."""
    training_losses, training_errors, validation_losses, validation_errors, matrix = stats
    grid = parent.add_gridspec(2, 2, width_ratios=(1, 1.15))
    loss = parent.add_subplot(grid[0, 0])
    _draw_curves(loss, training_losses, validation_losses)
    loss.set(title="Loss", ylabel="loss per example")
    error = parent.add_subplot(grid[1, 0])
    _draw_curves(error, 100 * training_errors, 100 * validation_errors)
    _scale_errors(error)
    error.set(title="Error", xlabel="epoch", ylabel="error (%)")
    _mark_best(error, 100 * validation_errors)
    _draw_matrix(parent, parent.add_subplot(grid[:, 1]), matrix)


def _mark_best(axes, percentages):
    """Mark the first epoch with the lowest validation error by a star, and put it in the title."""
    best = np.where(np.isnan(percentages), np.inf, percentages).argmin()
    lowest = percentages[best]
    axes.plot([best + 1], [lowest], "*", markersize=14, color="gold", markeredgecolor="black",
              label="best", clip_on=False, zorder=3)
    if not np.isnan(lowest):
        star = "\N{BLACK STAR}"
        axes.set_title(f"Error: best validation {star} {lowest:.2f} % in epoch {best + 1}")


def _draw_curves(axes, training_values, validation_values):
    """Draw two curves by epoch, each with its name at its last finite value, if it has one."""
    ends = []
    for values, line in (training_values, TRAINING), (validation_values, VALIDATION):
        _draw_line(axes, values, **line)
        finite = values[np.isfinite(values)]
        if finite.size:
            ends.append((finite[-1], line["label"], line["color"]))
    _set_epochs(axes, len(training_values))
    # The name of the upper end stands above it and the other below, so that they never overlap.
    for (end, name, color), side in zip(sorted(ends, reverse=True), ("bottom", "top")):
        axes.annotate(name, (1.01, end), xycoords=axes.get_yaxis_transform(), va=side, color=color)


def _draw_line(axes, values, **line):
    """Draw values by epoch, with a marker on every epoch, or on at most 20 of many."""
    nepochs = len(values)
    epochs = np.arange(1, nepochs + 1)
    axes.plot(epochs, values, markevery=math.ceil(nepochs / 20), clip_on=False, **line)


def _draw_legend(axes, lines, names):
    """Draw a legend of the lines alone in axes, in as many columns as the figure is wide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes.set_axis_off()
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    names = [textwrap.fill(str(name), MAX_NAME_LENGTH) for name in names]
    for ncol in (4, 2, 1):
        legend = axes.legend(lines, names, loc="center", ncol=ncol, frameon=False)
        if legend.get_window_extent(renderer).width < 0.97 * axes.figure.bbox.width:
            break


def _scale_errors(axes):
    """Make the y axis of percentages logarithmic, with 0 at its lower edge."""
    percentages = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    has_zero = 0 in percentages
    positive = percentages[percentages > 0]
    lowest = highest = 1
    if positive.size:
        lowest = positive.min()
        highest = positive.max()
    if has_zero:
        lowest /= 2  # or 0 would be as high as the lowest
    low = max((tick for tick in PERCENTAGES if tick < lowest), default=PERCENTAGES[0])
    high = min((tick for tick in PERCENTAGES if tick > highest), default=100)
    ticks = [tick for tick in PERCENTAGES if low < tick <= high]
    if high > 1000 * low:
        ticks = [tick for tick in PERCENTAGES[::3] if low < tick <= high]  # powers of ten alone
    labels = [f"{tick:g}" for tick in ticks]
    lowest_label = f"{low:g}"
    if has_zero:
        lowest_label = "0"
    axes.set_yscale("function", functions=(lambda y: np.log(np.maximum(y, low)), np.exp))
    axes.set_yticks([low, *ticks], [lowest_label, *labels])
    axes.set_ylim(low, high)


def _set_epochs(axes, n):
    """Draw a grid, and leave some space around n epochs, with ticks at integers."""
    axes.grid()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0.5, n + max(0.5, 0.03 * n))
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


# ---- The confusion matrix ------------------------------------------------------------------------

def _draw_matrix(parent, axes, matrix):
    """Draw the confusion matrix with its counts, shaded by the share of the true class."""
    total = matrix.sum()
    wrong = total - matrix.trace()
    shares = 100 * matrix / np.maximum(matrix.sum(axis=0), 1)
    shades = np.ma.masked_equal(shares, 0)
    # From -10, or the lightest would be as white as the zeros.
    image = axes.imshow(shades, cmap="Blues", vmin=-10, vmax=100)
    colorbar = parent.colorbar(image, ax=axes, label="% of the true class", pad=0.02, aspect=30)
    colorbar.ax.set_ylim(0, 100)
    _draw_counts(axes, matrix, _luminance(image.to_rgba(shares)))
    ticks = np.arange(0, len(matrix), math.ceil(len(matrix) / 26))
    axes.set(xticks=ticks, yticks=ticks, xlabel="true class", ylabel="predicted class")
    axes.tick_params(labelsize=8)
    axes.set_title(f"Test: {100 * wrong / total:.2f} % error, {wrong:,.0f} of {total:,.0f} wrong")


def _draw_counts(axes, matrix, luminances):
    """Write the counts into their cells, unless they would be too small to read."""
    ndigits = len(f"{matrix.max():.0f}")
    size = MATRIX_SIDE / len(matrix) / (0.65 * ndigits + 0.3)
    if size < 4:
        return
    for row, column in np.argwhere(matrix):
        color = "black"
        if luminances[row, column] < 0.18:
            color = "white"
        axes.text(column, row, f"{matrix[row, column]:.0f}", size=min(11, size), color=color,
                  ha="center", va="center", in_layout=False)


def _luminance(rgba):
    """Return WCAG's relative luminance of colours (..., 4): on 0.18, black and white are equal."""
    rgb = rgba[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)
