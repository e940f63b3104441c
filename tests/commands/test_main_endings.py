"""How `python -m hw1` ends when something fails or interrupts it, and what it has saved by then."""

import errno
import io
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from hw1 import __main__, progress, saved
from tests.commands.runs import (
    COMMAND, ENVIRONMENT, ROOT, SMALL, TIMEOUT, assert_one_line, assert_printed, call,
    call_before_write, confusion_matrix, epoch_numbers, fill_disk_at, handle_interrupt,
    lines_after, remove_seconds, start_training, without_on_epoch)


# ---- A training that diverges --------------------------------------------------------------------

@pytest.mark.parametrize("options, lr", [
    ("--bn-layers 0 --lr 1e+30", "1e+30"),
    ("--bn-layers 0 --lr 1e+30 --dtype float32", "1e+30"),
    ("--lr 1e+200", "1e+200"),
])
@pytest.mark.parametrize("has_on_epoch", [True, False])
def test_divergence_ends_in_one_line(folder, capsys, nn, monkeypatch, options, lr, has_on_epoch):
    if not has_on_epoch:
        monkeypatch.setattr(nn, "get_training_stats", without_on_epoch(nn.get_training_stats))
    status, output, error = call("--data", folder, "--hiddens", 16, 16, "--activation", "relu",
                                 *options.split(), capsys=capsys)
    assert status == 1
    assert "nan" not in output
    assert "Test error" not in output
    assert_one_line(error, "the loss is not finite in epoch 1", f"lower --lr, which is {lr}")


@pytest.mark.parametrize("losses", [(np.inf, 0.5), (1, np.nan)])
def test_divergence_keeps_the_epochs_before(folder, tmp_path, capsys, nn, monkeypatch, losses):
    def diverge(*arguments, on_epoch):
        def on_epoch_and_diverge(epoch, *numbers):
            if epoch == 2:
                numbers = (losses[0], 0.5, losses[1], 0.5)
            on_epoch(epoch, *numbers)
        train(*arguments, on_epoch=on_epoch_and_diverge)

    train = nn.get_training_stats
    monkeypatch.setattr(nn, "get_training_stats", diverge)
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    _, stats = saved.load(path)
    assert (status, np.shape(stats)) == (1, (4, 2))
    assert_printed(stats, output)
    assert_one_line(error, "not finite in epoch 3", f"; {path} holds the network and the statistics"
                    " of 2 epochs")


def test_a_huge_loss_keeps_the_columns_aligned(folder, capsys):
    status, output, error = call("--data", folder, "--hiddens", "--lr", "1e300", "--epochs", 1,
                                 capsys=capsys)
    lines = lines_after(output, "epoch")
    assert (status, error) == (0, "")
    assert epoch_numbers(output)[0] > 1e290
    assert [len(line) for line in lines] == [len("  ".join(progress.COLUMNS))]


def test_finite_losses_are_no_divergence(folder, capsys, nn, monkeypatch):
    losses = np.full(3, 1.5e308)
    errors = np.full(3, 0.5)
    stats = (losses, errors, losses, errors, np.eye(10))
    monkeypatch.setattr(nn, "get_training_stats", lambda *arguments: stats)
    status, output, error = call("--data", folder, *SMALL, capsys=capsys)
    assert (status, error) == (0, "")
    assert (epoch_numbers(output)[[0, 2]] == 1.5e308).all()


# ---- Standard output -----------------------------------------------------------------------------

FULL_STDOUT = ("cannot write to standard output (No space left on device): redirect it "
               "elsewhere\n")


def test_a_closed_pipe_ends_it_quietly(folder):
    with start_training(folder) as process:
        process.stdout.close()
        assert process.wait(TIMEOUT) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_ends_it_in_one_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "--data", folder, *SMALL], cwd=ROOT, env=ENVIRONMENT,
                              text=True, stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
    assert done.returncode == 1
    assert done.stderr == FULL_STDOUT


