"""What a certificate says of an exported file, by the numbers alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.core import certificates, export_formats, files
from dashboard.core.certificates import Answers, Certificate
from dashboard.core.errors import RunError
from dashboard.core.export_formats import EXPORT_FORMATS, ExportFormat
from dashboard.core.metrics import PROBABILITY

NAMES = ["ash", "birch", "cedar"]
SHOWN = np.random.default_rng(0).dirichlet(np.ones(3), 20)
STRICT, ROUNDED = EXPORT_FORMATS["onnx"], EXPORT_FORMATS["litert-int8"]


def shown(probabilities: np.ndarray = SHOWN) -> pd.DataFrame:
    table = pd.DataFrame(probabilities, columns=[PROBABILITY + name for name in NAMES])
    for column, values in {"path": "{}.png", "sha256": "{:064}"}.items():
        table.insert(0, column, [values.format(number) for number in range(len(table))])
    return table.assign(split="test")


def judge(
    found: np.ndarray, row: ExportFormat = STRICT, names: list[str] = NAMES, page: np.ndarray = SHOWN
) -> Certificate:
    answers = Answers(names, found, found[:, ::-1], 1.5, "a runtime")
    return certificates.judge(row, shown(page), answers, size=32, digests={"model": "0" * 64})


def test_the_same_answers_are_verified_and_everything_about_them_is_said(tmp_path: Path) -> None:
    found = judge(SHOWN + 1e-6)
    assert found.verified and found.reason == "" and found.differing == []
    assert found.largest_difference == pytest.approx(1e-6) and found.equal_top_class == 1
    assert found.one_grey_level == pytest.approx(np.abs(SHOWN[:, 0] - SHOWN[:, 2]).max())
    assert found.sentence.startswith("Verified on 20 test pictures: the same class for 20")
    files.write_json(tmp_path / "certificate.json", found.as_record())
    assert certificates.read(tmp_path / "certificate.json") == found


def test_one_picture_above_the_tolerance_is_enough_and_is_named() -> None:
    changed = SHOWN.copy()
    changed[7] = [1, 0, 0] if SHOWN[7].argmax() else [0, 1, 0]
    found = judge(changed)
    assert not found.verified and "1 of 20 pictures" in found.reason
    assert [(each["path"], each["exported_probability"]) for each in found.differing] == [("7.png", 1.0)]
    assert found.differing[0]["shown"] == NAMES[SHOWN[7].argmax()]
    assert "Not verified" in found.sentence and found.reason in found.sentence


@pytest.mark.parametrize("row", [row for row in EXPORT_FORMATS.values() if row.tolerance is not None], ids=str)
@pytest.mark.parametrize("varies", [0.0, 1e-4])
def test_a_constant_output_is_never_verified(row: ExportFormat, varies: float) -> None:
    constant = np.full((20, 3), 1 / 3) + varies * np.random.default_rng(0).uniform(-1, 1, (20, 3))
    found = judge(constant, row, page=constant)
    assert found.largest_difference == 0 and found.equal_top_class == 1
    assert not found.verified and "the same answer" in found.reason


def test_answers_that_are_no_numbers_are_not_verified() -> None:
    broken = SHOWN.copy()
    broken[3, 1] = np.nan
    found = judge(broken)
    assert not found.verified and found.largest_difference == 1


def test_classes_are_matched_by_name_whatever_their_order() -> None:
    assert judge(SHOWN[:, [2, 0, 1]], names=["cedar", "ash", "birch"]).verified
    assert not judge(SHOWN, names=["cedar", "ash", "birch"]).verified
    other = judge(SHOWN, names=["ash", "birch", "oak"])
    assert not other.verified and "other classes" in other.reason and "Not verified." in other.sentence


def test_a_format_that_rounds_may_be_further_off_but_must_name_the_same_classes() -> None:
    page = np.array([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3]] * 10)
    assert judge(page + [0.05, -0.05, 0], ROUNDED, page=page).verified
    close = np.array([[0.46, 0.44, 0.1], [0.1, 0.6, 0.3]] * 10)
    turned = close.copy()
    turned[::2] = [0.44, 0.46, 0.1]
    found = judge(turned, ROUNDED, page=close)
    assert not found.verified and "10 of 20 pictures got the same class; at least 18" in found.reason
    assert len(found.differing) == 10


def test_an_absent_exporter_is_refused_with_the_way_to_it() -> None:
    row = replace(STRICT, packages=("numpy", "no_such_package", "nor_this"))
    with pytest.raises(RunError, match="packages no_such_package, nor_this, not installed.*make extras") as refusal:
        row.require_packages()
    assert refusal.value.code == "exporter-absent"
    assert export_formats.absence(replace(row, packages=("nor_this",))).startswith("ONNX needs the package nor_this,")
