"""Measures how fast hw1.py trains beside what people would use instead, and how its time grows.

    python tests/benchmark.py            two minutes or more, on what is installed
    python tests/benchmark.py --short    the same tables in seconds, to see that it works

Each rival trains in a process of its own, on one thread, with the same data, first weights and
batches; they take turns of some ten milliseconds. A figure is the median, over the rounds, of the
ratio of a rival's CPU time to PyTorch's (hw1's without PyTorch): seconds differ from minute to
minute. All must come to the same loss. hw1 does in its loop what the others do in theirs.
"""

import argparse
import collections
import importlib.util
import itertools
import multiprocessing
import os
import pathlib
import statistics
import sys
import time

# One thread each: this is read when NumPy, or a rival's library, is imported.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", NPROC="1",
                  XLA_FLAGS="--xla_cpu_multi_thread_eigen=false")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # a script sees tests/ alone

import numpy as np  # noqa: E402

from hw1 import hw1  # noqa: E402

INPUTS, CLASSES, BATCH, LR, MOMENTUM, EPS, SEED = 784, 10, 100, 0.008, 0.9, 1e-8, 11785
EXAMPLES = 10000
CHECKED = EXAMPLES // BATCH  # steps, of an epoch: sklearn orders the next in its own way
TOLERANCE = {"float64": 1e-8, "float32": 1e-3}  # of the losses, relative
SPAWN = multiprocessing.get_context("spawn")  # a new process, whose libraries read the environment
Config = collections.namedtuple("Config", "title hiddens activation batchnorm steps")
CONFIGS = (  # steps: so many take some ten milliseconds; they divide CHECKED
    Config("linear", (), "ReLU", False, 50),
    Config("64-64-32, sigmoid", (64, 64, 32), "Sigmoid", False, 20),
    Config("the same, three BatchNorm layers", (64, 64, 32), "Sigmoid", True, 20),
    Config("512-512-512, ReLU", (512, 512, 512), "ReLU", False, 2),
)


# ---- The rivals ----------------------------------------------------------------------------------

class Work(collections.namedtuple("Work", ("dtype",) + Config._fields)):
    """What each rival trains: a network, on random examples of a dtype."""

    def data(self):
        """Return x, (EXAMPLES, INPUTS), and class indices y."""
        rng = np.random.RandomState(SEED)
        x = rng.uniform(size=(EXAMPLES, INPUTS)).astype(self.dtype)
        return x, rng.randint(CLASSES, size=EXAMPLES).astype(np.int64)

    def weights(self):
        """Return the first weights, (d_in, d_out) a layer; the biases begin at zero."""
        rng, sizes = np.random.RandomState(SEED), (INPUTS, *self.hiddens, CLASSES)
        return [rng.normal(0, d_in ** -0.5, (d_in, d_out)).astype(self.dtype)
                for d_in, d_out in zip(sizes, sizes[1:])]

    def batches(self):
        """Yield the indices of each batch, for ever, in get_training_stats' order."""
        np.random.seed(SEED)
        while True:
            order = np.arange(EXAMPLES)
            np.random.shuffle(order)
            yield from order.reshape(-1, BATCH)


class Pace:
    """What a rival calls after its steps, with their loss: it reports each block, and waits."""

    def __init__(self, pipe):
        self._pipe = pipe

    def wait(self):
        self.steps = self._left = self._pipe.recv()
        self._start = time.process_time()  # leaves out what the machine's other programs take

    def __call__(self, loss, steps=1):
        self._left -= steps
        if self._left == 0:
            seconds = (time.process_time() - self._start) / self.steps
            self._pipe.send((seconds, float(np.mean(np.asarray(loss)))))
            self.wait()


def train_products(work, pace):
    """The limit: the matrix products of a step alone, into arrays that are there already."""
    pairs = []
    for i, W in enumerate(work.weights()):
        x, delta = (np.ones((BATCH, d), work.dtype) for d in W.shape)
        pairs += [(x, W), (x.T, delta)] + [(delta, W.T)] * (i > 0)
    products = [(a, b, a @ b) for a, b in pairs]
    pace.wait()
    while True:
        for a, b, out in products:
            np.matmul(a, b, out=out)
        pace(np.nan)


def network(work):
    """Return hw1's network with the first weights."""
    given = iter(work.weights())
    activations = [getattr(hw1, work.activation)() for _ in work.hiddens] + [hw1.Identity()]
    return hw1.MLP(INPUTS, CLASSES, list(work.hiddens), activations, lambda *shape: next(given),
                   lambda d: np.zeros(d, work.dtype), hw1.SoftmaxCrossEntropy(), LR, MOMENTUM,
                   len(work.hiddens) * work.batchnorm)


