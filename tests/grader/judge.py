"""How the checks find fault: a scenario is run on the handin and on the reference, and compared.

A scenario is a function of nn, a View of a module hw1, which it uses as the handout describes, and
of given. It returns what it saw, {name: value}, or yields the pairs: causes before what follows.
"""

import collections
import contextlib
import copy
import linecache
import os
import traceback
import warnings

import numpy as np

from tests.grader.faults import FAULTS, PARTS, Reference

FAILED = 75  # exit status of a process in which the grader itself fails
LONGEST = 200  # characters of another's message that are told
REDUCED = "db", "dgamma", "dbeta"  # as (d,) they are right, as (1, d) too, with a word of advice
REPLACED = {"parts": ("Identity", "Sigmoid", "Tanh", "ReLU", "SoftmaxCrossEntropy"),
            "batchnorm": ("BatchNorm",)}
# where a frame's file is not the handin's: the grader's own, a library's, or Python's
FOREIGN = (*map(os.path.dirname, (os.path.abspath(__file__), np.__file__, os.__file__)), "<")


class Lost(Exception):
    """The reason, in one line, why a check's points are lost, but for the part kept, 0 to 1.

    faults: those that explain it. seen: what the scenario saw that changed what is the caller's.
    """

    def __init__(self, reason, kept=0.0, faults=(), seen=None):
        super().__init__(reason)
        self.kept, self.faults, self.seen = kept, frozenset(faults), seen


class Void(Lost):
    """A reason why the whole section loses its points."""


class TooLong(BaseException):
    """The handin has run for as long as it may."""


# A question to the handin: ask(handin) raises Lost. repairs: what the checks after this one may put
# right if it is lost; see View. question: what the checks have in common that ask the same of one,
# two and three: a fault costs the points of each.
Check = collections.namedtuple("Check", "section name question points repairs ask")


def require(right, reason):
    if not right:
        raise Lost(reason)


def checks(section):
    """Return (check, made): a decorator of ask, or with accept of a scenario; and its Checks."""
    made = []

    def check(points, accept=None, name=None, repair="", question=None):
        def decorated(asked):
            own = name or asked.__name__
            ask = asked if accept is None else lambda handin: handin.compare(asked, accept)
            made.append(Check(section, own, question or own, points, tuple(repair.split()), ask))
            return asked
        return decorated
    return check, made


class Handin:
    """A handin's module, and what the checks of before found; in the sections void it hangs."""

    def __init__(self, nn, before, void=()):
        self.nn, self.advice, self._before, self._asking = nn, [], before, []
        self._lost = {check: Void("hangs") for check in before if check.section in void}
        self._forced = {repair for check in self._lost for repair in check.repairs}

    def lost(self, check):
        """Return why check takes points, a Lost, or None; each check is asked once."""
        if check not in self._lost:
            self._asking.append(check)
            try:
                self._lost[check] = check.ask(self)
            except Lost as lost:
                self._lost[check] = lost
            finally:
                self._asking.pop()
        return self._lost[check]

    def lost_before(self):
        """Return {Check: Lost} of the checks before the asked one that have taken points."""
        before = self._before[:self._before.index(self._asking[-1])]
        return {check: self.lost(check) for check in before if self.lost(check)}

    def compare(self, scenario, accept=()):
        """Raise Lost unless the scenario is right, or wrong by what has cost points before.

        accept: the repairs after which it may be right, where a check that was lost names them.
        """
        want, this = wanted(scenario), self._asking[-1]
        view = View(self.nn, self._forced & set(accept))  # what hangs is put right, where it may be
        problem, got = self._problem(view, scenario, want)
        if problem is None:
            return
        before = self.lost_before()
        faults = frozenset().union(*(
            lost.faults for check, lost in before.items()
            if (check.section, check.question) != (this.section, this.question)))
        seen = [(got, faults)]
        repairs = set(accept) & {repair for check in before if check.question != this.question
                                 for repair in check.repairs}
        if repairs:
            problem, got = self._problem(View(self.nn, repairs), scenario, want)
            if problem is None:
                return
            seen.insert(0, (got, frozenset(fault for fault in faults if not (
                "parts" in repairs and FAULTS[fault][0] in PARTS))))
        if any(explains(faults, scenario, got) for got, faults in seen):
            return
        nearest = sorted(FAULTS, key=lambda fault: (  # of this section, then of later ones
            FAULTS[fault][0] < this.section, FAULTS[fault][0]))
        for got, faults in seen:
            for fault in nearest:
                if explains(faults | {fault}, scenario, got):
                    raise Lost(FAULTS[fault][1], faults=faults | {fault})
        fresh = View(self.nn, repairs | {"fresh"})
        if "fresh" in this.repairs and not self._problem(fresh, scenario, want)[0]:
            raise Lost("what is right for a network's first batch is wrong after an earlier batch: "
                       "something of that is kept and used again, such as a list that forward "
                       "never empties")
        raise problem

    def _problem(self, view, scenario, want):
        """Return (problem, got): a Lost or None, and what was seen, None if it failed."""
        try:
            got = observe(view, scenario)
        except Void:
            raise
        except Lost as lost:
            if lost.seen is None or not any(
                    str(lost) in str(earlier) for earlier in self.lost_before().values()):
                return lost, None
            got = lost.seen
        advice = []
        line = difference(got, want, advice)
        if line is not None:
            return Lost(line), got
        self.advice += advice
        return None, got


