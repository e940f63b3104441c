"""What an MLP promises with BatchNorm (2.6): it stands between the linear map and the activation of the first
num_bn_layers layers, follows train() and eval(), and has every gradient right in both.

BatchNorm alone has a suite of its own; here it is one part of a network.
"""

import copy

import numpy as np
import pytest

from tests.promises.networks import (D, arrays, assert_gradients, assert_same_arrays, batch,
                                     batch_off_the_kinks, network, randomise_batchnorm, train_on)

CASES = [((5,), 1), ((5, 4), 1), ((5, 4), 2), ((4, 5, 3), 1), ((4, 5, 3), 3), ((5, 3, 4, 5), 4),
         ((4, 5, 3, 5, 4), 5)]
MIX = ["ReLU", "Tanh", "Identity", "Sigmoid", "ReLU"]
STATISTICS = ("mean", "var")  # the ends of the names: the running ones too


def normed(nn, hiddens=(5, 4), activations="Tanh", num_bn_layers=2, **options):
    """Return a network with random gamma, beta and running statistics."""
    return randomise_batchnorm(network(nn, hiddens, activations, num_bn_layers=num_bn_layers, **options), 7)


def statistics(mlp):
    """Return copies of the statistics of every BatchNorm, by name."""
    return {name: a for name, a in arrays(mlp).items() if name.endswith(STATISTICS)}


# ---- Gradients ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("activation", ["Identity", "Sigmoid", "Tanh", "ReLU"])
@pytest.mark.parametrize("num_bn_layers", [1, 2])
def test_gradients_of_each_activation(nn, activation, num_bn_layers):
    """In train mode every dW, db (of the mean loss), dgamma and dbeta (of the summed) is the gradient."""
    mlp = normed(nn, (5, 4), activation, num_bn_layers)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


@pytest.mark.parametrize("hiddens, num_bn_layers", CASES, ids=str)
def test_gradients_of_mixed_activations(nn, hiddens, num_bn_layers):
    """With BatchNorm on any number of layers, in train mode, every dW, db, dgamma and dbeta is right."""
    mlp = normed(nn, hiddens, MIX[:len(hiddens)], num_bn_layers)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


def test_gradients_of_biases_that_are_rows(nn):
    """With BatchNorm and biases of shape (1, d), every dW, db, dgamma and dbeta is right too."""
    assert_gradients(normed(nn, num_bn_layers=1, rows=True), *batch(1))


@pytest.mark.parametrize("hiddens, num_bn_layers", CASES, ids=str)
def test_gradients_in_eval_mode(nn, hiddens, num_bn_layers):
    """In eval mode the running statistics are constants, and every dW, db, dgamma and dbeta is right too."""
    mlp = normed(nn, hiddens, MIX[:len(hiddens)], num_bn_layers)
    mlp.eval()
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


def test_bias_before_batchnorm_has_no_gradient(nn):
    """In train mode the bias before a BatchNorm has the gradient 0, as the mean takes it away."""
    mlp, (x, labels) = normed(nn), batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    for db in mlp.db[:2]:
        np.testing.assert_allclose(db, np.zeros_like(db), atol=1e-14)


@pytest.mark.parametrize("train_mode", [True, False], ids=["train", "eval"])
def test_backward_belongs_to_the_mode_of_forward(nn, train_mode):
    """backward goes through the forward as it was, also when train() or eval() was called in between."""
    mlp, (x, labels) = normed(nn), batch(1)
    mlp.train_mode = train_mode
    mlp.forward(x)
    mlp.backward(labels)
    expected = [a.copy() for a in mlp.dW + mlp.db]
    mlp.forward(x)
    mlp.train_mode = not train_mode
    mlp.backward(labels)
    for a, b in zip(mlp.dW + mlp.db, expected):
        np.testing.assert_array_equal(a, b)


