"""The grader of homework 1: `python -m tests.grader [SUBMISSION ...]`. It needs NumPy, and no hw1/.

How it works
    __main__.py, batch.py, report.py    the command, and what it prints and writes
    submission.py                       finds and unpacks hw1/hw1.py
    processes.py, worker.py             run each section in a process with limits
    sections/                           what is asked: a module for each section, and a table
    judge.py, network.py, describe.py   how it is asked, compared, and put into words
    textbook.py                         what submissions are compared with
    mistakes.py, resolve.py             typical mistakes, and what they cost: each is charged once
    proof/                              the tests of all this; they need pytest

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

       A check has a name, its points, the method that answers it, and the ways to ask. A scenario
       takes nn, with the names of hw1.py and network(hiddens, activations, lr, momentum,
       num_bn_layers), and yields what it sees: (name, value), to be compared with what the textbook
       gives, or (name, value, expected). given notes an argument that must not be modified, and
       given.advise(line) gives advice. require(condition, reason) of reasons.py takes the points
       for a reason. judge.py explains the ways; alone is for a part by itself, in_network for a
       network whose parts may be wrong elsewhere.

    2. Add a row to SECTIONS in sections/__init__.py: the number, title, module and points, which
       are those of the checks in all.

    3. Add tests to proof/: a correct submission keeps the points, a wrong one loses them, for the
       right reason. proof/test_sections.py adds the section above to a copy of the grader.

    If a mistake costs several checks, of which only some are about it, name it in mistakes.py.
"""
