"""What data/mnist.py promises: six right files or one clear line, and loading that refuses misfits.

The network is a server on the loopback interface; the archives are small ones, put in MNIST's place
in the tables.
"""

import contextlib
import gzip
import hashlib
import http.server
import os
import pathlib
import pickle
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.error

import numpy as np
import pytest

from data import mnist

SCRIPT = pathlib.Path(mnist.__file__)
NTRAIN, NVAL, NTEST, SIDE, NCLASSES = 5, 2, 3, 4, 3


# ---- Small archives, and a server that can misbehave -------------------------------------------

def sha256(content):
    return hashlib.sha256(content).hexdigest()


def flip(content):
    """Return content with another last bit."""
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.fixture
def arrays():
    """The six arrays that the small archives must become, by file name."""
    rng = np.random.default_rng(0)
    dset = {}
    for part, n in (("train", NTRAIN), ("val", NVAL), ("test", NTEST)):
        dset[f"{part}_data.npy"] = rng.integers(0, 256, (n, SIDE * SIDE), dtype=np.uint8)
        dset[f"{part}_labels.npy"] = np.arange(n, dtype=np.int64) % NCLASSES
    return dset


@pytest.fixture
def archives(arrays, monkeypatch):
    """The small archives' content by name, which stand in mnist's tables for MNIST's own."""
    def content(kind, *parts):
        array = np.concatenate([arrays[f"{part}_{kind}.npy"] for part in parts]).astype(np.uint8)
        shape = (len(array), SIDE, SIDE) if kind == "data" else (len(array),)
        header = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
        return header + array.tobytes()

    contents = {
        "train-images-idx3-ubyte": content("data", "train", "val"),
        "train-labels-idx1-ubyte": content("labels", "train", "val"),
        "t10k-images-idx3-ubyte": content("data", "test"),
        "t10k-labels-idx1-ubyte": content("labels", "test"),
    }
    monkeypatch.setattr(mnist, "ARCHIVES", {
        name: (len(gzip.compress(contents[name])), len(contents[name]), sha256(contents[name]))
        for name in mnist.ARCHIVES})
    monkeypatch.setattr(mnist, "FILES", {
        name: (archive, start and NTRAIN, dtype, arrays[name].shape, sha256(arrays[name].tobytes()))
        for name, (archive, start, dtype, _, _) in mnist.FILES.items()})
    return contents


