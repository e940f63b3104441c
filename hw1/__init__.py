"""Homework 1, part 1: everything in hw1.hw1 under the package's own name, so that `from hw1 import MLP` works."""

from .hw1 import (Activation, BatchNorm, Criterion, Identity, MLP, ReLU, Sigmoid, SoftmaxCrossEntropy, Tanh,
                  get_training_stats, random_normal_weight_init, zeros_bias_init)

__all__ = ["Activation", "BatchNorm", "Criterion", "Identity", "MLP", "ReLU", "Sigmoid", "SoftmaxCrossEntropy", "Tanh",
           "get_training_stats", "random_normal_weight_init", "zeros_bias_init"]
