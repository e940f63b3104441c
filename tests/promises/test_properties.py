"""Lets you trust hw1.py beyond the examples that anyone thought of: laws of every network and batch.

hypothesis draws the architectures, batches, dtypes, scales and kinds of labels, the same in every run, and
shows the simplest case that breaks a law.  Without it (`pip install hypothesis`) this file is left out.
"""

import numpy as np
import pytest

from tests.differences import assert_gradient
from tests.promises.networks import (Normal, arrays, assert_gradients, batchnorms, randomise_batchnorm,
                                     train_once)

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

ROUNDING = {np.float32: 1e-3, np.float64: 1e-9}
ALL_ACTIVATIONS = ["Identity", "Sigmoid", "Tanh", "ReLU"]
SMOOTH = ["Identity", "Sigmoid", "Tanh"]
SEEDS = st.integers(0, 2 ** 32 - 1)


def law(examples, **drawn):
    """Run a test on so many draws of its arguments, the same in every run."""
    def decorate(test):
        settings = hypothesis.settings(max_examples=examples, derandomize=True, deadline=None, database=None)
        return settings(hypothesis.given(**drawn)(test))
    return decorate


class Case:
    """A network to be made anew at will, a batch x, (m, input_size), and its labels, (m, output_size)."""

    def __init__(self, sizes, names, num_bn_layers, m, dtype, scale, labels, rows, momentum, seed):
        self.sizes, self.names, self.num_bn_layers, self.m, self.dtype = sizes, names, num_bn_layers, m, dtype
        self.scale, self.kind, self.rows, self.momentum, self.seed = scale, labels, rows, momentum, seed
        rng = np.random.RandomState(seed)
        self.x = (scale * rng.standard_normal((m, sizes[0]))).astype(dtype)
        self.labels = make_labels(labels, rng, m, sizes[-1])

    def __repr__(self):
        return "Case({})".format(", ".join("{}={!r}".format(*item) for item in vars(self).items()
                                           if not isinstance(item[1], np.ndarray)))

    def network(self, nn):
        """Return the network, with random gamma, beta and running statistics."""
        init = Normal(self.seed, self.dtype, self.rows)
        activations = [getattr(nn, name)() for name in self.names]
        mlp = nn.MLP(self.sizes[0], self.sizes[-1], self.sizes[1:-1], activations, init, init,
                     nn.SoftmaxCrossEntropy(), 0.1, self.momentum, self.num_bn_layers)
        for layer in batchnorms(randomise_batchnorm(mlp, self.seed)):
            for name in ("gamma", "beta", "running_mean", "running_var"):
                setattr(layer, name, getattr(layer, name).astype(self.dtype))
        return mlp

    def gradients(self, nn, rows=slice(None)):
        """Return the network's output for these rows of the batch, and its arrays, gradients among them."""
        mlp = self.network(nn)
        output = mlp(self.x[rows])
        mlp.backward(self.labels[rows])
        return output, arrays(mlp)

    def assert_close(self, found, expected, what):
        """Assert that found is expected, to the rounding of the case's dtype at the size of expected."""
        tolerance = ROUNDING[self.dtype]
        np.testing.assert_allclose(found, expected, rtol=tolerance,
                                   atol=tolerance * (1 + np.abs(expected).max()), err_msg=what)


def make_labels(kind, rng, m, nclasses):
    """Return m rows of labels: one-hot as floats, integers or booleans, or probabilities."""
    if kind == "soft":
        return rng.dirichlet(np.ones(nclasses), m)
    return np.eye(nclasses, dtype=kind)[rng.randint(nclasses, size=m)]


@st.composite
def cases(draw, activations=ALL_ACTIVATIONS, dtypes=(np.float32, np.float64), batchnorm=True,
          m=st.integers(1, 9), scales=(1e-3, 1.0, 100.0)):
    """Draw a Case."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    nlayers = len(sizes) - 1
    names = draw(st.lists(st.sampled_from(activations), min_size=nlayers, max_size=nlayers))
    return Case(sizes, names, draw(st.integers(0, nlayers - 1 if batchnorm else 0)), draw(m),
                draw(st.sampled_from(dtypes)), draw(st.sampled_from(scales)),
                draw(st.sampled_from([float, np.float32, int, np.uint8, bool, "soft"])), draw(st.booleans()),
                draw(st.sampled_from([0.0, 0.9])), draw(SEEDS))


# ---- Networks ----------------------------------------------------------------------------------------------

@law(30, case=cases(SMOOTH, [np.float64], m=st.integers(3, 6), scales=[0.3, 1.0]))
def test_gradients(nn, case):
    """Every dW, db, dgamma and dbeta of any network agrees with differences."""
    hypothesis.assume(well_spread(nn, case))
    assert_gradients(case.network(nn), case.x, case.labels)


def well_spread(nn, case):
    """Tell whether no unit's variance is near eps, where BatchNorm makes a rounding 10,000 times larger."""
    mlp = case.network(nn)
    mlp(case.x)
    return all(layer.var.min() > 1e-2 for layer in batchnorms(mlp))


