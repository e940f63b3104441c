"""MNIST in the homework's six files: get them, load them, make them ready for a network.

    python data/mnist.py              download MNIST (11 MB), write the six files beside this script
    python data/mnist.py --from DIR   the same from the four archives in a folder of yours
    python data/mnist.py --help       everything else

In code, `load` reads the six files (these, or the course's own) and checks that they fit together,
and `standardise` gives the data mean 0 and standard deviation 1, which `scale` tells.
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
import ssl
import sys
import time
import urllib.error
import urllib.request
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
if __name__ == "__main__":  # a script's own folder is searched for modules, but not the one above
    sys.path.insert(0, str(HERE.parent))

from data import files  # noqa: E402
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SILENCE = 20       # seconds without a byte after which a server is given up
PATIENCE = 600     # seconds that one archive may take in all
CHUNK = 64 * 1024  # bytes read at a time; gzip never adds as many
BLOCK = 1024       # rows in float64 at a time: all at once would take eight times the bytes

# Bytes of the .gz that the mirrors have; bytes and SHA-256 of what is packed in it. The smallest
# comes first, so that a folder without room, or a wrong source, shows before the long download.
ARCHIVES = {
    "t10k-labels-idx1-ubyte": (
        4542, 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    "train-labels-idx1-ubyte": (
        28881, 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (
        1648877, 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "train-images-idx3-ubyte": (
        9912422, 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
}

# The archive and its first row, dtype, shape and SHA-256 of the array.
FILES = {
    "train_data.npy": ("train-images-idx3-ubyte", 0, "|u1", (50000, 784),
        "c80ceb24eedca80f31cfca280b8fb911cbb41b9990f998bebd40e26b1ab6d0f8"),
    "train_labels.npy": ("train-labels-idx1-ubyte", 0, "<i8", (50000,),
        "3fc61c21900fc0b58d42fdaf93c02687003667ff54f671496c1d367a95cae2ba"),
    "val_data.npy": ("train-images-idx3-ubyte", 50000, "|u1", (10000, 784),
        "2b079632b0defaf508a5ebf8c4ac1e18ce15c8b337da087e9c3e1c84c618d244"),
    "val_labels.npy": ("train-labels-idx1-ubyte", 50000, "<i8", (10000,),
        "bfddcd2fec1923668512623a71a47033ec687581bc04ac5708c8857aa0193630"),
    "test_data.npy": ("t10k-images-idx3-ubyte", 0, "|u1", (10000, 784),
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "test_labels.npy": ("t10k-labels-idx1-ubyte", 0, "<i8", (10000,),
        "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243"),
}


# ---- Getting the six files -----------------------------------------------------------------------

def fetch(folder, sources):
    """Write the six files into folder, from the four archives of the first source that gives each.

    sources: http(s) addresses of the .gz, or folders that hold them, packed or not, there or below.
    A right file is kept, a damaged one made again. Each appears whole or not at all, so a run that
    was stopped is finished by the next.

    Raises OSError when no source has a good archive or folder cannot be written to, ValueError when
    it holds other arrays under these names (the course's own, say), which are never replaced.
    """
    folder = pathlib.Path(folder)
    for source in sources:
        if not _is_address(source) and not os.path.isdir(source):
            raise NotADirectoryError(f"there is no folder {source}: expected that of MNIST's four "
                                     "archives, or an address that begins with http(s)://")
    with _writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            files.remove_partials(folder / name)
        wanted = [name for name in FILES if not _is_right(folder / name)]
    for archive in ARCHIVES:
        names = [name for name in wanted if FILES[name][0] == archive]
        if names:
            values = _obtain(archive, sources)
            with _writing_to(folder):
                for name in names:
                    _, start, dtype, shape, _ = FILES[name]
                    rows = values.reshape(-1, *shape[1:])[start:start + shape[0]]
                    npy = io.BytesIO()  # np.save to a file hides the reason when it cannot write
                    np.save(npy, rows.astype(dtype))
                    files.write(folder / name, npy.getvalue())
    _tell(f"{folder}: {len(wanted)} files written, {len(FILES) - len(wanted)} right already")


def _tell(text, end="\n"):
    """Print text; where nobody takes it (a full disk, a reader gone), go on in silence."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_address(source):
    return str(source).lower().startswith(("http://", "https://"))


@contextlib.contextmanager
def _writing_to(folder):
    """Say of an OSError in the body which folder it is about, and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write the six files to {folder}: {error}; expected a folder "
                      "that can be written to, with 55 MB free: choose one with --to") from error


def _is_right(path):
    """Tell whether path holds the finished file of its name; ValueError if it is another array."""
    _, _, dtype, shape, sha256 = FILES[path.name]
    try:
        array = _read(path)
    except (FileNotFoundError, ValueError):
        return False
    if (array.dtype, array.shape) != (np.dtype(dtype), shape):
        raise ValueError(f"{path} holds {array.dtype} {array.shape}, expected MNIST's "
                         f"{np.dtype(dtype)} {shape}: it may be the course's own, so nothing was "
                         "written; move it away, or choose another folder with --to")
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest() == sha256


def _obtain(archive, sources):
    """Return an archive's bytes, (n,) uint8, from the first place that has them; or OSError."""
    failures, unreached, untrusted = [], [], False
    for source in sources:
        for place in _places(archive, source, failures):
            try:
                if _is_address(source):
                    return _unpack(archive, _download(archive, place))
                _tell(place)
                return _unpack(archive, pathlib.Path(place).read_bytes())
            except (OSError, ValueError, EOFError, zlib.error, http.client.HTTPException) as error:
                if type(error) is urllib.error.URLError:  # not an HTTPError, which is an answer
                    error = error.reason
                    unreached.append(place.split("/")[2])
                    untrusted |= isinstance(error, ssl.SSLCertVerificationError)
                failures.append((place, str(getattr(error, "strerror", None) or error)))
    if untrusted:
        raise OSError("Python does not know the server's certificate: run 'Install Certificates."
                      "command' of python.org's Python (macOS), or set SSL_CERT_FILE to a file of "
                      "certificates, or download by hand and name the folder with --from")
    if unreached and len(unreached) == len(failures):
        raise OSError(f"no network, {' and '.join(unreached)} cannot be reached ({failures[-1][1]})"
                      ": connect, or name a folder that holds MNIST's four archives with --from")
    reasons = "; ".join(map(": ".join, failures)) or "no file of that name, there or below"
    raise OSError(f"no good {archive} to be had ({reasons}): get MNIST's four archives and name "
                  "their folder with --from, or if it was the network, try again later")


def _places(archive, source, failures):
    """Return where source may hold an archive, nearest first; append what could not be searched."""
    if _is_address(source):
        return [f"{source.rstrip('/')}/{archive}.gz"]
    stems = archive, archive.replace("-idx", ".idx")
    forms = {stem + end for stem in stems for end in ("", ".gz")}
    walk = os.walk(source, onerror=lambda error: failures.append((error.filename, error.strerror)))
    places = [os.path.join(folder, name) for folder, _, names in walk for name in names
              if name.lower() in forms]
    return sorted(places, key=lambda place: (place.count(os.sep), place))


def _download(archive, address):
    """Return the bytes at address; ValueError for too many, OSError for a server too slow."""
    packed_size, size, _ = ARCHIVES[archive]
    most = size + CHUNK  # packed another way, there may be more than packed_size
    terminal = sys.stdout is not None and sys.stdout.isatty()
    deadline = time.monotonic() + PATIENCE
    packed = bytearray()
    with urllib.request.urlopen(address, timeout=SILENCE) as answer:
        _tell(f"{address} ({packed_size:,} bytes)")
        try:
            while len(packed) <= most:
                # read would wait for the whole chunk, however slow; read1 takes what is there
                chunk = answer.read1(min(CHUNK, most + 1 - len(packed)))
                if not chunk:
                    return bytes(packed)
                packed += chunk
                if terminal:
                    _tell(f"\r  {min(100, 100 * len(packed) // packed_size)} %", end="")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"too slow: {len(packed)} bytes in {PATIENCE} seconds")
        finally:
            if terminal:
                _tell("")
    raise ValueError(f"not MNIST's: expected {packed_size} bytes, got more than {most}")


