"""Which pictures belong together, so that they may not stand on two sides of a split."""

import re
from typing import Literal

import numpy as np
import pandas as pd

Named = Literal["", "last number", "first underscore", "folder", "pattern"]
NAMED: dict[str, str] = {
    "": "the groups of the label file, if there are any",
    "last number": "the file's name without its last number: video3_0012 and video3_0013 are one group",
    "first underscore": "the file's name up to its first underscore: patient7_left and patient7_right are one group",
    "folder": "the folder the file lies in",
    "pattern": "a pattern for the file's name, whose first * is the group: *_frame*",
}
EXPRESSIONS = {"last number": r"^(.*?)[0-9]+[^0-9]*$", "first underscore": r"^([^_]+)_"}


def named(members: pd.DataFrame, by: str, pattern: str = "") -> pd.Series:
    """The group each picture is named for; empty where it is named for none.

    Args:
        members: columns path and group_name.
        by: one of `NAMED`.
        pattern: for `pattern`: text that is taken literally, and `*` for any text.

    Returns:
        Text, with the index of `members`. Pictures of different folders never share a group that a file's name gave.
    """
    if by == "":
        return members["group_name"]
    parts = members["path"].str.rpartition("/")
    folder, name = parts[0], parts[2].str.replace(r"\.[^.]*$", "", regex=True)
    if by == "folder":
        return folder
    if by == "pattern":
        pieces = re.sub(r"\*+", "*", pattern).split("*")
        found = pd.Series([_matched(text, pieces) for text in name], index=members.index, dtype=object)
    else:
        found = name.str.extract(EXPRESSIONS[by], expand=False).fillna("")
    group: pd.Series = (folder + "/" + found).where(found != "", "")
    return group


def _matched(name: str, pieces: list[str]) -> str:
    """What the first `*` between pieces of text stands for, as short as can be; empty where the name does not match.

    No regular expression: a name can be made to keep one busy for hours.
    """
    first, *rest = pieces
    if not rest or not name.startswith(first):
        return ""
    at, group = len(first), ""
    for number, piece in enumerate(rest):
        found = len(name) - len(piece) if number == len(rest) - 1 else name.find(piece, at + (number == 0))
        if found < at + (number == 0) or not name.startswith(piece, found):
            return ""
        group = group or name[at:found]
        at = found + len(piece)
    return group


def together(members: pd.DataFrame, likenesses: pd.DataFrame, group: pd.Series) -> pd.Series:
    """What has to stay on one side: chains of look-alikes, and of pictures that are named for one group.

    Args:
        members: column sha256.
        likenesses: columns sha256_a and sha256_b; pairs of pictures that are not members are left out.
        group: as `named` gives it.

    Returns:
        A number for each row, the same for rows that belong together, with the index of `members`.
    """
    position = pd.Series(np.arange(len(members)), index=members["sha256"])
    position = position[~position.index.duplicated()]
    a = likenesses["sha256_a"].map(position)
    b = likenesses["sha256_b"].map(position)
    inside = a.notna() & b.notna()
    keys = pd.Series(np.arange(len(members)), index=members.index)
    first_of_group = keys.groupby(group).transform("first").where(group != "", keys)
    first_of_picture = members["sha256"].map(position)
    left = np.concatenate([a[inside], keys, keys]).astype(np.int64)
    right = np.concatenate([b[inside], first_of_group, first_of_picture]).astype(np.int64)
    return pd.Series(_components(len(members), left, right), index=members.index, name="together")


def _components(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The smallest number that edges connect each of `count` numbers to."""
    label = np.arange(count)
    while True:
        least = np.minimum(label[left], label[right])
        new = label.copy()
        np.minimum.at(new, left, least)
        np.minimum.at(new, right, least)
        new = new[new]
        if (new == label).all():
            return label
        label = new


def leaked(members: pd.DataFrame, likenesses: pd.DataFrame, group: pd.Series, split: pd.Series) -> int:
    """How many pairs of look-alikes, and of pictures of one named group, stand on two sides.

    Args:
        members, likenesses, group: see `together`.
        split: of each row, with the index of `members`.
    """
    side = pd.Series(split.to_numpy(), index=members["sha256"])
    side = side[~side.index.duplicated()]
    a, b = likenesses["sha256_a"].map(side), likenesses["sha256_b"].map(side)
    alike = int((a.notna() & b.notna() & (a != b)).sum())
    in_group = group != ""
    sizes = group[in_group].groupby(group[in_group]).size()
    same = group[in_group].groupby([group[in_group], split[in_group]]).size()
    return alike + int((sizes * (sizes - 1) // 2).sum() - (same * (same - 1) // 2).sum())