# ---- Values ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("num_bn_layers", [1, 2])
def test_forward_in_train_mode(nn, num_bn_layers):
    """In train mode the first num_bn_layers layers normalise x W + b by the batch before the activation."""
    mlp, (x, _) = normed(nn, num_bn_layers=num_bn_layers), batch(1)
    expected = x
    for i in range(3):
        expected = expected @ mlp.W[i] + mlp.b[i]
        if i < num_bn_layers:
            layer = mlp.bn_layers[i]
            x_hat = (expected - expected.mean(axis=0)) / np.sqrt(expected.var(axis=0) + 1e-8)
            expected = layer.gamma * x_hat + layer.beta
        if i < 2:
            expected = np.tanh(expected)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-10)


@pytest.mark.parametrize("num_bn_layers", [1, 2])
def test_forward_in_eval_mode(nn, num_bn_layers):
    """In eval mode the first num_bn_layers layers normalise x W + b by the running mean and variance."""
    mlp, (x, _) = normed(nn, num_bn_layers=num_bn_layers), batch(1)
    mlp.eval()
    expected = x
    for i in range(3):
        expected = expected @ mlp.W[i] + mlp.b[i]
        if i < num_bn_layers:
            layer = mlp.bn_layers[i]
            x_hat = (expected - layer.running_mean) / np.sqrt(layer.running_var + 1e-8)
            expected = layer.gamma * x_hat + layer.beta
        if i < 2:
            expected = np.tanh(expected)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-10)


def test_hand_worked_running_statistics(nn):
    """A training forward moves the running mean and variance a tenth of the way to those of the batch."""
    mlp = nn.MLP(1, 1, [1], [nn.Identity(), nn.Identity()], lambda d0, d1: np.ones((d0, d1)), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.1, num_bn_layers=1)
    mlp.forward(np.array([[1.0], [3.0], [1.0], [3.0]]))  # mean 2, variance 1; they were 0 and 1
    mlp.forward(np.array([[5.0], [5.0], [9.0], [9.0]]))  # mean 7, variance 4
    layer = mlp.bn_layers[0]
    np.testing.assert_allclose(layer.running_mean, [[0.9 * 0.2 + 0.1 * 7]], rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, [[0.9 * 1 + 0.1 * 4]], rtol=1e-12)


def test_batch_of_one(nn):
    """A training batch of one example has no spread: BatchNorm gives beta, and all stays finite."""
    mlp, (x, labels) = normed(nn), batch(1, m=1)
    mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.bn_layers[0].out, mlp.bn_layers[0].beta)
    assert all(np.isfinite(a).all() for a in arrays(mlp).values())


@pytest.mark.parametrize("value", [0.1, 1e6])
def test_constant_inputs(nn, value):
    """A unit that is the same for the whole batch is normalised to 0, not to rounding errors blown up."""
    mlp = normed(nn)
    mlp.forward(np.full((7, D), value))
    np.testing.assert_allclose(mlp.bn_layers[0].out, np.repeat(mlp.bn_layers[0].beta, 7, axis=0), atol=1e-5)


# ---- train and eval ----------------------------------------------------------------------------------------

def test_train_and_eval_switch_train_mode(nn):
    """A network starts in train mode; eval() and train() set train_mode to False and True."""
    mlp = network(nn, num_bn_layers=1)
    modes = [mlp.train_mode]
    for switch in (mlp.eval, mlp.eval, mlp.train):
        switch()
        modes.append(mlp.train_mode)
    assert modes == [True, False, False, True]


def test_eval_mode_predicts_each_example_alone(nn):
    """In eval mode the prediction for an example does not depend on the others of its batch."""
    mlp, (x, _) = normed(nn), batch(1)
    mlp.eval()
    together = mlp.forward(x)
    np.testing.assert_allclose(np.vstack([mlp.forward(row[None]) for row in x]), together, rtol=1e-12)


def test_eval_mode_changes_no_statistics(nn):
    """forward, backward and step in eval mode change none of the statistics of BatchNorm."""
    mlp = normed(nn)
    train_on(mlp, [1])
    before = statistics(mlp)
    mlp.eval()
    train_on(mlp, [2, 3])
    assert_same_arrays(statistics(mlp), before)


