"""2.8 get_training_stats: what it trains on, in which order, and the statistics it returns.

Each check calls get_training_stats, with a network and labels of either form, until one call
agrees: the textbook's network or else the submission's own, one-hot labels or else class indices.
Every call to the network is watched, and the statistics are worked out from the outputs that it
really gave.
"""

import contextlib
import copy
import functools

import numpy as np

from tests.grader.describe import describe_error, describe_value
from tests.grader.judge import TEXTBOOK, WHOLE, Check, Way
from tests.grader.network import make_bias_init, make_weight_init
from tests.grader.reasons import Lost, require

D = 784
K = 10
EPOCHS = 3
BATCH = 10
EVEN = {"train": 40, "val": 20, "test": 30}
UNEVEN = {"train": 43, "val": 17, "test": 21}
TITLES = {"train": "training", "val": "validation", "test": "test"}
CURVES = "training_losses", "training_errors", "validation_losses", "validation_errors"


# ---- A call, watched -----------------------------------------------------------------------------

class Pass:
    """A forward of rows of one of the sets.

    name: of the set, None if the rows are of none. rows: their numbers. truth: their classes.
    mode: mlp.train_mode. output: (rows, K). then: the calls before the next forward, as pairs of
    "backward" or "step" and the argument.
    """

    def __init__(self, run, x, output, mode):
        self.name = None
        self.rows = ()
        self.mode = mode
        self.then = []
        x = np.asarray(x, dtype=float)
        if x.ndim != 2 or x.shape[1] != D or len(x) == 0 or np.size(output) != len(x) * K:
            return
        for name, known in run.x.items():
            rows = np.abs(x[:, :1] - known[:, 0]).argmin(axis=1)  # nearest by their first numbers
            if np.abs(x - known[rows]).max() < 1e-5:
                self.name = name
                self.rows = rows
                self.truth = run.labels[name][rows]
                self.output = np.array(output, dtype=float).reshape(len(rows), K)

    @property
    def trains(self):
        """backward runs the criterion: it serves to evaluate, too, in eval mode or another set."""
        calls = [call for call, _ in self.then[:2]]
        if calls == ["backward", "step"]:
            return True
        return calls[:1] == ["backward"] and self.name == "train" and self.mode

    @property
    def classes(self):
        """The classes that backward got, or else the true ones."""
        got = self.then[0][1] if self.then else self.truth
        if got.shape == self.output.shape:
            got = got.argmax(axis=1)
        is_valid = got.shape == self.truth.shape and set(got) <= set(range(K))
        return got.astype(int) if is_valid else self.truth

    @property
    def losses(self):
        return (np.logaddexp.reduce(self.output, axis=1)
                - self.output[np.arange(len(self.output)), self.classes])

    @property
    def errors(self):
        return self.output.argmax(axis=1) != self.classes


