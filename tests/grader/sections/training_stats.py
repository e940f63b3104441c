"""2.8 get_training_stats: what it trains on, in which order, and the statistics that it returns.

It is judged with the reference's network, and where that does not serve it, with the handin's own; with one-hot labels,
or else with class indices. Every call to the network is watched, and the statistics are worked out from the outputs that
the network really gave. The sets are divided evenly by the batch size, but for the check of a short last batch.
"""

import contextlib
import typing
from unittest import mock

import numpy as np

from tests.grader.judge import Given, Lost, View, checks, difference_of, quiet, told
from tests.grader.network import biases, weights
from tests.grader.reference import Reference

check, CHECKS = checks("2.8")
EPOCHS, BATCH, D, K = 3, 10, 784, 10
EVEN, UNEVEN = {"train": 40, "val": 20, "test": 30}, {"train": 43, "val": 17, "test": 21}
CALLED = {"train": "training", "val": "validation", "test": "test"}
CURVES = "training_losses", "training_errors", "validation_losses", "validation_errors"


class Call(typing.NamedTuple):
    """what: "forward", "backward" or "step". rows: of the partition called name, those of the last forward; None if it
    is none of these. value: the output, or the labels. mode: train_mode.
    """

    what: str
    name: str
    rows: list
    value: np.ndarray
    mode: bool


class Run:
    """One call of get_training_stats, and all that it did to the network."""

    def __init__(self, view, network, one_hot, sizes=EVEN, epochs=EPOCHS, batch_size=BATCH):
        rng = np.random.RandomState(0)
        self.nepochs, self.batch_size = epochs, batch_size
        self.x = {name: rng.normal(0, 1, (n, D)) for name, n in sizes.items()}
        self.labels = {name: rng.permutation(np.arange(n) % K) for name, n in sizes.items()}
        self.calls, self.seeds, self.changed, self._busy, given = [], 0, "", False, Given()
        dset = tuple((given(f"{name}x", x.copy()), given(f"{name}y", (np.eye(K)[self.labels[name]] if one_hot else
                      self.labels[name].copy()))) for name, x in self.x.items())
        np.random.seed(11785)
        with quiet(), view.put_right():
            get_training_stats = view.get_training_stats
            try:
                mlp = network(view)
                with self._watching(type(mlp)), mock.patch("numpy.random.seed", self._seeded):
                    result = get_training_stats(mlp, dset, epochs, batch_size)
            except Lost:
                raise
            except Exception as error:
                line = told(error)
                raise Lost("get_training_stats fails: " * (not line.startswith("get_training_stats ")) + line) from error
        try:
            given.check_unchanged()
        except Lost as lost:
            self.changed = str(lost)
        if not isinstance(result, (tuple, list)):
            what = "None" if result is None else f"a {type(result).__name__}"
            raise Lost(f"get_training_stats returns {what}: the handout asks for the four curves and the confusion matrix")
        self.result = list(result)
        # backward runs the criterion, so it can serve to evaluate too: on another set or in eval mode, without a step
        what = [call.what for call in self.calls] + [None, None]
        self.steps = [k for k, call in enumerate(self.calls) if what[k:k + 2] == ["forward", "backward"]
                      and (what[k + 2] == "step" or (call.name == "train" and call.mode))]

    def _seeded(self, *args):
        self.seeds += 1

    def _watching(self, MLP):
        """A context in which MLP notes what is called from outside; what a call calls in turn is its own affair.

        The class is patched, not subclassed: a handin may copy or pickle the network, or ask for its class.
        """
        def noting(what, method):
            def call(mlp, *args, **kwargs):
                if self._busy:
                    return method(mlp, *args, **kwargs)
                argument, mode = (list(args) + list(kwargs.values()) + [None])[0], getattr(mlp, "train_mode", None)
                self._busy = True
                try:
                    output = method(mlp, *args, **kwargs)
                finally:
                    self._busy = False
                if what == "forward":
                    self.calls.append(Call(what, *self._rows(argument), np.array(output, dtype=float), mode))
                else:
                    last = next((call for call in reversed(self.calls) if call.what == "forward"), None)
                    self.calls.append(Call(what, *(last[1:3] if last else (None, ())), np.array(argument), mode))
                return output
            return call

        names = {name: "forward" for name in dir(MLP) if name == "__call__" or "forward" in name}
        names.update((name, name) for name in ("backward", "step") if hasattr(MLP, name))
        return mock.patch.multiple(MLP, **{name: noting(what, getattr(MLP, name)) for name, what in names.items()})

    def _rows(self, x):
        """The partition that the rows of x are of, and their numbers there; (None, ()) if they are of none."""
        x = np.asarray(x, dtype=float)
        for name, known in self.x.items():
            if x.ndim == 2 and x.shape[1] == D and len(x):
                rows = np.abs(x[:, np.newaxis, :8] - known[:, :8]).max(axis=2).argmin(axis=1)
                if np.abs(x - known[rows]).max() < 1e-5:
                    return name, rows
        return None, ()

    def epochs(self):
        """For each epoch, the positions of its forwards of training examples."""
        steps = [k for k in self.steps if self.calls[k].name == "train"]
        if not steps:
            raise Lost("get_training_stats trains on rows that are not in the training set" if self.steps else
                       "get_training_stats never calls forward with training examples and then backward")
        size, more = divmod(len(steps), self.nepochs)
        if more:
            raise Lost(f"get_training_stats trains on {len(steps)} batches in {self.nepochs} epochs: not the same "
                       "number in each")
        return [steps[k:k + size] for k in range(0, len(steps), size)]

    def evaluated(self, name, epoch):
        """The positions of the forwards of a partition after an epoch and before the next training batch."""
        end = min((k for k in self.steps if k > epoch[-1] and self.calls[k].name == "train"), default=None)
        return [k for k, call in list(enumerate(self.calls))[epoch[-1] + 1:end]
                if (call.what, call.name) == ("forward", name)]

    def whole(self, name, positions, which):
        """These positions; Lost unless their forwards are of each example of a partition, in eval mode."""
        require_unchanged(self, name)
        n, rows = len(self.x[name]), {row for k in positions for row in self.calls[k].rows}
        if rows != set(range(n)):
            raise Lost(f"the {CALLED[name]} set is not evaluated whole after {which} epoch: {len(rows)} of its {n} "
                       "examples are")
        if any(self.calls[k].mode for k in positions):
            raise Lost(f"the {CALLED[name]} set is evaluated in training mode: call mlp.eval() first")
        return positions

    def classes(self, k):
        """The classes that the forward at position k is held against: those that backward got, else the true."""
        call, *following = self.calls[k:k + 2]
        if following and following[0].what == "backward":
            labels = following[0].value
            if labels.shape == (len(call.rows), K):
                return labels.argmax(axis=1)
            if labels.shape == (len(call.rows),) and np.all((labels >= 0) & (labels < K)):
                return labels.astype(int)
        return self.labels[call.name][call.rows]

    def losses_and_errors(self, positions):
        """For each forward at these positions: the losses and the mistakes, per example."""
        found = []
        for k in positions:
            output, truth = self.calls[k].value, self.classes(k)
            if output.shape != (len(truth), K):
                raise Lost(f"forward returns shape {output.shape} for {len(truth)} examples of {K} classes")
            log_sm = output - np.logaddexp.reduce(output, axis=1)[:, np.newaxis]
            found.append((-log_sm[np.arange(len(truth)), truth], output.argmax(axis=1) != truth))
        return found


