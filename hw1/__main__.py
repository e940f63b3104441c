"""Train a multi-layer perceptron on MNIST or synthetic digits, and print how well it learns.

    python -m hw1                                    the handout's network (in the top folder)
    python -m hw1 --hiddens 128 --activation tanh    a network of your choice
    python -m hw1 --plot run.png --save run.npz      plot the training run and save the network
    python -m hw1 --help                             all options

The file that --save names is written after each epoch, so that neither an interrupted run nor a
full disk loses a finished epoch. If get_training_stats in hw1.py takes no on_epoch, all epochs are
printed and saved at the end.
"""

import argparse
import contextlib
import importlib
import inspect
import math
import os
import signal
import sys

import numpy as np

from data import digits, mnist, streams
from hw1 import errors, pictures, progress, saved
from hw1.errors import Failure

NAMES = ("Activation", "Identity", "SoftmaxCrossEntropy", "MLP", "random_normal_weight_init",
         "zeros_bias_init", "get_training_stats")
DEFAULT = " (default: %(default)s)"


# ---- Options -------------------------------------------------------------------------------------

def parse(argv=None):
    """Return the options in argv, or in the command line; SystemExit(2) if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m hw1",
        description="Train a multi-layer perceptron with SGD on MNIST, or on synthetic digits if "
                    "there is no MNIST. Print losses and errors after each epoch, and the "
                    "confusion matrix at the end.",
        epilog="The same options give the same numbers on the same machine, except for the "
               "seconds. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 141 output "
               "closed.")
    count = _make_type(int, lambda n: 1 <= n <= 10**6, "an integer from 1 to 1000000")

    add = parser.add_argument_group("network").add_argument
    add("--hiddens", metavar="UNITS", nargs="*", type=count, default=[64, 64, 32],
        help="units of each hidden layer, or no number for a linear classifier (default: 64 64 32)")
    add("--activation", metavar="NAME", type=str.lower, default="sigmoid",
        help="activation of the hidden layers: sigmoid, tanh, relu, or another subclass of "
             "Activation in hw1.py" + DEFAULT)
    add("--bn-layers", metavar="N",
        type=_make_type(int, lambda n: n >= 0, "an integer of at least 0"),
        help="apply BatchNorm in the first N layers (default: in all but the output layer)")
    add("--init", choices=("scaled", "handout"), default="scaled",
        help="standard deviation of the initial weights: 1 / sqrt(inputs) (scaled) or 1 (handout)"
             + DEFAULT)
    add("--dtype", choices=("float64", "float32"), default="float64",
        help="dtype of data and parameters; float32 is faster and takes half the memory" + DEFAULT)

    add = parser.add_argument_group("training").add_argument
    add("--lr", metavar="RATE", default=0.008, help="learning rate" + DEFAULT,
        type=_make_type(float, lambda lr: 0 < lr < math.inf, "a finite number above 0"))
    add("--momentum", metavar="M", default=0.9, help="momentum coefficient" + DEFAULT,
        type=_make_type(float, lambda m: 0 <= m < 1, "a number of at least 0 and below 1"))
    add("--epochs", metavar="N", type=count, default=20, help="number of epochs" + DEFAULT)
    add("--batch-size", metavar="N", type=count, default=100,
        help="number of examples in a batch" + DEFAULT)
    add("--seed", metavar="N", default=11785,
        help="seed of the initial weights and of the shuffling" + DEFAULT,
        type=_make_type(int, lambda n: 0 <= n < 2**32, "an integer from 0 to 4294967295"))
    add("--data", metavar="DIR", type=_make_type(
        os.path.expanduser, lambda name: name == "digits" or os.path.isdir(name),
        "a folder, or the word digits"),
        help="folder with the six files that data/mnist.py writes, or the word digits for "
             "synthetic digits (default: data/ of this repository, or synthetic digits if none of "
             "the files is there)")

    add = parser.add_argument_group("output").add_argument
    add("--plot", metavar="FILE", type=_make_path_type(".png", ".svg", ".pdf"),
        help="plot the training run and the mistakes, as .png, .svg or .pdf (needs matplotlib)")
    add("--save", metavar="FILE", type=_make_path_type(".npz"),
        help="save the network and its training statistics, as an .npz that hw1.saved.load reads")

    options = parser.parse_args(argv)
    nlayers = len(options.hiddens) + 1
    if options.bn_layers is None:
        options.bn_layers = nlayers - 1
    if options.bn_layers > nlayers:
        parser.error(f"argument --bn-layers: expected at most {nlayers}, the number of layers, got "
                     f"{options.bn_layers}")
    if options.bn_layers > 0 and options.batch_size == 1:
        parser.error("argument --batch-size: expected at least 2 with BatchNorm, because the "
                     "variance of a single example is 0, got 1: choose a larger one, or "
                     "--bn-layers 0")
    if options.plot:
        try:
            pictures.require_matplotlib()
        except ImportError as error:
            parser.error(f"argument --plot: {error}")
    return options


def _make_type(convert, is_valid, expected):
    """Return an argparse type: convert(text) if it is valid, otherwise an error with expected."""
    def convert_and_check(text):
        with contextlib.suppress(ValueError):
            value = convert(text)
            if is_valid(value):
                return value
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
    return convert_and_check


def _make_path_type(*suffixes):
    """Return an argparse type: the path of a file that can be written, with one of the suffixes."""
    def is_valid(path):
        folder = os.path.dirname(path) or os.curdir
        has_suffix = os.path.splitext(path)[1].lower() in suffixes
        is_writable = os.path.isdir(folder) and os.access(folder, os.W_OK)
        return has_suffix and is_writable and not os.path.isdir(path)
    # A shell expands no ~ after an equals sign.
    return _make_type(os.path.expanduser, is_valid,
                      f"a file name that ends in {' or '.join(suffixes)}, in an existing folder "
                      "that can be written to")


# ---- hw1.py, which may be unfinished -------------------------------------------------------------

def import_homework():
    """Return the module hw1.hw1; Failure if it cannot be imported or lacks a name."""
    try:
        module = importlib.import_module("hw1.hw1")
    except (Exception, SystemExit) as error:
        reason = errors.describe(error)
        if reason is None:
            reason = f"hw1/hw1.py cannot be imported: {type(error).__name__}: {error}"
            line = errors.find_line(error)
            if line is not None:
                reason += f" (hw1.py, line {line})"
        raise Failure(reason) from error
    missing = [name for name in NAMES if not hasattr(module, name)]
    if missing:
        raise Failure(f"hw1.py does not define {', '.join(missing)} yet")
    return module


def find_activation(module, name):
    """Return the subclass of Activation in module with this name in lower case, or Failure."""
    activations = {}
    for key, value in saved.find_activations(module).items():
        activations[key.lower()] = value
    if name not in activations:
        known = ", ".join(activations) or "none yet"
        raise Failure("argument --activation: expected a subclass of Activation in hw1.py "
                      f"({known}), got {name!r}", status=2)
    return activations[name]


# ---- The run -------------------------------------------------------------------------------------

def load(folder):
    """Return the name of a data set, and its arrays as mnist.load does; Failure if one is wrong.

    folder: one with the six files, or "digits" for synthetic digits. None: the repository's data/,
    or synthetic digits if none of the files is there.
    """
    if folder is None:
        folder = os.path.join(os.path.relpath(mnist.HERE), "")
        if not any((mnist.HERE / name).exists() for name in mnist.FILES):
            remedy = "python data/mnist.py downloads MNIST"
            print(f"No MNIST in {folder}: using synthetic digits ({remedy})")
            folder = "digits"
    if folder == "digits":
        return "synthetic digits", digits.load()
    try:
        return folder, mnist.load(folder)
    except (OSError, ValueError) as error:
        raise Failure(error) from error


def prepare(stored, dtype):
    """Return the data set for training, and the mean and deviation by which x was standardised.

    stored: three pairs of x and y. x is standardised in dtype, y becomes one-hot, which every
    hw1.py takes.
    """
    try:
        scale = mnist.scale(stored[0][0])
        dset = mnist.standardise(stored, dtype)
    except ValueError as error:
        raise Failure(error) from error
    nclasses = int(dset[0][1].max()) + 1
    prepared = []
    for x, y in dset:
        if y.ndim == 1:
            y = np.eye(nclasses)[y.astype(int)]
        prepared.append((x, y.astype(float)))
    return prepared, scale


def build(module, activation, options, input_size, output_size):
    """Return the network that the options describe, with the classes of the module hw1.hw1."""
    def init_weights(d_in, d_out):
        weights = module.random_normal_weight_init(d_in, d_out)
        if options.init == "scaled":
            weights = weights / math.sqrt(d_in)
        return weights.astype(options.dtype)

    def init_bias(d):
        return module.zeros_bias_init(d).astype(options.dtype)

    activations = [activation() for _ in options.hiddens]
    activations.append(module.Identity())
    criterion = module.SoftmaxCrossEntropy()
    return module.MLP(input_size, output_size, options.hiddens, activations, init_weights,
                      init_bias, criterion, options.lr, options.momentum, options.bn_layers)


def run(options):
    """Train the network and print how well it learns.

    Raises Failure; the message of a KeyboardInterrupt says what is saved.
    """
    module = import_homework()
    activation = find_activation(module, options.activation)
    checkpoint = Checkpoint(options.save)
    try:
        with _advise_on_memory("name a smaller data set, or --dtype float32", checkpoint):
            name, stored = load(options.data)
            dset, scale = prepare(stored, options.dtype)
        input_size = dset[0][0].shape[1]
        output_size = dset[0][1].shape[1]
        print_data(name, dset)
        print_network([input_size, *options.hiddens, output_size], options)
        np.random.seed(options.seed)
        with _advise_on_memory("choose smaller --hiddens, or --dtype float32", checkpoint):
            mlp = build(module, activation, options, input_size, output_size)
        mlp.mean, mlp.deviation = scale  # saved.save writes them, too
        with _advise_on_memory("choose smaller --hiddens or --batch-size, or --dtype float32",
                               checkpoint):
            stats = train(module, mlp, dset, options, checkpoint)
            checkpoint.save(mlp, stats)
            print_result(stats[3], stats[4])
            if options.plot:
                plot(stats, mlp, dset[2], stored[2][0], options.plot)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(checkpoint.describe()) from None
    if checkpoint.failure is not None:
        raise Failure(f"could not write {options.save} at the end ({checkpoint.failure})"
                      f"{checkpoint.describe()}")
    if options.save:
        print(f"\nNetwork saved to {options.save}")


@contextlib.contextmanager
def _advise_on_memory(remedy, checkpoint):
    """Turn a MemoryError in the block into a Failure with a remedy."""
    try:
        yield
    except MemoryError as error:
        raise Failure(f"out of memory ({error}): {remedy}{checkpoint.describe()}") from error


def train(module, mlp, dset, options, checkpoint):
    """Train mlp and return its statistics; save and print each epoch. Failure if it diverges."""
    nexamples = len(dset[0][0])
    nclasses = dset[2][1].shape[1]
    table = progress.Table(math.ceil(nexamples / options.batch_size))
    parameters = inspect.signature(module.get_training_stats).parameters
    has_on_epoch = "on_epoch" in parameters
    epochs = []  # the four numbers of each
    step = mlp.step

    def count_step():
        step()
        table.step()

    def on_epoch(epoch, training_loss, training_error, validation_loss, validation_error):
        table.wipe()
        if not (math.isfinite(training_loss) and math.isfinite(validation_loss)):
            raise Failure(f"the loss is not finite in epoch {epoch + 1} (training {training_loss}, "
                          f"validation {validation_loss}): the training diverges; lower --lr, "
                          f"which is {options.lr:g}{checkpoint.describe()}")
        numbers = (training_loss, training_error, validation_loss, validation_error)
        epochs.append(numbers)
        if has_on_epoch:
            checkpoint.save(mlp, np.transpose(epochs))
        table.epoch(epoch, *numbers)

    mlp.step = count_step
    arguments = {}
    if has_on_epoch:
        arguments["on_epoch"] = on_epoch
    try:
        # on_epoch reports a run that diverges: no warning for each of its operations.
        with np.errstate(over="ignore", invalid="ignore"):
            stats = module.get_training_stats(mlp, dset, options.epochs, options.batch_size,
                                              **arguments)
            stats = check_stats(stats, options.epochs, nclasses)
    finally:
        table.wipe()
    for epoch in range(len(epochs), options.epochs):  # without on_epoch: all of them
        on_epoch(epoch, *(curve[epoch] for curve in stats[:4]))
    return stats


def check_stats(stats, nepochs, nclasses):
    """Return the result of get_training_stats as five arrays; Failure if it is something else."""
    with contextlib.suppress(TypeError, ValueError):  # it holds no arrays of numbers
        *curves, matrix = (np.array(part, np.float64) for part in stats)
        counts = matrix.astype(np.int64)
        shapes = [part.shape for part in curves]
        are_curves = shapes == [(nepochs,), (nepochs,), (nepochs,), (nepochs,)]
        are_counts = counts.shape == (nclasses, nclasses) and (counts == matrix).all()
        if are_curves and are_counts and counts.sum() > 0:
            return (*curves, counts)
    raise Failure(f"hw1.py: get_training_stats must return four arrays of shape ({nepochs},) and "
                  f"the confusion matrix, {nclasses} x {nclasses} counts, got {stats!s:.80}")


def plot(stats, mlp, test, pixels, path):
    """Plot the training run and the mistakes in the test set, and write the plot to path."""
    x, y = test
    figure = pictures.report(stats, mlp, x, y.argmax(axis=1), pixels)
    try:
        pictures.save(figure, path)
    except OSError as error:
        raise Failure(f"cannot write {path} ({error.strerror or error}): make room, or choose "
                      "another file") from error
    print(f"\nPlot saved to {path}")


class Checkpoint:
    """A file that holds the network and its training statistics as of the last finished epoch.

    An error while it is written does not stop the training: the next epoch writes it again.
    """

    def __init__(self, path):
        """path: of the file, or None for no file."""
        self.path = path
        self.failure = None  # why the file could not be written the last time
        self._nepochs = 0

    def save(self, mlp, stats):
        """Write mlp and stats, which lack the confusion matrix until the training is finished."""
        if self.path is None:
            return
        with _defer_interrupt():
            try:
                saved.save(self.path, mlp, stats)
                self._nepochs = len(stats[0])
                self.failure = None
            except (OSError, ValueError) as error:  # ValueError: this network cannot be saved
                reason = getattr(error, "strerror", None) or error
                if self.failure is None and len(stats) == 4:
                    complain(f"cannot write {self.path} ({reason}): the training continues, and "
                             "the next epoch tries again; make room or fix it in the meantime")
                self.failure = reason

    def describe(self):
        """Return the end of a sentence: what the file holds, or nothing without a file."""
        if self.path is None:
            return ""
        if self._nepochs == 0:
            return f"; no epoch was saved in {self.path}"
        epochs = "1 epoch" if self._nepochs == 1 else f"{self._nepochs} epochs"
        return f"; {self.path} holds the network and the statistics of {epochs}"


@contextlib.contextmanager
def _defer_interrupt():
    """Defer Ctrl-C to the end of the block."""
    interrupts = []
    previous = signal.signal(signal.SIGINT, lambda *arguments: interrupts.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupts and callable(previous):  # not if Ctrl-C is ignored
        previous(*interrupts[0])


# ---- Printed output ------------------------------------------------------------------------------

def print_data(name, dset):
    """Print a line on the data set."""
    train, val, test = (f"{len(x):,}" for x, _ in dset)
    print(f"Data: {name}, {train} training, {val} validation, {test} test examples")


def print_network(sizes, options):
    """Print a line on the network whose layers have these sizes, the input's first."""
    nparameters = 0
    for d_in, d_out in zip(sizes, sizes[1:]):
        nparameters += (d_in + 1) * d_out
    nparameters += 2 * sum(sizes[1:options.bn_layers + 1])  # gamma and beta
    parts = ["-".join(map(str, sizes))]
    parts.append(options.activation if options.hiddens else "linear")
    if options.bn_layers > 0:
        parts.append(f"{options.bn_layers} BatchNorm layer{'' if options.bn_layers == 1 else 's'}")
    parts.append(f"{nparameters:,} {options.dtype} parameters")
    print("Network:", ", ".join(parts))


