"""Finds hw1/hw1.py in a handin, and unpacks all that is with it, safely.

A handin is an archive, a folder, or a file hw1.py. Every file of an archive is read by its name and written below a
folder of the grader's own; a link gives what it leads to in the archive, and is left out if it leads elsewhere.
"""

import bz2
import io
import lzma
import os
import pathlib
import posixpath
import tarfile
import typing
import zipfile
import zlib

LARGEST = 32 << 20  # bytes that a handin may hold
MOST = 1000         # files that it may have
SUFFIXES = ".tar", ".tgz", ".gz", ".bz2", ".tbz", ".xz", ".txz", ".zip", ".py"


class Refused(Exception):
    """Why something cannot be graded at all, in one line."""


class Found(typing.NamedTuple):
    """module: hw1/hw1.py, unpacked. note: None, or what the course's grader would find instead."""

    module: pathlib.Path
    note: typing.Optional[str]
    advice: list


def unpack(path, folder):
    """Write the handin's files below folder; Refused if there is no hw1.py, or more than one, or what no handin holds."""
    path = pathlib.Path(path)
    advice, packed = [], True
    if path.is_dir():
        files = files_of(path)
    elif path.suffix == ".py":
        files, packed = {"hw1/hw1.py": path.read_bytes()}, False
    else:
        content = path.read_bytes()
        try:
            files, packed = members(content, advice)
        except Refused as refused:
            raise Refused(f"{path.name} is refused: {refused}") from refused
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError,
                NotImplementedError, RuntimeError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
            raise Refused(f"{path.name} is no tar archive, or a damaged one: {why}") from error
    name = hw1_in(files, path.name)
    note = None
    if name != "hw1/hw1.py" or packed == "zip":
        what = "it is a zip archive" if packed == "zip" else f"its hw1.py is {name}"
        note = f"the course's grader would find no hw1/hw1.py in this handin as it is packed, and give 0 points: {what}"
    write(moved(files, name), folder)
    return Found(pathlib.Path(folder, "hw1", "hw1.py"), note, advice)


def hw1_in(files, handin):
    """The name of hw1/hw1.py among the files; or else of the one that is meant for it."""
    if "hw1/hw1.py" in files:
        return "hw1/hw1.py"
    for ending in ("/hw1/hw1.py", "/hw1.py"):
        names = [name for name in files if f"/{name.lower()}".endswith(ending)]
        if len(names) > 1:
            raise Refused(f"{handin} holds no hw1/hw1.py, but {told(names)}: which is meant?")
        if names:
            return names[0]
    raise Refused(f"{handin} holds no hw1/hw1.py; it holds {told(files)}")


def told(names):
    names = sorted(names)
    more = f" and {len(names) - 5} files more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "nothing") + more


def moved(files, name):
    """The files as they stand about hw1/hw1.py, if the one called name is that."""
    folder = posixpath.dirname(name)  # becomes hw1
    root = posixpath.dirname(folder) if posixpath.basename(folder).lower() == "hw1" else folder
    placed = {posixpath.relpath(other, root or "."): content for other, content in files.items()
              if within(other, root) and not (within(other, folder) and folder != root)}
    placed.update((posixpath.join("hw1", posixpath.relpath(other, folder or ".")), content)
                  for other, content in files.items() if within(other, folder))
    return {**placed, "hw1/hw1.py": files[name]}


def within(name, folder):
    return not folder or name.startswith(f"{folder}/")


def write(files, folder):
    for name, content in files.items():
        target = pathlib.Path(folder, *name.split("/"))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(f"{name} cannot be unpacked: a file has the name of its folder") from None


def files_of(folder):
    """The contents of a folder's files by their names, those of hw1 first; what is hidden or too much is left out."""
    found, size = {}, 0
    for path in sorted(folder.rglob("*"), key=lambda path: (path.relative_to(folder).parts[0] != "hw1", str(path))):
        name = path.relative_to(folder).as_posix()
        if not wanted(name) or not path.is_file() or path.stat().st_size + size > LARGEST or len(found) == MOST:
            continue
        found[name] = path.read_bytes()
        size += len(found[name])
    return found