class Run:
    """One call of get_training_stats, and all that it did to the network.

    x, labels: {"train": ...}. result: what it returned, as a list. passes: the forwards, in order.
    modified: the name of an argument that it modified, or "".
    """

    def __init__(self, nn, one_hot, hiddens, num_bn_layers, sizes=EVEN, epochs=EPOCHS,
                 batch_size=BATCH):
        rng = np.random.RandomState(0)
        self.nepochs = epochs
        self.batch_size = batch_size
        self.passes = []
        self.x = {name: rng.normal(0, 1, (n, D)) for name, n in sizes.items()}
        self.labels = {name: rng.permutation(np.arange(n) % K) for name, n in sizes.items()}
        labels = {name: np.eye(K)[y] if one_hot else y.copy() for name, y in self.labels.items()}
        x = {name: value.copy() for name, value in self.x.items()}
        dset = tuple((x[name], labels[name]) for name in sizes)
        kept = copy.deepcopy(labels)
        get_training_stats = nn.get_training_stats
        mlp = self._make_network(nn, hiddens, num_bn_layers)
        self.untouched = copy.deepcopy(mlp)
        np.random.seed(11785)
        try:
            with self._watching(type(mlp)):
                result = get_training_stats(mlp, dset, epochs, batch_size)
        except Exception as error:
            line = describe_error(error)
            prefix = "" if line.startswith("get_training_stats") else "get_training_stats fails: "
            if "line" in line:
                raise
            raise Lost(prefix + line) from error
        self.modified = ""
        for name in sizes:
            if not np.array_equal(x[name], self.x[name]):
                self.modified = f"{name}x"
            elif not np.array_equal(labels[name], kept[name]):
                self.modified = f"{name}y"
        kind = "None" if result is None else f"a {type(result).__name__}"
        require(isinstance(result, (tuple, list)), f"get_training_stats returns {kind}: return the "
                "four curves and the confusion matrix")
        self.result = list(result)
        self.returns = (f"get_training_stats returns {len(result)} values: return five, the four "
                        "curves and the confusion matrix")

    def _make_network(self, nn, hiddens, num_bn_layers):
        """Return a network of the parts' own MLP: the textbook's, or the submission's."""
        activations = [nn.Sigmoid() for _ in hiddens] + [nn.Identity()]
        return nn.parts.MLP(D, K, list(hiddens), activations, make_weight_init(), make_bias_init(),
                            nn.SoftmaxCrossEntropy(), 0.05, 0.5, num_bn_layers)

    @contextlib.contextmanager
    def _watching(self, MLP):
        """Note the calls of the class; a subclass would not do, as a network may be pickled."""
        own = dict(vars(MLP))
        names = [name for name in dir(MLP)
                 if "forward" in name or name in ("__call__", "backward", "step")]
        for name in names:
            setattr(MLP, name, self._note(name, getattr(MLP, name)))
        try:
            yield
        finally:
            for name in names:
                delattr(MLP, name)
                if name in own:
                    setattr(MLP, name, own[name])

    def _note(self, name, method):
        """Return the method, but its calls are noted."""
        def call(mlp, *args, **kwargs):
            mode = getattr(mlp, "train_mode", None)
            output = method(mlp, *args, **kwargs)
            arguments = [*args, *kwargs.values()]
            argument = arguments[0] if arguments else None
            if name not in ("backward", "step"):
                self.passes.append(Pass(self, argument, output, mode))
            elif self.passes:
                self.passes[-1].then.append((name, np.array(argument)))
            return output
        return call

    def require_given_network(self):
        """Lost unless the first outputs are those of the network that was passed in, or a copy."""
        require(self.passes, "get_training_stats does not use the network that it is given: train "
                             "mlp itself")
        known = [at for at in self.passes if at.name]
        if not known:
            return
        first = known[0]
        self.untouched.train_mode = first.mode
        output = self.untouched.forward(self.x[first.name][first.rows])
        require(np.allclose(first.output, output, rtol=1e-6, atol=1e-8),
                "get_training_stats does not train the network that it is given: its first outputs "
                "are not those of that network's weights")

    def epochs(self):
        """For each epoch: the passes that train, and those after them, before the next epoch."""
        self.require_given_network()
        steps = [k for k, at in enumerate(self.passes) if at.trains and at.name == "train"]
        require(steps, "get_training_stats never calls forward with training examples and then "
                       "backward")
        size, more = divmod(len(steps), self.nepochs)
        require(not more, f"get_training_stats trains on {len(steps)} batches in {self.nepochs} "
                          "epochs: not the same number in each")
        epochs = [steps[first:first + size] for first in range(0, len(steps), size)]
        ends = [*steps[size::size], None]
        return [([self.passes[k] for k in epoch], self.passes[epoch[-1] + 1:end])
                for epoch, end in zip(epochs, ends)]

    def evaluated(self, name, passes, which):
        """Return the passes that are of a set: all of it, in eval mode, or else Lost."""
        require(not self.modified.startswith(name),
                f"{self.modified} is modified in place: work on a copy")
        passes = [at for at in passes if at.name == name]
        n = len(self.x[name])
        rows = {row for at in passes for row in at.rows}
        require(len(rows) == n, f"the {TITLES[name]} set is not evaluated whole after {which} "
                                f"epoch: {len(rows)} of its {n} examples are")
        require(not any(at.mode for at in passes), f"the {TITLES[name]} set is evaluated in "
                                                   "training mode: call mlp.eval() first")
        return list({tuple(at.rows): at for at in passes}.values())  # __call__ may call forward


# ---- Questions about a call ----------------------------------------------------------------------

def ask_result(run):
    """Four curves, float64, of an entry for each epoch."""
    require(len(run.result) in (4, 5), run.returns)
    for name, curve in zip(CURVES, run.result):
        require(isinstance(curve, np.ndarray),
                f"{name} is a {type(curve).__name__}; a NumPy array is expected")
        require(curve.dtype.kind not in "iu",
                f"{name} is an integer array, which cuts off the fractions: make it float64")
        require(curve.shape == (run.nepochs,) and curve.dtype == np.float64,
                f"{name} has shape {curve.shape} and dtype {curve.dtype}; expected are "
                f"{(run.nepochs,)} and float64, an entry for each of {run.nepochs} epochs")


