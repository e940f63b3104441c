"""pytest's part of the grader: the module under test, the options, and the score at the end.

    python -m pytest                          all suites, on this repository's hw1.py
    python -m pytest --handin=PATH            the graded suites, on a handin
    python -m pytest --handin=DIR --each      a score for each handin in a folder
    python -m pytest ... --autolab            the score in Autolab's form on the last line
"""

import importlib
import os
import pathlib
import sys

import pytest

from tests.grader import grading, score, worker
from tests.handout import judge

OUTCOMES, ADVICE, GRADE = (pytest.StashKey() for _ in range(3))


def pytest_addoption(parser):
    group = parser.getgroup("homework")
    group.addoption("--handin", metavar="PATH", help="grade this handin: a handin.tar, a folder with hw1/hw1.py, a hw1.py")
    group.addoption("--each", action="store_true", help="--handin is a folder of handins: grade each")
    group.addoption("--autolab", action="store_true", help="print the score for Autolab on the last line")
    group.addoption("--suites", help="the folder of this file; setup.cfg says why")


def pytest_configure(config):
    config.stash[OUTCOMES], config.stash[ADVICE] = {}, []


@pytest.fixture(scope="session")
def nn(pytestconfig):
    """The module under test: this repository's hw1.py, or in a worker the handin's."""
    path = pytestconfig.getoption("module", None)
    return worker.load(path) if path else importlib.import_module("hw1.hw1")


# ---- The tests that are the score ------------------------------------------------------------------------------------

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Note each graded test's outcome, and what was advised."""
    outcome = yield
    report = outcome.get_result()
    if score.section_of(item.nodeid) is None or (report.when != "call" and report.passed):
        return
    error = call.excinfo.value if call.excinfo else None
    reason = judge.told(error) if error else None
    item.config.stash[OUTCOMES][item.nodeid] = grading.Outcome(report.passed, reason, isinstance(error, judge.Void))
    item.config.stash[ADVICE] += judge.advice
    del judge.advice[:]


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter, config):
    """The score, after all that pytest has to say."""
    yield
    if not config.stash[OUTCOMES]:
        return
    terminalreporter.section("score")
    for line in score.table(score.score(config.stash[OUTCOMES])):
        terminalreporter.write_line(line)
    advice = list(dict.fromkeys(config.stash[ADVICE]))
    if advice:
        terminalreporter.section("advice, which costs no points")
        for line in advice:
            terminalreporter.write_line("- " + line)


def pytest_unconfigure(config):
    if config.getoption("autolab") and OUTCOMES in config.stash:
        sys.stdout.write(score.autolab(score.score(config.stash[OUTCOMES])) + "\n")


# ---- A handin's tests: run in processes of their own, and told here --------------------------------------------------

class Told(pytest.Item):
    """A test that a worker has run on a handin."""

    def runtest(self):
        outcome = self.config.stash[GRADE].outcome(self.nodeid)
        if outcome is None:
            raise judge.Lost("was not reached")
        elif not outcome.passed:
            raise (judge.Void if outcome.void else judge.Lost)(outcome.reason)
        judge.advice[:] = outcome.advice

    def repr_failure(self, excinfo):
        return str(excinfo.value)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if not config.getoption("handin") or config.getoption("module", None):
        return
    wanted = [item for item in items if item.nodeid.startswith("tests/handout/")]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = [Told.from_parent(item.parent, name=item.name) for item in wanted]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    if session.config.getoption("handin") and not session.config.getoption("module", None):
        session.config.stash[GRADE] = grading.grade(session.config.getoption("handin"))


def check_options(config):
    handin = config.getoption("handin")
    if config.getoption("each") and not handin:
        raise pytest.UsageError("--each needs --handin=DIR, the folder of the handins")
    if not handin:
        return
    if os.name != "posix":
        raise pytest.UsageError("--handin needs limits on time and memory, which Windows lacks: use Linux, "
                                "macOS or WSL")
    if not pathlib.Path(handin).exists():
        raise pytest.UsageError("--handin=%s: there is no such file or folder" % handin)
    if config.getoption("each") and not pathlib.Path(handin).is_dir():
        raise pytest.UsageError("--each needs a folder of handins: --handin=%s is a file" % handin)
    # A line for each test that costs points.
    config.option.tbstyle, config.option.reportchars = "no", "fE"


def pytest_cmdline_main(config):
    """With --each: a line for each handin, then the table, best first."""
    check_options(config)
    if not config.getoption("each"):
        return None
    graded = []
    for path in sorted(pathlib.Path(config.getoption("handin")).iterdir()):
        if path.name.startswith("."):
            continue
        grade = grading.grade(path)
        sections = score.score(grade.outcomes)
        graded.append((score.total(sections), path.name, sections))
        reason = grade.refused or next((s.reason for s in sections if s.reason), "")
        print("%-32s %6g   %s" % (path.name, graded[-1][0], reason), flush=True)
    print()
    print("%-32s" % "handin" + "".join("%6s" % section for section in score.POINTS) + "%7s" % "total")
    for total, name, sections in sorted(graded, key=lambda row: (-row[0], row[1])):
        print("%-32s" % name + "".join("%6g" % s.earned for s in sections) + "%7g" % total)
    return 0
