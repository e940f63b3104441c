"""2.8 get_training_stats: what it trains on, in which order, and the statistics it returns.

It is judged with the reference's network or else the handin's own, with one-hot labels or else
class indices. Every call to the network is watched, and the statistics are worked out from the
outputs that it really gave. But for short_last_batch, the batch size divides the sets.
"""

import contextlib
import functools
import itertools

import numpy as np

from tests.grader.faults import Reference
from tests.grader.judge import (
    Given, Lost, View, checks, difference_of, patched, quiet, require, told)
from tests.grader.network import biases, weights

check, CHECKS = checks("2.8")
EPOCHS, BATCH, D, K = 3, 10, 784, 10
EVEN, UNEVEN = {"train": 40, "val": 20, "test": 30}, {"train": 43, "val": 17, "test": 21}
CALLED = {"train": "training", "val": "validation", "test": "test"}
CURVES = "training_losses", "training_errors", "validation_losses", "validation_errors"
SETTINGS = [  # put right what was lost before? the handin's own network? hiddens, num_bn_layers
    (False, False, [8], 1), (True, False, [8], 1), (True, True, [8], 1), (True, True, [8], 0),
    (True, True, [], 0)]


class Pass:
    """A forward of rows of the set called name, None if they are of none; mode: mlp.train_mode.

    truth: their classes. then: the calls before the next forward, ("backward" or "step", argument).
    """

    def __init__(self, run, x, output, mode):
        self.name, self.rows, self.mode, self.then = None, (), mode, []
        x = np.asarray(x, dtype=float)
        for name, known in run.x.items() if x.shape[1:] == (D,) and len(x) else ():
            rows = np.abs(x[:, :1] - known[:, 0]).argmin(axis=1)  # nearest by their first numbers
            if np.abs(x - known[rows]).max() < 1e-5:
                self.name, self.rows, self.truth = name, rows, run.labels[name][rows]
                self.output = np.array(output, dtype=float).reshape(len(rows), K)

    @property
    def trains(self):
        """backward runs the criterion: it serves to evaluate, too, in eval mode or another set."""
        what = [what for what, _ in self.then[:2]]
        return what == ["backward", "step"] or (
            what[:1] == ["backward"] and self.name == "train" and self.mode)

    @property
    def classes(self):
        """What the output is held against: the classes that backward got, or else the true ones."""
        got = self.then[0][1] if self.then else self.truth
        if got.shape == self.output.shape:
            got = got.argmax(axis=1)
        valid = got.shape == self.truth.shape and set(got) <= set(range(K))
        return got.astype(int) if valid else self.truth

    @property
    def losses_and_errors(self):
        z, classes = self.output, self.classes
        losses = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(z)), classes]
        return losses, z.argmax(axis=1) != classes


class Run:
    """One call of get_training_stats, and all that it did to the network."""

    def __init__(self, view, nn, hiddens, num_bn_layers, one_hot,
                 sizes=EVEN, epochs=EPOCHS, batch_size=BATCH):
        rng, given = np.random.RandomState(0), Given()
        self.nepochs, self.batch_size, self.passes, self.seeds = epochs, batch_size, [], 0
        self.x = {name: rng.normal(0, 1, (n, D)) for name, n in sizes.items()}
        self.labels = {name: rng.permutation(np.arange(n) % K) for name, n in sizes.items()}
        dset = tuple((given(f"{name}x", self.x[name].copy()),
                      given(f"{name}y", np.eye(K)[labels] if one_hot else labels.copy()))
                     for name, labels in self.labels.items())
        np.random.seed(11785)
        with quiet(), view.put_right():
            get_training_stats = view.get_training_stats
            try:
                activations = [nn.Sigmoid() for _ in hiddens] + [nn.Identity()]
                mlp = nn.MLP(D, K, list(hiddens), activations, weights, biases,
                             nn.SoftmaxCrossEntropy(), 0.05, 0.5, num_bn_layers)
                with self._watching(type(mlp)), patched(np.random, {"seed": self._seed}):
                    result = get_training_stats(mlp, dset, epochs, batch_size)
            except Exception as error:
                line, what = told(error), "get_training_stats "
                raise Lost(line if line.startswith(what) else f"{what}fails: {line}") from error
        self.changed = given.changed()
        what = "None" if result is None else f"a {type(result).__name__}"
        require(isinstance(result, (tuple, list)), f"get_training_stats returns {what}: the "
                "handout asks for the four curves and the confusion matrix")
        self.result = list(result)
        self.returns = (f"get_training_stats returns {len(result)} values; the handout asks for "
                        "five, the four curves and the confusion matrix")

    def _seed(self, *args, **kwargs):
        self.seeds += 1

    def _watching(self, MLP):
        """Patch MLP so that calls are noted; no subclass: a handin may copy or pickle a network."""
        def noting(name, method):
            def call(mlp, *args, **kwargs):
                argument, *_ = *args, *kwargs.values(), None
                mode, output = getattr(mlp, "train_mode", None), method(mlp, *args, **kwargs)
                if name not in ("backward", "step"):
                    self.passes.append(Pass(self, argument, output, mode))
                elif self.passes:
                    self.passes[-1].then.append((name, np.array(argument)))
                return output
            return call

        return patched(MLP, {
            name: noting(name, getattr(MLP, name)) for name in dir(MLP)
            if "forward" in name or name in ("__call__", "backward", "step")})

    def epochs(self):
        """For each epoch: the passes that train, and those after them, before the next epoch."""
        steps = [k for k, at in enumerate(self.passes) if at.trains and at.name == "train"]
        require(steps, "get_training_stats never calls forward with training examples and then "
                       "backward")
        size, more = divmod(len(steps), self.nepochs)
        require(not more, f"get_training_stats trains on {len(steps)} batches in {self.nepochs} "
                          "epochs: not the same number in each")
        epochs = [steps[first:first + size] for first in range(0, len(steps), size)]
        return [([self.passes[k] for k in epoch], self.passes[epoch[-1] + 1:end])
                for epoch, end in zip(epochs, [*steps[size::size], None])]

    def evaluated(self, name, passes, which):
        """Those of the passes that are of a partition: all of it, in eval mode, or else Lost."""
        require(not self.changed.startswith(name), self.changed)
        passes, n = [at for at in passes if at.name == name], len(self.x[name])
        rows = {row for at in passes for row in at.rows}
        require(len(rows) == n, f"the {CALLED[name]} set is not evaluated whole after {which} "
                                f"epoch: {len(rows)} of its {n} examples are")
        require(not any(at.mode for at in passes), f"the {CALLED[name]} set is evaluated in "
                                                   "training mode: call mlp.eval() first")
        return list({tuple(at.rows): at for at in passes}.values())  # __call__ may call forward


