import numpy as np
import pandas as pd
import pytest

from dashboard.charts import classes, theme
from tests.charts.conftest import EVIL


def test_bars_stack_the_splits_in_their_fixed_colours(members) -> None:
    figure = classes.counts(members)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert [bar.name for bar in bars] == ["train", "validation", "test"]
    assert [bar.marker.color for bar in bars] == list(theme.SPLIT_COLORS.values())
    assert np.sum([bar.x for bar in bars], axis=0).tolist() == [10, 20, 1]
    assert list(figure.layout.yaxis.ticktext) == ["daisy", "roses", "tulips"]


def test_the_title_says_how_uneven_the_classes_are(members) -> None:
    assert classes.counts(members).layout.title.text == "3 classes, 1 to 20 pictures each"
    one = members[members["class_name"] == "tulips"]
    assert classes.counts(one).layout.title.text == "1 class, 1 picture"


def test_the_chart_grows_with_its_classes(members) -> None:
    many = pd.concat([members.assign(class_name=f"class {number}") for number in range(40)])
    assert classes.counts(many).layout.height >= 40 * classes.ROW


def test_class_names_are_shown_literally_and_handed_on_unchanged(members) -> None:
    evil = pd.concat([members.assign(class_name=name) for name in EVIL])
    figure = classes.counts(evil)
    assert sorted(figure.data[0].customdata) == sorted(EVIL)
    shown = [*figure.layout.yaxis.ticktext, *figure.data[0].hovertext]
    assert not [text for text in shown if "<b>" in text or "<a" in text or "$" in text]
    assert "007" in figure.layout.yaxis.ticktext


def test_sizes_are_counted_and_the_common_one_named(members) -> None:
    members.loc[:4, "width"] = 640
    figure = classes.sizes(members)
    assert figure.layout.title.text == "84 % of pictures have one size"
    assert "320 x 240" in figure.layout.title.subtitle.text
    assert set(figure.data[1].hovertext) == {"320 x 240 pixels<br>26 pictures", "640 x 240 pixels<br>5 pictures"}


def test_a_hundred_thousand_different_sizes_are_drawn_as_few() -> None:
    rng = np.random.default_rng(0)
    figure = classes.sizes(pd.DataFrame(rng.integers(100, 4000, (100_000, 2)), columns=["width", "height"]))
    assert len(figure.data[1].x) <= classes.DRAWN_SIZES


@pytest.mark.parametrize("chart", [classes.counts, classes.sizes])
def test_without_pictures_a_sentence_stands_there(chart, members) -> None:
    figure = chart(members.head(0))
    assert not figure.data
    assert figure.layout.annotations[0].text
