"""What pictures could start, and the most memory they can take. The hostile ones are in `corpus/pictures.py`."""

import zlib
from pathlib import Path

import pytest

from dashboard.data import datasets, intake
from dashboard.data.intake import Source
from tests.making import classes, zip_of
from tests.security.corpus.pictures import EPS
from tests.security.corpus.png_bytes import png


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
