"""Grades a handin: each section is asked in a process of its own, with limits on time and memory.

All run beside one another: what a handin loops or sleeps away in one section is not taken from another. A process that
cannot do its work is the grader's failure, never a score.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import typing

from tests.grader import sections
from tests.grader.handin import Refused, unpack
from tests.grader.judge import FAILED

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 8  # of processor time for a section; by the clock the worker allows it twelve times as many
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from tests.grader import worker; " \
        "worker.run(*json.loads(sys.argv[2]))"
ADVICE = 5   # lines at most
TURNS = ("2.2", "2.4"), ("2.3", "2.8"), ("2.5", "2.6"), ("2.7",)  # those in one turn do not stand on each other


class GraderFailed(Exception):
    """Why the grader could not do its work, in one line; nothing is said of the handin."""


class Stopped(Exception):
    """stop() was called."""


class Outcome(typing.NamedTuple):
    """What became of one check; the reason is None where all its points were earned."""

    check: str
    points: float
    earned: float
    reason: typing.Optional[str]


class Section(typing.NamedTuple):
    """outcomes: of its checks, as far as they were asked. void: why all its points are lost, or None."""

    number: str
    outcomes: list = []
    void: typing.Optional[str] = None

    @property
    def title(self):
        return sections.SECTIONS[self.number][0]

    @property
    def possible(self):
        return sections.points(self.number)

    @property
    def earned(self):
        return 0.0 if self.void else round(float(sum(outcome.earned for outcome in self.outcomes)), 1)

    @property
    def reasons(self):
        """Why points are lost: each reason once, the cause before what follows from it."""
        told = [self.void] + [outcome.reason for outcome in self.outcomes]
        return list(dict.fromkeys(reason for reason in told if reason))


class Graded(typing.NamedTuple):
    """sections: those that were asked, by number. refused: why none could be asked. note: what to say before all else."""

    sections: dict
    advice: list = []
    refused: typing.Optional[str] = None
    note: typing.Optional[str] = None

    @property
    def total(self):
        return round(sum(section.earned for section in self.sections.values()), 1)

    @property
    def possible(self):
        return sum(section.possible for section in self.sections.values())


def grade_handin(path, numbers=tuple(sections.SECTIONS)):
    """Grade the handin at path: an archive, a folder or a hw1.py. GraderFailed if that cannot be done."""
    folder = None
    try:
        folder = tempfile.mkdtemp()
        found = unpack(path, folder)
        graded = grade(found.module, numbers)
        return graded._replace(note=found.note, advice=(found.advice + graded.advice)[:ADVICE])
    except Refused as refused:
        return Graded({number: Section(number) for number in numbers}, refused=str(refused))
    except (OSError, ValueError) as error:
        raise GraderFailed(f"{type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(folder or "", ignore_errors=True)


def grade(module, numbers=tuple(sections.SECTIONS), apart=True):
    """Grade .../hw1/hw1.py. apart: in a process for each section; else one process asks all, one after the other.

    A section comes after those that it stands on: what hangs there must not be asked again. The first two are always
    asked, as every network stands on them.
    """
    if not apart:
        found, advice, refused = ask(module, numbers)
        return Graded(found, advice[:ADVICE], refused)
    found, lines = {}, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for turn in TURNS:
            asked = [number for number in turn if number in numbers or turn is TURNS[0]]
            void = [number for number, section in found.items() if section.void]
            for answer, advice, refused in pool.map(lambda number: ask(module, [number], void=void), asked):
                if refused:
                    return Graded({number: Section(number) for number in numbers}, refused=refused)
                found.update(answer)
                lines += advice
    return Graded({number: found[number] for number in numbers}, list(dict.fromkeys(lines))[:ADVICE])


def ask(module, numbers, seconds=SECONDS, void=()):
    """Ask the checks of some sections in a new process; return the Sections by number, advice, and why it is refused."""
    folder = tempfile.mkdtemp()
    try:
        report = os.path.join(folder, "report")
        paths = [str(ROOT)] + [os.path.abspath(path) for path in sys.path]  # NumPy is found where it is found here
        command = [sys.executable, "-I", "-B", "-c", START, json.dumps(paths),
                   json.dumps([str(module), report, seconds, numbers, void])]
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TMPDIR=folder)
        with open(os.path.join(folder, "output"), "wb") as output:
            status = run(command, 15 * seconds, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                         stderr=output)
        printed = pathlib.Path(folder, "output").read_text(errors="replace").strip().split("\n")[-1][-300:]
        if status == FAILED:
            raise GraderFailed(f"a section's process fails: {printed}")
        return read(report, numbers, how_it_ended(status), printed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- Processes -------------------------------------------------------------------------------------------------------

_running, _lock, _stopped = set(), threading.Lock(), threading.Event()


def run(command, patience, **options):
    """Run a command with patience seconds by the clock, and return its exit status; None if it ran too long."""
    with _lock:
        if _stopped.is_set():
            raise Stopped
        process = subprocess.Popen(command, start_new_session=os.name == "posix", **options)
        _running.add(process)
    try:
        status = process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        status = None
    finally:
        kill(process)
        with _lock:
            _running.discard(process)
    if _stopped.is_set():
        raise Stopped
    return status


def how_it_ended(status):
    """Why a process ended before its checks did, in words."""
    name = signal.Signals(-status).name if status is not None and status < 0 else ""
    if status is None or name in ("SIGXCPU", "SIGALRM"):
        return "runs too long: does it loop or wait for ever?"
    if name == "SIGKILL":
        return "is killed by the system: does it run too long, or need too much memory?"
    return f"kills the process ({name})" if name else f"ends the process with status {status}: does it call os._exit?"


def stop():
    """End all processes: those who wait for them get Stopped, and so does who would start another."""
    with _lock:
        _stopped.set()
        for process in _running:
            kill(process)


def kill(process):
    """End the process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
    process.wait()


def read(report, numbers, ended, printed):
    """What a worker wrote down; where it ended within a check, how it ended voids the section."""
    found, running, lines = {number: Section(number, []) for number in numbers}, None, []
    if os.path.exists(report):  # what follows the last line's end was cut off with its process
        lines = list(map(json.loads, pathlib.Path(report).read_text().split("\n")[:-1]))
    if not lines:
        raise GraderFailed(f"a section's process does not start: {printed or ended}")
    if {"imported": True} not in lines:
        return found, [], lines[-1].get("void", f"hw1.py, when it is imported, {ended}")
    for line in lines:
        if "failed" in line:
            raise GraderFailed(line["failed"])
        if "start" in line:
            running = line["section"]
        elif "end" in line:
            found[line["section"]].outcomes.append(Outcome(line["end"], line["points"], line["earned"], line["reason"]))
        elif "void" in line:
            found[line["section"]] = found[line["section"]]._replace(void=line["void"])
        elif "advice" in line:
            return found, line["advice"], None
    for number in list(numbers)[list(numbers).index(running):] if running else numbers:
        found[number] = found[number]._replace(void=f"hw1.py {ended}")
    return found, [], None
