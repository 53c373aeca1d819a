import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.spreadsheets import STARTS_A_FORMULA, formula_safe


@given(st.lists(st.text(max_size=10), min_size=1, max_size=5))
def test_no_cell_and_no_column_name_starts_a_formula(texts: list[str]) -> None:
    safe = formula_safe(pd.DataFrame({texts[0]: texts, "share": 1.5}))
    cells = [*safe.columns, *(str(cell) for cell in safe.iloc[:, 0])]
    assert not any(cell.startswith(STARTS_A_FORMULA) for cell in cells)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_kept_readable_behind_an_apostrophe(text: str) -> None:
    assert formula_safe(pd.DataFrame({"class": [text]})).loc[0, "class"] == "'" + text


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"probability": [-0.5, 0.5]})
    assert formula_safe(table)["probability"].tolist() == [-0.5, 0.5]
