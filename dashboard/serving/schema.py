"""What the service takes and gives, as OpenAPI 3.1: the document is made of the very models that are answered with."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from dashboard.core.limits import LIMITS, SERVING
from dashboard.data.posted import FIELD, FORM, JSON, EncodedPictures

TOP = 5
MOST_TOP = 1000


class ClassProbability(BaseModel):
    """One class and how probable it is."""

    class_name: str
    probability: float = Field(ge=0, le=1)


class Prediction(BaseModel):
    """A picture that was classified."""

    name: str = Field(description="as it was sent")
    predicted: str = Field(description="the most probable class")
    top: list[ClassProbability] = Field(description="the most probable classes, the first before all others")
    probabilities: dict[str, float] = Field(description="of every class, by its name; they add up to 1")


class Refusal(BaseModel):
    """What happened, what was expected, what to do."""

    code: str = Field(description="stable: lower case and hyphens")
    message: str


class Unreadable(BaseModel):
    """A picture that could not be read; the others of the request are answered all the same."""

    name: str
    error: Refusal


class Predictions(BaseModel):
    """The answer to a request: one item a picture, in the order they were sent."""

    run: str = Field(description="id of the run whose classifier answered")
    pictures: list[Prediction | Unreadable]


class Labels(BaseModel):
    """What the classifier can tell apart."""

    run: str
    class_names: list[str] = Field(description="in the order of the network's outputs")
    image_size: int = Field(description="side of the square that every picture is brought to, in pixels")


class Health(BaseModel):
    """Whether the service answers."""

    status: str


REFUSALS = {
    401: "the token is missing or wrong",
    403: "a page of another site asked",
    408: "the body arrived too slowly",
    413: "too many bytes, too many pictures, or too much to open",
    415: f"neither {FORM} nor {JSON}",
    421: "the server does not answer under that name",
    422: "the body or `top` is not as expected",
    429: "too many requests at once; ask again after the seconds in `Retry-After`",
    503: "the classifier cannot answer just now",
    507: "the server's disk is full",
}
PREDICT = (401, 403, 408, 413, 415, 421, 422, 429, 503, 507)


def document(*, with_token: bool) -> dict[str, Any]:
    """The OpenAPI document; `with_token`: whether the service asks for one."""
    models: tuple[type[BaseModel], ...] = (EncodedPictures, Predictions, Labels, Health, Refusal)
    _, schemas = models_json_schema(
        [(each, "validation") for each in models], ref_template="#/components/schemas/{model}"
    )
    components: dict[str, Any] = {"schemas": schemas["$defs"]}
    security: list[dict[str, list[str]]] = []
    if with_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        security = [{"token": []}]
    told = (401, 421) if with_token else (421,)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Thaw",
            "version": "1",
            "description": "Classifies pictures by the classifier of one run. " + limits(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/predict": {"post": {**_predict(with_token), "security": security}},
            "/labels": {"get": {**_get("labels", "The classes", "Labels", told), "security": security}},
            "/health": {"get": _get("health", "Whether the service answers", "Health", (421,))},
        },
        "components": components,
    }


def limits() -> str:
    """What is taken, in a sentence."""
    return (
        f"A request takes up to {SERVING.pictures} pictures and {SERVING.request_bytes // 1024**2} MiB; a picture up "
        f"to {LIMITS.image_pixels // 1_000_000} million pixels, {LIMITS.image_side:,} a side and "
        f"{LIMITS.image_bytes // 1024**2} MiB."
    )


def _predict(with_token: bool) -> dict[str, Any]:
    form = {
        "type": "object",
        "properties": {
            FIELD: {
                "type": "array",
                "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                "minItems": 1,
                "maxItems": SERVING.pictures,
            }
        },
        "required": [FIELD],
        "additionalProperties": False,
    }
    top = {"type": "integer", "minimum": 1, "maximum": MOST_TOP, "default": TOP}
    return {
        "operationId": "predict",
        "summary": "Classify pictures",
        "description": "Each picture is an item of the answer; one that cannot be read is an item with its reason.",
        "parameters": [
            {"name": "top", "in": "query", "description": "classes listed in `top`", "schema": top, "required": False}
        ],
        "requestBody": {
            "required": True,
            "content": {FORM: {"schema": form}, JSON: {"schema": _reference("EncodedPictures")}},
        },
        "responses": _responses("Predictions", PREDICT if with_token else PREDICT[1:]),
    }


def _get(name: str, summary: str, model: str, refusals: tuple[int, ...]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": _responses(model, refusals)}


def _responses(model: str, refusals: tuple[int, ...]) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(model)}}
    refused = {"application/json": {"schema": _reference("Refusal")}}
    answers = {"200": {"description": "the answer", "content": content}}
    answers |= {str(status): {"description": REFUSALS[status], "content": refused} for status in refusals}
    return answers


def _reference(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}
