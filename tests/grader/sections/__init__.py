"""The graded sections of the handout: in each module the checks, each beside its points.

Four rules, against which every check is held:

1. A right piece never loses a point. Right is what the handout says and a strict grader would
   accept in the handout's own setting: ten classes, one-hot labels or class indices, batch sizes
   that divide the sets. What lies outside is worth at most 1 point of its section, or advice.
2. A wrong piece never keeps them all. Whatever exists in numbers is asked with one, two and three.
3. A fault is charged once, in its section, at the price of what it breaks. What is right but stands
   on it is judged with that piece put right, or against the reference with the same fault. Only
   what cannot run at all is lost with it.
4. The reason is true and tells what to mend, in the homework's words. All reasons of a section are
   told, the cause before what follows from it.
"""

import collections
import importlib

Section = collections.namedtuple("Section", "title module points")
SECTIONS = {
    "2.2": Section("Softmax cross-entropy", "loss", 5),
    "2.3": Section("Linear classifier", "linear", 9),
    "2.4": Section("Activations", "activations", 12),
    "2.5": Section("Hidden layers", "hidden_layers", 40),
    "2.6": Section("Batch normalization", "batchnorm", 15),
    "2.7": Section("Momentum", "momentum", 10),
    "2.8": Section("Training statistics", "training_stats", 10),
}
DEPENDENCE = "2.2", "2.4", "2.3", "2.5", "2.6", "2.7", "2.8"  # each stands on those before it


def checks_of(number):
    """The checks of a section, in the order in which they are asked."""
    return importlib.import_module(f"tests.grader.sections.{SECTIONS[number].module}").CHECKS


def in_order_of_dependence():
    """All checks; the initializers come before the first network."""
    checks = [check for number in DEPENDENCE for check in checks_of(number)]
    return sorted(checks, key=lambda check: (
        1.5 if check.name == "initializers" else DEPENDENCE.index(check.section)))


def points(number):
    return sum(check.points for check in checks_of(number))
