"""From the verdicts on single checks to the score: which lost points are given back, and why.

A mistake of mistakes.py is found in a submission if every check that it costs is lost, and the
textbook with that mistake gives the same numbers in at least one lost check. The checks that a
found mistake costs stay lost, with its sentence as the reason. Other lost checks in which it gives
the same numbers get their points back: a mistake is charged once.

If no check of any section is lost, the submission must also be right as a whole: the first check in
which the submission with its own parts differs from the textbook is lost after all.
"""

from tests.grader.mistakes import MISTAKES


def resolve(sections):
    """Decide on the outcomes of all sections, {number: Section}, which are changed in place."""
    outcomes = {f"{number} {outcome.check}": outcome for number, section in sections.items()
                for outcome in section.outcomes}
    lost = {name for name, outcome in outcomes.items() if outcome.reason is not None}
    lost_or_void = lost | find_costs_of_void(sections)
    explaining = {mistake for name in lost for mistake in outcomes[name].explained}
    found = [mistake for mistake in MISTAKES
             if mistake in explaining and lost_or_void.issuperset(MISTAKES[mistake].costs)]
    charged = {check for mistake in found for check in MISTAKES[mistake].costs}
    for name in lost:
        outcome = outcomes[name]
        causes = [mistake for mistake in found if mistake in outcome.explained]
        if name in charged:
            sentences = [MISTAKES[mistake].sentence for mistake in causes
                         if name in MISTAKES[mistake].costs]
            if sentences:
                outcome.reason = sentences[0]
        elif causes:
            outcome.reason = None
            outcome.earned = outcome.points
    is_void = any(section.void for section in sections.values())
    if not is_void and all(outcome.reason is None for outcome in outcomes.values()):
        charge_first_whole(outcomes.values())


def find_costs_of_void(sections):
    """Return the names of all checks of void sections that some mistake costs."""
    checks = {check for mistake in MISTAKES.values() for check in mistake.costs}
    void = [section.number for section in sections.values() if section.void]
    return {check for check in checks if check.startswith(tuple(void))}


def charge_first_whole(outcomes):
    """Take the points of the first check that differs from the textbook as a whole, if any."""
    for outcome in outcomes:
        if outcome.whole is not None:
            outcome.reason = outcome.whole
            outcome.earned = 0
            return


def find_needed(sections, numbers):
    """Return those of numbers that are not in sections, but that their verdicts depend on."""
    needed = set()
    for section in sections.values():
        for outcome in section.outcomes:
            for mistake in outcome.explained:
                needed |= {check.split()[0] for check in MISTAKES[mistake].costs}
    is_lost = any(section.lost for section in sections.values())
    differs_as_whole = any(outcome.whole for section in sections.values()
                           for outcome in section.outcomes)
    if differs_as_whole and not is_lost:
        needed |= set(numbers)
    return [number for number in numbers if number in needed and number not in sections]
