"""The augmentations on offer. `layer` names a class of `keras.layers`; its arguments are those a beginner can see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Augmentation:
    """One kind of random change, applied to training pictures only.

    `arguments` are keyword arguments of the layer for pictures in 0..255.
    """

    name: str
    layer: str
    reason: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


AUGMENTATIONS = {
    row.name: row
    for row in (
        Augmentation(
            "flip", "RandomFlip", "mirror images mean the same (not for letters or digits)", {"mode": "horizontal"}
        ),
        Augmentation(
            "rotation", "RandomRotation", "the camera is not always level: up to 15 degrees", {"factor": 15 / 360}
        ),
        Augmentation("zoom", "RandomZoom", "things are nearer or farther: up to 15 %", {"height_factor": 0.15}),
        Augmentation(
            "translation",
            "RandomTranslation",
            "things are not always in the middle: up to 10 %",
            {"height_factor": 0.1, "width_factor": 0.1},
        ),
        Augmentation("brightness", "RandomBrightness", "light changes: up to 20 %", {"factor": 0.2}),
        Augmentation("contrast", "RandomContrast", "haze and glare: up to 20 %", {"factor": 0.2}),
    )
}
