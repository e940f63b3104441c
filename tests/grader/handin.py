"""Finds hw1/hw1.py in a handin: an archive, a folder that holds hw1/hw1.py, or a file hw1.py."""

import gzip
import io
import pathlib
import tarfile
import zlib

LARGEST = 32 << 20  # bytes that an archive may hold
MOST = 1000         # members that it may have


class Refused(Exception):
    """Why something cannot be graded at all, in one line."""


def unpack(path, folder):
    """Put the handin's folder hw1 below folder, and return hw1.py there; Refused if there is none."""
    path, folder = pathlib.Path(path), pathlib.Path(folder)
    try:
        if path.is_dir():
            files = {file.name: file.read_bytes() for file in (path / "hw1").glob("*.py") if file.is_file()}
        elif path.suffix == ".py":
            files = {"hw1.py": path.read_bytes()}
        else:
            files = members(path)
    except OSError as error:
        raise Refused("%s cannot be read: %s" % (path, error.strerror or error)) from error
    if "hw1.py" not in files:
        raise Refused("%s holds no hw1/hw1.py" % path.name)
    (folder / "hw1").mkdir()
    for name, content in files.items():
        (folder / "hw1" / name).write_bytes(content)
    return folder / "hw1" / "hw1.py"


def members(path):
    """The contents of an archive's files hw1/*.py; Refused if it has a member that no handin needs."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(decompressed(path))) as archive:
            for count, member in enumerate(archive, 1):
                parts = [part for part in member.name.split("/") if part != "."]
                if count > MOST:
                    raise Refused("%s is refused: more than %d members" % (path.name, MOST))
                if member.name.startswith("/") or ".." in parts:
                    raise Refused("%s is refused: %r leads out of the archive's folder" % (path.name, member.name))
                if not (member.isfile() or member.isdir()):
                    raise Refused("%s is refused: %r is a link or a device, not a file" % (path.name, member.name))
                if member.isfile() and len(parts) == 2 and parts[0] == "hw1" and parts[1].endswith(".py"):
                    found[parts[1]] = archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
        why = str(error).splitlines()[0].rstrip(":") if str(error) else type(error).__name__
        raise Refused("%s is no tar archive, or a damaged one: %s" % (path.name, why)) from error
    return found


def decompressed(path):
    """The bytes of an archive, gzip or plain; Refused if they are more than a handin can have."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Refused("%s is refused: it unpacks to more than %d MB" % (path.name, LARGEST >> 20))
    return content
