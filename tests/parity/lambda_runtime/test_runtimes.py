"""Which runtimes there are: custom ones in any language, deprecated ones, and ones with a program from the settings."""

import re
import shutil
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from samovar.engine.languages.dotnet import find_frameworks, search_path

NATIVE = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static char buffer[65536];

/* Sends a request and returns the answer's body; the request's id is copied to `id`. */
static char *ask(const char *request, char *id) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9001)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) exit(4);
    write(fd, request, strlen(request));
    size_t have = 0, length = 0;
    char *body = NULL;
    while (!body || have < (size_t)(body - buffer) + length) {
        ssize_t count = read(fd, buffer + have, sizeof buffer - 1 - have);
        if (count <= 0) exit(5);
        buffer[have += count] = 0;
        if (!body && (body = strstr(buffer, "\r\n\r\n"))) {
            body += 4;
            for (char *line = strchr(buffer, '\n') + 1; line < body; line = strchr(line, '\n') + 1) {
                if (!strncasecmp(line, "content-length:", 15)) length = atoi(line + 15);
                if (!strncasecmp(line, "lambda-runtime-aws-request-id:", 30)) sscanf(line + 30, " %36s", id);
            }
        }
    }
    close(fd);
    return body;
}

int main(void) {
    for (;;) {
        char id[64] = "", answer[32768], request[65536];
        char *event = ask("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", id);
        printf("called\n");
        fflush(stdout);
        snprintf(answer, sizeof answer, "{\"native\": %.32000s, \"handler\": \"%s\"}", event, getenv("_HANDLER"));
        snprintf(request, sizeof request,
                 "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                 id, strlen(answer), answer);
        ask(request, id);
    }
}
"""


@pytest.mark.root
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_static_binary_is_a_runtime(deploy, tmp_path):
    """As what Go and Rust compile to: it needs nothing of what is around it."""
    source, binary = tmp_path / "bootstrap.c", tmp_path / "bootstrap"
    source.write_text(NATIVE)
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", binary, source], check=True, timeout=60)
    function = deploy({"bootstrap": binary.read_bytes()}, Runtime="provided.al2023", modes={"bootstrap": 0o755})
    assert function({"a": [1]}).result == {"native": {"a": [1]}, "handler": "h.handler"}
    assert function("again").result["native"] == "again"
    assert any("called\n" in messages for messages in function.log().values())


@pytest.mark.root
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_a_shell_script_is_a_runtime(deploy):
    script = """\
        #!/bin/sh
        while true; do
          id=$(curl -sS -D - -o /tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" \\
            | tr -d '\\r' | sed -n 's/^lambda-runtime-aws-request-id: //ip')
          curl -sS -o /dev/null --data-binary @/tmp/event \\
            "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
        done
    """
    function = deploy({"bootstrap": script}, Runtime="provided.al2", modes={"bootstrap": 0o755})
    assert function({"a": "é"}).result == {"a": "é"}


@pytest.mark.root
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_a_runtime_is_told_what_it_may_not_say(deploy):
    """facts/lambda-runtime.md §1: an answer to another attempt, and what its state doesn't allow."""
    script = """\
        #!/bin/sh
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
        curl -sS -o /dev/null -D /tmp/head "$api/invocation/next"
        told() { tr -d '\\r' </tmp/head | sed -n "s/^lambda-runtime-$1: //ip"; }
        id=$(told aws-request-id)
        attempt="Lambda-Runtime-Invocation-Id: $(told invocation-id)"
        say() { curl -sS -w ' %{http_code} ' "$@" >>/tmp/said; }
        say -H 'Lambda-Runtime-Invocation-Id: another' -d 1 "$api/invocation/$id/response"
        say -d 1 "$api/invocation/another/response"
        say -d 1 "$api/init/error"
        say "$api/invocation/next"
        sed 's/"/|/g; s/^/"/; s/$/"/' /tmp/said | curl -sS -H "$attempt" --data-binary @- "$api/invocation/$id/response"
        curl -sS "$api/invocation/next"
    """
    function = deploy({"bootstrap": script}, Runtime="provided.al2023", modes={"bootstrap": 0o755})
    told = function().result.replace("|", '"')
    refused = "State transition from Running to {} failed for runtime. Error: State transition is not allowed"
    assert '{"errorMessage":"Invalid invocation ID","errorType":"InvalidInvocationId"} 400' in told
    assert '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"} 400' in told
    for wanted in ("InitError", "Ready"):
        assert f'{{"errorMessage":"{refused.format(wanted)}","errorType":"InvalidStateTransition"}} 403' in told


@pytest.mark.root
@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("#!/bin/sh\n", 0o644, "permission denied"),
        ("no program\x00", 0o755, "exec format error"),
        ("#!/nowhere/sh\n", 0o755, "no such file or directory"),
    ],
)
def test_a_bootstrap_that_cannot_be_started_says_why(deploy, text, mode, why):
    function = deploy({"bootstrap": text.encode()}, Runtime="provided.al2023", modes={"bootstrap": mode})
    kind, message = function().failure
    assert kind == "Runtime.InvalidEntrypoint"
    assert message.endswith(f" Error: fork/exec /var/task/bootstrap: {why}")


