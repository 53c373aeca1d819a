"""A bake-off: which backbones are compared on one's own pictures, and what is known of each afterwards."""

from dataclasses import dataclass

from dashboard.core.recipe import Recipe, WeightsSource

# Rough costs in seconds, to foretell time by; measured on two cores, wrong by a factor of three for some families.
STARTING = 5.0  # the process that computes, once for all
BUILDING = 3.0  # a backbone, and loading its weights
CONVERTING = 4.0  # it for the frozen engine: once to compute features, once to time it
DECODING = 0.003  # a picture
COMPUTING = 0.002  # a picture, for each million parameters and each 224 x 224 pixels
FITTING = 0.006  # all folds, for each picture
TIMED = 192  # pictures


@dataclass(frozen=True)
class Score:
    """What a linear classifier on the frozen features of one backbone is worth, and what the backbone costs."""

    right: int  # pictures, each predicted by a classifier that has not seen it
    count: int  # pictures
    folds: int
    milliseconds: float  # a picture, of the frozen backbone alone, decoding left out
    megabytes: float  # of the weights in memory
    parameters: int  # without a classifier
    precision: str  # the frozen part was computed in
    engine: str  # with its version
    seconds: float  # the whole measurement took; less where features were kept already


def candidate(
    draft: Recipe, backbone: str, alpha: float, image_size: int, weights: WeightsSource = "imagenet"
) -> Recipe:
    """One pretrained backbone on the draft's pictures; what only a head or a phase needs is left as advised.

    A run of the same backbone, width, size and precision has the same features, whatever else its recipe says.

    Raises:
        BackboneError: there is no such backbone or width, or the size is too small for it.
    """
    return Recipe(
        dataset=draft.dataset,
        dataset_version=draft.dataset_version,
        backbone=backbone,
        alpha=alpha,
        image_size=image_size,
        precision=draft.precision,
        weights=weights,
    )


@dataclass(frozen=True)
class Costs:
    """About how many seconds each piece of the work on a candidate takes; for shares and sums, not for promises."""

    building: float
    features: float
    timing: float
    fitting: float

    @property
    def total(self) -> float:
        return self.building + self.features + self.timing + self.fitting


def expected_costs(recipe: Recipe, pictures: int) -> Costs:
    """What a candidate costs whose features are not kept yet."""
    area = (recipe.image_size / 224) ** 2
    computing = COMPUTING * recipe.backbone_row.parameters_at(recipe.alpha) * area
    return Costs(
        building=BUILDING,
        features=CONVERTING + pictures * (DECODING + computing),
        timing=CONVERTING + TIMED * computing,
        fitting=pictures * FITTING,
    )
