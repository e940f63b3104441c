"""Typical mistakes, each made in the textbook: what they cost, and what the grader must say.

The grader recognises those of tests/grader/faults.py; for the further ones it has no name.
"""

import collections
import re

from tests.grader import faults
from tests.grader.faults import (
    BACKWARD_BN, BN_LAYERS, DERIVATIVE, FIRST_VELOCITY, FORWARD_BN, INFERENCE, LOSS, TEXTBOOK,
    VELOCITY, batchnorm, both, derivative_of)
from tests.grader.proof.styles import DSET, EVAL_MODE, SHUFFLE, TESTED

# lost: the checks that lose their points, or half ("/2"). reason: a pattern for one of the reasons
# of the first section among them. edits: {old: new}.
# neutral: settings of the oracle; where a check loses nothing though the fault shows in it, that is
# because it cost points before: in one of these it does not show, and the piece is right.
# form: the numbers are right; a shape, a type, an array of the caller's or what runs is not.
Case = collections.namedtuple("Case", "name lost reason edits neutral form")
FORM = True

# what is lost, where that is much
FORWARDS = "2.5 forward [32]; 2.5 forward [64, 32]; 2.5 forward [32, 32, 32, 32, 32]"
DEEP = "2.5 backward [64, 32]; 2.5 backward [32, 32, 32, 32, 32]; 2.5 mixed_activations"
BACKWARDS = f"2.5 backward [32]; {DEEP}"
FIVE_LAYERS = "2.5 forward [32, 32, 32, 32, 32]"
TWO_AND_THREE = "2.6 in a network, num_bn_layers=2; 2.6 in a network, num_bn_layers=3"
IN_NETWORKS = f"2.6 in a network, num_bn_layers=1; {TWO_AND_THREE}"
HIDDEN_STEPS = "2.7 five steps, one hidden layer; 2.7 five steps, two hidden layers"
STEPS = f"2.7 five steps, no hidden layer; {HIDDEN_STEPS}"
SHARED = "2.7 five steps, no hidden layer; 2.7 networks_side_by_side"
NO_MOMENTUM = f"{STEPS}; 2.7 networks_side_by_side; 2.7 velocity_is_not_initialised"

# settings of the oracle in which a fault does not show
L0, L1, L2, LR0, LR1 = {"hiddens": []}, {"hiddens": [6]}, {"hiddens": [6, 5]}, {"lr": 0}, {"lr": 1}
ONE, FRESH, NO_BIAS, NO_BN = {"sizes": [1] * 3}, {"fresh": True}, {"bias": 0}, {"num_bn_layers": 0}
SIGMOIDS, IDENTITIES = {"names": ["Sigmoid"] * 6}, {"names": ["Identity"] * 6}
PLAIN, UNIT, CONSTANT = {"momentum": 0}, {"column": [1, -1] * 3}, {"column": [0] * 6}
TRANSPOSED = {"transposed": True, "hiddens": [6, 5, 4]}

