"""The command line: what it prints and writes, and its exit status."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.grader import __main__ as program
from tests.grader import processes, report, worker
from tests.grader.proof.submissions import FULL, TOTAL, archive, write_module

ROOT = processes.ROOT
TEXTBOOK = (ROOT / "tests" / "grader" / "textbook.py").read_text()
DB_SUMMED = TEXTBOOK.replace("np.mean(delta, axis=0)", "np.sum(delta, axis=0)")
WRONG = DB_SUMMED.replace("confusion_matrix[i, j]", "confusion_matrix[j, i]")
ZEROS = dict.fromkeys(FULL, 0.0)
POINTS = {**FULL, "2.3": 6, "2.8": 8}  # of WRONG
LONG = "student10@andrew.cmu.edu_10_handin.tar"
DAMAGED = "damaged.tar is not a tar archive, or is damaged: unexpected end of file"
LAYOUT = ("the course's autograder would find no hw1/hw1.py in it and give 0 points: its hw1.py is "
          "x/hw1/hw1.py")


@pytest.fixture
def root(tmp_path):
    """A folder with a copy of the grader, a hw1/hw1.py that does not import, and a batch."""
    root = tmp_path / "a [copy], of: it"
    shutil.copytree(ROOT / "tests" / "grader", root / "tests" / "grader",
                    ignore=shutil.ignore_patterns("proof", "__pycache__"))
    for path in [*(ROOT / "tests").glob("*.py"), *(ROOT / "data").glob("*.py")]:
        target = root / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    write_module(root, "raise RuntimeError('this is not to be imported')\n")
    write_module(root / "batch" / "alice", TEXTBOOK)
    archive(root / "batch" / LONG, ("hw1/hw1.py", WRONG.encode()))
    archive(root / "batch" / "deep.tar", ("x/hw1/hw1.py", TEXTBOOK.encode()))
    (root / "batch" / "damaged.tar").write_bytes(b"\x1f\x8b")
    (root / "batch" / "README.txt").write_text("x")
    (root / "empty").mkdir()
    return root


def start(root, arguments, python=(), **options):
    """Start the command in root; python: options of the interpreter."""
    command = [sys.executable, *python, "-m", "tests.grader", *arguments]
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen(command, cwd=root, text=True, stderr=subprocess.PIPE, **options)


def run(root, *arguments, **options):
    """Run the command in root; return what it printed on both streams, and its status."""
    process = start(root, arguments, **options)
    out, errors = process.communicate()
    return out, errors, process.returncode


def read_book(path):
    """Return the rows of a gradebook by the name of the submission."""
    with open(path, newline="") as file:
        return {row["handin"]: row for row in csv.DictReader(file)}


# ---- One submission ------------------------------------------------------------------------------

def test_without_arguments_the_repositorys_hw1_is_graded(root):
    out, errors, status = run(root)
    assert "Next: hw1.py does not import: RuntimeError: this is not to be imported" in out
    assert out.endswith(f"     Total                        0 / {TOTAL}\n")
    assert (errors, status) == ("", 0)


def test_full_marks_are_printed(root):
    out, errors, status = run(root, "batch/alice")
    assert "2.2  Softmax cross-entropy        5 /   5\n2.3  " in out
    assert out.endswith("\nNext: full marks; submit it\n"
                        f"     Total                      {TOTAL} / {TOTAL}\n")
    assert (errors, status) == ("", 0)


def test_a_wrong_layout_is_the_first_line_and_the_next_step(root):
    out, errors, status = run(root, "batch/deep.tar")
    assert out.startswith(f"deep.tar: {LAYOUT}\n\n2.")
    assert "\nNext: pack hw1/hw1.py as ./handin.sh does" in out
    assert "submit it" not in out
    assert out.endswith(f"{TOTAL} / {TOTAL}\n")
    assert (errors, status) == ("", 0)


def test_one_section_is_graded_alone(root):
    out, errors, status = run(root, f"batch/{LONG}", "--section", "2.3")
    first, reason, _, step, total = out.splitlines()
    assert first == "2.3  Linear classifier            6 /   9"
    assert reason.startswith("     - db is ")
    assert step == f"Next: section 2.3: {reason[7:]}"
    assert total == "     Total                        6 /   9"
    assert (errors, status) == ("", 0)


def test_full_marks_in_one_section_lead_to_the_next(root):
    out, _, _ = run(root, "batch/alice", "--section=2.2")
    assert "\nNext: full marks here; go on to the next section\n" in out


def test_next_is_the_first_reason_in_the_handouts_order(root):
    out, _, _ = run(root, f"batch/{LONG}")
    *_, step, total = out.splitlines()
    assert step.startswith("Next: section 2.3: db is ")
    assert total.endswith(f"{TOTAL - 5} / {TOTAL}")


def test_a_damaged_archive_scores_nothing_with_the_reason(root):
    out, errors, status = run(root, "batch/damaged.tar", "--autolab")
    *_, step, total, scores = out.splitlines()
    assert step == f"Next: {DAMAGED}"
    assert json.loads(scores) == {"scores": ZEROS}
    assert (errors, status) == ("", 0)


def test_json_is_a_list_and_nothing_else(root):
    out, errors, status = run(root, f"batch/{LONG}", "batch/damaged.tar", "batch/deep.tar",
                              "--json")
    wrong, damaged, deep = json.loads(out)
    assert list(wrong) == ["handin", "total", "refused", "sections", "advice"]
    assert (wrong["handin"], wrong["total"], wrong["refused"]) == (LONG, TOTAL - 5, None)
    assert wrong["sections"]["2.3"]["earned"] == 6.0
    assert wrong["sections"]["2.3"]["possible"] == 9
    assert wrong["sections"]["2.3"]["reasons"][0].startswith("db is ")
    assert (damaged["refused"], damaged["total"]) == (DAMAGED, 0)
    assert deep["advice"][0] == LAYOUT
    assert (errors, status) == ("", 0)


def test_json_holds_only_the_sections_asked_for(root):
    out, _, _ = run(root, f"batch/{LONG}", "--section=2.8", "--section=2.2", "--json")
    graded, = json.loads(out)
    assert list(graded["sections"]) == ["2.2", "2.8"]
    assert graded["total"] == 13


WRONG_USAGE = {
    ("nowhere.tar",): "there is no file or folder nowhere.tar",
    ("empty",): "there is no submission in empty",
    ("--section", "9.9"): "argument --section: invalid choice: '9.9'",
    ("--jobs", "0"): "argument --jobs: expected at least 1, got 0",
    ("--json", "--autolab"): "argument --autolab: not allowed with argument --json",
    ("batch", "--csv", "nowhere/b.csv"): "argument --csv: cannot write nowhere/b.csv",
    ("batch", "--csv", "empty"): "argument --csv: cannot write empty",
    ("batch", "--reports", "batch/README.txt"): "argument --reports: cannot create the folder",
    ("--autolab", "batch"): "argument --autolab: expected one submission, got 4",
}


@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=" ".join)
def test_wrong_usage_is_refused_before_grading(arguments, root):
    out, errors, status = run(root, *arguments)
    usage, *_, message = errors.splitlines()
    assert usage.startswith("usage: python -m tests.grader")
    assert WRONG_USAGE[arguments] in message
    assert (out, status) == ("", 2)


# ---- A batch -------------------------------------------------------------------------------------

@pytest.fixture
def graded_batch(root):
    """The root, and what the command prints for its batch, with a gradebook and reports."""
    out, errors, status = run(root, "batch", "--jobs=2", "--csv=book.csv", "--reports=reports")
    assert (errors, status) == ("", 0)
    return root, out


def test_a_batch_prints_a_line_each_and_a_table(graded_batch):
    _, out = graded_batch
    lines, table = out.split("\n\n")
    totals = {line.split()[0]: line.split()[1] for line in lines.splitlines()}
    assert totals == {"alice": f"{TOTAL}", "deep.tar": f"{TOTAL}", "damaged.tar": "0",
                      LONG: f"{TOTAL - 5}"}
    skipped, header, *rows, mean, footnote = table.splitlines()
    assert skipped == "README.txt is skipped: not a submission"
    assert header.split() == ["submission", *FULL, "total"]
    assert [row.split() for row in rows] == [
        ["alice", *map(str, FULL.values()), f"{TOTAL}"],
        ["deep.tar", *map(str, FULL.values()), f"{TOTAL}", "*"],
        [LONG, *map(str, POINTS.values()), f"{TOTAL - 5}"],
        ["damaged.tar", *["0" for _ in FULL], "0"]]
    means = [(2 * FULL[number] + POINTS[number]) / 4 for number in FULL]
    assert mean.split() == ["mean", *[f"{points:.1f}" for points in [*means, sum(means)]]]
    assert footnote == ("* as it is packed, the course's autograder would find no hw1/hw1.py in it "
                        "and give 0 points")


def test_a_gradebook_has_a_row_for_each_submission(graded_batch):
    root, _ = graded_batch
    book = read_book(root / "book.csv")
    assert list(book) == ["alice", "damaged.tar", "deep.tar", LONG]
    assert list(book[LONG]) == ["handin", *FULL, "total", "dearest reason", "note"]
    earned = {number: float(book[LONG][number]) for number in FULL}
    assert earned == POINTS
    assert float(book[LONG]["total"]) == TOTAL - 5
    assert book[LONG]["dearest reason"].startswith("2.3 db is ")
    assert book["damaged.tar"]["dearest reason"] == DAMAGED
    assert book["deep.tar"]["note"] == LAYOUT
    assert book["alice"]["note"] == ""


def test_a_report_is_what_the_command_prints_for_one(graded_batch):
    root, _ = graded_batch
    out, _, _ = run(root, f"batch/{LONG}")
    reports = sorted(path.name for path in (root / "reports").iterdir())
    assert reports == ["alice.txt", "damaged.tar.txt", "deep.tar.txt", f"{LONG}.txt"]
    assert (root / "reports" / f"{LONG}.txt").read_text() == out


def test_names_that_the_terminal_cannot_encode_are_escaped(root):
    shutil.copytree(root / "batch", root / "h\u00e9")
    out, errors, status = run(root, "batch/damaged.tar", "h\u00e9/damaged.tar",
                              env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert "\nh\\xe9/damaged.tar " in out
    assert (errors, status) == ("", 0)


def make_graded(reasons):
    """Return a Graded that loses points in 2.3 for reasons, a list of (reason, points)."""
    graded = processes.Graded(processes.make_sections(FULL))
    for k, (reason, points) in enumerate(reasons):
        outcome = processes.Outcome(f"check {k}", points, 0, reason)
        graded.sections["2.3"].outcomes.append(outcome)
    return graded


def test_the_costliest_reason_adds_up_its_checks():
    graded = make_graded([("once", 3), ("twice", 2), ("twice", 2)])
    assert report.costliest_reason(graded) == "2.3 twice"


@pytest.mark.parametrize("cell, quoted", [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"),
    ("\rx", "'\rx"), ("alice", "alice"), ("", ""),
])
def test_formulas_are_quoted(cell, quoted):
    assert report.quote_formula(cell) == quoted


def test_names_and_notes_in_a_gradebook_are_no_formulas(tmp_path):
    graded = make_graded([("=HYPERLINK()", 3)])
    graded.note = "@note"
    report.write_csv(tmp_path / "book.csv", [("=cmd()", graded)])
    book = read_book(tmp_path / "book.csv")
    assert book["'=cmd()"]["note"] == "'@note"


# ---- Interruptions and errors --------------------------------------------------------------------

@pytest.fixture
def slow(root):
    """The root with a batch of two, of which the second never ends."""
    write_module(root / "slow" / "first", TEXTBOOK)
    write_module(root / "slow" / "second", f"import time\ntime.sleep(1000)\n{TEXTBOOK}")
    return root


def heed_sigint():
    """Undo what a shell does for its background jobs, which ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_graded(slow, number):
    process = start(slow, ["slow", "--csv=b.csv", "--reports=reports"], preexec_fn=heed_sigint)
    assert process.stdout.readline().split() == ["first", f"{TOTAL}"]
    time.sleep(0.5)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    rows = [line.split()[0] for line in out.splitlines() if line]
    assert errors == "interrupted: 1 of 2 submissions are graded\n"
    assert process.returncode == 130
    assert rows == ["submission", "first", "mean"]
    assert list(read_book(slow / "b.csv")) == ["first"]
    assert [path.name for path in (slow / "reports").iterdir()] == ["first.txt"]


