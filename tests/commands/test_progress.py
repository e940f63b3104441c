"""Lets you change hw1/progress.py safely: on a terminal, real or in memory, what is on the screen at any
moment, and elsewhere the lines alone.
"""

import functools
import io
import os
import pathlib
import pty
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from hw1 import Identity, MLP, SoftmaxCrossEntropy, get_training_stats, progress, zeros_bias_init
from hw1.progress import InPlace, Table

ROOT = pathlib.Path(__file__).resolve().parents[2]
NSTEPS = 100
FIGURES = 1.5, 0.25, 1.75, 0.125
LINE = "    1      1.5000          25.00    1.7500        12.50"


class Clock:
    """A time.perf_counter that stands still unless it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(text):
    """Return the lines that are on the screen after text, without colours and what spaces end them."""
    lines = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", text.replace("\r\n", "\n")).split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part):]
        lines.append(shown.rstrip())
    return lines


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "perf_counter", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """What progress.py takes for standard output: pytest sets the real one anew when a test starts."""
    terminal = Terminal()
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=terminal))
    monkeypatch.setattr(progress, "print", functools.partial(print, file=terminal), raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return terminal


def go(table, clock, nsteps, seconds):
    for _ in range(nsteps):
        clock.now += seconds
        table.step()


# ---- Table ---------------------------------------------------------------------------------------

def test_a_line_appears_when_its_epoch_ends(monkeypatch):
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe))
    Table(NSTEPS).epoch(0, *FIGURES)
    assert pipe.getvalue().decode().splitlines()[-1].startswith(LINE)


def test_the_seconds_are_those_of_the_epoch(terminal, clock):
    table = Table(NSTEPS)
    clock.now = 3
    table.epoch(0, *FIGURES)
    clock.now = 4.26
    table.epoch(1, *FIGURES)
    assert [line[-3:] for line in screen(terminal.getvalue())[-3:-1]] == ["3.0", "1.3"]


def test_a_slow_epoch_shows_how_far_it_is(terminal, clock):
    go(Table(NSTEPS), clock, nsteps=32, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == "    1   32 %, 17 s left"


def test_the_second_epoch_is_told_as_the_second(terminal, clock):
    table = Table(NSTEPS)
    table.epoch(0, *FIGURES)
    go(table, clock, nsteps=60, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == "    2   60 %, 10 s left"


def test_how_far_it_is_is_shown_twice_a_second(terminal, clock):
    go(Table(NSTEPS), clock, nsteps=NSTEPS, seconds=0.125)
    assert terminal.getvalue().count("\r") == 12.5 / 0.5


def test_a_fast_epoch_shows_nothing_of_it(terminal, clock):
    go(Table(NSTEPS), clock, nsteps=NSTEPS, seconds=0.019)
    assert "%," not in terminal.getvalue()


def test_an_epoch_s_line_takes_the_place_of_how_far_it_was(terminal, clock):
    table = Table(NSTEPS)
    go(table, clock, nsteps=NSTEPS, seconds=1)
    table.epoch(0, *FIGURES)
    assert screen(terminal.getvalue())[-2:] == [LINE + "    100.0", ""]


def test_wiped_the_line_is_empty(terminal, clock):
    table = Table(NSTEPS)
    go(table, clock, nsteps=1, seconds=100)
    go(table, clock, nsteps=98, seconds=1)  # fewer digits than at first
    table.wipe()
    assert screen(terminal.getvalue())[-1] == ""


def test_the_heading_is_dim_and_the_best_error_so_far_bold_and_green(terminal, clock):
    table = Table(NSTEPS)
    for epoch, error in enumerate((0.5, 0.25, 0.375, 0.25, 0.125)):
        table.epoch(epoch, 1, 0.5, 1, error)
    output = terminal.getvalue()
    assert output.startswith("\n\x1b[2mepoch") and "seconds\x1b[0m\n" in output
    assert re.findall(r"\x1b\[1;32m *([\d.]+)\x1b\[0m", output) == ["50.00", "25.00", "12.50"]


@pytest.mark.parametrize("name, value", [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", None)])
def test_without_colour_there_is_none(terminal, clock, monkeypatch, name, value):
    monkeypatch.delenv(name, raising=False)
    if value:
        monkeypatch.setenv(name, value)
    Table(NSTEPS).epoch(0, *FIGURES)
    assert "\x1b" not in terminal.getvalue()


def test_an_empty_no_color_asks_for_nothing(terminal, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    Table(NSTEPS)
    assert "\x1b" in terminal.getvalue()


def test_no_color_does_not_take_away_how_far_it_is(terminal, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    go(Table(NSTEPS), clock, nsteps=1, seconds=10)
    assert screen(terminal.getvalue())[-1] == "    1    1 %, 990 s left"


def test_a_dumb_terminal_gets_the_lines_alone(terminal, clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    go(Table(NSTEPS), clock, nsteps=1, seconds=10)
    assert "\r" not in terminal.getvalue()


def test_a_file_gets_the_lines_alone(clock, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    table = Table(NSTEPS)
    go(table, clock, nsteps=NSTEPS, seconds=1)
    table.epoch(0, *FIGURES)
    assert capsys.readouterr().out == "\n" + "  ".join(progress.COLUMNS) + "\n" + LINE + "    100.0\n"


# ---- The command, on a terminal of the system ----------------------------------------------------

INTERRUPTED = """
step = progress.Table.step
def interrupted(table):
    step(table)
    raise KeyboardInterrupt
