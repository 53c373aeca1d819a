"""Trains a small run in a workspace of its own, as a program: `python -m tests.serving.trained`, THAW_WORKSPACE set."""

import gc

from dashboard.ml.importing import import_keras

import_keras()

from dashboard.core.recipe import recipe_from  # noqa: E402 - Keras first
from dashboard.data import samples  # noqa: E402
from dashboard.ml import train  # noqa: E402
from dashboard.runs import queue, status  # noqa: E402


def main() -> None:
    """Run 1: MobileNet 0.25 at 32 pixels with weights from nowhere, on coloured shapes."""
    dataset = samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=48))
    recipe = recipe_from(
        {
            "dataset": dataset.id,
            "dataset_version": dataset.version,
            "backbone": "MobileNet",
            "alpha": 0.25,
            "weights": "none",
            "image_size": 32,
            "epochs": 2,
            "fine_tune_epochs": 0,
            "batch_size": 8,
        }
    )
    run = queue.enqueue(recipe, name="Shapes")
    train.train(run)
    queue.change(run.id, status.FINISHED, only_from=(status.QUEUED, status.RUNNING))


if __name__ == "__main__":
    gc.enable()
    main()
