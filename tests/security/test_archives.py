"""The readers of archives by themselves, on what is quick; `test_corpus.py` has the whole corpus, in the child."""

import io
import zipfile
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.data import archives
from tests.security.corpus import honest, tars, zips
from tests.security.corpus.cases import HONEST, Case

WHOLE = {
    f"{part.__name__.rpartition('.')[2]}-{case.name}": case
    for part in (zips, tars)
    for case in part.CASES
    if case.code.startswith("archive-") and not any(slow in case.name for slow in ("200,001", "bomb"))
}


def read(path: Path) -> dict[str, bytes]:
    entries = archives.directory(path)
    return {content.path: content.data for content in archives.contents(path, entries)}


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)
def test_an_archive_that_cannot_be_trusted_is_refused_whole(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UploadError) as refusal:
        read(case.make(tmp_path))
    assert refusal.value.code == case.code


ODD = [case for case in honest.CASES if set(case.taken) == {"roses", "tulips"} and not case.rows]


@pytest.mark.parametrize("case", ODD, ids=lambda case: case.name)
def test_an_honest_archive_gives_the_bytes_that_were_packed(case: Case, tmp_path: Path) -> None:
    assert sorted(read(case.make(tmp_path)).values()) == sorted(HONEST.values())


def test_an_archive_that_is_gone_between_two_looks_is_no_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zips.whole())
    entries = archives.directory(path)
    path.unlink()
    with pytest.raises(UploadError) as refusal:
        list(archives.contents(path, entries))
    assert refusal.value.code == "archive-unreadable"
    assert "No such file" in refusal.value.message


def test_an_archive_that_shrinks_between_two_looks_is_refused(tmp_path: Path) -> None:
    for data in (zips.whole(), tars.tar_of(), tars.gz(tars.tar_of())):
        path = tmp_path / "shrinks"
        path.write_bytes(data)
        entries = archives.directory(path)
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(UploadError) as refusal:
            list(archives.contents(path, entries))
        assert refusal.value.code in ("archive-truncated", "archive-damaged")


def test_a_member_written_in_pieces_with_64_bit_sizes_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in HONEST.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    (tmp_path / "a.zip").write_bytes(out.getvalue())
    assert read(tmp_path / "a.zip") == HONEST
