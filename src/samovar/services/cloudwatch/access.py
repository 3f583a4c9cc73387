"""What CloudWatch's operations need to be allowed (service authorization reference, Amazon CloudWatch): metrics are no
resources, so it is all about `*`; a policy may ask for the namespace."""

from typing import Final

from samovar.core.access import Access, Given
from samovar.core.context import Context, Params


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    namespace = params.get("Namespace")
    return {"cloudwatch:namespace": str(namespace)} if namespace and operation == "PutMetricData" else {}


ACCESS: Final = Access("cloudwatch", facts=_facts)
