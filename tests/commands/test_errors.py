"""hw1/errors.py: the removed names in a source, and the errors of a hw1.py that are explained."""

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


@pytest.fixture
def raise_error(tmp_path):
    """A function that runs a module of this name and source, and returns the error it raises."""
    def raise_error(name, source):
        path = tmp_path / f"{name.split('.')[-1]}.py"
        path.write_text(source)
        with pytest.raises(Exception) as raised:
            exec(compile(source, str(path), "exec"), {"__name__": name})
        return raised.value
    return raise_error


@pytest.mark.parametrize("name, source, expected", [
    ("hw1.hw1", "import numpy as np\nnp.rank(3)",
     "hw1.py, line 2: np.rank has been removed: write np.ndim"),
    ("hw1.helper", "from numpy import rank",
     "helper.py, line 1: rank has been removed: write np.ndim"),
    ("hw1.hw1", "def f(x):\n    raise NotImplementedError\nf(1)",
     "hw1.py: f is not implemented yet (line 2)"),
    ("hw1.hw1", "class A:\n    def f(self):\n        raise NotImplemented\nA().f()",
     "hw1.py: A.f is not implemented yet (line 3)"),
])
def test_an_error_is_explained(raise_error, name, source, expected):
    assert errors.describe(raise_error(name, source)) == expected


@pytest.mark.parametrize("name, source", [
    ("hw1.hw1", "import numpy as np\nf = lambda: np.rank; np.no_such_name"),
    ("hw1.hw1", "import numpy as np\nf = lambda: np.rank\ntype('A', (), {}).rank"),
    ("hw1.hw1", "import numpy as np\nf = lambda: np.rank; raise ValueError('rank')"),
    ("elsewhere", "import numpy as np\nnp.rank"),
    ("elsewhere", "raise NotImplementedError"),
    ("hw1.hw1", "raise ValueError"),
])
def test_another_error_is_not_explained(raise_error, name, source):
    assert errors.describe(raise_error(name, source)) is None


@pytest.mark.parametrize("name, replacement", errors.REMOVED_NAMES["numpy"].items())
def test_replacements_in_numpy_exist(name, replacement):
    np = pytest.importorskip("numpy")
    x = np.ones(1)
    assert eval(replacement, {"np": np, "x": x}) is not None
