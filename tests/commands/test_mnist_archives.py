"""How data/mnist.py gets the six files: from folders, and from servers that can fail."""

import bz2
import gzip
import lzma
import os
import pathlib
import re
import socket
import ssl
import sys
import tarfile
import urllib.error
import zipfile

import numpy as np
import pytest

from data import mnist
from tests.commands.archives import SIDE, assert_complete, flip_last_bit

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


# ---- Folders -----------------------------------------------------------------------------------

def gzip_twice(content):
    return gzip.compress(gzip.compress(content))


def gzip_uncompressed(content):
    return gzip.compress(content, 0)


@pytest.mark.parametrize("place, pack", [
    ("{name}.gz", gzip.compress),
    ("{name}.gz", gzip_uncompressed),
    ("{name}.gz", gzip_twice),
    ("{name}.gz", bytes),
    ("{name}", bytes),
    ("{name}", gzip.compress),
    ("{dotted}", bytes),
    ("{dotted}.gz", gzip.compress),
    ("{upper}.GZ", gzip.compress),
    ("{name} (1).gz", gzip.compress),
    ("{name}(1)", bytes),
    ("Copy of {name}.gz", gzip.compress),
    ("{name}.gz.download", gzip.compress),
    ("{name}/{name}", bytes),
    ("{name}/{dotted}", bytes),
    ("MNIST/raw/{name}", bytes),
])
def test_archives_are_found_in_a_folder(archives, arrays, tmp_path, place, pack):
    for name, content in archives.items():
        dotted = name.replace("-idx", ".idx")
        relative = place.format(name=name, dotted=dotted, upper=name.upper())
        path = tmp_path / "in" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))
    out = tmp_path / "new" / "out"
    mnist.fetch(out, [tmp_path / "in"])
    assert_complete(out, arrays)


def test_a_damaged_archive_is_skipped(archives, source, arrays, tmp_path, capsys):
    below = source / "below"
    below.mkdir()
    for name, content in archives.items():
        (source / f"{name}.gz").rename(below / f"{name}.gz")
        (source / name).write_bytes(flip_last_bit(content))
    mnist.fetch(tmp_path / "out", [source])
    assert_complete(tmp_path / "out", arrays)
    printed = capsys.readouterr().out.splitlines()
    assert [pathlib.Path(line).parent for line in printed[:2]] == [source, below]


@pytest.mark.parametrize("name, change, reason", [
    ("{}.gz", lambda content: gzip.compress(content)[:-9], "ended before the end-of-stream marker"),
    ("{}.gz", lambda content: gzip.compress(content)[:10] + b"\xff" * 9, "Error -3"),
    ("{}.gz", lambda content: gzip.compress(flip_last_bit(content)),
     "expected {size} bytes with SHA-256 {sha256} when unpacked, got {size} with [0-9a-f]{{64}}"),
    ("{}.gz", lambda content: gzip.compress(bytes(10**7)), "expected {size} .* got {limit} with"),
    ("{}", lambda content: bytes(10**7), "expected {size} .* got {limit} with"),
    ("{}", lambda content: content[:-1], "expected {size} .* got {less} with"),
    ("{}", lambda content: b"", "expected {size} .* got 0 with"),
    ("other", bytes, "no file of that name"),
], ids=["truncated gzip", "damaged gzip", "another set", "gzip bomb", "large", "truncated", "empty",
        "missing"])
def test_a_wrong_archive_is_refused_with_the_reason(
        source, archives, tmp_path, name, change, reason):
    (source / f"{IMAGES}.gz").unlink()
    (source / name.format(IMAGES)).write_bytes(change(archives[IMAGES]))
    _, size, digest = mnist.ARCHIVES[IMAGES]
    limit = size + mnist.CHUNK
    reason = reason.format(size=size, sha256=digest, less=size - 1, limit=limit)
    with pytest.raises(OSError, match=f"no good {IMAGES} found .*({reason}).*--from"):
        mnist.fetch(tmp_path / "out", [source])
    assert not (tmp_path / "out" / "train_data.npy").exists()


def make_tar(path, member, mode):
    with tarfile.open(path, mode) as tar:
        tar.add(member, member.name)


def make_zip(path, member):
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(member, member.name)


