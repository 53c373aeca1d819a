import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.data.labels import Label, by_folder

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def labels(*paths: str) -> dict[str, tuple[str, str]]:
    return {path: (label.class_name, label.given_split) for path, label in by_folder(paths).items()}


def test_the_folder_is_the_class():
    assert labels("roses/1.jpg", "tulips/2.jpg") == {"roses/1.jpg": ("roses", ""), "tulips/2.jpg": ("tulips", "")}


@pytest.mark.parametrize("wrapping", ["data", "a/b/c/d/e/f", "train.zip/images"])
def test_wrapping_folders_are_looked_through_at_any_depth(wrapping):
    found = labels(f"{wrapping}/roses/1.jpg", f"{wrapping}/tulips/2.jpg", f"{wrapping}/README.md")
    assert {name for name, _ in found.values()} == {"roses", "tulips"}


def test_below_the_class_folder_depth_does_not_matter():
    found = labels("roses/red/spring/1.jpg", "tulips/2.jpg")
    assert found["roses/red/spring/1.jpg"] == ("roses", "")


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", TRAIN),
        ("Training", TRAIN),
        ("val", VALIDATION),
        ("valid", VALIDATION),
        ("validation", VALIDATION),
        ("eval", VALIDATION),
        ("TEST", TEST),
    ],
)
def test_folders_named_for_a_split_are_recognised(folder, split):
    paths = [f"set/{top}/images/{name}/{top}.jpg" for top in {"train", folder} for name in ("roses", "tulips")]
    assert labels(*paths)[f"set/{folder}/images/roses/{folder}.jpg"] == ("roses", split)


def test_eval_is_the_test_part_where_another_folder_is_for_validation():
    found = labels(*(f"{top}/{name}/1.jpg" for top in ("train", "val", "eval") for name in ("a", "b")))
    assert found["eval/a/1.jpg"] == ("a", TEST)
    assert found["val/a/1.jpg"] == ("a", VALIDATION)


@pytest.mark.parametrize(
    ("train", "test"),
    [("seg_train/seg_train", "seg_test/seg_test"), ("train_set", "test_set"), ("train/train", "test/test")],
)
def test_a_word_that_all_split_folders_share_and_a_folder_that_repeats_them_do_not_matter(train, test):
    found = labels(*(f"archive/{top}/{name}/1.jpg" for top in (train, test) for name in ("forest", "sea")))
    assert found[f"archive/{train}/forest/1.jpg"] == ("forest", TRAIN)
    assert found[f"archive/{test}/sea/1.jpg"] == ("sea", TEST)


def test_folders_that_only_begin_like_a_split_are_classes():
    found = labels("test_tube/a/1.jpg", "train_station/b/2.jpg")
    assert found["test_tube/a/1.jpg"] == ("test_tube", "")
    assert labels("test_tube/a/1.jpg", "test_tube/b/2.jpg")["test_tube/b/2.jpg"] == ("b", "")


def test_train_may_be_a_class_like_any_other():
    assert labels("train/1.jpg", "plane/2.jpg")["train/1.jpg"] == ("train", "")
    assert labels("train/1.jpg", "test/2.jpg")["test/2.jpg"] == ("test", "")


def test_pictures_outside_class_folders_have_no_label():
    assert "3.jpg" not in labels("roses/1.jpg", "tulips/2.jpg", "3.jpg")
    assert "test/3.jpg" not in labels("train/a/1.jpg", "train/b/2.jpg", "test/3.jpg")
    assert labels("1.jpg", "2.jpg") == {}


def test_one_class_folder_is_not_taken_for_a_wrapping():
    assert labels("roses/1.jpg", "roses/2.jpg")["roses/1.jpg"] == ("roses", "")


@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
        min_size=2,
        max_size=5,
        unique=True,
    )
)
def test_any_folder_name_is_a_class_name_taken_literally(names):
    assert by_folder([f"{name}/1.jpg" for name in names]) == {f"{name}/1.jpg": Label(name) for name in names}
