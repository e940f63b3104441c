"""Trains the handout's network, or one of your own, on MNIST or on drawn digits, and prints how it goes.

    python -m hw1                                    the handout's network (run from the repository's top)
    python -m hw1 --hiddens 128 --activation tanh    one of your own
    python -m hw1 --plot run.png --save run.npz      draws the training, and keeps the network
    python -m hw1 --help                             every option

It needs no file: without MNIST in data/ it draws digits. Standard output gets a line an epoch, then the test
error and the confusion matrix; standard error gets the errors. What --save names is written after each epoch:
an interrupted run, or a disk that is full for a while, loses no finished epoch.
"""

import argparse
import contextlib
import math
import os
import pathlib
import signal
import sys

import numpy as np

from data import digits, mnist
from hw1 import hw1, pictures, progress, saved

ACTIVATIONS = {"sigmoid": hw1.Sigmoid, "tanh": hw1.Tanh, "relu": hw1.ReLU}


class Failure(Exception):
    """What the user can put right: told in one line, without a traceback."""


class Network(hw1.MLP):
    """An MLP that calls its on_step(), which is set before it trains, after each step."""

    def step(self):
        super().step()
        self.on_step()


# ---- The options ---------------------------------------------------------------------------------

def parse(argv=None):
    """Return the options in argv, those of the command line if None; SystemExit(2) if one is wrong."""
    count = _checked(int, lambda n: n >= 1, "an integer of at least 1")
    parser = argparse.ArgumentParser(
        prog="python -m hw1",
        description="Train a multi-layer perceptron with SGD on MNIST, or on drawn digits where there is "
                    "none, and print its losses and errors, a line an epoch, and its confusion matrix.",
        epilog="The same options give the same numbers on the same machine, but for the seconds. "
               "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 output closed.")
    network = parser.add_argument_group("the network")
    network.add_argument("--hiddens", metavar="UNITS", nargs="*", type=count, default=[64, 64, 32],
                         help="units of each hidden layer; none: a linear classifier (default: 64 64 32)")
    network.add_argument("--activation", choices=ACTIVATIONS, default="sigmoid",
                         help="of the hidden layers (default: %(default)s)")
    network.add_argument("--bn-layers", metavar="N",
                         type=_checked(int, lambda n: n >= 0, "an integer of at least 0"),
                         help="put BatchNorm on the first N layers (default: on all but the output's)")
    network.add_argument("--init", choices=("scaled", "handout"), default="scaled",
                         help="first weights: normally distributed with standard deviation 1 (handout), or "
                              "1 / sqrt(inputs of the layer) (scaled) (default: %(default)s)")
    network.add_argument("--dtype", choices=("float64", "float32"), default="float64",
                         help="float32 is faster and takes half the memory (default: %(default)s)")
    training = parser.add_argument_group("its training")
    training.add_argument("--lr", metavar="RATE", default=0.008,
                          type=_checked(float, lambda lr: 0 < lr < math.inf, "a finite number above 0"),
                          help="learning rate (default: %(default)s)")
    training.add_argument("--momentum", metavar="M", default=0.9,
                          type=_checked(float, lambda m: 0 <= m < 1, "a number of at least 0 and below 1"),
                          help="part of the last step that the next adds, 0 up to 1 (default: %(default)s)")
    training.add_argument("--epochs", metavar="N", type=count, default=20,
                          help="passes over the training set (default: %(default)s)")
    training.add_argument("--batch-size", metavar="N", type=count, default=100,
                          help="examples a step (default: %(default)s)")
    training.add_argument("--seed", metavar="N", default=11785,
                          type=_checked(int, lambda n: 0 <= n < 2**32, "an integer from 0 to 4294967295"),
                          help="of the first weights and the order of the examples (default: %(default)s)")
    training.add_argument("--data", metavar="DIR",
                          type=_checked(pathlib.Path, pathlib.Path.is_dir, "a folder"),
                          help="folder with the six files that data/mnist.py writes "
                               "(default: the repository's data/; drawn digits if none of them is there)")
    results = parser.add_argument_group("what is left of it")
    results.add_argument("--plot", metavar="FILE", type=_place(pictures.check),
                         help="at the end, draw the curves, the confusion matrix and the surest mistakes "
                              "into FILE, a .png, .svg or .pdf (needs matplotlib)")
    results.add_argument("--save", metavar="FILE", type=_place(saved.check),
                         help="after each epoch, write the network and the figures so far into FILE, an .npz "
                              "that hw1.saved.load reads")
    options = parser.parse_args(argv)
    if options.bn_layers is None:
        options.bn_layers = len(options.hiddens)
    nlayers = len(options.hiddens) + 1
    if options.bn_layers > nlayers:
        parser.error(f"argument --bn-layers: expected at most {nlayers}, the number of layers, "
                     f"got {options.bn_layers}")
    return options


