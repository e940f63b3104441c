"""Networks that hw1/saved.py has saved are loaded as they were, or an error says why not."""

import importlib
import os
import zipfile

import numpy as np
import pytest

from hw1 import saved

HIDDENS = [5, 3, 2]
ACTIVATIONS = ("Sigmoid", "Tanh", "ReLU", "Identity")


def make_batch():
    """Return x, (40, 4), and class indices, (40,)."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 4))
    return x, rng.integers(0, 3, 40)


def make_bias(d):
    return np.linspace(-1, 1, d)


def make_row_bias(d):
    return make_bias(d).reshape(1, d)


def make(nn, num_bn_layers=2, dtype=float, activations=ACTIVATIONS, bias=make_bias):
    """Return a network of four inputs and three classes; an activation is an object or a name."""
    rng = np.random.default_rng(4)
    hiddens = HIDDENS[:len(activations) - 1]
    objects = []
    for activation in activations:
        if isinstance(activation, str):
            activation = getattr(nn, activation)()
        objects.append(activation)

    def make_weights(*shape):
        return rng.normal(size=shape).astype(dtype)

    return nn.MLP(4, 3, hiddens, objects, make_weights, lambda d: bias(d).astype(dtype),
                  nn.SoftmaxCrossEntropy(), 0.1, 0.5, num_bn_layers)


def train(nn, mlp, nepochs=2):
    """Train mlp and return the training statistics."""
    x, y = make_batch()
    partition = (x.astype(mlp.W[0].dtype), y)
    return nn.get_training_stats(mlp, [partition] * 3, nepochs, 10)


@pytest.fixture(scope="module")
def trained(nn):
    """(mlp, stats) after three epochs, which no test changes."""
    mlp = make(nn)
    mlp.mean = 33.5
    mlp.deviation = 78.25
    return mlp, train(nn, mlp, 3)


@pytest.fixture
def path(tmp_path, trained):
    """The file that trained was saved in."""
    mlp, stats = trained
    saved.save(tmp_path / "a.npz", mlp, stats)
    return tmp_path / "a.npz"


def read(path):
    """Return the arrays in a file, by name."""
    with np.load(path) as file:
        return dict(file)


def change(path, **arrays):
    """Write the file at path again with other arrays, None for none at all."""
    changed = {**read(path), **arrays}
    np.savez(path, **{name: array for name, array in changed.items() if array is not None})


def save_and_load(path, mlp, stats):
    """Return the network that load returns for mlp."""
    saved.save(path, mlp, stats)
    loaded, _ = saved.load(path)
    return loaded


def assert_same_network(found, expected):
    """Assert that two networks have the same arrays, in dtype and shape too, and outputs."""
    x, _ = make_batch()
    x = x.astype(expected.W[0].dtype)
    assert repr(found) == repr(expected)
    for array, expected_array in zip(found.W + found.b, expected.W + expected.b):
        assert array.dtype == expected_array.dtype
        assert array.shape == expected_array.shape
        np.testing.assert_array_equal(array, expected_array)
    output = found.forward(x)
    expected_output = expected.forward(x)
    assert output.dtype == expected_output.dtype
    np.testing.assert_array_equal(output, expected_output)


# ---- Networks that are loaded --------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    {},
    {"num_bn_layers": 0},
    {"num_bn_layers": 1},
    {"num_bn_layers": 4},
    {"dtype": np.float32},
    {"activations": ("Identity",), "num_bn_layers": 0},
    {"bias": make_row_bias},
    {"bias": make_row_bias, "num_bn_layers": 0, "dtype": np.float32},
], ids=["default", "no BatchNorm", "one BatchNorm", "BatchNorm on every layer", "float32", "linear",
        "b (1, d)", "b (1, d) in float32 without BatchNorm"])
def test_network_is_loaded_as_it_was(tmp_path, nn, options):
    mlp = make(nn, **options)
    stats = train(nn, mlp)

    loaded = save_and_load(tmp_path / "a.npz", mlp, stats)

    assert loaded.train_mode is False
    assert_same_network(loaded, mlp)


def test_loaded_network_predicts_pixels_in_three_lines(path, trained):
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)

    mlp, stats = saved.load(path)
    x = (pixels - mlp.mean) / mlp.deviation
    predicted = mlp.forward(x).argmax(axis=1)

    expected = trained[0].forward((pixels - 33.5) / 78.25)
    np.testing.assert_array_equal(mlp.forward(x), expected)
    np.testing.assert_array_equal(predicted, expected.argmax(axis=1))


def test_older_files_without_mean_and_deviation_load(tmp_path):
    W = np.arange(12.0).reshape(4, 3)
    b = np.arange(3.0)
    np.savez(tmp_path / "a.npz", format="hw1 network 1", sizes=[4, 3], activations=["Tanh"],
             num_bn_layers=1, lr=0.1, momentum=0.5, W0=W, b0=b, gamma0=[[1.0, 2, 3]],
             beta0=[[0.5, 0, 0]], running_mean0=[[1.0, 1, 1]], running_var0=[[4.0, 1, 1]],
             alpha0=0.9, eps0=1e-8, training_losses=[2.5], training_errors=[0.5],
             validation_losses=[2.0], validation_errors=[0.25],
             confusion_matrix=np.eye(3, dtype=int))
    x, _ = make_batch()

    mlp, stats = saved.load(tmp_path / "a.npz")

    normalised = (x @ W + b - 1) / np.sqrt([4, 1, 1])
    expected = np.tanh(normalised * [1, 2, 3] + [0.5, 0, 0])
    np.testing.assert_allclose(mlp.forward((x - mlp.mean) / mlp.deviation), expected)
    assert [part.tolist() for part in stats[:4]] == [[2.5], [0.5], [2.0], [0.25]]


def test_five_training_statistics_are_loaded(path, trained):
    _, expected = trained

    _, stats = saved.load(path)

    assert [part.dtype for part in stats] == [part.dtype for part in expected]
    for part, expected_part in zip(stats, expected):
        np.testing.assert_array_equal(part, expected_part)


def test_four_training_statistics_are_loaded_during_training(path, trained):
    mlp, expected = trained

    saved.save(path, mlp, expected[:4])

    _, stats = saved.load(path)
    np.testing.assert_array_equal(stats, expected[:4])


def test_loaded_network_trains_on_with_velocities_of_zero(path):
    mlp, _ = saved.load(path)
    before = [W.copy() for W in mlp.W]
    x, y = make_batch()

    mlp.train()
    mlp.forward(x)
    mlp.backward(np.eye(3)[y])
    mlp.step()

    assert mlp.lr == 0.1
    assert mlp.momentum == 0.5
    for W, old, dW in zip(mlp.W, before, mlp.dW):
        np.testing.assert_allclose(W, old - 0.1 * dW, rtol=1e-12)


def test_alpha_and_eps_of_each_batchnorm_are_loaded(path, nn, trained):
    mlp = make(nn)
    mlp.bn_layers[1].alpha = 0.5
    mlp.bn_layers[1].eps = 1e-3

    loaded = save_and_load(path, mlp, trained[1])

    first, second = loaded.bn_layers
    assert (first.alpha, first.eps) == (0.9, 1e-8)
    assert (second.alpha, second.eps) == (0.5, 1e-3)


def test_weights_that_are_nan_are_loaded(path, nn, trained):
    mlp = make(nn)
    mlp.W[0] = np.full((4, 5), np.nan)

    loaded = save_and_load(path, mlp, trained[1])

    assert np.isnan(loaded.W[0]).all()


def test_saving_leaves_the_network_as_it_was(path, nn, trained):
    mlp = make(nn)
    output = mlp.forward(make_batch()[0])
    weights = list(mlp.W)

    saved.save(path, mlp, trained[1])

    assert mlp.train_mode
    assert mlp.activations[-1].state is output
    assert all(W is old for W, old in zip(mlp.W, weights))


def test_network_is_loaded_with_reloaded_classes(path, trained, nn):
    names = {name: getattr(nn, name) for name in dir(nn)}
    try:
        importlib.reload(nn)
        mlp = save_and_load(path, *trained)
        assert nn.MLP is not names["MLP"]
        assert type(mlp) is nn.MLP
        assert type(mlp.activations[0]) is nn.Sigmoid
    finally:
        vars(nn).update(names)


def test_network_with_only_starter_attributes_is_saved(path, trained, nn):
    class Plain:
        """The attributes of a network without BatchNorm."""

    mlp = make(nn, num_bn_layers=0)
    plain = Plain()
    for name in "input_size activations criterion lr momentum num_bn_layers W b".split():
        setattr(plain, name, getattr(mlp, name))
    plain.b = [b.tolist() for b in mlp.b]

    loaded = save_and_load(path, plain, trained[1])

    assert_same_network(loaded, mlp)
    assert (loaded.mean, loaded.deviation) == (0, 1)


# ---- Activations with parameters -----------------------------------------------------------------

@pytest.fixture
def add_class(nn, monkeypatch):
    """Return a function that adds a class to hw1.hw1, as if it was written there."""
    def add(kind):
        monkeypatch.setattr(kind, "__module__", "hw1.hw1")
        monkeypatch.setattr(nn, kind.__name__, kind, raising=False)
        return kind
    return add


@pytest.fixture
def leaky_relu(nn, add_class):
    class LeakyReLU(nn.Activation):
        def __init__(self, slope=0.01):
            self.slope = slope

        def forward(self, x):
            self.state = np.where(x > 0, x, self.slope * x)
            return self.state

        def derivative(self):
            return np.where(self.state > 0, 1, self.slope)

    return add_class(LeakyReLU)


@pytest.mark.parametrize("slope", [
    0.3,
    2,
    True,
    np.float64(0.3),
    np.uint8(2),
    np.array([0.1, 0.2, 0.3, 0.4, 0.5]),
    np.array(0.3),
], ids=repr)
def test_activation_is_loaded_with_its_parameter(path, nn, trained, leaky_relu, slope):
    mlp = make(nn, activations=(leaky_relu(slope), "Tanh", leaky_relu(0.01), "Identity"))
    mlp.eval()
    mlp.forward(make_batch()[0])

    loaded = save_and_load(path, mlp, trained[1])

    assert_same_network(loaded, mlp)
    np.testing.assert_array_equal(loaded.activations[0].slope, slope)
    assert loaded.activations[2].slope == 0.01
    assert type(loaded.activations[2].slope) is float


def test_activation_whose_constructor_has_arguments_is_loaded(path, nn, trained, add_class):
    class Scaled(nn.Tanh):
        def __init__(self, low, high):
            self.low = low
            self.high = high

        def forward(self, x):
            self.state = self.low + (self.high - self.low) * np.tanh(x)
            return self.state

    add_class(Scaled)
    mlp = make(nn, activations=(Scaled(0.5, 2), "Tanh", "ReLU", "Identity"))
    mlp.eval()

    assert_same_network(save_and_load(path, mlp, trained[1]), mlp)


@pytest.mark.parametrize("slope", [
    None,
    "0.3",
    [0.1, 0.2, 0.3, 0.4, 0.5],
    0.3j,
    np.array(["a"]),
    np.array([None]),
    max,
], ids=repr)
def test_activation_with_another_attribute_is_refused(path, nn, trained, leaky_relu, slope):
    before = path.read_bytes()
    mlp = make(nn, activations=("Tanh", leaky_relu(slope), "ReLU", "Identity"))

    with pytest.raises(ValueError, match=r"activation1\.slope must be a number or an array"):
        saved.save(path, mlp, trained[1])

    assert path.read_bytes() == before


def test_activation_that_hw1_lacks_is_refused(path, nn, trained, leaky_relu, monkeypatch):
    mlp = make(nn, activations=("Tanh", leaky_relu(0.3), "ReLU", "Identity"))
    saved.save(path, mlp, trained[1])
    monkeypatch.delattr(nn, "LeakyReLU")

    with pytest.raises(ValueError, match="its activations are .*LeakyReLU.* expected some of"):
        saved.load(path)


# ---- What save refuses ---------------------------------------------------------------------------

def assert_save_refuses(path, mlp, stats, message):
    """Assert that save raises ValueError and leaves the file as it is."""
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        saved.save(path, mlp, stats)
    assert path.read_bytes() == before


def test_activation_from_elsewhere_is_refused(path, nn, trained):
    class Tanh(nn.Tanh):
        pass

    mlp = make(nn, activations=(Tanh(), "Tanh", "ReLU", "Identity"))
    message = "Identity or Sigmoid or Tanh or ReLU.* of hw1.hw1 can be saved"
    assert_save_refuses(path, mlp, trained[1], message)


def test_another_criterion_is_refused(path, nn, trained, add_class):
    class Own(nn.SoftmaxCrossEntropy):
        pass

    mlp = make(nn)
    mlp.criterion = add_class(Own)()
    assert_save_refuses(path, mlp, trained[1], "SoftmaxCrossEntropy of hw1.hw1 can be saved")


@pytest.mark.parametrize("value", [
    None,
    "0.1",
    [0.1],
    np.array([0.1]),
    np.arange(4.0),
    np.arange(10000.0).reshape(100, 100),
    0.1j,
    [0.1, [0.2]],
], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["lr", "momentum", "mean", "deviation"])
def test_value_that_is_not_one_number_is_refused(path, nn, trained, name, value):
    mlp = make(nn)
    setattr(mlp, name, value)
    assert_save_refuses(path, mlp, trained[1], f"{name} must be one number to be saved, got")


@pytest.mark.parametrize("name", ["alpha", "eps"])
@pytest.mark.parametrize("value", [None, np.arange(3.0)], ids=["None", "array"])
def test_batchnorm_value_that_is_not_one_number_is_refused(path, nn, trained, name, value):
    mlp = make(nn)
    setattr(mlp.bn_layers[1], name, value)
    assert_save_refuses(path, mlp, trained[1], f"{name}1 must be one number to be saved, got")


@pytest.mark.parametrize("value", [1, np.float32(0.25), np.array(0.25), np.int64(1)], ids=repr)
@pytest.mark.parametrize("name", ["lr", "momentum", "mean", "deviation"])
def test_one_number_of_any_type_is_saved(path, nn, trained, name, value):
    mlp = make(nn)
    setattr(mlp, name, value)

    loaded = save_and_load(path, mlp, trained[1])

    assert getattr(loaded, name) == value
    assert type(getattr(loaded, name)) is float


@pytest.mark.parametrize("name, entry, message", [
    ("W", None, r"W1 must have shape \(d_in, d_out\), got \(\)"),
    ("W", np.zeros(3), r"W1 must have shape \(d_in, d_out\), got \(3,\)"),
    ("W", np.zeros((3, 5)), r"W1 must have shape \(5, 5\)"),
    ("W", np.full((5, 3), None), r"W1 must have shape \(5, 3\) .*got .* object"),
    ("b", None, r"b1 must have shape \(3,\) or \(1, 3\)"),
    ("b", np.zeros((3, 1)), r"b1 must have shape \(3,\) or \(1, 3\)"),
])
def test_parameter_that_does_not_fit_is_refused(path, nn, trained, name, entry, message):
    mlp = make(nn)
    getattr(mlp, name)[1] = entry
    assert_save_refuses(path, mlp, trained[1], message)


@pytest.mark.parametrize("name", ["gamma", "beta", "running_mean", "running_var"])
@pytest.mark.parametrize("value", [None, np.zeros(3), 1.0], ids=["None", "(3,)", "scalar"])
def test_batchnorm_array_that_does_not_fit_is_refused(path, nn, trained, name, value):
    mlp = make(nn)
    setattr(mlp.bn_layers[1], name, value)
    assert_save_refuses(path, mlp, trained[1], rf"{name}1 must have shape \(1, 3\)")


@pytest.mark.parametrize("count", [0, 3, 6])
def test_another_number_of_statistics_is_refused(path, trained, count):
    mlp, stats = trained
    others = (*stats, stats[0])[:count]
    assert_save_refuses(path, mlp, others, f"returns, or the first four, got {count}")


@pytest.mark.parametrize("place, value, message", [
    (0, np.zeros(2), r"of the same length, at least 1, got \[2, 3, 3, 3\]"),
    (1, None, "training_errors must have shape"),
    (2, np.zeros((3, 1)), "validation_losses must have shape"),
    (4, np.zeros((2, 3), int), r"confusion_matrix must have shape \(3, 3\) or \(0, 0\)"),
    (4, np.zeros((3, 3)), "confusion_matrix .* dtype of kind i or u, got .* float64"),
])
def test_statistics_of_another_shape_are_refused(path, trained, place, value, message):
    mlp, stats = trained
    others = list(stats)
    others[place] = value
    assert_save_refuses(path, mlp, others, message)


def test_statistics_without_an_epoch_are_refused(path, trained):
    mlp, stats = trained
    assert_save_refuses(path, mlp, [curve[:0] for curve in stats[:4]], "at least 1")


@pytest.mark.parametrize("name, error, message", [
    ("a.npy", ValueError, r"ends in \.npz, got '.*a\.npy'"),
    ("missing/a.npz", FileNotFoundError, "missing"),
    ("folder.npz", OSError, "folder.npz"),
])
def test_path_that_cannot_be_written_is_refused(trained, tmp_path, name, error, message):
    (tmp_path / "folder.npz").mkdir()

    with pytest.raises(error, match=message):
        saved.save(tmp_path / name, *trained)

    assert [file.name for file in tmp_path.iterdir()] == ["folder.npz"]


# ---- What load refuses ---------------------------------------------------------------------------

def assert_load_refuses(path, message="a.npz is damaged or not a network that .*save wrote"):
    with pytest.raises(ValueError, match=message):
        saved.load(path)


def test_missing_file_is_refused_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        saved.load(tmp_path / "a.npz")


@pytest.mark.parametrize("twentieths", range(20))
def test_part_of_a_file_is_refused(path, twentieths):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * twentieths // 20])
    assert_load_refuses(path)


@pytest.mark.slow
def test_flipped_bit_is_refused_or_changes_nothing(path, tmp_path):
    rng = np.random.default_rng(5)
    content = path.read_bytes()
    expected = read(path)
    refused = 0
    for place in rng.choice(len(content), 300, replace=False):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        try:
            mlp, stats = saved.load(path)
        except ValueError:
            refused += 1
            continue
        saved.save(tmp_path / "again.npz", mlp, stats)
        found = read(tmp_path / "again.npz")
        assert list(found) == list(expected), place
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{place} {name}")
    assert refused > 150


def write_array(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize("write", [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"PK\x03\x04"),
    lambda path: path.write_bytes(bytes(1000)),
    lambda path: np.savez(path, x=np.zeros(3)),
    lambda path: zipfile.ZipFile(path, "w").close(),
    write_array,
], ids=["empty", "start of a zip", "zeros", "other arrays", "empty zip", "npy"])
def test_another_kind_of_file_is_refused(tmp_path, write):
    write(tmp_path / "a.npz")
    assert_load_refuses(tmp_path / "a.npz", "a.npz is damaged or not .* save it again, or choose")


def test_pickled_objects_are_refused_and_not_unpickled(path, tmp_path):
    class Marking:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "mark"),)

    change(path, W0=np.array([Marking()], dtype=object))

    assert_load_refuses(path)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", [
    "format", "sizes", "activations", "num_bn_layers", "lr", "momentum", "W3", "b3",
    "alpha1", "eps1", "gamma1", "beta1", "running_mean1", "running_var1",
    "training_losses", "training_errors", "validation_losses", "validation_errors",
    "confusion_matrix",
])
def test_file_without_an_array_is_refused(path, name):
    change(path, **{name: None})
    assert_load_refuses(path, f"{name} is missing")


@pytest.mark.parametrize("name, value, message", [
    ("format", np.array("hw1 network 2"), "its format is 'hw1 network 2', expected 'hw1 network 1"),
    ("sizes", np.array([4, 5, 3, 2]), "activations must have shape"),
    ("sizes", np.array([]), "sizes must have shape"),
    ("sizes", np.array([4, 6, 3, 2, 3]), r"W0 must have shape \(4, 6\)"),
    ("sizes", np.array([0, 5, 3, 2, 3]), r"W0 must have shape \(0, 5\)"),
    ("activations", np.array(["Sigmoid", "eval", "ReLU", "Identity"]), "its activations are"),
    ("activations", np.array(["Sigmoid", "MLP", "ReLU", "Identity"]), "its activations are"),
    ("activations", np.array(["Activation"] * 4), "its activations are"),
    ("activation1.slope", np.array("a"), r"activation1\.slope must be a number"),
    ("num_bn_layers", np.array(5), "num_bn_layers must be from 0 to 4"),
    ("num_bn_layers", np.array(-1), "num_bn_layers must be from 0 to 4"),
    ("lr", np.array([0.1, 0.1]), "lr must have shape"),
    ("mean", np.array([0.1, 0.1]), "mean must have shape"),
    ("W1", np.zeros((5, 3), complex), "W1 must have shape .* dtype of kind f"),
    ("b1", np.zeros(4), r"b1 must have shape \(3,\) or \(1, 3\)"),
    ("gamma1", np.zeros(3), r"gamma1 must have shape \(1, 3\)"),
    ("running_var0", np.zeros((1, 4)), "running_var0 must have shape"),
    ("training_losses", np.zeros(2), "of the same length"),
    ("confusion_matrix", np.zeros((2, 2), int), r"confusion_matrix must have shape \(3, 3\)"),
])
def test_file_with_a_wrong_array_is_refused(path, name, value, message):
    change(path, **{name: value})
    assert_load_refuses(path, message)
