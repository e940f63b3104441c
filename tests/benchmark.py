"""Measures how fast hw1.py trains beside what people would use instead, and how its time and memory grow.

    python tests/benchmark.py             everything, on what is installed: a quarter of an hour
    python tests/benchmark.py --short     the same tables in seconds, to see that it works
    python tests/benchmark.py --only ratios --threads 1 --data random    a part of it
    python tests/benchmark.py --help      everything else

Speed is told as ratios, since seconds differ from machine to machine and from minute to minute. Each rival
trains in a process of its own, all with the same threads, data, first weights and batches; they take turns of
some ten milliseconds, and a figure is the median, over the rounds, of a rival's time in a round over that of
PyTorch (of hw1 where there is no PyTorch). With one thread the time is the process's CPU time, with two the
clock's. All must come to the same loss, or the run fails.

hw1 does in its loop what the rivals do in theirs: zero_grads, forward, backward, step. "stats" is
get_training_stats, which does a little more: it makes its labels one-hot and keeps losses and predictions.
"products" is the limit: the matrix products of a step alone, into arrays that are there already.
"""

import argparse
import functools
import importlib.metadata
import importlib.util
import itertools
import multiprocessing
import os
import pathlib
import platform
import signal
import statistics
import sys
import tempfile
import time
import tracemalloc
import typing

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # run as a script, Python looks in tests/ alone

from data import digits, mnist
from hw1 import hw1

INPUTS, CLASSES, BATCH, LR, MOMENTUM, EPS = 784, 10, 100, 0.008, 0.9, 1e-8
SEED = 11785
EXAMPLES = 10000  # unless the data have another number
MANY = 10 ** 5  # epochs: more than a rival gets to train
SPAWN = multiprocessing.get_context("spawn")  # a new process, whose libraries read the threads they may have


class Config(typing.NamedTuple):
    """A network, and the steps that take it some ten milliseconds."""

    title: str
    hiddens: tuple
    activation: str
    batchnorm: bool
    steps: int


CONFIGS = {
    "A": Config("linear", (), "relu", False, 50),
    "B": Config("[64, 64, 32] sigmoid", (64, 64, 32), "sigmoid", False, 20),
    "C": Config("B with three BatchNorm layers", (64, 64, 32), "sigmoid", True, 20),
    "D": Config("[512, 512, 512] ReLU", (512, 512, 512), "relu", False, 2),
}
# Steps after which the losses are compared: an epoch, since sklearn orders the next in its own way. All configs' steps
# divide it.
CHECKED = EXAMPLES // BATCH
TOLERANCE = {"float64": 1e-8, "float32": 1e-3}  # of the losses, relative
# Steps before the timing. On real pixels, float32 velocities that get no gradient for 800 steps become subnormal
# numbers, which are slow: that has to be in the figures.
SETTLE = {"random": CHECKED, "pixels": 1500}


# ---- The rivals --------------------------------------------------------------------------------------------

class Work(typing.NamedTuple):
    """What each rival trains on: the network, x of (n, 784), class indices y of (n,)."""

    config: Config
    x: np.ndarray
    y: np.ndarray

    def weights(self):
        """Draw the first weights, (d_in, d_out) a layer; the biases begin at zero."""
        rng = np.random.RandomState(SEED)
        sizes = (INPUTS,) + self.config.hiddens + (CLASSES,)
        return [rng.normal(0, d_in ** -0.5, (d_in, d_out)).astype(self.x.dtype)
                for d_in, d_out in zip(sizes, sizes[1:])]

    def batches(self):
        """Yield the indices of each batch, for ever, in get_training_stats' order."""
        np.random.seed(SEED)
        while True:
            order = np.arange(len(self.x))
            np.random.shuffle(order)
            yield from order.reshape(-1, BATCH)


