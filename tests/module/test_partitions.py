"""The three partitions of get_training_stats: what they may be, and what is refused at once."""

import tracemalloc

import numpy as np
import pytest

NAMES = ["train", "val", "test"]
IN_EACH_PARTITION = pytest.mark.parametrize("name", NAMES)


def make_network(nn, input_size=4):
    """Return a linear classifier of three classes, with the same weights in each call."""
    rng = np.random.RandomState(1)

    def make_weights(*shape):
        return rng.standard_normal(shape)

    return nn.MLP(input_size, 3, [], [nn.Identity()], make_weights, np.zeros,
                  nn.SoftmaxCrossEntropy(), 0.1)


def make_partition(seed, n=6):
    """Return x, (n, 4), and class indices, (n,)."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((n, 4)), rng.randint(3, size=n)


def make_dset():
    return make_partition(1), make_partition(2), make_partition(3)


def make_dset_with(name, x=None, y=None):
    """Return a dset whose partition of that name has this x or y."""
    dset = dict(zip(NAMES, make_dset()))
    default_x, default_y = dset[name]
    if x is None:
        x = default_x
    if y is None:
        y = default_y
    dset[name] = (x, y)
    return [dset["train"], dset["val"], dset["test"]]


def run(nn, dset):
    """Return what get_training_stats returns for dset."""
    np.random.seed(4)
    return nn.get_training_stats(make_network(nn), dset, 2, 3)


def assert_refused(nn, dset, message):
    """Assert that dset is refused by a ValueError before the first step."""
    mlp = make_network(nn)
    before = mlp.W[0]
    with pytest.raises(ValueError, match=message):
        nn.get_training_stats(mlp, dset, 2, 3)
    assert mlp.W[0] is before


# ---- dset ----------------------------------------------------------------------------------------

def as_object_array(dset):
    array = np.empty((3, 2), object)
    for i, pair in enumerate(dset):
        array[i, 0] = pair[0]
        array[i, 1] = pair[1]
    return array


def as_lists(dset):
    return [list(pair) for pair in dset]


def as_iterators(dset):
    return map(iter, dset)


@pytest.mark.parametrize("convert", [
    tuple,
    iter,
    as_object_array,
    as_lists,
    as_iterators,
])
def test_dset_may_be_any_three_pairs(nn, convert):
    found = run(nn, convert(make_dset()))

    for part, expected in zip(found, run(nn, make_dset())):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_other_numbers_of_partitions_are_refused(nn, count):
    dset = [make_partition(seed) for seed in range(count)]
    assert_refused(nn, dset, "dset must be three pairs, .*testy")


@pytest.mark.parametrize("dset", [
    None,
    3,
    np.zeros(3),
    [None, None, None],
], ids=repr)
def test_a_dset_that_is_not_of_pairs_is_refused(nn, dset):
    assert_refused(nn, dset, "dset must be three pairs, .*testy")


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_partition_that_is_not_a_pair_is_refused(nn, length, place):
    dset = list(make_dset())
    x, y = dset[place]
    dset[place] = (x, y, y)[:length]
    assert_refused(nn, dset, "dset must be three pairs, .*testy")


# ---- x -------------------------------------------------------------------------------------------

@IN_EACH_PARTITION
@pytest.mark.parametrize("x", [
    3,
    3.5,
    np.float64(3),
    np.array(3),
    "x",
    {},
], ids=repr)
def test_x_that_is_a_scalar_is_refused(nn, name, x):
    assert_refused(nn, make_dset_with(name, x=x), rf"{name}x must be \(n, input_size\)")


@IN_EACH_PARTITION
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_x_that_is_not_finite_is_refused(nn, name, value, dtype):
    x, _ = make_partition(1)
    x = x.astype(dtype)
    x[2, 3] = value
    x[4, 0] = value  # the first is named
    assert_refused(nn, make_dset_with(name, x=x), rf"{name}x must be finite, .* in row 2")


def as_strided(x):
    return np.repeat(x, 2, axis=1)[:, ::2]


@IN_EACH_PARTITION
@pytest.mark.parametrize("convert", [
    np.ndarray.tolist,
    np.asfortranarray,
    as_strided,
])
def test_x_that_is_not_finite_is_refused_in_any_form(nn, name, convert):
    x, _ = make_partition(1)
    x[5, 3] = np.nan
    dset = make_dset_with(name, x=convert(x))
    assert_refused(nn, dset, rf"{name}x must be finite, .* in row 5")


@IN_EACH_PARTITION
def test_large_finite_numbers_in_x_are_taken(nn, name):
    x, _ = make_partition(1)
    x[0, 0] = 1e150
    x[0, 1] = -1e150

    *_, confusion_matrix = run(nn, make_dset_with(name, x=x))

    assert confusion_matrix.sum() == 6


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64"])
def test_integers_and_booleans_in_x_are_taken(nn, dtype):
    dset = []
    float_dset = []
    for x, y in make_dset():
        x = np.abs(x).astype(dtype)
        dset.append((x, y))
        float_dset.append((x.astype(np.float64), y))

    found = run(nn, dset)

    for part, expected in zip(found, run(nn, float_dset)):
        np.testing.assert_array_equal(part, expected)


@pytest.fixture
def memory():
    """Return tracemalloc's function that returns the memory in use and its peak."""
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