def test_a_disk_that_is_full_at_the_end_is_reported(folder, tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            if "saved" in self.getvalue():
                raise OSError(errno.ENOSPC, "No space left on device")

    with open(tmp_path / "output", "w") as file:
        Full.fileno = lambda self: file.fileno()
        monkeypatch.setattr(sys, "stdout", Full())
        status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "a.npz",
                                capsys=capsys)
    assert status == 1
    assert error == FULL_STDOUT


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-"])
def test_files_are_written_when_stdout_is_closed(folder, tmp_path, redirection):
    path = tmp_path / "run.npz"
    command = [*COMMAND, "--data", folder, *SMALL, "--save", path]
    done = subprocess.run(["sh", "-c", f'"$@" {redirection}', "sh", *command], cwd=ROOT,
                          env=ENVIRONMENT, text=True, capture_output=True, timeout=TIMEOUT)
    _, stats = saved.load(path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(stats) == 5


def test_plot_is_written_when_stdout_is_closed(folder, tmp_path):
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    path = tmp_path / "run.png"
    command = [*COMMAND[:1], "-m", "hw1", "--data", folder, *SMALL, "--plot", path]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], cwd=ROOT, env=ENVIRONMENT,
                          text=True, capture_output=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_errors_are_printed_when_stdout_is_closed(tmp_path):
    command = [*COMMAND, "--data", tmp_path]
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], cwd=ROOT, env=ENVIRONMENT,
                          text=True, capture_output=True, timeout=TIMEOUT)
    assert done.returncode == 1
    assert_one_line(done.stderr, "lacks train_data.npy")


def test_the_result_is_printed_before_the_plot(folder, tmp_path, monkeypatch):
    def record_output(*arguments):
        printed.append(output.getvalue().decode())

    printed = []
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    monkeypatch.setattr(__main__.pictures, "require_matplotlib", lambda: None)
    monkeypatch.setattr(__main__, "plot", record_output)
    __main__.main(["--data", str(folder), *SMALL, "--plot", str(tmp_path / "run.png")])
    assert confusion_matrix(printed[0]).shape == (10, 10)


def test_a_message_of_several_lines_becomes_one(capsys):
    assert __main__.complain("expected\n  a, got b", status=3) == 3
    assert capsys.readouterr().err == "hw1: expected a, got b\n"


# ---- The file that --save names ------------------------------------------------------------------

def test_network_scale_and_statistics_are_saved(small, folder, tmp_path, capsys):
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    mlp, stats = saved.load(path)
    pixels = np.load(folder / "test_data.npy")
    labels = np.load(folder / "test_labels.npy")
    predicted = mlp.forward((pixels - mlp.mean) / mlp.deviation).argmax(axis=1)
    matrix = confusion_matrix(small.stdout)
    assert (status, error) == (0, "")
    assert remove_seconds(output) == (remove_seconds(small.stdout)
                                      + f"\nNetwork saved to {path}\n")
    assert_printed(stats, output)
    np.testing.assert_array_equal(stats[4], matrix)
    assert (predicted == labels).sum() == matrix.trace()


def test_ctrl_c_keeps_the_finished_epochs(folder, tmp_path):
    path = tmp_path / "run.npz"
    with start_training(folder, "--save", path) as process:
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=TIMEOUT)
    _, stats = saved.load(path)
    n = len(stats[0])
    assert process.returncode == 130
    assert_one_line(error, f"interrupted; {path} holds the network and the statistics of {n} epoch")
    assert n >= len(output.splitlines()) + 1  # the first line was read before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("nth, epochs", [(1, "1 epoch"), (2, "2 epochs")])
def test_ctrl_c_waits_until_an_epoch_is_saved(folder, tmp_path, capsys, monkeypatch, nth, epochs):
    def interrupt(n):
        if n == nth:
            signal.raise_signal(signal.SIGINT)

    call_before_write(monkeypatch, interrupt)
    path = tmp_path / "run.npz"
    with handle_interrupt(signal.default_int_handler):
        status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
        handler = signal.getsignal(signal.SIGINT)
    _, stats = saved.load(path)
    assert (status, len(stats[0])) == (130, nth)
    assert handler is signal.default_int_handler
    assert_one_line(error, f"the statistics of {epochs}\n")


def test_an_ignored_ctrl_c_stays_ignored(folder, tmp_path, capsys, monkeypatch):
    call_before_write(monkeypatch, lambda n: signal.raise_signal(signal.SIGINT))
    with handle_interrupt(signal.SIG_IGN):
        status, _, error = call("--data", folder, *SMALL, "--save", tmp_path / "run.npz",
                                capsys=capsys)
    assert (status, error) == (0, "")


