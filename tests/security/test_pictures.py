"""Hostile pictures beside honest ones: each is listed with its reason, the rest goes on, and the child stays small."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from dashboard.core.settings import ROOT
from dashboard.data import datasets, intake
from dashboard.data.intake import Source
from tests.making import classes, picture, zip_of


def png(width: int, height: int, data: bytes = b"", colour: int = 2) -> bytes:
    """A PNG with 8 bits a channel that declares a size and holds whatever data; colour 2 is RGB, 6 is RGBA."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n(/tmp/touched) (w) file closefile\nshowpage\n"
HOSTILE = {
    "wide.png": (png(30_000, 30_000), "image-too-large"),
    "tall.png": (png(1, 100_000_000), "image-too-large"),
    "cut.jpg": (picture(800, "JPEG")[:-250], "image-truncated"),
    "nothing.jpg": (b"", "image-empty"),
    "page.jpg": (b"<!doctype html><script>alert(1)</script>", "image-format"),
    "drawing.jpg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image-format"),
    "postscript.jpg": (EPS, "image-format"),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image-heic"),
    "rubbish.png": (png(50, 50, zlib.compress(b"too short")), "image-truncated"),
    "endless.png": (png(50, 50, b"no zlib stream at all"), "image-unreadable"),
    "long.tif": (b"II*\0\x08\0\0\0\xff\xff" + bytes(200), "image-format"),
    "wide.webp": (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xfe\x3f\0" * 2, "image-too-large"),
    "wide.bmp": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 20_000, 20_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "image-too-large",
    ),
    "many.gif": (
        b"GIF89a"
        + struct.pack("<HH", 65_535, 65_535)
        + b"\0\0\0,"
        + struct.pack("<4H", 0, 0, 65_535, 65_535)
        + b"\0\2\1\x44\0;",
        "image-too-large",
    ),
}


IMPORT_AND_MEASURE = """
import resource, sys
from pathlib import Path
from dashboard.data import intake
intake.import_pictures(intake.Source(Path(sys.argv[1]), "a"), name="a")
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_every_hostile_picture_is_listed_and_the_rest_goes_on(tmp_path: Path, workspace: Path) -> None:
    upload = classes("roses", "tulips") | {f"roses/{name}": data for name, (data, _) in HOSTILE.items()}
    path = zip_of(upload, tmp_path / "a.zip")
    # In a process of its own: the peak of children is counted over a whole life, and other tests had larger ones.
    measured = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_MEASURE, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    dataset = datasets.get(datasets.listing()["id"].iloc[0])
    found = datasets.remarks(dataset).set_index("path")["code"].to_dict()
    assert found == {f"roses/{name}": code for name, (_, code) in HOSTILE.items()}
    assert len(datasets.members(dataset)) == 8
    assert int(measured.stdout) < 1024 * 1024  # KiB: no bomb went off


def test_ghostscript_never_starts(tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = tmp_path / "bin" / "gs"
    trap.parent.mkdir()
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", str(trap.parent), prepend=":")
    path = zip_of(classes("a", "b") | {"a/evil.eps": EPS, "a/evil.jpg": EPS}, tmp_path / "a.zip")
    remarks = datasets.remarks(intake.import_pictures(Source(path, "a"), name="a"))
    assert remarks["code"].tolist() == ["image-format"] * 2
    assert not (tmp_path / "started").exists()


@pytest.mark.slow
def test_large_honest_pictures_fit_into_the_childs_memory(tmp_path: Path, workspace: Path) -> None:
    """Four pictures of nearly 40 million pixels with transparency at once: the most memory pictures can take."""
    upload = classes("a", "b")
    for shade in (10, 20, 30, 40):
        row = b"\0" + bytes([shade, 90, 90, 200]) * 6300
        upload[f"a/large-{shade}.png"] = png(6300, 6300, zlib.compress(row * 6300, 1), colour=6)
    path = zip_of(upload, tmp_path / "a.zip")
    dataset = intake.import_pictures(Source(path, "a"), name="a")
    assert datasets.remarks(dataset).empty
    assert (datasets.members(dataset)["width"] == 6300).sum() == 4
