"""What becomes of asynchronous invocations: attempts, age, destinations.

Facts: lambda-api.md §5, §10; lambda-events.md §2, §3.
Owns: table `lambda.event-invoke-configs`, one record for each qualifier, and what AWS refuses as a destination.
"""

from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.qualified import QualifiedKey
from samovar.services.lambda_.state import State
from samovar.store.sqlite import Store
from samovar.store.table import Table

_EITHER = frozenset({"lambda", "sqs", "sns", "events"})
_FAILURE_ONLY = frozenset({"s3"})


class Config(msgspec.Struct, frozen=True):
    attempts: int | None
    """MaximumRetryAttempts; None when it wasn't set, as for the other members."""
    age_s: int | None
    on_success: str
    """ARN, empty for none."""
    on_failure: str
    modified_at: float


class EventInvoke:
    def __init__(self, functions: State, table: Table[Config]) -> None:
        self.functions = functions
        self.table = table
        functions.belongings.append(table)

    @classmethod
    async def open(cls, store: Store, functions: State) -> "EventInvoke":
        return cls(functions, await Table.open(store, "lambda.event-invoke-configs", Config))


def merged(current: Config | None, params: Params, now: float) -> Config:
    """`current`, or a config where nothing is set, with the members given."""
    if not {"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"} & params.keys():
        raise invalid("You must specify at least one of error handling or destination setting.")
    current = current or Config(None, None, "", "", now)
    destinations: dict[str, dict[str, str]] = params.get("DestinationConfig") or {}
    return msgspec.structs.replace(
        current,
        attempts=params.get("MaximumRetryAttempts", current.attempts),
        age_s=params.get("MaximumEventAgeInSeconds", current.age_s),
        on_success=destinations["OnSuccess"].get("Destination", "")
        if "OnSuccess" in destinations
        else current.on_success,
        on_failure=destinations["OnFailure"].get("Destination", "")
        if "OnFailure" in destinations
        else current.on_failure,
        modified_at=now,
    )


def check_destinations(functions: State, key: QualifiedKey, config: Config) -> None:
    """Refuse what can't be a destination of this function's."""
    for destination, allowed in ((config.on_failure, _EITHER | _FAILURE_ONLY), (config.on_success, _EITHER)):
        if not destination:
            continue
        parsed = arn.parse(destination)
        if parsed is None or parsed.service not in allowed:
            raise invalid(f"The provided destination config {_java(config)} is invalid.")
        if parsed.service == "lambda":
            _check_function(functions, key, destination, parsed)
        elif parsed.resource.endswith(".fifo"):
            raise invalid(f"The destination ARN {destination} is invalid.")


def _check_function(functions: State, key: QualifiedKey, destination: str, parsed: arn.Arn) -> None:
    kind, _, rest = parsed.resource.partition(":")
    target = (parsed.account, parsed.region, rest.partition(":")[0])
    if kind != "function" or functions.functions.get(target) is None:
        raise invalid(f"The destination ARN {destination} is invalid.")
    if target == key[:3]:
        raise invalid("You can't specify the function as a destination for itself.")


def _java(config: Config) -> str:
    """The destinations as AWS's error text has them."""
    success = f"OnSuccess(destination={config.on_success})" if config.on_success else "null"
    failure = f"OnFailure(destination={config.on_failure})" if config.on_failure else "null"
    return f"DestinationConfig(onSuccess={success}, onFailure={failure})"


def describe(key: QualifiedKey, config: Config) -> Params:
    account, region, name, qualifier = key
    shown: dict[str, Any] = {
        "LastModified": config.modified_at,
        "FunctionArn": arn.make("lambda", region, account, f"function:{name}:{qualifier}"),
    }
    if config.attempts is not None:
        shown["MaximumRetryAttempts"] = config.attempts
    if config.age_s is not None:
        shown["MaximumEventAgeInSeconds"] = config.age_s
    shown["DestinationConfig"] = {
        "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
        "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
    }
    return shown
