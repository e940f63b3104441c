"""Write files whole or not at all, and leave their modes and symbolic links as they were."""

import contextlib
import os
import pathlib
import secrets
import stat
import sys


def write(path, content):
    """Write content, bytes, to path.

    A regular file is replaced whole or not at all, and keeps its mode; a new file gets the mode
    that the umask leaves. A symbolic link stays, and its target is written. Anything else, such as
    a device, a FIFO or /dev/stdout, is written to directly; so is the file that standard output or
    standard error is redirected to, after its present content.

    Raises OSError if path cannot be written, IsADirectoryError if it is a folder.
    """
    try:
        _write(path, content)
    except OSError as error:
        error.filename = os.fspath(path)  # a full disk gives none, others the partial file's
        raise


def _write(path, content):
    stream = _find_standard_stream(path)
    if stream is not None:
        stream.flush()
        with open(stream.fileno(), "wb", closefd=False) as file:
            file.write(content)
    elif _is_regular_or_new(path):
        _replace(pathlib.Path(os.path.realpath(path)), content)
    else:
        with open(path, "wb") as file:
            file.write(content)


def remove_partials(path):
    """Remove the partial files that writes to path left behind when their process was killed."""
    target = pathlib.Path(os.path.realpath(path))
    for partial in target.parent.glob(f".{target.name}.*.partial"):
        partial.unlink()


def _find_standard_stream(path):
    """Return sys.stdout or sys.stderr if path leads to its file, otherwise None."""
    for stream in (sys.stdout, sys.stderr):
        # A stream may be None (closed), or one of a notebook or a test, without a descriptor.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            if os.path.samestat(os.stat(path), os.fstat(stream.fileno())):
                return stream
    return None


def _is_regular_or_new(path):
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode)


def _replace(target, content):
    """Put a new file with this content in the place of target, a regular file or none."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as file:
            if target.exists():
                partial.chmod(stat.S_IMODE(target.stat().st_mode))  # before anything is in it
            file.write(content)
        os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
