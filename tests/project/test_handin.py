"""Lets you change handin.sh safely: what goes into handin.tar, each thing that it refuses, and that a refusal
or a killed run leaves an older archive as it was and nothing beside it.

Each test runs a copy of handin.sh in a temporary folder, on small modules that it writes there.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import venv

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("Activation Identity Sigmoid Tanh ReLU Criterion SoftmaxCrossEntropy BatchNorm "
         "random_normal_weight_init zeros_bias_init MLP get_training_stats").split()
SOLUTION = "".join("class {}:\n    pass\n\n\n".format(name) for name in NAMES)
OLDER = b"an archive from yesterday"
KILLERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name, that holds handin.sh, a valid hw1/hw1.py and an older handin.tar."""
    folder = tmp_path / "my homework"
    (folder / "hw1").mkdir(parents=True)
    shutil.copy(ROOT / "handin.sh", folder)
    (folder / "hw1" / "hw1.py").write_text(SOLUTION)
    (folder / "handin.tar").write_bytes(OLDER)
    return folder


def run(script, cwd=None, **env):
    return subprocess.run(["sh", str(script)], cwd=cwd, env={**os.environ, "PYTHON": sys.executable, **env},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hand_in(folder, **env):
    """Runs handin.sh, which must succeed, and returns what it printed."""
    done = run(folder / "handin.sh", **env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def assert_nothing_made(folder):
    assert (folder / "handin.tar").read_bytes() == OLDER
    assert sorted(path.name for path in folder.iterdir()) == ["handin.sh", "handin.tar", "hw1"]


def refusal(folder, **env):
    """Runs handin.sh, which must refuse and leave the folder as it was, and returns its reason."""
    done = run(folder / "handin.sh", **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert_nothing_made(folder)
    return done.stderr


def contents(folder):
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        return archive.getnames()


def add(folder, text, module="hw1"):
    """Appends text to a module of hw1/, made if need be, and returns the number of its last line."""
    path = folder / "hw1" / (module + ".py")
    with path.open("a") as file:
        file.write(text + "\n")
    return len(path.read_text().splitlines())


# What is made.

def test_archive_holds_hw1_py_alone(folder):
    for unwanted in ("__init__.py", "scratch.py", "weights.npy", "__pycache__/hw1.cpython-39.pyc"):
        path = folder / "hw1" / unwanted
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    hand_in(folder)
    assert contents(folder) == ["hw1/hw1.py"]


def test_archive_holds_the_bytes_of_hw1_py_in_an_ordinary_file(folder):
    (folder / "hw1" / "hw1.py").chmod(0o700)
    hand_in(folder)
    with tarfile.open(folder / "handin.tar", "r:gz") as archive:
        member = archive.getmember("hw1/hw1.py")
        assert (member.mode, member.uname, member.uid) == (0o644, "", 0)
        assert archive.extractfile(member).read() == (folder / "hw1" / "hw1.py").read_bytes()


def test_archive_does_not_tell_when_it_was_made(folder):
    # So that the same sources give the same bytes; these four are gzip's time.
    hand_in(folder)
    assert (folder / "handin.tar").read_bytes()[4:8] == bytes(4)


@pytest.mark.parametrize("statement", [
    "from hw1.helper import f", "from .helper import f", "from hw1 import helper", "import hw1.helper as h",
    "def train():\n    from .helper import f"])
def test_archive_holds_a_helper_that_hw1_py_imports(folder, statement):
    add(folder, "def f():\n    pass", module="helper")
    add(folder, statement)
    hand_in(folder)
    assert contents(folder) == ["hw1/helper.py", "hw1/hw1.py"]


def test_archive_holds_what_a_helper_imports(folder):
    add(folder, "from .helper import f")
    add(folder, "from . import hw1, deeper\n\n\ndef f():\n    pass", module="helper")
    add(folder, "", module="deeper")
    hand_in(folder)
    assert contents(folder) == ["hw1/deeper.py", "hw1/helper.py", "hw1/hw1.py"]


def test_archive_holds_the_init_that_is_imported_by_name(folder):
    add(folder, "", module="__init__")
    add(folder, "import hw1")
    hand_in(folder)
    assert contents(folder) == ["hw1/__init__.py", "hw1/hw1.py"]


def test_archive_of_this_repositorys_own_hw1(folder):
    shutil.rmtree(folder / "hw1")
    shutil.copytree(ROOT / "hw1", folder / "hw1")
    hand_in(folder)
    assert "hw1/hw1.py" in contents(folder)


def test_it_prints_contents_and_size_and_what_to_do_next(folder):
    lines = hand_in(folder).splitlines()
    assert lines == ["handin.tar holds", "    hw1/hw1.py",
                     "in {} bytes.".format((folder / "handin.tar").stat().st_size),
                     "handin.tar is ready: submit it to Autolab."]


def test_nothing_is_left_beside_the_archive(folder):
    hand_in(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["handin.sh", "handin.tar", "hw1"]
    assert [path.name for path in (folder / "hw1").iterdir()] == ["hw1.py"]


def test_it_is_executable():
    assert os.access(ROOT / "handin.sh", os.X_OK)


def test_numpy_and_the_standard_library_are_welcome(folder):
    (folder / "hw1" / "hw1.py").write_text("from __future__ import division\n" + SOLUTION)
    # In a function: the test need not wait until NumPy is imported.
    add(folder, "def use():\n    import numpy.linalg as la, os.path, sys, math, ctypes")
    add(folder, "    from concurrent import futures")
    hand_in(folder)
    assert contents(folder) == ["hw1/hw1.py"]


# Where it is called from.

def test_called_from_another_folder_by_a_relative_path(folder):
    decoy = folder.parent / "elsewhere" / folder.name
    decoy.mkdir(parents=True)
    done = run(folder.name + "/handin.sh", cwd=folder.parent, CDPATH=str(decoy.parent))
    assert done.returncode == 0, done.stderr
    assert contents(folder) == ["hw1/hw1.py"]


def test_called_through_a_symlink_to_its_folder(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    done = run(tmp_path / "link" / "handin.sh")
    assert done.returncode == 0, done.stderr
    assert contents(folder) == ["hw1/hw1.py"]


def test_python_may_be_relative_to_where_it_is_called(folder, tmp_path):
    relative = os.path.relpath(sys.executable, tmp_path.resolve())
    done = run(folder / "handin.sh", cwd=tmp_path, PYTHON=relative)
    assert done.returncode == 0, done.stderr


def test_modules_beside_it_do_not_replace_the_standard_ones(folder):
    (folder / "gzip.py").write_text("raise RuntimeError")
    hand_in(folder)
    assert contents(folder) == ["hw1/hw1.py"]


def test_a_warning_is_shown_once_and_is_no_refusal(folder):
    add(folder, "1 is 1")
    done = run(folder / "handin.sh")
    assert (done.returncode, done.stderr.count("SyntaxWarning")) == (0, 1)


# What is refused: the machine.

def test_no_python(folder):
    assert "there is no no-python: install Python 3.9 or newer" in refusal(folder, PYTHON="no-python")


def test_python_that_is_too_old(folder, tmp_path):
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n'
                   'exec "{}" -c "import sys; sys.version_info = (3, 8, 1)\n$3"\n'.format(sys.executable))
    old.chmod(0o755)
    assert "is Python 3.8: set PYTHON to the path of Python 3.9 or newer" in refusal(folder, PYTHON=str(old))


def test_python_without_numpy(folder, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("")
    monkeypatch.chdir(tmp_path)
    venv.create(tmp_path / "env", symlinks=True)
    assert "env/bin/python has no NumPy" in refusal(folder, PYTHON=str(tmp_path / "env" / "bin" / "python"))


# What is refused: the sources.

def test_missing_hw1_py(folder):
    (folder / "hw1" / "hw1.py").rename(folder / "hw1" / "mlp.py")
    assert "hw1/hw1.py is missing" in refusal(folder)


def test_syntax_error(folder):
    line = add(folder, "def broken(:")
    assert "hw1/hw1.py, line {}: SyntaxError: ".format(line) in refusal(folder)


def test_syntax_error_in_a_helper(folder):
    add(folder, "from .helper import f")
    add(folder, "return 1", module="helper")
    assert "hw1/helper.py, line 1: SyntaxError: 'return' outside function" in refusal(folder)


def test_file_saved_as_utf_16(folder):
    (folder / "hw1" / "hw1.py").write_bytes(SOLUTION.encode("utf-16-le"))
    reason = refusal(folder)
    assert "hw1/hw1.py, line 1: " in reason
    assert "null bytes" in reason


@pytest.mark.parametrize("statement, reason", [
    ("name = f'{1}'", "an f-string is newer"),
    ("x: int = 1", "an annotated variable is newer"),
    ("[y := 1]", "a := is newer"),
    ("def f(a, /): pass", "a positional-only parameter is newer"),
    ("g = lambda a, /: a", "a positional-only parameter is newer"),
    ("x = 1_000", "Underscores in numeric literals"),
])
def test_syntax_newer_than_python_3_5(folder, statement, reason):
    line = add(folder, statement)
    assert "hw1/hw1.py, line {}: {}".format(line, reason) in refusal(folder)


def test_future_newer_than_python_3_5(folder):
    path = folder / "hw1" / "hw1.py"
    path.write_text("from __future__ import annotations\n" + SOLUTION)
    assert "hw1/hw1.py, line 1: annotations from __future__ is newer" in refusal(folder)


@pytest.mark.parametrize("statement", ["import os, pytest.mark", "def test():\n    from pytest import approx",
                                       "try:\n    import pytest\nexcept ImportError:\n    pass"])
def test_package_that_is_here_but_not_at_the_graders(folder, statement):
    first_line = len(SOLUTION.splitlines()) + 1
    add(folder, statement)
    line = first_line + statement[:statement.index("pytest")].count("\n")
    assert "hw1/hw1.py, line {}: imports pytest, which the grader lacks".format(line) in refusal(folder)


def test_standard_module_newer_than_python_3_5(folder):
    add(folder, "import dataclasses")
    assert "imports dataclasses, which the grader lacks" in refusal(folder)


def test_package_that_a_helper_imports(folder):
    add(folder, "from .helper import f")
    add(folder, "import pytest", module="helper")
    assert "hw1/helper.py, line 1: imports pytest, which the grader lacks" in refusal(folder)


def test_helper_imported_without_its_package(folder):
    add(folder, "", module="helper")
    add(folder, "import helper")
    assert "imports helper, which the grader lacks: import it as hw1.helper" in refusal(folder)


def test_helper_that_is_not_there(folder):
    line = add(folder, "def f():\n    from .helper import g")
    expected = "hw1/hw1.py, line {}: imports hw1.helper, and there is no file hw1/helper.py".format(line)
    assert expected in refusal(folder)


# What is refused: the import, as the grader does it.

def test_exception_on_import(folder):
    add(folder, "from .helper import f\nf()")
    line = add(folder, "def f():\n    raise KeyError('weights')", module="helper")
    assert "hw1/helper.py, line {}: KeyError: 'weights'".format(line) in refusal(folder)


def test_exit_on_import(folder):
    line = add(folder, "raise SystemExit(0)")
    assert "hw1/hw1.py, line {}: SystemExit: 0".format(line) in refusal(folder)


def test_file_read_on_import_that_is_not_in_the_archive(folder):
    (folder / "hw1" / "weights.npy").write_bytes(b"")
    add(folder, "import os\nopen(os.path.join(os.path.dirname(__file__), 'weights.npy')).close()")
    assert "FileNotFoundError" in refusal(folder)


def test_the_users_pythonpath_does_not_help(folder, tmp_path):
    (tmp_path / "math_of_mine.py").write_text("")
    add(folder, "__import__('math_of_mine')")
    assert "No module named 'math_of_mine'" in refusal(folder, PYTHONPATH=str(tmp_path))


def test_an_installed_hw1_that_hides_the_archives(folder, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    installed, = (tmp_path / "env").glob("lib/python*/site-packages")
    shutil.copytree(folder / "hw1", installed / "hw1")
    (installed / "hw1" / "__init__.py").write_text("")
    (installed / "numpy.py").write_text("")
    reason = refusal(folder, PYTHON=str(tmp_path / "env" / "bin" / "python"))
    assert "site-packages/hw1/hw1.py hides the hw1/hw1.py of the archive" in reason


def test_printing_on_import(folder):
    add(folder, "print('training ...')\nprint('done')")
    assert "prints when it is imported, which the grader would read: training ...\n" in refusal(folder)


def test_names_that_the_grader_imports(folder):
    (folder / "hw1" / "hw1.py").write_text("")
    expected = "hw1/hw1.py lacks what the grader imports from it: {}\n".format(", ".join(NAMES))
    assert expected in refusal(folder)


def test_one_name_that_the_grader_imports(folder):
    add(folder, "del MLP")
    assert "hw1/hw1.py lacks what the grader imports from it: MLP\n" in refusal(folder)


def test_a_refusal_says_that_nothing_new_was_made(folder):
    add(folder, "import pytest")
    assert refusal(folder).endswith("handin.sh: no new handin.tar was made\n")


# A run that is cut short.

@pytest.fixture
def default_signals():
    """Undoes that a test run in the background ignores some signals: handin.sh would ignore them likewise."""
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in KILLERS}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", KILLERS)
def test_a_killed_run_leaves_the_older_archive(folder, default_signals, number):
    # hw1.py says on stderr that it runs, then waits for a writer that never comes. As from a terminal, the
    # signal goes to the whole group of processes.
    os.mkfifo(folder.parent / "never")
    add(folder, "import sys\nprint('running', file=sys.stderr, flush=True)")
    add(folder, "open({!r})".format(str(folder.parent / "never")))
    process = subprocess.Popen(["sh", str(folder / "handin.sh")],
                               env={**os.environ, "PYTHON": sys.executable},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, start_new_session=True)
    assert process.stderr.readline() == "running\n"
    assert len(list(folder.glob("handin.*.partial"))) == 1
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert output == ""
    assert "handin.sh: no new handin.tar was made\n" in errors
    assert_nothing_made(folder)


def enlarge(folder):
    """Makes hw1.py one that takes handin.sh some time and, unpacked, 200 kB of disk."""
    add(folder, "# " + 200000 * "x")


def test_killed_without_warning_at_random_moments(folder):
    """SIGKILL cannot be handled: the archive is the older or the new one, and the next run succeeds."""
    enlarge(folder)
    started = time.monotonic()
    hand_in(folder)
    duration, new = time.monotonic() - started, (folder / "handin.tar").read_bytes()
    moments = random.Random(11785)
    for _ in range(20):
        (folder / "handin.tar").write_bytes(OLDER)
        process = subprocess.Popen(["sh", str(folder / "handin.sh")],
                                   env={**os.environ, "PYTHON": sys.executable}, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(duration * moments.random())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert (folder / "handin.tar").read_bytes() in (OLDER, new)
    hand_in(folder)
    assert (folder / "handin.tar").read_bytes() == new


@pytest.mark.parametrize("blocks", [0, 1, 50])
def test_a_full_disk_leaves_the_older_archive(folder, blocks):
    """The system refuses a file of more than so many blocks: at 0 the archive, at 50 what is unpacked."""
    enlarge(folder)
    add(folder, "from . import noise")
    add(folder, "# {:x}".format(random.Random(0).getrandbits(8000)), module="noise")  # 1 kB, however packed
    limited = "ulimit -f {}; exec sh \"$0\"".format(blocks)
    done = subprocess.run(["sh", "-c", limited, str(folder / "handin.sh")],
                          env={**os.environ, "PYTHON": sys.executable},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert done.stderr.endswith("handin.sh: no new handin.tar was made\n")
    assert_nothing_made(folder)
    assert hand_in(folder).endswith("handin.tar is ready: submit it to Autolab.\n")


@pytest.mark.parametrize("command", ["mkdir", "tar", "mv"])
def test_a_step_without_permission_leaves_the_older_archive(folder, command, tmp_path):
    """mkdir, tar and mv are replaced by ones that are refused: root would be allowed anything."""
    stub = tmp_path / "bin" / command
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\necho {}: Permission denied >&2\nexit 1\n".format(command))
    stub.chmod(0o755)
    done = run(folder / "handin.sh", PATH="{}:{}".format(stub.parent, os.environ["PATH"]))
    assert done.returncode != 0
    assert done.stderr == "{}: Permission denied\nhandin.sh: no new handin.tar was made\n".format(command)
    assert_nothing_made(folder)
