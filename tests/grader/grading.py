"""Grades a handin: each section's suite runs in a process of its own, with limits on time and memory.

All run beside one another: what a handin loops or sleeps away in one section is not taken from another.
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import typing

from tests.grader.handin import Refused, unpack
from tests.handout.judge import SUITES

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 16  # seconds by the clock that a section may take; a quarter of them of processor time


class Outcome(typing.NamedTuple):
    """What became of one test."""

    passed: bool
    reason: typing.Optional[str] = None  # one line, if it did not pass
    void: bool = False                   # whether its whole section loses its points
    advice: tuple = ()                   # lines that cost nothing


class Grade(typing.NamedTuple):
    """outcomes: of every test that was run, by its node id. refused: why nothing was run, or None."""

    outcomes: dict
    refused: typing.Optional[str] = None

    def outcome(self, nodeid):
        """The outcome of a test; for one that was never reached, that of the test which ended its suite."""
        if self.refused is not None:
            return Outcome(False, self.refused, void=True)
        suite = nodeid.split("::")[0]
        ends = (outcome for name, outcome in self.outcomes.items() if name.split("::")[0] == suite and outcome.void)
        return self.outcomes.get(nodeid) or next(ends, None)


def grade(path):
    """Ask the graded suites about the handin at path."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            module = unpack(path, folder)
        except Refused as refused:
            return Grade({}, str(refused))
        outcomes = {}
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(SUITES)) as pool:
            suites = [["tests/handout/%s.py" % suite] for suite in SUITES.values()]
            for found in pool.map(lambda suite: ask(module, suite, PATIENCE), suites):
                outcomes.update(found)
        return Grade(outcomes)


def ask(module, suites, patience):
    """Run the suites on a module in a process of its own, and return the outcomes by node id.

    patience: seconds that they may take together, by the clock; of processor time a quarter, as the sections share it.
    """
    with tempfile.TemporaryDirectory(dir=module.parents[1]) as folder:
        report = os.path.join(folder, "report")
        command = [sys.executable, "-m", "pytest", "-p", "tests.grader.worker", "-p", "no:cacheprovider", "-q",
                   "--capture=no", "--tb=no", "--rootdir", str(ROOT), "-c", str(ROOT / "setup.cfg"), "-o", "addopts=",
                   "--module", str(module), "--report", report, "--seconds", str(patience // 4)]
        environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", OPENBLAS_NUM_THREADS="1",
                           OMP_NUM_THREADS="1", TMPDIR=folder)
        with open(os.path.join(folder, "output"), "wb") as output:
            process = subprocess.Popen(command + [str(ROOT / suite) for suite in suites], cwd=folder, env=environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
            try:
                ended = how_it_ended(process.wait(timeout=patience))
            except subprocess.TimeoutExpired:
                ended = "runs for more than %d seconds: does it loop or wait for ever?" % patience
            finally:
                kill(process)
        outcomes = read(report, ended)
        if not outcomes:
            printed = pathlib.Path(folder, "output").read_text(errors="replace")
            raise RuntimeError("the grader itself cannot run %s: %s" % (", ".join(suites), printed[-500:] or ended))
        return outcomes


def kill(process):
    """End the process and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def how_it_ended(status):
    """Why a process ended before its tests did, in words."""
    if status == -signal.SIGXCPU:
        return "runs too long: an endless loop?"
    if status == -signal.SIGKILL:
        return "is killed by the system: does it need too much memory?"
    if status < 0:
        return "kills the process (signal %d)" % -status
    return "ends the process with status %d: does it call os._exit?" % status


def read(report, ended):
    """The outcomes that a worker wrote down; a test that it began and did not end is one that ended it."""
    outcomes, running = {}, None
    text = pathlib.Path(report).read_text() if os.path.exists(report) else ""
    for line in map(json.loads, text.split("\n")[:-1]):  # what follows the last line's end was cut off with its process
        if "start" in line:
            running = line["start"]
        else:
            outcomes[line["end"]] = Outcome(line["passed"], line["reason"], line["void"], tuple(line["advice"]))
            running = None
    if running is not None:
        outcomes[running] = Outcome(False, "hw1.py " + ended, void=True)
    return outcomes
