"""Tables as text files, row by row: how their letters are written, and what separates their columns.

Text stays text: `007`, `None` and `nan` are words. Cells lose the spaces around them; rows of nothing are left out.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from dashboard.core.errors import UploadError
from dashboard.core.limits import LIMITS, MIB

SEPARATORS = ("\t", ";", ",", "|")  # of those that do equally well, the earlier
MOST_COLUMNS = 200
LONGEST_CELL = 32_768  # characters
LONGEST_LINE = MIB  # characters
SAMPLE = 200  # rows by which the separator is found
CHUNK = 1 << 16
BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Row:
    """`line` is where it begins in the file, counted from 1."""

    line: int
    cells: tuple[str, ...]


def encoding(data: bytes) -> str:
    """How the letters are written: by the byte order mark; else UTF-8 if it is that; else Windows' Latin letters.

    Raises:
        UploadError: `label-file-empty`, `label-file-too-large`, `label-file-nul`.
    """
    if not data.strip():
        raise UploadError("label-file-empty", "The label file is empty. Save the table again.")
    if len(data) > LIMITS.label_file_bytes:
        raise UploadError(
            "label-file-too-large",
            f"The label file has {len(data):,} bytes; at most {LIMITS.label_file_bytes:,} are taken.",
        )
    for mark, name in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return name
    if b"\0" in data:
        raise _nul()
    return next((name for name in ("utf-8", "cp1252") if _decodes(data, name)), "latin-1")


def _nul() -> UploadError:
    return UploadError(
        "label-file-nul", "The label file has NUL bytes, which no table of text has. Save it as CSV in UTF-8."
    )


def _decodes(data: bytes, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for start in range(0, len(data), CHUNK):
            decoder.decode(data[start : start + CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def separators(data: bytes, written: str) -> list[str]:
    """What may separate the columns, the likeliest first: that which gives the first rows the same number of cells.

    Args:
        data: the bytes of the file.
        written: as `encoding` found it.

    Raises:
        UploadError: `label-file-columns` when nothing separates anything, and as `rows` does.
    """
    found: list[tuple[float, int, str]] = []
    refusal = UploadError(
        "label-file-columns",
        "No columns were found in the label file. Expected two or more, separated by a comma, a semicolon, a TAB or |.",
    )
    for separator in SEPARATORS:
        try:
            widths = Counter(len(row.cells) for row in islice(rows(data, written, separator), SAMPLE))
        except UploadError as error:
            refusal = error
            continue
        width, same = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        if width > 1:
            found.append((same / sum(widths.values()), width, separator))
    if not found:
        raise refusal
    return [separator for _, _, separator in sorted(found, key=lambda each: (-each[0], -each[1]))]


def rows(data: bytes, written: str, separator: str) -> Iterator[Row]:
    """Every row that has a cell with something in it, quotes as `csv` has them.

    Raises:
        UploadError: `label-file-quote` (with its line), `label-file-nul`, `label-file-encoding`, `label-file-line`,
            `label-file-columns`, `label-file-rows`.
    """
    csv.field_size_limit(LONGEST_CELL)  # else a quote that is never closed swallows the rest of the file
    reader = csv.reader(_lines(data, written), delimiter=separator, strict=True, skipinitialspace=True)
    begins, count = 1, 0
    try:
        for cells in reader:
            if len(cells) > MOST_COLUMNS:
                raise UploadError("label-file-columns", f"Line {begins} has more than {MOST_COLUMNS} columns.")
            row = Row(begins, tuple(cell.strip() for cell in cells))
            begins = reader.line_num + 1
            if any(row.cells):
                count += 1
                if count > LIMITS.archive_members + 1:  # one may be the header
                    raise UploadError(
                        "label-file-rows", f"The label file has more than {LIMITS.archive_members:,} rows."
                    )
                yield row
    except csv.Error as error:
        raise UploadError(
            "label-file-quote",
            f"A quote in the row that begins on line {begins} is never closed, or not where a cell ends. "
            "Close it, or double it where it belongs to the text.",
        ) from error


def _lines(data: bytes, written: str) -> Iterator[str]:
    with io.TextIOWrapper(io.BytesIO(data), encoding=written, newline="") as text:
        try:
            while line := text.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise UploadError("label-file-line", f"A line is longer than {LONGEST_LINE:,} characters.")
                if "\0" in line:
                    raise _nul()
                yield line
        except UnicodeDecodeError as error:
            raise UploadError(
                "label-file-encoding", "The label file begins as UTF-16 and goes on as something else. Save it again."
            ) from error
