import numpy as np
import pandas as pd
import pytest

from dashboard.charts import confusion
from tests.charts.conftest import EVIL, FLOWERS


@pytest.fixture
def counts() -> pd.DataFrame:
    return pd.DataFrame([[3, 1, 0], [2, 2, 0], [0, 0, 0]], index=FLOWERS, columns=FLOWERS)


def cells(figure) -> dict[tuple[str, str], tuple[str, str]]:
    """Text and hover of every cell by (true, predicted)."""
    points = [trace for trace in figure.data if trace.type == "scatter"]
    return {
        tuple(names): (text, hover)
        for trace in points
        for names, text, hover in zip(trace.customdata, trace.text, trace.hovertext, strict=True)
    }


def test_rows_are_shares_of_the_true_class(counts) -> None:
    right, wrong = (np.nan_to_num(np.array(trace.z)) for trace in confusion.heatmap(counts).data[:2])
    assert (right + wrong).tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert np.flatnonzero(right).tolist() == [0, 4]


def test_every_cell_can_be_selected_and_knows_its_classes(counts) -> None:
    found = cells(confusion.heatmap(counts))
    assert len(found) == 9
    assert found["daisy", "roses"] == ("25", "daisy<br>predicted as roses<br>1 picture, 25 %")
    assert found["tulips", "daisy"] == ("", "tulips<br>predicted as daisy<br>0 pictures, 0 %")


def test_the_title_is_the_pair_the_sentence_names(counts) -> None:
    assert confusion.heatmap(counts).layout.title.text == "Most mixed up: daisy and roses"
    assert "No class" in confusion.heatmap(counts * np.eye(3, dtype=int)).layout.title.text


def test_the_first_true_class_is_at_the_top(counts) -> None:
    assert list(confusion.heatmap(counts).layout.yaxis.range) == [2.5, -0.5]


def test_forty_classes_are_told_by_hover_and_drawn_without_text() -> None:
    names = [f"class {number}" for number in range(40)]
    figure = confusion.heatmap(pd.DataFrame(np.ones((40, 40), dtype=int), index=names, columns=names))
    assert {trace.mode for trace in figure.data if trace.type == "scatter"} == {"markers"}
    assert figure.layout.height <= 900
    assert len(figure.layout.yaxis.ticktext) == 40


def test_class_names_are_shown_literally(counts) -> None:
    size = len(EVIL)
    evil = pd.DataFrame(np.ones((size, size), dtype=int), index=EVIL, columns=EVIL)
    figure = confusion.heatmap(evil)
    hovers = [hover.replace("<br>", "") for _, hover in cells(figure).values()]
    shown = [*figure.layout.xaxis.ticktext, *figure.layout.yaxis.ticktext, figure.layout.title.text, *hovers]
    assert not [text for text in shown if "<" in text or "$" in text]


@pytest.mark.parametrize("names", [[], ["only"]])
def test_without_predictions_a_sentence_stands_there(names) -> None:
    figure = confusion.heatmap(pd.DataFrame(0, index=names, columns=names))
    assert not figure.data
    assert figure.layout.annotations[0].text


def test_one_class_is_drawn() -> None:
    assert cells(confusion.heatmap(pd.DataFrame([[4]], index=["only"], columns=["only"])))["only", "only"][0] == "100"
