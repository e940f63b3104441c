"""Small archives in place of MNIST's, and a server of them that can misbehave."""

import gzip
import hashlib
import http.server
import os
import pathlib

import numpy as np

from data import mnist

SCRIPT = pathlib.Path(mnist.__file__)
NTRAIN = 5
NVAL = 2
NTEST = 3
SIDE = 4
NCLASSES = 3


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def flip_last_bit(content):
    return content[:-1] + bytes([content[-1] ^ 1])


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves archives; the server's `fault` makes every response fail in one way."""

    def do_GET(self):
        server = self.server
        name = self.path.rsplit("/", 1)[1].replace(".gz", "")
        content = gzip.compress(server.archives[name])
        missing = server.fault == "missing" or self.path != f"/mnist/{name}.gz"
        server.asked.append(name)
        self.send_response(404 if missing else 200)
        if server.fault in (None, "disconnects"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        server.was_asked.set()
        try:
            if server.fault is None:
                self.wfile.write(content)
            elif server.fault == "corrupted":
                self.wfile.write(flip_last_bit(content))
            elif server.fault in ("disconnects", "truncated"):
                self.wfile.write(content[:len(content) // 2])
            elif server.fault == "silent":
                server.over.wait(5)
            while server.fault == "slow" and not server.over.wait(0.05):
                self.wfile.write(b"x")
            while server.fault == "endless" and not server.over.is_set():
                self.wfile.write(bytes(65536))
        except OSError:
            pass  # the client has disconnected, as it should

    def log_message(self, *args):
        pass


def assert_complete(folder, arrays, nfiles=6):
    """Check that folder holds nfiles of the six files, all correct, and no other file."""
    names = os.listdir(folder)
    for name in names:
        array = np.load(folder / name)
        assert array.dtype == arrays[name].dtype
        np.testing.assert_array_equal(array, arrays[name])
    assert len(names) == nfiles
