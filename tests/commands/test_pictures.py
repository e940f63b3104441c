"""hw1/pictures.py: plots agree with the statistics and the network, and nothing is cut off."""

import contextlib
import errno
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from hw1 import pictures
from hw1.__main__ import main
from tests.commands.copies import ROOT

with contextlib.suppress(ImportError):
    pictures.require_matplotlib()  # even if MPLBACKEND is invalid
matplotlib = pytest.importorskip("matplotlib", reason="pip install matplotlib")

CLASSES = 3
SIDE = 4
LONG_NAMES = [letter * 24 for letter in "aWmx"]
STATS = (
    np.array([1.5, 0.5, 0.25, 0.2]),
    np.array([0.5, 0.25, 0.125, 0.1]),
    np.array([1.0, 0.75, 0.5, 0.625]),
    np.array([0.4, 0.3, 0.2, 0.2]),
    np.array([[40, 0, 2],
              [1, 30, 0],
              [0, 7, 20]]),
)


class Network:
    """The parts of an MLP that pictures use.

    In eval mode it predicts class 2, the more confidently the larger pixel 0 is; in training 0.
    """

    output_size = CLASSES
    train_mode = True

    def __init__(self, input_size=SIDE * SIDE):
        self.input_size = input_size
        self.W = [np.eye(input_size, CLASSES, k=CLASSES - 1)]
        self.output = None

    def eval(self):
        self.train_mode = False

    def forward(self, x):
        self.output = x @ self.W[0]
        if self.train_mode:
            self.output[:, 0] += 99
        return self.output


# Of six examples, the network predicts class 2 of all, ever more confidently, which is correct for
# the first and the last.
X = np.zeros((6, SIDE * SIDE))
X[:, 0] = [1, 2, 3, 4, 5, 6]
Y = np.array([2, 0, 1, 0, 1, 2])
PIXELS = np.arange(6 * SIDE * SIDE).reshape(6, -1)
SIX = (Network(), X, Y, PIXELS)
CORRECT = (Network(), X, np.full(6, 2), PIXELS)
SIXTY = (
    Network(),
    np.tile(X, (10, 1)),
    np.tile(Y, 10),
    np.tile(PIXELS, (10, 1)),
)


def with_errors(training, validation):
    """Return the statistics of a run with these errors."""
    losses = np.ones(len(training))
    return losses, np.array(training), losses, np.array(validation), STATS[4]


def with_matrix(matrix):
    """Return STATS with another confusion matrix."""
    return (*STATS[:4], matrix)


def draw_errors(training, validation):
    """Return the axes of the errors of a run."""
    return pictures.training(with_errors(training, validation)).axes[1]


def draw_matrix(matrix):
    """Return the axes of a confusion matrix."""
    return pictures.training(with_matrix(matrix)).axes[2]


def compare_one(stats):
    return pictures.comparison({"one": stats})


def report_stats(*examples):
    return pictures.report(STATS, *examples)


@pytest.fixture(scope="module")
def figure():
    """The figure of STATS, to read only."""
    return pictures.training(STATS)


def lines_of(axes):
    """Return the lines in axes by their labels."""
    return {line.get_label(): line for line in axes.get_lines()}


def texts_of(artists):
    return [artist.get_text() for artist in artists]


def assert_shows(line, values):
    """Check that line shows values by epoch, from 1."""
    epochs = np.arange(1, len(values) + 1)
    np.testing.assert_array_equal(line.get_xdata(), epochs)
    np.testing.assert_array_equal(line.get_ydata(), values)


def axes_of(figure):
    """Return all axes, those of subfigures included."""
    parts = (figure, *figure.subfigs)
    return list(dict.fromkeys(axes for part in parts for axes in part.axes))


def images_of(figure):
    """Return the image in each axes but the confusion matrix, by its caption."""
    images = {axes.get_xlabel(): axes.images[0].get_array()
              for axes in axes_of(figure) if axes.images}
    images.pop("true class", None)
    return images


def captions_of(figure):
    return list(images_of(figure))


