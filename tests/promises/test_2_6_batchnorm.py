"""What is promised of section 2.6, BatchNorm by itself, beyond the handout's own tests."""

import re

import numpy as np
import pytest

from tests.differences import assert_gradient

M, D = 6, 4


def examples(seed, m=M):
    """Return x and delta, (m, D), with a mean and a spread of its own for each unit."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((m, D)) * [0.5, 1, 2, 3] + [-1, 0, 1, 5], rng.standard_normal((m, D))


def trained(nn, seed=100):
    """Return a BatchNorm with random gamma, beta and running statistics, after a training forward."""
    rng = np.random.RandomState(seed)
    layer = nn.BatchNorm(D)
    layer.gamma, layer.beta = rng.uniform(0.5, 2, (1, D)), rng.standard_normal((1, D))
    layer.running_mean, layer.running_var = rng.standard_normal((1, D)), rng.uniform(0.5, 2, (1, D))
    layer.forward(examples(seed)[0])
    return layer


STATISTICS = ["mean", "var", "running_mean", "running_var"]


def copies(layer, names):
    return {name: getattr(layer, name).copy() for name in names}


def assert_unchanged(layer, before):
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(layer, name), value, err_msg=name)


# ---- Gradients ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("evaluation", [False, True])
def test_dx_agrees_with_differences(nn, evaluation):
    """backward returns dx, through the batch's mean and variance too; in eval mode these are constants."""
    layer, (x, delta) = trained(nn), examples(0)
    layer.forward(x, eval=evaluation)
    dx = layer.backward(delta)
    assert_gradient(dx, lambda: (delta * layer.forward(x, eval=evaluation)).sum(), x, "dx")


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("parameter", ["gamma", "beta"])
def test_dgamma_and_dbeta_agree_with_differences(nn, evaluation, parameter):
    """backward sets dgamma and dbeta, the gradients of gamma and beta, in training and in eval mode."""
    layer, (x, delta) = trained(nn), examples(1)
    layer.forward(x, eval=evaluation)
    layer.backward(delta)
    name = "d" + parameter
    assert_gradient(getattr(layer, name), lambda: (delta * layer.forward(x, eval=evaluation)).sum(),
                    getattr(layer, parameter), name)


def test_dgamma_and_dbeta_are_sums_over_the_batch(nn):
    """dgamma and dbeta are sums over the batch, not means: a batch given twice over doubles them."""
    layer, (x, delta) = trained(nn), examples(2)
    layer.forward(x)
    layer.backward(delta)
    once = copies(layer, ["dgamma", "dbeta"])
    layer.forward(np.vstack([x, x]))
    layer.backward(np.vstack([delta, delta]))
    for name, value in once.items():
        np.testing.assert_allclose(getattr(layer, name), 2 * value, rtol=1e-12)


# ---- Values ------------------------------------------------------------------------------------------------

def four_rows(nn):
    """Return the layer and its x of the example that is worked by hand below."""
    # Column 0: mean 10, deviations 5, -3, -1, -1, variance (25 + 9 + 1 + 1) / 4 = 9, x_hat = deviations / 3.
    # Column 1: mean 1, deviations -1, 1, 1, -1, variance 1, x_hat = deviations.  eps changes the tenth digit.
    layer = nn.BatchNorm(2)
    layer.gamma, layer.beta = np.array([[6.0, -2.0]]), np.array([[2.0, 1.0]])
    return layer, np.array([[15.0, 0.0], [7.0, 2.0], [9.0, 2.0], [9.0, 0.0]])


def test_forward_by_hand(nn):
    """forward returns gamma x_hat + beta; mean, var, norm and running_* hold what it was made of."""
    layer, x = four_rows(nn)
    out = layer.forward(x)
    np.testing.assert_allclose(layer.mean, [10, 1], rtol=1e-15)
    np.testing.assert_allclose(layer.var, [9, 1], rtol=1e-15)
    np.testing.assert_allclose(layer.norm, [[5 / 3, -1], [-1, 1], [-1 / 3, 1], [-1 / 3, -1]], rtol=1e-8)
    np.testing.assert_allclose(out, [[12, 3], [-4, -1], [0, -1], [0, 3]], atol=1e-7)
    np.testing.assert_allclose(layer.running_mean, [[1, 0.1]], rtol=1e-14)  # 0.9 * 0 + 0.1 mean
    np.testing.assert_allclose(layer.running_var, [[1.8, 1]], rtol=1e-14)  # 0.9 * 1 + 0.1 var


