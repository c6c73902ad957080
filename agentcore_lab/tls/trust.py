"""A client's side of TLS: which variables make AWS's clients trust the authority and find the engine."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from certifi import where

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)

CERTIFICATE = "ca.pem"
BUNDLE = "bundle.pem"


def trusting(bundle: str, authority: str) -> dict[str, str]:
    """The variables by which clients find whom to trust.

    All but Node's *replace* what a client trusts: ``bundle`` must hold the public authorities too, ``authority`` is
    the engine's alone. boto3 and the AWS CLI read the first, Python's ssl, httpx, aiohttp, websockets and OpenSSL
    the second, requests the third, curl the fourth, Node the last.
    """
    return {
        "AWS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": authority,
    }


def through_proxy(url: str, region: str) -> dict[str, str]:
    """The variables that lead a client's HTTPS through the engine at ``url``, under AWS's own names.

    Plain HTTP, such as boto3's to the engine's own address, takes no such way. curl and Python want either spelling.
    """
    loopback = "localhost,127.0.0.1,::1"
    return {
        "HTTPS_PROXY": url,
        "https_proxy": url,
        "NO_PROXY": loopback,
        "no_proxy": loopback,
        "NODE_USE_ENV_PROXY": "1",
        # The SDK's helpers for WebSockets take no other host than one of AWS's.
        "BEDROCK_AGENTCORE_DP_ENDPOINT": f"https://bedrock-agentcore.{region}.amazonaws.com",
        "BEDROCK_AGENTCORE_CP_ENDPOINT": f"https://bedrock-agentcore-control.{region}.amazonaws.com",
    }


def client_variables(url: str, region: str, folder: Path) -> dict[str, str]:
    """What programs of this machine need to reach the engine at ``url`` under AWS's names; ``folder`` is its TLS's."""
    return {
        **through_proxy(url, region),
        **trusting(str(folder / BUNDLE), str(folder / CERTIFICATE)),
    }


def bundled(parts: Iterable[bytes]) -> bytes:
    """The certificates of several bundles, each once, in their order."""
    found = (match.strip() for part in parts for match in _CERTIFICATE.findall(part))
    return b"\n".join(dict.fromkeys(found)) + b"\n"


def public_authorities() -> bytes:
    """Whom programs of this machine trust: its own store, a company's too, and Mozilla's list."""
    places = (ssl.get_default_verify_paths().cafile, where())
    return bundled(Path(place).read_bytes() for place in places if place and Path(place).is_file())


def write_bundle(folder: Path, authority: bytes) -> Path:
    """The file that ``trusting`` wants for programs of this machine."""
    path = folder / BUNDLE
    draft = path.with_suffix(".tmp")
    draft.write_bytes(bundled([authority, public_authorities()]))
    draft.replace(path)
    return path
