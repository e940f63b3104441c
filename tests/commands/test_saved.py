"""Lets you change hw1/saved.py safely: what was saved comes back, or an error says why not."""

import importlib
import os
import zipfile

import numpy as np
import pytest

from hw1 import saved

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(40, 4)), RNG.integers(0, 3, 40)
DSET = ((X, Y),) * 3


def train(mlp, nepochs=2):
    return importlib.import_module("hw1.hw1").get_training_stats(mlp, DSET, nepochs, 10)


def make(nn, num_bn_layers=2, dtype=float, activations=("Sigmoid", "Tanh", "ReLU", "Identity"),
         bias=np.zeros):
    np.random.seed(4)
    sizes, parts = [5, 3, 2][:len(activations) - 1], [getattr(nn, kind)() for kind in activations]
    return nn.MLP(4, 3, sizes, parts, lambda *shape: np.random.normal(size=shape).astype(dtype),
                  lambda d: bias(d).astype(dtype), nn.SoftmaxCrossEntropy(), 0.1, 0.5,
                  num_bn_layers)


@pytest.fixture(scope="module")
def trained(nn):
    """(mlp, stats) of a training, to read only."""
    mlp = make(nn)
    mlp.mean, mlp.deviation = 33.5, 78.25
    return mlp, train(mlp, 3)


@pytest.fixture
def path(tmp_path, trained):
    """A file of trained."""
    saved.save(tmp_path / "a.npz", *trained)
    return tmp_path / "a.npz"


def change(path, **arrays):
    """Write the file at path again with other arrays, None for none at all."""
    with np.load(path) as file:
        arrays = {**file, **arrays}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


# ---- What comes back -----------------------------------------------------------------------------

@pytest.mark.parametrize("options", (
    {}, {"num_bn_layers": 0}, {"num_bn_layers": 1}, {"num_bn_layers": 4}, {"dtype": np.float32},
    {"activations": ("Identity",), "num_bn_layers": 0}, {"bias": lambda d: np.zeros((1, d))}))
def test_the_network_predicts_the_same(tmp_path, nn, options):
    mlp = make(nn, **options)
    saved.save(tmp_path / "a.npz", mlp, train(mlp))
    again = saved.load(tmp_path / "a.npz")[0]
    outputs, expected = again.forward(X), mlp.forward(X)
    assert (repr(again), outputs.dtype) == (repr(mlp), expected.dtype)
    np.testing.assert_array_equal(outputs, expected)


def test_pixels_are_put_into_a_loaded_network_in_three_lines(path, trained):
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)

    mlp, stats = saved.load(path)
    x = (pixels - mlp.mean) / mlp.deviation
    said = mlp.forward(x).argmax(axis=1)

    expected = trained[0].forward((pixels - 33.5) / 78.25)
    np.testing.assert_array_equal(mlp.forward(x), expected)
    np.testing.assert_array_equal(said, expected.argmax(axis=1))


def test_files_of_before_mean_and_deviation_load(tmp_path):
    W, b = np.arange(12.0).reshape(4, 3), np.arange(3.0)
    bn = dict(gamma0=[[1.0, 2, 3]], beta0=[[0.5, 0, 0]], running_mean0=[[1.0, 1, 1]],
              running_var0=[[4.0, 1, 1]], alpha0=0.9, eps0=1e-8)
    np.savez(tmp_path / "a.npz", format="hw1 network 1", sizes=[4, 3], activations=["Tanh"], lr=0.1,
             momentum=0.5, num_bn_layers=1, W0=W, b0=b, **bn, training_losses=[2.5],
             training_errors=[0.5], validation_losses=[2.0], validation_errors=[0.25],
             confusion_matrix=np.eye(3, dtype=int))
    mlp, stats = saved.load(tmp_path / "a.npz")
    expected = np.tanh((X @ W + b - 1) / np.sqrt([4, 1, 1]) * [1, 2, 3] + [0.5, 0, 0])
    np.testing.assert_allclose(mlp.forward((X - mlp.mean) / mlp.deviation), expected)
    assert [part.tolist() for part in stats[:4]] == [[2.5], [0.5], [2.0], [0.25]]


def test_the_figures_come_back_and_while_it_trains_there_are_four(path, trained):
    again = saved.load(path)[1]
    assert [part.dtype for part in again] == [part.dtype for part in trained[1]]
    for part, expected in zip(again, trained[1]):
        np.testing.assert_array_equal(part, expected)
    saved.save(path, trained[0], trained[1][:4])
    np.testing.assert_array_equal(saved.load(path)[1], trained[1][:4])


