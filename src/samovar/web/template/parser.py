"""From a template's text to what is to be done, by recursive descent.

Owns: the grammar, and which white space directives take with them. Both are Velocity 1.7's, as its own release
shows: directives in parentheses, `#else` and `#end` take the rest of their line if it is blank, a comment to the end
of the line takes its line break, and `#set` also takes blanks before it that follow another part. What the parts mean
is in nodes.py. References and expressions are read by expressions.py.
"""

import re
from collections.abc import Callable

from samovar.web.template import nodes, operators, scan
from samovar.web.template.cursor import Cursor
from samovar.web.template.errors import TemplateError
from samovar.web.template.expressions import Expressions
from samovar.web.template.nodes import Macros
from samovar.web.template.references import Block, Evaluate, Part, Reference

MAX_SIZE = 300 * 1024
"""API Gateway's limit for a template (facts/apigateway.md §5)."""


class Parser:
    def __init__(self, text: str, macros: Macros, depth: int = 0) -> None:
        self._cursor = Cursor(text, depth)
        self._macros = macros
        self._expressions = Expressions(self._cursor, lambda text, depth: Parser(text, macros, depth).template())

    def template(self) -> Block:
        block, ended = self._block()
        if ended:
            raise TemplateError(self._cursor.text, self._cursor.at - len(ended) - 1, f'Encountered "#{ended}"')
        return block

    # ------------------------------------------------------------------------------------------------ text

    def _block(self) -> tuple[Block, str]:
        """Parts until `#end`, `#else` or `#elseif`, already read and named; '' is the end of the text."""
        self._cursor.deeper()
        text, start, parts = self._cursor.text, self._cursor.at, _Parts()
        ended = ""
        while self._cursor.at < len(text) and not ended:
            plain = scan.PLAIN.match(text, self._cursor.at)
            if plain:
                parts.text(plain[0])
                self._cursor.at = plain.end()
                continue
            sign = text[self._cursor.at]
            if sign == "\\":
                self._escaped(parts)
            elif sign == "$":
                self._reference_or_text(parts)
            else:
                ended = self._hash(parts)
        self._cursor.depth -= 1
        return nodes.block(parts.done(), self._cursor.at - start), ended

    def _reference_or_text(self, parts: "_Parts") -> None:
        found = scan.REFERENCE.match(self._cursor.text, self._cursor.at)
        if not found:
            parts.text("$")
            self._cursor.at += 2 if scan.LONE_QUIET.match(self._cursor.text, self._cursor.at) else 1
        else:
            parts.add(nodes.show(self._expressions.reference()))

    def _escaped(self, parts: "_Parts") -> None:
        """Backslashes before a reference or a directive: each two are one, an odd one makes it text."""
        found = scan.BACKSLASHES.match(self._cursor.text, self._cursor.at)
        count = len(found[0]) if found else 0
        self._cursor.at += count
        if scan.REFERENCE.match(self._cursor.text, self._cursor.at):
            parts.add(nodes.escaped(self._expressions.reference(), count))
            return
        directive = scan.DIRECTIVE.match(self._cursor.text, self._cursor.at)
        if directive and (directive[1] or directive[2]) in scan.DIRECTIVES:
            kept = count if directive[0] == "#set" and count % 2 == 0 else count // 2
            parts.text("\\" * kept)
            if count % 2:
                parts.text(directive[0])
                self._cursor.at = directive.end()
        else:
            parts.text("\\" * count)

    def _hash(self, parts: "_Parts") -> str:
        """What begins with `#`; the name of a directive that ends the block."""
        text, at = self._cursor.text, self._cursor.at
        if text.startswith("##", at):
            end = scan.TO_END_OF_LINE.match(text, at)
            self._cursor.at = end.end() if end else len(text)
            parts.cut()
        elif text.startswith("#*", at):
            end_at = text.find("*#", at + 2)
            self._cursor.at = end_at + 2 if end_at >= 0 else len(text)
            parts.cut()
        elif text.startswith("#[[", at):
            end_at = text.find("]]#", at + 3)
            self._cursor.at = end_at + 3 if end_at >= 0 else len(text)
            parts.text(text[at + 3 : end_at if end_at >= 0 else len(text)])
        else:
            found = scan.DIRECTIVE.match(text, at)
            name = (found[1] or found[2]) if found else ""
            if found and (name in scan.DIRECTIVES or self._is_macro(name)) and not self._is_bare_set(found):
                self._cursor.at = found.end()
                return self._directive(name, at, parts)
            self._cursor.at = found.end() if found else at + 1
            call = scan.UNKNOWN_CALL.match(text, self._cursor.at) if found else None
            self._cursor.at = call.end() if call else self._cursor.at
            parts.text(text[at : self._cursor.at])
        return ""

    def _is_bare_set(self, found: re.Match[str]) -> bool:
        return found[0] == "#set" and not scan.OPENING.match(self._cursor.text, found.end())

    def _is_macro(self, name: str) -> bool:
        return name.lstrip("@") in self._macros

    # ------------------------------------------------------------------------------------------------ directives

    def _directive(self, name: str, start: int, parts: "_Parts") -> str:
        if name in ("end", "else", "elseif"):
            if name != "elseif":
                self._cursor.blank_rest_of_line()
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
            raise TemplateError(self._cursor.text, start, f"#{name} has no file to read")
        elif name in simple:
            parts.add(simple[name]())
        else:
            parts.add(self._call(name))
        return ""

    def _set(self) -> Part:
        self._cursor.open()
        target = self._target()
        self._cursor.expect("=")
        value = self._expressions.expression()
        self._cursor.close()
        return nodes.assign(target, value)

    def _target(self) -> Reference:
        self._cursor.space()
        if not scan.REFERENCE.match(self._cursor.text, self._cursor.at):
            raise TemplateError(self._cursor.text, self._cursor.at)
        return self._expressions.reference()

    def _if(self) -> Part:
        ways: list[tuple[Evaluate, Block]] = []
        otherwise: Block | None = None
        word = "if"
        while word in ("if", "elseif"):
            self._cursor.open()
            condition = self._expressions.expression()
            self._cursor.close()
            block, word = self._block()
            ways.append((operators.condition(condition), block))
        if word == "else":
            otherwise, word = self._block()
        self._ended(word)
        return nodes.choose(ways, otherwise)

    def _ended(self, word: str) -> None:
        if word != "end":
            raise TemplateError(self._cursor.text, self._cursor.at)

    def _foreach(self) -> Part:
        self._cursor.open()
        name = self._variable()
        self._cursor.space()
        if not self._cursor.text.startswith("in", self._cursor.at):
            raise TemplateError(self._cursor.text, self._cursor.at)
        self._cursor.at += 2
        over = self._expressions.expression()
        self._cursor.close()
        block, word = self._block()
        self._ended(word)
        return nodes.loop(name, over, block)

    def _variable(self) -> str:
        self._cursor.space()
        found = scan.REFERENCE.match(self._cursor.text, self._cursor.at)
        if not found:
            raise TemplateError(self._cursor.text, self._cursor.at)
        self._cursor.at = found.end() + (1 if found[2] and self._cursor.text.startswith("}", found.end()) else 0)
        return found[3]

    def _define(self) -> Part:
        self._cursor.open()
        name = self._variable()
        self._cursor.close()
        block, word = self._block()
        self._ended(word)
        return nodes.define(name, block)

    def _evaluate(self) -> Part:
        self._cursor.open()
        source = self._expressions.expression()
        self._cursor.close()
        return nodes.evaluate(source, lambda text: Parser(text, self._macros, 1).template())

    def _macro(self) -> None:
        self._cursor.open()
        self._cursor.space()
        name = scan.NAME.match(self._cursor.text, self._cursor.at)
        if not name:
            raise TemplateError(self._cursor.text, self._cursor.at)
        self._cursor.at = name.end()
        parameters: list[str] = []
        self._cursor.space()
        while not self._cursor.text.startswith(")", self._cursor.at):
            parameters.append(self._variable())
            self._comma()
        self._cursor.close()
        macro = self._macros.setdefault(name[0], nodes.Macro())  # known already if it is called before
        macro.parameters = parameters
        macro.body, word = self._block()
        self._ended(word)

    def _comma(self) -> None:
        self._cursor.space()
        if self._cursor.text.startswith(",", self._cursor.at):
            self._cursor.at += 1
            self._cursor.space()

    def _call(self, name: str) -> Part:
        arguments: list[Evaluate] = []
        opening = scan.OPENING.match(self._cursor.text, self._cursor.at)
        if opening:
            self._cursor.at = opening.end()
            self._cursor.space()
            while not self._cursor.text.startswith(")", self._cursor.at):
                arguments.append(self._expressions.expression())
                self._comma()
            self._cursor.close()
        body: Block | None = None
        if name.startswith("@"):
            body, word = self._block()
            self._ended(word)
        return nodes.call(self._macros[name.lstrip("@")], arguments, body)


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