progress.Table.step = interrupted
"""
FULL_DISK = """
def full(path, content):
    raise OSError(28, "No space left on device")
saved.write = full
"""


def on_a_terminal(*arguments, change=""):
    """Return (status, what it printed) of python -m hw1, all of whose epochs are taken for slow ones.

    change: code that runs before.
    """
    code = ("import sys\nfrom hw1 import __main__, progress, saved\nprogress.SLOW = progress.INTERVAL = 0\n"
            f"{change}\nsys.exit(__main__.main(sys.argv[1:]))")
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, env=environment,
                               stdin=subprocess.DEVNULL, stdout=its, stderr=its)
    os.close(its)
    printed = b""
    with process, open(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # so Linux ends it
                break
            if not part:
                break
            printed += part
    return process.returncode, printed.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The six files of a small data set."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(1)
    for part, n in (("train", 60), ("val", 40), ("test", 20)):
        np.save(folder / f"{part}_data.npy", rng.integers(0, 255, (n, 16)).astype(np.uint8))
        np.save(folder / f"{part}_labels.npy", np.arange(n) % 3)
    return folder


def test_a_terminal_shows_colour_and_how_far_an_epoch_is(folder):
    status, printed = on_a_terminal("--data", folder, "--epochs", "2", "--batch-size", "20")
    assert status == 0
    assert re.findall(r"\r    (\d +\d+ %)", printed) == [
        "1   33 %", "1   66 %", "1  100 %", "2   33 %", "2   66 %", "2  100 %"]
    assert printed.count("\x1b[1;32m") in (1, 2)


def test_what_stays_on_the_terminal_is_the_table(folder):
    lines = screen(on_a_terminal("--data", folder, "--epochs", "3")[1])
    start = lines.index("  ".join(progress.COLUMNS))
    assert [line.split()[:1] for line in lines[start + 1:start + 5]] == [["1"], ["2"], ["3"], []]


def test_an_error_stands_on_a_line_of_its_own(folder):
    status, printed = on_a_terminal("--data", folder, "--activation", "relu", "--bn-layers", "0", "--lr", "1e300")
    assert status == 1
    assert any(line.startswith("hw1: the loss is no longer finite") for line in screen(printed))


def test_an_interrupted_run_ends_with_a_line_of_its_own(folder):
    status, printed = on_a_terminal("--data", folder, change=INTERRUPTED)
    assert (status, screen(printed)[-2:]) == (130, ["hw1: interrupted", ""])


def test_a_disk_that_is_full_is_told_on_a_line_of_its_own(folder, tmp_path):
    path = tmp_path / "run.npz"
    status, printed = on_a_terminal("--data", folder, "--epochs", "2", "--save", path, change=FULL_DISK)
    lines = screen(printed)
    told = [i for i, line in enumerate(lines) if line.startswith(f"hw1: cannot write {path}")]
    assert (status, [lines[i + 1].split()[0] for i in told]) == (1, ["1"])


# ---- InPlace -------------------------------------------------------------------------------------

def test_in_place_the_last_epoch_is_what_stays(capsys):
    show = InPlace(3)
    for epoch, error in enumerate((0.5, 0.125, 0.25)):
        show(epoch, 1000 / 10**epoch, 0.75, 20, error)
    assert screen(capsys.readouterr().out) == [
        "epoch 3/3: loss 10.0000; validation loss 20.0000, error 25.00 %, best 12.50 %", ""]


def test_in_place_a_line_is_not_wrapped_on_a_terminal_of_80_columns(capsys):
    InPlace(100)(99, 2.5, 0.9, 2.5, 0.9)
    assert len(screen(capsys.readouterr().out)[0]) < 80


def test_in_place_every_epoch_is_shown_before_the_next(capsys):
    show = InPlace(3)
    show(0, *FIGURES)
    printed = capsys.readouterr().out
    assert printed.startswith("\repoch 1/3: ") and "\n" not in printed


def test_in_place_trains_with_get_training_stats(capsys):
    x, y = np.eye(2), np.array([0, 1])
    mlp = MLP(2, 2, [], [Identity()], lambda *shape: np.zeros(shape), zeros_bias_init, SoftmaxCrossEntropy(), lr=1)
    get_training_stats(mlp, ((x, y), (x, y), (x, y)), 5, 2, on_epoch=InPlace(5))
    assert screen(capsys.readouterr().out)[0].startswith("epoch 5/5: ")
