"""What is wrong with a dataset as a whole or with a class of it, one function a reason."""

import pandas as pd

from dashboard.data import findings, spelling, tells
from dashboard.data.findings import Evidence

IMBALANCE = 10.0  # largest class to smallest
FEW = 10  # pictures of a class


def imbalance(evidence: Evidence) -> pd.DataFrame:
    counts = evidence.members["class_name"].value_counts()
    found = counts[counts * IMBALANCE < counts.max()]
    reasons = (
        f"{_pictures(count)}; '{counts.index[0]}' has {counts.max():,}, {counts.max() / count:.0f} times as many."
        for count in found
    )
    return findings.of_classes(found.index, reasons, counts.max() / found)


def few(evidence: Evidence) -> pd.DataFrame:
    counts = evidence.members["class_name"].value_counts()
    found = counts[counts < FEW]
    reasons = (f"{_pictures(count)}; below {FEW} what is measured on a class is chance." for count in found)
    return findings.of_classes(found.index, reasons, found.astype(float))


def _pictures(count: int) -> str:
    return f"{count:,} picture{'s' if count != 1 else ''}"


def file_gives_away(evidence: Evidence) -> pd.DataFrame:
    members = evidence.members
    size = members["width"].astype(str) + " x " + members["height"].astype(str)
    ratio = (members["width"] / members["height"]).round(2).astype(str)
    features = {
        "file format": members["format"],
        "colour mode": members["mode"],
        "size in pixels": size,
        "width in pixels": members["width"].astype(str),
        "height in pixels": members["height"].astype(str),
        "ratio of sides": ratio,
        "number of bytes a pixel": tells.binned(_compression(members)),
    }
    return _tells(members, features)


def _compression(members: pd.DataFrame) -> pd.Series:
    """Bytes a pixel where they depend on a chosen quality; in the other formats they follow from what is shown."""
    return (members["size"] / (members["width"] * members["height"])).where(members["format"].isin(["JPEG", "WEBP"]))


def light_gives_away(evidence: Evidence) -> pd.DataFrame:
    members = evidence.members
    features = {name: tells.binned(findings.numbers(members, name)) for name in ("brightness", "contrast")}
    if evidence.borders is not None:
        features["brightness of the border"] = tells.binned(evidence.borders)
    return _tells(members, features)


def _tells(members: pd.DataFrame, features: dict[str, pd.Series]) -> pd.DataFrame:
    """For each class that is given away the feature that does it best."""
    found: dict[str, tuple[str, tells.Tell]] = {}
    for name, feature in features.items():
        for tell in tells.found(members["class_name"], feature):
            if tell.class_name not in found or tell.accuracy > found[tell.class_name][1].accuracy:
                found[tell.class_name] = name, tell
    reasons = (
        f"The {name} alone tells this class from the others with {tell.accuracy:.0%} accuracy (50% is chance): "
        f"{tell.share:.0%} of it have {tell.level}, of the others {tell.share_of_others:.0%}."
        for name, tell in found.values()
    )
    return findings.of_classes(found, reasons, (tell.accuracy for _, tell in found.values()))


def similar_names(evidence: Evidence) -> pd.DataFrame:
    counts = evidence.members["class_name"].value_counts()
    found = spelling.alike(list(counts.index))
    reasons = (
        f"'{first}' ({counts[first]:,}) and '{second}' ({counts[second]:,}): {why}." for first, second, why in found
    )
    return findings.of_classes(
        [first for first, _, _ in found], reasons, [float(counts[second]) for _, second, _ in found]
    )


def _of_remarks(evidence: Evidence, duplicates: bool) -> pd.DataFrame:
    remarks = evidence.remarks
    if remarks is None:
        return findings.of_classes([], [], [])
    rows = remarks[remarks["refused"].astype(bool) & (remarks["code"].str.startswith("duplicate") == duplicates)]
    return findings.of_pictures(rows, rows["reason"], [float("nan")] * len(rows))


def duplicates(evidence: Evidence) -> pd.DataFrame:
    return _of_remarks(evidence, duplicates=True)


def refused(evidence: Evidence) -> pd.DataFrame:
    return _of_remarks(evidence, duplicates=False)
