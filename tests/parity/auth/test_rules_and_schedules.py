"""What the platform delivers by itself needs permission, too: of the target's policy, or of the role it takes on."""

import json
import subprocess
import sys
import time

import pytest

ACCOUNT = "000000000000"
DEADLINE_S = 60
EVENTS = [sys.executable, "-c", "from samovar.cli import main; main()", "events", "--json"]
TRUST = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def journal(guarded, data_dir):
    """The entry of a source and target, once it is there, as `samovar events` shows it."""

    def entry(count=1, **wanted):
        options = [f"--{name}={value}" for name, value in wanted.items()]
        deadline = time.monotonic() + DEADLINE_S
        while True:
            run = subprocess.run([*EVENTS, *options, "--endpoint", guarded.endpoint, "--data-dir", str(data_dir)],
                                 capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
            events = [json.loads(line) for line in run.stdout.splitlines()]
            if len(events) >= count:
                return events[count - 1]
            assert time.monotonic() < deadline, events

    return entry


@pytest.fixture
def queue(secured, request):
    sqs = secured.client("sqs")
    name = request.node.name[:70].strip("]").replace("[", "-")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    sqs.delete_queue(QueueUrl=url)


def test_a_rule_needs_the_queues_permission_for_that_rule(secured, queue, journal):
    url, arn = queue
    events, sqs = secured.client("events"), secured.client("sqs")
    rule = events.put_rule(Name="guarded", EventPattern='{"source": ["app"]}')["RuleArn"]
    events.put_targets(Rule="guarded", Targets=[{"Id": "q", "Arn": arn}])
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    events.put_events(Entries=[entry])
    refused = journal(source="events", target=arn)
    assert refused["outcome"] == "failed"
    assert "AccessDenied" in refused["reason"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_events(Entries=[entry])
    assert journal(2, source="events", target=arn)["outcome"] == "delivered"
    events.remove_targets(Rule="guarded", Ids=["q"])
    events.delete_rule(Name="guarded")


def test_a_rule_writes_into_a_log_group_as_the_accounts_policies_let_it(secured, journal):
    events, logs = secured.client("events"), secured.client("logs")
    logs.create_log_group(logGroupName="/aws/events/guarded")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/guarded"
    events.put_rule(Name="logging", EventPattern='{"source": ["logged"]}')
    events.put_targets(Rule="logging", Targets=[{"Id": "l", "Arn": arn}])
    entry = {"Source": "logged", "DetailType": "t", "Detail": "{}"}
    events.put_events(Entries=[entry])
    refused = journal(source="events", target=arn)
    assert (refused["outcome"], "AccessDenied" in refused["reason"]) == ("failed", True)
    statement = {
        "Sid": "same",
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/*:*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for name in ("one", "two"):
        logs.put_resource_policy(policyName=name, policyDocument=policy)
    events.put_events(Entries=[entry])
    assert journal(2, source="events", target=arn)["outcome"] == "delivered"
    for name in ("one", "two"):
        logs.delete_resource_policy(policyName=name)
    events.remove_targets(Rule="logging", Ids=["l"])
    events.delete_rule(Name="logging")
    logs.delete_log_group(logGroupName="/aws/events/guarded")


@pytest.mark.parametrize("allowed", [False, True])
def test_a_schedule_acts_with_the_permissions_of_its_role(secured, iam, queue, journal, allowed):
    _, arn = queue
    role = iam.create_role(
        RoleName="scheduling", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    )["Role"]["Arn"]
    if allowed:
        statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="scheduling", PolicyName="p", PolicyDocument=document)
    scheduler = secured.client("scheduler")
    scheduler.create_schedule(
        Name="guarded",
        ScheduleExpression="rate(1 day)",
        Target={"Arn": arn, "RoleArn": role, "Input": "x"},
        FlexibleTimeWindow={"Mode": "OFF"},
    )
    entry = journal(source="scheduler", target=arn)
    assert entry["outcome"] == ("delivered" if allowed else "failed")
    scheduler.delete_schedule(Name="guarded")
    if allowed:
        iam.delete_role_policy(RoleName="scheduling", PolicyName="p")
    iam.delete_role(RoleName="scheduling")
