"""What MLP.step promises (2.7).

The velocity rule, a learning rate that may change, weights that may be replaced from outside at any time, and
copies of a network that train on exactly as the original would.
"""

import copy
import pickle

import numpy as np
import pytest

from tests.promises.networks import (D, K, Normal, arrays, assert_same_arrays, batch, network,
                                     randomise_batchnorm, train_on, train_once)


def one_weight(nn, **options):
    """Return a network of one weight and one bias, both zero, with lr 0.1."""
    return nn.MLP(1, 1, [], [nn.Identity()], lambda d0, d1: np.zeros((d0, d1)), np.zeros,
                  nn.SoftmaxCrossEntropy(), 0.1, **options)


def steps_of(mlp, gradients):
    """Step mlp once with each of these gradients; return the weight and the bias after each step.

    The gradient of the bias is minus that of the weight.
    """
    weights, biases = [], []
    for gradient in gradients:
        mlp.dW, mlp.db = [np.array([[gradient]])], [np.array([-gradient])]
        mlp.step()
        weights.append(mlp.W[0].item())
        biases.append(mlp.b[0].item())
    return weights, biases


# ---- The rule ----------------------------------------------------------------------------------------------

def test_hand_worked_velocity(nn):
    """step sets velocity = momentum velocity - lr gradient and adds it to the weight, as worked by hand."""
    # lr 0.1, momentum 0.5: velocities -0.1, -0.05 - 0.2 = -0.25, -0.125 + 0 and -0.0625 + 0.1 = 0.0375
    weights, biases = steps_of(one_weight(nn, momentum=0.5), [1.0, 2.0, 0.0, -1.0])
    expected = np.array([-0.1, -0.35, -0.475, -0.4375])
    np.testing.assert_allclose(weights, expected, rtol=1e-12)
    np.testing.assert_allclose(biases, -expected, rtol=1e-12)


def test_without_momentum_it_is_plain_sgd(nn):
    """With momentum 0, which is the default, a step is p - lr dp, whatever steps went before."""
    weights, biases = steps_of(one_weight(nn), [1.0, 2.0, 0.0, -1.0])
    np.testing.assert_allclose(weights, [-0.1, -0.3, -0.3, -0.2], rtol=1e-12)
    np.testing.assert_allclose(biases, [0.1, 0.3, 0.3, 0.2], rtol=1e-12)


def test_learning_rate_may_change(nn):
    """A new mlp.lr holds from the next step on, and does not scale the velocity that is there."""
    mlp = one_weight(nn, momentum=0.5)
    steps_of(mlp, [1.0])  # velocity -0.1
    mlp.lr = 1.0
    weights, _ = steps_of(mlp, [1.0, 1.0])  # velocities -0.05 - 1 = -1.05 and -0.525 - 1 = -1.525
    np.testing.assert_allclose(weights, [-1.15, -2.675], rtol=1e-12)


def test_momentum_may_change(nn):
    """A new mlp.momentum holds from the next step on."""
    mlp = one_weight(nn, momentum=0.5)
    steps_of(mlp, [1.0])  # velocity -0.1
    mlp.momentum = 1.0
    weights, _ = steps_of(mlp, [0.0, 0.0])
    np.testing.assert_allclose(weights, [-0.2, -0.3], rtol=1e-12)


ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])


@ROWS
def test_every_parameter_has_its_own_velocity(nn, rows):
    """Over several batches every W and b follows its own velocity."""
    mlp = network(nn, momentum=0.8, rows=rows)
    params = [p.copy() for p in mlp.W + mlp.b]
    velocities = [np.zeros_like(p) for p in params]
    for seed in range(5):
        train_once(mlp, *batch(seed))
        for i, gradient in enumerate(mlp.dW + mlp.db):
            velocities[i] = 0.8 * velocities[i] - 0.1 * gradient
            params[i] = params[i] + velocities[i]
    for found, expected in zip(mlp.W + mlp.b, params):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@ROWS
def test_biases_keep_their_shape(nn, rows):
    """Every b keeps the shape that bias_init_fn gave it, (d,) or (1, d), through any number of steps."""
    mlp = network(nn, momentum=0.8, rows=rows)
    train_on(mlp, [1, 2, 3])
    assert [b.shape for b in mlp.b] == [(1, d) if rows else (d,) for d in (5, 4, K)]


def test_one_call_is_one_update(nn):
    """Each call of step is one update, also the second after one backward."""
    mlp = one_weight(nn)
    steps_of(mlp, [1.0])
    mlp.step()
    np.testing.assert_allclose(mlp.W[0], [[-0.2]], rtol=1e-12)


