"""How the checks find fault: a scenario is run on the handin and on the reference, and the difference told.

A scenario is a function `scenario(nn, given)` that uses nn, a View of a module hw1, as the handout describes, and
returns what it saw: a dict of names and values, the causes before what follows from them. `Handin.compare` runs it and
raises Lost, with a line for the author, where the handin is wrong and no check before has taken the points for it.
"""

import contextlib
import copy
import linecache
import os
import traceback
import warnings
from unittest import mock

import numpy as np

from tests.grader.faults import FAULTS, PARTS, Clash
from tests.grader.reference import Reference

FAILED = 75  # exit status of a process in which the grader itself fails
LONGEST = 200  # characters of another's message that are told
REDUCED = "db", "dgamma", "dbeta"  # as (d,) they are right, as (1, d) too, with a word of advice


class Lost(Exception):
    """The reason, in one line, why a check's points are lost.

    kept: the part of them that is kept, 0 to 1. faults: names of the reference's that explain it.
    """

    def __init__(self, reason, kept=0.0, faults=()):
        super().__init__(reason)
        self.kept, self.faults = kept, frozenset(faults)


class Changed(Lost):
    """An array or list of the caller's is changed; seen: what the scenario saw."""

    def __init__(self, name, seen):
        super().__init__(f"{name}, which belongs to the caller, is changed: work on a copy")
        self.seen = seen


class Void(Lost):
    """A reason why the whole section loses its points."""


class TooLong(BaseException):
    """The handin has run for as long as it may."""


class Check:
    """A question to the handin, and its price.

    ask(handin) raises Lost. repair: names of what the checks after this one may put right if it is lost; see View.
    question: what the checks have in common that ask the same of one, two and three: a fault costs the points of each.
    """

    def __init__(self, section, ask, points, repair, question, name):
        self.section, self.ask, self.points, self.name = section, ask, points, name
        self.repairs, self.question = repair.split(), question or name


def checks(section):
    """Return (check, made): a decorator of a Check's arguments, and the list of Checks that it fills."""
    made = []

    def check(points, repair="", question=None, name=None):
        def decorated(ask):
            made.append(Check(section, ask, points, repair, question, name or ask.__name__))
            return ask
        return decorated
    return check, made


