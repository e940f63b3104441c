"""2.8 get_training_stats: what it trains on, in which order, and the statistics it returns.

Each check calls get_training_stats, and keeps its points at the first call that is right: with
the textbook's network, then with the submission's own (NETWORKS); with one-hot labels, then with
class indices. A call trains for EPOCHS epochs, in batches of BATCH, on the sets of EVEN.

Every call of the network's methods is recorded, and the expected statistics are computed from the
outputs that the network gave. So a wrong network costs nothing here, and any shuffle is right.

In this file nn gives access to the submission, and nn.parts is the module that the network comes
from, the textbook or the submission. require(condition, reason) loses the check's points for that
reason unless the condition holds, by raising Lost. describe_value(name, value, expected) returns
None if value has the type, shape, dtype and, within 1e-5, the numbers of expected; else what is
wrong.
"""

import contextlib
import copy
import functools

import numpy as np

from tests.grader.describe import describe_error, describe_value
from tests.grader.judge import TEXTBOOK, WHOLE, Check, Way
from tests.grader.network import draw_normal, make_bias_init, make_weight_init
from tests.grader.reasons import Lost, Void, require

D = 784  # inputs
K = 10   # classes
EPOCHS = 3
BATCH = 10
EVEN = {"train": 40, "val": 20, "test": 30}    # examples in each set; BATCH divides them
UNEVEN = {"train": 43, "val": 17, "test": 21}  # BATCH does not
TITLES = {"train": "training", "val": "validation", "test": "test"}
CURVES = "training_losses", "training_errors", "validation_losses", "validation_errors"


# ---- A recorded call -----------------------------------------------------------------------------

class ForwardPass:
    """A call of the network's forward, recognised by its rows.

    name: the set that the rows are of, or None if they are of none; then there is no truth and no
    output. rows: their indices in that set. truth: (rows,) their true classes. output: (rows, K).
    mode: mlp.train_mode. calls: pairs ("backward" or "step", its argument) of the calls before the
    next forward.
    """

    def __init__(self, run, x, output, mode):
        self.name = None
        self.rows = ()
        self.mode = mode
        self.calls = []
        x = np.asarray(x, dtype=float)
        if x.ndim != 2 or x.shape[1] != D or len(x) == 0 or np.size(output) != len(x) * K:
            return
        for name, known in run.x.items():
            rows = np.abs(x[:, :1] - known[:, 0]).argmin(axis=1)  # the nearest by the first feature
            if np.abs(x - known[rows]).max() < 1e-5:
                self.name = name
                self.rows = rows
                self.truth = run.labels[name][rows]
                self.output = np.array(output, dtype=float).reshape(len(rows), K)

    @property
    def trains(self):
        """Whether backward and step follow, or backward alone in training mode on training rows.

        backward alone may also serve to compute the loss, in eval mode or of another set.
        """
        methods = [method for method, _ in self.calls[:2]]
        if methods == ["backward", "step"]:
            return True
        return methods[:1] == ["backward"] and self.name == "train" and self.mode

    @property
    def classes(self):
        """(rows,) the classes that backward was given, or the true ones if it got no classes."""
        given = self.truth
        if self.calls:
            _, given = self.calls[0]
        if given.shape == self.output.shape:  # one-hot
            given = given.argmax(axis=1)
        is_valid = given.shape == self.truth.shape and set(given) <= set(range(K))
        return given.astype(int) if is_valid else self.truth

    @property
    def losses(self):
        """(rows,) the cross-entropy of each row."""
        own = self.output[np.arange(len(self.output)), self.classes]
        return np.logaddexp.reduce(self.output, axis=1) - own

    @property
    def errors(self):
        """(rows,) whether each row is classified wrongly."""
        return self.output.argmax(axis=1) != self.classes


class Run:
    """One call of get_training_stats, and all that it did to the network.

    x, labels: {"train", "val", "test": the examples, (n, D), and their classes, (n,)}. passes: the
    ForwardPass of each call of forward, in order. result: what was returned, as a list. modified:
    the name of an argument that was modified in place, or "". Lost if get_training_stats fails, or
    returns neither a tuple nor a list.
    """

    def __init__(self, nn, one_hot, hiddens, num_bn_layers, sizes=EVEN, epochs=EPOCHS,
                 batch_size=BATCH):
        rng = np.random.RandomState(0)
        self.nepochs = epochs
        self.batch_size = batch_size
        self.passes = []
        self._is_inside = False  # a recorded method, which may call another
        self.x = {name: draw_normal(k, (n, D)) for k, (name, n) in enumerate(sizes.items())}
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
            reason = describe_error(error)
            if "line" in reason:  # of the submission: the place says enough
                raise
            if not reason.startswith("get_training_stats"):
                reason = f"get_training_stats fails: {reason}"
            raise Lost(reason) from error
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
        """Return an MLP of nn.parts, with learning rate 0.05 and momentum 0.5."""
        activations = [nn.Sigmoid() for _ in hiddens] + [nn.Identity()]
        return nn.parts.MLP(D, K, list(hiddens), activations, make_weight_init(), make_bias_init(),
                            nn.SoftmaxCrossEntropy(), 0.05, 0.5, num_bn_layers)

    @contextlib.contextmanager
    def _watching(self, MLP):
        """Record the calls of the class itself: an instance of a subclass might not be pickled."""
        own = dict(vars(MLP))
        names = [name for name in dir(MLP)
                 if "forward" in name or name in ("__call__", "backward", "step")]
        for name in names:
            setattr(MLP, name, self._record(name, getattr(MLP, name)))
        try:
            yield
        finally:
            for name in names:
                delattr(MLP, name)
                if name in own:
                    setattr(MLP, name, own[name])

    def _record(self, name, method):
        """Return the method, but its calls are recorded, unless they come from such a method."""
        def call(mlp, *args, **kwargs):
            mode = getattr(mlp, "train_mode", None)
            is_outer = not self._is_inside
            self._is_inside = True
            try:
                output = method(mlp, *args, **kwargs)
            finally:
                self._is_inside = not is_outer
            arguments = [*args, *kwargs.values()]
            argument = arguments[0] if arguments else None
            if not is_outer:
                return output
            if name not in ("backward", "step"):
                self.passes.append(ForwardPass(self, argument, output, mode))
            elif self.passes:
                self.passes[-1].calls.append((name, np.array(argument)))
            return output
        return call

    def require_given_network(self):
        """Require that the first outputs are those of mlp as it was passed in, or of a copy."""
        require(self.passes, "get_training_stats does not use the network that it is given: train "
                             "mlp itself")
        first = self.passes[0]
        if first.name is None:
            return
        require(self.starts_as_given,
                "get_training_stats does not train the network that it is given: its first outputs "
                "are not those of that network's weights")

    @functools.cached_property
    def starts_as_given(self):
        """Whether the first output is that of the network as it was passed in."""
        network = copy.deepcopy(self.untouched)
        return is_output(self.passes[0], self.replay(network, self.passes[0]))

    def require_plain_training(self):
        """Require that each output is what zero_grads, forward, backward and step alone lead to.

        The recorded passes are replayed on a copy of the network that was passed in.
        """
        network = copy.deepcopy(self.untouched)
        for forward in self.passes:
            if forward.name is None or forward.mode is None:
                return
            require(is_output(forward, self.replay(network, forward)),
                    "the network is not trained by zero_grads, forward, backward and step, in this "
                    "order, for each batch: do nothing else to it or to its gradients")

    def replay(self, network, forward):
        """Repeat a recorded pass, and the training step after it, and return the output."""
        network.train_mode = forward.mode
        if not forward.trains:
            return network.forward(self.x[forward.name][forward.rows])
        network.zero_grads()
        output = network.forward(self.x[forward.name][forward.rows])
        for method, argument in forward.calls[:2]:
            if method == "backward":
                network.backward(argument)
            else:
                network.step()
        return output

    def epochs(self):
        """Return (the passes that train, those after them, before the next epoch) for each epoch.

        Every epoch must train on the same number of batches.
        """
        self.require_given_network()
        steps = [k for k, forward in enumerate(self.passes)
                 if forward.trains and forward.name == "train"]
        require(steps, "get_training_stats never calls forward with training examples and then "
                       "backward")
        size = len(steps) // self.nepochs
        require(len(steps) % self.nepochs == 0,
                f"get_training_stats trains on {len(steps)} batches in {self.nepochs} "
                "epochs: not the same number in each")
        epochs = [steps[first:first + size] for first in range(0, len(steps), size)]
        ends = [*steps[size::size], None]
        return [([self.passes[k] for k in epoch], self.passes[epoch[-1] + 1:end])
                for epoch, end in zip(epochs, ends)]

    def evaluated(self, name, passes, which):
        """Return those of the passes that evaluate a set: all its examples, in eval mode.

        which: "each" or "the last", the epoch that they follow.
        """
        require(not self.modified.startswith(name),
                f"{self.modified} is modified in place: work on a copy")
        passes = [forward for forward in passes if forward.name == name]
        n = len(self.x[name])
        rows = {row for forward in passes for row in forward.rows}
        require(len(rows) == n, f"the {TITLES[name]} set is not evaluated whole after {which} "
                                f"epoch: {len(rows)} of its {n} examples are")
        require(not any(forward.mode for forward in passes),
                f"the {TITLES[name]} set is evaluated in training mode: call mlp.eval() first")
        by_rows = {tuple(forward.rows): forward for forward in passes}
        return list(by_rows.values())  # once each, even if it is evaluated twice


def is_output(forward, output):
    """Return whether a recorded pass has this output."""
    return np.allclose(forward.output, output, rtol=1e-6, atol=1e-8, equal_nan=True)


# ---- Questions about a call: they raise Lost where the answer is no ------------------------------

def ask_result(run):
    """Four or five values are returned, and the first four are float64 arrays, (nepochs,)."""
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
    """Each epoch trains once on every training example, with its own label, in a new order.

    No batch is larger than batch_size, or smaller where that divides the set. Its label is the one
    that backward gets, and step comes next. The training set is not modified in place, and nothing
    but its methods changes the network.
    """
    require(not run.modified.startswith("train"),
            f"{run.modified} is modified in place: work on a copy")
    trained = [forward for forward in run.passes if forward.trains]
    for forward in trained:
        require(forward.name,
                "get_training_stats trains on rows that are not in the training set")
        require(forward.name == "train", f"get_training_stats trains on the {TITLES[forward.name]} "
                                         "set: only evaluate on it")
    orders = []
    n = len(run.x["train"])
    for epoch, _ in run.epochs():
        sizes = [len(forward.rows) for forward in epoch]
        rows = [row for forward in epoch for row in forward.rows]
        require(max(sizes) <= run.batch_size, "a batch is larger than batch_size")
        require(len(rows) % run.batch_size or min(sizes) >= run.batch_size,
                "a batch is smaller than batch_size, which divides the training set")
        is_dropped = n % run.batch_size and len(rows) == n // run.batch_size * run.batch_size
        require(not is_dropped,
                f"the last, shorter batch is dropped: {len(rows)} of {n} examples are trained on")
        require(sorted(rows) == list(range(n)),
                f"an epoch does not train on each example once: it takes {len(rows)} rows, "
                f"{len(set(rows))} different ones, of {n}")
        require(all((forward.classes == forward.truth).all() for forward in epoch),
                "backward gets labels of other examples than forward: shuffle data and labels "
                "together")
        orders.append(rows)
    unshuffled = [list(range(n))] * len(orders)
    require(len(orders) == 1 or orders != unshuffled,
            "the examples are not shuffled: every epoch takes them in the same order")
    require(all(order != following for order, following in zip(orders, orders[1:])),
            "two epochs take the examples in the same order: shuffle in each epoch, and do not "
            "seed np.random there")
    for forward in trained:
        methods = [method for method, _ in forward.calls]
        require(methods[1:2] == ["step"] and methods.count("step") == 1,
                "a batch is not followed by one step: forward, backward, step for each")
    run.require_plain_training()


