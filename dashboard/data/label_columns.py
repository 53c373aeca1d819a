"""What the columns of a label file could be, by what stands in them; words of the header help."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dashboard.data import names
from dashboard.data.labels import SPLIT_FOLDERS

CLASS_WORDS = {
    **dict.fromkeys(("class", "classname", "label", "labels", "category", "species", "breed"), 3),
    **dict.fromkeys(("target", "tag", "tags", "diagnosis", "dx"), 2),
    **dict.fromkeys(("genus", "type", "kind", "y"), 1),
}
GROUP_WORDS = {
    *("patient", "subject", "video", "series", "group", "participant", "person", "individual", "animal"),
    *("clip", "scene", "specimen", "session", "lesion"),
}
SPLIT_WORDS = {"split", "set", "subset", "partition", "fold"}
OTHER_WORDS = {
    *("image", "images", "img", "file", "filename", "filepath", "path", "picture", "photo", "id", "name"),
    "url",
}
HEADER_WORDS = {*CLASS_WORDS, *GROUP_WORDS, *SPLIT_WORDS, *OTHER_WORDS}
MARKS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}  # of a column that stands for one class
MOST_VALUES = 5_000  # different ones counted in a column that no word of the header makes a group
MOST_GROUPED = 3  # columns of which every value is counted, so that memory stays bounded
ONE_HOT_ROWS = 0.9  # of the rows have exactly one 1


@dataclass
class Values:
    """What stands in one column, gathered row by row."""

    name: str
    grouped: bool  # by its name
    filled: int = 0
    decimals: int = 0
    marks: int = 0
    different: set[str] = field(default_factory=set)
    many: bool = False  # more different ones than are counted

    def add(self, cell: str) -> None:
        if not cell:
            return
        self.filled += 1
        if cell.lower() in MARKS:
            self.marks += 1
        elif not cell.isalpha() and re.fullmatch(r"[-+]?\d*[.,]\d+(e[-+]?\d+)?", cell, re.IGNORECASE):
            self.decimals += 1
        if not self.many:
            self.different.add(cell)
            self.many = len(self.different) > MOST_VALUES and not self.grouped

    @property
    def repeated(self) -> bool:
        """Whether a value stands for two rows or more on average."""
        return not self.many and 2 <= 2 * len(self.different) <= self.filled

    @property
    def only_marks(self) -> bool:
        return 0 < self.marks == self.filled


def words(name: str) -> set[str]:
    """`className`, `class_name` and `Class name` are the words class and name."""
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def gather(column_names: Sequence[str]) -> list[Values]:
    """Empty columns of these names; of those named for groups only the first few count every value."""
    grouped = [name for name in column_names if words(name) & GROUP_WORDS][:MOST_GROUPED]
    return [Values(name, name in grouped) for name in column_names]


def named(header: Sequence[str] | None, width: int) -> list[str]:
    """A name for each column, each another one: of the header as far as it goes, `Column 3` where it does not."""
    result: list[str] = []
    for number in range(1, width + 1):
        given = header[number - 1] if header is not None and number <= len(header) else ""
        name = names.shown(given) if given else f"Column {number}"
        result.append(name if name not in result else f"{name} ({number})")
    return result


def split_column(columns: Sequence[Values]) -> int | None:
    """The column that says train, validation or test in each of its cells."""
    for index, column in enumerate(columns):
        known = {value.strip().lower() in SPLIT_FOLDERS for value in column.different}
        hinted = bool(words(column.name) & SPLIT_WORDS)
        if known == {True} and not column.many and (len(column.different) > 1 or hinted):
            return index
    return None


def group_column(columns: Sequence[Values], classes: int) -> int | None:
    """A column named for what must not be torn apart, of more values than there are classes and fewer than rows."""
    for index, column in enumerate(columns):
        if column.grouped and max(1, classes) < len(column.different) < column.filled:
            return index
    return None


def class_column(columns: Sequence[Values]) -> tuple[int | None, str]:
    """The column of the classes, or None and what speaks against choosing one."""
    hinted = [(_strength(column), -index) for index, column in enumerate(columns) if _may_be_class(column, hinted=True)]
    if hinted:
        return -max(hinted)[1], ""
    plain = [index for index, column in enumerate(columns) if _may_be_class(column, hinted=False)]
    if len(plain) == 1:
        return plain[0], ""
    if plain:
        listed = ", ".join(f"'{columns[index].name}'" for index in plain)
        return None, f"Several columns may hold the classes: {listed}. Choose one."
    return None, "No column looks like classes: few different words, each in several rows. Choose one."


def _may_be_class(column: Values, *, hinted: bool) -> bool:
    if column.many or column.decimals or not column.different:
        return False
    if hinted:
        return bool(words(column.name) & set(CLASS_WORDS)) and len(column.different) < max(2, column.filled)
    return column.repeated and len(column.different) > 1 and not column.grouped


def _strength(column: Values) -> tuple[int, int]:
    """By its words; of two such columns, `class_id` and `class_name`, the one of words."""
    said = words(column.name)
    letters = any(any(letter.isalpha() for letter in value) for value in column.different)
    return int(letters) - int("id" in said), max(CLASS_WORDS.get(word, 0) for word in said)


def one_hot(columns: Sequence[Values], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The columns of which each stands for a class and exactly one is 1 in a row; none when there are no such columns.

    Args:
        columns: all of the file.
        rows: some of them, by which it is judged.
    """
    marked = tuple(index for index, column in enumerate(columns) if column.only_marks)
    if len(marked) < 2 or not rows:
        return ()
    single = sum(sum(MARKS.get(row[index].lower(), 0) for index in marked) == 1 for row in rows)
    return marked if single >= ONE_HOT_ROWS * len(rows) else ()


def could_be(index: int, columns: Sequence[Values], picture: int | None, marked: Sequence[int]) -> tuple[str, ...]:
    """Of picture, class, split and group what a column may be; one may be nothing of them, and several."""
    if index == picture:
        return ("picture",)
    column = columns[index]
    found = []
    if index in marked or _may_be_class(column, hinted=True) or _may_be_class(column, hinted=False):
        found.append("class")
    if split_column([column]) == 0:
        found.append("split")
    if column.grouped and group_column([column], 1) == 0:
        found.append("group")
    return tuple(found)