class Handin:
    """A handin's module, and what the checks have found out about it.

    before: the checks, in the order in which they depend on each other. void: the sections that have lost all and must
    not be asked, as the handin hangs there.
    """

    def __init__(self, nn, before, void=()):
        self.nn, self.advice = nn, []
        self._before, self._asking = before, []
        self._lost = {check: Void("hangs") for check in before if check.section in void}
        self._forced = {repair for check in self._lost for repair in check.repairs}

    def advise(self, line):
        if line not in self.advice:
            self.advice.append(line)

    def view(self, accept=()):
        """The handin's own module, but for what hangs, where that may be put right."""
        return View(self.nn, self._forced & set(accept))

    def lost(self, check):
        """Return why check takes points, a Lost, or None; each check is asked once."""
        if check not in self._lost:
            self._asking.append(check)
            try:
                check.ask(self)
                self._lost[check] = None
            except Lost as lost:
                self._lost[check] = lost
            finally:
                self._asking.pop()
        return self._lost[check]

    def lost_before(self):
        """Return the checks before the one that is asked which have taken points, and why: {Check: Lost}."""
        before = self._before[:self._before.index(self._asking[-1])]
        return {check: self.lost(check) for check in before if self.lost(check)}

    def compare(self, scenario, accept=()):
        """Raise Lost unless the scenario is right on this handin, or wrong by what has cost points before.

        accept: the repairs after which it may be right, each only where a check before was lost that names it.
        """
        want = wanted(scenario)
        problem, got = self._problem(self.view(accept), scenario, want)
        if problem is None:
            return
        before, this = self.lost_before(), self._asking[-1]
        faults = frozenset().union(*(lost.faults for check, lost in before.items()
                                     if (check.section, check.question) != (this.section, this.question)))
        seen = [(got, faults)]
        repairs = {repair for check in before if check.question != this.question for repair in check.repairs}
        repairs &= set(accept)
        if repairs:
            problem, got = self._problem(View(self.nn, repairs), scenario, want)
            if problem is None:
                return
            seen.insert(0, (got, frozenset(f for f in faults if not ("parts" in repairs and FAULTS[f][0] in PARTS))))
        seen = [(got, faults) for got, faults in seen if got is not None]
        if any(explains(faults, scenario, got) for got, faults in seen if faults):
            return
        section = this.section  # its faults first, then those of later sections
        for got, faults in seen:
            for fault in sorted(FAULTS, key=lambda fault: (FAULTS[fault][0] < section, FAULTS[fault][0])):
                if explains(faults | {fault}, scenario, got):
                    raise Lost(FAULTS[fault][1], faults=faults | {fault})
        if "fresh" in this.repairs and not self._problem(View(self.nn, repairs | {"fresh"}), scenario, want)[0]:
            raise Lost("what is right for a network's first batch is wrong after an earlier batch: something of that is "
                       "kept and used again, such as a list that forward never empties")
        raise problem

    def _problem(self, view, scenario, want):
        """Return (problem, seen): why the scenario is wrong, a Lost, or None; and what was seen, None if it failed."""
        try:
            got = observe(view, scenario)
        except Void:
            raise
        except Changed as changed:
            if not any(str(changed) in str(lost) for lost in self.lost_before().values()):
                return changed, None
            got = changed.seen
        except Lost as lost:
            return lost, None
        advice = []
        line = difference(got, want, advice)
        if line is not None:
            return Lost(line), got
        for line in advice:
            self.advise(line)
        return None, got


def wanted(scenario):
    """What the scenario sees of the reference; RuntimeError if that fails, which is no fault of the handin's."""
    try:
        return observe(View(Reference()), scenario)
    except Lost as lost:
        raise RuntimeError(f"the reference fails: {lost}") from lost


def explains(faults, scenario, got):
    """Return whether the reference with these faults gives what was seen."""
    try:
        return difference(got, observe(View(Reference(faults)), scenario), []) is None
    except (Lost, Clash):
        return False


# ---- Running a handin ------------------------------------------------------------------------------------------------

class View:
    """A module hw1, of which some pieces are put right: those that have cost points already.

    repairs: a set of
        "parts"      the criterion and the activations are the reference's
        "batchnorm"  BatchNorm is the reference's
        "weights"    what the initializers returned is written into W and b
        "fresh"      each batch gets a new network, with the parameters and statistics of the one before
        "zero_grads" zero_grads is not called
        "gradients"  dW, db, dgamma and dbeta are the reference's, written before each step
    """

    def __init__(self, nn, repairs=()):
        self.nn, self.repairs = nn, frozenset(repairs)
        names = (PARTS_NAMES if "parts" in repairs else ()) + (("BatchNorm",) if "batchnorm" in repairs else ())
        self.replaced = {name: getattr(Reference(), name) for name in names}

    def __getattr__(self, name):
        if name in self.replaced:
            return self.replaced[name]
        if not hasattr(self.nn, name):
            raise Lost(f"hw1.py has no {name}")
        return getattr(self.nn, name)

    def put_right(self):
        """A context in which the module's own names are those of the replaced pieces, too."""
        return mock.patch.multiple(self.nn, create=True, **self.replaced) if self.replaced else contextlib.nullcontext()


PARTS_NAMES = "Identity", "Sigmoid", "Tanh", "ReLU", "SoftmaxCrossEntropy"


class Given:
    """What a scenario hands over: each array or list is remembered, to see that the handin leaves it as it is."""

    def __init__(self):
        self._kept = []

    def __call__(self, name, value):
        self._kept.append((name, value, copy.copy(value)))
        return value

    def check_unchanged(self, seen=None):
        for name, value, before in self._kept:
            if not (np.array_equal(value, before) if isinstance(value, np.ndarray) else value == before):
                raise Changed(name, seen)


