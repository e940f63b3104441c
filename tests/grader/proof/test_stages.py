"""Unfinished submissions: they lose the points of what is missing, which is named with its line."""

import re

import pytest

from tests.grader.mistakes import edit
from tests.grader.proof.submissions import HANDOUT, grade_together, replace_bodies, write_module
from tests.grader.proof.styles import TEXTBOOK, find_text

SIZES = "        sizes = [input_size] + hiddens + [output_size]\n"
CONSTRUCTOR = find_text(SIZES, "\n    def __call__(self, x):\n        return self.forward(x)\n\n"
                               "    def train")
NO_CONSTRUCTOR = [(CONSTRUCTOR, """\
        self.W = None
        self.dW = None
        self.b = None
        self.db = None
        self.bn_layers = None
""")]
NO_BN_LAYERS = [("""\
        if self.bn:
            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]
""", "")]
NO_BATCHNORM = [
    *NO_BN_LAYERS,
    (find_text("            if self.bn and i < self.num_bn_layers:\n                z =",
               "            z = self.activations"), ""),
    (find_text("            if self.bn and i < self.num_bn_layers:\n                delta =",
               "            self.dW[i] ="), ""),
    (find_text("        if self.bn:\n            for layer", "\n\ndef get_training"), ""),
]
NO_MOMENTUM = [
    ("            self.vW[i] = self.momentum * self.vW[i] - self.lr * self.dW[i]\n",
     "            self.vW[i] = -self.lr * self.dW[i]\n"),
    ("            self.vb[i] = self.momentum * self.vb[i] - self.lr * self.db[i]\n",
     "            self.vb[i] = -self.lr * self.db[i]\n"),
]
NO_HIDDEN_LAYERS = [
    (SIZES, "        sizes = [input_size, output_size]\n"),
    ("        self.nlayers = len(hiddens) + 1\n", "        self.nlayers = 1\n"),
]

STUBS = ("raise NotImplemented", "raise NotImplementedError", "pass")
PIECES = ("random_normal_weight_init", "zeros_bias_init", "SoftmaxCrossEntropy.forward",
          "SoftmaxCrossEntropy.derivative", "Sigmoid.forward", "Sigmoid.derivative",
          "Tanh.forward", "Tanh.derivative", "ReLU.forward", "ReLU.derivative",
          "BatchNorm.forward", "BatchNorm.backward", "MLP.zero_grads", "MLP.forward",
          "MLP.backward", "MLP.step", "get_training_stats")
UNSET = r"MLP\.(W|dW|db|bn_layers) is None: it must be a list|MLP does not call weight_init_fn"
NO_LAYERS = r"MLP\.bn_layers is None: it must be a list"
NO_EFFECT = "momentum has no effect"
NO_HIDDEN = "the network has no hidden layer; it must have one for each of hiddens"
ALL_BUT_STATS = [piece for piece in PIECES if piece != "get_training_stats"]

