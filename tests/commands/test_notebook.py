"""Runs the notebook from top to bottom as Jupyter does, with a real kernel, in its folder."""

import base64
import contextlib
import json
import pathlib

import pytest

from hw1 import pictures

with contextlib.suppress(ImportError):
    pictures.require_matplotlib()  # whatever MPLBACKEND says
nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel matplotlib")
pytest.importorskip("ipykernel", reason="pip install ipykernel")
pytest.importorskip("matplotlib", reason="pip install matplotlib")

import nbformat  # noqa: E402 (nbclient brings it)

HW1 = pathlib.Path(__file__).resolve().parents[2] / "hw1"
PATH = HW1 / "notebook.ipynb"
FIGURES = ["digits", "comparison", "best", "mistakes", "first-layer"]  # cells, by id


def is_png(output):
    return base64.b64decode(output.get("data", {}).get("image/png", "")).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def notebook():
    """The notebook after its run; a cell that fails raises here."""
    notebook = nbformat.read(PATH, as_version=4)
    client = nbclient.NotebookClient(notebook, kernel_name="python3",
                                     resources={"metadata": {"path": HW1}})
    return client.execute()


@pytest.fixture(scope="module")
def outputs(notebook):
    """The outputs of each cell of code, by its id."""
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def test_it_is_stored_with_its_outputs_for_a_page_to_show():
    nbformat.validate(json.loads(PATH.read_text(encoding="utf-8")))
    cells = [cell for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if any(map(is_png, cell.outputs))] == FIGURES
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert PATH.stat().st_size <= 400_000
    assert max(len(line) for cell in cells for line in cell.source.splitlines()) <= 80


def test_it_writes_nothing_to_standard_error(outputs):
    assert "stderr" not in [output.get("name") for parts in outputs.values() for output in parts]


def test_its_figures_come_out(outputs):
    assert [id for id, parts in outputs.items() if any(map(is_png, parts))] == FIGURES


def test_a_training_shows_its_epochs_in_place(outputs):
    printed = "".join(output["text"] for output in outputs["trainings"])
    assert printed.count("\n") == 2 * 4  # its name and one line for each of the four
    assert printed.count("\repoch 8/8: ") == 4


def test_a_network_shows_what_it_is(outputs):
    assert outputs["network"][-1]["data"]["text/plain"] == (
        "MLP(784 -> 64 BatchNorm Sigmoid -> 64 BatchNorm Sigmoid -> 32 BatchNorm Sigmoid -> "
        "10 Identity; 57,130 parameters)")