def wanted(name):
    """Whether a file is more than a leftover: hidden, or compiled."""
    parts = name.split("/")
    return not any(part.startswith(".") or part in ("__pycache__", "__MACOSX") for part in parts)


# ---- Archives --------------------------------------------------------------------------------------------------------

def members(content, advice):
    """The contents of an archive's files by their names, and how it is packed."""
    if content[:2] == b"PK":
        return of_zip(zipfile.ZipFile(io.BytesIO(content))), "zip"
    if content[:2] == b"\x1f\x8b":
        content = gunzipped(content)
    else:
        advice.append("the archive is not gzipped: make it with tar -czf, or by handin.sh")
        for magic, reader in ((b"BZh", bz2.BZ2File), (b"\xfd7zXZ", lzma.LZMAFile)):
            if content.startswith(magic):
                content = at_most(reader(io.BytesIO(content)).read(LARGEST + 1))
    return of_tar(tarfile.open(fileobj=io.BytesIO(at_most(content)), mode="r:")), "tar"


def at_most(content):
    if len(content) > LARGEST:
        raise Refused(f"it unpacks to more than {LARGEST >> 20} MB")
    return content


def gunzipped(content):
    """What was gzipped; as gzip does, what follows it (zeros, mostly) is let be."""
    parts, size = [], 0
    while content[:2] == b"\x1f\x8b":
        stream = zlib.decompressobj(31)
        parts.append(stream.decompress(content, LARGEST + 1 - size))
        size += len(parts[-1])
        if size > LARGEST:
            at_most(b"".join(parts))
        if not stream.eof:
            raise EOFError("it ends before its time")
        content = stream.unused_data
    return b"".join(parts)


def of_tar(archive):
    files, links = {}, {}
    for count, member in enumerate(archive, 1):
        if count > MOST:
            raise Refused(f"more than {MOST} members")
        name = inside(member.name)
        if name is None:
            continue
        if member.isfile():
            files[name] = archive.extractfile(member).read()
            links.pop(name, None)
        elif member.issym():
            links[name] = inside(member.linkname, posixpath.dirname(name))
        elif member.islnk():
            links[name] = inside(member.linkname)
    return followed(files, links)


def followed(files, links):
    """The files, and for each link that leads to one, or to a folder of them, the same contents under its name."""
    for _ in range(5):  # links that lead to links
        for name, target in links.items():
            for other, content in list(files.items()) if target is not None else ():
                if other == target or (other.startswith(f"{target}/") and not name.startswith(f"{target}/")):
                    files.setdefault(name + other[len(target):], content)
        if len(files) > MOST or sum(map(len, files.values())) > LARGEST:
            raise Refused("its links lead to more than a handin can hold")
    return {name: content for name, content in files.items() if wanted(name)}


def of_zip(archive):
    if len(archive.infolist()) > MOST:
        raise Refused(f"more than {MOST} members")
    files, size = {}, 0
    for member in archive.infolist():
        name = inside(member.filename)
        if name is None or member.is_dir():
            continue
        with archive.open(member) as file:
            files[name] = file.read(LARGEST + 1 - size)
        size += len(files[name])
        if size > LARGEST:
            raise Refused(f"it unpacks to more than {LARGEST >> 20} MB")
    return {name: content for name, content in files.items() if wanted(name)}


def inside(name, folder=""):
    """The name in its plain form, without a leading slash; None if it leads out of the archive."""
    plain = posixpath.normpath(posixpath.join(folder, name.lstrip("/") if not folder else name))
    return None if plain.startswith(("..", "/")) or "\0" in plain else plain


def is_handin(path):
    """Whether a file or folder in a pile of handins is one, and not a text that lies there too."""
    if path.is_dir() or path.name.lower().endswith(SUFFIXES):
        return True
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def holds_hw1(folder):
    return os.path.isfile(os.path.join(folder, "hw1", "hw1.py"))