class Pace:
    """What a rival calls after each step, with its loss, or those of the batch: at the end of a block it reports, and waits for the next."""

    def __init__(self, pipe):
        self._pipe = pipe
        # CPU time leaves out what other programs of the machine take; for two threads it would count both.
        self._clock = time.process_time if os.environ["OMP_NUM_THREADS"] == "1" else time.perf_counter

    def wait(self):
        self.steps = self._left = self._pipe.recv()
        self._start = self._clock()

    def __call__(self, loss, steps=1):
        self._left -= steps
        if self._left == 0:
            elapsed = self._clock() - self._start
            self._pipe.send((elapsed / self.steps, float(np.mean(np.asarray(loss)))))
            self.wait()


def train_products(work, pace):
    weights = work.weights()
    inputs = [work.x[:BATCH]] + [np.ones((BATCH, W.shape[1]), work.x.dtype) for W in weights]
    deltas = [np.empty_like(x) for x in inputs]
    gradients = [np.empty_like(W) for W in weights]
    outputs = [np.empty_like(x) for x in inputs]
    layers = list(zip(weights, inputs, outputs[1:], deltas, deltas[1:], gradients))
    for delta in deltas:
        delta.fill(1)
    pace.wait()
    while True:
        for W, x, out, _, _, _ in layers:
            np.matmul(x, W, out=out)
        for i, (W, x, _, below, delta, dW) in reversed(list(enumerate(layers))):
            np.matmul(x.T, delta, out=dW)
            if i > 0:
                np.matmul(delta, W.T, out=below)
        pace(np.nan)


def train_hw1(work, pace):
    mlp = network(work.config.hiddens, work.config.activation, work.config.batchnorm, work.weights())
    y = np.eye(CLASSES, dtype=work.x.dtype)[work.y]
    pace.wait()
    for batch in work.batches():
        mlp.zero_grads()
        mlp.forward(work.x.take(batch, axis=0))
        mlp.backward(y.take(batch, axis=0))
        mlp.step()
        pace(mlp.criterion.loss)


def train_stats(work, pace):
    class Paced(hw1.MLP):
        def step(self):
            super().step()
            pace(self.criterion.loss)

    mlp = network(work.config.hiddens, work.config.activation, work.config.batchnorm, work.weights(), Paced)
    one = work.x[:1], work.y[:1]
    np.random.seed(SEED)
    pace.wait()
    hw1.get_training_stats(mlp, ((work.x, work.y), one, one), MANY, BATCH)


def network(hiddens, activation, batchnorm, weights, kind=hw1.MLP):
    """Return an MLP with the given weights, and their dtype."""
    given = iter(weights)
    activate = {"sigmoid": hw1.Sigmoid, "relu": hw1.ReLU}[activation]
    return kind(INPUTS, CLASSES, list(hiddens), [activate() for _ in hiddens] + [hw1.Identity()],
                lambda d_in, d_out: next(given), lambda d: np.zeros(d, weights[0].dtype),
                hw1.SoftmaxCrossEntropy(), LR, MOMENTUM, len(hiddens) if batchnorm else 0)


