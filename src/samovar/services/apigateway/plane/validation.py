"""Request validation: required parameters, then the body against its model (facts/apigateway.md §7). Pure."""

from collections.abc import Callable, Iterable, Mapping

from samovar.services.apigateway.plane.content import media_type
from samovar.services.apigateway.plane.refusals import Refusal

Check = Callable[[bytes], str | None]
"""What is wrong with a body; None for a valid one."""


class Validation:
    """What one method asks of its requests."""

    def __init__(self, required: Iterable[str] = (), models: Mapping[str, Check] | None = None) -> None:
        """`required`: `method.request.querystring.x`; `models`: content type -> check; None: any body will do."""
        self._required = sorted(tuple(each.split(".", 3)[2:]) for each in required)
        self._models = models

    def check(
        self,
        headers: Iterable[str],
        query: Iterable[str],
        path: Iterable[str],
        content_type: str,
        body: bytes,
    ) -> None:
        """Raises Refusal."""
        if self._required:
            given = {"header": set(headers), "querystring": set(query), "path": set(path)}
            missing = [name for part, name in self._required if name not in given.get(part, ())]
            if missing:
                raise Refusal("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
        if self._models is not None:
            kind = media_type(content_type) or "application/json"
            check = self._models.get(kind) or self._models.get("$default")
            wrong = check(body) if check else None
            if wrong:
                raise Refusal("BAD_REQUEST_BODY", details=wrong)
