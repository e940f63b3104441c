"""Trains the handout's network, or one of your own, on MNIST or drawn digits; tells how it goes.

    python -m hw1                                    the handout's network (in the repository's top)
    python -m hw1 --hiddens 128 --activation tanh    one of your own
    python -m hw1 --plot run.png --save run.npz      draws the training, and keeps the network
    python -m hw1 --help                             every option

What --save names is written after each epoch: an interrupted run, or a disk that is full for a
while, loses none. Where hw1.py's get_training_stats takes no on_epoch, all comes at the end.
"""

import argparse
import contextlib
import importlib
import inspect
import math
import os
import signal
import sys
import traceback

import numpy as np

from data import digits, mnist
from hw1 import pictures, progress, saved

ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "ReLU"}
USED = ("Identity", "SoftmaxCrossEntropy", "random_normal_weight_init", "zeros_bias_init", "MLP",
        "get_training_stats")
DEFAULT = " (default: %(default)s)"


class Failure(Exception):
    """What the user can put right: told in one line, without a traceback."""


# ---- The options ---------------------------------------------------------------------------------

def parse(argv=None):
    """Return the options in argv, or those of the command line; SystemExit(2) if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m hw1",
        description="Train a multi-layer perceptron with SGD on MNIST, or drawn digits if there is "
                    "none, and print losses and errors, a line an epoch, and the confusion matrix.",
        epilog="The same options give the same numbers on the same machine, but for the seconds. "
               "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 output closed.")
    count = _checked(int, lambda n: 1 <= n <= 10**6, "an integer from 1 to 1000000")
    add = parser.add_argument_group("the network").add_argument
    add("--hiddens", metavar="UNITS", nargs="*", type=count, default=[64, 64, 32],
        help="units of each hidden layer; none: a linear classifier (default: 64 64 32)")
    add("--activation", choices=ACTIVATIONS, default="sigmoid", help="of hidden layers" + DEFAULT)
    add("--bn-layers", metavar="N", type=_checked(int, lambda n: n >= 0, "an integer from 0 on"),
        help="put BatchNorm on the first N layers (default: on all but the output's)")
    add("--init", choices=("scaled", "handout"), default="scaled",
        help="deviation of the first weights, 1 (handout) or 1 / sqrt(inputs) (scaled)" + DEFAULT)
    add("--dtype", choices=("float64", "float32"), default="float64",
        help="float32 is faster and takes half the memory" + DEFAULT)
    add = parser.add_argument_group("its training").add_argument
    add("--lr", metavar="RATE", default=0.008, help="learning rate" + DEFAULT,
        type=_checked(float, lambda lr: 0 < lr < math.inf, "a finite number above 0"))
    add("--momentum", metavar="M", default=0.9, help="part of a step that the next adds" + DEFAULT,
        type=_checked(float, lambda m: 0 <= m < 1, "a number of at least 0 and below 1"))
    add("--epochs", metavar="N", type=count, default=20, help="times through the data" + DEFAULT)
    add("--batch-size", metavar="N", type=count, default=100, help="examples a step" + DEFAULT)
    add("--seed", metavar="N", default=11785, help="of weights and the examples' order" + DEFAULT,
        type=_checked(int, lambda n: 0 <= n < 2**32, "an integer from 0 to 4294967295"))
    add("--data", metavar="DIR", type=_checked(
        str, lambda name: name == "digits" or os.path.isdir(name), "a folder, or the word digits"),
        help="folder with the six files that data/mnist.py writes; or the word digits: drawn ones "
             "(default: the repository's data/; drawn digits if none of them is there)")
    add = parser.add_argument_group("what is left of it").add_argument
    add("--plot", metavar="FILE", type=_place(".png", ".svg", ".pdf"),
        help="draw the training and the mistakes, a .png, .svg or .pdf (needs matplotlib)")
    add("--save", metavar="FILE", type=_place(".npz"),
        help="keep the network and its figures, an .npz that hw1.saved.load reads")
    options = parser.parse_args(argv)
    nlayers = len(options.hiddens) + 1
    if options.bn_layers is None:
        options.bn_layers = nlayers - 1
    if options.bn_layers > nlayers:
        parser.error(f"argument --bn-layers: expected at most {nlayers}, got {options.bn_layers}")
    if options.bn_layers > 0 and options.batch_size == 1:
        parser.error("argument --batch-size: expected at least 2 with BatchNorm, as the variance "
                     "of a single example is 0, got 1: choose a larger one, or --bn-layers 0")
    if options.plot:
        try:
            pictures.require_matplotlib()
        except ImportError as error:
            parser.error(f"argument --plot: {error}")
    return options


def _checked(convert, is_right, expected):
    """Return an argparse type: convert(text) if that is_right, or an error that says expected."""
    def converted(text):
        with contextlib.suppress(ValueError):
            value = convert(text)
            if is_right(value):
                return value
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return converted


def _place(*suffixes):
    """Return an argparse type: the name of a file that can be written, with one of the suffixes."""
    def is_right(name):
        folder = os.path.join(os.path.dirname(name) or os.curdir, "")
        return (os.path.splitext(name)[1].lower() in suffixes and not os.path.isdir(name)
                and os.access(folder, os.W_OK))
    return _checked(str, is_right, f"a file name that ends in {' or '.join(suffixes)}, in a folder "
                                   "that is there and can be written to")


# ---- hw1.py, which may be unfinished -------------------------------------------------------------

def homework(activation):
    """Return the module hw1.hw1; Failure if it cannot be imported, or lacks a name that is used."""
    try:
        module = importlib.import_module("hw1.hw1")
    except (Exception, SystemExit) as error:
        lines = [f" (hw1.py, line {line})" for frame, line in traceback.walk_tb(error.__traceback__)
                 if frame.f_globals.get("__name__") == "hw1.hw1"]  # none if it does not parse
        raise Failure(f"hw1/hw1.py cannot be imported: {type(error).__name__}: {error}"
                      + "".join(lines[-1:])) from error
    missing = [name for name in (ACTIVATIONS[activation], *USED) if not hasattr(module, name)]
    if missing:
        raise Failure(f"hw1.py has no {', '.join(missing)} yet")
    return module


def unfinished(error):
    """Return what of hw1.py is not implemented, if error says so; otherwise None."""
    frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
    # The handout's `raise NotImplemented` ends in a TypeError, so it is the line that tells.
    told = "raise NotImplemented" in traceback.extract_tb(error.__traceback__)[-1].line
    if frame.f_globals.get("__name__") != "hw1.hw1" or not told:
        return None
    owner = type(frame.f_locals["self"]).__name__ + "." if "self" in frame.f_locals else ""
    return f"hw1.py: {owner}{frame.f_code.co_name} is not implemented yet (line {line})"


# ---- The run -------------------------------------------------------------------------------------

def load(folder, dtype):
    """Return (name, pixels, dset, scale) of the data in folder; None: MNIST, or else drawn digits.

    name: what they are. pixels: the test set's x as stored. dset: the three (x, y), x standardised
    in dtype by scale, (mean, deviation), y one-hot. Raises Failure if a file is missing or wrong.
    """
    if folder is None and not any((mnist.HERE / name).exists() for name in mnist.FILES):
        print(f"There is no MNIST in {mnist.HERE}: these are drawn digits. "
              "`python data/mnist.py` gets MNIST.")
        folder = "digits"
    folder = folder or str(mnist.HERE)
    try:
        stored = digits.load() if folder == "digits" else mnist.load(folder)
        scale, dset = mnist.scale(stored[0][0]), mnist.standardise(stored, dtype)
    except (OSError, ValueError) as error:
        raise Failure(error) from error
    nclasses = int(dset[0][1].max()) + 1  # unless they are one-hot, which any hw1.py takes
    dset = [(x, y * 1.0 if y.ndim == 2 else np.eye(nclasses)[y.astype(int)]) for x, y in dset]
    return "drawn digits" if folder == "digits" else folder, stored[2][0], dset, scale


def build(module, options, input_size, output_size):
    """Return the network that the options describe, of the module hw1.hw1."""
    def weights(d_in, d_out):
        scale = math.sqrt(d_in) if options.init == "scaled" else 1
        return (module.random_normal_weight_init(d_in, d_out) / scale).astype(options.dtype)

    def biases(d):
        return module.zeros_bias_init(d).astype(options.dtype)

    activation = getattr(module, ACTIVATIONS[options.activation])
    activations = [activation() for _ in options.hiddens] + [module.Identity()]
    return module.MLP(input_size, output_size, options.hiddens, activations, weights, biases,
                      module.SoftmaxCrossEntropy(), options.lr, options.momentum, options.bn_layers)


def run(options):
    """Train and print how it goes. Raises Failure; a KeyboardInterrupt says what was kept."""
    module, keeper = homework(options.activation), Keeper(options.save)
    try:
        remedy = "name a smaller data set, or --dtype float32"
        name, pixels, dset, scale = load(options.data, options.dtype)
        remedy = "choose smaller --hiddens, or --dtype float32"
        sizes = [dset[0][0].shape[1], *options.hiddens, dset[0][1].shape[1]]
        describe(name, dset, sizes, options)
        np.random.seed(options.seed)
        mlp = build(module, options, sizes[0], sizes[-1])
        mlp.mean, mlp.deviation = scale  # saved.save keeps them
        remedy = "choose smaller --hiddens or --batch-size, or --dtype float32"
        stats = train(module, mlp, dset, options, keeper)
        keeper.save(mlp, stats)
        print_result(stats[3], stats[4])
        if options.plot:
            try:
                figure = pictures.report(stats, mlp, dset[2][0], dset[2][1].argmax(axis=1), pixels)
                pictures.save(figure, options.plot)
            except OSError as error:
                raise Failure(f"cannot write {options.plot} ({error.strerror or error}): make "
                              "room, or draw elsewhere") from error
            print(f"\nDrawn: {options.plot}")
    except MemoryError as error:
        raise Failure(f"out of memory ({error}): {remedy}{keeper.kept()}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(keeper.kept()) from None
    if keeper.reason is not None:
        raise Failure(f"could not write {options.save} at the end ({keeper.reason}){keeper.kept()}")
    if options.save:
        print(f"\nSaved: {options.save}")


def train(module, mlp, dset, options, keeper):
    """Train mlp and return the five figures; keep each epoch, then print it. Failure for nan."""
    step, table = mlp.step, progress.Table(math.ceil(len(dset[0][0]) / options.batch_size))
    at_once = "on_epoch" in inspect.signature(module.get_training_stats).parameters
    epochs = []  # the four figures of each

    def on_epoch(epoch, *figures):
        table.wipe()
        if not math.isfinite(figures[0] + figures[2]):
            raise Failure(f"the loss is no longer finite in epoch {epoch + 1} (training "
                          f"{figures[0]}, validation {figures[2]}): the training diverges; "
                          f"lower --lr, which is {options.lr:g}{keeper.kept()}")
        epochs.append(figures)
        if at_once:
            keeper.save(mlp, np.transpose(epochs))
        table.epoch(epoch, *figures)

    mlp.step = lambda: (step(), table.step())
    try:
        # A run that diverges is told of once, by on_epoch, and not by each of its operations.
        with np.errstate(over="ignore", invalid="ignore"):
            stats = module.get_training_stats(mlp, dset, options.epochs, options.batch_size,
                                              **{"on_epoch": on_epoch} if at_once else {})
            stats = as_stats(stats, options.epochs, dset[2][1].shape[1])
    finally:
        table.wipe()
    for epoch in range(len(epochs), options.epochs):  # those that have not been told of
        on_epoch(epoch, *(curve[epoch] for curve in stats[:4]))
    return stats


def as_stats(stats, nepochs, nclasses):
    """Return get_training_stats' figures as five arrays, the counts int64; Failure for others."""
    with contextlib.suppress(TypeError, ValueError):  # of what are no arrays of numbers
        *curves, matrix = (np.array(part, np.float64) for part in stats)
        counts = matrix.astype(np.int64)
        if ([part.shape for part in curves] == [(nepochs,)] * 4 and counts.sum() > 0
                and counts.shape == (nclasses, nclasses) and (counts == matrix).all()):
            return (*curves, counts)
    raise Failure(f"hw1.py: get_training_stats must return four arrays of {nepochs} numbers and "
                  f"the {nclasses} x {nclasses} counts of the confusion matrix, got {stats!s:.80}")


