"""Which picture trains, which one decides when to stop, which one is kept for the end."""

import hashlib
import math

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dashboard.core.errors import DatasetError
from dashboard.core.limits import LIMITS
from dashboard.data import allotment, grouping
from dashboard.data.labels import TEST, TRAIN, VALIDATION

SPLITS = (TRAIN, VALIDATION, TEST)


class SplitSettings(BaseModel):
    """How a dataset is divided. Shares are of each class, so every split has the classes in the same proportion."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    validation_share: float = Field(
        0.15,
        gt=0,
        le=0.8,
        description="share of each class that decides when training stops and which weights are kept",
    )
    test_share: float = Field(
        0.15, ge=0, le=0.8, description="share of each class never looked at before the end; 0 for no test split"
    )
    seed: int = Field(0, ge=0, lt=2**31, description="another seed, another division")
    use_given: bool = Field(True, description="keep the division of folders named train, validation and test")
    keep_together: bool = Field(
        True,
        description="look-alikes and named groups stay on one side; on two they would flatter the figures",
    )
    group_by: grouping.Named = Field("", description="what names the group of a picture")
    group_pattern: str = Field("", max_length=200, description="of file names, whose first * is the group")

    @model_validator(mode="after")
    def _name_the_group(self) -> "SplitSettings":
        if self.group_by == "pattern" and "*" not in self.group_pattern:
            raise DatasetError(
                "split-pattern",
                f"A pattern has at least one *, which stands for the name of the group, such as *_frame*; received "
                f"'{self.group_pattern}'.",
            )
        return self

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "SplitSettings":
        if self.validation_share + self.test_share > 0.9:
            raise DatasetError(
                "split-shares",
                f"Validation and test together may take 0.9 of a class, so that something is left to train on; "
                f"received {self.validation_share:g} and {self.test_share:g}.",
            )
        return self


def stratified(members: pd.DataFrame, settings: SplitSettings) -> pd.Series:
    """Divide each class by itself.

    Args:
        members: columns sha256, class_name and, where they are known, given_split (what folders named it for; empty
            where they did not), together (equal where pictures belong together) and kept (the split a picture had
            before others were added; empty for new ones).
        settings: shares and seed.

    Returns:
        A split name for each row, with the index of `members`. It depends on the contents of the pictures and the seed
        only, never on the order of the rows. Each class has at least one picture in each split that is asked for, and
        its share of each to within one picture where what belongs together allows. Rows that belong together have one
        split, unless folders or `kept` say otherwise, or a class consists of too few groups to be divided.

    Raises:
        DatasetError: `dataset-class-too-small`.
    """
    given = members["given_split"] if "given_split" in members else pd.Series("", index=members.index)
    if settings.use_given and _is_a_division(given):
        return _complete(members, given, settings)
    quotas = {
        str(name): _counts(str(name), count, settings) for name, count in members["class_name"].value_counts().items()
    }
    return allotment.allot(_table(members, settings), quotas)


def _table(members: pd.DataFrame, settings: SplitSettings) -> pd.DataFrame:
    """What `allotment` divides. A place is decided by seed and content: a picture added later moves few others."""
    digests = [hashlib.sha256(f"{settings.seed}:{sha}".encode()).digest() for sha in members["sha256"]]
    table = members[["class_name"]].assign(place=[int.from_bytes(digest[:8]) / 2**64 for digest in digests], kept="")
    table["together"] = range(len(members))
    if settings.keep_together and "together" in members:
        table["together"] = members["together"]
    if "kept" in members:
        table["kept"] = members["kept"]
    return table


def _is_a_division(given: pd.Series) -> bool:
    """Whether folders really divide: a lone `train` folder is only a wrapping."""
    names = set(given) - {""}
    return TRAIN in names and len(names) > 1


def _complete(members: pd.DataFrame, given: pd.Series, settings: SplitSettings) -> pd.Series:
    """Keep what the folders say; where a class has no validation picture, take its share from train."""
    splits = given.replace("", TRAIN).astype(object).rename("split")
    has = splits.groupby(members["class_name"]).agg(set)
    lacking = [name for name, found in has.items() if VALIDATION not in found and TRAIN in found]
    open_rows = members[members["class_name"].isin(lacking) & (splits == TRAIN)]
    if len(open_rows):
        counts = open_rows["class_name"].value_counts()
        shares = {str(name): (0, max(1, _rounded(count * settings.validation_share))) for name, count in counts.items()}
        splits.loc[open_rows.index] = allotment.allot(_table(open_rows, settings), shares)
    for class_name, mine in splits.groupby(members["class_name"]):
        if TRAIN not in set(mine):
            raise DatasetError(
                "dataset-class-too-small",
                f"Class '{class_name}' has too few pictures in the train folder; at least 1 must be left there, and 1 "
                "for validation. Add pictures, remove the class, or let the folders' division be ignored.",
            )
    return splits


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


def _counts(class_name: str, images: int, settings: SplitSettings) -> tuple[int, int]:
    """How many pictures of a class go to test and to validation."""
    if images < LIMITS.images_a_class:
        missing = LIMITS.images_a_class - images
        raise DatasetError(
            "dataset-class-too-small",
            f"Class '{class_name}' has {images} picture{'s' if images != 1 else ''}; at least {LIMITS.images_a_class} "
            f"are needed to split it into train, validation and test. Add {missing} more, or remove the class.",
        )
    validation = max(1, _rounded(images * settings.validation_share))
    test = max(1, _rounded(images * settings.test_share)) if settings.test_share else 0
    if validation + test >= images:  # rounding took the last picture to train on
        validation, test = (validation - 1, test) if validation >= test else (validation, test - 1)
    return test, validation


def as_given(members: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """The division a table with columns path and split prescribes, for each row of `members`.

    Raises:
        DatasetError: `split-file-...`, naming the first path or name that is wrong and how many more are.
    """
    if not {"path", "split"} <= set(table.columns):
        found = ", ".join(map(str, table.columns))
        raise DatasetError("split-file-columns", f"A split file has the columns path and split; received {found}.")
    _refuse("split-file-duplicate", "named more than once", table["path"][table["path"].duplicated()])
    names = table["split"][~table["split"].isin(SPLITS)]
    _refuse("split-file-name", f"no split; expected one of {', '.join(SPLITS)}", names)
    _refuse("split-file-unknown", "not in the dataset", table["path"][~table["path"].isin(members["path"])])
    _refuse(
        "split-file-missing",
        "in the dataset but not in the file",
        members["path"][~members["path"].isin(table["path"])],
    )
    chosen = members["path"].map(table.set_index("path")["split"]).rename("split")
    for class_name, mine in chosen.groupby(members["class_name"]):
        for needed in (TRAIN, VALIDATION):
            if needed not in set(mine):
                raise DatasetError(
                    "split-file-incomplete",
                    f"Class '{class_name}' has no picture in {needed}; every class needs at least one in train and one "
                    "in validation.",
                )
    return chosen


def _refuse(code: str, what: str, wrong: pd.Series) -> None:
    if len(wrong):
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DatasetError(code, f"'{wrong.iloc[0]}'{more}: {what}. Correct the split file and give it again.")
