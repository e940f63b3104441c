"""Grade a submission: each section in a process of its own, with limits on time and memory.

They run beside one another: what a submission loops or sleeps away in one section is not taken from
another. A process that cannot do its work is the grader's failure, never a score.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from tests.grader import sections
from tests.grader.reasons import FAILED
from tests.grader.resolve import find_needed, resolve
from tests.grader.submission import Refused, unpack

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALL = tuple(sections.SECTIONS)
SECONDS = 8  # of processor time for a section; the worker allows twelve times as many by the clock
START = "import json, sys; sys.path[:], arguments = json.loads(sys.argv[1]); " \
        "from tests.grader import worker; worker.run(*arguments)"


class GraderFailed(Exception):
    """Why the grader could not do its work, in one line; it says nothing about the submission."""


@dataclasses.dataclass
class Outcome:
    """What became of a check.

    reason: why points are lost, or None. explained: the mistakes that give the same numbers. whole:
    how the submission as a whole differs from the textbook, or None; see resolve.py.
    """

    check: str
    points: float
    earned: float
    reason: str
    explained: list = dataclasses.field(default_factory=list)
    whole: str = None


@dataclasses.dataclass
class Section:
    """outcomes: of its checks, as far as they were asked. void: why all its points are lost."""

    number: str
    outcomes: list = dataclasses.field(default_factory=list)
    void: str = None

    @property
    def possible(self):
        return sections.points(self.number)

    @property
    def earned(self):
        return round(sum((outcome.earned for outcome in self.outcomes if not self.void), 0.0), 1)

    @property
    def lost(self):
        """Pairs of points and the reason why they are lost, the cause before what follows."""
        if self.void:
            return [(self.possible, self.void)]
        return [(outcome.points - outcome.earned, outcome.reason) for outcome in self.outcomes
                if outcome.reason]

    @property
    def reasons(self):
        return list(dict.fromkeys(reason for _, reason in self.lost))


@dataclasses.dataclass
class Graded:
    """The score of a submission.

    sections: {number: Section}. refused: why no section could be graded, or None. layout: why the
    course's autograder would not find its hw1/hw1.py, or None. note: another line, or None.
    """

    sections: dict
    advice: list = dataclasses.field(default_factory=list)
    refused: str = None
    layout: str = None
    note: str = None

    @property
    def earned(self):
        return {number: section.earned for number, section in self.sections.items()}

    @property
    def total(self):
        return round(sum(self.earned.values()), 1)

    @property
    def possible(self):
        return sum(section.possible for section in self.sections.values())


def make_sections(numbers):
    return {number: Section(number) for number in numbers}


def grade_submission(path, numbers=ALL):
    """Grade an archive, a folder or a hw1.py. Raises GraderFailed if that cannot be done."""
    folder = None
    try:
        folder = tempfile.mkdtemp()
        layout, advice = unpack(path, folder)
        graded = grade(pathlib.Path(folder, "hw1", "hw1.py"), numbers)
        graded.layout = layout
        graded.advice = (advice + graded.advice)[:5]
        return graded
    except Refused as refused:
        return Graded(make_sections(numbers), refused=str(refused))
    except (OSError, ValueError) as error:
        raise GraderFailed(f"{type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(folder or "", ignore_errors=True)


def grade(module, numbers=ALL):
    """Grade .../hw1/hw1.py, each section in a process of its own.

    Other sections are asked, too, where the score of these depends on them.
    """
    graded = ask_each(module, numbers)
    if graded.refused is None:
        more = ask_each(module, find_needed(graded.sections, ALL))
        found = {**graded.sections, **more.sections}
        resolve({number: found[number] for number in ALL if number in found})
    return graded


def ask_each(module, numbers):
    """Ask each section in a process of its own, two at a time; nothing is resolved yet."""
    found = {}
    advice = []
    order = sorted(numbers, key=sections.points, reverse=True)  # those of most points take longest
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for graded in pool.map(functools.partial(ask_again, module), order):
            if graded.refused is not None:
                return Graded(make_sections(numbers), refused=graded.refused)
            found.update(graded.sections)
            advice += graded.advice
    return Graded({number: found[number] for number in numbers}, list(dict.fromkeys(advice)))


def ask_again(module, number):
    """Ask a section; if something hangs in it, ask again with the textbook's parts in networks."""
    graded = ask(module, [number])
    if graded.refused is None and graded.sections[number].void:
        again = ask(module, [number], only_textbook_parts=True)
        if again.refused is None and not again.sections[number].void:
            return again
    return graded


