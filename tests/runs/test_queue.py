from pathlib import Path

import h5py
import pytest

from dashboard.core.errors import AlreadyUnderWay, DatasetError, RecipeError, RunError, WeightsError
from dashboard.core.lease import Lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import weights
from dashboard.runs import checkpoints, queue, status, steering
from dashboard.runs.run import ELSEWHERE, open_run, prepare_brought
from tests.at_once import at_once, claim

pytestmark = pytest.mark.usefixtures("each_database")


def test_a_new_run_keeps_its_recipe_and_its_own_manifest(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    assert run.recipe == recipe
    assert set(run.manifest["split"]) == {"train", "validation", "test"}
    assert run.class_names == sorted(run.class_names) and len(run.class_names) == 8
    row = queue.row(run.id)
    assert row["status"] == status.QUEUED
    assert row["name"] == "MobileNetV2 1.0 on Shapes and textures"


def test_a_brought_run_is_finished_and_its_recipe_has_no_pictures_here() -> None:
    recipe = Recipe(dataset=ELSEWHERE, weights="none", image_size=32)
    for run_id in ("20261125-120000-aaaaaa", "20261125-120000-bbbbbb"):
        run = open_run(run_id)
        run.path.mkdir(parents=True)
        prepare_brought(run, recipe, ["ash", "birch"], {})
        queue.record_brought(run, "brought", "From elsewhere.")
        row = queue.row(run_id)
        assert (row["status"], row["validation_accuracy"]) == (status.FINISHED, None)
    assert open_run(run_id).class_names == ["ash", "birch"]
    with pytest.raises(DatasetError, match="There is no"):
        queue.enqueue(open_run(run_id).recipe)
    with pytest.raises(RunError, match="without its list of pictures") as refusal:
        _ = open_run(run_id).manifest
    assert refusal.value.code == "not-brought"
    assert queue.claim() is None


def test_a_head_for_other_classes_is_refused_before_there_is_a_run(recipe: Recipe, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["kernel"] = [1.0]
    sha = weights.take_file(tmp_path / "mine.h5", "mine.h5", ["ash", "birch"])
    with pytest.raises(WeightsError, match="only the weights have 'ash', 'birch'") as refusal:
        queue.enqueue(recipe.replace(weights="file", weights_file=sha, keep_head=True))
    assert refusal.value.code == "weights-other-classes"
    assert queue.listing().empty


def test_runs_are_claimed_oldest_first_and_one_at_a_time(recipe: Recipe) -> None:
    first, second = queue.enqueue(recipe), queue.enqueue(recipe.replace(seed=1))
    claimed = queue.claim()
    assert claimed is not None and claimed.id == first.id
    assert queue.claim() is None, "a second run must not start beside the first"
    queue.change(first.id, status.FINISHED, only_from=(status.RUNNING,))
    claimed = queue.claim()
    assert claimed is not None and claimed.id == second.id


def test_of_many_processes_claiming_at_once_one_wins(recipe: Recipe) -> None:
    for seed in range(3):
        queue.enqueue(recipe.replace(seed=seed))
    won = [run for run in at_once(4, claim, range(8)) if run]
    assert len(won) == 1


def test_a_queued_run_stops_at_once_and_a_finished_one_refuses(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    queue.request_stop(run.id)
    assert queue.row(run.id)["status"] == status.STOPPED
    with pytest.raises(RunError, match="only a run under way can be stopped"):
        queue.request_stop(run.id)
    assert not run.stop_requested


def test_a_running_run_is_asked_to_stop(recipe: Recipe) -> None:
    queue.enqueue(recipe)
    run = queue.claim()
    assert run is not None
    queue.request_stop(run.id)
    assert queue.row(run.id)["status"] == status.STOPPING
    assert run.stop_requested


def test_a_running_row_without_a_live_worker_becomes_interrupted(recipe: Recipe) -> None:
    queue.enqueue(recipe)
    run = queue.claim()
    assert run is not None
    lease = Lease(run.lease_path)
    assert lease.acquire()
    queue.change(run.id, status.RUNNING, only_from=(status.RUNNING,), started_at=0.0)
    queue.reconcile()
    assert queue.row(run.id)["status"] == status.RUNNING, "its worker lives"
    lease.release()
    queue.reconcile()
    assert queue.row(run.id)["status"] == status.INTERRUPTED
    queue.resume(run.id)
    assert queue.row(run.id)["status"] == status.QUEUED


def test_a_finished_run_cannot_be_resumed(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    queue.change(run.id, status.FINISHED, only_from=(status.QUEUED,))
    with pytest.raises(RunError, match="is finished; only one of these can go on: paused, stopped, "):
        queue.resume(run.id)


def test_waiting_runs_change_places_and_are_taken_in_that_order(recipe: Recipe) -> None:
    first, second, third = (queue.enqueue(recipe.replace(seed=seed)).id for seed in range(3))
    assert queue.waiting() == [first, second, third]
    queue.move_up(third)
    queue.move_up(third)
    queue.move_up(third)  # it is the first already
    assert queue.waiting() == [third, first, second]
    taken = queue.claim()
    assert taken is not None and taken.id == third
    with pytest.raises(RunError, match="does not wait"):
        queue.move_up(third)
    queue.request_stop(first)
    queue.resume(first)
    assert queue.waiting() == [second, first], "who comes back stands behind those that wait"


def test_a_recipe_that_waits_or_trains_is_not_taken_twice_and_who_asks_is_told_which_run_it_is(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    with pytest.raises(AlreadyUnderWay, match="Run 1 trains the very same recipe already") as twin:
        queue.enqueue(recipe)
    assert twin.value.run_id == run.id
    queue.request_stop(run.id)
    second = queue.enqueue(recipe)
    with pytest.raises(AlreadyUnderWay, match="Run 2"):
        queue.resume(run.id)
    assert queue.row(run.id)["status"] == status.STOPPED
    assert len(list(run.path.parent.iterdir())) == 2
    assert queue.waiting() == [second.id]


def test_a_paused_run_gives_its_place_free_and_goes_on_when_asked(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    queue.request_pause(run.id)
    assert queue.row(run.id)["status"] == status.PAUSED and queue.claim() is None
    queue.resume(run.id)
    taken = queue.claim()
    assert taken is not None and taken.id == run.id
    queue.request_pause(run.id)
    assert run.pause_requested and queue.row(run.id)["status"] == status.RUNNING
    queue.change(run.id, status.FINISHED, only_from=(status.RUNNING,))
    with pytest.raises(RunError, match="only a run under way can be paused"):
        queue.request_pause(run.id)


def test_an_ended_run_trains_longer_if_it_has_a_checkpoint(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    with pytest.raises(RunError, match="no checkpoint left"):
        queue.extend(run.id, 5)
    with checkpoints.writing(run.path, 1) as folder:
        (folder / "state.npz").write_bytes(b"weights")
    with pytest.raises(RunError, match="is queued; only an ended run can train longer"):
        queue.extend(run.id, 5)
    queue.change(run.id, status.FINISHED, only_from=(status.QUEUED,))
    with pytest.raises(RecipeError, match="whole number from 1 to 1000"):
        queue.extend(run.id, 0)
    assert queue.row(run.id)["status"] == status.FINISHED
    queue.extend(run.id, 5)
    assert queue.waiting() == [run.id]
    assert [each.words for each in steering.waiting(run)] == ["5 more epochs."]


def test_a_run_is_found_by_id_and_by_number(recipe: Recipe) -> None:
    run = queue.enqueue(recipe)
    assert queue.find(run.id)["id"] == queue.find("1")["id"] == run.id
    with pytest.raises(RunError, match="no run '99'"):
        queue.find("99")


def test_no_run_exists_of_a_dataset_that_does_not(workspace: Path) -> None:
    with pytest.raises(DatasetError):
        queue.enqueue(Recipe(dataset="missing", weights="none"))
    assert queue.listing().empty


def test_absent_weights_are_refused_before_a_run_exists(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    settings.cache_clear()
    with pytest.raises(WeightsError, match="not on this machine"):
        queue.enqueue(recipe.replace(weights="imagenet"))
    assert queue.listing().empty


def test_a_run_without_a_model_says_so(recipe: Recipe) -> None:
    run = open_run(queue.enqueue(recipe).id)
    with pytest.raises(RunError, match="no finished model yet"):
        run.require_model()
    with pytest.raises(RunError, match="no predictions yet"):
        run.predictions()
