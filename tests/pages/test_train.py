"""The Train page before a run: what augmentation does and costs, and what is kept."""

import json
from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.data.datasets import Dataset
from dashboard.runs import cache
from tests.pages.conftest import OpenPage, settle


@pytest.fixture
def train(take_shapes: Callable[..., Dataset], open_page: OpenPage) -> AppTest:
    """The Train page, with 8 classes of 6 pictures."""
    take_shapes()
    return open_page("train")


def keys(at: AppTest) -> set[str]:
    return {each.key for each in at.button}


def said(at: AppTest, words: str) -> bool:
    return any(words in each.value for each in (*at.caption, *at.markdown, *at.success))


def keep(name: str, **key: object) -> None:
    (cache.take(name) / "shard-0.npy").write_bytes(bytes(1_000_000))
    (cache.root() / name / cache.KEY).write_text(json.dumps(key))
    st.cache_data.clear()  # pages look at the disk anew only every few seconds


def test_the_words_on_what_is_traded_follow_the_settings(train: AppTest) -> None:
    at = train
    assert said(at, "1 view of 32 pictures: 32 pictures through the frozen part once, instead of 32 in each of 10")
    at.pills(key="train_augmentation").set_value(["flip"]).run()
    assert said(at, "4 views of 32 pictures: 128 pictures through the frozen part once")
    at.number_input(key="train_views").set_value(2).run()
    assert said(at, "2 views of 32 pictures: 64 pictures through the frozen part once")
    at.toggle(key="train_cache").set_value(False).run()
    assert said(at, "Nothing is kept: 32 pictures through the whole network in each of 10 epochs, with fresh changes")
    assert not at.exception


def test_what_is_kept_is_empty_at_first_and_names_its_limit(train: AppTest) -> None:
    assert said(train, "Nothing is kept yet")
    assert said(train, "THAW\\_FEATURES\\_GIGABYTES sets the limit, now 10.")
    assert "train_kept_remove" not in keys(train) and not train.dataframe


def test_removing_asks_once_names_what_is_lost_and_leaves_what_is_in_use(train: AppTest, open_page: OpenPage) -> None:
    keep("free", backbone="MobileNet", cut="pooling", image_size=96, precision="float32", view=0)
    cache.give_back()
    keep("used", backbone="Xception", cut="block_13", image_size=299, precision="bfloat16", view=0)
    at = open_page("train")
    rows = at.dataframe[0].value
    assert sorted(rows["backbone"]) == ["MobileNet", "Xception"]
    assert dict(zip(rows["backbone"], rows["in_use"], strict=True)) == {"MobileNet": False, "Xception": True}
    at.button(key="train_kept_remove").click().run()
    assert said(at, "Remove 1 MB of features? They will be computed again") and said(at, "and what is in use")
    at.button(key="train_kept_keep").click().run()
    assert len(cache.kept()) == 2 and "train_kept_confirm" not in keys(at)
    at.button(key="train_kept_remove").click().run()
    at.button(key="train_kept_confirm").click().run()
    settle(at, lambda at: said(at, "1 MB removed"))
    assert [each.folder.name for each in cache.kept()] == ["used"]
    assert list(at.dataframe[0].value["backbone"]) == ["Xception"]
    assert said(at, "All of it is in use now") and "train_kept_remove" not in keys(at)
    cache.give_back()


def test_unknown_files_among_what_is_kept_do_not_break_the_page(train: AppTest, open_page: OpenPage) -> None:
    keep("odd", view={"number": "[x](http://evil.example)"})
    (cache.root() / ".DS_Store").write_bytes(b"\0")
    at = open_page("train")
    assert not at.exception and len(at.dataframe[0].value) == 1
    cache.give_back()


@pytest.mark.slow
def test_examples_of_each_augmentation_are_made_shown_and_kept(train: AppTest, open_page: OpenPage) -> None:
    at = train
    at.button(key="train_examples").click().run()
    assert "train_examples" not in keys(at), "it is under way"
    settle(at, lambda at: len(at.get("image")) == 4 * len(AUGMENTATIONS), seconds=120)
    alts = [image.proto.imgs[0].alt for image in at.get("image")[:4]]
    assert alts[0].endswith(" as it is") and [alt.split(" ", 1)[1] for alt in alts[1:]] == [
        f"changed by flip, version {number}" for number in (1, 2, 3)
    ]
    assert not said(at, "chosen")
    at.pills(key="train_augmentation").set_value(["flip", "zoom"]).run()
    settle(at, lambda at: len(at.get("image")) == 4 * len(AUGMENTATIONS) + 4, seconds=120)
    marked = [each.value for each in at.markdown if each.value.endswith("check_circle: chosen")]
    assert [each.split("**")[1] for each in marked] == ["flip", "zoom"]
    assert said(at, "flip, zoom")
    again = open_page("train")
    assert len(again.get("image")) == 4 * len(AUGMENTATIONS), "kept for whoever comes next"
