"""Gateway responses as they go out."""

import pytest

from samovar.services.apigateway.plane.refusals import KINDS, Refusal, Responses


def render(configured, refusal, accept=""):
    values = {
        ("context", "error.messageString"): '"no"',
        ("header", "Origin"): "http://x",
        ("stageVariables", "v"): "1",
    }
    values[("context", "error.responseType")] = refusal.kind
    return Responses(configured).render(refusal, accept, lambda source: values.get((source.kind, source.name)))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_type_has_an_answer_of_its_own(kind):
    rendered = render({}, Refusal(kind))
    assert rendered.status == KINDS[kind].status
    assert rendered.body.startswith((b'{"message"', b'{"Message"'))


def test_a_default_counts_for_all_types_of_its_class_that_have_none():
    own = {"statusCode": "418", "responseParameters": {"gatewayresponse.header.A": "method.request.header.Origin"}}
    configured = {"DEFAULT_4XX": own, "THROTTLED": {"responseTemplates": {"application/json": "slow"}}}
    rendered = render(configured, Refusal("UNAUTHORIZED"))
    assert (rendered.status, rendered.headers[0]) == (418, ("A", "http://x"))
    assert rendered.body == b'{"message":"Unauthorized"}'
    throttled = render(configured, Refusal("THROTTLED"))
    assert (throttled.status, throttled.body, throttled.headers[0]) == (418, b"slow", ("A", "http://x"))
    assert render(configured, Refusal("INTEGRATION_TIMEOUT")).status == 504
    assert render(configured, Refusal("REQUEST_TOO_LARGE")).status == 413


def test_templates_substitute_and_do_nothing_else():
    text = "$context.error.messageString ${context.error.responseType} $stageVariables.v"
    text += " $method.request.header.Origin $x #if"
    rendered = render({"UNAUTHORIZED": {"responseTemplates": {"text/plain": text}}}, Refusal("UNAUTHORIZED"))
    assert rendered.body == b'"no" UNAUTHORIZED 1 http://x $x #if'
    assert rendered.headers == [("Content-Type", "text/plain")]


def test_a_template_is_chosen_by_what_the_client_accepts_first():
    templates = {"application/json": "json", "application/xml": "xml"}
    configured = {"UNAUTHORIZED": {"responseTemplates": templates}}
    assert render(configured, Refusal("UNAUTHORIZED"), "application/xml, */*").body == b"xml"
    assert render(configured, Refusal("UNAUTHORIZED"), "text/html").body == b"json"


def test_an_integration_that_failed_otherwise_keeps_its_status_unless_configured():
    assert render({}, Refusal("INTEGRATION_FAILURE", status=502)).status == 502
    configured = {"INTEGRATION_FAILURE": {"statusCode": "500"}}
    assert render(configured, Refusal("INTEGRATION_FAILURE", status=502)).status == 500
