"""What a run will take, before it starts: arithmetic on what was measured with a few real pictures.

Times are the most a run can take: early stopping may end a phase sooner.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dashboard.core.recipe import FINE_TUNING, Recipe

CHECK_BATCH = 32  # pictures the finished model computes at the same time, whatever the recipe's batch size
# What a step takes however small it is, as a share of a measured step: a cautious guess for sizes nobody measured.
FIXED = 0.2

PREPARING = "Preparing"
COMPUTING = "Computing what stays frozen"
FIRST_PHASE = "First, frozen"
SECOND_PHASE = "Then, thawed"
CHECKING = "Final check"


@dataclass(frozen=True)
class Part:
    """What training costs at one cut; all that learns is above it.

    Seconds are wall time on this machine. A step is a mini-batch of `batch_size` pictures of `image_size` pixels.
    """

    cut: str | None  # the lowest block that learns; None where only the head does
    cached: bool  # what is below is computed once a picture, and kept
    image_size: int
    batch_size: int
    ready_seconds: float  # until the frozen part is ready to compute
    pictures_per_second: float  # of the frozen part, decoding included
    views_per_second: float  # the same for changed pictures
    feature_bytes: int  # of disk for what the frozen part makes of a picture
    trace_seconds: float  # which the first step takes longer than the others, and the first validation
    step_seconds: float
    validation_step_seconds: float
    epoch_seconds: float  # an epoch beside its steps: beginning, checkpoint
    memory: int  # peak of resident memory of the whole process, in bytes
    memory_a_picture: int  # what a picture more in the batch adds to it
    parameters: int  # that learn
    features: dict[str, Any] = field(default_factory=dict)  # what its features are kept under
    view: dict[str, Any] = field(default_factory=dict)  # the same of a changed view


@dataclass(frozen=True)
class Whole:
    """What every run of a network costs once."""

    image_size: int
    start_seconds: float  # until a new process has imported what it needs
    begin_seconds: float  # building the network, giving it its weights, writing them down
    save_seconds: float
    check_ready_seconds: float  # until the whole network predicts
    check_pictures_per_second: float  # of the whole network on picture files
    memory: int
    memory_a_picture: int
    parameters: int


@dataclass(frozen=True)
class Measurements:
    """What was measured of one network with one kind of settings; `parts` in any order."""

    blocks: tuple[str, ...]  # names from input to output
    whole: Whole
    parts: tuple[Part, ...]

    def part(self, cut: str | None) -> Part | None:
        return next((part for part in self.parts if part.cut == cut), None)

    def depth(self, cut: str | None) -> int:
        """Blocks that learn."""
        return 0 if cut is None else len(self.blocks) - self.blocks.index(cut)

    def covers(self, recipe: Recipe) -> bool:
        """Whether all phases of a recipe were measured."""
        return all(self.part(cut) for cut in cuts(recipe, self.blocks))


@dataclass(frozen=True)
class Pictures:
    """How many pictures there are, and how many have features already: by cut, one number a view."""

    train: int
    validation: int
    test: int
    kept: Mapping[str | None, tuple[int, ...]] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return self.train + self.validation + self.test

    def missing(self, cut: str | None, view: int) -> int:
        """Pictures without features at a cut; views from 1 are of training pictures alone."""
        kept = self.kept.get(cut, ())
        wanted = self.train if view else self.train + self.validation
        return max(0, wanted - (kept[view] if view < len(kept) else 0))


@dataclass(frozen=True)
class Promise:
    """At most this: seconds by what they go to, peak of memory and disk for features in bytes."""

    seconds: Mapping[str, float]
    memory: int
    disk: int

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def thawed_from(recipe: Recipe, blocks: tuple[str, ...]) -> str:
    """The lowest block that learns in the second phase: the recipe's, or else the start of the upper third; with
    random weights the first of all."""
    advised = blocks[0] if recipe.weights == "none" else upper(blocks, 3)
    return recipe.unfreeze_from or advised


def upper(blocks: tuple[str, ...], share: int) -> str:
    """The block at which the upper third (3) or half (2) of a network starts."""
    return blocks[len(blocks) - max(1, len(blocks) // share)]


def cuts(recipe: Recipe, blocks: tuple[str, ...]) -> tuple[str | None, ...]:
    """Where the phases of a recipe are cut, in their order."""
    return tuple(thawed_from(recipe, blocks) if phase.name == FINE_TUNING else None for phase in recipe.phases)


def promise(recipe: Recipe, measurements: Measurements, pictures: Pictures) -> Promise:
    """What a run of this recipe takes at most.

    Args:
        recipe: its batch size and image size may differ from the measured ones; then times and memory are scaled.
        measurements: of the recipe's network, covering it.
        pictures: of its dataset.
    """
    whole = measurements.whole
    seconds = dict.fromkeys((PREPARING, COMPUTING, FIRST_PHASE, SECOND_PHASE, CHECKING), 0.0)
    memory, disk = _check_memory(recipe, whole), 0
    for phase, cut in zip(recipe.phases, cuts(recipe, measurements.blocks), strict=True):
        part = measurements.part(cut)
        if part is None:
            raise ValueError(f"Nothing was measured at cut {cut}.")
        computing, written = _features(recipe, part, pictures)
        seconds[COMPUTING] += computing
        disk += written
        name = SECOND_PHASE if phase.name == FINE_TUNING else FIRST_PHASE
        stages = _stages(recipe, phase.epochs, measurements.depth(cut))
        seconds[name] += stages * part.trace_seconds + phase.epochs * _epoch(recipe, part, pictures)
        memory = max(memory, _memory(recipe, part))
    phases = len(recipe.phases)
    checked = pictures.all + (phases - 1) * pictures.validation  # between two phases the joined network is checked too
    area = (recipe.image_size / whole.image_size) ** 2
    seconds[PREPARING] = whole.start_seconds + whole.begin_seconds
    seconds[CHECKING] = (
        whole.save_seconds + phases * whole.check_ready_seconds + checked * area / whole.check_pictures_per_second
    )
    return Promise(seconds, memory, disk)


def _features(recipe: Recipe, part: Part, pictures: Pictures) -> tuple[float, int]:
    """Seconds for the features that are not kept yet, and the bytes they will take."""
    if not part.cached:
        return 0.0, 0
    area = (recipe.image_size / part.image_size) ** 2
    views = recipe.views if recipe.augmentation else 1
    plain, changed = pictures.missing(part.cut, 0), sum(pictures.missing(part.cut, view) for view in range(1, views))
    if not plain + changed:
        return 0.0, 0
    computing = area * (plain / part.pictures_per_second + changed / part.views_per_second)
    return part.ready_seconds + computing, math.ceil((plain + changed) * part.feature_bytes * area)


def _epoch(recipe: Recipe, part: Part, pictures: Pictures) -> float:
    """Seconds of one epoch."""
    scale = FIXED + (1 - FIXED) * _load(recipe, part)
    steps, validation_steps = (math.ceil(count / recipe.batch_size) for count in (pictures.train, pictures.validation))
    return part.epoch_seconds + scale * (steps * part.step_seconds + validation_steps * part.validation_step_seconds)


def _stages(recipe: Recipe, epochs: int, depth: int) -> int:
    """How often the network is made ready: once, or anew whenever one more block may be thawed."""
    return min(max(1, depth), 1 + epochs // max(1, recipe.patience // 2)) if recipe.gradual_thawing else 1


def _load(recipe: Recipe, part: Part) -> float:
    """A batch of the recipe against a measured one, by pixels."""
    return recipe.batch_size * recipe.image_size**2 / (part.batch_size * part.image_size**2)


def _memory(recipe: Recipe, part: Part) -> int:
    return math.ceil(part.memory + part.memory_a_picture * part.batch_size * (_load(recipe, part) - 1))


def _check_memory(recipe: Recipe, whole: Whole) -> int:
    area = (recipe.image_size / whole.image_size) ** 2
    return math.ceil(whole.memory + whole.memory_a_picture * CHECK_BATCH * (area - 1))


def part_from(values: Mapping[str, Any]) -> Part:
    """A part from the JSON values of `asdict`."""
    return Part(**{each.name: values[each.name] for each in fields(Part)})


def whole_from(values: Mapping[str, Any]) -> Whole:
    return Whole(**{each.name: values[each.name] for each in fields(Whole)})
