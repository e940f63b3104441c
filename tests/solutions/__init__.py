"""Complete solutions of the homework, in plainly different styles.

Each file is a whole hw1.py. They are test data: the suites of the sections and the grader
must find no fault in any of them, because a student may write the homework in any of these
ways. Each keeps to the homework (float64 arrays, one-hot labels or class indices, training
sets that the batch size divides) and promises nothing beyond it.

Files are loaded by their path; nothing imports this package, and pytest collects nothing
here. numpy_of_2018.py alone uses names that NumPy and Python have dropped: it imports only
after tests/since_2018.py has restored them.

Whoever takes the course follows its rules on academic integrity: these files are not to be
copied from, and not to be handed in.
"""