def train_torch(work, pace, fused=None, compiled=False):
    import torch
    from torch import nn
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    x, y = torch.from_numpy(work.x), torch.from_numpy(work.y)
    layers = []
    for W in work.weights():
        layers.append(nn.Linear(*W.shape, dtype=x.dtype))
        layers[-1].weight.data = torch.from_numpy(W.T.copy())
        layers[-1].bias.data.zero_()
        if work.config.batchnorm:
            layers.append(nn.BatchNorm1d(W.shape[1], EPS, dtype=x.dtype))
        layers.append({"sigmoid": nn.Sigmoid, "relu": nn.ReLU}[work.config.activation]())
    net = nn.Sequential(*layers[:-2 if work.config.batchnorm else -1])  # the last layer has neither

    def objective(x, y):
        return nn.functional.cross_entropy(net(x), y)

    # The handout's gamma and beta take their gradients summed over the batch, and no momentum.
    scales = [p for layer in net if isinstance(layer, nn.BatchNorm1d) for p in layer.parameters()]
    linear = [p for layer in net if isinstance(layer, nn.Linear) for p in layer.parameters()]
    groups = [{"params": linear}] + ([{"params": scales, "lr": LR * BATCH, "momentum": 0}] if scales else [])
    optimizer = torch.optim.SGD(groups, LR, MOMENTUM, fused=fused)
    if compiled:
        objective = torch.compile(objective)
    pace.wait()
    for batch in work.batches():
        batch = torch.from_numpy(batch)
        loss = objective(x.index_select(0, batch), y.index_select(0, batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace(loss.detach())


def train_jax(work, pace):
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", work.x.dtype == np.float64)
    activate = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu}[work.config.activation]
    hiddens = work.config.hiddens
    bn_sizes = hiddens if work.config.batchnorm else ()
    layers = [(jnp.asarray(W), jnp.zeros(W.shape[1], W.dtype)) for W in work.weights()]
    scales = [(jnp.ones(d, work.x.dtype), jnp.zeros(d, work.x.dtype)) for d in bn_sizes]

    def objective(params, x, y):
        layers, scales = params
        for i, (W, b) in enumerate(layers):
            x = x @ W + b
            if i < len(scales):
                gamma, beta = scales[i]
                x = gamma * (x - x.mean(0)) / jnp.sqrt(x.var(0) + EPS) + beta
            if i < len(hiddens):
                x = activate(x)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    @jax.jit
    def train(state, order, x, y):
        def step(state, batch):
            layers, scales, velocities = state
            loss, (dlayers, dscales) = jax.value_and_grad(objective)((layers, scales), x[batch], y[batch])
            velocities = jax.tree.map(lambda v, g: MOMENTUM * v - LR * g, velocities, dlayers)
            layers = jax.tree.map(jnp.add, layers, velocities)
            scales = jax.tree.map(lambda p, g: p - LR * BATCH * g, scales, dscales)
            return (layers, scales, velocities), loss
        return jax.lax.scan(step, state, order)

    x, y = jnp.asarray(work.x), jnp.asarray(work.y)
    state = layers, scales, jax.tree.map(jnp.zeros_like, layers)
    batches = work.batches()
    pace.wait()
    while True:
        order = np.array(list(itertools.islice(batches, pace.steps)))
        state, losses = jax.block_until_ready(train(state, order, x, y))
        pace(losses[-1], pace.steps)


def train_sklearn(work, pace):
    from sklearn.neural_network import MLPClassifier
    given = iter(work.weights())

    class Paced(MLPClassifier):
        def _init_coef(self, fan_in, fan_out, dtype):
            return next(given), np.zeros(fan_out, dtype)

        def _backprop(self, *args):
            loss, *gradients = super()._backprop(*args)
            pace(loss)
            return (loss, *gradients)

    activation = {"sigmoid": "logistic", "relu": "relu"}[work.config.activation]
    classifier = Paced(work.config.hiddens, activation, solver="sgd", alpha=0, batch_size=BATCH,
                       learning_rate_init=LR, max_iter=MANY, tol=0, n_iter_no_change=MANY,
                       momentum=MOMENTUM, nesterovs_momentum=False)
    np.random.seed(SEED)
    pace.wait()
    classifier.fit(work.x, work.y)


# The module that each needs, and train(work, pace), which calls pace after each step and ends when that raises.
RIVALS = {
    "products": ("numpy", train_products),
    "hw1": ("numpy", train_hw1),
    "stats": ("numpy", train_stats),
    "torch": ("torch", train_torch),
    "fused": ("torch", functools.partial(train_torch, fused=True)),
    "compile": ("torch", functools.partial(train_torch, fused=True, compiled=True)),
    "jax": ("jax", train_jax),
    "sklearn": ("sklearn", train_sklearn),
}
PACKAGES = {"torch": "torch", "jax": "jax", "sklearn": "scikit-learn"}  # the modules, and what pip calls them
NOTES = """\
(products: the matrix products alone; stats: hw1's get_training_stats; torch: PyTorch eager, its SGD as it comes; fused:
with SGD(fused=True); compile: fused, and torch.compile of network and loss; jax: a jitted scan over the steps of a
block, without running statistics; sklearn: MLPClassifier.fit, without BatchNorm, whose batches are the others' in the
first epoch only)"""


# ---- Speed -------------------------------------------------------------------------------------------------

class Worker:
    """A rival in a process of its own, which trains when it is told to."""

    def __init__(self, name, config, folder):
        self.name = name
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, name, config, folder), daemon=True)
        self._process.start()
        theirs.close()

    def train(self, steps):
        """Return (seconds a step, loss of the last one); RuntimeError if the rival could not."""
        try:
            self._pipe.send(steps)
            answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            answer = "its process ended with status {}".format(self._process.exitcode)
        if isinstance(answer, str):
            raise RuntimeError("{} cannot be measured: {}".format(self.name, answer))
        return answer

    def stop(self):
        self._process.terminate()
        self._process.join()


