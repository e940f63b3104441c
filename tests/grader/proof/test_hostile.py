"""Strangers' code: what becomes of its section, what is told, and that nothing stays behind."""

import os
import re
import select

import pytest

from tests.grader import processes
from tests.grader.mistakes import edit
from tests.grader.proof.submissions import insert_in_forward, replace_bodies, write_module
from tests.grader.proof.styles import TEXTBOOK

HERE = r"\(MLP.forward, line \d+ of hw1.py\)"
NOT = "^hw1.py does not import:"
LOOP, EXIT, SETERR = "while True: pass", "import os; os._exit(0)", "np.seterr(all='ignore')"
NO_END, SLEEP = "while True: print('x' * (1 << 20))", "import time; time.sleep(1e6)"
LOOPS = f"""while True:
            try:
                {LOOP}
            except BaseException: pass"""
PRINT, PRINTS = "print('x' * (2 << 20))", "hw1.py prints more than 1 MB in one test"
CASES = {  # what becomes of it: {code: the reason}
    "void": {
        "self.hog = np.zeros(1 << 28)": f"needs too much memory {HERE}",  # 2 GB, which none refuses
        PRINT: PRINTS, NO_END: PRINTS,
        "import sys; sys.exit()": f"calls sys.exit {HERE}",
        "raise type('Mine', (BaseException,), {})('x')": "^Mine: x",
        EXIT: "hw1.py ends the process with status 0: .*os._exit",
        "import os; os.kill(os.getpid(), 11)": r"hw1.py kills the process \(SIGSEGV\)",
        "np.random.normal = None": "changes np.random.normal, which belongs to all",
        "import subprocess; self.p = subprocess.Popen(['sleep', '1000'])":
            "hw1.py starts a process and leaves it behind",
        LOOP: rf"runs too long {HERE}: does it loop or wait forever\?",
        SLEEP: f"runs too long {HERE}",
        LOOPS: "runs? too long",
    },
    "lost": {
        "x += 1": r"^forward\(x\) is wrong in",
        "raise ValueError('\\x1b[31m' + 'x' * 10**6)": r"ValueError: \?\[31mx{100}",
        "raise ValueError('a\\x1b[31m\\nb')": rf"^ValueError: a\?\[31m {HERE}$",
        "assert x.shape == (1, 1)": r"AssertionError: assert x.shape == \(1, 1\) ",
    },
    "refused": {
        "def f(:": rf"{NOT} SyntaxError: invalid syntax.* \(hw1.py, line 1\)",
        "import no_package": f"{NOT} ModuleNotFoundError: No module named 'no_package'",
        "from hw1.hw1 import nothing": f"{NOT} ImportError: cannot import name 'nothing'",
        "import data": "No module named 'data'",  # this repository's
        LOOP: rf"{NOT} runs too long \(<module>, line 1 of hw1.py\)",
        EXIT: "hw1.py, when it is imported, ends the process with status 0",
        PRINT: "hw1.py prints more than 1 MB",
    },
    "rude": {
        SETERR: "^hw1.py calls np.seterr, which changes all",
        "np.random.seed(0)": "calls np.random.seed: leave seeding to the caller",
    },
    "rude at import": {
        SETERR: "^hw1.py calls np.seterr, which changes all",
        "np.random.seed(11785)": "^hw1.py calls np.random.seed: leave seeding to the caller",
        "print('ready')": "^hw1.py prints when it is imported: it should print nothing",
        "import pytest": "^hw1.py imports pytest, which",
    },
}


@pytest.mark.parametrize("kind, code", [(kind, code) for kind in CASES for code in CASES[kind]])
def test_hostile_code_loses_points_and_rude_code_gets_advice(kind, code, tmp_path):
    texts = {"refused": code, "rude at import": f"{TEXTBOOK}\n{code}"}
    text = texts.get(kind, insert_in_forward(code))
    seconds = {LOOP: 2, LOOPS: 2, SLEEP: 1}.get(code, processes.SECONDS)
    graded = processes.ask(write_module(tmp_path, text), ["2.3"], seconds)
    section, refused, is_rude = graded.sections["2.3"], graded.refused, kind.startswith("rude")
    assert (refused is not None, section.void is not None) == (kind == "refused", kind == "void")
    assert section.earned == 9 if is_rude else section.earned <= (6 if kind == "lost" else 0)
    reason, *more = graded.advice if is_rude else [refused] if refused else section.reasons
    assert re.search(CASES[kind][code], reason), reason
    assert "\n" not in reason and len(reason) < 300 and "/tmp" not in reason
    assert not (is_rude and more)


