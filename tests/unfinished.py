"""Recognise which pieces of a hw1.py are not implemented yet, for pytest and the grader.

find reads the source, and from_error an exception. A stub that raises nothing returns None, and
the error comes later and elsewhere: for pytest, replace makes such stubs raise, and for the grader,
which must not change a submission, Watch notes their calls.
"""

import ast
import collections
import os
import re
import sys
import sysconfig
import traceback
import warnings

import numpy as np

PIECES = {  # in the handout's order, each with its section
    "random_normal_weight_init": "2.1",
    "zeros_bias_init": "2.1",
    "SoftmaxCrossEntropy.forward": "2.2",
    "SoftmaxCrossEntropy.derivative": "2.2",
    "MLP.__init__": "2.3",
    "MLP.forward": "2.3",
    "MLP.backward": "2.3",
    "MLP.zero_grads": "2.3",
    "MLP.step": "2.3",
    "Sigmoid.forward": "2.4",
    "Sigmoid.derivative": "2.4",
    "Tanh.forward": "2.4",
    "Tanh.derivative": "2.4",
    "ReLU.forward": "2.4",
    "ReLU.derivative": "2.4",
    "BatchNorm.__init__": "2.6",
    "BatchNorm.forward": "2.6",
    "BatchNorm.backward": "2.6",
    "get_training_stats": "2.8",
}
ALIASES = {"SoftmaxCrossEntropy.derivative": "SoftmaxCrossEntropy.backward"}
MAY_BE_EMPTY = {"MLP.zero_grads"}  # a backward that assigns the gradients needs no zeros

# section: None unless the piece is one of PIECES.  reason: a sentence, with the line of the stub.
Unfinished = collections.namedtuple("Unfinished", "section piece reason")
MISSING = object()


class UnfinishedError(NotImplementedError):
    """Raised where a piece is used that replace has replaced; unfinished is its Unfinished."""

    def __init__(self, unfinished):
        super().__init__(unfinished.reason)
        self.unfinished = unfinished


# ---- From the source -----------------------------------------------------------------------------

def find(source):
    """Return the Unfinished pieces of a source or syntax tree, in the handout's order.

    SyntaxError and ValueError are those of ast.parse.
    """
    names = _collect_names(_parse(source).body)
    if "*" in names:
        return []  # `from helper import *` may bring anything
    found = {}
    for piece in PIECES:
        unfinished = _examine(names, piece)
        alias = ALIASES.get(piece)
        if unfinished is not None and alias is not None and _examine(names, alias) is None:
            unfinished = None
        if unfinished is not None:
            found.setdefault(unfinished.piece, unfinished)  # a missing class is named once
    return list(found.values())


def _parse(source):
    """Return the syntax tree of a source, or a tree itself; "\\s" gives no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _examine(names, piece):
    """Return the Unfinished of one piece, or None if the source implements it."""
    section = PIECES.get(piece)
    owner, _, name = piece.rpartition(".")
    if owner and owner not in names:
        return Unfinished(section, owner, f"hw1.py has no class {owner}")
    if not owner and name not in names:
        return Unfinished(section, name, f"hw1.py has no {name}")
    if not owner:
        node = names[name]
    elif f"{owner}.{name}" in names:
        node = names[f"{owner}.{name}"]
    elif isinstance(names[owner], ast.ClassDef):
        node = _find_method(names, names[owner], name)
    else:
        return None  # the class is imported, or made by a call
    if node is MISSING:
        line = names[owner].lineno
        reason = f"{piece} is missing from class {owner} (line {line})"
        return Unfinished(section, piece, reason)
    if _is_stub(node):
        return _not_implemented(piece, _find_line(node))
    return None


def _not_implemented(piece, line, file="hw1.py"):
    where = f"line {line}" if file == "hw1.py" else f"line {line} of {file}"
    reason = f"{piece} is not implemented yet ({where})"
    return Unfinished(PIECES.get(piece), piece, reason)


def _find_method(names, owner, name, seen=()):
    """Return the node of a class's method, None if it is not a def, or MISSING.

    A stub that is inherited, such as Activation.forward, is no implementation.
    """
    own = _collect_names(owner.body)
    if name in own:
        return own[name]
    for base in owner.bases:
        if not isinstance(base, ast.Name) or names.get(base.id, MISSING) is None:
            return None  # a base from elsewhere may bring it
        node = names.get(base.id)
        if isinstance(node, ast.ClassDef) and node not in seen:
            method = _find_method(names, node, name, (*seen, owner))
            if method is not MISSING and not _is_stub(method):
                return method
    return MISSING


def _collect_names(body):
    """Return {name: its def or class, or None for any other value} that statements bind.

    `MLP.step = step` binds "MLP.step", and `from helper import *` binds "*".
    """
    names = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                names[alias.asname or alias.name] = None
        elif isinstance(node, ast.Assign):
            value = names.get(node.value.id) if isinstance(node.value, ast.Name) else None
            for target in node.targets:
                for name in _collect_targets(target):
                    names[name] = value
        else:
            for block in ("body", "handlers", "orelse", "finalbody"):
                names.update(_collect_names(getattr(node, block, [])))
    return names


def _collect_targets(target):
    """Return the names that the target of an assignment binds."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return [f"{target.value.id}.{target.attr}"]
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for element in target.elts for name in _collect_targets(element)]
    return []


