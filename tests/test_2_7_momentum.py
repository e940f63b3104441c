"""2.7 Momentum: five steps by hand, the rule, parameters from outside, copies of a network."""

import copy
import io
import pickle

import numpy as np
import pytest

from tests.networks import (arrays, assert_same_arrays, batch, network, randomise_batchnorm,
                            train_on, train_once)

ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])


def one_weight(nn):
    """Return a network of one weight and one bias, both zero, with lr 0.1 and momentum 0.5."""
    return nn.MLP(1, 1, [], [nn.Identity()], lambda *shape: np.zeros(shape), np.zeros,
                  nn.SoftmaxCrossEntropy(), 0.1, 0.5)


def steps_of(mlp, *gradients):
    """Step mlp with each gradient of its weight, minus that of its bias; return the weights."""
    weights = []
    for gradient in gradients:
        mlp.dW[0], mlp.db[0] = np.array([[gradient]]), np.array([-gradient])
        mlp.step()
        weights.append(mlp.W[0].item())
        np.testing.assert_array_equal(mlp.b[0], -mlp.W[0][0])
    return weights


def test_five_steps_by_hand(nn):
    # lr 0.1, momentum 0.5.  Gradients: 1, 2, 0, -1 and 0.
    # Velocities: -0.1, -0.05 - 0.2 = -0.25, -0.125, -0.0625 + 0.1 = 0.0375 and 0.01875.
    weights = steps_of(one_weight(nn), 1.0, 2.0, 0.0, -1.0, 0.0)
    np.testing.assert_allclose(weights, [-0.1, -0.35, -0.475, -0.4375, -0.41875], rtol=1e-12)


@ROWS
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_every_parameter_follows_a_velocity_of_its_own(nn, momentum, rows):
    mlp = network(nn, momentum=momentum, rows=rows)
    params = [p.copy() for p in mlp.W + mlp.b]
    velocities = [np.zeros(p.shape) for p in params]
    for seed in range(5):
        train_once(mlp, *batch(seed))
        for i, gradient in enumerate(mlp.dW + mlp.db):
            velocities[i] = momentum * velocities[i] - 0.1 * gradient
            params[i] = params[i] + velocities[i]
    for found, expected in zip(mlp.W + mlp.b, params):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert found.shape == expected.shape


def test_every_network_has_a_velocity_of_its_own(nn):
    first, second = one_weight(nn), one_weight(nn)
    steps_of(first, 1.0)
    assert steps_of(second, 0.0) == [0.0]


def test_each_call_is_one_update_and_zero_grads_keeps_the_velocity(nn):
    mlp = one_weight(nn)
    steps_of(mlp, 1.0)  # velocity -0.1
    mlp.step()  # the same gradient again: -0.05 - 0.1
    mlp.zero_grads()
    mlp.step()  # -0.075
    np.testing.assert_allclose(mlp.W[0], [[-0.325]], rtol=1e-12)


def test_lr_and_momentum_may_change_between_steps(nn):
    mlp = one_weight(nn)
    steps_of(mlp, 1.0)  # velocity -0.1
    mlp.lr = 1.0  # velocity -0.05 - 1: the old one is not scaled
    np.testing.assert_allclose(steps_of(mlp, 1.0), [-1.15], rtol=1e-12)
    mlp.momentum = 1.0
    np.testing.assert_allclose(steps_of(mlp, 0.0), [-2.2], rtol=1e-12)


# ---- Parameters that are taken out and put in ----------------------------------------------------

def test_weights_taken_after_each_step_are_a_history(nn):
    mlp, history = one_weight(nn), []
    for gradient in (1.0, 2.0, 0.0):
        steps_of(mlp, gradient)
        history.append(mlp.W[0])
    np.testing.assert_allclose(np.ravel(history), [-0.1, -0.35, -0.475], rtol=1e-12)


def test_another_network_may_share_the_list_of_weights_or_have_one_of_its_own(nn):
    mlp, shared, own = (network(nn, seed=seed) for seed in range(3))
    shared.W, own.W = mlp.W, list(mlp.W)
    before = arrays(own)
    train_on(mlp, [1])
    assert_same_arrays(arrays(own), before)
    assert shared.W is mlp.W


def test_parameters_may_be_written_into(nn):
    mlp, twin = network(nn, seed=1), network(nn, seed=2)
    for a, new in zip(mlp.W + mlp.b, twin.W + twin.b):
        a[...] = new
    for each in (mlp, twin):
        train_on(each, [1, 2])
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_parameters_put_in_go_on_with_the_velocity_that_is_there(nn):
    mlp = one_weight(nn)
    steps_of(mlp, 1.0)  # velocity -0.1
    mlp.W[0], mlp.b[0] = np.array([[10.0]]), np.array([-10.0])
    np.testing.assert_allclose(steps_of(mlp, 0.0, 0.0), [9.95, 9.925], rtol=1e-12)


@ROWS
def test_b_replaced_by_one_of_the_other_shape_keeps_it_through_steps(nn, rows):
    mlp, twin = (network(nn, momentum=0.9, rows=which) for which in (rows, not rows))
    for each in (mlp, twin):
        train_on(each, [1])
    mlp.b = [b.reshape(other.shape) for b, other in zip(mlp.b, twin.b)]
    for each in (mlp, twin):
        train_on(each, [2, 3])
    assert_same_arrays(arrays(mlp), arrays(twin))


@ROWS
def test_db_may_be_put_in_as_1_by_d(nn, rows):
    mlp = network(nn, rows=rows, momentum=0.9)
    before, mlp.db = arrays(mlp), [np.ones((1, b.size)) for b in mlp.b]
    mlp.step()
    for i, b in enumerate(mlp.b):
        np.testing.assert_array_equal(b, before[f"b[{i}]"] - 0.1)


# ---- Copies --------------------------------------------------------------------------------------

def deepcopied(mlp, tmp_path):
    return copy.deepcopy(mlp)


def pickled(mlp, tmp_path):
    return pickle.loads(pickle.dumps(mlp))


def memory_mapped(mlp, tmp_path):
    """Return a copy whose arrays are read-only files, as joblib hands on large ones."""
    def reduce(a):
        np.save(tmp_path / f"{id(a)}.npy", a)
        return np.load, (tmp_path / f"{id(a)}.npy", "r")

    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    pickler.dispatch_table = {np.ndarray: reduce}
    pickler.dump(mlp)
    return pickle.loads(buffer.getvalue())


@pytest.mark.parametrize("copied", [deepcopied, pickled, memory_mapped])
def test_a_copy_trains_on_as_the_original_and_apart_from_it(nn, copied, tmp_path):
    mlp = randomise_batchnorm(network(nn, momentum=0.9, num_bn_layers=1), 7)
    train_on(mlp, [1, 2])
    mlp.eval()
    mlp.forward(batch(3)[0])
    twin = copied(mlp, tmp_path)
    for each in (twin, mlp):
        each.backward(batch(3)[1])
        each.step()
        train_on(each, [4, 5])
    assert_same_arrays(arrays(twin), arrays(mlp))


@pytest.mark.parametrize("copied", [deepcopied, pickled, memory_mapped])
def test_zero_grads_forgets_what_was_written_into_a_gradient(nn, copied, tmp_path):
    mlp = copied(network(nn), tmp_path)
    mlp.zero_grads()
    for gradient in mlp.dW + mlp.db:
        gradient[...] = 1
    mlp.zero_grads()
    mlp.step()
    assert_same_arrays(arrays(mlp), arrays(network(nn)))
