"""What an MLP promises with hidden layers (2.5).

Any number, any size and any mix of activations, with every gradient right; each layer made once and in order;
and a clear word about activations or sizes that do not fit.
"""

import numpy as np
import pytest

from tests.promises.networks import (D, K, Normal, arrays, assert_gradients, assert_same_arrays, batch,
                                     batch_off_the_kinks, network, train_on)

HIDDENS = [(5,), (5, 4), (4, 5, 3), (5, 3, 4, 5), (4, 5, 3, 5, 4)]
MIX = ["ReLU", "Tanh", "Identity", "Sigmoid", "ReLU"]


def built(nn, hiddens, activations, weight_init_fn=np.ones, bias_init_fn=np.zeros):
    """Return an MLP of D inputs and K outputs with these very lists."""
    return nn.MLP(D, K, hiddens, activations, weight_init_fn, bias_init_fn, nn.SoftmaxCrossEntropy(), 0.1)


# ---- Gradients ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("hiddens", HIDDENS, ids=str)
@pytest.mark.parametrize("activation", ["Identity", "Sigmoid", "Tanh", "ReLU"])
def test_gradients_of_each_activation(nn, activation, hiddens):
    """Every dW and db of a network with this activation is the gradient of the batch's mean loss."""
    mlp = network(nn, hiddens, activation)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


@pytest.mark.parametrize("hiddens", HIDDENS, ids=str)
@pytest.mark.parametrize("rows", [False, True], ids=["b (d,)", "b (1, d)"])
def test_gradients_of_mixed_activations(nn, rows, hiddens):
    """Every dW and db of a network of mixed activations is the gradient of the batch's mean loss."""
    mlp = network(nn, hiddens, MIX[:len(hiddens)], rows=rows)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


@pytest.mark.parametrize("output", ["Sigmoid", "Tanh", "ReLU"])
def test_gradients_through_the_output_activation(nn, output):
    """The gradients go through the output's activation too, where it is not Identity."""
    mlp = network(nn, output=output)
    assert_gradients(mlp, *batch_off_the_kinks(mlp))


def test_gradients_of_one_example(nn):
    """The gradients of a batch of one example are right too."""
    assert_gradients(network(nn), *batch(1, m=1))


def test_relu_at_its_kink(nn):
    """A ReLU unit whose input is exactly 0 passes no gradient on."""
    mlp = network(nn, (2,), "ReLU")
    mlp.W[0] = np.zeros((D, 2))
    mlp.b[0] = np.array([0.0, 1.0])  # the first unit stands at 0, the second at 1
    x, labels = batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_array_equal(mlp.dW[0][:, 0], np.zeros(D))
    assert (mlp.dW[0][:, 1] != 0).all()


def test_own_activation(nn):
    """MLP takes an Activation of the caller's own."""
    class Softplus(nn.Activation):
        def forward(self, x):
            self.x, self.state = x, np.log1p(np.exp(x))
            return self.state

        def derivative(self):
            return 1 / (1 + np.exp(-self.x))

    mlp = built(nn, [5], [Softplus(), nn.Identity()], Normal(1), Normal(2))
    assert_gradients(mlp, *batch(1))


# ---- Values ------------------------------------------------------------------------------------------------

def hand_worked(nn):
    """Return a network of one input, two ReLU units and two classes, a batch of one example and its label.

    x = (2).  W[0] = (1, -1), b[0] = (1, 1): pre-activations (3, -1), hidden (3, 0).
    W[1] = ((log 3 / 3, 0), (5, 7)), b[1] = (0, 0): logits (log 3, 0), softmax (3/4, 1/4); the second is true.
    delta = softmax - label = (3/4, -3/4).
    dW[1] = hidden^T delta = ((9/4, -9/4), (0, 0)), db[1] = delta.
    delta W[1]^T = (3/4 log 3 / 3, (5 - 7) 3/4); ReLU stops the second: delta = (log 3 / 4, 0).
    dW[0] = 2 delta = (log 3 / 2, 0), db[0] = delta.
    """
    weights = iter([np.array([[1.0, -1.0]]), np.array([[np.log(3) / 3, 0.0], [5.0, 7.0]])])
    biases = iter([np.ones(2), np.zeros(2)])
    mlp = nn.MLP(1, 2, [2], [nn.ReLU(), nn.Identity()], lambda d0, d1: next(weights), lambda d: next(biases),
                 nn.SoftmaxCrossEntropy(), 0.1)
    return mlp, np.array([[2.0]]), np.array([[0.0, 1.0]])


def test_hand_worked_forward(nn):
    """The forward of a network with one hidden layer is as worked by hand."""
    mlp, x, _ = hand_worked(nn)
    np.testing.assert_allclose(mlp.forward(x), [[np.log(3), 0]], rtol=1e-15)
    np.testing.assert_array_equal(mlp.activations[0].state, [[3, 0]])


