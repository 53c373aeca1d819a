"""Pictures that stand out in a dataset, one function a reason. They look at rows, never at a picture."""

import numpy as np
import pandas as pd

from dashboard.data import findings
from dashboard.data.findings import Evidence

MANY = 0.5  # share of a set above which something is told once, of the set
LONGEST = 3.0  # longer side to shorter side
OTHER_SHAPE, OTHER_SIZE = 2.0, 16.0  # times the set's own ratio of sides, and its own number of pixels
RARE = 0.05  # share of a set up to which something differs from it; what is more frequent belongs to it
DARK, BRIGHT = 30.0, 225.0  # mean grey
FAR = 2.5  # robust deviations from the set's own brightness
BLURRED, FAR_BLURRED = 5.0, 3.0  # times less sharp than usual; robust deviations of the logarithm
UNIFORM = 2.5  # contrast, in levels


def too_small(evidence: Evidence) -> pd.DataFrame:
    members, wanted = evidence.members, evidence.image_size
    shorter = members[["width", "height"]].min(axis=1)
    small = shorter < wanted
    if small.mean() > MANY:
        reason = (
            f"{small.mean():.0%} of the pictures are smaller than the {wanted} x {wanted} pixels the network looks at; "
            f"the usual shorter side is {shorter.median():g}. Choose a smaller image size."
        )
        return findings.of_classes([""], [reason], [float(small.mean())])
    rows = members[small]
    reasons = (
        f"{width} x {height} pixels; the network looks at {wanted} x {wanted}, for which it has to be enlarged."
        for width, height in zip(rows["width"], rows["height"], strict=True)
    )
    return findings.of_pictures(rows, reasons, shorter[small].astype(float))


def odd_shapes(evidence: Evidence) -> pd.DataFrame:
    members = evidence.members
    ratio = members[["width", "height"]].max(axis=1) / members[["width", "height"]].min(axis=1)
    pixels = members["width"].astype(float) * members["height"]
    long, other = ratio > LONGEST, _rare(ratio, OTHER_SHAPE)
    large = _rare(pixels, OTHER_SIZE)
    odd = long | other | large
    usual = f"{members['width'].median():g} x {members['height'].median():g}"
    reasons = (
        f"{width} x {height} pixels: "
        + (f"one side is {times:.1f} times the other." if stretched else f"far from the usual {usual}.")
        for width, height, times, stretched in zip(
            members["width"][odd], members["height"][odd], ratio[odd], (long | other)[odd], strict=True
        )
    )
    return findings.of_pictures(members[odd], reasons, ratio[odd])


def _rare(values: pd.Series, times: float) -> pd.Series:
    """What is so many times more or less than the median, if that is rare."""
    apart = np.abs(np.log(values / values.median())) > np.log(times)
    return apart if apart.mean() <= RARE else pd.Series(False, index=values.index)


def dark(evidence: Evidence) -> pd.DataFrame:
    brightness = findings.numbers(evidence.members, "brightness")
    return _of_brightness(evidence, (brightness < DARK) & (findings.deviations(brightness) < -FAR), "dark")


def bright(evidence: Evidence) -> pd.DataFrame:
    brightness = findings.numbers(evidence.members, "brightness")
    return _of_brightness(evidence, (brightness > BRIGHT) & (findings.deviations(brightness) > FAR), "bright")


def _of_brightness(evidence: Evidence, found: pd.Series, word: str) -> pd.DataFrame:
    values = findings.numbers(evidence.members, "brightness")
    usual = values.median()
    reasons = (
        f"Very {word}: its mean grey is {value:.0f} of 255; {usual:.0f} is usual here." for value in values[found]
    )
    return findings.of_pictures(evidence.members[found], reasons, values[found])


def blurred(evidence: Evidence) -> pd.DataFrame:
    sharpness = findings.numbers(evidence.members, "sharpness")
    contrast = findings.numbers(evidence.members, "contrast")
    usual = sharpness.median()
    found = (sharpness * BLURRED < usual) & (contrast >= UNIFORM)
    found &= findings.deviations(np.log(sharpness.clip(lower=1e-3))) < -FAR_BLURRED
    found &= found.mean() <= RARE
    reasons = (f"Blurred: its sharpness is {value:.3g}; {usual:.3g} is usual here." for value in sharpness[found])
    return findings.of_pictures(evidence.members[found], reasons, sharpness[found])


def uniform(evidence: Evidence) -> pd.DataFrame:
    contrast = findings.numbers(evidence.members, "contrast")
    found = contrast < UNIFORM
    reasons = (
        f"Nearly one colour: its grey values differ by {value:.1f} of 255 (standard deviation)."
        for value in contrast[found]
    )
    return findings.of_pictures(evidence.members[found], reasons, contrast[found])


def near_duplicates(evidence: Evidence) -> pd.DataFrame:
    first, second, similarity = _pairs(evidence, "class_name", differing=False)
    reasons = (
        f"Looks like '{path}' ({alike:.0%} alike)." for path, alike in zip(second["path"], similarity, strict=True)
    )
    return findings.of_pictures(first, reasons, similarity)


def two_classes(evidence: Evidence) -> pd.DataFrame:
    first, second, similarity = _pairs(evidence, "class_name", differing=True)
    columns = first["class_name"], second["path"], second["class_name"], similarity
    reasons = (
        f"In '{class_name}', but looks like '{path}' in '{other}' ({alike:.0%} alike)."
        for class_name, path, other, alike in zip(*columns, strict=True)
    )
    return findings.of_pictures(first, reasons, similarity)


def two_sides(evidence: Evidence) -> pd.DataFrame:
    first, second, similarity = _pairs(evidence, "split", differing=True)
    columns = first["split"], second["path"], second["split"], similarity
    reasons = (
        f"In {split}, but looks like '{path}' in {other} ({alike:.0%} alike)."
        for split, path, other, alike in zip(*columns, strict=True)
    )
    return findings.of_pictures(first, reasons, similarity)


def _pairs(evidence: Evidence, column: str, differing: bool) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Members that look like one which has another (or the same) value of a column, and the most alike of those.

    Returns:
        Rows of the members, rows of the others in the same order, and their similarity, the most alike first.
    """
    members, pairs = evidence.members, evidence.likenesses
    places = pd.Index(members["sha256"].drop_duplicates())
    rows = np.flatnonzero(~members["sha256"].duplicated())
    ends = np.stack([places.get_indexer(pairs[end]) for end in ("sha256_a", "sha256_b")])
    known = (ends >= 0).all(axis=0)
    first, second = rows[ends[:, known]]
    values = pd.factorize(members[column])[0]
    chosen = (values[first] != values[second]) == differing
    first, second = first[chosen], second[chosen]
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    similarity = np.tile(pairs["similarity"].to_numpy(dtype=float)[known][chosen], 2)
    order = np.lexsort((first, -similarity))
    _, best = np.unique(first[order], return_index=True)
    order = order[np.sort(best)]
    return members.iloc[first[order]], members.iloc[second[order]], similarity[order]
