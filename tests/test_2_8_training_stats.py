"""2.8 Training statistics: the numbers of a plain loop, the data it takes and those it refuses."""

import re
import tracemalloc

import numpy as np
import pytest

from tests.networks import D, K, arrays, assert_same_arrays, network, randomise_batchnorm


def partition(seed, n):
    """Return x, (n, D), and class indices, (n,), that depend on x."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((n, D))
    return x, (x[:, :K] + 0.5 * rng.standard_normal((n, K))).argmax(axis=1)


def dataset(n=23, nval=9, ntest=14, x=np.array, y=np.array):
    """Return a dset of so many examples; x and y: what is done to those of each partition."""
    pairs = [partition(seed, size) for seed, size in enumerate((n, nval, ntest))]
    return tuple((x(examples), y(labels)) for examples, labels in pairs)


def one_hot(y):
    return np.eye(K)[y]


def normed(nn, **options):
    """Return a network with momentum and BatchNorm, so that modes and states count."""
    return randomise_batchnorm(network(nn, momentum=0.8, num_bn_layers=1, **options), 7)


def run(nn, mlp, dset, nepochs=2, batch_size=5, seed=1, **options):
    """Return what get_training_stats returns when np.random.seed(seed) went before."""
    np.random.seed(seed)
    return nn.get_training_stats(mlp, dset, nepochs, batch_size, **options)


def assert_stats(found, expected, rtol=0):
    """Assert that two results of get_training_stats are the same."""
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=rtol)


def plain_loop(mlp, dset, nepochs, batch_size=5, seed=1):
    """Return what run should; labels are one-hot."""
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    np.random.seed(seed)
    order, curves = np.arange(len(trainx)), np.zeros((nepochs, 4))
    for epoch in range(nepochs):
        np.random.shuffle(order)
        losses, wrong = [], []
        mlp.train()
        for start in range(0, len(order), batch_size):
            batch = order[start:start + batch_size]
            mlp.zero_grads()
            output = mlp.forward(trainx[batch])
            mlp.backward(trainy[batch])
            mlp.step()
            losses.extend(mlp.criterion(output, trainy[batch]))
            wrong.extend(p.argmax() != t.argmax() for p, t in zip(output, trainy[batch]))
        mlp.eval()
        output = mlp.forward(valx)
        val_losses = mlp.criterion(output, valy)
        val_wrong = [p.argmax() != t.argmax() for p, t in zip(output, valy)]
        curves[epoch] = [np.mean(each) for each in (losses, wrong, val_losses, val_wrong)]
    confusion_matrix = np.zeros((K, K))
    for predicted, true in zip(mlp.forward(testx), testy):
        confusion_matrix[predicted.argmax(), true.argmax()] += 1
    return (*curves.T, confusion_matrix)


@pytest.mark.parametrize("batch_size", [1, 5, 11, 23, 100])
def test_the_loop_written_out(nn, batch_size):
    """np.random.seed repeats a run.  Batches of 11 leave BatchNorm one of 23 examples alone."""
    mlp, twin, dset = normed(nn), normed(nn), dataset(nval=1203, ntest=501, y=one_hot)
    found = run(nn, mlp, dset, 3, batch_size)
    assert_stats(found, plain_loop(twin, dset, 3, batch_size), rtol=1e-12)
    assert_same_arrays(arrays(mlp), arrays(twin))
    assert mlp.train_mode is False  # ready to predict


class Softmax:
    """Anybody's linear classifier, with the names that a training loop needs; its backward adds."""

    def __init__(self, criterion):
        self.criterion, self.output_size, self.weights = criterion, K, np.zeros((D, K))

    def train(self):
        pass

    eval = train

    def zero_grads(self):
        self.gradient = 0

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, labels):
        self.batch = self.x, labels
        self.criterion(self.x @ self.weights, labels)
        self.gradient = self.gradient + self.x.T @ self.criterion.derivative() / len(labels)

    def step(self):
        self.weights = self.weights - 0.1 * self.gradient


def test_it_trains_anybodys_network(nn):
    mlp, twin = (Softmax(nn.SoftmaxCrossEntropy()) for _ in range(2))
    dset = dataset(y=one_hot)
    assert_stats(run(nn, mlp, dset, 3), plain_loop(twin, dset, 3), rtol=1e-12)
    np.testing.assert_array_equal(mlp.weights, twin.weights)


@pytest.mark.parametrize("keep", [lambda loss: None, np.mean, np.atleast_2d, np.vstack],
                         ids=["nothing", "the mean", "a row", "a column"])
def test_a_criterion_must_keep_the_loss_of_each_example(nn, keep):
    class Careless(nn.SoftmaxCrossEntropy):
        def forward(self, x, y):
            loss = super().forward(x, y)
            self.loss = keep(loss)
            return loss

    mlp = network(nn)
    mlp.criterion = Careless()
    with pytest.raises(ValueError, match=r"criterion must keep each example's loss.*, \(5,\), got"):
        run(nn, mlp, dataset())