def test_step_leaves_the_gradients(nn):
    """step changes no dW, db, dgamma or dbeta."""
    mlp, (x, labels) = network(nn, momentum=0.9, num_bn_layers=1), batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    before = arrays(mlp)
    mlp.step()
    after = arrays(mlp)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert not {name for name in changed if name.startswith("d") or ".d" in name}


def test_zero_grads_keeps_the_velocity(nn):
    """zero_grads forgets the gradients, not the velocities."""
    mlp = one_weight(nn, momentum=0.5)
    steps_of(mlp, [1.0])
    mlp.zero_grads()
    mlp.step()
    np.testing.assert_allclose(mlp.W[0], [[-0.15]], rtol=1e-12)


# ---- Weights from outside ----------------------------------------------------------------------------------

def own_weights(seed):
    """Return lists of W and b of the caller's own, for a network of D-5-4-K."""
    make, sizes = Normal(seed), [D, 5, 4, K]
    return [make(*pair) for pair in zip(sizes, sizes[1:])], [make(d) for d in sizes[1:]]


def replace_entries(mlp, W, b):
    for i in range(3):
        mlp.W[i], mlp.b[i] = W[i], b[i]


def replace_lists(mlp, W, b):
    mlp.W, mlp.b = W, b


def write_in_place(mlp, W, b):
    for i in range(3):
        mlp.W[i][...], mlp.b[i][...] = W[i], b[i]


def made_of(nn, W, b):
    """Return a network made of these weights from the start."""
    weights, biases = iter(W), iter(b)
    return nn.MLP(D, K, [5, 4], [nn.Tanh(), nn.Tanh(), nn.Identity()], lambda d0, d1: next(weights),
                  lambda d: next(biases), nn.SoftmaxCrossEntropy(), 0.1)


@pytest.mark.parametrize("replace", [replace_entries, replace_lists, write_in_place])
def test_replaced_weights_are_used(nn, replace):
    """W and b may be replaced, one by one, as lists or in place: all goes on as if made of them."""
    W, b = own_weights(5)
    expected = made_of(nn, W, b)
    train_on(expected, [1, 2, 3])
    mlp = network(nn)
    mlp.forward(batch(9)[0])
    replace(mlp, W, b)
    train_on(mlp, [1, 2, 3])
    assert_same_arrays(arrays(mlp), arrays(expected))


@pytest.mark.parametrize("replace", [replace_entries, replace_lists])
def test_arrays_from_outside_are_kept(nn, replace):
    """step does not change an array that the caller put into W or b."""
    W, b = own_weights(5)
    given = W + b
    before = [a.copy() for a in given]
    mlp = network(nn, momentum=0.9)
    replace(mlp, W, b)
    train_on(mlp, [1, 2, 3])
    for a, kept in zip(given, before):
        np.testing.assert_array_equal(a, kept)


def test_lists_from_outside_are_kept(nn):
    """step does not put other arrays into a list that the caller gave as W or b."""
    W, b = own_weights(5)
    before = list(W), list(b)
    mlp = network(nn)
    mlp.W, mlp.b = W, b
    train_on(mlp, [1, 2])
    for given, kept in ((W, before[0]), (b, before[1])):
        assert [id(a) for a in given] == [id(a) for a in kept]


def test_read_only_weights_from_outside(nn):
    """Weights put there from outside may be read-only, as np.load(..., mmap_mode="r") gives them."""
    mlp, (W, b) = network(nn), own_weights(5)
    for a in W + b:
        a.flags.writeable = False
    mlp.W, mlp.b = W, b
    before = [a.copy() for a in W]
    train_on(mlp, [1])
    assert all((found != kept).any() for found, kept in zip(mlp.W, before))


def test_array_that_was_put_back(nn):
    """An array that was taken out of W and put back later, changed or not, is used as it then is."""
    mlp = network(nn)
    taken = mlp.W[0]
    mlp.W[0] = np.ones((D, 5))
    train_on(mlp, [1])
    taken[...] = 0.5
    mlp.W[0] = taken
    train_on(mlp, [2])
    np.testing.assert_allclose(mlp.W[0], 0.5 - 0.1 * mlp.dW[0], rtol=1e-12)


def test_exchanged_weights(nn):
    """Two layers of one shape may exchange their weights: each moves on by its own layer's gradient."""
    mlp = network(nn, (5, 5, 5))
    mlp.W[1], mlp.W[2] = mlp.W[2], mlp.W[1]
    before = [W.copy() for W in mlp.W]
    train_on(mlp, [1])
    for W, old, dW in zip(mlp.W, before, mlp.dW):
        np.testing.assert_allclose(W, old - 0.1 * dW, rtol=1e-12)


