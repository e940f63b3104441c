"""Regenerate the README's plots and sample outputs, and the notebook's outputs.

    python .readme/draw.py        takes about two minutes; needs matplotlib, nbclient and ipykernel

The README's are of synthetic digits; the notebook's are of MNIST if data/ contains it.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from hw1 import pictures, saved  # noqa: E402
from hw1.__main__ import main  # noqa: E402
from tests.commands import samples  # noqa: E402

RUNS = {
    "plain": ["--bn-layers", "0", "--momentum", "0"],
    "momentum": ["--bn-layers", "0"],
    "BatchNorm": ["--momentum", "0"],
    "both": ["--plot", str(HERE / "report.png")],  # the default
}


def draw_plots():
    """Train the network of each of RUNS, and compare them."""
    trainings = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in RUNS.items():
            path = pathlib.Path(folder) / f"{name}.npz"
            if main(["--data", "digits", *options, "--save", str(path)]) != 0:
                sys.exit(f"draw.py: the run {name!r} failed, see above")
            trainings[name] = saved.load(path)[1]
    pictures.save(pictures.comparison(trainings), HERE / "comparison.png")


def write_outputs():
    """Replace the README's output of a short run, and its sample score."""
    run = print_command("-m", "hw1", "--data", "digits", "--epochs", "3")
    replace_block("Data: ", run.split("\n\nConfusion")[0] + "\n")
    with tempfile.TemporaryDirectory() as folder:
        path = samples.write_sample(pathlib.Path(folder))
        replace_block("2.2  ", print_command("-m", "tests.grader", str(path)))


def print_command(*arguments):
    """Return what a command prints."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          check=True)
    return done.stdout


def replace_block(beginning, content):
    """Replace the README's block of text that begins so."""
    path = ROOT / "README.md"
    block = re.compile(rf"^```text\n{re.escape(beginning)}.*?^```$", re.DOTALL | re.MULTILINE)
    text, count = block.subn(lambda _: f"```text\n{content}```", path.read_text(encoding="utf-8"))
    if count != 1:
        sys.exit(f"draw.py: README.md must contain one block of text that begins {beginning!r}")
    path.write_text(text, encoding="utf-8")


def run_notebook():
    """Run the notebook, and store its outputs in it."""
    import nbclient
    import nbformat

    path = ROOT / "hw1" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": path.parent}})
    client.execute()
    notebook.metadata = nbformat.from_dict(metadata)  # without the kernel's version of Python
    nbformat.write(notebook, path)


if __name__ == "__main__":
    draw_plots()
    write_outputs()
    run_notebook()
