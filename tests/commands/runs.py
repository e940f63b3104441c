"""Runs of `python -m hw1` on a small data set, in a process or in this one, and what they print."""

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
# Output must be flushed by the program itself; for small matrices one thread is the quickest.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "", "OPENBLAS_NUM_THREADS": "1"}
TIMEOUT = 120  # seconds; only a run that hangs takes as long


def run(*arguments, cwd=ROOT, **environment):
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=cwd, timeout=TIMEOUT, text=True,
                          env={**ENVIRONMENT, **environment}, capture_output=True)


def call(*arguments, capsys):
    """Return (status, standard output, standard error) of the command, run in this process."""
    status = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def epochs(*arguments, capsys):
    """Return the lines of the epochs of a run, without the seconds."""
    return lines_after(without_seconds(call(*arguments, capsys=capsys)[1]), "epoch")


def lines_after(output, beginning):
    """Return the lines that follow the first that begins so, up to an empty one."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(beginning)) + 1
    return lines[start:lines.index("", start) if "" in lines[start:] else None]


def figures(output):
    """Return the four figures of each epoch that was printed, (4, n)."""
    return np.array([line.split()[1:5] for line in lines_after(output, "epoch")], float).T


def confusion_matrix(output):
    rows = lines_after(output, "Confusion matrix")[1:]
    return np.array([[0 if cell == "." else int(cell) for cell in row.split()[1:]] for row in rows])


def without_seconds(output):
    return re.sub(r" *\d+\.\d$", "", output, flags=re.MULTILINE)


def assert_one_line(error, *parts):
    assert error.startswith("hw1: ") and error.count("\n") == 1 and error.endswith("\n"), error
    assert all(part in error for part in parts), error


def assert_printed(stats, output):
    np.testing.assert_allclose(np.array(stats[:4]) * [[1], [100], [1], [100]], figures(output),
                               atol=0.00501)


@contextlib.contextmanager
def handled(handler):
    """SIGINT is handled so in the block: a shell may have the tests ignore it."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def in_its_midst(folder, *arguments):
    """A run that is in the midst of its training: its first epoch's line has been read."""
    with handled(signal.default_int_handler):
        process = subprocess.Popen(
            [*COMMAND, "--data", folder, *ENDLESS, *map(str, arguments)], cwd=ROOT, env=ENVIRONMENT,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            assert any(line.split()[:1] == ["1"] for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


def handouts(train, change=lambda curves, matrix: (*map(list, curves), matrix.astype(float))):
    """Return a get_training_stats without on_epoch, for labels that are one-hot."""
    def get_training_stats(mlp, dset, nepochs, batch_size):
        assert all(y.shape == (len(x), 10) for x, y in dset)
        *curves, matrix = train(mlp, dset, nepochs, batch_size)
        return change(curves, matrix)
    return get_training_stats


def before_writing(monkeypatch, act):
    """Let act(n) be called before the nth writing of a file, counted from 1."""
    write, count = saved.files.write, itertools.count(1)
    monkeypatch.setattr(saved.files, "write", lambda *file: (act(next(count)), write(*file)))


def full_at(*full):
    """Return an act for before_writing: the disk is full at these."""
    def act(n):
        if n in full:
            raise OSError(errno.ENOSPC, "No space left on device")
    return act
