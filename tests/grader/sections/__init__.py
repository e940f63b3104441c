"""The graded sections of the handout, and the modules of their checks.

Rules that every check keeps:

1. A correct piece never loses a point. A piece is correct if it does what the handout says and a
   strict grader would accept it in the handout's own setting: ten classes, one-hot labels or class
   indices, batch sizes that divide the sets. Anything outside this setting is advice at most.
2. A wrong piece never keeps all its points. Where the number of layers, BatchNorms, epochs or
   networks may vary, several are tried.
3. A mistake is charged once, in its own section, by the points of the checks that it breaks. Other
   pieces are judged as they work with the submission's wrong one; they lose points only if they
   cannot run with it.
4. The reason is true and says what to fix, in the homework's words. A section gives all its
   reasons, the cause before its consequences.
"""

import importlib
import typing


class Section(typing.NamedTuple):
    """A section of the handout.

    module: its module in this package. points: the sum of the points of the module's CHECKS.
    """

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


def get_checks(number):
    """Return the checks of a section, such as "2.3"."""
    return importlib.import_module(f"tests.grader.sections.{SECTIONS[number].module}").CHECKS


def points(number):
    """Return the points of a section."""
    return SECTIONS[number].points
