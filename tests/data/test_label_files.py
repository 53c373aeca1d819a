"""Label files as people have them: what each column is, is found by what stands in it; then every row is followed."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core import database
from dashboard.core.errors import UploadError
from dashboard.data import datasets, delimited, intake, inventory, label_files, label_rows
from dashboard.data.intake import Source
from dashboard.data.label_files import Proposal
from dashboard.data.labels import Label
from dashboard.data.picture_names import PictureNames
from tests.making import folder_of, picture, zip_of

FLAT = [f"{number}.png" for number in range(12)]


def proposed(text: str | bytes, pictures: list[str], file: str = "labels.csv") -> Proposal:
    data = text if isinstance(text, bytes) else text.encode()
    return label_files.propose(file, data, PictureNames(pictures))


def followed(
    text: str | bytes, pictures: list[str], file: str = "labels.csv", **columns: object
) -> label_rows.Labelled:
    data = text if isinstance(text, bytes) else text.encode()
    names = PictureNames(pictures)
    return label_rows.follow(label_files.choose(label_files.propose(file, data, names), **columns), data, names)


def table(*header: str, rows: object, separator: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def classes_of(result: label_rows.Labelled) -> dict[str, str]:
    return {path: label.class_name for path, label in result.labels.items()}


def codes(result: label_rows.Labelled) -> list[tuple[str, str]]:
    return [(path, code) for path, code, _, _ in result.remarks]


# Layouts as they come


def test_a_real_tsv_without_a_header_is_understood(shared_data: Path, workspace: Path) -> None:
    look = inventory.look(Source(shared_data / "messy" / "mlnet_flat_with_tags_tsv", "set"))
    (found,) = look.proposals
    assert (look.pictures, look.class_count, look.folders_decide) == (19, 0, False)
    assert (found.file, found.separator, found.has_header, found.doubt) == ("tags.tsv", "\t", False, "")
    assert (found.picture_column, found.class_columns) == ("Column 1", ("Column 2",))
    assert (found.rows, found.matched, found.classes) == (20, 19, 6)
    assert found.sample[0] == ("broccoli.jpg", "broccoli")


def test_a_real_set_is_taken_by_its_tsv_with_the_missing_picture_named(
    shared_data: Path, workspace: Path, tmp_path: Path
):
    real = shared_data / "messy" / "mlnet_flat_with_tags_tsv"
    upload = {file.name: file.read_bytes() for file in real.iterdir() if not file.name.startswith("broccoli")}
    source = Source(zip_of(upload, tmp_path / "tags.zip"), "tags")
    dataset = intake.import_pictures(source, name="tags", label_file=inventory.look(source).proposals[0])
    members = datasets.members(dataset)
    counts = members["class_name"].value_counts().to_dict()
    assert counts == {"canoe": 3, "coffeepot": 3, "pizza": 3, "teddy bear": 5, "toaster": 3}
    remarks = datasets.remarks(dataset)
    missing = remarks[remarks["code"] == "label-file-missing"]
    assert set(missing["path"]) == {"broccoli.jpg", "broccoli.png", "coffeepot4.jpg"}
    assert not remarks["refused"].any() and "tags.tsv" not in set(remarks["path"])
    assert remarks["path"].tolist().count("wikimedia.md") == 1


def test_kaggle_ids_without_a_suffix_find_their_pictures() -> None:
    pictures = [f"train/{number:05x}.jpg" for number in range(40)] + [
        f"test/{number:05x}.jpg" for number in range(90, 99)
    ]
    text = table("id", "breed", rows=[(f"{number:05x}", f"breed {number % 4}") for number in range(40)])
    found = proposed(text, pictures)
    assert (found.picture_column, found.class_columns, found.matched, found.doubt) == ("id", ("breed",), 40, "")
    result = followed(text, pictures)
    assert classes_of(result)["train/0000a.jpg"] == "breed 2"
    assert {path: error.code for path, error in result.refusals.items()} == dict.fromkeys(
        pictures[40:], "label-missing"
    )


def test_integers_that_name_pictures_are_told_from_integers_that_are_classes() -> None:
    text = table("label", "id", rows=[(number % 10, number) for number in range(60)])
    found = proposed(text, [f"{number}.png" for number in range(60)])
    assert (found.picture_column, found.class_columns) == ("id", ("label",))


def test_excel_in_german_with_utf16_semicolons_and_splits() -> None:
    rows = [
        (f"Bilder\\{n}.PNG", ("Käfer", "Schmetterling")[n % 2], ("train", "valid", "test")[n % 3]) for n in range(12)
    ]
    data = table("filename", "class", "split", rows=rows, separator=";").replace("\n", "\r\n").encode("utf-16")
    pictures = [f"Insekten/Bilder/{n}.png" for n in range(12)]
    found = proposed(data, pictures)
    assert (found.encoding, found.separator, found.split_column) == ("utf-16", ";", "split")
    result = followed(data, pictures)
    assert result.labels["Insekten/Bilder/1.png"] == Label("Schmetterling", "validation")
    assert not result.remarks and not result.refusals


def test_paths_of_another_machine_that_hold_the_upload_are_understood() -> None:
    text = table("image_path", "label", rows=[(f"./data/pets/images/{n}.png", "ab"[n % 2]) for n in range(12)])
    for pictures in ([f"images/{n}.png" for n in range(12)], [f"my zip/pets/images/{n}.png" for n in range(12)], FLAT):
        assert len(followed(text, pictures).labels) == 12


def test_paths_are_taken_below_the_label_files_folder_first() -> None:
    pictures = [f"{top}/{n}.png" for top in ("train", "test") for n in range(6)]
    text = table("file", "label", rows=[(f"{n}.png", "ab"[n % 2]) for n in range(6)])
    result = followed(text, pictures, "test/labels.csv")
    assert sorted(result.labels) == pictures[6:]
    up = table("file", "label", rows=[(f"../train/{n}.png", "ab"[n % 2]) for n in range(6)])
    assert sorted(followed(up, pictures, "test/labels.csv").labels) == pictures[:6]


def test_the_last_part_alone_decides_only_where_no_path_fits() -> None:
    pictures = [f"kept/{n}.png" for n in range(8)]
    strangers = table("file", "label", rows=[(f"elsewhere/{n}.png", "ab"[n % 2]) for n in range(8)])
    assert len(followed(strangers, pictures).labels) == 8
    rows = [*((f"kept/{n}.png", "ab"[n % 2]) for n in range(8)), *((f"left out/{n}.png", "c") for n in range(8))]
    result = followed(table("file", "label", rows=rows), pictures)
    assert set(classes_of(result).values()) == {"a", "b"}
    assert [code for _, code in codes(result)] == ["label-file-missing"] * 8


def test_one_column_a_class_is_read_as_classes() -> None:
    rows = [(n, *(f"{float(n % 3 == k)}" for k in range(3)), 40 + n) for n in range(12)]
    text = table("image", "MEL", "NV", "BCC", "age", rows=rows)
    found = proposed(text, FLAT)
    assert (found.picture_column, found.class_columns, found.classes) == ("image", ("MEL", "NV", "BCC"), 3)
    assert classes_of(followed(text, FLAT))["4.png"] == "NV"


def test_one_hot_rows_with_several_or_no_ones_are_refused() -> None:
    rows = [[n, int(n % 2 == 0), int(n % 2)] for n in range(40)]
    rows[3][1], rows[5][2] = 1, 0
    result = followed(table("image", "cat", "dog", rows=rows), [f"{n}.png" for n in range(40)])
    assert {path: error.code for path, error in result.refusals.items()} == {
        "3.png": "label-several",
        "5.png": "label-empty",
    }


def test_a_group_is_a_named_column_with_more_values_than_classes() -> None:
    rows = [(f"{n}.png", f"p{n // 3}", "ab"[n % 2], 0.5 + n) for n in range(12)]
    text = table("file", "patient_id", "diagnosis", "age", rows=rows)
    found = proposed(text, FLAT)
    assert (found.class_columns, found.group_column) == (("diagnosis",), "patient_id")
    assert followed(text, FLAT).labels["4.png"] == Label("a", "", "p1")


def test_several_columns_that_could_be_classes_are_asked_about() -> None:
    text = table(rows=[(f"{n}.png", ("red", "blue")[n % 2], ("round", "square", "long")[n % 3]) for n in range(12)])
    found = proposed(text, FLAT)
    assert found.class_columns == () and "Several columns" in found.doubt
    assert [column.could_be for column in found.columns] == [("picture",), ("class",), ("class",)]
    with pytest.raises(UploadError) as refusal:
        followed(text, FLAT)
    assert refusal.value.code == "label-column-missing"
    assert len(followed(text, FLAT, class_columns=("Column 3",)).labels) == 12


def test_words_of_the_header_decide_between_two_columns_of_classes() -> None:
    rows = [(n % 3, f"{n}.png", ("ant", "bee", "cow")[n % 3], ("wet", "dry")[n % 2]) for n in range(12)]
    assert proposed(table("class_id", "file", "className", "weather", rows=rows), FLAT).class_columns == ("className",)


def test_a_first_row_is_no_header_only_because_its_picture_is_not_there() -> None:
    rows = [("gone", "ant"), *((f"{n}", ("ant", "bee")[n % 2]) for n in range(12))]
    assert not proposed(table(rows=rows), FLAT).has_header
    assert proposed(table("nothing known", "neither", rows=rows[1:]), FLAT).has_header


def test_boxes_name_a_picture_several_times_with_one_class() -> None:
    rows = [(f"{n % 12}.png", 640, 480, "ab"[n % 12 % 2], n, n, n + 9, n + 9) for n in range(24)]
    header = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
    found = proposed(table(*header, rows=rows), FLAT)
    assert (found.picture_column, found.class_columns, found.matched) == ("filename", ("class",), 12)
    assert len(followed(table(*header, rows=rows), FLAT).labels) == 12


def test_a_table_that_names_no_pictures_says_so() -> None:
    found = proposed(table("city", "country", rows=[(f"c{n}", "ab"[n % 2]) for n in range(9)]), FLAT)
    assert found.picture_column == "" and "No column names the pictures" in found.doubt


# Rows one by one


def test_text_stays_text() -> None:
    names = ["007", "None", "NA", "nan", "null", "1e5", "TRUE", "=1+1", "<b>x", "", "x"]
    rows = [(f"{n}.png", name) for n, name in enumerate(names) for _ in range(2)]
    result = followed(table("image", "label", rows=rows), FLAT, class_columns=("label",))
    assert [classes_of(result).get(f"{n}.png", "") for n in range(len(names))] == names


ODD_ROWS = """image,label
0.png,cat
1.png,dog
2.png,cat
2.png,dog
3.png,
4.png,cat|dog
5.png,cat,extra
5.png
gone.png,cat
twice.png,dog
6.png,cat,,
7.png,dog
7.png,dog
"8.png","a
b"
9.png,dog
"""


def test_every_row_that_gives_nothing_has_its_reason() -> None:
    pictures = [*(f"{n}.png" for n in range(11)), "a/twice.png", "b/twice.png"]
    result = followed(ODD_ROWS, pictures)
    assert classes_of(result) == {"0.png": "cat", "1.png": "dog", "6.png": "cat", "7.png": "dog", "9.png": "dog"}
    assert {path: error.code for path, error in result.refusals.items()} == {
        "2.png": "label-two-classes",
        "3.png": "label-empty",
        "4.png": "label-several",
        "5.png": "label-missing",
        "8.png": "label-name",
        "10.png": "label-missing",
        "a/twice.png": "label-missing",
        "b/twice.png": "label-missing",
    }
    assert codes(result) == [
        ("labels.csv, line 8", "label-row"),
        ("labels.csv, line 9", "label-row"),
        ("gone.png", "label-file-missing"),
        ("twice.png", "label-ambiguous"),
    ]
    assert "Lines 4 and 5" in result.refusals["2.png"].message
    assert not any(refused for *_, refused in result.remarks)


def test_an_unknown_split_is_named_and_the_picture_divided_like_the_rest() -> None:
    rows = [(f"{n}.png", "ab"[n % 2], ("train", "test", "", "holdout")[n % 4]) for n in range(12)]
    result = followed(table("image", "label", "fold", rows=rows), FLAT, split_column="fold")
    assert [result.labels[f"{n}.png"].given_split for n in range(4)] == ["train", "test", "", ""]
    assert codes(result) == [(f"{n}.png", "label-split") for n in (3, 7, 11)]


def test_suffixes_and_cases_decide_only_where_nothing_else_does() -> None:
    names = PictureNames(["a/One.JPG", "a/one.png", "b/TWO.jpg", "c/three.png", "d/three.jpg"])
    assert names.find("one.png") == ["a/one.png"]
    assert names.find("One.JPG") == ["a/One.JPG"]
    assert names.find("two.jpg") == ["b/TWO.jpg"]
    assert names.find("TWO") == ["b/TWO.jpg"]
    assert len(names.find("three")) == 2
    assert names.find("d/three") == ["d/three.jpg"]
    assert list(names.find("e.png")) == []


def test_columns_that_are_not_there_or_used_twice_are_refused() -> None:
    found = proposed(table("image", "label", rows=[(f"{n}.png", "ab"[n % 2]) for n in range(12)]), FLAT)
    for columns, code in [
        ({"class_columns": ("breed",)}, "label-column-unknown"),
        ({"split_column": "label"}, "label-column-twice"),
        ({"picture_column": "label"}, "label-column-twice"),
    ]:
        with pytest.raises(UploadError) as refusal:
            label_files.choose(found, **columns)
        assert refusal.value.code == code


def test_a_proposal_crosses_a_process_boundary_whole() -> None:
    found = proposed(table("image", "a", "b", rows=[(n, n % 2, 1 - n % 2) for n in range(12)]), FLAT)
    assert Proposal.from_record(json.loads(json.dumps(found.as_record()))) == found


def test_headers_of_one_name_or_none_can_be_told_apart() -> None:
    found = proposed("image,label,,label\n" + "".join(f"{n}.png,{'ab'[n % 2]},x,{n}\n" for n in range(12)), FLAT)
    assert found.column_names == ["image", "label", "Column 3", "label (4)"]


# Any separator, any encoding, any quoting

CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip)


@given(
    names=st.lists(CELLS.filter(bool), min_size=2, max_size=3, unique=True),
    separator=st.sampled_from(delimited.SEPARATORS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    header=st.booleans(),
)
def test_any_separator_encoding_and_quoting_gives_the_same_cells(
    names, separator, encoding, quoting, end, header
) -> None:
    rows = [(f"pic {n}.png", names[n % len(names)], f"{n}") for n in range(12)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([("image", "label", "number"), *rows] if header else rows)
    data = out.getvalue().encode(encoding)
    found = proposed(data, [f"pic {n}.png" for n in range(12)])
    assert (found.separator, found.has_header, found.rows, found.matched) == (separator, header, 12, 12)
    assert [row.cells for row in label_files.body(found, data)] == rows


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_letters_that_are_no_utf8_are_those_of_windows(encoding: str) -> None:
    text = table("image", "label", rows=[(f"{n}.png", ("Käfer", "Señor", "Ärger")[n % 3]) for n in range(12)])
    assert set(classes_of(followed(text.encode(encoding), FLAT)).values()) == {"Käfer", "Señor", "Ärger"}


# From the upload to the dataset


def flat_upload(text: str) -> dict[str, bytes]:
    return {f"pets/{name}": picture(number) for number, name in enumerate(FLAT)} | {"pets/labels.csv": text.encode()}


GROUPED = table(
    *("image", "label", "split", "patient"),
    rows=[
        (f"{n}.png", "ab"[n % 2], ("train", "train", "val", "val", "test", "test")[n // 2], f"p{n // 2}")
        for n in range(12)
    ],
)


def test_splits_and_groups_of_a_label_file_reach_the_database(tmp_path: Path, workspace: Path) -> None:
    source = Source(folder_of(flat_upload(GROUPED), tmp_path / "set"), "set")
    dataset = intake.import_pictures(source, name="set", label_file=inventory.look(source).proposals[0])
    members = datasets.members(dataset).set_index("path")
    assert members.loc["pets/4.png", ["class_name", "split"]].tolist() == ["a", "validation"]
    table = database.members
    with database.database().connect() as connection:
        groups = connection.execute(sa.select(table.c.path, table.c.group_name)).all()
    assert dict(map(tuple, groups)) == {f"pets/{n}.png": f"p{n // 2}" for n in range(12)}
    assert members["split"].value_counts().to_dict() == {"train": 4, "validation": 4, "test": 4}
    assert datasets.remarks(dataset).empty


def test_folders_win_where_both_give_classes(tmp_path: Path, workspace: Path) -> None:
    upload = {f"{'xy'[n % 2]}/{n}.png": picture(n) for n in range(12)} | {"labels.csv": GROUPED.encode()}
    look = inventory.look(Source(zip_of(upload, tmp_path / "a.zip"), "a"))
    assert look.folders_decide and look.classes == (("x", 6), ("y", 6))
    assert [found.file for found in look.usable] == ["labels.csv"]


def test_folders_named_for_splits_give_no_classes_by_themselves(tmp_path: Path, workspace: Path) -> None:
    upload = {f"{('train', 'test')[n % 2]}/{n}.png": picture(n) for n in range(12)} | {"labels.csv": GROUPED.encode()}
    assert not inventory.look(Source(zip_of(upload, tmp_path / "a.zip"), "a")).folders_decide


def test_texts_that_are_no_tables_are_no_label_files(tmp_path: Path, workspace: Path) -> None:
    upload = flat_upload(GROUPED) | {
        "pets/readme.txt": b"Hello, world;\nthis, that\n",
        "pets/other.csv": b"just words\n",
    }
    look = inventory.look(Source(zip_of(upload, tmp_path / "a.zip"), "a"))
    assert [found.file for found in look.proposals] == ["pets/labels.csv", "pets/other.csv"]
    assert look.proposals[1].unusable and "No columns" in look.proposals[1].doubt


def test_a_label_file_may_lie_elsewhere(tmp_path: Path, workspace: Path) -> None:
    pictures = {name: data for name, data in flat_upload("").items() if name.endswith(".png")}
    source = Source(zip_of(pictures, tmp_path / "a.zip"), "a")
    (tmp_path / "train.csv").write_text(GROUPED)
    (found,) = inventory.look(source, label_path=tmp_path / "train.csv").proposals
    dataset = intake.import_pictures(source, name="a", label_file=found, label_path=tmp_path / "train.csv")
    assert datasets.class_names(dataset) == ["a", "b"]


def test_looking_decodes_nothing_and_writes_nothing(tmp_path: Path, workspace: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(9):
            archive.writestr(f"{number % 3}/{number}.jpg", b"no picture")
    look = inventory.look(Source(tmp_path / "a.zip", "a"))
    assert (look.files, look.pictures, look.class_count) == (9, 9, 3)
    assert not (workspace / "objects").exists() and not (workspace / "thaw.sqlite").exists()
