"""Make handin.tar, the archive to submit to Autolab: hw1/hw1.py and the modules that it imports.

handin.sh runs this file in the top folder. It imports the modules in an otherwise empty folder, as
the autograder does. A submission that an autograder of 2018 could not take is refused: an error
says why, the exit status is 1, and an older handin.tar stays as it was. At the end, tests/grader
grades the archive, if it is there.
"""

import ast
import io
import os
import pathlib
import re
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from importlib.machinery import PathFinder

# At the end of the path: these folders may hold a gzip.py. Not `from hw1 import errors`: that would
# run an hw1/__init__.py, which may be part of the submission.
HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

import errors  # noqa: E402
from data import files, removed_names, streams  # noqa: E402

IMPORT_TIMEOUT = 60  # seconds
NAMES = ("Activation", "Identity", "Sigmoid", "Tanh", "ReLU", "Criterion", "SoftmaxCrossEntropy",
         "BatchNorm", "random_normal_weight_init", "zeros_bias_init", "MLP", "get_training_stats")
STDLIB = sysconfig.get_path("stdlib")
# Modules of the standard library that Python 3.5 lacks.
NEW_MODULES = ("contextvars", "dataclasses", "graphlib", "secrets", "tomllib", "zoneinfo")
# Python 3.5 lacks these, but some versions of ast.parse accept them with its feature_version.
NEW_SYNTAX = {ast.JoinedStr: "an f-string", ast.NamedExpr: "a :="}
IMPORTED = "\nimported:\n"  # between what the import prints and the names
IMPORT = f"from hw1 import hw1; print({IMPORTED!r}, *vars(hw1))"


def collect():
    """Return {path: content} of hw1/hw1.py, the modules of hw1/ that it imports, and theirs.

    Raises errors.Failure if one is missing, or cannot work in the autograder's Python 3.5.
    """
    contents = {}
    needed = {"hw1/hw1.py": "your solution belongs there"}  # {path: why it is needed}
    while needed:
        path, reason = needed.popitem()
        if not os.path.isfile(path):
            raise errors.Failure(f"{path} is missing: {reason}")
        contents[path] = pathlib.Path(path).read_bytes()
        for node in ast.walk(_parse(path, contents[path])):
            for name in _find_imports(node):
                parts = name.split(".")
                if parts[0] != "hw1":
                    _check_package(parts[0], f"{path}, line {node.lineno}")
                    continue
                module = parts[1] if len(parts) > 1 else "__init__"
                imported = f"hw1/{module}.py"
                if imported not in contents:
                    needed[imported] = f"{path} imports it in line {node.lineno}"
    return contents


def _parse(path, content):
    """Return the syntax tree of a module; errors.Failure unless it is valid in Python 3.5."""
    try:
        tree = ast.parse(content)
        compile(tree, path, "exec")  # a `return` outside a function is an error only here
        for node in ast.walk(tree):
            feature = _find_new_syntax(node)
            if feature:
                raise SyntaxError(f"{feature} is newer", (path, node.lineno, None, None))
        ast.parse(content, feature_version=(3, 5))
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, as in UTF-16
        line = getattr(error, "lineno", None) or 1
        reason = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        raise errors.Failure(
            f"{path}, line {line}: {reason}; the autograder has Python 3.5") from error
    return tree


def _find_new_syntax(node):
    """Return the name of the syntax in node that Python 3.5 lacks, otherwise None."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        if "annotations" in [alias.name for alias in node.names]:
            return "annotations from __future__"
    has_arguments = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    if has_arguments and node.args.posonlyargs:
        return "a positional-only parameter"
    return NEW_SYNTAX.get(type(node))


def _find_imports(node):
    """Return the dotted names of the modules that node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    module = node.module
    if node.level > 0:
        module = f"hw1.{node.module}" if node.module else "hw1"
    if module == "hw1":
        return [f"hw1.{alias.name}" for alias in node.names]
    return [module]


def _check_package(package, place):
    """Raise errors.Failure unless package is NumPy or in the standard library of Python 3.5."""
    if package == "numpy" or package in sys.builtin_module_names:
        return
    in_stdlib = PathFinder.find_spec(package, [STDLIB, f"{STDLIB}/lib-dynload"])
    if in_stdlib and package not in NEW_MODULES:
        return
    hint = ""
    if os.path.isfile(f"hw1/{package}.py"):
        hint = f": import it as hw1.{package}"
    raise errors.Failure(f"{place}: imports {package}, which the autograder lacks{hint}")


