import numpy as np
import pytest

from dashboard.charts import backbones


def notes(figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def test_every_backbone_is_a_point_that_knows_its_name(catalogue) -> None:
    points = backbones.accuracy_against_size(catalogue, None).data[0]
    assert list(points.customdata) == catalogue["name"].tolist()
    assert list(points.x) == catalogue["megabytes"].tolist()
    assert points.hovertext[0] == "<b>MobileNetV2</b><br>71.3 % top-1, 14 MB, 3.5 M parameters<br>on this machine"


def test_the_recommended_and_the_chosen_one_are_marked_and_named(catalogue) -> None:
    figure = backbones.accuracy_against_size(catalogue, "EfficientNetV2B0", "VGG16")
    assert {trace.marker.symbol: trace.customdata[0] for trace in figure.data[1:]} == {
        "circle-open": "VGG16",
        "star": "EfficientNetV2B0",
    }
    assert "<b>EfficientNetV2B0</b><br>recommended" in notes(figure)
    assert "<b>VGG16</b><br>chosen" in notes(figure)


def test_only_what_nothing_smaller_beats_is_named_besides(catalogue) -> None:
    assert set(notes(backbones.accuracy_against_size(catalogue, None))) == {
        "MobileNetV2",
        "EfficientNetV2B0",
        "ConvNeXtXLarge",
    }


def test_labels_lie_on_the_logarithm_of_the_size(catalogue) -> None:
    # annotations on a logarithmic axis are placed by exponent, points by value
    figure = backbones.accuracy_against_size(catalogue, "VGG16")
    assert figure.layout.annotations[0].x == pytest.approx(np.log10(528))
    assert figure.layout.xaxis.type == "log"


def test_an_unknown_recommendation_marks_nothing(catalogue) -> None:
    assert len(backbones.accuracy_against_size(catalogue, "no such", None).data) == 1


def test_names_do_not_lie_on_each_other(catalogue) -> None:
    crowd = catalogue.loc[catalogue.index.repeat(10)].reset_index(drop=True)
    crowd["name"] = [f"Backbone{number}" for number in range(len(crowd))]
    crowd["megabytes"] += np.arange(len(crowd))
    crowd["top1"] += np.arange(len(crowd)) * 0.1
    assert len(notes(backbones.accuracy_against_size(crowd, None))) <= backbones.LABELS


def test_one_backbone_and_none_are_drawn(catalogue) -> None:
    assert backbones.accuracy_against_size(catalogue.head(1), "MobileNetV2", "MobileNetV2").data
    assert backbones.accuracy_against_size(catalogue.head(0), "MobileNetV2").layout.annotations[0].text
