"""What a runtime's authorizer asks of the claims of a token whose signature is good (AWS: inbound-jwt-authorizer).

"If more than one is used, the authorizer will verify them all". AWS's sentences are those users report; where none is
known, the sentence is this project's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agentcore_lab.clock import Clock

EXPIRES_SOON = timedelta(seconds=60)
"""A token that expires within the next minute is refused (reported by AWS's own samples)."""

SKEW = timedelta(seconds=60)
"""How far an issuer's clock may be ahead; chosen here."""

_A_SECOND = timedelta(seconds=1)

Claims = Mapping[str, Any]
Authorizer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a token is refused: ``claim`` is the one at fault, the message a sentence."""

    claim: str
    message: str


def faults(claims: Claims, issuer: str, authorizer: Authorizer, clock: Clock) -> list[Fault]:
    """All that is wrong with a token for this authorizer; nothing if it is good."""
    return [
        *_issuer(claims, issuer),
        *_times(claims, clock),
        *_audience(claims, authorizer),
        *_client(claims, authorizer),
        *_scopes(claims, authorizer),
        *_custom(claims, authorizer),
    ]


def strings(value: Any) -> tuple[str, ...]:
    """A claim that may be one string or several."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(each for each in value if isinstance(each, str))
    return ()


def scopes(claims: Claims) -> tuple[str, ...]:
    """The scopes a token was given: words of one string (RFC 8693), or a list of them."""
    return tuple(word for each in strings(claims.get("scope")) for word in each.split())


def _issuer(claims: Claims, issuer: str) -> Iterator[Fault]:
    if claims.get("iss") != issuer:
        yield _mismatch("iss")


def _times(claims: Claims, clock: Clock) -> Iterator[Fault]:
    """Issuers keep the machine's time, the engine's clock may be ahead of it.

    A token lives as long as its issuer gave it from the moment it was issued, and that moment is what the engine's
    clock showed then.
    """
    try:
        issued, begins, ends = (_moment(claims, name) for name in ("iat", "nbf", "exp"))
    except (TypeError, ValueError, OverflowError, OSError):
        yield Fault("exp", "The token's times are none.")
        return
    now, base = clock.now(), issued or ends
    if ends is None or base is None:
        yield Fault("exp", "Claim 'exp' is missing.")
        return
    # Moments of tokens are whole seconds, rounded down: one issued just after the clock was set ahead is not older.
    shift = clock.at(base + _A_SECOND) - base - _A_SECOND
    if now >= ends + shift:
        yield Fault("exp", f"The token expired at {ends:%Y-%m-%dT%H:%M:%SZ}.")
    elif now >= ends + shift - EXPIRES_SOON:
        yield Fault("exp", f"The token expires within a minute, at {ends:%Y-%m-%dT%H:%M:%SZ}.")
    if begins is not None and now < begins + shift - SKEW:
        yield Fault("nbf", f"The token is not valid before {begins:%Y-%m-%dT%H:%M:%SZ}.")
    if issued is not None and now < issued + shift - SKEW:
        yield Fault("iat", f"The token was issued in the future, at {issued:%Y-%m-%dT%H:%M:%SZ}.")


def _moment(claims: Claims, name: str) -> datetime | None:
    seconds = claims.get(name)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(name)
    return datetime.fromtimestamp(seconds, UTC)


def _audience(claims: Claims, authorizer: Authorizer) -> Iterator[Fault]:
    allowed = authorizer.get("allowedAudience")
    if allowed and not set(allowed) & set(strings(claims.get("aud"))):
        yield _mismatch("aud")


def _client(claims: Claims, authorizer: Authorizer) -> Iterator[Fault]:
    """By ``client_id`` alone: ID tokens have none, and are refused for it (AWS: allowed clients; users report it)."""
    allowed = authorizer.get("allowedClients")
    if allowed and claims.get("client_id") not in allowed:
        yield _mismatch("client_id")


def _scopes(claims: Claims, authorizer: Authorizer) -> Iterator[Fault]:
    allowed = authorizer.get("allowedScopes")
    if allowed and not set(allowed) & set(scopes(claims)):
        yield _mismatch("scope")


def _custom(claims: Claims, authorizer: Authorizer) -> Iterator[Fault]:
    for rule in authorizer.get("customClaims") or ():
        name, match = rule["inboundTokenClaimName"], rule["authorizingClaimMatchValue"]
        if not _fits(claims.get(name), rule["inboundTokenClaimValueType"], match):
            yield Fault(name, f"Authorization denied: claim '{name}' does not fit the configuration.")


def _fits(value: Any, kind: str, match: Mapping[str, Any]) -> bool:
    wanted = match["claimMatchValue"]
    if kind == "STRING":
        return isinstance(value, str) and value == wanted.get("matchValueString")
    if not isinstance(value, list):
        return False
    several = match["claimMatchOperator"] == "CONTAINS_ANY"
    sought = wanted.get("matchValueStringList", ()) if several else (wanted.get("matchValueString"),)
    return any(each in value for each in sought if each is not None)


def _mismatch(claim: str) -> Fault:
    return Fault(claim, f"Claim '{claim}' value mismatch with configuration.")
