"""Many heads trained at once: one model with an axis more, in which each is trained as it would be alone.

The losses of the heads are added up, so that no gradient of one reaches another, and the optimizers of the recipe work
on every number by itself: what comes out is what as many separate trainings would have given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from dashboard.core.recipe import Recipe
from dashboard.core.schedules import learning_rate
from dashboard.ml import rates

AT_ONCE = 32_000_000  # numbers held at the same time while predicting
TENTHS = 10
SAY = 20  # steps between two signs of life


@dataclass(frozen=True)
class Trained:
    """Heads after training, on pictures they have seen or not.

    Attributes:
        probabilities: of every picture, float32, shape (heads, pictures, classes).
        losses: mean training loss of every head in each tenth of the training, shape (heads, 10), fewer
            where there were fewer steps; not finite where the loss was not.
    """

    probabilities: np.ndarray
    losses: np.ndarray


class Heads:
    """As the head of `classifier.build`, with an axis for heads in front: a hidden layer or none, dropout, softmax."""

    def __init__(self, recipe: Recipe, heads: int, channels: int, num_classes: int) -> None:
        self.recipe, self.heads = recipe, heads
        sizes = [channels, *([recipe.head_width] if recipe.head_width else []), num_classes]
        rng = np.random.default_rng([recipe.seed, 8])
        self.layers = [
            (keras.Variable(_glorot(rng, heads, *each)), keras.Variable(np.zeros((heads, 1, each[1]), "float32")))
            for each in zip(sizes[:-1], sizes[1:], strict=True)
        ]
        self.variables = [variable for layer in self.layers for variable in layer]
        self.optimizer = rates.optimizer(recipe.optimizer, recipe.learning_rate, {})
        self.optimizer.build(self.variables)

    def logits(self, features: tf.Tensor, *, dropped: float = 0.0) -> tf.Tensor:
        """Args: features: shape (heads, pictures, channels)."""
        x = features
        for position, (kernel, bias) in enumerate(self.layers):
            last = position == len(self.layers) - 1
            if last and dropped:
                x = tf.nn.dropout(x, dropped)
            x = tf.matmul(x, kernel.value) + bias.value
            x = x if last else tf.nn.relu(x)
        return x

    def step(self, features: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Learn from one batch a head; the loss of each head before the change, shape (heads,).

        Args:
            features: shape (heads, batch, channels).
            labels: shares of the classes, shape (heads, batch, classes).
            weights: how much each picture counts, shape (heads, batch); all 1 unless classes are weighed.
        """
        with tf.GradientTape() as tape:
            logits = self.logits(features, dropped=self.recipe.dropout)
            each = tf.nn.softmax_cross_entropy_with_logits(labels, logits) * weights
            losses = tf.reduce_mean(each, axis=1)
            total = tf.reduce_sum(losses)
        values = [variable.value for variable in self.variables]
        self.optimizer.apply(tape.gradient(total, values), self.variables)
        return losses


def _glorot(rng: np.random.Generator, heads: int, inputs: int, outputs: int) -> np.ndarray:
    """As Keras draws the kernel of a dense layer: every head begins with another one."""
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (heads, inputs, outputs)).astype("float32")


def train(
    recipe: Recipe,
    features: np.ndarray,
    labels: np.ndarray,
    drawn: np.ndarray,
    class_weight: np.ndarray,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train heads on training sets of their own, as the recipe says: optimizer, rate and its schedule, batch size,
    dropout, label smoothing, as many epochs as the first phase has. Nothing stops early.

    Args:
        recipe: `epochs` passes over a training set, each in another order.
        features: of all pictures, float32, shape (pictures, channels).
        labels: class indices, shape (pictures,).
        drawn: which pictures each head is trained on, shape (heads, pictures of a training set).
        class_weight: how much a picture of each class counts, shape (classes,).
        on_step: called with steps done and all steps.
    """
    heads = Heads(recipe, len(drawn), features.shape[1], len(class_weight))
    smoothed = np.eye(len(class_weight)) * (1 - recipe.label_smoothing) + recipe.label_smoothing / len(class_weight)
    table, targets = tf.constant(features), tf.constant(smoothed[labels].astype("float32"))
    counted = tf.constant(class_weight[labels].astype("float32"))

    @tf.function(input_signature=[tf.TensorSpec((len(drawn), None), "int32")])  # type: ignore[untyped-decorator]
    def step(chosen: tf.Tensor) -> tf.Tensor:
        return heads.step(tf.gather(table, chosen), tf.gather(targets, chosen), tf.gather(counted, chosen))

    keras.utils.set_random_seed(recipe.seed)
    batches = list(_batches(recipe, drawn))
    warmup = round(recipe.warmup_epochs * len(batches) / max(1, recipe.epochs))
    losses = np.empty((len(batches), len(drawn)))
    for number, chosen in enumerate(batches):
        if number % SAY == 0:
            on_step(number, len(batches))
        heads.optimizer.learning_rate = learning_rate(
            recipe.learning_rate, recipe.schedule, step=number, steps=len(batches), warmup=warmup
        )
        losses[number] = step(tf.constant(chosen)).numpy()
    tenths = np.stack([part.mean(axis=0) for part in np.array_split(losses, min(TENTHS, len(losses)))], axis=1)
    return Trained(_predicted(heads, features), tenths)


def _batches(recipe: Recipe, drawn: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of pictures, int32, shape (heads, batch): every head goes over its own training set in its own order."""
    rng = np.random.default_rng([recipe.seed, 9])
    for _ in range(max(1, recipe.epochs)):
        shuffled = rng.permuted(drawn, axis=1).astype("int32")
        for start in range(0, drawn.shape[1], recipe.batch_size):
            yield shuffled[:, start : start + recipe.batch_size]


def _predicted(heads: Heads, features: np.ndarray) -> np.ndarray:
    """Probabilities of all heads for all pictures."""
    widest = max(features.shape[1], heads.recipe.head_width)
    size = max(1, AT_ONCE // (heads.heads * widest))
    found = []
    for start in range(0, len(features), size):
        same = tf.constant(features[start : start + size])[None]  # the one row of pictures serves all heads
        found.append(tf.nn.softmax(heads.logits(same)).numpy())
    return np.concatenate(found, axis=1)
