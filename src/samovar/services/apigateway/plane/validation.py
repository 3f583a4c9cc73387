"""Request validation: required parameters, then the body against its model (facts/apigateway.md §7). Pure."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Protocol

from samovar.services.apigateway.plane.content import media_type
from samovar.services.apigateway.plane.refusals import Refusal

Check = Callable[[bytes], str | None]
"""What is wrong with a body; None for a valid one."""


class Given(Protocol):
    """What of a request is looked at (an Exchange)."""

    parameters: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[tuple[str, str]]: ...

    @property
    def query(self) -> list[tuple[str, str]]: ...

    @property
    def content_type(self) -> str: ...


class Validation:
    """What one method asks of its requests."""

    def __init__(self, required: Iterable[str] = (), models: Mapping[str, Check] | None = None) -> None:
        """`required`: `method.request.querystring.x`; `models`: content type -> check; None: any body will do."""
        self._required = sorted(tuple(each.split(".", 3)[2:]) for each in required)
        self._models = models

    def check(self, request: Given) -> None:
        """Raises Refusal."""
        if self._required:
            parts: Mapping[str, Container[str]] = {
                "header": {name for name, _ in request.lines},
                "querystring": {name for name, _ in request.query},
                "path": request.parameters,
            }
            missing = [name for part, name in self._required if name not in parts.get(part, ())]
            if missing:
                raise Refusal("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
        if self._models is not None:
            kind = media_type(request.content_type) or "application/json"
            check = self._models.get(kind) or self._models.get("$default")
            wrong = check(request.body) if check else None
            if wrong:
                raise Refusal("BAD_REQUEST_BODY", details=wrong)
