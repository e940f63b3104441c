"""hw1/errors.py: which errors of a hw1.py are explained, and how."""

import pytest

from hw1 import errors


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
     "helper.py, line 1: numpy.rank has been removed: write np.ndim"),
    ("hw1.hw1", "def f(x):\n    raise NotImplementedError\nf(1)",
     "hw1.py: f is not implemented yet (line 2)"),
    ("hw1.hw1", "\nraise NotImplementedError", "hw1.py is not implemented yet (line 2)"),
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
