"""What MLP does once for speed works.  tests/benchmark.py measures what it saves."""

import os
import platform
import subprocess
import sys

import pytest

from tests.commands.copies import ROOT

FAULTS_A_STEP = """
import resource
import numpy as np
from hw1 import hw1

def weights(d_in, d_out):
    return np.full((d_in, d_out), 0.01)

activations = [hw1.ReLU(), hw1.ReLU(), hw1.ReLU(), hw1.Identity()]
mlp = hw1.MLP(784, 10, [512] * 3, activations, weights, np.zeros, hw1.SoftmaxCrossEntropy(), 0.01,
              0.9)
x, y, faults = np.ones((100, 784)), np.zeros(100, int), []
hw1.get_training_stats(mlp, [(x, y)] * 3, 12, 100,
                       on_epoch=lambda *_: faults.append(
                           resource.getrusage(resource.RUSAGE_SELF).ru_minflt))
print((faults[-1] - faults[1]) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="how malloc keeps memory is glibc's")
def test_a_step_gets_no_memory_anew_from_the_system():
    """Steps of a wide network reuse what earlier ones freed: 130 new pages a step, else 1,800."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))}
    done = subprocess.run([sys.executable, "-c", FAULTS_A_STEP], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True, env=environment, cwd=ROOT)
    assert float(done.stdout) < 400
