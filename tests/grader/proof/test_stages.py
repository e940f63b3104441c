"""Proof that unfinished work is priced by what is done, and told in the homework's words."""

import re

import pytest

from tests.grader import processes
from tests.grader.faults import BACKWARD_BN, FORWARD_BN, TEXTBOOK, edited
from tests.grader.proof.handins import stubbed, written
from tests.grader.proof.styles import between

FULL = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}

CRITERION = ["SoftmaxCrossEntropy.forward", "SoftmaxCrossEntropy.derivative"]
ACTIVATIONS = [f"{name}.{method}" for name in ("Sigmoid", "Tanh", "ReLU")
               for method in ("forward", "derivative")]
BATCHNORM = ["BatchNorm.forward", "BatchNorm.backward"]
NETWORK = ["MLP.zero_grads", "MLP.forward", "MLP.backward", "MLP.step"]
STATS = ["get_training_stats"]
ALL_BUT_STATS = ["random_normal_weight_init", "zeros_bias_init",
                 *CRITERION, *ACTIVATIONS, *BATCHNORM, *NETWORK]

CONSTRUCTOR = between("        sizes = [input_size]",
                      "\n    def __call__(self, x):\n        return self.forward(x)\n\n    def t")
NO_CONSTRUCTOR = {
    CONSTRUCTOR: "        self.W = self.dW = self.b = self.db = self.bn_layers = None\n"}
BN_LAYERS = {CONSTRUCTOR[CONSTRUCTOR.index("        if self.bn:\n"):]: ""}
NO_BATCHNORM = {**BN_LAYERS, FORWARD_BN: "", BACKWARD_BN: "",
                between("        if self.bn:\n            for layer", "\n\ndef get_training"): ""}
NO_MOMENTUM = {"self.momentum * self.vW[i] - ": "-", "self.momentum * self.vb[i] - ": "-"}

UNDONE = "(is not implemented yet|returns? None|is None|leaves)"
NOTHING = {  # section: what each reason says
    "2.2": f"(SoftmaxCrossEntropy|loss|derivative).* {UNDONE}",
    "2.3": f"(MLP|forward|zero_grads|step).* {UNDONE}", "2.4": f"(Sigmoid|Tanh|ReLU).* {UNDONE}",
    "2.5": f"(MLP|forward).* {UNDONE}", "2.6": f"(BatchNorm|MLP).* {UNDONE}|never updated",
    "2.7": f"(MLP|step).* {UNDONE}",
    "2.8": "^get_training_stats (is not implemented yet|returns None)"}
IGNORED, NO_LAYERS = "momentum has no effect", "^MLP.bn_layers is None: it is never set$"


def all_of(*numbers):
    return {number: (FULL[number], NOTHING[number]) for number in numbers}