def _serve(pipe, name, config, folder):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark itself answers to Ctrl-C, and stops its workers
    try:
        work = Work(config, np.load(folder / "x.npy"), np.load(folder / "y.npy"))
        RIVALS[name][1](work, Pace(pipe))
    except EOFError:
        pass  # the benchmark is gone
    except Exception as error:
        pipe.send("{}: {}".format(type(error).__name__, " ".join(str(error).split())[:200]))


def ratios(options):
    """Print the table of ratios; ValueError if a rival comes to another loss than hw1."""
    rivals = [name for name in options.rivals if installed(RIVALS[name][0])]
    base = "torch" if "torch" in rivals else "hw1"
    print("\nTime of a step, batch {}, as a ratio to {}'s; us/step is {}'s own\n{}\n".format(BATCH, base, base, NOTES))
    print(row("data", "threads", "config", "dtype", "us/step", *rivals))
    for data, threads, dtype in itertools.product(options.data, options.threads, options.dtypes):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            source, x, y = read(data)
            np.save(folder / "x.npy", x.astype(dtype))
            np.save(folder / "y.npy", y)
            for letter in options.configs:
                limit_threads(threads)
                measured = measure(rivals, CONFIGS[letter], folder, dtype, 0 if options.short else SETTLE[data],
                                   options.rounds)
                cells = ["-"] * len(rivals)
                for i, name in enumerate(rivals):
                    if name in measured:
                        cells[i] = "{:.2f}".format(statistics.median(
                            mine / other for mine, other in zip(measured[name], measured[base])))
                step = 1e6 * statistics.median(measured[base])
                print(row(source, threads, letter, dtype, "{:.0f}".format(step), *cells), flush=True)


