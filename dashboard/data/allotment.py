"""Which split each picture gets when shares of every class are due and some pictures have to stay together.

Groups are placed first, the largest before the others, each where its own place in a random order falls, as long as
there is room for it; single pictures then fill every class to its count exactly.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.data.labels import TEST, TRAIN, VALIDATION

ORDER = (TEST, VALIDATION, TRAIN)
Quotas = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Row:
    """One picture. `place` is a number of a random order, from 0 to 1; `kept` a split, or empty."""

    position: int
    class_name: str
    place: float
    kept: str


Group = list[Row]


def allot(table: pd.DataFrame, quotas: Quotas) -> pd.Series:
    """Divide rows.

    Args:
        table: columns class_name, together (equal for rows that may not be parted), kept (the split it had before, or
            empty) and place (0 to 1, evenly spread).
        quotas: pictures of each class for test and for validation; the others are to train on.

    Returns:
        A split name for each row, with the index of `table`.
    """
    table = table.assign(position=range(len(table)))
    alone = ~table["together"].duplicated(keep=False) & (table["kept"] == "")
    rooms = _Rooms(Counter(table["class_name"]), quotas)
    splits = np.full(len(table), "", dtype=object)
    for group in _groups(table[~alone]):
        splits[[row.position for row in group]] = rooms.take(group)
    for class_name, rows in table[alone].sort_values("place").groupby("class_name"):
        splits[rows["position"]] = rooms.fill(str(class_name), len(rows))
    _close_gaps(table, splits, quotas)
    return pd.Series(splits, index=table.index, dtype=object, name="split")


def _groups(table: pd.DataFrame) -> list[Group]:
    """Rows that belong together: those with a split of before first, then the largest, then by place."""
    found: dict[int, Group] = defaultdict(list)
    columns = (table[name] for name in ("together", "position", "class_name", "place", "kept"))
    for together, position, class_name, place, kept in zip(*columns, strict=True):
        found[together].append(Row(position, class_name, place, kept))
    for group in found.values():
        group.sort(key=lambda row: row.place)
    return sorted(found.values(), key=lambda group: (not any(row.kept for row in group), -len(group), group[0].place))


class _Rooms:
    """How many pictures of each class each split still takes."""

    def __init__(self, counts: Counter[str], quotas: Quotas) -> None:
        self.shares, self.left = {}, {}
        for name, count in counts.items():
            test, validation = quotas[name]
            self.shares[name] = test / count, (test + validation) / count
            self.left[name] = {TEST: test, VALIDATION: validation, TRAIN: count - test - validation}

    def take(self, group: Group) -> str:
        """The split for rows that belong together."""
        needed = Counter(row.class_name for row in group)
        split = _of_before(group) or self._fitting(group[0], needed)
        for name, count in needed.items():
            self.left[name][split] -= count
        return split

    def _fitting(self, first: Row, needed: Counter[str]) -> str:
        test, validation = self.shares[first.class_name]
        wanted = TEST if first.place < test else VALIDATION if first.place < validation else TRAIN
        room = {split: min(self.left[name][split] - count for name, count in needed.items()) for split in ORDER}
        # Where it fits nowhere, it does least harm where most are.
        return wanted if room[wanted] >= 0 else max((TRAIN, VALIDATION, TEST), key=lambda split: room[split])

    def fill(self, name: str, count: int) -> list[str]:
        """The splits of so many single pictures of a class, in the order of their places."""
        splits = [split for split in ORDER for _ in range(max(0, self.left[name][split]))]
        return (splits + [TRAIN] * count)[:count]


def _of_before(group: Group) -> str:
    """Where most of a group were; empty where all are new."""
    kept = Counter(row.kept for row in group if row.kept)
    return max(kept, key=lambda split: (kept[split], ORDER.index(split))) if kept else ""


def _close_gaps(table: pd.DataFrame, splits: np.ndarray, quotas: Quotas) -> None:
    """See that each class has a picture in each split that it is due, whatever the groups took."""
    for name, due in quotas.items():
        wanted = [split for split, count in zip((TEST, VALIDATION), due, strict=True) if count] + [TRAIN]
        for split in wanted:
            mine = table[table["class_name"] == name]
            if split not in splits[mine["position"]]:
                near = table[table["together"].isin(mine["together"])]
                splits[[row.position for row in _to_move(_groups(near), splits)]] = split


def _to_move(groups: list[Group], splits: np.ndarray) -> Group:
    """The smallest group whose going leaves no split of any of its classes empty; else one picture."""
    held = Counter((row.class_name, splits[row.position]) for group in groups for row in group)
    for group in sorted(groups, key=len):
        going = Counter((row.class_name, splits[row.position]) for row in group)
        if all(held[key] > count for key, count in going.items()):
            return group
    rows = (row for group in sorted(groups, key=len, reverse=True) for row in group)
    return [max(rows, key=lambda row: held[row.class_name, splits[row.position]])]
