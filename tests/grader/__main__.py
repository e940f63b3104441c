"""Grades handins of homework 1.

    python -m tests.grader                      this repository's hw1/hw1.py
    python -m tests.grader handin.tar           an archive, a folder that holds hw1/hw1.py, or a hw1.py
    python -m tests.grader --jobs 2 handins/    every handin in a folder

Exit status: 0 graded, whatever the score; 1 the grader failed, and there is no score; 2 wrong usage; 130 interrupted.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys

from tests.grader import handin, processes, report, sections

OWN = processes.ROOT / "hw1" / "hw1.py"


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.grader", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("handins", metavar="HANDIN", nargs="*", help="an archive, a folder or a hw1.py; none: your own")
    parser.add_argument("--section", metavar="N", action="append", choices=list(sections.SECTIONS),
                        help="ask this section alone: 2.2 to 2.8; may be given more than once")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="grade so many handins at a time")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a list of objects, and nothing else")
    form.add_argument("--autolab", action="store_true", help="end with the line that Autolab reads; for one handin")
    parser.add_argument("--csv", metavar="FILE", help="write a gradebook, too")
    parser.add_argument("--reports", metavar="DIR", help="write a text for each handin's author, too")
    options = parser.parse_args(arguments)
    options.section = [number for number in sections.SECTIONS if number in (options.section or sections.SECTIONS)]
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
    """Return ({name: path} of the handins, and the names of what lies among them in a folder and is none)."""
    if not names:
        if not OWN.is_file():
            parser.error(f"there is no {OWN} to grade: name a HANDIN")
        return {"hw1/hw1.py": OWN}, []
    if os.name != "posix":
        parser.error("a stranger's handin needs limits on time and memory, which Windows lacks: use Linux, macOS or WSL")
    paths, skipped = [], []
    for path in map(pathlib.Path, names):
        if not path.exists():
            parser.error(f"there is no file or folder {path}")
        if not path.is_dir() or handin.holds_hw1(path):
            paths.append(path)
            continue
        inside = [entry for entry in sorted(path.iterdir()) if entry.name[0] != "."]
        found = [entry for entry in inside if handin.is_handin(entry)]
        if not found:
            parser.error(f"there is no handin in the folder {path}")
        paths += found
        skipped += [entry.name for entry in inside if entry not in found]
    last = [path.resolve().name for path in paths]
    return {name if last.count(name) == 1 else str(path): path for name, path in zip(last, paths)}, skipped


def graded(options, found):
    """Grade the pile, filling found, {name: Graded}; return whether the grader did not fail."""
    many, failed = is_table(options), False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(processes.grade_handin, path, options.section): name for name, path in options.pile.items()}
        try:
            for future in concurrent.futures.as_completed(futures):
                name = futures[future]
                try:
                    found[name] = future.result()
                except processes.GraderFailed as why:
                    failed = True
                    print(f"{name}: the grader failed, and gives no score: {why}", file=sys.stderr)
                    continue
                if many and not options.json:
                    print(report.line(name, found[name], max(map(len, options.pile))), flush=True)
        except KeyboardInterrupt:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return not failed


def is_table(options):
    return len(options.pile) > 1 or bool(options.skipped)


def tell(options, found):
    """Print what was graded."""
    if is_table(options):
        print("", *[f"{name} is skipped: it is no handin" for name in options.skipped],
              *report.table(found, max(map(len, options.pile))), sep="\n")
    else:
        print(*report.text(*found[0]), sep="\n")


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a name may hold letters that the stream lacks
    options, found = parsed(arguments), {}
    try:
        right = graded(options, found)
    except KeyboardInterrupt:
        if found and not options.json:
            tell(options, list(found.items()))
        print(f"interrupted: {len(found)} of {len(options.pile)} handins are graded", file=sys.stderr)
        return 130
    found = [(name, found[name]) for name in options.pile if name in found]
    if options.json and right:
        print(report.as_json(found))
    elif found and not options.json:
        tell(options, found)
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
        print(report.autolab(found[0][1]), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