@pytest.mark.parametrize("place, expected", [
    ("hw1.hw1.MLP.step", "hw1: interrupted; no epoch was saved in {}\n"),
    ("hw1.__main__.print_result",
     "hw1: interrupted; {} holds the network and the statistics of 3 epochs\n"),
])
def test_ctrl_c_says_what_is_saved(folder, tmp_path, capsys, monkeypatch, place, expected):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupt)
    path = tmp_path / "run.npz"
    status, _, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, error) == (130, expected.format(path))
    assert path.exists() == ("3 epochs" in expected)


def test_ctrl_c_after_the_epochs_keeps_the_matrix(folder, tmp_path, capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("hw1.__main__.print_result", interrupt)
    path = tmp_path / "run.npz"
    call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    _, stats = saved.load(path)
    assert stats[4].shape == (10, 10)


FULL = "cannot write {} (No space left on device): the training continues, and the next epoch"
FULL_AT_THE_END = ("could not write {0} at the end (No space left on device); {0} holds the "
                   "network and the statistics of ")


@pytest.mark.parametrize("full, status, nsaved, lines", [
    ([1, 2], 0, 3, [FULL]),
    ([2, 3, 4], 1, 1, [FULL, FULL_AT_THE_END + "1 epoch"]),
    ([2, 4], 1, 3, [FULL, FULL_AT_THE_END + "3 epochs"]),
    ([4], 1, 3, [FULL_AT_THE_END + "3 epochs"]),
])
def test_a_full_disk_loses_no_epoch(folder, tmp_path, capsys, monkeypatch, full, status, nsaved,
                                    lines):
    call_before_write(monkeypatch, fill_disk_at(*full))
    path = tmp_path / "run.npz"
    ended, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    _, stats = saved.load(path)
    assert (ended, len(stats[0])) == (status, nsaved)
    assert epoch_numbers(output).shape == (4, 3)
    assert len(error.splitlines()) == len(lines)
    for line, expected in zip(error.splitlines(), lines):
        assert line.startswith("hw1: " + expected.format(path))


def test_a_network_that_cannot_be_saved_is_reported(folder, tmp_path, capsys, nn, monkeypatch):
    def refuse(path, mlp, stats):
        raise ValueError("only networks of hw1.hw1 can be saved")

    monkeypatch.setattr(saved, "save", refuse)
    path = tmp_path / "run.npz"
    status, output, error = call("--data", folder, *SMALL, "--save", path, capsys=capsys)
    assert (status, epoch_numbers(output).shape) == (1, (4, 3))
    assert error == (
        f"hw1: cannot write {path} (only networks of hw1.hw1 can be saved): the training "
        "continues, and the next epoch tries again; make room or fix it in the meantime\n"
        f"hw1: could not write {path} at the end (only networks of hw1.hw1 can be saved); no epoch "
        f"was saved in {path}\n")


# ---- The plot ------------------------------------------------------------------------------------

def test_plot_gets_the_test_set_as_stored(folder, tmp_path, capsys, monkeypatch):
    plotted = []
    monkeypatch.setattr(__main__.pictures, "require_matplotlib", lambda: None)
    monkeypatch.setattr(__main__.pictures, "report", lambda *arguments: plotted.extend(arguments))
    monkeypatch.setattr(__main__.pictures, "save", lambda *arguments: None)
    path = tmp_path / "run.png"
    _, output, _ = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)
    stats, mlp, x, labels, pixels = plotted
    assert_printed(stats, output)
    np.testing.assert_array_equal(labels, np.load(folder / "test_labels.npy"))
    np.testing.assert_array_equal(pixels, np.load(folder / "test_data.npy"))
    assert (mlp.forward(x).argmax(axis=1) == labels).sum() == stats[4].trace()
    assert output.endswith(f"\n\nPlot saved to {path}\n")


def test_a_plot_that_cannot_be_written_is_reported(folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    call_before_write(monkeypatch, fill_disk_at(1))
    path = tmp_path / "run.png"
    status, _, error = call("--data", folder, *SMALL, "--plot", path, capsys=capsys)
    assert status == 1
    assert_one_line(error, f"cannot write {path} (No space left on device): make room")
