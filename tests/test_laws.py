"""Laws that hold for every network and batch; hypothesis draws them, the same in every run."""

import numpy as np
import pytest

from tests.networks import (Normal, arrays, assert_gradients, batchnorms, randomise_batchnorm,
                            train_once)

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

ROUNDING = {np.float32: 1e-3, np.float64: 1e-9}
SEEDS = st.integers(0, 2 ** 32 - 1)


def law(**drawn):
    """Run a test on 100 draws of its arguments."""
    def decorate(test):
        settings = hypothesis.settings(max_examples=100, derandomize=True, deadline=None,
                                       database=None)
        return settings(hypothesis.given(**drawn)(test))
    return decorate


class Case:
    """A network to be made anew at will, a batch x, (m, input_size), and its labels, (m, K)."""

    def __init__(self, sizes, names, num_bn_layers, m, dtype, scale, labels, rows, seed):
        self.sizes, self.names, self.num_bn_layers, self.rows = sizes, names, num_bn_layers, rows
        self.m, self.dtype, self.scale, self.kind, self.seed = m, dtype, scale, labels, seed
        rng = np.random.RandomState(seed)
        self.x = (scale * rng.standard_normal((m, sizes[0]))).astype(dtype)
        self.labels = make_labels(labels, rng, m, sizes[-1])

    def __repr__(self):
        drawn = {name: value for name, value in vars(self).items() if name not in ("x", "labels")}
        return f"Case({drawn})"

    def network(self, nn):
        init = Normal(self.seed, self.dtype, self.rows)
        activations = [getattr(nn, name)() for name in self.names]
        mlp = nn.MLP(self.sizes[0], self.sizes[-1], self.sizes[1:-1], activations, init, init,
                     nn.SoftmaxCrossEntropy(), 0.1, 0.9, self.num_bn_layers)
        return randomise_batchnorm(mlp, self.seed)

    def gradients(self, nn, rows=slice(None)):
        """Return the output for these rows of the batch, and all arrays, gradients among them."""
        mlp = self.network(nn)
        output = mlp(self.x[rows])
        mlp.backward(self.labels[rows])
        return output, arrays(mlp)

    def is_well_spread(self, nn):
        """Tell whether no unit's variance is near eps, where BatchNorm would enlarge a rounding."""
        mlp = self.network(nn)
        mlp(self.x)
        return all(layer.var.min() > 1e-2 for layer in batchnorms(mlp))

    def assert_close(self, found, expected, name):
        close = ROUNDING[self.dtype]
        np.testing.assert_allclose(found, expected, rtol=close,
                                   atol=close * (1 + np.abs(expected).max()), err_msg=name)


def make_labels(kind, rng, m, K):
    """Return (m, K) labels: one-hot as floats, integers or booleans, or probabilities."""
    if kind == "soft":
        return rng.dirichlet(np.ones(K), m)
    return np.eye(K, dtype=kind)[rng.randint(K, size=m)]


@st.composite
def cases(draw, activations=("Identity", "Sigmoid", "Tanh", "ReLU"), batchnorm=True,
          dtypes=(np.float32, np.float64), m=st.integers(1, 9), scales=(1e-3, 1.0, 100.0)):
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    n = len(sizes) - 1
    names = draw(st.lists(st.sampled_from(activations), min_size=n, max_size=n))
    labels = st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "soft"])
    return Case(sizes, names, draw(st.integers(0, n if batchnorm else 0)), draw(m),
                draw(st.sampled_from(dtypes)), draw(st.sampled_from(scales)), draw(labels),
                draw(st.booleans()), draw(SEEDS))


@law(case=cases(["Identity", "Sigmoid", "Tanh"], dtypes=[np.float64], m=st.integers(3, 6),
                scales=[0.3, 1.0]))
def test_every_gradient_agrees_with_central_differences(nn, case):
    hypothesis.assume(case.is_well_spread(nn))
    assert_gradients(case.network(nn), case.x, case.labels)


@law(case=cases(scales=[1e-3, 1.0, 1e4]))
def test_a_step_keeps_shapes_and_dtypes_and_all_is_finite(nn, case):
    mlp, before = case.network(nn), arrays(case.network(nn))
    train_once(mlp, case.x, case.labels)
    output, loss, found = mlp.activations[-1].state, mlp.criterion.loss, arrays(mlp)
    assert (output.shape, loss.shape) == ((case.m, case.sizes[-1]), (case.m,))
    for name, a in found.items():
        assert a.shape == before[name].shape or name.startswith("bn_layers"), name
    assert {a.dtype for a in [output, loss, *found.values()]} == {np.dtype(case.dtype)}
    assert all(np.isfinite(a).all() for a in [output, loss, *found.values()])


@law(case=cases(m=st.integers(3, 9), scales=[1.0]))
def test_the_order_of_the_batch_does_not_matter(nn, case):
    hypothesis.assume(case.is_well_spread(nn))
    order = np.random.RandomState(case.seed).permutation(case.m)
    (output, expected), (reordered, found) = case.gradients(nn), case.gradients(nn, order)
    case.assert_close(reordered, output[order], "output")
    for name in expected:
        case.assert_close(found[name], expected[name], name)


@law(case=cases(batchnorm=False, m=st.integers(2, 9)), part=st.floats(0, 1))
def test_gradients_of_a_batch_are_averages_of_those_of_its_parts(nn, case, part):
    cut = 1 + int(part * (case.m - 2))
    (_, whole), (_, first), (_, second) = (
        case.gradients(nn, rows) for rows in (slice(None), slice(cut), slice(cut, None)))
    for name in (name for name in whole if name.startswith("d")):
        average = (cut * first[name] + (case.m - cut) * second[name]) / case.m
        case.assert_close(whole[name], average, name)


@law(case=cases(), i=st.integers(0, 8))
def test_in_eval_mode_an_example_is_predicted_the_same_alone(nn, case, i):
    mlp, i = case.network(nn), i % case.m
    mlp.eval()
    case.assert_close(mlp(case.x[i:i + 1]), mlp(case.x)[i:i + 1], "output")


@law(m=st.integers(1, 5), K=st.integers(1, 12), shift=st.integers(-10000, 10000),
     kind=st.sampled_from(["float64", "uint8", "bool", "soft"]), seed=SEEDS)
def test_a_shift_of_an_examples_logits_changes_no_loss_and_dlogits_sum_to_0(
        nn, m, K, shift, kind, seed):
    rng = np.random.RandomState(seed)
    x, y = rng.randint(-640, 640, (m, K)) / 64, make_labels(kind, rng, m, K)
    plain, shifted = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    np.testing.assert_allclose(shifted(x + shift, y), plain(x, y), rtol=1e-12)
    np.testing.assert_allclose(shifted.derivative(), plain.derivative(), atol=1e-14)
    np.testing.assert_allclose(plain.derivative().sum(axis=1), np.zeros(m), atol=1e-14)


@law(m=st.integers(2, 20), d=st.integers(1, 5), seed=SEEDS)
def test_dx_of_batchnorm_is_orthogonal_to_1_and_to_x_hat(nn, m, d, seed):
    """A shift and a scale of x change no out, where the variance is far above eps."""
    rng, layer = np.random.RandomState(seed), nn.BatchNorm(d)
    layer(np.arange(m)[:, np.newaxis] + rng.uniform(-0.1, 0.1, (m, d)))
    dx = layer.backward(rng.standard_normal((m, d)))
    np.testing.assert_allclose(dx.sum(axis=0), np.zeros(d), atol=1e-12)
    np.testing.assert_allclose((dx * layer.norm).sum(axis=0), np.zeros(d), atol=1e-6)
