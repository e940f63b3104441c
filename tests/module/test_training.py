"""get_training_stats beyond the homework: short last batches, BatchNorm, other networks."""

import numpy as np
import pytest

from tests.module.helpers import one_hot
from tests.module.networks import K, arrays, assert_same_arrays, network
from tests.module.training import (
    Classifier, assert_stats, dataset, normalised_network, plain_loop, run)


@pytest.mark.parametrize("batch_size", [1, 5, 11, 22, 23, 100])
def test_training_equals_the_loop_written_out(nn, batch_size):
    """Batches of 11 and 22 leave BatchNorm with one of the 23 examples."""
    mlp = normalised_network(nn)
    twin = normalised_network(nn)
    data = dataset(nval=1203, ntest=501, y=one_hot)
    found = run(nn, mlp, data, 3, batch_size)
    expected = plain_loop(twin, data, 3, batch_size)
    assert_stats(found, expected, rtol=1e-12)
    assert_same_arrays(arrays(mlp), arrays(twin))


@pytest.mark.parametrize("nepochs", [0, 1])
def test_network_is_left_in_eval_mode(nn, nepochs):
    mlp = network(nn)
    run(nn, mlp, dataset(), nepochs)
    assert mlp.train_mode is False


def test_training_needs_only_the_public_names_of_mlp(nn):
    mlp = Classifier(nn.SoftmaxCrossEntropy())
    twin = Classifier(nn.SoftmaxCrossEntropy())
    data = dataset(y=one_hot)
    found = run(nn, mlp, data, 3)
    expected = plain_loop(twin, data, 3)
    assert_stats(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(mlp.weights, twin.weights)


def test_errors_and_confusion_matrix_count_four_classes(nn):
    # The network does not learn; it predicts the column of the 1 in x, which is never the last.
    def identity(*shape):
        return np.eye(4)

    mlp = nn.MLP(4, 4, [], [nn.Identity()], identity, np.zeros, nn.SoftmaxCrossEntropy(), 0.0)
    predicted = [0, 0, 0, 1, 1, 2, 2, 2]
    true = [0, 1, 1, 3, 1, 2, 2, 0]
    train = (np.eye(4), [0, 1, 2, 3])
    validation = (np.eye(4)[[0, 1, 2, 0]], [0, 1, 2, 1])
    test = (np.eye(4)[predicted], true)
    stats = run(nn, mlp, (train, validation, test), nepochs=1)
    _, training_errors, _, validation_errors, confusion_matrix = stats
    assert training_errors == [0]
    assert validation_errors == [0.25]
    assert confusion_matrix.tolist() == [[1, 2, 0, 0], [0, 1, 0, 1], [1, 0, 2, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_curves_are_float64_and_counts_integers(nn, dtype):
    mlp = normalised_network(nn, dtype=dtype)
    *curves, confusion_matrix = run(nn, mlp, dataset(x=dtype), nepochs=3)
    for curve in curves:
        assert curve.shape == (3,)
        assert curve.dtype == np.float64
    assert confusion_matrix.shape == (K, K)
    assert confusion_matrix.dtype.kind == "i"
    assert {a.dtype for a in arrays(mlp).values()} == {np.dtype(dtype)}


def test_result_is_a_tuple_of_five(nn):
    stats = run(nn, network(nn), dataset())
    assert isinstance(stats, tuple)
    assert len(stats) == 5


def test_losses_of_float32_are_added_in_float64(nn):
    """In float32, 2 ** 24 + 1 is rounded to 2 ** 24."""
    class Constant(nn.SoftmaxCrossEntropy):
        def forward(self, x, y):
            super().forward(x, y)
            self.loss = np.ones(len(x), np.float32)
            self.loss[0] = 2 ** 24
            return self.loss

    mlp = network(nn, dtype=np.float32)
    mlp.criterion = Constant()
    data = dataset(5, 5, 5, x=np.float32)
    training_losses, _, validation_losses, _, _ = run(nn, mlp, data, nepochs=1)
    assert training_losses == [(2 ** 24 + 4) / 5]
    assert validation_losses == [(2 ** 24 + 4) / 5]


def test_no_epoch_gives_empty_curves_and_a_matrix(nn):
    mlp = normalised_network(nn)
    data = dataset(y=one_hot)
    *curves, confusion_matrix = run(nn, mlp, data, nepochs=0)
    assert [curve.shape for curve in curves] == [(0,), (0,), (0,), (0,)]
    twin = normalised_network(nn)
    assert_same_arrays(arrays(mlp), arrays(twin))
    twin.eval()
    *_, expected = plain_loop(twin, data, nepochs=0)
    np.testing.assert_array_equal(confusion_matrix, expected)


def test_a_second_call_trains_on(nn):
    mlp = normalised_network(nn)
    twin = normalised_network(nn)
    data = dataset(y=one_hot)
    run(nn, mlp, data, nepochs=1, seed=1)
    run(nn, mlp, data, nepochs=2, seed=2)
    plain_loop(twin, data, 1, seed=1)
    plain_loop(twin, data, 2, seed=2)
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_the_seed_repeats_a_run(nn):
    first = run(nn, normalised_network(nn), dataset(), seed=3)
    again = run(nn, normalised_network(nn), dataset(), seed=3)
    other = run(nn, normalised_network(nn), dataset(), seed=4)
    assert_stats(first, again)
    assert first[0].tolist() != other[0].tolist()


@pytest.mark.parametrize("keep, shape", [
    (lambda loss: None, "()"),
    (np.mean, "()"),
    (np.atleast_2d, "(1, 5)"),
    (np.vstack, "(5, 1)"),
], ids=["nothing", "the mean", "a row", "a column"])
def test_criterion_must_keep_the_loss_of_each_example(nn, keep, shape):
    class Careless(nn.SoftmaxCrossEntropy):
        def forward(self, x, y):
            loss = super().forward(x, y)
            self.loss = keep(loss)
            return loss

    mlp = network(nn)
    mlp.criterion = Careless()
    with pytest.raises(ValueError, match=r"criterion must keep each example's loss.*\(5,\), got") \
            as error:
        run(nn, mlp, dataset())
    assert str(error.value).endswith(shape)
