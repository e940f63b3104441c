"""A program for test_progress.py: python -m hw1 in which every epoch counts as slow.

The first argument names what goes wrong: "nothing", "interrupt" at the first step, or "full disk".
The others are those of python -m hw1.
"""

import errno
import sys

from hw1 import __main__, progress, saved


class InterruptedTable(progress.Table):
    def step(self):
        super().step()
        raise KeyboardInterrupt


def fail_to_write(path, content):
    raise OSError(errno.ENOSPC, "No space left on device")


if __name__ == "__main__":
    fault, *arguments = sys.argv[1:]
    progress.SLOW = 0
    progress.INTERVAL = 0
    if fault == "interrupt":
        progress.Table = InterruptedTable
    elif fault == "full disk":
        saved.files.write = fail_to_write
    sys.exit(__main__.main(arguments))
