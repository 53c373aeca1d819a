import time

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard.charts import history, theme
from tests.charts.conftest import make_batches

NO_MARKS = pd.DataFrame(columns=["kind", "step", "epoch", "text"])


def trace(figure: go.Figure, name: str) -> go.Scatter:
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_raw_smoothed_and_validation_curves_are_drawn(batches, epochs, marks, metric) -> None:
    figure = history.live(batches, epochs, marks, metric=metric)
    assert list(trace(figure, "each batch").y) == batches[metric].tolist()
    assert len(trace(figure, "training").y) == len(batches)
    assert list(trace(figure, "validation").x) == epochs["step"].tolist()
    assert list(trace(figure, "validation").y) == epochs[f"validation_{metric}"].tolist()


def test_the_title_is_the_best_so_far(batches, epochs, marks) -> None:
    assert history.live(batches, epochs, marks).layout.title.text == "Best validation loss 0.30, epoch 8"
    accuracy = history.live(batches, epochs, marks, metric="accuracy")
    assert accuracy.layout.title.text == "Best validation accuracy 0.83, epoch 8"


def test_feature_extraction_is_ice_and_fine_tuning_is_ember(batches, epochs, marks) -> None:
    rectangles = [shape for shape in history.live(batches, epochs, marks).layout.shapes if shape.type == "rect"]
    assert [(shape.x0, shape.x1, shape.fillcolor) for shape in rectangles] == [
        (0, 60, theme.ICE),
        (60, 100, theme.EMBER),
    ]
    assert {shape.layer for shape in rectangles} == {"below"}


def test_the_last_best_epoch_early_stopping_and_warnings_are_marked(batches, epochs, marks) -> None:
    figure = history.live(batches, epochs, marks)
    best, warning = trace(figure, "best"), trace(figure, "warning")
    assert (best.x[0], best.y[0]) == (80, 0.3)
    assert len(best.x) == 1
    assert (warning.x[0], warning.hovertext[0]) == (33, "loss &lt;b&gt;jumped&lt;/b&gt; &#36;5&#36;")
    assert "stopped early, epoch 10" in [note.text for note in figure.layout.annotations]


def test_a_stop_before_the_first_epoch_names_none(batches, epochs) -> None:
    stop = pd.DataFrame([("stop", 3, None, "you pressed Stop")], columns=NO_MARKS.columns)
    figure = history.live(batches.head(3), epochs.head(0), stop)
    assert "stopped" in [note.text for note in figure.layout.annotations]


def test_epochs_without_a_validation_value_are_passed_over(batches, epochs, marks) -> None:
    values = epochs["validation_loss"].astype(object)
    values.iloc[7] = None
    figure = history.live(batches, epochs.assign(validation_loss=values), marks)
    assert figure.layout.title.text == "Best validation loss 0.40, epoch 7"


def test_a_run_without_validation_draws_its_batches(batches, epochs, marks) -> None:
    figure = history.live(batches, epochs.assign(validation_loss=None), marks)
    assert figure.layout.title.text == "Loss of every batch"
    assert len(trace(figure, "training").y) == len(batches)


def test_smoothing_has_no_bias_to_its_start() -> None:
    assert history.smooth(pd.Series([5.0] * 4), 0.9).tolist() == pytest.approx([5.0] * 4)
    values, moved, expected = [1.0, 3.0, 2.0], 0.0, []
    for step, value in enumerate(values, start=1):
        moved = 0.9 * moved + 0.1 * value
        expected.append(moved / (1 - 0.9**step))
    assert history.smooth(pd.Series(values), 0.9).tolist() == pytest.approx(expected)
    assert history.smooth(pd.Series(values), 0.0).tolist() == values


def test_smoothing_begins_anew_with_each_phase(batches, epochs, marks) -> None:
    batches.loc[batches["phase"] == "fine-tuning", "loss"] = 7.0
    smoothed = trace(history.live(batches, epochs, marks, smoothing=0.99), "training")
    assert smoothed.y[60] == pytest.approx(7.0)


