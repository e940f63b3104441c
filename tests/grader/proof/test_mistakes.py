"""Proof that the grader takes points in the right checks, for the right reason, nowhere else."""

import re

import pytest

from tests.grader import processes
from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof.cases import CASES
from tests.grader.proof.submissions import write_module
from tests.grader.sections import get_checks

# A textbook whose classes take further optional arguments, which its MLP passes.
FURTHER_ARGUMENTS = [
    ("    def __init__(self, fan_in, alpha=0.9):",
     "    def __init__(self, fan_in, alpha=0.9, dtype=None, name=''):"),
    ("        self.alpha = alpha",
     "        self.dtype = dtype\n        self.name = name\n        self.alpha = alpha"),
    ("class Activation:\n    state = None",
     "class Activation:\n    state = None\n\n"
     "    def __init__(self, name=None):\n        self.name = name"),
    ("class Criterion:\n    logits = labels = loss = None",
     "class Criterion:\n    logits = labels = loss = None\n\n"
     "    def __init__(self, name=None):\n        self.name = name"),
    ("                 criterion, lr, momentum=0.0, num_bn_layers=0):",
     "                 criterion, lr, momentum=0.0, num_bn_layers=0, dtype=np.float64):"),
    ("        sizes = [input_size] + hiddens + [output_size]",
     "        sizes = [input_size] + hiddens + [output_size]\n"
     "        layer_class = BatchNorm\n\n"
     "        def make_batchnorm(d):\n"
     "            return layer_class(d, dtype=dtype, name='norm')\n"),
    ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]",
     "            self.bn_layers = [make_batchnorm(sizes[i + 1]) for i in range(num_bn_layers)]"),
]


# What cannot run is lost with it.
ALSO_LOST = {"one hidden layer": ["2.6 in a network, num_bn_layers=3", "2.6 step"]}


def find_lost(graded):
    """Return {"2.3 forward": points lost} of a score."""
    return {f"{number} {outcome.check}": outcome.points - outcome.earned
            for number, section in graded.sections.items() for outcome in section.outcomes
            if outcome.earned < outcome.points}


def find_points(checks):
    """Return {check: its points}."""
    return {check: points for check, points in ALL_POINTS.items() if check in checks}


ALL_POINTS = {f"{number} {check.name}": check.points for number in processes.ALL
              for check in get_checks(number)}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_costs_what_its_table_says(name, tmp_path):
    mistake = MISTAKES[name]
    graded = processes.grade_together(write_module(tmp_path, read_textbook(name)))
    assert find_lost(graded) == find_points(mistake.costs + ALSO_LOST.get(name, []))
    assert mistake.sentence in graded.sections[mistake.section].reasons


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items()
                                  if mistake.section == "2.6"])
def test_mistake_costs_the_same_with_further_arguments(name, tmp_path):
    mistake = MISTAKES[name]
    text = read_textbook()
    for old, new in FURTHER_ARGUMENTS + mistake.edits:
        if "[BatchNorm(" in old and (old, new) not in FURTHER_ARGUMENTS:
            old = old.replace("[BatchNorm(", "[make_batchnorm(")
            new = new.replace("[BatchNorm(", "[make_batchnorm(")
        text = edit(text, [(old, new)])
    graded = processes.grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == find_points(mistake.costs + ALSO_LOST.get(name, []))
    assert mistake.sentence in graded.sections[mistake.section].reasons


@pytest.mark.parametrize("name", CASES)
def test_further_mistake(name, tmp_path):
    case = CASES[name]
    text = edit(read_textbook(), case.edits)
    graded = processes.grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == case.costs
    section = next(iter(case.costs)).split()[0]
    reasons = graded.sections[section].reasons
    assert any(re.search(case.reason, reason) for reason in reasons), reasons


@pytest.mark.parametrize("name, number", [
    ("delta divided", "2.5"), ("dW transposed", "2.5"), ("bias forgotten", "2.6"),
    ("momentum of 0.9", "2.7"), ("three hidden layers", "2.6")])
def test_a_section_alone_is_graded_as_with_the_others(name, number, tmp_path):
    module = write_module(tmp_path, read_textbook(name))
    assert processes.grade(module, [number]).earned == {number: processes.sections.points(number)}


def test_a_section_alone_is_charged_with_what_only_the_whole_shows(tmp_path):
    text = edit(read_textbook(), CASES["alpha is another in MLP"].edits)
    module = write_module(tmp_path, text)
    assert processes.grade(module, ["2.6"]).earned == {"2.6": 14}
    assert processes.grade(module, ["2.7"]).earned == {"2.7": 10}
