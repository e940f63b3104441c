"""What data/mnist.py promises: six right files or one clear line, loading that refuses what does not fit.

The network is a server on the loopback interface; the archives are small ones, put in MNIST's place in the
tables.
"""

import gzip
import hashlib
import http.server
import os
import pathlib
import pickle
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest

from data import mnist

SCRIPT = pathlib.Path(mnist.__file__)
NTRAIN, NVAL, NTEST, SIDE = 5, 2, 3, 4


# ---- Small archives, and a server that can misbehave -------------------------------------------

def pack_idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def arrays():
    """The six arrays that the small archives must become, by file name."""
    rng = np.random.default_rng(0)
    dset = {}
    for part, n in (("train", NTRAIN), ("val", NVAL), ("test", NTEST)):
        dset[f"{part}_data.npy"] = rng.integers(0, 256, (n, SIDE * SIDE), dtype=np.uint8)
        dset[f"{part}_labels.npy"] = rng.integers(0, 10, n, dtype=np.int64)
    return dset


@pytest.fixture
def archives(arrays, monkeypatch):
    """The bytes of the four small archives by name, which stand in mnist's tables for MNIST's own."""
    def joined(kind):
        return np.concatenate([arrays[f"train_{kind}.npy"], arrays[f"val_{kind}.npy"]]).astype(np.uint8)

    packed = {
        "train-images-idx3-ubyte.gz": pack_idx(joined("data").reshape(-1, SIDE, SIDE)),
        "train-labels-idx1-ubyte.gz": pack_idx(joined("labels")),
        "t10k-images-idx3-ubyte.gz": pack_idx(arrays["test_data.npy"].reshape(-1, SIDE, SIDE)),
        "t10k-labels-idx1-ubyte.gz": pack_idx(arrays["test_labels.npy"].astype(np.uint8)),
    }
    monkeypatch.setattr(mnist, "ARCHIVES", {name: (len(packed[name]), sha256(packed[name]))
                                            for name in mnist.ARCHIVES})
    monkeypatch.setattr(mnist, "FILES", {
        name: made._replace(start=NTRAIN if name.startswith("val") else 0, shape=arrays[name].shape,
                            sha256=sha256(arrays[name].tobytes()))
        for name, made in mnist.FILES.items()})
    return packed


@pytest.fixture
def source(archives, tmp_path):
    """A folder that holds the four small archives."""
    folder = tmp_path / "archives"
    folder.mkdir()
    for name, content in archives.items():
        (folder / name).write_bytes(content)
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Serves archives by name; `fault` makes every answer go wrong in one way; `asked` lists the names."""

    daemon_threads = False

    def __init__(self, archives, fault):
        super().__init__(("127.0.0.1", 0), Handler)
        self.archives, self.fault = archives, fault
        self.asked, self.was_asked, self.over = [], threading.Event(), threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/mnist"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rsplit("/", 1)[1]
        self.server.asked.append(name)
        content, fault = self.server.archives[name], self.server.fault
        if fault == "missing" or self.path != f"/mnist/{name}":
            self.send_error(404)
            self.server.was_asked.set()
            return
        self.send_response(200)
        if fault in (None, "dies"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.server.was_asked.set()
        try:
            self.send(content, fault)
        except OSError:
            pass  # the client has hung up, as it should on an answer that goes wrong

    def send(self, content, fault):
        if fault is None:
            self.wfile.write(content)
        elif fault == "corrupted":
            self.wfile.write(content[:-1] + bytes([content[-1] ^ 1]))
        elif fault in ("dies", "truncated"):
            self.wfile.write(content[:len(content) // 2])
        elif fault == "silent":
            self.server.over.wait(5)
        elif fault == "dribbling":
            while not self.server.over.wait(0.05):
                self.wfile.write(b"x")
        elif fault == "endless":
            while not self.server.over.is_set():
                self.wfile.write(bytes(65536))

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(archives, monkeypatch):
    """Return a function that starts a server of the small archives, with a fault or none."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start(fault=None):
        server = Server(archives, fault)
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


