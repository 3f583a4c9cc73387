"""Functions run under roles that limit them (facts/iam.md §0.11; facts/lambda-api.md §7)."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

A = "000000000000"
SENDER = """
    import boto3, os
    sqs = boto3.client("sqs")
    def handler(event, context):
        try:
            return sqs.send_message(QueueUrl=event["queue"], MessageBody="x")["ResponseMetadata"]["HTTPStatusCode"]
        except sqs.exceptions.ClientError as error:
            return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
"""
WHO = """
    import boto3
    def handler(event, context):
        who = boto3.client("sts").get_caller_identity()
        return [who["Arn"], who["UserId"], context.function_name]
"""
VISITOR = """
    def handler(event, context):
        return [event["requestContext"]["accountId"], event["requestContext"]["authorizer"]]
"""


def trust(*services):
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allowing(*actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})  # fmt: skip


@pytest.fixture
def role(iam):
    made = iam.create_role(RoleName="fn", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]
    yield made
    for name in iam.list_role_policies(RoleName="fn")["PolicyNames"]:
        iam.delete_role_policy(RoleName="fn", PolicyName=name)
    iam.delete_role(RoleName="fn")


@pytest.fixture
def deploy(secured, guarded, role):
    lambda_ = secured.client("lambda", read_timeout=100)
    made = []

    def create(code, name, **configuration):
        wanted = {"Role": role["Arn"], "Runtime": guarded.runtime, "Handler": "h.handler", "Timeout": 60}
        lambda_.create_function(FunctionName=name, Code={"ZipFile": guarded.package(code)}, **(wanted | configuration))
        made.append(name)
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

        def invoke(event):
            answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event))
            return json.loads(answer["Payload"].read())

        return invoke

    yield create
    for name in made:
        lambda_.delete_function(FunctionName=name)


def test_a_function_is_refused_what_its_role_lacks_and_may_what_it_has(secured, iam, deploy):
    url = secured.client("sqs").create_queue(QueueName="from-functions")["QueueUrl"]
    send = deploy(SENDER, "sender")
    text = (
        f"User: arn:aws:sts::{A}:assumed-role/fn/sender is not authorized to perform: sqs:SendMessage on resource: "
        f"arn:aws:sqs:us-east-1:{A}:from-functions because no identity-based policy allows the sqs:SendMessage action"
    )
    assert send({"queue": url}) == ["AccessDenied", text]
    iam.put_role_policy(RoleName="fn", PolicyName="p", PolicyDocument=allowing("sqs:SendMessage"))
    assert send({"queue": url}) == 200


def test_inside_a_function_the_caller_is_its_roles_session_called_like_the_function(deploy, role):
    arn, id, name = deploy(WHO, "who")({})
    assert (arn, id) == (f"arn:aws:sts::{A}:assumed-role/fn/{name}", f"{role['RoleId']}:{name}")


def test_a_role_that_lambda_cant_take_on_is_refused_and_so_is_one_that_the_caller_may_not_pass(
    secured, guarded, iam, role, user
):
    def create(client, arn):
        with pytest.raises(ClientError) as error:
            client.create_function(
                FunctionName="no", Role=arn, Runtime=guarded.runtime, Handler="h.handler",
                Code={"ZipFile": guarded.package("")},
            )  # fmt: skip
        return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]

    unfit = ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    root = secured.client("lambda")
    assert create(root, f"arn:aws:iam::{A}:role/ghost") == unfit
    iam.update_assume_role_policy(RoleName="fn", PolicyDocument=trust("ec2.amazonaws.com"))
    assert create(root, role["Arn"]) == unfit
    dev = user("dev", {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"})
    text = (
        f"User: arn:aws:iam::{A}:user/dev is not authorized to perform: iam:PassRole on resource: {role['Arn']} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    assert create(secured.client("lambda", dev), role["Arn"]) == ("AccessDeniedException", text)


def test_another_account_invokes_what_the_functions_policy_opens_to_it(secured, deploy, keys):
    deploy(WHO, "shared")
    theirs = keys("222222222222")
    lambda_ = secured.client("lambda", theirs)
    arn = f"arn:aws:lambda:us-east-1:{A}:function:shared"
    with pytest.raises(ClientError, match="no resource-based policy allows the lambda:InvokeFunction action"):
        lambda_.invoke(FunctionName=arn)
    own = secured.client("lambda")
    own.add_permission(
        FunctionName="shared", StatementId="s", Action="lambda:InvokeFunction", Principal="222222222222"
    )
    assert json.loads(lambda_.invoke(FunctionName=arn)["Payload"].read())[2] == "shared"
    with pytest.raises(ClientError, match="no resource-based policy allows the lambda:GetFunction action"):
        lambda_.get_function(FunctionName=arn)


def test_a_url_with_iam_auth_lets_in_whom_the_policies_let_in(secured, guarded, deploy, user):
    deploy(VISITOR, "site")
    own = secured.client("lambda")
    url = own.create_function_url_config(FunctionName="site", AuthType="AWS_IAM")["FunctionUrl"]
    id = url.split("//")[1].partition(".")[0]
    address = f"{guarded.endpoint}/_samovar/lambda-url/{id}/"

    def visit(credentials=None):
        request = AWSRequest("GET", address)
        if credentials:
            given = Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"])
            SigV4Auth(given, "lambda", "us-east-1").add_auth(request)
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=dict(request.headers))) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    both = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
    assert visit() == 403
    visitor = user("visitor", {"Effect": "Allow", "Action": both, "Resource": "*"})
    id = secured.client("iam").get_user(UserName="visitor")["User"]["UserId"]
    who = {"accessKey": visitor["AccessKeyId"], "accountId": A, "callerId": id, "cognitoIdentity": None}
    who |= {"principalOrgId": None, "userArn": f"arn:aws:iam::{A}:user/visitor", "userId": id}
    assert visit(visitor) == [A, {"iam": who}]
    assert visit(user("stranger2", {"Effect": "Allow", "Action": both[0], "Resource": "*"})) == 403
    forged = {"AccessKeyId": secured.key, "SecretAccessKey": "x" * 40}
    assert visit(forged) == 403


def test_code_that_stays_in_a_bucket_needs_a_bucket_policy_for_lambda(secured, guarded, role):
    """Until it is there nothing is created; when it goes, the function's code can't be read any more."""
    aws, s3 = secured.client("lambda"), secured.client("s3")
    s3.create_bucket(Bucket="self-managed")
    s3.put_bucket_versioning(Bucket="self-managed", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="self-managed", Key="k", Body=guarded.package("def handler(event, context): ..."))
    wanted = {
        "FunctionName": "refers",
        "Runtime": guarded.runtime,
        "Handler": "h.handler",
        "Role": role["Arn"],
        "Code": {"S3Bucket": "self-managed", "S3Key": "k", "S3ObjectStorageMode": "REFERENCE"},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": "arn:aws:s3:::self-managed/k",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:us-east-1:000000000000:function:refers"}},
    }
    with pytest.raises(ClientError, match="S3 Error Code: AccessDenied"):
        aws.create_function(**wanted)
    s3.put_bucket_policy(
        Bucket="self-managed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    with pytest.raises(ClientError, match="S3 Error Code: AccessDenied"):
        aws.create_function(**wanted | {"FunctionName": "another"})
    aws.create_function(**wanted)
    assert "Error" not in aws.get_function(FunctionName="refers")["Code"]
    s3.delete_bucket_policy(Bucket="self-managed")
    assert aws.get_function(FunctionName="refers")["Code"]["Error"]["ErrorCode"] == "AccessDenied"
    aws.delete_function(FunctionName="refers")
