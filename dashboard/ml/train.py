"""Train one run: `python -m dashboard.ml.train <run directory>`, or `--wait` and the directory on standard input.

The same command begins a run and resumes it: it goes on after the newest whole checkpoint it finds.
Exit codes: 0 finished or stopped on request, 1 failed, 3 another process works on this run.
"""

import gc
import os
import shutil
import signal
import sys
import time
import zipfile
from pathlib import Path

from dashboard.ml.importing import import_keras

if __name__ == "__main__":
    import_keras()

import keras

from dashboard.core import files, metrics
from dashboard.core.errors import DashboardError, DatasetError, RunError
from dashboard.core.lease import Lease
from dashboard.core.recipe import Phase
from dashboard.core.settings import settings
from dashboard.data.datasets import picture_path
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.ml import blocks, classifier, evaluate, material, standing, steering, tracking
from dashboard.ml.callbacks import PauseRequested, StopRequested, heed
from dashboard.ml.fit import fit, lowest_block
from dashboard.ml.material import Data, Material
from dashboard.ml.standing import Standing
from dashboard.runs import checkpoints, events, queue, status
from dashboard.runs.run import Run, versions
from dashboard.runs.status import Status
from dashboard.runs.steering import Plan

SETTLING = "settling the random network"
DIFFERENCE = 0.005  # of accuracy; more between the network's parts and the whole of it is said
FEATURES = "computing what stays frozen"
WEIGHTS_INSIDE = "model.weights.h5"  # the name of the weights in a .keras file, the very same as saved alone
SAY = 0.5  # seconds between two `progress` events


def train(run: Run) -> Status:
    """From picture files to a finished model and its report; returns how it ended."""
    began = time.monotonic()
    check_pictures(run)
    model = classifier.build(run.recipe, run.class_names)
    progress, checkpoint = take_up(run, model)
    if checkpoint is None:
        begin(model, run)
    earlier = progress.seconds + progress.feature_seconds
    ended = run_phases(model, run, progress, checkpoint)
    save(run, model)
    total = time.monotonic() - began + earlier
    seconds = {"features": progress.feature_seconds, "training": progress.seconds, "total": total}
    if ended == status.STOPPED:
        run.withdraw_stop()  # heard; what follows may take longer than a deaf worker is given
    table = evaluate.predictions(model, run)
    compare(run, progress, metrics.accuracy(table[table["split"] == VALIDATION]).value)
    report = evaluate.report(table, epochs=progress.epoch, best_epoch=progress.best_epoch, seconds=seconds)
    files.write_json(run.path / "report.json", report)
    queue.record_accuracy(run.id, validation=report["validation_accuracy"], test=report["test_accuracy"])
    return ended


def begin(model: keras.Model, run: Run) -> None:
    """Give a fresh network the weights its recipe starts from."""
    if standing.has_base(run.path, run.recipe):
        standing.load_base(run.path, model, run.recipe)
        return
    run.say("progress", stage=SETTLING, done=0, total=1)
    material.settle(material.of_run(run), model)
    standing.save_base(run.path, model)


def run_phases(model: keras.Model, run: Run, progress: Standing, checkpoint: Path | None) -> Status:
    """Feature extraction, then fine-tuning, without what an earlier attempt has done; ends with the best weights.

    Raises:
        PauseRequested: somebody asked to go on another time.
    """
    phases = run.recipe.phases
    names = [phase.name for phase in phases]
    position = names.index(progress.phase) if progress.phase in names else 0
    plan = Plan(run, progress.step)
    if run.has_model:  # it had ended, and somebody wants it to go on
        progress.end_asked = False
    is_over = progress.phase_done and position == len(phases) - 1
    if progress.phase_done and not (is_over and steering.go_on(run, progress, plan)):
        standing.load_best(run.path, progress, model, run.recipe)
        position, checkpoint = position + 1, None
    for phase in phases[position:]:
        if checkpoint is None:
            progress.begin(phase.name)
        announce(run, phase, progress)
        try:
            run_phase(model, run, phase, progress, plan, checkpoint)
        except StopRequested:
            kept = f"Weights of epoch {progress.best_epoch} kept." if progress.best_epoch else "No epoch was finished."
            when = f"after epoch {progress.epoch}" if progress.end_asked else f"in epoch {progress.epoch + 1}"
            text = f"Stopped on request {when}. {kept}"
            run.say("mark", mark="stop", epoch=progress.epoch, step=progress.step, text=text)
            return status.STOPPED
        checkpoint = None
        if phase is not phases[-1]:  # after the last one everything is predicted from the files anyway
            compare(run, progress, evaluate.accuracy(model, run, VALIDATION))
    return status.FINISHED


