"""What an account may have (Elastic Load Balancing's default quotas)."""

from samovar.core.context import Context, Params
from samovar.services.elbv2 import pages
from samovar.services.elbv2.elb import Elb

_LIMITS = {
    "application-load-balancers": 50,
    "certificates-per-application-load-balancer": 25,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "target-groups": 3000,
    "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-application-load-balancer": 100,
    "targets-per-application-load-balancer": 1000,
    "targets-per-target-group": 1000,
}


async def describe_account_limits(elb: Elb, ctx: Context, params: Params) -> Params:
    page, more = pages.cut(_LIMITS, str, params)
    return {"Limits": [{"Name": name, "Max": str(_LIMITS[name])} for name in page], **more}
