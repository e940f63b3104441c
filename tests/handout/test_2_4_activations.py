"""2.4 Activations: the output, which is kept as state, and the derivative of the last forward."""

import copy
import functools

import numpy as np
import pytest

from tests.handout.judge import Lost, check, entries

NAMES = ["Sigmoid", "Tanh", "ReLU"]


def state(nn, given, name):
    x = given("the argument of %s.forward" % name, np.random.RandomState(1).normal(0, 2, (6, 5)))
    activation = getattr(nn, name)()
    output = activation(x)
    return {"the output of %s" % name: output, "%s.state" % name: entries(activation, "state")["state"]}


def derivative(nn, given, name):
    x = np.random.RandomState(2).normal(0, 2, (6, 5))
    x[0, :2] = 0
    activation = getattr(nn, name)()
    activation(np.random.RandomState(3).normal(0, 2, (6, 5)))
    activation(x)
    before = copy.copy(activation.state)
    derivative = activation.derivative()
    if isinstance(before, np.ndarray) and not np.array_equal(before, activation.state):
        raise Lost("%s.derivative changes state in place: work on a copy" % name)
    return {"%s.derivative() of the last forward" % name: derivative}


def of(scenario, name):
    return functools.partial(scenario, name=name)


SCENARIOS = [of(scenario, name) for scenario in (state, derivative) for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_state(nn, name):
    check(nn, of(state, name), "2.4")


@pytest.mark.parametrize("name", NAMES)
def test_derivative(nn, name):
    check(nn, of(derivative, name), "2.4")
