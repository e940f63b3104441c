"""From the verdicts on single checks to the score: which lost checks are free, and why.

A mistake of mistakes.py explains a lost check if the textbook with that mistake gives its numbers.
It is found in a submission if every check that it costs is lost, and it explains one of them. A lost
check that it explains and does not cost is free: it is charged where the mistake costs. As the
check that is explained and costs stays lost, no mistake is ever free of charge.

If no check of any section is lost, the submission must be right as a whole: the first check in which
its numbers as a whole are not the textbook's is lost after all.
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
    found = [name for name, mistake in MISTAKES.items()
             if lost.issuperset(mistake.costs)
             and any(name in outcomes[check].explained for check in mistake.costs
                     if check in outcomes)]
    for name in sorted(lost & set(outcomes)):
        outcome = outcomes[name]
        causes = [cause for cause in found if cause in outcome.explained]
        charging = [cause for cause in causes if name in MISTAKES[cause].costs]
        if charging:
            outcome.reason = MISTAKES[charging[0]].sentence
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
