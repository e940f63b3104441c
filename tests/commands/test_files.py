"""data/files.py: regular files appear whole or not at all, and nothing else is replaced."""

import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
import threading

import pytest

from data import files
from tests.commands.copies import ROOT


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# ---- Regular files -----------------------------------------------------------------------------

def test_an_existing_file_is_replaced_by_a_whole_one(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    replaced = []

    def replace(old, new):
        replaced.append((old.parent, old.read_bytes(), new, new.read_bytes()))
        os.rename(old, new)

    monkeypatch.setattr(files.os, "replace", replace)
    files.write(str(path), b"after")
    assert replaced == [(tmp_path, b"after", path, b"before")]
    assert path.read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["file"]


@pytest.fixture(params=[OSError("full"), KeyboardInterrupt()], ids=repr)
def failure(request, monkeypatch):
    """The error in which every replacement of a file ends."""
    def replace(old, new):
        raise request.param

    monkeypatch.setattr(files.os, "replace", replace)
    return type(request.param)


def test_a_failed_write_leaves_the_old_file(tmp_path, failure):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(failure):
        files.write(path, b"after")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_of_a_new_file_leaves_none(tmp_path, failure):
    with pytest.raises(failure):
        files.write(tmp_path / "file", b"content")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755], ids=oct)
def test_an_existing_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    with umask(0o022):
        files.write(path, b"after")
    assert mode_of(path) == mode
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600)])
def test_a_new_file_gets_the_mode_of_the_umask(tmp_path, mask, mode):
    path = tmp_path / "file"
    with umask(mask):
        files.write(path, b"content")
    assert mode_of(path) == mode


def test_content_is_never_more_readable_than_the_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o600)
    sizes = []

    def chmod(partial, mode):
        sizes.append(partial.stat().st_size)
        os.chmod(partial, mode)

    monkeypatch.setattr(files.pathlib.Path, "chmod", chmod)
    files.write(path, bytes(10**6))  # more than a buffer holds
    assert sizes == [0]
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("path", ["missing/file", "folder", "file/below"])
def test_a_path_that_cannot_be_written_is_an_os_error(tmp_path, path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(OSError) as raised:
        files.write(tmp_path / path, b"content")
    assert raised.value.filename == str(tmp_path / path)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert os.listdir(tmp_path / "folder") == []
    assert (tmp_path / "file").read_bytes() == b"before"


def test_an_error_of_a_full_disk_names_the_path(tmp_path, monkeypatch):
    def replace(old, new):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(OSError) as raised:
        files.write(tmp_path / "file", b"content")
    assert raised.value.filename == str(tmp_path / "file")


def test_partials_of_this_path_alone_are_removed(tmp_path):
    others = ["file", ".other.0a1b2c3d.partial", "file.0a1b2c3d.partial"]
    for name in [".file.0a1b2c3d.partial", *others]:
        (tmp_path / name).touch()
    files.remove_partials(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == sorted(others)


# ---- Symbolic links ----------------------------------------------------------------------------

@pytest.mark.parametrize("target", ["there", "new"])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path, target):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "there").write_bytes(b"before")
    link = tmp_path / "link"
    link.symlink_to(elsewhere / target)
    (tmp_path / "chain").symlink_to("link")
    files.write(tmp_path / "chain", b"after")
    assert (tmp_path / "chain").is_symlink()
    assert link.is_symlink()
    assert (elsewhere / target).read_bytes() == b"after"
    assert sorted(os.listdir(tmp_path)) == ["chain", "elsewhere", "link"]


def test_a_link_to_itself_is_an_os_error(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("link")
    with pytest.raises(OSError):
        files.write(link, b"content")
    assert os.listdir(tmp_path) == ["link"]


# ---- Devices, FIFOs and standard streams -------------------------------------------------------

@pytest.mark.parametrize("linked", [False, True])
def test_a_fifo_is_written_to_and_stays(tmp_path, linked):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    given = path
    if linked:
        given = tmp_path / "link"
        given.symlink_to(path)
    received = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()), daemon=True)
    reader.start()
    files.write(given, bytes(10**6))
    reader.join(10)
    assert received == [bytes(10**6)]
    assert path.is_fifo()


def test_a_device_is_written_to_and_stays():
    # A terminal of this process alone: if the code were wrong, /dev/null would be lost to all.
    master, slave = os.openpty()
    name = os.ttyname(slave)
    files.write(name, b"content")
    assert os.read(master, 100) == b"content"
    assert stat.S_ISCHR(os.stat(name).st_mode)
    os.close(slave)
    os.close(master)


def test_a_socket_is_an_os_error_and_stays(tmp_path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        with pytest.raises(OSError):
            files.write(path, b"content")
    assert path.is_socket()


def run_write(path, **streams):
    """Run a process that prints a line, writes to path, and prints another."""
    command = [sys.executable, "-m", "tests.commands.write_between_lines", str(path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}  # the first line waits in a buffer
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=60, **streams)


# By links of the test's own, or wrong code, run by root, would replace those in /dev.
@pytest.mark.parametrize("path", ["stdout", "log"])
@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_redirected_standard_output_loses_nothing(tmp_path, path, mode):
    (tmp_path / "stdout").symlink_to("/dev/fd/1")
    log = tmp_path / "log"
    with open(log, mode) as file:
        done = run_write(tmp_path / path, stdout=file)
    assert done.returncode == 0
    assert log.read_bytes() == b"before\ncontent\nafter\n"


def test_a_redirected_standard_error_loses_nothing(tmp_path):
    (tmp_path / "stderr").symlink_to("/dev/fd/2")
    log = tmp_path / "log"
    with open(log, "wb") as file:
        done = run_write(tmp_path / "stderr", stderr=file)
    assert done.returncode == 0
    assert log.read_bytes() == b"before\ncontent\nafter\n"


def test_a_pipe_receives_the_content_between_the_lines(tmp_path):
    (tmp_path / "stdout").symlink_to("/dev/fd/1")
    done = run_write(tmp_path / "stdout", stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert done.stdout == b"before\ncontent\nafter\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_file_is_written_when_a_stream_is_closed(tmp_path, monkeypatch, closed):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(sys, closed, None)
    files.write(path, b"after")
    assert path.read_bytes() == b"after"