def test_no_process_outlives_its_handin(tmp_path):
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    start = f"import subprocess; subprocess.Popen(['sleep', '1000'], stdout=open({fifo!r}, 'w'))"
    processes.ask(write_module(tmp_path, insert_in_forward(start)), ["2.3"])
    ended, _, _ = select.select([reader], [], [], 30)  # readable once nobody holds the other end
    left = os.read(reader, 1)
    os.close(reader)
    assert ended and left == b""


def test_a_section_that_hangs_leaves_the_others_their_points(tmp_path):
    text = edit(TEXTBOOK, [("        return self.state * (1 - self.state)\n",
                            "        import os; os._exit(3)\n")])
    module = write_module(tmp_path, text)
    found = processes.grade(module).sections
    assert [section.earned for section in found.values()] == [5, 9, 0, 40, 15, 10, 10]
    assert found["2.4"].void == "hw1.py ends the process with status 3: does it call os._exit?"
    assert processes.grade(module, ["2.5"]).earned == {"2.5": 40}  # asked alone, too


def test_a_slow_import_costs_nothing(tmp_path):
    slow = "sum(range(20_000_000))\n"  # about half a second
    graded = processes.grade(write_module(tmp_path, slow + TEXTBOOK))
    assert (graded.total, graded.refused) == (101, None)


def test_state_of_the_module_does_not_cross_from_check_to_check(tmp_path):
    counted = "CALLS = []\n"
    text = insert_in_forward("CALLS.append(0); assert len(CALLS) < 200")
    graded = processes.grade_together(write_module(tmp_path, counted + text))
    assert graded.total == 101


# ---- Values that no handin should return, and that the grader must not stumble over --------------

ODD = ("None", "'text'", "[[1, 2], [3]]", "lambda: 0", "np.array(5)", "np.zeros((0, 3))", "1j",
       "np.array(['a'])", "np.empty(3, dtype=object)")
RETURNED = {  # by functions, with the sections that meet the values
    "SoftmaxCrossEntropy.forward": ["2.2", "2.8"],
    "SoftmaxCrossEntropy.derivative": ["2.2", "2.3"],
    "BatchNorm.forward": ["2.6"],
    "BatchNorm.backward": ["2.6"],
    "MLP.zero_grads": ["2.3", "2.7"],
    "MLP.backward": ["2.3", "2.8"],
    "MLP.step": ["2.3", "2.7"],
    "get_training_stats": ["2.8"],
}
HELD = {  # as attributes
    **{f"MLP.{name}": ["2.3", "2.5", "2.7"]
       for name in ("W", "b", "dW", "db", "activations", "criterion")},
    **{f"MLP.{name}": ["2.6", "2.7"] for name in ("bn_layers", "train_mode")},
    **{f"BatchNorm.{name}": ["2.6"] for name in ("gamma", "mean", "running_var", "dgamma")},
}
SET = """{0}
class {1}({1}):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.{2} = {3}
"""


@pytest.mark.parametrize("value", ODD)
def test_odd_values_lose_points_and_never_stop_the_grader(value, tmp_path):
    texts = {}
    for name in HELD:
        owner, attribute = name.split(".")
        texts[name] = SET.format(TEXTBOOK, owner, attribute, value)
    for name in RETURNED:
        texts[name] = replace_bodies([name], f"return {value}", TEXTBOOK)
    for name, text in texts.items():
        numbers = {**HELD, **RETURNED}[name]
        graded = processes.ask(write_module(tmp_path / name, text), numbers)
        assert graded.refused is None
        for section in graded.sections.values():
            for reason in section.reasons:
                assert "\n" not in reason, reason
                assert not re.search(r"Error: (?!.*line \d+ of hw1.py)", reason), reason
