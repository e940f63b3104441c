"""Keeps hw1.py at Python 3.5, the course's, and at NumPy 1.11, which came out within half a year of it.

The table holds all of NumPy that hw1.py uses, by the version in which it came, and is compared with it.
"""

import ast
import pathlib

import numpy as np
import pytest

SOURCE = (pathlib.Path(__file__).resolve().parents[2] / "hw1" / "hw1.py").read_text(encoding="utf-8")

# .name is an attribute or method of an array, a dtype or a finfo; name(argument=) an argument by keyword.
USED = {
    "1.0": """np.abs np.add np.arange np.array_split np.asarray np.empty np.empty(dtype=) np.errstate
        np.errstate(invalid=) np.errstate(over=) np.exp np.eye np.finfo np.float32 np.float64 np.int64 np.integer
        np.isfinite np.log1p np.maximum np.minimum np.newaxis np.ones np.random np.random.normal np.random.shuffle
        np.sqrt np.tanh np.uint8 np.zeros np.zeros(dtype=) np.zeros_like
        .T .all .argmax .argmax(axis=) .astype .copy .dtype .kind .max .maxexp .min .ndim .put .reshape .shape .size
        .sum .sum(dtype=) .take .take(axis=) .tiny .trace""",
    "1.6": "np.promote_types",
    "1.7": ".astype(copy=)",
    "1.8": "np.add.at",
    "1.10": "np.broadcast_to @",
}

BUILTINS_SINCE_3_5 = {"ModuleNotFoundError", "breakpoint", "aiter", "anext", "EncodingWarning",
                      "ExceptionGroup", "BaseExceptionGroup", "PythonFinalizationError"}
METHODS_SINCE_3_5 = {"isascii", "removeprefix", "removesuffix", "bit_count"}
SYNTAX_SINCE_3_5 = {"JoinedStr", "AnnAssign", "NamedExpr", "Match", "TryStar", "TypeAlias"}


# ---- NumPy -------------------------------------------------------------------------------------------------

def numpy_name(node, own):
    """Return what node, an ast.Attribute, names: np.name, .name of something of NumPy's, or None."""
    names = [node.attr]
    while isinstance(node.value, ast.Attribute):
        node = node.value
        names.insert(0, node.attr)
    if isinstance(node.value, ast.Name) and node.value.id == "np":
        return ".".join(["np"] + names)
    belongs = any(hasattr(kind, names[-1]) for kind in (np.ndarray, np.dtype, np.finfo(float)))
    return "." + names[-1] if belongs and names[-1] not in own and not names[-1].startswith("_") else None


def numpy_uses(source):
    """Return what source uses of NumPy, imported as np, in the form of the table.

    An attribute that source sets on an object of its own, like BatchNorm's mean, is not taken for an array's.
    """
    nodes = list(ast.walk(ast.parse(source)))
    own = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    uses = {"@" for node in nodes if isinstance(node, ast.MatMult)}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            uses.add(numpy_name(node, own))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = numpy_name(node.func, own)
            uses.update("{}({}=)".format(name, keyword.arg) for keyword in node.keywords if name)
    return uses - {None}


def test_the_table_is_what_hw1_uses_of_numpy():
    listed = [name for names in USED.values() for name in names.split()]
    assert sorted(listed) == sorted(numpy_uses(SOURCE))


def test_nothing_of_numpy_is_later_than_1_11():
    assert max([int(part) for part in version.split(".")] for version in USED) <= [1, 11]


@pytest.mark.parametrize("source, uses", [
    ("np.linalg.norm(x)", {"np.linalg.norm", "np.linalg"}),
    ("y = x.sum(where=m)", {".sum", ".sum(where=)"}),
    ("x @ y", {"@"}),
    ("x @= y", {"@"}),
    ("x.dtype.itemsize", {".dtype", ".itemsize"}),
    ("self.mean = 1; f(self.mean)", set()),
    ("os.path.join(a)", set()),
])
def test_uses_are_found(source, uses):
    assert numpy_uses(source) == uses


# ---- Python ------------------------------------------------------------------------------------------------

def newer_than_3_5(source):
    """Return what source needs that Python 3.5 lacks: a list of names."""
    try:
        ast.parse(source, feature_version=(3, 5))
    except SyntaxError as error:
        return [error.msg]
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [type(node).__name__] * (type(node).__name__ in SYNTAX_SINCE_3_5)
        if isinstance(node, ast.Name) and node.id in BUILTINS_SINCE_3_5:
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in METHODS_SINCE_3_5:
            found.append(node.attr)
        elif isinstance(node, ast.arguments) and node.posonlyargs:
            found.append("a positional-only parameter")
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            found.append("strict=")
    return found


def test_hw1_needs_nothing_newer_than_python_3_5():
    assert newer_than_3_5(SOURCE) == []


@pytest.mark.parametrize("source", [
    "f'{x}'", "x: int = 1", "(x := 1)", "def f(a, /): pass", "1_000", "x.removeprefix('a')",
    "zip(a, b, strict=True)", "breakpoint()",
])
def test_what_is_newer_than_python_3_5_is_found(source):
    assert len(newer_than_3_5(source)) == 1


def test_hw1_imports_numpy_alone():
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.dump(node) for node in imports] == [ast.dump(ast.parse("import numpy as np").body[0])]
