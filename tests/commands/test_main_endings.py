"""How `python -m hw1` ends before its time, and what it keeps."""

import errno
import io
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from hw1 import __main__, saved
from tests.commands.runs import (COMMAND, ENVIRONMENT, ROOT, SMALL, TIMEOUT, assert_one_line,
                                 assert_printed, before_writing, call, confusion_matrix, figures,
                                 full_at, handled, handouts, in_its_midst, without_seconds)


# ---- How it ends before its time -----------------------------------------------------------------

@pytest.mark.parametrize("options", (
    "--bn-layers 0 --lr 1e+30", "--bn-layers 0 --lr 1e+30 --dtype float32", "--lr 1e+200"))
@pytest.mark.parametrize("at_once", (True, False))
def test_training_that_diverges_ends_in_one_line(folder, capsys, nn, monkeypatch, options, at_once):
    if not at_once:
        monkeypatch.setattr(nn, "get_training_stats", handouts(nn.get_training_stats))
    status, output, error = call("--data", folder, "--hiddens", 16, 16, "--activation", "relu",
                                 *options.split(), capsys=capsys)
    assert status == 1
    assert "nan" not in output and "Test error" not in output
    lr = re.search(r"1e\+\d+", options)[0]
    assert_one_line(error, "no longer finite in epoch 1", f"lower --lr, which is {lr}")


def test_a_closed_pipe_ends_it_quietly(folder):
    with in_its_midst(folder) as process:
        process.stdout.close()
        assert process.wait(TIMEOUT) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_an_output_that_cannot_be_written_ends_it_with_one_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "--data", folder, *SMALL], cwd=ROOT, env=ENVIRONMENT,
                              text=True, stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot write to standard output (No space left on device)")


def test_an_output_that_is_full_at_the_end_is_told(folder, tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            if "Saved" in self.getvalue():
                raise OSError(errno.ENOSPC, "No space left on device")

    with open(tmp_path / "output", "w") as file:
        Full.fileno = lambda self: file.fileno()
        monkeypatch.setattr(sys, "stdout", Full())
        status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "a.npz",
                                capsys=capsys)
    assert status == 1
    assert_one_line(error, "cannot write to standard output (No space left on device)")


# ---- What it keeps -------------------------------------------------------------------------------

def test_saved_are_the_network_the_scale_and_what_was_printed(small, folder, tmp_path, capsys):
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (0, "")
    assert without_seconds(output) == without_seconds(small.stdout) + f"\nSaved: {path}\n"
    mlp, stats = saved.load(path)
    assert_printed(stats, output)
    matrix = confusion_matrix(small.stdout)
    np.testing.assert_array_equal(stats[4], matrix)
    pixels, labels = (np.load(folder / f"test_{kind}.npy") for kind in ("data", "labels"))
    said = mlp.forward((pixels - mlp.mean) / mlp.deviation).argmax(axis=1)
    assert (said == labels).sum() == matrix.trace()


def test_ctrl_c_keeps_the_finished_epochs_and_says_so(folder, tmp_path):
    path = tmp_path / "run.npz"
    with in_its_midst(folder, "--save", path) as process:
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=TIMEOUT)
    n = len(saved.load(path)[1][0])
    assert process.returncode == 130
    kept = f"hw1: interrupted; {path} holds the network and the figures of {n} epochs?\n"
    assert re.fullmatch(kept, error)
    assert n >= len(output.splitlines()) + 1  # the first line was read before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("nth", (1, 2))
def test_ctrl_c_while_an_epoch_is_saved_comes_after_it(folder, tmp_path, capsys, monkeypatch, nth):
    before_writing(monkeypatch, lambda n: n == nth and signal.raise_signal(signal.SIGINT))
    path = tmp_path / "run.npz"
    with handled(signal.default_int_handler):
        status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert (status, len(saved.load(path)[1][0])) == (130, nth)
    assert_one_line(error, f"the figures of {nth} epoch{'s' * (nth > 1)}\n")