# {name: (how the names of the stubs begin, edits of the textbook, {section: points lost}, patterns
# of the reasons that name no stub)}
STAGES = {
    "nothing": ([""], NO_CONSTRUCTOR, HANDOUT, [UNSET]),
    "2.1 and 2.2": (["Sigmoid", "Tanh", "ReLU", "BatchNorm", "MLP", "get"], NO_CONSTRUCTOR,
                    {**HANDOUT, "2.2": 0}, [UNSET]),
    "2.2 and 2.4": (["BatchNorm", "MLP", "get"], NO_CONSTRUCTOR, {**HANDOUT, "2.2": 0, "2.4": 0},
                    [UNSET]),
    "the linear classifier": (["BatchNorm", "get"],
                              [*NO_HIDDEN_LAYERS, *NO_BATCHNORM, *NO_MOMENTUM],
                              {"2.5": 37, "2.6": 15, "2.7": 10, "2.8": 10},
                              [NO_EFFECT, NO_HIDDEN]),
    "hidden layers": (["BatchNorm", "get"], [*NO_BATCHNORM, *NO_MOMENTUM],
                      {"2.6": 15, "2.7": 10, "2.8": 10}, [NO_EFFECT, NO_LAYERS]),
    "batch normalization": (["get"], NO_MOMENTUM, {"2.7": 9, "2.8": 10}, [NO_EFFECT]),
    "momentum": (["get"], [], {"2.8": 10}, []),
    "get_training_stats alone": (ALL_BUT_STATS, NO_CONSTRUCTOR, {**HANDOUT, "2.8": 0}, [UNSET]),
    "all but zero_grads": (["MLP.zero_grads"], [], {"2.3": 1}, []),
    "all but BatchNorm": (["BatchNorm"], [], {"2.6": 9}, []),
    "all but BatchNorm in the MLP": ([], NO_BATCHNORM, {"2.6": 6}, [NO_LAYERS]),
    "all but bn_layers": ([], NO_BN_LAYERS, {"2.6": 6}, [NO_LAYERS]),
    "all but step": (["MLP.step"], [], {"2.3": 2, "2.6": 2, "2.7": 10}, []),
    "all but backward": (["MLP.backward"], [], {"2.3": 3, "2.5": 25, "2.6": 3}, []),
    "all but the criterion": (["SoftmaxCrossEntropy"], [], {"2.2": 5}, []),
    "all but ReLU": (["ReLU"], [], {"2.4": 4}, []),
    "no class MLP": ([], [("class MLP:\n", "class Network:\n")],
                     {"2.3": 9, "2.5": 40, "2.6": 6, "2.7": 10}, ["hw1.py has no (class )?MLP"]),
    "no class BatchNorm": ([], [
        ("class BatchNorm:\n", "class Norm:\n"),
        ("            self.bn_layers = [BatchNorm(sizes[i + 1]) for i in range(num_bn_layers)]\n",
         "            self.bn_layers = [Norm(sizes[i + 1]) for i in range(num_bn_layers)]\n")],
        {"2.6": 9}, ["hw1.py has no (class )?BatchNorm"]),
    "no class Sigmoid": ([], [("class Sigmoid(Activation):\n", "class Logistic(Activation):\n")],
                         {"2.4": 4}, ["hw1.py has no (class )?Sigmoid"]),
    "no get_training_stats": ([], [
        ("def get_training_stats(mlp, dset, nepochs, batch_size):\n",
         "def stats(mlp, dset, nepochs, batch_size):\n")],
        {"2.8": 10}, ["hw1.py has no get_training_stats"]),
}


def assert_lost(graded, expected):
    """Assert that the handout's sections lose the points of expected, {section: points}."""
    possible = {}
    lost = {}
    for number, section in graded.sections.items():
        possible[number] = section.possible
        lost[number] = section.possible - section.earned
    assert possible == HANDOUT
    assert lost == {**dict.fromkeys(HANDOUT, 0), **expected}


def list_stages():
    """Return (stage, stub): each stage with each stub, or with "" if it has none."""
    stages = []
    for stage, (beginnings, _, _, _) in STAGES.items():
        for stub in STUBS if beginnings else [""]:
            stages.append((stage, stub))
    return stages


@pytest.mark.parametrize("stage, stub", list_stages())
def test_a_stage_loses_only_what_is_not_done(stage, stub, tmp_path):
    beginnings, edits, lost, others = STAGES[stage]
    pieces = [piece for piece in PIECES if piece.startswith(tuple(beginnings))]
    if stage == "get_training_stats alone":
        pieces = ALL_BUT_STATS
    text = replace_bodies(pieces, stub, edit(TEXTBOOK, edits))
    patterns = others + [rf"{re.escape(piece)} is not implemented yet \(line \d+\)$"
                         for piece in pieces]
    graded = grade_together(write_module(tmp_path, text), list(HANDOUT))
    assert_lost(graded, lost)
    for section in graded.sections.values():
        assert len(set(section.reasons)) == len(section.reasons)
        for reason in section.reasons:
            assert re.match("|".join(patterns), reason), reason


def test_an_empty_file_loses_everything(tmp_path):
    graded = grade_together(write_module(tmp_path, ""), list(HANDOUT))
    assert_lost(graded, HANDOUT)
    for section in graded.sections.values():
        assert all(reason.startswith("hw1.py has no ") for reason in section.reasons)


def test_a_missing_method_is_named(tmp_path):
    text = TEXTBOOK.replace("def step(", "def go(")
    graded = grade_together(write_module(tmp_path, text), list(HANDOUT))
    reason = graded.sections["2.3"].reasons[0]
    assert_lost(graded, {"2.3": 2, "2.6": 2, "2.7": 10})
    assert re.match(r"MLP.step is missing from class MLP \(line \d+\)", reason)


def test_a_wrong_signature_is_named(tmp_path):
    text = edit(TEXTBOOK, [
        ("    def __call__(self, x, eval=False):\n        return self.forward(x, eval)\n",
         "    def __call__(self, x):\n        return self.forward(x)\n")])
    graded = grade_together(write_module(tmp_path, text))
    reasons = graded.sections["2.6"].reasons
    assert any("__call__() got an unexpected keyword argument 'eval'" in reason
               for reason in reasons), reasons
