"""Finds hw1/hw1.py in a handin, and unpacks all that is with it, safely.

A handin is an archive, a folder, or a file hw1.py. Every file of an archive is read by its name and written below a
folder of the grader's own; a link gives what it leads to in the archive, and is left out if it leads elsewhere.
"""

import bz2
import errno
import io
import lzma
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
    path, advice, packed = pathlib.Path(path), [], None
    if is_hw1(path):
        files = {f"hw1/{name}": content for name, content in files_of(path).items()}
    elif path.is_dir():
        files = files_of(path)
    elif path.name == "hw1.py" and is_hw1(path.parent):  # it may import what is beside it; __init__.py is not asked for
        files = {f"hw1/{name}": content for name, content in files_of(path.parent).items() if name != "__init__.py"}
    elif path.suffix == ".py":
        files = {"hw1/hw1.py": path.read_bytes()}
    else:
        content = path.read_bytes()
        try:
            files, packed = members(content, advice)
        except Refused as refused:
            raise Refused(f"{path.name} is refused: {refused}") from refused
        except Exception as error:  # for damaged archives, the libraries raise almost every kind
            why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
            raise Refused(f"{path.name} is no tar archive, or a damaged one: {why}") from error
        files = {name: file for name, file in files.items() if wanted(name)}
    name, note = hw1_in(files, path.name), None
    if name != "hw1/hw1.py" or packed == "zip":
        what = "it is a zip archive" if packed == "zip" else f"its hw1.py is {name}"
        note = f"the course's grader would find no hw1/hw1.py in this handin as it is packed, and give 0 points: {what}"
    for place, content in moved(files, name).items():
        target = pathlib.Path(folder, *place.split("/"))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(f"{place} cannot be unpacked: a file has the name of its folder") from None
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # no import can name such a file
                raise
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
    """Whether a file is more than a leftover, hidden or compiled, and not outside of the archive, by two dots."""
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
                content = reader(io.BytesIO(content)).read(LARGEST + 1)
    check(1, len(content))
    return of_tar(tarfile.open(fileobj=io.BytesIO(content), mode="r:")), "tar"


def check(count, size):
    """Refused if it is more than a handin can hold."""
    if count > MOST:
        raise Refused(f"more than {MOST} members")
    if size > LARGEST:
        raise Refused(f"it unpacks to more than {LARGEST >> 20} MB")


def gunzipped(content):
    """What was gzipped; as gzip does, what follows it (zeros, mostly) is let be."""
    whole = b""
    while content[:2] == b"\x1f\x8b":
        stream = zlib.decompressobj(wbits=31)
        whole += stream.decompress(content, LARGEST + 1 - len(whole))
        check(1, len(whole))
        if not stream.eof:
            raise EOFError("it ends before its time")
        content = stream.unused_data
    return whole


def of_tar(archive):
    files, links = {}, {}
    for count, member in enumerate(archive, 1):
        check(count, member.size)  # of a sparse file, more than what is packed
        name = plain(member.name)
        if member.isfile():
            files[name] = archive.extractfile(member).read()
        elif member.issym() or member.islnk():
            links[name] = plain(member.linkname, posixpath.dirname(name) if member.issym() else "")
    for _ in range(5):  # links that lead to links
        for name, target in links.items():
            for other, content in list(files.items()):
                if other == target or (within(other, target) and not within(name, target)):
                    files.setdefault(name + other[len(target):], content)
        check(len(files), sum(map(len, files.values())))
    return files


def of_zip(archive):
    files, size = {}, 0
    for count, member in enumerate(archive.infolist(), 1):
        size += member.file_size
        check(count, size)
        if not member.is_dir():
            files[plain(member.filename)] = archive.read(member)
    return files


def plain(name, folder=""):
    """The name, or what a link in a folder leads to, in its plain form: without a slash before it, or two in it."""
    return posixpath.normpath(posixpath.join(folder, name) if folder else name.lstrip("/"))


def is_handin(path):
    """Whether a file or folder in a pile of handins is one, and not a text that lies there too."""
    if path.is_dir() or path.name.lower().endswith(SUFFIXES):
        return True
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_hw1(path):
    """Whether a path is that of a folder hw1 with hw1.py in it."""
    return path.resolve().name.lower() == "hw1" and (path / "hw1.py").is_file()


def holds_hw1(folder):
    """Whether a folder is a handin, and no pile of them."""
    return is_hw1(folder) or (folder / "hw1" / "hw1.py").is_file()
