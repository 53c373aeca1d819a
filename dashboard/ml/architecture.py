"""A whole network as rows, with what trains in the last phase of its recipe: for pages that show it layer by layer."""

import math
from dataclasses import replace
from typing import Any

import keras

from dashboard.core.receptive_field import Layer
from dashboard.core.recipe import Recipe
from dashboard.ml import blocks, classifier, cut, fit, layer_graph

PICTURE, HEAD = "picture", "head"  # in the place of a block's name


def architecture(recipe: Recipe, class_names: list[str]) -> dict[str, Any]:
    """The network from the resized picture to the probabilities, frozen and thawed as in the recipe's last phase.

    Returns:
        layers: a record each of name, kind (its class), block, shape (text, without the batch), parameters, trainable
        (parameters of it that learn) and inputs (names); in the order in which they are computed. Names are those that
        a process gives that builds nothing else before.
        seen: `core.receptive_field.Layer` records of the same layers.
        ends: the layer each block hands on, by block.
        phase: name of the phase, empty where there is none.
    """
    model = classifier.build(recipe, class_names)
    phase = recipe.phases[-1] if recipe.phases else None
    lowest = fit.lowest_block(model, phase, recipe) if phase else None
    classifier.freeze(model, lowest, train_batch_normalization=recipe.train_batch_normalization)
    part, found = classifier.trainable_part(model), cut.blocks(classifier.backbone_of(model))
    names = blocks.canonical(list(part.operations)) | {part.operations[0].name: classifier.IMAGES}
    seen = {each.name: each for each in (_renamed(each, names) for each in layer_graph.layers(part))}
    inside = {layer: block.name for block in found for layer in block.layers}
    return {
        "layers": _records(part, names, seen, inside),
        "seen": [each.as_record() for each in seen.values()],
        "ends": {block.name: names[block.layers[-1]] for block in found},
        "phase": phase.name if phase else "",
    }


def _renamed(each: Layer, names: dict[str, str]) -> Layer:
    def name(old: str) -> str:
        outer, slash, inner = old.partition("/")
        return f"{names[outer]}{slash}{inner}" if outer in names else old

    return replace(each, name=name(each.name), inputs=tuple(map(name, each.inputs)))


def _records(
    part: keras.Model, names: dict[str, str], seen: dict[str, Layer], inside: dict[str, str]
) -> list[dict[str, Any]]:
    placed, records, block = cut.nodes(part), list[dict[str, Any]](), PICTURE
    for operation in part.operations:
        is_layer = isinstance(operation, keras.layers.Layer)
        if operation.name in inside:
            block = inside[operation.name]
        elif operation.name == classifier.POOLING or block == HEAD:
            block = HEAD
        node = placed[id(operation)]
        sources = [names[tensor._keras_history.operation.name] for tensor in node.input_tensors]
        records.append(
            {
                "name": names[operation.name],
                "kind": "Picture" if not sources else type(operation).__name__,
                "block": block,
                "shape": " x ".join(str(side) for side in node.output_tensors[0].shape[1:]),
                "parameters": operation.count_params() if is_layer else 0,
                "trainable": sum(math.prod(each.shape) for each in operation.trainable_weights) if is_layer else 0,
                "inputs": list(dict.fromkeys(sources)),
            }
        )
    return records
