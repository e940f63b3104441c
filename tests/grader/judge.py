"""Judge a check: run its scenarios on a submission, and compare the values that they yield.

A scenario is a function of nn, a Kit of network.py that builds networks, and of given, a Given that
notes every array that the submission gets and must not modify. It yields (name, value), which is
compared with the value that the same scenario yields for the textbook; or (name, value, expected)
or (name, value, expected, value before) where it works out the right value by itself. It raises
Lost, mostly by require, where there is nothing to compare.

A check is asked in one or more ways, and keeps its points at the first agreement:

    WHOLE     the submission with its own parts, and the textbook with its own
    OWN       both with the submission's criterion, activations and BatchNorm
    TEXTBOOK  both with the textbook's

Each way imports the submission again, so that no state is left from earlier checks; a submission
whose imports are slow keeps its last one after some time, see worker.py.
"""

import contextlib
import copy
import dataclasses
import functools
import re
import typing
import warnings

import numpy as np

from tests.grader import mistakes
from tests.grader.describe import (
    ReturnsNone, describe_difference, describe_error, is_unfinished)
from tests.grader.network import Kit
from tests.grader.reasons import CannotAsk, Lost, Void

WHOLE = "whole"
OWN = "own parts"
TEXTBOOK = "textbook's parts"
METHODS = [  # a pattern of a reason, and the method that it is about; the first that matches counts
    (r" changes in (\w+): only step moves it", r"MLP.\1"),
    (r"^MLP\.backward ", "MLP.backward"),
    (r"^(MLP\.|the network has|the number of units|two networks share)", "MLP.__init__"),
    (r"^derivative\(\) ", "SoftmaxCrossEntropy.derivative"),
    (r" after a step ", "MLP.step"),
    (r"^zero_grads ", "MLP.zero_grads"),
    (r"^forward\(x\)", "MLP.forward"),
    (r"^(dW|db)\b", "MLP.backward"),
]


class Way(typing.NamedTuple):
    """A scenario, and whose parts the networks have: WHOLE, OWN or TEXTBOOK.

    if_stuck: not asked unless the way before was stuck: the textbook's network could not run with
    the submission's parts.
    """

    scenario: typing.Callable
    parts: str = WHOLE
    if_stuck: bool = False


class Check(typing.NamedTuple):
    """A check of a section.

    points: the points that it is worth. method: the method that it tests, "MLP.forward", to which
    reasons refer. ways: the ways to ask, until one agrees.
    """

    name: str
    points: int
    method: str
    ways: typing.Sequence[Way]


def alone(scenario):
    """Return the only way to ask about a part by itself, or wherever one way is enough."""
    return [Way(scenario)]


def in_network(scenario):
    """Return the three ways to ask about a network without BatchNorm."""
    return [Way(scenario), Way(scenario, OWN), Way(scenario, TEXTBOOK)]


@dataclasses.dataclass
class Verdict:
    """The result of a check.

    reason: why points are lost, or None if the check keeps all.
    kept: the fraction of the points that is kept in spite of a reason.
    explained: the names of the mistakes of mistakes.py that give the same numbers.
    whole: how the submission with its own parts differs from the textbook although another way
    agrees, or None; it counts only if no check at all is lost.
    """

    reason: str = None
    kept: float = 0.0
    explained: list = dataclasses.field(default_factory=list)
    whole: str = None


@dataclasses.dataclass
class Problem:
    """Why the submission does not agree in one way.

    modified: whether all values are right, but an argument was modified in place.
    seen: the submission's values, {name: value}; None after an exception, or if modified.
    unfinished: whether it called a function that is not implemented yet.
    stuck: whether the textbook's network cannot run with the submission's parts.
    error: whether it raised an exception other than Lost, or the scenario does not apply to it.
    """

    way: Way
    reason: str
    modified: bool = False
    seen: dict = None
    unfinished: bool = False
    stuck: bool = False
    error: bool = False


def judge(check, submission, section):
    """Return the Verdict on a submission in a check of a section, "2.3"."""
    ways = check.ways
    if submission.only_textbook_parts:
        ways = [way for way in ways if way.parts == TEXTBOOK] or ways
    problems = []
    for way in ways:
        if way.if_stuck and problems and not problems[-1].stuck:
            continue
        problem = ask(way, submission)
        if problem is None:
            differs_as_whole = problems and problems[0].way.parts == WHOLE
            return Verdict(whole=locate(problems[0].reason, check, submission)
                           if differs_as_whole else None)
        problems.append(problem)
    cause = find_cause(problems)
    stub = submission.unfinished.get(check.method)
    if stub is not None or cause.unfinished:
        return Verdict(stub or cause.reason)
    reason = locate(cause.reason, check, submission)
    kept = 1 - 1 / check.points if cause.modified else 0.0  # one point is lost, or all
    candidates = mistakes.find_candidates(section, check.method.split(".")[0])
    compared = [problems[0]] if cause is problems[0] else [problems[0], cause]
    explained = [name for name in candidates
                 if any(explains(name, problem, submission) for problem in compared)]
    return Verdict(reason, kept, explained)


def find_cause(problems):
    """Return the problem whose reason says most about the cause, the first that there is of these:

    1. An argument that was modified in place.
    2. A wrong value, in the way with most of the textbook's parts: it is the method's own fault.
    3. A function that is not implemented.
    4. The exception of the first way: the MLP may need what only the submission's own parts have.
    """
    modified = [problem for problem in problems if problem.modified]
    if modified:
        return modified[0]
    wrong_values = [problem for problem in problems if not problem.error and not problem.stuck]
    if wrong_values:
        return max(wrong_values,
                   key=lambda problem: (WHOLE, OWN, TEXTBOOK).index(problem.way.parts))
    unfinished = [problem for problem in problems if problem.unfinished]
    return unfinished[-1] if unfinished else problems[0]


