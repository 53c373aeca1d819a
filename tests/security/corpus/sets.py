"""Folders and archives whose pictures are fine and whose layout is odd."""

from collections.abc import Callable
from pathlib import Path

from tests.making import folder_of, picture
from tests.security.corpus.cases import BOTH, HONEST, Case, Row, file_of, refused
from tests.security.corpus.zip_bytes import Part, zip_bytes

Files = dict[str, bytes]


def zipped(files: Files) -> Callable[[Path], Path]:
    return file_of(zip_bytes([Part(name, data) for name, data in files.items()]))


def under(prefix: str, files: Files) -> Files:
    return {f"{prefix}/{name}": data for name, data in files.items()}


def several(count: int, seed: int, folder: str = "") -> Files:
    return {f"{folder}{number}.png": picture(seed + number) for number in range(count)}


def parts(**folders: int) -> Files:
    """Two classes in each folder of a split, with so many pictures each."""
    found: Files = {}
    for order, (folder, count) in enumerate(folders.items()):
        for kind, name in enumerate(("a", "b")):
            found |= several(count, 20_000 + 1_000 * order + 100 * kind, f"{folder}/{name}/")
    return found


def split_case(
    name: str, files: Files, taken: dict[str, int], splits: dict[str, int], rows: tuple[Row, ...] = ()
) -> Case:
    return Case(name, zipped(files), taken=taken, splits=splits, rows=rows)


def with_folders(files: Files, *folders: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = folder_of(files, folder / "set")
        for name in folders:
            (root / name).mkdir(parents=True)
        return root

    return make


SAME = {"roses/again.png": HONEST["roses/0.png"], "tulips/other.png": HONEST["roses/1.png"]}

CASES = [
    refused("one class", "dataset-one-class", zipped(several(5, 21_000, "roses/"))),
    refused("one class, wrapped", "dataset-one-class", zipped(several(5, 21_000, "set/data/roses/"))),
    refused(
        "one class and clutter",
        "dataset-one-class",
        zipped(several(5, 21_000, "roses/") | {"b/.DS_Store": b"x", "c/Thumbs.db": b"x"}),
    ),
    refused(
        "one class and a folder of text",
        "dataset-one-class",
        zipped(several(5, 21_000, "roses/") | {"notes/a.txt": b"x"}),
    ),
    refused("a class with one picture", "dataset-class-too-small", zipped(HONEST | several(1, 21_000, "zebra/"))),
    refused("a class with two pictures", "dataset-class-too-small", zipped(HONEST | several(2, 21_000, "zebra/"))),
    refused(
        "a class of one picture three times",
        "dataset-class-too-small",
        zipped(HONEST | {f"zebra/{n}.png": picture(21_001) for n in range(3)}),
    ),
    refused(
        "all pictures are the same",
        "dataset-one-class",
        zipped({f"{name}/{n}.png": picture(21_002) for name in "ab" for n in range(5)}),
    ),
    refused(
        "two classes of the same pictures",
        "dataset-one-class",
        zipped({f"{name}/{n}.png": picture(21_100 + n) for name in "ab" for n in range(5)}),
    ),
    refused("pictures at the root", "dataset-no-classes", zipped(several(6, 21_000))),
    refused("pictures at the root of a wrapping folder", "dataset-one-class", zipped(several(6, 21_000, "set/"))),
    refused("nothing", "dataset-empty", zipped({})),
    refused("only text", "dataset-empty", zipped({"a/1.txt": b"x", "b/2.txt": b"y"})),
    refused("only broken pictures", "dataset-empty", zipped({"a/1.jpg": b"x", "b/2.jpg": b"y"})),
    refused("only dot files", "dataset-empty", zipped(under(".hidden", HONEST))),
    refused("empty folder", "dataset-empty", with_folders({}, "roses", "tulips")),
    Case("empty class folders", with_folders(HONEST, "zebra", "yak/deep/er"), taken=BOTH),
    Case(
        "some pictures at the root",
        zipped(HONEST | several(2, 21_000)),
        taken=BOTH,
        rows=(Row("first", "0.png", "no-class-folder"), Row("second", "1.png", "no-class-folder")),
    ),
    Case("six levels deep", zipped(under("a/b/c/d/e/f", HONEST)), taken=BOTH),
    Case(
        "classes at different depths",
        zipped(several(3, 21_000, "roses/red/2024/spring/") | several(3, 21_100, "tulips/")),
        taken=BOTH,
    ),
    Case(
        "same picture again",
        zipped(HONEST | SAME),
        taken=BOTH,
        rows=(
            Row("same class", "roses/again.png", "duplicate"),
            Row("two classes", "tulips/other.png", "duplicate-two-classes"),
        ),
    ),
    Case(
        "Cat, cat and cat with a space",
        zipped(several(3, 21_000, "Cat/") | several(3, 21_100, "cat/") | several(3, 21_200, "cat /")),
        taken={"Cat": 3, "cat": 3, "cat ": 3},
    ),
    split_case("train and test", parts(train=8, test=2), {"a": 10, "b": 10}, {"train": 14, "validation": 2, "test": 4}),
    split_case(
        "train, val and test, wrapped",
        under("set/x", parts(train=6, val=2, test=2)),
        {"a": 10, "b": 10},
        {"train": 12, "validation": 4, "test": 4},
    ),
    split_case(
        "Train, Validation and EVAL",
        parts(Train=6, Validation=2, EVAL=2),
        {"a": 10, "b": 10},
        {"train": 12, "validation": 4, "test": 4},
    ),
    split_case("only train", parts(train=10), {"a": 10, "b": 10}, {"train": 12, "validation": 4, "test": 4}),
    split_case(
        "only val and test", parts(val=5, test=5), {"a": 10, "b": 10}, {"train": 12, "validation": 4, "test": 4}
    ),
    split_case(
        "train is a class",
        several(5, 22_000, "train/") | several(5, 22_100, "plane/"),
        {"train": 5, "plane": 5},
        {"train": 6, "validation": 2, "test": 2},
    ),
    split_case(
        "train and test are the classes",
        several(5, 22_000, "train/") | several(5, 22_100, "test/"),
        {"train": 5, "test": 5},
        {"train": 6, "validation": 2, "test": 2},
    ),
    refused(
        "a class only in test",
        "dataset-class-too-small",
        zipped(parts(train=8, test=2) | several(3, 22_300, "test/c/")),
    ),
    split_case(
        "one picture in train and test",
        parts(train=8, test=2) | {"test/a/again.png": parts(train=1)["train/a/0.png"]},
        {"a": 10, "b": 10},
        {"train": 14, "validation": 2, "test": 4},
        (Row("again", "test/a/again.png", "duplicate"),),
    ),
    split_case(
        "a split folder without classes",
        parts(train=8, test=2) | several(2, 22_500, "val/"),
        {"a": 10, "b": 10},
        {"train": 14, "validation": 2, "test": 4},
        (Row("first", "val/0.png", "no-class-folder"), Row("second", "val/1.png", "no-class-folder")),
    ),
    split_case(
        "a folder beside the splits",
        parts(train=8, test=2) | several(3, 22_600, "extra/"),
        {"train": 16, "test": 4, "extra": 3},
        {},
    ),
]
