"""From how alike pairs of pictures are to which of them show the same thing.

In some sets every picture is rather like many others: digits, scans, hands before one wall. So no one threshold
will do. Distances (1 - similarity) are judged by how far away the pictures are that are surely not the same.
"""

import numpy as np
import pandas as pd

ALWAYS, NEVER = 0.004, 0.10  # distances that are alike, and not alike, in any set

# A pair is alike if it is much closer than the neighbour at `STRANGER` is to either of them.
STRANGER = 6  # rank among the candidates of a picture
CLOSER = 0.16  # distance of the pair as a share of that of the stranger

# A burst has no stranger among so many neighbours. A group is alike if the next picture is so many times farther away
# than what holds the group together.
PAIR_APART, GROUP_APART, GROUP = 6.0, 3.0, 5
LARGEST = 0.25  # share of a set; a group of more is what the set is about


def alike(first: np.ndarray, second: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """Which of the compared pairs show the same thing, bool (pairs,).

    Args:
        first, second: positions of the pictures of each pair, below `count`.
        distance: of each pair; that of pairs which were not compared counts as 1.
        count: of pictures.
    """
    strangers = _strangers(first, second, distance, count)
    allowed = np.clip(CLOSER * np.minimum(strangers[first], strangers[second]), ALWAYS, NEVER)
    group = _groups(first, second, distance, count)
    together = (group[first] == group[second]) & (distance <= NEVER)
    result: np.ndarray = (distance <= allowed) | together
    return result


def _strangers(first: np.ndarray, second: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """For each picture the distance of its candidate of the rank `STRANGER`; 1 where there are fewer."""
    both = pd.DataFrame({"id": np.concatenate([first, second]), "distance": np.tile(distance, 2)})
    both = both.sort_values("distance", kind="stable")
    strangers = both[both.groupby("id").cumcount() == STRANGER].set_index("id")["distance"]
    everybody: np.ndarray = strangers.reindex(range(count), fill_value=1.0).to_numpy()
    return everybody


def _groups(first: np.ndarray, second: np.ndarray, distance: np.ndarray, count: int) -> np.ndarray:
    """For each picture the largest group of single linkage that stands apart and has it; its own number if none does.

    The tree of merges is Kruskal's; a group stands apart if it lives long before it merges, as in HDBSCAN.
    """
    root, level, size = list(range(2 * count)), [0.0] * (2 * count), [1] * count + [0] * count
    parent, apart = [-1] * (2 * count), [False] * (2 * count)

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    def judge(node: int, next_one: float) -> None:
        needed = GROUP_APART if size[node] >= GROUP else PAIR_APART
        apart[node] = (
            1 < size[node] <= max(2, LARGEST * count) and level[node] <= NEVER and next_one >= needed * level[node]
        )

    new = count
    near = np.flatnonzero(distance <= PAIR_APART * NEVER)
    for edge in near[np.argsort(distance[near], kind="stable")].tolist():
        one, other, apart_by = find(int(first[edge])), find(int(second[edge])), float(distance[edge])
        if one == other:
            continue
        for node in (one, other):
            judge(node, apart_by)
            root[node] = parent[node] = new
        level[new], size[new] = apart_by, size[one] + size[other]
        new += 1
    for node in range(count, new):
        if parent[node] == -1:
            judge(node, 1.0)
    top = [-1] * new  # of the groups a node is in, the largest that stands apart
    for node in range(new - 1, -1, -1):  # what it was merged into comes first
        above = top[parent[node]] if parent[node] != -1 else -1
        top[node] = above if above != -1 else node if apart[node] else -1
    return np.array([group if group != -1 else node for node, group in enumerate(top[:count])], dtype=np.int64)
