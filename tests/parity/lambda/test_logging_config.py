"""LoggingConfig through boto3: defaults, what an update keeps, what is refused."""

import botocore.exceptions
import pytest


def configured(client, name="f"):
    return client.get_function_configuration(FunctionName=name)["LoggingConfig"]


def update(client, **logging):
    answer = client.update_function_configuration(FunctionName="f", LoggingConfig=logging)
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert answer["LoggingConfig"] == configured(client)
    return answer["LoggingConfig"]


def test_text_into_the_functions_own_group_is_the_default(client, create):
    """facts/lambda-api.md §4.2: with Text the levels are absent."""
    assert create()["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}


def test_json_begins_at_info(client, create):
    """facts/lambda-api.md §4.2: JSON gains both levels."""
    assert create(LoggingConfig={"LogFormat": "JSON"})["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": "/aws/lambda/f",
    }


def test_an_update_keeps_what_it_does_not_name(client, create):
    create(LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "SystemLogLevel": "WARN"})
    everything = {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "SystemLogLevel": "WARN", "LogGroup": "/mine"}
    assert update(client, LogGroup="/mine") == everything
    assert update(client) == everything
    assert update(client, ApplicationLogLevel="FATAL") == everything | {"ApplicationLogLevel": "FATAL"}
    assert update(client, SystemLogLevel="DEBUG")["SystemLogLevel"] == "DEBUG"
    client.update_function_configuration(FunctionName="f", Timeout=4)
    assert configured(client)["ApplicationLogLevel"] == "FATAL"
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})


def test_back_to_text_forgets_the_levels(client, create):
    create(LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "TRACE"})
    assert update(client, LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    assert update(client, LogFormat="JSON")["ApplicationLogLevel"] == "INFO"


def test_a_version_keeps_the_logging_it_was_published_with(client, create):
    """facts/lambda-api.md §6: a version snapshots all configuration, logging among it."""
    create(LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    client.publish_version(FunctionName="f")
    update(client, LogFormat="Text")
    published = client.get_function_configuration(FunctionName="f", Qualifier="1")["LoggingConfig"]
    assert (published["LogFormat"], published["SystemLogLevel"]) == ("JSON", "WARN")


@pytest.mark.parametrize("level", ["ApplicationLogLevel", "SystemLogLevel"])
def test_levels_need_json(client, create, level):
    create()
    for logging in ({level: "WARN"}, {level: "WARN", "LogFormat": "Text"}):
        with pytest.raises(client.exceptions.InvalidParameterValueException) as caught:
            client.update_function_configuration(FunctionName="f", LoggingConfig=logging)
        assert f"LoggingConfig.{level} can only be set when" in str(caught.value)


@pytest.mark.parametrize(
    "logging",
    [
        {"LogFormat": "XML"},
        {"LogFormat": "JSON", "ApplicationLogLevel": "WARNING"},
        {"LogFormat": "JSON", "SystemLogLevel": "ERROR"},
        {"LogGroup": ""},
        {"LogGroup": "with space"},
        {"LogGroup": "x" * 513},
    ],
)
def test_what_the_model_does_not_allow_is_refused(client, create, logging):
    create()
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.update_function_configuration(FunctionName="f", LoggingConfig=logging)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_group_of_awss_own_is_refused(client, create):
    """facts/lambda-runtime.md §6: a custom group name may not begin with `aws/`."""
    create()
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.update_function_configuration(FunctionName="f", LoggingConfig={"LogGroup": "aws/mine"})
