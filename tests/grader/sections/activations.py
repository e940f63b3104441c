"""2.4 Activations: the output, which is kept as state, and the derivative at the last forward."""

import copy

import numpy as np

from tests.grader.judge import Lost, checks, require
from tests.grader.network import entries

check, CHECKS = checks("2.4")

for name in ("Sigmoid", "Tanh", "ReLU"):
    @check(4, name=name, repair="parts")
    def half_and_half(handin, name=name):
        """Half of the points are for the output and the state, half for the derivative."""
        def output(nn, given):
            activation = getattr(nn, name)()
            for shape in ((6, 5), (3, 4)):
                x = np.random.RandomState(1).normal(0, 2, shape)
                yield f"the output of {name} for {shape}", activation(
                    given(f"the argument of {name}.forward", x))
                yield from entries(activation, "state", before=f"{name}.").items()

        def derivative(nn, given):
            x = np.random.RandomState(2).normal(0, 2, (6, 5))
            x[0, :2] = 0
            activation = getattr(nn, name)()
            activation(np.random.RandomState(3).normal(0, 2, (6, 5)))
            activation(x.copy())
            before = copy.copy(getattr(activation, "state", None))
            slope = activation.derivative()
            require(not isinstance(before, np.ndarray) or np.array_equal(before, activation.state),
                    f"{name}.derivative changes state in place: work on a copy")
            return {f"{name}.derivative() of the last forward": slope}

        lost = []
        for scenario in (output, derivative):
            try:
                handin.compare(scenario)
            except Lost as reason:
                lost.append(reason)
        if lost:
            changed = "belongs to the caller" in str(lost[0])
            raise Lost("; ".join(dict.fromkeys(map(str, lost))),
                       kept=0 if changed else 1 - len(lost) / 2,
                       faults=frozenset().union(*(reason.faults for reason in lost)))
