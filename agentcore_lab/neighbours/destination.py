"""Which service a request is for: the credential scope says it, else host, target and form do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

from agentcore_lab.neighbours.catalogue import OFFERED, OWN

Kind = Literal["own", "neighbour", "unoffered"]


@dataclass(frozen=True, slots=True)
class Destination:
    """Who answers. ``service`` is a signing name, ``bucket`` the one a host name told (S3, virtual-hosted style)."""

    kind: Kind
    service: str = ""
    bucket: str = ""


OURS = Destination("own")

_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/\d{8}/(?:[a-z0-9-]+/)?([a-z0-9-]+)/aws4_request")
"""A credential scope ends in service/aws4_request; SigV4A's has no region (AWS: Signature Version 4)."""

_SCOPE_REGION = re.compile(r"Credential=[^/,\s]+/\d{8}/([a-z0-9-]+)/[a-z0-9-]+/aws4_request")
_DOMAIN = re.compile(r"(?P<labels>.+?)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)(?::\d+)?", re.IGNORECASE)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_COGNITO_PATH = re.compile(r"/[a-z]{2}(?:-[a-z]+)+-\d_[0-9A-Za-z]+/\.well-known/[a-z.-]+/?")
_FORM = "application/x-www-form-urlencoded"


def destination(method: str, path: str, query: str, headers: Mapping[str, str]) -> Destination:
    """Who answers a request; ``path`` and ``query`` as received, ``headers`` without regard to case.

    What shows no service is the engine's own to answer, or to refuse.
    """
    bucket = _bucket(headers.get("Host", ""))
    service = (
        _signed_for(query, headers)
        or _hosted_by(headers.get("Host", ""))
        or _looks_like(method, path, headers)
    )
    if not service or service in OWN:
        return OURS
    if service not in OFFERED:
        return Destination("unoffered", service)
    return Destination("neighbour", service, bucket if service == "s3" else "")


def region_of(headers: Mapping[str, str]) -> str:
    """The region of a signed request's credential scope; empty if none is told."""
    found = _SCOPE_REGION.search(headers.get("Authorization", ""))
    return found[1] if found else ""


def _signed_for(query: str, headers: Mapping[str, str]) -> str:
    """The service of the signature, in a header or presigned; S3 alone still takes the older Signature Version 2."""
    said = headers.get("Authorization", "")
    if said.startswith("AWS4-"):
        found = _CREDENTIAL.search(said)
        return found[1] if found else ""
    if said.startswith("AWS "):
        return "s3"
    if "X-Amz-Credential=" in query:
        found = _CREDENTIAL.search("Credential=" + parse_qs(query)["X-Amz-Credential"][0])
        return found[1] if found else ""
    return "s3" if "AWSAccessKeyId=" in query and "Signature=" in query else ""


def _hosted_by(host: str) -> str:
    """The service of one of AWS's host names: the label before the region, or the first."""
    found = _DOMAIN.fullmatch(host)
    if not found:
        return ""
    labels = found["labels"].lower().split(".")
    if _bucket(host) or labels[0].startswith("s3"):
        return "s3"
    if len(labels) > 1 and _REGION.fullmatch(labels[-1]):
        labels.pop()
    name = labels[-1] if labels[-1] in OFFERED or labels[-1] in OWN else labels[0]
    return "ecr" if labels[-2:] in (["api", "ecr"], ["dkr", "ecr"]) else name


def _bucket(host: str) -> str:
    """The bucket that a virtual-hosted-style S3 name begins with (AWS: Virtual hosting of buckets)."""
    found = _DOMAIN.fullmatch(host)
    if not found:
        return ""
    bucket, dot, rest = found["labels"].partition(".s3.")
    if dot and _REGION.fullmatch(rest.removeprefix("dualstack.").lower()):
        return bucket
    return found["labels"].removesuffix(".s3") if found["labels"].endswith(".s3") else ""


def _looks_like(method: str, path: str, headers: Mapping[str, str]) -> str:
    """The service of a call that is not signed: some of Cognito's and STS's are not, nor S3's browser uploads."""
    target = headers.get("X-Amz-Target", "")
    for neighbour in OFFERED.values():
        if target.startswith(neighbour.targets or ("\0",)):
            return neighbour.name
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if method == "POST" and path == "/" and kind == _FORM:
        return "sts"
    if method == "GET" and _COGNITO_PATH.fullmatch(path):
        return "cognito-idp"
    return "s3" if method == "POST" and kind == "multipart/form-data" and path.count("/") == 1 else ""
