"""Private integrations: over a VPC link to a load balancer of this platform ("Private integrations" of AWS's guide).

Owns: which listener a URL means: the port says so, the rest of the URL is what the load balancer gets to see. An
application one is asked at the platform's address; a network one passes connections on, so that its target is.
"""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.ports import filled
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web.functions import PRINCIPAL

_USUAL = {"http": 80, "https": 443}
_UNHEARD = "Network error communicating with endpoint"


class Way(Protocol):
    async def address(self, exchange: Exchange, url: str) -> tuple[str, str]:
        """(where a URL is really asked, the Host that it is asked as); Refusal where that can't be."""
        ...


class Application:
    """Over a link of version 2."""

    def __init__(self, load_balancer: str, endpoint: Callable[[], Awaitable[str]]) -> None:
        """`load_balancer`: its ARN; `endpoint`: the platform's own address, where every listener is reached."""
        self._load_balancer = load_balancer
        self._endpoint = endpoint

    async def address(self, exchange: Exchange, url: str) -> tuple[str, str]:
        parts = urlsplit(url)
        ctx = exchange.acting(PRINCIPAL, exchange.source_arn)
        listener = await _listener(ctx, exchange, self._load_balancer, parts)
        described = await ctx.call("elbv2", "DescribeLoadBalancers", {"LoadBalancerArns": [self._load_balancer]})
        name = described["LoadBalancers"][0]["DNSName"]
        query = f"?{parts.query}" if parts.query else ""
        path = f"/_aws/elb/{name}:{listener['Port']}{parts.path or '/'}{query}"
        return f"{await self._endpoint()}{path}", parts.netloc


class Network:
    """Over a link of version 1."""

    def __init__(self, link: str, target: Callable[[str, str, str], str]) -> None:
        """`link`: its id, which stage variables may say; `target`: (account, region, id) to the load balancer's ARN,
        empty where there is none."""
        self._link = link
        self._target = target
        self._turns = itertools.count()

    async def address(self, exchange: Exchange, url: str) -> tuple[str, str]:
        parts = urlsplit(url)
        api = exchange.api
        load_balancer = self._target(api.account, api.region, filled(self._link, exchange.variables))
        if not load_balancer:
            exchange.say("Execution failed due to configuration error: the VPC link isn't available")
            raise Refusal("INTEGRATION_FAILURE", _UNHEARD)
        ctx = exchange.acting(PRINCIPAL, exchange.source_arn)
        listener = await _listener(ctx, exchange, load_balancer, parts)
        group = {"TargetGroupArn": listener["DefaultActions"][0]["TargetGroupArn"]}
        described = (await ctx.call("elbv2", "DescribeTargetHealth", group))["TargetHealthDescriptions"]
        there = [each for each in described if each["TargetHealth"]["State"] != "draining"]
        targets = [each["Target"] for each in there if each["TargetHealth"]["State"] == "healthy"]
        targets = targets or [each["Target"] for each in there]
        if not targets:
            exchange.say("Execution failed due to an internal error: the load balancer has no target")
            raise Refusal("INTEGRATION_FAILURE", _UNHEARD)
        target = targets[next(self._turns) % len(targets)]
        host = f"[{target['Id']}]" if ":" in target["Id"] else target["Id"]
        return urlunsplit(parts._replace(netloc=f"{host}:{target['Port']}")), parts.netloc


async def _listener(ctx: Context, exchange: Exchange, load_balancer: str, parts: SplitResult) -> dict[str, Any]:
    port = parts.port or _USUAL.get(parts.scheme, 80)
    try:
        found = await ctx.call("elbv2", "DescribeListeners", {"LoadBalancerArn": load_balancer})
    except AwsError as error:
        exchange.say(f"Execution failed due to configuration error: {error.message}")
        raise Refusal("INTEGRATION_FAILURE", _UNHEARD) from None
    listener = next((each for each in found["Listeners"] if each["Port"] == port), None)
    if listener is None:
        exchange.say(f"Execution failed due to configuration error: {load_balancer} doesn't listen on {port}")
        raise Refusal("INTEGRATION_FAILURE", _UNHEARD)
    return dict(listener)
