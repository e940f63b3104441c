"""The benchmark runs, in its short form and with this project alone: every table comes out, with its rows."""

import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "benchmark.py"


def run(*options):
    return subprocess.run([sys.executable, str(SCRIPT), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True)


def test_the_tables_of_time_come_out():
    done = run("--short", "--only", "ratios", "growth", "--configs", "A", "--dtypes", "float64", "--rivals",
               "products", "stats")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    data, threads, config, dtype, microseconds, products, own, stats = rows[
        rows.index("data threads config dtype us/step products hw1 stats".split()) + 1]
    assert (data, threads, config, dtype, own) == ("random", "1", "A", "float64", "1.00")
    assert float(microseconds) > 0 and float(products) > 0 and float(stats) > 0
    for title, size in (("examples", "1000"), ("width", "32"), ("depth", "1"), ("batch", "10")):
        row = rows[rows.index([title, "s/epoch", "us/example"]) + 1]
        assert row[0] == size and float(row[2]) > 0


def test_the_peak_of_memory_has_the_network_in_it_and_not_the_data():
    from tests import benchmark

    data, weights, peak = benchmark.peak_memory(5000, mapped=True)
    assert data == 5000 * 784 * 4
    assert weights == 4 * (784 * 64 + 64 + 64 * 10 + 10)
    assert 4 * weights < peak < data


def test_a_wrong_option_is_refused_with_what_was_expected():
    done = run("--rounds", "0")
    assert done.returncode == 2
    assert "expected an integer of at least 1, got '0'" in done.stderr