def train_hw1(work, pace):
    mlp, (x, y) = network(work), work.data()
    y = np.eye(CLASSES, dtype=work.dtype)[y]
    pace.wait()
    for batch in work.batches():
        mlp.zero_grads()
        mlp.forward(x.take(batch, axis=0))
        mlp.backward(y.take(batch, axis=0))
        mlp.step()
        pace(mlp.criterion.loss)


def train_torch(work, pace):
    """Eager, with its SGD as it comes."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, work.data())
    net, linear, scales = nn.Sequential(), [], []
    for i, W in enumerate(work.weights()):
        net.append(nn.Linear(*W.shape, dtype=x.dtype))
        net[-1].weight.data, net[-1].bias.data[:] = torch.from_numpy(W.T.copy()), 0
        linear += net[-1].parameters()
        if i < len(work.hiddens) and work.batchnorm:
            net.append(nn.BatchNorm1d(W.shape[1], EPS, dtype=x.dtype))
            scales += net[-1].parameters()
        if i < len(work.hiddens):
            net.append(getattr(nn, work.activation)())
    # The handout's gamma and beta take their gradients summed over the batch, and no momentum.
    groups = [{"params": linear}, {"params": scales, "lr": LR * BATCH, "momentum": 0}]
    optimizer = torch.optim.SGD(groups, LR, MOMENTUM)
    pace.wait()
    for batch in map(torch.from_numpy, work.batches()):
        loss = nn.functional.cross_entropy(net(x.index_select(0, batch)), y.index_select(0, batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace(loss.detach())


def train_jax(work, pace):
    """A jitted scan over the steps of a block, without running statistics."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", work.dtype == "float64")
    activate = {"Sigmoid": jax.nn.sigmoid, "ReLU": jax.nn.relu}[work.activation]
    layers = [(jnp.asarray(W), jnp.zeros(W.shape[1], W.dtype)) for W in work.weights()]
    scales = [(jnp.ones_like(b), b) for _, b in layers[:-1] if work.batchnorm]

    def objective(params, x, y):
        layers, scales = params
        for i, (W, b) in enumerate(layers):
            x = x @ W + b
            if i < len(scales):
                gamma, beta = scales[i]
                x = gamma * (x - x.mean(0)) / jnp.sqrt(x.var(0) + EPS) + beta
            if i < len(work.hiddens):
                x = activate(x)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    def step(state, batch):
        layers, scales, velocities = state
        gradient = jax.value_and_grad(objective)
        loss, (dlayers, dscales) = gradient((layers, scales), x[batch], y[batch])
        velocities = jax.tree.map(lambda v, g: MOMENTUM * v - LR * g, velocities, dlayers)
        layers = jax.tree.map(jnp.add, layers, velocities)
        scales = jax.tree.map(lambda p, g: p - LR * BATCH * g, scales, dscales)
        return (layers, scales, velocities), loss

    x, y = map(jnp.asarray, work.data())
    state, batches = (layers, scales, jax.tree.map(jnp.zeros_like, layers)), work.batches()
    train = jax.jit(lambda state, order: jax.lax.scan(step, state, order))
    pace.wait()
    while True:
        order = np.array(list(itertools.islice(batches, pace.steps)))
        state, losses = jax.block_until_ready(train(state, order))
        pace(losses[-1], pace.steps)


def train_sklearn(work, pace):
    """MLPClassifier.fit, without BatchNorm; its batches are the others' in the first epoch only."""
    from sklearn.neural_network import MLPClassifier

    given, many = iter(work.weights()), 10 ** 5  # epochs: more than there is time for

    class Paced(MLPClassifier):
        def _init_coef(self, fan_in, fan_out, dtype):
            return next(given), np.zeros(fan_out, dtype)

        def _backprop(self, *args):
            loss, *gradients = super()._backprop(*args)
            pace(loss)
            return (loss, *gradients)

    activation = {"Sigmoid": "logistic", "ReLU": "relu"}[work.activation]
    classifier = Paced(work.hiddens, activation, solver="sgd", alpha=0, batch_size=BATCH,
                       learning_rate_init=LR, max_iter=many, tol=0, n_iter_no_change=many,
                       momentum=MOMENTUM, nesterovs_momentum=False)
    np.random.seed(SEED)
    pace.wait()
    classifier.fit(*work.data())


