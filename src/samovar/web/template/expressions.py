"""From the text of a reference or an expression to what gives its value, by recursive descent.

Owns: their grammar, which is Velocity 1.7's. What they mean is in references.py and operators.py.
"""

from collections.abc import Callable

from samovar.web.template import operators, scan
from samovar.web.template.cursor import MAX_NESTING, Cursor
from samovar.web.template.errors import TemplateError
from samovar.web.template.references import Block, Call, Evaluate, Index, Property, Reference, Step


class Expressions:
    def __init__(self, cursor: Cursor, inner: Callable[[str, int], Block]) -> None:
        """`inner` reads the template in a string, at a depth."""
        self._cursor = cursor
        self._inner = inner

    def reference(self) -> Reference:
        found = scan.REFERENCE.match(self._cursor.text, self._cursor.at)
        if not found:
            raise TemplateError(self._cursor.text, self._cursor.at)
        self._cursor.at = found.end()
        self._cursor.deeper()
        steps: list[Step] = []
        while step := self._step():
            steps.append(step)
        if found[2]:
            if not self._cursor.text.startswith("}", self._cursor.at):
                raise TemplateError(self._cursor.text, self._cursor.at)
            self._cursor.at += 1
        self._cursor.depth -= 1
        return Reference(found[3], steps, self._cursor.text[found.start() : self._cursor.at])

    def _step(self) -> Step | None:
        found = scan.PROPERTY.match(self._cursor.text, self._cursor.at)
        if found:
            self._cursor.at = found.end()
            if not found[2]:
                return Property(found[1])
            arguments = self.list(")")
            return Call(found[1], arguments)
        if self._cursor.text.startswith("[", self._cursor.at):
            at, depth = self._cursor.at, self._cursor.depth
            try:
                self._cursor.at += 1
                index = self.expression()
                self._cursor.expect("]")
                return Index(index)
            except TemplateError:  # a bracket that follows a reference in the text
                self._cursor.at, self._cursor.depth = at, depth
        return None

    def expression(self) -> Evaluate:
        self._cursor.deeper()
        value = self._binary(0)
        self._cursor.depth -= 1
        return value

    def _binary(self, level: int) -> Evaluate:
        if level == len(scan.BINARY):
            return self._unary()
        left = self._binary(level + 1)
        length = 0
        while True:
            self._cursor.space()
            found = scan.OPERATORS[level].match(self._cursor.text, self._cursor.at)
            if not found:
                return left
            length += 1
            if length > MAX_NESTING:
                self._cursor.too_deep()
            self._cursor.at = found.end()
            left = operators.binary(scan.BINARY[level][found[0]], left, self._binary(level + 1))

    def _unary(self) -> Evaluate:
        self._cursor.space()
        negation = scan.NEGATION.match(self._cursor.text, self._cursor.at)
        if negation:
            self._cursor.at = negation.end()
            self._cursor.deeper()
            value = self._unary()
            self._cursor.depth -= 1
            return operators.negate(value)
        return self._primary()

    def _primary(self) -> Evaluate:
        text, at = self._cursor.text, self._cursor.at
        sign = text[at : at + 1]
        if sign == "$":
            return self.reference().get
        if sign == "(":
            self._cursor.at += 1
            value = self.expression()
            self._cursor.expect(")")
            return value
        if sign == "[":
            self._cursor.at += 1
            return self._list_or_range()
        if sign == "{":
            self._cursor.at += 1
            return self._map()
        if sign in ("'", '"'):
            return self._string(sign)
        number = scan.NUMBER.match(text, at)
        if number:
            self._cursor.at = number.end()
            return operators.constant(_number(number[0]))
        word = scan.NAME.match(text, at)
        if word and word[0] in ("true", "false"):
            self._cursor.at = word.end()
            return operators.constant(word[0] == "true")
        raise TemplateError(text, at)

    def _string(self, quote: str) -> Evaluate:
        found = (scan.SINGLE_QUOTED if quote == "'" else scan.DOUBLE_QUOTED).match(self._cursor.text, self._cursor.at)
        if not found:
            raise TemplateError(self._cursor.text, self._cursor.at)
        self._cursor.at = found.end()
        value = found[1].replace(quote * 2, quote)
        if quote == "'":
            return operators.constant(value)
        value = scan.UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), value)
        if "$" not in value and "#" not in value:
            return operators.constant(value)
        return operators.interpolate(self._inner(value, self._cursor.depth + 1))

    def list(self, closing: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        self._cursor.space()
        while not self._cursor.text.startswith(closing, self._cursor.at):
            if items:
                self._cursor.expect(",")
            items.append(self.expression())
            self._cursor.space()
        self._cursor.at += 1
        return items

    def _list_or_range(self) -> Evaluate:
        self._cursor.space()
        if self._cursor.text.startswith("]", self._cursor.at):
            self._cursor.at += 1
            return operators.make_list([])
        first = self.expression()
        self._cursor.space()
        if self._cursor.text.startswith("..", self._cursor.at):
            self._cursor.at += 2
            last = self.expression()
            self._cursor.expect("]")
            return operators.make_range(first, last)
        if self._cursor.text.startswith(",", self._cursor.at):
            self._cursor.at += 1
            return operators.make_list([first, *self.list("]")])
        self._cursor.expect("]")
        return operators.make_list([first])

    def _map(self) -> Evaluate:
        pairs: list[tuple[Evaluate, Evaluate]] = []
        self._cursor.space()
        while not self._cursor.text.startswith("}", self._cursor.at):
            if pairs:
                self._cursor.expect(",")
            key = self.expression()
            self._cursor.expect(":")
            pairs.append((key, self.expression()))
            self._cursor.space()
        self._cursor.at += 1
        return operators.make_map(pairs)


def _number(text: str) -> int | float:
    return float(text) if any(sign in text for sign in ".eE") else int(text)