def test_a_closed_pipe_keeps_what_is_graded(root):
    with start(root, ["batch", "--csv=b.csv", "--reports=reports"]) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert (errors, process.returncode) == ("", 141)
    assert read_book(root / "b.csv")
    assert list((root / "reports").iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line(root):
    with open("/dev/full", "w") as full:
        _, errors, status = run(root, "batch/alice", "--csv=b.csv", stdout=full)
    assert errors == ("cannot write to standard output (No space left on device): redirect "
                      "it elsewhere\n")
    assert status == 1
    assert list(read_book(root / "b.csv")) == ["alice"]


def test_closed_standard_streams_do_not_matter(root):
    command = f'"{sys.executable}" -m tests.grader batch/alice --csv b.csv >&- 2>&-'
    done = subprocess.run(["sh", "-c", command], cwd=root)
    assert done.returncode == 0
    assert list(read_book(root / "b.csv")) == ["alice"]


def test_without_numpy_it_ends_in_one_line(root):
    out, errors, status = run(root, "batch/alice", python=["-S", "-E"])
    assert (out, errors, status) == ("", "the grader needs NumPy: pip install numpy\n", 1)


def test_a_tilde_in_paths_is_the_home_folder(root):
    home = {**os.environ, "HOME": str(root)}
    _, errors, status = run(root, "~/batch/alice", "--csv=~/b.csv", "--reports=~/r", env=home)
    assert (errors, status) == ("", 0)
    assert (root / "b.csv").is_file()
    assert (root / "r" / "alice.txt").is_file()


BROKEN = {  # {name: (the grader's file, old and new text in it, a pattern of the message)}
    "no start": ("worker.py", "import json\n", "import json, no_such_module\n",
                 "does not start: .*No module named 'no_such_module'"),
    "no process": ("processes.py", "import sys\n", "import sys\nsys.executable = '/'\n",
                   "PermissionError"),
    "a check": ("sections/loss.py", "\nimport numpy as np\n",
                "\nimport numpy as np\nnp.zeros = None\n", "TypeError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_of_the_grader_is_not_a_score(name, root):
    file, old, new, message = BROKEN[name]
    path = root / "tests" / "grader" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    out, errors, status = run(root, f"batch/{LONG}", "--json", "--csv=book.csv")
    expected = f"{LONG}: internal grader error: not graded: .*{message}.*\n"
    assert re.fullmatch(expected, errors), errors
    assert (out, status) == ("", 1)
    assert not (root / "book.csv").exists()


def test_without_a_temporary_folder_it_ends_in_one_line(root):
    main = root / "tests" / "grader" / "__main__.py"
    old = "import tempfile\n"
    new = "import tempfile\ntempfile.tempdir = 'nowhere'\n"
    main.write_text(main.read_text().replace(old, new))
    out, errors, status = run(root, "batch/alice")
    assert re.fullmatch("cannot write nowhere/.*: No such file or directory\n", errors)
    assert (out, status) == ("", 1)


# ---- The files, modules and system around a submission -------------------------------------------

def test_all_files_of_a_submission_can_be_imported_and_read(tmp_path):
    text = """import argparse, pathlib, beside, hw1.part.more
from hw1 import part
data = (pathlib.Path(__file__).parent / "data.txt").read_text()
assert data == beside.WHAT == part.more.WHAT == "here"
argparse.ArgumentParser().parse_args()  # sees no arguments of the grader
"""
    here = b"WHAT = 'here'"
    path = archive(tmp_path / "h.tar", ("hw1/hw1.py", (text + TEXTBOOK).encode()),
                   ("beside.py", here), ("hw1/part/more.py", here), ("hw1/part/__init__.py", b""),
                   ("hw1/data.txt", b"here"))
    graded = processes.grade_submission(path, ["2.2"])
    assert (graded.total, graded.refused) == (5, None)


def test_a_plain_import_of_a_neighbour_gets_a_hint(tmp_path):
    path = archive(tmp_path / "h.tar", ("hw1/hw1.py", b"import helper"), ("hw1/helper.py", b""))
    graded = processes.grade_submission(path)
    assert graded.refused.endswith("it is hw1/helper.py: import it as hw1.helper")


def test_the_readmes_makefile_ends_with_autolabs_line(root, tmp_path):
    readme = (ROOT / "README.md").read_text()
    makefile = re.search(r"```make\n(.*?)```", readme, re.DOTALL)[1]
    (tmp_path / "Makefile").write_text(makefile)
    (root / "batch" / LONG).rename(tmp_path / "handin.tar")
    root.rename(tmp_path / re.search(r"cd (\w+)", makefile)[1])
    folder = os.path.dirname(sys.executable)  # with the NumPy of this test
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["make"], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "PATH": path})
    assert json.loads(done.stdout.splitlines()[-1]) == {"scores": POINTS}
    assert done.returncode == 0
    assert "rror" not in done.stdout


def test_pythonpath_gives_numpy_but_no_installed_hw1(root, tmp_path):
    module = write_module(tmp_path / "installed", "raise RuntimeError")
    module.with_name("__init__.py").touch()
    packages = os.path.dirname(os.path.dirname(np.__file__))
    path = os.pathsep.join([packages, str(tmp_path / "installed")])
    out, _, _ = run(root, "batch/alice", python=["-S"], env={**os.environ, "PYTHONPATH": path})
    assert out.endswith(f"{TOTAL} / {TOTAL}\n")


def test_windows_grades_only_the_repositorys_hw1(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(program, "HAS_LIMITS", False)
    parser, options = program.parse(["handin.tar"])
    with pytest.raises(SystemExit, match="2"):
        program.find_submissions(parser, options, tmp_path)
    assert "which Windows lacks: use Linux, macOS or WSL" in capsys.readouterr().err
    parser, options = program.parse([])
    found = program.find_submissions(parser, options, tmp_path)
    assert list(found.paths) == ["hw1/hw1.py"]


def test_limits_are_left_out_where_the_system_has_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert worker.limit(1) is None
