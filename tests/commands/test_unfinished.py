"""Tests what tests/unfinished.py takes for unfinished, and what only looks like it."""

import types

import pytest

from tests import unfinished
from tests.commands.copies import ROOT

TEXTBOOK = (ROOT / "tests" / "grader" / "textbook.py").read_text()
TANH = TEXTBOOK[TEXTBOOK.index("class Tanh("):TEXTBOOK.index("class ReLU(")]
LINE = TEXTBOOK.splitlines().index("class Tanh(Activation):") + 1
BASE = "class Base(Activation):\n    def forward(self, x):\n        {}\n\n\n"


@pytest.mark.parametrize("tanh", [
    "from helper import Tanh\n",
    "from helper import *\n",
    "import helper\nTanh = helper.make('Tanh')\n",
    "import helper\nclass Tanh(helper.Base):\n    pass\n",
    "class Tanh(Sigmoid):\n    '''Two inherited methods.'''\n",
    "class Tanh(Sigmoid):\n    def __init__(self):\n        pass\n",
    "class Tanh(Activation):\n    forward = derivative = lambda self, *x: 0\n",
    "class Tanh(Activation):\n    pass\n\n\nTanh.forward = Sigmoid.forward\nTanh.derivative = 1\n",
    "try:\n    from helper import Tanh\nexcept ImportError:\n    Tanh = Sigmoid\n",
    TANH.replace("1 - self.state ** 2", "1 - self.state ** 2\n        raise NotImplementedError"),
    TANH.replace("        return self.state", "        if x is None:\n            "
                 "raise NotImplementedError\n        return self.state"),
])
def test_finished_class_is_not_misjudged(tanh):
    source = TEXTBOOK.replace(TANH, tanh)
    assert source != TEXTBOOK
    assert unfinished.find(source) == []


@pytest.mark.parametrize("tanh, reason", [
    ("", "hw1.py has no class Tanh"),
    (TANH.replace("derivative", "derive"),
     f"Tanh.derivative is missing from class Tanh (line {LINE})"),
    (TANH.replace("forward(self, x):", "forward(self, x):\n        raise NotImplemented"), None),
    (TANH.replace("self.state = np.tanh(x)\n        return self.state",
                  "self.x = x\n        raise NotImplementedError('2.4')"), None),
    (TANH.replace("self.state = np.tanh(x)\n        return self.state", "return None"), None),
    (BASE.format("pass") + TANH.replace("(Activation)", "(Base)").replace("forward", "forwards"),
     None),
])
def test_unfinished_class_is_recognised(tanh, reason):
    found = unfinished.find(TEXTBOOK.replace(TANH, tanh))
    assert [each.section for each in found] == ["2.4"]
    if reason is None:
        assert found[0].piece == "Tanh.forward"
    else:
        assert found[0].reason == reason


def test_either_name_of_the_criterions_derivative_counts():
    alias = "    backward = derivative  # its name in the handout's text\n"
    method = "def derivative(self):\n        return self.sm"
    assert alias in TEXTBOOK
    assert method in TEXTBOOK
    without_alias = TEXTBOOK.replace(alias, "")
    renamed = without_alias.replace(method, method.replace("derivative", "backward"))
    without_either = without_alias.replace(method, method.replace("derivative", "derive"))
    assert unfinished.find(without_alias) == []
    assert unfinished.find(renamed) == []
    found = unfinished.find(without_either)
    assert [each.piece for each in found] == ["SoftmaxCrossEntropy.derivative"]


@pytest.mark.parametrize("raised", ["NotImplementedError", "NotImplementedError('2.4')",
                                    "NotImplemented", "NotImplemented('2.4')"])
def test_exception_is_recognised(tmp_path, raised):
    path = tmp_path / "hw1.py"
    names = {"__name__": "hw1"}
    source = f"class Tanh:\n    def forward(self, x):\n        raise {raised}\n"
    exec(compile(source, str(path), "exec"), names)
    with pytest.raises((NotImplementedError, TypeError)) as caught:
        names["Tanh"]().forward(1)
    piece = unfinished.from_error(caught.value)
    assert piece == ("2.4", "Tanh.forward", "Tanh.forward is not implemented yet (line 3)")


def test_other_exceptions_are_none():
    with pytest.raises(TypeError) as caught:
        len(1)
    assert unfinished.from_error(caught.value) is None


def test_replaced_pieces_raise(tmp_path):
    source = ("class Activation:\n    def forward(self, x):\n        pass\n\n"
              "class Tanh(Activation):\n    pass\n\n"
              "class SoftmaxCrossEntropy:\n    def derivative(self):\n        pass\n"
              "    backward = derivative\n\n"
              "class MLP:\n    def zero_grads(self):\n        pass\n")
    module = types.ModuleType("hw1")
    exec(compile(source, "hw1.py", "exec"), vars(module))
    unfinished.replace(module, unfinished.find(source))
    module.MLP.zero_grads(None)  # may be empty
    assert module.Activation().forward(1) is None  # none of the handout's
    for call, reason in [
        (module.Tanh.forward, "Tanh.forward is missing from class Tanh (line 5)"),
        (module.SoftmaxCrossEntropy.backward,
         "SoftmaxCrossEntropy.derivative is not implemented yet (line 9)"),
        (module.ReLU, "hw1.py has no class ReLU"),
    ]:
        with pytest.raises(unfinished.UnfinishedError) as caught:
            call(None)
        assert unfinished.from_error(caught.value).reason == reason


def test_watch_notes_stubs_that_return_none(tmp_path):
    path = tmp_path / "hw1.py"
    source = ("class Activation:\n    def forward(self, x):\n        pass\n\n"
              "class Tanh(Activation):\n    pass\n\n"
              "class Other(Activation):\n    pass\n\n"
              "class MLP:\n    def zero_grads(self):\n        pass\n")
    names = {"__name__": "hw1"}
    exec(compile(source, str(path), "exec"), names)
    with unfinished.Watch(path, source) as watch:
        names["MLP"]().zero_grads()  # may be empty
        names["Other"]().forward(1)  # none of the handout's
        names["Tanh"]().forward(1)
    assert [each.reason for each in watch.called] == [
        "Tanh.forward is not implemented yet (line 2)"]