def test_errors_and_confusion_matrix_by_hand_for_four_classes(nn):
    # A network that does not learn and predicts the place of the 1 in x: never the last.
    mlp = nn.MLP(4, 4, [], [nn.Identity()], lambda *shape: np.eye(4), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.0)
    predicted, true = [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 3, 1, 2, 2, 0]
    quarter = np.eye(4)[[0, 1, 2, 0]], [0, 1, 2, 1]
    dset = (np.eye(4), [0, 1, 2, 3]), quarter, (np.eye(4)[predicted], true)
    _, errors, _, validation_errors, confusion_matrix = run(nn, mlp, dset, nepochs=1)
    assert (errors, validation_errors) == ([0], [0.25])
    assert confusion_matrix.tolist() == [[1, 2, 0, 0], [0, 1, 0, 1], [1, 0, 2, 0], [0] * 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_curves_are_float64_counts_are_integers_and_the_network_keeps_its_dtype(nn, dtype):
    mlp = normed(nn, dtype=dtype)
    *curves, confusion_matrix = run(nn, mlp, dataset(x=dtype), nepochs=3)
    assert [(a.shape, a.dtype) for a in curves] == [((3,), np.float64)] * 4
    assert (confusion_matrix.shape, confusion_matrix.dtype.kind) == ((K, K), "i")
    assert {a.dtype for a in arrays(mlp).values()} == {np.dtype(dtype)}


def test_no_epoch_gives_empty_curves_and_the_matrix_of_the_network_as_it_is(nn):
    mlp, dset = normed(nn), dataset(y=one_hot)
    *curves, confusion_matrix = run(nn, mlp, dset, nepochs=0)
    assert [a.shape for a in curves] == [(0,)] * 4
    np.testing.assert_array_equal(confusion_matrix, plain_loop(mlp, dset, 0)[4])
    assert_same_arrays(arrays(mlp), arrays(normed(nn)))


def test_a_second_call_trains_on(nn):
    mlp, twin, dset = normed(nn), normed(nn), dataset(y=one_hot)
    for nepochs, seed in (1, 1), (2, 2):
        run(nn, mlp, dset, nepochs, seed=seed)
        plain_loop(twin, dset, nepochs, seed=seed)
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_on_epoch_gets_the_number_of_each_epoch_as_it_ends_and_four_floats(nn):
    mlp, twin, calls, weights = normed(nn), normed(nn), [], []

    def on_epoch(*numbers):
        calls.append(numbers)
        weights.append(mlp.W[0])

    found = run(nn, mlp, dataset(), 3, on_epoch=on_epoch)
    np.testing.assert_array_equal(calls, np.column_stack([np.arange(3), *found[:4]]))
    assert all(isinstance(number, float) for _, *numbers in calls for number in numbers)
    run(nn, twin, dataset(), 1)
    np.testing.assert_array_equal(weights[0], twin.W[0])


# ---- The data that it takes ----------------------------------------------------------------------

@pytest.mark.parametrize("labels", [
    np.uint8, np.float64, np.ndarray.tolist, lambda y: one_hot(y).astype(np.uint8),
    lambda y: one_hot(y) > 0, lambda y: one_hot(y).tolist()],
    ids=["uint8", "floats", "list", "one-hot uint8", "one-hot bool", "one-hot lists"])
def test_labels_may_be_class_indices_or_one_hot_of_any_dtype(nn, labels):
    expected = run(nn, normed(nn), dataset(y=one_hot))
    assert_stats(run(nn, normed(nn), dataset(y=labels)), expected)


def test_class_indices_reach_the_network_as_one_hot_rows_of_floats(nn):
    mlp, dset = Softmax(nn.SoftmaxCrossEntropy()), dataset(y=np.uint8)
    run(nn, mlp, dset, nepochs=1, batch_size=23)
    x, labels = mlp.batch
    order = [dset[0][0].tolist().index(row) for row in x.tolist()]
    np.testing.assert_array_equal(labels, one_hot(dset[0][1][order]))
    assert labels.dtype == np.float64


@pytest.mark.parametrize("total", [1, 1 + 9e-6, 1 - 9e-6])
def test_labels_may_be_probabilities_within_1e_5(nn, total):
    def soft(y):
        return total * np.random.RandomState(5).dirichlet(np.ones(K), len(y))

    dset = dataset(y=soft)
    assert_stats(run(nn, normed(nn), dset), plain_loop(normed(nn), dset, 2), rtol=1e-12)


def strided(x):
    return np.repeat(x, 2, axis=1)[:, ::2]


@pytest.mark.parametrize("form", [np.array, np.ndarray.tolist, np.asfortranarray, strided])
def test_x_may_be_uint8_pixels_or_lists_in_any_layout(nn, form):
    pixels = dataset(x=lambda x: np.abs(50 * x).astype(np.uint8))
    floats = [(x.astype(np.float64), y) for x, y in pixels]
    formed = [(form(x), y) for x, y in pixels]
    assert_stats(run(nn, normed(nn), formed), run(nn, normed(nn), floats))


@pytest.fixture
def mapped(tmp_path):
    def save_and_load(a):
        np.save(tmp_path / f"{a.shape}.npy", a)
        return np.load(tmp_path / f"{a.shape}.npy", mmap_mode="r")
    return save_and_load


def test_read_only_memory_maps_train_as_arrays_do_and_no_data_are_changed(nn, mapped):
    dset, maps = dataset(y=one_hot), dataset(x=mapped, y=lambda y: mapped(one_hot(y)))
    assert_stats(run(nn, normed(nn), maps), run(nn, normed(nn), dset))
    for found, expected in zip(maps + dset, dataset(y=one_hot) * 2):
        assert_stats(found, expected)


@pytest.fixture
def memory():
    """Return tracemalloc's function that returns how much memory is taken, and was at most."""
    tracemalloc.start()
    yield tracemalloc.get_traced_memory
    tracemalloc.stop()


def test_a_memory_map_is_never_read_as_a_whole(nn, mapped, memory):
    large = mapped(np.zeros((20000, 500), np.uint8)), np.zeros(20000, int)
    mlp = nn.MLP(500, 2, [], [nn.Identity()], lambda *shape: np.zeros(shape), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.1)
    tracemalloc.reset_peak()
    run(nn, mlp, (large,) * 3, nepochs=1, batch_size=500)
    assert memory()[1] < large[0].nbytes / 2


@pytest.mark.parametrize("layout", [np.asfortranarray, strided])
def test_x_in_another_layout_is_copied_once_and_not_at_every_batch(nn, layout, memory):
    freed = []

    class Meter(Softmax):
        def forward(self, x):
            now, peak = memory()
            freed.append(peak - now)
            tracemalloc.reset_peak()
            return super().forward(x)

    dset = dataset(n=5000, x=layout)
    run(nn, Meter(nn.SoftmaxCrossEntropy()), dset, nepochs=1, batch_size=50)
    assert max(freed[1:]) < dset[0][0].nbytes / 2


# ---- The data that it refuses, before the first epoch --------------------------------------------

NAMES = ["train", "val", "test"]
EACH_PARTITION = pytest.mark.parametrize("name", NAMES)


def assert_refused(nn, name, rule, got, x=None, y=None):
    """Assert that x or y in the partition name is refused, with the rule and what was got."""
    dset = dict(zip(NAMES, dataset(6, 6, 6)))
    dset[name] = dset[name][0] if x is None else x, dset[name][1] if y is None else y
    mlp = normed(nn)
    with pytest.raises(ValueError, match=f"{re.escape(name + rule)}.* got {re.escape(got)}$"):
        run(nn, mlp, [*dset.values()], on_epoch=lambda *numbers: pytest.fail("an epoch"))
    assert_same_arrays(arrays(mlp), arrays(normed(nn)))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_below_1_is_refused(nn, batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {batch_size}"):
        run(nn, network(nn), dataset(), batch_size=batch_size)


@EACH_PARTITION
@pytest.mark.parametrize("shape, dtype", [((6, 2, 2), "f8"), ((6,), "f8"), ((0, D), "f8"),
                                          ((6, D), "complex"), ((6, D), "U")], ids=str)
def test_x_that_is_not_rows_of_real_numbers_is_refused(nn, name, shape, dtype):
    x = np.zeros(shape).astype(dtype)
    assert_refused(nn, name, "x must be (n, input_size), real numbers", f"{x.dtype} {shape}", x)


@pytest.mark.parametrize("names", [["train"], ["val"], ["test"], NAMES], ids=str)
def test_x_of_another_width_is_refused(nn, names):
    mlp = network(nn)
    dset = [(np.zeros((6, D + (name in names))), np.zeros(6, int)) for name in NAMES]
    with pytest.raises(ValueError, match=r"x must be \(.*got .*\(\d, [45]\)"):
        run(nn, mlp, dset)
    assert_same_arrays(arrays(mlp), arrays(network(nn)))


@EACH_PARTITION
@pytest.mark.parametrize("shape, dtype", [
    ((5,), "int"), ((7, K), "int"), ((6, K + 1), "int"), ((6, 1), "int"), ((1, K), "int"),
    ((), "int"), ((6,), "complex"), ((6, K), "U"), ((6,), "object")], ids=str)
def test_labels_that_are_not_real_numbers_for_each_row_of_x_are_refused(nn, name, shape, dtype):
    y = np.zeros(shape, int).astype(dtype)
    rule = "y must be (6,), class indices, or (6, 3), one-hot"
    assert_refused(nn, name, rule, f"{y.dtype} {shape}", y=y)


@EACH_PARTITION
@pytest.mark.parametrize("wrong", [
    K, -1, 255, 0.5, np.nan, [-1, 1, -1], [0, 255, 0], [1, 1, 1], [0, 0, 0], [0, np.nan, 1],
    [2, -1, 0], [0, 1 + 2e-5, 0]], ids=str)
def test_labels_that_are_no_index_and_no_probabilities_are_refused(nn, name, wrong):
    y = np.array([0, 1, 2, 0, 1, 2], type(wrong)) if np.isscalar(wrong) else np.eye(K)[[0, 1] * 3]
    y[2], y[4] = wrong, 7  # the first is told
    rule = "y must be indices below 3 or at least 0 and sum to 1"
    assert_refused(nn, name, rule, f"{y[2]} in row 2", y=y)
