"""How a check is judged: a scenario is run on the submission, and what it sees is compared.

A scenario is a function of nn, a Kit of network.py, and of given, which notes every array that the
submission gets and must not modify. It yields (name, value) pairs, which are compared with those of
the textbook, or (name, value, expected) and (name, value, expected, value before) where it works
out by itself what is right. It raises Lost, mostly by require, where there is nothing to compare.

A check is asked in one or more ways, and keeps its points at the first agreement:

    WHOLE     the submission with its own parts, and the textbook with its own
    OWN       both networks with the submission's criterion, activations and BatchNorm
    TEXTBOOK  both networks with the textbook's

Each way imports the submission again: nothing is left of the checks before.
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
    ReturnsNone, describe_difference, describe_error, find_base, is_unfinished)
from tests.grader.network import Kit
from tests.grader.reasons import CannotAsk, Lost, Void

WHOLE, OWN, TEXTBOOK = "whole", "own parts", "textbook's parts"


class Way(typing.NamedTuple):
    """A scenario, and whose parts the networks have: WHOLE, OWN or TEXTBOOK.

    if_stuck: asked only if the textbook's network could not run with the submission's parts.
    """

    scenario: typing.Callable
    parts: str = WHOLE
    if_stuck: bool = False


class Check(typing.NamedTuple):
    """A question of a section: its points, the method that answers it, and the ways to ask."""

    name: str
    points: int
    method: str
    ways: typing.Sequence[Way]


def alone(scenario):
    """Ask once: a part by itself, or a scenario that needs no other way."""
    return [Way(scenario)]


def in_network(scenario):
    """Ask about a network in the three ways."""
    return [Way(scenario), Way(scenario, OWN), Way(scenario, TEXTBOOK)]


@dataclasses.dataclass
class Verdict:
    """What became of a check.

    reason: why its points are lost, or None. kept: the part of them that is kept all the same.
    explained: the names of the mistakes that give the same numbers. whole: how the submission as a
    whole differs from the textbook, or None; it counts only if no check at all is lost.
    """

    reason: str = None
    kept: float = 0.0
    explained: list = dataclasses.field(default_factory=list)
    whole: str = None


@dataclasses.dataclass
class Problem:
    """Why the submission does not agree in one way.

    modified: all is right, but an argument is modified in place. seen: the values, or None if it
    could not run. unfinished: it calls what is not implemented yet. stuck: the textbook's network
    could not run with its parts. error: it raises an exception.
    """

    way: Way
    reason: str
    modified: bool = False
    seen: dict = None
    unfinished: bool = False
    stuck: bool = False
    error: bool = False


def judge(check, submission, section):
    """Return the Verdict on a check of a section, of a submission."""
    ways = check.ways
    if submission.only_textbook_parts:
        ways = [way for way in ways if way.parts == TEXTBOOK] or ways
    problems = []
    for way in ways:
        if way.if_stuck and problems and not problems[-1].stuck:
            continue
        problem = ask(way, submission)
        if problem is None:
            is_whole = not problems or problems[0].way.parts != WHOLE
            return Verdict(whole=None if is_whole else problems[0].reason)
        problems.append(problem)
    cause = find_cause(problems)
    stub = submission.unfinished.get(check.method)
    if stub is not None or cause.unfinished:
        return Verdict(stub or cause.reason)
    reason = cause.reason
    if not re.search(r"\bline \d+", reason):
        reason += submission.locate(find_method(reason) or check.method)
    kept = 1 - 1 / check.points if cause.modified else 0.0
    candidates = mistakes.find_candidates(section, check.method.split(".")[0])
    explained = [name for name in candidates
                 if explains(name, problems[0], submission) or explains(name, cause, submission)]
    return Verdict(reason, kept, explained)


def find_cause(problems):
    """Return the problem that tells most.

    Where other parts are right, a wrong number is the piece's own. An exception is told of the
    submission as a whole, for its MLP may need what only its own parts have.
    """
    modified = [problem for problem in problems if problem.modified]
    told = [problem for problem in problems if not problem.error and not problem.stuck]
    unfinished = [problem for problem in problems if problem.unfinished]
    if modified:
        return modified[0]
    if told:
        return max(told, key=lambda problem: (WHOLE, OWN, TEXTBOOK).index(problem.way.parts))
    return unfinished[-1] if unfinished else problems[0]


def find_method(reason):
    """Return the method that sets what a reason is about, or None if the name does not say."""
    base = find_base(reason)
    if reason.startswith(("MLP.", "the network has")):
        return "MLP.__init__"
    if base == "forward(x)":
        return "MLP.forward"
    return "MLP.backward" if base in ("dW", "db") else None


def ask(way, submission):
    """Return the Problem that the submission has with a scenario in one way, or None."""
    given = Given()
    try:
        with submission.watching_stubs():
            values = observe(way.scenario, make_kit(submission.load, way, submission), given)
    except (Void, MemoryError):
        raise
    except Exception as error:
        return describe_failure(error, way, submission)
    seen = {name: value[0] for name, value in values.items()}
    if any(len(value) == 1 for value in values.values()):
        try:
            expected = observe_textbook(way, submission)
        except Exception as error:
            if way.parts != OWN:
                raise RuntimeError(f"the textbook fails: {error!r}") from error
            return Problem(way, f"its parts cannot run: {describe_error(error)}", stuck=True)
        missing = [name for name in expected if name not in values]
        if missing:
            return Problem(way, f"{missing[0]} is missing", seen=seen)
        for name, value in list(values.items()):
            if name not in expected:
                del values[name]  # of a layer more than there should be
            elif len(value) == 1:
                values[name] = value + expected[name]
    reason, advice = describe_difference(values, given.batch_size)
    if reason is not None:
        stub = submission.called_stub()
        if reason.endswith(" is None"):
            reason = find_none(way, submission) or reason
        return Problem(way, stub or reason, seen=seen, unfinished=stub is not None)
    if given.find_modified():
        reason = f"{given.find_modified()} is modified in place: work on a copy"
        return Problem(way, reason, modified=True)
    submission.advice += advice + given.advice
    return None


def describe_failure(error, way, submission):
    """Return the Problem that an exception in the scenario is."""
    stub = submission.called_stub()
    is_error = isinstance(error, CannotAsk) or not isinstance(error, Lost)
    if stub is not None:
        reason = stub
    elif not isinstance(error, Lost):
        reason = describe_error(error)
        if "NoneType" in reason:
            reason = find_none(way, submission) or reason
    else:
        reason = str(error)
    return Problem(way, reason, unfinished=stub is not None or is_unfinished(error),
                   stuck=cannot_run(way, submission), error=is_error)


def make_kit(load, way, submission):
    """Return the Kit of a module's MLP, and of the parts that the way asks for."""
    if way.parts == WHOLE:
        return Kit(load, whole=True)
    if way.parts == TEXTBOOK:
        return Kit(load, mistakes.load_textbook)
    return Kit(load, None if load == submission.load else submission.load)


