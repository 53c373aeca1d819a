"""Schedules: where the learning rate is after each step."""

import pytest

from dashboard.core.schedules import FLOOR, SCHEDULES, learning_rate


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_above_nothing_and_at_most_at_the_rate_that_was_asked_for(name: str) -> None:
    rates = [learning_rate(1e-3, name, step=step, steps=200, warmup=20) for step in range(200)]
    assert all(0 < rate <= 1e-3 * (1 + 1e-9) for rate in rates)
    assert max(rates) == pytest.approx(1e-3, rel=1e-3)


def test_cosine_falls_to_its_floor_and_passes_the_middle_half_way() -> None:
    rates = [learning_rate(1.0, "cosine", step=step, steps=101) for step in range(101)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx((1 + FLOOR) / 2)
    assert rates[100] == pytest.approx(FLOOR)


def test_one_cycle_rises_then_falls_below_where_it_began() -> None:
    rates = [learning_rate(1.0, "one-cycle", step=step, steps=101) for step in range(101)]
    peak = rates.index(max(rates))
    assert peak == 30
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < rates[0] < rates[peak] == 1.0


def test_warm_up_grows_by_equal_parts_and_hands_over_to_the_schedule() -> None:
    rates = [learning_rate(1.0, "constant", step=step, steps=10, warmup=3) for step in range(5)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_a_stalled_loss_takes_the_rate_to_a_fifth_each_time() -> None:
    rates = [learning_rate(1.0, "reduce on plateau", step=5, steps=10, reductions=times) for times in range(3)]
    assert rates == pytest.approx([1.0, 0.2, 0.04])


def test_a_phase_of_one_step_has_a_rate() -> None:
    for name in SCHEDULES:
        assert learning_rate(1.0, name, step=0, steps=1) > 0