# ---- Which run is judged ---------------------------------------------------------------------------------------------

def reference_network(view):
    return built(View(Reference()), [8], 1)


def own_network(view):
    """The first of three networks, with BatchNorm, without, and linear, that the handin can train a step."""
    for setting in [([8], 1), ([8], 0), ([], 0)]:
        with contextlib.suppress(Exception):
            mlp = built(view, *setting)
            mlp.forward(np.zeros((2, D)))
            mlp.backward(np.eye(K)[:2])
            mlp.step()
            mlp.eval()
            if mlp.forward(np.zeros((3, D))).shape == (3, K):
                return built(view, *setting)
    raise Lost("no network of hw1.py can be trained")


def built(nn, hiddens, num_bn_layers):
    return nn.MLP(D, K, list(hiddens), [nn.Sigmoid() for _ in hiddens] + [nn.Identity()], weights, biases,
                  nn.SoftmaxCrossEntropy(), 0.05, 0.5, num_bn_layers)


def lost_of(ask, run):
    """Return why a question about a run takes points, a Lost, or None; the run itself may be a Lost."""
    try:
        return run if isinstance(run, Lost) else ask(run)
    except Lost as lost:
        return lost


def best_run(handin):
    """Return (run, setting): that in which the handin loses least; a Lost in place of a run that failed."""
    if not hasattr(handin, "training"):
        prices = []
        for network, repaired in ((reference_network, False), (reference_network, True), (own_network, True)):
            repairs = {repair for check in (handin.lost_before() if repaired else ()) for repair in check.repairs}
            for one_hot in (True, False):
                setting = View(handin.nn, repairs & {"parts", "batchnorm", "weights"}), network, one_hot
                try:
                    run = Run(*setting)
                except Lost as lost:
                    run = lost
                price = sum(points for ask, points in ABOUT_A_RUN if lost_of(ask, run))
                if not prices or price < min(prices):
                    handin.training = run, setting
                prices.append(price)
                if price == 0:
                    return handin.training
    return handin.training


