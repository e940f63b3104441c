"""data/removed_names.py finds removed names in a source; tests/since_2018.py provides them."""

import subprocess
import sys

import numpy as np
import pytest

from data.removed_names import find
from tests import since_2018
from tests.commands.copies import ROOT

OLD = '''import collections, math, time
import numpy
import numpy as np
from collections import Iterable, OrderedDict
from numpy import product
import distutils.version

x = np.zeros(3, np.int) + np.inf
y = numpy.Inf
z = np.Inf + np.Inf
x.itemset(0, 1)
np.ptp(x)
collections.OrderedDict()
time.clock()
self.product = x.mat
'''


def run(*arguments):
    """Run Python with warnings as errors; return what it prints."""
    done = subprocess.run([sys.executable, "-W", "error", *arguments], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout


def test_removed_names_are_found_where_they_come_first():
    assert find(OLD) == [
        (4, "collections.Iterable", "collections.abc.Iterable"),
        (5, "numpy.product", "np.prod"),
        (6, "distutils", "another module"),
        (8, "np.int", "int"),
        (9, "numpy.Inf", "np.inf"),
        (10, "np.Inf", "np.inf"),
        (11, "ndarray.itemset", "a[i] = value"),
        (14, "time.clock", "time.perf_counter"),
    ]


@pytest.mark.parametrize("source, expected", [
    ("from numpy import array, NaN as nan", [(1, "numpy.NaN", "np.nan")]),
    ("import collections as c\nx = c.Sized", [(2, "c.Sized", "collections.abc.Sized")]),
    ("def f():\n    import time\n    time.clock()", [(3, "time.clock", "time.perf_counter")]),
    ("def f(x):\n    return np.float(x)\nimport numpy as np", [(2, "np.float", "float")]),
    ("import numpy as np\nif 1:\n    np.int\nnp.int", [(3, "np.int", "int")]),
    ("import numpy as np\nnp.bool, np.int\n", [(2, "np.bool", "bool"), (2, "np.int", "int")]),
])
def test_names_are_found_by_the_name_of_their_module(source, expected):
    assert find(source) == expected


@pytest.mark.parametrize("source", [
    "import numpy as np\nnp.int64, np.inf, np.bool_, np.linalg.norm",
    "import torch as np\nnp.float",
    "import numpy as np\nx.int, f().float, np.random.int",
    "import collections\ncollections.OrderedDict, collections.abc.Iterable",
    "from collections.abc import Iterable",
    "from . import Iterable",
    "from time import time as clock",
])
def test_other_names_are_not_found(source):
    assert find(source) == []


def test_advice_says_what_cannot_be_provided():
    assert since_2018.advice("import numpy as np\nx = np.int(1)\nx.itemset(2)\n") == [
        "line 2: np.int was removed after 2018: write int",
        "line 3: ndarray.itemset was removed after 2018 and cannot be provided here: "
        "write a[i] = value",
    ]


def test_todays_names_need_no_advice():
    source = (ROOT / "hw1" / "hw1.py").read_bytes()
    assert find(source) == []


def test_import_alone_changes_nothing():
    code = ("import collections, numpy, time\n"
            "names = [set(vars(module)) for module in (collections, numpy, time)]\n"
            "import tests.since_2018\n"
            "after = [set(vars(module)) for module in (collections, numpy, time)]\n"
            "for old, new in zip(names, after):\n"
            "    print(sorted(new - old - {'exceptions', 'abc'}))\n")
    assert run("-c", code) == "[]\n" * 3


def test_restored_names_work_without_a_warning():
    assert run("-m", "tests.commands.restore_names") == ""


def test_a_module_keeps_the_names_that_it_has():
    code = ("import time\n"
            "time.clock = 'its own'\n"
            "from tests import since_2018\n"
            "since_2018.restore()\n"
            "print(time.clock)\n")
    assert run("-c", code) == "its own\n"


def test_functions_match_the_removed_ones():
    assert since_2018.asscalar(np.array([[3.5]])) == 3.5
    assert since_2018.asfarray([1, 2], dtype=int).dtype == np.float64
    assert since_2018.asfarray([1, 2], dtype=np.float32).dtype == np.float32
    assert since_2018.msort([[2, 1], [1, 2]]).tolist() == [[1, 1], [2, 2]]
    spec = since_2018.getargspec(since_2018.asfarray)
    assert spec == (["a", "dtype"], None, None, (np.float64,))
