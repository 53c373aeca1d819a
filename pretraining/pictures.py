"""Pictures drawn by formulas, in classes, with no photograph anywhere: same seed, same bytes.

    python -m pretraining.pictures FOLDER --things 160 --grounds 100 --pictures 360 --seed 1

A class is a program with its numbers, and a picture is a jittered drawing of it: another pose, light, ground, blur and
noise. A picture carries two labels, because a network has to look at both: the thing it shows (the last number, where
it shows none) and the ground behind it; and a coarse map of what the thing covers. Chance is drawn from the seed, the
class and the number of the picture alone, so that any process may draw any picture. Bytes are the same on one machine;
another processor may round otherwise.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, shift

from pretraining import outlines, surfaces
from pretraining.canvas import SIDE, Palette, X, Y, coloured, drawn_polygon, invented_palette, smooth_field

Families = dict[str, tuple[Callable[[np.random.Generator], Any], int]]
GROUND, THING, PICTURE = 0, 1, 2  # what chance is drawn for
MAP_SIDE = 12  # cells a side of the map of what a thing covers
SKINS = ("plain", "noise", "lattice", "cells")  # surfaces that are quick enough to draw twice a picture


@dataclass(frozen=True)
class Plan:
    """All that decides the bytes of every picture."""

    seed: int
    things: int  # classes of things
    grounds: int  # classes of grounds
    pictures: int  # of each thing
    bare: int  # of each ground with no thing before it

    @property
    def count(self) -> int:
        return self.things * self.pictures + self.grounds * self.bare


@dataclass(frozen=True)
class Ground:
    """A class of grounds."""

    family: str
    surface: surfaces.Surface
    palette: Palette

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return coloured(self.surface.field(rng), self.palette.mixed(rng))


@dataclass(frozen=True)
class Subject:
    """A class of things: an outline, what it is covered with, and its colours."""

    family: str
    outline: outlines.Outline
    skin: surfaces.Surface
    skin_share: float  # 0: coloured by the outline's own field; 1: by the skin alone
    palette: Palette

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, outlines.Thing]:
        """The thing's colours everywhere, shape (SIDE, SIDE, 3), and its outline."""
        thing = self.outline.draw(rng)
        field = thing.field if self.skin_share == 0 else self.skin.field(rng)
        if 0 < self.skin_share < 1:
            field = (1 - self.skin_share) * thing.field + self.skin_share * field
        return coloured(field, self.palette.mixed(rng)), thing


def invented(families: Families, rng: np.random.Generator) -> tuple[str, Any]:
    """A family chosen by its share, and a program of it."""
    names = list(families)
    shares = np.array([share for _, share in families.values()], dtype=float)
    name = names[rng.choice(len(names), p=shares / shares.sum())]
    return name, families[name][0](rng)


@cache
def ground(seed: int, number: int) -> Ground:
    """The ground of this number, 0 or more."""
    rng = np.random.default_rng([seed, GROUND, number])
    family, surface = invented(surfaces.FAMILIES, rng)
    return Ground(family, surface, invented_palette(rng, free=rng.random() < 0.2))


@cache
def subject(seed: int, number: int) -> Subject:
    """The thing of this number, 0 or more."""
    rng = np.random.default_rng([seed, THING, number])
    family, outline = invented(outlines.FAMILIES, rng)
    skins = {name: surfaces.FAMILIES[name] for name in SKINS}
    skin_share = float(rng.choice([0, 0.5, 1]))
    return Subject(family, outline, invented(skins, rng)[1], skin_share, invented_palette(rng, free=rng.random() < 0.2))