# ---- The questions ---------------------------------------------------------------------------------------------------

def result(run):
    """Four curves, float64, of an entry an epoch."""
    require_values(run, 4)
    for name, curve in zip(CURVES, run.result):
        if not isinstance(curve, np.ndarray):
            raise Lost(f"{name} is a {type(curve).__name__}, the grader compares with a NumPy array")
        if curve.dtype.kind in "iu":
            raise Lost(f"{name} is an integer array, which cuts off the fractions: make it float64")
        if curve.shape != (run.nepochs,) or curve.dtype != np.float64:
            raise Lost(f"{name} has shape {curve.shape} and dtype {curve.dtype}, the grader compares with "
                       f"{(run.nepochs,)} and float64: an entry for each of {run.nepochs} epochs")


def require_values(run, number):
    if not number <= len(run.result) <= 5:
        raise Lost(f"get_training_stats returns {len(run.result)} values; the handout asks for five, the four curves and "
                   "the confusion matrix")


def require_unchanged(run, name):
    if run.changed.startswith(name):
        raise Lost(run.changed)


def batch_sizes(run, epoch):
    sizes = [len(run.calls[k].rows) for k in epoch]
    if max(sizes) > run.batch_size:
        raise Lost("a batch is larger than batch_size")
    if sum(sizes) % run.batch_size == 0 and min(sizes) < run.batch_size:
        raise Lost("a batch is smaller than batch_size, which divides the training set")


def batches(run):
    """Each epoch trains once on every example, with its own label, in a new order."""
    require_unchanged(run, "train")
    for k in run.steps:
        if run.calls[k].name != "train":
            raise Lost("get_training_stats trains on " + (
                f"the {CALLED[run.calls[k].name]} set: only evaluate on it" if run.calls[k].name else
                "rows that are not in the training set"))
    if run.seeds >= run.nepochs:
        raise Lost("get_training_stats calls np.random.seed in each epoch: seed once, or not at all")
    orders, n = [], len(run.x["train"])
    for epoch in run.epochs():
        rows = [row for k in epoch for row in run.calls[k].rows]
        batch_sizes(run, epoch)
        if len(rows) == n // BATCH * BATCH != n:
            raise Lost(f"the last, shorter batch is dropped: {len(rows)} of {n} examples are trained on")
        if sorted(rows) != list(range(n)):
            raise Lost(f"an epoch does not train on each example once: it takes {len(rows)} rows, {len(set(rows))} "
                       f"different ones, of {n}")
        if any((run.classes(k) != run.labels["train"][run.calls[k].rows]).any() for k in epoch):
            raise Lost("backward gets labels of other examples than forward: shuffle data and labels together")
        orders.append(rows)
    if orders[0] == orders[1] == orders[2] == sorted(orders[0]):
        raise Lost("the examples are not shuffled: every epoch takes them in the same order")
    if orders[1] in (orders[0], orders[2]):
        raise Lost("two epochs take the examples in the same order: shuffle anew for each")
    if any([call.what for call in run.calls[k + 2:k + 3]] != ["step"] for k in run.steps):
        raise Lost("a batch is not followed by one step: forward, backward, step for each")


def training_statistics(run):
    """Averages per example, over the batches as they were trained on."""
    epochs = run.epochs()
    if any(run.calls[k].mode is False for k in epochs[0]):
        raise Lost("the network trains in eval mode: call mlp.train() first")
    if any(run.calls[k].mode is False for epoch in epochs for k in epoch):
        raise Lost("after the first validation the network goes on training in eval mode: call mlp.train() each epoch")
    again = [run.evaluated("train", epoch) for epoch in epochs]
    if all(again) and run.result:
        means = [np.concatenate([losses for losses, _ in run.losses_and_errors(positions)]).mean() for positions in again]
        if difference_of("", run.result[0], np.array(means), []) is None:
            raise Lost("training_losses are those of a second pass after each epoch: average the batches as they were "
                       "trained on")
    check_curves(run, CURVES[:2], epochs)


def validation_statistics(run):
    """Averages per example over the validation set, in eval mode, after each epoch."""
    found = [run.evaluated("val", epoch) for epoch in run.epochs()]
    check_curves(run, CURVES[2:], [run.whole("val", positions, "each") for positions in found])


