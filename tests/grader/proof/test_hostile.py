"""Hostile and rude code: what it costs, what is said, and that no process is left behind."""

import os
import re
import select

import pytest

from tests.grader import processes
from tests.grader.mistakes import edit
from tests.grader.proof.submissions import (
    FULL, TOTAL, grade_together, insert_in_forward, replace_bodies, write_module)
from tests.grader.proof.styles import TEXTBOOK

HERE = r"\(MLP.forward, line \d+ of hw1.py\)"
FAILS = "^hw1.py does not import:"
LOOP = "while True: pass"
LOOP_ON = f"""while True:
            try:
                {LOOP}
            except BaseException: pass"""
SLEEP = "import time; time.sleep(1e6)"
SECONDS = {LOOP: 2, LOOP_ON: 2, SLEEP: 1}  # less than others get: the tests wait for the end
EXIT = "import os; os._exit(0)"
PRINT = "print('x' * (2 << 20))"
PRINT_ON = "while True: print('x' * (1 << 20))"
PRINTS = "hw1.py prints more than 1 MB"
SETERR = "np.seterr(all='ignore')"

# {code: the reason}
VOID = {  # in MLP.forward
    "self.hog = np.zeros(1 << 28)": f"needs too much memory {HERE}",  # 2 GB
    PRINT: f"{PRINTS} in one test",
    PRINT_ON: f"{PRINTS} in one test",
    "import sys; sys.exit()": f"calls sys.exit {HERE}",
    "raise type('Mine', (BaseException,), {})('x')": "^Mine: x",
    EXIT: "hw1.py ends the process with status 0: .*os._exit",
    "import os; os.kill(os.getpid(), 11)": r"hw1.py kills the process \(SIGSEGV\)",
    "np.random.normal = None": "changes np.random.normal, which belongs to all",
    "import subprocess; self.p = subprocess.Popen(['sleep', '1000'])":
        "hw1.py starts a process and leaves it behind",
    LOOP: rf"runs too long {HERE}: does it loop or wait forever\?",
    SLEEP: f"runs too long {HERE}",
    LOOP_ON: "runs? too long",
}
LOST = {  # in MLP.forward
    "x += 1": r"^forward\(x\) is wrong in",
    "raise ValueError('\\x1b[31m' + 'x' * 10**6)": r"ValueError: \?\[31mx{100}",
    "raise ValueError('a\\x1b[31m\\nb')": rf"^ValueError: a\?\[31m {HERE}$",
    "assert x.shape == (1, 1)": r"AssertionError: assert x.shape == \(1, 1\) ",
}
REFUSED = {  # alone in a hw1.py
    "def f(:": rf"{FAILS} SyntaxError: invalid syntax.* \(hw1.py, line 1\)",
    "import no_package": f"{FAILS} ModuleNotFoundError: No module named 'no_package'",
    "from hw1.hw1 import nothing": f"{FAILS} ImportError: cannot import name 'nothing'",
    "import data": "No module named 'data'",  # this repository's
    LOOP: rf"{FAILS} runs too long \(<module>, line 1 of hw1.py\)",
    EXIT: "hw1.py, when it is imported, ends the process with status 0",
    PRINT: PRINTS,
}
ADVISED = {  # in MLP.forward
    SETERR: "^hw1.py calls np.seterr, which changes all",
    "np.random.seed(0)": "calls np.random.seed: leave seeding to the caller",
}
ADVISED_AT_IMPORT = {  # at the end of a hw1.py
    SETERR: "^hw1.py calls np.seterr, which changes all",
    "np.random.seed(11785)": "^hw1.py calls np.random.seed: leave seeding to the caller",
    "print('ready')": "^hw1.py prints when it is imported: it should print nothing",
    "import pytest": "^hw1.py imports pytest, which",
}


def ask_linear(folder, text, code=None):
    """Return the Graded of section 2.3 of a text, with the time that code needs."""
    seconds = SECONDS.get(code, processes.SECONDS)
    return processes.ask(write_module(folder, text), ["2.3"], seconds)


def assert_says(reason, pattern):
    assert re.search(pattern, reason), reason
    assert "\n" not in reason
    assert "/tmp" not in reason
    assert len(reason) < 300


@pytest.mark.parametrize("code", VOID)
def test_code_that_cannot_go_on_loses_the_section(code, tmp_path):
    graded = ask_linear(tmp_path, insert_in_forward(code), code)
    section = graded.sections["2.3"]
    assert graded.refused is None
    assert section.void is not None
    assert section.earned == 0
    assert_says(section.reasons[0], VOID[code])


@pytest.mark.parametrize("code", LOST)
def test_wrong_code_loses_checks(code, tmp_path):
    graded = ask_linear(tmp_path, insert_in_forward(code))
    section = graded.sections["2.3"]
    assert graded.refused is None
    assert section.void is None
    assert section.earned <= 6
    assert_says(section.reasons[0], LOST[code])


