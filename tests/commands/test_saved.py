"""Lets you change hw1/saved.py safely: what comes back is what was saved, or an error says what is wrong."""

import io
import os
import pathlib
import zipfile

import numpy as np
import pytest

from hw1 import (MLP, Identity, ReLU, Sigmoid, SoftmaxCrossEntropy, Tanh, get_training_stats,
                 random_normal_weight_init, saved, zeros_bias_init)

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(40, 4)), RNG.integers(0, 3, 40)
DSET = ((X, Y),) * 3


class Unpickled:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def network(num_bn_layers=2, dtype=np.float64, activations=(Sigmoid, Tanh, ReLU, Identity), bias=zeros_bias_init,
            criterion=SoftmaxCrossEntropy):
    np.random.seed(4)
    return MLP(4, 3, [5, 3, 2][:len(activations) - 1], [kind() for kind in activations],
               lambda *shape: random_normal_weight_init(*shape).astype(dtype), lambda d: bias(d).astype(dtype),
               criterion(), lr=0.1, momentum=0.5, num_bn_layers=num_bn_layers)


@pytest.fixture(scope="module")
def trained():
    """(mlp, stats) of a training, to read only."""
    mlp = network()
    return mlp, get_training_stats(mlp, DSET, 3, 10)


@pytest.fixture
def path(tmp_path, trained):
    """A file of trained."""
    saved.save(tmp_path / "a.npz", *trained)
    return tmp_path / "a.npz"


def saved_and_loaded(path, mlp):
    stats = get_training_stats(mlp, DSET, 2, 10)
    saved.save(path, mlp, stats)
    return saved.load(path)[0]


def change(path, **arrays):
    """Write the file at path again with other arrays, None for none at all."""
    with np.load(path) as file:
        arrays = {**file, **arrays}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


# ---- What comes back -----------------------------------------------------------------------------

@pytest.mark.parametrize("options", (
    {}, {"num_bn_layers": 0}, {"num_bn_layers": 1}, {"num_bn_layers": 4}, {"dtype": np.float32},
    {"activations": (Identity,), "num_bn_layers": 0}, {"bias": lambda d: np.zeros((1, d))}))
def test_the_network_predicts_the_same(tmp_path, options):
    mlp = network(**options)
    again = saved_and_loaded(tmp_path / "a.npz", mlp)
    outputs, expected = again.forward(X), mlp.forward(X)
    assert (repr(again), outputs.dtype) == (repr(mlp), expected.dtype)
    np.testing.assert_array_equal(outputs, expected)


def test_batch_norm_s_own_alpha_and_eps_come_back(tmp_path):
    mlp = network()
    mlp.bn_layers[1].alpha, mlp.bn_layers[1].eps = 0.5, 1e-3
    layers = saved_and_loaded(tmp_path / "a.npz", mlp).bn_layers
    assert [(layer.alpha, layer.eps) for layer in layers] == [(0.9, 1e-8), (0.5, 1e-3)]


def test_the_figures_come_back(path, trained):
    again = saved.load(path)[1]
    assert [part.dtype for part in again] == [part.dtype for part in trained[1]]
    for part, expected in zip(again, trained[1]):
        np.testing.assert_array_equal(part, expected)


def test_while_the_training_is_under_way_there_are_four(path, trained):
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


def test_a_network_that_diverged_comes_back_as_it_is(path, trained):
    mlp = network()
    mlp.W[0] = np.full((4, 5), np.nan)
    saved.save(path, mlp, trained[1])
    assert np.isnan(saved.load(path)[0].W[0]).all()


def test_saving_leaves_the_network_as_it_was(path):
    mlp = network()
    output = mlp.forward(X)
    weights = list(mlp.W)
    saved.save(path, mlp, get_training_stats(network(), DSET, 1, 10))
    assert mlp.train_mode and mlp.activations[-1].state is output
    assert all(W is was for W, was in zip(mlp.W, weights))


# ---- What save refuses ---------------------------------------------------------------------------

class Own(Tanh):
    """What load could not make."""


class OwnCriterion(SoftmaxCrossEntropy):
    """What load could not make."""


@pytest.mark.parametrize("options, message", (
    ({"activations": (Own, Identity), "num_bn_layers": 1}, "activations that can be saved are Identity, Sigmoid"),
    ({"criterion": OwnCriterion}, "a criterion that can be saved is SoftmaxCrossEntropy")))
