"""TIFF files entry by entry, little-endian."""

import struct
from collections.abc import Mapping

SHORT, LONG = 3, 4
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS, COUNTS = (
    256,
    257,
    258,
    259,
    262,
    273,
    277,
    278,
    279,
)
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_COUNTS = 322, 323, 324, 325
HEAD = 8


def directory(tags: Mapping[int, tuple[int, int, int]], following: int = 0) -> bytes:
    """Tags are type, count and value (or its offset)."""
    listed = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    return struct.pack("<H", len(tags)) + listed + struct.pack("<I", following)


def tags(
    width: int, height: int, offset: int, count: int, compression: int = 1, **more: int
) -> dict[int, tuple[int, int, int]]:
    """Grey, 8 bits, one strip."""
    return {
        WIDTH: (LONG, 1, width),
        HEIGHT: (LONG, 1, height),
        BITS: (SHORT, 1, 8),
        COMPRESSION: (SHORT, 1, compression),
        PHOTOMETRIC: (SHORT, 1, 1),
        STRIPS: (LONG, 1, offset),
        SAMPLES: (SHORT, 1, 1),
        ROWS: (LONG, 1, height),
        COUNTS: (LONG, 1, count),
    }


def tiff(found: Mapping[int, tuple[int, int, int]], data: bytes = b"", following: int = 0) -> bytes:
    """One page: the data begin at `HEAD`, the directory stands behind them."""
    return b"II*\0" + struct.pack("<I", HEAD + len(data)) + data + directory(found, following)
