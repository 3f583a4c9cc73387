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
    same.append(loader.load_data("endpoints") == read("endpoints"))
    return [ahead > 0, *same, boto3.DEFAULT_SESSION is None]
"""


def test_what_a_session_knows_without_reading_is_what_is_in_botocores_folders(deploy):
    assert deploy({"h.py": CODE})({}).value == [True] * 6


def test_a_functions_own_models_win(deploy):
    assert deploy({"h.py": CODE})({"folder": "/tmp/models"}).value == [0, "A queue of ours"]


def test_a_function_that_makes_no_client_is_not_charged_for_models(deploy):
    answer = deploy({"h.py": "def handler(event, context):\n    return event\n"})(1)
    used = re.search(r"Max Memory Used: (\d+) MB", answer.log)
    assert used is not None and int(used[1]) < 45