def wanted(scenario):
    """What the scenario sees of the reference, whose failure is no fault of the handin's."""
    try:
        return observe(View(Reference()), scenario)
    except Lost as lost:
        raise RuntimeError(f"the reference fails: {lost}") from lost


def explains(faults, scenario, got):
    """Return whether the reference with these faults gives what was seen."""
    try:
        return got is not None and not difference(
            got, observe(View(Reference(faults)), scenario), [])
    except (Lost, ValueError):  # such faults clash
        return False


class View:
    """A module hw1, of which some pieces are put right: those that have cost points already.

    repairs: a set of
        "parts"      the criterion and the activations are the reference's
        "batchnorm"  BatchNorm is the reference's
        "weights"    what the initializers returned is written into W and b
        "fresh"      each batch gets a new network, with the parameters and statistics of the last
        "zero_grads" zero_grads is not called
        "gradients"  dW, db, dgamma and dbeta are the reference's, written before each step
    """

    def __init__(self, nn, repairs=()):
        self.nn, self.repairs = nn, frozenset(repairs)
        self.replaced = {name: getattr(Reference(), name) for repair, names in REPLACED.items()
                         if repair in repairs for name in names}

    def __getattr__(self, name):
        if name in self.replaced:
            return self.replaced[name]
        require(hasattr(self.nn, name), f"hw1.py has no {name}")
        return getattr(self.nn, name)

    def put_right(self):
        """A context in which the module's own names are those of the replaced pieces, too."""
        return patched(self.nn, self.replaced)


@contextlib.contextmanager
def patched(owner, values):
    """A context in which a module or a class has these values, {name: value}, for its own."""
    own = {name: vars(owner)[name] for name in values if name in vars(owner)}
    try:
        for name, value in values.items():
            setattr(owner, name, value)
        yield
    finally:
        for name in values:
            delattr(owner, name)
        for name, value in own.items():
            setattr(owner, name, value)


class Given:
    """What a scenario hands over: remembered, to see that the handin leaves it as it is."""

    def __init__(self):
        self._kept = []

    def __call__(self, name, value):
        self._kept.append((name, value, copy.copy(value)))
        return value

    def changed(self):
        """Return the reason if any is not as it was, else ""."""
        names = [name for name, value, old in self._kept if not np.array_equal(value, old)] + [""]
        return names[0] and f"{names[0]}, which belongs to the caller, is changed: work on a copy"


def observe(view, scenario):
    """Return what the scenario sees of view; Lost if that fails or changes what it was given."""
    given = Given()
    with quiet(), view.put_right():
        try:
            seen = dict(scenario(view, given))
        except Lost:
            raise
        except Exception as error:
            raise (Void if isinstance(error, MemoryError) else Lost)(told(error)) from error
    if given.changed():
        raise Lost(given.changed(), seen=seen)
    return seen


