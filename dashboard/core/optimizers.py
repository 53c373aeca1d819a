"""The optimizers on offer. `builder` names an attribute of `keras.optimizers`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Optimizer:
    name: str
    builder: str
    reason: str  # one line for the form


OPTIMIZERS = {
    row.name: row
    for row in (
        Optimizer("Adam", "Adam", "works without tuning; the advised choice"),
        Optimizer("AdamW", "AdamW", "Adam with weight decay; a little more regularisation"),
        Optimizer("SGD", "SGD", "plain gradient descent with momentum 0.9; wants a larger learning rate"),
        Optimizer("RMSprop", "RMSprop", "what MobileNet and Inception were trained with"),
    )
}
