"""A signature as a request brings it: in the Authorization header, or in the query of a presigned URL.

AWS: "Signature Version 4 for API requests", authentication methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus

from agentcore_lab.wire.signature_errors import IncompleteSignatureException

ALGORITHM = "AWS4-HMAC-SHA256"
SIGNATURE_PARAMETER = "X-Amz-Signature"
_IN_QUERY = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", SIGNATURE_PARAMETER)
_TERMINATOR = "aws4_request"
_BASIC = "%Y%m%dT%H%M%SZ"
_BASIC_FORM = re.compile(r"\d{8}T\d{6}Z")
_MOST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Head:
    """What of a request a signature covers besides the body; ``path`` and ``query`` are as received, still encoded.

    Names of headers come in any case, and more than once.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """The first header of this name, which is in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says of who signed it, when, and what; ``moment`` is ``signed_at`` as the request has it.

    ``expires_in`` is in seconds, of a presigned URL alone.
    """

    access_key_id: str
    region: str
    service: str
    moment: str
    signed_at: datetime
    signed_headers: tuple[str, ...]
    value: str
    session_token: str | None
    expires_in: int | None = None

    @property
    def presigned(self) -> bool:
        """Whether it came in the query."""
        return self.expires_in is not None


def is_signed(head: Head) -> bool:
    """Whether a request brings a signature, good or bad; a bearer token is none."""
    authorization = head.header("authorization")
    if authorization is not None:
        return authorization.partition(" ")[0].lower() != "bearer"
    return bool(query_parameters(head.query).keys() & {"X-Amz-Algorithm", SIGNATURE_PARAMETER})


def signature_of(head: Head) -> Signature:
    """The signature of a request that brings one. Raises IncompleteSignatureException."""
    authorization = head.header("authorization")
    return _from_header(head, authorization) if authorization is not None else _from_query(head)


def query_parameters(query: str) -> dict[str, str]:
    """Names and values, decoded; of a name given twice, the last."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def _from_header(head: Head, text: str) -> Signature:
    algorithm, _, rest = text.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignatureException(f"Unsupported AWS 'algorithm': '{algorithm[:100]}'")
    given = dict(_pairs(rest))
    date = head.header("x-amz-date") or head.header("date")
    faults = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not given.get(name)
    ]
    if date is None:
        faults.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if faults or date is None:
        raise IncompleteSignatureException(f"{' '.join(faults)} Authorization={algorithm}")
    return _signature(given, date, head.header("x-amz-security-token"), None)


def _from_query(head: Head) -> Signature:
    given = query_parameters(head.query)
    if missing := [name for name in _IN_QUERY if not given.get(name)]:
        faults = " ".join(f"AWS query-string parameters must include '{name}'." for name in missing)
        raise IncompleteSignatureException(f"{faults} Re-examine the query-string parameters.")
    if given["X-Amz-Algorithm"] != ALGORITHM:
        raise IncompleteSignatureException(f"Unsupported AWS 'algorithm': '{given['X-Amz-Algorithm'][:100]}'")
    # Without it a signature in the query lasts no longer than one in a header.
    text = given.get("X-Amz-Expires", "300")
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:10]) <= _MOST_SECONDS:
        raise IncompleteSignatureException(
            f"X-Amz-Expires must be a number of seconds from 1 to {_MOST_SECONDS}, not '{text[:100]}'"
        )
    parts = {name: given[f"X-Amz-{name}"] for name in ("Credential", "SignedHeaders", "Signature")}
    return _signature(parts, given["X-Amz-Date"], given.get("X-Amz-Security-Token"), int(text))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        yield name, value


def _signature(
    given: Mapping[str, str], date: str, session_token: str | None, expires_in: int | None
) -> Signature:
    credential = given["Credential"].split("/")
    if len(credential) != 5:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{given['Credential'][:200]}'"
        )
    key_id, day, region, service, terminator = credential
    if terminator != _TERMINATOR:
        raise IncompleteSignatureException(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{terminator[:100]}'."
        )
    moment, signed_at = _moment(date)
    if day != moment[:8]:
        raise IncompleteSignatureException(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{day[:100]}' != '{moment[:8]}', from '{moment}'."
        )
    names = tuple(given["SignedHeaders"].lower().split(";"))
    if not {"host", ":authority"} & set(names):
        raise IncompleteSignatureException(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    return Signature(
        key_id, region, service, moment, signed_at, names, given["Signature"], session_token, expires_in
    )


def _moment(text: str) -> tuple[str, datetime]:
    """A date in ISO 8601's basic form, which the string to sign has, and the moment it is."""
    try:
        if _BASIC_FORM.fullmatch(text):
            return text, datetime.strptime(text, _BASIC).replace(tzinfo=UTC)
        moment = parsedate_to_datetime(text).astimezone(UTC)
        return moment.strftime(_BASIC), moment
    except (ValueError, TypeError, OverflowError) as error:
        raise IncompleteSignatureException(
            f"Date must be in ISO-8601 'basic format'. Got '{text[:100]}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error
