"""Runs of `python -m hw1` on a small data set, in a process of their own or in this one."""

import contextlib
import errno
import itertools
import os
import re
import signal
import subprocess
import sys

import numpy as np

from hw1 import saved
from hw1.__main__ import main
from tests.commands.copies import ROOT

COMMAND = (sys.executable, "-W", "error", "-m", "hw1")
SIZES = {"train": 300, "val": 100, "test": 120}
SMALL = ("--hiddens", "16", "--epochs", "3", "--batch-size", "20")
ENDLESS = ("--hiddens", "4", "--epochs", "1000000")
# The program itself must flush its output. For small matrices one thread is the fastest.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "", "OPENBLAS_NUM_THREADS": "1"}
TIMEOUT = 120  # seconds; only a run that hangs takes as long


def run(*arguments, cwd=ROOT, **changes):
    """Run the command in a process, with changes to the environment."""
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=cwd, timeout=TIMEOUT, text=True,
                          env={**ENVIRONMENT, **changes}, capture_output=True)


def call(*arguments, capsys):
    """Return (status, standard output, standard error) of the command, run in this process."""
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def call_for_epochs(*arguments, capsys):
    """Return the lines of the epochs of a run in this process, without the seconds."""
    _, output, _ = call(*arguments, capsys=capsys)
    return epoch_lines(output)


def lines_after(output, beginning):
    """Return the lines that follow the first with this beginning, up to an empty one."""
    lines = iter(output.splitlines())
    for line in lines:
        if line.startswith(beginning):
            return list(itertools.takewhile(bool, lines))
    raise AssertionError(f"no line begins with {beginning!r}:\n{output}")


def epoch_lines(output):
    """Return the lines of the epochs without the seconds."""
    return lines_after(remove_seconds(output), "epoch")


def epoch_numbers(output):
    """Return the losses and errors of the epochs that were printed, (4, n)."""
    rows = [line.split()[1:5] for line in lines_after(output, "epoch")]
    return np.array(rows, float).T


def confusion_matrix(output):
    """Return the confusion matrix that was printed."""
    rows = []
    for line in lines_after(output, "Confusion matrix")[1:]:
        rows.append([int(cell) for cell in line.replace(".", "0").split()[1:]])
    return np.array(rows)


def remove_seconds(output):
    """Remove the last column of the epochs."""
    return re.sub(r" *\d+\.\d$", "", output, flags=re.MULTILINE)


def assert_one_line(error, *parts):
    """Assert that error is one line of the command's, and contains the parts."""
    assert re.fullmatch("hw1: .*\n", error), error
    for part in parts:
        assert part in error


def assert_printed(stats, output):
    """Assert that the epochs in output are those of the statistics."""
    training_losses, training_errors, validation_losses, validation_errors = stats[:4]
    expected = (training_losses, 100 * training_errors, validation_losses, 100 * validation_errors)
    np.testing.assert_allclose(expected, epoch_numbers(output), atol=0.00501)


@contextlib.contextmanager
def handle_interrupt(handler):
    """Handle SIGINT by handler in the block: a shell may have the tests ignore it."""
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def start_training(folder, *arguments):
    """Start an endless run, whose first epoch has been printed and read when the block begins."""
    command = [*COMMAND, "--data", folder, *ENDLESS, *map(str, arguments)]
    with handle_interrupt(signal.default_int_handler):
        process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            assert any(line.split()[:1] == ["1"] for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


def without_on_epoch(train):
    """Return the get_training_stats of a homework: no on_epoch, one-hot labels, float counts."""
    def get_training_stats(mlp, dset, nepochs, batch_size):
        assert all(y.shape == (len(x), 10) for x, y in dset)
        *curves, matrix = train(mlp, dset, nepochs, batch_size)
        return (*map(list, curves), matrix.astype(float))
    return get_training_stats


def call_before_write(monkeypatch, act):
    """Call act(n) before the nth write of a file, counted from 1."""
    write = saved.files.write
    count = itertools.count(1)

    def act_and_write(path, content):
        act(next(count))
        write(path, content)

    monkeypatch.setattr(saved.files, "write", act_and_write)


def fill_disk_at(*full):
    """Return an act for call_before_write: the disk is full at these writes."""
    def act(n):
        if n in full:
            raise OSError(errno.ENOSPC, "No space left on device")
    return act
