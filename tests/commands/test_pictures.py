"""Lets you change hw1/pictures.py safely: what its figures say is what the statistics and the
network say, nothing of them is cut off, and its files are whole.
"""

import contextlib
import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from hw1 import pictures
from hw1.__main__ import main
from tests.commands.copies import ROOT

with contextlib.suppress(ImportError):
    pictures.require_matplotlib()  # whatever MPLBACKEND says
matplotlib = pytest.importorskip("matplotlib", reason="pip install matplotlib")

CLASSES, SIDE = 3, 4
STATS = (np.array([1.5, 0.5, 0.25, 0.2]), np.array([0.5, 0.25, 0.125, 0.1]),
         np.array([1.0, 0.75, 0.5, 0.625]), np.array([0.4, 0.3, 0.2, 0.2]),
         np.array([[40, 0, 2], [1, 30, 0], [0, 7, 20]]))


class Network:
    """What pictures use of an MLP: in eval mode it says 2, the surer the larger pixel 0 is."""

    output_size, train_mode = CLASSES, True

    def __init__(self, input_size=SIDE * SIDE):
        self.input_size, self.W = input_size, [np.eye(input_size, CLASSES, k=CLASSES - 1)]
        self.in_training = np.eye(1, CLASSES)[0] * 99  # in training, it says 0

    def eval(self):
        self.train_mode = False

    def forward(self, x):
        self.output = x @ self.W[0] + self.in_training * self.train_mode
        return self.output


# Of six examples, network says 2 of all, ever surer, which is right of the first and the last.
X = np.outer([1, 2, 3, 4, 5, 6], np.eye(1, SIDE * SIDE))
Y, PIXELS = np.array([2, 0, 1, 0, 1, 2]), np.arange(6 * SIDE * SIDE).reshape(6, -1)
SIX, RIGHT = (Network(), X, Y, PIXELS), (Network(), X, np.full(6, 2), PIXELS)
SIXTY = Network(), np.tile(X, (10, 1)), np.tile(Y, 10), np.tile(PIXELS, (10, 1))


def with_errors(training, validation):
    losses = np.ones(len(training))
    return losses, np.array(training), losses, np.array(validation), STATS[4]


def with_matrix(matrix):
    return (*STATS[:4], matrix)


def compared(stats):
    return pictures.comparison({"one": stats})


def reported(*examples):
    return pictures.report(STATS, *examples)


@pytest.fixture(scope="module")
def figure():
    """The figure of STATS, to read only."""
    return pictures.training(STATS)


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def all_axes(figure):
    return list(dict.fromkeys(axes for part in (figure, *figure.subfigs) for axes in part.axes))


def images(figure):
    """Return the image in each axes but the confusion matrix, by what stands below it."""
    return {axes.get_xlabel(): axes.images[0].get_array() for axes in all_axes(figure)
            if axes.images and axes.get_xlabel() != "true class"}