def observe(view, scenario):
    """Return what the scenario sees of view; Lost if that fails or changes what it was given."""
    given = Given()
    with quiet(), view.put_right():
        try:
            seen = scenario(view, given)
        except Lost:
            raise
        except MemoryError as error:
            raise Void(told(error)) from error
        except Exception as error:
            raise Lost(told(error)) from error
    given.check_unchanged(seen)
    return seen


@contextlib.contextmanager
def after(method, returned):
    """A context whose failure has its cause in a method before, where that returned None."""
    try:
        yield
    except Exception as error:
        if returned is None and not isinstance(error, Lost) and " is not implemented yet" not in told(error):
            raise Lost(f"{method} returns None") from error
        raise


@contextlib.contextmanager
def quiet():
    """Let pass what a handin warns of."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def told(error):
    """An exception in a line: what was raised, and where in the handin."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_foreign(frame.filename)]
    where, source = "", ""
    if frames:
        last = frames[-1]
        where = f" ({last.name}, line {last.lineno} of {os.path.basename(last.filename)})"
        source = linecache.getline(last.filename, last.lineno).strip()
    if isinstance(error, NotImplementedError) or (isinstance(error, TypeError) and "NotImplemented" in source):
        return (f"{owner_of(error)}{last.name} is not implemented yet (line {last.lineno} of "
                f"{os.path.basename(last.filename)})" if frames else "not implemented yet")
    if isinstance(error, MemoryError):
        return f"needs too much memory{where}"
    if isinstance(error, TooLong):
        return f"runs too long{where}: does it loop or wait for ever?"
    if isinstance(error, SystemExit):
        return f"calls sys.exit{where}"
    message = str(error).strip().split("\n")[0]
    if isinstance(error, AssertionError):
        message = f"{message}: {source}" if message else source
    what = type(error).__name__ if frames or isinstance(error, SyntaxError) else "a value that hw1.py returned or set is of a wrong kind"
    return f"{what}: {shortened(message)}{where}"


def owner_of(error):
    """The class, and a dot, whose method raised the error; "" if it was a function."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if not is_foreign(frame.f_code.co_filename)]
    return f"{type(frames[-1].f_locals['self']).__name__}." if "self" in frames[-1].f_locals else ""


def shortened(message):
    message = "".join(c if c.isprintable() else "?" for c in message)
    return message if len(message) <= LONGEST else message[:LONGEST] + "..."


def is_foreign(filename):
    """Whether a frame of this file is not the handin's: the grader's, a library's or Python's own."""
    here, numpy = os.path.dirname(os.path.abspath(__file__)), os.path.dirname(np.__file__)
    return filename.startswith((here, numpy, os.path.dirname(os.__file__), "<"))


# ---- Comparing -------------------------------------------------------------------------------------------------------

def difference(got, want, advice):
    """Return the first difference between two dicts of values, in a line; None if there is none.

    advice: a list that takes lines on what is right and could be stricter.
    """
    right = []
    for name in want:
        if name in got and got[name] is None:
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
    """Return what is wrong with one value: its type, shape, dtype or numbers; None if nothing.  advice: as above."""
    if isinstance(want, np.generic) and isinstance(got, np.generic):
        got, want = np.asarray(got), np.asarray(want)
    if not isinstance(got, np.ndarray):
        return f"{name} is of type {type(got).__name__}, the grader compares with a NumPy array"
    got = np.asarray(got)  # also of a subclass, whose operators may be others
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
    at = tuple(int(k) for k in np.argwhere(wrong)[0])
    return (f"{name} is wrong in {wrong.sum()} of {wrong.size} entries: [{', '.join(map(str, at))}] is "
            f"{got[at]:.6g}, expected {want[at]:.6g}")
