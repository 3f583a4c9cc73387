"""How AWS shows functions and versions (facts/lambda-api.md §4.2). Pure."""

from typing import Any

from samovar.core.clock import iso_millis
from samovar.core.context import Params
from samovar.services.lambda_ import runtimes, snapstart
from samovar.services.lambda_.function import Deployed, Logging

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


def describe(deployed: Deployed, qualifier: str = "") -> Params:
    """FunctionConfiguration as Get, Create and Update answer it: members in AWS's order, absent where AWS has none."""
    configuration = deployed.configuration
    shown: dict[str, Any] = {
        "FunctionName": deployed.name,
        "FunctionArn": f"{deployed.arn}:{qualifier}" if qualifier else deployed.arn,
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": deployed.code.size,
        "Description": deployed.description,
        "Timeout": configuration.timeout_s,
        "MemorySize": configuration.memory_mb,
        "LastModified": iso_millis(deployed.modified_at),
        "CodeSha256": deployed.code.sha256,
        "Version": deployed.version,
    }
    if configuration.vpc:
        shown["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
    if configuration.dead_letter:
        shown["DeadLetterConfig"] = {"TargetArn": configuration.dead_letter}
    if configuration.variables is not None:
        shown["Environment"] = {"Variables": configuration.variables}
    if configuration.kms_key_arn:
        shown["KMSKeyArn"] = configuration.kms_key_arn
    shown["TracingConfig"] = {"Mode": configuration.tracing}
    shown["RevisionId"] = deployed.revision
    if configuration.layers:
        shown["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size} for layer in configuration.layers]
    shown.update(_states(deployed))
    shown["PackageType"] = "Zip"
    shown["Architectures"] = [deployed.code.architecture]
    shown["EphemeralStorage"] = {"Size": configuration.ephemeral_mb}
    shown["SnapStart"] = snapstart.shown(deployed)
    shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtimes.version_arn(deployed.region, configuration.runtime)}
    shown["LoggingConfig"] = _logging(configuration.logging)
    return shown


def describe_item(deployed: Deployed, qualifier: str = "") -> Params:
    """FunctionConfiguration as ListFunctions shows it (facts/lambda-api.md §2)."""
    shown = describe(deployed, qualifier)
    for member in _NOT_LISTED:
        shown.pop(member, None)
    return shown


def _logging(logging: Logging) -> Params:
    shown = {"LogFormat": logging.format}
    if logging.format == "JSON":
        shown |= {"ApplicationLogLevel": logging.application_level, "SystemLogLevel": logging.system_level}
    return shown | {"LogGroup": logging.group}


def _states(deployed: Deployed) -> Params:
    shown = {"State": deployed.state.value}
    if deployed.reason:
        shown |= {"StateReason": deployed.reason.text, "StateReasonCode": deployed.reason.code}
    if deployed.update:
        shown["LastUpdateStatus"] = deployed.update.value
    if deployed.update_reason:
        shown["LastUpdateStatusReason"] = deployed.update_reason.text
        shown["LastUpdateStatusReasonCode"] = deployed.update_reason.code
    return shown
