"""From request members to a Configuration: defaults, merging, and what AWS refuses beyond the model's constraints.

Owns: the rules for each configuration member, for CreateFunction and UpdateFunctionConfiguration alike. Pure.
Rule: a member that would change how the function runs and that this server can't honour is refused by name; it is never
accepted and ignored. A member with an empty value (`VpcConfig={}`) asks for nothing and passes.
"""

from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.engine.languages.image import IDENTIFIER
from samovar.services.lambda_ import snapstart
from samovar.services.lambda_.function import Configuration, ImageConfig, Logging
from samovar.services.lambda_.names import invalid

VARIABLES_LIMIT = 4096
"""Bytes of the variables as compact JSON (facts/lambda-limits.md §1)."""
TAGS_LIMIT = 50
TIMEOUT_LIMIT_S = 900
MEMORY_LIMIT_MB = 10240
EPHEMERAL_LIMIT_MB = 10240

RESERVED_VARIABLES = (
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
)
"""facts/lambda-runtime.md §2.1."""

_NOT_HONOURED = (
    "PublishTo",
    "TenancyConfig",
    "CapacityProviderConfig",
    "DurableConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
)
"""Members that change how a function runs and aren't there yet: refused unless empty."""


def refuse_absent_features(params: Params) -> None:
    """Refuse, by name, what a request asks for and this server doesn't have yet."""
    for path in _NOT_HONOURED:
        if _get(params, path):
            raise not_implemented(path)


def _refuse_zip_members(params: Params) -> None:
    """What AWS says to one who mixes the two kinds of packages."""
    if any(params.get(member) for member in ("Runtime", "Handler", "Layers")):
        raise invalid(
            "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
        )


def not_implemented(what: str) -> AwsError:
    return AwsError("NotImplementedException", f"{what} is not implemented by this server yet.")


def new(name: str, params: Params) -> Configuration:
    """The Configuration that CreateFunction asks for."""
    runtime, handler = params.get("Runtime"), params.get("Handler")
    if params.get("PackageType") == "Image":
        _refuse_zip_members(params)
        runtime, handler = IDENTIFIER, ""
    elif not runtime or not handler:
        raise invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    defaults = Configuration(
        role=params["Role"],
        runtime=runtime,
        handler=handler,
        description="",
        timeout_s=3,
        memory_mb=128,
        ephemeral_mb=512,
        variables=None,
        kms_key_arn="",
        tracing="PassThrough",
        logging=Logging("Text", f"/aws/lambda/{name}"),
        vpc=False,
    )
    return merged(defaults, params)


def merged(current: Configuration, params: Params) -> Configuration:
    """`current` with the members given in `params`; raises what AWS refuses."""
    refuse_absent_features(params)
    if current.from_image:
        _refuse_zip_members(params)
        params = {name: value for name, value in params.items() if name not in ("Runtime", "Handler")}  # empty ones
    elif params.get("ImageConfig"):
        raise invalid("ImageConfig can't be set for a function with packageType Zip.")
    changed = msgspec.structs.replace(
        current,
        role=params.get("Role", current.role),
        runtime=params.get("Runtime", current.runtime),
        handler=params.get("Handler", current.handler),
        description=params.get("Description", current.description),
        timeout_s=params.get("Timeout", current.timeout_s),
        memory_mb=params.get("MemorySize", current.memory_mb),
        ephemeral_mb=_get(params, "EphemeralStorage.Size") or current.ephemeral_mb,
        variables=_variables(params, current.variables),
        kms_key_arn=params.get("KMSKeyArn", current.kms_key_arn),
        tracing=_get(params, "TracingConfig.Mode") or current.tracing,
        logging=_logging(params, current.logging),
        snap_start=_get(params, "SnapStart.ApplyOn") == "PublishedVersions"
        if params.get("SnapStart")
        else current.snap_start,
        vpc=current.vpc or "VpcConfig" in params,
        dead_letter=_dead_letter(params, current.dead_letter),
        image=_image(params, current.image),
    )
    _check_limit("Timeout", changed.timeout_s, TIMEOUT_LIMIT_S)
    _check_limit("MemorySize", changed.memory_mb, MEMORY_LIMIT_MB)
    _check_limit("EphemeralStorage.Size", changed.ephemeral_mb, EPHEMERAL_LIMIT_MB)
    snapstart.check(changed)
    return changed


