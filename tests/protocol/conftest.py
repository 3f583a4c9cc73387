"""What the protocol tests share: the models under test, and values generated from botocore's view of them."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import botocore.loaders
import botocore.model
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from samovar.wire.javaregex import JavaRegex
from samovar.wire.model import Models
from samovar.wire.route import Router

# Deterministic, so that a failure is the same everywhere; the health checks worry about generating from large models.
settings.register_profile(
    "protocol", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

THOROUGH = ("lambda", "logs", "sts")
GENERAL = ("sqs", "sns", "dynamodb", "iam", "events", "kinesis")

_ASCII = st.characters(codec="ascii", exclude_categories=["Cc"])
_PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), max_size=8)


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture(scope="session")
def router(models: Models) -> Router:
    return Router(models, [*THOROUGH, *GENERAL])


class Generator:
    """Strategies for shapes. `valid`: the model's constraints hold; `full`: no list, map or structure is empty."""

    def __init__(self, regex: JavaRegex, valid: bool, full: bool) -> None:
        self._regex = regex
        self._valid = valid
        self._full = full
        self._patterns: dict[tuple[str, int, int | None], st.SearchStrategy[str]] = {}

    def of(self, shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
        if getattr(shape, "is_document_type", False):
            return st.dictionaries(st.text("ab", max_size=2), st.integers(0, 9), max_size=2)
        kind = shape.type_name
        return getattr(self, f"_{kind}")(shape, depth)

    def _structure(self, shape: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        members = {n: m for n, m in shape.members.items() if not getattr(m, "is_eventstream", False)}
        if shape.is_tagged_union:
            flat = {n: m for n, m in members.items() if depth < 3 or _is_scalar(m)}
            return st.one_of([st.fixed_dictionaries({n: self._member(m, depth)}) for n, m in (flat or members).items()])
        always = [n for n in members if n in shape.required_members or _location(members[n]) == "statusCode"]
        sometimes = [n for n in members if n not in always and (depth < 3 or _is_scalar(members[n]))]
        made = st.fixed_dictionaries(
            {n: self._member(members[n], depth) for n in always},
            optional={n: self._member(members[n], depth) for n in sometimes},
        )
        return made.filter(bool) if self._full and depth and members else made

    def _member(self, shape: Any, depth: int) -> st.SearchStrategy[Any]:
        location = _location(shape)
        if location == "statusCode":
            return st.sampled_from([200, 202])
        free = not shape.metadata.get("enum") and not (self._valid and shape.metadata.get("pattern"))
        if location in ("uri", "header", "headers", "querystring") and shape.type_name == "string" and free:
            return self._sized(_PRINTABLE, shape)
        return self.of(shape, depth + 1)

    def _list(self, shape: Any, depth: int) -> st.SearchStrategy[list[Any]]:
        low, high = self._size(shape)
        # A list in a query string can't be told from none when it is empty.
        low = max(low, 1) if self._full or shape.serialization.get("location") else low
        return st.lists(self.of(shape.member, depth + 1), min_size=low, max_size=max(low, min(high, 2)))

    def _map(self, shape: Any, depth: int) -> st.SearchStrategy[dict[str, Any]]:
        low, high = self._size(shape)
        low = max(low, 1) if self._full else low
        key, value = self.of(shape.key, depth + 1), self.of(shape.value, depth + 1)
        return st.dictionaries(key, value, min_size=low, max_size=max(low, min(high, 2)))

    def _string(self, shape: Any, depth: int) -> st.SearchStrategy[str]:
        if not self._valid:
            return _TEXT
        if shape.metadata.get("enum"):
            return st.sampled_from(shape.metadata["enum"])
        if shape.metadata.get("pattern"):
            return self._matching(shape)
        return self._sized(_TEXT, shape)

    _character = _string

    def _matching(self, shape: Any) -> st.SearchStrategy[str]:
        low, high = self._size(shape)
        pattern = self._regex.compile(shape.metadata["pattern"])
        if pattern is None:
            return self._sized(_TEXT, shape)
        key = (shape.metadata["pattern"], low, high)
        if key not in self._patterns:
            if re.search(r"\\[pu]", shape.metadata["pattern"]):
                # A class that spans much of Unicode: building its strategy would take seconds.
                strategy = self._sized(st.text("ab0_", max_size=8), shape)
            else:
                strategy = st.from_regex(pattern, fullmatch=True, alphabet=_ASCII)
            self._patterns[key] = strategy.filter(
                lambda text: low <= len(text) <= high and bool(pattern.fullmatch(text))
            )
        return self._patterns[key]

    def _sized(self, strategy: st.SearchStrategy[str], shape: Any) -> st.SearchStrategy[str]:
        if not self._valid:
            return strategy
        low, high = self._size(shape)
        return strategy.map(lambda text: (text + "x" * low)[:high] if len(text) < low else text[:high])

    def _size(self, shape: Any) -> tuple[int, int]:
        if not self._valid:
            return 0, 1_000_000
        return int(shape.metadata.get("min") or 0), int(shape.metadata.get("max") or 1_000_000)

    def _integer(self, shape: Any, depth: int) -> st.SearchStrategy[int]:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        bound = 2**31 - 1 if shape.type_name == "integer" else 2**53
        if not self._valid:
            low = high = None
        return st.integers(-bound if low is None else int(low), bound if high is None else int(high))

    _long = _integer

    def _double(self, shape: Any, depth: int) -> st.SearchStrategy[float]:
        low, high = (shape.metadata.get("min"), shape.metadata.get("max")) if self._valid else (None, None)
        return st.floats(low, high, allow_nan=False, allow_infinity=False, width=32)

    _float = _double

    def _boolean(self, shape: Any, depth: int) -> st.SearchStrategy[bool]:
        return st.booleans()

    def _blob(self, shape: Any, depth: int) -> st.SearchStrategy[bytes]:
        low, high = self._size(shape)
        return st.binary(min_size=max(low, 1), max_size=max(low, min(high, 6)))

    def _timestamp(self, shape: Any, depth: int) -> st.SearchStrategy[float]:
        # Headers tell whole seconds; so does everything here, and milliseconds have a test of their own.
        return st.integers(0, 4_000_000_000).map(float)


def _location(shape: Any) -> str:
    return str(shape.serialization.get("location", ""))


def _is_scalar(shape: Any) -> bool:
    return shape.type_name not in ("structure", "list", "map")


@pytest.fixture(scope="session")
def botocore_model() -> Callable[[str], botocore.model.ServiceModel]:
    loader = botocore.loaders.Loader()
    loaded: dict[str, botocore.model.ServiceModel] = {}

    def load(service: str) -> botocore.model.ServiceModel:
        if service not in loaded:
            loaded[service] = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)
        return loaded[service]

    return load


@pytest.fixture(scope="session")
def generator() -> Callable[..., Generator]:
    made: dict[tuple[str, bool, bool], Generator] = {}
    regex = JavaRegex()

    def make(service: str, valid: bool, full: bool) -> Generator:
        return made.setdefault((service, valid, full), Generator(regex, valid, full))

    return make


def to_botocore(value: Any, shape: Any) -> Any:
    """Our values as botocore takes and gives them: times are datetimes."""
    if getattr(shape, "is_document_type", False):
        return value
    if shape.type_name == "timestamp":
        return datetime.datetime.fromtimestamp(value, datetime.UTC)
    if shape.type_name == "structure":
        return {name: to_botocore(item, shape.members[name]) for name, item in value.items()}
    if shape.type_name == "list":
        return [to_botocore(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: to_botocore(item, shape.value) for key, item in value.items()}
    return value


@pytest.fixture(scope="session", name="to_botocore")
def to_botocore_fixture() -> Callable[[Any, Any], Any]:
    return to_botocore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per operation of the services present, and of others as a proof that nothing is special about them."""
    if {"service", "operation"} <= set(metafunc.fixturenames):
        models = Models()
        cases = [(s, o) for s in (*THOROUGH, *GENERAL) for o in sorted(models[s].operation_names)]
        metafunc.parametrize(("service", "operation"), cases, ids=[f"{s}-{o}" for s, o in cases])