def laid_out(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    return figure


# ---- training and comparison ---------------------------------------------------------------------

@pytest.mark.parametrize("panel, scale", [(0, 1), (1, 100)])
def test_the_curves_are_those_of_the_statistics_by_name(figure, panel, scale):
    axes = figure.axes[panel]
    for name, values in ("training", STATS[panel]), ("validation", STATS[panel + 2]):
        shown = lines(axes)[name].get_xydata().T
        np.testing.assert_array_equal(shown, [[1, 2, 3, 4], scale * values])
    assert sorted(text.get_text() for text in axes.texts) == ["training", "validation"]


def test_a_comparison_shows_the_training_losses_and_validation_errors_by_name():
    shorter = (*(part[:2] for part in STATS[:4]), STATS[4])
    names, *panels = pictures.comparison({"long": STATS, "short": shorter}).axes
    assert [text.get_text() for text in names.get_legend().get_texts()] == ["long", "short"]
    assert [(axes.get_title(loc="left"), axes.get_xlabel()) for axes in panels] == [
        ("Training loss", "epoch"), ("Validation error", "epoch")]
    for axes, values in zip(panels, (STATS[0], 100 * STATS[3])):
        long, short = (lines(axes)[name].get_xydata().T for name in ("long", "short"))
        np.testing.assert_array_equal(long, [[1, 2, 3, 4], values])
        np.testing.assert_array_equal(short, [[1, 2], values[:2]])


@pytest.mark.parametrize("draw, stats, n", [
    (pictures.training, STATS, 2), (pictures.comparison, dict.fromkeys("abcd", STATS), 4)])
def test_curves_differ_without_colour(draw, stats, n):
    shown = draw(stats).axes[0 if n == 2 else 1].get_lines()
    assert len({line.get_linestyle() for line in shown}) == n
    assert len({line.get_marker() for line in shown}) == n


def test_axes_and_titles_say_what_is_drawn(figure):
    _, error, matrix, _ = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss per example", "error (%)", "predicted class", "% of the true class"]
    assert (error.get_xlabel(), matrix.get_xlabel()) == ("epoch", "true class")
    assert error.get_title(loc="left").endswith("20.00 % in epoch 3")
    assert matrix.get_title(loc="left") == "Test: 10.00 % error, 10 of 100 wrong"


@pytest.mark.parametrize("errors, place", [
    (STATS[3], (3, 20)), ([np.nan, 0.3, 0.2, 0.3], (3, 20)), ([0.3, 0.1, 0.0, 0.0], (3, 0))])
def test_the_star_is_at_the_first_epoch_of_the_lowest_validation_error(errors, place):
    star = lines(pictures.training(with_errors(STATS[1], errors)).axes[1])["best"]
    assert tuple(star.get_xydata()[0]) == place


@pytest.mark.parametrize("training, validation, labels", [
    ([0.163, 0.02], [0.08, 0.0243], "1 2 5 10 20"),
    ([0.03], [0.03], "2 5"),
    ([0.02] * 3, [0.02] * 3, "1 2 5"),
    ([1.0], [1.0], "50 100"),
    ([0.9, 0.004], [0.9, 0.0], "0 0.2 0.5 1 2 5 10 20 50 100"),
    ([0.9, 0.0], [0.9, 0.0001], "0 0.01 0.1 1 10 100"),  # all ticks would not fit
    ([0.0] * 3, [0.0] * 3, "0 0.5 1 2"),
    ([np.nan], [np.nan], "0.5 1 2")])
def test_the_errors_axis_has_plain_labels_around_the_errors(training, validation, labels):
    axes = laid_out(pictures.training(with_errors(training, validation))).axes[1]
    assert " ".join(label.get_text() for label in axes.get_yticklabels()) == labels
    np.testing.assert_array_equal(axes.get_ylim(), axes.get_yticks()[[0, -1]])


@pytest.mark.parametrize("draw, panel", [(pictures.training, 1), (compared, 2)])
def test_the_errors_axis_is_logarithmic_with_zero_at_its_lower_edge(draw, panel):
    axes = draw(with_errors([0.4, 0.2, 0.1], [0.4, 0.1, 0.0])).axes[panel]
    heights = axes.transData.transform([(1, y) for y in (40, 20, 10, 0)])[:, 1]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2])
    assert heights[3] == pytest.approx(axes.bbox.y0)
    assert not any(line.get_clip_on() for line in axes.get_lines())  # half a marker would be lost


@pytest.mark.parametrize("n", [1, 60])
def test_whole_epochs_from_1_on_are_ticked(n):
    axes = pictures.training(with_errors([0.5] * n, [0.5] * n)).axes[0]
    low, high = axes.get_xlim()
    ticks = np.array([tick for tick in axes.get_xticks() if low <= tick <= high])
    assert ticks.size and ticks[0] >= 1 and (ticks % 1 == 0).all()


def test_a_training_that_diverged_is_drawn_without_the_names_and_the_best_that_are_nan():
    nan = np.full(4, np.nan)
    stats = (np.array([1.0, np.inf, np.nan, np.nan]), STATS[1], nan, nan, STATS[4])
    _, error, _, _ = laid_out(pictures.training(stats)).axes
    assert [text.get_text() for text in error.texts] == ["training"]
    assert error.get_title(loc="left") == "Error"


# ---- The confusion matrix ------------------------------------------------------------------------

