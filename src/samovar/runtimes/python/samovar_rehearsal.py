"""What `samovar_runtime.rehearse` imports and calls in place of a function."""


def handler(event, context):
    # type: (object, object) -> object
    return {"statusCode": 200, "event": event, "left_ms": context.get_remaining_time_in_millis()}  # type: ignore[attr-defined]
