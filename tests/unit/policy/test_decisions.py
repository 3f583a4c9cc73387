"""facts/iam.md §4-§6, sentence by sentence."""

import json

import pytest

from samovar.policy import decision, grammar, rules
from samovar.policy.decision import Caller, decide
from samovar.policy.grammar import Kind, Malformed
from samovar.policy.principals import Who

A, B = "111111111111", "222222222222"
QUEUE = f"arn:aws:sqs:us-east-1:{A}:jobs"
USER = Who(f"arn:aws:iam::{A}:user/team/ada", A, id="AIDA23456789012345678")
ROLE = f"arn:aws:iam::{A}:role/path/worker"
SESSION = Who(f"arn:aws:sts::{A}:assumed-role/worker/s1", A, ROLE, "AROA23456789012345678")
SERVICE = Who("s3.amazonaws.com", service="s3.amazonaws.com")


def stated(**members):
    return {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE, **members}


def text(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)})


def made(*statements, kind=Kind.IDENTITY, version="2012-10-17"):
    return rules.Rules([("p", grammar.parse(text(*statements, version=version), kind))])


NOBODY = made()
SENDS = made(stated())


def ask(who=SESSION, *, identity=SENDS, boundary=None, session=None, policy=None, account=A, both=False, **facts):
    facts = {key.replace("__", ":"): value for key, value in facts.items()}
    request = rules.Request("sqs:SendMessage", QUEUE, rules.facts(facts))
    resource = made(*policy, kind=Kind.RESOURCE) if policy else None
    return decide(Caller(who, identity, boundary, session), request, resource, account=account, both=both)


def why(found, who=SESSION):
    assert not found.allowed
    return decision.refusal(who.arn, rules.Request("sqs:SendMessage", QUEUE, rules.facts({})), found)


def test_what_no_policy_allows_is_denied_and_the_text_says_so():
    assert why(ask(identity=NOBODY)) == (
        f"User: arn:aws:sts::{A}:assumed-role/worker/s1 is not authorized to perform: sqs:SendMessage "
        f"on resource: {QUEUE} because no identity-based policy allows the sqs:SendMessage action"
    )


def test_an_explicit_deny_wins_wherever_it_stands():
    deny = made(stated(Effect="Deny", Action="sqs:*"))
    allow = [stated(Principal="*")]
    assert why(ask(identity=deny, policy=allow)).endswith("with an explicit deny in an identity-based policy")
    assert why(ask(boundary=deny)).endswith("with an explicit deny in a permissions boundary")
    assert why(ask(session=deny)).endswith("with an explicit deny in a session policy")
    denied = ask(policy=[stated(Effect="Deny", Principal={"AWS": A})])
    assert why(denied).endswith("with an explicit deny in a resource-based policy")


def test_boundaries_and_session_policies_only_cut():
    assert ask(boundary=SENDS, session=SENDS).allowed
    assert not ask(identity=NOBODY, boundary=SENDS, session=SENDS).allowed
    assert "because no permissions boundary allows" in why(ask(boundary=NOBODY))
    assert "because no session policy allows" in why(ask(session=NOBODY))


def test_a_resource_policy_that_names_the_session_is_not_bounded_and_one_that_names_the_role_is():
    session = [stated(Principal={"AWS": SESSION.arn})]
    role = [stated(Principal={"AWS": ROLE})]
    assert ask(identity=NOBODY, boundary=NOBODY, session=NOBODY, policy=session).allowed
    assert ask(identity=NOBODY, policy=role).allowed
    assert not ask(identity=NOBODY, boundary=NOBODY, policy=role).allowed
    assert not ask(identity=NOBODY, session=NOBODY, policy=role).allowed


def test_naming_the_account_leaves_it_to_the_identity_policies():
    for name in (A, f"arn:aws:iam::{A}:root"):
        assert not ask(identity=NOBODY, policy=[stated(Principal={"AWS": name})]).allowed
        assert ask(policy=[stated(Principal={"AWS": name})]).allowed


def test_between_accounts_both_sides_must_allow():
    policy = [stated(Principal={"AWS": A})]
    assert ask(policy=policy, account=B).allowed
    assert "no identity-based policy" in why(ask(identity=NOBODY, policy=policy, account=B))
    assert "no resource-based policy" in why(ask(account=B))
    assert not ask(USER, policy=[stated(Principal={"AWS": ROLE})], account=B).allowed


