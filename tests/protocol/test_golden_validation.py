"""The exact texts of validation errors.

Sources: facts/lambda-api.md §5 ("ValidationException format"), cloudwatch.md §1, sns.md §2, iam.md §1 and §3.
"""

from typing import Any

import msgspec
import pytest

from samovar.core.errors import AwsError

ROLE = "arn:aws:iam::123456789012:role/r"


def refused(models: Any, service: str, operation: str, params: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        models[service].operation(operation).validate(params)
    return caught.value.code, caught.value.message


def test_one_violation_is_told_in_the_singular(models: Any) -> None:
    assert refused(models, "lambda", "GetFunction", {"FunctionName": "a b"}) == (
        "ValidationException",
        "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-"
        r"\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    )


def test_several_violations_are_counted_and_joined_by_semicolons(models: Any) -> None:
    params = {"FunctionName": "f", "Code": {}, "Role": ROLE, "Timeout": 0, "Description": "x" * 257}
    code, message = refused(models, "lambda", "CreateFunction", params)
    assert code == "ValidationException"
    assert message == (
        f"2 validation errors detected: Value '{'x' * 257}' at 'description' failed to satisfy constraint: Member must "
        "have length less than or equal to 256; Value '0' at 'timeout' failed to satisfy constraint: Member must have "
        "value greater than or equal to 1"
    )


def test_a_missing_member_is_null_without_quotes(models: Any) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert refused(models, "lambda", "UntagResource", {"Resource": arn}) == (
        "ValidationException",
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
    )


def test_an_enum_names_its_values(models: Any) -> None:
    code, message = refused(models, "lambda", "PutFunctionRecursionConfig", {"FunctionName": "f", "RecursiveLoop": "x"})
    start = "1 validation error detected: Value 'x' at 'recursiveLoop' failed to satisfy constraint: "
    assert code == "ValidationException"
    assert message in (
        f"{start}Member must satisfy enum value set: [Allow, Terminate]",
        f"{start}Member must satisfy enum value set: [Terminate, Allow]",
    )


def test_elements_of_a_list_are_told_together_with_all_their_constraints(models: Any) -> None:
    params = {"FunctionName": "f", "Code": {}, "Role": ROLE, "Architectures": ["X86_64"]}
    assert refused(models, "lambda", "CreateFunction", params) == (
        "ValidationException",
        "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must "
        "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    )


def test_values_and_keys_of_a_map_are_told_with_all_their_constraints(models: Any) -> None:
    params = {
        "FunctionName": "f",
        "Name": "live",
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}},
    }
    value = (
        "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or "
        "equal to 0.0, Member must not be null]"
    )
    assert refused(models, "lambda", "CreateAlias", params)[1] == f"1 validation error detected: {value}"

    params["RoutingConfig"] = {"AdditionalVersionWeights": {"a": 1.0}}
    key = (
        "Value '{a=1.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must "
        "satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than "
        "or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"
    )
    assert refused(models, "lambda", "CreateAlias", params)[1] == f"1 validation error detected: {key}"


def test_a_null_in_a_map_is_refused(models: Any) -> None:
    params = {"FunctionName": "f", "Code": {}, "Role": ROLE, "Environment": {"Variables": {"AB": None}}}
    assert refused(models, "lambda", "CreateFunction", params)[1] == (
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must not be null]"
    )


def test_only_the_first_letter_of_a_name_is_lowered(models: Any) -> None:
    params = {"FunctionName": "f", "Code": {}, "Role": ROLE, "KMSKeyArn": "nope"}
    message = refused(models, "lambda", "CreateFunction", params)[1]
    assert message.startswith("1 validation error detected: Value 'nope' at 'kMSKeyArn' failed to satisfy constraint: ")


def test_the_runtime_is_left_to_lambda_since_its_error_is_another(models: Any) -> None:
    models["lambda"].operation("CreateFunction").validate(
        {"FunctionName": "f", "Code": {}, "Role": ROLE, "Runtime": "python1.0"}
    )


def test_logs_calls_the_same_thing_an_invalid_parameter(models: Any) -> None:
    assert refused(models, "logs", "FilterLogEvents", {"logGroupName": "g", "limit": 10001}) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value "
        "less than or equal to 10000",
    )


def test_a_path_into_maps_and_lists_of_structures_has_numbers_keys_and_member(models: Any) -> None:
    entry = {"Id": "1", "Message": "m", "MessageAttributes": {"attr1": {"StringValue": "x"}}}
    params = {"TopicArn": "t", "PublishBatchRequestEntries": [entry]}
    assert refused(models, "sns", "PublishBatch", params) == (
        "ValidationError",
        "1 validation error detected: Value null at "
        "'publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType' failed to satisfy constraint: "
        "Member must not be null",
    )


def test_sts_calls_it_a_validation_error_and_shows_the_value(models: Any) -> None:
    params = {"RoleArn": ROLE, "RoleSessionName": "Session1:2"}
    assert refused(models, "sts", "AssumeRole", params) == (
        "ValidationError",
        "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member "
        r"must satisfy regular expression pattern: [\w+=,.@-]*",
    )


def test_iam_leaves_the_value_out(models: Any) -> None:
    params = {"RoleName": "x" * 65}
    assert refused(models, "iam", "GetRole", params) == (
        "ValidationError",
        "1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less "
        "than or equal to 64",
    )


def test_sqs_asks_for_the_parameter(models: Any) -> None:
    assert refused(models, "sqs", "SendMessage", {"QueueUrl": "q"}) == (
        "MissingParameter",
        "The request must contain the parameter MessageBody.",
    )


def test_structures_in_a_list_that_is_too_long_are_told_as_java_would(models: Any) -> None:
    system = {"Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-" + "0" * 17}
    params = {"FunctionName": "f", "FileSystemConfigs": [{**system, "LocalMountPath": "/mnt/a"}, system]}
    first = f"arn={system['Arn']}, localMountPath=/mnt/a, s3FilesConfig=null"
    second = f"arn={system['Arn']}, localMountPath=null, s3FilesConfig=null"
    assert refused(models, "lambda", "UpdateFunctionConfiguration", params)[1] == (
        f"2 validation errors detected: Value '[FileSystemConfig({first}), FileSystemConfig({second})]' at "
        "'fileSystemConfigs' failed to satisfy constraint: Member must have length less than or equal to 1; Value null "
        "at 'fileSystemConfigs.2.member.localMountPath' failed to satisfy constraint: Member must not be null"
    )


def test_a_validation_error_has_no_type_on_the_wire(models: Any) -> None:
    operation = models["lambda"].operation("GetFunction")
    with pytest.raises(AwsError) as caught:
        operation.parse({"FunctionName": "a b"}, "", {}, b"")
    answer = operation.serialize_error(caught.value, "r")
    assert answer.status == 400
    assert msgspec.json.decode(answer.body) == {"message": caught.value.message}
    assert ("x-amzn-ErrorType", "ValidationException") in answer.headers
