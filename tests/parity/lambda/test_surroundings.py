"""What a configuration names of other services: dead letter targets, subnets, security groups, file systems, images.

Facts: lambda-api.md §4.2, §5 (Functions), §6.
"""

import pytest
from botocore.exceptions import ClientError

QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
TOPIC = "arn:aws:sns:us-east-1:123456789012:letters"
FILES = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"


@pytest.fixture
def configure(client):
    def configure(name="f", **changes):
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
        return client.update_function_configuration(FunctionName=name, **changes)

    return configure


def refusal(call, *args, **params):
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("target", [QUEUE, TOPIC])
def test_a_dead_letter_target_is_shown_once_it_was_given(client, create, target):
    assert create("f", DeadLetterConfig={"TargetArn": target})["DeadLetterConfig"] == {"TargetArn": target}
    assert client.get_function_configuration(FunctionName="f")["DeadLetterConfig"] == {"TargetArn": target}


def test_an_empty_dead_letter_config_keeps_the_old_target_and_an_empty_arn_removes_it(create, configure):
    create("f", DeadLetterConfig={"TargetArn": QUEUE})
    assert configure(DeadLetterConfig={})["DeadLetterConfig"] == {"TargetArn": QUEUE}
    assert configure(Timeout=4)["DeadLetterConfig"] == {"TargetArn": QUEUE}
    assert "DeadLetterConfig" not in configure(DeadLetterConfig={"TargetArn": ""})
    assert configure(DeadLetterConfig={"TargetArn": TOPIC})["DeadLetterConfig"] == {"TargetArn": TOPIC}


@pytest.mark.parametrize(
    "target",
    [
        f"{QUEUE}.fifo",
        f"{QUEUE}-missing",
        f"{TOPIC}.fifo",
        "arn:aws:s3:::bucket",
        "arn:aws:sqs:us-east-1:123456789012:",
    ],
)
def test_what_cannot_be_a_dead_letter_target_is_refused(create, target):
    assert target in refusal(create, DeadLetterConfig={"TargetArn": target})


def test_a_dead_letter_target_that_is_no_arn_is_a_validation_error(client, create):
    with pytest.raises(ClientError, match=r"'deadLetterConfig\.targetArn' failed to satisfy constraint"):
        create(DeadLetterConfig={"TargetArn": "letters"})


def test_a_version_keeps_its_dead_letter_target_and_an_alias_shares_out_only_among_the_same(client, create, configure):
    create("f", DeadLetterConfig={"TargetArn": QUEUE}, Publish=True)
    configure(DeadLetterConfig={"TargetArn": TOPIC})
    client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    shown = client.get_function_configuration(FunctionName="f", Qualifier="1")
    assert shown["DeadLetterConfig"] == {"TargetArn": QUEUE}
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    message = refusal(client.create_alias, FunctionName="f", Name="a", FunctionVersion="1", RoutingConfig=weights)
    assert message == "The versions that an alias points to must have the same dead letter configuration."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
            "EC2 Error Message: The subnet ID 'subnet-1' does not exist",
        ),
        (
            {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": ["sg-1"]}},
            "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. "
            "EC2 Error Message: The security group 'sg-1' does not exist",
        ),
        (
            {"FileSystemConfigs": [{"Arn": FILES, "LocalMountPath": "/mnt/x"}]},
            f"Function must be configured to execute in a VPC to reference access point {FILES}.",
        ),
        (
            {"ImageConfig": {"Command": ["x"]}},
            "ImageConfig can't be set for a function with packageType Zip.",
        ),
    ],
)
def test_what_is_not_there_is_refused_at_creation_and_at_an_update(client, create, configure, given, message):
    assert refusal(create, "g", **given) == message
    create("f")
    assert refusal(configure, **given) == message
    assert client.get_function(FunctionName="f")["Configuration"]["LastUpdateStatus"] == "Successful"


def test_an_empty_vpc_config_is_accepted_and_shown_empty(create, configure):
    create("f")
    shown = configure(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []}, FileSystemConfigs=[], ImageConfig={})
    assert shown["VpcConfig"] == {
        "SubnetIds": [],
        "SecurityGroupIds": [],
        "VpcId": "",
        "Ipv6AllowedForDualStack": False,
    }
    assert not {"FileSystemConfigs", "ImageConfigResponse"} & shown.keys()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."),
        (
            {"Runtime": None, "Handler": None},
            "Please provide ImageUri when creating a function with packageType Image.",
        ),
    ],
)
def test_an_image_is_no_zip(create, given, message):
    assert refusal(create, PackageType="Image", **given) == message
