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
        # In the paper a step takes 0.0005 of the weights into its momentum, which comes to ten times as much. Keras
        # takes the decay beside the momentum.
        Optimizer(
            "SGD with decay",
            "SGD",
            "momentum 0.9 and weight decay, as AlexNet was trained; wants a larger learning rate",
            {"momentum": 0.9, "weight_decay": 0.005},
        ),
        Optimizer("RMSprop", "RMSprop", "what MobileNet and Inception were trained with"),
    )
}
