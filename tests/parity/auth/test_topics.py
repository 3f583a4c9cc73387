"""Topics where permissions count: a queue's policy lets a topic in, and links work without credentials."""

import http.server
import json
import threading
import time
import urllib.request

import pytest


def until(condition, within_s=60):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture
def topic(secured):
    sns = secured.client("sns")
    made = sns.create_topic(Name="guarded")["TopicArn"]
    yield made
    sns.delete_topic(TopicArn=made)


def test_a_queue_lets_in_only_the_topics_of_its_policy(secured, topic):
    sns, sqs = secured.client("sns"), secured.client("sqs")
    url = sqs.create_queue(QueueName="of-topic")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    other = sqs.create_queue(QueueName="letters-of-topic")["QueueUrl"]
    letters = sqs.get_queue_attributes(QueueUrl=other, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for queue_url, queue in ((other, letters), (url, "")):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue or arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        if not queue:  # the first message is refused, and goes to the dead-letter queue at once
            attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": letters})}
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
            sns.publish(TopicArn=topic, Message="uninvited")
            assert until(lambda: sqs.receive_message(QueueUrl=other, WaitTimeSeconds=1).get("Messages"))
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    sns.publish(TopicArn=topic, Message="invited")
    [message] = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert json.loads(message["Body"])["Message"] == "invited"


def test_an_address_confirms_and_checks_signatures_without_credentials(secured, topic):
    sns, asked = secured.client("sns"), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{site.server_address[1]}/")
        [confirmation] = until(lambda: asked)
        site.shutdown()
    for link, holds in (("SigningCertURL", "BEGIN CERTIFICATE"), ("SubscribeURL", f"<SubscriptionArn>{topic}:")):
        with urllib.request.urlopen(confirmation[link]) as answer:
            assert holds in answer.read().decode()
    [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    found = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
    assert (found["PendingConfirmation"], found["ConfirmationWasAuthenticated"]) == ("false", "false")
