"""JPEG files marker by marker."""

import struct
from collections.abc import Iterator

SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
SOF0, SOF2 = b"\xff\xc0", b"\xff\xc2"  # baseline, progressive
APP0, APP1, APP2, COM = b"\xff\xe0", b"\xff\xe1", b"\xff\xe2", b"\xff\xfe"


def segment(marker: bytes, body: bytes) -> bytes:
    return marker + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with more segments right behind its first marker."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def places(jpeg: bytes) -> Iterator[tuple[bytes, int]]:
    """Marker and place of each segment up to the first scan."""
    at = 2
    while True:
        marker = jpeg[at : at + 2]
        yield marker, at
        if marker == SOS:
            return
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def place(jpeg: bytes, *markers: bytes) -> int:
    return next(at for marker, at in places(jpeg) if marker in markers)


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = place(jpeg, SOF0, SOF2) + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def exif(*entries: tuple[int, int, int, bytes], following: int = 0, rest: bytes = b"") -> bytes:
    """An EXIF segment: entries are tag, type, count and four bytes; `following` is the offset of the next list."""
    listed = b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    body = b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + listed + struct.pack(">I", following) + rest
    return segment(APP1, b"Exif\0\0" + body)


def short(value: int) -> bytes:
    return struct.pack(">HH", value, 0)


def icc(body: bytes) -> bytes:
    return segment(APP2, b"ICC_PROFILE\0\1\1" + body)
