import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.core import metrics


def table(names: list[str], true: list[str], predicted: list[str], split: str = "test") -> pd.DataFrame:
    """Predictions whose predicted class has the probability 0.5 + 0.001 x row, so that later rows are surer."""
    rows = pd.DataFrame({"path": [f"{row}.jpg" for row in range(len(true))], "sha256": "0" * 64, "split": split})
    rows["true"], rows["predicted"] = pd.Series(true, dtype=object), pd.Series(predicted, dtype=object)
    for name in names:
        sure = 0.5 + 0.001 * np.arange(len(true))
        rows[metrics.PROBABILITY + name] = np.where(
            rows["predicted"] == name, sure, (1 - sure) / max(len(names) - 1, 1)
        )
    return rows


@pytest.fixture
def flowers() -> pd.DataFrame:
    true = ["daisy"] * 4 + ["roses"] * 4 + ["tulips"] * 2
    predicted = ["daisy"] * 4 + ["roses", "roses", "tulips", "tulips"] + ["tulips", "roses"]
    return table(["daisy", "roses", "tulips", "weeds"], true, predicted)


def test_class_names_come_back_in_index_order_and_as_they_were() -> None:
    names = ["007", "probability: x", "None", " cat "]
    assert metrics.class_names(table(names, ["007"], ["None"])) == names


def test_classes_never_seen_keep_their_row_and_column(flowers: pd.DataFrame) -> None:
    counts = metrics.confusion_matrix(flowers)
    assert list(counts.index) == list(counts.columns) == ["daisy", "roses", "tulips", "weeds"]
    assert counts.to_numpy().tolist() == [[4, 0, 0, 0], [0, 2, 2, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_no_predictions_give_an_empty_answer_everywhere() -> None:
    nothing = table(["a", "b"], [], [])
    assert metrics.confusion_matrix(nothing).to_numpy().sum() == 0
    assert str(metrics.accuracy(nothing)) == "no pictures"
    assert math.isnan(metrics.macro_f1(nothing))
    assert metrics.most_confused(nothing, 3).empty
    assert metrics.confidently_wrong(nothing).empty
    assert metrics.per_class(nothing)["support"].tolist() == [0, 0]
    assert metrics.sentence(nothing) == "There are no predictions for these pictures yet."


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # Reference values of statsmodels' proportion_confint(method="wilson").
    [(83, 100, 0.7445, 0.8911), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],
)
def test_the_interval_is_the_one_of_wilson(right: int, count: int, low: float, high: float) -> None:
    interval = metrics.wilson(right, count)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(count=st.integers(1, 10_000), share=st.floats(0, 1))
def test_an_interval_holds_its_value_and_stays_between_0_and_1(count: int, share: float) -> None:
    interval = metrics.wilson(round(share * count), count)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_accuracy_is_written_with_its_interval(flowers: pd.DataFrame) -> None:
    assert str(metrics.accuracy(flowers)) == "0.70 ± 0.25"
    assert metrics.accuracy(flowers).count == 10


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=40))
def test_precision_recall_and_f1_agree_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    names, true, predicted = list("abcd"), [one for one, _ in pairs], [other for _, other in pairs]
    predictions = table(names, true, predicted)
    expected = precision_recall_fscore_support(true, predicted, labels=names, zero_division=0)

    report = metrics.per_class(predictions)

    for column, values in zip(["precision", "recall", "f1", "support"], expected, strict=True):
        np.testing.assert_allclose(report[column], values)
    assert metrics.macro_f1(predictions) == pytest.approx(f1_score(true, predicted, average="macro", zero_division=0))


def test_the_most_frequent_mistake_comes_first_with_its_share_of_the_class(flowers: pd.DataFrame) -> None:
    confused = metrics.most_confused(flowers, 5)
    assert confused.to_dict("records") == [
        {"true": "roses", "predicted": "tulips", "count": 2, "share": 0.5},
        {"true": "tulips", "predicted": "roses", "count": 1, "share": 0.5},
    ]
    assert len(metrics.most_confused(flowers, 1)) == 1


def test_the_surest_mistake_comes_first_and_right_answers_never(flowers: pd.DataFrame) -> None:
    wrong = metrics.confidently_wrong(flowers, count=2)
    assert list(wrong.columns) == ["path", "sha256", "split", "true", "predicted", "probability"]
    assert wrong["path"].tolist() == ["9.jpg", "7.jpg"]
    assert wrong["probability"].tolist() == pytest.approx([0.509, 0.507])


def test_the_sentence_names_the_pair_mixed_up_in_both_directions(flowers: pd.DataFrame) -> None:
    assert metrics.sentence(flowers) == (
        "Right on 7 of 10 test pictures, between 40 % and 89 % in the long run; "
        "it mixes up roses and tulips most often."
    )


def test_two_classes_mixed_up_both_ways_outweigh_a_more_frequent_single_mistake() -> None:
    mistakes = [("a", "b")] * 2 + [("b", "a")] * 2 + [("a", "c")] * 3
    predictions = table(["a", "b", "c"], [true for true, _ in mistakes], [predicted for _, predicted in mistakes])
    assert "it mixes up a and b most often" in metrics.sentence(predictions)


def test_the_sentence_about_a_faultless_picture_says_so() -> None:
    one = table(["a", "b"], ["a"], ["a"], split="validation")
    assert metrics.sentence(one) == (
        "Right on 1 of 1 validation picture, between 21 % and 100 % in the long run; it mixes up nothing here."
    )


def test_the_sentence_over_several_splits_names_none(flowers: pd.DataFrame) -> None:
    both = pd.concat([flowers, flowers.assign(split="train")])
    assert metrics.sentence(both).startswith("Right on 14 of 20 pictures, ")


def test_class_names_reach_the_sentence_unchanged() -> None:
    names = ["<b>*x*</b>", "$y$"]
    assert "it mixes up <b>*x*</b> and $y$ most often" in metrics.sentence(table(names, names, names[::-1]))
