"""2.8 Training statistics: get_training_stats(mlp, dset, nepochs, batch_size).

Fix the first failure first: it explains those below it. With batches of the whole training set the
order of the examples does not matter: each of the five values must match those of a plain loop.
Then mini-batches: which examples and labels the network was trained on, in which order and mode.
The network is a linear classifier (2.2 and 2.3) with 784 inputs. Labels are one-hot or class
indices: get_training_stats may take either.
"""

import functools

import numpy as np
import pytest

from tests.gradients import assert_close
from tests.networks import build_linear, one_hot, take_step

VALUES = ["training_losses", "training_errors", "validation_losses", "validation_errors",
          "confusion_matrix"]
CURVES = VALUES[:4]
SIZES = {"train": 12, "val": 24, "test": 36}  # batches of 12 and of 4 divide them
FIRST_ROW = {"train": 0, "val": 100, "test": 200}  # the row number of each partition's first row


# ---- The data ------------------------------------------------------------------------------------

def make_data():
    """Return x, (n, 784), and class indices, (n,), of each partition.

    The first column of x holds the row number, divided by 1000. Of the next ten, the one of the
    row's class is large.
    """
    rng = np.random.RandomState(0)
    data = {}
    for name, n in SIZES.items():
        x = rng.standard_normal((n, 784))
        classes = rng.randint(10, size=n)
        rows = np.arange(n)
        x[:, 0] = (FIRST_ROW[name] + rows) / 1000
        x[rows, 1 + classes] += 15
        data[name] = x, classes
    return data


def read_row_numbers(x):
    """Return the row numbers in the first column of x."""
    numbers = 1000 * np.atleast_2d(x)[:, 0]
    return np.round(numbers).astype(int).tolist()


def make_dset(data, encode):
    """Return data as get_training_stats takes it: three pairs of x and encode(class indices)."""
    dset = []
    for x, classes in data.values():
        dset.append((x.copy(), encode(classes)))
    return tuple(dset)


def build_network(nn, lr=0.01):
    """Return a linear classifier with 784 inputs."""
    return build_linear(nn, inputs=784, lr=lr)


def run(nn, mlp, nepochs, batch_size):
    """Return the five values of get_training_stats on make_data(), by name."""
    dset = make_dset(make_data(), choose_labels(nn))
    return get_values(nn, mlp, dset, nepochs, batch_size)


def get_values(nn, mlp, dset, nepochs, batch_size):
    """Return the five values of get_training_stats, by name."""
    np.random.seed(0)
    result = nn.get_training_stats(mlp, dset, nepochs, batch_size)
    assert isinstance(result, (tuple, list)), f"five values must be returned, got {result!r}"
    assert len(result) == 5, f"five values must be returned, got {len(result)}"
    return dict(zip(VALUES, result))


@functools.lru_cache(maxsize=1)
def choose_labels(nn):
    """Return the function that encodes class indices as get_training_stats takes them.

    That is one_hot, unless more of the five values are right with plain class indices.
    """
    expected = run_plain_loop_on_full_batches(nn, build_network(nn), nepochs=1)

    def count_right_values(encode):
        try:
            dset = make_dset(make_data(), encode)
            found = get_values(nn, build_network(nn), dset, nepochs=1, batch_size=12)
        except Exception:
            return 0
        return sum(is_close(found[name], expected[name]) for name in VALUES)

    return max([one_hot, np.array], key=count_right_values)


def is_close(found, expected):
    """Return whether assert_close passes."""
    try:
        assert_close(found, expected, "")
    except (AssertionError, TypeError, ValueError):
        return False
    return True


# ---- A plain loop --------------------------------------------------------------------------------

def evaluate(nn, mlp, x, classes):
    """Return the mean loss of mlp, its error (the fraction that is wrong) and its predictions."""
    output = mlp.forward(x)
    losses = nn.SoftmaxCrossEntropy().forward(output, one_hot(classes))
    predicted = output.argmax(axis=1)
    error = np.mean(predicted != classes)
    return np.mean(losses), error, predicted