def test_evaluation_leaves_no_trace(nn):
    """Training goes on after predictions in eval mode exactly as it would have without them."""
    mlp = normed(nn, momentum=0.9)
    train_on(mlp, [1])
    undisturbed = copy.deepcopy(mlp)
    mlp.eval()
    mlp.forward(batch(5)[0])
    mlp.train()
    train_on(mlp, [2, 3])
    train_on(undisturbed, [2, 3])
    assert_same_arrays(arrays(mlp), arrays(undisturbed))


def test_backward_and_step_change_no_statistics(nn):
    """Only a training forward changes the statistics of BatchNorm: backward, zero_grads and step do not."""
    mlp, (x, labels) = normed(nn), batch(1)
    mlp.forward(x)
    before = statistics(mlp)
    mlp.backward(labels)
    mlp.zero_grads()
    mlp.step()
    assert_same_arrays(statistics(mlp), before)


def test_without_batchnorm_the_mode_changes_nothing(nn):
    """Without BatchNorm a network gives the same in train and in eval mode."""
    mlp, (x, _) = network(nn), batch(1)
    expected = mlp.forward(x)
    mlp.eval()
    np.testing.assert_array_equal(mlp.forward(x), expected)


# ---- step, zero_grads and what goes out --------------------------------------------------------------------

def test_gamma_and_beta_step_without_momentum(nn):
    """gamma and beta take the plain step p - lr dp, without momentum, at every step."""
    mlp = normed(nn, momentum=0.9)
    for seed in range(3):
        x, labels = batch(seed)
        mlp.forward(x)
        mlp.backward(labels)
        expected = [p - 0.1 * dp for layer in mlp.bn_layers
                    for p, dp in ((layer.gamma, layer.dgamma), (layer.beta, layer.dbeta))]
        mlp.step()
        found = [p for layer in mlp.bn_layers for p in (layer.gamma, layer.beta)]
        for p, wanted in zip(found, expected):
            np.testing.assert_allclose(p, wanted, rtol=1e-12, atol=1e-15)


def test_gamma_and_beta_keep_their_shape(nn):
    """gamma, beta and the running statistics keep the shape (1, d) through training."""
    mlp = network(nn, num_bn_layers=2)
    train_on(mlp, [1, 2])
    for layer, d in zip(mlp.bn_layers, (5, 4)):
        found = [getattr(layer, name).shape for name in ("gamma", "beta", "running_mean", "running_var")]
        assert found == [(1, d)] * 4


def test_zero_grads(nn):
    """MLP.zero_grads sets every dgamma and dbeta to zeros too, of the same shape and dtype."""
    mlp = normed(nn)
    train_on(mlp, [1])
    before = arrays(mlp)
    mlp.zero_grads()
    for name, a in arrays(mlp).items():
        if ".d" in name:
            np.testing.assert_array_equal(a, np.zeros_like(before[name]), err_msg=name)
            assert (a.shape, a.dtype) == (before[name].shape, before[name].dtype)


def test_backward_assigns(nn):
    """MLP.backward assigns dgamma and dbeta, it does not add to them."""
    mlp, (x, labels) = normed(nn), batch(1)
    found = []
    for _ in range(2):
        mlp.forward(x)
        mlp.backward(labels)
        found.append({name: a for name, a in arrays(mlp).items() if ".d" in name})
    assert_same_arrays(*found)


def zero_grads(mlp):
    mlp.zero_grads()


def step(mlp):
    mlp.step()


def backward(mlp):
    mlp.forward(batch(2)[0])
    mlp.backward(batch(2)[1])


@pytest.mark.parametrize("later", [zero_grads, step, backward])
def test_outputs_are_not_overwritten(nn, later):
    """Arrays taken from a network and its BatchNorm still hold their numbers after later calls."""
    mlp, (x, labels) = normed(nn), batch(1)
    taken = [mlp.forward(x)]
    mlp.backward(labels)
    for layer in mlp.bn_layers:
        taken += [layer.x, layer.norm, layer.out, layer.mean, layer.var, layer.dgamma, layer.dbeta]
    before = [a.copy() for a in taken]
    later(mlp)
    for a, kept in zip(taken, before):
        np.testing.assert_array_equal(a, kept)


