"""Run the suites of the homework, tests/test_2_*.py, on the text of any hw1.py, in this process.

The tests of a suite are functions of nn, the module under test, and of the arguments in their
parametrize marks. They are called directly: a session of pytest for each of hundreds of modules
would take ten times as long.
"""

import contextlib
import functools
import importlib
import itertools
import sys
import types
import warnings

import numpy as np
import pytest

from tests import since_2018

SUITES = {
    "2.1": "tests.test_2_1_initializers",
    "2.2": "tests.test_2_2_loss",
    "2.3": "tests.test_2_3_linear",
    "2.4": "tests.test_2_4_activations",
    "2.5": "tests.test_2_5_hidden_layers",
    "2.6": "tests.test_2_6_batchnorm",
    "2.7": "tests.test_2_7_momentum",
    "2.8": "tests.test_2_8_training_stats",
}
NEEDS = {  # {section: those whose pieces its tests use}
    "2.1": [],
    "2.2": [],
    "2.3": ["2.2"],
    "2.4": [],
    "2.5": ["2.2", "2.3", "2.4"],
    "2.6": ["2.2", "2.3", "2.4", "2.5"],
    "2.7": ["2.2", "2.3"],
    "2.8": ["2.2", "2.3"],
}


def run_suites(text, sections=SUITES, allow_skips=True):
    """Return {section: the first failure, or None} of a hw1.py with this text.

    allow_skips: whether a test may be skipped; if not, that is a failure, too.
    """
    with install_module(text) as nn:
        return {section: find_failure(section, nn, allow_skips) for section in sections}


@contextlib.contextmanager
def install_module(text):
    """Give a module with this text, as hw1.hw1 so that pickle finds it; restore the one before."""
    since_2018.restore()  # names that a solution of that year may use
    nn = types.ModuleType("hw1.hw1")
    exec(compile(text, "hw1.py", "exec"), nn.__dict__)
    before = sys.modules.get("hw1.hw1")
    sys.modules["hw1.hw1"] = nn
    try:
        yield nn
    finally:
        if before is None:
            del sys.modules["hw1.hw1"]
        else:
            sys.modules["hw1.hw1"] = before


def find_failure(section, nn, allow_skips=True):
    """Return "test: error" for the first test of a section's suite that fails, or None."""
    for name, test, arguments in list_cases(section):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                test(nn, **arguments)
            except pytest.skip.Exception as skip:
                if not allow_skips:
                    return f"{name}: skipped: {skip}"
            except Exception as error:
                return f"{name}: {error!r}"
    return None


@functools.lru_cache(maxsize=None)
def list_cases(section):
    """Return (name, function, arguments) of each test of a suite, in the file's order."""
    module = importlib.import_module(SUITES[section])
    cases = []
    for name, test in vars(module).items():
        if name.startswith("test_"):
            for arguments in list_arguments(test):
                cases.append((f"{name}{list(arguments.values())}", test, arguments))
    return cases


def list_arguments(test):
    """Return the arguments of each case of a test, as its parametrize marks give them."""
    axes = []
    for mark in getattr(test, "pytestmark", []):
        name, values = mark.args
        axes.append([{name: value} for value in values])
    combined = []
    for choice in itertools.product(*axes):
        arguments = {}
        for argument in choice:
            arguments.update(argument)
        combined.append(arguments)
    return combined
