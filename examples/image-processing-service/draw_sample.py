"""Draws sample.png, the rose that the function carries. Needs Pillow; the picture is kept beside it."""

import math
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (70, 46)
FINE = 8
"""Drawn this much larger and then scaled down, for smooth edges."""
CENTRE = (31.0, 21.0)
PETALS = (
    # ring by ring from the outside: how many, how far out, how large, colour, turned by (radians)
    (7, 11.0, 8.6, (150, 16, 42), 0.20),
    (6, 8.0, 7.4, (184, 24, 54), 0.75),
    (5, 5.2, 6.0, (212, 44, 74), 0.10),
    (4, 3.0, 4.4, (228, 74, 100), 0.90),
    (3, 1.5, 2.8, (240, 112, 132), 0.30),
)


def blob(draw, x, y, rx, ry, angle, colour):
    """An ellipse turned by `angle`, a little pointed at its outer end, as a petal is."""
    points = []
    for step in range(64):
        t = 2 * math.pi * step / 64
        u, v = rx * math.cos(t) * (1 + 0.12 * math.cos(t)), ry * math.sin(t)
        points.append(
            (
                FINE * (x + u * math.cos(angle) - v * math.sin(angle)),
                FINE * (y + u * math.sin(angle) + v * math.cos(angle)),
            )
        )
    draw.polygon(points, fill=colour)


def background(image):
    """Dusk: a soft gradient from pale blue above to warm grey below."""
    width, height = image.size
    for y in range(height):
        share = y / height
        colour = tuple(round(a + (b - a) * share) for a, b in zip((206, 218, 232), (240, 222, 205), strict=True))
        for x in range(width):
            image.putpixel((x, y), colour)


def draw() -> Image.Image:
    image = Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE))
    background(image)
    pen = ImageDraw.Draw(image)
    x, y = CENTRE
    pen.line([(FINE * (x + 4), FINE * (y + 8)), (FINE * 58, FINE * 50)], fill=(48, 92, 52), width=2 * FINE)
    blob(pen, 54, 34, 9.0, 3.6, -0.45, (58, 112, 62))
    blob(pen, 42, 41, 8.0, 3.2, 2.75, (66, 122, 68))
    for count, distance, size, colour, turn in PETALS:
        for number in range(count):
            angle = turn + 2 * math.pi * number / count
            px, py = x + distance * math.cos(angle), y + distance * math.sin(angle)
            shade = tuple(max(0, round(part * 0.72)) for part in colour)
            blob(pen, px, py, size * 0.86, size, angle, shade)
            blob(pen, px - 0.5 * math.cos(angle), py - 0.5 * math.sin(angle), size * 0.80, size * 0.94, angle, colour)
    blob(pen, x, y, 1.3, 1.0, 0.6, (250, 160, 170))
    return image.resize(SIZE, Image.Resampling.BOX)


if __name__ == "__main__":
    draw().save(Path(__file__).parent / "sample.png", optimize=True)