def ask_batches(run):
    """Each epoch trains once on every example, with its own label, in a new order."""
    require(not run.modified.startswith("train"),
            f"{run.modified} is modified in place: work on a copy")
    trained = [at for at in run.passes if at.trains]
    for at in trained:
        require(at.name, "get_training_stats trains on rows that are not in the training set")
        require(at.name == "train", f"get_training_stats trains on the {TITLES[at.name]} set: only "
                                    "evaluate on it")
    orders = []
    n = len(run.x["train"])
    for epoch, _ in run.epochs():
        sizes = [len(at.rows) for at in epoch]
        rows = [row for at in epoch for row in at.rows]
        require(max(sizes) <= run.batch_size, "a batch is larger than batch_size")
        require(len(rows) % run.batch_size or min(sizes) >= run.batch_size,
                "a batch is smaller than batch_size, which divides the training set")
        is_dropped = n % run.batch_size and len(rows) == n // run.batch_size * run.batch_size
        require(not is_dropped,
                f"the last, shorter batch is dropped: {len(rows)} of {n} examples are trained on")
        require(sorted(rows) == list(range(n)),
                f"an epoch does not train on each example once: it takes {len(rows)} rows, "
                f"{len(set(rows))} different ones, of {n}")
        require(all((at.classes == at.truth).all() for at in epoch),
                "backward gets labels of other examples than forward: shuffle data and labels "
                "together")
        orders.append(rows)
    require(len(orders) == 1 or orders != [list(range(n))] * len(orders),
            "the examples are not shuffled: every epoch takes them in the same order")
    require(all(order != following for order, following in zip(orders, orders[1:])),
            "two epochs take the examples in the same order: shuffle in each epoch, and do not "
            "seed np.random there")
    require(all([call for call, _ in at.then[1:2]] == ["step"] for at in trained),
            "a batch is not followed by one step: forward, backward, step for each")


def ask_training_statistics(run):
    """Averages for each example, over the batches as they were trained on."""
    epochs = run.epochs()
    is_eval = [any(at.mode is False for at in epoch) for epoch, _ in epochs]
    require(not is_eval[0], "the network trains in eval mode: call mlp.train() first")
    require(not any(is_eval), "after the first validation the network goes on training in eval "
                              "mode: call mlp.train() in each epoch")
    compare_curves(run, CURVES[:2], [passes for passes, _ in epochs],
                   [after for _, after in epochs])


def ask_validation_statistics(run):
    """Averages for each example of the validation set, in eval mode, after each epoch."""
    epochs = run.epochs()
    passes = [run.evaluated("val", after, "each") for _, after in epochs]
    compare_curves(run, CURVES[2:], passes, [[] for _ in epochs],
                   stale=[trained[-1].losses.mean() for trained, _ in epochs])


def ask_confusion_matrix(run):
    """Counts over the test set: rows the predicted class, columns the true one."""
    require(len(run.result) == 5, run.returns)
    matrix = run.result[4]
    label = run.labels["test"]
    require(isinstance(matrix, np.ndarray) and matrix.dtype.kind in "biuf",
            f"confusion_matrix is a {type(matrix).__name__}; a NumPy array of numbers is expected")
    tested = run.evaluated("test", run.epochs()[-1][1], "the last")
    predicted = {row: z.argmax() for at in tested for row, z in zip(at.rows, at.output)}
    want = np.zeros((K, K))
    once = np.zeros((K, K))
    for at in tested:
        once[at.output.argmax(axis=1), label[at.rows]] += 1  # each pair once in a batch
    for row, guess in predicted.items():
        want[guess, label[row]] += 1
    has_same_sums = matrix.shape == want.shape and all(
        np.array_equal(matrix.sum(axis), want.sum(axis)) for axis in (0, 1))
    compare("confusion_matrix", matrix, want, {
        "is transposed: rows are the predicted class, columns the true one": want.T,
        "contains fractions: count the examples": want / want.sum(),
        "counts a pair of classes once in a batch: matrix[p, t] += 1 with arrays adds 1 only once "
        "where p and t repeat; use np.add.at or a loop": once,
        "has right sums of rows and columns but wrong entries: predictions and labels are not in "
        "the same order": matrix if has_same_sums else want})


