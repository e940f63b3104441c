"""Provide the names that NumPy and Python have removed since 2018, for homework written then.

restore defines them again in this process; advice says what to write instead.
"""

import importlib
import inspect
import math
import os
import pkgutil
import sys
import warnings

import numpy as np

from data.removed_names import MODULES, REPLACEMENTS, find


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
    return inspect.getfullargspec(func)[:4]


# {module: {name: its value}} of the names whose replacement is not simply another name.
VALUES = {
    "numpy": {
        "NINF": -np.inf,
        "PZERO": 0.0,
        "NZERO": -0.0,
        "asfarray": asfarray,
        "asscalar": asscalar,
        "msort": msort,
        "math": math,
        "os": os,
        "sys": sys,
        "warnings": warnings,
    },
    "inspect": {"getargspec": getargspec},
}


def restore():
    """Provide the removed names in this process; a module that has a name keeps its own."""
    for module_name, names in REPLACEMENTS.items():
        module = importlib.import_module(module_name)
        values = VALUES.get(module_name, {})
        for name, replacement in names.items():
            if name in vars(module):  # hasattr may warn of deprecation
                continue
            value = values[name] if name in values else _resolve(replacement)
            setattr(module, name, value)


def _resolve(replacement):
    """Return the object that a replacement names: np.inf, int, or collections.abc.Mapping."""
    if "." not in replacement:
        return pkgutil.resolve_name(f"builtins.{replacement}")
    return pkgutil.resolve_name(replacement.replace("np.", "numpy.", 1))


def advice(source):
    """Return a line for each removed name that a source uses: where, and what to write instead.

    source: str, bytes, or the syntax tree that ast.parse returns. Raises SyntaxError, or ValueError
    for null bytes, if a source cannot be parsed.
    """
    lines = []
    for use in find(source):
        gone = "was removed after 2018"
        if not can_restore(use):
            gone += " and cannot be provided here"
        lines.append(f"line {use.line}: {use.name} {gone}: write {use.replacement}")
    return lines


def can_restore(use):
    """Return whether restore provides the name of a Use."""
    return not use.name.startswith("ndarray.") and use.name not in MODULES
