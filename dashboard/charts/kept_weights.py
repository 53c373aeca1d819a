"""Downloaded weights as bars: how much of the disk each file takes."""

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme
from dashboard.core.quantities import size
from dashboard.data.kept_weights import DIFFERS, UNKNOWN, WHOLE

SOUND, UNSOUND = theme.CLASS_COLORS[0], theme.CLASS_COLORS[4]
DRAWN = 20  # files


def sizes(table: pd.DataFrame) -> go.Figure:
    """One bar a file, the largest on top; those that are no whole file, or not the published one, in another colour.

    Args:
        table: columns name, network, bytes, state, check, as of `data.kept_weights.listing`; the largest first.
    """
    if table.empty:
        return theme.empty("Shows what each file takes of the disk, once there is one.")
    shown = table.head(DRAWN)
    sound = (shown["state"] == WHOLE) & (shown["check"] != DIFFERS)
    figure = theme.figure(_title(table), subtitle=_subtitle(table), height=120 + 32 * len(shown))
    figure.add_bar(
        x=shown["bytes"] / 1e6,
        y=list(range(len(shown))),
        orientation="h",
        marker_color=[SOUND if each else UNSOUND for each in sound],
        text=[size(each) for each in shown["bytes"]],
        textposition="outside",
        cliponaxis=False,
        hovertext=[
            "<br>".join(theme.literal(part) for part in (row["name"], row["network"], row["state"], row["check"]))
            for row in shown.to_dict("records")
        ],
        hoverinfo="text",
    )
    figure.update_xaxes(title_text="MB", range=[0, max(shown["bytes"].max() / 1e6, 0.001) * 1.25], nticks=6)
    figure.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[
            theme.short(row["network"] if row["known"] else row["name"], 26)
            for row in shown.assign(known=shown["network"] != UNKNOWN).to_dict("records")
        ],
        range=[len(shown) - 0.5, -0.5],
    )
    return figure.update_layout(showlegend=False, bargap=0.35)


def _title(table: pd.DataFrame) -> str:
    files = "1 file takes" if len(table) == 1 else f"{len(table):,} files take"
    return f"{files} {size(table['bytes'].sum())}"


def _subtitle(table: pd.DataFrame) -> str:
    unsound = int(((table["state"] != WHOLE) | (table["check"] == DIFFERS)).sum())
    drawn = f"the {DRAWN} largest; " if len(table) > DRAWN else ""
    return drawn + ("all of them whole" if not unsound else f"red: {unsound:,} not whole, or not what was published")
