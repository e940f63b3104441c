"""Shows what the tests do not see: breaks a module in one place after the other and runs the tests of it.

    python tests/mutation.py hw1/hw1.py                 each mutant of a module
    python tests/mutation.py hw1/hw1.py --jobs 4        in four processes at once
    python tests/mutation.py hw1/hw1.py --lines 90-140  of some of its lines
    python tests/mutation.py data/mnist.py --sample 40  some 40, drawn at random but always the same

A mutant that all tests let through survives, and is printed with what was changed and where.  One that cannot
be told from the original belongs in tests/mutation_equivalents.txt, with the reason: it is counted apart.
Ends with status 0 when no other survives.  Works on a temporary copy of the repository, and needs fork.
"""

import argparse
import ast
import copy
import functools
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
EQUIVALENTS = ROOT / "tests" / "mutation_equivalents.txt"
PARTS = ["hw1", "tests", "data", "handin.sh", "setup.cfg", "README.md"]
SUITES = {
    "hw1/hw1.py": ["tests/handout", "tests/promises", "tests/project/test_repr.py", "tests/project/test_speed.py"],
    "hw1/__main__.py": ["tests/project/test_main.py", "tests/project/test_progress.py", "tests/project/test_pictures.py"],
    "data/mnist.py": ["tests/project/test_mnist.py"],
    "data/digits.py": ["tests/project/test_digits.py"],
}
PATIENCE = 120  # seconds; a mutant that takes longer is killed by that
SHARE = 40     # mutants that a process is given at a time
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult,
    ast.Mod: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr, ast.And: ast.Or, ast.Or: ast.And, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}
STATEMENTS = ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Return, ast.Continue, ast.Break


# ---- Mutants -----------------------------------------------------------------------------------------------

def changed(node, field, value):
    """Return a shallow copy of node whose field has another value."""
    node = copy.copy(node)
    setattr(node, field, value)
    return node


