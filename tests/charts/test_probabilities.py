import pandas as pd
import pytest

from dashboard.charts import probabilities, theme
from tests.charts.conftest import EVIL


def test_the_most_probable_classes_come_first_in_the_colours_of_their_index() -> None:
    figure = probabilities.bars({"a": 0.1, "b": 0.7, "c": 0.2}, top=2)
    assert list(figure.data[1].customdata) == ["b", "c"]
    assert list(figure.data[1].x) == [0.7, 0.2]
    assert list(figure.data[1].marker.color) == [theme.CLASS_COLORS[1], theme.CLASS_COLORS[2]]


def test_a_series_and_own_colours_do_as_well() -> None:
    figure = probabilities.bars(pd.Series({"a": 0.1, "b": 0.9}), colors={"a": "#000000", "b": "#111111"})
    assert list(figure.data[1].marker.color) == ["#111111", "#000000"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.0004, "< 1 %"), (0.834, "83 %"), (0.9996, "> 99 %"), (1.0, "100 %"), (float("nan"), "not known")],
)
def test_what_is_not_certain_never_reads_as_certain(share: float, text: str) -> None:
    assert probabilities.percent(share) == text


def test_class_names_are_shown_literally() -> None:
    figure = probabilities.bars({name: 1 / len(EVIL) for name in EVIL}, top=len(EVIL))
    shown = [*figure.data[2].text, *figure.data[1].hovertext]
    assert not [text for text in shown if "<" in text or "$" in text]


def test_without_classes_a_sentence_stands_there() -> None:
    assert probabilities.bars({}).layout.annotations[0].text


def test_text_beside_a_small_probability_is_literal_too() -> None:
    assert list(probabilities.bars({"a": 0.9996, "b": 0.0004}).data[3].text) == ["&gt; 99 %", "&lt; 1 %"]
