"""Runs pytest on unfinished, broken and finished files, as the repository's hw1.py and by --hw1."""

import ast
import re
import shutil
import subprocess
import sys

import pytest

from tests.commands import copies
from tests.commands.copies import ROOT
from tests.unfinished import PIECES

TEXTBOOK = (ROOT / "tests" / "grader" / "textbook.py").read_text()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository's source."""
    return copies.copy(tmp_path_factory.mktemp("checkout"), "hw1", "tests", "data", "setup.cfg",
                       "README.md", "handin.sh", ".pytest-hw1.dist-info")


def stub(text, bodies):
    """Return the text with these bodies of functions, {"MLP.step": "pass"}; None removes one."""
    lines = text.splitlines()
    functions = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    functions[f"{node.name}.{method.name}"] = method
    for name in reversed(list(functions)):
        node = functions[name]
        if name not in bodies:
            continue
        first = node.body[0]
        if bodies[name] is None:
            lines[node.lineno - 1:node.end_lineno] = []
        else:
            lines[first.lineno - 1:node.end_lineno] = [" " * first.col_offset + bodies[name]]
    return "\n".join(lines) + "\n"


def run(root, *arguments):
    """Run pytest in root; return its exit status and the lines of its output."""
    done = subprocess.run([sys.executable, "-m", "pytest", *map(str, arguments)], cwd=root,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(params=["own", "--hw1"])
def run_on(request, checkout, tmp_path):
    """A function that runs pytest on a text, as the repository's hw1.py or by --hw1."""
    def run_pytest(text):
        if request.param == "own":
            (checkout / "hw1" / "hw1.py").write_text(text)
            return run(checkout)
        path = tmp_path / "hw1.py"
        path.write_text(text)
        return run(ROOT, "--hw1", path)
    return run_pytest


def assert_short(output):
    """Assert that an output fits a screen or two, and shows nothing of conftest.py."""
    assert len(output) <= 60
    assert not any("conftest" in line or "Traceback" in line for line in output)


def list_unfinished(output):
    """Return the pieces that the section "unfinished" names."""
    lines = "\n".join(output).partition("= unfinished =")[2]
    return re.findall(r"^section [\d.]+: (\S+) is (?:not implemented yet|missing)", lines, re.M)


# ---- Unfinished work -----------------------------------------------------------------------------

@pytest.mark.parametrize("body", ["raise NotImplementedError", "raise NotImplemented", "pass"])
def test_starter_file_begins_with_the_initializers(run_on, body):
    pieces = [piece for piece in PIECES if not piece.endswith("__init__")]
    text = stub(TEXTBOOK, dict.fromkeys(pieces, body))
    status, output = run_on(text)
    assert status == 1
    assert_short(output)
    line = text.splitlines().index("def random_normal_weight_init(d0, d1):") + 1
    if body != "pass":
        line += 1
    assert output[-1] == ("Next: section 2.1: random_normal_weight_init is not implemented yet "
                          f"(line {line})")
    named = list_unfinished(output)
    assert named == [piece for piece in pieces if piece in named]  # the handout's order
    assert {"SoftmaxCrossEntropy.forward", "MLP.forward", "Tanh.forward"} <= set(named)


def test_each_kind_of_stub_is_named_with_its_line(run_on):
    bodies = {
        "zeros_bias_init": '"""Return zeros."""',
        "Sigmoid.derivative": "...",
        "Tanh.forward": "pass",
        "ReLU.forward": None,
        "BatchNorm.backward": "raise NotImplemented",
        "get_training_stats": "raise NotImplementedError",
    }
    text = stub(TEXTBOOK, bodies)
    status, output = run_on(text)
    assert status == 1
    assert_short(output)
    assert list_unfinished(output) == list(bodies)
    lines = text.splitlines()
    line = lines.index("        raise NotImplemented") + 1
    assert f"section 2.6: BatchNorm.backward is not implemented yet (line {line})" in output
    line = lines.index("class ReLU(Activation):") + 1
    assert f"section 2.4: ReLU.forward is missing from class ReLU (line {line})" in output
    line = lines.index("def zeros_bias_init(d):") + 1
    assert output[-1] == f"Next: section 2.1: zeros_bias_init is not implemented yet (line {line})"


GRADIENTS = TEXTBOOK[TEXTBOOK.index("        self.dW = [np.zeros"):].partition("        self.v")[0]


@pytest.mark.parametrize("constructor", [GRADIENTS, "        self.dW = self.db = None\n", ""])
def test_last_piece_is_the_only_one_named(run_on, constructor):
    text = stub(TEXTBOOK, {"MLP.zero_grads": "pass"})
    assert text.count(GRADIENTS) == 1
    status, output = run_on(text.replace(GRADIENTS, constructor))
    assert status == 1
    assert_short(output)
    assert list_unfinished(output) == ["MLP.zero_grads"]
    assert output[-1].startswith("Next: section 2.3: MLP.zero_grads is not implemented yet (line ")


def test_missing_class_is_named(run_on):
    status, output = run_on(TEXTBOOK.replace("class Tanh(", "class HyperbolicTangent("))
    assert status == 1
    assert_short(output)
    assert output[-1] == "Next: section 2.4: hw1.py has no class Tanh"


@pytest.mark.parametrize("line, message", [
    ("def f(:", "SyntaxError: invalid syntax"),
    ("nonsense", "NameError: name 'nonsense' is not defined"),
])
def test_failing_import_is_named_with_its_line(run_on, line, message):
    status, output = run_on(f"{TEXTBOOK}{line}\n")
    assert status == 1
    assert_short(output)
    number = len(TEXTBOOK.splitlines()) + 1
    assert output[-1] == f"Next: hw1.py cannot be imported: {message} (line {number} of hw1.py)"


def test_wrong_piece_before_an_unfinished_one_is_next(run_on):
    text = stub(TEXTBOOK, {"get_training_stats": "pass"})
    status, output = run_on(text.replace("return np.zeros(d)", "return np.zeros(d) + 0.5"))
    assert status == 1
    assert list_unfinished(output) == ["get_training_stats"]
    assert any(line.startswith("E   ") for line in output)
    assert re.match(r"Next: section 2\.1: tests/test_2_1_initializers\.py::\S+ fails$", output[-1])


# ---- --hw1 ---------------------------------------------------------------------------------------

def test_file_with_modules_beside_it_passes(tmp_path):
    beginning = '''"""A docstring with a \\s."""
import pickle
import warnings
from collections import Iterable
import helper
from hw1 import helper as same
from . import helper as relative
assert helper.ANSWER == same.ANSWER == relative.ANSWER == 42
warnings.warn("deprecated", DeprecationWarning)
'''
    end = '''
LARGEST = np.Inf
assert pickle.loads(pickle.dumps(Sigmoid())).__class__ is Sigmoid
assert Sigmoid.__module__ == "hw1.hw1"
'''
    path = tmp_path / "final (2).py"
    path.write_text(beginning + TEXTBOOK + end)
    (tmp_path / "helper.py").write_text("ANSWER = 42\n")
    status, output = run(ROOT, "--hw1", path)
    assert status == 0, output
    assert re.fullmatch(r"=* \d+ passed in .*", output[-1])
    suites = {line.split()[0] for line in output if line.startswith("tests/")}
    assert suites == {str(path.relative_to(ROOT)) for path in ROOT.glob("tests/test_2_*.py")}
    line = len((beginning + TEXTBOOK).splitlines()) + 2
    assert output[-3:-1] == [
        "line 4: collections.Iterable was removed after 2018: write collections.abc.Iterable",
        f"line {line}: np.Inf was removed after 2018: write np.inf",
    ]


def test_named_suite_runs_alone_on_the_named_file():
    status, output = run(ROOT, "tests/test_2_1_initializers.py", "--hw1", "hw1/hw1.py")
    assert status == 0, output
    suites = [line.split()[0] for line in output if line.startswith("tests/")]
    assert set(suites) == {"tests/test_2_1_initializers.py"}


def test_file_in_another_clone_passes(checkout):
    path = checkout / "hw1" / "hw1.py"
    path.write_text(TEXTBOOK)
    status, output = run(ROOT, "--hw1", path)
    assert status == 0, output


@pytest.mark.parametrize("arguments, message", [
    (["nowhere.py"], "--hw1 takes a file such as path/to/hw1.py, got 'nowhere.py'"),
    (["hw1"], "--hw1 takes a file such as path/to/hw1.py, got 'hw1'"),
    (["hw1/hw1.py", "tests/test_gradients.py"],
     "--hw1 runs tests/test_2_*.py, and not tests/test_gradients.py"),
])
def test_wrong_paths_are_refused_in_a_line(arguments, message):
    status, output = run(ROOT, "--hw1", *arguments)
    assert status == 4
    assert [line for line in output if line] == [f"ERROR: {message}"]


# ---- Without --hw1 -------------------------------------------------------------------------------

def test_sections_come_first_and_no_solution_is_collected():
    status, output = run(ROOT, "--collect-only", "-q")
    assert status == 0, output
    files = list(dict.fromkeys(line.split("::")[0] for line in output if "::" in line))
    assert files[:8] == sorted(file for file in files if file.startswith("tests/test_2_"))
    assert files[8] == "tests/test_gradients.py"
    folders = [file.split("/")[1] for file in files[9:]]
    assert folders == sorted(folders, reverse=True)
    assert set(folders) == {"module", "commands"}


@pytest.mark.parametrize("module, expected", [("hw1.hw1", 1), ("library", 0)])
def test_only_warnings_of_own_code_are_errors(checkout, module, expected):
    test = checkout / "tests" / "module" / "test_warning.py"
    test.write_text(f'''import warnings
def test_warning():
    warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, module={module!r})
''')
    status, output = run(checkout, test)
    test.unlink()
    assert status == expected, output


def test_checkout_that_is_read_only_gives_no_warning(checkout, tmp_path):
    shutil.rmtree(checkout / ".pytest_cache", ignore_errors=True)
    (checkout / ".pytest_cache").write_text("a file where pytest wants its folder")
    path = tmp_path / "hw1.py"
    path.write_text(TEXTBOOK)
    status, output = run(checkout, "--hw1", path, "tests/test_2_1_initializers.py")
    (checkout / ".pytest_cache").unlink()
    assert status == 0, output
    assert not any("warning" in line.lower() for line in output)
