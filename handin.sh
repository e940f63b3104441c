#!/bin/sh
# Makes handin.tar, the archive to submit to Autolab: hw1/hw1.py and the modules of hw1/ that it imports.
#
#     ./handin.sh                           from any folder
#     PYTHON=path/to/python ./handin.sh     with a Python of your choice (3.9 or newer, with NumPy)
#
# Without PYTHON it takes the active environment's, or .venv's beside it, or python3. It imports what it packs
# in an empty folder, as the grader does. What a grader of 2018 could not take is refused: it says why, ends
# with status 1 and leaves an older handin.tar as it was. At the end it grades what it has made.
set -eu

suits() {  # prints the path of a Python, or says what it lacks
    "$1" -E -c 'import sys
del sys.path[0]  # the folder you are in: a numpy.py may lie there
if sys.version_info < (3, 9):
    sys.exit("handin.sh: %s is Python %d.%d" % ((sys.executable,) + sys.version_info[:2]))
import importlib.util
if not importlib.util.find_spec("numpy"):
    sys.exit("handin.sh: %s has no NumPy" % sys.executable)
print(sys.executable)'
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for candidate in "${VIRTUAL_ENV:-/none}/bin/python" "${CONDA_PREFIX:-/none}/bin/python" "$here/.venv/bin/python" python3; do
    [ -n "${PYTHON:-}" ] || ! suits "$candidate" >/dev/null 2>&1 || PYTHON=$candidate
done
python=$(suits "${PYTHON:-python3}") || {
    echo "handin.sh: set PYTHON to the path of Python 3.9 or newer with NumPy, or activate its environment" >&2
    exit 1
}
cd "$here"

# All is made in $work, on the file system of handin.tar: the mv at the end is then a rename.
work=handin.$$.partial
trap '[ $? -eq 0 ] || echo "handin.sh: no new handin.tar was made" >&2; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$work/hw1"

"$python" -I -W ignore - "$work" <<'END_OF_PYTHON'
import ast, os, shutil, subprocess, sys, sysconfig, tarfile
from importlib.machinery import PathFinder

STDLIB = [sysconfig.get_path("stdlib"), sysconfig.get_path("stdlib") + "/lib-dynload"]
NEW_MODULES = "contextvars dataclasses graphlib secrets tomllib zoneinfo".split()  # since Python 3.5
NEW_SYNTAX = {ast.JoinedStr: "an f-string", ast.NamedExpr: "a :="}  # which ast.parse overlooks in some versions
NAMES = """Activation Identity Sigmoid Tanh ReLU Criterion SoftmaxCrossEntropy BatchNorm MLP
random_normal_weight_init zeros_bias_init get_training_stats""".split()
IMPORT = """import os, sys
from hw1 import hw1
if not hw1.__file__.startswith(os.getcwd()):
    sys.exit("handin.sh: " + hw1.__file__ + " hides the hw1/hw1.py of the archive: uninstall that hw1")
missing = [name for name in sys.argv[1:] if not hasattr(hw1, name)]
if missing:
    sys.exit("handin.sh: hw1/hw1.py lacks what the grader imports from it: " + ", ".join(missing))
print("\\nimported")
"""


def newer(node):
    """What in a node is newer than Python 3.5, or None."""
    if getattr(node, "module", None) == "__future__" and "annotations" in [alias.name for alias in node.names]:
        return "annotations from __future__"
    if getattr(getattr(node, "args", None), "posonlyargs", None):
        return "a positional-only parameter"
    return NEW_SYNTAX.get(type(node))


def imports(node):
    """What a node imports: pairs of a package, and a module of it or "" for the package itself."""
    names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
    if isinstance(node, ast.ImportFrom):
        module = ".".join(["hw1"] * bool(node.level) + [node.module] * bool(node.module))
        names = [f"hw1.{name}" for name in names] if module == "hw1" else [module]
    return [f"{name}.".split(".")[:2] for name in names]


work, paths = sys.argv[1], ["hw1/hw1.py"]
try:
    for path in paths:  # which grows
        if not os.path.isfile(path):
            sys.exit(f"handin.sh: {path} is missing: {'your solution belongs there' if path == paths[0] else where}")
        shutil.copyfile(path, os.path.join(work, path))
        try:
            tree = ast.parse(open(path, "rb").read())
            compile(tree, path, "exec")
            for node in filter(newer, ast.walk(tree)):
                raise SyntaxError(f"{newer(node)} is newer", (path, node.lineno, None, None))
            ast.parse(open(path, "rb").read(), feature_version=(3, 5))
        except (SyntaxError, ValueError) as error:  # ValueError: null bytes, as in a file saved as UTF-16
            line, why = getattr(error, "lineno", None) or 1, f"{type(error).__name__}: {getattr(error, 'msg', error)}"
            sys.exit(f"handin.sh: {path}, line {line}: {why}; the grader has Python 3.5")
        for node in ast.walk(tree):
            for package, module in imports(node):
                where, needed = f"{path} imports it in line {node.lineno}", f"hw1/{module or '__init__'}.py"
                if package == "hw1":
                    paths += [needed] * (needed not in paths)
                elif package != "numpy" and (package in NEW_MODULES or not PathFinder.find_spec(package, STDLIB)
                                             and package not in sys.builtin_module_names):
                    hint = f": import it as hw1.{package}" if os.path.isfile(f"hw1/{package}.py") else ""
                    sys.exit(f"handin.sh: {path}, line {node.lineno}: imports {package}, which the grader lacks{hint}")
    done = subprocess.run([sys.executable, "-E", "-c", IMPORT, *NAMES], cwd=work, stdout=subprocess.PIPE)
    printed, imported, _ = done.stdout.decode(errors="replace").rpartition("\nimported\n")
    if not imported:
        sys.exit("handin.sh: hw1/hw1.py cannot be imported as the grader does")
    if printed:
        sys.exit("handin.sh: hw1/hw1.py prints when it is imported: " + printed.split("\n")[0])
    with tarfile.open(os.path.join(work, "handin.tar"), "w:gz") as archive:
        for path in sorted(paths):
            archive.add(os.path.join(work, path), path)
except OSError as error:
    sys.exit(f"handin.sh: {error.filename or 'handin.tar'}: {error.strerror}")
print("handin.tar holds", ", ".join(sorted(paths)))
END_OF_PYTHON
mv -f "$work/handin.tar" handin.tar
echo "handin.tar is ready: submit it to Autolab."

# What Autolab would say, where the grader is at hand. The archive is made, whatever the score.
[ ! -d tests/grader ] || "$python" -m tests.grader handin.tar || true
