"""Names of classes and of datasets that mean something to somebody else. They are data and stay as they are."""

import os
from pathlib import Path

from tests.making import classes, folder_of, picture
from tests.security.corpus.cases import Case, Row, file_of
from tests.security.corpus.tars import END, block
from tests.security.corpus.zip_bytes import Part, zip_bytes

CLASSES = (
    "<b>bold</b>".replace("/", "\u2215"),
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)<script>",
    "&lt;b&gt; &amp;",
    "[a](javascript:alert(2))",
    "![a](http:evil.example)",
    "**b** :red[c] `d` :material_home:",
    "# heading",
    "| a | b |",
    "$x^2$",
    "$\\href{javascript:alert(1)}{x}$".replace("\\", "\u2216"),
    "url(http:evil.example)",
    "{{7*7}} ${7*7} %s {0}",
    "'; drop table pictures; --",
    '"quoted"',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=cmd|' C'!A0",
    "007",
    "1e5",
    "1_000",
    "-0",
    "None",
    "NaN",
    "nan",
    "null",
    "NULL",
    "inf",
    "True",
    "false",
    "undefined",
    "train",
    "test",
    "path",
    "class_name",
    "__class__",
    "con",
    "NUL",
    "Cat",
    "cat",
    "cat ",
    " cat",
    "cat.",
    "...".join("ab"),
    "~",
    "$(ls)",
    "-rf",
    "*",
    "a,b;c",
    "a:b",
    "C:x",
    "кот",
    "\u05d7\u05ea\u05d5\u05dc",
    "\u0642\u0637\u0629",
    "猫",
    "\U0001f98a",
    "\U0001f469\u200d\U0001f52c",
    "z\u0335a\u0334l\u0337g\u0336o",
    "\u0131stanbul",
    "\ufb01sh",
    "x" * 255,
    "\U0001f98a" * 60,
)
MISLEADING = {
    "\u202egnitselim": "\\x202egnitselim",
    "\u2067isolated": "\\x2067isolated",
    "tab\there": "tab\\x09here",
    "line\nfeed": "line\\x0afeed",
    "nul\0": "nul\\x00",
    "paragraph\u2029": "paragraph\\x2029",
    "y" * 256: "y" * 256,
}
INVISIBLE = ("   ", "\u200b", "\u00a0\u2003", "\u2800", "\u3164", "\ufeff\u200d")


def literal() -> Case:
    parts = [Part(f"{name}/{n}.png", picture(10_000 + 10 * i + n)) for i, name in enumerate(CLASSES) for n in range(3)]
    return Case("classes", file_of(zip_bytes(parts)), taken=dict.fromkeys(CLASSES, 3))


def on_disk(folder: Path) -> Path:
    """What a file system can hold of them."""
    names = [name for name in CLASSES if len(name.encode()) <= 255]
    return folder_of(classes(*names, images=3), folder / "set")


def misleading() -> Case:
    parts = [Part(name, data) for name, data in classes("a", "b", images=3).items()]
    bad = MISLEADING | {name: name for name in INVISIBLE}
    parts += [Part(f"{name}/1.png", picture(12_000 + n)) for n, name in enumerate(bad)]
    rows = tuple(Row(ascii(sent)[:30], f"{_shown(listed)}/1.png", "member-name") for sent, listed in bad.items())
    return Case("misleading classes", file_of(zip_bytes(parts)), taken={"a": 3, "b": 3}, rows=rows)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in name)


def bytes_on_disk(folder: Path) -> Path:
    """A folder whose name is no UTF-8, a file whose name is half a character, as broken mounts have them."""
    root = folder_of(classes("roses", "tulips", images=3), folder / "set")
    other = os.fsencode(root) + b"/caf\xe9"
    os.mkdir(other)
    for number, tail in enumerate((b"1.png", b"2.png", b"\xff\xfe.png", b"\xed\xa0\x80.png")):
        Path(os.fsdecode(other + b"/" + tail)).write_bytes(picture(12_100 + number))
    return root


def in_a_tar() -> Case:
    raw = b"".join(
        block(f"{name}/{n}.png", picture(12_200 + 10 * i + n), form=2)
        for i, name in enumerate(CLASSES)
        for n in range(3)
    )
    return Case("classes in a tar", file_of(raw + END), taken=dict.fromkeys(CLASSES, 3))


TITLES = (
    "<b>bold</b>",
    "[a](http://evil.example)",
    "$x^2$",
    "=1+1",
    "../../etc/passwd",
    "None",
    "007",
    "\U0001f98a",
    "\u05d7\u05ea\u05d5\u05dc",
    "a" * 200,
)


SPELLED = {
    "nul\0": "nul\\x00",
    "half \ud800 a character": "half \\xd800 a character",
    "two\nlines": "two\\x0alines",
    "\u202eflipped": "\\x202eflipped",
    "\x1b[31mred": "\\x1b[31mred",
    "  spaces ": "spaces",
    " ": "Untitled",
    "long " * 2_000: ("long " * 60)[:296] + " ...",
}


def titled(title: str, kept: str = "") -> Case:
    made = file_of(zip_bytes([Part(name, data) for name, data in classes("a", "b", images=3).items()]))
    return Case(f"title {ascii(title)[:20]}", made, taken={"a": 3, "b": 3}, title=title, kept_title=kept or title)


CASES = [
    literal(),
    in_a_tar(),
    Case("classes on disk", on_disk, taken={name: 3 for name in CLASSES if len(name.encode()) <= 255}),
    misleading(),
    Case(
        "bytes on disk",
        bytes_on_disk,
        taken={"caf\u00e9": 3, "roses": 3, "tulips": 3},
        rows=(
            Row("no UTF-8", "caf\u00e9/\u00ff\u00fe.png", ""),
            Row("half a character", "caf\u00e9/\u00ed\\xa0\\x80.png", "member-name"),
        ),
    ),
    *(titled(title) for title in TITLES),
    *(titled(title, kept) for title, kept in SPELLED.items()),
]
