"""Colours, the template and the ways to put text on a chart. Every colour here reads on a white and a dark page.

Text takes the page's colour, light or dark, except on a filled shape.
"""

import html
import re
import textwrap
from collections.abc import Sequence

import plotly.graph_objects as go


def faded(color: str, opacity: float) -> str:
    """A `#rrggbb` colour made transparent; `opacity` in 0..1."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


# Frozen and trainable, and nothing else. One value each for both themes: 4.9 and 4.7 to 1 on white, 3.7 and 3.9 to 1 on
# the dark page, so that white text may stand on them and shapes may stand on the page (WCAG AA: 4.5 and 3 to 1).
ICE = "#1b75bb"
EMBER = "#c4500c"

SPLIT_COLORS = {"train": "#66727f", "validation": "#8a4fcf", "test": "#16805c"}

# Neither ice nor ember nor a split; ordered so that neighbours differ in hue.
CLASS_COLORS = (
    "#0f7f7a",
    "#b5388a",
    "#74700f",
    "#6d5cc4",
    "#b23a55",
    "#3c8239",
    "#8a5c33",
    "#5f7489",
    "#94599a",
    "#9b6a12",
    "#47806a",
    "#a8527a",
    "#587a20",
)

NEUTRAL = "#7d8790"
ON_COLOR = "#ffffff"  # text on a filled shape
# Streamlit's placeholder for its strongest text on the page: it becomes nearly black or white with the theme. Its own
# colour for the text of charts has 3.7 to 1 on white, less than WCAG AA asks for.
TEXT = "#000037"

# From the page's own colour to a full one, so that a low value fades into a light and a dark page alike.
# Below STRONG the page's text reads on it, from STRONG on white text does; between 0.45 and 0.85 opacity neither would.
STRONG = 0.5
OPACITIES = ((0.0, 0.0), (0.001, 0.2), (STRONG, 0.45), (STRONG, 0.85), (1.0, 1.0))
SEQUENTIAL = tuple((at, faded("#16805c", opacity)) for at, opacity in OPACITIES)
MISTAKES = tuple((at, faded("#b23a55", opacity)) for at, opacity in OPACITIES)

GRID = "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
TOP_LEFT = {"x": 0, "xanchor": "left", "yref": "container", "y": 0.98, "yanchor": "top"}

TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "colorway": list(CLASS_COLORS),
        "xaxis": {"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True},
        "yaxis": {"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True},
    }
)


def literal(text: object) -> str:
    """Text for any label of a chart, shown as it is: no HTML, no links, no LaTeX.

    Plotly reads entities after it looked for formulas, so a dollar sign written as one is only ever a dollar sign.
    Never put it into a `hovertemplate` or `texttemplate`, where `%{...}` would still be read.
    """
    return html.escape(str(text), quote=False).replace("$", "&#36;")


def short(text: object, length: int = 18) -> str:
    """`literal` of a text cut to `length` characters, its end kept: what differs between long names is often there."""
    value = str(text)
    if len(value) > length:
        head = (length - 1) * 2 // 3
        value = f"{value[:head]}…{value[head + 1 - length :]}"
    return literal(value)


def pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"


def class_colors(class_names: Sequence[str]) -> dict[str, str]:
    """A colour for each class by its index, the same on every page; from the 14th class on they repeat."""
    return {name: CLASS_COLORS[index % len(CLASS_COLORS)] for index, name in enumerate(class_names)}


def figure(title: str, *, subtitle: str = "", height: int = 360) -> go.Figure:
    """An empty figure in the one style.

    Args:
        title: the finding or the question; up to 40 characters fit a phone. Already literal where it holds names.
        subtitle: how to read the chart, likewise.
        height: pixels; the width is the page's.
    """
    text = {"font": {"color": TEXT}}
    axis = {"tickfont": {"color": TEXT}, "title": text}
    return go.Figure(
        layout={  # in one piece: plotly takes several times as long to change a figure as to make it
            "template": TEMPLATE,
            "title": {"text": title, "subtitle": {"text": subtitle, **text}, **TOP_LEFT},
            "height": height,
            "font": {"color": TEXT},
            "margin": {"t": 64 if subtitle else 48, "r": 12, "b": 44, "l": 8},
            "hoverlabel": {"align": "left"},
            "xaxis": axis,
            "yaxis": axis,
        }
    )


def empty(sentence: str, *, height: int = 200) -> go.Figure:
    """A figure without data that says in one sentence what it will show."""
    lines = [literal(line) for line in textwrap.wrap(sentence, 38)]
    result = figure("", height=height).update_xaxes(visible=False).update_yaxes(visible=False)
    return result.add_annotation(text="<br>".join(lines), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")


def legend_on_top(chart: go.Figure) -> dict[str, object]:
    """Layout of a legend in one line between title and plot; makes room for it."""
    top = chart.layout.margin.t
    chart.update_layout(margin_t=top + 24)
    y = 1 - (top - 8) / chart.layout.height
    return {
        "legend": {"orientation": "h", "traceorder": "normal", "yref": "container", "y": y, "yanchor": "top"}
        | {"xref": "container", "x": 0, "xanchor": "left"}
    }


def alt(chart: go.Figure) -> str:
    """What a screen reader says instead of the chart: its finding, as plain text."""
    title = chart.layout.title
    parts = [title.text, title.subtitle.text] if title.text else [note.text for note in chart.layout.annotations]
    plain = re.sub("<[^>]*>", " ", "; ".join(part for part in parts if part))  # before unescaping: a name keeps its own
    return html.unescape(plain)