@contextlib.contextmanager
def after(method, returned):
    """A context whose failure has its cause in a method before, where that returned None."""
    try:
        yield
    except Exception as error:
        require(returned is not None or isinstance(error, Lost)
                or " is not implemented yet" in told(error), f"{method} returns None")
        raise


@contextlib.contextmanager
def quiet():
    """Let pass what a handin warns of."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def told(error):
    """An exception in a line: what was raised, and where in the handin."""
    frames = [(frame, frame.f_code, number)
              for frame, number in traceback.walk_tb(error.__traceback__)
              if not frame.f_code.co_filename.startswith(FOREIGN)]
    where = source = ""
    if frames:
        frame, code, number = frames[-1]
        line = f"line {number} of {os.path.basename(code.co_filename)}"
        where, source = f" ({code.co_name}, {line})", linecache.getline(code.co_filename, number)
    if frames and (isinstance(error, NotImplementedError) or (
            isinstance(error, TypeError) and "NotImplemented" in source)):
        owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals else ""
        return f"{owner}{code.co_name} is not implemented yet ({line})"
    if isinstance(error, MemoryError):
        return f"needs too much memory{where}"
    if isinstance(error, TooLong):
        return f"runs too long{where}: does it loop or wait for ever?"
    if isinstance(error, SystemExit):
        return f"calls sys.exit{where}"
    message = str(error).strip().split("\n")[0]
    if isinstance(error, AssertionError):
        message = f"{message}: {source.strip()}" if message else source.strip()
    message = "".join(c if c.isprintable() else "?" for c in message)
    what = (type(error).__name__ if frames or isinstance(error, SyntaxError) else
            "a value that hw1.py returned or set is of a wrong kind")
    return f"{what}: {message[:LONGEST]}{'...' * (len(message) > LONGEST)}{where}"


def difference(got, want, advice):
    """Return the first difference of two dicts, or None; advice takes what could be stricter."""
    right = []
    for name in want:
        if got.get(name, name) is None:
            return f"{name} is None: it is never set or returned"
    for name in want:
        if name not in got:
            return f"{name} is missing: there is one for each layer"
        line = difference_of(name, got[name], want[name], advice)
        if line is not None:
            behind = [other for other in right if other.split("[")[0] == name.split("[")[0]]
            return line + (f"; {behind[-1]} is right" if name[0] == "d" and behind else "")
        right.append(name)
    return None


def difference_of(name, got, want, advice):
    """Return what is wrong with a value: its type, shape, dtype or numbers; None if nothing."""
    if isinstance(want, np.generic) and isinstance(got, np.generic):
        got, want = np.asarray(got), np.asarray(want)
    if not isinstance(got, np.ndarray):
        return f"{name} is of type {type(got).__name__}, the grader compares with a NumPy array"
    got = np.asarray(got)  # of a subclass, too, whose operators may be others
    if got.shape != want.shape:
        last = name.split(".")[-1].split("[")[0]
        if last not in REDUCED or got.shape != (1,) + want.shape:
            return f"{name} has shape {got.shape}, the grader compares with {want.shape}"
        advice.append(f"{last} has shape (1, d), a strict grader compares with (d,)")
        got = got[0]
    if got.dtype != want.dtype:
        return f"{name} has dtype {got.dtype}, the grader compares with {want.dtype}"
    if not np.all(np.isfinite(got)):
        return f"{name} holds {'nan' if np.any(np.isnan(got)) else 'inf'}"
    wrong = ~np.isclose(got, want, rtol=1e-5, atol=1e-9 + 1e-6 * np.abs(want).max(initial=0))
    if not wrong.any():
        return None
    at = tuple(np.argwhere(wrong)[0].tolist())
    return (f"{name} is wrong in {wrong.sum()} of {wrong.size} entries: [{', '.join(map(str, at))}]"
            f" is {got[at]:.6g}, expected {want[at]:.6g}")
