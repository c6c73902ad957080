"""Which calls of the services beside AgentCore need no signature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs

from botocore.session import get_session


def may_be_unsigned(service: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether AWS answers anybody: what its models mark so, a user pool's keys, objects that may be public.

    Of S3 whoever answers looks at the object's own permissions; ``path`` begins with the bucket.
    """
    if service == "s3":
        return method in {"GET", "HEAD"} and len(path.strip("/").split("/", 1)) > 1
    if service == "sts":
        return parse_qs(body.decode(errors="replace")).get("Action", [""])[0] in _open_operations(service)
    if service == "cognito-idp":
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2]
        return operation in _open_operations(service) or (method == "GET" and "/.well-known/" in path)
    return False


@cache
def _open_operations(service: str) -> frozenset[str]:
    model = get_session().get_service_model(service)
    return frozenset(
        name for name in model.operation_names if model.operation_model(name).auth_type == "none"
    )