def test_momentum_keeps_going_after_a_replacement(nn):
    """Weights put there from outside move on with the velocity that the layer had."""
    mlp = one_weight(nn, momentum=0.5)
    steps_of(mlp, [1.0])  # velocities -0.1 of the weight, 0.1 of the bias
    mlp.W[0], mlp.b[0] = np.array([[10.0]]), np.array([20.0])
    weights, biases = steps_of(mlp, [0.0, 0.0])
    np.testing.assert_allclose(weights, [9.95, 9.925], rtol=1e-12)
    np.testing.assert_allclose(biases, [20.05, 20.075], rtol=1e-12)


def test_replaced_between_forward_and_step(nn):
    """Weights replaced after backward are what step moves."""
    mlp, (x, labels) = network(nn), batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    mlp.W[0] = np.ones((D, 5))
    mlp.step()
    np.testing.assert_allclose(mlp.W[0], 1 - 0.1 * mlp.dW[0], rtol=1e-12)


def test_integer_weights_from_outside(nn):
    """Weights put there as integers move on as floats."""
    mlp = network(nn)
    mlp.W[0] = np.ones((D, 5), dtype=int)
    train_on(mlp, [1])
    np.testing.assert_allclose(mlp.W[0], 1 - 0.1 * mlp.dW[0], rtol=1e-12)


# ---- Copies ------------------------------------------------------------------------------------------------

def pickled(mlp):
    return pickle.loads(pickle.dumps(mlp))


def fresh(mlp):
    """A network before its first forward."""


def after_steps(mlp):
    """A network with velocities and running statistics."""
    train_on(mlp, [1, 2])


def between_backward_and_step(mlp):
    """A network whose gradients are still to be used."""
    train_on(mlp, [1])
    mlp.forward(batch(2)[0])
    mlp.backward(batch(2)[1])


def after_a_replacement(mlp):
    """A network with an array of the caller's, which no step has moved."""
    train_on(mlp, [1])
    mlp.W[0], mlp.b[1] = np.ones((D, 5)), np.ones(4)


@pytest.mark.parametrize("make_copy", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("prepare", [fresh, after_steps, between_backward_and_step, after_a_replacement])
def test_copy_trains_on_as_the_original(nn, make_copy, prepare):
    """A copy by copy.deepcopy or pickle trains on bit for bit as the original, momentum and BatchNorm too."""
    mlp = randomise_batchnorm(network(nn, momentum=0.9, num_bn_layers=1), 7)
    prepare(mlp)
    twin = make_copy(mlp)
    for each in (mlp, twin):
        each.step()
        train_on(each, [3, 4, 5])
    assert_same_arrays(arrays(twin), arrays(mlp))


@pytest.mark.parametrize("make_copy", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
def test_copy_predicts_as_the_original(nn, make_copy):
    """A network copied in eval mode predicts in eval mode, as the original."""
    mlp = randomise_batchnorm(network(nn, num_bn_layers=1), 7)
    train_on(mlp, [1])
    mlp.eval()
    x, _ = batch(2)
    np.testing.assert_array_equal(make_copy(mlp).forward(x), mlp.forward(x))


@pytest.mark.parametrize("make_copy", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])
def test_copy_and_original_are_separate(nn, make_copy):
    """Training a copy leaves the original as it was."""
    mlp = randomise_batchnorm(network(nn, momentum=0.9, num_bn_layers=1), 7)
    train_on(mlp, [1])
    before, expected = arrays(mlp), copy.deepcopy(mlp)
    train_on(make_copy(mlp), [2, 3])
    assert_same_arrays(arrays(mlp), before)
    train_on(mlp, [4])
    train_on(expected, [4])
    assert_same_arrays(arrays(mlp), arrays(expected))


def test_one_array_put_into_two_layers(nn):
    """Two layers may be given one array: each moves on from it by its own layer's gradient."""
    mlp = network(nn, (5, 5, 5))
    mlp.W[2] = mlp.W[1]
    before = mlp.W[1].copy()
    train_on(mlp, [1])
    for i in (1, 2):
        np.testing.assert_allclose(mlp.W[i], before - 0.1 * mlp.dW[i], rtol=1e-12)


def test_a_parameter_of_complex_numbers_is_refused_by_step(nn):
    """step refuses a weight, put in from outside, that does not hold real numbers."""
    mlp = network(nn, ())
    mlp.W[0] = np.ones((D, K), complex)
    with pytest.raises(TypeError, match="a parameter must hold real numbers, got dtype complex128"):
        mlp.step()
