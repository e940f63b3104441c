"""Lets you see a training: its examples and curves, what it confuses and gets wrong, its weights.

    figure = pictures.training(get_training_stats(mlp, dset, nepochs, batch_size))
    pictures.save(figure, "training.png")

digits, training, comparison, mistakes, first_layer and report each return a matplotlib Figure,
which a notebook shows when it is the last value of a cell; save writes it as png, svg or pdf. They
need matplotlib, 3.5 or newer, and raise ImportError without; nothing else does. They do without
pyplot, so that no display and no back end is needed and no figure stays open.
"""

import contextlib
import copy
import io
import math
import os
import pathlib
import sys

import numpy as np

from data import files

# By suffix. Without a date, the same figure gives the same file.
METADATA = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
STYLE = {
    "figure.dpi": 100, "savefig.dpi": 140, "svg.hashsalt": "hw1", "font.size": 10,
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.edgecolor": "0.4",
    "axes.axisbelow": True, "grid.color": "0.9", "lines.markersize": 5,
    "figure.constrained_layout.w_pad": 0.08, "figure.constrained_layout.h_pad": 0.08,  # inches
}
WIDTH = 10  # inches: what a page shows some 1000 pixels wide
TRAINING_HEIGHT, COMPARISON_HEIGHT = 4.9, 3.8  # inches
HEADING_HEIGHT, MISTAKES_HEIGHT, DIGITS_HEIGHT = 0.3, 1.32, 1.16  # inches: of rows of images
MATRIX_SIDE = 3.8 * 72  # points: of the confusion matrix in a figure of that width
COLUMNS = 10  # images in a row
BATCH_SIZE = 1000
PERCENTS = [digit * 10.0**power for power in range(-6, 2) for digit in (1, 2, 5)] + [100]  # ticks

# Blue and vermilion of Okabe and Ito differ for everybody, dashes and markers also without colour.
LOOKS = (  # of trainings that are compared
    {"color": "black", "linestyle": ":", "marker": "o"},
    {"color": "#0072b2", "linestyle": "--", "marker": "v"},
    {"color": "#d55e00", "linestyle": "-.", "marker": "s"},
    {"color": "#009e73", "linestyle": "-", "marker": "^"},
)
TRAINING = {**LOOKS[1], "label": "training", "marker": "o", "markerfacecolor": "white"}
VALIDATION = {**LOOKS[2], "label": "validation", "linestyle": "-"}


