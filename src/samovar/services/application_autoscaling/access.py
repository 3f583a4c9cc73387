"""What Application Auto Scaling's operations need to be allowed (its service authorization reference)."""

from samovar.core.access import Access, on
from samovar.core.context import Context, Params

_ON_ARN = "TagResource UntagResource ListTagsForResource"


def _tagged(ctx: Context, params: Params) -> str:
    return str(params["ResourceARN"])


ACCESS = Access("application-autoscaling", on((_tagged, _ON_ARN)))
