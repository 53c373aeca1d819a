import pytest

from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.runs import pace

RECIPE = Recipe(dataset="d", weights="none", epochs=4, fine_tune_epochs=2, batch_size=10)


def batches(epoch: int, first_step: int, count: int, phase: str = FEATURE_EXTRACTION) -> dict[str, object]:
    return {"kind": "batches", "phase": phase, "epoch": epoch, "first_step": first_step, "loss": [1.0] * count,
            "pictures_per_second": 50.0, "time": 5.0}  # fmt: skip


def epoch(number: int, seconds: float, phase: str = FEATURE_EXTRACTION) -> dict[str, object]:
    return {"kind": "epoch", "epoch": number, "phase": phase, "step": number * 10, "seconds": seconds}


def at(*seen: dict[str, object]) -> pace.Pace:
    start = [{"kind": "attempt", "time": 100.0, "epoch": 0}, {"kind": "phase", "phase": FEATURE_EXTRACTION, "epoch": 0}]
    return pace.of(RECIPE, [*start, *seen], training_pictures=100, now=130.0)


def test_nothing_is_promised_before_an_epoch_was_timed() -> None:
    assert at().remaining is None
    assert at(batches(1, 1, 4)).remaining is None
    assert at().elapsed == 30.0


def test_time_left_counts_all_epochs_that_may_come_and_the_part_of_this_one() -> None:
    seen = at(batches(1, 1, 10), epoch(1, 20.0), batches(2, 11, 5))
    assert seen.epoch == 2 and seen.epochs == 6
    assert seen.remaining == pytest.approx(20.0 * (3 + 2 - 0.5))


def test_a_phase_is_judged_by_its_own_epochs() -> None:
    phase = {"kind": "phase", "phase": FINE_TUNING, "epoch": 4}
    seen = at(epoch(1, 20.0), phase, batches(5, 41, 10, FINE_TUNING), epoch(5, 70.0, FINE_TUNING))
    assert seen.remaining == pytest.approx(70.0)


def test_a_clock_that_jumped_back_gives_no_negative_time() -> None:
    start = [{"kind": "attempt", "time": 100.0, "epoch": 0}]
    assert pace.of(RECIPE, start, training_pictures=100, now=20.0).elapsed == 0.0


def test_what_it_does_is_said_in_words() -> None:
    assert at().stage == FEATURE_EXTRACTION
    assert at({"kind": "progress", "stage": "evaluating", "done": 5, "total": 20}).stage == "evaluating (5 of 20)"


def test_minutes_count_from_the_beginning_of_a_run_and_not_while_nobody_worked_on_it() -> None:
    attempt = {"kind": "attempt", "time": 100.0, "epoch": 0}
    resumed = {"kind": "attempt", "time": 9000.0, "epoch": 1}
    ends = [{**epoch(number, 20.0), "time": time, "validation_accuracy": 0.5}
            for number, time in ((1, 160.0), (2, 9030.0), (3, 9060.0))]  # fmt: skip
    table = pace.minutes([attempt, ends[0], resumed, *ends[1:]])
    assert table["minutes"].tolist() == [1.0, 1.5, 2.0]
    assert table["epoch"].tolist() == [1, 2, 3]
    assert pace.minutes([attempt]).empty and list(pace.minutes([]).columns) == list(table.columns)
