"""Proof that two mistakes in different sections cost the sum of what each costs."""

import itertools
import random

import pytest

from tests.grader import processes
from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof.cases import CASES, Case
from tests.grader.proof.submissions import write_module
from tests.grader.proof.test_mistakes import find_lost, find_points

COUNT = 60

# {pair: the checks that are not lost, for one mistake hides the other there}
HIDDEN = {
    # Two wrong signs give the right step.
    ("derivative sign", "gamma and beta sign"): ["2.6 step"],
    # The output is wrong without BatchNorm, too, so dgamma and dbeta are only required not to be 0.
    # They are 0 where the next layer's gamma is 0, but one BatchNorm has no next.
    ("first activation everywhere", "gamma starts at 0 in MLP"): [
        "2.6 in a network, num_bn_layers=1"],
    # Only the submission as a whole shows the other alpha, and that counts if nothing else is lost.
    ("alpha is another in MLP", "b without momentum"): ["2.6 train_and_infer"],
}

ALL_CASES = {name: Case(find_points(mistake.costs), mistake.sentence, mistake.edits)
             for name, mistake in MISTAKES.items()}
ALL_CASES.update(CASES)


def find_sections(case):
    return {check.split()[0] for check in case.costs}


def edit_twice(first, second):
    """Return the textbook's text with two mistakes; raise ValueError if their edits overlap."""
    return edit(edit(read_textbook(), ALL_CASES[first].edits), ALL_CASES[second].edits)


def draw_pairs():
    """Yield COUNT pairs of names, the same each time.

    The two mistakes are in different sections, and their edits do not overlap.
    """
    pairs = list(itertools.combinations(sorted(ALL_CASES), 2))
    random.Random(20).shuffle(pairs)
    count = 0
    for first, second in pairs:
        if not find_sections(ALL_CASES[first]).isdisjoint(find_sections(ALL_CASES[second])):
            continue
        try:
            edit_twice(first, second)
        except ValueError:
            continue
        yield first, second
        count += 1
        if count == COUNT:
            return


@pytest.mark.parametrize("first, second", list(draw_pairs()))
def test_pair_costs_the_sum(first, second, tmp_path):
    expected = {**ALL_CASES[first].costs, **ALL_CASES[second].costs}
    for check in HIDDEN.get((first, second), []):
        del expected[check]
    module = write_module(tmp_path, edit_twice(first, second))
    graded = processes.grade_together(module)
    assert find_lost(graded) == expected