def run_plain_loop(nn, mlp, epochs):
    """Train mlp and return the five values, by name.

    epochs: for each epoch a list of batches, each a list of rows of the training set.
    """
    data = make_data()
    x, classes = data["train"]
    testx, true = data["test"]
    curves = {name: [] for name in CURVES}
    for batches in epochs:
        losses = []
        errors = []
        mlp.train()
        for rows in batches:
            loss, error, _ = evaluate(nn, mlp, x[rows], classes[rows])
            take_step(mlp, x[rows], one_hot(classes[rows]))
            losses.append(loss)
            errors.append(error)
        mlp.eval()
        validation_loss, validation_error, _ = evaluate(nn, mlp, *data["val"])
        curves["training_losses"].append(np.mean(losses))
        curves["training_errors"].append(np.mean(errors))
        curves["validation_losses"].append(validation_loss)
        curves["validation_errors"].append(validation_error)
    _, _, predicted = evaluate(nn, mlp, testx, true)
    confusion_matrix = np.zeros((10, 10))
    for i, j in zip(predicted, true):
        confusion_matrix[i, j] += 1
    return {**curves, "confusion_matrix": confusion_matrix}


def run_plain_loop_on_full_batches(nn, mlp, nepochs):
    """Train mlp on one batch of the whole training set per epoch, and return the five values."""
    rows = list(range(12))
    return run_plain_loop(nn, mlp, [[rows]] * nepochs)


@pytest.mark.parametrize("name", VALUES)
def test_values_of_full_batches_match_a_plain_loop(nn, name):
    found = run(nn, build_network(nn), nepochs=4, batch_size=12)
    expected = run_plain_loop_on_full_batches(nn, build_network(nn), nepochs=4)
    assert_close(found[name], expected[name], name)


# ---- The five values -----------------------------------------------------------------------------

def test_curves_are_float_arrays_of_one_entry_per_epoch(nn):
    found = run(nn, build_network(nn), nepochs=2, batch_size=4)
    for name in CURVES:
        curve = found[name]
        assert isinstance(curve, np.ndarray), f"{name} must be a NumPy array, got {curve!r}"
        assert curve.shape == (2,), f"{name} must have shape (2,), got {curve.shape}"
        assert curve.dtype.kind == "f", f"{name} must hold floats, got {curve.dtype}"


PREDICTED_CLASSES = np.array([0, 0, 0, 1, 1, 1, 9, 9, 9, 2, 2, 3])
TRUE_CLASSES = np.array([0, 1, 1, 1, 1, 9, 9, 0, 9, 2, 3, 2])


def run_hand_calculated(nn):
    """Return the values of a network that predicts the class whose input is 1 and never learns.

    All of its predictions are right for the training set, and half of them for the validation set,
    which is the test set in reverse order.
    """
    mlp = build_network(nn, lr=0.0)
    mlp.W[0][...] = np.eye(784, 10)
    mlp.b[0][...] = 0
    inputs = np.eye(10, 784)
    encode = choose_labels(nn)
    train = inputs[TRUE_CLASSES], encode(TRUE_CLASSES)
    val = inputs[PREDICTED_CLASSES[::-1]], encode(TRUE_CLASSES[::-1])
    test = inputs[PREDICTED_CLASSES], encode(TRUE_CLASSES)
    return get_values(nn, mlp, (train, val, test), nepochs=1, batch_size=12)


def test_errors_match_hand_calculation(nn):
    found = run_hand_calculated(nn)
    assert_close(found["training_errors"], [0], "training_errors")
    assert_close(found["validation_errors"], [0.5], "validation_errors")


def test_confusion_matrix_matches_hand_calculation(nn):
    found = run_hand_calculated(nn)
    expected = np.zeros((10, 10))
    expected[0, [0, 1]] = [1, 2]  # of three predicted 0, one is 0 and two are 1
    expected[1, [1, 9]] = [2, 1]
    expected[9, [0, 9]] = [1, 2]
    expected[2, [2, 3]] = [1, 1]
    expected[3, 2] = 1
    assert_close(found["confusion_matrix"], expected, "confusion_matrix")


# ---- Mini-batches --------------------------------------------------------------------------------

class Record:
    """What a network saw. rows: their row numbers. mode: whether it was in training mode."""

    def __init__(self):
        self.passes = []     # (rows, mode) of each forward
        self.steps = []      # (rows, classes, mode) of the batch before each step
        self.rows = None     # of the last forward
        self.mode = None     # of the last forward
        self.classes = None  # of the last backward


