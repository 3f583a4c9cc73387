"""The words of Elastic Load Balancing for what it refuses. Codes are the model's shapes; `wire` knows how they are
spelled in the query protocol (`LoadBalancerNotFound`)."""

from samovar.core.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def configuration(message: str) -> AwsError:
    return AwsError("InvalidConfigurationRequestException", message)


def bad_action(message: str) -> AwsError:
    return AwsError("InvalidLoadBalancerActionException", message)


def not_here(what: str) -> AwsError:
    """What AWS has and this server hasn't yet; it would change what the caller relies on, so it isn't ignored."""
    return AwsError("NotImplementedException", f"{what} isn't implemented by this server yet.")


def missing(kind: str) -> AwsError:
    """`kind` as AWS says it: `Load balancers`, `Target groups`, `Listeners`, `Rules`."""
    code = {
        "Load balancers": "LoadBalancerNotFoundException",
        "Target groups": "TargetGroupNotFoundException",
        "Listeners": "ListenerNotFoundException",
        "Rules": "RuleNotFoundException",
    }[kind]
    return AwsError(code, f"One or more {kind.lower()} not found")