def run_phase(
    model: keras.Model, run: Run, phase: Phase, progress: Standing, plan: Plan, checkpoint: Path | None
) -> None:
    """One phase to its end, however often a lower block is thawed or epochs are added; raises as `fit`."""
    if progress.end_asked:  # killed between the epoch it should stop after and its end
        standing.load_best(run.path, progress, model, run.recipe)
        raise StopRequested
    is_last = phase.name == run.recipe.phases[-1].name
    while True:
        lowered = progress.lowered
        unfreeze_from = lowest_block(model, phase, run.recipe, lowered)
        data = data_of(model, run, unfreeze_from, progress)
        fit(model, data, run, phase, progress, unfreeze_from, checkpoint, plan=plan)
        checkpoint = None
        if progress.lowered > lowered:
            continue
        if not (is_last and steering.go_on(run, progress, plan)):
            return
        checkpoint = checkpoints.path(run.path, progress.epoch)
        standing.load_weights(checkpoint, model, run.recipe)  # those of the last epoch, not the best


def compare(run: Run, progress: Standing, accuracy: float) -> None:
    """Say what the joined network does on the picture files, and warn where its parts had said something else.

    Args:
        run: gets the events.
        progress: knows the accuracy that was said of the best epoch while training.
        accuracy: of the whole network on the validation files.
    """
    said = progress.best_accuracy
    run.say("whole", epoch=progress.best_epoch, validation_accuracy=accuracy, said=said)
    if said is not None and abs(said - accuracy) > DIFFERENCE:
        run.say(
            "warning",
            text=f"While training, epoch {progress.best_epoch} was right on {said:.1%} of the validation pictures; the "
            f"whole network on the picture files is right on {accuracy:.1%}. The second figure is the true one."
            + (" With precision float32 the two are closer." if run.recipe.precision != "float32" else ""),
        )


def data_of(model: keras.Model, run: Run, unfreeze_from: str | None, progress: Standing) -> Data:
    """What a phase trains on: features where something stays frozen, and nobody wants them anew in every epoch.

    Raises:
        StopRequested: somebody asked for the end while features were computed.
        PauseRequested: or to go on another time; what was computed stays.
        RunError: `disk-full`.
    """
    own = material.of_run(run)
    if material.nothing_frozen(own, model, unfreeze_from):
        return material.pictures(own, model)
    began = said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        heed(run)
        now = time.monotonic()
        if now - said >= SAY or done == total:
            rate = done / max(now - began, 1e-6)
            run.say(
                "progress",
                stage=FEATURES,
                done=done,
                total=total,
                pictures_per_second=round(rate, 1),
                remaining=round((total - done) / rate, 1),
            )
            said = now

    try:
        return material.cached(own, model, unfreeze_from, tell)
    finally:
        progress.feature_seconds += time.monotonic() - began


def announce(run: Run, phase: Phase, progress: Standing) -> None:
    """Say that a phase begins, unless an earlier attempt's word still stands."""
    said = [event["phase"] for event in events.read(run.events_path) if event["kind"] == "phase"]
    if phase.name not in said:
        run.say("phase", phase=phase.name, epoch=progress.phase_start, step=progress.step)


