"""APIs and their parts as they are kept: the members that AWS shows, under AWS's names.

A record is made from a request's parameters (`made`), changed by those of an update (`changed`), and shown as it is
(`shown`): what was never given stays out of sight. Where a record lives (account, region, API) is its key.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from samovar.core.context import Params


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Members may only be added, with defaults."""


class Api(Record, frozen=True, kw_only=True):
    api_id: str
    name: str
    protocol_type: str
    created_date: float
    route_selection_expression: str = ""
    api_key_selection_expression: str = "$request.header.x-api-key"
    cors_configuration: dict[str, Any] | None = None
    description: str | None = None
    disable_schema_validation: bool | None = None
    disable_execute_api_endpoint: bool = False
    ip_address_type: str = "ipv4"
    version: str | None = None
    tags: dict[str, str] = {}
    import_info: list[str] | None = None
    warnings: list[str] | None = None
    api_gateway_managed: bool | None = None


class Route(Record, frozen=True, kw_only=True):
    route_id: str
    route_key: str
    api_gateway_managed: bool | None = None
    api_key_required: bool = False
    authorization_scopes: list[str] | None = None
    authorization_type: str = "NONE"
    authorizer_id: str | None = None
    model_selection_expression: str | None = None
    operation_name: str | None = None
    request_models: dict[str, str] | None = None
    request_parameters: dict[str, Any] | None = None
    route_response_selection_expression: str | None = None
    target: str | None = None


class Integration(Record, frozen=True, kw_only=True):
    integration_id: str
    integration_type: str
    api_gateway_managed: bool | None = None
    connection_id: str | None = None
    connection_type: str = "INTERNET"
    content_handling_strategy: str | None = None
    credentials_arn: str | None = None
    description: str | None = None
    integration_method: str | None = None
    integration_response_selection_expression: str | None = None
    integration_subtype: str | None = None
    integration_uri: str | None = None
    passthrough_behavior: str | None = None
    payload_format_version: str = "1.0"
    request_parameters: dict[str, str] | None = None
    request_templates: dict[str, str] | None = None
    response_parameters: dict[str, dict[str, str]] | None = None
    template_selection_expression: str | None = None
    timeout_in_millis: int = 30_000
    tls_config: dict[str, str] | None = None


class Stage(Record, frozen=True, kw_only=True):
    stage_name: str
    created_date: float
    last_updated_date: float
    access_log_settings: dict[str, str] | None = None
    api_gateway_managed: bool | None = None
    auto_deploy: bool | None = None
    client_certificate_id: str | None = None
    default_route_settings: dict[str, Any] = {}
    deployment_id: str | None = None
    description: str | None = None
    last_deployment_status_message: str | None = None
    route_settings: dict[str, dict[str, Any]] = {}
    stage_variables: dict[str, str] = {}
    tags: dict[str, str] = {}


class Authorizer(Record, frozen=True, kw_only=True):
    authorizer_id: str
    name: str
    authorizer_type: str
    authorizer_credentials_arn: str | None = None
    authorizer_payload_format_version: str | None = None
    authorizer_result_ttl_in_seconds: int | None = None
    authorizer_uri: str | None = None
    enable_simple_responses: bool | None = None
    identity_source: list[str] | None = None
    identity_validation_expression: str | None = None
    jwt_configuration: dict[str, Any] | None = None


class RouteResponse(Record, frozen=True, kw_only=True):
    """What a WebSocket API's client is answered."""

    route_response_id: str
    route_id: str
    route_response_key: str
    model_selection_expression: str | None = None
    response_models: dict[str, str] | None = None
    response_parameters: dict[str, Any] | None = None


class IntegrationResponse(Record, frozen=True, kw_only=True):
    integration_response_id: str
    integration_id: str
    integration_response_key: str
    content_handling_strategy: str | None = None
    response_parameters: dict[str, str] | None = None
    response_templates: dict[str, str] | None = None
    template_selection_expression: str | None = None


class Model(Record, frozen=True, kw_only=True):
    model_id: str
    name: str
    content_type: str = "application/json"
    description: str | None = None
    schema: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """What a deployment has of its API, as it was then."""

    routes: list[Route] = []
    integrations: list[Integration] = []
    authorizers: list[Authorizer] = []
    route_responses: list[RouteResponse] = []
    integration_responses: list[IntegrationResponse] = []
    models: list[Model] = []


class Deployment(Record, frozen=True, kw_only=True):
    deployment_id: str
    created_date: float
    auto_deployed: bool = False
    deployment_status: str = "DEPLOYED"
    description: str | None = None
    snapshot: Snapshot = Snapshot()


class VpcLink(Record, frozen=True, kw_only=True):
    vpc_link_id: str
    name: str
    created_date: float
    subnet_ids: list[str]
    security_group_ids: list[str] = []
    tags: dict[str, str] = {}
    vpc_link_status: str = "AVAILABLE"
    vpc_link_status_message: str = "VPC link is ready to route traffic"
    vpc_link_version: str = "V2"


R = TypeVar("R", bound=Record)
T = TypeVar("T")

_DEFAULTS_SHOWN: dict[type[Record], tuple[str, ...]] = {
    Api: ("api_key_selection_expression", "disable_execute_api_endpoint", "ip_address_type", "tags"),
    Route: ("api_key_required", "authorization_type"),
    Integration: ("connection_type", "payload_format_version", "timeout_in_millis"),
    Stage: ("default_route_settings", "route_settings", "stage_variables", "tags"),
    VpcLink: (
        "security_group_ids",
        "tags",
        "vpc_link_status",
        "vpc_link_status_message",
        "vpc_link_version",
    ),
    Deployment: ("auto_deployed", "deployment_status"),
    Model: ("content_type", "schema"),
}
"""Members that AWS shows although nobody gave them."""

_HIDDEN: dict[type[Record], tuple[str, ...]] = {
    Deployment: ("Snapshot",),
    RouteResponse: ("RouteId",),
    IntegrationResponse: ("IntegrationId",),
}
"""What a record knows for itself."""


def made(kind: type[R], params: Params, **members: Any) -> R:
    """The record that a request asks for, with what the service adds itself."""
    return msgspec.convert({**params, **_pascal(kind, members)}, kind)


def changed(record: R, params: Params, **members: Any) -> R:
    """The record with the members that an update gives."""
    kind = type(record)
    return msgspec.convert({**msgspec.to_builtins(record), **params, **_pascal(kind, members)}, kind)


def merged(before: Mapping[str, T] | None, given: Mapping[str, T] | None) -> dict[str, T]:
    """A map of names as an update changes it: given names are set, those with nothing in them go, others stay."""
    return {name: value for name, value in {**(before or {}), **(given or {})}.items() if value not in ("", {})}


def shown(record: Record) -> Params:
    """Its members as AWS shows them."""
    members: Params = msgspec.to_builtins(record)
    kind = type(record)
    for name in _HIDDEN.get(kind, ()):
        members.pop(name, None)
    for name in _DEFAULTS_SHOWN.get(kind, ()):
        members.setdefault(_wire(kind, name), getattr(record, name))
    return members


def _pascal(kind: type[Record], members: dict[str, Any]) -> dict[str, Any]:
    return {_wire(kind, name): value for name, value in members.items()}


def _wire(kind: type[Record], name: str) -> str:
    return kind.__struct_encode_fields__[kind.__struct_fields__.index(name)]