def test_gamma_and_beta_from_outside(nn):
    """gamma and beta may be replaced from outside: step moves on from there and keeps those arrays."""
    mlp = normed(nn)
    layer = mlp.bn_layers[0]
    gamma, beta = np.full((1, 5), 2.0), np.full((1, 5), 3.0)
    layer.gamma, layer.beta = gamma, beta
    train_on(mlp, [1])
    np.testing.assert_allclose(layer.gamma, np.full((1, 5), 2) - 0.1 * layer.dgamma, rtol=1e-12)
    np.testing.assert_allclose(layer.beta, np.full((1, 5), 3) - 0.1 * layer.dbeta, rtol=1e-12)
    assert (gamma == 2).all() and (beta == 3).all()


@pytest.mark.parametrize("num_bn_layers", [0, 1, 2])
def test_float32_stays(nn, num_bn_layers):
    """Every array of a float32 network with BatchNorm is float32, from the start and after a step."""
    mlp, (x, labels) = network(nn, dtype=np.float32, num_bn_layers=num_bn_layers), batch(1, dtype=np.float32)
    found = list(arrays(mlp).values())
    found.append(mlp.forward(x))
    mlp.backward(labels)
    mlp.step()
    found += arrays(mlp).values()
    mlp.eval()
    found.append(mlp.forward(x))
    mlp.backward(labels)
    found += arrays(mlp).values()
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("num_bn_layers", [3, 4, 100])
def test_more_batchnorm_than_hidden_layers(nn, num_bn_layers):
    """MLP refuses more BatchNorm layers than hidden layers, as there is none on the output."""
    with pytest.raises(ValueError, match=r"num_bn_layers.*len\(hiddens\) = 2.*got {}$".format(num_bn_layers)):
        network(nn, (5, 4), num_bn_layers=num_bn_layers)


def test_batchnorm_on_a_linear_classifier(nn):
    """MLP refuses BatchNorm on a linear classifier, which has only the output."""
    with pytest.raises(ValueError, match=r"num_bn_layers.*len\(hiddens\) = 0.*got 1"):
        network(nn, (), num_bn_layers=1)


def test_negative_num_bn_layers(nn):
    """MLP refuses a negative num_bn_layers."""
    with pytest.raises(ValueError, match="num_bn_layers must be an integer of at least 0, got -1"):
        network(nn, num_bn_layers=-1)


@pytest.mark.parametrize("num_bn_layers", [1.0, True, None, "1"])
def test_num_bn_layers_that_is_no_integer(nn, num_bn_layers):
    """MLP refuses a num_bn_layers that is not an integer, such as True."""
    with pytest.raises(TypeError, match="num_bn_layers must be an integer, got {!r}".format(num_bn_layers)):
        network(nn, num_bn_layers=num_bn_layers)


def test_without_batchnorm(nn):
    """Without BatchNorm, bn is False and bn_layers is None."""
    mlp = network(nn)
    assert mlp.bn is False and mlp.bn_layers is None


def test_every_layer_has_its_own_batchnorm(nn):
    """bn_layers holds a BatchNorm for each of the first num_bn_layers layers, as wide as the layer."""
    mlp = network(nn, (5, 5, 4), num_bn_layers=3)
    assert [layer.gamma.shape for layer in mlp.bn_layers] == [(1, 5), (1, 5), (1, 4)]
    assert len(set(map(id, mlp.bn_layers))) == 3


def test_float32_stays_with_a_learning_rate_of_numpy(nn):
    """A float32 network with BatchNorm stays float32 when lr is a NumPy float, as np.logspace gives it."""
    mlp = network(nn, dtype=np.float32, num_bn_layers=1, lr=np.float64(0.1))
    x, labels = batch(1, dtype=np.float32)
    mlp.forward(x)
    mlp.backward(labels)
    mlp.step()
    assert {a.dtype for a in arrays(mlp).values()} == {np.dtype(np.float32)}
