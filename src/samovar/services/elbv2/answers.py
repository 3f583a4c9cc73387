"""The answers that a load balancer gives itself: its error pages, fixed responses, redirects. Pure."""

from http import HTTPStatus

from samovar.net.message import Response

Headers = list[tuple[str, str]]

SERVER = ("Server", "awselb/2.0")
_PHRASES = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
"""Where the page says it in other words than HTTP."""


def page(status: int) -> Response:
    """`502 Bad Gateway` and its like, byte for byte."""
    title = f"{status} {_PHRASES.get(status) or HTTPStatus(status).phrase}"
    lines = (
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
        "",
    )
    return Response(status, [SERVER, ("Content-Type", "text/html")], "\r\n".join(lines).encode())


def fixed(status: int, content_type: str, text: str) -> Response:
    return Response(status, [SERVER, ("Content-Type", content_type or "text/plain; charset=utf-8")], text.encode())


def moved(status: int, location: str) -> Response:
    plain = page(status)
    return Response(status, [*plain.headers, ("Location", location)], plain.body)
