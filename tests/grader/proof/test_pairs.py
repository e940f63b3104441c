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
    module = write_module(tmp_path, edit_twice(first, second))
    graded = processes.grade_together(module)
    assert find_lost(graded) == {**ALL_CASES[first].costs, **ALL_CASES[second].costs}