def lay_out(figure):
    """Give everything in figure its place, and return figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    return figure


# ---- training ----------------------------------------------------------------------------------

@pytest.mark.parametrize("panel, scale", [(0, 1), (1, 100)])
def test_curves_are_those_of_the_statistics(figure, panel, scale):
    axes = figure.axes[panel]
    lines = lines_of(axes)
    assert_shows(lines["training"], scale * STATS[panel])
    assert_shows(lines["validation"], scale * STATS[panel + 2])
    assert sorted(texts_of(axes.texts)) == ["training", "validation"]


def test_axes_and_titles_name_what_is_plotted(figure):
    _, error, matrix, _ = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss per example", "error (%)", "predicted class", "% of the true class"]
    assert error.get_xlabel() == "epoch"
    assert error.get_title(loc="left").endswith("20.00 % in epoch 3")
    assert matrix.get_xlabel() == "true class"
    assert matrix.get_title(loc="left") == "Test: 10.00 % error, 10 of 100 wrong"


@pytest.mark.parametrize("errors, place", [
    (STATS[3], (3, 20)),
    ([np.nan, 0.3, 0.2, 0.3], (3, 20)),
    ([0.3, 0.1, 0.0, 0.0], (3, 0)),
])
def test_a_star_marks_the_first_lowest_validation_error(errors, place):
    axes = draw_errors(STATS[1], errors)
    star = lines_of(axes)["best"]
    assert tuple(star.get_xydata()[0]) == place


@pytest.mark.parametrize("training, validation, labels", [
    ([0.163, 0.02], [0.08, 0.0243], "1 2 5 10 20"),
    ([0.03], [0.03], "2 5"),
    ([0.02] * 3, [0.02] * 3, "1 2 5"),
    ([1.0], [1.0], "50 100"),
    ([0.9, 0.004], [0.9, 0.0], "0 0.2 0.5 1 2 5 10 20 50 100"),
    ([0.9, 0.0], [0.9, 0.0001], "0 0.01 0.1 1 10 100"),  # all ticks would not fit
    ([0.0] * 3, [0.0] * 3, "0 0.5 1 2"),
    ([np.nan], [np.nan], "0.5 1 2"),
])
def test_the_axis_of_errors_has_plain_labels(training, validation, labels):
    axes = draw_errors(training, validation)
    lay_out(axes.figure)
    ticks = axes.get_yticks()
    assert texts_of(axes.get_yticklabels()) == labels.split()
    assert axes.get_ylim() == (ticks[0], ticks[-1])


@pytest.mark.parametrize("draw, panel", [(pictures.training, 1), (compare_one, 2)])
def test_the_axis_of_errors_is_logarithmic_with_zero_below(draw, panel):
    stats = with_errors([0.4, 0.2, 0.1], [0.4, 0.1, 0.0])
    axes = draw(stats).axes[panel]
    points = [(1, 40), (1, 20), (1, 10), (1, 0)]
    y40, y20, y10, y0 = axes.transData.transform(points)[:, 1]
    assert y40 - y20 == pytest.approx(y20 - y10)
    assert y0 == pytest.approx(axes.bbox.y0)
    assert not any(line.get_clip_on() for line in axes.get_lines())  # half a marker would be cut


@pytest.mark.parametrize("n", [1, 60])
def test_epochs_have_integer_ticks_from_1(n):
    errors = [0.5] * n
    axes = draw_errors(errors, errors)
    low, high = axes.get_xlim()
    ticks = axes.get_xticks()
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    assert ticks.size > 0
    assert ticks[0] >= 1
    assert (ticks % 1 == 0).all()


def test_a_diverged_run_is_plotted_without_the_names_of_nan():
    nan = np.full(4, np.nan)
    losses = np.array([1.0, np.inf, np.nan, np.nan])
    stats = (losses, STATS[1], nan, nan, STATS[4])
    figure = lay_out(pictures.training(stats))
    error = figure.axes[1]
    assert texts_of(error.texts) == ["training"]
    assert error.get_title(loc="left") == "Error"


# ---- comparison --------------------------------------------------------------------------------

def test_a_comparison_shows_losses_and_errors_by_name():
    curves = [curve[:2] for curve in STATS[:4]]
    shorter = (*curves, STATS[4])
    names, loss, error = pictures.comparison({"long": STATS, "short": shorter}).axes
    assert texts_of(names.get_legend().get_texts()) == ["long", "short"]
    assert loss.get_title(loc="left") == "Training loss"
    assert error.get_title(loc="left") == "Validation error"
    for axes, values in (loss, STATS[0]), (error, 100 * STATS[3]):
        lines = lines_of(axes)
        assert axes.get_xlabel() == "epoch"
        assert_shows(lines["long"], values)
        assert_shows(lines["short"], values[:2])


@pytest.mark.parametrize("draw, stats, panel, n", [
    (pictures.training, STATS, 0, 2),
    (pictures.comparison, dict.fromkeys("abcd", STATS), 1, 4),
])
def test_curves_differ_without_colour(draw, stats, panel, n):
    lines = draw(stats).axes[panel].get_lines()
    styles = {line.get_linestyle() for line in lines}
    markers = {line.get_marker() for line in lines}
    assert len(styles) == n
    assert len(markers) == n


def looks_of(lines):
    return [(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines]


def test_the_legend_has_the_looks_of_the_lines():
    names, loss, error = pictures.comparison(dict.fromkeys("abcd", STATS)).axes
    expected = looks_of(names.get_legend().get_lines())
    assert looks_of(loss.get_lines()) == expected
    assert looks_of(error.get_lines()) == expected


@pytest.mark.parametrize("names, nrows", [
    (["plain", "momentum", "BatchNorm", "both"], 1),
    (LONG_NAMES, 2),
    ([letter * 60 for letter in "aWmx"], 4),
    ([letter * 200 for letter in "aW"], 2),
])
def test_the_legend_wraps_to_fit_the_figure(names, nrows):
    figure = lay_out(pictures.comparison(dict.fromkeys(names, STATS)))
    legend = figure.axes[0].get_legend()
    box = legend.get_window_extent()
    texts = legend.get_texts()
    shown = [text.replace("\n", "") for text in texts_of(texts)]
    rows = {round(text.get_window_extent().y0) for text in texts}
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert shown == names
    assert len(rows) == nrows
    assert figure.axes[1].bbox.height > figure.bbox.height / 4  # the curves remain readable


# ---- The confusion matrix ----------------------------------------------------------------------

def luminances_of(matrix):
    """Return the luminance of each cell, 1 where it is white."""
    [image] = draw_matrix(matrix).images
    rgba = image.to_rgba(image.get_array())
    return np.where(rgba[..., 3] == 0, 1, luminance(rgba))


def luminance(rgba):
    """Return WCAG's relative luminance of colours (..., 4)."""
    rgb = rgba[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("kind", [int, float])
def test_counts_stand_in_their_cells_and_zeros_are_blank(kind):
    axes = draw_matrix(STATS[4].astype(kind))
    shown = np.full((CLASSES, CLASSES), "", object)
    for text in axes.texts:
        column, row = text.get_position()
        shown[row, column] = text.get_text()
    np.testing.assert_array_equal(shown, [["40", "", "2"],
                                          ["1", "30", ""],
                                          ["", "7", "20"]])


def test_counts_contrast_with_their_cells():
    from matplotlib.colors import to_rgba

    matrix = np.arange(1, 101).reshape(10, 10).T ** 3
    cells = luminances_of(matrix)
    axes = draw_matrix(matrix)
    assert len(axes.texts) == 100
    for text in axes.texts:
        column, row = text.get_position()
        cell = cells[row, column]
        ink = luminance(np.array(to_rgba(text.get_color())))
        contrast = (max(ink, cell) + 0.05) / (min(ink, cell) + 0.05)
        assert contrast > 4.5


def test_shades_follow_the_share_of_the_true_class(figure):
    cells = luminances_of(np.array([[5, 50, 400],
                                    [95, 950, 600],
                                    [0, 0, 0]]))
    np.testing.assert_array_equal(cells[:, 0], cells[:, 1])
    assert cells[0, 2] < cells[0, 1]
    np.testing.assert_array_equal(cells[2], 1)
    assert figure.axes[3].get_ylim() == (0, 100)


def test_an_accurate_network_has_a_dark_diagonal_alone():
    matrix = np.full((10, 10), 3) + np.diag([970] * 10)
    matrix[0, 1:] = 0
    cells = luminances_of(matrix)
    assert cells.diagonal().max() < 0.05
    assert (cells[matrix == 0] == 1).all()
    assert 0.75 < cells[matrix == 3].min()  # pale, but not white
    assert cells[matrix == 3].max() < 0.9


@pytest.mark.parametrize("size, count, n", [
    (10, 1234, 100),
    (10, 12345678, 100),
    (20, 1234, 400),
    (100, 1000, 0),
])
def test_counts_fit_their_cells_or_are_left_out(size, count, n):
    matrix = np.full((size, size), count)
    axes = draw_matrix(matrix)
    lay_out(axes.figure)
    widths = [text.get_window_extent().width for text in axes.texts]
    assert len(widths) == n
    assert max(widths, default=0) < 0.98 * axes.bbox.width / size


# ---- mistakes and report -----------------------------------------------------------------------

def test_the_most_confident_mistakes_come_first():
    order = [4, 3, 2, 1]
    expected = []
    for i in order:
        probability = 1 / (1 + 2 * np.exp(-X[i, 0]))
        expected.append(f"predicted 2\ntrue {Y[i]}\np = {probability:.2f}")
    shown = images_of(pictures.mistakes(*SIX))
    images = np.stack(list(shown.values()))
    assert list(shown) == expected
    np.testing.assert_array_equal(images, PIXELS[order].reshape(4, SIDE, SIDE))


@pytest.mark.parametrize("labels", [
    Y.astype(np.uint8),
    Y.astype(np.float32),
    Y.tolist(),
    np.eye(CLASSES)[Y],
    np.eye(CLASSES, dtype=np.uint8)[Y],
    np.eye(CLASSES)[Y].tolist(),
    0.8 * np.eye(CLASSES)[Y] + 0.2 / CLASSES,
], ids=["uint8", "float32", "list", "one-hot", "one-hot uint8", "one-hot list", "soft"])
@pytest.mark.parametrize("draw", [pictures.mistakes, report_stats])
def test_labels_of_every_kind_give_the_same_mistakes(draw, labels):
    expected = captions_of(draw(*SIX))
    assert captions_of(draw(Network(), X, labels, PIXELS)) == expected


@pytest.mark.parametrize("draw, limit", [(pictures.mistakes, 20), (report_stats, 10)])
@pytest.mark.parametrize("examples, nwrong, heading", [
    (SIX, 4, "Mistakes: 4 of 6 examples"),
    (CORRECT, 0, "No mistakes in 6 examples"),
    (SIXTY, 40, "Mistakes: 40 of 60 examples; the {} most confident are shown"),
])
def test_a_heading_stands_close_above_the_mistakes(draw, limit, examples, nwrong, heading):
    figure = lay_out(draw(*examples))
    [shown] = [part._suptitle for part in (figure, *figure.subfigs) if part._suptitle]
    captions = captions_of(figure)
    tops = [axes.bbox.y1 for axes in axes_of(figure) if axes.get_xlabel() in captions]
    gap = (shown.get_window_extent().y0 - max(tops, default=0)) / figure.dpi  # inches
    assert shown.get_text() == heading.format(limit)
    assert len(tops) == min(nwrong, limit)
    assert 0.05 < gap < 0.2


def test_mistakes_leaves_the_network_unmodified():
    mlp = Network()
    before = mlp.forward(X[:2])
    pictures.mistakes(mlp, X, Y, PIXELS)
    assert mlp.train_mode
    assert mlp.output is before


def test_a_report_shows_the_training_run_and_the_mistakes():
    figure = report_stats(*SIX)
    titles = [axes.get_title(loc="left") for axes in axes_of(figure)]
    beginnings = [title.split(":")[0] for title in titles[:3]]
    assert beginnings == ["Loss", "Error", "Test"]
    assert len(captions_of(figure)) == 4


def test_a_report_of_other_pixels_shows_no_mistakes():
    pixels = np.zeros((6, 15))
    figure = report_stats(*SIX[:3], pixels)
    assert len(axes_of(figure)) == 4


# ---- digits and first_layer --------------------------------------------------------------------

def test_digits_shows_pixels_and_labels():
    shown = images_of(pictures.digits(PIXELS[:3], Y[:3]))
    images = np.stack(list(shown.values()))
    expected = PIXELS[:3].reshape(3, SIDE, SIDE)
    assert list(shown) == ["2", "0", "1"]
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("labels", [
    [2.0, 0.0, 1.0],
    np.array([2, 0, 1], np.uint8),
    np.eye(3)[[2, 0, 1]],
    np.eye(3)[[2, 0, 1]].tolist(),
], ids=["floats", "uint8", "one-hot", "one-hot list"])
def test_labels_of_every_kind_are_captioned_as_integers(labels):
    figure = pictures.digits(PIXELS[:3], labels)
    assert captions_of(figure) == ["2", "0", "1"]


def test_digits_shows_at_most_twenty():
    figure = pictures.digits(np.zeros((30, 4)), np.arange(30))
    assert len(captions_of(figure)) == 20


def test_weights_of_the_first_layer_are_images_side_by_side():
    mlp = Network()
    mlp.W[0] = np.arange(16 * CLASSES).reshape(16, CLASSES)
    figure = pictures.first_layer(mlp)
    mosaic = figure.axes[0].images[0].get_array()
    expected = mlp.W[0].T.reshape(CLASSES, SIDE, SIDE)
    rows = slice(1, 1 + SIDE)
    for unit in range(CLASSES):
        left = 1 + unit * (SIDE + 2)
        np.testing.assert_array_equal(mosaic[rows, left:left + SIDE], expected[unit])


@pytest.mark.parametrize("scale", [0, 1])
def test_larger_weights_are_lighter_with_zero_in_the_middle(scale):
    mlp = Network()
    mlp.W[0] *= scale
    image = pictures.first_layer(mlp).axes[0].images[0]
    low, high = image.get_clim()
    weights = np.linspace(low, high, 20)
    shades = luminance(image.to_rgba(weights))
    assert low == -high < 0
    assert (np.diff(shades) > 0).all()  # the signs differ without colour, too


# ---- All figures -------------------------------------------------------------------------------

def run_with_backend(backend, path):
    """Run tests/commands/draw_with_backend.py; return its lines and standard error."""
    command = [sys.executable, "-m", "tests.commands.draw_with_backend", str(path)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "MPLBACKEND": backend},
                          capture_output=True, text=True)
    return done.stdout.splitlines(), done.stderr


