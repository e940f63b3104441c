"""Grade a submission: each section in a process of its own, with limits on time and memory.

A section that runs too long or crashes takes nothing from the others. A process that cannot do its
work is the grader's failure, never a score.
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
TOO_LONG = "runs too long: does it loop or wait forever?"
SECONDS = 8  # of processor time for a section; the worker allows twelve times as many by the clock
START = """\
import json, sys
sys.path[:], arguments = json.loads(sys.argv[1])
from tests.grader import worker
worker.run(*arguments)
"""


class GraderFailed(Exception):
    """The reason, in one line, why the grader could not do its work: no fault of the submission."""


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
    """The score of a section.

    outcomes: of its checks, as far as they were asked. void: why all its points are lost, or None.
    """

    number: str
    outcomes: list = dataclasses.field(default_factory=list)
    void: str = None

    @property
    def possible(self):
        return sections.points(self.number)

    @property
    def earned(self):
        if self.void:
            return 0.0
        return round(sum((outcome.earned for outcome in self.outcomes), 0.0), 1)

    @property
    def lost(self):
        """Pairs of points and the reason why they are lost, in the order of the checks."""
        if self.void:
            return [(self.possible, self.void)]
        return [(outcome.points - outcome.earned, outcome.reason) for outcome in self.outcomes
                if outcome.reason]

    @property
    def reasons(self):
        """The reasons, each once."""
        return list(dict.fromkeys(reason for _, reason in self.lost))


@dataclasses.dataclass
class Graded:
    """The score of a submission.

    sections: {number: Section}. advice: lines that cost no points. refused: why no section could be
    graded, or None. layout: why the course's autograder would not find its hw1/hw1.py, or None.
    note: which of several archives this is, or None.
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
    """Return the Graded of an archive, a folder or a hw1.py, for the sections in numbers.

    Raises GraderFailed if the grader cannot do its work.
    """
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
    """Return the Graded of .../hw1/hw1.py, each section graded in a process of its own.

    Other sections are asked, too, where the score of those in numbers depends on them.
    """
    graded = ask_each(module, numbers)
    if graded.refused is None:
        more = ask_each(module, find_needed(graded.sections, ALL))
        found = {**graded.sections, **more.sections}
        resolve({number: found[number] for number in ALL if number in found})
    return graded


def ask_each(module, numbers):
    """Return the Graded of each section, asked in a process of its own, two at a time."""
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
    """Ask a section; if it is void, ask again with the textbook's parts in the networks.

    Then an activation that loops forever, for example, costs nothing but its own section.
    """
    graded = ask(module, [number])
    if graded.refused is None and graded.sections[number].void:
        again = ask(module, [number], only_textbook_parts=True)
        if again.refused is None and not again.sections[number].void:
            return again
    return graded


def ask(module, numbers=ALL, seconds=SECONDS, only_textbook_parts=False):
    """Return the Graded of some sections, asked in one new process, before resolve.

    seconds: of processor time, for all of them.
    """
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
        lines = []
        if report.exists():
            complete = report.read_text().split("\n")[:-1]  # the last may be cut off
            lines = [json.loads(line) for line in complete]
        return read(lines, numbers, describe_end(status), printed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(lines, numbers, ended, printed):
    """Return the Graded that a worker wrote as lines, which worker.py describes.

    ended: how the process ended. Where there is no last line, this is why the section that was
    running, and those after it, are void. printed: the process's last line of output.
    """
    found = make_sections(numbers)
    running = numbers[0]
    if not lines:
        raise GraderFailed(f"a section's process does not start: {printed or ended}")
    if {"imported": True} not in lines:
        reason = lines[-1].get("void", f"hw1.py, when it is imported, {ended}")
        return Graded(found, refused=reason)
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


def describe_end(status):
    """Return how a process ended before its checks did; status: None if it ran too long."""
    if status is None:
        return TOO_LONG
    if status >= 0:
        return f"ends the process with status {status}: does it call os._exit?"
    name = signal.Signals(-status).name
    if name in ("SIGXCPU", "SIGALRM"):
        return TOO_LONG
    if name == "SIGKILL":
        return "is killed by the system: does it run too long, or need too much memory?"
    return f"kills the process ({name})"


# ---- Processes -----------------------------------------------------------------------------------

_running = set()
_stopped = threading.Event()


def run(command, timeout, **options):
    """Return the exit status of a command, or None if it took more than timeout seconds."""
    process = subprocess.Popen(command, start_new_session=os.name == "posix", **options)
    _running.add(process)  # before _stopped is read: stop sets it, and then reads _running
    if _stopped.is_set():
        timeout = 0
    try:
        return process.wait(timeout)
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
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
