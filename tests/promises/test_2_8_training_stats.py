"""What get_training_stats promises (2.8).

The numbers of a plain training loop, number by number; every partition used for what it is for, nothing else;
no more memory than a batch needs; and a dset that does not fit refused before training starts.
"""

import copy
import re
import tracemalloc

import numpy as np
import pytest

from tests.promises.networks import D, K, Normal, arrays, assert_same_arrays, network, randomise_batchnorm


def partition(seed, n):
    """Return x, (n, D), float64, and class indices, (n,), that depend on x."""
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((n, D))
    return x, (x[:, :K] + 0.5 * rng.standard_normal((n, K))).argmax(axis=1)


def dataset(seed=0, n=23, nval=9, ntest=14):
    """Return a dset with class indices as labels."""
    return partition(seed, n), partition(seed + 100, nval), partition(seed + 200, ntest)


def one_hot(dset):
    """Return dset with its class indices made one-hot."""
    return tuple((x, np.eye(K)[y]) for x, y in dset)


def normed(nn, **options):
    """Return a network with momentum and BatchNorm, so that every mode and state counts."""
    return randomise_batchnorm(network(nn, momentum=0.8, num_bn_layers=1, **options), 7)


def run(nn, mlp, dset, nepochs=2, batch_size=5, seed=1, **options):
    """Return what get_training_stats returns when np.random.seed(seed) went before."""
    np.random.seed(seed)
    return nn.get_training_stats(mlp, dset, nepochs, batch_size, **options)


def assert_same_stats(first, second):
    """Assert that two results of get_training_stats are equal, bit for bit."""
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)


def recorder(nn):
    """Return a subclass of MLP whose objects note, in calls, (method, train_mode, the argument)."""
    class Recorder(nn.MLP):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.calls = []

        def zero_grads(self):
            self.calls.append(("zero_grads", self.train_mode, None))
            super().zero_grads()

        def forward(self, x):
            self.calls.append(("forward", self.train_mode, np.array(x)))
            return super().forward(x)

        def backward(self, labels):
            self.calls.append(("backward", self.train_mode, np.array(labels)))
            super().backward(labels)

        def step(self):
            self.calls.append(("step", self.train_mode, None))
            super().step()

    return Recorder(D, K, [], [nn.Identity()], Normal(1), Normal(2), nn.SoftmaxCrossEntropy(), 0.1)


# ---- Against a slow twin -----------------------------------------------------------------------------------

def losses_of(logits, y):
    """Return the cross-entropy of each example, softmax written out; y: class indices."""
    return [np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, y)]


def slow_training_stats(mlp, dset, nepochs, batch_size):
    """Train mlp as get_training_stats does, in a plain loop; return the four statistics and the matrix."""
    (trainx, trainy), (valx, valy), (testx, testy) = dset
    stats = []
    for _ in range(nepochs):
        mlp.train()
        order = np.arange(len(trainx))
        np.random.shuffle(order)
        losses, wrong = [], []
        while len(order):
            now, order = order[:batch_size], order[batch_size:]
            x, y = trainx[now], trainy[now]
            mlp.zero_grads()
            logits = mlp.forward(x)
            mlp.backward(np.eye(K)[y])
            mlp.step()
            losses += losses_of(logits, y)
            wrong += [row.argmax() != label for row, label in zip(logits, y)]
        mlp.eval()
        logits = mlp.forward(valx)
        val_wrong = [row.argmax() != label for row, label in zip(logits, valy)]
        stats.append([np.mean(losses), np.mean(wrong), np.mean(losses_of(logits, valy)), np.mean(val_wrong)])
    confusion = np.zeros((K, K))
    for row, label in zip(mlp.forward(testx), testy):
        confusion[row.argmax(), label] += 1
    return np.transpose(stats), confusion


