"""Find the names that NumPy and Python have removed since 2018 in source code of that time.

Nothing but the standard library is imported: handin.sh runs this without NumPy.
"""

import ast
import collections
import collections.abc
import warnings

Use = collections.namedtuple("Use", "line name replacement")  # name: as it is written, np.int

# {module: {name: what to write instead}}
REPLACEMENTS = {
    "numpy": {
        "int": "int",
        "float": "float",
        "bool": "bool",
        "object": "object",
        "str": "str",
        "complex": "complex",
        "long": "int",
        "unicode": "str",
        "int0": "np.intp",
        "uint0": "np.uintp",
        "bool8": "np.bool_",
        "float_": "np.float64",
        "longfloat": "np.longdouble",
        "complex_": "np.complex128",
        "cfloat": "np.complex128",
        "singlecomplex": "np.complex64",
        "string_": "np.bytes_",
        "unicode_": "np.str_",
        "typeDict": "np.sctypeDict",
        "Inf": "np.inf",
        "Infinity": "np.inf",
        "infty": "np.inf",
        "PINF": "np.inf",
        "NINF": "-np.inf",
        "NaN": "np.nan",
        "NAN": "np.nan",
        "PZERO": "0.0",
        "NZERO": "-0.0",
        "alen": "len",
        "alltrue": "np.all",
        "asfarray": "np.asarray(a, dtype=float)",
        "asscalar": "a.item()",
        "cumproduct": "np.cumprod",
        "in1d": "np.isin",
        "mat": "np.asmatrix",
        "msort": "np.sort(a, axis=0)",
        "product": "np.prod",
        "rank": "np.ndim",
        "round_": "np.round",
        "row_stack": "np.vstack",
        "sometrue": "np.any",
        "trapz": "np.trapezoid",
        "math": "math, after `import math`",
        "os": "os, after `import os`",
        "sys": "sys, after `import sys`",
        "warnings": "warnings, after `import warnings`",
        "AxisError": "np.exceptions.AxisError",
        "ComplexWarning": "np.exceptions.ComplexWarning",
        "RankWarning": "np.exceptions.RankWarning",
        "VisibleDeprecationWarning": "np.exceptions.VisibleDeprecationWarning",
    },
    "collections": {name: f"collections.abc.{name}" for name in collections.abc.__all__},
    "fractions": {"gcd": "math.gcd"},
    "inspect": {"getargspec": "inspect.getfullargspec"},
    "time": {"clock": "time.perf_counter"},
}
# {method of an array: what to write instead}
METHODS = {"itemset": "a[i] = value", "ptp": "np.ptp(a)", "tostring": "a.tobytes()"}
# {module: what to import instead}
MODULES = {"distutils": "another module", "imp": "importlib"}


def find(source):
    """Return a Use for the first occurrence of each removed name.

    source: str, bytes, or the syntax tree that ast.parse returns. Raises SyntaxError, or ValueError
    for null bytes, if a source cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a string such as "\\s"
        tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    modules = _collect_modules(nodes)
    uses = []
    for node in nodes:
        if isinstance(node, ast.Attribute):
            uses += _find_in_attribute(node, modules)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            uses += _find_in_import(node)
        elif isinstance(node, ast.Import):
            tops = [alias.name.split(".")[0] for alias in node.names]
            uses += [Use(node.lineno, top, MODULES[top]) for top in tops if top in MODULES]
    first = {}
    for use in sorted(uses):
        first.setdefault(use.name, use)
    return list(first.values())


def _collect_modules(nodes):
    """Return {name in the source: name of the module} for each `import module as name`."""
    modules = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
    return modules


def _find_in_attribute(node, modules):
    """Return the Use that `np.int` or `a.itemset` is, in a list, or an empty one."""
    owner = node.value.id if isinstance(node.value, ast.Name) else None
    if owner in modules:
        removed = REPLACEMENTS.get(modules[owner], {})
        if node.attr in removed:
            return [Use(node.lineno, f"{owner}.{node.attr}", removed[node.attr])]
    elif node.attr in METHODS:
        return [Use(node.lineno, f"ndarray.{node.attr}", METHODS[node.attr])]
    return []


def _find_in_import(node):
    """Return the Uses in `from collections import Iterable`."""
    top = node.module.split(".")[0]
    if top in MODULES:
        return [Use(node.lineno, top, MODULES[top])]
    removed = REPLACEMENTS.get(node.module, {})
    return [Use(node.lineno, f"{node.module}.{alias.name}", removed[alias.name])
            for alias in node.names if alias.name in removed]
