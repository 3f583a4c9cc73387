"""facts/iam.md §1, §2, §8, with boto3."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
LOGS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def role(iam):
    return iam.create_role(RoleName="worker", Path="/team/", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]


def refused(call, *args, **params):
    with pytest.raises(ClientError) as error:
        call(*args, **params)
    found = error.value.response
    return found["Error"]["Code"], found["Error"]["Message"], found["ResponseMetadata"]["HTTPStatusCode"]


def policy(iam, name="p", document=LOGS):
    return iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]


def test_a_role_is_created_shown_and_listed_as_aws_does(iam, role, account):
    assert role["Arn"] == f"arn:aws:iam::{account}:role/team/worker"
    assert role["RoleId"].startswith("AROA") and len(role["RoleId"]) == 21
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert not role.keys() & {"MaxSessionDuration", "RoleLastUsed", "Tags", "Description"}
    shown = iam.get_role(RoleName="worker")["Role"]
    assert (shown["MaxSessionDuration"], shown["RoleLastUsed"]) == (3600, {})
    iam.tag_role(RoleName="worker", Tags=[{"Key": "k", "Value": "v"}])
    [listed] = iam.list_roles(PathPrefix="/team/")["Roles"]
    assert listed["MaxSessionDuration"] == 3600 and not listed.keys() & {"Tags", "RoleLastUsed"}
    assert iam.list_roles(PathPrefix="/other/")["Roles"] == []


def test_a_name_is_taken_in_any_case_and_unknown_ones_are_no_such_entities(iam, role):
    create = iam.create_role
    trust = json.dumps(TRUST)
    taken = ("EntityAlreadyExists", "Role with name WORKER already exists.", 409)
    assert refused(create, RoleName="WORKER", AssumeRolePolicyDocument=trust) == taken
    missing = ("NoSuchEntity", "The role with name x cannot be found.", 404)
    assert refused(iam.get_role, RoleName="x") == missing
    assert refused(iam.delete_role, RoleName="x") == missing
    assert refused(iam.get_user, UserName="x")[1] == "The user with name x cannot be found."


def test_trust_policies_must_be_trust_policies(iam):
    def create(document):
        text = document if isinstance(document, str) else json.dumps(document)
        return refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=text)

    assert create("{")[:2] == ("MalformedPolicyDocument", "This policy contains invalid Json")
    [statement] = TRUST["Statement"]
    assert create({**TRUST, "Statement": [{**statement, "Resource": "*"}]})[1] == "Has prohibited field Resource"
    ghost = f"arn:aws:iam::{iam.get_user()['User']['UserId']}:role/ghost"
    named = {**TRUST, "Statement": [{**statement, "Principal": {"AWS": ghost}}]}
    assert create(named)[1] == f'Invalid principal in policy: "AWS":"{ghost}"'


def test_a_role_goes_when_nothing_holds_it(iam, role):
    iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=json.dumps(LOGS))
    iam.attach_role_policy(RoleName="worker", PolicyArn=BASIC)
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="worker")
    delete = iam.delete_role
    code = "DeleteConflict"
    message = "Cannot delete entity, must remove roles from instance profile first."
    assert refused(delete, RoleName="worker") == (code, message, 409)
    iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="worker")
    assert refused(delete, RoleName="worker")[1] == "Cannot delete entity, must detach all policies first."
    iam.detach_role_policy(RoleName="worker", PolicyArn=BASIC)
    assert refused(delete, RoleName="worker")[1] == "Cannot delete entity, must delete policies first."
    iam.delete_role_policy(RoleName="worker", PolicyName="inline")
    delete(RoleName="worker")
    assert iam.list_roles()["Roles"] == []


def test_inline_and_attached_policies_of_all_holders(iam, role):
    iam.create_user(UserName="ada")
    iam.create_group(GroupName="staff")
    for kind, name in (("role", "worker"), ("user", "ada"), ("group", "staff")):
        who = {f"{kind.capitalize()}Name": name}
        getattr(iam, f"put_{kind}_policy")(**who, PolicyName="i", PolicyDocument=json.dumps(LOGS))
        assert getattr(iam, f"get_{kind}_policy")(**who, PolicyName="i")["PolicyDocument"] == LOGS
        assert getattr(iam, f"list_{kind}_policies")(**who)["PolicyNames"] == ["i"]
        for _ in range(2):  # attaching is idempotent
            getattr(iam, f"attach_{kind}_policy")(**who, PolicyArn=BASIC)
        attached = getattr(iam, f"list_attached_{kind}_policies")(**who)["AttachedPolicies"]
        assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
        missing = refused(getattr(iam, f"get_{kind}_policy"), **who, PolicyName="x")
        assert missing[1] == f"The {kind} policy with name x cannot be found."
    entities = iam.list_entities_for_policy(PolicyArn=BASIC)
    assert [len(entities[f"Policy{kind}"]) for kind in ("Roles", "Users", "Groups")] == [1, 1, 1]
    assert iam.get_policy(PolicyArn=BASIC)["Policy"]["AttachmentCount"] == 3
    gone = refused(iam.attach_role_policy, RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/Nothing")
    assert gone[1] == "Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable."
    assert refused(iam.attach_role_policy, RoleName="worker", PolicyArn="arn:aws:iam::aws:Nothing!") == (
        "ValidationError", "Invalid ARN:  Could not be parsed!", 400,
    )  # fmt: skip


def test_a_managed_policy_has_up_to_five_versions_whose_numbers_arent_used_again(iam, account):
    made = policy(iam)
    assert made["Arn"] == f"arn:aws:iam::{account}:policy/p" and made["DefaultVersionId"] == "v1"
    arn, text = made["Arn"], json.dumps(LOGS)
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    full = refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=text)
    assert full[0] == "LimitExceeded" and full[1].startswith("A managed policy can have up to 5 versions.")
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v5")[0] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=text)["PolicyVersion"]["VersionId"] == "v6"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v5"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v6")["PolicyVersion"]["Document"] == LOGS
    assert refused(iam.delete_policy, PolicyArn=arn)[1].startswith("This policy has more than one version.")


def test_aws_managed_policies_have_their_real_actions(iam):
    version = iam.get_policy(PolicyArn=BASIC)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=BASIC, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    names = [
        p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for p in page["Policies"]
    ]
    assert {"AdministratorAccess", "AWSLambda_FullAccess", "AWSLambdaVPCAccessExecutionRole"} <= set(names)


def test_a_users_key_signs_as_the_user(iam, client, endpoint, account):
    import boto3

    iam.create_user(UserName="ada", Path="/eng/")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["AccessKeyId"]) == 20 and len(key["SecretAccessKey"]) == 40
    iam.create_access_key(UserName="ada")
    assert refused(iam.create_access_key, UserName="ada")[1] == "Cannot exceed quota for AccessKeysPerUser: 2"
    sts = boto3.client(
        "sts", endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    user = iam.get_user(UserName="ada")["User"]
    identity = sts.get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (f"arn:aws:iam::{account}:user/eng/ada", user["UserId"])
    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
    sts.close()
    assert refused(iam.delete_user, UserName="ada")[0] == "DeleteConflict"


def test_groups_and_their_members(iam):
    iam.create_group(GroupName="staff")
    iam.create_user(UserName="ada")
    iam.add_user_to_group(GroupName="staff", UserName="ada")
    assert [user["UserName"] for user in iam.get_group(GroupName="staff")["Users"]] == ["ada"]
    iam.update_group(GroupName="staff", NewGroupName="crew")
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ada")["Groups"]] == ["crew"]
    assert refused(iam.delete_group, GroupName="crew")[0] == "DeleteConflict"
    iam.remove_user_from_group(GroupName="crew", UserName="ada")
    iam.delete_group(GroupName="crew")


def test_tags_are_case_insensitive(iam, role):
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    assert refused(iam.tag_role, RoleName="worker", Tags=twice) == ("InvalidInput", message, 400)
    iam.tag_role(RoleName="worker", Tags=twice[:1])
    iam.tag_role(RoleName="worker", Tags=twice[1:])
    assert iam.list_role_tags(RoleName="worker")["Tags"] == [{"Key": "A", "Value": "2"}]
    iam.untag_role(RoleName="worker", TagKeys=["a"])
    assert iam.list_role_tags(RoleName="worker")["Tags"] == []


def test_lists_come_in_pages(iam):
    for number in range(5):
        iam.create_user(UserName=f"u{number}")
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}))
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [["u0", "u1"], ["u2", "u3"], ["u4"]]


def test_service_linked_roles_have_their_path_and_name(iam, account):
    made = iam.create_service_linked_role(AWSServiceName="replicator.lambda.amazonaws.com")["Role"]
    path = "/aws-service-role/replicator.lambda.amazonaws.com/"
    assert made["Arn"] == f"arn:aws:iam::{account}:role{path}AWSServiceRoleForLambdaReplicator"
    again = refused(iam.create_service_linked_role, AWSServiceName="replicator.lambda.amazonaws.com")
    assert again[1].startswith("Service role name AWSServiceRoleForLambdaReplicator has been taken in this account")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForLambdaReplicator")["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_the_account_has_an_alias_a_password_policy_and_a_summary(iam):
    iam.create_account_alias(AccountAlias=f"alias-{iam.get_user()['User']['UserId']}")
    assert len(iam.list_account_aliases()["AccountAliases"]) == 1
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"
    iam.update_account_password_policy(MinimumPasswordLength=14, MaxPasswordAge=90)
    found = iam.get_account_password_policy()["PasswordPolicy"]
    assert (found["MinimumPasswordLength"], found["ExpirePasswords"]) == (14, True)
    iam.create_user(UserName="ada")
    assert iam.get_account_summary()["SummaryMap"]["Users"] == 1
    details = iam.get_account_authorization_details(Filter=["User"])
    assert [user["UserName"] for user in details["UserDetailList"]] == ["ada"] and details["RoleDetailList"] == []


def test_the_trust_policy_names_the_deleted_by_their_unique_id_and_doesnt_trust_their_heirs(iam, account):
    iam.create_user(UserName="ada")
    id = iam.get_user(UserName="ada")["User"]["UserId"]
    arn = f"arn:aws:iam::{account}:user/ada"
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))

    def trusted():
        shown = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
        return shown["Statement"][0]["Principal"]["AWS"]

    assert trusted() == arn
    iam.delete_user(UserName="ada")
    iam.create_user(UserName="ada")
    assert trusted() == id


def test_the_simulator_decides_as_the_platform_does(iam, role):
    sends = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:jobs",
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}]}  # fmt: skip
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(sends))

    def simulate(action, **context):
        entries = [
            {"ContextKeyName": f"aws:PrincipalTag/{k}", "ContextKeyValues": [v], "ContextKeyType": "string"}
            for k, v in context.items()
        ]
        [result] = iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"], ActionNames=[action], ResourceArns=["arn:aws:sqs:us-east-1:1:jobs"],
            ContextEntries=entries,
        )["EvaluationResults"]  # fmt: skip
        return result["EvalDecision"], result["MissingContextValues"]

    assert simulate("sqs:SendMessage", team="a") == ("allowed", [])
    assert simulate("sqs:SendMessage") == ("implicitDeny", ["aws:principaltag/team"])
    assert simulate("sqs:DeleteQueue", team="a")[0] == "implicitDeny"
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]}
    [result] = iam.simulate_custom_policy(PolicyInputList=[json.dumps(deny)], ActionNames=["sqs:X"])[
        "EvaluationResults"
    ]
    assert result["EvalDecision"] == "explicitDeny"


def test_creating_at_once_creates_once(iam):
    def create(_):
        try:
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
        except iam.exceptions.EntityAlreadyExistsException:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1
