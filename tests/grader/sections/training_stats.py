"""2.8 get_training_stats: what it trains on, in which order, and the statistics it returns.

It is judged with the reference's network or else the handin's own, with one-hot labels or else
class indices. Every call to the network is watched, and the statistics are worked out from the
outputs that it really gave. But for short_last_batch, the batch size divides the sets.
"""

import collections
import contextlib
import functools
from unittest import mock

import numpy as np

from tests.grader.faults import Reference
from tests.grader.judge import Given, Lost, View, checks, difference_of, quiet, require, told
from tests.grader.network import biases, weights

check, CHECKS = checks("2.8")
EPOCHS, BATCH, D, K = 3, 10, 784, 10
EVEN, UNEVEN = {"train": 40, "val": 20, "test": 30}, {"train": 43, "val": 17, "test": 21}
CALLED = {"train": "training", "val": "validation", "test": "test"}
CURVES = "training_losses", "training_errors", "validation_losses", "validation_errors"


class Pass(collections.namedtuple("Pass", "name rows output mode then")):
    """A forward of rows of the partition called name, None if they are of none; mode: train_mode.

    then: the calls before the next forward, pairs of "backward" or "step" and the argument.
    """

    @property
    def trains(self):
        """backward runs the criterion: it serves to evaluate, too, in eval mode or another set."""
        what = [what for what, _ in self.then[:2]]
        return what == ["backward", "step"] or (
            what[:1] == ["backward"] and self.name == "train" and self.mode)


