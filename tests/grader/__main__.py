"""Grades handins of homework 1.

    python -m tests.grader                      this repository's hw1/hw1.py
    python -m tests.grader handin.tar           an archive, a folder that holds hw1/hw1.py, a hw1.py
    python -m tests.grader --jobs 2 handins/    every handin in a folder

Exit status: 0 graded, whatever the score; 1 the grader failed, and there is no score;
2 wrong usage; 130 interrupted.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import sys

from tests.grader import handin, processes, report, sections

OWN = processes.ROOT / "hw1" / "hw1.py"


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.grader", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add, either = parser.add_argument, parser.add_mutually_exclusive_group().add_argument
    add("handins", metavar="HANDIN", nargs="*",
        help="an archive, a folder or a hw1.py; none: your own")
    add("--section", metavar="N", action="append", choices=list(sections.SECTIONS),
        help="ask this section alone: 2.2 to 2.8; may be given more than once")
    add("--jobs", metavar="N", type=int, default=1, help="grade so many handins at a time")
    either("--json", action="store_true", help="print a list of objects, and nothing else")
    either("--autolab", action="store_true",
           help="end with the line that Autolab reads; for one handin")
    add("--csv", metavar="FILE", help="write a gradebook, too")
    add("--reports", metavar="DIR", help="write a text for each handin's author, too")
    options = parser.parse_args(arguments)
    options.section = [number for number in sections.SECTIONS
                       if number in (options.section or sections.SECTIONS)]
    if options.jobs < 1:
        parser.error(f"--jobs is a number of handins, at least 1; got {options.jobs}")
    for path in filter(None, [options.csv, options.reports]):
        if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            parser.error(f"{path} cannot be written: there is no folder {os.path.dirname(path)}")
    options.pile, options.skipped = pile(options.handins, parser)
    if options.autolab and len(options.pile) != 1:
        parser.error(f"--autolab is for one handin; these are {len(options.pile)}")
    return options


def pile(names, parser):
    """The handins, {name: path}, and the names of what lies among them in a folder and is none."""
    if not names:
        if not OWN.is_file():
            parser.error(f"there is no {OWN} to grade: name a HANDIN")
        return {"hw1/hw1.py": OWN}, []
    if os.name != "posix":
        parser.error("a stranger's handin needs limits on time and memory, which Windows lacks: "
                     "use Linux, macOS or WSL")
    paths, skipped = [], []
    for path in map(pathlib.Path, names):
        if not path.exists():
            parser.error(f"there is no file or folder {path}")
        inside = found = [path]
        if path.is_dir() and not handin.holds_hw1(path):
            inside = [entry for entry in sorted(path.iterdir()) if entry.name[0] != "."]
            found = [entry for entry in inside if handin.is_handin(entry)]
        if not found:
            parser.error(f"there is no handin in the folder {path}")
        paths += found
        skipped += [entry.name for entry in inside if entry not in found]
    last = [path.resolve().name for path in paths]
    return {name if last.count(name) == 1 else str(path): path
            for name, path in zip(last, paths)}, skipped


def grade(options, done, width):
    """Grade the pile, filling done, {name: Graded}; with a width, tell of each in a line."""
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(processes.grade_handin, path, options.section): name
                   for name, path in options.pile.items()}
        try:
            for future in concurrent.futures.as_completed(futures):
                name = futures[future]
                try:
                    score = done[name] = future.result()
                    if width:
                        line = f"{name:{width}} {score.total:6g}   {report.dearest(score)}"
                        print(line.rstrip(), flush=True)
                except processes.GraderFailed as why:
                    print(f"{name}: the grader failed, and gives no score: {why}", file=sys.stderr)
        except KeyboardInterrupt:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # for names it cannot encode
    options, done, interrupted = parsed(arguments), {}, False
    width = max(map(len, options.pile)) if len(options.pile) > 1 or options.skipped else 0
    try:
        grade(options, done, 0 if options.json else width)
    except KeyboardInterrupt:
        interrupted = True
    found = [(name, done[name]) for name in options.pile if name in done]
    right = len(found) == len(options.pile) and not interrupted
    if options.json and right:
        print(report.as_json(found))
    elif found and not options.json:
        skipped = [f"{name} is skipped: it is no handin" for name in options.skipped]
        print(*["", *skipped, *report.table(found, width)] if width else report.text(*found[0]),
              sep="\n")
    if interrupted:
        print(f"interrupted: {len(found)} of {len(options.pile)} handins are graded",
              file=sys.stderr)
        return 130
    try:
        if options.csv and found:
            report.write_csv(options.csv, found)
        if options.reports and found:
            report.write_reports(options.reports, found)
    except OSError as error:
        print(f"the grader cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    if options.autolab and found:
        sys.stderr.flush()
        print(json.dumps({"scores": found[0][1].earned}), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
