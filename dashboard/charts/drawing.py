"""A network as a picture to take away, SVG and PNG, from one layout and without Graphviz."""

import io
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from dashboard.charts import theme
from dashboard.charts.layered import Placed, Point, place
from dashboard.charts.topology import millions

BOX, STEP = (216, 38), (236, 60)  # pixels: a box, and from one to the next
MARGIN, LEGEND = 16, 34
WITHOUT = "#5b6670"  # layers that have no parameters; 5.9 to 1 under white text
LONGEST = 16_000  # pixels of a side of a PNG; larger ones are drawn smaller
STATES = ((theme.ICE, "frozen"), (theme.EMBER, "trainable"), (WITHOUT, "no parameters"))
FONT = "Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Drawn:
    """Boxes in pixels: `labels` and `colors` by name as `placed.boxes` is."""

    placed: Placed
    labels: dict[str, tuple[str, str]]
    colors: dict[str, str]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width = max(round(self.placed.width * STEP[0]), 3 * 130)
        return width + 2 * MARGIN, self.placed.ranks * STEP[1] + 2 * MARGIN + LEGEND

    def at(self, point: Point) -> tuple[float, float]:
        """The middle of a place in pixels."""
        left = (self.size[0] - self.placed.width * STEP[0]) / 2
        return left + point[0] * STEP[0], MARGIN + LEGEND + (point[1] + 0.5) * STEP[1]

    def path(self, line: list[Point]) -> list[tuple[float, float]]:
        """A line in pixels, from below a box to above another; it goes askew only between two ranks."""
        points = []
        for number, (x, y) in enumerate(map(self.at, line)):
            points += [(x, y - BOX[1] / 2)] if number else []
            points += [(x, y + BOX[1] / 2)] if number < len(line) - 1 else []
        return points

    def corners(self, name: str) -> tuple[float, float, float, float]:
        x, y = self.at(self.placed.boxes[name])
        return x - BOX[0] / 2, y - BOX[1] / 2, x + BOX[0] / 2, y + BOX[1] / 2


def draw(boxes: pd.DataFrame) -> Drawn:
    """Args: boxes: columns name, kind, shape (texts), parameters, trainable (counts) and inputs (names)."""
    labels, colors = {}, {}
    for row in boxes.itertuples(index=False):
        count = f", {millions(row.parameters)}" if row.parameters else ""
        labels[row.name] = (_cut(str(row.name), 32), _cut(f"{row.kind}{count}, {row.shape}", 38))
        colors[row.name] = theme.EMBER if row.trainable else theme.ICE if row.parameters else WITHOUT
    return Drawn(place(dict(zip(boxes["name"], boxes["inputs"], strict=True))), labels, colors)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2]}…{text[len(text) + 1 - length + length // 2 :]}"


def svg(drawn: Drawn) -> str:
    """The drawing as SVG without a background, sharp at any size; what trains has a second outline."""
    width, height = drawn.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="{FONT}" text-anchor="middle">'
    ]
    for index, (color, word) in enumerate(STATES):
        x = MARGIN + 130 * index
        parts.append(f'<rect x="{x}" y="{MARGIN}" width="122" height="22" rx="4" fill="{color}"/>')
        parts.append(f'<text x="{x + 61}" y="{MARGIN + 15}" font-size="12" fill="{theme.ON_COLOR}">{word}</text>')
    for line in drawn.placed.lines:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn.path(line))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{theme.NEUTRAL}" stroke-width="1.5"/>')
    for name in drawn.placed.boxes:
        parts += _svg_box(drawn, name)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_box(drawn: Drawn, name: str) -> list[str]:
    left, top, right, bottom = drawn.corners(name)
    color, (first, second) = drawn.colors[name], drawn.labels[name]
    middle = (left + right) / 2
    box = [(0, f'fill="{color}"')]
    if color == theme.EMBER:
        box.append((-3, f'fill="none" stroke="{color}" stroke-width="1.5"'))
    return [
        *(
            f'<rect x="{left + by:.1f}" y="{top + by:.1f}" width="{right - left - 2 * by:.1f}" '
            f'height="{bottom - top - 2 * by:.1f}" rx="5" {how}/>'
            for by, how in box
        ),
        f'<text x="{middle:.1f}" y="{top + 16:.1f}" font-size="12" font-weight="bold" '
        f'fill="{theme.ON_COLOR}">{escape(first)}</text>',
        f'<text x="{middle:.1f}" y="{top + 31:.1f}" font-size="10.5" fill="{theme.ON_COLOR}">{escape(second)}</text>',
    ]


def png(drawn: Drawn, *, scale: float = 2.0) -> bytes:
    """The drawing as PNG on white, `scale` pixels a pixel, less where a side would be longer than `LONGEST`."""
    scale = min(scale, LONGEST / max(drawn.size))
    image = Image.new("RGB", (round(drawn.size[0] * scale), round(drawn.size[1] * scale)), "white")
    pen = ImageDraw.Draw(image)
    large, small = (ImageFont.load_default(size * scale) for size in (12, 10.5))

    def to_pixels(*values: float) -> list[float]:
        return [value * scale for value in values]

    def write(x: float, y: float, words: str, font: Any) -> None:
        pen.text((x * scale, y * scale), words, fill=theme.ON_COLOR, font=font, anchor="mm")

    for index, (color, word) in enumerate(STATES):
        x = MARGIN + 130 * index
        pen.rounded_rectangle(to_pixels(x, MARGIN, x + 122, MARGIN + 22), 4 * scale, fill=color)
        write(x + 61, MARGIN + 11, word, large)
    for line in drawn.placed.lines:
        pen.line([(x * scale, y * scale) for x, y in drawn.path(line)], theme.NEUTRAL, max(1, round(1.5 * scale)))
    for name in drawn.placed.boxes:
        left, top, right, bottom = drawn.corners(name)
        color, (first, second) = drawn.colors[name], drawn.labels[name]
        if color == theme.EMBER:
            outer = to_pixels(left - 3, top - 3, right + 3, bottom + 3)
            pen.rounded_rectangle(outer, 6 * scale, outline=color, fill="white", width=max(1, round(scale)))
        pen.rounded_rectangle(to_pixels(left, top, right, bottom), 5 * scale, fill=color)
        middle = (left + right) / 2
        write(middle, top + 12, first, large)
        write(middle, top + 27, second, small)
    target = io.BytesIO()
    image.save(target, "PNG", optimize=False)
    return target.getvalue()
