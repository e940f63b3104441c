"""Proof of the homework's suites: a mistake fails the suite of its section, and a solution none.

A mistake may also fail the suites of sections that build on those where it costs points; these are
not run. Every correct solution passes every test, in whatever style it is written.
"""

import pathlib

import pytest

from tests.grader import faults
from tests.grader.proof import suites
from tests.grader.proof.faults import FAULTS
from tests.grader.proof.styles import STYLES

OWN = pathlib.Path(__file__).parents[3] / "hw1" / "hw1.py"
SOLUTIONS = sorted((OWN.parents[1] / "tests" / "solutions").glob("[a-z]*.py"))

# Short last batches and seeding are advice, see the grader.
NOT_ASKED = {"statistics per batch", "last batch dropped", "seeded anew in each epoch"}


def list_mistakes():
    """Return {name: (section, the sections where it costs points, the module's text)}."""
    mistakes = {}
    for fault in FAULTS:
        costs = {check[:3] for check in fault.lost.split("; ")}
        section = fault.lost[:3]
        if fault.name == "velocity of weight_init_fn":
            section = "2.7"
        if "_init_fn" in fault.reason:
            costs.add("2.1")  # which asks how MLP calls the initializers
            if section == "2.5":
                section = "2.1"
        if fault.name not in NOT_ASKED:
            mistakes[fault.name] = section, costs, faults.edited(fault.edits)
    return mistakes


def list_solutions():
    """Return {name: the text} of every correct solution."""
    solutions = {"this repository's": OWN.read_text()}
    for path in SOLUTIONS:
        solutions[path.name] = path.read_text()
    for name, (_, edits) in STYLES.items():
        solutions[f"textbook, {name}"] = faults.edited(edits)
    return solutions


MISTAKES = list_mistakes()
CORRECT = list_solutions()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_fails_its_own_suite_only(name):
    section, costs, text = MISTAKES[name]
    independent = [other for other in suites.SUITES
                   if other not in costs and costs.isdisjoint(suites.NEEDS[other])]
    failures = suites.run_suites(text, {section, *independent})
    assert failures.pop(section) is not None, f"no test of {section} fails"
    assert set(failures.values()) <= {None}, failures


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_solution_passes_every_suite(name):
    failures = suites.run_suites(CORRECT[name], allow_skips=False)
    assert set(failures.values()) == {None}, failures
