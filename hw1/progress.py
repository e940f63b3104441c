"""Show the progress of a training run: InPlace in a notebook, Table on a terminal or in a file.

    get_training_stats(mlp, dset, 100, batch_size, on_epoch=InPlace(100))
"""

import math
import os
import sys
import time

COLUMNS = ("epoch", "train loss", "train error %", "val loss", "val error %", "seconds")
SLOW = 2  # seconds: longer epochs show how much of them is done
INTERVAL = 0.5  # seconds between two updates of that
DIM = "\x1b[2m"
BEST = "\x1b[1;32m"  # bold and green: bold also for those who cannot tell green from red
RESET = "\x1b[0m"


def format_loss(loss):
    """Return loss, a number of at least 0, in at most 8 characters."""
    text = f"{loss:.4f}"
    if len(text) <= 8:
        return text
    return f"{loss:.1e}"


class InPlace:
    """An on_epoch for get_training_stats: one line, which each epoch overwrites."""

    def __init__(self, nepochs):
        """nepochs: as in get_training_stats; after the last epoch, the line ends."""
        self.nepochs = nepochs
        self._best = math.inf
        self._width = 0

    def __call__(self, epoch, training_loss, training_error, validation_loss, validation_error):
        """Print the line of an epoch: its number counts from 0, errors are from 0 to 1."""
        self._best = min(self._best, validation_error)
        # At most 80 columns: only the last row of a wrapped line would be overwritten.
        line = (f"epoch {epoch + 1}/{self.nepochs}: loss {format_loss(training_loss)}; "
                f"val loss {format_loss(validation_loss)}, "
                f"error {100 * validation_error:.2f} %, best {100 * self._best:.2f} %")
        self._width = max(self._width, len(line))
        end = "\n" if epoch + 1 == self.nepochs else ""
        print("\r" + line.ljust(self._width), end=end, flush=True)


class Table:
    """A table on standard output: a heading, and a line for each epoch.

    On a terminal, a slow epoch shows how much of it is done, and the lowest validation error so far
    is bold and green, unless the environment asks for no colour. A file gets only the table.
    """

    def __init__(self, nsteps):
        """nsteps: the number of steps in an epoch."""
        self._nsteps = nsteps
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._has_colour = self._is_terminal and not os.environ.get("NO_COLOR")
        self._best = math.inf
        self._width = 0  # of the line that is overwritten
        self._starts = []  # time of the start of each epoch
        self._start_epoch()
        print("\n" + self._paint(DIM, "  ".join(COLUMNS)), flush=True)

    def step(self):
        """Count a step of the epoch; on a terminal, update what is shown of a slow epoch."""
        if self._nsteps_done == self._nsteps:  # epoch() is called only at the end of the training
            self._start_epoch()
        self._nsteps_done += 1
        now = time.perf_counter()
        elapsed = now - self._starts[-1]
        expected = elapsed * self._nsteps / self._nsteps_done
        is_due = expected >= SLOW and now - self._last_shown >= INTERVAL
        if self._is_terminal and is_due:
            self._last_shown = now
            percent = 100 * self._nsteps_done // self._nsteps
            epoch = f"{len(self._starts)}".rjust(len(COLUMNS[0]))
            line = f"{epoch}  {percent:3} %, {expected - elapsed:.0f} s left"
            self._width = max(self._width, len(line))
            print("\r" + line.ljust(self._width), end="", flush=True)

    def epoch(self, epoch, training_loss, training_error, validation_loss, validation_error):
        """Print the line of an epoch: its number counts from 0, errors are from 0 to 1."""
        self.wipe()
        self._start_epoch()
        seconds = self._starts[epoch + 1] - self._starts[epoch]
        cells = [
            f"{epoch + 1}",
            format_loss(training_loss),
            f"{100 * training_error:.2f}",
            format_loss(validation_loss),
            f"{100 * validation_error:.2f}",
            f"{seconds:.1f}",
        ]
        cells = [cell.rjust(len(column)) for cell, column in zip(cells, COLUMNS)]
        if validation_error < self._best:
            self._best = validation_error
            cells[4] = self._paint(BEST, cells[4])
        print("  ".join(cells), flush=True)

    def wipe(self):
        """Remove the line that shows how much of an epoch is done."""
        if self._width > 0:
            print("\r" + " " * self._width + "\r", end="", flush=True)
            self._width = 0

    def _start_epoch(self):
        self._last_shown = time.perf_counter()
        self._starts.append(self._last_shown)
        self._nsteps_done = 0

    def _paint(self, colour, text):
        if not self._has_colour:
            return text
        return colour + text + RESET
