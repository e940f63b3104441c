"""The command, as it is called: what it prints and writes, and with which status it ends."""

import concurrent.futures
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

import pytest

from tests.grader import __main__ as program
from tests.grader import processes, sections
from tests.grader.faults import TEXTBOOK, edited
from tests.grader.proof.handins import archive, with_code, written

ROOT = pathlib.Path(__file__).resolve().parents[3]
FULL = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}
WRONG = edited({"confusion_matrix[i, j]": "confusion_matrix[j, i]",
                "np.mean(delta, axis=0)": "np.sum(delta, axis=0)"})
POINTS, REASON = {**FULL, "2.3": 6, "2.8": 8}, "db is the sum over the batch, not the mean"
LONG = "student10@andrew.cmu.edu_10_handin.tar"
NOTE = ("the course's grader would find no hw1/hw1.py in this handin as it is packed, and give "
        "0 points: its hw1.py is x/hw1/hw1.py")
FAILED = "the grader failed, and gives no score: "


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """The grader alone, below a folder with an odd name; its own hw1.py does nothing but break."""
    root = tmp_path_factory.mktemp("a [copy], of: it")
    shutil.copytree(ROOT / "tests" / "grader", root / "tests" / "grader",
                    ignore=shutil.ignore_patterns("__pycache__", "proof"))
    written(root, "raise RuntimeError('this is not to be imported')\n")
    return root


@pytest.fixture(scope="session")
def handins(tmp_path_factory):
    """A pile: two right ones, a wrong one with a long name, a damaged one, and what is none."""
    folder = tmp_path_factory.mktemp("handins")
    archive(folder / LONG, ("hw1/hw1.py", WRONG.encode()))
    archive(folder / "deep.tar", ("x/hw1/hw1.py", TEXTBOOK.encode()))
    (folder / "damaged.tar").write_bytes(b"\x1f\x8b")
    written(folder / "alice", TEXTBOOK)
    (folder / "README.txt").write_text("x")
    return folder


def started(*arguments, root=ROOT, flags=(), **env):
    """The command, started in root; its output is to be read."""
    command = [sys.executable, *flags, "-m", "tests.grader", *map(str, arguments)]
    return subprocess.Popen(command, cwd=root, env={**os.environ, **env}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def grader(*arguments, **options):
    """Run the command, and return what it printed on either stream, and its status."""
    with started(*arguments, **options) as process:
        return (*process.communicate(), process.returncode)


@pytest.fixture(scope="session")
def runs(copy, handins, tmp_path_factory):
    """What each command printed, two at a time, and the folder out that they wrote to."""
    out = tmp_path_factory.mktemp("out")
    wrong, deep, damaged = (handins / name for name in (LONG, "deep.tar", "damaged.tar"))
    commands = {
        "own": [], "wrong": [wrong], "deep": [deep], "section": [wrong, "--section", "2.3"],
        "sections": [wrong, "--section=2.8", "--section=2.2", "--json"],
        "pile": [handins, "--jobs=2", "--csv", out / "book.csv", "--reports", out / "reports"],
        "json": [wrong, damaged, deep, "--json"], "autolab": [damaged, "--autolab"],
    }
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda name: grader(*commands[name], root=ROOT if name == "own" else copy),
                        commands)
        found = dict(zip(commands, done))
    assert all((errors, status) == ("", 0) for _, errors, status in found.values())
    return {"out": out, **{name: printed for name, (printed, _, _) in found.items()}}


def test_points_are_those_of_the_handout():
    assert {number: sections.points(number) for number in sections.SECTIONS} == FULL
    assert sorted(sections.DEPENDENCE) == sorted(sum(processes.TURNS, ())) == list(FULL)


@pytest.mark.parametrize("name, start, end", [  # a wrong one's table: see the README, and its suite
    ("own", "2.2  Softmax", "Next: nothing is lost; submit it\n"
                            "     Total                      101 / 101\n"),
    ("deep", f"deep.tar: {NOTE}\n", "101 / 101\n"),
    ("autolab", "2.2  Softmax",
     "Next: damaged.tar is no tar archive, or a damaged one: it ends before its time\n"
     "     Total                        0 / 101\n"
     f"{json.dumps({'scores': dict.fromkeys(FULL, 0.0)})}\n"),
])
def test_the_score_of_one_is_a_text(name, start, end, runs):
    assert runs[name].startswith(start) and runs[name].endswith(end)


def test_what_was_not_asked_is_not_shown(runs):
    assert runs["section"] == (
        f"2.3  Linear classifier            6 /   9\n     - {REASON}\n\n"
        f"Next: section 2.3: {REASON}\n     Total                        6 /   9\n")
    asked = json.loads(runs["sections"])[0]
    assert (list(asked["sections"]), asked["total"]) == (["2.2", "2.8"], 13)


