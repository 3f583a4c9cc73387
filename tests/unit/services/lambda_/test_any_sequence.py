"""Any sequence of valid requests: each is answered or refused as AWS would, and what is kept stays consistent."""

import random

import pytest

from samovar.core.errors import AwsError
from samovar.wire.model import Models

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
STEPS = 400
MODEL = Models()["lambda"]

FUNCTIONS = [
    *["f", "g"] * 4,
    *[f"{ARN}f", "function:f", "f:$LATEST", "f:1", "f:prod", "nobody", "123456789012:function:g"],
]
UNQUALIFIED = ["f", "g", "nobody", f"{ARN}f"]
QUALIFIERS = ["1", "2", "3", "007", "prod", "dev", "$LATEST"]
ALIASES = ["prod", "dev"]
VERSIONS = ["$LATEST", "1", "2", "3", "4", "007", "$LATEST.PUBLISHED"]
TEXTS = ["", "x" * 256, "é\N{GRINNING FACE}\n"]
ROUTINGS = [
    *[{}, {"AdditionalVersionWeights": {}}, {"AdditionalVersionWeights": {"1": 0.5, "2": 0.5}}],
    *[{"AdditionalVersionWeights": {number: weight}} for number in "123" for weight in (0.0, 0.3, 1.0)],
]
REVISIONS = ["present", "present", "stale"]
PAGES = {"Marker": ["%", "", "Zg==", "/w=="], "MaxItems": [1, 2, 50, 10000]}
RESOURCES = [
    *[f"{ARN}{name}" for name in ("f", "f", "g", "g", "nobody", "f:1", "f:prod")],
    f"{ARN.removesuffix('function:')}code-signing-config:csc-{'0' * 17}",
    f"{ARN.removesuffix('function:')}event-source-mapping:01234567-0123-0123-0123-0123456789ab",
    f"{ARN.removesuffix('function:')}capacity-provider:cp",
]
CONCURRENCY = [1, 5, 300, 900, 901, 2**31 - 1]

REQUESTS = {
    # operation: (always, sometimes); each member with the values to choose from
    "PublishVersion": (
        {"FunctionName": FUNCTIONS},
        {"Description": TEXTS, "CodeSha256": ["wrong"], "RevisionId": REVISIONS},
    ),
    "ListVersionsByFunction": ({"FunctionName": FUNCTIONS}, PAGES),
    "ListFunctions": ({}, {**PAGES, "FunctionVersion": ["ALL"], "MasterRegion": ["us-east-1", "ALL"]}),
    "GetFunction": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
    "GetFunctionConfiguration": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
    "UpdateFunctionConfiguration": (
        {"FunctionName": FUNCTIONS, "Timeout": [1, 2, 3, 900, 901]},
        {
            "Description": TEXTS,
            "Role": [f"arn:aws:iam::123456789012:role/{name}" for name in "rrrs"],
            "RevisionId": REVISIONS,
        },
    ),
    "DeleteFunction": ({"FunctionName": FUNCTIONS, "Qualifier": QUALIFIERS}, {}),
    "CreateAlias": (
        {"FunctionName": FUNCTIONS, "Name": ALIASES, "FunctionVersion": VERSIONS},
        {"Description": TEXTS, "RoutingConfig": ROUTINGS},
    ),
    "GetAlias": ({"FunctionName": FUNCTIONS, "Name": ALIASES}, {}),
    "UpdateAlias": (
        {"FunctionName": FUNCTIONS, "Name": ALIASES},
        {"FunctionVersion": VERSIONS, "Description": TEXTS, "RoutingConfig": ROUTINGS, "RevisionId": REVISIONS},
    ),
    "DeleteAlias": ({"FunctionName": FUNCTIONS, "Name": ALIASES}, {}),
    "ListAliases": ({"FunctionName": FUNCTIONS}, {**PAGES, "FunctionVersion": VERSIONS}),
    "TagResource": (
        {"Resource": RESOURCES, "Tags": [{}, {"a": ""}, {"é ": "x" * 256}, {str(number): "" for number in range(50)}]},
        {},
    ),
    "UntagResource": ({"Resource": RESOURCES, "TagKeys": [[], ["a", "a"], [str(number) for number in range(50)]]}, {}),
    "ListTags": ({"Resource": RESOURCES}, {}),
    "GetAccountSettings": ({}, {}),
    "PutFunctionConcurrency": ({"FunctionName": FUNCTIONS, "ReservedConcurrentExecutions": [0, *CONCURRENCY]}, {}),
    "GetFunctionConcurrency": ({"FunctionName": FUNCTIONS}, {}),
    "DeleteFunctionConcurrency": ({"FunctionName": FUNCTIONS}, {}),
    "PutProvisionedConcurrencyConfig": (
        {"FunctionName": FUNCTIONS, "Qualifier": QUALIFIERS, "ProvisionedConcurrentExecutions": CONCURRENCY},
        {},
    ),
    "GetProvisionedConcurrencyConfig": ({"FunctionName": FUNCTIONS, "Qualifier": QUALIFIERS}, {}),
    "DeleteProvisionedConcurrencyConfig": ({"FunctionName": FUNCTIONS, "Qualifier": QUALIFIERS}, {}),
    "ListProvisionedConcurrencyConfigs": ({"FunctionName": FUNCTIONS}, {"MaxItems": [1, 50]}),
    "PutFunctionRecursionConfig": ({"FunctionName": UNQUALIFIED, "RecursiveLoop": ["Allow", "Terminate"]}, {}),
    "GetFunctionRecursionConfig": ({"FunctionName": UNQUALIFIED}, {}),
    "PutRuntimeManagementConfig": (
        {"FunctionName": FUNCTIONS, "UpdateRuntimeOn": ["Auto", "Manual", "FunctionUpdate"]},
        {"Qualifier": QUALIFIERS, "RuntimeVersionArn": ["arn:aws:lambda:us-east-1::runtime:abc"]},
    ),
    "GetRuntimeManagementConfig": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
}
REFUSALS = (400, 403, 404, 409, 412, 501)


