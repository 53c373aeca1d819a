"""Honest files with a few bytes changed, in numbers: whatever they have become, it is taken or refused, and soon."""

import io
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.core.errors import UploadError
from dashboard.data import archives, images
from tests.security.corpus import honest, tars, zips
from tests.security.corpus.cases import SEED

LONGEST = 10  # seconds for one of them, on a busy machine
HOW_MANY = [300, pytest.param(60_000, marks=pytest.mark.soak)]


def mutations(samples: list[bytes], count: int) -> Iterator[bytes]:
    chance = random.Random(SEED)
    for _ in range(count):
        data = bytearray(chance.choice(samples))
        for _ in range(chance.choice((1, 2, 4, 8))):
            at = chance.randrange(len(data))
            part = data[at : at + chance.randrange(1, 9)]
            changed = (chance.randbytes(len(part)), b"\xff" * len(part), bytes(len(part)), b"", bytes(part) * 2)
            data[at : at + len(part)] = chance.choice(changed)
        yield bytes(data)


@pytest.mark.parametrize("count", HOW_MANY)
def test_a_changed_picture_is_decoded_or_refused(count: int) -> None:
    refused = 0
    for data in mutations(list(honest.modes().values()), count):
        started = time.monotonic()
        try:
            images.read(io.BytesIO(data))
        except UploadError:
            refused += 1
        assert time.monotonic() - started < LONGEST
    assert 0 < refused < count


@pytest.mark.parametrize("count", HOW_MANY)
def test_a_changed_archive_is_read_or_refused(count: int, tmp_path: Path) -> None:
    plain = tars.tar_of()
    samples = [zips.whole(), plain, tars.gz(plain), honest.seven_zip(), honest.bsdtar(), honest.macos()]
    refused = 0
    for data in mutations(samples, count):
        (tmp_path / "a").write_bytes(data)
        started = time.monotonic()
        try:
            list(archives.contents(tmp_path / "a", archives.directory(tmp_path / "a")))
        except UploadError:
            refused += 1
        assert time.monotonic() - started < LONGEST
    assert 0 < refused < count
