"""The recipe: everything that decides what a run computes. The form edits it, the run keeps it, the CLI reads it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dashboard.core import formula
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.backbones import BACKBONES, Backbone
from dashboard.core.errors import BackboneError, RecipeError
from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.schedules import SCHEDULES
from dashboard.core.steering import MORE_EPOCHS, Steer

FEATURE_EXTRACTION = "feature extraction"
FINE_TUNING = "fine-tuning"

SCRATCH = {"epochs": 1, "fine_tune_epochs": 10, "fine_tune_learning_rate": 1e-3, "train_batch_normalization": True}
OTHER_WEIGHTS = {"weights_file": None, "keep_head": False}  # what goes with a weights file

WeightsSource = Literal["imagenet", "formula", "none", "file"]


@dataclass(frozen=True)
class Phase:
    """One call of `fit`: what is trained, how long, how fast."""

    name: str
    epochs: int
    learning_rate: float
    patience: int


class Recipe(BaseModel):
    """One run, before it runs. Every default is the advised value; field descriptions are the form's help texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: str = Field(description="id of the dataset")
    dataset_version: int = Field(1, ge=1, description="version of the dataset")

    backbone: str = Field("MobileNetV2", description="a builder of keras.applications, or AlexNet")
    alpha: float = Field(
        1.0, gt=0, le=2, description="width of MobileNet and MobileNetV2; 1.0 for every other backbone"
    )
    weights: WeightsSource = Field(
        "imagenet",
        description="where the backbone starts: imagenet, formula (comes with Thaw), none (random), or a file",
    )
    weights_file: str | None = Field(None, description="SHA-256 of a weights file taken into the workspace")
    keep_head: bool = Field(
        False,
        description="begin with the head in the weights file too, where its classes are those of the dataset; "
        "off puts a new one on top",
    )
    image_size: int = Field(
        224,
        ge=16,
        le=1024,
        description="side of the square the network sees, in pixels. Larger sees more, costs the square",
    )

    head_width: int = Field(
        0,
        ge=0,
        le=4096,
        description="units of one hidden layer before the classes; 0 for none. More can fit more, and overfit more",
    )
    dropout: float = Field(
        0.2, ge=0, lt=1, description="share of features left out at random in each step; more overfits less"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="how much certainty is taken from the labels; 0.1 helps when some labels are wrong"
    )
    class_weights: bool = Field(
        False, description="count a picture of a rare class for more, so that all classes weigh the same"
    )
    augmentation: tuple[str, ...] = Field(
        (), description="random changes to training pictures, so that fewer pictures go further"
    )
    views: int = Field(
        4,
        ge=1,
        le=64,
        description="how often each training picture is seen by what stays frozen when it is augmented: once as it is, "
        "otherwise changed. More differ more, and take longer to compute",
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how much examples and their labels are mixed in pairs; 0 not at all, 0.2 a little. Overfits less",
    )

    optimizer: str = Field("Adam", description="how weights follow the gradient")
    schedule: str = Field("constant", description="how the learning rate changes during a phase")
    warmup_epochs: float = Field(
        0.0,
        ge=0,
        le=100,
        description="epochs of each phase in which the learning rate grows from almost nothing; helps large rates",
    )
    batch_size: int = Field(32, ge=1, le=1024, description="pictures a step. Larger is steadier and needs more memory")
    epochs: int = Field(
        10, ge=0, le=1000, description="the most passes over the training pictures while the backbone is frozen"
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1, description="step size while the backbone is frozen; ten times less if the loss jumps"
    )
    patience: int = Field(
        5,
        ge=1,
        le=1000,
        description="epochs without a better validation loss before a phase stops and takes its best weights back",
    )
    fine_tune_epochs: int = Field(
        0, ge=0, le=1000, description="the most passes with the upper blocks thawed; 0 leaves the backbone frozen"
    )
    fine_tune_learning_rate: float = Field(
        1e-4, gt=0, le=1, description="step size while fine-tuning; low, or what the backbone knows is lost"
    )
    head_rate_factor: float = Field(
        1.0, ge=0.01, le=100, description="how many times faster the classifier on top learns than the thawed blocks"
    )
    rate_decay: float = Field(
        1.0,
        gt=0,
        le=1,
        description="how fast a thawed block learns compared with the next one above; below 1 the lowest change least",
    )
    gradual_thawing: bool = Field(
        False,
        description="begin with the top block, and thaw the next one below whenever the validation loss stalls",
    )
    unfreeze_from: str | None = Field(
        None, description="lowest block to thaw; empty takes the upper third, or with random weights all of them"
    )
    train_batch_normalization: bool = Field(
        False,
        description="let BatchNormalization of thawed blocks learn; with small batches it forgets what it knew",
    )
    cache: bool = Field(
        True,
        description="compute what stays frozen once a picture and keep it, rounded to 16 bits; without, exactly and in "
        "every epoch anew, with fresh augmentation each time",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="what the frozen part is computed in; auto takes bfloat16 where the processor has it"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="start of every random number; the same seed gives the same run")
    steering: tuple[Steer, ...] = Field(
        (),
        description="what was changed while a run trained; whoever repeats the recipe does it at the same steps",
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> "Recipe":
        row = find_backbone(self.backbone)
        if self.alpha not in row.alphas:
            raise BackboneError(
                "alpha-unknown",
                f"{row.name} comes in alpha {', '.join(map(str, row.alphas))}; received {self.alpha}.",
            )
        if self.image_size < row.smallest_image_size:
            raise BackboneError(
                "image-size-too-small",
                f"{row.name} needs pictures of at least {row.smallest_image_size} pixels a side; "
                f"received {self.image_size}. "
                f"It was trained at {row.image_size}.",
            )
        if self.optimizer not in OPTIMIZERS:
            raise RecipeError(
                "optimizer-unknown", f"The optimizer is one of {', '.join(OPTIMIZERS)}; received '{self.optimizer}'."
            )
        if self.schedule not in SCHEDULES:
            raise RecipeError(
                "schedule-unknown", f"The schedule is one of {', '.join(SCHEDULES)}; received '{self.schedule}'."
            )
        for name in self.augmentation:
            if name not in AUGMENTATIONS:
                raise RecipeError(
                    "augmentation-unknown", f"Augmentations are {', '.join(AUGMENTATIONS)}; received '{name}'."
                )
        if (self.weights == "file") != (self.weights_file is not None):
            raise RecipeError(
                "weights-file-missing", "A weights file belongs to weights 'file', and to no other source of weights."
            )
        if self.weights == "formula" and not formula.fits(self.backbone, self.alpha):
            raise RecipeError(
                "formula-other-network",
                f"The bundled formula weights are for {formula.BACKBONE} {formula.ALPHA}; received "
                f"{self.network_name}. Take that network, or other weights.",
            )
        if self.keep_head and self.weights != "file":
            raise RecipeError(
                "head-without-file", "Only a weights file has a head that could be kept. Switch keep_head off."
            )
        if self.epochs + self.fine_tune_epochs == 0:
            raise RecipeError("no-epochs", "Nothing to train: both phases have 0 epochs. Give one of them at least 1.")
        return self

    @property
    def backbone_row(self) -> Backbone:
        return BACKBONES[self.backbone]

    @property
    def network_name(self) -> str:
        """The backbone as people name it: `MobileNetV2 0.35`; the width is left out where there is only one."""
        return self.backbone if len(self.backbone_row.alphas) == 1 else f"{self.backbone} {self.alpha}"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that have epochs, in order."""
        both = (
            Phase(FEATURE_EXTRACTION, self.epochs, self.learning_rate, self.patience),
            Phase(FINE_TUNING, self.fine_tune_epochs, self.fine_tune_learning_rate, self.patience),
        )
        return tuple(phase for phase in both if phase.epochs)

    @property
    def most_epochs(self) -> int:
        """Epochs all phases can have, with those that were added while the run trained."""
        added = sum(int(each.value or 0) for each in self.steering if each.lever == MORE_EPOCHS)
        return sum(phase.epochs for phase in self.phases) + added

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it, as 64 hex digits: two runs of one digest compute the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def from_scratch(self) -> "Recipe":
        """This recipe for a network that knows nothing: random weights; after at most one epoch everything learns."""
        own = self.backbone_row.scratch
        return self.replace(**{**SCRATCH, **own, **OTHER_WEIGHTS, "weights": "none", "unfreeze_from": None})

    def pretrained(self) -> "Recipe":
        """This recipe starting from ImageNet's weights, with what `from_scratch` changed back at its advised values."""
        changed = (*SCRATCH, *self.backbone_row.scratch, "unfreeze_from")
        advised = {name: Recipe.model_fields[name].default for name in changed}
        return self.replace(**{**advised, **OTHER_WEIGHTS, "weights": "imagenet"})

    def with_formula(self) -> "Recipe":
        """This recipe on the bundled weights, which need nothing from elsewhere, at the size they were learned at."""
        network = {"backbone": formula.BACKBONE, "alpha": formula.ALPHA, "image_size": formula.IMAGE_SIZE}
        advised = {name: Recipe.model_fields[name].default for name in SCRATCH} if self.weights == "none" else {}
        return self.replace(**{**advised, **OTHER_WEIGHTS, **network, "weights": "formula", "unfreeze_from": None})

    def replace(self, **changes: Any) -> "Recipe":
        """This recipe with some fields changed, validated anew."""
        return recipe_from({**self.model_dump(), **changes})


def find_backbone(name: str) -> Backbone:
    """The row of a backbone.

    Raises:
        BackboneError: there is none of this name.
    """
    if name not in BACKBONES:
        near = [known for known in BACKBONES if known.lower() == name.lower()]
        hint = f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(sorted(BACKBONES))}."
        raise BackboneError("backbone-unknown", f"There is no backbone '{name}'. {hint}")
    return BACKBONES[name]


def recipe_from(values: dict[str, Any]) -> Recipe:
    """Validate plain values.

    Raises:
        RecipeError: a field is unknown or out of range; the message names field, expectation and value.
        BackboneError: the backbone, its alpha or the image size does not exist.
    """
    try:
        return Recipe(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecipeError("recipe-invalid", f"{field}: {first['msg']}; received {first['input']!r}.") from error


def read_recipe(path: Path) -> dict[str, Any]:
    """The values of a recipe file: either a bare recipe or a run's `recipe.json`.

    Raises:
        RecipeError: not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(
            "recipe-unreadable", f"{path.name} is not a readable JSON file; expected a recipe."
        ) from error
    if not isinstance(values, dict):
        raise RecipeError("recipe-unreadable", f"{path.name} holds {type(values).__name__}; expected a JSON object.")
    return dict(values.get("recipe", values))
