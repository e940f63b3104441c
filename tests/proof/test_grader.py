"""The grader's own behaviour, with real runs: what it takes apart, what it survives, and what it prints."""

import ast
import concurrent.futures
import gzip
import io
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree

import pytest

from tests.grader import grading, score
from tests.grader.handin import LARGEST, MOST, Refused, unpack
from tests.handout import judge
from tests.handout.judge import SUITES
from tests.handout.points import POINTS
from tests.proof.faults import TEXTBOOK

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINEAR = ["tests/handout/test_2_3_linear.py"]
FULL = {number: sum(points.values()) for number, (_, points) in POINTS.items()}
SCORE_LINE = re.compile(r"(2\.\d) +(\S.*?) +([\d.]+) */ *(\d+)")


def edited(old, new):
    """Return the textbook's text with new for old, which must stand there once."""
    assert TEXTBOOK.count(old) == 1
    return TEXTBOOK.replace(old, new)


def with_code(code):
    """Return the textbook's text with code at the start of MLP.forward."""
    start = "self.outputs = [x]\n"
    return edited(start, code + "\n        " + start)


def written(folder, text):
    """Write text as a handin's hw1/hw1.py below folder, and return the file's path."""
    module = folder / "hw1" / "hw1.py"
    module.parent.mkdir(parents=True)
    module.write_text(text)
    return module


