"""Lets you change hw1/pictures.py safely: what its figures say is what the statistics and the network say, and
its files are whole. What it does without matplotlib is in test_without_matplotlib.py.
"""

import errno
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from hw1 import MLP, Identity, SoftmaxCrossEntropy, pictures, random_normal_weight_init, zeros_bias_init
from hw1.__main__ import main

matplotlib = pytest.importorskip("matplotlib", reason="pip install matplotlib")

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLASSES, SIDE = 3, 4
STATS = (np.array([1.5, 0.5, 0.25, 0.2]), np.array([0.5, 0.25, 0.125, 0.1]),
         np.array([1.0, 0.75, 0.5, 0.625]), np.array([0.4, 0.3, 0.2, 0.2]),
         np.array([[40, 0, 2], [1, 30, 0], [0, 7, 20]]))


def python(code, *arguments):
    """Return (standard output, standard error) of code, run by a Python of its own."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True)
    return done.stdout, done.stderr


def network(input_size=SIDE * SIDE):
    return MLP(input_size, CLASSES, [], [Identity()], random_normal_weight_init, zeros_bias_init,
               SoftmaxCrossEntropy(), lr=0.1)


@pytest.fixture
def examples():
    """(mlp, x, y, pixels): mlp says 2 of all six, ever surer, which is right of the first and the last."""
    mlp = network()
    mlp.W[0] = np.zeros((SIDE * SIDE, CLASSES))
    mlp.W[0][0, 2] = 1
    x = np.zeros((6, SIDE * SIDE))
    x[:, 0] = [1, 2, 3, 4, 5, 6]
    pixels = np.arange(6 * SIDE * SIDE).reshape(6, -1)
    return mlp, x, np.array([2, 0, 1, 0, 1, 2]), pixels


@pytest.fixture(scope="module")
def figure():
    """The figure of STATS, to read only."""
    return pictures.training(STATS)


@pytest.fixture
def small(examples):
    """A figure that is quickly written."""
    return one_mistake(*examples)


def one_mistake(mlp, x, y, pixels):
    return pictures.mistakes(mlp, x[4:], y[4:], pixels[4:])


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def captions(figure):
    return [axes.get_xlabel() for axes in all_axes(figure) if axes.get_xlabel().startswith("said")]


def all_axes(figure):
    return [*figure.axes, *(axes for part in figure.subfigs for axes in part.axes if axes not in figure.axes)]


def headings(figure):
    return [part._suptitle.get_text() for part in [figure, *figure.subfigs] if part._suptitle]


# ---- matplotlib ---------------------------------------------------------------------------------

def test_drawing_and_saving_import_no_pyplot(tmp_path):
    code = ("import sys; from tests.commands.test_pictures import STATS, network, pictures; "
            "pictures.training(STATS); pictures.save(pictures.first_layer(network()), sys.argv[1]); "
            "print('matplotlib.pyplot' in sys.modules)")
    assert python(code, tmp_path / "a.svg") == ("False\n", "")


# ---- digits --------------------------------------------------------------------------------------

def test_digits_show_their_pixels_and_labels():
    pixels = np.arange(3 * SIDE * SIDE).reshape(3, -1)
    axes = pictures.digits(pixels, [2, 0, 1]).axes
    np.testing.assert_array_equal([part.images[0].get_array() for part in axes], pixels.reshape(3, SIDE, SIDE))
    assert [part.get_title() for part in axes] == ["2", "0", "1"]


def test_of_many_digits_twenty_are_shown():
    assert len(pictures.digits(np.zeros((30, 4)), np.zeros(30, int)).axes) == 20


@pytest.mark.parametrize("pixels", [np.zeros((3, 15)), np.zeros((2, 16))])
def test_digits_that_are_no_square_images_are_refused(pixels):
    with pytest.raises(ValueError, match="pixels must be a square image"):
        pictures.digits(pixels, [2, 0, 1])


# ---- comparison ----------------------------------------------------------------------------------

SHORTER = (*(part[:2] for part in STATS[:4]), STATS[4])


@pytest.fixture(scope="module")
def comparison():
    """The figure of two trainings, to read only."""
    return pictures.comparison({"long": STATS, "short": SHORTER})


@pytest.mark.parametrize("panel, values", [(1, STATS[0]), (2, 100 * STATS[3])])
def test_a_comparison_shows_the_training_losses_and_validation_errors(comparison, panel, values):
    shown = lines(comparison.axes[panel])
    np.testing.assert_array_equal(shown["long"].get_xydata(), np.transpose([[1, 2, 3, 4], values]))
    np.testing.assert_array_equal(shown["short"].get_xydata(), np.transpose([[1, 2], values[:2]]))


def test_a_comparison_says_what_it_shows(comparison):
    _, loss, error = comparison.axes
    assert [axes.get_title(loc="left") for axes in (loss, error)] == ["Training loss", "Validation error"]
    assert [axes.get_xlabel() for axes in (loss, error)] == ["epoch", "epoch"]


def test_a_comparison_names_the_trainings(comparison):
    assert [text.get_text() for text in comparison.axes[0].get_legend().get_texts()] == ["long", "short"]


def test_compared_trainings_differ_without_colour():
    figure = pictures.comparison(dict.fromkeys("abcd", STATS))
    looks = {(line.get_linestyle(), line.get_marker()) for line in figure.axes[1].get_lines()}
    assert len({style for style, _ in looks}) == len({marker for _, marker in looks}) == 4


@pytest.mark.parametrize("n", [0, 5])
def test_too_many_trainings_or_none_are_refused(n):
    with pytest.raises(ValueError, match=f"expected 1 to 4 trainings, .* got {n}"):
        pictures.comparison(dict.fromkeys(range(n), STATS))


def test_a_training_without_a_confusion_matrix_cannot_be_compared():
    with pytest.raises(ValueError, match="the five arrays that get_training_stats returns"):
        pictures.comparison({"unfinished": STATS[:4]})


# ---- training ------------------------------------------------------------------------------------

@pytest.mark.parametrize("panel, name, values", [
    (0, "training", STATS[0]), (0, "validation", STATS[2]),
    (1, "training", 100 * STATS[1]), (1, "validation", 100 * STATS[3])])
def test_a_curve_is_that_of_the_statistics(figure, panel, name, values):
    line = lines(figure.axes[panel])[name]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(line.get_ydata(), values)


@pytest.mark.parametrize("panel", [0, 1])
def test_curves_are_named_and_differ_without_colour(figure, panel):
    axes = figure.axes[panel]
    training, validation = lines(axes)["training"], lines(axes)["validation"]
    assert sorted(texts(axes)) == ["training", "validation"]
    assert training.get_linestyle() != validation.get_linestyle()
    assert training.get_marker() != validation.get_marker()


def test_the_star_is_at_the_first_epoch_of_the_lowest_validation_error(figure):
    star = lines(figure.axes[1])["best"]
    assert (list(star.get_xdata()), list(star.get_ydata())) == ([3], [20])


def test_the_error_s_title_gives_the_best_epoch(figure):
    assert figure.axes[1].get_title(loc="left").endswith("20.00 % in epoch 3")


def test_curves_have_labelled_axes(figure):
    assert [figure.axes[0].get_ylabel(), figure.axes[1].get_ylabel(), figure.axes[1].get_xlabel()] == [
        "loss per example", "error (%)", "epoch"]


def test_counts_stand_at_their_row_and_column_and_zeros_are_blank(figure):
    counts = {text.get_position()[::-1]: text.get_text() for text in figure.axes[2].texts}
    assert counts == {(0, 0): "40", (0, 2): "2", (1, 0): "1", (1, 1): "30", (2, 1): "7", (2, 2): "20"}


def test_the_matrix_has_rows_predicted_and_columns_true(figure):
    assert (figure.axes[2].get_ylabel(), figure.axes[2].get_xlabel()) == ("predicted class", "true class")


def test_the_matrix_s_title_gives_the_test_error(figure):
    assert figure.axes[2].get_title(loc="left") == "Test: 10.00 % error, 10 of 100 wrong"


def test_every_count_contrasts_with_its_cell(figure):
    from matplotlib.colors import to_rgba

    axes = figure.axes[2]
    cells = pictures._luminance(axes.images[0].to_rgba(STATS[4]))
    for text in axes.texts:
        column, row = text.get_position()
        both = sorted([cells[row, column], pictures._luminance(np.array(to_rgba(text.get_color())))])
        assert (both[1] + 0.05) / (both[0] + 0.05) > 4.5


def test_rarer_confusions_are_lighter_also_in_black_and_white(figure):
    shades = pictures._luminance(figure.axes[2].images[0].to_rgba(np.array([1, 2, 7, 20, 30, 40])))
    assert (np.diff(shades) < 0).all()


def test_counts_too_small_to_read_are_left_out():
    matrix = np.full((100, 100), 1000)
    assert texts(pictures.training((*STATS[:4], matrix)).axes[2]) == []


def test_one_epoch_is_ticked_as_1():
    figure = pictures.training((*(part[:1] for part in STATS[:4]), STATS[4]))
    low, high = figure.axes[0].get_xlim()
    assert [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high] == [1]


def test_a_training_that_diverged_is_drawn(tmp_path):
    losses = np.array([1.0, np.inf, np.nan, np.nan])
    figure = pictures.training((losses, STATS[1], np.full(4, np.nan), *STATS[3:]))
    pictures.save(figure, tmp_path / "a.png")
    assert texts(figure.axes[0]) == ["training"]


@pytest.mark.parametrize("stats", [
    STATS[:4], (*STATS[:3], STATS[3][:2], STATS[4]), (*STATS[:4], STATS[4][:2])])
def test_other_statistics_are_refused(stats):
    with pytest.raises(ValueError, match="the five arrays that get_training_stats returns"):
        pictures.training(stats)


def test_the_notebook_s_own_style_does_not_spoil_the_figure():
    with matplotlib.rc_context({"axes.facecolor": "black", "figure.facecolor": "black"}):
        figure = pictures.training(STATS)
    assert [part.get_facecolor() for part in (figure, figure.axes[0])] == [(1, 1, 1, 1)] * 2


def test_drawing_leaves_matplotlib_s_settings_as_they_were():
    with matplotlib.rc_context({"font.size": 23}):
        pictures.training(STATS)
        assert matplotlib.rcParams["font.size"] == 23


# ---- mistakes ------------------------------------------------------------------------------------

def test_the_surest_mistakes_come_first_with_what_was_said_and_what_is(examples):
    sure = [100 / (1 + 2 * np.exp(-x)) for x in (5, 4, 3, 2)]
    assert captions(pictures.mistakes(*examples)) == [
        f"said 2, is {true}\n{percent:.0f} % sure" for true, percent in zip((1, 0, 1, 0), sure)]


def test_mistakes_show_their_pixels(examples):
    shown = [axes.images[0].get_array() for axes in pictures.mistakes(*examples).axes]
    np.testing.assert_array_equal(shown, examples[3][[4, 3, 2, 1]].reshape(4, SIDE, SIDE))


def test_one_hot_labels_give_the_same_mistakes(examples):
    mlp, x, y, pixels = examples
    figure = pictures.mistakes(mlp, x, np.eye(CLASSES)[y], pixels)
    assert captions(figure) == captions(pictures.mistakes(*examples))


def test_of_many_mistakes_twenty_are_shown(examples):
    mlp, *arrays = examples
    figure = pictures.mistakes(mlp, *(np.tile(a, (10,) + (1,) * (a.ndim - 1)) for a in arrays))
    assert (len(captions(figure)), headings(figure)) == (20, [
        "Mistakes: 40 of 60 examples; these are the 20 surest"])


def test_no_mistakes_are_told(examples):
    mlp, x, _, pixels = examples
    figure = pictures.mistakes(mlp, x, np.full(6, 2), pixels)
    assert (captions(figure), headings(figure)) == ([], ["Mistakes: none of 6 examples"])


def test_looking_leaves_the_network_as_it_was(examples):
    mlp, x, *_ = examples
    before = mlp.forward(x[:2])
    pictures.mistakes(*examples)
    assert mlp.train_mode and mlp.activations[0].state is before


def test_mistakes_are_those_in_eval_mode(examples):
    mlp = MLP(SIDE * SIDE, CLASSES, [CLASSES], [Identity(), Identity()], np.eye, zeros_bias_init,
              SoftmaxCrossEntropy(), lr=0.1, num_bn_layers=1)
    mlp.bn_layers[0].running_mean[0] = [-9, 0, 0]  # makes 0 the largest output of all
    assert [caption[:6] for caption in captions(pictures.mistakes(mlp, *examples[1:]))] == ["said 0"] * 4


@pytest.mark.parametrize("pixels", [np.zeros((6, 15)), np.zeros((5, 16)), np.zeros((6, 4, 4))])
def test_pixels_that_are_no_square_images_are_refused(examples, pixels):
    with pytest.raises(ValueError, match="pixels must be a square image"):
        pictures.mistakes(*examples[:3], pixels)


def test_labels_that_do_not_fit_are_refused(examples):
    mlp, x, y, pixels = examples
    with pytest.raises(ValueError, match=r"x must have shape \(n, 16\) and y"):
        pictures.mistakes(mlp, x, y[:5], pixels)


# ---- first_layer ---------------------------------------------------------------------------------

def test_the_first_layer_s_weights_are_images_side_by_side():
    mlp = network()
    mosaic = pictures.first_layer(mlp).axes[0].images[0].get_array()
    for unit in range(CLASSES):
        left = unit * (SIDE + 2) + 1
        image = mosaic[1:1 + SIDE, left:left + SIDE]
        np.testing.assert_array_equal(image, mlp.W[0][:, unit].reshape(SIDE, SIDE))


def test_zero_is_in_the_middle_of_the_colours():
    low, high = pictures.first_layer(network()).axes[0].images[0].get_clim()
    assert low == -high < 0


def test_a_layer_of_zeros_has_zero_in_the_middle_too():
    mlp = network()
    mlp.W[0] = np.zeros_like(mlp.W[0])
    assert pictures.first_layer(mlp).axes[0].images[0].get_clim() == (-1, 1)


def test_a_first_layer_of_no_square_is_refused():
    with pytest.raises(ValueError, match="a square such as 784 = 28 [*] 28, got 15"):
        pictures.first_layer(network(15))


# ---- report --------------------------------------------------------------------------------------

def test_the_report_shows_the_training_and_the_mistakes(examples):
    figure = pictures.report(STATS, *examples)
    titles = [axes.get_title(loc="left").split(":")[0] for axes in all_axes(figure)][:3]
    assert (titles, len(captions(figure))) == (["Loss", "Error", "Test"], 4)
    assert headings(figure) == ["Mistakes: 4 of 6 examples"]


def test_the_report_of_other_than_images_leaves_the_mistakes_out(examples):
    figure = pictures.report(STATS, *examples[:3], np.zeros((6, 15)))
    assert (len(all_axes(figure)), headings(figure)) == (3, [])


# ---- The files -----------------------------------------------------------------------------------

# On Python 3.9 the newest matplotlib writes an image into a pdf by what the newest Pillow deprecates.
pillow = pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")


@pillow
@pytest.mark.parametrize("name, beginning", [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF"),
                                             ("a.PNG", b"\x89PNG")])
def test_the_suffix_gives_the_format(small, tmp_path, name, beginning):
    pictures.save(small, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(beginning)


@pillow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_file(small, examples, tmp_path, suffix):
    pictures.save(small, tmp_path / f"a.{suffix}")
    pictures.save(one_mistake(*examples), tmp_path / f"b.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@pillow
@pytest.mark.parametrize("suffix, date", [("svg", b"dc:date"), ("pdf", b"CreationDate")])
def test_a_file_holds_no_date(small, tmp_path, suffix, date):
    pictures.save(small, tmp_path / f"a.{suffix}")
    assert date not in (tmp_path / f"a.{suffix}").read_bytes()


def test_check_writes_nothing(tmp_path):
    pictures.check(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(small, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("no space left on device")

    (tmp_path / "a.png").write_text("old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        pictures.save(small, tmp_path / "a.png")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.png", "old")]


def test_a_notebook_shows_a_figure_by_itself(small):
    assert small._repr_png_().startswith(b"\x89PNG")


# ---- The command ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The six files of a small data set of images."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(1)
    for i, part in enumerate(("train", "val", "test")):
        np.save(folder / f"{part}_data.npy", rng.integers(0, 255, (40, SIDE * SIDE)).astype(np.uint8))
        np.save(folder / f"{part}_labels.npy", (np.arange(40) + i) % CLASSES)
    return folder


def test_plot_draws_the_report_with_the_pixels_as_they_are(folder, tmp_path, capsys, monkeypatch):
    drawn = []
    report = pictures.report
    monkeypatch.setattr(pictures, "report", lambda *arguments: drawn.append(arguments) or report(*arguments))
    path = tmp_path / "run.svg"
    assert main(["--data", str(folder), "--epochs", "2", "--hiddens", "4", "--plot", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["", f"Drawn: {path}"]
    assert path.read_bytes().startswith(b"<?xml")
    [(stats, _, x, y, pixels)] = drawn
    assert (len(stats[0]), x.dtype) == (2, np.float64)
    np.testing.assert_array_equal(pixels, np.load(folder / "test_data.npy"))
    np.testing.assert_array_equal(y, np.load(folder / "test_labels.npy"))


def test_a_plot_that_cannot_be_written_ends_in_one_line_after_the_numbers(folder, tmp_path, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    path = tmp_path / "run.png"
    assert main(["--data", str(folder), "--epochs", "1", "--hiddens", "4", "--plot", str(path)]) == 1
    printed = capsys.readouterr()
    assert "Confusion matrix" in printed.out
    assert printed.err == f"hw1: cannot write {path} (No space left on device): make room, or draw elsewhere\n"


def test_an_interrupted_run_draws_nothing(folder, tmp_path, monkeypatch, capsys):
    def interrupted(mlp):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLP, "step", interrupted)
    assert main(["--data", str(folder), "--plot", str(tmp_path / "run.png")]) == 130
    assert (capsys.readouterr().err, list(tmp_path.iterdir())) == ("hw1: interrupted\n", [])
