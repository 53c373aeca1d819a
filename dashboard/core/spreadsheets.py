"""Tables for people's spreadsheets."""

import pandas as pd

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection").
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def formula_safe(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text, column names included, that a spreadsheet would run."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(_literal)
    return safe.rename(columns=_literal)


def _literal(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(STARTS_A_FORMULA) else value
