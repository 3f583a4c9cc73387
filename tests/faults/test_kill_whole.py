"""kill -9 while versions are published and REST APIs imported, each of many parts: all of it is there, or nothing."""

import json
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

pytestmark = [pytest.mark.root, pytest.mark.filterwarnings("ignore::ResourceWarning")]

ROUNDS = 4
LATEST_KILL_S = 0.3
PATHS = 40
CODE = "def handler(event, context): return {}"


def document(generation):
    """An API whose resources, methods and models all say which one it is."""
    method = {"x-amazon-apigateway-integration": {"type": "MOCK"}}
    return json.dumps({
        "openapi": "3.0.1",
        "info": {"title": "grown", "version": str(generation)},
        "paths": {f"/g{generation}n{number}": {"get": method} for number in range(PATHS)},
        "components": {"schemas": {f"G{generation}": {"type": "object"}}},
    }).encode()  # fmt: skip


class Grower(threading.Thread):
    """Takes one step after the other until the server dies; `possible` is what may be there then."""

    def __init__(self, step, possible):
        super().__init__()
        self._step = step
        self.possible = set(possible)
        self.begun = threading.Event()
        self.wrong = None

    def run(self):
        number = max(self.possible)
        try:
            while True:
                number += 1
                self.possible = {number - 1, number}
                self._step(number)
                self.possible = {number}
                self.begun.set()
        except BotoCoreError:
            pass  # the server is gone
        except ClientError as error:
            self.wrong = error


def publish(function):
    def step(number):
        function.update(CODE.format(number))
        found = function.platform.client("lambda").publish_version(FunctionName=function.name)
        assert found["Version"] == str(number)

    return step


def overwrite(platform, api):
    def step(generation):
        platform.client("apigateway").put_rest_api(restApiId=api, mode="overwrite", body=document(generation))

    return step


def published(function):
    """The number of the last version; each runs its own code."""
    versions = function.platform.client("lambda").list_versions_by_function(FunctionName=function.name)["Versions"]
    numbers = [int(each["Version"]) for each in versions if each["Version"] != "$LATEST"]
    assert numbers == list(range(1, len(numbers) + 1))
    active = function.platform.client("lambda").get_waiter("published_version_active")
    for number in numbers[-2:]:
        active.wait(FunctionName=function.name, Qualifier=str(number), WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
        assert function(Qualifier=str(number)).result == number
    return len(numbers)


def generation(platform, api):
    """The one that all parts of the API are of."""
    client = platform.client("apigateway")
    found = client.get_resources(restApiId=api, limit=500, embed=["methods"])["items"]
    paths = {each["path"] for each in found if "GET" in each.get("resourceMethods", {})}
    [model] = [each["name"] for each in client.get_models(restApiId=api)["items"] if each["name"].startswith("G")]
    assert paths == {f"/g{model[1:]}n{number}" for number in range(PATHS)}
    assert len(found) == PATHS + 1
    return int(model[1:])


def test_published_versions_and_imported_apis_are_whole_after_kill_minus_nine(start, tmp_path):
    platform = start(tmp_path, "--prefork", "1")
    name = platform.deploy(CODE.format(0)).name
    api = platform.client("apigateway").import_rest_api(body=document(0))["id"]
    versions, generations = {0}, {0}
    for _ in range(ROUNDS):
        steps = publish(platform.function(name)), overwrite(platform, api)
        growers = [Grower(step, there) for step, there in zip(steps, (versions, generations), strict=True)]
        for grower in growers:
            grower.start()
        for grower in growers:
            assert grower.begun.wait(60)
        time.sleep(random.uniform(0, LATEST_KILL_S))  # the point of the kill is random on purpose
        platform.process.kill()
        for grower in growers:
            grower.join()
            assert grower.wrong is None
        platform.forget()
        platform = start(tmp_path, "--prefork", "1")
        platform.function(name).settle("function_updated_v2")
        versions, generations = {published(platform.function(name))}, {generation(platform, api)}
        assert versions <= growers[0].possible
        assert generations <= growers[1].possible
    assert platform.stop() == 0, platform.said()