def _unpack(archive, content):
    """Return the bytes in content, packed or not, as (n,) uint8; ValueError if not MNIST's."""
    _, size, sha256 = ARCHIVES[archive]
    for _ in range(2):  # a packed file may have been packed again
        if content.startswith(b"\x1f\x8b"):
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(size + CHUNK)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"cut short, damaged or not MNIST's: expected {size} bytes with SHA-256 "
                         f"{sha256} when unpacked, got {len(content)} with {found}")
    return np.frombuffer(content, np.uint8, offset=16 if "idx3" in archive else 8)


# ---- Loading them --------------------------------------------------------------------------------

def load(folder=HERE):
    """Return ((trainx, trainy), (valx, valy), (testx, testy)), the six files' arrays as stored.

    x: (n, d), finite real numbers, the same d in all three. y: (n,) class indices 0, 1, ... or
    (n, K) one-hot rows, of any real dtype; trainy has all classes, two at least.

    Raises FileNotFoundError when files are missing, ValueError when one is damaged, holds a wrong
    row (it is named, counted from 0), or does not fit the others.
    """
    folder = pathlib.Path(folder)
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}: run `python data/mnist.py` "
                                "to get MNIST, or copy the course's six files there")
    dset = tuple(_load_partition(folder, part) for part in ("train", "val", "test"))
    for kind, arrays in zip(("data", "labels"), zip(*dset)):
        train, val, test = (array.shape[1:] for array in arrays)
        if not train == val == test:
            raise ValueError(f"the {kind} files in {folder} must hold rows of one shape, got "
                             f"{train} in train, {val} in val, {test} in test: take one set's")
    nclasses = _count_classes(folder / "train_labels.npy", dset[0][1])
    for part, (_, y) in zip(("val", "test"), dset[1:]):
        if y.ndim == 1:
            _require_rows(folder / f"{part}_labels.npy", y, y < nclasses,
                          f"classes that the training labels have, 0 to {nclasses - 1}")
    return dset