class Player:
    """Makes requests by chance, and knows what must be true after each."""

    def __init__(self, lab, seed):
        self.lab = lab
        self.chance = random.Random(seed)
        self.numbers = {}
        """Function -> the highest version number it has given."""

    def step(self):
        kind = self.chance.random()
        if kind < 0.05:
            self.create(self.chance.choice(["f", "g"]))
        elif kind < 0.15:
            self.publish(self.chance.choice(["f", "g"]))
        elif kind < 0.25:
            self.invoke()
        elif kind < 0.26:
            self.delete(self.chance.choice(["f", "g"]))
        elif kind < 0.28:
            self.restart()
        else:
            self.request()

    def create(self, name):
        publish = self.chance.random() < 0.5
        try:
            self.lab.create(name, Publish=publish)
        except AwsError as error:
            assert error.code == "ResourceConflictException"
            assert name in self.numbers
        else:
            self.numbers[name] = int(publish)

    def delete(self, name):
        self.ask("DeleteFunction", {"FunctionName": name})
        self.numbers.pop(name, None)

    def publish(self, name):
        """A new version if it can be."""
        if name in self.numbers:
            timeout = 1 + self.lab.call("GetFunctionConfiguration", FunctionName=name)["Timeout"] % 900
            self.lab.call("UpdateFunctionConfiguration", FunctionName=name, Timeout=timeout)
            self.lab.settle(name)
            self.ask("PublishVersion", {"FunctionName": name})

    def invoke(self):
        self.lab.draws[:] = [self.chance.random()]
        given = {"Qualifier": self.chance.choice(QUALIFIERS)} if self.chance.random() < 0.5 else {}
        try:
            answer = self.lab.invoke(self.chance.choice(FUNCTIONS), **given)
        except AwsError as error:
            assert error.code in ("ResourceNotFoundException", "InvalidParameterValueException")
        else:
            assert answer["ExecutedVersion"] == self.lab.engine.started[-1][0].version

    def restart(self):
        before = self.everything()
        self.lab.restart()
        assert self.everything() == before

    def request(self):
        operation = self.chance.choice(sorted(REQUESTS))
        always, sometimes = REQUESTS[operation]
        params = {member: self.chance.choice(values) for member, values in always.items()}
        params |= {m: self.chance.choice(values) for m, values in sometimes.items() if self.chance.random() < 0.4}
        if params.get("RevisionId") == "present" and "f" in self.numbers:
            params["RevisionId"] = self.lab.call("GetFunctionConfiguration", FunctionName="f")["RevisionId"]
        self.ask(operation, params)

    def ask(self, operation, params):
        """A valid request is answered in the model's shape, or refused with an error of the caller's."""
        wire = MODEL.operation(operation)
        wire.validate(params)
        try:
            answer = self.lab.call(operation, **params)
        except AwsError as error:
            assert wire.serialize_error(error, "id").status in REFUSALS, error
            return
        assert wire.serialize(answer, "id").status in (200, 201, 202, 204)
        if operation == "PublishVersion":
            name, number = answer["FunctionName"], int(answer["Version"])
            assert self.numbers[name] <= number <= self.numbers[name] + 1, "given again, or left out"
            self.numbers[name] = number
        if operation in ("PublishVersion", "UpdateFunctionConfiguration"):
            self.lab.settle(answer["FunctionName"])

    def check(self):
        assert {item["FunctionName"] for item in self.lab.call("ListFunctions")["Functions"]} == self.numbers.keys()
        reserved, provisioned = {}, {}
        for name in self.numbers:
            there = {item["Version"] for item in self.lab.call("ListVersionsByFunction", FunctionName=name)["Versions"]}
            for alias in self.lab.call("ListAliases", FunctionName=name)["Aliases"]:
                weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
                assert {alias["FunctionVersion"], *weights} <= there, "an alias of a version that has gone"
            function = self.lab.call("GetFunction", FunctionName=name)
            assert function["Configuration"]["State"] == "Active"
            if "Concurrency" in function:
                reserved[f"{ARN}{name}"] = function["Concurrency"]["ReservedConcurrentExecutions"]
            for config in self.lab.call("ListProvisionedConcurrencyConfigs", FunctionName=name)[
                "ProvisionedConcurrencyConfigs"
            ]:
                provisioned[config["FunctionArn"]] = config["RequestedProvisionedConcurrentExecutions"]
        assert self.lab.engine.reserved == reserved
        asked = {arn: sum(units for _, units in shares) for arn, shares in self.lab.engine.provisions.items()}
        assert asked == provisioned
        shared = [units for arn, units in provisioned.items() if arn.rpartition(":")[0] not in reserved]
        limits = self.lab.call("GetAccountSettings")["AccountLimit"]
        assert limits["UnreservedConcurrentExecutions"] == 1000 - sum(reserved.values()) - sum(shared) >= 100

    def everything(self):
        listed = self.lab.call("ListFunctions", FunctionVersion="ALL")["Functions"]
        return [
            listed,
            *(self.lab.call("ListAliases", FunctionName=name) for name in self.numbers),
            *(self.lab.call("GetFunctionConfiguration", FunctionName=item["FunctionArn"]) for item in listed),
        ]


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_valid_requests_is_answered_and_leaves_everything_consistent(lab, seed):
    player = Player(lab, seed)
    for _ in range(STEPS):
        player.step()
        player.check()
