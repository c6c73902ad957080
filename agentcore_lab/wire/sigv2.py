"""S3's older presigned URLs, which boto3 makes unless it is told otherwise (AWS: Signature Version 2, query string).

botocore's own signer puts together what is signed.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote, urlsplit

from botocore.auth import HmacV1Auth
from botocore.awsrequest import HTTPHeaders
from botocore.credentials import ReadOnlyCredentials

from agentcore_lab.errors import AwsError
from agentcore_lab.wire.signature import Head, query_parameters
from agentcore_lab.wire.signature_errors import (
    InvalidSignatureException,
    SignatureTimeException,
    UnrecognizedClientException,
)
from agentcore_lab.wire.sigv4 import Key

_PARAMETERS = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_AS_HEADERS = ("content-type", "content-md5")


def access_key_in(head: Head) -> str | None:
    """The access key of an older presigned URL; None for any other request."""
    given = query_parameters(head.query)
    return given["AWSAccessKeyId"] if given.keys() >= _PARAMETERS else None


def check_presigned(head: Head, bucket: str, access_key_id: str, key: Key | None, now: datetime) -> None:
    """Raise unless ``key`` has signed this URL and it has not expired; ``bucket`` is the one the host name told.

    Raises:
        UnrecognizedClientException: nobody has the key.
        SignatureTimeException: its time is over.
        InvalidSignatureException: it is not what was signed.
    """
    if key is None:
        raise UnrecognizedClientException("The security token included in the request is invalid.")
    given = query_parameters(head.query)
    expires = given["Expires"]
    if not expires.isascii() or not expires.isdecimal() or len(expires) > 11:
        raise _mismatch()
    if datetime.fromtimestamp(int(expires), UTC) < now or (key.expires_at and key.expires_at <= now):
        raise SignatureTimeException("Request has expired")
    headers = HTTPHeaders()
    for name, value in given.items():
        if (lower := name.lower()) in _AS_HEADERS or lower.startswith("x-amz-"):
            headers[lower] = value
    signer = _Signer(ReadOnlyCredentials(access_key_id, key.secret_access_key, key.session_token), expires)
    path = f"/{quote(bucket)}{head.path}" if bucket else head.path
    url: Any = urlsplit(f"http://h{path}?{head.query}")
    expected: str = signer.get_signature(head.method, url, cast("Any", headers))
    if not hmac.compare_digest(expected.encode(), given["Signature"].encode(errors="replace")):
        raise _mismatch()


class _Signer(HmacV1Auth):
    """botocore's signer, told the moment that it signs in the place of a date."""

    def __init__(self, credentials: ReadOnlyCredentials, expires: str) -> None:
        super().__init__(cast("Any", credentials))
        self._expires_at = expires

    def _get_date(self) -> str:
        return self._expires_at


def _mismatch() -> AwsError:
    return InvalidSignatureException(
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )
