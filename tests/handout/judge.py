"""How the graded tests find fault: run a scenario on the handin and on the reference, and say what differs.

A scenario is a function `scenario(nn, given)` that uses the module nn as the handout describes and returns what it
saw, a dict of names and values. `check` runs it on both and raises Lost with one line for the author. A fault of an
earlier section shows in later ones too: there it is taken as it is, and only what it does not explain costs points.
"""

import copy
import errno
import importlib
import traceback
import warnings

import numpy as np

from tests.handout.reference import FAULTS, Reference

SUITES = {"2.2": "test_2_2_loss", "2.3": "test_2_3_linear", "2.4": "test_2_4_activations",
          "2.5": "test_2_5_hidden_layers", "2.6": "test_2_6_batchnorm", "2.7": "test_2_7_momentum",
          "2.8": "test_2_8_training_stats"}
PARTS = "2.2", "2.4"  # the sections of the criterion and the activations, which networks are made of
LONGEST = 200  # characters of another's message that are told
REDUCED = ("db[", "dgamma", "dbeta", "mean", "var")  # right as (d,) and, in other terms, as (1, d)

advice = []  # lines for the author that cost no points; whoever runs the tests reads and clears it


class Lost(AssertionError):
    """The reason, in one line, for which a test costs points."""


class Void(Lost):
    """A reason for which the whole section loses its points."""


class Given:
    """What a scenario hands over: each array or list is remembered, to see that the handin leaves it as it is."""

    def __init__(self):
        self.kept = []

    def __call__(self, name, value):
        self.kept.append((name, value, copy.copy(value)))
        return value

    def check_unchanged(self):
        for name, value, before in self.kept:
            if not (np.array_equal(value, before) if isinstance(value, np.ndarray) else value == before):
                raise Void("%s, which belongs to the caller, is changed: work on a copy" % name)


def observe(nn, scenario):
    """Return what the scenario sees of nn; Lost if nn fails or changes what it was given."""
    given = Given()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            seen = scenario(nn, given)
        except Lost:
            raise
        except MemoryError as error:
            raise Void(told(error)) from error
        except Exception as error:
            raise Lost(told(error)) from error
    given.check_unchanged()
    return seen


def told(error):
    """An exception in a line: what was raised, and where in the handin."""
    place = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("hw1.py")]
    where = " (%s, line %d of hw1.py)" % (place[-1].name, place[-1].lineno) if place else ""
    lines = str(error).strip().split("\n")
    if lines[0].startswith("Regex pattern did not match"):  # of pytest.raises: the last line is what came
        lines = ["the error does not say so: " + lines[-1].strip()]
    message = "".join(c if c.isprintable() else "?" for c in lines[0])
    message = message if len(message) <= LONGEST else message[:LONGEST] + "..."
    if isinstance(error, AssertionError) and not place:
        return message
    if isinstance(error, NotImplementedError):
        return "not implemented%s" % where
    if isinstance(error, MemoryError):
        return "needs too much memory%s" % where
    if isinstance(error, SystemExit):
        return "calls sys.exit%s" % where
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "prints without end%s: it should print nothing" % where
    return "%s: %s%s" % (type(error).__name__, message, where)


def check(nn, scenario, section):
    """Raise Lost if what the scenario sees of nn is wrong and no fault of an earlier section explains it."""
    __tracebackhide__ = True
    want = observe(Reference(), scenario)
    try:
        got = observe(nn, scenario)
        problem = difference(got, want)
    except Void:
        raise
    except Lost as lost:
        got, problem = None, str(lost)
    if problem is None:
        return
    reason = problem
    if got is not None:
        for fault in faults_seen(got, scenario):
            its_section, its_reason = FAULTS[fault]
            if its_section >= section:
                reason = its_reason
                break
            if loses(nn, its_section):
                return
    if section not in PARTS and any(part < section and loses(nn, part) for part in PARTS):
        if right_with_reference_parts(nn, scenario, want):
            return
    raise Lost(reason)


def faults_seen(got, scenario):
    """The faults of the reference that explain what was seen."""
    for fault in FAULTS:
        try:
            if difference(got, observe(Reference(fault), scenario)) is None:
                yield fault
        except Lost:
            pass


def right_with_reference_parts(nn, scenario, want):
    """Whether the scenario is right on nn when its activations and criterion are the reference's."""
    parts = Reference()
    for name in ("MLP", "BatchNorm"):
        if not hasattr(nn, name):
            return False
        setattr(parts, name, getattr(nn, name))
    try:
        return difference(observe(parts, scenario), want) is None
    except Lost:
        return False


