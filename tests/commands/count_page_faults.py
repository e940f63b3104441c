"""Print how many pages of memory a step of a wide network gets from the system, on average.

Run by test_speed.py, in a process of its own.
"""

import resource

import numpy as np

from hw1 import hw1

NEPOCHS = 12


def make_weights(d_in, d_out):
    return np.full((d_in, d_out), 0.01)


def count_page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def main():
    activations = [hw1.ReLU(), hw1.ReLU(), hw1.ReLU(), hw1.Identity()]
    mlp = hw1.MLP(784, 10, [512, 512, 512], activations, make_weights, np.zeros,
                  hw1.SoftmaxCrossEntropy(), 0.01, 0.9)
    partition = (np.ones((100, 784)), np.zeros(100, int))
    counts = []
    hw1.get_training_stats(mlp, [partition] * 3, NEPOCHS, 100,
                           on_epoch=lambda *_: counts.append(count_page_faults()))
    warm = 2  # epochs, of one step each
    print((counts[-1] - counts[warm - 1]) / (NEPOCHS - warm))


if __name__ == "__main__":
    main()
