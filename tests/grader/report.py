"""Writes a score down: as text, a table of many, JSON, CSV, and the line that Autolab reads."""

import csv
import io
import json
import os
import pathlib

from tests.grader import sections


def text(name, graded):
    """The score of one handin as lines: each section with its reasons, advice, what to do next."""
    lines = [f"{name}: {graded.note}", ""] if graded.note else []
    for number, section in graded.sections.items():
        title = sections.SECTIONS[number][0]
        lines.append(f"{number}  {title:24}{section.earned:6g} /{section.possible:4g}")
        lines += [f"     - {reason}" for reason in section.reasons]
    if graded.advice:
        lines += ["", "Advice, which costs no points:"]
        lines += [f"     - {line}" for line in graded.advice]
    steps = [f"section {number}: {reason}" for number in sections.DEPENDENCE
             if number in graded.sections for reason in graded.sections[number].reasons]
    steps.append("nothing is lost here; go on to the next section"
                 if len(graded.sections) < len(sections.SECTIONS) else "nothing is lost; submit it")
    return lines + ["", f"Next: {graded.refused or steps[0]}",
                    f"     {'Total':24}{graded.total:6g} /{graded.possible:4g}"]


def dearest(graded):
    """The reason that takes most points, with its section; empty if none does."""
    lost = [(points, f"{number} {reason}") for number, section in graded.sections.items()
            for points, reason in section.lost]
    return graded.refused or max(lost, key=lambda pair: pair[0], default=(0, ""))[1]


def table(found, width):
    """The scores of many handins, (name, Graded) each, the best first, and their mean."""
    header = "".join(f"{number:>6}" for number in found[0][1].sections)
    lines = [f"{'handin':{width}}{header}  total"]
    for name, graded in sorted(found, key=lambda pair: (-pair[1].total, pair[0])):
        earned = "".join(f"{points:6g}" for points in graded.earned.values())
        lines.append(f"{name:{width}}{earned}{graded.total:7g}")
    columns = zip(*[graded.earned.values() for _, graded in found])
    means = [sum(column) / len(found) for column in columns]
    return lines + [f"{'mean':{width}}{''.join(f'{mean:6.1f}' for mean in means)}{sum(means):7.1f}"]


def as_json(found):
    return json.dumps([{
        "handin": name, "total": graded.total, "refused": graded.refused,
        "sections": {number: {"earned": section.earned, "possible": section.possible,
                              "reasons": section.reasons}
                     for number, section in graded.sections.items()},
        "advice": [graded.note] * bool(graded.note) + graded.advice,
    } for name, graded in found], indent=1)


def write_csv(path, found):
    rows = [["handin", *found[0][1].sections, "total", "dearest reason"]]
    rows += [[name, *graded.earned.values(), graded.total, dearest(graded)]
             for name, graded in found]
    content = io.StringIO()
    csv.writer(content).writerows(rows)
    write(path, content.getvalue())


def write_reports(folder, found):
    os.makedirs(folder, exist_ok=True)
    for name, graded in found:
        path = os.path.join(folder, f"{name.replace(os.sep, '_')}.txt")
        write(path, "\n".join(text(name, graded)) + "\n")


def write(path, content):
    """Write a file beside path, and put it in its place once it is whole."""
    partial = pathlib.Path(f"{path}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content.encode(errors="backslashreplace"))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
