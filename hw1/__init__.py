"""Homework 1, part 1: the names of hw1.hw1 under the package's name, as in `from hw1 import MLP`.

hw1.py is not imported until one of its names is used: the rest of the package works while it is
broken.
"""

import importlib

__all__ = ["Activation", "BatchNorm", "Criterion", "Identity", "MLP", "ReLU", "Sigmoid",
           "SoftmaxCrossEntropy", "Tanh", "get_training_stats", "random_normal_weight_init",
           "zeros_bias_init"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("hw1.hw1"), name)


def __dir__():
    return sorted([*globals(), *__all__])
