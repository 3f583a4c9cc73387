"""Private integrations: over a VPC link to a load balancer of this platform ("Private integrations" of AWS's guide).

Owns: which listener a URL means: the port says so, the rest of the URL is what the load balancer gets to see.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.web.functions import PRINCIPAL

_USUAL = {"http": 80, "https": 443}


class Private:
    def __init__(self, load_balancer: str, endpoint: Callable[[], Awaitable[str]]) -> None:
        """`load_balancer`: its ARN; `endpoint`: the platform's own address, where every listener is reached."""
        self._load_balancer = load_balancer
        self._endpoint = endpoint

    async def address(self, exchange: Exchange, url: str) -> tuple[str, str]:
        """(where a URL is really asked, the Host that it is asked as); AwsError where the load balancer has gone."""
        parts = urlsplit(url)
        port = parts.port or _USUAL.get(parts.scheme, 80)
        ctx = exchange.acting(PRINCIPAL, exchange.source_arn)
        found = await ctx.call("elbv2", "DescribeListeners", {"LoadBalancerArn": self._load_balancer})
        if port not in [listener["Port"] for listener in found["Listeners"]]:
            exchange.say(f"Execution failed due to configuration error: {self._load_balancer} doesn't listen on {port}")
            raise Refusal("INTEGRATION_FAILURE", "Network error communicating with endpoint")
        described = await ctx.call("elbv2", "DescribeLoadBalancers", {"LoadBalancerArns": [self._load_balancer]})
        name = described["LoadBalancers"][0]["DNSName"]
        query = f"?{parts.query}" if parts.query else ""
        return f"{await self._endpoint()}/_aws/elb/{name}:{port}{parts.path or '/'}{query}", parts.netloc
