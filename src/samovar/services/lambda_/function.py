"""A function as it is kept, how it changes, and how AWS shows it.

Owns: Function and its parts, the transitions of facts/lambda-api.md §4.3, the response object of §4.2. Pure: time and
revision ids are arguments. Rules: a Function is replaced, never changed; every transition takes a new RevisionId.
"""

from enum import Enum
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.clock import iso_millis
from samovar.core.context import Params
from samovar.engine.model import Version
from samovar.services.lambda_ import runtimes
from samovar.services.lambda_.names import LATEST

Key = tuple[str, str, str]
"""Account, region, name."""


class State(Enum):
    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"


class Update(Enum):
    """LastUpdateStatus; absent until the function has become active."""

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"


class Reason(msgspec.Struct, frozen=True):
    text: str
    code: str


CREATING = Reason("The function is being created.", "Creating")
"""AWS gives this text for updates as well (facts/lambda-api.md §4.3)."""


class Logging(msgspec.Struct, frozen=True):
    format: str
    group: str


class LayerReference(msgspec.Struct, frozen=True):
    """A layer version that a function was configured with; the version may be deleted since."""

    arn: str
    size: int
    """Bytes of the layer's zip."""
    digest: str
    """Of its content: names its blob and its unpacked tree."""


class Configuration(msgspec.Struct, frozen=True):
    """What UpdateFunctionConfiguration may change."""

    role: str
    runtime: str
    handler: str
    description: str
    timeout_s: int
    memory_mb: int
    ephemeral_mb: int
    variables: dict[str, str] | None
    """None when Environment was never given: then AWS leaves it out of its answers."""
    kms_key_arn: str
    tracing: str
    logging: Logging
    vpc: bool
    """Whether an (empty) VpcConfig was given: then AWS shows an empty one."""
    layers: tuple[LayerReference, ...] = ()
    """In the order of their extraction."""


class Code(msgspec.Struct, frozen=True):
    """What UpdateFunctionCode may change."""

    digest: str
    """sha256 (hex) of the zip: names its blob, and its unpacked tree (`Version.code`)."""
    size: int
    """Bytes of the zip."""
    sha256: str
    """Of the zip, base64."""
    source_kms_key_arn: str
    architecture: str


class Function(msgspec.Struct, frozen=True):
    account: str
    region: str
    name: str
    configuration: Configuration
    code: Code
    tags: dict[str, str]
    modified_at: float
    """Seconds since the epoch."""
    revision: str
    state: State
    reason: Reason | None
    update: Update | None
    update_reason: Reason | None

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return arn.make("lambda", self.region, self.account, f"function:{self.name}")


def created(
    key: Key, configuration: Configuration, code: Code, tags: dict[str, str], now: float, revision: str
) -> Function:
    return Function(*key, configuration, code, tags, now, revision, State.PENDING, CREATING, None, None)


def updating(
    function: Function, revision: str, now: float, configuration: Configuration | None = None, code: Code | None = None
) -> Function:
    """The function with a new configuration or code, not yet in force."""
    return msgspec.structs.replace(
        function,
        configuration=configuration or function.configuration,
        code=code or function.code,
        modified_at=now,
        revision=revision,
        update=Update.IN_PROGRESS,
        update_reason=CREATING,
    )


def settled(function: Function, revision: str) -> Function:
    """Ready: what was created or updated is in force."""
    return msgspec.structs.replace(
        function,
        revision=revision,
        state=State.ACTIVE,
        reason=None,
        update=Update.SUCCESSFUL,
        update_reason=None,
    )


def failed(function: Function, revision: str, reason: Reason) -> Function:
    """It can't be invoked any more."""
    return msgspec.structs.replace(function, revision=revision, state=State.FAILED, reason=reason)


def unsettled(function: Function) -> bool:
    return function.state is State.PENDING or function.update is Update.IN_PROGRESS


def version(function: Function) -> Version:
    """The function as the engine runs it."""
    configuration = function.configuration
    return Version(
        key=f"{function.arn}:{function.revision}",
        account=function.account,
        region=function.region,
        function_name=function.name,
        function_arn=function.arn,
        version=LATEST,
        runtime=configuration.runtime,
        handler=configuration.handler,
        memory_mb=configuration.memory_mb,
        timeout_s=configuration.timeout_s,
        ephemeral_mb=configuration.ephemeral_mb,
        code=function.code.digest,
        variables=configuration.variables or {},
        role_arn=configuration.role,
        log_group=configuration.logging.group,
    )


_NOT_LISTED = frozenset(
    {
        "State",
        "StateReason",
        "StateReasonCode",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "RuntimeVersionConfig",
    }
)


def describe(function: Function, qualifier: str = "") -> Params:
    """FunctionConfiguration as Get, Create and Update answer it: members in AWS's order, absent where AWS has none."""
    configuration = function.configuration
    shown: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": f"{function.arn}:{qualifier}" if qualifier else function.arn,
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": function.code.size,
        "Description": configuration.description,
        "Timeout": configuration.timeout_s,
        "MemorySize": configuration.memory_mb,
        "LastModified": iso_millis(function.modified_at),
        "CodeSha256": function.code.sha256,
        "Version": LATEST,
    }
    if configuration.vpc:
        shown["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
    if configuration.variables is not None:
        shown["Environment"] = {"Variables": configuration.variables}
    if configuration.kms_key_arn:
        shown["KMSKeyArn"] = configuration.kms_key_arn
    shown["TracingConfig"] = {"Mode": configuration.tracing}
    shown["RevisionId"] = function.revision
    if configuration.layers:
        shown["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size} for layer in configuration.layers]
    shown.update(_states(function))
    shown["PackageType"] = "Zip"
    shown["Architectures"] = [function.code.architecture]
    shown["EphemeralStorage"] = {"Size": configuration.ephemeral_mb}
    shown["SnapStart"] = {"ApplyOn": "None", "OptimizationStatus": "Off"}
    shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtimes.version_arn(function.region, configuration.runtime)}
    shown["LoggingConfig"] = {"LogFormat": configuration.logging.format, "LogGroup": configuration.logging.group}
    return shown


def describe_item(function: Function, qualifier: str = "") -> Params:
    """FunctionConfiguration as ListFunctions shows it (facts/lambda-api.md §2)."""
    return {member: value for member, value in describe(function, qualifier).items() if member not in _NOT_LISTED}


def _states(function: Function) -> Params:
    shown = {"State": function.state.value}
    if function.reason:
        shown |= {"StateReason": function.reason.text, "StateReasonCode": function.reason.code}
    if function.update:
        shown["LastUpdateStatus"] = function.update.value
    if function.update_reason:
        shown["LastUpdateStatusReason"] = function.update_reason.text
        shown["LastUpdateStatusReasonCode"] = function.update_reason.code
    return shown