class Run:
    """One call of get_training_stats, and all that it did to the network."""

    def __init__(self, view, own, one_hot, sizes=EVEN, epochs=EPOCHS, batch_size=BATCH):
        rng, given = np.random.RandomState(0), Given()
        self.nepochs, self.batch_size = epochs, batch_size
        self.x = {name: rng.normal(0, 1, (n, D)) for name, n in sizes.items()}
        self.labels = {name: rng.permutation(np.arange(n) % K) for name, n in sizes.items()}
        self.passes, self._busy = [], False
        dset = tuple((given(f"{name}x", x.copy()), given(f"{name}y", (
            np.eye(K)[self.labels[name]] if one_hot else self.labels[name].copy())))
            for name, x in self.x.items())
        np.random.seed(11785)
        with quiet(), view.put_right():
            get_training_stats = view.get_training_stats
            try:
                mlp = network(view if own else View(Reference()))
                with self._watching(type(mlp)), mock.patch("numpy.random.seed") as seed:
                    result = get_training_stats(mlp, dset, epochs, batch_size)
            except Lost:
                raise
            except Exception as error:
                line, what = told(error), "get_training_stats "
                raise Lost(line if line.startswith(what) else f"{what}fails: {line}") from error
        self.seeds, self.changed = seed.call_count, given.changed()
        what = "None" if result is None else f"a {type(result).__name__}"
        require(isinstance(result, (tuple, list)), f"get_training_stats returns {what}: the "
                "handout asks for the four curves and the confusion matrix")
        self.result = list(result)

    def _watching(self, MLP):
        """A context in which calls of MLP's from outside are noted; not what they call in turn.

        The class is patched, not subclassed: a handin may copy, pickle or inspect the network.
        """
        def noting(what, method):
            def call(mlp, *args, **kwargs):
                if self._busy:
                    return method(mlp, *args, **kwargs)
                argument, *_ = *args, *kwargs.values(), None
                mode = getattr(mlp, "train_mode", None)
                self._busy = True
                try:
                    output = method(mlp, *args, **kwargs)
                finally:
                    self._busy = False
                if what == "forward":
                    self.passes.append(Pass(
                        *self._rows(argument), np.array(output, dtype=float), mode, []))
                elif self.passes:
                    self.passes[-1].then.append((what, np.array(argument)))
                return output
            return call

        names = {name: "forward" if name == "__call__" or "forward" in name else name
                 for name in dir(MLP)}
        return mock.patch.multiple(MLP, **{
            name: noting(what, getattr(MLP, name)) for name, what in names.items()
            if what in ("forward", "backward", "step")})

    def _rows(self, x):
        """The partition of the rows of x, and their numbers there; (None, ()) if there is none."""
        x = np.asarray(x, dtype=float)
        if x.ndim == 2 and x.shape[1] == D and len(x):
            for name, known in self.x.items():
                rows = np.abs(x[:, np.newaxis, :8] - known[:, :8]).max(axis=2).argmin(axis=1)
                if np.abs(x - known[rows]).max() < 1e-5:
                    return name, rows
        return None, ()

    def epochs(self):
        """For each epoch: the passes that train, and those after them, before the next epoch."""
        steps = [k for k, at in enumerate(self.passes) if at.trains and at.name == "train"]
        require(steps, "get_training_stats " + (
            "trains on rows that are not in the training set" if any(
                at.trains for at in self.passes) else
            "never calls forward with training examples and then backward"))
        size, more = divmod(len(steps), self.nepochs)
        require(not more, f"get_training_stats trains on {len(steps)} batches in {self.nepochs} "
                          "epochs: not the same number in each")
        return [([self.passes[k] for k in steps[first:first + size]],
                 self.passes[steps[first + size - 1] + 1:end])
                for first, end in zip(range(0, len(steps), size), [*steps[size::size], None])]

    def evaluated(self, name, passes, which):
        """Those of the passes that are of a partition: all of it, in eval mode, or else Lost."""
        require(not self.changed.startswith(name), self.changed)
        passes, n = [at for at in passes if at.name == name], len(self.x[name])
        rows = {row for at in passes for row in at.rows}
        require(len(rows) == n, f"the {CALLED[name]} set is not evaluated whole after {which} "
                                f"epoch: {len(rows)} of its {n} examples are")
        require(not any(at.mode for at in passes), f"the {CALLED[name]} set is evaluated in "
                                                   "training mode: call mlp.eval() first")
        return passes

    def classes(self, at):
        """What a pass is held against: the classes that backward got, or else the true ones."""
        what, labels = (at.then or [("", None)])[0]
        if what == "backward":
            if labels.shape == (len(at.rows), K):
                return labels.argmax(axis=1)
            if labels.shape == (len(at.rows),) and np.all((labels >= 0) & (labels < K)):
                return labels.astype(int)
        return self.labels[at.name][at.rows]

    def losses_and_errors(self, passes):
        """Two lists, with an array for each pass: the losses and the mistakes, per example."""
        losses, errors = [], []
        for at in passes:
            truth = self.classes(at)
            require(at.output.shape == (len(truth), K), f"forward returns shape {at.output.shape} "
                    f"for {len(truth)} examples of {K} classes")
            log_sm = at.output - np.logaddexp.reduce(at.output, axis=1)[:, np.newaxis]
            losses.append(-log_sm[np.arange(len(truth)), truth])
            errors.append(at.output.argmax(axis=1) != truth)
        return losses, errors


def network(nn):
    """The first of three networks, with BatchNorm, without, and linear, that can take a step."""
    def built():
        activations = [nn.Sigmoid() for _ in hiddens] + [nn.Identity()]
        return nn.MLP(D, K, list(hiddens), activations, weights, biases, nn.SoftmaxCrossEntropy(),
                      0.05, 0.5, num_bn_layers)

    for hiddens, num_bn_layers in [([8], 1), ([8], 0), ([], 0)]:
        with contextlib.suppress(Exception):
            mlp = built()
            mlp.forward(np.zeros((2, D)))
            mlp.backward(np.eye(K)[:2])
            mlp.step()
            mlp.eval()
            if mlp.forward(np.zeros((3, D))).shape == (3, K):
                return built()
    raise Lost("no network of hw1.py can be trained")


@functools.lru_cache(maxsize=1)
def best_run(handin):
    """Return ({question: Lost or None}, run, setting) of the run of the handin that loses least."""
    best, least = None, np.inf
    for repaired, own in ((False, False), (True, False), (True, True)):
        repairs = {repair for check in (handin.lost_before() if repaired else ())
                   for repair in check.repairs} & {"parts", "batchnorm", "weights"}
        for one_hot in (True, False):
            setting, losses = (View(handin.nn, repairs), own, one_hot), dict.fromkeys(ABOUT_A_RUN)
            try:
                run = Run(*setting)
            except Lost as lost:
                run, losses = None, dict.fromkeys(ABOUT_A_RUN, lost)
            for question in ABOUT_A_RUN if run else ():
                try:
                    question(run)
                except Lost as lost:
                    losses[question] = lost
            price = sum(ABOUT_A_RUN[question] for question, lost in losses.items() if lost)
            if price < least:
                best, least = (losses, run, setting), price
            if price == 0:
                return best
    return best