def assert_finished(folder, arrays):
    """The folder holds the six files, right in value, dtype and shape, and nothing else."""
    assert sorted(os.listdir(folder)) == sorted(arrays)
    for name, expected in arrays.items():
        got = np.load(folder / name)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


# ---- Getting the six files ---------------------------------------------------------------------

def test_a_folder_of_archives_becomes_the_six_files(source, arrays, tmp_path):
    mnist.fetch(tmp_path / "new" / "out", [source])
    assert_finished(tmp_path / "new" / "out", arrays)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_address_becomes_the_six_files(serve, arrays, tmp_path, slash):
    mnist.fetch(tmp_path / "out", [serve().address + slash])
    assert_finished(tmp_path / "out", arrays)


def test_a_second_run_asks_the_server_for_nothing(source, serve, tmp_path):
    mnist.fetch(tmp_path / "out", [source])
    server = serve()
    mnist.fetch(tmp_path / "out", [server.address])
    assert server.asked == []


def test_a_second_run_leaves_right_files_untouched(source, tmp_path):
    mnist.fetch(tmp_path / "out", [source])
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    mnist.fetch(tmp_path / "out", [source])
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_an_interrupted_run_is_finished_by_the_next(source, serve, arrays, tmp_path):
    folder = tmp_path / "out"
    mnist.fetch(folder, [source])
    (folder / "val_labels.npy").unlink()
    (folder / ".val_labels.npy.0a1b2c3d.partial").write_bytes(b"half")
    server = serve()
    mnist.fetch(folder, [server.address])
    assert_finished(folder, arrays)
    assert server.asked == ["train-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("damage", [
    lambda content: b"",
    lambda content: content[:50],
    lambda content: content[:-1],
    lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    lambda content: b"no array",
], ids=["empty", "cut in the header", "cut in the array", "a bit flipped", "no npy"])
def test_a_damaged_file_is_made_again(source, arrays, tmp_path, damage):
    folder = tmp_path / "out"
    mnist.fetch(folder, [source])
    path = folder / "test_data.npy"
    path.write_bytes(damage(path.read_bytes()))
    mnist.fetch(folder, [source])
    assert_finished(folder, arrays)


@pytest.mark.parametrize("other", [np.zeros((NTRAIN + 1, SIDE * SIDE), np.uint8),
                                   np.zeros((NTRAIN, SIDE * SIDE), np.float32)])
def test_an_array_of_another_kind_is_never_replaced(source, tmp_path, other):
    folder = tmp_path / "out"
    folder.mkdir()
    np.save(folder / "train_data.npy", other)
    with pytest.raises(ValueError, match=r"train_data\.npy holds .*, expected MNIST's uint8 \(5, 16\).*--to"):
        mnist.fetch(folder, [source])
    assert os.listdir(folder) == ["train_data.npy"]
    np.testing.assert_array_equal(np.load(folder / "train_data.npy"), other)


FAULTS = {
    "missing": "404",
    "corrupted": "expected {size} bytes with SHA-256 {sha256}, got {size} bytes with SHA-256 [0-9a-f]{{64}}",
    "truncated": "expected {size} bytes with SHA-256 {sha256}, got {half} bytes",
    "dies": "expected {size} bytes with SHA-256 {sha256}, got {half} bytes",
    "silent": "timed out",
    "dribbling": "too slow",
    "endless": "expected {size} bytes, got more",
}


@pytest.fixture(params=FAULTS)
def faulty(request, serve, monkeypatch):
    """A server that answers wrongly, in one way after the other."""
    monkeypatch.setattr(mnist, "SILENCE", 0.3 if request.param == "silent" else 10)
    monkeypatch.setattr(mnist, "PATIENCE", 0.2 if request.param == "dribbling" else 10)
    return serve(request.param)


