"""The function behind the HTTP API: takes pictures in, and sends browsers to the optimised ones.

    POST /pictures?name=cat.jpg     the picture as the body; 202, or 200 for one that is there already
    POST /links                     {"sha256": "<hex>", "name": "cat.jpg"}: a link for a picture that is too large for a
                                    request of API Gateway and Lambda (6 MB, and a picture grows by a third on its way),
                                    to PUT it to with the headers `along`
    GET  /pictures/{id}             302 to the optimised picture, in the smallest format that the browser accepts; 202
                                    while it waits; 422 with the reason when it could not be optimised

A picture's id comes from its content: the same picture is stored and optimised once, two of the same name are two.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import time
from typing import Any

import calls
from botocore.exceptions import ClientError

BUCKET = os.environ["BUCKET"]
LINK_S = 300
"""How long a link to a picture is valid; a browser follows it at once."""
FORMATS = ("avif", "webp")
"""Smallest first."""

s3 = calls.client("s3")
links = calls.public_client("s3")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        answer = ROUTES[event["routeKey"]](event)
    finally:
        print(json.dumps({"calls": calls.taken()}))
    return answer


def post_picture(event: dict[str, Any]) -> dict[str, Any]:
    body = event.get("body", "")
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except binascii.Error:
        return said(400, message="The body is not what its base64 says")
    if not content:
        return said(400, message="Send a picture as the body")
    id = hashlib.sha256(content).hexdigest()[:32]
    try:
        s3.put_object(
            Bucket=BUCKET,
            Key=f"originals/{id}",
            Body=content,
            IfNoneMatch="*",
            Metadata=about(event.get("queryStringParameters", {}).get("name", "")),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        return said(200, id=id, picture=f"/pictures/{id}", known=True)
    return said(202, id=id, picture=f"/pictures/{id}", known=False)


def post_link(event: dict[str, Any]) -> dict[str, Any]:
    try:
        body = event.get("body", "")
        wanted = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
        digest, name = wanted["sha256"].lower(), wanted.get("name", "")
        if not re.fullmatch("[0-9a-f]{64}", digest) or not isinstance(name, str):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        return said(400, message='Say which picture: {"sha256": "<64 hex digits>", "name": "cat.jpg"}')
    id = digest[:32]
    if exists(f"originals/{id}"):
        return said(200, id=id, picture=f"/pictures/{id}", known=True)
    # The checksum is signed along: nothing but this picture can be stored under its id.
    checksum = base64.b64encode(bytes.fromhex(digest)).decode()
    given = {"ChecksumSHA256": checksum, "Metadata": about(name)}
    link = links.generate_presigned_url(
        "put_object", Params={"Bucket": BUCKET, "Key": f"originals/{id}", **given}, ExpiresIn=LINK_S
    )
    along = {f"x-amz-meta-{key}": value for key, value in given["Metadata"].items()}
    along["x-amz-checksum-sha256"] = checksum
    return said(200, id=id, picture=f"/pictures/{id}", known=False, put=link, along=along)


def get_picture(event: dict[str, Any]) -> dict[str, Any]:
    id = event["pathParameters"]["id"]
    if not re.fullmatch("[0-9a-f]{32}", id):
        return said(404, message="No such picture")
    accepted = event["headers"].get("accept", "")
    format = next((each for each in FORMATS if f"image/{each}" in accepted), "webp")
    if exists(f"optimised/{id}.{format}"):
        link = links.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": f"optimised/{id}.{format}"}, ExpiresIn=LINK_S
        )
        kept = {"location": link, "cache-control": f"private, max-age={LINK_S // 2}", "vary": "accept"}
        return {"statusCode": 302, "headers": kept}
    try:
        failure = json.loads(s3.get_object(Bucket=BUCKET, Key=f"failed/{id}.json")["Body"].read())
        return said(422, message=failure["reason"])
    except s3.exceptions.NoSuchKey:
        pass
    if exists(f"originals/{id}"):
        return said(202, {"retry-after": "1"}, message="Not optimised yet")
    return said(404, message="No such picture")


def exists(key: str) -> bool:
    try:
        s3.head_object(Bucket=BUCKET, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


def about(name: str) -> dict[str, str]:
    """What is kept beside an original: its name, in printable ASCII as headers must be, and when it came."""
    plain = "".join(each if " " <= each <= "~" else "_" for each in name)[:200]
    return {"name": plain.strip() or "unnamed", "posted": str(time.time())}


def said(status: int, headers: dict[str, str] | None = None, **content: Any) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(content),
    }


ROUTES = {
    "POST /pictures": post_picture,
    "POST /links": post_link,
    "GET /pictures/{id}": get_picture,
}
