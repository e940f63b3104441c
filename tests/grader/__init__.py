"""The grader: takes a handin apart, asks the suites about it in processes of its own, and adds up the points."""