@pytest.mark.parametrize("code", REFUSED)
def test_code_that_does_not_import_is_refused(code, tmp_path):
    graded = ask_linear(tmp_path, code, code)
    assert graded.sections["2.3"].earned == 0
    assert_says(graded.refused, REFUSED[code])


@pytest.mark.parametrize("code", ADVISED)
def test_rude_code_gets_advice_and_full_marks(code, tmp_path):
    graded = ask_linear(tmp_path, insert_in_forward(code))
    advice, = graded.advice
    assert graded.sections["2.3"].earned == 9
    assert_says(advice, ADVISED[code])


@pytest.mark.parametrize("code", ADVISED_AT_IMPORT)
def test_a_rude_import_gets_advice_and_full_marks(code, tmp_path):
    graded = ask_linear(tmp_path, f"{TEXTBOOK}\n{code}")
    advice, = graded.advice
    assert graded.sections["2.3"].earned == 9
    assert_says(advice, ADVISED_AT_IMPORT[code])


def test_no_process_outlives_its_submission(tmp_path):
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    start = f"import subprocess; subprocess.Popen(['sleep', '1000'], stdout=open({fifo!r}, 'w'))"
    ask_linear(tmp_path, insert_in_forward(start))
    ended, _, _ = select.select([reader], [], [], 30)  # readable once nobody holds the other end
    assert ended == [reader]
    left = os.read(reader, 1)
    os.close(reader)
    assert left == b""


def test_a_crash_in_one_section_costs_the_others_nothing(tmp_path):
    text = edit(TEXTBOOK, [("        return self.state * (1 - self.state)\n",
                            "        import os; os._exit(3)\n")])
    module = write_module(tmp_path, text)
    graded = processes.grade(module)
    assert graded.earned == {**FULL, "2.4": 0}
    void = graded.sections["2.4"].void
    assert void == "hw1.py ends the process with status 3: does it call os._exit?"
    alone = processes.grade(module, ["2.5"])
    assert alone.earned == {"2.5": 40}


def test_a_slow_import_costs_nothing(tmp_path):
    slow = "sum(range(80_000_000))\n"  # a second or two
    graded = processes.grade(write_module(tmp_path, slow + TEXTBOOK), ["2.5"])
    assert (graded.earned, graded.refused) == ({"2.5": 40}, None)


def test_a_check_sees_no_state_of_the_checks_before(tmp_path):
    text = insert_in_forward("CALLS.append(0); assert len(CALLS) < 200")
    graded = grade_together(write_module(tmp_path, f"CALLS = []\n{text}"))
    assert graded.total == TOTAL


# ---- Values of the wrong type or shape -----------------------------------------------------------

ODD = ("None", "'text'", "[[1, 2], [3]]", "lambda: 0", "np.array(5)", "np.zeros((0, 3))", "1j",
       "np.array(['a'])", "np.empty(3, dtype=object)")
RETURNED = {  # {function that returns the value: the sections that call it}
    "SoftmaxCrossEntropy.forward": ["2.2", "2.8"],
    "SoftmaxCrossEntropy.derivative": ["2.2", "2.3"],
    "BatchNorm.forward": ["2.6"],
    "BatchNorm.backward": ["2.6"],
    "MLP.zero_grads": ["2.3", "2.7"],
    "MLP.backward": ["2.3", "2.8"],
    "MLP.step": ["2.3", "2.7"],
    "get_training_stats": ["2.8"],
}
HELD = {  # {attribute that has the value: the sections that read it}
    **{f"MLP.{name}": ["2.3", "2.5", "2.7"]
       for name in ("W", "b", "dW", "db", "activations", "criterion")},
    **{f"MLP.{name}": ["2.6", "2.7"] for name in ("bn_layers", "train_mode")},
    **{f"BatchNorm.{name}": ["2.6"] for name in ("gamma", "mean", "running_var", "dgamma")},
}
SET = """{text}
class {owner}({owner}):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.{attribute} = {value}
"""


@pytest.mark.parametrize("value", ODD)
def test_odd_values_never_stop_the_grader(value, tmp_path):
    texts = {}
    for name in HELD:
        owner, attribute = name.split(".")
        texts[name] = SET.format(text=TEXTBOOK, owner=owner, attribute=attribute, value=value)
    for name in RETURNED:
        texts[name] = replace_bodies([name], f"return {value}", TEXTBOOK)
    for name, text in texts.items():
        numbers = {**HELD, **RETURNED}[name]
        graded = grade_together(write_module(tmp_path / name, text), numbers)
        assert graded.refused is None
        for section in graded.sections.values():
            for reason in section.reasons:
                assert "\n" not in reason, reason
                assert not re.search(r"Error: (?!.*line \d+ of hw1.py)", reason), reason
