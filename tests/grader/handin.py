"""Finds hw1/hw1.py in a handin, and unpacks all that is with it, safely.

A handin is an archive, a folder, or a file hw1.py. Every file of an archive is read by its name and
written below a folder of the grader's own; a link gives what it leads to in the archive, and is
left out if it leads elsewhere.
"""

import bz2
import errno
import io
import lzma
import pathlib
import posixpath
import tarfile
import zipfile
import zlib

LARGEST = 32 << 20  # bytes that a handin may hold
MOST = 1000         # files that it may have
GZIP, ZIP = b"\x1f\x8b", b"PK"
SUFFIXES = ".tar", ".tgz", ".gz", ".bz2", ".tbz", ".xz", ".txz", ".zip", ".py"


class Refused(Exception):
    """Why something cannot be graded at all, in one line."""


def unpack(path, folder):
    """Write the handin's files below folder, its hw1/hw1.py there; Refused if that cannot be.

    Return a note, None or what the course's grader would find instead, and lines of advice.
    """
    path, advice, content = pathlib.Path(path), [], b""
    home = path.parent if path.name == "hw1.py" else path  # it may import what is beside it
    if is_hw1(home):
        files = {f"hw1/{name}": content for name, content in files_of(home).items()
                 if home == path or name != "__init__.py"}  # which is not asked for
    elif path.is_dir():
        files = files_of(path)
    elif path.suffix == ".py":
        files = {"hw1/hw1.py": path.read_bytes()}
    else:
        content = path.read_bytes()
        try:
            files = {name: file for name, file in members(content, advice).items() if wanted(name)}
        except Refused as refused:
            raise Refused(f"{path.name} is refused: {refused}") from refused
        except Exception as error:  # for damaged archives, the libraries raise almost every kind
            why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
            raise Refused(f"{path.name} is no tar archive, or a damaged one: {why}") from error
    name, is_zip, note = hw1_in(files, path.name), content.startswith(ZIP), None
    if is_zip or name != "hw1/hw1.py":
        note = ("the course's grader would find no hw1/hw1.py in this handin as it is packed, and "
                f"give 0 points: {'it is a zip archive' if is_zip else f'its hw1.py is {name}'}")
    for place, content in moved(files, name).items():
        target = pathlib.Path(folder, place)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(f"{place} cannot be unpacked: a file has the name of its folder")
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # no import can name such a file
                raise
    return note, advice


def hw1_in(files, handin):
    """The name of hw1/hw1.py among the files; or else of the one that is meant for it."""
    names = [name for name in files if name == "hw1/hw1.py"]
    for ending in ("/hw1/hw1.py", "/hw1.py"):
        names = names or [name for name in files if f"/{name.lower()}".endswith(ending)]
    if len(names) == 1:
        return names[0]
    told = ", ".join(sorted(names or files)[:5]) or "nothing"
    if len(names or files) > 5:
        told += f" and {len(names or files) - 5} files more"
    told = f", but {told}: which is meant?" if names else f"; it holds {told}"
    raise Refused(f"{handin} holds no hw1/hw1.py{told}")


def moved(files, name):
    """The files as they stand about hw1/hw1.py, if the one called name is that."""
    folder = name[:-len("hw1.py")]  # becomes hw1/
    root = folder[:-len("hw1/")] if f"/{folder}".lower().endswith("/hw1/") else folder
    beside = {other[len(root):]: content for other, content in files.items()
              if other.startswith(root) and (root == folder or not other.startswith(folder))}
    inside = {f"hw1/{other[len(folder):]}": content for other, content in files.items()
              if other.startswith(folder)}
    return {**beside, **inside, "hw1/hw1.py": files[name]}


def files_of(folder):
    """The files of a folder, {name: bytes}, those of hw1 first; none hidden, and not too much."""
    found, size = {}, 0
    names = filter(wanted, [path.relative_to(folder).as_posix() for path in folder.rglob("*")])
    for name in sorted(names, key=lambda name: (name.split("/")[0] != "hw1", name)):
        path = folder / name
        if path.is_file() and len(found) < MOST and size + path.stat().st_size <= LARGEST:
            found[name] = path.read_bytes()
            size += len(found[name])
    return found


def wanted(name):
    """Whether a file is no leftover, hidden or compiled, nor by two dots outside of the archive."""
    return not any(part.startswith(".") or part in ("__pycache__", "__MACOSX")
                   for part in name.split("/"))


# ---- Archives ------------------------------------------------------------------------------------

def members(content, advice):
    """The files of an archive, {name: bytes}."""
    if content.startswith(ZIP):
        return of_zip(zipfile.ZipFile(io.BytesIO(content)))
    if content.startswith(GZIP):
        content = gunzipped(content)
    else:
        advice.append("the archive is not gzipped: make it with tar -czf, or by handin.sh")
        for magic, reader in ((b"BZh", bz2.BZ2File), (b"\xfd7zXZ", lzma.LZMAFile)):
            if content.startswith(magic):
                content = reader(io.BytesIO(content)).read(LARGEST + 1)
    check(1, len(content))
    return of_tar(tarfile.open(fileobj=io.BytesIO(content), mode="r:"))


def check(count, size):
    """Refused if it is more than a handin can hold."""
    if count > MOST:
        raise Refused(f"more than {MOST} members")
    if size > LARGEST:
        raise Refused(f"it unpacks to more than {LARGEST >> 20} MB")


def gunzipped(content):
    """What was gzipped; as gzip does, what follows it (zeros, mostly) is let be."""
    whole = b""
    while content.startswith(GZIP):
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
            below = f"{target}/"
            for other, content in list(files.items()):
                if other == target or (other.startswith(below) and not name.startswith(below)):
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
    """The name, or what a link in a folder leads to, without a slash before it, or two in it."""
    return posixpath.normpath(posixpath.join(folder, name) if folder else name.lstrip("/"))


def is_handin(path):
    """Whether a file or folder in a pile of handins is one, and not a text that lies there too."""
    if path.is_dir() or path.name.lower().endswith(SUFFIXES):
        return True
    with open(path, "rb") as file:
        return file.read(2) == GZIP


def is_hw1(path):
    """Whether a path is that of a folder hw1 with hw1.py in it."""
    return path.resolve().name.lower() == "hw1" and (path / "hw1.py").is_file()


def holds_hw1(folder):
    """Whether a folder is a handin, and no pile of them."""
    return is_hw1(folder) or (folder / "hw1" / "hw1.py").is_file()
