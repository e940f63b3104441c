"""A program for test_mnist_command.py: data/mnist.py with other tables, pickled on standard input.

most: the size at which the system refuses to let a file grow, as it does on a full disk; or None.
"""

import pickle
import resource
import sys

from data import mnist

if __name__ == "__main__":
    mnist.ARCHIVES, mnist.FILES, most, arguments = pickle.load(sys.stdin.buffer)
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.exit(mnist.main(arguments))
