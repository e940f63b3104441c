"""Which files of a submission are unpacked, from every kind of archive, and what is refused."""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile

import pytest

from tests.grader.proof.submissions import archive, link
from tests.grader.submission import (
    MAX_FILES, MAX_SIZE, NOT_GZIPPED, Refused, holds_hw1, is_archive, unpack)

SOFT = tarfile.SYMTYPE
HARD = tarfile.LNKTYPE
PASSWD = "/etc/passwd"
HW1 = ("hw1/hw1.py", b"a")
ZIP = "it is a zip archive, not a tar archive"


def write_archive(path, content):
    """Write a submission: bytes as they are; members as the suffix of the file's name says."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member in content:
                file.writestr(*member)
    else:
        archive(path, *content, mode=f"w:{path.suffix[1:]}")
    return path


def read_tree(folder):
    """Return the files below a folder, {name: bytes}; none may be a link."""
    files = {}
    for path in sorted(folder.rglob("*")):
        assert not path.is_symlink()
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


RIGHT_LAYOUTS = {  # {name: (the members, the other files that are unpacked)}
    "a dot": ([("./hw1/hw1.py", b"a")], {}),
    "two slashes": ([("hw1//hw1.py", b"a")], {}),
    "a leading slash": ([("/hw1/hw1.py", b"a")], {}),
    "the same member twice": ([("hw1/hw1.py", b"old"), HW1], {}),
    "other files": (
        [HW1, ("hw1/part/c.py", b"c"), ("utils/x.py", b"x"), ("w.npy", b"\x93N")],
        {"hw1/part/c.py": b"c", "utils/x.py": b"x", "w.npy": b"\x93N"}),
    "a hard link": ([HW1, link(HARD, "hw1/b.py", "hw1/hw1.py")], {"hw1/b.py": b"a"}),
    "hw1.py is a link": (
        [("s/hw1.py", b"a"), link(SOFT, "hw1/hw1.py", "../s/hw1.py")], {"s/hw1.py": b"a"}),
    "hw1 is a link": ([("s/hw1.py", b"a"), link(SOFT, "hw1", "s")], {"s/hw1.py": b"a"}),
    "links to links": (
        [HW1, link(SOFT, "a", "b"), link(SOFT, "b", "hw1"), link(SOFT, "hw1/l", "."),
         link(SOFT, "x", "y"), link(SOFT, "y", "x")],
        {"a/hw1.py": b"a", "b/hw1.py": b"a"}),
    "links that lead out": (
        [HW1, link(SOFT, "hw1/etc", PASSWD), link(SOFT, "up", "../../x"), link(HARD, "h", PASSWD),
         link(tarfile.CHRTYPE, "hw1/null", ""), link(tarfile.FIFOTYPE, "hw1/fifo", "")],
        {}),
    "names that lead out, or are not wanted": (
        [HW1, ("../out.py", b"b"), ("hw1/../../out.py", b"b"), (f"hw1/{300 * 'x'}.py", b"b"),
         ("hw1/.git/x", b"g"), ("hw1/._hw1.py", b"m"), ("hw1/__pycache__/hw1.pyc", b"p")],
        {}),
}


@pytest.mark.parametrize("name", RIGHT_LAYOUTS)
def test_every_member_is_unpacked_and_none_leads_out(name, tmp_path, out):
    members, others = RIGHT_LAYOUTS[name]
    path = write_archive(tmp_path / "h.gz", members)
    layout, advice = unpack(path, out)
    assert read_tree(out) == {"hw1/hw1.py": b"a", **others}
    assert (layout, advice) == (None, [])
    assert sorted(tmp_path.iterdir()) == [path, out]


WRONG_LAYOUTS = {  # {name: (the members, the other files that are unpacked, the layout)}
    "a folder around": (
        [("alice/hw1/hw1.py", b"a"), ("alice/hw1/b.py", b"b"), ("alice/c.py", b"c"),
         ("d.py", b"d")],
        {"hw1/b.py": b"b", "c.py": b"c"}, "its hw1.py is alice/hw1/hw1.py"),
    "two folders around": ([("a/b/hw1/hw1.py", b"a")], {}, "its hw1.py is a/b/hw1/hw1.py"),
    "capitals": (
        [("HW1/hw1.py", b"a"), ("HW1/b.py", b"b")], {"hw1/b.py": b"b"}, "its hw1.py is HW1/hw1.py"),
    "no folder": (
        [("hw1.py", b"a"), ("b.py", b"b")], {"b.py": b"b", "hw1.py": b"a", "hw1/b.py": b"b"},
        "its hw1.py is hw1.py"),
    "another folder": ([("alice/hw1.py", b"a")], {"hw1.py": b"a"}, "its hw1.py is alice/hw1.py"),
    "a capital suffix": ([("hw1/HW1.PY", b"a")], {"hw1/HW1.PY": b"a"}, "its hw1.py is hw1/HW1.PY"),
}


@pytest.mark.parametrize("name", WRONG_LAYOUTS)
def test_a_wrong_layout_is_unpacked_and_named(name, tmp_path, out):
    members, others, expected = WRONG_LAYOUTS[name]
    path = write_archive(tmp_path / "h.gz", members)
    layout, _ = unpack(path, out)
    assert read_tree(out) == {"hw1/hw1.py": b"a", **others}
    assert layout == expected


def test_a_zip_archive_is_unpacked_and_named(tmp_path, out):
    members = [("hw1/", b""), HW1, ("hw1/b.py", b"b"), ("../out.py", b""),
               ("__MACOSX/hw1/._hw1.py", b"")]
    path = write_archive(tmp_path / "h.zip", members)
    layout, _ = unpack(path, out)
    assert read_tree(out) == {"hw1/hw1.py": b"a", "hw1/b.py": b"b"}
    assert layout == ZIP


@pytest.mark.parametrize("compress", [bytes, bz2.compress, lzma.compress])
def test_other_compressions_get_advice(compress, tmp_path, out):
    path = write_archive(tmp_path / "h.tar", [HW1])
    path.write_bytes(compress(path.read_bytes()))
    _, advice = unpack(path, out)
    assert read_tree(out) == {"hw1/hw1.py": b"a"}
    assert advice == [NOT_GZIPPED]


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress, lzma.compress])
@pytest.mark.parametrize("tail", [b"", bytes(10240), b"\0\n", b"garbage"])
def test_compressed_parts_are_joined_and_trailing_bytes_ignored(compress, tail, tmp_path, out):
    path = write_archive(tmp_path / "h.tar", [HW1])
    content = path.read_bytes()
    path.write_bytes(compress(content[:700]) + compress(content[700:]) + tail)
    unpack(path, out)
    assert read_tree(out) == {"hw1/hw1.py": b"a"}


@pytest.fixture
def alice(tmp_path):
    """A student's folder: hw1/, files next to it, and a file that is too large to be taken."""
    folder = tmp_path / "alice"
    for name in ("hw1/hw1.py", "hw1/__init__.py", "hw1/b.py", "data.csv", ".venv/x", "other.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a")
    (folder / "huge.npy").write_bytes(bytes(MAX_SIZE))
    return folder


