"""From the paths of an upload to class names and the split its folders were named for."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.data.names import may_be_picture

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
LAYOUT = "Expected one folder per class, with its pictures inside: roses/1.jpg, tulips/2.jpg"
SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "eval": VALIDATION,
    "evaluation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


@dataclass(frozen=True)
class Label:
    """`class_name` is literal; `given_split` is train, validation, test or empty; a group stays in one split."""

    class_name: str
    given_split: str = ""
    group_name: str = ""


def by_folder(paths: Iterable[str]) -> dict[str, Label]:
    """The label of each path that lies in a class folder.

    Folders that wrap everything are looked through, at any depth, and so are folders that are all named for splits.
    The class is the first folder below those. A path that lies in no class folder is absent from the result.
    """
    split = {path: path.split("/") for path in paths}
    deciding = [parts for path, parts in split.items() if may_be_picture(path)] or list(split.values())
    depth = _wrapping(deciding, 0)
    tops = {parts[depth] for parts in deciding if len(parts) > depth + 1}
    given = given_splits(tops)
    if not given or not any(len(parts) > depth + 2 for parts in deciding):
        return {path: Label(parts[depth]) for path, parts in split.items() if len(parts) > depth + 1}
    inside = [parts for parts in deciding if len(parts) > depth + 2]
    repeated = all(
        parts[depth + 1] == parts[depth] for parts in inside
    )  # seg_train/seg_train/..., seg_test/seg_test/...
    below = _wrapping(inside, depth + 2 if repeated else depth + 1)
    return {
        path: Label(parts[below], given[parts[depth]])
        for path, parts in split.items()
        if len(parts) > below + 1 and parts[depth] in given
    }


def _wrapping(paths: list[list[str]], depth: int) -> int:
    """How many leading folders from `depth` on hold everything and divide nothing."""
    while True:
        tops = {parts[depth] for parts in paths if len(parts) > depth + 1}
        deeper = any(len(parts) > depth + 2 for parts in paths)
        if len(tops) != 1 or not deeper or given_splits(tops):
            return depth
        depth += 1


def given_splits(folders: set[str], *, strictly: bool = True) -> dict[str, str]:
    """What each folder was named for, when every one of them is named for a split; else nothing.

    A word that all of them share may stand before or behind: seg_train, seg_test. `eval` is the validation part, unless
    another folder is: then it is the test part.

    Args:
        folders: or words of a column that names splits.
        strictly: without it, what is named for no split is only left out.
    """
    words = {folder: _split_word(folder.strip().lower()) for folder in folders}
    if strictly:
        if not all(word for word, _ in words.values()) or len({rest for _, rest in words.values()}) > 1:
            return {}
        if len(folders) == 1 and any(rest for _, rest in words.values()):
            return {}
    names = {folder: SPLIT_FOLDERS[word] for folder, (word, _) in words.items() if word}
    evaluations = [folder for folder, (word, _) in words.items() if word.startswith("eval")]
    if len(evaluations) < sum(name == VALIDATION for name in names.values()):
        names |= dict.fromkeys(evaluations, TEST)
    return names


def _split_word(name: str) -> tuple[str, str]:
    """The word of a folder's name that names a split, and the rest of it; two empty strings where there is none."""
    if name in SPLIT_FOLDERS:
        return name, ""
    first, _, after = name.partition("_")
    before, _, last = name.rpartition("_")
    if last in SPLIT_FOLDERS:
        return last, f"{before}_"
    return (first, f"_{after}") if first in SPLIT_FOLDERS else ("", "")
