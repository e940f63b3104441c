"""What several suites of commands share: small archives with a server of them, and small runs."""

import gzip
import http.server
import struct
import threading

import numpy as np
import pytest

from data import mnist
from tests.commands import copies
from tests.commands.archives import NCLASSES, NTEST, NTRAIN, NVAL, SIDE, Handler, sha256
from tests.commands.runs import SIZES, SMALL, run


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


@pytest.fixture
def serve(archives, monkeypatch):
    """A function that starts a server of the small archives, with a fault or none."""
    monkeypatch.setenv("no_proxy", "*")
    servers = []

    def start(fault=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = False
        server.archives = archives
        server.fault = fault
        server.asked = []
        server.was_asked = threading.Event()
        server.over = threading.Event()
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The six files of a small data set: 28 x 28 patterns of ten classes, with much noise."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(1)
    patterns = rng.integers(0, 60, (10, 784))
    for part, n in SIZES.items():
        labels = rng.integers(0, 10, n)
        np.save(folder / f"{part}_labels.npy", labels)
        images = patterns[labels] + rng.integers(0, 190, (n, 784))
        np.save(folder / f"{part}_data.npy", images.astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def small(folder):
    """A finished run on the small data set."""
    return run("--data", folder, *SMALL)


@pytest.fixture
def copy(tmp_path):
    """A copy of the program, whose data/ holds no MNIST."""
    return copies.copy(tmp_path, "hw1", "data")