@pytest.mark.root
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize(("named", "told"), [("Runtime.Config", "Runtime.Config"), ("Mine", "Runtime.Unknown")])
def test_logs_tell_the_type_that_a_runtime_gives_in_the_header(deploy, named, told):
    """facts/lambda-runtime.md §1, "Error reports": the body goes to the invoker, the header to logs and telemetry."""
    script = f"""\
        #!/bin/sh
        curl -sS -o /dev/null -H "Lambda-Runtime-Function-Error-Type: {named}" \\
          --data-binary '{{"errorMessage":"m","errorType":"T"}}' \\
          "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"
        exit 1
    """
    function = deploy({"bootstrap": script}, Runtime="provided.al2023", modes={"bootstrap": 0o755})
    answer = function()
    assert answer.failure == ("T", "m")
    lines = [line for line in answer.log.splitlines() if line.startswith(("INIT_REPORT", "REPORT"))]
    assert all(line.endswith(f"\tStatus: error\tError Type: {told}") for line in lines), lines
    assert len(lines) == 3


@pytest.mark.root
@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_a_deprecated_runtime_is_taken_when_the_server_allows_it(platforms, platform):
    with pytest.raises(ClientError, match=r"The runtime parameter of nodejs12\.x is no longer supported for"):
        platform.create("", Runtime="nodejs12.x")
    server = platforms(
        "--ephemeral", "--allow-deprecated-runtimes", "--interpreters", f"nodejs12.x={shutil.which('node')}"
    )
    try:
        code = {"h.js": "exports.handler = async () => process.env.AWS_EXECUTION_ENV"}
        assert server.deploy(code, Runtime="nodejs12.x")().result == "AWS_Lambda_nodejs12.x"
    finally:
        assert server.stop() == 0


@pytest.mark.skipif(8 in find_frameworks(search_path()), reason="there is a .NET 8")
def test_a_runtime_that_is_not_here_is_refused_with_what_to_do(platform):
    with pytest.raises(ClientError, match=r"Runtime=provided\.al2023 .* brings Amazon\.Lambda\.RuntimeSupport"):
        platform.create("", Runtime="dotnet8")


def test_every_runtime_of_lambda_is_listed():
    listed = subprocess.run(
        [sys.executable, "-c", "from samovar.cli import main; main()", "runtimes"],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    here, _, missing = listed.partition("\n\n")
    marks = {line[5:].split()[0]: line[:3].strip() for line in here.splitlines()}
    absent = set(re.findall(r"[\w.]+", missing.partition("Each needs")[0]))
    assert {"python3.9", "nodejs22.x", "java21", "ruby3.4", "dotnet8", "provided.al2023"} <= marks.keys() | absent
    assert not marks.keys() & absent
    assert marks[f"python{sys.version_info[0]}.{sys.version_info[1]}"] == "yes"
    assert ("dotnet8" in marks) is (8 in find_frameworks(search_path()))
    assert all(len(line[5:].split(None, 1)[1]) > 5 for line in here.splitlines())
    assert "--interpreters" in missing and "restart" in missing
