"""The grader of homework 1: `python -m tests.grader [SUBMISSION ...]`.

It needs NumPy, but not pytest, nor this repository's own hw1/.

How it works
    __main__.py, batch.py, report.py    the command, and what it prints and writes
    submission.py                       finds and unpacks hw1/hw1.py
    processes.py, worker.py             run each section in a process with limits
    sections/                           the checks: a module for each section, and a table
    judge.py                            runs a check, compares the values, and gives a verdict
    network.py                          batches and networks for the checks
    describe.py, reasons.py             the reasons for lost points, in words and as exceptions
    textbook.py                         the plain solution that submissions are compared with
    mistakes.py, resolve.py             typical mistakes, and what they cost: each is charged once
    proof/                              the tests of the grader; they need pytest

    To read a check, open its module in sections/; linear.py, the first with networks, explains how.

How to add a graded section
    1. Write sections/NAME.py with its checks. This one is worth three points:

        \"\"\"2.9 Leaky ReLU: the output, and a network that uses it.\"\"\"

        import numpy as np

        from tests.grader.judge import Check, alone, in_network
        from tests.grader.network import make_batch


        def leaky_relu(nn, given):
            x = given("the argument of LeakyReLU", np.linspace(-1, 1, 11))
            yield "the output of LeakyReLU", nn.LeakyReLU()(x), np.where(x > 0, x, 0.01 * x)


        def in_a_network(nn, given):
            net = nn.network([32, 32])
            net.run(*make_batch(8, seed=1))
            yield "forward(x)", net.output
            yield from net.gradients().items()


        CHECKS = [
            Check("leaky_relu", 1, "LeakyReLU.forward", alone(leaky_relu)),
            Check("in_a_network", 2, "MLP.forward", in_network(in_a_network)),
        ]

       A check has a name, its points, the method that it tests, and the ways to ask. A scenario
       takes nn, which has the names of hw1.py and network(hiddens, activations, lr, momentum,
       num_bn_layers). It yields (name, value), which is compared with the textbook's value, or
       (name, value, expected). given(name, array) returns an argument that must not be modified;
       given.advise(line) gives advice. require(condition, reason), of reasons.py, takes the points
       and gives the reason. The ways are explained in judge.py: alone is for a part by itself,
       in_network for a network whose parts may be wrong, which other checks charge.

    2. Add a row to SECTIONS in sections/__init__.py: the number, the title, the module, and the sum
       of the points of its checks.

    3. Add tests to proof/: a correct submission keeps the points, and a wrong one loses them for
       the right reason. proof/test_sections.py adds the section above to a copy of the grader.

    If a mistake makes several checks fail but should cost only some of them, add it to
    mistakes.py.
"""
