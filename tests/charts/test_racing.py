"""Who learns what in how many minutes."""

import pandas as pd

from dashboard.charts import racing


def rows(*points: tuple[float, float | None]) -> pd.DataFrame:
    found = [
        {"minutes": at, "epoch": epoch, "validation_accuracy": value} for epoch, (at, value) in enumerate(points, 1)
    ]
    return pd.DataFrame(found, columns=["minutes", "epoch", "validation_accuracy"])


def test_the_title_says_who_is_ahead_and_how_soon_it_was() -> None:
    figure = racing.race({"AlexNet": rows((2, 0.3), (4, 0.4)), "MobileNetV2": rows((0.2, 0.7), (0.3, 0.8), (0.4, 0.7))})
    assert figure.layout.title.text == "MobileNetV2: 80%"
    assert figure.layout.title.subtitle.text == "validation accuracy, reached after 18 seconds"
    assert [note.text for note in figure.layout.annotations] == ["<b>40%</b>", "<b>80%</b>"]


def test_a_run_that_ended_first_goes_on_at_its_best_and_the_longest_does_not() -> None:
    figure = racing.race({"AlexNet": rows((2, 0.3), (4, 0.4)), "MobileNetV2": rows((0.2, 0.8), (0.4, 0.7))})
    dotted = [each for each in figure.data if each.line.dash == "dot"]
    assert [(list(each.x), list(each.y)) for each in dotted] == [([0.4, 4.0], [0.8, 0.8])]


def test_labels_of_runs_that_end_alike_are_not_written_over_each_other() -> None:
    figure = racing.race({"a": rows((2, 0.73)), "b": rows((1, 0.7)), "c": rows((1, 0.2))})
    places = sorted(float(note.y) for note in figure.layout.annotations)
    assert places[0] == 0.2 and places[1] == 0.7 and places[2] >= 0.7 + racing.APART


def test_before_the_first_epoch_it_says_what_will_come() -> None:
    nothing = racing.race({"AlexNet": rows(), "MobileNetV2": rows()})
    assert not nothing.data and "minutes" in nothing.layout.annotations[0].text
    one = racing.race({"AlexNet": rows(), "a $x$ <b>": rows((1, 0.5))})
    assert len(one.data) == 1 and one.layout.title.text == "a &#36;x&#36; &lt;b&gt;: 50%"