class Keeper:
    """Writes the network and its figures into a file, if one is named; goes on where that fails."""

    def __init__(self, path):
        """path: of the file, or None.  reason: why the last writing failed, or None."""
        self._path, self._nsaved, self.reason = path, 0, None

    def save(self, mlp, stats):
        """Write mlp and stats. Until the last, with all five, the first failure is told."""
        if self._path is None:
            return
        with _uninterrupted():
            try:
                saved.save(self._path, mlp, stats)
                self._nsaved, self.reason = len(stats[0]), None
            except (OSError, ValueError) as error:  # ValueError: of what load could not take
                reason = getattr(error, "strerror", None) or error
                if self.reason is None and len(stats) == 4:
                    complain(f"cannot write {self._path} ({reason}): the training goes on, and "
                             "each epoch tries again; make room or mend it meanwhile")
                self.reason = reason

    def kept(self):
        """Return the end of a message: what is in the file, or nothing if there is to be none."""
        if self._path is None:
            return ""
        if self._nsaved == 0:
            return f"; no epoch was saved in {self._path}"
        epochs = f"{self._nsaved} epoch" + "s" * (self._nsaved > 1)
        return f"; {self._path} holds the network and the figures of {epochs}"


@contextlib.contextmanager
def _uninterrupted():
    """Put Ctrl-C off to the end of the block, so that a file is written and that is noted."""
    signals = []
    before = signal.signal(signal.SIGINT, lambda *arguments: signals.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if signals and callable(before):  # a shell may have it ignored
        before(*signals[0])


def describe(name, dset, sizes, options):
    """Print a line on the data and one on the network, whose layers have these sizes."""
    nbn, parameters = options.bn_layers, sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))
    print("Data: {}, {:,} training, {:,} validation and {:,} test examples".format(
        name, *(len(x) for x, _ in dset)))
    print(f"Network: {'-'.join(map(str, sizes))}, {options.activation}, BatchNorm on {nbn} of "
          f"{len(sizes) - 1} layers, {parameters + 2 * sum(sizes[1:nbn + 1]):,} parameters, "
          f"{options.dtype}")