def _is_stub(node):
    """Return whether a def does nothing, or raises NotImplemented(Error) before any return."""
    if not isinstance(node, ast.FunctionDef):
        return False
    if not any(map(_raises_not_implemented, node.body)):
        return all(map(_does_nothing, node.body))
    for statement in node.body:
        if _raises_not_implemented(statement):
            return True
        if any(isinstance(each, ast.Return) for each in ast.walk(statement)):
            return False  # a raise after it was only left behind
    return False


def _does_nothing(statement):
    """Return whether a statement is pass, a constant such as a docstring, or returns None."""
    if isinstance(statement, ast.Return):
        value = statement.value
        return value is None or isinstance(value, ast.Constant) and value.value is None
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass) or _raises_not_implemented(statement)


def _raises_not_implemented(statement):
    """Return whether a statement is `raise NotImplemented` or `raise NotImplementedError(...)`."""
    if not isinstance(statement, ast.Raise):
        return False
    raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    return isinstance(raised, ast.Name) and raised.id.startswith("NotImplemented")


def _find_line(node):
    """Return the line where a stub raises, or else where it begins."""
    for statement in node.body:
        if _raises_not_implemented(statement):
            return statement.lineno
    return node.lineno


# ---- From an exception ---------------------------------------------------------------------------

def from_error(error):
    """Return the Unfinished piece that an exception is about, or None."""
    if isinstance(error, UnfinishedError):
        return error.unfinished
    if not _says_not_implemented(error):
        return None
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)
              if _is_homework(frame.f_code.co_filename)]
    if not frames:
        return None
    frame, line = frames[-1]
    file = os.path.basename(frame.f_code.co_filename)
    return _not_implemented(_name_call(frame), line, file)


def lacks_gradients(error):
    """Return whether an error is about a gradient that is missing or None."""
    if not isinstance(error, (AttributeError, TypeError)):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    text = f"{error} {frames[-1].line}"
    return re.search(r"\bd(W|b|gamma|beta)\b", text) is not None


def _says_not_implemented(error):
    """Return whether an error is NotImplementedError, or what Python makes of NotImplemented."""
    if isinstance(error, NotImplementedError):
        return True
    return isinstance(error, TypeError) and (
        "must derive from BaseException" in str(error) or "NotImplementedType" in str(error))


def _name_call(frame):
    """Return the name of a called function, "Sigmoid.forward" also where that is inherited."""
    name = frame.f_code.co_name
    if "self" not in frame.f_locals:
        return name
    owners = [owner.__name__ for owner in type(frame.f_locals["self"]).__mro__]
    for owner in owners:
        if f"{owner}.{name}" in PIECES:
            return f"{owner}.{name}"
    return f"{owners[0]}.{name}"


def describe_import(error):
    """Return in a line why a hw1.py cannot be imported."""
    frames = [(frame.f_code.co_filename, line)
              for frame, line in traceback.walk_tb(error.__traceback__)]
    message = str(error).strip().split("\n")[0]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
        message = error.msg
    where = ""
    for path, line in frames:
        if _is_homework(path):
            where = f" (line {line} of {os.path.basename(path)})"
    return f"hw1.py cannot be imported: {type(error).__name__}: {message[:200]}{where}"


def _is_homework(path):
    """Return whether a file belongs neither to Python, nor to a package, nor to tests/."""
    return os.path.isabs(path) and not path.startswith(FOREIGN)


FOREIGN = (
    os.path.dirname(os.path.abspath(__file__)) + os.sep,
    os.path.dirname(os.path.dirname(np.__file__)) + os.sep,
    sysconfig.get_path("stdlib") + os.sep,
)


# ---- At the calls --------------------------------------------------------------------------------

def replace(module, found):
    """Make pieces of a module raise UnfinishedError when they are called; found: what find found.

    A method that may be empty is replaced only where it is missing.
    """
    for unfinished in found:
        owner, _, name = unfinished.piece.rpartition(".")
        namespace = getattr(module, owner) if owner else module
        if unfinished.piece in MAY_BE_EMPTY and hasattr(namespace, name):
            continue
        substitute = _make_substitute(unfinished)
        setattr(namespace, name, substitute)
        if unfinished.piece in ALIASES:
            setattr(namespace, ALIASES[unfinished.piece].split(".")[1], substitute)


def _make_substitute(unfinished):
    def raise_unfinished(*args, **kwargs):
        raise UnfinishedError(unfinished)
    return raise_unfinished


class Watch:
    """A context that notes the calls of stubs; called holds the Unfinished, in their order."""

    def __init__(self, path, source):
        self.called = []
        self._path = os.fspath(path)
        self._stubs = {}  # by the line of the def, or of its first decorator
        if not find(source):  # a finished hw1.py has stubs in its base classes only
            return
        for node in ast.walk(_parse(source)):
            if isinstance(node, ast.FunctionDef) and _is_stub(node):
                lines = [node.lineno, *(each.lineno for each in node.decorator_list)]
                self._stubs[min(lines)] = _find_line(node)

    def __enter__(self):
        self.called = []
        if self._stubs:
            sys.setprofile(self._note)
        return self

    def __exit__(self, *exception):
        if self._stubs:
            sys.setprofile(None)

    def _note(self, frame, event, argument):
        code = frame.f_code
        if event != "call" or code.co_filename != self._path:
            return
        line = self._stubs.get(code.co_firstlineno)
        piece = _name_call(frame)
        if line is not None and piece in PIECES and piece not in MAY_BE_EMPTY:
            self.called.append(_not_implemented(piece, line))
