"""What the service asks of others: the engine that runs functions, who takes events for later, and who keeps what may
be tagged."""

from collections.abc import Callable, Sequence
from typing import Protocol

from samovar.core.context import Context, Params, Reply
from samovar.engine.model import InitFailure, Invocation, Result, Version
from samovar.engine.provisioning import Provisioned
from samovar.engine.streaming import Pace, Sink
from samovar.services.lambda_.function import Function, Key, Published
from samovar.web.signers import Signatures


class Engine(Protocol):
    """What runs the functions (`engine/invoke.py`)."""

    @property
    def concurrency(self) -> int:
        """Invocations that an account may have in a region at a time."""
        ...

    def start(
        self, version: Version, invocation: Invocation, done: Callable[[Result], None], sink: Sink | None = None
    ) -> None:
        """Run it and call `done` once, after `sink` got what the function streams; raises AwsError at once when it is
        throttled."""
        ...

    def pace(self) -> Pace | None:
        """How fast one streamed response may go; None: as fast as it can."""
        ...

    def snapshot(self, version: Version, told: Callable[[InitFailure | None], None]) -> None:
        """Initialise a version with SnapStart once for all; `told` hears, once, when that is done or why it failed."""
        ...

    def runtime_available(self, runtime: str) -> str | None:
        """None when this machine can run it, else why not and what to do."""
        ...

    async def prepare(self, runtime: str) -> None:
        """Warm the runtime's interpreter."""
        ...

    def retire(self, version_key: str) -> None:
        """Give this version's environments nothing new; what runs there finishes."""
        ...

    def set_reserved(self, function_arn: str, reserved: int | None) -> None:
        """Give the function (unqualified ARN) this much of its account's concurrency for itself, from now on."""
        ...

    def provision(self, arn: str, shares: Sequence[tuple[Version, int]], *, anew: bool) -> None:
        """Have so many environments of each version ready for invocations of this (qualified) ARN; `anew`: try again
        where that has failed."""
        ...

    def unprovision(self, arn: str) -> None: ...

    def provisioned(self, arn: str) -> Provisioned | None:
        """How that stands; None where it wasn't asked for."""
        ...


class Settler(Protocol):
    """Brings functions and versions into force (`settling.py`)."""

    def bring_into_force(self, *deployed: Function | Published, before: Function | None = None) -> None:
        """Soon, what was created, updated or published. `before`: what the function is again if it can't be."""
        ...

    async def recover(self, deployed: Function | Published) -> None:
        """At a start, what a stopped server left."""
        ...


class Asynchronous(Protocol):
    """Who takes events (`asynchronous.py`)."""

    def accept(self, ctx: Context, name: str, qualifier: str, payload: bytes, reply: Reply) -> None:
        """Answer 202 when the event is safe; it runs later."""
        ...


class Authority(Signatures, Protocol):
    """Who may do what, where that counts (the gateway's)."""

    def admit(self, ctx: Context, service: str, operation: str, params: Params) -> Context:
        """The owner's context of what an operation is about; AwsError where it isn't allowed."""
        ...

    def trusts(self, role: str, service: str) -> bool:
        """Whether a role (its ARN) can be taken on by a service."""
        ...

    def permits(self, role: str, action: str, arn: str) -> bool:
        """Whether a role may do something with a resource."""
        ...


class Taggable(Protocol):
    """Resources of one kind, other than functions, that have tags."""

    def tags(self, key: Key) -> dict[str, str] | None:
        """Of the resource under (account, region, id); None when it isn't there."""
        ...

    async def retag(self, key: Key, tags: dict[str, str]) -> None:
        """Commit the tags of a resource that is there."""
        ...
