"""API Gateway's mapping templates: Velocity's language over `$input`, `$context`, `$stageVariables` and `$util`.

Owns: `compile(text) -> Template` and `Template.render(scope) -> str`. Rules: a text is read once and put together as
functions; a template is a user's, its input a stranger's, so a rendering reaches nothing but what the tables of
members say, and ends within a bounded number of steps, of output and of memory
(docs/decisions/0031-own-mapping-templates.md). Source: facts/apigateway.md §5.

    template = compile('{"name": "$input.path('$.name')"}')
    scope = Scope(body='{"name": "Ada"}')
    template.render(scope)  # what the template set of overrides is in scope.response_override
"""

from samovar.web.jsonpath import JsonPathError
from samovar.web.regex import RegexError
from samovar.web.template import scan
from samovar.web.template.errors import BadBody, RenderError, TemplateError
from samovar.web.template.nodes import Break, Macro, Stop
from samovar.web.template.parser import MAX_SIZE, Parser
from samovar.web.template.references import Block
from samovar.web.template.run import Patterns, Run
from samovar.web.template.scope import Paths, Scope

__all__ = ["BadBody", "RenderError", "Scope", "Template", "TemplateError", "compile"]


class Template:
    __slots__ = ("_block", "_paths", "_patterns")

    def __init__(self, block: Block) -> None:
        self._block = block
        self._paths = Paths()
        self._patterns = Patterns()

    def render(self, scope: Scope) -> str:
        """RenderError when it can't be done, BadBody when that is the client's fault."""
        run = Run(scope.variables(self._paths), self._patterns)
        try:
            self._block(run)
        except (Stop, Break):
            pass
        except (JsonPathError, RegexError) as error:
            raise RenderError(str(error)) from None
        except RecursionError:
            raise RenderError("The template goes too deep") from None
        return "".join(run.out)


def compile(text: str) -> Template:
    """TemplateError when the text isn't a template."""
    if len(text) > MAX_SIZE:
        raise TemplateError(text, MAX_SIZE, f"A template of more than {MAX_SIZE} characters")
    macros = {name: Macro() for name in scan.MACRO.findall(text)}  # they may be called before they are defined
    return Template(Parser(text, macros).template())
