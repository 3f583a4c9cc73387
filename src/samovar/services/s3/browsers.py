"""What browsers ask of buckets beside S3's operations: preflights, and uploads by forms.

Owns: which requests these are, and their answers. Source: facts/s3.md §3.4, §10.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.net.message import Request, Response
from samovar.services.s3 import cors, forms, given, source
from samovar.services.s3.records import Bucket
from samovar.services.s3.state import S3
from samovar.wire.buckets import bucket_of_host, is_bucket_host, request_ids

Admit = Callable[[Context, Mapping[str, str], Params], Context]
"""(context, fields of a form, what it asks for) -> the context of whoever signed it and may; raises AwsError."""

_STATUSES: Final = {"200": 200, "201": 201}


class Browsers:
    def __init__(self, state: S3, admit: Admit) -> None:
        self._state = state
        self._admit = admit

    def claims(self, request: Request) -> bool:
        """Whether it is a preflight of a bucket, or a form sent to one."""
        headers = request.headers
        if request.method == "OPTIONS":
            return is_bucket_host(headers.get("host", "")) or self._bucket(request) is not None
        form = headers.get("content-type", "").startswith("multipart/form-data")
        return request.method == "POST" and form and bool(_place(request)[0]) and not _place(request)[1]

    def shared(self, request: Request) -> cors.Headers | None:
        """What the answer to a page of another site must say; None: its page may not read it."""
        bucket = self._bucket(request)
        origin = request.headers.get("origin", "")
        return cors.shared(_rules(bucket), origin, request.method) if bucket is not None else None

    async def answer(self, request: Request, ctx: Context, body: AsyncIterator[bytes]) -> Response:
        short, long = request_ids(ctx.request_id)
        always = [("x-amz-request-id", short), ("x-amz-id-2", long), ("Server", "AmazonS3")]
        if request.method == "OPTIONS":
            bucket = self._bucket(request)
            rules = _rules(bucket) if bucket is not None else None
            return Response(200, [*always, *cors.preflight(rules, request.headers, bool(_place(request)[1]))])
        answer = await self._post(request, ctx, body)
        shared = self.shared(request) or []
        return msgspec.structs.replace(answer, headers=[*always, *answer.headers, *shared])

    def _bucket(self, request: Request) -> Bucket | None:
        return self._state.buckets.get((_place(request)[0],))

    async def _post(self, request: Request, ctx: Context, body: AsyncIterator[bytes]) -> Response:
        state = self._state
        form = await forms.read(request.headers.get("content-type", ""), body)
        wanted = forms.params(form, _place(request)[0])
        bucket = state.bucket(ctx, wanted)
        ctx = self._admit(ctx, form.fields, wanted)
        bounds = forms.check_policy(form, wanted, state.clock.now())
        given.check_key(wanted["Key"])
        meta = given.meta(wanted, bucket, state.clock.now())
        content, checksum = await source.take(state, {**wanted, "Body": _File(form.file, bounds)})
        try:
            forms.check_size(bounds, content.size)
        except AwsError:
            await state.forget(content.segments)
            raise
        tags = forms.tags(form)
        meta = msgspec.structs.replace(meta, checksum=checksum, segments=content.segments, tags=tags)
        version = await state.write(ctx, bucket, wanted["Key"], content, meta, "ObjectCreated:Post", None)
        return _done(form, ctx, bucket, wanted["Key"], f'"{version.etag}"')


class _File:
    """A form's file as an arriving body, cut off where its policy says."""

    announced = ""

    def __init__(self, parts: AsyncIterator[bytes], bounds: forms.Policy) -> None:
        self.trailers: Mapping[str, str] = {}
        self._parts = parts
        self._bounds = bounds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._parts:
            size += len(part)
            forms.check_size(msgspec.structs.replace(self._bounds, least=0), size)
            yield part


def _place(request: Request) -> tuple[str, str]:
    """(bucket, key) of a request; empty where it names none."""
    named = bucket_of_host(request.headers.get("host", ""))
    if named:
        return named, unquote(request.path[1:])
    bucket, _, key = request.path[1:].partition("/")
    return unquote(bucket), unquote(key)


def _rules(bucket: Bucket) -> Sequence[Any]:
    rules: Sequence[Any] = bucket.settings.get("cors", {}).get("CORSRules", [])
    return rules


def _done(form: forms.Form, ctx: Context, bucket: Bucket, key: str, etag: str) -> Response:
    location = f"{ctx.endpoint}/{bucket.name}/{quote(key, safe='/~')}"
    headers = [("ETag", etag), ("Location", location)]
    redirect = form.fields.get("success_action_redirect") or form.fields.get("redirect")
    if redirect and urlsplit(redirect).scheme in ("http", "https"):
        told = urlencode({"bucket": bucket.name, "key": key, "etag": etag})
        joint = "&" if urlsplit(redirect).query else "?"
        return Response(303, [("ETag", etag), ("Location", f"{redirect}{joint}{told}")])
    status = _STATUSES.get(form.fields.get("success_action_status", ""), 204)
    if status == 201:
        headers.append(("Content-Type", "application/xml"))
        return Response(201, headers, forms.document(location, bucket.name, key, etag))
    return Response(status, headers)
