"""2.4 Activations: the output, which is kept as state, and the derivative at the last forward."""

import copy
import functools

import numpy as np

from tests.grader.judge import Check, alone
from tests.grader.network import get_attribute
from tests.grader.reasons import require

# the first are small, the others are those of the networks
SHAPES = [(6, 5), (3, 4), (8, 10), (8, 12), (8, 16), (8, 24), (8, 32), (8, 64), (5, 32), (10, 32),
          (50, 32)]


def forward(nn, given, name):
    """The output, which is also state, one shape after the other."""
    activation = getattr(nn, name)()
    for shape in SHAPES:
        x = given(f"the argument of {name}.forward",
                  np.random.RandomState(1).normal(0, 2, shape))
        yield f"the output of {name} for an argument of shape {shape}", activation(x)
        state = copy.copy(get_attribute(activation, "state"))
        yield f"{name}.state for an argument of shape {shape}", state


def derivative(nn, given, name):
    """The derivative at the x of the last forward, of which two entries are 0."""
    activation = getattr(nn, name)()
    for shape in SHAPES:
        x = np.random.RandomState(2).normal(0, 2, shape)
        x[0, :2] = 0
        activation(np.random.RandomState(3).normal(0, 2, shape))
        activation(x)
        before = copy.copy(getattr(activation, "state", None))
        slope = activation.derivative()
        is_kept = not isinstance(before, np.ndarray) or np.array_equal(before, activation.state)
        require(is_kept, f"{name}.derivative modifies state in place: work on a copy")
        yield f"{name}.derivative() for an argument of shape {shape}", slope


CHECKS = []
for name in ("Sigmoid", "Tanh", "ReLU"):
    CHECKS += [
        Check(f"{name}.forward", 2, f"{name}.forward",
              alone(functools.partial(forward, name=name))),
        Check(f"{name}.derivative", 2, f"{name}.derivative",
              alone(functools.partial(derivative, name=name))),
    ]
