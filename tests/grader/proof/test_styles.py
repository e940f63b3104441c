"""Proof that the grader takes no points from a right handin, and what it advises."""

import re

import pytest

from tests.grader import processes
from tests.grader.faults import TEXTBOOK, edited
from tests.grader.proof.handins import written
from tests.grader.proof.styles import ADVICE, MATRIX_ADVICE, OUTSIDE, STYLES


@pytest.mark.parametrize("style", STYLES)
def test_what_is_lost_and_advised(style, tmp_path):
    """Nothing is lost, or one point, for one reason, by what lies outside of the handout."""
    graded = processes.ask(written(tmp_path, edited(STYLES[style][1])))
    lost = {section.number: (section.possible - section.earned, section.reasons)
            for section in graded.sections.values()
            if section.earned != section.possible or section.reasons}
    if style in OUTSIDE:
        (number, (points, [reason])), = lost.items()
        assert (number, points) == ("2.8", 1) and re.search(OUTSIDE[style], reason)
        return
    assert lost == {} and graded.total == 101
    expected = ADVICE.get(style, MATRIX_ADVICE)
    assert len(graded.advice) == len(expected) <= 5, graded.advice
    assert all(map(str.startswith, graded.advice, expected)), graded.advice


def test_styles_differ():
    assert len({edited(edits) for _, edits in STYLES.values()} | {TEXTBOOK}) == len(STYLES) + 1
    assert set(ADVICE) | set(OUTSIDE) <= set(STYLES)


@pytest.mark.parametrize("edits", [
    [{"no such text": ""}], [{"class ": ""}], [{"class MLP": ""}, {"MLP:": ""}],
    [{"class MLP": ""}, {"class MLP": ""}]], ids=["gone", "not once", "overlapping", "twice"])
def test_an_edit_of_a_text_that_is_gone_or_of_two_edits_is_an_error(edits):
    with pytest.raises(ValueError, match="stands . times in the text, not once, or is part of two"):
        edited(*edits)
