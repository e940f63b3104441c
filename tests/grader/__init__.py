"""The grader of homework 1: `python -m tests.grader [HANDIN ...]`. It needs NumPy, and nothing of this repository's hw1/."""
