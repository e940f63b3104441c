"""How much memory get_training_stats takes besides the data set."""

import tracemalloc

import numpy as np
import pytest

from tests.module.helpers import strided
from tests.module.networks import Normal
from tests.module.training import Classifier, dataset, run


@pytest.fixture
def traced_memory():
    """Return tracemalloc's function for the memory that is in use and its peak."""
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


def linear_classifier(nn, input_size):
    """Return a linear classifier of two classes."""
    init = Normal(0)
    criterion = nn.SoftmaxCrossEntropy()
    return nn.MLP(input_size, 2, [], [nn.Identity()], init, init, criterion, 0.1)


def test_a_memory_map_is_not_read_into_memory(nn, tmp_path, traced_memory):
    np.save(tmp_path / "x.npy", np.zeros((20000, 500), np.uint8))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    partition = (x, np.zeros(20000, int))
    mlp = linear_classifier(nn, 500)
    tracemalloc.reset_peak()
    run(nn, mlp, [partition] * 3, nepochs=1, batch_size=500)
    _, peak = traced_memory()
    assert peak < x.nbytes / 2


def test_the_check_of_x_makes_no_array_of_its_size(nn, traced_memory):
    x = np.zeros((10000, 200))
    x[-1, -1] = np.nan
    partition = (x, np.zeros(10000, np.uint8))
    mlp = linear_classifier(nn, 200)
    tracemalloc.reset_peak()
    in_use, _ = traced_memory()
    with pytest.raises(ValueError, match="trainx must be finite"):
        run(nn, mlp, [partition] * 3)
    _, peak = traced_memory()
    assert peak - in_use < x.size  # the bytes of np.isfinite(x)


@pytest.mark.parametrize("layout", [np.asfortranarray, strided])
def test_x_is_copied_once_and_not_at_every_batch(nn, layout, traced_memory):
    freed = []

    class Meter(Classifier):
        def forward(self, x):
            now, peak = traced_memory()
            freed.append(peak - now)
            tracemalloc.reset_peak()
            return super().forward(x)

    data = dataset(ntrain=5000, x=layout)
    run(nn, Meter(nn.SoftmaxCrossEntropy()), data, nepochs=1, batch_size=50)
    trainx, _ = data[0]
    assert max(freed[1:]) < trainx.nbytes / 2
