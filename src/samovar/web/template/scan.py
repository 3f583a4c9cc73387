"""The words of the template language, as regular expressions.

Owns: what a reference, a directive and a token of an expression look like (Velocity 1.7's user guide and grammar).
"""

import re

PLAIN = re.compile(r"[^$#\\]+")
BACKSLASHES = re.compile(r"\\+")
REFERENCE = re.compile(r"\$(!?)(\{?)([a-zA-Z_][a-zA-Z0-9_-]*)")
PROPERTY = re.compile(r"\.([a-zA-Z][a-zA-Z0-9_-]*)(\()?")
LONE_QUIET = re.compile(r"\$!(?![${])")
DIRECTIVE = re.compile(r"#(?:\{([a-zA-Z_][a-zA-Z0-9_]*)\}|(@?[a-zA-Z_][a-zA-Z0-9_]*))")
OPENING = re.compile(r"[ \t\r\n]*\(")
UNKNOWN_CALL = re.compile(r"[ \t]*\([^()]*\)")
MACRO = re.compile(r"#\{?macro\}?\s*\(\s*([a-zA-Z_][a-zA-Z0-9_-]*)")
END_OF_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
TO_END_OF_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")

SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"-?(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
SINGLE_QUOTED = re.compile(r"'((?:[^']|'')*)'")
DOUBLE_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
NEGATION = re.compile(r"!|not(?![a-zA-Z0-9_-])")
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]*")

BINARY = (
    ({"||": "||", "or": "||"}),
    ({"&&": "&&", "and": "&&"}),
    ({"==": "==", "eq": "==", "!=": "!=", "ne": "!="}),
    ({"<=": "<=", "le": "<=", ">=": ">=", "ge": ">=", "<": "<", "lt": "<", ">": ">", "gt": ">"}),
    ({"+": "+", "-": "-"}),
    ({"*": "*", "/": "/", "%": "%"}),
)
"""Operators by how tightly they bind, the loosest first; the words are the signs' other spellings."""
OPERATORS = tuple(
    re.compile("|".join(f"{re.escape(op)}(?![a-zA-Z0-9_-])" if op.isalpha() else re.escape(op) for op in level))
    for level in BINARY
)
DIRECTIVES = frozenset("set if elseif else end foreach break stop macro define evaluate include parse".split())
