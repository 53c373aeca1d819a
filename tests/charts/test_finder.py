import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.charts import finder, theme
from dashboard.core import range_test
from dashboard.core.range_test import FALLS_FASTEST, STAYS_BELOW, Suggestion

RATES = range_test.rates()
LOSSES = 0.2 + 1.8 / (1 + (RATES / 1e-3) ** 2) + (RATES / 0.3) ** 2
ROWS = range_test.curve(RATES, LOSSES)


def trace(figure: go.Figure, name: str) -> go.Scatter:
    return next(trace for trace in figure.data if trace.name == name)


def test_every_batch_is_faint_and_the_smoothed_curve_is_strong_on_a_logarithmic_axis() -> None:
    figure = finder.curve(ROWS, range_test.suggest(RATES, LOSSES))
    raw, smoothed = trace(figure, "each batch"), trace(figure, "smoothed")
    assert (list(raw.x), list(raw.y)) == (RATES.tolist(), LOSSES.tolist())
    assert (list(smoothed.x), list(smoothed.y)) == (
        ROWS["smoothed_learning_rate"].tolist(),
        ROWS["smoothed"].tolist(),
    )
    assert raw.opacity < 0.5 and raw.line.width < smoothed.line.width
    assert figure.layout.xaxis.type == "log"


@pytest.mark.parametrize(
    ("suggestion", "title"),
    [
        (Suggestion(0.003, FALLS_FASTEST), "Try 0.003: there the loss falls fastest"),
        (Suggestion(0.00025, STAYS_BELOW), "Try 0.00025: a tenth of where it is lowest"),
        (Suggestion(None, "It never falls."), "No learning rate stands out"),
    ],
)
def test_the_title_says_the_finding(suggestion: Suggestion, title: str) -> None:
    assert finder.curve(ROWS, suggestion).layout.title.text == title


def test_the_suggestion_is_marked_on_the_smoothed_curve_with_its_value() -> None:
    figure = finder.curve(ROWS, Suggestion(0.003, FALLS_FASTEST))
    mark = trace(figure, "suggestion")
    nearest = (ROWS["smoothed_learning_rate"] - 0.003).abs().argmin()
    assert mark.x[0] == 0.003
    assert mark.y[0] == pytest.approx(ROWS["smoothed"][nearest], abs=0.1)
    (note,) = figure.layout.annotations
    assert (note.text, note.x) == ("0.003", pytest.approx(np.log10(0.003)))
    assert [shape.x0 for shape in figure.layout.shapes] == [0.003]


def test_without_a_suggestion_nothing_is_marked() -> None:
    figure = finder.curve(ROWS, Suggestion(None, "It never falls."))
    assert not figure.layout.shapes and not figure.layout.annotations
    assert "suggestion" not in [trace.name for trace in figure.data]


def test_an_explosion_does_not_flatten_the_rest() -> None:
    rows = range_test.curve(RATES, LOSSES + 1e6 * (RATES > 5))
    low, high = finder.curve(rows, range_test.suggest(RATES, LOSSES)).layout.yaxis.range
    assert low == 0 and LOSSES[0] < high < 2 * LOSSES[0]


def test_all_that_is_drawn_reads_on_both_pages() -> None:
    figure = finder.curve(ROWS, Suggestion(0.003, FALLS_FASTEST))
    assert figure.layout.xaxis.tickfont.color == figure.layout.font.color == theme.TEXT
    assert {trace(figure, name).line.color for name in ("each batch", "smoothed")} <= set(theme.SPLIT_COLORS.values())
    assert figure.layout.paper_bgcolor is None and figure.layout.template.layout.paper_bgcolor == theme.CLEAR


def test_before_the_first_test_it_says_what_it_will_show() -> None:
    nothing = pd.DataFrame(columns=ROWS.columns)
    assert theme.alt(finder.curve(nothing, Suggestion(None, ""))) == finder.EMPTY
