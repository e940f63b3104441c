"""Grade submissions of homework 1.

    python -m tests.grader                         this repository's hw1/hw1.py
    python -m tests.grader handin.tar              an archive, a folder that contains hw1/hw1.py, or
                                                   a hw1.py
    python -m tests.grader --jobs 2 submissions/   a batch: a folder of submissions, or of a folder
                                                   for each student, as it is or as a zip archive

Exit status: 0 graded, whatever the score; 1 something could not be graded or written; 2 wrong
usage; 130 interrupted; 141 standard output closed.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import os
import signal
import sys
import tempfile
import zipfile

from data import streams
from tests.grader import batch, processes, report, sections

OWN = processes.ROOT / "hw1" / "hw1.py"
HAS_LIMITS = os.name == "posix"  # on time and memory


def parse(arguments):
    """Return the parser and the options that it reads; SystemExit(2) if one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.grader", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", metavar="SUBMISSION", nargs="*", type=os.path.expanduser,
                        help="an archive, a folder, or a hw1.py (default: this repository's)")
    parser.add_argument("--section", metavar="N", action="append", choices=list(sections.SECTIONS),
                        help="grade only section N, one of "
                             f"{', '.join(sections.SECTIONS)}; may be given several times")
    parser.add_argument("--jobs", metavar="N", type=int, default=1,
                        help="grade N submissions at a time (default: 1)")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true",
                        help="print the scores as a JSON list, and nothing else")
    either.add_argument("--autolab", action="store_true",
                        help="for one submission: end with the line that Autolab reads")
    parser.add_argument("--csv", metavar="FILE", type=os.path.expanduser,
                        help="also write a gradebook, a row for each submission")
    parser.add_argument("--reports", metavar="DIR", type=os.path.expanduser,
                        help="also write the score of each submission to a text file")
    options = parser.parse_args(arguments)
    asked = options.section or sections.SECTIONS
    options.section = [number for number in sections.SECTIONS if number in asked]
    if options.jobs < 1:
        parser.error(f"argument --jobs: expected at least 1, got {options.jobs}")
    if options.csv and not is_writable(options.csv):
        parser.error(f"argument --csv: cannot write {options.csv}: expected a file, in a folder "
                     "that exists and can be written to")
    if options.reports:
        try:
            os.makedirs(options.reports, exist_ok=True)
        except OSError as error:
            parser.error(f"argument --reports: cannot create the folder {options.reports} "
                         f"({error.strerror})")
        if not os.access(options.reports, os.W_OK):
            parser.error(f"argument --reports: cannot write to the folder {options.reports}")
    return parser, options


def is_writable(path):
    """Return whether a file can be written at path, without opening or creating it."""
    if os.path.isdir(path):
        return False
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a FIFO
        return os.access(path, os.W_OK)
    return os.access(os.path.dirname(os.path.realpath(path)), os.W_OK)


def find_submissions(parser, options, folder):
    """Return the Batch that the options name; SystemExit(2) if there is nothing to grade.

    folder: an empty one, for what must be unpacked.
    """
    if not options.submissions:
        if not OWN.is_file():
            parser.error(f"there is no {OWN} to grade: name a SUBMISSION")
        found = batch.Batch([], folder)
        found.paths["hw1/hw1.py"] = OWN
        return found
    if not HAS_LIMITS:
        parser.error("other people's submissions need limits on time and memory, which Windows "
                     "lacks: use Linux, macOS or WSL")
    for path in options.submissions:
        if not os.path.exists(path):
            parser.error(f"there is no file or folder {path}")
    try:
        found = batch.Batch(options.submissions, folder)
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        parser.error(f"the batch cannot be read: {error}")
    if not found.paths:
        parser.error(f"there is no submission in {', '.join(options.submissions)}")
    if options.autolab and len(found.paths) != 1:
        parser.error(f"argument --autolab: expected one submission, got {len(found.paths)}")
    return found


def grade(found, options, done):
    """Grade a batch, and add each score to done, {name: Graded}, as soon as it is known.

    Its report is written then, too, and its line printed if there are many.
    """
    many = is_batch(found)
    width = max(map(len, found.paths))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(processes.grade_submission, path, options.section): name
                   for name, path in found.paths.items()}
        try:
            for future in concurrent.futures.as_completed(futures):
                name = futures[future]
                try:
                    graded = future.result()
                except processes.GraderFailed as reason:
                    print(f"{name}: internal grader error: not graded: {reason}", file=sys.stderr)
                    continue
                graded.note = found.notes.get(name)
                done[name] = graded
                if options.reports:
                    report.write_report(options.reports, name, graded)
                if many and not options.json:
                    line = f"{name:{width}} {graded.total:6g}   {report.costliest_reason(graded)}"
                    print(line.rstrip(), flush=True)
        except BaseException:
            processes.stop()
            pool.shutdown(cancel_futures=True)
            raise


def is_batch(found):
    """Return whether to print a line for each submission and a table, rather than one score."""
    return len(found.paths) > 1 or len(found.skipped) > 0


def print_scores(found, scores, options):
    """Print the scores, a list of (name, Graded), as the options say."""
    if options.json:
        print(report.as_json(scores))
    elif is_batch(found):
        width = max(len("submission"), *map(len, found.paths))
        print("", *found.skipped, *report.table(scores, width), sep="\n")
    else:
        name, graded = scores[0]
        print(*report.text(name, graded), sep="\n")
    if options.autolab:
        sys.stderr.flush()
        print(json.dumps({"scores": scores[0][1].earned}))


def run(parser, options, folder):
    """Grade, print and write; return the exit status."""
    found = find_submissions(parser, options, folder)
    done = {}
    interrupted = False
    try:
        grade(found, options, done)
    except KeyboardInterrupt:
        interrupted = True
    finally:  # also if standard output cannot be written to
        scores = [(name, done[name]) for name in found.paths if name in done]
        if options.csv and scores:
            report.write_csv(options.csv, scores)
    complete = len(scores) == len(found.paths)
    if scores and (complete or not options.json):
        print_scores(found, scores, options)
    if interrupted:
        print(f"interrupted: {len(scores)} of {len(found.paths)} submissions are graded",
              file=sys.stderr)
        return 130
    return 0 if complete else 1


def interrupt(number, frame):
    """End as Ctrl-C does, on another signal."""
    raise KeyboardInterrupt


def main(arguments=None):
    """Run the command line; return its exit status."""
    streams.prepare()
    parser, options = parse(arguments)
    if importlib.util.find_spec("numpy") is None:
        print("the grader needs NumPy: pip install numpy", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory() as folder:
            status = run(parser, options, folder)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:  # before or after grading
        print("interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        if error.filename is not None:
            print(f"cannot write {error.filename}: {error.strerror}", file=sys.stderr)
            return 1
        return streams.give_up(error)


if __name__ == "__main__":
    sys.exit(main())
