"""Writes a score down: as text for its author, as a table of many, as JSON, CSV, and the line that Autolab reads."""

import csv
import json
import os

from tests.grader import sections


def text(name, graded):
    """The score of one handin as lines: a section each with its reasons, advice, what to do next, and the total."""
    lines = [f"{name}: {graded.note}", ""] if graded.note else []
    for section in graded.sections.values():
        lines.append(f"{section.number}  {section.title:24}{section.earned:6g} /{section.possible:4g}")
        lines += [f"     - {reason}" for reason in section.reasons]
    if graded.advice:
        lines += ["", "Advice, which costs no points:"] + [f"     - {line}" for line in graded.advice]
    return lines + ["", f"Next: {next_step(graded)}", f"     {'Total':24}{graded.total:6g} /{graded.possible:4g}"]


def next_step(graded):
    """The reason to mend first: that of the section on which the others stand."""
    if graded.refused:
        return graded.refused
    for number in sections.DEPENDENCE:
        section = graded.sections.get(number)
        if section and section.reasons:
            return f"section {number}: {section.reasons[0]}"
    return "nothing is lost here; go on to the next section" if len(graded.sections) < len(sections.SECTIONS) else \
        "nothing is lost; submit it"


def dearest(graded):
    """The reason that takes most points, with its section; empty if none does."""
    lost = [(section.possible, f"{section.number} {section.void}") for section in graded.sections.values() if section.void]
    lost += [(outcome.points - outcome.earned, f"{section.number} {outcome.reason}")
             for section in graded.sections.values() for outcome in section.outcomes if outcome.reason and not section.void]
    return graded.refused or max(lost, key=lambda pair: pair[0], default=(0, ""))[1]


def line(name, graded, width):
    """What is told of one of many handins as soon as it is graded."""
    return f"{name:{width}} {graded.total:6g}   {dearest(graded)}".rstrip()


def table(found, width):
    """The scores of many handins, (name, Graded) each, the best first, and their mean."""
    numbers = list(found[0][1].sections)
    lines = [f"{'handin':{width}}" + "".join(f"{number:>6}" for number in numbers) + "  total"]
    for name, graded in sorted(found, key=lambda pair: (-pair[1].total, pair[0])):
        earned = [graded.sections[number].earned for number in numbers]
        lines.append(f"{name:{width}}" + "".join(f"{points:6g}" for points in earned) + f"{graded.total:7g}")
    means = [sum(graded.sections[number].earned for _, graded in found) / len(found) for number in numbers]
    return lines + [f"{'mean':{width}}" + "".join(f"{mean:6.1f}" for mean in means) + f"{sum(means):7.1f}"]


def as_json(found):
    return json.dumps([{
        "handin": name, "total": graded.total, "refused": graded.refused,
        "sections": {number: {"earned": section.earned, "possible": section.possible, "reasons": section.reasons}
                     for number, section in graded.sections.items()},
        "advice": [graded.note] * bool(graded.note) + graded.advice} for name, graded in found], indent=1)


def autolab(graded):
    return json.dumps({"scores": {number: section.earned for number, section in graded.sections.items()}})


def write_csv(path, found):
    def rows(file):
        writer = csv.writer(file)
        writer.writerow(["handin", *found[0][1].sections, "total", "dearest reason"])
        for name, graded in found:
            earned = [section.earned for section in graded.sections.values()]
            writer.writerow([name, *earned, graded.total, dearest(graded)])
    write(path, rows)


def write_reports(folder, found):
    os.makedirs(folder, exist_ok=True)
    for name, graded in found:
        lines = text(name, graded)
        write(os.path.join(folder, name.replace(os.sep, "_") + ".txt"), lambda file: file.write("\n".join(lines) + "\n"))


def write(path, fill):
    """Fill a file beside path, and put it in its place once it is whole."""
    partial = f"{path}.{os.getpid()}.partial"
    try:
        with open(partial, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            fill(file)
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