def _load_partition(folder, part):
    """Return one partition's (x, y), each checked by itself and against the other."""
    data, labels = folder / f"{part}_data.npy", folder / f"{part}_labels.npy"
    x, y = _read(data), _read(labels)
    for path, array, fits, expected in (
            (data, x, x.ndim == 2 and x.size > 0, "shape (n, d), n and d at least 1"),
            (labels, y, y.ndim in (1, 2), "shape (n,), class indices, or (n, K), one-hot rows")):
        if not fits or array.dtype.kind not in "buif":
            raise ValueError(f"{path} must hold real numbers of {expected}, got {array.dtype} "
                             f"{array.shape}: save it as numbers of that shape, with np.save")
    if len(x) != len(y):
        raise ValueError(f"{data} and {labels} must be equally long, "
                         f"got {len(x)} and {len(y)} rows: take both from one data set")
    if x.dtype.kind == "f":
        _require_rows(data, x, np.isfinite(x).all(axis=1), "finite numbers, no nan or inf")
    if y.ndim == 1:
        right = np.isfinite(y) & (y >= 0) & (y == np.floor(y))
    else:
        right = ((y == 0) | (y == 1)).all(axis=1) & (y.sum(axis=1) == 1)
    _require_rows(labels, y, right, "class indices 0, 1, ... or one-hot rows")
    return x, y


def _read(path):
    """Return the array of an .npy file, of objects None for each; ValueError if not whole."""
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = (np.lib.format.read_array_header_1_0 if version == (1, 0) else
                               np.lib.format.read_array_header_2_0)(file)
            if dtype.hasobject:  # to read them may run any code
                return np.broadcast_to(None, shape)
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:  # for what is damaged, NumPy raises almost every kind
            raise ValueError(f"{path} is cut short, damaged or not an .npy file: get it again "
                             f"({error})") from error


