"""What a dataset is made of: pictures a class, and their sizes."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme

ROW = 28  # pixels a class
NARROW = 0.11  # of the longest bar: a part narrower than this holds no number on a phone
DRAWN_SIZES = 1500  # points; more are rounded together


def counts(members: pd.DataFrame) -> go.Figure:
    """Pictures of each class as bars, stacked by split. Hover and `customdata` name the class.

    Args:
        members: columns class_name and split, one row a picture.
    """
    if members.empty:
        return theme.empty("Shows how many pictures each class has, once there are some.")
    table = pd.crosstab(members["class_name"], members["split"])
    splits = [name for name in theme.SPLIT_COLORS if name in table] + [n for n in table if n not in theme.SPLIT_COLORS]
    totals = table.sum(axis="columns")
    names = list(table.index)
    figure = theme.figure(_balance(totals), height=112 + ROW * len(names))
    for split in splits:
        figure.add_bar(**_split_bars(table[split], names, totals.max() * NARROW))
    figure.add_scatter(
        x=totals,
        y=np.arange(len(names)),
        text=[f" {total:,}" for total in totals],
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    figure.update_xaxes(title_text="pictures", range=[0, totals.max() * 1.14], showgrid=True, tickformat=",d", nticks=6)
    figure.update_yaxes(
        tickvals=np.arange(len(names)), ticktext=[theme.short(name) for name in names], range=[len(names) - 0.5, -0.5]
    )
    return figure.update_layout(barmode="stack", bargap=0.2, **theme.legend_on_top(figure))


def _split_bars(values: pd.Series, names: list[str], narrow: float) -> dict[str, object]:
    return {
        "x": values,
        "y": np.arange(len(names)),
        "name": theme.literal(values.name),
        "orientation": "h",
        "marker_color": theme.SPLIT_COLORS.get(str(values.name), theme.NEUTRAL),
        "text": [f"{value:,}" if value >= narrow else "" for value in values],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "none",
        "textfont": {"color": theme.ON_COLOR, "size": 11},
        "hovertext": [
            f"{theme.literal(name)}<br>{theme.literal(values.name)}: {theme.pictures(value)}"
            for name, value in zip(names, values, strict=True)
        ],
        "hoverinfo": "text",
        "customdata": names,
    }


def _balance(totals: pd.Series) -> str:
    """The finding: how many pictures, and how unevenly spread."""
    least, most = int(totals.min()), int(totals.max())
    if len(totals) == 1:
        return f"1 class, {theme.pictures(most)}"
    return (
        f"{len(totals)} classes, {theme.pictures(least)} each"
        if least == most
        else (f"{len(totals)} classes, {least:,} to {theme.pictures(most)} each")
    )


def sizes(members: pd.DataFrame) -> go.Figure:
    """Width against height of the pictures, one marker a size, its area the number of pictures.

    Args:
        members: columns width and height, pixels.
    """
    if members.empty:
        return theme.empty("Shows how large the pictures are, once there are some.")
    table = _rounded(members).value_counts(["width", "height"]).reset_index()
    largest = table.iloc[0]
    share = largest["count"] / len(members)
    title = (
        "All pictures have one size" if len(table) == 1 else f"{share:.0%} of pictures have one size".replace("%", " %")
    )
    figure = theme.figure(
        title if share >= 0.25 else "How large are the pictures?",
        subtitle=f"most common: {largest['width']:,} x {largest['height']:,} pixels; dashed: square",
        height=380,
    )
    edge = float(members[["width", "height"]].to_numpy().max()) * 1.08
    figure.add_scatter(
        x=[0, edge],
        y=[0, edge],
        mode="lines",
        hoverinfo="skip",
        line={"color": theme.NEUTRAL, "width": 1, "dash": "dash"},
    )
    figure.add_scatter(
        x=table["width"],
        y=table["height"],
        mode="markers",
        marker={
            "size": 6 + 26 * np.sqrt(table["count"] / len(members)),
            "color": theme.CLASS_COLORS[0],
            "opacity": 0.6,
            "line": {"width": 1, "color": theme.CLASS_COLORS[0]},
        },
        hovertext=[
            f"{row.width:,} x {row.height:,} pixels<br>{theme.pictures(row.number)}"
            for row in table.rename(columns={"count": "number"}).itertuples(index=False)
        ],
        hoverinfo="text",
    )
    figure.update_xaxes(title_text="width, pixels", range=[0, edge], showgrid=True, nticks=7)
    figure.update_yaxes(title_text="height, pixels", range=[0, edge], nticks=7)
    return figure.update_layout(showlegend=False)


def _rounded(members: pd.DataFrame) -> pd.DataFrame:
    """The sizes as they are, or rounded to a sixtieth of the largest side where there are too many to draw."""
    table = members[["width", "height"]]
    if len(table.drop_duplicates()) <= DRAWN_SIZES:
        return table
    step = max(1, int(table.to_numpy().max()) // 35)
    return (table // step * step + step // 2).astype(int)
