"""A function that works on pictures: AWS's image-processing-service, with Pillow instead of ImageMagick.

The event names an `operation`; pictures travel as base64 text, in (`base64Image`) and out.

    {"operation": "ping"}                                               -> "pong"
    {"operation": "getSample"}                                          -> a PNG of 70 x 46 pixels
    {"operation": "getDimensions", "base64Image": ...}                  -> "70x46\\n"
    {"operation": "identify",      "base64Image": ...}                  -> "PNG 70x46 8-bit RGB 3.1KB\\n"
    {"operation": "resize",        "base64Image": ..., "width": 140}    -> a picture; `height` too, both make a frame
    {"operation": "thumbnail",     "base64Image": ..., "width": 32}     -> the same, but never larger than the original
    {"operation": "convert",       "base64Image": ..., "outputExtension": "jpg"} -> in that format

`resize` and `thumbnail` keep the proportions, and the format unless `outputExtension` asks for another.
"""

import base64
import binascii
import io
import os

from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_SIDE = 8192
THUMBNAIL_SIDE = 100
FORMATS = {
    "bmp": "BMP",
    "gif": "GIF",
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "png": "PNG",
    "tif": "TIFF",
    "tiff": "TIFF",
    "webp": "WEBP",
}
BITS = {"1": 1, "I": 32, "F": 32, "I;16": 16}


class BadRequest(Exception):
    """The event asks for something that cannot be done; the message says what."""


def handler(event, context):
    operation = event.get("operation") if isinstance(event, dict) else None
    run = OPERATIONS.get(operation)
    if run is None:
        raise BadRequest(f"Unknown operation {operation!r}: expected one of {', '.join(sorted(OPERATIONS))}")
    return run(event)


def ping(event):
    return "pong"


def get_sample(event):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sample.png"), "rb") as file:
        return base64.b64encode(file.read()).decode()


def get_dimensions(event):
    image, _ = picture(event)
    return f"{image.width}x{image.height}\n"


def identify(event):
    image, data = picture(event)
    frames = getattr(image, "n_frames", 1)
    parts = [
        image.format,
        f"{image.width}x{image.height}",
        f"{BITS.get(image.mode, 8)}-bit",
        image.mode,
        f"{len(data) / 1000:.1f}KB",
        f"{frames} frames" if frames > 1 else "",
    ]
    return " ".join(filter(None, parts)) + "\n"


def resize(event):
    image, _ = picture(event)
    width, height = pixels(event, "width"), pixels(event, "height")
    if width is None and height is None:
        raise BadRequest("resize needs `width` or `height` (or both, as a frame to fit into)")
    upright = ImageOps.exif_transpose(image)
    frame = (width or LARGEST_SIDE, height or LARGEST_SIDE)
    return encoded(ImageOps.contain(upright, frame, Image.Resampling.LANCZOS), output_format(event, image.format))


def thumbnail(event):
    image, _ = picture(event)
    width, height = pixels(event, "width"), pixels(event, "height")
    small = ImageOps.exif_transpose(image)
    small.thumbnail((width or height or THUMBNAIL_SIDE, height or width or THUMBNAIL_SIDE))
    return encoded(small, output_format(event, image.format))


def convert(event):
    image, _ = picture(event)
    wanted = output_format(event, None)
    if wanted is None:
        raise BadRequest(f"convert needs `outputExtension`: one of {', '.join(FORMATS)}")
    return encoded(image, wanted)


OPERATIONS = {
    "ping": ping,
    "getSample": get_sample,
    "getDimensions": get_dimensions,
    "identify": identify,
    "resize": resize,
    "thumbnail": thumbnail,
    "convert": convert,
}


def picture(event):
    """The picture of the event, decoded, and its bytes."""
    text = event.get("base64Image")
    if not text or not isinstance(text, str):
        raise BadRequest(f"{event['operation']} needs `base64Image`: a picture as base64 text")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadRequest(f"`base64Image` is not base64: {error}") from None
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except UnidentifiedImageError:
        raise BadRequest("`base64Image` is not a picture of a known format") from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's ways to say damaged, and too large
        raise BadRequest(f"`base64Image` cannot be decoded: {error}") from None
    return image, data


def pixels(event, name):
    """The number of pixels under `name`, or None."""
    value = event.get(name)
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= LARGEST_SIDE:
        raise BadRequest(f"`{name}` must be a number of pixels from 1 to {LARGEST_SIDE}, not {value!r}")
    return number


def output_format(event, otherwise):
    """The format that `outputExtension` (or `format`) asks for."""
    extension = event.get("outputExtension") or event.get("format")
    if extension is None:
        return otherwise
    wanted = FORMATS.get(str(extension).lower().lstrip("."))
    if wanted is None:
        raise BadRequest(f"Cannot write {extension!r}: expected one of {', '.join(FORMATS)}")
    return wanted


def encoded(image, output):
    """The picture as base64 text. JPEG knows no transparency: what shines through becomes white."""
    if output == "JPEG" and image.mode not in ("L", "RGB", "CMYK"):
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, opaque).convert("RGB")
    out = io.BytesIO()
    image.save(out, output)
    return base64.b64encode(out.getvalue()).decode()
