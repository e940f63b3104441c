"""Lets you change hw1/progress.py safely: on a terminal, real or in memory, what is on the screen
at any moment, and elsewhere the lines alone.
"""

import functools
import io
import os
import pty
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from hw1 import progress
from hw1.progress import InPlace, Table
from tests.commands.copies import ROOT

NSTEPS = 100
FIGURES = 1.5, 0.25, 1.75, 0.125
LINE = "    1      1.5000          25.00    1.7500        12.50"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(text):
    """Return the lines on the screen after text, without colours and the spaces that end them."""
    lines = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", text.replace("\r\n", "\n")).split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part):]
        lines.append(shown.rstrip())
    return lines


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless its now is moved."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """What progress.py takes for standard output: pytest sets the real one anew in each test."""
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

def test_a_file_gets_the_lines_alone_each_when_its_epoch_ends(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file))
    table = Table(NSTEPS)
    go(table, clock, nsteps=NSTEPS, seconds=1)
    table.epoch(0, *FIGURES)
    assert file.getvalue().decode() == f"\n{'  '.join(progress.COLUMNS)}\n{LINE}    100.0\n"


def test_the_seconds_are_those_of_the_epoch(terminal, clock):
    table = Table(NSTEPS)
    clock.now = 3
    table.epoch(0, *FIGURES)
    clock.now = 4.26
    table.epoch(1, *FIGURES)
    assert [line[-3:] for line in screen(terminal.getvalue())[-3:-1]] == ["3.0", "1.3"]


@pytest.mark.parametrize("told, epoch", ((False, 1), (True, 2)))
def test_a_slow_epoch_shows_how_far_it_is(terminal, clock, told, epoch):
    table = Table(NSTEPS)
    if told:
        table.epoch(0, *FIGURES)
    go(table, clock, nsteps=32, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == f"    {epoch}   32 %, 17 s left"


def test_epochs_told_of_at_the_end_have_their_seconds_and_show_how_far_they_are(terminal, clock):
    table = Table(NSTEPS)
    go(table, clock, nsteps=NSTEPS, seconds=0.0625)
    go(table, clock, nsteps=NSTEPS, seconds=0.25)
    go(table, clock, nsteps=33, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == "    3   33 %, 16 s left"
    for epoch in range(3):
        table.epoch(epoch, *FIGURES)
    lines = screen(terminal.getvalue())[-4:-1]
    assert [line.split()[-1] for line in lines] == ["6.5", "25.0", "8.0"]


@pytest.mark.parametrize("seconds, shown", ((0.125, 12.5 / 0.5), (0.019, 0)))
def test_how_far_it_is_is_shown_twice_a_second_if_an_epoch_is_slow(terminal, clock, seconds, shown):
    go(Table(NSTEPS), clock, nsteps=NSTEPS, seconds=seconds)
    assert terminal.getvalue().count("\r") == shown


def test_an_epoch_s_line_takes_the_place_of_how_far_it_was(terminal, clock):
    table = Table(NSTEPS)
    go(table, clock, nsteps=1, seconds=100)
    go(table, clock, nsteps=98, seconds=1)  # fewer digits than at first
    table.wipe()
    assert screen(terminal.getvalue())[-1] == ""
    table.epoch(0, *FIGURES)
    assert screen(terminal.getvalue())[-2:] == [LINE + "    198.0", ""]


def test_the_heading_is_dim_and_the_best_error_so_far_bold_and_green(terminal, clock):
    table = Table(NSTEPS)
    for epoch, error in enumerate((0.5, 0.25, 0.375, 0.25, 0.125)):
        table.epoch(epoch, 1, 0.5, 1, error)
    output = terminal.getvalue()
    assert output.startswith("\n\x1b[2mepoch") and "seconds\x1b[0m\n" in output
    assert re.findall(r"\x1b\[1;32m *([\d.]+)\x1b\[0m", output) == ["50.00", "25.00", "12.50"]


@pytest.mark.parametrize("name, value, colour, in_place", (
    ("NO_COLOR", "1", False, True), ("NO_COLOR", "", True, True),
    ("TERM", "dumb", False, False), ("TERM", None, False, False)))
def test_the_environment_says_what_a_terminal_can(terminal, clock, monkeypatch, name, value, colour,
                                                  in_place):
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    table = Table(NSTEPS)
    go(table, clock, nsteps=1, seconds=10)
    assert (screen(terminal.getvalue())[-1] == "    1    1 %, 990 s left") == in_place
    assert ("\r" in terminal.getvalue()) == in_place
    table.epoch(0, *FIGURES)
    assert ("\x1b" in terminal.getvalue()) == colour


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
saved.files.write = full
"""


