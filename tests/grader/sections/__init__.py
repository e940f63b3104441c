"""The graded sections of the handout, and where their checks are.

Rules that every check keeps:

1. A right piece never loses a point. Right is what the handout says and a strict grader would
   accept in the handout's own setting: ten classes, one-hot labels or class indices, batch sizes
   that divide the sets. What lies outside is advice.
2. A wrong piece never keeps all its points. Whatever exists in numbers is asked with one, two and
   three.
3. A mistake is charged once, in its section, at the price of what it breaks: every piece is judged
   with the submission's own other pieces. Only what cannot run at all is lost with it.
4. The reason is true and says what to fix, in the homework's words. All reasons of a section are
   given, the cause before what follows from it.
"""

import importlib
import typing


class Section(typing.NamedTuple):
    """module: of this package; its CHECKS add up to the points."""

    title: str
    module: str
    points: int


SECTIONS = {
    "2.2": Section("Softmax cross-entropy", "loss", 5),
    "2.3": Section("Linear classifier", "linear", 9),
    "2.4": Section("Activations", "activations", 12),
    "2.5": Section("Hidden layers", "hidden_layers", 40),
    "2.6": Section("Batch normalization", "batchnorm", 15),
    "2.7": Section("Momentum", "momentum", 10),
    "2.8": Section("Training statistics", "training_stats", 10),
}
ORDER = tuple(SECTIONS)  # in which a student goes through the handout


def get_checks(number):
    """Return the checks of a section."""
    return importlib.import_module(f"tests.grader.sections.{SECTIONS[number].module}").CHECKS


def points(number):
    return SECTIONS[number].points
