"""2.8 get_training_stats: what it trains on, in which order, and the statistics that it returns.

The network is the handin's own, watched: every call to it is noted. The statistics are then worked out from the outputs that the network really gave, so that a network which is wrong elsewhere loses nothing here.
"""

import warnings
from unittest import mock

import numpy as np
import pytest

from tests.handout import judge
from tests.handout.judge import Given, Lost, told
from tests.handout.reference import Reference

EPOCHS, BATCH, D, K = 3, 5, 6, 3
SIZES = {"train": 23, "val": 11, "test": 13}


class Run:
    """One call of get_training_stats, and all that it did to the network.

    calls: (what, rows, value, train_mode) in their order; for a forward, the rows of the partition and the output;
    for a backward, the rows of the forward before it and the labels.
    """

    def __init__(self, nn):
        rng = np.random.RandomState(0)
        self.x = {name: rng.normal(0, 1, (n, D)) for name, n in SIZES.items()}
        self.labels = {name: rng.randint(K, size=n) for name, n in SIZES.items()}
        self.y = {name: np.eye(K)[labels] for name, labels in self.labels.items()}
        self.calls, self.busy = [], False
        self.result = self.train(nn)

    def train(self, nn):
        given = Given()
        dset = tuple((given(name + "x", self.x[name]), given(name + "y", self.y[name])) for name in SIZES)
        mlp = network(nn)
        np.random.seed(11785)
        with warnings.catch_warnings(), np.errstate(all="ignore"), watched(nn.MLP, self):
            warnings.simplefilter("ignore")
            try:
                result = nn.get_training_stats(mlp, dset, EPOCHS, BATCH)
            except Exception as error:
                raise Lost("get_training_stats fails: " + told(error)) from error
        given.check_unchanged()
        if not isinstance(result, (tuple, list)) or len(result) != 5:
            raise Lost("get_training_stats returns %s; the handout asks for five values, the four curves and the "
                       "confusion matrix" % type(result).__name__)
        return result

    def rows(self, x):
        """The partition that the rows of x are of, and their numbers there; (None, ()) if they are of none."""
        x = np.asarray(x, dtype=float)
        for name, known in self.x.items():
            distance = np.abs(x[:, np.newaxis, :] - known).max(axis=2) if x.shape[1:] == (D,) else np.ones((1, 1))
            if distance.min(axis=1).max() < 1e-5:
                return name, distance.argmin(axis=1)
        return None, ()

    def steps(self):
        """The positions in calls of the training forwards: a backward follows, and it is not just for the loss.

        backward runs the criterion, so it can serve to evaluate too: on another set or in eval mode, without a step.
        """
        what = [call[0] for call in self.calls] + [None, None]
        return [k for k, (_, rows, _, mode) in enumerate(self.calls) if what[k:k + 2] == ["forward", "backward"]
                and (what[k + 2] == "step" or (rows[0] == "train" and mode))]

    def epochs(self):
        """For each epoch, the positions of its training forwards: as many as hold the 23 examples."""
        steps = self.steps()
        for k in steps:
            name = self.calls[k][1][0]
            if name != "train":
                raise Lost("get_training_stats trains on %s" % {
                    "val": "the validation set: only evaluate on it", "test": "the test set: only evaluate on it"}.get(
                        name, "rows that are not in the training set"))
        if len(steps) == 0:
            raise Lost("get_training_stats never calls forward and then backward")
        if len(steps) % EPOCHS:
            raise Lost("get_training_stats trains on %d batches in %d epochs: not the same number in each" % (
                len(steps), EPOCHS))
        size = len(steps) // EPOCHS
        epochs = [steps[k:k + size] for k in range(0, len(steps), size)]
        if max(len(self.calls[k][1][1]) for k in steps) > BATCH:
            raise Lost("a batch is larger than batch_size")
        for epoch in epochs:
            seen = np.concatenate([self.calls[k][1][1] for k in epoch])
            if len(seen) == SIZES["train"] // BATCH * BATCH:
                raise Lost("the last, shorter batch is dropped: %d of %d examples are trained on" % (
                    len(seen), SIZES["train"]))
            if sorted(seen) != list(range(SIZES["train"])):
                raise Lost("an epoch does not train on each example once: it takes %d rows, %d different ones, of %d" % (
                    len(seen), len(set(seen)), SIZES["train"]))
        return epochs

    def evaluated(self, name, epoch):
        """The positions of the forwards of a partition after an epoch and before the next training batch."""
        end = min((k for k in self.steps() if k > epoch[-1]), default=len(self.calls))
        return [k for k in range(epoch[-1] + 1, end) if self.calls[k][0] == "forward" and self.calls[k][1][0] == name]

    def losses_and_errors(self, positions, name):
        """For each forward at these positions: the losses and the mistakes, per example."""
        found = []
        for k in positions:
            _, (_, rows), output, _ = self.calls[k]
            log_sm = output - np.logaddexp.reduce(output, axis=1)[:, np.newaxis]
            truth = self.labels[name][rows]
            found.append((-log_sm[np.arange(len(rows)), truth], output.argmax(axis=1) != truth))
        return found


