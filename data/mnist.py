"""MNIST in the homework's six files: get them, load them, make them ready for a network.

    python data/mnist.py              download MNIST (11 MB) and write the six files beside this script
    python data/mnist.py --from DIR   the same from the four archives in a folder of yours
    python data/mnist.py --help       everything else

In code, `load` reads the six files (these, or the course's own) and checks that they fit together,
`standardise` gives the data mean 0 and standard deviation 1, and `one_hot` turns digits into rows of zeros
with a single one.
"""

import argparse
import contextlib
import gzip
import hashlib
import http.client
import io
import math
import os
import pathlib
import secrets
import struct
import sys
import time
import tokenize
import typing
import urllib.request

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SILENCE = 20       # seconds without a byte after which a server is given up
PATIENCE = 600     # seconds that one archive may take in all
CHUNK = 64 * 1024  # bytes read at a time
BLOCK = 1024       # rows turned into float64 at a time


class Made(typing.NamedTuple):
    """A finished file: an archive's rows from start on, in this dtype and shape; SHA-256 of its array."""

    archive: str
    start: int
    dtype: str
    shape: tuple
    sha256: str


# Size in bytes and SHA-256.  The smallest comes first, so that a folder that cannot be written to, or a wrong
# source, shows before the long download.
ARCHIVES = {
    "t10k-labels-idx1-ubyte.gz": (
        4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    "train-labels-idx1-ubyte.gz": (
        28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte.gz": (
        1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "train-images-idx3-ubyte.gz": (
        9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
}

FILES = {
    "train_data.npy": Made(
        "train-images-idx3-ubyte.gz", 0, "|u1", (50000, 784),
        "c80ceb24eedca80f31cfca280b8fb911cbb41b9990f998bebd40e26b1ab6d0f8"),
    "train_labels.npy": Made(
        "train-labels-idx1-ubyte.gz", 0, "<i8", (50000,),
        "3fc61c21900fc0b58d42fdaf93c02687003667ff54f671496c1d367a95cae2ba"),
    "val_data.npy": Made(
        "train-images-idx3-ubyte.gz", 50000, "|u1", (10000, 784),
        "2b079632b0defaf508a5ebf8c4ac1e18ce15c8b337da087e9c3e1c84c618d244"),
    "val_labels.npy": Made(
        "train-labels-idx1-ubyte.gz", 50000, "<i8", (10000,),
        "bfddcd2fec1923668512623a71a47033ec687581bc04ac5708c8857aa0193630"),
    "test_data.npy": Made(
        "t10k-images-idx3-ubyte.gz", 0, "|u1", (10000, 784),
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "test_labels.npy": Made(
        "t10k-labels-idx1-ubyte.gz", 0, "<i8", (10000,),
        "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243"),
}


# ---- Getting the six files -----------------------------------------------------------------------

def fetch(folder, sources):
    """Write the six files into folder, from the four archives of the first source that gives each.

    sources: folders or http(s) addresses.  A file that is there and right is kept, one that is damaged is
    made again.  Each appears whole or not at all, so a run that was stopped is finished by the next.

    Raises OSError when no source gives a good archive or the folder cannot be written to, ValueError when
    the folder holds arrays of another dtype or shape under these names (the course's own files, say): those
    are never replaced.
    """
    folder = pathlib.Path(folder)
    for source in sources:
        if not _is_address(source) and not os.path.isdir(source):
            raise NotADirectoryError(f"there is no folder {source}: expected one that holds "
                                     f"{', '.join(ARCHIVES)}, or an address that begins with http(s)://")
    with _writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            for leftover in folder.glob(f".{name}.*.partial"):
                leftover.unlink()
        wanted = [name for name in FILES if not _is_right(folder / name)]
    for archive in ARCHIVES:
        names = [name for name in wanted if FILES[name].archive == archive]
        if names:
            rows = _unpack(archive, _obtain(archive, sources))
            with _writing_to(folder):
                for name in names:
                    made = FILES[name]
                    stop = made.start + made.shape[0]
                    _save(folder / name, rows[made.start:stop].astype(made.dtype))
    print(f"{folder}: {len(wanted)} files written, {len(FILES) - len(wanted)} right already", flush=True)


def _is_address(source):
    return str(source).startswith(("http://", "https://"))


@contextlib.contextmanager
def _writing_to(folder):
    """Say of an OSError in the body which folder it is about, and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write the six files to {folder}: {error}; expected a folder that may be "
                      "written to, with 55 MB free: make it so or choose another with --to, and run again"
                      ) from error


def _is_right(path):
    """Tell whether path holds the finished file of its name; ValueError if it holds another's array."""
    if not path.exists():
        return False
    made = FILES[path.name]
    try:
        array = _read(path, "r")
    except ValueError:
        return False
    if (array.dtype, array.shape) != (np.dtype(made.dtype), made.shape):
        raise ValueError(f"{path} holds {array.dtype} {array.shape}, expected MNIST's {np.dtype(made.dtype)} "
                         f"{made.shape}: it may be the course's own, so nothing was written; "
                         "move it away, or choose another folder with --to")
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest() == made.sha256


def _obtain(archive, sources):
    """Return an archive's bytes, checked, from the first source that gives them; OSError if none does."""
    size, sha256 = ARCHIVES[archive]
    failures = []
    for source in sources:
        place = f"{str(source).rstrip('/')}/{archive}"
        print(f"{place} ({size:,} bytes)", flush=True)
        try:
            if _is_address(source):
                packed = _download(place, size)
            else:
                packed = pathlib.Path(place).read_bytes()
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(f"{place}: {getattr(error, 'strerror', None) or error}")
        else:
            found = hashlib.sha256(packed).hexdigest()
            if found == sha256:
                return packed
            failures.append(f"{place} is cut short, damaged or not MNIST's: expected {size} bytes with "
                            f"SHA-256 {sha256}, got {len(packed)} bytes with SHA-256 {found}")
        if len(failures) < len(sources):
            print(f"  {failures[-1]}; trying the next", flush=True)
    raise OSError(f"no good {archive} to be had ({'; '.join(failures)}): get MNIST's four archives and name "
                  "their folder with --from, or if it was the network, try again later")


def _download(address, size):
    """Return the bytes at address; ValueError for more than size of them, OSError for a server too slow."""
    terminal = sys.stdout.isatty()
    deadline = time.monotonic() + PATIENCE
    packed = bytearray()
    try:
        with urllib.request.urlopen(address, timeout=SILENCE) as answer:
            while len(packed) <= size:
                # read would wait for the whole chunk, however slowly it comes; read1 takes what is there
                chunk = answer.read1(min(CHUNK, size + 1 - len(packed)))
                if not chunk:
                    return bytes(packed)
                packed += chunk
                if terminal:
                    print(f"\r  {100 * len(packed) // size} %", end="", flush=True)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"too slow: {len(packed)} of {size} bytes in {PATIENCE} seconds")
    finally:
        if terminal:
            print(flush=True)
    raise ValueError(f"not MNIST's: expected {size} bytes, got more")


def _unpack(archive, packed):
    """Return a gzipped IDX file's content, uint8: (n,) for labels (idx1), (n, pixels) for images (idx3)."""
    raw = gzip.decompress(packed)
    rank = 3 if "idx3" in archive else 1
    start = 4 + 4 * rank
    magic = bytes([0, 0, 8, rank])
    if raw[:4] != magic or len(raw) < start:
        raise ValueError(f"{archive} is not an IDX file of bytes in {rank} dimensions: expected it to begin "
                         f"with {magic.hex()}, got {raw[:4].hex()}: get MNIST's")
    count, *sides = struct.unpack(f">{rank}I", raw[4:start])
    if len(raw) - start != count * math.prod(sides):
        raise ValueError(f"{archive} is not a whole IDX file: expected {count} x {sides} bytes, "
                         f"got {len(raw) - start}: get MNIST's")
    values = np.frombuffer(raw, np.uint8, offset=start)
    return values.reshape(count, math.prod(sides)) if sides else values


def _save(path, array):
    """Write array to path as .npy, whole or not at all."""
    # Through memory, since np.save to a file hides the reason when it cannot write (the disk is full).
    content = io.BytesIO()
    np.save(content, array)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.write_bytes(content.getvalue())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


# ---- Loading them --------------------------------------------------------------------------------

def load(folder=HERE, mmap_mode=None):
    """Return ((trainx, trainy), (valx, valy), (testx, testy)), the six files' arrays as they are stored.

    x: (n, d), real numbers, the same d in all three.  y: (n,) class indices 0, 1, ..., or (n, K) one-hot
    rows, of any real dtype.  Every size is taken from the files.  mmap_mode: None, or "r", "r+", "c" to map
    the files as np.load does.

    Raises FileNotFoundError when files are missing, ValueError when one is damaged or they do not fit.
    """
    if mmap_mode not in (None, "r", "r+", "c"):
        raise ValueError(f"mmap_mode must be None, 'r', 'r+' or 'c', got {mmap_mode!r}")
    folder = pathlib.Path(folder)
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}: run `python data/mnist.py` to get "
                                "MNIST, or copy the course's six files there")
    dset = tuple(_load_partition(folder, part, mmap_mode) for part in ("train", "val", "test"))
    _require_alike(folder, "data", [x.shape[1:] for x, _ in dset])
    _require_alike(folder, "labels", [y.shape[1:] for _, y in dset])
    return dset


def _load_partition(folder, part, mmap_mode):
    """Return one partition's (x, y), each checked by itself and against the other."""
    data, labels = folder / f"{part}_data.npy", folder / f"{part}_labels.npy"
    x, y = _read(data, mmap_mode), _read(labels, mmap_mode)
    if x.ndim != 2 or x.size == 0 or not _is_real(x):
        raise ValueError(f"{data} must hold real numbers of shape (n, d), n and d at least 1, "
                         f"got {x.dtype} {x.shape}")
    if not _is_indices(y) and not _is_one_hot(y):
        raise ValueError(f"{labels} must hold class indices 0, 1, ... of shape (n,) or one-hot rows (n, K), "
                         f"got {y.dtype} {y.shape} with other values or another shape")
    if len(x) != len(y):
        raise ValueError(f"{data} and {labels} must be equally long, got {len(x)} and {len(y)} rows")
    return x, y


def _read(path, mmap_mode):
    """Return the array of an .npy file; ValueError if it is not one, or not whole, or needs unpickling."""
    with open(path, "rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError(f"{path} is not an .npy file: get it again")
    try:
        return np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (ValueError, TypeError, OverflowError, SyntaxError, tokenize.TokenError) as error:
        raise ValueError(f"{path} is cut short, damaged or holds pickled objects, expected a whole .npy file "
                         f"of numbers: get it again ({error})") from error


def _require_alike(folder, kind, shapes):
    if len(set(shapes)) > 1:
        train, val, test = shapes
        raise ValueError(f"the {kind} files in {folder} must hold rows of one shape, got {train} in train, "
                         f"{val} in val, {test} in test: take all of them from one data set")


def _is_real(array):
    return array.dtype.kind in "buif"


def _is_indices(y):
    return bool(y.ndim == 1 and _is_real(y) and np.isfinite(y).all()
                and (y >= 0).all() and (y == np.floor(y)).all())


def _is_one_hot(y):
    return bool(y.ndim == 2 and _is_real(y)
                and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


# ---- Making them ready ---------------------------------------------------------------------------

def standardise(dset, dtype=np.float64):
    """Return dset with each x as (x - mean) / deviation in the floating dtype; labels and dset itself stay.

    mean and deviation are two scalars, taken over all values of the training set, and serve for all three
    partitions: the network meets validation and test data on the scale it was trained on.  (The course's
    visualiser takes each partition's own.)

    Raises ValueError if the training data are all one value or not finite, TypeError for another dtype.
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating, such as np.float64, got {np.dtype(dtype)}")
    trainx = np.asarray(dset[0][0])
    if trainx.size == 0 or not np.isfinite(trainx).all() or trainx.min() == trainx.max():
        raise ValueError("the training data must be finite and hold at least two different values, "
                         f"got {trainx.dtype} {trainx.shape} that are empty, constant, infinite or NaN")
    mean = float(trainx.mean(dtype=np.float64))
    squares = sum(float(np.square(block - mean).sum()) for _, block in _float_blocks(trainx))
    deviation = math.sqrt(squares / trainx.size)

    def scaled(x):
        out = np.empty(np.shape(x), dtype)
        for rows, block in _float_blocks(x):
            out[rows] = (block - mean) / deviation
        return out

    return tuple((scaled(x), y) for x, y in dset)


def _float_blocks(x):
    """Yield (rows, x[rows] in float64) by blocks: all at once would take eight times the size of bytes."""
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, np.array(x[rows], np.float64)


def one_hot(labels, nclasses):
    """Return float64 (n, nclasses): row i is zeros but for a 1 at labels[i].

    labels: (n,) whole numbers in 0 .. nclasses - 1; ValueError otherwise.
    """
    labels = np.asarray(labels)
    if not _is_indices(labels):
        raise ValueError("labels must be class indices 0, 1, ... of shape (n,), "
                         f"got {labels.dtype} {labels.shape} with other values or another shape")
    if labels.size and labels.max() >= nclasses:
        raise ValueError(f"labels must be in 0 .. {nclasses - 1} for {nclasses} classes, got {labels.max()}")
    rows = np.zeros((len(labels), nclasses))
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return rows


# ---- The command ---------------------------------------------------------------------------------

def main(argv=None):
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description="Write MNIST as the six files {train,val,test}_{data,labels}.npy. Data: uint8 (n, 784), "
                    "pixels 0..255 row by row. Labels: int64 (n,), digits. The first 50,000 of MNIST's "
                    "training set are train, its last 10,000 are val; its test set is test.",
        epilog="The archives' SHA-256 are checked before anything is unpacked. Files that are right are "
               "kept, damaged ones made again; arrays of another shape (the course's own) are never "
               "replaced. A run that was stopped leaves no half file: run it again. "
               "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")
    parser.add_argument("--from", dest="source", metavar="DIR_OR_URL",
                        help=f"folder or http(s) address that holds {', '.join(ARCHIVES)} "
                             f"(by default {' and, when that fails, '.join(MIRRORS)})")
    parser.add_argument("--to", metavar="DIR", default=HERE,
                        help="folder to write to, made if need be (by default that of this script)")
    arguments = parser.parse_args(argv)
    try:
        fetch(arguments.to, MIRRORS if arguments.source is None else (arguments.source,))
    except KeyboardInterrupt:
        print("mnist.py: interrupted; the finished files stay, run it again for the rest", file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print("mnist.py: " + " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
