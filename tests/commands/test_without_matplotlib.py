"""Lets you change hw1/pictures.py safely where there is no matplotlib: it says what to install, and no more."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from hw1 import pictures

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATS = (np.array([1.0]),) * 4 + (np.eye(2),)


def test_the_module_is_imported_without_matplotlib():
    code = "import sys; sys.modules['matplotlib'] = None; import hw1.pictures; print(hw1.pictures.WIDTH)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("10\n", "")


def test_a_drawing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        pictures.training(STATS)


def test_check_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        pictures.check(tmp_path / "a.png")


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.png, \.svg or \.pdf, got '.*a\.jpg'"):
        pictures.check(tmp_path / "a.jpg")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(OSError, match="missing is not a folder that can be written to"):
        pictures.check(tmp_path / "missing" / "a.png")


def test_the_name_of_a_folder_is_refused(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(IsADirectoryError, match="choose the name of a file"):
        pictures.check(tmp_path / "a.png")
