"""A run's weights as the start of another: with its head where the classes are the same, else with a new one."""

from typing import Any

from dashboard.data import weights
from dashboard.runs.run import Run


def fields(run: Run, class_names: list[str]) -> dict[str, Any]:
    """What a recipe takes over from a finished run to begin with its weights.

    Args:
        run: with a model; its weights are copied to where recipes find them, under their digest.
        class_names: of the pictures that will be trained on; the same as the run's keep its head.

    Returns:
        Fields of a recipe.

    Raises:
        RunError: `run-unfinished`.
        WeightsError: as `data.weights.take_file`.
    """
    run.require_model()
    recipe = run.recipe
    return {
        "backbone": recipe.backbone,
        "alpha": recipe.alpha,
        "image_size": recipe.image_size,
        "head_width": recipe.head_width,
        "weights": "file",
        "weights_file": weights.take_file(run.weights_path, run.weights_path.name, run.class_names),
        "keep_head": has_classes(run, class_names),
        "unfreeze_from": None,
    }


def has_classes(run: Run, class_names: list[str]) -> bool:
    """Whether a run tells the very same classes apart."""
    return run.class_names == sorted(set(class_names))
