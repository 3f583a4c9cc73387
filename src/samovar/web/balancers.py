"""The doors of load balancers: which requests are for one, and how much of them is taken in.

    http://NAME-NUMBER.REGION.elb.localhost:4566/...    the load balancer's own name
    http://localhost:4566/_aws/elb/NAME[:PORT]/...      the same, for clients that can't resolve it, or for one listener

Owns: these forms. Refuses: what a load balancer does with a request (`services/elbv2`), which need not be there to know
that it is for one.
"""

from collections.abc import Mapping

from samovar.net.message import Response, Streamed

LABEL = ".elb.localhost"
"""What the host names of load balancers end in."""
PATH = "/_aws/elb/"
LARGEST = 1024 * 1024
"""Of the JSON that a function is given and gives back, and of a request's body on its way to one."""


def claims(host: str, path: str) -> bool:
    """Whether a request is for a load balancer; `host` as sent, in lower case."""
    return LABEL in host or path.startswith(PATH)


def admit(method: str, path: str, headers: Mapping[str, str]) -> int | Streamed | Response:
    """Bodies that a function could take come whole, all others stream."""
    length = headers.get("content-length")
    if int(length or 0) > LARGEST or "transfer-encoding" in headers:
        return Streamed(LARGEST)
    return LARGEST
