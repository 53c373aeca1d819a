"""A wish is granted once, at a step that is kept, whatever happens in between."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.core import files
from dashboard.core.errors import RecipeError
from dashboard.core.recipe import Recipe
from dashboard.core.steering import Steer
from dashboard.runs import steering
from dashboard.runs.run import Run


def a_run(folder: Path, *steers: Steer) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(dataset="d", steering=steers)
    files.write_json(folder / "recipe.json", {"recipe": recipe.model_dump(mode="json"), "versions": {"keras": "3"}})
    return Run(folder)


def test_a_wish_is_granted_at_the_step_it_is_seen_and_kept_in_the_recipe(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    plan = steering.Plan(run, 0)
    assert plan.due(0) == []
    steering.ask(run, "learning rate", 3e-4)
    steering.ask(run, "thaw")
    assert [each.words for each in steering.waiting(run)] == [
        "Learning rate set to 0.0003.",
        "Asked to thaw the next block when this epoch ends.",
    ]
    assert [(each.lever, each.value, each.step) for each in plan.due(7)] == [
        ("learning rate", 3e-4, 7),
        ("thaw", None, 7),
    ]
    assert plan.due(7) == plan.due(8) == [] and steering.waiting(run) == []
    kept = files.read_json(run.path / "recipe.json")
    assert [each["step"] for each in kept["recipe"]["steering"]] == [7, 7]
    assert kept["versions"] == {"keras": "3"}


def test_a_resumed_run_does_again_what_came_after_its_checkpoint_and_nothing_before(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", *(Steer(lever="patience", value=step + 1, step=step) for step in (3, 10, 12)))
    plan = steering.Plan(run, 10)
    assert [plan.due(step) for step in (10, 11, 12)] == [[run.recipe.steering[1]], [], [run.recipe.steering[2]]]


def test_a_worker_killed_between_granting_and_forgetting_a_wish_grants_it_once(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    steering.ask(run, "more epochs", 2)
    (wish,) = (run.path / "wishes").iterdir()
    words = wish.read_bytes()
    assert len(steering.Plan(run, 0).due(4)) == 1
    wish.write_bytes(words)  # as if it had been killed before it came to that
    again = steering.Plan(Run(run.path), 4)
    assert [each.step for each in again.due(4)] == [4]
    assert again.due(5) == []
    assert len(Run(run.path).recipe.steering) == 1
    assert steering.waiting(run) == []


def test_a_lever_of_its_own_is_taken_and_the_others_wait(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    steering.ask(run, "learning rate", 1e-4)
    steering.ask(run, "more epochs", 3)
    plan = steering.Plan(run, 20)
    assert [each.lever for each in plan.due(20, "more epochs")] == ["more epochs"]
    assert [each.lever for each in plan.due(20)] == ["learning rate"]


def test_a_wish_that_makes_no_sense_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    with pytest.raises(RecipeError, match="takes a number from 1e-09 to 1; received 2"):
        steering.ask(run, "learning rate", 2.0)
    assert steering.waiting(run) == []


@settings(max_examples=40)
@given(data=st.data())
def test_a_run_killed_at_any_time_pulls_every_lever_at_the_step_it_was_first_pulled_at(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Epochs of four steps; a kill goes back to the last whole epoch; wishes come whenever they like."""
    run = a_run(tmp_path_factory.mktemp("runs") / "run")
    pulled: dict[str, int] = {}
    step, plan = 0, steering.Plan(run, 0)
    for what in data.draw(st.lists(st.sampled_from(["step", "step", "step", "wish", "kill"]), max_size=60)):
        if what == "wish":
            steering.ask(run, "patience", 3)
        elif what == "kill":
            step = step // 4 * 4
            pulled = {name: at for name, at in pulled.items() if at < step}
            plan = steering.Plan(Run(run.path), step)
        else:
            for steer in plan.due(step):
                assert steer.id not in pulled, "pulled twice"
                pulled[steer.id] = step
            step += 1
    kept = {each.id: each.step for each in Run(run.path).recipe.steering}
    assert {name: kept[name] for name in pulled} == pulled
    assert {name for name, at in kept.items() if at < step} == set(pulled)
