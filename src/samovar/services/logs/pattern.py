"""Filter patterns: which log messages somebody asks for (facts/cloudwatch.md §3). Pure.

Owns: the language's three forms, each with its own kind of subject:

    word "a phrase" -unwanted ?either ?or %regex%     the message
    { $.status >= 500 && $.path = "/api/*" }          its JSON
    [ip, user, ..., status = 4*, bytes > 1000]        its fields, separated by blanks

and the empty pattern, which matches everything. Refuses, with InvalidPattern, whatever AWS refuses: an unfinished form,
other characters than letters, digits and `_` outside quotes, more than two regular expressions.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from samovar.core.expressions import expression
from samovar.services.logs.grammar import (
    Condition,
    InvalidPattern,
    Parser,
    Token,
    Value,
    comparison,
    regex,
    tokenize,
    unquote,
)

__all__ = ["InvalidPattern", "Pattern", "parse"]

_MOST_REGEXES = 2
_TERM = expression(r'\s*(?P<mark>[-?]?)(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]*%)|(?P<word>\S+))')
_STEP = expression(
    r"\.(?P<name>[\w-]+)|\.(?P<members>\*)|\[(?P<index>\d+)\]|\[(?P<items>\*)\]"
    r"""|\[(?P<quoted>'[^']*'|"[^"]*")\]"""
)
_FIELD = expression(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<bracketed>[^\]]*)\]|(?P<plain>\S+)')


class Pattern(msgspec.Struct, frozen=True):
    matches: Callable[[str], bool]
    extract: Callable[[str], dict[str, str]]
    """What a metric filter may name: the values of selectors or of fields, of a message that matches."""
    matches_everything: bool = False


def parse(text: str) -> Pattern:
    """Raises InvalidPattern."""
    text = text.strip()
    if not text:
        return Pattern(lambda message: True, _nothing, matches_everything=True)
    if text.startswith("{"):
        return _json(_inside(text, "{", "}"))
    if text.startswith("["):
        return _fields(_inside(text, "[", "]"))
    return _unstructured(text)


