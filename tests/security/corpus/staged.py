"""What a browser sends: files with names of their own, one by one."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.making import picture
from tests.security.corpus.cases import BOTH, HONEST, Case, Row, beside_honest, refused
from tests.security.corpus.paths import NAMES
from tests.security.corpus.zips import whole

SENT = "sent.json"  # the names, in order; the files lie beside it under their numbers


def sent(files: Sequence[tuple[str, bytes]]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for number, (_, data) in enumerate(files):
            (folder / str(number)).write_bytes(data)
        (folder / SENT).write_text(json.dumps([name for name, _ in files]))
        return folder / SENT

    return make


def with_honest(*files: tuple[str, bytes]) -> Callable[[Path], Path]:
    return sent([*HONEST.items(), *files])


HALF = "roses/half \ud800 a character.png"
MORE = (
    Row("half a character", HALF.replace("\ud800", "\\xd800"), "member-name"),
    Row("nothing", "(no name)", "member-name"),
    Row("NUL", "roses/\\x00.png", "member-name"),
    Row("archive beside pictures", "roses/more.zip", "archive-in-archive"),
    Row("no picture", "roses/notes.txt", "not-a-picture"),
    Row("nothing in it", "roses/nothing.png", "image-empty"),
    Row("same name", "roses/0.png", "member-duplicate"),
)

CASES = [
    beside_honest(
        "names",
        with_honest(*((name.sent, picture(50_000 + n)) for n, name in enumerate(NAMES))),
        [name.row for name in NAMES],
    ),
    beside_honest(
        "odd files",
        with_honest(
            (HALF, picture(50_100)),
            ("", picture(50_101)),
            ("roses/\0.png", picture(50_102)),
            ("roses/more.zip", whole()),
            ("roses/notes.txt", b"about roses"),
            ("roses/nothing.png", b""),
            ("roses/0.png", picture(50_103)),
        ),
        MORE,
    ),
    Case("an archive with a name that leads out", sent([("../../flowers.zip", whole())]), taken=BOTH),
    refused("a picture named archive", "archive-format", sent([("flowers.zip", picture(1, "JPEG"))])),
    refused("an archive named picture", "dataset-empty", sent([("flowers.jpg", whole())])),
    refused("nothing", "upload-empty", sent([])),
    refused("several archives", "upload-several-archives", sent([("a.zip", whole()), ("b.zip", whole())])),
]