def measure(names, config, folder, dtype, settle, rounds):
    """Return the seconds a step of each rival in each round, {name: [seconds]}, without those that cannot."""
    names = [name for name in names if not (name == "sklearn" and config.batchnorm)]
    workers = [Worker(name, config, folder) for name in names]
    try:
        losses = {}
        for worker in list(workers):
            try:
                for _ in range(CHECKED // config.steps):
                    losses[worker.name] = worker.train(config.steps)[1]
                for _ in range((settle - CHECKED) // config.steps):
                    worker.train(config.steps)
            except RuntimeError as error:
                if worker.name != "compile":  # it needs a C++ compiler, so it may be there and not work
                    raise
                print(error, file=sys.stderr)
                workers.remove(worker)
        for name, loss in losses.items():
            if name != "products" and not abs(loss / losses["hw1"] - 1) <= TOLERANCE[dtype]:
                raise ValueError("after {} steps of {} in {}, {} comes to a loss of {!r}, and hw1 to {!r}: one of "
                                 "them trains wrongly".format(CHECKED, config.title, dtype, name, loss, losses["hw1"]))
        times = {worker.name: [] for worker in workers}
        for _ in range(rounds):
            for worker in workers:
                times[worker.name].append(worker.train(config.steps)[0])
        return times
    finally:
        for worker in workers:
            worker.stop()


def read(data):
    """Return (name, x, y): random examples, or MNIST's for training, or drawn digits if it is not there."""
    if data == "random":
        rng = np.random.RandomState(SEED)
        return "random", rng.uniform(size=(EXAMPLES, INPUTS)), rng.randint(CLASSES, size=EXAMPLES)
    try:
        name, (x, y) = "mnist", mnist.load(os.environ.get("MNIST_DIR", mnist.HERE))[0]
    except FileNotFoundError:
        name, (x, y) = "drawn", digits.draw(EXAMPLES)
    return name, x / 255, y.astype(np.int64)


# ---- Growth and memory, of hw1 alone -----------------------------------------------------------------------

def growth(options):
    """Print how the time of an epoch grows with each size."""
    doubling = [1 << i for i in range(2 if options.short else 7)]
    tables = (
        ("examples", [(k * options.examples, k * options.examples, [64] * 3, BATCH) for k in doubling[:5]]),
        ("width", [(32 * k, options.examples, [32 * k], BATCH) for k in doubling]),
        ("depth", [(k, options.examples, [64] * k, BATCH) for k in doubling[:6]]),
        ("batch", [(m, options.examples, [64] * 3, m) for m in (10, 100, 1000, 10000) if m <= options.examples]),
    )
    print("\nTime of an epoch of hw1, ReLU, float32, one thread, {} examples, [64, 64, 64], batch {}, but for what "
          "the table varies (width: of one hidden layer)".format(options.examples, BATCH))
    with process() as one:
        for title, cases in tables:
            print("\n" + row(title, "s/epoch", "us/example"))
            for size, n, hiddens, batch in cases:
                seconds = one.apply(epoch_seconds, (n, hiddens, batch))
                print(row(size, "{:.3f}".format(seconds), "{:.2f}".format(1e6 * seconds / n)), flush=True)


def epoch_seconds(n, hiddens, batch_size):
    """Return the median time of three epochs of get_training_stats, with one example for validation."""
    x, y, mlp = example_training(n, hiddens)
    ends = [time.perf_counter()]
    hw1.get_training_stats(mlp, ((x, y), (x[:1], y[:1]), (x[:1], y[:1])), 3, batch_size,
                           on_epoch=lambda *_: ends.append(time.perf_counter()))
    return statistics.median(end - start for start, end in zip(ends, ends[1:]))


def memory(options):
    """Print what an epoch allocates beside its data, and in what terms that is to be understood."""
    print("\nPeak of what NumPy and Python allocate in an epoch of hw1 and its evaluation, beside the data; float32, "
          "batch {}, [512, 512, 512]; MB".format(BATCH))
    print("\n" + row("data in", "examples", "data", "a batch", "weights", "peak", "peak less 4 x weights, in batches"))
    with process() as one:
        for held, n in itertools.product(("memory", "mapped"), (options.examples, 2 * options.examples)):
            data, weights, peak = (size / 1e6 for size in one.apply(peak_memory, (n, held == "mapped", [512] * 3)))
            batch = data / n * BATCH
            print(row(held, n, *("{:.2f}".format(size) for size in (data, batch, weights, peak)),
                      "{:.1f}".format((peak - 4 * weights) / batch)), flush=True)


def peak_memory(n, mapped, hiddens=(64,)):
    """Return the bytes of the data, of the weights, and the most that was allocated at once beside the data."""
    x, y, _ = example_training(n, [])
    with tempfile.TemporaryDirectory() as folder:
        if mapped:
            path = pathlib.Path(folder, "x.npy")
            np.save(path, x)
            x = np.load(path, mmap_mode="r")
        tracemalloc.start()
        mlp = example_training(1, hiddens)[2]
        tracemalloc.reset_peak()
        hw1.get_training_stats(mlp, ((x, y), (x, y), (x, y)), 1, BATCH)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return x.nbytes, sum(p.nbytes for p in mlp.W + mlp.b), peak


def example_training(n, hiddens):
    """Return x, y and an untrained network: float32, random, ReLU."""
    rng = np.random.default_rng(SEED)
    x = rng.random((n, INPUTS), dtype=np.float32)
    config = Config("", tuple(hiddens), "relu", False, 1)
    return x, rng.integers(CLASSES, size=n), network(hiddens, "relu", False, Work(config, x, None).weights())


def process():
    """Return a pool of one process, with one thread."""
    limit_threads(1)
    return SPAWN.Pool(1, signal.signal, (signal.SIGINT, signal.SIG_IGN))


# ---- The run -----------------------------------------------------------------------------------------------

def limit_threads(threads):
    """Let the processes that are started from now on compute in so many threads."""
    for name in ("OPENBLAS", "OMP", "MKL", "VECLIB"):
        os.environ[name + ("_MAXIMUM_THREADS" if name == "VECLIB" else "_NUM_THREADS")] = str(threads)
    os.environ["NPROC"] = str(threads)  # XLA's
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=" + ("false" if threads == 1 else "true")


def installed(module):
    return importlib.util.find_spec(module) is not None


def row(*cells):
    """Return a line of a table: each cell in a column of eleven characters, or as wide as it is."""
    return " ".join("{:>10}".format(cell) for cell in cells)


def heading():
    """Return what the figures depend on, but for the machine."""
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        blas = "{name} {version}".format(**blas)
    except TypeError:  # NumPy before 1.25 only prints it
        blas = "see numpy.show_config()"
    there = ["{} {}".format(package, importlib.metadata.version(package))
             for module, package in PACKAGES.items() if installed(module)]
    missing = [package for module, package in PACKAGES.items() if not installed(module)]
    return "Python {}, NumPy {}, BLAS {}\nbeside: {}; not installed, so not measured: {}".format(
        platform.python_version(), np.__version__, blas, ", ".join(there) or "nothing", ", ".join(missing) or "nothing")


def parse(argv=None):
    """Return the options in argv, those of the command line if None; SystemExit(2) if one is wrong."""
    parser = argparse.ArgumentParser(prog="python tests/benchmark.py", description=__doc__.split("\n", 1)[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--short", action="store_true",
                        help="few examples and rounds, one thread, random data: to see that it works, not how fast")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts")
    parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS), help="; ".join(
        "{}: {}".format(letter, config.title) for letter, config in CONFIGS.items()))
    parser.add_argument("--dtypes", nargs="+", choices=TOLERANCE, default=list(TOLERANCE), help="of the ratios")
    parser.add_argument("--threads", nargs="+", type=int, choices=(1, 2), default=[1, 2], help="of the ratios")
    parser.add_argument("--data", nargs="+", choices=SETTLE, default=list(SETTLE),
                        help="of the ratios; pixels: MNIST from MNIST_DIR or data/, drawn digits if it is not there")
    parser.add_argument("--rivals", nargs="+", choices=RIVALS, default=[name for name in RIVALS if name != "compile"],
                        help="to measure beside hw1; compile takes half a minute for each figure")
    parser.add_argument("--rounds", metavar="N", type=_count, default=40, help="turns of each rival")
    options = parser.parse_args(argv)
    options.rivals = [name for name in RIVALS if name in options.rivals or name == "hw1"]
    options.examples = EXAMPLES
    if options.short:
        options.examples, options.rounds, options.threads, options.data = 1000, 2, [1], ["random"]
    return options


def _count(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError("expected an integer of at least 1, got {!r}".format(text))
    return int(text)


PARTS = {"ratios": ratios, "growth": growth, "memory": memory}


def main(argv=None):
    """Run the benchmark; return the exit status: 0 done, 1 failed, 130 interrupted."""
    options = parse(argv)
    print(heading(), flush=True)
    try:
        for part in options.only:
            PARTS[part](options)
    except KeyboardInterrupt:
        print("benchmark.py: interrupted", file=sys.stderr)
        return 130
    except (OSError, ValueError, RuntimeError) as error:
        print("benchmark.py: {}".format(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