def locate(reason, check, submission):
    """Return a reason with the method that it is about and its line, unless it says a line."""
    if re.search(r"\bline \d+", reason):
        return reason
    return reason + submission.locate(find_method(reason) or check.method)


def find_method(reason):
    """Return the method that sets the value that a reason names, or None if it is not known."""
    for pattern, method in METHODS:
        match = re.search(pattern, reason)
        if match:
            return match.expand(method)
    return None


def ask(way, submission):
    """Return the Problem of a submission with one way, or None if it agrees.

    Raises Void and MemoryError, which cost more than this check.
    """
    given = Given()
    try:
        with submission.watching_stubs():
            values = observe(way.scenario, make_kit(submission.load, way, submission), given)
    except (Void, MemoryError):
        raise
    except Exception as error:
        return describe_failure(error, way, submission)
    seen = {name: items[0] for name, items in values.items()}
    if any(len(items) == 1 for items in values.values()):
        try:
            expected = observe_textbook(way, submission)
        except Exception as error:
            if way.parts != OWN:
                raise RuntimeError(f"the textbook fails: {error!r}") from error
            return Problem(way, f"its parts cannot run: {describe_error(error)}", stuck=True)
        if any(value is None for value, *_ in expected.values()):
            return Problem(way, "its parts return None", stuck=True)
        missing = [name for name in expected if name not in values]
        if missing:
            return Problem(way, f"{missing[0]} is missing", seen=seen)
        # other names are of layers that the textbook does not have
        values = {name: items for name, items in values.items() if name in expected}
        for name, items in values.items():
            if len(items) == 1:
                values[name] = items + expected[name]
    reason, advice = describe_difference(values, given.batch_size)
    if reason is not None:
        stub = submission.called_stub()
        if reason.endswith(" is None"):
            reason = find_none(way, submission) or reason
        return Problem(way, stub or reason, seen=seen, unfinished=stub is not None)
    modified = given.find_modified()
    if modified:
        reason = f"{modified} is modified in place: work on a copy"
        return Problem(way, reason, modified=True)
    submission.advice += advice + given.advice
    return None


def describe_failure(error, way, submission):
    """Return the Problem of a submission with a way in which an exception was raised."""
    stub = submission.called_stub()
    is_error = isinstance(error, CannotAsk) or not isinstance(error, Lost)
    if stub is not None:
        reason = stub
    elif isinstance(error, Lost):
        reason = str(error)
    else:
        reason = describe_error(error)
        if "NoneType" in reason:
            reason = find_none(way, submission) or reason
    return Problem(way, reason, unfinished=stub is not None or is_unfinished(error),
                   stuck=cannot_run(way, submission), error=is_error)


def make_kit(load, way, submission):
    """Return the Kit of the MLP that load imports, and of the parts that the way names."""
    if way.parts == WHOLE:
        return Kit(load, whole=True)
    if way.parts == TEXTBOOK:
        return Kit(load, mistakes.load_textbook)
    return Kit(load, None if load == submission.load else submission.load)


def observe(scenario, kit, given):
    """Run a scenario and return {name: [value, and the expected value if it yields one]}.

    A scenario that yields nothing, because require says all, may be a plain function.
    """
    with ignore_warnings():
        return {name: items for name, *items in scenario(kit, given) or ()}


def observe_textbook(way, submission):
    """Return what observe returns for the textbook."""
    return observe(way.scenario, make_kit(mistakes.load_textbook, way, submission), Given())


def cannot_run(way, submission):
    """Return whether the textbook's network cannot run with the submission's parts."""
    if way.parts != OWN:
        return False
    try:
        observe_textbook(way, submission)
    except Exception:
        return True
    return False


def explains(mistake, problem, submission):
    """Return whether the textbook with a mistake gives the values of the submission.

    It is run no further than to the first value that differs.
    """
    if problem.seen is None:
        return False
    load = functools.partial(mistakes.load_textbook, mistake)
    names = set()
    try:
        with ignore_warnings():
            kit = make_kit(load, problem.way, submission)
            for name, value, *_ in problem.way.scenario(kit, Given()) or ():
                if name not in problem.seen:
                    return False
                if describe_difference({name: [problem.seen[name], value]})[0] is not None:
                    return False
                names.add(name)
    except Exception:
        return False
    return names == set(problem.seen)


def find_none(way, submission):
    """Return a reason that names the first method that returned None, or None."""
    watch = ReturnsNone()
    with contextlib.suppress(Exception), watch:
        observe(way.scenario, make_kit(submission.load, way, submission), Given())
    return watch.found


class Given:
    """Notes the arguments that a scenario hands to a submission, and the advice that it gives.

    batch_size: the length of the last argument, unless the scenario sets it. A reason says whether
    it is a factor of a value.
    """

    def __init__(self):
        self.advice = []
        self.batch_size = None
        self._noted = []

    def __call__(self, name, value):
        """Return an argument, which must not be modified; name is its name in the reason."""
        self._noted.append((name, value, copy.copy(value)))
        self.batch_size = len(value)
        return value

    def advise(self, line):
        """Give a line of advice, which costs no points; it is dropped if the way disagrees."""
        self.advice.append(line)

    def find_modified(self):
        """Return the name of the first argument that was modified, or None."""
        for name, value, old in self._noted:
            if not np.array_equal(value, old):
                return name
        return None


@contextlib.contextmanager
def ignore_warnings():
    """A context without warnings, Python's and those of floating-point errors in NumPy."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
