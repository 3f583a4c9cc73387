"""What the operations of Elastic Load Balancing work with."""

from collections.abc import Callable
from typing import Protocol

from samovar.core.context import Acting, Context
from samovar.services.elbv2.errors import configuration
from samovar.services.elbv2.health import Health
from samovar.services.elbv2.records import Listener, TargetGroup, target_groups
from samovar.services.elbv2.state import State


class Ports(Protocol):
    """Who listens on the listeners' own ports."""

    async def follow(self) -> None:
        """Listen on what the listeners name now."""
        ...

    def refusal(self, listener: Listener) -> str:
        """Why a new listener's port can't be opened although it must be; empty when it can or needn't be."""
        ...


class Elb:
    def __init__(
        self, state: State, health: Health, ports: Ports, acting: Acting, forget: Callable[[], None]
    ) -> None:
        """`forget`: whose turn it is among targets that may have gone."""
        self.state = state
        self.health = health
        self.ports = ports
        self.acting = acting
        self._forget = forget

    def check_groups(self, ctx: Context, actions: list[dict[str, object]], protocol: str = "") -> None:
        """AwsError where actions forward to groups that aren't there, or aren't for listeners of this protocol."""
        for arn in target_groups(actions):
            group = self.state.group(ctx, arn)
            if (group.protocol == "TCP") is not (protocol == "TCP"):
                kind = "network" if protocol == "TCP" else "application"
                raise configuration(f"Target group '{arn}' can't be used by the {kind} load balancer")

    async def changed(self) -> None:
        """What is forwarded where has changed: have the ports and the health checks follow."""
        self._forget()
        self.health.follow()
        await self.ports.follow()

    def balancers_of(self, ctx: Context, group: TargetGroup) -> list[str]:
        return self.state.users(ctx).get(group.arn, [])


