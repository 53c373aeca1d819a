"""The network as blocks: ice where frozen, ember where trainable."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts import theme

ROW = 58  # pixels
STRIPES = {"shape": "/", "size": 9, "solidity": 0.3, "bgcolor": theme.EMBER, "fgcolor": "#9a3d08"}


def blocks(blocks: pd.DataFrame, columns: int = 4) -> go.Figure:
    """The network from the picture to the classes, line by line like text; trainable blocks are also striped.

    Args:
        blocks: columns name, layers, parameters, output_shape (text), trainable; in order from input to head.
        columns: blocks a line; four fit a phone.
    """
    if blocks.empty:
        return theme.empty("Shows the network block by block, once a backbone is chosen.")
    lines = -(-len(blocks) // columns)
    figure = theme.figure(
        _shares(blocks), subtitle="from the picture to the classes, line by line", height=116 + ROW * lines
    )
    position = np.arange(len(blocks))
    for trainable in (False, True):
        mask = blocks["trainable"].to_numpy(dtype=bool) == trainable
        if mask.any():
            figure.add_bar(**_tiles(blocks[mask], position[mask] % columns, position[mask] // columns, trainable))
    figure.update_xaxes(visible=False, range=[-0.5, columns - 0.5], fixedrange=True)
    figure.update_yaxes(visible=False, range=[lines - 0.5, -0.5], fixedrange=True)
    figure.update_layout(barmode="overlay", uniformtext={"minsize": 9, "mode": "show"}, margin={"b": 4, "r": 4, "l": 4})
    return figure.update_layout(showlegend=True, **theme.legend_on_top(figure))


def _tiles(table: pd.DataFrame, column: np.ndarray, line: np.ndarray, trainable: bool) -> dict[str, object]:
    """Bars that are tiles: one a block, at its column and line."""
    return {
        "name": "trainable" if trainable else "frozen",
        "x": column,
        "y": np.full(len(table), 0.8),
        "base": line - 0.4,
        "width": 0.94,
        "marker": {
            "color": theme.EMBER if trainable else theme.ICE,
            "pattern": STRIPES if trainable else {},
            "cornerradius": 4,
        },
        "text": [
            f"<b>{theme.short(name, 14)}</b><br>{millions(count)}"
            for name, count in zip(table["name"], table["parameters"], strict=True)
        ],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": theme.ON_COLOR, "size": 12},
        "customdata": list(table["name"]),
        "hovertext": [
            f"<b>{theme.literal(row.name)}</b>, {'trainable' if trainable else 'frozen'}<br>"
            f"{row.layers:,} layers, {row.parameters:,} parameters<br>output {theme.literal(row.output_shape)}"
            for row in table[["name", "layers", "parameters", "output_shape"]].itertuples(index=False)
        ],
        "hoverinfo": "text",
    }


def _shares(table: pd.DataFrame) -> str:
    trainable = table["trainable"].to_numpy(dtype=bool)
    total, moving = int(table["parameters"].sum()), int(table["parameters"][trainable].sum())
    return f"{millions(moving)} of {millions(total)} parameters train"


def millions(count: int) -> str:
    """A number of parameters in two or three digits: `870`, `12 k`, `0.30 M`, `2.3 M`, `88 M`."""
    if count < 1_000:
        return f"{count}"
    if count < 99_500:
        return f"{count / 1_000:.{0 if count >= 9_950 else 1}f} k"
    return f"{count / 1e6:.{2 if count < 995_000 else 1 if count < 99_500_000 else 0}f} M"


def dot(blocks: pd.DataFrame) -> str:
    """The same as DOT text, from the picture down to the classes; trainable blocks are drawn with a double line."""
    lines = [
        "digraph network {",
        '  graph [bgcolor="transparent", rankdir="TB", nodesep="0.2", ranksep="0.25"];',
        '  node [shape="box", style="filled,rounded", fontname="sans-serif", fontsize="12"];',
        f'  edge [color="{theme.NEUTRAL}", arrowsize="0.7"];',
    ]
    for index, row in enumerate(blocks.itertuples(index=False)):
        color = theme.EMBER if row.trainable else theme.ICE
        state = "trainable" if row.trainable else "frozen"
        label = r"\n".join((_quoted(row.name), f"{millions(row.parameters)}, {state}", _quoted(row.output_shape)))
        colors = f'color="{color}", fillcolor="{color}", fontcolor="{theme.ON_COLOR}"'
        lines.append(f'  block{index} [label="{label}", {colors}, peripheries="{2 if row.trainable else 1}"];')
    if len(blocks) > 1:
        lines.append("  " + " -> ".join(f"block{index}" for index in range(len(blocks))) + ";")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: object) -> str:
    """Text inside a quoted DOT label: no escape sequence, no end of the string, no entity."""
    escaped = str(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(escaped.split())
