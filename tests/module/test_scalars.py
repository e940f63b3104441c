"""Scalars and small arrays of any NumPy type count as the numbers that they hold."""

import numpy as np
import pytest

FLOATS = pytest.mark.parametrize("scalar", [
    np.float64,
    np.longdouble,
    np.array,
], ids=["float64", "longdouble", "0-d array"])
INTEGERS = pytest.mark.parametrize("integer", [
    np.uint8,
    np.int8,
    np.uint16,
    np.int64,
    np.array,
], ids=["uint8", "int8", "uint16", "int64", "0-d array"])
EVALUATION = pytest.mark.parametrize("evaluation", [False, True], ids=["train", "eval"])


def make_network(nn, dtype=np.float32, sizes=(4, 5, 3), num_bn_layers=2):
    """Return a network with a Tanh layer and an Identity layer, the same weights in each call."""
    rng = np.random.RandomState(1)
    input_size, hidden_size, output_size = sizes
    activations = [nn.Tanh(), nn.Identity()]

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    return nn.MLP(input_size, output_size, [hidden_size], activations, draw, draw,
                  nn.SoftmaxCrossEntropy(), 0.1, 0.9, num_bn_layers)


def make_batch(n, dtype=np.float32):
    """Return x, (n, 4), and class indices, (n,)."""
    rng = np.random.RandomState(2)
    x = rng.standard_normal((n, 4)).astype(dtype)
    return x, rng.randint(3, size=n)


def train(mlp):
    """Take two steps in training mode, then run one forward in eval mode; return its output."""
    x, y = make_batch(20, mlp.W[0].dtype)
    mlp.train()
    for _ in range(2):
        mlp.zero_grads()
        mlp.forward(x)
        mlp.backward(np.eye(3)[y])
        mlp.step()
    mlp.eval()
    return mlp.forward(x)


def collect_arrays(mlp):
    """Return the arrays of mlp and of its BatchNorm layers, by name."""
    arrays = {}
    for name in ("W", "b", "dW", "db"):
        for i, array in enumerate(getattr(mlp, name)):
            arrays[f"{name}[{i}]"] = array
    for i, layer in enumerate(mlp.bn_layers):
        for name, value in vars(layer).items():
            if name not in ("alpha", "eps") and isinstance(value, np.ndarray):
                arrays[f"bn_layers[{i}].{name}"] = value
    return arrays


def set_scalar(mlp, name, value):
    """Set lr or momentum of mlp, or alpha or eps of each of its BatchNorm layers."""
    owners = [mlp] if name in ("lr", "momentum") else mlp.bn_layers
    for owner in owners:
        setattr(owner, name, value)


# ---- Floats --------------------------------------------------------------------------------------

@FLOATS
@pytest.mark.parametrize("name", ["lr", "momentum", "alpha", "eps"])
def test_scalars_keep_a_float32_network_float32(nn, name, scalar):
    mlp = make_network(nn)
    set_scalar(mlp, name, scalar(0.25))

    output = train(mlp)

    assert output.dtype == np.float32
    for array_name, array in collect_arrays(mlp).items():
        assert array.dtype == np.float32, array_name


@FLOATS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["lr", "momentum", "alpha", "eps"])
def test_scalars_count_as_the_float_that_they_hold(nn, name, dtype, scalar):
    mlp = make_network(nn, dtype)
    twin = make_network(nn, dtype)
    set_scalar(mlp, name, scalar(0.3))
    set_scalar(twin, name, 0.3)

    output = train(mlp)

    np.testing.assert_array_equal(output, train(twin))


@FLOATS
@EVALUATION
def test_a_batchnorm_of_float32_stays_float32_alone(nn, evaluation, scalar):
    layer = nn.BatchNorm(4, scalar(0.25), dtype=np.float32)
    layer.eps = scalar(1e-3)
    x, _ = make_batch(6)

    out = layer.forward(x, eval=evaluation)
    dx = layer.backward(x)

    for array in (out, dx, layer.running_mean, layer.running_var):
        assert array.dtype == np.float32


def test_losses_are_summed_in_float64(nn):
    class LargeLoss(nn.SoftmaxCrossEntropy):
        def forward(self, x, y):
            super().forward(x, y)
            self.loss = np.full(len(x), 1, np.float32)
            self.loss[0] = 2 ** 24  # 2 ** 24 + 1 is no float32
            return self.loss

    mlp = make_network(nn)
    mlp.criterion = LargeLoss()
    dset = [make_batch(6)] * 3

    training_losses, _, validation_losses, _, _ = nn.get_training_stats(mlp, dset, 1, 6)

    assert training_losses[0] == validation_losses[0] == (2 ** 24 + 5) / 6


# ---- Integers ------------------------------------------------------------------------------------

def assert_trains_as(nn, nepochs, batch_size, expected_nepochs, expected_batch_size):
    """Assert that two pairs of nepochs and batch_size train 300 examples alike."""
    dset = [make_batch(300)] * 3
    np.random.seed(3)
    expected = nn.get_training_stats(make_network(nn), dset, expected_nepochs, expected_batch_size)
    np.random.seed(3)
    found = nn.get_training_stats(make_network(nn), dset, nepochs, batch_size)
    for found_part, expected_part in zip(found, expected):
        np.testing.assert_array_equal(found_part, expected_part)


@INTEGERS
@pytest.mark.parametrize("batch_size", [20, 127])
def test_batch_size_may_be_any_integer(nn, integer, batch_size):
    assert_trains_as(nn, 1, integer(batch_size), 1, batch_size)


@INTEGERS
def test_nepochs_may_be_any_integer(nn, integer):
    assert_trains_as(nn, integer(2), 100, 2, 100)


@pytest.mark.parametrize("batch_size", [
    20.0,
    "20",
    None,
    [20],
], ids=repr)
def test_a_batch_size_that_is_not_an_integer_is_refused(nn, batch_size):
    mlp = make_network(nn)
    before = collect_arrays(mlp)

    with pytest.raises(TypeError):
        nn.get_training_stats(mlp, [make_batch(300)] * 3, 1, batch_size)

    for name, array in collect_arrays(mlp).items():
        assert array is before[name], name


@INTEGERS
def test_sizes_may_be_any_integers(nn, integer):
    sizes = [integer(4), integer(100), integer(3)]
    mlp = make_network(nn, sizes=sizes, num_bn_layers=integer(1))
    twin = make_network(nn, sizes=(4, 100, 3), num_bn_layers=1)
    dset = [make_batch(300)] * 3

    np.random.seed(3)
    stats = nn.get_training_stats(mlp, dset, 1, 100)
    np.random.seed(3)
    expected = nn.get_training_stats(twin, dset, 1, 100)

    assert repr(mlp) == repr(twin)
    for part, expected_part in zip(stats, expected):
        np.testing.assert_array_equal(part, expected_part)


@EVALUATION
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
