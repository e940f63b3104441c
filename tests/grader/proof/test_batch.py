"""Which submissions are found in a folder or zip archive, as learning platforms export them."""

import os
import zipfile

import pytest

from tests.grader.batch import Batch
from tests.grader.proof.submissions import archive


def write(folder, *names, changed=1e9):
    """Write files below folder: tar archives that hold hw1/hw1.py, or bytes for other suffixes."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".tar":
            archive(path, ("hw1/hw1.py", name.encode()))
        else:
            path.write_bytes(name.encode())
        os.utime(path, (changed, changed))


def zip_folder(folder, path):
    """Write a zip archive of all that is below folder, and return its path."""
    with zipfile.ZipFile(path, "w") as file:
        for member in sorted(folder.rglob("*")):
            file.write(member, member.relative_to(folder))
    return path


EXPORTS = {  # {name: (the files below a folder, {submission: its path})}
    "loose files": (
        ["alice_1_handin.tar", "bob_2_handin.tar.gz", "carol.py", "hw1.py"],
        {"alice_1_handin.tar": "alice_1_handin.tar", "bob_2_handin.tar.gz": "bob_2_handin.tar.gz",
         "carol.py": "carol.py", "hw1.py": "hw1.py"}),
    "Moodle": (
        ["Al Ice_1_assignsubmission_file_/handin.tar", "Al Ice_1_assignsubmission_file_/note.txt",
         "Bob_2_assignsubmission_file_/HW1/handin.tar"],
        {"Al Ice_1_assignsubmission_file_": "Al Ice_1_assignsubmission_file_/handin.tar",
         "Bob_2_assignsubmission_file_": "Bob_2_assignsubmission_file_/HW1/handin.tar"}),
    "Gradescope": (
        ["assignment_7_export/submission_metadata.yml",
         "assignment_7_export/submission_1/handin.tar",
         "assignment_7_export/submission_2/hw1/hw1.py", "assignment_7_export/submission_3/hw1.py",
         "assignment_7_export/submission_4/essay.pdf"],
        {"submission_1": "assignment_7_export/submission_1/handin.tar",
         "submission_2": "assignment_7_export/submission_2",
         "submission_3": "assignment_7_export/submission_3",
         "submission_4": "assignment_7_export/submission_4"}),
    "working folders": (
        ["alice/hw1/hw1.py", "alice/handin.tar", "bob/hw1/hw1.py", "bob/old/handin.tar"],
        {"alice": "alice", "bob": "bob"}),
    "hidden files": (
        ["alice/handin.tar", "alice/._handin.tar", "__MACOSX/alice/handin.tar", ".git/x.tar"],
        {"alice": "alice/handin.tar"}),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_a_batch(name, tmp_path):
    names, expected = EXPORTS[name]
    write(tmp_path, *names)
    batch = Batch([tmp_path], tmp_path)
    found = {name: path.relative_to(tmp_path).as_posix() for name, path in batch.paths.items()}
    assert found == expected


@pytest.mark.parametrize("name", [name for name in EXPORTS if name != "loose files"])
def test_a_zipped_export_is_the_same_batch(name, tmp_path):
    names, expected = EXPORTS[name]
    write(tmp_path / "export", *names)
    path = zip_folder(tmp_path / "export", tmp_path / "export.zip")
    batch = Batch([path], tmp_path / "out")
    assert list(batch.paths) == list(expected)
    for submission, place in expected.items():
        assert batch.paths[submission].as_posix().endswith(place)


@pytest.mark.parametrize("names, expected", [
    (["alice.tar", "bob.tar"], ["alice.tar", "bob.tar"]),
    (["alice.tar", "bob/handin.tar"], ["alice.tar", "bob"]),
    (["alice.tar", "bob/hw1/hw1.py", "carol/hw1/hw1.py"], ["alice.tar", "bob", "carol"]),
])
def test_a_zipped_folder_of_loose_files_is_a_batch(names, expected, tmp_path):
    write(tmp_path / "all" / "export", *names)
    path = zip_folder(tmp_path / "all", tmp_path / "export.zip")
    batch = Batch([path], tmp_path / "out")
    assert list(batch.paths) == expected


@pytest.mark.parametrize("names, expected", [
    (["alice/handin.tar", "alice/notes.txt"], ["alice"]),
    (["alice/hw1/hw1.py", "alice/old/hw1.py", "alice/handin.tar"], ["alice"]),
    (["alice/handin.tar", "alice/old.tar", "bob/handin.tar"], ["alice", "bob"]),
])
def test_a_zipped_folder_of_a_student_is_one_submission(names, expected, tmp_path):
    write(tmp_path / "all", *names)
    path = zip_folder(tmp_path / "all", tmp_path / "alice.zip")
    batch = Batch([path], tmp_path / "out")
    assert list(batch.paths) == expected


def test_of_two_archives_the_newest_is_graded_with_a_note(tmp_path):
    write(tmp_path, "alice/old.tar", "bob/handin.tar", changed=1e9)
    write(tmp_path, "alice/a new.tar", changed=1e9 + 10)
    batch = Batch([tmp_path], tmp_path)
    assert batch.paths["alice"] == tmp_path / "alice" / "a new.tar"
    assert batch.notes == {"alice": "of its 2 archives the newest is graded, a new.tar"}


def test_of_two_zipped_archives_the_newest_is_graded(tmp_path):
    write(tmp_path / "export", "alice/z.tar", "bob/handin.tar", changed=1e9)
    write(tmp_path / "export", "alice/a.tar", changed=1e9 + 10)
    path = zip_folder(tmp_path / "export", tmp_path / "export.zip")
    batch = Batch([path], tmp_path / "out")
    assert batch.paths["alice"].name == "a.tar"


def test_other_files_are_skipped_with_a_line(tmp_path):
    write(tmp_path, "alice.tar", "README.txt")
    batch = Batch([tmp_path], tmp_path)
    assert list(batch.paths) == ["alice.tar"]
    assert batch.skipped == ["README.txt is skipped: not a submission"]


@pytest.mark.parametrize("names", [["hw1/hw1.py", "tests/hw1.py"], ["hw1.py"], ["a/hw1/hw1.py"]])
def test_a_zip_of_one_submission_is_not_a_batch(names, tmp_path):
    write(tmp_path / "alice", *names)
    path = zip_folder(tmp_path / "alice", tmp_path / "alice.zip")
    batch = Batch([path], tmp_path / "out")
    assert batch.paths == {"alice.zip": path}


def test_equal_names_are_told_apart_by_their_paths(tmp_path):
    write(tmp_path, "one/handin.tar", "two/handin.tar")
    paths = [tmp_path / "one" / "handin.tar", tmp_path / "two" / "handin.tar"]
    batch = Batch(paths, tmp_path)
    assert batch.paths == {str(path): path for path in paths}


def test_huge_members_of_a_zipped_export_are_skipped(tmp_path):
    write(tmp_path / "export", "alice/handin.tar", "bob/handin.tar")
    (tmp_path / "export" / "bob" / "huge.npy").write_bytes(bytes(33 << 20))
    path = zip_folder(tmp_path / "export", tmp_path / "export.zip")
    batch = Batch([path], tmp_path / "out")
    assert list(batch.paths) == ["alice", "bob"]
    assert batch.skipped == ["bob/huge.npy is skipped: it is larger than 32 MB"]
