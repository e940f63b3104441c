"""Proof that the grader takes points in the right checks, with the right reason, and nowhere else.

Each fault is graded in one process for all seven sections, and a second implementation of the
homework, oracle.py, is asked check by check: wrong where points are lost, right where they are not.
"""

import importlib.util
import re

import pytest

from tests.grader import faults, processes, sections
from tests.grader.proof import oracle
from tests.grader.proof.faults import FAULTS
from tests.grader.proof.handins import written


def imported(module):
    spec = importlib.util.spec_from_file_location("hw1.hw1", module)
    nn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nn)
    return nn


def prices_of(fault):
    """What is lost: {(section, check): points}."""
    places = [place.split(" ", 1) for place in fault.lost.split("; ")]
    points = {(number, check.name): check.points
              for number in sections.SECTIONS for check in sections.checks_of(number)}
    return {(number, name.replace("/2", "")):
            points[number, name.replace("/2", "")] / (2 if name.endswith("/2") else 1)
            for number, name in places}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_points_are_lost_where_they_should_be_and_the_oracle_agrees(fault, tmp_path):
    module, prices = written(tmp_path, faults.edited(fault.edits)), prices_of(fault)
    graded = processes.grade(module, apart=False).sections
    assert prices == {(number, outcome.check): outcome.points - outcome.earned
                      for number, section in graded.items() for outcome in section.outcomes
                      if outcome.earned < outcome.points}
    reasons = graded[next(iter(prices))[0]].reasons
    assert any(re.search(fault.reason, reason) for reason in reasons), reasons

    nn = imported(module)
    for key in oracle.QUESTIONS:
        if key not in prices:
            assert any(oracle.is_right(key, nn, s) for s in ({}, *fault.neutral)), f"{key} is wrong"
        elif not fault.form:
            assert not oracle.is_right(key, nn, {}), f"{key} is right"


def test_the_oracle_finds_the_textbook_right_in_each_check_and_setting(tmp_path):
    module = written(tmp_path, faults.TEXTBOOK)
    nn = imported(module)
    assert set(oracle.QUESTIONS) == {
        (number, outcome.check) for number, section in
        processes.grade(module, apart=False).sections.items() for outcome in section.outcomes}
    settings = [{}] + [setting for fault in FAULTS for setting in fault.neutral]
    for setting in {str(setting): setting for setting in settings}.values():
        assert not [key for key in oracle.QUESTIONS if not oracle.is_right(key, nn, setting)]


def test_each_fault_that_the_grader_recognises_is_here_once():
    names = [fault.name for fault in FAULTS]
    assert set(names) >= set(faults.FAULTS) and len(set(names)) == len(names)