def _inside(text: str, opening: str, closing: str) -> str:
    if not text.endswith(closing):
        raise InvalidPattern(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")
    return text[1:-1]


def _nothing(message: str) -> dict[str, str]:
    return {}


def _count_regexes(found: int) -> None:
    if found > _MOST_REGEXES:
        raise InvalidPattern(f"Invalid filter pattern: at most {_MOST_REGEXES} regular expressions are allowed")


# Words


def _unstructured(text: str) -> Pattern:
    """Words are all needed; `-` words must be absent; `?` words are any-of, and count only where all terms have one."""
    terms: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
    at, regexes = 0, 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None or (found.end() < len(text) and not text[found.end()].isspace()):
            raise InvalidPattern(f"Invalid character(s) in term '{text[at:].split()[0]}'")
        regexes += found["regex"] is not None
        terms[found["mark"]].append(_term(found))
        at = found.end()
    _count_regexes(regexes)
    needed, unwanted, either = terms[""], terms["-"], terms["?"]
    if either and not needed and not unwanted:
        return Pattern(lambda message: any(has(message) for has in either), _nothing)
    return Pattern(
        lambda message: all(has(message) for has in needed) and not any(has(message) for has in unwanted), _nothing
    )


def _term(found: re.Match[str]) -> Callable[[str], bool]:
    if found["regex"] is not None:
        search = regex(found["regex"][1:-1]).search
        return lambda message: search(message) is not None
    if found["quoted"] is not None:
        word = unquote(found["quoted"])
    else:
        word = found["word"]
        if not word.replace("_", "").isalnum() and word.strip("_"):
            raise InvalidPattern(f"Invalid character(s) in term '{word}'")
    if not word:
        raise InvalidPattern("Invalid character(s) in term '\"\"'")
    return lambda message: word in message


# JSON


def _json(inside: str) -> Pattern:
    tokens = tokenize(inside)
    _count_regexes(sum(token.kind == "regex" for token in tokens))
    selectors: dict[str, Callable[[Any], list[Any]]] = {}

    def leaf(parser: Parser) -> Condition:
        selector = parser.take("selector").text
        select = selectors[selector] = _selector(selector)
        if parser.skip("NOT"):
            parser.expect("EXISTS")
            return lambda document: not select(document)
        if parser.skip("IS"):
            wanted = parser.choose({"NULL": None, "TRUE": True, "FALSE": False})
            return lambda document: any(value is wanted for value in select(document))
        test = comparison(parser)
        return lambda document: any(test(value) for value in select(document))

    condition = Parser(tokens).parse(leaf)

    def matches(message: str) -> bool:
        document = _document(message)
        return document is not None and condition(document)

    def extract(message: str) -> dict[str, str]:
        document = _document(message)
        values = {selector: select(document) for selector, select in selectors.items()}
        return {selector: Value(found[0]).text or "" for selector, found in values.items() if found}

    return Pattern(matches, extract)


def _document(message: str) -> Any:
    """The object or array that a message is, or None."""
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        return msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _selector(text: str) -> Callable[[Any], list[Any]]:
    """What finds the values at `$.a.b[0]['c'][*]`."""
    steps = list(_STEP.finditer(text, 1))
    if sum(step.end() - step.start() for step in steps) != len(text) - 1 or not steps:
        raise InvalidPattern(f"Invalid property selector '{text}'")
    if sum(bool(step["members"] or step["items"]) for step in steps) > 1:
        raise InvalidPattern(f"Only one wildcard is allowed in property selector '{text}'")

    def select(document: Any) -> list[Any]:
        values = [document]
        for step in steps:
            values = [below for value in values for below in _descend(value, step)]
        return values

    return select


def _descend(value: Any, step: re.Match[str]) -> Sequence[Any]:
    if isinstance(value, dict):
        if step["members"]:
            return list(value.values())
        name = step["name"] or (step["quoted"] or "")[1:-1]
        return [value[name]] if name in value else []
    if isinstance(value, list):
        if step["items"]:
            return value
        if step["index"] and int(step["index"]) < len(value):
            return [value[int(step["index"])]]
    return []


# Fields


def _fields(inside: str) -> Pattern:
    """Each field has a name or none, and conditions on it; `...` stands for any number of fields."""
    tokens = tokenize(inside)
    _count_regexes(sum(token.kind == "regex" for token in tokens))
    parsed = [_field(part, position) for position, part in enumerate(Parser(tokens).split(","))]
    names = [name for name, _ in parsed]
    conditions = [condition for _, condition in parsed if condition is not None]
    if names == [""]:
        return Pattern(lambda message: True, _nothing, matches_everything=True)
    if names.count("...") > 1:
        raise InvalidPattern("Invalid filter pattern: only one ellipsis is allowed")

    def matches(message: str) -> bool:
        fields = _aligned(message, names)
        return fields is not None and all(condition(fields) for condition in conditions)

    def extract(message: str) -> dict[str, str]:
        fields = _aligned(message, names) or []
        return {
            f"${name or number}": field
            for number, (name, field) in enumerate(zip(names, fields, strict=False), start=1)
            if name != "..."
        }

    return Pattern(matches, extract)


def _field(tokens: list[Token], position: int) -> tuple[str, Condition | None]:
    """The name of one field, and the condition on it, whose subject is the list of all fields."""
    if not tokens:
        return "", None
    if len(tokens) == 1:
        return Parser(tokens).take("bare").text, None
    names: list[str] = []

    def leaf(parser: Parser) -> Condition:
        names.append(parser.take("bare").text)
        test = comparison(parser)
        return lambda fields: test(fields[position])

    condition = Parser(tokens).parse(leaf)
    if len(set(names)) > 1:
        raise InvalidPattern("Invalid filter pattern: all conditions of a field must use its name")
    return names[0], condition


def _aligned(message: str, names: Sequence[str]) -> Sequence[str] | None:
    """The message's fields, one for each name; None when their numbers differ."""
    fields = [found["quoted"] or found["bracketed"] or found["plain"] or "" for found in _FIELD.finditer(message)]
    if "..." in names:
        missing = len(fields) - (len(names) - 1)
        if missing < 0:
            return None
        at = names.index("...")
        fields[at : at + missing] = [" ".join(fields[at : at + missing])]
    return fields if len(fields) == len(names) else None
