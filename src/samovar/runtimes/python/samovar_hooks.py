"""botocore's events made quick: the same handlers under the same names, in what a session and its clients begin with.

A session registers some 160 handlers. Of each, botocore asks the signature and looks through 60 other names of its
event; and each client has a copy of all. Both are found out once in the zygote, where a session is made as well.
Rules:
 1. What was found out there holds for the same function objects, and for the same list of names; all else is asked.
 2. A name that stands for another one is looked for as ever: botocore tells its log of it.
 3. It is only used where it agrees with what is installed: see `adopt`.
"""

from __future__ import annotations

import copy
import importlib
import types
from typing import Any  # noqa: F401 - in the types

_NEEDED = "EventAliaser EVENT_ALIASES NodeList _PrefixTrie accepts_kwargs".split()


def adopt(rehearse):
    # type: (Any) -> None
    """Take the place of a few of botocore's steps. `rehearse` makes a session with a client."""
    hooks = importlib.import_module("botocore.hooks")  # type: Any
    if not all(hasattr(hooks, name) for name in _NEEDED):
        rehearse()
        return
    _remember(hooks, rehearse)
    _copy_quickly(hooks)


def _remember(hooks, rehearse):
    # type: (Any, Any) -> None
    ask, begin, aliases = hooks.accepts_kwargs, hooks.EventAliaser.__init__, dict(hooks.EVENT_ALIASES)
    answers, aliasers = {}, []  # type: dict, list

    def noting(handler):
        # type: (Any) -> Any
        answer = ask(handler)
        function = _function(handler)
        if function is not None:
            answers[function] = answer
        return answer

    def listing(self, *given, **named):
        # type: (Any, object, object) -> None
        begin(self, *given, **named)
        aliasers.append(self)

    hooks.accepts_kwargs, hooks.EventAliaser.__init__ = noting, listing
    try:
        rehearse()
    finally:
        hooks.accepts_kwargs, hooks.EventAliaser.__init__ = ask, begin
    met = [each._alias_name_cache for each in aliasers if each._event_aliases == aliases]
    names = {name: other for known in met for name, other in known.items() if name == other}

    def accepts_kwargs(handler):
        # type: (Any) -> Any
        function = _function(handler)
        return answers[function] if function in answers else ask(handler)

    def __init__(self, *given, **named):
        # type: (Any, object, object) -> None
        begin(self, *given, **named)
        if self._event_aliases == aliases:
            self._alias_name_cache.update(names)

    hooks.accepts_kwargs, hooks.EventAliaser.__init__ = accepts_kwargs, __init__


def _function(handler):
    # type: (Any) -> Any
    """What says which parameters a handler takes; None where it isn't as plain as that."""
    if type(handler) is types.MethodType:
        handler = handler.__func__
    return handler if type(handler) is types.FunctionType else None


def _copy_quickly(hooks):
    # type: (Any) -> None
    """Copies of all handlers, for a client."""
    node_list, new = hooks.NodeList, tuple.__new__
    theirs = hooks._PrefixTrie._recursive_copy

    def _recursive_copy(self, node):
        # type: (Any, Any) -> dict
        copied = {}
        for key, value in node.items():
            kind = type(value)
            if kind is dict:
                value = _recursive_copy(self, value)
            elif kind is node_list:
                value = new(node_list, [each[:] if type(each) is list else copy.copy(each) for each in value])
            elif isinstance(value, (dict, node_list)):
                return theirs(self, node)
            copied[key] = value
        return copied

    trie = hooks._PrefixTrie()
    for key in ("a", "a.b", "a.b.*.c", "d.*"):
        for section in range(3):
            trie.append_item(key, object(), section)
    if list(_nodes(theirs(trie, vars(trie)))) == list(_nodes(_recursive_copy(trie, vars(trie)))):
        hooks._PrefixTrie._recursive_copy = _recursive_copy


def _nodes(node):
    # type: (Any) -> Any
    """Every value in it, and of what type it is."""
    for key, value in node.items():
        yield key, type(value), value
        if isinstance(value, dict):
            for each in _nodes(value):
                yield each
