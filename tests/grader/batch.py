"""Find the submissions that a command line names, one or a whole batch.

A batch is a folder, or a zip archive of a folder, whose entries are submissions or a folder for
each student, as Moodle and Gradescope export them. The submission in a student's folder is its
newest archive, or the folder itself if it has no archive, or contains hw1/hw1.py.
"""

import os
import pathlib
import time
import typing
import zipfile

from tests.grader import submission


class Found(typing.NamedTuple):
    """A submission. note: which of several archives it is, or None."""

    name: str
    path: pathlib.Path
    note: str = None


class Batch:
    """The submissions that the paths of a command line name.

    paths: {name: path}, in order; a name that is not unique is the path. notes: {name: line}, which
    archive of several it is. skipped: lines about files that are not graded.
    """

    def __init__(self, paths, folder):
        """Find what paths, of existing files and folders, name; zipped batches go to folder."""
        self._folder = pathlib.Path(folder)
        self._found = []
        self.skipped = []
        for path in map(pathlib.Path, paths):
            if path.is_dir() and not submission.holds_hw1(path):
                self._add_folder(path)
            elif is_zipped_batch(path):
                self._add_folder(self._extract(path))
            else:
                self._found.append(Found(path.resolve().name, path))
        names = [found.name for found in self._found]
        self.paths = {}
        self.notes = {}
        for name, path, note in self._found:
            if names.count(name) > 1:
                name = str(path)
            self.paths[name] = path
            if note is not None:
                self.notes[name] = note

    def _add_folder(self, folder):
        """Add each submission in a folder; folders around the batch are opened."""
        entries = list_entries(folder)
        while len(entries) == 1 and wraps_a_batch(entries[0]):
            entries = list_entries(entries[0])
        for entry in entries:
            if entry.is_dir():
                self._found.append(choose_submission(entry))
            elif is_submitted_file(entry):
                self._found.append(Found(entry.name, entry))
            else:
                self.skipped.append(f"{entry.name} is skipped: not a submission")

    def _extract(self, path):
        """Unpack a zipped batch with the times of its members, and return the folder."""
        folder = self._folder / str(len(self._found)) / path.stem
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.is_dir() or not submission.is_wanted(member.filename):
                    continue
                if member.file_size > submission.MAX_SIZE:
                    self.skipped.append(f"{member.filename} is skipped: it is larger than "
                                        f"{submission.MAX_SIZE >> 20} MB")
                    continue
                target = archive.extract(member, folder)
                changed = time.mktime((*member.date_time, 0, 0, -1))  # -1: summer time is unknown
                os.utime(target, (changed, changed))
        inner = folder / path.stem
        if list_entries(folder) == [inner] and holds_several(inner):
            return inner  # the folder that was zipped, and not a student's
        return folder


def list_entries(folder):
    """Return the paths in a folder, but for hidden and compiled files, sorted."""
    return sorted(entry for entry in folder.iterdir() if submission.is_wanted(entry.name))


def wraps_a_batch(folder):
    """Return whether a folder contains other folders, and neither an archive nor a .py file."""
    if not folder.is_dir() or submission.holds_hw1(folder):
        return False
    entries = list_entries(folder)
    files = [entry for entry in entries if entry.is_file()]
    has_folders = len(files) < len(entries)
    return has_folders and not any(is_submitted_file(file) for file in files)


def holds_several(folder):
    """Return whether more than one entry of a folder is a submission, or holds an archive."""
    if not folder.is_dir() or submission.holds_hw1(folder):
        return False
    count = 0
    for entry in list_entries(folder):
        if entry.is_dir():
            is_submission = submission.holds_hw1(entry) or list_archives(entry)
        else:
            is_submission = is_submitted_file(entry)
        if is_submission:
            count += 1
    return count > 1


def is_submitted_file(path):
    return path.suffix == ".py" or submission.is_archive(path)


def list_archives(folder):
    """Return the paths of the archives below a folder."""
    files = [path for path in folder.rglob("*")
             if path.is_file() and submission.is_wanted(path.relative_to(folder).as_posix())]
    return [path for path in files if submission.is_archive(path)]


def choose_submission(folder):
    """Return the Found in a student's folder: the folder itself if there is no archive."""
    archives = list_archives(folder)
    if submission.holds_hw1(folder) or not archives:
        return Found(folder.name, folder)
    newest = max(archives, key=lambda path: (path.stat().st_mtime, path.name))
    note = None
    if len(archives) > 1:
        note = f"of its {len(archives)} archives the newest is graded, {newest.name}"
    return Found(folder.name, newest, note)


def is_zipped_batch(path):
    """Return whether path is a zip archive of several submissions, and not one submission."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = [name.lower() for name in archive.namelist() if submission.is_wanted(name)]
    if "hw1/hw1.py" in names:
        return False
    modules = [name for name in names if f"/{name}".endswith("/hw1.py")]
    archives = [name for name in names if name.endswith(submission.SUFFIXES)]
    return len(modules) > 1 or (len(modules) == 0 and len(archives) > 0)
