"""Pictures drawn by formulas: the same seed gives the same bytes, and a class is something to be learned."""

from pathlib import Path

import numpy as np
import pytest

from pretraining import outlines, pictures, surfaces
from pretraining.canvas import SIDE
from pretraining.pictures import Plan

PLAN = Plan(seed=3, things=6, grounds=5, pictures=4, bare=2)


def bytes_drawn(plan: Plan, folder: Path, processes: int) -> tuple[bytes, ...]:
    drawn = pictures.draw_all(plan, folder, processes)
    return tuple((drawn / f"{name}.npy").read_bytes() for name in ("pictures", "maps", "labels"))


def test_the_same_seed_draws_the_same_bytes_in_one_process_and_in_two(tmp_path: Path) -> None:
    once = bytes_drawn(PLAN, tmp_path / "once", processes=1)
    assert bytes_drawn(PLAN, tmp_path / "again", processes=1) == once
    assert bytes_drawn(PLAN, tmp_path / "by two", processes=2) == once


def test_another_seed_draws_other_pictures() -> None:
    other = Plan(seed=4, things=6, grounds=5, pictures=4, bare=2)
    assert not np.array_equal(pictures.drawn(PLAN, 0, 0)[0], pictures.drawn(other, 0, 0)[0])


def test_a_file_holds_every_picture_with_its_thing_its_ground_and_its_map(tmp_path: Path) -> None:
    folder = pictures.draw_all(PLAN, tmp_path, processes=1)
    pixels, maps, labels = (np.load(folder / f"{name}.npy") for name in ("pictures", "maps", "labels"))
    assert pixels.shape == (PLAN.count, SIDE, SIDE, 3)
    assert labels[:, 0].tolist() == [thing for thing in range(6) for _ in range(4)] + [6] * 10
    assert labels[-10:, 1].tolist() == [0, 1, 2, 3, 4] * 2
    for row in (0, 7, PLAN.count - 1):
        number = row % 4 if labels[row, 0] < 6 else row - 24
        drawn, behind, covered = pictures.drawn(PLAN, int(labels[row, 0]), number)
        assert np.array_equal(pixels[row], drawn) and labels[row, 1] == behind
        assert np.array_equal(maps[row], covered) and covered.any() == (labels[row, 0] < 6)


def test_drawing_goes_on_from_nothing_half_done(tmp_path: Path) -> None:
    whole = bytes_drawn(PLAN, tmp_path / "whole", processes=1)
    half = tmp_path / "half" / "pictures-3-6-5-4-2.part"
    half.mkdir(parents=True)
    (half / "pictures.npy").write_bytes(whole[0][: len(whole[0]) // 2])
    assert bytes_drawn(PLAN, tmp_path / "half", processes=1) == whole


def test_what_is_drawn_already_is_not_drawn_again(tmp_path: Path) -> None:
    folder = pictures.draw_all(PLAN, tmp_path, processes=1)
    before = (folder / "pictures.npy").stat().st_mtime_ns
    assert pictures.draw_all(PLAN, tmp_path, processes=1) == folder
    assert (folder / "pictures.npy").stat().st_mtime_ns == before


def described(values: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Colours and roughness: means and deviations of the channels under `cover`, and their steps to the next pixel."""
    shown = values[cover > 0.5]
    steps = [np.abs(np.diff(values, axis=axis)).mean(axis=(0, 1)) * 4 for axis in (0, 1)]
    return np.concatenate([shown.mean(axis=0), shown.std(axis=0), *steps])


def distances(descriptions: np.ndarray) -> tuple[float, float]:
    """Mean distance within a class and between classes, of descriptions of shape (classes, pictures, length)."""
    count, number, length = descriptions.shape
    flat = descriptions.reshape(count * number, length)
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    same = np.arange(len(flat))[:, None] // number == np.arange(len(flat))[None] // number
    return float(apart[same & ~np.eye(len(flat), dtype=bool)].mean()), float(apart[~same].mean())


def thing_described(number: int, rng: np.random.Generator) -> np.ndarray:
    """One drawing of a thing, before black."""
    colours, shape = pictures.subject(3, number).draw(rng)
    cover = shape.cover[:, :, None]
    return np.append(described(colours * cover, shape.cover / shape.cover.max()), cover.mean())


def test_drawings_of_one_thing_differ_but_less_than_those_of_others() -> None:
    rng = np.random.default_rng(0)
    descriptions = [[thing_described(number, rng) for _ in range(6)] for number in range(40)]
    within, between = distances(np.array(descriptions))
    assert 0.02 < within < 0.75 * between


def test_pictures_of_one_ground_differ_but_less_than_those_of_others() -> None:
    plan = Plan(seed=3, things=0, grounds=24, pictures=0, bare=6)
    everywhere = np.ones((SIDE, SIDE))
    descriptions = [
        [described(pictures.drawn(plan, 0, ground + 24 * number)[0] / 255, everywhere) for number in range(6)]
        for ground in range(24)
    ]
    within, between = distances(np.array(descriptions))
    assert 0.02 < within < 0.75 * between


@pytest.mark.parametrize("family", surfaces.FAMILIES)
def test_a_surface_is_a_field_that_keeps_its_kind_and_not_its_place(family: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(12):
        surface = surfaces.FAMILIES[family][0](rng)
        first, second = surface.field(rng), surface.field(rng)
        assert first.shape == (SIDE, SIDE) and np.isfinite(first).all()
        assert first.min() >= -1e-3 and first.max() <= 1 + 1e-3
        assert not np.array_equal(first, second)


@pytest.mark.parametrize("family", outlines.FAMILIES)
def test_a_thing_covers_a_fair_part_of_the_picture(family: str) -> None:
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(12):
        thing = outlines.FAMILIES[family][0](rng).draw(rng)
        fields = [thing.cover, thing.field] + ([] if thing.height is None else [thing.height])
        assert all(field.shape == (SIDE, SIDE) and np.isfinite(field).all() for field in fields)
        assert thing.cover.min() >= 0 and thing.cover.max() <= 1
        shares.append(thing.cover.mean())
    assert min(shares) > 0.005 and 0.03 < np.mean(shares) < 0.6