STORED, BIASES, ERRORS = "        self.outputs = [x]", "[bias_init_fn(", "training_errors[e] +="
SIZES, W_T = "sizes = [input_size] + hiddens + [output_size]", "self.W[i].T"
LOSSES = "np.sum(mlp.criterion.loss) / len(trainx)"
PRICES = [  # what is lost, the faults that the grader recognises, further ones, neutral settings
    ("2.2 loss", "loss sign, loss averaged, loss summed, loss divided", {
        "loss as a column": (r"the loss of 7 examples has shape \(7, 1\), .* with \(7,\)", {
            LOSS: f"{LOSS}[:, np.newaxis]"}, FORM),
        "criterion changes the logits": ("the logits, .* is changed", {
            "self.logits = x": "x -= 1\n        self.logits = x"}, FORM)}),
    ("2.2 derivative", "dlogits divided, dlogits is sm, dlogits sign", {
        "the first labels are kept": (r"derivative, line \d+ of hw1.py", {
            "self.labels = y": "self.labels = y if self.labels is None else self.labels"})}),
    ("2.2 log_sum_exp", "", {
        "no max in the log-sum-exp": ("take the largest out", {
            "a = np.max(x, axis=1, keepdims=True)": "a = 0"}),
        "log of the softmax": ("the log is taken of a softmax that is 0", {
            LOSS: "-np.sum(y * np.log(self.sm), axis=1)"})}),
    ("2.3 backward", "dW transposed", {}, TRANSPOSED),
    ("2.3 forward", "bias forgotten", {}, NO_BIAS),
    ("2.3 backward", "dW summed, db summed, summed, divided twice, delta divided", {}, ONE),
    ("2.3 zero_grads; 2.3 five_steps", "accumulated", {}, FRESH),
    ("2.3 five_steps",
     "step sign, W not updated, bias not updated, momentum of 0.9, step without lr", {}, LR0, LR1),
    (f"2.3 forward; {FORWARDS}; 2.5 mixed_activations; {IN_NETWORKS}; 2.6 train_and_infer", "", {
        "forward gives None": (r"forward\(x\) is None", {"return self.outputs[-1]": "pass"})}),
    ("2.3 five_steps; 2.5 batches_of_other_sizes", "", {
        "forward never empties its list": ("an earlier batch", {
            "self.outputs = [x]": "self.outputs = getattr(self, 'outputs', []) + [x]"})}, FRESH),
    ("2.3 zero_grads", "", {"zero_grads forgets db": (r"zero_grads leaves db\[0\]", {
        "self.db[i].fill(0.0)": "pass"})}),
    (f"2.3 zero_grads; 2.3 five_steps; {SHARED}", "", {
        "W a plain array for one layer": ("W is of type ndarray: it must be a list", {
            TEXTBOOK: TEXTBOOK.replace("self.W", "self.weights").replace("class MLP:\n", """\
class MLP:
    W = property(lambda self: self.weights[0] if self.nlayers == 1 else self.weights,
                 lambda self, W: setattr(self, "weights", W))
""")})}),
    ("2.3 five_steps", "", {"an assert": (r"Error: assert len.x. != 6 \(forward, line", {
        STORED: f"        assert len(x) != 6\n{STORED}"}, FORM)}),
    ("2.3 forward", "", {"forward writes into its x": ("x, .* is changed", {
        STORED: "        x *= 2.0\n        self.outputs = [x / 2]"}, FORM)}),
    ("2.4 Sigmoid/2", "state of Sigmoid, sigmoid', sigmoid' twice, stale Sigmoid", {
        "Sigmoid.state is never set": ("Sigmoid.state is None: it is never set", derivative_of(
            "Sigmoid", "output", "self.output, self.state = self.state, None", "output"))}),
    ("2.4 Tanh/2", "state of Tanh, tanh', tanh' twice, tanh' square, stale Tanh", {
        "Tanh's state changed in place by derivative": ("Tanh.derivative changes state in place", {
            "return 1 - self.state ** 2": "self.state **= 2\n        return 1 - self.state"})}),
    ("2.4 ReLU/2", "state of ReLU, relu' at 0, relu' is 1, relu' is state, stale ReLU", {
        "ReLU's derivative is boolean": (r"ReLU.derivative.* has dtype bool, .* with float64", {
            "np.where(self.state > 0, 1.0, 0.0)": "self.state > 0"}, FORM)}),
    ("2.4 ReLU", "", {"ReLU clips its input in place": (
        "the argument of ReLU.forward, .* is changed", {"(0, x)": "(0, x, out=x)"}, FORM)}),
    ("2.4 Tanh", "", {"Tanh is the sigmoid": ("the output of Tanh for .* is wrong", {
        "np.tanh(x)": "1 / (1 + np.exp(-x))"})}),
    (f"2.5 forward [64, 32]; {FIVE_LAYERS}; 2.6 in a network, num_bn_layers=3; 2.6 step",
     "one hidden layer", {}, L1),
    (FIVE_LAYERS, "two hidden layers, three hidden layers", {}, L2),
    (FORWARDS, "first bias, last bias", {}, NO_BIAS),
    (FORWARDS, "first activation", {}, SIGMOIDS),
    ("2.5 mixed_activations", "last activation", {
        "the last activation left out of forward": (r"forward\(x\) is wrong", {
            "activations[i](z)": "activations[i](z) if i < self.nlayers - 1 else z",
            DERIVATIVE: f"{DERIVATIVE} if i < self.nlayers - 1 else delta"})}),
    (BACKWARDS, "all activations", {}, IDENTITIES),
    ("2.5 backward [32, 32, 32, 32, 32]", "not transposed", {
        "one layer not transposed": (r"dW\[1\] is wrong in .*; dW\[2\] is right", {
            W_T: "(self.W[i].T if i != 2 or np.ptp(self.W[i].shape) else self.W[i])"})}, L1),
    (f"2.5 initializers; {STEPS}", "", {"velocity of weight_init_fn": (
        "weight_init_fn is called 6 times for 3 layers",
        faults.FAULTS["velocity of weight_init_fn"][2])}, PLAIN),
    ("2.5 initializers", "", {
        "the list of hiddens modified": ("the list of hiddens, .* is changed", {
            SIZES: "hiddens += [output_size]\n        sizes = [input_size] + hiddens"}),
        "the list of activations modified": ("the list of activations, .* is changed", {
            SIZES: f"{SIZES}\n        activations.append(criterion)"}),
        "weight_init_fn called twice": ("weight_init_fn is called 6 times for 3 layers", {
            FIRST_VELOCITY: "self.vW = [0 * weight_init_fn(*W.shape)"}),
        "weights made from output to input": ("weight_init_fn .* from input to output it is", {
            "(self.nlayers)]\n        self.b =": "(self.nlayers)[::-1]][::-1]\n        self.b ="}),
        "the module's own initializers": ("MLP does not call weight_init_fn", {
            "[weight_init_fn(": "[random_normal_weight_init(", BIASES: "[zeros_bias_init("}),
        "the module's own bias initializer": (r"b\[0\] is not what bias_init_fn", {
            BIASES: "[zeros_bias_init("}),
        "momentum by default": ("momentum is 0.9", {"lr, momentum=0.0": "lr, momentum=0.9"})}),
    (DEEP, "", {"one activation for all hidden layers": (r"dW\[3\] is wrong", {
        "= activations": "= activations[:1] * len(hiddens) + activations[-1:]"})}, L1),
    (f"{BACKWARDS}; 2.5 batches_of_other_sizes; {IN_NETWORKS}", "", {"no layer transposed": (
        r"matmul.*\(backward, line \d+ of hw1.py\)", {W_T: "self.W[i]"})}, L0),
    (f"{BACKWARDS}; 2.5 batches_of_other_sizes", "", {"dW of the last layer alone": (r"dW\[0\]", {
        "dW[i] =": "dW[i] = (i == self.nlayers - 1) *"})}, L0),
    (f"{DEEP}; {IN_NETWORKS}", "", {"backward of the last two layers alone": (r"dW\[0\]", {
        "range(self.nlayers)[::-1]": "range(self.nlayers)[:-3:-1]"})}, L1),
    ("2.6 training", "m - 1", {}, CONSTANT),
    ("2.6 training", "eps outside, root missing, eps missing", {}, UNIT),
    ("2.6 running_statistics", "running kept, deviation averaged, alpha, running of batch", {
        "alpha is always 0.9": ("alpha", {"= alpha, 1e-8": "= 0.9, 1e-8"})}),
    ("2.6 inference", "eval by batch, eval by last batch, eval stored x", {
        "running statistics changed in inference": ("statistics change in inference", {
            INFERENCE: f"{INFERENCE}\n            self.running_mean = (mean + x.mean(0)) / 2"})}),
    ("2.6 backward", "gamma in dx, dvar, dvar and dmean, dmean, dgamma of out, dgamma of x, "
     "dgamma divided, dgamma swapped", {}),
    ("2.6 train_and_infer", "eval not passed, bias with BatchNorm", {
        "bn_layers[0] in every layer, in eval mode": ("is wrong in", {
            FORWARD_BN: FORWARD_BN.replace("[i]", "[i if self.train_mode else 0]")}),
        "no way back to train mode": ("after step 2, .* is wrong", {
            "        self.train_mode = True\n\n    def eval": "        pass\n\n    def eval"})}),
    (TWO_AND_THREE, "first BatchNorm alone, same BatchNorm, one BatchNorm", {
        "backward through BatchNorm in the first layer alone": ("is wrong in", {
            BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "1")})}, NO_BN),
    ("2.6 train_and_infer", "gamma of the first, beta kept, gamma alone kept, gamma kept, "
     "gamma sign, gamma of the last, gamma without lr", {}, NO_BN),
    ("2.6 step", "gamma of the first two", {}),
    (IN_NETWORKS, "not backward, BatchNorm first, BatchNorm late, last layers", {
        "BatchNorm on one layer more": ("is wrong in", {
            BN_LAYERS: BN_LAYERS.replace("num_bn_layers)", "num_bn_layers + 1)"),
            **batchnorm("i <", "i <=")})}, NO_BN),
    ("2.6 training; 2.6 inference", "", {"BatchNorm changes its input": (
        "BatchNorm's x, .* is changed", {"self.x = x\n": "x *= 2.0\n        self.x = x = x / 2\n"},
        FORM)}),
    ("2.6 in a network, num_bn_layers=3", "", {"BatchNorm on two layers at most": ("is wrong in",
        batchnorm("self.num_bn_layers", "min(2, self.num_bn_layers)"))}, NO_BN),
    (NO_MOMENTUM, "no momentum", {"velocity reset by zero_grads": ("or zero_grads resets it", both(
        "self.dW[i].fill", "self.vW[i].fill(0.0)\n            self.dW[i].fill"))}, PLAIN),
    (STEPS, "nesterov, damping, momentum sign, b without momentum", {
        "the network's own momentum": ("momentum is 0.9 whatever MLP is given", {
            "= lr, momentum": "= lr, 0.9 if momentum else 0"})}, PLAIN),
    ("2.7 velocity_is_not_initialised", "", {"velocity of bias_init_fn": (
        "bias_init_fn is called 4 times for 2 layers",
        faults.FAULTS["velocity of bias_init_fn"][2])}),
    ("2.7 with_batchnorm", "gamma with momentum", {}),
    (SHARED, "", {"one velocity for all networks": ("share a velocity", {
        "num_bn_layers=0": "num_bn_layers=0, shared={}", "self.bn_layers = None":
            "self.vW, self.bn_layers = shared.setdefault(tuple(sizes), self.vW), None"})}, PLAIN),
    ("2.7 networks_side_by_side", "", {"the lr of the last network in all": (
        "of three that are trained", {"self.lr, ": "MLP.lr, "})}),
    (HIDDEN_STEPS, "", {"momentum for the first layer alone": ("is wrong in",
        both(VELOCITY, f"(i == 0) * {VELOCITY}"))}, PLAIN),
    ("2.7 five steps, two hidden layers", "", {"momentum for the first two layers": ("is wrong in",
        both(VELOCITY, f"(i < 2) * {VELOCITY}"))}, PLAIN),
    ("2.8 short_last_batch", "", {
        "statistics per batch": ("are averages of the batches' averages", {
            LOSSES: "np.mean(mlp.criterion.loss) / -(-len(trainx) // batch_size)"}),
        "last batch dropped": ("the last, shorter batch is dropped", {
            "(0, len(trainx), batch_size)": "(0, len(trainx) - batch_size + 1, batch_size)"}),
        "batches of 10": ("batch", {DSET: f"{DSET}    batch_size = 10\n"}),
        "three epochs": ("an entry for each of 1 epochs", {DSET: f"{DSET}    nepochs = 3\n"})}),
    ("2.8 training_statistics", "", {
        "losses summed": ("are sums over the examples", {LOSSES: "np.sum(mlp.criterion.loss)"}),
        "losses by the number of batches": ("averages over the number of batches", {
            LOSSES: "np.sum(mlp.criterion.loss) / -(-len(trainx) // batch_size)"}),
        "losses of the last batch alone": ("are of the last batch alone", {
            f"+= {LOSSES}": "= np.mean(mlp.criterion.loss)"}),
        "losses of a second pass": ("are those of a second pass", {
            EVAL_MODE: "        training_losses[e] = np.mean(mlp.criterion(mlp.forward(trainx), "
                       f"trainy))\n{EVAL_MODE}"}),
        "accuracies": ("are accuracies", {ERRORS: f"{ERRORS} len(y) / len(trainx) -"}),
        "percentages": ("are percentages", {ERRORS: f"{ERRORS} 100 *"}),
        "train mode never restored": ("the network goes on training in eval mode", {
            "        mlp.train()\n": ""})}),
    ("2.8 batches", "", {
        "trained on the validation set": ("trains on the validation set", {
            TESTED: "        mlp.forward(valx)\n        mlp.backward(valy)\n        mlp.step()\n"
                    f"{TESTED}"}),
        "data and labels shuffled apart": ("shuffle data and labels", {
            "trainy[idxs[b": "trainy[np.random.permutation(idxs)[b"}),
        "the caller's arrays shuffled in place": ("trainx, .* is changed", {
            SHUFFLE: f"{SHUFFLE}        trainx[:], trainy[:] = trainx[idxs], trainy[idxs]\n"}),
        "no shuffle at all": ("the examples are not shuffled", {SHUFFLE: ""}),
        "shuffled once": ("two epochs take the examples in the same order", {
            SHUFFLE: f"        if e == 0:\n    {SHUFFLE}"}),
        "seeded anew in each epoch": ("calls np.random.seed", {
            SHUFFLE: f"        np.random.seed(1)\n{SHUFFLE}"}, FORM),
        "no step": ("a batch is not followed by one step", {"            mlp.step()\n": ""})}),
    ("2.8 confusion_matrix", "", {
        "test predictions out of order": ("labels are not in the same order", {
            DSET: f"{DSET}    testy = testy[::-1]\n"}),
        "confusion matrix transposed": ("confusion_matrix is transposed", {
            "confusion_matrix[i, j]": "confusion_matrix[j, i]"}),
        "confusion matrix in fractions": ("confusion_matrix holds fractions", {
            "confusion_matrix[i, j] += 1": "confusion_matrix[i, j] += 1 / len(testx)"}),
        "confusion matrix of the validation set": ("the test set is not evaluated", {
            DSET: f"{DSET}    testx, testy = valx, valy\n"}),
        "confusion matrix forgotten": ("returns 4 values; the handout asks for five", {
            " + (confusion_matrix,)": ""}),
        "tested in training mode": ("test set is evaluated in training mode", {
            TESTED: TESTED.replace("eval", "train")})}),
    ("2.8 result", "", {"lists for arrays": ("training_losses is a list", {
        "(curves)": "(curves.tolist())"})}),
    ("2.8 training_statistics; 2.8 validation_statistics; 2.8 result", "", {
        "integer arrays": ("is an integer array", {"(curves)": "(curves.astype(int))"}, FORM)}),
    ("2.8 validation_statistics", "", {
        "validated in training mode": ("validation set is evaluated in training mode", {
            EVAL_MODE: ""}),
        "validated once, at the end": ("is not evaluated whole after each epoch", {
            EVAL_MODE: f"        if e < nepochs - 1:\n            continue\n{EVAL_MODE}"})}),
]
FAULTS = [
    Case(name, lost, reason, edits, neutral, bool(form))
    for lost, recognised, further, *neutral in PRICES
    for name, (reason, edits, *form) in [
        *((name, (re.escape(faults.FAULTS[name][1]), faults.FAULTS[name][2]))
          for name in recognised.split(", ") if name), *further.items()]]