def require_values(run, least):
    n = len(run.result)
    require(least <= n <= 5, f"get_training_stats returns {n} values; the handout asks for five, "
                             "the four curves and the confusion matrix")


def result(run):
    """Four curves, float64, of an entry an epoch."""
    require_values(run, 4)
    for name, curve in zip(CURVES, run.result):
        require(isinstance(curve, np.ndarray),
                f"{name} is a {type(curve).__name__}, the grader compares with a NumPy array")
        require(curve.dtype.kind not in "iu",
                f"{name} is an integer array, which cuts off the fractions: make it float64")
        require(curve.shape == (run.nepochs,) and curve.dtype == np.float64,
                f"{name} has shape {curve.shape} and dtype {curve.dtype}, the grader compares with "
                f"{(run.nepochs,)} and float64: an entry for each of {run.nepochs} epochs")


def batch_sizes(run, epoch):
    sizes = [len(at.rows) for at in epoch]
    require(max(sizes) <= run.batch_size, "a batch is larger than batch_size")
    require(sum(sizes) % run.batch_size or min(sizes) >= run.batch_size,
            "a batch is smaller than batch_size, which divides the training set")


def batches(run):
    """Each epoch trains once on every example, with its own label, in a new order."""
    require(not run.changed.startswith("train"), run.changed)
    trained = [at for at in run.passes if at.trains]
    for name in [at.name for at in trained if at.name != "train"]:
        raise Lost("get_training_stats trains on " + (
            f"the {CALLED[name]} set: only evaluate on it" if name else
            "rows that are not in the training set"))
    require(run.seeds < run.nepochs,
            "get_training_stats calls np.random.seed in each epoch: seed once, or not at all")
    orders, n = [], len(run.x["train"])
    for epoch, _ in run.epochs():
        rows = [row for at in epoch for row in at.rows]
        batch_sizes(run, epoch)
        require(not len(rows) == n // BATCH * BATCH != n,
                f"the last, shorter batch is dropped: {len(rows)} of {n} examples are trained on")
        require(sorted(rows) == list(range(n)),
                f"an epoch does not train on each example once: it takes {len(rows)} rows, "
                f"{len(set(rows))} different ones, of {n}")
        require(all((run.classes(at) == run.labels["train"][at.rows]).all() for at in epoch),
                "backward gets labels of other examples than forward: shuffle data and labels "
                "together")
        orders.append(rows)
    require(not orders[0] == orders[1] == orders[2] == sorted(orders[0]),
            "the examples are not shuffled: every epoch takes them in the same order")
    require(orders[1] not in (orders[0], orders[2]),
            "two epochs take the examples in the same order: shuffle anew for each")
    require(all([what for what, _ in at.then[1:2]] == ["step"] for at in trained),
            "a batch is not followed by one step: forward, backward, step for each")


def training_statistics(run):
    """Averages per example, over the batches as they were trained on."""
    epochs = run.epochs()
    require(not any(at.mode is False for at in epochs[0][0]),
            "the network trains in eval mode: call mlp.train() first")
    require(not any(at.mode is False for epoch, _ in epochs for at in epoch),
            "after the first validation the network goes on training in eval mode: call "
            "mlp.train() each epoch")
    again = [[at for at in after if at.name == "train"] for _, after in epochs]
    if all(again) and run.result:
        means = [np.concatenate(run.losses_and_errors(passes)[0]).mean() for passes in again]
        require(difference_of("", run.result[0], np.array(means), []),
                "training_losses are those of a second pass after each epoch: average the batches "
                "as they were trained on")
    check_curves(run, CURVES[:2], [epoch for epoch, _ in epochs])


def validation_statistics(run):
    """Averages per example over the validation set, in eval mode, after each epoch."""
    epochs = run.epochs()
    check_curves(run, CURVES[2:], [run.evaluated("val", after, "each") for _, after in epochs])


