"""From a template's text to what is to be done, by recursive descent.

Owns: the grammar, and which white space directives take with them. Both are Velocity 1.7's, as its own release
shows: directives in parentheses, `#else` and `#end` take the rest of their line if it is blank, a comment to the end
of the line takes its line break, and `#set` also takes blanks before it that follow another part. What the parts mean
is in nodes.py. Rules: nesting has a limit, so that neither reading nor rendering runs out of stack.
"""

import re
from collections.abc import Callable

from samovar.web.template import nodes, scan
from samovar.web.template.errors import TemplateError
from samovar.web.template.nodes import Block, Evaluate, Macros, Part

MAX_SIZE = 300 * 1024
"""API Gateway's limit for a template (facts/apigateway.md §5)."""
MAX_NESTING = 40


class Parser:
    def __init__(self, text: str, macros: Macros, depth: int = 0) -> None:
        self._text = text
        self._at = 0
        self._macros = macros
        self._depth = depth

    def template(self) -> Block:
        block, ended = self._block()
        if ended:
            raise TemplateError(self._text, self._at - len(ended) - 1, f'Encountered "#{ended}"')
        return block

    # ------------------------------------------------------------------------------------------------ text

    def _block(self) -> tuple[Block, str]:
        """Parts until `#end`, `#else` or `#elseif`, already read and named; '' is the end of the text."""
        self._deeper()
        text, start, parts = self._text, self._at, _Parts()
        ended = ""
        while self._at < len(text) and not ended:
            plain = scan.PLAIN.match(text, self._at)
            if plain:
                parts.text(plain[0])
                self._at = plain.end()
                continue
            sign = text[self._at]
            if sign == "\\":
                self._escaped(parts)
            elif sign == "$":
                self._reference_or_text(parts)
            else:
                ended = self._hash(parts)
        self._depth -= 1
        return nodes.block(parts.done(), self._at - start), ended

    def _reference_or_text(self, parts: "_Parts") -> None:
        found = scan.REFERENCE.match(self._text, self._at)
        if not found:
            parts.text("$")
            self._at += 2 if scan.LONE_QUIET.match(self._text, self._at) else 1
        else:
            parts.add(nodes.show(self._reference()))

    def _escaped(self, parts: "_Parts") -> None:
        """Backslashes before a reference or a directive: each two are one, an odd one makes it text."""
        found = scan.BACKSLASHES.match(self._text, self._at)
        count = len(found[0]) if found else 0
        self._at += count
        if scan.REFERENCE.match(self._text, self._at):
            parts.add(nodes.escaped(self._reference(), count))
            return
        directive = scan.DIRECTIVE.match(self._text, self._at)
        if directive and (directive[1] or directive[2]) in scan.DIRECTIVES:
            kept = count if directive[0] == "#set" and count % 2 == 0 else count // 2
            parts.text("\\" * kept)
            if count % 2:
                parts.text(directive[0])
                self._at = directive.end()
        else:
            parts.text("\\" * count)

    def _hash(self, parts: "_Parts") -> str:
        """What begins with `#`; the name of a directive that ends the block."""
        text, at = self._text, self._at
        if text.startswith("##", at):
            end = scan.TO_END_OF_LINE.match(text, at)
            self._at = end.end() if end else len(text)
            parts.cut()
        elif text.startswith("#*", at):
            end_at = text.find("*#", at + 2)
            self._at = end_at + 2 if end_at >= 0 else len(text)
            parts.cut()
        elif text.startswith("#[[", at):
            end_at = text.find("]]#", at + 3)
            self._at = end_at + 3 if end_at >= 0 else len(text)
            parts.text(text[at + 3 : end_at if end_at >= 0 else len(text)])
        else:
            found = scan.DIRECTIVE.match(text, at)
            name = (found[1] or found[2]) if found else ""
            if found and (name in scan.DIRECTIVES or self._is_macro(name)) and not self._is_bare_set(found):
                self._at = found.end()
                return self._directive(name, at, parts)
            self._at = found.end() if found else at + 1
            call = scan.UNKNOWN_CALL.match(text, self._at) if found else None
            self._at = call.end() if call else self._at
            parts.text(text[at : self._at])
        return ""

    def _is_bare_set(self, found: re.Match[str]) -> bool:
        return found[0] == "#set" and not scan.OPENING.match(self._text, found.end())

    def _is_macro(self, name: str) -> bool:
        return name.lstrip("@") in self._macros

    # ------------------------------------------------------------------------------------------------ directives

    def _directive(self, name: str, start: int, parts: "_Parts") -> str:
        if name in ("end", "else", "elseif"):
            if name != "elseif":
                self._blank_rest_of_line()
            return name
        simple: dict[str, Callable[[], Part]] = {
            "if": self._if,
            "foreach": self._foreach,
            "define": self._define,
            "evaluate": self._evaluate,
            "break": lambda: nodes.stop(loop=True),
            "stop": lambda: nodes.stop(loop=False),
        }
        if name == "set":
            parts.cut_blanks()
            parts.add(self._set())
        elif name == "macro":
            self._macro()
        elif name in ("include", "parse"):
            raise TemplateError(self._text, start, f"#{name} has no file to read")
        elif name in simple:
            parts.add(simple[name]())
        else:
            parts.add(self._call(name))
        return ""

    def _set(self) -> Part:
        self._open()
        target = self._target()
        self._expect("=")
        value = self._expression()
        self._close()
        return nodes.assign(target, value)

    def _target(self) -> nodes.Reference:
        self._space()
        if not scan.REFERENCE.match(self._text, self._at):
            raise TemplateError(self._text, self._at)
        return self._reference()

    def _if(self) -> Part:
        ways: list[tuple[Evaluate, Block]] = []
        otherwise: Block | None = None
        word = "if"
        while word in ("if", "elseif"):
            self._open()
            condition = self._expression()
            self._close()
            block, word = self._block()
            ways.append((nodes.condition(condition), block))
        if word == "else":
            otherwise, word = self._block()
        self._ended(word)
        return nodes.choose(ways, otherwise)

    def _ended(self, word: str) -> None:
        if word != "end":
            raise TemplateError(self._text, self._at)

    def _foreach(self) -> Part:
        self._open()
        name = self._variable()
        self._space()
        if not self._text.startswith("in", self._at):
            raise TemplateError(self._text, self._at)
        self._at += 2
        over = self._expression()
        self._close()
        block, word = self._block()
        self._ended(word)
        return nodes.loop(name, over, block)

    def _variable(self) -> str:
        self._space()
        found = scan.REFERENCE.match(self._text, self._at)
        if not found:
            raise TemplateError(self._text, self._at)
        self._at = found.end() + (1 if found[2] and self._text.startswith("}", found.end()) else 0)
        return found[3]

    def _define(self) -> Part:
        self._open()
        name = self._variable()
        self._close()
        block, word = self._block()
        self._ended(word)
        return nodes.define(name, block)

    def _evaluate(self) -> Part:
        self._open()
        source = self._expression()
        self._close()
        return nodes.evaluate(source, lambda text: Parser(text, self._macros, 1).template())

    def _macro(self) -> None:
        self._open()
        self._space()
        name = scan.NAME.match(self._text, self._at)
        if not name:
            raise TemplateError(self._text, self._at)
        self._at = name.end()
        parameters: list[str] = []
        self._space()
        while not self._text.startswith(")", self._at):
            parameters.append(self._variable())
            self._comma()
        self._close()
        macro = self._macros.setdefault(name[0], nodes.Macro())  # known already if it is called before
        macro.parameters = parameters
        macro.body, word = self._block()
        self._ended(word)

    def _comma(self) -> None:
        self._space()
        if self._text.startswith(",", self._at):
            self._at += 1
            self._space()

    def _call(self, name: str) -> Part:
        arguments: list[Evaluate] = []
        opening = scan.OPENING.match(self._text, self._at)
        if opening:
            self._at = opening.end()
            self._space()
            while not self._text.startswith(")", self._at):
                arguments.append(self._expression())
                self._comma()
            self._close()
        body: Block | None = None
        if name.startswith("@"):
            body, word = self._block()
            self._ended(word)
        return nodes.call(self._macros[name.lstrip("@")], arguments, body)

    # ------------------------------------------------------------------------------------------------ references

    def _reference(self) -> nodes.Reference:
        found = scan.REFERENCE.match(self._text, self._at)
        if not found:
            raise TemplateError(self._text, self._at)
        self._at = found.end()
        self._deeper()
        steps: list[nodes.Step] = []
        while step := self._step():
            steps.append(step)
        if found[2]:
            if not self._text.startswith("}", self._at):
                raise TemplateError(self._text, self._at)
            self._at += 1
        self._depth -= 1
        return nodes.Reference(found[3], steps, self._text[found.start() : self._at])

    def _step(self) -> nodes.Step | None:
        found = scan.PROPERTY.match(self._text, self._at)
        if found:
            self._at = found.end()
            if not found[2]:
                return nodes.Property(found[1])
            arguments = self._list(")")
            return nodes.Call(found[1], arguments)
        if self._text.startswith("[", self._at):
            at, depth = self._at, self._depth
            try:
                self._at += 1
                index = self._expression()
                self._expect("]")
                return nodes.Index(index)
            except TemplateError:  # a bracket that follows a reference in the text
                self._at, self._depth = at, depth
        return None

    # ------------------------------------------------------------------------------------------------ expressions

    def _expression(self) -> Evaluate:
        self._deeper()
        value = self._binary(0)
        self._depth -= 1
        return value

    def _binary(self, level: int) -> Evaluate:
        if level == len(scan.BINARY):
            return self._unary()
        left = self._binary(level + 1)
        length = 0
        while True:
            self._space()
            found = scan.OPERATORS[level].match(self._text, self._at)
            if not found:
                return left
            length += 1
            if length > MAX_NESTING:
                self._too_deep()
            self._at = found.end()
            left = nodes.binary(scan.BINARY[level][found[0]], left, self._binary(level + 1))

    def _unary(self) -> Evaluate:
        self._space()
        negation = scan.NEGATION.match(self._text, self._at)
        if negation:
            self._at = negation.end()
            self._deeper()
            value = self._unary()
            self._depth -= 1
            return nodes.negate(value)
        return self._primary()

    def _primary(self) -> Evaluate:
        text, at = self._text, self._at
        sign = text[at : at + 1]
        if sign == "$":
            return self._reference().get
        if sign == "(":
            self._at += 1
            value = self._expression()
            self._expect(")")
            return value
        if sign == "[":
            self._at += 1
            return self._list_or_range()
        if sign == "{":
            self._at += 1
            return self._map()
        if sign in ("'", '"'):
            return self._string(sign)
        number = scan.NUMBER.match(text, at)
        if number:
            self._at = number.end()
            return nodes.constant(_number(number[0]))
        word = scan.NAME.match(text, at)
        if word and word[0] in ("true", "false"):
            self._at = word.end()
            return nodes.constant(word[0] == "true")
        raise TemplateError(text, at)

    def _string(self, quote: str) -> Evaluate:
        found = (scan.SINGLE_QUOTED if quote == "'" else scan.DOUBLE_QUOTED).match(self._text, self._at)
        if not found:
            raise TemplateError(self._text, self._at)
        self._at = found.end()
        value = found[1].replace(quote * 2, quote)
        if quote == "'":
            return nodes.constant(value)
        value = scan.UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), value)
        if "$" not in value and "#" not in value:
            return nodes.constant(value)
        return nodes.interpolate(Parser(value, self._macros, self._depth + 1).template())

    def _list(self, closing: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        self._space()
        while not self._text.startswith(closing, self._at):
            if items:
                self._expect(",")
            items.append(self._expression())
            self._space()
        self._at += 1
        return items

    def _list_or_range(self) -> Evaluate:
        self._space()
        if self._text.startswith("]", self._at):
            self._at += 1
            return nodes.make_list([])
        first = self._expression()
        self._space()
        if self._text.startswith("..", self._at):
            self._at += 2
            last = self._expression()
            self._expect("]")
            return nodes.make_range(first, last)
        if self._text.startswith(",", self._at):
            self._at += 1
            return nodes.make_list([first, *self._list("]")])
        self._expect("]")
        return nodes.make_list([first])

    def _map(self) -> Evaluate:
        pairs: list[tuple[Evaluate, Evaluate]] = []
        self._space()
        while not self._text.startswith("}", self._at):
            if pairs:
                self._expect(",")
            key = self._expression()
            self._expect(":")
            pairs.append((key, self._expression()))
            self._space()
        self._at += 1
        return nodes.make_map(pairs)

    # ------------------------------------------------------------------------------------------------ small steps

    def _space(self) -> None:
        found = scan.SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _expect(self, sign: str) -> None:
        self._space()
        if not self._text.startswith(sign, self._at):
            raise TemplateError(self._text, self._at)
        self._at += len(sign)

    def _open(self) -> None:
        opening = scan.OPENING.match(self._text, self._at)
        if not opening:
            raise TemplateError(self._text, self._at)
        self._at = opening.end()

    def _close(self) -> None:
        self._expect(")")
        self._blank_rest_of_line()

    def _blank_rest_of_line(self) -> None:
        blank = scan.END_OF_LINE.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING:
            self._too_deep()

    def _too_deep(self) -> None:
        raise TemplateError(self._text, self._at, "Nested too deeply")


class _Parts:
    """The parts of a block on their way: neighbouring text is one part."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._texts: list[str] = []

    def text(self, text: str) -> None:
        self._texts.append(text)

    def add(self, part: Part) -> None:
        self._flush()
        self._parts.append(part)

    def done(self) -> list[Part]:
        self._flush()
        return self._parts

    def cut(self) -> None:
        """What comes now is another text than the one before."""
        self._flush()

    def cut_blanks(self) -> None:
        """Drops the text that has been read since the last part if it is blanks alone."""
        if not "".join(self._texts).strip(" \t"):
            self._texts = []

    def _flush(self) -> None:
        text = "".join(self._texts)
        self._texts = []
        if text:
            self._parts.append(nodes.write(text))


def _number(text: str) -> int | float:
    return float(text) if any(sign in text for sign in ".eE") else int(text)
