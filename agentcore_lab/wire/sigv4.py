"""Whether a request is what the holder of a key has signed: AWS's Signature Version 4, seen from the other side.

What is signed is put together by botocore's own signer, so that the two cannot differ.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote_plus

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import ReadOnlyCredentials

from agentcore_lab.wire.signature import SIGNATURE_PARAMETER, Head, Signature, query_parameters
from agentcore_lab.wire.signature_errors import (
    ContentMismatchException,
    ExpiredTokenException,
    InvalidSignatureException,
    SignatureTimeException,
    UnrecognizedClientException,
)

SKEW: Final = timedelta(minutes=5)
"""How far a signer's clock may be off (AWS: IAM, "Troubleshoot SigV4 signing")."""

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_STREAMING: Final = "STREAMING-"
_OF_S3: Final = frozenset({"s3", "s3-outposts", "s3-object-lambda", "s3express"})
_HASH: Final = "x-amz-content-sha256"
_KEYS_REMEMBERED: Final = 1000
_INVALID: Final = "The security token included in the request is invalid."
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_FORM: Final = "%Y%m%dT%H%M%SZ"


class Key(Protocol):
    """What was issued under an access key."""

    @property
    def secret_access_key(self) -> str:
        """The secret."""
        ...

    @property
    def session_token(self) -> str | None:
        """What temporary credentials come with."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When temporary credentials end."""
        ...


def check_key(signature: Signature, key: Key | None, now: datetime) -> Key:
    """The key, if it is one, with its session token, and its time is not over.

    Raises:
        UnrecognizedClientException: nobody has the key, or not with this session token.
        ExpiredTokenException: it was temporary.
    """
    if key is None or not _same(signature.session_token or "", key.session_token or ""):
        raise UnrecognizedClientException(_INVALID)
    if key.expires_at is not None and key.expires_at <= now:
        raise ExpiredTokenException("The security token included in the request is expired")
    return key


def check_scope(signature: Signature, services: Collection[str] | None, region: str | None) -> None:
    """Raise InvalidSignatureException unless it was signed for one of these services in this region; None: any."""
    faults = []
    if region is not None and signature.region != region:
        faults.append(f"Credential should be scoped to a valid region, not '{signature.region[:50]}'. ")
    if services is not None and signature.service not in services:
        faults.append(f"Credential should be scoped to correct service: '{min(services)}'. ")
    if faults:
        raise InvalidSignatureException("".join(faults))


def check_time(signature: Signature, now: datetime) -> None:
    """Raise SignatureTimeException unless it was signed about now, or by a presigned URL that has not expired."""
    shown = now.strftime(_FORM)
    if (latest := now + SKEW) < signature.signed_at:
        raise SignatureTimeException(
            f"Signature not yet current: {signature.moment} is still later than {latest.strftime(_FORM)} "
            f"({shown} + 5 min.)"
        )
    if signature.expires_in is not None:
        ends = signature.signed_at + timedelta(seconds=signature.expires_in)
        if ends < now:
            raise SignatureTimeException(
                f"Signature expired: {ends.strftime(_FORM)} is now earlier than {shown}"
            )
    elif (earliest := now - SKEW) > signature.signed_at:
        raise SignatureTimeException(
            f"Signature expired: {signature.moment} is now earlier than {earliest.strftime(_FORM)} "
            f"({shown} - 5 min.)"
        )


def unhashed_payload(signature: Signature, head: Head) -> str | None:
    """What stands for the body where its hash is not signed; None where it is, and the body must be read first.

    Of bodies that are signed chunk by chunk only the beginning of the chain is verified.
    """
    given = _given_hash(head)
    if given is not None and (given == UNSIGNED or given.startswith(_STREAMING)):
        return given
    return UNSIGNED if given is None and signature.presigned and signature.service in _OF_S3 else None


def check_signature(signature: Signature, head: Head, key: Key, payload: str) -> None:
    """Raise InvalidSignatureException unless ``key`` has signed exactly this.

    ``payload`` is the SHA-256 of the body in hexadecimal digits, or what ``unhashed_payload`` says.
    """
    given = _given_hash(head)
    if given is not None and given != payload:
        raise ContentMismatchException(_MISMATCH)
    signer = (_S3Signer if signature.service in _OF_S3 else _Signer)(signature, key.secret_access_key)
    try:
        expected = signer.sign(head, payload)
    except UnicodeEncodeError:
        raise InvalidSignatureException(_MISMATCH) from None
    if not _same(expected, signature.value):
        raise InvalidSignatureException(_MISMATCH)


def _given_hash(head: Head) -> str | None:
    return head.header(_HASH) or query_parameters(head.query).get("X-Amz-Content-Sha256")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


class _Signer(SigV4Auth):
    """botocore's signer, told which headers to sign, and when it is."""

    def __init__(self, signature: Signature, secret: str) -> None:
        super().__init__(ReadOnlyCredentials("", secret, None), signature.service, signature.region)
        self._what = signature
        self._secret = secret

    def sign(self, head: Head, payload: str) -> str:
        """The signature of a request."""
        # The scheme and the host of the URL are not part of what is signed.
        url = f"http://h{head.path}?{_canonical_query(head.query, presigned=self._what.presigned)}"
        request = AWSRequest(head.method, url, headers={"X-Amz-Content-SHA256": payload})
        request.context.update(timestamp=self._what.moment, head=head)
        canonical = self.canonical_request(request)
        signed: str = self.signature(self.string_to_sign(request, canonical), request)
        return signed

    def headers_to_sign(self, request: Any) -> Any:
        """Those that the signer names; botocore would leave some out that others sign."""
        wanted = set(self._what.signed_headers)
        headers = HTTPHeaders()
        for name, value in request.context["head"].headers:
            if (lower := name.lower()) in wanted:
                headers[lower] = value
        return headers

    def signature(self, string_to_sign: str, _request: Any) -> str:
        """With a key that is derived once a day."""
        key = _signing_key(self._secret, self._what.moment[:8], self._what.region, self._what.service)
        return hmac.new(key, string_to_sign.encode(), hashlib.sha256).hexdigest()


class _S3Signer(_Signer, S3SigV4Auth):
    """S3's paths are encoded once, and not put right."""


@lru_cache(_KEYS_REMEMBERED)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_query(query: str, *, presigned: bool) -> str:
    """Every name and value encoded in the one way that AWS signs; a signature that is in it is left out."""
    signature = SIGNATURE_PARAMETER if presigned else None
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and (plain := unquote_plus(name)) != signature:
            pairs.append(f"{quote(plain, safe='-_.~')}={quote(unquote_plus(value), safe='-_.~')}")
    return "&".join(pairs)
