"""AWS Lambda Powertools: one resolver per kind of event, the same routes on each; FRONT says which one it is."""

import json
import os
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    CORSConfig,
    LambdaFunctionUrlResolver,
    Response,
)
from aws_lambda_powertools.shared.cookies import Cookie

RESOLVERS = {
    "alb": ALBResolver,
    "http": APIGatewayHttpResolver,
    "rest": APIGatewayRestResolver,
    "url": LambdaFunctionUrlResolver,
}
cors = CORSConfig(allow_origin="https://app.example", allow_credentials=True)
front = os.environ["FRONT"]
options = {"decode_query_parameters": True} if front == "alb" else {}  # a load balancer leaves them as they were sent
app = RESOLVERS[front](cors=cors, **options)


def header(name):
    """Its value, whichever way the event has headers."""
    value = {key.lower(): each for key, each in app.current_event.resolved_headers_field.items()}.get(name, "")
    return value if isinstance(value, str) else ",".join(value)


@app.get("/items/<item>")
def item(item):
    query = app.current_event.resolved_query_string_parameters
    return {
        "item": item,
        "tags": query.get("tag"),
        "q": query.get("q", [""])[0],
        "agent": header("user-agent"),
        "host": header("host"),
        "ip": header("x-forwarded-for").rpartition(" ")[2],
        "method": app.current_event.http_method,
    }


@app.post("/json")
def json_body():
    return app.current_event.json_body, 201


@app.post("/form")
def form():
    body = app.current_event.decoded_body
    return {name: values[0] for name, values in parse_qs(body).items()}


@app.get("/binary")
def binary():
    return Response(200, "image/png", bytes(range(256)))


@app.get("/cookies")
def cookies():
    sent = header("cookie") or "; ".join(app.current_event.get("cookies") or [])
    pairs = dict(each.split("=") for each in sent.split("; ") if each)
    return Response(
        200, "application/json", json.dumps(pairs), cookies=[Cookie("a", "1", http_only=True), Cookie("b", "2")]
    )


@app.get("/redirect")
def redirect():
    return Response(302, headers={"Location": "/items/9"})


@app.delete("/nothing")
def nothing():
    return Response(204)


@app.get("/boom")
def boom():
    raise ValueError("boom")


def handler(event, context):
    return app.resolve(event, context)
