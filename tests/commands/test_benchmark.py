"""The benchmark runs, in its short form: every table comes out, with its rows."""

import re
import subprocess
import sys

from tests.commands import copies


def test_the_tables_come_out():
    done = subprocess.run([sys.executable, "tests/benchmark.py", "--short"], cwd=copies.ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in done.stdout.splitlines()
             if line.startswith("|")}
    for network in ("linear", "64-64-32, sigmoid"):
        microseconds, products, own, *_ = cells[network]
        assert re.fullmatch(r" \d+ / \d+ ", microseconds)
        assert all(float(ratio) > 0 for ratio in f"{products}/{own}".split("/"))
    for title, size in (("examples", "1000"), ("units of one layer", "32"), ("layers of 64", "1"),
                        ("batch size", "10")):
        assert cells[title] == [" seconds ", " us an example "] and float(cells[size][1]) > 0
