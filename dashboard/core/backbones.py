"""The builders of `keras.applications`, as rows."""

from dataclasses import dataclass
from typing import Literal

Preprocessing = Literal["built_in", "minus_one_to_one", "torch", "caffe"]


@dataclass(frozen=True)
class Backbone:
    """A pretrained network without its classifier. `name` is the attribute of `keras.applications` that builds it."""

    name: str
    family: str  # the module of `keras.applications` it lives in, e.g. "mobilenet_v2"
    image_size: int  # pixels a side its weights were trained at
    smallest_image_size: int  # pixels a side; the builder refuses less
    parameters: float  # millions, without the classifier, at alpha 1.0
    top1: float  # per cent of ImageNet's validation pictures, as Keras publishes it
    top5: float
    preprocessing: Preprocessing
    alphas: tuple[float, ...] = (1.0,)

    @property
    def megabytes(self) -> float:
        """Size of the weights in float32, at alpha 1.0."""
        return self.parameters * 4


BACKBONES = {
    row.name: row
    for row in (
        Backbone("MobileNetV2", "mobilenet_v2", 224, 32, 2.26, 71.3, 90.1, "minus_one_to_one", (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)),
    )
}