def grade_together(module, numbers=ALL):
    """Grade in one process for all sections, which takes less time."""
    graded = ask(module, numbers)
    if graded.refused is None:
        resolve(graded.sections)
    return graded


def ask(module, numbers=ALL, seconds=SECONDS, only_textbook_parts=False):
    """Ask some sections in one new process; nothing is resolved yet."""
    folder = tempfile.mkdtemp()
    try:
        report = pathlib.Path(folder, "report")
        output = pathlib.Path(folder, "output")
        paths = [path for path in map(os.path.abspath, sys.path) if path != str(ROOT)]
        arguments = [str(report), str(module), seconds, numbers, only_textbook_parts]
        start = json.dumps([[str(ROOT), *paths], arguments])
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with open(output, "wb") as file:
            status = run([sys.executable, "-I", "-c", START, start], 15 * seconds,
                         cwd=folder, env={**os.environ, **threads, "TMPDIR": folder},
                         stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        printed = output.read_text(errors="replace").strip().split("\n")[-1][-300:]
        if status == FAILED:
            raise GraderFailed(f"a section's process fails: {printed}")
        lines = report.read_text().split("\n")[:-1] if report.exists() else []  # no line cut off
        return read(list(map(json.loads, lines)), numbers, how_it_ended(status), printed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(lines, numbers, ended, printed):
    """What a worker wrote; where it ended within a section, how it ended voids that."""
    found, running = make_sections(numbers), numbers[0]
    if not lines:
        raise GraderFailed(f"a section's process does not start: {printed or ended}")
    if {"imported": True} not in lines:
        why = lines[-1].get("void", f"hw1.py, when it is imported, {ended}")
        return Graded(found, refused=why)
    for line in lines:
        if "failed" in line:
            raise GraderFailed(line["failed"])
        if "section" in line:
            running = line["section"]
        elif "check" in line:
            found[running].outcomes.append(Outcome(*line["check"]))
        elif "void" in line:
            found[running].void = line["void"]
        elif "advice" in line:
            return Graded(found, line["advice"])
    for number in numbers[numbers.index(running):]:
        found[number].void = f"hw1.py {ended}"
    return Graded(found)


def how_it_ended(status):
    """Why a process ended before its checks did, in words."""
    name = signal.Signals(-status).name if status is not None and status < 0 else ""
    if status is None or name in ("SIGXCPU", "SIGALRM"):
        return "runs too long: does it loop or wait for ever?"
    if name == "SIGKILL":
        return "is killed by the system: does it run too long, or need too much memory?"
    return f"kills the process ({name})" if name else \
        f"ends the process with status {status}: does it call os._exit?"


# ---- Processes -----------------------------------------------------------------------------------

_running, _stopped = set(), threading.Event()


def run(command, patience, **options):
    """Run a command, patience seconds by the clock, for its status; None if it ran too long."""
    process = subprocess.Popen(command, start_new_session=os.name == "posix", **options)
    _running.add(process)  # before the look at _stopped, which is set before the look at _running
    try:
        return process.wait(timeout=0 if _stopped.is_set() else patience)
    except subprocess.TimeoutExpired:
        return None
    finally:
        kill(process)
        _running.remove(process)


def stop():
    """End all processes, and from now on each as soon as it starts."""
    _stopped.set()
    for process in list(_running):
        kill(process)


def kill(process):
    """End the process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
    process.wait()
