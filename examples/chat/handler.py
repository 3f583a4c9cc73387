"""A chat room behind a WebSocket API: whatever one client says, all hear.

Who is in the room stands in a bucket, one empty object per connection. The back end speaks to clients through the
management API, at the address of the API's stage.
"""

import json
import os

import boto3

BUCKET = os.environ["BUCKET"]
s3 = boto3.client("s3")


def handler(event, context):
    about = event["requestContext"]
    return ROUTES.get(about["routeKey"], unknown)(event, about)


def connect(event, about):
    name = (event.get("queryStringParameters") or {}).get("name", "")
    if not name:
        return {"statusCode": 400, "body": "Say who you are: ?name="}
    s3.put_object(Bucket=BUCKET, Key=about["connectionId"], Body=name.encode())
    return {"statusCode": 200}


def disconnect(event, about):
    name = name_of(about["connectionId"])
    s3.delete_object(Bucket=BUCKET, Key=about["connectionId"])
    tell_all(about, {"left": name})
    return {"statusCode": 200}


def say(event, about):
    text = str(json.loads(event["body"]).get("text", ""))
    tell_all(about, {"from": name_of(about["connectionId"]), "text": text})
    return {"statusCode": 200}


def who(event, about):
    return {"statusCode": 200, "body": json.dumps({"here": sorted(name_of(id) for id in present())})}


def unknown(event, about):
    help = 'Send {"action": "say", "text": ...} or {"action": "who"}.'
    return {"statusCode": 400, "body": json.dumps({"error": help})}


ROUTES = {"$connect": connect, "$disconnect": disconnect, "say": say, "who": who}


def present():
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def name_of(id):
    try:
        return s3.get_object(Bucket=BUCKET, Key=id)["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        return "somebody"


def tell_all(about, message):
    stage = f"https://{about['domainName']}/{about['stage']}"
    management = boto3.client("apigatewaymanagementapi", endpoint_url=stage)
    for id in present():
        try:
            management.post_to_connection(ConnectionId=id, Data=json.dumps(message).encode())
        except management.exceptions.GoneException:
            s3.delete_object(Bucket=BUCKET, Key=id)
