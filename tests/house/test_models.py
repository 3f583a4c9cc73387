"""Names come from AWS: every operation and every error code of a service stands in that service's own model."""

import ast
import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from samovar.wire import words

COMMON_CODES = {
    # Answered by every service, and listed in none of the models (AWS General Reference, "Common Errors"). The one code
    # of our own among them, NotImplementedException, says that Samovar doesn't do something yet.
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InternalFailure", "InvalidClientTokenId",
    "InvalidParameterValue", "ValidationError",
    "MissingAuthenticationToken", "NotImplementedException", "SerializationException", "SignatureDoesNotMatch",
    "ThrottlingException", "UnknownOperationException", "ValidationException",
}  # fmt: skip


class Names:
    """The folded operation names and the error codes of one service's model."""

    def __init__(self, model: dict) -> None:
        self.operations = {fold(name) for name in model["operations"]}
        self.codes = set()
        for name, shape in model["shapes"].items():
            if shape.get("exception"):
                self.codes |= {name, shape.get("error", {}).get("code", name)}


def fold(name: str) -> str:
    return name.replace("_", "").lower()


def service_of(folder: str) -> str:
    """`lambda_` -> `lambda`, `application_autoscaling` -> `application-autoscaling`: as boto3 names the client."""
    return folder.rstrip("_").replace("_", "-")


def load(service: str) -> Names:
    found = importlib.util.find_spec("botocore")
    assert found is not None and found.origin is not None
    [newest] = sorted((Path(found.origin).parent / "data" / service).glob("*/service-2.json.gz"))[-1:]
    names = Names(json.loads(gzip.decompress(newest.read_bytes())))
    names.codes |= set(words.of(service).errors)  # what the model has lost
    return names


def service_folder(module) -> str:
    parts = module.name.split(".")
    return parts[2] if parts[1:2] == ["services"] and len(parts) > 2 else ""


def unknown_codes(module, names: Names) -> list[str]:
    wrong = []
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AwsError" and node.args):
            continue
        code = node.args[0]
        if isinstance(code, ast.Constant) and code.value not in names.codes | COMMON_CODES:
            wrong.append(
                f"{module.path}:{node.lineno}: no error of this service is called {code.value}: an SDK would not know "
                "it. Take the shape's name from the service model"
            )
    return wrong


def unknown_operations(module, names: Names) -> list[str]:
    if "ops" not in module.name.split(".")[3:]:
        return []
    return [
        f"{module.path}:{node.lineno}: this service has no operation {node.name}. Public functions of ops are "
        "operations (core/service.py binds them all): name it as the model does, or begin a helper with an underscore"
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and fold(node.name) not in names.operations
    ]


@pytest.fixture
def lambda_names() -> Names:
    model = {
        "operations": {"CreateFunction": {}},
        "shapes": {"TooMany": {"exception": True, "error": {"code": "429"}}, "Plain": {"type": "string"}},
    }
    return Names(model)


def test_operations_and_error_codes_stand_in_the_service_model(house):
    wrong = []
    for folder in sorted({service_folder(module) for module in house} - {""}):
        names = load(service_of(folder))
        for module in house:
            if service_folder(module) == folder:
                wrong += unknown_codes(module, names) + unknown_operations(module, names)
    assert not wrong, "\n".join(wrong)


def test_an_invented_error_code_is_noticed(module, lambda_names):
    source = "\n".join(f"raise AwsError('{code}', 'x')" for code in ("TooMany", "429", "TooFew", "Plain"))
    wrong = unknown_codes(module("samovar.services.lambda_.state", source), lambda_names)
    assert [line.split(":")[1] for line in wrong] == ["3", "4"]
    assert "is called TooFew" in wrong[0]


def test_an_invented_operation_is_noticed(module, lambda_names):
    source = "async def create_function(): ...\ndef _helper(): ...\nasync def make_function(): ..."
    [wrong] = unknown_operations(module("samovar.services.lambda_.ops.function", source), lambda_names)
    assert "no operation make_function" in wrong
    assert unknown_operations(module("samovar.services.lambda_.state", source), lambda_names) == []


def test_the_models_are_found_under_the_folders_names():
    assert service_of("lambda_") == "lambda"
    assert service_of("application_autoscaling") == "application-autoscaling"
    assert "createfunction" in load("lambda").operations
    assert "ResourceNotFoundException" in load("logs").codes