def test_hand_worked_backward(nn):
    """The backward of a network with one hidden layer is as worked by hand."""
    mlp, x, labels = hand_worked(nn)
    mlp.forward(x)
    mlp.backward(labels)
    np.testing.assert_allclose(mlp.dW[1], [[9 / 4, -9 / 4], [0, 0]], rtol=1e-14)
    np.testing.assert_allclose(mlp.db[1], [3 / 4, -3 / 4], rtol=1e-14)
    np.testing.assert_allclose(mlp.dW[0], [[np.log(3) / 2, 0]], rtol=1e-14)
    np.testing.assert_allclose(mlp.db[0], [np.log(3) / 4, 0], rtol=1e-14)


def test_forward_as_a_loop(nn):
    """MLP.forward is, example by example and unit by unit, activation(x W + b)."""
    mlp, (x, _) = network(nn, (5, 4), ["Tanh", "ReLU"]), batch(1)
    functions = [np.tanh, lambda z: max(z, 0.0), float]
    expected = []
    for row in x:
        for W, b, f in zip(mlp.W, mlp.b, functions):
            row = [f(sum(row[j] * W[j, k] for j in range(len(row))) + b[k]) for k in range(len(b))]
        expected.append(row)
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-12)


def test_output_is_that_of_the_last_activation(nn):
    """MLP.forward returns what the last activation gives, which stands in its state too."""
    mlp = network(nn, output="Sigmoid")
    output = mlp.forward(batch(1)[0])
    assert (output > 0).all() and (output < 1).all()
    np.testing.assert_array_equal(mlp.activations[-1].state, output)


@pytest.mark.parametrize("hiddens", [(1,), (1, 1, 1), (7, 1, 300, 2), (2, 3, 4, 5, 6, 7)], ids=str)
def test_hidden_layers_of_any_size(nn, hiddens):
    """Hidden layers may have any size; each dW has the shape of its W, each db that of its layer."""
    mlp, (x, labels) = network(nn, hiddens), batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    sizes = [D, *hiddens, K]
    assert [dW.shape for dW in mlp.dW] == [W.shape for W in mlp.W] == list(zip(sizes, sizes[1:]))
    assert [db.shape for db in mlp.db] == [(d,) for d in sizes[1:]]


def test_fifty_layers_deep_and_one_unit_wide(nn):
    """A network of 50 hidden layers of one unit has the right gradients."""
    mlp = network(nn, (1,) * 50)
    mlp.W = [mlp.W[0]] + [np.full((1, 1), 1.1) for _ in range(49)] + [mlp.W[50]]
    assert_gradients(mlp, *batch(1, m=4))


# ---- Initializers and lists --------------------------------------------------------------------------------

def test_initializers_are_called_once_a_layer(nn):
    """weight_init_fn and bias_init_fn are called once a layer, from input to output, and never again."""
    weights, biases = [], []

    def weight_init_fn(d_in, d_out):
        weights.append((d_in, d_out))
        return np.ones((d_in, d_out))

    def bias_init_fn(d_out):
        biases.append(d_out)
        return np.zeros(d_out)

    mlp = built(nn, [5, 6], [nn.Tanh(), nn.Tanh(), nn.Identity()], weight_init_fn, bias_init_fn)
    train_on(mlp, [1, 2])
    assert weights == [(D, 5), (5, 6), (6, K)]
    assert biases == [5, 6, K]


def test_making_a_network_draws_nothing_else(nn):
    """MLP draws no random number of its own: only the initializers do."""
    np.random.seed(1)
    expected = np.random.uniform(size=2)
    np.random.seed(1)
    train_on(network(nn, num_bn_layers=1, momentum=0.9), [1])
    np.testing.assert_array_equal(np.random.uniform(size=2), expected)


def test_initializer_that_returns_one_array_twice(nn):
    """Layers never share their weights or biases, even where an initializer returns one array for all."""
    W, b = Normal(1)(D, D), Normal(2)(D)

    def made(weight_init_fn, bias_init_fn):
        activations = [nn.Tanh(), nn.Tanh(), nn.Identity()]
        return nn.MLP(D, D, [D, D], activations, weight_init_fn, bias_init_fn, nn.SoftmaxCrossEntropy(), 0.1)

    shared = made(lambda d0, d1: W, lambda d: b)
    separate = made(lambda d0, d1: W.copy(), lambda d: b.copy())
    x, labels = batch(1, m=D)[0], np.eye(D)
    for mlp in (shared, separate):
        for _ in range(2):
            mlp.forward(x)
            mlp.backward(labels)
            mlp.step()
    assert_same_arrays(arrays(shared), arrays(separate))


def test_lists_of_the_caller_are_kept(nn):
    """The lists hiddens and activations are as they were after a network was made of them and trained."""
    hiddens, activations = [5, 4], [nn.Tanh(), nn.Tanh(), nn.Identity()]
    before = list(hiddens), list(activations)
    train_on(built(nn, hiddens, activations, Normal(1), Normal(2)), [1])
    assert (hiddens, activations) == before


