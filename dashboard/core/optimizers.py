"""The optimizers on offer. `builder` names an attribute of `keras.optimizers`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Optimizer:
    name: str
    builder: str
    reason: str  # one line for the form
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


OPTIMIZERS = {
    row.name: row
    for row in (
        Optimizer("Adam", "Adam", "works without tuning; the advised choice"),
        Optimizer("AdamW", "AdamW", "Adam with weight decay; a little more regularisation"),
        Optimizer(
            "SGD", "SGD", "plain gradient descent with momentum 0.9; wants a larger learning rate", {"momentum": 0.9}
        ),
        Optimizer("RMSprop", "RMSprop", "what MobileNet and Inception were trained with"),
    )
}