def test_backward_by_hand(nn):
    """backward gives dgamma = sum delta x_hat, dbeta = sum delta, and dx with all terms of the chain rule."""
    layer, x = four_rows(nn)
    layer.forward(x)
    dx = layer.backward(np.array([[1.0, 4.0], [2.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))
    # dgamma: 5/3 - 2 - 1/3 = -2/3 and -4.  dbeta: 4 and 4.
    # dx = gamma / deviation (delta - dbeta / 4 - x_hat dgamma / 4):
    # column 0: 2 (delta - 1 + x_hat / 6) = 2 (5/18), 2 (1 - 1/6), 2 (-1 - 1/18), 2 (-1/18);
    # column 1: -2 (delta - 1 + x_hat) = -2 (4 - 1 - 1), 0, 0, -2 (-1 - 1).
    np.testing.assert_allclose(layer.dgamma, [-2 / 3, -4], rtol=1e-8)
    np.testing.assert_allclose(layer.dbeta, [4, 4], rtol=1e-15)
    np.testing.assert_allclose(dx, [[5 / 9, -4], [5 / 3, 0], [-19 / 9, 0], [-1 / 9, 4]], rtol=1e-7, atol=1e-7)


def test_forward_in_loops(nn):
    """forward gives what the appendix's steps give, unit by unit: variance over m, eps inside the root."""
    layer, (x, _) = trained(nn), examples(3)
    out = layer.forward(x)
    for j in range(D):
        mean = sum(x[:, j]) / M
        var = sum((x[i, j] - mean) ** 2 for i in range(M)) / M
        norm = np.array([(x[i, j] - mean) * (var + 1e-8) ** -0.5 for i in range(M)])
        np.testing.assert_allclose(layer.mean[j], mean, rtol=1e-12)
        np.testing.assert_allclose(layer.var[j], var, rtol=1e-12)
        np.testing.assert_allclose(layer.norm[:, j], norm, rtol=1e-12, atol=1e-14)
        expected = layer.gamma[0, j] * norm + layer.beta[0, j]
        np.testing.assert_allclose(out[:, j], expected, rtol=1e-12, atol=1e-13)


def test_backward_in_loops(nn):
    """backward gives what the appendix's equations (6) to (17) give, one unit after the other."""
    layer, (x, delta) = trained(nn), examples(4)
    layer.forward(x)
    dx = layer.backward(delta)
    for j in range(D):
        centred = [x[i, j] - sum(x[:, j]) / M for i in range(M)]
        spread = sum(c ** 2 for c in centred) / M + 1e-8
        dnorm = [layer.gamma[0, j] * delta[i, j] for i in range(M)]
        dvar = -0.5 * sum(dnorm[i] * centred[i] for i in range(M)) * spread ** -1.5  # (10)
        dmean = -sum(dnorm) * spread ** -0.5 - 2 / M * dvar * sum(centred)  # (17)
        expected = [dnorm[i] * spread ** -0.5 + 2 / M * dvar * centred[i] + dmean / M for i in range(M)]
        dgamma = sum(delta[i, j] * centred[i] * spread ** -0.5 for i in range(M))
        np.testing.assert_allclose(dx[:, j], expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(layer.dgamma[j], dgamma, rtol=1e-12)
        np.testing.assert_allclose(layer.dbeta[j], sum(delta[:, j]), rtol=1e-12)


def test_norm_has_mean_zero_and_variance_one(nn):
    """After a training forward each unit's norm has mean 0 and variance 1 over the batch (dividing by m)."""
    layer, (x, _) = trained(nn), examples(5)
    layer.forward(x)
    np.testing.assert_allclose(layer.norm.mean(axis=0), np.zeros(D), atol=1e-14)
    np.testing.assert_allclose(layer.norm.var(axis=0), np.ones(D), rtol=1e-6)


def test_eps_stands_inside_the_root(nn):
    """norm is (x - mean) / sqrt(var + eps): eps = 1e-8 is added before the root is taken."""
    # The variance is eps: norm = +-1e-4 / sqrt(2e-8) = +-sqrt(1/2).
    layer = nn.BatchNorm(1)
    layer.forward(np.array([[1e-4], [-1e-4], [1e-4], [-1e-4]]))
    np.testing.assert_allclose(layer.norm[:, 0], np.sqrt(0.5) * np.array([1, -1, 1, -1]), rtol=1e-12)


def test_eps_stands_inside_the_root_in_eval_mode(nn):
    """In eval mode too norm is (x - running_mean) / sqrt(running_var + eps)."""
    layer = nn.BatchNorm(1)
    layer.running_var = np.array([[3e-8]])
    layer.forward(np.array([[1e-4]]), eval=True)
    np.testing.assert_allclose(layer.norm, [[0.5]], rtol=1e-12)


def test_scale_and_shift_of_x_do_not_matter(nn):
    """Scaling and shifting a unit's x leaves the output of a training forward as it was."""
    layer, (x, _) = trained(nn), examples(6)
    out = layer.forward(x)
    np.testing.assert_allclose(layer.forward(x * [2, 10, 100, 3] + [5, -5, 0, 1]), out, rtol=1e-6, atol=1e-7)


def test_a_large_mean_costs_no_digits(nn):
    """A mean much larger than the spread costs no digits: take the variance of x - mean, not of squares."""
    layer = nn.BatchNorm(D)
    x = np.random.RandomState(7).randint(-1024, 1024, (M, D)) / 1024  # adding 2^30 is exact
    out = layer.forward(x)
    np.testing.assert_allclose(layer.forward(x + 2.0 ** 30), out, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m", [1, 7, 100])
def test_a_constant_unit_gives_exactly_beta(nn, dtype, m):
    """A unit with the same x in the whole batch gives exactly beta, also where its x is large."""
    layer = nn.BatchNorm(5)
    layer.beta = np.array([[1.0, -2.0, 3.0, -4.0, 0.5]])
    x = np.full((m, 5), [0.1, 12345.678, -1e7 / 3, 1e15 / 7, 0], dtype)
    np.testing.assert_array_equal(layer.forward(x), np.repeat(layer.beta, m, axis=0))


def test_a_batch_of_one(nn):
    """A batch of one example gives beta, a var of 0 and dx = 0, without a warning."""
    layer, (x, delta) = trained(nn), examples(8, 1)
    np.testing.assert_array_equal(layer.forward(x), layer.beta)
    np.testing.assert_array_equal(layer.var, np.zeros(D))
    np.testing.assert_array_equal(layer.backward(delta), np.zeros((1, D)))


def test_a_new_layer_passes_x_on_in_eval_mode(nn):
    """A new BatchNorm in eval mode returns x: its running mean is 0, its running variance 1."""
    x, _ = examples(9)
    np.testing.assert_allclose(nn.BatchNorm(D).forward(x, eval=True), x, rtol=1e-8)


# ---- Running statistics and eval ---------------------------------------------------------------------------

@pytest.mark.parametrize("alpha", [0.9, 0.25])
def test_running_statistics(nn, alpha):
    """A training forward sets running = alpha running + (1 - alpha) batch, for the mean and the variance."""
    layer = nn.BatchNorm(D, alpha)
    running_mean, running_var = np.zeros((1, D)), np.ones((1, D))
    for seed in range(3):
        x, _ = examples(seed, m=M + seed)
        layer.forward(x)
        running_mean = alpha * running_mean + (1 - alpha) * x.mean(axis=0)
        running_var = alpha * running_var + (1 - alpha) * x.var(axis=0)
    np.testing.assert_allclose(layer.running_mean, running_mean, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var, running_var, rtol=1e-12)


def test_alpha_is_nine_tenths(nn):
    """alpha is 0.9 when it is not given, and is kept as an attribute."""
    assert (nn.BatchNorm(D).alpha, nn.BatchNorm(D, 0.5).alpha) == (0.9, 0.5)


def test_eps_is_1e_8(nn):
    """eps is 1e-8."""
    assert nn.BatchNorm(D).eps == 1e-8


def test_alpha_zero_keeps_the_last_batch(nn):
    """With alpha = 0 the running statistics are those of the last batch."""
    layer = nn.BatchNorm(D, alpha=0)
    layer.forward(examples(0)[0])
    layer.forward(examples(1)[0])
    np.testing.assert_array_equal(layer.running_mean, [layer.mean])
    np.testing.assert_array_equal(layer.running_var, [layer.var])


def test_alpha_one_never_moves(nn):
    """With alpha = 1 the running statistics stay as they were."""
    layer = nn.BatchNorm(D, alpha=1)
    layer.forward(examples(0)[0])
    np.testing.assert_array_equal(layer.running_mean, np.zeros((1, D)))
    np.testing.assert_array_equal(layer.running_var, np.ones((1, D)))


@pytest.mark.parametrize("m", [1, 3])
def test_eval_uses_the_running_statistics(nn, m):
    """In eval mode a new x of any batch size is normalised by running_mean and running_var."""
    layer, (x, _) = trained(nn), examples(10, m)
    expected = layer.gamma * (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-8) + layer.beta
    np.testing.assert_allclose(layer.forward(x, eval=True), expected, rtol=1e-12, atol=1e-14)


def test_examples_are_independent_in_eval_mode(nn):
    """In eval mode the output of an example does not depend on the rest of the batch."""
    layer, (x, _) = trained(nn), examples(11)
    np.testing.assert_array_equal(layer.forward(x, eval=True)[:2], layer.forward(x[:2], eval=True))


def test_eval_changes_no_statistics(nn):
    """forward in eval mode changes none of mean, var, running_mean and running_var."""
    layer = trained(nn)
    before = copies(layer, STATISTICS)
    layer.forward(examples(12)[0], eval=True)
    assert_unchanged(layer, before)


def test_backward_changes_no_statistics(nn):
    """backward changes none of mean, var, running_mean, running_var, gamma and beta."""
    layer = trained(nn)
    before = copies(layer, STATISTICS + ["gamma", "beta"])
    layer.backward(examples(13)[1])
    assert_unchanged(layer, before)


def test_forward_changes_no_parameters(nn):
    """forward changes none of gamma, beta, dgamma and dbeta."""
    layer = trained(nn)
    layer.backward(examples(13)[1])
    before = copies(layer, ["gamma", "beta", "dgamma", "dbeta"])
    layer.forward(examples(14)[0])
    layer.forward(examples(15)[0], eval=True)
    assert_unchanged(layer, before)


def test_training_after_eval(nn):
    """A training forward after one in eval mode is as if that had not been, and so is its backward."""
    layer, twin, (x, delta) = trained(nn), trained(nn), examples(16)
    layer.forward(examples(17)[0], eval=True)
    np.testing.assert_array_equal(layer.forward(x), twin.forward(x))
    np.testing.assert_array_equal(layer.backward(delta), twin.backward(delta))


def test_the_call_is_forward(nn):
    """layer(x) is layer.forward(x), and layer(x, eval=True) is layer.forward(x, eval=True)."""
    layer, (x, _) = trained(nn), examples(18)
    np.testing.assert_array_equal(layer(x), layer.forward(x))
    np.testing.assert_array_equal(layer(x, eval=True), layer.forward(x, eval=True))


# ---- Attributes, shapes, dtypes, memory --------------------------------------------------------------------

@pytest.mark.parametrize("attribute, value", [
    ("mean", 0), ("var", 1), ("gamma", 1), ("beta", 0), ("dgamma", 0), ("dbeta", 0),
    ("running_mean", 0), ("running_var", 1),
])
def test_attributes_at_first(nn, attribute, value):
    """At first var, gamma and running_var are ones of shape (1, fan_in), float64, and the others zeros."""
    array = getattr(nn.BatchNorm(D), attribute)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, np.full((1, D), value))


@pytest.mark.parametrize("attribute", ["x", "norm", "out"])
def test_attributes_are_none_at_first(nn, attribute):
    """A new BatchNorm has x, norm and out, all None."""
    assert getattr(nn.BatchNorm(D), attribute) is None


@pytest.mark.parametrize("evaluation", [False, True])
def test_attributes_hold_the_last_forward(nn, evaluation):
    """After forward, x and out hold its argument and its result, and norm is out before gamma and beta."""
    layer, (x, _) = trained(nn), examples(19)
    out = layer.forward(x, eval=evaluation)
    np.testing.assert_array_equal(layer.x, x)
    np.testing.assert_array_equal(layer.out, out)
    np.testing.assert_allclose(layer.gamma * layer.norm + layer.beta, out, rtol=1e-14)


def test_what_is_summed_over_the_batch_is_one_dimensional(nn):
    """mean and var after a training forward, dgamma and dbeta after backward have shape (fan_in,)."""
    layer = trained(nn)
    layer.backward(examples(20)[1])
    assert {getattr(layer, name).shape for name in ("mean", "var", "dgamma", "dbeta")} == {(D,)}


def test_what_is_kept_is_a_row(nn):
    """running_mean, running_var, gamma and beta keep their shape (1, fan_in)."""
    layer = nn.BatchNorm(D)
    layer.forward(examples(21)[0])
    layer.backward(examples(21)[1])
    names = ("running_mean", "running_var", "gamma", "beta")
    assert {getattr(layer, name).shape for name in names} == {(1, D)}


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_x_is_kept(nn, dtype, evaluation):
    """float32 x and delta give float32 outputs, norm and dx, in training and in eval mode."""
    layer, (x, delta) = trained(nn), examples(22)
    out = layer.forward(x.astype(dtype), eval=evaluation)
    dx = layer.backward(delta.astype(dtype))
    assert {out.dtype, layer.out.dtype, layer.norm.dtype, dx.dtype} == {np.dtype(dtype)}


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integers_are_taken_as_float64(nn, dtype, evaluation):
    """Integer and boolean x and delta give what the same numbers in float64 give: no wrap-around."""
    rng = np.random.RandomState(23)
    x, delta = rng.randint(256, size=(M, D)).astype(dtype), rng.randint(256, size=(M, D)).astype(dtype)
    layer, twin = trained(nn), trained(nn)
    out, expected = layer.forward(x, eval=evaluation), twin.forward(x.astype(float), eval=evaluation)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(layer.backward(delta), twin.backward(delta.astype(float)))


@pytest.mark.parametrize("evaluation", [False, True])
def test_lists(nn, evaluation):
    """x and delta may be lists."""
    layer, twin, (x, delta) = trained(nn), trained(nn), examples(24)
    np.testing.assert_array_equal(layer.forward(x.tolist(), evaluation), twin.forward(x, evaluation))
    np.testing.assert_array_equal(layer.backward(delta.tolist()), twin.backward(delta))


@pytest.mark.parametrize("layout", [
    np.asfortranarray, lambda a: a.repeat(2, axis=1)[:, ::2], lambda a: a[::-1],
], ids=["Fortran", "strided", "reversed"])
def test_any_memory_layout_gives_the_same(nn, layout):
    """x and delta may be views of any memory layout."""
    layer, twin, (x, delta) = trained(nn), trained(nn), examples(25)
    x, delta = layout(x), layout(delta)
    out, expected = layer.forward(x), twin.forward(x.copy(order="C"))
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)
    dx, expected = layer.backward(delta), twin.backward(delta.copy(order="C"))
    np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_x_and_delta_are_not_changed(nn, dtype, evaluation):
    """forward and backward leave the caller's x and delta as they were."""
    layer, (x, delta) = trained(nn), (a.astype(dtype) for a in examples(26))
    before = x.copy(), delta.copy()
    layer.forward(x, eval=evaluation)
    layer.backward(delta)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(delta, before[1])


@pytest.mark.parametrize("evaluation", [False, True])
def test_read_only_x_and_delta(nn, evaluation):
    """x and delta may be read-only."""
    layer, (x, delta) = trained(nn), examples(27)
    x.flags.writeable = delta.flags.writeable = False
    layer.forward(x, eval=evaluation)
    assert np.isfinite(layer.backward(delta)).all()


@pytest.mark.parametrize("evaluation", [False, True])
def test_results_are_not_overwritten_by_a_later_call(nn, evaluation):
    """Outputs, statistics and gradients of one forward and backward are not changed by the next ones."""
    layer, (x, delta) = trained(nn), examples(28)
    results = [layer.forward(x, eval=evaluation), layer.backward(delta)]
    results += [getattr(layer, name) for name in STATISTICS + ["norm", "dgamma", "dbeta"]]
    kept = [result.copy() for result in results]
    layer.forward(examples(29)[0], eval=evaluation)
    layer.backward(examples(30)[1])
    for result, copy in zip(results, kept):
        np.testing.assert_array_equal(result, copy)


@pytest.mark.parametrize("evaluation", [False, True])
def test_backward_assigns(nn, evaluation):
    """backward may be called again: dx, dgamma and dbeta are the same, nothing is added to what was there."""
    layer, (x, delta) = trained(nn), examples(31)
    layer.forward(x, eval=evaluation)
    first = layer.backward(delta)
    before = copies(layer, ["dgamma", "dbeta"])
    np.testing.assert_array_equal(layer.backward(delta), first)
    assert_unchanged(layer, before)


def test_backward_does_not_need_x_again(nn):
    """backward is that of the last forward, also when the caller has filled x with the next batch."""
    layer, twin, (x, delta) = trained(nn), trained(nn), examples(32)
    twin.forward(x)
    layer.forward(x)
    x[:] = 0
    np.testing.assert_array_equal(layer.backward(delta), twin.backward(delta))


def test_two_layers_are_independent(nn):
    """Two BatchNorm layers share nothing: training one leaves the other as it was."""
    first, second = nn.BatchNorm(D), nn.BatchNorm(D)
    before = copies(second, STATISTICS + ["gamma", "beta", "dgamma", "dbeta"])
    first.forward(examples(33)[0])
    first.backward(examples(33)[1])
    assert_unchanged(second, before)


# ---- Errors ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("shape", [(M, D + 1), (M, 1), (M, D - 1), (D,), (), (2, M, D), (0, D), (D, M)])
def test_x_of_a_wrong_shape_is_refused(nn, shape, evaluation):
    """x must have shape (m, fan_in) with m >= 1: anything else gets a ValueError that names both shapes."""
    with pytest.raises(ValueError, match=r"x must have shape \(m, 4\).*got " + re.escape(str(shape))):
        nn.BatchNorm(D).forward(np.ones(shape), eval=evaluation)


@pytest.mark.parametrize("shape", [(M, D + 1), (M - 1, D), (1, D), (M, 1), (D,), ()])
def test_delta_of_a_wrong_shape_is_refused(nn, shape):
    """delta must have the shape of out: anything else gets a ValueError that names both shapes."""
    with pytest.raises(ValueError, match=re.escape("(6, 4), got " + str(shape))):
        trained(nn).backward(np.ones(shape))


@pytest.mark.parametrize("wrong", [[["a"] * D], [[1j] * D]])
def test_anything_but_numbers_is_refused(nn, wrong):
    """x and delta that do not hold real numbers get a TypeError that says which of them it is."""
    with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
        nn.BatchNorm(D).forward(wrong)
    with pytest.raises(TypeError, match="delta must hold real numbers, got dtype"):
        trained(nn).backward(wrong)


def test_backward_needs_a_forward(nn):
    """backward before the first forward gets a RuntimeError that says to call forward."""
    with pytest.raises(RuntimeError, match="call forward"):
        nn.BatchNorm(D).backward(np.ones((M, D)))


def test_a_refused_x_changes_nothing(nn):
    """A forward that is refused leaves the statistics as they were."""
    layer = trained(nn)
    before = copies(layer, STATISTICS)
    with pytest.raises(ValueError):
        layer.forward(np.ones((M, 1)))
    assert_unchanged(layer, before)


@pytest.mark.parametrize("fan_in, error", [
    (0, ValueError), (-1, ValueError),
    (2.5, TypeError), (True, TypeError), ("4", TypeError), (None, TypeError),
])
def test_fan_in_must_be_a_positive_integer(nn, fan_in, error):
    """fan_in must be an integer of at least 1: anything else gets an error that says what came."""
    with pytest.raises(error, match="fan_in must be an integer.*got " + re.escape(repr(fan_in))):
        nn.BatchNorm(fan_in)


def test_fan_in_may_be_a_numpy_integer(nn):
    """fan_in may be an integer of NumPy's, as x.shape or a sum of counts gives."""
    assert nn.BatchNorm(np.int64(D)).gamma.shape == (1, D)


@pytest.mark.parametrize("alpha", [2, -0.1, 1.0001, float("nan")])
def test_alpha_must_be_a_part(nn, alpha):
    """alpha must be from 0 to 1: anything else gets a ValueError that says what came."""
    with pytest.raises(ValueError, match="alpha must be from 0 to 1, got " + re.escape(repr(alpha))):
        nn.BatchNorm(D, alpha)
