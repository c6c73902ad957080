"""Refusing a request for a service that is not offered, in a form that service's clients can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from agentcore_lab.neighbours.catalogue import offered_in_words

CODE = "NotImplementedException"
STATUS = 501
"""Clients do not ask again after it."""

_REST_XML = frozenset({"cloudfront", "route53", "s3", "s3-outposts"})
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer: HTTP's headers and body."""

    headers: Mapping[str, str]
    body: bytes
    status: int = STATUS


def not_offered(service: str, headers: Mapping[str, str], request_id: str) -> Refusal:
    """The answer to a request for ``service``, in the protocol that the request speaks."""
    message = f"agentcore-lab does not offer {service}. Behind this address answer: {offered_in_words()}."
    return refusal(service, headers, CODE, message, request_id)


def refusal(
    service: str, headers: Mapping[str, str], code: str, message: str, request_id: str, status: int = STATUS
) -> Refusal:
    """An error of ``service`` in the protocol that a request with ``headers`` speaks.

    AWS's protocols show themselves: RPC's of JSON by the target, the query protocol by its form, Smithy's RPC by
    its header; the rest is REST, of JSON but for a few services (AWS: Smithy, AWS protocols).
    """
    tell = {"x-amzn-RequestId": request_id, "x-amzn-ErrorType": code}
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        tell |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Refusal(tell, _cbor({"__type": code, "message": message}), status)
    if service == "s3":
        return Refusal(tell | {"Content-Type": "application/xml"}, _error(code, message, request_id), status)
    if service == "ec2":
        return Refusal(tell | {"Content-Type": "text/xml"}, _ec2(code, message, request_id), status)
    if kind == _FORM or service in _REST_XML:
        return Refusal(tell | {"Content-Type": "text/xml"}, _query(code, message, request_id), status)
    is_rpc = "X-Amz-Target" in headers
    told = {"__type": code, "message": message} if is_rpc else {"message": message}
    tell["Content-Type"] = "application/x-amz-json-1.1" if is_rpc else "application/json"
    return Refusal(tell, json.dumps(told).encode(), status)


def _error(code: str, message: str, request_id: str) -> bytes:
    return (
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    ).encode()


def _query(code: str, message: str, request_id: str) -> bytes:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def _ec2(code: str, message: str, request_id: str) -> bytes:
    return (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    ).encode()


def _cbor(members: Mapping[str, str]) -> bytes:
    """A map of texts (RFC 8949: major types 5 and 3, two bytes of length)."""
    out = bytes([0xA0 | len(members)])
    for text in (text.encode() for pair in members.items() for text in pair):
        out += b"\x79" + len(text).to_bytes(2) + text
    return out
