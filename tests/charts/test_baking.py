import numpy as np
import pandas as pd
import pytest

from dashboard.charts import baking, theme


@pytest.fixture
def scores() -> pd.DataFrame:
    rows = [
        ("DenseNet121", 0.84, 0.80, 0.87, 30.0, 28.0, 400),
        ("MobileNetV2", 0.79, 0.75, 0.83, 5.0, 9.0, 400),
        ("ResNet50", 0.80, 0.76, 0.84, 40.0, 94.0, 400),
        ("VGG16", np.nan, np.nan, np.nan, np.nan, np.nan, np.nan),
    ]
    return pd.DataFrame(rows, columns=["label", "accuracy", "low", "high", "milliseconds", "megabytes", "count"])


def notes(figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def points(figure) -> dict[str, tuple[float, float]]:
    return {
        name: (x, y)
        for trace in figure.data
        for name, x, y in zip(trace.customdata or (), trace.x, trace.y, strict=False)
    }


def test_the_title_says_the_finding(scores) -> None:
    figure = baking.accuracy_against_time(scores)
    assert figure.layout.title.text == "MobileNetV2 is right on 79 %"
    assert figure.layout.title.subtitle.text == (
        "DenseNet121 on 84 % and takes 6 times as long<br>their bars overlap: it may be chance"
    )
    assert "; DenseNet121 on 84 %" in theme.alt(figure)


def test_bars_that_do_not_overlap_are_no_chance(scores) -> None:
    scores.loc[0, "low"] = 0.835
    assert "chance" not in baking.accuracy_against_time(scores).layout.title.subtitle.text


def test_the_quickest_may_be_the_best(scores) -> None:
    scores.loc[1, ["accuracy", "high"]] = 0.9
    figure = baking.accuracy_against_time(scores)
    assert figure.layout.title.text == "MobileNetV2 is right on 90 %"
    assert figure.layout.title.subtitle.text == "nothing measured here is right more often"


def test_every_measured_one_is_a_point_with_its_interval_at_its_time(scores) -> None:
    figure = baking.accuracy_against_time(scores)
    assert points(figure) == {"MobileNetV2": (5, 79), "DenseNet121": (30, 84), "ResNet50": (40, 80)}
    front = figure.data[2]
    assert list(front.error_y.array) == pytest.approx([4, 3])
    assert list(front.error_y.arrayminus) == pytest.approx([4, 4])
    assert figure.layout.xaxis.type == "log"


def test_a_line_joins_what_nothing_quicker_beats(scores) -> None:
    line = baking.accuracy_against_time(scores).data[0]
    assert (list(line.x), list(line.y)) == ([5, 30], [79, 84])


def test_the_best_for_their_speed_are_named_with_their_megabytes_on_the_logarithm_of_their_time(scores) -> None:
    figure = baking.accuracy_against_time(scores)
    assert {"<b>MobileNetV2</b><br>9 MB", "<b>DenseNet121</b><br>28 MB"} <= set(notes(figure))
    assert figure.layout.annotations[0].x == pytest.approx(np.log10(5))


def test_larger_weights_are_larger_points(scores) -> None:
    figure = baking.accuracy_against_time(scores)
    other, front = figure.data[1].marker.size, figure.data[2].marker.size
    assert front[0] < front[1] < other[0]


def test_names_are_shown_as_they_are(scores) -> None:
    scores["label"] = ["<b>a</b>", "$x$", "c", "d"]
    figure = baking.accuracy_against_time(scores)
    assert figure.layout.title.text == "&#36;x&#36; is right on 79 %"
    assert "&lt;b&gt;a&lt;/b&gt;" in figure.layout.title.subtitle.text


def test_one_and_none_are_drawn(scores) -> None:
    assert baking.accuracy_against_time(scores.head(1)).data
    assert "Shows how often" in theme.alt(baking.accuracy_against_time(scores.tail(1))).replace("<br>", " ")


def test_forty_are_drawn_without_forty_names(scores) -> None:
    many = pd.concat([scores.head(3)] * 13, ignore_index=True)
    many["label"] = [f"Backbone{number}" for number in range(len(many))]
    many["milliseconds"] *= np.linspace(1, 2, len(many))
    assert len(notes(baking.accuracy_against_time(many))) <= baking.NAMES
