"""Proof that unfinished work is priced by what is done, and told in the homework's words.

    python -m pytest tests/grader/proof/test_stages.py
"""

import re

import pytest

from tests.grader import processes
from tests.grader.faults import edited
from tests.grader.proof.handins import stubbed, written
from tests.grader.proof.styles import between

STUBS = "raise NotImplemented", "raise NotImplementedError", "pass"
FULL = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}

CRITERION = ["SoftmaxCrossEntropy.forward", "SoftmaxCrossEntropy.derivative"]
ACTIVATIONS = [f"{name}.{method}" for name in ("Sigmoid", "Tanh", "ReLU")
               for method in ("forward", "derivative")]
BATCHNORM = ["BatchNorm.forward", "BatchNorm.backward"]
NETWORK = ["MLP.zero_grads", "MLP.forward", "MLP.backward", "MLP.step"]
STATS = ["get_training_stats"]
INITIALIZERS = ["random_normal_weight_init", "zeros_bias_init"]
ALL = INITIALIZERS + CRITERION + ACTIVATIONS + BATCHNORM + NETWORK + STATS

CONSTRUCTOR = between("        sizes = [input_size]",
                      "\n    def __call__(self, x):\n        return self.forward(x)\n\n    def train")
NO_CONSTRUCTOR = {CONSTRUCTOR: "        self.W = self.dW = self.b = self.db = self.bn_layers = None\n"}
BN_LAYERS = {CONSTRUCTOR[CONSTRUCTOR.index("        if self.bn:\n"):]: ""}
NO_BATCHNORM = {**BN_LAYERS, """            if self.bn and i < self.num_bn_layers:
                z = self.bn_layers[i](z, not self.train_mode)
""": "", """            if self.bn and i < self.num_bn_layers:
                delta = self.bn_layers[i].backward(delta)
""": "", "        if self.bn:\n            for layer in self.bn_layers:":
    "        if False:\n            for layer in []:"}
NO_MOMENTUM = {"self.momentum * self.vW[i] - ": "-", "self.momentum * self.vb[i] - ": "-"}
ONE_LAYER = {"[input_size] + hiddens + [output_size]": "[input_size, output_size]", "len(hiddens) + 1": "1"}