@functools.lru_cache(maxsize=1)
def best_run(handin):
    """Return ({question: Lost}, run, setting) of the run of the handin that loses least."""
    outcomes = []
    for (repaired, own, *network), one_hot in itertools.product(SETTINGS, (True, False)):
        before = handin.lost_before() if repaired else ()
        view = View(handin.nn, {repair for check in before for repair in check.repairs})
        setting, losses = (view, view if own else Reference(), *network, one_hot), {}
        try:
            run = Run(*setting)
        except Lost as lost:
            run, losses = None, dict.fromkeys(ABOUT_A_RUN, lost)
        for question in ABOUT_A_RUN if run else ():
            try:
                question(run)
            except Lost as lost:
                losses[question] = lost
        outcomes.append((losses, run, setting))
        if not losses:
            break
    return min(outcomes, key=lambda outcome: sum(map(ABOUT_A_RUN.get, outcome[0])))


def result(run):
    """Four curves, float64, of an entry an epoch."""
    require(len(run.result) in (4, 5), run.returns)
    for name, curve in zip(CURVES, run.result):
        require(isinstance(curve, np.ndarray),
                f"{name} is a {type(curve).__name__}, the grader compares with a NumPy array")
        require(curve.dtype.kind not in "iu",
                f"{name} is an integer array, which cuts off the fractions: make it float64")
        require(curve.shape == (run.nepochs,) and curve.dtype == np.float64,
                f"{name} has shape {curve.shape} and dtype {curve.dtype}, the grader compares with "
                f"{(run.nepochs,)} and float64: an entry for each of {run.nepochs} epochs")


def batches(run):
    """Each epoch trains once on every example, with its own label, in a new order."""
    require(not run.changed.startswith("train"), run.changed)
    trained = [at for at in run.passes if at.trains]
    for at in trained:
        require(at.name, "get_training_stats trains on rows that are not in the training set")
        require(at.name == "train", f"get_training_stats trains on the {CALLED[at.name]} set: only "
                                    "evaluate on it")
    require(run.seeds < EPOCHS,
            "get_training_stats calls np.random.seed in each epoch: seed once, or not at all")
    orders, n = [], len(run.x["train"])
    for epoch, _ in run.epochs():
        sizes, rows = [len(at.rows) for at in epoch], [row for at in epoch for row in at.rows]
        require(max(sizes) <= run.batch_size, "a batch is larger than batch_size")
        require(len(rows) % run.batch_size or min(sizes) >= run.batch_size,
                "a batch is smaller than batch_size, which divides the training set")
        require(not len(rows) == n // BATCH * BATCH != n,
                f"the last, shorter batch is dropped: {len(rows)} of {n} examples are trained on")
        require(sorted(rows) == list(range(n)),
                f"an epoch does not train on each example once: it takes {len(rows)} rows, "
                f"{len(set(rows))} different ones, of {n}")
        require(all((at.classes == at.truth).all() for at in epoch),
                "backward gets labels of other examples than forward: shuffle data and labels "
                "together")
        orders.append(rows)
    require(orders != [list(range(n))] * EPOCHS,
            "the examples are not shuffled: every epoch takes them in the same order")
    require(all(order != following for order, following in zip(orders, orders[1:])),
            "two epochs take the examples in the same order: shuffle anew for each")
    require(all([what for what, _ in at.then[1:2]] == ["step"] for at in trained),
            "a batch is not followed by one step: forward, backward, step for each")