def on_a_terminal(*arguments, change=""):
    """Return (status, what it printed) of python -m hw1, whose epochs are all taken for slow ones.

    change: code that runs before.
    """
    code = ("import sys\nfrom hw1 import __main__, progress, saved\n"
            f"progress.SLOW = progress.INTERVAL = 0\n{change}\n"
            "sys.exit(__main__.main(sys.argv[1:]))")
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT,
                               env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its)
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


def test_a_terminal_shows_colour_and_how_far_an_epoch_is_and_the_table_stays(folder):
    status, printed = on_a_terminal("--data", folder, "--epochs", "2", "--batch-size", "20")
    assert status == 0
    assert re.findall(r"\r    (\d +\d+ %)", printed) == [
        "1   33 %", "1   66 %", "1  100 %", "2   33 %", "2   66 %", "2  100 %"]
    assert printed.count("\x1b[1;32m") in (1, 2)
    after = "\n".join(screen(printed)).split("  ".join(progress.COLUMNS) + "\n")[1].splitlines()
    assert [line.split()[:1] for line in after[:3]] == [["1"], ["2"], []]


def test_an_error_stands_on_a_line_of_its_own(folder):
    status, printed = on_a_terminal("--data", folder, "--activation", "relu", "--bn-layers", "0",
                                    "--lr", "1e300")
    assert status == 1
    assert any(line.startswith("hw1: the loss is no longer finite") for line in screen(printed))


def test_an_interrupted_run_ends_with_a_line_of_its_own(folder):
    status, printed = on_a_terminal("--data", folder, change=INTERRUPTED)
    assert (status, screen(printed)[-2:]) == (130, ["hw1: interrupted", ""])


def test_a_disk_that_is_full_is_told_on_a_line_of_its_own(folder, tmp_path):
    path = tmp_path / "run.npz"
    status, printed = on_a_terminal("--data", folder, "--epochs", "2", "--save", path,
                                    change=FULL_DISK)
    lines = screen(printed)
    told = [i for i, line in enumerate(lines) if line.startswith(f"hw1: cannot write {path}")]
    assert (status, [lines[i + 1].split()[0] for i in told]) == (1, ["1"])
    assert "Confusion" in "".join(lines[:-2]) and lines[-2].startswith("hw1: could not write")


# ---- InPlace -------------------------------------------------------------------------------------

def test_in_place_the_last_epoch_is_what_stays(capsys):
    show = InPlace(3)
    for epoch, error in enumerate((0.5, 0.125, 0.25)):
        show(epoch, 1000 / 10**epoch, 0.75, 20, error)
    assert screen(capsys.readouterr().out) == [
        "epoch 3/3: loss 10.0000; validation loss 20.0000, error 25.00 %, best 12.50 %", ""]


def test_in_place_every_epoch_is_shown_before_the_next_and_is_not_wrapped(capsys):
    InPlace(101)(99, 2.5, 0.9, 2.5, 0.9)
    printed = capsys.readouterr().out
    assert printed.startswith("\repoch 100/101: ") and "\n" not in printed and len(printed) <= 80