def take_up(run: Run, model: keras.Model) -> tuple[Standing, Path | None]:
    """Go back to the newest whole checkpoint; a fresh standing and None where there is none.

    Raises:
        RunError: there are checkpoints and all of them are damaged.
    """
    checkpoints.tidy(run.path)
    written = [epoch for epoch in checkpoints.epochs(run.path) if epoch]
    has_base = standing.has_base(run.path, run.recipe)
    whole = next(
        (each for each in written if has_base and checkpoints.is_whole(checkpoints.path(run.path, each))), None
    )
    if written and whole is None:
        raise RunError("checkpoints-damaged", f"All checkpoints of run '{run.id}' are damaged. Start a new run.")
    run.say("attempt", epoch=whole or 0, versions=versions())
    if whole is None:
        return Standing(), None
    if whole != written[0]:
        text = f"The checkpoint of epoch {written[0]} is damaged; training goes on after epoch {whole}."
        run.say("warning", text=text)
    folder = checkpoints.path(run.path, whole)
    return standing.load(folder, model, run.recipe), folder


def check_pictures(run: Run | Material) -> None:
    """Refuse a run, or what would be one, whose pictures are gone, before anything is computed.

    Raises:
        DatasetError: `pictures-missing` or `split-empty`.
    """
    for split in (TRAIN, VALIDATION):
        if not (run.manifest["split"] == split).any():
            raise DatasetError("split-empty", f"No picture is in the {split} split; training needs some. Split anew.")
    missing = [path for sha, path in run.manifest[["sha256", "path"]].values if not picture_path(sha).is_file()]
    if missing:
        raise DatasetError(
            "pictures-missing",
            f"{len(missing)} of {len(run.manifest)} pictures of this run are no longer in the workspace, the first one "
            f"is '{missing[0]}'. Import the dataset again.",
        )


def save(run: Run, model: keras.Model) -> None:
    """Write the finished model: the whole of it, its weights alone, and what its outputs mean."""
    with files.replacing(run.model_path) as aside:
        model.save(aside)
    with (
        files.replacing(run.weights_path) as aside,
        zipfile.ZipFile(run.model_path) as whole,
        whole.open(WEIGHTS_INSIDE) as source,
        aside.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)
    recipe = run.recipe
    labels = {
        "class_names": run.class_names,
        "image_size": recipe.image_size,
        "backbone": recipe.backbone,
        "alpha": recipe.alpha,
        "input": "RGB 0..255, any size; resized and scaled inside the model",
        "output": "probabilities in the order of class_names",
        "weights_sha256": files.sha256(run.weights_path),  # whoever brings them elsewhere knows a changed bit by it
    }
    files.write_json(run.path / "labels.json", labels)
    blocks.write(run, model)


def end(run: Run, to: Status, message: str = "") -> None:
    """Write down how the run ended, for those who follow it and in its row."""
    run.say("end", status=to, text=message)
    queue.change(run.id, to, only_from=(status.RUNNING, status.STOPPING), ended_at=time.time(), message=message)


def paused(run: Run) -> str:
    """What a paused run tells whoever looks at it."""
    saved = next(iter(checkpoints.epochs(run.path)), 0)
    return f"Paused; its processor and memory are free. It goes on {f'after epoch {saved}' if saved else 'anew'}."


def main(run: Run) -> int:
    lease = Lease(run.lease_path)
    if not lease.acquire():
        print(f"Another process is training run '{run.id}'; two would spoil it.", file=sys.stderr)
        return 3
    queue.take(run.id)
    os.nice(settings().politeness)
    signal.signal(signal.SIGTERM, lambda *_: run.request_stop())
    with tracking.following(run):
        try:
            end(run, train(run))
        except PauseRequested:
            run.withdraw_pause()
            end(run, status.PAUSED, paused(run))
        except DashboardError as error:
            end(run, status.FAILED, error.message)
            print(f"{error.code}: {error.message}", file=sys.stderr)
            return 1
    return 0


def wait_for_run() -> Path | None:
    """The run directory that comes as a line on standard input; None where its other end is closed without one.

    From then on what is printed goes to the run's log.
    """
    line = sys.stdin.readline().strip()
    if not line:
        return None
    with Run(Path(line)).log_path.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    return Path(line)


if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    chosen = wait_for_run() if sys.argv[1] == "--wait" else Path(sys.argv[1])
    sys.exit(main(Run(chosen.resolve())) if chosen else 0)