def mutations(node):
    """Yield what may stand in the place of node, an ast node."""
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in OPERATORS:
        yield changed(node, "op", OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            yield changed(node, "ops", node.ops[:i] + [OPERATORS[type(op)]()] + node.ops[i + 1:])
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from map(ast.Constant, other_constants(node.value))
    elif isinstance(node, ast.Call):
        for i in range(len(node.args) - 1):
            yield changed(node, "args", node.args[:i] + [node.args[i + 1], node.args[i]] + node.args[i + 2:])
        for i in range(len(node.keywords)):
            yield changed(node, "keywords", node.keywords[:i] + node.keywords[i + 1:])
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield changed(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, STATEMENTS):
        yield ast.Pass()


def other_constants(value):
    """Return what a constant of the source may become."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, (int, float)):
        return [value + 1, value - 1 if isinstance(value, int) else value / 2 - 1]
    return ["mutant"] if isinstance(value, str) else []


def is_words(node):
    """Tell whether node is a docstring, makes an error or explains an option: words are for people to judge."""
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", getattr(node.func, "attr", "")).endswith(("Error", "Failure", "error"))
    if isinstance(node, ast.keyword):
        return node.arg in ("help", "description", "epilog")
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def places(parent):
    """Yield (node, put) for each node below parent, words apart; put(other) sets other in its place."""
    for field, value in ast.iter_fields(parent):
        nodes = value if isinstance(value, list) else [value]
        for i, node in enumerate(nodes):
            if isinstance(node, ast.AST) and not is_words(node):
                if isinstance(value, list):
                    yield node, lambda other, i=i, nodes=nodes: nodes.__setitem__(i, other)
                else:
                    yield node, lambda other, field=field: setattr(parent, field, other)
                yield from places(node)


def mutants(source):
    """Return (line, what was changed, mutated source) for each mutant of source."""
    tree, lines, found = ast.parse(source), source.splitlines(), []
    for node, put in places(tree):
        for other in mutations(node):
            before, after = (ast.unparse(ast.fix_missing_locations(n)).splitlines()[0] for n in (node, other))
            put(other)
            text = ast.unparse(ast.fix_missing_locations(tree))
            put(node)
            change = "{}  ->  {}  in  {}".format(before, after, lines[node.lineno - 1].strip())
            found.append((node.lineno, change, text))
    return found


# ---- Running the tests -------------------------------------------------------------------------------------

class EachMutant:
    """A pytest plugin: runs the tests on each mutant, in a process forked when all tests are collected."""

    def __init__(self, module, found):
        self.module, self.found, self.survived = module, found, []
        self.first_killer = None  # the test that refused the first of found

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        items = list(session.items)
        for line, change, source in self.found:
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                signal.alarm(PATIENCE)
                os.write(write, b"%d" % self.killer(session, items, source))
                os._exit(0)
            os.close(write)
            with open(read, "rb") as pipe:
                killer = int(pipe.read() or 0)
            os.waitpid(pid, 0)
            if killer == len(items):
                self.survived.append((line, change))
            else:
                if source == self.found[0][2]:
                    self.first_killer = items[killer].nodeid
                items.insert(0, items.pop(killer))  # most likely it kills the next mutant, which is near
        return True

    def killer(self, session, items, source):
        """Return the index of the first test that fails on a mutant, 0 if it cannot even be imported."""
        pathlib.Path(self.module).write_text(source, encoding="utf-8")
        loaded = sys.modules.get(self.module[:-len(".py")].replace("/", "."))
        try:
            if loaded:
                before = dict(vars(loaded))
                exec(compile(source, self.module, "exec"), vars(loaded))
                for name, old in before.items():  # a test may have imported a function by its name
                    if isinstance(old, types.FunctionType) and name in vars(loaded):
                        old.__code__ = vars(loaded)[name].__code__
        except BaseException:
            return 0
        for i, item in enumerate(items):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if session.testsfailed:
                return i
        return len(items)


def survivors(module, found):
    """Return (line, change) of the mutants of module that survive; ValueError if the tests fail unmutated."""
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            copy_part = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy_part(ROOT / part, os.path.join(folder, part))
        os.chdir(folder)
        sys.path.insert(0, folder)
        original = (0, "", pathlib.Path(module).read_text(encoding="utf-8"))
        each = EachMutant(module, [original] + found)
        pytest.main(["-o", "addopts=--suites tests", "-p", "no:cacheprovider", "-p", "no:terminal",
                     *SUITES[module]], plugins=[each])
        os.chdir(ROOT)
    if each.survived[:1] != [original[:2]]:
        raise ValueError("{} must pass without a mutant, but does not".format(each.first_killer))
    return each.survived[1:]


def equivalents(module):
    """Return the changes of module that tests/mutation_equivalents.txt lists."""
    lines, start = EQUIVALENTS.read_text(encoding="utf-8").splitlines(), module + ": "
    return {line[len(start):] for line in lines if line.startswith(start)}


def main(arguments):
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("module", choices=SUITES)
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--lines", metavar="FIRST-LAST")
    parser.add_argument("--sample", type=int, metavar="N")
    options = parser.parse_args(arguments)
    found, known = mutants((ROOT / options.module).read_text(encoding="utf-8")), equivalents(options.module)
    stale = known - {change for _, change, _ in found}
    if options.lines:
        first, last = map(int, options.lines.split("-"))
        found = [mutant for mutant in found if first <= mutant[0] <= last]
    if options.sample:
        found = random.Random(0).sample(found, min(options.sample, len(found)))
    shares = [found[start:start + SHARE] for start in range(0, len(found), SHARE)]
    nleft = nunknown = 0
    with multiprocessing.Pool(options.jobs, maxtasksperchild=1) as pool:  # a process imports one copy
        for left in pool.imap(functools.partial(survivors, options.module), shares):
            unknown = [(line, change) for line, change in left if change not in known]
            nleft, nunknown = nleft + len(left), nunknown + len(unknown)
            for line, change in unknown:
                print("{}:{}: {}".format(options.module, line, change), flush=True)
    for change in sorted(stale):
        print("listed as equivalent, but no mutant any more: {}".format(change))
    print("{} mutants: {} killed, {} equivalent, {} survived".format(
        len(found), len(found) - nleft, nleft - nunknown, nunknown))
    return 1 if nunknown or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
