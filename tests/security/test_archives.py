"""Hostile archives. Each holds two honest classes as well, which must arrive whatever stands beside them."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import time
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.core.errors import DashboardError
from dashboard.data import archives, datasets, intake
from dashboard.data.intake import Source
from tests.making import classes, picture, zip_of

HONEST = classes("roses", "tulips", images=3)
Attack = Callable[[Path], Path]


@pytest.fixture
def attempt(tmp_path: Path, workspace: Path) -> Callable[[Path], dict[str, str]]:
    """Import an archive and return the code for each path that was not taken; nothing may appear outside."""

    def attempt(path: Path) -> dict[str, str]:
        before = set(tmp_path.rglob("*"))
        dataset = intake.import_pictures(Source(path, path.name), name=path.name)
        inside = {"objects", "thumbnails", "signatures", "scratch", "imports"}
        inside |= {"thaw.sqlite", "thaw.sqlite-wal", "thaw.sqlite-shm"}
        for new in set(tmp_path.rglob("*")) - before - {workspace}:
            assert new.relative_to(workspace).parts[0] in inside
        assert list((workspace / "scratch").iterdir()) == list((workspace / "imports").iterdir()) == []
        assert datasets.class_names(dataset)[-2:] == ["roses", "tulips"]
        return datasets.remarks(dataset).set_index("path")["code"].to_dict()

    return attempt


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    return zip_of([*HONEST.items(), *members], path / "attack.zip")


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path / "attack.tar", mode) as archive:
        for name, data in HONEST.items():
            archive.addfile(tar_info(name, size=len(data)), io.BytesIO(data))
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path / "attack.tar"


def tar_info(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def zip_info(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def refusal_of(path: Path) -> str:
    with pytest.raises(DashboardError) as refusal:
        intake.import_pictures(Source(path, path.name), name=path.name)
    return refusal.value.code


PATHS = [
    "../up.png",
    "roses/../../up.png",
    "/abs.png",
    "C:/drive.png",
    "..\\back.png",
    "C:\\back.png",
    "\\\\host\\a.png",
]
NAMES = ["roses/" + "x" * 300 + ".png", "roses/\x1b[31m.png", "roses/\u202egnp.exe.png", "roses/a\nb.png"]


def test_names_that_lead_out_of_a_zip_are_refused(attempt, tmp_path):
    found = attempt(zipped(tmp_path, *((name, picture(500 + n)) for n, name in enumerate(PATHS))))
    assert list(found.values()) == ["member-path"] * len(PATHS)


def test_names_that_lead_out_of_a_tar_are_refused(attempt, tmp_path):
    data = picture(500)
    found = attempt(tarred(tmp_path, *((tar_info(name, size=len(data)), data) for name in PATHS)))
    assert list(found.values()) == ["member-path"] * len(PATHS)


def test_names_that_hide_what_they_are_are_refused(attempt, tmp_path):
    found = attempt(zipped(tmp_path, *((name, picture(500 + n)) for n, name in enumerate(NAMES))))
    assert list(found.values()) == ["member-name"] * len(NAMES)
    assert all(name.isprintable() for name in found)


def test_symbolic_links_and_devices_in_a_zip_are_refused(attempt, tmp_path):
    members = [(zip_info("roses/link.png", 0o120777), b"/etc/passwd"), (zip_info("roses/device.png", 0o020666), b"")]
    found = attempt(zipped(tmp_path, *members))
    assert found == {"roses/link.png": "member-link", "roses/device.png": "member-special"}


def test_links_devices_and_sparse_files_in_a_tar_are_refused(attempt, tmp_path):
    members = [
        (tar_info("roses/soft.png", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
        (tar_info("roses/hard.png", type=tarfile.LNKTYPE, linkname="../../etc/passwd"), b""),
        (tar_info("roses/device.png", type=tarfile.CHRTYPE, devmajor=1, devminor=5), b""),
        (tar_info("roses/fifo.png", type=tarfile.FIFOTYPE), b""),
    ]
    found = attempt(tarred(tmp_path, *members))
    assert list(found.values()) == ["member-link", "member-link", "member-special", "member-special"]


def test_a_link_to_a_folder_does_not_redirect_what_follows(attempt, tmp_path):
    (tmp_path / "target").mkdir()
    data = picture(500)
    members = [
        (tar_info("roses/way", type=tarfile.SYMTYPE, linkname=str(tmp_path / "target")), b""),
        (tar_info("roses/way/evil.png", size=len(data)), data),
    ]
    assert attempt(tarred(tmp_path, *members)) == {"roses/way": "member-link"}
    assert list((tmp_path / "target").iterdir()) == []


def test_an_encrypted_member_is_refused(attempt, tmp_path):
    path = zipped(tmp_path, ("roses/secret.png", picture(500)))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert attempt(path) == {"roses/secret.png": "member-encrypted"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_members_with_one_name_the_first_counts(attempt, tmp_path):
    more = {f"ROSES/{number}.png": picture(600 + number) for number in (1, 2, 3)}
    more |= {"ROSES/0.png": picture(604)}
    found = attempt(zipped(tmp_path, ("roses/0.png", picture(500)), ("ROSES/0.png", picture(501)), *more.items()))
    assert found == {"roses/0.png": "member-duplicate", "ROSES/0.png": "member-duplicate"}


def test_composed_and_decomposed_accents_are_one_name(attempt, tmp_path):
    name = "roses/caf\u00e9.png"
    found = attempt(zipped(tmp_path, (name, picture(500)), (unicodedata.normalize("NFD", name), picture(501))))
    assert found == {name: "member-duplicate"}


def test_a_zip_bomb_is_refused_unread(attempt, tmp_path):
    started = time.monotonic()
    assert attempt(zipped(tmp_path, ("roses/bomb.png", bytes(40 * 1024**2)))) == {"roses/bomb.png": "member-ratio"}
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("opener", [gzip.open, lzma.open, bz2.open])
def test_a_tar_bomb_is_refused(opener, tmp_path, workspace):
    with opener(tmp_path / "bomb", "wb") as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tar_info("roses/bomb.png", size=60 * 1024**2), io.BytesIO(bytes(60 * 1024**2)))
    assert refusal_of(tmp_path / "bomb") == "archive-ratio"


def test_members_that_overlap_are_refused(tmp_path, workspace):
    path = zipped(tmp_path)
    data = bytearray(path.read_bytes())
    first, second = data.index(b"PK\1\2"), data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]  # both at the same place
    path.write_bytes(data)
    assert refusal_of(path) == "archive-overlap"


@pytest.mark.parametrize("lie", [-10, 1000])
def test_a_size_that_lies_is_refused(lie, attempt, tmp_path):
    path = zipped(tmp_path, ("roses/liar.png", picture(500)))
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")
    (size,) = struct.unpack_from("<I", data, entry + 24)
    struct.pack_into("<I", data, entry + 24, size + lie)
    path.write_bytes(data)
    assert attempt(path)["roses/liar.png"] in ("member-lying-size", "member-damaged")


def test_a_wrong_checksum_costs_that_member_only(attempt, tmp_path):
    path = zip_of({**HONEST, "roses/damaged.png": picture(500)}, tmp_path / "attack.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") - 6] ^= 0xFF  # the last member's data end where the directory begins
    path.write_bytes(data)
    assert attempt(path) == {"roses/damaged.png": "member-damaged"}


def test_too_many_members_are_refused(tmp_path, workspace):
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 200_001 * len(entry), 0, 0)  # it says there is one
    (tmp_path / "many.zip").write_bytes(entry * 200_001 + end)
    assert refusal_of(tmp_path / "many.zip") == "archive-too-many-members"


def test_more_bytes_than_are_allowed_are_refused_by_the_directory(tmp_path, workspace):
    path = zipped(tmp_path, ("roses/huge.png", b"x"))
    data = bytearray(path.read_bytes())
    for entry in (i for i in range(len(data)) if data[i : i + 4] == b"PK\1\2"):
        struct.pack_into("<I", data, entry + 24, 2**32 - 2)
    path.write_bytes(data)
    assert refusal_of(path) == "archive-too-large"


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_cut_archive_is_refused_whole(share, tmp_path, workspace):
    for path in (zipped(tmp_path), tarred(tmp_path), tarred(tmp_path, mode="w:")):
        data = path.read_bytes()
        end = len(data.rstrip(b"\0")) if path.suffix == ".tar" else len(data)
        (tmp_path / "cut").write_bytes(data[: int(end * share)])
        with pytest.raises(DashboardError) as refusal:
            list(archives.contents(tmp_path / "cut", archives.directory(tmp_path / "cut")))
        assert refusal.value.code in ("archive-truncated", "archive-damaged"), path
    assert refusal_of(tmp_path / "cut") in ("archive-truncated", "archive-damaged")


def test_a_damaged_header_in_the_middle_of_a_tar_is_not_its_end(tmp_path, workspace):
    path = tarred(tmp_path, mode="w:")
    data = bytearray(path.read_bytes())
    data[data.index(b"tulips/1.png") + 150] ^= 0xFF
    path.write_bytes(data)
    assert refusal_of(path) == "archive-damaged"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Rar!\x1a\x07\x01\0" + bytes(50), "archive-format"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "archive-format"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "archive-format"),
        (b"MZ" + bytes(600), "archive-format"),
        (b"", "archive-empty"),
        (b"PK\3\4" + bytes(50), "archive-damaged"),
        (b"\x1f\x8b" + bytes(50), "archive-damaged"),
    ],
)
def test_what_is_no_zip_is_refused_whatever_its_name(data, code, tmp_path):
    (tmp_path / "flowers.zip").write_bytes(data)
    with pytest.raises(DashboardError) as refusal:
        archives.directory(tmp_path / "flowers.zip")
    assert refusal.value.code == code


def test_an_archive_of_nothing_but_clutter_is_an_empty_dataset(tmp_path, workspace):
    path = zip_of({"__MACOSX/._a.png": b"x", ".DS_Store": b"x", "a/.b.png": picture(1)}, tmp_path / "a.zip")
    assert refusal_of(path) == "dataset-empty"


# Honest archives that look odd


def test_a_utf8_name_without_the_utf8_flag_is_read_right(attempt, tmp_path):
    path = zipped(tmp_path, *((f"caf\u00e9/{n}.png", picture(700 + n)) for n in range(3)))
    data = path.read_bytes()
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        parts = bytearray(data)
        at = parts.find(signature)
        while at >= 0:
            flags = struct.unpack_from("<H", parts, at + offset)[0]
            struct.pack_into("<H", parts, at + offset, flags & ~0x800)
            at = parts.find(signature, at + 4)
        data = bytes(parts)
    path.write_bytes(data)
    entries = archives.directory(path)
    assert {entry.path.split("/")[0] for entry in entries} == {"roses", "tulips", "caf\u00e9"}
    assert attempt(path) == {}


def test_backslashes_of_old_windows_programs_separate_folders(attempt, tmp_path):
    path = zip_of({name.replace("/", "\\"): data for name, data in HONEST.items()}, tmp_path / "a.zip")
    assert attempt(path) == {}


def test_a_zip_with_64_bit_headers_and_one_behind_a_program_are_taken(attempt, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in HONEST.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    assert attempt(path) == {}
    (tmp_path / "setup.exe").write_bytes(b"MZ" + bytes(1000) + zip_of(HONEST, tmp_path / "b.zip").read_bytes())
    assert attempt(tmp_path / "setup.exe") == {}


def test_a_streamed_zip_with_sizes_behind_the_data_is_taken(attempt, tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            return self.file.write(data)

    pipe = Pipe(tmp_path / "a.zip")
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in HONEST.items():
            archive.writestr(name, data)
    pipe.file.close()
    assert attempt(tmp_path / "a.zip") == {}
