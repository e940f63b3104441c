"""From the verdicts on single checks to the score: which lost checks are free, and why.

A mistake of mistakes.py is found in a submission if every check that it costs is lost, and the
textbook with that mistake gives the same numbers in some lost check. What a found mistake costs
stays lost, with its sentence as the reason. Other lost checks in which it gives the same numbers
are free: a mistake is charged once.

If no check of any section is lost, the submission must be right as a whole: the first check in
which its numbers as a whole are not the textbook's is lost after all.
"""

from tests.grader.mistakes import MISTAKES


def resolve(sections):
    """Decide on the outcomes of all sections, {number: Section}; they are changed."""
    outcomes = {f"{number} {outcome.check}": outcome for number, section in sections.items()
                for outcome in section.outcomes}
    lost = {name for name, outcome in outcomes.items() if outcome.reason is not None}
    for section in sections.values():
        if section.void:
            lost |= {name for names in MISTAKES.values() for name in names.costs
                     if name.startswith(section.number)}
    explained = {mistake for name in lost & set(outcomes) for mistake in outcomes[name].explained}
    found = [name for name in MISTAKES
             if name in explained and lost.issuperset(MISTAKES[name].costs)]
    charged = {check for name in found for check in MISTAKES[name].costs}
    for name in lost & set(outcomes):
        outcome = outcomes[name]
        causes = [cause for cause in found if cause in outcome.explained]
        if name in charged:
            sentences = [MISTAKES[cause].sentence for cause in causes
                         if name in MISTAKES[cause].costs]
            outcome.reason = (sentences + [outcome.reason])[0]
        elif causes:
            outcome.reason = None
            outcome.earned = outcome.points
    is_void = any(section.void for section in sections.values())
    if is_void or any(outcome.reason is not None for outcome in outcomes.values()):
        return
    for outcome in outcomes.values():
        if outcome.whole is not None:
            outcome.reason = outcome.whole
            outcome.earned = 0
            return


def find_needed(sections, numbers):
    """Return the other sections that the verdict on these depends on."""
    needed = set()
    for section in sections.values():
        for outcome in section.outcomes:
            for name in outcome.explained:
                needed |= {check.split()[0] for check in MISTAKES[name].costs}
    is_lost = any(section.lost for section in sections.values())
    if not is_lost and any(outcome.whole for section in sections.values()
                           for outcome in section.outcomes):
        needed |= set(numbers)
    return [number for number in numbers if number in needed and number not in sections]