def observe(scenario, kit, given):
    """Return {name: [value, and what is expected if the scenario says so]}."""
    with ignore_warnings():
        return {name: value for name, *value in scenario(kit, given) or ()}


def observe_textbook(way, submission, mistake=None):
    """Return what the textbook, or the textbook with a mistake, gives in a way."""
    load = functools.partial(mistakes.load_textbook, mistake)
    return observe(way.scenario, make_kit(load, way, submission), Given())


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
    """Return whether the textbook with a mistake gives what was seen."""
    if problem.seen is None:
        return False
    try:
        values = observe_textbook(problem.way, submission, mistake)
    except Exception:
        return False
    if set(values) != set(problem.seen):
        return False
    compared = {name: [problem.seen[name], value[0]] for name, value in values.items()}
    return describe_difference(compared)[0] is None


def find_none(way, submission):
    """Return which method returned None, if one did."""
    watch = ReturnsNone()
    with contextlib.suppress(Exception), watch:
        observe(way.scenario, make_kit(submission.load, way, submission), Given())
    return watch.found


class Given:
    """What a scenario hands over: noted, to see whether the submission modifies it."""

    def __init__(self):
        self.advice = []
        self.batch_size = None
        self._noted = []

    def __call__(self, name, value):
        self._noted.append((name, value, copy.copy(value)))
        self.batch_size = len(value)
        return value

    def advise(self, line):
        """Give a line of advice, which costs no points; it counts if the check is not lost."""
        self.advice.append(line)

    def find_modified(self):
        """Return the name of what is not as it was, or None."""
        for name, value, old in self._noted:
            if not np.array_equal(value, old):
                return name
        return None


@contextlib.contextmanager
def ignore_warnings():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
