"""Resource policies of functions; every test is a sentence of facts/lambda-api.md §5 and §7."""

import json

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
STALE = "00000000-0000-4000-a000-000000000000"


def refused(call, **params):
    """(code, message, status) of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def add(client, create):
    """Adds a permission to the function f, which is there."""
    create()

    def add(sid="s1", **changes):
        params = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        return client.add_permission(**({"FunctionName": "f", "StatementId": sid} | params | changes))

    return add


@pytest.mark.parametrize(
    ("given", "principal"),
    [
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}),
        ("111111111111", {"AWS": "arn:aws:iam::111111111111:root"}),
        ("arn:aws:iam::111111111111:role/path/r", {"AWS": "arn:aws:iam::111111111111:role/path/r"}),
        ("*", "*"),
    ],
)
def test_a_principal_is_a_service_an_account_an_arn_or_everybody(add, given, principal):
    answer = add(Principal=given)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(answer["Statement"])["Principal"] == principal


@pytest.mark.parametrize("given", ["nobody", "11111111111", "arn:aws:s3:::bucket", "amazonaws.com"])
def test_an_invalid_principal_is_refused(client, add, given):
    assert refused(add, Principal=given) == (
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
        400,
    )
    assert refused(client.get_policy, FunctionName="f")[2] == 404


def test_the_statement_has_its_members_in_awss_order_and_no_condition_when_there_is_none(add):
    text = add()["Statement"]
    assert text == (
        '{"Sid":"s1","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{ARN}"}}'
    )


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"SourceArn": "arn:aws:s3:::b"}, {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
        ({"SourceAccount": "111111111111"}, {"StringEquals": {"AWS:SourceAccount": "111111111111"}}),
        (
            {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        ({"PrincipalOrgID": "o-1234567890"}, {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}),
        ({"EventSourceToken": "amzn1.ask"}, {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask"}}),
        ({"InvokedViaFunctionUrl": True}, {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
        (
            {"SourceArn": "arn:aws:s3:::b", "SourceAccount": "111111111111"},
            {"StringEquals": {"AWS:SourceAccount": "111111111111"}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}},
        ),
    ],
)
def test_each_further_input_becomes_a_condition(add, given, condition):
    assert json.loads(add(**given)["Statement"])["Condition"] == condition


def test_an_auth_type_of_urls_is_for_the_action_of_urls_only(add):
    """As reported by users of AWS."""
    with pytest.raises(ClientError) as caught:
        add(Action="lambda:InvokeFunction", FunctionUrlAuthType="NONE")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    message = "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
    assert caught.value.response["Error"]["Message"] == message


def test_get_policy_answers_the_document_as_a_json_string_with_a_revision_of_its_own(client, add):
    first, second = json.loads(add("a")["Statement"]), json.loads(add("b")["Statement"])
    answer = client.get_policy(FunctionName="f")
    assert json.loads(answer["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [first, second]}
    assert answer["Policy"].startswith('{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"a",')
    assert answer["RevisionId"] != client.get_function_configuration(FunctionName="f")["RevisionId"]


def test_policy_edits_change_the_policys_revision_and_not_the_functions(client, add):
    function = client.get_function_configuration(FunctionName="f")["RevisionId"]
    add("a")
    first = client.get_policy(FunctionName="f")["RevisionId"]
    add("b", RevisionId=first)
    assert client.get_policy(FunctionName="f")["RevisionId"] != first
    assert client.get_function_configuration(FunctionName="f")["RevisionId"] == function


def test_a_stale_revision_is_refused(client, add):
    add("a")
    text = (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetPolicy API to retrieve the latest Revision Id"
    )
    assert refused(add, sid="b", RevisionId=STALE) == ("PreconditionFailedException", text, 412)
    remove = {"FunctionName": "f", "StatementId": "a", "RevisionId": STALE}
    assert refused(client.remove_permission, **remove) == ("PreconditionFailedException", text, 412)
    assert len(json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]) == 1


def test_a_statement_id_can_be_used_once(add):
    add()
    assert refused(add) == (
        "ResourceConflictException",
        "The statement id (s1) provided already exists. "
        "Please provide a new statement id, or remove the existing statement.",
        409,
    )


def test_removing_the_last_statement_makes_get_policy_404(client, add):
    add("a"), add("b")
    answer = client.remove_permission(FunctionName="f", StatementId="a")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    [left] = json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]
    assert left["Sid"] == "b"
    client.remove_permission(FunctionName="f", StatementId="b")
    assert refused(client.get_policy, FunctionName="f") == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
        404,
    )


def test_what_isnt_there_is_named_in_awss_words(client, add):
    add("a")
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
    assert refused(client.get_policy, FunctionName="missing")[:2] == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    assert refused(client.remove_permission, FunctionName="missing", StatementId="a")[:2] == (
        "ResourceNotFoundException",
        f"No policy found for: {missing}",
    )
    assert refused(client.remove_permission, FunctionName="f", StatementId="zz")[:2] == (
        "ResourceNotFoundException",
        "Statement zz is not found in resource policy.",
    )
    assert refused(add, FunctionName="missing")[:2] == ("ResourceNotFoundException", f"Function not found: {missing}")
    assert refused(add, Qualifier="7")[:2] == ("ResourceNotFoundException", f"Function not found: {ARN}:7")
    assert refused(add, Qualifier="live")[:2] == ("ResourceNotFoundException", f"Cannot find alias arn: {ARN}:live")
    client.remove_permission(FunctionName="f", StatementId="a")
    assert refused(client.remove_permission, FunctionName="f", StatementId="a")[:2] == (
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    )


def test_latest_takes_no_policy(add):
    assert refused(add, Qualifier="$LATEST")[:2] == (
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
    )


def test_a_statement_id_with_a_dot_is_refused(add):
    code, message, status = refused(add, sid="a.b")
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(
        "1 validation error detected: Value 'a.b' at 'statementId' failed to satisfy constraint: "
    )


def test_each_qualifier_has_a_policy_of_its_own_and_its_arn_is_the_resource(client, add):
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    add("function")
    for qualifier in ("1", "live"):
        statement = json.loads(add("s", Qualifier=qualifier)["Statement"])
        assert statement["Resource"] == f"{ARN}:{qualifier}"
        [kept] = json.loads(client.get_policy(FunctionName="f", Qualifier=qualifier)["Policy"])["Statement"]
        assert kept == statement
    assert [s["Sid"] for s in json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]] == ["function"]
    client.delete_alias(FunctionName="f", Name="live")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert refused(client.get_policy, FunctionName="f", Qualifier="live")[2] == 404


def test_a_function_made_anew_has_no_policy(client, add, create):
    add()
    client.delete_function(FunctionName="f")
    create()
    assert refused(client.get_policy, FunctionName="f")[2] == 404


def test_a_policy_takes_20_kilobytes(client, add):
    wide = {"SourceArn": "arn:aws:s3:::" + "b" * 9000}
    add("a", **wide), add("b", **wide)
    code, message, status = refused(add, sid="c", **wide)
    assert (code, status) == ("PolicyLengthExceededException", 400)
    size = len(client.get_policy(FunctionName="f")["Policy"])
    grown = (
        size
        + 1
        + len(json.dumps(json.loads(add("d")["Statement"]), separators=(",", ":")))
        + len(',"Condition":{"ArnLike":{"AWS:SourceArn":"' + wide["SourceArn"] + '"}}')
    )
    assert message == f"The final policy size ({grown}) is bigger than the limit (20480)."


class TestWholePolicies:
    def document(self, **changes):
        statement = {"Sid": "open", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetFunction"} | changes
        return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": ARN}]})

    def test_a_whole_policy_replaces_what_was_added_and_permissions_append_to_it(self, client, add):
        add("before")
        answer = client.put_resource_policy(ResourceArn=ARN, Policy=self.document(Effect="Deny"))
        assert json.loads(answer["Policy"]) == json.loads(self.document(Effect="Deny"))
        assert client.get_resource_policy(ResourceArn=ARN)["RevisionId"] == answer["RevisionId"]
        add("after")
        statements = json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]
        assert [each["Sid"] for each in statements] == ["open", "after"]
        client.delete_resource_policy(ResourceArn=ARN)
        assert refused(client.get_policy, FunctionName="f")[2] == 404
        assert refused(client.get_resource_policy, ResourceArn=ARN)[2] == 404
        assert refused(client.delete_resource_policy, ResourceArn=ARN)[2] == 404

    def test_a_stale_revision_is_refused(self, client, add):
        add()
        put = {"ResourceArn": ARN, "Policy": self.document(), "RevisionId": STALE}
        assert refused(client.put_resource_policy, **put)[::2] == ("PreconditionFailedException", 412)
        delete = {"ResourceArn": ARN, "RevisionId": STALE}
        assert refused(client.delete_resource_policy, **delete)[::2] == ("PreconditionFailedException", 412)
        client.put_resource_policy(**put | {"RevisionId": client.get_policy(FunctionName="f")["RevisionId"]})

    @pytest.mark.parametrize("changes", [{"Effect": "Maybe"}, {"Principal": None}, {"Action": "s3:GetObject"}])
    def test_what_is_no_policy_of_a_function_is_refused(self, client, add, changes):
        put = {"ResourceArn": ARN, "Policy": self.document(**changes)}
        assert refused(client.put_resource_policy, **put)[0] == "InvalidParameterValueException"
        for text in ("no json", "[]", "{}", '{"Statement":[]}'):
            put["Policy"] = text
            assert refused(client.put_resource_policy, **put)[0] == "InvalidParameterValueException"

    def test_a_function_that_isnt_there_has_no_policy(self, client):
        put = {"ResourceArn": ARN, "Policy": self.document()}
        assert refused(client.put_resource_policy, **put)[:2] == (
            "ResourceNotFoundException",
            f"Function not found: {ARN}",
        )