def require_matplotlib():
    """Import matplotlib, whatever MPLBACKEND says; ImportError with the remedy if it is missing."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError(f"pictures need matplotlib ({error}): pip install matplotlib") from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend  # as its import would have done


@contextlib.contextmanager
def _style():
    """Draw in STYLE alone, whatever the notebook has set. ImportError without matplotlib."""
    require_matplotlib()
    import matplotlib.style
    with matplotlib.style.context(["default", STYLE]):
        yield


# ---- The figures ---------------------------------------------------------------------------------

@_style()
def digits(pixels, labels):
    """Draw examples, at most 20, each with its label below.

    pixels: (n, side * side), row by row, the largest value black. labels: (n,) class indices.
    ValueError if pixels are not square or not as many as labels.
    """
    pixels = np.asarray(pixels)
    _check_pixels(pixels, len(labels))
    captions = [f"{label}" for label in labels[:2 * COLUMNS]]
    figure = _figure(DIGITS_HEIGHT * math.ceil(len(captions) / COLUMNS))
    _draw_images(figure, pixels, captions)
    return figure


@_style()
def training(stats):
    """Draw how a training went: loss and error by epoch, the best epoch, and the confusion matrix.

    stats: what get_training_stats returns; ValueError for others. A star marks the best epoch, the
    first with the lowest validation error. On the errors' axis, which is logarithmic, 0 stands at
    the lower edge. The confusion matrix is shaded by the share of the true class, its column.
    """
    figure = _figure(TRAINING_HEIGHT)
    _draw_training(figure, _checked_stats(stats))
    return figure


@_style()
def comparison(trainings):
    """Draw several trainings' training losses and validation errors by epoch, in the same axes.

    trainings: a dict of what get_training_stats returns, by name, 1 to 4; ValueError for others.
    """
    if not 1 <= len(trainings) <= len(LOOKS):
        raise ValueError(f"expected 1 to {len(LOOKS)} trainings to compare, got {len(trainings)}")
    figure = _figure(COMPARISON_HEIGHT)
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 15))
    names, loss, error = map(figure.add_subplot, (grid[0, :], grid[1, 0], grid[1, 1]))
    for (name, stats), look in zip(trainings.items(), LOOKS):
        losses, _, _, errors, _ = _checked_stats(stats)
        _plot(loss, losses, label=name, **look)
        _plot(error, 100 * errors, label=name, **look)
    loss.set(title="Training loss", xlabel="epoch", ylabel="loss per example")
    error.set(title="Validation error", xlabel="epoch", ylabel="error (%)")
    _scale_errors(error)
    names.legend(*error.get_legend_handles_labels(), loc="center", ncol=len(LOOKS), frameon=False)
    names.set_axis_off()
    for axes in (loss, error):
        _set_epochs(axes, max(len(stats[0]) for stats in trainings.values()))
    return figure


@_style()
def mistakes(mlp, x, y, pixels):
    """Draw the examples that mlp gets wrong, at most 20, those first of which it is the surest.

    x: (n, input_size), as mlp takes them. y: (n,) class indices or (n, K) one-hot. pixels:
    (n, side * side), the same examples as they are to be drawn, row by row, the largest value
    black. Below each: what mlp said, what it is, and the probability (softmax) that mlp gave to
    what it said. mlp itself is left as it was. ValueError if these do not fit together.
    """
    height, *shown = _mistakes(mlp, x, y, np.asarray(pixels), most=2 * COLUMNS)
    figure = _figure(height)
    _draw_images(figure, *shown)
    return figure


@_style()
def first_layer(mlp):
    """Draw the weights of each unit of mlp's first layer as an image: blue below 0, yellow above.

    The colours reach to the 99th percentile of the absolute weights: the largest would leave the
    others pale. ValueError if mlp.input_size is no square, such as 784 = 28 * 28.
    """
    side = _side(mlp.input_size)
    if side is None:
        raise ValueError("the first layer can be drawn if input_size is a square such as "
                         f"784 = 28 * 28, got {mlp.input_size}")
    images = mlp.W[0].T.reshape(-1, side, side)
    columns = math.ceil(math.sqrt(2 * len(images)))
    rows = math.ceil(len(images) / columns)
    mosaic = np.full((rows * columns, side + 2, side + 2), np.nan)  # an empty edge around each
    mosaic[:len(images), 1:-1, 1:-1] = images
    mosaic = mosaic.reshape(rows, columns, side + 2, side + 2).swapaxes(1, 2)
    mosaic = mosaic.reshape(rows * (side + 2), -1)
    most = np.percentile(np.abs(images), 99) or 1
    figure = _figure(0.5 + 0.9 * WIDTH * rows / columns)
    axes = figure.add_subplot()
    image = axes.imshow(mosaic, "cividis", vmin=-most, vmax=most, interpolation="nearest")
    axes.set_title(f"Weights of the first layer: {len(images)} units, {side} x {side} inputs each")
    axes.set_axis_off()
    figure.colorbar(image, label="weight", extend="both", pad=0.01, aspect=30)
    return figure


@_style()
def report(stats, mlp, x, y, pixels):
    """Draw all at a glance: what training(stats) draws, and below it the 10 surest mistakes.

    The arguments are those of training and of mistakes, with the test set as x, y and pixels;
    ValueError as there. Where pixels are not square images, the mistakes are left out.
    """
    stats, pixels = _checked_stats(stats), np.asarray(pixels)
    if pixels.ndim == 2 and _side(pixels.shape[1]) is None:
        return training(stats)
    height, *shown = _mistakes(mlp, x, y, pixels, most=COLUMNS)
    figure = _figure(TRAINING_HEIGHT + height)
    upper, lower = figure.subfigures(2, 1, height_ratios=(TRAINING_HEIGHT, height))
    _draw_training(upper, stats)
    _draw_images(lower, *shown)
    return figure


# ---- The files -----------------------------------------------------------------------------------

def save(figure, path):
    """Write figure to path, as png, svg or pdf by its suffix; a file that is there is replaced.

    It appears whole or not at all: OSError if it cannot be written. ValueError for another suffix.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in METADATA:
        raise ValueError(f"expected a file name that ends in .png, .svg or .pdf, got {str(path)!r}")
    files.write(path, _rendered(figure, suffix))


