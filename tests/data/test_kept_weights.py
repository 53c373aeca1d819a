"""Keras' folder of weights on a real disk, with a real local publisher: what is told, fetched, removed."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.backbones import BACKBONES, weights_file_name, weights_url_path
from dashboard.core.errors import WeightsError
from dashboard.core.settings import settings
from dashboard.data import kept_weights
from tests.publisher import Page, Publisher, hdf5, publishing

NARROW = kept_weights.variant(BACKBONES["MobileNetV2"], 0.35, 224)
CHECKED = kept_weights.variant(BACKBONES["ResNet50"], 1.0, 224)


def nothing(*_: object) -> None:
    pass


def never() -> bool:
    return False


@pytest.fixture
def models(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Keras would use, empty, as `KERAS_HOME` says."""
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    return folder


@pytest.fixture
def publisher(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with publishing() as server:
        monkeypatch.setenv("THAW_WEIGHTS_URL", server.url)
        settings.cache_clear()
        yield server


def told(name: str) -> dict[str, object]:
    table = kept_weights.listing()
    return dict(table[table["name"] == name].iloc[0])


@pytest.mark.parametrize("row", BACKBONES.values(), ids=lambda row: row.name)
def test_a_file_of_each_backbone_is_known_by_its_name(row):
    for alpha in row.alphas if row.weights_file else ():
        variant = kept_weights.catalogue()[weights_file_name(row, alpha, row.image_size)]
        assert (variant.backbone, variant.alpha) == (row, alpha)
        assert row.name in variant.title


def test_a_file_that_was_never_published_is_refused_by_its_width_and_size():
    with pytest.raises(WeightsError, match="alpha 1.4 at 96"):
        kept_weights.variant(BACKBONES["MobileNetV2"], 1.4, 96)
    with pytest.raises(WeightsError, match="alpha 0.1"):
        kept_weights.variant(BACKBONES["MobileNet"], 0.1, 224)


def test_every_kind_of_file_is_called_what_it_is(models: Path, tmp_path: Path):
    body = hdf5(4_000)
    (models / NARROW.name).write_bytes(body)
    (models / CHECKED.name).write_bytes(body[:-1])
    (models / "mine.h5").write_bytes(body)
    (models / "notes.txt").write_text("mine")
    (models / ".0123abcd-mine.h5").write_bytes(b"")
    (models / ".89abcdef-mine.h5").write_bytes(b"")
    os.utime(models / ".89abcdef-mine.h5", (0, 0))
    (tmp_path / "elsewhere.h5").write_bytes(body)
    (models / "link.h5").symlink_to(tmp_path / "elsewhere.h5")
    (models / "folder").mkdir()

    states = dict(kept_weights.listing()[["name", "state"]].itertuples(index=False))

    assert states == {
        NARROW.name: kept_weights.WHOLE,
        CHECKED.name: kept_weights.CUT_SHORT,
        "mine.h5": kept_weights.WHOLE,
        "notes.txt": kept_weights.OTHER,
        ".0123abcd-mine.h5": kept_weights.FETCHING,
        ".89abcdef-mine.h5": kept_weights.LEFT_OVER,
        "link.h5": kept_weights.LINK,
    }
    assert told(NARROW.name)["network"] == "MobileNetV2 0.35, 224 px"
    assert told("mine.h5")["network"] == kept_weights.UNKNOWN


def test_digests_are_those_of_the_bytes_and_are_kept_until_the_file_changes(models: Path):
    body = hdf5(3_000_000)
    (models / NARROW.name).write_bytes(body)
    (models / "small.h5").write_bytes(body[:10])
    reports: list[tuple[int, int]] = []

    lacking = kept_weights.without_digest(kept_weights.listing())
    assert kept_weights.digest(lacking, lambda done, total, _: reports.append((done, total)), never) == 2

    assert told(NARROW.name)["sha256"] == hashlib.sha256(body).hexdigest()
    assert kept_weights.without_digest(kept_weights.listing()) == []
    assert reports == sorted(reports) and reports[-1][0] == reports[-1][1] == (len(body) + 10) // 1000
    os.utime(models / NARROW.name, ns=(0, 1))
    assert kept_weights.without_digest(kept_weights.listing()) == [NARROW.name]


def test_a_cancelled_digest_is_not_kept(models: Path):
    (models / NARROW.name).write_bytes(hdf5())
    assert kept_weights.digest([NARROW.name], nothing, lambda: True) == 0
    assert told(NARROW.name)["sha256"] == ""


def test_no_digest_is_computed_through_a_link(models: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("not to be hashed")
    (models / NARROW.name).symlink_to(tmp_path / "secret")
    assert kept_weights.digest([NARROW.name], nothing, never) == 0


def test_another_file_under_a_published_name_is_told_from_the_published_one(models: Path):
    (models / CHECKED.name).write_bytes(hdf5())
    (models / NARROW.name).write_bytes(hdf5())
    assert told(CHECKED.name)["check"] == kept_weights.NOT_YET
    kept_weights.digest([CHECKED.name, NARROW.name], nothing, never)
    assert told(CHECKED.name)["check"] == kept_weights.DIFFERS
    assert told(NARROW.name)["check"] == kept_weights.NO_DIGEST


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_published_file_is_known_by_either_digest(algorithm: str):
    digests = {"md5": "0" * 32, "sha256": "1" * 64}
    published = replace(CHECKED, backbone=replace(CHECKED.backbone, weights_hash=digests[algorithm]))
    assert kept_weights.check(published, digests) == kept_weights.PUBLISHED


def test_what_is_missing_is_fetched_and_what_is_here_left_alone(publisher: Publisher, models: Path):
    body = hdf5()
    publisher.pages[weights_url_path(NARROW.backbone, 0.35, 224)] = Page(body, len(body))
    assert kept_weights.fetch([NARROW], nothing, never) == [NARROW.name]
    assert (models / NARROW.name).read_bytes() == body
    publisher.pages.clear()
    assert kept_weights.fetch([NARROW], nothing, never) == []


def test_a_fetch_that_breaks_off_leaves_no_half_file_and_those_that_came(publisher: Publisher, models: Path):
    body = hdf5()
    publisher.pages[weights_url_path(NARROW.backbone, 0.35, 224)] = Page(body, len(body))
    publisher.pages[weights_url_path(CHECKED.backbone, 1.0, 224)] = Page(body[:1000], len(body))
    with pytest.raises(WeightsError, match="broke off") as refusal:
        kept_weights.fetch([NARROW, CHECKED], nothing, never)
    assert refusal.value.code == "weights-offline"
    assert [path.name for path in models.iterdir()] == [NARROW.name]


def test_a_cancelled_fetch_leaves_nothing(publisher: Publisher, models: Path):
    body = hdf5()
    publisher.pages[weights_url_path(NARROW.backbone, 0.35, 224)] = Page(body, len(body))
    with pytest.raises(WeightsError) as refusal:
        kept_weights.fetch([NARROW], nothing, lambda: True)
    assert refusal.value.code == "weights-cancelled"
    assert not list(models.iterdir())


def test_a_file_is_removed_and_nothing_else(models: Path):
    (models / NARROW.name).write_bytes(b"12345")
    (models / "other.h5").write_bytes(b"")
    assert kept_weights.remove(NARROW.name) == 5
    assert [path.name for path in models.iterdir()] == ["other.h5"]
    with pytest.raises(WeightsError, match="any more"):
        kept_weights.remove(NARROW.name)


def test_what_is_no_file_of_the_folder_is_never_removed(models: Path, tmp_path: Path):
    outside = tmp_path / "keras" / "outside.h5"
    outside.write_bytes(b"keep")
    (models / "link.h5").symlink_to(outside)
    (models / "folder").mkdir()
    (models / ".0123abcd-mine.h5").write_bytes(b"on its way")
    for name in ("link.h5", "folder", ".0123abcd-mine.h5", "../outside.h5", str(outside), "..", ".", ""):
        with pytest.raises(WeightsError):
            kept_weights.remove(name)
    assert outside.read_bytes() == b"keep"
    assert len(list(models.iterdir())) == 3


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8")) | st.sampled_from(["a\0b", "x" * 300, "/", "a/../b"]))
def test_any_other_name_is_refused_in_words(name: str, models: Path):
    with pytest.raises(WeightsError):
        kept_weights.remove(name)


def test_a_folder_that_is_a_link_is_left_alone(models: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    models.rename(elsewhere)
    models.symlink_to(elsewhere)
    (elsewhere / NARROW.name).write_bytes(hdf5())
    with pytest.raises(WeightsError, match="is a link"):
        kept_weights.remove(NARROW.name)
    assert (elsewhere / NARROW.name).exists()
    assert told(NARROW.name)["state"] == kept_weights.WHOLE


def test_a_folder_that_is_not_there_is_empty(models: Path):
    models.rmdir()
    assert kept_weights.listing().empty
    with pytest.raises(WeightsError, match="no folder"):
        kept_weights.remove(NARROW.name)
