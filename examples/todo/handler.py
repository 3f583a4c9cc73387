"""A list of things to do behind a REST API; each is an object in a bucket.

    GET    /todos            all of them, the newest last
    POST   /todos            {"text": "buy tea"} -> 201
    GET    /todos/{id}
    PUT    /todos/{id}       {"text": ..., "done": true}; with If-Match only if nobody changed it since
    DELETE /todos/{id}       204
"""

import json
import os
import time
import uuid
from typing import Any

import boto3
from botocore.exceptions import ClientError

BUCKET = os.environ["BUCKET"]
PREFIX = "todos/"
MOST = 1000
TEXT_LIMIT = 1000

s3 = boto3.client("s3")


class Refused(Exception):
    """The caller's fault: (status, message)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    operations = {
        ("GET", "/todos"): list_all,
        ("POST", "/todos"): create,
        ("GET", "/todos/{id}"): read,
        ("PUT", "/todos/{id}"): update,
        ("DELETE", "/todos/{id}"): delete,
    }
    try:
        return operations[event["httpMethod"], event["resource"]](event)
    except Refused as error:
        return answer(error.status, {"message": str(error)})


def list_all(event: dict[str, Any]) -> dict[str, Any]:
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX, MaxKeys=MOST).get("Contents", [])
    todos = [json.loads(s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()) for each in found]
    return answer(200, {"todos": sorted(todos, key=lambda each: each["created"])})


def create(event: dict[str, Any]) -> dict[str, Any]:
    todo = wanted(event) | {"id": uuid.uuid4().hex, "created": time.time()}
    return put(todo, 201, IfNoneMatch="*")


def read(event: dict[str, Any]) -> dict[str, Any]:
    todo, etag = load(event)
    return answer(200, todo, ETag=etag)


def update(event: dict[str, Any]) -> dict[str, Any]:
    todo, etag = load(event)
    expected = header(event, "if-match") or etag
    return put(todo | wanted(event), 200, IfMatch=expected)


def delete(event: dict[str, Any]) -> dict[str, Any]:
    todo, _ = load(event)
    s3.delete_object(Bucket=BUCKET, Key=PREFIX + todo["id"])
    return {"statusCode": 204, "body": ""}


def wanted(event: dict[str, Any]) -> dict[str, Any]:
    """What a body says of a thing to do."""
    try:
        body = json.loads(event["body"] or "")
    except ValueError:
        raise Refused(400, "The body is not JSON") from None
    if not isinstance(body, dict) or not isinstance(body.get("text"), str) or not body["text"].strip():
        raise Refused(400, 'Say what is to be done: {"text": "buy tea"}')
    if len(body["text"]) > TEXT_LIMIT or not isinstance(body.get("done", False), bool):
        raise Refused(400, f"At most {TEXT_LIMIT} characters of text, and done is true or false")
    return {"text": body["text"], "done": body.get("done", False)}


def load(event: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """(the one that the path names, its ETag)"""
    id = event["pathParameters"]["id"]
    try:
        found = s3.get_object(Bucket=BUCKET, Key=PREFIX + id)
    except s3.exceptions.NoSuchKey:
        raise Refused(404, f"There is no {id} to do") from None
    return json.loads(found["Body"].read()), found["ETag"]


def put(todo: dict[str, Any], status: int, **condition: str) -> dict[str, Any]:
    key, body = PREFIX + todo["id"], json.dumps(todo).encode()
    try:
        stored = s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="application/json", **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            raise
        raise Refused(409, "Somebody was faster: read it again") from None
    return answer(status, todo, ETag=stored["ETag"], Location=f"/todos/{todo['id']}")


def header(event: dict[str, Any], name: str) -> str:
    return next((value for key, value in event["headers"].items() if key.lower() == name), "")


def answer(status: int, content: Any, **headers: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(content, ensure_ascii=False),
    }
