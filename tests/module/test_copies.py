"""Copies of pieces and networks go on exactly as the original does, and apart from it."""

import copy
import io
import pickle

import numpy as np
import pytest

from tests.module.networks import (
    arrays, assert_same_arrays, batch, network, randomise_batchnorm, train_on)
from tests.module.pieces import PIECES, assert_results, examples


def copy_deeply(original, tmp_path):
    return copy.deepcopy(original)


def pickle_and_load(original, tmp_path):
    return pickle.loads(pickle.dumps(original))


def map_arrays(original, tmp_path):
    """Return a copy whose arrays are read-only maps of files, as joblib passes large ones."""
    def save(a):
        path = tmp_path / f"{id(a)}.npy"
        np.save(path, a)
        return np.load, (path, "r")

    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    pickler.dispatch_table = {np.ndarray: save}
    pickler.dump(original)
    return pickle.loads(buffer.getvalue())


EACH_WAY = pytest.mark.parametrize("make_copy", [copy_deeply, pickle_and_load, map_arrays])


@EACH_WAY
@pytest.mark.parametrize("piece_class", PIECES)
def test_a_copy_goes_on_between_forward_and_backward(nn, piece_class, make_copy, tmp_path):
    original = piece_class(nn)
    x, labels, delta = examples(1)
    original.run(*examples(2))
    original.forward(x, labels)
    copied = make_copy(original, tmp_path)
    assert_results(copied.backward(labels, delta), original.backward(labels, delta))
    assert_results(copied.run(*examples(3)), original.run(*examples(3)))
    assert_results(copied.kept(), original.kept())


@EACH_WAY
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_copy_trains_on_apart_from_the_original(nn, make_copy, mode, tmp_path):
    mlp = randomise_batchnorm(network(nn, momentum=0.9, num_bn_layers=1), 7)
    x, labels = batch(3)
    train_on(mlp, [1, 2])
    if mode == "eval":
        mlp.eval()
    mlp.forward(x)
    copied = make_copy(mlp, tmp_path)
    for each in (copied, mlp):
        each.backward(labels)
        each.step()
        train_on(each, [4, 5])
    assert_same_arrays(arrays(copied), arrays(mlp))


@EACH_WAY
def test_training_a_copy_leaves_the_original_as_it_was(nn, make_copy, tmp_path):
    mlp = network(nn, momentum=0.9, num_bn_layers=1)
    train_on(mlp, [1])
    before = arrays(mlp)
    copied = make_copy(mlp, tmp_path)
    train_on(copied, [2, 3])
    assert_same_arrays(arrays(mlp), before)


@EACH_WAY
def test_a_copy_keeps_a_shared_activation_shared(nn, make_copy, tmp_path):
    mlp = network(nn, (5, 4))
    mlp.activations = [mlp.activations[0], mlp.activations[0], mlp.activations[2]]
    copied = make_copy(mlp, tmp_path)
    assert copied.activations[0] is copied.activations[1]
    assert copied.activations[0] is not mlp.activations[0]
    train_on(mlp, [1])
    train_on(copied, [1])
    assert_same_arrays(arrays(copied), arrays(mlp))


@EACH_WAY
def test_zero_grads_of_a_copy_makes_gradients_to_write_into(nn, make_copy, tmp_path):
    copied = make_copy(network(nn), tmp_path)
    copied.zero_grads()
    for gradient in copied.dW + copied.db:
        gradient[...] = 1
    copied.zero_grads()
    copied.step()
    assert_same_arrays(arrays(copied), arrays(network(nn)))
