"""What is unpacked of a handin, whatever it is packed in, and what is refused."""

import gzip
import os
import tarfile
import zipfile

import pytest

from tests.grader.handin import LARGEST, MOST, Refused, holds_hw1, is_handin, unpack
from tests.grader.proof.handins import archive, link

SYMBOLIC, HARD, PASSWD = tarfile.SYMTYPE, tarfile.LNKTYPE, "/etc/passwd"
HW1, OWN = ("hw1/hw1.py", b"a"), {"hw1/hw1.py": b"a"}
NOTE = ("the course's grader would find no hw1/hw1.py in this handin as it is packed, and give "
        "0 points: ")


def unpacked(path, folder):
    """What unpack writes below folder: ({name: bytes}, its note, its advice)."""
    out = folder / "out"
    out.mkdir(parents=True)
    told, places = unpack(path, out), sorted(out.rglob("*"))
    assert not any(place.is_symlink() for place in places)
    return ({place.relative_to(out).as_posix(): place.read_bytes()
             for place in places if place.is_file()}, *told)


@pytest.mark.parametrize("members, others", [
    ([("./hw1/hw1.py", b"a")], {}), ([("hw1//hw1.py", b"a")], {}), ([("/hw1/hw1.py", b"a")], {}),
    ([("hw1/hw1.py", b"old"), HW1], {}),
    ([HW1, ("hw1/part/c.py", b"c"), ("utils/x.py", b"x"), ("w.npy", b"\x93N")],
     {"hw1/part/c.py": b"c", "utils/x.py": b"x", "w.npy": b"\x93N"}),
    ([HW1, link(HARD, "hw1/b.py", "hw1/hw1.py")], {"hw1/b.py": b"a"}),
    ([("src/hw1.py", b"a"), link(SYMBOLIC, "hw1/hw1.py", "../src/hw1.py")], {"src/hw1.py": b"a"}),
    ([("src/hw1.py", b"a"), link(SYMBOLIC, "hw1", "src")], {"src/hw1.py": b"a"}),
    ([HW1, link(SYMBOLIC, "hw1/l", "."), link(SYMBOLIC, "x", "y"), link(SYMBOLIC, "y", "x")], {}),
    ([HW1, link(SYMBOLIC, "hw1/etc", PASSWD), link(SYMBOLIC, "up", "../../x"),
      link(HARD, "h", PASSWD)], {}),
    ([HW1, link(tarfile.CHRTYPE, "hw1/null", ""), link(tarfile.FIFOTYPE, "hw1/fifo", "")], {}),
    ([HW1, ("../out.py", b"b"), ("hw1/../../out.py", b"b"), (f"hw1/{300 * 'x'}.py", b"b")], {}),
    ([HW1, ("hw1/.git/config", b"g"), ("hw1/._hw1.py", b"m"),
      ("hw1/__pycache__/hw1.cpython-311.pyc", b"p")], {}),
])
def test_all_that_is_inside_is_unpacked_and_nothing_leads_out(members, others, tmp_path):
    found = unpacked(archive(tmp_path / "h.tar", *members), tmp_path)
    assert found == ({**OWN, **others}, None, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.tar", "out"]


@pytest.mark.parametrize("mode, tail", [("w:", b""), ("w:bz2", b""), ("w:xz", b""), *[
    ("w:gz", tail) for tail in (bytes(10240), b"\0\n", b"garbage", gzip.compress(bytes(512)))]])
def test_it_may_be_packed_otherwise_with_advice_and_what_follows_is_let_be(mode, tail, tmp_path):
    path = archive(tmp_path / "h.tar", HW1, mode=mode)
    path.write_bytes(path.read_bytes() + tail)
    advice = ["the archive is not gzipped: make it with tar -czf, or by handin.sh"]
    assert unpacked(path, tmp_path) == (OWN, None, [] if mode == "w:gz" else advice)


@pytest.mark.parametrize("names, found", [
    (["alice/hw1/hw1.py", "alice/hw1/b.py", "alice/c.py", "d.py"],
     ["c.py", "hw1/b.py", "hw1/hw1.py"]),
    (["a/b/hw1/hw1.py"], ["hw1/hw1.py"]), (["HW1/hw1.py", "HW1/b.py"], ["hw1/b.py", "hw1/hw1.py"]),
    (["hw1.py", "b.py"], ["b.py", "hw1.py", "hw1/b.py", "hw1/hw1.py"]),
    (["alice/hw1.py"], ["hw1.py", "hw1/hw1.py"]),
], ids=str)
def test_a_handin_that_is_packed_wrongly_is_graded_and_told_so(names, found, tmp_path):
    path = archive(tmp_path / "h.tar", *[(name, name.encode()) for name in names])
    files, note, _ = unpacked(path, tmp_path)
    assert files["hw1/hw1.py"] == names[0].encode() and sorted(files) == found
    assert note == f"{NOTE}its hw1.py is {names[0]}"


def zipped(path, content, *names):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)


