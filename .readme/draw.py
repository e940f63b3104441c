"""Draws the README's pictures anew, from four runs on drawn digits, in about a minute:

    python .readme/draw.py
"""

import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from data import mnist  # noqa: E402
from hw1 import pictures, saved  # noqa: E402
from hw1.__main__ import main  # noqa: E402

RUNS = {
    "plain": ["--bn-layers", "0", "--momentum", "0"],
    "momentum": ["--bn-layers", "0"],
    "BatchNorm": ["--momentum", "0"],
    "both": ["--plot", str(HERE / "report.png")],  # the default
}


def draw(folder):
    """Run RUNS, which keep their figures in folder, and compare them."""
    trainings = {}
    for name, options in RUNS.items():
        path = folder / f"{name}.npz"
        if main([*options, "--save", str(path)]) != 0:
            sys.exit(f"draw.py: the run {name!r} failed, see above")
        trainings[name] = saved.load(path)[1]
    pictures.save(pictures.comparison(trainings), HERE / "comparison.png")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        mnist.HERE = pathlib.Path(empty)  # drawn digits, also where data/ holds MNIST
        draw(mnist.HERE)
