"""The environment variables of a function, in AWS's order of precedence (facts/lambda-runtime.md §2.1).

Owns: names and values. The later of these wins: what the runtime sets for everyone < the user's < credentials <
runtime group < platform group. Reserved names can't be in the user's: the API refuses them.
"""

from collections.abc import Mapping, Sequence

from samovar.engine.model import SNAP_START, Version


def variables(
    version: Version,
    everyone: Mapping[str, str],
    endpoint_url: str,
    stream: str,
    paths: Sequence[str],
    given: Mapping[str, str],
) -> dict[str, str]:
    """`everyone`: what the runtime sets for all. `paths`: where the function finds its code and layers. `given`: its
    credentials (`credentials.variables`)."""
    task, opt = paths
    return {
        # On the host, without mounts, they are not /var/task and /opt.
        **{name: text.replace("/var/task", task).replace("/opt", opt) for name, text in everyone.items()},
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "AWS_ENDPOINT_URL": endpoint_url,
        **version.variables,
        **given,
        "_HANDLER": version.handler,
        **_log_names(version, stream),
        **_logging(version),
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": version.region,
        "AWS_DEFAULT_REGION": version.region,
        "AWS_LAMBDA_FUNCTION_NAME": version.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": version.initialization,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    }


def words(described: Mapping[str, str], *before: str) -> bytes:
    """As they are told to a runtime that waits: NAME=value, with a NUL between two."""
    return "\0".join([*before, *map("=".join, described.items())]).encode("utf-8", "surrogateescape")


def _log_names(version: Version, stream: str) -> dict[str, str]:
    """Functions with SnapStart have none: what was snapshot knows no stream ("Monitoring for Lambda SnapStart")."""
    if version.initialization == SNAP_START:
        return {}
    return {"AWS_LAMBDA_LOG_GROUP_NAME": version.log_group, "AWS_LAMBDA_LOG_STREAM_NAME": stream}


def _logging(version: Version) -> dict[str, str]:
    """Set for JSON only, and then what the user set doesn't count: the platform filters by the same level."""
    if version.log_format != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": version.application_log_level}


def extension_variables(given: Mapping[str, str]) -> dict[str, str]:
    """What of a function's variables its external extensions have: all but those of the runtime (the Lambda guide's
    list, and what only a language's client reads)."""
    return {name: text for name, text in given.items() if name not in _RUNTIME_ONLY}


_RUNTIME_ONLY = frozenset(
    (
        "AWS_EXECUTION_ENV AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_XRAY_CONTEXT_MISSING "
        "AWS_XRAY_DAEMON_ADDRESS LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT "
        "_HANDLER PYTHONPATH NODE_PATH LC_CTYPE PWD SHLVL"
    ).split()
)