@pytest.mark.parametrize("name, pack", [
    ("MNIST.tar", lambda path, member: make_tar(path, member, "w")),
    ("MNIST.tar.gz", lambda path, member: make_tar(path, member, "w:gz")),
    ("MNIST.tar (1).gz", lambda path, member: make_tar(path, member, "w:gz")),
    ("mnist.tgz", lambda path, member: make_tar(path, member, "w:gz")),
    ("below/archive.ZIP", make_zip),
    (f"{IMAGES}.zip", make_zip),
    (f"{IMAGES}.xz", lambda path, member: path.write_bytes(lzma.compress(member.read_bytes()))),
    (f"{IMAGES}.bz2", lambda path, member: path.write_bytes(bz2.compress(member.read_bytes()))),
])
def test_a_file_to_unpack_is_named(source, tmp_path, name, pack):
    path = source / name
    path.parent.mkdir(exist_ok=True)
    pack(path, source / f"{IMAGES}.gz")
    (source / f"{IMAGES}.gz").unlink()
    message = f"no good {IMAGES} found .*: unpack {re.escape(str(path))} first, or get MNIST's"
    with pytest.raises(OSError, match=message):
        mnist.fetch(tmp_path / "out", [source])


def test_a_damaged_archive_is_not_named_to_unpack(source, tmp_path):
    (source / f"{IMAGES}.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(OSError) as caught:
        mnist.fetch(tmp_path / "out", [source])
    assert "unpack" not in re.sub("when unpacked", "", str(caught.value))


def test_at_most_three_files_to_unpack_are_named(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.zip").touch()
    with pytest.raises(OSError, match=r"unpack \S*0.zip, \S*1.zip, \S*2.zip first"):
        mnist.fetch(tmp_path / "out", [tmp_path])


@pytest.mark.parametrize("name", [f"{IMAGES}.gz", "MNIST.tar.gz", "archive.zip", "missing"])
def test_a_source_that_is_no_folder_is_refused(source, tmp_path, name):
    if name != "missing":
        (source / name).touch()
    with pytest.raises(NotADirectoryError, match=f"{name} is not a folder: .*unpack it first"):
        mnist.fetch(tmp_path / "out", [source / name])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("there", [[], ["new"]])
def test_a_failed_run_leaves_no_empty_folder(tmp_path, there):
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in there:
        (tmp_path / name).mkdir()
    with pytest.raises(OSError, match="no file of that name"):
        mnist.fetch(tmp_path / "new" / "out", [empty])
    assert sorted(os.listdir(tmp_path)) == ["empty", *there]
    assert all(os.listdir(tmp_path / name) == [] for name in there)


# ---- Servers -----------------------------------------------------------------------------------

@pytest.mark.parametrize("scheme, end", [("http", ""), ("http", "/"), ("HTTP", "")])
def test_archives_are_downloaded_with_a_line_each(serve, arrays, tmp_path, capsys, scheme, end):
    out = tmp_path / "out"
    address = serve().address.replace("http", scheme)
    mnist.fetch(out, [address + end])
    assert_complete(out, arrays)
    assert capsys.readouterr().out.splitlines() == [
        *(f"{address}/{name}.gz ({size:,} bytes)" for name, (size, *_) in mnist.ARCHIVES.items()),
        f"{out}: 6 files written, 0 already correct"]


def test_the_next_run_completes_an_interrupted_one(source, serve, arrays, tmp_path, capsys):
    out = tmp_path / "out"
    mnist.fetch(out, [source])
    (out / "val_labels.npy").unlink()
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / ".val_labels.npy.0a1b2c3d.partial").write_bytes(b"half")
    server = serve()
    mnist.fetch(out, [server.address])
    mnist.fetch(out, [server.address])
    assert_complete(out, arrays)
    assert server.asked == [LABELS]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    counts = re.findall(r"(\d) files written, (\d) already correct", capsys.readouterr().out)
    assert counts == [("6", "0"), ("1", "5"), ("0", "6")]


FAULTS = {
    "missing": "404",
    "corrupted": "Incorrect length",
    "truncated": "ended before the end-of-stream marker",
    "disconnects": "ended before the end-of-stream marker",
    "silent": "timed out",
    "slow": "too slow",
    "endless": "expected [0-9]+ bytes, got more",
}


@pytest.fixture(params=FAULTS)
def faulty(request, serve, monkeypatch):
    """A server whose every response fails in one way."""
    monkeypatch.setattr(mnist, "READ_TIMEOUT", 0.3 if request.param == "silent" else 10)
    monkeypatch.setattr(mnist, "DEADLINE", 0.2 if request.param == "slow" else 10)
    return serve(request.param)


def test_a_failed_download_keeps_the_correct_files(faulty, serve, arrays, tmp_path):
    out = tmp_path / "out"
    server = serve()
    mnist.fetch(out, [server.address])
    (out / "val_labels.npy").unlink()
    (out / "train_data.npy").unlink()
    message = f"no good {LABELS} .*{faulty.address}/{LABELS}.gz: .*{FAULTS[faulty.fault]}.*--from"
    with pytest.raises(OSError, match=message):
        mnist.fetch(out, [faulty.address])
    assert_complete(out, arrays, nfiles=4)
    mnist.fetch(out, [server.address])
    assert_complete(out, arrays)


def test_the_next_mirror_is_tried_if_one_fails(faulty, serve, arrays, tmp_path, monkeypatch):
    server = serve()
    monkeypatch.setattr(mnist, "MIRRORS", (faulty.address, server.address))
    status = mnist.main(["--to", str(tmp_path / "out")])
    assert status == 0
    assert_complete(tmp_path / "out", arrays)
    assert faulty.asked == list(mnist.ARCHIVES)
    assert server.asked == list(mnist.ARCHIVES)


def test_every_source_that_failed_is_named(serve, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sources = [f"http://127.0.0.1:{port}", "http://127.0.0.1:x", serve("missing").address]
    reasons = [".*refused", "nonnumeric port.*", ".*404.*"]
    failures = "; ".join(f"{source}/t10k-labels-idx1-ubyte.gz: {reason}"
                         for source, reason in zip(sources, reasons))
    with pytest.raises(OSError, match=f"no good .*{failures}--from"):
        mnist.fetch(tmp_path / "out", sources)


@pytest.mark.parametrize("error, message", [
    (socket.gaierror(-2, "Name or service not known"),
     "no network: ossci-datasets.s3.amazonaws.com and storage.googleapis.com cannot be reached "
     r"\(Name or service not known\): connect, or .*--from"),
    (ssl.SSLCertVerificationError(1, "certificate verify failed"),
     ".*certificate: run 'Install Certificates.command'.*SSL_CERT_FILE.*--from"),
], ids=["no network", "unknown certificate"])
def test_one_short_line_explains_unreachable_mirrors(
        archives, monkeypatch, tmp_path, capsys, error, message):
    def urlopen(address, timeout):
        raise urllib.error.URLError(error)

    monkeypatch.setattr(mnist.urllib.request, "urlopen", urlopen)
    status = mnist.main(["--to", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == ""
    assert re.fullmatch(f"mnist.py: {message}.*\n", printed.err)
    assert len(printed.err) < 250
    assert os.listdir(tmp_path) == []


def test_progress_on_a_terminal_ends_at_100_percent(serve, tmp_path, capsys, monkeypatch):
    for name, (size, *content) in mnist.ARCHIVES.items():
        # A server that packs in another way sends more than the mirrors do.
        monkeypatch.setitem(mnist.ARCHIVES, name, (size // 10, *content))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    mnist.fetch(tmp_path / "out", [serve().address])
    assert capsys.readouterr().out.count("\r  100 %\n") == 4


# ---- What is in the folder already -------------------------------------------------------------

@pytest.mark.parametrize("damage", [
    lambda content: b"",
    lambda content: content[:50],
    lambda content: content[:-1],
    flip_last_bit,
    lambda content: b"text",
], ids=["empty", "truncated header", "truncated array", "flipped bit", "text"])
def test_a_damaged_file_is_replaced(source, arrays, tmp_path, damage):
    out = tmp_path / "out"
    mnist.fetch(out, [source])
    path = out / "test_data.npy"
    path.write_bytes(damage(path.read_bytes()))
    mnist.fetch(out, [source])
    assert_complete(out, arrays)


@pytest.mark.parametrize("n, dtype", [(6, "uint8"), (5, "float32"), (5, "object")])
def test_another_array_is_never_replaced(source, tmp_path, n, dtype):
    out = tmp_path / "out"
    out.mkdir()
    path = out / "train_data.npy"
    np.save(path, np.zeros((n, SIDE * SIDE), dtype))
    before = path.read_bytes()
    message = rf"holds {dtype} \({n}, 16\), expected MNIST's uint8 \(5, 16\).*--to"
    with pytest.raises(ValueError, match=message):
        mnist.fetch(out, [source])
    assert os.listdir(out) == [path.name]
    assert path.read_bytes() == before


def test_a_file_keeps_its_mode_and_a_link_its_target(source, arrays, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    elsewhere = tmp_path / "elsewhere.npy"
    elsewhere.write_bytes(b"damaged")
    (out / "train_data.npy").symlink_to(elsewhere)
    (out / "val_data.npy").write_bytes(b"damaged")
    (out / "val_data.npy").chmod(0o600)
    mnist.fetch(out, [source])
    assert_complete(out, arrays)
    assert (out / "train_data.npy").resolve() == elsewhere
    assert (out / "val_data.npy").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("target", ["file/deeper", "out"])
def test_a_file_for_a_folder_or_the_reverse_is_refused(source, tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "out" / "val_data.npy").mkdir(parents=True)
    with pytest.raises(OSError, match=f"cannot write the six files to .*{target}.*--to"):
        mnist.fetch(tmp_path / target, [source])
    assert os.listdir(tmp_path / "out") == ["val_data.npy"]
