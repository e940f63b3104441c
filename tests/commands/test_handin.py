"""Lets you change handin.sh safely: what goes into handin.tar, each thing that it refuses, and that
a refusal or a killed run leaves an older archive as it was and nothing beside it.

Each test runs a copy of handin.sh in a temporary folder, on small modules that it writes there.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import venv

import pytest

from tests.commands import copies
from tests.commands.copies import ROOT

NAMES = ("Activation Identity Sigmoid Tanh ReLU Criterion SoftmaxCrossEntropy BatchNorm MLP "
         "random_normal_weight_init zeros_bias_init get_training_stats").split()
SOLUTION = "".join(f"class {name}:\n    pass\n\n\n" for name in NAMES)
LAST = len(SOLUTION.splitlines())  # the number of its last line
OLDER = b"an archive from yesterday"
KILLERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name: handin.sh, a valid hw1/hw1.py and an older handin.tar."""
    folder = tmp_path / "my homework"
    (folder / "hw1").mkdir(parents=True)
    shutil.copy(ROOT / "handin.sh", folder)
    (folder / "hw1" / "hw1.py").write_text(SOLUTION)
    (folder / "handin.tar").write_bytes(OLDER)
    return folder


def start(script, *before, cwd=None, **env):
    """Start handin.sh, after the words before it. env: changes; None takes a variable away."""
    env = {**os.environ, "PYTHON": sys.executable, **env}
    return subprocess.Popen([*before, "sh", str(script)], cwd=cwd, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True,
                            env={name: value for name, value in env.items() if value is not None})


def run(script, *before, **env):
    """Return the exit status of handin.sh, and what it printed on either stream."""
    process = start(script, *before, **env)
    out, err = process.communicate()
    return process.returncode, out, err


def hand_in(folder, **env):
    """Run handin.sh, which must succeed; return the names in the archive."""
    status, _, err = run(folder / "handin.sh", **env)
    assert (status, err) == (0, "")
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        return archive.getnames()


def refusal(folder, **env):
    """Run handin.sh, which must refuse and leave the folder as it was; return its reason."""
    status, out, err = run(folder / "handin.sh", **env)
    assert (status, out) == (1, "")
    assert_nothing_made(folder)
    return err


def assert_nothing_made(folder):
    assert (folder / "handin.tar").read_bytes() == OLDER
    assert sorted(path.name for path in folder.iterdir()) == ["handin.sh", "handin.tar", "hw1"]


def write(folder, **modules):
    """Write modules of hw1/; what is written of hw1 follows on the solution."""
    for name, text in modules.items():
        (folder / "hw1" / f"{name}.py").write_text(SOLUTION * (name == "hw1") + text + "\n")


# ---- What is made --------------------------------------------------------------------------------

@pytest.mark.parametrize("modules, names", [
    ({"scratch": "", "__init__": ""}, []),
    ({"hw1": "from hw1.helper import f", "helper": "f = 1"}, ["helper"]),
    ({"hw1": "from .helper import f", "helper": "f = 1"}, ["helper"]),
    ({"hw1": "from hw1 import helper", "helper": ""}, ["helper"]),
    ({"hw1": "import hw1.helper as h", "helper": ""}, ["helper"]),
    ({"hw1": "def train():\n    from .helper import f", "helper": ""}, ["helper"]),
    ({"hw1": "from . import helper", "helper": "from . import hw1, deeper", "deeper": ""},
     ["deeper", "helper"]),
    ({"hw1": "import hw1", "__init__": ""}, ["__init__"]),
    ({"hw1": "def use():\n    import numpy.linalg as la, os.path, sys, resource"}, []),
    ({"hw1": "from concurrent import futures"}, []),
])
def test_the_archive_holds_hw1_py_and_what_it_imports(folder, modules, names):
    write(folder, **modules)
    (folder / "hw1" / "weights.npy").write_bytes(b"")
    (folder / "gzip.py").write_text("raise RuntimeError")  # not Python's own
    assert hand_in(folder) == sorted(f"hw1/{name}.py" for name in [*names, "hw1"])
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        assert archive.extractfile("hw1/hw1.py").read() == (folder / "hw1" / "hw1.py").read_bytes()
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["gzip.py", "handin.sh", "handin.tar", "hw1"]
    assert not (folder / "hw1" / "__pycache__").exists()


def test_it_says_what_is_in_the_archive_and_what_to_do_with_it(folder):
    assert run(folder / "handin.sh") == (
        0, "handin.tar holds hw1/hw1.py\nhandin.tar is ready: submit it to Autolab.\n", "")


def test_this_repositorys_own_is_graded(folder):
    shutil.rmtree(folder / "hw1")
    copies.copy(folder, "hw1", "tests", ignored=["proof"])
    status, out, err = run(folder / "handin.sh")
    assert (status, err) == (0, "")
    assert re.search(r"submit it to Autolab.\n2\.2 .* Total +\d+ / 101\n$", out, re.DOTALL)


def test_the_archive_is_made_where_the_grader_fails(folder):
    grader = folder / "tests" / "grader" / "__main__.py"
    grader.parent.mkdir(parents=True)
    grader.write_text("raise SystemExit(1)")
    assert hand_in(folder) == ["hw1/hw1.py"]