def test_a_zip_is_graded_and_told_so(tmp_path):
    zipped(tmp_path / "h.zip", b"a", "hw1/", "hw1/hw1.py", "hw1/b.py", "../out.py",
           "__MACOSX/hw1/._hw1.py")
    assert unpacked(tmp_path / "h.zip", tmp_path) == (
        {**OWN, "hw1/b.py": b"a"}, f"{NOTE}it is a zip archive", [])


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


# ---- What is refused -----------------------------------------------------------------------------

def of(*members, mode="w:gz"):
    return lambda path: archive(path, *members, mode=mode)


def with_bytes(content):
    return lambda path: path.write_bytes(content)


SPARSE = tarfile.TarInfo("hw1/hw1.py")
SPARSE.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": f"{1 << 50}"}
LINKS = [link(SYMBOLIC, f"d{k + 1}/{n}", f"../d{k}") for k in range(4) for n in range(8)]
DAMAGED, HUGE = "is no tar archive, or a damaged one", "refused: it unpacks to more than 32 MB"
BAD = {
    "bomb": (with_bytes(gzip.compress(bytes(LARGEST + 1))), HUGE),
    "zip bomb": (lambda path: zipped(path, bytes(LARGEST // 2 + 1), "hw1/hw1.py", "b"), HUGE),
    "huge member": (of(("hw1/hw1.py", bytes(LARGEST)), mode="w"), HUGE),
    "sparse member": (of(SPARSE), HUGE),
    "too many": (of(*[(f"{k}", b"") for k in range(MOST + 1)]), "refused: more than 1000 members"),
    "links of links": (of(HW1, ("d0/x", b"x"), *LINKS), "refused: more than 1000 members"),
    "truncated": (with_bytes(gzip.compress(os.urandom(5000))[:2500]),
                  f"{DAMAGED}: it ends before its time"),
    "not a tar": (with_bytes(b"%PDF-1.4"), DAMAGED),
    "half a zip": (with_bytes(b"PK\x03\x04 a zip file"), DAMAGED),
    "half a gzip header": (with_bytes(b"\x1f\x8b"), DAMAGED),
    "empty file": (with_bytes(b""), DAMAGED),
    "empty archive": (of(), "holds no hw1/hw1.py; it holds nothing"),
    "many, none hw1.py": (of(*[(f"{k}.py", b"") for k in range(8)]), "holds no hw1/hw1.py; it "
                          "holds 0.py, 1.py, 2.py, 3.py, 4.py and 3 files more"),
    "two": (of(("a/hw1/hw1.py", b""), ("b/hw1/hw1.py", b"")),
            "holds no hw1/hw1.py, but a/hw1/hw1.py, b/hw1/hw1.py: which is meant?"),
    "only a link out": (of(link(SYMBOLIC, "hw1/hw1.py", PASSWD)), "holds no hw1/hw1.py"),
    "file and folder": (of(("hw1", b""), HW1),
                        "hw1/hw1.py cannot be unpacked: a file has the name of its folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_in_a_line(name, tmp_path):
    make, reason = BAD[name]
    make(tmp_path / "h.tar")
    with pytest.raises(Refused) as caught:
        unpacked(tmp_path / "h.tar", tmp_path)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_a_pile_has_handins_and_other_files(tmp_path):
    good = {"h.tar": b"", "H.TGZ": b"", "z.zip": b"", "hw1.py": b"", "h.tar.1": b"\x1f\x8b\x08"}
    bad = {"README.txt": b"x", "a.pdf": b"%PDF", "slides.docx": b"PK\x03\x04"}
    for name, content in {**good, **bad}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "alice").mkdir()
    found = {path.name for path in tmp_path.iterdir() if is_handin(path)}
    assert found == {*good, "alice"}
