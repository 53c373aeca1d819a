import numpy as np

from dashboard.data import closeness


def everybody(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """All pairs of points on a line and their distances, at most 1."""
    first, second = np.triu_indices(len(points), 1)
    return first, second, np.minimum(np.abs(points[first] - points[second]), 1), len(points)


def test_a_pair_far_from_everything_is_alike_and_the_same_pair_in_a_crowd_is_not():
    crowd = np.arange(40) * 0.03
    alone = everybody(np.array([*crowd, 50.0, 50.03]))
    assert closeness.alike(*alone).sum() == 1
    assert not closeness.alike(*everybody(crowd)).any()


def test_a_group_without_strangers_among_its_neighbours_is_alike_if_it_stands_apart():
    groups = np.concatenate([start + np.arange(20) * 0.02 for start in (0.0, 10.0, 20.0, 30.0, 40.0)])
    first, second, distance, count = everybody(groups)
    found = closeness.alike(first, second, distance, count)
    assert np.array_equal(found, (first // 20 == second // 20) & (distance <= closeness.NEVER))


def test_most_of_a_set_is_no_group():
    first, second, distance, count = everybody(np.array([*np.arange(60) * 0.02, *(50 + 9 * np.arange(20))]))
    assert not closeness.alike(first, second, distance, count).any()


def test_what_is_far_is_never_alike_and_no_pairs_are_no_pairs():
    assert not closeness.alike(*everybody(np.array([0.0, 0.2, 40.0, 60.0]))).any()
    none = np.empty(0, np.int64)
    assert len(closeness.alike(none, none, np.empty(0), 3)) == 0
