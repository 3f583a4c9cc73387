"""What a plain HTTP client gets."""

import http.client
import json
from typing import Any


class Page:
    """An answer as a browser gets it."""

    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self) -> str:
        return f"Page({self.status}, {self.headers.items()}, {self.body[:2000]!r})"

    @property
    def value(self) -> Any:
        return json.loads(self.body)