def watch(nn, monkeypatch):
    """Return a Record that the methods of MLP, of this network or any copy, write to.

    train and eval become those of the starter file: 2.6 tests the module's own.
    """
    record = Record()
    forward = nn.MLP.forward
    call = nn.MLP.__call__
    backward = nn.MLP.backward
    step = nn.MLP.step

    def set_train_mode(mlp):
        mlp.train_mode = True

    def set_eval_mode(mlp):
        mlp.train_mode = False

    def record_pass(mlp, x):
        record.rows = read_row_numbers(x)
        record.mode = getattr(mlp, "train_mode", True)
        record.passes.append((record.rows, record.mode))

    def watched_forward(mlp, x, *args, **options):
        record_pass(mlp, x)
        return forward(mlp, x, *args, **options)

    def watched_call(mlp, x, *args, **options):
        record_pass(mlp, x)
        return call(mlp, x, *args, **options)

    def watched_backward(mlp, labels, *args, **options):
        classes = np.asarray(labels)
        if classes.ndim == 2:
            classes = classes.argmax(axis=1)
        record.classes = classes.tolist()
        return backward(mlp, labels, *args, **options)

    def watched_step(mlp, *args, **options):
        record.steps.append((record.rows, record.classes, record.mode))
        return step(mlp, *args, **options)

    monkeypatch.setattr(nn.MLP, "train", set_train_mode)
    monkeypatch.setattr(nn.MLP, "eval", set_eval_mode)
    monkeypatch.setattr(nn.MLP, "forward", watched_forward)
    monkeypatch.setattr(nn.MLP, "__call__", watched_call)
    monkeypatch.setattr(nn.MLP, "backward", watched_backward)
    monkeypatch.setattr(nn.MLP, "step", watched_step)
    return record


@functools.lru_cache(maxsize=1)
def run_watched(nn):
    """Return the five values and the record of three epochs of three mini-batches of 4."""
    mlp = build_network(nn)
    dset = make_dset(make_data(), choose_labels(nn))
    with pytest.MonkeyPatch.context() as monkeypatch:
        record = watch(nn, monkeypatch)
        found = get_values(nn, mlp, dset, nepochs=3, batch_size=4)
    return found, record


def split_into_epochs(record):
    """Return the rows of each step, three steps per epoch."""
    rows = [rows for rows, _, _ in record.steps]
    return [rows[k:k + 3] for k in range(0, len(rows), 3)]


def test_each_epoch_takes_one_step_per_batch(nn):
    _, record = run_watched(nn)
    sizes = [len(rows) for rows, _, _ in record.steps]
    assert sizes == [4] * 9, f"there must be 9 steps on batches of 4, got {sizes}"


def test_each_epoch_trains_on_every_row_once(nn):
    _, record = run_watched(nn)
    epochs = split_into_epochs(record)
    assert len(epochs) == 3, f"there must be three epochs of three steps, got {len(epochs)}"
    for batches in epochs:
        rows = sorted(row for batch in batches for row in batch)
        assert rows == list(range(12)), f"an epoch must take rows 0 to 11 once, got {rows}"


def test_rows_keep_their_labels(nn):
    _, record = run_watched(nn)
    _, classes = make_data()["train"]
    assert record.steps, "no step was taken"
    for rows, seen, _ in record.steps:
        assert seen == classes[rows].tolist(), "shuffle x and y in the same order"


def test_each_epoch_has_a_new_order(nn):
    _, record = run_watched(nn)
    first, second, third = split_into_epochs(record)
    assert first != second, "shuffle the training set again in each epoch"
    assert second != third, "shuffle the training set again in each epoch"


def test_steps_are_taken_in_training_mode(nn):
    _, record = run_watched(nn)
    modes = [mode for _, _, mode in record.steps]
    assert modes == [True] * 9, "call mlp.train() at the start of each epoch"


def test_validation_and_test_sets_are_seen_in_eval_mode(nn):
    _, record = run_watched(nn)
    modes = []
    for rows, mode in record.passes:
        if rows and rows[0] >= FIRST_ROW["val"]:
            modes.append(mode)
    assert not any(modes), "call mlp.eval() before the validation set and the test set"


@pytest.mark.parametrize("name", VALUES)
def test_values_of_mini_batches_match_a_plain_loop(nn, name):
    found, record = run_watched(nn)
    expected = run_plain_loop(nn, build_network(nn), split_into_epochs(record))
    assert_close(found[name], expected[name], name)


def test_data_are_not_modified(nn):
    encode = choose_labels(nn)
    dset = make_dset(make_data(), encode)
    expected = make_dset(make_data(), encode)
    get_values(nn, build_network(nn), dset, nepochs=2, batch_size=4)
    for i, name in enumerate(SIZES):
        x, labels = dset[i]
        expected_x, expected_labels = expected[i]
        np.testing.assert_array_equal(x, expected_x, err_msg=f"{name}x")
        np.testing.assert_array_equal(labels, expected_labels, err_msg=f"{name}y")
