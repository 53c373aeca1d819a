"""What honest programs, cameras and people make. All of it is taken, and only what is said here is remarked on."""

import io
import shutil
import struct
import subprocess
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.making import classes, folder_of, picture, pixels
from tests.security.corpus.cases import BOTH, HONEST, Case, Late, Row, file_of, noise
from tests.security.corpus.pictures import among_honest, fresh, image, saved
from tests.security.corpus.png_bytes import chunk
from tests.security.corpus.tars import END, block, gz, pax
from tests.security.corpus.zip_bytes import Part, zip_bytes

FINDER = {".DS_Store": b"\0\0\0\1Bud1", "roses/.DS_Store": b"\0\0\0\1Bud1"}
LONG = "r\u00f6" * 60  # letters of a folder
APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(80)


def folder(name: str, **fields: int) -> Part:
    return Part(name, method=0, mode=0o40755, attributes=0x10, **fields)  # type: ignore[arg-type]


def windows() -> bytes:
    """'Send to compressed folder': DOS attributes, no entries for folders, names in the code page of old DOS."""
    names = {name.replace("roses", "G\u00e4nsebl\u00fcmchen"): data for name, data in HONEST.items()}
    return zip_bytes(
        Part(name.encode("cp437"), data, mode=0, attributes=0x20, system=0) for name, data in names.items()
    )


def old_windows() -> bytes:
    """Programs on .NET before 4.6.1: backslashes, in the names of folders too."""
    parts = [Part("roses\\", method=0, mode=0, system=0), Part("tulips\\", method=0, mode=0, attributes=0x10, system=0)]
    parts += [Part(name.replace("/", "\\"), data, mode=0, system=0) for name, data in HONEST.items()]
    return zip_bytes(parts)


def dos() -> bytes:
    """A folder that only its attributes tell from a file."""
    parts = [Part("roses", method=0, mode=0, attributes=0x10, system=0)]
    return zip_bytes([*parts, *(Part(name, data, mode=0, attributes=0x20, system=0) for name, data in HONEST.items())])


def macos() -> bytes:
    """Archive Utility: folders, decomposed accents without the UTF-8 flag, sizes behind the data, `__MACOSX`."""
    extra = struct.pack("<HHIIHH", 0x5855, 12, 0x65000000, 0x65000000, 501, 20)
    parts = [folder("Blumen/"), folder("Blumen/roses/")]
    for name, data in (HONEST | FINDER).items():
        raw = unicodedata.normalize("NFD", f"Blumen/{name}".replace("tulips", "\u00c4hren")).encode()
        parts.append(Part(raw, data, extra=extra, local_extra=extra, descriptor=True))
        parts.append(Part(b"__MACOSX/" + raw.replace(b"/roses/", b"/roses/._"), APPLE_DOUBLE, descriptor=True))
    return zip_bytes(parts)


def seven_zip() -> bytes:
    """Sizes and offsets in 64 bits for every member, entries for folders, NTFS times."""
    out, directory = b"", b""
    times = struct.pack("<HHIHH3Q", 0x0A, 32, 0, 1, 24, *[133_000_000_000_000_000] * 3)
    for name, data in HONEST.items():
        part = Part(name, data)
        facts, raw = part.facts(), name.encode()
        big = struct.pack("<HHQQ", 1, 16, len(data), len(part.stored))
        local = struct.pack(
            "<4s5H3I2H", b"PK\3\4", 45, 0, 8, 0, 0x5B79, facts["crc"], 2**32 - 1, 2**32 - 1, len(raw), len(big)
        )
        extra = struct.pack("<HHQQQ", 1, 24, len(data), len(part.stored), len(out)) + times
        directory += struct.pack(
            "<4s6H3I5H2I",
            b"PK\1\2",
            63,
            45,
            0,
            8,
            0,
            0x5B79,
            facts["crc"],
            2**32 - 1,
            2**32 - 1,
            len(raw),
            len(extra),
            0,
            0,
            0,
            0x20,
            2**32 - 1,
        )
        directory += raw + extra
        out += local + raw + big + part.stored
    count = len(HONEST)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 63, 45, 0, 0, count, count, len(directory), len(out))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(out) + len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, 2**32 - 1, 2**32 - 1, 0)
    return out + directory + record + locator + end