def tags(params: Params) -> dict[str, str]:
    given: dict[str, str] = params.get("Tags") or {}
    if len(given) > TAGS_LIMIT:
        raise invalid("Number of tags exceeds resource tag limit.")
    reserved = sorted(key for key in given if key.lower().startswith("aws:"))
    if reserved:
        raise invalid(f"Tag keys that begin with aws: are reserved for AWS: {', '.join(reserved)}")
    return given


def _variables(params: Params, current: dict[str, str] | None) -> dict[str, str] | None:
    if "Environment" not in params:
        return current
    variables: dict[str, str] = params["Environment"].get("Variables") or {}
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = msgspec.json.encode(variables)
    if len(measured) > VARIABLES_LIMIT:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured.decode()}"
        )
    return variables


def _dead_letter(params: Params, current: str) -> str:
    """The target that is given; an empty object keeps the old one, an empty ARN takes it away (lambda-api.md §5)."""
    target: str | None = _get(params, "DeadLetterConfig.TargetArn")
    if target is None:
        return current
    parsed = arn.parse(target)
    if target and (parsed is None or parsed.service not in ("sqs", "sns") or not parsed.resource):
        raise invalid(f"The dead letter target must be an Amazon SQS queue or an Amazon SNS topic: {target}")
    if target.endswith(".fifo"):
        raise invalid(f"FIFO queues and topics are not supported as dead letter targets: {target}")
    return target


def _image(params: Params, current: ImageConfig) -> ImageConfig:
    """What is given, all of it: an empty one is as the image says (facts/lambda-api.md §2)."""
    if "ImageConfig" not in params:
        return current
    given: dict[str, Any] = params["ImageConfig"]
    texts = [*given.get("EntryPoint", ()), *given.get("Command", ()), given.get("WorkingDirectory", "")]
    if any("\0" in text for text in texts):
        raise invalid("ImageConfig can't have NUL characters.")
    directory = given.get("WorkingDirectory", "")
    if directory and not directory.startswith("/"):
        raise invalid("ImageConfig.WorkingDirectory must be an absolute path.")
    return ImageConfig(tuple(given.get("EntryPoint", ())), tuple(given.get("Command", ())), directory)


def _logging(params: Params, current: Logging) -> Logging:
    """What isn't given stays. The levels exist with JSON only, and begin at INFO (facts/lambda-api.md §4.2)."""
    given: dict[str, str] = params.get("LoggingConfig") or {}
    format_, group = given.get("LogFormat", current.format), given.get("LogGroup", current.group)
    if group.startswith("aws/"):  # facts/lambda-runtime.md §6
        raise invalid("LoggingConfig.LogGroup can't begin with aws/: such names are reserved for AWS.")
    if format_ == "JSON":
        application = given.get("ApplicationLogLevel") or current.application_level or "INFO"
        system = given.get("SystemLogLevel") or current.system_level or "INFO"
        return Logging(format_, group, application, system)
    for level in ("ApplicationLogLevel", "SystemLogLevel"):
        if level in given:
            raise invalid(f"LoggingConfig.{level} can only be set when LoggingConfig.LogFormat is JSON.")
    return Logging(format_, group)


def _check_limit(member: str, value: int, limit: int) -> None:
    """The model allows more, for kinds of functions that this server doesn't have (facts/lambda-api.md §4.1)."""
    if value > limit:
        raise invalid(
            f"'{member}' value failed to satisfy constraint: Member must have value less than or equal to {limit}"
        )


def _get(params: Params, path: str) -> Any:
    """The member at a dotted path; None where a part is missing."""
    found: Any = params
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
