"""A process that answers questions about networks: `python -m dashboard.ml.worker`, JSON lines in and out.

    in    {"id": 1, "verb": "classify", "arguments": {...}}
    out   {"id": 1, "progress": [done, total, text]}, then {"id": 1, "result": ...} or {"id": 1, "error": {...}}

It ends when its input does. Whoever keeps it warm has the next answer without the seconds TensorFlow takes to begin.
"""

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from dashboard.ml.importing import import_keras

if __name__ == "__main__":  # before TensorFlow, which may print: standard output is for answers alone
    _answers: IO[str] = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    import_keras()

import keras
import numpy as np

from dashboard.core.errors import DashboardError, WorkerError, as_record
from dashboard.core.recipe import find_backbone, recipe_from
from dashboard.core.settings import settings
from dashboard.ml import (
    architecture,
    backbone,
    bake_off,
    bias_variance,
    bringing,
    convolution,
    cut,
    depth,
    examples,
    export,
    finder,
    ghost,
    look_alikes,
    material,
    mini_batches,
    pooling,
    promise,
    streaming,
    strongest,
    weights,
)
from dashboard.ml.batches import carry_out
from dashboard.ml.predict import Classifier, open_classifier
from dashboard.runs.batches import open_batch
from dashboard.runs.run import open_run

Progress = Callable[[int, int, str], None]
KEPT = 2  # classifiers


def ping(progress: Progress) -> str:
    """Whether anybody is there."""
    return "pong"


def topology(progress: Progress, *, backbone: str, alpha: float, image_size: int) -> list[dict[str, Any]]:
    """The blocks of a backbone; raises BackboneError `backbone-unknown`, `alpha-unknown`, `image-size-too-small`."""
    recipe = recipe_from(
        {"dataset": "-", "backbone": backbone, "alpha": alpha, "image_size": image_size, "weights": "none"}
    )
    return [
        {
            "name": block.name,
            "layers": len(block.layers),
            "parameters": block.parameters,
            "output_shape": block.output_shape,
        }
        for block in cut.blocks(_network(recipe.backbone, recipe.alpha, recipe.image_size))
    ]


def predict_batch(progress: Progress, *, batch: str) -> int:
    """Carry a batch of predictions out from where it is; how many rows it has then. Raises as `ml.batches`."""
    wanted = open_batch(batch)
    path = wanted.run.weights_path
    try:
        carry_out(wanted, lambda: _classifier(wanted.run.id, path.stat().st_mtime_ns), progress)
    finally:
        streaming.prepare()
    return wanted.done


def make_export(progress: Progress, *, run: str, format: str) -> dict[str, str]:
    """One file to take home, its path relative to the run directory; raises as `ml.export`."""
    return {"path": export.export(open_run(run), format, progress).as_posix()}


def check_weights(progress: Progress, *, recipe: dict[str, Any]) -> None:
    """Raises WeightsError when the recipe's starting weights do not fit its backbone."""
    weights.check(recipe_from(recipe))


def augmentation_examples(progress: Progress, *, recipe: dict[str, Any]) -> None:
    """Pictures in the workspace that show each augmentation; raises as `ml.examples`."""
    examples.write(recipe_from(recipe), progress)


def find_learning_rate(progress: Progress, *, recipe: dict[str, Any], phase: str) -> dict[str, Any]:
    """The curve of a range test, column by column, and its suggestion; raises as `ml.finder`."""
    return finder.find(recipe_from(recipe), phase, progress).as_record()


def measure(progress: Progress, *, recipe: dict[str, Any], cuts: list[str | None]) -> dict[str, Any]:
    """What a run costs, by a few real batches: `whole` and `parts` of `core.promise`; raises as `ml.promise`.

    From here on this process is as polite to others as a run is.
    """
    os.nice(settings().politeness)
    whole, parts = promise.measure(material.of_recipe(recipe_from(recipe)), cuts, progress)
    return {"whole": asdict(whole), "parts": [asdict(part) for part in parts]}


