"""The chat room of `examples/chat`, deployed as its reader would: functions speak to clients that never asked."""

import importlib.util
from pathlib import Path
from urllib.parse import urlsplit

import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "chat"


@pytest.fixture
def room(platform, monkeypatch, api):
    """Makes clients in the room: `room("ada")`."""
    for name, value in {"ACCESS_KEY_ID": "123456789012", "SECRET_ACCESS_KEY": "any"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    spec = importlib.util.spec_from_file_location("chat_deploy", FOLDER / "deploy.py")
    assert spec is not None and spec.loader is not None
    deploy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(deploy)
    deployment = deploy.Deployment(platform.endpoint, "us-east-1")
    address = urlsplit(deployment.make())
    assert urlsplit(deployment.make()) == address  # brought up to date, where it is there
    caller = api()  # not the room's: only its way of connecting
    yield lambda name: caller.connect(f"{address.path}?name={name}", host=address.hostname)
    caller.clients.close()
    deployment.remove()
    deployment.remove()
    for client in (deployment.iam, deployment.s3, deployment.lambda_, deployment.api):
        client.close()


def test_what_one_says_all_hear(room):
    ada, ben = room("ada"), room("ben")
    assert ada.ask({"action": "who"}) == {"here": ["ada", "ben"]}
    ada.say({"action": "say", "text": "hello"})
    assert ada.hear() == ben.hear() == {"from": "ada", "text": "hello"}
    ben.close()
    assert ada.hear() == {"left": "ben"}
    assert ada.ask({"action": "who"}) == {"here": ["ada"]}
    assert "error" in ada.ask("what?")
