"""hw1/pictures.py without matplotlib: it can be imported, and says what to install."""

import subprocess
import sys

import numpy as np
import pytest

from hw1 import pictures
from tests.commands.copies import ROOT

CURVE = np.array([1.0])
STATS = (CURVE, CURVE, CURVE, CURVE, np.eye(2))


def test_the_module_is_imported_without_matplotlib():
    code = "import sys; sys.modules['matplotlib'] = None; import hw1.pictures"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("call", [
    pictures.require_matplotlib,
    lambda: pictures.training(STATS),
    lambda: pictures.save(None, "a.png"),
])
def test_a_call_says_what_to_install(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        call()


@pytest.mark.parametrize("name", ["a.jpg", "png"])
def test_another_suffix_is_refused(name):
    with pytest.raises(ValueError, match=rf"ends in \.png, \.svg or \.pdf, got '{name}'"):
        pictures.save(None, name)
