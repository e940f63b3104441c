"""What the suites make submissions of: the textbook's text, edited, and archives."""

import io
import re
import tarfile

from tests.grader.mistakes import edit, read_textbook

FULL = {"2.2": 5, "2.3": 9, "2.4": 12, "2.5": 40, "2.6": 15, "2.7": 10, "2.8": 10}  # the handout's


def with_code(code):
    """Return the textbook's text with code at the start of MLP.forward."""
    start = "self.outputs = [x]\n"
    return edit(read_textbook(), [(f"        {start}", f"        {code}\n        {start}")])


def stubbed(pieces, stub, text):
    """Return the text with stub for the body of each function in pieces, "MLP.step"."""
    for piece in pieces:
        head = piece.replace(".", r"\b.*?def ")  # from the class to its method
        text = re.sub(rf"(?s)((class|def) {head}\(.*?:\n +).*?(?=\n\n|\n$)", rf"\1{stub}", text)
    return text


def written(folder, text):
    """Write text as a handin's hw1/hw1.py below folder, and return the file's path."""
    module = folder / "hw1" / "hw1.py"
    module.parent.mkdir(parents=True)
    module.write_text(text)
    return module


def archive(path, *members, mode="w:gz"):
    """Write a tar archive; members: pairs of a name and bytes, or TarInfo objects."""
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
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
