"""SnapStart: what a function with it may be, and how the initialisation of its versions ends (lambda-api.md §12.7).

Owns: the rules, the texts, and `publish`, which waits for a version's snapshot. Refuses: making it (the engine does).
"""

import asyncio

import msgspec

from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.engine.model import InitFailure
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_.function import Configuration, Deployed, Published, Reason, State
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.ports import Engine

APPLY_ON = ("None", "PublishedVersions")
_EPHEMERAL_LIMIT_MB = 512
_RUNTIME = expression(r"(java|python|dotnet)(?:\d+\.)?(\d+)(?:\.al2023)?")
_LEAST = {"java": 11, "python": 12, "dotnet": 8}

_FAILED = Reason("An error occurred during function initialization.", "FunctionError")
"""As CloudFormation passes it on."""


def check(configuration: Configuration) -> None:
    """Refuse what SnapStart doesn't go with. The wording of the first is AWS's; the second says it in the same way."""
    if not configuration.snap_start:
        return
    match = _RUNTIME.fullmatch(configuration.runtime)
    if not configuration.from_image and (match is None or int(match[2]) < _LEAST[match[1]]):
        raise invalid(f"{configuration.runtime} is not supported for SnapStart enabled functions.")
    if configuration.ephemeral_mb > _EPHEMERAL_LIMIT_MB:
        raise invalid(
            f"Ephemeral storage greater than {_EPHEMERAL_LIMIT_MB} MB is not supported for SnapStart enabled functions."
        )


def check_provisioned(version: Deployed) -> None:
    """Refuse provisioned concurrency for a version with SnapStart."""
    if isinstance(version, Published) and version.configuration.snap_start:
        raise invalid("Provisioned concurrency is not supported for SnapStart enabled functions.")


def not_ready() -> AwsError:
    return AwsError(
        "SnapStartNotReadyException",
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    )


def shown(deployed: Deployed) -> dict[str, str]:
    applied = deployed.configuration.snap_start
    on = applied and isinstance(deployed, Published) and deployed.state is State.ACTIVE
    return {"ApplyOn": APPLY_ON[applied], "OptimizationStatus": "On" if on else "Off"}


def awaits(deployed: Deployed) -> bool:
    """Whether it is Pending until its snapshot is made."""
    return isinstance(deployed, Published) and deployed.configuration.snap_start and deployed.state is State.PENDING


async def publish(engine: Engine, ready: Published, revision: str) -> Published:
    """Have the snapshot made of a version that is to be `ready`; returns it as it then is, with `revision` if it has
    failed."""
    made: asyncio.Future[InitFailure | None] = asyncio.get_running_loop().create_future()

    def told(failure: InitFailure | None) -> None:
        if not made.done():
            made.set_result(failure)

    engine.snapshot(functions.executable(ready), told)
    failure = await made
    if failure is None:
        return ready
    return msgspec.structs.replace(functions.failed(ready, revision, _FAILED), update=functions.Update.FAILED)
