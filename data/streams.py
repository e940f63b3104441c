"""Prepare standard output and standard error for a program, and end it where they fail."""

import io
import os
import sys


def prepare():
    """Make standard output and standard error take every letter, also where they are closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed when the program started, as by >&-
            setattr(sys, name, open(os.devnull, "w"))
        elif isinstance(stream, io.TextIOWrapper):  # and not a notebook's
            stream.reconfigure(errors="backslashreplace")


def give_up(error):
    """Return the exit status for an OSError of standard output, and print nothing more to it.

    141 where the reader has gone, as head does; 1 with a line on standard error otherwise.
    """
    # What is still in the buffer must not fail again when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 141
    print(f"cannot write to standard output ({error.strerror}): write elsewhere", file=sys.stderr)
    return 1
