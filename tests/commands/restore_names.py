"""A program for test_since_2018.py: restores the removed names, and uses some of them."""

import collections
import fractions
import importlib

import numpy as np

from data.removed_names import REPLACEMENTS
from tests import since_2018

if __name__ == "__main__":
    since_2018.restore()
    since_2018.restore()  # a second time changes nothing
    for module, names in REPLACEMENTS.items():
        for name in names:
            assert hasattr(importlib.import_module(module), name), name
    assert np.zeros(2, np.int).dtype.kind == "i"
    assert np.Inf == -np.NINF == np.infty
    assert isinstance([], collections.Sequence)
    assert fractions.gcd(6, 4) == 2