def test_all_that_is_in_an_archive_can_be_imported_and_read(tmp_path):
    text = """import argparse, pathlib, beside, hw1.part.more
from hw1 import part
data = (pathlib.Path(__file__).parent / "data.txt").read_text()
assert data == beside.WHAT == part.more.WHAT == "here"
argparse.ArgumentParser().parse_args()  # the arguments are none of the grader's
"""
    here, path = b"WHAT = 'here'", tmp_path / "h.tar"
    archive(path, ("hw1/hw1.py", (text + TEXTBOOK).encode()), ("beside.py", here),
            ("hw1/part/more.py", here), ("hw1/part/__init__.py", b""), ("hw1/data.txt", b"here"))
    graded = processes.grade_handin(path, ["2.2"])
    assert (graded.total, graded.refused) == (5, None)
    archive(path, ("hw1/hw1.py", b"import helper"), ("hw1/helper.py", b""))
    refused = processes.grade_handin(path).refused
    assert refused.endswith("it is hw1/helper.py: import it as hw1.helper")


def test_a_pile_is_told_line_by_line_and_in_a_table(runs):
    lines, table = runs["pile"].split("\n\n")
    told = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines.splitlines()}
    assert told.pop("damaged.tar")[0] == "0"
    assert told == {"alice": ["101"], "deep.tar": ["101"], LONG: ["96", f"2.3 {REASON}"]}
    skipped, *rows = table.splitlines()
    assert skipped == "README.txt is skipped: it is no handin"
    assert [row.split() for row in rows[:2] + rows[3:]] == [
        ["handin", *FULL, "total"], ["alice", *map(str, FULL.values()), "101"],
        [LONG, *map(str, POINTS.values()), "96"], ["damaged.tar", *"00000000"],
        ["mean", "3.8", "6.0", "9.0", "30.0", "11.2", "7.5", "7.0", "74.5"]]
    assert len(set(map(len, rows))) == 1


def test_a_gradebook_and_reports_are_written(runs):
    with open(runs["out"] / "book.csv", newline="") as file:
        rows = {row["handin"]: row for row in csv.DictReader(file)}
    names = ["alice", "damaged.tar", "deep.tar", LONG]
    assert list(rows) == names
    assert rows[LONG]["2.3"] == "6.0"
    assert [rows[LONG][key] for key in ("total", "dearest reason")] == ["96.0", f"2.3 {REASON}"]
    reports = runs["out"] / "reports"
    assert sorted(path.name for path in reports.iterdir()) == [f"{name}.txt" for name in names]
    assert (reports / f"{LONG}.txt").read_text() == runs["wrong"]


def test_json_is_a_list_and_nothing_else(runs):
    wrong, damaged, deep = json.loads(runs["json"])
    assert list(wrong) == ["handin", "total", "refused", "sections", "advice"]
    assert (wrong["handin"], wrong["total"], wrong["refused"]) == (LONG, 96.0, None)
    assert wrong["sections"]["2.3"] == {"earned": 6.0, "possible": 9, "reasons": [REASON]}
    assert damaged["refused"].startswith("damaged.tar is no tar archive") and damaged["total"] == 0
    assert [section["earned"] for section in damaged["sections"].values()] == [0] * len(FULL)
    assert list(damaged["sections"]) == list(FULL) and deep["advice"][0] == NOTE


