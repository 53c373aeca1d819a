"""The weights that come with the program: a backbone that learned from pictures drawn by formulas, and no photograph.

How they were made: `pretraining/README.md`. What they are worth: the card beside the file.
"""

from pathlib import Path

BACKBONE, ALPHA = "MobileNetV2", 0.35
IMAGE_SIZE = 96  # pixels a side they were learned at; any other from 32 up works
FILE = Path(__file__).resolve().parents[1] / "ml" / "shipped" / "mobilenet_v2_0.35_formula.weights.h5"
SHA256 = "e88db1603575dfcfe56c827ad920794cdeeaf9f616fe9b4970c89727b9b90cf8"

# Accuracy of a linear classifier on frozen features at 96 pixels, five folds: random, these, ImageNet's weights; from
# `make bench`.
MEASURED = {
    "flowers_small": (0.365, 0.655, 0.780),
    "trashnet_third": (0.407, 0.710, 0.717),
}


def fits(backbone: str, alpha: float) -> bool:
    """Whether there are such weights for this network."""
    return (backbone, alpha) == (BACKBONE, ALPHA)


def beside_imagenet() -> str:
    """What ImageNet's weights would give, in a sentence with what was measured."""
    random, own, imagenet = (
        100 * sum(each[position] for each in MEASURED.values()) / len(MEASURED) for position in range(3)
    )
    return (
        f"On photographs, a linear classifier on them was right {own:.0f} times in a hundred; with ImageNet's weights "
        f"{imagenet:.0f} times, with random ones {random:.0f} times."
    )
