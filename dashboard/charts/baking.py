"""Which backbone is best on one's own pictures, and what it costs."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import labels, theme

TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # milliseconds
NAMES = 8  # at most; further ones only where nothing is in their way
BEST, OTHER = theme.CLASS_COLORS[0], theme.CLASS_COLORS[7]
SIZES = (9.0, 26.0)  # pixels across, of the smallest and the largest weights


def accuracy_against_time(table: pd.DataFrame) -> go.Figure:
    """Accuracy with its 95 % interval against milliseconds a picture; `customdata` is the label of the candidate.

    A line joins the candidates that nothing quicker beats. The area of a point grows with the megabytes of its weights.

    Args:
        table: columns label, accuracy, low and high (0..1), milliseconds (a picture), megabytes, count (pictures).
            Rows without an accuracy are left out.
    """
    table = table[table["accuracy"].notna()].sort_values(["milliseconds", "accuracy"], ascending=[True, False])
    if table.empty:
        return theme.empty("Shows how often each backbone is right on your pictures, and how long it takes.")
    front = best_for_speed(table)
    title, subtitle = finding(front)
    figure = theme.figure(title, subtitle=subtitle, height=440)
    figure.add_scatter(
        x=front["milliseconds"],
        y=front["accuracy"] * 100,
        mode="lines",
        line={"color": BEST, "width": 2, "dash": "dot"},
        hoverinfo="skip",
    )
    for rows, color in ((table.drop(front.index), OTHER), (front, BEST)):
        figure.add_scatter(**_points(rows, color, float(table["megabytes"].max())))
    x, y = _ranges(table)
    _name(figure, table, list(front["label"]), x, y)
    figure.update_xaxes(title_text="milliseconds a picture", type="log", tickvals=TICKS, range=x, showgrid=True)
    figure.update_yaxes(title_text="right on your pictures, %", range=y, nticks=7)
    return figure.update_layout(showlegend=False)


def best_for_speed(table: pd.DataFrame) -> pd.DataFrame:
    """Of rows in order of time those that are right more often than everything quicker."""
    return table[table["accuracy"] > table["accuracy"].cummax().shift(fill_value=-1.0)]


def finding(front: pd.DataFrame) -> tuple[str, str]:
    """The quickest against the most accurate, in a title and a subtitle.

    Args:
        front: as of `best_for_speed`, not empty.
    """
    quick, good = front.iloc[0], front.iloc[-1]
    title = f"{theme.literal(quick['label'])} is right on {_per_cent(quick)}"
    if len(front) == 1:
        return title, "nothing measured here is right more often"
    times = good["milliseconds"] / quick["milliseconds"]
    slower = f"{times:.0f}" if times >= 2.95 else f"{times:.1f}"
    subtitle = f"{theme.literal(good['label'])} on {_per_cent(good)} and takes {slower} times as long"
    if good["low"] <= quick["high"]:
        subtitle += "<br>their bars overlap: it may be chance"
    return title, subtitle


def _per_cent(row: pd.Series) -> str:
    return f"{row['accuracy'] * 100:.0f} %"


def _megabytes(value: float) -> str:
    return f"{value:,.0f} MB" if value >= 10 else f"{value:.2g} MB"


def _points(rows: pd.DataFrame, color: str, largest: float) -> dict[str, object]:
    small, large = SIZES
    return {
        "x": rows["milliseconds"],
        "y": rows["accuracy"] * 100,
        "mode": "markers",
        "marker": {
            "size": small + (large - small) * np.sqrt(rows["megabytes"] / largest),
            "color": color,
            "opacity": 0.9,
            "line": {"width": 0},
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": (rows["high"] - rows["accuracy"]) * 100,
            "arrayminus": (rows["accuracy"] - rows["low"]) * 100,
            "color": color,
            "thickness": 1.5,
            "width": 5,
        },
        "customdata": list(rows["label"]),
        "hovertext": [
            f"<b>{theme.literal(row.label)}</b><br>right on {row.accuracy * 100:.0f} % of {theme.pictures(row.count)}, "
            f"95 % interval {row.low * 100:.0f} to {row.high * 100:.0f} %<br>{row.milliseconds:.3g} ms a picture, "
            f"{_megabytes(row.megabytes)}"
            for row in rows.astype({"count": int})[
                ["label", "accuracy", "count", "low", "high", "milliseconds", "megabytes"]
            ].itertuples(index=False, name="Row")
        ],
        "hoverinfo": "text",
    }


def _ranges(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Ranges of both axes (x as exponents of ten), with room for the names."""
    left, right = np.log10(table["milliseconds"].min()), np.log10(table["milliseconds"].max())
    bottom, top = table["low"].min() * 100, table["high"].max() * 100
    wide, tall = max(right - left, 0.5), max(top - bottom, 10.0)
    middle = (left + right) / 2
    return [middle - wide * 0.68, middle + wide * 0.68], [bottom - tall * 0.08, top + tall * 0.08]


def _name(figure: go.Figure, table: pd.DataFrame, front: list[str], x: list[float], y: list[float]) -> None:
    """Write name and megabytes beside the points: the front always, others where there is room."""
    placed = table.assign(
        px=labels.pixels(np.log10(table["milliseconds"]), x, 0), py=labels.pixels(table["accuracy"] * 100, y, 1)
    )
    taken = labels.around(placed)
    order = placed.assign(other=~placed["label"].isin(front)).sort_values("other", kind="stable")
    for number, (_, row) in enumerate(order.iterrows()):
        lines = [theme.short(row["label"], 22), f"{_megabytes(row['megabytes'])}"]
        gap = round(SIZES[0] / 2 + (SIZES[1] - SIZES[0]) / 2 * (row["megabytes"] / table["megabytes"].max()) ** 0.5) + 3
        place = labels.place(row["px"], row["py"], lines, gap, taken)
        if row["label"] not in front and (place.clashes > 0 or number >= NAMES):
            continue
        taken.append(place.box)
        labels.write(figure, float(np.log10(row["milliseconds"])), row["accuracy"] * 100, lines, place.side, gap)
