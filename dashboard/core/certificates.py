"""A certificate: whether an exported file, opened by somebody who has nothing else, predicts what the page showed."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashboard.core import files
from dashboard.core.export_formats import ExportFormat
from dashboard.core.metrics import PROBABILITY, probability_columns

VERIFIED, NOT_VERIFIED = "verified", "not verified"
DECODING = (
    "upright by EXIF, RGB, transparency on white; a JPEG with four times the pixels a side that the network sees is "
    "decoded at a half, a quarter or an eighth of its size, by its own cosine transform"
)
VARIES = 0.01  # of a probability; a network whose answers vary by less says the same of every picture


@dataclass(frozen=True)
class Answers:
    """What a fresh process had from an exported file; one row a picture, one column a class of the file's own labels.

    `moved` are the answers to the same pictures with every value moved by one grey level.
    """

    class_names: list[str]
    found: np.ndarray
    moved: np.ndarray
    milliseconds: float  # median for one picture, from its pixels to its probabilities
    runtime: str


@dataclass(frozen=True)
class Certificate:
    """The comparison of one exported file with the page. Differences are of probabilities, shares are 0..1."""

    format: str
    verdict: str
    reason: str  # why it is not verified; empty where it is
    pictures: int
    split: str
    largest_difference: float | None
    tolerance: float
    equal_top_class: float | None
    least_equal_top_class: float
    one_grey_level: float | None  # largest difference when the input moves by one grey level: the noise control
    milliseconds: float | None
    runtime: str
    input: str
    decoding: str = DECODING
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 of each
    differing: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return self.verdict == VERIFIED

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.verified:
            return NOT_VERIFIED
        if self.least_equal_top_class and self.equal_top_class is not None:
            return f"verified: agrees on {round(self.equal_top_class * self.pictures)} of {self.pictures}"
        return "verified: predicts the same"

    @property
    def sentence(self) -> str:
        """What was found, in plain words; no word of a user's."""
        if self.largest_difference is None or self.equal_top_class is None:
            return f"Not verified. {self.reason}"
        same = round(self.equal_top_class * self.pictures)
        return (
            f"{'Verified' if self.verified else 'Not verified'} on {self.pictures} {self.split} pictures: the same "
            f"class for {same}, probabilities differ by at most {_digits(self.largest_difference)} "
            f"({self.tolerance:g} is allowed{self._needed}); moving every pixel by one grey level makes "
            f"{_digits(self.one_grey_level or 0.0)}." + (f" {self.reason}" if self.reason else "")
        )

    @property
    def _needed(self) -> str:
        if not self.least_equal_top_class:
            return ""
        return f", and {math.ceil(self.least_equal_top_class * self.pictures)} must have the same class"

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def read(path: Path) -> Certificate:
    return Certificate(**files.read_json(path))


def judge(
    row: ExportFormat, shown: pd.DataFrame, answers: Answers, *, size: int, digests: dict[str, str]
) -> Certificate:
    """Compare the answers of a file with what the page showed.

    Args:
        row: of the file's format, one with a tolerance.
        shown: rows of a run's predictions, the pictures in the order of the answers.
        answers: classes are matched by their names, so a file with its labels in another order is found out.
        size: pixels a side of what the network sees.
        digests: SHA-256 of the files that were given.
    """
    columns = [PROBABILITY + name for name in answers.class_names]
    if sorted(columns) != sorted(probability_columns(shown)):
        return refused(row, shown, "The file's labels name other classes than the run has.", size=size, digests=digests)
    expected = shown[columns].to_numpy(float)
    difference = _largest(answers.found, expected)
    same = answers.found.argmax(axis=1) == expected.argmax(axis=1)
    tolerance = row.tolerance or 0.0
    reason = _reason(row, answers.found, difference, same)
    wrong = (difference > tolerance) | (~same if row.agreement else False)
    return Certificate(
        format=row.name,
        verdict=NOT_VERIFIED if reason else VERIFIED,
        reason=reason,
        pictures=len(shown),
        split=_splits(shown),
        largest_difference=float(difference.max()),
        tolerance=tolerance,
        equal_top_class=float(same.mean()),
        least_equal_top_class=row.agreement,
        one_grey_level=float(_largest(answers.moved, answers.found).max()),
        milliseconds=answers.milliseconds,
        runtime=answers.runtime,
        input=row.input.format(size=size),
        files=digests,
        differing=_differing(shown[wrong], answers, expected[wrong], np.flatnonzero(wrong), difference),
    )


def refused(row: ExportFormat, shown: pd.DataFrame, reason: str, *, size: int, digests: dict[str, str]) -> Certificate:
    """The certificate of a file that gave no answers to compare."""
    return Certificate(
        format=row.name,
        verdict=NOT_VERIFIED,
        reason=reason,
        pictures=len(shown),
        split=_splits(shown),
        largest_difference=None,
        tolerance=row.tolerance or 0.0,
        equal_top_class=None,
        least_equal_top_class=row.agreement,
        one_grey_level=None,
        milliseconds=None,
        runtime="",
        input=row.input.format(size=size),
        files=digests,
    )


def _largest(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest difference of each row; 1, the largest there is, where a value is no number."""
    largest: np.ndarray = np.nan_to_num(np.abs(one - other), nan=1.0, posinf=1.0).max(axis=1)
    return largest


def _reason(row: ExportFormat, found: np.ndarray, difference: np.ndarray, same: np.ndarray) -> str:
    """Why the file is not verified; empty where it is."""
    count, tolerance = len(found), row.tolerance or 0.0
    if not np.isfinite(found).all():
        return "Some answers are no numbers."
    if np.ptp(found, axis=0).max() < VARIES:
        return f"Every picture got the same answer (within {VARIES:g}), so that nothing can be compared."
    if (far := int((difference > tolerance).sum())) > 0:
        return (
            f"{far} of {count} pictures differ by more than {tolerance:g}, which is the most this format may differ; "
            f"the largest difference is {difference.max():.2g}."
        )
    if same.mean() < row.agreement:
        needed = math.ceil(row.agreement * count)
        return f"{int(same.sum())} of {count} pictures got the same class; at least {needed} are needed."
    return ""


def _digits(value: float) -> str:
    """Two digits, or six decimals, the last one rounded up: float32 has no more."""
    return f"{value:.2g}" if value >= 1e-4 else f"{math.ceil(value * 1e6) / 1e6:.6f}"


def _splits(shown: pd.DataFrame) -> str:
    return " and ".join(dict.fromkeys(shown["split"]))


def _differing(
    shown: pd.DataFrame, answers: Answers, expected: np.ndarray, positions: np.ndarray, difference: np.ndarray
) -> list[dict[str, Any]]:
    """One record a picture that differs: both top classes with their probabilities, and the largest difference."""
    names = answers.class_names
    return [
        {
            "path": picture.path,
            "sha256": picture.sha256,
            "shown": names[int(before.argmax())],
            "shown_probability": float(before.max()),
            "exported": names[int(after.argmax())],
            "exported_probability": float(after.max()),
            "difference": float(difference[position]),
        }
        for picture, before, after, position in zip(
            shown.itertuples(), expected, answers.found[positions], positions, strict=True
        )
    ]