@pytest.mark.parametrize("place, expected", [
    ("", ["data.csv", "hw1/__init__.py", "hw1/b.py", "hw1/hw1.py", "other.py"]),
    ("hw1", ["hw1/__init__.py", "hw1/b.py", "hw1/hw1.py"]),
    ("hw1/hw1.py", ["hw1/b.py", "hw1/hw1.py"]),
    ("other.py", ["hw1/hw1.py"]),
])
def test_folders_and_modules_are_submissions(place, expected, alice, out):
    layout, advice = unpack(alice / place, out)
    assert sorted(read_tree(out)) == expected
    assert (layout, advice) == (None, [])


def test_a_submission_folder_holds_hw1(alice, tmp_path):
    assert holds_hw1(alice)
    assert holds_hw1(alice / "hw1")
    assert not holds_hw1(tmp_path)


SPARSE = tarfile.TarInfo("hw1/hw1.py")
SPARSE.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": f"{1 << 50}"}
LINKS = [link(SOFT, f"d{k + 1}/{n}", f"../d{k}") for k in range(12) for n in range(8)]
TOO_LARGE = "refused: it unpacks to more than 32 MB"
TOO_MANY = "refused: more than 1000 files"
DAMAGED = "is not a tar archive, or is damaged"
CUT_OFF = f"{DAMAGED}: unexpected end of file"
NONE = "holds no hw1/hw1.py"
BAD = {  # {file name: (its bytes or members, why it is refused)}
    "bomb.gz": (gzip.compress(bytes(2 * MAX_SIZE)), TOO_LARGE),
    "bomb.zip": ([("hw1/hw1.py", bytes(MAX_SIZE // 2 + 1)), ("b", bytes(MAX_SIZE // 2))],
                 TOO_LARGE),
    "huge member.tar": ([("hw1/hw1.py", bytes(MAX_SIZE))], TOO_LARGE),
    "sparse member.gz": ([SPARSE], TOO_LARGE),
    "too many.gz": ([(f"{k}", b"") for k in range(MAX_FILES + 1)], TOO_MANY),
    "links of links.gz": ([HW1, ("d0/x", b"x"), *LINKS], TOO_MANY),
    "cut off.bz2": (bz2.compress(os.urandom(5000))[:2500], CUT_OFF),
    "cut off.gz": (gzip.compress(os.urandom(5000))[:2500], CUT_OFF),
    "cut off.xz": (lzma.compress(os.urandom(5000))[:2500], CUT_OFF),
    "not a tar": (b"%PDF-1.4", DAMAGED),
    "half a zip": (b"PK\x03\x04 a zip file", DAMAGED),
    "half a gzip header": (b"\x1f\x8b", DAMAGED),
    "empty": (b"", DAMAGED),
    "empty.gz": ([], f"{NONE}; it holds nothing"),
    "no hw1.py.gz": ([(f"{k}.py", b"") for k in range(8)],
                     f"{NONE}; it holds 0.py, 1.py, 2.py, 3.py, 4.py and 3 more files"),
    "two.gz": ([("a/hw1/hw1.py", b""), ("b/hw1/hw1.py", b"")],
               f"{NONE}, but a/hw1/hw1.py, b/hw1/hw1.py: which is meant?"),
    "only a link out.gz": ([link(SOFT, "hw1/hw1.py", PASSWD)], NONE),
    "file and folder.gz": ([("hw1", b""), HW1],
                           "hw1/hw1.py cannot be unpacked: a file has the name of its folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_in_one_line(name, tmp_path, out):
    content, expected = BAD[name]
    path = write_archive(tmp_path / name, content)
    with pytest.raises(Refused) as caught:
        unpack(path, out)
    reason = str(caught.value)
    assert expected in reason
    assert "\n" not in reason


@pytest.mark.parametrize("name, content, expected", [
    ("h.tar", b"", True), ("H.TGZ", b"", True), ("z.zip", b"", True),
    ("h.tar.1", b"\x1f\x8b\x08", True), ("README.txt", b"x", False), ("a.pdf", b"%PDF", False),
    ("slides.docx", b"PK\x03\x04", False),
])
def test_archives_are_known_by_suffix_or_content(name, content, expected, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert is_archive(path) == expected