RIVALS = {  # what the column is called: the module that it needs, and train(work, pace)
    "matrix products": ("numpy", train_products), "this project": ("numpy", train_hw1),
    "PyTorch": ("torch", train_torch), "JAX, jitted": ("jax", train_jax),
    "scikit-learn": ("sklearn", train_sklearn),
}


# ---- The tables ----------------------------------------------------------------------------------

def measured(names, work, rounds):
    """Return {name: [seconds a step in each round]}; ValueError if one comes to another loss."""
    pipes, processes = {}, []
    try:
        for name in names:
            pipes[name], theirs = SPAWN.Pipe()
            process = SPAWN.Process(target=RIVALS[name][1], args=(work, Pace(theirs)), daemon=True)
            process.start()
            processes.append(process)
            theirs.close()  # so that recv ends where the process does

        def train(name):
            pipes[name].send(work.steps)
            return pipes[name].recv()

        for _ in range(CHECKED // work.steps):
            losses = {name: train(name)[1] for name in names}
        for name in names[1:]:
            if not abs(losses[name] / losses["this project"] - 1) <= TOLERANCE[work.dtype]:
                raise ValueError(f"{name} trains another network: after {CHECKED} steps of "
                                 f"{work.title} in {work.dtype} the losses are {losses}")
        turns = [[train(name)[0] for name in names] for _ in range(rounds)]
        return dict(zip(names, zip(*turns)))
    finally:
        for process in processes:
            process.terminate()


def ratios(configs, rounds):
    """Print how long a step takes, as a ratio to PyTorch's."""
    rivals = [name for name, (module, _) in RIVALS.items() if importlib.util.find_spec(module)]
    base = "PyTorch" if "PyTorch" in rivals else "this project"
    print(f"Time of a step, batch {BATCH}, {' / '.join(TOLERANCE)}: {base}'s, and ratios to it\n")
    print("| network |", f"{base}, us |", " | ".join(rivals), "|\n|" + " --- |" * (2 + len(rivals)))
    for config in configs:
        names = [name for name in rivals if name != "scikit-learn" or not config.batchnorm]
        times = [measured(names, Work(dtype, *config), rounds) for dtype in TOLERANCE]
        cells = [[f"{1e6 * statistics.median(some[base]):.0f}" for some in times]]
        for name in rivals:
            pairs = [zip(some[name], some[base]) for some in times if name in some]
            cells.append([f"{statistics.median(a / b for a, b in pair):.2f}" for pair in pairs])
        print("|", config.title, "|", " | ".join(map(" / ".join, cells)), "|", flush=True)


def growth(most):
    """Print how the time of an epoch of get_training_stats grows with each size, for so many."""
    print(f"\nTime of an epoch of this project: ReLU, float32, {EXAMPLES} examples, 64-64-64, "
          f"batch {BATCH}, but for what the table varies")
    for title, sizes, case in (
            ("examples", [1000 << i for i in range(7)], lambda n: (n, [64] * 3, BATCH)),
            ("units of one layer", [32 << i for i in range(7)], lambda d: (EXAMPLES, [d], BATCH)),
            ("layers of 64", [1 << i for i in range(6)], lambda k: (EXAMPLES, [64] * k, BATCH)),
            ("batch size", [10, 100, 1000, 10000], lambda m: (EXAMPLES, [64] * 3, m))):
        print(f"\n| {title} | seconds | us an example |\n| --- | --- | --- |")
        for size in sizes[:most]:
            n, hiddens, batch_size = case(size)
            work, ends = Work("float32", "", hiddens, "ReLU", False, 1), [time.perf_counter()]
            x, y = (np.resize(array, (n, *array.shape[1:])) for array in work.data())
            hw1.get_training_stats(
                network(work), [(x, y), (x[:1], y[:1]), (x[:1], y[:1])], 3, batch_size,
                on_epoch=lambda *_: ends.append(time.perf_counter()))
            seconds = statistics.median(end - start for start, end in zip(ends, ends[1:]))
            print(f"| {size} | {seconds:.3f} | {1e6 * seconds / n:.2f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help="to see that it works, not how fast")
    short = parser.parse_args().short
    try:
        ratios(CONFIGS[:2] if short else CONFIGS, 2 if short else 40)
        growth(2 if short else 7)
    except (EOFError, ValueError) as error:
        sys.exit(f"benchmark.py: {error or 'the process of a rival has ended, see above'}")
