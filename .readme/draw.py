"""Makes anew the README's pictures and sample output, and the notebook's outputs.

    python .readme/draw.py        some two minutes; needs matplotlib, nbclient and ipykernel

The README's are of drawn digits, the notebook's of MNIST where data/ holds it.
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

RUNS = {
    "plain": ["--bn-layers", "0", "--momentum", "0"],
    "momentum": ["--bn-layers", "0"],
    "BatchNorm": ["--momentum", "0"],
    "both": ["--plot", str(HERE / "report.png")],  # the default
}


def draw_pictures():
    """Run RUNS and compare them."""
    trainings = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in RUNS.items():
            path = pathlib.Path(folder) / f"{name}.npz"
            if main(["--data", "digits", *options, "--save", str(path)]) != 0:
                sys.exit(f"draw.py: the run {name!r} failed, see above")
            trainings[name] = saved.load(path)[1]
    pictures.save(pictures.comparison(trainings), HERE / "comparison.png")


def write_output():
    """Put the output of a short run into the README, up to the confusion matrix."""
    command = [sys.executable, "-m", "hw1", "--data", "digits", "--epochs", "3"]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    shown = run.stdout.split("\n\nConfusion")[0]
    path = ROOT / "README.md"
    block = re.compile(r"^```text\nData: .*?^```$", re.DOTALL | re.MULTILINE)
    path.write_text(block.sub(lambda _: f"```text\n{shown}\n```", path.read_text(encoding="utf-8")),
                    encoding="utf-8")


def run_notebook():
    """Run the notebook and keep its outputs in it."""
    import nbclient
    import nbformat

    path = ROOT / "hw1" / "notebook.ipynb"
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    nbclient.NotebookClient(notebook, kernel_name="python3", record_timing=False,
                            coalesce_streams=True,
                            resources={"metadata": {"path": path.parent}}).execute()
    notebook.metadata = nbformat.from_dict(metadata)  # the kernel adds what Python it is
    nbformat.write(notebook, path)


if __name__ == "__main__":
    draw_pictures()
    write_output()
    run_notebook()