def network(nn):
    """The first of three networks, with BatchNorm, without, and linear, that the handin can train a step.

    A criterion and activations that have lost their points already are the reference's here.
    """
    parts = Reference() if judge.loses(nn, "2.2") or judge.loses(nn, "2.4") else nn
    for hiddens, num_bn_layers in [([8], 1), ([8], 0), ([], 0)]:
        def build():
            return nn.MLP(D, K, list(hiddens), [parts.Sigmoid() for _ in hiddens] + [parts.Identity()], judge.weights,
                          judge.biases, parts.SoftmaxCrossEntropy(), 0.05, momentum=0.5, num_bn_layers=num_bn_layers)

        def step(nn, given):
            mlp = build()
            mlp.forward(np.zeros((2, D)))
            mlp.backward(np.eye(K)[:2])
            mlp.step()
            mlp.eval()
            if mlp.forward(np.zeros((3, D))).shape != (3, K):
                raise Lost("forward in eval mode does not return a row for each of its examples")

        try:
            judge.observe(nn, step)
            break
        except Lost as lost:
            reason = lost
    else:
        raise Lost("no network can be trained: %s" % reason)
    return build()


def watched(MLP, run):
    """A context in which MLP notes in run what is called from outside; what a call calls in turn is its own affair.

    The class is patched, not subclassed: a handin may copy or pickle the network, or ask for its class.
    """
    def noting(what, method):
        def call(mlp, *args, **kwargs):
            if run.busy:
                return method(mlp, *args, **kwargs)
            argument, mode = (list(args) + list(kwargs.values()) + [None])[0], getattr(mlp, "train_mode", None)
            run.busy = True
            try:
                output = method(mlp, *args, **kwargs)
            finally:
                run.busy = False
            if what == "forward":
                run.calls.append((what, run.rows(argument), np.array(output), mode))
            else:
                rows = next((call[1] for call in reversed(run.calls) if call[0] == "forward"), (None, ()))
                run.calls.append((what, rows, np.array(argument), None))
            return output

        return call

    names = {"__call__": "forward", "forward": "forward", "backward": "backward", "step": "step"}
    return mock.patch.multiple(MLP, **{name: noting(what, getattr(MLP, name)) for name, what in names.items()
                                       if hasattr(MLP, name)})


def compare(name, got, want, mistakes):
    """Lost if the statistic is not as wanted; mistakes: other values, each with the reason to give if it is that."""
    want = np.array(want, dtype=float)
    problem = judge.difference_of(name, got, want)
    if problem is None:
        return
    if isinstance(got, np.ndarray) and got.dtype.kind in "iu":
        raise Lost("%s is an integer array, which cuts off the fractions: make it float64" % name)
    for reason, value in mistakes.items():
        if judge.difference_of(name, got, np.array(value, dtype=float)) is None:
            raise Lost("%s %s" % (name, reason))
    raise Lost(problem)


def check_curves(run, which, found, losses, errors):
    """found: for each epoch, what losses_and_errors gave; losses, errors: the two curves that were returned."""
    for k, (name, got) in enumerate([(which + "_losses", losses), (which + "_errors", errors)]):
        batches = [[pair[k] for pair in epoch] for epoch in found]
        every = [np.concatenate(epoch) for epoch in batches]
        compare(name, got, [values.mean() for values in every], {
            "are averages of the batches' averages: the short last batch counts too much; average per example":
                [np.mean([values.mean() for values in epoch]) for epoch in batches],
            "are sums over the examples, not averages": [values.sum() for values in every],
            "are sums of the batches' averages": [np.sum([values.mean() for values in epoch]) for epoch in batches],
            "are averages over the number of batches, not of examples":
                [values.sum() / len(epoch) for values, epoch in zip(every, batches)],
            "are of the last batch alone": [epoch[-1].mean() for epoch in batches],
            "are accuracies: an error is the part that is wrong": [1 - values.mean() for values in every],
            "are percentages: an error is from 0 to 1": [100 * values.mean() for values in every]})


@pytest.fixture(scope="module")
def run(nn):
    try:
        return Run(nn)
    except Lost as lost:
        return lost


def of(run):
    __tracebackhide__ = True
    if isinstance(run, Lost):
        raise Lost(str(run))
    return run


