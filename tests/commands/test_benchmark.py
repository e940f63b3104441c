"""tests/benchmark.py runs: its short form prints every table, or one line says why not."""

import re
import subprocess
import sys

from tests.commands import copies

WITHOUT_ON_EPOCH = """

_get_training_stats = get_training_stats


def get_training_stats(mlp, dset, nepochs, batch_size):
    return _get_training_stats(mlp, dset, nepochs, batch_size)
"""


def run_short(folder):
    """Return the finished process of the benchmark's short form in a folder."""
    return subprocess.run([sys.executable, "tests/benchmark.py", "--short"], cwd=folder,
                          capture_output=True, text=True)


def read_tables(output):
    """Return the cells of each row after its first cell, by the first cell."""
    tables = {}
    for line in output.splitlines():
        if line.startswith("|"):
            first, *others = [cell.strip() for cell in line.strip("|").split("|")]
            tables[first] = others
    return tables


def test_short_form_prints_every_table():
    done = run_short(copies.ROOT)

    assert done.stderr == ""
    assert done.returncode == 0
    tables = read_tables(done.stdout)
    for network in ("linear", "64-64-32, sigmoid", "the same, three BatchNorm layers"):
        microseconds, *ratios = tables[network]
        assert re.fullmatch(r"\d+ / \d+", microseconds)
        assert len(ratios) == len(tables["network"]) - 1
        for rival, ratio in zip(tables["network"][1:], ratios):
            if "BatchNorm" in network and rival == "scikit-learn":  # which has none
                assert ratio == ""
            else:
                assert re.fullmatch(r"\d+\.\d\d / \d+\.\d\d", ratio)
    largest_sizes = {"examples": "2000", "units of one layer": "64", "layers of 64": "2",
                     "batch size": "100"}
    for title, size in largest_sizes.items():
        assert tables[title] == ["seconds", "us an example"]
        seconds, microseconds = tables[size]
        assert float(microseconds) > 0


def test_hw1_without_on_epoch_is_named_in_one_line(tmp_path):
    copies.copy(tmp_path, "hw1", "data", "tests")
    with open(tmp_path / "hw1" / "hw1.py", "a") as file:
        file.write(WITHOUT_ON_EPOCH)

    done = run_short(tmp_path)

    assert "linear" in read_tables(done.stdout)
    assert done.stderr == ("benchmark.py: hw1.py's get_training_stats takes no on_epoch, so its "
                           "epochs cannot be timed\n")
    assert done.returncode == 1
