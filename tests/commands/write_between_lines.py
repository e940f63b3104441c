"""A program for test_files.py: python -m tests.commands.write_between_lines PATH."""

import sys

from data import files

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        print("before", file=stream)
    files.write(sys.argv[1], b"content\n")
    for stream in (sys.stdout, sys.stderr):
        print("after", file=stream)
