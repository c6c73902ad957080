"""A server's side of TLS: a certificate for whatever name a client asks for, made when it asks."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentcore_lab.tls.authority import Authority, new_key, private_pem
from agentcore_lab.tls.names import is_aws, is_local

_OWN = ["localhost", "127.0.0.1", "::1", "host.docker.internal"]
_KEPT = 256


def server_context(authority: Authority, now: datetime) -> ssl.SSLContext:
    """What a listener needs to speak TLS under AWS's names and this machine's.

    Clients that ask for no name, those that connect to an address, get a certificate for the machine's own. Any other
    name is refused in the handshake. ``now`` is the moment the certificates count from.
    """
    key = new_key()
    signed = lru_cache(maxsize=_KEPT)(
        lambda name: _context(authority.sign([name], key, now), private_pem(key))
    )
    default = _context(authority.sign(_OWN, key, now), private_pem(key))
    # typeshed leaves out that a callback may answer with an alert's number, or None for going on.
    default.sni_callback = _choosing(signed)
    return default


def _choosing(signed: Callable[[str], ssl.SSLContext]) -> Any:
    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name is None or name == _OWN[0]:
            return None
        if not (is_aws(name) or is_local(name)):
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = signed(name.lower())
        return None

    return choose


def _context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL takes them from a file alone: one that only this user can read, and that is gone at once.
    descriptor, path = tempfile.mkstemp(prefix="agentcore-lab-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key + certificate)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()
    return context