@pytest.mark.parametrize("batch_size", [1, 5, 8, 23, 100])
def test_numbers_of_a_plain_loop(nn, batch_size):
    """The statistics are averages per example, whether or not batch_size divides the number of examples."""
    mlp, dset = normed(nn), dataset()
    twin = copy.deepcopy(mlp)
    found = run(nn, mlp, dset, nepochs=3, batch_size=batch_size)
    np.random.seed(1)
    expected, confusion = slow_training_stats(twin, dset, 3, batch_size)
    for a, b in zip(found[:4], expected):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    np.testing.assert_array_equal(found[4], confusion)


def test_network_of_a_plain_loop(nn):
    """The network is trained as by a plain loop over batches shuffled with np.random.shuffle."""
    mlp, dset = normed(nn), dataset()
    twin = copy.deepcopy(mlp)
    run(nn, mlp, dset, nepochs=3)
    np.random.seed(1)
    slow_training_stats(twin, dset, 3, 5)
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_training_goes_on(nn):
    """A second call trains on from where the first ended, in train mode again, velocities and all."""
    mlp, dset = normed(nn), dataset()
    twin = copy.deepcopy(mlp)
    np.random.seed(1)
    nn.get_training_stats(mlp, dset, 1, 5)
    nn.get_training_stats(mlp, dset, 2, 5)
    run(nn, twin, dset, nepochs=3)
    assert_same_arrays(arrays(mlp), arrays(twin))


def test_evaluation_of_many_examples(nn):
    """Validation and test use every example once, however many there are."""
    mlp, dset = network(nn, (), lr=0.0), dataset(n=5, nval=2503, ntest=2001)
    _, _, losses, errors, confusion = run(nn, mlp, dset, nepochs=1)
    (_, (valx, valy), (testx, testy)) = dset
    logits = mlp.forward(valx)
    np.testing.assert_allclose(losses, np.mean(losses_of(logits, valy)), rtol=1e-10)
    np.testing.assert_allclose(errors, np.mean(logits.argmax(axis=1) != valy), rtol=1e-12)
    assert confusion.sum() == 2001
    assert confusion.trace() == (mlp.forward(testx).argmax(axis=1) == testy).sum()


def test_order_of_the_calls(nn):
    """Each batch is trained on by zero_grads, forward, backward and step, in this order, once each."""
    mlp = recorder(nn)
    run(nn, mlp, dataset(n=13), nepochs=2, batch_size=5)
    training = [name for name, train_mode, _ in mlp.calls if train_mode]
    assert training == ["zero_grads", "forward", "backward", "step"] * 6


def test_every_example_once_an_epoch(nn):
    """Every epoch trains on every training example once, in batches of batch_size and a last shorter one."""
    mlp, dset = recorder(nn), dataset(n=13)
    run(nn, mlp, dset, nepochs=2, batch_size=5)
    batches = [x for name, train_mode, x in mlp.calls if train_mode and name == "forward"]
    assert [len(x) for x in batches] == [5, 5, 3] * 2
    for epoch in (batches[:3], batches[3:]):
        seen = np.vstack(epoch)
        np.testing.assert_array_equal(seen[seen[:, 0].argsort()], dset[0][0][dset[0][0][:, 0].argsort()])


def test_labels_go_with_their_examples(nn):
    """The batch's labels are those of its examples, one-hot."""
    mlp, (train, val, test) = recorder(nn), dataset(n=13)
    run(nn, mlp, (train, val, test), nepochs=1)
    label_of = {row[0]: label for row, label in zip(*train)}
    xs = [x for name, train_mode, x in mlp.calls if train_mode and name == "forward"]
    found = [labels for name, _, labels in mlp.calls if name == "backward"]
    np.testing.assert_array_equal(np.vstack(found), np.eye(K)[[label_of[row[0]] for row in np.vstack(xs)]])


def test_another_order_each_epoch(nn):
    """Every epoch takes the examples in another order."""
    mlp = recorder(nn)
    run(nn, mlp, dataset(n=13), nepochs=3, batch_size=13)
    orders = {tuple(x[:, 0]) for name, train_mode, x in mlp.calls if train_mode and name == "forward"}
    assert len(orders) == 3


# ---- Modes and partitions ----------------------------------------------------------------------------------

