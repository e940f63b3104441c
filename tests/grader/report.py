"""Write scores, processes.Graded: as text, as a table of many, as JSON, and as CSV."""

import collections
import csv
import io
import json
import os

from data import files
from tests.grader import sections

MISPLACED = "the course's autograder would find no hw1/hw1.py in it and give 0 points"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes a cell that begins so


def text(name, graded):
    """Return one score as lines: notes, sections with reasons, advice, the next step, the total."""
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
    """Return the lines before the score: about the layout, and which of several archives it is."""
    lines = []
    if graded.layout is not None:
        lines.append(f"{MISPLACED}: {graded.layout}")
    if graded.note is not None:
        lines.append(graded.note)
    return lines


def next_step(graded):
    """Return what to do next: pack hw1.py correctly, fix the first reason, or submit."""
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
    """Return the reason that costs the most points, with its section, or "" at full marks."""
    if graded.refused is not None:
        return graded.refused
    costs = collections.Counter()
    for number, section in graded.sections.items():
        for points, reason in section.lost:
            costs[f"{number} {reason}"] += points
    return max(costs, key=costs.get, default="")


def table(found, width):
    """Return the scores of many submissions as lines, the best first, and their mean.

    found: a list of (name, Graded). width: of the column of names.
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
    """Return the scores, a list of (name, Graded), as a JSON list of objects."""
    objects = []
    for name, graded in found:
        section_scores = {}
        for number, section in graded.sections.items():
            section_scores[number] = {
                "earned": section.earned,
                "possible": section.possible,
                "reasons": section.reasons,
            }
        objects.append({
            "handin": name,
            "total": graded.total,
            "refused": graded.refused,
            "sections": section_scores,
            "advice": notes(graded) + graded.advice,
        })
    return json.dumps(objects, indent=1)


def write_csv(path, found):
    """Write the scores, a list of (name, Graded), as a gradebook: a row for each submission.

    Raises OSError with the path if that cannot be done.
    """
    _, first = found[0]
    rows = [["handin", *first.sections, "total", "dearest reason", "note"]]
    for name, graded in found:
        rows.append([
            quote_formula(name),
            *graded.earned.values(),
            graded.total,
            quote_formula(costliest_reason(graded)),
            quote_formula("; ".join(notes(graded))),
        ])
    content = io.StringIO()
    csv.writer(content).writerows(rows)
    write(path, content.getvalue())


def quote_formula(cell):
    """Return the text of a cell, with a quote in front if a spreadsheet would compute it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def write_report(folder, name, graded):
    """Write the score of one submission as a text file for its author."""
    path = os.path.join(folder, f"{name.replace(os.sep, '_')}.txt")
    write(path, "\n".join(text(name, graded)) + "\n")


def write(path, content):
    """Write a text file; raise OSError with the path if that fails."""
    files.write(path, content.encode(errors="backslashreplace"))
