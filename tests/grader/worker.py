"""The process that runs a submission: it sets limits, asks the checks, and reports each result.

The report is a file with a line of JSON for each of these, in this order:

    {"ready": true}       all is imported but the submission
    {"imported": true}    or {"void": reason} if the submission cannot be imported, and no more
    {"section": number}   before the checks of each section
    {"check": [name, points, points earned, reason, explained, whole]}
                          after each check; explained and whole are those of judge.Verdict
    {"void": reason}      instead of a check: the section loses all its points and is left
    {"advice": [...]}     at the end; or {"failed": reason}, an error of the grader itself
"""

import ast
import contextlib
import importlib
import json
import os
import pathlib
import re
import signal
import sys
import time
import traceback

import numpy as np

from tests import since_2018, unfinished
from tests.grader import judge, sections
from tests.grader.describe import describe_error
from tests.grader.reasons import FAILED, TooLong, Void

MEMORY = 1 << 30      # bytes of memory
OUTPUT = 1 << 20      # bytes that the submission may print in one check
FILE_SIZE = 64 << 20  # bytes that any file may grow to, the output among them
IMPORTING = 1.0       # seconds of processor time for imports; then the last import is kept
SETERR = "hw1.py calls np.seterr, which changes all of the program: use `with np.errstate(...)`"
SEED = "hw1.py calls np.random.seed: leave seeding to the caller, it changes all random numbers"


def run(report, *arguments):
    """Run main with a file at the path report; any exception is an error of the grader itself."""
    try:
        with open(report, "a", buffering=1) as file:
            main(file, *arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)


def main(file, module, seconds, numbers, only_textbook_parts=False):
    """Ask the checks of the sections in numbers of module, .../hw1/hw1.py.

    seconds: of processor time. only_textbook_parts: build networks from the textbook's parts where
    a check allows it, because the submission's own may time out.
    """
    folder = os.path.dirname(module)
    asked = {number: sections.get_checks(number) for number in numbers}

    def write(**line):
        file.write(json.dumps(line).replace(os.path.dirname(folder) + os.sep, "") + "\n")

    write(ready=True)
    limit(seconds)
    watch = Watch(folder)
    try:
        submission = Submission(folder, watch, only_textbook_parts)
    except Void as void:
        write(void=str(void))
        return
    write(imported=True)
    for number, checks in asked.items():
        write(section=number)
        for check in checks:
            try:
                with watch.watching():
                    verdict = judge.judge(check, submission, number)
            except Void as void:
                write(void=str(void))
                break
            except BaseException as error:
                if isinstance(error, Exception) and not isinstance(error, MemoryError):
                    place = traceback.extract_tb(error.__traceback__)[-1]
                    file_name = os.path.basename(place.filename)
                    write(failed=f"{number} {check.name}, line {place.lineno} of {file_name}: "
                                 f"{error!r}")
                    return
                # sys.exit, too long, or too much memory
                write(void=describe_error(error, isinstance(error, TooLong)))
                break
            earned = check.points
            if verdict.reason is not None:
                earned = check.points * verdict.kept
            write(check=[check.name, check.points, earned, verdict.reason, verdict.explained,
                         verdict.whole])
    write(advice=list(dict.fromkeys(watch.advice + submission.advice)))


class Submission:
    """A hw1.py that is imported as hw1.hw1, again for each call of load.

    unfinished: {"MLP.step": why it is not implemented}. advice: lines that cost no points. Raises
    Void if it cannot be imported.
    """

    def __init__(self, folder, watch, only_textbook_parts=False):
        self.only_textbook_parts = only_textbook_parts
        self.advice = []
        self._root = os.path.dirname(folder)
        forget_data()
        self._known = set(sys.modules)
        self._spent = 0.0
        path = os.path.join(folder, "hw1.py")
        pathlib.Path(folder, "__init__.py").touch()  # or an installed package hw1 would come first
        sys.path[0] = self._root
        sys.argv[:] = [path]
        # It is imported many times: compile it once, in a folder that is removed at the end.
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.getcwd()
        since_2018.restore()
        try:
            with watch.watching(importing=True), judge.ignore_warnings():
                self._module = importlib.import_module("hw1.hw1")
        except Void:
            raise
        except BaseException as error:
            raise Void(describe_import(error, folder)) from error
        source = pathlib.Path(path).read_bytes()
        self._tree = ast.parse(source)
        self._stubs = unfinished.Watch(path, self._tree)
        self.unfinished = {found.piece: found.reason for found in unfinished.find(self._tree)}
        text = source.decode(errors="replace")
        for name in sorted(set(sys.modules) - self._known):
            file = getattr(sys.modules[name], "__file__", None) or ""
            is_package = "-packages" in file
            if is_package and re.search(rf"^\s*(import|from) {name}\b", text, re.MULTILINE):
                self.advice.append(f"hw1.py imports {name}, which the course's grader may lack")
        self.advice += since_2018.advice(self._tree)

    def load(self):
        """Return a new import of hw1.py and of all that is next to it."""
        if self._spent > IMPORTING:
            return self._module
        start = time.process_time()
        for name in set(sys.modules) - self._known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(self._root):
                del sys.modules[name]
        with judge.ignore_warnings():
            self._module = importlib.import_module("hw1.hw1")
        self._spent += time.process_time() - start
        return self._module

    def watching_stubs(self):
        """Return a context that notes the calls of what is not implemented yet."""
        return self._stubs

    def called_stub(self):
        """Return why the first stub that was called is not implemented, or None."""
        return self._stubs.called[0].reason if self._stubs.called else None

    def locate(self, method):
        """Return " (MLP.step, line 171)", or "" if there is no such method."""
        owner, _, name = method.rpartition(".")
        body = self._tree.body
        if owner:
            classes = [node for node in body if isinstance(node, ast.ClassDef)
                       and node.name == owner]
            body = classes[-1].body if classes else []
        found = [node.lineno for node in body
                 if isinstance(node, ast.FunctionDef) and node.name == name]
        return f" ({method}, line {found[-1]})" if found else ""