class Pipe(io.RawIOBase):
    """Takes bytes and cannot go back, as a socket."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def streamed() -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in HONEST.items():
            archive.writestr(name, data)
    return bytes(pipe.data)


def github() -> bytes:
    """A source zip: one wrapping folder, a commit as comment, extended times, a README."""
    times = struct.pack("<HHBI", 0x5455, 5, 1, 0x65000000)
    parts = [Part(f"flowers-main/{name}", data, extra=times, local_extra=times) for name, data in HONEST.items()]
    parts += [
        folder("flowers-main/", extra=times),
        Part("flowers-main/README.md", b"# Flowers\n"),
        Part("flowers-main/.gitignore", b"x"),
    ]  # type: ignore[arg-type]
    return zip_bytes(parts, comment=b"0123456789abcdef0123456789abcdef01234567")


def by_program(*command: str, name: str) -> Callable[[Path], Path] | None:
    """What a real program makes of a folder `flowers`; None where it is not installed."""
    if shutil.which(command[0]) is None:
        return None

    def make(folder: Path) -> Path:
        folder_of(HONEST | FINDER, folder / "flowers")
        with (folder / name).open("wb") as out:
            subprocess.run(command, cwd=folder, check=True, stdout=out, stderr=subprocess.DEVNULL)
        return folder / name

    return make


def programs() -> list[Case]:
    made = {
        "zip -r": by_program("zip", "-qr", "flowers.zip", "flowers", name="log.txt"),
        "zip -r into a pipe": by_program("zip", "-qr", "-", "flowers", name="flowers.zip"),
        "zip -0": by_program("zip", "-qr0", "-", "flowers", name="flowers.zip"),
        "zip -Z bzip2": by_program("zip", "-qrZ", "bzip2", "-", "flowers", name="flowers.zip"),
        "tar czf": by_program("tar", "czf", "-", "flowers", name="flowers.tar.gz"),
        "tar cJf": by_program("tar", "cJf", "-", "flowers", name="flowers.tar.xz"),
        "tar cjf": by_program("tar", "cjf", "-", "flowers", name="flowers.tar.bz2"),
        "tar cf .": by_program("tar", "cf", "-", "-C", "flowers", ".", name="flowers.tar"),
        "tar with a label": by_program("tar", "cf", "-", "--label", "flowers", "flowers", name="flowers.tar"),
        **{
            f"tar --format={form}": by_program("tar", "cf", "-", f"--format={form}", "flowers", name="flowers.tar")
            for form in ("v7", "oldgnu", "gnu", "ustar", "posix")
        },
    }
    found = [Case(name, make, taken=BOTH) for name, make in made.items() if make is not None]
    return [case if case.name != "zip -r" else Case("zip -r", _beside(case.make), taken=BOTH) for case in found]


def _beside(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    return lambda folder: make(folder).with_name("flowers.zip")


def bsdtar() -> bytes:
    """Extended headers before every member: times in fractions, attributes of the system."""
    out = b""
    for name, data in HONEST.items():
        out += pax(
            ("mtime", "1700000000.123456789"),
            ("LIBARCHIVE.xattr.com.apple.quarantine", "MDA4MQ"),
            ("SCHILY.xattr.user.x", "a\nb=c\n"),
        )
        out += block(name, data, form=tarfile.USTAR_FORMAT)
    return out + END


def mac_tar() -> bytes:
    out = block("./._Blumen", APPLE_DOUBLE) + block("./Blumen", type=tarfile.DIRTYPE)
    for name, data in HONEST.items():
        top, file = name.split("/")
        out += block(f"./Blumen/{top}/._{file}", APPLE_DOUBLE) + block(f"./Blumen/{name}", data)
    return gz(out + END)


def git_archive() -> bytes:
    """A global extended header with the commit in front."""
    out = pax(("comment", "0123456789abcdef0123456789abcdef01234567"), kind=tarfile.XGLTYPE)
    return gz(out + b"".join(block(f"flowers-1.0/{name}", data) for name, data in HONEST.items()) + END)


def long_names() -> bytes:
    """Above 100 letters GNU and pax headers hold the name."""
    out = b""
    for number, form in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        for order in range(3):
            out += block(f"{LONG}{number}/{'x' * 120}{order}.png", picture(40_000 + 10 * number + order), form=form)
    return out + END


def large_photograph(seed: int) -> Image.Image:
    """12 million pixels, as a lens sees them."""
    corners = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((4032, 3024), Image.Resampling.BICUBIC)


def phone() -> Case:
    """Turned by EXIF, with a place on earth and a maker's note; a second picture behind, as some phones add it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Phone"
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    exif[0x8769] = {0x927C: bytes(4000), 0x9003: "2026:11:25 12:00:00"}
    files = {
        "photo.jpg": lambda: saved(large_photograph(0), "JPEG", exif=exif, quality=80),
        "portrait.JPG": lambda: saved(
            large_photograph(1), "MPO", exif=exif, save_all=True, append_images=[Image.fromarray(pixels(43_000))]
        ),
        "film behind.jpeg": lambda: (
            saved(large_photograph(2), "JPEG", exif=exif) + b"\0\0\0\x18ftypmp42" + noise(500_000)
        ),
    }
    return among("phone", files, seconds=30)


