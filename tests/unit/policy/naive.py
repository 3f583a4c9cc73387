"""The reference: policies evaluated straight from their JSON, as slowly and plainly as possible."""

import re

NEGATED = ("StringNotEquals", "StringNotLike", "ArnNotLike", "NumericNotEquals")


def glob(pattern, text):
    return (
        re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None
    )


def arn(pattern, text):
    if pattern == "*":
        return True
    a, b = pattern.split(":", 5), text.split(":", 5)
    return len(a) == len(b) == 6 and all(glob(x, y) for x, y in zip(a, b, strict=True))


def expand(text, facts):
    def value(match):
        found = facts.get(match[1].lower())
        return found[0] if found and len(found) == 1 else "\0missing\0"

    return re.sub(r"\$\{([^}]*)\}", value, text)


def compare(operator, wanted, given):
    if operator.startswith("String"):
        return glob(wanted, given) if "Like" in operator else wanted == given
    if operator.startswith("Arn"):
        return wanted != "*" and arn(wanted, given)
    try:
        a, b = float(given), float(wanted)
    except ValueError:
        return False
    return a < b if operator == "NumericLessThan" else a == b


def holds(name, key, wanted, facts):
    given = facts.get(key.lower())
    prefix, _, rest = name.rpartition(":")
    operator = rest.removesuffix("IfExists")
    if operator == "Null":
        return (given is None) == (wanted == ["true"])
    negated = operator in NEGATED
    if given is None:
        return rest.endswith("IfExists") or prefix == "ForAllValues" or (negated and prefix != "ForAnyValue")
    each = [any(compare(operator, w, g) for w in wanted) for g in given]
    if prefix == "ForAllValues":
        return all(m != negated for m in each)
    if prefix == "ForAnyValue":
        return any(m != negated for m in each)
    return any(each) != negated


def named(principal, who):
    if principal == "*":
        return 3
    aws = principal.get("AWS", [])
    if "*" in aws or who["arn"] in aws:
        return 3
    if who.get("role") in aws:
        return 2
    return 1 if f"arn:aws:iam::{who['account']}:root" in aws or who["account"] in aws else 0


def applies(statement, action, resource, facts):
    about = any(glob(a.lower(), action.lower()) for a in statement.get("Action", statement.get("NotAction")))
    if any("\0" in expand(r, facts) for r in statement.get("NotResource", [])):
        return False  # a missing variable makes the statement not match (facts/iam.md §4)
    on = any(arn(expand(r, facts), resource) for r in statement.get("Resource", statement.get("NotResource", ["*"])))
    return (
        about != ("NotAction" in statement)
        and on != ("NotResource" in statement)
        and all(
            holds(name, key, wanted, facts)
            for name, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def say(policy, action, resource, facts, who=None):
    """("deny" | "allow" | "nothing", how closely the caller was named)."""
    found = [
        (s["Effect"], named(s["Principal"], who) if who else 3)
        for s in policy["Statement"]
        if applies(s, action, resource, facts)
    ]
    found = [(effect, fit) for effect, fit in found if fit]
    if any(effect == "Deny" for effect, _ in found):
        return "deny", 0
    return ("allow", max(fit for _, fit in found)) if found else ("nothing", 0)


def decide(who, action, resource, facts, identity, boundary, session, policy, owner):
    says = {"identity": say(identity, action, resource, facts)[0]}
    says["boundary"] = say(boundary, action, resource, facts)[0] if boundary else "allow"
    says["session"] = say(session, action, resource, facts)[0] if session else "allow"
    admits, fit = say(policy, action, resource, facts, who) if policy else ("nothing", 0)
    if "deny" in [*says.values(), admits]:
        return False
    if owner == who["account"]:
        if admits == "allow" and fit == 3:
            return True
        if admits == "allow" and fit == 2:
            says["identity"] = "allow"
        return set(says.values()) == {"allow"}
    return set(says.values()) == {"allow"} and admits == "allow"
