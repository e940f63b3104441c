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


class Session:
    """The handins that are graded, and what is told of them."""

    def __init__(self, options):
        self.options, self.many = options, len(options.pile) > 1 or bool(options.skipped)
        self.width, self.found, self.failed = max(map(len, options.pile)), {}, False

    def grade(self):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            futures = {pool.submit(self.graded, path): name for name, path in self.options.pile.items()}
            try:
                for future in concurrent.futures.as_completed(futures):
                    self.take(futures[future], future)
            except KeyboardInterrupt:
                processes.stop()
                pool.shutdown(cancel_futures=True)
                raise

    def graded(self, path):
        return processes.grade_handin(path, self.options.section)

    def take(self, name, future):
        try:
            self.found[name] = future.result()
        except processes.GraderFailed as why:
            self.failed = True
            print(f"{name}: the grader failed, and gives no score: {why}", file=sys.stderr)
            return
        if self.many and not self.options.json:
            print(report.line(name, self.found[name], self.width), flush=True)

    def tell(self, interrupted=False):
        """Print and write what was graded, in the order of the pile."""
        found = [(name, self.found[name]) for name in self.options.pile if name in self.found]
        if self.options.json:
            if not self.failed and not interrupted:
                print(report.as_json(found))
        elif self.many and found:
            print("", *[f"{name} is skipped: it is no handin" for name in self.options.skipped],
                  *report.table(found, self.width), sep="\n")
        elif found:
            print(*report.text(*found[0]), sep="\n")
        if found and not interrupted:
            if self.options.csv:
                report.write_csv(self.options.csv, found)
            if self.options.reports:
                report.write_reports(self.options.reports, found)
        sys.stderr.flush()
        if self.options.autolab and found and not interrupted:
            print(report.autolab(found[0][1]))
        sys.stdout.flush()


def main(arguments=None):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a name may hold letters that the stream lacks
    session = Session(parsed(arguments))
    try:
        session.grade()
    except KeyboardInterrupt:
        session.tell(interrupted=True)
        print(f"interrupted: {len(session.found)} of {len(session.options.pile)} handins are graded", file=sys.stderr)
        return 130
    try:
        session.tell()
    except OSError as error:
        print(f"the grader cannot write {error.filename or 'its output'}: {error.strerror}", file=sys.stderr)
        return 1
    return 1 if session.failed else 0


if __name__ == "__main__":
    sys.exit(main())
