"""Near-duplicates: pictures that show the same thing, cropped, shifted, edited, saved again or taken a moment later.

They are found from signatures, without decoding a picture again. A mirrored or turned picture is another picture here.
The work is done by a process of its own, `python -m dashboard.data.likeness`, which `search` starts: it takes minutes
of processor where pictures are many, and pages have to be drawn meanwhile.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashboard.core.limits import LIMITS
from dashboard.data import alignment, candidates, child, closeness, parent, side_by_side, signatures

THIS = "dashboard.data.likeness"
COLUMNS = ["sha256_a", "sha256_b", "similarity"]
PAIRS_AT_ONCE = 2_000  # in one line from the process
PART = 1_024  # pairs compared between two words of progress
TWINS = 3  # of each picture's candidates, the most alike, are given a second look: a copy is one of them
FEW = 200  # pictures; they are compared sooner than a process starts

# Of pooled features: distances (1 - cosine) not alike in any set, and those alike as a share of the stranger's.
FEATURES_NEVER, FEATURES_CLOSER = 0.09, 0.25

Progress = Callable[[int, int, str], None]


def pairs(rows: np.ndarray, newest: int | None = None, on_progress: Progress | None = None) -> pd.DataFrame:
    """Find near-duplicates.

    Args:
        rows: `signatures.ROW` of different pictures.
        newest: find only pairs with at least one of the last so many rows.
        on_progress: told what is done of what.

    Returns:
        Columns sha256_a, sha256_b (a < b), similarity (0..1), the most alike first.
    """
    told = on_progress or (lambda done, total, what: None)
    if newest is None or newest >= len(rows):
        found = _compared(rows["signature"], None, told)
    else:
        new = np.arange(len(rows)) >= len(rows) - newest
        near = candidates.found(rows["signature"], new)
        # What is usual among the neighbours of a new picture can be judged only by their own neighbours.
        wanted = new.copy()
        wanted[near["inner"]] = wanted[near["outer"]] = True
        found = _compared(rows["signature"], wanted, told)
    ends = found["inner"].to_numpy(), found["outer"].to_numpy()
    alike = closeness.alike(*ends, 1 - found["similarity"].to_numpy(), len(rows))
    if newest is not None:
        alike &= np.maximum(*ends) >= len(rows) - newest
    return _named(found[alike], rows["sha256"])


def _compared(shown: np.ndarray, wanted: np.ndarray | None, told: Progress) -> pd.DataFrame:
    """Candidates with their similarity."""
    found = candidates.found(shown, wanted, lambda done, total: told(done, total, "Comparing pictures"))
    pairs = found[["inner", "outer"]].to_numpy()
    similarity = np.empty(len(found), np.float32)
    parts = [slice(start, start + PART) for start in range(0, len(found), PART)]
    looks = side_by_side.results(_first_look, [(shown, pairs[part]) for part in parts])
    for part, look in zip(parts, looks, strict=True):
        similarity[part] = look
        told(min(part.stop, len(found)), len(found), "Looking closer")
    again = _twins(pairs, similarity)
    chosen = [again[start : start + PART] for start in range(0, len(again), PART)]
    looks = side_by_side.results(_second_look, [(shown, pairs[those], similarity[those]) for those in chosen])
    for number, (those, look) in enumerate(zip(chosen, looks, strict=True)):
        similarity[those] = look
        told(number + 1, len(chosen), "Looking a second time")
    return found.assign(similarity=similarity)


def _first_look(shown: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return alignment.similarity(shown, pairs[:, 0], pairs[:, 1])


def _second_look(shown: np.ndarray, pairs: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    return alignment.second_look(shown, pairs[:, 0], pairs[:, 1], similarity)


def _twins(pairs: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Positions of the pairs that are among the `TWINS` most alike ones of one of their pictures."""
    most_alike = np.argsort(-similarity, kind="stable")
    ends = pd.DataFrame(pairs[most_alike])
    rank = np.minimum(*(ends.groupby(side).cumcount() for side in ends.columns))
    return np.sort(most_alike[rank < TWINS])


def _named(found: pd.DataFrame, digests: np.ndarray) -> pd.DataFrame:
    ends = np.stack([digests[found["inner"]], digests[found["outer"]]]).astype("U64")
    similarity = found["similarity"].clip(0, 1).astype(float).to_numpy()
    named = pd.DataFrame(
        {
            "sha256_a": np.where(ends[0] < ends[1], ends[0], ends[1]).astype(object),
            "sha256_b": np.where(ends[0] < ends[1], ends[1], ends[0]).astype(object),
            "similarity": similarity,
        }
    )
    return named.sort_values(["similarity", "sha256_a", "sha256_b"], ascending=[False, True, True], ignore_index=True)


def pairs_of_features(shas: list[str], features: np.ndarray) -> pd.DataFrame:
    """Pictures whose pooled features, float (n, d), point much more the same way than those of their neighbours do.

    Beside signatures this adds mirrored pictures. Columns are those of `pairs`; similarity is the cosine.
    """
    values = np.asarray(features, np.float32)
    values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    neighbours = min(closeness.STRANGER + 1, len(values) - 1)
    if neighbours < 1:
        return pd.DataFrame(columns=COLUMNS)
    stranger, found = np.ones(len(values), np.float32), []
    for start in range(0, len(values), candidates.BLOCK):
        cosine = values[start : start + candidates.BLOCK] @ values.T
        mine = np.arange(len(cosine))
        cosine[mine, start + mine] = -1
        if neighbours > closeness.STRANGER:
            stranger[start + mine] = 1 - np.partition(cosine, -neighbours, axis=1)[:, -neighbours]
        inner, outer = np.nonzero(np.triu(cosine, k=start + 1) >= 1 - FEATURES_NEVER)
        found.append(pd.DataFrame({"inner": inner + start, "outer": outer, "similarity": cosine[inner, outer]}))
    together = pd.concat(found, ignore_index=True)
    nearest = np.minimum(stranger[together["inner"]], stranger[together["outer"]])
    return _named(together[1 - together["similarity"] <= FEATURES_CLOSER * nearest], np.array(shas, dtype="S64"))


def search(
    files: list[Path],
    newest: int | None = None,
    on_progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Find near-duplicates, of more than a `FEW` pictures in a process of its own; columns as of `pairs`.

    Args:
        files: of signatures.
        newest: look only for pairs with at least one of the pictures that came last, so many of them.
        on_progress, cancelled: as imports have them.

    Raises:
        UploadError: the process died, took too long or was cancelled.
    """
    rows = signatures.together(files)
    if len(rows) <= FEW:
        return pairs(rows, newest, on_progress)
    job = {"files": [str(path.absolute()) for path in files], "newest": newest}
    found: list[list[Any]] = []
    for message in parent.messages(THIS, job, seconds=LIMITS.child_seconds, cancelled=cancelled):
        if message["kind"] == "pairs":
            found += message["pairs"]
        elif on_progress is not None:
            on_progress(message["done"], message["total"], message["what"])
    return pd.DataFrame(found, columns=COLUMNS)


def work(job: dict[str, Any]) -> None:
    """The process's side: files of signatures in, lines of pairs out."""
    rows = signatures.together(Path(path) for path in job["files"])

    def tell(done: int, total: int, what: str) -> None:
        child.say(kind="progress", done=done, total=total, what=what)

    found = pairs(rows, job["newest"], tell)
    for start in range(0, len(found), PAIRS_AT_ONCE):
        child.say(kind="pairs", pairs=found.iloc[start : start + PAIRS_AT_ONCE].to_numpy().tolist())


if __name__ == "__main__":
    sys.exit(child.answer(work))
