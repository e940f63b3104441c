"""Trains the handout's network, or one of your own, on MNIST or on drawn digits, and prints how it goes.

    python -m hw1                                    the handout's network (run from the repository's top)
    python -m hw1 --hiddens 128 --activation tanh    one of your own
    python -m hw1 --help                             every option

It needs no file: without MNIST in data/ it draws digits. Standard output gets a line an epoch, then the test
error and the confusion matrix; standard error gets the errors.
"""

import argparse
import math
import os
import pathlib
import sys
import time

import numpy as np

from data import digits, mnist
from hw1 import hw1

ACTIVATIONS = {"sigmoid": hw1.Sigmoid, "tanh": hw1.Tanh, "relu": hw1.ReLU}


class Failure(Exception):
    """What the user can put right: told in one line, without a traceback."""


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
                         help="put BatchNorm on the first N hidden layers (default: on all)")
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
    training.add_argument("--epochs", metavar="N", type=count, default=15,
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
    options = parser.parse_args(argv)
    if options.bn_layers is None:
        options.bn_layers = len(options.hiddens)
    if options.bn_layers > len(options.hiddens):
        parser.error(f"argument --bn-layers: expected at most {len(options.hiddens)}, the number of hidden "
                     f"layers, got {options.bn_layers}")
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
    """Return the network that the options describe, a hw1.MLP."""
    def weights(d_in, d_out):
        scale = math.sqrt(d_in) if options.init == "scaled" else 1
        return (hw1.random_normal_weight_init(d_in, d_out) / scale).astype(options.dtype)

    def biases(d):
        return hw1.zeros_bias_init(d).astype(options.dtype)

    activations = [ACTIVATIONS[options.activation]() for _ in options.hiddens] + [hw1.Identity()]
    return hw1.MLP(input_size, output_size, options.hiddens, activations, weights, biases,
                   hw1.SoftmaxCrossEntropy(), options.lr, options.momentum, options.bn_layers)


def run(options):
    """Load the data, train the network on them and print how it went.  Raises Failure."""
    name, dset = load(options.data)
    dset = tuple((x, y if y.ndim == 2 else y.astype(np.int64)) for x, y in dset)
    output_size = max(y.shape[1] if y.ndim == 2 else int(y.max()) + 1 for _, y in dset)
    np.random.seed(options.seed)
    mlp = build(options, dset[0][0].shape[1], output_size)
    describe(name, dset, mlp, options)
    try:
        dset = mnist.standardise(dset, options.dtype)
    except ValueError as error:
        raise Failure(f"{name}: {error}") from error
    on_epoch = table(options.lr)
    # A run that diverges is told of once, by on_epoch, and not by each of its operations.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        *_, matrix = hw1.get_training_stats(mlp, dset, options.epochs, options.batch_size, on_epoch=on_epoch)
    print_confusion(matrix)


# ---- What it prints ------------------------------------------------------------------------------

def describe(name, dset, mlp, options):
    """Print a line on the data and one on the network."""
    sizes = "{:,} training, {:,} validation and {:,} test examples".format(*(len(x) for x, _ in dset))
    layers = [mlp.input_size, *options.hiddens, mlp.output_size]
    arrays = mlp.W + mlp.b + [array for layer in mlp.bn_layers or [] for array in (layer.gamma, layer.beta)]
    parameters = sum(array.size for array in arrays)
    print(f"Data: {name}, {sizes}")
    print(f"Network: {'-'.join(map(str, layers))}, {options.activation}, BatchNorm on {options.bn_layers} of "
          f"{len(options.hiddens)} hidden layers, {parameters:,} parameters, {options.dtype}", flush=True)


def table(lr):
    """Print the heading of the table of epochs; return the on_epoch that prints its lines.

    on_epoch raises Failure when a loss is not finite.
    """
    columns = "epoch", "train loss", "train error %", "val loss", "val error %", "seconds"
    print("\n" + "  ".join(columns), flush=True)
    began = time.perf_counter()

    def on_epoch(epoch, train_loss, train_error, val_loss, val_error):
        nonlocal began
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise Failure(f"the loss is no longer finite in epoch {epoch + 1} (training {train_loss}, "
                          f"validation {val_loss}): the training diverges; lower --lr, which is {lr:g}")
        now = time.perf_counter()
        cells = (f"{epoch + 1}", f"{train_loss:.4f}", f"{100 * train_error:.2f}", f"{val_loss:.4f}",
                 f"{100 * val_error:.2f}", f"{now - began:.1f}")
        print("  ".join(cell.rjust(len(column)) for cell, column in zip(cells, columns)), flush=True)
        began = now

    return on_epoch


def print_confusion(matrix):
    """Print the test error and the confusion matrix, (K, K): rows predicted, columns true, 0 as a dot."""
    total, wrong = matrix.sum(), matrix.sum() - matrix.trace()
    print(f"\nTest error: {100 * wrong / total:.2f} %, {wrong} of {total} wrong")
    print("\nConfusion matrix of the test set (rows: predicted, columns: true, a dot: 0)")
    width = 2 + len(str(max(matrix.max(), len(matrix))))
    heading = "".join(f"{label:{width}}" for label in range(len(matrix)))
    print(" " * width + heading)
    for label, row in enumerate(matrix):
        print(f"{label:{width}}" + "".join(f"{count or '.':>{width}}" for count in row), flush=True)


def main(argv=None):
    """Run the command line; return its exit status."""
    options = parse(argv)
    try:
        run(options)
    except Failure as failure:
        print("hw1: " + " ".join(str(failure).split()), file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"hw1: out of memory ({error}): choose smaller --hiddens or --dtype float32", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hw1: interrupted", file=sys.stderr)
        return 130
    except OSError as error:  # of standard output, as those of the data are Failures
        # What is still in the buffer must not fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # a reader such as head has seen enough
            return 141
        print(f"hw1: cannot write to standard output ({error.strerror}): make room, or write elsewhere",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