def test_validation_and_test_in_eval_mode(nn):
    """Training examples go through the network in train mode, all others in eval mode."""
    mlp, dset = recorder(nn), dataset()
    mlp.eval()
    run(nn, mlp, dset)
    training = set(dset[0][0][:, 0])
    for name, train_mode, x in mlp.calls:
        if name == "forward":
            assert {value in training for value in x[:, 0]} == {train_mode}


def test_left_in_eval_mode(nn):
    """The network is left in eval mode, ready to predict."""
    mlp = normed(nn)
    run(nn, mlp, dataset())
    assert mlp.train_mode is False


@pytest.mark.parametrize("which", [1, 2], ids=["validation", "test"])
def test_nothing_is_learnt_from(nn, which):
    """The network, running statistics included, is the same whatever the validation and test sets hold."""
    first, second = normed(nn), normed(nn)
    dset = list(dataset())
    training = run(nn, first, dset)[:2]
    dset[which] = (1000 * partition(55, 31)[0], partition(56, 31)[1])
    assert_same_stats(run(nn, second, dset)[:2], training)
    for name in ("W", "b"):
        for a, b in zip(getattr(first, name), getattr(second, name)):
            np.testing.assert_array_equal(a, b)
    assert_same_arrays(arrays(first), arrays(second))


@pytest.mark.parametrize("label_dtype", [np.int64, np.uint8])
def test_indices_and_one_hot_give_the_same(nn, label_dtype):
    """Labels as class indices, of any integer dtype, and as one-hot rows give identical results."""
    dset = dataset()
    indices = [(x, y.astype(label_dtype)) for x, y in dset]
    assert_same_stats(run(nn, normed(nn), indices), run(nn, normed(nn), one_hot(dset)))


def test_seed_repeats_a_run(nn):
    """The same np.random.seed gives the same numbers, bit for bit."""
    assert_same_stats(run(nn, normed(nn), dataset(), seed=3), run(nn, normed(nn), dataset(), seed=3))


def test_other_seed_other_run(nn):
    """Another np.random.seed gives another order, so other numbers."""
    first, second = (run(nn, normed(nn), dataset(), seed=seed) for seed in (3, 4))
    assert (first[0] != second[0]).any()


def test_network_learns(nn):
    """Training and validation error fall below 5 % on a problem that is easy."""
    rng = np.random.RandomState(1)
    easy = []
    for n in (300, 100, 100):
        y = rng.randint(K, size=n)
        easy.append((3 * np.eye(K, D)[y] + 0.5 * rng.standard_normal((n, D)), y))
    found = run(nn, network(nn, momentum=0.9), easy, nepochs=5, batch_size=20)
    assert found[1][-1] < 0.05 and found[3][-1] < 0.05
    assert found[0][-1] < found[0][0] and found[2][-1] < found[2][0]


# ---- What comes back ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes(nn, dtype):
    """Four float64 arrays of shape (nepochs,) and a (K, K) matrix of integers come back, as a tuple."""
    found = run(nn, network(nn, dtype=dtype), [(x.astype(dtype), y) for x, y in dataset()], nepochs=3)
    assert isinstance(found, tuple) and len(found) == 5
    assert [(a.shape, a.dtype) for a in found[:4]] == [((3,), np.float64)] * 4
    assert found[4].shape == (K, K) and found[4].dtype.kind in "iu"


def test_averages_of_a_float32_network(nn):
    """The losses of a float32 network are summed in float64, so that rounding does not add up."""
    mlp = network(nn, (), lr=0.0, dtype=np.float32)
    examples = np.zeros((777, D), np.float32), np.ones(777, int)  # all alike, so that all roundings are, too
    loss = nn.SoftmaxCrossEntropy()(mlp.forward(examples[0]), np.eye(K)[examples[1]])[0]
    found = run(nn, mlp, (examples,) * 3, nepochs=1, batch_size=2)
    np.testing.assert_allclose([found[0][0], found[2][0]], float(loss), rtol=1e-9)


