"""The process that runs a handin: limits, watches, and a line of JSON for all that it finds out.

{"ready": true} comes once all is imported but the handin, then {"imported": true}, or {"void": why}
if it does not import. Then {"section": number} before each section, {"check": [name, points, points
earned, reason]} after each check, and {"void": why} where the section loses all and is left. The
end is {"advice": [...]}, or {"failed": why}, the grader's own failure.
"""

import contextlib
import importlib
import json
import os
import pathlib
import re
import signal
import sys
import traceback

import numpy as np

from tests.grader import judge, sections

MEMORY = 1 << 30      # bytes of memory
OUTPUT = 1 << 20      # bytes that the handin may print in one check
FILE_SIZE = 64 << 20  # bytes that any file may grow to, the output among them
SETERR = "hw1.py calls np.seterr, which changes all of the program: use `with np.errstate(...)`"
SEED = "hw1.py calls np.random.seed: seeding is the caller's, every random number after it changes"


def run(report, *arguments):
    """Do what main does; whatever leaves it is a failure of the grader."""
    try:
        with open(report, "a", buffering=1) as file:
            main(file, *arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(judge.FAILED)


def main(file, module, seconds, numbers, hangs):
    """Ask .../hw1/hw1.py the checks of some sections, but of none in which it hangs."""
    order, folder = sections.in_order_of_dependence(), os.path.dirname(module)
    asked = {number: sections.checks_of(number) for number in numbers}

    def write(**line):
        file.write(json.dumps(line).replace(os.path.dirname(folder) + os.sep, "") + "\n")

    write(ready=True)
    limit(seconds)
    watch = Watch(folder)
    try:
        handin = judge.Handin(load(folder, watch), order, hangs)
    except judge.Void as why:
        return write(void=str(why))
    write(imported=True)
    for number, checks in asked.items():
        write(section=number)
        for check in checks:
            try:
                with watch.watching():
                    lost = handin.lost(check)
            except judge.Void as void:
                lost = void
            except BaseException as error:
                if isinstance(error, Exception) and not isinstance(error, MemoryError):
                    place = traceback.extract_tb(error.__traceback__)[-1]
                    return write(failed=f"{number} {check.name}, line {place.lineno} of "
                                        f"{os.path.basename(place.filename)}: {error!r}")
                lost = judge.Void(judge.told(error))  # sys.exit, too long, or all memory taken
            earned, reason = (check.points * lost.kept, str(lost)) if lost else (check.points, None)
            write(check=[check.name, check.points, earned, reason])
            if isinstance(lost, judge.Void):
                write(void=reason)
                break
    write(advice=list(dict.fromkeys(watch.advice + handin.advice)))


def load(folder, watch):
    """Import hw1.py of the folder as hw1.hw1; Void if that fails."""
    path = os.path.join(folder, "hw1.py")
    pathlib.Path(folder, "__init__.py").touch()  # or an installed package hw1 would come first
    sys.path[0], sys.argv[:] = os.path.dirname(folder), [path]
    known = set(sys.modules)
    try:
        with watch.watching(importing=True), judge.quiet():
            module = importlib.import_module("hw1.hw1")
    except judge.Void:
        raise
    except BaseException as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and os.path.exists(f"{folder}/{error.name}.py"):
            hint = f"; it is hw1/{error.name}.py: import it as hw1.{error.name}"
        raise judge.Void(f"hw1.py does not import: {judge.told(error)}{hint}") from error
    source = pathlib.Path(path).read_text(errors="replace")
    for name in sorted(set(sys.modules) - known):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "-packages" in file and re.search(rf"^\s*(import|from) {name}\b", source, re.MULTILINE):
            watch.advice.append(f"hw1.py imports {name}, which the course's grader may lack")
    return module


def limit(seconds):
    """Limit processor time, and the clock to twelve times as many; TooLong comes, to tell where."""
    try:
        import resource
    except ImportError:
        return  # Windows: the time-out of the grader remains
    for number in (signal.SIGXCPU, signal.SIGALRM):
        signal.signal(number, too_long)
    signal.alarm(12 * seconds)
    for limited, soft, hard in [(resource.RLIMIT_CPU, seconds, seconds + 2),
                                (resource.RLIMIT_AS, MEMORY, MEMORY),
                                (resource.RLIMIT_FSIZE, FILE_SIZE, FILE_SIZE),
                                (resource.RLIMIT_CORE, 0, 0)]:
        with contextlib.suppress(ValueError, OSError):  # a system without this limit
            resource.setrlimit(limited, (soft, hard))


def too_long(number, frame):
    raise judge.TooLong


class Watch:
    """Notes what a handin does beside its work."""

    def __init__(self, folder):
        self.folder, self.called, self.advice = folder, set(), []
        np.random.seed, np.seterr = map(self.watched, (np.random.seed, np.seterr))
        self.random = sorted(item for item in vars(np.random).items() if item[0][0] != "_")

    def watched(self, function):
        """The function, but that a call from the handin is noted."""
        def call(*args, **kwargs):
            if sys._getframe(1).f_code.co_filename.startswith(self.folder):
                self.called.add(function.__name__)
            return function(*args, **kwargs)
        return call

    @contextlib.contextmanager
    def watching(self, importing=False):
        """Void if the handin does in here what costs a section; advice if it is only rude."""
        self.called.clear()
        before = printed()
        yield
        size = printed() - before
        if size > OUTPUT:
            raise judge.Void("hw1.py prints more than 1 MB in one test: it should print nothing")
        if size and importing:
            self.advice.append("hw1.py prints when it is imported: it should print nothing")
        if "seterr" in self.called:
            self.advice.append(SETERR)
        if "seed" in self.called:
            if not importing:
                raise judge.Void(SEED)
            self.advice.append(SEED)
        for name, value in self.random:
            if getattr(np.random, name, None) is not value:
                raise judge.Void(f"hw1.py changes np.random.{name}, which belongs to all of the "
                                 "program")
        if os.name == "posix":
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
                raise judge.Void("hw1.py starts a process and leaves it behind")


def printed():
    """Bytes that this process has printed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # beyond FILE_SIZE, or closed
            stream.flush()
    return os.fstat(1).st_size