def test_the_root_of_an_account_needs_no_policy_at_home_and_one_elsewhere():
    root = Who(f"arn:aws:iam::{A}:root", A)
    assert ask(root, identity=None).allowed
    assert not ask(root, identity=None, account=B).allowed
    assert not ask(root, identity=None, policy=[stated(Effect="Deny", Principal="*")]).allowed


def test_services_are_admitted_by_resource_policies_and_never_by_the_star_of_aws():
    named = [
        stated(Principal={"Service": "s3.amazonaws.com"}, Condition={"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}})
    ]
    assert ask(SERVICE, policy=named, aws__sourcearn="arn:aws:s3:::b").allowed
    assert not ask(SERVICE, policy=named, aws__sourcearn="arn:aws:sns:::b").allowed
    assert not ask(SERVICE, policy=named).allowed
    assert not ask(SERVICE, policy=[stated(Principal="*")]).allowed


def test_a_callers_unique_id_stands_in_policies_of_the_deleted():
    assert ask(identity=NOBODY, policy=[stated(Principal={"AWS": SESSION.id})]).allowed
    assert not ask(
        Who(SESSION.arn, A, ROLE, "AROANEW"), identity=NOBODY, policy=[stated(Principal={"AWS": SESSION.id})]
    ).allowed


def test_not_principal_spares_a_session_only_with_its_role_and_account():
    def deny(*names):
        return [stated(Effect="Deny", NotPrincipal={"AWS": list(names)})]

    assert ask(policy=deny(SESSION.arn, ROLE, A)).allowed
    assert not ask(policy=deny(SESSION.arn, ROLE)).allowed
    assert not ask(policy=deny(SESSION.arn, A)).allowed


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y:z", True),
        ("arn:aws:lambda:r:a:function:f", "arn:aws:lambda:r:a:function:f:1", False),
        ("arn:aws:lambda:r:a:function:f*", "arn:aws:lambda:r:a:function:f:1", True),
        ("arn:aws:sqs:*:jobs", QUEUE, False),
        ("arn:aws:sqs:*:*:jobs", QUEUE, True),
        ("arn:aws:sqs::*:jobs", QUEUE, False),
        ("arn:aws:sqs:us-east-1:111111111111:JOBS", QUEUE, False),
        ("*", QUEUE, True),
    ],
)
def test_arns_are_compared_field_by_field(pattern, arn, matches):
    request = rules.Request("sqs:SendMessage", arn, rules.facts({}))
    assert bool(made(stated(Resource=pattern)).say(request).allowed) is matches


def test_actions_match_in_any_case_and_not_action_is_all_others():
    assert ask(identity=made(stated(Action="SQS:sendmess*"))).allowed
    assert ask(identity=made({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})).allowed
    assert not ask(identity=made({"Effect": "Allow", "NotAction": "sqs:*", "Resource": "*"})).allowed


def test_what_is_about_no_resource_is_matched_by_the_star_alone():
    request = rules.Request("sqs:ListQueues", "*", rules.facts({}))
    assert made(stated(Action="sqs:*", Resource="*")).say(request).allowed
    assert not made(stated(Action="sqs:*", Resource="arn:aws:sqs:*:*:*")).say(request).allowed


def test_variables_stand_for_the_requests_values_literally():
    mine = made(stated(Resource="arn:aws:sqs:us-east-1:*:${aws:username}"))
    assert ask(identity=mine, aws__username="jobs").allowed
    assert not ask(identity=mine, aws__username="*").allowed
    assert not ask(identity=mine).allowed
    assert ask(identity=made(stated(Resource="arn:aws:sqs:us-east-1:*:${aws:PrincipalTag/q, 'jobs'}"))).allowed
    old = made(stated(Resource="arn:aws:sqs:us-east-1:*:${aws:username}"), version="2008-10-17")
    assert not ask(identity=old, aws__username="jobs").allowed


