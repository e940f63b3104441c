"""Typical mistakes, each made in the textbook: which checks must take how many points, and what the grader must say.

The grader recognises those of tests/grader/faults.py; for the further ones it has no name.
"""

import re
import typing

from tests.grader import faults
from tests.grader.faults import (ACTIVATIONS, BACKWARD_ACTIVATION, BACKWARD_BN, BN_LAYERS, CLEAR, FIRST_VELOCITY,
                                 FORWARD_ACTIVATION, FORWARD_BN, INFERENCE, LOSS, SIGMOID_DERIVATIVE,
                                 TANH_DERIVATIVE, VELOCITY, batchnorm, both)


class Case(typing.NamedTuple):
    """lost: the checks that lose their points, or half ("/2"). reason: a pattern for one of the first section's.

    edits: {old: new}. neutral: settings of the oracle; where a check loses nothing though the fault shows in it, that
    is because it cost points before: in one of these settings it does not show, and the piece is right.
    form: the numbers are right, what is lost is lost for a shape, a type, an array of the caller's or what runs.
    """

    name: str
    lost: str
    reason: str
    edits: dict
    neutral: tuple = ()
    form: bool = False


# what is lost, where that is much
FORWARDS = "2.5 forward [32]; 2.5 forward [64, 32]; 2.5 forward [32, 32, 32, 32, 32]"
BACKWARDS = FORWARDS.replace("forward", "backward") + "; 2.5 mixed_activations"
FIVE_LAYERS = "2.5 forward [32, 32, 32, 32, 32]"
TWO_AND_THREE = "2.6 in a network, num_bn_layers=2; 2.6 in a network, num_bn_layers=3"
IN_NETWORKS = f"2.6 in a network, num_bn_layers=1; {TWO_AND_THREE}"
HIDDEN_STEPS = "2.7 five steps, one hidden layer; 2.7 five steps, two hidden layers"
STEPS = f"2.7 five steps, no hidden layer; {HIDDEN_STEPS}"
SHARED = "2.7 five steps, no hidden layer; 2.7 networks_side_by_side"

# settings of the oracle in which a fault does not show
ONE, NO_BIAS, STILL, NO_BN, GRADIENTS = {"m": 1}, {"bias": 0}, {"lr": 0}, {"bn": False}, {"gradients": True}
FRESH, LR1, L1, L2 = {"fresh": True, "momentum": 0}, {"lr": 1}, {"layers": 1}, {"layers": 2}
SIGMOIDS, IDENTITIES = {"activation": "Sigmoid"}, {"activation": "Identity"}
UNIT, CONSTANT = {"column": (1.0, -1.0) * 3}, {"column": (0.0,) * 6}
TRANSPOSED, FINITE, TEN = {"transposed": True}, {"finite": True}, {"batch_size": 10}

