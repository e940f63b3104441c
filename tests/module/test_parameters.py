"""Parameters, gradients and velocities: read, replaced and written into at any time."""

import numpy as np
import pytest

from tests.module.helpers import assert_same, copies
from tests.module.networks import arrays, assert_same_arrays, batch, network, train_on, train_once

ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])


def one_weight(nn):
    """Return a network of one weight and one bias, both zero, with lr 0.1 and momentum 0.5."""
    def zeros(*shape):
        return np.zeros(shape)

    return nn.MLP(1, 1, [], [nn.Identity()], zeros, zeros, nn.SoftmaxCrossEntropy(), 0.1, 0.5)


def step_with(mlp, gradient):
    """Step with this gradient of the weight and its negative for the bias; return the weight."""
    mlp.dW[0] = np.array([[gradient]])
    mlp.db[0] = np.array([-gradient])
    mlp.step()
    np.testing.assert_array_equal(mlp.b[0], -mlp.W[0][0])
    return mlp.W[0].item()


# ---- The rule of a step --------------------------------------------------------------------------

def test_entries_of_the_gradients_may_be_replaced(nn):
    # Velocities: -0.1, -0.05 - 0.2 = -0.25, -0.125, -0.0625 + 0.1 = 0.0375 and 0.01875.
    mlp = one_weight(nn)
    weights = [step_with(mlp, gradient) for gradient in (1.0, 2.0, 0.0, -1.0, 0.0)]
    np.testing.assert_allclose(weights, [-0.1, -0.35, -0.475, -0.4375, -0.41875], rtol=1e-12)


@ROWS
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_each_parameter_follows_its_velocity(nn, momentum, rows):
    mlp = network(nn, momentum=momentum, rows=rows)
    params = copies(mlp.W + mlp.b)
    velocities = [np.zeros(p.shape) for p in params]
    for seed in range(5):
        train_on(mlp, [seed])
        for i, gradient in enumerate(mlp.dW + mlp.db):
            velocities[i] = momentum * velocities[i] - 0.1 * gradient
            params[i] = params[i] + velocities[i]
    for found, expected in zip(mlp.W + mlp.b, params):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert found.shape == expected.shape


def test_gamma_and_beta_take_the_step_without_momentum(nn):
    mlp = network(nn, momentum=0.9, num_bn_layers=2)
    for seed in range(3):
        before = arrays(mlp)
        train_on(mlp, [seed])
        for i, layer in enumerate(mlp.bn_layers):
            gamma = before[f"bn_layers[{i}].gamma"] - 0.1 * layer.dgamma
            beta = before[f"bn_layers[{i}].beta"] - 0.1 * layer.dbeta
            np.testing.assert_allclose(layer.gamma, gamma, rtol=1e-12)
            np.testing.assert_allclose(layer.beta, beta, rtol=1e-12)


def test_networks_do_not_share_velocities(nn):
    first = one_weight(nn)
    second = one_weight(nn)
    step_with(first, 1.0)
    assert step_with(second, 0.0) == 0.0


def test_each_call_of_step_is_one_update(nn):
    mlp = one_weight(nn)
    step_with(mlp, 1.0)  # velocity -0.1
    mlp.step()  # the same gradient again: -0.05 - 0.1
    np.testing.assert_allclose(mlp.W[0], [[-0.25]], rtol=1e-12)


def test_zero_grads_keeps_the_velocity(nn):
    mlp = one_weight(nn)
    step_with(mlp, 1.0)  # velocity -0.1
    mlp.zero_grads()
    mlp.step()  # -0.05
    np.testing.assert_allclose(mlp.W[0], [[-0.15]], rtol=1e-12)


def test_lr_and_momentum_may_change_between_steps(nn):
    mlp = one_weight(nn)
    step_with(mlp, 1.0)  # velocity -0.1
    mlp.lr = 1.0  # velocity -0.05 - 1: the earlier one is not scaled
    np.testing.assert_allclose(step_with(mlp, 1.0), -1.15, rtol=1e-12)
    mlp.momentum = 1.0
    np.testing.assert_allclose(step_with(mlp, 0.0), -2.2, rtol=1e-12)


