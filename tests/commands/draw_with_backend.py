"""A program for test_pictures.py: draws, writes a file, and prints what became of MPLBACKEND."""

import os
import sys

from tests.commands.test_pictures import STATS, Network, pictures

if __name__ == "__main__":
    pictures.training(STATS)._repr_png_()
    pictures.save(pictures.first_layer(Network()), sys.argv[1])
    print("matplotlib.pyplot" in sys.modules)
    print(os.environ["MPLBACKEND"])
    import matplotlib
    print(matplotlib.rcParams["backend"])
