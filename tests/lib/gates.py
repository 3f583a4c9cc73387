"""A gate through which tests let a streaming function in Node.js go on."""

from typing import Any

GATE = """
    // Waits until the test has opened a gate: a tag on the function itself, read through the platform's endpoint.
    async function gate(context, name) {
      const scope = '123456789012/20260101/us-east-1/lambda/aws4_request';
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
      const arn = encodeURIComponent(context.invokedFunctionArn);
      for (;;) {
        const tags = `${process.env.AWS_ENDPOINT_URL}/2017-03-31/tags/${arn}`;
        const answer = await fetch(tags, {headers: {authorization}});
        if ((await answer.json()).Tags[name]) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
"""


def open_for(client: Any, function: str, name: str) -> None:
    arn = client.get_function_configuration(FunctionName=function)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={name: "open"})
