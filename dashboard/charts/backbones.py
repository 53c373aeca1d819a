"""Which backbone is worth its size."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import labels, theme

TICKS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # megabytes
LABELS = 6  # names at most


def accuracy_against_size(table: pd.DataFrame, recommended: str | None, chosen: str | None = None) -> go.Figure:
    """Published top-1 accuracy against the size of the weights; `customdata` is the name of the backbone.

    Args:
        table: columns name, parameters (millions), megabytes, top1 (per cent), status (text).
        recommended: the name to mark as the one to begin with.
        chosen: the name the draft has now.
    """
    table = table[(table["megabytes"] > 0) & table["top1"].notna()]
    if table.empty:
        return theme.empty("Shows how accurate each backbone is for its size.")
    figure = theme.figure(
        "Which backbone is worth its size?", subtitle="higher is more accurate, further left is smaller", height=420
    )
    figure.add_scatter(**_points(table, theme.CLASS_COLORS[7], 10, "circle"))
    for name, symbol, size, color in (
        (chosen, "circle-open", 24, theme.CLASS_COLORS[1]),
        (recommended, "star", 20, theme.CLASS_COLORS[0]),
    ):
        marked = table[table["name"] == name]
        if len(marked):
            figure.add_scatter(**_points(marked, color, size, symbol))
    x, y = _ranges(table)
    _label(
        figure,
        table.assign(px=labels.pixels(np.log10(table["megabytes"]), x, 0), py=labels.pixels(table["top1"], y, 1)),
        {name: note for name, note in ((chosen, "chosen"), (recommended, "recommended")) if name},
    )
    figure.update_xaxes(title_text="size of the weights, megabytes", type="log", tickvals=TICKS, range=x, showgrid=True)
    figure.update_yaxes(title_text="ImageNet top-1 accuracy, %", range=y, nticks=7)
    return figure.update_layout(showlegend=False)


def _ranges(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Ranges of both axes (x as exponents of ten), with room around the points."""
    low, high = np.log10(table["megabytes"].min()), np.log10(table["megabytes"].max())
    bottom, top = table["top1"].min(), table["top1"].max()
    wide, tall = max(high - low, 0.5), max(top - bottom, 2.0)
    return [low - wide * 0.09, high + wide * 0.09], [bottom - tall * 0.12, top + tall * 0.15]


def _points(table: pd.DataFrame, color: str, size: int, symbol: str) -> dict[str, object]:
    columns = ["name", "top1", "megabytes", "parameters", "status"]
    return {
        "x": table["megabytes"],
        "y": table["top1"],
        "mode": "markers",
        "marker": {"size": size, "color": color, "symbol": symbol, "line": {"width": 2.5 if "open" in symbol else 0}},
        "customdata": list(table["name"]),
        "hovertext": [
            f"<b>{theme.literal(row.name)}</b><br>{row.top1:.1f} % top-1, {row.megabytes:,.0f} MB, "
            f"{row.parameters:,.1f} M parameters<br>{theme.literal(row.status)}"
            for row in table[columns].itertuples(index=False)
        ],
        "hoverinfo": "text",
    }


def _label(figure: go.Figure, table: pd.DataFrame, notes: dict[str, str]) -> None:
    """Name the marked backbones, and of those that nothing smaller beats as many as have room.

    Args:
        table: with the pixel positions `px` and `py` of every point.
        notes: what to write below a name; these names are always written.
    """
    by_size = table.sort_values(["megabytes", "top1"], ascending=[True, False])
    best = by_size[by_size["top1"] > by_size["top1"].cummax().shift(fill_value=-1.0)]
    taken = labels.around(table)
    rows = table.drop_duplicates("name").set_index("name")
    written = 0
    for name in dict.fromkeys([*(name for name in notes if name in rows.index), *reversed(list(best["name"]))]):
        row = rows.loc[name]
        lines = [theme.short(name, 20), *([notes[name]] if name in notes else [])]
        gap = 14 if name in notes else 6  # a marked point is larger than the others
        place = labels.place(row["px"], row["py"], lines, gap, taken)
        if name not in notes and (place.clashes > 0 or written >= LABELS):
            continue
        written += 1
        taken.append(place.box)
        labels.write(figure, float(np.log10(row["megabytes"])), float(row["top1"]), lines, place.side, gap)
