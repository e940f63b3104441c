"""What all suites share: the module under test, and how a missing piece of it is told."""

import importlib

import pytest

from tests.grader.describe import describe_error as told


@pytest.fixture(scope="session")
def nn():
    """hw1/hw1.py, imported when a test asks for it."""
    try:
        return importlib.import_module("hw1.hw1")
    except Exception as error:
        reason = told(error)
    pytest.fail(f"hw1/hw1.py does not import: {reason}", pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Tell in one line, without a traceback, what hw1.py does not implement yet."""
    report = yield
    if call.excinfo is not None and " is not implemented yet (line " in told(call.excinfo.value):
        report.get_result().longrepr = told(call.excinfo.value)
