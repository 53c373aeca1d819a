import time

import numpy as np
import pandas as pd
import pytest

from dashboard.data import checks, findings, looks
from dashboard.data.checks import CHECKS
from dashboard.data.findings import Evidence
from tests.making import pixels


def honest(count: int = 400, seed: int = 0) -> pd.DataFrame:
    """Members of a set of photographs with nothing wrong: four classes alike in all that is measured."""
    rng = np.random.default_rng(seed)
    portrait = rng.random(count) < 0.3
    scale = rng.uniform(0.7, 1.5, count)
    long, short = (500 * scale).astype(int), (375 * scale).astype(int)
    width, height = np.where(portrait, short, long), np.where(portrait, long, short)
    class_names = rng.choice(["cat", "dog", "horse", "sheep"], count, p=[0.4, 0.3, 0.2, 0.1])
    return pd.DataFrame(
        {
            "path": [f"{name}/{number}.jpg" for number, name in enumerate(class_names)],
            "sha256": [f"{number:064x}" for number in range(count)],
            "class_name": class_names,
            "split": rng.choice(["train", "validation", "test"], count, p=[0.7, 0.15, 0.15]),
            "width": width,
            "height": height,
            "format": rng.choice(["JPEG", "PNG"], count, p=[0.9, 0.1]),
            "mode": "RGB",
            "size": (width * height * rng.uniform(0.1, 0.4, count)).astype(int),
            "brightness": np.clip(rng.normal(118, 30, count), 45, 220),
            "contrast": rng.uniform(25, 90, count),
            "sharpness": np.exp(np.clip(rng.normal(6.5, 1, count), 4, 10)),
            "phash": "0" * 16,
        }
    )


REMARKS = pd.DataFrame(
    [
        ("bad.jpg", "image-truncated", "The picture ends before it is complete.", True),
        ("again.jpg", "duplicate", "The same picture as 'cat/1.jpg', which was taken.", True),
        ("film.gif", "image-animated", "Only the first of its frames or pages is used.", False),
    ],
    columns=["path", "code", "reason", "refused"],
)


def with_values(column: str, value: object, rows: int = 3) -> Evidence:
    members = honest()
    members[column] = members[column].astype(type(value) if isinstance(value, str) else float)
    members.loc[: rows - 1, column] = value
    return Evidence(members)


def alike(**columns: list[str]) -> Evidence:
    """The first two members look alike."""
    members = honest()
    for name, values in columns.items():
        members.loc[[0, 1], name] = values
    pairs = pd.DataFrame({"sha256_a": [f"{0:064x}"], "sha256_b": [f"{1:064x}"], "similarity": [0.97]})
    return Evidence(members, pairs)


def small() -> Evidence:
    members = honest()
    members.loc[:2, ["width", "height"]] = 80, 60
    return Evidence(members)


def long() -> Evidence:
    members = honest()
    members.loc[:2, "width"] = members["height"][:3] * 4
    return Evidence(members)


def imbalanced() -> Evidence:
    members = honest()
    others = members[members["class_name"] != "sheep"]
    return Evidence(pd.concat([others, members[members["class_name"] == "sheep"].head(11)]))


