"""Where a parser is in a template's text, and how deep.

Owns: the small steps that all of the grammar takes. Rule: nesting has a limit, so that neither reading nor rendering
runs out of stack.
"""

from samovar.web.template import scan
from samovar.web.template.errors import TemplateError

MAX_NESTING = 40


class Cursor:
    __slots__ = ("at", "depth", "text")

    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.at = 0
        self.depth = depth

    def space(self) -> None:
        found = scan.SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def expect(self, sign: str) -> None:
        self.space()
        if not self.text.startswith(sign, self.at):
            raise TemplateError(self.text, self.at)
        self.at += len(sign)

    def open(self) -> None:
        opening = scan.OPENING.match(self.text, self.at)
        if not opening:
            raise TemplateError(self.text, self.at)
        self.at = opening.end()

    def close(self) -> None:
        self.expect(")")
        self.blank_rest_of_line()

    def blank_rest_of_line(self) -> None:
        blank = scan.END_OF_LINE.match(self.text, self.at)
        self.at = blank.end() if blank else self.at

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.too_deep()

    def too_deep(self) -> None:
        raise TemplateError(self.text, self.at, "Nested too deeply")
