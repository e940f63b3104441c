"""float32 stays float32; integers, booleans and lists count as the same numbers in float64."""

import numpy as np
import pytest

from tests.module.helpers import activation_classes, gradients_of_batch
from tests.module.networks import D, K, arrays, assert_same_arrays, batch, network, train_once
from tests.module.pieces import PIECES, assert_results, examples

EACH_PIECE = pytest.mark.parametrize("piece_class", PIECES)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# ---- Each piece ----------------------------------------------------------------------------------

@EACH_PIECE
@FLOATS
def test_floats_keep_their_dtype(nn, piece_class, dtype):
    x, labels, delta = examples(1)
    piece = piece_class(nn, dtype)
    results = piece.run(x.astype(dtype), labels, delta.astype(dtype))
    results.update(piece.kept())
    for name, a in results.items():
        assert a.dtype == dtype, name


@EACH_PIECE
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.bool_, list])
def test_integers_and_lists_count_as_float64(nn, piece_class, dtype):
    x = np.random.RandomState(10).randint(-128, 128, (6, 4))
    _, labels, delta = examples(1)
    if dtype is list:
        numbers = x.tolist()
        labels = labels.tolist()
    else:
        numbers = x.astype(dtype)
    found = piece_class(nn).run(numbers, labels, delta)
    expected = piece_class(nn).run(np.array(numbers, np.float64), labels, delta)
    assert_results(found, expected)
    found.pop("Identity", None)  # it returns x itself
    assert {a.dtype for a in found.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])
@pytest.mark.parametrize("convert, largest", [
    (np.uint8, 255),
    (np.int8, 127),
    (np.uint64, 1000),
    (np.bool_, 1),
    (np.ndarray.tolist, 1000),
], ids=["uint8", "int8", "uint64", "bool", "list"])
def test_batchnorm_takes_a_delta_of_any_type(nn, convert, largest, evaluation):
    rng = np.random.RandomState(4)
    x = rng.standard_normal((200, 3))
    delta = rng.randint(largest + 1, size=(200, 3))
    layer = nn.BatchNorm(3)
    twin = nn.BatchNorm(3)
    layer.forward(x, eval=evaluation)
    twin.forward(x, eval=evaluation)
    dx = layer.backward(convert(delta))
    np.testing.assert_array_equal(dx, twin.backward(delta.astype(np.float64)))
    np.testing.assert_array_equal(layer.dbeta, twin.dbeta)
    np.testing.assert_array_equal(layer.dgamma, twin.dgamma)


# ---- The loss ------------------------------------------------------------------------------------

@FLOATS
@pytest.mark.parametrize("label_dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_loss_has_the_dtype_of_the_logits(nn, dtype, label_dtype):
    x, labels, _ = examples(4)
    criterion = nn.SoftmaxCrossEntropy()
    plain = nn.SoftmaxCrossEntropy()
    logits = x.astype(dtype)
    loss = criterion.forward(logits, labels.astype(label_dtype))
    dlogits = criterion.derivative()
    for result in (loss, criterion.sm, dlogits):
        assert result.dtype == dtype
    eps = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(loss, plain.forward(x, labels), rtol=eps, atol=eps)
    np.testing.assert_allclose(dlogits, plain.derivative(), rtol=eps, atol=eps)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int8])
def test_integer_logits_do_not_overflow(nn, dtype):
    x = np.array([[127, 0], [0, 100]], dtype)
    losses = nn.SoftmaxCrossEntropy().forward(x, [[0, 1], [1, 0]])
    assert losses.tolist() == [127, 100]


# ---- Activations ---------------------------------------------------------------------------------

@pytest.mark.parametrize("x", [
    2,
    -2.0,
    True,
    [0, 1, -2],
    [[0.5, -1.0]],
    np.arange(3),
    np.array([0, 1, 255], np.uint8),
    np.array([-128, 127], np.int8),
    np.array([False, True]),
], ids=repr)
def test_activations_take_scalars_and_sequences(nn, x):
    for cls in activation_classes(nn):
        if cls is nn.Identity:
            continue
        activation = cls()
        twin = cls()
        floats = np.array(x, np.float64, ndmin=1)
        expected = twin.forward(floats)
        output = activation.forward(x)
        derivative = activation.derivative()
        np.testing.assert_allclose(output, expected, rtol=1e-14)
        np.testing.assert_allclose(derivative, twin.derivative(), rtol=1e-14)
        for result in (activation.state, derivative):
            assert result.dtype == np.float64, cls
            assert result.shape == np.shape(x), cls


@pytest.mark.parametrize("x", [3, -2.5, [1, 2]])
def test_identity_returns_its_argument(nn, x):
    identity = nn.Identity()
    assert identity.forward(x) is x
    assert identity.state is x


def test_derivative_of_identity_is_a_float(nn):
    derivative = nn.Identity().derivative()
    assert isinstance(derivative, float)
    assert derivative == 1.0


# ---- Networks ------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_, np.float32])
def test_pixels_and_labels_may_be_of_any_real_dtype(nn, dtype):
    pixels = np.random.RandomState(1).randint(0, 256, (6, D)).astype(dtype)
    _, labels = batch(1)
    floats = pixels.astype(np.float64)
    found = gradients_of_batch(network(nn), pixels, labels.astype(dtype))
    expected = gradients_of_batch(network(nn), floats, labels)
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float64


@pytest.mark.parametrize("num_bn_layers", [0, 1, 3])
@pytest.mark.parametrize("data", [np.float32, np.uint8, np.bool_])
def test_float32_stays_in_a_network(nn, data, num_bn_layers):
    """float64 labels do not widen it."""
    x, labels = batch(1)
    x = np.abs(x).astype(data)
    mlp = network(nn, dtype=np.float32, num_bn_layers=num_bn_layers, momentum=0.9)
    found = list(arrays(mlp).values())
    for switch_mode in (mlp.train, mlp.eval):
        switch_mode()
        train_once(mlp, x, labels)
        train_once(mlp, x, labels)
        found += arrays(mlp).values()
        found += [activation.state for activation in mlp.activations]
        found.append(mlp.criterion.loss)
        for layer in mlp.bn_layers or []:
            found += [layer.norm, layer.out]
    mlp.zero_grads()
    found += arrays(mlp).values()
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


def test_float32_stays_through_every_activation(nn):
    x, labels = batch(1)
    for cls in activation_classes(nn):
        mlp = network(nn, activations=cls.__name__, output=cls.__name__, dtype=np.float32)
        train_once(mlp, np.float32(x), labels)
        found = list(arrays(mlp).values())
        found += [activation.state for activation in mlp.activations]
        assert {a.dtype for a in found} == {np.dtype(np.float32)}, cls


def test_initializers_may_return_lists_of_integers(nn):
    def lists(*shape):
        return np.ones(shape, int).tolist()

    def floats(*shape):
        return np.ones(shape)

    criterion = nn.SoftmaxCrossEntropy()
    mlp = nn.MLP(D, K, [], [nn.Identity()], lists, lists, criterion, 0.1)
    twin = nn.MLP(D, K, [], [nn.Identity()], floats, floats, criterion, 0.1)
    assert mlp.W[0].dtype == np.float64
    assert mlp.b[0].dtype == np.float64
    assert_same_arrays(arrays(mlp), arrays(twin))
