"""The process that runs a handin: limits, watches, and a line of JSON for all that it finds out.

{"ready": true} comes once all is imported but the handin, then {"imported": true}, or {"void": why}
if it does not import. {"start": check, "section": number} and {"end": check, "section": number,
"points": ..., "earned": ..., "reason": ...} stand around each check; {"void": why, "section": number}
takes a section's points; {"advice": [...]} is the end, {"failed": why} the grader's own failure.
"""

import contextlib
import importlib
import importlib.util
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


def run(*arguments):
    """Do what main does; whatever leaves it is a failure of the grader."""
    try:
        main(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(judge.FAILED)


def main(module, report, seconds, numbers, void):
    """Ask .../hw1/hw1.py the checks of the sections in numbers.

    seconds: of processor time, and twelve times as many by the clock.
    void: the sections that must not be asked, as the handin hangs there.
    """
    checks = [check for number in numbers for check in sections.checks_of(number)]
    order = sections.in_order_of_dependence()
    with open(report, "a") as file:
        def write(**line):
            folder = str(pathlib.Path(module).parents[1]) + os.sep
            file.write(json.dumps(line).replace(folder, "") + "\n")
            file.flush()

        write(ready=True)
        limit(seconds)
        watch = Watch(os.path.dirname(module))
        try:
            handin = judge.Handin(load(module, watch), order, void)
        except judge.Void as why:
            return write(void=str(why))
        write(imported=True)
        voided = set()
        for check in checks:
            if check.section in voided:
                continue
            write(start=check.name, section=check.section)
            try:
                lost = asked(handin, check, watch)
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                return write(failed=f"{check.section} {check.name}, line {place.lineno} of "
                                    f"{os.path.basename(place.filename)}: {error!r}")
            write(end=check.name, section=check.section, points=check.points,
                  earned=check.points * (lost.kept if lost else 1),
                  reason=str(lost) if lost else None)
            if isinstance(lost, judge.Void):
                write(void=str(lost), section=check.section)
                voided.add(check.section)
        write(advice=list(dict.fromkeys(watch.advice + handin.advice)))


def asked(handin, check, watch):
    """Return why a check takes points, a Lost, or None."""
    watch.begin()
    try:
        lost = handin.lost(check)
        watch.check()
    except judge.Void as void:
        return void
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, MemoryError):
            raise
        return judge.Void(judge.told(error))  # sys.exit, too long, or all memory taken
    return lost


def load(path, watch):
    """Import .../hw1/hw1.py as hw1.hw1, whatever else is installed; Void if that fails."""
    folder, root = os.path.dirname(path), os.path.dirname(os.path.dirname(path))
    repository = str(pathlib.Path(__file__).resolve().parents[2])
    sys.path[:] = [root] + [entry for entry in sys.path if os.path.abspath(entry) != repository]
    sys.argv[:] = [path]
    known = set(sys.modules)
    watch.begin()
    try:
        with judge.quiet():
            spec = importlib.util.spec_from_file_location(
                "hw1", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
            package = sys.modules["hw1"] = importlib.util.module_from_spec(spec)
            if os.path.exists(spec.origin):
                spec.loader.exec_module(package)
            module = importlib.import_module("hw1.hw1")
        watch.check(importing=True)
    except judge.Void:
        raise
    except BaseException as error:
        hint, name = "", getattr(error, "name", None)
        if isinstance(error, ModuleNotFoundError) and os.path.exists(f"{folder}/{name}.py"):
            hint = f"; it is hw1/{name}.py: import it as hw1.{name}"
        raise judge.Void(f"hw1.py does not import: {judge.told(error)}{hint}") from error
    source = pathlib.Path(path).read_text(errors="replace")
    for name in sorted(set(sys.modules) - known):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if "-packages" in file and re.search(rf"^\s*(import|from) {name}\b", source, re.MULTILINE):
            watch.advice.append(f"hw1.py imports {name}, which the course's grader may lack")
    return module


def limit(seconds):
    """Limit this process; what runs too long gets an exception where it is, to tell the line."""
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
        self.settings = self._settings()

    def watched(self, function):
        """The function, but that a call from the handin is noted."""
        def call(*args, **kwargs):
            if sys._getframe(1).f_code.co_filename.startswith(self.folder):
                self.called.add(function.__name__)
            return function(*args, **kwargs)
        return call

    def _settings(self):
        return {name: getattr(np.random, name) for name in dir(np.random) if name[0] != "_"}

    def begin(self):
        self.called.clear()
        self.before = self._size()

    def _size(self):
        """Bytes that this process has printed."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # beyond FILE_SIZE, or closed
                stream.flush()
        return os.fstat(1).st_size

    def check(self, importing=False):
        """Void if the handin did since begin what costs a section; advice if it was only rude."""
        printed = self._size() - self.before
        if printed > OUTPUT:
            raise judge.Void("hw1.py prints more than 1 MB in one test: it should print nothing")
        if printed and importing:
            self.advice.append("hw1.py prints when it is imported: it should print nothing")
        if "seterr" in self.called:
            self.advice.append("hw1.py calls np.seterr, which changes all of the program: use "
                               "`with np.errstate(...)`")
        if "seed" in self.called:
            line = ("hw1.py calls np.random.seed: seeding is the caller's, every random number "
                    "after it changes")
            if not importing:
                raise judge.Void(line)
            self.advice.append(line)
        after = self._settings()
        changed = sorted(n for n in self.settings if after.get(n) is not self.settings[n])
        if changed:
            raise judge.Void(f"hw1.py changes np.random.{changed[0]}, which belongs to all of the "
                             "program")
        if os.name == "posix":
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
                raise judge.Void("hw1.py starts a process and leaves it behind")