def shades(matrix):
    """Return the luminance of each cell, 1 where it is white."""
    image = pictures.training(with_matrix(matrix)).axes[2].images[0]
    rgba = image.to_rgba(image.get_array())
    return np.where(rgba[..., 3] == 0, 1, pictures._luminance(rgba))


@pytest.mark.parametrize("kind", [int, float])
def test_counts_stand_at_their_row_and_column_and_zeros_are_blank(kind):
    axes = pictures.training(with_matrix(STATS[4].astype(kind))).axes[2]
    assert {text.get_position()[::-1]: text.get_text() for text in axes.texts} == {
        (0, 0): "40", (0, 2): "2", (1, 0): "1", (1, 1): "30", (2, 1): "7", (2, 2): "20"}


def test_every_count_contrasts_with_its_cell():
    from matplotlib.colors import to_rgba

    matrix = np.arange(1, 101).reshape(10, 10).T ** 3
    cells = shades(matrix)
    for text in pictures.training(with_matrix(matrix)).axes[2].texts:
        ink = pictures._luminance(np.array(to_rgba(text.get_color())))
        dark, light = sorted([ink, cells[text.get_position()[::-1]]])
        assert (light + 0.05) / (dark + 0.05) > 4.5


def test_shades_follow_the_share_of_the_true_class(figure):
    first, tenfold, empty = shades(np.array([[90, 900, 0], [10, 100, 0], [0, 0, 0]])).T
    np.testing.assert_array_equal(first, tenfold)
    np.testing.assert_array_equal(empty, 1)
    assert (np.diff(shades(np.array([[5, 10, 40], [95, 90, 60], [0] * 3]))[0]) < 0).all()
    assert figure.axes[3].get_ylim() == (0, 100)  # the key's


def test_a_network_that_is_97_percent_right_looks_right():
    matrix = np.full((10, 10), 3) + np.diag([970] * 10)
    matrix[0, 1:] = 0
    shown = shades(matrix)
    assert shown.diagonal().max() < 0.05 and (shown[matrix == 0] == 1).all()
    assert 0.75 < shown[matrix == 3].min() and shown[matrix == 3].max() < 0.9  # pale, not white


@pytest.mark.parametrize("size, count, n", [
    (10, 1234, 100), (10, 12345678, 100), (20, 1234, 400), (100, 1000, 0)])
def test_counts_fit_their_cells_or_are_left_out(size, count, n):
    axes = laid_out(pictures.training(with_matrix(np.full((size, size), count)))).axes[2]
    widths = [text.get_window_extent().width for text in axes.texts]
    assert len(widths) == n and max(widths, default=0) < 0.98 * axes.bbox.width / size


# ---- mistakes and report -------------------------------------------------------------------------

@pytest.mark.parametrize("y", [Y, np.eye(CLASSES)[Y]])
def test_the_surest_mistakes_come_first_with_what_was_said_and_what_is(y):
    shown = images(pictures.mistakes(*SIX[:2], y, PIXELS))
    sure = [100 / (1 + 2 * np.exp(-x)) for x in (5, 4, 3, 2)]
    assert list(shown) == [f"said 2, is {true}\n{percent:.0f} % sure"
                           for true, percent in zip((1, 0, 1, 0), sure)]
    expected = PIXELS[[4, 3, 2, 1]].reshape(4, SIDE, SIDE)
    np.testing.assert_array_equal(list(shown.values()), expected)


@pytest.mark.parametrize("draw, most", [(pictures.mistakes, 20), (reported, 10)])
@pytest.mark.parametrize("examples, heading", [
    (SIX, "Mistakes: 4 of 6 examples"), (RIGHT, "No mistake among the 6 examples."),
    (SIXTY, "Mistakes: 40 of 60 examples; these are the {} surest")])
def test_a_heading_is_close_above_the_mistakes(draw, most, examples, heading):
    figure = laid_out(draw(*examples))
    [shown] = [part._suptitle for part in (figure, *figure.subfigs) if part._suptitle]
    assert shown.get_text() == heading.format(most)
    tops = [axes.bbox.y1 for axes in all_axes(figure) if axes.get_xlabel().startswith("said")]
    assert len(tops) == min(np.count_nonzero(examples[2] != 2), most)
    gap = (shown.get_window_extent().y0 - max(tops, default=0)) / figure.dpi  # inches
    assert 0.05 < gap < 0.2


