"""The grader of homework 1: `python -m tests.grader [HANDIN ...]`. It needs NumPy, but no hw1/."""
