"""Proof that the grader takes points in the right checks, with the right reason, and nowhere else.

Each fault is graded in one process for all seven sections, and a second implementation of the homework, oracle.py, is
asked check by check: wrong where points are lost, right where they are not.
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
    """What is lost: {section: {check: points}}."""
    prices = {}
    for place in fault.lost.split("; "):
        number, name = place.split(" ", 1)
        points = {check.name: check.points for check in sections.checks_of(number)}
        name, half = name.replace("/2", ""), name.endswith("/2")
        prices.setdefault(number, {})[name] = points[name] / 2 if half else points[name]
    return prices


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_points_are_lost_where_they_should_be_and_the_oracle_agrees(fault, tmp_path):
    module, prices = written(tmp_path, faults.edited(fault.edits)), prices_of(fault)
    graded = processes.grade(module, apart=False).sections
    lost = {number: {outcome.check: outcome.points - outcome.earned for outcome in section.outcomes
                     if outcome.earned < outcome.points} for number, section in graded.items()}
    assert {number: checks for number, checks in lost.items() if checks} == prices
    reasons = graded[next(iter(prices))].reasons
    assert any(re.search(fault.reason, reason) for reason in reasons), reasons

    nn = imported(module)
    for key in oracle.QUESTIONS:
        if key[1] in prices.get(key[0], {}):
            assert fault.form or not oracle.is_right(key, nn, {}), f"{key} is right"
        else:
            assert any(oracle.is_right(key, nn, setting) for setting in ({}, *fault.neutral)), f"{key} is wrong"


def test_the_oracle_has_a_question_for_each_check(tmp_path):
    sections = processes.grade(written(tmp_path, faults.TEXTBOOK), apart=False).sections
    assert {(number, outcome.check) for number, section in sections.items() for outcome in section.outcomes} == set(
        oracle.QUESTIONS)


def test_the_oracle_finds_the_textbook_right_in_each_setting(tmp_path):
    nn = imported(written(tmp_path, faults.TEXTBOOK))
    settings = [{}] + [setting for fault in FAULTS for setting in fault.neutral]
    for setting in {str(setting): setting for setting in settings}.values():
        wrong = [key for key in oracle.QUESTIONS if not oracle.is_right(key, nn, setting)]
        assert wrong == [key for key in wrong if cannot_be_asked(key, setting)]


def cannot_be_asked(key, setting):
    """Without momentum or a step there is no velocity; with one hidden layer there is no third BatchNorm."""
    return (key[0] == "2.7" and (setting.get("fresh") or setting.get("lr") == 0)) or (
        key[0] == "2.6" and "layers" in setting)


def test_each_fault_that_the_grader_recognises_is_here_once():
    names = [fault.name for fault in FAULTS]
    assert set(names) >= set(faults.FAULTS) and len(set(names)) == len(names)
