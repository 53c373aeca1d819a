"""What every block of a network makes of one picture, and what fine-tuning changed in it."""

from functools import lru_cache
from typing import Any

import keras
import numpy as np

from dashboard.core.errors import RunError
from dashboard.core.packing import pack
from dashboard.ml import classifier, cut, specimens, standing
from dashboard.runs.run import Run

KEPT = 3  # pictures whose maps are at hand; one of MobileNetV2 takes about 20 MB at 224 pixels
LEAST = 1e-12


def backbone_of(network: keras.Model) -> keras.Model:
    """The network below its head; all of it where it has none."""
    placed = cut.nodes(network)  # a layer's own `input` is that of the first graph it was in
    for layer in network.layers:
        if layer.name == classifier.POOLING:
            return keras.Model(network.inputs[0], placed[id(layer)].input_tensors[0])
    return network


def outputs(network: keras.Model, picture: np.ndarray) -> dict[str, np.ndarray]:
    """What each block hands on, by its name: shape (height, width, channels).

    Args:
        network: flat, with or without a head.
        picture: RGB 0..255, shape (1, image_size, image_size, 3).
    """
    backbone = backbone_of(network)
    blocks, placed = cut.blocks(backbone), cut.nodes(backbone)
    last = [backbone.get_layer(block.layers[-1]) for block in blocks]
    ends = keras.Model(backbone.inputs[0], [placed[id(layer)].output_tensors[0] for layer in last])
    found = ends(picture, training=False)
    found = found if isinstance(found, list) else [found]
    return {block.name: np.asarray(each[0]) for block, each in zip(blocks, found, strict=True)}


@lru_cache(maxsize=KEPT)
def _kept(network: keras.Model, sha: str, image_size: int) -> dict[str, np.ndarray]:
    return outputs(network, specimens.picture(sha, image_size))


def of_specimen(of: dict[str, Any], sha: str) -> dict[str, np.ndarray]:
    """`outputs` of a chosen network on a stored picture; kept, so that the next block is there at once."""
    return _kept(specimens.network(of), sha, specimens.image_size(of))


def feature_maps(of: dict[str, Any], sha: str, block: str, count: int) -> dict[str, Any]:
    """The strongest maps of a block on a picture.

    Returns:
        channels: their numbers, the largest mean magnitude first. maps: as of `pack`. channel_count: of the block.
        picture: what the network saw, packed likewise, shape (image_size, image_size, 3).

    Raises:
        KeyError: no such block.
    """
    found = of_specimen(of, sha)[block]
    channels = np.argsort(-np.abs(found).mean(axis=(0, 1)), kind="stable")[:count]
    picture = specimens.picture(sha, specimens.image_size(of))[0]
    return {
        "channels": channels.tolist(),
        "channel_count": found.shape[-1],
        "maps": pack(np.moveaxis(found[..., channels], -1, 0)),
        "picture": pack(picture.round() / 255),
    }


def before(run: Run) -> keras.Model:
    """The network of a run as it was before its first epoch.

    Raises:
        RunError: `start-unknown`, the random weights it began with were not kept.
        WeightsError: its pretrained file is not on this machine.
    """
    recipe = run.recipe
    if not standing.has_base(run.path, recipe):
        raise RunError(
            "start-unknown",
            "This run began with random weights, and they are not kept with it. Runs of pretrained networks can be "
            "compared with their start, and runs trained on this machine from random weights.",
        )
    model = classifier.build(recipe, run.class_names)
    standing.load_base(run.path, model, recipe)
    return classifier.trainable_part(model)


@lru_cache(maxsize=1)
def _kept_before(run: Run) -> keras.Model:
    return before(run)


@lru_cache(maxsize=1)
def _outputs_before(run: Run, sha: str) -> dict[str, np.ndarray]:
    return outputs(_kept_before(run), specimens.picture(sha, run.recipe.image_size))


def changes(run: Run, sha: str) -> list[dict[str, Any]]:
    """How much fine-tuning changed each block: norm of the difference over the norm before.

    Returns:
        Records of block, weights (of all its weights, moving statistics too; 0.02 means two per cent) and outputs
        (of what it hands on for this picture, changes of the blocks below it included).

    Raises:
        DashboardError: as of `before`.
    """
    after = specimens.network({"run": run.id})
    old, new = backbone_of(_kept_before(run)), backbone_of(after)
    was, is_now = _outputs_before(run, sha), of_specimen({"run": run.id}, sha)
    found = []
    for one, other in zip(cut.blocks(old), cut.blocks(new), strict=True):
        found.append(
            {
                "block": other.name,
                "weights": _relative(_weights(old, one), _weights(new, other)),
                "outputs": _relative(was[one.name], is_now[other.name]),
            }
        )
    return found


def _weights(network: keras.Model, block: cut.Block) -> np.ndarray:
    values = [np.ravel(value) for name in block.layers for value in network.get_layer(name).get_weights()]
    return np.concatenate(values) if values else np.zeros(1)


def _relative(old: np.ndarray, new: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(new, "float64") - old)) / max(float(np.linalg.norm(old)), LEAST)


def side_by_side(run: Run, sha: str, block: str, channels: list[int]) -> dict[str, Any]:
    """Maps of some channels of a block before and after: two arrays as of `pack`, shape (channels, height, width)."""
    was, is_now = _outputs_before(run, sha)[block], of_specimen({"run": run.id}, sha)[block]
    return {
        "before": pack(np.moveaxis(was[..., channels], -1, 0)),
        "after": pack(np.moveaxis(is_now[..., channels], -1, 0)),
    }
