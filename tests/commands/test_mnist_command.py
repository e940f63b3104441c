"""`python data/mnist.py`: files that appear whole or not at all, what it prints, how it ends."""

import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import tempfile

import pytest

from data import mnist
from tests.commands.archives import SCRIPT, assert_finished


# ---- Files that appear whole or not at all -----------------------------------------------------

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