def modes() -> dict[str, bytes]:
    """Every kind of picture that cameras, scanners and painting programs write."""
    levels = np.arange(24 * 24, dtype=np.uint16).reshape(24, 24) * 113
    palette = image().quantize(16)
    clear = image().convert("RGBA")
    clear.putalpha(Image.fromarray(pixels(7)).convert("L"))
    exif = Image.Exif()
    exif[0x0112] = 3
    return {
        "16-bit grey.png": saved(Image.fromarray(levels), "PNG"),
        "16-bit grey.tif": saved(Image.fromarray(levels + 1), "TIFF"),
        "16-bit grey, big-endian.tif": big_endian(levels),
        "floating point.tif": saved(Image.fromarray(levels.astype(np.float32) / 65_535), "TIFF"),
        "palette and transparency.png": saved(palette, "PNG", transparency=bytes(range(0, 256, 16))),
        "palette.bmp": saved(palette, "BMP"),
        "one bit.png": saved(image().convert("1"), "PNG"),
        "one bit.bmp": saved(image().convert("1"), "BMP"),
        "transparent.png": saved(clear, "PNG"),
        "transparent.webp": saved(clear, "WEBP"),
        "grey with transparency.png": saved(clear.convert("LA"), "PNG"),
        "transparent.tif": saved(clear, "TIFF"),
        "CMYK.jpg": saved(image().convert("CMYK"), "JPEG"),
        "CMYK.tif": saved(image().convert("CMYK"), "TIFF"),
        "LAB.tif": saved(image().convert("LAB"), "TIFF"),
        "YCbCr.tif": saved(image().convert("YCbCr"), "TIFF"),
        "grey.jpg": saved(image().convert("L"), "JPEG"),
        "progressive.jpg": saved(image(), "JPEG", progressive=True),
        "optimised.jpg": saved(image(), "JPEG", optimize=True, subsampling=0),
        "with restart markers.jpg": saved(image(), "JPEG", restart_marker_blocks=1),
        "with a profile.jpg": saved(image(), "JPEG", icc_profile=bytes(2_000)),
        "with a large profile.jpg": saved(image(), "JPEG", icc_profile=bytes(200_000)),
        "with a profile.png": saved(image(), "PNG", icc_profile=bytes(500_000)),
        "turned.png": saved(image(), "PNG", exif=exif),
        "turned.webp": saved(image(), "WEBP", exif=exif),
        "turned.tif": saved(image(), "TIFF", exif=exif),
        "lossless.webp": saved(image(), "WEBP", lossless=True),
        "LZW.tif": saved(image(), "TIFF", compression="tiff_lzw"),
        "deflated.tif": saved(image(), "TIFF", compression="tiff_adobe_deflate"),
        "fax.tif": saved(image().convert("1"), "TIFF", compression="group4"),
        "with long text.png": fresh()[:-12] + chunk(b"tEXt", b"prompt\0" + b"a flower " * 20_000) + chunk(b"IEND", b""),
        "bytes behind.jpg": fresh("JPEG") + bytes(1_000),
        "bytes behind.png": fresh() + bytes(1_000),
        "one pixel.png": saved(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"),
        "one line.png": saved(Image.new("RGB", (16_384, 1), (4, 5, 6)), "PNG"),
        "UPPER.PNG": fresh(),
        "UPPER.JPEG": fresh("JPEG"),
        "photo.jfif": fresh("JPEG"),
        "photo.jpe": fresh("JPEG"),
        "photo.dib": fresh("BMP"),
        "no suffix": fresh(),
        "IMG_0001": fresh("JPEG"),
        "a.b.c": fresh("GIF"),
        "wrong suffix.png": fresh("JPEG"),
        "wrong suffix.jpg": fresh("WEBP"),
        "of another kind.txt": fresh(),
        "copy (2) - \u00dcbung #1 100%.png": fresh(),
        "\u5199\u771f.jpg": fresh("JPEG"),
    }


def big_endian(levels: np.ndarray) -> bytes:
    """A TIFF of 16-bit grey as a Macintosh wrote it."""
    data = (levels + 2).astype(">u2").tobytes()
    tags = (
        (256, 3, 24),
        (257, 3, 24),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, 24),
        (279, 4, len(data)),
    )
    listed = b"".join(
        struct.pack(">HHI", tag, kind, 1) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, value in tags
    )
    return b"MM\0*" + struct.pack(">I", 8 + len(data)) + data + struct.pack(">H", len(tags)) + listed + bytes(4)