def test_a_wrong_answer_is_named_and_leaves_no_file(faulty, tmp_path):
    name = "t10k-labels-idx1-ubyte.gz"
    size, digest = mnist.ARCHIVES[name]
    expected = FAULTS[faulty.fault].format(size=size, sha256=digest, half=size // 2)
    with pytest.raises(OSError, match=f"no good {name} .*{faulty.address}/{name}.*{expected}.*--from"):
        mnist.fetch(tmp_path / "out", [faulty.address])
    assert os.listdir(tmp_path / "out") == []


def test_the_next_mirror_is_tried_when_one_fails(faulty, serve, arrays, tmp_path):
    mnist.fetch(tmp_path / "out", [faulty.address, serve().address])
    assert_finished(tmp_path / "out", arrays)


def test_every_mirror_that_failed_is_named(serve, tmp_path):
    first, second = serve("missing"), serve("corrupted")
    with pytest.raises(OSError, match=f"{first.address}.*404.*; {second.address}.*SHA-256"):
        mnist.fetch(tmp_path / "out", [first.address, second.address])


def test_a_server_that_is_not_there(serve, tmp_path):
    server = Server({}, None)
    server.server_close()
    with pytest.raises(OSError, match=f"{server.address}.*refused.*--from"):
        mnist.fetch(tmp_path / "out", [server.address])


def test_an_address_that_is_none(archives, tmp_path):
    with pytest.raises(OSError, match="http://127.0.0.1:x/.*nonnumeric port.*--from"):
        mnist.fetch(tmp_path / "out", ["http://127.0.0.1:x"])


def test_no_more_is_read_than_the_size_and_one_byte(archives, monkeypatch):
    class Endless:
        given = 0

        def read1(self, n):
            Endless.given += n
            return bytes(n)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(mnist.urllib.request, "urlopen", lambda address, timeout: Endless())
    with pytest.raises(ValueError, match="got more"):
        mnist._download("http://x/y", 100000)
    assert Endless.given == 100001


@pytest.mark.parametrize("change", [lambda content: content[:-9], lambda content: content[:-9] + bytes(9)],
                         ids=["truncated", "corrupted"])
def test_a_wrong_archive_in_a_folder_is_named_with_both_hashes(source, tmp_path, change):
    path = source / "train-images-idx3-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))
    size, digest = mnist.ARCHIVES[path.name]
    got = f"got {path.stat().st_size} bytes with SHA-256 {sha256(path.read_bytes())}"
    with pytest.raises(OSError, match=f"{path.name}.*expected {size} bytes with SHA-256 {digest}, {got}"):
        mnist.fetch(tmp_path / "out", [source])
    assert not (tmp_path / "out" / "train_data.npy").exists()


def test_a_folder_that_lacks_an_archive(source, tmp_path):
    (source / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(OSError, match="train-labels-idx1-ubyte.gz: No such file or directory.*--from"):
        mnist.fetch(tmp_path / "out", [source])


def test_a_source_folder_that_is_missing_leaves_no_target_folder(archives, tmp_path):
    with pytest.raises(NotADirectoryError, match="no folder .*nowhere: expected .*train-images-idx3-ubyte"):
        mnist.fetch(tmp_path / "out", [tmp_path / "nowhere"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("raw, message", [
    (bytes([0, 0, 13, 1, 0, 0, 0, 0]), "expected it to begin with 00000801, got 00000d01"),
    (bytes([0, 0, 8, 3]) + bytes(12), "expected it to begin with 00000801, got 00000803"),
    (bytes([0, 0, 8, 1, 0, 0]), "expected it to begin with 00000801"),
    (bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 7]), "not a whole IDX file: expected 3 x .* bytes, got 2"),
], ids=["floats", "images", "no header", "short"])
def test_an_idx_file_of_another_kind(raw, message):
    with pytest.raises(ValueError, match=f"labels-idx1.*{message}"):
        mnist._unpack("labels-idx1", gzip.compress(raw))


@pytest.mark.parametrize("below", [".", "deeper"])
def test_a_target_that_is_no_folder(source, tmp_path, below):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OSError, match="cannot write the six files to .*out.*--to"):
        mnist.fetch(tmp_path / "out" / below, [source])
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_in_the_place_of_a_file(source, tmp_path):
    (tmp_path / "out" / "val_data.npy").mkdir(parents=True)
    with pytest.raises(OSError, match=r"cannot write the six files to .*val_data\.npy"):
        mnist.fetch(tmp_path / "out", [source])
    assert os.listdir(tmp_path / "out") == ["val_data.npy"]


@pytest.fixture
def fail_at_replace(monkeypatch):
    """Return a function that makes the last step of every file raise the given error."""
    def arrange(error):
        def replace(old, new):
            raise error
        monkeypatch.setattr(mnist.os, "replace", replace)
    return arrange


def test_a_file_that_cannot_be_written_leaves_nothing(source, tmp_path, fail_at_replace):
    fail_at_replace(OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left on device; expected .*55 MB free.*--to"):
        mnist.fetch(tmp_path / "out", [source])
    assert os.listdir(tmp_path / "out") == []


def test_an_interrupt_while_writing_leaves_nothing(source, tmp_path, fail_at_replace, capsys):
    fail_at_replace(KeyboardInterrupt())
    assert mnist.main(["--from", str(source), "--to", str(tmp_path / "out")]) == 130
    assert os.listdir(tmp_path / "out") == []
    assert "run it again" in capsys.readouterr().err


def test_a_file_appears_only_when_it_is_whole(source, tmp_path, monkeypatch):
    seen = []

    def replace(old, new):
        assert old.parent == new.parent and old.name.startswith(".")
        seen.append(np.load(old).shape == mnist.FILES[new.name].shape and not new.exists())
        os.rename(old, new)

    monkeypatch.setattr(mnist.os, "replace", replace)
    mnist.fetch(tmp_path / "out", [source])
    assert seen == [True] * 6


def test_away_from_a_terminal_progress_is_a_line_an_archive(serve, tmp_path, capsys):
    mnist.fetch(tmp_path / "out", [serve().address])
    out = capsys.readouterr().out
    assert "\r" not in out
    assert [line.split(" (")[0].rsplit("/", 1)[1] for line in out.splitlines()[:-1]] == list(mnist.ARCHIVES)


def test_on_a_terminal_progress_counts_to_a_hundred(serve, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    mnist.fetch(tmp_path / "out", [serve().address])
    assert capsys.readouterr().out.count("\r  100 %\n") == 4


def test_the_command_without_from_asks_the_mirrors_in_order(serve, arrays, tmp_path, monkeypatch):
    first, second = serve("missing"), serve()
    monkeypatch.setattr(mnist, "MIRRORS", (first.address, second.address))
    assert mnist.main(["--to", str(tmp_path / "out")]) == 0
    assert first.asked == second.asked == list(mnist.ARCHIVES)


# ---- Killed, a full disk, no permission --------------------------------------------------------

# The folder that each run writes to has as many bytes as its moment says when it is killed.
KILLED_RUNS = """
import os, pathlib, pickle, signal, sys
from data import mnist

mnist.ARCHIVES, mnist.FILES, source, out, moments = pickle.load(sys.stdin.buffer)


def bytes_in(folder):
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:  # renamed meanwhile
        return 0


for i, moment in enumerate(moments):
    folder = pathlib.Path(out, str(i))
    folder.mkdir()
    pid = os.fork()
    if pid == 0:
        mnist.fetch(folder, [source])
        os._exit(0)
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if bytes_in(folder) > moment:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
"""

# A file that grows beyond this many bytes is refused by the system, as on a full disk.
RUN_WITH_LITTLE_DISK = """
import pickle, resource, sys
from data import mnist

mnist.ARCHIVES, mnist.FILES, source, out, most = pickle.load(sys.stdin.buffer)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
sys.exit(mnist.main(["--from", source, "--to", out]))
"""


def run_small(program, *arguments):
    """Run a program of the two above, on the small archives of this process."""
    given = pickle.dumps((mnist.ARCHIVES, mnist.FILES, *arguments))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a process with threads should not fork
    return subprocess.run([sys.executable, "-B", "-c", program], input=given, cwd=SCRIPT.parents[1],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def assert_right_or_absent(folder, arrays):
    """Of the six files, those that are in the folder are right; return how many they are."""
    names = [name for name in arrays if (folder / name).exists()]
    for name in names:
        np.testing.assert_array_equal(np.load(folder / name), arrays[name])
    return len(names)


@pytest.fixture
def larger(monkeypatch):
    """Makes the small archives so large that writing them takes some time: 660 kB in six files."""
    monkeypatch.setitem(globals(), "NTRAIN", 1500)
    monkeypatch.setitem(globals(), "NVAL", 500)
    monkeypatch.setitem(globals(), "NTEST", 500)
    monkeypatch.setitem(globals(), "SIDE", 16)


def test_killed_at_twenty_moments_what_is_there_is_right_and_the_next_run_succeeds(
        larger, source, arrays, tmp_path):
    total = sum(array.nbytes + 128 for array in arrays.values())
    moments = [int(total * random.Random(11785 + i).random()) for i in range(20)]
    (tmp_path / "out").mkdir()
    done = run_small(KILLED_RUNS, str(source), str(tmp_path / "out"), moments)
    assert done.returncode == 0, done.stderr
    for i in range(20):
        assert_right_or_absent(tmp_path / "out" / str(i), arrays)
        mnist.fetch(tmp_path / "out" / str(i), [source])
        assert_finished(tmp_path / "out" / str(i), arrays)


@pytest.mark.parametrize("most, files", [(0, 0), (50000, 3), (300000, 4)])
def test_on_a_full_disk_what_is_there_is_right_and_the_next_run_succeeds(
        larger, source, arrays, tmp_path, most, files):
    # In the order in which they are made, the files have 4, 12 and 4, 128, 384 and 128 kB.
    done = run_small(RUN_WITH_LITTLE_DISK, str(source), str(tmp_path / "out"), most)
    assert done.returncode == 1
    assert b"File too large" in done.stderr and b"expected a folder that may be written to" in done.stderr
    assert assert_right_or_absent(tmp_path / "out", arrays) == len(os.listdir(tmp_path / "out")) == files
    mnist.fetch(tmp_path / "out", [source])
    assert_finished(tmp_path / "out", arrays)


@pytest.fixture
def open_folder():
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.fixture
def as_nobody():
    """Return a function that calls another without root's right to write everywhere."""
    def call(function, *arguments):
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            return function(*arguments)
        finally:
            os.seteuid(user)
    return call


@pytest.mark.parametrize("there", [[], ["val_data.npy"]], ids=["empty", "with a file"])
def test_without_permission_nothing_is_lost_and_the_next_run_succeeds(
        archives, arrays, open_folder, as_nobody, serve, there):
    folder = open_folder / "out"
    folder.mkdir()
    for name in there:
        np.save(folder / name, arrays[name])
    folder.chmod(0o555)
    server = serve()
    with pytest.raises(OSError, match="cannot write the six files to .*Permission denied.*--to"):
        as_nobody(mnist.fetch, folder, [server.address])
    folder.chmod(0o755)
    assert os.listdir(folder) == there
    mnist.fetch(folder, [server.address])
    assert_finished(folder, arrays)


def test_a_leftover_that_may_not_be_removed_is_told(archives, open_folder, as_nobody, serve):
    (open_folder / ".val_data.npy.0a1b2c3d.partial").write_bytes(b"half")
    open_folder.chmod(0o555)
    with pytest.raises(OSError, match="cannot write the six files to .*Permission denied.*--to"):
        as_nobody(mnist.fetch, open_folder, [serve().address])


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_wrong_answer_the_next_run_succeeds(fault, serve, arrays, tmp_path, monkeypatch):
    """The files that were right before the answers went wrong are kept."""
    monkeypatch.setattr(mnist, "SILENCE", 0.1 if fault == "silent" else 10)
    monkeypatch.setattr(mnist, "PATIENCE", 0.1 if fault == "dribbling" else 10)
    folder, right = tmp_path / "out", serve()
    mnist.fetch(folder, [right.address])
    for name in ("val_labels.npy", "train_data.npy"):
        (folder / name).unlink()
    with pytest.raises(OSError, match="no good train-labels-idx1-ubyte.gz"):
        mnist.fetch(folder, [serve(fault).address])
    assert assert_right_or_absent(folder, arrays) == len(os.listdir(folder)) == 4
    mnist.fetch(folder, [right.address])
    assert_finished(folder, arrays)


# ---- The command, with MNIST's own tables ------------------------------------------------------

def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_refuses_foreign_archives_in_one_line(tmp_path):
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"foreign")
    done = run("--from", tmp_path, "--to", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6" in done.stderr
    assert sha256(b"foreign") in done.stderr


def test_the_command_tells_a_missing_folder_in_one_line(tmp_path):
    done = run("--from", tmp_path / "now\nhere", "--to", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "there is no folder" in done.stderr and "now here" in done.stderr


def test_the_command_tells_a_target_that_is_a_file_in_one_line(tmp_path):
    (tmp_path / "out").write_text("mine")
    done = run("--from", tmp_path, "--to", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot write the six files" in done.stderr


def test_the_help_tells_what_comes_of_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit, match="0"):
        mnist.main(["--help"])
    out = capsys.readouterr().out
    for word in ("--from", "--to", "uint8 (n, 784)", "int64 (n,)", "50,000", "SHA-256", *mnist.MIRRORS,
                 "--from DIR_OR_URL", "--to DIR"):
        assert word in out


@pytest.fixture
def default_interrupt():
    """Undoes that a test run in the background ignores SIGINT: the command would ignore it likewise."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_the_command_ends_an_interrupted_download_in_one_line(default_interrupt, serve, tmp_path):
    server = serve("silent")
    command = [sys.executable, str(SCRIPT), "--from", server.address, "--to", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert server.was_asked.wait(30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.count(b"\n") == 1 and b"interrupted" in errors
    assert os.listdir(tmp_path / "out") == []


def test_the_tables_split_mnist_as_the_handout_does():
    for part, start, n in (("train", 0, 50000), ("val", 50000, 10000), ("test", 0, 10000)):
        x, y = mnist.FILES[f"{part}_data.npy"], mnist.FILES[f"{part}_labels.npy"]
        assert (x.start, x.dtype, x.shape, y.start, y.dtype, y.shape) == (
            start, "|u1", (n, 784), start, "<i8", (n,))


def test_the_archives_are_those_of_lecuns_page():
    """It gives their sizes: http://yann.lecun.com/exdb/mnist/.  Each has a digest of its own."""
    assert {name: size for name, (size, _) in mnist.ARCHIVES.items()} == {
        "train-images-idx3-ubyte.gz": 9912422, "train-labels-idx1-ubyte.gz": 28881,
        "t10k-images-idx3-ubyte.gz": 1648877, "t10k-labels-idx1-ubyte.gz": 4542}
    digests = [digest for _, digest in mnist.ARCHIVES.values()] + [made.sha256 for made in mnist.FILES.values()]
    assert len({digest for digest in digests if re.fullmatch("[0-9a-f]{64}", digest)}) == 10


# ---- Loading -----------------------------------------------------------------------------------

@pytest.fixture
def folder(arrays, tmp_path):
    """A folder with six files that fit together; a test damages one."""
    for name, array in arrays.items():
        np.save(tmp_path / name, array)
    return tmp_path


@pytest.mark.parametrize("mmap_mode", [None, "r", "c"])
def test_load_returns_the_arrays_as_they_are_stored(folder, arrays, mmap_mode):
    loaded = [array for pair in mnist.load(folder, mmap_mode) for array in pair]
    for got, expected in zip(loaded, arrays.values()):
        assert got.dtype == expected.dtype
        assert isinstance(got, np.memmap) == (mmap_mode is not None)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
def test_load_takes_data_and_labels_of_any_real_dtype(folder, arrays, dtype):
    for name, array in arrays.items():
        np.save(folder / name, array.astype(dtype))
    assert [array.dtype for pair in mnist.load(folder) for array in pair] == [dtype] * 6


def test_load_takes_one_hot_labels(folder, arrays):
    for name in ("train_labels.npy", "val_labels.npy", "test_labels.npy"):
        np.save(folder / name, np.eye(10)[arrays[name]])
    assert mnist.load(folder)[0][1].shape == (NTRAIN, 10)


def test_load_names_every_missing_file_and_both_ways_to_get_them(folder):
    (folder / "val_data.npy").unlink()
    (folder / "test_labels.npy").unlink()
    with pytest.raises(FileNotFoundError,
                       match=r"lacks val_data\.npy, test_labels\.npy: run `python data/mnist\.py`.*course's"):
        mnist.load(folder)


def one_hot_rows(n, wrong):
    rows = np.eye(10)[np.zeros(n, int)]
    rows[-1] = wrong
    return rows


@pytest.mark.parametrize("name, array, message", [
    ("val_data.npy", np.zeros((NVAL, SIDE, SIDE)), r"val_data.npy must hold .*\(n, d\).*got .*\(2, 4, 4\)"),
    ("val_data.npy", np.zeros(NVAL), r"val_data.npy must hold real .*got float64 \(2,\)"),
    ("val_data.npy", np.zeros((NVAL, SIDE * SIDE), complex), r"val_data.npy must hold real .*got complex128"),
    ("test_data.npy", np.zeros((0, SIDE * SIDE)), r"test_data.npy .*n and d at least 1, got .*\(0, 16\)"),
    ("test_data.npy", np.zeros((NTEST, 0)), r"test_data.npy .*n and d at least 1, got .*\(3, 0\)"),
    ("val_labels.npy", np.array([0.5, 1]), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.array([-1, 1]), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.array([np.inf, 1]), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.array([np.nan, 1]), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.array(["7", "1"]), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.array([[7], [1]]), r"val_labels.npy .*\(n,\) or one-hot .*got int64 \(2, 1\)"),
    ("val_labels.npy", one_hot_rows(NVAL, 0), "val_labels.npy must hold class indices"),
    ("val_labels.npy", one_hot_rows(NVAL, 0.1), "val_labels.npy must hold class indices"),
    ("val_labels.npy", one_hot_rows(NVAL, 1), "val_labels.npy must hold class indices"),
    ("val_labels.npy", np.zeros(NVAL + 1, int), "val_data.npy and .*val_labels.npy .*long, got 2 and 3 rows"),
    ("test_data.npy", np.zeros((NTEST, 9)), r"the data files .*got \(16,\) in train, .*\(9,\) in test"),
    ("val_labels.npy", np.eye(10)[[1, 2]], r"the labels files .*got \(\) in train, \(10,\) in val"),
])
def test_load_refuses_what_does_not_fit(folder, name, array, message):
    np.save(folder / name, array)
    with pytest.raises(ValueError, match=message):
        mnist.load(folder)


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("content, message", [
    (b"", "not an .npy file"),
    (b"PK\x03\x04 a zip archive", "not an .npy file"),
    (npy_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}\n") + bytes(9), "cut short"),
    (npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}\n") + b"\x80", "pickled objects"),
    (npy_header("{'descr': '<i8', 'fortran"), "damaged"),
    (npy_header("x\n    y\n  z"), "damaged"),
    (npy_header("{'descr': ()}(\n"), "damaged"),
    (npy_header("{[]: 1}\n"), "damaged"),
    (npy_header("{'descr': '<i8', 'fortran_order': False, 'shape': (%d,)}\n" % 10 ** 20), "damaged"),
], ids=["empty", "zip", "cut short", "objects", "half a header", "indentation", "parenthesis", "unhashable",
        "huge"])
def test_load_refuses_a_file_that_is_no_sound_npy(folder, content, message, mmap_mode):
    (folder / "val_labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match=f"val_labels.npy is .*{message}.*get it again"):
        mnist.load(folder, mmap_mode)


def test_load_never_unpickles(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(folder / "val_labels.npy", np.array([Trap(), Trap()]), allow_pickle=True)
    with pytest.raises(ValueError, match="pickled objects"):
        mnist.load(folder)
    assert not (tmp_path / "sprung").exists()


def test_load_refuses_a_mode_that_would_write_over_the_files(folder):
    with pytest.raises(ValueError, match=r"mmap_mode must be None, 'r', 'r\+' or 'c', got 'w\+'"):
        mnist.load(folder, "w+")
    assert mnist.load(folder)[0][0].shape == (NTRAIN, SIDE * SIDE)


# ---- Making ready ------------------------------------------------------------------------------

def test_standardise_uses_the_training_set_for_all_three():
    dset = tuple((np.array(x, np.uint8), np.array([1])) for x in ([[0, 4], [4, 0]], [[2, 2]], [[0, 255]]))
    (trainx, _), (valx, _), (testx, _) = mnist.standardise(dset)
    np.testing.assert_array_equal(trainx, [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(valx, [[0, 0]])
    np.testing.assert_array_equal(testx, [[-1, 126.5]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_standardise_agrees_with_numpy_over_many_blocks(monkeypatch, dtype):
    monkeypatch.setattr(mnist, "BLOCK", 3)
    x = np.random.default_rng(1).integers(0, 256, (10, 7)).astype(dtype)
    wide = x.astype(np.float64)
    (got, _), = mnist.standardise(((x, None),))
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), rtol=1e-12)


def test_standardise_keeps_the_mean_of_float32_data_far_from_zero():
    x = np.random.default_rng(2).normal(1000, 0.1, (2000, 50)).astype(np.float32)
    (got, _), = mnist.standardise(((x, None),))
    np.testing.assert_allclose([got.mean(), got.std()], [0, 1], atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardise_gives_the_dtype_asked_for(folder, dtype):
    assert [x.dtype for x, _ in mnist.standardise(mnist.load(folder), dtype)] == [dtype] * 3


def test_standardise_leaves_labels_and_its_input_alone(folder, arrays):
    dset = mnist.load(folder)
    ready = mnist.standardise(dset)
    for (x, y), (_, same), part in zip(dset, ready, ("train", "val", "test")):
        assert same is y
        np.testing.assert_array_equal(x, arrays[f"{part}_data.npy"])


@pytest.mark.parametrize("x", [np.full((3, 3), 0.1), np.array([[0, np.nan]]), np.array([[0, np.inf]]),
                               np.zeros((0, 3))], ids=["constant", "nan", "inf", "empty"])
def test_standardise_refuses_data_without_a_scale(x):
    with pytest.raises(ValueError, match="must be finite and hold at least two different values, got"):
        mnist.standardise(((x, None), (x, None), (x, None)))


def test_standardise_refuses_an_integer_dtype(folder):
    with pytest.raises(TypeError, match="dtype must be floating, such as np.float64, got int64"):
        mnist.standardise(mnist.load(folder), np.int64)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_one_hot_puts_a_single_one_in_each_row(dtype):
    rows = mnist.one_hot(np.array([2, 0, 2], dtype), 3)
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(rows, [[0, 0, 1], [1, 0, 0], [0, 0, 1]])


def test_one_hot_of_no_labels_has_no_rows():
    assert mnist.one_hot([], 3).shape == (0, 3)


@pytest.mark.parametrize("labels, message", [
    ([0, 3], r"labels must be in 0 \.\. 2 for 3 classes, got 3"),
    ([-1, 0], "labels must be class indices"),
    ([0.5, 1], "labels must be class indices"),
    ([[0, 1]], r"labels must be class indices .*of shape \(n,\), got int64 \(1, 2\)"),
])
def test_one_hot_refuses_labels_out_of_range(labels, message):
    with pytest.raises(ValueError, match=message):
        mnist.one_hot(labels, 3)
