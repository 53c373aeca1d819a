"""Hostile and damaged tar archives, plain and compressed."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.making import picture
from tests.security.corpus.cases import BOTH, HONEST, Case, Row, beside_honest, file_of, hungry, noise, refused
from tests.security.corpus.paths import NAMES

MIB = 1024**2
Member = tuple[tarfile.TarInfo, bytes]
END = bytes(1024)


def info(name: str, size: int = 0, **fields: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def block(name: str, data: bytes = b"", *, form: int = tarfile.GNU_FORMAT, **fields: object) -> bytes:
    """Header and data of one member, padded; fields are those of `tarfile.TarInfo`."""
    header = info(name, len(data), **fields).tobuf(form, "utf-8", "surrogateescape")
    return header + data + bytes(-len(data) % 512)


def patched(raw: bytes, at: int, value: bytes) -> bytes:
    """A header with one field replaced and its checksum right again."""
    out = bytearray(raw)
    out[at : at + len(value)] = value
    out[148:156] = b" " * 8
    out[148:156] = b"%06o\0 " % sum(out[:512])
    return bytes(out)


def honest() -> bytes:
    return b"".join(block(name, data) for name, data in HONEST.items())


def tar_of(*blocks: bytes, end: bytes = END) -> bytes:
    return honest() + b"".join(blocks) + end


def pax(*records: tuple[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    lines = b""
    for key, value in records:
        rest = f" {key}={value}\n".encode("utf-8", "surrogateescape")
        size = len(rest) + len(str(len(rest) + len(str(len(rest)))))
        lines += b"%d" % size + rest
    return block("pax", lines, type=kind)


def raw_pax(data: bytes) -> bytes:
    return block("pax", data, type=tarfile.XHDTYPE)


def long_name(data: bytes) -> bytes:
    return block("././@LongLink", data, type=tarfile.GNUTYPE_LONGNAME)


def sparse(name: str, *, extended: int = 0, realsize: int = 10 * MIB) -> bytes:
    """An old GNU sparse member without data."""
    header = patched(block(name, b"", type=tarfile.GNUTYPE_SPARSE), 483, b"%011o\0" % realsize)
    return patched(header, 482, bytes([1 if extended else 0]))


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def named() -> Case:
    """The misleading names of zips; here a backslash is a letter unless it leads out."""
    blocks = [block(name.sent, picture(900 + n), form=tarfile.PAX_FORMAT) for n, name in enumerate(NAMES)]
    return beside_honest("names", file_of(gz(tar_of(*blocks))), [name.row for name in NAMES])


def members() -> Case:
    data = picture(950)
    kinds = {
        "symbolic link": (tarfile.SYMTYPE, "member-link", {"linkname": "/etc/passwd"}),
        "symbolic link up": (tarfile.SYMTYPE, "member-link", {"linkname": "../../../etc/passwd"}),
        "hard link": (tarfile.LNKTYPE, "member-link", {"linkname": "../../etc/passwd"}),
        "hard link to what comes later": (tarfile.LNKTYPE, "member-link", {"linkname": "roses/pipe.png"}),
        "hard link to itself": (tarfile.LNKTYPE, "member-link", {"linkname": "roses/hard link to itself.png"}),
        "character device": (tarfile.CHRTYPE, "member-special", {"devmajor": 1, "devminor": 5}),
        "block device": (tarfile.BLKTYPE, "member-special", {"devmajor": 8}),
        "pipe": (tarfile.FIFOTYPE, "member-special", {}),
        "part of a volume": (b"M", "member-special", {}),
        "list of a folder": (b"D", "member-special", {}),
        "unknown type": (b"Z", "member-special", {}),
    }
    rows, blocks = [], []
    for name, (kind, code, fields) in kinds.items():
        rows.append(Row(name, f"roses/{name}.png", code))
        blocks.append(block(f"roses/{name}.png", type=kind, **fields))
    way = "roses/a link and then through it"
    blocks += [block(way, type=tarfile.SYMTYPE, linkname="/tmp"), block(f"{way}/thaw-evil.png", data)]
    rows += [Row("link to a folder", way, "member-link"), Row("through that link", f"{way}/thaw-evil.png", "")]
    more = {
        "old sparse": (sparse("roses/old sparse.png"), "member-special"),
        "old sparse of many maps": (
            sparse("roses/old sparse of many maps.png", extended=1) + (bytes(504) + b"\1" + bytes(7)) * 50 + bytes(512),
            "member-special",
        ),
        "sparse 0.1": (
            pax(("GNU.sparse.map", "0,1,5,1"), ("GNU.sparse.size", "999999999999"))
            + block("roses/sparse 0.1.png", b"ab"),
            "member-special",
        ),
        "sparse 1.0": (
            pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "9999999999999"))
            + block("roses/sparse 1.0.png", b"99999999\n" * 200),
            "member-special",
        ),
        "setuid": (block("roses/setuid.png", picture(951), mode=0o6777), ""),
        "contiguous": (block("roses/contiguous.png", picture(952), type=tarfile.CONTTYPE), ""),
        "old regular": (block("roses/old regular.png", picture(953), type=tarfile.AREGTYPE), ""),
        "long name twice": (
            long_name(b"roses/first.png\0") + long_name(b"roses/long name twice.png\0") + block("x", picture(954)),
            "",
        ),
        "pax name over a long name": (
            pax(("path", "roses/pax name over a long name.png"))
            + long_name(b"roses/y.png\0")
            + block("x", picture(955)),
            "",
        ),
        "mtime that is none": (
            pax(("mtime", "nan"), ("uid", "x" * 30)) + block("roses/mtime that is none.png", picture(956)),
            "",
        ),
        "global path": (
            pax(("path", "roses/everything.png"), ("size", "3"), kind=tarfile.XGLTYPE)
            + block("roses/global path.png", picture(957)),
            "",
        ),
        "nothing": (block("roses/nothing.png"), "image-empty"),
    }
    for name, (raw, code) in more.items():
        rows.append(Row(name, f"roses/{name}.png", code))
        blocks.append(raw)
    led = {
        "pax path up": (pax(("path", "../thaw-evil.png")), "../thaw-evil.png", "member-path"),
        "pax path absolute": (pax(("path", "/thaw-evil.png")), "/thaw-evil.png", "member-path"),
        "pax path with NUL": (pax(("path", "roses/a\0b.png")), "roses/a\\x00b.png", "member-name"),
        "long name up": (long_name(b"../thaw-evil-2.png\0"), "../thaw-evil-2.png", "member-path"),
        "long name of nothing": (long_name(b"\0"), "(no name)", "member-name"),
    }
    for name, (raw, path, code) in led.items():
        rows.append(Row(name, path, code))
        blocks.append(raw + block("roses/inner.png", picture(960)))
    return beside_honest("members", file_of(lambda: lzma.compress(tar_of(*blocks), preset=0)), rows)


def not_utf8() -> Case:
    raw = b"".join(patched(block(f"roses/caf__{n}.png", picture(970 + n)), 9, b"\xe9") for n in range(2))
    rows = [Row("Latin-1", "roses/caf\u00e9_0.png", ""), Row("Latin-1 again", "roses/caf\u00e9_1.png", "")]
    return beside_honest("names of old systems", file_of(tar_of(raw)), rows)


def twins() -> Case:
    rows = (Row("same name", "roses/0.png", "member-duplicate"),)
    return Case("same name", file_of(tar_of(block("roses/0.png", picture(980)))), taken=BOTH, rows=rows)


def sized(value: bytes) -> bytes:
    """A member whose header says another size."""
    return tar_of(patched(block("roses/liar.png", picture(990)), 124, value))


def bomb(opener: Callable[..., io.BufferedIOBase]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with opener(folder / "bomb.tar", "wb") as packed:
            packed.write(block("roses/bomb.png", bytes(60 * MIB)))
        return folder / "bomb.tar"

    return make


def cuts() -> Iterable[Case]:
    plain = tar_of()
    forms = {"tar": plain[: -len(END)], "gz": gz(plain), "xz": lzma.compress(plain), "bz2": bz2.compress(plain)}
    for form, data in forms.items():
        for percent in (30, 60, 97):
            yield refused(
                f"{form} cut at {percent} %", "archive-truncated", file_of(data[: len(data) * percent // 100])
            )
    yield refused("tar cut between members", "archive-truncated", file_of(honest()))
    yield refused("tar cut in a header", "archive-truncated", file_of(honest() + block("roses/cut.png", b"x")[:300]))
    yield refused(
        "tar cut before a member's data", "archive-truncated", file_of(honest() + block("roses/cut.png", b"x")[:512])
    )


def headers_in_a_row(count: int) -> bytes:
    return tar_of(pax(("comment", "x")) * count, block("roses/z.png", picture(991)))


def flipped(data: bytes, at: int) -> bytes:
    out = bytearray(data)
    out[at] ^= 0xFF
    return bytes(out)


def bad_checksum() -> bytes:
    data = tar_of()
    return flipped(data, data.index(b"tulips/1.png") + 150)


def too_large() -> Case:
    """A member above the limit, most of which is a hole on disk."""

    def make(folder: Path) -> Path:
        with (folder / "upload.tar").open("wb") as file:
            file.write(honest() + info("roses/huge.png", 65 * MIB).tobuf())
            file.seek(65 * MIB, 1)
            file.write(END)
        return folder / "upload.tar"

    return beside_honest("too large", make, [Row("too large", "roses/huge.png", "member-too-large")])


def many_members() -> bytes:
    """A thousand headers over and over; they lie too far apart for the ratio to show."""
    headers = b"".join(block(noise(20, number).hex()) for number in range(1_000))
    return gzip.compress(headers * 201 + END, compresslevel=1, mtime=0)


CASES = [
    named(),
    too_large(),
    members(),
    not_utf8(),
    twins(),
    *(
        refused(f"bomb of {opener.__module__}", "archive-ratio", bomb(opener))
        for opener in (gzip.open, lzma.open, bz2.open)
    ),
    refused(
        "bomb in an extended header",
        "archive-damaged",
        file_of(lambda: gz(tar_of(raw_pax(bytes(60 * MIB)))) + noise(MIB)),
    ),
    refused("size is negative", "archive-damaged", file_of(sized(b"-0000000512\0"))),
    refused("size is negative, in base 256", "archive-damaged", file_of(sized(b"\xff" * 10 + b"\xfe\0"))),
    refused("size is minus one header", "archive-damaged", file_of(sized(b"\xff" * 10 + b"\xfc\0"))),
    refused("size is enormous", "archive-too-large", file_of(sized(b"\x80" + b"\x7f" * 11))),
    refused("size is more than there is", "archive-truncated", file_of(sized(b"%011o\0" % (50 * MIB)))),
    refused("size is no number", "archive-damaged", file_of(sized(b"x" * 12))),
    refused("size is less", "archive-damaged", file_of(sized(b"%011o\0" % 10))),
    refused(
        "pax size is enormous",
        "archive-too-large",
        file_of(tar_of(pax(("size", str(2**62))), block("roses/a.png", b"x"))),
    ),
    refused(
        "pax size is negative", "archive-damaged", file_of(tar_of(pax(("size", "-1024")), block("roses/a.png", b"x")))
    ),
    refused(
        "pax header is enormous", "archive-damaged", file_of(tar_of(patched(raw_pax(b"x"), 124, b"%011o\0" % (2**32))))
    ),
    refused(
        "pax header is negative",
        "archive-damaged",
        file_of(tar_of(patched(raw_pax(b"x"), 124, b"\xff" * 10 + b"\xfe\0"))),
    ),
    refused(
        "pax record is longer than the header",
        "archive-damaged",
        file_of(tar_of(raw_pax(b"999 path=x\n"), block("a", b"x"))),
    ),
    refused(
        "pax record of length nought", "archive-damaged", file_of(tar_of(raw_pax(b"0 path=x\n"), block("a", b"x")))
    ),
    refused(
        "pax records within each other",
        "archive-damaged",
        file_of(tar_of(raw_pax(b"2 " * 32_000 + b"=\n"), block("a", b"x"))),
    ),
    refused(
        "pax record of a long number",
        "archive-damaged",
        file_of(tar_of(raw_pax(b"1" * 60_000 + b" a=b\n"), block("a", b"x"))),
    ),
    refused("pax header without a member", "archive-damaged", file_of(tar_of(pax(("path", "roses/z.png"))))),
    refused("2,000 extended headers in a row", "archive-damaged", file_of(lambda: headers_in_a_row(2_000))),
    refused(
        "long name of 4 GiB", "archive-damaged", file_of(tar_of(patched(long_name(b"x"), 124, b"%011o\0" % (2**32))))
    ),
    refused(
        "sparse map without end",
        "archive-truncated",
        file_of(tar_of(sparse("roses/s.png", extended=1), (bytes(504) + b"\1" + bytes(7)) * 40, end=b"")),
    ),
    refused("damaged header in the middle", "archive-damaged", file_of(bad_checksum())),
    refused("damaged first header", "archive-format", file_of(flipped(tar_of(), 150))),
    refused(
        "garbage between members", "archive-damaged", file_of(tar_of(noise(512), block("roses/z.png", picture(992))))
    ),
    *cuts(),
    refused("gz with a flipped bit", "archive-damaged", file_of(flipped(gz(tar_of()), len(gz(tar_of())) // 2))),
    refused("gz with a wrong checksum", "archive-damaged", file_of(flipped(gz(tar_of()), -6))),
    refused("xz with a flipped bit", "archive-damaged", file_of(flipped(lzma.compress(tar_of()), 900))),
    refused("bz2 with a flipped bit", "archive-damaged", file_of(flipped(bz2.compress(tar_of()), 900))),
    refused("gz of one picture", "archive-format", file_of(gz(picture(1)))),
    refused("gz of a zip", "archive-format", file_of(gz(b"PK\3\4" + bytes(600)))),
    refused("gz of a gz", "archive-format", file_of(gz(gz(tar_of())))),
    refused("gz of nothing", "archive-format", file_of(gz(b""))),
    refused("gz magic and nothing", "archive-truncated", file_of(b"\x1f\x8b")),
    refused("gz header and zeros", "archive-damaged", file_of(b"\x1f\x8b\x08" + bytes(50))),
    refused("xz header and noise", "archive-damaged", file_of(b"\xfd7zXZ\0" + noise(60))),
    refused("xz that wants gigabytes", "upload-memory", file_of(hungry(lzma.compress(tar_of())))),
    refused("empty tar in gz", "dataset-empty", file_of(gz(bytes(10240)))),
    refused("only folders", "dataset-empty", file_of(block("roses", type=tarfile.DIRTYPE) + END)),
    refused("only ._ files", "dataset-empty", file_of(block("./._roses", b"x") + block("./roses/._1.png", b"x") + END)),
    refused("200,001 members", "archive-too-many-members", file_of(many_members), seconds=60),
]
