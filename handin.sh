#!/bin/sh
# Makes handin.tar, the archive to submit to Autolab: hw1/hw1.py and the modules of hw1/ that it imports.
#
#     ./handin.sh                                  from any folder
#     PYTHON=.venv/bin/python path/to/handin.sh    with a Python of your choice (3.9 or newer, with NumPy)
#
# It unpacks the archive into an empty folder and imports it there as the grader does. What the grader would
# stumble over is refused: it says why, ends with status 1 and leaves an older handin.tar as it was. At the end
# it grades what it has made.
set -eu

refuse() {
    printf 'handin.sh: %s\n' "$1" >&2
    exit 1
}

# Asked before the cd: PYTHON may be relative to the folder you are in.
python=${PYTHON:-python3}
command -v "$python" >/dev/null ||
    refuse "there is no $python: install Python 3.9 or newer with NumPy, or set PYTHON to the path of one"
python=$("$python" -E -c '
import sys
if sys.version_info < (3, 9):
    sys.exit("handin.sh: %s is Python %d.%d: set PYTHON to the path of Python 3.9 or newer, with NumPy"
             % ((sys.executable,) + sys.version_info[:2]))
del sys.path[0]  # the folder you are in: a numpy.py may lie there
import importlib.util
if not importlib.util.find_spec("numpy"):
    sys.exit("handin.sh: %s has no NumPy (PYTHONPATH set aside): install it there,\n"
             "or set PYTHON to the path of a Python that has it" % sys.executable)
print(sys.executable)') || exit 1

CDPATH='' cd -- "$(dirname -- "$0")"
[ -f hw1/hw1.py ] || refuse "hw1/hw1.py is missing: your solution belongs in the folder hw1 beside handin.sh"

# Everything is made in $work, on the file system of handin.tar: the mv at the end is then a rename.
work=handin.$$.partial
finish() {
    status=$?
    rm -rf "$work"
    [ "$status" -eq 0 ] || echo "handin.sh: no new handin.tar was made" >&2
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work" "$work/unpacked"

# Read hw1.py and the modules it imports, without running them, and pack them.
"$python" -I -W ignore - "$work/handin.tar" <<'END'
import ast, gzip, importlib.machinery, io, os, sys, sysconfig, tarfile

STDLIB = [sysconfig.get_path("stdlib"), os.path.join(sysconfig.get_path("stdlib"), "lib-dynload")]
STDLIB_SINCE_3_5 = ["contextvars", "dataclasses", "graphlib", "secrets", "tomllib", "zoneinfo"]
# Looked for by hand, as ast.parse(feature_version=(3, 5)) overlooks them in one Python or another. Unseen by
# both: a comma after *args in a def, a bare * in return, yield or x[...], @ with any expression, continue in
# finally, async generators.
SYNTAX_SINCE_3_5 = {"JoinedStr": "an f-string", "AnnAssign": "an annotated variable", "NamedExpr": "a :="}


def refuse(path, line, reason):
    sys.exit(f"handin.sh: {path}, line {line}: {reason}")


def newer_syntax(node):
    if isinstance(node, (ast.FunctionDef, ast.Lambda)) and node.args.posonlyargs:
        return "a positional-only parameter"
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        names = [alias.name for alias in node.names]
        return "annotations from __future__" if "annotations" in names else None
    return SYNTAX_SINCE_3_5.get(type(node).__name__)


def parse(path, source):
    try:
        compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, as in a file saved as UTF-16
        line, message = getattr(error, "lineno", None) or 1, getattr(error, "msg", error)
        refuse(path, line, f"{type(error).__name__}: {message}")
    tree = ast.parse(source)
    for node in filter(newer_syntax, ast.walk(tree)):
        refuse(path, node.lineno, f"{newer_syntax(node)} is newer than Python 3.5, the grader's")
    try:
        ast.parse(source, feature_version=(3, 5))
    except SyntaxError as error:
        refuse(path, error.lineno, f"{error.msg}; the grader's is 3.5")
    return tree


def modules_named(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    name = ("hw1" + "." * node.level if node.level else "") + (node.module or "")
    return ["hw1." + alias.name for alias in node.names] if name in ("hw1", "hw1.") else [name]


def grader_has(package):
    return package in ["numpy", *sys.builtin_module_names] or (
        package not in STDLIB_SINCE_3_5 and importlib.machinery.PathFinder.find_spec(package, STDLIB))


sources, waiting = {}, ["hw1/hw1.py"]
while waiting:
    path = waiting.pop()
    with open(path, "rb") as file:
        sources[path] = file.read()
    for node in ast.walk(parse(path, sources[path])):
        for name in modules_named(node):
            package, *modules = name.split(".")
            needed = f"hw1/{modules[0] if modules else '__init__'}.py"
            if package != "hw1" and not grader_has(package):
                hint = f": import it as hw1.{package}" if os.path.isfile(f"hw1/{package}.py") else ""
                refuse(path, node.lineno, f"imports {package}, which the grader lacks{hint}")
            if package == "hw1" and not os.path.isfile(needed):
                refuse(path, node.lineno, f"imports {name}, and there is no file {needed}")
            if package == "hw1" and needed not in sources:
                waiting.append(needed)

packed = io.BytesIO()
with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
    for path, source in sorted(sources.items()):
        member = tarfile.TarInfo(path)
        member.size, member.mtime = len(source), int(os.path.getmtime(path))
        archive.addfile(member, io.BytesIO(source))
try:
    with open(sys.argv[1], "wb") as file:
        file.write(packed.getvalue())
except OSError as error:
    sys.exit(f"handin.sh: cannot write handin.tar ({error.strerror}): make room, and run it again")
END

# Import what was packed as the grader does. What it prints goes to a file.
tar -xzf "$work/handin.tar" -C "$work/unpacked"
(cd "$work/unpacked" && "$python" -E -B -) >"$work/printed" <<'END'
import os, sys, traceback

NAMES = """Activation Identity Sigmoid Tanh ReLU Criterion SoftmaxCrossEntropy BatchNorm
random_normal_weight_init zeros_bias_init MLP get_training_stats""".split()
here = os.getcwd() + os.sep
try:
    from hw1 import hw1
except BaseException as error:  # sys.exit() and Ctrl-C too: each would end the grader's run
    lines = [f"{frame.filename[len(here):]}, line {frame.lineno}"
             for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(here)]
    where = lines[-1] if lines else "from hw1 import hw1"
    sys.exit(f"handin.sh: {where}: {type(error).__name__}: {error}")
if hw1.__file__ != here + "hw1/hw1.py":
    sys.exit(f"handin.sh: {hw1.__file__} hides the hw1/hw1.py of the archive: uninstall that hw1")
missing = [name for name in NAMES if not hasattr(hw1, name)]
if missing:
    sys.exit(f"handin.sh: hw1/hw1.py lacks what the grader imports from it: {', '.join(missing)}")
END
[ ! -s "$work/printed" ] ||
    refuse "hw1/hw1.py prints when it is imported, which the grader would read: $(head -n 1 "$work/printed")"

echo "handin.tar holds"
tar -tzf "$work/handin.tar" | sed 's/^/    /'
echo "in $(($(wc -c <"$work/handin.tar"))) bytes."
mv -f "$work/handin.tar" handin.tar
echo "handin.tar is ready: submit it to Autolab."

# What Autolab would say, where the grader is at hand. The archive is made, whatever the score.
if [ -d tests/grader ]; then
    echo "Grading it:"
    "$python" -m tests.grader handin.tar || true
fi
