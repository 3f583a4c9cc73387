"""The registry's door: what answers each request that is for it (`web/registry`).

Owns: the table of methods. Refuses: deleting, which is the API's, as on ECR. Rule: every error is told in the form of
the distribution specification; a body that nobody wanted is read and dropped.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.net.body import BodyStream
from samovar.net.message import Reply, Request, Response
from samovar.services.ecr.door import answers
from samovar.services.ecr.door.blobs import Blobs
from samovar.services.ecr.door.call import Call, Entrance
from samovar.services.ecr.door.manifests import Manifests
from samovar.services.ecr.state import Ecr

_Step = Callable[[Call], Coroutine[Any, Any, Response]]


class Door:
    def __init__(self, state: Ecr, entrance: Entrance) -> None:
        blobs, manifests = Blobs(state, entrance), Manifests(state, entrance)
        self._entrance = entrance
        self._catalog = manifests.catalog
        self._steps: Mapping[tuple[str, str], _Step] = {
            ("GET", "blob"): blobs.read,
            ("HEAD", "blob"): blobs.read,
            ("POST", "upload"): blobs.begin,
            ("GET", "upload"): blobs.show,
            ("PATCH", "upload"): blobs.append,
            ("PUT", "upload"): blobs.complete,
            ("DELETE", "upload"): blobs.abort,
            ("GET", "manifest"): manifests.read,
            ("HEAD", "manifest"): manifests.read,
            ("PUT", "manifest"): manifests.put,
            ("GET", "tags"): manifests.tags,
            ("GET", "referrers"): manifests.referrers,
        }

    def serve(self, request: Request, ctx: Context, reply: Reply) -> Coroutine[Any, Any, Response]:
        """The answer, as the gateway's to wait for."""
        stream = BodyStream(request.incoming) if request.incoming is not None else None
        return self._answer(Call(request, ctx, stream))

    async def _answer(self, call: Call) -> Response:
        try:
            return await self._step(call)
        except answers.Refused as refused:
            return refused.response
        except AwsError as error:
            return answers.of(error)
        finally:
            if call.stream is not None:
                call.stream.close()

    async def _step(self, call: Call) -> Response:
        self._entrance.enter(call)
        method, path = call.request.method, call.request.path
        if path in ("/v2/", "/v2") and method in ("GET", "HEAD"):
            return answers.told(200, {})
        if path == "/v2/_catalog" and method == "GET":
            return await self._catalog(call)
        step = self._steps.get((method, call.kind))
        if step is None:
            known = bool(call.kind)
            text = "The operation is unsupported; images are deleted by ECR's API." if known else "no such resource"
            raise answers.refused(405 if known else 404, "UNSUPPORTED", text)
        return await step(call)
