"""The fixture nn (the module under test), the option --hw1, and reports of unfinished work."""

import importlib
import os
import pathlib
import sys
import types

import pytest

from tests import since_2018, unfinished

TESTS = pathlib.Path(__file__).resolve().parent
OWN = TESTS.parent / "hw1" / "hw1.py"
SUITES = sorted(map(str, TESTS.glob("test_2_*.py")))  # the homework's
STRICT = (TESTS / "module", TESTS / "commands")  # where warnings are errors
ERRORS = (  # warnings of this repository's code, and none of a library's
    r"error:::(hw1|data|tests)(\.|$)",
    "error::pytest.PytestUnraisableExceptionWarning",
    "error::pytest.PytestUnhandledThreadExceptionWarning",
    # BLAS sometimes sets this flag for small float32 matrices of finite numbers, at random.
    "ignore:invalid value encountered in matmul:RuntimeWarning",
)


def pytest_addoption(parser):
    parser.addoption(
        "--hw1", metavar="FILE",
        help="run the homework's suites, tests/test_2_*.py, on this hw1.py")


def pytest_configure(config):
    given = config.getoption("--hw1")
    are_named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    path = OWN
    if given is not None:
        path = _find_file(config, given)
        if not path.is_file():
            raise pytest.UsageError(f"--hw1 takes a file such as path/to/hw1.py, got {given!r}")
        config.addinivalue_line("filterwarnings", "ignore")  # warnings are never a fault
        for argument in config.args if are_named else []:
            suite = _find_file(config, argument.split("::")[0])
            if suite.is_file() and str(suite) not in SUITES:
                raise pytest.UsageError(f"--hw1 runs tests/test_2_*.py, and not {argument}")
    homework = Homework(config, path, own=given is None)
    config.pluginmanager.register(homework, "homework")
    if homework.only_homework and not are_named:
        config.args = SUITES


def _find_file(config, argument):
    """Return the absolute path of an argument of the command line."""
    path = config.invocation_params.dir / os.path.expanduser(argument)
    return pathlib.Path(os.path.abspath(path))


def pytest_collection_modifyitems(items):
    """Turn warnings of this repository's code into errors, in tests/module and tests/commands."""
    for item in items:
        if any(folder in item.path.parents for folder in STRICT):
            item.add_marker(pytest.mark.filterwarnings(*ERRORS))


@pytest.fixture(scope="session")
def nn(request):
    """The module under test, imported when the first test asks for it."""
    homework = request.config.pluginmanager.get_plugin("homework")
    try:
        return homework.load()
    except (Exception, SystemExit) as error:
        reason = unfinished.describe_import(error)
    request.session.shouldfail = "hw1.py cannot be imported"
    raise unfinished.UnfinishedError(unfinished.Unfinished("", "hw1.py", reason))


class Homework:
    """A plugin for the hw1.py under test: it names the unfinished pieces and the next step.

    A test that fails because of an unfinished piece is reported as unfinished, without a traceback,
    and does not count for --maxfail: the sections that come later are tested, too.
    """

    def __init__(self, config, path, own):
        self.config = config
        self.path = path
        self.own = own
        self.source = path.read_bytes() if path.exists() else b""
        self.failed = {}    # {section: its first failed test}
        self.reported = []  # each Unfinished that makes a test fail
        try:
            self.unfinished = unfinished.find(self.source)
            self.parses = True
        except (SyntaxError, ValueError):
            self.unfinished = []
            self.parses = False
        self.only_homework = not own or not self.parses or bool(self.unfinished)

    def load(self):
        """Import the file as hw1.hw1; its unfinished pieces say so when they are called."""
        module = importlib.import_module("hw1.hw1") if self.own else self._import_file()
        unfinished.replace(module, self.unfinished)
        return module

    def _import_file(self):
        """Import the file of --hw1; the modules next to it are hw1.helper and helper."""
        since_2018.restore()
        folder = str(self.path.parent)
        package = types.ModuleType("hw1")
        package.__path__ = [folder]
        module = types.ModuleType("hw1.hw1")
        package.hw1 = module
        module.__file__ = str(self.path)
        module.__package__ = "hw1"
        sys.modules["hw1"] = package
        sys.modules["hw1.hw1"] = module
        sys.path.insert(0, folder)
        exec(compile(self.source, module.__file__, "exec"), vars(module))
        return module

    def explain(self, error, test):
        """Return the Unfinished piece that makes a test fail, or None."""
        piece = unfinished.from_error(error)
        if piece is not None:
            return piece
        for found in self.unfinished:
            if found.piece in unfinished.MAY_BE_EMPTY:
                name = found.piece.split(".")[1]
                if name in test or unfinished.lacks_gradients(error):
                    return found
        return None

    # ---- The hooks -------------------------------------------------------------------------------

    def pytest_ignore_collect(self, collection_path):
        """Leave out all but the homework's suites."""
        if self.only_homework and collection_path.is_file() and str(collection_path) not in SUITES:
            return True

    def pytest_report_header(self):
        if self.own and self.only_homework:
            return "hw1/hw1.py is unfinished: only the homework's suites, tests/test_2_*.py, run"

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Report an unfinished piece by its reason alone: a traceback takes a tenth of a second."""
        piece = None
        if call.excinfo is not None and call.excinfo.errisinstance(Exception):
            piece = self.explain(call.excinfo.value, item.name)
        if piece is not None:
            with pytest.raises(pytest.fail.Exception) as call.excinfo:
                pytest.fail(piece.reason, pytrace=False)
        outcome = yield
        report = outcome.get_result()
        if piece is not None:
            report.unfinished = tuple(piece)  # a plain tuple: pytest-xdist sends it

    def pytest_report_teststatus(self, report):
        if report.failed and getattr(report, "unfinished", None):
            return "unfinished", "u", "UNFINISHED"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        if not report.failed:
            return
        file = pathlib.Path(report.nodeid.split("::")[0])
        section = ".".join(file.name.split("_")[1:3])
        if not getattr(report, "unfinished", None):
            if file.match("test_2_*.py"):
                self.failed.setdefault(section, report.nodeid)
            return
        piece = unfinished.Unfinished(*report.unfinished)
        if piece.section is None:
            piece = piece._replace(section=section)
        if piece.piece not in [other.piece for other in self.reported]:
            self.reported.append(piece)
        if self.config.option.maxfail:
            self.config.option.maxfail += 1

    def pytest_terminal_summary(self, terminalreporter):
        self.reported.sort(key=_place)
        if self.reported:
            terminalreporter.section("unfinished")
            for piece in self.reported:
                terminalreporter.write_line(_describe_step(piece.section, piece.reason))
        if not self.own and self.parses:
            lines = since_2018.advice(self.source)
            if lines:
                terminalreporter.section("advice")
            for line in lines:
                terminalreporter.write_line(line)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self):
        """Print the next step last, after pytest's own closing line."""
        yield
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        steps = [(piece.section, piece.reason) for piece in self.reported]
        steps += [(section, f"{test} fails") for section, test in self.failed.items()]
        steps.sort(key=lambda step: step[0])
        if steps and terminal is not None:
            terminal.write_line(f"Next: {_describe_step(*steps[0])}")


def _describe_step(section, reason):
    return f"section {section}: {reason}" if section else reason


def _place(piece):
    """Return a key that sorts pieces, and classes, by the handout's order."""
    names = list(unfinished.PIECES)
    places = [i for i, name in enumerate(names) if piece.piece in (name, name.split(".")[0])]
    return piece.section, min(places, default=len(names))
