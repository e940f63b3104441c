"""Find hw1/hw1.py in a submission, and unpack it safely with all that comes with it.

A submission is an archive, a folder, or a file hw1.py. Members of an archive are read into memory,
and written below a folder of the grader; those whose names lead out of it are left out. A link
becomes a copy of the member that it points to, or is left out if it points anywhere else.
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

MAX_SIZE = 32 << 20  # bytes of all files of a submission
MAX_FILES = 1000
MAX_LINK_DEPTH = 5  # links that point to links
GZIP = b"\x1f\x8b"
ZIP = b"PK"
DECOMPRESSORS = {
    GZIP: lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
}
SUFFIXES = (".tar", ".tgz", ".gz", ".bz2", ".tbz", ".xz", ".txz", ".zip")
NOT_GZIPPED = "the archive is not gzipped: make it with ./handin.sh, or with tar -czf"


class Refused(Exception):
    """The reason, in one line, why a submission cannot be graded at all."""


def unpack(path, folder):
    """Write the files of the submission at path below folder, its hw1.py as hw1/hw1.py.

    Return (layout, advice). layout: None, or why the course's autograder would find no hw1/hw1.py.
    advice: a list of lines. Raises Refused if the submission cannot be read, is too large, or has
    no hw1.py, or several of which none is hw1/hw1.py.
    """
    path = pathlib.Path(path)
    advice = []
    is_zip = False
    if path.name == "hw1.py" and is_package(path.parent):
        files = read_package(path.parent)
        files.pop("hw1/__init__.py", None)  # the file was named, not the package
    elif path.suffix == ".py" and path.is_file():
        files = {"hw1/hw1.py": path.read_bytes()}
    elif is_package(path):
        files = read_package(path)
    elif path.is_dir():
        files = read_folder(path)
    else:
        content = path.read_bytes()
        is_zip = content.startswith(ZIP)
        if not content.startswith((GZIP, ZIP)):
            advice.append(NOT_GZIPPED)
        files = read_archive(path.name, content)
    name = find_hw1(files, path.name)
    write_files(move_to_hw1(files, name), folder)
    layout = None
    if is_zip:
        layout = "it is a zip archive, not a tar archive"
    elif name != "hw1/hw1.py":
        layout = f"its hw1.py is {name}"
    return layout, advice


def is_package(folder):
    """Return whether folder is a folder hw1 that holds hw1.py."""
    return folder.resolve().name.lower() == "hw1" and (folder / "hw1.py").is_file()


def holds_hw1(folder):
    """Return whether folder is a submission, and not a batch of them."""
    return is_package(folder) or (folder / "hw1" / "hw1.py").is_file()


def is_archive(path):
    """Return whether a file is an archive, by its suffix or its first bytes."""
    if path.name.lower().endswith(SUFFIXES):
        return True
    with open(path, "rb") as file:
        return file.read(2) == GZIP


def is_wanted(name):
    """Return whether a file is to be unpacked: no part of its name is hidden, compiled, or ".."."""
    parts = name.split("/")
    return not any(part.startswith(".") or part in ("__pycache__", "__MACOSX") for part in parts)


# ---- Reading -------------------------------------------------------------------------------------

def read_package(folder):
    """Return the files of a folder hw1, {"hw1/name": bytes}."""
    return {f"hw1/{name}": content for name, content in read_folder(folder).items()}


def read_folder(folder):
    """Return the files of a folder, {name: bytes}, up to the limits; those of hw1 come first."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    names = sorted(name for name in names if is_wanted(name))
    names.sort(key=lambda name: name.split("/")[0] != "hw1")
    found = {}
    size = 0
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        if len(found) == MAX_FILES or size + path.stat().st_size > MAX_SIZE:
            continue
        found[name] = path.read_bytes()
        size += len(found[name])
    return found


def read_archive(name, content):
    """Return the wanted files of an archive, {name: bytes}; Refused if it cannot be read."""
    try:
        files = read_zip(content) if content.startswith(ZIP) else read_tar(content)
    except Refused as refused:
        raise Refused(f"{name} is refused: {refused}") from refused
    except Exception as error:  # for damaged archives the libraries raise almost every kind
        lines = str(error).splitlines() or [type(error).__name__]
        reason = lines[0].rstrip(":")
        raise Refused(f"{name} is not a tar archive, or is damaged: {reason}") from error
    return {name: file for name, file in files.items() if is_wanted(name)}