def loses(nn, section):
    """Whether nn is wrong in a scenario of an earlier section, and so has lost points for it there."""
    suite = importlib.import_module("tests.handout." + SUITES[section])
    for scenario in suite.SCENARIOS:
        try:
            if difference(observe(nn, scenario), observe(Reference(), scenario)) is not None:
                return True
        except Lost:
            return True
    return False


def difference(got, want):
    """Return the first difference between two dicts of values, in a line; None if there is none."""
    del advice[:]
    right = []
    for name in want:
        if name not in got:
            return "%s is missing: there is one for each layer" % name
        line = difference_of(name, got[name], want[name])
        if line is not None:
            behind = [other for other in right if other.split("[")[0] == name.split("[")[0]]
            return line + ("; %s is right" % behind[-1] if name[0] == "d" and behind else "")
        right.append(name)
    return None


def difference_of(name, got, want):
    """Return what is wrong with one value: its type, shape, dtype or numbers; None if nothing."""
    if isinstance(want, np.generic) and isinstance(got, np.generic):
        got, want = np.asarray(got), np.asarray(want)
    if got is None:
        return "%s is None: it is never set or returned" % name
    if not isinstance(got, np.ndarray):
        return "%s is a %s, the grader compares with a NumPy array" % (name, type(got).__name__)
    if got.shape != want.shape:
        line = "%s has shape %s, the grader compares with %s" % (name, got.shape, want.shape)
        if not (name.split(".")[-1].startswith(REDUCED) and got.shape == (1,) + want.shape):
            return line
        advice.append(line.replace("the grader compares", "a strict grader compares"))
        got = got[0]
    if got.dtype != want.dtype:
        return "%s has dtype %s, the grader compares with %s" % (name, got.dtype, want.dtype)
    if not np.all(np.isfinite(got)):
        return "%s holds %s" % (name, "nan" if np.any(np.isnan(got)) else "inf")
    wrong = ~np.isclose(got, want, rtol=1e-5, atol=1e-9 + 1e-6 * np.abs(want).max())
    if not wrong.any():
        return None
    at = tuple(int(k) for k in np.argwhere(wrong)[0])
    return "%s is wrong in %d of %d entries: [%s] is %.6g, expected %.6g" % (
        name, wrong.sum(), wrong.size, ", ".join(map(str, at)), got[at], want[at])


# ---- What the scenarios have in common ------------------------------------------------------------------------------

def weights(d_in, d_out):
    """Weights that depend on the shape alone, so that the order of the calls cannot matter."""
    return np.random.RandomState(1000 * d_in + d_out).normal(0, 2 / np.sqrt(d_in), (d_in, d_out))


def biases(d):
    """Biases as the grader makes them: (1, d)."""
    return np.random.RandomState(d).normal(0, 0.5, (1, d))


def batch(m, seed, d=20, nclasses=10):
    """m examples, (m, d), and their one-hot labels, (m, nclasses)."""
    rng = np.random.RandomState(seed)
    return rng.normal(0, 1, (m, d)), np.eye(nclasses)[rng.randint(nclasses, size=m)]


def network(nn, hiddens, activations, lr=0.01, momentum=0.0, num_bn_layers=0):
    """A network of 20 inputs and 10 classes; activations: their names in nn, one a layer."""
    return nn.MLP(20, 10, hiddens, [getattr(nn, name)() for name in activations], weights, biases,
                  nn.SoftmaxCrossEntropy(), lr, momentum, num_bn_layers)


def entries(owner, *names):
    """The values of attributes, those of lists one by one: {"dW[0]": ..., "dW[1]": ..., "mean": ...}, copied."""
    seen = {}
    for name in names:
        if not hasattr(owner, name):
            raise Lost("%s has no attribute %s" % (type(owner).__name__, name))
        value = getattr(owner, name)
        if value is None:
            raise Lost("%s.%s is None: it is never set" % (type(owner).__name__, name))
        if isinstance(value, (list, tuple)):
            seen.update(("%s[%d]" % (name, i), copy.copy(entry)) for i, entry in enumerate(value))
        else:
            seen[name] = copy.copy(value)
    return seen


def gradients(mlp):
    """dW and db, from the last layer to the first, as backward works them out: the first that is wrong is the cause."""
    return dict(reversed(list(entries(mlp, "db", "dW").items())))
