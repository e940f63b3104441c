"""Shapes and dtypes, exactly as the course's autograder compares them."""

import itertools

import numpy as np
import pytest

from tests.module.helpers import activation_classes, build
from tests.module.networks import D, K, batch, network, train_once
from tests.module.pieces import examples

ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# ---- Initializers --------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (784, 2)])
def test_weights_have_a_row_for_each_input(nn, shape):
    weights = nn.random_normal_weight_init(*shape)
    assert weights.shape == shape
    assert weights.dtype == np.float64


@pytest.mark.parametrize("d", [1, 5])
def test_biases_are_zeros_of_one_dimension(nn, d):
    biases = nn.zeros_bias_init(d)
    assert biases.tolist() == [0.0] * d
    assert biases.dtype == np.float64


def test_mlp_draws_no_random_number_besides_its_weights(nn):
    np.random.seed(11785)
    activations = [nn.Sigmoid(), nn.Identity()]
    mlp = nn.MLP(5, 2, [4], activations, nn.random_normal_weight_init, nn.zeros_bias_init,
                 nn.SoftmaxCrossEntropy(), 0.1, momentum=0.9, num_bn_layers=1)
    next_number = np.random.uniform()
    np.random.seed(11785)
    first = np.random.normal(0.0, 1.0, (5, 4))
    second = np.random.normal(0.0, 1.0, (4, 2))
    np.testing.assert_array_equal(mlp.W[0], first)
    np.testing.assert_array_equal(mlp.W[1], second)
    assert next_number == np.random.uniform()


# ---- Activations and the loss --------------------------------------------------------------------

@FLOATS
@pytest.mark.parametrize("shape", [
    (3,),
    (1, 1),
    (4, 3),
    (2, 3, 4),
    (0, 3),
])
def test_activations_keep_shape_and_dtype(nn, dtype, shape):
    for cls in activation_classes(nn):
        activation = cls()
        results = [activation.forward(np.ones(shape, dtype))]
        if cls is not nn.Identity:
            results.append(activation.derivative())
        for result in results:
            assert result.shape == shape, cls
            assert result.dtype == dtype, cls


@pytest.mark.parametrize("shape", [
    (7, 4),
    (1, 3),
    (4, 1),
    (1, 1),
])
def test_loss_is_one_number_an_example(nn, shape):
    logits = np.ones(shape)
    labels = np.ones(shape)
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion.forward(logits, labels)
    dlogits = criterion.derivative()
    assert loss.shape == shape[:1]
    assert criterion.sm.shape == shape
    assert dlogits.shape == shape


# ---- BatchNorm -----------------------------------------------------------------------------------

@FLOATS
def test_batchnorm_starts_with_rows_of_zeros_and_ones(nn, dtype):
    layer = nn.BatchNorm(4, dtype=dtype)
    for name in ("var", "running_var", "gamma"):
        a = getattr(layer, name)
        assert a.tolist() == [[1.0, 1.0, 1.0, 1.0]], name
        assert a.dtype == dtype, name
    for name in ("mean", "running_mean", "beta", "dgamma", "dbeta"):
        a = getattr(layer, name)
        assert a.tolist() == [[0.0, 0.0, 0.0, 0.0]], name
        assert a.dtype == dtype, name


def test_batchnorm_is_float64_where_no_dtype_is_given(nn):
    assert nn.BatchNorm(4).gamma.dtype == np.float64


def test_arrays_of_a_new_batchnorm_share_no_memory(nn):
    layer = nn.BatchNorm(4)
    names = ["mean", "var", "running_mean", "running_var", "gamma", "beta", "dgamma", "dbeta"]
    for first, second in itertools.combinations(names, 2):
        shared = np.shares_memory(getattr(layer, first), getattr(layer, second))
        assert not shared, (first, second)


def test_sums_over_the_batch_are_1d_and_the_rest_rows(nn):
    layer = nn.BatchNorm(4)
    x, _, delta = examples(9)
    layer.forward(x)
    layer.backward(delta)
    for name in ("mean", "var", "dgamma", "dbeta"):
        assert getattr(layer, name).shape == (4,), name
    for name in ("running_mean", "running_var", "gamma", "beta"):
        assert getattr(layer, name).shape == (1, 4), name


@pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])
def test_steps_keep_the_shapes_of_batchnorm(nn, evaluation):
    mlp = network(nn, num_bn_layers=1)
    mlp.train_mode = not evaluation
    train_once(mlp, *batch(1))
    train_once(mlp, *batch(2))
    layer = mlp.bn_layers[0]
    for name in ("running_mean", "running_var", "gamma", "beta"):
        assert getattr(layer, name).shape == (1, 5), name
    for name in ("dgamma", "dbeta"):
        assert getattr(layer, name).shape == (5,), name


# ---- Networks ------------------------------------------------------------------------------------

@ROWS
def test_dw_has_the_shape_of_w_and_db_is_1d(nn, rows):
    mlp = network(nn, (7, 1, 300, 2), rows=rows)
    train_once(mlp, *batch(1))
    weights = [(D, 7), (7, 1), (1, 300), (300, 2), (2, K)]
    units = [7, 1, 300, 2, K]
    biases = [(d,) for d in units]
    if rows:
        biases = [(1, d) for d in units]
    for i in range(mlp.nlayers):
        assert mlp.W[i].shape == weights[i]
        assert mlp.dW[i].shape == weights[i]
        assert mlp.b[i].shape == biases[i]
        assert mlp.db[i].shape == (units[i],)


@ROWS
@FLOATS
def test_gradients_are_zeros_at_first_and_after_zero_grads(nn, dtype, rows):
    mlp = network(nn, (5,), dtype=dtype, rows=rows, num_bn_layers=2)
    for layer in mlp.bn_layers:
        assert layer.dgamma.shape == layer.dbeta.shape == (layer.gamma.size,)
    for _ in range(2):
        for dW, W in zip(mlp.dW, mlp.W):
            np.testing.assert_array_equal(dW, np.zeros(W.shape))
            assert dW.dtype == dtype
        for db, b in zip(mlp.db, mlp.b):
            np.testing.assert_array_equal(db, np.zeros(b.size))
            assert db.dtype == dtype
        for layer in mlp.bn_layers:
            for gradient in (layer.dgamma, layer.dbeta):
                np.testing.assert_array_equal(gradient, np.zeros(layer.gamma.size))
                assert gradient.dtype == dtype
        train_once(mlp, *batch(1, dtype=dtype))
        mlp.zero_grads()


def test_output_of_one_example_is_a_row(nn):
    mlp = build(nn, [5], [nn.Tanh(), nn.Identity()])
    assert mlp.forward(np.ones((1, D))).shape == (1, K)