def print_result(validation_errors, matrix):
    """Print the best validation error, the test error and the confusion matrix, a dot for 0."""
    best = validation_errors.argmin() + 1
    last = len(validation_errors)
    remark = ", the last" if best == last else f"; the network is that of epoch {last}"
    print(f"\nBest validation error: {100 * validation_errors[best - 1]:.2f} % in epoch {best}"
          f"{remark}")
    total = matrix.sum()
    wrong = total - matrix.trace()
    print(f"Test error: {100 * wrong / total:.2f} %, {wrong} of {total} wrong")
    print("\nConfusion matrix of the test set (rows: predicted, columns: true, dots: 0)")
    width = 2 + len(str(max(matrix.max(), len(matrix))))
    print(" " * width + "".join(f"{label:{width}}" for label in range(len(matrix))))
    for label, row in enumerate(matrix):
        print(f"{label:{width}}" + "".join(f"{count or '.':>{width}}" for count in row))
    sys.stdout.flush()  # before files are written, which may fail


def complain(message, status=1):
    """Print message to standard error, as one line, and return the status."""
    print("hw1: " + " ".join(str(message).split()), file=sys.stderr)
    return status


def main(argv=None):
    """Run the command line; return its exit status."""
    streams.prepare()
    options = parse(argv)
    try:
        run(options)
        sys.stdout.flush()  # here, so that an error is reported
    except Failure as failure:
        return complain(failure, failure.status)
    except KeyboardInterrupt as interrupt:
        return complain("interrupted" + "".join(interrupt.args), 130)
    except OSError as error:
        if error.filename is not None:  # an error of hw1.py, not of standard output
            raise
        return streams.give_up(error)
    except Exception as error:
        reason = errors.describe(error)
        if reason is None:
            raise
        return complain(reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