def test_lists_of_the_caller_may_change_later(nn):
    """A network does not follow what the caller does later to the lists that it was made of."""
    hiddens, activations = [5, 4], [nn.Tanh(), nn.Tanh(), nn.Identity()]
    mlp, (x, _) = built(nn, hiddens, activations, Normal(1), Normal(2)), batch(1)
    expected = mlp.forward(x)
    hiddens.clear()
    activations.clear()
    np.testing.assert_array_equal(mlp.forward(x), expected)


def test_two_networks_share_nothing(nn):
    """Training one network leaves another one as it was."""
    first, second = network(nn, seed=1), network(nn, seed=2)
    before = arrays(second)
    train_on(first, [1, 2])
    assert_same_arrays(arrays(second), before)


# ---- What goes out -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("activation", ["Identity", "Sigmoid", "Tanh", "ReLU"])
def test_states_are_not_overwritten(nn, activation):
    """An activation's state, once taken, still holds its numbers after backward, step and another batch."""
    mlp, (x, labels) = network(nn, activations=activation), batch(1)
    mlp.forward(x)
    taken = [layer.state for layer in mlp.activations]
    before = [state.copy() for state in taken]
    mlp.backward(labels)
    mlp.step()
    train_on(mlp, [2])
    for state, kept in zip(taken, before):
        np.testing.assert_array_equal(state, kept)


def test_gradients_of_all_layers_are_not_overwritten(nn):
    """Every layer's dW and db, once taken, still holds its numbers after another backward."""
    mlp, (x, labels) = network(nn), batch(1)
    mlp.forward(x)
    mlp.backward(labels)
    taken = mlp.dW + mlp.db
    before = [a.copy() for a in taken]
    mlp.forward(batch(2)[0])
    mlp.backward(batch(2)[1])
    for a, kept in zip(taken, before):
        np.testing.assert_array_equal(a, kept)


def test_backward_does_not_move_the_parameters(nn):
    """forward, backward and zero_grads leave every W and b as it was: only step moves them."""
    mlp, (x, labels) = network(nn), batch(1)
    before = [a.copy() for a in mlp.W + mlp.b]
    mlp.forward(x)
    mlp.backward(labels)
    mlp.zero_grads()
    for a, kept in zip(mlp.W + mlp.b, before):
        np.testing.assert_array_equal(a, kept)


@pytest.mark.parametrize("activation", ["Identity", "Sigmoid", "Tanh", "ReLU"])
def test_float32_stays(nn, activation):
    """Every array of a float32 network is float32, after a step too."""
    mlp, (x, labels) = network(nn, activations=activation, dtype=np.float32), batch(1, dtype=np.float32)
    output = mlp.forward(x)
    mlp.backward(labels)
    mlp.step()
    found = [output, *(layer.state for layer in mlp.activations), *arrays(mlp).values()]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("count", [0, 2, 4])
def test_number_of_activations(nn, count):
    """MLP refuses any other number of activations than len(hiddens) + 1."""
    with pytest.raises(ValueError, match="activations must hold one .*3 in all, got {}".format(count)):
        built(nn, [5, 4], [nn.Sigmoid() for _ in range(count)])


def test_one_activation_for_two_layers(nn):
    """MLP refuses one activation object for two layers, since each keeps the state of its own layer."""
    with pytest.raises(ValueError, match="an object for each layer.*one twice"):
        built(nn, [5, 4], [nn.Sigmoid()] * 2 + [nn.Identity()])


def test_one_activation_for_the_first_and_last_layer(nn):
    """MLP refuses one activation object for two layers also where they are not neighbours."""
    shared = nn.Identity()
    with pytest.raises(ValueError, match="an object for each layer.*one twice"):
        built(nn, [5, 4], [shared, nn.Sigmoid(), shared])


def test_activation_class_instead_of_object(nn):
    """MLP refuses an activation's class in the place of an object: Sigmoid instead of Sigmoid()."""
    with pytest.raises(TypeError, match=r"must be objects like Sigmoid\(\), got <class .*Tanh"):
        built(nn, [5], [nn.Tanh, nn.Identity()])


@pytest.mark.parametrize("thing", [np.tanh, "tanh", None], ids=["function", "name", "None"])
def test_activation_that_is_none(nn, thing):
    """MLP refuses an activation that has no derivative, such as a function or a name."""
    with pytest.raises(TypeError, match="activations.*must be objects like"):
        built(nn, [5], [thing, nn.Identity()])


@pytest.mark.parametrize("size", [0, -2])
def test_hidden_size_below_one(nn, size):
    """MLP refuses a hidden layer of less than one unit."""
    with pytest.raises(ValueError, match="hiddens.*integer of at least 1, got {}".format(size)):
        built(nn, [5, size], [nn.Tanh(), nn.Tanh(), nn.Identity()])


@pytest.mark.parametrize("size", [5.0, "5", True, None])
def test_hidden_size_that_is_no_integer(nn, size):
    """MLP refuses a hidden size that is not an integer."""
    with pytest.raises(TypeError, match="hiddens.*must be an integer, got {!r}".format(size)):
        built(nn, [5, size], [nn.Tanh(), nn.Tanh(), nn.Identity()])