def test_looking_leaves_the_network_as_it_was():
    mlp = Network()
    before = mlp.forward(X[:2])
    pictures.mistakes(mlp, X, Y, PIXELS)
    assert mlp.train_mode and mlp.output is before



def test_the_report_shows_the_training_and_of_images_the_mistakes():
    titles = [axes.get_title(loc="left").split(":")[0] for axes in all_axes(reported(*SIX))]
    assert titles[:3] == ["Loss", "Error", "Test"]
    assert len(all_axes(reported(*SIX[:3], np.zeros((6, 15))))) == 4


# ---- digits and first_layer ----------------------------------------------------------------------

def test_digits_show_their_pixels_and_labels_of_at_most_twenty():
    shown = images(pictures.digits(PIXELS[:3], np.array([2, 0, 1])))
    assert list(shown) == ["2", "0", "1"]
    np.testing.assert_array_equal(list(shown.values()), PIXELS[:3].reshape(3, SIDE, SIDE))
    assert len(images(pictures.digits(np.zeros((30, 4)), np.arange(30)))) == 20


def test_the_first_layer_s_weights_are_images_side_by_side():
    mlp = Network()
    mlp.W[0] = np.arange(16 * CLASSES).reshape(16, CLASSES)
    mosaic = pictures.first_layer(mlp).axes[0].images[0].get_array()
    shown = [mosaic[1:1 + SIDE, left:left + SIDE] for left in (1, SIDE + 3, 2 * SIDE + 5)]
    np.testing.assert_array_equal(shown, mlp.W[0].T.reshape(CLASSES, SIDE, SIDE))


@pytest.mark.parametrize("scale", [0, 1])
def test_weights_are_lighter_the_larger_with_zero_in_the_middle(scale):
    mlp = Network()
    mlp.W[0] *= scale
    image = pictures.first_layer(mlp).axes[0].images[0]
    low, high = image.get_clim()
    luminances = pictures._luminance(image.to_rgba(np.linspace(low, high, 20)))
    assert low == -high < 0 and (np.diff(luminances) > 0).all()  # signs differ in grey too


# ---- All figures ---------------------------------------------------------------------------------

@pytest.mark.parametrize("backend, taken", [
    ("svg", True), ("module://matplotlib_inline.backend_inline", True), ("module://missing", True),
    ("no such one", False)])
def test_mplbackend_hinders_no_picture_and_stays(backend, taken, tmp_path):
    code = ("import os, sys; from tests.commands.test_pictures import STATS, Network, pictures\n"
            "pictures.training(STATS)._repr_png_()\n"
            "pictures.save(pictures.first_layer(Network()), sys.argv[1])\n"
            "print('matplotlib.pyplot' in sys.modules, os.environ['MPLBACKEND'])\n"
            "import matplotlib; print(matplotlib.rcParams['backend'])")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path / "a.svg")],
                          cwd=ROOT, env={**os.environ, "MPLBACKEND": backend},
                          capture_output=True, text=True)
    pyplot_and_environment, settings = done.stdout.splitlines()
    assert (pyplot_and_environment, done.stderr) == (f"False {backend}", "")
    assert (settings == backend) == taken


@pytest.mark.parametrize("draw, arguments", [
    (pictures.digits, (PIXELS[:3], Y[:3])), (pictures.training, (STATS,)),
    (pictures.training, (with_errors([0.5], [0.0]),)), (compared, (STATS,)),
    (pictures.mistakes, SIX), (pictures.mistakes, SIXTY), (reported, SIX), (reported, SIXTY),
    (pictures.first_layer, (Network(),))])
def test_nothing_is_cut_off(draw, arguments):
    figure = laid_out(draw(*arguments))
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height


