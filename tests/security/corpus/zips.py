"""Hostile and damaged zip archives."""

import lzma
import struct
import unicodedata
from bz2 import compress as bzip2
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.making import picture
from tests.security.corpus.cases import HONEST, Case, Row, beside_honest, file_of, noise, refused
from tests.security.corpus.paths import NAMES
from tests.security.corpus.zip_bytes import Part, deflated, end_record, zip_bytes

MIB = 1024**2
HONEST_PARTS = tuple(Part(name, data) for name, data in HONEST.items())
FLAG_ENCRYPTED, FLAG_STRONG, FLAG_MASKED = 0x1, 0x40, 0x2000
Fields = Callable[[], dict[str, object]]
SMALL = b"\0" * 100


def named() -> Case:
    """Every misleading name in one archive. In a zip a backslash separates folders."""
    parts = [Part(name.sent, picture(500 + number)) for number, name in enumerate(NAMES)]
    return beside_honest("names", file_of(zip_bytes([*HONEST_PARTS, *parts])), [name.row for name in NAMES])


def lzma_member(data: bytes, dictionary: int = 1 << 16) -> bytes:
    """As method 14 has it: version, length of the properties, properties, stream."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    return b"\x09\x04\x05\0" + b"\x5d" + struct.pack("<I", dictionary) + packed


def odd(name: str, code: str, /, late: Fields = dict, **fields: object) -> tuple[Row, Callable[[], Part]]:
    """A member `roses/NAME.png` with something odd about it: `fields` of `Part`, and those that `late` makes."""
    path = str(fields.pop("path", f"roses/{name}.png"))

    def part() -> Part:
        return Part(**{"name": path, "data": picture(sum(path.encode()))} | fields | late())  # type: ignore[arg-type]

    return Row(name, path, code), part


def bomb() -> bytes:
    return bytes(40 * MIB)


def members() -> Case:
    data = picture(700)
    cut = deflated(picture(701))[:-20]
    nested = zip_bytes([Part("roses/inner.png", picture(702))])
    rows = [
        odd("symbolic link", "member-link", mode=0o120777, data=b"/etc/passwd"),
        odd("character device", "member-special", mode=0o020666, data=b""),
        odd("block device", "member-special", mode=0o060666, data=b""),
        odd("pipe", "member-special", mode=0o010644, data=b""),
        odd("socket", "member-special", mode=0o140644, data=b""),
        odd("setuid", "", mode=0o104755),
        odd("no permissions", "", mode=0o100000),
        odd("encrypted", "member-encrypted", flags=FLAG_ENCRYPTED),
        odd("encrypted with AES", "member-encrypted", flags=FLAG_ENCRYPTED, method=99, packed=noise(60)),
        odd("strongly encrypted", "member-encrypted", flags=FLAG_ENCRYPTED | FLAG_STRONG, packed=noise(60)),
        odd("masked header", "member-encrypted", flags=FLAG_ENCRYPTED | FLAG_MASKED),
        odd("bzip2", "", data=data, method=12, packed=bzip2(data)),
        odd("LZMA", "", data=picture(703), method=14, packed=lzma_member(picture(703))),
        odd("LZMA that wants 4 GiB", "member-compression", data=data, method=14, packed=lzma_member(data, 2**32 - 1)),
        odd("LZMA, nonsense", "member-damaged", method=14, packed=b"\x09\x04\x05\0\xff\xff\xff\xff\xff" + noise(40)),
        odd("LZMA, nothing", "member-damaged", method=14, packed=b""),
        odd("bzip2, nonsense", "member-damaged", method=12, packed=noise(60)),
        *(
            odd(f"method {method}", "member-compression", method=method, packed=noise(60))
            for method in (1, 5, 6, 9, 77, 93, 95, 97, 98)
        ),
        odd("bomb", "member-ratio", lambda: {"data": bomb()}),
        odd("bomb of bzip2", "member-ratio", lambda: {"data": bomb(), "method": 12, "packed": bzip2(bomb())}),
        odd("bomb that says it is small", "image-format", lambda: {"packed": deflated(bomb())}, data=SMALL),
        odd(
            "bzip2 bomb that says it is small", "image-format", lambda: {"packed": bzip2(bomb())}, data=SMALL, method=12
        ),
        odd(
            "LZMA bomb that says it is small",
            "image-format",
            lambda: {"packed": lzma_member(bomb())},
            data=SMALL,
            method=14,
        ),
        odd("small bomb", "image-format", data=bytes(MIB)),
        odd("too large", "member-too-large", packed=noise(400_000), central={"size": 65 * MIB}),
        odd("says ten less", "member-damaged", central={"size": len(data) - 10}, data=data),
        odd("says a thousand more", "member-lying-size", central={"size": len(data) + 1000}, data=data),
        odd("says nothing", "member-damaged", central={"size": 0}, data=data),
        odd("packed size says less", "member-damaged", central={"packed": 40}),
        odd("local header says less", "", local={"size": 3, "packed": 3}),
        odd("local header says more", "", local={"size": 2**31, "packed": 2**31}),
        odd("local header is of another method", "", local={"method": 0}),
        odd("local header says encrypted", "", local={"flags": FLAG_ENCRYPTED}),
        odd("local header has another name", "member-damaged", local_name=b"../thaw-evil.png"),
        odd("local header has a longer name", "member-damaged", local_name=b"roses/" + b"z" * 60_000),
        odd("local header has a long extra field", "", local_extra=bytes(65_535), local={"packed": 1}),
        odd("wrong checksum", "member-damaged", central={"crc": 1}),
        odd("wrong checksum, stored", "member-damaged", central={"crc": 1}, method=0),
        odd("cut inside", "member-damaged", packed=cut),
        odd("stored called deflated", "member-damaged", packed=picture(704)),
        odd("deflated called stored", "member-damaged", method=0, packed=deflated(picture(705))),
        odd("archive in archive", "archive-in-archive", path="roses/more.zip", data=nested),
        odd("archive named picture", "image-format", path="roses/more.png", data=nested),
        odd("nothing", "image-empty", data=b""),
        odd("NUL in the name", "member-name", path="roses/nul.png\\x00.txt", name="roses/nul.png\0.txt"),
        odd("NUL behind a folder", "member-name", path="roses/nul/\\x00.png", name="roses/nul/\0.png"),
        odd("nothing before NUL", "member-name", path="\\x00.png", name="\0.png"),
        odd("file where a folder is", "no-class-folder", path="roses"),
    ]
    made = file_of(lambda: zip_bytes([*HONEST_PARTS, *(part() for _, part in rows)]))
    return beside_honest("members", made, [row for row, _ in rows])


def twins() -> Case:
    """Of members with one name the first counts; capital letters tell names apart, composed accents do not."""
    accent = "roses/caf\u00e9.png"
    more = [Part(f"ROSES/{number}.png", picture(800 + number)) for number in range(4)]
    parts = [
        Part("roses/0.png", picture(810)),
        Part("ROSES/0.png", picture(811)),
        Part(accent, picture(812)),
        Part(unicodedata.normalize("NFD", accent), picture(813)),
        Part("roses/./1.png", picture(814)),
        Part("roses\\2.png", picture(815)),
    ]
    rows = (
        Row("same name", "roses/0.png", "member-duplicate"),
        Row("same name in capitals", "ROSES/0.png", "member-duplicate"),
        Row("decomposed accent", accent, "member-duplicate"),
        Row("dot part", "roses/1.png", "member-duplicate"),
        Row("backslash", "roses/2.png", "member-duplicate"),
    )
    taken = {"ROSES": 4, "roses": 4, "tulips": 3}
    return Case("twins", file_of(zip_bytes([*HONEST_PARTS, *more, *parts])), taken=taken, rows=rows)


def overlapping(folder: Path) -> Path:
    """Two members lie at the same place."""
    parts = list(HONEST_PARTS)
    parts[1] = replace(parts[1], central={"offset": 0})
    return file_of(zip_bytes(parts))(folder)


def quoted_overlap(folder: Path) -> Path:
    """Each member's data hold the headers of all that follow, stored: a kernel is unpacked by all of them."""
    kernel = deflated(bytes(MIB))
    out, offsets = b"", []
    for number in reversed(range(50)):
        name = f"roses/{number}.png".encode()
        quote = struct.pack("<BHH", 0, len(out), len(out) ^ 0xFFFF) if out else b""
        body = quote + out if out else kernel
        header = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0x6000, 0x5B79, 0, len(body), MIB, len(name), 0)
        out = header + name + body
        offsets.append((name, len(out), len(body)))
        if len(out) > 60_000:
            break
    directory = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\1\2",
            20,
            20,
            0,
            8,
            0x6000,
            0x5B79,
            0,
            body,
            MIB,
            len(name),
            0,
            0,
            0,
            0,
            0,
            len(out) - left,
        )
        + name
        for name, left, body in offsets
    )
    end = end_record(count=len(offsets), size=len(directory), offset=len(out))
    return file_of(out + directory + end)(folder)


