"""2.5 Hidden layers, against differences, by hand and in loops; then what MLP is made of."""

import re

import numpy as np
import pytest

from tests.networks import (D, K, Normal, arrays, assert_gradients, assert_same_arrays, batch,
                            batch_off_the_kinks, network, train_once)

NAMES = ["Identity", "Sigmoid", "Tanh", "ReLU"]
ROWS = pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])


def built(nn, hiddens, activations, sizes=(D, K), criterion=None, num_bn_layers=0):
    """Return an MLP of these very arguments."""
    return nn.MLP(*sizes, hiddens, activations, Normal(1), Normal(2),
                  criterion or nn.SoftmaxCrossEntropy(), 0.1, 0.9, num_bn_layers)


# ---- Gradients -----------------------------------------------------------------------------------

@pytest.mark.parametrize("hiddens", [(5,), (5, 4), (4, 5, 3, 5, 4)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_with_each_activation_agree_with_central_differences(nn, name, hiddens):
    mlp = network(nn, hiddens, name, output=name)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


@ROWS
@pytest.mark.parametrize("m", [1, 6])
def test_gradients_with_mixed_activations_agree_with_central_differences(nn, m, rows):
    mlp = network(nn, (4, 5, 3, 5), ["ReLU", "Tanh", "Identity", "Sigmoid"], rows=rows)
    assert_gradients(mlp, *batch_off_the_kinks(mlp, m))


@pytest.mark.parametrize("name", NAMES)
def test_one_activation_may_serve_several_layers(nn, name):
    make = getattr(nn, name)
    shared, apart = built(nn, [K, 5], [make()] * 3), built(nn, [K, 5], [make(), make(), make()])
    x, labels = batch_off_the_kinks(apart)
    assert_gradients(shared, x, labels)
    for each in (shared, apart):
        train_once(each, x, labels)
    assert_same_arrays(arrays(shared), arrays(apart))


@pytest.mark.parametrize("name", NAMES[1:])
def test_one_list_of_activations_may_serve_two_networks(nn, name):
    activations, others = ([getattr(nn, name)() for _ in range(3)] for _ in range(2))
    mlp, sharing, apart = (built(nn, [5, 4], a) for a in (activations, activations, others))
    x, labels = batch(1)
    mlp.forward(x)
    sharing.forward(batch(2)[0])
    apart.forward(x)
    for each in (mlp, apart):
        each.backward(labels)
    assert_same_arrays(arrays(mlp), arrays(apart))


def test_an_activation_of_ones_own_needs_state_but_no_super_init(nn):
    class Softplus(nn.Activation):
        def __init__(self, beta):
            self.beta = beta

        def forward(self, x):
            self.state = np.log1p(np.exp(self.beta * x)) / self.beta
            return self.state

        def derivative(self):
            return 1 - np.exp(-self.beta * self.state)

    assert_gradients(built(nn, [5, 4], [Softplus(2), nn.Tanh(), Softplus(3)]), *batch(1, soft=True))


# ---- By hand, and in loops -----------------------------------------------------------------------

@pytest.fixture
def by_hand(nn):
    """A network of one input, two ReLU units and two classes, after a batch of one example.

    x = (2).  W[0] = (1, -1), b[0] = (1, 1): pre-activations (3, -1), hidden (3, 0).
    W[1] = ((log 3 / 3, 0), (5, 7)), b[1] = (0, 0): logits (log 3, 0), softmax (3/4, 1/4).
    The second class is true: delta = softmax - label = (3/4, -3/4).
    dW[1] = hidden^T delta = ((9/4, -9/4), (0, 0)), db[1] = delta.
    delta W[1]^T = (3/4 log 3 / 3, (5 - 7) 3/4); ReLU stops the second: delta = (log 3 / 4, 0).
    dW[0] = 2 delta = (log 3 / 2, 0), db[0] = delta.
    """
    mlp = built(nn, [2], [nn.ReLU(), nn.Identity()], sizes=(1, 2))
    mlp.W = [np.array([[1.0, -1.0]]), np.array([[np.log(3) / 3, 0], [5, 7]])]
    mlp.b = [np.ones(2), np.zeros(2)]
    mlp.forward(np.array([[2.0]]))
    mlp.backward(np.array([[0.0, 1.0]]))
    return mlp


def test_forward_by_hand(by_hand):
    np.testing.assert_array_equal(by_hand.activations[0].state, [[3, 0]])
    np.testing.assert_allclose(by_hand.activations[1].state, [[np.log(3), 0]], rtol=1e-15)


def test_backward_by_hand(by_hand):
    np.testing.assert_allclose(by_hand.dW[1], [[9 / 4, -9 / 4], [0, 0]], rtol=1e-14)
    np.testing.assert_allclose(by_hand.db[1], [3 / 4, -3 / 4], rtol=1e-14)
    np.testing.assert_allclose(by_hand.dW[0], [[np.log(3) / 2, 0]], rtol=1e-14)
    np.testing.assert_allclose(by_hand.db[0], [np.log(3) / 4, 0], rtol=1e-14)


def test_forward_is_activation_of_x_w_plus_b_example_by_example(nn):
    mlp, (x, _) = network(nn, (5, 4), ["Tanh", "ReLU"]), batch(1)
    expected = []
    for row in x:
        for W, b, f in zip(mlp.W, mlp.b, [np.tanh, lambda z: max(z, 0.0), float]):
            row = [f(sum(row[j] * W[j, k] for j in range(len(row))) + b[k]) for k in range(len(b))]
        expected.append(row)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name, low", [("Sigmoid", 0), ("Tanh", -1)])
def test_pre_activations_of_1e4_saturate_and_pass_no_gradient(nn, name, low, dtype):
    mlp = built(nn, [2], [getattr(nn, name)(), nn.Identity()], sizes=(2, 2))
    mlp.W, mlp.b = [np.eye(2, dtype=dtype)] * 2, [np.zeros(2, dtype)] * 2
    np.testing.assert_array_equal(mlp.forward(np.array([[1e4, -1e4]], dtype)), [[1, low]])
    mlp.backward([[1, 0]])
    np.testing.assert_allclose(mlp.criterion.loss, [np.log1p(np.exp(low - 1))], rtol=1e-6)
    np.testing.assert_array_equal(mlp.dW[0], np.zeros((2, 2)))


# ---- Shapes, dtypes, attributes ------------------------------------------------------------------

@ROWS
def test_each_dw_has_the_shape_of_w_and_each_db_is_one_dimensional(nn, rows):
    mlp, sizes = network(nn, (7, 1, 300, 2), rows=rows), [D, 7, 1, 300, 2, K]
    train_once(mlp, *batch(1))
    assert [dW.shape for dW in mlp.dW] == [W.shape for W in mlp.W] == [*zip(sizes, sizes[1:])]
    assert [db.shape for db in mlp.db] == [(d,) for d in sizes[1:]]
    assert [b.shape for b in mlp.b] == [(1, d) if rows else (d,) for d in sizes[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_through_every_activation(nn, name):
    mlp = network(nn, activations=name, output=name, dtype=np.float32)
    train_once(mlp, np.float32(batch(1)[0]), batch(1)[1])
    found = [*arrays(mlp).values(), *(activation.state for activation in mlp.activations)]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize("num_bn_layers", [0, 1, 3])
def test_attributes_are_those_of_the_starter_file(nn, num_bn_layers):
    criterion, activations = nn.SoftmaxCrossEntropy(), [nn.Tanh(), nn.Tanh(), nn.Identity()]
    mlp = built(nn, [5, 4], activations, criterion=criterion, num_bn_layers=num_bn_layers)
    found = mlp.input_size, mlp.output_size, mlp.activations, mlp.criterion
    assert found == (D, K, activations, criterion)
    assert (mlp.nlayers, mlp.lr, mlp.momentum, mlp.train_mode) == (3, 0.1, 0.9, True)
    assert (mlp.num_bn_layers, mlp.bn) == (num_bn_layers, num_bn_layers > 0)
    assert len(mlp.bn_layers) == num_bn_layers if num_bn_layers else mlp.bn_layers is None
    assert network(nn).momentum == 0  # where it is not given


@pytest.mark.parametrize("hiddens", [(5, 4), np.array([5, 4]), [np.int32(5), np.uint8(4)]])
def test_sizes_may_be_any_sequence_of_integers(nn, hiddens):
    mlp = built(nn, hiddens, (nn.Tanh(), nn.Tanh(), nn.Identity()), (np.int64(D), np.int32(K)))
    assert mlp.forward(batch(1)[0]).shape == (6, K)


def test_the_list_of_activations_may_change_later(nn):
    activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
    mlp, (x, _) = built(nn, [5, 4], activations), batch(1)
    expected = mlp.forward(x)
    activations.clear()
    np.testing.assert_array_equal(mlp.forward(x), expected)


@pytest.mark.parametrize("num_bn_layers, expected", [
    (0, "MLP(784 -> 64 Sigmoid -> 32 ReLU -> 10 Identity; 52,650 parameters)"),
    (1, "MLP(784 -> 64 BatchNorm Sigmoid -> 32 ReLU -> 10 Identity; 52,778 parameters)")])
def test_repr_shows_the_layers_and_the_number_of_parameters(nn, num_bn_layers, expected):
    activations = [nn.Sigmoid(), nn.ReLU(), nn.Identity()]
    mlp = built(nn, [64, 32], activations, (784, 10), num_bn_layers=num_bn_layers)
    assert repr(mlp) == expected


# ---- Refusals ------------------------------------------------------------------------------------

@pytest.mark.parametrize("count", [0, 2, 4])
def test_another_number_of_activations_is_refused(nn, count):
    with pytest.raises(ValueError, match=f"one for each of 3 layers, got {count}"):
        built(nn, [5, 4], [nn.Tanh()] * count)


@pytest.mark.parametrize("part", ["Tanh", "SoftmaxCrossEntropy"])
def test_a_class_in_the_place_of_an_object_is_refused(nn, part):
    parts = {"Tanh": nn.Tanh(), "SoftmaxCrossEntropy": None, part: getattr(nn, part)}
    with pytest.raises(TypeError, match=rf"not a class: write {part}\(\)"):
        built(nn, [5], [nn.Tanh(), parts["Tanh"]], criterion=parts["SoftmaxCrossEntropy"])


@pytest.mark.parametrize("sizes", [(0, 5, K), (D, 0, K), (D, 5, 0), (D, -2, K)], ids=str)
def test_a_size_below_one_is_refused(nn, sizes):
    with pytest.raises(ValueError, match=re.escape(f"must be at least 1, got {list(sizes)}")):
        built(nn, [sizes[1]], [nn.Tanh(), nn.Identity()], sizes[::2])


def test_backward_after_a_forward_that_raised_half_way_is_refused(nn):
    class Fragile(nn.Tanh):
        def forward(self, x):
            if len(x) == 1:
                raise ArithmeticError("one example")
            return super().forward(x)

    mlp = built(nn, [5, 4], [nn.Tanh(), nn.Tanh(), Fragile()])
    mlp.forward(batch(1)[0])
    with pytest.raises(ArithmeticError, match="one example"):
        mlp.forward(batch(1, m=1)[0])
    with pytest.raises(RuntimeError, match=r"call forward\(x\) first"):
        mlp.backward(batch(1, m=1)[1])
