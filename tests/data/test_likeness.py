import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dashboard.core.errors import UploadError
from dashboard.data import grouping, likeness, looks, samples, signatures


def scene(seed: int, width: int = 200, height: int = 150) -> Image.Image:
    """Something like a photograph: light, a few things of different sizes, fine structure."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells, weight in ((3, 0.4), (6, 0.3), (14, 0.2), (40, 0.1)):
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += weight * np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(total.astype(np.uint8))


def saved_again(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    w, h = image.size
    ImageDraw.Draw(image).rectangle((0, round(0.9 * h), w, h), fill=(0, 0, 0))
    ImageDraw.Draw(image).rectangle((0.2 * w, round(0.93 * h), 0.7 * w, 0.97 * h), fill=(255, 255, 255))
    return image


CHANGES = {
    "saved again at quality 20": lambda image: saved_again(image, 20),
    "darker": lambda image: image.point(lambda v: v * 0.7),
    "brighter": lambda image: image.point(lambda v: v * 1.3),
    "cropped at two sides only": lambda image: cropped(image, 0, 0.06, 0.96, 0.95),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "half the size": lambda image: image.resize((100, 75)),
    "another aspect": lambda image: image.resize((150, 150)),
    "cropped in the middle": lambda image: cropped(image, 0.1, 0.1, 0.9, 0.9),
    "cropped to three quarters at a corner": lambda image: cropped(image, 0, 0.25, 0.75, 1),
    "cropped unevenly": lambda image: cropped(image, 0.15, 0.02, 0.93, 1),
    "a caption": captioned,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cropped, brighter and saved again": lambda image: saved_again(
        cropped(image, 0.12, 0.03, 1, 0.95).point(lambda v: v * 1.2), 40
    ),
}


def rows_of(pictures: list[Image.Image]) -> np.ndarray:
    measured = [looks.measure(np.asarray(picture)).signature for picture in pictures]
    return signatures.rows((f"{number:064x}", signature) for number, signature in enumerate(measured))


def found_numbers(found: pd.DataFrame) -> set[tuple[int, int]]:
    return {(int(row.sha256_a, 16), int(row.sha256_b, 16)) for row in found.itertuples()}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_beside_its_original_and_nothing_else_is(change):
    originals = [scene(seed) for seed in range(40)]
    copies = [CHANGES[change](originals[number]) for number in range(0, 40, 4)]
    found = likeness.pairs(rows_of(originals + copies))
    assert found_numbers(found) == {(4 * number, 40 + number) for number in range(10)}
    assert (found["sha256_a"] < found["sha256_b"]).all()
    assert found["similarity"].between(0.9, 1).all()


def test_a_pale_picture_made_so_bright_that_much_of_it_is_white_is_found():
    originals = [scene(seed).point(lambda v: v * 0.6 + 110) for seed in range(40)]
    copies = [originals[number].point(lambda v: v * 1.25) for number in range(0, 40, 4)]
    found = likeness.pairs(rows_of(originals + copies))
    assert found_numbers(found) == {(4 * number, 40 + number) for number in range(10)}


def burst(seed: int, frames: int) -> list[Image.Image]:
    """A hand-held camera over one scene: each frame a little aside, lighter or darker, with its own noise."""
    rng = np.random.default_rng(seed)
    wide, x, y, taken = scene(seed, 300, 225), 30.0, 20.0, []
    for _ in range(frames):
        x, y = np.clip(x + rng.normal(1, 1.5), 0, 80), np.clip(y + rng.normal(1, 1.5), 0, 50)
        view = np.asarray(wide.crop((round(x), round(y), round(x) + 220, round(y) + 165)), dtype=float)
        view = view * rng.uniform(0.95, 1.05) + rng.normal(0, 4, view.shape)
        taken.append(saved_again(Image.fromarray(np.clip(view, 0, 255).astype(np.uint8)), 85))
    return taken


def test_a_long_burst_is_one_group_and_two_bursts_are_two():
    bursts = [burst(seed, 20) for seed in range(6)]
    rows = rows_of([frame for frames in bursts for frame in frames])
    shas = [row["sha256"].decode() for row in rows]
    table = pd.DataFrame({"sha256": shas})
    together = grouping.together(table, likeness.pairs(rows), pd.Series("", index=table.index))
    groups = together.to_numpy().reshape(6, 20)
    assert [set(group) for group in groups] == [{group[0]} for group in groups]
    assert len({group[0] for group in groups}) == 6


def test_a_frame_that_is_added_to_a_burst_joins_it():
    rows = rows_of([frame for seed in range(6) for frame in burst(seed, 20)])
    last_of_the_first = np.roll(rows, -20)
    found = likeness.pairs(last_of_the_first, newest=1)
    assert len(found) >= 1
    new = last_of_the_first["sha256"][-1].decode()
    assert ((found["sha256_a"] == new) | (found["sha256_b"] == new)).all()
    assert {number // 20 for pair in found_numbers(found) for number in pair} == {int(new, 16) // 20}


def test_a_mirrored_picture_is_another_picture():
    originals = [scene(seed) for seed in range(10)]
    assert likeness.pairs(rows_of([*originals, ImageOps.mirror(originals[0])])).empty


def test_uniform_and_nearly_dark_pictures_are_not_alike():
    rng = np.random.default_rng(0)
    uniform = [Image.new("RGB", (80, 60), (level, level, level)) for level in range(0, 250, 10)]
    dark = [Image.fromarray(rng.integers(0, 4, (60, 80, 3), dtype=np.uint8)) for _ in range(25)]
    assert likeness.pairs(rows_of(uniform + dark)).empty


def test_the_same_thing_in_another_colour_is_another_picture():
    drawn = [scene(seed).convert("L") for seed in range(12)]
    red = [ImageOps.colorize(grey, "black", (255, 120, 100)) for grey in drawn]
    green = [ImageOps.colorize(grey, "black", (100, 255, 120)) for grey in drawn]
    assert likeness.pairs(rows_of(red + green)).empty


def test_two_pictures_and_none_are_compared_too():
    first = scene(0)
    assert len(likeness.pairs(rows_of([first, saved_again(first, 50)]))) == 1
    assert likeness.pairs(rows_of([first, scene(1)])).empty
    assert likeness.pairs(rows_of([first])).empty
    assert list(likeness.pairs(rows_of([])).columns) == likeness.COLUMNS


def test_only_pairs_with_a_new_picture_are_found_when_only_they_are_wanted():
    originals = [scene(seed) for seed in range(20)]
    old, new = saved_again(originals[3], 40), saved_again(originals[7], 40)
    found = likeness.pairs(rows_of([*originals, old, new]), newest=1)
    assert found_numbers(found) == {(7, 21)}


def test_handwritten_digits_are_not_taken_for_copies_of_each_other(tmp_path):
    samples.SAMPLES["digits"].make(tmp_path / "digits", None)
    pictures = [Image.open(path).convert("RGB") for path in sorted((tmp_path / "digits").rglob("*.png"))[::6]]
    rows = rows_of(pictures)
    assert len(likeness.pairs(rows)) <= 0.005 * len(pictures)
    mixed = np.random.default_rng(0).permutation(rows)
    assert len(likeness.pairs(mixed, newest=60)) <= 2


def test_the_planted_near_duplicates_of_the_shapes_are_found(tmp_path):
    settings = samples.ShapesSettings(images_a_class=12, near_duplicates=0.3)
    samples.SAMPLES["shapes"].make(tmp_path / "shapes", settings)
    paths = sorted((tmp_path / "shapes").rglob("*.png"))
    places = {path.name: number for number, path in enumerate(paths)}
    planted = {
        (places[name.replace("-again", "")], number) for name, number in places.items() if name.endswith("-again.png")
    }
    found = found_numbers(likeness.pairs(rows_of([Image.open(path) for path in paths])))
    planted = {tuple(sorted(pair)) for pair in planted}
    assert len(planted) >= 20
    assert len(found & planted) >= 0.95 * len(planted)
    assert len(found - planted) <= 0.02 * len(paths)


def test_features_that_point_the_same_way_are_a_pair():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 32))
    features[1500] = 3 * features[20] + rng.normal(size=32) * 0.1
    shas = [f"{number:064x}" for number in range(2000)]
    found = likeness.pairs_of_features(shas, features)
    assert found_numbers(found) == {(20, 1500)}
    assert likeness.pairs_of_features([], np.empty((0, 32))).empty


@pytest.fixture
def files(workspace: Path) -> list[Path]:
    """Signatures of eight scenes, the first of them twice, in two files."""
    rows = rows_of([scene(seed) for seed in range(8)] + [saved_again(scene(0), 40)])
    paths = [signatures.path("scenes", 0), signatures.path("scenes", 1)]
    signatures.write(paths[0], rows[:5])
    signatures.write(paths[1], rows[5:])
    return paths


def test_a_search_in_a_process_of_its_own_finds_the_same_and_tells_how_far_it_is(files, monkeypatch):
    told = []
    here = likeness.search(files)
    monkeypatch.setattr(likeness, "FEW", 0)
    found = likeness.search(files, on_progress=lambda *progress: told.append(progress))
    assert found_numbers(found) == {(0, 8)} and found.equals(here)
    assert told and all(done <= total for done, total, _ in told)


def test_a_search_for_the_newest_looks_at_pairs_with_one_of_them(files):
    assert found_numbers(likeness.search(files, 4)) == {(0, 8)}
    assert likeness.search(list(reversed(files)), 4).empty


def test_a_search_that_is_cancelled_says_so(files, monkeypatch):
    monkeypatch.setattr(likeness, "FEW", 0)
    with pytest.raises(UploadError) as caught:
        likeness.search(files, cancelled=lambda: True)
    assert caught.value.code == "upload-cancelled"