def training_statistics(run):
    """Averages per example, over the batches as they were trained on."""
    epochs = run.epochs()
    still = [any(at.mode is False for at in epoch) for epoch, _ in epochs]
    require(not still[0], "the network trains in eval mode: call mlp.train() first")
    require(not any(still), "after the first validation the network goes on training in eval mode: "
                            "call mlp.train() each epoch")
    check_curves(run, 0, epochs)


def validation_statistics(run):
    """Averages per example over the validation set, in eval mode, after each epoch."""
    epochs = [(run.evaluated("val", after, "each"), ()) for _, after in run.epochs()]
    check_curves(run, 2, epochs)


def confusion_matrix(run):
    """Counts over the test set: rows the predicted class, columns the true one."""
    require(len(run.result) == 5, run.returns)
    matrix, label = run.result[4], run.labels["test"]
    require(isinstance(matrix, np.ndarray) and matrix.dtype.kind in "biuf", "confusion_matrix is a "
            f"{type(matrix).__name__}, the grader compares with a NumPy array of numbers")
    tested = run.evaluated("test", run.epochs()[-1][1], "the last")
    predicted = {row: z.argmax() for at in tested for row, z in zip(at.rows, at.output)}
    want = np.eye(K)[list(predicted.values())].T @ np.eye(K)[label[list(predicted)]]
    same_sums = matrix.shape == want.shape and all(
        np.array_equal(matrix.sum(axis), want.sum(axis)) for axis in (0, 1))
    compare("confusion_matrix", matrix, want, {
        "is transposed: rows are the predicted class, columns the true one": want.T,
        "holds fractions, not counts": want / want.sum(),
        "has right sums of rows and columns but wrong entries: predictions and labels are not in "
        "the same order": matrix if same_sums else want})


def compare(name, got, right, mistakes):
    """Lost if a statistic is not right; mistakes: {reason: the value that it is then}."""
    with quiet(), contextlib.suppress(TypeError, ValueError):
        got = np.array(got, dtype=float)  # what its type costs is asked elsewhere
    problem = difference_of(name, got, right, [])
    for reason, value in mistakes.items() if problem else ():
        if not difference_of(name, got, np.array(value, dtype=float), []):
            raise Lost(f"{name} {reason}")
    require(not problem, problem)


def check_curves(run, first, epochs):
    """Hold a curve of losses and one of errors against each epoch's passes, and those after."""
    require(len(run.result) >= first + 2, run.returns)
    for k in (0, 1):
        batches = [[at.losses_and_errors[k] for at in passes] for passes, _ in epochs]
        again = [[at.losses_and_errors[k] for at in after if at.name == "train"]
                 for _, after in epochs]
        means = [[values.mean() for values in epoch] for epoch in batches]
        sums = np.array([np.concatenate(epoch).sum() for epoch in batches])
        average = sums / [len(np.concatenate(epoch)) for epoch in batches]
        compare(CURVES[first + k], run.result[first + k], average, {
            "are those of a second pass after each epoch: average the batches as they were trained "
            "on": [np.concatenate(epoch or [[-1]]).mean() for epoch in again],  # -1: there is none
            "are averages of the batches' averages: the short last batch counts too much; average "
            "per example": list(map(np.mean, means)),
            "are sums over the examples, not averages": sums,
            "are sums of the batches' averages": list(map(np.sum, means)),
            "are averages over the number of batches, not of examples":
                sums / list(map(len, means)),
            "are of the last batch alone": [epoch[-1] for epoch in means],
            "are accuracies: an error is the part that is wrong": 1 - average,
            "are percentages: an error is from 0 to 1": 100 * average})


ABOUT_A_RUN = {result: 1, batches: 2, training_statistics: 2, validation_statistics: 2,
               confusion_matrix: 2}  # their points

for question, points in ABOUT_A_RUN.items():
    @check(points, name=question.__name__)
    def about_a_run(handin, question=question):
        return best_run(handin)[0].get(question)


@check(1)
def short_last_batch(handin):
    """A last batch that is shorter counts by its examples; so do one epoch and two."""
    losses, run, setting = best_run(handin)
    for sizes, epochs, batch_size in ((UNEVEN, 3, BATCH), (EVEN, 1, BATCH), (EVEN, 2, BATCH // 2)):
        other = Run(*setting, sizes, epochs, batch_size)
        for question in ABOUT_A_RUN:
            if question not in losses:
                question(other)
    if not losses and run.result[4].dtype.kind not in "iu":
        handin.advice.append(f"confusion_matrix has dtype {run.result[4].dtype}; counts are "
                             "integers, and a strict grader compares dtypes")
