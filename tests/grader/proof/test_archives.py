"""What is unpacked of a handin, whatever it is packed in, and what is refused."""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile

import pytest

from tests.grader.handin import LARGEST, MOST, Refused, holds_hw1, is_handin, unpack
from tests.grader.proof.handins import archive, link

SOFT, HARD, PASSWD = tarfile.SYMTYPE, tarfile.LNKTYPE, "/etc/passwd"
MORE = gzip.compress(bytes(512), mtime=0)  # as the id of a test, it must always be the same
HW1, OWN, ZIP = ("hw1/hw1.py", b"a"), {"hw1/hw1.py": b"a"}, "it is a zip archive"


def packed(path, content):
    """Write a handin: bytes as they are; members as the suffix of the file's name says."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member in content:
                file.writestr(*member)
    else:
        archive(path, *content, mode=f"w:{path.suffix[1:]}")
    return path


def unpacked(path, folder):
    """What unpack writes below folder: ({name: bytes}, its note, its advice)."""
    out = folder / "out"
    out.mkdir(parents=True)
    told, places = unpack(path, out), sorted(out.rglob("*"))
    assert not any(place.is_symlink() for place in places)
    return ({place.relative_to(out).as_posix(): place.read_bytes()
             for place in places if place.is_file()}, *told)


@pytest.mark.parametrize("members, others, wrong", [
    ([("./hw1/hw1.py", b"a")], {}, None), ([("hw1//hw1.py", b"a")], {}, None),
    ([("/hw1/hw1.py", b"a")], {}, None), ([("hw1/hw1.py", b"old"), HW1], {}, None),
    ([HW1, ("hw1/part/c.py", b"c"), ("utils/x.py", b"x"), ("w.npy", b"\x93N")],
     {"hw1/part/c.py": b"c", "utils/x.py": b"x", "w.npy": b"\x93N"}, None),
    ([HW1, link(HARD, "hw1/b.py", "hw1/hw1.py")], {"hw1/b.py": b"a"}, None),
    ([("s/hw1.py", b"a"), link(SOFT, "hw1/hw1.py", "../s/hw1.py")], {"s/hw1.py": b"a"}, None),
    ([("s/hw1.py", b"a"), link(SOFT, "hw1", "s")], {"s/hw1.py": b"a"}, None),
    ([HW1, link(SOFT, "a", "b"), link(SOFT, "b", "hw1"), link(SOFT, "hw1/l", "."),
      link(SOFT, "x", "y"), link(SOFT, "y", "x")], {"a/hw1.py": b"a", "b/hw1.py": b"a"}, None),
    ([HW1, link(SOFT, "hw1/etc", PASSWD), link(SOFT, "up", "../../x"), link(HARD, "h", PASSWD),
      link(tarfile.CHRTYPE, "hw1/null", ""), link(tarfile.FIFOTYPE, "hw1/fifo", "")], {}, None),
    ([HW1, ("../out.py", b"b"), ("hw1/../../out.py", b"b"), (f"hw1/{300 * 'x'}.py", b"b"),
      ("hw1/.git/x", b"g"), ("hw1/._hw1.py", b"m"), ("hw1/__pycache__/hw1.pyc", b"p")], {}, None),
    ([("alice/hw1/hw1.py", b"a"), ("alice/hw1/b.py", b"b"), ("alice/c.py", b"c"), ("d.py", b"d")],
     {"hw1/b.py": b"b", "c.py": b"c"}, "its hw1.py is alice/hw1/hw1.py"),
    ([("a/b/hw1/hw1.py", b"a")], {}, "its hw1.py is a/b/hw1/hw1.py"),
    ([("HW1/hw1.py", b"a"), ("HW1/b.py", b"b")], {"hw1/b.py": b"b"}, "its hw1.py is HW1/hw1.py"),
    ([("hw1.py", b"a"), ("b.py", b"b")], {"b.py": b"b", "hw1.py": b"a", "hw1/b.py": b"b"},
     "its hw1.py is hw1.py"),
    ([("alice/hw1.py", b"a")], {"hw1.py": b"a"}, "its hw1.py is alice/hw1.py"),
    ([("hw1/HW1.PY", b"a")], {"hw1/HW1.PY": b"a"}, "its hw1.py is hw1/HW1.PY"),
    ([("hw1/", b""), HW1, ("hw1/b.py", b"b"), ("../out.py", b""), ("__MACOSX/hw1/._hw1.py", b"")],
     {"hw1/b.py": b"b"}, ZIP),
])
def test_all_that_is_inside_is_unpacked_and_nothing_leads_out(members, others, wrong, tmp_path):
    """What is packed wrongly is unpacked, too, and told so."""
    path = packed(tmp_path / ("h.zip" if wrong == ZIP else "h.gz"), members)
    note = wrong and ("the course's grader would find no hw1/hw1.py in this handin as it is "
                      f"packed, and give 0 points: {wrong}")
    assert unpacked(path, tmp_path) == ({**OWN, **others}, note, [])
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "out"]


@pytest.mark.parametrize("compress, tail", [
    (bytes, b""), (bz2.compress, b"garbage"), (lzma.compress, b"garbage"),
    *[(gzip.compress, tail) for tail in (bytes(10240), b"\0\n", b"garbage", MORE)]])
def test_it_may_be_packed_otherwise_and_what_follows_is_let_be(compress, tail, tmp_path):
    path = packed(tmp_path / "h.tar", [HW1])
    first, second = path.read_bytes()[:700], path.read_bytes()[700:]
    path.write_bytes(compress(first) + compress(second) + tail)  # as what packs in parallel does
    advice = ["the archive is not gzipped: make it with tar -czf, or by handin.sh"]
    assert unpacked(path, tmp_path) == (OWN, None, [] if compress is gzip.compress else advice)


def test_a_folder_and_a_file_are_handins(tmp_path):
    alice = tmp_path / "alice"
    for name in ("hw1/hw1.py", "hw1/__init__.py", "hw1/b.py", "data.csv", ".venv/x", "other.py"):
        (alice / name).parent.mkdir(parents=True, exist_ok=True)
        (alice / name).write_bytes(b"a")
    (alice / "huge.npy").write_bytes(bytes(LARGEST))
    inside = {f"hw1/{name}": b"a" for name in ("__init__.py", "b.py", "hw1.py")}
    for place, expected in (("", {"data.csv": b"a", **inside, "other.py": b"a"}), ("hw1", inside),
                            ("hw1/hw1.py", {"hw1/b.py": b"a", **OWN}), ("other.py", OWN)):
        folder = tmp_path / f"from {place.replace('/', ' ')}"
        assert unpacked(alice / place, folder) == (expected, None, [])
    assert holds_hw1(alice) and holds_hw1(alice / "hw1") and not holds_hw1(tmp_path)


SPARSE = tarfile.TarInfo("hw1/hw1.py")
SPARSE.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": f"{1 << 50}"}
LINKS = [link(SOFT, f"d{k + 1}/{n}", f"../d{k}") for k in range(12) for n in range(8)]
HUGE, MANY = "refused: it unpacks to more than 32 MB", "refused: more than 1000 members"
DAMAGED, NONE = "is no tar archive, or a damaged one", "holds no hw1/hw1.py"
BAD = {  # the name of the file: what is in it, and why it is refused
    "bomb.gz": (gzip.compress(bytes(2 * LARGEST)), HUGE),
    "bomb.zip": ([(name, bytes(LARGEST // 2 + 1)) for name in ("hw1/hw1.py", "b")], HUGE),
    "huge member.tar": ([("hw1/hw1.py", bytes(LARGEST))], HUGE),
    "sparse member.gz": ([SPARSE], HUGE),
    "too many.gz": ([(f"{k}", b"") for k in range(MOST + 1)], MANY),
    "links of links.gz": ([HW1, ("d0/x", b"x"), *LINKS], MANY),
    **{f"cut off by {kind.__name__}": (kind.compress(os.urandom(5000))[:2500],
                                       f"{DAMAGED}: it ends before its time")
       for kind in (bz2, gzip, lzma)},
    "not a tar": (b"%PDF-1.4", DAMAGED),
    "half a zip": (b"PK\x03\x04 a zip file", DAMAGED),
    "half a gzip header": (b"\x1f\x8b", DAMAGED),
    "empty": (b"", DAMAGED),
    "empty.gz": ([], f"{NONE}; it holds nothing"),
    "many, none hw1.py.gz": ([(f"{k}.py", b"") for k in range(8)], f"{NONE}; it holds "
                             "0.py, 1.py, 2.py, 3.py, 4.py and 3 files more"),
    "two.gz": ([("a/hw1/hw1.py", b""), ("b/hw1/hw1.py", b"")],
               f"{NONE}, but a/hw1/hw1.py, b/hw1/hw1.py: which is meant?"),
    "only a link out.gz": ([link(SOFT, "hw1/hw1.py", PASSWD)], NONE),
    "file and folder.gz": ([("hw1", b""), HW1],
                           "hw1/hw1.py cannot be unpacked: a file has the name of its folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_in_a_line(name, tmp_path):
    content, reason = BAD[name]
    with pytest.raises(Refused) as caught:
        unpacked(packed(tmp_path / name, content), tmp_path)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_a_pile_has_handins_and_other_files(tmp_path):
    good = {"h.tar": b"", "H.TGZ": b"", "z.zip": b"", "hw1.py": b"", "h.tar.1": b"\x1f\x8b\x08"}
    bad = {"README.txt": b"x", "a.pdf": b"%PDF", "slides.docx": b"PK\x03\x04"}
    for name, content in {**good, **bad}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "alice").mkdir()
    found = {path.name for path in tmp_path.iterdir() if is_handin(path)}
    assert found == {*good, "alice"}
