"""hw1/progress.py: what is on the screen of a terminal at any moment, and what a file gets."""

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
NUMBERS = (1.5, 0.25, 1.75, 0.125)  # of an epoch
LINE = "    1      1.5000          25.00    1.7500        12.50"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def screen(text):
    """Return the lines on the screen after text, without colours and trailing spaces."""
    lines = []
    for line in re.sub(r"\x1b\[[\d;]*m", "", text.replace("\r\n", "\n")).split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part):]
        lines.append(shown.rstrip())
    return lines


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless a test sets its now."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """The standard output of progress.py: pytest replaces the real one in each test."""
    terminal = Terminal()
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stdout=terminal))
    monkeypatch.setattr(progress, "print", functools.partial(print, file=terminal), raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return terminal


def take_steps(table, clock, nsteps, seconds):
    """Take steps of so many seconds each."""
    for _ in range(nsteps):
        clock.now += seconds
        table.step()


# ---- Table ---------------------------------------------------------------------------------------

def test_a_file_gets_each_line_when_its_epoch_ends(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file))
    heading = f"\n{'  '.join(progress.COLUMNS)}\n"
    table = Table(NSTEPS)
    assert file.getvalue().decode() == heading
    take_steps(table, clock, nsteps=NSTEPS, seconds=1)
    table.epoch(0, *NUMBERS)
    assert file.getvalue().decode() == heading + f"{LINE}    100.0\n"


@pytest.mark.parametrize("loss, expected", [
    (0, "0.0000"),
    (999.9999, "999.9999"),
    (999.99999, "1.0e+03"),
    (1000, "1.0e+03"),
    (9.87e300, "9.9e+300"),
])
def test_a_loss_fits_the_columns(loss, expected):
    assert progress.format_loss(loss) == expected
    assert len(expected) <= len("val loss")


def test_huge_losses_keep_the_columns_aligned(terminal, clock):
    table = Table(NSTEPS)
    table.epoch(0, 1e300, 0.25, 1e300, 0.125)
    heading, line = screen(terminal.getvalue())[1:3]
    assert line.split() == ["1", "1.0e+300", "25.00", "1.0e+300", "12.50", "0.0"]
    assert len(line) == len(heading)


def test_seconds_are_those_of_the_epoch(terminal, clock):
    table = Table(NSTEPS)
    clock.now = 3
    table.epoch(0, *NUMBERS)
    clock.now = 4.26
    table.epoch(1, *NUMBERS)
    assert [line[-3:] for line in screen(terminal.getvalue())[-3:-1]] == ["3.0", "1.3"]


@pytest.mark.parametrize("nfinished, epoch", [(0, 1), (1, 2)])
def test_a_slow_epoch_shows_how_much_is_done(terminal, clock, nfinished, epoch):
    table = Table(NSTEPS)
    for finished in range(nfinished):
        table.epoch(finished, *NUMBERS)
    take_steps(table, clock, nsteps=32, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == f"    {epoch}   32 %, 17 s left"


def test_epochs_reported_at_the_end_show_how_much_is_done(terminal, clock):
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=2 * NSTEPS, seconds=0.0625)
    take_steps(table, clock, nsteps=33, seconds=0.25)
    assert screen(terminal.getvalue())[-1] == "    3   33 %, 16 s left"


def test_epochs_reported_at_the_end_have_their_own_seconds(terminal, clock):
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=NSTEPS, seconds=0.0625)
    take_steps(table, clock, nsteps=NSTEPS, seconds=0.25)
    take_steps(table, clock, nsteps=33, seconds=0.25)
    for epoch in range(3):
        table.epoch(epoch, *NUMBERS)
    lines = screen(terminal.getvalue())[-4:-1]
    assert [line.split()[-1] for line in lines] == ["6.5", "25.0", "8.0"]


@pytest.mark.parametrize("seconds, nshown", [
    (0.125, 25),   # every half second of 12.5 seconds
    (0.03125, 6),  # of 3.125 seconds
    (0.019, 0),    # 1.9 seconds are not slow
])
def test_only_slow_epochs_are_shown_twice_a_second(terminal, clock, seconds, nshown):
    take_steps(Table(NSTEPS), clock, nsteps=NSTEPS, seconds=seconds)
    assert terminal.getvalue().count("\r") == nshown


def test_the_line_of_an_epoch_replaces_its_progress(terminal, clock):
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=1, seconds=100)
    take_steps(table, clock, nsteps=98, seconds=1)  # fewer digits than at first
    table.epoch(0, *NUMBERS)
    assert screen(terminal.getvalue())[-2:] == [LINE + "    198.0", ""]


def test_wipe_leaves_an_empty_line(terminal, clock):
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=1, seconds=100)
    take_steps(table, clock, nsteps=98, seconds=1)
    table.wipe()
    assert screen(terminal.getvalue())[-1] == ""


def test_a_second_wipe_prints_nothing(terminal, clock):
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=1, seconds=100)
    table.wipe()
    printed = terminal.getvalue()
    table.wipe()
    assert terminal.getvalue() == printed


def test_heading_is_dim_and_the_best_errors_are_green(terminal, clock):
    table = Table(NSTEPS)
    for epoch, error in enumerate([0.5, 0.25, 0.375, 0.25, 0.125]):
        table.epoch(epoch, 1, 0.5, 1, error)
    output = terminal.getvalue()
    assert output.startswith("\n\x1b[2mepoch")
    assert "seconds\x1b[0m\n" in output
    assert re.findall(r"\x1b\[1;32m *([\d.]+)\x1b\[0m", output) == ["50.00", "25.00", "12.50"]


@pytest.mark.parametrize("name, value, has_colour, has_progress", [
    ("NO_COLOR", "1", False, True),
    ("NO_COLOR", "", True, True),
    ("TERM", "dumb", False, False),
    ("TERM", None, False, False),
])
def test_environment_says_what_the_terminal_can(terminal, clock, monkeypatch, name, value,
                                                has_colour, has_progress):
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    table = Table(NSTEPS)
    take_steps(table, clock, nsteps=1, seconds=10)
    shown = screen(terminal.getvalue())[-1]
    table.epoch(0, *NUMBERS)
    assert (shown == "    1    1 %, 990 s left") == has_progress
    assert ("\r" in terminal.getvalue()) == has_progress
    assert ("\x1b" in terminal.getvalue()) == has_colour


# ---- The command on a real terminal --------------------------------------------------------------

def run_on_a_terminal(*arguments, fault="nothing"):
    """Return the status and the output of train_on_terminal.py."""
    command = [sys.executable, "-m", "tests.commands.train_on_terminal", fault]
    command += map(str, arguments)
    environment = {**os.environ, "TERM": "xterm", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("NO_COLOR", None)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                               stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    with process, open(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # the end of the output on Linux
                break
            if not part:
                break
            output += part
    return process.returncode, output.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The six files of a small data set with three classes."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(1)
    for part, n in (("train", 60), ("val", 40), ("test", 20)):
        np.save(folder / f"{part}_data.npy", rng.integers(0, 255, (n, 16)).astype(np.uint8))
        np.save(folder / f"{part}_labels.npy", np.arange(n) % 3)
    return folder


@pytest.mark.parametrize("batch_size", [20, 25])
def test_terminal_shows_progress_and_keeps_the_table(folder, batch_size):
    status, output = run_on_a_terminal("--data", folder, "--epochs", 2, "--batch-size", batch_size)
    table = "\n".join(screen(output)).split("  ".join(progress.COLUMNS) + "\n")[1]
    assert status == 0
    assert re.findall(r"\r    (\d +\d+ %)", output) == [
        "1   33 %", "1   66 %", "1  100 %", "2   33 %", "2   66 %", "2  100 %"]
    assert [line.split()[:1] for line in table.splitlines()[:3]] == [["1"], ["2"], []]


def test_terminal_shows_the_best_error_in_colour(folder):
    _, output = run_on_a_terminal("--data", folder, "--epochs", 2)
    assert output.count("\x1b[1;32m") in (1, 2)


def test_an_error_has_a_line_of_its_own(folder):
    status, output = run_on_a_terminal("--data", folder, "--activation", "relu", "--bn-layers", 0,
                                       "--lr", "1e300")
    assert status == 1
    assert any(line.startswith("hw1: the loss is not finite") for line in screen(output))


def test_an_interrupt_has_a_line_of_its_own(folder):
    status, output = run_on_a_terminal("--data", folder, fault="interrupt")
    assert (status, screen(output)[-2:]) == (130, ["hw1: interrupted", ""])


def test_a_full_disk_has_a_line_of_its_own(folder, tmp_path):
    path = tmp_path / "run.npz"
    status, output = run_on_a_terminal("--data", folder, "--epochs", 2, "--save", path,
                                       fault="full disk")
    lines = screen(output)
    complaints = [i for i, line in enumerate(lines) if line.startswith("hw1: cannot write")]
    assert status == 1
    assert [lines[i + 1].split()[0] for i in complaints] == ["1"]
    assert "Confusion" in "".join(lines[:-2])
    assert lines[-2].startswith("hw1: could not write")


# ---- InPlace -------------------------------------------------------------------------------------

def test_in_place_only_the_last_epoch_remains(capsys):
    show = InPlace(3)
    show(0, 100, 0.75, 20, 0.5)
    show(1, 10, 0.75, 20, 0.125)
    show(2, 1, 0.75, 20, 0.25)
    assert screen(capsys.readouterr().out) == [
        "epoch 3/3: loss 1.0000; val loss 20.0000, error 25.00 %, best 12.50 %", ""]


@pytest.mark.parametrize("loss", [2.5, 1e300])
def test_in_place_an_epoch_is_shown_at_once_in_one_row(capsys, loss):
    InPlace(101)(99, loss, 0.9, loss, 0.9)
    output = capsys.readouterr().out
    assert output.startswith("\repoch 100/101: ")
    assert "\n" not in output
    assert len(output.strip("\r")) <= 80