def try_backbone(progress: Progress, *, recipe: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Score` of one backbone on the recipe's pictures; raises as `ml.bake_off`."""
    return asdict(bake_off.bake_off(recipe_from(recipe), progress))


def find_look_alikes(progress: Progress, *, recipe: dict[str, Any]) -> list[list[Any]]:
    """Rows of sha256_a, sha256_b, similarity; raises as `ml.look_alikes`."""
    found: list[list[Any]] = look_alikes.look_alikes(recipe_from(recipe), progress).to_numpy().tolist()
    return found


def classify(progress: Progress, *, run: str, arrays: list[str]) -> list[list[float]]:
    """Probabilities of pictures in the order of the run's classes; raises as `ml.predict`.

    Args:
        progress: of no use for so few.
        run: its id.
        arrays: files, each one picture as `ml.opener` brought it to the network's size.
    """
    path = open_run(run).weights_path
    classifier = _classifier(run, path.stat().st_mtime_ns if path.exists() else 0)
    side = classifier.reader.image_size
    found: list[list[float]] = []
    for start in range(0, len(arrays), classifier.batch_size):
        read = [np.fromfile(path, "float32") for path in arrays[start : start + classifier.batch_size]]
        pictures = np.stack(read).reshape(-1, side, side, 3)
        found.extend(classifier.by_keras(pictures).tolist())
    return found


def expected_weights(progress: Progress, *, recipe: dict[str, Any], num_classes: int) -> list[Any]:
    """Layer, place, shape and type of every weight of a classifier, as `ml.bringing`."""
    return bringing.expected(recipe_from(recipe), num_classes)


def write_model(progress: Progress, *, folder: str, values: str) -> None:
    """The model files of a run brought from another machine; raises as `ml.bringing`."""
    bringing.write_model(Path(folder), Path(values))


def measure_bias_variance(progress: Progress, *, recipe: dict[str, Any]) -> dict[str, Any]:
    """Bias and variance of a recipe's head, as `core.verdict` reads them; raises as `ml.bias_variance`."""
    return bias_variance.bias_variance(recipe_from(recipe), progress)


def mini_batch_noise(progress: Progress, *, of: dict[str, Any]) -> dict[str, Any]:
    """Noise of gradients and speed by batch size; raises as `ml.mini_batches`."""
    return mini_batches.measure(of, progress)


def mini_batch_race(progress: Progress, *, of: dict[str, Any], sizes: list[int]) -> list[dict[str, Any]]:
    """The curves of short trainings at several batch sizes; raises as `ml.mini_batches`."""
    return mini_batches.race(of, sizes, progress)


def go_on_as_ghost(progress: Progress, *, run: str, phase: str) -> None:
    """How a phase of a run would have gone on, kept beside it; raises as `ml.ghost`."""
    ghost.go_on(open_run(run), phase, progress)


def whole_architecture(progress: Progress, *, of: dict[str, Any], class_names: list[str]) -> dict[str, Any]:
    """A chosen network layer by layer, as `ml.architecture`; `class_names` where it is not that of a run."""
    if "run" in of:
        run = open_run(of["run"])
        return architecture.architecture(run.recipe, run.class_names)
    return architecture.architecture(recipe_from(of["recipe"]), class_names)


def feature_maps(progress: Progress, *, of: dict[str, Any], sha: str, block: str, count: int) -> dict[str, Any]:
    """The strongest maps of a block of a chosen network on a picture, as `ml.depth`."""
    return depth.feature_maps(of, sha, block, count)


def fine_tuning(progress: Progress, *, run: str, sha: str) -> list[dict[str, Any]]:
    """How much each block of a run changed by its training; raises as `ml.depth.changes`."""
    return depth.changes(open_run(run), sha)


def before_and_after(progress: Progress, *, run: str, sha: str, block: str, channels: list[int]) -> dict[str, Any]:
    """Maps of a block as the run began and as it ended; raises as `ml.depth.changes`."""
    return depth.side_by_side(open_run(run), sha, block, channels)


def convolutions(progress: Progress, *, of: dict[str, Any]) -> list[dict[str, Any]]:
    """The convolutions of a chosen network, as `ml.convolution.layers`."""
    return convolution.layers(of)


def convolve(progress: Progress, *, question: dict[str, Any], channel: int) -> dict[str, Any]:
    """A filtered picture; raises as `ml.convolution.filtered`."""
    return convolution.whole(question, channel)


def convolve_at(progress: Progress, *, question: dict[str, Any], row: int, column: int) -> dict[str, Any]:
    """Every number behind one place of a filtered picture; raises as `ml.convolution.filtered`."""
    return convolution.at(question, row, column)


def pool(progress: Progress, **asked: Any) -> dict[str, Any]:
    """A pooled picture, and once more for the picture shifted; asked and raises as `ml.pooling.whole`."""
    return pooling.whole(**asked)


def strongest_patches(
    progress: Progress, *, of: dict[str, Any], layer: str, channel: int, dataset: list[Any], most: int, count: int
) -> list[dict[str, Any]]:
    """The patches of a dataset that excite a filter most; raises as `ml.strongest.patches`."""
    return strongest.patches(of, layer, channel, (dataset[0], dataset[1]), most, count, progress)


VERBS: dict[str, Callable[..., Any]] = {
    "ping": ping,
    "topology": topology,
    "predict_batch": predict_batch,
    "export": make_export,
    "check_weights": check_weights,
    "augmentation_examples": augmentation_examples,
    "find_learning_rate": find_learning_rate,
    "measure": measure,
    "bake_off": try_backbone,
    "look_alikes": find_look_alikes,
    "expected_weights": expected_weights,
    "write_model": write_model,
    "classify": classify,
    "bias_variance": measure_bias_variance,
    "mini_batch_noise": mini_batch_noise,
    "mini_batch_race": mini_batch_race,
    "ghost": go_on_as_ghost,
    "architecture": whole_architecture,
    "feature_maps": feature_maps,
    "fine_tuning": fine_tuning,
    "before_and_after": before_and_after,
    "convolutions": convolutions,
    "convolve": convolve,
    "convolve_at": convolve_at,
    "pool": pool,
    "strongest_patches": strongest_patches,
}


def _network(name: str, alpha: float, image_size: int) -> keras.Model:
    keras.utils.clear_session(free_memory=False)
    images = keras.Input((image_size, image_size, 3), name="images")
    return backbone.build(find_backbone(name), alpha, image_size, images)


@lru_cache(maxsize=KEPT)
def _classifier(run_id: str, written: int) -> Classifier:
    """The classifier of a run, as its weights were `written`; a resumed run has new ones."""
    return open_classifier(open_run(run_id))


def answer(question: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Answer one question; a mistake of ours becomes a short error here and a traceback on standard error."""
    number = question["id"]
    try:
        verb = VERBS[question["verb"]]
        result = verb(
            lambda done, total, text: say({"id": number, "progress": [done, total, text]}), **question["arguments"]
        )
    except DashboardError as error:
        say({"id": number, "error": as_record(error)})
    except Exception as error:  # the process outlives the mistake, and the log has it whole
        traceback.print_exc()
        text = f"The worker could not do this: {type(error).__name__}: {error}. Its log has the details."
        say({"id": number, "error": as_record(WorkerError("worker-failed", text[:400]))})
    else:
        say({"id": number, "result": result})


def main() -> None:
    def say(line: dict[str, Any]) -> None:
        _answers.write(json.dumps(line) + "\n")
        _answers.flush()

    for line in sys.stdin:
        answer(json.loads(line), say)


if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    main()
