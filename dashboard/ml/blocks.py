"""Which layers a run thaws and where it cuts the network, written down for those who have no Keras: `blocks.json`."""

import re
from typing import Any

import keras

from dashboard.core import files
from dashboard.core.recipe import FINE_TUNING, Recipe
from dashboard.ml import classifier, cut
from dashboard.ml.fit import lowest_block
from dashboard.runs.run import Run


def write(run: Run, model: keras.Model) -> None:
    """Write down the blocks of what `classifier.build` returned."""
    files.write_json(run.blocks_path, record(run.recipe, model))


def require(run: Run) -> None:
    """Write them down for a run that was trained before runs did so themselves."""
    if not run.blocks_path.exists():
        write(run, classifier.build(run.recipe, run.class_names))


def record(recipe: Recipe, model: keras.Model) -> dict[str, Any]:
    """The blocks of a network by the names a process gives that builds nothing else before.

    Returns:
        layers: names of all layers of the backbone, in Keras' order. blocks: name and layers of each, from input to
        output. unfreeze_from: the lowest block that fine-tuning thaws, None without fine-tuning. cut: names of the
        operations whose outputs the blocks below hand on to it and to those above; empty where there are none below.
    """
    backbone = classifier.backbone_of(model)
    blocks = cut.blocks(backbone)
    names = canonical([each for each in backbone.operations if not isinstance(each, keras.layers.InputLayer)])
    lowest = next((lowest_block(model, each, recipe) for each in recipe.phases if each.name == FINE_TUNING), None)
    cut_at: list[str] = []
    if lowest not in (None, blocks[0].name):
        tensors = cut.boundary(backbone, str(lowest), classifier.trainable_part(model))
        cut_at = [names[each._keras_history.operation.name] for each in tensors]
    return {
        "layers": [names[each.name] for each in backbone.layers if each.name in names],
        "blocks": [{"name": each.name, "layers": [names[layer] for layer in each.layers]} for each in blocks],
        "unfreeze_from": lowest,
        "cut": cut_at,
    }


def canonical(operations: list[Any]) -> dict[str, str]:
    """Each name as it would be in a fresh process: `conv2d_95` of a second InceptionV3 is `conv2d_1` of the first.

    Keras numbers the layers of a class that nobody named, over all networks a process builds.
    """
    numbers: dict[str, dict[str, int]] = {}
    for each in operations:
        kind = cut.snake_case(type(each).__name__)
        if match := re.fullmatch(rf"{re.escape(kind)}(?:_(\d+))?", each.name):
            numbers.setdefault(kind, {})[each.name] = int(match.group(1) or 0)
    names = {each.name: each.name for each in operations}
    for kind, of_kind in numbers.items():
        first = min(of_kind.values())
        names |= {name: f"{kind}_{at - first}" if at > first else kind for name, at in of_kind.items()}
    return names
