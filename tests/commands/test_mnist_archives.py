"""How data/mnist.py gets the six files: from folders in every form, and from servers that fail."""

import gzip
import os
import pathlib
import re
import socket
import ssl
import sys
import urllib.error

import numpy as np
import pytest

from data import mnist
from tests.commands.archives import SIDE, assert_finished, flip


@pytest.mark.parametrize("place, pack", [
    ("{0}.gz", gzip.compress),
    ("{0}.gz", lambda content: gzip.compress(content, 0)),
    ("{0}.gz", lambda content: gzip.compress(gzip.compress(content))),
    ("{0}.gz", bytes),
    ("{0}", bytes),
    ("{0}", gzip.compress),
    ("{1}", bytes),
    ("{1}.gz", gzip.compress),
    ("{2}.GZ", gzip.compress),
    ("{0}/{0}", bytes),
    ("{0}/{1}", bytes),
    ("MNIST/raw/{0}", bytes),
])
def test_archives_are_found_in_every_form_in_the_folder_and_below(
        archives, arrays, tmp_path, place, pack):
    for name, content in archives.items():
        path = tmp_path / "in" / place.format(name, name.replace("-idx", ".idx"), name.upper())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))
    mnist.fetch(tmp_path / "new" / "out", [tmp_path / "in"])
    assert_finished(tmp_path / "new" / "out", arrays)


def test_behind_a_damaged_archive_the_next_is_tried(archives, source, arrays, tmp_path, capsys):
    (source / "below").mkdir()
    for name, content in archives.items():
        (source / f"{name}.gz").rename(source / "below" / f"{name}.gz")
        (source / name).write_bytes(flip(content))
    mnist.fetch(tmp_path / "out", [source])
    assert_finished(tmp_path / "out", arrays)
    assert [pathlib.Path(line).parent for line in capsys.readouterr().out.splitlines()[:2]] == [
        source, source / "below"]


@pytest.mark.parametrize("name, change, reason", [
    ("{}.gz", lambda content: gzip.compress(content)[:-9], "ended before the end-of-stream marker"),
    ("{}.gz", lambda content: gzip.compress(content)[:10] + b"\xff" * 9, "Error -3"),
    ("{}.gz", lambda content: gzip.compress(flip(content)),
     "expected {size} bytes with SHA-256 {sha256} when unpacked, got {size} with [0-9a-f]{{64}}"),
    ("{}.gz", lambda content: gzip.compress(bytes(10**7)), "expected {size} .* got {most} with"),
    ("{}", lambda content: content[:-1], "expected {size} .* got {less} with"),
    ("{}", lambda content: b"", "expected {size} .* got 0 with"),
    ("other", bytes, "no file of that name"),
], ids=["cut", "damaged", "another set", "a bomb", "unpacked and cut", "empty", "missing"])
def test_a_wrong_archive_in_a_folder_is_refused_with_the_reason(
        source, archives, tmp_path, name, change, reason):
    archive = "train-images-idx3-ubyte"
    (source / f"{archive}.gz").unlink()
    (source / name.format(archive)).write_bytes(change(archives[archive]))
    _, size, digest = mnist.ARCHIVES[archive]
    reason = reason.format(size=size, sha256=digest, less=size - 1, most=size + mnist.CHUNK)
    with pytest.raises(OSError, match=f"no good {archive} to be had .*({reason}).*--from"):
        mnist.fetch(tmp_path / "out", [source])
    assert not (tmp_path / "out" / "train_data.npy").exists()


@pytest.mark.parametrize("scheme, end", [("http", ""), ("http", "/"), ("HTTP", "")])
def test_an_address_becomes_the_six_files_with_a_line_for_each_archive(
        serve, arrays, tmp_path, capsys, scheme, end):
    address = serve().address.replace("http", scheme)
    mnist.fetch(tmp_path / "out", [address + end])
    assert_finished(tmp_path / "out", arrays)
    assert capsys.readouterr().out.splitlines() == [
        *(f"{address}/{name}.gz ({size:,} bytes)" for name, (size, *_) in mnist.ARCHIVES.items()),
        f"{tmp_path / 'out'}: 6 files written, 0 right already"]


def test_an_interrupted_run_is_finished_by_the_next_which_leaves_right_files_untouched(
        source, serve, arrays, tmp_path, capsys):
    folder = tmp_path / "out"
    mnist.fetch(folder, [source])
    (folder / "val_labels.npy").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / ".val_labels.npy.0a1b2c3d.partial").write_bytes(b"half")
    server = serve()
    mnist.fetch(folder, [server.address])
    mnist.fetch(folder, [server.address])
    assert_finished(folder, arrays)
    assert server.asked == ["train-labels-idx1-ubyte"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    told = re.findall(r"(\d) files written, (\d) right already", capsys.readouterr().out)
    assert told == [("6", "0"), ("1", "5"), ("0", "6")]


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:50], lambda content: content[:-1], flip,
    lambda content: b"no array",
], ids=["empty", "cut in the header", "cut in the array", "a bit flipped", "no npy"])
def test_a_damaged_file_is_made_again(source, arrays, tmp_path, damage):
    folder = tmp_path / "out"
    mnist.fetch(folder, [source])
    path = folder / "test_data.npy"
    path.write_bytes(damage(path.read_bytes()))
    mnist.fetch(folder, [source])
    assert_finished(folder, arrays)