def test_parts_that_could_not_be_loaded_are_refused(path, trained, options, message):
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        saved.save(path, network(**options), trained[1])
    assert path.read_bytes() == before


@pytest.mark.parametrize("change, message", (
    (lambda stats: stats[:3], "the five arrays that get_training_stats returns, or the first four, got 3"),
    (lambda stats: (stats[0][:2], *stats[1:]), r"must be as many of each kind, 1 or more, got \[2, 3, 3, 3\]"),
    (lambda stats: [part[:0] for part in stats[:4]], "1 or more"),
    (lambda stats: (*stats[:4], stats[4][:2]), r"confusion_matrix must have shape \(3, 3\) or \(0, 0\)"),
    (lambda stats: (*stats[:4], stats[4].astype(float)), "dtype of kind i or u, got .* float64")))
def test_other_statistics_are_refused(path, trained, change, message):
    with pytest.raises(ValueError, match=message):
        saved.save(path, trained[0], change(trained[1]))


def test_a_weight_of_another_shape_is_refused(path, trained):
    mlp = network()
    mlp.W[1] = np.zeros((5, 4))
    with pytest.raises(ValueError, match=r"W1 must have shape \(5, 3\)"):
        saved.save(path, mlp, trained[1])


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.npz, got '.*a\.npy'"):
        saved.check(tmp_path / "a.npy")


def test_save_refuses_what_check_refuses(trained, tmp_path):
    with pytest.raises(ValueError, match="ends in .npz"):
        saved.save(tmp_path / "a.npy", *trained)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(OSError, match="missing is not a folder that can be written to"):
        saved.check(tmp_path / "missing" / "a.npz")


def test_the_name_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="choose the name of a file"):
        saved.check(tmp_path / "a.npz")


@pytest.mark.parametrize("error", (OSError("no space left on device"), KeyboardInterrupt()))
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, trained, monkeypatch, error):
    def failing(*arguments):
        raise error

    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(type(error)):
        saved.save(path, *trained)
    assert [(file, file.read_bytes()) for file in path.parent.iterdir()] == [(path, before)]


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


@pytest.mark.parametrize("content", (b"", b"hello", b"PK\x03\x04", bytes(1000)))
def test_another_kind_of_file_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="a.npz is damaged or not a network"):
        saved.load(tmp_path / "a.npz")


def test_an_npy_is_refused(tmp_path):
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, X)
    with pytest.raises(ValueError, match="a.npz is damaged or not a network"):
        saved.load(tmp_path / "a.npz")


def test_another_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ValueError, match="a.npz is damaged or not a network"):
        saved.load(tmp_path / "a.npz")


def test_another_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X)
    with pytest.raises(ValueError, match="format is missing"):
        saved.load(tmp_path / "a.npz")


def test_pickled_objects_are_refused_and_not_unpickled(path, tmp_path):
    mark = tmp_path / "mark"
    change(path, W0=np.array([Unpickled(mark)], dtype=object))
    with pytest.raises(ValueError, match="is damaged or not a network"):
        saved.load(path)
    assert not mark.exists()


@pytest.mark.parametrize("name", sorted(saved._as_arrays(network(), [[1.0]] * 4)))
def test_a_file_that_lacks_something_is_refused(path, name):
    change(path, **{name: None})
    with pytest.raises(ValueError, match=f"{name} is missing"):
        saved.load(path)


@pytest.mark.parametrize("name, value, message", (
    ("format", np.array("hw1 network 2"), "its format is 'hw1 network 2', expected 'hw1 network 1'"),
    ("sizes", np.array([4, 5, 3, 2]), "activations must have shape"),
    ("sizes", np.array([]), "sizes must have shape"),
    ("sizes", np.array([4, 6, 3, 2, 3]), r"W0 must have shape \(4, 6\)"),
    ("sizes", np.array([0, 5, 3, 2, 3]), r"W0 must have shape \(0, 5\)"),
    ("activations", np.array(["Sigmoid", "eval", "ReLU", "Identity"]), "its activations are"),
    ("num_bn_layers", np.array(5), "num_bn_layers must be from 0 to 4"),
    ("num_bn_layers", np.array(-1), "num_bn_layers must be from 0 to 4"),
    ("lr", np.array([0.1, 0.1]), "lr must have shape"),
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


def test_the_error_names_the_file_and_says_what_to_do(path):
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="a.npz is .* save it again, or choose another"):
        saved.load(pathlib.Path(path))


def test_the_file_is_one_that_numpy_loads(path, trained):
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["W0"], trained[0].W[0])
