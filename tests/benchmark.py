"""Measure how fast hw1.py trains beside other libraries, and how its time grows with each size.

    python tests/benchmark.py            two minutes or more, on the libraries that are installed
    python tests/benchmark.py --short    parts of the tables within a minute or two, to check them

Each rival trains in a process of its own, on one thread, with the same data, initial weights and
batches; they take turns of some ten milliseconds. A figure is the median, over the rounds, of the
ratio of a rival's CPU time to PyTorch's (to hw1's without PyTorch): seconds differ from minute to
minute. All must reach the same loss. The loop of hw1 does what the loops of the others do.
"""

import argparse
import collections
import importlib.util
import inspect
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

INPUTS = 784
CLASSES = 10
BATCH = 100
LR = 0.008
MOMENTUM = 0.9
EPS = 1e-8
SEED = 11785
EXAMPLES = 10000
NCHECKED = EXAMPLES // BATCH  # steps: an epoch, as sklearn orders the next in its own way
TOLERANCE = {"float64": 1e-8, "float32": 1e-3}  # of the losses, relative
SPAWN = multiprocessing.get_context("spawn")  # a new process, whose libraries read the environment
Config = collections.namedtuple("Config", "title hiddens activation batchnorm steps")
CONFIGS = (  # steps: so many take some ten milliseconds; they divide NCHECKED
    Config("linear", (), "ReLU", False, 50),
    Config("64-64-32, sigmoid", (64, 64, 32), "Sigmoid", False, 20),
    Config("the same, three BatchNorm layers", (64, 64, 32), "Sigmoid", True, 20),
    Config("512-512-512, ReLU", (512, 512, 512), "ReLU", False, 2),
)


# ---- The rivals ----------------------------------------------------------------------------------

class Work(collections.namedtuple("Work", ("dtype",) + Config._fields)):
    """Describe what each rival trains: a network, on random examples of a dtype."""

    def data(self):
        """Return x, (EXAMPLES, INPUTS), and class indices y."""
        rng = np.random.RandomState(SEED)
        x = rng.uniform(size=(EXAMPLES, INPUTS)).astype(self.dtype)
        y = rng.randint(CLASSES, size=EXAMPLES).astype(np.int64)
        return x, y

    def weights(self):
        """Return the initial weights, (d_in, d_out) a layer; the initial biases are zero."""
        rng = np.random.RandomState(SEED)
        sizes = (INPUTS, *self.hiddens, CLASSES)
        weights = []
        for d_in, d_out in zip(sizes, sizes[1:]):
            W = rng.normal(0, d_in ** -0.5, (d_in, d_out))
            weights.append(W.astype(self.dtype))
        return weights

    def batches(self):
        """Yield the indices of each batch, without end, in get_training_stats' order."""
        np.random.seed(SEED)
        while True:
            order = np.arange(EXAMPLES)
            np.random.shuffle(order)
            yield from order.reshape(-1, BATCH)


class Pace:
    """Let a rival train a block of steps at a time: it calls this after its steps."""

    def __init__(self, pipe):
        self._pipe = pipe

    def wait(self):
        """Wait for the number of steps in the next block."""
        self.steps = self._pipe.recv()
        self._left = self.steps
        self._start = time.process_time()  # leaves out the time of the machine's other programs

    def __call__(self, loss, steps=1):
        """Count steps, with their loss; at the end of a block, report it and wait."""
        self._left -= steps
        if self._left == 0:
            seconds = (time.process_time() - self._start) / self.steps
            self._pipe.send((seconds, float(np.mean(np.asarray(loss)))))
            self.wait()


def train_products(work, pace):
    """Compute the matrix products of a step alone, into arrays that exist already: the limit."""
    products = []
    for i, W in enumerate(work.weights()):
        d_in, d_out = W.shape
        x = np.ones((BATCH, d_in), work.dtype)
        delta = np.ones((BATCH, d_out), work.dtype)
        products.append((x, W, x @ W))
        products.append((x.T, delta, x.T @ delta))
        if i > 0:
            products.append((delta, W.T, delta @ W.T))
    pace.wait()
    while True:
        for a, b, out in products:
            np.matmul(a, b, out=out)
        pace(np.nan)


def make_network(work):
    """Return hw1's network with the initial weights."""
    weights = iter(work.weights())
    activations = [getattr(hw1, work.activation)() for _ in work.hiddens]
    activations.append(hw1.Identity())
    num_bn_layers = len(work.hiddens) if work.batchnorm else 0

    def next_weights(d_in, d_out):
        return next(weights)

    def make_bias(d):
        return np.zeros(d, work.dtype)

    return hw1.MLP(INPUTS, CLASSES, list(work.hiddens), activations, next_weights, make_bias,
                   hw1.SoftmaxCrossEntropy(), LR, MOMENTUM, num_bn_layers)