def find_removed_names(contents):
    """Return (path, line, name, replacement) of each removed name that the modules use."""
    found = []
    for path, content in contents.items():
        for line, name, replacement in removed_names.find(content):
            found.append((path, line, name, replacement))
    return found


def check_import(contents, removed):
    """Import hw1.hw1 as the autograder does.

    removed: the result of find_removed_names.

    Returns None, or the removed name at which the import stopped: the autograder still has it.
    Raises errors.Failure if the import fails otherwise, prints or takes too long, or if hw1.hw1
    lacks a name.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder).resolve()
        (folder / "hw1").mkdir()
        (folder / "hw1" / "__init__.py").touch()  # so that no installed hw1 is imported instead
        for path, content in contents.items():
            (folder / path).write_bytes(content)
        try:
            done = subprocess.run(
                [sys.executable, "-E", "-c", IMPORT], cwd=folder, timeout=IMPORT_TIMEOUT,
                stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace")
        except subprocess.TimeoutExpired as error:
            raise errors.Failure(
                f"the import of hw1/hw1.py takes more than {IMPORT_TIMEOUT} seconds, and the "
                "autograder imports it, too: move training and tests into functions, or below "
                '`if __name__ == "__main__":`') from error
    printed, imported, names = done.stdout.rpartition(IMPORTED)
    trace = done.stderr.replace(f"{folder}{os.sep}", "")
    if not imported:
        cause = _find_cause(trace, removed)
        if cause is not None:
            return cause
        if not trace:
            trace = f"it ends Python with exit status {done.returncode}"
        raise errors.Failure(f"the import of hw1/hw1.py fails, also in the autograder:\n{trace}")
    if printed:
        raise errors.Failure(
            f"hw1/hw1.py prints when it is imported: {printed.splitlines()[0]}")
    missing = [name for name in NAMES if name not in names.split()]
    if missing:
        raise errors.Failure("hw1/hw1.py lacks names that the autograder imports: "
                             + ", ".join(missing))
    return None


def _find_cause(trace, removed):
    """Return the removed name that the error at the end of trace is about, otherwise None."""
    for path, line, name, _ in removed:
        message = rf"^(Attribute|Import)Error: .*\b{re.escape(name.split('.')[-1])}\b"
        if f'"{path}", line {line},' in trace and re.search(message, trace, re.MULTILINE):
            return name
    return None


def pack(contents):
    """Return a gzipped tar archive of the modules as bytes; everybody may read its members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in sorted(contents.items()):
            member = tarfile.TarInfo(path)
            member.mode = 0o644
            member.size = len(content)
            member.mtime = int(time.time())
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def report(contents, removed, cause):
    """Print the members of handin.tar, the removed names, the score, and what to do next."""
    print("handin.tar holds", ", ".join(sorted(contents)), flush=True)
    for path, line, name, replacement in removed:
        print(f"{path}, line {line}: {name} has been removed since 2018: {replacement} works in "
              "old and new versions")
    if cause is not None:
        print(f"The import stopped at {cause}, which the autograder's NumPy and Python have.\n"
              "The rest was not checked: replace the name, and run handin.sh again.")
    if grade() == "0":
        print("handin.tar is ready, but it would score 0 points: fix this before you submit it.")
    else:
        print("handin.tar is ready: submit it to Autolab.")


def grade():
    """Print the score of handin.tar, and return its total as text; None without a grader."""
    if not os.path.isdir("tests/grader"):
        return None
    # -E: with PYTHONSAFEPATH, the grader would not be found.
    command = [sys.executable, "-E", "-m", "tests.grader", "handin.tar"]
    total = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            match = re.match(r" *Total +(\S+)", line)
            if match:
                total = match[1]
    return total


def main():
    """Make handin.tar in the current folder; return the exit status."""
    streams.prepare()
    try:
        contents = collect()
        removed = find_removed_names(contents)
        cause = check_import(contents, removed)
        files.write("handin.tar", pack(contents))
    except errors.Failure as failure:
        return _refuse(failure, 1)
    except OSError as error:
        return _refuse(f"{error.filename or 'handin.tar'}: {error.strerror}", 1)
    except KeyboardInterrupt:
        return _refuse("interrupted", 130)
    try:
        report(contents, removed, cause)
        sys.stdout.flush()
    except OSError as error:
        streams.give_up(error)  # the archive is made all the same
    except KeyboardInterrupt:
        return 130
    return 0


def _refuse(reason, status):
    print(f"handin.sh: {str(reason).rstrip()}", file=sys.stderr)
    print("handin.sh: no new handin.tar was made", file=sys.stderr)
    return status


if __name__ == "__main__":
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, signal.default_int_handler)
    sys.exit(main())