def drawn(plan: Plan, thing: int, number: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Draw one picture.

    Args:
        plan: what there is to draw.
        thing: class of the thing; `plan.things` for none.
        number: which picture of that class, 0 or more.

    Returns:
        The picture, uint8, shape (SIDE, SIDE, 3); the class of its ground; and how much of each cell the thing covers,
        uint8, shape (MAP_SIDE, MAP_SIDE).
    """
    rng = np.random.default_rng([plan.seed, PICTURE, thing, number])
    behind = int(rng.integers(plan.grounds)) if thing < plan.things else number % plan.grounds
    picture = ground(plan.seed, behind).draw(rng)
    covered = np.zeros((MAP_SIDE, MAP_SIDE))
    if thing < plan.things:
        colours, shape = subject(plan.seed, thing).draw(rng)
        picture = stood_before(picture, colours, shape, rng)
        covered = shape.cover.reshape(MAP_SIDE, SIDE // MAP_SIDE, MAP_SIDE, -1).mean(axis=(1, 3))
    picture = photographed(lit(picture, rng), rng)
    return _bytes(picture), behind, _bytes(covered)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)


def stood_before(
    picture: np.ndarray, colours: np.ndarray, shape: outlines.Thing, rng: np.random.Generator
) -> np.ndarray:
    """Put a thing before a ground: made to stand out where it would not, shaded, with a shadow, partly covered."""
    cover = shape.cover[:, :, None]
    colours = parted(colours, picture, cover)
    if shape.height is not None:
        colours = shaded(colours, shape.height, rng)
    if rng.random() < 0.35:
        fallen = shift(gaussian_filter(shape.cover, rng.uniform(1, 4)), rng.uniform(-6, 6, 2), order=1)
        picture = picture * (1 - rng.uniform(0.2, 0.6) * fallen[:, :, None])
    picture = picture + (colours - picture) * cover
    if rng.random() < 0.12:
        bar = drawn_polygon(occluder(rng))[:, :, None]
        picture = picture + (rng.uniform(0, 1, 3) - picture) * bar
    return picture


def parted(colours: np.ndarray, picture: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Colours lightened or darkened until, over the thing, they differ from the ground by a seventh of white."""
    weight = cover.sum() + 1e-6
    here, there = (colours * cover).sum() / (3 * weight), (picture * cover).sum() / (3 * weight)
    lacking = 0.14 - abs(here - there)
    if lacking <= 0:
        return colours
    return np.clip(colours + (lacking if (here >= there and here < 0.85) or there < 0.15 else -lacking), 0, 1)


def shaded(colours: np.ndarray, height: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side on a surface of this height."""
    down, across = np.gradient(height)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.clip((across * np.cos(angle) + down * np.sin(angle)) * (SIDE / 8), -1, 1)
    return colours * (1 + rng.uniform(0.15, 0.6) * slope[:, :, None])


def occluder(rng: np.random.Generator) -> np.ndarray:
    """Corners of a bar or a box that lies over the picture, shape (4, 2)."""
    half = rng.uniform([0.05, 0.15], [0.2, 1.2])
    angle = rng.uniform(0, np.pi)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turned + rng.uniform(-1, 1, 2)


def lit(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uneven light: a gradient, or smooth patches, or a colour cast."""
    chance = rng.random()
    if chance < 0.35:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
        return picture * (1 + strength * (np.cos(angle) * X + np.sin(angle) * Y))[:, :, None]
    if chance < 0.6:
        return picture * (1 + 0.25 * smooth_field(rng))[:, :, None]
    if chance < 0.75:
        return picture * rng.uniform(0.8, 1.15, 3).astype(np.float32)
    return picture


def photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera does: exposure, contrast, blur, noise, at times no colour."""
    picture = (picture - 0.5) * rng.uniform(0.65, 1.2) + 0.5 + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.12:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.3:
        radius = rng.uniform(0.4, 1.3)
        picture = gaussian_filter(picture, (radius, radius, 0), truncate=2.5)
    if rng.random() < 0.6:
        noise = rng.standard_normal(picture.shape, dtype=np.float32)
        picture = picture + np.float32(rng.uniform(0, 0.05)) * noise
    return np.clip(picture, 0, 1)


def batches(plan: Plan) -> list[tuple[int, int, int]]:
    """What one process draws at a time: the class of the thing, how many pictures, and the row of the first."""
    of_things = [(thing, plan.pictures, thing * plan.pictures) for thing in range(plan.things)]
    return [*of_things, (plan.things, plan.grounds * plan.bare, plan.things * plan.pictures)]


def draw_all(plan: Plan, folder: Path, processes: int) -> Path:
    """Draw every picture of the plan into one file that can be mapped into memory, unless it is there already.

    Returns:
        The folder of `pictures.npy`, uint8, shape (plan.count, SIDE, SIDE, 3); `maps.npy`, uint8, shape (plan.count,
        MAP_SIDE, MAP_SIDE); and `labels.npy`, int32, shape (plan.count, 2): thing and ground.
    """
    name = "-".join(str(value) for value in asdict(plan).values())
    finished, unfinished = folder / f"pictures-{name}", folder / f"pictures-{name}.part"
    if finished.exists():
        return finished
    unfinished.mkdir(parents=True, exist_ok=True)
    shape = (plan.count, SIDE, SIDE, 3)
    np.lib.format.open_memmap(unfinished / "pictures.npy", mode="w+", dtype=np.uint8, shape=shape).flush()
    jobs = [(plan, unfinished / "pictures.npy", *batch) for batch in batches(plan)]
    with get_context("spawn").Pool(processes) as pool:
        labels, maps = zip(*pool.starmap(draw_batch, jobs, chunksize=1), strict=True)
    np.save(unfinished / "labels.npy", np.concatenate(labels))
    np.save(unfinished / "maps.npy", np.concatenate(maps))
    (unfinished / "plan.json").write_text(json.dumps(asdict(plan), indent=1), encoding="utf-8")
    unfinished.rename(finished)
    return finished


def draw_batch(plan: Plan, file: Path, thing: int, count: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the pictures of one thing into the mapped file.

    Returns:
        Their labels, int32, shape (count, 2), and their maps, uint8, shape (count, MAP_SIDE, MAP_SIDE).
    """
    pictures = np.load(file, mmap_mode="r+")
    labels = np.full((count, 2), thing, dtype=np.int32)
    maps = np.zeros((count, MAP_SIDE, MAP_SIDE), dtype=np.uint8)
    for number in range(count):
        pictures[first + number], labels[number, 1], maps[number] = drawn(plan, thing, number)
    return labels, maps


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw pictures by formulas into one file.")
    parser.add_argument("folder", type=Path, help="where the file goes; outside the repository")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--things", type=int, default=160, help="classes of things")
    parser.add_argument("--grounds", type=int, default=100, help="classes of grounds")
    parser.add_argument("--pictures", type=int, default=360, help="pictures of each thing")
    parser.add_argument("--bare", type=int, default=24, help="pictures of each ground alone")
    parser.add_argument("--processes", type=int, default=2)
    chosen = vars(parser.parse_args())
    folder, processes = chosen.pop("folder"), chosen.pop("processes")
    print(draw_all(Plan(**chosen), folder, processes))


if __name__ == "__main__":
    main()
