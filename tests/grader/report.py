"""Write scores: as text, a table of many, JSON, CSV, and the line that Autolab reads."""

import collections
import csv
import io
import json
import os

from data import files
from tests.grader import sections

MISPLACED = "the course's autograder would find no hw1/hw1.py in it and give 0 points"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # the starts of a cell that a spreadsheet computes


def text(name, graded):
    """Return one score as lines: notes, sections with their reasons, advice, what to do next."""
    lines = [f"{name}: {note}" for note in notes(graded)]
    if lines:
        lines.append("")
    for number, section in graded.sections.items():
        title = sections.SECTIONS[number].title
        lines.append(f"{number}  {title:24}{section.earned:6g} /{section.possible:4g}")
        lines += [f"     - {reason}" for reason in section.reasons]
    if graded.advice:
        lines += ["", "Advice, which costs no points:"]
        lines += [f"     - {line}" for line in graded.advice]
    return lines + [
        "",
        f"Next: {next_step(graded)}",
        f"     {'Total':24}{graded.total:6g} /{graded.possible:4g}",
    ]


def notes(graded):
    """Return what must be said before the score: about the layout, then about the choice made."""
    lines = []
    if graded.layout is not None:
        lines.append(f"{MISPLACED}: {graded.layout}")
    if graded.note is not None:
        lines.append(graded.note)
    return lines


def next_step(graded):
    """Return what to do next: pack it right, fix the first reason, or submit."""
    if graded.refused is not None:
        return graded.refused
    if graded.layout is not None:
        return "pack hw1/hw1.py as ./handin.sh does, or with tar -czf handin.tar hw1"
    for number, section in graded.sections.items():
        if section.reasons:
            return f"section {number}: {section.reasons[0]}"
    if len(graded.sections) < len(sections.SECTIONS):
        return "full marks here; go on to the next section"
    return "full marks; submit it"


def costliest_reason(graded):
    """Return the reason that costs the most points in all, with its section; "" if none does."""
    if graded.refused is not None:
        return graded.refused
    costs = collections.Counter()
    for number, section in graded.sections.items():
        for points, reason in section.lost:
            costs[f"{number} {reason}"] += points
    return max(costs, key=costs.get, default="")


def table(found, width):
    """Return the scores of many submissions as lines, the best first, and their mean.

    found: pairs of a name and its score. width: of the names.
    """
    header = "".join(f"{number:>6}" for number in found[0][1].sections)
    lines = [f"{'submission':{width}}{header}  total"]
    for name, graded in sorted(found, key=lambda pair: (-pair[1].total, pair[0])):
        earned = "".join(f"{points:6g}" for points in graded.earned.values())
        mark = "" if graded.layout is None else " *"
        lines.append(f"{name:{width}}{earned}{graded.total:7g}{mark}")
    columns = zip(*[graded.earned.values() for _, graded in found])
    means = [sum(column) / len(found) for column in columns]
    cells = "".join(f"{mean:6.1f}" for mean in means)
    lines.append(f"{'mean':{width}}{cells}{sum(means):7.1f}")
    if any(graded.layout is not None for _, graded in found):
        lines.append(f"* as it is packed, {MISPLACED}")
    return lines


def as_json(found):
    """Return the scores as a JSON list of objects."""
    return json.dumps([{
        "handin": name,
        "total": graded.total,
        "refused": graded.refused,
        "sections": {
            number: {
                "earned": section.earned,
                "possible": section.possible,
                "reasons": section.reasons,
            }
            for number, section in graded.sections.items()
        },
        "advice": notes(graded) + graded.advice,
    } for name, graded in found], indent=1)


def write_csv(path, found):
    """Write a gradebook: a row for each submission."""
    rows = [["handin", *found[0][1].sections, "total", "dearest reason", "note"]]
    for name, graded in found:
        note = "; ".join(notes(graded))
        texts = [quote_formula(cell) for cell in (name, costliest_reason(graded), note)]
        rows.append([texts[0], *graded.earned.values(), graded.total, *texts[1:]])
    content = io.StringIO()
    csv.writer(content).writerows(rows)
    write(path, content.getvalue())


def quote_formula(cell):
    """Return the text of a cell so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def write_report(folder, name, graded):
    """Write the score of one submission as a text file for its author."""
    path = os.path.join(folder, f"{name.replace(os.sep, '_')}.txt")
    write(path, "\n".join(text(name, graded)) + "\n")


def write(path, content):
    """Write a text file; an OSError has its path, which that of a full disk lacks."""
    try:
        files.write(path, content.encode(errors="backslashreplace"))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
