"""Proof that a mistake in a solution unlike the textbook costs its own section alone."""

import pathlib

import pytest

from tests.grader import processes, worker
from tests.grader.proof.submissions import TOTAL, grade_together, write_module
from tests.grader.proof.test_mistakes import find_lost

SOLUTIONS = pathlib.Path(__file__).resolve().parents[2] / "solutions"


def edit_solution(name, edits):
    """Return the text of tests/solutions/NAME.py with replacements; each old text occurs once."""
    text = (SOLUTIONS / f"{name}.py").read_text()
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name, costs, edits", [
    # Its layers hold the BatchNorms that it uses, and bn_layers holds them, too.
    ("layer_objects", {"2.2 loss": 2, "2.6 step": 2}, [
        ("        if self.batchnorm:\n"
         "            self.batchnorm.gamma = self.batchnorm.gamma - lr * self.batchnorm.dgamma\n"
         "            self.batchnorm.beta = self.batchnorm.beta - lr * self.batchnorm.dbeta\n", ""),
        ("        return self.loss\n", "        return 2 * self.loss\n")]),
    # Its criterion has no derivative, but backward.
    ("backward_only", {"2.3 backward": 3}, [
        ("@ delta / labels.shape[0]", "@ delta / labels.shape[0] / 2")]),
    ("shuffled_copies", {"2.6 training": 2}, [("self.eps = 1e-8", "self.eps = 1e-3")]),
    # Its activations work on columns.
    ("columns_inside", {"2.3 forward": 3}, [
        ("+ self.b[i].reshape(-1, 1)", "- self.b[i].reshape(-1, 1)")]),
    # Its dW and db are None before the first backward.
    ("gradients_none_at_first", {"2.2 derivative": 2}, [
        ("        return self.sm - self.labels\n", "        return self.sm + self.labels\n")]),
])
def test_mistake_costs_its_own_section(name, costs, edits, tmp_path):
    graded = grade_together(write_module(tmp_path, edit_solution(name, edits)))
    assert find_lost(graded) == costs


@pytest.mark.parametrize("gradients", ["None", "[]"])
def test_zero_grads_may_leave_no_lists(gradients, tmp_path):
    text = edit_solution("gradients_none_at_first", [
        ("        self.dW = [np.zeros_like(W) for W in self.W]\n"
         "        self.db = [np.zeros_like(b) for b in self.b]\n"
         "        for i",
         f"        self.dW = {gradients}\n        self.db = {gradients}\n        for i")])
    graded = grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == {}
    assert graded.total == TOTAL


def test_a_list_that_zero_grads_empties_costs_zero_grads_alone(tmp_path):
    text = edit_solution("shuffled_copies", [
        ("        self.dW = [np.zeros_like(W) for W in self.W]\n"
         "        self.db = [np.zeros_like(b) for b in self.b]\n\n"
         "    def step", "        self.W.clear()\n\n    def step")])
    graded = grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == {"2.3 zero_grads": 1}


def test_a_crash_of_the_worker_is_no_verdict(monkeypatch, tmp_path):
    def crash(*arguments):
        raise ZeroDivisionError("a fault of the grader")

    monkeypatch.setattr(worker, "main", crash)
    with pytest.raises(processes.GraderFailed, match="a fault of the grader"):
        grade_together(write_module(tmp_path, "x = 1\n"))
