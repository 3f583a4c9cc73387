"""The page for a person who opens the platform's endpoint in a browser.

Owns: which requests are that, and the page. Rule: it shows what the health door shows, and nothing of anybody's data.
On AWS such a request, unsigned, is sent to a page about S3; with a signature, or asking for anything but HTML, it is
S3's here as well.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from samovar.core.later import later
from samovar.net.message import Request, Response

if TYPE_CHECKING:
    import html
else:
    html = later("html")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Samovar</title>
<style>
 :root {{ color-scheme: light dark }}
 body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 50rem; margin: 4rem auto; padding: 0 1.5rem }}
 h1 {{ font-size: 1.7rem; margin-bottom: .3rem }}
 pre {{ background: #8882; border-radius: 6px; padding: 1rem; overflow-x: auto; font-size: .87rem; line-height: 1.5 }}
 .quiet {{ opacity: .75 }}
</style>
<h1>Samovar {version}</h1>
<p class="quiet">The AWS serverless platform on your own machines. Isolation: {isolation}</p>
<p>This is the endpoint for AWS SDKs and tools; there is no console here. In a terminal:</p>
<pre>export AWS_ENDPOINT_URL={scheme}://{host} AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test   # your own, with --auth on
aws lambda list-functions
aws logs tail /aws/lambda/FUNCTION --follow</pre>
<p>What you deploy is open to browsers at addresses of its own:</p>
<pre>{scheme}://API-ID.execute-api.REGION.localhost{port}/STAGE/…
{scheme}://URL-ID.lambda-url.REGION.localhost{port}/…</pre>
<p>or, for programs that can't resolve such names:</p>
<pre>{scheme}://{host}/_aws/execute-api/API-ID/STAGE/…
{scheme}://{host}/_samovar/lambda-url/URL-ID/…</pre>
<p>Here are {services}.</p>
<p><a href="/_samovar/health">Health</a> · <a href="/_samovar/events">What was delivered where</a></p>
</html>
"""


def is_for(request: Request) -> bool:
    """Whether a person asks for `/`, in a browser."""
    return (
        request.method in ("GET", "HEAD")
        and not request.query
        and "authorization" not in request.headers
        and "text/html" in request.headers.get("accept", "")
    )


def page(request: Request, facts: dict[str, object], services: Iterable[str]) -> Response:
    host = request.headers.get("host", "localhost")
    port = host.rpartition(":")[2]
    shown = {
        "version": facts.get("version", ""),
        "isolation": facts.get("isolation", ""),
        "scheme": "https" if request.tls is not None else "http",
        "host": host,
        "port": f":{port}" if port.isdecimal() else "",
        "services": ", ".join(sorted(services)),
    }
    body = _PAGE.format(**{name: html.escape(str(value)) for name, value in shown.items()})
    own = "default-src 'none'; style-src 'unsafe-inline'"
    return Response(
        200, [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", own)], body.encode()
    )
