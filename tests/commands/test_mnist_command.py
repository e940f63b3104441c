"""`python data/mnist.py`: complete files, its output and its exit status."""

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
from tests.commands.archives import SCRIPT, assert_complete


def run_small(source, out, most=None, stdout=subprocess.PIPE, **environment):
    """Run the command on the small archives, in a process; most: the bytes that fit in a file."""
    command = [sys.executable, "-B", "-m", "tests.commands.fetch_small"]
    arguments = ["--from", str(source), "--to", str(out)]
    given = (mnist.ARCHIVES, mnist.FILES, most, arguments)
    return subprocess.run(command, input=pickle.dumps(given), cwd=SCRIPT.parents[1],
                          env={**os.environ, **environment}, stdout=stdout, stderr=subprocess.PIPE)


def run_script(*arguments, cwd, **streams):
    """Run the script as users do."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, stderr=subprocess.PIPE, timeout=60, **streams)


# ---- Complete files ----------------------------------------------------------------------------

def test_a_full_disk_leaves_correct_files(source, arrays, tmp_path):
    # In the order in which they are written, the files have 152, 168, 144, 176, 208 and 160 bytes.
    done = run_small(source, tmp_path / "out", most=180)
    assert done.returncode == 1
    assert re.search(b"File too large.*expected a folder that can be", done.stderr)
    assert_complete(tmp_path / "out", arrays, nfiles=4)
    mnist.fetch(tmp_path / "out", [source])
    assert_complete(tmp_path / "out", arrays)


def test_a_disk_full_from_the_start_leaves_no_folder(source, tmp_path):
    done = run_small(source, tmp_path / "new" / "out", most=100)
    assert done.returncode == 1
    assert not (tmp_path / "new").exists()


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
def test_a_read_only_folder_is_left_as_it_is(archives, arrays, open_folder, serve, there):
    out = open_folder / "out"
    out.mkdir()
    for name in there:
        (out / name).write_bytes(b"half")
    out.chmod(0o555)
    server = serve()
    with pytest.raises(OSError, match="cannot write the six files to .*Permission denied.*--to"):
        fetch_as_nobody(out, [server.address])
    out.chmod(0o755)
    assert os.listdir(out) == there
    mnist.fetch(out, [server.address])
    assert_complete(out, arrays)


def test_an_unreadable_folder_of_the_source_is_named(archives, open_folder):
    (open_folder / "locked").mkdir(0o000)
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o777)
    with pytest.raises(OSError, match="no good .*locked: Permission denied.*--from"):
        fetch_as_nobody(open_folder / "out", [open_folder])


def test_an_interrupted_download_ends_in_one_line(serve, tmp_path):
    server = serve("silent")
    command = [sys.executable, SCRIPT, "--from", server.address, "--to", tmp_path / "out"]
    # Tests that run in the background ignore SIGINT, and the command would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        signal.signal(signal.SIGINT, before)
        assert server.was_asked.wait(30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(b"mnist.py: interrupted.*run it again.*\n", errors)
    assert os.listdir(tmp_path) == []


# ---- Paths -------------------------------------------------------------------------------------

def test_a_tilde_in_a_path_is_expanded(source, arrays, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    status = mnist.main(["--from=~/archives", "--to=~/out"])
    assert status == 0
    assert_complete(tmp_path / "out", arrays)
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("safe_path", ["", "1"])
def test_the_script_runs_in_any_folder(tmp_path, monkeypatch, safe_path):
    monkeypatch.setenv("PYTHONSAFEPATH", safe_path)
    done = run_script("--help", cwd=tmp_path, stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert done.stdout.startswith(b"usage: mnist.py")
    assert done.stderr == b""


# ---- Output ------------------------------------------------------------------------------------

@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_names_are_printed_in_the_encoding_of_stdout(source, arrays, tmp_path, encoding):
    out = tmp_path / "Zażółć"
    done = run_small(source, out, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{out}: 6 files written".encode(encoding, "backslashreplace") in done.stdout
    assert_complete(out, arrays)


@pytest.fixture(params=["full disk", "closed pipe"])
def broken_stdout(request):
    """The descriptor of a standard output to which nothing can be written."""
    if request.param == "full disk":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, descriptor = os.pipe()
        os.close(reader)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_files_are_written_when_stdout_fails(source, arrays, tmp_path, broken_stdout, unbuffered):
    done = run_small(source, tmp_path / "out", stdout=broken_stdout, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (0, b"")
    assert_complete(tmp_path / "out", arrays)


def test_files_are_written_when_stdout_is_closed(serve, arrays, tmp_path, monkeypatch):
    address = serve().address
    monkeypatch.setattr(sys, "stdout", None)
    status = mnist.main(["--from", address, "--to", str(tmp_path / "out")])
    assert status == 0
    assert_complete(tmp_path / "out", arrays)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_shows_no_traceback_if_stdout_fails(
        tmp_path, monkeypatch, broken_stdout, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    done = run_script("--help", cwd=tmp_path, stdout=broken_stdout)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_with_stdout_closed_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit, match="0"):
        mnist.main(["--help"])


def test_help_names_options_sources_and_files(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit, match="0"):
        mnist.main(["--help"])
    printed = capsys.readouterr().out
    for word in ("--from DIR_OR_URL", "--to DIR", "uint8 (n, 784)", "int64 (n,)"):
        assert word in printed
    for name in (*mnist.MIRRORS, *mnist.ARCHIVES):
        assert name in printed


def test_an_error_is_one_line(tmp_path):
    done = run_script("--from", "now\nhere", "--to", "out", cwd=tmp_path, stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert re.fullmatch(b"mnist.py: now here is not a folder: expected .*\n", done.stderr)
    assert os.listdir(tmp_path) == []
