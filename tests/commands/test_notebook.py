"""Runs the notebook from top to bottom as Jupyter does, with a real kernel, in its folder."""

import base64
import contextlib
import json

import pytest

from hw1 import pictures
from tests.commands.copies import ROOT

with contextlib.suppress(ImportError):
    pictures.require_matplotlib()  # whatever MPLBACKEND says
nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel matplotlib")
pytest.importorskip("ipykernel", reason="pip install ipykernel")
pytest.importorskip("matplotlib", reason="pip install matplotlib")

import nbformat  # noqa: E402 (a dependency of nbclient)

HW1 = ROOT / "hw1"
PATH = HW1 / "notebook.ipynb"
FIGURES = ["digits", "comparison", "best", "mistakes", "first-layer"]  # cells, by id


def find_figures(cells):
    """Return the ids of the cells of code with a PNG image among their outputs."""
    found = []
    for cell in cells:
        images = [output.get("data", {}).get("image/png", "") for output in cell.outputs]
        if any(base64.b64decode(image).startswith(b"\x89PNG") for image in images):
            found.append(cell.id)
    return found


def select_code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def cells():
    """The notebook's cells of code, by id, after a run; a cell that fails raises here."""
    notebook = nbformat.read(PATH, as_version=4)
    client = nbclient.NotebookClient(notebook, kernel_name="python3",
                                     resources={"metadata": {"path": HW1}})
    return {cell.id: cell for cell in select_code(client.execute())}


def test_notebook_is_stored_with_its_outputs():
    nbformat.validate(json.loads(PATH.read_text(encoding="utf-8")))
    stored = select_code(nbformat.read(PATH, as_version=4))
    assert find_figures(stored) == FIGURES
    assert [cell.execution_count for cell in stored] == list(range(1, len(stored) + 1))
    assert PATH.stat().st_size <= 400_000


def test_lines_of_code_fit_a_page():
    lines = [line for cell in select_code(nbformat.read(PATH, as_version=4))
             for line in cell.source.splitlines()]
    assert max(map(len, lines)) <= 80


def test_nothing_is_written_to_standard_error(cells):
    streams = [output.get("name") for cell in cells.values() for output in cell.outputs]
    assert "stderr" not in streams


def test_figures_are_drawn(cells):
    assert find_figures(cells.values()) == FIGURES


def test_training_updates_one_line_in_place(cells):
    printed = "".join(output["text"] for output in cells["trainings"].outputs)
    assert printed.count("\n") == 2 * 4  # its name and one line for each of the four
    assert printed.count("\repoch 8/8: ") == 4


def test_network_is_described(cells):
    assert cells["network"].outputs[-1]["data"]["text/plain"] == (
        "MLP(784 -> 64 BatchNorm Sigmoid -> 64 BatchNorm Sigmoid -> 32 BatchNorm Sigmoid -> "
        "10 Identity; 57,130 parameters)")
