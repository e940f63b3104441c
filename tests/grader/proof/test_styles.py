"""Proof that the grader takes no points from a right handin, and what it advises.

    python -m pytest tests/grader/proof/test_styles.py
"""

import re

import pytest

from tests.grader import processes
from tests.grader.faults import TEXTBOOK, edited
from tests.grader.proof.handins import written
from tests.grader.proof.styles import ADVICE, MATRIX_ADVICE, OUTSIDE, STYLES


def lost(graded):
    """What is taken: {section: (points, reasons)}."""
    return {section.number: (section.possible - section.earned, section.reasons)
            for section in graded.sections.values() if section.earned != section.possible or section.reasons}


@pytest.mark.parametrize("style", [style for style in STYLES if style not in OUTSIDE])
def test_full_score(style, tmp_path):
    graded = processes.grade(written(tmp_path, edited(STYLES[style][1])), apart=False)
    assert lost(graded) == {} and graded.total == 101
    expected = ADVICE.get(style, MATRIX_ADVICE)
    assert len(graded.advice) == len(expected) <= 5, graded.advice
    assert all(line.startswith(words) for words, line in zip(expected, graded.advice)), graded.advice


@pytest.mark.parametrize("style", OUTSIDE)
def test_what_lies_outside_costs_a_point(style, tmp_path):
    graded = processes.grade(written(tmp_path, edited(STYLES[style][1])), apart=False)
    (number, (points, reasons)), = lost(graded).items()
    assert (number, points, len(reasons)) == ("2.8", 1, 1) and re.search(OUTSIDE[style], reasons[0])


def test_styles_differ():
    assert len({edited(edits) for _, edits in STYLES.values()} | {TEXTBOOK}) == len(STYLES) + 1
    assert set(ADVICE) | set(OUTSIDE) <= set(STYLES)


def test_an_edit_of_a_text_that_is_gone_is_an_error():
    with pytest.raises(ValueError, match="stands 0 times"):
        edited({"no such text": ""})