def test_the_network_can_be_trained_on_as_without_its_velocities(path):
    mlp, _ = saved.load(path)
    assert (mlp.lr, mlp.momentum) == (0.1, 0.5)
    before = [W.copy() for W in mlp.W]
    mlp.train()
    mlp.forward(X)
    mlp.backward(np.eye(3)[Y])
    mlp.step()
    for W, was, dW in zip(mlp.W, before, mlp.dW):
        np.testing.assert_allclose(W, was - 0.1 * dW, rtol=1e-12)


def test_batch_norm_s_own_alpha_and_eps_and_a_nan_come_back(path, nn, trained):
    mlp = make(nn)
    mlp.bn_layers[1].alpha, mlp.bn_layers[1].eps, mlp.W[0] = 0.5, 1e-3, np.full((4, 5), np.nan)
    saved.save(path, mlp, trained[1])
    again = saved.load(path)[0]
    assert [(layer.alpha, layer.eps) for layer in again.bn_layers] == [(0.9, 1e-8), (0.5, 1e-3)]
    assert np.isnan(again.W[0]).all()


def test_saving_leaves_the_network_as_it_was(path, nn, trained):
    mlp = make(nn)
    output = mlp.forward(X)
    weights = list(mlp.W)
    saved.save(path, mlp, trained[1])
    assert mlp.train_mode and mlp.activations[-1].state is output
    assert all(W is was for W, was in zip(mlp.W, weights))


def test_a_network_of_before_a_reload_is_saved_and_loaded_as_the_classes_now_are(path, trained, nn):
    names = {name: getattr(nn, name) for name in dir(nn)}
    try:
        importlib.reload(nn)
        saved.save(path, *trained)
        mlp = saved.load(path)[0]
        assert type(mlp) is nn.MLP and type(mlp) is not names["MLP"]
        assert type(mlp.activations[0]) is nn.Sigmoid
    finally:
        vars(nn).update(names)


def test_a_plain_student_s_network_is_saved_without_what_ours_has(path, trained, nn):
    class Plain:
        """The handout's attributes alone, those of a network without BatchNorm."""

    mlp, own = Plain(), make(nn, num_bn_layers=0)
    for name in "input_size activations criterion lr momentum num_bn_layers W b".split():
        setattr(mlp, name, getattr(own, name))
    mlp.b = [b.tolist() for b in mlp.b]
    saved.save(path, mlp, trained[1])
    again = saved.load(path)[0]
    np.testing.assert_array_equal(again.forward(X), own.forward(X))
    assert (again.mean, again.deviation) == (0, 1)


# ---- What save refuses ---------------------------------------------------------------------------

def own(kind, name, module):
    return type(name, (kind,), {"__module__": module})()


@pytest.mark.parametrize("change, message", (
    (lambda mlp, nn: {"activations": [own(nn.Tanh, "Tanh", __name__), *mlp.activations[1:]]},
     "Identity or Sigmoid or Tanh or ReLU of hw1.hw1 can be saved here"),
    (lambda mlp, nn: {"criterion": own(nn.SoftmaxCrossEntropy, "Own", "hw1.hw1")},
     "SoftmaxCrossEntropy of hw1.hw1 can be saved here"),
    (lambda mlp, nn: {"W": [mlp.W[0], mlp.W[1].T, *mlp.W[2:]]}, r"W1 must have shape \(5, 5\)")))
def test_what_load_could_not_make_is_refused(path, trained, nn, change, message):
    before, mlp = path.read_bytes(), make(nn)
    vars(mlp).update(change(mlp, nn))
    with pytest.raises(ValueError, match=message):
        saved.save(path, mlp, trained[1])
    assert path.read_bytes() == before


@pytest.mark.parametrize("change, message", (
    (lambda stats: stats[:3], "get_training_stats returns, or the first four, got 3"),
    (lambda stats: (stats[0][:2], *stats[1:]), r"of each kind, 1 or more, got \[2, 3, 3, 3\]"),
    (lambda stats: [part[:0] for part in stats[:4]], "1 or more"),
    (lambda stats: (*stats[:4], stats[4][:2]), r"confusion_matrix .* shape \(3, 3\) or \(0, 0\)"),
    (lambda stats: (*stats[:4], stats[4].astype(float)), "dtype of kind i or u, got .* float64")))
def test_other_statistics_are_refused(path, trained, change, message):
    with pytest.raises(ValueError, match=message):
        saved.save(path, trained[0], change(trained[1]))


