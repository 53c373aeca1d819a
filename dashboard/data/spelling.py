"""Class names that may mean one class."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator

LETTERS = 5  # of a word in which one letter may be a slip


def alike(names: list[str]) -> list[tuple[str, str, str]]:
    """Pairs of names and why they look like one, each pair once, the surest reason first."""
    found: dict[tuple[str, str], str] = {}
    for why, pairs in (
        ("the same letters, written differently", _sharing(names, lambda name: [plain(name)])),
        ("perhaps the plural of the other", _sharing(names, lambda name: [_singular(plain(name))])),
        ("they differ by one letter", _one_letter_apart(names)),
    ):
        for pair in pairs:
            found.setdefault(pair, why)
    return [(first, second, why) for (first, second), why in found.items()]


def plain(name: str) -> str:
    """A name without what does not matter: case, width of letters, spaces, dashes and underscores."""
    return re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _singular(name: str) -> str:
    return re.sub(r"(?<=[^\W\d_])(es|s)$", "", name) if len(name) > 2 else name


def _sharing(names: list[str], keys: Callable[[str], Iterable[Hashable]]) -> list[tuple[str, str]]:
    """The first name with each key beside every other with it."""
    having: dict[Hashable, list[str]] = defaultdict(list)
    for name in names:
        for key in keys(name):
            having[key].append(name)
    return [(having[key][0], other) for key in having for other in having[key][1:]]


def _one_letter_apart(names: list[str]) -> list[tuple[str, str]]:
    """Names of which one has another letter than the other, or one more, in a word of at least `LETTERS`."""
    first = {plain(name): name for name in reversed(names)}
    longer = [
        (first[shorter], name) for name in names for _, shorter in _without_a_letter(plain(name)) if shorter in first
    ]
    return _sharing(list(first.values()), lambda name: set(_without_a_letter(plain(name)))) + longer


def _without_a_letter(name: str) -> Iterator[tuple[int, str]]:
    """Each letter's place in a long word, and the name without it."""
    for word in re.finditer(r"[^\W\d_]+", name):
        if word.end() - word.start() >= LETTERS:
            for place in range(*word.span()):
                yield place, name[:place] + name[place + 1 :]
