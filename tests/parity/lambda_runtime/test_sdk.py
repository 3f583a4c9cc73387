"""boto3 as functions find it: what was read ahead for them is what they would have read."""

import re

CODE = """
import json, os
import boto3, botocore, botocore.loaders

DATA = os.path.join(os.path.dirname(botocore.__file__), "data")

def read(*path):
    return botocore.loaders.JSONFileLoader().load_file(os.path.join(DATA, *path))

def handler(event, context):
    if event.get("folder"):
        os.environ["AWS_DATA_PATH"] = event["folder"]
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    ahead = len(loader._cache)
    if event.get("folder"):
        os.makedirs("/tmp/models/sqs/2012-11-05", exist_ok=True)
        model = read("sqs", "2012-11-05", "service-2")
        model["metadata"]["serviceFullName"] = "A queue of ours"
        with open("/tmp/models/sqs/2012-11-05/service-2.json", "w") as file:
            json.dump(model, file)
        return [ahead, loader.load_service_model("sqs", "service-2")["metadata"]["serviceFullName"]]
    same = [
        loader.load_service_model(name, "service-2") == read(name, version, "service-2")
        for name, version in [("sqs", "2012-11-05"), ("sns", "2010-03-31"), ("kinesis", "2013-12-02")]
    ]
    same.append(json.dumps(loader.load_data("endpoints")) == json.dumps(read("endpoints")))
    return [ahead > 0, *same, boto3.DEFAULT_SESSION is None]
"""

SERVICES = """
import copy, json, os, pickle
import botocore.loaders, botocore.session

WAYS = {
    "equal": lambda s: s, "dict": dict, "unpacked": lambda s: {**s}, "update": lambda s: (new := {}, new.update(s))[0],
    "copy": lambda s: s.copy(), "shallow": copy.copy, "deep": copy.deepcopy,
    "pickle": lambda s: pickle.loads(pickle.dumps(s)),
    "key": lambda s: {name: s[name] for name in s}, "get": lambda s: {name: s.get(name) for name in s.keys()},
    "items": lambda s: dict(s.items()), "values": lambda s: dict(zip(s, s.values())), "or": lambda s: s | {},
    "or, after": lambda s: {} | s, "text": lambda s: eval(repr(s)), "json": lambda s: json.loads(json.dumps(s)),
    "setdefault": lambda s: {name: s.setdefault(name, 1) for name in s},
    "pop": lambda s: {name: s.pop(name) for name in [*s]}, "popitem": lambda s: dict(s.popitem() for _ in [*s]),
}

def services(loader):
    return loader.load_data("endpoints")["partitions"][0]["services"]

def handler(event, context):
    folder = os.path.join(os.path.dirname(botocore.__file__), "data")
    read = services(botocore.loaders.Loader([folder], include_default_search_paths=False))
    read = json.loads(json.dumps(read))
    differ = []
    for name, way in WAYS.items():
        if os.fork() == 0:  # the next way finds it as it was
            os._exit(way(services(botocore.session.Session().get_component("data_loader"))) != read)
        if os.wait()[1]:
            differ.append(name)
    return [len(read) > 100, differ]
"""


def test_what_a_session_knows_without_reading_is_what_is_in_botocores_folders(deploy):
    assert deploy({"h.py": CODE})({}).value == [True] * 6


def test_what_endpoints_tell_of_services_is_a_dict_like_any_other(deploy):
    assert deploy({"h.py": SERVICES}, Timeout=60)({}).value == [True, []]


def test_a_functions_own_models_win(deploy):
    assert deploy({"h.py": CODE})({"folder": "/tmp/models"}).value == [0, "A queue of ours"]


def test_a_function_that_makes_no_client_is_not_charged_for_models(deploy):
    answer = deploy({"h.py": "def handler(event, context):\n    return event\n"})(1)
    used = re.search(r"Max Memory Used: (\d+) MB", answer.log)
    assert used is not None and int(used[1]) < 45
