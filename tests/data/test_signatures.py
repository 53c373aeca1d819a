import numpy as np
import pytest

from dashboard.data import looks, signatures
from tests.making import pixels


def test_signatures_come_back_as_written_and_are_not_read_whole(workspace):
    some = [(f"{seed:064x}", looks.measure(pixels(seed)).signature) for seed in range(5)]
    path = signatures.path("abc", 0)
    signatures.write(path, signatures.rows(some))
    found = signatures.read(path)
    assert isinstance(found, np.memmap)
    assert [row["sha256"].decode() for row in found] == [sha256 for sha256, _ in some]
    assert np.array_equal(found["signature"][3], some[3][1])


def test_a_damaged_or_foreign_file_holds_no_signatures(workspace):
    path = signatures.path("abc", 0)
    signatures.write(path, signatures.rows([(f"{1:064x}", looks.measure(pixels(1)).signature)]))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert len(signatures.read(path)) == 0
    np.save(path, np.array([{"a": 1}], dtype=object))  # would be unpickled by a careless reader
    assert len(signatures.read(path)) == 0
    np.save(path, np.arange(3))
    assert len(signatures.read(path)) == 0
    assert len(signatures.read(path.with_name("absent.npy"))) == 0


def test_all_imports_of_a_dataset_are_read_in_order_and_each_picture_once(workspace):
    one, two, three = [(f"{seed:064x}", looks.measure(pixels(seed)).signature) for seed in (1, 2, 3)]
    signatures.write(signatures.path("abc", 10), signatures.rows([three, two]))
    signatures.write(signatures.path("abc", 9), signatures.rows([two, one]))
    signatures.write(signatures.path("abcd", 0), signatures.rows([three]))
    found = signatures.together(signatures.files_of("abc"))
    assert [int(row["sha256"], 16) for row in found] == [2, 1, 3]
    assert len(signatures.together(signatures.files_of("none"))) == 0


@pytest.mark.parametrize("count", [0, 1, 9, 10, 1_234])
def test_parts_are_joined_to_a_file_that_is_read_as_one_and_no_picture_is_twice(count, workspace, tmp_path):
    random = np.random.default_rng(0)
    rows = signatures.rows(
        (f"{number:064x}", random.integers(0, 256, looks.SIGNATURE, np.uint8)) for number in range(count)
    )
    parts = []
    for number, part in enumerate(np.array_split(np.concatenate([rows, rows[:3], rows[:1]]), 4)):
        parts.append(tmp_path / str(number))
        part.tofile(parts[-1])
    assert signatures.join(parts, tmp_path / "joined.npy") == count
    assert (signatures.read(tmp_path / "joined.npy") == rows).all()
    signatures.keep("abc", tmp_path / "joined.npy")
    signatures.keep("abc", tmp_path / "joined.npy")
    assert [file.name for file in signatures.files_of("abc")] == ["abc-0.npy", "abc-1.npy"]
    assert len(signatures.together(signatures.files_of("abc"))) == count
