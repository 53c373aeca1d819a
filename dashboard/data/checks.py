"""What may be wrong with a dataset: one row a check. 100,000 pictures take less than a second."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dashboard.data import checks_of_pictures, checks_of_sets, datasets, signatures
from dashboard.data.datasets import Dataset
from dashboard.data.findings import COLUMNS, Evidence, border_of


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong. `advice` says what to do about its findings."""

    name: str
    title: str
    advice: str
    function: Callable[[Evidence], pd.DataFrame]


CHECKS = {
    row.name: row
    for row in (
        Check(
            "refused",
            "Could not be read",
            "Copy or save these files again, then add them.",
            checks_of_sets.refused,
        ),
        Check(
            "duplicates",
            "Exactly the same file again",
            "Nothing: the first was taken, the others were not.",
            checks_of_sets.duplicates,
        ),
        Check(
            "two-classes",
            "The same picture under two labels",
            "Decide which label is right, and remove the other picture.",
            checks_of_pictures.two_classes,
        ),
        Check(
            "near-duplicates",
            "Near-duplicates",
            "Keep them on one side of the split, or keep one of each.",
            checks_of_pictures.near_duplicates,
        ),
        Check(
            "two-sides",
            "Near-duplicates on two sides of the split",
            "Split anew with near-duplicates kept together.",
            checks_of_pictures.two_sides,
        ),
        Check(
            "small",
            "Smaller than the network looks at",
            "Find larger ones, or choose a smaller image size.",
            checks_of_pictures.too_small,
        ),
        Check(
            "odd-shape",
            "Odd sizes and shapes",
            "Look whether they belong here: the network sees them squeezed into a square.",
            checks_of_pictures.odd_shapes,
        ),
        Check(
            "dark",
            "Very dark",
            "Look whether anything can be seen, and remove those in which not.",
            checks_of_pictures.dark,
        ),
        Check(
            "bright",
            "Very bright",
            "Look whether anything can be seen, and remove those in which not.",
            checks_of_pictures.bright,
        ),
        Check(
            "blurred",
            "Blurred",
            "Look whether the object can be told, and remove those in which not.",
            checks_of_pictures.blurred,
        ),
        Check(
            "uniform",
            "Nearly one colour",
            "Remove those that show nothing.",
            checks_of_pictures.uniform,
        ),
        Check(
            "imbalance",
            "Much smaller than the largest class",
            "Add pictures of it, and read its own figures beside the accuracy.",
            checks_of_sets.imbalance,
        ),
        Check(
            "few",
            "Very few pictures",
            "Add pictures; some tens of a class are a beginning.",
            checks_of_sets.few,
        ),
        Check(
            "similar-names",
            "Class names that look like one",
            "Merge them if they mean one class; leave them if not.",
            checks_of_sets.similar_names,
        ),
        Check(
            "file-gives-away",
            "The file gives the class away",
            "Save all classes in one format, size and quality, or take them from one source.",
            checks_of_sets.file_gives_away,
        ),
        Check(
            "light-gives-away",
            "Light or border gives the class away",
            "Take pictures of all classes in the same light, and cut off borders.",
            checks_of_sets.light_gives_away,
        ),
    )
}


def findings(dataset: Dataset) -> pd.DataFrame:
    """What every check finds in a version of a dataset, in the order of `CHECKS`.

    Returns:
        Columns check (its title) and those of `data.findings`; of pictures that are in the version.
    """
    members = datasets.looks(dataset)
    signed = signatures.together(signatures.files_of(dataset.id))
    ring = pd.Series(border_of(signed["signature"]), index=signed["sha256"].astype(str))
    evidence = Evidence(
        members,
        datasets.likenesses(dataset),
        pd.Series(members["sha256"].map(ring).to_numpy(), index=members.index) if len(ring) else None,
        datasets.remarks(dataset),
    )
    found = [check.function(evidence).assign(check=check.title) for check in CHECKS.values()]
    together = pd.concat([each for each in found if len(each)] or found, ignore_index=True)
    return together[["check", *COLUMNS]]
