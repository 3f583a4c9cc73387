"""Which service and which operation a request means.

Owns: `Router`. Rules, first that applies: X-Amz-Target names an operation; so does the path of Smithy's own protocol
(`/service/S/operation/O`, told by `smithy-protocol`); the signature's scope names a service; so
does the host (`lambda.us-east-1.amazonaws.com`, `sts.localhost`); `Action=` names an operation of a query service; else
the path decides among the rest services that are here. Within a service the request's looks pick the protocol. Several
services may share a signing name, and are then asked in turn. A model is read when it is asked first: who says which
service is meant (`names`) waits for that one alone. What a look has led to is remembered (`recall`).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import msgspec

from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.wire import connections, names, rpcv2, text, words
from samovar.wire.buckets import BucketPaths, bucket_of_host, is_bucket_host
from samovar.wire.compile import PROTOCOLS, Operation, unspoken
from samovar.wire.model import Models, ServiceModel
from samovar.wire.sigv4 import Scope, credential, parse_credential

_ACTION = expression(rb"(?:^|&)Action=([^&]*)")
_FORM = "application/x-www-form-urlencoded"
_NAMES_OPERATION = frozenset(("x-amz-target", "smithy-protocol"))
_REMEMBERED = 1024
_LONGEST = 512

_Look = tuple[str, str, str, str]
"""Method, path, credentials (or `@` and the host), type of the body."""


class Match(msgspec.Struct, frozen=True):
    service: str
    operation: Operation
    labels: dict[str, str]
    """From the path, decoded, under their names in bytes."""
    scope: Scope | None
    base: str = ""
    """The part of the path that belongs to the address of the service."""


class Router:
    def __init__(self, models: Models, services: Iterable[str]) -> None:
        # S3 last: every path could be a bucket's.
        self._here = sorted(services, key=lambda name: name == "s3")
        self._models = models
        self._by_target: dict[str, str] = {}
        self._by_signing_name: dict[str, list[str]] = {}
        self._by_host: dict[str, list[str]] = {}
        for service in self._here:
            called = names.SERVICES.get(service) or models[service].names
            if called.target_prefix:
                self._by_target[called.target_prefix] = service
            self._by_signing_name.setdefault(called.signing_name, []).append(service)
            for name in {service, called.endpoint_prefix}:
                self._by_host.setdefault(name, []).append(service)
        self._paths: dict[str, Paths | BucketPaths | None] = {}
        self._remembered: dict[_Look, Match] = {}

    def serves(self, host: str) -> bool:
        """Whether a service is here, as host names spell it: by its name or its endpoint's (`sqs`, `monitoring`)."""
        return host in self._by_host

    def recall(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> Match | None:
        """What requests of this look have led to before; None where more than the look has a say."""
        if query or not _NAMES_OPERATION.isdisjoint(headers):
            return None
        return self._remembered.get(_look(method, path, headers))

    def resolve(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Match:
        """The operation that a request means. `path` and `query` are raw, header names in lower case.

        Raises AwsError: UnknownOperationException (InvalidAction in the query protocol), UnknownServiceException when
        the request names a service that isn't here, NotImplementedException for a protocol that isn't.
        """
        signed = parse_credential(credential(headers, query))
        if "x-amz-target" in headers:
            return self._by_x_amz_target(headers["x-amz-target"], signed)
        if "smithy-protocol" in headers:
            return self._by_smithy_path(f"smithy-{headers['smithy-protocol']}", path, signed)
        below = connections.split(path)
        if below is not None and self._is_connection(below[0], headers, signed):
            return self._connection(method, *below, signed)
        services = self._candidates(signed, headers)
        asked = path
        if services[:1] == self._by_host.get("s3"):
            bucket = bucket_of_host(headers.get("host", ""))
            path = f"/{bucket}{path}" if bucket else path
        models = [self._models[service] for service in services]
        action = _action(query, headers, body)
        for model in models:
            if action in model.operation_names and "query" in model.protocols:
                member = words.of(model.name).path_member
                labels = {member: path} if member and path != "/" else {}
                return Match(model.name, model.operation(action, "query"), labels, signed)
        for model in models:
            paths = self._paths_of(model)
            found = paths.find(method, path, query, headers) if paths else None
            if found:
                match = Match(model.name, model.operation(found[0]), found[1], signed)
                if not query and not _is_form(headers) and isinstance(paths, Paths):
                    self._remember(_look(method, asked, headers), match)
                return match
        if action:
            raise _unknown_action(action, models)
        raise AwsError("UnknownOperationException", f"No operation of {_names(services)} answers {method} {path}.")

    def _paths_of(self, model: ServiceModel) -> "Paths | BucketPaths | None":
        if model.name not in self._paths:
            rest = model.protocol in ("rest-json", "rest-xml")
            self._paths[model.name] = (model.bucket_paths() if model.name == "s3" else Paths(model)) if rest else None
        return self._paths[model.name]

    def _remember(self, look: _Look, match: Match) -> None:
        if sum(map(len, look)) > _LONGEST:
            return
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[look] = match

    def _candidates(self, signed: Scope | None, headers: Mapping[str, str]) -> list[str]:
        if signed is not None:
            found = self._by_signing_name.get(signed.service)
            if found is None:
                raise self._unknown_service(signed.service)
            return found
        host = headers.get("host", "")
        if "s3" in self._by_host and is_bucket_host(host):
            return self._by_host["s3"]
        return self._by_host.get(host.partition(".")[0], self._here)

    def _is_connection(self, base: str, headers: Mapping[str, str], signed: Scope | None) -> bool:
        here = connections.SERVICE in self._here
        return here and connections.is_address(base, headers.get("host", ""), signed.service if signed else "")

    def _connection(self, method: str, base: str, path: str, signed: Scope | None) -> Match:
        """An operation on a client of a WebSocket API, which are below the address of its stage."""
        model = self._models[connections.SERVICE]
        paths = self._paths_of(model)
        found = paths.find(method, path, "", {}) if paths else None
        if found is None:
            raise AwsError("UnknownOperationException", f"No operation answers {method} {base}{path}.")
        return Match(model.name, model.operation(found[0]), found[1], signed, base)

    def _by_x_amz_target(self, target: str, signed: Scope | None) -> Match:
        prefix, _, name = target.rpartition(".")
        service = self._by_target.get(prefix)
        if service is None:
            raise self._unknown_service(signed.service if signed else prefix)
        model = self._models[service]
        if name not in model.operation_names:
            raise AwsError("UnknownOperationException", f"{model.name} has no operation {name!r}.")
        return Match(model.name, model.operation(name, "json"), {}, signed)

    def _by_smithy_path(self, protocol: str, path: str, signed: Scope | None) -> Match:
        if protocol not in PROTOCOLS:
            raise unspoken(protocol)
        prefix, name = rpcv2.named(path)
        service = self._by_target.get(prefix)
        if service is None:
            raise self._unknown_service(signed.service if signed else prefix)
        model = self._models[service]
        if name not in model.operation_names or protocol not in model.protocols:
            raise AwsError("UnknownOperationException", f"{model.name} has no operation {name!r} in {protocol}.")
        return Match(model.name, model.operation(name, protocol), {}, signed)

    def _unknown_service(self, name: str) -> AwsError:
        return AwsError(
            "UnknownServiceException", f"The service {name!r} isn't on this server; {_names(sorted(self._here))} are."
        )


class _Node:
    """A place in the tree of paths: what may follow, and what ends here."""

    __slots__ = ("ends", "greedy", "label", "literal")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.ends: list[_End] = []


class _End(msgspec.Struct, frozen=True):
    operation: str
    labels: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    """Query parameters that the request must carry: `?List=ALL`, `?acl`."""


class Paths:
    """The paths of one service, as a tree of segments per method."""

    def __init__(self, model: ServiceModel) -> None:
        self._methods: dict[str, _Node] = {}
        for shape in model.shapes.values():
            self._add(shape.name, shape.http.method, shape.http.request_uri)

    def find(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
        """(operation, labels) for a raw path; a slash at the end is tolerated."""
        root = self._methods.get(method)
        if root is None:
            return None
        segments = path.split("/")
        if len(segments) > 2 and not segments[-1]:
            segments.pop()
        values: list[str] = []
        end = _walk(root, segments, 1, values, text.pairs(query) if query else [])
        if end is None:
            return None
        return end.operation, dict(zip(end.labels, [unquote(v) if "%" in v else v for v in values], strict=True))

    def _add(self, operation: str, method: str, uri: str) -> None:
        path, _, query = uri.partition("?")
        node = self._methods.setdefault(method, _Node())
        labels: list[str] = []
        segments = path.rstrip("/").split("/")[1:] or [""]
        for segment in segments:
            if segment.endswith("+}"):
                labels.append(segment[1:-2])
                node.greedy = node.greedy or _Node()
                node = node.greedy
            elif segment.startswith("{"):
                labels.append(segment[1:-1])
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literal.setdefault(segment, _Node())
        node.ends.append(_End(operation, tuple(labels), tuple(text.pairs(query))))
        node.ends.sort(key=lambda end: -len(end.constants))


def _walk(node: _Node, segments: list[str], at: int, values: list[str], query: list[tuple[str, str]]) -> _End | None:
    """The end that the segments from `at` lead to; literals go before labels, labels before greedy ones."""
    if at == len(segments):
        for end in node.ends:
            if not end.constants or all(constant in query for constant in end.constants):
                return end
        return None
    segment = segments[at]
    literal = node.literal.get(segment)
    if literal is not None:
        found = _walk(literal, segments, at + 1, values, query)
        if found:
            return found
    if not segment:
        return None
    depth = len(values)
    if node.label is not None:
        values.append(segment)
        found = _walk(node.label, segments, at + 1, values, query)
        if found:
            return found
        del values[depth:]
    if node.greedy is not None:
        for stop in range(len(segments), at, -1):
            values.append("/".join(segments[at:stop]))
            found = _walk(node.greedy, segments, stop, values, query)
            if found:
                return found
            del values[depth:]
    return None


def _look(method: str, path: str, headers: Mapping[str, str]) -> _Look:
    told = credential(headers, "")
    return method, path, told or f"@{headers.get('host', '')}", headers.get("content-type", "")


def _is_form(headers: Mapping[str, str]) -> bool:
    """Whether the body may have a say: in the query protocol, or as an object for S3."""
    return headers.get("content-type", "").startswith((_FORM, "multipart/form-data"))


def _action(query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The action that a query request names, in the form or in the query string."""
    if body and headers.get("content-type", "").startswith(_FORM):
        if headers.get("content-encoding") == "gzip":
            body = text.unzip(body)
        in_form = _ACTION.search(body)
        if in_form:
            return text.decode(in_form[1].decode(errors="replace"))
    return next((value for name, value in text.pairs(query) if name == "Action"), "") if "Action=" in query else ""


def _unknown_action(action: str, models: list[ServiceModel]) -> AwsError:
    """In the words of the query service among `models`, if there is one."""
    for model in models:
        if "query" in model.protocols:
            spoken = words.of(model.name).unknown_action
            return AwsError("InvalidAction", spoken.format(action=action, version=model.api_version))
    return AwsError("UnknownOperationException", f"{_names(model.name for model in models)} has no action {action!r}.")


def _names(services: Iterable[str]) -> str:
    return ", ".join(services) or "no service"
