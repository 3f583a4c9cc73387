"""The pictures of a run: a folder of the user's, or samples drawn here, so that nobody's rights are touched.

The samples are what people send: photographs with camera and place in them, screenshots, drawings with transparency,
the same picture twice, two pictures with one name, and a few that can't be optimised.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".ppm"}


class Picture(NamedTuple):
    name: str
    content: bytes


def of(folder: Path) -> list[Picture]:
    """Every file of a folder that has a picture's ending, and of the folders in it, in order of name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES)
    return [Picture(path.relative_to(folder).as_posix(), path.read_bytes()) for path in found]


def samples(count: int, broken: int, seed: int = 1) -> list[Picture]:
    """`count` pictures, of which `broken` can't be optimised. The same arguments give the same pictures."""
    numbers = random.Random(seed)
    good = list(_good(max(0, count - broken), numbers))
    makers = (_cut, _text, _nothing, _bomb)
    wrong = [makers[n % len(makers)](n, numbers) for n in range(min(broken, count))]
    mixed = good + wrong
    numbers.shuffle(mixed)
    return mixed


def _good(count: int, numbers: random.Random) -> Iterator[Picture]:
    makers: tuple[Callable[[int, random.Random], Picture], ...] = (_photograph, _screenshot, _photograph, _drawing)
    made: list[Picture] = []
    for n in range(count):
        if n == 6:
            made.append(Picture("the-same-once-more.jpg", made[0].content))
        elif n == 7:
            made.append(Picture(made[2].name, _photograph(n, numbers).content))
        else:
            made.append(makers[n % len(makers)](n, numbers))
    yield from made


def _photograph(n: int, numbers: random.Random) -> Picture:
    """Hills in the evening, with the grain of a sensor, and what a telephone writes into its pictures."""
    from PIL import Image, ImageChops, ImageDraw, ImageFilter

    wide, high = numbers.choice([(2400, 1600), (1800, 2400), (3000, 2000)])
    sky = Image.linear_gradient("L").resize((wide, high))
    tone = numbers.randrange(40, 90)
    red, green = sky.point(lambda v: 255 - v // 3), sky.point(lambda v: 190 - v // 2 + tone // 3)
    picture = Image.merge("RGB", (red, green, sky))
    draw = ImageDraw.Draw(picture)
    for layer in range(5):
        base, shade = high * (5 + layer) // 10, 110 - layer * 22
        points, y = [(0, high)], float(base)
        for x in range(0, wide + 40, 40):
            y += numbers.uniform(-30, 30) + (base - y) * 0.06
            points.append((x, int(y)))
        draw.polygon([*points, (wide, high)], fill=(shade, shade + 18, shade // 2 + tone))
    picture = picture.filter(ImageFilter.GaussianBlur(1.5))
    noise = Image.frombytes("L", (wide // 2, high // 2), numbers.randbytes(wide // 2 * (high // 2)))
    grain = noise.point(lambda v: 108 + v // 6).resize((wide, high))
    picture = ImageChops.overlay(picture, Image.merge("RGB", (grain, grain, grain)))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Samovar", "Sample 1", numbers.choice([1, 6])
    exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 11.0, 31.0), 3: "E", 4: (37.0, 37.0, 4.0)})  # where it was taken
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=93, exif=exif)
    return Picture(f"photo-{n:03}.jpg", out.getvalue())


def _screenshot(n: int, numbers: random.Random) -> Picture:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (1920, 1080), (246, 247, 249))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 1920, 64), fill=(35, 47, 62))
    for row in range(16):
        y = 110 + row * 58
        for column in range(4):
            length = numbers.randrange(80, 380)
            shade = numbers.randrange(60, 170)
            draw.rounded_rectangle((60 + column * 460, y, 60 + column * 460 + length, y + 22), 8, fill=(shade,) * 3)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Picture(f"screenshot-{n:03}.png", out.getvalue())


def _drawing(n: int, numbers: random.Random) -> Picture:
    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (1400, 1400), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y, r = numbers.randrange(200, 1200), numbers.randrange(200, 1200), numbers.randrange(20, 200)
        colour = (numbers.randrange(256), numbers.randrange(256), numbers.randrange(256), numbers.randrange(90, 256))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Picture(f"drawing-{n:03}.png", out.getvalue())


def _cut(n: int, numbers: random.Random) -> Picture:
    """The upload that broke off: half a photograph."""
    whole = _photograph(n, numbers).content
    return Picture(f"broken-off-{n}.jpg", whole[: len(whole) // 2])


def _text(n: int, numbers: random.Random) -> Picture:
    return Picture(f"not-a-picture-{n}.jpg", f"Dear reader, I am number {n}, and not a picture.".encode())


def _nothing(n: int, numbers: random.Random) -> Picture:
    return Picture(f"nothing-{n}.png", b"\x89PNG\r\n\x1a\n" + bytes([n]))


def _bomb(n: int, numbers: random.Random) -> Picture:
    """A small file that is 30,000 pixels wide and high when unpacked."""
    edge = 30_000 + n
    head = struct.pack(">IIBBBBB", edge, edge, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((edge // 8 + 2) * 64))
    chunks = (b"IHDR" + head, b"IDAT" + pixels, b"IEND")
    content = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return Picture(f"bomb-{n}.png", b"\x89PNG\r\n\x1a\n" + content)