def test_ctrl_c_that_a_shell_has_ignored_stays_so(folder, tmp_path, capsys, monkeypatch):
    before_writing(monkeypatch, lambda n: signal.raise_signal(signal.SIGINT))
    with handled(signal.SIG_IGN):
        assert call("--data", folder, *SMALL, "--save", tmp_path / "run.npz", capsys=capsys)[0] == 0


@pytest.mark.parametrize("place, kept", (
    ("hw1.hw1.MLP.step", "no epoch was saved in {}"),
    ("hw1.__main__.print_result", "{} holds the network and the figures of 3 epochs")))
def test_ctrl_c_before_or_after_the_epochs_says_what_is_kept(folder, tmp_path, capsys, monkeypatch,
                                                             place, kept):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (130, f"hw1: interrupted; {kept.format(path)}\n")
    assert (len(saved.load(path)[1]) if path.exists() else 0) == (5 if "3" in kept else 0)


def test_training_that_diverges_keeps_the_epochs_before(folder, tmp_path, capsys, nn, monkeypatch):
    def diverging(*arguments, on_epoch):
        train(*arguments, on_epoch=lambda n, *four: on_epoch(n, *four if n < 2 else last))

    last = 1, 0.5, np.inf, 0.5

    train = nn.get_training_stats
    monkeypatch.setattr(nn, "get_training_stats", diverging)
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    stats = saved.load(path)[1]
    assert (status, np.shape(stats)) == (1, (4, 2))
    assert_printed(stats, output)
    assert_one_line(error, "no longer finite in epoch 3", f"; {path} holds", "figures of 2 epochs")


@pytest.mark.parametrize("full, status, nsaved, told", (
    ([1, 2], 0, 3, ["cannot write {} (No space left on device): the training goes on"]),
    ([2, 3, 4], 1, 1, ["cannot write {} (No space left on device): the training goes on",
                       "could not write {} at the end (No space left on device); {} holds the "
                       "network and the figures of 1 epoch"]),
    ([4], 1, 3, ["could not write {} at the end (No space left on device); {} holds the network"])))
def test_a_full_disk_is_told_and_loses_nothing(folder, tmp_path, capsys, monkeypatch, full, status,
                                               nsaved, told):
    before_writing(monkeypatch, full_at(*full))
    path = tmp_path / "run.npz"
    ended, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (ended, figures(output).shape, len(saved.load(path)[1][0])) == (status, (4, 3), nsaved)
    assert error.count("\n") == len(told)
    for line, text in zip(error.splitlines(), told):
        assert line.startswith("hw1: " + text.format(path, path))


def test_a_network_that_cannot_be_saved_is_told_why(folder, tmp_path, capsys, nn, monkeypatch):
    monkeypatch.setattr(nn, "Sigmoid", type("Own", (nn.Sigmoid,), {}))
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, figures(output).shape, error.count("\n")) == (1, (4, 3), 2)
    assert "of hw1.hw1 can be saved here" in error and "no epoch was saved" in error


def test_the_mistakes_are_drawn_as_the_test_set_has_them(folder, capsys, monkeypatch, tmp_path):
    drawn = []
    for name in ("require_matplotlib", "save"):
        monkeypatch.setattr(__main__.pictures, name, lambda *arguments: None)
    monkeypatch.setattr(__main__.pictures, "report", lambda *arguments: drawn.append(arguments[3:]))
    path = tmp_path / "run.png"
    output = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)[1]
    for part, expected in zip(drawn[0], ("labels", "data")):
        np.testing.assert_array_equal(part, np.load(folder / f"test_{expected}.npy"))
    assert output.endswith(f"\n\nDrawn: {path}\n")


def test_a_picture_that_cannot_be_written_is_told(folder, capsys, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    before_writing(monkeypatch, full_at(1))
    path = tmp_path / "run.png"
    status, _, error = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)
    assert status == 1
    assert_one_line(error, f"cannot write {path} (No space left on device): make room")