@law(30, case=cases())
def test_shapes_and_dtypes(nn, case):
    """The output is (m, K), each gradient of the shape of what it moves, and all of the weights' dtype."""
    mlp = case.network(nn)
    output = train_and_keep_output(mlp, case)
    assert (output.shape, mlp.criterion.loss.shape) == ((case.m, case.sizes[-1]), (case.m,))
    assert [dW.shape for dW in mlp.dW] == list(zip(case.sizes, case.sizes[1:]))
    assert [db.shape for db in mlp.db] == [(d,) for d in case.sizes[1:]]
    assert [b.shape for b in mlp.b] == [((1, d) if case.rows else (d,)) for d in case.sizes[1:]]
    assert {a.dtype for a in [output, mlp.criterion.loss, *arrays(mlp).values()]} == {np.dtype(case.dtype)}


def train_and_keep_output(mlp, case):
    train_once(mlp, case.x, case.labels)
    return mlp.activations[-1].state


@law(30, case=cases())
def test_everything_is_finite(nn, case):
    """Outputs, losses, gradients and statistics are finite after a step, whatever is drawn."""
    mlp = case.network(nn)
    output = train_and_keep_output(mlp, case)
    assert all(np.isfinite(a).all() for a in [output, mlp.criterion.loss, *arrays(mlp).values()])


@law(30, case=cases(scales=[1.0]))
def test_order_of_the_batch(nn, case):
    """Examples in another order give the outputs in that order, and the same gradients and statistics."""
    hypothesis.assume(well_spread(nn, case))
    order = np.random.RandomState(case.seed).permutation(case.m)
    (output, expected), (reordered, found) = case.gradients(nn), case.gradients(nn, order)
    case.assert_close(reordered, output[order], "output")
    for name in expected:
        case.assert_close(found[name], expected[name], name)


@law(30, case=cases(batchnorm=False), copies=st.integers(2, 5))
def test_a_batch_of_copies(nn, case, copies):
    """One step on a batch of copies of an example is one step on that example."""
    one, many = case.network(nn), case.network(nn)
    for _ in range(2):  # the second step has a velocity
        train_once(one, case.x[:1], case.labels[:1])
        train_once(many, np.repeat(case.x[:1], copies, axis=0), np.repeat(case.labels[:1], copies, axis=0))
    expected = arrays(one)
    for name, found in arrays(many).items():
        case.assert_close(found, expected[name], name)


@law(30, case=cases(batchnorm=False, m=st.integers(2, 9)), parts=st.data())
def test_parts_of_a_batch(nn, case, parts):
    """Without BatchNorm the gradients of a batch are the averages of its parts', weighted by their sizes."""
    cut = parts.draw(st.integers(1, case.m - 1))
    slices = slice(None), slice(cut), slice(cut, None)
    whole, first, second = (case.gradients(nn, rows)[1] for rows in slices)
    for name in [name for name in whole if name.startswith("d")]:
        average = (cut * first[name] + (case.m - cut) * second[name]) / case.m
        case.assert_close(whole[name], average, name)


@law(30, case=cases(), alone=st.integers(0, 8))
def test_examples_are_predicted_alone(nn, case, alone):
    """In eval mode the output of an example is the same alone and in any batch."""
    mlp = case.network(nn)
    mlp.eval()
    i = alone % case.m
    case.assert_close(mlp(case.x[i:i + 1]), mlp(case.x)[i:i + 1], "output")


# ---- The loss ----------------------------------------------------------------------------------------------

@law(30, m=st.integers(1, 5), nclasses=st.integers(1, 12), dtype=st.sampled_from([np.float32, np.float64]),
     shift=st.integers(-2 ** 16, 2 ** 16), kind=st.sampled_from([float, np.uint8, bool, "soft"]), seed=SEEDS)