def train_hw1(work, pace):
    """Train hw1's network in a plain loop."""
    mlp = make_network(work)
    x, y = work.data()
    y = np.eye(CLASSES, dtype=work.dtype)[y]
    pace.wait()
    for batch in work.batches():
        mlp.zero_grads()
        mlp.forward(x.take(batch, axis=0))
        mlp.backward(y.take(batch, axis=0))
        mlp.step()
        pace(mlp.criterion.loss)


def train_torch(work, pace):
    """Train an eager network of PyTorch with its own SGD."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    x, y = map(torch.from_numpy, work.data())
    net = nn.Sequential()
    linear = []
    scales = []
    for i, W in enumerate(work.weights()):
        is_hidden = i < len(work.hiddens)
        layer = nn.Linear(*W.shape, dtype=x.dtype)
        layer.weight.data = torch.from_numpy(W.T.copy())
        layer.bias.data[:] = 0
        linear += layer.parameters()
        net.append(layer)
        if is_hidden and work.batchnorm:
            norm = nn.BatchNorm1d(W.shape[1], EPS, dtype=x.dtype)
            scales += norm.parameters()
            net.append(norm)
        if is_hidden:
            net.append(getattr(nn, work.activation)())
    # The handout's gamma and beta take their gradients summed over the batch, and no momentum.
    groups = [{"params": linear}, {"params": scales, "lr": LR * BATCH, "momentum": 0}]
    optimizer = torch.optim.SGD(groups, LR, MOMENTUM)
    pace.wait()
    for batch in map(torch.from_numpy, work.batches()):
        logits = net(x.index_select(0, batch))
        loss = nn.functional.cross_entropy(logits, y.index_select(0, batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace(loss.detach())


def train_jax(work, pace):
    """Train by a jitted scan of JAX over the steps of a block, without running statistics."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", work.dtype == "float64")
    activate = {"Sigmoid": jax.nn.sigmoid, "ReLU": jax.nn.relu}[work.activation]
    layers = [(jnp.asarray(W), jnp.zeros(W.shape[1], W.dtype)) for W in work.weights()]
    scales = []
    if work.batchnorm:
        scales = [(jnp.ones_like(b), b) for _, b in layers[:-1]]
    velocities = jax.tree.map(jnp.zeros_like, layers)

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
    batches = work.batches()
    state = (layers, scales, velocities)
    train = jax.jit(lambda state, order: jax.lax.scan(step, state, order))
    pace.wait()
    while True:
        order = np.array(list(itertools.islice(batches, pace.steps)))
        state, losses = jax.block_until_ready(train(state, order))
        pace(losses[-1], pace.steps)


def train_sklearn(work, pace):
    """Train by MLPClassifier.fit, which has no BatchNorm and the same batches in one epoch only."""
    from sklearn.neural_network import MLPClassifier

    weights = iter(work.weights())
    many = 10 ** 5  # epochs: more than there is time for

    class Paced(MLPClassifier):  # no public method sets the initial weights or follows a step
        def _init_coef(self, fan_in, fan_out, dtype):
            return next(weights), np.zeros(fan_out, dtype)

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


RIVALS = {  # the title of the column: the module that it needs, and train(work, pace)
    "matrix products": ("numpy", train_products),
    "this project": ("numpy", train_hw1),
    "PyTorch": ("torch", train_torch),
    "JAX, jitted": ("jax", train_jax),
    "scikit-learn": ("sklearn", train_sklearn),
}


# ---- The tables ----------------------------------------------------------------------------------

