"""What a client of the service posted: pictures in a form or in JSON. Read in a limited child (`ml.opener`) only."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as FormField
from python_multipart.multipart import File, FormParser, parse_options_header

from dashboard.core.errors import UploadError
from dashboard.core.limits import SERVING

FORM, JSON = "multipart/form-data", "application/json"
FIELD = "pictures"
NAME = 255  # characters
CHUNK = 1 << 20


class EncodedPicture(BaseModel):
    """One picture file in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field("", max_length=NAME, description="comes back with the answer and is used for nothing else")
    data: str = Field(description="the bytes of a picture file", json_schema_extra={"contentEncoding": "base64"})


class EncodedPictures(BaseModel):
    """Pictures in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    pictures: list[EncodedPicture] = Field(min_length=1, max_length=SERVING.pictures)


@dataclass(frozen=True)
class Posted:
    """One picture as it was sent: its bytes, or why there are none."""

    name: str
    data: bytes | UploadError


def read(body: Path, content_type: str) -> Iterator[Posted]:
    """The pictures of a request in their order.

    Args:
        body: where the whole body lies.
        content_type: of the request, whose kind was judged before.

    Raises:
        UploadError: `request-form`, `request-json`, `request-empty`, `request-too-many`.
    """
    kind, options = parse_options_header(content_type)
    if kind == FORM.encode():
        return iter(_of_form(body, options.get(b"boundary", b"")))
    return _of_json(body.read_bytes())


def _of_form(body: Path, boundary: bytes) -> list[Posted]:
    found: list[Posted] = []
    ended: list[bool] = []

    def take(file: File) -> None:
        if (file.field_name or b"").decode("utf-8", "replace") != FIELD:
            raise _other_field()
        if len(found) == SERVING.pictures:
            raise _too_many()
        file.file_object.seek(0)
        name = (file.file_name or b"").decode("utf-8", "replace")[:NAME]
        found.append(Posted(name, file.file_object.read()))
        file.close()

    def refuse(_field: FormField) -> None:
        raise _other_field()

    try:
        parser = FormParser(
            FORM,
            refuse,
            take,
            lambda: ended.append(True),
            boundary,
            config={"MAX_MEMORY_FILE_SIZE": float("inf")},
        )
        with body.open("rb") as file:
            while chunk := file.read(CHUNK):
                parser.write(chunk)
    except (FormParserError, ValueError, AssertionError) as error:
        raise _no_form() from error
    if not ended or not boundary:
        raise _no_form()
    if not found:
        raise UploadError("request-empty", f"The form has no pictures; expected files in its field '{FIELD}'.")
    return found


def _other_field() -> UploadError:
    return UploadError("request-form", f"The form has a field that is no file of '{FIELD}'; nothing else is taken.")


def _no_form() -> UploadError:
    return UploadError(
        "request-form",
        f"The body is no complete form of the kind {FORM} with the boundary its header names. Send it again, whole.",
    )


def _too_many() -> UploadError:
    return UploadError("request-too-many", f"At most {SERVING.pictures} pictures are taken a request. Send several.")


def _of_json(body: bytes) -> Iterator[Posted]:
    try:
        pictures = EncodedPictures.model_validate_json(body).pictures
    except ValidationError as error:
        raise _refusal(error) from error
    return (Posted(each.name, _decoded(each.data)) for each in pictures)


def _refusal(error: ValidationError) -> UploadError:
    """The first of what is wrong, in one sentence that repeats nothing of the values."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "too_long" and first["loc"] == (FIELD,):
        return _too_many()
    where = ".".join(str(part) for part in first["loc"])[:NAME]
    what = f"{where}: {first['msg'].lower()}" if where else "it is no JSON that could be read"
    example = '{"pictures": [{"name": "1.jpg", "data": "<base64>"}]}'
    return UploadError("request-json", f"The body is not as expected ({what}). Expected {example}.")


def _decoded(text: str) -> bytes | UploadError:
    """Bytes in base64, with or without what a browser's `data:` address has before them."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return UploadError("image-base64", "The data of the picture is no base64. Encode the bytes of the file.")