def test_shift_of_the_logits(nn, m, nclasses, dtype, shift, kind, seed):
    """The same number added to all logits of an example changes neither its loss nor its derivative()."""
    rng = np.random.RandomState(seed)
    x = (rng.randint(-640, 640, (m, nclasses)) / 64).astype(dtype)  # the sum with any shift is exact
    y = make_labels(kind, rng, m, nclasses)
    plain, shifted = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_array_equal(shifted(x + dtype(shift), y), plain(x, y))
    np.testing.assert_array_equal(shifted.derivative(), plain.derivative())


@law(30, m=st.integers(1, 5), nclasses=st.integers(1, 12), scale=st.sampled_from([1e-3, 1, 30, 1e3, 1e300]),
     kind=st.sampled_from([float, np.uint8, bool, "soft"]), seed=SEEDS)
def test_derivative_of_the_loss_sums_to_zero(nn, m, nclasses, scale, kind, seed):
    """The derivative() of each example sums to 0, and the loss is 0 or more."""
    rng = np.random.RandomState(seed)
    criterion = nn.SoftmaxCrossEntropy()
    loss = criterion(scale * rng.uniform(-1, 1, (m, nclasses)), make_labels(kind, rng, m, nclasses))
    np.testing.assert_allclose(criterion.derivative().sum(axis=1), np.zeros(m), atol=1e-14)
    assert (loss >= 0).all()


# ---- BatchNorm ---------------------------------------------------------------------------------------------

BATCHNORMS = {"m": st.integers(2, 20), "d": st.integers(1, 5), "seed": SEEDS}


def spread(rng, m, d):
    """Return x, (m, d), whose units have a variance of about 1 and more, so that eps hardly counts."""
    return rng.standard_normal((m, d)) + 2 * (np.arange(m) % 2)[:, None] * rng.choice([-3, 3], d)


def normed(nn, x, delta):
    """Return out and dx of a new BatchNorm with random gamma and beta, the same for the same shape."""
    rng = np.random.RandomState(0)
    layer = nn.BatchNorm(x.shape[1])
    layer.gamma, layer.beta = rng.uniform(0.5, 2, layer.gamma.shape), rng.standard_normal(layer.beta.shape)
    return layer(x), layer.backward(delta)


@law(30, scale=st.floats(1, 1e6), sign=st.sampled_from([-1, 1]), shift=st.floats(-1e6, 1e6), **BATCHNORMS)
def test_scale_and_shift_of_batchnorms_input(nn, scale, sign, shift, m, d, seed):
    """x scaled and shifted gives the same out, with the sign of the scale, and dx divided by the scale."""
    rng = np.random.RandomState(seed)
    x, delta = spread(rng, m, d), rng.standard_normal((m, d))
    layer, moved = nn.BatchNorm(d), nn.BatchNorm(d)
    hypothesis.assume(x.var(axis=0).min() > 0.5)
    np.testing.assert_allclose(moved(sign * scale * x + shift), sign * layer(x), rtol=0, atol=1e-7)
    dx, moved_dx = layer.backward(delta), moved.backward(sign * delta)
    np.testing.assert_allclose(sign * scale * moved_dx, dx, rtol=0, atol=1e-6)


@law(30, **BATCHNORMS)
def test_gradient_of_batchnorm(nn, m, d, seed):
    """dx agrees with differences for any batch."""
    rng = np.random.RandomState(seed)
    x, delta = spread(rng, m, d), rng.standard_normal((m, d))
    dx = normed(nn, x, delta)[1]
    assert_gradient(dx, lambda: (delta * normed(nn, x, delta)[0]).sum(), x, "dx")


@law(30, **BATCHNORMS)
def test_what_batchnorm_takes_out_of_delta(nn, m, d, seed):
    """dx sums to 0 over the batch, and so does dx times x_hat: a shift and a scale of x do not change out."""
    rng = np.random.RandomState(seed)
    layer = nn.BatchNorm(d)
    layer(spread(rng, m, d))
    dx = layer.backward(rng.standard_normal((m, d)))
    np.testing.assert_allclose(dx.sum(axis=0), np.zeros(d), atol=1e-11)
    np.testing.assert_allclose((dx * layer.norm).sum(axis=0), np.zeros(d), atol=1e-5)  # eps leaves 1e-8 of it
