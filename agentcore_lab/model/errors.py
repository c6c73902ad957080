"""Errors that bedrock-runtime has and AgentCore has not; their HTTP status is the service model's."""

from __future__ import annotations

from agentcore_lab.errors import (
    AccessDeniedException,
    AwsError,
    InternalServerException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ThrottlingException,
    ValidationException,
)


class ModelErrorException(AwsError):  # noqa: N818 - AWS's name
    """The model failed on this request (HTTP 424)."""

    code = "ModelErrorException"


class ModelStreamErrorException(AwsError):  # noqa: N818 - AWS's name
    """The model failed while its answer was streamed."""

    code = "ModelStreamErrorException"


class ModelNotReadyException(AwsError):  # noqa: N818 - AWS's name
    """The model is still being made ready; clients retry it (HTTP 429)."""

    code = "ModelNotReadyException"


class ModelTimeoutException(AwsError):  # noqa: N818 - AWS's name
    """The model took too long (HTTP 408)."""

    code = "ModelTimeoutException"


class ServiceUnavailableException(AwsError):  # noqa: N818 - AWS's name
    """The model cannot be reached (HTTP 503)."""

    code = "ServiceUnavailableException"


ERRORS: dict[str, type[AwsError]] = {
    error.code: error
    for error in (
        AccessDeniedException,
        InternalServerException,
        ModelErrorException,
        ModelNotReadyException,
        ModelStreamErrorException,
        ModelTimeoutException,
        ResourceNotFoundException,
        ServiceQuotaExceededException,
        ServiceUnavailableException,
        ThrottlingException,
        ValidationException,
    )
}
"""By code: what a model's call may be answered with."""