def print_result(validation_errors, matrix):
    """Print the best validation error, the test error and the confusion matrix, a dot for 0."""
    best, last = validation_errors.argmin() + 1, len(validation_errors)
    print(f"\nBest validation error: {100 * validation_errors[best - 1]:.2f} % in epoch {best}"
          + (", the last" if best == last else f"; the network is that of epoch {last}"))
    total, wrong = matrix.sum(), matrix.sum() - matrix.trace()
    print(f"Test error: {100 * wrong / total:.2f} %, {wrong} of {total} wrong")
    print("\nConfusion matrix of the test set (rows: predicted, columns: true, a dot: 0)")
    width = 2 + len(str(max(matrix.max(), len(matrix))))
    print(" " * width + "".join(f"{label:{width}}" for label in range(len(matrix))))
    for label, row in enumerate(matrix):
        print(f"{label:{width}}" + "".join(f"{count or '.':>{width}}" for count in row))
    sys.stdout.flush()  # ahead of what may go wrong with the files


def complain(message, status=1):
    """Print message to standard error, as one line, and return the status."""
    print("hw1: " + " ".join(str(message).split()), file=sys.stderr)
    return status


def main(argv=None):
    """Run the command line; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a notebook's streams take every letter
            stream.reconfigure(errors="backslashreplace")
    options = parse(argv)
    try:
        run(options)
        sys.stdout.flush()  # here, where an error is told
    except Failure as failure:
        return complain(failure)
    except KeyboardInterrupt as interrupt:
        return complain("interrupted" + "".join(interrupt.args), 130)
    except OSError as error:
        if error.filename is not None:  # of a file that hw1.py has opened: not of standard output
            raise
        # What is still in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # a reader such as head has seen enough
            return 141
        return complain(f"cannot write to standard output ({error.strerror}): write elsewhere")
    except Exception as error:
        if unfinished(error) is None:
            raise
        return complain(unfinished(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
