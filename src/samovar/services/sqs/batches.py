"""What the three batch operations share (facts/sqs.md §2). Pure."""

import re
from collections.abc import Mapping, Sequence

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.wire import words

MOST = 10

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check(entries: Sequence[Params], shape: str) -> Sequence[Params]:
    """The entries of a batch; AwsError for what makes all of it fail."""
    if not entries:
        raise AwsError("EmptyBatchRequest", f"There should be at least one {shape} in the request.")
    if len(entries) > MOST:
        text = f"Maximum number of entries per request are {MOST}. You have sent {len(entries)}."
        raise AwsError("TooManyEntriesInBatchRequest", text)
    seen: set[str] = set()
    for entry in entries:
        id = entry["Id"]
        if not _ID.fullmatch(id):
            text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            raise AwsError("InvalidBatchEntryId", text + "It can be at most 80 letters long.")
        if id in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {id} repeated.")
        seen.add(id)
    return entries


def answer(successful: Sequence[Params], failed: Mapping[str, AwsError]) -> Params:
    """An empty list is left out."""
    told = [
        {"Id": id, "SenderFault": True, "Code": _code(error.code), "Message": error.message}
        for id, error in failed.items()
    ]
    return ({"Successful": successful} if successful else {}) | ({"Failed": told} if told else {})


def _code(shape: str) -> str:
    """As the query protocol calls it, also in JSON."""
    known = words.of("sqs").errors.get(shape)
    return known[0] if known else shape