def test_float32_network_stays(nn):
    """A float32 network trained on uint8 pixels stays float32."""
    dset = [(np.abs(50 * x).astype(np.uint8), y) for x, y in dataset()]
    mlp = network(nn, dtype=np.float32, num_bn_layers=1)
    run(nn, mlp, dset)
    assert {a.dtype for a in arrays(mlp).values()} == {np.dtype(np.float32)}


def test_confusion_matrix(nn):
    """The confusion matrix counts, at [predicted, true], the test examples of each pair of classes."""
    # A network that does not learn and predicts the largest input.
    mlp = nn.MLP(3, 3, [], [nn.Identity()], lambda d0, d1: np.eye(3), np.zeros, nn.SoftmaxCrossEntropy(), 0.0)
    predicted, true = [0, 0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 1, 2, 0]
    other = (np.eye(3), np.array([0, 1, 2]))
    found = run(nn, mlp, (other, other, (np.eye(3)[predicted], np.array(true))), nepochs=1)[4]
    np.testing.assert_array_equal(found, [[1, 2, 0], [0, 1, 1], [1, 0, 1]])


def test_errors_are_fractions(nn):
    """Errors are fractions, from 0 to 1: one wrong prediction among four examples is 0.25."""
    mlp = nn.MLP(3, 3, [], [nn.Identity()], lambda d0, d1: np.eye(3), np.zeros, nn.SoftmaxCrossEntropy(), 0.0)
    quarter = (np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 1]))
    found = run(nn, mlp, (quarter,) * 3, nepochs=1)
    assert found[1] == 0.25 and found[3] == 0.25


def test_confusion_matrix_is_of_the_trained_network(nn):
    """The confusion matrix is that of the network as it is left."""
    mlp, dset = normed(nn), dataset()
    confusion = run(nn, mlp, dset)[4]
    expected = np.zeros((K, K))
    for predicted, true in zip(mlp.forward(dset[2][0]).argmax(axis=1), dset[2][1]):
        expected[predicted, true] += 1
    np.testing.assert_array_equal(confusion, expected)


# ---- The data ----------------------------------------------------------------------------------------------

def test_dset_is_kept(nn):
    """get_training_stats changes no array of dset and no order of it."""
    dset = one_hot(dataset())
    before = copy.deepcopy(dset)
    run(nn, normed(nn), dset)
    for (x, y), (kept_x, kept_y) in zip(dset, before):
        np.testing.assert_array_equal(x, kept_x)
        np.testing.assert_array_equal(y, kept_y)


@pytest.mark.parametrize("labels", ["indices", "one-hot"])
def test_read_only_dset(nn, labels):
    """The arrays of dset may be read-only."""
    dset = dataset() if labels == "indices" else one_hot(dataset())
    expected = run(nn, normed(nn), copy.deepcopy(dset))
    for pair in dset:
        for a in pair:
            a.flags.writeable = False
    assert_same_stats(run(nn, normed(nn), dset), expected)


def test_memory_mapped_dset(nn, tmp_path):
    """Data from np.load(..., mmap_mode="r") train to the same numbers."""
    dset = dataset()
    mapped = []
    for i, pair in enumerate(dset):
        paths = [str(tmp_path / "{}{}.npy".format(name, i)) for name in "xy"]
        for path, a in zip(paths, pair):
            np.save(path, a)
        mapped.append([np.load(path, mmap_mode="r") for path in paths])
    assert_same_stats(run(nn, normed(nn), mapped), run(nn, normed(nn), dset))


def test_pixels(nn):
    """uint8 pixels train to the same numbers as their floats."""
    dset = [(np.abs(50 * x).astype(np.uint8), y) for x, y in dataset()]
    floats = [(x.astype(float), y) for x, y in dset]
    assert_same_stats(run(nn, normed(nn), dset), run(nn, normed(nn), floats))


def test_lists_instead_of_tuples(nn):
    """dset and its pairs may be lists."""
    assert_same_stats(run(nn, normed(nn), [list(pair) for pair in dataset()]), run(nn, normed(nn), dataset()))