UNDONE = "(is not implemented yet|returns? None|is None|leaves)"
CURVES = "get_training_stats (is not implemented yet|returns None)"
IGNORED = "momentum has no effect"
NO_LAYERS = "^MLP.bn_layers is None: it is never set$"
# name: the pieces that are stubs, other edits, {section: (points lost, what each reason says)}
STAGES = {
    "nothing": (ALL, NO_CONSTRUCTOR, {
        "2.2": (5, f"(SoftmaxCrossEntropy|loss|derivative).* {UNDONE}"),
        "2.3": (9, f"(MLP|forward|zero_grads|step).* {UNDONE}"),
        "2.4": (12, f"(Sigmoid|Tanh|ReLU).* {UNDONE}"), "2.5": (40, f"(MLP|forward).* {UNDONE}"),
        "2.6": (15, f"(BatchNorm|MLP).* {UNDONE}|never updated"), "2.7": (10, f"(MLP|step).* {UNDONE}"),
        "2.8": (10, f"^{CURVES}")}),
    "2.1 and 2.2": (ACTIVATIONS + BATCHNORM + NETWORK + STATS, NO_CONSTRUCTOR, {
        "2.3": (9, UNDONE), "2.4": (12, UNDONE), "2.5": (40, UNDONE), "2.6": (15, f"{UNDONE}|never updated"),
        "2.7": (10, UNDONE), "2.8": (10, CURVES)}),
    "2.2 and 2.4": (BATCHNORM + NETWORK + STATS, NO_CONSTRUCTOR, {
        "2.3": (9, UNDONE), "2.5": (40, UNDONE), "2.6": (15, f"{UNDONE}|never updated"), "2.7": (10, UNDONE),
        "2.8": (10, CURVES)}),
    "the linear classifier": (BATCHNORM + STATS, {**ONE_LAYER, **NO_BATCHNORM, **NO_MOMENTUM}, {
        "2.5": (37, "^the network has no hidden layer; it must have one for each of hiddens$"),
        "2.6": (15, f"{UNDONE}|never updated|no hidden layer"), "2.7": (10, f"{IGNORED}|no hidden layer|{NO_LAYERS}"),
        "2.8": (10, CURVES)}),
    "hidden layers": (BATCHNORM + STATS, {**NO_BATCHNORM, **NO_MOMENTUM}, {
        "2.6": (15, f"{UNDONE}|never updated"), "2.7": (10, f"{IGNORED}|{NO_LAYERS}"), "2.8": (10, CURVES)}),
    "batch normalization": (STATS, NO_MOMENTUM, {"2.7": (9, IGNORED), "2.8": (10, CURVES)}),
    "momentum": (STATS, {}, {"2.8": (10, CURVES)}),
    "get_training_stats alone": (ALL[:-1], NO_CONSTRUCTOR, {
        "2.2": (5, UNDONE), "2.3": (9, UNDONE), "2.4": (12, UNDONE), "2.5": (40, UNDONE),
        "2.6": (15, f"{UNDONE}|never updated"), "2.7": (10, UNDONE)}),
    "all but zero_grads": (["MLP.zero_grads"], {}, {
        "2.3": (1, "zero_grads (is not implemented yet|leaves dW)")}),
    "all but BatchNorm": (BATCHNORM, {}, {"2.6": (9, f"BatchNorm.* {UNDONE}|never updated")}),
    "all but BatchNorm in the MLP": ([], NO_BATCHNORM, {"2.6": (6, NO_LAYERS), "2.7": (1, NO_LAYERS)}),
    "all but bn_layers": ([], BN_LAYERS, {"2.6": (6, NO_LAYERS), "2.7": (1, NO_LAYERS)}),
    "all but step": (["MLP.step"], {}, {
        key: (points, "^(MLP.)?step (is not implemented yet|leaves W and b)")
        for key, points in {"2.3": 2, "2.6": 3, "2.7": 10}.items()}),
    "all but backward": (["MLP.backward"], {}, {
        key: (points, "^MLP.backward (is not implemented yet|leaves d.* at 0)")
        for key, points in {"2.3": 3, "2.5": 25, "2.6": 3}.items()}),
    "all but the criterion": (CRITERION, {}, {
        "2.2": (5, f"(SoftmaxCrossEntropy|loss|derivative).* {UNDONE}")}),
    "all but ReLU": (ACTIVATIONS[-2:], {}, {"2.4": (4, f"ReLU.* {UNDONE}")}),
    "one hidden layer, and W for its transpose": ([], {
        "self.nlayers = len": "hiddens = hiddens[:1]\n        self.nlayers = len", "self.W[i].T": "self.W[i]"}, {
        "2.5": (33, "^the network has one hidden layer at most|^ValueError: matmul"),
        "2.6": (4, r"^(ValueError: matmul|IndexError: list index).* of hw1.py\)$")}),
    "no class MLP": ([], {"class MLP:": "class Network:"}, {
        key: (points, "^hw1.py has no MLP$")
        for key, points in {"2.3": 9, "2.5": 40, "2.6": 6, "2.7": 10}.items()}),
    "no class BatchNorm": ([], {"class BatchNorm:": "class Norm:", "[BatchNorm(": "[Norm("}, {
        "2.6": (9, "^hw1.py has no BatchNorm$")}),
    "no class Sigmoid": ([], {"class Sigmoid(": "class Logistic("}, {"2.4": (4, "^hw1.py has no Sigmoid$")}),
    "no get_training_stats": ([], {"def get_training_stats(": "def stats("}, {
        "2.8": (10, "^hw1.py has no get_training_stats$")}),
}


def check(text, lost, folder):
    """The handin loses these points and no other, each reason is as written, and none is of Python."""
    graded = processes.grade(written(folder, text), apart=False).sections
    found = {number: section.possible - section.earned for number, section in graded.items()}
    assert found == {number: lost.get(number, (0,))[0] for number in FULL}
    assert {number: section.possible for number, section in graded.items()} == FULL
    for number, (_, pattern) in lost.items():
        reasons = graded[number].reasons
        assert reasons and len(set(reasons)) == len(reasons)
        for reason in reasons:
            assert re.search(pattern, reason), (number, reason)
            assert not re.search("NotImplemented|BaseException|NoneType", reason)


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("stage", [stage for stage, (pieces, _, _) in STAGES.items() if pieces])
def test_a_stage(stage, stub, tmp_path):
    pieces, edits, lost = STAGES[stage]
    check(stubbed(pieces, stub, edited(edits)), lost, tmp_path)


@pytest.mark.parametrize("stage", [stage for stage, (pieces, _, _) in STAGES.items() if not pieces])
def test_without_stubs(stage, tmp_path):
    _, edits, lost = STAGES[stage]
    check(edited(edits), lost, tmp_path)


def test_an_empty_file(tmp_path):
    check("", {number: (points, "^hw1.py has no ") for number, points in FULL.items()}, tmp_path)