def test_the_readmes_makefile_ends_with_autolabs_line(copy, handins, tmp_path):
    make = re.search(r"```make\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "Makefile").write_text(make)
    shutil.copytree(copy, tmp_path / re.search(r"cd (\w+)", make)[1])
    shutil.copy(handins / LONG, tmp_path / "handin.tar")
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\nexec {sys.executable} \"$@\"\n")
    python.chmod(0o755)
    done = subprocess.run(["make"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env={**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"})
    assert json.loads(done.stdout.splitlines()[-1]) == {"scores": POINTS}
    assert done.returncode == 0 and "rror" not in done.stdout


@pytest.mark.parametrize("arguments, message", [
    (["nowhere.tar"], "there is no file or folder nowhere.tar"),
    (["EMPTY"], "there is no handin in the folder"),
    (["--section", "2.9"], "invalid choice: '2.9'"),
    (["--jobs", "0"], "--jobs is a number of handins, at least 1; got 0"),
    (["--json", "--autolab"], "not allowed with argument --json"),
    (["--csv", "nowhere/b.csv"], "nowhere/b.csv cannot be written: there is no folder nowhere"),
    (["--autolab", "HANDINS"], "--autolab is for one handin; these are 4"),
], ids=str)
def test_a_wrong_command_is_told_so(arguments, message, handins, tmp_path):
    places = {"HANDINS": handins, "EMPTY": tmp_path}
    out, errors, status = grader(*[places.get(argument, argument) for argument in arguments])
    assert message in errors and "Traceback" not in errors
    assert (out, status) == ("", 2)


def test_names_have_their_folders_where_they_stand_twice_and_are_as_the_stream_can(tmp_path):
    paths = [tmp_path / name / "h\u00e9.tar" for name in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        archive(path)
    book = tmp_path / "b.csv"
    out, _, _ = grader(*paths, "--section=2.2", "--csv", book, PYTHONIOENCODING="ascii")
    names = [line.split()[0] for line in out.splitlines()[:2]]
    assert names == [f"{path.parent}/h\\xe9.tar" for path in paths]


# ---- A failure of the grader is never a score ----------------------------------------------------

@pytest.mark.parametrize("file, old, new, message", [
    ("judge.py", "    right = []\n", "    right = 1 / 0\n", "2.2 loss, line .*ZeroDivision"),
    ("judge.py", "observe(View(Reference()), scenario)", "observe(View(None), scenario)",
     "the reference fails"),
    ("worker.py", "import json\n", "import json, no_such_module\n",
     "does not start: .*No module named 'no_such_module'"),
    ("worker.py", "    write(ready=True)\n", "    1 / 0\n", "fails: ZeroDivisionError"),
], ids=["a check", "the reference", "a process that does not start", "a process"])
def test_a_failure_of_the_grader_is_no_score(file, old, new, message, copy, handins, tmp_path):
    shutil.copytree(copy, tmp_path / "copy")
    path = tmp_path / "copy" / "tests" / "grader" / file
    path.write_text(edited({old: new}, text=path.read_text()))
    out, errors, status = grader(handins / LONG, "--autolab", "--csv", tmp_path / "book.csv",
                                 root=tmp_path / "copy")
    assert re.search(f"{LONG}: {FAILED}.*{message}", errors), errors
    assert (out, status) == ("", 1) and not (tmp_path / "book.csv").exists()


@pytest.mark.parametrize("module, function", [(processes.subprocess, "Popen"),
                                              (processes.tempfile, "mkdtemp")])
def test_without_a_process_or_folder_there_is_no_score(module, function, handins, capsys):
    none = OSError(11, "Resource temporarily unavailable")
    with mock.patch.object(module, function, side_effect=none):
        assert program.main([str(handins / LONG), "--json"]) == 1
    out, errors = capsys.readouterr()
    assert out == "" and f"{FAILED}BlockingIOError" in errors


def test_numpy_is_found_through_pythonpath(handins, copy):
    packages = os.path.dirname(os.path.dirname(__import__("numpy").__file__))
    out, _, _ = grader(handins / "alice", root=copy, flags=["-S"], PYTHONPATH=packages)
    assert out.endswith("101 / 101\n")


def test_a_file_that_cannot_be_written_is_told_so(handins, tmp_path):
    (tmp_path / "book.csv").mkdir()
    _, errors, status = grader(handins / "alice", "--section=2.2", "--csv", tmp_path / "book.csv")
    assert errors.startswith("the grader cannot write ") and status == 1
    assert [path.name for path in tmp_path.iterdir()] == ["book.csv"]


def test_ctrl_c_ends_with_a_line_and_the_table_so_far(tmp_path):
    written(tmp_path / "handin0", TEXTBOOK)
    written(tmp_path / "handin1", with_code("import time; time.sleep(1000)"))
    process = started(tmp_path, "--csv", tmp_path / "b.csv")
    assert process.stdout.readline().split() == ["handin0", "101"]
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (errors, process.returncode) == ("interrupted: 1 of 2 handins are graded\n", 130)
    assert [line.split()[0] for line in out.splitlines() if line] == ["handin", "handin0", "mean"]
    assert not (tmp_path / "b.csv").exists()


def test_windows_grades_its_own_alone_without_limits(monkeypatch, capsys):
    monkeypatch.setattr(program.os, "name", "nt")
    with pytest.raises(SystemExit, match="2"):
        program.parsed(["handin.tar"])
    assert "which Windows lacks: use Linux, macOS or WSL" in capsys.readouterr().err
    assert list(program.parsed([]).pile) == ["hw1/hw1.py"]
    code = "import sys; sys.modules['resource'] = None; import tests.grader.worker as w; w.limit(1)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
