"""Proof that a mistake loses the points of the right checks only, and for the right reason."""

import re

import pytest

from tests.grader import judge, processes
from tests.grader.mistakes import MISTAKES, edit, read_textbook
from tests.grader.proof.cases import CASES
from tests.grader.proof.submissions import grade_together, write_module
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

# {mistake: checks that are lost with it}, for they need a network that it cannot build
ALSO_LOST = {"one hidden layer": ["2.6 in a network, num_bn_layers=3", "2.6 step"]}

BATCHNORM_MISTAKES = [name for name, mistake in MISTAKES.items() if mistake.section == "2.6"]

ALL_POINTS = {f"{number} {check.name}": check.points for number in processes.ALL
              for check in get_checks(number)}


def find_lost(graded):
    """Return {check: points lost} of a graded submission, for example {"2.3 forward": 3}."""
    return {f"{number} {outcome.check}": outcome.points - outcome.earned
            for number, section in graded.sections.items() for outcome in section.outcomes
            if outcome.earned < outcome.points}


def find_points(checks):
    """Return {check: all of its points}."""
    return {check: ALL_POINTS[check] for check in checks}


def test_sentences_are_a_mistake_a_colon_and_a_fix():
    for mistake in MISTAKES.values():
        assert mistake.sentence.count(": ") == 1


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_costs_what_its_table_says(name, tmp_path):
    mistake = MISTAKES[name]
    graded = grade_together(write_module(tmp_path, read_textbook(name)))
    assert find_lost(graded) == find_points(mistake.costs + ALSO_LOST.get(name, []))
    assert mistake.sentence in graded.sections[mistake.section].reasons


@pytest.mark.parametrize("name", BATCHNORM_MISTAKES)
def test_mistake_costs_the_same_with_further_arguments(name, tmp_path):
    mistake = MISTAKES[name]
    edits = [(old.replace("[BatchNorm(", "[make_batchnorm("),
              new.replace("[BatchNorm(", "[make_batchnorm(")) for old, new in mistake.edits]
    text = edit(read_textbook(), FURTHER_ARGUMENTS + edits)
    graded = grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == find_points(mistake.costs + ALSO_LOST.get(name, []))
    assert mistake.sentence in graded.sections[mistake.section].reasons


@pytest.mark.parametrize("name", CASES)
def test_further_mistake_costs_what_its_case_says(name, tmp_path):
    case = CASES[name]
    text = edit(read_textbook(), case.edits)
    numbers = ["2.8"] if case.is_in_training_stats else processes.ALL  # no other section calls it
    graded = grade_together(write_module(tmp_path, text), numbers)
    assert find_lost(graded) == case.costs
    section = next(iter(case.costs)).split()[0]
    reasons = graded.sections[section].reasons
    assert any(re.search(case.reason, reason) for reason in reasons), reasons


@pytest.mark.parametrize("name, number", [
    ("delta divided", "2.5"), ("dW transposed", "2.5"), ("bias forgotten", "2.6"),
    ("momentum of 0.9", "2.7"), ("three hidden layers", "2.6")])
def test_section_alone_is_free_of_a_mistake_of_another(name, number, tmp_path):
    module = write_module(tmp_path, read_textbook(name))
    graded = processes.grade(module, [number])
    assert graded.earned == {number: processes.sections.points(number)}


@pytest.mark.parametrize("number, points", [("2.6", 14), ("2.7", 10)])
def test_section_alone_loses_what_only_the_whole_shows(number, points, tmp_path):
    text = edit(read_textbook(), CASES["alpha is another in MLP"].edits)
    module = write_module(tmp_path, text)
    graded = processes.grade(module, [number])
    assert graded.earned == {number: points}


def test_column_of_losses_is_no_error_of_numpy(tmp_path):
    old = "        self.loss = -np.sum(y * (x - lse), axis=1)\n"
    new = old.replace("axis=1", "axis=1, keepdims=True")
    graded = grade_together(write_module(tmp_path, edit(read_textbook(), [(old, new)])))
    assert find_lost(graded) == {"2.2 loss": 2}
    outcomes = {outcome.check: outcome for outcome in graded.sections["2.2"].outcomes}
    assert outcomes["log_sum_exp"].whole == (
        "the loss of logits of +-1000 has shape (4, 1); the expected shape is (4,) "
        "(SoftmaxCrossEntropy.forward, line 68)")


@pytest.mark.parametrize("check, points, reason, old, new", [
    ("2.2 loss", 1, "the labels is modified in place",
     "        return self.loss\n",
     "        y += 1.0\n        return self.loss\n"),
    ("2.3 backward", 1, "labels is modified in place",
     "        delta = self.criterion.derivative()\n",
     "        delta = self.criterion.derivative()\n        labels += 1.0\n"),
    ("2.5 initializers", 3, "num_bn_layers is 1 where MLP is not given it",
     "                 criterion, lr, momentum=0.0, num_bn_layers=0):\n",
     "                 criterion, lr, momentum=0.0, num_bn_layers=1):\n"),
    ("2.5 initializers", 1, "the list of activations is modified in place",
     "        self.activations = activations\n",
     "        self.activations = list(activations)\n        activations.append(None)\n"),
    ("2.5 initializers", 3, "W[0] is not what call 1 of weight_init_fn returned",
     "        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]\n",
     "        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]\n"
     "        self.W = [2 * W for W in self.W]\n"),
    ("2.5 initializers", 3, "b[0] is not what bias_init_fn(6) returned",
     "        self.b = [bias_init_fn(sizes[i + 1]) for i in range(self.nlayers)]\n",
     "        self.b = [np.zeros((1, d)) for d in sizes[1:]]\n"),
])
def test_check_sees_what_it_names(check, points, reason, old, new, tmp_path):
    module = write_module(tmp_path, edit(read_textbook(), [(old, new)]))
    section = check.split()[0]
    graded = grade_together(module, [section])
    assert find_lost(graded)[check] == points
    assert any(line.startswith(reason) for line in graded.sections[section].reasons)


def test_wrong_output_does_not_cost_backward(tmp_path):
    old = "            z = self.outputs[i] @ self.W[i] + self.b[i]\n"
    text = edit(read_textbook(), [(old, old.replace("+ self.b[i]", "+ 2 * self.b[i]"))])
    graded = grade_together(write_module(tmp_path, text), ["2.3"])
    assert find_lost(graded) == {"2.3 forward": 3}


@pytest.mark.parametrize("reason, method", [
    ("MLP.backward leaves dW and db at 0", "MLP.backward"),
    ("MLP.W is None", "MLP.__init__"),
    ("the network has no hidden layer", "MLP.__init__"),
    ("forward(x) is wrong in 3 of 80 entries", "MLP.forward"),
    ("W[0] changes in backward: only step moves it", "MLP.backward"),
    ("dW[1] is transposed", "MLP.backward"),
    ("the loss of 7 examples is negative", None),
])
def test_a_reason_is_located_in_the_method_that_it_names(reason, method):
    assert judge.find_method(reason) == method