@pytest.mark.parametrize(
    ("operator", "values", "given", "holds"),
    [
        ("StringEquals", "a", None, False),
        ("StringNotEquals", "a", None, True),
        ("StringEqualsIfExists", "a", None, True),
        ("ForAllValues:StringEquals", "a", None, True),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "b"), True),
        ("ForAnyValue:StringNotEquals", ["a"], ("a", "b"), True),
        ("StringLike", "a?c*", "abcdef", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEqualsIgnoreCase", "ABC", "abc", True),
        ("NumericLessThanEquals", 10, "10.0", True),
        ("NumericGreaterThan", "1e3", "10", False),
        ("DateLessThan", "2026-01-01T00:00:00Z", "1700000000", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", True),
        ("Bool", True, "TRUE", True),
        ("Bool", "true", None, False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("NotIpAddress", ["10.0.0.0/8", "::1"], "::1", False),
        ("IpAddress", "not an address", "10.1.2.3", False),
        ("BinaryEquals", "QUJD", "QUJD", True),
        ("ArnLike", "arn:aws:s3:::*", "arn:aws:s3:::b", True),
        ("ArnNotLike", "arn:aws:s3:::*", None, True),
        ("Null", "true", None, True),
        ("Null", "false", "x", True),
        ("Null", True, "x", False),
    ],
)
def test_a_condition_holds_as_its_operator_says(operator, values, given, holds):
    facts = {} if given is None else {"aws:Key": given}
    request = rules.Request("sqs:SendMessage", QUEUE, rules.facts(facts))
    assert bool(made(stated(Condition={operator: {"AWS:key": values}})).say(request).allowed) is holds


def test_a_hostile_pattern_takes_no_time():
    pattern = "arn:aws:s3:::" + "a*" * 1000 + "b"
    request = rules.Request("s3:GetObject", "arn:aws:s3:::" + "a" * 2000, rules.facts({}))
    assert not made({"Effect": "Allow", "Action": "s3:*", "Resource": pattern}).say(request).allowed


@pytest.mark.parametrize(
    ("document", "kind", "message"),
    [
        ("{", Kind.IDENTITY, "This policy contains invalid Json"),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', Kind.IDENTITY,
         "This policy contains invalid Json"),
        ("[" * 10_000, Kind.IDENTITY, "This policy contains invalid Json"),
        (text(stated(Effect="allow")), Kind.IDENTITY, "Syntax errors in policy."),
        (text(stated(Extra=1)), Kind.IDENTITY, "Syntax errors in policy."),
        (text(stated(Condition={"StringIs": {"a": "b"}})), Kind.IDENTITY, "Syntax errors in policy."),
        (text(stated(Action=[])), Kind.IDENTITY, "Policy statement must contain actions."),
        (text(stated(Resource=[])), Kind.IDENTITY, "Policy statement must contain resources."),
        (text(stated(Action="SendMessage")), Kind.IDENTITY,
         "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (text(stated(Action="*:*")), Kind.IDENTITY,
         "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (text(stated(Resource="jobs")), Kind.IDENTITY, 'Resource jobs must be in ARN format or "*".'),
        (text(stated(Sid="a"), stated(Sid="a")), Kind.IDENTITY,
         "Statement IDs (SID) in a single policy must be unique."),
        (text(version="2020-01-01"), Kind.IDENTITY, "Policy document must be version 2012-10-17 or greater."),
        (text(stated(Principal="*")), Kind.TRUST, "Has prohibited field Resource"),
        (text({"Effect": "Allow", "Principal": {"AWS": "arn:x"}, "Action": "sts:AssumeRole"}), Kind.TRUST,
         'Invalid principal in policy: "AWS":"arn:x"'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_document_is_said_in_awss_words(document, kind, message):
    with pytest.raises(Malformed) as refused:
        grammar.parse(document, kind)
    assert str(refused.value) == message


def test_an_empty_list_of_statements_is_a_policy():
    assert grammar.parse(text(), Kind.IDENTITY).statements == ()


def test_a_statement_that_lists_no_resource_is_about_nothing_and_one_without_a_list_about_what_it_belongs_to():
    everybody = stated(Principal="*")
    everybody.pop("Resource")
    assert ask(identity=NOBODY, policy=[everybody]).allowed
    assert not ask(identity=NOBODY, policy=[everybody | {"Resource": []}]).allowed
    assert ask(identity=NOBODY, policy=[everybody | {"NotResource": []}]).allowed
