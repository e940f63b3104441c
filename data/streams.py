"""Prepare standard output and standard error for a program, and end it when they fail."""

import io
import os
import sys


def prepare():
    """Make standard output and standard error take every character, even if they are closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed when the program started, as by >&-
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, open(nowhere, "w", closefd=False))  # no ResourceWarning at the end
        elif isinstance(stream, io.TextIOWrapper):  # and not a notebook's
            stream.reconfigure(errors="backslashreplace")


def discard_output():
    """Discard what is printed from now on, and what is still in the buffer of standard output.

    Otherwise Python would write the buffer when it exits, and fail again.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def give_up(error):
    """Return the exit status for an OSError of standard output, and print nothing more to it.

    The status is 141 for a closed pipe, as behind `| head`; otherwise it is 1, and a line on
    standard error says why.
    """
    discard_output()
    if isinstance(error, BrokenPipeError):
        return 141
    print(f"cannot write to standard output ({error.strerror}): redirect it elsewhere",
          file=sys.stderr)
    return 1