def animations() -> dict[str, bytes]:
    frames = [image() for _ in range(3)]
    return {
        f"moving.{kind.lower()}": saved(frames[0], kind, save_all=True, append_images=frames[1:])
        for kind in ("GIF", "WEBP", "PNG", "TIFF")
    }


def nearly_too_large() -> bytes:
    """63.9 MiB of a PNG, most of it in a chunk that is no picture."""
    return fresh()[:-12] + chunk(b"teSt", noise(1024) * (63 * 1024 + 900)) + chunk(b"IEND", b"")


def among(name: str, files: Mapping[str, Late], code: str = "", seconds: float = 15) -> Case:
    """Pictures beside the two honest classes, each a row."""
    rows = tuple(Row(path, f"roses/{path}", code) for path in files)
    return Case(
        name,
        file_of(lambda: among_honest(files)),
        taken={"roses": 3 + len(files), "tulips": 3},
        rows=rows,
        seconds=seconds,
    )


def layout(name: str, files: dict[str, bytes], taken: dict[str, int], splits: dict[str, int] | None = None) -> Case:
    return Case(name, lambda folder: folder_of(files, folder / "set"), taken=taken, splits=splits or {})


def teachable_machine() -> dict[str, bytes]:
    return {f"Class {c}/{n}.png": picture(41_000 + 100 * c + n) for c in (1, 2) for n in range(11)} | {
        ".DS_Store": b"x"
    }


