"""Strangers' code: what it does to its section, what is said of it, and that nothing of it stays behind."""

import concurrent.futures
import os
import re
import select

import pytest

from tests.grader import judge, processes
from tests.grader.faults import TEXTBOOK, edited
from tests.grader.proof.handins import with_code, written

SECONDS = 2  # of processor time for what loops; all else has as much as ever
LOOPS = {
    "loops for ever": (with_code("while True: pass"),
                       r"runs too long \(forward, line \d+ of hw1.py\): does it loop or wait for ever\?"),
    "sleeps for ever": (with_code("import time; time.sleep(1e6)"), r"runs too long \(forward, line \d+ of hw1.py\)"),
    "loops and catches all": (with_code("while True:\n            try:\n                while True: pass\n"
                                        "            except BaseException: pass"),
                              "runs? too long"),
}
VOID = {
    "needs all memory": (with_code("self.hog = np.zeros(1 << 28)"),  # 2 GB, which no machine of today would refuse
                         r"needs too much memory \(forward, line \d+ of hw1.py\)"),
    "prints megabytes": (with_code("print('x' * (2 << 20))"), "hw1.py prints more than 1 MB in one test"),
    "prints without end": (with_code("while True: print('x' * (1 << 20))"), "hw1.py prints more than 1 MB in one test"),
    "calls sys.exit": (with_code("import sys; sys.exit()"), r"calls sys.exit \(forward, line \d+ of hw1.py\)"),
    "has an exception of its own": (with_code("raise type('Mine', (BaseException,), {})('x')"), "^Mine: x"),
    "calls os._exit": (with_code("import os; os._exit(0)"), "hw1.py ends the process with status 0: .*os._exit"),
    "kills itself": (with_code("import os; os.kill(os.getpid(), 11)"), r"hw1.py kills the process \(SIGSEGV\)"),
    "edits np.random": (with_code("np.random.normal = None"), "changes np.random.normal, which belongs to all"),
    "calls np.random.seed": (with_code("np.random.seed(0)"), "calls np.random.seed: seeding is the caller's"),
    "leaves a process": (with_code("import subprocess; self.p = subprocess.Popen(['sleep', '1000'])"),
                         "hw1.py starts a process and leaves it behind"),
    **LOOPS,
}
LOST = {
    "changes its input's values": (with_code("x += 1"), "x, which belongs to the caller, is changed: work on a copy"),
    "long and coloured error": (with_code("raise ValueError('\\x1b[31m' + 'x' * 10**6)"), r"ValueError: \?\[31mx{100}"),
    "fails its own assertion": (with_code("assert x.shape == (1, 1)"), r"AssertionError: assert x.shape == \(1, 1\) "),
}
REFUSED = {
    "syntax error": ("def f(:\n", r"hw1.py does not import: SyntaxError: invalid syntax.* \(hw1.py, line 1\)"),
    "missing package": ("import no_such_package\n",
                        r"hw1.py does not import: ModuleNotFoundError: No module named 'no_such_package'"),
    "missing name": ("from hw1.hw1 import nothing\n", "hw1.py does not import: ImportError: cannot import name 'nothing'"),
    "this repository's packages": ("import data\n", "No module named 'data'"),
    "loops at import": ("while True: pass\n", r"hw1.py does not import: runs too long \(<module>, line 1 of hw1.py\)"),
    "exits at import": ("import os; os._exit(0)\n", "hw1.py, when it is imported, ends the process with status 0"),
    "prints megabytes at import": ("print('x' * (2 << 20))\n", "hw1.py prints more than 1 MB"),
}
ALL = {**VOID, **LOST, **REFUSED}
RUDE = {
    "np.seterr at import": (f"{TEXTBOOK}\nnp.seterr(all='ignore')\n", "hw1.py calls np.seterr, which changes all"),
    "np.seterr in forward": (with_code("np.seterr(all='ignore')"), "hw1.py calls np.seterr, which changes all"),
    "a seed at import": (f"{TEXTBOOK}\nnp.random.seed(11785)\n", "hw1.py calls np.random.seed: seeding is the caller's"),
    "prints at import": (f"{TEXTBOOK}\nprint('ready')\n", "hw1.py prints when it is imported: it should print nothing"),
    "imports a package": (f"{TEXTBOOK}\nimport pytest\n", "hw1.py imports pytest, which"),
}


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    """What became of section 2.3 of each, by name: ({number: Section}, advice, refused)."""
    folder = tmp_path_factory.mktemp("hostile")

    def answer(name):
        module = written(folder / name.replace(" ", "_"), {**ALL, **RUDE}[name][0])
        return processes.ask(module, ["2.3"], SECONDS if "loops" in name or "sleeps" in name else processes.SECONDS)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip([*ALL, *RUDE], pool.map(answer, [*ALL, *RUDE])))


