"""Proof that a correct submission in any style earns full marks, and the right advice."""

import pathlib

import pytest

from tests.grader.mistakes import edit
from tests.grader.proof.submissions import TOTAL, grade_together, write_module
from tests.grader.proof.styles import ADVICE, MATRIX_ADVICE, STYLES, TEXTBOOK

SOLUTIONS = sorted(pathlib.Path(__file__).resolve().parents[2].glob("solutions/[!_]*.py"))


def assert_full_marks(graded):
    """Assert that nothing is lost, and that each check agrees as a whole with the textbook."""
    reasons = {number: section.reasons for number, section in graded.sections.items()
               if section.reasons}
    differences = [outcome.whole for section in graded.sections.values()
                   for outcome in section.outcomes if outcome.whole]
    assert reasons == {}
    assert graded.refused is None
    assert graded.total == TOTAL
    assert differences == []


@pytest.mark.parametrize("style", STYLES)
def test_style_earns_full_marks(style, tmp_path):
    text = edit(TEXTBOOK, STYLES[style].edits)
    graded = grade_together(write_module(tmp_path, text))
    assert_full_marks(graded)
    expected = ADVICE.get(style, [MATRIX_ADVICE])
    assert len(graded.advice) == len(expected), graded.advice
    for line, beginning in zip(graded.advice, expected):
        assert line.startswith(beginning)


@pytest.mark.parametrize("path", SOLUTIONS, ids=[path.stem for path in SOLUTIONS])
def test_solution_earns_full_marks(path, tmp_path):
    graded = grade_together(write_module(tmp_path, path.read_text()))
    assert_full_marks(graded)


def test_names_that_numpy_dropped_get_advice(tmp_path):
    text = TEXTBOOK.replace("return 1.0", "return np.float(1.0)")
    graded = grade_together(write_module(tmp_path, text))
    assert_full_marks(graded)
    assert "np.float" in graded.advice[0]


def test_styles_differ():
    texts = {edit(TEXTBOOK, style.edits) for style in STYLES.values()}
    texts.add(TEXTBOOK)
    assert len(texts) == len(STYLES) + 1


def test_advice_is_that_of_styles():
    assert set(ADVICE) <= set(STYLES)


@pytest.mark.parametrize("old", ["no such line", "import", "class MLP:\n    def", "        pass"])
def test_edit_refuses_lines_that_do_not_occur_whole(old):
    with pytest.raises(ValueError, match="must be whole lines that occur once, not 0 times"):
        edit(TEXTBOOK, [(old, "")])
