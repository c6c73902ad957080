"""Subprotocols of a WebSocket handshake, by which a browser, which can set no headers, brings its token.

AWS: ``Sec-WebSocket-Protocol: base64UrlBearerAuthorization.<token>, base64UrlBearerAuthorization`` (runtime-oauth).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

from agentcore_lab.errors import ValidationException

HEADER = "Sec-WebSocket-Protocol"
_BEARER = "base64UrlBearerAuthorization"


@dataclass(frozen=True, slots=True)
class Subprotocols:
    """What a client offers. ``others`` are the server's to choose from; ``encoded`` is the token, as it came."""

    others: tuple[str, ...]
    encoded: str | None
    bearer: bool

    def token(self) -> str | None:
        """The token, decoded. Raises ValidationException if it is none."""
        if self.encoded is None:
            return None
        try:
            token = b64decode(self.encoded + "=" * (-len(self.encoded) % 4), b"-_", validate=True).decode(
                "ascii"
            )
        except ValueError:
            token = ""
        if not token or not token.isprintable():
            raise ValidationException(f"The subprotocol {_BEARER} carries no token in base64url.")
        return token

    def chosen(self, by_server: str | None) -> str | None:
        """The one the client is told: the server's choice, or else the plain one of the token's two."""
        return by_server or (_BEARER if self.bearer else None)


def offered(headers: Mapping[str, str]) -> Subprotocols:
    """What the headers of a handshake offer."""
    names = [name.strip() for name in headers.get(HEADER, "").split(",")]
    tokens = [name.removeprefix(f"{_BEARER}.") for name in names if name.startswith(f"{_BEARER}.")]
    others = tuple(name for name in names if name and not name.startswith(_BEARER))
    return Subprotocols(others, tokens[0] if tokens else None, _BEARER in names)