def mapped_pixels(tmp_path, n, width):
    """Return n rows of uint8 zeros from np.load(..., mmap_mode="r"), and their labels."""
    path = str(tmp_path / "pixels.npy")
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(n, width)).flush()
    return np.load(path, mmap_mode="r"), np.zeros(n, np.int64)


@pytest.mark.parametrize("which", [0, 1, 2], ids=["training", "validation", "test"])
def test_memory_that_a_memory_mapped_partition_takes(nn, tmp_path, which):
    """A memory-mapped partition is never read into memory whole, in training or in evaluation."""
    width = 500
    large = mapped_pixels(tmp_path, 60000, width)
    small = (np.zeros((5, width)), np.zeros(5, int))
    mlp = nn.MLP(width, 2, [], [nn.Identity()], lambda d0, d1: np.zeros((d0, d1)), np.zeros,
                 nn.SoftmaxCrossEntropy(), 0.1)
    dset = [small] * 3
    dset[which] = large
    tracemalloc.start()
    try:
        nn.get_training_stats(mlp, dset, 1, 500)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < large[0].nbytes / 2


# ---- on_epoch ----------------------------------------------------------------------------------------------

def test_on_epoch_gets_the_numbers_of_each_epoch(nn):
    """on_epoch is called once an epoch, with its number, from 0 on, and its four statistics."""
    calls = []
    found = run(nn, normed(nn), dataset(), nepochs=3, on_epoch=lambda *numbers: calls.append(numbers))
    np.testing.assert_array_equal(calls, np.column_stack([np.arange(3), *found[:4]]))


def test_on_epoch_comes_as_the_epochs_end(nn):
    """on_epoch is called as its epoch ends, before the next one trains."""
    mlp, steps = recorder(nn), []
    run(nn, mlp, dataset(n=10), nepochs=3,
        on_epoch=lambda *numbers: steps.append(sum(name == "step" for name, _, _ in mlp.calls)))
    assert steps == [2, 4, 6]


def test_on_epoch_changes_no_numbers(nn):
    """With on_epoch the numbers are the same as without, also when it predicts with the network."""
    mlp, dset = normed(nn), dataset()
    found = run(nn, mlp, dset, on_epoch=lambda *numbers: mlp.forward(dset[2][0]))
    assert_same_stats(found, run(nn, normed(nn), dset))


def test_on_epoch_may_change_the_learning_rate(nn):
    """A learning rate that on_epoch sets holds from the next epoch on: with 0, training ends there."""
    mlp, dset, after_first = network(nn), dataset(), []

    def stop_learning(*numbers):
        mlp.lr = 0.0
        after_first.append([W.copy() for W in mlp.W])

    run(nn, mlp, dset, nepochs=2, on_epoch=stop_learning)
    for found, expected in zip(mlp.W, after_first[0]):
        np.testing.assert_array_equal(found, expected)


def test_on_epoch_by_keyword_only(nn):
    """on_epoch is taken by keyword only."""
    with pytest.raises(TypeError, match="positional"):
        nn.get_training_stats(network(nn), dataset(), 1, 5, print)