@_style()
def _rendered(figure, suffix, **options):
    """Return figure as the bytes of a file; options: of savefig."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], metadata=METADATA[suffix], **options)
    return buffer.getvalue()


def _figure(height):
    """Return an empty Figure, height in inches, that a notebook shows although pyplot has none."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure._repr_png_ = lambda: _rendered(figure, ".png", dpi=80)  # for a notebook, which keeps it
    return figure


# ---- What they show ------------------------------------------------------------------------------

def _checked_stats(stats):
    """Return the statistics as five arrays; ValueError if they are not get_training_stats'."""
    stats = [np.asarray(part) for part in stats]
    shapes = [part.shape for part in stats]
    if (len(stats) != 5 or len(set(shapes[:4])) != 1 or stats[0].ndim != 1 or stats[0].size == 0
            or stats[4].ndim != 2 or shapes[4] != shapes[4][::-1] or stats[4].sum() == 0):
        raise ValueError("stats must be the five arrays that get_training_stats returns, four of "
                         f"shape (nepochs,) and the confusion matrix (K, K), got shapes {shapes}")
    return stats


def _side(size):
    """Return the side of a square image of size pixels; None if there is none."""
    side = math.isqrt(size)
    return side if side * side == size else None


def _check_pixels(pixels, n):
    """Raise ValueError unless pixels hold a square image for each of n examples."""
    if pixels.ndim != 2 or len(pixels) != n or _side(pixels.shape[1]) is None:
        raise ValueError("pixels must be a square image, a row of side * side values, for each of "
                         f"the {n} examples, got shape {pixels.shape}")