def test_the_notebook_s_own_style_does_not_spoil_the_figure_and_stays():
    with matplotlib.rc_context({"axes.facecolor": "black", "figure.facecolor": "black"}):
        figure = pictures.training(STATS)
        assert matplotlib.rcParams["figure.facecolor"] == "black"
    assert [part.get_facecolor() for part in (figure, figure.axes[0])] == [(1, 1, 1, 1)] * 2


@pytest.mark.parametrize("message, draw, arguments", [
    ("pixels must be a square image", pictures.digits, (np.zeros((6, 15)), Y)),
    ("pixels must be a square image", pictures.digits, (np.zeros((5, 16)), Y)),
    ("pixels must be a square image", pictures.mistakes, (*SIX[:3], np.zeros((6, 4, 4)))),
    (r"x must have shape \(n, 16\) and y", pictures.mistakes, (*SIX[:2], Y[:5], PIXELS)),
    ("a square such as 784 = 28 [*] 28, got 15", pictures.first_layer, (Network(15),)),
    ("expected 1 to 4 trainings .* got 0", pictures.comparison, ({},)),
    ("expected 1 to 4 trainings .* got 5", pictures.comparison, (dict.fromkeys("abcde", STATS),)),
    ("the five arrays that get_training_stats returns", compared, (STATS[:4],)),
    ("the five arrays", pictures.training, ((*STATS[:3], STATS[3][:2], STATS[4]),)),
    ("the five arrays", pictures.training, ((*STATS[:4], STATS[4][:2]),))])
def test_what_does_not_fit_is_refused(message, draw, arguments):
    with pytest.raises(ValueError, match=message):
        draw(*arguments)


# ---- The files and the command -------------------------------------------------------------------

# On Python 3.9 the newest matplotlib writes images into a pdf by what the newest Pillow deprecates.
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name, beginning, date", [
    ("a.png", b"\x89PNG", b"tIME"), ("a.PNG", b"\x89PNG", b"tIME"),
    ("a.svg", b"<?xml", b"dc:date"), ("a.pdf", b"%PDF", b"CreationDate")])
def test_the_suffix_gives_the_format_and_the_same_figure_the_same_file(
        tmp_path, name, beginning, date):
    for copy in "x" + name, "y" + name:
        pictures.save(pictures.mistakes(*SIX), tmp_path / copy)
    content = (tmp_path / copy).read_bytes()
    assert content.startswith(beginning) and date not in content
    assert content == (tmp_path / f"x{name}").read_bytes()


def test_a_folder_that_is_not_there_is_an_os_error(figure, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        pictures.save(figure, tmp_path / "missing" / "a.png")


@pytest.fixture
def plot(tmp_path):
    """Run the command, with the file to draw, on a small data set in tmp_path / "data"."""
    (tmp_path / "data").mkdir()
    for part, shift in ("train", 0), ("val", 1), ("test", 2):
        np.save(tmp_path / "data" / f"{part}_data.npy", PIXELS + shift)
        np.save(tmp_path / "data" / f"{part}_labels.npy", Y[::-1])
    return lambda path: main(["--data", str(tmp_path / "data"), "--epochs", "2", "--hiddens", "4",
                              "--plot", str(path)])


def test_plot_draws_the_report_with_the_pixels_as_they_are(plot, tmp_path, capsys, monkeypatch):
    calls = []
    report = pictures.report
    monkeypatch.setattr(pictures, "report", lambda *all: calls.append(all) or report(*all))
    path = tmp_path / "run.svg"
    assert plot(path) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["", f"Plot saved to {path}"]
    assert path.read_bytes().startswith(b"<?xml")
    [(stats, _, x, y, pixels)] = calls
    assert (len(stats[0]), x.dtype) == (2, np.float64)
    np.testing.assert_array_equal(pixels, PIXELS + 2)
    np.testing.assert_array_equal(y, Y[::-1])


def test_a_plot_that_fails_is_told_after_the_numbers_and_leaves_the_old_file(
        plot, tmp_path, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run.png"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", full)
    assert plot(path) == 1
    printed = capsys.readouterr()
    assert "Confusion matrix" in printed.out
    assert printed.err == (
        f"hw1: cannot write {path} (No space left on device): make room, or draw elsewhere\n")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["run.png"]
    assert path.read_text() == "old"
