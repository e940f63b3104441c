"""2.4 Activations: the output, which is kept as state, and the derivative at the last forward.

How to read a check: its scenario yields (name, value) from the submission's classes, nn. Each value
is compared with what the scenario yields for the textbook, a correct hw1.py; any difference loses
all points of the check, as do an exception and require(False, reason). One point is lost if only
an array that went through given(...) is modified.
"""

import copy
from functools import partial

import numpy as np

from tests.grader.judge import Check, alone
from tests.grader.network import draw_normal, get_attribute
from tests.grader.reasons import require

SMALL_SHAPES = [(6, 5), (3, 4)]
NETWORK_SHAPES = [(8, 10), (8, 12), (8, 16), (8, 24), (8, 32), (8, 64), (5, 32), (10, 32), (50, 32)]
SHAPES = SMALL_SHAPES + NETWORK_SHAPES


def forward(nn, given, name):
    """The output and state are the textbook's, one shape after the other in the same object."""
    activation = getattr(nn, name)()
    for shape in SHAPES:
        x = draw_normal(1, shape, scale=2)
        given(f"the argument of {name}.forward", x)
        call = activation.forward if shape in SMALL_SHAPES else activation
        yield f"the output of {name} for an argument of shape {shape}", call(x)
        state = copy.copy(get_attribute(activation, "state"))
        yield f"{name}.state for an argument of shape {shape}", state


def derivative(nn, given, name):
    """The derivative is the textbook's at the x of the last of two forwards; two entries are 0.

    Another activation of the same class is used in between.
    """
    activation = getattr(nn, name)()
    other = getattr(nn, name)()
    for shape in SHAPES:
        x = draw_normal(2, shape, scale=2)
        x[0, :2] = 0
        activation(draw_normal(3, shape, scale=2))
        activation(x)
        other(draw_normal(3, shape, scale=2))
        before = copy.copy(getattr(activation, "state", None))
        value = activation.derivative()
        is_kept = not isinstance(before, np.ndarray) or np.array_equal(before, activation.state)
        require(is_kept, f"{name}.derivative modifies state in place: work on a copy")
        yield f"{name}.derivative() for an argument of shape {shape}", value


CHECKS = []
for name in ("Sigmoid", "Tanh", "ReLU"):
    # the check, its points, and the method that a reason names
    CHECKS += [
        Check(f"{name}.forward", 2, f"{name}.forward", alone(partial(forward, name=name))),
        Check(f"{name}.derivative", 2, f"{name}.derivative", alone(partial(derivative, name=name))),
    ]