def compare_curves(run, names, epochs, afters, stale=None):
    """Compare a curve of losses and one of errors with each epoch's passes.

    afters: the passes after each epoch's. stale: the criterion's loss before each epoch's passes.
    """
    first = CURVES.index(names[0])
    require(len(run.result) >= first + 2, run.returns)
    for k, name in enumerate(names):
        batches = [[at.errors if k else at.losses for at in passes] for passes in epochs]
        again = [[at.errors if k else at.losses for at in after if at.name == "train"]
                 for after in afters]
        means = [[values.mean() for values in epoch] for epoch in batches]
        sums = np.array([np.concatenate(epoch).sum() for epoch in batches])
        sizes = np.array([len(np.concatenate(epoch)) for epoch in batches])
        counts = np.array([len(epoch) for epoch in batches])
        average = sums / sizes
        so_far = np.cumsum(average)
        mistakes = {
            "are those of a second pass after each epoch: average the batches as they were trained "
            "on": [np.concatenate(epoch).mean() if epoch else -1 for epoch in again],
            "are averages of the batches' averages: the short last batch counts too much; average "
            "over the examples": [np.mean(epoch) for epoch in means],
            "are sums over the examples: divide them by the number of examples": sums,
            "are sums of the batches' averages: divide them by the number of batches":
                [np.sum(epoch) for epoch in means],
            "are sums over the examples, divided by the number of batches: divide them by the "
            "number of examples": sums / counts,
            "are averages, divided by the number of batches once too often": average / counts,
            "are of the last batch alone: average over the batches": [epoch[-1] for epoch in means],
            "are accuracies: an error is the part that is wrong": 1 - average,
            "are percentages: an error is from 0 to 1": 100 * average,
            "are sums over all epochs so far: start each epoch at 0": so_far,
            "are averages over all epochs so far: start each epoch at 0":
                so_far / np.arange(1, len(average) + 1),
        }
        if stale is not None and k == 0:
            mistakes["are the loss of the last training batch: call the criterion with the "
                     "validation outputs and labels before using its loss"] = stale
        compare(name, run.result[first + k], average, mistakes)


def compare(name, got, right, mistakes):
    """Lost if a statistic is not right; mistakes: {reason: the value that it is then}."""
    with contextlib.suppress(TypeError, ValueError):
        got = np.array(got, dtype=float)  # its type is asked elsewhere
    problem = describe_value(name, got, right)
    if problem is None:
        return
    for reason, value in mistakes.items():
        if describe_value(name, got, np.array(value, dtype=float)) is None:
            raise Lost(f"{name} {reason}")
    raise Lost(problem)


# ---- Checks --------------------------------------------------------------------------------------

QUESTIONS = (ask_result, ask_batches, ask_training_statistics, ask_validation_statistics,
             ask_confusion_matrix)
NETWORKS = [  # whose, and its hiddens and num_bn_layers
    (TEXTBOOK, [8], 1),
    (WHOLE, [8], 1),
    (WHOLE, [], 0),
]


def ask_one(nn, given, question, **setting):
    """Ask one question about a call for three epochs."""
    run = Run(nn, **setting)
    question(run)
    if question is ask_confusion_matrix and run.result[4].dtype.kind not in "iu":
        given.advise(f"confusion_matrix has dtype {run.result[4].dtype}; counts are integers, and "
                     "a strict grader compares dtypes")


def ask_other_settings(nn, given, **setting):
    """What holds for three epochs holds for one, and for batches of another size.

    A last batch that is shorter lies outside of the handout: it is worth advice.
    """
    run = Run(nn, **setting)
    right = [question for question in QUESTIONS if find_reason(question, run) is None]
    require(right, "nothing is right for three epochs")
    for epochs, batch_size in ((1, BATCH), (2, BATCH // 2)):
        other = Run(nn, **setting, epochs=epochs, batch_size=batch_size)
        for question in right:
            question(other)
    try:
        uneven = Run(nn, **setting, sizes=UNEVEN)
        reasons = [find_reason(question, uneven) for question in right]
    except Exception as error:
        reasons = [describe_error(error)]
    for reason in filter(None, reasons):
        given.advise(f"with a last batch that is shorter, {reason}")
        break


def find_reason(question, run):
    """Return why a question is lost, or None."""
    try:
        question(run)
    except Lost as lost:
        return str(lost)
    return None


def each_network(scenario, **arguments):
    """Return the ways to ask: each network, with one-hot labels or class indices."""
    ways = []
    for parts, hiddens, num_bn_layers in NETWORKS:
        for one_hot in (True, False):
            asked = functools.partial(scenario, hiddens=hiddens, num_bn_layers=num_bn_layers,
                                      one_hot=one_hot, **arguments)
            ways.append(Way(asked, parts))
    return ways


CHECKS = [
    *[Check(question.__name__[len("ask_"):], points, "get_training_stats",
            each_network(ask_one, question=question))
      for question, points in zip(QUESTIONS, (1, 2, 2, 2, 2))],
    Check("other_epochs_and_batch_sizes", 1, "get_training_stats",
          each_network(ask_other_settings)),
]