def measure(names, work, rounds):
    """Return {name: [seconds a step in each round]}; ValueError if one reaches another loss."""
    pipes = {}
    processes = []
    try:
        for name in names:
            _, train = RIVALS[name]
            pipes[name], child_end = SPAWN.Pipe()
            process = SPAWN.Process(target=train, args=(work, Pace(child_end)), daemon=True)
            process.start()
            processes.append(process)
            child_end.close()  # so that recv ends where the process does
        for _ in range(NCHECKED // work.steps):
            losses = {}
            for name in names:
                _, losses[name] = train_block(pipes[name], work.steps)
        check_losses(losses, work)
        times = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                seconds, _ = train_block(pipes[name], work.steps)
                times[name].append(seconds)
        return times
    finally:
        for process in processes:
            process.terminate()


def train_block(pipe, steps):
    """Let a rival train a block; return its seconds a step and the last loss."""
    pipe.send(steps)
    return pipe.recv()


def check_losses(losses, work):
    """Raise ValueError unless the losses are those of this project; the products have none."""
    expected = losses["this project"]
    for name, loss in losses.items():
        if name != "matrix products" and not abs(loss / expected - 1) <= TOLERANCE[work.dtype]:
            raise ValueError(f"{name} trains another network: after {NCHECKED} steps of "
                             f"{work.title} in {work.dtype} the losses are {losses}")


def print_row(cells):
    print("|", " | ".join(cells), "|", flush=True)


def print_ratios(configs, rounds):
    """Print how long a step takes, as a ratio to PyTorch's."""
    names = [name for name, (module, _) in RIVALS.items() if importlib.util.find_spec(module)]
    base = "PyTorch" if "PyTorch" in names else "this project"
    print(f"Time of a step, batch {BATCH}, {' / '.join(TOLERANCE)}: {base}'s, and ratios to it\n")
    print_row(["network", f"{base}, us", *names])
    print_row(["---"] * (2 + len(names)))
    for config in configs:
        fitting = list(names)
        if config.batchnorm and "scikit-learn" in names:
            fitting.remove("scikit-learn")
        times = [measure(fitting, Work(dtype, *config), rounds) for dtype in TOLERANCE]
        microseconds = [f"{1e6 * statistics.median(each[base]):.0f}" for each in times]
        cells = [config.title, " / ".join(microseconds)]
        for name in names:
            ratios = []
            if name in fitting:
                ratios = [f"{median_ratio(each[name], each[base]):.2f}" for each in times]
            cells.append(" / ".join(ratios))
        print_row(cells)


def median_ratio(times, base_times):
    return statistics.median(a / b for a, b in zip(times, base_times))


def print_growth(nsizes):
    """Print how the time of an epoch of get_training_stats grows with each of four sizes."""
    if "on_epoch" not in inspect.signature(hw1.get_training_stats).parameters:
        raise ValueError("hw1.py's get_training_stats takes no on_epoch, so its epochs cannot be "
                         "timed")
    print(f"\nTime of an epoch of this project: ReLU, float32, {EXAMPLES} examples, 64-64-64, "
          f"batch {BATCH}, but for the size that the table varies")
    print_table("examples", [1000 << i for i in range(nsizes)],
                lambda n: time_epoch(n, [64] * 3, BATCH), lambda n: n)
    print_table("units of one layer", [32 << i for i in range(nsizes)],
                lambda d: time_epoch(EXAMPLES, [d], BATCH))
    print_table("layers of 64", [1 << i for i in range(min(nsizes, 6))],
                lambda k: time_epoch(EXAMPLES, [64] * k, BATCH))
    print_table("batch size", [10, 100, 1000, 10000][:nsizes],
                lambda m: time_epoch(EXAMPLES, [64] * 3, m))


def print_table(title, sizes, time_size, count_examples=lambda size: EXAMPLES):
    """Print the seconds that time_size(size) returns for each size, also for one example."""
    print()
    print_row([title, "seconds", "us an example"])
    print_row(["---"] * 3)
    for size in sizes:
        seconds = time_size(size)
        microseconds = 1e6 * seconds / count_examples(size)
        print_row([str(size), f"{seconds:.3f}", f"{microseconds:.2f}"])


def time_epoch(n, hiddens, batch_size):
    """Return the median seconds of two epochs of n examples, after a first one."""
    work = Work("float32", "", hiddens, "ReLU", False, 1)
    x, y = work.data()
    x = np.resize(x, (n, INPUTS))
    y = np.resize(y, n)
    one = (x[:1], y[:1])
    ends = []
    hw1.get_training_stats(make_network(work), [(x, y), one, one], 3, batch_size,
                           on_epoch=lambda *_: ends.append(time.perf_counter()))
    return statistics.median(end - start for start, end in zip(ends, ends[1:]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--short", action="store_true", help="check that it runs, not how fast")
    options = parser.parse_args()
    try:
        if options.short:
            print_ratios(CONFIGS[:3], rounds=2)  # all but the slowest
            print_growth(nsizes=2)
        else:
            print_ratios(CONFIGS, rounds=40)
            print_growth(nsizes=7)
    except (EOFError, ValueError) as error:
        sys.exit(f"benchmark.py: {error or 'the process of a rival has ended, see above'}")