def test_it_is_executable_and_ends_its_lines_as_a_shell_asks():
    assert os.access(ROOT / "handin.sh", os.X_OK)
    found = subprocess.run(["git", "check-attr", "eol", "handin.sh", ".ci/run"], cwd=ROOT,
                           capture_output=True, text=True)
    assert found.returncode or found.stdout == "handin.sh: eol: lf\n.ci/run: eol: lf\n"


# ---- Where it is called from, and with which Python ----------------------------------------------

def test_called_from_another_folder_by_a_relative_path(folder):
    decoy = folder.parent / "elsewhere" / folder.name
    decoy.mkdir(parents=True)
    assert run(f"{folder.name}/handin.sh", cwd=folder.parent, CDPATH=str(decoy.parent))[0] == 0
    (folder.parent / "link").symlink_to(folder, target_is_directory=True)
    assert run(folder.parent / "link" / "handin.sh", cwd=folder.parent,
               PYTHON=os.path.relpath(sys.executable, folder.parent.resolve()))[0] == 0
    assert (folder / "handin.tar").read_bytes() != OLDER


@pytest.fixture
def python(tmp_path):
    """Write a Python called name that notes that it ran; unless code says else, it is this one."""
    def written(name, code=f'exec "{sys.executable}" "$@"'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {name} >>{tmp_path / 'ran'}\n{code}\n")
        path.chmod(0o755)
        return str(path)
    return written


@pytest.mark.parametrize("there", range(4))
def test_which_python_is_taken(folder, python, tmp_path, there):
    """there: how many of the first are not there."""
    names = ["given/python", "active/bin/python", "my homework/.venv/bin/python", "path/python3"]
    for name in names[there:]:
        python(name)
    run(folder / "handin.sh", PYTHON=str(tmp_path / names[0]) if there == 0 else None,
        VIRTUAL_ENV=str(tmp_path / "active") if there < 2 else None, CONDA_PREFIX=None,
        PATH=f"{tmp_path / 'path'}:{os.environ['PATH']}")
    assert (folder / "handin.tar").read_bytes() != OLDER
    assert (tmp_path / "ran").read_text().splitlines()[0] == names[there]


def test_an_environment_without_numpy_is_passed_over_or_told_of(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    (folder / "numpy.py").write_text("")
    assert run(folder / "handin.sh", cwd=folder, PYTHON=None, VIRTUAL_ENV=str(tmp_path / "env"),
               PATH=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")[0] == 0
    python = str(tmp_path / "env" / "bin" / "python")
    status, _, err = run(folder / "handin.sh", cwd=folder, PYTHON=python)
    assert status == 1 and f"{python} has no NumPy\nhandin.sh: set PYTHON to the path" in err


def test_a_python_that_is_not_there_or_too_old(folder, python):
    expected = "set PYTHON to the path of Python 3.9 or newer with NumPy"
    assert expected in refusal(folder, PYTHON="no-python")
    disguise = "import sys; sys.version_info = (3, 8, 1)"
    old = python("old", f'exec "{sys.executable}" -c "{disguise}\n$3"')
    assert " is Python 3.8\nhandin.sh: set PYTHON to" in refusal(folder, PYTHON=old)


# ---- What is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("modules, reason", [
    ({"hw1": "def broken(:"}, f"hw1/hw1.py, line {LAST + 1}: SyntaxError: "),
    ({"hw1": "from . import helper", "helper": "return 1"},
     "hw1/helper.py, line 1: SyntaxError: 'return' outside"),
    ({"hw1": "name = f'{1}'"},
     f"hw1/hw1.py, line {LAST + 1}: SyntaxError: an f-string is newer; the grader has "
     "Python 3.5\n"),
    ({"hw1": "[y := 1]"}, "a := is newer"), ({"hw1": "x: int = 1"}, "Variable annotation"),
    ({"hw1": "def f(a, /): pass"}, "a positional-only parameter is newer"),
    ({"hw1": "g = lambda a, /: a"}, "a positional-only parameter is newer"),
    ({"hw1": "x = 1_000"}, "Underscores in numeric literals"),
    ({"hw1": "from . import helper", "helper": "from __future__ import annotations"},
     "annotations from __future__ is newer"),
    ({"hw1": "\nimport os, pytest.mark"},
     f"hw1/hw1.py, line {LAST + 2}: imports pytest, which the grader lacks\n"),
    ({"hw1": "def test():\n    from pytest import approx"}, "imports pytest, which"),
    ({"hw1": "try:\n    import pytest\nexcept ImportError:\n    pass"}, "imports pytest, which"),
    ({"hw1": "import dataclasses"}, "imports dataclasses, which the grader lacks"),
    ({"hw1": "from . import helper", "helper": "import pytest"},
     "hw1/helper.py, line 1: imports pytest, which"),
    ({"hw1": "import helper", "helper": ""},
     "imports helper, which the grader lacks: import it as hw1.helper\n"),
    ({"hw1": "def f():\n    from .helper import g"},
     f"hw1/helper.py is missing: hw1/hw1.py imports it in line {LAST + 2}\n"),
    ({"hw1": "from .helper import f\nf()", "helper": "def f():\n    raise KeyError('weights')"},
     'hw1/helper.py", line 2, in f\n'),
    ({"hw1": "raise SystemExit(0)"}, "hw1/hw1.py cannot be imported as the grader does"),
    ({"hw1": "import os\nopen(os.path.join(os.path.dirname(__file__), 'weights.npy')).close()"},
     "FileNotFoundError"),
    ({"hw1": "__import__('math_of_mine')"}, "No module named 'math_of_mine'"),
    ({"hw1": "print('training ...')\nprint('done')"},
     "hw1/hw1.py prints when it is imported: training ...\n"),
    ({"hw1": "print('ready', end='')"}, "hw1/hw1.py prints when it is imported: ready\n"),
    ({"hw1": "del MLP"}, "hw1/hw1.py lacks what the grader imports from it: MLP\n"),
])
def test_what_the_grader_could_not_take_is_refused(folder, tmp_path, modules, reason):
    write(folder, **modules)
    (folder / "hw1" / "weights.npy").write_bytes(b"")
    (tmp_path / "math_of_mine.py").write_text("")
    told = refusal(folder, PYTHONPATH=str(tmp_path))
    assert reason in told and told.endswith("handin.sh: no new handin.tar was made\n")


def test_a_missing_hw1_py_one_saved_as_utf_16_and_an_empty_one(folder):
    module = folder / "hw1" / "hw1.py"
    module.write_text("")
    assert f"lacks what the grader imports from it: {', '.join(NAMES)}\n" in refusal(folder)
    module.write_bytes(SOLUTION.encode("utf-16-le"))
    assert re.search("hw1/hw1.py, line 1: .*null bytes", refusal(folder))
    module.rename(folder / "hw1" / "mlp.py")
    assert "hw1/hw1.py is missing: your solution belongs there" in refusal(folder)


def test_an_installed_hw1_that_hides_the_archives(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    installed, = (tmp_path / "env").glob("lib/python*/site-packages")
    shutil.copytree(folder / "hw1", installed / "hw1")
    (installed / "hw1" / "__init__.py").write_text("")
    (installed / "numpy.py").write_text("")
    reason = refusal(folder, PYTHON=str(tmp_path / "env" / "bin" / "python"))
    assert "site-packages/hw1/hw1.py hides the hw1/hw1.py of the archive" in reason


# ---- A run that is cut short ---------------------------------------------------------------------

@pytest.fixture
def default_signals():
    """Undoes that a test in the background ignores some signals: handin.sh would do so too."""
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in KILLERS}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", KILLERS)
def test_a_killed_run_leaves_the_older_archive(folder, default_signals, number):
    # hw1.py says on stderr that it runs, then waits for a writer that never comes. As from a
    # terminal, the signal goes to the whole group of processes.
    os.mkfifo(folder.parent / "never")
    write(folder, hw1="import sys\nprint('running', file=sys.stderr, flush=True)\n"
                      f"open({str(folder.parent / 'never')!r})")
    process = start(folder / "handin.sh")
    assert process.stderr.readline() == "running\n"
    assert len(list(folder.glob("handin.*.partial"))) == 1
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and output == ""
    assert "handin.sh: no new handin.tar was made\n" in errors
    assert_nothing_made(folder)


def test_killed_without_warning_at_random_moments(folder):
    """SIGKILL cannot be handled: the archive is the older or a whole one; the next run succeeds."""
    write(folder, hw1="# " + 200000 * "x")
    started = time.monotonic()
    hand_in(folder)
    duration, moments = time.monotonic() - started, random.Random(11785)
    source = (folder / "hw1" / "hw1.py").read_bytes()
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
    assert hand_in(folder) == ["hw1/hw1.py"]


@pytest.mark.parametrize("blocks", [0, 1, 50])
def test_a_full_disk_leaves_the_older_archive(folder, blocks):
    """The system refuses files of more than so many blocks: at 50 the copy of hw1.py, at 0 all."""
    write(folder, hw1="# " + 200000 * "x" + "\nfrom . import noise", noise="# " + 1000 * "x")
    limited = f'ulimit -f {blocks}; exec "$@"'
    status, out, err = run(folder / "handin.sh", "sh", "-c", limited, "sh")
    assert status != 0 and out == "" and err.endswith("handin.sh: no new handin.tar was made\n")
    assert_nothing_made(folder)
    assert hand_in(folder) == ["hw1/hw1.py", "hw1/noise.py"]


@pytest.mark.parametrize("command", ["mkdir", "mv"])
def test_a_step_without_permission_leaves_the_older_archive(folder, python, command, tmp_path):
    """mkdir and mv are replaced by ones that are refused: root would be allowed anything."""
    python(f"bin/{command}", f"echo {command}: Permission denied >&2\nexit 1")
    status, _, err = run(folder / "handin.sh", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    told = f"{command}: Permission denied\nhandin.sh: no new handin.tar was made\n"
    assert status != 0 and err == told
    assert_nothing_made(folder)
