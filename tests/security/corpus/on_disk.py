"""Folders on this machine: links, loops, things that are no files."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.making import folder_of, picture
from tests.security.corpus.cases import BOTH, HONEST, Case, Row, beside_honest, is_root


def with_more(change: Callable[[Path], None]) -> Callable[[Path], Path]:
    """The two honest classes in a folder, and something done to it."""

    def make(folder: Path) -> Path:
        root = folder_of(HONEST, folder / "set")
        change(root)
        return root

    return make


def links(root: Path) -> None:
    secret = root.parent / "secret.png"
    secret.write_bytes(picture(30_000))
    (root / "roses" / "outside.png").symlink_to(secret)
    (root / "roses" / "relative.png").symlink_to("../../secret.png")
    (root / "roses" / "passwords.png").symlink_to("/etc/passwd")
    (root / "roses" / "endless.png").symlink_to("/dev/zero")
    (root / "roses" / "nowhere.png").symlink_to(root.parent / "absent")
    (root / "roses" / "itself.png").symlink_to("itself.png")
    (root / "roses" / "to and fro.png").symlink_to("fro and to.png")
    (root / "roses" / "fro and to.png").symlink_to("to and fro.png")
    (root / "everything").symlink_to("/")
    (root / "back").symlink_to(root)
    (root / "roses" / "up").symlink_to("..")
    (root.parent / "other").mkdir()
    (root.parent / "other" / "evil.png").write_bytes(picture(30_001))
    (root / "other").symlink_to(root.parent / "other")


def link_to_pictures_inside(root: Path) -> None:
    (root / "hidden.d").mkdir()
    (root / "roses" / "again.png").symlink_to(root / "roses" / "0.png")


def no_files(root: Path) -> None:
    os.mkfifo(root / "roses" / "pipe.png")
    here = os.getcwd()
    os.chdir(root / "roses")  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as found:
            found.bind("socket.png")
    finally:
        os.chdir(here)


def unreadable(root: Path) -> None:
    (root / "roses" / "locked.png").write_bytes(picture(30_100))
    (root / "roses" / "locked.png").chmod(0)
    (root / "locked").mkdir()
    (root / "locked").chmod(0)


def huge(root: Path) -> None:
    with (root / "roses" / "hole.png").open("wb") as file:
        file.truncate(10 * 1024**4)
    with (root / "roses" / "just too much.png").open("wb") as file:
        file.truncate(64 * 1024**2 + 1)
    with (root / "roses" / "just not.png").open("wb") as file:
        file.truncate(64 * 1024**2)


def deep(root: Path) -> None:
    below = root / "roses"
    for _ in range(150):
        below = below / "d"
    below.mkdir(parents=True)
    (below / "deep.png").write_bytes(picture(30_200))
    for _ in range(150):
        below = below / "dddddddddddddd"
        os.makedirs(below, exist_ok=True) if len(str(below)) < 4000 else None
    deepest = [path for path, inside, files in os.walk(root / "roses") if not inside]
    (Path(deepest[-1]) / "deeper.png").write_bytes(picture(30_201))


def hard_links(root: Path) -> None:
    secret = root.parent / "other.png"
    secret.write_bytes(picture(30_300))
    os.link(secret, root / "roses" / "hard.png")


LINKS = [
    Row("out", "roses/outside.png", "member-link"),
    Row("out, relative", "roses/relative.png", "member-link"),
    Row("to passwords", "roses/passwords.png", "member-link"),
    Row("to a device", "roses/endless.png", "member-link"),
    Row("to nothing", "roses/nowhere.png", "member-link"),
    Row("to itself", "roses/itself.png", "member-link"),
    Row("to each other", "roses/to and fro.png", "member-link"),
    Row("to each other, back", "roses/fro and to.png", "member-link"),
    Row("to everything", "everything", "member-link"),
    Row("to the folder itself", "back", "member-link"),
    Row("to the folder above", "roses/up", "member-link"),
    Row("to a folder outside", "other", "member-link"),
]

CASES = [
    beside_honest("links", with_more(links), LINKS),
    Case(
        "link inside",
        with_more(link_to_pictures_inside),
        taken=BOTH,
        rows=(Row("again", "roses/again.png", "duplicate"),),
    ),
    beside_honest(
        "no files",
        with_more(no_files),
        [Row("pipe", "roses/pipe.png", "member-special"), Row("socket", "roses/socket.png", "member-special")],
    ),
    beside_honest(
        "huge",
        with_more(huge),
        [
            Row("hole", "roses/hole.png", "member-too-large"),
            Row("just too much", "roses/just too much.png", "member-too-large"),
            Row("just not", "roses/just not.png", "image-format"),
        ],
    ),
    beside_honest("hard link", with_more(hard_links), [Row("hard link", "roses/hard.png", "")]),
]
if not is_root():  # who may read everything
    CASES.append(
        beside_honest(
            "unreadable",
            with_more(unreadable),
            [Row("file", "roses/locked.png", "member-unreadable"), Row("folder", "locked", "member-unreadable")],
        )
    )