def ask_training_statistics(run):
    """The training curves are means over each epoch's examples, of the passes that train.

    These passes run in training mode, in every epoch.
    """
    epochs = run.epochs()
    is_eval = [any(forward.mode is False for forward in epoch) for epoch, _ in epochs]
    require(not is_eval[0], "the network trains in eval mode: call mlp.train() first")
    require(not any(is_eval), "after the first validation the network goes on training in eval "
                              "mode: call mlp.train() in each epoch")
    require(len(run.result) >= 2, run.returns)
    trained = [epoch for epoch, _ in epochs]
    again = [[forward for forward in after if forward.name == "train"] for _, after in epochs]
    for statistic in ("losses", "errors"):
        mistakes = {}
        if all(again):
            mistakes["are those of a second pass after each epoch: average the batches as they "
                     "were trained on"] = [concatenate(statistic, epoch).mean() for epoch in again]
        compare_curve(run, f"training_{statistic}", trained, mistakes)


def ask_validation_statistics(run):
    """The validation curves are means over the whole validation set, in eval mode.

    It is evaluated after each epoch, and not modified in place.
    """
    epochs = run.epochs()
    evaluated = [run.evaluated("val", after, "each") for _, after in epochs]
    require(len(run.result) >= 4, run.returns)
    stale = {"are the loss of the last training batch: call the criterion with the validation "
             "outputs and labels before using its loss":
                 [epoch[-1].losses.mean() for epoch, _ in epochs]}
    compare_curve(run, "validation_losses", evaluated, stale)
    compare_curve(run, "validation_errors", evaluated, {})


def ask_confusion_matrix(run):
    """confusion_matrix[p, t] counts the test examples of class t that are predicted to be p.

    It is the fifth value that is returned, (K, K), integer or float. The whole test set is
    evaluated in eval mode after the last epoch, and not modified in place.
    """
    require(len(run.result) == 5, run.returns)
    matrix = run.result[4]
    label = run.labels["test"]
    require(isinstance(matrix, np.ndarray) and matrix.dtype.kind in "biuf",
            f"confusion_matrix is a {type(matrix).__name__}; a NumPy array of numbers is expected")
    tested = run.evaluated("test", run.epochs()[-1][1], "the last")
    predicted = {}
    once = np.zeros((K, K))  # each pair of classes at most once in a batch
    for forward in tested:
        guesses = forward.output.argmax(axis=1)
        predicted.update(zip(forward.rows, guesses))
        once[guesses, label[forward.rows]] += 1
    expected = np.zeros((K, K))
    for row, guess in predicted.items():
        expected[guess, label[row]] += 1
    mistakes = {
        "is transposed: rows are the predicted class, columns the true one": expected.T,
        "contains fractions: count the examples": expected / expected.sum(),
        "counts a pair of classes once in a batch: matrix[p, t] += 1 with arrays adds 1 only once "
        "where p and t repeat; use np.add.at or a loop": once,
    }
    if matrix.shape == expected.shape and all(
            np.array_equal(matrix.sum(axis), expected.sum(axis)) for axis in (0, 1)):
        mistakes["has right sums of rows and columns but wrong entries: predictions and labels are "
                 "not in the same order"] = matrix
    compare("confusion_matrix", matrix, expected, mistakes)


def compare_curve(run, name, epochs, mistakes):
    """Compare the curve called name with its mean over the examples of each epoch.

    epochs: the passes of each epoch. mistakes: {reason: the curve}, beside those named here.
    """
    statistic = name.split("_")[1]
    means = [[getattr(forward, statistic).mean() for forward in epoch] for epoch in epochs]
    sums = np.array([concatenate(statistic, epoch).sum() for epoch in epochs])
    sizes = np.array([len(concatenate(statistic, epoch)) for epoch in epochs])
    counts = np.array([len(epoch) for epoch in epochs])
    average = sums / sizes
    so_far = np.cumsum(average)
    compare(name, run.result[CURVES.index(name)], average, {
        **mistakes,
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
    })


