"""Sends pictures to the API at a rate, as their users would, and asks for each one afterwards.

The rate is kept by the clock, not by the answers: when the platform or this machine can't keep up, that shows as
waiting, as it would for users. What is refused because there is too much (429, 5xx) is sent again, later each time.
"""

import hashlib
import json
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from pictures import Picture

AT_ONCE = 32
"""Requests under way at once."""
DIRECT_BYTES = 4_500_000
"""A request of Lambda's has at most 6 MB, and a picture in it is base64. Larger ones go to S3 by a link."""
METERED_BYTES = 512 * 1024
"""An HTTP API counts each started 512 KB of a request as one request."""
AGAIN = frozenset({429, 500, 502, 503, 504})
TRIES = 8


class Shot:
    """A picture on its way, and what came of it."""

    def __init__(self, picture: Picture) -> None:
        self.name = picture.name
        self.size = len(picture.content)
        self.began = 0.0
        """Epoch seconds."""
        self.late_s = 0.0
        """How long after its time it was sent."""
        self.id = ""
        self.known = False
        """It had been sent before."""
        self.error = ""
        """Why the API didn't take it."""
        self.answered_ms = math.nan
        self.viewed_ms = math.nan
        """GET until the redirect."""
        self.viewed: tuple[str, int] | None = None
        """Media type and bytes of what the redirect led to."""


class Visitor:
    """An HTTP client of the API that counts what the API would bill."""

    def __init__(self, url: str, endpoint: str | None) -> None:
        self._base, self._headers = reachable(url, endpoint)
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=urllib3.Timeout(connect=10, read=40))
        self._lock = threading.Lock()
        self.requests = 0
        """To the API."""
        self.metered = 0
        """The same, in units of 512 KB."""
        self.refused = 0
        """Answers that there is too much."""
        self.fetched = 0
        """Pictures that redirects led to."""
        self.fetched_bytes = 0

    def send(self, picture: Picture, shot: Shot) -> None:
        began = time.perf_counter()
        try:
            if shot.size > DIRECT_BYTES:
                self._send_by_link(picture, shot)
            else:
                answer = self._ask("POST", f"/pictures?name={quote(picture.name)}", picture.content)
                self._note(shot, answer)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            shot.error = str(error)
        shot.answered_ms = (time.perf_counter() - began) * 1000

    def view(self, shot: Shot) -> None:
        """GET the picture as a browser does that knows AVIF."""
        began = time.perf_counter()
        try:
            accept = {"accept": "image/avif,image/webp,image/*,*/*;q=0.8"}
            answer = self._ask("GET", f"/pictures/{shot.id}", headers=accept)
            shot.viewed_ms = (time.perf_counter() - began) * 1000
            if answer.status != 302:
                return
            picture = self._pool.request("GET", answer.headers["location"])
        except (urllib3.exceptions.HTTPError, OSError) as error:
            shot.error = str(error)
            return
        if picture.status == 200:
            shot.viewed = (picture.headers.get("content-type", ""), len(picture.data))
            with self._lock:
                self.fetched += 1
                self.fetched_bytes += len(picture.data)

    def _send_by_link(self, picture: Picture, shot: Shot) -> None:
        wanted = {"sha256": hashlib.sha256(picture.content).hexdigest(), "name": picture.name}
        answer = self._ask("POST", "/links", json.dumps(wanted).encode(), {"content-type": "application/json"})
        told = self._note(shot, answer)
        if told.get("put"):
            stored = self._pool.request("PUT", told["put"], body=picture.content, headers=told["along"])
            if stored.status != 200:
                shot.error = f"S3 answered {stored.status} to the upload: {stored.data[:200].decode(errors='replace')}"

    def _note(self, shot: Shot, answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        if answer.status not in (200, 202):
            shot.error = f"{answer.status} {answer.data[:200].decode(errors='replace')}"
            return {}
        told: dict[str, Any] = json.loads(answer.data)
        shot.id, shot.known = told["id"], told["known"]
        return told

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        sent = self._headers | {"content-type": "application/octet-stream"} if body is not None else self._headers
        for attempt in range(TRIES):
            answer = self._pool.request(
                method, self._base + path, body=body, headers=sent | (headers or {}), redirect=False
            )
            with self._lock:
                self.requests += 1
                self.metered += max(1, math.ceil(len(body or b"") / METERED_BYTES))
                self.refused += answer.status in AGAIN
            if answer.status not in AGAIN:
                break
            time.sleep(min(5.0, 0.1 * 2**attempt) * random.uniform(0.5, 1))
        return answer


def reachable(url: str, endpoint: str | None) -> tuple[str, dict[str, str]]:
    """(base URL, headers) by which this machine reaches the API: not every resolver knows names below localhost."""
    parts = urlsplit(url)
    try:
        socket.getaddrinfo(parts.hostname, parts.port or 443)
    except OSError:
        if endpoint is None:
            raise
        return endpoint.rstrip("/") + parts.path.rstrip("/"), {"host": parts.netloc}
    return url.rstrip("/"), {}


def push(visitor: Visitor, pictures: Sequence[Picture], rate: float, answered: Callable[[Shot], None]) -> list[Shot]:
    """Send all of them, `rate` a second; returns when every one has its answer."""
    shots = [Shot(picture) for picture in pictures]
    start = time.monotonic()

    def one(n: int) -> None:
        shot = shots[n]
        shot.late_s = time.monotonic() - start - n / rate
        shot.began = time.time()
        visitor.send(pictures[n], shot)
        answered(shot)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = []
        for n in range(len(shots)):
            time.sleep(max(0.0, start + n / rate - time.monotonic()))
            under_way.append(pool.submit(one, n))
        for each in under_way:
            each.result()
    return shots


def view_all(visitor: Visitor, shots: Sequence[Shot]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visitor.view, shots))
