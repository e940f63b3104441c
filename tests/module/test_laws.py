"""Laws that hold for every network and batch; hypothesis draws both, the same in every run."""

import dataclasses

import numpy as np
import pytest

from tests.module.helpers import activation_classes
from tests.module.networks import (
    Normal, arrays, assert_gradients, batchnorms, find_nearest_to_zero, randomise_batchnorm,
    train_once)

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

ROUNDING = {np.float32: 1e-3, np.float64: 1e-9}
SEEDS = st.integers(0, 2 ** 32 - 1)

law = hypothesis.settings(max_examples=100, derandomize=True, deadline=None, database=None)


@dataclasses.dataclass
class Case:
    """A network that can be built again and again, and a batch for it."""

    sizes: list
    activations: list  # for each layer a number, which stands for one of the module's classes
    num_bn_layers: int
    rows: bool  # whether b is (1, d)
    m: int
    dtype: type
    scale: float  # of x
    kind: str  # of the labels
    seed: int

    @property
    def x(self):
        rng = np.random.RandomState(self.seed)
        x = self.scale * rng.standard_normal((self.m, self.sizes[0]))
        return x.astype(self.dtype)

    @property
    def labels(self):
        rng = np.random.RandomState(self.seed)
        return draw_labels(rng, self.kind, self.m, self.sizes[-1])

    def build(self, nn):
        """Return the network, the same each time."""
        classes = activation_classes(nn)
        activations = [classes[number % len(classes)]() for number in self.activations]
        init = Normal(self.seed, self.dtype, self.rows)
        input_size, *hiddens, output_size = self.sizes
        mlp = nn.MLP(input_size, output_size, hiddens, activations, init, init,
                     nn.SoftmaxCrossEntropy(), 0.1, 0.9, self.num_bn_layers)
        hypothesis.note(repr(mlp))
        return randomise_batchnorm(mlp, self.seed)

    def run(self, nn, rows):
        """Return the output for these rows of the batch, and all arrays after backward."""
        mlp = self.build(nn)
        output = mlp.forward(self.x[rows])
        mlp.backward(self.labels[rows])
        return output, arrays(mlp)

    def assume_well_spread(self, nn):
        """Leave out cases with a variance near eps, where BatchNorm would enlarge a rounding."""
        mlp = self.build(nn)
        mlp.forward(self.x)
        for layer in batchnorms(mlp):
            hypothesis.assume(layer.var.min() > 1e-2)

    def assume_off_the_kinks(self, nn):
        """Leave out cases where an activation's argument is within 1e-3 of 0, as for ReLU."""
        nearest = find_nearest_to_zero(self.build(nn), self.x)
        hypothesis.assume(nearest > 1e-3)

    def assert_close(self, found, expected, name):
        """Assert that two arrays are equal within rounding."""
        rtol = ROUNDING[self.dtype]
        atol = rtol * (1 + np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=name)


def draw_labels(rng, kind, m, num_classes):
    """Return labels: one-hot of the dtype that kind names, or probabilities for "soft"."""
    if kind == "soft":
        return rng.dirichlet(np.ones(num_classes), m)
    return np.eye(num_classes, dtype=kind)[rng.randint(num_classes, size=m)]


UNITS = st.integers(1, 6)
ACTIVATIONS = st.integers(0, 99)


@st.composite
def cases(draw, batchnorm=True, dtypes=(np.float32, np.float64), m=st.integers(1, 9),
          scales=(1e-3, 1.0, 100.0)):
    """Draw a Case with 1 to 4 layers of 1 to 6 units."""
    sizes = draw(st.lists(UNITS, min_size=2, max_size=5))
    nlayers = len(sizes) - 1
    num_bn_layers = 0
    if batchnorm:
        num_bn_layers = draw(st.integers(0, nlayers))
    return Case(
        sizes=sizes,
        activations=draw(st.lists(ACTIVATIONS, min_size=nlayers, max_size=nlayers)),
        num_bn_layers=num_bn_layers,
        rows=draw(st.booleans()),
        m=draw(m),
        dtype=draw(st.sampled_from(dtypes)),
        scale=draw(st.sampled_from(scales)),
        kind=draw(st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "soft"])),
        seed=draw(SEEDS),
    )


# ---- Networks ------------------------------------------------------------------------------------

CASES_FOR_DIFFERENCES = cases(dtypes=[np.float64], m=st.integers(3, 6), scales=[0.3, 1.0])