def with_few() -> Evidence:
    members = honest()
    goats = honest(4).assign(class_name="goat", path=["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    return Evidence(pd.concat([members, goats], ignore_index=True))


def named_twice() -> Evidence:
    members = honest()
    members.loc[members.index % 2 == 0, "class_name"] = members["class_name"].replace("horse", " Horse")
    return Evidence(members)


def told_by_format() -> Evidence:
    members = honest()
    return Evidence(members.assign(format=np.where(members["class_name"] == "dog", "PNG", "JPEG")))


def told_by_border() -> Evidence:
    members = honest()
    borders = pd.Series(np.random.default_rng(0).uniform(60, 180, len(members)), index=members.index)
    return Evidence(members, borders=borders.where(members["class_name"] != "cat", 2.0))


PLANTED = {
    "refused": lambda: Evidence(honest(), remarks=REMARKS),
    "duplicates": lambda: Evidence(honest(), remarks=REMARKS),
    "two-classes": lambda: alike(path=["a.jpg", "b.jpg"], class_name=["cat", "dog"]),
    "near-duplicates": lambda: alike(path=["a.jpg", "b.jpg"], class_name=["cat", "cat"]),
    "two-sides": lambda: alike(path=["a.jpg", "b.jpg"], split=["train", "test"]),
    "small": small,
    "odd-shape": long,
    "dark": lambda: with_values("brightness", 9.0),
    "bright": lambda: with_values("brightness", 251.0),
    "blurred": lambda: with_values("sharpness", 2.0),
    "uniform": lambda: with_values("contrast", 1.0),
    "imbalance": imbalanced,
    "few": with_few,
    "similar-names": named_twice,
    "file-gives-away": told_by_format,
    "light-gives-away": told_by_border,
}
SAYS = {
    "refused": "The picture ends before it is complete.",
    "duplicates": "The same picture as 'cat/1.jpg', which was taken.",
    "two-classes": "In 'cat', but looks like 'b.jpg' in 'dog' (97% alike).",
    "near-duplicates": "Looks like 'b.jpg' (97% alike).",
    "two-sides": "In train, but looks like 'b.jpg' in test (97% alike).",
    "small": "80 x 60 pixels; the network looks at 96 x 96",
    "odd-shape": "one side is 4.0 times the other",
    "dark": "mean grey is 9 of 255; 1",
    "bright": "mean grey is 251 of 255; 1",
    "blurred": "its sharpness is 2; ",
    "uniform": "its grey values differ by 1.0 of 255",
    "imbalance": "11 pictures; 'cat' has ",
    "few": "4 pictures; below 10",
    "similar-names": "the same letters, written differently",
    "file-gives-away": "The file format alone tells this class",
    "light-gives-away": "The brightness of the border alone tells this class",
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_planted_fault_is_found_and_told_with_its_figure(name):
    evidence = PLANTED[name]()
    found = CHECKS[name].function(evidence)
    assert list(found.columns) == findings.COLUMNS
    assert 1 <= len(found) <= 4
    said = found["reason"].iloc[0]
    assert SAYS[name] in said
    assert set(found["path"]) <= {*evidence.members["path"], *REMARKS["path"], ""}


@pytest.mark.parametrize("name", CHECKS)
def test_an_honest_set_is_silent(name):
    for seed in range(5):
        assert CHECKS[name].function(Evidence(honest(seed=seed))).empty


@pytest.mark.parametrize("name", CHECKS)
def test_rows_that_were_never_measured_and_none_at_all_are_no_fault(name):
    unmeasured = honest().assign(brightness=None, contrast=None, sharpness=None, phash=None)
    assert CHECKS[name].function(Evidence(unmeasured)).empty
    assert CHECKS[name].function(Evidence(honest().head(0))).empty


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_check_says_what_to_do(check):
    assert check.title and check.advice.endswith(".")


def test_a_set_of_small_pictures_is_told_once():
    found = CHECKS["small"].function(Evidence(honest().assign(width=28, height=28)))
    assert found["path"].tolist() == [""]
    assert "100% of the pictures are smaller" in found["reason"][0]


def test_a_dark_set_has_no_dark_pictures():
    members = honest()
    assert CHECKS["dark"].function(Evidence(members.assign(brightness=members["brightness"] / 5))).empty


def test_a_few_enormous_pictures_among_small_ones_are_odd():
    members = honest().assign(width=100, height=100)
    members.loc[[3, 4], ["width", "height"]] = 3000
    assert CHECKS["odd-shape"].function(Evidence(members))["path"].tolist() == members["path"][[3, 4]].tolist()


def test_a_size_that_many_pictures_have_is_not_odd():
    members = honest()
    members.loc[members.index % 5 == 0, ["width", "height"]] = 4000
    assert CHECKS["odd-shape"].function(Evidence(members)).empty


@pytest.mark.parametrize("column", ["format", "mode", "width", "size"])
def test_whatever_of_the_file_gives_one_of_four_classes_away_is_named(column):
    members = honest().assign(format="JPEG")
    dogs = members["class_name"] == "dog"
    values = {"format": "PNG", "mode": "L", "width": 640, "size": members["width"] * members["height"]}[column]
    found = CHECKS["file-gives-away"].function(
        Evidence(members.assign(**{column: members[column].where(~dogs, values)}))
    )
    assert set(found["class_name"]) == {"dog"}
    assert (found["value"] > 0.92).all()


def test_of_two_classes_one_is_told_to_be_given_away():
    members = honest()
    members = members[members["class_name"].isin(["cat", "dog"])]
    members = members.assign(format=np.where(members["class_name"] == "dog", "PNG", "JPEG"))
    assert len(CHECKS["file-gives-away"].function(Evidence(members))) == 1


def test_a_size_of_its_own_for_every_picture_gives_nothing_away():
    members = honest()
    own = members.assign(width=np.arange(500, 900), height=np.arange(900, 500, -1))
    assert CHECKS["file-gives-away"].function(Evidence(own.sample(frac=1, random_state=0))).empty


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cat", "Cat "),
        ("ｃａｔ", "cat"),
        ("red_fox", "Red-Fox"),
        ("cat", "cats"),
        ("daisy", "dasiy"[:2] + "ssy"),
        ("tulip", "tullip"),
    ],
)
def test_names_that_may_mean_one_class_are_paired(first, second):
    members = honest().replace({"class_name": {"cat": first, "dog": second}})
    found = CHECKS["similar-names"].function(Evidence(members))
    assert len(found) == 1
    assert f"'{first}'" in found["reason"][0] and f"'{second}'" in found["reason"][0]


@pytest.mark.parametrize(
    ("first", "second"), [("cat", "bat"), ("class 1", "class 2"), ("0", "1"), ("type a", "type b"), ("type1", "type2")]
)
def test_short_names_and_numbers_are_not_taken_for_slips(first, second):
    members = honest().replace({"class_name": {"cat": first, "dog": second}})
    assert CHECKS["similar-names"].function(Evidence(members)).empty


def test_the_border_of_a_picture_is_read_from_its_signature():
    framed = pixels(1, side=64)
    framed[:2], framed[-2:], framed[:, :2], framed[:, -2:] = 0, 0, 0, 0
    borders = findings.border_of(
        np.stack([looks.measure(framed).signature, looks.measure(pixels(1, side=64)).signature])
    )
    assert borders[0] == 0
    assert borders[1] > 20


@pytest.mark.parametrize("name", ["flowers_small", "trashnet_third"])
def test_a_real_set_gives_no_class_away(name, shared_data):
    from dashboard.data import images

    rows = []
    for path in sorted((shared_data / name).rglob("*.jpg"))[::4]:
        with path.open("rb") as file:
            picture = images.read(file)
        found = looks.measure(picture.pixels)
        height, width = picture.pixels.shape[:2]
        rows.append(
            {
                "path": str(path),
                "sha256": path.name,
                "class_name": path.parent.name,
                "split": "train",
                "width": width,
                "height": height,
                "format": picture.format,
                "mode": picture.mode,
                "size": path.stat().st_size,
                "brightness": found.brightness,
                "contrast": found.contrast,
                "sharpness": found.sharpness,
                "phash": found.phash,
                "border": findings.border_of(found.signature),
            }
        )
    members = pd.DataFrame(rows)
    evidence = Evidence(members, borders=members["border"])
    assert CHECKS["file-gives-away"].function(evidence).empty
    assert CHECKS["light-gives-away"].function(evidence).empty


def test_a_hundred_thousand_pictures_are_checked_in_a_moment():
    members = honest(100_000)
    pairs = pd.DataFrame({"sha256_a": members["sha256"][:20_000:2], "similarity": 0.95})
    pairs["sha256_b"] = members["sha256"][1:20_000:2].to_numpy()
    evidence = Evidence(members, pairs, borders=members["brightness"])
    start = time.process_time()
    found = [check.function(evidence) for check in checks.CHECKS.values()]
    assert time.process_time() - start < 2.5  # 0.7 on an idle machine
    assert sum(map(len, found)) > 10_000
