"""The classifier: backbone and head as one flat model from pictures of any size to probabilities."""

from collections.abc import Iterable

import keras
import numpy as np

from dashboard.core.recipe import Recipe
from dashboard.ml import backbone, cut

IMAGES = "images"
RESIZING = "resizing"
POOLING = "pooling"
HEAD = "head"
DROPOUT = "dropout"
PROBABILITIES = "probabilities"

# Some builders come with 0.999: statistics that need thousands of steps to follow. A small set has hundreds.
SLOWEST_MOMENTUM = 0.9


def resizing(image_size: int) -> keras.layers.Resizing:
    """The one way a picture is brought to the network's size: stretched to a square, smoothed against aliasing."""
    return keras.layers.Resizing(image_size, image_size, interpolation="bilinear", antialias=True, name=RESIZING)


def build(recipe: Recipe, class_names: list[str]) -> keras.Model:
    """The whole network with random weights, drawn from the recipe's seed.

    Returns:
        A model from RGB pictures 0..255 of any size, shape (batch, height, width, 3), to probabilities in the order
        of `class_names`.
    """
    keras.utils.set_random_seed(recipe.seed)
    images = keras.Input((None, None, 3), name=IMAGES)
    # Its own default, `training=True`, would reach every layer behind it where somebody calls `model(pictures)`:
    # dropout would drop and BatchNormalization learn (keras-team/keras#23166).
    resized = resizing(recipe.image_size)(images, training=False)
    features = backbone.build(recipe.backbone_row, recipe.alpha, recipe.image_size, resized).output
    x = keras.layers.GlobalAveragePooling2D(name=POOLING)(features)
    if recipe.head_width:
        x = keras.layers.Dense(recipe.head_width, activation="relu", name=HEAD)(x)
    x = keras.layers.Dropout(recipe.dropout, seed=recipe.seed, name=DROPOUT)(x)
    x = keras.layers.Dense(len(class_names), activation="softmax", name=PROBABILITIES)(x)
    return keras.Model(images, x, name="classifier")


def trainable_part(model: keras.Model) -> keras.Model:
    """From the resized pictures to the probabilities, on the same layers: what `fit` trains.

    Pictures of different sizes cannot share a batch, so they are resized one by one before, by the very same operation.
    """
    return keras.Model(model.get_layer(RESIZING).output, model.output, name="trainable_part")


def backbone_of(model: keras.Model) -> keras.Model:
    """From the resized pictures to the features, on the same layers."""
    return keras.Model(model.get_layer(RESIZING).output, model.get_layer(POOLING).input, name="backbone")


def split(model: keras.Model, unfreeze_from: str | None) -> tuple[keras.Model, keras.Model]:
    """The network in two, on the same layers: a prefix that gives the same in every epoch, and a suffix that learns.

    Args:
        model: what `build` returned.
        unfreeze_from: name of the lowest block that trains; None where only the head does.

    Returns:
        Prefix, from resized pictures to the tensors at the cut, and suffix, from those to the probabilities.

    Raises:
        BackboneError: `block-unknown`.
    """
    if unfreeze_from is None:
        whole, cut_at = model, [model.get_layer(POOLING).output]
        pictures = model.get_layer(RESIZING).output
    else:
        whole = trainable_part(model)
        cut_at = cut.boundary(backbone_of(model), unfreeze_from, whole)
        pictures = whole.input
    return keras.Model(pictures, cut_at, name="prefix"), keras.Model(cut_at, whole.output, name="suffix")


def freeze(model: keras.Model, unfreeze_from: str | None, *, train_batch_normalization: bool = False) -> None:
    """Freeze the backbone, or all of it below a block; the head always learns. Takes effect at the next `compile`.

    Args:
        model: what `build` returned.
        unfreeze_from: name of the lowest block to thaw; None freezes the whole backbone.
        train_batch_normalization: let BatchNormalization of thawed blocks learn. `training=False` would not keep it
            still: once trainable, its statistics move.

    Raises:
        BackboneError: `block-unknown`.
    """
    blocks = cut.blocks(backbone_of(model))
    names = [block.name for block in blocks]
    first = len(names) if unfreeze_from is None else cut.position(names, unfreeze_from)
    for position, block in enumerate(blocks):
        for name in block.layers:
            layer = model.get_layer(name)
            is_still = isinstance(layer, keras.layers.BatchNormalization) and not train_batch_normalization
            layer.trainable = position >= first and not is_still
            if layer.trainable and isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, SLOWEST_MOMENTUM)
            _rest(layer, position < first)


def settle(part: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set the statistics of every BatchNormalization to their mean over some batches of pictures.

    With random weights the statistics a network is built with fit nothing: in inference mode its features shrink block
    by block to a constant, and no head can learn from them. Call it before anything is frozen.

    Args:
        part: what `trainable_part` returned.
        batches: pictures as the network sees them, each of shape (batch, image_size, image_size, 3).
    """
    layers = [layer for layer in part.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for seen, pictures in enumerate(batches if layers else ()):
        for layer in layers:
            layer.momentum = seen / (seen + 1)  # a running mean with equal weights
        part(pictures, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _rest(layer: keras.layers.Layer, frozen: bool) -> None:
    """Switch a frozen layer's dropout off: what is frozen gives the same features for the same picture, every time."""
    if hasattr(layer, "rate") and hasattr(layer, "seed_generator"):
        layer.awake_rate = getattr(layer, "awake_rate", layer.rate)
        layer.rate = 0.0 if frozen else layer.awake_rate