def concatenate(statistic, passes):
    """Return the losses or errors of every example of some passes."""
    return np.concatenate([getattr(forward, statistic) for forward in passes])


def compare(name, value, expected, mistakes):
    """Lost if a returned value is not what is expected; ask_result asks its type and dtype.

    mistakes: {reason: what the value is then}; the first that agrees is the reason.
    """
    with contextlib.suppress(TypeError, ValueError):
        value = np.array(value, dtype=float)
    problem = describe_value(name, value, expected)
    if problem is None:
        return
    for reason, wrong in mistakes.items():
        if describe_value(name, value, np.array(wrong, dtype=float)) is None:
            raise Lost(f"{name} {reason}")
    raise Lost(problem)


# ---- Checks --------------------------------------------------------------------------------------

QUESTIONS = (ask_result, ask_batches, ask_training_statistics, ask_validation_statistics,
             ask_confusion_matrix)
NETWORKS = [  # whose: TEXTBOOK, or WHOLE for the submission's own; its hiddens and num_bn_layers
    (WHOLE, [8], 1),
    (WHOLE, [], 0),
    (TEXTBOOK, [8], 1),
]


def ask_one(nn, given, question, **setting):
    """Ask one question about a call with the usual sets, epochs and batches.

    setting: hiddens, num_bn_layers and one_hot, as each_network gives them. given.advise adds a
    line of advice, which costs no points.
    """
    run = Run(nn, **setting)
    question(run)
    if question is ask_confusion_matrix and run.result[4].dtype.kind not in "iu":
        given.advise(f"confusion_matrix has dtype {run.result[4].dtype}; counts are integers, and "
                     "a strict grader compares dtypes")


def ask_other_settings(nn, given, **setting):
    """What is right for EPOCHS is right for one epoch, and for two with half the batch size.

    Questions that are lost already are not asked again. A shorter last batch is outside of the
    handout, and only worth advice.
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
    found = [reason for reason in reasons if reason is not None]
    if found:
        given.advise(f"with a last batch that is shorter, {found[0]}")


def find_reason(question, run):
    """Return why the answer to a question is no, or None."""
    try:
        question(run)
    except Lost as lost:
        return str(lost)
    return None


def ask_with_either_labels(nn, given, scenario, **arguments):
    """Run a scenario with one-hot labels, or else with class indices: one of them is enough."""
    errors = []
    for one_hot in (True, False):
        try:
            return scenario(nn if one_hot else nn.renew(), given, one_hot=one_hot, **arguments)
        except (Void, MemoryError):
            raise
        except Exception as error:
            errors.append(error)
    lost = [error for error in errors if isinstance(error, Lost)]
    raise (lost or errors)[0]


def each_network(scenario, **arguments):
    """Return the ways to ask, one for each network."""
    ways = []
    for parts, hiddens, num_bn_layers in NETWORKS:
        asked = functools.partial(ask_with_either_labels, scenario=scenario, hiddens=hiddens,
                                  num_bn_layers=num_bn_layers, **arguments)
        ways.append(Way(asked, parts))
    return ways


CHECKS = [  # name, points, the function that a reason points to, the ways to ask
    Check("result", 1, "get_training_stats", each_network(ask_one, question=ask_result)),
    Check("batches", 2, "get_training_stats", each_network(ask_one, question=ask_batches)),
    Check("training_statistics", 2, "get_training_stats",
          each_network(ask_one, question=ask_training_statistics)),
    Check("validation_statistics", 2, "get_training_stats",
          each_network(ask_one, question=ask_validation_statistics)),
    Check("confusion_matrix", 2, "get_training_stats",
          each_network(ask_one, question=ask_confusion_matrix)),
    Check("other_epochs_and_batch_sizes", 1, "get_training_stats",
          each_network(ask_other_settings)),
]