def forget_data():
    """Forget this repository's package data, whose name a submission's own module may have."""
    for name in list(sys.modules):
        if name.split(".")[0] == "data":
            del sys.modules[name]


def describe_import(error, folder):
    """Return in a line why hw1.py cannot be imported."""
    hint = ""
    if isinstance(error, ModuleNotFoundError) and os.path.exists(f"{folder}/{error.name}.py"):
        hint = f"; it is hw1/{error.name}.py: import it as hw1.{error.name}"
    return f"hw1.py does not import: {describe_error(error, isinstance(error, TooLong))}{hint}"


def limit(seconds):
    """Limit memory, files, processor time, and twelve times as many seconds by the clock.

    At the end of the time, TooLong is raised in the submission, so that its traceback says where.
    """
    try:
        import resource
    except ImportError:
        return  # Windows: only the timeout of processes.ask remains
    for number in (signal.SIGXCPU, signal.SIGALRM):
        signal.signal(number, raise_too_long)
    signal.alarm(12 * seconds)
    for limited, soft, hard in [(resource.RLIMIT_CPU, seconds, seconds + 2),
                                (resource.RLIMIT_AS, MEMORY, MEMORY),
                                (resource.RLIMIT_FSIZE, FILE_SIZE, FILE_SIZE),
                                (resource.RLIMIT_CORE, 0, 0)]:
        with contextlib.suppress(ValueError, OSError):  # a system without this limit
            resource.setrlimit(limited, (soft, hard))


def raise_too_long(number, frame):
    raise TooLong


class Watch:
    """Notes what a submission does besides its work: printing, seeding, starting processes.

    advice: lines that cost no points.
    """

    def __init__(self, folder):
        self.folder = folder
        self.called = set()
        self.advice = []
        np.random.seed = self.note_calls(np.random.seed)
        np.seterr = self.note_calls(np.seterr)
        self.random = {name: value for name, value in sorted(vars(np.random).items())
                       if not name.startswith("_")}

    def note_calls(self, function):
        """Return the function, but its name is noted when the submission calls it."""
        def call(*args, **kwargs):
            if sys._getframe(1).f_code.co_filename.startswith(self.folder):
                self.called.add(function.__name__)
            return function(*args, **kwargs)
        return call

    @contextlib.contextmanager
    def watching(self, importing=False):
        """Return a context for a check, or for the import.

        Raises Void at its end if the submission printed too much, changed np.random, or left a
        process behind; seeding, np.seterr, and printing in the import are only advised against.
        """
        self.called.clear()
        before = count_printed()
        yield
        size = count_printed() - before
        if size > OUTPUT:
            raise Void("hw1.py prints more than 1 MB in one test: it should print nothing")
        if size and importing:
            self.advice.append("hw1.py prints when it is imported: it should print nothing")
        if "seterr" in self.called:
            self.advice.append(SETERR)
        if "seed" in self.called:
            self.advice.append(SEED)
        for name, value in self.random.items():
            if getattr(np.random, name, None) is not value:
                raise Void(f"hw1.py changes np.random.{name}, which belongs to all of the program")
        if os.name == "posix":
            with contextlib.suppress(ChildProcessError):  # there is none
                os.waitpid(-1, os.WNOHANG)
                raise Void("hw1.py starts a process and leaves it behind")


def count_printed():
    """Return how many bytes this process has printed; its standard output is a file."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # beyond FILE_SIZE, or closed
            stream.flush()
    return os.fstat(1).st_size
