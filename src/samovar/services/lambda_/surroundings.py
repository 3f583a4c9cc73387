"""What a configuration names of other services: subnets, security groups, file systems, a queue for dead letters.

Owns: what AWS answers when one of them can't be found (facts/lambda-api.md §5, Functions). Rule: what is there and
can't be honoured yet is refused by name.
"""

from collections.abc import Sequence

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import queues
from samovar.services.lambda_.configure import not_implemented
from samovar.services.lambda_.names import invalid


async def check(ctx: Context, params: Params) -> None:
    """Refuse subnets, security groups, file systems and dead letter queues that aren't there."""
    target = (params.get("DeadLetterConfig") or {}).get("TargetArn", "")
    if await queues.is_missing(ctx, arn.parse(target)):
        raise invalid(f"The dead letter target {target} does not exist.")
    vpc: Params = params.get("VpcConfig") or {}
    for subnet in vpc.get("SubnetIds") or ():
        missing = f"InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '{subnet}' does not exist"
        await _find(ctx, "DescribeSubnets", "SubnetIds", subnet, missing)
    for group in vpc.get("SecurityGroupIds") or ():
        missing = f"InvalidGroup.NotFound. EC2 Error Message: The security group '{group}' does not exist"
        await _find(ctx, "DescribeSecurityGroups", "GroupIds", group, missing)
    file_systems: Sequence[Params] = params.get("FileSystemConfigs") or ()
    for each in file_systems:
        if not vpc.get("SubnetIds"):
            raise invalid(f"Function must be configured to execute in a VPC to reference access point {each['Arn']}.")
    for member in ("SubnetIds", "SecurityGroupIds", "Ipv6AllowedForDualStack"):
        if vpc.get(member):
            raise not_implemented(f"VpcConfig.{member}")


async def _find(ctx: Context, operation: str, member: str, id: str, missing: str) -> None:
    try:
        await ctx.call("ec2", operation, {member: [id]})
    except AwsError as error:
        # A service that isn't on this server has nothing in it.
        if error.code != "NotImplementedException" and not error.code.endswith(".NotFound"):
            raise
        raise invalid(f"Error occurred while {operation}. EC2 Error Code: {missing}") from None