def confusion_matrix(run):
    """Counts over the test set: rows the predicted class, columns the true one."""
    require_values(run, 5)
    matrix, want = run.result[4], np.zeros((K, K))
    if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "biuf":
        raise Lost(f"confusion_matrix is a {type(matrix).__name__}, the grader compares with a NumPy array of numbers")
    if matrix.shape != (K, K):
        raise Lost(f"confusion_matrix has shape {matrix.shape}, for {K} classes it is {(K, K)}")
    positions = run.whole("test", run.evaluated("test", run.epochs()[-1]), "the last")
    predicted = {row: output.argmax() for k in positions for row, output in zip(run.calls[k].rows, run.calls[k].value)}
    for row, label in predicted.items():
        want[label, run.labels["test"][row]] += 1
    matrix = matrix.astype(float)
    same_sums = all(np.array_equal(matrix.sum(axis), want.sum(axis)) for axis in (0, 1))
    compare("confusion_matrix", matrix, want, {
        "is transposed: rows are the predicted class, columns the true one": want.T,
        "holds fractions, not counts": want / want.sum(),
        "has right sums of rows and columns but wrong entries: predictions and labels are not in the same order":
            matrix if same_sums else want})


def compare(name, got, want, mistakes):
    """Lost if the statistic is not as wanted; mistakes: other values, each with the reason to give if it is that."""
    problem = difference_of(name, got, np.array(want, dtype=float), [])
    if problem:
        alike = (reason for reason, value in mistakes.items() if not difference_of(name, got, np.array(value, float), []))
        raise Lost(next((f"{name} {reason}" for reason in alike), problem))


MISTAKES = {  # what curves may be instead, as functions of an epoch's values, a list with an array for each batch
    "are averages of the batches' averages: the short last batch counts too much; average per example":
        lambda epoch: np.mean([values.mean() for values in epoch]),
    "are sums over the examples, not averages": lambda epoch: np.concatenate(epoch).sum(),
    "are sums of the batches' averages": lambda epoch: np.sum([values.mean() for values in epoch]),
    "are averages over the number of batches, not of examples": lambda epoch: np.concatenate(epoch).sum() / len(epoch),
    "are of the last batch alone": lambda epoch: epoch[-1].mean(),
    "are accuracies: an error is the part that is wrong": lambda epoch: 1 - np.concatenate(epoch).mean(),
    "are percentages: an error is from 0 to 1": lambda epoch: 100 * np.concatenate(epoch).mean(),
}


def check_curves(run, names, positions):
    """Hold two curves against the forwards at these positions, a list for each epoch."""
    found, curves = [run.losses_and_errors(epoch) for epoch in positions], dict(zip(CURVES, run.result))
    for k, name in enumerate(names):
        if name not in curves:
            raise Lost(f"get_training_stats does not return {' and '.join(names)}")
        epochs, got = [[pair[k] for pair in epoch] for epoch in found], curves[name]
        with quiet(), contextlib.suppress(TypeError, ValueError):
            got = np.array(got, dtype=float)  # what its type costs is asked elsewhere
        compare(name, got, [np.concatenate(epoch).mean() for epoch in epochs],
                {reason: [mistake(epoch) for epoch in epochs] for reason, mistake in MISTAKES.items()})


# ---- The checks ------------------------------------------------------------------------------------------------------

ABOUT_A_RUN = [(result, 1), (batches, 2), (training_statistics, 2), (validation_statistics, 2), (confusion_matrix, 2)]


def asked(question):
    def ask(handin):
        lost = lost_of(question, best_run(handin)[0])
        if lost:
            raise lost

    return ask


for question, points in ABOUT_A_RUN:
    check(points, name=question.__name__)(asked(question))


@check(1)
def short_last_batch(handin):
    """A last batch that is shorter counts by its examples; so do one epoch and two."""
    run, setting = best_run(handin)
    before = {question: lost_of(question, run) for question, _ in ABOUT_A_RUN}
    for sizes, epochs, batch_size in ((UNEVEN, 3, BATCH), (EVEN, 1, BATCH), (EVEN, 2, BATCH // 2)):
        other = Run(*setting, sizes=sizes, epochs=epochs, batch_size=batch_size)
        if before[batches] is None:
            for epoch in other.epochs():
                batch_sizes(other, epoch)
        for question, lost in before.items():
            if lost is None and not (question is batches and epochs < 3):
                question(other)
    if not any(before.values()) and run.result[4].dtype.kind not in "iu":
        handin.advise(f"confusion_matrix has dtype {run.result[4].dtype}; counts are integers, and a strict grader "
                      "compares dtypes")
