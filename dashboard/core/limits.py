"""The one table of limits: checked before anything is written, shown on the Dataset page."""

from dataclasses import dataclass

MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what a user may send."""

    image_pixels: int = 40_000_000
    image_side: int = 16_384  # pixels
    image_bytes: int = 64 * MIB
    archive_members: int = 200_000
    archive_bytes: int = 20 * GIB  # unpacked
    archive_ratio: int = 200  # unpacked to packed, for members above `ratio_from`
    ratio_from: int = MIB  # bytes
    chunk_bytes: int = 8 * MIB  # of a large upload, at once
    disk_reserve: int = GIB  # left free by uploads
    label_file_bytes: int = 64 * MIB
    weights_bytes: int = 2 * GIB
    weights_memory: int = GIB  # of the child that reads them
    weights_seconds: int = 120  # of processor, for the same
    json_bytes: int = MIB  # of a recipe, or of the names of classes
    child_memory: int = 2 * GIB
    child_seconds: int = 3600
    images_a_class: int = 3  # the least that can be split into train, validation and test


LIMITS = Limits()


@dataclass(frozen=True)
class ServingLimits:
    """Upper bounds on what a client of `python -m dashboard serve` may send; of each picture those above hold too."""

    request_bytes: int = 96 * MIB  # the largest picture still fits, in base64 too
    pictures: int = 100  # a request
    requests: int = 8  # worked on or received at once
    connections: int = 512
    head_seconds: float = 10.0  # for the head of a request to arrive
    pause_seconds: float = 10.0  # between two pieces of a body
    body_seconds: float = 120.0  # for a whole body
    opening_seconds: int = 60  # for opening the pictures of a request


SERVING = ServingLimits()
