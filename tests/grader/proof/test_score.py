"""The score of this repository's hw1.py, as `python -m tests.grader` prints it."""

import pytest

from tests.grader import processes, report
from tests.grader.__main__ import OWN


def test_this_hw1_earns_full_marks():
    graded = processes.grade_submission(OWN)
    if graded.total < graded.possible:
        pytest.fail("\n".join(report.text("hw1/hw1.py", graded)), pytrace=False)