@law
@hypothesis.given(case=CASES_FOR_DIFFERENCES)
def test_every_gradient_agrees_with_differences(nn, case):
    case.assume_well_spread(nn)
    case.assume_off_the_kinks(nn)
    assert_gradients(case.build(nn), case.x, case.labels)


@law
@hypothesis.given(case=cases(scales=[1e-3, 1.0, 1e4]))
def test_a_step_keeps_shapes_and_dtypes(nn, case):
    mlp = case.build(nn)
    before = arrays(mlp)
    train_once(mlp, case.x, case.labels)
    output = mlp.activations[-1].state
    loss = mlp.criterion.loss
    found = arrays(mlp)
    assert output.shape == (case.m, case.sizes[-1])
    assert loss.shape == (case.m,)
    for name, a in found.items():
        if not name.startswith("bn_layers"):
            assert a.shape == before[name].shape, name
    for a in [output, loss, *found.values()]:
        assert a.dtype == case.dtype
        assert np.isfinite(a).all()


@law
@hypothesis.given(case=cases(m=st.integers(3, 9), scales=[1.0]))
def test_the_order_of_the_batch_does_not_matter(nn, case):
    case.assume_well_spread(nn)
    order = np.random.RandomState(case.seed).permutation(case.m)
    output, expected = case.run(nn, slice(None))
    reordered_output, found = case.run(nn, order)
    case.assert_close(reordered_output, output[order], "output")
    for name in expected:
        case.assert_close(found[name], expected[name], name)


@law
@hypothesis.given(case=cases(batchnorm=False, m=st.integers(2, 9)), part=st.floats(0, 1))
def test_gradients_of_a_batch_are_averages_of_its_parts(nn, case, part):
    cut = 1 + int(part * (case.m - 2))
    _, whole = case.run(nn, slice(None))
    _, first = case.run(nn, slice(cut))
    _, second = case.run(nn, slice(cut, None))
    for name in whole:
        if name.startswith("d"):
            total = cut * first[name] + (case.m - cut) * second[name]
            average = total / case.m
            case.assert_close(whole[name], average, name)


@law
@hypothesis.given(case=cases(), i=st.integers(0, 8))
def test_eval_mode_predicts_an_example_alone(nn, case, i):
    i = i % case.m
    mlp = case.build(nn)
    mlp.eval()
    together = mlp.forward(case.x)[i:i + 1]
    alone = mlp.forward(case.x[i:i + 1])
    case.assert_close(alone, together, "output")


# ---- The loss and BatchNorm ----------------------------------------------------------------------

@law
@hypothesis.given(m=st.integers(1, 5), num_classes=st.integers(1, 12), seed=SEEDS,
                  shift=st.integers(-10000, 10000),
                  kind=st.sampled_from(["float64", "uint8", "bool", "soft"]))
def test_a_shift_of_the_logits_changes_no_loss(nn, m, num_classes, seed, shift, kind):
    rng = np.random.RandomState(seed)
    x = rng.randint(-640, 640, (m, num_classes)) / 64
    labels = draw_labels(rng, kind, m, num_classes)
    plain = nn.SoftmaxCrossEntropy()
    shifted = nn.SoftmaxCrossEntropy()
    loss = plain.forward(x, labels)
    shifted_loss = shifted.forward(x + shift, labels)
    np.testing.assert_allclose(shifted_loss, loss, rtol=1e-12)
    dlogits = plain.derivative()
    np.testing.assert_allclose(shifted.derivative(), dlogits, atol=1e-14)
    np.testing.assert_allclose(dlogits.sum(axis=1), np.zeros(m), atol=1e-14)


@law
@hypothesis.given(m=st.integers(2, 20), d=st.integers(1, 5), seed=SEEDS)
def test_dx_of_batchnorm_is_orthogonal_to_1_and_x_hat(nn, m, d, seed):
    """A shift and a scale of x change no output, where the variance is far above eps."""
    rng = np.random.RandomState(seed)
    layer = nn.BatchNorm(d)
    steps = np.arange(m).reshape(m, 1)
    noise = rng.uniform(-0.1, 0.1, (m, d))
    layer.forward(steps + noise)
    delta = rng.standard_normal((m, d))
    dx = layer.backward(delta)
    along_x_hat = (dx * layer.norm).sum(axis=0)
    np.testing.assert_allclose(dx.sum(axis=0), np.zeros(d), atol=1e-12)
    np.testing.assert_allclose(along_x_hat, np.zeros(d), atol=1e-6)