@pytest.mark.parametrize("name", ALL)
def test_hostile_code_loses_its_section_for_a_reason_in_a_line(name, answers):
    found, _, refused = answers[name]
    assert found["2.3"].earned <= (3 if name in LOST else 0)
    assert (refused is not None) == (name in REFUSED) and (found["2.3"].void is not None) == (name in VOID)
    reason = refused or found["2.3"].reasons[0]
    assert re.search(ALL[name][1], reason), reason
    assert "\n" not in reason and len(reason) < 300 and "/tmp" not in reason


@pytest.mark.parametrize("name", RUDE)
def test_what_is_only_rude_costs_nothing_and_gets_advice(name, answers):
    found, advice, _ = answers[name]
    assert found["2.3"].earned == 9
    assert len(advice) == 1 and advice[0].startswith(RUDE[name][1])


def test_no_process_outlives_its_handin(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    reader = os.open(str(tmp_path / "fifo"), os.O_RDONLY | os.O_NONBLOCK)
    processes.ask(written(tmp_path, with_code("import subprocess; subprocess.Popen(['sleep', '1000'], stdout=open("
                                              f"{str(tmp_path / 'fifo')!r}, 'w'))")), ["2.3"])
    ended, _, _ = select.select([reader], [], [], 30)  # readable once nobody holds the other end
    left = os.read(reader, 1)
    os.close(reader)
    assert ended and left == b""


def test_a_section_that_hangs_leaves_the_others_their_points(tmp_path):
    text = edited({"return self.state * (1 - self.state)": "import os; os._exit(3)"})
    graded = processes.grade(written(tmp_path, text))
    assert [section.earned for section in graded.sections.values()] == [5, 9, 0, 40, 15, 10, 10]
    assert graded.sections["2.4"].void == "hw1.py ends the process with status 3: does it call os._exit?"


# ---- Values that no handin should return, and that the grader must not stumble over ------------------------------------

ODD = ("None", "'text'", "[[1, 2], [3]]", "lambda: 0", "np.array(5)", "np.zeros((0, 3))", "1j", "np.array(['a'])",
       "np.empty(3, dtype=object)")
METHODS = ("def derivative(self):\n        return self.sm", "def forward(self, x, y):", "def forward(self, x, eval=False):",
           "def backward(self, delta):", "def zero_grads(self):", "def backward(self, labels):", "def step(self):",
           "def get_training_stats(mlp, dset, nepochs, batch_size):")
ATTRIBUTES = ("W", "b", "dW", "db", "bn_layers", "train_mode", "activations", "criterion")


@pytest.mark.parametrize("value", ODD)
def test_odd_values_lose_points_and_never_stop_the_grader(value, tmp_path):
    texts = []
    for method in METHODS:
        head = method.split("\n")[0]
        indent = " " * (4 if head.startswith("def get") else 8)
        texts.append(edited({method: method.replace(head, f"{head}\n{indent}return {value}")}))
    places = [("    def __call__(self, x):\n        return self.forward(x)\n\n    def train(self):", name) for name in ATTRIBUTES]
    places += [("\n    def __call__(self, x, eval=False):", name) for name in ("gamma", "mean", "running_var", "dgamma")]
    texts += [edited({after: f"        self.{name} = {value}\n\n{after}"}) for after, name in places]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        modules = [written(tmp_path / str(k), text) for k, text in enumerate(texts)]
        for graded in pool.map(lambda module: processes.grade(module, apart=False), modules):
            assert graded.refused is None
            for section in graded.sections.values():
                for reason in section.reasons:
                    assert "\n" not in reason and not re.search(r"Error: (?!.*line \d+ of hw1.py)", reason), reason


def test_told_is_one_line_without_control_characters():
    assert judge.told(SyntaxError("a\x1b[31m\nb")) == "SyntaxError: a?[31m"
