"""What can be wrong with a template.

Owns: the errors of this package. Rules: `TemplateError` is about the text and comes from `compile`; `RenderError` is
about one rendering, and is what API Gateway answers with 500; `BadBody` is the one that is the client's fault, a 400.
"""


class TemplateError(ValueError):
    """The text isn't a template, in the words of Velocity's parser."""

    def __init__(self, text: str, at: int, what: str = "") -> None:
        line = text.count("\n", 0, at) + 1
        column = at - text.rfind("\n", 0, at)
        here = text[at : at + 20].strip().partition("\n")[0]
        what = what or (f'Encountered "{here}"' if here else "Encountered the end")
        super().__init__(f"{what} at line {line}, column {column}")
        self.at = at


class RenderError(Exception):
    """A rendering that failed: a method's exception, or a limit."""


class BadBody(RenderError):
    """`$input` was asked for a body that isn't JSON. The message is the one that the client gets."""
