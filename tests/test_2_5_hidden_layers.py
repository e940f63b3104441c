"""2.5 Hidden layers: an MLP of any depth, with an activation after each linear map.

Fix the first failure first: it explains those below it. Every dW and db is checked against finite
differences, from the last layer to the first, then forward against the layers written out. The
loss, the linear map and the activations come from 2.2 to 2.4.
"""

import numpy as np
import pytest

from tests.gradients import assert_close
from tests.networks import (
    ACTIVATION_FUNCTIONS, assert_all_gradients, assert_no_gradients, build_mlp, build_sigmoids,
    compute_gradients, make_batch, take_step, write_parameters)

HIDDENS = pytest.mark.parametrize("hiddens", [[8], [8, 6], [5, 5, 5, 5, 5]], ids=str)
MIXED = ["ReLU", "Tanh", "Identity", "Sigmoid", "Tanh"]


def build_mixed(nn):
    """Return an MLP with four hidden layers and a nonlinear output layer."""
    return build_mlp(nn, [6, 5, 4, 5], MIXED)


@HIDDENS
def test_gradients_agree_with_finite_differences(nn, hiddens):
    mlp = build_sigmoids(nn, hiddens)
    x, labels = make_batch(0)
    assert_all_gradients(mlp, x, labels)


def test_gradients_of_mixed_activations_agree_with_differences(nn):
    mlp = build_mixed(nn)
    x, labels = make_batch(0)
    assert_all_gradients(mlp, x, labels)


# ---- forward -------------------------------------------------------------------------------------

@HIDDENS
def test_each_layer_has_its_own_w_and_b(nn, hiddens):
    mlp = build_sigmoids(nn, hiddens)
    sizes = [12, *hiddens, 10]
    assert [np.shape(W) for W in mlp.W] == list(zip(sizes, sizes[1:]))
    assert [np.size(b) for b in mlp.b] == sizes[1:]


def write_out_forward(mlp, x, names):
    """Return the output of mlp for x, layer by layer; names: its activations' classes."""
    for i, name in enumerate(names):
        z = x @ mlp.W[i] + mlp.b[i]
        x = ACTIVATION_FUNCTIONS[name](z)
    return x


@HIDDENS
@pytest.mark.parametrize("m", [2, 100])
def test_forward_is_the_layers_written_out(nn, m, hiddens):
    mlp = build_sigmoids(nn, hiddens)
    x, _ = make_batch(1, m)
    names = ["Sigmoid"] * len(hiddens) + ["Identity"]
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, names)
    assert_close(output, expected, "the output of forward")


def test_each_layer_applies_its_own_activation(nn):
    mlp = build_mixed(nn)
    x, _ = make_batch(2)
    output = mlp.forward(x)
    expected = write_out_forward(mlp, x, MIXED)
    assert_close(output, expected, "the output of forward")


# ---- Several batches, and step -------------------------------------------------------------------

def test_gradients_are_those_of_the_last_batch(nn):
    mlp = build_sigmoids(nn, [8, 6])
    for m in (6, 6, 4):
        take_step(mlp, *make_batch(3, m))
    assert_all_gradients(mlp, *make_batch(4, 4))


def test_zero_grads_clears_every_layer(nn):
    mlp = build_sigmoids(nn, [8, 6])
    compute_gradients(mlp, *make_batch(5))
    mlp.zero_grads()
    assert_no_gradients(mlp)


def test_only_step_moves_w_and_b(nn):
    mlp = build_sigmoids(nn, [8, 6])
    W = [np.array(each) for each in mlp.W]
    b = [np.array(each) for each in mlp.b]
    compute_gradients(mlp, *make_batch(5))
    for i in range(3):
        assert_close(mlp.W[i], W[i], f"W[{i}] after zero_grads, forward and backward")
        assert_close(mlp.b[i], b[i], f"b[{i}] after zero_grads, forward and backward")


def test_step_moves_every_layer(nn):
    mlp = build_sigmoids(nn, [8, 6, 7], lr=0.3)
    compute_gradients(mlp, *make_batch(5))
    expected_W = [W - 0.3 * dW for W, dW in zip(mlp.W, mlp.dW)]
    expected_b = [np.ravel(b) - 0.3 * np.ravel(db) for b, db in zip(mlp.b, mlp.db)]
    mlp.step()
    for i in range(4):
        assert_close(mlp.W[i], expected_W[i], f"W[{i}] after step")
        assert_close(mlp.b[i], expected_b[i], f"b[{i}] after step")


# ---- The arguments of MLP ------------------------------------------------------------------------

def build_with(nn, hiddens, activations, **options):
    """Return an MLP given these lists; options: momentum and num_bn_layers."""
    rng = np.random.RandomState(0)

    def draw_weights(d_in, d_out):
        return rng.standard_normal((d_in, d_out))

    def draw_biases(d):
        return rng.standard_normal((1, d))

    return nn.MLP(12, 10, hiddens, activations, draw_weights, draw_biases,
                  nn.SoftmaxCrossEntropy(), 0.1, **options)


def test_lists_of_hiddens_and_activations_are_not_modified(nn):
    hiddens = [8, 6]
    activations = [nn.Sigmoid(), nn.Sigmoid(), nn.Identity()]
    given = list(activations)
    mlp = build_with(nn, hiddens, activations)
    take_step(mlp, *make_batch(6))
    assert hiddens == [8, 6]
    assert activations == given


def test_momentum_and_num_bn_layers_are_0_by_default(nn):
    activations = [nn.Sigmoid(), nn.Identity()]
    others = [nn.Sigmoid(), nn.Identity()]
    default = build_with(nn, [8], activations)
    explicit = build_with(nn, [8], others, momentum=0.0, num_bn_layers=0)
    for mlp in (default, explicit):
        write_parameters(mlp)
        take_step(mlp, *make_batch(7))
        take_step(mlp, *make_batch(8))
    assert_close(default.W[1], explicit.W[1], "W[1] after two steps")
