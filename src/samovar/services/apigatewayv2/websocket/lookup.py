"""The variables of expressions: of the message, of the handshake, of the stage, of the context.

Owns: what `request.body.action`, `request.header.x`, `context.connectionId` are for something that happened.
"""

from typing import Any

import msgspec

from samovar.services.apigatewayv2.websocket import event
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.selection import dig


class Lookup:
    """The variables of selection expressions, for one message. Its body is decoded only if one asks for it."""

    __slots__ = ("_body", "_happened", "_known")

    def __init__(self, happened: Occurrence) -> None:
        self._happened = happened
        self._known = False
        self._body: Any = None

    def __call__(self, name: str) -> Any:
        name = name.removeprefix("request.")
        if name.startswith("body"):
            return dig(self.body, name.removeprefix("body"))
        kind, _, rest = name.partition(".")
        if kind == "header":
            return self._happened.handshake.headers.get(rest.lower())
        if kind == "querystring":
            return self._happened.handshake.query.get(rest)
        if kind == "context":
            return dig(event.context(self._happened), rest)
        if kind == "stageVariables":
            return self._happened.variables.get(rest)
        return None

    @property
    def body(self) -> Any:
        """The message as JSON; None where it isn't."""
        if not self._known:
            self._known = True
            try:
                self._body = msgspec.json.decode(self._happened.body or "")
            except (msgspec.DecodeError, RecursionError):
                self._body = None
        return self._body
