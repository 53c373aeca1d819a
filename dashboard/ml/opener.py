"""A process that opens what clients of the service posted: `python -m dashboard.ml.opener`, JSON lines in and out.

    in    {"id": 1, "verb": "open", "arguments": {"folder": "..."}}
    out   {"id": 1, "result": -11}

Each request is opened by a fork that lives for it alone, within the limits of every child; the result is its exit
code, and what it tells and the pictures lie in the folder. Importing takes a third of a second, a fork two hundredths,
and this process itself reads nothing that was sent.
"""

import gc
import io
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError
from dashboard.core.limits import SERVING
from dashboard.data import child, images, posted
from dashboard.data.child import BODY, TOLD
from dashboard.ml.resizing import resize


def work(job: dict[str, Any]) -> None:
    """Bring the pictures of a body to the network's size, one file each, and tell of each: `name`, and `code` and
    `message` where it is refused.

    Args:
        job: content_type and image_size; left_out, numbers of pictures that ended a child before.

    Raises:
        UploadError: as `posted.read`.
    """
    for number, picture in enumerate(posted.read(Path(BODY), job["content_type"])):
        child.say(kind="trying", number=number, name=picture.name)
        if number in job["left_out"]:
            continue
        try:
            if isinstance(picture.data, UploadError):
                raise picture.data
            array(picture.data, job["image_size"], Path(f"{number}.float32"))
        except UploadError as error:
            child.say(kind="refused", number=number, code=error.code, message=error.message)
        else:
            child.say(kind="opened", number=number)


def array(data: bytes, image_size: int, path: Path) -> None:
    """Write a picture as the network sees it: float32 RGB 0..255, (image_size, image_size, 3); raises as `images`."""
    pixels = images.read(io.BytesIO(data), at_least=image_size).pixels
    try:
        resize(pixels, image_size).tofile(path)
    except MemoryError as error:
        raise UploadError("image-too-large", "Resizing the picture needs more memory than is allowed.") from error


def _fork(folder: str) -> int:
    """Open one request in a fork; its exit code, negative for the signal that ended it."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = 1
    try:
        signal.alarm(SERVING.opening_seconds)  # by the clock; the limits of a child are on its processor time
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(TOLD, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        code = child.answer(work)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # nothing of the parent's is run or written a second time


def main() -> None:
    for line in sys.stdin:
        question = json.loads(line)
        sys.stdout.write(json.dumps({"id": question["id"], "result": _fork(**question["arguments"])}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    gc.freeze()  # what has been imported is shared by all forks
    main()