def archive(path, *members, mode="w"):
    """Write a tar archive; members: pairs of a name and bytes, or TarInfo objects."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def pytest_on(*arguments, root=ROOT):
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)], cwd=root,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)


# ---- The points ------------------------------------------------------------------------------------------------------

def test_points_are_those_of_the_handout():
    assert FULL == {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}


@pytest.mark.parametrize("number", SUITES)
def test_each_graded_test_has_points(number):
    tree = ast.parse((ROOT / "tests" / "handout" / (SUITES[number] + ".py")).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert sorted(names) == sorted(POINTS[number][1])


def test_every_suite_is_a_section_with_points():
    suites = sorted(path.stem for path in (ROOT / "tests" / "handout").glob("test_*.py"))
    assert suites == sorted(SUITES.values())
    assert list(SUITES) == list(POINTS)


def outcomes_of_all(passed=True):
    return {"tests/handout/%s.py::%s" % (SUITES[number], test): grading.Outcome(passed, None if passed else "why")
            for number, (_, points) in POINTS.items() for test in points}


def test_all_passed_is_101():
    assert score.total(score.score(outcomes_of_all())) == 101


def test_cases_of_a_test_share_its_points():
    outcomes = outcomes_of_all()
    name = "tests/handout/test_2_4_activations.py::test_state"
    del outcomes[name]
    outcomes.update((name + "[%d]" % k, grading.Outcome(k > 0, None if k else "first")) for k in range(3))
    section = score.score(outcomes)[2]
    assert (section.number, section.earned, section.reason) == ("2.4", 10, "first")


def test_a_void_test_takes_all_the_points_of_its_section():
    outcomes = outcomes_of_all()
    outcomes["tests/handout/test_2_5_hidden_layers.py::test_forward"] = grading.Outcome(False, "a crash", void=True)
    sections = score.score(outcomes)
    assert (sections[3].earned, sections[3].reason) == (0, "a crash")
    assert score.total(sections) == 61


def test_what_was_not_run_earns_nothing():
    assert score.total(score.score({})) == 0


def test_table_has_a_line_for_each_section_and_the_total():
    lines = score.table(score.score(outcomes_of_all()))
    assert lines[0] == "2.2  Softmax cross-entropy        5 /   5"
    assert lines[-1] == "     Total                      101 / 101"
    assert len(lines) == 8


def test_table_gives_the_reason():
    lines = score.table(score.score(outcomes_of_all(passed=False)))
    assert lines[3] == "2.5  Hidden layers                0 /  40   why"


# ---- Archives --------------------------------------------------------------------------------------------------------

def link(kind, name="hw1/hw1.py"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def bomb(path):
    with gzip.open(path, "wb") as file:
        for _ in range(LARGEST // (1 << 20) + 1):
            file.write(bytes(1 << 20))


def huge(path):
    with open(path, "wb") as file:
        info = tarfile.TarInfo("hw1/hw1.py")
        info.size = LARGEST
        file.write(info.tobuf())
        file.truncate(LARGEST + 1024)


def truncated(path):
    whole = archive(path, ("hw1/hw1.py", os.urandom(50000)), mode="w:gz").read_bytes()
    path.write_bytes(whole[:len(whole) // 2])


BAD = {
    "absolute path": (lambda path: archive(path, ("/tmp/hw1/hw1.py", b"")), "leads out of the archive's folder"),
    "parent folder": (lambda path: archive(path, ("hw1/../../hw1.py", b"")), "leads out of the archive's folder"),
    "symbolic link": (lambda path: archive(path, link(tarfile.SYMTYPE)), "is a link or a device"),
    "hard link": (lambda path: archive(path, link(tarfile.LNKTYPE)), "is a link or a device"),
    "device": (lambda path: archive(path, link(tarfile.CHRTYPE)), "is a link or a device"),
    "fifo": (lambda path: archive(path, link(tarfile.FIFOTYPE)), "is a link or a device"),
    "linked folder": (lambda path: archive(path, link(tarfile.SYMTYPE, "hw1"), ("hw1/hw1.py", b"")), "is a link"),
    "bomb": (bomb, "unpacks to more than 32 MB"),
    "huge member": (huge, "unpacks to more than 32 MB"),
    "too many": (lambda path: archive(path, *[("%d" % k, b"") for k in range(MOST + 1)]), "more than 1000 members"),
    "truncated": (truncated, "no tar archive, or a damaged one"),
    "not a tar": (lambda path: path.write_bytes(b"PK\x03\x04 a zip file"), "no tar archive, or a damaged one"),
    "half a gzip header": (lambda path: path.write_bytes(b"\x1f\x8b"), "no tar archive, or a damaged one"),
    "empty file": (lambda path: path.write_bytes(b""), "no tar archive, or a damaged one"),
    "empty archive": (lambda path: archive(path), r"holds no hw1/hw1\.py"),
    "without hw1": (lambda path: archive(path, ("hw1.py", b"")), r"holds no hw1/hw1\.py"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_in_a_line_and_nothing_is_written(name, tmp_path):
    make, reason = BAD[name]
    make(tmp_path / "handin.tar")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Refused, match=r"\Ahandin\.tar .*" + reason) as caught:
        unpack(tmp_path / "handin.tar", tmp_path / "folder")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "handin.tar"]


def test_a_refused_handin_has_no_points_and_the_reason_for_every_test(tmp_path):
    grade = grading.grade(archive(tmp_path / "handin.tar", link(tarfile.SYMTYPE)))
    assert grade.refused.startswith("handin.tar is refused")
    assert grade.outcome("tests/handout/test_2_3_linear.py::test_forward").reason == grade.refused


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_archive_gives_the_modules_of_its_folder_hw1(mode, prefix, tmp_path):
    members = (prefix + "hw1/hw1.py", b"a"), (prefix + "hw1/b.py", b"b"), ("c.py", b"c")
    path = archive(tmp_path / "h.tar", *members, mode=mode)
    (tmp_path / "folder").mkdir()
    assert unpack(path, tmp_path / "folder").read_bytes() == b"a"
    assert sorted(file.name for file in (tmp_path / "folder" / "hw1").iterdir()) == ["b.py", "hw1.py"]


def test_a_folder_without_hw1_is_refused(tmp_path):
    (tmp_path / "handin").mkdir()
    with pytest.raises(Refused, match="handin holds no hw1/hw1.py"):
        unpack(tmp_path / "handin", tmp_path)


# ---- Strangers' code: what it does to a section, and what is said of it ----------------------------------------------

HOSTILE = {
    "loops for ever": (with_code("while True: pass"), "hw1.py runs too long: an endless loop?"),
    "sleeps for ever": (with_code("import time; time.sleep(1e6)"),
                        r"hw1.py runs for more than \d+ seconds: does it loop or wait for ever\?"),
    "needs all memory": (with_code("self.hog = np.ones(1 << 40)"),
                         r"needs too much memory \(forward, line \d+ of hw1.py\)"),
    "prints megabytes": (with_code("print('x' * (2 << 20))"), "hw1.py prints more than 1 MB in one test"),
    "prints without end": (with_code("while True: print('x' * (1 << 20))"), "hw1.py prints more than 1 MB in one test"),
    "calls sys.exit": (with_code("import sys; sys.exit()"), r"calls sys.exit \(forward, line \d+ of hw1.py\)"),
    "calls os._exit": (with_code("import os; os._exit(0)"), "hw1.py ends the process with status 0: .*os._exit"),
    "edits np.random": (with_code("np.random.normal = None"), "changes np.random.normal, which belongs to all"),
    "calls np.random.seed": (with_code("np.random.seed(0)"), "calls np.random.seed: seeding is the caller's"),
    "calls np.seterr": (with_code("np.seterr(all='ignore')"), "calls np.seterr, which .* use `with np.errstate"),
    "np.seterr at import": (TEXTBOOK + "\nnp.seterr(all='ignore')\n", "hw1.py calls np.seterr"),
    "changes its input's values": (with_code("x += 1"), "x, which belongs to the caller, is changed: work on a copy"),
    "leaves a process": (with_code("import subprocess; self.p = subprocess.Popen(['sleep', '1000'])"),
                         "hw1.py starts a process and leaves it behind"),
    "syntax error": ("def f(:\n", r"hw1.py does not import: SyntaxError: invalid syntax.* \(hw1.py, line 1\)"),
    "missing package": ("import no_such_package\n",
                        r"hw1.py does not import: ModuleNotFoundError: No module named 'no_such_package'"),
    "missing name": ("from hw1.hw1 import nothing\n",
                     r"hw1.py does not import: ImportError: cannot import name 'nothing'[^/]*\(hw1/hw1.py\)"),
    "long and coloured error": (with_code("raise ValueError('\\x1b[31m' + 'x' * 10**6)"), r"ValueError: \?\[31mx{100}"),
}


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """The section 2.3 of each hostile handin, by name: run beside one another, with little patience."""
    folder = tmp_path_factory.mktemp("hostile")

    def graded(name):
        module = written(folder / name.replace(" ", "_"), HOSTILE[name][0])
        return score.score(grading.ask(module, LINEAR, 12 if "for ever" in name else 60))[1]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(HOSTILE, pool.map(graded, HOSTILE)))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_loses_its_section_for_a_reason_in_a_line(name, hostile):
    section = hostile[name]
    assert section.earned == 0
    assert re.search(HOSTILE[name][1], section.reason), section.reason
    assert "\n" not in section.reason and len(section.reason) < 300
    assert "/tmp" not in section.reason


def test_no_process_outlives_its_handin(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    reader = os.open(str(tmp_path / "fifo"), os.O_RDONLY | os.O_NONBLOCK)
    module = written(tmp_path, with_code("import subprocess; subprocess.Popen(['sleep', '1000'], stdout=open(%r, 'w'))"
                                         % str(tmp_path / "fifo")))
    grading.ask(module, LINEAR, 60)
    ended, _, _ = select.select([reader], [], [], 30)  # readable once nobody holds the other end
    left = os.read(reader, 1)
    os.close(reader)
    assert ended and left == b""


def test_a_suite_that_cannot_run_is_the_graders_error(tmp_path):
    with pytest.raises(RuntimeError, match="the grader itself cannot run tests/handout/none.py"):
        grading.ask(written(tmp_path, TEXTBOOK), ["tests/handout/none.py"], 60)


def test_gradients_with_a_row_get_the_points_and_the_advice(tmp_path):
    text = edited("np.mean(delta, axis=0)", "np.mean(delta, axis=0, keepdims=True)")
    outcomes = grading.ask(written(tmp_path, text), LINEAR, 60)
    assert all(outcome.passed for outcome in outcomes.values())
    advice = outcomes[LINEAR[0] + "::test_backward"].advice
    assert "db[0] has shape (1, 10), a strict grader compares with (10,)" in advice


def test_told_is_one_line_without_control_characters():
    assert judge.told(ValueError("a\x1b[31m\nb")) == "ValueError: a?[31m"


# ---- The whole of it, as it is called --------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of the repository, with a handin.tar that forgets a mean."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("hw1", "tests/grader", "tests/handout"):
        shutil.copytree(str(ROOT / name), str(root / name), ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "tests/__init__.py", "tests/conftest.py"):
        shutil.copy(str(ROOT / name), str(root / name))
    (root / "tests/project").mkdir()
    wrong = edited("np.mean(delta, axis=0)", "np.sum(delta, axis=0)")
    archive(root / "handin.tar", ("hw1/hw1.py", wrong.encode()), mode="w:gz")
    return root


@pytest.fixture(scope="session")
def runs(copy, tmp_path_factory):
    """What pytest printed, and its status, for each way to name a handin: run two at a time."""
    folder = tmp_path_factory.mktemp("handins")
    written(folder / "right", TEXTBOOK)
    (folder / "exits.py").write_text("import os; os._exit(0)\n")
    archive(folder / "linked.tar", link(tarfile.SYMTYPE))
    commands = {
        "wrong": ["--handin", "handin.tar", "--autolab", "--junitxml=report.xml"],
        "refused": ["--handin=" + str(folder / "linked.tar"), "--autolab"],
        "each": ["--handin=" + str(folder), "--each"],
        "none": ["--handin=nowhere.tar"],
        "each of a file": ["--handin=handin.tar", "--each"],
        "each of nothing": ["--each"],
    }
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(lambda arguments: pytest_on(*arguments, root=copy), commands.values())))


def points_printed(run):
    return {number: float(earned) for number, _, earned, _ in SCORE_LINE.findall(run.stdout)}


def test_advice_is_printed_below_the_score(runs):
    advice = runs["wrong"].stdout.split("advice, which costs no points")[1].splitlines()
    assert [line for line in advice if line.startswith("- ")] == [
        "- confusion_matrix has dtype float64; counts are integers, and a strict grader compares dtypes"]


def test_a_wrong_handin_loses_points_where_it_is_wrong_and_is_told_why(runs):
    run = runs["wrong"]
    assert points_printed(run) == dict(FULL, **{"2.3": 3})
    assert re.search(r"^2\.3 .* 3 / +9   db is the sum over the batch, not the mean$", run.stdout, re.MULTILINE)
    assert run.returncode == 1


def test_no_traceback_is_printed_of_a_handin(runs):
    assert "Traceback" not in runs["wrong"].stdout and "conftest.py" not in runs["wrong"].stdout


@pytest.mark.parametrize("name, expected", [("wrong", dict(FULL, **{"2.3": 3})), ("refused", dict.fromkeys(FULL, 0))])
def test_autolab_reads_the_last_line(name, expected, runs):
    assert json.loads(runs[name].stdout.splitlines()[-1]) == {"scores": expected}


def test_a_refused_handin_is_told_so(runs):
    assert points_printed(runs["refused"]) == dict.fromkeys(FULL, 0)
    assert "linked.tar is refused: 'hw1/hw1.py' is a link or a device, not a file" in runs["refused"].stdout


def test_junitxml_has_the_graded_tests(runs, copy):  # runs: writes it
    names = [case.get("name") for case in xml.etree.ElementTree.parse(str(copy / "report.xml")).iter("testcase")]
    assert "test_log_sum_exp" in names and "test_state[Sigmoid]" in names


def test_each_gives_a_line_for_each_handin(runs):
    lines = runs["each"].stdout.split("\n\n")[0].splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["exits.py", "0"], ["linked.tar", "0"], ["right", "101"]]
    assert lines[0].endswith("hw1.py ends the process with status 0: does it call os._exit?")
    assert lines[1].endswith("linked.tar is refused: 'hw1/hw1.py' is a link or a device, not a file")


def test_each_ends_with_a_table_the_best_first(runs):
    header, *rows = runs["each"].stdout.split("\n\n")[1].splitlines()
    assert header.split() == ["handin", *POINTS, "total"]
    assert rows[0].split() == ["right", "5", "9", "12", "40", "15", "10", "10", "101"]
    assert rows[1].split() == ["exits.py"] + ["0"] * 8


@pytest.mark.parametrize("name, message", [
    ("none", "--handin=nowhere.tar: there is no such file or folder"),
    ("each of a file", "--each needs a folder of handins: --handin=handin.tar is a file"),
    ("each of nothing", "--each needs --handin=DIR, the folder of the handins")])
def test_a_wrong_command_is_told_so(name, message, runs):
    assert message in runs[name].stdout
    assert runs[name].returncode == 4