def _mistakes(mlp, x, y, pixels, most):
    """Return a height in inches and, for _draw_images, the surest mistakes, at most so many."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.shape not in ((len(x),), (len(x), mlp.output_size)):
        raise ValueError(f"x must have shape (n, {mlp.input_size}) and y (n,) or "
                         f"(n, {mlp.output_size}), got {x.shape} and {y.shape}")
    _check_pixels(pixels, len(x))
    mlp = copy.deepcopy(mlp)
    mlp.eval()
    batches = (x[start:start + BATCH_SIZE] for start in range(0, len(x), BATCH_SIZE))
    outputs = np.concatenate([mlp.forward(batch) for batch in batches])
    said, true = outputs.argmax(axis=1), y if y.ndim == 1 else y.argmax(axis=1)
    probability = 1 / np.exp(outputs - outputs.max(axis=1, keepdims=True)).sum(axis=1)
    wrong = np.flatnonzero(said != true)
    shown = wrong[np.argsort(-probability[wrong], kind="stable")][:most]
    captions = [f"said {said[i]}, is {true[i]}\n{100 * probability[i]:.0f} % sure" for i in shown]
    surest = f"; these are the {most} surest" if len(wrong) > most else ""
    heading = f"Mistakes: {len(wrong):,} of {len(x):,} examples{surest}"
    if len(wrong) == 0:
        heading = f"No mistake among the {len(x):,} examples."
    height = HEADING_HEIGHT + MISTAKES_HEIGHT * math.ceil(len(shown) / COLUMNS)
    return height, pixels[shown], captions, heading


# ---- How they show it ----------------------------------------------------------------------------

def _draw_training(parent, stats):
    """Draw the loss above the error, and the confusion matrix beside, in a Figure or SubFigure."""
    training_losses, training_errors, validation_losses, validation_errors, matrix = stats
    grid = parent.add_gridspec(2, 2, width_ratios=(1, 1.15))
    loss, error = parent.add_subplot(grid[0, 0]), parent.add_subplot(grid[1, 0])
    best = np.where(np.isnan(validation_errors), np.inf, validation_errors).argmin()
    lowest = 100 * validation_errors[best]
    _draw_curves(loss, training_losses, validation_losses)
    loss.set(title="Loss", ylabel="loss per example")
    _draw_curves(error, 100 * training_errors, 100 * validation_errors)
    _scale_errors(error)
    error.plot([best + 1], [lowest], "*", markersize=14, color="gold", markeredgecolor="black",
               label="best", clip_on=False, zorder=3)
    title = f"Error: best validation \N{BLACK STAR} {lowest:.2f} % in epoch {best + 1}"
    error.set(title="Error" if np.isnan(lowest) else title, xlabel="epoch", ylabel="error (%)")
    _draw_matrix(parent, parent.add_subplot(grid[:, 1]), matrix)


def _draw_curves(axes, training_values, validation_values):
    """Draw the two by epoch, each with its name if any of it is finite (a training may diverge)."""
    ends = []
    for values, look in (training_values, TRAINING), (validation_values, VALIDATION):
        _plot(axes, values, **look)
        ends += [(end, look["label"], look["color"]) for end in values[np.isfinite(values)][-1:]]
    _set_epochs(axes, len(training_values))
    # Where the lines end, the upper's name above its end and the lower's below: they cannot meet.
    for (end, name, color), side in zip(sorted(ends, reverse=True), ("bottom", "top")):
        axes.annotate(name, (1.01, end), xycoords=axes.get_yaxis_transform(), va=side, color=color)


def _plot(axes, values, **look):
    """Draw values by epoch, with a marker on every epoch, or on some 20 of many."""
    n = len(values)
    axes.plot(np.arange(1, n + 1), values, markevery=math.ceil(n / 20), clip_on=False, **look)


def _scale_errors(axes):
    """Scale the y axis of lines of percents by logarithm, with 0 at its lower edge."""
    percents = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    positive, has_zero = percents[percents > 0], 0 in percents
    lowest, highest = (positive.min(), positive.max()) if positive.size else (1, 1)
    most = lowest / 2 if has_zero else lowest  # of the lower edge, to set 0 apart from the others
    low = max((tick for tick in PERCENTS if tick < most), default=PERCENTS[0])
    high = min((tick for tick in PERCENTS if tick > highest), default=100)
    axes.set_yscale("function", functions=(lambda y: np.log(np.maximum(y, low)), np.exp))
    ticks = PERCENTS if high <= 1000 * low else PERCENTS[::3]  # of powers of ten there are few
    ticks = [low, *(tick for tick in ticks if low < tick <= high)]
    axes.set_yticks(ticks, ["0" if has_zero and tick == low else f"{tick:g}" for tick in ticks])
    axes.set_ylim(low, high)


def _set_epochs(axes, n):
    """Give axes a grid, and n epochs a little room and whole ticks."""
    axes.grid()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0.5, n + max(0.5, 0.03 * n))
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _draw_matrix(parent, axes, matrix):
    """Draw the confusion matrix with its counts, shaded by the share of the true class."""
    shares = 100 * matrix / np.maximum(matrix.sum(axis=0), 1)
    # From -10, or the lightest would be as white as the zeros.
    image = axes.imshow(np.ma.masked_equal(shares, 0), cmap="Blues", vmin=-10, vmax=100)
    key = parent.colorbar(image, ax=axes, label="% of the true class", pad=0.02, aspect=30)
    key.ax.set_ylim(0, 100)
    size = min(11, MATRIX_SIDE / len(matrix) / (0.65 * len(f"{matrix.max():.0f}") + 0.3))
    luminances = _luminance(image.to_rgba(shares))
    for row, column in np.argwhere(matrix) if size >= 4 else ():  # smaller cannot be read
        axes.text(column, row, f"{matrix[row, column]:.0f}", size=size, ha="center", va="center",
                  in_layout=False, color="white" if luminances[row, column] < 0.18 else "black")
    ticks = np.arange(0, len(matrix), math.ceil(len(matrix) / 26))
    axes.set(xticks=ticks, yticks=ticks, xlabel="true class", ylabel="predicted class")
    axes.tick_params(labelsize=8)
    wrong, total = matrix.sum() - matrix.trace(), matrix.sum()
    axes.set_title(f"Test: {100 * wrong / total:.2f} % error, {wrong:,.0f} of {total:,.0f} wrong")


def _luminance(rgba):
    """Return WCAG's relative luminance of colours (..., 4): on 0.18, black and white are equal."""
    rgb = rgba[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def _draw_images(parent, images, captions, heading=None):
    """Draw images, (n, side * side), with captions below and a heading, in a (Sub)Figure."""
    if heading:
        parent.suptitle(heading, size=11, x=0.01, ha="left")
    rows, side = math.ceil(len(captions) / COLUMNS), _side(images.shape[1])
    for i in range(rows * COLUMNS):  # also the empty places, or the others would be wider
        axes = parent.add_subplot(rows, COLUMNS, i + 1, anchor="N")
        if i < len(captions):
            axes.imshow(images[i].reshape(side, side), cmap="gray_r")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(captions[i], size=9)
        else:
            axes.set_axis_off()
