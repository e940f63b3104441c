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
COMPRESSED = {GZIP: lambda: zlib.decompressobj(wbits=31), b"BZh": bz2.BZ2Decompressor,
              b"\xfd7zXZ": lzma.LZMADecompressor}
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
        if not content.startswith((GZIP, ZIP)):
            advice.append("the archive is not gzipped: make it with tar -czf, or by handin.sh")
        try:
            files = {name: file for name, file in members(content).items() if wanted(name)}
        except Refused as refused:
            raise Refused(f"{path.name} is refused: {refused}") from refused
        except Exception as error:  # for damaged archives, the libraries raise almost every kind
            why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
            raise Refused(f"{path.name} is no tar archive, or a damaged one: {why}") from error
    files, name = about_hw1(files, path.name)
    is_zip, note = content.startswith(ZIP), None
    if is_zip or name != "hw1/hw1.py":
        note = ("the course's grader would find no hw1/hw1.py in this handin as it is packed, and "
                f"give 0 points: {'it is a zip archive' if is_zip else f'its hw1.py is {name}'}")
    for place, content in files.items():
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


def about_hw1(files, handin):
    """The files as they stand about hw1/hw1.py, or what is meant for it, and the name of that."""
    names = [name for name in files if name == "hw1/hw1.py"]
    for ending in ("/hw1/hw1.py", "/hw1.py"):
        names = names or [name for name in files if f"/{name.lower()}".endswith(ending)]
    if len(names) != 1:
        held = sorted(names or files)
        more = f" and {len(held) - 5} files more" if len(held) > 5 else ""
        told = f"{', '.join(held[:5]) or 'nothing'}{more}"
        told = f", but {told}: which is meant?" if names else f"; it holds {told}"
        raise Refused(f"{handin} holds no hw1/hw1.py{told}")
    folder = names[0][:-len("hw1.py")]  # becomes hw1/
    root = folder[:-len("hw1/")] if f"/{folder}".lower().endswith("/hw1/") else folder
    beside = {name[len(root):]: content for name, content in files.items()
              if name.startswith(root) and (root == folder or not name.startswith(folder))}
    inside = {f"hw1/{name[len(folder):]}": content for name, content in files.items()
              if name.startswith(folder)}
    return {**beside, **inside, "hw1/hw1.py": files[names[0]]}, names[0]


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


def members(content):
    """The files of an archive, {name: bytes}; what its links lead to has their names, too."""
    if content.startswith(ZIP):
        archive = zipfile.ZipFile(io.BytesIO(content))
        check([member.file_size for member in archive.infolist()])
        return {plain(member.filename): archive.read(member)
                for member in archive.infolist() if not member.is_dir()}
    content = decompressed(content)
    check([len(content)])
    archive = tarfile.open(fileobj=io.BytesIO(content), mode="r:")
    check([member.size for member in archive.getmembers()])  # sparse files are packed smaller
    files, links = {}, {}
    for member in archive.getmembers():
        name = plain(member.name)
        if member.isfile():
            files[name] = archive.extractfile(member).read()
        elif member.issym() or member.islnk():
            links[name] = plain(member.linkname, posixpath.dirname(name) if member.issym() else "")
    for name, target in [*links.items()] * 5:  # links that lead to links
        if not name.startswith(f"{target}/"):
            for other in [other for other in files if f"{other}/".startswith(f"{target}/")]:
                files.setdefault(name + other[len(target):], files[other])
            check([*map(len, files.values())])
    return files


def decompressed(content):
    """What was compressed, if it was; what follows that (zeros, mostly) is let be, as by gzip."""
    whole, magic = b"", next(filter(content.startswith, COMPRESSED), None)
    while magic and content.startswith(magic):
        stream = COMPRESSED[magic]()
        whole += stream.decompress(content, LARGEST + 1 - len(whole))
        check([len(whole)])
        if not stream.eof:
            raise EOFError("it ends before its time")
        content = stream.unused_data
    return whole if magic else content


def check(sizes):
    """Refused if files of these sizes are more than a handin can hold."""
    if len(sizes) > MOST:
        raise Refused(f"more than {MOST} members")
    if sum(sizes) > LARGEST:
        raise Refused(f"it unpacks to more than {LARGEST >> 20} MB")


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
