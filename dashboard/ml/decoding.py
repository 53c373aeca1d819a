"""What the limited child does for predictions: list what is asked for, or decode pictures to what the network sees.

Runs as `python -m dashboard.ml.decoding`, without TensorFlow; `ml.streaming` starts it and reads what it says. Of a
picture that could be read, its pixels and its thumbnail follow on a pipe of their own, right behind its line.
"""

import contextlib
import hashlib
import io
import itertools
import json
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dashboard.core.errors import UploadError
from dashboard.data import archives, asking, child, entries, folders, images
from dashboard.data.asking import Asked, Given
from dashboard.data.entries import Content, Entry
from dashboard.ml.resizing import resize

WORKERS = 3
AHEAD = 8  # pictures worked on before they are asked for
LARGE = 12_000_000  # pixels of a picture that is decoded alone, so that memory stays bounded
THUMBNAIL = 192  # pixels of the longer side
_one_large_at_a_time = threading.Lock()

Seen = tuple[np.ndarray, bytes, str]  # pixels, thumbnail, digest


def work(job: dict[str, Any]) -> None:
    """Do one job: `kind` list or decode, see `ml.streaming`."""
    given = Given.from_record(job["given"])
    if job["kind"] == "list":
        found, aside = asking.listed(given, job["class_names"])
        for each in found:
            child.say(kind="asked", **asdict(each))
        child.say(kind="listed", aside=aside)
        return
    with Path(job["asked"]).open(encoding="utf-8") as lines:
        wanted = [Asked(**json.loads(line)) for line in itertools.islice(lines, job["start"], job["end"])]
    with open(job["pipe"], "wb", closefd=False) as pipe:
        tell(wanted, given, int(job["image_size"]), int(job["careful"]), pipe)


def contents(wanted: list[Asked], given: Given) -> Iterator[Content]:
    """The bytes of each picture, or why there are none, in order."""
    for file, group in itertools.groupby(wanted, key=lambda each: each.file):
        asked = list(group)
        readable = [each for each in asked if not each.code]
        found = _of_file(readable, Path(given.files[file][0] if file >= 0 else ""))
        end: UploadError | None = None
        for each in asked:
            if each.code:
                yield Content(each.path, b"", UploadError(each.code, each.reason))
                continue
            try:
                content = None if end else next(found, None)
            except UploadError as error:  # of the whole archive; what was behind the damage is lost
                content, end = None, error
            yield content or Content(each.path, b"", end or entries.truncated())


def _of_file(wanted: list[Asked], path: Path) -> Iterator[Content]:
    """The bytes of pictures that lie in one archive or folder, or are the file itself."""
    if any(each.index < 0 for each in wanted) or path.is_dir():
        places = [path / each.below if each.below else path for each in wanted]
        return folders.contents([Entry(each.path, number, each.size) for number, each in enumerate(wanted)], places)
    return archives.contents(path, [Entry(each.path, each.index, each.size) for each in wanted])


def decoded(content: Content, image_size: int) -> Seen | UploadError:
    """One picture as the network sees it, decoded whole: a smaller scale of a JPEG gives other pixels."""
    if content.refusal is not None:
        return content.refusal
    try:
        large = images.measure(io.BytesIO(content.data)) > LARGE
        with _one_large_at_a_time if large else contextlib.nullcontext():
            pixels = images.read(io.BytesIO(content.data)).pixels
            small = images.encoded(images.shrunk(pixels, THUMBNAIL))
            return resize(pixels, image_size), small, hashlib.sha256(content.data).hexdigest()
    except UploadError as error:
        return error
    except MemoryError:
        return UploadError("image-too-large", "Decoding the picture needs more memory than is allowed.")


def tell(wanted: list[Asked], given: Given, image_size: int, careful: int, pipe: BinaryIO) -> None:
    """Say what came of each picture, in order; the first `careful` are announced and decoded one by one."""
    found = contents(wanted, given)
    for content in itertools.islice(found, careful):
        child.say(kind="trying")
        _tell_one(decoded(content, image_size), pipe)
    with ThreadPoolExecutor(WORKERS) as pool:
        for seen in _ahead(pool, found, image_size):
            _tell_one(seen, pipe)


def _ahead(pool: ThreadPoolExecutor, found: Iterable[Content], image_size: int) -> Iterator[Seen | UploadError]:
    waiting: deque[Future[Seen | UploadError]] = deque()
    for content in found:
        waiting.append(pool.submit(decoded, content, image_size))
        if len(waiting) >= AHEAD:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _tell_one(seen: Seen | UploadError, pipe: BinaryIO) -> None:
    if isinstance(seen, UploadError):
        child.say(kind="refused", code=seen.code, reason=seen.message)
        return
    pixels, thumbnail, sha256 = seen
    child.say(kind="picture", sha256=sha256, thumbnail=len(thumbnail))
    pipe.write(np.ascontiguousarray(pixels).data.cast("B"))
    pipe.write(thumbnail)
    pipe.flush()


if __name__ == "__main__":
    sys.exit(child.serve(work))