def read_zip(content):
    """Return the files of a zip archive, {name: bytes}."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    members = [member for member in archive.infolist() if not member.is_dir()]
    check_sizes([member.file_size for member in members])
    return {normalise(member.filename): archive.read(member) for member in members}


def read_tar(content):
    """Return the files of a tar archive, {name: bytes}, with a copy for each link."""
    content = decompress(content)
    check_sizes([len(content)])
    archive = tarfile.open(fileobj=io.BytesIO(content), mode="r:")
    members = archive.getmembers()
    check_sizes([member.size for member in members])  # a sparse file is larger than its content
    files = {}
    links = {}
    for member in members:
        name = normalise(member.name)
        if member.isfile():
            files[name] = archive.extractfile(member).read()
        elif member.islnk():
            links[name] = normalise(member.linkname)
        elif member.issym():
            target = posixpath.join(posixpath.dirname(name), member.linkname)
            links[name] = posixpath.normpath(target)
    follow_links(files, links)
    return files


def follow_links(files, links):
    """Add to files a copy of what each link points to, {name: target}, through other links too."""
    for _ in range(MAX_LINK_DEPTH):
        for name, target in links.items():
            if name.startswith(f"{target}/"):  # a link to a folder around it
                continue
            for other in list(files):
                if f"{other}/".startswith(f"{target}/"):
                    files.setdefault(name + other[len(target):], files[other])
            check_sizes([len(content) for content in files.values()])


def decompress(content):
    """Return content decompressed, if it is compressed. Raises Refused if that is too large.

    Compressed streams that follow one another are joined, and trailing bytes are ignored, as gzip
    does.
    """
    magic = next(filter(content.startswith, DECOMPRESSORS), None)
    if magic is None:
        return content
    whole = b""
    while content.startswith(magic):
        stream = DECOMPRESSORS[magic]()
        whole += stream.decompress(content, MAX_SIZE + 1 - len(whole))
        check_sizes([len(whole)])
        if not stream.eof:
            raise EOFError("unexpected end of file")
        content = stream.unused_data
    return whole


def check_sizes(sizes):
    """Raise Refused if files of these sizes are more than a submission may hold."""
    if len(sizes) > MAX_FILES:
        raise Refused(f"more than {MAX_FILES} files")
    if sum(sizes) > MAX_SIZE:
        raise Refused(f"it unpacks to more than {MAX_SIZE >> 20} MB")


def normalise(name):
    """Return the name of a member without a leading slash, and without "." and "//" in it."""
    return posixpath.normpath(name.lstrip("/"))


# ---- Finding and writing -------------------------------------------------------------------------

def find_hw1(files, name):
    """Return the name of the submission's hw1.py: hw1/hw1.py, or the only one in another place.

    name: of the submission. Raises Refused if there is none, or more than one.
    """
    if "hw1/hw1.py" in files:
        return "hw1/hw1.py"
    for ending in ("/hw1/hw1.py", "/hw1.py"):
        found = sorted(file for file in files if f"/{file.lower()}".endswith(ending))
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused(f"{name} holds no hw1/hw1.py, but {abbreviate(found)}: which is meant?")
    raise Refused(f"{name} holds no hw1/hw1.py; it holds {abbreviate(sorted(files))}")


def abbreviate(names):
    """Return up to five names, and how many more there are."""
    if not names:
        return "nothing"
    shown = ", ".join(names[:5])
    if len(names) > 5:
        return f"{shown} and {len(names) - 5} more files"
    return shown


def move_to_hw1(files, name):
    """Return files with their names changed so that the submission's hw1.py, name, is hw1/hw1.py.

    The files in its folder go to hw1/. If that folder is called hw1, files next to it stay next
    to it; if not, its files may be imported either way, and also go next to hw1/.
    """
    folder = name[:-len("hw1.py")]
    root = folder
    if f"/{folder}".lower().endswith("/hw1/"):
        root = folder[:-len("hw1/")]
    moved = {}
    for file, content in files.items():
        if file.startswith(root) and (root == folder or not file.startswith(folder)):
            moved[file[len(root):]] = content
    for file, content in files.items():
        if file.startswith(folder):
            moved[f"hw1/{file[len(folder):]}"] = content
    moved["hw1/hw1.py"] = files[name]
    return moved


def write_files(files, folder):
    """Write files, {name: bytes}, below folder; a name that is too long is left out."""
    for name, content in files.items():
        target = pathlib.Path(folder, name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            reason = "a file has the name of its folder"
            raise Refused(f"{name} cannot be unpacked: {reason}") from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # no import can name such a file
                raise
