"""A pytest plugin for the process that runs a stranger's handin: limits, watches, and a line of JSON for each test.

    python -m pytest -p tests.grader.worker --module .../hw1/hw1.py --report FILE --seconds 5 SUITE ...
"""

import importlib.util
import json
import os
import pathlib
import sys
import types
import warnings

import numpy as np
import pytest

from tests.handout import judge

MEMORY = 1 << 30      # bytes of memory
OUTPUT = 1 << 20      # bytes that a test may print
FILE_SIZE = 64 << 20  # bytes that any file may grow to, the output among them
WATCHED = {}          # by name, the functions that a handin must not call


def pytest_addoption(parser):
    parser.addoption("--module", help="the hw1.py that is asked")
    parser.addoption("--report", help="the file that takes a line of JSON for each start and end of a test")
    parser.addoption("--seconds", type=int, help="of processor time")


def pytest_configure(config):
    import resource  # not on Windows, where everything but --handin works
    seconds = config.getoption("seconds")
    # A second more until SIGKILL: before it comes SIGXCPU, which says that it was the time.
    for limit, soft, hard in [(resource.RLIMIT_CPU, seconds, seconds + 1), (resource.RLIMIT_AS, MEMORY, MEMORY),
                              (resource.RLIMIT_FSIZE, FILE_SIZE, FILE_SIZE), (resource.RLIMIT_CORE, 0, 0)]:
        try:
            resource.setrlimit(limit, (soft, hard))
        except (ValueError, OSError):
            pass  # a system without this limit: the time-out of the grader remains
    folder = os.path.dirname(config.getoption("module"))
    np.random.seed, np.seterr = watched = [Watched(np.random.seed, folder), Watched(np.seterr, folder)]
    WATCHED.update(zip(["np.random.seed", "np.seterr"], watched))


class Watched:
    """A function that notes calls which come from the handin."""

    def __init__(self, function, folder):
        self.function, self.folder, self.called = function, folder, False

    def __call__(self, *args, **kwargs):
        self.called = self.called or sys._getframe(1).f_code.co_filename.startswith(self.folder)
        return self.function(*args, **kwargs)


def settings():
    """What a handin must leave as it is."""
    return {name: getattr(np.random, name) for name in dir(np.random) if name[0] != "_"}


def check_settings(before):
    after = settings()
    changed = sorted(name for name in before if after.get(name) is not before[name])
    if WATCHED["np.random.seed"].called:
        raise judge.Void("hw1.py calls np.random.seed: seeding is the caller's, every random number after it changes")
    if WATCHED["np.seterr"].called:
        raise judge.Void("hw1.py calls np.seterr, which changes all of the program: use `with np.errstate(...)`")
    if changed:
        raise judge.Void("hw1.py changes np.random.%s, which belongs to all of the program" % changed[0])


def load(path):
    """Import path, .../hw1/hw1.py, as hw1.hw1, with its own folder as the package, whatever else is on sys.path."""
    package = types.ModuleType("hw1")
    package.__path__ = [os.path.dirname(path)]
    sys.modules["hw1"] = package
    spec = importlib.util.spec_from_file_location("hw1.hw1", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["hw1.hw1"] = package.hw1 = module
    before = settings()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
    except BaseException as error:
        raise judge.Void("hw1.py does not import: " + judge.told(error)) from error
    check_settings(before)
    return module


def write(config, **line):
    """Add a line to the report, without the temporary folder's name in what it tells."""
    if line.get("reason"):
        line["reason"] = line["reason"].replace(str(pathlib.Path(config.getoption("module")).parents[1]) + os.sep, "")
    with open(config.getoption("report"), "a") as file:
        file.write(json.dumps(line) + "\n")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    write(item.config, start=item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    """The fixtures, too, run the handin."""
    yield from watch()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from watch()


def watch():
    """Let a phase of a test run, and void its section where it did what it must not."""
    before, printed = settings(), os.fstat(1).st_size
    for function in WATCHED.values():
        function.called = False
    outcome = yield
    try:
        check_output(printed)
        check_processes()
        check_settings(before)
    except judge.Void as void:
        outcome.force_exception(void)


def check_output(printed):
    try:
        sys.stdout.flush()
    except OSError:
        pass  # beyond FILE_SIZE
    if os.fstat(1).st_size - printed > OUTPUT:
        raise judge.Void("hw1.py prints more than %d MB in one test: it should print nothing" % (OUTPUT >> 20))


def check_processes():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    raise judge.Void("hw1.py starts a process and leaves it behind")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" or (report.when == "setup" and report.failed):
        error = call.excinfo.value if call.excinfo else None
        write(item.config, end=item.nodeid, passed=error is None, reason=judge.told(error) if error else None,
              void=isinstance(error, judge.Void) or not isinstance(error, (Exception, type(None))), advice=judge.advice)