# name: the pieces that are stubs, other edits, {section: (points lost, what each reason says)}
STAGES = {
    "nothing": (ALL_BUT_STATS + STATS, NO_CONSTRUCTOR, all_of(*FULL)),
    "2.1 and 2.2": (ACTIVATIONS + BATCHNORM + NETWORK + STATS, NO_CONSTRUCTOR, all_of(
        "2.3", "2.4", "2.5", "2.6", "2.7", "2.8")),
    "2.2 and 2.4": (BATCHNORM + NETWORK + STATS, NO_CONSTRUCTOR, all_of(
        "2.3", "2.5", "2.6", "2.7", "2.8")),
    "the linear classifier": (BATCHNORM + STATS, {
        "[input_size] + hiddens + [output_size]": "[input_size, output_size]",
        "len(hiddens) + 1": "1", **NO_BATCHNORM, **NO_MOMENTUM}, {
        "2.5": (37, "^the network has no hidden layer; it must have one for each of hiddens$"),
        "2.6": (15, f"{UNDONE}|never updated|no hidden layer"),
        "2.7": (10, f"{IGNORED}|no hidden layer|{NO_LAYERS}"), **all_of("2.8")}),
    "hidden layers": (BATCHNORM + STATS, {**NO_BATCHNORM, **NO_MOMENTUM}, {
        "2.7": (10, f"{IGNORED}|{NO_LAYERS}"), **all_of("2.6", "2.8")}),
    "batch normalization": (STATS, NO_MOMENTUM, {"2.7": (9, IGNORED), **all_of("2.8")}),
    "momentum": (STATS, {}, all_of("2.8")),
    "get_training_stats alone": (ALL_BUT_STATS, NO_CONSTRUCTOR, all_of(
        "2.2", "2.3", "2.4", "2.5", "2.6", "2.7")),
    "all but zero_grads": (["MLP.zero_grads"], {}, {
        "2.3": (1, "zero_grads (is not implemented yet|leaves dW)")}),
    "all but BatchNorm": (BATCHNORM, {}, {"2.6": (9, f"BatchNorm.* {UNDONE}|never updated")}),
    "all but BatchNorm in the MLP": ([], NO_BATCHNORM, {
        "2.6": (6, NO_LAYERS), "2.7": (1, NO_LAYERS)}),
    "all but bn_layers": ([], BN_LAYERS, {"2.6": (6, NO_LAYERS), "2.7": (1, NO_LAYERS)}),
    "all but step": (["MLP.step"], {}, {
        number: (points, "^(MLP.)?step (is not implemented yet|leaves W and b)")
        for number, points in {"2.3": 2, "2.6": 3, "2.7": 10}.items()}),
    "all but backward": (["MLP.backward"], {}, {
        number: (points, "^MLP.backward (is not implemented yet|leaves d.* at 0)")
        for number, points in {"2.3": 3, "2.5": 25, "2.6": 3}.items()}),
    "all but the criterion": (CRITERION, {}, all_of("2.2")),
    "all but ReLU": (ACTIVATIONS[-2:], {}, {"2.4": (4, f"ReLU.* {UNDONE}")}),
    "one hidden layer, and W for its transpose": ([], {
        "self.nlayers = len": "hiddens = hiddens[:1]\n        self.nlayers = len",
        "self.W[i].T": "self.W[i]"}, {
        "2.5": (33, "^the network has one hidden layer at most|^ValueError: matmul"),
        "2.6": (4, r"^(ValueError: matmul|IndexError: list index).* of hw1.py\)$")}),
    "no class MLP": ([], {"class MLP:": "class Network:"}, {
        number: (points, "^hw1.py has no MLP$")
        for number, points in {"2.3": 9, "2.5": 40, "2.6": 6, "2.7": 10}.items()}),
    "no class BatchNorm": ([], {"class BatchNorm:": "class Norm:", "[BatchNorm(": "[Norm("}, {
        "2.6": (9, "^hw1.py has no BatchNorm$")}),
    "no class Sigmoid": ([], {"class Sigmoid(": "class Logistic("}, {
        "2.4": (4, "^hw1.py has no Sigmoid$")}),
    "no get_training_stats": ([], {"def get_training_stats(": "def stats("}, {
        "2.8": (10, "^hw1.py has no get_training_stats$")}),
    "an empty file": ([], {TEXTBOOK: ""}, {
        number: (points, "^hw1.py has no ") for number, points in FULL.items()}),
}
STUBS = "raise NotImplemented", "raise NotImplementedError", "pass"


@pytest.mark.parametrize("stage, stub", [
    (stage, stub) for stage in STAGES for stub in (STUBS if STAGES[stage][0] else [""])])
def test_a_stage(stage, stub, tmp_path):
    """It loses these points and no other, each reason is as written, and none is of Python."""
    pieces, edits, lost = STAGES[stage]
    module = written(tmp_path, stubbed(pieces, stub, edited(edits)))
    graded = processes.grade(module, apart=False).sections
    assert {number: section.possible for number, section in graded.items()} == FULL
    assert {number: section.possible - section.earned for number, section in graded.items()} == {
        number: lost.get(number, (0,))[0] for number in FULL}
    for number, (_, pattern) in lost.items():
        reasons = graded[number].reasons
        assert reasons and len(set(reasons)) == len(reasons)
        for reason in reasons:
            assert re.search(pattern, reason), (number, reason)
            assert not re.search("NotImplemented|BaseException|NoneType", reason)
