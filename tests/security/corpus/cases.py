"""What a case is: something somebody sends, how it is made, and what exactly must come of it."""

import os
import random
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.making import classes

SEED = 20261125
HONEST = classes("roses", "tulips", images=3)  # stand beside everything hostile, and must arrive
BOTH = {"roses": 3, "tulips": 3}
Late = bytes | Callable[[], bytes]  # what takes time or memory to make is made when it is needed


@dataclass(frozen=True)
class Row:
    """One bad file among others. `path` is what it is listed under, `code` is empty where it has to be taken."""

    name: str
    path: str
    code: str


@dataclass(frozen=True)
class Case:
    """One import. Either `code` refuses it whole, or `taken` arrives and `rows` say what does not."""

    name: str
    make: Callable[[Path], Path]  # writes into an empty folder and returns what is to be imported
    code: str = ""
    taken: Mapping[str, int] = field(default_factory=dict)  # class name: pictures
    rows: tuple[Row, ...] = ()
    title: str = ""  # of the dataset, as it is given
    kept_title: str = ""
    splits: Mapping[str, int] = field(default_factory=dict)  # pictures a split, where folders decide that
    seconds: float = 15  # the longest it may take on a busy machine
    web_process_mib: int = 400  # the most memory the process may have that asked for the import

    @property
    def remarks(self) -> dict[str, str]:
        return {row.path: row.code for row in self.rows if row.code}


def refused(name: str, code: str, make: Callable[[Path], Path], **options: float) -> Case:
    return Case(name, make, code, **options)  # type: ignore[arg-type]


def beside_honest(name: str, make: Callable[[Path], Path], rows: Iterable[Row] = (), **options: float) -> Case:
    """A case whose two honest classes arrive, and with them those of the rows that have no code (all are roses)."""
    listed = tuple(rows)
    more = sum(not row.code for row in listed)
    return Case(name, make, taken={"roses": 3 + more, "tulips": 3}, rows=listed, **options)  # type: ignore[arg-type]


def file_of(data: Late, name: str = "upload.zip") -> Callable[[Path], Path]:
    """A maker that writes these bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(made(data))
        return folder / name

    return make


def made(data: Late) -> bytes:
    return data() if callable(data) else data


def noise(count: int, seed: int = SEED) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(count)


def hungry(xz: bytes) -> bytes:
    """The same, but its header asks for a dictionary of 4 GiB."""
    data, header = bytearray(xz), 12
    size = 4 * (data[header] + 1)
    data[data.index(b"\x21\x01", header) + 2] = 40
    data[header + size - 4 : header + size] = zlib.crc32(data[header : header + size - 4]).to_bytes(4, "little")
    return bytes(data)


def is_root() -> bool:
    return os.geteuid() == 0