def divided(*folders: str, deeper: str = "") -> dict[str, bytes]:
    """Two classes in each folder: six pictures of each in the first, two in the others."""
    return {
        f"{top}/{deeper.format(top=Path(top).name)}{name}/{n}.jpg": picture(
            42_000 + 100 * order + 10 * kind + n, "JPEG"
        )
        for order, top in enumerate(folders)
        for kind, name in enumerate(("buildings", "forest"))
        for n in range(6 if order == 0 else 2)
    }


CASES = [
    Case("Windows", file_of(windows()), taken={"G\u00e4nsebl\u00fcmchen": 3, "tulips": 3}),
    Case("old Windows programs", file_of(old_windows()), taken=BOTH),
    Case("DOS", file_of(dos()), taken=BOTH),
    Case("macOS", file_of(macos()), taken={"roses": 3, "\u00c4hren": 3}),
    Case("7-Zip", file_of(seven_zip()), taken=BOTH),
    Case("streamed", file_of(streamed()), taken=BOTH),
    Case("GitHub", file_of(github()), taken=BOTH, rows=(Row("README", "flowers-main/README.md", "not-a-picture"),)),
    Case("behind a program", file_of(b"MZ" + noise(3_000) + streamed(), "setup.exe"), taken=BOTH),
    Case(
        "behind a program, offsets from its start",
        file_of(zip_bytes([Part(n, d) for n, d in HONEST.items()], prefix=b"MZ" + noise(900))),
        taken=BOTH,
    ),
    Case(
        "with a long comment",
        file_of(zip_bytes([Part(n, d) for n, d in HONEST.items()], comment=b"flowers " * 8_000)),
        taken=BOTH,
    ),
    Case("with a few bytes behind", file_of(streamed() + b"\r\n" + bytes(500)), taken=BOTH),
    Case("with another suffix", file_of(streamed(), "flowers.cbz"), taken=BOTH),
    *programs(),
    Case("bsdtar", file_of(bsdtar(), "flowers.tar"), taken=BOTH),
    Case("macOS tar", file_of(mac_tar(), "flowers.tgz"), taken=BOTH),
    Case("git archive", file_of(git_archive(), "flowers.tar.gz"), taken=BOTH),
    Case("long names in a tar", file_of(long_names(), "flowers.tar"), taken={f"{LONG}0": 3, f"{LONG}1": 3}),
    Case(
        "gz of several members",
        file_of(gz(b"".join(block(n, d) for n, d in HONEST.items())) + gz(END), "a.tgz"),
        taken=BOTH,
    ),
    Case(
        "gz with garbage behind",
        file_of(gz(b"".join(block(n, d) for n, d in HONEST.items()) + END + bytes(9_000)) + b"garbage", "a.tgz"),
        taken=BOTH,
    ),
    phone(),
    among("kinds of pictures", modes()),
    among("animations", animations(), "image-animated"),
    among("nearly too large", {"large.png": nearly_too_large}, seconds=30),
    layout(
        "Unicode classes",
        classes("кот", "\u05d7\u05ea\u05d5\u05dc", "\u0642\u0637\u0629", "猫", "\U0001f408", images=3),
        dict.fromkeys(("кот", "\u05d7\u05ea\u05d5\u05dc", "\u0642\u0637\u0629", "猫", "\U0001f408"), 3),
    ),
    layout("Teachable Machine", teachable_machine(), {"Class 1": 11, "Class 2": 11}),
    layout(
        "train, val and test",
        divided("set/train", "set/val", "set/test"),
        {"buildings": 10, "forest": 10},
        {"train": 12, "validation": 4, "test": 4},
    ),
    layout("Kaggle, one part", divided("seg_train/seg_train"), {"buildings": 6, "forest": 6}),
    layout(
        "Kaggle, both parts",
        divided("archive/seg_train", "archive/seg_test", deeper="{top}/"),
        {"buildings": 8, "forest": 8},
        {"train": 10, "validation": 2, "test": 4},
    ),
]
