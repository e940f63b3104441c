"""Adds up the points: of each section, what its tests earned, and the first reason for what they did not."""

import json
import typing

from tests.handout.judge import SUITES
from tests.handout.points import POINTS


class Section(typing.NamedTuple):
    number: str
    title: str
    possible: float
    earned: float
    reason: typing.Optional[str]  # the first, if points are lost


def section_of(nodeid):
    """The section whose suite a test is in, or None."""
    for number, suite in SUITES.items():
        if nodeid.startswith("tests/handout/%s.py::" % suite):
            return number
    return None


def score(outcomes):
    """The sections, from the outcomes of all graded tests: a dict by node id, in the order of the suites."""
    return [score_section(number, {nodeid: outcome for nodeid, outcome in outcomes.items()
                                   if section_of(nodeid) == number}) for number in POINTS]


def score_section(number, outcomes):
    title, points = POINTS[number]
    earned, reason = 0, None
    for test, worth in points.items():
        cases = [outcome for nodeid, outcome in outcomes.items() if nodeid.split("::")[1].split("[")[0] == test]
        earned += worth * sum(case.passed for case in cases) / max(1, len(cases))
        lost = [case.reason for case in cases if not case.passed] or ([] if cases else ["%s was not run" % test])
        reason = reason or (lost[0] if lost else None)
    for outcome in outcomes.values():
        if outcome.void:
            earned, reason = 0, outcome.reason
            break
    return Section(number, title, sum(points.values()), round(earned, 1), reason)


def table(sections):
    """The score as lines of text."""
    lines = ["%-4s %-24s %5s /%4s%s" % (s.number, s.title, "%g" % s.earned, "%g" % s.possible,
                                       "   " + s.reason if s.reason else "") for s in sections]
    return lines + ["%-4s %-24s %5s /%4s" % ("", "Total", "%g" % total(sections), "%g" % sum(s.possible for s in sections))]


def total(sections):
    return round(sum(s.earned for s in sections), 1)


def autolab(sections):
    """The score in the form that Autolab reads from the last line of standard output."""
    return json.dumps({"scores": {s.number: float(s.earned) for s in sections}})