def many_members(folder: Path) -> Path:
    """200,001 of them, and the end record says there is one."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    return file_of(entry * 200_001 + end_record(count=1, size=200_001 * len(entry)))(folder)


def declared_too_large(folder: Path) -> Path:
    return file_of(zip_bytes([replace(part, central={"size": 2**32 - 2}) for part in HONEST_PARTS]))(folder)


def with_extra(extra: bytes, **central: int) -> bytes:
    return zip_bytes([*HONEST_PARTS, Part("roses/odd.png", picture(820), extra=extra, central=central)])


def zip64_extra(*values: int) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)


def zip64_end(size: int, offset: int, count: int, distance: int | None = None) -> bytes:
    body = zip_bytes(HONEST_PARTS)
    at = body.rindex(b"PK\5\6")
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at if distance is None else distance, 1)
    return body[:at] + record + locator + end_record(count=0xFFFF, size=0xFFFFFFFF, offset=0xFFFFFFFF)


def whole() -> bytes:
    return zip_bytes(HONEST_PARTS)


def cuts() -> list[Case]:
    data = whole()
    places = [
        5,
        30,
        200,
        len(data) // 3,
        len(data) // 2,
        len(data) * 3 // 4,
        data.index(b"PK\1\2"),
        data.rindex(b"PK\1\2"),
    ]
    places += [len(data) - 22, len(data) - 21, len(data) - 10, len(data) - 1]
    return [refused(f"cut at {place}", "archive-truncated", file_of(data[:place])) for place in places]


def end_in_comment(fake: bytes) -> bytes:
    return zip_bytes(HONEST_PARTS, comment=b"hello " + fake)


def head(data: bytes, size: int = 600) -> Callable[[Path], Path]:
    return file_of(data + bytes(max(0, size - len(data))))


def iso() -> bytes:
    return bytes(32768) + b"\x01CD001\x01" + bytes(2041)


def bad_utf8_name() -> bytes:
    return zip_bytes([*HONEST_PARTS, Part(b"roses/\xc0\xae\xc0\xae\xc0\xaf.png", picture(830), flags=0x800)])


def nested_bomb() -> bytes:
    inner = zip_bytes([Part(f"{n}.png", bytes(MIB)) for n in range(10)])
    middle = zip_bytes([Part(f"{n}.zip", inner) for n in range(10)])
    return zip_bytes([*HONEST_PARTS, Part("roses/bomb.zip", middle)])


CASES = [
    named(),
    members(),
    twins(),
    beside_honest("nested bomb", file_of(nested_bomb), [Row("bomb", "roses/bomb.zip", "archive-in-archive")]),
    refused("overlap", "archive-overlap", overlapping),
    refused("quoted overlap", "archive-overlap", quoted_overlap),
    refused("200,001 members", "archive-too-many-members", many_members),
    refused("declares too much", "archive-too-large", declared_too_large),
    refused("offset behind the directory", "archive-overlap", file_of(with_extra(b"", offset=2**31))),
    refused(
        "zip64 sizes beyond everything",
        "archive-too-large",
        file_of(with_extra(zip64_extra(2**63, 2**63), size=2**32 - 1, packed=2**32 - 1)),
    ),
    refused(
        "zip64 field too short", "archive-damaged", file_of(with_extra(struct.pack("<HHI", 1, 4, 9), size=2**32 - 1))
    ),
    refused("zip64 field missing", "archive-overlap", file_of(with_extra(b"", size=2**32 - 1, packed=2**32 - 1))),
    refused("extra field too long", "archive-damaged", file_of(with_extra(struct.pack("<HH", 1, 60_000)))),
    refused("zip64 end with a wild offset", "archive-damaged", file_of(zip64_end(300, 2**62, 6))),
    refused("zip64 end with a wild size", "archive-damaged", file_of(zip64_end(2**62, 0, 6))),
    refused("end with a wild offset", "archive-damaged", file_of(zip_bytes(HONEST_PARTS, end={"offset": 2**31}))),
    refused("end with a wild size", "archive-damaged", file_of(zip_bytes(HONEST_PARTS, end={"size": 2**31}))),
    refused("last volume of several", "archive-damaged", file_of(whole()[len(whole()) // 2 :])),
    refused("name called UTF-8 that is none", "archive-damaged", file_of(bad_utf8_name())),
    refused("second end in the comment, of nothing", "dataset-empty", file_of(end_in_comment(end_record()))),
    refused(
        "second end in the comment, wild",
        "archive-damaged",
        file_of(end_in_comment(end_record(count=9, size=400, offset=3))),
    ),
    refused("no members", "dataset-empty", file_of(end_record())),
    refused(
        "only folders",
        "dataset-empty",
        file_of(zip_bytes([Part("roses/", mode=0o40755), Part("tulips/", mode=0o40755)])),
    ),
    refused(
        "only __MACOSX",
        "dataset-empty",
        file_of(zip_bytes([Part("__MACOSX/._a.png", b"x"), Part(".DS_Store", b"x"), Part("a/.b.png", picture(1))])),
    ),
    refused("garbage in front and behind", "archive-format", file_of(noise(1000) + whole() + noise(70_000))),
    *cuts(),
    refused("empty", "archive-empty", file_of(b"")),
    refused("one byte", "archive-format", file_of(b"P")),
    refused("PK and nothing", "archive-truncated", head(b"PK\3\4")),
    refused("RAR 5", "archive-format", head(b"Rar!\x1a\x07\x01\0")),
    refused("RAR 4", "archive-format", head(b"Rar!\x1a\x07\0")),
    refused("7-Zip", "archive-format", head(b"7z\xbc\xaf\x27\x1c")),
    refused("Zstandard", "archive-format", head(b"\x28\xb5\x2f\xfd")),
    refused("LZ4", "archive-format", head(b"\x04\x22\x4d\x18")),
    refused("cabinet", "archive-format", head(b"MSCF\0\0\0\0")),
    refused("Debian package", "archive-format", head(b"!<arch>\ndebian-binary")),
    refused("cpio", "archive-format", head(b"070701")),
    refused("LHA", "archive-format", head(b"\x21\x00-lh5-")),
    refused("Windows program", "archive-format", head(b"MZ")),
    refused("Linux program", "archive-format", head(b"\x7fELF")),
    refused("ISO image", "archive-format", file_of(iso())),
    refused("web page", "archive-format", head(b"<!doctype html><title>404</title>")),
    refused("one picture", "archive-format", file_of(picture(1, "JPEG"))),
    refused("zeros", "archive-format", file_of(bytes(20_000))),
    refused("text", "archive-format", file_of(b"hello\n" * 200)),
]