# A notebook sets matplotlib_inline's backend, which other Pythons need not have.
@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "invalid"])
def test_figures_need_no_valid_mplbackend(backend, tmp_path):
    lines, errors = run_with_backend(backend, tmp_path / "a.svg")
    assert errors == ""
    assert lines[:2] == ["False", backend]
    assert (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("backend", ["svg", "module://missing"])
def test_a_valid_mplbackend_remains_in_force(backend, tmp_path):
    lines, errors = run_with_backend(backend, tmp_path / "a.svg")
    assert errors == ""
    assert lines == ["False", backend, backend]


FIGURES = [
    (pictures.digits, (PIXELS[:3], Y[:3])),
    (pictures.training, (STATS,)),
    (pictures.training, (with_errors([0.5], [0.0]),)),
    (compare_one, (STATS,)),
    (pictures.comparison, (dict.fromkeys(LONG_NAMES, STATS),)),
    (pictures.mistakes, SIX),
    (pictures.mistakes, SIXTY),
    (report_stats, SIX),
    (report_stats, SIXTY),
    (pictures.first_layer, (Network(),)),
]


@pytest.mark.parametrize("draw, arguments", FIGURES)
def test_nothing_is_cut_off(draw, arguments):
    figure = lay_out(draw(*arguments))
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


def test_captions_and_images_do_not_overlap():
    figure = lay_out(pictures.mistakes(*SIXTY))
    shown = [axes for axes in axes_of(figure) if axes.images]
    captions = [axes.xaxis.label.get_window_extent() for axes in shown]
    images = [axes.get_window_extent() for axes in shown]
    assert len(shown) == 20
    for one, other in itertools.combinations(captions + images, 2):
        assert not one.overlaps(other)


def test_the_style_of_the_notebook_is_not_used_and_remains():
    with matplotlib.rc_context({"axes.facecolor": "black", "figure.facecolor": "black"}):
        figure = pictures.training(STATS)
        assert matplotlib.rcParams["figure.facecolor"] == "black"
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert figure.axes[0].get_facecolor() == (1, 1, 1, 1)


# ---- Arguments that are refused ----------------------------------------------------------------

SHORT_CURVE = (*STATS[:3], STATS[3][:2], STATS[4])
NOT_SQUARE = with_matrix(STATS[4][:2])
CUBE = np.zeros((6, 4, 4))


@pytest.mark.parametrize("draw, arguments, message", [
    (pictures.digits, (np.zeros((6, 15)), Y), "pixels must be a square image"),
    (pictures.digits, (np.zeros((5, 16)), Y), "pixels must be a square image"),
    (pictures.mistakes, (Network(), X, Y, CUBE), "pixels must be a square image"),
    (pictures.mistakes, (Network(), X, Y[:5], PIXELS), r"x must have shape \(n, 16\) and y"),
    (pictures.mistakes, (Network(), 0, Y, PIXELS), r"x must have shape \(n, 16\) and y"),
    (pictures.first_layer, (Network(15),), "a square such as 784 = 28 [*] 28, got 15"),
    (pictures.comparison, (dict.fromkeys("abcde", STATS),), "1 to 4 training runs, got 5"),
    (compare_one, (STATS[:4],), "the five arrays that get_training_stats returns"),
    (pictures.training, (SHORT_CURVE,), "the five arrays"),
    (pictures.training, (NOT_SQUARE,), "the five arrays"),
])
def test_arguments_that_do_not_fit_are_refused(draw, arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(*arguments)


NO_EPOCH = with_errors([], [])
NO_EXAMPLE = (Network(), X[:0], Y[:0], PIXELS[:0])
NO_CLASS = with_matrix(np.zeros((0, 0)))


@pytest.mark.parametrize("draw, arguments, message", [
    (pictures.digits, ([], []), "expected at least one example, got none"),
    (pictures.digits, (PIXELS[:0], Y[:0]), "expected at least one example, got none"),
    (pictures.mistakes, NO_EXAMPLE, "expected at least one example, got none"),
    (report_stats, NO_EXAMPLE, "expected at least one example, got none"),
    (pictures.training, (NO_EPOCH,), "nepochs at least 1"),
    (compare_one, (NO_EPOCH,), "nepochs at least 1"),
    (pictures.training, (NO_CLASS,), "the five arrays"),
    (pictures.training, ((),), "the five arrays"),
    (pictures.comparison, ({},), "1 to 4 training runs, got 0"),
])
def test_empty_arguments_are_refused(draw, arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(*arguments)


@pytest.mark.parametrize("labels, message", [
    (Y.astype(str), r"must be numbers, .*got <U21 \(6,\)"),
    (Y.astype(object), r"must be numbers, .*got object \(6,\)"),
    (Y + 1, r"must be class indices from 0 to 2, got 3 in row 0"),
    (Y - 1, r"must be class indices from 0 to 2, got -1 in row 1"),
    (Y + 0.5, r"must be class indices from 0 to 2, got 2.5 in row 0"),
    (Y + np.nan, r"must be class indices from 0 to 2, got nan in row 0"),
    (2 * np.eye(CLASSES)[Y], r"must be one-hot rows, .*, got \[0. 0. 2.\] in row 0"),
    (2 * np.eye(CLASSES)[Y] - 1, r"must be one-hot rows, .*, got \[-1. -1.  1.\] in row 0"),
    (np.array([[-1, 1, 1]] * 6), r"must be one-hot rows, .*, got \[-1  1  1\] in row 0"),
    (np.full((6, CLASSES), np.nan), r"must be one-hot rows, .*, got \[nan nan nan\] in row 0"),
], ids=["strings", "objects", "from 1", "negative", "fractions", "nan", "twos", "-1 and 1",
        "negative with sum 1", "rows of nan"])
@pytest.mark.parametrize("draw", [pictures.mistakes, report_stats])
def test_labels_of_no_kind_are_refused(draw, labels, message):
    with pytest.raises(ValueError, match=f"labels {message}"):
        draw(Network(), X, labels, PIXELS)


@pytest.mark.parametrize("labels, message", [
    (Y.astype(str), "must be numbers"),
    (-Y, "must be class indices from 0, got -2 in row 0"),
    (Y + 0.5, "must be class indices from 0, got 2.5 in row 0"),
    (Y + np.nan, "must be class indices from 0, got nan in row 0"),
    (Y + np.inf, "must be class indices from 0, got inf in row 0"),
    (Y.reshape(6, 1), r"must be one-hot rows, .* got \[2\] in row 0"),
    (Y.reshape(6, 1, 1), r"must be numbers, .*got int64 \(6, 1, 1\)"),
], ids=["strings", "negative", "fractions", "nan", "inf", "column", "three axes"])
def test_digits_refuses_labels_of_no_kind(labels, message):
    with pytest.raises(ValueError, match=f"labels {message}"):
        pictures.digits(PIXELS, labels)


# ---- The files and the command -----------------------------------------------------------------

@pytest.mark.parametrize("name, beginning, date", [
    ("a.png", b"\x89PNG", b"tIME"),
    ("a.PNG", b"\x89PNG", b"tIME"),
    ("a.svg", b"<?xml", b"dc:date"),
    ("a.pdf", b"%PDF", b"CreationDate"),
])
def test_the_same_figure_gives_the_same_file(tmp_path, name, beginning, date):
    first = tmp_path / f"first_{name}"
    second = tmp_path / f"second_{name}"
    pictures.save(pictures.mistakes(*SIX), first)
    pictures.save(pictures.mistakes(*SIX), second)
    content = first.read_bytes()
    assert content.startswith(beginning)
    assert date not in content
    assert content == second.read_bytes()


def test_a_missing_folder_is_an_os_error(figure, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        pictures.save(figure, tmp_path / "missing" / "a.png")


def test_a_plot_is_written_to_the_target_of_a_link(figure, tmp_path):
    link = tmp_path / "a.png"
    link.symlink_to(tmp_path / "target")
    pictures.save(figure, link)
    assert link.is_symlink()
    assert (tmp_path / "target").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def plot(tmp_path):
    """Run the command on a small data set in tmp_path / "data", with the file to plot."""
    folder = tmp_path / "data"
    folder.mkdir()
    shifts = {"train": 0, "val": 1, "test": 2}
    for part, shift in shifts.items():
        np.save(folder / f"{part}_data.npy", PIXELS + shift)
        np.save(folder / f"{part}_labels.npy", Y[::-1])
    options = ["--data", str(folder), "--epochs", "2", "--hiddens", "4"]
    return lambda path: main([*options, "--plot", str(path)])


def test_the_command_plots_the_report_of_the_test_set(plot, tmp_path, capsys, monkeypatch):
    calls = []
    report = pictures.report

    def record(*arguments):
        calls.append(arguments)
        return report(*arguments)

    monkeypatch.setattr(pictures, "report", record)
    path = tmp_path / "run.svg"
    status = plot(path)
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert status == 0
    assert str(path) in last_line
    assert path.read_bytes().startswith(b"<?xml")
    [(stats, _, x, y, pixels)] = calls
    assert len(stats[0]) == 2
    assert x.dtype == np.float64
    np.testing.assert_array_equal(pixels, PIXELS + 2)
    np.testing.assert_array_equal(y, Y[::-1])


def test_a_failed_plot_ends_in_one_line_and_keeps_the_old_file(
        plot, tmp_path, capsys, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run.png"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", fail)
    status = plot(path)
    printed = capsys.readouterr()
    assert status == 1
    assert "Confusion matrix" in printed.out
    assert printed.err.startswith(f"hw1: cannot write {path} (No space left on device)")
    assert printed.err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["data", "run.png"]
    assert path.read_text() == "old"
