#!/bin/sh
# Make handin.tar, the archive to submit to Autolab: hw1/hw1.py and the modules of hw1/ that it imports.
#
#     ./handin.sh                           from any folder
#     PYTHON=path/to/python ./handin.sh     with a Python of your choice (3.9 or newer, with NumPy)
#
# Without PYTHON it uses the Python of the active environment, of .venv in this folder, or python3.
# hw1/handin.py does the work: it says what it checks.
set -eu

find_python() {  # prints the path of the Python $1; fails with an error if it is not suitable
    "$1" -E -c 'import sys
del sys.path[0]  # the current folder may hold a numpy.py
if sys.version_info < (3, 9):
    sys.exit("handin.sh: %s is Python %d.%d" % ((sys.executable,) + sys.version_info[:2]))
import importlib.util
if not importlib.util.find_spec("numpy"):
    sys.exit("handin.sh: %s has no NumPy" % sys.executable)
print(sys.executable)'
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for candidate in "${VIRTUAL_ENV:-/none}/bin/python" "${CONDA_PREFIX:-/none}/bin/python" "$here/.venv/bin/python" python3; do
    if [ -z "${PYTHON:-}" ] && find_python "$candidate" >/dev/null 2>&1; then
        PYTHON=$candidate
    fi
done
python=$(find_python "${PYTHON:-python3}") || {
    echo "handin.sh: set PYTHON to the path of Python 3.9 or newer with NumPy, or activate its environment" >&2
    exit 1
}
cd "$here"
# -I and -S: no module of this folder, and no installed one, can hide one of Python's. -B: nothing but handin.tar is made.
exec "$python" -I -S -B -W ignore hw1/handin.py
