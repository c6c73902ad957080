"""What AWS's front door says of a signature it does not take, in the words of each family of services.

Services that speak JSON have the names of the classes here (AWS: Common errors; IAM, "Troubleshoot SigV4 signing").
Those that speak the query protocol (STS, IAM) and S3 have names of their own for the same refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from agentcore_lab.errors import AwsError

Family = Literal["json", "query", "s3"]


class SignatureRefused(AwsError):  # noqa: N818 - a state, named as one
    """A request that is not signed as AWS wants it."""


class MissingAuthenticationTokenException(SignatureRefused):
    """Neither a signature nor a token (HTTP 403)."""

    code = "MissingAuthenticationTokenException"


class IncompleteSignatureException(SignatureRefused):
    """A part of the signature is missing, or cannot be read (HTTP 403)."""

    code = "IncompleteSignatureException"


class UnrecognizedClientException(SignatureRefused):
    """Nobody has this access key, or not with this session token (HTTP 403)."""

    code = "UnrecognizedClientException"


class ExpiredTokenException(SignatureRefused):
    """Temporary credentials whose time is over (HTTP 403)."""

    code = "ExpiredTokenException"


class InvalidSignatureException(SignatureRefused):
    """Another request than the one that was signed, another secret, another scope (HTTP 403)."""

    code = "InvalidSignatureException"


class SignatureTimeException(InvalidSignatureException):
    """Signed too long ago, or not yet (HTTP 403)."""


class ContentMismatchException(InvalidSignatureException):
    """The body is not the one whose hash the request names (HTTP 403)."""


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as one family tells it; ``message`` is None where it is the common one."""

    status: int
    code: str
    message: str | None = None


_MISSING = "Request is missing Authentication Token"
_NO_SUCH_KEY = "The AWS Access Key Id you provided does not exist in our records."
_TIME = "The difference between the request time and the current time is too large."

_TOLD: Mapping[Family, Mapping[type[AwsError], Told]] = MappingProxyType(
    {
        "query": {
            MissingAuthenticationTokenException: Told(403, "MissingAuthenticationToken", _MISSING),
            IncompleteSignatureException: Told(400, "IncompleteSignature"),
            UnrecognizedClientException: Told(403, "InvalidClientTokenId"),
            ExpiredTokenException: Told(403, "ExpiredToken"),
            InvalidSignatureException: Told(403, "SignatureDoesNotMatch"),
            SignatureTimeException: Told(403, "SignatureDoesNotMatch"),
            ContentMismatchException: Told(403, "SignatureDoesNotMatch"),
        },
        "s3": {
            MissingAuthenticationTokenException: Told(403, "AccessDenied", "Access Denied"),
            IncompleteSignatureException: Told(400, "AuthorizationHeaderMalformed"),
            UnrecognizedClientException: Told(403, "InvalidAccessKeyId", _NO_SUCH_KEY),
            ExpiredTokenException: Told(400, "ExpiredToken", "The provided token has expired."),
            InvalidSignatureException: Told(403, "SignatureDoesNotMatch"),
            SignatureTimeException: Told(403, "RequestTimeTooSkewed", _TIME),
            ContentMismatchException: Told(
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
        },
    }
)


def told(refusal: SignatureRefused, family: Family) -> Told:
    """How services of a family tell a refusal."""
    table = _TOLD.get(family, {})
    return table.get(type(refusal), Told(403, refusal.code))
