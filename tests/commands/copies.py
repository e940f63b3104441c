"""Copies of the repository's folders, for tests that change them."""

import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]


def copy(folder, *names, ignored=()):
    """Copy files and folders of the repository into folder, without caches and data.

    The copies can be written to even if the repository cannot. ignored: further patterns of names.
    """
    patterns = shutil.ignore_patterns("__pycache__", "*.npy", *ignored)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=patterns)
        else:
            shutil.copy(ROOT / name, folder)
        for path in [folder / name, *(folder / name).rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    return folder
