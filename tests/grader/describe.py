"""Reasons in plain English: how a value differs from what is right, and what an exception says."""

import dis
import linecache
import os
import re
import sys

import numpy as np

from tests import unfinished

LONGEST = 200  # characters of a submission's own message that are shown
# attributes with one number for each unit: (d,) and (1, d) are both right
PER_UNIT = ("b", "db", "gamma", "beta", "dgamma", "dbeta", "mean", "var", "running_mean",
            "running_var")
ADVISED = ("db", "dgamma", "dbeta")  # those for which (1, d) gets advice
# attributes that go together: where only one is wrong, the reason says that the other is right
PARTNERS = {"W": "b", "b": "W", "dW": "db", "db": "dW", "gamma": "beta", "beta": "gamma",
            "dgamma": "dbeta", "dbeta": "dgamma", "running_mean": "running_var",
            "running_var": "running_mean"}
# opcodes of a return statement
RETURNS = [dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in dis.opmap]


# ---- Values --------------------------------------------------------------------------------------

def describe_difference(values, m=None):
    """Return the first difference in a sentence, or None, and a list of lines of advice.

    values: {name: [value, expected]} or {name: [value, expected, value before the step]}.
    m: the batch size, which a wrong factor may be.
    """
    right = []
    advice = []
    for name, compared in values.items():
        if compared[0] is None:
            return f"{name} is None", []
    for name, value in values.items():
        reason = describe_value(name, *value, m=m, advice=advice)
        if reason is not None:
            return reason + _describe_right(name, right, values), []
        right.append(name)
    return None, advice


def describe_value(name, value, expected, before=None, m=None, advice=None):
    """Return what is wrong with a value: its type, shape, dtype or numbers; None if nothing is.

    name: the attribute first, then when or where, "dW[0] after step 1". before: the value before a
    step, or None. m: the batch size, or None. advice: a list, to which a line is appended if a
    strict grader would not accept the value.
    """
    if isinstance(expected, np.generic) and isinstance(value, np.generic):
        expected = np.asarray(expected)
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return f"{name} is of type {type(value).__name__}; a NumPy array is expected"
    value = np.asarray(value)  # a subclass may have operators of its own
    base = find_base(name)
    is_row = value.ndim == 1 or (value.ndim == 2 and len(value) == 1)
    if base in PER_UNIT and is_row and value.size == expected.size:
        if base in ADVISED and value.ndim == 2 and advice is not None:
            advice.append(f"{base} has shape (1, d); a strict grader compares with (d,)")
        value = value.reshape(expected.shape)
        if before is not None:
            before = np.reshape(before, expected.shape)
    if value.shape != expected.shape:
        has_dtype = value.dtype == expected.dtype
        if value.T.shape == expected.shape and has_dtype and _is_close(value.T, expected):
            return f"{name} is transposed: its shape is {value.shape} instead of {expected.shape}"
        return f"{name} has shape {value.shape}; the expected shape is {expected.shape}"
    if value.dtype != expected.dtype:
        return f"{name} has dtype {value.dtype}; the expected dtype is {expected.dtype}"
    if not np.all(np.isfinite(value)):
        return f"{name} contains {'nan' if np.any(np.isnan(value)) else 'inf'}"
    if _is_close(value, expected):
        return None
    return f"{name} {_measure(value, expected, before, m)}"


def _are_close(value, expected):
    """Return for each entry whether it is the expected one, up to rounding."""
    size = np.abs(expected)
    tolerance = 1e-9 + 1e-6 * size.max(initial=0) + 1e-5 * size
    return np.abs(value - expected) <= tolerance  # np.isclose takes five times as long


def _is_close(value, expected):
    return bool(np.all(_are_close(value, expected)))


def _measure(value, expected, before, m):
    """Return how a wrong value differs from the expected one: by a factor, or in which entry."""
    if before is not None and before.shape == expected.shape:
        moved = value - before
        expected_move = expected - before
        if not moved.any():
            return "is unchanged"
        factor = find_factor(moved, expected_move)
        if factor is not None and np.isclose(factor, -1):
            return "moves in the wrong direction"
        if factor is not None:
            return f"moves {factor:.4g} times as far as expected"
    elif not value.any():
        return "is 0 everywhere"
    else:
        factor = find_factor(value, expected)
        if factor is not None:
            return _describe_factor(factor, m)
        if value.ndim == 2 and value.shape[0] == value.shape[1] and _is_close(value.T, expected):
            return "is transposed"
    wrong = ~_are_close(value, expected)
    first = tuple(np.argwhere(wrong)[0].tolist())
    place = ", ".join(map(str, first))
    return (f"is wrong in {wrong.sum()} of {wrong.size} entries: [{place}] is {value[first]:.6g}, "
            f"expected {expected[first]:.6g}")