def _checked(convert, is_right, expected):
    """Return an argparse type: convert(text) if that is_right, or an error that says what was expected."""
    def converted(text):
        try:
            value = convert(text)
        except ValueError:
            value = None
        if value is None or not is_right(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value
    return converted


def _place(check):
    """Return an argparse type: the path of a file that check accepts, or the error that it raises."""
    def place(text):
        try:
            check(text)
        except (ImportError, OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(error) from error
        return pathlib.Path(text)
    return place


# ---- The run -------------------------------------------------------------------------------------

def load(folder):
    """Return (name, dset): what the data are, and the three (x, y) as stored.

    folder: a path, or None for the repository's data/, and drawn digits if none of MNIST's files is there.
    Raises Failure if files are missing, damaged or do not fit together.
    """
    if folder is None and not any((mnist.HERE / name).exists() for name in mnist.FILES):
        print(f"There is no MNIST in {mnist.HERE}: these are drawn digits. "
              "`python data/mnist.py` gets MNIST.")
        return "drawn digits", digits.load()
    folder = folder or mnist.HERE
    try:
        return str(folder), mnist.load(folder)
    except (OSError, ValueError) as error:
        raise Failure(error) from error


def build(options, input_size, output_size):
    """Return the network that the options describe."""
    def weights(d_in, d_out):
        scale = math.sqrt(d_in) if options.init == "scaled" else 1
        return (hw1.random_normal_weight_init(d_in, d_out) / scale).astype(options.dtype)

    def biases(d):
        return hw1.zeros_bias_init(d).astype(options.dtype)

    activations = [ACTIVATIONS[options.activation]() for _ in options.hiddens] + [hw1.Identity()]
    return Network(input_size, output_size, options.hiddens, activations, weights, biases,
                   hw1.SoftmaxCrossEntropy(), options.lr, options.momentum, options.bn_layers)


def run(options):
    """Load the data, train the network on them and print how it went.

    Raises Failure. A KeyboardInterrupt says what was kept.
    """
    name, dset = load(options.data)
    dset = tuple((x, y.astype(np.int64)) for x, y in dset)
    output_size = max(y.shape[1] if y.ndim == 2 else int(y.max()) + 1 for _, y in dset)
    np.random.seed(options.seed)
    mlp = build(options, dset[0][0].shape[1], output_size)
    describe(name, dset, mlp, options)
    pixels = dset[2][0]
    try:
        dset = mnist.standardise(dset, options.dtype)
    except ValueError as error:
        raise Failure(f"{name}: {error}") from error
    keeper = Keeper(mlp, options.save)
    try:
        stats = train(mlp, dset, options, keeper)
        keeper.save(stats)
        print_confusion(stats[-1])
        if options.plot or options.save:
            print()
        if options.plot:
            draw(stats, mlp, dset[2], pixels, options.plot)
        keeper.finish()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(keeper.kept()) from None


def train(mlp, dset, options, keeper):
    """Train mlp and return get_training_stats' figures; each epoch is kept, and then printed.

    Raises Failure when a loss is not finite.
    """
    table = progress.Table(math.ceil(len(dset[0][0]) / options.batch_size))
    mlp.on_step = table.step

    def on_epoch(epoch, train_loss, train_error, val_loss, val_error):
        table.wipe()
        if not math.isfinite(train_loss + val_loss):
            raise Failure(f"the loss is no longer finite in epoch {epoch + 1} (training {train_loss}, "
                          f"validation {val_loss}): the training diverges; lower --lr, which is "
                          f"{options.lr:g}{keeper.kept()}")
        keeper.keep(train_loss, train_error, val_loss, val_error)
        table.epoch(epoch, train_loss, train_error, val_loss, val_error)

    try:
        # A run that diverges is told of once, by on_epoch, and not by each of its operations.
        with np.errstate(over="ignore", invalid="ignore"):
            return hw1.get_training_stats(mlp, dset, options.epochs, options.batch_size, on_epoch=on_epoch)
    finally:
        table.wipe()


class Keeper:
    """Writes the network and its figures into a file, if there is to be one; where that fails, it goes on."""

    def __init__(self, mlp, path):
        """path: of the file, or None."""
        self._mlp, self._path = mlp, path
        self._epochs = []  # the four figures of each
        self._nsaved = 0
        self._failure = None  # of the last writing

    def keep(self, *figures):
        """Write the network and the figures so far, these four of an epoch the last of them.

        The first failure is told at once, as there may be time to make room.
        """
        failed_before = self._failure is not None
        self._epochs.append(figures)
        self.save(np.transpose(self._epochs))
        if self._failure is not None and not failed_before:
            complain(f"cannot write {self._path} ({self._failure}): the training goes on, and each epoch "
                     "tries again; make room")

    def save(self, stats):
        """Write the network and stats; note whether it failed."""
        if self._path is None:
            return
        with _uninterrupted():
            try:
                saved.save(self._path, self._mlp, stats)
            except OSError as error:
                self._failure = error.strerror or error
            else:
                self._nsaved, self._failure = len(stats[0]), None

    def kept(self):
        """Return the end of a message: what is in the file, or nothing if there is to be none."""
        if self._path is None:
            return ""
        if self._nsaved == 0:
            return f"; no epoch was saved in {self._path}"
        epochs = f"{self._nsaved} epoch" + "s" * (self._nsaved > 1)
        return f"; {self._path} holds the network and the figures of {epochs}"

    def finish(self):
        """Print where the network is. Raises Failure if the last writing failed."""
        if self._failure is not None:
            raise Failure(f"could not write {self._path} at the end ({self._failure}){self.kept()}")
        if self._path is not None:
            print(f"Saved: {self._path}")


@contextlib.contextmanager
def _uninterrupted():
    """Put Ctrl-C off to the end of the block: it must not come between writing a file and noting that."""
    signals = []
    before = signal.signal(signal.SIGINT, lambda *signal_and_frame: signals.append(signal_and_frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if signals and callable(before):  # a shell may have it ignored
        before(*signals[0])


def draw(stats, mlp, test, pixels, path):
    """Draw the report into the file path and print its name.  Raises Failure if it cannot be written."""
    try:
        pictures.save(pictures.report(stats, mlp, *test, pixels), path)
    except OSError as error:
        reason = error.strerror or error
        raise Failure(f"cannot write {path} ({reason}): make room, or draw elsewhere") from error
    print(f"Drawn: {path}")


# ---- What it prints ------------------------------------------------------------------------------

def describe(name, dset, mlp, options):
    """Print a line on the data and one on the network."""
    sizes = "{:,} training, {:,} validation and {:,} test examples".format(*(len(x) for x, _ in dset))
    layers = [mlp.input_size, *options.hiddens, mlp.output_size]
    arrays = mlp.W + mlp.b + [array for layer in mlp.bn_layers or [] for array in (layer.gamma, layer.beta)]
    parameters = sum(array.size for array in arrays)
    print(f"Data: {name}, {sizes}")
    print(f"Network: {'-'.join(map(str, layers))}, {options.activation}, BatchNorm on {options.bn_layers} of "
          f"{mlp.nlayers} layers, {parameters:,} parameters, {options.dtype}")


def print_confusion(matrix):
    """Print the test error and the confusion matrix, (K, K): rows predicted, columns true, 0 as a dot."""
    total, wrong = matrix.sum(), matrix.sum() - matrix.trace()
    print(f"\nTest error: {100 * wrong / total:.2f} %, {wrong} of {total} wrong")
    print("\nConfusion matrix of the test set (rows: predicted, columns: true, a dot: 0)")
    width = 2 + len(str(max(matrix.max(), len(matrix))))
    heading = "".join(f"{label:{width}}" for label in range(len(matrix)))
    print(" " * width + heading)
    for label, row in enumerate(matrix):
        print(f"{label:{width}}" + "".join(f"{count or '.':>{width}}" for count in row))
    sys.stdout.flush()  # ahead of what may go wrong with the files


def complain(message):
    """Print message to standard error, as one line."""
    print("hw1: " + " ".join(str(message).split()), file=sys.stderr)


def main(argv=None):
    """Run the command line; return its exit status."""
    options = parse(argv)
    try:
        run(options)
        sys.stdout.flush()  # here, where an error is told
    except Failure as failure:
        complain(failure)
        return 1
    except MemoryError as error:
        complain(f"out of memory ({error}): choose smaller --hiddens or --dtype float32")
        return 1
    except KeyboardInterrupt as interrupt:
        complain("interrupted" + "".join(interrupt.args))
        return 130
    except OSError as error:  # of standard output, as those of the data are Failures
        # What is still in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # a reader such as head has seen enough
            return 141
        complain(f"cannot write to standard output ({error.strerror}): make room, or write elsewhere")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
