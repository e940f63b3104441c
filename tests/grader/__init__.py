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
    1. Write sections/NAME.py with its checks. This one, initializers.py, is worth three points:

        \"\"\"2.1 Initializers: the weights' shape and distribution, and biases of zeros.\"\"\"

        import numpy as np

        from tests.grader.judge import Check, alone
        from tests.grader.reasons import require


        def weights(nn, given):
            np.random.seed(1)
            W = nn.random_normal_weight_init(200, 100)
            require(np.shape(W) == (200, 100),
                    f"random_normal_weight_init(200, 100) has shape {np.shape(W)}")
            require(abs(np.mean(W)) < 0.05 and abs(np.std(W) - 1) < 0.05,
                    "random_normal_weight_init does not draw from the standard normal distribution")


        def biases(nn, given):
            yield "zeros_bias_init(7)", np.ravel(nn.zeros_bias_init(7)), np.zeros(7)


        CHECKS = [
            Check("weights", 2, "random_normal_weight_init", alone(weights)),
            Check("biases", 1, "zeros_bias_init", alone(biases)),
        ]

       A check has a name, its points, the function or method that it tests (its line is given with
       each reason), and the ways to ask. A scenario takes nn, which has the names of hw1.py. It
       yields (name, value, expected), or (name, value) to compare with what the textbook gives:
       then textbook.py must have the piece, too. require takes the points and gives the reason.
       given(name, array) returns an argument that must not be modified in place; work out what is
       expected before it is passed on. given.advise(line) gives advice.

       alone is for a piece by itself. For a network, nn.network(hiddens, activations, lr, momentum,
       num_bn_layers) makes one (activations: a name for each layer, the last one included), and
       in_network asks in three ways, because other pieces may be wrong, which other checks charge:
       see judge.py, and sections/linear.py for an example.

    2. Add a row to SECTIONS in sections/__init__.py: the number, the title, the module, and the sum
       of the points of its checks. --help, the total, the table and the gradebook follow.

    3. Add tests to proof/: a correct submission keeps the points, and a wrong one loses them for
       the right reason. proof/test_sections.py tests the section above in a copy of the grader. A
       wrong submission is the textbook's text, edited: submissions.write_module writes it, and
       submissions.grade_together(path, ["2.1"]) grades it.

    If a mistake makes several checks fail but should cost only some of them, add it to
    mistakes.py.
"""
