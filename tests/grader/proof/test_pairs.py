"""Proof that two mistakes in different sections cost the sum of what each costs."""

import itertools
import zlib

import pytest

from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof.cases import CASES, Case
from tests.grader.proof.submissions import grade_together, write_module
from tests.grader.proof.test_mistakes import find_lost, find_points

ONE_IN = 210  # of the pairs, some 60 in all

# Mistakes that only the submission as a whole shows: they cost points if nothing else is lost.
WHOLE_ONLY = ["alpha is another in MLP", "momentum ignored where there is BatchNorm",
              "zero_grads resets b of hidden layers", "the gradients add up",
              "criterion.loss is not set"]

# {pair: what is lost beyond the sum}: no single mistake gives the numbers that both give together,
# where a network lacks layers, so the checks of such networks are not given back.
BEYOND = {
    ("dW and db summed", "three hidden layers"): {
        "2.5 backward [32, 32, 32, 32, 32]": 6,
        "2.6 in a network, num_bn_layers=1": 1,
        "2.6 in a network, num_bn_layers=2": 1,
        "2.6 in a network, num_bn_layers=3": 1,
    },
    ("one hidden layer", "the first labels are kept"): {
        "2.6 in a network, num_bn_layers=3": 1,
        "2.6 step": 2,
    },
}

ALL_CASES = {name: Case(find_points(mistake.costs), mistake.sentence, mistake.edits)
             for name, mistake in MISTAKES.items()}
ALL_CASES.update(CASES)


def find_sections(case):
    return {check.split()[0] for check in case.costs}


def edit_twice(first, second):
    """Return the textbook's text with two mistakes; raise ValueError if their edits overlap."""
    return edit(edit(read_textbook(), ALL_CASES[first].edits), ALL_CASES[second].edits)


def choose_pairs():
    """Return a sample of pairs of names, which further mistakes do not change.

    The two mistakes are in different sections, and their edits do not overlap.
    """
    pairs = []
    for first, second in itertools.combinations(sorted(ALL_CASES), 2):
        if zlib.crc32(f"{first}, {second}".encode()) % ONE_IN != 0:
            continue
        if not find_sections(ALL_CASES[first]).isdisjoint(find_sections(ALL_CASES[second])):
            continue
        try:
            edit_twice(first, second)
        except ValueError:
            continue
        pairs.append((first, second))
    return pairs


@pytest.mark.parametrize("first, second", choose_pairs())
def test_pair_costs_the_sum(first, second, tmp_path):
    expected = {}
    for name in (first, second):
        if name not in WHOLE_ONLY:
            expected.update(ALL_CASES[name].costs)
    expected.update(BEYOND.get((first, second), {}))
    module = write_module(tmp_path, edit_twice(first, second))
    graded = grade_together(module)
    assert find_lost(graded) == expected