def confusion_matrix(run):
    """Counts over the test set: rows the predicted class, columns the true one."""
    require_values(run, 5)
    matrix, want, label = run.result[4], np.zeros((K, K)), run.labels["test"]
    require(isinstance(matrix, np.ndarray) and matrix.dtype.kind in "biuf", "confusion_matrix is a "
            f"{type(matrix).__name__}, the grader compares with a NumPy array of numbers")
    require(matrix.shape == (K, K),
            f"confusion_matrix has shape {matrix.shape}, for {K} classes it is {(K, K)}")
    tested = run.evaluated("test", run.epochs()[-1][1], "the last")
    predicted = {row: z.argmax() for at in tested for row, z in zip(at.rows, at.output)}
    for row in predicted:
        want[predicted[row], label[row]] += 1
    matrix = matrix.astype(float)
    same_sums = all(np.array_equal(matrix.sum(axis), want.sum(axis)) for axis in (0, 1))
    compare("confusion_matrix", matrix, want, {
        "is transposed: rows are the predicted class, columns the true one": want.T,
        "holds fractions, not counts": want / want.sum(),
        "has right sums of rows and columns but wrong entries: predictions and labels are not in "
        "the same order": matrix if same_sums else want})


def compare(name, got, want, mistakes):
    """Lost if the statistic is not as wanted; mistakes: {reason: the value that it is then}."""
    problem, *alike = (difference_of(name, got, np.array(value, dtype=float), [])
                       for value in (want, *mistakes.values()))
    if problem:
        raise Lost(next((f"{name} {reason}" for reason, differs in zip(mistakes, alike)
                         if not differs), problem))


def mistaken(epoch):
    """What the average of an epoch's values, an array for each batch, may be instead."""
    every, means = np.concatenate(epoch), [values.mean() for values in epoch]
    return {
        "are averages of the batches' averages: the short last batch counts too much; average per "
        "example": np.mean(means),
        "are sums over the examples, not averages": every.sum(),
        "are sums of the batches' averages": np.sum(means),
        "are averages over the number of batches, not of examples": every.sum() / len(epoch),
        "are of the last batch alone": means[-1],
        "are accuracies: an error is the part that is wrong": 1 - every.mean(),
        "are percentages: an error is from 0 to 1": 100 * every.mean()}


def check_curves(run, names, epochs):
    """Hold two curves against the passes of each epoch."""
    found, curves = zip(*map(run.losses_and_errors, epochs)), dict(zip(CURVES, run.result))
    for name, epochs in zip(names, found):
        require(name in curves, f"get_training_stats does not return {' and '.join(names)}")
        got, mistakes = curves[name], [mistaken(epoch) for epoch in epochs]
        with quiet(), contextlib.suppress(TypeError, ValueError):
            got = np.array(got, dtype=float)  # what its type costs is asked elsewhere
        compare(name, got, [np.concatenate(epoch).mean() for epoch in epochs],
                {reason: [values[reason] for values in mistakes] for reason in mistakes[0]})


ABOUT_A_RUN = {result: 1, batches: 2, training_statistics: 2, validation_statistics: 2,
               confusion_matrix: 2}  # their points


for question, points in ABOUT_A_RUN.items():
    @check(points, name=question.__name__)
    def about_a_run(handin, question=question):
        lost = best_run(handin)[0][question]
        if lost:
            raise lost


@check(1)
def short_last_batch(handin):
    """A last batch that is shorter counts by its examples; so do one epoch and two."""
    losses, run, setting = best_run(handin)
    for sizes, epochs, batch_size in ((UNEVEN, 3, BATCH), (EVEN, 1, BATCH), (EVEN, 2, BATCH // 2)):
        other = Run(*setting, sizes=sizes, epochs=epochs, batch_size=batch_size)
        if losses[batches] is None:
            for epoch, _ in other.epochs():
                batch_sizes(other, epoch)
        for question, lost in losses.items():
            if lost is None and not (question is batches and epochs < 3):
                question(other)
    if not any(losses.values()) and run.result[4].dtype.kind not in "iu":
        handin.advice.append(f"confusion_matrix has dtype {run.result[4].dtype}; counts are "
                             "integers, and a strict grader compares dtypes")
