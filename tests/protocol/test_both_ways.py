"""What boto3 serialises is parsed to the same parameters; what we serialise boto3 parses back. For every operation."""

import io
from typing import Any
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import HeadersDict
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.errors import AwsError

PROTOCOL_SETTINGS = settings(settings.get_profile("protocol"), max_examples=8)


def request_of(
    service: Any, operation: Any, params: dict[str, Any], protocol: str
) -> tuple[str, str, str, dict[str, str], bytes]:
    """(method, raw path, raw query, headers in lower case, body) as boto3 would send them."""
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    request = serializer.serialize_to_request(params, operation)
    botocore.awsrequest.prepare_request_dict(request, endpoint_url="http://localhost:4566")
    prepared = botocore.awsrequest.create_request_object(request).prepare()
    url = urlsplit(prepared.url)
    headers = {
        key.lower(): value.decode() if isinstance(value, bytes) else value for key, value in prepared.headers.items()
    }
    name = service.signing_name
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{name}/aws4_request, Signature=0"
    body = prepared.body or b""
    body = body.encode() if isinstance(body, str) else body
    return prepared.method, url.path, url.query, headers, body


def without_empty_payload(values: dict[str, Any], shape: Any) -> dict[str, Any]:
    """A member that is the whole body can't be told from none when it is empty."""
    payload = shape.serialization.get("payload") if shape else None
    return {name: value for name, value in values.items() if name != payload or value}


def streams_events(operation: Any) -> bool:
    return operation.has_event_stream_input or operation.has_event_stream_output


def unspoken(model: Any, operation: Any) -> bool:
    rest = model.resolved_protocol.startswith("rest-")
    return operation.has_event_stream_input or (operation.has_event_stream_output and not rest)


def test_what_boto3_sends_is_parsed_to_the_same_parameters(
    service: str,
    operation: str,
    protocol: str,
    router: Any,
    botocore_model: Any,
    generator: Any,
    to_botocore: Any,
) -> None:
    model = botocore_model(service)
    protocol = protocol or model.resolved_protocol
    shape = model.operation_model(operation)
    if shape.input_shape is None:
        params = st.just({})
    else:
        params = generator(service, valid=True, full=protocol == "query").of(shape.input_shape)

    @PROTOCOL_SETTINGS
    @given(params)
    def check(params: dict[str, Any]) -> None:
        sent = to_botocore(params, shape.input_shape) if shape.input_shape else params
        method, path, query, headers, body = request_of(model, shape, sent, protocol)
        match = router.resolve(method, path, query, headers, body)
        assert (match.service, match.operation.name) == (service, operation)
        assert match.scope.service == model.signing_name
        if unspoken(model, shape):
            with pytest.raises(AwsError, match="event stream"):
                match.operation.parse(match.labels, query, headers, body)
        else:
            parsed = match.operation.parse(match.labels, query, headers, body)
            assert without_empty_payload(parsed, shape.input_shape) == without_empty_payload(params, shape.input_shape)

    check()


def test_what_we_answer_is_parsed_by_boto3_to_the_same_result(
    service: str, operation: str, protocol: str, models: Any, botocore_model: Any, generator: Any, to_botocore: Any
) -> None:
    model = botocore_model(service)
    protocol = protocol or model.resolved_protocol
    shape = model.operation_model(operation)
    if streams_events(shape):
        return  # tests/unit/wire/test_eventstream.py has those that are spoken
    output = shape.output_shape
    result = (
        generator(service, valid=False, full=protocol == "query").of(output) if output else st.just({})
    )

    @PROTOCOL_SETTINGS
    @given(result)
    def check(result: dict[str, Any]) -> None:
        if shape.http.get("responseCode") == 204:
            result = {k: v for k, v in result.items() if "location" in output.members[k].serialization}
        answer = models[service].operation(operation, protocol).serialize(result, "request-1")
        parser = botocore.parsers.create_parser(protocol)
        body = io.BytesIO(answer.body) if shape.has_streaming_output else answer.body
        response = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": body}
        parsed = {k: v.read() if v is body else v for k, v in parser.parse(response, output).items()}
        metadata = parsed.pop("ResponseMetadata", {})
        expected = to_botocore(result, output) if output else {}
        assert without_empty_payload(parsed, output) == without_empty_payload(expected, output)
        if output or protocol != "smithy-rpc-v2-cbor":  # without an output boto3 doesn't look for it there
            assert metadata["RequestId"] == "request-1"
        statuses = [v for k, v in result.items() if output.members[k].serialization.get("location") == "statusCode"]
        assert answer.status == (statuses[0] if statuses else shape.http.get("responseCode", 200))

    check()
