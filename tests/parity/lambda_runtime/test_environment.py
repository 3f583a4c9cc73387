"""What a function finds around itself: variables, files, modules, user, context."""

import re
import time

import pytest

LOOK = """
    import getpass, os, pwd, resource, sys

    def handler(event, context):
        return {
            "environ": dict(os.environ),
            "path": sys.path,
            "cwd": os.getcwd(),
            "user": [os.getuid(), os.getgid(), os.geteuid(), os.getegid(), pwd.getpwuid(os.getuid()).pw_name],
            "groups": os.getgroups(),
            "limits": [resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_NPROC)],
            "version": list(sys.version_info[:2]),
        }
"""


@pytest.fixture
def look(deploy):
    return deploy(LOOK)


def test_the_variables_are_those_of_lambda_and_no_others(look):
    """facts/lambda-runtime.md §2.1, "Recorded set"."""
    runtime = look.platform.client("lambda").get_function_configuration(FunctionName=look.name)["Runtime"]
    environ = look().result["environ"]
    stream = environ.pop("AWS_LAMBDA_LOG_STREAM_NAME")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST][0-9a-f]{32}", stream)
    trace = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1"
    assert re.fullmatch(trace, environ.pop("_X_AMZN_TRACE_ID"))
    assert all(environ.pop(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
    assert re.fullmatch("[0-9a-f]{32}", environ.pop("AWS_LAMBDA_METADATA_TOKEN"))
    # Those that AWS doesn't have: SDKs in the function then find this platform, and trust it under its APIs' names.
    assert environ.pop("AWS_ENDPOINT_URL") == "http://127.0.0.1:4566"
    bundles = {environ.pop(name) for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")}
    assert bundles == {"/var/runtime/ca-certs/bundle.pem"}
    assert environ.pop("NODE_EXTRA_CA_CERTS") == "/var/runtime/ca-certs/platform.pem"
    assert environ == {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_LAMBDA_METADATA_API": "127.0.0.1:9001",
        "AWS_LAMBDA_FUNCTION_NAME": look.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{look.name}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": "h.handler",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": (
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
        ),
        "PYTHONPATH": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "TZ": ":UTC",
        "PWD": "/var/task",
        "SHLVL": "0",
    }


def test_the_metadata_endpoint_names_the_zone_to_whoever_has_the_token(deploy):
    """facts/lambda-runtime.md §1, "Metadata endpoint"."""
    function = deploy("""
        import http.client, os

        def ask(method, token):
            connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_METADATA_API"])
            headers = {} if token is None else {"Authorization": token}
            connection.request(method, "/2026-01-15/metadata/execution-environment", headers=headers)
            answer = connection.getresponse()
            return [answer.status, answer.read().decode(), answer.headers["Cache-Control"]]

        def handler(event, context):
            token = "Bearer " + os.environ["AWS_LAMBDA_METADATA_TOKEN"]
            asked = ("GET", token), ("GET", None), ("GET", "Bearer \u00e9"), ("POST", token)
            return [ask(*each) for each in asked]
    """)
    good, *refused = function().result
    assert good == [200, '{"AvailabilityZoneID":"use1-az1"}', "private, max-age=43200, immutable"]
    assert [each[0] for each in refused] == [401, 401, 405]


def test_the_system_can_be_told(deploy):
    """Which programs read to choose a native library."""
    code = "import platform\ndef handler(event, context): return platform.freedesktop_os_release()['NAME']"
    assert deploy(code)().result


def test_the_users_variables_are_there_and_win_over_the_unreserved_ones(deploy):
    """facts/lambda-runtime.md §2.1, "Not reserved" and "Precedence"."""
    mine = {"COLOUR": "grün", "EMPTY": "", "LANG": "de_DE.UTF-8", "AWS_XRAY_CONTEXT_MISSING": "RUNTIME_ERROR"}
    environ = deploy(LOOK, Environment={"Variables": mine})().result["environ"]
    assert mine.items() <= environ.items()


def test_the_time_zone_of_the_configuration_is_honoured(deploy):
    """facts/lambda-runtime.md §2.1: `TZ` is accepted, honoured in AWS."""
    code = "import time\ndef handler(event, context): return time.strftime('%H:%M %Z', time.localtime(event))"
    assert deploy(code)(0).result == "00:00 UTC"
    assert deploy(code, Environment={"Variables": {"TZ": "Asia/Tokyo"}})(0).result == "09:00 JST"


def test_modules_are_looked_for_in_the_code_then_layers_then_the_runtime(look):
    """facts/lambda-runtime.md §2.2, "Python sys.path"; boto3 comes after what the user brings."""
    found = look().result
    lang = "python{}.{}".format(*found["version"])
    short = "python{}{}".format(*found["version"])
    assert found["path"] == [
        "/var/task",
        f"/opt/python/lib/{lang}/site-packages",
        "/opt/python",
        "/var/runtime",
        f"/var/lang/lib/{short}.zip",
        f"/var/lang/lib/{lang}",
        f"/var/lang/lib/{lang}/lib-dynload",
    ]


def test_it_runs_as_sbx_user1051_in_the_task_folder(look):
    """facts/lambda-runtime.md §2.2: user `sbx_user1051` (uid 993, gid 990), cwd /var/task."""
    found = look().result
    assert (found["cwd"], found["user"]) == ("/var/task", [993, 990, 993, 990, "sbx_user1051"])
    assert set(found["groups"]) <= {990}


def test_it_has_1024_descriptors_and_processes(look):
    """facts/lambda-runtime.md §2.2: 1024 file descriptors, 1024 processes and threads."""
    assert look().result["limits"] == [[1024, 1024], [1024, 1024]]


def test_only_tmp_can_be_written(deploy):
    """facts/lambda-runtime.md §2.2: /tmp read-write, everything else read-only."""
    function = deploy("""
        import errno, os

        def handler(event, context):
            said = {}
            for folder in event:
                try:
                    with open(os.path.join(folder, "new"), "w") as file:
                        file.write("x")
                    said[folder] = "written"
                except OSError as error:
                    said[folder] = errno.errorcode[error.errno]
            return said
    """)
    folders = ["/var/task", "/opt", "/var/runtime", "/var/lang", "/usr", "/etc", "/", "/var", "/run", "/mnt", "/proc"]
    said = function([*folders, "/tmp", "/var/tmp"]).result
    assert said.pop("/tmp") == "written"
    assert said.pop("/var/tmp") == "written"
    assert set(said) == set(folders)
    assert set(said.values()) <= {"EROFS", "EACCES", "ENOENT"}, said


def test_the_code_belongs_to_root_and_its_files_keep_their_modes(deploy):
    """facts/lambda-runtime.md §2.2: zip file modes are kept; /var/task is root:root 755."""
    function = deploy({
        "h.py": """
            import os, subprocess
            def handler(event, context):
                modes = {name: oct(os.stat("/var/task/" + name).st_mode & 0o777) for name in ("", "h.py", "tool")}
                return modes, subprocess.run(["/var/task/tool"], capture_output=True, text=True).stdout
        """,
        "tool": "#!/bin/sh\necho runs\n",
    }, modes={"tool": 0o755, "h.py": 0o644})
    assert function().result == [{"": "0o755", "h.py": "0o644", "tool": "0o755"}, "runs\n"]


def test_boto3_is_there_and_finds_this_platform(deploy):
    """facts/lambda-runtime.md §2.2: boto3 is bundled. Its clients reach the platform by AWS_ENDPOINT_URL."""
    function = deploy("""
        import boto3
        def handler(event, context):
            identity = boto3.client("sts").get_caller_identity()
            names = [f["FunctionName"] for f in boto3.client("lambda").list_functions()["Functions"]]
            return [identity["Account"], context.function_name in names]
    """, Timeout=20, MemorySize=512)
    assert function().result == ["123456789012", True]


def test_the_functions_own_packages_win_over_the_bundled_ones(deploy):
    """facts/lambda-runtime.md §2.2: function code and layers win over boto3; and over what the zygote has loaded."""
    function = deploy({
        "h.py": """
            import boto3, queue, six
            from my.queue import word
            def handler(event, context):
                return [boto3.mine, six.mine, queue.mine, word]
        """,
        "boto3/__init__.py": "mine = 'boto3'",
        "six.py": "mine = 'six'",
        "queue.py": "mine = 'queue'",
        "my/__init__.py": "",
        "my/queue.py": "word = 'nested'",
    })
    assert function().result == ["boto3", "six", "queue", "nested"]


def test_what_python_compiles_is_kept_where_the_function_says_and_nowhere_else(deploy):
    code = """
        import glob, importlib, sys

        def handler(event, context):
            default = sys.pycache_prefix, sys.dont_write_bytecode, glob.glob("/var/task/__pycache__/*")
            sys.pycache_prefix = "/tmp/compiled"
            importlib.import_module("other")
            return [*default, len(glob.glob("/tmp/compiled/var/task/other.*.pyc"))]
    """
    assert deploy({"h.py": code, "other.py": "", "unused.py": ""})().result == [None, False, [], 1]


def test_the_handler_may_be_in_a_package(deploy):
    """facts/lambda-runtime.md §8: split at the last dot, `/` becomes `.`."""
    files = {"app/__init__.py": "", "app/api/__init__.py": ""}
    files["app/api/main.py"] = "def run(event, context): return event"
    for handler in ("app.api.main.run", "app/api/main.run"):
        assert deploy(files, Handler=handler)({"n": 1}).result == {"n": 1}


def test_the_context_has_the_fields_of_awss(deploy):
    """facts/lambda-runtime.md §8, "Context"."""
    function = deploy("""
        def handler(event, context):
            fields = {name: getattr(context, name) for name in (
                "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
                "function_version", "invoked_function_arn", "client_context", "tenant_id")}
            fields["identity"] = [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]
            fields["left"] = context.get_remaining_time_in_millis()
            return fields
    """, Timeout=7, MemorySize=256)
    answer = function()
    found = answer.result
    assert 5000 < found.pop("left") <= 7000
    (stream,) = function.log()
    assert found == {
        "aws_request_id": answer.request_id,
        "log_group_name": f"/aws/lambda/{function.name}",
        "log_stream_name": stream,
        "function_name": function.name,
        "memory_limit_in_mb": "256",
        "function_version": "$LATEST",
        "invoked_function_arn": f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}",
        "client_context": None,
        "tenant_id": None,
        "identity": [None, None],
    }
    assert function(Qualifier="$LATEST").result["invoked_function_arn"].endswith(f":{function.name}:$LATEST")


def test_the_client_context_reaches_the_function(deploy):
    """facts/lambda-runtime.md §1, Lambda-Runtime-Client-Context; §8."""
    function = deploy("""
        def handler(event, context):
            given = context.client_context
            return [given.client.app_title, given.custom, given.env]
    """)
    encoded = "eyJjbGllbnQiOnsiYXBwX3RpdGxlIjoiVCJ9LCJjdXN0b20iOnsiYSI6IjEifSwiZW52Ijp7ImIiOiIyIn19"
    assert function(ClientContext=encoded).result == ["T", {"a": "1"}, {"b": "2"}]


def test_the_remaining_time_counts_down_to_the_timeout(deploy):
    """facts/lambda-runtime.md §1, Lambda-Runtime-Deadline-Ms: the end of the invocation."""
    function = deploy("""
        import time
        def handler(event, context):
            before = context.get_remaining_time_in_millis()
            time.sleep(0.2)
            return [before, context.get_remaining_time_in_millis()]
    """, Timeout=5)
    function()
    began = time.time()
    before, after = function().result
    assert 5000 - (time.time() - began) * 1000 - 50 <= before <= 5000
    assert 190 <= before - after < 2000


def test_every_installed_python_runs_its_own_functions(deploy, usable_pythons):
    """Each `python3.N` runs on that interpreter, never silently on another."""
    assert usable_pythons
    for runtime in usable_pythons:
        answer = deploy(LOOK, Runtime=runtime)()
        assert "python{}.{}".format(*answer.result["version"]) == runtime
        assert answer.result["environ"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"


def test_a_runtime_that_isnt_installed_is_refused_at_creation_and_the_answer_says_what_is_there(
    platform, usable_pythons
):
    """A clear error at CreateFunction naming what is there and how to add one."""
    missing = next(f"python3.{n}" for n in (14, 13, 12, 11, 10) if f"python3.{n}" not in usable_pythons)
    with pytest.raises(platform.client("lambda").exceptions.InvalidParameterValueException) as refused:
        platform.create("def handler(event, context): pass", Runtime=missing)
    message = refused.value.response["Error"]["Message"]
    assert missing in message
    assert all(runtime in message for runtime in usable_pythons), message
