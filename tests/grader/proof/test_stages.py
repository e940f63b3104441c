"""Proof that unfinished work is priced by what is done, and told in the homework's words."""

import re

import pytest

from tests.grader import processes
from tests.grader.faults import BACKWARD_BN, FORWARD_BN, TEXTBOOK, edited
from tests.grader.proof.handins import FULL, stubbed, written
from tests.grader.proof.styles import between

CONSTRUCTOR = between("        sizes = [input_size]",
                      "\n    def __call__(self, x):\n        return self.forward(x)\n\n    def t")
NO_CONSTRUCTOR = {
    CONSTRUCTOR: "        self.W = self.dW = self.b = self.db = self.bn_layers = None\n"}
BN_LAYERS = {CONSTRUCTOR[CONSTRUCTOR.index("        if self.bn:\n"):]: ""}
NO_BATCHNORM = {**BN_LAYERS, FORWARD_BN: "", BACKWARD_BN: "",
                between("        if self.bn:\n            for layer", "\n\ndef get_training"): ""}
NO_MOMENTUM = {"self.momentum * self.vW[i] - ": "-", "self.momentum * self.vb[i] - ": "-"}

STUBS = "raise NotImplemented", "raise NotImplementedError", "pass"
UNDONE = "(is not implemented yet|returns None|is None|leaves (d?W.* as|d.* at 0)|never updated)"
TOLD = {  # the section and the beginning of a reason that a stub is the cause of; it ends as UNDONE
    "random_normal_weight_init": "2.3 random_normal_weight_init", "zeros_bias_init": "2.3 zeros_b",
    "SoftmaxCrossEntropy.forward": "2.2 (SoftmaxCrossEntropy.forward|the loss)",
    "SoftmaxCrossEntropy.derivative": "2.2 derivative",
    **{f"{name}.{method}": f"2.4 .*{name}" for name in ("Sigmoid", "Tanh", "ReLU")
       for method in ("forward", "derivative")},
    "BatchNorm.forward": "2.6 BatchNorm", "BatchNorm.backward": "2.6 dx of BatchNorm.backward",
    "MLP.zero_grads": "2.3 (MLP.)?zero_grads", "MLP.forward": "2.[35] (MLP.)?forward",
    "MLP.backward": "2.[356] MLP.backward", "MLP.step": "2.[367] (MLP.)?step",
    "get_training_stats": "2.8 get_training_stats"}
UNSET, IGNORED = "2.[3567] MLP.(W|db|bn_layers) is None", "2.7 momentum has no effect"
NO_LAYERS = "2.[67] MLP.bn_layers is None: it is never set$"

# name: how the names of the stubs begin, other edits, {section: points lost}, what else is told
STAGES = {
    "nothing": ([""], NO_CONSTRUCTOR, FULL, UNSET),
    "2.1 and 2.2": (["Sigmoid", "Tanh", "ReLU", "BatchNorm", "MLP", "get"], NO_CONSTRUCTOR,
                    {**FULL, "2.2": 0}, UNSET),
    "2.2 and 2.4": (["BatchNorm", "MLP", "get"], NO_CONSTRUCTOR, {**FULL, "2.2": 0, "2.4": 0},
                    UNSET),
    "the linear classifier": (["BatchNorm", "get"], {
        "[input_size] + hiddens + [output_size]": "[input_size, output_size]",
        "len(hiddens) + 1": "1", **NO_BATCHNORM, **NO_MOMENTUM},
        {"2.5": 37, "2.6": 15, "2.7": 10, "2.8": 10}, IGNORED,
        "2.[567] the network has no hidden layer; it must have one for each of hiddens$"),
    "hidden layers": (["BatchNorm", "get"], {**NO_BATCHNORM, **NO_MOMENTUM},
                      {"2.6": 15, "2.7": 10, "2.8": 10}, IGNORED, NO_LAYERS),
    "batch normalization": (["get"], NO_MOMENTUM, {"2.7": 9, "2.8": 10}, IGNORED),
    "momentum": (["get"], {}, {"2.8": 10}),
    "get_training_stats alone": ([*TOLD][:-1], NO_CONSTRUCTOR, {**FULL, "2.8": 0}, UNSET),
    "all but zero_grads": (["MLP.zero_grads"], {}, {"2.3": 1}),
    "all but BatchNorm": (["BatchNorm"], {}, {"2.6": 9}),
    "all but BatchNorm in the MLP": ([], NO_BATCHNORM, {"2.6": 6, "2.7": 1}, NO_LAYERS),
    "all but bn_layers": ([], BN_LAYERS, {"2.6": 6, "2.7": 1}, NO_LAYERS),
    "all but step": (["MLP.step"], {}, {"2.3": 2, "2.6": 3, "2.7": 10}),
    "all but backward": (["MLP.backward"], {}, {"2.3": 3, "2.5": 25, "2.6": 3}),
    "all but the criterion": (["SoftmaxCrossEntropy"], {}, {"2.2": 5}),
    "all but ReLU": (["ReLU"], {}, {"2.4": 4}),
    "one hidden layer, and W for its transpose": ([], {
        "self.nlayers = len": "hiddens = hiddens[:1]\n        self.nlayers = len",
        "self.W[i].T": "self.W[i]"}, {"2.5": 33, "2.6": 4},
        "2.5 the network has one hidden layer at most",
        r"2.[56] ValueError: matmul.* of hw1.py\)$", r"2.6 IndexError: list index.* of hw1.py\)$"),
    "no class MLP": ([], {"class MLP:": "class Network:"},
                     {"2.3": 9, "2.5": 40, "2.6": 6, "2.7": 10}, "... hw1.py has no MLP$"),
    "no class BatchNorm": ([], {"class BatchNorm:": "class Norm:", "[BatchNorm(": "[Norm("},
                           {"2.6": 9}, "2.6 hw1.py has no BatchNorm$"),
    "no class Sigmoid": ([], {"class Sigmoid(": "class Logistic("}, {"2.4": 4},
                         "2.4 hw1.py has no Sigmoid$"),
    "no get_training_stats": ([], {"def get_training_stats(": "def stats("}, {"2.8": 10},
                              "2.8 hw1.py has no get_training_stats$"),
    "an empty file": ([], {TEXTBOOK: ""}, FULL, "... hw1.py has no "),
}


@pytest.mark.parametrize("stage, stub", [
    (stage, stub) for stage in STAGES for stub in (STUBS if STAGES[stage][0] else [""])])
def test_a_stage(stage, stub, tmp_path):
    """It loses these points and no other, each reason is as written, and none is of Python."""
    beginnings, edits, lost, *reasons = STAGES[stage]
    pieces = [piece for piece in TOLD if piece.startswith(tuple(beginnings))]
    module = written(tmp_path, stubbed(pieces, stub, edited(edits)))
    graded = processes.ask(module).sections
    assert {number: section.possible for number, section in graded.items()} == FULL
    assert {number: section.possible - section.earned for number, section in graded.items()} == {
        **dict.fromkeys(FULL, 0), **lost}
    patterns = "|".join([f"{TOLD[piece]}.* {UNDONE}" for piece in pieces] + reasons)
    for number, section in graded.items():
        assert bool(section.reasons) == (lost.get(number, 0) > 0)
        assert len(set(section.reasons)) == len(section.reasons)
        for reason in section.reasons:
            assert re.match(patterns, f"{number} {reason}"), (number, reason)
            assert not re.search("NotImplemented|BaseException|NoneType", reason)
