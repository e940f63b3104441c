"""Let `python -m pytest --hw1 path/to/hw1.py` take any path, also outside of this repository.

pytest takes the path of an unknown option for a folder of tests, and looks there for setup.cfg and
conftest.py, before tests/conftest.py can define --hw1. This plugin, which `python -m pytest` finds
by .pytest-hw1.dist-info/entry_points.txt, starts pytest again with `--hw1=path/to/hw1.py`, which
cannot be mistaken.
"""

import sys

import pytest


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    arguments = list(early_config.invocation_params.args)
    if "--hw1" in arguments[:-1]:
        at = arguments.index("--hw1")
        arguments[at:at + 2] = [f"--hw1={arguments[at + 1]}"]
        forget_tests()
        raise SystemExit(pytest.main(arguments))
    yield


def forget_tests():
    """Forget the package tests: it is another one if the file is in another clone of this."""
    for name in list(sys.modules):
        if name == "tests" or name.startswith("tests."):
            del sys.modules[name]
