"""Proof that the grader takes points in the right checks, with the right reason, and nowhere else.

Each fault is graded in one process for all seven sections, and a second implementation of the
homework, oracle.py, is asked check by check: wrong where points are lost, right where they are not.
"""

import re
import types

import pytest

from tests.grader import faults, processes
from tests.grader.proof import oracle
from tests.grader.proof.faults import FAULTS
from tests.grader.proof.handins import written

HALF = {0: "", 0.5: "/2"}  # what is kept of a check's points, and how the faults write it


def imported(module):
    nn = types.ModuleType("hw1.hw1")
    exec(module.read_text(), nn.__dict__)
    return nn


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_points_are_lost_where_they_should_be_and_the_oracle_agrees(fault, tmp_path):
    module, lost = written(tmp_path, faults.edited(fault.edits)), fault.lost.split("; ")
    graded = processes.ask(module).sections
    assert set(lost) == {
        f"{number} {outcome.check}{HALF[outcome.earned / outcome.points]}"
        for number, section in graded.items() for outcome in section.outcomes
        if outcome.earned < outcome.points}
    reasons = graded[lost[0].split()[0]].reasons
    assert any(re.search(fault.reason, reason) for reason in reasons), reasons

    nn = imported(module)
    for key in oracle.QUESTIONS:
        if not {" ".join(key), f"{' '.join(key)}/2"} & set(lost):
            assert any(oracle.is_right(key, nn, s) for s in ({}, *fault.neutral)), f"{key} is wrong"
        elif not fault.form:
            assert not oracle.is_right(key, nn, {}), f"{key} is right"


def test_the_oracle_finds_the_textbook_right_in_each_check_and_setting(tmp_path):
    module = written(tmp_path, faults.TEXTBOOK)
    nn = imported(module)
    assert set(oracle.QUESTIONS) == {
        (number, outcome.check) for number, section in
        processes.ask(module).sections.items() for outcome in section.outcomes}
    settings = [{}] + [setting for fault in FAULTS for setting in fault.neutral]
    for setting in {str(setting): setting for setting in settings}.values():
        assert not [key for key in oracle.QUESTIONS if not oracle.is_right(key, nn, setting)]


def test_each_fault_that_the_grader_recognises_is_here_once():
    names = [fault.name for fault in FAULTS]
    assert set(names) >= set(faults.FAULTS) and len(set(names)) == len(names)
