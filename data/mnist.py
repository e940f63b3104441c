"""MNIST as the homework's six files: download, load and standardise it.

    python data/mnist.py              download MNIST (11 MB) and write the files beside this script
    python data/mnist.py --from DIR   read the four archives in a folder instead
    python data/mnist.py --help       describe every option

In code, `load` reads the six files (these, or the course's own) and checks that they fit together.
`standardise` subtracts the mean of the training data and divides by their standard deviation, the
two numbers that `scale` returns.
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
if __name__ == "__main__":  # Python searches this script's folder for modules, but not its parent
    sys.path.insert(0, str(HERE.parent))

from data import files, streams  # noqa: E402

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
READ_TIMEOUT = 20  # seconds to wait for the next byte of a server
DEADLINE = 600     # seconds to wait for a whole archive
CHUNK = 64 * 1024  # bytes to read at a time; gzip adds fewer to data that it cannot compress
BLOCK = 1024       # rows to convert to float64 at a time: all of uint8 take eight times the memory

# Endings of files that may contain MNIST's archives, but must be unpacked by the user.
PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")

# The size of the mirrors' .gz; the size and SHA-256 of the content. The smallest comes first, so
# that a full disk or a wrong source is noticed before the long download.
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

# The archive and the first row in it; the dtype, shape and SHA-256 of the array.
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


# ---- Writing the six files -----------------------------------------------------------------------

def fetch(folder, sources):
    """Write the six files into folder, each from the first source that has its archive.

    sources: http(s) addresses of the .gz, or folders that contain the archives, plain or gzipped,
    also in folders below. Their names may be longer, as a browser's "... (1).gz" is.

    Correct files are kept, damaged ones are replaced. Each file appears whole or not at all, so the
    next run completes one that was stopped. A folder that would stay empty is removed again.

    Raises OSError if no source has an undamaged archive or folder cannot be written to, ValueError
    if it holds other arrays under these names (such as the course's), which are never replaced.
    """
    folder = pathlib.Path(folder)
    for source in sources:
        if not _is_address(source) and not os.path.isdir(source):
            raise NotADirectoryError(
                f"{source} is not a folder: expected one that contains MNIST's four archives, or "
                "an http(s) address; if it is an archive, unpack it first")
    with _remove_if_empty(folder):
        with _explain_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                files.remove_partials(folder / name)
            wanted = [name for name in FILES if not _is_correct(folder / name)]
        for archive in ARCHIVES:
            names = [name for name in wanted if FILES[name][0] == archive]
            if names:
                values = _obtain(archive, sources)
                with _explain_write_errors(folder):
                    for name in names:
                        _write_array(folder / name, values)
    _print(f"{folder}: {len(wanted)} files written, {len(FILES) - len(wanted)} already correct")


@contextlib.contextmanager
def _remove_if_empty(folder):
    """Remove folder and its parents after the body if they are new and still empty."""
    new = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        yield
    finally:
        for path in new:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()


@contextlib.contextmanager
def _explain_write_errors(folder):
    """Add the folder and a remedy to an OSError in the body."""
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write the six files to {folder}: {error}; expected a folder "
                      "that can be written to, with 55 MB free: choose one with --to") from error


def _is_correct(path):
    """Return whether path holds the array of its name; ValueError if it holds another."""
    _, _, dtype, shape, sha256 = FILES[path.name]
    try:
        array = _read_array(path)
    except (FileNotFoundError, ValueError):
        return False
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise ValueError(f"{path} holds {array.dtype} {array.shape}, expected MNIST's "
                         f"{np.dtype(dtype)} {shape}: it may be the course's own, so nothing was "
                         "written; move it away, or choose another folder with --to")
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest() == sha256


def _write_array(path, values):
    """Write the array of this name, from the values of its archive."""
    _, start, dtype, shape, _ = FILES[path.name]
    rows = values.reshape(-1, *shape[1:])
    rows = rows[start:start + shape[0]]
    npy = io.BytesIO()
    np.save(npy, rows.astype(dtype))
    files.write(path, npy.getvalue())


def _print(text, end="\n"):
    """Print text; if standard output fails (a full disk, a closed pipe), go on without it."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        streams.discard_output()


# ---- Getting the four archives -------------------------------------------------------------------

def _is_address(source):
    return str(source).lower().startswith(("http://", "https://"))


def _obtain(archive, sources):
    """Return an archive's values, (n,) uint8, from the first place that has them; or OSError."""
    failures = []
    for source in sources:
        for place in _find_places(archive, source, failures):
            try:
                if _is_address(source):
                    content = _download(archive, place)
                else:
                    content = _read_file(archive, place)
                return _unpack(archive, content)
            except (OSError, ValueError, EOFError, zlib.error, http.client.HTTPException) as error:
                failures.append((place, error))
    raise OSError(_explain_failures(archive, sources, failures))


def _find_places(archive, source, failures):
    """Return the addresses or files in source that may be the archive, nearest first."""
    if _is_address(source):
        return [f"{source.rstrip('/')}/{archive}.gz"]
    return [path for path in _list_files(source, failures) if _has_name(path, archive)]


def _list_files(folder, failures):
    """Return all files in folder and below, nearest first; append folders that are unreadable."""
    walk = os.walk(folder, onerror=lambda error: failures.append((error.filename, error)))
    paths = []
    for parent, _, names in walk:
        paths += [os.path.join(parent, name) for name in names]
    return sorted(paths, key=lambda path: (path.count(os.sep), path))


def _has_name(path, archive):
    name = os.path.basename(path).lower()
    return archive in name.replace(".idx", "-idx")


def _is_packed(path):
    """Return whether path must be unpacked by the user, unlike a .gz of one of the archives."""
    name = path.lower()
    if name.endswith(".gz") and any(_has_name(path, archive) for archive in ARCHIVES):
        return False
    return name.endswith(PACKED)


def _explain_failures(archive, sources, failures):
    """Return a message that says why no source has the archive, and what to do.

    failures: a list of (place, error).
    """
    unreached = []
    errors = []
    for place, error in failures:
        if isinstance(error, urllib.error.URLError):
            unreached.append(place)
            error = error.reason
        errors.append(error)
    reasons = [str(getattr(error, "strerror", None) or error) for error in errors]
    if any(isinstance(error, ssl.SSLCertVerificationError) for error in errors):
        return ("Python does not know the server's certificate: run 'Install Certificates.command' "
                "of python.org's Python (macOS), or set SSL_CERT_FILE to a file of certificates, "
                "or download by hand and name the folder with --from")
    if unreached and len(unreached) == len(failures):
        servers = " and ".join(place.split("/")[2] for place in unreached)
        return (f"no network: {servers} cannot be reached ({reasons[-1]}): connect, or name a "
                "folder that contains MNIST's four archives with --from")
    listed = "; ".join(f"{place}: {reason}" for (place, _), reason in zip(failures, reasons))
    message = f"no good {archive} found ({listed or 'no file of that name'}): "
    packed = [path for source in sources if not _is_address(source)
              for path in _list_files(source, []) if _is_packed(path)]
    if packed:
        message += f"unpack {', '.join(packed[:3])} first, or "
    return message + ("get MNIST's four archives and name their folder with --from, or if it was "
                      "the network, try again later")


def _read_file(archive, path):
    """Return the bytes in path, at most a few more than the archive can have."""
    _print(path)
    _, size, _ = ARCHIVES[archive]
    with open(path, "rb") as file:
        return file.read(size + CHUNK)


def _download(archive, address):
    """Return the bytes at address; ValueError if too many, OSError if the server is too slow."""
    packed_size, size, _ = ARCHIVES[archive]
    limit = size + CHUNK  # a server that compresses otherwise may send more than packed_size
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    end = time.monotonic() + DEADLINE
    packed = bytearray()
    with _open(address) as response:
        _print(f"{address} ({packed_size:,} bytes)")
        try:
            while len(packed) <= limit:
                # read would wait for the whole chunk, read1 returns what has arrived.
                chunk = response.read1(min(CHUNK, limit + 1 - len(packed)))
                if not chunk:
                    return bytes(packed)
                packed += chunk
                if on_terminal:
                    _print(f"\r  {min(100, 100 * len(packed) // packed_size)} %", end="")
                if time.monotonic() > end:
                    raise TimeoutError(f"too slow: {len(packed)} bytes in {DEADLINE} seconds")
        finally:
            if on_terminal:
                _print("")
    raise ValueError(f"not MNIST's: expected {packed_size} bytes, got more than {limit}")


def _open(address):
    """Return the server's response, to be read; OSError if it is an error."""
    try:
        return urllib.request.urlopen(address, timeout=READ_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(str(error)) from None


def _unpack(archive, content):
    """Return the values in content, gzipped or not, as (n,) uint8; ValueError if not MNIST's."""
    _, size, sha256 = ARCHIVES[archive]
    for _ in range(2):  # a server may have gzipped a .gz again
        if content.startswith(b"\x1f\x8b"):
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(size + CHUNK)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"truncated, damaged or not MNIST's: expected {size} bytes with SHA-256 "
                         f"{sha256} when unpacked, got {len(content)} with {found}")
    header = 16 if "idx3" in archive else 8
    return np.frombuffer(content, np.uint8, offset=header)


# ---- Loading the six files -----------------------------------------------------------------------

def load(folder=HERE):
    """Return ((trainx, trainy), (valx, valy), (testx, testy)), the six files' arrays as stored.

    x: (n, d), finite real numbers, the same d in all three. y: (n,) class indices 0, 1, ... or
    (n, K) one-hot rows, of any real dtype; trainy has all classes, at least two.

    Raises FileNotFoundError if files are missing, IsADirectoryError if a folder is in the place of
    one, and ValueError if one is damaged, has an invalid row (it is named, counted from 0), or does
    not fit the others.
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
            raise ValueError(f"the {kind} files in {folder} must have rows of one shape, got "
                             f"{train} in train, {val} in val, {test} in test: take all three "
                             "from one data set")
    nclasses = _count_classes(folder / "train_labels.npy", dset[0][1])
    for part, (_, y) in zip(("val", "test"), dset[1:]):
        if y.ndim == 1:
            _check_rows(folder / f"{part}_labels.npy", y, y < nclasses,
                        f"classes that the training labels have, 0 to {nclasses - 1}",
                        "correct that row, or remove it from data and labels")
    return dset


def _load_partition(folder, part):
    """Return one partition's (x, y), checked."""
    data = folder / f"{part}_data.npy"
    labels = folder / f"{part}_labels.npy"
    x = _read_array(data)
    y = _read_array(labels)
    _check_data(data, x)
    _check_labels(labels, y)
    if len(x) != len(y):
        raise ValueError(f"{data} and {labels} must have the same number of rows, "
                         f"got {len(x)} and {len(y)}: take both from one data set")
    return x, y


def _read_array(path):
    """Return the array in an .npy file, with None for objects; ValueError if it is damaged."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, expected an .npy file: move it away, and get "
                                "the file again")
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            else:
                shape, _, dtype = np.lib.format.read_array_header_2_0(file)
            if dtype.hasobject:  # unpickling objects can run any code
                return np.broadcast_to(None, shape)
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        except Exception as error:  # NumPy raises almost every kind for damaged files
            raise ValueError(f"{path} is truncated, damaged or not an .npy file: get it again "
                             f"({error})") from error


def _check_data(path, x):
    """Raise ValueError unless x is a non-empty (n, d) of finite real numbers."""
    if x.dtype.kind not in "buif" or x.ndim != 2 or x.size == 0:
        raise ValueError(f"{path} must hold real numbers of shape (n, d), n and d at least 1, got "
                         f"{x.dtype} {x.shape}: save numbers of that shape, such as "
                         "data.reshape(len(data), -1)")
    finite = np.isfinite(x)
    if not finite.all():
        row = int(finite.all(axis=1).argmin())
        value = x[row][~finite[row]][0]
        raise ValueError(f"{path} must hold finite numbers, got {value} in row {row} (counted from "
                         "0): correct that row, or remove it from data and labels")


RENUMBER = "number the classes from 0, as np.unique(labels, return_inverse=True)[1] does"


def _check_labels(path, y):
    """Raise ValueError unless y holds class indices, (n,), or one-hot rows, (n, K)."""
    if y.dtype.kind not in "buif" or y.ndim not in (1, 2) or y.shape[1:] == (1,):
        raise ValueError(f"{path} must hold numbers: class indices of shape (n,), or one-hot rows "
                         f"of shape (n, K), K at least 2; got {y.dtype} {y.shape}: save numbers of "
                         "that shape, such as labels.astype(int).ravel()")
    if y.ndim == 1:
        valid = np.isfinite(y) & (y >= 0) & (y == np.floor(y))
        _check_rows(path, y, valid, "class indices 0, 1, ...", "correct that row, or " + RENUMBER)
    else:
        zero_or_one = (y == 0) | (y == 1)
        valid = zero_or_one.all(axis=1) & (y.sum(axis=1) == 1)
        _check_rows(path, y, valid, "one-hot rows, a single 1 and otherwise 0",
                    "correct that row, or save class indices, labels.argmax(axis=1)")


def _check_rows(path, labels, valid, expected, remedy):
    """Raise ValueError with the first row of labels for which valid, (n,), is false."""
    if not valid.all():
        row = int(valid.argmin())
        value = np.array2string(labels[row], threshold=10, max_line_width=1000)
        raise ValueError(f"{path} must hold {expected}, got {value} in row {row} (counted from 0): "
                         f"{remedy}")


def _count_classes(path, y):
    """Return the number of classes of training labels; ValueError unless all occur, two or more."""
    if y.ndim == 1:
        classes, rows = np.unique(y, return_index=True)
        nclasses = max(2, len(classes))
    else:
        classes, rows = np.unique(y.argmax(axis=1), return_index=True)
        nclasses = y.shape[1]
    gap = next((k for k, found in enumerate(classes) if found != k), len(classes))
    if gap < nclasses:
        beyond = ""
        if gap < len(classes):
            beyond = f", but {int(classes[gap])} in row {rows[gap]}"
        raise ValueError(f"{path} has no class {gap}{beyond} (counted from 0): expected every "
                         f"class from 0 to the largest, at least two; {RENUMBER}")
    return nclasses


# ---- Standardising them --------------------------------------------------------------------------

def scale(trainx):
    """Return the mean and the standard deviation of all values in trainx, two floats.

    Raises ValueError if trainx is empty, constant or not finite.
    """
    trainx = np.asarray(trainx)
    if trainx.size == 0 or not np.isfinite(trainx).all() or trainx.min() == trainx.max():
        raise ValueError("the training data must be finite and hold at least two different values, "
                         f"got {trainx.dtype} {trainx.shape}: empty, constant, infinite or NaN")
    mean = float(trainx.mean(dtype=np.float64))
    squares = 0.0
    for i in range(0, len(trainx), BLOCK):
        difference = np.subtract(trainx[i:i + BLOCK], mean, dtype=np.float64)
        squares += float(np.square(difference).sum())
    return mean, math.sqrt(squares / trainx.size)


def standardise(dset, dtype=np.float64):
    """Return dset with each x as (x - mean) / deviation, computed in float64, in this dtype.

    mean and deviation are scale(trainx) for all three partitions: the network sees validation and
    test data on the scale that it was trained on. (The course's visualiser takes each partition's
    own.) dset itself is not modified.

    Raises ValueError as scale does, TypeError if dtype is not floating.
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype must be floating, such as np.float64, got {np.dtype(dtype)}")
    mean, deviation = scale(dset[0][0])
    standardised = []
    for x, y in dset:
        out = np.empty(np.shape(x), dtype)
        for i in range(0, len(x), BLOCK):
            difference = np.subtract(x[i:i + BLOCK], mean, dtype=np.float64)
            out[i:i + BLOCK] = difference / deviation
        standardised.append((out, y))
    return tuple(standardised)


# ---- The command ---------------------------------------------------------------------------------

def main(argv=None):
    """Run the command line; return its exit status."""
    streams.prepare()
    try:
        arguments = _parse(argv)
        sources = MIRRORS
        if arguments.source is not None:
            sources = (arguments.source,)
        fetch(arguments.to, sources)
    except KeyboardInterrupt:
        print("mnist.py: interrupted; finished files are kept, run it again for the others",
              file=sys.stderr)
        return 130
    except (OSError, ValueError) as error:
        print("mnist.py: " + " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose --help ignores errors of standard output."""

    def print_help(self, file=None):
        _print(self.format_help(), end="")


def _parse(argv):
    """Return the options in argv; SystemExit after --help and for wrong usage."""
    parser = _Parser(
        description="Write MNIST as the six files {train,val,test}_{data,labels}.npy. Data: uint8 "
                    "(n, 784), pixels 0..255 row by row. Labels: int64 (n,), digits. The first "
                    "50,000 of MNIST's training set are train, the other 10,000 val.",
        epilog="All files are checked by SHA-256: correct ones are kept, damaged ones replaced; "
               "other arrays (a course's) are never replaced. No file is left half written: run it "
               "again to complete a run that was stopped. "
               "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.")
    parser.add_argument("--from", dest="source", metavar="DIR_OR_URL", type=os.path.expanduser,
                        help=f"folder that contains {', '.join(ARCHIVES)}, plain or gzipped (.gz), "
                             "there or in folders below; or http(s) address of the .gz (default: "
                             f"{' and, if that fails, '.join(MIRRORS)})")
    parser.add_argument("--to", metavar="DIR", type=os.path.expanduser, default=HERE,
                        help="folder to write to, made if necessary (default: that of this script)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
