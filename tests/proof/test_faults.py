"""Proof that the grader takes points in the right section, with the right reason, and nowhere else.

    python -m pytest tests/proof

Each case is the textbook's handin with one of faults.py's mistakes, graded in one process for all seven sections.
"""

import re

import pytest

from tests.grader import grading, score
from tests.handout.judge import SUITES
from tests.proof.faults import FAULTS, TEXTBOOK

PATIENCE = 120  # seconds for all sections in one process


def sections(text, folder):
    """Return the score's sections of a hw1.py with this text, by number."""
    module = folder / "handin" / "hw1" / "hw1.py"
    module.parent.mkdir(parents=True)
    module.write_text(text)
    outcomes = grading.ask(module, ["tests/handout/%s.py" % suite for suite in SUITES.values()], PATIENCE)
    return {section.number: section for section in score.score(outcomes)}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_points_are_lost_in_its_section_for_its_reason(fault, tmp_path):
    graded = sections(fault.applied_to(TEXTBOOK), tmp_path)
    lost = {number: section.reason for number, section in graded.items() if section.earned < section.possible}
    assert sorted(lost) == sorted([fault.section, *fault.also]), lost
    assert re.search(fault.reason, lost[fault.section]), lost[fault.section]


def test_names_are_different():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_fault_whose_text_is_gone_is_reported():
    with pytest.raises(ValueError, match="stands 0 times in textbook.py, not once"):
        FAULTS[0].applied_to("")


@pytest.mark.parametrize("body", ["raise NotImplementedError", "pass", "return None"])
def test_a_skeleton_earns_nothing(body, tmp_path):
    assert {section.earned for section in sections(skeleton(body), tmp_path).values()} == {0}


def test_an_empty_file_earns_nothing(tmp_path):
    assert {section.earned for section in sections("", tmp_path).values()} == {0}


def skeleton(body):
    """Return the textbook's classes and functions, each body the one given."""
    text = "import numpy as np\n"
    for head in re.findall(r"^(?:class .*|(?: {4})?def \w+\([^)]*\)):$", TEXTBOOK, re.MULTILINE):
        indent = " " * (4 + len(head) - len(head.lstrip()))
        text += head + ":\n" + ("" if head.startswith("class") else indent + body + "\n")
    return text
