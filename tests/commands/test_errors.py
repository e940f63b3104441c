"""hw1/errors.py: which removed names a source uses. The commands' suites test the rest."""

import pytest

from hw1 import errors


@pytest.mark.parametrize("source, expected", [
    ("import numpy as np\nx = np.int", [(2, "np.int", "int")]),
    ("import numpy\nx = numpy.Inf", [(2, "numpy.Inf", "np.inf")]),
    ("from numpy import array, NaN as nan", [(1, "NaN", "np.nan")]),
    ("import collections as c\nx = c.Sized", [(2, "c.Sized", "collections.abc.Sized")]),
    ("from collections import Mapping", [(1, "Mapping", "collections.abc.Mapping")]),
    ("def f():\n    import time\n    time.clock()", [(3, "time.clock", "time.perf_counter")]),
    ("def f(x):\n    return np.float(x)\nimport numpy as np", [(2, "np.float", "float")]),
    ("import numpy as np\nnp.bool, np.int\n", [(2, "np.bool", "bool"), (2, "np.int", "int")]),
])
def test_removed_names_are_found_with_their_lines(source, expected):
    assert errors.find_removed_names(source) == expected


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
    assert errors.find_removed_names(source) == []


@pytest.mark.parametrize("name, replacement", errors.REMOVED_NAMES["numpy"].items())
def test_replacements_in_numpy_exist(name, replacement):
    np = pytest.importorskip("numpy")
    x = np.ones(1)
    assert eval(replacement, {"np": np, "x": x}) is not None
