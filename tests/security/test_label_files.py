"""Label files made to mislead: rows get their reason, the rest is taken, and nothing outside the upload is opened."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS
from dashboard.data import datasets, delimited, intake, inventory, label_files, label_rows
from dashboard.data.inventory import Look
from dashboard.data.picture_names import PictureNames
from dashboard.data.staging import Source
from tests.making import picture, zip_of

FLAT = [f"{number}.png" for number in range(12)]
HONEST = "image,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(12))
OUTSIDE = [
    *("../0.png", "a/../../0.png", "..\\0.png", "/etc/passwd", "\\\\host\\share\\0.png", "C:\\0.png", "c:/0.png"),
    *("http://inside.example/0.png", "https://inside.example/0.png", "HTTPS://x/0.png", "ftp://x/0.png"),
    *("file:///etc/passwd", "file:0.png", "data:image/png;base64,AAAA", "s3://bucket/0.png", "//host/0.png"),
]

Looked = Callable[[str | bytes], Look]


@pytest.fixture
def looked(tmp_path: Path, workspace: Path) -> Looked:
    """Look into a zip of twelve pictures and one label file."""

    def looked(table: str | bytes, name: str = "labels.csv") -> Look:
        data = table if isinstance(table, bytes) else table.encode()
        upload = {path: picture(number) for number, path in enumerate(FLAT)} | {name: data}
        return inventory.look(Source(zip_of(upload, tmp_path / "a.zip"), "a"))

    return looked


_watching: list[str] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _watching is not None and (event == "open" or event.startswith(("os.", "socket.", "subprocess.", "urllib."))):
        _watching.append(f"{event} {arguments!r}")


@contextmanager
def nothing_is_opened() -> Iterator[None]:
    """Python itself reports every file, socket and process that is opened meanwhile."""
    global _watching
    if not getattr(sys, "_thaw_hook", False):
        sys.addaudithook(_hook)  # for good: there is no way to remove one
        sys._thaw_hook = True  # type: ignore[attr-defined]
    _watching = seen = []
    try:
        yield
    finally:
        _watching = None
    assert seen == []


def test_paths_and_addresses_outside_the_upload_are_named_and_never_opened() -> None:
    data = (HONEST + "".join(f'"{path}",a\n' for path in OUTSIDE)).encode()
    names = PictureNames(FLAT)
    with nothing_is_opened():
        found = label_files.propose("labels.csv", data, names)
        result = label_rows.follow(found, data, names)
    assert [(path, code) for path, code, _, _ in result.remarks] == [(path, "label-path") for path in OUTSIDE]
    assert sorted(result.labels) == sorted(FLAT) and not result.refusals


def test_a_pipe_outside_the_upload_is_not_waited_for(tmp_path: Path, workspace: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    upload = {path: picture(number) for number, path in enumerate(FLAT)}
    upload["labels.csv"] = (HONEST + f"{tmp_path}/pipe.png,a\n../pipe.png,a\n").encode()
    source = Source(zip_of(upload, tmp_path / "a.zip"), "a")
    dataset = intake.import_pictures(source, name="a", label_file=inventory.look(source).proposals[0])
    assert datasets.remarks(dataset)["code"].tolist() == ["label-path", "label-path"]
    assert len(datasets.members(dataset)) == 12


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (b"image,label\n0.png,a\0b\n", "NUL"),
        (HONEST.encode("utf-16-le"), "NUL"),
        (HONEST.replace("4.png,a", "4.png,a\0").encode("utf-16"), "NUL"),
        (HONEST.encode("utf-16")[:-1], "UTF-16"),
        (b"\xff\xfe\x00\xd8\x00\xd8,\0a\0", "UTF-16"),
        (HONEST.encode("utf-32"), "NUL"),
        (HONEST + '12.png,"never closed\n13.png,b\n', "line 14"),
        (HONEST + '12.png,"a" b"\n', "line 14"),
        (HONEST + '12.png,"' + "x" * 40_000 + '"\n', "line 14"),
        (",".join("abc" for _ in range(300)) + "\n" + HONEST, "200 columns"),
        (random.Random(0).randbytes(550_000).hex() + "\n" + HONEST, "longer than"),
        ("image\n" + "\n".join(FLAT), "No columns"),
        (bytes(range(1, 256)) * 50, ""),
        (picture(1), ""),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_what_is_no_table_says_what_is_wrong_and_the_upload_is_looked_into_all_the_same(
    looked: Looked, table: str | bytes, words: str
) -> None:
    look = looked(table)
    assert look.pictures == 12
    (found,) = look.proposals
    assert found.doubt and not found.picture_column
    assert words in found.doubt


def test_an_unclosed_quote_is_named_with_its_line_however_long_the_file_is() -> None:
    data = (HONEST + '12.png,"a\n' + "13.png,b\n" * 500_000).encode()
    started = time.monotonic()
    with pytest.raises(UploadError, match="begins on line 14") as refusal:
        list(delimited.rows(data, "utf-8", ","))
    assert refusal.value.code == "label-file-quote"
    assert time.monotonic() - started < 1


def test_a_label_file_above_the_limits_is_refused() -> None:
    with pytest.raises(UploadError) as refusal:
        delimited.encoding(b"a,b\n" * (LIMITS.label_file_bytes // 4 + 1))
    assert refusal.value.code == "label-file-too-large"
    with pytest.raises(UploadError) as refusal:
        for _ in delimited.rows(b"a,b\n" * (LIMITS.archive_members + 2), "utf-8", ","):
            pass
    assert refusal.value.code == "label-file-rows"


def test_names_that_all_end_alike_cost_no_more_than_others() -> None:
    pictures = PictureNames(f"{number}/1.png" for number in range(50_000))
    data = (
        "image,label\n" + "".join(f"{'1.png' if n % 2 else f'{n}/1.png'},{n % 5}\n" for n in range(50_000))
    ).encode()
    found = label_files.propose("labels.csv", data, pictures)
    started = time.process_time()
    result = label_rows.follow(found, data, pictures)
    assert time.process_time() - started < 15
    assert len(result.labels) == 25_000 and {code for _, code, _, _ in result.remarks} == {"label-ambiguous"}


def test_cells_of_nothing_but_slashes_cost_little() -> None:
    data = ("image,label\n" + "".join(f"{n}.png,a\n" for n in range(12)) + f"{'a/' * 900},b\n" * 2_000).encode()
    started = time.process_time()
    result = label_rows.follow(label_files.propose("x.csv", data, PictureNames(FLAT)), data, PictureNames(FLAT))
    assert time.process_time() - started < 15
    assert len(result.labels) == 12 and len(result.remarks) == 2_000


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\u202egnp", "x" * 300, "line\nbreak"])
def test_class_names_that_hide_what_they_are_are_refused(name: str) -> None:
    data = (HONEST + f'12.png,"{name}"\n').encode()
    names = PictureNames([*FLAT, "12.png"])
    result = label_rows.follow(label_files.propose("labels.csv", data, names), data, names)
    assert {path: error.code for path, error in result.refusals.items()} == {"12.png": "label-name"}


@pytest.mark.parametrize("header", ["<b>x</b>", "[a](http://evil)", "=1+1", "\x1b[2J", "a" * 5000, "\u202e"])
def test_column_names_are_only_data_and_can_be_printed(looked: Looked, header: str) -> None:
    table = f'image,"{header}"\n' + HONEST.partition("\n")[2]
    (found,) = looked(table).proposals
    assert found.doubt == "" and found.column_names[1].isprintable() and len(found.column_names[1]) <= 300


def test_a_choice_for_a_file_that_is_not_in_the_upload_is_refused(looked: Looked, tmp_path: Path) -> None:
    (found,) = looked(HONEST).proposals
    for name in ("/etc/passwd", "../labels.csv", "other.csv"):
        record = found.as_record() | {"file": name}
        with pytest.raises(UploadError) as refusal:
            intake.import_pictures(
                Source(tmp_path / "a.zip", "a"), name="a", label_file=label_files.Proposal.from_record(record)
            )
        assert refusal.value.code == "label-file-unreadable"


def test_an_upload_with_a_text_file_a_picture_is_looked_into_quickly(tmp_path: Path, workspace: Path) -> None:
    upload = {f"{n}.{suffix}": b"0 0.5 0.5 0.1 0.1" for n in range(1_000) for suffix in ("jpg", "txt")}
    look = inventory.look(Source(zip_of(upload, tmp_path / "yolo.zip"), "yolo"))
    assert look.pictures == 1_000 and look.proposals == ()


def test_a_label_file_that_lies_elsewhere_is_named_when_it_cannot_be_read(looked: Looked, tmp_path: Path) -> None:
    looked(HONEST)
    with pytest.raises(UploadError, match="cannot be read") as refusal:
        inventory.look(Source(tmp_path / "a.zip", "a"), label_path=tmp_path / "gone.csv")
    assert refusal.value.code == "label-file-unreadable"
