"""2.6 Batch normalization: the layer by itself, in training and eval mode; then in a network."""

import copy
import pickle

import numpy as np
import pytest

from tests.gradients import assert_gradient
from tests.networks import (D, arrays, assert_gradients, assert_same_arrays, batch,
                            batch_off_the_kinks, network, randomise_batchnorm, train_on, train_once)

M = 6
MODES = pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])
STATISTICS = "mean", "var", "running_mean", "running_var"
PARAMETERS, GRADIENTS = ("gamma", "beta"), ("dgamma", "dbeta")


def examples(seed, m=M):
    """Return x and delta, (m, D); each unit of x has a mean and a spread of its own."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((m, D)) * [0.5, 1, 2, 3] + [-1, 0, 1, 5]
    return x, rng.standard_normal((m, D))


def trained(nn):
    """Return a BatchNorm with random gamma, beta and running statistics, after a forward."""
    rng, layer = np.random.RandomState(100), nn.BatchNorm(D)
    layer.gamma, layer.running_var = rng.uniform(0.5, 2, (2, 1, D))
    layer.beta, layer.running_mean = rng.standard_normal((2, 1, D))
    layer.forward(examples(100)[0])
    return layer


def normed(nn, hiddens=(5, 4), num_bn_layers=2, **options):
    """Return a network whose BatchNorms have random gamma, beta and running statistics."""
    return randomise_batchnorm(network(nn, hiddens, num_bn_layers=num_bn_layers, **options), 7)


def values(layer, *names):
    return [getattr(layer, name) for name in names]


def assert_same(found, expected):
    """Assert that two sequences of arrays hold the same numbers."""
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)


@MODES
def test_backward_agrees_with_central_differences(nn, evaluation):
    """In training x acts through mean and var too; in eval mode the statistics are constants."""
    layer, (x, delta) = trained(nn), examples(0)
    layer.forward(x, eval=evaluation)
    dx, dgamma, dbeta = layer.backward(delta), layer.dgamma, layer.dbeta

    def loss():
        return (delta * layer.forward(x, eval=evaluation)).sum()

    assert_gradient(dx, loss, x, "dx")
    assert_gradient(dgamma, loss, layer.gamma, "dgamma")
    assert_gradient(dbeta, loss, layer.beta, "dbeta")


@MODES
@pytest.mark.parametrize("hiddens, num_bn_layers",
                         [((5, 4), 1), ((5, 4), 2), ((5, 4), 3), ((), 1)], ids=str)
@pytest.mark.parametrize("activations", [["Tanh", "Tanh"], ["ReLU", "Sigmoid"]], ids=str)
def test_every_gradient_of_a_network_agrees_with_central_differences(
        nn, activations, hiddens, num_bn_layers, evaluation):
    """BatchNorm on all of the layers is on the output too, also on that of a linear classifier."""
    mlp = normed(nn, hiddens, num_bn_layers, activations=activations[:len(hiddens)])
    mlp.train_mode = not evaluation
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


# ---- By hand, and in loops -----------------------------------------------------------------------

def test_forward_and_backward_by_hand(nn):
    # Column 0: mean 10, deviations 5, -3, -1, -1, var (25 + 9 + 1 + 1) / 4 = 9, x_hat a third.
    # Column 1: mean 1, deviations -1, 1, 1, -1, var 1, x_hat the same.  eps changes digit ten.
    layer = nn.BatchNorm(2)
    layer.gamma, layer.beta = np.array([[6.0, -2.0]]), np.array([[2.0, 1.0]])
    out = layer.forward(np.array([[15.0, 0.0], [7.0, 2.0], [9.0, 2.0], [9.0, 0.0]]))
    x_hat = [[5 / 3, -1], [-1, 1], [-1 / 3, 1], [-1 / 3, -1]]
    np.testing.assert_allclose([layer.mean, layer.var], [[10, 1], [9, 1]], rtol=1e-14)
    np.testing.assert_allclose(layer.norm, x_hat, rtol=1e-8)
    np.testing.assert_allclose(out, [[12, 3], [-4, -1], [0, -1], [0, 3]], atol=1e-7)
    # dgamma: 5/3 - 2 - 1/3 = -2/3 and -4.  dbeta: 4 and 4.  dx, with gamma / deviation in front:
    # column 0: 2 (delta - 1 + x_hat / 6) = 2 (5/18), 2 (1 - 1/6), 2 (-1 - 1/18), 2 (-1/18);
    # column 1: -2 (delta - 1 + x_hat) = -2 (4 - 1 - 1), 0, 0, -2 (-1 - 1).
    dx = layer.backward(np.array([[1.0, 4.0], [2.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose([layer.dgamma, layer.dbeta], [[-2 / 3, -4], [4, 4]], rtol=1e-8)
    np.testing.assert_allclose(dx, [[5 / 9, -4], [5 / 3, 0], [-19 / 9, 0], [-1 / 9, 4]], atol=1e-7)


def test_running_statistics_by_hand(nn):
    layer = nn.BatchNorm(1, alpha=0.25)
    layer.forward(np.array([[1.0], [7.0], [1.0], [7.0]]))  # mean 4, var 9; they were 0 and 1
    layer.forward(np.array([[5.0], [9.0]]))  # mean 7, var 4; they were 0.75 4 and 0.25 + 0.75 9
    np.testing.assert_allclose(layer.running_mean, [[0.25 * 3 + 0.75 * 7]], rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, [[0.25 * 7 + 0.75 * 4]], rtol=1e-12)


def test_the_equations_of_appendix_b_in_loops(nn):
    layer, (x, delta), rows = trained(nn), examples(1), range(M)
    assert_same([layer(x), layer.x], [layer.out, x])
    dx = layer.backward(delta)
    for j in range(D):
        gamma, beta = layer.gamma[0, j], layer.beta[0, j]
        mean = sum(x[i, j] for i in rows) / M                                               # (1)
        var = sum((x[i, j] - mean) ** 2 for i in rows) / M                                  # (2)
        centred, spread = [x[i, j] - mean for i in rows], var + 1e-8
        x_hat = [centred[i] * spread ** -0.5 for i in rows]                                 # (3)
        y = [gamma * x_hat[i] + beta for i in rows]                                         # (4)
        dx_hat = [gamma * delta[i, j] for i in rows]                                        # (5)
        dbeta = sum(delta[i, j] for i in rows)                                              # (6)
        dgamma = sum(delta[i, j] * x_hat[i] for i in rows)                                  # (7)
        dvar = -0.5 * sum(dx_hat[i] * centred[i] for i in rows) * spread ** -1.5            # (10)
        dmean = -sum(dx_hat) * spread ** -0.5 - dvar * 2 / M * sum(centred)                 # (17)
        expected = [dx_hat[i] * spread ** -0.5 + dvar * 2 / M * centred[i] + dmean / M
                    for i in rows]                                                          # (27)
        found = values(layer, "mean", "var", *GRADIENTS) + [layer.norm.T, layer.out.T, dx.T]
        for a, b in zip(found, (mean, var, dgamma, dbeta, x_hat, y, expected)):
            np.testing.assert_allclose(a[j], b, rtol=1e-10, atol=1e-13)


def test_eps_is_1e_8_and_stands_inside_the_root(nn):
    layer, x = nn.BatchNorm(1), np.array([[1e-4], [-1e-4]] * 2)  # the variance is 1e-8 too
    layer.forward(x)
    np.testing.assert_allclose(layer.norm, x / np.sqrt(2e-8), rtol=1e-12)


# ---- Units that are constant, or far from 0 ------------------------------------------------------

@pytest.mark.parametrize("dtype, close", [(np.float32, 2e-3), (np.float64, 1e-12)])
@pytest.mark.parametrize("m", [7, 100])
def test_a_constant_unit_is_normalised_to_zero(nn, m, dtype, close):
    """Divided by sqrt(eps) = 1e-4, the rounding of its mean would be seen."""
    layer = nn.BatchNorm(5)
    layer.forward(np.full((m, 5), [0.1, 0.7, 1, 10, -10 / 3], dtype))
    assert np.abs(layer.norm).max() < close


def test_a_batch_of_one_gives_beta_and_passes_no_gradient_on(nn):
    layer, (x, delta) = trained(nn), examples(2, m=1)
    np.testing.assert_array_equal(layer.forward(x), layer.beta)
    np.testing.assert_array_equal(layer.var, np.zeros(D))
    np.testing.assert_array_equal(layer.backward(delta), np.zeros((1, D)))


def test_a_mean_of_more_than_1e4_costs_no_digits(nn):
    """The variance is that of x - mean, and not a difference of mean squares."""
    layer, x = nn.BatchNorm(D), np.random.RandomState(4).randint(-1024, 1024, (M, D)) / 1024
    out = layer.forward(x)
    np.testing.assert_allclose(layer.forward(x + 2.0 ** 14), out, rtol=1e-9)  # an exact sum


# ---- Eval mode -----------------------------------------------------------------------------------

def test_eval_normalises_the_new_x_by_the_running_statistics(nn):
    layer, (x, _) = trained(nn), examples(5)
    x_hat = (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-8)
    out = layer.forward(x, eval=True)
    np.testing.assert_allclose(layer.norm, x_hat, rtol=1e-12)
    np.testing.assert_allclose(out, layer.gamma * x_hat + layer.beta, rtol=1e-12)
    assert_same([layer.x, layer.out], [x, out])


def test_eval_changes_no_statistics_and_training_goes_on_as_if_it_had_not_been(nn):
    layer, twin, (x, delta) = trained(nn), trained(nn), examples(6)
    layer.backward(layer.forward(examples(7)[0], eval=True))
    assert_same(values(layer, *STATISTICS), values(twin, *STATISTICS))
    np.testing.assert_array_equal(layer.forward(x), twin.forward(x))
    np.testing.assert_array_equal(layer.backward(delta), twin.backward(delta))


# ---- Attributes, shapes and dtypes ---------------------------------------------------------------

def test_attributes_at_first(nn):
    layer = nn.BatchNorm(D)
    for name in (*STATISTICS, *PARAMETERS, *GRADIENTS):
        a, ones = getattr(layer, name), name in ("var", "running_var", "gamma")
        assert (a.shape, a.dtype, a.tolist()) == ((1, D), np.float64, [[float(ones)] * D]), name
    assert values(layer, "alpha", "eps", "x", "norm", "out") == [0.9, 1e-8, None, None, None]


def test_what_is_summed_over_the_batch_is_1_d_and_what_is_kept_is_a_row(nn):
    layer = trained(nn)
    layer.backward(examples(9)[1])
    assert [a.shape for a in values(layer, "mean", "var", *GRADIENTS)] == [(D,)] * 4
    kept = values(layer, "running_mean", "running_var", *PARAMETERS)
    assert [a.shape for a in kept] == [(1, D)] * 4


@MODES
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "list"])
def test_integers_and_lists_count_as_the_same_numbers_in_float64(nn, dtype, evaluation):
    x = np.random.RandomState(10).randint(256, size=(M, D))
    x = x.tolist() if dtype == "list" else x.astype(dtype)
    out = trained(nn).forward(x, evaluation)
    np.testing.assert_array_equal(out, trained(nn).forward(np.array(x, float), evaluation))


@MODES
def test_what_is_passed_in_and_what_came_out_before_is_not_changed(nn, evaluation):
    layer, (x, delta) = trained(nn), examples(11)
    taken = [x, delta, layer.forward(x, eval=evaluation), layer.backward(delta)]
    taken += values(layer, *STATISTICS, *PARAMETERS, *GRADIENTS, "norm")
    before = [a.copy() for a in taken]
    layer.forward(examples(12)[0], eval=evaluation)
    layer.backward(examples(13)[1])
    assert_same(taken, before)


# ---- In a network --------------------------------------------------------------------------------

@MODES
@pytest.mark.parametrize("num_bn_layers", [0, 1, 2, 3])
def test_it_stands_between_x_w_plus_b_and_the_activation_of_the_first_layers(
        nn, num_bn_layers, evaluation):
    mlp, (x, _) = normed(nn, output="Tanh", num_bn_layers=num_bn_layers), batch(1)
    mlp.train_mode, expected = not evaluation, x
    for i in range(3):
        z = expected @ mlp.W[i] + mlp.b[i]
        if i < num_bn_layers:
            layer = mlp.bn_layers[i]
            mean, var = z.mean(axis=0), z.var(axis=0)
            if evaluation:
                mean, var = layer.running_mean, layer.running_var
            z = layer.gamma * (z - mean) / np.sqrt(var + 1e-8) + layer.beta
        expected = np.tanh(z)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-10)


@pytest.mark.parametrize("num_bn_layers", [-1, 4])
def test_fewer_than_none_or_more_than_all_layers_are_refused(nn, num_bn_layers):
    with pytest.raises(ValueError, match=f"num_bn_layers.* from 0 to 3.*got {num_bn_layers}"):
        network(nn, (5, 4), num_bn_layers=num_bn_layers)


def test_train_and_eval_set_train_mode_which_is_true_at_first(nn):
    mlp = network(nn)
    modes = [mlp.train_mode]
    for switch in (mlp.eval, mlp.train):
        switch()
        modes.append(mlp.train_mode)
    assert modes == [True, False, True]


def test_eval_mode_predicts_each_example_alone(nn):
    mlp, (x, _) = normed(nn), batch(1)
    mlp.eval()
    alone = [mlp.forward(row[np.newaxis])[0] for row in x]
    np.testing.assert_allclose(mlp.forward(x), alone, rtol=1e-12)


def test_the_bias_before_it_stays_with_gradient_zero(nn):
    mlp, before = normed(nn), [b.copy() for b in normed(nn).b]
    train_on(mlp, [1])
    for b, db, kept in zip(mlp.b[:2], mlp.db, before):
        np.testing.assert_allclose(db, np.zeros(b.shape), atol=1e-14)
        np.testing.assert_allclose(b, kept, atol=1e-14)


def test_gamma_and_beta_take_the_plain_step_without_momentum(nn):
    mlp = normed(nn, momentum=0.9)
    for seed in range(3):
        before = [values(layer, *PARAMETERS) for layer in mlp.bn_layers]
        train_on(mlp, [seed])
        for layer, (gamma, beta) in zip(mlp.bn_layers, before):
            np.testing.assert_allclose(layer.gamma, gamma - 0.1 * layer.dgamma, rtol=1e-12)
            np.testing.assert_allclose(layer.beta, beta - 0.1 * layer.dbeta, rtol=1e-12)


def test_zero_grads_sets_dgamma_and_dbeta_to_zeros_that_can_be_written_into(nn):
    mlp = network(nn, num_bn_layers=1)
    train_on(mlp, [1])
    mlp.zero_grads()
    layer, (gamma, beta) = mlp.bn_layers[0], values(mlp.bn_layers[0], *PARAMETERS)
    assert_same(values(layer, *GRADIENTS), np.zeros((2, 5)))
    layer.dgamma += 1
    layer.dbeta[0] = 2
    mlp.step()
    np.testing.assert_allclose(layer.gamma, gamma - 0.1, rtol=1e-12)
    np.testing.assert_allclose(layer.beta, beta - [0.2, 0, 0, 0, 0], rtol=1e-12)


def test_a_dead_relu_in_front_of_it_gives_beta_and_no_gradient(nn):
    mlp = network(nn, activations="ReLU", num_bn_layers=2, dtype=np.float32)
    mlp.bn_layers[0].beta -= 100  # every unit's ReLU gives 0, and so the next x W + b is b
    mlp.bn_layers[1].beta += 1
    train_once(mlp, *batch(1, m=100, dtype=np.float32))
    np.testing.assert_allclose(mlp.bn_layers[1].out, np.ones((100, 4)), atol=2e-3)
    assert not (mlp.dW[0].any() or mlp.dW[1].any() or mlp.bn_layers[0].dgamma.any())


@pytest.mark.parametrize("data", [np.float32, np.uint8])
def test_float32_stays_in_every_array(nn, data):
    mlp = network(nn, dtype=np.float32, num_bn_layers=3, lr=np.float64(0.1), momentum=0.9)
    x, labels = batch(1)  # float64
    found = [*arrays(mlp).values()]
    for switch in (mlp.train, mlp.eval):
        switch()
        train_once(mlp, np.abs(x).astype(data), labels)
        found += [a for layer in mlp.bn_layers for a in (layer.norm, layer.out)]
        found += [mlp.activations[-1].state, mlp.criterion.loss, *arrays(mlp).values()]
    mlp.zero_grads()
    found += arrays(mlp).values()
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize("how", [copy.deepcopy, lambda mlp: pickle.loads(pickle.dumps(mlp))],
                         ids=["deepcopy", "pickle"])
def test_a_copy_goes_on_as_the_original_also_between_forward_and_backward(nn, how):
    mlp, (x, labels) = normed(nn, momentum=0.9), batch(1)
    mlp.forward(x)
    copied = how(mlp)
    for each in (mlp, copied):
        each.backward(labels)
        each.step()
        train_on(each, [2])
    assert_same_arrays(arrays(copied), arrays(mlp))
