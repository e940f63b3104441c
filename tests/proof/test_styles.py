"""Proof that the grader takes no points from a correct handin: each hw1.py in styles gets all 101.

    python -m pytest tests/proof/test_styles.py
"""

import pathlib

import pytest

from tests.grader import grading, score
from tests.grader.handin import unpack
from tests.handout.judge import SUITES

STYLES = sorted((pathlib.Path(__file__).parent / "styles").glob("*.py"))
OWN = pathlib.Path(__file__).resolve().parents[2] / "hw1" / "hw1.py"
PATIENCE = 60  # seconds for all seven suites in one process


def lost_points(path, folder):
    """What the grader takes from a handin: {section: (points lost, reason)}; empty if nothing."""
    suites = ["tests/handout/%s.py" % suite for suite in SUITES.values()]
    sections = score.score(grading.ask(unpack(path, folder), suites, PATIENCE))
    return {s.number: (s.possible - s.earned, s.reason) for s in sections
            if s.earned != s.possible or s.reason}


@pytest.mark.parametrize("path", STYLES + [OWN], ids=lambda path: path.stem)
def test_full_score(path, tmp_path):
    assert lost_points(path, tmp_path) == {}


def test_styles_are_many():
    """Ten are promised, and a glob that finds none would prove nothing."""
    assert len(STYLES) >= 10
