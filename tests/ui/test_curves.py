"""Many people, one drawing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st

from dashboard.core.recipe import FEATURE_EXTRACTION
from dashboard.runs import events
from dashboard.runs.run import open_run
from dashboard.ui import curves

RUN = "one"


@pytest.fixture(autouse=True)
def nothing_drawn_yet(workspace: Path) -> Iterator[None]:
    yield
    st.cache_resource.clear()


@pytest.fixture
def train() -> Callable[[], None]:
    """Has one more batch of a run told."""
    path = open_run(RUN).events_path
    path.parent.mkdir(parents=True)
    done = 0

    def train() -> None:
        nonlocal done
        done += 1
        beside = {"phase": FEATURE_EXTRACTION, "epoch": 1, "first_step": done, "pictures_per_second": 8.0}
        events.append(path, "batches", **beside, loss=[2.0], accuracy=[0.5], learning_rate=[1e-3])

    return train


def steps(under_way: bool, now: float) -> list[int]:
    return curves.of(RUN, under_way=under_way, now=now).batches["step"].tolist()


def test_all_who_look_at_a_run_under_way_share_a_drawing_for_a_moment(train) -> None:
    train()
    first = curves.of(RUN, under_way=True, now=100.0)
    train()
    assert curves.of(RUN, under_way=True, now=100.9) is first


def test_the_next_drawing_has_what_came_since(train) -> None:
    train()
    assert steps(True, 100.0) == [1]
    train()
    assert steps(True, 100.0 + curves.DRAW_AGAIN) == [1, 2]


def test_a_run_that_is_over_is_drawn_to_its_last_batch(train) -> None:
    train()
    assert steps(True, 100.0) == [1]
    train()
    assert steps(False, 100.0) == [1, 2]


def test_patience_is_drawn_where_it_was_told(train) -> None:
    train()
    assert set(curves.of(RUN, under_way=False, now=0.0).figures) == {"accuracy", "loss", "learning_rate"}
    events.append(open_run(RUN).events_path, "patience", used=1, allowed=5)
    assert set(curves.of(RUN, under_way=False, now=0.0).figures) == {"accuracy", "loss", "learning_rate", "patience"}


def test_before_the_first_batch_there_is_no_row() -> None:
    assert curves.of("none", under_way=False, now=0.0).batches.empty
