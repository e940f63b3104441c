"""Proof that mistakes cost the same in a submission unlike the textbook, one of each kind.

frozen_hw1.py checks its arguments, keeps states and shares helpers, and its MLP passes a further
argument to BatchNorm. It does not follow this repository's hw1.py.
"""

import pathlib
import re

import pytest

from tests.grader.proof.cases import BACKWARD, FORWARD, IN_NETWORK, STATISTICS, STEPS, Case
from tests.grader.proof.submissions import grade_together, write_module
from tests.grader.proof.test_mistakes import find_lost

FROZEN = pathlib.Path(__file__).with_name("frozen_hw1.py").read_text()

# A case's reason is a pattern for the first reason of the mistake's section. Its edits replace text
# that occurs once in FROZEN.
CASES = {
    "loss averaged": Case({"2.2 loss": 2}, "the loss is averaged over the batch", [
        ("        self.loss = (y * (np.log(sums) - shifted)).sum(axis=1)\n",
         "        self.loss = (y * (np.log(sums) - shifted)).sum(axis=1).mean()\n")]),
    "derivative divided": Case(
        {"2.2 derivative": 2}, r"derivative\(\) is divided by the batch size", [
            ("        return self.sm - self.labels\n",
             "        return (self.sm - self.labels) / len(self.labels)\n")]),
    "Tanh's square forgotten": Case({"2.4 Tanh.derivative": 2}, "the square is missing", [
        ("        return 1 - self.state * self.state\n", "        return 1 - self.state\n")]),
    "variance divided by m - 1": Case({"2.6 training": 2}, "divides by m - 1 in var", [
        ("            self.var = var = _batch_sum(centred * centred) / len(x)\n",
         "            self.var = var = _batch_sum(centred * centred) / (len(x) - 1)\n")]),
    "gamma forgotten in dx": Case({"2.6 backward": 3}, "leaves out gamma in dx", [
        ("        return dx * (self.gamma * self._inverse_deviation)\n",
         "        return dx * self._inverse_deviation\n")]),
    "dgamma and dbeta averaged": Case({"2.6 backward": 3}, "divided by the batch size", [
        ("        self.dbeta = _batch_sum(delta)\n"
         "        self.dgamma = _batch_sum(delta * self.norm)\n"
         "        dx = delta\n",
         "        m = len(delta)\n"
         "        self.dbeta = _batch_sum(delta) / m\n"
         "        self.dgamma = _batch_sum(delta * self.norm) / m\n"
         "        dx = delta\n"),
        ("            dx = delta - self.norm * (self.dgamma / m) - self.dbeta / m\n",
         "            dx = delta - self.norm * self.dgamma - self.dbeta\n")]),
    "dW summed": Case({"2.3 backward": 3}, "dW is the sum over the batch", [
        ("            self.dW[i] = self._outputs[i].T @ mean_delta\n",
         "            self.dW[i] = self._outputs[i].T @ delta\n")]),
    "bias forgotten": Case({"2.3 forward": 3}, "forward does not add the bias", [
        ("            x = x @ self.W[i] + self.b[i]\n", "            x = x @ self.W[i]\n")]),
    "derivatives left out": Case(BACKWARD, "backward leaves out the derivatives", [
        ("            delta = delta * self.activations[i].derivative()\n", "")]),
    "first bias alone": Case(FORWARD, "forward adds the bias only in the first layer", [
        ("            x = x @ self.W[i] + self.b[i]\n",
         "            x = x @ self.W[i] + self.b[i] * (i == 0)\n")]),
    "backward skips BatchNorm": Case(IN_NETWORK, "backward skips BatchNorm", [
        ("            if i < self.num_bn_layers:\n"
         "                delta = self.bn_layers[i].backward(delta)\n", "")]),
    "BatchNorm after the activation": Case(IN_NETWORK, "applied after the activation: apply", [
        ("            if i < self.num_bn_layers:\n"
         "                x = self.bn_layers[i](x, eval=not self.train_mode)\n"
         "            x = self.activations[i](x)\n",
         "            x = self.activations[i](x)\n"
         "            if i < self.num_bn_layers:\n"
         "                x = self.bn_layers[i](x, eval=not self.train_mode)\n"),
        ("            delta = delta * self.activations[i].derivative()\n"
         "            if i < self.num_bn_layers:\n"
         "                delta = self.bn_layers[i].backward(delta)\n",
         "            if i < self.num_bn_layers:\n"
         "                delta = self.bn_layers[i].backward(delta)\n"
         "            delta = delta * self.activations[i].derivative()\n")]),
    "weight decay": Case({"2.3 five_steps": 2}, r"W\[0\] after step 1", [
        ("                velocities[i] = momentum * velocities[i] - lr * grads[i]\n",
         "                decayed = grads[i] + 0.01 * params[i].reshape(grads[i].shape)\n"
         "                velocities[i] = momentum * velocities[i] - lr * decayed\n")]),
    "gamma and beta kept": Case({"2.6 step": 2}, "step leaves gamma and beta unchanged", [
        ("            bn.gamma = bn.gamma - lr * bn.dgamma\n"
         "            bn.beta = bn.beta - lr * bn.dbeta\n", "            pass\n")]),
    "damping": Case(STEPS, "the gradient is damped", [
        ("                velocities[i] = momentum * velocities[i] - lr * grads[i]\n",
         "                damped = (1 - momentum) * lr * grads[i]\n"
         "                velocities[i] = momentum * velocities[i] - damped\n")]),
    "one velocity for all networks": Case(
        {"2.7 networks_side_by_side": 2}, "do they share a velocity", [
            ("                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0):\n"
             "        sizes",
             "                 bias_init_fn, criterion, lr, momentum=0.0, num_bn_layers=0,\n"
             "                 shared={}):\n        sizes"),
            ("        self._outputs = []  # of the last forward\n",
             "        self._W_velocities = shared.setdefault(tuple(sizes), self._W_velocities)\n"
             "        self._outputs = []  # of the last forward\n")]),
    "eval mode not passed": Case({"2.6 train_and_infer": 1}, "does not infer in the network's", [
        ("                x = self.bn_layers[i](x, eval=not self.train_mode)\n",
         "                x = self.bn_layers[i](x)\n")]),
    "alpha is another in MLP": Case(
        {"2.6 train_and_infer": 1}, r"forward\(x\) in inference, after step 1", [
            ("        self.bn_layers = [BatchNorm(W.shape[1], dtype=W.dtype)\n",
             "        self.bn_layers = [BatchNorm(W.shape[1], 0.99, dtype=W.dtype)\n")]),
    "momentum ignored where there is BatchNorm": Case(
        {"2.7 with_batchnorm": 1}, "with BatchNorm", [
            ("        momentum = float(self.momentum)\n",
             "        momentum = float(self.momentum) * (not self.bn)\n")]),
    "a network of its own": Case(STATISTICS, "does not use the network that it is given", [
        ("    curves = np.zeros((4, nepochs))\n",
         "    activations = [Sigmoid(), Identity()]\n"
         "    mlp = MLP(d, K, [16], activations, random_normal_weight_init, zeros_bias_init,\n"
         "              SoftmaxCrossEntropy(), 0.01)\n"
         "    curves = np.zeros((4, nepochs))\n")]),
    "losses of the last batch alone": Case(
        {"2.8 training_statistics": 2}, "are of the last batch alone", [
            ("            training_losses[epoch] += _summed_loss(mlp.criterion, len(batch))\n",
             "            training_losses[epoch] = _summed_loss(mlp.criterion, len(batch))\n"),
            ("        training_losses[epoch] /= len(order)\n",
             "        training_losses[epoch] /= len(batch)\n")]),
}


def test_frozen_submission_earns_full_marks(tmp_path):
    graded = grade_together(write_module(tmp_path, FROZEN))
    assert find_lost(graded) == {}
    assert graded.advice == []


@pytest.mark.parametrize("name", CASES)
def test_mistake_costs_what_its_case_says(name, tmp_path):
    case = CASES[name]
    text = FROZEN
    for old, new in case.edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    graded = grade_together(write_module(tmp_path, text))
    assert find_lost(graded) == case.costs
    section = next(iter(case.costs)).split()[0]
    reason = graded.sections[section].reasons[0]
    assert re.search(case.reason, reason), reason
