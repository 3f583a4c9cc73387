"""Any policies, any request: the compiled evaluator decides as the reference in `naive` does."""

import importlib.util
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.policy import decision, grammar, rules
from samovar.policy.pattern import Unresolved, matcher
from samovar.policy.principals import Who

_spec = importlib.util.spec_from_file_location("naive", Path(__file__).with_name("naive.py"))
naive = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)

ACCOUNT, OTHER = "111111111111", "222222222222"
ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
RESOURCES = [f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs", "arn:aws:s3:::b/alice/x", "arn:aws:s3:::b/a:b", "*"]
KEYS = ["aws:username", "aws:TagKeys", "s3:max-keys", "aws:SourceArn"]

action_patterns = st.sampled_from([*ACTIONS, "s3:*", "S3:get*", "s3:?etObject", "*", "sqs:*Message"])
resource_patterns = st.sampled_from(
    [*RESOURCES, "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:*:*:*:*", "arn:aws:sqs:*",
     "arn:aws:s3:::?/a*x",     "arn:aws:s3:::b/*:*", "arn:aws:sqs:us-*-1:*:jo?s"]
)  # fmt: skip
texts = st.sampled_from(
    ["alice", "bob", "a*", "*", "5", "10", "x.5", "arn:aws:s3:::b", "arn:aws:s3:::*", "${aws:username}"]
)
plain = st.sampled_from(["alice", "bob", "5", "10", "7", "arn:aws:s3:::b", "arn:aws:sqs:us-east-1:1:q"])
operators = st.sampled_from(
    [prefix + name + suffix
     for name in ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnLike", "ArnNotLike",
                  "NumericEquals", "NumericNotEquals", "NumericLessThan")
     for prefix in ("", "ForAllValues:", "ForAnyValue:") for suffix in ("", "IfExists")]
)  # fmt: skip


def lists(values):
    return st.lists(values, min_size=1, max_size=3)


def statements(principal):
    static = texts.filter(lambda text: "$" not in text)
    condition = st.dictionaries(
        operators, st.dictionaries(st.sampled_from(KEYS), lists(static), min_size=1), max_size=2
    )
    null = st.just({"Null": {"aws:username": ["true"]}}) | st.just({"Null": {"aws:TagKeys": ["false"]}})
    return st.builds(
        lambda effect, action, actions, resource, resources, condition, principal: {
            "Effect": effect, action: actions, resource: resources, "Condition": condition,
            **({"Principal": principal} if principal else {}),
        },
        st.sampled_from(["Allow", "Allow", "Deny"]), st.sampled_from(["Action", "NotAction"]), lists(action_patterns),
        st.sampled_from(["Resource", "NotResource"]), lists(resource_patterns), condition | null, principal,
    )  # fmt: skip


def policies(principal=st.none(), least=0):  # noqa: B008 - strategies are values
    return st.fixed_dictionaries(
        {"Version": st.just("2012-10-17"), "Statement": st.lists(statements(principal), min_size=least, max_size=3)}
    )


ROLE, SESSION = f"arn:aws:iam::{ACCOUNT}:role/p/r", f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
principals = st.just("*") | st.fixed_dictionaries(
    {"AWS": lists(st.sampled_from([ROLE, SESSION, ACCOUNT, OTHER, f"arn:aws:iam::{ACCOUNT}:root", "*"]))}
)
facts = st.dictionaries(st.sampled_from(KEYS), st.lists(plain, min_size=1, max_size=2), max_size=4)


def compiled(policy, kind=grammar.Kind.IDENTITY):
    return policy and rules.Rules([("p", grammar.parse(json.dumps(policy), kind))])


@settings(max_examples=150, deadline=None)
@given(
    policies(), st.none() | policies(), st.none() | policies(), st.none() | policies(principals),
    st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), facts, st.sampled_from([ACCOUNT, OTHER]),
)  # fmt: skip
def test_any_policies_decide_any_request_as_the_reference_does(
    identity, boundary, session, policy, action, resource, facts, owner
):
    folded = {key.lower(): tuple(values) for key, values in facts.items()}
    who = {"arn": SESSION, "role": ROLE, "account": ACCOUNT}
    expected = naive.decide(who, action, resource, folded, identity, boundary, session, policy, owner)
    caller = decision.Caller(Who(**who), compiled(identity), compiled(boundary), compiled(session))
    request = rules.Request(action, resource, folded.get)
    for _ in range(2):  # cold and warm
        found = decision.decide(caller, request, compiled(policy, grammar.Kind.RESOURCE), account=owner)
        assert found.allowed is expected, found


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab*?${}':,", max_size=12), st.text(alphabet="ab*?${}", max_size=12))
def test_any_text_can_be_a_pattern(pattern, text):
    assert matcher(pattern, variables=False).matches(text, lambda key: None) == naive.glob(pattern, text)
    try:
        matcher(pattern, variables=True).matches(text, lambda key: ("b*",))
    except Unresolved:
        raise AssertionError("every key has a value here") from None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["Allow", "Deny", "*", "s3:Get*", "arn:aws:s3:::b", "2012-10-17", "1" * 12]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Principal", "Condition", "AWS", "Sid",
                         "StringLike", "Service", "NotAction", "Null", "aws:x"]), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(json_values, st.sampled_from(list(grammar.Kind)))
def test_any_document_is_compiled_or_refused(content, kind):
    for written in (content, {"Version": "2012-10-17", "Statement": content}):
        try:
            document = grammar.parse(json.dumps(written), kind)
        except grammar.Malformed as refused:
            assert str(refused)
            continue
        made = rules.Rules([("p", document)])
        made.say_of(Who("arn:aws:iam::111111111111:user/u", "1" * 12), rules.Request("s3:GetX", "*", lambda key: None))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(list(grammar.Kind)))
def test_any_text_is_refused_or_read(text, kind):
    try:
        grammar.parse(text, kind)
    except grammar.Malformed:
        pass
