"""Submissions for the tests: the textbook's text, edited, as a hw1/hw1.py or in an archive."""

import ast
import functools
import io
import json
import os
import sys
import tarfile
import tempfile
import traceback

import numpy as np

from tests import since_2018
from tests.grader import processes, worker
from tests.grader.mistakes import MISTAKES, edit, load_textbook, read_textbook
from tests.grader.reasons import FAILED
from tests.grader.resolve import resolve
from tests.grader.sections import SECTIONS, get_checks

# The points of each section: in the handout, and in the grader, which may have further sections.
HANDOUT = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}
FULL = {number: section.points for number, section in SECTIONS.items()}
TOTAL = sum(FULL.values())


def insert_in_forward(code):
    """Return the textbook's text with code at the start of MLP.forward."""
    start = "        self.outputs = [x]\n"
    return edit(read_textbook(), [(start, f"        {code}\n{start}")])


def replace_bodies(pieces, stub, text):
    """Return text with stub as the body of each function of pieces, such as "MLP.step"."""
    for piece in pieces:
        owner, _, name = piece.rpartition(".")
        body = ast.parse(text).body
        if owner:
            body = find_definition(body, owner).body
        function = find_definition(body, name)
        first = function.body[0]
        lines = text.splitlines(keepends=True)
        lines[first.lineno - 1:function.end_lineno] = [" " * first.col_offset + stub + "\n"]
        text = "".join(lines)
    return text


def find_definition(body, name):
    """Return the node of the class or function of this name."""
    [found] = [node for node in body if getattr(node, "name", None) == name]
    return found


def write_module(folder, text):
    """Write text as hw1/hw1.py below folder, and return the path of the file."""
    module = folder / "hw1" / "hw1.py"
    module.parent.mkdir(parents=True)
    module.write_text(text)
    return module


def grade_together(module, numbers=processes.ALL):
    """Return the Graded of .../hw1/hw1.py, all sections together in one fork of this process.

    A fork has all that prepare has loaded: new processes, one for each section as processes.grade
    starts them, would take several times as long. Unlike that, a section that is void is not asked
    again, and no section beyond numbers is. Raises GraderFailed where the grader itself fails.
    """
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")
        child = os.fork()
        if child == 0:
            run_fork(folder, report, module, numbers)
        _, wait_status = os.waitpid(child, 0)
        status = os.waitstatus_to_exitcode(wait_status)
        if status == FAILED:
            with open(os.path.join(folder, "output")) as file:
                raise processes.GraderFailed(file.read())
        with open(report) as file:
            lines = [json.loads(line) for line in file]
    graded = processes.read(lines, numbers, processes.describe_end(status), "")
    if graded.refused is None:
        resolve(graded.sections)
    return graded


@functools.lru_cache(maxsize=None)
def prepare():
    """Load once, in this process, what each fork would otherwise load for itself."""
    np.random.get_state()  # NumPy imports numpy.random when it is first used
    since_2018.restore()
    for number in processes.ALL:
        get_checks(number)
    for mistake in [None, *MISTAKES]:
        load_textbook(mistake)


def run_fork(folder, report, module, numbers):
    """Run the worker in a fork, as in a new process: it prints to a file, and has no hw1 yet."""
    try:
        os.chdir(folder)
        output = os.open("output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = open(1, "w", buffering=1)  # instead of pytest's
        sys.stderr = open(2, "w", buffering=1)
        for name in list(sys.modules):
            if name.split(".")[0] == "hw1":
                del sys.modules[name]
        worker.run(report, str(module), processes.SECONDS, list(numbers))
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(0)


def archive(path, *members, mode="w:gz"):
    """Write a tar archive and return path. members: pairs of a name and bytes, or TarInfo."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def link(kind, name, target):
    """Return the TarInfo of a link or special file; kind: its type, such as tarfile.SYMTYPE."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info