def find_factor(value, expected):
    """Return the factor such that value is factor * expected, or None if there is none."""
    square = np.sum(expected * expected)
    if value.size < 2 or square == 0:
        return None
    factor = np.sum(value * expected) / square
    return factor if _is_close(value, factor * expected) and abs(factor) > 1e-12 else None


def _describe_factor(factor, m):
    if np.isclose(factor, -1):
        return "has the wrong sign"
    if m and np.isclose(factor, m):
        return f"is {m} times the expected value, and the batch size is {m}: divide by it"
    if m and np.isclose(factor, 1 / m):
        return (f"is 1/{m} of the expected value, and the batch size is {m}: it is divided by it "
                "once too often")
    return f"is {factor:.6g} times the expected value"


def _describe_right(name, right, values):
    """Return "; dW[2] is right" if another layer's is, "; db is right" if the partner is, or "".

    right: the names before this one, whose values agree.
    """
    base = find_base(name)
    if base not in PARTNERS:
        return ""
    alike = [other for other in right if find_base(other) == base]
    if alike and base[0] == "d":
        return f"; {alike[-1].split(' after ')[0]} is right"
    partner = PARTNERS[base]
    partners = [other for other in values if find_base(other) == partner]
    if partners and all(describe_value(other, *values[other]) is None for other in partners
                        if values[other][0] is not None):
        return f"; {partner} is right"
    return ""


def find_base(name):
    """Return the attribute that a name is about: "dW" for "dW[0] after batch 2"."""
    return name.split(" ")[0].split(".")[-1].split("[")[0]


# ---- Exceptions ----------------------------------------------------------------------------------

def find_frames(error):
    """Return [(frame, line number)] of an exception, of the submission's own functions only."""
    found = []
    trace = error.__traceback__
    while trace is not None:
        if is_of_submission(trace.tb_frame.f_code):
            found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return found


def is_of_submission(code):
    path = code.co_filename
    return os.path.isabs(path) and not path.startswith(unfinished.FOREIGN)


def name_function(frame):
    """Return "MLP.forward" for a method's frame, or the function's name."""
    name = frame.f_code.co_name
    if "self" in frame.f_locals:
        return f"{type(frame.f_locals['self']).__name__}.{name}"
    return name


def is_unfinished(error):
    return unfinished.from_error(error) is not None


def describe_error(error, too_long=False):
    """Return an exception in a line: its type and message, and where in the submission.

    too_long: the submission was interrupted because it ran for too long.
    """
    stub = unfinished.from_error(error)
    if stub is not None:
        return stub.reason
    where = ""
    source = ""
    frames = find_frames(error)
    if frames:
        frame, number = frames[-1]
        file = frame.f_code.co_filename
        where = f" ({name_function(frame)}, line {number} of {os.path.basename(file)})"
        source = linecache.getline(file, number).strip()
    if too_long:
        return f"runs too long{where}: does it loop or wait forever?"
    if isinstance(error, MemoryError):
        return f"needs too much memory{where}"
    if isinstance(error, SystemExit):
        return f"calls sys.exit{where}"
    message = _make_printable(str(error).strip().split("\n")[0])
    if isinstance(error, AssertionError):
        message = f"{message}: {source}" if message else source
    if frames or isinstance(error, (SyntaxError, ImportError)):
        return f"{type(error).__name__}: {message}{where}"
    if isinstance(error, AttributeError) or "argument" in message:
        return message  # a method is missing or has another signature
    return f"a value that hw1.py returned or set is of the wrong type or shape: {message}"


def _make_printable(text):
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class ReturnsNone:
    """A context that finds the first forward, derivative or BatchNorm.backward to return None.

    found: a sentence with the method's name and line, or None.
    """

    def __init__(self):
        self.found = None

    def __enter__(self):
        sys.setprofile(self._note)
        return self

    def __exit__(self, *exception):
        sys.setprofile(None)

    def _note(self, frame, event, value):
        if event != "return" or value is not None or self.found is not None:
            return
        code = frame.f_code
        if not is_of_submission(code) or code.co_code[frame.f_lasti] not in RETURNS:
            return  # an exception also leaves the frame with None
        name = name_function(frame)
        if re.search(r"\.(forward|derivative|__call__)$|BatchNorm\.backward$", name):
            self.found = f"{name} returns None (line {code.co_firstlineno})"
