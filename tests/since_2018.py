"""Provide the names that NumPy and Python have dropped since 2018, for homework written then.

restore gives them back to this process, find lists those that a source uses, and advice says what
to write instead.
"""

import ast
import collections
import collections.abc
import fractions
import inspect
import math
import os
import sys
import time
import warnings

import numpy as np

Use = collections.namedtuple("Use", "line name replacement")  # name as written: np.int
ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def asscalar(a):
    """Return the only element of an array, as np.asscalar did."""
    return np.asarray(a).item()


def asfarray(a, dtype=np.float64):
    """Return an array of floats, as np.asfarray did."""
    if not np.issubdtype(dtype, np.inexact):
        dtype = np.float64
    return np.asarray(a, dtype)


def msort(a):
    """Return a copy sorted along the first axis, as np.msort did."""
    return np.sort(a, axis=0)


def getargspec(func):
    """Return (args, varargs, keywords, defaults), as inspect.getargspec did."""
    return ArgSpec(*inspect.getfullargspec(func)[:4])


ABSTRACT_CLASSES = """AsyncGenerator AsyncIterable AsyncIterator Awaitable Callable Collection
Container Coroutine Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView
MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView""".split()

# {module: {name: (what to write instead, what restore provides)}}
NAMES = {
    np: {
        "int": ("int", int),
        "float": ("float", float),
        "bool": ("bool", bool),
        "object": ("object", object),
        "str": ("str", str),
        "complex": ("complex", complex),
        "long": ("int", int),
        "unicode": ("str", str),
        "int0": ("np.intp", np.intp),
        "uint0": ("np.uintp", np.uintp),
        "bool8": ("np.bool_", np.bool_),
        "float_": ("np.float64", np.float64),
        "longfloat": ("np.longdouble", np.longdouble),
        "complex_": ("np.complex128", np.complex128),
        "cfloat": ("np.complex128", np.complex128),
        "singlecomplex": ("np.complex64", np.complex64),
        "string_": ("np.bytes_", np.bytes_),
        "unicode_": ("np.str_", np.str_),
        "typeDict": ("np.sctypeDict", np.sctypeDict),
        "Inf": ("np.inf", np.inf),
        "Infinity": ("np.inf", np.inf),
        "infty": ("np.inf", np.inf),
        "PINF": ("np.inf", np.inf),
        "NINF": ("-np.inf", -np.inf),
        "NaN": ("np.nan", np.nan),
        "NAN": ("np.nan", np.nan),
        "PZERO": ("0.0", 0.0),
        "NZERO": ("-0.0", -0.0),
        "alen": ("len", len),
        "alltrue": ("np.all", np.all),
        "asfarray": ("np.asarray(a, dtype=float)", asfarray),
        "asscalar": ("a.item()", asscalar),
        "cumproduct": ("np.cumprod", np.cumprod),
        "in1d": ("np.isin", np.isin),
        "mat": ("np.asmatrix", np.asmatrix),
        "msort": ("np.sort(a, axis=0)", msort),
        "product": ("np.prod", np.prod),
        "rank": ("np.ndim", np.ndim),
        "round_": ("np.round", np.round),
        "row_stack": ("np.vstack", np.vstack),
        "sometrue": ("np.any", np.any),
        "trapz": ("np.trapezoid", getattr(np, "trapezoid", None)),  # since NumPy 2.0
        "math": ("math, after `import math`", math),
        "os": ("os, after `import os`", os),
        "sys": ("sys, after `import sys`", sys),
        "warnings": ("warnings, after `import warnings`", warnings),
    },
    collections: {name: (f"collections.abc.{name}", getattr(collections.abc, name))
                  for name in ABSTRACT_CLASSES},
    fractions: {"gcd": ("math.gcd", math.gcd)},
    inspect: {"getargspec": ("inspect.getfullargspec", getargspec)},
    time: {"clock": ("time.perf_counter", time.perf_counter)},
}
WARNINGS = ("AxisError", "ComplexWarning", "RankWarning", "VisibleDeprecationWarning")
if hasattr(np, "exceptions"):  # since NumPy 1.25
    for _name in WARNINGS:
        if hasattr(np.exceptions, _name):
            NAMES[np][_name] = (f"np.exceptions.{_name}", getattr(np.exceptions, _name))

# NumPy's arrays take no new methods, and a whole module is too much to provide.
METHODS = {"itemset": "a[i] = value", "ptp": "np.ptp(a)", "tostring": "a.tobytes()"}
MODULES = {"distutils": "another module", "imp": "importlib"}


def restore():
    """Provide the dropped names in this process; a module that has a name keeps its own."""
    for module, names in NAMES.items():
        for name, (_, value) in names.items():
            if name not in vars(module):  # hasattr may warn of a name that is about to go
                setattr(module, name, value)


def find(source):
    """Return a Use for each dropped name in a source, str or bytes, where it comes first."""
    tree = ast.parse(source)
    modules = _collect_modules(tree)
    uses = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            uses += _find_in_attribute(node, modules)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            uses += _find_in_import(node)
        elif isinstance(node, ast.Import):
            tops = [alias.name.split(".")[0] for alias in node.names]
            uses += [Use(node.lineno, top, MODULES[top]) for top in tops if top in MODULES]
    first = {use.name: use for use in sorted(uses, reverse=True)}
    return sorted(first.values())


def advice(source):
    """Return a line for each dropped name that a source uses: where, and what to write instead."""
    lines = []
    for use in find(source):
        gone = "is gone" if can_restore(use) else "is gone, and cannot be provided here"
        lines.append(f"line {use.line}: {use.name} {gone}: write {use.replacement}")
    return lines


def can_restore(use):
    """Return whether restore provides the name of a Use."""
    return not use.name.startswith("ndarray.") and use.name not in MODULES


def _collect_modules(tree):
    """Return {name in the source: name of the module} of all `import module as name`."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
    return modules


def _find_in_attribute(node, modules):
    """Return the Use that `np.int` or `a.itemset` is, in a list, or an empty one."""
    owner = node.value.id if isinstance(node.value, ast.Name) else None
    if owner in modules:
        dropped = _list_dropped(modules[owner])
        if node.attr in dropped:
            return [Use(node.lineno, f"{owner}.{node.attr}", dropped[node.attr][0])]
    elif node.attr in METHODS:
        return [Use(node.lineno, f"ndarray.{node.attr}", METHODS[node.attr])]
    return []


def _find_in_import(node):
    """Return the Uses in `from collections import Iterable`."""
    top = node.module.split(".")[0]
    if top in MODULES:
        return [Use(node.lineno, top, MODULES[top])]
    dropped = _list_dropped(node.module)
    return [Use(node.lineno, f"{node.module}.{alias.name}", dropped[alias.name][0])
            for alias in node.names if alias.name in dropped]


def _list_dropped(module):
    """Return what NAMES has of a module, by the module's name."""
    return {each.__name__: names for each, names in NAMES.items()}.get(module, {})
