"""How AWS shows functions and versions (facts/lambda-api.md §4.2). Pure."""

from typing import Any

from samovar.core.clock import iso_millis
from samovar.core.context import Params
from samovar.services.lambda_ import runtimes, snapstart
from samovar.services.lambda_.function import Deployed, ImageConfig, Logging


def describe(deployed: Deployed, qualifier: str = "", *, listed: bool = False) -> Params:
    """FunctionConfiguration as Get, Create and Update answer it: members in AWS's order, absent where AWS has none;
    `listed`: without those that lists don't have (facts/lambda-api.md §2)."""
    configuration = deployed.configuration
    shown: dict[str, Any] = {
        "FunctionName": deployed.name,
        "FunctionArn": f"{deployed.arn}:{qualifier}" if qualifier else deployed.arn,
        **({} if configuration.from_image else {"Runtime": configuration.runtime}),
        "Role": configuration.role,
        **({} if configuration.from_image else {"Handler": configuration.handler}),
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
    if not listed:
        shown.update(_states(deployed))
    shown["PackageType"] = "Image" if configuration.from_image else "Zip"
    if configuration.image != ImageConfig():
        shown["ImageConfigResponse"] = {"ImageConfig": _image(configuration.image)}
    shown["Architectures"] = [deployed.code.architecture]
    shown["EphemeralStorage"] = {"Size": configuration.ephemeral_mb}
    shown["SnapStart"] = snapstart.shown(deployed)
    if not listed and not configuration.from_image:
        version_arn = runtimes.version_arn(deployed.region, configuration.runtime)
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": version_arn}
    shown["LoggingConfig"] = _logging(configuration.logging)
    return shown


def _image(config: ImageConfig) -> Params:
    shown: Params = {"EntryPoint": [*config.entry_point], "Command": [*config.command]}
    shown["WorkingDirectory"] = config.working_directory
    return {name: value for name, value in shown.items() if value}


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