LOST = {  # faults that the grader recognises: what is lost, and the neutral settings
    "loss sign": ("2.2 loss", FINITE),
    "loss averaged, loss summed, loss divided": ("2.2 loss", ONE),
    "dlogits divided, dlogits is sm, dlogits sign": ("2.2 derivative",),
    "dW transposed": ("2.3 backward", TRANSPOSED),
    "bias forgotten": ("2.3 forward", NO_BIAS),
    "dW summed, db summed, summed, divided twice, delta divided": ("2.3 backward", ONE),
    "accumulated": ("2.3 zero_grads; 2.3 five_steps", FRESH),
    "step sign, W not updated, bias not updated, momentum of 0.9": ("2.3 five_steps", STILL),
    "step without lr": ("2.3 five_steps", LR1),
    "state of Sigmoid, sigmoid', sigmoid' twice, stale Sigmoid": ("2.4 Sigmoid/2",),
    "state of Tanh, tanh', tanh' twice, tanh' square, stale Tanh": ("2.4 Tanh/2",),
    "state of ReLU, relu' at 0, relu' is 1, relu' is state, stale ReLU": ("2.4 ReLU/2",),
    "one hidden layer": (f"2.5 forward [64, 32]; {FIVE_LAYERS}; 2.6 in a network, num_bn_layers=3; 2.6 step", L1),
    "two hidden layers, three hidden layers": (FIVE_LAYERS, L2),
    "first bias, last bias": (FORWARDS, NO_BIAS),
    "first activation": (FORWARDS, SIGMOIDS),
    "last activation": ("2.5 mixed_activations",),
    "all activations": (BACKWARDS, IDENTITIES),
    "not transposed": ("2.5 backward [32, 32, 32, 32, 32]", GRADIENTS),
    "m - 1": ("2.6 training", CONSTANT),
    "eps outside, root missing, eps missing": ("2.6 training", UNIT),
    "running kept, deviation averaged, alpha, running of batch": ("2.6 running_statistics",),
    "eval by batch, eval by last batch, eval stored x": ("2.6 inference",),
    "gamma in dx, dvar, dvar and dmean, dmean": ("2.6 backward",),
    "dgamma of out, dgamma of x, dgamma divided, dgamma swapped": ("2.6 backward",),
    "eval not passed, bias with BatchNorm": ("2.6 train_and_infer",),
    "first BatchNorm alone, same BatchNorm, one BatchNorm": (TWO_AND_THREE, NO_BN),
    "gamma of the first, beta kept, gamma alone kept, gamma kept, gamma sign": ("2.6 train_and_infer", STILL),
    "gamma of the last, gamma without lr": ("2.6 train_and_infer", NO_BN),
    "gamma of the first two": ("2.6 step",),
    "not backward, BatchNorm first, BatchNorm late, last layers": (IN_NETWORKS, NO_BN),
    "no momentum": (f"{STEPS}; 2.7 networks_side_by_side; 2.7 velocity_is_not_initialised", STILL),
    "nesterov, damping, momentum sign, b without momentum": (STEPS, STILL),
    "velocity of weight_init_fn": (f"2.5 initializers; {STEPS}", FRESH),
    "velocity of bias_init_fn": ("2.7 velocity_is_not_initialised",),
    "gamma with momentum": ("2.7 with_batchnorm",),
}
TOLD = {"velocity of weight_init_fn": "weight_init_fn is called 6 times for 3 layers",
        "velocity of bias_init_fn": "bias_init_fn is called 4 times for 2 layers"}

RELU = ACTIVATIONS["ReLU"][0]
RETURN_SIGMOID = f"{ACTIVATIONS['Sigmoid'][0]}\n        return self.state\n"
STORED, INIT_BN = "        self.outputs = [x]", "self.bn_layers = None\n"
WEIGHTS, BIASES, SIZES = "[weight_init_fn(", "[bias_init_fn(", "sizes = [input_size] + hiddens + [output_size]"
W_LINES = ("        self.W = [weight_init_fn", "self.dW = [np.zeros(W.shape) for W in self.W]",
           "self.vW = [np.zeros(W.shape) for W in self.W]", "@ self.W[i] + self.b[i]", "delta @ self.W[i].T",
           "self.W[i] = self.W[i] + self.vW[i]")
# get_training_stats
SETS, TEST = "    train, val, test = dset\n", "testx, testy = test"
SHUFFLE, EVAL_MODE = "        np.random.shuffle(idxs)\n", "        mlp.eval()\n"
TRAINING_LOSS, TRAINING_ERROR, CURVE = "loss / len(trainx)", "errors / len(trainx)", "np.array(curve)"
VALIDATION_ERROR = "        validation_errors.append(errors / len(valx))\n"

FAULTS = [
    Case(name, lost, re.escape(TOLD.get(name, faults.FAULTS[name][1])), faults.FAULTS[name][2], tuple(neutral))
    for names, (lost, *neutral) in LOST.items() for name in names.split(", ")]
