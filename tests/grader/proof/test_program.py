"""The command, as it is called: what it prints and writes, and with which status it ends."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.grader import __main__ as program
from tests.grader import processes, sections
from tests.grader.faults import TEXTBOOK, edited
from tests.grader.processes import ROOT
from tests.grader.proof.handins import FULL, archive, with_code, written

WRONG = edited({"confusion_matrix[i, j]": "confusion_matrix[j, i]",
                "np.mean(delta, axis=0)": "np.sum(delta, axis=0)"})
POINTS, REASON = {**FULL, "2.3": 6, "2.8": 8}, "db is the sum over the batch, not the mean"
LONG = "student10@andrew.cmu.edu_10_handin.tar"
NOTE = ("the course's grader would find no hw1/hw1.py in this handin as it is packed, and give "
        "0 points: its hw1.py is x/hw1/hw1.py")
DAMAGED = "damaged.tar is no tar archive, or a damaged one: it ends before its time"


@pytest.fixture
def root(tmp_path):
    """The grader alone, with a hw1.py that breaks, and a pile of handins and of what is none."""
    root = tmp_path / "a [copy], of: it"
    shutil.copytree(ROOT / "tests" / "grader", root / "tests" / "grader",
                    ignore=shutil.ignore_patterns("proof"))
    written(root, "raise RuntimeError('this is not to be imported')\n")
    written(root / "pile" / "alice", TEXTBOOK)
    archive(root / "pile" / LONG, ("hw1/hw1.py", WRONG.encode()))
    archive(root / "pile" / "deep.tar", ("x/hw1/hw1.py", TEXTBOOK.encode()))
    (root / "pile" / "damaged.tar").write_bytes(b"\x1f\x8b")
    (root / "pile" / "README.txt").write_text("x")
    shutil.copytree(root / "pile", root / "h\u00e9")
    (root / "empty").mkdir()
    return root


def grader(root, arguments, flags=(), **env):
    """Run the command in root, and return what it printed on either stream, and its status."""
    command = [sys.executable, *flags, "-m", "tests.grader", *arguments.split()]
    done = subprocess.run(command, cwd=root, env={**os.environ, **env}, capture_output=True,
                          text=True)
    return done.stdout, done.stderr, done.returncode


def test_points_are_those_of_the_handout():
    assert {number: sections.points(number) for number in sections.SECTIONS} == FULL
    assert sorted(sections.DEPENDENCE) == sorted(sum(processes.TURNS, ())) == list(FULL)


@pytest.mark.parametrize("arguments, status, printed", [  # ... is anything
    ("", 0, "2.2  Softmax...\n\nNext: hw1.py does not import: RuntimeError: this is not to be "
     "imported (<module>, line 1 of hw1.py)\n     Total                        0 / 101\n"),
    ("pile/alice", 0, "2.2  Softmax...\n\nNext: nothing is lost; submit it\n"
     "     Total                      101 / 101\n"),
    ("pile/deep.tar", 0, f"deep.tar: {NOTE}\n\n2.2  Softmax...101 / 101\n"),
    (f"pile/{LONG} --section 2.3", 0,
     f"2.3  Linear classifier            6 /   9\n     - {REASON}\n\n"
     f"Next: section 2.3: {REASON}\n     Total                        6 /   9\n"),
    ("pile/damaged.tar --autolab", 0, f"2.2  Softmax...\n\nNext: {DAMAGED}\n"
     "     Total                        0 / 101\n"
     f"{json.dumps({'scores': dict.fromkeys(FULL, 0.0)})}\n"),
    ("pile/damaged.tar h\u00e9/damaged.tar --csv book.csv", 0,  # one name stands twice
     "...\n\nhandin ...\nh\\xe9/damaged.tar ...\npile/damaged.tar ...\nmean ...\n"),
    ("nowhere.tar", 2, "there is no file or folder nowhere.tar"),
    ("empty", 2, "there is no handin in the folder empty"),
    ("--section 2.9", 2, "argument --section: invalid choice: '2.9'..."),
    ("--jobs 0", 2, "--jobs is a number of handins, at least 1; got 0"),
    ("--json --autolab", 2, "argument --autolab: not allowed with argument --json"),
    ("--csv nowhere/b.csv", 2, "nowhere/b.csv cannot be written: there is no folder nowhere"),
    ("--autolab pile", 2, "--autolab is for one handin; these are 4"),
])
def test_what_a_command_prints(arguments, status, printed, root):
    if status:
        printed = f"usage: python -m tests.grader ...\npython -m tests.grader: error: {printed}\n"
    out, errors, ended = grader(root, arguments, PYTHONIOENCODING="ascii")
    pattern = re.escape(printed).replace(re.escape("..."), ".*")
    assert re.fullmatch(pattern, errors if status else out, re.DOTALL), out + errors
    assert (out if status else errors, ended) == ("", status)


def test_a_pile_is_told_line_by_line_in_a_table_a_gradebook_and_reports(root):
    out, errors, status = grader(root, "pile --jobs=2 --csv book.csv --reports reports")
    assert (errors, status) == ("", 0)
    lines, table = out.split("\n\n")
    told = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines.splitlines()}
    assert told == {"alice": ["101"], "deep.tar": ["101"], "damaged.tar": ["0", DAMAGED],
                    LONG: ["96", f"2.3 {REASON}"]}
    skipped, *rows = table.splitlines()
    assert skipped == "README.txt is skipped: it is no handin"
    assert [row.split() for row in rows] == [
        ["handin", *FULL, "total"], ["alice", *map(str, FULL.values()), "101"],
        ["deep.tar", *map(str, FULL.values()), "101"],
        [LONG, *map(str, POINTS.values()), "96"], ["damaged.tar", *"00000000"],
        ["mean", "3.8", "6.0", "9.0", "30.0", "11.2", "7.5", "7.0", "74.5"]]
    assert len(set(map(len, rows))) == 1

    with open(root / "book.csv", newline="") as file:
        book = {row["handin"]: row for row in csv.DictReader(file)}
    assert list(book) == ["alice", "damaged.tar", "deep.tar", LONG]
    assert book[LONG] == {"handin": LONG, **{number: f"{POINTS[number]:.1f}" for number in FULL},
                          "total": "96.0", "dearest reason": f"2.3 {REASON}"}
    reports = {path.name: path.read_text() for path in (root / "reports").iterdir()}
    assert sorted(reports) == [f"{name}.txt" for name in book]
    assert reports[f"{LONG}.txt"] == grader(root, f"pile/{LONG}")[0]


def test_json_is_a_list_and_nothing_else(root):
    out, errors, status = grader(root, f"pile/{LONG} pile/damaged.tar pile/deep.tar --json")
    assert (errors, status) == ("", 0)
    wrong, damaged, deep = json.loads(out)
    assert list(wrong) == ["handin", "total", "refused", "sections", "advice"]
    assert (wrong["handin"], wrong["total"], wrong["refused"]) == (LONG, 96.0, None)
    assert wrong["sections"]["2.3"] == {"earned": 6.0, "possible": 9, "reasons": [REASON]}
    assert (damaged["refused"], damaged["total"]) == (DAMAGED, 0)
    assert damaged["sections"] == {number: {"earned": 0, "possible": points, "reasons": []}
                                   for number, points in FULL.items()}
    assert deep["advice"][0] == NOTE
    asked, = json.loads(grader(root, f"pile/{LONG} --section=2.8 --section=2.2 --json")[0])
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


def test_the_readmes_makefile_ends_with_autolabs_line(root, tmp_path):
    make = re.search(r"```make\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "Makefile").write_text(make)
    (root / "pile" / LONG).rename(tmp_path / "handin.tar")
    root.rename(tmp_path / re.search(r"cd (\w+)", make)[1])
    python = os.path.dirname(sys.executable)  # with the NumPy of this test
    done = subprocess.run(["make"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env={**os.environ, "PATH": f"{python}:{os.environ['PATH']}"})
    assert json.loads(done.stdout.splitlines()[-1]) == {"scores": POINTS}
    assert done.returncode == 0 and "rror" not in done.stdout


def test_numpy_is_found_through_pythonpath_but_no_hw1_that_is_installed(root, tmp_path):
    written(tmp_path / "else", "raise RuntimeError").with_name("__init__.py").touch()
    packages = os.path.dirname(os.path.dirname(__import__("numpy").__file__))
    path = os.pathsep.join([packages, str(tmp_path / "else")])
    out, _, _ = grader(root, "pile/alice", flags=["-S"], PYTHONPATH=path)
    assert out.endswith("101 / 101\n")


def test_a_file_that_cannot_be_written_is_told_so(root):
    _, errors, status = grader(root, "pile/alice --section=2.2 --csv empty")
    assert errors.startswith("the grader cannot write ") and status == 1
    assert not list(root.glob("*.partial"))


@pytest.mark.parametrize("file, old, new, message", [
    ("judge.py", "    right = []\n", "    right = 1 / 0\n", "2.2 loss, line .*ZeroDivision"),
    ("judge.py", "observe(View(Reference()), scenario)", "observe(View(None), scenario)",
     "the reference fails"),
    ("worker.py", "import json\n", "import json, no_such_module\n",
     "does not start: .*No module named 'no_such_module'"),
    ("worker.py", "    write(ready=True)\n", "    1 / 0\n", "fails: ZeroDivisionError"),
    ("processes.py", "import sys\n", "import sys\nsys.executable = '/'\n", "PermissionError"),
    ("processes.py", "import tempfile\n", "import tempfile\ntempfile.tempdir = 'nowhere'\n",
     "FileNotFoundError"),
], ids=["a check", "the reference", "no start", "a process", "no process", "no folder"])
def test_a_failure_of_the_grader_is_no_score(file, old, new, message, root):
    path = root / "tests" / "grader" / file
    path.write_text(edited({old: new}, text=path.read_text()))
    for output in ("--autolab", "--json"):
        out, errors, status = grader(root, f"pile/{LONG} {output} --csv book.csv")
        told = f"{LONG}: the grader failed, and gives no score: .*{message}.*\n"
        assert re.fullmatch(told, errors), errors
        assert (out, status) == ("", 1) and not (root / "book.csv").exists()


def test_ctrl_c_ends_with_a_line_and_the_table_so_far(tmp_path):
    written(tmp_path / "handin0", TEXTBOOK)
    written(tmp_path / "handin1", with_code("import time; time.sleep(1000)"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.grader", tmp_path, "--csv", tmp_path / "b.csv"], cwd=ROOT,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # a job's are ignored
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
