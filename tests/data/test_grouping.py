import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.data import grouping


def members(*paths: str, group_name: str = "") -> pd.DataFrame:
    return pd.DataFrame({"path": paths, "sha256": [f"sha of {path}" for path in paths], "group_name": group_name})


def pairs(*ends: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"sha of {a}", f"sha of {b}", 0.9) for a, b in ends], columns=["sha256_a", "sha256_b", "similarity"]
    )


@pytest.mark.parametrize(
    ("by", "pattern", "path", "group"),
    [
        ("", "", "a/video3_0012.jpg", "as given"),
        ("last number", "", "a/video3_0012.jpg", "a/video3_"),
        ("last number", "", "a/video3_0012_left.jpg", "a/video3_"),
        ("last number", "", "a/portrait.jpg", ""),
        ("last number", "", "a/0012.jpg", ""),
        ("first underscore", "", "a/patient7_left_2.jpg", "a/patient7"),
        ("first underscore", "", "a/patient7.jpg", ""),
        ("folder", "", "a/monday/1.jpg", "a/monday"),
        ("pattern", "*_frame*", "a/clip.b_frame12.jpg", "a/clip.b"),
        ("pattern", "*_frame*", "a/clip_12.jpg", ""),
        ("pattern", "x[1](*)$*", "a/x[1](me)$2.png", "a/me"),
        ("pattern", "scan", "a/scan.png", ""),
        ("pattern", "*", "a/scan.png", "a/scan"),
        ("pattern", "***_*_r", "a/s_1_r.png", "a/s"),
        ("pattern", "s*_r", "a/s_r.png", ""),
    ],
)
def test_a_picture_is_named_for_a_group(by, pattern, path, group):
    assert grouping.named(members(path, group_name="as given"), by, pattern).tolist() == [group]


@pytest.mark.parametrize("by", [by for by in grouping.NAMED if by])
def test_pictures_of_two_folders_share_no_group_of_their_names(by):
    named = grouping.named(members("a/v1_2.jpg", "b/v1_3.jpg"), by, "*_*")
    assert named.nunique() == 2


def test_a_pattern_made_to_take_for_ever_does_not():
    name = "a" * 250
    assert grouping.named(members(f"x/{name}.jpg"), "pattern", "*a" * 60 + "b").tolist() == [""]


@given(st.integers(1, 40), st.data())
def test_chains_of_any_length_are_found(count, data):
    edges = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60))
    paths = [f"a/{number}" for number in range(count)]
    table = members(*paths)
    found = grouping.together(table, pairs(*((paths[a], paths[b]) for a, b in edges)), table["group_name"])
    reached = np.eye(count, dtype=bool)
    for a, b in edges:
        reached[a, b] = reached[b, a] = True
    for middle in range(count):
        reached |= np.outer(reached[:, middle], reached[middle])
    assert (np.equal.outer(found.to_numpy(), found.to_numpy()) == reached).all()


def test_groups_and_look_alikes_join_and_pairs_of_other_pictures_do_not_matter():
    table = members("a/1", "a/2", "a/3", "a/4", "a/5")
    named = pd.Series(["", "v", "v", "", ""], index=table.index)
    found = grouping.together(table, pairs(("a/1", "a/2"), ("a/4", "elsewhere")), named)
    assert found.nunique() == 3 and found[0] == found[1] == found[2]


def test_leaked_pairs_are_counted():
    table = members("a/1", "a/2", "a/3", "a/4")
    split = pd.Series(["train", "test", "train", "test"])
    none = pd.Series("", index=table.index)
    assert grouping.leaked(table, pairs(("a/1", "a/2"), ("a/1", "a/3")), none, split) == 1
    assert grouping.leaked(table, pairs(), pd.Series("v", index=table.index), split) == 4
    assert grouping.leaked(table, pairs(), none, split) == 0
