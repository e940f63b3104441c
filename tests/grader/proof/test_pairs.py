"""Proof that two mistakes in different sections cost the sum, and that no mistake is free."""

import itertools
import random

import pytest

from tests.grader import processes
from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof.cases import CASES
from tests.grader.proof.submissions import write_module
from tests.grader.proof.test_mistakes import find_lost, find_points

# Where one mistake breaks what the other needs, the price is another one, for the reason given.
EXCEPTIONS = {}


def list_edits():
    """Return {name: ({check: points}, edits)} of all mistakes."""
    found = {name: (find_points(mistake.costs), mistake.edits)
             for name, mistake in MISTAKES.items()}
    found.update({name: (case.costs, case.edits) for name, case in CASES.items()})
    return found


def draw_pairs(count):
    """Return the same pairs each time, of different sections, whose edits do not overlap."""
    edits = list_edits()
    pairs = sorted(itertools.combinations(sorted(edits), 2))
    random.Random(20).shuffle(pairs)
    found = []
    for first, second in pairs:
        sections = [{check.split()[0] for check in edits[name][0]} for name in (first, second)]
        if sections[0] & sections[1]:
            continue
        try:
            edit(edit(read_textbook(), edits[first][1]), edits[second][1])
        except ValueError:
            continue
        found.append((first, second))
        if len(found) == count:
            return found


@pytest.mark.parametrize("first, second", draw_pairs(60))
def test_pair_costs_the_sum(first, second, tmp_path):
    edits = list_edits()
    text = edit(edit(read_textbook(), edits[first][1]), edits[second][1])
    graded = processes.grade_together(write_module(tmp_path, text))
    expected = EXCEPTIONS.get((first, second), {**edits[first][0], **edits[second][0]})
    assert find_lost(graded) == expected