def test_a_million_batches_are_drawn_under_a_second_and_no_peak_is_lost() -> None:
    batches = make_batches(600_000, 400_000, 1000)
    batches.loc[345_678, "loss"] = 40.0
    nothing = pd.DataFrame(columns=["epoch", "phase", "step", "loss", "validation_loss"])
    history.live(batches.head(10), nothing, NO_MARKS)  # plotly's own imports are not counted
    seconds = []
    for _ in range(3):  # the fastest counts: other processes share the machine
        start = time.perf_counter()
        figure = history.live(batches, nothing, NO_MARKS)
        figure.to_json()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1
    assert max(trace(figure, "each batch").y) == 40.0
    assert all(len(curve.x) <= 2002 for curve in figure.data)


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_phases_as_categories_draw_what_phases_as_text_draw(batches, epochs, marks, metric) -> None:
    names = ["never begun", "fine-tuning", "feature extraction"]
    tables = batches, batches.assign(phase=pd.Categorical(batches["phase"], names))
    figures = [history.live(table, epochs, marks, metric=metric).to_json() for table in tables]
    assert figures[0] == figures[1]
    assert history.learning_rate(tables[0]).to_json() == history.learning_rate(tables[1]).to_json()


def test_one_wild_batch_does_not_flatten_the_curve(batches, epochs, marks) -> None:
    batches.loc[5, "loss"] = 1e6
    assert 2 < history.live(batches, epochs, marks).layout.yaxis.range[1] < 10


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_still_draws(batches, epochs, marks, value) -> None:
    batches["loss"] = value
    epochs[["loss", "validation_loss"]] = np.nan
    figure = history.live(batches, epochs, marks)
    assert figure.layout.title.text == "Loss of every batch"
    assert np.isfinite(figure.layout.yaxis.range).all()


def test_before_the_first_batch_a_sentence_stands_there(batches, epochs) -> None:
    for figure in (
        history.live(batches.head(0), epochs.head(0), NO_MARKS),
        history.learning_rate(batches.head(0)),
        history.compare({}),
        history.compare({"new": epochs.head(0)}),
    ):
        assert not figure.data
        assert figure.layout.annotations[0].text


def test_the_first_batch_alone_is_seen(batches, epochs) -> None:
    assert trace(history.live(batches.head(1), epochs.head(0), NO_MARKS), "training").mode == "markers"
    assert history.learning_rate(batches.head(1)).data[0].mode == "markers"


def test_zoom_survives_the_next_batch(batches, epochs, marks) -> None:
    before = history.live(batches.head(50), epochs.head(5), NO_MARKS).layout.uirevision
    assert before == history.live(batches, epochs, marks).layout.uirevision


def test_learning_rate_is_a_staircase_that_ends_at_its_present_value(batches) -> None:
    figure = history.learning_rate(batches)
    assert figure.layout.title.text == "Learning rate now 1e-05"
    assert set(figure.data[0].y) == {1e-3, 1e-5}


@pytest.mark.parametrize(
    ("metric", "title"),
    [("validation_accuracy", "Best validation accuracy 0.93"), ("validation_loss", "Best validation loss 0.20")],
)
def test_comparing_runs_names_the_best_by_name(epochs, metric, title) -> None:
    better = epochs.assign(validation_accuracy=epochs["validation_accuracy"] + 0.1, validation_loss=0.2)
    figure = history.compare({"first": epochs, "<i>second</i>": better}, metric)
    assert figure.layout.title.text == title
    assert figure.layout.title.subtitle.text == "by &lt;i&gt;second&lt;/i&gt;"
    assert [curve.customdata[0] for curve in figure.data] == ["first", "<i>second</i>"]
    assert len({(curve.marker.symbol, curve.line.color) for curve in figure.data}) == 2


@pytest.mark.parametrize(
    ("used", "allowed", "filled", "boxes"), [(0, 5, 0, 5), (3, 5, 3, 5), (9, 5, 5, 5), (1, 400, 1, 40)]
)
def test_patience_fills_box_by_box(used, allowed, filled, boxes) -> None:
    figure = history.patience(used, allowed)
    colors = figure.data[0].marker.color
    assert figure.layout.title.text == f"Patience: {min(used, allowed)} of {allowed} epochs used"
    assert len(colors) == boxes
    assert [color != theme.CLEAR for color in colors] == [box < filled for box in range(boxes)]