FAULTS += [  # further ones
    Case("no max in the log-sum-exp", "2.2 log_sum_exp", "take the largest out", {
        "a = np.max(x, axis=1, keepdims=True)": "a = 0"}),
    Case("log of the softmax", "2.2 log_sum_exp", "the log is taken of a softmax that is 0", {
        LOSS: "-np.sum(y * np.log(self.sm), axis=1)"}),
    Case("loss as a column", "2.2 loss", r"the loss of 7 examples has shape \(7, 1\), .* with \(7,\)", {
        LOSS: f"{LOSS}[:, np.newaxis]"}, form=True),
    Case("criterion changes the logits", "2.2 loss", "the logits, .* is changed", {
        "self.logits = x\n": "x -= np.max(x, axis=1, keepdims=True)\n        self.logits = x\n"}, form=True),
    Case("the first labels are kept", "2.2 derivative", r"derivative, line \d+ of hw1.py", {
        "self.labels = y": "self.labels = y if self.labels is None else self.labels"}),
    Case("forward gives None", f"2.3 forward; {FORWARDS}; 2.5 mixed_activations; {IN_NETWORKS}; 2.6 train_and_infer",
         r"forward\(x\) is None", {"        return self.outputs[-1]\n": ""}),
    Case("forward never empties its list", "2.3 five_steps; 2.5 batches_of_other_sizes", "an earlier batch", {
        INIT_BN: f"{INIT_BN}        self.outputs = []\n", "self.outputs = [x]": "self.outputs.append(x)"}, (FRESH,)),
    Case("zero_grads forgets db", "2.3 zero_grads", r"zero_grads leaves db\[0\]", {CLEAR.replace("W", "b"): "pass"}),
    Case("W a plain array for one layer", f"2.3 zero_grads; 2.3 five_steps; {SHARED}",
         "W is of type ndarray: it must be a list", {
        **{line: line.replace("self.W", "self.weights") for line in W_LINES},
        "class MLP:\n": """class MLP:
    W = property(lambda self: self.weights[0] if self.nlayers == 1 else self.weights,
                 lambda self, W: setattr(self, "weights", W))
"""}, form=True),
    Case("an assert", "2.3 five_steps", r"Error: assert len.x. != 6 \(forward, line", {
        STORED: f"        assert len(x) != 6\n{STORED}"}, (ONE,), form=True),
    Case("forward writes into its x", "2.3 forward", "x, .* is changed", {
        STORED: "        x *= 2.0\n        self.outputs = [x / 2]"}, form=True),
    Case("Sigmoid.state is never set", "2.4 Sigmoid/2", "Sigmoid.state is None: it is never set", {
        text: text.replace("state", "output") for text in (RETURN_SIGMOID, SIGMOID_DERIVATIVE)}),
    Case("Tanh's state changed in place by derivative", "2.4 Tanh/2", "Tanh.derivative changes state in place", {
        f"return {TANH_DERIVATIVE}": "self.state **= 2\n        return 1 - self.state"}),
    Case("ReLU clips its input in place", "2.4 ReLU", "the argument of ReLU.forward, .* is changed", {
        RELU: "x[x < 0] = 0\n        self.state = x"}, form=True),
    Case("ReLU's derivative is boolean", "2.4 ReLU/2", r"ReLU.derivative.* has dtype bool, .* with float64", {
        "np.where(self.state > 0, 1.0, 0.0)": "self.state > 0"}, form=True),
    Case("Tanh is the sigmoid", "2.4 Tanh", "the output of Tanh for .* is wrong", {
        "np.tanh(x)": "1 / (1 + np.exp(-x))"}),
    Case("one layer not transposed", "2.5 backward [32, 32, 32, 32, 32]", r"dW\[1\] is wrong in .*; dW\[2\] is right", {
        "self.W[i].T": "(self.W[i] if i == 2 and self.W[i].shape == self.W[i].T.shape else self.W[i].T)"},
         (GRADIENTS,)),
    Case("no layer transposed", f"{BACKWARDS}; 2.5 batches_of_other_sizes; {IN_NETWORKS}",
         r"matmul.*\(backward, line \d+ of hw1.py\)", {"self.W[i].T": "self.W[i]"}, (GRADIENTS,)),
    Case("the list of hiddens modified", "2.5 initializers", "the list of hiddens, .* is changed", {
        SIZES: "hiddens.insert(0, input_size)\n        hiddens.append(output_size)\n        sizes = hiddens"}),
    Case("the list of activations modified", "2.5 initializers", "the list of activations, .* is changed", {
        SIZES: f"{SIZES}\n        activations.append(criterion)"}),
    Case("weight_init_fn called twice", "2.5 initializers", "weight_init_fn is called 6 times for 3 layers", {
        FIRST_VELOCITY: "self.vW = [0 * weight_init_fn(*W.shape) for W in self.W]"}),
    Case("weights made from output to input", "2.5 initializers", "weight_init_fn .* from input to output it is", {
        "(self.nlayers)]\n        self.b =": "(self.nlayers)[::-1]][::-1]\n        self.b ="}),
    Case("the module's own initializers", "2.5 initializers", "MLP does not call weight_init_fn", {
        WEIGHTS: "[random_normal_weight_init(", BIASES: "[zeros_bias_init("}),
    Case("the module's own bias initializer", "2.5 initializers", r"b\[0\] is not what bias_init_fn", {
        BIASES: "[zeros_bias_init("}),
    Case("momentum by default", "2.5 initializers", "momentum is 0.9", {"lr, momentum=0.0": "lr, momentum=0.9"}),
    Case("dW of the last layer alone", f"{BACKWARDS}; 2.5 batches_of_other_sizes", r"dW\[0\]", {
        "            self.dW[i] = ": "            if i == self.nlayers - 1:\n                self.dW[i] = "},
         (GRADIENTS,)),
    Case("backward of the last two layers alone", f"{BACKWARDS.replace('2.5 backward [32]; ', '')}; {IN_NETWORKS}",
         r"dW\[0\]", {"for i in range(self.nlayers)[::-1]:": "for i in range(self.nlayers)[:-3:-1]:"}, (STILL,)),
    Case("one activation for all hidden layers", BACKWARDS.replace("2.5 backward [32]; ", ""), r"dW\[3\] is wrong", {
        "self.activations = activations": "self.activations = activations[:1] * len(hiddens) + activations[-1:]"},
         (GRADIENTS,)),
    Case("the last activation left out of forward", "2.5 mixed_activations", r"forward\(x\) is wrong", {
        FORWARD_ACTIVATION: FORWARD_ACTIVATION.replace("(z))", "(z) if i < self.nlayers - 1 else z)"),
        BACKWARD_ACTIVATION: f"            if i < self.nlayers - 1:\n    {BACKWARD_ACTIVATION}"}),
    Case("running statistics changed in inference", "2.6 inference", "statistics change in inference", {
        INFERENCE: f"{INFERENCE}\n            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=0)"}),
    Case("alpha is always 0.9", "2.6 running_statistics", "alpha", {"self.alpha = alpha": "self.alpha = 0.9"}),
    Case("BatchNorm changes its input", "2.6 training; 2.6 inference", "BatchNorm's x, .* is changed", {
        "self.norm = (x - mean)": "x -= mean\n        self.norm = x",
        "centred = self.x - self.mean": "centred = self.x"}, form=True),
    Case("BatchNorm on two layers at most", "2.6 in a network, num_bn_layers=3", "is wrong in",
         batchnorm("self.num_bn_layers", "min(2, self.num_bn_layers)"), (STILL,)),
    Case("BatchNorm on one layer more", IN_NETWORKS, "is wrong in", {
        BN_LAYERS: BN_LAYERS.replace("num_bn_layers)", "num_bn_layers + 1)"), **batchnorm("i <", "i <=")}, (NO_BN,)),
    Case("bn_layers[0] in every layer, in eval mode", "2.6 train_and_infer", "is wrong in", {
        FORWARD_BN: FORWARD_BN.replace("[i]", "[i if self.train_mode else 0]")}),
    Case("backward through BatchNorm in the first layer alone", TWO_AND_THREE, "is wrong in", {
        BACKWARD_BN: BACKWARD_BN.replace("self.num_bn_layers", "1")}, (STILL,)),
    Case("no way back to train mode", "2.6 train_and_infer", "after step 2, .* is wrong", {
        "        self.train_mode = True\n\n    def eval": "        pass\n\n    def eval"}),
    Case("velocity reset by zero_grads", LOST["no momentum"][0], "or zero_grads resets it", both(
        CLEAR, f"{CLEAR}\n            self.vW[i].fill(0.0)"), (STILL,)),
    Case("the network's own momentum", STEPS, "momentum is 0.9 whatever MLP is given", {
        "self.momentum = momentum": "self.momentum = 0.9 if momentum else 0"}, (STILL,)),
    Case("one velocity for all networks", SHARED, "share a velocity", {
        "class MLP:\n": "VELOCITIES = {}\n\n\nclass MLP:\n",
        FIRST_VELOCITY: FIRST_VELOCITY.replace("[", "VELOCITIES.setdefault(tuple(sizes), [") + ")"}, (FRESH,)),
    Case("the lr of the last network in all", "2.7 networks_side_by_side", "of three that are trained", {
        "        self.lr = lr\n": "        MLP.lr = lr\n"}),
    Case("momentum for the first layer alone", HIDDEN_STEPS, "is wrong in", both(
        VELOCITY, f"(i == 0) * {VELOCITY}"), (STILL,)),
    Case("momentum for the first two layers", "2.7 five steps, two hidden layers", "is wrong in", both(
        VELOCITY, f"(i < 2) * {VELOCITY}"), (STILL,)),
    Case("statistics per batch", "2.8 short_last_batch", "are averages of the batches' averages", {
        "np.sum(mlp.criterion.loss)": "np.mean(mlp.criterion.loss)",
        TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Case("losses summed", "2.8 training_statistics", "are sums over the examples", {TRAINING_LOSS: "loss"}),
    Case("losses by the number of batches", "2.8 training_statistics", "averages over the number of batches", {
        TRAINING_LOSS: "loss / -(-len(trainx) // batch_size)"}),
    Case("losses of the last batch alone", "2.8 training_statistics", "are of the last batch alone", {
        TRAINING_LOSS: "np.mean(mlp.criterion.loss)"}),
    Case("losses of a second pass", "2.8 training_statistics", "are those of a second pass", {
        TRAINING_LOSS: "np.mean(mlp.criterion(mlp.forward(trainx), trainy))"}),
    Case("accuracies", "2.8 training_statistics", "are accuracies", {TRAINING_ERROR: f"1 - {TRAINING_ERROR}"}),
    Case("percentages", "2.8 training_statistics", "are percentages", {TRAINING_ERROR: f"100 * {TRAINING_ERROR}"}),
    Case("last batch dropped", "2.8 short_last_batch", "the last, shorter batch is dropped", {
        "range(0, len(trainx), batch_size)": "range(0, len(trainx) - batch_size + 1, batch_size)"}),
    Case("trained on the validation set", "2.8 batches", "trains on the validation set", {
        VALIDATION_ERROR: f"{VALIDATION_ERROR}        mlp.forward(valx), mlp.backward(valy), mlp.step()\n"}),
    Case("test predictions out of order", "2.8 confusion_matrix", "labels are not in the same order", {
        TEST: "testx, testy = test[0], test[1][::-1]"}),
    Case("confusion matrix transposed", "2.8 confusion_matrix", "confusion_matrix is transposed", {
        "confusion_matrix[i, j]": "confusion_matrix[j, i]"}),
    Case("confusion matrix in fractions", "2.8 confusion_matrix", "confusion_matrix holds fractions", {
        "confusion_matrix[i, j] += 1": "confusion_matrix[i, j] += 1 / len(testx)"}),
    Case("confusion matrix of the validation set", "2.8 confusion_matrix", "the test set is not evaluated", {
        TEST: "testx, testy = val"}),
    Case("confusion matrix forgotten", "2.8 confusion_matrix", "returns 4 values; the handout asks for five", {
        " + (confusion_matrix,)": ""}),
    Case("tested in training mode", "2.8 confusion_matrix", "test set is evaluated in training mode", {
        "mlp.output_size))\n    mlp.eval()": "mlp.output_size))\n    mlp.train()"}),
    Case("lists for arrays", "2.8 result", "training_losses is a list", {CURVE: "curve"}),
    Case("integer arrays", "2.8 training_statistics; 2.8 validation_statistics; 2.8 result", "is an integer array", {
        CURVE: "np.array(curve, dtype=int)"}, form=True),
    Case("data and labels shuffled apart", "2.8 batches", "shuffle data and labels", {
        "trainy[idxs[b:b + batch_size]]": "trainy[np.random.permutation(idxs)[b:b + batch_size]]"}),
    Case("the caller's arrays shuffled in place", "2.8 batches", "trainx, .* is changed", {
        SHUFFLE: f"{SHUFFLE}        trainx[:], trainy[:] = trainx[idxs], trainy[idxs]\n"}),
    Case("no shuffle at all", "2.8 batches", "the examples are not shuffled", {SHUFFLE: ""}),
    Case("shuffled once", "2.8 batches", "two epochs take the examples in the same order", {
        f"    for _ in range(nepochs):\n{SHUFFLE}": "    np.random.shuffle(idxs)\n    for _ in range(nepochs):\n"}),
    Case("seeded anew in each epoch", "2.8 batches", "calls np.random.seed", {
        SHUFFLE: f"        np.random.seed(1)\n{SHUFFLE}"}, form=True),
    Case("train mode never restored", "2.8 training_statistics", "the network goes on training in eval mode", {
        "        mlp.train()\n": ""}),
    Case("validated in training mode", "2.8 validation_statistics", "validation set is evaluated in training mode", {
        EVAL_MODE: ""}),
    Case("validated once, at the end", "2.8 validation_statistics", "is not evaluated whole after each epoch", {
        EVAL_MODE: "        if len(training_losses) < nepochs:\n            validation_losses.append(0.0)\n"
                   f"            validation_errors.append(0.0)\n            continue\n{EVAL_MODE}"}),
    Case("no step", "2.8 batches", "a batch is not followed by one step", {"            mlp.step()\n": ""}),
    Case("batches of 10", "2.8 short_last_batch", "batch", {SETS: f"{SETS}    batch_size = 10\n"}, (TEN,), form=True),
    Case("three epochs", "2.8 short_last_batch", "an entry for each of 1 epochs", {"range(nepochs)": "range(3)"}),
]
