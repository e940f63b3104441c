"""handin.sh: the archive that it makes, each submission that it refuses, and interrupted runs.

Each test runs a copy of handin.sh in a temporary folder, on small modules that it writes there.
"""

import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import venv

import pytest

from hw1 import handin
from tests.commands import copies
from tests.commands.copies import ROOT

NAMES = ("Activation Identity Sigmoid Tanh ReLU Criterion SoftmaxCrossEntropy BatchNorm "
         "random_normal_weight_init zeros_bias_init MLP get_training_stats").split()
SOLUTION = "".join(f"class {name}:\n    pass\n\n\n" for name in NAMES)
LAST = len(SOLUTION.splitlines())  # the number of its last line
PROGRAM = ("handin.sh", "hw1/handin.py", "hw1/errors.py", "data/__init__.py", "data/files.py",
           "data/removed_names.py", "data/streams.py")
OLDER = b"an archive from yesterday"
READY = "handin.tar is ready: submit it to Autolab.\n"
NOTHING_MADE = "handin.sh: no new handin.tar was made\n"
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name: handin.sh, a valid hw1/hw1.py and an older handin.tar."""
    folder = tmp_path / "my homework"
    for name in PROGRAM:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "hw1" / "hw1.py").write_text(SOLUTION)
    (folder / "handin.tar").write_bytes(OLDER)
    return folder


def start(script, *before, cwd=None, **changes):
    """Start handin.sh behind a command, if one is given, with changes to the environment.

    A variable that is None is removed.
    """
    environment = {**os.environ, "PYTHON": sys.executable, **changes}
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.Popen([*before, "sh", str(script)], cwd=cwd, env=environment, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)


def run(script, *before, **changes):
    """Return the exit status of handin.sh, its output and its errors."""
    process = start(script, *before, **changes)
    output, error = process.communicate()
    return process.returncode, output, error


def hand_in(folder, **changes):
    """Run handin.sh, which must succeed; return its output."""
    status, output, error = run(folder / "handin.sh", **changes)
    assert (status, error) == (0, "")
    return output


def refuse(folder, **changes):
    """Run handin.sh, which must refuse and leave the folder as it was; return its reason."""
    status, output, error = run(folder / "handin.sh", **changes)
    assert (status, output) == (1, "")
    assert_nothing_made(folder)
    return error


def members(folder):
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        return archive.getnames()


def assert_nothing_made(folder):
    assert (folder / "handin.tar").read_bytes() == OLDER
    assert sorted(os.listdir(folder)) == ["data", "handin.sh", "handin.tar", "hw1"]


def write(folder, **modules):
    """Write modules of hw1/; the text of hw1 is added to the solution."""
    for name, text in modules.items():
        if name == "hw1":
            text = SOLUTION + text
        (folder / "hw1" / f"{name}.py").write_text(text + "\n")


def write_grader(folder, program):
    grader = folder / "tests" / "grader" / "__main__.py"
    grader.parent.mkdir(parents=True)
    grader.write_text(program)


# ---- The archive ---------------------------------------------------------------------------------

@pytest.mark.parametrize("modules, names", [
    ({"scratch": "", "__init__": ""}, []),
    ({"hw1": "from hw1.helper import f", "helper": "f = 1"}, ["helper"]),
    ({"hw1": "from .helper import f", "helper": "f = 1"}, ["helper"]),
    ({"hw1": "from hw1 import helper", "helper": ""}, ["helper"]),
    ({"hw1": "import hw1.helper as h", "helper": ""}, ["helper"]),
    ({"hw1": "def train():\n    from .helper import f", "helper": ""}, ["helper"]),
    ({"hw1": "from . import helper", "helper": "from . import hw1, deeper", "deeper": ""},
     ["deeper", "helper"]),
    ({"hw1": "import hw1", "__init__": "package = 1"}, ["__init__"]),
    ({"hw1": "def use():\n    import numpy.linalg as la, os.path, sys, resource"}, []),
    ({"hw1": "from concurrent import futures"}, []),
])
def test_archive_holds_hw1_py_and_its_imports(folder, modules, names):
    write(folder, **modules)
    expected = {f"hw1/{name}.py": (folder / "hw1" / f"{name}.py").read_bytes()
                for name in [*names, "hw1"]}
    hand_in(folder)
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        found = {name: archive.extractfile(name).read() for name in archive.getnames()}
    assert found == expected


def test_nothing_but_the_archive_is_made(folder):
    (folder / "handin.tar").unlink()
    before = set(folder.rglob("*"))
    hand_in(folder)
    assert set(folder.rglob("*")) - before == {folder / "handin.tar"}


def test_everybody_can_read_the_members(folder):
    (folder / "hw1" / "hw1.py").chmod(0o600)
    status, _, _ = run(folder / "handin.sh", "sh", "-c", 'umask 077; exec "$@"', "sh")
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        modes = [stat.S_IMODE(member.mode) for member in archive]
    assert (status, modes) == (0, [0o644])


def test_members_have_the_time_of_the_archive(folder):
    began = int(time.time())
    hand_in(folder)
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        times = [member.mtime for member in archive]
    assert began <= times[0] <= time.time()


def test_modules_in_the_folder_do_not_hide_pythons_own(folder):
    for name in ("numpy", "gzip", "ast", "secrets"):
        (folder / f"{name}.py").write_text("raise RuntimeError")
        (folder / "hw1" / f"{name}.py").write_text("raise RuntimeError")
        (folder / "data" / f"{name}.py").write_text("raise RuntimeError")
    write(folder, hw1="import numpy, gzip, ast")
    run(folder / "handin.sh", cwd=folder)
    assert members(folder) == ["hw1/hw1.py"]


def test_a_package_of_the_students_own_is_not_run(folder):
    write(folder, __init__="from .hw1 import *\nraise RuntimeError")
    hand_in(folder)
    assert members(folder) == ["hw1/hw1.py"]


def test_an_installed_hw1_does_not_hide_the_submission(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    installed, = (tmp_path / "env").glob("lib/python*/site-packages")
    (installed / "hw1").mkdir()
    (installed / "hw1" / "__init__.py").write_text("raise RuntimeError")
    (installed / "data").mkdir()
    (installed / "data" / "__init__.py").write_text("raise RuntimeError")
    (installed / "numpy.py").touch()
    hand_in(folder, PYTHON=str(tmp_path / "env" / "bin" / "python"))
    assert members(folder) == ["hw1/hw1.py"]


def test_script_is_executable_with_unix_line_ends():
    found = subprocess.run(["git", "check-attr", "eol", "handin.sh", ".ci/run"], cwd=ROOT,
                           capture_output=True, text=True)
    assert os.access(ROOT / "handin.sh", os.X_OK)
    if found.returncode == 0:  # in a git repository
        assert found.stdout == "handin.sh: eol: lf\n.ci/run: eol: lf\n"


# ---- What it prints ------------------------------------------------------------------------------

def test_members_and_next_step_are_printed(folder):
    assert hand_in(folder) == f"handin.tar holds hw1/hw1.py\n{READY}"


def test_warnings_of_the_submission_are_not_printed(folder):
    write(folder, hw1="always = 1 is 1")
    assert hand_in(folder) == f"handin.tar holds hw1/hw1.py\n{READY}"


def test_score_of_this_repository_is_printed(folder):
    shutil.rmtree(folder / "hw1")
    shutil.rmtree(folder / "data")
    copies.copy(folder, "hw1", "data", "tests", ignored=["proof"])
    output = hand_in(folder)
    assert re.search(r"\n2\.2 .* Total +(\d+) / \1\n" + READY, output, re.DOTALL)


def test_zero_points_do_not_suggest_to_submit(folder):
    copies.copy(folder, "tests", ignored=["proof"])
    output = hand_in(folder)
    assert re.search(r" Total +0 / \d+\n.* would score 0 points: fix this before ", output)
    assert "submit it to Autolab" not in output


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "print('Total')"])
def test_archive_is_ready_if_the_grader_fails(folder, program):
    write_grader(folder, program)
    assert hand_in(folder).endswith(READY)


def test_score_is_printed_with_pythonsafepath(folder):
    write_grader(folder, "import sys\nprint('graded', sys.argv[1:])")
    assert "\ngraded ['handin.tar']\n" in hand_in(folder, PYTHONSAFEPATH="1")


def test_a_closed_pipe_leaves_only_the_archive(folder):
    write_grader(folder, "for line in range(100000):\n    print(line)")
    process = start(folder / "handin.sh")
    with process:
        assert process.stdout.readline() == "handin.tar holds hw1/hw1.py\n"
        process.stdout.close()
        assert process.wait() == 0
    assert members(folder) == ["hw1/hw1.py"]
    assert sorted(os.listdir(folder)) == ["data", "handin.sh", "handin.tar", "hw1", "tests"]


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-"])
def test_archive_is_made_without_standard_output(folder, redirection):
    write_grader(folder, "print('graded')")
    status, output, error = run(folder / "handin.sh", "sh", "-c", f'"$@" {redirection}', "sh")
    assert (status, output, error) == (0, "", "")
    assert members(folder) == ["hw1/hw1.py"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_archive_is_made_with_a_full_disk_behind_stdout(folder):
    status, _, error = run(folder / "handin.sh", "sh", "-c", '"$@" >/dev/full', "sh")
    assert status == 0
    assert error.startswith("cannot write to standard output (No space left on device)")
    assert members(folder) == ["hw1/hw1.py"]


# ---- Where it is called from, and with which Python ----------------------------------------------

def test_relative_paths_work_from_another_folder(folder):
    decoy = folder.parent / "elsewhere" / folder.name
    decoy.mkdir(parents=True)
    status, _, _ = run(f"{folder.name}/handin.sh", cwd=folder.parent, CDPATH=str(decoy.parent))
    assert status == 0
    assert members(folder) == ["hw1/hw1.py"]


def test_a_link_and_a_relative_python_work(folder):
    (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    python = os.path.relpath(sys.executable, folder.parent.resolve())
    status, _, _ = run(folder.parent / "link" / "handin.sh", cwd=folder.parent, PYTHON=python)
    assert status == 0
    assert members(folder) == ["hw1/hw1.py"]


@pytest.fixture
def write_python(tmp_path):
    """A function that writes a Python which records that it ran; it is this one by default."""
    def write(name, code=f'exec "{sys.executable}" "$@"'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {name} >>{tmp_path / 'ran'}\n{code}\n")
        path.chmod(0o755)
        return str(path)
    return write


@pytest.mark.parametrize("nmissing", range(4))
def test_the_first_python_that_exists_is_used(folder, write_python, tmp_path, nmissing):
    names = ["given/python", "active/bin/python", "my homework/.venv/bin/python", "path/python3"]
    for name in names[nmissing:]:
        write_python(name)
    python = str(tmp_path / names[0]) if nmissing == 0 else None
    active = str(tmp_path / "active") if nmissing < 2 else None
    path = f"{tmp_path / 'path'}:{os.environ['PATH']}"
    hand_in(folder, PYTHON=python, VIRTUAL_ENV=active, CONDA_PREFIX=None, PATH=path)
    assert members(folder) == ["hw1/hw1.py"]
    assert (tmp_path / "ran").read_text().splitlines()[0] == names[nmissing]


def test_an_active_environment_without_numpy_is_passed_over(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    write(folder, hw1="import numpy")
    (folder / "numpy.py").touch()
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    run(folder / "handin.sh", cwd=folder, PYTHON=None, VIRTUAL_ENV=str(tmp_path / "env"), PATH=path)
    assert members(folder) == ["hw1/hw1.py"]


def test_a_python_without_numpy_is_refused(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    python = str(tmp_path / "env" / "bin" / "python")
    assert f"{python} has no NumPy\nhandin.sh: set PYTHON to" in refuse(folder, PYTHON=python)


def test_a_missing_python_is_refused(folder):
    reason = refuse(folder, PYTHON="no-python")
    assert "set PYTHON to the path of Python 3.9 or newer with NumPy" in reason


def test_an_old_python_is_refused(folder, write_python):
    disguise = "import sys; sys.version_info = (3, 8, 1)"
    old = write_python("old", f'exec "{sys.executable}" -c "{disguise}\n$3"')
    assert " is Python 3.8\nhandin.sh: set PYTHON to" in refuse(folder, PYTHON=old)


# ---- Submissions that are refused ----------------------------------------------------------------

@pytest.mark.parametrize("modules, reason", [
    ({"hw1": "def broken(:"}, f"hw1/hw1.py, line {LAST + 1}: SyntaxError: "),
    ({"hw1": "from . import helper", "helper": "return 1"},
     "hw1/helper.py, line 1: SyntaxError: 'return' outside"),
    ({"hw1": "name = f'{1}'"},
     f"hw1/hw1.py, line {LAST + 1}: SyntaxError: an f-string is newer; the autograder has "
     "Python 3.5\n"),
    ({"hw1": "[y := 1]"}, "a := is newer"),
    ({"hw1": "x: int = 1"}, "Variable annotation"),
    ({"hw1": "def f(a, /): pass"}, "a positional-only parameter is newer"),
    ({"hw1": "g = lambda a, /: a"}, "a positional-only parameter is newer"),
    ({"hw1": "x = 1_000"}, "Underscores in numeric literals"),
    ({"hw1": "from . import helper", "helper": "from __future__ import annotations"},
     "annotations from __future__ is newer"),
])
def test_syntax_that_python_3_5_lacks_is_refused(folder, modules, reason):
    write(folder, **modules)
    error = refuse(folder)
    assert reason in error
    assert error.endswith(NOTHING_MADE)


@pytest.mark.parametrize("modules, reason", [
    ({"hw1": "\nimport os, pytest.mark"},
     f"hw1/hw1.py, line {LAST + 2}: imports pytest, which the autograder lacks\n"),
    ({"hw1": "def test():\n    from pytest import approx"}, "imports pytest, which"),
    ({"hw1": "try:\n    import pytest\nexcept ImportError:\n    pass"}, "imports pytest, which"),
    ({"hw1": "import dataclasses"}, "imports dataclasses, which the autograder lacks"),
    ({"hw1": "from . import helper", "helper": "import pytest"},
     "hw1/helper.py, line 1: imports pytest, which"),
    ({"hw1": "import helper", "helper": ""},
     "imports helper, which the autograder lacks: import it as hw1.helper\n"),
    ({"hw1": "def f():\n    from .helper import g"},
     f"hw1/helper.py is missing: hw1/hw1.py imports it in line {LAST + 2}\n"),
])
def test_imports_that_the_autograder_lacks_are_refused(folder, modules, reason):
    write(folder, **modules)
    error = refuse(folder)
    assert reason in error
    assert error.endswith(NOTHING_MADE)


@pytest.mark.parametrize("modules, reason", [
    ({"hw1": "from .helper import f\nf()", "helper": "def f():\n    raise KeyError('weights')"},
     '  File "hw1/helper.py", line 2, in f\n'),
    ({"hw1": "raise SystemExit(0)"},
     "the import of hw1/hw1.py fails, also in the autograder:\n"
     "it ends Python with exit status 0\n"),
    ({"hw1": "import os\nos._exit(3)"}, "\nit ends Python with exit status 3\n"),
    ({"hw1": "import os\nopen(os.path.join(os.path.dirname(__file__), 'weights.npy')).close()"},
     "FileNotFoundError"),
    ({"hw1": "__import__('math_of_mine')"}, "No module named 'math_of_mine'"),
    ({"hw1": "print('training ...')\nprint('done')"},
     "hw1/hw1.py prints when it is imported: training ...\n"),
    ({"hw1": "print('ready', end='')"}, "hw1/hw1.py prints when it is imported: ready\n"),
    ({"hw1": "del MLP"}, "hw1/hw1.py lacks names that the autograder imports: MLP\n"),
])
def test_imports_that_fail_or_print_are_refused(folder, tmp_path, modules, reason):
    write(folder, **modules)
    (folder / "hw1" / "weights.npy").touch()
    (tmp_path / "math_of_mine.py").touch()
    error = refuse(folder, PYTHONPATH=str(tmp_path))
    assert reason in error
    assert error.endswith(NOTHING_MADE)


def test_an_import_that_waits_for_input_is_refused(folder):
    write(folder, hw1="input()")
    status, _, error = run(folder / "handin.sh", "sh", "-c", 'echo yes | "$@"', "sh")
    assert status == 1
    assert "EOFError" in error


def test_an_import_that_does_not_end_is_refused(folder, monkeypatch, capsys):
    write(folder, hw1="while True:\n    pass")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(handin, "IMPORT_TIMEOUT", 1)
    assert handin.main() == 1
    error = capsys.readouterr().err
    assert "the import of hw1/hw1.py takes more than 1 seconds, and the autograder " in error
    assert_nothing_made(folder)


def test_a_missing_hw1_py_is_refused(folder):
    (folder / "hw1" / "hw1.py").rename(folder / "hw1" / "mlp.py")
    assert "hw1/hw1.py is missing: your solution belongs there" in refuse(folder)


def test_an_empty_hw1_py_is_refused(folder):
    (folder / "hw1" / "hw1.py").write_text("")
    assert f"lacks names that the autograder imports: {', '.join(NAMES)}\n" in refuse(folder)


def test_a_hw1_py_saved_as_utf_16_is_refused(folder):
    (folder / "hw1" / "hw1.py").write_bytes(SOLUTION.encode("utf-16-le"))
    assert re.search("hw1/hw1.py, line 1: .*null bytes", refuse(folder))


# ---- Names that NumPy or Python has removed ------------------------------------------------------

NOTE = "{}, line {}: np.rank has been removed since 2018: np.ndim works in old and new versions\n"


def test_a_removed_name_in_a_function_is_reported(folder):
    write(folder, hw1="import numpy as np\n\ndef f(x):\n    return np.rank(x)")
    output = hand_in(folder)
    note = NOTE.format("hw1/hw1.py", LAST + 4)
    assert output == f"handin.tar holds hw1/hw1.py\n{note}{READY}"


def test_a_removed_name_at_import_is_reported_and_accepted(folder):
    write(folder, hw1="from . import helper", helper="import numpy as np\nx = np.rank(3)")
    output = hand_in(folder)
    assert members(folder) == ["hw1/helper.py", "hw1/hw1.py"]
    assert NOTE.format("hw1/helper.py", 2) in output
    assert "\nThe import stopped at np.rank, which the autograder's NumPy and Python " in output
    assert "The rest was not checked: replace the name, and run handin.sh again.\n" in output


@pytest.mark.parametrize("statement", [
    "np.no_such_name",
    "type('A', (), {}).rank",
    "f = lambda x: np.rank(x); np.no_such_name",
    "f = lambda x: np.rank(x); raise ValueError('rank')",
])
def test_another_error_is_refused_beside_a_removed_name(folder, statement):
    write(folder, hw1=f"import numpy as np\ndef f(x):\n    return np.rank(x)\n{statement}")
    assert "the import of hw1/hw1.py fails, also in the autograder:" in refuse(folder)


# ---- Interrupted runs ----------------------------------------------------------------------------

@pytest.fixture
def default_signals():
    """Signals end a process as usual, also where the tests run in the background."""
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.fixture
def waiting_program(tmp_path):
    """A program that opens two FIFOs, running and go, so that a test can wait for it."""
    os.mkfifo(tmp_path / "running")
    os.mkfifo(tmp_path / "go")
    return (f"open({str(tmp_path / 'running')!r}, 'w').close()\n"
            f"open({str(tmp_path / 'go')!r}).close()\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_killed_run_leaves_only_the_older_archive(folder, default_signals, tmp_path,
                                                    waiting_program, number):
    (tmp_path / "scratch").mkdir()
    write(folder, hw1=waiting_program)
    process = start(folder / "handin.sh", TMPDIR=str(tmp_path / "scratch"))
    (tmp_path / "running").read_text()
    os.killpg(process.pid, number)  # as from a terminal
    output, error = process.communicate()
    assert (process.returncode, output) == (130, "")
    assert error == f"handin.sh: interrupted\n{NOTHING_MADE}"
    assert_nothing_made(folder)
    assert os.listdir(tmp_path / "scratch") == []


def test_nohup_keeps_a_run_alive(folder, default_signals, tmp_path, waiting_program):
    write(folder, hw1=waiting_program)
    process = start(folder / "handin.sh", "sh", "-c", 'trap "" HUP; exec "$@"', "sh")
    (tmp_path / "running").read_text()
    os.killpg(process.pid, signal.SIGHUP)
    (tmp_path / "go").write_text("")
    output, error = process.communicate()
    assert (process.returncode, error) == (0, "")
    assert members(folder) == ["hw1/hw1.py"]


def test_an_interrupted_grader_leaves_the_new_archive(folder, default_signals, tmp_path,
                                                      waiting_program):
    write_grader(folder, waiting_program)
    process = start(folder / "handin.sh")
    (tmp_path / "running").read_text()
    os.killpg(process.pid, signal.SIGINT)
    output, error = process.communicate()
    assert (process.returncode, output) == (130, "handin.tar holds hw1/hw1.py\n")
    assert NOTHING_MADE not in error
    assert "handin.py" not in error
    assert members(folder) == ["hw1/hw1.py"]


@pytest.mark.slow
def test_sigkill_at_any_moment_leaves_a_whole_archive(folder):
    """The archive is the older or a new one; the next run succeeds."""
    write(folder, hw1="# " + 200000 * "x")
    source = (folder / "hw1" / "hw1.py").read_bytes()
    began = time.monotonic()
    hand_in(folder)
    duration = time.monotonic() - began
    moments = random.Random(11785)
    for _ in range(20):
        (folder / "handin.tar").write_bytes(OLDER)
        process = start(folder / "handin.sh")
        try:
            process.communicate(timeout=duration * moments.random())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        if (folder / "handin.tar").read_bytes() != OLDER:
            with tarfile.open(folder / "handin.tar", "r:gz") as archive:
                assert archive.extractfile("hw1/hw1.py").read() == source
    hand_in(folder)
    assert members(folder) == ["hw1/hw1.py"]


@pytest.mark.parametrize("blocks", [0, 1, 50])
def test_a_full_disk_leaves_the_older_archive(folder, blocks):
    """The system refuses files of more than so many blocks; 50 are too few for hw1.py."""
    write(folder, hw1="# " + 200000 * "x" + "\nfrom . import noise", noise="# " + 1000 * "x")
    limited = f'ulimit -f {blocks}; exec "$@"'
    status, output, error = run(folder / "handin.sh", "sh", "-c", limited, "sh")
    assert (status, output) == (1, "")
    assert re.fullmatch(f"handin.sh: handin.tar: [FN].*\n{NOTHING_MADE}", error)
    assert_nothing_made(folder)


def test_a_folder_without_permission_leaves_the_older_archive(folder, monkeypatch, capsys):
    def refuse_write(path, content):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.chdir(folder)
    monkeypatch.setattr(handin.files, "write", refuse_write)
    assert handin.main() == 1
    assert capsys.readouterr().err == f"handin.sh: handin.tar: Permission denied\n{NOTHING_MADE}"
    assert_nothing_made(folder)
