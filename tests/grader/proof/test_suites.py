"""Proof of the homework's suites: a mistake fails the suite of its section, a solution fails none.

A mistake may also fail the suites of sections that need those where it costs points; these are not
run. A correct solution passes every test, whatever its style.
"""

import pathlib
import typing

import pytest

from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof import suites
from tests.grader.proof.cases import CASES, are_in_training_stats
from tests.grader.proof.styles import STYLES

OWN = pathlib.Path(__file__).parents[3] / "hw1" / "hw1.py"
SOLUTIONS = sorted((OWN.parents[1] / "tests" / "solutions").glob("[a-z]*.py"))


class Wrong(typing.NamedTuple):
    """A wrong hw1.py. homes: sections, one of whose suites must fail. costs: that may fail.

    is_in_training_stats: whether it differs from the textbook in get_training_stats alone.
    """

    homes: typing.Set[str]
    costs: typing.Set[str]
    text: str
    is_in_training_stats: bool = False


def list_wrong_modules():
    """Return {name: Wrong} of every mistake and case of the grader."""
    wrong = {}
    for name, mistake in MISTAKES.items():
        costs = {check[:3] for check in mistake.costs} | {mistake.section}
        wrong[name] = Wrong({mistake.section}, costs, read_textbook(name))
    for name, case in CASES.items():
        costs = {check[:3] for check in case.costs}
        if "2.5 initializers" in case.costs:
            costs.add("2.1")  # its tests check how MLP calls the initializers
        if "init_fn" in case.reason:
            costs.add("2.1")
        if "Identity" in case.reason:
            costs.add("2.4")  # its tests check Identity, which the grader charges in 2.3
        wrong[name] = Wrong(costs, costs, edit(read_textbook(), case.edits),
                            case.is_in_training_stats)
    return wrong


def list_solutions():
    """Return {name: (text, sections whose suites it must pass)} of every correct solution."""
    solutions = {"this repository's": (OWN.read_text(), suites.SUITES)}
    for path in SOLUTIONS:
        solutions[path.name] = (path.read_text(), suites.SUITES)
    for name, (_, edits) in STYLES.items():
        sections = ["2.8"] if are_in_training_stats(edits) else suites.SUITES
        solutions[f"textbook, {name}"] = (edit(read_textbook(), edits), sections)
    return solutions


WRONG = list_wrong_modules()
CORRECT = list_solutions()


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_fails_its_own_suite_only(name):
    wrong = WRONG[name]
    independent = {section for section in suites.SUITES
                   if wrong.costs.isdisjoint([section, *suites.NEEDS[section]])}
    if wrong.is_in_training_stats:  # no other suite calls it
        independent = set()
    failures = suites.run_suites(wrong.text, sorted(wrong.homes | independent))
    failed = {section for section, failure in failures.items() if failure is not None}
    assert failed & wrong.homes, f"no test of {wrong.homes} fails"
    assert not failed & independent, failures


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_solution_passes_every_suite(name):
    text, sections = CORRECT[name]
    failures = suites.run_suites(text, sections, allow_skips=False)
    assert not any(failures.values()), failures
