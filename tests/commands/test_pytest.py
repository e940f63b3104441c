"""What pytest shows of an unfinished hw1.py: at every stage short failures, and what to do next."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.commands import copies
from tests.grader.faults import TEXTBOOK
from tests.grader.proof.handins import stubbed

PIECES = """random_normal_weight_init zeros_bias_init SoftmaxCrossEntropy.forward
SoftmaxCrossEntropy.derivative Sigmoid.forward Sigmoid.derivative Tanh.forward Tanh.derivative
ReLU.forward ReLU.derivative MLP.zero_grads MLP.forward MLP.backward MLP.step BatchNorm.forward
BatchNorm.backward get_training_stats""".split()
STAGES = {  # how many of the pieces are done: what is next
    0: r"section 2\.2: SoftmaxCrossEntropy.forward is not implemented yet \(line \d+ of hw1.py\)",
    10: r"section 2\.3: MLP.forward is not implemented yet \(line \d+ of hw1.py\)",
    16: r"section 2\.8: get_training_stats is not implemented yet \(line \d+ of hw1.py\)",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository, of its source alone."""
    return copies.copy(tmp_path_factory.mktemp("checkout"), "hw1", "tests", "data", "setup.cfg",
                       "README.md", "handin.sh")


def run(root, text=None, *arguments):
    """Run pytest in root with this hw1.py; return its exit status and its output."""
    if text is not None:
        (root / "hw1" / "hw1.py").write_text(text)
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@pytest.mark.parametrize("done", STAGES)
def test_each_stage_of_the_work_is_collected_and_told_in_short(copy, done):
    status, output = run(copy, stubbed(PIECES[done:], "raise NotImplemented", TEXTBOOK))
    assert status == 1 and "error" not in output.split("collected")[1].split("\n")[0]
    assert re.search(f"^Next: {STAGES[done]}$", output, re.MULTILINE)
    assert len(output.splitlines()) < 400 and "BaseException" not in output
    assert output.index("test_this_hw1_earns_all_points") < output.index("not implemented yet")


def test_a_hw1_py_that_does_not_parse_is_told_in_a_line_each(copy):
    status, output = run(copy, TEXTBOOK + "def f(:\n")
    line = len(TEXTBOOK.splitlines()) + 1
    assert status == 1 and "error" not in output.split("collected")[1].split("\n")[0]
    assert re.search(rf"^Next: hw1.py does not import: SyntaxError: .* \(hw1.py, line {line}\)",
                     output, re.MULTILINE)
    assert output.count("hw1/hw1.py does not import: SyntaxError: invalid syntax") > 10
    assert len(output.splitlines()) < 130 and "Traceback" not in output


def test_a_checkout_that_cannot_be_written_to_is_no_failure(copy):
    shutil.rmtree(copy / ".pytest_cache", ignore_errors=True)
    (copy / ".pytest_cache").write_text("a file where pytest wants its folder")
    status, output = run(copy, TEXTBOOK, "tests/test_2_1_initializers.py")
    assert status == 0 and "Traceback" not in output and "INTERNALERROR" not in output