@pytest.mark.parametrize("n, dtype", [(6, "uint8"), (5, "float32"), (5, "object")])
def test_an_array_of_another_kind_is_never_replaced(source, tmp_path, n, dtype):
    path = tmp_path / "out" / "train_data.npy"
    path.parent.mkdir()
    np.save(path, np.zeros((n, SIDE * SIDE), dtype))
    before = path.read_bytes()
    told = rf"holds {dtype} \({n}, 16\), expected MNIST's uint8 \(5, 16\).*--to"
    with pytest.raises(ValueError, match=told):
        mnist.fetch(path.parent, [source])
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == before


FAULTS = {
    "missing": "404",
    "corrupted": "Incorrect length",
    "truncated": "ended before the end-of-stream marker",
    "dies": "ended before the end-of-stream marker",
    "silent": "timed out",
    "dribbling": "too slow",
    "endless": "expected [0-9]+ bytes, got more",
}


@pytest.fixture(params=FAULTS)
def faulty(request, serve, monkeypatch):
    """A server that answers wrongly, in one way after the other."""
    monkeypatch.setattr(mnist, "SILENCE", 0.3 if request.param == "silent" else 10)
    monkeypatch.setattr(mnist, "PATIENCE", 0.2 if request.param == "dribbling" else 10)
    return serve(request.param)


def test_a_wrong_answer_is_named_what_was_right_stays_and_the_next_run_succeeds(
        faulty, serve, arrays, tmp_path):
    folder, name, right = tmp_path / "out", "train-labels-idx1-ubyte", serve()
    mnist.fetch(folder, [right.address])
    for wanted in ("val_labels.npy", "train_data.npy"):
        (folder / wanted).unlink()
    expected = f"no good {name} .*{faulty.address}/{name}.gz: .*{FAULTS[faulty.fault]}.*--from"
    with pytest.raises(OSError, match=expected):
        mnist.fetch(folder, [faulty.address])
    assert_finished(folder, arrays, nfiles=4)
    mnist.fetch(folder, [right.address])
    assert_finished(folder, arrays)


def test_the_next_mirror_is_tried_when_one_fails(faulty, serve, arrays, tmp_path, monkeypatch):
    right = serve()
    monkeypatch.setattr(mnist, "MIRRORS", (faulty.address, right.address))
    assert mnist.main(["--to", str(tmp_path / "out")]) == 0
    assert_finished(tmp_path / "out", arrays)
    assert faulty.asked == right.asked == list(mnist.ARCHIVES)


def test_every_source_that_failed_is_named(serve, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    sources = [f"http://127.0.0.1:{port}", "http://127.0.0.1:x", serve("missing").address]
    reasons = "; ".join(map("{}/t10k-labels-idx1-ubyte.gz: {}".format, sources,
                              (".*refused", "nonnumeric port.*", ".*404.*")))
    with pytest.raises(OSError, match=f"no good .*{reasons}--from"):
        mnist.fetch(tmp_path / "out", sources)


@pytest.mark.parametrize("error, told", [
    (socket.gaierror(-2, "Name or service not known"),
     "no network, ossci-datasets.s3.amazonaws.com and storage.googleapis.com cannot be reached "
     r"\(Name or service not known\): connect, or .*--from"),
    (ssl.SSLCertVerificationError(1, "certificate verify failed"),
     ".*certificate: run 'Install Certificates.command'.*SSL_CERT_FILE.*--from"),
], ids=["no network", "an unknown certificate"])
def test_where_no_mirror_can_be_reached_one_short_line_says_why(
        archives, monkeypatch, tmp_path, capsys, error, told):
    def urlopen(address, timeout):
        raise urllib.error.URLError(error)

    monkeypatch.setattr(mnist.urllib.request, "urlopen", urlopen)
    assert mnist.main(["--to", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert out == "" and re.fullmatch(f"mnist.py: {told}.*\n", err) and len(err) < 250


@pytest.mark.parametrize("target", ["file/deeper", "out"])
def test_a_file_in_the_place_of_a_folder_or_the_reverse(source, tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "out" / "val_data.npy").mkdir(parents=True)
    with pytest.raises(OSError, match=f"cannot write the six files to .*{target}.*--to"):
        mnist.fetch(tmp_path / target, [source])
    assert os.listdir(tmp_path / "out") == ["val_data.npy"]


def test_on_a_terminal_progress_counts_to_a_hundred(serve, tmp_path, capsys, monkeypatch):
    for name, (download, *content) in mnist.ARCHIVES.items():  # packed in another way, it is more
        monkeypatch.setitem(mnist.ARCHIVES, name, (download // 10, *content))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    mnist.fetch(tmp_path / "out", [serve().address])
    assert capsys.readouterr().out.count("\r  100 %\n") == 4