def _require_rows(path, array, right, expected):
    """Raise ValueError that names the first row of array for which right, (n,), is false."""
    if not right.all():
        row = int(np.argmin(right))
        got = array[row] if array.ndim == 1 else "other values"
        raise ValueError(f"{path} must hold {expected}, got {got} in row {row} (counted from 0): "
                         "correct that row, or leave it out of data and labels")


def _count_classes(path, y):
    """Return how many classes training labels have; ValueError unless all occur, two or more."""
    classes, rows = np.unique(y if y.ndim == 1 else y.argmax(axis=1), return_index=True)
    nclasses = max(2, len(classes) if y.ndim == 1 else y.shape[1])
    gap = next((k for k, found in enumerate(classes) if found != k), len(classes))
    if gap < nclasses:
        stray = "" if gap == len(classes) else f", but {int(classes[gap])} in row {rows[gap]}"
        raise ValueError(f"{path} holds no class {gap}{stray} (counted from 0): expected every "
                         "class from 0 to the largest, at least two; correct the labels")
    return nclasses


# ---- Making them ready ---------------------------------------------------------------------------

def scale(trainx):
    """Return (mean, deviation) of all trainx, two floats; ValueError if constant or not finite."""
    trainx = np.asarray(trainx)
    if trainx.size == 0 or not np.isfinite(trainx).all() or trainx.min() == trainx.max():
        raise ValueError("the training data must be finite and hold at least two different values, "
                         f"got {trainx.dtype} {trainx.shape}: empty, constant, infinite or NaN")
    mean = float(trainx.mean(dtype=np.float64))
    squares = sum(float(np.square(np.subtract(trainx[i:i + BLOCK], mean, dtype=np.float64)).sum())
                  for i in range(0, len(trainx), BLOCK))
    return mean, math.sqrt(squares / trainx.size)


def standardise(dset, dtype=np.float64):
    """Return dset with each x as (x - mean) / deviation in the floating dtype; dset itself stays.

    mean and deviation are scale(trainx) for all three partitions: the network meets validation and
    test data on the scale it was trained on. (The course's visualiser takes each partition's own.)
    Raises ValueError as scale does, TypeError for another dtype.
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating, such as np.float64, got {np.dtype(dtype)}")
    mean, deviation = scale(dset[0][0])
    ready = []
    for x, y in dset:
        out = np.empty(np.shape(x), dtype)
        for i in range(0, len(x), BLOCK):
            out[i:i + BLOCK] = np.subtract(x[i:i + BLOCK], mean, dtype=np.float64) / deviation
        ready.append((out, y))
    return tuple(ready)


# ---- The command ---------------------------------------------------------------------------------

def main(argv=None):
    """Run the command line; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not a notebook's, nor None where it is closed
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        description="Write MNIST as the six files {train,val,test}_{data,labels}.npy. Data: uint8 "
                    "(n, 784), pixels 0..255 row by row. Labels: int64 (n,), digits. The first "
                    "50,000 of MNIST's training set are train, the other 10,000 val.",
        epilog="Checked by SHA-256. Right files are kept, damaged ones made again, other arrays (a "
               "course's) never replaced. A stopped run leaves no half file: run it again. "
               "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")
    parser.add_argument("--from", dest="source", metavar="DIR_OR_URL",
                        help=f"folder that holds {', '.join(ARCHIVES)}, packed or not, there or "
                             "below, or http(s) address of the .gz (by default "
                             f"{' and, when that fails, '.join(MIRRORS)})")
    parser.add_argument("--to", metavar="DIR", default=HERE,
                        help="folder to write to, made if need be (by default that of this script)")
    arguments = parser.parse_args(argv)
    try:
        fetch(arguments.to, MIRRORS if arguments.source is None else (arguments.source,))
    except KeyboardInterrupt:
        print("mnist.py: interrupted; the finished files stay, run it again for the rest",
              file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print("mnist.py: " + " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