def test_result(run):
    """Five values: four float64 arrays of an entry an epoch, and a matrix of counts."""
    *curves, matrix = of(run).result
    for name, curve in zip(["training_losses", "training_errors", "validation_losses", "validation_errors"], curves):
        compare(name, curve, np.zeros(EPOCHS) + (curve if isinstance(curve, np.ndarray) and curve.shape == (EPOCHS,) else 0), {})
    if not isinstance(matrix, np.ndarray):
        raise Lost("confusion_matrix is a %s, the grader compares with a NumPy array" % type(matrix).__name__)
    if matrix.shape != (K, K):
        raise Lost("confusion_matrix has shape %s, for %d classes it is %s" % (matrix.shape, K, (K, K)))
    if matrix.dtype.kind not in "iu":
        judge.advice.append("confusion_matrix has dtype %s; counts are integers, and a strict grader compares dtypes"
                            % matrix.dtype)


def test_batches(run):
    """Each epoch trains once on every example, with its own label, in a new order."""
    orders = []
    for epoch in of(run).epochs():
        rows = np.concatenate([run.calls[k][1][1] for k in epoch])
        labels = np.concatenate([run.calls[k + 1][2] for k in epoch])
        classes = labels.argmax(axis=1) if labels.shape == (len(rows), K) else labels
        if classes.shape != rows.shape or (classes != run.labels["train"][rows]).any():
            raise Lost("backward gets labels of other examples than forward: shuffle data and labels together")
        orders.append(list(rows))
    if orders[0] == sorted(orders[0]):
        raise Lost("the examples are not shuffled: the first epoch takes them in their order")
    if orders[0] == orders[1] or orders[1] == orders[2]:
        raise Lost("two epochs take the examples in the same order: shuffle anew for each")
    for k in run.steps():
        following = [call[0] for call in run.calls[k + 2:k + 3]]
        if following != ["step"]:
            raise Lost("a batch is not followed by one step: forward, backward, step for each")


def test_training_statistics(run):
    """Averages per example, over the batches as they were trained on."""
    epochs = of(run).epochs()
    if any(run.calls[k][3] is False for k in epochs[0]):
        raise Lost("the network trains in eval mode: call mlp.train() first")
    if any(run.calls[k][3] is False for epoch in epochs for k in epoch):
        raise Lost("after the first validation the network goes on training in eval mode: call mlp.train() each epoch")
    again = [run.evaluated("train", epoch) for epoch in epochs]
    if all(again):
        passes = [run.losses_and_errors(epoch, "train") for epoch in again]
        means = [np.concatenate([losses for losses, _ in batches]).mean() for batches in passes]
        if judge.difference_of("", run.result[0], np.array(means)) is None:
            raise Lost("training_losses are those of a second pass after each epoch: average the batches as they were "
                       "trained on")
    check_curves(run, "training", [run.losses_and_errors(epoch, "train") for epoch in epochs], *run.result[:2])


def test_validation_statistics(run):
    """Averages per example over the validation set, in eval mode, after each epoch."""
    epochs = of(run).epochs()
    found = []
    for epoch in epochs:
        positions = run.evaluated("val", epoch)
        rows = [row for k in positions for row in run.calls[k][1][1]]
        if set(rows) != set(range(SIZES["val"])):
            raise Lost("the validation set is not evaluated whole after each epoch: %d of its %d examples are" % (
                len(set(rows)), SIZES["val"]))
        if any(run.calls[k][3] for k in positions):
            raise Lost("the validation set is evaluated in training mode: call mlp.eval() first")
        found.append(run.losses_and_errors(positions, "val"))
    check_curves(run, "validation", found, *run.result[2:4])


def test_confusion_matrix(run):
    """Counts over the test set: rows the predicted class, columns the true one."""
    epochs = of(run).epochs()
    positions = [k for k, call in enumerate(run.calls) if call[0] == "forward" and call[1][0] == "test"]
    positions = [k for k in positions if k > epochs[-1][-1]]
    want = np.zeros((K, K))
    rows = [row for k in positions for row in run.calls[k][1][1]]
    if set(rows) != set(range(SIZES["test"])):
        raise Lost("the test set is not evaluated whole after the last epoch: %d of its %d examples are" % (
            len(set(rows)), SIZES["test"]))
    if any(run.calls[k][3] for k in positions):
        raise Lost("the test set is evaluated in training mode: call mlp.eval() first")
    predicted = {row: output.argmax() for k in positions for row, output in zip(run.calls[k][1][1], run.calls[k][2])}
    for row, label in predicted.items():
        want[label, run.labels["test"][row]] += 1
    matrix = run.result[4]
    matrix = matrix.astype(float) if isinstance(matrix, np.ndarray) else matrix
    sums = [np.sum(matrix, axis=axis).tolist() for axis in (0, 1)] if np.shape(matrix) == (K, K) else []
    if sums == [want.sum(axis=axis).tolist() for axis in (0, 1)] and not np.array_equal(matrix, want):
        raise Lost("confusion_matrix has right sums of rows and columns but wrong entries: predictions and labels "
                   "are not in the same order")
    compare("confusion_matrix", matrix, want, {
        "is transposed: rows are the predicted class, columns the true one": want.T,
        "holds fractions, not counts": want / want.sum()})
