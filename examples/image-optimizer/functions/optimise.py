"""The function behind the queue: makes the optimised pictures.

Each message is a notification of S3's about an original. What a picture becomes: turned upright, in sRGB, at most EDGE
pixels on its longer side, without metadata (camera, place, time), as AVIF and WebP. Of a moving picture the first frame
is kept.

A picture that fails is reported as a failed item, so that the rest of its batch is done with. It is tried once more at
once, then the queue's redrive policy moves its message to the dead-letter queue; the reason is kept in `failed/`.
"""

import io
import json
import os
import time
import urllib.parse
from typing import Any

import calls
from PIL import Image, ImageCms, ImageOps

BUCKET = os.environ["BUCKET"]
QUEUE_URL = os.environ["QUEUE_URL"]
EDGE = int(os.environ.get("EDGE", "1600"))
MAX_BYTES = 50_000_000
MAX_PIXELS = 64_000_000
"""Of an original; its pixels take up to 4 bytes each, twice."""
SAVED = {"avif": {"quality": 60, "speed": 8}, "webp": {"quality": 80, "method": 4}}

Image.MAX_IMAGE_PIXELS = None  # `opened` has the limit, and a better message
s3 = calls.client("s3")
sqs = calls.client("sqs")


class Refused(Exception):
    """Not a picture that is optimised here; the message says why."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    failed = [record for record in event["Records"] if not all(process(record, key) for key in keys(record))]
    for record in failed:
        # Lambda would leave it hidden for the queue's visibility timeout: nobody has to wait that long for a picture.
        sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)
    print(json.dumps({"batch": len(event["Records"]), "calls": calls.taken()}))
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def keys(record: dict[str, Any]) -> list[str]:
    """The originals that a message tells of; S3's test message tells of none."""
    notification = json.loads(record["body"])
    return [urllib.parse.unquote_plus(each["s3"]["object"]["key"]) for each in notification.get("Records", [])]


def process(record: dict[str, Any], key: str) -> bool:
    """Make the optimised pictures of one original; whether that worked. Says what came of it in one line of the log."""
    began = time.time()
    id = key.removeprefix("originals/")
    attributes = record["attributes"]
    line: dict[str, Any] = {
        "picture": id,
        "attempt": int(attributes["ApproximateReceiveCount"]),
        "waited_ms": round(began * 1000 - int(attributes["SentTimestamp"])),
    }
    try:
        line |= optimise(id, key)
    except Exception as error:  # noqa: BLE001 - whatever a picture does to its decoder, the others must be done
        reason = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        line["failed"] = reason
        s3.put_object(Bucket=BUCKET, Key=f"failed/{id}.json", Body=json.dumps({"id": id, "reason": reason}).encode())
    line |= {"took_ms": round((time.time() - began) * 1000), "at": time.time()}
    print(json.dumps(line))
    return "failed" not in line


def optimise(id: str, key: str) -> dict[str, Any]:
    original = s3.get_object(Bucket=BUCKET, Key=key)
    size = original["ContentLength"]
    if size > MAX_BYTES:
        raise Refused(f"{size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are optimised")
    picture = opened(original["Body"].read())
    was = picture.size
    small = upright(picture)
    after = {}
    for format, options in SAVED.items():
        out = io.BytesIO()
        small.save(out, format, **options)  # Pillow writes metadata only when it is told to
        after[format] = out.tell()
        s3.put_object(
            Bucket=BUCKET,
            Key=f"optimised/{id}.{format}",
            Body=out.getvalue(),
            ContentType=f"image/{format}",
            CacheControl="public, max-age=31536000, immutable",
        )
    return {"before": size, "after": after, "from": list(was), "to": list(small.size), "format": picture.format}


def opened(content: bytes) -> Image.Image:
    """The picture, its pixels not decoded yet: what is too large, or not a picture, costs nothing."""
    if not content:
        raise Refused("An empty file")
    try:
        picture = Image.open(io.BytesIO(content))
    except Image.UnidentifiedImageError:
        raise Refused("Not a picture that Pillow knows") from None
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Refused(f"{width} x {height} pixels; at most {MAX_PIXELS / 1e6:.0f} million are optimised")
    return picture


def upright(picture: Image.Image) -> Image.Image:
    """At most EDGE pixels long, turned as the camera was held, in sRGB, with an alpha channel only if there was one."""
    picture.draft("RGB", (EDGE * 2, EDGE * 2))  # a JPEG is decoded at the size that is needed, and no larger
    picture.load()
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    small = ImageOps.exif_transpose(picture)
    small = small.convert("RGBA" if transparent else "RGB") if small.mode not in ("CMYK", "LAB") else small
    small = in_srgb(small, picture.info.get("icc_profile"))
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
    bare = Image.new(small.mode, small.size)  # nothing of the original's info comes along
    bare.paste(small)
    return bare


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The same colours without the profile: browsers take a picture that has none to be in sRGB."""
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile and picture.mode in ("RGB", "CMYK", "LAB"):
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(picture, embedded, ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile says nothing about the colours
    return picture.convert(mode)
