"""AWS's errors, raised where the fact is known.

An error here is the answer the caller will read: its class name is AWS's error code, its message is AWS's
message. The HTTP status is not here: the wire layer takes it from the service model (CONTRACT: section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

ValidationReason = Literal[
    "CannotParse",
    "FieldValidationFailed",
    "IdempotentParameterMismatchException",
    "EventInOtherSession",
    "ResourceConflict",
]


class AwsError(Exception):
    """An error with an AWS code, a message for the caller and the members AWS's error shape carries."""

    code: ClassVar[str] = "InternalServerException"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.members = members


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One entry of a ValidationException's ``fieldList``."""

    name: str
    message: str


class ValidationException(AwsError):  # noqa: N818 - AWS's name
    """The request does not satisfy the service model or a rule of the service (HTTP 400)."""

    code = "ValidationException"

    def __init__(
        self,
        message: str,
        *,
        reason: ValidationReason = "FieldValidationFailed",
        fields: tuple[InvalidField, ...] = (),
    ) -> None:
        members: dict[str, Any] = {"reason": reason}
        if fields:
            members["fieldList"] = [{"name": f.name, "message": f.message} for f in fields]
        super().__init__(message, **members)
        self.reason = reason
        self.fields = fields


class AccessDeniedException(AwsError):  # noqa: N818 - AWS's name
    """The caller may not do this (HTTP 403)."""

    code = "AccessDeniedException"


class UnauthorizedException(AwsError):  # noqa: N818 - AWS's name
    """The caller has not said who it is (HTTP 401); ``challenge`` tells how it could."""

    code = "UnauthorizedException"

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": challenge}


class ResourceNotFoundException(AwsError):  # noqa: N818 - AWS's name
    """The named resource does not exist (HTTP 404)."""

    code = "ResourceNotFoundException"


class ConflictException(AwsError):  # noqa: N818 - AWS's name
    """The resource's state does not allow this now; clients do not retry it (HTTP 409)."""

    code = "ConflictException"


class RetryableConflictException(AwsError):  # noqa: N818 - AWS's name
    """A session operation is in progress; clients retry it (HTTP 409)."""

    code = "RetryableConflictException"


class ServiceQuotaExceededException(AwsError):  # noqa: N818 - AWS's name
    """A quota of the account is used up (HTTP 402)."""

    code = "ServiceQuotaExceededException"


class DecryptionFailure(AwsError):  # noqa: N818 - AWS's name
    """A secret cannot be decrypted: its key is lost, or it was changed (HTTP 400)."""

    code = "DecryptionFailure"


class ThrottlingException(AwsError):  # noqa: N818 - AWS's name
    """Too many requests a second (HTTP 429)."""

    code = "ThrottlingException"


class RuntimeClientError(AwsError):
    """The agent's container failed: an error answer, an unhealthy /ping, a start that never ended (HTTP 424)."""

    code = "RuntimeClientError"


class InternalServerException(AwsError):  # noqa: N818 - AWS's name
    """The engine itself failed (HTTP 500)."""

    code = "InternalServerException"


class GatewayTimeoutException(AwsError):  # noqa: N818 - named as its siblings; AWS answers a bare 504
    """The agent took longer than the service waits (HTTP 504)."""

    code = "GatewayTimeoutException"


class MethodNotAllowedException(AwsError):  # noqa: N818 - AWS's name
    """The path exists, the method does not (HTTP 405)."""

    code = "MethodNotAllowedException"


class NotImplementedException(AwsError):  # noqa: N818 - an AWS-style name; AWS has no such error
    """A modelled operation that this engine does not answer yet (HTTP 501)."""

    code = "NotImplementedException"


class UnknownOperationException(AwsError):  # noqa: N818 - AWS's name
    """No operation has this method and path (HTTP 404)."""

    code = "UnknownOperationException"
