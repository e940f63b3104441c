"""Submissions for the tests: the textbook's text, edited, as a hw1/hw1.py or in an archive."""

import io
import re
import tarfile

from tests.grader.mistakes import edit, read_textbook
from tests.grader.sections import SECTIONS

# The points of each section: in the handout, and in the grader, which may have further sections.
HANDOUT = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}
FULL = {number: section.points for number, section in SECTIONS.items()}
TOTAL = sum(FULL.values())


def insert_in_forward(code):
    """Return the textbook's text with code at the start of MLP.forward."""
    start = "        self.outputs = [x]\n"
    return edit(read_textbook(), [(start, f"        {code}\n{start}")])


def replace_bodies(pieces, stub, text):
    """Return text with stub as the body of each function of pieces, such as "MLP.step"."""
    for piece in pieces:
        head = piece.replace(".", r"\b.*?def ")  # from the class to its method
        text = re.sub(rf"(?s)((class|def) {head}\(.*?:\n +).*?(?=\n\n|\n$)", rf"\1{stub}", text)
    return text


def write_module(folder, text):
    """Write text as hw1/hw1.py below folder, and return the path of the file."""
    module = folder / "hw1" / "hw1.py"
    module.parent.mkdir(parents=True)
    module.write_text(text)
    return module


def archive(path, *members, mode="w:gz"):
    """Write a tar archive and return path. members: pairs of a name and bytes, or TarInfo."""
    with tarfile.open(path, mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def link(kind, name, target):
    """Return the TarInfo of a link or special file; kind: its type, such as tarfile.SYMTYPE."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info
