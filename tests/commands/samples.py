"""The submission whose score the README shows: a correct solution with three mistakes."""

from tests.commands.copies import ROOT

SOLUTION = ROOT / "tests" / "solutions" / "further_arguments.py"
MISTAKES = {
    "self.dW[i] = np.dot(self.a[i].T, delta) / m": "self.dW[i] = np.dot(self.a[i].T, delta)",
    "self.db[i] = np.sum(delta, axis=0) / m": "self.db[i] = np.sum(delta, axis=0)",
    "self.normalize(x, self.running_mean, self.running_var)":
        "self.normalize(x, self.mean, self.var)",
    "confusion_matrix[predicted[i], true[i]]": "confusion_matrix[true[i], predicted[i]]",
}


def write_sample(folder):
    """Write the submission as folder/hw1.py, and return its path."""
    text = SOLUTION.read_text()
    for right, wrong in MISTAKES.items():
        if text.count(right) != 1:
            raise ValueError(f"{SOLUTION.name} must contain {right!r} once")
        text = text.replace(right, wrong)
    path = folder / "hw1.py"
    path.write_text(text)
    return path