@pytest.mark.parametrize("value", [0, np.nan])
def test_the_check_of_x_makes_no_array_of_its_size(nn, memory, value):
    x = np.zeros((10000, 200))
    x[-1, -1] = value
    partition = (x, np.zeros(10000, np.uint8))
    mlp = make_network(nn, 200)
    tracemalloc.reset_peak()
    in_use, _ = memory()

    if np.isnan(value):
        with pytest.raises(ValueError, match="trainx must be finite"):
            nn.get_training_stats(mlp, [partition] * 3, 1, 100)
    else:
        nn.get_training_stats(mlp, [partition] * 3, 1, 100)

    _, peak = memory()
    assert peak - in_use < x.size  # the bytes of np.isfinite(x)


# ---- y -------------------------------------------------------------------------------------------

@IN_EACH_PARTITION
@pytest.mark.parametrize("y", [
    3,
    None,
    "y",
    {},
], ids=repr)
def test_y_that_is_no_array_is_refused(nn, name, y):
    dset = list(make_dset())
    place = NAMES.index(name)
    x, _ = dset[place]
    dset[place] = (x, y)
    assert_refused(nn, dset, rf"{name}y must be \(6,\), class indices, or \(6, 3\)")


@IN_EACH_PARTITION
@pytest.mark.parametrize("row", [
    [-1, 0, 0],
    [0, -1, 0],
    [0.5, -0.5, 0],
    [-1, 1, 1],
    [2, -1, 0],
    [1, 1, -1],
    [1 + 1.5e-5, 0, 0],
    [0.5, 0.5 - 1.5e-5, 0],
    [np.inf, 0, 0],
], ids=str)
def test_rows_that_are_no_probabilities_are_refused(nn, name, row):
    y = np.eye(3).repeat(2, axis=0)
    y[4] = row
    rule = f"{name}y must hold class indices below 3, or rows of at least 0 that sum to 1"
    message = f"{rule}, .* in row 4"
    assert_refused(nn, make_dset_with(name, y=y), message)


@pytest.mark.parametrize("dtype, row", [
    ("uint8", [255, 1, 1]),
    ("int64", [2 ** 63 - 1, 2 ** 63 - 1, 3]),
], ids=["uint8", "int64"])
def test_rows_whose_sum_would_wrap_to_1_are_refused(nn, dtype, row):
    y = np.eye(3, dtype=dtype).repeat(2, axis=0)
    y[1] = row
    dset = make_dset_with("val", y=y)
    assert_refused(nn, dset, "valy must be indices .* in row 1")