# ---- A step makes new arrays ---------------------------------------------------------------------

def test_weights_kept_after_each_step_are_a_history(nn):
    mlp = one_weight(nn)
    history = []
    for gradient in (1.0, 2.0, 0.0):
        step_with(mlp, gradient)
        history.append(mlp.W[0])
    np.testing.assert_allclose(np.ravel(history), [-0.1, -0.35, -0.475], rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_step_puts_new_arrays_into_the_same_lists(nn, momentum):
    mlp = network(nn, momentum=momentum, num_bn_layers=2)
    lists = [mlp.W, mlp.b, mlp.bn_layers]
    kept = mlp.W + mlp.b
    kept += [layer.gamma for layer in mlp.bn_layers]
    kept += [layer.beta for layer in mlp.bn_layers]
    before = copies(kept)
    train_on(mlp, [1, 2])
    assert_same(kept, before)
    assert mlp.W is lists[0]
    assert mlp.b is lists[1]
    assert mlp.bn_layers is lists[2]


def test_a_first_step_leaves_the_gradients_as_they_were(nn):
    """The velocity after the first step is -lr times the gradient, in an array of its own."""
    mlp = network(nn, momentum=0.9, num_bn_layers=1)
    train_on(mlp, [1])
    kept = mlp.dW + mlp.db + [mlp.bn_layers[0].dgamma, mlp.bn_layers[0].dbeta]
    before = copies(kept)
    mlp.step()
    assert_same(kept, before)


# ---- Parameters and gradients replaced or written into -------------------------------------------

def test_parameters_may_be_written_into(nn):
    mlp = network(nn, seed=1)
    twin = network(nn, seed=2)
    for a, new in zip(mlp.W + mlp.b, twin.W + twin.b):
        a[...] = new
    train_on(mlp, [1, 2])
    train_on(twin, [1, 2])
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_replaced_parameters_go_on_with_the_velocity(nn):
    mlp = one_weight(nn)
    step_with(mlp, 1.0)  # velocity -0.1
    mlp.W[0] = np.array([[10.0]])
    mlp.b[0] = np.array([-10.0])
    weights = [step_with(mlp, 0.0), step_with(mlp, 0.0)]
    np.testing.assert_allclose(weights, [9.95, 9.925], rtol=1e-12)


def test_lists_of_parameters_may_be_replaced(nn):
    mlp = network(nn, seed=1, momentum=0.9)
    twin = network(nn, seed=2, momentum=0.9)
    mlp.W = list(twin.W)
    mlp.b = list(twin.b)
    train_on(mlp, [1, 2])
    train_on(twin, [1, 2])
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_batchnorm_layers_may_be_replaced(nn):
    mlp = network(nn, num_bn_layers=2)
    twin = network(nn, num_bn_layers=2)
    train_on(twin, [1])
    twin.W = list(mlp.W)
    twin.b = list(mlp.b)
    mlp.bn_layers = [nn.BatchNorm(5), nn.BatchNorm(4)]
    twin.bn_layers[0] = nn.BatchNorm(5)
    twin.bn_layers[1] = nn.BatchNorm(4)
    train_on(mlp, [2])
    train_on(twin, [2])
    assert_same_arrays(arrays(mlp), arrays(twin))


@ROWS
def test_b_of_the_other_shape_keeps_it(nn, rows):
    mlp = network(nn, momentum=0.9, rows=rows)
    twin = network(nn, momentum=0.9, rows=not rows)
    train_on(mlp, [1])
    train_on(twin, [1])
    mlp.b = [b.reshape(other.shape) for b, other in zip(mlp.b, twin.b)]
    train_on(mlp, [2, 3])
    train_on(twin, [2, 3])
    assert_same_arrays(arrays(mlp), arrays(twin))


@ROWS
@pytest.mark.parametrize("first, second", [
    ("vector", "row"),
    ("row", "vector"),
    ("row", "row"),
])
def test_db_may_be_a_vector_or_a_row_in_each_step(nn, rows, first, second):
    mlp = network(nn, rows=rows, momentum=0.5)
    before = copies(mlp.b)
    for form in (first, second):
        for i, b in enumerate(mlp.b):
            mlp.db[i] = np.ones(b.size if form == "vector" else (1, b.size))
        mlp.step()
    for b, kept in zip(mlp.b, before):
        np.testing.assert_allclose(b, kept - 0.1 - 0.15, rtol=1e-12)
        assert b.shape == kept.shape


@pytest.mark.parametrize("shape", [
    (5, 4),
    (20,),
    (20, 1),
    (1, 20),
    (4, 1, 5),
], ids=str)
def test_a_dw_of_another_shape_is_refused(nn, shape):
    mlp = network(nn)
    kept = mlp.W[0]
    mlp.dW[0] = np.arange(20.0).reshape(shape)
    with pytest.raises(ValueError):
        mlp.step()
    assert mlp.W[0] is kept


def test_float64_weights_in_a_float32_network_take_float64_steps(nn):
    mlp = network(nn, dtype=np.float32, momentum=0.5)
    twin = network(nn, dtype=np.float64, momentum=0.5)
    for each in (mlp, twin):
        each.W[0] = np.full((4, 5), 1.0)
        each.dW[0] = np.full((4, 5), 1 / 3)
        each.step()
        each.step()
    np.testing.assert_array_equal(mlp.W[0], twin.W[0])


@pytest.mark.parametrize("when", ["before backward", "after zero_grads"])
def test_zero_gradients_may_be_written_into(nn, when):
    mlp = network(nn)
    if when == "after zero_grads":
        mlp.forward(batch(1)[0])
        mlp.backward(batch(1)[1])
        mlp.zero_grads()
    before = arrays(mlp)
    for gradient in mlp.dW + mlp.db:
        gradient += 1
    mlp.db[0][1] = 2
    mlp.step()
    for i in range(3):
        np.testing.assert_allclose(mlp.W[i], before[f"W[{i}]"] - 0.1, rtol=1e-12)
    np.testing.assert_allclose(mlp.b[0], before["b[0]"] - [0.1, 0.2, 0.1, 0.1, 0.1], rtol=1e-12)
    np.testing.assert_allclose(mlp.b[1], before["b[1]"] - 0.1, rtol=1e-12)


def test_zero_gradients_of_batchnorm_may_be_written_into(nn):
    mlp = network(nn, num_bn_layers=1)
    train_on(mlp, [1])
    mlp.zero_grads()
    layer = mlp.bn_layers[0]
    gamma = layer.gamma.copy()
    beta = layer.beta.copy()
    layer.dgamma += 1
    layer.dbeta[0] = 2
    mlp.step()
    np.testing.assert_allclose(layer.gamma, gamma - 0.1, rtol=1e-12)
    np.testing.assert_allclose(layer.beta, beta - [0.2, 0, 0, 0, 0], rtol=1e-12)


def test_zero_grads_forgets_written_gradients(nn):
    mlp = network(nn, num_bn_layers=1)
    before = arrays(mlp)
    mlp.zero_grads()
    layer = mlp.bn_layers[0]
    for gradient in mlp.dW + mlp.db + [layer.dgamma, layer.dbeta]:
        gradient[...] = 1
    mlp.zero_grads()
    mlp.step()
    assert_same_arrays(arrays(mlp), before)


def test_training_without_zero_grads_gives_the_same(nn):
    """backward assigns the gradients."""
    mlp = network(nn, num_bn_layers=1)
    twin = network(nn, num_bn_layers=1)
    for seed in (1, 2):
        x, labels = batch(seed)
        mlp.forward(x)
        mlp.backward(labels)
        mlp.step()
        train_once(twin, x, labels)
    assert_same_arrays(arrays(mlp), arrays(twin))
