"""Zip archives byte by byte: what `zipfile` writes, and every lie it would not."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

UTF8 = 0x800


@dataclass(frozen=True)
class Part:
    """One member. `central` and `local` replace fields of the two headers: crc, packed, size, method, flags, offset."""

    name: str | bytes
    data: bytes = b""
    method: int = 8
    packed: bytes | None = None  # the bytes in the archive, where they are not `data` by `method`
    flags: int = 0
    mode: int = 0o100644  # of Unix; the upper half of the external attributes
    attributes: int = 0  # of DOS; the lower half
    system: int = 3  # 0 is DOS, 3 Unix, 19 macOS
    central: dict[str, int] = field(default_factory=dict)
    local: dict[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    extra: bytes = b""
    local_extra: bytes = b""
    descriptor: bool = False  # sizes stand behind the data, as programs write that cannot go back

    @property
    def raw_name(self) -> bytes:
        return self.name.encode() if isinstance(self.name, str) else self.name

    @property
    def bits(self) -> int:
        not_ascii = isinstance(self.name, str) and not self.name.isascii()
        return self.flags | (UTF8 if not_ascii else 0) | (8 if self.descriptor else 0)

    @property
    def stored(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.data) if self.method == 8 else self.data

    def facts(self) -> dict[str, int]:
        return {
            "flags": self.bits,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(self.stored),
            "size": len(self.data),
        }


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def zip_bytes(
    parts: Iterable[Part],
    *,
    comment: bytes = b"",
    prefix: bytes = b"",
    counted_from: int = 0,
    end: dict[str, int] | None = None,
) -> bytes:
    """The archive. Offsets are counted from `counted_from`; `end` replaces fields of the end record."""
    out = bytearray(prefix)
    directory = bytearray()
    count = 0
    for part in parts:
        offset = len(out) - counted_from
        out += _local(part)
        directory += _central(part, offset)
        count += 1
    start = len(out) - counted_from
    out += directory
    facts = {"disk": 0, "count": count, "size": len(directory), "offset": start} | (end or {})
    return bytes(out) + end_record(**facts, comment=comment)


def end_record(*, disk: int = 0, count: int = 0, size: int = 0, offset: int = 0, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2IH", b"PK\5\6", disk, disk, count, count, size, offset, len(comment)) + comment


def _local(part: Part) -> bytes:
    facts = part.facts()
    if part.descriptor:
        facts |= {"crc": 0, "packed": 0, "size": 0}
    facts |= part.local
    name = part.raw_name if part.local_name is None else part.local_name
    header = struct.pack(
        "<4s5H3I2H",
        b"PK\3\4",
        20,
        facts["flags"],
        facts["method"],
        0x6000,
        0x5B79,
        facts["crc"],
        facts["packed"],
        facts["size"],
        len(name),
        len(part.local_extra),
    )
    behind = struct.pack("<4s3I", b"PK\7\10", zlib.crc32(part.data), len(part.stored), len(part.data))
    return header + name + part.local_extra + part.stored + (behind if part.descriptor else b"")


def _central(part: Part, offset: int) -> bytes:
    facts = {"offset": offset} | part.facts() | part.central
    header = struct.pack(
        "<4s6H3I5H2I",
        b"PK\1\2",
        20 | part.system << 8,
        20,
        facts["flags"],
        facts["method"],
        0x6000,
        0x5B79,
        facts["crc"],
        facts["packed"],
        facts["size"],
        len(part.raw_name),
        len(part.extra),
        0,
        0,
        0,
        part.mode << 16 | part.attributes,
        facts["offset"],
    )
    return header + part.raw_name + part.extra
