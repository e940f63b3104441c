"""What hw1.py does for speed is done, and changes no number.  tests/benchmark.py measures what it saves."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from hw1 import hw1

FAULTS_A_STEP = """
import resource
import numpy as np
from hw1 import hw1

def weights(d_in, d_out):
    return np.full((d_in, d_out), 0.01)

mlp = hw1.MLP(784, 10, [512] * 3, [hw1.ReLU(), hw1.ReLU(), hw1.ReLU(), hw1.Identity()], weights, np.zeros,
              hw1.SoftmaxCrossEntropy(), 0.01, 0.9)
x, y, faults = np.ones((100, 784)), np.zeros(100, int), []
hw1.get_training_stats(mlp, [(x, y)] * 3, 12, 100,
                       on_epoch=lambda *_: faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt))
print((faults[-1] - faults[1]) / 10)
"""


@pytest.mark.parametrize("width", [70000, 300000])
@pytest.mark.parametrize("bias_shape", [(-1,), (1, -1)])
def test_arrays_that_are_stepped_in_parts(width, bias_shape):
    """Arrays too large for the processor's cache make the same step as small ones, to the last bit."""
    rng = np.random.RandomState(0)
    mlp = hw1.MLP(1, width, [], [hw1.Identity()], lambda d_in, d_out: rng.standard_normal((d_in, d_out)),
                  lambda d: rng.standard_normal(d).reshape(bias_shape), hw1.SoftmaxCrossEntropy(), 0.1, 0.9)
    W, b = mlp.W[0].copy(), mlp.b[0].copy()
    W_velocity, b_velocity = np.zeros_like(W), np.zeros_like(b)
    for _ in range(3):
        mlp.dW, mlp.db = [rng.standard_normal(W.shape)], [rng.standard_normal(width)]
        mlp.step()
        W_velocity = 0.9 * W_velocity - 0.1 * mlp.dW[0]
        b_velocity = 0.9 * b_velocity - 0.1 * mlp.db[0]
        W, b = W + W_velocity, b + b_velocity
    np.testing.assert_array_equal(mlp.W[0], W)
    np.testing.assert_array_equal(mlp.b[0], b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_velocities_below_the_smallest_normal_number_end_with_the_epoch(dtype):
    """An epoch leaves no subnormal velocity, with which the next would be slow, and keeps all others."""
    mlp = hw1.MLP(3, 2, [], [hw1.Identity()], lambda *shape: np.zeros(shape, dtype), lambda d: np.zeros(d, dtype),
                  hw1.SoftmaxCrossEntropy(), 0.1, 0.5)
    tiny = np.finfo(dtype).tiny
    mlp._W_velocities[0][:] = [[tiny, -tiny], [2 * tiny, -2 * tiny], [4 * tiny, 1]]  # to be halved, and then stay
    x, y = np.zeros((4, 3), dtype), np.array([0, 1, 0, 1])
    hw1.get_training_stats(mlp, [(x, y)] * 3, 1, 4)
    np.testing.assert_array_equal(mlp._W_velocities[0], [[0, 0], [tiny, -tiny], [2 * tiny, 0.5]])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="how malloc keeps freed memory is glibc's")
def test_a_step_gets_no_memory_anew_from_the_system():
    """Steps of a wide network reuse the memory that earlier ones freed: without that, some 2,000 pages come anew."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))}
    done = subprocess.run([sys.executable, "-c", FAULTS_A_STEP], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True, env=environment, cwd=os.path.dirname(os.path.dirname(hw1.__file__)))
    assert float(done.stdout) < 100
