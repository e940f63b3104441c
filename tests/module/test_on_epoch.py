"""on_epoch of get_training_stats: when it is called, and with what."""

import numpy as np
import pytest

from tests.module.networks import arrays, assert_same_arrays
from tests.module.training import assert_stats, dataset, normalised_network, run


def test_on_epoch_gets_the_epoch_and_the_last_four_numbers(nn):
    calls = []

    def on_epoch(*numbers):
        calls.append(numbers)

    stats = run(nn, normalised_network(nn), dataset(), 3, on_epoch=on_epoch)
    expected = np.column_stack([[0, 1, 2], *stats[:4]])
    np.testing.assert_array_equal(calls, expected)


def test_on_epoch_gets_an_integer_and_four_floats(nn):
    calls = []

    def on_epoch(*numbers):
        calls.append(numbers)

    run(nn, normalised_network(nn), dataset(), 1, on_epoch=on_epoch)
    (epoch, *numbers), = calls
    assert isinstance(epoch, int)
    assert [isinstance(number, float) for number in numbers] == [True, True, True, True]


def test_on_epoch_is_called_as_each_epoch_ends(nn):
    mlp = normalised_network(nn)
    twin = normalised_network(nn)
    after_each_epoch = []

    def on_epoch(*numbers):
        after_each_epoch.append(arrays(mlp))

    run(nn, mlp, dataset(), 3, on_epoch=on_epoch)
    run(nn, twin, dataset(), 1)
    assert len(after_each_epoch) == 3
    assert_same_arrays(after_each_epoch[0], arrays(twin))


def test_on_epoch_changes_no_number(nn):
    found = run(nn, normalised_network(nn), dataset(), on_epoch=lambda *numbers: None)
    expected = run(nn, normalised_network(nn), dataset())
    assert_stats(found, expected)


def test_on_epoch_may_predict(nn):
    """A forward in between changes neither the mode nor the numbers of the next epoch."""
    mlp = normalised_network(nn)
    data = dataset()

    def on_epoch(*numbers):
        testx, _ = data[2]
        mlp.forward(testx)

    found = run(nn, mlp, data, 3, on_epoch=on_epoch)
    expected = run(nn, normalised_network(nn), data, 3)
    assert_stats(found, expected)


def test_on_epoch_may_end_the_training(nn):
    class Stop(Exception):
        pass

    def on_epoch(epoch, *numbers):
        if epoch == 1:
            raise Stop

    mlp = normalised_network(nn)
    twin = normalised_network(nn)
    with pytest.raises(Stop):
        run(nn, mlp, dataset(), 5, on_epoch=on_epoch)
    run(nn, twin, dataset(), 2)
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_on_epoch_is_given_by_keyword_only(nn):
    with pytest.raises(TypeError, match="positional argument"):
        nn.get_training_stats(normalised_network(nn), dataset(), 1, 5, print)


def test_on_epoch_is_not_called_without_an_epoch(nn):
    calls = []
    run(nn, normalised_network(nn), dataset(), 0, on_epoch=lambda *numbers: calls.append(numbers))
    assert calls == []
