"""Shows how a training goes while it goes: InPlace in a notebook, Table on a terminal or in a file.

    get_training_stats(mlp, dset, 100, batch_size, on_epoch=InPlace(100))
"""

import math
import os
import sys
import time

COLUMNS = "epoch", "train loss", "train error %", "val loss", "val error %", "seconds"
SLOW = 2  # seconds: an epoch that takes longer shows how far it is
INTERVAL = 0.5  # seconds from one such line to the next
DIM, BEST, PLAIN = "\x1b[2m", "\x1b[1;32m", "\x1b[0m"  # bold: for whom green is no colour


class InPlace:
    """An on_epoch for get_training_stats: shows the epochs in one line, which rewrites itself."""

    def __init__(self, nepochs):
        """nepochs: an integer, as for get_training_stats: after so many the line is ended."""
        self.nepochs = nepochs
        self._best = math.inf
        self._width = 0

    def __call__(self, epoch, training_loss, training_error, validation_loss, validation_error):
        self._best = min(self._best, validation_error)
        # Within 80 columns: of a line that is wrapped, the first part would stay.
        line = (f"epoch {epoch + 1}/{self.nepochs}: loss {training_loss:.4f}; validation loss "
                f"{validation_loss:.4f}, error {100 * validation_error:.2f} %, "
                f"best {100 * self._best:.2f} %")
        self._width = max(self._width, len(line))  # spaces wipe what a longer line has left
        end = "\n" if epoch + 1 == self.nepochs else ""
        print("\r" + line.ljust(self._width), end=end, flush=True)


class Table:
    """Prints to standard output a heading at once, and a line for each epoch.

    On a terminal a slow epoch shows in place how far it is, and where there is colour, the lowest
    validation error so far is bold and green. Elsewhere there is nothing but the lines.
    """

    def __init__(self, nsteps):
        """nsteps: of an epoch."""
        self._nsteps = nsteps
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._best, self._in_place = math.inf, 0  # the lowest error, the width of the line in place
        self._began = []  # when each epoch did, in seconds
        self._begin()
        print("\n" + self._painted(DIM, "  ".join(COLUMNS)), flush=True)

    def step(self):
        """Count a step of the epoch; now and then, show how many are done."""
        if self._steps == self._nsteps:  # a training that tells of its epochs at the end only
            self._begin()
        self._steps += 1
        now = time.perf_counter()
        passed = now - self._began[-1]
        expected = passed * self._nsteps / self._steps
        if not self._terminal or expected < SLOW or now - self._showed < INTERVAL:
            return
        self._showed = now
        line = (f"{len(self._began):{len(COLUMNS[0])}}  {100 * self._steps // self._nsteps:3} %, "
                f"{expected - passed:.0f} s left")
        self._in_place = max(self._in_place, len(line))
        print("\r" + line.ljust(self._in_place), end="", flush=True)

    def epoch(self, epoch, training_loss, training_error, validation_loss, validation_error):
        """Print the line of an epoch, counted from 0, losses per example and errors from 0 to 1."""
        self.wipe()
        self._begin()  # the next, which ends this one unless step has done so
        seconds = self._began[epoch + 1] - self._began[epoch]
        cells = (f"{epoch + 1}", f"{training_loss:.4f}", f"{100 * training_error:.2f}",
                 f"{validation_loss:.4f}", f"{100 * validation_error:.2f}", f"{seconds:.1f}")
        cells = [cell.rjust(len(column)) for cell, column in zip(cells, COLUMNS)]
        if validation_error < self._best:
            self._best = validation_error
            cells[4] = self._painted(BEST, cells[4])
        print("  ".join(cells), flush=True)

    def wipe(self):
        """Take the line in place away."""
        if self._in_place:
            print("\r" + " " * self._in_place + "\r", end="", flush=True)
            self._in_place = 0

    def _begin(self):
        self._showed = time.perf_counter()
        self._began.append(self._showed)
        self._steps = 0

    def _painted(self, colour, text):
        return colour + text + PLAIN if self._colour else text