@pytest.mark.parametrize("name, error, message", (
    ("a.npy", ValueError, r"ends in \.npz, got '.*a\.npy'"),
    ("missing/a.npz", FileNotFoundError, "missing"), ("folder.npz", OSError, "folder.npz")))
def test_a_place_that_cannot_be_written_is_refused(trained, tmp_path, name, error, message):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(error, match=message):
        saved.save(tmp_path / name, *trained)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.npz"]


# ---- What load refuses ---------------------------------------------------------------------------

def test_a_file_that_is_not_there_is_told_as_that(tmp_path):
    with pytest.raises(FileNotFoundError):
        saved.load(tmp_path / "a.npz")


@pytest.mark.parametrize("twentieths", range(20))
def test_a_part_of_a_file_is_refused(path, twentieths):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * twentieths // 20])
    with pytest.raises(ValueError, match="is damaged or not a network that hw1.saved.save wrote"):
        saved.load(path)


def test_a_flipped_bit_is_refused_or_changes_nothing(path, trained):
    content = path.read_bytes()
    expected = saved._as_arrays(*trained)
    refused = 0
    for place in RNG.choice(len(content), 300, replace=False):
        flipped = bytearray(content)
        flipped[place] ^= 1 << RNG.integers(8)
        path.write_bytes(flipped)
        try:
            arrays = saved._as_arrays(*saved.load(path))
        except ValueError:
            refused += 1
        else:
            assert all(np.array_equal(arrays[name], expected[name]) for name in expected), place
    assert refused > 150


def npy_at(path):
    with open(path, "wb") as file:
        np.save(file, X)


@pytest.mark.parametrize("write", (
    lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"PK\x03\x04"),
    lambda path: path.write_bytes(bytes(1000)), lambda path: np.savez(path, x=X), npy_at,
    lambda path: zipfile.ZipFile(path, "w").close()))
def test_another_kind_of_file_is_refused_and_named(tmp_path, write):
    write(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="a.npz is damaged or not a network .* save it again, or"):
        saved.load(tmp_path / "a.npz")


def test_pickled_objects_are_refused_and_not_unpickled(path, tmp_path):
    mark = tmp_path / "mark"
    marking = type("Marking", (), {"__reduce__": lambda self: (os.mkdir, (str(mark),))})
    change(path, W0=np.array([marking()], dtype=object))
    with pytest.raises(ValueError, match="is damaged or not a network"):
        saved.load(path)
    assert not mark.exists()


@pytest.mark.parametrize("name, value, message", (
    *((name, None, f"{name} is missing") for name in (
        "format", "sizes", "activations", "num_bn_layers", "lr", "momentum", "W3", "b3", "alpha1",
        "eps1", "gamma1", "beta1", "running_mean1", "running_var1", "confusion_matrix",
        *saved.STATS)),
    ("format", np.array("hw1 network 2"), "its format is 'hw1 network 2', expected 'hw1 network 1"),
    ("sizes", np.array([4, 5, 3, 2]), "activations must have shape"),
    ("sizes", np.array([]), "sizes must have shape"),
    ("sizes", np.array([4, 6, 3, 2, 3]), r"W0 must have shape \(4, 6\)"),
    ("sizes", np.array([0, 5, 3, 2, 3]), r"W0 must have shape \(0, 5\)"),
    ("activations", np.array(["Sigmoid", "eval", "ReLU", "Identity"]), "its activations are"),
    ("num_bn_layers", np.array(5), "num_bn_layers must be from 0 to 4"),
    ("num_bn_layers", np.array(-1), "num_bn_layers must be from 0 to 4"),
    ("lr", np.array([0.1, 0.1]), "lr must have shape"),
    ("mean", np.array([0.1, 0.1]), "mean must have shape"),
    ("W1", np.zeros((5, 3), complex), "W1 must have shape .* dtype of kind f"),
    ("b1", np.zeros(4), r"b1 must have shape \(3,\) or \(1, 3\)"),
    ("gamma1", np.zeros(3), r"gamma1 must have shape \(1, 3\)"),
    ("running_var0", np.zeros((1, 4)), "running_var0 must have shape"),
    ("training_losses", np.zeros(2), "as many of each kind"),
    ("confusion_matrix", np.zeros((2, 2), int), r"confusion_matrix must have shape \(3, 3\)"),
))
def test_a_file_with_something_wrong_is_refused(path, name, value, message):
    change(path, **{name: value})
    with pytest.raises(ValueError, match=message):
        saved.load(path)