def test_nothing_is_printed(nn, capsys):
    """get_training_stats prints nothing."""
    run(nn, normed(nn), dataset())
    assert tuple(capsys.readouterr()) == ("", "")


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["nepochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -1])
def test_number_below_one(nn, name, value):
    """get_training_stats refuses nepochs and batch_size below 1."""
    with pytest.raises(ValueError, match="{} must be an integer of at least 1, got {}".format(name, value)):
        run(nn, network(nn), dataset(), **{name: value})


@pytest.mark.parametrize("name", ["nepochs", "batch_size"])
@pytest.mark.parametrize("value", [2.5, 2.0, True, None, "2"])
def test_number_that_is_no_integer(nn, name, value):
    """get_training_stats refuses nepochs and batch_size that are not integers."""
    with pytest.raises(TypeError, match="{} must be an integer, got {!r}".format(name, value)):
        run(nn, network(nn), dataset(), **{name: value})


def test_numbers_may_be_numpy_integers(nn):
    """nepochs and batch_size may be NumPy integers."""
    found = run(nn, normed(nn), dataset(), nepochs=np.int64(2), batch_size=np.int32(5))
    assert_same_stats(found, run(nn, normed(nn), dataset()))


X, Y = np.zeros((6, D)), np.zeros(6, int)
NO_DSETS = {"two pairs": ((X, Y),) * 2, "four pairs": ((X, Y),) * 4, "no pair": ((X, Y), (X, Y), X),
            "triples": ((X, Y, Y),) * 3, "None": None, "number": 3}


@pytest.mark.parametrize("dset", list(NO_DSETS.values()), ids=list(NO_DSETS))
def test_dset_of_another_structure(nn, dset):
    """get_training_stats refuses a dset that is not three pairs, and writes down what it should be."""
    rule = "dset must be ((trainx, trainy), (valx, valy), (testx, testy))"
    with pytest.raises(ValueError, match=re.escape(rule)):
        run(nn, network(nn), dset)


PARTITIONS = pytest.mark.parametrize("which, name", [(0, "train"), (1, "val"), (2, "test")],
                                     ids=["train", "val", "test"])


def refused(nn, which, pair, match, error=ValueError):
    """Assert that a dset whose partition which is pair is refused, before anything of the network changes."""
    dset = list(dataset())
    dset[which] = pair
    mlp = normed(nn)
    before = arrays(mlp)
    with pytest.raises(error, match=match):
        run(nn, mlp, dset)
    assert_same_arrays(arrays(mlp), before)


@PARTITIONS
@pytest.mark.parametrize("shape", [(6, D + 1), (6, 2, 2), (6,)], ids=str)
def test_x_of_another_shape(nn, which, name, shape):
    """An x that is not (n, input_size), in any partition, is refused before training starts."""
    refused(nn, which, (np.zeros(shape), Y),
            r"{}x must have shape \(m, 4\).*got {}".format(name, re.escape(str(shape))))


@PARTITIONS
def test_empty_partition(nn, which, name):
    """An empty partition is refused before training starts."""
    refused(nn, which, (np.zeros((0, D)), np.zeros((0, K))), r"{}x must have.*m >= 1.*\(0, 4\)".format(name))


@PARTITIONS
@pytest.mark.parametrize("shape", [(5,), (7, K), (6, K + 1), (6, 1), (1, K), ()], ids=str)
def test_labels_that_do_not_fit(nn, which, name, shape):
    """Labels that are not one index or one-hot row for each example are refused before training starts."""
    refused(nn, which, (X, np.zeros(shape, int)),
            "{0}y must hold a label for each row of {0}x.*got shape {1}".format(name, re.escape(str(shape))))


@PARTITIONS
@pytest.mark.parametrize("label", [K, -1, 255])
def test_labels_out_of_range(nn, which, name, label):
    """A class index that is negative or beyond the last class is refused before training starts."""
    y = Y.copy()
    y[2] = label
    refused(nn, which, (X, y),
            "{}y must hold class indices, integers from 0 to 2.* {} to {}$".format(name, y.min(), y.max()))


@PARTITIONS
@pytest.mark.parametrize("dtype", [float, bool], ids=["float", "bool"])
def test_labels_that_are_no_indices(nn, which, name, dtype):
    """Class indices that are not integers are refused before training starts."""
    refused(nn, which, (X, Y.astype(dtype)),
            "{}y must hold class indices, integers from 0 to 2, got {}".format(name, np.dtype(dtype)))


@PARTITIONS
@pytest.mark.parametrize("x, y, letter", [
    (np.zeros((6, D), complex), Y, "x"), (None, Y, "x"), (X, None, "y"), (X, np.full((6, K), "a"), "y"),
    (X, np.full(6, "a"), "y"), (X, np.full(6, None), "y")],
    ids=["complex x", "None as x", "None as y", "one-hot of letters", "letters", "objects"])
def test_data_of_no_real_numbers(nn, which, name, x, y, letter):
    """Data or labels that are not real numbers, in any partition, are refused before training starts."""
    refused(nn, which, (x, y), "{}{} must hold real numbers, got dtype".format(name, letter), TypeError)