@pytest.fixture
def source(archives, tmp_path):
    """A folder that holds the four small archives."""
    folder = tmp_path / "archives"
    folder.mkdir()
    for name, content in archives.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves archives; the server's `fault` makes every answer go wrong in one way."""

    def do_GET(self):
        server = self.server
        name = self.path.rsplit("/", 1)[1].replace(".gz", "")
        content = gzip.compress(server.archives[name])
        missing = server.fault == "missing" or self.path != f"/mnist/{name}.gz"
        server.asked.append(name)
        self.send_response(404 if missing else 200)
        if server.fault in (None, "dies"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        server.was_asked.set()
        try:
            if server.fault is None:
                self.wfile.write(content)
            elif server.fault == "corrupted":
                self.wfile.write(flip(content))
            elif server.fault in ("dies", "truncated"):
                self.wfile.write(content[:len(content) // 2])
            elif server.fault == "silent":
                server.over.wait(5)
            while server.fault == "dribbling" and not server.over.wait(0.05):
                self.wfile.write(b"x")
            while server.fault == "endless" and not server.over.is_set():
                self.wfile.write(bytes(65536))
        except OSError:
            pass  # the client has hung up, as it should on an answer that goes wrong

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(archives, monkeypatch):
    """Return a function that starts a server of the small archives, with a fault or none."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start(fault=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads, server.archives, server.fault = False, archives, fault
        server.asked, server.was_asked, server.over = [], threading.Event(), threading.Event()
        server.address = f"http://127.0.0.1:{server.server_port}/mnist"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def assert_finished(folder, arrays, nfiles=6):
    """The folder holds so many of the six files, right in value, dtype and shape, and no other."""
    names = os.listdir(folder)
    for name in names:
        got = np.load(folder / name)
        assert got.dtype == arrays[name].dtype
        np.testing.assert_array_equal(got, arrays[name])
    assert len(names) == nfiles


# ---- Getting the six files ---------------------------------------------------------------------

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
        source, serve, arrays, tmp_path):
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


# ---- Files that appear whole or not at all -----------------------------------------------------

@pytest.mark.parametrize("error", [None, OSError("full"), KeyboardInterrupt()])
def test_write_puts_a_whole_file_in_place_of_what_is_there_or_leaves_that(
        tmp_path, monkeypatch, error):
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def replace(old, new):
        assert (old.parent, old.read_bytes()) == (tmp_path, b"after")
        assert (new.name, new.read_bytes()) == ("file", b"before")
        if error:
            raise error
        os.rename(old, new)

    monkeypatch.setattr(mnist.os, "replace", replace)
    with pytest.raises(type(error)) if error else contextlib.nullcontext():
        mnist.write(str(path), b"after")
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == (b"before" if error else b"after")


RUN = """
import pickle, resource, sys
from data import mnist

mnist.ARCHIVES, mnist.FILES, most, arguments = pickle.load(sys.stdin.buffer)
if most is not None:  # a file that grows beyond is refused by the system, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
sys.exit(mnist.main(arguments))
"""


def run(source, out, most=None, stdout=subprocess.PIPE, **environment):
    """Run the command on the small archives, in a process of its own."""
    given = mnist.ARCHIVES, mnist.FILES, most, ["--from", str(source), "--to", str(out)]
    return subprocess.run([sys.executable, "-B", "-c", RUN], input=pickle.dumps(given),
                          cwd=SCRIPT.parents[1], env={**os.environ, **environment},
                          stdout=stdout, stderr=subprocess.PIPE)


def test_on_a_full_disk_what_is_there_is_right_and_the_next_run_succeeds(source, arrays, tmp_path):
    # In the order in which they are made, the files have 152, 168, 144, 176, 208 and 160 bytes.
    done = run(source, tmp_path / "out", most=180)
    assert done.returncode == 1
    assert re.search(b"File too large.*expected a folder that can be", done.stderr)
    assert_finished(tmp_path / "out", arrays, nfiles=4)
    mnist.fetch(tmp_path / "out", [source])
    assert_finished(tmp_path / "out", arrays)


@pytest.fixture
def open_folder():
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def fetch_as_nobody(*arguments):
    """Call fetch without root's right to read and write everywhere."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        mnist.fetch(*arguments)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("there", [[], [".val_data.npy.0a1b2c3d.partial"]])
def test_without_permission_nothing_is_lost_and_the_next_run_succeeds(
        archives, arrays, open_folder, serve, there):
    folder = open_folder / "out"
    folder.mkdir()
    for name in there:
        (folder / name).write_bytes(b"half")
    folder.chmod(0o555)
    server = serve()
    with pytest.raises(OSError, match="cannot write the six files to .*Permission denied.*--to"):
        fetch_as_nobody(folder, [server.address])
    folder.chmod(0o755)
    assert os.listdir(folder) == there
    mnist.fetch(folder, [server.address])
    assert_finished(folder, arrays)


def test_a_folder_that_may_not_be_searched_is_told(archives, open_folder):
    (open_folder / "locked").mkdir(0o000)
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o777)
    with pytest.raises(OSError, match="no good .*locked: Permission denied.*--from"):
        fetch_as_nobody(open_folder / "out", [open_folder])


# ---- The command -------------------------------------------------------------------------------

@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_are_printed_as_the_stream_can(source, arrays, tmp_path, encoding):
    out = tmp_path / "Zażółć"
    done = run(source, out, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{out}: 6 files written".encode(encoding, "backslashreplace") in done.stdout
    assert_finished(out, arrays)


@pytest.mark.parametrize("gone", ["full", "no reader"])
def test_where_nobody_takes_what_is_printed_the_files_are_written_all_the_same(
        source, arrays, tmp_path, gone):
    reader, stdout = os.pipe() if gone == "no reader" else (0, os.open("/dev/full", os.O_WRONLY))
    if reader:
        os.close(reader)
    done = run(source, tmp_path / "out", stdout=stdout, PYTHONUNBUFFERED="")
    os.close(stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert_finished(tmp_path / "out", arrays)


def test_a_closed_standard_output_downloads_too(serve, arrays, tmp_path, monkeypatch):
    address = serve().address
    monkeypatch.setattr(sys, "stdout", None)
    assert mnist.main(["--from", address, "--to", str(tmp_path / "out")]) == 0
    assert_finished(tmp_path / "out", arrays)


def test_the_command_tells_what_is_wrong_in_one_line(tmp_path):
    command = [sys.executable, SCRIPT, "--from", "now\nhere", "--to", "out"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, os.listdir(tmp_path)) == (1, [])
    assert re.fullmatch(b"mnist.py: there is no folder now here: expected .*\n", done.stderr)


def test_the_help_tells_what_comes_of_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit, match="0"):
        mnist.main(["--help"])
    told = capsys.readouterr().out
    assert [word for word in ("--from DIR_OR_URL", "--to DIR", "uint8 (n, 784)", "int64 (n,)",
                              *mnist.MIRRORS, *mnist.ARCHIVES) if word not in told] == []


def test_the_command_ends_an_interrupted_download_in_one_line(serve, tmp_path):
    server = serve("silent")
    command = [sys.executable, SCRIPT, "--from", server.address, "--to", tmp_path / "out"]
    # A test run in the background ignores SIGINT, and the command would do likewise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        signal.signal(signal.SIGINT, before)
        assert server.was_asked.wait(30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, os.listdir(tmp_path / "out")) == (130, [])
    assert re.fullmatch(b"mnist.py: interrupted.*run it again.*\n", errors)


def test_the_tables_are_mnists():
    """Sizes as on http://yann.lecun.com/exdb/mnist/, and split as in the handout."""
    assert {name: sizes for name, (*sizes, _) in mnist.ARCHIVES.items()} == {
        "train-images-idx3-ubyte": [9912422, 16 + 60000 * 784],
        "train-labels-idx1-ubyte": [28881, 8 + 60000],
        "t10k-images-idx3-ubyte": [1648877, 16 + 10000 * 784],
        "t10k-labels-idx1-ubyte": [4542, 8 + 10000]}
    for part, start, n in (("train", 0, 50000), ("val", 50000, 10000), ("test", 0, 10000)):
        assert mnist.FILES[f"{part}_data.npy"][1:4] == (start, "|u1", (n, 784))
        assert mnist.FILES[f"{part}_labels.npy"][1:4] == (start, "<i8", (n,))


# ---- Loading -----------------------------------------------------------------------------------

@pytest.fixture
def folder(arrays, tmp_path):
    """A folder with six files that fit together; a test damages one."""
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    return tmp_path


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_load_returns_the_arrays_as_they_are_stored(folder, arrays, dtype, order):
    for name, array in arrays.items():
        np.save(folder / name, array.astype(dtype, order=order))
    loaded = [array for pair in mnist.load(folder) for array in pair]
    for got, expected in zip(loaded, arrays.values()):
        assert (type(got), got.dtype) == (np.ndarray, dtype)
        np.testing.assert_array_equal(got, expected.astype(dtype))


def one_hot(labels, wrong=None):
    """Return float rows, a 1 in each; of the last one, all are `wrong` if that is given."""
    rows = np.eye(NCLASSES)[labels]
    if wrong is not None:
        rows[-1] = wrong
    return rows


def test_load_takes_one_hot_labels_of_which_training_uses_every_column(folder, arrays):
    for part in ("train", "val", "test"):
        np.save(folder / f"{part}_labels.npy", one_hot(arrays[f"{part}_labels.npy"]))
    np.testing.assert_array_equal(mnist.load(folder)[0][1], one_hot([0, 1, 2, 0, 1]))
    for labels, told in (([0, 1, 0, 1, 0], r"no class 2 \(counted"),
                         ([0, 2, 0, 2, 0], "no class 1, but 2 in row 1")):
        np.save(folder / "train_labels.npy", one_hot(labels))
        with pytest.raises(ValueError, match=f"train_labels.npy holds {told}"):
            mnist.load(folder)


def test_load_names_every_missing_file_and_both_ways_to_get_them(folder):
    (folder / "val_data.npy").unlink()
    (folder / "test_labels.npy").unlink()
    expected = r"lacks val_data\.npy, test_labels\.npy: run `python data/mnist\.py`.*course's"
    with pytest.raises(FileNotFoundError, match=expected):
        mnist.load(folder)


def spoilt(n, value):
    """Return float data, a single value in every row but the first."""
    return np.where(np.eye(n, SIDE * SIDE, -1), value, 0)


FINITE = "must hold finite numbers, .* in row 1 .*correct that row, or leave"
NUMBERS = "must hold real numbers .*got "
INDICES = "must hold class indices 0, 1, .* or one-hot .*got "
BEYOND = "must hold classes that the training labels have, 0 to 2, got "


@pytest.mark.parametrize("name, array, message", [
    ("val_data.npy", np.zeros((NVAL, SIDE, SIDE)), rf"{NUMBERS}float64 \(2, 4, 4\)"),
    ("val_data.npy", np.zeros(NVAL), rf"{NUMBERS}float64 \(2,\)"),
    ("val_data.npy", np.zeros((NVAL, SIDE * SIDE), complex), f"{NUMBERS}complex128"),
    ("test_data.npy", np.zeros((0, SIDE * SIDE)), rf"{NUMBERS}float64 \(0, 16\)"),
    ("test_data.npy", np.zeros((NTEST, 0)), rf"{NUMBERS}float64 \(3, 0\)"),
    ("train_data.npy", spoilt(NTRAIN, np.nan), FINITE),
    ("val_data.npy", spoilt(NVAL, np.inf), FINITE),
    ("test_data.npy", spoilt(NTEST, -np.inf).astype(np.float16), FINITE),
    ("val_labels.npy", np.array(["7", "1"]), f"{NUMBERS}<U1"),
    ("val_labels.npy", np.array(1), rf"{NUMBERS}int64 \(\)"),
    ("val_labels.npy", np.array([1, 0.5]), f"{INDICES}0.5 in row 1 .*correct that row, or leave"),
    ("train_labels.npy", np.array([0, 1, 2, -1, 0]), f"{INDICES}-1 in row 3"),
    ("val_labels.npy", np.array([np.inf, 1]), f"{INDICES}inf in row 0"),
    ("test_labels.npy", np.array([0, 1, np.nan]), f"{INDICES}nan in row 2"),
    ("val_labels.npy", np.array([[7], [1]]), f"{INDICES}other values in row 0"),
    ("val_labels.npy", one_hot([0, 0], 0), f"{INDICES}other values in row 1"),
    ("val_labels.npy", one_hot([0, 0], 1 / 3), f"{INDICES}other values in row 1"),
    ("val_labels.npy", one_hot([0, 0], 1), f"{INDICES}other values in row 1"),
    ("val_labels.npy", np.zeros(NVAL + 1, int), "must be equally long, got 2 and 3 rows"),
    ("test_data.npy", np.zeros((NTEST, 9)), r"data files .*got \(16,\) in train, .*\(9,\) in test"),
    ("val_labels.npy", one_hot([1, 2]), r"labels files .*got \(\) in train, \(3,\) in val"),
    ("train_labels.npy", np.array([0, 1, 255, 2, 1]), "no class 3, but 255 in row 2 .*correct the"),
    ("train_labels.npy", np.array([0, 1, 2, 2**40, 1]), f"no class 3, but {2**40} in row 3"),
    ("train_labels.npy", np.array([1, 2, 3, 1, 2]), "no class 0, but 1 in row 0"),
    ("train_labels.npy", np.array([True] * 5), "no class 0, but 1 in row 0"),
    ("train_labels.npy", np.zeros(5), "no class 1 .*at least two"),
    ("val_labels.npy", np.array([2, 3]), f"{BEYOND}3 in row 1"),
    ("test_labels.npy", np.array([0, 2**40, 1.]), f"{BEYOND}1.* in row 1"),
])
def test_load_refuses_what_does_not_fit(folder, name, array, message):
    np.save(folder / name, array)
    file = "" if " files " in message else f"{name} .*"
    with pytest.raises(ValueError, match=f"{file}{message}"):
        mnist.load(folder)


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("content", [
    b"",
    b"PK\x03\x04 a zip archive",
    npy_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}\n") + bytes(9),
    npy_header("{'descr': '<i8', 'fortran"),
    npy_header("x\n    y\n  z"),
    npy_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**12},)}}\n"),
    npy_header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**20},)}}\n"),
], ids=["empty", "zip", "cut short", "half a header", "indentation", "large", "huge"])
def test_load_refuses_a_file_that_is_no_sound_npy(folder, content):
    (folder / "val_labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match="val_labels.npy is cut short, .*get it again"):
        mnist.load(folder)


def test_load_never_unpickles(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(folder / "val_labels.npy", np.array([Trap(), Trap()]), allow_pickle=True)
    with pytest.raises(ValueError, match="save it as numbers"):
        mnist.load(folder)
    assert not (tmp_path / "sprung").exists()


# ---- Making ready ------------------------------------------------------------------------------

def test_standardise_uses_the_training_sets_scale_for_all_three():
    dset = tuple((np.array(x, np.uint8), [1]) for x in ([[0, 4], [4, 0]], [[2, 2]], [[0, 255]]))
    assert mnist.scale(dset[0][0]) == (2, 2)
    assert [type(number) for number in mnist.scale(dset[0][0])] == [float, float]
    (trainx, _), (valx, _), (testx, _) = mnist.standardise(dset)
    np.testing.assert_array_equal(trainx, [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(valx, [[0, 0]])
    np.testing.assert_array_equal(testx, [[-1, 126.5]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_standardise_agrees_with_numpy_over_many_blocks_and_far_from_zero(monkeypatch, dtype):
    monkeypatch.setattr(mnist, "BLOCK", 3)
    x = np.random.default_rng(1).uniform(250, 256, (2000, 7)).astype(dtype)
    wide = x.astype(np.float64)
    (got, _), = mnist.standardise(((x, None),))
    np.testing.assert_allclose(mnist.scale(x), (wide.mean(), wide.std()), rtol=1e-12)
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardise_gives_the_dtype_asked_for_and_leaves_its_input_alone(folder, arrays, dtype):
    dset = mnist.load(folder)
    for (x, y), (ready, same), part in zip(
            dset, mnist.standardise(dset, dtype), ("train", "val", "test")):
        assert ready.dtype == dtype
        assert same is y
        np.testing.assert_array_equal(x, arrays[f"{part}_data.npy"])


@pytest.mark.parametrize("x", [
    np.full((3, 3), 0.1), np.array([[0, np.nan]]), np.array([[0, np.inf]]), np.zeros((0, 3)),
], ids=["constant", "nan", "inf", "empty"])
def test_standardise_refuses_data_without_a_scale(x):
    with pytest.raises(ValueError, match="must be finite and hold at least two different values"):
        mnist.standardise(((x, None), (x, None), (x, None)))


def test_standardise_refuses_an_integer_dtype(folder):
    with pytest.raises(TypeError, match="dtype must be floating, such as np.float64, got int64"):
        mnist.standardise(mnist.load(folder), np.int64)
