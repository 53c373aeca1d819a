"""Templates become files, in such a way that no text of a user becomes code or markup.

What a template prints is taken for a value: in a script it is written as Python writes it, so that text has its quotes;
in Markdown it is escaped. Only what the template itself says, or passes through `plain`, stands as it is.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from dashboard.core.markdown import label

FOLDER = Path(__file__).parent / "templates"
HARMLESS = re.compile(r"[\w .,:;%()/+\-]*", re.ASCII)
WIDTH = 100  # of a value over several lines


class Plain(str):
    """Text that stands as it is."""


def plain(text: str) -> Plain:
    """Words of this project for a place where they are no value, such as a comment or a name.

    Raises:
        ValueError: there is a character in it with which text could leave that place.
    """
    if not HARMLESS.fullmatch(text):
        raise ValueError(f"This must not stand unquoted: {text!r}")
    return Plain(text)


def quoted(text: str) -> str:
    """Text as Python writes it, in double quotes where it can; what cannot be printed is escaped."""
    written = repr(text)
    return written if '"' in written else f'"{written[1:-1]}"'


def layout(value: Any) -> Plain:
    """A list or mapping as Python writes it; over several lines where it is long."""
    items = (
        [f"{_written(key)}: {_written(each)}" for key, each in value.items()]
        if isinstance(value, Mapping)
        else [_written(each) for each in value]
    )
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    line = f"{opening}{', '.join(items)}{closing}"
    return Plain(
        line if len(line) <= WIDTH else "\n    ".join([opening, *(f"{each}," for each in items)]) + f"\n{closing}"
    )


def _written(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    return f"[{', '.join(map(_written, value))}]" if isinstance(value, list | tuple) else repr(value)


def script(template: str, /, **values: Any) -> str:
    """A template of Python."""
    return _environment(quoted).get_template(template).render(values)


def document(template: str, /, **values: Any) -> str:
    """A template of Markdown."""
    return _environment(label).get_template(template).render(values)


@lru_cache(maxsize=2)
def _environment(write: Callable[[str], str]) -> jinja2.Environment:
    def finalize(value: Any) -> Any:
        return write(value) if isinstance(value, str) and not isinstance(value, Plain) else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # escapes for HTML, which neither is
    )
    environment.filters.update(plain=plain, layout=layout)
    return environment
